"""Validation of the query of listTasks: which part of the list is requested (page "Get task list", index and limit)."""

from __future__ import annotations

from functools import cache
from urllib.parse import parse_qsl

from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Policy, Readings
from nclue_contract.contract.wording import quoted
from nclue_contract.validation.findings import Finding

LONGEST_NUMBER = 300
"""The longest index or limit, in characters. It comes back in the response, where it must fit into a double, which ends beyond 10^308."""


def read_query(query: str) -> tuple[dict[str, int], list[Finding]]:
    """Return index and limit of a query, or their defaults; and a finding of NC505 for each that is invalid, at `/limit` or `/index`."""
    given = dict(reversed(parse_qsl(query, keep_blank_values=True)))
    values, findings = {}, []
    for parameter in contract().operations["listTasks"].query:
        text = given.get(parameter.name, str(parameter.default))
        plain = text.isascii() and text.removeprefix("-").isdigit() and len(text) <= LONGEST_NUMBER
        values[parameter.name] = value = int(text) if plain else parameter.minimum - 1
        if value < parameter.minimum or (parameter.maximum is not None and value > parameter.maximum):
            most = "" if parameter.maximum is None else f" to {parameter.maximum}"
            problem = f"{parameter.name} is {quoted(text)}, and no integer from {parameter.minimum}{most}"
            findings.append(Finding(_policy().documented("NC505"), f"/{parameter.name}", detail={"problem": problem}))
    return values, findings


@cache
def _policy() -> Policy:
    return Policy(Readings.of(None))
