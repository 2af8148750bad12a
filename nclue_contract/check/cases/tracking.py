"""The tasks that a contract check watches: what is seen of them, and whether it may follow what was seen before.

The pages are "Create task" (the states) and "Get task".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from nclue_contract.check.cases.lists import check_items, tasks_of
from nclue_contract.check.cases.names import compare
from nclue_contract.check.expectations import accepted
from nclue_contract.check.requests import Exchange, get_request, list_request
from nclue_contract.check.results import Case, Script, StatusSample
from nclue_contract.check.server_clock import instant
from nclue_contract.check.session import CheckSession, CreatedTask
from nclue_contract.contract.model import contract

QUICK_S, SLOW_S, IDLE_S = 0.2, 0.42, 5.0
"""Seconds between two looks at the subjects: the least, what sees every stage of half a second, and the most."""

LOOKS = 2.5
"""Looks for each stage of the length that stages have here."""

ROUNDED_MS = 2000
"""What two times that are written in whole seconds may be off by together."""

LATE_MS = 12_000
"""How much later than the end a server may show it: some ask their workers only now and then."""

MEASURED = "disk_usage"
"""The field that a server may measure anew for each look."""

SETTLED = tuple(field.name for field in contract().responses["Task"] if field.name != MEASURED)
"""The fields of a task that do not change any more when it has ended."""

AFTERWARDS = 12
"""Requests that are kept for what is asked when tasks have ended."""


def words() -> tuple[str, ...]:
    """The states in their order; the last two are the ends."""
    return contract().status_words


def stage_of(status: object) -> int | None:
    """The number of a state in the order of the page, whatever the reading of its word; both ends are told apart. None: no state."""
    return contract().lifecycle.stage(str(status))


@dataclass(slots=True)
class TrackedTask:
    """A task that is watched: the state that was seen last and when (milliseconds), and what was tried with it."""

    made: CreatedTask
    purpose: str
    stage: int = -1
    moved_ms: int = 0
    first_ms: int = 0
    unfinished_ms: int = 0
    tried: set[int] = field(default_factory=set)
    shown: dict[str, Any] = field(default_factory=dict)
    lost: bool = False

    @property
    def ended(self) -> bool:
        """Whether it has reached an end, or is not there any more."""
        return self.made.deleted or self.lost or self.stage >= len(words()) - 2


class Watch:
    """The watcher's memory. `case` is what is judged in general, `cases` those that particular sights decide, by their IDs."""

    def __init__(self, bench: CheckSession, case: Case, cases: Iterable[Case]) -> None:
        self.bench = bench
        self.case = case
        self.cases: dict[str, Case] = {other.id: other for other in cases}
        self.subjects: list[TrackedTask] = []
        self.together: bool = False
        self.building: str = ""
        self.handovers: int = 0
        self.begun_ms = 0
        self.shortest_s: float | None = None

    def look(self, subject: TrackedTask) -> Script:
        """Read one subject with getTask."""
        exchange = yield get_request(subject.made.task_id)
        if exchange.status == 404:
            self.lose(subject, exchange)
            return
        compare(self.bench, self.case, subject.made, exchange)
        self.see(subject, exchange.fields, exchange)
        self.settled(subject, exchange)

    def lose(self, subject: TrackedTask, exchange: Exchange) -> None:
        """A task that nobody deleted is not there any more."""
        if not subject.made.deleted and not subject.lost:
            subject.lost = True
            case = self.cases["kept[the other tasks]"]
            self.bench.fail(case, self.bench.finding("NC408", "a task that nobody deleted is not there any more"), exchange)

    def settled(self, subject: TrackedTask, exchange: Exchange) -> None:
        """What is shown of a task that has ended does not change any more, and a failure is told with a word of the system."""
        shown, bench = exchange.fields, self.bench
        if subject.stage < len(words()) - 2 or not exchange.accepted:
            return
        for name in SETTLED:
            if name in shown and name in subject.shown and shown[name] != subject.shown[name]:
                problem = f"{name} changes from look to look, although the task has ended"
                bench.fail(self.case, bench.finding("NC403", problem, f"/{name}"), exchange)
        subject.shown = shown
        message = shown.get("fail_message")
        if isinstance(message, str) and not re.fullmatch("[A-Z][A-Z0-9_]*", message):
            problem = f"fail_message is {message!r:.60}, and not a word such as those of the Guide"
            bench.fail(self.case, bench.finding("NC309", problem, "/fail_message"), exchange)

    def see(self, subject: TrackedTask, shown: dict[str, Any], exchange: Exchange) -> None:
        """Write down a state, and judge whether it may follow the one before."""
        status, stage = shown.get("status"), stage_of(shown.get("status"))
        if stage is None:
            return
        bench, before = self.bench, subject.stage
        self.bench.status_samples.append(
            StatusSample(exchange.received_ms, subject.made.task_id, str(status)[:40], exchange.request.operation)
        )
        final = len(words()) - 2
        if stage < before or (before >= final and stage != before):
            problem = f"{exchange.request.operation} shows {status!s:.40} after {words()[before]} was shown"
            bench.fail(
                self.cases[f"life[{words()[before]}]"], bench.finding("NC400", f"the task goes back: {problem}", "/status"), exchange
            )
            return
        if stage != before:
            if before >= 0:
                lasted_s = (exchange.received_ms - subject.moved_ms) / 1000 / (stage - before)
                self.shortest_s = lasted_s if self.shortest_s is None else min(lasted_s, self.shortest_s)
            subject.stage, subject.moved_ms = stage, exchange.received_ms
        subject.first_ms = subject.first_ms or exchange.received_ms  # it was created before that
        if stage < final:
            subject.unfinished_ms = exchange.sent_ms
        bench.passed(self.cases[f"life[{words()[stage]}]"])
        if subject.purpose == "failing" and stage == final:
            problem = f"a task of {bench.known.failing_file!s:.80}, with which tasks fail, is shown as {status!s:.40}"
            bench.fail(self.case, bench.finding("NC314", problem, "/status"), exchange)
        self.times(subject, shown, exchange, ended=stage >= final)

    def times(self, subject: TrackedTask, shown: dict[str, Any], exchange: Exchange, *, ended: bool) -> None:
        """The time of the end lies between the creation and now, and is there exactly when the task has ended."""
        bench, text = self.bench, shown.get("completed_at")
        if "completed_at" not in shown:
            return
        failed = stage_of(shown.get("status")) == len(words()) - 1  # no page says that a failed task has the time
        if exchange.request.operation == "listTasks" and (text is not None) != ended and not failed:
            problem = f"completed_at is {'null' if text is None else 'there'}, but the status is {shown.get('status')!s:.40}"
            bench.fail(self.case, bench.finding("NC314", problem, "/completed_at"), exchange)
        at_ms, created_ms = instant(text), instant(subject.made.shown.get("created_at"))
        if at_ms is None or created_ms is None:
            return
        # Both are times of the server, so no clock of ours is needed: only how long we have waited. Each is cut to whole seconds.
        took_ms, least_ms = at_ms - created_ms, subject.unfinished_ms - subject.first_ms
        problem = ""
        if took_ms < -1000:
            problem = "completed_at lies before created_at"
        elif took_ms > exchange.received_ms - subject.made.sent_ms + ROUNDED_MS:
            problem = "completed_at lies in the future"
        elif took_ms < least_ms - LATE_MS:
            problem = "completed_at lies before the task was last seen unfinished"
        if problem:
            bench.fail(self.case, bench.finding("NC314", problem, "/completed_at"), exchange)

    def pause(self, end_ms: int) -> float:
        """Seconds until the next look: at the pace of the server, so that the requests are not used up before the time is.

        Until something moves, looks become rarer; then they follow the shortest stage that was seen.
        """
        now_ms, spare = self.bench.now_ms(), self.bench.spare - AFTERWARDS
        left_s = (end_ms - now_ms) / 1000
        quiet_s = (now_ms - self.begun_ms) / 1000
        pace = QUICK_S + quiet_s / 10 if self.shortest_s is None else self.shortest_s / LOOKS
        rounds = max(1.0, spare / 1.5)
        if rounds * SLOW_S > left_s:  # enough for all of the time
            pace = min(pace, SLOW_S)
        elif rounds < 6:  # the last ones are spread, but so that no stage is missed
            pace = max(pace, min(left_s / rounds, 0.8 * (self.shortest_s or left_s)))
        return max(QUICK_S, min(IDLE_S, pace, left_s))

    def look_at_all(self) -> Script:
        """Read all subjects with one list; those that are not on its first page one by one."""
        limit = contract().parameter("limit").maximum
        exchange = yield list_request(f"limit={limit}")
        self.bench.judge_answer(self.case, exchange, accepted(), f"limit={limit}")
        if not exchange.accepted:
            return
        check_items(self.bench, self.case, exchange)
        shown = {item["task_id"]: item for item in tasks_of(exchange)}
        for subject in self.subjects:
            if item := shown.get(subject.made.task_id):
                self.see(subject, item, exchange)
            elif subject.made.deleted or subject.lost:
                continue
            elif len(shown) >= (limit or 0):
                yield from self.look(subject)
            elif len(shown) == len(tasks_of(exchange)):
                yield from self.missing(subject, exchange)
        self.count_building(exchange, shown)

    def missing(self, subject: TrackedTask, exchange: Exchange) -> Script:
        """A subject is not in a list that has room for it: it is gone, or the list leaves it out."""
        yield from self.look(subject)
        if not subject.lost:
            self.bench.fail(self.case, self.bench.finding("NC504", "a task that getTask shows is not in the list", "/tasks"), exchange)

    def count_building(self, exchange: Exchange, shown: dict[str, dict[str, Any]]) -> None:
        """Two tasks in progress in one answer refute the reading that one is built at a time; one after the other refutes the other."""
        stages = {task_id: stage_of(item.get("status")) for task_id, item in shown.items()}
        in_progress = len(words()) - 3
        building = [task_id for task_id, stage in stages.items() if stage == in_progress]
        waiting = [s for s in self.subjects if stages.get(s.made.task_id) == in_progress - 1]
        bench, case = self.bench, self.cases["queue[how many at a time]"]
        if len(building) > 1 and not self.together:
            self.together = True
            if bench.inference.possible["queue"] == ("serial",):
                bench.fail(case, bench.finding("NC409", f"{len(building)} tasks are in progress together"), exchange)
            else:
                bench.passed(case)
                bench.refute(case, "queue", "serial", exchange)
        if len(building) == 1 and building[0] != self.building:
            # Others were ready as well, and the one before has ended: tasks that are built together would not take turns.
            self.handovers += bool(self.building and (waiting or self.handovers))
            self.building = building[0]
        if self.handovers == 2 and not self.together:
            bench.passed(case)
        waits = {s.made.task_id for s in self.subjects if stages.get(s.made.task_id) in range(in_progress)}
        overtaken = [s for s in self.subjects[: self._place(building)] if s.made.task_id in waits]
        if overtaken and bench.inference.possible["queue"] == ("serial",):
            bench.fail(case, bench.finding("NC409", "a task is in progress before one that was asked for earlier"), exchange)

    def _place(self, building: list[str]) -> int:
        """The place of the first subject that is in progress, in the order of their creation; 0 when there is none."""
        return next((place for place, s in enumerate(self.subjects) if s.made.task_id in building), 0)
