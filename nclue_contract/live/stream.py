"""The stream of one page: server-sent events (HTML Living Standard, section 9.2) with the exchanges and the tasks.

Events:

* `hello`: where the page is. `fresh` says that it has to forget what it has shown; `dropped` how many exchanges it cannot get any more.
* `exchange`: an exchange (`views.exchange_view`). Its ID is the run and the number, which a browser sends back when it has to reconnect.
* `tasks`: what has changed: tasks, IDs of those that are gone, and the counts by status.

A stream has no queue of its own: it reads from the feed what its browser has room for, so a slow browser costs no memory, and misses what
the feed has dropped meanwhile.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from typing import Any

from nclue_contract.contract.wording import excerpt
from nclue_contract.live.feed import Feed, WatchedExchange
from nclue_contract.live.views import MAX_ID, TaskOverview

BATCH = 50
"""Exchanges that are sent at once; between two batches, requests are handled."""

POLL_S = 1.0
"""Seconds after which the tasks are read again although nothing was requested: time alone can move them."""

KEEP_ALIVE_POLLS = 15
"""Polls without an event after which a comment is sent, by which both sides notice a connection that is gone."""

RETRY_MS = 1_000
"""Milliseconds after which a browser connects again."""

TaskSource = Callable[[], TaskOverview]
"""Returns the tasks as they are now."""


class EventStream:
    """What is sent to one page. `last_id` is the ID of the last event that its browser has received, empty for a new one."""

    def __init__(self, feed: Feed, tasks: TaskSource, last_id: str, facts: dict[str, Any], poll_s: float = POLL_S) -> None:
        self._feed = feed
        self._tasks = TaskChanges(tasks)
        self._facts = facts
        self._poll_s = poll_s
        self._run, self._number = _parsed(last_id)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield events as they happen, until the feed is closed."""
        feed, wake = self._feed, self._feed.watch()
        try:
            yield f"retry: {RETRY_MS}\n\n".encode() + self._hello()
            idle = 0
            while not feed.closed:
                wake.clear()
                if chunk := await self._news():
                    idle = 0
                    yield chunk
                    continue
                try:
                    await asyncio.wait_for(wake.wait(), self._poll_s)
                except TimeoutError:
                    idle += 1
                    if idle % KEEP_ALIVE_POLLS == 0:
                        yield b": keep-alive\n\n"
        finally:
            feed.unwatch(wake)

    def _hello(self) -> bytes:
        feed = self._feed
        fresh = self._run != feed.run or self._number > feed.last
        if fresh:
            self._run, self._number = feed.run, 0
        self._tasks.forget()
        return event("hello", {**self._facts, "fresh": fresh, "dropped": max(0, feed.dropped - self._number)})

    async def _news(self) -> bytes:
        """Return the next events, empty without any."""
        feed = self._feed
        chunk = b"" if self._run == feed.run else self._hello()
        batch = feed.after(self._number, BATCH)
        for one in batch:
            chunk += self._exchange(one)
            await asyncio.sleep(0)  # to validate a large body takes time, and other requests are to be handled meanwhile
        if batch:
            self._number = batch[-1].number
        changes = self._tasks.next()
        return chunk + (event("tasks", changes) if changes else b"")

    def _exchange(self, one: WatchedExchange) -> bytes:
        return f"id: {self._run}:{one.number}\nevent: exchange\ndata: {self._feed.event(one)}\n\n".encode("ascii")


class TaskChanges:
    """What has changed in the tasks since the call before."""

    def __init__(self, tasks: TaskSource) -> None:
        self._tasks = tasks
        self._known = TaskOverview()
        self._sent = False

    def forget(self) -> None:
        """Begin from nothing."""
        self._known, self._sent = TaskOverview(), False

    def next(self) -> dict[str, Any] | None:
        """Return the changes as a JSON value, None without any."""
        now, before = self._tasks(), {task.id: task for task in self._known.tasks}
        changed = [task.to_dict() for task in now.tasks if before.pop(task.id, None) != task]
        if self._sent and not changed and not before and now.counts == self._known.counts:
            return None
        whole = not self._sent
        self._known, self._sent = now, True
        return {
            "whole": whole,
            "changed": changed,
            "gone": [excerpt(task_id, MAX_ID) for task_id in before],
            "counts": [list(count) for count in now.counts],
        }


def event(name: str, value: object) -> bytes:
    """Return an event with JSON data."""
    return f"event: {name}\ndata: {json.dumps(value)}\n\n".encode("ascii")


def _parsed(last_id: str) -> tuple[str, int]:
    """Return the run and the number in the ID of an event."""
    run, _, number = last_id.rpartition(":")
    return (run, int(number)) if number.isascii() and number.isdigit() and len(number) < 16 else ("", 0)
