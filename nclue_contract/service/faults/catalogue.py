"""Named bugs that real servers have, to be planted in the service: opponents for a contract check, and trouble for a client's tests.

A fault wraps steps of one `Service` instance. Some take an argument (`path-character-allowed:U+007E`); `Fault.arguments` lists those that
are measured. A **witness** is an exchange, written by hand, that tells the faulty service from the clean one: what is looked at in the last
answer, and what both give.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from nclue_contract.check.requests import RequestSpec, header_pairs
from nclue_contract.service.lifecycle import Progress
from nclue_contract.service.messages import Request, Response
from nclue_contract.service.service import Service
from nclue_contract.service.store import World
from nclue_contract.signing import EXAMPLE

KEYS = EXAMPLE
"""The key pair of the witnesses."""

START_MS = 1_764_000_000_000
"""The time at which a witness begins, in milliseconds since 1970-01-01 UTC."""

FAILING = "fails"
"""The name of a task that fails, in the witnesses."""

PAYLOAD = {
    "name": "task",
    "train_feature_id": "0ccc59f9-0000-4000-8000-7837ae76d046",
    "train_bucket": "answers",
    "train_file_path": "churn/train.tsv",
}
TEST = {"test_feature_id": "1ccc59f9-0000-4000-8000-7837ae76d046", "test_bucket": "answers", "test_file_path": "churn/test.tsv"}


@dataclass(frozen=True, slots=True)
class Step(RequestSpec):
    """One request of a witness. `{1}` in the path stands for the ID of the first task created, and so on.

    `wait_ms` lets time pass before, `advance` moves all tasks so many steps before.
    """

    wait_ms: int = 10
    advance: int = 0


@dataclass(frozen=True, slots=True)
class Witness:
    """Requests, what is looked at in the last answer, and what the clean and the faulty service give there.

    `look` is `status`, `code` (the error code), `header NAME`, `first byte` (of the body), `cut`, or a JSON Pointer into the body.
    """

    steps: tuple[Step, ...]
    look: str
    clean: object
    faulty: object


@dataclass(frozen=True, slots=True)
class Fault:
    """A bug: id, one sentence, the rule it breaks, how it is planted (service, argument), and how it shows (argument -> witness)."""

    id: str
    sentence: str
    rule: str
    plant: Callable[[Service, str], None]
    witness: Callable[[str], Witness]
    arguments: tuple[str, ...] = ("",)

    def instances(self) -> tuple[str, ...]:
        """The spellings for `plant`: the id, with each argument that is measured."""
        return tuple(f"{self.id}:{argument}" if argument else self.id for argument in self.arguments)


@cache
def catalogue() -> tuple[Fault, ...]:
    """All faults, in the order of the rules they break."""
    from nclue_contract.service.faults import (  # noqa: PLC0415  # they import this module
        authentication,
        deletion,
        echo,
        lists,
        paths,
        payload,
        responses,
        tasks,
    )

    parts = (paths, payload, authentication, responses, echo, tasks, deletion, lists)
    return tuple(fault for part in parts for fault in part.FAULTS)


def find(text: str) -> tuple[Fault, str]:
    """The fault and the argument of `ID` or `ID:ARGUMENT`; without an argument the first one. Raises `ValueError`."""
    name, _, argument = text.partition(":")
    known = {fault.id: fault for fault in catalogue()}
    if name not in known:
        near = difflib.get_close_matches(name[:80], list(known), n=1)
        message = f"unknown fault {name!r:.80}" + (f"; did you mean {near[0]}?" if near else "; `nclue-contract faults` lists them")
        raise ValueError(message)
    fault = known[name]
    if argument and fault.arguments == ("",):
        message = f"the fault {name} takes no argument"
        raise ValueError(message)
    return fault, argument or fault.arguments[0]


def plant(service: Service, text: str) -> None:
    """Plant a fault, `ID` or `ID:ARGUMENT`, in a service; several may be planted. Raises `ValueError` for an unknown one."""
    fault, argument = find(text)
    try:
        fault.plant(service, argument)
    except (ValueError, KeyError) as error:
        message = f"the fault {fault.id} does not take the argument {argument!r:.80}; for example {fault.instances()[0]}"
        raise ValueError(message) from error


def wrap(owner: object, name: str, wrapper: Callable[..., Any]) -> None:
    """Put `wrapper(original, …)` in the place of a method of one object."""
    setattr(owner, name, partial(wrapper, getattr(owner, name)))


# -- witnesses ---------------------------------------------------------------------------------------------------------------------


def post(**changes: object) -> Step:
    """A creation: the usual payload with changes; None leaves a field out."""
    payload = {name: value for name, value in (PAYLOAD | changes).items() if value is not None}
    return post_bytes(json.dumps(payload).encode())


def post_bytes(body: bytes) -> Step:
    """A creation with this body."""
    return Step("POST", body=body)


def get(path: str = "/{1}", **options: Any) -> Step:  # noqa: ANN401  # those of Step
    """A look at a task, or at the list (`?limit=1`)."""
    return Step("GET", f"/tasks{path}", **options)


def delete(path: str = "/{1}", **options: Any) -> Step:  # noqa: ANN401  # those of Step
    """A deletion."""
    return Step("DELETE", f"/tasks{path}", **options)


def witness_service() -> Service:
    """The clean service that witnesses are run against: signatures are checked, tasks move by hand, some names fail."""
    world = World(failing_names={FAILING: "NUM_OF_LABEL_INSUFFICIENT"})
    return Service({KEYS.access_key: KEYS.secret_key}, progress=Progress("manual"), world=world)


def observe(service: Service, witness: Witness) -> object:
    """Run the exchange of a witness, and give what is to be looked at."""
    now_ms = START_MS
    ids: dict[int, str] = {}
    response = Response(0, b"null")
    for step in witness.steps:
        now_ms += step.wait_ms
        for _ in range(step.advance):
            service.advance(now_ms=now_ms)
        path = step.path
        for number, task_id in ids.items():
            path = path.replace(f"{{{number}}}", task_id)
        target = service.prefix + path
        pairs = header_pairs(step, target, now_ms, KEYS)
        response = service.handle(Request(step.method, target, tuple(pairs), step.body), now_ms)
        value = _value(response)
        if step.method == "POST" and isinstance(value, dict) and "task_id" in value:
            ids[len(ids) + 1] = str(value["task_id"])
    return _looked_at(response, witness.look)


def _value(response: Response) -> Any:  # noqa: ANN401  # any JSON value
    try:
        return response.json()
    except ValueError:
        return None


def _looked_at(response: Response, look: str) -> object:
    """What a witness looks at; `absent` where there is nothing."""
    if look == "status":
        return response.status
    if look == "cut":
        return response.cut
    if look == "first byte":
        return response.body[0]
    if look.startswith("header "):
        return next((value for name, value in response.headers if name == look.removeprefix("header ")), "absent")
    value = _value(response)
    for part in ("error/errorCode" if look == "code" else look.lstrip("/")).split("/"):
        if isinstance(value, list):
            value = value[int(part)] if part.isdigit() and int(part) < len(value) else "absent"
        else:
            value = value.get(part, "absent") if isinstance(value, dict) else "absent"
    return value
