"""Where the scripts of a contract check put what they see: every answer is judged here, and every verdict written down.

No request is sent here. A script yields what is to be sent (see `verdicts.Script`), is sent what came back, and hands that to the bench.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from nclue_contract.check.expectations import (
    GATEWAY,
    MISSING,
    Expectation,
    FixtureData,
    create_expectation,
    finding_of,
    fits,
    response_problems,
    response_readings,
)
from nclue_contract.check.inference import Inconsistency, ReadingInference
from nclue_contract.check.requests import Exchange, RequestSpec, create_request, value_of
from nclue_contract.check.results import Case, Failure, Outcome, State, StatusSample
from nclue_contract.check.server_clock import ServerClock, instant
from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Readings
from nclue_contract.contract.rules import Answer
from nclue_contract.signing import EXAMPLE, Credentials
from nclue_contract.validation.findings import Finding
from nclue_contract.validation.response import SUCCESS, format_answer, format_answers

PREFIX = "nclue-check"
"""What the names of all tasks of a check begin with, so that people know them."""

FAILURES_KEPT = 20
"""Failures of one case that are told; a server that is quite another thing breaks every rule in every answer."""

EXCHANGES_KEPT = 40
"""Exchanges of one case that a report can show."""


@dataclass(slots=True)
class CreatedTask:
    """A task that this run has made: what was sent, what createTask answered, and when (ms since 1970-01-01 UTC, our clock)."""

    task_id: str
    payload: dict[str, Any]
    shown: dict[str, Any]
    sent_ms: int
    deleted: bool = False


class CheckSession:
    """The state of a run.

    `run` is a short word that makes the names of its tasks unique, `prefix` the path that stands before `/tasks`, `now_ms` the clock of
    the sender in milliseconds since 1970-01-01 UTC. `exact_clock`: the server has the same. `lifecycle_s`: how long tasks are watched.
    """

    def __init__(  # noqa: PLR0913  # all but two by name
        self,
        readings: Readings,
        known: FixtureData,
        *,
        run: str,
        prefix: str,
        now_ms: Callable[[], int],
        credentials: Credentials = EXAMPLE,
        exact_clock: bool = False,
        strict: bool = False,
        lifecycle_s: float = 60.0,
    ) -> None:
        self.known = known
        self.run = run
        self.prefix = prefix
        self.now_ms = now_ms
        self.credentials = credentials
        self.clock: ServerClock = ServerClock(exact_clock)
        self.lifecycle_s = lifecycle_s
        self.strict = strict
        self.answered: Exchange | None = None
        """The answer to the control request."""
        self.answers_lost: bool = False
        """Whether a task may have been made whose ID nobody was told."""
        self.searches: bool = False
        """Whether the server has said of a file that it does not exist."""
        self.refusal_tried = False
        """Whether what such a refusal leaves behind was looked at."""
        self.spare = 0
        """Requests that nobody needs but who waits for tasks to move; the runner counts them."""
        self.inference: ReadingInference = ReadingInference(readings)
        self.outcomes: dict[str, Outcome] = {}
        self.made: dict[str, CreatedTask] = {}
        self.status_samples: list[StatusSample] = []
        self.judged: Counter[str] = Counter()
        self.positives: Counter[bool] = Counter()
        self._numbers = itertools.count(1)
        self._refused_name = ""
        self._failed = False

    # -- what requests are made of -----------------------------------------------------------------------------------------------

    def name(self, tail: str = "") -> str:
        """A name that nobody has used yet, with something behind it."""
        return f"{self.stem} {next(self._numbers)}{tail}"

    @property
    def stem(self) -> str:
        """What the names of this run begin with."""
        return f"{PREFIX} {self.run}"

    def refused_name(self) -> str:
        """The name of creations that are refused: the same for all, so that it can be seen afterwards whether a refusal has taken it."""
        if self._refused_name in ("", *(made.payload.get("name") for made in self.made.values())):
            self._refused_name = self.name(" refused")
        return self._refused_name

    def payload(self, **changes: Any) -> dict[str, Any]:  # noqa: ANN401  # any JSON value
        """A payload that keeps every rule, with a name of its own, and changes; None leaves a field out."""
        known = self.known
        usual = {"name": None, "train_feature_id": known.feature_id, "train_bucket": known.bucket, "train_file_path": known.file}
        usual["name"] = changes.pop("name", None) or self.name()
        return {name: value for name, value in (usual | changes).items() if value is not None}

    def test_fields(self) -> dict[str, str]:
        """The three fields of test data, with what the server knows."""
        return {"test_feature_id": self.known.feature_id, "test_bucket": self.known.bucket, "test_file_path": self.known.file}

    def create(self, **changes: Any) -> RequestSpec:  # noqa: ANN401  # as above
        """A creation that keeps every rule, with changes."""
        return create_request(self.payload(**changes))

    # -- judging an exchange -----------------------------------------------------------------------------------------------------

    def judge_creation(self, case: Case, exchange: Exchange, also: Iterable[Answer] = (), *, echo: bool = True) -> bool:
        """Judge an answer of createTask by what was sent; whether it is right and the task was made.

        `also` are answers that are right besides. Without `echo` it is not compared with what was sent, as for a body that parsers read
        differently.
        """
        types = [value for name, value in exchange.request.headers.items() if name == "content-type" and value is not None]
        expectation = create_expectation(exchange.request.body, types, self.known, also, searches=self.searches)
        self.searches |= exchange.answer in MISSING
        return self.judge_answer(case, exchange, expectation, exchange.request.body if echo else None)

    def judge_free_name(self, case: Case, exchange: Exchange, rule: str, problem: str) -> None:
        """Judge a creation under a name that nobody may have: 409 breaks the rule, unless an earlier try may have been carried out."""
        if exchange.status == 409 and exchange.attempts == 1:
            self.fail(case, self.finding(rule, problem, "/name"), exchange)
        else:
            self.judge_creation(case, exchange)

    def judge_answer(self, case: Case, exchange: Exchange, expectation: Expectation, request: object = None) -> bool:
        """Judge an answer: whether it is one of those expected, and whether its status, headers and body are right.

        `request` is what the answer is compared with. Gives True when all is right and the request was carried out.
        """
        self._keep(case, exchange)
        self.answers_lost |= bool(exchange.error) or exchange.attempts > 1
        if exchange.error:
            self.fail(case, self.finding("NC602", exchange.error), exchange)
            return False
        if exchange.attempts > 1 and exchange.status == 409:
            self.undecided(case, "an earlier try may have been carried out, so its name may be taken")
            return False
        self.clock.compare(exchange)
        before = len(self._outcome(case).failures)
        self._settle_answer(case, exchange, expectation)
        self._settle_shape(case, exchange, request)
        taken = exchange.status == SUCCESS
        if exchange.request.operation == "createTask" and exchange.accepted:
            self._register(case, exchange)
        if len(self._outcome(case).failures) > before:
            return False
        self.passed(case)
        return taken

    def _settle_answer(self, case: Case, exchange: Exchange, expectation: Expectation) -> None:
        answer = exchange.answer

        def problems(readings: Readings) -> list[tuple[Finding, tuple[Answer, ...]]]:
            allowed = expectation.answers(readings)
            if fits(answer, allowed) or (200 <= answer.status < 300 and Answer(SUCCESS, None) in allowed):
                return []  # another success is told by NC301
            expected = tuple(sorted(allowed, key=lambda a: (a.status, a.code or "")))
            note = f"answered {format_answer(answer)} instead of {format_answers(expected)}"
            reasons = expectation.reasons(readings)
            if reasons:
                return [(reasons[0].noted(note), expected)]
            wrong = "a request that keeps every rule is refused" if Answer(SUCCESS, None) in allowed else "a request is answered wrongly"
            return [(self.finding(case.rule, f"{wrong}: {note}"), expected)]

        found, inconsistent = self.inference.settle(expectation.readings, problems, case.id)
        for finding, answers in found:
            self._add(Failure(case.id, case.rule, finding, exchange, expected=answers))
        self._add_inconsistent(case, inconsistent, exchange)

    def _settle_shape(self, case: Case, exchange: Exchange, request: object) -> None:
        operation, parts = exchange.request.operation, (exchange.status, exchange.headers, exchange.body)
        # An answer that is no object says nothing about readings.
        relevant = response_readings(operation, exchange.status) if exchange.fields else ()
        self._count_judged(operation, exchange.status, compared=request is not None)

        def problems(readings: Readings) -> tuple[Finding, ...]:
            return response_problems(operation, parts, request, readings, strict=self.strict)

        if exchange.status in GATEWAY:  # it may give its errors another shape than the service behind it
            found, inconsistent = self.inference.explain(relevant, problems), list[Inconsistency]()
        else:
            found, inconsistent = self.inference.settle(relevant, problems, case.id)
        for finding in found:
            self._add(Failure(case.id, finding.rule, finding, exchange))
        self._add_inconsistent(case, inconsistent, exchange)

    def _add_inconsistent(self, case: Case, inconsistent: Iterable[Inconsistency], exchange: Exchange | None) -> None:
        for one in inconsistent:
            left = " or ".join(one.left)
            problem = f"{case.id} fits only {one.reading}={one.shown}, but {one.refuted_by or 'the pin'} fits only {left}"
            self._add(Failure(case.id, "NC600", self.finding("NC600", problem), exchange))

    def _count_judged(self, operation: str, status: int, *, compared: bool) -> None:
        """Count the rules about answers that this one was judged by."""
        known = contract()
        schema = {field.name for field in known.responses[known.operations[operation].response]}
        for rule in known.rules.values():
            about_all = rule.code in {"NC301", "NC302", "NC303"}
            about_errors = status >= 400 and rule.code in {"NC311", "NC312"}
            about_fields = (
                status == SUCCESS and rule.code[:3] in {"NC3", "NC5"} and (set(rule.fields) & schema or rule.code in {"NC304", "NC305"})
            )
            about_echo = status == SUCCESS and compared and rule.code == "NC307"
            if about_all or about_errors or about_fields or about_echo:
                self.judged[rule.code] += 1

    # -- what scripts find out by themselves -------------------------------------------------------------------------------------

    def finding(self, rule: str, problem: str, pointer: str = "") -> Finding:
        """A finding of a rule in words of its own."""
        return finding_of(rule, problem, pointer)

    def fail(self, case: Case, finding: Finding, exchange: Exchange | None = None) -> None:
        """Write down that the case failed, with the exchange that shows it."""
        if exchange is not None:
            self._keep(case, exchange)
        self._add(Failure(case.id, finding.rule, finding, exchange))

    def require(self, case: Case, right: object, rule: str, problem: str, exchange: Exchange) -> bool:
        """Write down a failure of the rule unless something is right; the case passes if nothing else failed."""
        self._keep(case, exchange)
        if not right:
            self.fail(case, self.finding(rule, problem), exchange)
            return False
        self.passed(case)
        return True

    def passed(self, case: Case) -> None:
        """Write down that the case passed, unless it failed."""
        outcome = self._outcome(case)
        if outcome.state is not State.FAILED:
            outcome.state, outcome.reason = State.PASSED, ""

    def undecided(self, case: Case, reason: str) -> None:
        """Write down that the answer decided nothing, unless another did."""
        self._unless_known(case, State.INCONCLUSIVE, reason)

    def untested(self, case: Case, reason: str) -> None:
        """Write down why nothing was asked, unless something was."""
        self._unless_known(case, State.NOT_TESTED, reason)

    def _unless_known(self, case: Case, state: State, reason: str) -> None:
        outcome = self._outcome(case)
        if outcome.state is State.NOT_TESTED:
            outcome.state, outcome.reason = state, reason

    def refute(self, case: Case, reading: str, option: str, exchange: Exchange | None = None) -> None:
        """Refute an option of a reading by what several answers show together."""
        self._add_inconsistent(case, self.inference.refute(reading, option, case.id), exchange)

    @property
    def failed(self) -> bool:
        """Whether anything failed so far."""
        return self._failed

    def _outcome(self, case: Case) -> Outcome:
        return self.outcomes.setdefault(case.id, Outcome(case))

    def _keep(self, case: Case, exchange: Exchange) -> None:
        kept = self._outcome(case).exchanges
        if len(kept) < EXCHANGES_KEPT and (not kept or kept[-1] is not exchange):
            kept.append(exchange)

    def _add(self, failure: Failure) -> None:
        outcome = self.outcomes[failure.case]
        if len(outcome.failures) < FAILURES_KEPT and all(
            failure.rule != other.rule or failure.sentence != other.sentence for other in outcome.failures
        ):
            outcome.failures.append(failure)
        outcome.state, outcome.reason = State.FAILED, ""
        self._failed = True

    # -- tasks -------------------------------------------------------------------------------------------------------------------

    def _register(self, case: Case, exchange: Exchange) -> None:
        """Remember a task that was made, and judge what has to be new about it."""
        shown, payload = exchange.fields, value_of(exchange.request.body)
        task_id, created_at = shown.get("task_id"), shown.get("created_at")
        if not isinstance(task_id, str):
            return
        # A server may read what our own parser does not, such as a deeply nested value.
        payload = payload if isinstance(payload, dict) else {}
        self.judged["NC405"] += 1
        if task_id in self.made:
            self.fail(case, self.finding("NC405", "task_id is the ID of a task that was created before", "/task_id"), exchange)
        else:
            self.made[task_id] = CreatedTask(task_id, payload, shown, exchange.sent_ms)
        at_ms = instant(created_at)
        # The gateway takes a timestamp that is at most so far from its clock; so its clock cannot be further from ours.
        most = contract().rules["NC203"].limit * 1000 + self.clock.margin_ms
        if at_ms is not None and not exchange.sent_ms - most <= at_ms <= exchange.received_ms + most:
            away = f"{abs(at_ms - exchange.sent_ms) / 1000:,.0f} s"
            self.fail(case, self.finding("NC405", f"created_at is {away} away from the time of the request", "/created_at"), exchange)

    def living(self) -> list[CreatedTask]:
        """The tasks of this run that nobody has deleted, in the order of their creation."""
        return [made for made in self.made.values() if not made.deleted]
