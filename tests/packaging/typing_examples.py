"""Examples of typed use of the package. No test runs this file; type checkers read it."""

from typing import Any, assert_type

from nclue_contract import (
    Answer,
    Certainty,
    ContractError,
    Finding,
    Readings,
    Report,
    Severity,
    TaskRequest,
    Validator,
    is_valid_request,
    validate_headers,
    validate_request,
    validate_request_json,
    validate_response,
)
from nclue_contract.pytest_plugin import CallableValidator, Mock, ServerControl

payload: TaskRequest = {"name": "n", "train_feature_id": "i", "train_bucket": "b", "train_file_path": "p"}
payload["test_bucket"] = "t"

report = validate_request(payload)
assert_type(report, Report)
assert_type(report.ok, bool)
assert_type(report.findings, tuple[Finding, ...])
assert_type(report.errors, tuple[Finding, ...])
assert_type(report.expects, tuple[Answer, ...])
assert_type(report.to_dict(), dict[str, Any])

for finding in report.findings:
    assert_type(finding.rule, str)
    assert_type(finding.severity, Severity)
    assert_type(finding.certainty, Certainty)
    assert_type(finding.offset, int | None)
    assert_type(finding.character, str | None)
    assert_type(finding.positions, tuple[int, ...])
    assert_type(finding.suggestion, str | None)

validator = Validator({"path-characters": "page-2025"}, strict=True, ignore=["bucket-name"])
assert_type(validator.validate_request({"name": 1}), Report)
assert_type(validator.validate_request_json(b"{}"), Report)
assert_type(validator.is_valid_request(None), bool)
assert_type(validator.readings, Readings)
assert_type(validator.readings["path-del"], str)

assert_type(validate_request_json("{}"), Report)
assert_type(is_valid_request({}), bool)
assert_type(validate_headers({"x-ncp-apigw-timestamp": "1"}, now_ms=1), Report)
assert_type(validate_response("createTask", 200, {}, b"{}", request=payload), Report)

try:
    report.raise_for_errors()
except ContractError as error:
    assert_type(error.report, Report)

# What must not type-check; mypy reports an ignore that is not needed.
validate_request_json(1)  # type: ignore[arg-type]
Validator(strict="yes")  # type: ignore[arg-type]
report.ok = True  # type: ignore[misc]
wrong: TaskRequest = {"name": "n"}  # type: ignore[typeddict-item]


def test_fixtures(nclue_mock: Mock, nclue_server: ServerControl, nclue_validate: CallableValidator) -> None:
    assert_type(nclue_mock.url, str)
    assert_type(nclue_server.tasks, list[dict[str, Any]])
    assert_type(nclue_server.advance(), int)
    assert_type(nclue_validate({}), Report)
