"""Results of a contract check: test cases, what came of each, with the exchanges behind it, and the whole of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from nclue_contract.check.requests import Exchange, RequestSpec
from nclue_contract.check.rule_groups import RuleGroup, groups_of
from nclue_contract.contract.model import contract
from nclue_contract.contract.rules import Answer
from nclue_contract.validation.findings import Finding


class State(StrEnum):
    """State of a test case.

    `ADVISORY`: no response breaks the contract, but one is worth knowing. `INCONCLUSIVE`: requests were sent, but any response would have
    been right. `NOT_TESTED`: nothing was sent, or no response could be evaluated. The values are those of the JSON report; `label` is for
    people.
    """

    PASSED = "passed"
    FAILED = "failed"
    ADVISORY = "advisory"
    INCONCLUSIVE = "undecided"
    NOT_TESTED = "untested"

    @property
    def label(self) -> str:
        """Return the state in words."""
        return self.name.lower().replace("_", " ")


class Cause(StrEnum):
    """Why a test case is inconclusive or was not tested, for programs; the reason of its outcome says the same in words.

    `BUDGET`, `CREATE_LIMIT` and `RATE` are limits of the run, `ENDED_EARLY` is the end of the whole run, `NO_FAILING_FILE` is test data
    that was not named. `OBSERVATION`: requests were sent, or could not be, but what the case needs did not show.
    """

    BUDGET = "budget"
    CREATE_LIMIT = "create-limit"
    RATE = "rate"
    ENDED_EARLY = "ended-early"
    NO_FAILING_FILE = "no-failing-file"
    OBSERVATION = "observation"


NO_FAILING_FILE = "no task of this run has failed; --failing-file names a file with which tasks fail"
"""The reason of cases that need a file with which tasks fail, where none is named."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A pause of a script, in seconds, while other scripts go on."""

    seconds: float


Step = RequestSpec | tuple[RequestSpec, ...] | Wait
"""One request, several at the same moment, or a pause."""

Script = Generator[Step, Any, Any]
"""A running script: it yields steps, and is sent the exchange, a tuple of exchanges, or None."""


@dataclass(frozen=True, slots=True)
class Case:
    """A test case: a descriptive ID, the rule that it tests, and at most how many requests it sends, of which `posts` are POST requests.

    `script` gets the check session (`session.CheckSession`, which imports this module) and the case. A case without a script is decided by
    that of the case `decided_by`. `rank` orders the plan: the lowest first. A `positive` case sends a valid request, which should be
    accepted. A `background` case waits for time to pass, while others go on. A case that is not `selected` runs only because others depend
    on it.

    `needs_write_access`: it deletes tasks, or reads one that this run has created. `needs_failing_file`: it needs a file with which tasks
    fail. `needs` are the IDs of cases whose requests must have been sent before. `needs_tasks`: so many tasks of this run must exist, and
    `best_with_tasks`: with so many it shows more. Those that the cases before it do not create, it creates itself; `plan` adds them to
    its requests. `independent`: it compares nothing that other cases change, nothing that it creates disturbs them, and what it sends first
    depends on no responses to the cases before, except for what `assumes` returns for the session. So its requests may be sent while those
    of others are under way; if what it assumed has changed until the response is evaluated, it starts again. `readings_agree`: every
    reading expects the same response, although the rule depends on readings. `advisory`: no page forbids the server to accept the request,
    so that it gets an advisory for that, and does not fail. `controls` are the IDs of cases that show that nothing else is wrong with such
    a request: they run with a selection, too.
    """

    id: str
    rule: str
    script: Callable[[Any, Case], Script] | None = None
    decided_by: str = ""
    requests: int = 1
    posts: int = 0
    rank: int = 1
    positive: bool = False
    background: bool = False
    needs_write_access: bool = False
    needs_failing_file: bool = False
    needs: tuple[str, ...] = ()
    needs_tasks: int = 0
    best_with_tasks: int = 0
    controls: tuple[str, ...] = ()
    independent: bool = False
    assumes: Callable[[Any], object] = lambda _: None
    readings_agree: bool = False
    advisory: bool = False
    selected: bool = True

    @property
    def read_only(self) -> bool:
        """Return whether it can run where no task may be created or deleted."""
        return self.script is not None and not (self.posts or self.background or self.needs_write_access)

    @property
    def determines_readings(self) -> bool:
        """Return whether its responses can show how the server reads the documentation."""
        return bool(contract().rules[self.rule].readings) and not self.readings_agree


@dataclass(frozen=True, slots=True)
class Failure:
    """One way in which the server breaks the contract. `rule` is that of the case, or one that the response breaks by itself.

    `expected` are the responses that the contract allows, where the server gave another. A baseline can have `accepted` the failure. An
    `advisory` is worth knowing, but no statement of the pages forbids it.
    """

    case: str
    rule: str
    finding: Finding
    exchange: Exchange | None = None
    accepted: bool = False
    expected: tuple[Answer, ...] = ()
    advisory: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Return what identifies the failure in a baseline."""
        return self.case, self.rule

    @property
    def sentence(self) -> str:
        """Return the problem in words."""
        return self.finding.message


@dataclass(slots=True)
class Outcome:
    """Outcome of a test case. `reason` and `cause` are why it is inconclusive or not tested."""

    case: Case
    state: State = State.NOT_TESTED
    reason: str = ""
    failures: list[Failure] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    advisories: list[Failure] = field(default_factory=list)
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class StatusSample:
    """A status of a task in a response: when it came (milliseconds since 1970-01-01 UTC), of which task, and from which operation."""

    at_ms: int
    task_id: str
    status: str
    operation: str


@dataclass(frozen=True, slots=True)
class RuleRow:
    """Outcomes of the cases of one rule. `evaluated` counts the responses that were evaluated against a rule about responses."""

    rule: str
    counts: Mapping[State, int]
    evaluated: int = 0

    @property
    def state(self) -> State:
        """Return the state of the rule as a whole: failed if a case failed, else with an advisory if one has one, passed if one passed."""
        for state in (State.FAILED, State.ADVISORY, State.PASSED, State.INCONCLUSIVE):
            if self.counts[state]:
                return state
        return State.PASSED if self.evaluated else State.NOT_TESTED


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Result of a run.

    `mode` is what it was allowed to do, `seconds` how long it took, `cleanup_requests` how many requests were sent afterwards to delete
    tasks (`remaining_tasks` are the IDs of those that are left), `enough_accepted` whether enough valid create requests were accepted for
    a conclusive result, `stop_reason` why the run ended early. `relevant` are the cases that concerned a reading, `observations` what
    the responses showed of a reading that may still be open, `fixed` the failures of the baseline, as test case and rule, that no longer
    occur. `settings` is the settings file with the options from it, if any. With `fail_on_untested`, a case that was not tested fails the
    run.
    """

    target: str
    mode: str
    outcomes: Mapping[str, Outcome]
    readings: Mapping[str, tuple[str, ...]]
    pinned: Mapping[str, str]
    sources: Mapping[str, str]
    evidence: Mapping[str, tuple[str, ...]]
    evaluated: Mapping[str, int]
    status_samples: tuple[StatusSample, ...]
    requests: int
    create_requests: int
    seconds: float
    cleanup_requests: int = 0
    enough_accepted: bool = True
    remaining_tasks: tuple[str, ...] = ()
    stop_reason: str = ""
    settings: str = ""
    notes: tuple[str, ...] = ()
    relevant: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    observations: Mapping[str, str] = field(default_factory=dict)
    fixed: tuple[tuple[str, str], ...] = ()
    fail_on_untested: bool = False

    @property
    def failures(self) -> list[Failure]:
        """Return all failures in the order of the plan, those that a baseline accepts included."""
        return [failure for outcome in self.outcomes.values() for failure in outcome.failures]

    @property
    def advisories(self) -> list[Failure]:
        """Return all advisories in the order of the plan."""
        return [advisory for outcome in self.outcomes.values() for advisory in outcome.advisories]

    @property
    def broken(self) -> list[Failure]:
        """Return the failures that no baseline accepts."""
        return [failure for failure in self.failures if not failure.accepted]

    @property
    def known_failures(self) -> int:
        """Return the number of cases with failures that a baseline accepts, and no others."""
        return sum(bool(outcome.failures) and all(one.accepted for one in outcome.failures) for outcome in self.outcomes.values())

    @property
    def exit_code(self) -> int:
        """Return the exit code: 0 passed, 1 failed, 3 inconclusive."""
        if self.broken:
            return 1
        if self.stop_reason or not self.enough_accepted:
            return 3
        return 1 if self.untested_fail else 0

    @property
    def untested_fail(self) -> bool:
        """Return whether cases that were not tested fail the run."""
        return self.fail_on_untested and bool(self.counts[State.NOT_TESTED])

    @property
    def counts(self) -> Counter[State]:
        """Return the number of cases in each state."""
        return Counter(outcome.state for outcome in self.outcomes.values())

    @property
    def groups_not_tested(self) -> tuple[RuleGroup, ...]:
        """Return the groups of rules of which the plan has cases, but of which no request got a response that could be evaluated."""
        tested = {outcome.case.rule for outcome in self.outcomes.values() if outcome.state is not State.NOT_TESTED}
        tested |= {rule for rule, times in self.evaluated.items() if times}
        planned = groups_of(outcome.case.rule for outcome in self.outcomes.values())
        return tuple(group for group in planned if group not in groups_of(tested))

    def rows(self) -> list[RuleRow]:
        """Return a row for each rule that was tested, in the order of the codes."""
        counts: dict[str, Counter[State]] = {}
        for outcome in self.outcomes.values():
            own, states = outcome.case.rule, _states_by_rule(outcome)
            counts.setdefault(own, Counter())[states.get(own, State.PASSED if states else outcome.state)] += 1
            for rule, state in states.items():
                if rule != own:
                    counts.setdefault(rule, Counter())[state] += 1
        known = sorted({*counts, *self.evaluated})
        return [RuleRow(rule, counts.get(rule, Counter()), self.evaluated.get(rule, 0)) for rule in known if rule in contract().rules]


def _states_by_rule(outcome: Outcome) -> dict[str, State]:
    """Return the rules of which a case has failures that count, or advisories; empty for a case whose state is that of its own rule."""
    advised = dict.fromkeys((advisory.rule for advisory in outcome.advisories), State.ADVISORY)
    return advised | dict.fromkeys((failure.rule for failure in outcome.failures if not failure.accepted), State.FAILED)
