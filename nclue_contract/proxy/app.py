"""The proxy as an ASGI application: passes each request on, streams the response back, and hands the exchange over to be judged.

Nothing that is judged changes what is passed on, or delays it: an exchange is judged when its response has been sent. Of each body only the
first bytes are kept for that. Two kinds of requests are not passed on: create requests that the user has not allowed, and, with `block`,
payloads that break a documented rule, because only those are wrong under every reading.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from nclue_contract.check.content_coding import ContentCodingError, decode
from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Readings
from nclue_contract.contract.rules import Certainty
from nclue_contract.proxy.upstream import RawHeaders, Upstream, UpstreamError, UpstreamResponse
from nclue_contract.service.addressing import AllowedHosts, split_target
from nclue_contract.traffic.exchanges import Pairs, RecordedExchange
from nclue_contract.validation.findings import Finding
from nclue_contract.validation.validator import Validator

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

OWN = b"x-nclue-proxy"
"""The header of responses that are by the proxy itself; its value says why."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})
"""The methods by which no task is created; a server may create one for methods that no page has."""


class ClientGoneError(Exception):
    """The client has closed the connection before the end of its request."""


@dataclass(frozen=True, slots=True)
class ProxyOptions:
    """What the proxy does. `cap_bytes` of each body are kept to be judged; a body that is longer is passed on, and not judged.

    `create_requests` is how many requests that may create a task are passed on (None: all). With `block`, payloads that break a documented
    rule are not. Requests for other hosts than `hosts` are not passed on, and not judged.
    """

    readings: Readings
    cap_bytes: int = 1 << 20
    create_requests: int | None = None
    block: bool = False
    hosts: AllowedHosts = field(default_factory=AllowedHosts)


class _Kept:
    """The beginning of a body; `body` is the whole of it, or None if it was longer."""

    def __init__(self, cap_bytes: int) -> None:
        self._cap_bytes = cap_bytes
        self._kept = bytearray()
        self._too_long = False

    def add(self, chunk: bytes) -> None:
        if len(self._kept) + len(chunk) > self._cap_bytes:
            self._too_long = True
            self._kept.clear()
        elif not self._too_long:
            self._kept += chunk

    @property
    def body(self) -> bytes | None:
        return None if self._too_long else bytes(self._kept)


class ProxyApp:
    """An ASGI application. `exchanged` is called with each exchange, `clock` returns milliseconds since 1970-01-01 UTC."""

    def __init__(
        self, upstream: Upstream, options: ProxyOptions, exchanged: Callable[[RecordedExchange], object], clock: Callable[[], int]
    ) -> None:
        self._upstream = upstream
        self._options = options
        self._exchanged = exchanged
        self._clock = clock
        self._validator = Validator(options.readings)
        self._left = options.create_requests

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Pass one request on; close a web socket, which NCLUE does not have."""
        if scope["type"] == "http":
            await _Exchange(self, scope, receive, send).run()
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})

    async def _live(self, receive: Receive, send: Send) -> None:
        """Acknowledge the messages of the lifespan, and close the connections at its end."""
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self._upstream.aclose()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    @property
    def upstream(self) -> Upstream:
        """The server behind the proxy."""
        return self._upstream

    @property
    def options(self) -> ProxyOptions:
        """What the proxy does."""
        return self._options

    def now_ms(self) -> int:
        """Return the time."""
        return self._clock()

    def finish(self, exchange: RecordedExchange) -> None:
        """Hand an exchange over."""
        self._exchanged(exchange)

    def may_create(self) -> bool:
        """Return whether one more request that may create a task is passed on, and count it."""
        if self._left is None:
            return True
        self._left -= 1
        return self._left >= 0

    def broken(self, body: bytes) -> list[Finding]:
        """Return the findings of a payload that no reading allows."""
        return [finding for finding in self._validator.validate_request_json(body).errors if finding.certainty is Certainty.DOCUMENTED]


class _Exchange:
    """One request on its way to the server, and its response on its way back."""

    def __init__(self, proxy: ProxyApp, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        self._proxy = proxy
        self._receive = receive
        self._send = send
        query = scope["query_string"]
        self._method: str = scope["method"]
        self._target: bytes = scope["raw_path"] + (b"?" + query if query else b"")
        self._headers: RawHeaders = list(scope["headers"])
        self._http_version: str = scope.get("http_version", "1.1")
        self._sent, self._received = _Kept(proxy.options.cap_bytes), _Kept(proxy.options.cap_bytes)
        self._begun_ms = proxy.now_ms()
        self._stream = self._body()

    async def run(self) -> None:
        """Pass the request on unless it is to be held back."""
        proxy = self._proxy
        if refusal := self._refusal():
            await self._send_own(HTTPStatus.MISDIRECTED_REQUEST, "misdirected", {"problem": refusal})
            return
        try:
            held: list[bytes] = []
            if proxy.options.block and self._creates_task():
                held = [chunk async for chunk in self._first_bytes()]
                if (body := self._sent.body) is not None and (broken := proxy.broken(body)):
                    await self._reject(broken)
                    return
            if self._method.upper() not in SAFE and not proxy.may_create():
                await self._answer(HTTPStatus.FORBIDDEN, "not-allowed", {"problem": "--allow-create does not allow another create request"})
                return
            await self._pass_on(held)
        except ClientGoneError:
            return

    def _refusal(self) -> str:
        """Return why the host that the request is for is not served, empty if it is."""
        hosts = [value.decode("latin-1") for name, value in self._headers if name == b"host"]
        authority, _ = split_target(self._target.decode("latin-1"))
        return self._proxy.options.hosts.refusal(authority, hosts, self._http_version)

    def _creates_task(self) -> bool:
        operation = contract().operations["createTask"]
        path = self._target.partition(b"?")[0].decode("latin-1")
        return self._method.upper() == operation.method and path == self._proxy.upstream.target.path + operation.path

    # -- the body of the request ------------------------------------------------------------------------------------------------------

    async def _body(self) -> AsyncIterator[bytes]:
        """Yield the body of the request as it comes, and keep its beginning."""
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            chunk, more = message.get("body", b""), message.get("more_body", False)
            self._sent.add(chunk)
            if chunk:
                yield chunk

    async def _first_bytes(self) -> AsyncIterator[bytes]:
        """Yield the body up to the cap, or a little more."""
        async for chunk in self._stream:
            yield chunk
            if self._sent.body is None:
                return

    async def _rest(self, held: list[bytes]) -> AsyncIterator[bytes]:
        """Yield the bytes that were held back, and those that follow."""
        for chunk in held:
            yield chunk
        async for chunk in self._stream:
            yield chunk

    # -- the response -----------------------------------------------------------------------------------------------------------------

    async def _pass_on(self, held: list[bytes]) -> None:
        try:
            response = await self._proxy.upstream.send(self._method, self._target, self._headers, self._rest(held))
        except UpstreamError as error:
            status = HTTPStatus.GATEWAY_TIMEOUT if error.timed_out else HTTPStatus.BAD_GATEWAY
            await self._answer(status, "no-response", {"problem": str(error)}, error=str(error))
            return
        problem = ""
        try:
            await self._send({"type": "http.response.start", "status": response.status, "headers": response.headers})
            problem = await self._stream_back(response)
        finally:
            await response.aclose()
        self._finish(response.status, _texts(response.headers), self._decoded(_texts(response.headers)), error=problem)

    async def _stream_back(self, response: UpstreamResponse) -> str:
        """Send the body as it comes. Return why it broke off; then it has no end, so that the connection to the client breaks off, too."""
        try:
            async for chunk in response.chunks():
                self._received.add(chunk)
                await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
        except UpstreamError as error:
            return str(error)
        await self._send({"type": "http.response.body", "body": b""})
        return ""

    def _decoded(self, headers: Pairs) -> bytes | None:
        """Return the body of the response without its content coding; None if it is too long or cannot be decoded."""
        body = self._received.body
        if body is None or self._method.upper() == "HEAD":
            return None
        try:
            return decode(body, headers, self._proxy.options.cap_bytes)
        except ContentCodingError:
            return None

    # -- answers of the proxy itself --------------------------------------------------------------------------------------------------

    async def _reject(self, broken: list[Finding]) -> None:
        """Answer a payload that breaks a documented rule as NCLUE does, always with 422."""
        shape, first = self._proxy.options.readings.error_shape, broken[0]
        code = next((answer.code for answer in first.expects if answer.status == HTTPStatus.UNPROCESSABLE_ENTITY), None)
        error = {shape.code: code, shape.message: first.slug.upper().replace("-", "_")}
        rules = ", ".join(dict.fromkeys(finding.rule for finding in broken)).encode()
        value = {shape.object: error} if shape.object else error
        await self._answer(HTTPStatus.UNPROCESSABLE_ENTITY, "blocked", value, ((b"x-nclue-rules", rules),))

    async def _answer(self, status: int, why: str, value: object, headers: tuple[tuple[bytes, bytes], ...] = (), error: str = "") -> None:
        """Send a response of the proxy itself, and hand the exchange over."""
        pairs, body = await self._send_own(status, why, value, headers)
        if error:
            self._finish(0, (), b"", error=error)
        else:
            self._finish(int(status), _texts(pairs), body, own=True)

    async def _send_own(
        self, status: int, why: str, value: object, headers: tuple[tuple[bytes, bytes], ...] = ()
    ) -> tuple[RawHeaders, bytes]:
        """Send a response of the proxy itself, with a JSON body; return its headers and its body."""
        body = json.dumps(value).encode()
        length = str(len(body)).encode()
        pairs = [(b"content-type", b"application/json"), (b"content-length", length), (OWN, why.encode()), *headers]
        await self._send({"type": "http.response.start", "status": int(status), "headers": pairs})
        await self._send({"type": "http.response.body", "body": b"" if self._method.upper() == "HEAD" else body})
        return pairs, body

    def _finish(self, status: int, headers: Pairs, body: bytes | None, *, error: str = "", own: bool = False) -> None:
        exchange = RecordedExchange(
            method=self._method,
            origin=self._proxy.upstream.target.origin,
            target=self._target.decode("latin-1"),
            request_headers=_texts(self._headers),
            request_body=self._sent.body,
            status=status,
            response_headers=headers,
            response_body=body,
            sent_ms=self._begun_ms,
            received_ms=self._proxy.now_ms(),
            error=error,
            own=own,
        )
        self._proxy.finish(exchange)


def _texts(headers: RawHeaders) -> Pairs:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
