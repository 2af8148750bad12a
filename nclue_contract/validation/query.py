"""Validation of the query of listTasks: which part of the list is requested (page "Get task list", index and limit)."""

from __future__ import annotations

from urllib.parse import parse_qsl

from nclue_contract.contract.model import QueryParameter, contract
from nclue_contract.contract.readings import Policy, Readings
from nclue_contract.contract.wording import quoted
from nclue_contract.validation.findings import Finding

LONGEST_NUMBER = 300
"""The longest index or limit, in characters. It comes back in the response, where it must fit into a double, which ends beyond 10^308."""


def read_query(query: str, readings: Readings | None = None) -> tuple[dict[str, int], list[Finding]]:
    """Return index and limit of a query, or their defaults; and a finding of NC505 for each that is invalid, at `/limit` or `/index`.

    Under `query-range=clamped` nothing is invalid: the nearest valid value is used instead, and the default for what is no integer.
    """
    given = dict(reversed(parse_qsl(query, keep_blank_values=True)))
    applied = Policy(Readings.of(readings)).error_unless_chosen("NC505", "query-range", "clamped")
    values, findings = {}, []
    for parameter in contract().operations["listTasks"].query:
        text = given.get(parameter.name, str(parameter.default))
        replaced = replacements(parameter, text)
        if replaced is None:
            values[parameter.name] = int(text)
            continue
        values[parameter.name] = (*replaced, parameter.default)[0]
        if applied is not None:
            problem = out_of_range(parameter, text)
            findings.append(Finding(applied, f"/{parameter.name}", detail={"problem": problem}))
    return values, findings


def replacements(parameter: QueryParameter, text: str) -> tuple[int, ...] | None:
    """Return by which values a server may replace one that is out of range, the nearest valid one first; None for one in its range.

    There are none for a text that is no integer: no page says how it is read.
    """
    plain = text.isascii() and text.removeprefix("-").isdigit() and len(text) <= LONGEST_NUMBER
    if not plain:
        return ()
    value, most = int(text), parameter.maximum
    nearest = max(parameter.minimum, value if most is None else min(value, most))
    return None if nearest == value else (nearest, parameter.default)


def out_of_range(parameter: QueryParameter, text: str) -> str:
    """Return that a value is out of its range, in words."""
    most = "" if parameter.maximum is None else f" to {parameter.maximum}"
    return f"{parameter.name} is {quoted(text)}, and no integer from {parameter.minimum}{most}"
