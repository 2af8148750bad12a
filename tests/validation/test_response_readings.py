"""What the readings about successes, ranges and absent fields change in the validation of a response; every value is typed by hand."""

import json

import pytest

from nclue_contract import Validator
from tests.support.payloads import COMPLETED_TASK, PAGE_REQUEST, PAGE_RESPONSE, TEST_FIELDS

JSON = {"content-type": "application/json"}
CREATED = json.loads(PAGE_RESPONSE)
TASK_ID = CREATED["task_id"]
ITEM = CREATED | {"status": "registered", "completed_at": None}
REGISTERED = ITEM | {"AUROC": None, "line_count": None, "disk_usage": None, "fail_message": None}
DELETED = {"task_id": TASK_ID}


def findings(operation, status, body, request=None, headers=JSON, **pins):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    validator = Validator({name.replace("_", "-"): option for name, option in pins.items()})
    return validator.validate_response(operation, status, headers, content, request).findings


def found(*args, **pins):
    return [(finding.rule, finding.pointer) for finding in findings(*args, **pins)]


def listing(*items, **values):
    return {"index": 0, "limit": 20, "total": len(items), "tasks": list(items)} | values


def present(task):
    return {name: value for name, value in task.items() if value is not None}


# -- success-status ---------------------------------------------------------------------------------------------------------------------

SUCCESSES = {"createTask": CREATED, "getTask": REGISTERED, "listTasks": listing(ITEM), "deleteTask": DELETED}


@pytest.mark.parametrize("operation", SUCCESSES)
@pytest.mark.parametrize("status", [201, 202])
def test_201_and_202_are_successes_of_the_platform(operation, status):
    body = SUCCESSES[operation]
    assert found(operation, status, body, success_status="gateway") == []
    assert found(operation, status, body, success_status="200") == [("NC301", "")]
    (finding,) = findings(operation, status, body)
    assert (finding.rule, finding.severity, finding.certainty) == ("NC301", "error", "undecided")
    assert (finding.reading, finding.pin) == ("success-status", "success-status=gateway")


@pytest.mark.parametrize("operation", SUCCESSES)
@pytest.mark.parametrize("option", ["200", "gateway"])
def test_200_is_a_success_under_both_options_without_a_warning(operation, option):
    assert found(operation, 200, SUCCESSES[operation], success_status=option) == found(operation, 200, SUCCESSES[operation]) == []


def codes_of_204(body):
    report = Validator({"success-status": "gateway"}).validate_response("deleteTask", 204, {}, body, TASK_ID)
    return [finding.rule for finding in report.findings]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, bytes.decode])
def test_a_204_has_no_body_of_any_type(kind):
    assert codes_of_204(kind(b"")) == []
    assert "NC303" in codes_of_204(kind(b"[]"))


@pytest.mark.parametrize("value", [None, 0, [], {}])
def test_a_value_is_no_missing_body(value):
    assert codes_of_204(value) != []


def test_204_is_a_success_of_a_deletion_only_and_has_no_body():
    assert found("deleteTask", 204, b"", TASK_ID, {}, success_status="gateway") == []
    assert found("deleteTask", 204, b"", TASK_ID, {}) == [("NC301", "")]
    for operation in ("createTask", "getTask", "listTasks"):
        assert ("NC301", "") in found(operation, 204, b"", None, {}, success_status="gateway")


def test_the_fields_of_another_success_are_checked_as_well():
    assert found("createTask", 201, CREATED | {"task_id": 1}, success_status="gateway") == [("NC305", "/task_id")]
    assert found("createTask", 201, CREATED, PAGE_REQUEST | {"name": "other"}, success_status="gateway") == [("NC307", "/task_name")]
    bad = PAGE_REQUEST | {"train_file_path": "a~b"}
    assert ("NC313", "") in found("createTask", 201, CREATED | {"train_file_path": "a~b"}, bad, success_status="gateway")


@pytest.mark.parametrize("status", [203, 206, 299, 302])
def test_other_statuses_are_documented_by_no_page(status):
    for pins in ({}, {"success_status": "gateway"}):
        assert [f.certainty for f in findings("getTask", status, REGISTERED, **pins) if f.rule == "NC301"] == ["documented"]


# -- query-range ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "echo"),
    [
        ("limit=0", {"limit": 1}),
        ("limit=0", {"limit": 20}),
        ("limit=101", {"limit": 100}),
        ("limit=500", {"limit": 20}),
        ("index=-1", {"index": 0}),
        ("limit=x", {"limit": 20}),
        ("limit=5x", {"limit": 5}),
    ],
)
def test_a_value_out_of_range_may_be_replaced_where_that_is_the_reading(query, echo):
    name = next(iter(echo))
    assert found("listTasks", 200, listing(**echo), query, query_range="clamped") == []
    assert found("listTasks", 200, listing(**echo), query, query_range="refused") == [("NC505", f"/{name}")]
    (finding,) = findings("listTasks", 200, listing(**echo), query)
    assert (finding.severity, finding.certainty, finding.pin) == ("error", "undecided", "query-range=clamped")


@pytest.mark.parametrize(("query", "echo"), [("limit=0", {"limit": 7}), ("limit=101", {"limit": 99}), ("index=-1", {"index": 3})])
def test_no_other_value_replaces_it(query, echo):
    assert found("listTasks", 200, listing(**echo), query, query_range="clamped") == [("NC500", f"/{next(iter(echo))}")]


@pytest.mark.parametrize("query", ["limit=1", "limit=100", "index=0", "index=99999"])
def test_the_reading_says_nothing_about_values_in_their_range(query):
    name, _, value = query.partition("=")
    for option in ("refused", "clamped"):
        assert found("listTasks", 200, listing(**{name: int(value)}), query, query_range=option) == []
        assert found("listTasks", 200, listing(**{name: 50}), query, query_range=option) == [("NC500", f"/{name}")]


# -- absent-fields ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, value in REGISTERED.items() if value is None])
def test_a_field_of_a_task_without_a_value_is_null_or_absent(name):
    absent = {key: value for key, value in REGISTERED.items() if key != name}
    assert found("getTask", 200, absent) == [("NC304", f"/{name}")]
    (finding,) = findings("getTask", 200, absent)
    assert (finding.certainty, finding.pin) == ("undecided", "absent-fields=absent")
    assert found("getTask", 200, present(REGISTERED) | {name: None}, absent_fields="absent") == [("NC305", f"/{name}")]
    assert found("getTask", 200, present(REGISTERED), absent_fields="absent") == []


@pytest.mark.parametrize("name", [name for name, value in ITEM.items() if value is None])
def test_a_field_of_an_item_without_a_value_is_null_or_absent(name):
    absent = {key: value for key, value in ITEM.items() if key != name}
    assert found("listTasks", 200, listing(absent)) == [("NC304", f"/tasks/0/{name}")]
    assert found("listTasks", 200, listing(present(ITEM)), absent_fields="absent") == []
    assert found("listTasks", 200, listing(present(ITEM) | {name: None}), absent_fields="absent") == [("NC305", f"/tasks/0/{name}")]


@pytest.mark.parametrize("name", [name for name, value in ITEM.items() if value is not None])
def test_a_field_that_always_has_a_value_is_documented(name):
    absent = {key: value for key, value in present(ITEM).items() if key != name}
    for pins in ({}, {"absent_fields": "absent"}):
        given = present(ITEM) if pins else ITEM
        body = listing({key: value for key, value in given.items() if key != name})
        assert [(f.rule, f.pointer, f.certainty) for f in findings("listTasks", 200, body, **pins)] == [
            ("NC304", f"/tasks/0/{name}", "documented")
        ]
    assert name not in absent


@pytest.mark.parametrize("option", ["null", "absent"])
def test_in_a_response_of_create_task_a_field_without_a_value_is_null(option):
    assert found("createTask", 200, CREATED, PAGE_REQUEST, absent_fields=option) == []
    missing = {f.pointer for f in findings("createTask", 200, present(CREATED), absent_fields=option)}
    assert missing == {"/test_feature_id", "/test_feature_name", "/test_bucket", "/test_file_path"}
    assert {f.certainty for f in findings("createTask", 200, present(CREATED), absent_fields=option)} == {"documented"}


def test_what_the_request_had_is_not_absent():
    request = {"task_id": TASK_ID} | PAGE_REQUEST | TEST_FIELDS
    expected = [("NC304", f"/{name}") for name in ("test_feature_id", "test_feature_name", "test_bucket", "test_file_path")]
    assert found("getTask", 200, present(REGISTERED), request, absent_fields="absent") == expected
    assert found("getTask", 200, present(REGISTERED), {"task_id": TASK_ID}, absent_fields="absent") == []
    assert found("getTask", 200, present(REGISTERED), {"task_id": TASK_ID} | PAGE_REQUEST, absent_fields="absent") == []
    assert found("getTask", 200, present(REGISTERED), {"test_bucket": "b"}, absent_fields="absent") == [("NC304", "/test_bucket")]
    shown = present(REGISTERED) | TEST_FIELDS | {"test_feature_name": "answers"}
    assert found("getTask", 200, shown, request, absent_fields="absent") == []


@pytest.mark.parametrize("name", ["completed_at", "AUROC"])
def test_what_a_completed_task_has_is_not_absent(name):
    done = present(COMPLETED_TASK)
    assert found("getTask", 200, done, absent_fields="absent") == []
    assert found("getTask", 200, {key: value for key, value in done.items() if key != name}, absent_fields="absent") == [
        ("NC314", f"/{name}")
    ]


# -- certainty --------------------------------------------------------------------------------------------------------------------------


def test_the_content_type_is_documented_for_errors_only():
    error = {"error": {"errorCode": "10102", "message": "x"}}
    text = {"content-type": "text/plain"}
    assert [(f.rule, f.certainty) for f in findings("createTask", 409, error, None, text)] == [("NC302", "documented")]
    assert [(f.rule, f.certainty) for f in findings("createTask", 200, CREATED, None, text)] == [("NC302", "undecided")]


def test_whether_a_test_field_is_null_is_documented_for_create_task_only():
    (create,) = findings("createTask", 200, CREATED | {"test_bucket": "b"}, PAGE_REQUEST)
    (get,) = findings("getTask", 200, REGISTERED | {"test_bucket": "b"}, PAGE_REQUEST)
    assert (create.rule, create.certainty, get.rule, get.certainty) == ("NC306", "documented", "NC306", "undecided")


def test_a_code_is_not_judged_where_no_page_names_one():
    body = json.dumps({"error": {"errorCode": "NAME_REQUIRED", "message": "x"}}).encode()
    for strict in (False, True):
        report = Validator(strict=strict).validate_response("createTask", 400, JSON, body, None)
        assert [(f.rule, f.severity) for f in report.findings] == [("NC312", "warning")]
