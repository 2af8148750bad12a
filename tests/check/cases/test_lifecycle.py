"""What the deletion of a task that may not be deleted shows, and what it does not show."""

from dataclasses import replace

import pytest

from nclue_contract.check.cases.lifecycle import DELETE_CASES, LifecycleTracker, lifecycle_cases
from nclue_contract.check.cases.tracking import Purpose, TrackedTask
from nclue_contract.check.created_tasks import CreatedTask
from nclue_contract.check.expectations import FixtureData
from nclue_contract.check.requests import Exchange, delete_request
from nclue_contract.check.session import CheckSession
from nclue_contract.contract.readings import Readings

SEEN_MS = 1_000_000
IN_PROGRESS = 2


@pytest.mark.parametrize(("later_ms", "state"), [(10, "failed"), (5_000, "undecided")])
def test_a_second_deletion_counts_only_if_the_task_was_just_seen_unfinished(later_ms, state):
    """Requests overlap, so a response may be evaluated some time after it came: the task may have ended since then."""
    session = CheckSession(Readings.of(None), FixtureData(), run="abc", prefix="/api/v1", now_ms=lambda: SEEN_MS)
    tracker = LifecycleTracker(session, next(lifecycle_cases()))
    deleted = Exchange(delete_request("1"), "/api/v1/tasks/1", SEEN_MS - 900, SEEN_MS - 890, 200)
    tracker._wrong_deletions[IN_PROGRESS] = deleted  # noqa: SLF001  # as if a task had been deleted in this stage
    task = CreatedTask("2", {}, {}, SEEN_MS - 2_000)
    tracked = TrackedTask(task, Purpose.CONFIRMING, stage=IN_PROGRESS, last_seen_ms=SEEN_MS, last_unfinished_ms=SEEN_MS - 10)
    script = tracker._forbidden_deletion(tracked, DELETE_CASES[IN_PROGRESS])  # noqa: SLF001  # the step, without a whole run
    request = next(script)
    with pytest.raises(StopIteration):
        script.send(replace(deleted, request=request, sent_ms=SEEN_MS + later_ms, received_ms=SEEN_MS + later_ms + 10))
    assert str(session.results.outcome(DELETE_CASES[IN_PROGRESS]).state) == state
    assert task.deleted
