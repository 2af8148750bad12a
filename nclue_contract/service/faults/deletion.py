"""Faults in deleting tasks, and in the responses for tasks that do not exist."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nclue_contract.contract.model import contract
from nclue_contract.service.faults.injection import Fault, Injection, Value, changing, wrap_method, wrapping
from nclue_contract.service.lifecycle import Task
from nclue_contract.service.messages import Rejection, Request
from nclue_contract.service.service import Service


def _decide_deletable(*stages: int, deletable: bool) -> Injection:
    """Return an injection that decides for some stages whether a task can be deleted."""
    return wrapping("lifecycle.deletable", lambda original, task: deletable if task.stage in stages else original(task))


def _keep_task(service: Service, _: str) -> None:
    def delete(original: Callable[[Task], Value], task: Task) -> Value:
        value = original(task)
        service.store.add(task)
        return value

    wrap_method(service, "delete", delete)


def _delete_another(service: Service, _: str) -> None:
    def delete(original: Callable[[Task], Value], task: Task) -> Value:
        value = original(task)
        for other in list(service.store)[:1]:
            service.store.remove(other)
        return value

    wrap_method(service, "delete", delete)


def _delete_repeatedly(service: Service, _: str) -> None:
    """Return success for a task that is already deleted."""
    state = "deletion-repeats"

    def delete(original: Callable[[Task], Value], task: Task) -> Value:
        service.fault_state.setdefault(state, set()).add(task.task_id)
        return original(task)

    def route(original: Callable[[Request, int], Any], request: Request, now_ms: int) -> Any:  # noqa: ANN401  # as Service.route
        task_id = request.target.rpartition("/")[2]
        if request.method == "DELETE" and task_id in service.fault_state.get(state, ()):
            return {"task_id": task_id}
        return original(request, now_ms)

    wrap_method(service, "delete", delete)
    wrap_method(service, "route", route)


def _find_instead(substitute: Callable[[Service, str], Task]) -> Injection:
    """Return an injection that finds a substitute for a task that does not exist; it is called with the service and the unknown ID."""

    def inject(service: Service, _: str) -> None:
        def find(original: Callable[[str], Task], task_id: str) -> Task:
            try:
                return original(task_id)
            except Rejection:
                return substitute(service, task_id)

        wrap_method(service, "find", find)

    return inject


def _first_task(service: Service, _: str) -> Task:
    return next(iter(service.store))


def _empty_task(service: Service, task_id: str) -> Task:
    return Task(task_id, "", service.fields(contract().sample_payload()), 0)


def _crash(service: Service, _: str) -> Task:
    raise Rejection.of(service.errors["UNEXPECTED_ERROR"])


FAULTS: tuple[Fault, ...] = (
    Fault(
        "deletes-building",
        "A task that is pending or in progress can be deleted.",
        "NC401",
        _decide_deletable(1, 2, deletable=True),
    ),
    Fault("deletes-pending", "A pending task can be deleted.", "NC401", _decide_deletable(1, deletable=True)),
    Fault("keeps-registered", "A registered task cannot be deleted.", "NC401", _decide_deletable(0, deletable=False)),
    Fault("keeps-completed", "A completed task cannot be deleted.", "NC401", _decide_deletable(3, deletable=False)),
    Fault("keeps-failed", "A failed task cannot be deleted.", "NC401", _decide_deletable(4, deletable=False)),
    Fault("deletion-without-effect", "Deleting a task succeeds and has no effect.", "NC402", _keep_task),
    Fault("deletion-takes-another", "Deleting a task deletes another one as well.", "NC408", _delete_another),
    Fault("deletion-answers-nothing", "Deleting a task returns an empty object.", "NC304", changing("delete", lambda _: {})),
    Fault("deletion-answers-another", "Deleting a task returns another ID.", "NC307", changing("delete", lambda _: {"task_id": "0"})),
    Fault("deletion-repeats", "Deleting a deleted task succeeds.", "NC402", _delete_repeatedly),
    Fault("unknown-as-another", "For an unknown ID another task is returned.", "NC407", _find_instead(_first_task)),
    Fault("unknown-as-empty", "For an unknown ID an empty task is returned.", "NC407", _find_instead(_empty_task)),
    Fault("unknown-crashes", "An unknown ID crashes the server.", "NC407", _find_instead(_crash)),
)
