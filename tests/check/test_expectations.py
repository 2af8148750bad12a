"""The problems of a response are remembered, and never those of another one."""

import json

import pytest

from nclue_contract.check.expectations import response_problems
from nclue_contract.check.requests import Exchange, list_request
from nclue_contract.contract.readings import Readings

HEADERS = (("content-type", "application/json"),)


def problems(shown, sent):
    body = {"task_id": "t", "task_name": "n", "created_at": "2026-11-26T10:00:00Z", "status": "pending", "train_bucket": shown}
    exchange = Exchange(list_request(), "/tasks/t", 0, 0, 200, HEADERS, json.dumps(body).encode())
    found = response_problems("getTask", exchange, {"task_id": "t", "name": "n", "train_bucket": sent}, Readings.of(None))
    return {finding.pointer for finding in found if finding.rule == "NC307"}


@pytest.mark.parametrize("sent", [["a"], {"a": 1}, 1, True, None, "a"], ids=str)
def test_a_response_is_compared_with_a_payload_of_any_values(sent):
    """A server may have accepted a payload that breaks the rules, with values that no cache can hold."""
    assert problems(sent, sent) == set()


def test_a_response_is_compared_with_each_payload():
    assert [problems("a", sent) for sent in ("a", "b", "a")] == [set(), {"/train_bucket"}, set()]
