"""Witnesses of the faults in lists of tasks."""

from tests.service.faults.exchange import ABSENT, get, post, status, witness

_THREE = (post(name="a"), post(name="b"), post(name="c"))


def _capped(argument):
    names = [str(number) for number in range(int(argument) + 1)]
    return witness(f"/tasks/{argument}/task_name", argument, ABSENT, *(post(name=name) for name in names), get("?limit=100"))


WITNESSES = {
    "list-without-limit": witness("/tasks/1/task_name", ABSENT, "b", *_THREE, get("?limit=1")),
    "list-one-too-many": witness("/tasks/1/task_name", ABSENT, "b", *_THREE, get("?limit=1")),
    "list-one-too-few": witness("/tasks/1/task_name", "b", ABSENT, *_THREE, get("?limit=2")),
    "list-without-index": witness("/tasks/0/task_name", "b", "a", *_THREE, get("?index=1&limit=1")),
    "list-index-from-one": witness("/tasks/0/task_name", "b", "a", *_THREE, get("?index=1&limit=1")),
    "list-capped": _capped,
    "list-default-limit": lambda argument: witness("/limit", 20, int(argument), get("")),
    "list-clamps": status(400, 200, get("?limit=101")),
    "list-crashes-on-text": status(400, 500, get("?index=x")),
    "list-crashes-on-negative": status(400, 500, get("?index=-1")),
    "list-echoes-nothing": witness("/index", 0, ABSENT, get("")),
    "list-echoes-defaults": witness("/limit", 5, 20, get("?limit=5")),
    "list-total-off": witness("/total", 3, 2, *_THREE, get("")),
    "list-total-as-text": witness("/total", 0, "0", get("")),
    "list-bare": witness("/total", 0, ABSENT, get("")),
    "list-repeats": witness("/tasks/1/task_name", "b", "a", *_THREE, get("")),
    "list-misses-newest": witness("/tasks/2/task_name", "c", ABSENT, *_THREE, get("")),
    "list-misses-ended": witness("/tasks/0/task_name", "task", ABSENT, post(), get("", advance=3)),
    "list-is-stale": witness("/tasks/0/status", "pending", "registered", post(), get("", advance=1)),
    "list-null-items": witness("/tasks/0", ABSENT, None, get("")),
}
