"""Judges a response as a whole: status code, content type, body, error code, and whether it fits the request.

The pages are "Overview", response status codes, and the API Gateway's error handling.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from nclue_contract.findings import Finding, Report
from nclue_contract.header_checks import media_type, read_headers
from nclue_contract.json_reader import read
from nclue_contract.readings import Judge
from nclue_contract.response_fields import fields_checker
from nclue_contract.rules import Answer, Severity, Verdict
from nclue_contract.spec import Operation
from nclue_contract.wording import excerpt, json_kind, quoted

SUCCESS = 200
"""The only success in NCLUE's table."""

ResponseCheck = Callable[[object, object, object, object, object], list[Finding]]


def response_checker(judge: Judge, check_request: Callable[[object], Report]) -> ResponseCheck:
    """A function (operation ID, status code, headers, body, request or None) -> findings. It never raises on data.

    `check_request` judges a createTask payload under the same readings, not strictly.
    """
    fields, answer = fields_checker(judge), _answer_check(judge, check_request)
    operations = judge.contract.operations

    def check(operation_id: object, status: object, headers: object, body: object, request: object) -> list[Finding]:
        operation = operations.get(operation_id) if isinstance(operation_id, str) else None
        if operation is None:
            problem = f"there is no operation {excerpt(str(operation_id)) if isinstance(operation_id, str) else json_kind(operation_id)}"
            return [Finding(judge.documented("NC300"), "", detail={"problem": problem})]
        if isinstance(status, int) and not isinstance(status, bool):
            status = int(status)  # http.HTTPStatus counts as well
        found = list(_check_status(judge, operation, status))
        found += _check_content_type(judge, headers)
        value, problems = _read_body(judge, body)
        found += problems
        sent = request_mapping(request)
        code = None
        if isinstance(value, Mapping) and status == SUCCESS:
            found += fields(operation.response, value, sent)
        elif isinstance(value, Mapping) and type(status) is int and status >= 400:
            code, wrong = _check_error(judge, value)
            found += wrong
            found += _check_code(judge, operation, status, code)
        if operation.id == "createTask" and request is not None and type(status) is int:
            found += answer(Answer(status, code), request)
        return found

    return check


def request_mapping(request: object) -> Mapping[str, object] | None:
    """What was asked, as a mapping: a payload or a query as it is, a body read, a task ID as `{"task_id": …}`; None for anything else."""
    if isinstance(request, str):
        return {"task_id": request}
    if isinstance(request, bytes | bytearray):
        request = read(bytes(request)).value
    if not isinstance(request, Mapping):
        return None
    return {name: value for name, value in request.items() if isinstance(name, str)}


def _check_status(judge: Judge, operation: Operation, status: object) -> Iterator[Finding]:
    if type(status) is not int or status not in operation.statuses:
        shown = str(status) if type(status) is int and status.bit_length() <= 64 else f"({json_kind(status)})"
        yield Finding(judge.documented("NC301"), "", detail={"actual": shown, "operation": operation.id})


def _check_content_type(judge: Judge, headers: object) -> Iterator[Finding]:
    verdict = judge.documented("NC302")
    try:
        values = read_headers(headers).get("content-type", [])
    except Exception:  # noqa: BLE001  # an object of a client library may do anything
        values = []
    if [media_type(value) for value in values] != [verdict.rule.media_type]:
        shown = " and ".join(map(quoted, values[:3])) or "missing"
        yield Finding(verdict, "", detail={"value": shown, "expected": verdict.rule.media_type})


def _read_body(judge: Judge, body: object) -> tuple[object, list[Finding]]:
    if not isinstance(body, bytes | bytearray | str):
        return None, [Finding(judge.documented("NC303"), "", detail={"kind": json_kind(body)})]
    document = read(body if isinstance(body, str) else bytes(body))
    found = [Finding(judge.documented(p.code), p.pointer, p.offset, detail=p.detail) for p in document.problems]
    if document.readable and not isinstance(document.value, Mapping):
        found.append(Finding(judge.documented("NC303"), "", detail={"kind": json_kind(document.value)}))
    return document.value if document.readable else None, found


def _check_error(judge: Judge, body: Mapping[str, object]) -> tuple[str | None, list[Finding]]:
    """The error code as text (None when there is none), and what is wrong with the shape of the error."""
    nested = body.get("error")
    shape, holder = ("nested", nested) if isinstance(nested, Mapping) else ("flat", body)
    name = next((name for name in ("errorCode", "code") if name in holder), None)
    prefix = "/error" if shape == "nested" else ""
    verdict = judge.refused_by_choice("NC311", "error-shape", allowing=shape)
    if name is None or (shape == "nested" and name != "errorCode"):
        verdict = judge.documented("NC311")
    found = [Finding(verdict, prefix, detail={"problem": _shape_problem(shape, name)})] if verdict else []
    if name is None:
        return None, found
    code = holder[name]
    if type(code) is int or isinstance(code, str):
        kind, other = ("integer", "a string") if isinstance(code, int) else ("string", "an integer")
        wrong_type = judge.refused_by_choice("NC305", "error-code-type", allowing=kind)
        if wrong_type:
            found.append(Finding(wrong_type, f"{prefix}/{name}", detail={"kind": json_kind(code), "expected": other}))
        return (str(code) if isinstance(code, str) or code.bit_length() <= 64 else None), found
    found.append(Finding(judge.documented("NC305"), f"{prefix}/{name}", detail={"kind": json_kind(code), "expected": "a string"}))
    return None, found


def _shape_problem(shape: str, name: str | None) -> str:
    if name is None:
        return "the error has no errorCode"
    if shape == "flat":
        return f"the error has its {name} at the top, not in an object error"
    return f"the error has {name} instead of errorCode"


def _check_code(judge: Judge, operation: Operation, status: object, code: str | None) -> Iterator[Finding]:
    """Whether the pages know the error code for this status code."""
    if code is None or type(status) is not int or code in operation.statuses.get(status, ()):
        return
    rule = judge.rule("NC312")
    elsewhere = sorted({s for op in judge.contract.operations.values() for s, codes in op.statuses.items() if code in codes})
    detail = {"value": excerpt(code), "problem": f"is not documented for {operation.id} with status {status}"}
    if elsewhere and elsewhere != [status]:
        detail["problem"] = f"belongs to status {' or '.join(map(str, elsewhere))}, not to {status}"
        yield Finding(judge.documented(rule.code), "", detail=detail)
    elif elsewhere or not (status in unnamed_statuses(judge) or (code.isascii() and code.isdigit() and int(code[:20]) >= rule.limit)):
        yield Finding(judge.documented(rule.code), "", detail=detail)
    else:
        note = f"undecided: the tables name no code for some errors, and the page goes on after {rule.limit - 1}"
        yield Finding(judge.undecided(rule.code, note), "", detail=detail)


def unnamed_statuses(judge: Judge) -> frozenset[int]:
    """The client errors for which the pages name no code, such as that of a missing field."""
    return frozenset(answer.status for answer in judge.rule("NC101").expects)


def _answer_check(judge: Judge, check_request: Callable[[object], Report]) -> Callable[[Answer, object], Iterator[Finding]]:
    """A function that compares the answer of createTask with what the rules say of its payload."""
    refused = judge.documented("NC313")
    rules = [judge.rule(code) for code in ("NC111", "NC120")]
    own_codes = {Answer(a.status, a.code) for rule in rules for a in rule.expects if not a.when}
    file_codes = {a.code for a in judge.rule("NC120").expects if a.when}
    unnamed = unnamed_statuses(judge)

    def check(answer: Answer, request: object) -> Iterator[Finding]:
        findings = check_request(request).findings
        breaks = [f for f in findings if f.severity is Severity.ERROR and all(a.status != SUCCESS for a in f.expects)]
        expected = {a for f in findings for a in f.expects}
        if answer.status == SUCCESS:
            verdict = _verdict_on_success(breaks)
        elif answer in own_codes - expected:
            verdict = refused
        else:
            other_refusal = answer.status in unnamed and answer.code not in file_codes
            verdict = refused if breaks and other_refusal and not {answer, Answer(answer.status, None)} & expected else None
        if verdict is not None:
            yield _misfit(verdict, answer, breaks)

    def _verdict_on_success(breaks: list[Finding]) -> Verdict | None:
        # An error that a pin would allow is contested: the server may read the pages in the other way.
        if not breaks or any(f.pin is None for f in breaks):
            return refused if breaks else None
        return judge.undecided("NC313", "; ".join(f"{f.certainty}: allowed under {f.pin}" for f in breaks[:3]))

    return check


def _misfit(verdict: Verdict, answer: Answer, breaks: list[Finding]) -> Finding:
    rules = ", ".join(dict.fromkeys(f.rule for f in breaks))
    expected = dict.fromkeys(spelled(a) for f in breaks for a in f.expects)
    detail = {
        "had": f"breaks {rules}" if breaks else "keeps every rule that has this answer",
        "value": spelled(answer),
        "expected": " or ".join(expected) or "success",
    }
    return Finding(verdict, "", detail=detail)


def spelled(answer: Answer) -> str:
    """`422/10104`, or only the status code where no error code is known."""
    return str(answer.status) if answer.code is None else f"{answer.status}/{excerpt(answer.code)}"
