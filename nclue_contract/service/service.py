"""The service: accepts a request and a time, and returns the response that NCLUE would send.

Nothing here opens a socket or reads a clock, so the mock and the server give the same responses, and a run can be repeated. Where the
pages leave a choice, the readings decide; where they name no error code, the response has none (null).
Each step is a method that is called through the instance, so that an injected fault can replace it.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import uuid
from collections.abc import Callable, Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlsplit

from nclue_contract.contract.model import DocumentedError, Operation, contract
from nclue_contract.contract.readings import Readings
from nclue_contract.contract.wording import json_kind
from nclue_contract.service.lifecycle import Lifecycle, ProgressMode, Task
from nclue_contract.service.messages import InjectedFailure, MethodNotAllowed, Rejection, Request, Response, journal_entry, masked_entry
from nclue_contract.service.serializers import Serializer
from nclue_contract.service.store import ExternalData, Store
from nclue_contract.validation.findings import Finding
from nclue_contract.validation.json_reader import read
from nclue_contract.validation.operation import unknown_operation, without_tls
from nclue_contract.validation.query import read_query
from nclue_contract.validation.response import GATEWAY_SUCCESS, SUCCESS
from nclue_contract.validation.signature import Verification, Verifier
from nclue_contract.validation.validator import Validator, validator_of

MAX_BODY = 1 << 20
"""Bytes that the body of a request may have; the limit of the gateway is not documented."""

MAX_DELAY_S = 86_400
"""Seconds below which an injected delay must be; `time.sleep` raises an error for negative and for huge numbers."""


def sequential_ids() -> Callable[[], str]:
    """Return a function that returns IDs of the form 8-4-4-4-12, the same ones in every run."""
    numbers = itertools.count(1)
    return lambda: str(uuid.UUID(int=next(numbers), version=4))


# Services with the same readings share it, as they share the validator: making them takes longer than all else that a service needs.
_verifier = lru_cache(maxsize=64)(Verifier)


class Service:
    """Responds to requests like NCLUE. Not thread-safe: an adapter calls `handle` for one request at a time.

    `keys` maps access keys to secret keys; with None, no signature is needed. `prefix` is the path before `/tasks`. `fault_state` is what
    injected faults remember, by the ID of the fault. Raises `TypeError` for keys that are no mapping, and for
    other fixture data.
    """

    def __init__(
        self,
        keys: Mapping[str, str] | None = None,
        *,
        readings: Mapping[str, str] | None = None,
        progress: ProgressMode | None = None,
        fixture_data: ExternalData | None = None,
        store: Store | None = None,
        new_id: Callable[[], str] | None = None,
        rate_limit: bool = False,
    ) -> None:
        if keys is not None and not isinstance(keys, Mapping):
            raise TypeError(f"keys is a mapping of access keys to secret keys, not {json_kind(keys)}")
        if fixture_data is not None and not isinstance(fixture_data, ExternalData):
            raise TypeError(f"fixture_data is an ExternalData object, not {json_kind(fixture_data)}")
        self.keys = keys
        self.readings: Readings = Readings.of(readings)
        self.fixture_data: ExternalData = fixture_data or ExternalData()
        self.store: Store = Store() if store is None else store  # an empty one is false
        self.new_id: Callable[[], str] = new_id or sequential_ids()
        self.rate_limit: bool = rate_limit
        self.store.compare_collated |= self.readings["name-comparison"] == "collated"
        self.store.keep_names |= self.readings["name-after-deletion"] == "kept"
        self.validator: Validator = validator_of(self.readings)
        self.lifecycle: Lifecycle = Lifecycle(progress or ProgressMode(), serial=self.readings["queue"] == "serial")
        self.errors: Mapping[str, DocumentedError] = contract().errors
        self.prefix: str = urlsplit(contract().server).path
        self.verify: Verifier = _verifier(self.readings)
        self.serializer: Serializer = Serializer(self.readings, self.fixture_data)
        self.injected: list[InjectedFailure] = []
        self.fault_state: dict[str, Any] = {}
        self.active: list[Task] = []
        self.last_ms: int | None = None

    # -- for tests ---------------------------------------------------------------------------------------------------------------

    def fail_next(self, count: int = 1, *, error: str = "", delay_s: float = 0.0, cut: bool = False) -> None:
        """Let the next `count` requests fail: with a documented error by its name (such as RATE_LIMITED), delayed, or cut in the body.

        Raises `ValueError` for an error that is not documented, and for a delay that is negative, a day or longer.
        """
        if not 0 <= delay_s < MAX_DELAY_S:
            message = f"a delay is a number of seconds from 0 to {MAX_DELAY_S:,}, not {delay_s!r:.80}"
            raise ValueError(message)
        if error and error not in self.errors:
            message = f"unknown error {error!r:.80}; known: {', '.join(self.errors)}"
            raise ValueError(message)
        self.injected += [InjectedFailure(self.errors[error] if error else None, delay_s, cut)] * count

    def advance(self, task_id: str | None = None, *, now_ms: int, fail_message: str | None = None) -> int:
        """Move one task, or all that have not ended, one stage; return how many moved. With `fail_message` they end as failed."""
        if self.lifecycle.by_clock:
            self.lifecycle.tick(self.active, now_ms)
        moved = 0
        for task in [task for task in self.store if task_id in {None, task.task_id}]:
            if fail_message is not None and not self.lifecycle.ended(task):
                task.fail_message = fail_message
            moved += self.lifecycle.advance(task, self.active, now_ms)
        return moved

    def reset(self) -> None:
        """Remove tasks, journal, injected failures, and what faults remember; the faults themselves stay."""
        self.store.clear()
        self.injected.clear()
        self.fault_state.clear()
        self.active = []
        self.last_ms = None

    def journal(self) -> list[dict[str, Any]]:
        """Return the journal, oldest request first, without the secrets that clients have sent."""
        return [masked_entry(entry, self.keys) for entry in self.store.journal]

    # -- handling a request ------------------------------------------------------------------------------------------------------

    def handle(self, request: Request, now_ms: int) -> Response:
        """Return the response to a request received at `now_ms` (milliseconds since 1970-01-01 UTC). No request makes this raise."""
        self.store.requests += 1
        failure = self.injected.pop(0) if self.injected else None
        findings: tuple[Finding, ...] = ()
        verification: Verification | None = None
        extra: tuple[tuple[str, str], ...] = ()
        try:
            if failure is not None and failure.error is not None:
                raise Rejection.of(failure.error)  # noqa: TRY301  # handled like any other rejection
            self.check_tls(request)
            self.active = self.lifecycle.tick(self.active, now_ms)
            self.check_rate(now_ms)
            self.check_size(request)
            self.authenticate(request, now_ms)
            value = self.route(request, now_ms)
            status = self.success_status(request.method.upper())
        except Rejection as rejection:
            status, value, findings = rejection.status, self.serializer.error_body(rejection), rejection.findings
            extra = (("allow", rejection.allowed),) if isinstance(rejection, MethodNotAllowed) else ()
            verification = rejection.verification
        except Exception:  # noqa: BLE001  # an injected fault may crash; a server responds even then
            crash = Rejection.of(self.errors["UNEXPECTED_ERROR"])
            status, value = crash.status, self.serializer.error_body(crash)
        rules = tuple(dict.fromkeys(finding.rule for finding in findings))
        if verification is not None and verification.mistakes:
            extra += (("x-nclue-mistakes", ", ".join(mistake.word for mistake in verification.mistakes)),)
        response = self.respond(status, value, rules, extra)
        if response.status < HTTPStatus.BAD_REQUEST and request.method.upper() == contract().operations["createTask"].method:
            findings = self.validator.validate_request_json(request.body).warnings
        if failure is not None:
            response = dataclasses.replace(response, delay_s=failure.delay_s, cut=failure.cut)
        self.store.journal.append({"number": self.store.requests, **journal_entry(request, response, findings, now_ms, verification)})
        return response

    def route(self, request: Request, now_ms: int) -> Any:  # noqa: ANN401  # the value of the JSON body
        """Find the operation and carry it out; return the value of the response body."""
        path, _, query = request.target.partition("?")
        operation, task_id = self.find_operation(request.method.upper(), path)
        if operation.id == "createTask":
            return self.create(request, now_ms)
        if operation.id == "listTasks":
            return self.list(query, now_ms)
        task = self.find(unquote(task_id))
        if operation.id == "deleteTask":
            return self.delete(task)
        self.lifecycle.read(task, self.active, now_ms)
        return self.serializer.details(task)

    def success_status(self, method: str) -> int:
        """Return the status code of a success: by the tables of the platform, a creation is 201, and a deletion 204 without a body."""
        by_gateway = self.readings["success-status"] == GATEWAY_SUCCESS
        return int({"POST": HTTPStatus.CREATED, "DELETE": HTTPStatus.NO_CONTENT}.get(method, SUCCESS)) if by_gateway else SUCCESS

    def find_operation(self, method: str, path: str) -> tuple[Operation, str]:
        """Return the operation of a method and a path, and the task ID in the path, still percent-encoded."""
        known = contract().operations_at(path.removeprefix(self.prefix)) if path.startswith(self.prefix) else []
        for operation, task_id in known:
            if operation.method == method:
                return operation, task_id
        if known:
            raise MethodNotAllowed((operation.method for operation, _ in known), [unknown_operation(method, path, self.prefix)])
        raise Rejection.of(self.errors["NOT_FOUND"], [unknown_operation(method, path, self.prefix)])

    # -- before the operation ----------------------------------------------------------------------------------------------------

    def check_tls(self, request: Request) -> None:
        """Reject a request without TLS, as the gateway does."""
        if request.without_tls:
            raise Rejection.of(self.errors["BAD_REQUEST"], [without_tls(request.target)])

    def check_rate(self, now_ms: int) -> None:
        """Reject a request that comes within a second of the one before, if the rate limit is on."""
        if self.rate_limit and self.last_ms is not None and now_ms - self.last_ms < 1000:
            raise Rejection.of(self.errors["RATE_LIMITED"])
        self.last_ms = now_ms

    def check_size(self, request: Request) -> None:
        """Reject a body that is too large, before anything in it is checked."""
        if len(request.body) > MAX_BODY:
            raise Rejection.of(self.errors["REQUEST_ENTITY_TOO_LARGE"])

    def authenticate(self, request: Request, now_ms: int) -> None:
        """Reject a request without a valid signature, as NCLUE or as the gateway does."""
        if self.keys is None:
            return
        verification = self.verify.any_of(request.method, request.signed_targets, request.headers, self.keys, now_ms, request.body)
        if not verification.ok:
            error = self.errors["AUTHENTICATION_FAILED" if self.readings["auth-refusal"] == "gateway" else "ACCESS_DENIED"]
            raise Rejection(error.status, error.code, error.message, verification.report.errors, verification)

    # -- the operations ----------------------------------------------------------------------------------------------------------

    def create(self, request: Request, now_ms: int) -> dict[str, Any]:
        """Carry out createTask."""
        findings = self.findings(request)
        existence_first = self.readings["check-order"] == "existence-first"
        # Large bodies take a second to parse, so what is rejected anyway is not parsed again.
        payload = self.payload(request) if existence_first or not findings else None
        if existence_first and payload is not None:
            self.check_files(payload)
        if findings:
            raise self.rejection(findings)
        fields = self.fields(payload or {})
        self.check_files(fields)
        task = self.new_task(fields, now_ms)
        if self.store.has_name(task.name):
            raise Rejection.of(self.errors["DUPLICATE_NAME"])
        if self.store.full:
            raise Rejection.of(self.errors["ENDPOINT_ERROR"])
        if not self.store.add(task):
            raise Rejection.of(self.errors["DUPLICATE_NAME"])
        self.active.append(task)
        return self.serializer.created(task)

    def findings(self, request: Request) -> list[Finding]:
        """Return the errors for which the request is rejected: those of content type, JSON and payload."""
        types = [(name, value) for name, value in request.headers if name.lower() == "content-type"]
        headers = [f for f in self.validator.validate_headers(types).errors if f.pointer == "/content-type"]
        return [*headers, *self.validator.validate_request_json(request.body).errors]

    def payload(self, request: Request) -> dict[str, Any] | None:
        """Return the object in the body; None when there is none."""
        value = read(request.body).value
        return value if isinstance(value, dict) else None

    def fields(self, payload: Mapping[str, Any]) -> dict[str, str | None]:
        """Return the fields of the page "Create task", null where the payload has none."""
        return {f.name: payload.get(f.name) for f in contract().request}

    def rejection(self, findings: list[Finding]) -> Rejection:
        """Return the rejection of a payload with findings: the error response that the first one expects."""
        expected = next(e for e in findings[0].expects if e.status >= 400)
        error = next((e for e in self.errors.values() if (e.status, e.code) == (expected.status, expected.code)), None)
        message = error.message if error else findings[0].slug.upper().replace("-", "_")
        return Rejection(expected.status, expected.code, message, findings)

    def check_files(self, fields: Mapping[str, Any]) -> None:
        """Reject files and features that do not exist, and personal data. For an unknown feature no code is documented."""
        for part, error in (("train", "TRAIN_PATH_NOT_FOUND"), ("test", "TEST_PATH_NOT_FOUND")):
            path, feature = fields.get(f"{part}_file_path"), fields.get(f"{part}_feature_id")
            if isinstance(path, str) and not self.fixture_data.has_file(path):
                raise Rejection.of(self.errors[error])
            if isinstance(feature, str) and feature in self.fixture_data.unknown_features:
                raise Rejection(self.errors[error].status, None, "FEATURE_NOT_FOUND")
            if isinstance(path, str) and path in self.fixture_data.personal_files:
                raise Rejection.of(self.errors["PERSONAL_DATA_NOT_ALLOWED"])

    def new_task(self, fields: dict[str, str | None], now_ms: int) -> Task:
        """Return a new registered task."""
        name = fields["name"] or ""
        return Task(self.new_id(), name, fields, now_ms, self.fixture_data.failure(fields), since_ms=now_ms)

    def list(self, query: str, now_ms: int) -> dict[str, Any]:
        """Carry out listTasks, in the order of creation (the pages name none)."""
        values = self.parse_page(query)
        index, limit = values["index"], values["limit"]
        tasks = list(self.store)
        start = index * limit if self.readings["list-index"] == "page" else index
        page = tasks[start : start + limit]
        for task in page:
            self.lifecycle.read(task, self.active, now_ms)
        total = len(page) if self.readings["list-total"] == "page" else len(tasks)
        return {**values, "total": total, "tasks": [self.serializer.summary(task) for task in page]}

    def parse_page(self, query: str) -> dict[str, int]:
        """Return the index and the limit in a query. For values outside their ranges no code is documented."""
        values, findings = read_query(query, self.readings)
        if findings:
            message = f"INVALID_{findings[0].pointer[1:].upper()}"
            raise Rejection(self.errors["BAD_REQUEST"].status, None, message, findings)
        return values

    def find(self, task_id: str) -> Task:
        """Return the task with this ID. For an unknown ID the code is that of the gateway, since NCLUE's is not documented."""
        task = self.store.get(task_id)
        if task is None:
            raise Rejection.of(self.errors["NOT_FOUND"])
        return task

    def delete(self, task: Task) -> dict[str, Any]:
        """Carry out deleteTask; a task that is pending or in progress is not deleted (the code is not documented)."""
        if not self.lifecycle.deletable(task):
            raise Rejection(self.errors["DUPLICATE_NAME"].status, None, "NOT_DELETABLE")
        self.store.remove(task)
        self.active = [other for other in self.active if other is not task]
        return {"task_id": task.task_id}

    # -- the response ------------------------------------------------------------------------------------------------------------

    def respond(self, status: int, value: object, rules: tuple[str, ...], extra: tuple[tuple[str, str], ...]) -> Response:
        """Return the response with a JSON body; the header `x-nclue-rules` names the rules for which the request was rejected."""
        body = json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")
        broken = (("x-nclue-rules", ", ".join(rules)),) if rules else ()
        if status == HTTPStatus.NO_CONTENT:
            return Response(int(status), b"", (*extra, *broken), rules)
        return Response(status, body, (("content-type", "application/json"), *extra, *broken), rules)
