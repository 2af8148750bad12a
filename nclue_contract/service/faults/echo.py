"""Faults in the echo: values are returned changed, lost, or mixed up with those of another request."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

from nclue_contract.service.faults.injection import OPTIONAL, Fault, Injection, Value, changing, wrap_method, wrapping
from nclue_contract.service.service import Service

_OFFSET_MS = 9 * 3_600_000
"""The offset of Korea."""


def _change_field(change: Callable[[Any], Any]) -> Injection:
    """Return an injection that changes one field of a task; the argument names it."""

    def inject(service: Service, name: str) -> None:
        changing("serializer.created", lambda value: value | {name: change(value[name])})(service, "")

    return inject


def _change_text(change: Callable[[str], str]) -> Injection:
    """Return an injection that changes one field of a task if it is a string; the argument names it."""
    return _change_field(lambda value: change(value) if isinstance(value, str) else value)


def _leak(service: Service, name: str) -> None:
    """Keep the value of an optional field, and use it for requests that have none."""
    state = f"echo-leaking:{name}"

    def fields(original: Callable[[Value], Value], payload: Value) -> Value:
        value = original(payload)
        if value[name] is None:
            return value | {name: service.fault_state.get(state)}
        service.fault_state[state] = value[name]
        return value

    wrap_method(service, "fields", fields)


def _previous(service: Service, name: str) -> None:
    """Return a field of the previous response, as with a cache or a reused buffer."""
    state = f"echo-previous:{name}"

    def change(value: Value) -> Value:
        previous = service.fault_state.get(state, value[name])
        service.fault_state[state] = value[name]
        return value | {name: previous}

    changing("serializer.created", change)(service, "")


def _constant(name: str) -> Injection:
    """Return an injection that returns the first value of a field for every task."""

    def inject(service: Service, _: str) -> None:
        def change(value: Value) -> Value:
            return value | {name: service.fault_state.setdefault(f"constant:{name}", value[name])}

        changing("serializer.created", change)(service, "")

    return inject


def _swap_paths(value: Value) -> Value:
    train, test = value["train_file_path"], value["test_file_path"]
    return value | {"train_file_path": test, "test_file_path": train} if test else value


def _train_as_test(value: Value) -> Value:
    return value | {"test_file_path": value["test_file_path"] or value["train_file_path"]}


def _file_name_only(value: Value) -> Value:
    return value | {"train_file_path": value["train_file_path"].rpartition("/")[2]}


def _change_created_at(change: Callable[[str], str]) -> Injection:
    return changing("serializer.created", lambda value: value | {"created_at": change(value["created_at"])})


FAULTS: tuple[Fault, ...] = (
    Fault(
        "echo-trimmed",
        "White space around a value is removed.",
        "NC307",
        _change_text(str.strip),
        ("task_name", "train_bucket", "train_file_path"),
    ),
    Fault(
        "echo-lower-case",
        "A value is returned in lower case.",
        "NC307",
        _change_text(str.lower),
        ("task_name", "train_feature_id", "train_bucket", "train_file_path"),
    ),
    Fault(
        "echo-normalised",
        "A value is returned in Unicode's normal form NFC.",
        "NC307",
        _change_text(lambda text: unicodedata.normalize("NFC", text)),
        ("task_name", "train_file_path"),
    ),
    Fault(
        "echo-cut",
        "A value is returned cut at 64 characters.",
        "NC307",
        _change_text(lambda text: text[:64]),
        ("task_name", "train_file_path"),
    ),
    Fault(
        "echo-without-slash",
        "A leading slash of a path is dropped.",
        "NC307",
        _change_text(lambda text: text.lstrip("/")),
        ("train_file_path",),
    ),
    Fault(
        "echo-encoded",
        "A value is returned percent-encoded.",
        "NC307",
        _change_text(lambda text: text.replace(" ", "%20")),
        ("task_name", "train_file_path"),
    ),
    Fault(
        "echo-escaped",
        "A value is returned with HTML entities.",
        "NC307",
        _change_text(lambda text: text.replace("&", "&amp;")),
        ("task_name",),
    ),
    Fault(
        "echo-beyond-ascii-lost",
        "Characters beyond ASCII are returned as question marks.",
        "NC307",
        _change_text(lambda text: text.encode("ascii", "replace").decode()),
        ("task_name",),
    ),
    Fault(
        "echo-astral-lost",
        "Characters beyond the basic plane are returned as replacement characters.",
        "NC307",
        _change_text(lambda text: "".join(c if c <= "\uffff" else "\ufffd" for c in text)),
        ("task_name",),
    ),
    Fault("echo-swapped", "Train and test data are swapped.", "NC307", changing("serializer.created", _swap_paths)),
    Fault(
        "echo-train-as-test",
        "Without test data, the train data is returned as test data.",
        "NC306",
        changing("serializer.created", _train_as_test),
    ),
    Fault(
        "echo-test-dropped",
        "Test data is not returned.",
        "NC306",
        changing("serializer.created", lambda value: value | {"test_file_path": None}),
    ),
    Fault(
        "echo-previous",
        "A field of the previous request is returned.",
        "NC307",
        _previous,
        ("task_name", "train_bucket", "train_file_path", "test_file_path"),
    ),
    Fault("echo-leaking", "The value of an optional field is kept for requests without one.", "NC306", _leak, OPTIONAL),
    Fault(
        "value-number",
        "A string is returned as a number.",
        "NC305",
        _change_field(lambda _: 7),
        ("task_id", "task_name", "created_at", "train_feature_name"),
    ),
    Fault(
        "value-null",
        "A field that has a value is returned as null.",
        "NC305",
        _change_field(lambda _: None),
        ("task_id", "task_name", "created_at", "train_feature_name", "train_bucket"),
    ),
    Fault("id-constant", "Every task has the ID of the first one.", "NC405", _constant("task_id")),
    Fault("time-constant", "Every task has the time of the first one.", "NC405", _constant("created_at")),
    Fault("time-naive", "Times have no offset.", "NC308", _change_created_at(lambda text: text[:19])),
    Fault("time-with-space", "Times have a space instead of the T.", "NC308", _change_created_at(lambda text: text.replace("T", " "))),
    Fault("time-date-only", "Times are dates.", "NC308", _change_created_at(lambda text: text[:10])),
    Fault(
        "time-wrong-offset",
        "Times are UTC with the offset of Korea.",
        "NC405",
        wrapping("serializer.time", lambda original, ms: original(ms - _OFFSET_MS)),
    ),
    Fault("time-milliseconds", "Times are milliseconds since 1970.", "NC305", wrapping("serializer.time", lambda _, ms: ms)),
    Fault("get-differs", "getTask returns another path than createTask.", "NC403", changing("serializer.details", _file_name_only)),
)
