"""The lifecycle of tasks, from registered to completed or failed: immediately, by the clock, by the number of reads, or by hand.

Nothing here reads a clock: the time is an argument. Documentation pages: "Create task" (the stages), "Delete task" (which stages allow
it), Guide (one task is built at a time).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from nclue_contract.contract.model import contract

Kind = Literal["immediate", "seconds", "reads", "manual"]
KINDS: tuple[Kind, ...] = ("immediate", "seconds", "reads", "manual")


@dataclass(frozen=True, slots=True)
class ProgressMode:
    """When a task moves to its next stage: immediately, after `amount` seconds, after `amount` reads, or when `advance` is called."""

    kind: Kind = "immediate"
    amount: float = 0.0

    @classmethod
    def parse(cls, text: str) -> ProgressMode:
        """Return the mode for `immediate`, `seconds[:N]`, `reads[:N]` or `manual`; N is 0.5 seconds or 1 read by default.

        Raises `ValueError` for any other text.
        """
        name, colon, number = text.partition(":")
        known: dict[str, Kind] = {kind: kind for kind in KINDS}
        kind = known.get(name)
        try:
            amount = float(number) if colon else {"seconds": 0.5, "reads": 1.0}.get(name, 0.0)
        except ValueError:
            amount = -1.0
        if (
            kind is None
            or not 0 <= amount < 1e6
            or (colon and kind in {"immediate", "manual"})
            or (kind == "reads" and (amount % 1 or amount < 1))
        ):
            message = f"progress {text!r:.80} is none of immediate, seconds:N, reads:N, manual"
            raise ValueError(message)
        return cls(kind, amount)


@dataclass(slots=True)
class Task:
    """A task of the service. Times are milliseconds since 1970-01-01 UTC; `stage` is the index of its word in `TaskStatus`, from 0."""

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
    """Moves tasks forward; with `serial`, one task at a time is in progress, in the order of creation."""

    def __init__(self, progress: ProgressMode, *, serial: bool = False) -> None:
        self._progress = progress
        self._serial = serial
        lifecycle = contract().lifecycle
        stage = lifecycle.statuses.index
        self._building: int = stage(lifecycle.building)
        self._completed: int = stage(lifecycle.completed)
        self._failed: int = stage(lifecycle.failed)
        self._ended: frozenset[int] = frozenset({self._completed, self._failed})
        self._deletable: frozenset[int] = frozenset(map(stage, lifecycle.deletable))

    @property
    def by_clock(self) -> bool:
        """Whether tasks move as seconds pass."""
        return self._progress.kind == "seconds"

    def ended(self, task: Task) -> bool:
        """Return whether the task is completed or failed."""
        return task.stage in self._ended

    def deletable(self, task: Task) -> bool:
        """Return whether the page "Delete task" allows it: the task is registered, completed or failed."""
        return task.stage in self._deletable

    def tick(self, tasks: list[Task], now_ms: int) -> list[Task]:
        """Move tasks, given in the order of their creation, to their stage at this time; return those that have not ended."""
        if self._progress.kind in {"seconds", "immediate"}:
            self._move(tasks, now_ms)
        return [task for task in tasks if task.stage not in self._ended]

    def _move(self, tasks: list[Task], now_ms: int) -> None:
        step = round(self._progress.amount * 1000)
        free_ms: int | None = 0  # when the next task can be built; None: not yet known
        for task in tasks:
            while task.stage not in self._ended and (next_ms := task.since_ms + step) <= now_ms:
                if self._serial and task.stage == self._building - 1:
                    if free_ms is None:
                        break
                    next_ms = max(next_ms, free_ms)
                self._step(task, next_ms)
            free_ms = task.ended_ms if free_ms is not None else None

    def read(self, task: Task, tasks: Iterable[Task], now_ms: int) -> None:
        """Count a read of a task; if progress goes by reads, every stage but the last is read as often as the amount says."""
        if self._progress.kind != "reads" or self.ended(task):
            return
        task.reads += 1
        if task.reads > self._progress.amount and self.advance(task, tasks, now_ms):
            task.reads = 1

    def advance(self, task: Task, tasks: Iterable[Task], now_ms: int) -> bool:
        """Move a task one stage; return False when it has ended, or waits for a task that was created before it."""
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
