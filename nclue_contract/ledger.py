"""Which tasks a contract check has created, on disk before they exist: so that none is forgotten, whatever happens to the check.

A ledger is a file of JSON Lines. A line is written, and has reached the disk, before each creation; another one says what came of it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

VERSION = 1


class Ledger:
    """Writes a ledger; `about` is what a later clean-up has to know (URL and signed path). Raises `OSError` if it cannot be written."""

    def __init__(self, path: Path, about: dict[str, str]) -> None:
        self.path = path
        self._file: TextIO = path.open("x", encoding="utf-8", newline="\n")
        self._write({"ledger": VERSION, **about})

    def creating(self, name: str) -> None:
        """A creation is about to be sent."""
        self._write({"creating": name})

    def answered(self, name: str, task_id: str | None) -> None:
        """A creation was answered: with a task, or refused (None)."""
        self._write({"answered": name, "task_id": task_id})

    def deleted(self, task_id: str) -> None:
        """A task is gone."""
        self._write({"deleted": task_id})

    def close(self) -> None:
        """No more is written."""
        self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())


@dataclass(frozen=True, slots=True)
class Remains:
    """What a ledger says is still there: tasks by their IDs, and names of creations that nobody knows the answer to."""

    url: str
    signed_prefix: str
    task_ids: tuple[str, ...]
    uncertain: tuple[str, ...]


def read_ledger(path: Path) -> Remains:
    """What is left to be deleted. A last line that was cut off is passed over. Raises `ValueError` for a file that is no ledger."""
    lines = list(_objects(path))
    if not lines or lines[0].get("ledger") != VERSION or not isinstance(lines[0].get("url"), str):
        raise ValueError(f"{path} is no ledger of a check, or one of another version")
    tasks: dict[str, None] = {}
    waiting: dict[str, None] = {}
    for line in lines[1:]:
        if "creating" in line:
            waiting[str(line["creating"])] = None
        elif "answered" in line:
            waiting.pop(str(line["answered"]), None)
            if isinstance(line.get("task_id"), str):
                tasks[line["task_id"]] = None
        else:
            tasks.pop(str(line.get("deleted")), None)
    return Remains(lines[0]["url"], str(lines[0].get("signed_prefix", "")), tuple(tasks), tuple(waiting))


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value
