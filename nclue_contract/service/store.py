"""Storage of the service: tasks by their IDs, a journal of the last requests, and fixture data. Its size is bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nclue_contract.service.lifecycle import Task
from nclue_contract.validation.names import collated

JOURNAL_KEPT = 1000
"""Entries of the journal; older ones are dropped."""


@dataclass(frozen=True, slots=True)
class ExternalData:
    """The test data of the service: which features and files do not exist, hold personal data, or make a task fail.

    Everything that is not named exists; with `files`, no other files exist. `failing_names` and `failing_files` map the name of a task, or
    the path of its train data, to the `fail_message` with which the task fails. `feature_names` maps feature IDs to names.
    """

    unknown_features: frozenset[str] = frozenset()
    unknown_files: frozenset[str] = frozenset()
    personal_files: frozenset[str] = frozenset()
    failing_names: Mapping[str, str] = field(default_factory=dict)
    feature_names: Mapping[str, str] = field(default_factory=dict)
    failing_files: Mapping[str, str] = field(default_factory=dict)
    files: frozenset[str] | None = None

    def has_file(self, path: str) -> bool:
        """Return whether the file exists."""
        return path not in self.unknown_files and (self.files is None or path in self.files)

    def failure(self, fields: Mapping[str, str | None]) -> str | None:
        """Return the `fail_message` of a task with these fields; None when the task does not fail."""
        return self.failing_names.get(fields["name"] or "") or self.failing_files.get(fields["train_file_path"] or "")


class Store:
    """Tasks in the order of their creation, and the journal. When a task is deleted, its name can be used again unless names are kept.

    With `compare_collated`, names that are only similar count as the same. `max_tasks` bounds the names that are kept as well.
    """

    def __init__(self, max_tasks: int = 10_000, *, compare_collated: bool = False, keep_names: bool = False) -> None:
        self.max_tasks: int = max_tasks
        self.compare_collated: bool = compare_collated
        self.keep_names: bool = keep_names
        self.journal: deque[dict[str, Any]] = deque(maxlen=JOURNAL_KEPT)
        self.requests: int = 0
        self._tasks: dict[str, Task] = {}
        self._names: dict[str, str] = {}

    @property
    def full(self) -> bool:
        """Whether the maximum number of tasks is reached."""
        return len(self._tasks) >= self.max_tasks

    def add(self, task: Task) -> bool:
        """Keep a task; return False when its name is in use. Test and reservation of the name are one step."""
        if self._names.setdefault(self._key(task.name), task.task_id) != task.task_id:
            return False
        self._tasks[task.task_id] = task
        return True

    def get(self, task_id: str) -> Task | None:
        """Return the task with this ID; None when there is none."""
        return self._tasks.get(task_id)

    def remove(self, task: Task) -> None:
        """Remove a task, and release its name unless names are kept; of many kept names, the oldest is released."""
        self._tasks.pop(task.task_id, None)
        if not self.keep_names:
            self._names.pop(self._key(task.name), None)
        elif len(self._names) > 2 * self.max_tasks:
            self._names.pop(next(name for name, task_id in self._names.items() if task_id not in self._tasks), None)

    def release_name(self, name: str) -> None:
        """Let a name be used again although its task still exists."""
        self._names.pop(self._key(name), None)

    def has_name(self, name: str) -> bool:
        """Return whether the name is in use."""
        return self._key(name) in self._names

    def _key(self, name: str) -> str:
        return collated(name) if self.compare_collated else name

    def __iter__(self) -> Iterator[Task]:
        return iter(self._tasks.values())

    def __len__(self) -> int:
        return len(self._tasks)

    def clear(self) -> None:
        """Remove all tasks and the journal."""
        self._tasks.clear()
        self._names.clear()
        self.journal.clear()
        self.requests = 0
