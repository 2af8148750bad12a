"""Agreement of responses about one task: the values that createTask, getTask and listTasks show must be the same (rule NC403)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import takewhile

from nclue_contract.check.server_clock import parse_time_ms
from nclue_contract.contract.model import Field, contract

SAME_TIME_MS = 1000
"""Two representations of one time differ by less; the page prints whole seconds."""


def differences(before: Mapping[str, object], now: Mapping[str, object], operation: str) -> Iterator[tuple[str, str]]:
    """Yield the fields of a task that differ from those of an earlier response, each with the problem in words.

    `before` are the fields that `operation` returned, `now` those of the later response. Only the fields that every operation has are
    compared.
    """
    for field in contract().responses["CreatedTask"]:
        name = field.name
        if name not in now and before.get(name) is not None and "null" in field.types:  # only a field without a value can be absent
            yield name, f"{name} is absent, although {operation} returned a value"
        if name in before and name in now and not _same(field, before[name], now[name]):
            yield name, f"{name} is not what {operation} returned{first_difference(before[name], now[name])}"


def first_difference(one: object, other: object) -> str:
    """Return from which offset on two strings differ, as a part of a sentence; empty for other values."""
    if not (isinstance(one, str) and isinstance(other, str)):
        return ""
    equal = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return f", from offset {sum(1 for _ in equal)} on"


def _same(field: Field, one: object, other: object) -> bool:
    if one == other:
        return True
    # The same moment may be written in another zone, and be stored less exactly than it was returned first.
    at_ms, other_ms = parse_time_ms(one), parse_time_ms(other)
    return field.format == "date-time" and at_ms is not None and other_ms is not None and abs(at_ms - other_ms) < SAME_TIME_MS
