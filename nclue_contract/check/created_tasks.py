"""Record of the tasks that a check run has created."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nclue_contract.check.requests import Exchange, value_of
from nclue_contract.check.task_ids import UNUSABLE, why_unusable


@dataclass(slots=True)
class CreatedTask:
    """A task that this run has created: the payload, what createTask returned, and when it was sent (ms since 1970-01-01 UTC)."""

    task_id: str
    payload: dict[str, Any]
    created: dict[str, Any]
    sent_ms: int
    deleted: bool = False

    @classmethod
    def of(cls, exchange: Exchange) -> CreatedTask | None:
        """Return the task that a create request has created; None if the response shows no ID."""
        if exchange.request.operation != "createTask" or not exchange.accepted or not isinstance(exchange.fields.get("task_id"), str):
            return None
        # A server may read what our own parser does not, such as a deeply nested value.
        payload = value_of(exchange.request.body)
        return cls(exchange.fields["task_id"], payload if isinstance(payload, dict) else {}, exchange.fields, exchange.sent_ms)


class CreatedTasks:
    """The tasks of a run, in the order of their creation.

    `unusable` are the IDs of others, which cannot be put into a path, so that no request can be for them.
    """

    def __init__(self) -> None:
        self._by_id: dict[str, CreatedTask] = {}
        self.unusable: set[str] = set()

    def __iter__(self) -> Iterator[CreatedTask]:
        """Iterate over all of them, those that were deleted included."""
        return iter(self._by_id.values())

    def add(self, task: CreatedTask) -> bool:
        """Add a task; return False, and change nothing, if there is one with its ID. Of an unusable ID only the ID is stored."""
        if why_unusable(task.task_id):
            self.unusable.add(task.task_id)
            return True
        return self._by_id.setdefault(task.task_id, task) is task

    def get(self, task_id: object) -> CreatedTask | None:
        """Return the task with this ID; None for an unknown ID, or a value that is none."""
        return self._by_id.get(task_id) if isinstance(task_id, str) else None

    @property
    def first(self) -> CreatedTask | None:
        """Return the first task of the run, which the control request has created."""
        return next(iter(self), None)

    @property
    def why_none(self) -> str:
        """Return why there is no task that a request could be for."""
        return f"the ID of every task of this run {UNUSABLE}" if self.unusable else "there is no task of this run"

    def remaining(self) -> list[CreatedTask]:
        """Return those that this run has not deleted."""
        return [task for task in self if not task.deleted]
