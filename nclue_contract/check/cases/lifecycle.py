"""Test cases for the lifecycle of tasks: how they move on, when they can be deleted, and that deleted tasks are gone.

The pages are "Create task" (the statuses), "Get task" and "Delete task".

Theory of operation
===================

One script, `LifecycleTracker`, decides all of these cases. It runs in the background: between its polls, the runner goes on with the other
cases. It tracks the first tasks of the run, since a server may build one task at a time: that of the control request, which is only
observed; one that fails, if there is a file for it; and three that are to be deleted. One of these, `DELETED_EARLY`, is deleted at once,
while it is registered; `DELETED` is deleted in each later status, until a deletion succeeds; `CONFIRMING` repeats a deletion that should
have been rejected, since a task may have ended between poll and deletion.

Each of the three tasks to be deleted is created with values that servers change or wrongly reject: the characters of names, and paths that
are long or have every allowed character. So they find what would need requests of its own otherwise, and the values are compared in every
later response. If a server does not accept them, perhaps since it has no such file, the task is created with usual values.

A *poll* reads all tracked tasks with one list request. The first task that has not ended is read with getTask as well, so that both
operations are compared: at every third poll, and at each once it has moved on. Tasks that are not on the first page of the list are read
one by one. Each status is recorded as a sample, and must not precede the one before it. Then the name of a task that is pending or in
progress is used again, which must be rejected, and deletions are tried.

The pause between polls adapts to the server (`PollingPace`):

* until a task has moved on, it grows from 0.2 s by a tenth of the time that has passed, up to 5 s;
* then there are 2.5 polls in the shortest stage so far, at least 0.2 s apart;
* while the request budget that no other case needs, less the 12 requests for the end, suffices for a poll every 0.42 s until the time is
  over, it is at most 0.42 s, which shows every stage of half a second;
* where the budget does not suffice for the plan, only `RESERVED` requests are kept for polling. Then each pause is as long as the time
  that has passed, so that a second stage as long as the first is met, and afterwards there are two polls per stage; getTask is only used
  for a status that it has not shown yet;
* else the last six polls are spread over the time that is left, but at most 0.8 stages apart, so that none is missed.

An example: a server with stages of 2 s, polled for at most 60 s, with a budget of 60 requests. There are 32 polls, too few for 0.42 s. The
pauses are 0.2, 0.22, 0.24 ... s, until the first task is pending after 2 s; then they are 0.8 s. After 6 s all tasks have ended, and the
script goes on to what can be tested only then: occupied names, that values do not change any more, and the deletion of a failed task.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from nclue_contract.check.cases.lists import check_items, tasks_of
from nclue_contract.check.cases.names import evaluate_get
from nclue_contract.check.cases.paths import every_safe_character, long_path
from nclue_contract.check.cases.payload import MANY_SCRIPTS, PRINTABLE_HALVES
from nclue_contract.check.cases.tracking import (
    BUILDING,
    COMPLETED,
    FAILED,
    FULL_PACE_S,
    MIN_PAUSE_S,
    BuildQueue,
    PollingPace,
    Purpose,
    TrackedTask,
)
from nclue_contract.check.expectations import accepted, rejected, rejected_under
from nclue_contract.check.requests import Exchange, RequestSpec, create_request, delete_request, get_request, list_request
from nclue_contract.check.results import NO_FAILING_FILE, Case, Cause, Script, StatusSample, Wait
from nclue_contract.check.server_clock import parse_time_ms
from nclue_contract.check.session import CheckSession
from nclue_contract.contract.model import contract
from nclue_contract.validation.response import GATEWAY_SUCCESS, SUCCESS

LATER_S = 1.1
"""Seconds, at most, after which ended tasks are read once more: a time that moves shows it, since times have whole seconds."""

ROUNDED_MS = 2000
"""Difference of two times that are written in whole seconds, at most, where the times themselves are equal."""

LATE_MS = 12_000
"""How much later than the end a server may show it: some query their workers only at intervals."""

REMEASURED = "disk_usage"
"""The field that a server may measure anew for each response."""

STABLE_FIELDS = tuple(field.name for field in contract().responses["Task"] if field.name != REMEASURED)
"""The fields of a task that do not change any more when it has ended."""

TRACKED = "life[watched]"
"""The ID of the case whose script decides the others."""


USUAL_QUERY = f"limit={contract().parameter('limit').maximum}"
SHORTEST_QUERY = ""
UNUSUAL_QUERY = f"limit={''.join(f'%{ord(digit):02X}' for digit in str(contract().parameter('limit').maximum))}&index=0"
"""Queries of the list requests of polls. The unusual one has another order and encoded digits; the encoded form is what is signed."""


def _page_size(query: str) -> int:
    """Return how many tasks a list request with one of these queries returns at most."""
    limit = contract().parameter("limit")
    return int(limit.default or 0) if query == SHORTEST_QUERY else limit.maximum or 0


def _decided(case_id: str, rule: str, *, needs_failing_file: bool = False) -> Case:
    return Case(case_id, rule, decided_by=TRACKED, rank=0, needs_failing_file=needs_failing_file)


def _stage_cases(what: str, rule: str) -> tuple[Case, ...]:
    """Return a case for each stage, in the order of the stages."""
    statuses, failed = contract().lifecycle.statuses, contract().lifecycle.failed
    return tuple(_decided(f"{what}[{status}]", rule, needs_failing_file=status == failed) for status in statuses)


STATUS_CASES = _stage_cases("life", "NC400")
DELETE_CASES = _stage_cases("delete", "NC401")

GONE = _decided("gone[by its ID]", "NC402")
DELETED_AGAIN = _decided("gone[deleted again]", "NC402")
GONE_FROM_LIST = _decided("gone[in the list]", "NC402")
NAME_FREE = _decided("gone[its name is free]", "NC402")
ANOTHER_NAME_FREE = _decided("gone[the name of another task is free]", "NC402")
OTHERS_KEPT = _decided("kept[the other tasks]", "NC408")
NAME_WHILE_BUILDING = _decided("name[of a task that is being built]", "NC404")
NAME_AFTER_END = _decided("name[of a task that has ended]", "NC404")
NAME_AFTER_FAILURE = _decided("name[of a task that has failed]", "NC404", needs_failing_file=True)
AFTER_DELETION = (GONE, DELETED_AGAIN, GONE_FROM_LIST, NAME_FREE, OTHERS_KEPT)
"""The cases about what a deletion leaves behind."""

QUEUE = _decided("queue[how many at a time]", "NC409")


def lifecycle_cases() -> Iterator[Case]:
    """Yield the case whose script tracks tasks, and the cases that it decides."""
    yield Case(TRACKED, "NC400", lambda session, case: LifecycleTracker(session, case).run(), requests=56, posts=7, rank=0, background=True)
    yield from _decided_cases()


def _decided_cases() -> tuple[Case, ...]:
    after = (*AFTER_DELETION, ANOTHER_NAME_FREE)
    return (*STATUS_CASES, *DELETE_CASES, *after, NAME_WHILE_BUILDING, NAME_AFTER_END, NAME_AFTER_FAILURE, QUEUE)


class LifecycleTracker:
    """Creates the tracked tasks, polls them until they have ended, and deletes them in every status. See the top of the module."""

    def __init__(self, session: CheckSession, case: Case) -> None:
        self._session = session
        self._results = session.results
        self._case = case
        self._tracked: list[TrackedTask] = []
        self._pace = PollingPace()
        self._queue = BuildQueue()
        self._names_tried: set[str] = set()
        self._wrong_deletions: dict[int, Exchange] = {}  # per stage, the first deletion that should have been rejected
        self._deletion_verified = False
        self._listed = 0  # tasks in the last list
        self._other_queries = [SHORTEST_QUERY, UNUSUAL_QUERY]

    def run(self) -> Script:
        """Track tasks until all have ended or the time is over."""
        yield from self._begin()
        if self._tracked:
            yield from self._poll_until_the_end()
            self._results.observations["queue"] = self._queue.observation
            yield from self._finish()

    def _find(self, purpose: Purpose) -> TrackedTask | None:
        return next((tracked for tracked in self._tracked if tracked.purpose is purpose), None)

    # -- creating and polling -------------------------------------------------------------------------------------------------------

    def _begin(self) -> Script:
        """Track the task of the control request, create the others, read all of them, and delete one while it is registered."""
        first, builder = self._session.tasks.first, self._session.builder
        if first is None:
            unusable = self._session.tasks.unusable
            self._results.not_tested(
                self._case, self._session.tasks.why_none if unusable else "the control task has no ID that could be tracked"
            )
            return
        self._tracked.append(TrackedTask(first, Purpose.OBSERVED))
        yield from self._read(self._tracked[0])
        if failing_file := self._session.fixture_data.failing_file:
            yield from self._create(Purpose.FAILING, train_file_path=failing_file)
        first_half, second_half = PRINTABLE_HALVES
        yield from self._create_with(Purpose.DELETED, name=builder.name(f" {first_half}"), train_file_path=f"/{every_safe_character()}")
        yield from self._create_with(Purpose.CONFIRMING, name=builder.name(MANY_SCRIPTS), train_file_path=long_path())
        # The last one: its ID must not be used again.
        yield from self._create_with(Purpose.DELETED_EARLY, builder.test_fields(), name=builder.name(f" {second_half}"))
        yield from self._read_all()
        for tracked in self._tracked:
            yield from self._try_deletion(tracked)

    def _create(self, purpose: Purpose, **changes: Any) -> Script:  # noqa: ANN401  # fields of a payload
        """Create a task and track it."""
        exchange = yield self._session.builder.create(**changes)
        self._session.evaluator.evaluate_create(self._case, exchange)
        task = self._session.tasks.get(exchange.fields.get("task_id"))
        if task is not None and task.sent_ms == exchange.sent_ms:
            self._tracked.append(TrackedTask(task, purpose))

    def _create_with(self, purpose: Purpose, usual: dict[str, str] | None = None, **values: str) -> Script:
        """Create a task with these values beside the usual ones, or without them if it is not accepted so, and track it."""
        before, usual = len(self._tracked), usual or {}
        yield from self._create(purpose, **usual | values)
        if len(self._tracked) == before:
            yield from self._create(purpose, **usual)

    def _poll_until_the_end(self) -> Script:
        """Poll at the pace of the server; try deletions in the statuses as they come."""
        session = self._session
        begun_ms = session.now_ms()
        end_ms = begun_ms + round(session.lifecycle_s * 1000)
        polls = 0
        while not all(tracked.ended for tracked in self._tracked) and session.now_ms() < end_ms:
            now_ms = session.now_ms()
            elapsed_s, left_s = (now_ms - begun_ms) / 1000, (end_ms - now_ms) / 1000
            budget = session.polling_budget
            yield Wait(self._pace.pause_s(elapsed_s=elapsed_s, left_s=left_s, budget=budget, few=session.few_polls))
            yield from self._read_all()
            polls += 1
            observed = next((tracked for tracked in self._tracked if not tracked.ended), self._tracked[0])
            due = observed.read_stage != observed.stage if session.few_polls else observed.stage > 0 or polls % 3 == 0
            if due:
                yield from self._read(observed)
            yield from self._reuse_name(NAME_WHILE_BUILDING, Purpose.OBSERVED, (1, BUILDING))
            for tracked in self._tracked:
                yield from self._try_deletion(tracked)

    def _read(self, tracked: TrackedTask) -> Script:
        """Read one task with getTask."""
        exchange = yield get_request(tracked.task.task_id)
        if exchange.status == 404:
            self._lose(tracked, exchange)
            return
        evaluate_get(self._session, self._case, tracked.task, exchange)
        self._observe(tracked, exchange.fields, exchange)
        tracked.read_stage = tracked.stage
        self._check_final_fields(tracked, exchange)

    def _read_all(self) -> Script:
        """Read all tasks with one list request, whose response is returned; those that are not on its first page one by one."""
        query = self._next_query()
        exchange = yield list_request(query)
        self._session.evaluator.evaluate(self._case, exchange, accepted(), query)
        if not exchange.accepted:
            return exchange
        check_items(self._session, self._case, exchange)
        items = {item["task_id"]: item for item in tasks_of(exchange)}
        self._listed = len(items)
        for tracked in self._tracked:
            if item := items.get(tracked.task.task_id):
                self._observe(tracked, item, exchange)
            elif not tracked.exists:
                continue
            elif len(items) >= _page_size(query):
                yield from self._read(tracked)
            elif len(items) == len(tasks_of(exchange)):
                yield from self._read_missing(tracked, exchange)
        self._observe_queue(exchange, {task_id: contract().lifecycle.stage(item.get("status")) for task_id, item in items.items()})
        return exchange

    def _next_query(self) -> str:
        """Return the query of the next list request: each of the other queries once, where the tasks are few enough for them."""
        if self._other_queries and 0 < self._listed < _page_size(self._other_queries[0]) // 2:
            return self._other_queries.pop(0)
        return USUAL_QUERY

    def _read_missing(self, tracked: TrackedTask, exchange: Exchange) -> Script:
        """Read a task that is not in a list which could hold it: it has disappeared, or the list omits it."""
        yield from self._read(tracked)
        if not tracked.lost:
            self._results.fail(self._case, "NC504", "a task that getTask shows is not in the list", exchange, "/tasks")

    def _lose(self, tracked: TrackedTask, exchange: Exchange) -> None:
        """Record that a task has disappeared, although this run has not deleted it."""
        if tracked.exists:
            tracked.lost = True
            self._results.fail(OTHERS_KEPT, "NC408", "a task that was not deleted has disappeared", exchange)

    # -- what responses show ----------------------------------------------------------------------------------------------------------

    def _observe(self, tracked: TrackedTask, fields: dict[str, Any], exchange: Exchange) -> None:
        """Record the status of a task, and check that it may follow the one before."""
        status, before = str(fields.get("status"))[:40], tracked.stage
        stage = contract().lifecycle.stage(fields.get("status"))
        if stage is None:
            return
        operation = exchange.request.operation
        self._results.status_samples.append(StatusSample(exchange.received_ms, tracked.task.task_id, status, operation))
        if stage < before or (before >= COMPLETED and stage != before):
            problem = f"the task goes back: {operation} returns {status} after {contract().lifecycle.statuses[before]}"
            self._results.fail(STATUS_CASES[before], "NC400", problem, exchange, "/status")
            return
        if stage != before:
            if before >= 0:
                self._pace.stage_lasted((exchange.received_ms - tracked.moved_ms) / 1000 / (stage - before))
            tracked.stage, tracked.moved_ms = stage, exchange.received_ms
        tracked.first_seen_ms = tracked.first_seen_ms or exchange.received_ms  # it was created before that
        if stage < COMPLETED:
            tracked.last_unfinished_ms = exchange.sent_ms
        self._results.passed(STATUS_CASES[stage])
        if tracked.purpose is Purpose.FAILING and stage == COMPLETED:
            problem = f"a task of {self._session.fixture_data.failing_file!s:.80}, with which tasks fail, is {status}"
            self._results.fail(self._case, "NC314", problem, exchange, "/status")
        self._check_end_time(tracked, fields, exchange)

    def _check_final_fields(self, tracked: TrackedTask, exchange: Exchange) -> None:
        """Check that an ended task does not change any more, and that a failure is one of the system's codes."""
        fields = exchange.fields
        if tracked.stage < COMPLETED or not exchange.accepted:
            return
        for name in STABLE_FIELDS:
            if name in fields and name in tracked.final_fields and fields[name] != tracked.final_fields[name]:
                problem = f"{name} changes between two responses, although the task has ended"
                self._results.fail(self._case, "NC403", problem, exchange, f"/{name}")
        tracked.final_fields = fields
        message = fields.get("fail_message")
        if isinstance(message, str) and not re.fullmatch("[A-Z][A-Z0-9_]*", message):
            problem = f"fail_message is {message!r:.60}, and not a word such as those of the Guide"
            self._results.fail(self._case, "NC309", problem, exchange, "/fail_message")

    def _check_end_time(self, tracked: TrackedTask, fields: dict[str, Any], exchange: Exchange) -> None:
        """Check that the time of the end lies between the creation and now, and is there exactly when the task has ended."""
        absent_allowed = self._session.inference.decided("absent-fields") == "absent"
        if "completed_at" not in fields and not absent_allowed:
            return
        text, stage = fields.get("completed_at"), contract().lifecycle.stage(fields.get("status"))
        # No page states that a failed task has the time.
        if exchange.request.operation == "listTasks" and (text is not None) != (tracked.stage >= COMPLETED) and stage != FAILED:
            problem = f"completed_at is {'null' if text is None else 'there'}, but the status is {fields.get('status')!s:.40}"
            self._results.fail(self._case, "NC314", problem, exchange, "/completed_at")
        at_ms, created_ms = parse_time_ms(text), parse_time_ms(tracked.task.created.get("created_at"))
        if at_ms is None or created_ms is None:
            return
        # Both are times of the server, so only durations are compared with our clock. Each is cut to whole seconds.
        took_ms, least_ms = at_ms - created_ms, tracked.last_unfinished_ms - tracked.first_seen_ms
        problem = ""
        if took_ms < -1000:
            problem = "completed_at lies before created_at"
        elif took_ms > exchange.received_ms - tracked.task.sent_ms + ROUNDED_MS:
            problem = "completed_at lies in the future"
        elif took_ms < least_ms - LATE_MS:
            problem = "completed_at lies before a response that showed the task unfinished"
        if problem:
            self._results.fail(self._case, "NC314", problem, exchange, "/completed_at")

    def _observe_queue(self, exchange: Exchange, stages: dict[str, int | None]) -> None:
        """Infer from one list whether tasks are built one at a time; check it where that reading is pinned."""
        queue, pinned_serial = self._queue, self._session.inference.options["queue"] == ("serial",)
        known_parallel = queue.parallel
        queue.observe(stages, self._tracked)
        if queue.parallel and not known_parallel:
            if pinned_serial:
                problem = f"{len(queue.building(stages))} tasks are in progress together"
                self._results.fail(QUEUE, "NC409", problem, exchange)
            else:
                self._results.passed(QUEUE)
                self._session.evaluator.rule_out(QUEUE, "queue", "serial", exchange)
        if queue.handovers == 2 and not queue.parallel:
            self._results.passed(QUEUE)
        if pinned_serial and queue.overtaken(stages, self._tracked):
            self._results.fail(QUEUE, "NC409", "a task is in progress before one that was created earlier", exchange)

    # -- names and deletions ----------------------------------------------------------------------------------------------------------

    def _reuse_name(self, case: Case, purpose: Purpose, stages: tuple[int, ...]) -> Script:
        """Use the name of a task in one of these stages again, once: it is as occupied as any other."""
        tracked = self._find(purpose)
        if tracked is None or tracked.stage not in stages or not tracked.exists or case.id in self._names_tried:
            return
        self._names_tried.add(case.id)
        exchange = yield create_request(tracked.task.payload)
        self._session.evaluator.evaluate(case, exchange, rejected("NC404"))

    def _try_deletion(self, tracked: TrackedTask) -> Script:
        """Delete a task in the stage that was just seen, if that is its purpose."""
        stage = tracked.stage
        if not tracked.exists or stage < 0 or stage in tracked.deletions_tried or not self._deletion_due(tracked):
            return
        if tracked.purpose is Purpose.CONFIRMING:  # right after a response that shows the stage
            yield from self._read(tracked)
            if tracked.ended or tracked.stage != stage:
                return
        tracked.deletions_tried.add(stage)
        deletable = contract().lifecycle.statuses[stage] in contract().lifecycle.deletable
        yield from (self._allowed_deletion if deletable else self._forbidden_deletion)(tracked, DELETE_CASES[stage])

    def _deletion_due(self, tracked: TrackedTask) -> bool:
        """Return whether the purpose of a task is to be deleted in its stage."""
        if tracked.purpose is Purpose.CONFIRMING:
            # Some time after the first deletion: tasks that were created together may have ended together.
            first = self._wrong_deletions.get(tracked.stage)
            return first is not None and tracked.stage > 0 and self._session.now_ms() - first.received_ms >= MIN_PAUSE_S * 1000
        if tracked.purpose is Purpose.DELETED_EARLY:
            return tracked.stage == 0
        return tracked.purpose is Purpose.DELETED and tracked.stage > 0

    def _allowed_deletion(self, tracked: TrackedTask, case: Case) -> Script:
        """Delete a task that may be deleted; if that is rejected, read the status again, for it may just have moved on."""
        before = tracked.stage
        exchange = yield delete_request(tracked.task.task_id)
        if exchange.attempts > 1 and exchange.status == 404:
            tracked.task.deleted = True
            self._results.inconclusive(case, "an earlier attempt may have been carried out")
            return
        if exchange.accepted:
            tracked.task.deleted = True
            self._session.evaluator.evaluate(case, exchange, accepted(), tracked.task.task_id)
            yield from self._verify_deletion(tracked)
            return
        yield from self._read(tracked)
        if tracked.stage == before or before > 0:
            problem = f"a task that is {contract().lifecycle.statuses[before]} cannot be deleted: the response is {exchange.status}"
            self._results.fail(case, "NC401", problem, exchange)
        else:
            self._results.inconclusive(case, "the task moved on before it was deleted")

    def _forbidden_deletion(self, tracked: TrackedTask, case: Case) -> Script:
        """Delete a task that may not be deleted. Since it may end at that moment, only a second success is a failure."""
        stage = tracked.stage
        exchange = yield delete_request(tracked.task.task_id)
        if not exchange.accepted:
            self._session.evaluator.evaluate(case, exchange, rejected("NC401"))
            return
        tracked.task.deleted = True
        confirmed = stage in self._wrong_deletions
        self._wrong_deletions.setdefault(stage, exchange)
        # The task was unfinished when this time began. The process of the check may have been held up within it.
        took_s = (exchange.received_ms - tracked.last_unfinished_ms) / 1000
        # Stages are measured from poll to poll, so they may last half as long as it seems.
        stage_s = FULL_PACE_S if self._pace.shortest_s is None else self._pace.shortest_s / 2
        # One stage can be over at any moment, but not two of them within the time of one, and hardly one at each of two short times.
        unlikely = took_s < (stage_s / 2 if confirmed else stage_s)
        if unlikely and (confirmed or (stage < BUILDING and (yield from self._first_is_unfinished()))):
            self._results.fail(case, "NC401", f"a task that is {contract().lifecycle.statuses[stage]} was deleted", exchange)
        else:
            self._results.inconclusive(case, "a task was deleted that may have ended at that moment")

    def _first_is_unfinished(self) -> Script:
        """Return whether the first task of the run has not ended yet, so that a later one should not have ended before."""
        first = self._tracked[0]
        if not first.ended:
            yield from self._read(first)
        return not first.ended

    def _verify_deletion(self, tracked: TrackedTask) -> Script:
        """Check, once in full, that ID, list and name know nothing of a deleted task, and that the others still exist."""
        task_id = tracked.task.task_id
        if self._deletion_verified and self._session.few_requests:
            return
        yield from self._request_deleted(get_request, task_id, GONE, "a task that was deleted can be read")
        if self._deletion_verified:
            if ANOTHER_NAME_FREE.id not in self._names_tried:
                yield from self._reuse_deleted_name(tracked, ANOTHER_NAME_FREE)
            return
        self._deletion_verified = True
        yield from self._request_deleted(delete_request, task_id, DELETED_AGAIN, "a task that was deleted can be deleted again")
        exchange = yield from self._read_all()
        self._check_list_without(task_id, exchange)
        yield from self._reuse_deleted_name(tracked, NAME_FREE)

    def _reuse_deleted_name(self, tracked: TrackedTask, case: Case) -> Script:
        """Use the name of a deleted task again; whether it is free is a reading."""
        self._names_tried.add(case.id)
        exchange = yield create_request(tracked.task.payload)
        evaluator, reading = self._session.evaluator, "name-after-deletion"
        if self._session.inference.options[reading] == ("free",):
            evaluator.evaluate_free_name(case, exchange, "NC402", "the name of a task that was deleted is still occupied")
        else:
            evaluator.evaluate(case, exchange, rejected_under("NC404", reading, "kept"), tracked.task.payload)

    def _check_list_without(self, task_id: str, exchange: Exchange) -> None:
        """Check what a list shows after a deletion: the other tasks, and not the deleted one."""
        ids = {item["task_id"] for item in tasks_of(exchange)}
        self._results.add_exchange(GONE_FROM_LIST, exchange)
        self._results.add_exchange(OTHERS_KEPT, exchange)
        if task_id in ids:
            self._results.fail(GONE_FROM_LIST, "NC402", "a task that was deleted is in the list", exchange, "/tasks")
        elif not ids:
            self._results.insufficient(GONE_FROM_LIST, "the list showed no task after the deletion")
        elif len(ids) >= _page_size(exchange.request.path.partition("?")[2]):
            self._results.insufficient(GONE_FROM_LIST, "the list has so many tasks that its first page does not show all")
        else:
            self._results.passed(GONE_FROM_LIST)
        if exchange.accepted and any(tracked.exists and tracked.stage >= 0 for tracked in self._tracked):
            self._results.passed(OTHERS_KEPT)  # `_lose` records those that have disappeared
        else:
            self._results.insufficient(OTHERS_KEPT, "no other task of this run was seen after the deletion")

    def _request_deleted(self, build: Callable[[str], RequestSpec], task_id: str, case: Case, problem: str) -> Script:
        """Send a request for a deleted task."""
        exchange = yield build(task_id)
        if exchange.accepted:
            self._results.fail(case, "NC402", problem, exchange)
        else:
            self._session.evaluator.evaluate(case, exchange, rejected("NC407"))

    # -- the end ----------------------------------------------------------------------------------------------------------------------

    def _finish(self) -> Script:
        """Test what can be tested only when tasks have ended, and record why the other cases were not tested."""
        observed, failing = self._tracked[0], self._find(Purpose.FAILING)
        yield from self._reuse_name(NAME_AFTER_END, Purpose.OBSERVED, (COMPLETED, FAILED))
        yield from self._reuse_name(NAME_AFTER_FAILURE, Purpose.FAILING, (FAILED,))
        if observed.stage >= COMPLETED and not observed.lost:
            if observed.read_stage != observed.stage or not self._session.few_polls:
                yield from self._read(observed)
            yield Wait(min(LATER_S, 4 * (self._pace.shortest_s or 0)))
            yield from self._read(observed)
            if failing is not None:
                yield from self._read(failing)
            if not self._session.few_polls:
                yield from self._read_all()
        if failing is not None and failing.stage == FAILED and not failing.lost:
            yield from self._allowed_deletion(failing, DELETE_CASES[FAILED])
        self._infer_success_status()
        self._results.inconclusive(QUEUE, "no two tasks were seen in progress together")
        if self._queue.handovers > 1 and not self._queue.parallel and len(self._session.inference.options["queue"]) > 1:
            # Last of all: it is likely, but a server could take turns and still build two.
            self._session.evaluator.rule_out(QUEUE, "queue", "parallel")
        for case in _decided_cases():
            if case.needs_failing_file and not self._session.fixture_data.failing_file:
                self._results.not_tested(case, NO_FAILING_FILE, Cause.NO_FAILING_FILE)
            elif case in AFTER_DELETION:
                self._results.not_tested(case, "no task of this run was deleted, or not in time")
            else:
                self._results.not_tested(case, "no task of this run got that far in time")
        self._results.not_tested(self._case, "no task of this run got that far in time")

    def _infer_success_status(self) -> None:
        """Rule out other successes than 200 when creations and deletions have succeeded, and all with 200."""
        seen = self._session.evaluator.success_statuses
        complete = {operation for operation, _ in seen} >= {"createTask", "deleteTask"}
        if complete and {status for _, status in seen} == {SUCCESS} and self._session.inference.decided("success-status") is None:
            self._session.evaluator.rule_out(self._case, "success-status", GATEWAY_SUCCESS)
