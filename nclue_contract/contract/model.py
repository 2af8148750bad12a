"""The contract as frozen values, read from `tables.json`: rules, readings, fields, operations.

`tables.json` is compiled from `openapi/nclue-tasks.yaml`, the only place where a limit, a character or a code stands. Nobody else reads it.
"""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any

from nclue_contract.contract.rules import Certainty, ExpectedAnswer, Rule, Severity


@dataclass(frozen=True, slots=True)
class Option:
    """One answer to the question of a reading, with the pages that support it and what it changes."""

    id: str
    says: str
    pages: tuple[str, ...] = ()
    characters: str = ""
    code_points: tuple[tuple[int, int], ...] = ()
    exclusive: bool = False
    word: str = ""
    media_type: str = ""

    def forbids(self, character: str) -> bool:
        """Whether this option forbids the character, besides what the rule forbids anyway."""
        return character in self.characters or in_ranges(character, self.code_points)


@dataclass(frozen=True, slots=True)
class Reading:
    """One question that the documentation does not decide."""

    id: str
    question: str
    page: str
    certainty: Certainty
    default: str
    options: tuple[Option, ...]

    def option(self, name: str) -> Option:
        """The option with this id; raises `ValueError` when there is none."""
        for option in self.options:
            if option.id == name:
                return option
        known = ", ".join(option.id for option in self.options)
        message = f"the reading {self.id} has no option {name!r:.80}; it has: {known}"
        raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Field:
    """A property of a payload. Lengths are in characters; `minimum` and `maximum` are None where the schema has none."""

    name: str
    required: bool
    types: tuple[str, ...]
    min_length: int = 0
    max_length: int = 0
    minimum: int | None = None
    maximum: int | None = None
    format: str = ""
    enum: tuple[str, ...] = ()
    items: str = ""


@dataclass(frozen=True, slots=True)
class DocumentedError:
    """A row of the tables of errors: status code, error code, message."""

    status: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class QueryParameter:
    """A query parameter; an integer."""

    name: str
    default: int
    minimum: int
    maximum: int | None


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation: method, path template, name of the response schema, documented error codes per status code."""

    id: str
    method: str
    path: str
    response: str
    statuses: Mapping[int, tuple[str, ...]]
    query: tuple[QueryParameter, ...] = ()


@dataclass(frozen=True, slots=True)
class Contract:
    """Everything the contract says."""

    revision: str
    server: str
    headers: tuple[str, ...]
    request: tuple[Field, ...]
    responses: Mapping[str, tuple[Field, ...]]
    operations: Mapping[str, Operation]
    errors: Mapping[str, DocumentedError]
    readings: Mapping[str, Reading]
    rules: Mapping[str, Rule]
    _slugs: Mapping[str, str] = field(repr=False)

    def rule(self, name: str) -> Rule | None:
        """The rule with this code or slug, in any case; None when there is none."""
        return self.rules.get(name.upper()) or self.rules.get(self._slugs.get(name.lower(), ""))

    def require_rule(self, name: object) -> Rule:
        """Return the rule with this code or slug, in any letter case. Raises `ValueError` for an unknown one."""
        rule = self.rule(str(name))
        if rule is None:
            message = f"unknown rule {name!r:.80}; `nclue-contract explain` lists them"
            raise ValueError(message)
        return rule


def in_ranges(character: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    """Whether the code point lies in one of the ranges, both ends included."""
    return any(low <= ord(character) <= high for low, high in ranges)


@cache
def contract() -> Contract:
    """The contract that this version of the package knows; read once."""
    data = pkgutil.get_data("nclue_contract.contract", "tables.json")
    if data is None:  # pragma: no cover  # only a loader without get_data, which no Python ships
        message = "nclue_contract/contract/tables.json cannot be read; install the package again"
        raise RuntimeError(message)
    tables = json.loads(data)
    rules = {row["code"]: _rule(row) for row in tables["rules"]}
    return Contract(
        revision=tables["revision"],
        server=tables["server"],
        headers=tuple(tables["headers"]),
        request=_fields(tables["request"]),
        responses=MappingProxyType({name: _fields(rows) for name, rows in tables["responses"].items()}),
        operations=MappingProxyType({name: _operation(name, row) for name, row in tables["operations"].items()}),
        errors=MappingProxyType({name: DocumentedError(**row) for name, row in tables["errors"].items()}),
        readings=MappingProxyType({row["id"]: _reading(row) for row in tables["readings"]}),
        rules=MappingProxyType(rules),
        _slugs=MappingProxyType({rule.slug: code for code, rule in rules.items()}),
    )


def _pairs(rows: list[list[int]]) -> tuple[tuple[int, int], ...]:
    return tuple((low, high) for low, high in rows)


def _rule(row: dict[str, Any]) -> Rule:
    values = row | {
        "severity": Severity(row["severity"]),
        "certainty": Certainty(row["certainty"]),
        "fields": tuple(row.get("fields", ())),
        "readings": tuple(row.get("readings", ())),
        "states": tuple(row.get("states", ())),
        "expects": tuple(ExpectedAnswer(**answer) for answer in row.get("expects", ())),
        "code_points": _pairs(row.get("code_points", [])),
        "range": tuple(row.get("range", (0, 0))),
    }
    return Rule(**values)


def _reading(row: dict[str, Any]) -> Reading:
    options = (
        option | {"pages": tuple(option["pages"]), "code_points": _pairs(option.get("code_points", []))} for option in row["options"]
    )
    return Reading(**row | {"certainty": Certainty(row["certainty"]), "options": tuple(Option(**option) for option in options)})


def _fields(rows: list[dict[str, Any]]) -> tuple[Field, ...]:
    names = {"minLength": "min_length", "maxLength": "max_length"}

    def field_of(row: dict[str, Any]) -> Field:
        values: dict[str, Any] = {names.get(key, key): tuple(value) if isinstance(value, list) else value for key, value in row.items()}
        return Field(**values)

    return tuple(field_of(row) for row in rows)


def _operation(name: str, row: dict[str, Any]) -> Operation:
    return Operation(
        id=name,
        method=row["method"],
        path=row["path"],
        response=row["response"],
        statuses=MappingProxyType({int(status): tuple(codes) for status, codes in row["statuses"].items()}),
        query=tuple(QueryParameter(key, node["default"], node["minimum"], node.get("maximum")) for key, node in row["query"].items()),
    )
