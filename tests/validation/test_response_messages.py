"""The sentences of findings about responses: each place that words one has a line here, typed by hand from what the response is.

The other tests compare rules and places. These compare the sentence, without the note about a reading.
"""

import json

import pytest

from nclue_contract import Validator
from tests.support.payloads import COMPLETED_TASK, LISTED_TASK, PAYLOAD, TASK, TEST_FIELDS

JSON = {"content-type": "application/json"}
TASK_ID = TASK["task_id"]
REGISTERED = TASK | {
    "status": "registered",
    "completed_at": None,
    "AUROC": None,
    "line_count": None,
    "disk_usage": None,
    "fail_message": None,
}
ABSENT = {name: value for name, value in REGISTERED.items() if value is not None}
WITH_TEST = PAYLOAD | TEST_FIELDS


def sentences(operation, status, body, request=None, headers=JSON, **pins):
    """Return rule, place and sentence of each finding in one line; the place with an offset where there is one."""
    content = json.dumps(body).encode() if isinstance(body, dict) else body
    validator = Validator({name.replace("_", "-"): option for name, option in pins.items()})
    found = validator.validate_response(operation, status, headers, content, request).findings
    return [f"{f.rule} {f.pointer}{'' if f.offset is None else f' {f.offset}'}: {f.noted('').message}" for f in found]


def listing(*tasks, **changes):
    return {"index": 0, "limit": 20, "total": len(tasks), "tasks": list(tasks)} | changes


def error(code, message="x"):
    return {"error": {"errorCode": code, "message": message}}


# -- the response as a whole -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "sentence"),
    [
        ("create", "NC300 : there is no operation create"),
        ("", "NC300 : there is no operation "),
        (None, "NC300 : there is no operation null"),
        (["createTask"], "NC300 : there is no operation an array"),
        (b"createTask", "NC300 : there is no operation of the Python type bytes"),
    ],
)
def test_an_operation_that_does_not_exist(operation, sentence):
    assert sentences(operation, 200, TASK) == [sentence]


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        (203, "203"),
        (-1, "-1"),
        (2**64 - 1, "18446744073709551615"),
        (2**64, "(a number)"),
        (None, "(null)"),
        (True, "(a boolean)"),
        ("200", "(a string)"),
        (201, "201"),
        (202, "202"),
        (204, "204"),
    ],
)
def test_a_status_that_is_not_documented(status, shown):
    assert sentences("createTask", status, TASK)[0] == f"NC301 : the status code {shown} is not documented for createTask"


def test_only_a_deletion_succeeds_without_a_body():
    assert sentences("deleteTask", 204, b"", headers={}, success_status="gateway") == []
    assert sentences("deleteTask", 204, b"") == ["NC301 : the status code 204 is not documented for deleteTask"]
    assert sentences("createTask", 204, b"", headers={}, success_status="gateway") == [
        "NC301 : the status code 204 is not documented for createTask",
        "NC302 : the content type is missing, not application/json",
        "NC001  0: the response is not JSON: expected a value, but found nothing at column 1 of the text; the text is empty",
    ]


def test_of_many_content_types_three_are_named():
    headers = [("content-type", value) for value in ("a/b", "c/d", "e/f", "g/h")]
    assert sentences("createTask", 409, error("10102"), headers=headers) == [
        "NC302 : the content type is 'a/b' and 'c/d' and 'e/f', not application/json"
    ]


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (b"null", ["NC303 : the body is null, not an object"]),
        (b"[1]", ["NC303 : the body is an array, not an object"]),
        (b'"x"', ["NC303 : the body is a string, not an object"]),
        (None, ["NC303 : the body is of the Python type NoneType instead of bytes, not an object"]),
        (b'{"a"}', ["NC001  4: the response is not JSON: expected ':', but found '}' at column 5 of the text"]),
        (b"\xff", ["NC002  0: the response is not UTF-8: byte 0xFF at byte offset 0 (invalid start byte)"]),
        (b"\xef\xbb\xbf{}", ["NC003  0: the body starts with a byte order mark (U+FEFF)"]),
        (
            b'{"a": 1, "a": NaN}',
            ["NC004 /a 9: the name 'a' occurs again; parsers disagree which value counts", "NC005 /a 14: NaN is not a JSON number"],
        ),
        (b'{"a": "x\\ud800"}', ["NC007 /a 1: a holds a lone surrogate (U+D800) at offset 1; it cannot be sent as UTF-8"]),
        (b'{"a": ["\\udc00"]}', ["NC007 /a/0 8: a/0 holds a lone surrogate (U+DC00) at offset 0; it cannot be sent as UTF-8"]),
    ],
)
def test_a_body_that_cannot_be_read(body, lines):
    assert [line for line in sentences("deleteTask", 404, body) if "NC311" not in line] == lines


def test_a_hundred_lone_surrogates_are_named():
    body = {f"k{number}": "\ud800" for number in range(101)} | error("10106")
    lines = sentences("createTask", 404, body)
    assert len(lines) == 100
    assert lines[99].startswith("NC007 /k99 0: ")


# -- the fields of a success -------------------------------------------------------------------------------------------------------------


FIELDS = [
    ("createTask", TASK | {"task_id": None}, ["NC305 /task_id: task_id is null, not a string"]),
    ("createTask", TASK | {"test_bucket": 1.5}, ["NC305 /test_bucket: test_bucket is a number, not a string"]),
    ("createTask", TASK | {"created_at": "now"}, ["NC308 /created_at: created_at is not an ISO 8601 time with seconds and an offset"]),
    ("createTask", TASK | {"status": "registered"}, ["NC310 /status: status is not a field of the page"]),
    ("deleteTask", {}, ["NC304 /task_id: task_id is missing"]),
    ("getTask", COMPLETED_TASK | {"line_count": "5"}, ["NC305 /line_count: line_count is a string, not an integer"]),
    ("getTask", COMPLETED_TASK | {"line_count": -1}, ["NC309 /line_count: line_count is -1, not at least 0"]),
    ("getTask", COMPLETED_TASK | {"AUROC": 0.5}, ["NC305 /AUROC: AUROC is a number, not a string"]),
    ("getTask", COMPLETED_TASK | {"AUROC": True}, ["NC305 /AUROC: AUROC is a boolean, not a string"]),
    ("getTask", COMPLETED_TASK | {"AUROC": [0.5]}, ["NC305 /AUROC: AUROC is an array, not a string"]),
    ("getTask", COMPLETED_TASK | {"AUROC": "1.5"}, ["NC309 /AUROC: AUROC is '1.5', not 0 to 1"]),
    (
        "getTask",
        COMPLETED_TASK | {"AUROC": -2},
        ["NC305 /AUROC: AUROC is a number, not a string", "NC309 /AUROC: AUROC is '-2', not 0 to 1"],
    ),
    (
        "getTask",
        COMPLETED_TASK | {"status": "done"},
        ["NC309 /status: status is 'done', not one of registered, pending, in_progress, completed, failed"],
    ),
    (
        "getTask",
        COMPLETED_TASK | {"status": "complete"},
        ["NC309 /status: status is 'complete', not one of registered, pending, in_progress, completed, failed"],
    ),
    ("getTask", COMPLETED_TASK | {"AUROC": None}, ["NC314 /AUROC: AUROC is null, but the status is completed"]),
    ("getTask", REGISTERED | {"AUROC": "0.5"}, ["NC314 /AUROC: AUROC is a string, but the status is registered"]),
    ("listTasks", listing(LISTED_TASK, 5), ["NC305 /tasks/1: tasks/1 is a number, not an object"]),
    ("listTasks", listing() | {"tasks": None}, ["NC305 /tasks: tasks is null, not an array"]),
    ("listTasks", listing(limit=0), ["NC309 /limit: limit is 0, not 1 to 100"]),
    ("listTasks", listing(limit=101), ["NC309 /limit: limit is 101, not 1 to 100"]),
    ("listTasks", listing(limit=2**64 - 1), ["NC309 /limit: limit is 18446744073709551615, not 1 to 100"]),
    ("listTasks", listing(limit=2**64), ["NC309 /limit: limit is a number of many digits, not 1 to 100"]),
    ("listTasks", listing(index=-1), ["NC309 /index: index is -1, not at least 0"]),
    ("listTasks", listing(*[LISTED_TASK] * 3, limit=2), ["NC501 /tasks: tasks has 3 items; the limit is 2"]),
    ("listTasks", listing(*[LISTED_TASK] * 2, total=1), ["NC502 /total: total is 1, but the page has 2 tasks"]),
]


@pytest.mark.parametrize(("operation", "body", "lines"), FIELDS, ids=[lines[0].partition(": ")[0] for _, _, lines in FIELDS])
def test_a_field_that_is_not_as_the_page_shows_it(operation, body, lines):
    assert sentences(operation, 200, body) == lines


@pytest.mark.parametrize(
    ("body", "pins", "line"),
    [
        (ABSENT | {"AUROC": None}, {"absent_fields": "absent"}, "NC305 /AUROC: AUROC is null, not absent"),
        (ABSENT | {"task_name": None}, {"absent_fields": "absent"}, "NC305 /task_name: task_name is null, not a string"),
        (ABSENT | {"AUROC": "0.5"}, {"absent_fields": "absent"}, "NC314 /AUROC: AUROC is a string, but the status is registered"),
        (
            {name: value for name, value in COMPLETED_TASK.items() if value is not None and name != "AUROC"},
            {"absent_fields": "absent"},
            "NC314 /AUROC: AUROC is absent, but the status is completed",
        ),
        (COMPLETED_TASK, {"auroc_type": "number"}, "NC305 /AUROC: AUROC is a string, not a number"),
        (COMPLETED_TASK | {"AUROC": False}, {"auroc_type": "number"}, "NC305 /AUROC: AUROC is a boolean, not a number"),
        (COMPLETED_TASK | {"AUROC": 1.5}, {"auroc_type": "number"}, "NC309 /AUROC: AUROC is '1.5', not 0 to 1"),
        (
            COMPLETED_TASK,
            {"status_word": "complete"},
            "NC309 /status: status is 'completed', not one of registered, pending, in_progress, complete, failed",
        ),
    ],
)
def test_a_field_that_is_not_as_another_option_says(body, pins, line):
    assert sentences("getTask", 200, body, **pins) == [line]


def test_the_total_of_a_page():
    assert sentences("listTasks", 200, listing(LISTED_TASK, total=9), list_total="page") == [
        "NC502 /total: total is 9, but the page has 1 task"
    ]


def test_unknown_fields_are_named_up_to_a_hundred():
    lines = sentences("createTask", 200, TASK | {f"k{number}": 1 for number in range(101)})
    assert len(lines) == 100
    assert lines[99] == "NC310 /k99: k99 is not a field of the page"


# -- the success against the request -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "request_", "lines"),
    [
        (TASK | {"test_bucket": "b"}, PAYLOAD, ["NC306 /test_bucket: test_bucket is a string, but the request had no such field"]),
        (
            TASK | {"test_bucket": None},
            PAYLOAD | {"test_bucket": "answers"},
            ["NC306 /test_bucket: test_bucket is null, but the request had one"],
        ),
        (TASK | {"task_name": "chorn"}, PAYLOAD, ["NC307 /task_name 2: task_name differs from name of the request, from offset 2 on"]),
        (TASK | {"task_name": "chur"}, PAYLOAD, ["NC307 /task_name: task_name differs from name of the request, from offset 4 on"]),
        (
            TASK | {"train_bucket": "answers2"},
            PAYLOAD,
            ["NC307 /train_bucket 7: train_bucket differs from train_bucket of the request, from offset 7 on"],
        ),
    ],
)
def test_a_created_task_that_is_not_the_one_requested(body, request_, lines):
    assert sentences("createTask", 200, body, request_) == lines


def test_a_task_that_is_not_the_one_requested():
    lines = ["NC307 /task_id 0: task_id differs from task_id of the request, from offset 0 on"]
    assert sentences("getTask", 200, REGISTERED, "x") == sentences("deleteTask", 200, {"task_id": TASK_ID}, "x") == lines


def test_a_field_that_the_request_had_is_absent():
    lines = [f"NC304 /{name}: {name} is missing" for name in ("test_feature_id", "test_feature_name", "test_bucket", "test_file_path")]
    assert sentences("getTask", 200, ABSENT, WITH_TEST, absent_fields="absent") == lines


@pytest.mark.parametrize(
    ("query", "changes", "pins", "lines"),
    [
        ({"index": 3}, {}, {}, ["NC500 /index: index is 0, but the request asked for '3'"]),
        ("limit=5", {}, {}, ["NC500 /limit: limit is 20, but the request asked for '5'"]),
        ({}, {"limit": 10}, {}, ["NC500 /limit: limit is 10, but the request asked for '20'"]),
        ({5: 1, "limit": "20"}, {}, {}, []),
        ("limit=101", {"limit": 7}, {"query_range": "clamped"}, ["NC500 /limit: limit is 7, but the request asked for 100 or 20"]),
        ("limit=101", {"limit": 100}, {}, ["NC505 /limit: limit is '101', and no integer from 1 to 100, but it was accepted"]),
        ("limit=x", {}, {}, ["NC505 /limit: limit is 'x', and no integer from 1 to 100, but it was accepted"]),
    ],
)
def test_a_page_that_is_not_the_one_requested(query, changes, pins, lines):
    assert sentences("listTasks", 200, listing(**changes), query, **pins) == lines


# -- errors ------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "pins", "lines"),
    [
        ({}, {}, ["NC311 : the error has no errorCode"]),
        ({"error": {}, "status": {}}, {}, ["NC311 /error: the error has no errorCode"]),
        ({"error": {}, "status": {}}, {"error_shape": "status-object"}, ["NC311 /status: the error has no code"]),
        ({"error": {}, "status": {}}, {"error_shape": "flat"}, ["NC311 /error: the error has no code"]),
        ({"error": {"errorCode": "10102"}}, {}, ["NC311 /error: the error has no message"]),
        (error("10102", None), {}, ["NC305 /error/message: error/message is null, not a string"]),
        (error(10102), {}, ["NC305 /error/errorCode: error/errorCode is a number, not a string"]),
        (error("10102"), {"error_code_type": "integer"}, ["NC305 /error/errorCode: error/errorCode is a string, not an integer"]),
        (error([]), {}, ["NC305 /error/errorCode: error/errorCode is an array, not a string"]),
        (error([]), {"error_code_type": "integer"}, ["NC305 /error/errorCode: error/errorCode is an array, not an integer"]),
        (error("10104"), {}, ["NC312 : the error code 10104 belongs to status 422, not to 409"]),
        ({"code": "10102", "message": 1}, {"error_shape": "flat"}, ["NC305 /message: message is a number, not a string"]),
    ],
)
def test_an_error_that_is_not_as_the_page_shows_it(body, pins, lines):
    assert sentences("createTask", 409, body, **pins) == lines


@pytest.mark.parametrize(
    ("status", "code", "line"),
    [
        (400, "10104", "NC312 : the error code 10104 belongs to status 422, not to 400"),
        (500, "77", "NC312 : the error code 77 is not documented for createTask with status 500"),
    ],
)
def test_a_code_that_does_not_belong_to_the_status(status, code, line):
    assert sentences("createTask", status, error(code)) == [line]
