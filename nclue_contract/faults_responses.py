"""Faults in the answers: status codes, content types, fields, the echo of the request, errors."""

from __future__ import annotations

import dataclasses
import json
import unicodedata
from collections.abc import Callable
from typing import Any

from nclue_contract.exchange import Refusal, Response
from nclue_contract.faults import PAYLOAD, TEST, Fault, Step, Witness, get, post, wrap
from nclue_contract.service import Service

Value = dict[str, Any]
Plant = Callable[[Service, str], None]
Change = Callable[[Value], Value]

_ECHOED = ("task_name", "train_feature_id", "train_bucket", "train_file_path", "test_feature_id", "test_bucket", "test_file_path")
_FIELDS = ("task_id", "created_at", "train_feature_name", *_ECHOED)


def _created(change: Change) -> Plant:
    """Plant: the eleven fields are changed before they are shown."""
    return lambda service, _: wrap(service.views, "created", lambda original, task: change(original(task)))


def _field(change: Callable[[Any], Any]) -> Plant:
    """Plant: the field named by the argument is changed."""
    return lambda service, name: _created(lambda shown: shown | {name: change(shown[name])})(service, "")


def _text(change: Callable[[str], Any]) -> Plant:
    """Plant: the field named by the argument is changed when it is a text."""
    return _field(lambda value: change(value) if isinstance(value, str) else value)


def _without(service: Service, name: str) -> None:
    _created(lambda shown: {key: value for key, value in shown.items() if key != name})(service, "")


def _response(change: Callable[[Response], Response]) -> Plant:
    return lambda service, _: wrap(service, "respond", lambda original, *parts: change(original(*parts)))


def _success(status: int) -> Plant:
    return _response(lambda response: dataclasses.replace(response, status=status) if response.status == 200 else response)


def _content_type(value: str | None) -> Plant:
    def change(response: Response) -> Response:
        others = tuple(pair for pair in response.headers if pair[0] != "content-type")
        return dataclasses.replace(response, headers=others if value is None else (("content-type", value), *others))

    return _response(change)


def _error(change: Callable[[Refusal, Value], Value]) -> Plant:
    """Plant: the body of an error is another."""
    return lambda service, _: wrap(service.views, "error_body", lambda original, refusal: change(refusal, original(refusal)))


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

    _created(change)(service, "")


def _constant(name: str) -> Plant:
    first: dict[int, Any] = {}

    def plant(service: Service, _: str) -> None:
        _created(lambda shown: shown | {name: first.setdefault(id(service), shown[name])})(service, "")

    return plant


def _whole_body(change: Callable[[Any], Any]) -> Plant:
    def changed(response: Response) -> Response:
        return dataclasses.replace(response, body=json.dumps(change(response.json()), ensure_ascii=False).encode())

    return _response(lambda response: changed(response) if response.status == 200 else response)


def _look(look: str, clean: object, faulty: object, *steps: Step) -> Callable[[str], Witness]:
    return lambda _: Witness(steps or (post(**TEST),), look, clean, faulty)


def _shown(name: str) -> Any:  # noqa: ANN401  # any JSON value
    """What the usual payload with test data gives for a field of the answer."""
    feature = {"train_feature_name": "feature-0ccc59f9", "task_id": "00000000-0000-4000-8000-000000000001"}
    made = feature | {"created_at": "2025-11-25T01:00:00+09:00"}
    return made.get(name) or (PAYLOAD | TEST)["name" if name == "task_name" else name]


_TASK_ID = _shown("task_id")
_SENT = "2025-11-25T01:00:00+09:00"
_BAD = post(train_file_path="a~b")

FAULTS: tuple[Fault, ...] = (
    Fault("status-201", "Success is answered with 201.", "NC301", _success(201), _look("status", 200, 201)),
    Fault("status-202", "Success is answered with 202.", "NC301", _success(202), _look("status", 200, 202)),
    Fault(
        "errors-with-200",
        "Errors are answered with status 200.",
        "NC313",
        _response(lambda response: dataclasses.replace(response, status=200)),
        _look("status", 422, 200, _BAD),
    ),
    Fault(
        "errors-with-500",
        "Broken rules are answered with 500.",
        "NC312",
        _response(lambda response: dataclasses.replace(response, status=500) if response.status == 422 else response),
        _look("status", 422, 500, _BAD),
    ),
    Fault(
        "type-text",
        "The content type is text/html.",
        "NC302",
        _content_type("text/html"),
        _look("header content-type", "application/json", "text/html"),
    ),
    Fault(
        "type-missing",
        "There is no content type.",
        "NC302",
        _content_type(None),
        _look("header content-type", "application/json", "absent"),
    ),
    Fault(
        "body-wrapped",
        "The object is wrapped in another one.",
        "NC304",
        _whole_body(lambda v: {"data": v}),
        _look("/task_name", "task", "absent"),
    ),
    Fault("body-array", "The object is wrapped in an array.", "NC303", _whole_body(lambda v: [v]), _look("/task_name", "task", "absent")),
    Fault(
        "body-empty",
        "Success has no body.",
        "NC001",
        _response(lambda response: dataclasses.replace(response, body=b"") if response.status == 200 else response),
        _look("/task_name", "task", "absent"),
    ),
    Fault(
        "body-latin-1",
        "The body is Latin-1 instead of UTF-8.",
        "NC002",
        _response(lambda response: dataclasses.replace(response, body=response.body.decode().encode("latin-1", "replace"))),
        _look("/task_name", "é", "absent", post(name="é")),
    ),
    Fault(
        "body-bom",
        "The body starts with a byte order mark.",
        "NC003",
        _response(lambda response: dataclasses.replace(response, body=b"\xef\xbb\xbf" + response.body)),
        _look("first byte", 0x7B, 0xEF),
    ),
    Fault(
        "error-without-code",
        "Errors have a message and no code.",
        "NC311",
        _error(lambda refusal, _: {"error": {"message": refusal.message}}),
        _look("/error/errorCode", "10104", "absent", _BAD),
    ),
    Fault(
        "error-as-text",
        "Errors are a text instead of an object.",
        "NC303",
        _error(
            lambda refusal, _: f"{refusal.code} {refusal.message}"  # type: ignore[arg-type,return-value]  # that is the fault
        ),
        _look("/error/errorCode", "10104", "absent", _BAD),
    ),
    Fault(
        "error-code-as-name",
        "The error code is its name instead of its number.",
        "NC312",
        _error(lambda refusal, _: {"error": {"errorCode": refusal.message, "message": refusal.message}}),
        _look("code", "10104", "INVALID_CHARACTER_IN_TRAIN_PATH", _BAD),
    ),
    Fault(
        "field-missing",
        "One field is left out of the answer.",
        "NC304",
        _without,
        lambda name: Witness((post(**TEST),), f"/{name}", _shown(name), "absent"),
        _FIELDS,
    ),
    Fault(
        "null-left-out",
        "Fields that are null are left out.",
        "NC304",
        _created(lambda shown: {name: value for name, value in shown.items() if value is not None}),
        _look("/test_bucket", None, "absent", post()),
    ),
    Fault(
        "null-as-empty",
        "Fields that are null are shown as empty strings.",
        "NC306",
        _created(lambda shown: {name: "" if value is None else value for name, value in shown.items()}),
        _look("/test_bucket", None, "", post()),
    ),
    Fault(
        "name-as-sent",
        "The name comes back as name, not as task_name.",
        "NC304",
        _created(lambda shown: {"name" if name == "task_name" else name: value for name, value in shown.items()}),
        _look("/task_name", "task", "absent"),
    ),
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
        _created(
            lambda shown: (
                shown | {"train_file_path": shown["test_file_path"], "test_file_path": shown["train_file_path"]}
                if shown["test_file_path"]
                else shown
            )
        ),
        _look("/train_file_path", "churn/train.tsv", "churn/test.tsv"),
    ),
    Fault(
        "echo-train-as-test",
        "Without test data, the train data is shown as test data.",
        "NC306",
        _created(lambda shown: shown | {"test_file_path": shown["test_file_path"] or shown["train_file_path"]}),
        _look("/test_file_path", None, "churn/train.tsv", post()),
    ),
    Fault(
        "echo-test-dropped",
        "Test data is not shown.",
        "NC306",
        _created(lambda shown: shown | {"test_file_path": None}),
        _look("/test_file_path", "churn/test.tsv", None),
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
            _shown(name),
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
        lambda name: Witness((post(**TEST),), f"/{name}", _shown(name), 7),
        ("task_id", "task_name", "created_at", "train_feature_name"),
    ),
    Fault(
        "value-null",
        "A field that has a value is shown as null.",
        "NC305",
        _field(lambda _: None),
        lambda name: Witness((post(**TEST),), f"/{name}", _shown(name), None),
        ("task_id", "task_name", "created_at", "train_feature_name", "train_bucket"),
    ),
    Fault(
        "id-constant",
        "Every task is shown with the ID of the first one.",
        "NC307",
        _constant("task_id"),
        _look("/task_id", "00000000-0000-4000-8000-000000000002", _TASK_ID, post(), post(name="next")),
    ),
    Fault(
        "time-constant",
        "Every task is shown with the time of the first one.",
        "NC308",
        _constant("created_at"),
        _look("/created_at", "2025-11-25T01:01:00+09:00", _SENT, post(), dataclasses.replace(post(name="next"), wait_ms=60_000)),
    ),
    Fault(
        "time-naive",
        "Times have no offset.",
        "NC308",
        _created(lambda shown: shown | {"created_at": shown["created_at"][:19]}),
        _look("/created_at", _SENT, _SENT[:19]),
    ),
    Fault(
        "time-with-space",
        "Times have a space instead of the T.",
        "NC308",
        _created(lambda shown: shown | {"created_at": shown["created_at"].replace("T", " ")}),
        _look("/created_at", _SENT, _SENT.replace("T", " ")),
    ),
    Fault(
        "time-date-only",
        "Times are dates.",
        "NC308",
        _created(lambda shown: shown | {"created_at": shown["created_at"][:10]}),
        _look("/created_at", _SENT, _SENT[:10]),
    ),
    Fault(
        "time-wrong-offset",
        "Times are UTC with the offset of Korea.",
        "NC308",
        lambda service, _: wrap(service.views, "time", lambda original, ms: original(ms - 9 * 3_600_000)),
        _look("/created_at", _SENT, "2025-11-24T16:00:00+09:00"),
    ),
    Fault(
        "time-milliseconds",
        "Times are milliseconds since 1970.",
        "NC305",
        lambda service, _: wrap(service.views, "time", lambda _, ms: ms),
        _look("/created_at", _SENT, 1_764_000_000_010),
    ),
    Fault(
        "get-differs",
        "getTask shows another path than createTask.",
        "NC307",
        lambda service, _: wrap(
            service.views,
            "shown",
            lambda original, task: (shown := original(task)) | {"train_file_path": shown["train_file_path"].rpartition("/")[2]},
        ),
        _look("/train_file_path", "churn/train.tsv", "train.tsv", post(), get()),
    ),
)
