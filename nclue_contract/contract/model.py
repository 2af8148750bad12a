"""The contract as frozen values, with accessors: rules, readings, fields, operations, lifecycle.

They are read from `tables.json`, which is compiled from the YAML files in `openapi/`, the only place where limits, character sets, error
codes and status words are written. No other module reads it.
"""

from __future__ import annotations

import json
import pkgutil
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from nclue_contract.contract.rules import Certainty, ExpectedAnswer, Rule, Severity
from nclue_contract.contract.wording import nearest


class ErrorShape(NamedTuple):
    """Where the body of an error has its code and its message: in the field `object` (empty: at the top), under these names."""

    object: str
    code: str
    message: str


class Option(NamedTuple):
    """One option of a reading, with the pages that support it and what it changes."""

    id: str
    meaning: str
    pages: tuple[str, ...] = ()
    characters: str = ""
    code_points: tuple[tuple[int, int], ...] = ()
    exclusive: bool = False
    word: str = ""
    media_type: str = ""
    shape: ErrorShape | None = None
    statuses: tuple[int, ...] = ()
    deletion_status: int = 0

    def forbids(self, character: str) -> bool:
        """Return whether this option forbids the character in addition to those of the rule."""
        return character in self.characters or in_ranges(character, self.code_points)


class Reading(NamedTuple):
    """One question that the documentation does not decide."""

    id: str
    question: str
    page: str
    certainty: Certainty
    default: str
    options: tuple[Option, ...]

    def option(self, name: str) -> Option:
        """Return the option with this id; raises `ValueError` when there is none."""
        for option in self.options:
            if option.id == name:
                return option
        known = ", ".join(option.id for option in self.options)
        message = f"the reading {self.id} has no option {name!r:.80}; it has: {known}"
        raise ValueError(message)


class Field(NamedTuple):
    """A property of a request or response. Lengths are in characters; `minimum` and `maximum` are None where the schema has none.

    `echo_of` is the field of the request whose value comes back under this other name, `name_of` the field of the request that has the ID
    of what this names, and `type_reading` the reading by which a number is written as a number or in a string; empty where there is none.
    `value_in` are the statuses of a task in which the field has a value, `value_may_be_in` those in which it may; none: in all.
    """

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
    echo_of: str = ""
    name_of: str = ""
    type_reading: str = ""
    value_in: tuple[str, ...] = ()
    value_may_be_in: tuple[str, ...] = ()


class DocumentedError(NamedTuple):
    """A row of the documented tables of errors."""

    status: int
    code: str
    message: str
    meaning: str = ""
    rules: tuple[str, ...] = ()
    """Codes of rules that concern the error, although createTask responds with another one when they are broken."""


class QueryParameter(NamedTuple):
    """A query parameter; an integer."""

    name: str
    default: int
    minimum: int
    maximum: int | None


SIMILAR = 0.77
"""How similar to a rule a name is that was meant to be it: more than `NC9` to `NC209` (see `nearest`)."""

_RANGE = re.compile("NC([0-9]{3})-(?:NC)?([0-9]{3})", re.IGNORECASE)

_Named = TypeVar("_Named", Field, QueryParameter)


class Operation(NamedTuple):
    """An operation: method, path template, name of the response schema, documented error codes by status code."""

    id: str
    method: str
    path: str
    response: str
    statuses: Mapping[int, tuple[str, ...]]
    query: tuple[QueryParameter, ...] = ()


class TaskLifecycle(NamedTuple):
    """The statuses of a task, in the order in which a task goes through them, and the role of each. The page is "Create task"."""

    statuses: tuple[str, ...]
    initial: str
    building: str
    completed: str
    failed: str
    deletable: tuple[str, ...]
    synonyms: Mapping[str, str]

    @property
    def final(self) -> tuple[str, ...]:
        """Return the two statuses that a task never leaves."""
        return (self.completed, self.failed)

    def stage(self, status: object) -> int | None:
        """Return the position of a status, counted from 0, in any word of the reading `status-word`; None for another word."""
        word = self.synonyms.get(str(status), str(status))
        return self.statuses.index(word) if word in self.statuses else None


@dataclass(frozen=True, slots=True)
class Contract:
    """The whole contract. `request` and `responses` are the fields of the schemas.

    `documentation` is the base URL of the documentation site, without a slash at the end; empty while the project has none.
    """

    revision: str
    server: str
    documentation: str
    headers: tuple[str, ...]
    request: tuple[Field, ...]
    responses: Mapping[str, tuple[Field, ...]]
    operations: Mapping[str, Operation]
    lifecycle: TaskLifecycle
    errors: Mapping[str, DocumentedError]
    readings: Mapping[str, Reading]
    rules: Mapping[str, Rule]
    _sample: Mapping[str, str] = field(repr=False)
    _slugs: Mapping[str, str] = field(repr=False)

    def rule(self, name: str) -> Rule | None:
        """Return the rule with this code or slug, in any letter case; None when there is none."""
        return self.rules.get(name.upper()) or self.rules.get(self._slugs.get(name.lower(), ""))

    def select_rules(self, names: Iterable[object]) -> tuple[str, ...]:
        """Return the codes of the named rules, each once. It is what every option and setting that names rules accepts.

        A name is a code (`NC120`), a slug (`path-character`), the beginning of codes (`NC12`, `NC12x`, `NC3xx`), a range of codes
        (`NC001-NC007`, `NC001-007`), or several of them with commas, in any letter case. Raises `ValueError` for a name that means no
        rule, with the one that was probably meant.
        """
        codes: list[str] = []
        for name in names:
            for part in str(name).split(","):
                found = self._named_rules(part.strip())
                if not found:
                    shown = part.strip() if isinstance(name, str) else name
                    near = nearest(part.strip(), [*self.rules, *self._slugs], SIMILAR)
                    hint = f"did you mean {near}?" if near else "`nclue-contract explain` lists them"
                    message = f"unknown rule {shown!r:.80}; {hint}"
                    raise ValueError(message)
                codes += found
        return tuple(dict.fromkeys(codes))

    def _named_rules(self, name: str) -> list[str]:
        if (rule := self.rule(name)) is not None:
            return [rule.code]
        if match := _RANGE.fullmatch(name):
            return [code for code in self.rules if match[1] <= code.removeprefix("NC") <= match[2]]
        beginning = name.upper().rstrip("X")
        return [code for code in self.rules if code.startswith(beginning)] if len(beginning) > len("NC") else []

    def rule_url(self, code: str) -> str | None:
        """Return the URL of the page about a rule; None while the documentation site has no address."""
        return f"{self.documentation}/rules/{code}/" if self.documentation else None

    def reading_url(self, name: str) -> str | None:
        """Return the URL of the page about a reading; None while the documentation site has no address."""
        return f"{self.documentation}/readings/{name}/" if self.documentation else None

    def field(self, name: str, *, of: str | None = None) -> Field:
        """Return a field of the request, or of a response schema such as `of="Task"`; raises `KeyError`."""
        return _named(self.request if of is None else self.responses[of], name)

    def parameter(self, name: str) -> QueryParameter:
        """Return the query parameter with this name (only listTasks has any); raises `KeyError`."""
        return _named([parameter for operation in self.operations.values() for parameter in operation.query], name)

    def sample_payload(self) -> dict[str, str]:
        """Return a new, valid payload with the required fields only. It is an example of the OpenAPI document."""
        return {field.name: self._sample[field.name] for field in self.request if field.required}

    def sample_test_fields(self) -> dict[str, str]:
        """Return the three optional fields of the same example, as a new dict."""
        return {field.name: self._sample[field.name] for field in self.request if not field.required}

    def operations_at(self, path: str) -> list[tuple[Operation, str]]:
        """Return the operations that a path below the base URL has, such as `/tasks/1`, with the task ID in it, still percent-encoded."""
        found = []
        for operation in self.operations.values():
            head, brace, _ = operation.path.partition("{")
            rest = path.removeprefix(head) if path.startswith(head) else None
            if rest is not None and (("/" not in rest and rest) if brace else not rest):
                found.append((operation, rest))
        return found

    @property
    def status_words(self) -> tuple[str, ...]:
        """Return the words of a task's status under the default readings, in the order of the lifecycle."""
        return self.lifecycle.statuses

    @property
    def error_shapes(self) -> Mapping[str, ErrorShape]:
        """Return the shapes of the body of an error, by the options of the reading `error-shape`, the default first."""
        return {option.id: option.shape for option in self.readings["error-shape"].options if option.shape is not None}

    @property
    def request_media_type(self) -> str:
        """Return the media type that a request with a body has where the reading `request-content-type` requires one."""
        (media_type,) = {option.media_type for option in self.readings["request-content-type"].options} - {""}
        return media_type


def _named(rows: Iterable[_Named], name: str) -> _Named:
    for row in rows:
        if row.name == name:
            return row
    raise KeyError(name)


def in_ranges(character: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    """Return whether the code point is in one of the ranges, both ends included."""
    return any(low <= ord(character) <= high for low, high in ranges)


@cache
def contract() -> Contract:
    """Return the contract; it is read once."""
    data = pkgutil.get_data("nclue_contract.contract", "tables.json")
    if data is None:  # pragma: no cover  # only a loader without get_data, which no Python ships
        message = "nclue_contract/contract/tables.json cannot be read; install the package again"
        raise RuntimeError(message)
    tables = json.loads(data)
    rules = {row["code"]: _rule(row) for row in tables["rules"]}
    return Contract(
        revision=tables["revision"],
        server=tables["server"],
        documentation=tables["documentation"],
        headers=tuple(tables["headers"]),
        request=_fields(tables["request"]),
        responses=MappingProxyType({name: _fields(rows) for name, rows in tables["responses"].items()}),
        lifecycle=_lifecycle(tables),
        operations=MappingProxyType({name: _operation(name, row) for name, row in tables["operations"].items()}),
        errors=MappingProxyType({name: DocumentedError(**row | {"rules": tuple(row["rules"])}) for name, row in tables["errors"].items()}),
        readings=MappingProxyType({row["id"]: _reading(row) for row in tables["readings"]}),
        rules=MappingProxyType(rules),
        _sample=MappingProxyType(tables["sample"]),
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
        "expects": tuple(ExpectedAnswer(**answer) for answer in row.get("expects", ())),
        "code_points": _pairs(row.get("code_points", [])),
        "range": tuple(row.get("range", (0, 0))),
    }
    return Rule(**values)


def _reading(row: dict[str, Any]) -> Reading:
    options = (
        option
        | {"pages": tuple(option["pages"]), "code_points": _pairs(option.get("code_points", []))}
        | {"statuses": tuple(option.get("statuses", ())), "shape": ErrorShape(**option["shape"]) if "shape" in option else None}
        for option in row["options"]
    )
    return Reading(**row | {"certainty": Certainty(row["certainty"]), "options": tuple(Option(**option) for option in options)})


def _lifecycle(tables: dict[str, Any]) -> TaskLifecycle:
    roles: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in tables["lifecycle"].items()}
    (reading,) = (row for row in tables["readings"] if row["id"] == "status-word")
    return TaskLifecycle(**roles, synonyms=MappingProxyType({option["word"]: roles["completed"] for option in reading["options"]}))


def _fields(rows: list[dict[str, Any]]) -> tuple[Field, ...]:
    def field_of(row: dict[str, Any]) -> Field:
        names = {key: re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", key) for key in row}
        values: dict[str, Any] = {names[key]: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
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
