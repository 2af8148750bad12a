"""A request for a method or URL that the tasks API does not have: what the finding says, and which URL it suggests."""

import pytest

from nclue_contract.validation.operation import unknown_operation, without_tls

PATHS = "its paths are /api/v1/tasks and /api/v1/tasks/{task_id}"


@pytest.mark.parametrize(
    ("method", "path", "suggestion"),
    [
        ("GET", "/v1/tasks", "/api/v1/tasks"),
        ("GET", "/tasks", "/api/v1/tasks"),
        ("POST", "/api/v1/task", "/api/v1/tasks"),
        ("GET", "/API/v1/Tasks", "/api/v1/tasks"),
        ("GET", "/api/v1/taks", "/api/v1/tasks"),
        ("GET", "/api/v1/tasks/", "/api/v1/tasks"),
        ("GET", "/api/v1//tasks", "/api/v1/tasks"),
        ("GET", "/api/v1/api/v1/tasks", "/api/v1/tasks"),
        ("get", "/api/v1/task/a%20b", "/api/v1/tasks/a%20b"),
        ("DELETE", "/api/v1/tasks/1/", "/api/v1/tasks/1"),
        ("DELETE", "/v1/tasks", None),  # the list cannot be deleted
        ("POST", "/v1/tasks/1", None),
        ("GET", "/api/v1/tasks/1/status", None),
        ("GET", "/api/v1/models", None),
        ("GET", "/", None),
        ("GET", "*", None),
    ],
)
def test_the_path_that_was_meant_is_suggested_and_no_other(method, path, suggestion):
    finding = unknown_operation(method, path, "/api/v1")
    assert (finding.rule, finding.severity, finding.suggestion) == ("NC300", "error", suggestion)
    assert finding.message == f"{method.upper()} {path} is no operation of the tasks API; {PATHS}"


def test_for_another_method_the_methods_of_the_path_are_named():
    finding = unknown_operation("PUT", "/api/v1/tasks/1", "/api/v1")
    assert finding.message == "PUT /api/v1/tasks/1 is no operation of the tasks API; this path has DELETE and GET"
    assert finding.suggestion is None


def test_a_request_without_tls_is_told_the_url_with_it():
    finding = without_tls("/api/v1/tasks?limit=2")
    assert finding.rule == "NC300"
    assert finding.message == "the request was sent without TLS (http://); the API is at https://nclue.apigw.ntruss.com/api/v1"
    assert finding.suggestion == "https://nclue.apigw.ntruss.com/api/v1/tasks?limit=2"
