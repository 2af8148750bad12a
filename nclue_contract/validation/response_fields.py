"""Validation of the object in a successful response: fields, types, values, and whether they agree with each other and the request.

Create: the page "Create task", Response body. Get and list: "Get task" and "Get task list", which could be read only in part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import NamedTuple

from nclue_contract.contract.model import Field, QueryParameter, contract
from nclue_contract.contract.readings import Policy
from nclue_contract.contract.rules import AppliedRule, Certainty
from nclue_contract.contract.wording import counted, json_kind, pointer_to, quoted
from nclue_contract.validation.findings import Finding
from nclue_contract.validation.query import out_of_range, replacements
from nclue_contract.validation.request import UNKNOWN_FIELDS_KEPT

# The form; `datetime` checks the ranges, but newer versions of Python accept the hour 24, and all accept an offset of 99 minutes.
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3])(:[0-9]{2}){2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-5][0-9])")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_JSON_TYPES = {"string": str, "integer": int, "array": list, "null": type(None)}
_TYPE_PHRASES = {"string": "a string", "integer": "an integer", "array": "an array", "number": "a number"}
_SUMMARY = "TaskSummary"  # its page was cut off, so further fields may exist
Object = Mapping[str, object]
Problem = tuple[AppliedRule, dict[str, object]]
"""A rule that a value breaks, and what its message needs."""

LONGEST_NUMBER = 100
"""Characters of a number in a string, at most: converting more takes time, and no score has them."""

MAX_FINDINGS_OF_ITEMS = 500
"""Findings after which no further item of a list is checked."""

MAY_OMIT = ("Task", _SUMMARY)
"""The schemas in which a field without a value may be absent, by the reading `absent-fields`; the page shows null for createTask only."""


class FieldsCheck:
    """The fields of the objects in responses, under one set of readings."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._state, self._echo, self._paging = StateCheck(policy), EchoCheck(policy), PagingCheck(policy)
        self._longest_page = policy.contract.parameter("limit").maximum
        self._null = policy.error_unless_chosen("NC305", "absent-fields", "null")
        self._absent = policy.error_unless_chosen("NC304", "absent-fields", "absent")

    def check(self, schema: str, body: Object, request: Object | None) -> list[Finding]:
        """Return the findings of an object that should have the schema, such as `Task` or `TaskList`."""
        found = list(self._check_object(schema, body, ()))
        if schema == "TaskList":
            items = body.get("tasks")
            for index, item in enumerate(items[: self._longest_page] if isinstance(items, list) else []):
                found += self._check_object(_SUMMARY, item, ("tasks", index))
                if len(found) >= MAX_FINDINGS_OF_ITEMS:
                    break
            found += self._paging.check(body, request)
        else:
            found += self._state.check(body)
            found += self._echo.check(schema, body, request)
        return found

    def _check_object(self, schema: str, body: object, path: tuple[str | int, ...]) -> Iterator[Finding]:
        """Check fields, types and values of one object."""
        policy = self._policy
        if not isinstance(body, Mapping):
            yield Finding(policy.documented("NC305"), pointer_to(*path), detail={"kind": json_kind(body), "expected": "an object"})
            return
        expected = _expected_fields(schema)
        for field, types, only_type, may_be_absent in expected:
            if field.name in body:
                value = body[field.name]
                if not only_type or type(value) not in types:
                    for applied, detail in _value_problems(policy, field, types, value):
                        yield Finding(applied, pointer_to(*path, field.name), detail=detail)
                if value is None and may_be_absent and self._null is not None:
                    yield Finding(self._null, pointer_to(*path, field.name), detail={"kind": json_kind(None), "expected": "absent"})
            elif field.required:
                missing = self._absent if may_be_absent else policy.documented("NC304")
                if missing is not None:
                    yield Finding(missing, pointer_to(*path, field.name))
        if schema != _SUMMARY:
            names = {one.field.name for one in expected}
            unknown = [name for name in body if name not in names]
            yield from (Finding(policy.documented("NC310"), pointer_to(*path, name)) for name in unknown[:UNKNOWN_FIELDS_KEPT])


class _ExpectedField(NamedTuple):
    """A field of a response: the types of Python that it may have, and whether these are all that is checked of its value."""

    field: Field
    types: frozenset[type]
    only_type: bool
    may_be_absent: bool


@cache
def _expected_fields(schema: str) -> tuple[_ExpectedField, ...]:
    """Return what is expected of the fields of a schema; cached, since it is needed for each task of a list."""
    return tuple(
        _ExpectedField(
            field,
            frozenset(_JSON_TYPES[name] for name in field.types),
            not (field.type_reading or field.format or field.enum) and (field.minimum, field.maximum) == (None, None),
            schema in MAY_OMIT and "null" in field.types,
        )
        for field in contract().responses[schema]
    )


def _value_problems(policy: Policy, field: Field, types: frozenset[type], value: object) -> Iterator[Problem]:
    if field.type_reading and value is not None:
        yield from _score_problems(policy, field.type_reading, value)
    elif type(value) not in types:
        expected = " or ".join(_TYPE_PHRASES[name] for name in field.types if name != "null")
        yield policy.documented("NC305"), {"kind": json_kind(value), "expected": expected}
    elif isinstance(value, int):
        low, high = field.minimum, field.maximum
        if (low is not None and value < low) or (high is not None and value > high):
            expected = f"at least {low}" if high is None else f"{low} to {high}"
            actual = value if value.bit_length() <= 64 else "a number of many digits"
            yield policy.documented("NC309"), {"value": actual, "expected": expected}
    elif isinstance(value, str):
        yield from _text_problems(policy, field, value)


def _text_problems(policy: Policy, field: Field, value: str) -> Iterator[Problem]:
    if field.format == "date-time" and not is_time(value):
        yield policy.documented("NC308"), {}
    if field.enum and (applied := _apply_to_word(policy, field.enum, value)):
        yield applied, {"value": quoted(value), "expected": f"one of {', '.join(policy.readings.status_words)}"}


def _apply_to_word(policy: Policy, words: tuple[str, ...], value: str) -> AppliedRule | None:
    """Return the rule that a status word breaks, or None. The default word of the reading is the one in the schema."""
    for option in policy.contract.readings["status-word"].options:
        if value == option.word:
            return policy.error_unless_chosen("NC309", "status-word", option.id)
    return None if value in words else policy.documented("NC309")


def _score_problems(policy: Policy, type_reading: str, value: object) -> Iterator[Problem]:
    """Check a number that is written as a number or in a string, by a reading with the options `number` and `string`."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        yield policy.documented("NC305"), {"kind": json_kind(value), "expected": _TYPE_PHRASES[policy.readings[type_reading]]}
        return
    kind, other = ("string", "number") if isinstance(value, str) else ("number", "string")
    if applied := policy.error_unless_chosen("NC305", type_reading, kind):
        yield applied, {"kind": json_kind(value), "expected": _TYPE_PHRASES[other]}
    rule = policy.rule("NC309")
    low, high = rule.range
    text = value if isinstance(value, str) else repr(value)
    if len(text) > LONGEST_NUMBER or not _NUMBER.fullmatch(text) or not low <= float(text) <= high:
        yield policy.documented("NC309"), {"value": quoted(text), "expected": f"{low} to {high}"}


def is_time(value: str) -> bool:
    """Return whether a text is an ISO 8601 time with date, seconds and an offset (RFC 3339 section 5.6)."""
    if not _TIME.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


class StateCheck:
    """The status of a task against the fields that have a value only in some states (inferred from the pages, so warnings)."""

    def __init__(self, policy: Policy) -> None:
        lifecycle = policy.contract.lifecycle
        self._words = {word: word for word in lifecycle.statuses} | dict(lifecycle.synonyms)
        self._fields = [field for field in policy.contract.responses["Task"] if field.value_in]
        self._applied = policy.documented("NC314")
        self._may_omit = policy.readings["absent-fields"] == "absent"

    def check(self, body: Object) -> list[Finding]:
        """Return a finding per field that has a value, or has none, against the status."""
        status = body.get("status")
        if not isinstance(status, str) or status not in self._words:
            return []
        word = self._words[status]
        # Under absent-fields=absent a field without a value is left out.
        fields = [field for field in self._fields if (self._may_omit or field.name in body) and word not in field.value_may_be_in]
        misplaced = [field.name for field in fields if (body.get(field.name) is not None) != (word in field.value_in)]
        return [Finding(self._applied, pointer_to(name), detail={"kind": self._kind(body, name), "value": status}) for name in misplaced]

    def _kind(self, body: Object, name: str) -> str:
        return json_kind(body[name]) if name in body else "absent"


class EchoCheck:
    """The response against what was sent; a value may come back under another name (`Field.echo_of`)."""

    def __init__(self, policy: Policy) -> None:
        self._differs, self._nullness = policy.documented("NC307"), policy.documented("NC306")
        self._nullable = self._nullness.rule.fields
        self._sendable = {field.name for field in policy.contract.request}
        fields = policy.contract.responses["CreatedTask"]
        self._sent_as = {field.name: field.echo_of or field.name for field in fields}
        self._shown_as = {field.echo_of: field.name for field in fields if field.echo_of}
        self._cause = {field.name: field.name_of or field.name for field in fields}
        self._absent = policy.documented("NC304") if policy.readings["absent-fields"] == "absent" else None
        self._inferred = replace(self._nullness, certainty=Certainty.UNDECIDED)

    def check(self, schema: str, body: Object, request: Object | None) -> Iterator[Finding]:
        """Yield a finding per field that differs from the request; none without a request."""
        if request is None:
            return
        created = schema == "CreatedTask"
        # Undocumented fields of the request are not compared, even if the response has one of that name.
        known = {name: value for name, value in request.items() if name in self._sendable or (name == "task_id" and not created)}
        sent = {self._shown_as.get(name, name): value for name, value in known.items()}
        whole = created or "name" in request  # else the request was only an ID
        for name, value in body.items():
            if name in self._nullable and whole:
                given = sent.get(self._cause[name])
                if (value is None) != (given is None) and given != "":  # an empty one may count as none: the pages are silent
                    had = "had no such field" if given is None else "had one"
                    nullness = self._nullness if created else self._inferred  # the page shows a response of createTask only
                    yield Finding(nullness, pointer_to(name), detail={"kind": json_kind(value), "had": had})
                    continue
            if name in sent and isinstance(value, str) and isinstance(sent[name], str) and value != sent[name]:
                yield _difference(self._differs, pointer_to(name), value, str(sent[name]), self._sent_as.get(name, name))
        # What the request had is no field without a value; an empty one may count as none.
        if self._absent is not None and schema in MAY_OMIT:
            missing = [name for name in self._nullable if name not in body and sent.get(self._cause[name])]
            yield from (Finding(self._absent, pointer_to(name)) for name in missing)


def _difference(applied: AppliedRule, pointer: str, value: str, sent: str, origin: str) -> Finding:
    offset = next((i for i, (a, b) in enumerate(zip(value, sent, strict=False)) if a != b), min(len(value), len(sent)))
    where = f", from offset {offset} on"
    return Finding(applied, pointer, offset if offset < len(value) else None, value, {"origin": origin, "where": where})


class PagingCheck:
    """The numbers of a list page: those of the request come back, and they fit the items."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._query = policy.contract.operations["listTasks"].query
        self._echo, self._size, self._total = policy.documented("NC500"), policy.documented("NC501"), policy.documented("NC502")
        self._out_of_range = policy.error_unless_chosen("NC505", "query-range", "clamped")

    def check(self, body: Object, request: Object | None) -> Iterator[Finding]:
        """Yield the findings of index, limit and total; without a request, only limit and total are checked."""
        for parameter in self._query:
            requested = None if request is None else _requested(request.get(parameter.name), parameter.default)
            value = body.get(parameter.name)
            if requested is not None and type(value) is int:
                yield from self._check_echo(parameter, requested, value)
        items, limit, total = body.get("tasks"), body.get("limit"), body.get("total")
        if isinstance(items, list):
            if type(limit) is int and len(items) > limit:
                yield Finding(self._size, "/tasks", detail={"actual": len(items), "limit": limit})
            if type(total) is int:
                applied = self._total if total < len(items) else None
                if total > len(items) and self._policy.readings["list-total"] == "page":
                    applied = self._policy.by_reading("NC502", "list-total", {"page"})
                if applied is not None:
                    yield Finding(applied, "/total", detail={"value": total, "actual": counted(len(items), "task")})

    def _check_echo(self, parameter: QueryParameter, requested: str, value: int) -> Iterator[Finding]:
        """Compare a value with the one of the request, or with those by which it may be replaced."""
        pointer, replaced = pointer_to(parameter.name), replacements(parameter, requested)
        if replaced is not None and self._out_of_range is not None:
            problem = f"{out_of_range(parameter, requested)}, but it was accepted"
            yield Finding(self._out_of_range, pointer, detail={"problem": problem})
        if replaced == ():  # no integer, and no page says how it is read
            return
        if int(requested) != value and value not in (replaced or ()):
            expected = " or ".join(map(str, replaced)) if replaced else quoted(requested)
            yield Finding(self._echo, pointer, detail={"value": value, "expected": expected})


def _requested(value: object, default: int) -> str | None:
    """Return a query parameter as it was sent, or None if that is unknown.

    Clients leave out None, an empty value counts as the default, and some clients accept lists.
    """
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    if value is None:
        return str(default)
    if type(value) is int:
        return str(value) if value.bit_length() <= 64 else None
    return str.__str__(value) or str(default) if isinstance(value, str) else None
