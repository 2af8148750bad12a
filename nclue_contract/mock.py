"""NCLUE inside a test: what httpx and httpx2 send to its host is answered by the service of this package, and never leaves the process.

    with mock(progress="manual") as nclue:
        answer = httpx.post("https://nclue.apigw.ntruss.com/api/v1/tasks", json=payload)
        nclue.advance()
        assert nclue.tasks[0]["status"] == "pending"

A refused request tells why: the header `x-nclue-rules` names the rules, `nclue.requests[-1]["findings"]` what broke them and where.

Answered is every client of this process, in every thread, synchronous or not, because the transports of the two libraries are patched: so
event hooks, `auth`, redirects and cookies work as always. Clients with another transport (ASGI, `MockTransport`) are left alone, and so are
requests, aiohttp and urllib: `nclue-contract serve` is for them. Other hosts are reached as if nothing were patched. The host is NCLUE's
whatever its case; without TLS it answers 400 like the gateway, and at other ports than 443 and 80 nobody listens (`ConnectError`).

Mocks can be nested; the innermost answers. With mocks of others in the same test:

* `respx.mock`, inside or outside: NCLUE's host is ours, all others are theirs. Whoever wants to answer NCLUE's host with respx adds routes
  to `nclue.router`, a router of respx: `nclue.router.get(path="/api/v1/tasks").mock(side_effect=httpx.ConnectError)`. What no route there
  matches is answered by the service; all calls of httpx are in `nclue.router.calls`. (It knows httpx only, not httpx2.)
* `respx.mock(using="httpx")` and pytest-httpx replace what lies above, or the same place: what they take never comes here.

Needs respx and httpx, the extra `mock`; httpx2 is answered if it is there.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from functools import wraps
from importlib import import_module
from types import TracebackType
from typing import Any, Self, TypedDict, Unpack
from urllib.parse import urlsplit

from nclue_contract.contract.clock import now_ms
from nclue_contract.contract.extras import require_extra
from nclue_contract.contract.model import contract
from nclue_contract.service.lifecycle import Progress
from nclue_contract.service.messages import Refusal, Request, Response, journal_entry
from nclue_contract.service.service import Service
from nclue_contract.service.store import Store, World
from nclue_contract.signing import Credentials

with require_extra("mock", "the mock needs respx and httpx"):
    import anyio
    import httpx
    import respx
    from respx.models import AllMockedAssertionError, PassThrough


class Options(TypedDict, total=False):
    """What `Service` takes; readings also as a plain mapping of what is pinned, progress also as text such as `seconds:0.5`."""

    readings: Mapping[str, str]
    progress: Progress | str
    world: World
    store: Store
    new_id: Callable[[], str]
    rate_limit: bool


def mock(
    service: Service | None = None,
    *,
    keys: Mapping[str, str] | Credentials | None = None,
    clock: Callable[[], int] = now_ms,
    **options: Unpack[Options],
) -> Mock:
    """A mock of NCLUE, to be used in a `with` statement: around a service, or around a new one with these keys and options.

    `keys` are credentials, or maps access keys to secret keys; without them every request is taken for signed. `clock` gives milliseconds
    since 1970-01-01 UTC. Raises `TypeError` for a service with options, `ValueError` for an unknown reading, option or progress.
    """
    if service is not None:
        if options or keys is not None:
            raise TypeError("give keys and options to the service itself, or no service")
        return Mock(service, clock)
    pairs = {keys.access_key: keys.secret_key} if isinstance(keys, Credentials) else keys
    values: dict[str, Any] = dict(options)
    if isinstance(values.get("progress"), str):
        values["progress"] = Progress.parse(values["progress"])
    return Mock(Service(pairs, **values), clock)


class Mock:
    """Answers for NCLUE within a `with` statement; made by `mock`. Threads and tasks may share it."""

    def __init__(self, service: Service, clock: Callable[[], int] = now_ms) -> None:
        self.service: Service = service
        self.clock: Callable[[], int] = clock
        self.router: respx.MockRouter = respx.MockRouter(assert_all_called=False)
        self._lock = threading.RLock()

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """The tasks in the order of their creation, as getTask would show them now. Looking does not count as reading."""
        with self._lock:
            self.service.lifecycle.tick(self.service.active, self.clock())
            return [self.service.views.shown(task) for task in self.service.store]

    @property
    def requests(self) -> list[dict[str, Any]]:
        """What was sent, as the journal keeps it, the newest last; at most the last 1,000. Values of signed headers are masked."""
        with self._lock:
            return list(self.service.store.journal)

    def fail_next(self, count: int = 1, *, error: str = "", delay_s: float = 0.0, cut: bool = False) -> None:
        """Let the next requests fail: with a documented error by its name (such as RATE_LIMITED), late, or cut in the middle of the body.

        A delay longer than the read timeout of the client is a `ReadTimeout` after that time; a cut body is a `RemoteProtocolError` when it
        is read, as with a server that closes the connection. Raises `ValueError` for an error that the tables do not have.
        """
        with self._lock:
            self.service.fail_next(count, error=error, delay_s=delay_s, cut=cut)

    def advance(self, task_id: str | None = None, *, fail_message: str | None = None) -> int:
        """Move one task, or all that have not ended, one step; the number of those that moved. `fail_message` lets them fail in the end."""
        with self._lock:
            return self.service.advance(task_id, now_ms=self.clock(), fail_message=fail_message)

    def reset(self) -> None:
        """Forget tasks, journal, injected failures and the calls of the router."""
        with self._lock:
            self.service.reset()
            self.router.reset()

    def __enter__(self) -> Self:
        with _lock:
            if not _active:
                _set_up()
            _active.append(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        with _lock:
            del _active[max(index for index, one in enumerate(_active) if one is self)]
            if not _active:
                _take_down()

    def answer(self, request: Request, *, secure: bool = True) -> Response:
        """What the service answers to a request now; without TLS, what the gateway does."""
        with self._lock:
            now_ms = self.clock()
            if secure:
                return self.service.handle(request, now_ms)
            refusal, store = Refusal.of(self.service.errors["BAD_REQUEST"]), self.service.store
            response = self.service.respond(refusal.status, self.service.views.error_body(refusal), (), ())
            store.requests += 1
            store.journal.append({"number": store.requests, **journal_entry(request, response, (), now_ms)})
            return response


# -- the patches ---------------------------------------------------------------------------------------------------------------------

_lock = threading.RLock()
_active: list[Mock] = []  # the innermost is the last
_patches: list[tuple[Any, str, Any, Any]] = []  # class of transports, name of the method, what was there, ours


def _set_up() -> None:
    libraries: list[Any] = [httpx]
    with suppress(ImportError):
        libraries.append(import_module("httpx2"))
    for library in libraries:
        for owner, name, patch in (
            (library.HTTPTransport, "handle_request", _patched),
            (library.AsyncHTTPTransport, "handle_async_request", _patched_async),
        ):
            there = getattr(owner, name)
            ours = patch(library, there)
            _patches.append((owner, name, there, ours))
            setattr(owner, name, ours)


def _take_down() -> None:
    while _patches:
        owner, name, there, ours = _patches.pop()
        # Somebody else may have put something over it that calls ours; without an active mock, that lets everything pass.
        if vars(owner).get(name) is ours:
            setattr(owner, name, there)


def _patched(library: Any, there: Callable[..., Any]) -> Callable[..., Any]:  # noqa: ANN401  # a module
    @wraps(there)
    def handle_request(self: object, request: Any) -> Any:  # noqa: ANN401  # of either library
        current = _current(request.url)
        if current is None:
            return there(self, request)
        request.read()
        if library is httpx and current.router.routes:
            try:
                return current.router.handler(request)
            except PassThrough:
                return there(self, request)
            except AllMockedAssertionError:
                pass
        exchange = _Exchange(library, request, current)
        time.sleep(exchange.delay_s)
        return exchange.response(exchange.half())

    return handle_request


def _patched_async(library: Any, there: Callable[..., Any]) -> Callable[..., Any]:  # noqa: ANN401  # a module
    @wraps(there)
    async def handle_async_request(self: object, request: Any) -> Any:  # noqa: ANN401  # of either library
        current = _current(request.url)
        if current is None:
            return await there(self, request)
        await request.aread()
        if library is httpx and current.router.routes:
            try:
                return await current.router.async_handler(request)
            except PassThrough:
                return await there(self, request)
            except AllMockedAssertionError:
                pass
        exchange = _Exchange(library, request, current)
        await anyio.sleep(exchange.delay_s)
        return exchange.response(exchange.async_half())

    return handle_async_request


def _current(url: Any) -> Mock | None:  # noqa: ANN401  # of either library
    """The mock that answers, if the URL is NCLUE's."""
    ours = url.scheme in {"http", "https"} and url.host.removesuffix(".") == urlsplit(contract().server).hostname
    active = _active[-1:] if ours else []
    return active[0] if active else None


class _Exchange:
    """One request of a client library, the answer to it, and what the client is to see of that."""

    def __init__(self, library: Any, request: Any, current: Mock) -> None:  # noqa: ANN401  # of either library
        self._library = library
        self._request = request
        self._current = current
        url = request.url
        if url.port is not None:
            raise library.ConnectError(f"the mock of {url.host} listens at the ports 443 and 80, not at {url.port}", request=request)
        target = request.extensions.get("target", url.raw_path)  # httpcore sends the former when it is there
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw)
        sent = Request(request.method, target.decode("latin-1"), headers, request.content)
        self._answer = current.answer(sent, secure=url.scheme == "https")
        self._body = b"" if request.method == "HEAD" else self._answer.body
        limit: float | None = request.extensions.get("timeout", {}).get("read")
        self._too_late: bool = limit is not None and self._answer.delay_s > limit
        self.delay_s: float = self._answer.delay_s if limit is None else min(limit, self._answer.delay_s)

    def response(self, half: Iterator[bytes] | AsyncIterator[bytes]) -> Any:  # noqa: ANN401  # of either library
        """The response for the client, with `half` as its body if that is to be cut."""
        if self._too_late:
            raise self._library.ReadTimeout("The read operation timed out", request=self._request)
        headers = [*self._answer.headers, ("content-length", str(len(self._answer.body)))]
        cut = self._answer.cut and self._body
        # A `stream` is not read ahead, so that clients can stream it.
        body: dict[str, Any] = {"content": half} if cut else {"stream": self._library.ByteStream(self._body)}
        response = self._library.Response(self._answer.status, headers=headers, **body)
        if self._library is httpx:
            self._current.router.record(self._request, response=response)
        return response

    def half(self) -> Iterator[bytes]:
        """Half of the body, and then the end of the connection."""
        yield self._body[: len(self._body) // 2]
        raise self._closed()

    async def async_half(self) -> AsyncIterator[bytes]:
        """The same for an asynchronous client."""
        yield self._body[: len(self._body) // 2]
        raise self._closed()

    def _closed(self) -> Exception:
        come, due = len(self._body) // 2, len(self._body)
        words = f"peer closed connection without sending complete message body (received {come} bytes, expected {due})"
        error: Exception = self._library.RemoteProtocolError(words, request=self._request)
        return error
