"""Which tasks a contract check has created, on disk before they exist: so that none is forgotten, whatever happens to the check.

A ledger is a file of JSON Lines. A line is written, and has reached the disk, before each creation; another one says what came of it.
What the lines leave over is what a clean-up has to look for.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from nclue_contract.check.cases.lists import tasks_of
from nclue_contract.check.requests import Exchange, RequestSpec, delete_request, list_request
from nclue_contract.check.sender import ATTEMPTS, RATE_LIMITED_PAUSE_S, Transport
from nclue_contract.contract.model import contract
from nclue_contract.validation.response import SUCCESS

VERSION = 1

PAGES = 50
"""Pages of the list that a clean-up looks through, at most."""


class Ledger:
    """Writes a ledger; `about` is what a later clean-up has to know. Raises `OSError` if it cannot be written, and never into an old one.

    What `about` holds: `url`, `signed_prefix`, and `run`, the word that stands in the names of this run and in no others.
    """

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
    """What a ledger says is still there: tasks by their IDs, and names of creations that nobody knows the answer to.

    `signed_prefix` None is the path of the URL, `run` the word in the names of the run; empty when the ledger does not say it.
    """

    url: str
    signed_prefix: str | None
    run: str
    task_ids: tuple[str, ...]
    uncertain: tuple[str, ...]


def read_ledger(path: Path) -> Remains:
    """What is left to be deleted. A line that was cut off is passed over. Raises `ValueError` for a file that is no ledger."""
    lines = list(_objects(path))
    if not lines or lines[0].get("ledger") != VERSION or not isinstance(lines[0].get("url"), str):
        raise ValueError(f"{path} is no ledger of a check, or one of another version")
    tasks: dict[str, None] = {}
    waiting: Counter[str] = Counter()  # a creation that is sent again is another one: the first may have been carried out all the same
    for line in lines[1:]:
        if "creating" in line:
            waiting[str(line["creating"])] += 1
        elif "answered" in line:
            waiting[str(line["answered"])] -= 1
            if isinstance(line.get("task_id"), str):
                tasks[line["task_id"]] = None
        else:
            tasks.pop(str(line.get("deleted")), None)
    prefix, run = lines[0].get("signed_prefix"), lines[0].get("run")
    return Remains(
        lines[0]["url"],
        prefix if isinstance(prefix, str) else None,
        run if isinstance(run, str) else "",
        tuple(tasks),
        tuple(name for name, number in waiting.items() if name and number > 0),  # a body without a name makes no task
    )


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ValueError(f"the ledger {path} cannot be read: {error.strerror}") from error
    for line in text.split("\n"):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            yield value


# -- cleaning up -----------------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Cleaned:
    """What came of a clean-up: IDs of tasks that are gone and of those that are left, and why it ended early.

    `doubtful` are names of creations that nobody knows the answer to, and of tasks that may as well be somebody else's.
    """

    gone: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)
    trouble: str = ""


def take_away(remains: Remains, transport: Transport, rate: float) -> Cleaned:
    """Delete what is left, with at most so many requests per second (0: as many as go)."""
    send, cleaned = _Patient(transport, rate), Cleaned(left=list(remains.task_ids))
    if remains.uncertain:
        _look_up(remains, send, cleaned)
    for task_id in tuple(cleaned.left):
        exchange = send(delete_request(task_id))
        if exchange.error or exchange.status in {401, 403}:
            cleaned.trouble = f"a deletion {_said(exchange)}"
            break
        if exchange.status in {SUCCESS, 404}:
            cleaned.left.remove(task_id)
            cleaned.gone.append(task_id)
    return cleaned


class _Patient:
    """Sends one request after the other, and again when the server says that this was too fast."""

    def __init__(self, transport: Transport, rate: float) -> None:
        self._transport = transport
        self._pause_s = 1 / rate if rate else 0.0

    def __call__(self, ask: RequestSpec) -> Exchange:
        for _ in range(ATTEMPTS):
            exchange = self._transport.send(ask)[0]
            if exchange.status == 429:
                self._pause_s = max(self._pause_s, RATE_LIMITED_PAUSE_S)
            if self._pause_s:
                self._transport.sleep(self._pause_s)
            if exchange.status != 429:
                break
        return exchange


def _look_up(remains: Remains, send: _Patient, cleaned: Cleaned) -> None:
    """Look for tasks of creations without an answer, by their names.

    Only a name with the word of the run is surely ours: those of one character may belong to a task of somebody else.
    """
    for page in _pages(send):
        if not page.accepted:
            cleaned.trouble = f"the list of tasks {_said(page)}"
            return
        for item in tasks_of(page):
            task_id, name = item["task_id"], item.get("task_name")
            if name not in remains.uncertain or task_id in cleaned.left:
                continue
            if remains.run and remains.run in name:
                cleaned.left.append(task_id)
            elif name not in cleaned.doubtful:
                cleaned.doubtful.append(name)


def _pages(send: _Patient) -> Iterator[Exchange]:
    """The pages of the list, until there are no more. Whether the index counts tasks or pages is a reading."""
    limit = contract().parameter("limit").maximum or 1
    number, step = 0, limit
    while number < PAGES:
        page = send(list_request(f"index={number * step}&limit={limit}"))
        yield page
        if number == 1 and step == limit and not tasks_of(page):
            step = 1  # no tasks from there on, or not so many pages
        elif len(tasks_of(page)) < limit:
            return
        else:
            number += 1


def _said(exchange: Exchange) -> str:
    if exchange.error:
        return f"got no whole answer: {exchange.error}"
    return f"was answered {exchange.status}" + (": the credentials were refused" if exchange.status in {401, 403} else "")
