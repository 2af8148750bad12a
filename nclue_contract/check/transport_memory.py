"""Sends the requests of a contract check to a server in this process. Time is made up, so that waiting takes none."""

from __future__ import annotations

from collections.abc import Callable

from nclue_contract.check.requests import Exchange, RequestSpec, header_pairs
from nclue_contract.service.messages import Request, Response
from nclue_contract.signing import EXAMPLE, Credentials

START_MS = 1_764_000_000_000
"""When a check in this process begins, in milliseconds since 1970-01-01 UTC."""

TAKES_MS = 2
"""How long an exchange takes."""


class Direct:
    """A transport to `handle(request, now_ms)`, such as that of `Service`."""

    exact_clock = True

    def __init__(self, handle: Callable[[Request, int], Response], prefix: str, credentials: Credentials = EXAMPLE) -> None:
        self.prefix = prefix
        self._handle = handle
        self._credentials = credentials
        self._now_ms = START_MS

    def now_ms(self) -> int:
        """The clock that server and check share."""
        return self._now_ms

    def sleep(self, seconds: float) -> None:
        """Put the clock forward."""
        self._now_ms += max(1, round(seconds * 1000))

    def send(self, *asks: RequestSpec) -> list[Exchange]:
        """Several requests come one behind the other, in the same millisecond."""
        self._now_ms += TAKES_MS
        return [self._send(ask) for ask in asks]

    def _send(self, ask: RequestSpec) -> Exchange:
        target, now_ms = self.prefix + ask.path, self._now_ms
        pairs = header_pairs(ask, target, now_ms, self._credentials)
        response = self._handle(Request(ask.method, target, tuple(pairs), ask.body), now_ms)
        error = "the connection was closed in the middle of the body" if response.cut else ""
        return Exchange(ask, target, now_ms, now_ms, response.status, response.headers, response.body, error)
