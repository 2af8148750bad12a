"""The connection to the server behind the proxy: requests go out, and responses come back, byte for byte and as streams.

Built on the transport of httpx, below its client, which would add headers, decode bodies and follow redirects. Not kept are what HTTP does
not carry from hop to hop (RFC 9110, section 7.6.1), the letter case of the names of request headers, which ASGI does not tell, and reason
phrases.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterable

import httpx

from nclue_contract.contract.hosts import Target

RawHeaders = list[tuple[bytes, bytes]]

HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
)
"""Headers about one connection only. `Proxy-Authorization` is passed on: it is meant for a proxy behind this one."""

MAX_CONNECTIONS = 100
"""Connections to the server at the same time; further requests wait."""

KEEP_ALIVE_S = 1.0
"""Seconds for which an idle connection is kept: shorter than servers do, so that none is closed while a request is sent on it."""


class UpstreamError(Exception):
    """There is no response, or it broke off; the message says why. `timed_out`: nothing came in time."""

    def __init__(self, message: str, *, timed_out: bool = False) -> None:
        super().__init__(message)
        self.timed_out = timed_out


class UpstreamResponse:
    """A response whose body is still to be read. To be closed with `aclose`."""

    def __init__(self, response: httpx.Response, timeout_s: float) -> None:
        self._response = response
        self._timeout_s = timeout_s
        self.status: int = response.status_code
        self.headers: RawHeaders = end_to_end(response.headers.raw)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes, with its content coding. Raises `UpstreamError` if it breaks off."""
        try:
            async for chunk in self._response.stream:  # type: ignore[union-attr]  # an asynchronous transport has such streams only
                yield chunk
        except httpx.HTTPError as error:
            raise _translated(error, self._timeout_s) from error

    async def aclose(self) -> None:
        """Release the connection."""
        await self._response.aclose()


class Upstream:
    """The server behind the proxy, to be closed with `aclose`. `keep_host`: the `Host` of the client is passed on.

    `timeout_s` is how long connecting and each wait for bytes may take.
    """

    def __init__(self, target: Target, tls: ssl.SSLContext | None, *, timeout_s: float, keep_host: bool) -> None:
        self.target = target
        self._timeout_s = timeout_s
        self._host = None if keep_host else target.origin.partition("://")[2].encode()
        limits = httpx.Limits(max_connections=MAX_CONNECTIONS, keepalive_expiry=KEEP_ALIVE_S)
        self._transport = httpx.AsyncHTTPTransport(verify=tls if tls is not None else False, limits=limits, trust_env=False)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def send(self, method: str, target: bytes, headers: RawHeaders, body: AsyncIterator[bytes]) -> UpstreamResponse:
        """Pass a request on, and return the response when its head has come. Raises `UpstreamError`."""
        passed = end_to_end(headers)
        if any(name == b"transfer-encoding" for name, _ in headers):
            passed.append((b"transfer-encoding", b"chunked"))
        if self._host is not None:
            passed = [(b"host", self._host), *((name, value) for name, value in passed if name != b"host")]
        waits = dict.fromkeys(("connect", "read", "write", "pool"), self._timeout_s)
        extensions = {"target": target, "timeout": waits}
        request = httpx.Request(method, self.target.origin, headers=passed, stream=_Body(body), extensions=extensions)
        request.method = method  # httpx writes it in capitals
        try:
            return UpstreamResponse(await self._transport.handle_async_request(request), self._timeout_s)
        except httpx.HTTPError as error:
            raise _translated(error, self._timeout_s) from error


class _Body(httpx.AsyncByteStream):
    """The body of a request, which is sent while it is received."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            yield chunk


def end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    """Return the headers that a proxy passes on, without those about the connection and those that `Connection` names."""
    pairs = list(headers)
    listed = {word.strip().lower() for name, value in pairs if name.lower() == b"connection" for word in value.split(b",")}
    return [(name, value) for name, value in pairs if name.lower() not in HOP_BY_HOP | listed]


def _translated(error: httpx.HTTPError, timeout_s: float) -> UpstreamError:
    """Return the error in our words, without the text of the server, which may hold a secret."""
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        return UpstreamError(f"no connection to the server within {timeout_s:g} s", timed_out=True)
    if isinstance(error, httpx.TimeoutException):
        return UpstreamError(f"nothing came from the server for {timeout_s:g} s", timed_out=True)
    if isinstance(error, httpx.ConnectError):
        return UpstreamError("no connection to the server")
    return UpstreamError("the connection to the server broke off, or what came is no HTTP")
