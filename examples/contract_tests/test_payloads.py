"""Property tests of the client: Hypothesis generates payloads that keep the contract, and payloads that break one of its rules."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nclue_contract.clients import Signer
from nclue_contract.mock import mock
from nclue_contract.signing import EXAMPLE
from nclue_contract.strategies import broken_task_requests, task_requests

from task_client import RejectedError, create_task

HTTP = httpx.Client(auth=Signer(EXAMPLE))
RULES = ["required", "name-empty", "name-length", "path-character"]
# Where the documentation pages contradict each other, these options decide; `nclue-contract explain` lists the questions.
READINGS = {
    "name-edge": "100",
    "name-unit": "code-points",
    "path-characters": "page-2024",
    "path-del": "allowed",
    "path-high-codes": "code-points",
}


@given(payload=task_requests(readings=READINGS))
def test_a_valid_payload_creates_a_task_with_its_values(payload):
    with mock(readings=READINGS) as nclue:
        create_task(HTTP, payload)
    (task,) = nclue.tasks
    assert task["task_name"] == payload["name"]
    assert task["train_file_path"] == payload["train_file_path"]
    assert task["test_file_path"] == payload.get("test_file_path")


@given(broken=st.one_of([broken_task_requests(rule, readings=READINGS) for rule in RULES]))
def test_a_broken_rule_is_reported_with_its_status_and_error_code(broken):
    with mock(readings=READINGS) as nclue, pytest.raises(RejectedError) as caught:
        create_task(HTTP, broken.request)
    assert nclue.tasks == []
    expected = {(answer.status, answer.code) for finding in broken.findings for answer in finding.expects}
    assert (caught.value.status, caught.value.code) in expected
