"""Tests of the client: the requests it sends, and how it handles the responses. Each fixture of nclue-contract is used at least once."""

from pathlib import Path

import pytest

from churn_tasks import TaskError, Tasks, payloads

CSV = (Path(__file__).parent.parent / "tasks.csv").read_text(encoding="utf-8").splitlines()


@pytest.fixture
def tasks(nclue_mock, nclue_credentials):
    with Tasks(nclue_credentials, nclue_mock.url, pause_s=0, polls=10) as tasks:
        yield tasks


def test_every_payload_of_the_file_keeps_the_contract(nclue_validate):
    for payload in payloads(CSV):
        assert nclue_validate(payload).findings == ()


def test_an_empty_column_is_not_sent():
    without_test, with_test = payloads(CSV)
    assert without_test.keys() == {"name", "train_feature_id", "train_bucket", "train_file_path"}
    assert with_test["test_file_path"] == "이탈/2026-11/test.tsv"


@pytest.mark.nclue(progress="reads:1")
def test_a_run_starts_every_task_and_waits_until_it_has_ended(tasks, nclue_mock):
    assert [task["status"] for task in tasks.run(CSV)] == ["completed", "completed"]
    assert [task["train_file_path"] for task in nclue_mock.tasks] == ["churn/dt-2026-10-01/train.tsv", "이탈/2026-11/train-v2.tsv"]
    assert [sent["status"] for sent in nclue_mock.requests] == [200] * 10


@pytest.mark.nclue(progress="manual")
def test_a_task_that_fails_is_deleted(tasks, nclue_mock, nclue_task_request):
    task_id = tasks.create(nclue_task_request)
    for _ in range(3):
        nclue_mock.advance(task_id, fail_message="NUM_OF_LABEL_INSUFFICIENT")
    assert tasks.wait(task_id)["fail_message"] == "NUM_OF_LABEL_INSUFFICIENT"
    tasks.delete(task_id)
    assert nclue_mock.tasks == []


@pytest.mark.nclue(progress="manual")
def test_waiting_for_a_task_ends_after_the_last_poll(tasks, nclue_task_request):
    with pytest.raises(TaskError, match="is still registered after 10 polls"):
        tasks.wait(tasks.create(nclue_task_request))


def test_a_duplicate_name_is_reported(tasks, nclue_task_request):
    tasks.create(nclue_task_request)
    with pytest.raises(TaskError, match="409 DUPLICATE_NAME"):
        tasks.create(nclue_task_request)


@pytest.mark.nclue(allow=["NC120"])
def test_a_rejected_path_is_reported(tasks, nclue_task_request):
    with pytest.raises(TaskError, match="422 INVALID_CHARACTER_IN_TRAIN_PATH"):
        tasks.create(nclue_task_request | {"train_file_path": "a~b.tsv"})


@pytest.mark.parametrize("error", ["RATE_LIMITED", "ENDPOINT_TIMEOUT"])
def test_an_error_of_the_gateway_is_reported(nclue_server, nclue_credentials, nclue_task_request, error):
    nclue_server.fail_next(error=error)
    with Tasks(nclue_credentials, nclue_server.url) as tasks, pytest.raises(TaskError, match="(429|504) "):
        tasks.create(nclue_task_request)
    assert nclue_server.tasks == []


def test_it_runs_against_any_server(nclue_server_url, nclue_credentials):
    """With `--nclue-url`, that is the one you name."""
    with Tasks(nclue_credentials, nclue_server_url, pause_s=0.5, polls=20) as tasks:
        ended = tasks.run(CSV[:2])
        for task in ended:
            tasks.delete(task["task_id"])  # so that the next run finds the names free
    assert [task["status"] for task in ended] == ["completed"]
