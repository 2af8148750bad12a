"""Looks over the shoulder of a service: which requests of a client break the contract, and what was met of it. For tests of clients.

The requests are judged here and not by the service, which may have planted faults, be told to fail, or be asked to be strict.
"""

from __future__ import annotations

import dataclasses
import re
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nclue_contract.contract.model import Operation
from nclue_contract.contract.rules import Severity
from nclue_contract.contract.wording import escaped
from nclue_contract.service.faults.catalogue import plant, wrap
from nclue_contract.service.lifecycle import Progress
from nclue_contract.service.messages import Refusal, Request, Response
from nclue_contract.service.service import MAX_BODY, Service
from nclue_contract.validation.findings import Finding, Report
from nclue_contract.validation.query import read_query
from nclue_contract.validation.reports.text import render_report
from nclue_contract.validation.signature import Verifier
from nclue_contract.validation.validator import Validator

SHOWN = 5
"""Requests that `tell` shows in full."""

KEPT = 100
"""Broken requests that a record keeps until it forgets them, and any more only for a rule that none of these broke."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A request that breaks the contract, by its errors; `origin` is the place in the client that sent it, if that is known."""

    number: int
    line: str
    answer: str
    errors: tuple[Finding, ...]
    origin: str = ""

    def without(self, rules: Collection[str]) -> Broken | None:
        """The same without the errors of these rules; None when there is no other."""
        errors = tuple(finding for finding in self.errors if finding.rule not in rules)
        return dataclasses.replace(self, errors=errors) if errors else None


@dataclass(slots=True)
class Tally:
    """What was met: operations that succeeded, rules that a request was refused for, error codes that were answered."""

    requests: int = 0
    operations: set[str] = field(default_factory=set)
    rules: set[str] = field(default_factory=set)
    answers: set[tuple[str, int, str]] = field(default_factory=set)

    def to_plain(self) -> dict[str, Any]:
        """Numbers, texts and lists, which can be sent to another process."""
        answers = [list(answer) for answer in sorted(self.answers)]
        return {"requests": self.requests, "operations": sorted(self.operations), "rules": sorted(self.rules), "answers": answers}

    def add(self, plain: Mapping[str, Any]) -> None:
        """Add what another tally has met, in the form of `to_plain`."""
        self.requests += plain["requests"]
        self.operations |= set(plain["operations"])
        self.rules |= set(plain["rules"])
        self.answers |= {(operation, status, code) for operation, status, code in plain["answers"]}


class Record:
    """What all watched services of a session have seen, in whatever thread."""

    def __init__(self) -> None:
        self.tally: Tally = Tally()
        self._broken: list[Broken] = []
        self._rules: set[str] = set()
        self._lock = threading.Lock()

    def add(self, operation: Operation | None, response: Response, broken: Broken | None) -> None:
        """Remember a request and what it was answered."""
        code = error_code(response)
        with self._lock:
            self.tally.requests += 1
            if operation is not None and response.status < 400:
                self.tally.operations.add(operation.id)
            if operation is not None and code is not None:
                self.tally.answers.add((operation.id, response.status, code))
            if broken is None:
                return
            rules = {finding.rule for finding in broken.errors}
            if response.status >= 400:
                self.tally.rules |= rules & set(response.rules)
            if len(self._broken) < KEPT or not rules <= self._rules:
                self._broken.append(broken)
                self._rules |= rules

    def broken(self, allow: Collection[str] = ()) -> list[Broken]:
        """The requests that broke the contract since `forget`, without the errors of the rules in `allow`."""
        with self._lock:
            return [kept for one in self._broken if (kept := one.without(allow)) is not None]

    def forget(self) -> None:
        """Forget the broken requests; the tally stays."""
        with self._lock:
            self._broken.clear()
            self._rules.clear()


def watch(service: Service, record: Record, validator: Validator, origin: Callable[[], str] | None = None) -> None:
    """Policy and remember every request that the service handles. To be called when all faults are planted: it stands before them.

    `origin` is asked where a broken request comes from, while the client waits for the answer.
    """
    judge = _request_judge(service.keys, validator)

    def handle(original: Callable[[Request, int], Response], request: Request, now_ms: int) -> Response:
        operation = _operation(service, request)
        errors = judge(request, operation, now_ms)
        response = original(request, now_ms)
        broken = None
        if errors:
            line = escaped(f"{request.method:.20} {request.target.partition('?')[0]:.200}")
            broken = Broken(service.store.requests, line, _answered(response), errors, origin() if origin else "")
        record.add(operation, response, broken)
        return response

    wrap(service, "handle", handle)


def watched_service(
    record: Record,
    validator: Validator,
    keys: Mapping[str, str] | None,
    progress: str = "immediate",
    faults: Iterable[str] = (),
    origin: Callable[[], str] | None = None,
) -> Service:
    """A new service that is watched, with the readings of the validator. Raises `ValueError` for an unknown progress or fault."""
    service = Service(keys, readings=validator.readings, progress=Progress.parse(progress))
    for fault in faults:
        plant(service, fault)
    watch(service, record, validator, origin)
    return service


def _operation(service: Service, request: Request) -> Operation | None:
    try:  # by way of the class, past any fault
        return Service.find_operation(service, request.method.upper(), request.target.partition("?")[0])[0]
    except Refusal:
        return None


def _request_judge(keys: Mapping[str, str] | None, validator: Validator) -> Callable[[Request, Operation | None, int], tuple[Finding, ...]]:
    """A function that gives every error of a request: its signature, if keys are given, its content type, JSON and payload, its query."""
    verify = Verifier(validator.readings)

    def judge(request: Request, operation: Operation | None, now_ms: int) -> tuple[Finding, ...]:
        found: list[Finding] = []
        if keys is not None:
            found += verify(request.method, request.target, request.headers, keys, now_ms).report.findings
        if operation is not None and operation.id == "createTask" and len(request.body) <= MAX_BODY:
            types = [(name, value) for name, value in request.headers if name.lower() == "content-type"]
            found += [finding for finding in validator.validate_headers(types).findings if finding.pointer == "/content-type"]
            found += validator.validate_request_json(request.body).findings
        if operation is not None and operation.id == "listTasks":
            found += read_query(request.target.partition("?")[2])[1]
        return tuple(finding for finding in found if finding.severity is Severity.ERROR and finding.rule not in validator.ignore)

    return judge


def error_code(response: Response) -> str | None:
    """The error code in the body, in either shape and type; None when there is none."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return None
    error = body.get("error", body) if isinstance(body, dict) else None
    code = error.get("errorCode", error.get("code")) if isinstance(error, dict) else None
    return str(code) if isinstance(code, str | int) and response.status >= 400 else None


def _answered(response: Response) -> str:
    code = error_code(response)
    return escaped(f"{response.status}/{code:.40}") if code else str(response.status)


# -- in words ------------------------------------------------------------------------------------------------------------------------


def tell(broken: list[Broken]) -> str:
    """The requests in full, with what the person who wrote the test can do about them. The first line says the most."""
    rules = dict.fromkeys(f"{finding.rule} {finding.slug}" for one in broken for finding in one.errors)
    what = "a request breaks" if len(broken) == 1 else f"{len(broken)}{' or more' * (len(broken) >= KEPT)} requests break"
    parts = [f"{', '.join(rules)}: {what} the contract"]
    for one in broken[:SHOWN]:
        origin = f", sent by {one.origin}" if one.origin else ""
        parts += [f"request {one.number}: {one.line}, answered {one.answer}{origin}", shown(Report(one.errors))]
    if len(broken) > SHOWN:
        parts.append(f"... and {len(broken) - SHOWN} more requests")
    return "\n\n".join([*parts, _advice(broken)])


def shown(report: Report) -> str:
    """The report as pytest shows it: a pin is an option of pytest here."""
    return re.sub(r"^(  pin: +)--reading", r"\1--nclue-reading", render_report(report), flags=re.MULTILINE)


def _advice(broken: Iterable[Broken]) -> str:
    errors = [finding for one in broken for finding in one.errors]
    rules = ", ".join(f'"{rule}"' for rule in dict.fromkeys(finding.rule for finding in errors))
    lines = [f"If the test sends this on purpose: @pytest.mark.nclue(allow=[{rules}])"]
    if pins := dict.fromkeys(f"--nclue-reading {finding.pin}" for finding in errors if finding.pin is not None):
        lines.append(f"If you know that NCLUE takes it: {' '.join(pins)}, or [tool.nclue-contract.readings]")
    return "\n".join(lines)
