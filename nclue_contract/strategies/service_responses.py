"""Draws answers of the service that keep the contract, and what getTask shows of a task from its beginning to its end.

The service's own views and lifecycle make them, so they cannot disagree with it; what they leave open (figures, spellings of times and of
JSON, headers) is drawn. `strategies` is the door for users.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from difflib import get_close_matches
from itertools import cycle
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from nclue_contract.contract.model import Operation, QueryParameter, contract
from nclue_contract.contract.openapi import document
from nclue_contract.contract.readings import Policy, Readings
from nclue_contract.contract.rules import Answer
from nclue_contract.service.lifecycle import Lifecycle, ProgressMode, Task
from nclue_contract.service.messages import Rejection
from nclue_contract.service.serializers import KOREA, Serializer
from nclue_contract.service.store import FixtureData
from nclue_contract.strategies.broken_payloads import MAKERS
from nclue_contract.strategies.broken_requests import BrokenRequest, broken
from nclue_contract.strategies.payloads import IDS, Ground, cut, mixed, payloads
from nclue_contract.validation.response import SUCCESS, unnamed_statuses


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer and what was asked, in the order in which `validate_response` takes them.

    `request` is the payload of createTask, the query of listTasks, or the task ID of the others.
    """

    operation_id: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    request: Any


_ZONES = (KOREA, UTC, timezone(-timedelta(hours=5, minutes=30)), timezone(timedelta(hours=14)))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_MS = 4_000_000_000_000  # in the year 2096
_FAR = 10**6  # tasks
_MUCH = 10**15  # rows or bytes; every JSON library reads as much exactly
_MORE_HEADERS: tuple[tuple[tuple[str, str], ...], ...] = ((), (("Date", "Tue, 24 Nov 2026 05:39:08 GMT"), ("Server", "nginx")))
_SPELLINGS: tuple[dict[str, Any], ...] = ({}, {"ensure_ascii": False}, {"separators": (",", ":")}, {"indent": 2})  # for json.dumps


class _DrawnViews(Serializer):
    """The views of the service, with the figures of completed tasks and the spelling of times that were drawn."""

    def __init__(self, readings: Readings, features: Mapping[str, str], figures: Mapping[str, object], zone: tzinfo, timespec: str) -> None:
        super().__init__(readings, FixtureData(feature_names=features))
        self._figures = figures
        self._zone = zone
        self._timespec = timespec

    def details(self, task: Task) -> dict[str, Any]:
        value = super().details(task)
        return value | {name: figure for name, figure in self._figures.items() if value[name] is not None}

    def time(self, ms: int) -> str:
        moment = (_EPOCH + timedelta(milliseconds=ms)).astimezone(self._zone)
        return moment.isoformat(timespec=self._timespec).replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class _Life:
    """A task with the payload that it was made from, what shows it, and the milliseconds that each of its steps takes."""

    task: Task
    payload: dict[str, Any]
    views: Serializer
    step_ms: int
    lifecycle: Lifecycle = field(default_factory=lambda: Lifecycle(ProgressMode("manual")))

    def advance(self) -> bool:
        """Take a step; False when the task had ended before."""
        return self.lifecycle.advance(self.task, (), self.task.since_ms + self.step_ms)

    def go_on(self, draw: DrawFn) -> None:
        """Take some steps, or all."""
        for _ in range(draw(st.integers(0, len(self.views.status_words)))):
            self.advance()

    @property
    def ended(self) -> bool:
        """Whether the task is completed or failed."""
        return self.lifecycle.ended(self.task)


def _lives(readings: Readings) -> SearchStrategy[_Life]:
    """Tasks that are registered."""
    messages = document()["components"]["schemas"]["Task"]["properties"]["fail_message"]["examples"]
    failing = mixed((2, st.none()), (1, st.sampled_from(messages)))
    return _drawn_lives(readings, payloads(Ground(readings, strict=False)), failing, _figures(readings))


@st.composite
def _drawn_lives(
    draw: DrawFn,
    readings: Readings,
    requests: SearchStrategy[dict[str, Any]],
    messages: SearchStrategy[str | None],
    figures: SearchStrategy[dict[str, Any]],
) -> _Life:
    payload, created_ms = draw(requests), draw(st.integers(0, _MOST_MS))
    fields = {field.name: payload.get(field.name) for field in contract().request}
    fail_message = draw(messages)
    features = {id_: draw(st.text(max_size=10)) for name, id_ in fields.items() if name.endswith("feature_id") and id_ is not None}
    zone, timespec = draw(st.sampled_from(_ZONES)), draw(st.sampled_from(["seconds", "milliseconds"]))
    task = Task(draw(IDS), payload["name"], fields, created_ms, fail_message, since_ms=created_ms)
    return _Life(task, payload, _DrawnViews(readings, features, draw(figures), zone, timespec), draw(st.integers(0, 10**8)))


def _figures(readings: Readings) -> SearchStrategy[dict[str, Any]]:
    """What only a completed task has."""
    low, high = contract().rules["NC309"].range
    as_text = readings["auroc-type"] == "string"
    score = st.one_of(st.sampled_from([low, high]), st.floats(low, high), st.floats(low, high).map(lambda x: round(x, 4)))
    count = st.integers(0, _MUCH)
    return st.fixed_dictionaries({"AUROC": score.map(str) if as_text else score, "line_count": count, "disk_usage": count})


def lifecycles(readings: Readings) -> SearchStrategy[list[dict[str, Any]]]:
    """What getTask shows of one task when it is looked at again and again."""
    return _lifecycles(_lives(readings))


@st.composite
def _lifecycles(draw: DrawFn, lives: SearchStrategy[_Life]) -> list[dict[str, Any]]:
    life = draw(lives)
    shown: list[dict[str, Any]] = []
    looks = st.sampled_from([1, 2])
    while True:
        shown += [life.views.details(life.task) for _ in range(draw(looks))]
        if not life.advance():
            return shown
        looks = st.sampled_from([1, 2] if life.ended else [1, 0, 2])  # who looks seldom misses a state, but never the last one


# -- answers --------------------------------------------------------------------------------------------------------------------------


def responses(readings: Readings, operation_id: str | None, status: int | None) -> SearchStrategy[Answered]:
    """Answers with what was asked, successes as often as errors. Raises `ValueError` for an operation or a status that no page knows."""
    operations = contract().operations
    if operation_id is not None and operation_id not in operations:
        near = get_close_matches(str(operation_id)[:80], operations, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(operations)}"
        raise ValueError(f"unknown operation {operation_id!r:.80}; {hint}")
    chosen = [operation for operation in operations.values() if operation_id in {None, operation.id}]
    ways = [way for operation in chosen for way in _ways(readings, operation, status)]
    if not ways:
        known = ", ".join(map(str, sorted({code for operation in chosen for code in operation.statuses})))
        raise ValueError(f"the pages have no status {status!r:.80} for {operation_id or 'any operation'}; documented: {known}")
    return st.one_of(*ways)


def _ways(readings: Readings, operation: Operation, status: int | None) -> Iterator[SearchStrategy[Answered]]:
    """The successes and the errors of an operation, if they can have the status."""
    requests: dict[str, SearchStrategy[Any]] = {"createTask": payloads(Ground(readings, strict=False)), "listTasks": _queries()}
    if status in {None, SUCCESS}:
        yield _listed(readings) if operation.id == "listTasks" else _succeeded(operation, _lives(readings))
    refusals = _refusals(readings, operation, status, requests.get(operation.id, IDS))
    if refusals:
        yield _refused(operation, Serializer(readings, FixtureData()), mixed(*refusals))


@st.composite
def _succeeded(draw: DrawFn, operation: Operation, lives: SearchStrategy[_Life]) -> Answered:
    if operation.id == "deleteTask":
        task_id = draw(IDS)
        return _answered(draw, operation, SUCCESS, {"task_id": task_id}, task_id)
    life = draw(lives)
    if operation.id == "createTask":
        return _answered(draw, operation, SUCCESS, life.views.created(life.task), life.payload)
    life.go_on(draw)
    return _answered(draw, operation, SUCCESS, life.views.details(life.task), life.task.task_id)


def _listed(readings: Readings) -> SearchStrategy[Answered]:
    """Pages of a list."""
    return _drawn_lists(Ground(readings, strict=False), _lives(readings), _queries())


@st.composite
def _drawn_lists(draw: DrawFn, ground: Ground, lives: SearchStrategy[_Life], queries: SearchStrategy[dict[str, Any]]) -> Answered:
    """No task, some, or as many as were asked for; a few are drawn, and repeated under other IDs and names."""
    operation = contract().operations["listTasks"]
    query = draw(queries)
    values = {parameter.name: int(query.get(parameter.name, parameter.default)) for parameter in operation.query}
    size = min(draw(st.sampled_from([0, 1, 2, values["limit"]])), values["limit"])
    drawn = [draw(lives) for _ in range(min(size, 2))]
    for life in drawn:
        life.go_on(draw)
    tasks = []
    for number, life in zip(range(size), cycle(drawn)):
        name = cut(f"{number} {life.task.name}", ground.longest_name, utf16=ground.in_utf16)
        tasks.append(life.views.summary(replace(life.task, task_id=f"{number:08x}{life.task.task_id[8:]}", name=name)))
    value = {**values, "total": draw(_totals(ground.readings, values, size)), "tasks": tasks}
    return _answered(draw, operation, SUCCESS, value, query)


def _queries() -> SearchStrategy[dict[str, Any]]:
    """Queries of listTasks, with numbers as numbers or as text, or without."""

    def numbers(parameter: QueryParameter) -> SearchStrategy[int]:
        most = parameter.maximum or _FAR
        return st.one_of(st.integers(parameter.minimum, most), st.sampled_from([parameter.minimum, most]))

    parameters = {parameter.name: numbers(parameter) for parameter in contract().operations["listTasks"].query}
    return st.fixed_dictionaries({}, optional={name: st.one_of(number, number.map(str)) for name, number in parameters.items()})


def _totals(readings: Readings, values: Mapping[str, int], size: int) -> SearchStrategy[int]:
    """What a list may say of all tasks when it shows so many: a page that is not full is the last one, or lies behind it."""
    start = values["index"] * (values["limit"] if readings["list-index"] == "page" else 1)
    if readings["list-total"] == "page":
        return st.just(size)
    if size == values["limit"]:
        return st.integers(start + size, start + size + _FAR)
    return st.just(start + size) if size else st.integers(0, start)


def _refusals(
    readings: Readings, operation: Operation, status: int | None, requests: SearchStrategy[Any]
) -> list[tuple[int, SearchStrategy[tuple[Rejection, Any]]]]:
    """Errors, each with a request that may be answered so: one that names a rule comes with a payload that breaks it. With weights."""
    wanted = [code for code in operation.statuses if code != SUCCESS and status in {None, code}]
    errors = {Answer(error.status, error.code): error for error in contract().errors.values() if error.status in wanted}
    errors = {answer: error for answer, error in errors.items() if answer.code in operation.statuses[answer.status]}
    rules = {rule: _named_answers(rule) & errors.keys() for rule in MAKERS} if operation.id == "createTask" else {}
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


def _named_answers(code: str) -> set[Answer]:
    """The error codes that name a rule, whatever is read."""
    return {Answer(a.status, a.code) for a in contract().rules[code].expects if a.code is not None and not a.when}


@st.composite
def _refused(draw: DrawFn, operation: Operation, views: Serializer, refusals: SearchStrategy[tuple[Rejection, Any]]) -> Answered:
    refusal, request = draw(refusals)
    value = views.error_body(refusal)
    if "error" in value:
        value["error"] |= draw(st.sampled_from([{}, {"details": None}, {"details": "see the console"}]))
    return _answered(draw, operation, refusal.status, value, request)


def _answered(draw: DrawFn, operation: Operation, status: int, value: Mapping[str, Any], request: object) -> Answered:
    """The answer on the wire, in one of the ways to spell it."""
    media_type = contract().rules["NC302"].media_type
    spelled = draw(st.sampled_from([("content-type", media_type), ("Content-Type", f"{media_type}; charset=utf-8")]))
    body = json.dumps(value, **draw(st.sampled_from(_SPELLINGS))).encode()
    return Answered(operation.id, status, (spelled, *draw(st.sampled_from(_MORE_HEADERS))), body, request)
