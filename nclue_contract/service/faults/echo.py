"""Faults in the echo: what was sent comes back changed, lost, or mixed up with another request."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Callable
from typing import Any

from nclue_contract.service.faults.catalogue import TEST, Fault, Witness, get, post, wrap
from nclue_contract.service.faults.injection import created, look, shown_value
from nclue_contract.service.service import Service

Value = dict[str, Any]


Plant = Callable[[Service, str], None]


def _field(change: Callable[[Any], Any]) -> Plant:
    """Plant: the field named by the argument is changed."""
    return lambda service, name: created(lambda shown: shown | {name: change(shown[name])})(service, "")


def _text(change: Callable[[str], Any]) -> Plant:
    """Plant: the field named by the argument is changed when it is a text."""
    return _field(lambda value: change(value) if isinstance(value, str) else value)


def _leak(name: str) -> Plant:
    """Plant: what one request gave for a field is shown for the next as well, when that gives nothing."""

    def plant(service: Service, _: str) -> None:
        kept: Value = {}

        def fields(original: Callable[[Value], Value], payload: Value) -> Value:
            given = original(payload)
            if given[name] is None:
                return given | {name: kept.get(name)}
            kept[name] = given[name]
            return given

        wrap(service, "fields", fields)

    return plant


def _previous(service: Service, name: str) -> None:
    """The field of the request before is shown, as with a cache or a buffer that is used again."""
    last: Value = {}

    def change(shown: Value) -> Value:
        before = last.get("value", shown[name])
        last["value"] = shown[name]
        return shown | {name: before}

    created(change)(service, "")


def _constant(name: str) -> Plant:
    first: dict[int, Any] = {}

    def plant(service: Service, _: str) -> None:
        created(lambda shown: shown | {name: first.setdefault(id(service), shown[name])})(service, "")

    return plant


_TASK_ID = shown_value("task_id")


_SENT = "2025-11-25T01:00:00+09:00"


FAULTS: tuple[Fault, ...] = (
    Fault(
        "echo-trimmed",
        "White space around a value is cut off.",
        "NC307",
        _text(str.strip),
        lambda name: Witness((post(**{"name" if name == "task_name" else name: " x "}),), f"/{name}", " x ", "x"),
        ("task_name", "train_bucket", "train_file_path"),
    ),
    Fault(
        "echo-lower-case",
        "A value comes back in lower case.",
        "NC307",
        _text(str.lower),
        lambda name: Witness((post(**{"name" if name == "task_name" else name: "A/B"}),), f"/{name}", "A/B", "a/b"),
        ("task_name", "train_feature_id", "train_bucket", "train_file_path"),
    ),
    Fault(
        "echo-normalised",
        "A value comes back in Unicode's normal form NFC.",
        "NC307",
        _text(lambda value: unicodedata.normalize("NFC", value)),
        lambda name: Witness((post(**{"name" if name == "task_name" else name: "e\u0301"}),), f"/{name}", "e\u0301", "\u00e9"),
        ("task_name", "train_file_path"),
    ),
    Fault(
        "echo-cut",
        "A value comes back cut at 64 characters.",
        "NC307",
        _text(lambda value: value[:64]),
        lambda name: Witness((post(**{"name" if name == "task_name" else name: "x" * 80}),), f"/{name}", "x" * 80, "x" * 64),
        ("task_name", "train_file_path"),
    ),
    Fault(
        "echo-without-slash",
        "A leading slash of a path is dropped.",
        "NC307",
        _text(lambda v: v.lstrip("/")),
        lambda name: Witness((post(**{name: "/a/b"}),), f"/{name}", "/a/b", "a/b"),
        ("train_file_path",),
    ),
    Fault(
        "echo-encoded",
        "A value comes back percent-encoded.",
        "NC307",
        _text(lambda value: value.replace(" ", "%20")),
        lambda name: Witness((post(**{"name" if name == "task_name" else name: "a b"}),), f"/{name}", "a b", "a%20b"),
        ("task_name", "train_file_path"),
    ),
    Fault(
        "echo-escaped",
        "A value comes back with HTML entities.",
        "NC307",
        _text(lambda value: value.replace("&", "&amp;")),
        lambda name: Witness((post(name="a&b"),), f"/{name}", "a&b", "a&amp;b"),
        ("task_name",),
    ),
    Fault(
        "echo-beyond-ascii-lost",
        "Characters beyond ASCII come back as question marks.",
        "NC307",
        _text(lambda value: value.encode("ascii", "replace").decode()),
        lambda name: Witness((post(name="이탈"),), f"/{name}", "이탈", "??"),
        ("task_name",),
    ),
    Fault(
        "echo-astral-lost",
        "Characters beyond the basic plane come back as replacement characters.",
        "NC307",
        _text(lambda value: "".join(c if c <= "\uffff" else "\ufffd" for c in value)),
        lambda name: Witness((post(name="\U0001f600"),), f"/{name}", "\U0001f600", "\ufffd"),
        ("task_name",),
    ),
    Fault(
        "echo-swapped",
        "Train and test are swapped.",
        "NC307",
        created(
            lambda shown: (
                shown | {"train_file_path": shown["test_file_path"], "test_file_path": shown["train_file_path"]}
                if shown["test_file_path"]
                else shown
            )
        ),
        look("/train_file_path", "churn/train.tsv", "churn/test.tsv"),
    ),
    Fault(
        "echo-train-as-test",
        "Without test data, the train data is shown as test data.",
        "NC306",
        created(lambda shown: shown | {"test_file_path": shown["test_file_path"] or shown["train_file_path"]}),
        look("/test_file_path", None, "churn/train.tsv", post()),
    ),
    Fault(
        "echo-test-dropped",
        "Test data is not shown.",
        "NC306",
        created(lambda shown: shown | {"test_file_path": None}),
        look("/test_file_path", "churn/test.tsv", None),
    ),
    Fault(
        "echo-previous",
        "A field of the request before is shown.",
        "NC307",
        _previous,
        lambda name: Witness(
            (post(**TEST), post(**TEST | {"name": "next", name: "next"}) if name != "task_name" else post(name="next")),
            f"/{name}",
            "next",
            shown_value(name),
        ),
        ("task_name", "train_bucket", "train_file_path", "test_file_path"),
    ),
    Fault(
        "echo-leaking",
        "What one request gave for an optional field is kept for the next.",
        "NC306",
        lambda service, name: _leak(name)(service, ""),
        lambda name: Witness((post(**TEST), post(name="next")), f"/{name}", None, TEST[name]),
        tuple(TEST),
    ),
    Fault(
        "value-number",
        "A text is shown as a number.",
        "NC305",
        _field(lambda _: 7),
        lambda name: Witness((post(**TEST),), f"/{name}", shown_value(name), 7),
        ("task_id", "task_name", "created_at", "train_feature_name"),
    ),
    Fault(
        "value-null",
        "A field that has a value is shown as null.",
        "NC305",
        _field(lambda _: None),
        lambda name: Witness((post(**TEST),), f"/{name}", shown_value(name), None),
        ("task_id", "task_name", "created_at", "train_feature_name", "train_bucket"),
    ),
    Fault(
        "id-constant",
        "Every task is shown with the ID of the first one.",
        "NC405",
        _constant("task_id"),
        look("/task_id", "00000000-0000-4000-8000-000000000002", _TASK_ID, post(), post(name="next")),
    ),
    Fault(
        "time-constant",
        "Every task is shown with the time of the first one.",
        "NC405",
        _constant("created_at"),
        look("/created_at", "2025-11-25T01:01:00+09:00", _SENT, post(), dataclasses.replace(post(name="next"), wait_ms=60_000)),
    ),
    Fault(
        "time-naive",
        "Times have no offset.",
        "NC308",
        created(lambda shown: shown | {"created_at": shown["created_at"][:19]}),
        look("/created_at", _SENT, _SENT[:19]),
    ),
    Fault(
        "time-with-space",
        "Times have a space instead of the T.",
        "NC308",
        created(lambda shown: shown | {"created_at": shown["created_at"].replace("T", " ")}),
        look("/created_at", _SENT, _SENT.replace("T", " ")),
    ),
    Fault(
        "time-date-only",
        "Times are dates.",
        "NC308",
        created(lambda shown: shown | {"created_at": shown["created_at"][:10]}),
        look("/created_at", _SENT, _SENT[:10]),
    ),
    Fault(
        "time-wrong-offset",
        "Times are UTC with the offset of Korea.",
        "NC405",
        lambda service, _: wrap(service.views, "time", lambda original, ms: original(ms - 9 * 3_600_000)),
        look("/created_at", _SENT, "2025-11-24T16:00:00+09:00"),
    ),
    Fault(
        "time-milliseconds",
        "Times are milliseconds since 1970.",
        "NC305",
        lambda service, _: wrap(service.views, "time", lambda _, ms: ms),
        look("/created_at", _SENT, 1_764_000_000_010),
    ),
    Fault(
        "get-differs",
        "getTask shows another path than createTask.",
        "NC403",
        lambda service, _: wrap(
            service.views,
            "shown",
            lambda original, task: (shown := original(task)) | {"train_file_path": shown["train_file_path"].rpartition("/")[2]},
        ),
        look("/train_file_path", "churn/train.tsv", "train.tsv", post(), get()),
    ),
)
