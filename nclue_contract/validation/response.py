"""Validation of a response as a whole: status code, content type, body, error code, and whether it fits the request.

The pages are "Overview", response status codes, and the API Gateway's error handling.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, lru_cache
from http import HTTPStatus
from itertools import islice
from typing import Any

from nclue_contract.contract.model import ErrorShape, Operation, contract
from nclue_contract.contract.readings import Policy, Readings
from nclue_contract.contract.rules import Answer, AppliedRule, Certainty, Rule, Severity
from nclue_contract.contract.wording import excerpt, format_status, json_kind, pointer_to, quoted, type_name
from nclue_contract.validation.error_body import code_text, error_shapes
from nclue_contract.validation.findings import Finding, Report
from nclue_contract.validation.headers import media_type, read_headers
from nclue_contract.validation.json_reader import Document, read
from nclue_contract.validation.plain import is_binary, is_text, plain, plain_bytes, plain_text
from nclue_contract.validation.response_fields import FieldsCheck
from nclue_contract.validation.strings import SURROGATE

SUCCESS = 200
"""The only success in NCLUE's table."""

GATEWAY_SUCCESS = "gateway"
"""The option of `success-status` under which there are others."""

MAX_SURROGATE_FINDINGS = 100
"""How many fields with a lone surrogate get a finding each."""


class ResponseCheck:
    """Responses under one set of readings.

    `check_request` validates a createTask payload, or its body as bytes, under the same readings, without turning warnings into errors.
    """

    def __init__(self, policy: Policy, check_request: Callable[[Any], Report]) -> None:
        self._policy = policy
        self._fields = FieldsCheck(policy)
        self._answer = AnswerCheck(policy, check_request)

    def check(self, operation_id: object, status: object, headers: object, body: object, request: object) -> list[Finding]:
        """Return the findings of a response. Never raises; see `Validator.validate_response` for the arguments."""
        try:
            return self._check(operation_id, status, headers, body, request)
        except Exception as error:  # noqa: BLE001  # a subclass or a mapping may do anything
            applied = _for_response(self._policy, "NC008")
            return [Finding(applied, "", detail={"problem": f"the arguments cannot be read: {type_name(error)}"})]

    def _check(self, operation_id: object, status: object, headers: object, body: object, request: object) -> list[Finding]:
        policy = self._policy
        name = plain_text(operation_id) if is_text(operation_id) else None
        operation = None if name is None else policy.contract.operations.get(name)
        if operation is None:
            problem = f"there is no operation {json_kind(operation_id) if name is None else excerpt(name)}"
            return [Finding(policy.documented("NC300"), "", detail={"problem": problem})]
        if issubclass(type(status), int) and type(status) is not bool:
            status = int.__index__(status)  # type: ignore[arg-type]  # http.HTTPStatus counts as well
        found = list(_check_status(policy, operation, status))
        if is_empty_success(operation.id, status) and _is_empty(body):
            return found
        success = is_success(operation.id, status)
        found += _check_content_type(policy, headers, success=success)
        value, problems = _read_body(policy, body)
        found += problems
        if is_text(request) and operation.id == "createTask":
            request = plain_text(request).encode("utf-8", "surrogatepass")  # the body, as json.dumps gives it
        code = None
        if isinstance(value, Mapping) and success:
            found += self._fields.check(operation.response, value, _request_mapping(operation, request))
        elif isinstance(value, Mapping) and type(status) is int and status >= 400:
            code, problems = _check_error(policy, status, value)
            found += problems
            found += _check_code(policy, operation, status, code)
        # Without a code, an earlier finding already states why it cannot be read.
        comparable = success or code is not None or not found
        if operation.id == "createTask" and request is not None and type(status) is int and comparable:
            found += self._answer.check(Answer(SUCCESS if success else status, code), request)
        return found


def _for_response(policy: Policy, code: str) -> AppliedRule:
    """Apply a rule about the JSON of requests to a response; it has no expected response then, and says what is not JSON."""
    applied = dataclasses.replace(policy.documented(code), answers=())
    if code not in {"NC001", "NC002"}:
        return applied
    return dataclasses.replace(applied, rule=dataclasses.replace(applied.rule, message=f"the response is {applied.rule.message}"))


def _request_mapping(operation: Operation, request: object) -> Mapping[str, object] | None:
    """Return the request as a mapping: a payload or query as it is, a body or query string parsed, a task ID as `{"task_id": …}`."""
    if is_text(request):
        request = plain_text(request)
        if operation.id != "listTasks":
            return {"task_id": request}
        from urllib.parse import parse_qsl  # noqa: PLC0415  # only needed for a query as text

        query = request.partition("?")[2] if request.startswith(("?", "/", "http")) else request
        request = dict(reversed(parse_qsl(query)))  # of several values the first counts, as in our service
    if is_binary(request):
        request = read(plain_bytes(request)).value
    if not isinstance(request, Mapping):
        return None
    return {plain_text(name): plain(value) for name, value in request.items() if is_text(name)}


def _check_status(policy: Policy, operation: Operation, status: object) -> Iterator[Finding]:
    if is_success(operation.id, status):
        applied = None if status == SUCCESS else policy.error_unless_chosen("NC301", "success-status", GATEWAY_SUCCESS)
        if applied is not None:
            yield Finding(applied, "", detail={"actual": str(status), "operation": operation.id})
    elif type(status) is not int or status not in operation.statuses:
        actual = str(status) if type(status) is int and status.bit_length() <= 64 else f"({json_kind(status)})"
        yield Finding(policy.documented("NC301"), "", detail={"actual": actual, "operation": operation.id})


def is_success(operation_id: str, status: object) -> bool:
    """Return whether a status code is a success of an operation under any option of the reading `success-status`."""
    return type(status) is int and status in _successes(operation_id)


def is_empty_success(operation_id: str, status: object) -> bool:
    """Return whether a status code says that the operation has succeeded and that there is no body."""
    return status == HTTPStatus.NO_CONTENT and is_success(operation_id, status)


@cache
def _successes(operation_id: str) -> frozenset[int]:
    options = contract().readings["success-status"].options
    return frozenset(s for option in options for s in Readings.of({"success-status": option.id}).success_statuses(operation_id))


def _is_empty(body: object) -> bool:
    return (is_text(body) and not plain_text(body)) or (is_binary(body) and not plain_bytes(body))


def _check_content_type(policy: Policy, headers: object, *, success: bool) -> Iterator[Finding]:
    """Check the content type; the pages document that of errors only."""
    expected = policy.rule("NC302").media_type
    try:
        values = read_headers(headers).get("content-type", [])
    except Exception:  # noqa: BLE001  # an object of a client library may do anything
        values = []
    if [media_type(value) for value in values] != [expected]:
        applied = policy.documented("NC302")
        if success:
            applied = dataclasses.replace(applied, certainty=Certainty.UNDECIDED)
        actual = " and ".join(map(quoted, values[:3])) or "missing"
        yield Finding(applied, "", detail={"value": actual, "expected": expected})


def _read_body(policy: Policy, body: object) -> tuple[object, list[Finding]]:
    if is_text(body):
        body = plain_text(body)
    elif is_binary(body):
        body = plain_bytes(body)
    else:
        kind = f"of the Python type {type_name(body)} instead of bytes"
        return None, [Finding(policy.documented("NC303"), "", detail={"kind": kind})]
    document = _document(body)
    found = [Finding(_for_response(policy, p.code), p.pointer, p.offset, detail=p.detail) for p in document.problems]
    if document.readable and not isinstance(document.value, Mapping):
        found.append(Finding(policy.documented("NC303"), "", detail={"kind": json_kind(document.value)}))
    elif isinstance(document.value, Mapping):
        found += islice(_lone_surrogates(policy, document.value), MAX_SURROGATE_FINDINGS)
    return document.value if document.readable else None, found


@lru_cache(maxsize=4)
def _document(body: bytes | str) -> Document:
    """Read a body. Cached, because a contract check validates one response under several readings; the document is never changed."""
    return read(body)


def _lone_surrogates(policy: Policy, body: Mapping[str, object]) -> Iterator[Finding]:
    """Yield the lone surrogates in the outermost object; the reader reports all others."""
    for name, value in body.items():
        if isinstance(value, str) and (match := SURROGATE.search(value)):
            applied = dataclasses.replace(policy.documented("NC007", group=SURROGATE), answers=())
            yield Finding(applied, pointer_to(name), match.start(), value)


def _check_error(policy: Policy, status: int, body: Mapping[str, object]) -> tuple[str | None, list[Finding]]:
    """Return the error code as text (None if there is none), and the findings of the structure of the error."""
    chosen, place = policy.readings.error_shape, _error_place(policy, body)
    if place is None:
        objects = [shape.object for shape in (chosen, *policy.contract.error_shapes.values())]
        holder_name = next((name for name in objects if isinstance(body.get(name), Mapping)), "")
        problem = f"the error has no {chosen.code}"
        return None, [Finding(policy.documented("NC311"), pointer_to(holder_name) if holder_name else "", detail={"problem": problem})]
    option, shape, holder = place
    prefix = (shape.object,) if shape.object else ()
    applied = policy.error_unless_chosen("NC311", "error-shape", option)
    found = [Finding(applied, _pointer(*prefix), detail={"problem": _shape_problem(shape, chosen)})] if applied else []
    if shape.message not in holder:
        problem = f"the error has no {shape.message}"
        found.append(Finding(policy.documented("NC311"), _pointer(*prefix), detail={"problem": problem}))
    elif not isinstance(holder[shape.message], str):
        detail = {"kind": json_kind(holder[shape.message]), "expected": "a string"}
        found.append(Finding(policy.documented("NC305"), _pointer(*prefix, shape.message), detail=detail))
    code, pointer = holder[shape.code], _pointer(*prefix, shape.code)
    if code is None and status in unnamed_statuses(policy):  # the pages name no code for some of these errors
        return None, found
    if type(code) is int or isinstance(code, str):
        kind, other = ("integer", "a string") if isinstance(code, int) else ("string", "an integer")
        wrong_type = policy.error_unless_chosen("NC305", "error-code-type", kind)
        if wrong_type:
            found.append(Finding(wrong_type, pointer, detail={"kind": json_kind(code), "expected": other}))
        return code_text(code), found
    expected = "an integer" if policy.readings["error-code-type"] == "integer" else "a string"
    found.append(Finding(policy.documented("NC305"), pointer, detail={"kind": json_kind(code), "expected": expected}))
    return None, found


def _pointer(*names: str) -> str:
    return pointer_to(*names) if names else ""


def _error_place(policy: Policy, body: Mapping[str, object]) -> tuple[str, ErrorShape, Mapping[str, object]] | None:
    """Return the option of `error-shape` that a body follows, its shape, and the object with the code; None when there is no code.

    Of several that fit, it is one with a message, and rather the one in force: `code` alone does not tell `flat` from `flat-msg`.
    """
    chosen = policy.readings["error-shape"]
    places = list(error_shapes(body))
    return min(places, key=lambda place: (place[1].message not in place[2], place[0] != chosen), default=None)


def _shape_problem(shape: ErrorShape, chosen: ErrorShape) -> str:
    if shape.object != chosen.object:
        where, wanted = (f"in an object {one.object}" if one.object else "at the top" for one in (shape, chosen))
        return f"the error has its {shape.code} {where}, not {wanted}"
    if shape.code != chosen.code:
        return f"the error has {shape.code} instead of {chosen.code}"
    return f"the error has {shape.message} instead of {chosen.message}"


def _check_code(policy: Policy, operation: Operation, status: object, code: str | None) -> Iterator[Finding]:
    """Check whether the error code is documented for this status code."""
    if code is None or type(status) is not int or code in operation.statuses.get(status, ()):
        return
    rule = policy.rule("NC312")
    elsewhere = sorted({s for op in policy.contract.operations.values() for s, codes in op.statuses.items() if code in codes})
    detail = {"value": excerpt(code), "problem": f"is not documented for {operation.id} with status {status}"}
    if elsewhere and elsewhere != [status]:
        detail["problem"] = f"belongs to status {' or '.join(map(str, elsewhere))}, not to {status}"
        yield Finding(policy.documented(rule.code), "", detail=detail)
    elif elsewhere or not (status in unnamed_statuses(policy) or (code.isascii() and code.isdigit() and int(code[:20]) >= rule.limit)):
        yield Finding(policy.documented(rule.code), "", detail=detail)
    else:
        # Where no code is documented, every code is right, so this is never more than a warning.
        note = f"undecided: the tables name no code for some errors, and the page goes on after {rule.limit - 1}"
        yield Finding(dataclasses.replace(policy.undecided(rule.code, note), severity=Severity.WARNING), "", detail=detail)


def unnamed_statuses(policy: Policy) -> frozenset[int]:
    """Return the client errors for which the pages name no code, such as that of a missing field."""
    return frozenset(answer.status for answer in policy.rule("NC101").expects)


class AnswerCheck:
    """Status and error code of createTask, compared with the findings about its payload (rule NC313)."""

    def __init__(self, policy: Policy, check_request: Callable[[Any], Report]) -> None:
        self._policy = policy
        self._check_request = check_request
        self._own = {answer: fields for code in ("NC111", "NC120") for answer, fields in _own_answers(policy.rule(code))}

    def check(self, answer: Answer, request: object) -> Iterator[Finding]:
        """Yield a finding if the response does not fit the request."""
        findings = self._check_request(request).findings
        errors = [f for f in findings if f.severity is Severity.ERROR and all(a.status != SUCCESS for a in f.expects)]
        applied = None
        if answer.status == SUCCESS:
            applied = self._apply_to_success(errors)
        elif any(_explains(f, answer, self._own.get(answer)) for f in findings):
            applied = None
        elif answer in self._own:
            applied = self._policy.documented("NC313")
        elif errors and answer.status in unnamed_statuses(self._policy):
            applied = self._apply_to_unexplained(answer)
        if applied is not None:
            yield _mismatch(applied, answer, errors)

    def _apply_to_success(self, errors: list[Finding]) -> AppliedRule | None:
        """Apply NC313 to a success. An error that a pin would allow is contested: the server may have the other reading."""
        if not errors or any(f.pin is None for f in errors):
            return self._policy.documented("NC313") if errors else None
        return self._policy.undecided("NC313", "; ".join(f"{f.certainty}: allowed under {f.pin}" for f in errors[:3]))

    def _apply_to_unexplained(self, answer: Answer) -> AppliedRule | None:
        """Apply NC313 to a request that breaks a rule but was rejected for a reason that it does not show.

        The name may be in use, the feature may not exist, or the gateway rejected the request before it was read.
        """
        policy = self._policy
        if answer.code in {a.code for a in policy.rule("NC120").expects if a.when}:
            pinned = policy.readings.pinned("check-order")
            return policy.error_unless_chosen("NC313", "check-order", "existence-first") if pinned else None
        return policy.undecided("NC313", "undecided: the pages do not state in which order a request is checked")


def _own_answers(rule: Rule) -> Iterator[tuple[Answer, tuple[str, ...]]]:
    """Yield the answers that belong to one rule only, with the pointers to its fields."""
    for answer in rule.expects:
        if not answer.when:
            yield Answer(answer.status, answer.code), tuple(map(pointer_to, [answer.field] if answer.field else rule.fields))


def _explains(finding: Finding, answer: Answer, pointers: tuple[str, ...] | None) -> bool:
    """Return whether a rejection is what a finding expects.

    Where the pages name no code, any code will do. But a mere warning about one field does not explain a code that belongs to another.
    """
    if answer in finding.expects:
        return True
    any_code = finding.severity is Severity.ERROR or pointers is None or finding.pointer in pointers
    return any_code and Answer(answer.status, None) in finding.expects


def _mismatch(applied: AppliedRule, answer: Answer, errors: list[Finding]) -> Finding:
    rules = ", ".join(dict.fromkeys(f.rule for f in errors))
    detail = {
        "had": f"breaks {rules}" if errors else "keeps every rule with this error code",
        "value": format_answer(answer),
        "expected": format_answers(a for f in errors for a in f.expects) or "success",
    }
    return Finding(applied, "", detail=detail)


def format_answer(answer: Answer) -> str:
    """Return `422 with code 10104`, or only the status code where no error code is known."""
    return format_status(answer.status, None if answer.code is None else excerpt(answer.code))


def format_answers(answers: Iterable[Answer]) -> str:
    """Return `422 with code 10104 or 422 with code 10105`: each answer once, in the given order."""
    return " or ".join(dict.fromkeys(map(format_answer, answers)))
