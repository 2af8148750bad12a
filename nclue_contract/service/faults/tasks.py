"""Faults in what happens to tasks: duplicate names, the lifecycle."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from nclue_contract.service.faults.catalogue import FAILING, Fault, Witness, delete, get, post, wrap
from nclue_contract.service.faults.injection import witness
from nclue_contract.service.lifecycle import Task
from nclue_contract.service.messages import Refusal, Request
from nclue_contract.service.service import Service
from nclue_contract.validation.findings import Finding
from nclue_contract.validation.json_reader import read

Value = dict[str, Any]


Plant = Callable[[Service, str], None]


_RACE_MS = 50


def _named(taken: Callable[[Service, str], bool]) -> Plant:
    """Plant: whether a name is taken is decided in another way; names are never reserved."""

    def plant(service: Service, _: str) -> None:
        service.store.named = lambda name: taken(service, name)  # type: ignore[method-assign]  # that is how it is planted
        wrap(service, "new_task", _unreserved(service))

    return plant


def _unreserved(service: Service) -> Callable[..., Task]:
    def new_task(original: Callable[..., Task], *arguments: object) -> Task:
        task = original(*arguments)
        service.store.free(task.name)
        return task

    return new_task


def _names(service: Service) -> list[str]:
    return [task.name for task in service.store]


def _racing(service: Service, _: str) -> None:
    """The name is looked up where a creation is only seen a moment later."""
    now = [0]

    def new_task(original: Callable[..., Task], fields: Value, now_ms: int) -> Task:
        now[0] = now_ms
        return original(fields, now_ms)

    _named(lambda s, name: any(t.name == name and now[0] - t.created_ms >= _RACE_MS for t in s.store))(service, "")
    wrap(service, "new_task", new_task)


def _remembered(service: Service, _: str) -> None:
    """Names stay taken when their task is deleted."""
    names: set[str] = set()

    def remove(original: Callable[[Task], None], task: Task) -> None:
        names.add(task.name)
        original(task)

    wrap(service.store, "named", lambda original, name: original(name) or name in names)
    wrap(service.store, "remove", remove)


def _kept(service: Service, _: str) -> None:
    """A creation that is refused for its path has taken its name."""
    names: set[str] = set()
    last = [""]

    def refusal(original: Callable[..., Refusal], findings: list[Finding]) -> Refusal:
        if findings[0].rule == "NC120":
            names.add(last[0])
        return original(findings)

    def findings(original: Callable[[Request], list[Finding]], request: Request) -> list[Finding]:
        value = read(request.body).value
        last[0] = str(value.get("name")) if isinstance(value, dict) else ""
        return original(request)

    wrap(service, "findings", findings)
    wrap(service, "refusal", refusal)
    wrap(service.store, "named", lambda original, name: original(name) or name in names)


def _duplicate(**changes: object) -> Plant:
    """Plant: a name that is taken is answered with something else."""

    def create(original: Callable[..., Value], *arguments: object) -> Value:
        try:
            return original(*arguments)
        except Refusal as refusal:
            if refusal.code == "10102":
                for name, value in changes.items():
                    setattr(refusal, name, value)
            raise

    return lambda service, _: wrap(service, "create", create)


def _shown(change: Callable[[Service, Task, Value], Value], view: str = "shown") -> Plant:
    """Plant: what a task looks like (`shown`: getTask, `summary`: both) is changed."""
    return lambda service, _: wrap(service.views, view, lambda original, task: change(service, task, original(task)))


def _status(words: dict[str, str]) -> Plant:
    return _shown(lambda _, __, shown: shown | {"status": words.get(shown["status"], shown["status"])}, "summary")


def _back(service: Service, _: str) -> None:
    """Every third look shows the state before."""
    looks: dict[str, int] = {}

    def change(_: Service, task: Task, shown: Value) -> Value:
        looks[task.task_id] = looks.get(task.task_id, 0) + 1
        stale = looks[task.task_id] % 3 == 0 and 0 < task.stage < 3
        return shown | {"status": service.views.words[task.stage - 1]} if stale else shown

    _shown(change)(service, "")


def _flips(service: Service, _: str) -> None:
    """A task that is completed is shown as failed from the second look on."""
    seen: set[str] = set()

    def change(_: Service, task: Task, shown: Value) -> Value:
        if shown["status"] == "completed":
            if task.task_id in seen:
                return shown | {"status": "failed"}
            seen.add(task.task_id)
        return shown

    _shown(change)(service, "")


_SAME = dataclasses.replace(post(), wait_ms=0)


FAULTS: tuple[Fault, ...] = (
    Fault(
        "duplicates-allowed",
        "Two tasks may have the same name.",
        "NC404",
        _named(lambda *_: False),
        witness("status", 409, 200, post(), post()),
    ),
    Fault(
        "duplicates-racing",
        "Two creations at the same moment may have the same name.",
        "NC404",
        _racing,
        witness("status", 409, 200, post(), _SAME),
    ),
    Fault(
        "duplicates-by-case",
        "Names that differ in case only are taken for the same.",
        "NC404",
        _named(lambda service, name: name.lower() in [other.lower() for other in _names(service)]),
        witness("status", 200, 409, post(name="Task"), post(name="task")),
    ),
    Fault(
        "duplicates-trimmed",
        "Names that differ in white space at the end only are taken for the same.",
        "NC404",
        _named(lambda service, name: name.strip() in [other.strip() for other in _names(service)]),
        witness("status", 200, 409, post(name="task "), post(name="task")),
    ),
    Fault(
        "duplicates-by-prefix",
        "Names with the same first 32 characters are taken for the same.",
        "NC404",
        _named(lambda service, name: name[:32] in [other[:32] for other in _names(service)]),
        witness("status", 200, 409, post(name="x" * 32 + "1"), post(name="x" * 32 + "2")),
    ),
    Fault(
        "duplicates-after-deletion",
        "The name of a deleted task stays taken.",
        "NC402",
        _remembered,
        witness("status", 200, 409, post(), delete(), post()),
    ),
    Fault(
        "duplicate-status-422",
        "A name that is taken is answered with 422.",
        "NC404",
        _duplicate(status=422),
        witness("status", 409, 422, post(), post()),
    ),
    Fault(
        "duplicate-code",
        "A name that is taken is answered without its code.",
        "NC404",
        _duplicate(code=None),
        witness("code", "10102", None, post(), post()),
    ),
    Fault(
        "refused-name-kept",
        "A creation that is refused for its path has taken its name.",
        "NC406",
        _kept,
        witness("status", 200, 409, post(train_file_path="a~b"), post()),
    ),
    Fault(
        "status-goes-back",
        "A task is shown in an earlier state again.",
        "NC400",
        _back,
        witness("/status", "pending", "registered", post(), get(), get(advance=1), get()),
    ),
    Fault(
        "status-flips",
        "A completed task is shown as failed later.",
        "NC400",
        _flips,
        witness("/status", "completed", "failed", post(), get(advance=3), get()),
    ),
    Fault(
        "status-word",
        "A state has another word than the page's.",
        "NC309",
        lambda service, word: _status({word: f"{word}_"})(service, ""),
        lambda word: Witness(
            (post(), get(advance=("registered", "pending", "in_progress", "completed").index(word))), "/status", word, f"{word}_"
        ),
        ("registered", "pending", "in_progress", "completed"),
    ),
    Fault(
        "status-capitals",
        "States are written in capitals.",
        "NC309",
        _shown(lambda _, __, shown: shown | {"status": shown["status"].upper()}, "summary"),
        witness("/status", "registered", "REGISTERED", post(), get()),
    ),
    Fault(
        "failed-as-completed",
        "A task that failed is shown as completed.",
        "NC314",
        _status({"failed": "completed"}),
        witness("/status", "failed", "completed", post(name=FAILING), get(advance=3)),
    ),
    Fault(
        "failure-unexplained",
        "A task that failed has no message.",
        "NC314",
        _shown(lambda _, __, shown: shown | {"fail_message": None}),
        witness("/fail_message", "NUM_OF_LABEL_INSUFFICIENT", None, post(name=FAILING), get(advance=3)),
    ),
    Fault(
        "failure-everywhere",
        "Every task has a message of failure.",
        "NC314",
        _shown(lambda _, __, shown: shown | {"fail_message": shown["fail_message"] or "COMMON_ERROR"}),
        witness("/fail_message", None, "COMMON_ERROR", post(), get()),
    ),
    Fault(
        "completion-without-time",
        "A completed task has no time of completion.",
        "NC314",
        _shown(lambda _, __, shown: shown | {"completed_at": None}, "summary"),
        witness("/completed_at", "2025-11-25T01:00:00+09:00", None, post(), get(advance=3)),
    ),
    Fault(
        "completion-foreseen",
        "A task has a time of completion from the beginning.",
        "NC314",
        _shown(lambda _, __, shown: shown | {"completed_at": shown["completed_at"] or shown["created_at"]}, "summary"),
        witness("/completed_at", None, "2025-11-25T01:00:00+09:00", post(), get()),
    ),
    Fault(
        "score-out-of-range",
        "AUROC is a percentage.",
        "NC309",
        _shown(lambda _, __, shown: shown | {"AUROC": shown["AUROC"] and f"{float(shown['AUROC']) * 100:.2f}"}),
        witness("/AUROC", "0.5435", "54.35", post(), get(advance=3)),
    ),
    Fault(
        "score-too-early",
        "AUROC has a value before the task is completed.",
        "NC314",
        _shown(lambda _, __, shown: shown | {"AUROC": shown["AUROC"] or "0.5"}),
        witness("/AUROC", None, "0.5", post(), get()),
    ),
    Fault(
        "lines-negative",
        "The number of lines is -1 while it is not known.",
        "NC309",
        _shown(lambda _, __, shown: shown | {"line_count": -1 if shown["line_count"] is None else shown["line_count"]}),
        witness("/line_count", None, -1, post(), get()),
    ),
    Fault(
        "lines-as-text",
        "The number of lines is a text.",
        "NC305",
        _shown(lambda _, __, shown: shown | {"line_count": shown["line_count"] and str(shown["line_count"])}),
        witness("/line_count", 2000, "2000", post(), get(advance=3)),
    ),
    Fault(
        "creation-time-moves",
        "The time of creation is that of the last step.",
        "NC403",
        _shown(lambda service, task, shown: shown | {"created_at": service.views.time(task.since_ms)}),
        witness("/created_at", "2025-11-25T01:00:00+09:00", "2025-11-25T01:01:00+09:00", post(), get(advance=1, wait_ms=60_000)),
    ),
)
