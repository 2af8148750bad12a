"""The HTTP transport: sends the requests of a check over HTTP/1.1 exactly as specified, with one deadline for each whole exchange.

h11 implements the protocol. HTTP clients for applications are not suitable here: they normalize headers, follow redirects, and their
time-outs are for single reads, so that a server that sends a byte now and then blocks them without limit.
"""

from __future__ import annotations

import json
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus

import h11

from nclue_contract.check.content_coding import ContentCodingError, decode
from nclue_contract.check.expectations import OWN_FOLDER
from nclue_contract.check.request_builder import NAME_PREFIX
from nclue_contract.check.requests import Exchange, RequestSpec, header_pairs, valid_signature
from nclue_contract.check.signature_variants import validly_signed
from nclue_contract.contract.hosts import Target
from nclue_contract.contract.masking import Masker, header_secrets
from nclue_contract.contract.model import contract
from nclue_contract.contract.openapi import document
from nclue_contract.contract.real_time import RunningClock, monotonic
from nclue_contract.contract.trust import tls_context
from nclue_contract.signing import Credentials

MAX_BODY_BYTES = 1 << 20
"""Bytes of a response body that are read, and of the decoded body, at most; a list page of a hundred tasks has a tenth of that."""

RECEIVE_BYTES = 65_536
"""Bytes that are received at once, at most."""

USER_AGENT = "nclue-contract"

BY_THE_HEAD = frozenset({401, 403, 405, 411, 413, 415})
"""The statuses with which a server may reject a request before it reads the body."""

NO_REQUEST = frozenset({400, 501})
"""The statuses with which a server rejects what is no request, such as a body that it has left on the connection."""

MAX_REASON = 160
"""Characters of the reason for an incomplete response, at most: it may contain what a server sent."""


@dataclass(slots=True)
class _Connection:
    """An open connection, with the state of the protocol on it, and the last request if its body may not have been read."""

    socket: socket.socket
    http: h11.Connection
    unread: RequestSpec | None = None

    def idle(self) -> bool:
        """Return whether nothing was received since the last response: neither the end of the connection nor unexpected bytes."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            return not self.http.trailing_data[0] and not selector.select(0)

    def close(self) -> None:
        """Close the connection; errors do not matter any more."""
        with suppress(OSError):
            self.socket.close()


class IncompleteResponseError(Exception):
    """There is no complete response; the message says why.

    `not_sent`: the request did not leave, since there was no connection. `permanent`: the next request would fail in the same way.
    """

    def __init__(self, reason: str, *, not_sent: bool = False, permanent: bool = False) -> None:
        super().__init__(reason)
        self.not_sent: bool = not_sent
        self.permanent: bool = permanent


class HttpTransport:
    """A transport to a server. `headers` are added to each request, `cafile` has certificates to trust (PEM).

    `timeout_s` is for a whole exchange. Secrets that were sent on this transport (keys, signatures, values of `headers`) are masked in what
    comes back, in every spelling, since reports show that; words of the contract, those in `not_secret` and those of the path and the body
    that were sent, which responses contain anyway, are not. Raises `ValueError` for a `cafile` that holds no certificates.
    """

    exact_clock = False

    def __init__(
        self,
        target: Target,
        credentials: Credentials,
        *,
        headers: Sequence[tuple[str, str]] = (),
        cafile: str | None = None,
        timeout_s: float = 10.0,
        not_secret: Iterable[str] = (),
    ) -> None:
        public = " ".join((json.dumps(document()), NAME_PREFIX, OWN_FOLDER, *not_secret))
        secrets = [secret for _, value in headers for secret in header_secrets(value)]
        self._masker = Masker((credentials.access_key, credentials.secret_key, *secrets), public=public)
        self.prefix: str = target.signed_path
        self._target = target
        self._credentials = credentials
        self._headers = tuple(headers)
        self._timeout_s = timeout_s
        self._tls = tls_context(cafile) if target.scheme == "https" else None
        self._open: list[_Connection] = []
        self._reuses = True
        self._clock = RunningClock()

    def now_ms(self) -> int:
        """Return the time of this machine; it goes on although a test may have stopped its own, so that waiting ends."""
        return self._clock.now_ms()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def close(self) -> None:
        """Close the open connections."""
        while self._open:
            self._open.pop().close()

    def send(self, *requests: RequestSpec) -> list[Exchange]:
        """Send one request on an open connection, or several at the same moment on connections of their own."""
        if len(requests) == 1:
            return [self._exchange(requests[0], self._timeout_s, reuse=True)]
        received: dict[int, Exchange] = {}
        self._send_together(requests, received, self._timeout_s, reuse=False)
        return [received[place] for place in range(len(requests))]

    def overlap(self, requests: Sequence[RequestSpec], received: dict[int, Exchange], timeout_s: float | None = None) -> None:
        """Send requests at the same moment, on open connections and on new ones that stay open."""
        self._send_together(requests, received, self._timeout_s if timeout_s is None else min(timeout_s, self._timeout_s), reuse=True)

    def _send_together(self, requests: Sequence[RequestSpec], received: dict[int, Exchange], timeout_s: float, *, reuse: bool) -> None:
        def exchange(place: int, request: RequestSpec) -> None:
            received[place] = self._exchange(request, timeout_s, reuse=reuse)

        threads = [threading.Thread(target=exchange, args=pair, daemon=True) for pair in enumerate(requests)]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except KeyboardInterrupt:
            for thread in threads:  # what they create is to be deleted; a second interruption ends this
                thread.join()
            raise

    def _exchange(self, request: RequestSpec, timeout_s: float, *, reuse: bool) -> Exchange:
        sent_ms = self.now_ms()
        pairs = header_pairs(request, self.prefix + request.path, sent_ms, self._credentials)
        response, deadline, failure, unread, sent = _PartialResponse(), _Deadline(timeout_s), None, None, 1
        try:
            if not self._attempt(request, pairs, response, deadline, reuse=reuse):
                first, response = response, _PartialResponse()
                # The server had closed the idle connection, or read the body before as this request.
                self._attempt(request, pairs, response, deadline, reuse=reuse and first.unread is None)
                sent += bool(first.status)
                # Without a response, the connection may just have been idle for too long.
                if first.status and response.status == HTTPStatus.UNAUTHORIZED and validly_signed(request):  # perhaps only once
                    response = first
                elif first.status and response.status != first.status:
                    unread = first.unread
        except IncompleteResponseError as error:
            failure = error
        self._reuses &= unread is None
        self._masker.add(valid_signature(request, self.prefix + request.path, sent_ms, self._credentials))
        masked = _ResponseMask(self._masker, request, pairs)
        headers, body = masked.headers(response.headers), bytes(response.body)
        try:
            body = masked.body(decode(body, headers, MAX_BODY_BYTES))
        except ContentCodingError as error:
            body = b""  # secrets in it could not be masked
            failure = failure or IncompleteResponseError(str(error))
        target, signed = self._target.path + request.path, self.prefix + request.path
        signed_target = signed if signed != target else ""
        exchange = Exchange(
            request,
            target,
            sent_ms,
            self.now_ms(),
            response.status,
            headers,
            body,
            signed_target=signed_target,
            left_unread=unread,
            sent=sent,
        )
        if failure is None:
            return exchange
        reason = masked.text(str(failure))[:MAX_REASON]
        late = isinstance(failure.__cause__, TimeoutError)
        return replace(exchange, error=reason, late=late, not_sent=failure.not_sent, permanent=failure.permanent)

    def _attempt(
        self, request: RequestSpec, pairs: list[tuple[str, str]], response: _PartialResponse, deadline: _Deadline, *, reuse: bool
    ) -> bool:
        """Send a request and read the response into `response`; with `reuse` on the open connection, if there is one.

        Return False when that connection turned out to be closed, nothing came back, and the request may be repeated: only GET is a safe
        method (RFC 9110, 9.2.1), since the server may have read the request. Return False as well for what may be the response to the body
        of the request before, which the server has not read (`response.unread`). Raise `IncompleteResponseError`.
        """
        connection = self._idle_connection() if reuse else None
        reused = connection is not None
        if connection is None:
            connection = self._connect(deadline)
        response.unread = connection.unread
        try:
            self._write(connection, request, pairs, deadline)
            self._read(connection, response, deadline)
        except BaseException as error:
            connection.close()
            if not isinstance(error, OSError | h11.ProtocolError | IncompleteResponseError):
                raise  # an interruption
            if reused and response.status == 0 and not isinstance(error, TimeoutError):
                self._reuses = False  # a server that closes without notice: from now on each request gets its own connection
                if request.method == "GET":
                    return False
            raise IncompleteResponseError(_reason(error, deadline.timeout_s)) from error
        if response.unread is not None and response.status in NO_REQUEST:
            connection.close()
            return False
        connection.unread = request if request.body and response.status in BY_THE_HEAD else None
        if self._reuses and reuse and connection.http.our_state is h11.DONE and connection.http.their_state is h11.DONE:
            connection.http.start_next_cycle()
            self._open.append(connection)
        else:
            connection.close()
        return True

    def _idle_connection(self) -> _Connection | None:
        """Return an open connection that can be used. It is added again only after the exchange, so not after an interruption."""
        with suppress(IndexError):
            while True:
                connection = self._open.pop()
                if connection.idle():
                    return connection
                connection.close()
        return None

    def _connect(self, deadline: _Deadline) -> _Connection:
        address = (self._target.host, self._target.port)
        try:
            connection = socket.create_connection(address, deadline.remaining())
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                connection.settimeout(deadline.remaining())
                connection = self._tls.wrap_socket(connection, server_hostname=self._target.host)
        except (OSError, UnicodeError) as error:
            unknown_host = isinstance(error, socket.gaierror) and error.errno == socket.EAI_NONAME
            untrusted = isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError)
            permanent = unknown_host or untrusted or isinstance(error, UnicodeError)
            reason = f"no connection: {_reason(error, deadline.timeout_s)}"
            raise IncompleteResponseError(reason, not_sent=True, permanent=permanent) from error
        return _Connection(connection, h11.Connection(h11.CLIENT))

    def _write(self, connection: _Connection, request: RequestSpec, pairs: list[tuple[str, str]], deadline: _Deadline) -> None:
        host = self._target.origin.partition("://")[2]
        headers = [("host", host), ("user-agent", USER_AGENT), ("accept", "*/*"), *self._headers, *pairs]
        if not any(name.lower() == "accept-encoding" for name, _ in self._headers):
            headers.append(("accept-encoding", "identity"))
        if request.body or request.method in {"POST", "PUT"}:
            headers.append(("content-length", str(len(request.body))))
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        head = h11.Request(method=request.method, target=self._target.path + request.path, headers=encoded)
        events: list[h11.Event] = [head, h11.Data(data=request.body), h11.EndOfMessage()]
        data = b"".join(connection.http.send(event) or b"" for event in events)
        connection.socket.settimeout(deadline.remaining())
        connection.socket.sendall(data)

    def _read(self, connection: _Connection, response: _PartialResponse, deadline: _Deadline) -> None:
        while not isinstance(event := self._event(connection, deadline, begun=response.status > 0), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                response.status = event.status_code
                response.headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers)
            elif isinstance(event, h11.Data):
                response.body += event.data
                if len(response.body) > MAX_BODY_BYTES:
                    raise IncompleteResponseError(f"the body is longer than {MAX_BODY_BYTES:,} bytes")
            elif not isinstance(event, h11.InformationalResponse):
                raise IncompleteResponseError("not HTTP: this is not a response")

    def _event(self, connection: _Connection, deadline: _Deadline, *, begun: bool) -> object:
        """Return the next event of the protocol; `begun`: a status line was received already."""
        event = connection.http.next_event()
        while event is h11.NEED_DATA:
            connection.socket.settimeout(deadline.remaining())
            data = connection.socket.recv(RECEIVE_BYTES)
            if not data and not begun:
                raise IncompleteResponseError("the connection was closed without a response")
            connection.http.receive_data(data)
            try:
                event = connection.http.next_event()
            except h11.RemoteProtocolError as error:
                if data:
                    raise
                raise IncompleteResponseError("the connection was closed in the middle of the response") from error
        return event


class _ResponseMask:
    """Masks what came back for one request: the secrets that its transport knows, and the signed headers of this request.

    Some of those are deliberately wrong, such as a signature all zero. A later response may contain such a value by chance.
    """

    def __init__(self, masker: Masker, request: RequestSpec, pairs: Iterable[tuple[str, str]]) -> None:
        signed = set(contract().headers[1:])  # the first one is the timestamp
        values = [value for name, value in pairs if name.lower() in signed]
        self._maskers = (masker, Masker(value for value in values if masker.text(value) == value))
        self._public = request.path.encode() + b" " + request.body

    def headers(self, headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Return names and values without secrets."""
        return tuple((self.text(name), self.text(value)) for name, value in headers)

    def body(self, body: bytes) -> bytes:
        """Return a body without secrets."""
        for masker in self._maskers:
            body = masker.data(body, self._public)
        return body

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        return self.body(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


@dataclass(slots=True)
class _PartialResponse:
    """What was received so far; status 0 before the status line. `unread` is that of the connection."""

    status: int = 0
    unread: RequestSpec | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytearray = field(default_factory=bytearray)


class _Deadline:
    """The end of the time for an exchange, `timeout_s` seconds from now on."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s: float = timeout_s
        self._at = monotonic() + timeout_s

    def remaining(self) -> float:
        """Return the seconds that are left. Raises `TimeoutError` if there are none."""
        remaining = self._at - monotonic()
        if remaining <= 0:
            raise TimeoutError
        return remaining


def _reason(error: BaseException, timeout_s: float) -> str:
    """Return the reason in words, without anything that was sent."""
    if isinstance(error, TimeoutError):
        return f"no response within {timeout_s:g} s"
    if isinstance(error, IncompleteResponseError):
        return str(error)
    if isinstance(error, h11.LocalProtocolError):
        return "HTTP cannot express the request"  # the value may be a secret
    if isinstance(error, h11.ProtocolError):
        return f"not HTTP: {error}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or type(error).__name__}"
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
