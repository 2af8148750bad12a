"""Test cases whose requests are under way at the same moment: the result is that of one connection, only sooner."""

import json
import random
import re
import threading
import time
from contextlib import closing
from dataclasses import replace
from itertools import pairwise

import pytest

from nclue_contract.check import transport_memory
from nclue_contract.check.cases.plan import plan
from nclue_contract.check.requests import list_request
from nclue_contract.check.run import CheckOptions, check
from nclue_contract.check.sender import Limits, RunObserver
from nclue_contract.check.transport_http import HttpTransport
from nclue_contract.contract.hosts import Target
from nclue_contract.contract.readings import Readings
from nclue_contract.signing import EXAMPLE
from tests.second_server.server import SecondServer, serve
from tests.support.plans import short_plan
from tests.support.scripted_transport import Scripted, run
from tests.support.stub_servers import answering, listening, received, response

ALL, SOME = (), ("NC10", "NC11")


def compared(result):
    """Return everything in a result that does not depend on time, or on IDs that the server invents."""

    def failure(one):
        return one.case, one.rule, re.sub("[0-9a-f]{8}-[0-9a-f-]{27}", "ID", one.sentence), one.expected

    return {
        "outcomes": {case: (outcome.state, outcome.reason, outcome.cause) for case, outcome in result.outcomes.items()},
        "failures": [failure(one) for one in result.failures],
        "advisories": [failure(one) for one in result.advisories],
        "readings": dict(result.readings),
        "evidence": dict(result.evidence),
        "end": (result.exit_code, result.stop_reason, result.notes, result.remaining_tasks),
    }


def on(connections, **limits):
    return Limits(connections=connections, **limits)


# -- the same result ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cases", "server"),
    [
        (plan, {"readings": {"path-characters": "page-2026", "name-comparison": "collated", "unknown-field": "refused"}}),
        (short_plan, {}),
        (short_plan, {"progress": "reads:1"}),
        (short_plan, {"faults": ["required-defaulted:train_bucket"]}),
        (short_plan, {"faults": ["refused-name-kept"]}),
        (short_plan, {"faults": ["auth-query-unsigned"]}),
        (short_plan, {"faults": ["auth-signs-url-safe"]}),
    ],
    ids=["other readings", "no fault", "reads:1", "required-defaulted", "refused-name-kept", "auth-query-unsigned", "auth-signs-url-safe"],
)
def test_several_connections_give_the_result_of_one(cases, server):
    alone, _ = run(cases=cases(), limits=on(1), **server)
    result, transport = run(cases=cases(), limits=on(8), **server)
    assert compared(result) == compared(alone)
    assert max(map(len, transport.overlaps)) == 8


def test_what_was_accepted_before_a_similar_value_was_rejected_counts():
    faults = ["path-character-refused:U+0021"]  # then the values of other paths are not sent any more, but some are under way
    alone, result = (compared(run(only=ALL, limits=on(connections), faults=faults)[0]) for connections in (1, 8))
    assert result["evidence"].pop("path-high-codes") == ("echo[Unicode]",)
    assert alone["evidence"].pop("path-high-codes") == ("path[train emoji]",)
    for one in (alone, result):
        one["evidence"].pop("path-characters")
    assert result == alone


def test_a_distant_server_is_checked_in_a_fraction_of_the_time(monkeypatch):
    monkeypatch.setattr(transport_memory, "EXCHANGE_MS", 120)

    class AtOnce(Scripted):
        """The time of one exchange for all that are sent at the same moment."""

        def overlap(self, requests, received, timeout_s=None):
            self._direct.overlap(requests, received, timeout_s)

    seconds = [run(only=ALL, limits=on(connections), transport=AtOnce())[0].seconds for connections in (1, 8)]
    assert seconds[0] > 60
    assert seconds[1] <= 15


def test_what_was_sent_first_is_evaluated_in_the_order_of_the_plan():
    result, _ = run(cases=short_plan(), limits=on(8), readings={"path-characters": "page-2025"})
    order = [case.id for case in plan()]
    assert all(order.index(one) < order.index(other) for cases in result.evidence.values() for one, other in pairwise(cases))


class Irregular(Scripted):
    """A server that takes up to 0.3 s per request, and serves those that are sent at the same moment in any order."""

    def __init__(self, seed, **server):
        super().__init__(**server)
        self._random = random.Random(seed)

    def overlap(self, requests, received, timeout_s=None):  # noqa: ARG002  # the signature of a transport
        self.overlaps.append(requests)
        for place in self._random.sample(range(len(requests)), len(requests)):
            received[place] = self._one(requests[place], place)

    def _one(self, request, place=0):
        self._direct.sleep(self._random.randrange(1, 300) / 1000)
        return super()._one(request, place)


@pytest.mark.parametrize("seed", [0, 1, 3, 4, 5, 6])
def test_a_list_may_have_a_task_whose_create_request_was_sent_at_the_same_moment(seed):
    result, transport = run(cases=short_plan(), limits=on(8), transport=Irregular(seed))
    assert max(map(len, transport.overlaps)) == 8
    assert result.failures == []
    assert result.exit_code == 0


# -- servers that cannot do it ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "trouble",
    [429, 500, 503, "reset", (429, False), (500, True), (503, True), ("reset", True)],
    ids=["429", "500", "503", "reset", "429 again", "500 after it was carried out", "503 after it was carried out", "reset after it"],
)
def test_a_server_that_falls_over_gets_fewer_connections_and_no_failure(trouble):
    alone, _ = run(only=SOME, limits=on(1))
    result, transport = run(lambda turn: trouble if turn.place > 2 else None, only=SOME, limits=on(8))
    assert {case: outcome.state for case, outcome in result.outcomes.items()} == {
        case: outcome.state for case, outcome in alone.outcomes.items()
    }
    assert (result.exit_code, result.failures, result.remaining_tasks, result.notes) == (0, [], (), alone.notes)
    sizes = list(map(len, transport.overlaps))
    assert max(sizes) > 3
    assert max(sizes[sizes.index(max(sizes)) + 2 :]) <= 4
    assert not any(seconds >= 1 for seconds in transport.slept), "the pace of the documented limit is not needed"


def test_a_server_that_always_limits_the_rate_gets_one_connection():
    result, transport = run(lambda turn: 429 if turn.number % 5 == 0 else None, only=SOME, limits=on(8, clean_up=False))
    assert (result.failures, result.stop_reason) == ([], "")
    first = next(number for number, request in enumerate(transport.sent, 1) if number % 5 == 0)
    assert len(transport.overlaps) <= 1 + first


@pytest.mark.parametrize("trouble", ["no response within 2 s", 503])
def test_a_server_that_serves_one_connection_at_a_time_gets_one(trouble):
    result, transport = run(lambda turn: trouble if turn.place else None, cases=short_plan(), limits=on(8))
    assert len(transport.overlaps) == 1
    assert {request.method for request in transport.overlaps[0]} == {"GET"}, "nothing is created before that is known"
    assert (result.exit_code, result.remaining_tasks) == (0, ())


@pytest.mark.parametrize("status", [500, 503])
def test_an_error_that_does_not_depend_on_others_is_a_failure_all_the_same(status):
    def script(turn):
        return status if b'"name": ""' in turn.request.body else None

    outcomes = [run(script, only=SOME, limits=on(connections))[0].outcomes for connections in (1, 8)]
    assert [sorted(case for case in one if one[case].failures) for one in outcomes] == [["name[empty]"]] * 2


# -- limits and ends ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("budget", [5, 60, 93])
def test_no_more_requests_are_sent_than_the_budget_has(budget):
    result, transport = run(only=ALL, limits=on(8, budget=budget, clean_up=False))
    assert len(transport.sent) == result.requests <= budget
    assert result.failures == []
    assert budget < 50 or len(transport.sent) > 0.9 * budget


@pytest.mark.parametrize("most", [1, 10, 50])
def test_no_more_create_requests_are_sent_than_are_allowed(most):
    result, transport = run(only=ALL, limits=on(8, create_requests=most, clean_up=False))
    assert len(transport.posts) == result.create_requests <= most
    assert result.failures == []


def test_with_a_rate_nothing_overlaps():
    _, transport = run(only=SOME, limits=on(8, rate=10.0))
    assert transport.overlaps == []


def test_each_create_request_is_announced_before_any_of_them_is_sent():
    events = []
    observer = RunObserver(create_request=lambda request: events.append(("creating", request.body)))
    transport = Scripted(lambda turn: events.append(("sent", turn.request.body)))
    run(only=SOME, limits=on(8, clean_up=False), transport=transport, observer=observer)
    for request in transport.posts:
        assert events.index(("creating", request.body)) < events.index(("sent", request.body))


def left_on(transport):
    return transport.send(list_request("limit=1"))[0].fields["total"]


def test_tasks_are_deleted_although_their_responses_were_not_evaluated():
    observer = RunObserver(stop=lambda session: len(list(session.tasks)) > 12)
    result, transport = run(only=SOME, limits=on(8), observer=observer)
    assert "the run was ended" in {outcome.reason for outcome in result.outcomes.values()}
    assert (result.remaining_tasks, left_on(transport)) == ((), 0)


def test_an_interruption_leaves_no_task():
    class Interrupted(Scripted):
        def overlap(self, requests, received, timeout_s=None):
            super().overlap(requests, received, timeout_s)
            if len(self.overlaps) == 4:
                raise KeyboardInterrupt

    result, transport = run(only=SOME, limits=on(8), transport=Interrupted())
    assert any(request.method == "POST" for request in transport.overlaps[3])
    assert (result.stop_reason, result.remaining_tasks, left_on(transport)) == ("interrupted", (), 0)


@pytest.mark.parametrize("task_id", ["..", "", "a\nb"])
def test_an_interruption_sends_nothing_for_an_id_that_no_path_can_hold(task_id):
    class Interrupted(Scripted):
        def overlap(self, requests, received, timeout_s=None):
            super().overlap(requests, received, timeout_s)
            if len(self.overlaps) == 4:
                for place, exchange in received.items():
                    if exchange.request.creates and exchange.accepted:
                        received[place] = replace(exchange, body=json.dumps(exchange.fields | {"task_id": task_id}).encode())
                        self.renamed = True
                raise KeyboardInterrupt

    result, transport = run(only=SOME, limits=on(8), transport=Interrupted())
    assert transport.renamed
    assert (result.stop_reason, result.remaining_tasks) == ("interrupted", ())
    assert all(re.fullmatch("/tasks/[0-9a-f-]{36}", request.path) for request in transport.sent if request.method == "DELETE")


# -- over HTTP ----------------------------------------------------------------------------------------------------------------------------


def over(port, **options):
    return HttpTransport(Target.parse(f"http://127.0.0.1:{port}/api/v1"), EXAMPLE, **options)


def test_connections_stay_open_for_the_requests_that_overlap_next():
    connections, together = [], threading.Barrier(3)

    def answer(_):
        together.wait(30)
        return response()

    def talk(connection):
        connections.append(connection)
        answering(answer)(connection)

    with listening(talk) as port, closing(over(port)) as transport:
        for _ in range(2):
            exchanges = {}
            transport.overlap([list_request(f"limit={number}") for number in (1, 2, 3)], exchanges)
            assert [exchanges[place].request.path for place in range(3)] == [f"/tasks?limit={number}" for number in (1, 2, 3)]
            assert {exchange.status for exchange in exchanges.values()} == {200}
    assert len(connections) == 3


def test_requests_that_overlap_can_have_less_time_than_usual():
    ended = threading.Event()

    def talk(connection):
        received(connection)
        ended.wait(60)

    with listening(talk) as port, closing(over(port, timeout_s=60)) as transport:
        exchanges = {}
        transport.overlap([list_request("limit=1"), list_request("limit=2")], exchanges, 0.3)
        ended.set()
    assert {exchange.error for exchange in exchanges.values()} == {"no response within 0.3 s"}


def test_over_http_several_connections_give_the_result_of_one():
    with serve(SecondServer(now_ms=lambda: time.time_ns() // 1_000_000)) as url:
        results = [check(CheckOptions(url, only=SOME, connections=connections), Readings.of(None), {}) for connections in (1, 8)]
    assert compared(results[0]) == compared(results[1])
    assert results[0].exit_code == 0
