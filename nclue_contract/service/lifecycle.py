"""How a task goes from registered to its end: by itself, by the clock, by being looked at, or by hand. Pure: the time is an argument.

The pages: "Create task" (the steps), "Delete task" (which states allow it), Guide (one task is built at a time).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from nclue_contract.contract.model import contract

Mode = Literal["immediate", "seconds", "reads", "manual"]
MODES: tuple[Mode, ...] = ("immediate", "seconds", "reads", "manual")


@dataclass(frozen=True, slots=True)
class Progress:
    """When a task takes its next step: at once, after `amount` seconds, after `amount` reads, or when somebody calls for it."""

    mode: Mode = "immediate"
    amount: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Progress:
        """`immediate`, `seconds:0.5`, `reads:1` or `manual`; raises `ValueError`. Without an amount: half a second, one read."""
        name, colon, number = text.partition(":")
        known: dict[str, Mode] = {mode: mode for mode in MODES}
        mode = known.get(name)
        try:
            amount = float(number) if colon else {"seconds": 0.5, "reads": 1.0}.get(name, 0.0)
        except ValueError:
            amount = -1.0
        if (
            mode is None
            or not 0 <= amount < 1e6
            or (colon and mode in {"immediate", "manual"})
            or (mode == "reads" and (amount % 1 or amount < 1))
        ):
            message = f"progress {text!r:.80} is none of immediate, seconds:N, reads:N, manual"
            raise ValueError(message)
        return cls(mode, amount)


@dataclass(slots=True)
class Task:
    """A task as the service keeps it. Times are milliseconds since 1970-01-01 UTC; `stage` counts the words of `TaskStatus` from 0."""

    task_id: str
    name: str
    fields: dict[str, str | None]
    created_ms: int
    fail_message: str | None = None
    stage: int = 0
    since_ms: int = field(default=0)
    reads: int = 0
    ended_ms: int | None = None


class Lifecycle:
    """Moves tasks forward; `serial` lets one task at a time be in progress, in the order of creation."""

    def __init__(self, progress: Progress, *, serial: bool = False) -> None:
        self._progress = progress
        self._serial = serial
        lifecycle = contract().lifecycle
        stage = lifecycle.statuses.index
        self._building: int = stage(lifecycle.building)
        self._completed: int = stage(lifecycle.completed)
        self._failed: int = stage(lifecycle.failed)
        self._deletable: frozenset[int] = frozenset(map(stage, lifecycle.deletable))

    @property
    def by_clock(self) -> bool:
        """Whether tasks move by the seconds that pass."""
        return self._progress.mode == "seconds"

    def ended(self, task: Task) -> bool:
        """Whether the task is completed or failed."""
        return task.stage in {self._completed, self._failed}

    def deletable(self, task: Task) -> bool:
        """Whether the page "Delete task" allows it: registered, completed or failed."""
        return task.stage in self._deletable

    def tick(self, tasks: Iterable[Task], now_ms: int) -> None:
        """Bring the tasks that have not ended, in the order of their creation, to where they are at this time."""
        if self._progress.mode in {"manual", "reads"}:
            return
        step = round(self._progress.amount * 1000)
        free_ms: int | None = 0  # when the builder is free for the next task; None: not yet
        for task in tasks:
            while not self.ended(task) and (next_ms := task.since_ms + step) <= now_ms:
                if self._serial and task.stage == self._building - 1:
                    if free_ms is None:
                        break
                    next_ms = max(next_ms, free_ms)
                self._step(task, next_ms)
            free_ms = task.ended_ms if free_ms is not None else None

    def read(self, task: Task, tasks: Iterable[Task], now_ms: int) -> None:
        """Count a look at a task; when progress goes by reads, every state but the last is shown as often as the amount says."""
        if self._progress.mode != "reads" or self.ended(task):
            return
        task.reads += 1
        if task.reads > self._progress.amount and self.advance(task, tasks, now_ms):
            task.reads = 1

    def advance(self, task: Task, tasks: Iterable[Task], now_ms: int) -> bool:
        """Move a task one step; False when it has ended, or waits for one that was created before it."""
        if self.ended(task):
            return False
        if self._serial and task.stage == self._building - 1:
            for earlier in tasks:
                if earlier is task:
                    break
                if not self.ended(earlier):
                    return False
        self._step(task, now_ms)
        return True

    def _step(self, task: Task, now_ms: int) -> None:
        ends = task.stage == self._building
        end = self._completed if task.fail_message is None else self._failed
        task.stage = end if ends else task.stage + 1
        task.since_ms = now_ms
        task.reads = 0
        if ends:
            task.ended_ms = now_ms
