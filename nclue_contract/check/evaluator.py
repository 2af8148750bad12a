"""Evaluates responses: compares each with its expectation, infers readings from it, and records the outcome of the test case."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from nclue_contract.check.created_tasks import CreatedTask, CreatedTasks
from nclue_contract.check.expectations import (
    ACCEPTED,
    GATEWAY_STATUSES,
    Expectation,
    FixtureData,
    create_expectation,
    finding_of,
    fits,
    or_rejected_under,
    reports_missing_file,
    response_problems,
    response_readings,
)
from nclue_contract.check.inference import Inconsistency, ReadingInference
from nclue_contract.check.recorder import ResultRecorder
from nclue_contract.check.requests import Exchange
from nclue_contract.check.results import Case
from nclue_contract.check.server_clock import ServerClock, parse_time_ms
from nclue_contract.check.task_ids import why_unusable
from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Readings
from nclue_contract.contract.rules import Answer, Rule
from nclue_contract.validation.findings import Finding
from nclue_contract.validation.response import format_answer, format_answers, is_empty_success, is_success

LEFT_UNREAD = "a request was rejected without reading its body, which the server then took for the next request on the same connection"
"""The problem of a server that neither reads the body nor closes the connection (RFC 9112, section 9.3)."""


class _Mismatch(NamedTuple):
    """An unexpected response: the finding, and the responses that the contract allows."""

    finding: Finding
    expected: tuple[Answer, ...]


class Evaluator:
    """Evaluates the responses of one run.

    `response_lost`: some create request may have been carried out without a response that shows the ID of the task.
    """

    def __init__(  # the parts of a session
        self,
        inference: ReadingInference,
        results: ResultRecorder,
        tasks: CreatedTasks,
        clock: ServerClock,
        fixture_data: FixtureData,
    ) -> None:
        self.response_lost: bool = False
        self._inference = inference
        self._results = results
        self._tasks = tasks
        self._clock = clock
        self._fixture_data = fixture_data
        self._looks_up_files = False  # whether the server has reported that a file does not exist
        self.success_statuses: set[tuple[str, int]] = set()

    def evaluate_create(
        self, case: Case, exchange: Exchange, also: Iterable[Answer] = (), *, echo: bool = True, taken_under: tuple[str, str] | None = None
    ) -> bool:
        """Evaluate a response of createTask against what was sent; return whether it is right and the task was created.

        `also` are further responses to be allowed. Without `echo` the response is not compared with the payload, as for a body that
        parsers read differently. `taken_under` is an option of a reading under which the name may count as taken.
        """
        body = exchange.request.body
        types = [value for name, value in exchange.request.headers.items() if name == "content-type" and value is not None]
        expectation = create_expectation(body, types, self._fixture_data, also, looks_up_files=self._looks_up_files)
        self._looks_up_files |= reports_missing_file(exchange.answer, body, self._fixture_data)
        if taken_under is not None:
            expectation = or_rejected_under(expectation, "NC404", *taken_under)
        created = self.evaluate(case, exchange, expectation, body if echo else None)
        if case.rule == "NC307" and not exchange.accepted:
            self._results.insufficient(case, "the server may reject these values, and does, so they did not come back to be compared")
        return created

    def evaluate_free_name(self, case: Case, exchange: Exchange, rule: str, problem: str) -> None:
        """Evaluate a create request whose name must be free: 409 violates the rule, unless an earlier attempt may have been carried out."""
        if exchange.status == 409 and exchange.attempts == 1:
            self._results.fail(case, rule, problem, exchange, "/name")
        else:
            self.evaluate_create(case, exchange)

    def evaluate(self, case: Case, exchange: Exchange, expectation: Expectation, sent: str | bytes | dict[str, Any] | None = None) -> bool:
        """Evaluate a response: whether it is one of those expected, and whether its status, headers and body are right.

        `sent` is what the body is compared with. Return whether everything is right and the request was accepted.
        """
        results = self._results
        results.add_exchange(case, exchange)
        self.response_lost |= bool(exchange.error) or exchange.attempts > 1
        if exchange.left_unread is not None:
            results.fail_by_request(exchange.left_unread, "NC602", LEFT_UNREAD)
        if exchange.error:
            results.fail(case, "NC602", exchange.error, exchange)
            return False
        if exchange.attempts > 1 and exchange.status == 409:
            results.inconclusive(case, "an earlier attempt may have been carried out, so its name may be occupied")
            return False
        self._clock.compare(exchange)
        if exchange.accepted:
            self.success_statuses.add((exchange.request.operation, exchange.status))
        before = len(results.outcome(case).failures)
        self._evaluate_answer(case, exchange, expectation)
        self._evaluate_content(case, exchange, sent)
        self._register_task(case, exchange)
        if len(results.outcome(case).failures) > before:
            return False
        results.passed(case)
        return exchange.accepted

    def discard(self, exchange: Exchange) -> None:
        """Remember only the task that an exchange has created, or may have: the response is not evaluated."""
        self.response_lost |= exchange.request.creates and (bool(exchange.error) or exchange.status >= 500)
        if task := CreatedTask.of(exchange):
            self._tasks.add(task)

    def rule_out(self, case: Case, reading: str, option: str, exchange: Exchange | None = None) -> None:
        """Rule out an option of a reading because of what several responses show together."""
        self._add_inconsistencies(case, self._inference.rule_out(reading, option, case.id), exchange)

    def _evaluate_answer(self, case: Case, exchange: Exchange, expectation: Expectation) -> None:
        """Compare status and error code with the expectation."""
        answer = exchange.answer

        def problems(readings: Readings) -> list[_Mismatch]:
            allowed = expectation.answers(readings)
            if fits(answer, allowed) or (200 <= answer.status < 300 and ACCEPTED in allowed):
                return []  # NC301 reports another status of success
            expected = tuple(sorted(allowed, key=lambda one: (one.status, one.code or "")))
            note = f"response {format_answer(answer)} instead of {format_answers(expected)}"
            if reasons := expectation.reasons(readings):
                return [_Mismatch(reasons[0].noted(note), expected)]
            problem = "a valid request is rejected" if ACCEPTED in allowed else "a request gets an unexpected response"
            return [_Mismatch(finding_of(case.rule, f"{problem}: {note}"), expected)]

        found, inconsistencies = self._inference.narrow(expectation.readings, problems, case.id)
        if not found and case.advisory and exchange.accepted:
            for reason in expectation.reasons(self._inference.best_readings())[:1]:
                self._results.add_finding(case, case.rule, reason.noted("accepted"), exchange, advisory=True)
        for mismatch in found:
            # Where an advisory case is accepted or rejected in another way, nothing is broken; a server error is one all the same.
            advisory = case.advisory and 200 <= exchange.status < 500
            self._results.add_finding(case, case.rule, mismatch.finding, exchange, mismatch.expected, advisory=advisory)
        self._add_inconsistencies(case, inconsistencies, exchange)

    def _evaluate_content(self, case: Case, exchange: Exchange, sent: str | bytes | dict[str, Any] | None) -> None:
        """Validate status, headers and body of the response by themselves and against what was sent."""
        operation = exchange.request.operation
        # A body that is no object shows nothing about readings, unless there must be none.
        shows = bool(exchange.fields) or is_empty_success(operation, exchange.status)
        relevant = response_readings(operation, exchange.status) if shows else ()
        self._results.evaluated.update(_rules_about(operation, exchange.status, compared=sent is not None))

        def problems(readings: Readings) -> tuple[Finding, ...]:
            return response_problems(operation, exchange, sent, readings)

        if exchange.status in GATEWAY_STATUSES:  # a gateway may have another form of errors than the service behind it
            found, inconsistencies = self._inference.explain(relevant, problems), list[Inconsistency]()
        else:
            found, inconsistencies = self._inference.narrow(relevant, problems, case.id)
        for finding in found:
            self._results.add_finding(case, finding.rule, finding, exchange)
        self._add_inconsistencies(case, inconsistencies, exchange)

    def _add_inconsistencies(self, case: Case, inconsistencies: Iterable[Inconsistency], exchange: Exchange | None) -> None:
        for one in inconsistencies:
            remaining = " or ".join(one.remaining)
            problem = f"{case.id} fits only {one.reading}={one.needed}, but {one.ruled_out_by or 'the pin'} fits only {remaining}"
            self._results.add_finding(case, "NC600", finding_of("NC600", problem), exchange)

    def _register_task(self, case: Case, exchange: Exchange) -> None:
        """Remember the task, if one was created, and check that its ID can be used, and that ID and time are new."""
        task = CreatedTask.of(exchange)
        if task is None:
            return
        self._results.evaluated["NC405"] += 1
        if problem := why_unusable(task.task_id):
            self._results.fail(case, "NC405", f"task_id {problem}", exchange, "/task_id")
        if not self._tasks.add(task):
            self._results.fail(case, "NC405", "task_id is the ID of a task that was created before", exchange, "/task_id")
        at_ms = parse_time_ms(task.created.get("created_at"))
        # The gateway accepts a timestamp that differs from its clock by at most the limit, so its clock differs from ours by no more.
        most = contract().rules["NC203"].limit * 1000 + self._clock.margin_ms
        if at_ms is not None and not exchange.sent_ms - most <= at_ms <= exchange.received_ms + most:
            difference = f"{abs(at_ms - exchange.sent_ms) / 1000:,.0f} s"
            self._results.fail(case, "NC405", f"created_at is {difference} away from the time of the request", exchange, "/created_at")


@lru_cache(maxsize=256)
def _rules_about(operation: str, status: int, *, compared: bool) -> tuple[str, ...]:
    """Return the rules about responses against which a response with this status is evaluated."""
    schema = {field.name for field in contract().responses[contract().operations[operation].response]}
    return tuple(rule.code for rule in contract().rules.values() if _concerns(rule, status, schema, compared=compared))


def _concerns(rule: Rule, status: int, schema: set[str], *, compared: bool) -> bool:
    """Return whether a response with this status and these fields is evaluated against a rule; `compared`: also with the request."""
    if rule.code in {"NC301", "NC302", "NC303"}:
        return True
    if status >= 400:
        return rule.code in {"NC311", "NC312"}
    if not is_success("deleteTask", status):
        return False
    about_fields = rule.code[:3] in {"NC3", "NC5"} and (bool(set(rule.fields) & schema) or rule.code in {"NC304", "NC305"})
    return about_fields or (compared and rule.code == "NC307")
