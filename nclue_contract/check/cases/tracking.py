"""Tracked tasks, the pace at which they are polled, and what shows how many of them are built at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from nclue_contract.check.created_tasks import CreatedTask
from nclue_contract.contract.model import contract

COMPLETED, FAILED = len(contract().lifecycle.statuses) - 2, len(contract().lifecycle.statuses) - 1
"""The two final stages."""

BUILDING = COMPLETED - 1
"""The stage in which a task is built."""

MIN_PAUSE_S, FULL_PACE_S, MAX_PAUSE_S = 0.2, 0.42, 5.0
"""Seconds between two polls: at least, what shows every stage of half a second, and at most."""

POLLS_PER_STAGE = 2.5
"""Polls during the shortest stage that was observed."""

FIRST_PAUSE_S = 0.3
"""Seconds before the first poll, where the budget does not suffice for the plan."""

POLLS_WITH_FEW = 2
"""The same, where the budget does not suffice for the plan."""

RESERVED_REQUESTS = 12
"""Requests that are reserved for what can be tested only when tasks have ended."""


class Purpose(Enum):
    """Purpose of a tracked task."""

    OBSERVED = auto()
    FAILING = auto()
    DELETED = auto()
    CONFIRMING = auto()
    DELETED_EARLY = auto()


@dataclass(slots=True)
class TrackedTask:
    """A task that is polled, its latest stage (-1: none yet), that of getTask, and the fields that getTask showed once it had ended.

    `moved_ms` is when that stage was seen first, `first_seen_ms` when the task was, and `last_unfinished_ms` when a request was sent that
    showed it unfinished, all in milliseconds since 1970-01-01 UTC. `deletions_tried` are the stages in which a deletion was tried. A `lost`
    task has disappeared, although this run has not deleted it.
    """

    task: CreatedTask
    purpose: Purpose
    stage: int = -1
    read_stage: int = -1
    moved_ms: int = 0
    first_seen_ms: int = 0
    last_unfinished_ms: int = 0
    deletions_tried: set[int] = field(default_factory=set)
    final_fields: dict[str, Any] = field(default_factory=dict)
    lost: bool = False

    @property
    def exists(self) -> bool:
        """Return whether the task should be there."""
        return not (self.task.deleted or self.lost)

    @property
    def ended(self) -> bool:
        """Return whether it has reached a final stage, or does not exist any more."""
        return not self.exists or self.stage >= COMPLETED


@dataclass(slots=True)
class PollingPace:
    """The pace of the polls; `shortest_s` is the shortest stage so far, in seconds, None before any task has moved on."""

    shortest_s: float | None = None

    def stage_lasted(self, seconds: float) -> None:
        """Adapt to a stage of this length."""
        self.shortest_s = seconds if self.shortest_s is None else min(seconds, self.shortest_s)

    def pause_s(self, *, elapsed_s: float, left_s: float, budget: int, few: bool = False) -> float:
        """Return the seconds until the next poll, after so many seconds of polling, with so many seconds and requests left.

        `few`: the budget does not suffice for the plan, so that each poll has to show something new.
        """
        if few:
            pace = max(elapsed_s, FIRST_PAUSE_S) if self.shortest_s is None else self.shortest_s / POLLS_WITH_FEW
            return max(MIN_PAUSE_S, min(pace, left_s))
        pace = MIN_PAUSE_S + elapsed_s / 10 if self.shortest_s is None else self.shortest_s / POLLS_PER_STAGE
        polls = max(1.0, (budget - RESERVED_REQUESTS) / 1.5)  # a poll is one list request, and often a get request
        if polls * FULL_PACE_S > left_s:  # enough for all of the time
            pace = min(pace, FULL_PACE_S)
        elif polls < 6:  # spread the last ones, but so that no stage is missed
            pace = max(pace, min(left_s / polls, 0.8 * (self.shortest_s or left_s)))
        return max(MIN_PAUSE_S, min(MAX_PAUSE_S, pace, left_s))


@dataclass(slots=True)
class BuildQueue:
    """What the lists returned about the order in which tasks are built.

    `parallel`: two were in progress in one response. `handovers` counts how often another task was in progress than before while others
    were ready: tasks that are built together would not take turns.
    """

    parallel: bool = False
    handovers: int = 0
    _building: str = ""

    def observe(self, stages: Mapping[str, int | None], tracked: Sequence[TrackedTask]) -> None:
        """Take the stages of all tasks in one list into account, by their IDs."""
        building = self.building(stages)
        self.parallel |= len(building) > 1
        if len(building) == 1 and building[0] != self._building:
            ready = any(stages.get(one.task.task_id) == BUILDING - 1 for one in tracked)
            self.handovers += bool(self._building and (ready or self.handovers))
            self._building = building[0]

    @property
    def observation(self) -> str:
        """Return what the lists showed, in words."""
        if self.parallel:
            return "a list showed two tasks in progress"
        if not self._building:
            return "no list showed a task in progress"
        turns = f"{self.handovers} times, the next task was in progress" if self.handovers else "only one task was ever in progress"
        return f"no list showed two tasks in progress; {turns}"

    @staticmethod
    def building(stages: Mapping[str, int | None]) -> list[str]:
        """Return the IDs of the tasks in progress."""
        return [task_id for task_id, stage in stages.items() if stage == BUILDING]

    @staticmethod
    def overtaken(stages: Mapping[str, int | None], tracked: Sequence[TrackedTask]) -> bool:
        """Return whether a task is in progress before a tracked one that was created earlier."""
        in_order = [stages.get(one.task.task_id) for one in tracked]
        first = in_order.index(BUILDING) if BUILDING in in_order else 0
        return any(stage in range(BUILDING) for stage in in_order[:first])
