"""Faults in the responses: status codes, content types, fields, errors."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from nclue_contract.service.faults.injection import Fault, Injection, Value, changing, wrapping
from nclue_contract.service.messages import Rejection, Response
from nclue_contract.service.service import Service
from nclue_contract.validation.response import SUCCESS

_FIELDS = (
    "task_id",
    "created_at",
    "train_feature_name",
    "task_name",
    "train_feature_id",
    "train_bucket",
    "train_file_path",
    "test_feature_id",
    "test_bucket",
    "test_file_path",
)


def _omit_field(service: Service, name: str) -> None:
    changing("serializer.created", lambda value: {key: v for key, v in value.items() if key != name})(service, "")


def _change_response(change: Callable[[Response], Response]) -> Injection:
    """Return an injection that changes every response."""
    return changing("respond", change)


def _change_success(change: Callable[[Response], Response]) -> Injection:
    """Return an injection that changes the responses to requests that succeed."""
    return changing("respond", lambda response: change(response) if response.status == SUCCESS else response)


def _change_value(change: Callable[[Any], Any]) -> Injection:
    """Return an injection that changes the JSON value of the responses to requests that succeed."""

    def changed(response: Response) -> Response:
        return dataclasses.replace(response, body=json.dumps(change(response.json()), ensure_ascii=False).encode())

    return _change_success(changed)


def _change_error(change: Callable[[Rejection], object]) -> Injection:
    """Return an injection that replaces the bodies of errors."""
    return wrapping("serializer.error_body", lambda _, rejection: change(rejection))


def _content_type(value: str | None) -> Injection:
    def changed(response: Response) -> Response:
        others = tuple(pair for pair in response.headers if pair[0] != "content-type")
        return dataclasses.replace(response, headers=others if value is None else (("content-type", value), *others))

    return _change_response(changed)


def _without_nulls(value: Value) -> Value:
    return {name: item for name, item in value.items() if item is not None}


def _nulls_as_empty(value: Value) -> Value:
    return {name: "" if item is None else item for name, item in value.items()}


def _name_as_sent(value: Value) -> Value:
    return {"name" if name == "task_name" else name: item for name, item in value.items()}


FAULTS: tuple[Fault, ...] = (
    Fault("status-201", "Success has status 201.", "NC301", _change_success(lambda response: dataclasses.replace(response, status=201))),
    Fault("status-202", "Success has status 202.", "NC301", _change_success(lambda response: dataclasses.replace(response, status=202))),
    Fault("errors-with-200", "Errors have status 200.", "NC313", _change_response(lambda r: dataclasses.replace(r, status=200))),
    Fault(
        "errors-with-500",
        "Broken rules are rejected with status 500.",
        "NC312",
        _change_response(
            lambda response: dataclasses.replace(response, status=500) if response.status == HTTPStatus.UNPROCESSABLE_ENTITY else response
        ),
    ),
    Fault("type-text", "The content type is text/html.", "NC302", _content_type("text/html")),
    Fault("type-missing", "There is no content type.", "NC302", _content_type(None)),
    Fault("body-wrapped", "The object is wrapped in another one.", "NC304", _change_value(lambda value: {"data": value})),
    Fault("body-array", "The object is wrapped in an array.", "NC303", _change_value(lambda value: [value])),
    Fault("body-empty", "Success has no body.", "NC001", _change_success(lambda response: dataclasses.replace(response, body=b""))),
    Fault(
        "body-cut",
        "The connection is closed in the middle of a response with test data.",
        "NC602",
        _change_response(lambda response: dataclasses.replace(response, cut=b'"test_bucket": "' in response.body)),
    ),
    Fault(
        "body-latin-1",
        "The body is Latin-1 instead of UTF-8.",
        "NC002",
        _change_response(lambda response: dataclasses.replace(response, body=response.body.decode().encode("latin-1", "replace"))),
    ),
    Fault(
        "body-bom",
        "The body starts with a byte order mark.",
        "NC003",
        _change_response(lambda response: dataclasses.replace(response, body=b"\xef\xbb\xbf" + response.body)),
    ),
    Fault(
        "error-without-code",
        "Errors have a message and no code.",
        "NC311",
        _change_error(lambda rejection: {"error": {"message": rejection.message}}),
    ),
    Fault(
        "error-as-text",
        "Errors are a string instead of an object.",
        "NC303",
        _change_error(lambda rejection: f"{rejection.code} {rejection.message}"),
    ),
    Fault(
        "error-code-as-name",
        "The error code is its name instead of its number.",
        "NC312",
        _change_error(lambda rejection: {"error": {"errorCode": rejection.message, "message": rejection.message}}),
    ),
    Fault("field-missing", "One field is missing in the response.", "NC304", _omit_field, _FIELDS),
    Fault("null-left-out", "Fields that are null are left out.", "NC304", changing("serializer.created", _without_nulls)),
    Fault("null-as-empty", "Fields that are null are empty strings.", "NC306", changing("serializer.created", _nulls_as_empty)),
    Fault("name-as-sent", "The name is returned as name, not as task_name.", "NC304", changing("serializer.created", _name_as_sent)),
)
