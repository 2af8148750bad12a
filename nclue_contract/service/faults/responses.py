"""Faults in the answers: status codes, content types, fields, errors."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from nclue_contract.service.faults.catalogue import TEST, Fault, Witness, post, wrap
from nclue_contract.service.faults.injection import created, look, shown_value
from nclue_contract.service.messages import Refusal, Response
from nclue_contract.service.service import Service

Value = dict[str, Any]


Plant = Callable[[Service, str], None]


_ECHOED = ("task_name", "train_feature_id", "train_bucket", "train_file_path", "test_feature_id", "test_bucket", "test_file_path")


_FIELDS = ("task_id", "created_at", "train_feature_name", *_ECHOED)


def _without(service: Service, name: str) -> None:
    created(lambda shown: {key: value for key, value in shown.items() if key != name})(service, "")


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


def _whole_body(change: Callable[[Any], Any]) -> Plant:
    def changed(response: Response) -> Response:
        return dataclasses.replace(response, body=json.dumps(change(response.json()), ensure_ascii=False).encode())

    return _response(lambda response: changed(response) if response.status == 200 else response)


_BAD = post(train_file_path="a~b")


FAULTS: tuple[Fault, ...] = (
    Fault("status-201", "Success is answered with 201.", "NC301", _success(201), look("status", 200, 201)),
    Fault("status-202", "Success is answered with 202.", "NC301", _success(202), look("status", 200, 202)),
    Fault(
        "errors-with-200",
        "Errors are answered with status 200.",
        "NC313",
        _response(lambda response: dataclasses.replace(response, status=200)),
        look("status", 422, 200, _BAD),
    ),
    Fault(
        "errors-with-500",
        "Broken rules are answered with 500.",
        "NC312",
        _response(lambda response: dataclasses.replace(response, status=500) if response.status == 422 else response),
        look("status", 422, 500, _BAD),
    ),
    Fault(
        "type-text",
        "The content type is text/html.",
        "NC302",
        _content_type("text/html"),
        look("header content-type", "application/json", "text/html"),
    ),
    Fault(
        "type-missing",
        "There is no content type.",
        "NC302",
        _content_type(None),
        look("header content-type", "application/json", "absent"),
    ),
    Fault(
        "body-wrapped",
        "The object is wrapped in another one.",
        "NC304",
        _whole_body(lambda v: {"data": v}),
        look("/task_name", "task", "absent"),
    ),
    Fault("body-array", "The object is wrapped in an array.", "NC303", _whole_body(lambda v: [v]), look("/task_name", "task", "absent")),
    Fault(
        "body-empty",
        "Success has no body.",
        "NC001",
        _response(lambda response: dataclasses.replace(response, body=b"") if response.status == 200 else response),
        look("/task_name", "task", "absent"),
    ),
    Fault(
        "body-cut",
        "The connection is closed in the middle of an answer with test data.",
        "NC602",
        _response(lambda response: dataclasses.replace(response, cut=b'"test_bucket": "' in response.body)),
        look("cut", clean=False, faulty=True),
    ),
    Fault(
        "body-latin-1",
        "The body is Latin-1 instead of UTF-8.",
        "NC002",
        _response(lambda response: dataclasses.replace(response, body=response.body.decode().encode("latin-1", "replace"))),
        look("/task_name", "é", "absent", post(name="é")),
    ),
    Fault(
        "body-bom",
        "The body starts with a byte order mark.",
        "NC003",
        _response(lambda response: dataclasses.replace(response, body=b"\xef\xbb\xbf" + response.body)),
        look("first byte", 0x7B, 0xEF),
    ),
    Fault(
        "error-without-code",
        "Errors have a message and no code.",
        "NC311",
        _error(lambda refusal, _: {"error": {"message": refusal.message}}),
        look("/error/errorCode", "10104", "absent", _BAD),
    ),
    Fault(
        "error-as-text",
        "Errors are a text instead of an object.",
        "NC303",
        _error(
            lambda refusal, _: f"{refusal.code} {refusal.message}"  # type: ignore[arg-type,return-value]  # that is the fault
        ),
        look("/error/errorCode", "10104", "absent", _BAD),
    ),
    Fault(
        "error-code-as-name",
        "The error code is its name instead of its number.",
        "NC312",
        _error(lambda refusal, _: {"error": {"errorCode": refusal.message, "message": refusal.message}}),
        look("code", "10104", "INVALID_CHARACTER_IN_TRAIN_PATH", _BAD),
    ),
    Fault(
        "field-missing",
        "One field is left out of the answer.",
        "NC304",
        _without,
        lambda name: Witness((post(**TEST),), f"/{name}", shown_value(name), "absent"),
        _FIELDS,
    ),
    Fault(
        "null-left-out",
        "Fields that are null are left out.",
        "NC304",
        created(lambda shown: {name: value for name, value in shown.items() if value is not None}),
        look("/test_bucket", None, "absent", post()),
    ),
    Fault(
        "null-as-empty",
        "Fields that are null are shown as empty strings.",
        "NC306",
        created(lambda shown: {name: "" if value is None else value for name, value in shown.items()}),
        look("/test_bucket", None, "", post()),
    ),
    Fault(
        "name-as-sent",
        "The name comes back as name, not as task_name.",
        "NC304",
        created(lambda shown: {"name" if name == "task_name" else name: value for name, value in shown.items()}),
        look("/task_name", "task", "absent"),
    ),
)
