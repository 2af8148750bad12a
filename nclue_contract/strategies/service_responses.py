"""Strategies for responses of the service that keep the contract, and for what getTask returns during the lifecycle of a task.

The serializers and the lifecycle of the service make the responses, so that both agree. What they leave open is drawn: figures, formats of
times and of JSON, headers. Users import these from `nclue_contract.strategies`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from difflib import get_close_matches
from http import HTTPStatus
from itertools import cycle
from typing import Any
from urllib.parse import urlencode

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from nclue_contract.contract.model import Operation, QueryParameter, contract
from nclue_contract.contract.openapi import document
from nclue_contract.contract.readings import Policy, Readings
from nclue_contract.contract.rules import Answer
from nclue_contract.service.lifecycle import Lifecycle, ProgressMode, Task
from nclue_contract.service.messages import Rejection
from nclue_contract.service.serializers import KOREA, Serializer
from nclue_contract.service.store import ExternalData
from nclue_contract.strategies.broken_payloads import BREAKERS
from nclue_contract.strategies.broken_requests import BrokenRequest, broken
from nclue_contract.strategies.payloads import IDS, Constraints, payloads, truncate, weighted
from nclue_contract.validation.query import read_query
from nclue_contract.validation.response import SUCCESS, unnamed_statuses


@dataclass(frozen=True, slots=True)
class Answered:
    """A response and its request, in the order of the parameters of `validate_response`.

    `request` is the payload of createTask, the query of listTasks, or the task ID of the others.
    """

    operation_id: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    request: Any


_ZONES = (KOREA, UTC, timezone(-timedelta(hours=5, minutes=30)), timezone(timedelta(hours=14)))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_MS = 4_000_000_000_000  # in the year 2096
_MANY_TASKS = 10**6  # tasks
_MAX_COUNT = 10**15  # rows or bytes; JSON libraries read integers up to this exactly
_MORE_HEADERS: tuple[tuple[tuple[str, str], ...], ...] = ((), (("Date", "Tue, 24 Nov 2026 05:39:08 GMT"), ("Server", "nginx")))
_JSON_STYLES: tuple[dict[str, Any], ...] = ({}, {"ensure_ascii": False}, {"separators": (",", ":")}, {"indent": 2})  # for json.dumps


class _DrawnViews(Serializer):
    """The serializer of the service, with drawn figures of completed tasks and a drawn format of times."""

    def __init__(self, readings: Readings, features: Mapping[str, str], figures: Mapping[str, object], zone: tzinfo, timespec: str) -> None:
        super().__init__(readings, ExternalData(feature_names=features))
        self._figures = figures
        self._zone = zone
        self._timespec = timespec

    def details(self, task: Task) -> dict[str, Any]:
        value = super().details(task)
        return value | {name: figure for name, figure in self._figures.items() if value.get(name) is not None}

    def time(self, ms: int) -> str:
        moment = (_EPOCH + timedelta(milliseconds=ms)).astimezone(self._zone)
        return moment.isoformat(timespec=self._timespec).replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class _DrawnTask:
    """A drawn task with its payload, its serializer, and the milliseconds that each step of its lifecycle takes."""

    task: Task
    payload: dict[str, Any]
    serializer: Serializer
    step_ms: int
    lifecycle: Lifecycle = field(default_factory=lambda: Lifecycle(ProgressMode("manual")))

    def advance(self) -> bool:
        """Move the task one step; return False when it had ended before."""
        return self.lifecycle.advance(self.task, (), self.task.since_ms + self.step_ms)

    def advance_some(self, draw: DrawFn) -> None:
        """Move the task a drawn number of steps, possibly to its end."""
        for _ in range(draw(st.integers(0, len(self.serializer.status_words)))):
            self.advance()

    @property
    def ended(self) -> bool:
        """Return whether the task is completed or failed."""
        return self.lifecycle.ended(self.task)


def _tasks(readings: Readings) -> SearchStrategy[_DrawnTask]:
    """Return tasks that are registered."""
    messages = document()["components"]["schemas"]["Task"]["properties"]["fail_message"]["examples"]
    failing = weighted((2, st.none()), (1, st.sampled_from(messages)))
    return _draw_task(readings, payloads(Constraints(readings, strict=False)), failing, _figures(readings))


@st.composite
def _draw_task(
    draw: DrawFn,
    readings: Readings,
    requests: SearchStrategy[dict[str, Any]],
    messages: SearchStrategy[str | None],
    figures: SearchStrategy[dict[str, Any]],
) -> _DrawnTask:
    payload, created_ms = draw(requests), draw(st.integers(0, _LATEST_MS))
    fields = {field.name: payload.get(field.name) for field in contract().request}
    fail_message = draw(messages)
    ids = (fields[name] for name in contract().rules["NC131"].fields)
    features = {id_: draw(st.text(max_size=10)) for id_ in ids if id_ is not None}
    zone, timespec = draw(st.sampled_from(_ZONES)), draw(st.sampled_from(["seconds", "milliseconds"]))
    task = Task(draw(IDS), payload["name"], fields, created_ms, fail_message, since_ms=created_ms)
    return _DrawnTask(task, payload, _DrawnViews(readings, features, draw(figures), zone, timespec), draw(st.integers(0, 10**8)))


def _figures(readings: Readings) -> SearchStrategy[dict[str, Any]]:
    """Return the figures of a completed task."""
    low, high = contract().rules["NC309"].range
    as_text = readings["auroc-type"] == "string"
    score = st.one_of(st.sampled_from([low, high]), st.floats(low, high), st.floats(low, high).map(lambda x: round(x, 4)))
    count = st.integers(0, _MAX_COUNT)
    return st.fixed_dictionaries({"AUROC": score.map(str) if as_text else score, "line_count": count, "disk_usage": count})


def lifecycles(readings: Readings) -> SearchStrategy[list[dict[str, Any]]]:
    """Return what getTask returns for one task when it is polled until the task ends."""
    return _draw_lifecycle(_tasks(readings))


@st.composite
def _draw_lifecycle(draw: DrawFn, drawn_tasks: SearchStrategy[_DrawnTask]) -> list[dict[str, Any]]:
    drawn_task = draw(drawn_tasks)
    details: list[dict[str, Any]] = []
    counts = st.sampled_from([1, 2])
    while True:
        details += [drawn_task.serializer.details(drawn_task.task) for _ in range(draw(counts))]
        if not drawn_task.advance():
            return details
        counts = st.sampled_from([1, 2] if drawn_task.ended else [1, 0, 2])  # polling may miss a state, but never the last one


# -- responses ------------------------------------------------------------------------------------------------------------------------


def responses(readings: Readings, operation_id: str | None, status: int | None) -> SearchStrategy[Answered]:
    """Return responses with their requests, successes as often as errors. Raises `ValueError` for an undocumented operation or status."""
    operations = contract().operations
    if operation_id is not None and operation_id not in operations:
        near = get_close_matches(str(operation_id)[:80], operations, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(operations)}"
        raise ValueError(f"unknown operation {operation_id!r:.80}; {hint}")
    chosen = [operation for operation in operations.values() if operation_id in {None, operation.id}]
    ways = [way for operation in chosen for way in _responses_of(readings, operation, status)]
    if not ways:
        known = ", ".join(map(str, sorted({code for operation in chosen for code in operation.statuses})))
        raise ValueError(f"the documentation has no status {status!r:.80} for {operation_id or 'any operation'}; documented: {known}")
    return st.one_of(*ways)


def _responses_of(readings: Readings, operation: Operation, status: int | None) -> Iterator[SearchStrategy[Answered]]:
    """Yield strategies for the successes and for the errors of an operation, if they can have the status."""
    requests: dict[str, SearchStrategy[Any]] = {
        "createTask": payloads(Constraints(readings, strict=False)),
        "listTasks": _queries(readings),
    }
    successes = [code for code in readings.success_statuses(operation.id) if status in {None, code}]
    if successes:
        statuses = st.sampled_from(successes)
        is_list = operation.id == "listTasks"
        yield _list_responses(readings, statuses) if is_list else _draw_success(operation, _tasks(readings), statuses)
    errors = _error_sources(readings, operation, status, requests.get(operation.id, IDS))
    if errors:
        yield _draw_error(operation, Serializer(readings, ExternalData()), weighted(*errors))


@st.composite
def _draw_success(draw: DrawFn, operation: Operation, drawn_tasks: SearchStrategy[_DrawnTask], statuses: SearchStrategy[int]) -> Answered:
    status = draw(statuses)
    if operation.id == "deleteTask":
        task_id = draw(IDS)
        if status == HTTPStatus.NO_CONTENT:
            return Answered(operation.id, status, draw(st.sampled_from(_MORE_HEADERS)), b"", task_id)
        return _draw_response(draw, operation, status, {"task_id": task_id}, task_id)
    drawn_task = draw(drawn_tasks)
    if operation.id == "createTask":
        return _draw_response(draw, operation, status, drawn_task.serializer.created(drawn_task.task), drawn_task.payload)
    drawn_task.advance_some(draw)
    return _draw_response(draw, operation, status, drawn_task.serializer.details(drawn_task.task), drawn_task.task.task_id)


def _list_responses(readings: Readings, statuses: SearchStrategy[int]) -> SearchStrategy[Answered]:
    """Return responses of listTasks."""
    return _draw_list(Constraints(readings, strict=False), _tasks(readings), _queries(readings), statuses)


@st.composite
def _draw_list(
    draw: DrawFn,
    constraints: Constraints,
    drawn_tasks: SearchStrategy[_DrawnTask],
    queries: SearchStrategy[dict[str, Any]],
    statuses: SearchStrategy[int],
) -> Answered:
    """Draw a page with no task, some, or as many as requested; a few are drawn, and repeated under other IDs and names."""
    operation = contract().operations["listTasks"]
    query = draw(queries)
    values, _ = read_query(urlencode(query), constraints.readings)
    size = min(draw(st.sampled_from([0, 1, 2, values["limit"]])), values["limit"])
    drawn = [draw(drawn_tasks) for _ in range(min(size, 2))]
    for drawn_task in drawn:
        drawn_task.advance_some(draw)
    tasks = []
    for number, drawn_task in zip(range(size), cycle(drawn)):
        name = truncate(f"{number} {drawn_task.task.name}", constraints.longest_name, utf16=constraints.in_utf16)
        tasks.append(
            drawn_task.serializer.summary(replace(drawn_task.task, task_id=f"{number:08x}{drawn_task.task.task_id[8:]}", name=name))
        )
    value = {**values, "total": draw(_totals(constraints.readings, values, size)), "tasks": tasks}
    return _draw_response(draw, operation, draw(statuses), value, query)


def _queries(readings: Readings) -> SearchStrategy[dict[str, Any]]:
    """Return queries of listTasks, with numbers as integers or as text, or absent; those out of range only where they are replaced."""
    clamped = readings["query-range"] == "clamped"

    def numbers(parameter: QueryParameter) -> SearchStrategy[int]:
        most = parameter.maximum or _MANY_TASKS
        edges = [parameter.minimum - 1, most + 1] if clamped else [parameter.minimum, most]
        return st.one_of(st.integers(parameter.minimum, most), st.sampled_from(edges))

    parameters = {parameter.name: numbers(parameter) for parameter in contract().operations["listTasks"].query}
    return st.fixed_dictionaries({}, optional={name: st.one_of(number, number.map(str)) for name, number in parameters.items()})


def _totals(readings: Readings, values: Mapping[str, int], size: int) -> SearchStrategy[int]:
    """Return possible totals for a page with `size` tasks: a page that is not full is the last one, or is after it."""
    start = values["index"] * (values["limit"] if readings["list-index"] == "page" else 1)
    if readings["list-total"] == "page":
        return st.just(size)
    if size == values["limit"]:
        return st.integers(start + size, start + size + _MANY_TASKS)
    return st.just(start + size) if size else st.integers(0, start)


def _error_sources(
    readings: Readings, operation: Operation, status: int | None, requests: SearchStrategy[Any]
) -> list[tuple[int, SearchStrategy[tuple[Rejection, Any]]]]:
    """Return weighted strategies for errors with a request that can get them: an error of a rule comes with a payload that breaks it."""
    wanted = [code for code in operation.statuses if code != SUCCESS and status in {None, code}]
    errors = {Answer(error.status, error.code): error for error in contract().errors.values() if error.status in wanted}
    errors = {answer: error for answer, error in errors.items() if answer.code in operation.statuses[answer.status]}
    rules = {rule: _own_error_codes(rule) & errors.keys() for rule in BREAKERS} if operation.id == "createTask" else {}
    named: set[Answer] = set().union(*rules.values())
    plain = [error for answer, error in errors.items() if answer not in named]
    unnamed = [code for code in wanted if code in unnamed_statuses(Policy(readings))]

    def explained(request: BrokenRequest) -> tuple[Rejection, Any]:
        answer = next(answer for answer in request.findings[0].expects if answer in named)
        return Rejection.of(errors[answer]), request.request

    without_code = st.builds(Rejection, st.sampled_from(unnamed), st.none(), st.text(min_size=1, max_size=20))
    ways = [
        (len(plain), st.tuples(st.sampled_from(plain).map(Rejection.of), requests)),
        (len(unnamed), st.tuples(without_code, requests)),
        *((len(answers), broken(readings, rule).map(explained)) for rule, answers in rules.items() if answers),
    ]
    return [(weight, way) for weight, way in ways if weight]


def _own_error_codes(code: str) -> set[Answer]:
    """Return the error codes of a rule that apply under every reading."""
    return {Answer(a.status, a.code) for a in contract().rules[code].expects if a.code is not None and not a.when}


@st.composite
def _draw_error(draw: DrawFn, operation: Operation, serializer: Serializer, rejections: SearchStrategy[tuple[Rejection, Any]]) -> Answered:
    rejection, request = draw(rejections)
    value = serializer.error_body(rejection)
    name = serializer.readings.error_shape.object
    if name:
        value[name] |= draw(st.sampled_from([{}, {"details": None}, {"details": "see the console"}]))
    return _draw_response(draw, operation, rejection.status, value, request)


def _draw_response(draw: DrawFn, operation: Operation, status: int, value: Mapping[str, Any], request: object) -> Answered:
    """Draw the form in which a response is sent: its headers and the style of its JSON."""
    media_type = contract().rules["NC302"].media_type
    content_type = draw(st.sampled_from([("content-type", media_type), ("Content-Type", f"{media_type}; charset=utf-8")]))
    body = json.dumps(value, **draw(st.sampled_from(_JSON_STYLES))).encode()
    return Answered(operation.id, status, (content_type, *draw(st.sampled_from(_MORE_HEADERS))), body, request)
