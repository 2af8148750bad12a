"""What the deletion of a task that may not be deleted shows, and what it does not show."""

import json
from contextlib import suppress
from dataclasses import replace

import pytest

from nclue_contract.check.cases.lifecycle import DELETE_CASES, LifecycleTracker, lifecycle_cases
from nclue_contract.check.cases.tracking import Purpose, TrackedTask
from nclue_contract.check.created_tasks import CreatedTask
from nclue_contract.check.expectations import FixtureData
from nclue_contract.check.requests import Exchange, delete_request, get_request
from nclue_contract.check.session import CheckSession
from nclue_contract.contract.readings import Readings

SEEN_MS = 1_000_000
PENDING, IN_PROGRESS = 1, 2


def tracker_of(stage, *others, shortest_s=None):
    """Return a tracker that has seen so short a stage, with these tasks and one that was unfinished 10 ms before `SEEN_MS`."""
    session = CheckSession(Readings.of(None), FixtureData(), run="abc", prefix="/api/v1", now_ms=lambda: SEEN_MS)
    tracker = LifecycleTracker(session, next(lifecycle_cases()))
    if shortest_s is not None:
        tracker._pace.stage_lasted(shortest_s)  # noqa: SLF001
    tracked = TrackedTask(CreatedTask("2", {}, {}, SEEN_MS - 2_000), Purpose.CONFIRMING, stage=stage, last_unfinished_ms=SEEN_MS - 10)
    tracker._tracked += [*others, tracked]  # noqa: SLF001
    return session, tracker, tracked


def state_after(session, tracker, tracked, exchange, *responses):
    """Return the state of the case when a deletion that the stage forbids has succeeded, and further requests had these responses."""
    case = DELETE_CASES[tracked.stage]
    script = tracker._forbidden_deletion(tracked, case)  # noqa: SLF001  # the step, without a whole run
    request = next(script)
    left = list(responses)
    with suppress(StopIteration):
        request = script.send(replace(exchange, request=request))
        while True:
            request = script.send(replace(left.pop(0), request=request))
    assert (left, tracked.task.deleted) == ([], True)
    return str(session.results.outcome(case).state)


def deletion(later_ms):
    return Exchange(delete_request("2"), "/api/v1/tasks/2", SEEN_MS + later_ms, SEEN_MS + later_ms + 10, 200)


@pytest.mark.parametrize(
    ("later_ms", "shortest_s", "state"),
    [
        (10, None, "failed"),
        (189, None, "failed"),
        (190, None, "undecided"),  # 210 ms: half of what is assumed for a stage
        (5_000, None, "undecided"),
        (10, 0.1, "undecided"),  # 30 ms of a stage that may have 50
        (10, 0.13, "failed"),
        (5_000, 40, "failed"),
    ],
)
def test_a_second_deletion_counts_only_if_the_task_was_just_seen_unfinished(later_ms, shortest_s, state):
    """Requests overlap, so a response may be evaluated some time after it came: the task may have ended since then."""
    session, tracker, tracked = tracker_of(IN_PROGRESS, shortest_s=shortest_s)
    tracker._wrong_deletions[IN_PROGRESS] = deletion(-900)  # noqa: SLF001  # as if a task had been deleted in this stage
    assert state_after(session, tracker, tracked, deletion(later_ms)) == state


def get_response(status):
    body = json.dumps({"task_id": "1", "status": status}).encode()
    return Exchange(get_request("1"), "/api/v1/tasks/1", SEEN_MS + 500, SEEN_MS + 510, 200, body=body)


def first_task(stage):
    return TrackedTask(CreatedTask("1", {}, {}, SEEN_MS - 3_000), Purpose.OBSERVED, stage=stage)


@pytest.mark.parametrize(
    ("stage", "later_ms", "shortest_s", "first", "responses", "state"),
    [
        (PENDING, 399, None, PENDING, [get_response("in_progress")], "failed"),
        (PENDING, 399, None, PENDING, [get_response("completed")], "undecided"),  # so may the other one be
        (PENDING, 399, None, IN_PROGRESS + 1, [], "undecided"),  # the first one has ended already
        (PENDING, 400, None, PENDING, [], "undecided"),  # 420 ms are enough for two short stages
        (PENDING, 399, 0.8, PENDING, [], "undecided"),
        (PENDING, 9_000, 40, PENDING, [get_response("pending")], "failed"),
        (IN_PROGRESS, 10, None, PENDING, [], "undecided"),  # the only stage that was left may be over
    ],
)
def test_a_first_deletion_counts_only_where_two_stages_cannot_be_over(stage, later_ms, shortest_s, first, responses, state):
    session, tracker, tracked = tracker_of(stage, first_task(first), shortest_s=shortest_s)
    assert state_after(session, tracker, tracked, deletion(later_ms), *responses) == state
