"""Sends the requests of a contract check: within the limits, at a pace, and again where a server asks for patience or does not answer.

How requests are sent is the transport's business (`direct` in this process, `wire` over HTTP); the clock is the transport's as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from http import HTTPStatus
from typing import Protocol

from nclue_contract.check.cases.authentication import LIST_QUERY
from nclue_contract.check.cases.plan import BUDGET
from nclue_contract.check.requests import Exchange, RequestSpec, list_request
from nclue_contract.check.results import Case
from nclue_contract.check.session import CheckSession
from nclue_contract.validation.response import SUCCESS

TRIES = 3
"""How often a request is sent that gets no whole answer, or a 5xx other than 500."""

PATIENCE = 6
"""How often a request is sent that is answered with 429, or where nobody listens, with longer and longer pauses."""

SILENT = 5
"""Cases without a whole answer after which nothing is tried again; twice as many end the run."""

LIMITED_S = 1.0
"""The pause between requests once a server has limited the rate: the documented limit is one request per second."""


class Transport(Protocol):
    """Sends requests. `prefix` is the path before `/tasks` that is signed; `exact_clock` tells that the server has the same clock."""

    prefix: str
    exact_clock: bool

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let time pass."""

    def send(self, *asks: RequestSpec) -> list[Exchange]:
        """Send one request, or several at the same moment. Never raises because of what the server does."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may do: requests in all, creations (None: as many as it takes), requests per second (0: as many as go), and clean up."""

    budget: int = BUDGET
    creations: int | None = None
    rate: float = 0.0
    clean_up: bool = True


@dataclass(slots=True)
class Watcher:
    """What others want to hear of a run: each exchange with the share that is done, and each creation before it is sent."""

    exchange: Callable[[Exchange, int, int], object] = lambda *_: None
    creation: Callable[[RequestSpec], object] = lambda *_: None
    stop: Callable[[CheckSession], bool] = lambda _: False


class StopReason(Enum):
    """Why a run, or one of its test cases, ends early."""

    SERVER_UNREACHABLE = auto()
    RATE_LIMITED = auto()
    TOO_MANY_FAILURES = auto()
    CONTROL_REJECTED = auto()
    NOT_ALLOWED = auto()


class StopError(Exception):
    """A run, or one of its test cases, ends early: `reason` for programs, the message for people, `exchange` as evidence if any."""

    def __init__(self, reason: StopReason, message: str, exchange: Exchange | None = None) -> None:
        super().__init__(message)
        self.reason: StopReason = reason
        self.exchange: Exchange | None = exchange


class Sender:
    """Sends for one run. `requests` and `creations` were sent so far; `limited` tells that the server has limited the rate."""

    def __init__(self, transport: Transport, limits: Limits, watcher: Watcher) -> None:
        self.requests: int = 0
        self.creations: int = 0
        self.limited: bool = False
        self._transport = transport
        self._limits = limits
        self._watcher = watcher
        self._silent = 0
        self._pause_s = 1 / limits.rate if limits.rate else 0.0
        self._last_ms: int | None = None

    def forbidden(self, asks: Sequence[RequestSpec]) -> str:
        """Why requests may not be sent, or not again; empty when they may. A creation that is sent again may make another task."""
        creations = sum(ask.creates for ask in asks)
        if creations and self._limits.creations is not None and self.creations + creations > self._limits.creations:
            return "it would create more tasks than are allowed"
        if len(asks) > 1 and self._pause_s:
            return "the rate does not allow two requests at the same moment"
        return "the budget was used up" if self.requests + len(asks) > self._limits.budget else ""

    # -- an exchange -------------------------------------------------------------------------------------------------------------

    def exchange(self, case: Case, *asks: RequestSpec, first: bool) -> list[Exchange] | StopError:
        """Send, with patience where a server asks for it, or where it does not answer anything. A `StopError` ends only the case."""
        alive = True
        for tried in range(1, PATIENCE + 1):
            exchanges = self.send(*asks)
            last = exchanges[-1]
            failing = bool(last.error) or last.status > HTTPStatus.NOT_IMPLEMENTED
            enough = tried >= max(self._tries(exchange) for exchange in exchanges)
            # Half an answer to the control request is an answer; otherwise it may be this request, or the whole server.
            alive = not (enough and failing) or (first and bool(last.error and last.status)) or (not last.permanent and self._alive())
            why = self.forbidden(asks)
            if (enough and alive) or why or last.permanent:
                break
            self._transport.sleep(min(8.0, 0.5 * 2 ** (tried - 1)))
        if why and not enough:
            return StopError(StopReason.NOT_ALLOWED, why)  # one try says nothing
        if last.status == 429:
            raise StopError(StopReason.RATE_LIMITED, "the server limits the rate (429), however long one waits; see --rate")
        if not alive:
            why = last.error or f"it answers {last.status}"
            since = f"the server does not answer any more, since {case.id}"
            raise StopError(StopReason.SERVER_UNREACHABLE, f"{'the server cannot be reached' if first else since}: {why}")
        self._silent += bool(last.error)
        if self._silent >= 2 * SILENT:
            many = f"{self._silent} requests got no whole answer; the last one, of {case.id}: {last.error}"
            raise StopError(StopReason.TOO_MANY_FAILURES, f"{many}. To go on without such requests, see --skip {case.rule}", last)
        return [replace(exchange, attempts=tried) for exchange in exchanges]

    def _tries(self, exchange: Exchange) -> int:
        """How often a request is worth sending, by what came back."""
        if exchange.status == 429:
            self.limited = True
            self._pause_s = max(self._pause_s, LIMITED_S)
            return PATIENCE
        if exchange.error:
            return 1 if self._silent >= SILENT or exchange.permanent else TRIES
        return TRIES if exchange.status > HTTPStatus.NOT_IMPLEMENTED else 1

    def send(self, *asks: RequestSpec) -> list[Exchange]:
        """Send once, at the pace, whatever the limits say; who calls this has asked `forbidden`, or tidies up."""
        if self._pause_s and self._last_ms is not None:
            self._transport.sleep(max(0.0, self._pause_s - (self._transport.now_ms() - self._last_ms) / 1000))
        for ask in asks:
            if ask.creates:
                self.creations += 1
                self._watcher.creation(ask)
        self._last_ms = self._transport.now_ms()
        exchanges = self._transport.send(*asks)
        self.requests += len(asks)
        for exchange in exchanges:
            self._watcher.exchange(exchange, self.requests, self._limits.budget)
        return exchanges

    def _alive(self) -> bool:
        """Whether a request that is surely right is answered."""
        if why := self.forbidden((list_request(LIST_QUERY),)):
            raise StopError(StopReason.NOT_ALLOWED, why)
        answer = self.send(list_request(LIST_QUERY))[0]
        return answer.status == SUCCESS and not answer.error
