"""The in-memory transport: sends the requests of a check to a server in this process, with a simulated clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nclue_contract.check.requests import Exchange, RequestSpec, header_pairs
from nclue_contract.service.messages import Request, Response
from nclue_contract.signing import EXAMPLE, Credentials

START_MS = 1_764_000_000_000
"""The simulated time at which a check begins, in milliseconds since 1970-01-01 UTC."""

EXCHANGE_MS = 2
"""Milliseconds that an exchange takes."""


class MemoryTransport:
    """A transport to `handle(request, now_ms)`, such as that of `Service`."""

    exact_clock = True

    def __init__(self, handle: Callable[[Request, int], Response], prefix: str, credentials: Credentials = EXAMPLE) -> None:
        self.prefix = prefix
        self._handle = handle
        self._credentials = credentials
        self._now_ms = START_MS

    def now_ms(self) -> int:
        """Return the time of the clock that server and check share."""
        return self._now_ms

    def sleep(self, seconds: float) -> None:
        """Advance the clock."""
        self._now_ms += max(1, round(seconds * 1000))

    def send(self, *requests: RequestSpec) -> list[Exchange]:
        """Send the requests one after the other, in the same millisecond."""
        self._now_ms += EXCHANGE_MS
        return [self._send(request) for request in requests]

    def overlap(self, requests: Sequence[RequestSpec], received: dict[int, Exchange], timeout_s: float | None = None) -> None:  # noqa: ARG002
        """Send requests as `send` does; nothing takes long here."""
        received.update(enumerate(self.send(*requests)))

    def _send(self, request: RequestSpec) -> Exchange:
        target, now_ms = self.prefix + request.path, self._now_ms
        pairs = header_pairs(request, target, now_ms, self._credentials)
        response = self._handle(Request(request.method, target, tuple(pairs), request.body), now_ms)
        error = "the connection was closed in the middle of the body" if response.cut else ""
        return Exchange(request, target, now_ms, now_ms, response.status, response.headers, response.body, error)
