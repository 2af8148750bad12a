"""Witnesses of the faults in the responses."""

from tests.service.faults.exchange import ABSENT, PAYLOAD, TEST, post, witness

BAD = post(train_file_path="a~b")

CREATED = {
    "task_id": "00000000-0000-4000-8000-000000000001",
    "created_at": "2025-11-25T01:00:00+09:00",
    "train_feature_name": "feature-0ccc59f9",
    "task_name": "task",
    **PAYLOAD,
    **TEST,
}
"""What the response to the usual create request with test data holds."""

WITNESSES = {
    "status-201": witness("status", 200, 201),
    "status-202": witness("status", 200, 202),
    "errors-with-200": witness("status", 422, 200, BAD),
    "errors-with-500": witness("status", 422, 500, BAD),
    "type-text": witness("header content-type", "application/json", "text/html"),
    "type-missing": witness("header content-type", "application/json", ABSENT),
    "body-wrapped": witness("/task_name", "task", ABSENT),
    "body-array": witness("/task_name", "task", ABSENT),
    "body-empty": witness("/task_name", "task", ABSENT),
    "body-cut": witness("cut", clean=False, faulty=True),
    "body-latin-1": witness("/task_name", "é", ABSENT, post(name="é")),
    "body-bom": witness("first byte", 0x7B, 0xEF),
    "error-without-code": witness("/error/errorCode", "10104", ABSENT, BAD),
    "error-as-text": witness("/error/errorCode", "10104", ABSENT, BAD),
    "error-code-as-name": witness("code", "10104", "INVALID_CHARACTER_IN_TRAIN_PATH", BAD),
    "field-missing": lambda field: witness(f"/{field}", CREATED[field], ABSENT),
    "null-left-out": witness("/test_bucket", None, ABSENT, post()),
    "null-as-empty": witness("/test_bucket", None, "", post()),
    "name-as-sent": witness("/task_name", "task", ABSENT),
}
