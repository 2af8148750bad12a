"""How a plan is run: retries, limits that hold, an end where there is no point in going on, and the clean-up."""

import itertools
import json
import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nclue_contract.check import transport_memory
from nclue_contract.check.cases.plan import plan
from nclue_contract.check.expectations import FixtureData, finding_of
from nclue_contract.check.recorder import ResultRecorder
from nclue_contract.check.reports.text import reading_lines
from nclue_contract.check.requests import Exchange, create_request, list_request
from nclue_contract.check.results import Case, State
from nclue_contract.check.runner import Runner
from nclue_contract.check.sender import Limits, RunObserver
from nclue_contract.check.session import CheckSession
from nclue_contract.contract.readings import Readings
from nclue_contract.validation.validator import Validator
from tests.support.scripted_transport import FAILING, Scripted, run

ALL, FEW, SOME, LIVES = (), ("NC110",), ("NC12",), ("NC4", "NC50")
"""Rules to be checked: all, with three cases, with some hundred, with all requests but POST and what depends on a state."""

JSON_TYPE = {"content-type": "application/json"}

UNREACHABLE = "no connection: Connection refused"


def states(result):
    return {case: str(outcome.state) for case, outcome in result.outcomes.items()}


def failed(result):
    return {(failure.case, failure.rule) for failure in result.failures}


# -- a run that nothing disturbs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("progress", "queue"),
    [("immediate", "parallel"), ("seconds:0.5", "serial"), ("seconds:5", "parallel"), ("reads:1", "serial")],
)
def test_a_correct_server_keeps_the_contract_within_600_requests(progress, queue):
    """That all progress in parallel by half-seconds is shown in test_conforming_servers."""
    result, transport = run(only=ALL, progress=progress, readings={"queue": queue})
    assert (result.exit_code, result.failures, result.stop_reason) == (0, [], "")
    assert len(transport.sent) == result.requests <= 600
    assert len(transport.posts) == result.create_requests


def test_every_case_of_the_plan_has_an_outcome_in_the_order_of_the_plan():
    result, _ = run(limits=Limits(budget=20, clean_up=False))
    assert list(result.outcomes) == [case.id for case in plan(only=SOME)]
    assert {outcome.reason for outcome in result.outcomes.values() if outcome.state is State.NOT_TESTED} == {"the budget was used up"}


@pytest.mark.parametrize("queue", ["parallel", "serial"])
def test_two_runs_in_a_row_against_one_server_have_the_same_outcomes(queue):
    first, transport = run(only=LIVES, limits=Limits(), readings={"queue": queue})
    second, _ = run(only=LIVES, limits=Limits(), transport=transport, word="abd")
    assert states(first) == states(second)
    assert set(states(first).values()) <= {"passed", "untested", "undecided"}  # with few polls, a queue may stay open


def test_tasks_that_were_there_before_are_left_alone():
    transport = Scripted(progress="manual")
    for number in range(120):
        transport.send(
            create_request({"name": f"old {number}"} | dict.fromkeys(["train_feature_id", "train_bucket", "train_file_path"], "x"))
        )
    result, _ = run(only=("NC40", "NC50"), limits=Limits(), transport=transport)
    assert (result.failures, result.remaining_tasks) == ([], ())
    pages = [transport.send(list_request(f"index={index}&limit=100"))[0].fields for index in (0, 100)]
    assert {task["task_name"] for page in pages for task in page["tasks"]} == {f"old {number}" for number in range(120)}


def test_observers_are_called_before_a_create_request_is_sent_and_after_every_exchange():
    heard = []

    def script(turn):
        heard.append(("sent", turn.request.body))

    observer = RunObserver(
        create_request=lambda request: heard.append(("creation", request.body)),
        exchange=lambda exchange, *_: heard.append(("answer", exchange.request.body)),
    )
    _, transport = run(script, FEW, observer=observer)
    for number, request in enumerate(transport.sent):
        events = heard[sum(2 + (one.method == "POST") for one in transport.sent[:number]) :]
        wanted = ["creation", "sent", "answer"] if request.method == "POST" else ["sent", "answer"]
        assert events[: len(wanted)] == [(event, request.body) for event in wanted]


def test_an_observer_can_end_the_run():
    result, transport = run(lambda turn: 500 if turn.number == 9 else None, observer=RunObserver(stop=lambda session: session.failed))
    assert len(transport.sent) == 9
    assert result.exit_code == 1


# -- limits -------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("budget", [1, 5, 60, 86, 93, 300])
def test_no_more_requests_are_sent_than_the_budget_has(budget):
    result, transport = run(only=ALL, limits=Limits(budget=budget, clean_up=False))
    assert len(transport.sent) == result.requests <= budget
    assert result.failures == []
    assert budget < 50 or len(transport.sent) > 0.9 * budget


@pytest.mark.parametrize("response", [503, 429, UNREACHABLE], ids=["503", "429", "refused"])
@pytest.mark.parametrize("budget", [1, 3, 4, 8, 11])
def test_the_budget_applies_to_repeated_requests(budget, response):
    result, transport = run(lambda turn: response if turn.number > 2 else None, limits=Limits(budget=budget, clean_up=False))
    assert len(transport.sent) == result.requests <= budget
    assert result.failures == [], "one attempt proves nothing"


def test_with_a_small_budget_the_most_informative_cases_run_first():
    result, _ = run(only=ALL, limits=Limits(budget=60, clean_up=False))
    tested = {outcome.case.rule for outcome in result.outcomes.values() if outcome.state is State.PASSED}
    assert {"NC001", "NC101", "NC102", "NC111", "NC120", "NC400", "NC401", "NC402", "NC404"} <= tested


@pytest.mark.parametrize("most", [1, 3, 10, 50])
def test_no_more_create_requests_are_sent_than_are_allowed(most):
    result, transport = run(only=ALL, limits=Limits(create_requests=most, clean_up=False))
    assert len(transport.posts) == result.create_requests <= most
    assert result.failures == []
    reasons = {outcome.reason for outcome in result.outcomes.values() if outcome.state is State.NOT_TESTED}
    assert "it would create more tasks than are allowed" in reasons


@pytest.mark.parametrize("most", range(9, 14))
def test_two_create_requests_at_the_same_moment_count_as_two(most):
    result, transport = run(only=("NC404",), limits=Limits(create_requests=most, clean_up=False))
    assert len(transport.posts) == result.create_requests <= most
    assert result.failures == []


@pytest.mark.parametrize("response", [503, 429, UNREACHABLE], ids=["503", "429", "no answer"])
def test_a_repeated_create_request_counts_again(response):
    script = lambda turn: response if turn.request.method == "POST" and turn.number > 2 else None  # noqa: E731
    result, transport = run(script, limits=Limits(create_requests=4, clean_up=False))
    assert len(transport.posts) == result.create_requests <= 4
    assert result.failures == [], "one or two attempts prove nothing"


def test_requests_keep_the_rate():
    _, transport = run(only=("NC50", "NC20"), limits=Limits(rate=4, clean_up=False))
    gaps = [after - before for before, after in zip(transport.at_ms, transport.at_ms[1:], strict=False)]
    assert len(gaps) > 40
    assert min(gaps) >= 249


# -- retries -----------------------------------------------------------------------------------------------------------------------------


def test_429_is_retried_with_back_off_and_then_the_pace_is_the_documented_one():
    result, transport = run(lambda turn: 429 if 3 <= turn.number <= 6 else None)
    assert (result.exit_code, result.failures) == (0, [])
    assert transport.sent[2] == transport.sent[3] == transport.sent[6]
    waited = [after - before for before, after in zip(transport.at_ms[2:6], transport.at_ms[3:7], strict=True)]
    assert waited == sorted(waited)
    assert (waited[0] >= 500, waited[-1] >= 4000) == (True, True)
    assert min(after - before for before, after in zip(transport.at_ms[6:], transport.at_ms[7:], strict=False)) >= 999
    assert result.notes == ("the server limited the rate, so one request per second was sent from then on",)


@pytest.mark.parametrize("first", [1, 4])
def test_429_for_ever_is_not_the_fault_of_the_server(first):
    result, transport = run(lambda turn: 429 if turn.number >= first else None)
    assert (result.exit_code, result.stop_reason) == (3, "the server limits the rate: it still sends 429 after 6 attempts; see --rate")
    assert len(transport.sent) <= first + 6
    assert result.failures == []


@pytest.mark.parametrize("response", [502, 503, 504, UNREACHABLE], ids=["502", "503", "504", "refused"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_hiccup_is_no_failure(response, times):
    sent = []

    def script(turn):
        if turn.number < 5:
            return None
        sent.append(turn.request)
        return response if len(sent) <= times else None

    result, transport = run(script, ("NC11", "NC10"))
    assert (result.exit_code, result.failures) == (0, [])
    assert transport.sent[4] == transport.sent[4 + times]
    assert states(result) == states(run(only=("NC11", "NC10"))[0])


@pytest.mark.parametrize("response", [503, 504, UNREACHABLE], ids=["503", "504", "refused"])
def test_a_server_that_is_just_starting_is_waited_for(response):
    result, _ = run(lambda turn: response if turn.number <= 4 else None, FEW)
    assert (result.exit_code, result.failures, result.stop_reason) == (0, [], "")


def losing(method, which, response):
    """Drop the response to one request of a method, after the request was carried out."""
    seen = []

    def script(turn):
        if turn.request.method == method:
            seen.append(turn)
        return (response, True) if turn.request.method == method and len(seen) == which else None

    return script


LOST = pytest.mark.parametrize("response", [504, "the connection was closed without an answer"], ids=["504", "no answer"])


@LOST
@pytest.mark.parametrize("which", [1, 20])
def test_a_create_request_that_was_carried_out_without_a_response_is_no_failure(response, which):
    result, _ = run(losing("POST", which, response), LIVES)
    assert (failed(result), result.exit_code) == (set(), 0)


@LOST
@pytest.mark.parametrize("which", [1, 2])
def test_a_delete_request_that_was_carried_out_without_a_response_is_no_failure(response, which):
    result, _ = run(losing("DELETE", which, response), LIVES)
    assert (failed(result), result.exit_code) == (set(), 0)


ODD_MOMENTS = range(5, 120, 12)
"""The number of a request; the cases about lives and lists have nearly 120."""


@pytest.mark.parametrize("number", ODD_MOMENTS)
def test_a_lost_response_is_no_failure(number):
    result, _ = run(lambda turn: ("it was not there within 10 s", True) if turn.number == number else None, LIVES)
    assert (failed(result), result.exit_code) == (set(), 0)


@pytest.mark.parametrize(("number", "seconds"), list(zip(ODD_MOMENTS, itertools.cycle([0.4, 1.7, 12]))))
def test_a_late_response_is_no_failure(number, seconds):
    """Tasks move on between two polls."""
    transport = Scripted(lambda turn: transport.sleep(seconds) if turn.number == number else None)
    result, _ = run(only=LIVES, transport=transport)
    assert (failed(result), result.exit_code) == (set(), 0)


@pytest.mark.parametrize("queue", ["parallel", "serial"])
@pytest.mark.parametrize("exchange_ms", [10, 30, 120, 450])
def test_a_slow_server_fails_nothing(monkeypatch, exchange_ms, queue):
    """A state in one response may be over in the next, and tasks are created and deleted in the background."""
    monkeypatch.setattr(transport_memory, "EXCHANGE_MS", exchange_ms)
    result, _ = run(only=LIVES, readings={"queue": queue})
    assert (failed(result), result.exit_code) == (set(), 0)


# -- failures of a server -----------------------------------------------------------------------------------------------------------------


def empty_name(request):
    return b'"name": ""' in request.body


def test_500_is_a_failure_and_is_not_sent_again():
    result, transport = run(lambda turn: 500 if empty_name(turn.request) else None, FEW)
    assert result.exit_code == 1
    assert ("name[empty]", "NC110") in failed(result)
    assert sum(map(empty_name, transport.posts)) == 1
    failure = next(failure for failure in result.failures if failure.rule == "NC110")
    assert {(answer.status, answer.code) for answer in failure.expected} == {(status, None) for status in (400, 404, 409, 422)}


@pytest.mark.parametrize("status", [502, 503, 504])
def test_another_5xx_that_comes_three_times_while_others_are_answered_is_a_failure(status):
    result, transport = run(lambda turn: status if empty_name(turn.request) else None, FEW)
    assert result.exit_code == 1
    assert {case for case, _ in failed(result)} == {"name[empty]"}
    assert sum(map(empty_name, transport.posts)) == 3
    assert result.outcomes["name[empty]"].exchanges[-1].attempts == 3
    assert states(result)["name[1 character]"] == "passed", "and the others go on"


def test_a_request_that_never_gets_a_response_while_others_do_is_a_failure():
    result, _ = run(lambda turn: "the connection was closed without an answer" if empty_name(turn.request) else None, FEW)
    assert failed(result) == {("name[empty]", "NC602")}
    assert "the connection was closed without an answer" in result.failures[0].sentence


@pytest.mark.parametrize("response", [502, 503, UNREACHABLE], ids=["502", "503", "refused"])
def test_a_server_that_becomes_unreachable_is_reported_with_the_case_and_is_no_failure(response):
    result, transport = run(lambda turn: response if turn.number >= 20 else None)
    assert (result.exit_code, result.failures) == (3, [])
    case = plan(only=SOME)[len([s for s in states(result).values() if s != "untested"])].id
    assert result.stop_reason.startswith(f"the server has not responded since {case}: ")
    assert len(transport.sent) < 30
    assert result.remaining_tasks == ()


def test_a_server_that_is_silent_now_and_then_ends_the_run_after_a_while():
    result, transport = run(lambda turn: "it was not there within 10 s" if turn.request.method == "POST" and turn.number >= 20 else None)
    assert result.exit_code == 1
    assert re.fullmatch(
        r"10 requests got no complete response; the last one, of path\[.*\]: it was not there within 10 s\. "
        r"To skip such requests, see --skip NC120",
        result.stop_reason,
    )
    assert {rule for _, rule in failed(result)} == {"NC602"}
    assert len(transport.sent) < 60


# -- the control request ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("response", [401, 403])
def test_rejected_credentials_are_reported_as_that(response):
    result, transport = run(lambda _: response)
    assert (result.exit_code, result.failures) == (3, [])
    assert len(transport.sent) <= (30 if response == 401 else 6), "after 401, other strings to sign are tried once"
    assert result.stop_reason.startswith(
        f"the control request got {response} with code 900: the credentials were rejected. Set NCLUE_ACCESS_KEY"
    )


@pytest.mark.parametrize("response", [400, 404, 409, 422])
def test_a_rejected_control_request_suggests_test_data_options(response):
    result, transport = run(lambda _: response)
    assert (result.exit_code, result.failures) == (3, [])
    assert result.stop_reason.startswith(f"the control request got {response} with code 900, although it is valid.")
    assert result.stop_reason.endswith("--feature-id, --bucket and --file")
    assert len(transport.sent) <= 4
    assert set(states(result).values()) == {"untested"}


@pytest.mark.parametrize(
    ("response", "why"),
    [(UNREACHABLE, UNREACHABLE), (503, "it responds with 503"), ("it was not there within 10 s", "it was not there within 10 s")],
    ids=["refused", "503", "silent"],
)
def test_a_server_that_cannot_be_reached_is_reported(response, why):
    result, transport = run(lambda _: response)
    assert (result.exit_code, result.failures) == (3, [])
    assert result.stop_reason == f"the server cannot be reached: {why}"
    assert len(transport.sent) < 12


@pytest.mark.parametrize("response", [302, 204], ids=str)
def test_an_unexpected_response_to_the_control_request_is_a_failure(response):
    result, _ = run(lambda _: response)
    assert result.exit_code == 1
    assert "control[a valid creation]" in {case for case, _ in failed(result)}


def test_a_redirect_is_reported_with_its_address():
    class Elsewhere(Scripted):
        def _one(self, request):
            return replace(super()._one(request), status=301, headers=(("Location", "https://h/api/v1/tasks"),), body=b"")

    result, _ = run(transport=Elsewhere())
    assert result.exit_code == 1
    assert "the server redirects to 'https://h/api/v1/tasks'; if it is there, check that address" in result.notes


def test_a_server_that_rejects_only_the_control_request_is_checked_all_the_same():
    result, _ = run(
        lambda turn: 400 if turn.request.method == "POST" and b'"test_bucket"' not in turn.request.body and turn.number == 1 else None
    )
    assert ("control[a valid creation]", "NC313") in failed(result)
    assert states(result)["path[train allowed: every safe character]"] == "passed"


def test_no_create_request_at_all_is_reported():
    result, transport = run(limits=Limits(create_requests=0, clean_up=False))
    assert (result.exit_code, result.stop_reason) == (3, "no create request is allowed, but the plan begins with one")
    assert transport.sent == []


# -- interruptions and the end ------------------------------------------------------------------------------------------------------------


def interrupt(*numbers):
    def script(turn):
        if turn.number in numbers:
            raise KeyboardInterrupt

    return script


@pytest.mark.parametrize("number", [1, 2, 10, 60])
def test_an_interruption_ends_the_run_and_everything_so_far_is_reported(number):
    result, transport = run(interrupt(number), ALL, limits=Limits())
    assert (result.exit_code, result.stop_reason, result.failures) == (3, "interrupted", [])
    assert list(result.outcomes) == [case.id for case in plan()]
    assert result.requests == number - 1
    assert [request.method for request in transport.sent[number:]] == ["DELETE"] * result.cleanup_requests
    assert result.cleanup_requests >= len(result.remaining_tasks)


def test_a_second_interruption_ends_the_clean_up_and_reports_what_is_left():
    result, transport = run(interrupt(30, 32), ALL, limits=Limits())
    assert result.stop_reason == "interrupted"
    assert len(transport.sent) == 32
    assert len(result.remaining_tasks) >= 1


def test_one_interruption_of_the_clean_up_says_what_it_does_and_a_second_one_ends_it():
    notices = []
    sent = len(run(only=FEW, limits=Limits())[1].sent)
    first, transport = run(interrupt(sent), FEW, limits=Limits(), observer=RunObserver(notice=notices.append))
    assert (first.exit_code, first.stop_reason, first.remaining_tasks) == (0, "", ())
    assert len(transport.sent) == sent + 1, "the interrupted request was repeated"
    assert notices == ["deleting 1 task of this check; another Ctrl-C leaves the remaining tasks on the server"]
    second, _ = run(interrupt(sent, sent + 1), FEW, limits=Limits())
    assert (second.exit_code, second.stop_reason, len(second.remaining_tasks)) == (0, "", 1)


def test_an_interruption_of_the_run_says_that_it_cleans_up():
    notices = []
    run(interrupt(30), ALL, limits=Limits(), observer=RunObserver(notice=notices.append))
    assert len(notices) == 1
    assert re.fullmatch(r"deleting \d+ tasks of this check; another Ctrl-C leaves the remaining tasks on the server", notices[0])


@pytest.mark.parametrize("wait_s", [0.0, 2.0, 60.0])
def test_an_unreachable_server_is_waited_for_as_long_as_the_limits_say(wait_s):
    notices = []
    observer = RunObserver(notice=notices.append)
    result, transport = run(lambda _: UNREACHABLE, limits=Limits(clean_up=False, wait_s=wait_s), observer=observer)
    assert result.exit_code == 3
    assert sum(transport.slept) == pytest.approx(wait_s)
    assert max(transport.slept, default=0) <= 2
    assert len(transport.posts) == 1, "polls create nothing"
    assert len(notices) == bool(wait_s)
    assert all(notice.endswith(f"waiting for it, up to {wait_s:g} s") for notice in notices)


def test_a_server_that_starts_while_it_is_waited_for_is_checked():
    result, transport = run(lambda turn: UNREACHABLE if turn.number <= 5 else None, FEW)
    assert result.exit_code == 0
    assert states(result)["control[a valid creation]"] == "passed"
    assert len(transport.posts) >= 2


def test_a_server_that_stops_responding_is_announced_once():
    notices = []
    run(lambda turn: UNREACHABLE if turn.number >= 20 else None, observer=RunObserver(notice=notices.append))
    assert len(notices) == 1
    assert re.fullmatch(rf"no response since path.*: {re.escape(UNREACHABLE)}; trying again for up to 14 s", notices[0])


def test_failures_that_were_seen_before_an_interruption_count():
    result, _ = run(lambda turn: 500 if turn.number == 8 else interrupt(20)(turn))
    assert (result.exit_code, result.stop_reason) == (1, "interrupted")


def test_tasks_are_deleted_in_the_end():
    result, transport = run(limits=Limits(), progress="manual")
    assert result.remaining_tasks == ()
    assert [request.method for request in transport.sent[result.requests :]] == ["DELETE"] * result.cleanup_requests
    assert result.cleanup_requests > 10


def test_tasks_whose_status_forbids_it_are_left_and_reported():
    result, transport = run(only=FEW, limits=Limits(), progress="reads:1")
    assert result.remaining_tasks == ()
    result, transport = run(lambda turn: 409 if turn.request.method == "DELETE" else None, FEW, limits=Limits())
    created = [request.path.rpartition("/")[2] for request in transport.sent[result.requests :]]
    assert list(result.remaining_tasks) == list(dict.fromkeys(created))
    assert len(created) >= 2


def test_the_clean_up_runs_after_a_run_that_the_rate_limit_has_stopped():
    """A server that keeps limiting the rate of create requests can be reached, so the tasks are deleted, one per second at most."""
    result, transport = run(lambda turn: 429 if turn.number >= 30 and turn.request.method == "POST" else None, limits=Limits())
    assert result.stop_reason == "the server limits the rate: it still sends 429 after 6 attempts; see --rate"
    assert (result.exit_code, result.remaining_tasks) == (3, ())
    assert result.cleanup_requests > 5
    deletions = transport.at_ms[result.requests :]
    assert min(after - before for before, after in itertools.pairwise(deletions)) >= 999


def test_the_clean_up_waits_where_deletions_are_rate_limited():
    seen = []

    def script(turn):
        seen.append(turn.request.method)
        return 429 if turn.request.method == "DELETE" and seen.count("DELETE") in {1, 2, 4} else None

    result, _ = run(script, FEW, limits=Limits())
    assert result.remaining_tasks == ()
    assert result.cleanup_requests == 3 + sum(method == "POST" for method in seen[: result.requests]) - 1


def test_the_clean_up_ends_where_the_rate_stays_limited():
    result, _ = run(lambda turn: 429 if turn.request.method == "DELETE" else None, FEW, limits=Limits())
    assert result.cleanup_requests == 6
    assert len(result.remaining_tasks) >= 2


def test_nothing_is_sent_to_a_server_that_does_not_respond_any_more():
    result, _ = run(lambda turn: 503 if turn.number >= 20 else None, limits=Limits())
    assert result.cleanup_requests == 0
    assert len(result.remaining_tasks) >= 2


def test_nothing_is_deleted_where_that_is_not_wanted():
    result, transport = run(only=FEW)
    assert (result.cleanup_requests, result.remaining_tasks) == (0, ())
    assert {request.method for request in transport.sent} == {"POST"}


# -- no response makes a run raise --------------------------------------------------------------------------------------------------------

FIELDS = [
    "task_id",
    "task_name",
    "status",
    "created_at",
    "completed_at",
    "train_bucket",
    "AUROC",
    "index",
    "total",
    "tasks",
    "error",
    "code",
]
SCALARS = st.sampled_from([None, True, 0, -1, 10**400, 1e308, "", "x", "completed", "9999-12-31T23:59:59-23:59", "\x00", "\ud800", "²"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4), max_leaves=8
)
BODIES = VALUES.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=8) | st.just(b"[" * 5000)
STATUSES = st.sampled_from([0, 100, 200, 201, 204, 302, 400, 401, 404, 409, 422, 500, 503, 999])
DATES = ["", "x", "Tue, 26 Nov 99999 02:48:16 GMT", "Tue, 26 Nov 2024 02:48:16 +99999999999999", "Mon, 01 Jan 0001 00:00:00 +2300"]
HEADERS = st.lists(
    st.tuples(st.sampled_from(["content-type", "date", "location"]), st.sampled_from([*DATES, "application/json"])), max_size=3
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_there_is_a_result_whatever_a_server_responds(data):
    """Statuses, headers and bodies of any kind, in place of any response, end in outcomes and never in a traceback."""
    odd = st.builds(lambda *parts: parts, STATUSES, HEADERS, BODIES)
    answers = data.draw(st.dictionaries(st.integers(1, 40), odd, max_size=12))
    every = data.draw(st.none() | odd)

    class Odd(Scripted):
        def _one(self, request):
            exchange = super()._one(request)
            status, headers, body = answers.get(len(self.sent)) or every or (exchange.status, exchange.headers, exchange.body)
            return Exchange(
                request, exchange.target, exchange.sent_ms, exchange.received_ms, status, tuple(headers), body, "" if status else "x"
            )

    transport = Odd()
    session = CheckSession(
        Readings.of(None),
        FixtureData(failing_file=FAILING),
        run="abc",
        prefix=transport.prefix,
        now_ms=transport.now_ms,
        lifecycle_s=5,
        strict=True,
    )
    result = Runner(session, plan(), transport, Limits(budget=50)).run("http://127.0.0.1:8000/api/v1", "loopback")
    assert result.exit_code in {0, 1, 3}
    assert len(result.outcomes) >= len(plan())


# -- advisories -----------------------------------------------------------------------------------------------------------------------


def recorded(status, rule="NC001", *, advisory=True, **options):
    """Return the outcome of a case whose response with this status differs from the expected one."""
    recorder, case = ResultRecorder(**options), Case("case", rule, advisory=advisory)
    exchange = Exchange(list_request(), "/tasks", 0, 0, status)
    recorder.passed(case)
    recorder.add_finding(case, rule, finding_of(rule, "it differs"), exchange, advisory=advisory)
    recorder.passed(case)
    return recorder.outcome(case)


def test_an_advisory_is_a_state_of_its_own_and_no_failure():
    outcome = recorded(200)
    assert (outcome.state, outcome.failures, [one.advisory for one in outcome.advisories]) == (State.ADVISORY, [], [True])
    result, _ = run(only=FEW)
    result = replace(result, outcomes=result.outcomes | {"case": outcome})
    assert (result.exit_code, result.broken, result.failures) == (0, [], [])
    assert result.counts[State.ADVISORY] == 1
    (row,) = [row for row in result.rows() if row.rule == "NC001"]
    assert (row.state, dict(row.counts)) == (State.ADVISORY, {State.ADVISORY: 1})


@pytest.mark.parametrize("options", [{"strict": True}, {"fail_on": ("NC001",)}, {"fail_on": ("NC2", "NC0")}])
def test_an_advisory_is_a_failure_where_the_user_says_so(options):
    outcome = recorded(200, **options)
    assert (outcome.state, outcome.advisories, len(outcome.failures)) == (State.FAILED, [], 1)


def test_other_rules_that_are_named_change_nothing():
    assert recorded(200, fail_on=("NC002",)).state is State.ADVISORY


def test_a_failure_beside_an_advisory_is_a_failure():
    recorder, case = ResultRecorder(), Case("case", "NC001")
    exchange = Exchange(list_request(), "/tasks", 0, 0, 200)
    recorder.add_finding(case, "NC001", finding_of("NC001", "a"), exchange, advisory=True)
    recorder.fail(case, "NC307", "b", exchange)
    recorder.add_finding(case, "NC001", finding_of("NC001", "c"), exchange, advisory=True)
    outcome = recorder.outcome(case)
    assert (outcome.state, len(outcome.failures), len(outcome.advisories)) == (State.FAILED, 1, 2)


@pytest.mark.parametrize(
    ("rule", "status", "advisory"),
    [("NC201", 200, True), ("NC201", 500, False), ("NC302", 200, True), ("NC302", 422, False), ("NC310", 200, True), ("NC001", 200, False)],
)
def test_the_rules_say_what_is_an_advisory(rule, status, advisory):
    state = recorded(status, rule, advisory=False).state
    assert state is (State.ADVISORY if advisory else State.FAILED)


def test_a_code_where_none_is_documented_is_an_advisory_that_only_its_rule_makes_a_failure():
    finding = next(
        one
        for one in Validator().validate_response("createTask", 422, JSON_TYPE, b'{"error": {"errorCode": "777", "message": "x"}}').findings
        if one.rule == "NC312"
    )
    states = []
    for options in ({}, {"strict": True}, {"fail_on": ("NC312",)}):
        recorder, case = ResultRecorder(**options), Case("case", "NC101")
        recorder.add_finding(case, "NC312", finding, Exchange(create_request({}), "/tasks", 0, 0, 422))
        states.append(recorder.outcome(case).state)
    assert states == [State.ADVISORY, State.ADVISORY, State.FAILED]


def test_the_form_of_responses_is_an_advisory_once():
    recorder, exchange = ResultRecorder(), Exchange(list_request(), "/tasks", 0, 0, 200)
    for case in (Case("one", "NC500"), Case("two", "NC500")):
        recorder.add_finding(case, "NC310", finding_of("NC310", "note is not a field of the page"), exchange)
        recorder.passed(case)
    assert [outcome.state for outcome in recorder.outcomes.values()] == [State.ADVISORY, State.PASSED]


LENIENT = {
    "json[UTF-16]": json.loads,
    "json[two objects]": lambda body: json.JSONDecoder().raw_decode(body.decode())[0],
    "json[trailing comma]": lambda body: json.loads(body.replace(b",}", b"}")),
    "json[Latin-1]": lambda body: json.loads(body.decode("latin-1")),
    "json[line feed in a string]": lambda body: json.loads(body, strict=False),
}
"""Cases, and what a lenient server reads in their bodies."""


def lenient_outcome(case_id, read):
    """Return the outcome of a case against a server that reads its body so."""
    (case,) = [case for case in plan() if case.id == case_id]

    class Lenient(Scripted):
        def _one(self, request):
            exchange = super()._one(request)
            if exchange.status != 200 and request.creates and (payload := read(request.body)):
                again = super()._one(create_request(payload))
                return replace(again, request=request)
            return exchange

    transport = Lenient()
    session = CheckSession(Readings.of(None), FixtureData(), run="abc", prefix=transport.prefix, now_ms=transport.now_ms)
    result = Runner(session, [plan()[0], case], transport, Limits(clean_up=False)).run("http://127.0.0.1:8000/api/v1", "loopback")
    return result.outcomes[case_id]


@pytest.mark.parametrize(("case_id", "read"), LENIENT.items(), ids=LENIENT)
def test_a_lenient_parser_is_an_advisory(case_id, read):
    outcome = lenient_outcome(case_id, read)
    assert (outcome.state, outcome.failures) == (State.ADVISORY, [])
    assert "response 200 instead of" in outcome.advisories[0].sentence


def test_a_lenient_parser_that_damages_a_value_is_a_failure():
    outcome = lenient_outcome("json[Latin-1]", lambda body: json.loads(body.decode("utf-8", "replace")))
    assert outcome.state is State.FAILED
    assert {failure.rule for failure in outcome.failures} == {"NC307"}


def test_a_server_error_is_a_failure_in_a_case_of_an_advisory_too():
    result, _ = run(lambda turn: 500 if turn.request.body.startswith(b"\xff\xfe") else None, only=("NC002",))
    assert failed(result) == {("json[UTF-16]", "NC002")}


def test_what_an_open_reading_showed_is_in_the_result():
    result, _ = run(only=("NC400", "NC409"), progress="immediate")
    assert result.readings["queue"] == ("parallel", "serial")
    assert result.observations["queue"] == "no list showed a task in progress"
    (line,) = [line for line in reading_lines(result) if line.startswith("  queue ")]
    assert line.endswith("open: parallel or serial; no list showed a task in progress")


@pytest.mark.parametrize("status", [401, 404, 500])
def test_a_server_that_rejects_the_list_can_be_reached_all_the_same(status):
    """The list request only finds out whether the server responds at all."""

    def script(turn):
        if turn.request.method == "GET" and turn.request.path.startswith("/tasks?"):
            return status
        return "the connection was closed without a response" if turn.request.body.startswith(b"[") else None

    result, _ = run(script, only=("NC100",), limits=Limits(clean_up=False))
    assert result.stop_reason == ""
    assert ("json[an array]", "NC602") in {(failure.case, failure.rule) for failure in result.failures}
    assert all(outcome.state != "untested" for outcome in result.outcomes.values() if outcome.case.rule == "NC100")
