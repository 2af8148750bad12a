"""What a contract check says: per case passed, failed, undecided or untested, with the exchanges behind it; and the whole of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from nclue_contract.check.requests import Exchange, RequestSpec
from nclue_contract.contract.model import contract
from nclue_contract.contract.rules import Answer
from nclue_contract.validation.findings import Finding

if TYPE_CHECKING:
    from nclue_contract.check.session import CheckSession


class State(StrEnum):
    """`undecided`: whatever the server answered would have been right. `untested`: nothing was asked, or no answer could be judged."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "undecided"
    NOT_TESTED = "untested"


@dataclass(frozen=True, slots=True)
class Wait:
    """What a script yields to let time pass, in seconds, while others go on."""

    seconds: float


Step = RequestSpec | tuple[RequestSpec, ...] | Wait
"""One request, several at the same moment, or a pause."""

Script = Generator[Step, Any, Any]
"""What a case does: yields steps and is sent the exchange, a tuple of exchanges, or None."""


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that is checked: a telling ID, the rule it is about, how many requests it takes at most and how many of them are POSTs.

    `rank` orders the plan: the lowest first. A case without a script is decided by the script of another one, `by`. What is `positive`
    keeps every rule and should be taken; what goes on in the `background` waits for time to pass, while others go on.
    """

    id: str
    rule: str
    script: Callable[[CheckSession, Case], Script] | None = None
    by: str = ""
    requests: int = 1
    posts: int = 0
    rank: int = 1
    positive: bool = False
    background: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """One way in which the server breaks the contract. `rule` is what the case is about, or what the finding says of the answer itself.

    `expected` holds the responses that would have been right; empty when the failure is not about status and error code.
    """

    case: str
    rule: str
    finding: Finding
    exchange: Exchange | None = None
    accepted: bool = False
    expected: tuple[Answer, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """What a baseline remembers."""
        return self.case, self.rule

    @property
    def sentence(self) -> str:
        """What is wrong, in words."""
        return self.finding.message


@dataclass(slots=True)
class Outcome:
    """What came of a case. `reason` says why it is undecided or untested."""

    case: Case
    state: State = State.NOT_TESTED
    reason: str = ""
    failures: list[Failure] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class StatusSample:
    """A status of a task as somebody saw it: when (milliseconds since 1970-01-01 UTC), of which task, and by which operation."""

    at_ms: int
    task_id: str
    status: str
    operation: str


@dataclass(frozen=True, slots=True)
class RuleRow:
    """How the cases of one rule came out. `judged` counts the answers that were judged by a rule about answers."""

    rule: str
    counts: Mapping[State, int]
    judged: int = 0

    @property
    def state(self) -> State:
        """The rule as a whole: failed if a case failed, passed if one passed."""
        for state in (State.FAILED, State.PASSED, State.INCONCLUSIVE):
            if self.counts[state]:
                return state
        return State.PASSED if self.judged else State.NOT_TESTED


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Everything about a run.

    `mode` says what it was allowed to do, `seconds` how long it took, `cleanup_requests` how many requests were sent afterwards to delete
    tasks (`remaining_tasks` are the IDs of those that are left), `enough_accepted` whether enough valid create requests were accepted for
    a conclusive result, `stop_reason` why the run ended early.
    """

    target: str
    mode: str
    outcomes: Mapping[str, Outcome]
    readings: Mapping[str, tuple[str, ...]]
    pinned: Mapping[str, str]
    sources: Mapping[str, str]
    evidence: Mapping[str, tuple[str, ...]]
    judged: Mapping[str, int]
    status_samples: tuple[StatusSample, ...]
    requests: int
    creations: int
    seconds: float
    cleanup_requests: int = 0
    enough_accepted: bool = True
    remaining_tasks: tuple[str, ...] = ()
    stop_reason: str = ""
    notes: tuple[str, ...] = ()

    @property
    def failures(self) -> list[Failure]:
        """All failures, in the order of the plan; those of the baseline too."""
        return [failure for outcome in self.outcomes.values() for failure in outcome.failures]

    @property
    def broken(self) -> list[Failure]:
        """The failures that no baseline accepts."""
        return [failure for failure in self.failures if not failure.accepted]

    @property
    def exit_code(self) -> int:
        """0 the contract is kept, 1 it is broken, 3 could not tell."""
        return 1 if self.broken else 3 if self.stop_reason or not self.enough_accepted else 0

    @property
    def counts(self) -> Counter[State]:
        """How many cases came out how."""
        return Counter(outcome.state for outcome in self.outcomes.values())

    def rows(self) -> list[RuleRow]:
        """The matrix: a row for each rule that the check can judge, in the order of the codes."""
        counts: dict[str, Counter[State]] = {}
        for outcome in self.outcomes.values():
            broken = {failure.rule for failure in outcome.failures if not failure.accepted}
            state = State.PASSED if broken and outcome.case.rule not in broken else outcome.state
            counts.setdefault(outcome.case.rule, Counter())[state] += 1
            for rule in broken - {outcome.case.rule}:
                counts.setdefault(rule, Counter())[State.FAILED] += 1
        known = sorted({*counts, *self.judged})
        return [RuleRow(rule, counts.get(rule, Counter()), self.judged.get(rule, 0)) for rule in known if rule in contract().rules]
