"""What NCLUE would answer: a request and a time go in, a response comes out. Pure but for the store it is given.

Nothing here opens a socket or reads a clock, so mock and server cannot disagree, and a run can be repeated. Where the pages leave a
choice, the readings decide; where they name no error code, the answer has none (null), instead of an invented number.
Every step is a method of its own that is called through the instance, so that `faults` can put a wrong one in its place.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from nclue_contract.contract.model import DocumentedError, Operation, contract
from nclue_contract.contract.readings import Readings
from nclue_contract.service.lifecycle import Lifecycle, Progress, Task
from nclue_contract.service.messages import Injection, MethodRefusal, Refusal, Request, Response, journal_entry
from nclue_contract.service.serializers import Views
from nclue_contract.service.store import Store, World
from nclue_contract.validation.findings import Finding
from nclue_contract.validation.json_reader import read
from nclue_contract.validation.query import read_query
from nclue_contract.validation.response import SUCCESS
from nclue_contract.validation.signature import Verifier
from nclue_contract.validation.validator import Validator

MAX_BODY = 1 << 20
"""Bytes of a request's body that the service takes; where the gateway draws the line is not documented."""

MAX_DELAY_S = 86_400
"""Seconds that an injected delay stays below; time.sleep refuses negative numbers and huge ones."""


def sequential_ids() -> Callable[[], str]:
    """A function that gives IDs of the form 8-4-4-4-12, the same ones in every run."""
    numbers = itertools.count(1)
    return lambda: str(uuid.UUID(int=next(numbers), version=4))


class Service:
    """Answers requests like NCLUE. Not safe for threads by itself: a door calls `handle` for one request at a time.

    `keys` maps access keys to secret keys; None takes every signature, and needs none. `prefix` is the path before `/tasks`.
    """

    def __init__(
        self,
        keys: Mapping[str, str] | None = None,
        *,
        readings: Mapping[str, str] | None = None,
        progress: Progress | None = None,
        world: World | None = None,
        store: Store | None = None,
        new_id: Callable[[], str] | None = None,
        rate_limit: bool = False,
    ) -> None:
        self.keys = keys
        self.readings: Readings = Readings.of(readings)
        self.world: World = world or World()
        self.store: Store = Store() if store is None else store  # an empty one is false
        self.new_id: Callable[[], str] = new_id or sequential_ids()
        self.rate_limit: bool = rate_limit
        self.validator: Validator = Validator(self.readings)
        self.lifecycle: Lifecycle = Lifecycle(progress or Progress(), serial=self.readings["queue"] == "serial")
        self.errors: Mapping[str, DocumentedError] = contract().errors
        self.prefix: str = urlsplit(contract().server).path
        self.verify: Verifier = Verifier(self.readings)
        self.views: Views = Views(self.readings, self.world)
        self.injected: list[Injection] = []
        self.active: list[Task] = []
        self.last_ms: int | None = None

    # -- what a test may ask of it ----------------------------------------------------------------------------------------------

    def fail_next(self, count: int = 1, *, error: str = "", delay_s: float = 0.0, cut: bool = False) -> None:
        """Let the next requests fail: with a documented error by its name (such as RATE_LIMITED), late, or cut in the middle of the body.

        Raises `ValueError` for an error that the tables do not have, and for a delay that nobody can wait.
        """
        if not 0 <= delay_s < MAX_DELAY_S:
            message = f"a delay is a number of seconds from 0 to {MAX_DELAY_S:,}, not {delay_s!r:.80}"
            raise ValueError(message)
        if error and error not in self.errors:
            message = f"unknown error {error!r:.80}; known: {', '.join(self.errors)}"
            raise ValueError(message)
        self.injected += [Injection(self.errors[error] if error else None, delay_s, cut)] * count

    def advance(self, task_id: str | None = None, *, now_ms: int, fail_message: str | None = None) -> int:
        """Move one task, or all that have not ended, one step; the number of those that moved. `fail_message` lets them fail in the end."""
        if self.lifecycle.by_clock:
            self.lifecycle.tick(self.active, now_ms)
        moved = 0
        for task in [task for task in self.store if task_id in {None, task.task_id}]:
            if fail_message is not None and not self.lifecycle.ended(task):
                task.fail_message = fail_message
            moved += self.lifecycle.advance(task, self.active, now_ms)
        return moved

    def reset(self) -> None:
        """Forget tasks, journal and injected failures."""
        self.store.clear()
        self.injected.clear()
        self.active = []
        self.last_ms = None

    # -- a request from beginning to end ----------------------------------------------------------------------------------------

    def handle(self, request: Request, now_ms: int) -> Response:
        """Answer a request that arrives at `now_ms` (milliseconds since 1970-01-01 UTC). Never raises because of the request."""
        self.store.requests += 1
        injection = self.injected.pop(0) if self.injected else None
        findings: tuple[Finding, ...] = ()
        extra: tuple[tuple[str, str], ...] = ()
        try:
            if injection is not None and injection.error is not None:
                raise Refusal.of(injection.error)  # noqa: TRY301  # answered like any other refusal
            self.lifecycle.tick(self.active, now_ms)
            self.active = [task for task in self.active if not self.lifecycle.ended(task)]
            self.limit_rate(now_ms)
            self.limit_size(request)
            self.authenticate(request, now_ms)
            status, value = SUCCESS, self.route(request, now_ms)
        except Refusal as refusal:
            status, value, findings = refusal.status, self.views.error_body(refusal), refusal.findings
            extra = (("allow", refusal.allowed),) if isinstance(refusal, MethodRefusal) else ()
        except Exception:  # noqa: BLE001  # a planted fault may crash; a server answers even then
            crash = Refusal.of(self.errors["UNEXPECTED_ERROR"])
            status, value = crash.status, self.views.error_body(crash)
        rules = tuple(dict.fromkeys(finding.rule for finding in findings))
        response = self.respond(status, value, rules, extra)
        if injection is not None:
            response = dataclasses.replace(response, delay_s=injection.delay_s, cut=injection.cut)
        self.store.journal.append({"number": self.store.requests, **journal_entry(request, response, findings, now_ms)})
        return response

    def route(self, request: Request, now_ms: int) -> Any:  # noqa: ANN401  # the value of the JSON body
        """Find the operation and carry it out; the value to answer with."""
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
        return self.views.shown(task)

    def find_operation(self, method: str, path: str) -> tuple[Operation, str]:
        """The operation of a method and a path, and the task ID in the path."""
        known = []
        for operation in contract().operations.values():
            head, brace, _ = operation.path.partition("{")
            start = self.prefix + head
            rest = path.removeprefix(start) if path.startswith(start) else None
            if rest is not None and (("/" not in rest and rest) if brace else not rest):
                if operation.method == method:
                    return operation, rest
                known.append(operation.method)
        if known:
            raise MethodRefusal(known)
        raise Refusal.of(self.errors["NOT_FOUND"])

    # -- before the operation ----------------------------------------------------------------------------------------------------

    def limit_rate(self, now_ms: int) -> None:
        """One request per second, if that is switched on."""
        if self.rate_limit and self.last_ms is not None and now_ms - self.last_ms < 1000:
            raise Refusal.of(self.errors["RATE_LIMITED"])
        self.last_ms = now_ms

    def limit_size(self, request: Request) -> None:
        """Bodies that are too large are not looked at."""
        if len(request.body) > MAX_BODY:
            raise Refusal.of(self.errors["REQUEST_ENTITY_TOO_LARGE"])

    def authenticate(self, request: Request, now_ms: int) -> None:
        """Refuse what is not signed rightly, as NCLUE or as the gateway."""
        if self.keys is None:
            return
        verification = self.verify(request.method, request.target, request.headers, self.keys, now_ms)
        if not verification.ok:
            by_gateway = self.readings["auth-refusal"] == "gateway"
            raise Refusal.of(self.errors["AUTHENTICATION_FAILED" if by_gateway else "ACCESS_DENIED"], verification.report.errors)

    # -- the operations ----------------------------------------------------------------------------------------------------------

    def create(self, request: Request, now_ms: int) -> dict[str, Any]:
        """Carry out createTask."""
        findings = self.findings(request)
        existence_first = self.readings["check-order"] == "existence-first"
        # Large bodies take a second to read, so what is refused anyway is not read again.
        payload = self.payload(request) if existence_first or not findings else None
        if existence_first and payload is not None:
            self.look_for_files(payload)
        if findings:
            raise self.refusal(findings)
        fields = self.fields(payload or {})
        self.look_for_files(fields)
        task = self.new_task(fields, now_ms)
        if self.store.named(task.name):
            raise Refusal.of(self.errors["DUPLICATE_NAME"])
        if self.store.full:
            raise Refusal.of(self.errors["ENDPOINT_ERROR"])
        if not self.store.add(task):
            raise Refusal.of(self.errors["DUPLICATE_NAME"])
        self.active.append(task)
        return self.views.created(task)

    def findings(self, request: Request) -> list[Finding]:
        """What makes the request unacceptable: the errors of content type, JSON and payload."""
        types = [(name, value) for name, value in request.headers if name.lower() == "content-type"]
        headers = [f for f in self.validator.validate_headers(types).errors if f.pointer == "/content-type"]
        return [*headers, *self.validator.validate_request_json(request.body).errors]

    def payload(self, request: Request) -> dict[str, Any] | None:
        """The object in the body; None when there is none."""
        value = read(request.body).value
        return value if isinstance(value, dict) else None

    def fields(self, payload: Mapping[str, Any]) -> dict[str, str | None]:
        """The fields of the page, null where the payload has none."""
        return {f.name: payload.get(f.name) for f in contract().request}

    def refusal(self, findings: list[Finding]) -> Refusal:
        """The answer to a payload with findings: that of the first one."""
        answer = next(a for a in findings[0].expects if a.status >= 400)
        error = next((e for e in self.errors.values() if (e.status, e.code) == (answer.status, answer.code)), None)
        message = error.message if error else findings[0].slug.upper().replace("-", "_")
        return Refusal(answer.status, answer.code, message, findings)

    def look_for_files(self, fields: Mapping[str, Any]) -> None:
        """Files and features that do not exist. For an unknown feature no code is documented."""
        for part, error in (("train", "TRAIN_PATH_NOT_FOUND"), ("test", "TEST_PATH_NOT_FOUND")):
            path, feature = fields.get(f"{part}_file_path"), fields.get(f"{part}_feature_id")
            if isinstance(path, str) and not self.world.has_file(path):
                raise Refusal.of(self.errors[error])
            if isinstance(feature, str) and feature in self.world.unknown_features:
                raise Refusal(self.errors[error].status, None, "FEATURE_NOT_FOUND")
            if isinstance(path, str) and path in self.world.personal_files:
                raise Refusal.of(self.errors["PERSONAL_DATA_NOT_ALLOWED"])

    def new_task(self, fields: dict[str, str | None], now_ms: int) -> Task:
        """A registered task."""
        name = fields["name"] or ""
        return Task(self.new_id(), name, fields, now_ms, self.world.failure(fields), since_ms=now_ms)

    def list(self, query: str, now_ms: int) -> dict[str, Any]:
        """Carry out listTasks, in the order of creation (the pages name none)."""
        values = self.page_of(query)
        index, limit = values["index"], values["limit"]
        tasks = list(self.store)
        start = index * limit if self.readings["list-index"] == "page" else index
        page = tasks[start : start + limit]
        for task in page:
            self.lifecycle.read(task, self.active, now_ms)
        total = len(page) if self.readings["list-total"] == "page" else len(tasks)
        return {**values, "total": total, "tasks": [self.views.summary(task) for task in page]}

    def page_of(self, query: str) -> dict[str, int]:
        """The index and limit that were asked for. The pages name no code for values out of range."""
        values, findings = read_query(query)
        if findings:
            message = f"INVALID_{findings[0].pointer[1:].upper()}"
            raise Refusal(self.errors["BAD_REQUEST"].status, None, message, findings)
        return values

    def find(self, task_id: str) -> Task:
        """The task with this ID. NCLUE's own code for an unknown one is not documented, so the gateway's stands in."""
        task = self.store.get(task_id)
        if task is None:
            raise Refusal.of(self.errors["NOT_FOUND"])
        return task

    def delete(self, task: Task) -> dict[str, Any]:
        """Carry out deleteTask; refused while the task is pending or in progress (code not documented)."""
        if not self.lifecycle.deletable(task):
            raise Refusal(self.errors["DUPLICATE_NAME"].status, None, "NOT_DELETABLE")
        self.store.remove(task)
        self.active = [other for other in self.active if other is not task]
        return {"task_id": task.task_id}

    # -- the answer --------------------------------------------------------------------------------------------------------------

    def respond(self, status: int, value: object, rules: tuple[str, ...], extra: tuple[tuple[str, str], ...]) -> Response:
        """The response; a refused request is told by which rules."""
        body = json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")
        told = (("x-nclue-rules", ", ".join(rules)),) if rules else ()
        return Response(status, body, (("content-type", "application/json"), *extra, *told), rules)
