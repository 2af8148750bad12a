"""Faults in deleting tasks, and in telling that there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nclue_contract.service.faults.catalogue import FAILING, PAYLOAD, Fault, delete, get, post, wrap
from nclue_contract.service.faults.injection import witness
from nclue_contract.service.lifecycle import Task
from nclue_contract.service.messages import Refusal, Request
from nclue_contract.service.service import Service

Value = dict[str, Any]


Plant = Callable[[Service, str], None]


def _deletable(decide: Callable[[Task, bool], bool]) -> Plant:
    """Plant: which tasks may be deleted is decided in another way."""
    return lambda service, _: wrap(service.lifecycle, "deletable", lambda original, task: decide(task, original(task)))


def _stage(*stages: int, allowed: bool) -> Plant:
    return _deletable(lambda task, right: allowed if task.stage in stages else right)


def _delete(change: Callable[[Service, Task, Value], Any]) -> Plant:
    """Plant: after a deletion something else happens or is answered."""
    return lambda service, _: wrap(service, "delete", lambda original, task: change(service, task, original(task)))


def _kept(service: Service, task: Task, answer: Value) -> Value:
    service.store.add(task)
    return answer


def _one_more(service: Service, _: Task, answer: Value) -> Value:
    for other in list(service.store)[:1]:
        service.store.remove(other)
    return answer


def _found(service: Service, otherwise: Callable[[Service, str], Task]) -> None:
    def find(original: Callable[[str], Task], task_id: str) -> Task:
        try:
            return original(task_id)
        except Refusal:
            return otherwise(service, task_id)

    wrap(service, "find", find)


def _any_task(service: Service, _: str) -> Task:
    return next(iter(service.store))


def _twice(service: Service, _: str) -> None:
    """Deleting what is deleted succeeds again."""
    gone: set[str] = set()

    def delete(original: Callable[[Task], Value], task: Task) -> Value:
        gone.add(task.task_id)
        return original(task)

    def route(original: Callable[[Request, int], Any], request: Request, now_ms: int) -> Any:  # noqa: ANN401  # as Service.route
        task_id = request.target.rpartition("/")[2]
        if request.method == "DELETE" and task_id in gone:
            return {"task_id": task_id}
        return original(request, now_ms)

    wrap(service, "delete", delete)
    wrap(service, "route", route)


def _error(name: str) -> Callable[[Service, str], Task]:
    def otherwise(service: Service, _: str) -> Task:
        raise Refusal.of(service.errors[name])

    return otherwise


def _ghost(service: Service, task_id: str) -> Task:
    return Task(task_id, "", service.fields(PAYLOAD), 0)


_UNKNOWN = "/00000000-0000-4000-8000-0000000000ff"


FAULTS: tuple[Fault, ...] = (
    Fault(
        "deletes-building",
        "A task that is pending or in progress can be deleted.",
        "NC401",
        _stage(1, 2, allowed=True),
        witness("status", 409, 200, post(), delete(advance=2)),
    ),
    Fault(
        "deletes-pending",
        "A task that is pending can be deleted.",
        "NC401",
        _stage(1, allowed=True),
        witness("status", 409, 200, post(), delete(advance=1)),
    ),
    Fault(
        "keeps-registered",
        "A registered task cannot be deleted.",
        "NC401",
        _stage(0, allowed=False),
        witness("status", 200, 409, post(), delete()),
    ),
    Fault(
        "keeps-completed",
        "A completed task cannot be deleted.",
        "NC401",
        _stage(3, allowed=False),
        witness("status", 200, 409, post(), delete(advance=3)),
    ),
    Fault(
        "keeps-failed",
        "A failed task cannot be deleted.",
        "NC401",
        _stage(4, allowed=False),
        witness("status", 200, 409, post(name=FAILING), delete(advance=3)),
    ),
    Fault(
        "deletion-without-effect",
        "Deleting succeeds and does nothing.",
        "NC402",
        _delete(_kept),
        witness("status", 404, 200, post(), delete(), get()),
    ),
    Fault(
        "deletion-takes-another",
        "Deleting a task deletes another one as well.",
        "NC408",
        _delete(_one_more),
        witness("status", 200, 404, post(), post(name="b"), delete("/{2}"), get("/{1}")),
    ),
    Fault(
        "deletion-answers-nothing",
        "Deleting answers an empty object.",
        "NC304",
        _delete(lambda *_: {}),
        witness("/task_id", "00000000-0000-4000-8000-000000000001", "absent", post(), delete()),
    ),
    Fault(
        "deletion-answers-another",
        "Deleting answers another ID.",
        "NC307",
        _delete(lambda *_: {"task_id": "0"}),
        witness("/task_id", "00000000-0000-4000-8000-000000000001", "0", post(), delete()),
    ),
    Fault(
        "deletion-repeats", "Deleting a deleted task succeeds.", "NC402", _twice, witness("status", 404, 200, post(), delete(), delete())
    ),
    Fault(
        "unknown-as-another",
        "For an unknown ID another task is shown.",
        "NC407",
        lambda service, _: _found(service, _any_task),
        witness("status", 404, 200, post(), get(_UNKNOWN)),
    ),
    Fault(
        "unknown-as-empty",
        "For an unknown ID an empty task is shown.",
        "NC407",
        lambda service, _: _found(service, _ghost),
        witness("status", 404, 200, get(_UNKNOWN)),
    ),
    Fault(
        "unknown-crashes",
        "An unknown ID crashes the server.",
        "NC407",
        lambda service, _: _found(service, _error("UNEXPECTED_ERROR")),
        witness("status", 404, 500, get(_UNKNOWN)),
    ),
)
