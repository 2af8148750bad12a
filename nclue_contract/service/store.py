"""What the service remembers and knows: tasks by their IDs, a journal of the last requests, and what exists. Its size is bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nclue_contract.service.lifecycle import Task

JOURNAL_KEPT = 1000
"""Entries of the journal; older ones fall out."""


@dataclass(frozen=True, slots=True)
class World:
    """What the service knows besides its tasks. Unknown, failing and forbidden things are named; everything else exists.

    With `files`, no other files exist. Tasks fail by their name or by the file of their train data, with a message of the system.
    """

    unknown_features: frozenset[str] = frozenset()
    unknown_files: frozenset[str] = frozenset()
    personal_files: frozenset[str] = frozenset()
    failing_names: Mapping[str, str] = field(default_factory=dict)
    feature_names: Mapping[str, str] = field(default_factory=dict)
    failing_files: Mapping[str, str] = field(default_factory=dict)
    files: frozenset[str] | None = None

    def has_file(self, path: str) -> bool:
        """Whether there is such a file."""
        return path not in self.unknown_files and (self.files is None or path in self.files)

    def failure(self, fields: Mapping[str, str | None]) -> str | None:
        """The message with which a task of these fields fails in the end; None when it does not."""
        return self.failing_names.get(fields["name"] or "") or self.failing_files.get(fields["train_file_path"] or "")


class Store:
    """Tasks in the order of their creation, and the journal. A name is free again when its task is deleted."""

    def __init__(self, max_tasks: int = 10_000) -> None:
        self.max_tasks: int = max_tasks
        self.journal: deque[dict[str, Any]] = deque(maxlen=JOURNAL_KEPT)
        self.requests: int = 0
        self._tasks: dict[str, Task] = {}
        self._names: dict[str, str] = {}

    @property
    def full(self) -> bool:
        """Whether there is no room for another task."""
        return len(self._tasks) >= self.max_tasks

    def add(self, task: Task) -> bool:
        """Keep a task; False when its name is taken. Looking and taking is one step, so two creations cannot both have a name."""
        if self._names.setdefault(task.name, task.task_id) != task.task_id:
            return False
        self._tasks[task.task_id] = task
        return True

    def get(self, task_id: str) -> Task | None:
        """The task with this id."""
        return self._tasks.get(task_id)

    def remove(self, task: Task) -> None:
        """Forget a task."""
        self._tasks.pop(task.task_id, None)
        self._names.pop(task.name, None)

    def free(self, name: str) -> None:
        """Let a name be taken again, although its task is still there."""
        self._names.pop(name, None)

    def named(self, name: str) -> bool:
        """Whether the name is taken."""
        return name in self._names

    def __iter__(self) -> Iterator[Task]:
        return iter(self._tasks.values())

    def __len__(self) -> int:
        return len(self._tasks)

    def clear(self) -> None:
        """Forget everything."""
        self._tasks.clear()
        self._names.clear()
        self.journal.clear()
        self.requests = 0
