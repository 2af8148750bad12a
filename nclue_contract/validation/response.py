"""Judges a response as a whole: status code, content type, body, error code, and whether it fits the request.

The pages are "Overview", response status codes, and the API Gateway's error handling.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice

from nclue_contract.contract.model import Operation
from nclue_contract.contract.readings import Policy
from nclue_contract.contract.rules import Answer, AppliedRule, Rule, Severity
from nclue_contract.contract.wording import excerpt, json_kind, pointer_to, quoted
from nclue_contract.validation.error_body import CODE_FIELDS, code_text
from nclue_contract.validation.findings import Finding, Report
from nclue_contract.validation.headers import media_type, read_headers
from nclue_contract.validation.json_reader import Document, read
from nclue_contract.validation.response_fields import fields_checker
from nclue_contract.validation.strings import SURROGATE

SUCCESS = 200
"""The only success in NCLUE's table."""

FINDINGS_KEPT = 100
"""How many fields with a lone surrogate get a finding each."""

ResponseCheck = Callable[[object, object, object, object, object], list[Finding]]


def response_checker(policy: Policy, check_request: Callable[[object], Report]) -> ResponseCheck:
    """A function (operation ID, status code, headers, body, request or None) -> findings. It never raises, whatever it is given.

    `check_request` judges a createTask payload under the same readings, not strictly.
    """
    judged, unreadable = _exchange_check(policy, check_request), _said_of_an_answer(policy, "NC008")

    def check(operation_id: object, status: object, headers: object, body: object, request: object) -> list[Finding]:
        try:
            return judged(operation_id, status, headers, body, request)
        except Exception as error:  # noqa: BLE001  # a subclass or a mapping may do anything
            return [Finding(unreadable, "", detail={"problem": f"what was given cannot be read: {type(error).__name__}"})]

    return check


def _exchange_check(policy: Policy, check_request: Callable[[object], Report]) -> ResponseCheck:
    """The same function, which may raise when a subclass of a plain type does."""
    fields, answer = fields_checker(policy), _answer_check(policy, check_request)
    operations = policy.contract.operations

    def check(operation_id: object, status: object, headers: object, body: object, request: object) -> list[Finding]:
        name = str.__str__(operation_id) if isinstance(operation_id, str) else None
        operation = None if name is None else operations.get(name)
        if operation is None:
            problem = f"there is no operation {json_kind(operation_id) if name is None else excerpt(name)}"
            return [Finding(policy.documented("NC300"), "", detail={"problem": problem})]
        if isinstance(status, int) and not isinstance(status, bool):
            status = int.__index__(status)  # http.HTTPStatus counts as well
        found = list(_check_status(policy, operation, status))
        found += _check_content_type(policy, headers)
        value, problems = _read_body(policy, body)
        found += problems
        if isinstance(request, str) and operation.id == "createTask":
            request = str.__str__(request).encode("utf-8", "surrogatepass")  # the body, as json.dumps gives it
        sent = _what_was_asked(operation, request)
        code = None
        if isinstance(value, Mapping) and status == SUCCESS:
            found += fields(operation.response, value, sent)
        elif isinstance(value, Mapping) and type(status) is int and status >= 400:
            code, wrong = _check_error(policy, status, value)
            found += wrong
            found += _check_code(policy, operation, status, code)
        told = status == SUCCESS or code is not None or not found  # else it was said already why the code cannot be read
        if operation.id == "createTask" and request is not None and type(status) is int and told:
            found += answer(Answer(status, code), request)
        return found

    return check


def _said_of_an_answer(policy: Policy, code: str) -> AppliedRule:
    """A rule about the JSON of requests, applied to a response: nobody answers that."""
    return dataclasses.replace(policy.documented(code), answers=())


def _what_was_asked(operation: Operation, request: object) -> Mapping[str, object] | None:
    """The request as a mapping: a payload or a query as it is, a body or a query string read, a task ID as `{"task_id": …}`, or None."""
    if isinstance(request, str):
        if operation.id != "listTasks":
            return {"task_id": request}
        from urllib.parse import parse_qsl  # noqa: PLC0415  # few pass a query as text

        query = request.partition("?")[2] if request.startswith(("?", "/", "http")) else request
        request = dict(reversed(parse_qsl(query)))  # of several values the first counts, as in our service
    if isinstance(request, bytes | bytearray):
        request = read(bytes(request)).value
    if not isinstance(request, Mapping):
        return None
    return {name: value for name, value in request.items() if isinstance(name, str)}


def _check_status(policy: Policy, operation: Operation, status: object) -> Iterator[Finding]:
    if type(status) is not int or status not in operation.statuses:
        shown = str(status) if type(status) is int and status.bit_length() <= 64 else f"({json_kind(status)})"
        yield Finding(policy.documented("NC301"), "", detail={"actual": shown, "operation": operation.id})


def _check_content_type(policy: Policy, headers: object) -> Iterator[Finding]:
    applied = policy.documented("NC302")
    try:
        values = read_headers(headers).get("content-type", [])
    except Exception:  # noqa: BLE001  # an object of a client library may do anything
        values = []
    if [media_type(value) for value in values] != [applied.rule.media_type]:
        shown = " and ".join(map(quoted, values[:3])) or "missing"
        yield Finding(applied, "", detail={"value": shown, "expected": applied.rule.media_type})


def _read_body(policy: Policy, body: object) -> tuple[object, list[Finding]]:
    if not isinstance(body, bytes | bytearray | memoryview | str):
        kind = f"of the Python type {excerpt(type(body).__name__)} instead of bytes"
        return None, [Finding(policy.documented("NC303"), "", detail={"kind": kind})]
    document = _document(str.__str__(body) if isinstance(body, str) else bytes(memoryview(body)))
    found = [Finding(_said_of_an_answer(policy, p.code), p.pointer, p.offset, detail=p.detail) for p in document.problems]
    if document.readable and not isinstance(document.value, Mapping):
        found.append(Finding(policy.documented("NC303"), "", detail={"kind": json_kind(document.value)}))
    elif isinstance(document.value, Mapping):
        found += islice(_lone_surrogates(policy, document.value), FINDINGS_KEPT)
    return document.value if document.readable else None, found


@lru_cache(maxsize=4)
def _document(body: bytes | str) -> Document:
    """A contract check judges one answer under several readings. Nobody changes the document."""
    return read(body)


def _lone_surrogates(policy: Policy, body: Mapping[str, object]) -> Iterator[Finding]:
    """Those of the outermost object; the reader has looked at all other places."""
    applied = dataclasses.replace(policy.documented("NC007", group=SURROGATE), answers=())
    for name, value in body.items():
        if isinstance(value, str) and (match := SURROGATE.search(value)):
            yield Finding(applied, pointer_to(name), match.start(), value)


def _check_error(policy: Policy, status: int, body: Mapping[str, object]) -> tuple[str | None, list[Finding]]:
    """The error code as text (None when there is none), and what is wrong with the shape of the error."""
    nested = body.get("error")
    shape, holder = ("nested", nested) if isinstance(nested, Mapping) else ("flat", body)
    name = next((name for name in CODE_FIELDS if name in holder), None)
    prefix = "/error" if shape == "nested" else ""
    applied = policy.refused_by_choice("NC311", "error-shape", allowing=shape)
    if name is None or (shape == "nested" and name != "errorCode"):
        applied = policy.documented("NC311")
    found = [Finding(applied, prefix, detail={"problem": _shape_problem(shape, name)})] if applied else []
    if name is None:
        return None, found
    if "message" not in holder:
        found.append(Finding(policy.documented("NC311"), prefix, detail={"problem": "the error has no message"}))
    elif not isinstance(holder["message"], str):
        detail = {"kind": json_kind(holder["message"]), "expected": "a string"}
        found.append(Finding(policy.documented("NC305"), f"{prefix}/message", detail=detail))
    code = holder[name]
    if code is None and status in unnamed_statuses(policy):  # the pages name no code for some of these errors
        return None, found
    if type(code) is int or isinstance(code, str):
        kind, other = ("integer", "a string") if isinstance(code, int) else ("string", "an integer")
        wrong_type = policy.refused_by_choice("NC305", "error-code-type", allowing=kind)
        if wrong_type:
            found.append(Finding(wrong_type, f"{prefix}/{name}", detail={"kind": json_kind(code), "expected": other}))
        return code_text(code), found
    expected = "an integer" if policy.readings["error-code-type"] == "integer" else "a string"
    found.append(Finding(policy.documented("NC305"), f"{prefix}/{name}", detail={"kind": json_kind(code), "expected": expected}))
    return None, found


def _shape_problem(shape: str, name: str | None) -> str:
    if name is None:
        return "the error has no errorCode"
    if shape == "flat":
        return f"the error has its {name} at the top, not in an object error"
    return f"the error has {name} instead of errorCode"


def _check_code(policy: Policy, operation: Operation, status: object, code: str | None) -> Iterator[Finding]:
    """Whether the pages know the error code for this status code."""
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
        note = f"undecided: the tables name no code for some errors, and the page goes on after {rule.limit - 1}"
        yield Finding(policy.undecided(rule.code, note), "", detail=detail)


def unnamed_statuses(policy: Policy) -> frozenset[int]:
    """The client errors for which the pages name no code, such as that of a missing field."""
    return frozenset(answer.status for answer in policy.rule("NC101").expects)


def _answer_check(policy: Policy, check_request: Callable[[object], Report]) -> Callable[[Answer, object], Iterator[Finding]]:
    """A function that compares the answer of createTask with what the rules say of its payload."""
    refused = policy.documented("NC313")
    own = {answer: fields for code in ("NC111", "NC120") for answer, fields in _own_answers(policy.rule(code))}
    unnamed = unnamed_statuses(policy)

    def check(answer: Answer, request: object) -> Iterator[Finding]:
        findings = check_request(request).findings
        breaks = [f for f in findings if f.severity is Severity.ERROR and all(a.status != SUCCESS for a in f.expects)]
        if answer.status == SUCCESS:
            applied = _verdict_on_success(policy, breaks)
        elif any(_explains(f, answer, own.get(answer)) for f in findings):
            applied = None
        elif answer in own:
            applied = refused
        else:
            applied = _verdict_on_other_refusal(policy, answer) if breaks and answer.status in unnamed else None
        if applied is not None:
            yield _misfit(applied, answer, breaks)

    return check


def _verdict_on_success(policy: Policy, breaks: list[Finding]) -> AppliedRule | None:
    """What is to be said of a request that was taken although it breaks something."""
    # An error that a pin would allow is contested: the server may read the pages in the other way.
    if not breaks or any(f.pin is None for f in breaks):
        return policy.documented("NC313") if breaks else None
    return policy.undecided("NC313", "; ".join(f"{f.certainty}: allowed under {f.pin}" for f in breaks[:3]))


def _verdict_on_other_refusal(policy: Policy, answer: Answer) -> AppliedRule | None:
    """What is to be said of a request that breaks something and was refused for another reason, that nothing in it shows."""
    # The name may exist, the feature may not, or the gateway refused the request before anybody read it.
    if answer.code in {a.code for a in policy.rule("NC120").expects if a.when}:
        pinned = policy.readings.pinned("check-order")
        return policy.refused_by_choice("NC313", "check-order", allowing="existence-first") if pinned else None
    return policy.undecided("NC313", "undecided: the pages do not say in which order a request is checked")


def _own_answers(rule: Rule) -> Iterator[tuple[Answer, tuple[str, ...]]]:
    """The answers that name one rule and its fields, with the pointers to these."""
    for answer in rule.expects:
        if not answer.when:
            yield Answer(answer.status, answer.code), tuple(map(pointer_to, [answer.field] if answer.field else rule.fields))


def _explains(finding: Finding, answer: Answer, pointers: tuple[str, ...] | None) -> bool:
    """Whether a refusal is what a finding expects.

    Where the pages name no code, it is not judged. But a mere warning about one field does not explain a code that names another.
    """
    if answer in finding.expects:
        return True
    judged_not = finding.severity is Severity.ERROR or pointers is None or finding.pointer in pointers
    return judged_not and Answer(answer.status, None) in finding.expects


def _misfit(applied: AppliedRule, answer: Answer, breaks: list[Finding]) -> Finding:
    rules = ", ".join(dict.fromkeys(f.rule for f in breaks))
    detail = {
        "had": f"breaks {rules}" if breaks else "keeps every rule that has this answer",
        "value": format_answer(answer),
        "expected": format_answers(a for f in breaks for a in f.expects) or "success",
    }
    return Finding(applied, "", detail=detail)


def format_answer(answer: Answer) -> str:
    """Return `422/10104`, or only the status code where no error code is known."""
    return str(answer.status) if answer.code is None else f"{answer.status}/{excerpt(answer.code)}"


def format_answers(answers: Iterable[Answer]) -> str:
    """Return `422/10104 or 422/10105`: each answer once, in the given order."""
    return " or ".join(dict.fromkeys(map(format_answer, answers)))
