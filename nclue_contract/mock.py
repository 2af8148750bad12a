"""A mock of NCLUE for tests: requests of httpx and httpx2 to its host get the response of the service, and never leave the process.

    with mock(progress="manual") as nclue:
        response = httpx.post("https://nclue.apigw.ntruss.com/api/v1/tasks", json=payload)
        nclue.advance()
        assert nclue.tasks[0]["status"] == "pending"

A rejected request is explained: the header `x-nclue-rules` names the rules, `nclue.requests[-1]["findings"]` what broke them and where.
For an accepted payload, these findings are its warnings.
Of an invalid signature, the header `x-nclue-mistakes` and `nclue.requests[-1]["signature"]` tell what the client does wrong.

The mock works for every client of this process, in every thread, synchronous or not, because it patches the transports of the two
libraries: event hooks, `auth`, redirects and cookies work as always. Clients with another transport (ASGI, `MockTransport`) are not
affected, and neither are requests, aiohttp and urllib: use `nclue-contract serve` for them. Requests to other hosts are sent as without the
mock. The host name matches in any letter case; requests without TLS get 400 like from the gateway, and other ports than 443 and 80 raise
`ConnectError`.

Mocks can be nested; the innermost responds. With other mocks in the same test:

* `respx.mock`, inside or outside: requests to NCLUE's host come here, all others go there. To respond for NCLUE's host with respx, add
  routes to `nclue.router`, a router of respx: `nclue.router.get(path="/api/v1/tasks").mock(side_effect=httpx.ConnectError)`. Requests that
  match no route get the response of the service; all calls of httpx are in `nclue.router.calls`. (It supports httpx only, not httpx2.)
* `respx.mock(using="httpx")` and pytest-httpx patch a higher level, or the same one: requests that they handle do not come here.
* vcrpy, also in pytest-recording, patches the same level, and knows the unpatched one: a cassette inside the mock gets all requests, and
  sends those that it does not have to the real service. A mock inside a cassette responds, and nothing is recorded.

Needs respx and httpx, the extra `mock`; httpx2 is patched if it is installed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from functools import wraps
from importlib import import_module
from types import TracebackType
from typing import Any, Self, TypedDict, TypeVar, Unpack
from urllib.parse import urlsplit

from nclue_contract.contract.extras import require_extra
from nclue_contract.contract.model import contract
from nclue_contract.contract.wording import json_kind
from nclue_contract.service.addressing import split_target
from nclue_contract.service.control import ServiceControl
from nclue_contract.service.lifecycle import ProgressMode
from nclue_contract.service.messages import Request, Response
from nclue_contract.service.service import Service
from nclue_contract.service.store import ExternalData, Store
from nclue_contract.signing import Credentials, now_ms

with require_extra("mock", "the mock needs respx and httpx"):
    import anyio
    import httpx
    import respx
    from respx.models import AllMockedAssertionError, PassThrough


T = TypeVar("T")


class MockOptions(TypedDict, total=False):
    """Options of `Service`: pinned readings, progress (also as text such as `seconds:0.5`), and `world`, the fixture data."""

    readings: Mapping[str, str]
    progress: ProgressMode | str
    world: ExternalData
    store: Store
    new_id: Callable[[], str]
    rate_limit: bool


def mock(
    service: Service | None = None,
    *,
    keys: Mapping[str, str] | Credentials | None = None,
    clock: Callable[[], int] = now_ms,
    **options: Unpack[MockOptions],
) -> Mock:
    """Return a mock of NCLUE, to be used in a `with` statement: for a service, or for a new one with these keys and options.

    `keys` are credentials, or a mapping of access keys to secret keys; without them no signature is needed. `clock` returns milliseconds
    since 1970-01-01 UTC. Raises `TypeError` for a service with options and for values of
    another type, `ValueError` for an unknown reading, option or progress.
    """
    if service is not None:
        if not isinstance(service, Service):
            raise TypeError(f"service is a Service, not {json_kind(service)}; keys and options are given by name, as in mock(keys=...)")
        if options or keys is not None:
            raise TypeError("give keys and options to the service itself, or no service")
        return Mock(service, clock)
    pairs = {keys.access_key: keys.secret_key} if isinstance(keys, Credentials) else keys
    values: dict[str, Any] = dict(options)
    if isinstance(values.get("progress"), str):
        values["progress"] = ProgressMode.parse(values["progress"])
    if "world" in values:
        values["fixture_data"] = values.pop("world")
    return Mock(Service(pairs, **values), clock)


class Mock(ServiceControl):
    """Responds for NCLUE within a `with` statement; returned by `mock`. Thread-safe. `url` is the base URL of NCLUE."""

    def __init__(self, service: Service, clock: Callable[[], int] = now_ms) -> None:
        self.url: str = contract().server
        self.service: Service = service
        self.clock: Callable[[], int] = clock
        self.router: respx.MockRouter = respx.MockRouter(assert_all_called=False)
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        return f"<nclue_contract.mock of {self.url}>"

    def call(self, function: Callable[[Service, int], T]) -> T:
        """Call a function with the service and the time (milliseconds since 1970-01-01 UTC), while no request is handled."""
        with self._lock:
            return function(self.service, self.clock())

    def reset(self) -> None:
        """Remove tasks, journal, injected failures and the calls of the router."""
        with self._lock:
            super().reset()
            self.router.reset()

    def __enter__(self) -> Self:
        with _lock:
            if not _active:
                _patch()
            _active.append(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        with _lock:
            del _active[max(index for index, one in enumerate(_active) if one is self)]
            if not _active:
                _unpatch()

    def respond(self, request: Request) -> Response:
        """Return the response of the service to a request received now."""
        return self.call(lambda service, now_ms: service.handle(request, now_ms))


# -- the patches ---------------------------------------------------------------------------------------------------------------------

_lock = threading.RLock()
_active: list[Mock] = []  # the innermost is the last
_patches: list[tuple[Any, str, Any, Any]] = []  # class of transports, name of the method, the original, our replacement


def _patch() -> None:
    libraries: list[Any] = [httpx]
    with suppress(ImportError):
        libraries.append(import_module("httpx2"))
    for library in libraries:
        for owner, name, patch in (
            (library.HTTPTransport, "handle_request", _patched),
            (library.AsyncHTTPTransport, "handle_async_request", _patched_async),
        ):
            original = getattr(owner, name)
            ours = patch(library, original)
            _patches.append((owner, name, original, ours))
            setattr(owner, name, ours)


def _unpatch() -> None:
    while _patches:
        owner, name, original, ours = _patches.pop()
        # If another library has patched the method since, its patch calls ours, which passes everything on without an active mock.
        if vars(owner).get(name) is ours:
            setattr(owner, name, original)


def _patched(library: Any, original: Callable[..., Any]) -> Callable[..., Any]:  # noqa: ANN401  # a module
    @wraps(original)
    def handle_request(self: object, request: Any) -> Any:  # noqa: ANN401  # of either library
        current = _current(request.url)
        if current is None:
            return original(self, request)
        request.read()
        if library is httpx and current.router.routes:
            try:
                return current.router.handler(request)
            except PassThrough:
                return original(self, request)
            except AllMockedAssertionError:
                pass
        exchange = _Exchange(library, request, current)
        time.sleep(exchange.delay_s)
        return exchange.response(exchange.half())

    return handle_request


def _patched_async(library: Any, original: Callable[..., Any]) -> Callable[..., Any]:  # noqa: ANN401  # a module
    @wraps(original)
    async def handle_async_request(self: object, request: Any) -> Any:  # noqa: ANN401  # of either library
        current = _current(request.url)
        if current is None:
            return await original(self, request)
        await request.aread()
        if library is httpx and current.router.routes:
            try:
                return await current.router.async_handler(request)
            except PassThrough:
                return await original(self, request)
            except AllMockedAssertionError:
                pass
        exchange = _Exchange(library, request, current)
        if exchange.delay_s:  # in a thread: the timers of a loop stand still where a test has stopped the time
            await anyio.to_thread.run_sync(time.sleep, exchange.delay_s, abandon_on_cancel=True)
        return exchange.response(exchange.async_half())

    return handle_async_request


def _current(url: Any) -> Mock | None:  # noqa: ANN401  # of either library
    """Return the innermost active mock if the URL is NCLUE's; None otherwise."""
    ours = url.scheme in {"http", "https"} and url.host.removesuffix(".") == urlsplit(contract().server).hostname
    active = _active[-1:] if ours else []
    return active[0] if active else None


class _Exchange:
    """One request of a client library, the response of the service, and the response that the client receives."""

    def __init__(self, library: Any, request: Any, current: Mock) -> None:  # noqa: ANN401  # of either library
        self._library = library
        self._request = request
        self._current = current
        url = request.url
        if url.port is not None:
            raise library.ConnectError(f"the mock of {url.host} listens on the ports 443 and 80, not on {url.port}", request=request)
        raw_target = request.extensions.get("target", url.raw_path)  # httpcore sends the former if it is given
        _, target = split_target(raw_target.decode("latin-1"))
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw)
        sent = Request(request.method, target, headers, request.content, without_tls=url.scheme == "http")
        self._service_response = current.respond(sent)
        self._body = b"" if request.method == "HEAD" else self._service_response.body
        limit: float | None = request.extensions.get("timeout", {}).get("read")
        self._too_late: bool = limit is not None and self._service_response.delay_s > limit
        self.delay_s: float = self._service_response.delay_s if limit is None else min(limit, self._service_response.delay_s)

    def response(self, half: Iterator[bytes] | AsyncIterator[bytes]) -> Any:  # noqa: ANN401  # of either library
        """Return the response for the client, with `half` as its body if that is to be cut."""
        if self._too_late:
            raise self._library.ReadTimeout("The read operation timed out", request=self._request)
        headers = list(self._service_response.sent_headers)
        cut = self._service_response.cut and self._body
        # A `stream` is not read ahead, so that clients can stream it.
        body: dict[str, Any] = {"content": half} if cut else {"stream": self._library.ByteStream(self._body)}
        response = self._library.Response(self._service_response.status, headers=headers, **body)
        if self._library is httpx:
            self._current.router.record(self._request, response=response)
        return response

    def half(self) -> Iterator[bytes]:
        """Yield half of the body, then raise the error for a closed connection."""
        yield self._body[: len(self._body) // 2]
        raise self._closed()

    async def async_half(self) -> AsyncIterator[bytes]:
        """Do the same for an asynchronous client."""
        yield self._body[: len(self._body) // 2]
        raise self._closed()

    def _closed(self) -> Exception:
        received, expected = len(self._body) // 2, len(self._body)
        message = f"peer closed connection without sending complete message body (received {received} bytes, expected {expected})"
        error: Exception = self._library.RemoteProtocolError(message, request=self._request)
        return error
