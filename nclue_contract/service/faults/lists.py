"""Faults in lists of tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nclue_contract.service.faults.catalogue import Fault, Witness, get, post, wrap
from nclue_contract.service.faults.injection import witness
from nclue_contract.service.messages import Refusal
from nclue_contract.service.service import Service

Value = dict[str, Any]
Plant = Callable[[Service, str], None]


def _page(change: Callable[[Service, dict[str, int]], dict[str, int]]) -> Plant:
    """Plant: another page is given than was asked for, but what was asked for is shown."""

    def plant(service: Service, _: str) -> None:
        def listed(original: Callable[[str, int], Value], query: str, now_ms: int) -> Value:
            asked = service.page_of(query)
            other = change(service, asked)
            return original(f"index={other['index']}&limit={other['limit']}", now_ms) | asked

        wrap(service, "list", listed)

    return plant


def _listed(change: Callable[[Value], Value]) -> Plant:
    return lambda service, _: wrap(service, "list", lambda original, *arguments: change(original(*arguments)))


def _clamped(service: Service, _: str) -> None:
    """Values out of range are moved into it instead of refused."""

    def page_of(original: Callable[[str], dict[str, int]], query: str) -> dict[str, int]:
        try:
            return original(query)
        except Refusal:
            return original("")

    wrap(service, "page_of", page_of)


def _crashing(when: Callable[[str], bool]) -> Plant:
    def page_of(original: Callable[[str], dict[str, int]], query: str) -> dict[str, int]:
        if when(query):
            raise RuntimeError
        return original(query)

    return lambda service, _: wrap(service, "page_of", page_of)


def _longest(service: Service, argument: str) -> None:
    """Pages have at most so many tasks, whatever limit is asked for."""
    _page(lambda _, asked: asked | {"limit": min(asked["limit"], int(argument))})(service, "")


def _default_limit(service: Service, argument: str) -> None:
    wrap(service, "page_of", lambda original, query: original(query if "limit=" in query else f"{query}&limit={argument}"))


_THREE = (post(name="a"), post(name="b"), post(name="c"))


FAULTS: tuple[Fault, ...] = (
    Fault(
        "list-without-limit",
        "The limit of a list is not applied.",
        "NC501",
        _page(lambda _, asked: asked | {"limit": 100}),
        witness("/tasks/1/task_name", "absent", "b", *_THREE, get("?limit=1")),
    ),
    Fault(
        "list-one-too-many",
        "A page has one task more than its limit.",
        "NC501",
        _page(lambda _, asked: asked | {"limit": min(100, asked["limit"] + 1)}),
        witness("/tasks/1/task_name", "absent", "b", *_THREE, get("?limit=1")),
    ),
    Fault(
        "list-one-too-few",
        "A page has one task less than its limit.",
        "NC503",
        _page(lambda _, asked: asked | {"limit": max(1, asked["limit"] - 1)}),
        witness("/tasks/1/task_name", "b", "absent", *_THREE, get("?limit=2")),
    ),
    Fault(
        "list-without-index",
        "The index of a list is not applied.",
        "NC503",
        _page(lambda _, asked: asked | {"index": 0}),
        witness("/tasks/0/task_name", "b", "a", *_THREE, get("?index=1&limit=1")),
    ),
    Fault(
        "list-index-from-one",
        "The index of a list counts from 1.",
        "NC503",
        _page(lambda _, asked: asked | {"index": max(0, asked["index"] - 1)}),
        witness("/tasks/0/task_name", "b", "a", *_THREE, get("?index=1&limit=1")),
    ),
    Fault(
        "list-capped",
        "Pages have fewer tasks than may be asked for.",
        "NC504",
        _longest,
        lambda most: Witness(
            (*(post(name=str(number)) for number in range(int(most) + 1)), get("?limit=100")), f"/tasks/{most}/task_name", most, "absent"
        ),
        ("10", "50"),
    ),
    Fault(
        "list-default-limit",
        "Without a limit, another one than the page's is taken.",
        "NC500",
        _default_limit,
        lambda limit: Witness((get(""),), "/limit", 20, int(limit)),
        ("10", "50", "100"),
    ),
    Fault(
        "list-clamps",
        "Values out of range are replaced by the defaults instead of refused.",
        "NC505",
        _clamped,
        witness("status", 400, 200, get("?limit=101")),
    ),
    Fault(
        "list-crashes-on-text",
        "An index that is no number crashes the server.",
        "NC601",
        _crashing(lambda query: "index=x" in query),
        witness("status", 400, 500, get("?index=x")),
    ),
    Fault(
        "list-crashes-on-negative",
        "A negative index crashes the server.",
        "NC601",
        _crashing(lambda query: "=-" in query),
        witness("status", 400, 500, get("?index=-1")),
    ),
    Fault(
        "list-echoes-nothing",
        "A list does not say its index and limit.",
        "NC304",
        _listed(lambda value: {"total": value["total"], "tasks": value["tasks"]}),
        witness("/index", 0, "absent", get("")),
    ),
    Fault(
        "list-echoes-defaults",
        "A list says the default limit, whatever was asked for.",
        "NC500",
        _listed(lambda value: value | {"limit": 20}),
        witness("/limit", 5, 20, get("?limit=5")),
    ),
    Fault(
        "list-total-off",
        "The total of a list is one too low.",
        "NC502",
        _listed(lambda value: value | {"total": max(0, value["total"] - 1)}),
        witness("/total", 3, 2, *_THREE, get("")),
    ),
    Fault(
        "list-total-as-text",
        "The total of a list is a text.",
        "NC305",
        _listed(lambda value: value | {"total": str(value["total"])}),
        witness("/total", 0, "0", get("")),
    ),
    Fault(
        "list-bare",
        "A list is an array without index, limit and total.",
        "NC303",
        _listed(lambda value: value["tasks"]),
        witness("/total", 0, "absent", get("")),
    ),
    Fault(
        "list-repeats",
        "The first task of a list stands in it twice.",
        "NC504",
        _listed(lambda value: value | {"tasks": [*value["tasks"][:1], *value["tasks"]]}),
        witness("/tasks/1/task_name", "b", "a", *_THREE, get("")),
    ),
    Fault(
        "list-misses-newest",
        "The newest task is not in the list.",
        "NC504",
        _listed(lambda value: value | {"tasks": value["tasks"][:-1]}),
        witness("/tasks/2/task_name", "c", "absent", *_THREE, get("")),
    ),
    Fault(
        "list-misses-ended",
        "Tasks that have ended are not in the list.",
        "NC504",
        _listed(lambda value: value | {"tasks": [t for t in value["tasks"] if t["status"] not in {"completed", "failed"}]}),
        witness("/tasks/0/task_name", "task", "absent", post(), get("", advance=3)),
    ),
    Fault(
        "list-is-stale",
        "A list shows every task as registered.",
        "NC403",
        _listed(lambda value: value | {"tasks": [t | {"status": "registered"} for t in value["tasks"]]}),
        witness("/tasks/0/status", "pending", "registered", post(), get("", advance=1)),
    ),
    Fault(
        "list-null-items",
        "Lists hold null for tasks that were deleted.",
        "NC303",
        _listed(lambda value: value | {"tasks": [*value["tasks"], None]}),
        witness("/tasks/0", "absent", None, get("")),
    ),
)
