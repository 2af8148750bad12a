"""Faults in the handling of tasks: duplicate names, the lifecycle."""

from __future__ import annotations

from collections.abc import Callable

from nclue_contract.contract.model import contract
from nclue_contract.service.faults.injection import Fault, Injection, Value, changing, set_attributes, wrap_method, wrapping
from nclue_contract.service.lifecycle import Task
from nclue_contract.service.messages import Rejection, Request
from nclue_contract.service.service import Service
from nclue_contract.validation.findings import Finding
from nclue_contract.validation.json_reader import read

_RACE_MS = 50
"""Milliseconds after which a new task is visible to other create requests."""

_STATUS_WORDS = next(field.enum for field in contract().responses["Task"] if field.name == "status")


# -- duplicate names -----------------------------------------------------------------------------------------------------------------


def _decide_duplicates(in_use: Callable[[Service, str], bool]) -> Injection:
    """Return an injection that decides in another way whether a name is in use; names are not reserved."""

    def inject(service: Service, _: str) -> None:
        def new_task(original: Callable[..., Task], *arguments: object) -> Task:
            task = original(*arguments)
            service.store.release_name(task.name)
            return task

        wrap_method(service.store, "has_name", lambda _, name: in_use(service, name))
        wrap_method(service, "new_task", new_task)

    return inject


def _compare_names(key: Callable[[str], str]) -> Injection:
    """Return an injection under which names with the same key are duplicates."""
    return _decide_duplicates(lambda service, name: key(name) in [key(task.name) for task in service.store])


def _race(service: Service, _: str) -> None:
    """See a new task only some time after its creation when names are compared."""
    state = "duplicates-racing"

    def new_task(original: Callable[..., Task], fields: Value, now_ms: int) -> Task:
        service.fault_state[state] = now_ms
        return original(fields, now_ms)

    def in_use(service: Service, name: str) -> bool:
        now_ms = service.fault_state[state]
        return any(task.name == name and now_ms - task.created_ms >= _RACE_MS for task in service.store)

    _decide_duplicates(in_use)(service, "")
    wrap_method(service, "new_task", new_task)


def _race_of_many(service: Service, _: str) -> None:
    """Stop comparing names under load, from the third create request of a moment on."""
    state = "duplicates-racing-crowd"

    def new_task(original: Callable[..., Task], fields: Value, now_ms: int) -> Task:
        service.fault_state[state] = now_ms
        return original(fields, now_ms)

    def in_use(service: Service, name: str) -> bool:
        same = [task for task in service.store if task.name == name]
        together = [task for task in same if service.fault_state[state] - task.created_ms < _RACE_MS]
        waiting = service.fault_state.setdefault(f"{state}:{name}", [])
        waiting.append(service.fault_state[state])
        recent = [ms for ms in waiting if service.fault_state[state] - ms < _RACE_MS]
        return bool(same) and not (together and len(recent) > 2)

    _decide_duplicates(in_use)(service, "")
    wrap_method(service, "new_task", new_task)


def _reserve(service: Service, state: str) -> set[str]:
    """Return the set of names that a fault keeps in use."""
    names: set[str] = service.fault_state.setdefault(state, set())
    return names


def _keep_deleted_names(service: Service, _: str) -> None:
    """Keep the name of a deleted task in use."""
    state = "duplicates-after-deletion"

    def remove(original: Callable[[Task], None], task: Task) -> None:
        _reserve(service, state).add(task.name)
        original(task)

    wrap_method(service.store, "has_name", lambda original, name: original(name) or name in _reserve(service, state))
    wrap_method(service.store, "remove", remove)


def _keep_rejected_names(service: Service, _: str) -> None:
    """Keep the name of a create request in use that is rejected for its path."""
    state = "refused-name-kept"

    def findings(original: Callable[[Request], list[Finding]], request: Request) -> list[Finding]:
        found = original(request)
        value = read(request.body).value
        if found and found[0].rule == "NC120" and isinstance(value, dict):
            _reserve(service, state).add(str(value.get("name")))
        return found

    wrap_method(service, "findings", findings)
    wrap_method(service.store, "has_name", lambda original, name: original(name) or name in _reserve(service, state))


def _change_duplicate(**values: object) -> Injection:
    """Return an injection that sets attributes of the rejection of a duplicate name."""
    expected = contract().errors["DUPLICATE_NAME"].code

    def create(original: Callable[[Request, int], Value], request: Request, now_ms: int) -> Value:
        try:
            return original(request, now_ms)
        except Rejection as rejection:
            if rejection.code == expected:
                set_attributes(rejection, **values)
            raise

    return wrapping("create", create)


# -- responses about a task ----------------------------------------------------------------------------------------------------------


def _change_details(change: Callable[[Value], Value]) -> Injection:
    """Return an injection that changes the response of getTask."""
    return changing("serializer.details", change)


def _change_summary(change: Callable[[Value], Value]) -> Injection:
    """Return an injection that changes a task in the responses of getTask and listTasks."""
    return changing("serializer.summary", change)


def _replace_words(words: dict[str, str]) -> Injection:
    return _change_summary(lambda value: value | {"status": words.get(value["status"], value["status"])})


def _replace_word(service: Service, word: str) -> None:
    _replace_words({word: f"{word}_"})(service, "")


def _go_back(service: Service, _: str) -> None:
    """Return the previous state in every third response of getTask."""
    reads: dict[str, int] = service.fault_state

    def details(original: Callable[[Task], Value], task: Task) -> Value:
        value, state = original(task), f"status-goes-back:{task.task_id}"
        reads[state] = reads.get(state, 0) + 1
        if reads[state] % 3 == 0 and 0 < task.stage < 3:
            return value | {"status": service.serializer.status_words[task.stage - 1]}
        return value

    wrap_method(service.serializer, "details", details)


def _flip(service: Service, _: str) -> None:
    """Return a completed task as failed from the second read on."""

    def details(original: Callable[[Task], Value], task: Task) -> Value:
        value, state = original(task), f"status-flips:{task.task_id}"
        if value["status"] == service.serializer.status_words[3]:
            if state in service.fault_state:
                return value | {"status": service.serializer.status_words[4]}
            service.fault_state[state] = True
        return value

    wrap_method(service.serializer, "details", details)


def _percent(value: Value) -> Value:
    return value | {"AUROC": value["AUROC"] and f"{float(value['AUROC']) * 100:.2f}"}


def _lines_negative(value: Value) -> Value:
    return value | {"line_count": -1 if value["line_count"] is None else value["line_count"]}


def _lines_as_text(value: Value) -> Value:
    return value | {"line_count": value["line_count"] and str(value["line_count"])}


def _moving_creation_time(service: Service, _: str) -> None:
    def details(original: Callable[[Task], Value], task: Task) -> Value:
        return original(task) | {"created_at": service.serializer.time(task.since_ms)}

    wrap_method(service.serializer, "details", details)


FAULTS: tuple[Fault, ...] = (
    Fault("duplicates-allowed", "Two tasks may have the same name.", "NC404", _decide_duplicates(lambda *_: False)),
    Fault("duplicates-racing", "Two tasks that are created at the same moment may have the same name.", "NC404", _race),
    Fault(
        "duplicates-racing-crowd",
        "Of several create requests at the same moment, only the first two are compared.",
        "NC404",
        _race_of_many,
    ),
    Fault("duplicates-by-case", "Names that differ only in letter case are duplicates.", "NC404", _compare_names(str.lower)),
    Fault("duplicates-trimmed", "Names that differ only in white space at the end are duplicates.", "NC404", _compare_names(str.strip)),
    Fault(
        "duplicates-by-prefix",
        "Names with the same first 32 characters are duplicates.",
        "NC404",
        _compare_names(lambda name: name[:32]),
    ),
    Fault("duplicates-after-deletion", "The name of a deleted task stays in use.", "NC402", _keep_deleted_names),
    Fault("duplicate-status-422", "A duplicate name is rejected with status 422.", "NC404", _change_duplicate(status=422)),
    Fault("duplicate-code", "A duplicate name is rejected without its error code.", "NC404", _change_duplicate(code=None)),
    Fault("refused-name-kept", "The name of a create request that is rejected for its path is in use.", "NC406", _keep_rejected_names),
    Fault("status-goes-back", "A task returns to an earlier state.", "NC400", _go_back),
    Fault("status-flips", "A completed task becomes failed.", "NC400", _flip),
    Fault(
        "status-word",
        "A state has another word than on the page.",
        "NC309",
        _replace_word,
        _STATUS_WORDS[:-1],
    ),
    Fault(
        "status-capitals",
        "States are written in capital letters.",
        "NC309",
        _change_summary(lambda value: value | {"status": value["status"].upper()}),
    ),
    Fault("failed-as-completed", "A failed task is returned as completed.", "NC314", _replace_words({"failed": "completed"})),
    Fault(
        "failure-unexplained",
        "A failed task has no failure message.",
        "NC314",
        _change_details(lambda value: value | {"fail_message": None}),
    ),
    Fault(
        "failure-everywhere",
        "Every task has a failure message.",
        "NC314",
        _change_details(lambda value: value | {"fail_message": value["fail_message"] or "COMMON_ERROR"}),
    ),
    Fault(
        "completion-without-time",
        "A completed task has no time of completion.",
        "NC314",
        _change_summary(lambda value: value | {"completed_at": None}),
    ),
    Fault(
        "completion-foreseen",
        "A task has a time of completion from the beginning.",
        "NC314",
        _change_summary(lambda value: value | {"completed_at": value["completed_at"] or value["created_at"]}),
    ),
    Fault("score-out-of-range", "AUROC is a percentage.", "NC309", _change_details(_percent)),
    Fault(
        "score-too-early",
        "AUROC has a value before the task is completed.",
        "NC314",
        _change_details(lambda value: value | {"AUROC": value["AUROC"] or "0.5"}),
    ),
    Fault("lines-negative", "The number of lines is -1 as long as it is unknown.", "NC309", _change_details(_lines_negative)),
    Fault("lines-as-text", "The number of lines is a string.", "NC305", _change_details(_lines_as_text)),
    Fault("creation-time-moves", "The time of creation is that of the last change of state.", "NC403", _moving_creation_time),
)
