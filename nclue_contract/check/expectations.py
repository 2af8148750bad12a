"""Expected responses: which responses the contract allows to a request under given readings, and which problems a response has.

Expectations are computed from the bytes that were sent, never from what a test case means to send.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from nclue_contract.check.requests import Exchange, value_of
from nclue_contract.contract import server_data
from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Policy, Readings
from nclue_contract.contract.rules import Answer, Severity
from nclue_contract.validation.findings import Finding, Report
from nclue_contract.validation.response import SUCCESS, is_success
from nclue_contract.validation.validator import Validator, default_validator, validator_of

ACCEPTED = Answer(SUCCESS, None)
"""The response to a request that is carried out."""

CLIENT_ERROR = frozenset(Answer(answer.status, None) for answer in contract().rules["NC101"].expects)
"""The rejections for which the pages name no code."""

FILE_NOT_FOUND = tuple(Answer(answer.status, answer.code) for answer in contract().rules["NC120"].expects if answer.when)
"""The responses about files that do not exist; the rule for paths lists them, for the reading in which they come first."""

EITHER = frozenset({ACCEPTED, *CLIENT_ERROR})
"""The responses where no page decides, and where the response to a similar request proves nothing."""

MALFORMED = tuple(Answer(answer.status, answer.code) for answer in contract().rules["NC002"].expects)
"""The rejections of a request that a gateway cannot read."""

GATEWAY_STATUSES = frozenset(error.status for error in contract().errors.values()) - {answer.status for answer in CLIENT_ERROR}
"""The statuses of errors that may come from the gateway before the service, such as those for an invalid signature."""

CACHED = 4096
"""Results of validation that are kept: they are needed under several readings, and a plan sends the same requests to each server."""

LONGEST_CACHED = 1 << 13
"""The longest body, in bytes, of a request or response for which they are kept."""

OWN_FOLDER = "nclue-check/"
"""The folder of the paths that checks make up; no server has files in it."""


@dataclass(frozen=True, slots=True)
class FixtureData:
    """Test data of the server under test: a feature, a bucket, a file in it, and perhaps a file with which tasks fail.

    `test_feature_id`, `test_bucket` and `test_file` are other ones, for the test data of a task; None where the server has no others.
    """

    feature_id: str = server_data.FEATURE_ID
    bucket: str = server_data.BUCKET
    file: str = server_data.FILE
    failing_file: str | None = None
    test_feature_id: str | None = None
    test_bucket: str | None = None
    test_file: str | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """The responses that are right, as a function of the readings, and the names of the readings that change them.

    `reasons` returns the findings about the request under given readings: why it is rejected.
    """

    answers: Callable[[Readings], frozenset[Answer]]
    readings: tuple[str, ...] = ()
    reasons: Callable[[Readings], tuple[Finding, ...]] = lambda _: ()


def accepted(*also: Answer) -> Expectation:
    """Expect that the request is accepted, or gets one of the other responses."""
    answers = frozenset({ACCEPTED, *also})
    return Expectation(lambda _: answers)


def rejected(rule: str, *also: Answer) -> Expectation:
    """Expect that the request is rejected as the rule says, or gets one of the other responses."""
    expects = contract().rules[rule].expects
    readings = tuple(dict.fromkeys(name for answer in expects for name in answer.when))

    def answers(chosen: Readings) -> frozenset[Answer]:
        return frozenset(Answer(a.status, a.code) for a in expects if all(chosen[n] == o for n, o in a.when.items())) | {*also}

    return Expectation(answers, readings)


def rejected_under(rule: str, reading: str, option: str) -> Expectation:
    """Expect that the request is rejected as the rule says under one option of a reading, and accepted under the others."""
    rejection = rejected(rule)
    return Expectation(
        lambda chosen: rejection.answers(chosen) if chosen[reading] == option else frozenset({ACCEPTED}), (reading, *rejection.readings)
    )


def accepted_under(rule: str, reading: str, option: str, *, also_rejected: bool = False) -> Expectation:
    """Expect that the request is accepted under one option of a reading, and rejected as the rule says under the others.

    With `also_rejected`, it may be rejected under that option as well.
    """
    rejection = rejected(rule)

    def answers(chosen: Readings) -> frozenset[Answer]:
        if chosen[reading] != option:
            return rejection.answers(chosen)
        return frozenset({ACCEPTED}) | (rejection.answers(chosen) if also_rejected else frozenset())

    return Expectation(answers, (reading, *rejection.readings))


def or_rejected_under(expectation: Expectation, rule: str, reading: str, option: str) -> Expectation:
    """Expect what an expectation says or, under one option of a reading, that the request is rejected as the rule says."""
    rejection = rejected(rule)

    def answers(chosen: Readings) -> frozenset[Answer]:
        return expectation.answers(chosen) | (rejection.answers(chosen) if chosen[reading] == option else frozenset())

    return replace(expectation, answers=answers, readings=tuple(dict.fromkeys((*expectation.readings, reading, *rejection.readings))))


def create_expectation(
    body: bytes, content_types: Iterable[str], fixture_data: FixtureData, also: Iterable[Answer] = (), *, looks_up_files: bool = False
) -> Expectation:
    """Expect the response of createTask to a body: success if it is valid, else what the rules say that it violates.

    A file that is not part of the fixture data may be missing: then 404 is as right as success. A server that `looks_up_files` has
    responded so before; if it looks for files first, it does so for a path with a forbidden character as well, since no such file exists.
    """
    types = tuple(content_types)
    not_found = _not_found(body, fixture_data)
    surely_not_found = _not_found(body, fixture_data, own_only=True) if looks_up_files else frozenset()

    def reasons(chosen: Readings) -> tuple[Finding, ...]:
        validator = validator_of(chosen)
        headers = [f for f in _type_findings(validator, types) if f.severity is Severity.ERROR]
        return (*headers, *_request_report(validator, body).errors)

    def answers(chosen: Readings) -> frozenset[Answer]:
        found = reasons(chosen)
        files_first = chosen["check-order"] == "existence-first" and {f.rule for f in found} == {"NC120"}
        if looks_up_files and not_found and files_first:
            return not_found | frozenset(also)
        if found:  # NC120 lists the responses about missing files by itself, under the option in which they come first
            return frozenset({answer for finding in found for answer in finding.expects} or {ACCEPTED}) | frozenset(also)
        return (surely_not_found or frozenset({ACCEPTED}) | not_found) | frozenset(also)

    report = _request_report(default_validator(), body)
    return Expectation(answers, create_readings(report, types, may_be_missing=bool(not_found)), reasons)


def create_readings(report: Report, types: tuple[str, ...], *, may_be_missing: bool) -> tuple[str, ...]:
    """Return the readings that change the response of createTask to a body, in the order of the contract.

    `report` is that of the body under the default readings, `types` are its content types; `may_be_missing`: the file of the payload may
    not exist.
    """
    named = {finding.reading for finding in (*report.findings, *_type_findings(default_validator(), types))}
    readings = [name for name in contract().readings if name in named]
    if {"name-unit", "name-edge"} & set(readings):
        readings += ["name-unit", "name-edge"]
    if may_be_missing:
        readings.append("check-order")
    return tuple(dict.fromkeys(readings))


@lru_cache(maxsize=8)  # a request is evaluated under several readings
def _not_found(body: bytes, fixture_data: FixtureData, *, own_only: bool = False) -> frozenset[Answer]:
    """Return the responses of a server without the files of a payload; with `own_only`, only for files that no server has."""
    payload = value_of(body)
    if not isinstance(payload, dict):
        return frozenset()
    existing = {fixture_data.file, fixture_data.failing_file, fixture_data.test_file, None}
    paths = {name: path for name in contract().rules["NC120"].fields if isinstance(path := payload.get(name), str)}
    missing = {name for name, path in paths.items() if path not in existing and (OWN_FOLDER in path or not own_only)}
    responses = (answer for answer in contract().rules["NC120"].expects if answer.when)
    return frozenset(Answer(a.status, a.code) for a in responses if missing and (a.field is None or a.field in missing))


def reports_missing_file(answer: Answer, body: bytes, fixture_data: FixtureData) -> bool:
    """Return whether a response shows that the server looks up files: it reports one that no server has.

    The same response for an empty path shows nothing, since an empty path names no file.
    """
    return answer in _not_found(body, fixture_data, own_only=True)


def fits(answer: Answer, allowed: frozenset[Answer]) -> bool:
    """Return whether a response is among those that are allowed. Any code fits where the pages name none."""
    return answer in allowed or (answer.status >= 400 and Answer(answer.status, None) in allowed)


def response_readings(operation: str, status: int) -> tuple[str, ...]:
    """Return the readings that a response shows by its form and its words, whatever the request was."""
    if status >= 400:
        return ("error-shape", "error-code-type")
    shown = {"getTask": ("status-word", "auroc-type", "absent-fields"), "listTasks": ("status-word", "list-total", "absent-fields")}
    return (*shown.get(operation, ()), *(("success-status",) if status != SUCCESS else ())) if is_success(operation, status) else ()


def response_problems(
    operation: str, exchange: Exchange, request: str | bytes | dict[str, Any] | None, readings: Readings
) -> tuple[Finding, ...]:
    """Return the problems of a response by itself and against what was sent: status code, headers and body. Some are only warnings.

    Whether it fits the request is decided by an `Expectation`, which is stricter than NC313, since it knows the problem of the request.
    """
    sent = tuple(request.items()) if isinstance(request, dict) else request
    short = len(exchange.body) + len(sent or b"") <= LONGEST_CACHED
    # A server may have accepted a payload with values that have no hash, such as a list.
    plain = not isinstance(request, dict) or all(value is None or isinstance(value, str) for value in request.values())
    problems = _problems if short and plain else _problems.__wrapped__
    return problems(validator_of(readings), operation, exchange.status, exchange.headers, exchange.body, sent)


@lru_cache(CACHED)
def _problems(
    validator: Validator,
    operation: str,
    status: int,
    headers: tuple[tuple[str, str], ...],
    body: bytes,
    sent: str | bytes | tuple[tuple[str, object], ...] | None,
) -> tuple[Finding, ...]:
    report = validator.validate_response(operation, status, headers, body, dict(sent) if isinstance(sent, tuple) else sent)
    # NC313 and NC505 are left to the expectation. A lone surrogate is what a test case has sent, and comes back as it is.
    findings = [finding for finding in report.findings if finding.rule not in {"NC007", "NC313", "NC505"}]
    # Where the pages name no code, every code is right, so that it is not even an advisory.
    return tuple(finding for finding in findings if finding.rule != "NC312" or finding.severity == "error")


def finding_of(rule: str, problem: str, pointer: str = "") -> Finding:
    """Return a finding of a rule with its own wording, for what no payload or response shows by itself."""
    applied = Policy(Readings.of(None)).documented(rule)
    return Finding(replace(applied, rule=replace(applied.rule, message="{problem}")), pointer, detail={"problem": problem})


def _request_report(validator: Validator, body: bytes) -> Report:
    return (_validated if len(body) <= LONGEST_CACHED else _validated.__wrapped__)(validator, body)


@lru_cache(CACHED)
def _validated(validator: Validator, body: bytes) -> Report:
    return validator.validate_request_json(body)


@lru_cache(CACHED)
def _type_findings(validator: Validator, types: tuple[str, ...]) -> tuple[Finding, ...]:
    report = validator.validate_headers([("content-type", value) for value in types])
    return tuple(finding for finding in report.findings if finding.pointer == "/content-type")
