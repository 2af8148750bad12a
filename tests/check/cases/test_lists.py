"""Lists: an order that changes, too few tasks, and servers that show at most so many."""

import json
import random
from dataclasses import replace

import pytest

from nclue_contract.check.requests import create_request
from nclue_contract.check.results import State
from nclue_contract.check.sender import Limits
from tests.support.scripted_transport import Scripted, run

LIMITS = Limits(clean_up=False)


class Listing(Scripted):
    """A server whose lists are changed on the way."""

    def __init__(self, change, **server):
        super().__init__(**server)
        self._change = change

    def _one(self, request):
        exchange = super()._one(request)
        if request.operation != "listTasks" or exchange.status != 200:
            return exchange
        body = dict(exchange.fields)
        self._change(body, len(self.sent))
        return replace(exchange, body=json.dumps(body).encode())


def shuffled(body, number):
    random.Random(number).shuffle(body["tasks"])  # not for secrets


def shuffled_by_others(body, number):
    shuffled(body, number)
    if body["tasks"]:
        body["tasks"][0] = body["tasks"][0] | {"task_id": f"other {number}", "task_name": f"other {number}"}


def outcome(result, case):
    return result.outcomes[case].state, result.outcomes[case].reason


@pytest.mark.parametrize("only", [("NC503",), ("NC503", "NC504")])
def test_an_order_that_changes_is_a_failure(only):
    result, _ = run(only=only, limits=LIMITS, transport=Listing(shuffled))
    assert ("list[windows]", "NC503") in {(failure.case, failure.rule) for failure in result.failures}


def test_an_order_that_changes_while_others_are_at_work_is_inconclusive():
    result, _ = run(only=("NC503",), limits=LIMITS, transport=Listing(shuffled_by_others))
    reason = "the list changed while its pages were compared: tasks that are not of this run appeared or disappeared"
    assert outcome(result, "list[windows]") == (State.INCONCLUSIVE, reason)


def test_the_tasks_that_are_needed_are_created():
    result, transport = run(only=("NC503", "NC504"), limits=LIMITS)
    assert {one.state for one in result.outcomes.values()} == {State.PASSED}
    assert len(transport.posts) > 100


@pytest.mark.parametrize("most", [2, 5])
def test_windows_without_tasks_prove_nothing(most):
    result, transport = run(only=("NC503",), limits=Limits(create_requests=most, clean_up=False))
    state, reason = outcome(result, "list[windows]")
    assert (state, len(transport.posts)) == (State.INCONCLUSIVE, most)
    assert reason == f"there are only {most} tasks in the list, and 9 are needed to compare pages, and no more may be created"


def test_an_empty_list_is_no_pass():
    def emptied(body, _):
        body["tasks"], body["total"] = [], 0

    result, _ = run(only=("NC402",), limits=LIMITS, transport=Listing(emptied))
    assert outcome(result, "gone[in the list]") == (State.INCONCLUSIVE, "the list showed no task after the deletion")


@pytest.mark.parametrize("most", [10, 20, 50])
def test_a_server_that_shows_at_most_so_many_tasks_is_noticed(most):
    def capped(body, _):
        body["tasks"] = body["tasks"][:most]
        body["total"] = min(most, body["total"])

    result, _ = run(only=("NC504",), limits=LIMITS, transport=Listing(capped))
    assert ("list[every task once]", "NC504") in {(failure.case, failure.rule) for failure in result.failures}


def test_a_page_that_is_cut_short_is_noticed_although_every_task_of_the_run_is_on_it():
    transport = Scripted(faults=["list-capped:50"], progress="manual")
    payload = dict.fromkeys(["train_feature_id", "train_bucket", "train_file_path"], "x")
    for number in range(300):
        transport.send(create_request({"name": f"old {number}"} | payload))
    result, _ = run(only=("NC504",), limits=Limits(create_requests=3, clean_up=False), transport=transport)
    assert ("list[every task once]", "NC504") in {(failure.case, failure.rule) for failure in result.failures}
