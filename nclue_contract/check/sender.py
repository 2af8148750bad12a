"""Sends the requests of a check: limits, pace, retries with exponential back-off, and when a run stops.

Theory of operation
===================

A test case hands over one request, or several that are to be sent at the same moment, which are sent once. For one request,
`Sender.exchange` makes *attempts* until a response can be evaluated, and pauses 0.5, 1, 2, 4 and 8 seconds between them (exponential
back-off). How many attempts are worthwhile depends on what came back:

=====================================  =============  ==================================================================
response                               attempts       when they are used up
=====================================  =============  ==================================================================
429                                    `ATTEMPTS`     the run stops: `RATE_LIMITED`
a status above 501                     `FEW_ATTEMPTS` the test case evaluates it, if the server still responds; see below
none, or an incomplete one             `FEW_ATTEMPTS` the same
any other, 500 and 501 included        1              the test case evaluates it
=====================================  =============  ==================================================================

A response that is missing may be due to this request, or the server may be down. One list request distinguishes them: if it gets a
response, the test case evaluates its own exchange, and the run goes on. If not, the attempts go on up to `ATTEMPTS`; then the run stops
(`SERVER_UNREACHABLE`). An example, a server that is restarted while the test case `name[100]` runs::

    POST /tasks                no connection; pause 0.5 s
    POST /tasks                no connection; pause 1 s
    POST /tasks                no connection: the third attempt. GET /tasks: no connection either; pause 2 s
    POST /tasks                200: the test case evaluates it, as the result of four attempts

The control request is an exception: when it gets no response, or a status above 501, the server may just be starting. It is polled with
list requests for `Limits.wait_s` seconds at most, and the control request is sent again once it responds. The observer is told what is
being waited for, here and in the middle of a run.

Never sent again is a request

* whose error is permanent: the host name does not exist, or the certificate is not trusted;
* that the limits no longer allow. Each attempt counts: a create request that is repeated may create another task. If the response so far is
  not conclusive, only its test case ends (`CREATE_LIMIT`, `RATE`, `BUDGET`);
* that got no complete response, after `INCOMPLETE` of them in a run; after twice as many the run stops (`TOO_MANY_FAILURES`).

The pace: `Limits.rate` requests per second. Once a server has sent 429, it is at most one in `RATE_LIMITED_PAUSE_S` for the rest of the
run, which is the documented limit. A run with a pace sends no two requests at the same moment.

Requests of several test cases are sent at the same moment by `Sender.overlap`, as many as there are `connections`. They are sent once: what
gets no plain response is sent again alone, by `exchange`, since the reason may be that there were others. So whatever a server cannot do at
the same moment leads to half as many connections from then on, and to no failure. The first time, only safe requests are sent, and waited
for only `TRIAL_S`, or somewhat longer where the server is slow: a server that serves one connection at a time then gets only one.

How requests are transmitted is the transport's business (in this process, or over HTTP); the clock is the transport's as well.
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
from nclue_contract.check.signature_variants import authenticated
from nclue_contract.contract.hosts import documented_path
from nclue_contract.contract.wording import counted

FEW_ATTEMPTS = 3
"""Attempts for a request without a complete response, or with a status above 501, while the server responds to others."""

ATTEMPTS = 6
"""Attempts for a request that gets 429, or to which a server that responds to nothing else does not respond either."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0
"""Seconds before the second attempt, doubled before each further one, and at most."""

INCOMPLETE = 5
"""Requests without a complete response after which such requests are not sent again; twice as many end the run."""

WAIT_S = 5.0
"""Seconds for which a server that does not respond to the control request is waited for, unless the limits say otherwise."""

LONGEST_POLL_PAUSE_S = 2.0
"""Seconds between two polls of such a server, at most: it should not be waited for much longer than it needs."""

TRIAL_S, TRIAL_FACTOR = 2.0, 4
"""Seconds for which the first requests that overlap are waited for, and how often the longest exchange so far is added to that."""

RATE_LIMITED_PAUSE_S = 1.0
"""Seconds between requests once a server has limited the rate: the documented limit is one request per second."""


class Transport(Protocol):
    """Transmits requests.

    `prefix` is the path before `/tasks` that is signed; `exact_clock` says that server and check have the same clock.
    """

    prefix: str
    exact_clock: bool

    def now_ms(self) -> int:
        """Return the time in milliseconds since 1970-01-01 UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait, or advance a simulated clock."""

    def send(self, *requests: RequestSpec) -> list[Exchange]:
        """Send one request, or several at the same moment. Raise nothing because of what the server does."""
        ...

    def overlap(self, requests: Sequence[RequestSpec], received: dict[int, Exchange], timeout_s: float | None = None) -> None:
        """Send requests at the same moment, on connections that stay open; `received` gets the exchanges by the places of the requests.

        `timeout_s`: seconds for each exchange, if less than usual. An interruption is raised when all exchanges are over.
        """


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a run: requests in all, create requests (None: no limit), requests per second (0: no limit), and whether it cleans up.

    `wait_s`: seconds for which a server that does not respond at the beginning is waited for. `connections`: how many requests are under
    way at the same moment, at most, where their test cases allow that; with a rate, there is one.
    """

    budget: int = BUDGET
    create_requests: int | None = None
    rate: float = 0.0
    clean_up: bool = True
    wait_s: float = WAIT_S
    connections: int = 1


@dataclass(slots=True)
class RunObserver:
    """Callbacks of a run.

    `exchange` gets each exchange with the requests sent so far and the budget. `create_request` gets each create request before it is sent,
    and may raise `StopError`. `stop` says after each step whether the run ends. `notice` gets a sentence about what takes long.
    """

    exchange: Callable[[Exchange, int, int], object] = lambda *_: None
    create_request: Callable[[RequestSpec], object] = lambda *_: None
    stop: Callable[[CheckSession], bool] = lambda _: False
    notice: Callable[[str], object] = lambda _: None


class StopReason(Enum):
    """Why a run, or one of its test cases, ends early."""

    SERVER_UNREACHABLE = auto()
    RATE_LIMITED = auto()
    TOO_MANY_FAILURES = auto()
    CONTROL_REJECTED = auto()
    CREATE_LIMIT = auto()
    RATE = auto()
    BUDGET = auto()
    LEDGER = auto()


class StopError(Exception):
    """A run, or one of its test cases, ends early: `reason` for programs, the message for people, `exchange` as evidence if any."""

    def __init__(self, reason: StopReason, message: str, exchange: Exchange | None = None) -> None:
        super().__init__(message)
        self.reason: StopReason = reason
        self.exchange: Exchange | None = exchange


class Sender:
    """Sends the requests of one run. `requests` and `create_requests` were sent so far; `rate_limited`: the server has sent 429."""

    def __init__(self, transport: Transport, limits: Limits, observer: RunObserver) -> None:
        self.requests: int = 0
        self.create_requests: int = 0
        self.rate_limited: bool = False
        self._transport = transport
        self._limits = limits
        self._observer = observer
        self.overlap_tried: bool = False
        """Whether requests have been sent at the same moment."""
        self._connections = limits.connections
        self._longest_ms = 0
        self._incomplete = 0
        self._pause_s = 1 / limits.rate if limits.rate else 0.0
        self._last_ms: int | None = None

    @property
    def creates_left(self) -> int | None:
        """Return how many create requests may still be sent; None where there is no limit."""
        return None if self._limits.create_requests is None else max(0, self._limits.create_requests - self.create_requests)

    @property
    def connections(self) -> int:
        """Return how many requests may be sent at the same moment."""
        return 1 if self._pause_s else self._connections

    def limit_reached(self, requests: Sequence[RequestSpec]) -> StopError | None:
        """Return why the limits do not allow these requests (any more), or None if they do."""
        creating, most = sum(request.creates for request in requests), self._limits.create_requests
        if creating and most is not None and self.create_requests + creating > most:
            return StopError(StopReason.CREATE_LIMIT, "it would create more tasks than are allowed")
        if len(requests) > 1 and self._pause_s:
            return StopError(StopReason.RATE, "the rate does not allow two requests at the same moment")
        if self.requests + len(requests) > self._limits.budget:
            return StopError(StopReason.BUDGET, "the budget was used up")
        return None

    def _send_together(self, requests: Sequence[RequestSpec]) -> list[Exchange]:
        """Send requests at the same moment, once; slow down if one gets 429."""
        exchanges = self.send(*requests)
        for exchange in exchanges:
            self._attempts(exchange)
        return exchanges

    def exchange(self, case: Case, *requests: RequestSpec, control: bool) -> list[Exchange] | StopError:
        """Send the requests of a test case, with retries; `control` for those of the first, which shows that the server can be checked.

        Return a `StopError` where only this test case ends, and raise it where the run does.
        """
        if len(requests) > 1:  # some may have been carried out, so all of them again would prove nothing
            return self._send_together(requests)
        announced = False
        for attempt in range(1, ATTEMPTS + 1):
            exchanges = self.send(*requests)
            last = exchanges[-1]
            if control and attempt == 1 and _no_response(last) and not last.permanent and not self._await_server(last):
                raise StopError(StopReason.SERVER_UNREACHABLE, f"the server cannot be reached: {_why(last)}")
            sufficient = attempt >= max([self._attempts(exchange) for exchange in exchanges])
            responsive = not sufficient or self._responsive(last, control=control)
            limit = self.limit_reached(requests)
            if (sufficient and responsive) or limit or last.permanent or attempt == ATTEMPTS:
                break
            if sufficient and not announced:
                left = sum(_pause_s(number) for number in range(attempt, ATTEMPTS))
                self._observer.notice(f"no response since {case.id}: {_why(last)}; trying again for up to {left:g} s")
                announced = True
            self._transport.sleep(_pause_s(attempt))
        if limit and not sufficient:
            return limit
        if last.status == HTTPStatus.TOO_MANY_REQUESTS:
            message = f"the server limits the rate: it still sends 429 after {attempt} attempts; see --rate"
            raise StopError(StopReason.RATE_LIMITED, message)
        if not responsive:
            since = "the server cannot be reached" if control else f"the server has not responded since {case.id}"
            raise StopError(StopReason.SERVER_UNREACHABLE, f"{since}: {_why(last)}")
        self._incomplete += bool(last.error)
        if self._incomplete >= 2 * INCOMPLETE:
            message = f"{counted(self._incomplete, 'request')} got no complete response; the last one, of {case.id}: {last.error}"
            raise StopError(StopReason.TOO_MANY_FAILURES, f"{message}. To skip such requests, see --skip {case.rule}", last)
        return [replace(exchange, attempts=attempt) for exchange in exchanges]

    def send(self, *requests: RequestSpec) -> list[Exchange]:
        """Send once, at the pace, whatever the limits are: the caller has checked `limit_reached`, or cleans up."""
        if self._pause_s and self._last_ms is not None:
            self._transport.sleep(max(0.0, self._pause_s - (self._transport.now_ms() - self._last_ms) / 1000))
        for request in requests:
            self._announce(request)
        self._last_ms = self._transport.now_ms()
        exchanges = self._transport.send(*requests)
        for exchange in exchanges:
            self._count(exchange)
        return exchanges

    def overlap(self, requests: Sequence[RequestSpec], received: dict[int, Exchange]) -> None:
        """Send requests of several test cases at the same moment, once; the caller has checked `limit_reached`, or cleans up.

        `received` gets the exchanges by the places of the requests. Those that are not `plain` are to be sent again alone.
        """
        for request in requests:
            self._announce(request)
        timeout_s = None if self.overlap_tried else TRIAL_S + TRIAL_FACTOR * self._longest_ms / 1000
        try:
            self._transport.overlap(requests, received, timeout_s)
        finally:
            for place in sorted(received):
                self._count(received[place])
        if not all(map(plain, received.values())):
            self._connections = max(1, self._connections // 2) if self.overlap_tried else 1
        self.overlap_tried = True

    def try_overlap(self) -> None:
        """Send two list requests at the same moment, if the limits allow that; afterwards, create requests may be sent so."""
        requests = (list_request(LIST_QUERY),) * 2
        if not self.limit_reached(requests):
            self.overlap(requests, {})

    def _announce(self, request: RequestSpec) -> None:
        """Count a create request that is about to be sent."""
        if request.creates:
            self._observer.create_request(request)
            self.create_requests += 1

    def _count(self, exchange: Exchange) -> None:
        self.requests += exchange.sent
        self._longest_ms = max(self._longest_ms, exchange.received_ms - exchange.sent_ms)
        self._observer.exchange(exchange, self.requests, self._limits.budget)

    def documented_path(self, rejected: Exchange) -> str:
        """Return the documented path of a base URL if `/tasks` is there, and not where `rejected` was sent; else an empty text.

        A server that rejects the signature may do so whatever the path is. That takes one list request. None is sent if the base URL has
        the path, or if the budget does not allow it.
        """
        path, request = documented_path(), list_request(LIST_QUERY)
        if rejected.target.startswith(path) or self.limit_reached((request,)):
            return ""
        exchange = self.send(replace(request, path=path + request.path))[0]
        return path if authenticated(exchange) and exchange.status != HTTPStatus.NOT_FOUND else ""

    def _await_server(self, last: Exchange) -> bool:
        """Poll a server that has not responded to the control request; return whether it responds."""
        if not last.not_sent and self._poll():
            return True  # it does not respond to that request, but to others
        waited, pause = 0.0, FIRST_PAUSE_S
        if self._limits.wait_s:
            self._observer.notice(f"cannot be reached: {_why(last)}; waiting for it, up to {self._limits.wait_s:g} s")
        while waited < self._limits.wait_s:
            pause_now = max(min(pause, self._limits.wait_s - waited), self._pause_s)
            self._transport.sleep(pause_now)
            begun_ms = self._transport.now_ms()
            if self._poll():
                return True
            waited += pause_now + (self._transport.now_ms() - begun_ms) / 1000
            pause = min(LONGEST_POLL_PAUSE_S, 2 * pause)
        return False

    def _poll(self) -> bool:
        """Send a list request; return whether there is a response, whatever it says. A request that was not sent does not count."""
        request = list_request(LIST_QUERY)
        if self.limit_reached((request,)):
            return False
        exchange = self._transport.send(request)[0]
        if not exchange.not_sent:
            self._count(exchange)
        return not _no_response(exchange)

    def _attempts(self, exchange: Exchange) -> int:
        """Return how many attempts are worthwhile after this response; slow down if it is 429."""
        if exchange.status == HTTPStatus.TOO_MANY_REQUESTS:
            self.rate_limited = True
            self._pause_s = max(self._pause_s, RATE_LIMITED_PAUSE_S)
            return ATTEMPTS
        if exchange.error:
            return 1 if self._incomplete >= INCOMPLETE or exchange.permanent else FEW_ATTEMPTS
        return FEW_ATTEMPTS if exchange.status > HTTPStatus.NOT_IMPLEMENTED else 1

    def _responsive(self, last: Exchange, *, control: bool) -> bool:
        """Return whether the server responds, to this request or else to a valid list request.

        An incomplete response to the control request counts: its problem is the finding.
        """
        if not last.error and last.status <= HTTPStatus.NOT_IMPLEMENTED:
            return True
        if control and last.error and last.status:
            return True
        if last.permanent:
            return False
        request = list_request(LIST_QUERY)
        if limit := self.limit_reached((request,)):
            raise limit
        response = self.send(request)[0]
        return not _no_response(response)


def plain(exchange: Exchange) -> bool:
    """Return whether a response cannot be due to other requests at the same moment: it is complete, no 429, and no error of a server."""
    return not exchange.error and exchange.status < HTTPStatus.INTERNAL_SERVER_ERROR and exchange.status != HTTPStatus.TOO_MANY_REQUESTS


def _no_response(exchange: Exchange) -> bool:
    """Return whether nothing came back, or a status that a proxy sends for a server that is down."""
    return (bool(exchange.error) and not exchange.status) or exchange.status > HTTPStatus.NOT_IMPLEMENTED


def _why(exchange: Exchange) -> str:
    """Return what came back instead of a response of the server."""
    return exchange.error or f"it responds with {exchange.status}"


def _pause_s(attempt: int) -> float:
    """Return how many seconds to wait after an attempt (exponential back-off)."""
    pause: float = FIRST_PAUSE_S * 2 ** (attempt - 1)
    return min(LONGEST_PAUSE_S, pause)
