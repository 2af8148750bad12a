"""Findings about responses: fields, echo, error codes, and whether the response fits the request; expected values are typed by hand."""

import json
import unicodedata
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nclue_contract import Validator, validate_response
from tests.support.payloads import COMPLETED_TASK, PAGE_REQUEST, PAGE_RESPONSE, TEST_FIELDS

JSON = {"Content-Type": "application/json"}

TASK_ID = "f5aebc0c-****-****-****-b201bc64b1c9"
CREATED = json.loads(PAGE_RESPONSE)
WITH_TEST = PAGE_REQUEST | TEST_FIELDS
CREATED_WITH_TEST = CREATED | TEST_FIELDS | {"test_feature_name": "purchases"}

STATES = {
    "registered": {"completed_at": None, "AUROC": None, "line_count": None, "disk_usage": None, "fail_message": None},
    "pending": {"completed_at": None, "AUROC": None, "line_count": None, "disk_usage": None, "fail_message": None},
    "in_progress": {"completed_at": None, "AUROC": None, "line_count": 7, "disk_usage": 0, "fail_message": None},
    "completed": {"completed_at": "2024-11-26T12:00:00Z", "AUROC": "0.87", "line_count": 9, "disk_usage": 1, "fail_message": None},
    "failed": {"completed_at": "2024-11-26T12:00:00Z", "AUROC": None, "line_count": 9, "disk_usage": 1, "fail_message": "LIMIT_ERROR"},
}
TASK = CREATED | {"status": "registered"} | STATES["registered"]
DONE = CREATED | {"status": "completed"} | STATES["completed"]
ITEM = CREATED | {"status": "registered", "completed_at": None}
LIST = {"index": 0, "limit": 20, "total": 1, "tasks": [ITEM]}


@cache
def validator(**pins):
    return Validator({name.replace("_", "-"): option for name, option in pins.items()})


def policy(operation, status, body, request=None, headers=JSON, **pins):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return validator(**pins).validate_response(operation, status, headers, content, request)


def found(*args, **pins):
    """Rule, severity and pointer of what is found."""
    return [(f.rule, str(f.severity), f.pointer) for f in policy(*args, **pins).findings]


def created(request=PAGE_REQUEST, /, **changes):
    return found("createTask", 200, CREATED | changes, request)


def error(code, **more):
    return {"error": {"errorCode": code, "message": "NOT GOOD"} | more}


def without(body, name):
    return {key: value for key, value in body.items() if key != name}


# -- what is right -----------------------------------------------------------------------------------------------------------------------


def test_the_example_of_the_page_is_clean_with_and_without_its_request():
    assert found("createTask", 200, PAGE_RESPONSE.encode()) == []
    assert found("createTask", 200, PAGE_RESPONSE.encode(), PAGE_REQUEST) == []
    assert validate_response("createTask", 200, JSON, PAGE_RESPONSE.encode(), PAGE_REQUEST).findings == ()


def test_a_task_with_test_data_is_clean():
    assert found("createTask", 200, CREATED_WITH_TEST, WITH_TEST) == []


@pytest.mark.parametrize("status", STATES)
def test_a_task_is_clean_in_every_state(status):
    assert found("getTask", 200, CREATED | {"status": status} | STATES[status], TASK_ID) == []


@pytest.mark.parametrize("request_", [None, TASK_ID, {"task_id": TASK_ID}, PAGE_REQUEST | {"task_id": TASK_ID}, CREATED])
def test_a_task_can_be_requested_in_several_ways(request_):
    assert found("getTask", 200, DONE, request_) == []


@pytest.mark.parametrize("request_", [None, TASK_ID, {"task_id": TASK_ID}, CREATED_WITH_TEST, WITH_TEST])
def test_a_request_by_id_does_not_show_whether_there_is_test_data(request_):
    assert found("getTask", 200, DONE | CREATED_WITH_TEST, request_) == []


@pytest.mark.parametrize(
    "request_",
    [None, {}, {"index": 0}, {"limit": 20}, {"index": "0", "limit": "20"}, {"index": None}, {"limit": ""}, "", "limit=", {"limit": ["20"]}],
)
def test_a_list_with_the_defaults_is_clean(request_):
    assert found("listTasks", 200, LIST, request_) == []


@pytest.mark.parametrize(
    "request_",
    [
        {"index": 40, "limit": 10},
        {"index": "40", "limit": "10"},
        {"index": ["40"], "limit": ("10",)},
        "index=40&limit=10",
        "/tasks?index=40&limit=10",
    ],
)
def test_a_list_repeats_what_was_requested(request_):
    assert found("listTasks", 200, LIST | {"index": 40, "limit": 10, "total": 41}, request_) == []


@pytest.mark.parametrize("request_", [None, TASK_ID, {"task_id": TASK_ID}])
def test_a_deleted_task_is_clean(request_):
    assert found("deleteTask", 200, {"task_id": TASK_ID}, request_) == []


@pytest.mark.parametrize(
    "form", [json.dumps, lambda request: json.dumps(request).encode(), lambda request: bytearray(json.dumps(request), "utf-8")]
)
def test_the_request_can_be_given_as_it_was_sent(form):
    assert found("createTask", 200, CREATED, form(PAGE_REQUEST)) == []
    assert found("createTask", 200, CREATED, form(PAGE_REQUEST | {"name": "other"})) == [("NC307", "error", "/task_name")]
    assert found("createTask", 200, CREATED, form(without(PAGE_REQUEST, "name"))) == [("NC313", "error", "")]


def test_a_body_can_be_text_or_bytes():
    for body in [PAGE_RESPONSE, PAGE_RESPONSE.encode(), bytearray(PAGE_RESPONSE.encode()), memoryview(PAGE_RESPONSE.encode())]:
        assert validate_response("createTask", 200, JSON, body).findings == ()


# -- NC300 to NC303: operation, status, content type, body -------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["create", "CREATETASK", "", "createTask ", None, 1, b"createTask", ["createTask"]])
def test_an_unknown_operation_is_the_only_finding(operation):
    (finding,) = validate_response(operation, 999, None, None).findings
    assert (finding.rule, finding.pointer) == ("NC300", "")
    assert finding.message.startswith("there is no operation ")


DOCUMENTED = {
    "createTask": {200, 400, 401, 403, 404, 409, 413, 422, 429, 500, 503, 504},
    "listTasks": {200, 400, 401, 403, 404, 422, 429, 500, 503, 504},
    "getTask": {200, 400, 401, 403, 404, 409, 422, 429, 500, 503, 504},
    "deleteTask": {200, 400, 401, 403, 404, 409, 422, 429, 500, 503, 504},
}


@pytest.mark.parametrize("operation", DOCUMENTED)
def test_the_status_codes_of_the_tables_are_documented_and_no_others(operation):
    rejected = {status for status in range(100, 600) if "NC301" in str(validate_response(operation, status, JSON, b"{}"))}
    assert set(range(100, 600)) - rejected == DOCUMENTED[operation]


@pytest.mark.parametrize(
    "status", [True, False, None, "200", 200.0, b"200", [200], 0, -200, 2000, 10**30, 10**5000], ids=lambda status: type(status).__name__
)
def test_an_undocumented_status_code_is_reported_shortly(status):
    report = validate_response("createTask", status, JSON, PAGE_RESPONSE.encode())
    assert report.findings[0].rule == "NC301"
    assert len(report.findings[0].message) < 120


def test_a_status_of_the_standard_library_is_a_status():
    assert found("createTask", HTTPStatus.OK, CREATED, PAGE_REQUEST) == []
    assert found("createTask", HTTPStatus.CREATED, CREATED) == [("NC301", "error", "")]
    assert found("createTask", HTTPStatus.CONFLICT, error("10102")) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "application/json"},
        {"CONTENT-TYPE": "Application/Json; charset=UTF-8"},
        [("Date", "x"), (b"Content-Type", b"application/json")],
    ],
)
def test_json_is_the_expected_content_type(headers):
    assert found("createTask", 200, CREATED, headers=headers) == []


@pytest.mark.parametrize(
    ("headers", "shown"),
    [
        (None, "missing"),
        ({}, "missing"),
        (7, "missing"),
        ({"content-type": None}, "missing"),
        ({"content-type": "text/html"}, "'text/html'"),
        ({"content-type": "application/problem+json"}, "'application/problem+json'"),
        ({"content-type": "application/json, text/html"}, "'application/json, text/html'"),
        ([("content-type", "application/json")] * 2, "'application/json' and 'application/json'"),
    ],
)
def test_another_content_type_is_reported(headers, shown):
    (finding,) = policy("createTask", 200, CREATED, headers=headers).findings
    assert (finding.rule, finding.message) == ("NC302", f"the content type is {shown}, not application/json")


@pytest.mark.parametrize("status", [200, 404, 500])
@pytest.mark.parametrize(
    ("body", "rules"),
    [
        (b"", ["NC001"]),
        (b" \n", ["NC001"]),
        (b"\xff\xfe\x00garbage", ["NC002"]),
        (b"<html><body>502 Bad Gateway</body></html>", ["NC001"]),
        (PAGE_RESPONSE.encode("utf-16"), ["NC002"]),
        (PAGE_RESPONSE.encode()[:100], ["NC001"]),
        (b"[" * 100_000, ["NC006", "NC001"]),
        (b"null", ["NC303"]),
        (b"[]", ["NC303"]),
        (b'"text"', ["NC303"]),
        (b"200", ["NC303"]),
        (b"NaN", ["NC005", "NC303"]),
        (b"{}{}", ["NC001"]),
    ],
)
def test_a_body_that_is_no_object_is_reported_whatever_the_status(status, body, rules):
    report = policy("createTask", status, body, PAGE_REQUEST)
    assert [f.rule for f in report.findings] == rules
    assert report.expects == ()  # a response has no response


@pytest.mark.parametrize("body", [None, CREATED, [], 5, object()])
def test_a_body_that_is_not_what_came_is_named_as_such(body):
    (finding,) = validate_response("createTask", 200, JSON, body).findings
    assert finding.rule == "NC303"
    assert finding.message == f"the body is of the Python type {type(body).__name__} instead of bytes, not an object"


def test_a_byte_order_mark_and_a_duplicate_name_are_reported_and_the_rest_is_validated():
    assert found("createTask", 200, PAGE_RESPONSE.encode("utf-8-sig"), PAGE_REQUEST) == [("NC003", "error", "")]
    twice = PAGE_RESPONSE.replace("{", '{"task_id": "x",', 1).encode()
    assert found("createTask", 200, twice, PAGE_REQUEST) == [("NC004", "error", "/task_id")]


def test_a_lone_surrogate_is_reported_at_any_place():
    assert created(train_feature_name="F\ud83d") == [("NC007", "error", "/train_feature_name")]
    assert found("listTasks", 200, LIST | {"tasks": [ITEM | {"task_name": "\udc00"}]}) == [("NC007", "error", "/tasks/0/task_name")]
    assert found("createTask", 409, error("10102", message="\ud800")) == [("NC007", "error", "/error/message")]
    (finding,) = policy("createTask", 200, CREATED | {"train_feature_name": "F\ud83d\ud83e"}).findings
    assert (finding.offset, finding.occurrences, finding.expects) == (1, 2, ())


@pytest.mark.parametrize(
    "body",
    [
        b'{"task_id": "' + b"x" * 10_000_000 + b'"}',
        b'{"tasks": [' + b"1," * 100_000 + b"1]}",
        b'{"tasks": [' + b'{"status": 5},' * 20_000 + b"{}]}",
        b"{" + b",".join(b'"k%d": 1' % number for number in range(20_000)) + b"}",
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"task_id": "\\ud800"' + b"".join(b',"k%d": "\\ud800"' % number for number in range(5_000)) + b"}",
        b"\xff" * 10_000_000,
    ],
    ids=["text", "numbers", "objects", "names", "depth", "surrogates", "bytes"],
)
def test_the_report_about_a_large_body_is_short(body):
    report = validate_response("listTasks", 200, JSON, body, {"index": 0})
    assert len(str(report)) < 20_000
    assert len(report.findings) < 800
    assert all(len(f.message) < 1000 for f in report.findings)


# -- NC304, NC305, NC310: fields and their types -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CREATED)
def test_each_of_the_eleven_fields_must_be_there(name):
    assert found("createTask", 200, without(CREATED, name)) == [("NC304", "error", f"/{name}")]


@pytest.mark.parametrize("name", DONE)
def test_each_of_the_fields_of_a_task_must_be_there(name):
    assert found("getTask", 200, without(DONE, name)) == [("NC304", "error", f"/{name}")]


@pytest.mark.parametrize("name", ["index", "limit", "total", "tasks"])
def test_each_field_of_a_list_must_be_there(name):
    assert found("listTasks", 200, without(LIST, name), {}) == [("NC304", "error", f"/{name}")]


@pytest.mark.parametrize("name", ITEM)
def test_what_the_page_shows_of_an_item_must_be_there(name):
    assert found("listTasks", 200, LIST | {"tasks": [without(ITEM, name)]}) == [("NC304", "error", f"/tasks/0/{name}")]


def test_the_further_fields_of_an_item_are_free_because_the_page_was_cut():
    assert found("listTasks", 200, LIST | {"tasks": [DONE | {"something": 1}]}) == []
    assert found("listTasks", 200, LIST | {"tasks": [DONE | {"train_bucket": 1}]}) == [("NC305", "error", "/tasks/0/train_bucket")]


def test_a_deletion_names_its_task():
    assert found("deleteTask", 200, {}) == [("NC304", "error", "/task_id")]


@pytest.mark.parametrize("value", [1, 1.5, True, [], {}])
@pytest.mark.parametrize("name", CREATED)
def test_every_field_of_a_created_task_is_text(name, value):
    assert found("createTask", 200, CREATED | {name: value}) == [("NC305", "error", f"/{name}")]


@pytest.mark.parametrize("name", CREATED)
def test_only_the_test_fields_of_a_created_task_can_be_null(name):
    expected = [] if name.startswith("test_") else [("NC305", "error", f"/{name}")]
    assert found("createTask", 200, CREATED | {name: None}) == expected


def test_items_and_lists_have_their_types():
    assert found("listTasks", 200, LIST | {"tasks": {}}) == [("NC305", "error", "/tasks")]
    assert found("listTasks", 200, LIST | {"tasks": [None]}) == [("NC305", "error", "/tasks/0")]
    for value in ["0", 0.5, None, False]:
        assert found("listTasks", 200, LIST | {"index": value}) == [("NC305", "error", "/index")]


def test_a_field_that_the_page_does_not_list_is_a_warning():
    assert created(status="registered") == [("NC310", "warning", "/status")]
    assert found("getTask", 200, TASK | {"auroc": "0.5"}) == [("NC310", "warning", "/auroc")]
    assert found("deleteTask", 200, {"task_id": "x", "status": "ok"}) == [("NC310", "warning", "/status")]
    assert not Validator(strict=True).validate_response("createTask", 200, JSON, json.dumps(CREATED | {"status": ""}).encode()).ok


@pytest.mark.parametrize(("missing", "count"), [(6, 500), (5, 499 + 13)])
def test_after_500_findings_no_further_item_is_checked(missing, count):
    """An empty item lacks 13 fields, so 38 of them have 494 findings."""
    items = [{}] * 38 + [dict(list(ITEM.items())[missing:]), {}]
    assert len(found("listTasks", 200, {"index": 0, "limit": 100, "total": 100, "tasks": items})) == count


# -- NC306 and NC307: nullness and echo --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["test_feature_id", "test_feature_name", "test_bucket", "test_file_path"])
def test_a_test_field_is_null_exactly_when_the_request_had_none(name):
    nullness = [("NC306", "error", f"/{name}")]
    assert created(**{name: "x"}) == nullness
    assert created(**{name: ""}) == nullness
    assert found("createTask", 200, CREATED | {name: "x"}, PAGE_REQUEST | dict.fromkeys(TEST_FIELDS)) == nullness
    assert found("createTask", 200, CREATED_WITH_TEST | {name: None}, WITH_TEST) == nullness
    assert found("getTask", 200, TASK | {name: "x"}, PAGE_REQUEST | {"task_id": TASK_ID}) == nullness
    assert found("createTask", 200, CREATED | {name: "x"}) == []


def test_a_request_without_a_name_is_compared_unless_it_is_only_an_id():
    nullness = [("NC306", "error", "/test_bucket")]
    assert found("createTask", 200, CREATED | {"test_bucket": "b"}, without(PAGE_REQUEST, "name")) == [*nullness, ("NC313", "error", "")]
    assert found("getTask", 200, TASK | {"test_bucket": "b"}, PAGE_REQUEST) == nullness
    assert found("getTask", 200, TASK | {"test_bucket": "b"}, {"task_id": TASK_ID}) == []


def test_one_test_field_alone_is_returned_alone():
    request = PAGE_REQUEST | {"test_bucket": "answers"}
    assert found("createTask", 200, CREATED | {"test_bucket": "answers"}, request) == []
    assert found("createTask", 200, CREATED | {"test_bucket": "answers", "test_feature_name": "F"}, request) == [
        ("NC306", "error", "/test_feature_name")
    ]


@pytest.mark.parametrize("name", TEST_FIELDS)
def test_an_empty_test_field_can_be_returned_empty_or_as_null(name):
    request = PAGE_REQUEST | {name: ""}
    assert found("createTask", 200, CREATED, request) == []
    assert found("createTask", 200, CREATED | {name: ""}, request) == []
    assert found("createTask", 200, CREATED | {name: "x"}, request) == [("NC307", "error", f"/{name}")]


@pytest.mark.parametrize("name", ["task_name", "train_feature_id", "train_bucket", "train_file_path", *TEST_FIELDS])
def test_sent_values_must_be_returned(name):
    assert found("createTask", 200, CREATED_WITH_TEST | {name: "other"}, WITH_TEST) == [("NC307", "error", f"/{name}")]
    assert found("getTask", 200, DONE | CREATED_WITH_TEST | {name: "other"}, WITH_TEST) == [("NC307", "error", f"/{name}")]


def test_names_that_the_server_chooses_are_not_compared():
    assert created(task_id="x", train_feature_name="y", created_at="2020-01-01T00:00:00Z") == []


@pytest.mark.parametrize("name", ["task_name", "task_id", "created_at", "train_feature_name", "status"])
def test_values_that_the_server_ignores_need_not_be_returned(name):
    assert found("createTask", 200, CREATED, PAGE_REQUEST | {name: "x"}) == []
    assert found("createTask", 200, CREATED, {name: "x"} | PAGE_REQUEST) == []


@pytest.mark.parametrize(
    ("sent", "returned", "offset"),
    [
        (" edge ", "edge", 0),
        ("edge ", "edge", None),
        ("churn 2026", "churn 2027", 9),
        ("x" * 99, "x" * 98, None),
        ("x" * 98, "x" * 98 + "y", 98),
        (unicodedata.normalize("NFC", "데이터"), unicodedata.normalize("NFD", "데이터"), 0),
        (unicodedata.normalize("NFD", "café"), unicodedata.normalize("NFC", "café"), 3),
        ("TASK", "task", 0),
        ("😀😀", "😀?", 1),
        ("a", "", None),
    ],
)
def test_a_changed_name_is_found_where_it_begins_to_differ(sent, returned, offset):
    (finding,) = policy("createTask", 200, CREATED | {"task_name": returned}, PAGE_REQUEST | {"name": sent}).findings
    assert (finding.rule, finding.pointer, finding.offset) == ("NC307", "/task_name", offset)
    assert finding.message.startswith("task_name differs from name of the request, from offset ")


def test_the_task_of_another_request_is_noticed():
    assert found("getTask", 200, DONE, "f5aebc0c-0000-4000-8000-b201bc64b1c9") == [("NC307", "error", "/task_id")]
    assert found("deleteTask", 200, {"task_id": TASK_ID}, {"task_id": "x"}) == [("NC307", "error", "/task_id")]
    other = {"name": "b", "train_feature_id": "c", "train_bucket": "d", "train_file_path": "e"}
    assert [pointer for _, _, pointer in created(other)] == ["/task_name", "/train_feature_id", "/train_bucket", "/train_file_path"]


# -- NC308 and NC309: values -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        "2024-11-26T11:48:16+09:00",
        "2024-11-26T02:48:16Z",
        "2024-11-26T02:48:16+00:00",
        "2024-11-26T02:48:16-00:00",
        "2024-02-29T23:59:59-12:00",
        "2024-11-26T11:48:16.5+09:00",
        "2024-11-26T11:48:16.123456789+09:00",
    ],
)
def test_a_time_with_seconds_and_offset_is_a_time(value):
    assert created(created_at=value) == []
    assert found("getTask", 200, DONE | {"completed_at": value}) == []


@pytest.mark.parametrize(
    "value",
    [
        "",
        "2024-11-26",
        "2024-11-26T11:48:16",
        "2024-11-26 11:48:16+09:00",
        "2024-11-26t11:48:16+09:00",
        "2024-11-26T11:48+09:00",
        "2024-11-26T11:48:16+0900",
        "2024-11-26T11:48:16 +09:00",
        "2024-11-26T11:48:16.+09:00",
        "2024-13-26T11:48:16+09:00",
        "2024-02-30T11:48:16+09:00",
        "2023-02-29T11:48:16+09:00",
        "2024-11-26T24:00:00+09:00",
        "2024-11-26T11:60:16+09:00",
        "2024-11-26T11:48:60+09:00",
        "2024-11-26T11:48:16+24:00",
        "2024-11-26T11:48:16+09:60",
        "2024-11-26T11:48:16+09:00:30",
        "20241126T114816+0900",
        "24-11-26T11:48:16+09:00",
        "2024-11-26T11:48:16+09:00\n",
        "２０２４-11-26T11:48:16+09:00",
        "1732589296000",
    ],
)
def test_another_time_is_rejected(value):
    assert created(created_at=value) == [("NC308", "error", "/created_at")]
    assert found("getTask", 200, DONE | {"completed_at": value}) == [("NC308", "error", "/completed_at")]
    assert found("listTasks", 200, LIST | {"tasks": [ITEM | {"created_at": value}]}) == [("NC308", "error", "/tasks/0/created_at")]


def test_a_number_is_no_time():
    assert created(created_at=1732589296000) == [("NC305", "error", "/created_at")]


def test_the_word_for_a_task_that_is_ready_is_a_reading():
    other = DONE | {"status": "complete"}
    assert found("getTask", 200, other) == [("NC309", "error", "/status")]
    (finding,) = policy("getTask", 200, other).findings
    assert (finding.reading, finding.pin, str(finding.certainty)) == ("status-word", "status-word=complete", "contested")
    assert found("getTask", 200, other, status_word="complete") == []
    assert found("getTask", 200, DONE, status_word="complete") == [("NC309", "error", "/status")]
    assert found("getTask", 200, DONE, status_word="completed") == []
    assert found("getTask", 200, other, status_word="completed") == [("NC309", "error", "/status")]
    assert policy("getTask", 200, other, status_word="completed").findings[0].pin is None


@pytest.mark.parametrize("word", ["", "done", "COMPLETED", "Completed", "in progress", "available", " registered"])
def test_other_words_are_no_status(word):
    assert found("getTask", 200, TASK | {"status": word}) == [("NC309", "error", "/status")]
    assert found("getTask", 200, DONE | {"status": word}) == [("NC309", "error", "/status")]
    assert found("listTasks", 200, LIST | {"tasks": [ITEM | {"status": word}]}) == [("NC309", "error", "/tasks/0/status")]


@pytest.mark.parametrize("value", ["0", "1", "0.5", "0.8731", "1.0", "0.00", "5e-05", "1E0", "0." + "1" * 98])
def test_an_area_between_nothing_and_all_is_an_auroc(value):
    assert found("getTask", 200, DONE | {"AUROC": value}) == []
    assert found("getTask", 200, DONE | {"AUROC": float(value)}, auroc_type="number") == []


@pytest.mark.parametrize(
    "value", ["", "1.0001", "2", "-0.1", "87%", "87.31", " 0.5", "0,5", ".5", "0.", "NaN", "high", "٠.٥", "0" * 101, "1e-" + "9" * 5000]
)
def test_another_text_is_no_auroc(value):
    assert found("getTask", 200, DONE | {"AUROC": value}) == [("NC309", "error", "/AUROC")]


@pytest.mark.parametrize("value", [0, 1, 0.5, 5e-05])
def test_the_type_of_an_auroc_is_a_reading(value):
    assert found("getTask", 200, DONE | {"AUROC": value}) == [("NC305", "error", "/AUROC")]
    (finding,) = policy("getTask", 200, DONE | {"AUROC": value}).findings
    assert (finding.reading, finding.pin) == ("auroc-type", "auroc-type=number")
    assert found("getTask", 200, DONE | {"AUROC": value}, auroc_type="number") == []
    assert found("getTask", 200, DONE, auroc_type="number") == [("NC305", "error", "/AUROC")]


@pytest.mark.parametrize("value", [-0.5, 1.5, 87, 10**300])
def test_a_number_that_is_no_area_is_no_auroc(value):
    assert found("getTask", 200, DONE | {"AUROC": value}, auroc_type="number") == [("NC309", "error", "/AUROC")]


@pytest.mark.parametrize(("option", "expected"), [("string", "a string"), ("number", "a number")])
def test_the_message_names_the_type_in_force(option, expected):
    (finding,) = policy("getTask", 200, DONE | {"AUROC": True}, auroc_type=option).findings
    assert finding.message == f"AUROC is a boolean, not {expected}"


@pytest.mark.parametrize("name", ["line_count", "disk_usage"])
def test_counts_are_not_negative(name):
    assert found("getTask", 200, DONE | {name: 0}) == found("getTask", 200, DONE | {name: 10**30}) == []
    assert found("getTask", 200, DONE | {name: -1}) == [("NC309", "error", f"/{name}")]
    assert found("getTask", 200, DONE | {name: "5"}) == [("NC305", "error", f"/{name}")]


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("index", 0, True),
        ("index", -1, False),
        ("total", 0, True),
        ("total", -1, False),
        ("limit", 1, True),
        ("limit", 0, False),
        ("limit", 100, True),
        ("limit", 101, False),
    ],
)
def test_the_numbers_of_a_list_have_the_ranges_of_the_page(name, value, right):
    body = LIST | {"tasks": [], "total": 0} | {name: value}
    expected = [] if right else [("NC309", "error", f"/{name}")]
    assert found("listTasks", 200, body) == expected or (name, value) == ("total", -1)
    assert (("NC309", "error", f"/{name}") in found("listTasks", 200, body)) is not right


def test_a_number_of_many_digits_is_not_printed():
    report = policy("listTasks", 200, LIST | {"limit": 10**300})
    assert [f.message for f in report.findings] == ["limit is a number of many digits, not 1 to 100"]


# -- NC314: fields and status ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"status": "registered", "completed_at": "2024-11-26T12:00:00Z"}, "completed_at"),
        ({"status": "in_progress", "AUROC": "0.5"}, "AUROC"),
        ({"status": "pending", "fail_message": "DISK_SPACE_SHORTAGE"}, "fail_message"),
        (STATES["completed"] | {"status": "completed", "completed_at": None}, "completed_at"),
        (STATES["completed"] | {"status": "completed", "AUROC": None}, "AUROC"),
        (STATES["completed"] | {"status": "completed", "fail_message": "x"}, "fail_message"),
        (STATES["failed"] | {"status": "failed", "fail_message": None}, "fail_message"),
        (STATES["failed"] | {"status": "failed", "AUROC": "0.5"}, "AUROC"),
    ],
)
def test_a_field_that_contradicts_the_status_is_a_warning(changes, name):
    assert found("getTask", 200, TASK | changes) == [("NC314", "warning", f"/{name}")]


def test_a_failed_task_may_have_the_time_of_its_end_or_not():
    """No page states whether a task that failed is "completed" at some time."""
    for moment in (None, "2024-11-26T12:00:00Z"):
        assert found("getTask", 200, TASK | STATES["failed"] | {"status": "failed", "completed_at": moment}) == []


# -- NC305, NC311, NC312: errors ---------------------------------------------------------------------------------------------------------

# The tables of the pages "Overview" and "API Gateway, error handling".
TABLE = {
    401: ["10100", "200", "210"],
    422: ["10101", "10103", "10104", "10105", "10109"],
    409: ["10102"],
    404: ["10106", "10107", "10108", "300"],
    400: ["100"],
    403: ["230"],
    429: ["400", "410", "420"],
    413: ["430"],
    503: ["500"],
    504: ["510"],
    500: ["900"],
}
CODES = [code for codes in TABLE.values() for code in codes]


@pytest.mark.parametrize("status", TABLE)
def test_only_the_pairs_of_the_tables_are_allowed(status):
    assert {code for code in CODES if not found("createTask", status, error(code))} == set(TABLE[status])
    for code in set(CODES) - set(TABLE[status]):
        assert found("createTask", status, error(code)) == [("NC312", "error", "")]


def test_the_message_states_where_a_code_belongs():
    (finding,) = policy("createTask", 400, error("10104")).findings
    assert finding.message == "the error code 10104 belongs to status 422, not to 400"
    (finding,) = policy("createTask", 500, error("100")).findings
    assert finding.message == "the error code 100 belongs to status 400, not to 500"
    (finding,) = policy("createTask", 422, error("10110")).findings
    assert finding.message == (
        "the error code 10110 is not documented for createTask with status 422"
        " (undecided: the tables name no code for some errors, and the page goes on after 10109)"
    )
    (finding,) = policy("createTask", 500, error("77")).findings
    assert finding.message == "the error code 77 is not documented for createTask with status 500"


@pytest.mark.parametrize("operation", ["listTasks", "getTask", "deleteTask"])
def test_the_codes_of_the_gateway_are_allowed_for_every_operation(operation):
    for status, code in [
        (400, "100"),
        (401, "200"),
        (401, "210"),
        (401, "10100"),
        (404, "300"),
        (429, "420"),
        (500, "900"),
        (503, "500"),
        (504, "510"),
    ]:
        assert found(operation, status, error(code)) == []


@pytest.mark.parametrize("status", sorted(TABLE))
@pytest.mark.parametrize("code", ["10110", "10111", "20000"])
def test_a_code_behind_the_cut_of_the_table_is_only_a_warning(status, code):
    assert found("createTask", status, error(code)) == [("NC312", "warning", "")]


@pytest.mark.parametrize("status", [400, 404, 409, 422])
@pytest.mark.parametrize("code", ["0", "1", "", "NAME_REQUIRED", "10099", "٣"])
def test_an_unknown_code_is_a_warning_where_the_pages_name_none_for_some_errors(status, code):
    assert found("createTask", status, error(code)) == [("NC312", "warning", "")]


@pytest.mark.parametrize("status", [401, 403, 413, 429, 500, 503, 504])
@pytest.mark.parametrize("code", ["1", "", "TOO_MANY", "10109x", "9" * 5000])
def test_an_unknown_code_is_an_error_where_the_tables_are_complete(status, code):
    severity = "warning" if code.startswith("99") else "error"  # a number above 10109, if a long one
    assert found("createTask", status, error(code)) == [("NC312", severity, "")]


@pytest.mark.parametrize(
    ("body", "pin", "pointer"),
    [
        ({"code": "10102", "message": "x"}, "error-shape=flat", ""),
        ({"error": "Conflict", "code": "10102", "message": "x"}, "error-shape=flat", ""),
        ({"timestamp": "2024", "status": 409, "error": "Conflict", "message": "x", "code": "10102"}, "error-shape=flat", ""),
    ],
)
def test_a_flat_error_is_allowed_when_that_is_pinned(body, pin, pointer):
    assert found("createTask", 409, body) == [("NC311", "error", pointer)]
    assert policy("createTask", 409, body).findings[0].pin == pin
    assert found("createTask", 409, body, error_shape="flat") == []
    assert found("createTask", 409, body, error_shape="nested") == [("NC311", "error", pointer)]
    assert found("createTask", 409, error("10102"), error_shape="flat") == [("NC311", "error", "/error")]
    assert found("createTask", 409, error("10102"), error_shape="nested") == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"error": None}, ""),
        ({"error": {}}, "/error"),
        ({"error": {"message": "x"}}, "/error"),
        ({"error": {"errorCode": "10102"}}, "/error"),
        ({"error": {"code": "10102", "message": "x"}}, "/error"),
        ({"timestamp": "2024", "status": 409, "error": "Conflict", "path": "/tasks"}, ""),
        ({"responseError": {"returnCode": "10102", "returnMessage": "x"}}, "/responseError"),
        ({"responseError": {"returnMessage": "x"}}, "/responseError"),
    ],
)
@pytest.mark.parametrize("pins", [{}, {"error_shape": "nested"}])
def test_an_error_has_a_code_and_a_message(body, pointer, pins):
    assert found("createTask", 409, body, **pins) == [("NC311", "error", pointer)]


SHAPES = {
    "nested": ({"error": {"errorCode": "10102", "message": "x", "details": None}}, "/error"),
    "flat": ({"code": "10102", "message": "x"}, ""),
    "nested-code": ({"error": {"code": "10102", "message": "x"}}, "/error"),
    "flat-error-code": ({"errorCode": "10102", "message": "x"}, ""),
    "flat-msg": ({"code": "10102", "msg": "x", "data": None}, ""),
    "response-error": ({"responseError": {"returnCode": "10102", "returnMessage": "x"}}, "/responseError"),
    "status-object": ({"status": {"code": "10102", "message": "x"}}, "/status"),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("pinned", SHAPES)
def test_each_shape_of_an_error_is_right_under_its_option_and_wrong_under_the_others(shape, pinned):
    body, pointer = SHAPES[shape]
    assert found("createTask", 409, body, error_shape=pinned) == ([] if shape == pinned else [("NC311", "error", pointer)])


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape != "nested"])
def test_another_shape_of_an_error_suggests_its_pin(shape):
    (finding,) = policy("createTask", 409, SHAPES[shape][0]).findings
    assert (finding.reading, finding.pin) == ("error-shape", f"error-shape={shape}")


@pytest.mark.parametrize("shape", SHAPES)
def test_in_each_shape_the_code_is_compared_and_the_message_must_be_there(shape):
    text = json.dumps(SHAPES[shape][0])
    pin = {"error_shape": shape}
    assert found("createTask", 409, json.loads(text.replace("10102", "10104")), **pin) == [("NC312", "error", "")]
    assert [rule for rule, _, _ in found("createTask", 409, json.loads(text.replace('"x"', "1")), **pin)] == ["NC305"]
    missing = json.loads(text.replace('"message"', '"m"').replace('"msg"', '"m"').replace('"returnMessage"', '"m"'))
    assert [rule for rule, _, _ in found("createTask", 409, missing, **pin)] == ["NC311"]


def test_the_message_on_another_structure():
    def words(body):
        return policy("createTask", 409, body).findings[0].message.partition(" (")[0]

    assert words({}) == "the error has no errorCode"
    assert words({"error": {"errorCode": "10102"}}) == "the error has no message"
    assert words({"error": {"code": "10102", "message": "x"}}) == "the error has code instead of errorCode"
    assert words({"code": "10102", "message": "x"}) == "the error has its code at the top, not in an object error"
    assert words(SHAPES["response-error"][0]) == "the error has its returnCode in an object responseError, not in an object error"
    (finding,) = policy("createTask", 409, SHAPES["flat-msg"][0], error_shape="flat").findings
    assert finding.message.startswith("the error has msg instead of message")


def test_a_code_can_be_a_string_or_an_integer_and_a_reading_decides():
    assert found("createTask", 409, error(10102)) == [("NC305", "error", "/error/errorCode")]
    (finding,) = policy("createTask", 409, error(10102)).findings
    assert (finding.pin, str(finding.certainty)) == ("error-code-type=integer", "contested")
    assert found("createTask", 409, error(10102), error_code_type="integer") == []
    assert found("createTask", 409, error("10102"), error_code_type="integer") == [("NC305", "error", "/error/errorCode")]
    assert found("createTask", 409, error("10102"), error_code_type="string") == []
    assert found("createTask", 409, error(10102), error_code_type="string") == [("NC305", "error", "/error/errorCode")]


def test_an_integer_is_compared_with_the_table_too():
    assert found("createTask", 409, error(10104), error_code_type="integer") == [("NC312", "error", "")]
    assert found("createTask", 404, error(10**300), error_code_type="integer") == []


@pytest.mark.parametrize("code", [True, 10102.0, [], {}])
@pytest.mark.parametrize(("option", "expected"), [("string", "a string"), ("integer", "an integer")])
def test_another_type_is_never_a_code(code, option, expected):
    (finding,) = policy("createTask", 409, error(code), error_code_type=option).findings
    assert (finding.rule, finding.pointer) == ("NC305", "/error/errorCode")
    assert finding.message.endswith(f", not {expected}")


@pytest.mark.parametrize("pins", [{}, {"error_code_type": "integer"}])
def test_a_code_can_be_null_only_where_the_pages_name_none_for_some_errors(pins):
    assert {status for status in TABLE if not found("createTask", status, error(None), **pins)} == {400, 404, 409, 422}
    assert found("createTask", 401, error(None), **pins) == [("NC305", "error", "/error/errorCode")]


@pytest.mark.parametrize("message", [None, 1, ["x"], {}])
def test_a_message_is_text(message):
    assert found("createTask", 409, error("10102", message=message)) == [("NC305", "error", "/error/message")]
    assert found("createTask", 409, {"code": "10102", "message": message}, error_shape="flat") == [("NC305", "error", "/message")]


def test_details_may_be_there():
    assert found("createTask", 409, error("10102", details="more")) == found("createTask", 409, error("10102", details=None)) == []


# -- NC313: whether the response fits the request ----------------------------------------------------------------------------------------

PLAIN = PAGE_REQUEST | {"train_bucket": "answers"}  # without the placeholder, which Object Storage would not take
LONG = PAGE_REQUEST | {"name": "x" * 101}
TILDE = PAGE_REQUEST | {"train_file_path": "data~1.csv"}
TILDE_TEST = WITH_TEST | {"test_file_path": "data~1.csv"}
BROKEN = PLAIN | {"train_file_path": "data~1.csv"}
EQUALS = PAGE_REQUEST | {"train_file_path": "dt=2025/a.csv"}
HANGUL = PAGE_REQUEST | {"train_file_path": "데이터.csv"}
NAMELESS = without(PAGE_REQUEST, "name")
PATHLESS = without(PAGE_REQUEST, "train_file_path")
EMPTY_NAME = PAGE_REQUEST | {"name": ""}
WRONG_TYPE = PAGE_REQUEST | {"train_file_path": 5}
EMPTY_PATH = PAGE_REQUEST | {"train_file_path": ""}


def rejected(request, status, code, **pins):
    return found("createTask", status, error(code), request, **pins)


def accepted(request, **pins):
    """Return the findings that compare the status with the request, for an accepted request; the echo is correct as far as it can be."""
    body = CREATED | {"task_name" if name == "name" else name: value for name, value in request.items()}
    if "test_feature_id" in request:
        body["test_feature_name"] = "purchases"
    return [finding for finding in found("createTask", 200, body, request, **pins) if finding[0] == "NC313"]


MISFIT = [("NC313", "error", "")]
DOUBT = [("NC313", "warning", "")]


@pytest.mark.parametrize(
    "request_", [LONG, TILDE, TILDE_TEST, NAMELESS, PATHLESS, EMPTY_NAME, WRONG_TYPE, PAGE_REQUEST | {"train_file_path": "é"}]
)
def test_a_request_that_breaks_a_rule_must_not_be_accepted(request_):
    assert accepted(request_) == MISFIT


@pytest.mark.parametrize(
    "request_", [PAGE_REQUEST, WITH_TEST, HANGUL, EMPTY_PATH, PAGE_REQUEST | {"name": "x" * 100}, PAGE_REQUEST | {"more": "x"}]
)
def test_a_request_that_only_another_reading_rejects_may_be_accepted(request_):
    assert accepted(request_) == []


def test_taking_what_the_pages_dispute_is_a_doubt_until_it_is_pinned():
    assert accepted(EQUALS) == DOUBT
    (finding,) = policy("createTask", 200, CREATED | {"train_file_path": "dt=2025/a.csv"}, EQUALS).findings
    assert finding.message.endswith("(contested: allowed under path-characters=page-2025)")
    assert accepted(EQUALS, path_characters="page-2024") == MISFIT
    assert accepted(EQUALS, path_characters="page-2025") == []
    assert accepted(EQUALS | {"name": ""}) == MISFIT
    assert accepted(HANGUL, path_high_codes="utf8-bytes") == MISFIT
    assert accepted(EMPTY_PATH, path_empty="refused") == MISFIT
    assert accepted(PAGE_REQUEST | {"name": "x" * 100}, name_edge="99") == MISFIT


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (LONG, "10101"),
        (TILDE, "10104"),
        (TILDE_TEST, "10105"),
        (EQUALS, "10104"),
        (HANGUL, "10104"),
        (PAGE_REQUEST | {"train_file_path": "a b"}, "10104"),
        (PAGE_REQUEST | {"name": "x" * 100}, "10101"),
        (PAGE_REQUEST | {"name": "😀" * 51}, "10101"),
        (LONG | {"train_file_path": "~"}, "10101"),
        (LONG | {"train_file_path": "~"}, "10104"),
        (TILDE_TEST | {"train_file_path": "~"}, "10104"),
        (TILDE_TEST | {"train_file_path": "~"}, "10105"),
    ],
)
def test_a_rejection_with_the_code_of_the_rule_fits(request_, code):
    assert rejected(request_, 422, code) == []


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (LONG, "10104"),
        (LONG, "10105"),
        (TILDE, "10101"),
        (TILDE, "10105"),
        (TILDE_TEST, "10104"),
        (HANGUL, "10101"),
        (PAGE_REQUEST, "10101"),
        (PAGE_REQUEST, "10104"),
        (WITH_TEST, "10105"),
        (WITH_TEST | {"train_file_path": ""}, "10105"),  # there is a warning about the other path
        (WITH_TEST | {"test_file_path": ""}, "10104"),
        (PAGE_REQUEST | {"name": "x" * 99}, "10101"),
    ],
)
def test_a_rejection_with_the_code_of_another_rule_is_a_misfit(request_, code):
    assert rejected(request_, 422, code) == MISFIT


def test_a_misfit_is_reported_with_what_was_expected():
    def words(request, answer):
        return policy("createTask", answer, error("10101"), request).findings[-1].message

    assert (
        words(PLAIN, 422) == "the request keeps every rule with this error code, but the response is 422 with code 10101; expected: success"
    )
    assert words(TILDE_TEST, 422) == "the request breaks NC120, but the response is 422 with code 10101; expected: 422 with code 10105"
    both = TILDE_TEST | {"train_file_path": "~"}
    assert (
        words(both, 422)
        == "the request breaks NC120, but the response is 422 with code 10101; expected: 422 with code 10104 or 422 with code 10105"
    )
    (finding,) = policy(
        "createTask", 200, CREATED | {"task_name": "", "train_file_path": "~"}, EMPTY_NAME | {"train_file_path": "~"}
    ).findings
    assert (
        finding.message
        == "the request breaks NC110, NC120, but the response is 200; expected: 400 or 404 or 409 or 422 or 422 with code 10104"
    )


def test_a_pinned_reading_is_validated():
    assert rejected(EQUALS, 422, "10104", path_characters="page-2025") == MISFIT
    assert rejected(HANGUL, 422, "10104", path_high_codes="code-points") == MISFIT
    assert rejected(PAGE_REQUEST | {"name": "x" * 100}, 422, "10101", name_edge="100") == MISFIT


@pytest.mark.parametrize("request_", [NAMELESS, PATHLESS, EMPTY_NAME, WRONG_TYPE, PAGE_REQUEST | {"test_file_path": 5}, [], "x", b"{", 5])
@pytest.mark.parametrize(("status", "code"), [(400, "100"), (404, "300"), (409, "10102"), (422, "10101"), (422, "10104"), (422, "10109")])
def test_where_the_pages_name_no_code_every_client_error_fits(request_, status, code):
    assert rejected(request_, status, code) == []


def test_an_empty_path_may_be_rejected_with_any_code_because_the_pages_name_none():
    assert rejected(EMPTY_PATH, 422, "10104") == rejected(EMPTY_PATH, 422, "10103") == []
    assert rejected(EMPTY_PATH, 422, "10101") == MISFIT
    assert rejected(EMPTY_PATH, 422, "10104", path_empty="allowed") == MISFIT


@pytest.mark.parametrize("request_", [PAGE_REQUEST, WITH_TEST, EQUALS, HANGUL])
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (status, code)
        for status, codes in TABLE.items()
        for code in codes
        if code not in {"10101", "10103", "10104", "10105"}  # these are about the payload itself
    ],
)
def test_what_a_payload_cannot_show_is_never_a_misfit(request_, status, code):
    assert [finding for finding in rejected(request_, status, code) if finding[1] == "error"] == []


@pytest.mark.parametrize(
    ("status", "code"), [(401, "10100"), (401, "200"), (403, "230"), (413, "430"), (429, "410"), (500, "900"), (503, "500"), (504, "510")]
)
def test_a_rejection_before_the_rules_are_checked_is_not_reported(status, code):
    assert rejected(TILDE, status, code) == []


@pytest.mark.parametrize(("status", "code"), [(409, "10102"), (404, "300"), (422, "10103"), (422, "10109"), (400, "100")])
def test_another_rejection_of_an_invalid_request_is_undecided_since_the_order_of_checks_is_not_documented(status, code):
    assert rejected(BROKEN, status, code) == DOUBT
    (finding,) = policy("createTask", status, error(code), BROKEN).findings
    assert finding.message == (
        f"the request breaks NC120, but the response is {status} with code {code}; expected: 422 with code 10104"
        " (undecided: the pages do not state in which order a request is checked)"
    )


def test_a_bucket_of_unusual_form_may_be_why_an_invalid_request_was_rejected():
    assert rejected(TILDE, 404, "300") == []
    assert rejected(TILDE, 422, "10101") == MISFIT


@pytest.mark.parametrize("code", ["10106", "10107", "10108"])
def test_a_missing_file_may_be_noticed_before_its_path_until_that_is_pinned(code):
    assert rejected(BROKEN, 404, code) == []
    assert rejected(BROKEN, 404, code, check_order="rules-first") == MISFIT
    assert rejected(PLAIN, 404, code, check_order="rules-first") == []


def test_with_the_file_looked_for_first_its_codes_are_those_of_the_field():
    assert rejected(BROKEN, 404, "10107", check_order="existence-first") == []
    assert rejected(BROKEN, 404, "10106", check_order="existence-first") == []
    assert rejected(BROKEN, 422, "10104", check_order="existence-first") == []
    assert rejected(BROKEN, 422, "10105", check_order="existence-first") == MISFIT


def test_a_response_without_a_code_has_no_second_finding():
    assert found("createTask", 422, {"error": {}}, BROKEN) == [("NC311", "error", "/error")]
    assert found("createTask", 422, b"", BROKEN) == [("NC001", "error", "")]


def test_a_response_with_the_code_null_fits_where_no_code_is_documented():
    assert found("createTask", 422, error(None), NAMELESS) == found("createTask", 422, error(None), PAGE_REQUEST) == []
    assert found("createTask", 422, error(None), BROKEN) == DOUBT
    assert found("createTask", 401, error(None), BROKEN) == [("NC305", "error", "/error/errorCode")]


def test_the_expected_code_under_another_status_is_a_finding_about_the_status():
    assert rejected(BROKEN, 400, "10104") == [("NC312", "error", ""), *DOUBT]


def test_an_undocumented_success_has_only_a_finding_about_its_status():
    assert found("createTask", 203, CREATED, TILDE) == [("NC301", "error", "")]


def test_without_a_request_and_for_other_operations_nothing_is_compared():
    assert found("createTask", 422, error("10104")) == []
    assert found("listTasks", 422, error("10110"), TILDE) == [("NC312", "warning", "")]


def test_unusual_json_is_undecided_so_every_response_fits():
    twice = json.dumps(PAGE_REQUEST).replace("{", '{"name": "x", ', 1).encode()
    assert found("createTask", 200, CREATED, twice) == []
    assert rejected(twice, 400, "100") == []


def test_a_strict_validator_makes_no_error_of_a_warning_about_the_request():
    strict = Validator(strict=True)
    body = json.dumps(CREATED | {"train_file_path": "데이터.csv"}).encode()
    assert strict.validate_response("createTask", 200, JSON, body, HANGUL).findings == ()


# -- NC500 to NC502: paging --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        ({"index": 1}, "index"),
        ({"limit": 21}, "limit"),
        ({"limit": "19"}, "limit"),
        ("limit=19", "limit"),
        ({"index": ["5"]}, "index"),
    ],
)
def test_index_and_limit_are_returned(request_, name):
    assert found("listTasks", 200, LIST, request_) == [("NC500", "error", f"/{name}")]


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("index=01", 1),
        ("index=" + "0" * 18 + "1", 1),
        ("index=" + "0" * 290 + "1", 1),
        ("index=-0", 0),
        ("index=0100000000000000000000", 10**20),
        ("limit=0020&index=007", 7),
        ("index=100000000000000000000", 10**20),
        ({"index": 2**63}, 2**63),
        ({"index": 2**64}, 5),  # not compared, since such a number cannot be meant
    ],
)
def test_another_text_for_the_same_number_is_returned(query, index):
    assert found("listTasks", 200, LIST | {"index": index}, query) == []


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("index=01", 0),
        ("index=" + "0" * 18 + "1", 2),
        ("index=1000000000000000000", 1),
        ("index=100000000000000000000", 10**20 + 1),
        ("index=0100000000000000000000", 10**20 + 1),
        ({"index": 2**63}, 5),
    ],
)
def test_a_text_for_another_number_is_not(query, index):
    assert found("listTasks", 200, LIST | {"index": index}, query) == [("NC500", "error", "/index")]


def test_a_text_that_is_no_number_should_not_have_been_accepted():
    for text in ("abc", "1.5", "0x1", "1" * 301):
        assert found("listTasks", 200, LIST, f"index={text}") == [("NC505", "error", "/index")]


def test_the_defaults_are_returned_without_a_query():
    assert found("listTasks", 200, LIST | {"index": 1, "limit": 10}, {}) == [("NC500", "error", "/index"), ("NC500", "error", "/limit")]
    assert found("listTasks", 200, LIST | {"index": 1, "limit": 10}) == []


@pytest.mark.parametrize("value", [10**5000, 0.5, True, object(), [], [1, 2], {}, b"1"], ids=lambda value: type(value).__name__)
def test_an_ambiguous_query_is_not_compared(value):
    assert found("listTasks", 200, LIST, {"index": value, "limit": value}) == []


def test_a_page_has_at_most_as_many_tasks_as_its_limit():
    assert found("listTasks", 200, LIST | {"limit": 2, "total": 2, "tasks": [ITEM] * 2}) == []
    assert found("listTasks", 200, LIST | {"limit": 2, "total": 3, "tasks": [ITEM] * 3}) == [("NC501", "error", "/tasks")]


def test_a_total_is_not_less_than_what_is_there():
    assert found("listTasks", 200, LIST | {"total": 0, "tasks": []}) == []
    assert found("listTasks", 200, LIST | {"total": 0}) == [("NC502", "error", "/total")]
    assert found("listTasks", 200, LIST | {"total": 0}, list_total="page") == [("NC502", "error", "/total")]


def test_a_total_counts_all_tasks_or_those_of_the_page_as_pinned():
    assert found("listTasks", 200, LIST | {"total": 500}) == []
    assert found("listTasks", 200, LIST | {"total": 500}, list_total="all") == []
    assert found("listTasks", 200, LIST | {"total": 500}, list_total="page") == [("NC502", "error", "/total")]


# -- properties --------------------------------------------------------------------------------------------------------------------------

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=100)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
PATHS = st.text(st.sampled_from("abcXYZ019/-_.!()") | st.characters(min_codepoint=256, exclude_categories=["Cs"]), min_size=1, max_size=30)
TIMES = st.datetimes().map(lambda moment: moment.isoformat(timespec="seconds") + "+09:00")
REQUESTS = st.fixed_dictionaries(
    {"name": NAMES, "train_feature_id": TEXTS, "train_bucket": TEXTS, "train_file_path": PATHS},
    optional={"test_feature_id": st.none() | TEXTS, "test_bucket": st.none() | TEXTS, "test_file_path": st.none() | PATHS},
)


@st.composite
def exchanges(draw):
    """Draw a valid request, and a conforming response to it."""
    request = draw(REQUESTS)
    test_id = request.get("test_feature_id")
    body = {
        "task_id": draw(TEXTS),
        "task_name": request["name"],
        "created_at": draw(TIMES),
        "train_feature_id": request["train_feature_id"],
        "train_feature_name": draw(TEXTS),
        "train_bucket": request["train_bucket"],
        "train_file_path": request["train_file_path"],
        "test_feature_id": test_id,
        "test_feature_name": None if test_id is None else draw(TEXTS),
        "test_bucket": request.get("test_bucket"),
        "test_file_path": request.get("test_file_path"),
    }
    return request, body


@given(exchanges(), st.booleans(), st.booleans())
def test_a_response_with_the_documented_fields_has_no_finding(exchange, ascii_only, as_bytes):
    """For every valid request: its fields, null for what is missing, an ID, names and a time, as JSON in any spelling, give no finding."""
    request, body = exchange
    content = json.dumps(body, ensure_ascii=ascii_only).encode()
    asked = json.dumps(request).encode() if as_bytes else request
    assert validate_response("createTask", 200, JSON, content, asked).findings == ()


ECHOED = ["task_name", "train_feature_id", "train_bucket", "train_file_path", "test_feature_id", "test_bucket", "test_file_path"]


@given(exchanges(), st.data())
def test_one_changed_field_is_found_at_that_field(exchange, data):
    """Change, remove or add one field of a right response: there is a finding, and all findings are at that field.

    What the server chooses freely (ID, feature names, time) is only changed in type or form.
    """
    request, body = exchange
    name = data.draw(st.sampled_from([*body, "more"]))
    wrong = st.integers() | st.booleans() | st.lists(st.none(), max_size=1)
    if name in ECHOED and body[name] is not None:
        wrong |= st.text(st.characters(exclude_categories=["Cs"])).filter(lambda text: text != body[name])
    if name.startswith("test_"):
        wrong |= TEXTS if body[name] is None else st.none()
    elif name == "created_at":
        wrong |= st.just(body[name][:-6]) | st.just(body[name].replace("T", " ")) | st.none()
    else:
        wrong |= st.none()
    gone = name in body and data.draw(st.booleans())
    changed = without(body, name) if gone else body | {name: data.draw(wrong)}
    report = policy("createTask", 200, changed, request)
    assert {f.pointer for f in report.findings} == {f"/{name}"}
    assert report.ok == (name == "more")


# Every option of every reading that a response shows, and what a server with that reading would send.
OPTIONS = {
    "error-shape": {
        "nested": lambda code: {"error": {"errorCode": code, "message": "m"}},
        "flat": lambda code: {"code": code, "message": "m"},
    },
    "error-code-type": {"string": str, "integer": int},
    "status-word": {"completed": "completed", "complete": "complete"},
    "auroc-type": {"string": "0.5", "number": 0.5},
    "list-total": {"all": 100, "page": 1},
}
CHOICES = st.fixed_dictionaries({name: st.sampled_from(list(options)) for name, options in OPTIONS.items()})
KNOWN = st.sampled_from([(status, code) for status, codes in TABLE.items() for code in codes])


@given(CHOICES, KNOWN, st.booleans())
def test_a_server_that_reads_the_pages_otherwise_gets_no_error_without_a_pin(choices, pair, pinned):
    """For every choice of options: the responses of such a server are clean when they are pinned; unpinned, every error names its pin."""
    pins = choices if pinned else {}
    status, code = pair
    shape, spell = (OPTIONS[name][choices[name]] for name in ("error-shape", "error-code-type"))
    word, auroc, total = (OPTIONS[name][choices[name]] for name in ("status-word", "auroc-type", "list-total"))
    task = DONE | {"status": word, "AUROC": auroc}
    answers = [
        ("createTask", status, shape(spell(code)), None),
        ("getTask", 200, task, TASK_ID),
        ("listTasks", 200, LIST | {"total": total, "tasks": [task]}, {}),
    ]
    for operation, answer, body, request in answers:
        errors = policy(operation, answer, body, request, **pins).errors
        assert all(f.pin is not None and f.pin in {f"{name}={option}" for name, option in choices.items()} for f in errors)
        assert not (pinned and errors)


FORBIDDEN = {
    "page-2024": "&$@=;:+,?*\\{}^%`[]<>~#|\"'",
    "page-2025": "&$@;:+,?*\\{}^%`[]<>~#|\"'",
    "page-2026": " &$@;:+,?*\\{}^%`[]<>~#|\"'",
}
SERVERS = st.fixed_dictionaries(
    {
        "path-characters": st.sampled_from(list(FORBIDDEN)),
        "path-high-codes": st.sampled_from(["code-points", "utf8-bytes"]),
        "path-del": st.sampled_from(["allowed", "forbidden"]),
        "path-empty": st.sampled_from(["allowed", "refused"]),
        "name-unit": st.sampled_from(["code-points", "utf16"]),
        "name-edge": st.sampled_from(["100", "99"]),
        "check-order": st.sampled_from(["rules-first", "existence-first"]),
    }
)
LOOSEST = {
    "path-characters": "page-2025",
    "path-high-codes": "code-points",
    "path-del": "allowed",
    "path-empty": "allowed",
    "name-unit": "code-points",
    "name-edge": "100",
    "check-order": "rules-first",
}
EDGY_PATHS = st.text(st.sampled_from("abc/=~ \x7f\n\u00e9\u0100데😀"), max_size=4)
EDGY_NAMES = st.builds(lambda size, tail: "n" * size + tail, st.integers(96, 101), st.sampled_from(["", "데", "😀", "😀😀"]))


def refuses_path(path, choices):
    codes = {c for c in path if c < " " or "\x80" <= c <= "\xff" or c in FORBIDDEN[choices["path-characters"]]}
    codes |= {c for c in path if c >= "\x80" and choices["path-high-codes"] == "utf8-bytes"}
    return bool(codes) or ("\x7f" in path and choices["path-del"] == "forbidden") or (not path and choices["path-empty"] == "refused")


def answer_of_a_server(request, choices):
    """Status and code of a service with the readings in `choices`; no file exists whose path it would not accept."""
    name = request["name"]
    length = len(name) if choices["name-unit"] == "code-points" else len(name.encode("utf-16-le")) // 2
    if length > 100 - (choices["name-edge"] == "99"):
        return 422, "10101"
    missing = choices["check-order"] == "existence-first"
    if refuses_path(request["train_file_path"], choices):
        return (404, "10107") if missing else (422, "10104")
    if request.get("test_file_path") is not None and refuses_path(request["test_file_path"], choices):
        return (404, "10108") if missing else (422, "10105")
    return 200, None


@given(SERVERS, EDGY_NAMES, EDGY_PATHS, st.none() | EDGY_PATHS, st.booleans())
def test_a_server_with_another_reading_is_not_reported(choices, name, train, test, pinned):
    """For every choice of options and every request: the response of such a server is no error, and no warning when it is pinned."""
    request = PLAIN | {"name": name, "train_file_path": train, "test_file_path": test}
    status, code = answer_of_a_server(request, choices)
    body = (
        error(code) if code else CREATED | {"task_name": name, "train_bucket": "answers", "train_file_path": train, "test_file_path": test}
    )
    report = policy("createTask", status, body, request, **(choices if pinned else {}))
    assert report.errors == ()
    assert not (pinned and report.findings)


@given(SERVERS, EDGY_NAMES, EDGY_PATHS, st.none() | EDGY_PATHS)
def test_a_server_that_accepts_what_every_option_rejects_is_reported(choices, name, train, test):
    """For every request that a server rejects under every reading, a response of 200 is an error, pinned or not."""
    request = PLAIN | {"name": name, "train_file_path": train, "test_file_path": test}
    body = CREATED | {"task_name": name, "train_bucket": "answers", "train_file_path": train, "test_file_path": test}
    always_rejected = answer_of_a_server(request, LOOSEST)[0] != 200
    if always_rejected or answer_of_a_server(request, choices)[0] != 200:
        assert [f.rule for f in policy("createTask", 200, body, request, **choices).errors] == ["NC313"]
    assert bool(policy("createTask", 200, body, request).errors) == always_rejected


# -- anything ----------------------------------------------------------------------------------------------------------------------------


class Hostile(Mapping):
    """A mapping that fails as soon as it is read."""

    def __getitem__(self, name):
        raise RuntimeError

    def __iter__(self):
        raise RuntimeError

    def __len__(self):
        raise RuntimeError


class Number(int):
    def __int__(self):
        raise RuntimeError

    __index__ = __str__ = __repr__ = __eq__ = __hash__ = __int__


class Text(str):
    __slots__ = ()

    def __eq__(self, other):
        raise RuntimeError

    def __hash__(self):
        raise RuntimeError

    __str__ = __repr__ = encode = startswith = __hash__


class Bytes(bytes):
    def __bytes__(self):
        raise RuntimeError

    decode = __iter__ = __getitem__ = startswith = __bytes__


class Impostor:
    @property
    def __class__(self):
        raise RuntimeError


ODD = {
    "mapping": Hostile(),
    "number": Number(200),
    "operation": Text("createTask"),
    "body": Text("{}"),
    "bytes": Bytes(b"{}"),
    "impostor": Impostor(),
    "object": object(),
    "type": type,
    "nan": float("nan"),
    "digits": 10**5000,
}


@pytest.mark.parametrize("name", ODD)
def test_hostile_objects_are_validated_or_named(name):
    odd = ODD[name]
    for position in range(5):
        for operation, body in [("createTask", PAGE_RESPONSE.encode()), ("listTasks", json.dumps(LIST).encode()), ("getTask", b"{}")]:
            arguments = [operation, 200, JSON, body, {}]
            arguments[position] = odd
            report = validate_response(*arguments)
            assert len(str(report)) < 5000


def test_a_hostile_number_or_text_counts_as_what_it_is():
    assert validate_response(Text("createTask"), Number(200), JSON, Text(PAGE_RESPONSE), Text(json.dumps(PAGE_REQUEST))).findings == ()
    assert validate_response("createTask", 200, JSON, Bytes(PAGE_RESPONSE.encode()), PAGE_REQUEST).findings == ()
    assert found("getTask", 200, TASK, Text(TASK_ID)) == []
    assert found("getTask", 200, TASK, Text("other")) == [("NC307", "error", "/task_id")]
    assert found("listTasks", 200, LIST, Text("?limit=5")) == [("NC500", "error", "/limit")]


def test_what_cannot_be_read_is_named_by_its_error():
    (finding,) = validate_response("createTask", 200, JSON, PAGE_RESPONSE.encode(), Hostile()).findings
    assert (finding.rule, finding.message, finding.expects) == ("NC008", "the arguments cannot be read: RuntimeError", ())


KEYS = st.sampled_from([*DONE, *LIST, "name", "error", "errorCode", "code", "message"]) | st.text(max_size=5)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=10)
    | st.sampled_from(["completed", "10104", "2024-11-26T11:48:16Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=15,
)
BODIES = st.binary() | st.text(st.characters()) | VALUES.map(json.dumps) | VALUES.map(lambda value: json.dumps(value).encode()) | VALUES
ANYTHING = VALUES | st.binary() | st.dictionaries(st.integers() | KEYS, VALUES, max_size=4)
OPERATIONS = st.sampled_from(["createTask", "listTasks", "getTask", "deleteTask"]) | ANYTHING
STATUSES = st.sampled_from([200, 400, 404, 409, 422, 500]) | ANYTHING


@given(OPERATIONS, STATUSES, st.just(JSON) | ANYTHING, BODIES, ANYTHING)
def test_nothing_makes_it_raise(operation, status, headers, body, request_):
    """For any five objects there is a report; every finding is formatted in under 1,000 characters, and none lists expected responses."""
    report = validate_response(operation, status, headers, body, request_)
    assert str(report)
    assert report.to_dict()
    assert all(len(f.message) < 1000 for f in report.findings)
    assert report.expects == ()


@settings(max_examples=25)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys({**DONE, **LIST, "error": 0}, VALUES)), OPERATIONS, STATUSES)
def test_a_response_validated_again_has_the_same_findings(body, operation, status):
    """A validator stores nothing of what it has validated: the same exchange has the same report from an old and from a new one."""
    content = json.dumps(body).encode()
    report = validate_response(operation, status, JSON, content, PAGE_REQUEST)
    assert report == Validator().validate_response(operation, status, JSON, content, PAGE_REQUEST)
    if report.ok and operation == "createTask" and status == 200:
        assert body.keys() >= CREATED.keys()


def test_a_field_that_the_page_does_not_know_is_no_part_of_the_echo():
    """A create request may have contained `status` or `created_at`; what getTask returns is not compared with that."""
    task = COMPLETED_TASK
    sent = {name: task[name] for name in ("train_feature_id", "train_bucket", "train_file_path")} | {"name": "churn"}
    request = sent | {"status": "done", "created_at": "now", "task_id": task["task_id"]}
    body = json.dumps(task).encode()
    assert validate_response("getTask", 200, {"content-type": "application/json"}, body, request).findings == ()


@pytest.mark.parametrize("query", ["limit=5&x=?y", "?limit=5&x=?y", "/api/v1/tasks?limit=5&x=?y", "limit=5&limit=20", "limit=05"])
def test_a_query_may_hold_a_question_mark_and_repeat_itself(query):
    body = json.dumps({"index": 0, "limit": 5, "total": 0, "tasks": []}).encode()
    assert validate_response("listTasks", 200, {"content-type": "application/json"}, body, query).findings == ()


@pytest.mark.parametrize(
    "start", ["", "?", "/api/v1/tasks?", "http://127.0.0.1/api/v1/tasks?", "https://nclue.apigw.ntruss.com/api/v1/tasks?"]
)
def test_a_query_is_read_from_a_target_or_a_url_as_well(start):
    body = json.dumps({"index": 0, "limit": 5, "total": 0, "tasks": []}).encode()
    report = validate_response("listTasks", 200, {"content-type": "application/json"}, body, f"{start}limit=6")
    assert [finding.pointer for finding in report.findings] == ["/limit"]
