"""Record of the results of a check run per test case: outcomes, failures, exchanges, and what was counted on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace

from nclue_contract.check.expectations import finding_of
from nclue_contract.check.requests import Exchange, RequestSpec
from nclue_contract.check.results import Case, Cause, Failure, Outcome, State, StatusSample
from nclue_contract.contract.model import contract
from nclue_contract.contract.rules import Answer, Severity
from nclue_contract.validation.findings import Finding

MAX_FAILURES = 20
"""Failures of one case that are recorded; a server that implements something else violates every rule in every response."""

MAX_EXCHANGES = 40
"""Exchanges of one case that are recorded for the reports."""


class ResultRecorder:
    """Records the outcome of each case. `failed`: whether any case failed so far.

    With `strict`, advisories are failures; `fail_on` are the beginnings of the codes of rules whose advisories are.
    """

    def __init__(self, *, strict: bool = False, fail_on: Collection[str] = ()) -> None:
        self._strict = strict
        self._fail_on = tuple(fail_on)
        self._advised: set[tuple[str, str]] = set()
        self.advised_cases: set[tuple[str, str]] = set()
        """Test case and rule of each advisory."""
        self.outcomes: dict[str, Outcome] = {}
        self.status_samples: list[StatusSample] = []
        self.observations: dict[str, str] = {}
        """Per reading, what the responses showed, where that may not decide it."""
        self.evaluated: Counter[str] = Counter()
        """Per rule about responses, the number of responses that were evaluated against it."""
        self.positives: Counter[bool] = Counter()
        """Valid create requests, by whether they were accepted."""
        self.failed: bool = False
        # Requests whose exchange is still to be recorded, with rule and problem.
        self._violating: dict[int, tuple[RequestSpec, str, str]] = {}

    def outcome(self, case: Case) -> Outcome:
        """Return the outcome of a case, a new one at the first call."""
        return self.outcomes.setdefault(case.id, Outcome(case))

    def add_exchange(self, case: Case, exchange: Exchange) -> None:
        """Keep an exchange as evidence of a case."""
        exchanges = self.outcome(case).exchanges
        if len(exchanges) < MAX_EXCHANGES and (not exchanges or exchanges[-1] is not exchange):
            exchanges.append(exchange)
        if (violation := self._violating.pop(id(exchange.request), None)) is not None:
            _, rule, problem = violation
            self.add_finding(case, rule, finding_of(rule, problem), exchange)

    def add_finding(
        self,
        case: Case,
        rule: str,
        finding: Finding,
        exchange: Exchange | None,
        expected: tuple[Answer, ...] = (),
        *,
        advisory: bool = False,
    ) -> None:
        """Record a failure, once for each rule and sentence; the case has failed then. Record an advisory as `add_advisory` does.

        It is an `advisory` if the caller says so, if the rule does, or if it is about something that the pages leave open.
        """
        outcome = self.outcome(case)
        failure = Failure(case.id, rule, finding, exchange, expected=expected)
        if (advisory or _is_advisory(rule, finding, exchange)) and not self._counts_as_failure(rule, finding):
            self._add_advisory(outcome, replace(failure, advisory=True))
            return
        known = {(other.rule, other.sentence) for other in outcome.failures}
        if len(outcome.failures) < MAX_FAILURES and (failure.rule, failure.sentence) not in known:
            outcome.failures.append(failure)
        outcome.state, outcome.reason, outcome.cause = State.FAILED, "", None
        self.failed = True

    def _counts_as_failure(self, rule: str, finding: Finding) -> bool:
        """Return whether the user wants to have such advisories as failures.

        Strictness concerns what a page says. Where it only says that it goes on, as for the error codes, the rule has to be named.
        """
        return rule.startswith(self._fail_on) or (self._strict and not _is_downgraded(rule, finding))

    def _add_advisory(self, outcome: Outcome, advisory: Failure) -> None:
        """Record an advisory; one about the form of a response, which many responses can have, only for the first case that shows it."""
        shown = (advisory.rule, advisory.sentence)
        if shown in self._advised and advisory.rule != outcome.case.rule:
            return
        self._advised.add(shown)
        if len(outcome.advisories) < MAX_FAILURES and shown not in {(other.rule, other.sentence) for other in outcome.advisories}:
            outcome.advisories.append(advisory)
            self.advised_cases.add(advisory.key)
        if outcome.state is not State.FAILED:
            outcome.state, outcome.reason, outcome.cause = State.ADVISORY, "", None

    def fail(self, case: Case, rule: str, problem: str, exchange: Exchange, pointer: str = "") -> None:
        """Record that an exchange violates a rule, where a script has found the problem itself."""
        self.add_exchange(case, exchange)
        self.add_finding(case, rule, finding_of(rule, problem, pointer), exchange)

    def fail_by_request(self, request: RequestSpec, rule: str, problem: str) -> None:
        """Record that an earlier request has caused a violation, for the case that has sent it, now or when its response is evaluated."""
        recorded = [(outcome.case, one) for outcome in self.outcomes.values() for one in outcome.exchanges if one.request is request]
        for case, exchange in recorded[:1]:
            self.add_finding(case, rule, finding_of(rule, problem), exchange)
        if not recorded:
            self._violating[id(request)] = request, rule, problem

    def require(self, case: Case, condition: object, rule: str, problem: str, exchange: Exchange) -> None:
        """Record a pass if the condition is true, else a failure of the rule."""
        self.add_exchange(case, exchange)
        if condition:
            self.passed(case)
        else:
            self.fail(case, rule, problem, exchange)

    def passed(self, case: Case) -> None:
        """Record that the case passed, unless it failed."""
        outcome = self.outcome(case)
        if outcome.state not in {State.FAILED, State.ADVISORY}:
            outcome.state, outcome.reason, outcome.cause = State.PASSED, "", None

    def inconclusive(self, case: Case, reason: str, cause: Cause = Cause.OBSERVATION) -> None:
        """Record that the responses prove nothing, unless there is another outcome."""
        self._unless_decided(case, State.INCONCLUSIVE, reason, cause)

    def insufficient(self, case: Case, reason: str, cause: Cause = Cause.OBSERVATION) -> None:
        """Record that the responses do not suffice for a pass, although each of them was right by itself; a failure remains one.

        The case is inconclusive if it got responses, else not tested.
        """
        outcome = self.outcome(case)
        if outcome.state is State.PASSED or outcome.exchanges:
            outcome.state = State.NOT_TESTED if outcome.state is State.PASSED else outcome.state
            self.inconclusive(case, reason, cause)
        else:
            self.not_tested(case, reason, cause)

    def not_tested(self, case: Case, reason: str, cause: Cause = Cause.OBSERVATION) -> None:
        """Record why the case was not tested, unless there is another outcome."""
        self._unless_decided(case, State.NOT_TESTED, reason, cause)

    def _unless_decided(self, case: Case, state: State, reason: str, cause: Cause) -> None:
        outcome = self.outcome(case)
        if outcome.state is State.NOT_TESTED:
            outcome.state, outcome.reason, outcome.cause = state, reason, cause


def _is_advisory(rule: str, finding: Finding, exchange: Exchange | None) -> bool:
    """Return whether a finding of a response is only worth knowing."""
    return _is_downgraded(rule, finding) or (exchange is not None and contract().rules[rule].advisory_for(exchange.status))


def _is_downgraded(rule: str, finding: Finding) -> bool:
    """Return whether the rule is an error, but this finding of it only a warning: the pages leave this one open, under every reading."""
    return finding.rule == rule and finding.severity is Severity.WARNING and contract().rules[rule].severity is Severity.ERROR
