"""Faults in lists of tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nclue_contract.contract.model import contract
from nclue_contract.service.faults.injection import Fault, Injection, Value, changing, wrap_method, wrapping
from nclue_contract.service.messages import Rejection
from nclue_contract.service.service import Service

_LIMIT = next(parameter for parameter in contract().operations["listTasks"].query if parameter.name == "limit")
_MOST = _LIMIT.maximum or 0


def _change_page(change: Callable[[dict[str, int]], dict[str, int]]) -> Injection:
    """Return an injection that returns the tasks of another page, with the index and the limit of the request."""

    def inject(service: Service, _: str) -> None:
        def list_tasks(original: Callable[[str, int], Value], query: str, now_ms: int) -> Value:
            requested = service.parse_page(query)
            page = requested | change(requested)
            return original(f"index={page['index']}&limit={page['limit']}", now_ms) | requested

        wrap_method(service, "list", list_tasks)

    return inject


def _change_list(change: Callable[[Value], Any]) -> Injection:
    """Return an injection that changes the response of listTasks."""
    return changing("list", change)


def _change_tasks(change: Callable[[list[Value]], list[Any]]) -> Injection:
    """Return an injection that changes the tasks in the response of listTasks."""
    return changing("list", lambda value: value | {"tasks": change(value["tasks"])})


def _use_defaults(original: Callable[[str], dict[str, int]], query: str) -> dict[str, int]:
    try:
        return original(query)
    except Rejection:
        return original("")


def _crash_on_query(condition: Callable[[str], bool]) -> Injection:
    """Return an injection that lets some queries crash the server."""

    def parse_page(original: Callable[[str], dict[str, int]], query: str) -> dict[str, int]:
        if condition(query):
            raise RuntimeError
        return original(query)

    return wrapping("parse_page", parse_page)


def _cap(service: Service, argument: str) -> None:
    most = int(argument)
    _change_page(lambda page: {"limit": min(page["limit"], most)})(service, "")


def _change_default_limit(service: Service, argument: str) -> None:
    wrap_method(service, "parse_page", lambda original, query: original(query if "limit=" in query else f"{query}&limit={argument}"))


FAULTS: tuple[Fault, ...] = (
    Fault("list-without-limit", "The limit of a list is not applied.", "NC501", _change_page(lambda _: {"limit": _MOST})),
    Fault(
        "list-one-too-many",
        "A page has one task more than its limit.",
        "NC501",
        _change_page(lambda page: {"limit": min(_MOST, page["limit"] + 1)}),
    ),
    Fault(
        "list-one-too-few",
        "A page has one task less than its limit.",
        "NC503",
        _change_page(lambda page: {"limit": max(1, page["limit"] - 1)}),
    ),
    Fault("list-without-index", "The index of a list is not applied.", "NC503", _change_page(lambda _: {"index": 0})),
    Fault(
        "list-index-from-one",
        "The index of a list counts from 1.",
        "NC503",
        _change_page(lambda page: {"index": max(0, page["index"] - 1)}),
    ),
    Fault("list-capped", "Pages have fewer tasks than the limit allows.", "NC504", _cap, ("10", "50")),
    Fault(
        "list-default-limit",
        "The default limit is another one than on the page.",
        "NC500",
        _change_default_limit,
        ("10", "50", "100"),
    ),
    Fault(
        "list-clamps",
        "Values outside their range are replaced by the defaults instead of rejected.",
        "NC505",
        wrapping("parse_page", _use_defaults),
    ),
    Fault(
        "list-crashes-on-text",
        "An index that is not a number crashes the server.",
        "NC601",
        _crash_on_query(lambda query: "index=x" in query),
    ),
    Fault("list-crashes-on-negative", "A negative index crashes the server.", "NC601", _crash_on_query(lambda query: "=-" in query)),
    Fault(
        "list-echoes-nothing",
        "A list does not return its index and limit.",
        "NC304",
        _change_list(lambda value: {"total": value["total"], "tasks": value["tasks"]}),
    ),
    Fault(
        "list-echoes-defaults",
        "A list returns the default limit instead of that of the request.",
        "NC500",
        _change_list(lambda value: value | {"limit": _LIMIT.default}),
    ),
    Fault(
        "list-total-off",
        "The total of a list is one too low.",
        "NC502",
        _change_list(lambda value: value | {"total": max(0, value["total"] - 1)}),
    ),
    Fault(
        "list-total-as-text",
        "The total of a list is a string.",
        "NC305",
        _change_list(lambda value: value | {"total": str(value["total"])}),
    ),
    Fault("list-bare", "A list is an array without index, limit and total.", "NC303", _change_list(lambda value: value["tasks"])),
    Fault("list-repeats", "The first task of a list occurs twice.", "NC504", _change_tasks(lambda tasks: [*tasks[:1], *tasks])),
    Fault("list-misses-newest", "The newest task is missing in the list.", "NC504", _change_tasks(lambda tasks: tasks[:-1])),
    Fault(
        "list-misses-ended",
        "Tasks that have ended are missing in the list.",
        "NC504",
        _change_tasks(lambda tasks: [task for task in tasks if task["status"] not in {"completed", "failed"}]),
    ),
    Fault(
        "list-is-stale",
        "A list returns every task as registered.",
        "NC403",
        _change_tasks(lambda tasks: [task | {"status": "registered"} for task in tasks]),
    ),
    Fault("list-null-items", "Lists contain null for deleted tasks.", "NC303", _change_tasks(lambda tasks: [*tasks, None])),
)
