"""What the exchanges with one server show together: the order of the lifecycle, agreement, names and deletions.

The exchanges are those that happened to be recorded: other clients may create and delete tasks meanwhile. So what such a client may
have caused is a warning, and what no client can have caused, such as a completed task that is pending again, is an error. (That
others delete a task which was created here, before its name is used again, is so rare that a name that is accepted twice is an error.) Two
exchanges that overlap in time are not ordered.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from nclue_contract.check.agreement import differences
from nclue_contract.check.expectations import finding_of
from nclue_contract.check.inference import Inconsistency, ReadingInference
from nclue_contract.check.server_clock import parse_time_ms
from nclue_contract.contract.model import Field, contract
from nclue_contract.contract.rules import Severity
from nclue_contract.contract.wording import pointer_to
from nclue_contract.traffic.exchanges import RecordedExchange, Span
from nclue_contract.traffic.routes import Route
from nclue_contract.validation.findings import Finding
from nclue_contract.validation.names import collated

MAX_TASKS = 10_000
"""Tasks of one server that are remembered; of more, those that were seen longest ago are forgotten, so that memory stays flat."""

MAX_VALUE_LENGTH = 2_000
"""Characters of a value that is remembered, for the same reason; a longer one, an array or an object is not compared."""

CLOCK_MARGIN_MS = 5_000
"""How much two times may differ besides, since responses contain whole seconds, and take time themselves."""

OTHERS = "another client may have done that"
"""The note of what is only a warning because the recording may not show everything."""

DELETED = "deleted"
"""What stands for the status of a task that was deleted."""

Fields = Mapping[str, Any]


@dataclass(slots=True)
class KnownTask:
    """A task as the exchanges have shown it so far.

    `values` are its fields when they were seen `first`, by `operation`; `payload` is that of its create request, None for a task that
    others have created. `stage` is its latest stage (-1: none yet). `seen` is when it was seen last, and `deleted` when it was deleted.
    """

    values: dict[str, Any]
    operation: str
    first: Span
    seen: Span
    payload: dict[str, Any] | None = None
    stage: int = -1
    deleted: Span | None = None

    @property
    def name(self) -> str | None:
        """Return the name; None if no response had one."""
        name = self.values.get("task_name")
        return name if isinstance(name, str) else None

    @property
    def status(self) -> str:
        """Return the word of the contract for the latest status, `DELETED` for a task that was deleted; empty if none was seen."""
        if self.deleted is not None:
            return DELETED
        return contract().lifecycle.statuses[self.stage] if self.stage >= 0 else ""


@dataclass(slots=True)
class TaskHistory:
    """The tasks of one server, in the order in which they were seen last. `forgotten` counts those that are not remembered any more."""

    inference: ReadingInference
    forgotten: int = 0
    _tasks: OrderedDict[str, KnownTask] = field(default_factory=OrderedDict)
    _names: dict[str, dict[str, str]] = field(default_factory=dict)
    """For each name in its collated form, the IDs of the tasks that have one like it, with their names."""
    _deleted_names: dict[str, None] = field(default_factory=dict)

    def payload(self, task_id: str) -> dict[str, Any]:
        """Return what was sent to create a task; empty if the recording does not show it."""
        task = self._tasks.get(task_id)
        return dict(task.payload or {}) if task else {}

    def newest(self, most: int) -> list[tuple[str, KnownTask]]:
        """Return at most so many tasks with their IDs: those that were seen last, in the order in which they were seen first."""
        last = list(islice(reversed(self._tasks.items()), most))[::-1]  # of two that were sent at the same time, the first one is first
        return sorted(last, key=lambda one: one[1].first.sent_ms or 0)

    def counts(self) -> Counter[str]:
        """Return how many tasks have each status; see `KnownTask.status`."""
        return Counter(task.status for task in self._tasks.values())

    def observe(self, exchange: RecordedExchange, route: Route, value: object, place: str) -> Iterator[Finding]:
        """Yield what is wrong with an exchange in view of those before it, and remember it.

        `value` is the body of the response as JSON; `place` names the exchange in messages.
        """
        assert route.operation is not None  # noqa: S101  # the judge asks only about operations
        accepted = 200 <= exchange.status < 300
        fields = value if isinstance(value, Mapping) else {}
        match route.operation.id:
            case "createTask" if accepted:
                yield from self._created(exchange, fields, place)
            case "getTask":
                yield from self._read(exchange, route.task_id, fields, accepted=accepted)
            case "listTasks" if accepted:
                yield from self._listed(exchange, fields, place)
            case "deleteTask":
                yield from self._deleted(exchange, route.task_id, accepted=accepted)

    # -- the operations ---------------------------------------------------------------------------------------------------------------

    def _created(self, exchange: RecordedExchange, fields: Fields, place: str) -> Iterator[Finding]:
        task_id = fields.get("task_id")
        if not isinstance(task_id, str):
            return
        known = self._tasks.get(task_id)
        if known is not None:
            # A list that was requested meanwhile may have shown the task already.
            if known.operation == "createTask" or known.first.before(exchange.span):
                yield finding_of("NC405", "task_id is the ID of a task that was seen before", "/task_id")
            return
        at_ms, clock_ms = parse_time_ms(fields.get("created_at")), exchange.clock_ms
        most = contract().rules["NC203"].limit * 1000 + CLOCK_MARGIN_MS
        if at_ms is not None and clock_ms is not None and abs(at_ms - clock_ms) > most:
            yield finding_of(
                "NC405", f"created_at is {abs(at_ms - clock_ms) / 1000:,.0f} s away from the time of the request", "/created_at"
            )
        name = fields.get("task_name")
        if isinstance(name, str):
            yield from self._check_name(exchange, name, place)
        self._remember(task_id, _known(fields, "createTask", exchange.span))

    def set_payload(self, task_id: object, payload: object) -> None:
        """Remember what was sent to create a task."""
        task = self._tasks.get(task_id) if isinstance(task_id, str) else None
        if task is not None and isinstance(payload, dict):
            task.payload = _remembered(payload, contract().request)

    def _read(self, exchange: RecordedExchange, task_id: str, fields: Fields, *, accepted: bool) -> Iterator[Finding]:
        task = self._tasks.get(task_id)
        if accepted:
            if task is not None and task.deleted is not None and task.deleted.before(exchange.span):
                yield finding_of("NC402", "a task that was deleted can be read")
                return
            yield from self._seen(exchange, task_id, fields, "getTask", "")
        elif task is not None and exchange.status == 404 and task.deleted is None:
            yield _warning("NC408", f"a task that this recording shows and does not delete is unknown ({OTHERS})")

    def _listed(self, exchange: RecordedExchange, fields: Fields, place: str) -> Iterator[Finding]:
        items = fields.get("tasks")
        items = items if isinstance(items, list) else []
        ids = [item.get("task_id") if isinstance(item, dict) else None for item in items]
        for times in Counter(one for one in ids if isinstance(one, str)).values():
            if times > 1:
                yield finding_of("NC504", f"a task is {times} times in the list", "/tasks")
        stages: list[int | None] = []
        for number, (task_id, item) in enumerate(zip(ids, items, strict=True)):
            if not isinstance(task_id, str):
                continue
            stages.append(contract().lifecycle.stage(item.get("status")))
            task = self._tasks.get(task_id)
            if task is not None and task.deleted is not None and task.deleted.before(exchange.span):
                yield finding_of("NC402", "a task that was deleted is in the list", pointer_to("tasks", number))
            else:
                yield from self._seen(exchange, task_id, item, "listTasks", pointer_to("tasks", number))
        building = contract().lifecycle.stage(contract().lifecycle.building)
        if stages.count(building) > 1:
            yield from inconsistencies(self.inference.rule_out("queue", "serial", place), place)
        yield from self._missing(exchange, fields, set(map(str, ids)))

    def _missing(self, exchange: RecordedExchange, fields: Fields, ids: set[str]) -> Iterator[Finding]:
        """Yield a warning if a list that has room for every task lacks some that should be there."""
        index, limit = fields.get("index"), fields.get("limit")
        if index != 0 or not isinstance(limit, int) or len(ids) >= limit or self.forgotten:
            return
        missing = [
            task for task_id, task in self._tasks.items() if task_id not in ids and task.deleted is None and task.seen.before(exchange.span)
        ]
        if missing:
            yield _warning("NC504", f"{len(missing)} of the tasks that this recording shows are not in the list ({OTHERS})", "/tasks")

    def _deleted(self, exchange: RecordedExchange, task_id: str, *, accepted: bool) -> Iterator[Finding]:
        task = self._tasks.get(task_id)
        if task is None:
            return
        words, deletable = contract().lifecycle.statuses, contract().lifecycle.deletable
        word = words[task.stage] if task.stage >= 0 else ""
        if not accepted:
            if exchange.status == 409 and word in contract().lifecycle.final and task.deleted is None:
                yield _warning("NC401", f"a task that is {word} cannot be deleted (perhaps since something depends on it)")
            return
        if task.deleted is not None and task.deleted.before(exchange.span):
            yield finding_of("NC402", "a task that was deleted can be deleted again")
        elif word and word not in deletable and task.seen.just_before(exchange.span):
            yield _warning("NC401", f"a task that was {word} when it was last seen was deleted (it may have ended before)")
        task.deleted = exchange.span
        self._release_name(task_id, task)
        if task.name is not None:
            self._deleted_names[task.name] = None
            if len(self._deleted_names) > MAX_TASKS:
                del self._deleted_names[next(iter(self._deleted_names))]

    # -- what they have in common -----------------------------------------------------------------------------------------------------

    def _seen(self, exchange: RecordedExchange, task_id: str, fields: Fields, operation: str, pointer: str) -> Iterator[Finding]:
        """Compare a task in a response with what was shown of it before."""
        task = self._tasks.get(task_id)
        if task is None:
            task = _known(fields, operation, exchange.span)
            self._remember(task_id, task)
        else:
            for name, problem in differences(task.values, fields, task.operation):
                yield finding_of("NC403", problem, pointer + pointer_to(name))
            self._tasks.move_to_end(task_id)
        stage, before = contract().lifecycle.stage(fields.get("status")), task.stage
        if stage is not None:
            ordered = task.seen.before(exchange.span)
            words, final = contract().lifecycle.statuses, contract().lifecycle.final
            ended = before >= 0 and words[before] in final
            if ordered and (stage < before or (ended and stage != before)):
                problem = f"the task goes back: {operation} returns {str(fields.get('status'))[:40]} after {words[before]}"
                yield finding_of("NC400", problem, f"{pointer}/status")
                return
            if stage >= before:
                task.stage = stage
        task.seen = exchange.span

    def _check_name(self, exchange: RecordedExchange, name: str, place: str) -> Iterator[Finding]:
        """Compare the name of a task that was created with those of the tasks that should still be there."""
        alike = self._names.get(collated(name), {})
        twins = [self._tasks[task_id] for task_id, other in alike.items() if other == name]
        if any(twin.operation == "createTask" for twin in twins):
            yield finding_of(
                "NC404", "the name was accepted, although a task of this recording has it, which was not deleted", "/task_name"
            )
        elif twins:
            yield _warning("NC404", f"the name was accepted, although a task that was listed has it ({OTHERS})", "/task_name")
        elif any(self._lives(task_id, exchange) for task_id in alike):
            yield from inconsistencies(self.inference.rule_out("name-comparison", "collated", place), place)
        if name in self._deleted_names and not twins:
            yield from inconsistencies(self.inference.rule_out("name-after-deletion", "kept", place), place)

    def _lives(self, task_id: str, exchange: RecordedExchange) -> bool:
        task = self._tasks.get(task_id)
        return task is not None and task.seen.before(exchange.span)

    def _remember(self, task_id: str, task: KnownTask) -> None:
        self._tasks[task_id] = task
        if task.name is not None:
            self._names.setdefault(collated(task.name), {})[task_id] = task.name
        if len(self._tasks) > MAX_TASKS:
            oldest_id, oldest = self._tasks.popitem(last=False)
            self.forgotten += 1
            self._release_name(oldest_id, oldest)

    def _release_name(self, task_id: str, task: KnownTask) -> None:
        if task.name is None:
            return
        alike = self._names.get(collated(task.name), {})
        alike.pop(task_id, None)
        if not alike:
            self._names.pop(collated(task.name), None)


def inconsistencies(found: list[Inconsistency], place: str) -> Iterator[Finding]:
    """Yield a finding for each reading of which a server follows several options."""
    for one in found:
        remaining = " or ".join(one.remaining)
        problem = f"{place} fits only {one.reading}={one.needed}, but {one.ruled_out_by or 'the pin'} fits only {remaining}"
        yield finding_of("NC600", problem)


def _known(fields: Fields, operation: str, span: Span) -> KnownTask:
    """Return a task that is seen for the first time, with the fields that every operation shows."""
    return KnownTask(_remembered(fields, contract().responses["CreatedTask"]), operation, span, span)


def _remembered(values: Fields, fields: Iterable[Field]) -> dict[str, Any]:
    """Return the values of these fields, without those that take much memory."""
    return {one.name: values[one.name] for one in fields if one.name in values and _is_short(values[one.name])}


def _is_short(value: object) -> bool:
    return len(value) <= MAX_VALUE_LENGTH if isinstance(value, str) else not isinstance(value, list | dict)


def _warning(rule: str, problem: str, pointer: str = "") -> Finding:
    return finding_of(rule, problem, pointer).rated(Severity.WARNING)
