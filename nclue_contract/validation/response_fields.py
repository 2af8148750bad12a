"""Judges the object in a successful response: fields, types, values, and whether they agree with each other and with the request.

Create: the page "Create task", Response body. Get and list: "Get task" and "Get task list", which could be read only in part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from nclue_contract.contract.model import Field
from nclue_contract.contract.readings import Policy
from nclue_contract.contract.rules import AppliedRule
from nclue_contract.contract.wording import json_kind, pointer_to, quoted
from nclue_contract.validation.findings import Finding

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?(Z|[+-][0-9]{2}:[0-5][0-9])")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_JSON_TYPES = {"string": str, "integer": int, "array": list, "null": type(None)}
_SPOKEN = {"string": "a string", "integer": "an integer", "array": "an array", "number": "a number"}
_SUMMARY = "TaskSummary"  # its page was cut off, so further fields may exist
FieldsCheck = Callable[[str, Mapping[str, object], Mapping[str, object] | None], list[Finding]]


def fields_checker(policy: Policy) -> FieldsCheck:
    """A function (schema name, object of the response, request or None) -> findings."""
    state, echo, paging = _state_check(policy), _echo_check(policy), _paging_check(policy)
    most = policy.contract.parameter("limit").maximum

    def check(schema: str, body: Mapping[str, object], request: Mapping[str, object] | None) -> list[Finding]:
        found = list(_check_object(policy, schema, body, ()))
        if schema == "TaskList":
            items = body.get("tasks")
            for index, item in enumerate(items[:most] if isinstance(items, list) else []):
                found += _check_object(policy, _SUMMARY, item, ("tasks", index))
            found += paging(body, request)
        else:
            found += state(body)
            found += echo(schema, body, request)
        return found

    return check


def _check_object(policy: Policy, schema: str, body: object, path: tuple[str | int, ...]) -> Iterator[Finding]:
    """Fields, types and values of one object."""
    if not isinstance(body, Mapping):
        yield Finding(policy.documented("NC305"), pointer_to(*path), detail={"kind": json_kind(body), "expected": "an object"})
        return
    fields = policy.contract.responses[schema]
    for field in fields:
        pointer = pointer_to(*path, field.name)
        if field.name in body:
            yield from _check_value(policy, field, pointer, body[field.name])
        elif field.required:
            yield Finding(policy.documented("NC304"), pointer)
    names = {field.name for field in fields}
    if schema != _SUMMARY:
        unknown = [name for name in body if name not in names]
        yield from (Finding(policy.documented("NC310"), pointer_to(*path, name)) for name in unknown[:100])


def _check_value(policy: Policy, field: Field, pointer: str, value: object) -> Iterator[Finding]:
    if field.name == "AUROC" and value is not None:
        yield from _check_auroc(policy, pointer, value)
    elif type(value) not in {_JSON_TYPES[name] for name in field.types}:
        expected = " or ".join(_SPOKEN[name] for name in field.types if name != "null")
        yield Finding(policy.documented("NC305"), pointer, detail={"kind": json_kind(value), "expected": expected})
    elif isinstance(value, int):
        low, high = field.minimum, field.maximum
        if (low is not None and value < low) or (high is not None and value > high):
            expected = f"at least {low}" if high is None else f"{low} to {high}"
            shown = value if value.bit_length() <= 64 else "a number of many digits"
            yield Finding(policy.documented("NC309"), pointer, detail={"value": shown, "expected": expected})
    elif isinstance(value, str):
        yield from _check_text(policy, field, pointer, value)


def _check_text(policy: Policy, field: Field, pointer: str, value: str) -> Iterator[Finding]:
    if field.format == "date-time" and not is_time(value):
        yield Finding(policy.documented("NC308"), pointer)
    if field.enum and (applied := _word_verdict(policy, field.enum, value)):
        expected = f"one of {', '.join(field.enum)}"
        yield Finding(applied, pointer, detail={"value": quoted(value), "expected": expected})


def _word_verdict(policy: Policy, words: tuple[str, ...], value: str) -> AppliedRule | None:
    """What is to be said of a status word; None when it is right. The default word of the reading is the one in the schema."""
    for option in policy.contract.readings["status-word"].options:
        if value == option.word:
            return policy.refused_by_choice("NC309", "status-word", allowing=option.id)
    return None if value in words else policy.documented("NC309")


def _check_auroc(policy: Policy, pointer: str, value: object) -> Iterator[Finding]:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        expected = _SPOKEN[policy.readings["auroc-type"]]
        yield Finding(policy.documented("NC305"), pointer, detail={"kind": json_kind(value), "expected": expected})
        return
    kind, other = ("string", "number") if isinstance(value, str) else ("number", "string")
    if applied := policy.refused_by_choice("NC305", "auroc-type", allowing=kind):
        yield Finding(applied, pointer, detail={"kind": json_kind(value), "expected": _SPOKEN[other]})
    rule = policy.rule("NC309")
    low, high = rule.range
    text = value if isinstance(value, str) else repr(value)
    if len(text) > 100 or not _NUMBER.fullmatch(text) or not low <= float(text) <= high:
        yield Finding(policy.documented("NC309"), pointer, detail={"value": quoted(text), "expected": f"{low} to {high}"})


def is_time(value: str) -> bool:
    """Whether a text is an ISO 8601 time with date, seconds and an offset (RFC 3339 section 5.6)."""
    if not _TIME.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _state_check(policy: Policy) -> Callable[[Mapping[str, object]], list[Finding]]:
    """A function that compares the status of a task with the fields that only have a value in some states (inferred, so warnings)."""
    lifecycle = policy.contract.lifecycle
    words, failed, ready = lifecycle.statuses, lifecycle.failed, set(lifecycle.synonyms)
    applied = policy.documented("NC314")
    ended = {"completed_at": ready | {failed}, "AUROC": ready, "fail_message": {failed}}

    def check(body: Mapping[str, object]) -> list[Finding]:
        status = body.get("status")
        if not isinstance(status, str) or status not in {*words, *ready}:
            return []
        may_have = {"completed_at"} if status == failed else set()  # no page says that a failed task has the time
        there = {name: body[name] is not None for name in ended if name in body and name not in may_have}
        wrong = [name for name, has in there.items() if has != (status in ended[name])]
        return [Finding(applied, pointer_to(name), detail={"kind": json_kind(body[name]), "value": status}) for name in wrong]

    return check


def _echo_check(policy: Policy) -> Callable[[str, Mapping[str, object], Mapping[str, object] | None], Iterator[Finding]]:
    """A function that compares the response with what was sent; `name` comes back as `task_name`."""
    differs, nullness = policy.documented("NC307"), policy.documented("NC306")
    nullable = nullness.rule.fields
    sendable = {field.name for field in policy.contract.request}

    def check(schema: str, body: Mapping[str, object], request: Mapping[str, object] | None) -> Iterator[Finding]:
        if request is None:
            return
        # Fields that the page does not know come back nowhere, even if the response has one of that name.
        known = {name: value for name, value in request.items() if name in sendable or (name == "task_id" and schema != "CreatedTask")}
        sent = {"task_name" if name == "name" else name: value for name, value in known.items()}
        whole = schema == "CreatedTask" or "name" in request  # else only an ID was asked for
        for name, value in body.items():
            pointer, given = pointer_to(name), sent.get(name)
            if name in nullable and whole:
                given = sent.get(name.replace("feature_name", "feature_id"))
                if (value is None) != (given is None) and given != "":  # an empty one may count as none: the pages are silent
                    had = "had no such field" if given is None else "had one"
                    yield Finding(nullness, pointer, detail={"kind": json_kind(value), "had": had})
                    continue
            if name in sent and isinstance(value, str) and isinstance(sent[name], str) and value != sent[name]:
                yield _difference(differs, pointer, value, str(sent[name]), "name" if name == "task_name" else name)

    return check


def _difference(applied: AppliedRule, pointer: str, value: str, sent: str, origin: str) -> Finding:
    offset = next((i for i, (a, b) in enumerate(zip(value, sent, strict=False)) if a != b), min(len(value), len(sent)))
    where = f", from offset {offset} on"
    return Finding(applied, pointer, offset if offset < len(value) else None, value, {"origin": origin, "where": where})


def _paging_check(policy: Policy) -> Callable[[Mapping[str, object], Mapping[str, object] | None], Iterator[Finding]]:
    """A function that judges the numbers of a list: they are those that were asked for, and fit the items."""
    query = {parameter.name: parameter for parameter in policy.contract.operations["listTasks"].query}
    echo, size, total_verdict = policy.documented("NC500"), policy.documented("NC501"), policy.documented("NC502")

    def check(body: Mapping[str, object], request: Mapping[str, object] | None) -> Iterator[Finding]:
        for name, parameter in query.items():
            asked = None if request is None else _asked(request.get(name), parameter.default)
            value = body.get(name)
            if asked is not None and type(value) is int and not _is_number(asked, value):
                yield Finding(echo, pointer_to(name), detail={"value": value, "expected": quoted(asked)})
        items, limit, total = body.get("tasks"), body.get("limit"), body.get("total")
        if isinstance(items, list):
            if type(limit) is int and len(items) > limit:
                yield Finding(size, "/tasks", detail={"actual": len(items), "limit": limit})
            if type(total) is int:
                applied = total_verdict if total < len(items) else None
                if total > len(items) and policy.readings["list-total"] == "page":
                    applied = policy.by_reading("NC502", "list-total", {"page"})
                if applied is not None:
                    yield Finding(applied, "/total", detail={"value": total, "actual": len(items)})

    return check


def _is_number(text: str, value: int) -> bool:
    """Whether a text is how somebody writes a number; `01` and `-0` are."""
    plain = re.fullmatch("-?[0-9]{1,18}", text)
    return int(text) == value if plain else text == str(value)


def _asked(value: object, default: int) -> str | None:
    """A query parameter as it was sent; clients leave out None, an empty one says nothing, and some give lists. None: it cannot be told."""
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    if value is None:
        return str(default)
    if type(value) is int:
        return str(value) if value.bit_length() <= 64 else None
    return str.__str__(value) or str(default) if isinstance(value, str) else None
