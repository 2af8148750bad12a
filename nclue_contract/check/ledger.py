"""The ledger: a record on disk of the tasks that a check creates, so that a later clean-up finds them even if the check is killed.

A ledger is a file of JSON Lines. Before each create request a line is written and synchronized to disk; a second one records the response,
a third one the deletion. What remains open is what a clean-up has to delete. An example, where the check was killed at its third request::

    {"ledger": 1, "url": "https://gateway.example/api/v1", "signed_prefix": "/api/v1", "run": "3fa2c1"}
    {"creating": "nclue-check 3fa2c1 1"}
    {"answered": "nclue-check 3fa2c1 1", "task_id": "17"}
    {"creating": "nclue-check 3fa2c1 2"}
    {"answered": "nclue-check 3fa2c1 2", "task_id": null}
    {"creating": "nclue-check 3fa2c1 3"}

Task 17 remains, the second request was rejected, and the third is uncertain: the clean-up looks for its name in the list of tasks.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, TextIO

from nclue_contract.check.cases.lists import tasks_of
from nclue_contract.check.requests import Exchange, RequestSpec, delete_request, list_request
from nclue_contract.check.sender import ATTEMPTS, RATE_LIMITED_PAUSE_S, Transport
from nclue_contract.check.task_ids import why_unusable
from nclue_contract.contract.model import contract

VERSION = 1
"""The version of the file format."""

MAX_LIST_PAGES = 50
"""Pages of the list of tasks that a clean-up reads, at most."""


class Ledger:
    """Writes a new ledger. Raises `OSError` with the path if it cannot be written, `FileExistsError` if there is a file.

    `about` is for the clean-up: `url`, `signed_prefix`, and `run`, the word that only the names of this run contain.
    """

    def __init__(self, path: Path, about: dict[str, str]) -> None:
        self.path = path
        self._file: TextIO = path.open("x", encoding="utf-8", newline="\n")
        try:
            self._write({"ledger": VERSION, **about})
        except OSError:
            self.close()
            path.unlink(missing_ok=True)
            raise

    def creating(self, name: str) -> None:
        """Record that a create request is about to be sent."""
        self._write({"creating": name})

    def answered(self, name: str, task_id: str | None) -> None:
        """Record the response to a create request: the ID of a task, or with a rejection (None)."""
        self._write({"answered": name, "task_id": task_id})

    def deleted(self, task_id: str) -> None:
        """Record that a task does not exist any more."""
        self._write({"deleted": task_id})

    def close(self) -> None:
        """Close the file. What could not be written is an error of `creating`, `answered` or `deleted`, not of this."""
        with suppress(OSError):
            self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        try:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from error


@dataclass(frozen=True, slots=True)
class LedgerContents:
    """The tasks that remain according to a ledger: their IDs, and the names of create requests whose response is not known.

    `signed_prefix` None is the path of the URL. `run` is the word in the names of the run, empty when the ledger does not have it.
    """

    url: str
    signed_prefix: str | None
    run: str
    task_ids: tuple[str, ...]
    uncertain: tuple[str, ...]


def read_ledger(path: Path) -> LedgerContents:
    """Return what remains to be deleted. A truncated line is ignored. Raises `ValueError` for a file that is not a ledger."""
    lines = list(_objects(path))
    if not lines or lines[0].get("ledger") != VERSION or not isinstance(lines[0].get("url"), str):
        raise ValueError(f"{path} is not a ledger of a check, or one of another version")
    tasks: dict[str, None] = {}
    waiting: Counter[str] = Counter()  # a retry is a request of its own: the first attempt may have created a task, too
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
    return LedgerContents(
        lines[0]["url"],
        prefix if isinstance(prefix, str) else None,
        run if isinstance(run, str) else "",
        tuple(tasks),
        tuple(name for name, number in waiting.items() if name and number > 0),  # a body without a name creates no task
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
class CleanupResult:
    """The result of a clean-up: IDs of tasks that were deleted and of those that are left, and why it ended early.

    `doubtful` are names of tasks that may belong to the check or to another user, `unusable` those of tasks whose ID cannot be put into a
    path; they are not deleted.
    """

    deleted: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)
    stop_reason: str = ""


def delete_remaining(contents: LedgerContents, transport: Transport, rate: float) -> CleanupResult:
    """Delete the tasks that remain, with at most `rate` requests per second (0: no limit).

    An interruption (Ctrl-C) ends it, but there is a result of what was done.
    """
    sender, result = _CleanupSender(transport, rate), CleanupResult(left=list(contents.task_ids))
    try:
        _delete_remaining(contents, sender, result)
    except KeyboardInterrupt:
        result.stop_reason = "interrupted"
    return result


def _delete_remaining(contents: LedgerContents, sender: _CleanupSender, result: CleanupResult) -> None:
    if contents.uncertain:
        _find_uncertain(contents, sender, result)
    for task_id in tuple(task_id for task_id in result.left if not why_unusable(task_id)):
        exchange = sender.send(delete_request(task_id))
        if exchange.error or exchange.status in {401, 403}:
            result.stop_reason = f"a delete request {_failure(exchange)}"
            break
        if exchange.accepted or exchange.status == HTTPStatus.NOT_FOUND:
            result.left.remove(task_id)
            result.deleted.append(task_id)


class _CleanupSender:
    """Sends one request after the other, and repeats it when the server limits the rate (429)."""

    def __init__(self, transport: Transport, rate: float) -> None:
        self._transport = transport
        self._pause_s = 1 / rate if rate else 0.0

    def send(self, request: RequestSpec) -> Exchange:
        """Send a request and return the last response."""
        for _ in range(ATTEMPTS):
            exchange = self._transport.send(request)[0]
            if exchange.status == HTTPStatus.TOO_MANY_REQUESTS:
                self._pause_s = max(self._pause_s, RATE_LIMITED_PAUSE_S)
            if self._pause_s:
                self._transport.sleep(self._pause_s)
            if exchange.status != HTTPStatus.TOO_MANY_REQUESTS:
                break
        return exchange


def _find_uncertain(contents: LedgerContents, sender: _CleanupSender, result: CleanupResult) -> None:
    """Find the tasks of create requests without a response, by their names.

    Only a name that contains the word of the run is certainly one of the check: names of one character may be those of another user.
    """
    for page in _list_pages(sender):
        if not page.accepted:
            result.stop_reason = f"the list of tasks {_failure(page)}"
            return
        for item in tasks_of(page):
            task_id, name = item["task_id"], item.get("task_name")
            if name not in contents.uncertain or task_id in result.left:
                continue
            if why_unusable(task_id):
                result.unusable += [] if name in result.unusable else [name]
            elif contents.run and contents.run in name:
                result.left.append(task_id)
            elif name not in result.doubtful:
                result.doubtful.append(name)


def _list_pages(sender: _CleanupSender) -> Iterator[Exchange]:
    """Yield the pages of the list, up to the last one. The index may count tasks or pages (the reading `list-index`)."""
    limit = next(p.maximum or 1 for p in contract().operations["listTasks"].query if p.name == "limit")
    number, step = 0, limit
    while number < MAX_LIST_PAGES:
        page = sender.send(list_request(f"index={number * step}&limit={limit}"))
        yield page
        if number == 1 and step == limit and not tasks_of(page):
            step = 1  # no tasks from there on, or not so many pages
        elif len(tasks_of(page)) < limit:
            return
        else:
            number += 1


def _failure(exchange: Exchange) -> str:
    if exchange.error:
        return f"got no complete response: {exchange.error}"
    return f"got {exchange.status}" + (": the credentials were rejected" if exchange.status in {401, 403} else "")
