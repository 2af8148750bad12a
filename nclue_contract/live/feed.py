"""The last exchanges of a server, for those who watch it: bounded in number and size, judged and rendered when they are first read.

A server may handle many more requests than anybody watches, so to add an exchange costs next to nothing. Everything happens in the thread
of one event loop.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from nclue_contract.live.views import exchange_view
from nclue_contract.traffic.exchanges import RecordedExchange, without_secrets
from nclue_contract.traffic.judge import Judgement, TrafficJudge

MAX_EXCHANGES = 1_000
"""Exchanges that are kept; older ones are dropped. The journal of `serve` keeps as many."""

MAX_BODY_BYTES = 32 << 20
"""Bytes of all bodies that are kept; for more, older exchanges are dropped sooner. The latest one always stays."""


@dataclass(slots=True)
class WatchedExchange:
    """An exchange that is kept, as it was, with its number (from 1) and its judgement, if `judged` says that it is known."""

    number: int
    exchange: RecordedExchange
    judgement: Judgement | None
    judged: bool
    event: str = ""

    @property
    def size(self) -> int:
        """How many bytes its bodies have."""
        return len(self.exchange.request_body or b"") + len(self.exchange.response_body or b"")


class Feed:
    """Keeps the last exchanges, and wakes those who watch. Not thread-safe.

    `token` names this run of the server, so that a browser that comes back knows whether its exchanges are from the same one. `secrets` are
    masked in everything that is shown. `judge` judges exchanges that are added without a judgement.
    """

    def __init__(
        self,
        token: str,
        secrets: Iterable[str] = (),
        judge: TrafficJudge | None = None,
        *,
        most: int = MAX_EXCHANGES,
        most_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self._token = token
        self._clears = 0
        self.secrets: tuple[str, ...] = tuple(secrets)
        self._judge = judge
        self._most = most
        self._most_bytes = most_bytes
        self._kept: deque[WatchedExchange] = deque()
        self._bytes = 0
        self.last: int = 0
        self._watchers: set[asyncio.Event] = set()
        self.closed: bool = False

    @property
    def run(self) -> str:
        """The name of what is kept; another one after `clear`."""
        return f"{self._token}-{self._clears}"

    def add(self, exchange: RecordedExchange) -> None:
        """Keep an exchange that is to be judged when it is read."""
        self._add(WatchedExchange(self.last + 1, exchange, None, judged=self._judge is None))

    def add_judged(self, exchange: RecordedExchange, judgement: Judgement | None) -> None:
        """Keep an exchange that was judged, or will not be (None)."""
        self._add(WatchedExchange(self.last + 1, exchange, judgement, judged=True))

    def _add(self, one: WatchedExchange) -> None:
        self.last = one.number
        self._kept.append(one)
        self._bytes += one.size
        while len(self._kept) > self._most or (self._bytes > self._most_bytes and len(self._kept) > 1):
            self._bytes -= self._kept.popleft().size
        self.wake()

    def clear(self) -> None:
        """Drop everything, as after a reset of the server."""
        self._kept.clear()
        self._bytes = self.last = 0
        self._clears += 1
        self.wake()

    def close(self) -> None:
        """Let everybody who watches end."""
        self.closed = True
        self.wake()

    @property
    def dropped(self) -> int:
        """How many exchanges were dropped."""
        return self.last - len(self._kept)

    def after(self, number: int, most: int) -> list[WatchedExchange]:
        """Return at most so many of the exchanges behind a number, oldest first."""
        start = max(0, number - self.dropped)
        return list(islice(self._kept, start, start + most))

    def event(self, one: WatchedExchange) -> str:
        """Return what the page shows of an exchange, as JSON in ASCII."""
        if not one.event:
            if not one.judged and self._judge is not None:
                one.judgement, one.judged = self._judge.judge(one.exchange, f"exchange {one.number}"), True
            exchange = one.judgement.exchange if one.judgement is not None else without_secrets(one.exchange, self.secrets)
            one.event = json.dumps(exchange_view(one.number, exchange, one.judgement))
            one.judgement = None  # a payload may have 100,000 findings
        return one.event

    # -- those who watch --------------------------------------------------------------------------------------------------------------

    def watch(self) -> asyncio.Event:
        """Return an event that is set whenever something has changed, until `unwatch`."""
        event = asyncio.Event()
        self._watchers.add(event)
        return event

    def unwatch(self, event: asyncio.Event) -> None:
        """Forget an event."""
        self._watchers.discard(event)

    def wake(self) -> None:
        """Tell everybody who watches that something has changed."""
        for event in self._watchers:
            event.set()
