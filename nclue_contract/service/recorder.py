"""Record and validate every request that a service receives; used by the pytest fixtures.

The requests are validated here and not by the service, because that may have injected faults or failures.
"""

from __future__ import annotations

import dataclasses
import re
import textwrap
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nclue_contract.contract.masking import Masker
from nclue_contract.contract.model import Operation, contract
from nclue_contract.contract.rules import Severity
from nclue_contract.contract.wording import escaped, format_status, pointer_to
from nclue_contract.service.faults.catalogue import inject_fault
from nclue_contract.service.faults.injection import wrap_method
from nclue_contract.service.lifecycle import ProgressMode
from nclue_contract.service.messages import Rejection, Request, Response, request_masker
from nclue_contract.service.service import MAX_BODY, Service
from nclue_contract.validation.error_body import error_code
from nclue_contract.validation.findings import Finding, Report
from nclue_contract.validation.json_reader import read
from nclue_contract.validation.query import read_query
from nclue_contract.validation.reports.text import render_report
from nclue_contract.validation.signature import Verifier
from nclue_contract.validation.signature_mistakes import Mistake
from nclue_contract.validation.validator import Validator

MAX_LISTED_REQUESTS = 5
"""Requests that `format_broken_requests` shows in full."""

MAX_LINE = 220
"""Characters of a method and a path that are stored."""

MAX_RECORDED_REQUESTS = 100
"""Invalid requests that a recorder stores until `forget`; a further one is stored only for a rule that none of these broke."""


@dataclass(frozen=True, slots=True)
class InvalidRequest:
    """A request that breaks the contract, with its errors.

    `number` is its number in the journal, `line` its method and path, `response` the status and error code of the response, `origin` the
    place in the client that sent it, if that is known, and `mistakes` what explains an invalid signature. `masker` knows its secrets, which
    a finding may quote.
    """

    number: int
    line: str
    response: str
    errors: tuple[Finding, ...]
    origin: str = ""
    mistakes: tuple[Mistake, ...] = ()
    masker: Masker = field(default_factory=Masker, compare=False, repr=False)

    def without(self, rules: Collection[str]) -> InvalidRequest | None:
        """Return a copy without the errors of these rules; None when no error is left."""
        errors = tuple(finding for finding in self.errors if finding.rule not in rules)
        return dataclasses.replace(self, errors=errors) if errors else None

    def signer_mistakes(self) -> list[str]:
        """Return what the client does wrong in signing, as far as no error says it; none when no error is about the signature."""
        signed = {pointer_to(name) for name in contract().headers}
        about_it = [finding for finding in self.errors if finding.pointer in signed]
        said = {word for finding in about_it for word in finding.causes}
        return [mistake.sentence for mistake in self.mistakes if about_it and mistake.word not in said]


@dataclass(slots=True)
class Tally:
    """What the requests covered: operations that succeeded, rules for which a request was rejected, error codes in responses.

    `answers` are the error codes as (operation, status, code).
    """

    requests: int = 0
    operations: set[str] = field(default_factory=set)
    rules: set[str] = field(default_factory=set)
    answers: set[tuple[str, int, str]] = field(default_factory=set)

    def to_plain(self) -> dict[str, Any]:
        """Return the tally as numbers, strings and lists, which can be sent to another process."""
        answers = [list(answer) for answer in sorted(self.answers)]
        return {"requests": self.requests, "operations": sorted(self.operations), "rules": sorted(self.rules), "answers": answers}

    def add(self, plain: Mapping[str, Any]) -> None:
        """Add another tally, in the form of `to_plain`."""
        self.requests += plain["requests"]
        self.operations |= set(plain["operations"])
        self.rules |= set(plain["rules"])
        self.answers |= {(operation, status, code) for operation, status, code in plain["answers"]}


class Recorder:
    """Keeps the requests of all recorded services of a session; thread-safe."""

    def __init__(self) -> None:
        self.tally: Tally = Tally()
        self._broken: list[InvalidRequest] = []
        self._rules: set[str] = set()
        self._lock = threading.Lock()

    def add(self, operation: Operation | None, response: Response, broken: InvalidRequest | None) -> None:
        """Record a request and its response."""
        code = _error_code(response)
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
            if len(self._broken) < MAX_RECORDED_REQUESTS or not rules <= self._rules:
                self._broken.append(broken)
                self._rules |= rules

    def broken(self, allow: Collection[str] = ()) -> list[InvalidRequest]:
        """Return the requests that broke the contract since `forget`, without the errors of the rules in `allow`."""
        with self._lock:
            return [rest for one in self._broken if (rest := one.without(allow)) is not None]

    def forget(self) -> None:
        """Remove the broken requests; the tally stays."""
        with self._lock:
            self._broken.clear()
            self._rules.clear()


def record_requests(service: Service, recorder: Recorder, validator: Validator, origin: Callable[[], str] | None = None) -> None:
    """Let a recorder validate and record each request that a service handles. To be called after all faults are injected.

    `origin` returns the place in the client that is sending; it is called for a broken request, while the client waits for the response.
    """
    validate = _RequestValidator(service.keys, validator)

    def handle(original: Callable[[Request, int], Response], request: Request, now_ms: int) -> Response:
        operation, findings = _operation(service, request)
        errors, mistakes = validate(request, operation, findings, now_ms)
        response = original(request, now_ms)
        broken = None
        if errors:
            masker = request_masker(request.headers, service.keys)
            line = escaped(masker.text(f"{request.method:.20} {request.target.partition('?')[0]}")[:MAX_LINE])
            answer, sender = _status_and_code(response), origin() if origin else ""
            broken = InvalidRequest(service.store.requests, line, answer, errors, sender, mistakes, masker)
        recorder.add(operation, response, broken)
        return response

    wrap_method(service, "handle", handle)


def recorded_service(
    recorder: Recorder,
    validator: Validator,
    keys: Mapping[str, str] | None,
    progress: str = "immediate",
    faults: Iterable[str] = (),
    origin: Callable[[], str] | None = None,
) -> Service:
    """Return a new service with a recorder, under the readings of the validator. Raises `ValueError` for an unknown progress or fault."""
    service = Service(keys, readings=validator.readings, progress=ProgressMode.parse(progress))
    for fault in faults:
        inject_fault(service, fault)
    record_requests(service, recorder, validator, origin)
    return service


def _operation(service: Service, request: Request) -> tuple[Operation | None, tuple[Finding, ...]]:
    """Return the operation that a request is for, and why it is for none."""
    try:  # called on the class, so that no injected fault affects them
        Service.check_tls(service, request)
        return Service.find_operation(service, request.method.upper(), request.target.partition("?")[0])[0], ()
    except Rejection as rejection:
        return None, rejection.findings


class _RequestValidator:
    """Validates a request: its URL, its signature, if keys are given, its content type, JSON and payload, and its query."""

    def __init__(self, keys: Mapping[str, str] | None, validator: Validator) -> None:
        self._keys = keys
        self._validator = validator
        self._verify = Verifier(validator.readings)

    def __call__(
        self, request: Request, operation: Operation | None, about_url: Iterable[Finding], now_ms: int
    ) -> tuple[tuple[Finding, ...], tuple[Mistake, ...]]:
        """Return the errors, those about the URL first, and the mistakes that explain an invalid signature."""
        validator = self._validator
        findings = list(about_url)
        mistakes: tuple[Mistake, ...] = ()
        if self._keys is not None:
            verified = self._verify.any_of(request.method, request.signed_targets, request.headers, self._keys, now_ms, request.body)
            findings += verified.report.findings
            mistakes = () if verified.ok else verified.mistakes
        if operation is not None and operation.id == "createTask" and len(request.body) <= MAX_BODY:
            types = [(name, value) for name, value in request.headers if name.lower() == "content-type"]
            findings += [finding for finding in validator.validate_headers(types).findings if finding.pointer == "/content-type"]
            findings += validator.validate_request_json(request.body).findings
        if operation is not None and operation.id == "listTasks":
            findings += read_query(request.target.partition("?")[2], validator.readings)[1]
        errors = tuple(finding for finding in findings if finding.severity is Severity.ERROR and finding.rule not in validator.ignore)
        return errors, mistakes


def _error_code(response: Response) -> str | None:
    """Return the error code in the body of an error response; None when there is none."""
    return error_code(read(response.body).value) if response.status >= 400 else None


def _status_and_code(response: Response) -> str:
    code = _error_code(response)
    return escaped(format_status(response.status, f"{code:.40}" if code else None))


# -- as text -------------------------------------------------------------------------------------------------------------------------


def format_broken_requests(broken: list[InvalidRequest]) -> str:
    """Return the requests as text, with advice for the author of the test. The first line is a summary."""
    rules = dict.fromkeys(f"{finding.rule} {finding.slug}" for one in broken for finding in one.errors)
    what = "a request breaks" if len(broken) == 1 else f"{len(broken)}{' or more' * (len(broken) >= MAX_RECORDED_REQUESTS)} requests break"
    parts = [f"{', '.join(rules)}: {what} the contract"]
    for one in broken[:MAX_LISTED_REQUESTS]:
        origin = f", sent by {one.origin}" if one.origin else ""
        parts += [f"request {one.number}: {one.line}, response {one.response}{origin}", one.masker.text(format_report(Report(one.errors)))]
        parts += [textwrap.fill(f"signer: {text}", 79, subsequent_indent=" " * 8, break_on_hyphens=False) for text in one.signer_mistakes()]
    if len(broken) > MAX_LISTED_REQUESTS:
        parts.append(f"... and {len(broken) - MAX_LISTED_REQUESTS} more requests")
    return "\n\n".join([*parts, _advice(broken)])


def format_report(report: Report) -> str:
    """Return the report as text for pytest: a reading is pinned with an option of pytest here."""
    return re.sub(r"^(  pin: +)--reading", r"\1--nclue-reading", render_report(report), flags=re.MULTILINE)


def _advice(broken: Iterable[InvalidRequest]) -> str:
    errors = [finding for one in broken for finding in one.errors]
    rules = ", ".join(f'"{rule}"' for rule in dict.fromkeys(finding.rule for finding in errors))
    lines = [f"If the test sends this on purpose: @pytest.mark.nclue(allow=[{rules}])"]
    if pins := dict.fromkeys(f"--nclue-reading {finding.pin}" for finding in errors if finding.pin is not None):
        lines.append(f"If you know that NCLUE accepts it: {' '.join(pins)}, or [tool.nclue-contract.readings]")
    return "\n".join(lines)
