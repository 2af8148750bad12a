"""Sends the requests of a contract check over HTTP/1.1: byte by byte what the check wants, and every exchange under one total deadline.

h11 speaks the protocol. Clients for applications would be in the way here: they tidy up headers, follow redirects, and a server that sends
a byte now and then keeps them for ever.
"""

from __future__ import annotations

import json
import re
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import h11

from nclue_contract.check.expectations import OWN_FOLDER
from nclue_contract.check.requests import Exchange, RequestSpec, header_pairs
from nclue_contract.check.session import PREFIX
from nclue_contract.contract.hosts import Target
from nclue_contract.contract.model import contract
from nclue_contract.contract.openapi import document
from nclue_contract.signing import Credentials, now_ms

MOST = 1 << 20
"""Bytes of an answer that are read; a page of a hundred tasks has a tenth of that."""

BLOCK = 65_536
AGENT = "nclue-contract"

SECRET = 8
"""Characters of a header from which on it is taken out of answers. Shorter ones are no secrets, and may stand there by chance."""


@dataclass(slots=True)
class _Line:
    """A connection that may be used again."""

    socket: socket.socket
    http: h11.Connection

    def quiet(self) -> bool:
        """Whether nothing has come since the last answer: not its end, which closes the connection, and no bytes that nobody asked for."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            return not self.http.trailing_data[0] and not selector.select(0)

    def close(self) -> None:
        with suppress(OSError):
            self.socket.close()


class BadAnswerError(Exception):
    """There is no whole answer; the message says why. `unsent`: no connection; `hopeless`: nor will there be one for the next request."""

    def __init__(self, why: str, *, unsent: bool = False, hopeless: bool = False) -> None:
        super().__init__(why)
        self.unsent: bool = unsent
        self.hopeless: bool = hopeless


class Wire:
    """A transport to a server. `headers` are sent besides, `cafile` holds certificates to trust, `timeout_s` is for a whole exchange.

    What was sent as a secret (keys, signatures, the additional headers) is taken out of what comes back, since reports show that; but no
    words of the contract and none of the `ordinary` ones, which answers have anyway. Raises `ValueError` for a `cafile` that holds no
    certificates.
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
        ordinary: Iterable[str] = (),
    ) -> None:
        self._ordinary = " ".join((json.dumps(document()), PREFIX, OWN_FOLDER, *ordinary))
        self.prefix: str = target.signed_path
        self._target = target
        self._credentials = credentials
        self._headers = tuple(headers)
        self._timeout_s = timeout_s
        self._tls = _tls(cafile) if target.scheme == "https" else None
        self._line: _Line | None = None
        self._reuses = True

    def now_ms(self) -> int:
        """The clock of this machine."""
        return now_ms()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def close(self) -> None:
        """Close the connection."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def send(self, *asks: RequestSpec) -> list[Exchange]:
        """Send one request on the open connection, or several at once on connections of their own."""
        if len(asks) == 1:
            return [self._exchange(asks[0], alone=False)]
        found: dict[int, Exchange] = {}

        def one(number: int, ask: RequestSpec) -> None:
            found[number] = self._exchange(ask, alone=True)

        threads = [threading.Thread(target=one, args=pair, daemon=True) for pair in enumerate(asks)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [found[number] for number in range(len(asks))]

    def _exchange(self, ask: RequestSpec, *, alone: bool) -> Exchange:
        sent_ms = now_ms()
        pairs = header_pairs(ask, self.prefix + ask.path, sent_ms, self._credentials)
        answer, deadline, trouble = _Answer(), time.monotonic() + self._timeout_s, None
        try:
            if not self._talk(ask, pairs, answer, deadline, alone=alone):
                self._talk(ask, pairs, answer, deadline, alone=alone)  # the server had closed the idle connection
        except BadAnswerError as error:
            trouble = error
        target, signed = self._target.path + ask.path, self.prefix + ask.path
        masked = self._mask(pairs, ask)
        headers = tuple((masked(name), masked(value)) for name, value in answer.headers)
        body = masked(answer.body.decode("latin-1")).encode("latin-1")
        exchange = Exchange(ask, target, sent_ms, now_ms(), answer.status, headers, body, signed_target=signed if signed != target else "")
        if trouble is None:
            return exchange
        return replace(exchange, error=masked(str(trouble)), not_sent=trouble.unsent, permanent=trouble.hopeless)

    def _mask(self, pairs: list[tuple[str, str]], ask: RequestSpec) -> Callable[[str], str]:
        """A function that takes the secrets of a request out of a text; what answers have anyway is none."""
        signed = set(contract().headers[1:])  # the first is the time
        values = [value for name, value in pairs if name.lower() in signed] + [self._credentials.secret_key]
        others = [text for _, value in self._headers for text in (value, *value.split())]
        ordinary = f"{self._ordinary} {ask.path} {ask.body.decode('utf-8', 'replace')}"
        secrets = {text for text in values if len(text) >= SECRET}
        secrets |= {text for text in others if len(text) >= SECRET and text not in ordinary}
        if not secrets:
            return str
        pattern = re.compile("|".join(map(re.escape, sorted(secrets, key=len, reverse=True))))
        return lambda text: pattern.sub("***", text)

    def _talk(self, ask: RequestSpec, pairs: list[tuple[str, str]], answer: _Answer, deadline: float, *, alone: bool) -> bool:
        """Send and read; False when a connection that was used again turned out to be closed, nothing came back, and GET is harmless."""
        line = None if alone else self._idle_line()
        used_again = line is not None
        if line is None:
            line = self._connect(deadline)
        try:
            self._write(line, ask, pairs, deadline)
            self._read(line, answer, deadline)
        except BaseException as error:
            line.close()
            if not isinstance(error, OSError | h11.ProtocolError | BadAnswerError):
                raise  # an interruption
            if used_again and answer.status == 0 and not isinstance(error, TimeoutError):
                self._reuses = False  # the server closes without a word, so that nobody knows whether it has read this request
                if ask.method == "GET":
                    return False
            raise BadAnswerError(_why(error, self._timeout_s)) from error
        if self._reuses and not alone and line.http.our_state is h11.DONE and line.http.their_state is h11.DONE:
            line.http.start_next_cycle()
            self._line = line
        else:
            line.close()
        return True

    def _idle_line(self) -> _Line | None:
        """The open connection, if it is still good. Until the next exchange is over nobody has it, not even after an interruption."""
        line, self._line = self._line, None
        if line is None or line.quiet():
            return line
        line.close()
        return None

    def _connect(self, deadline: float) -> _Line:
        where = (self._target.host, self._target.port)
        try:
            connection = socket.create_connection(where, _left(deadline))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                connection.settimeout(_left(deadline))
                connection = self._tls.wrap_socket(connection, server_hostname=self._target.host)
        except (OSError, UnicodeError) as error:
            wrong_name = isinstance(error, socket.gaierror) and error.errno == socket.EAI_NONAME
            no_trust = isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError)
            hopeless = wrong_name or no_trust or isinstance(error, UnicodeError)
            raise BadAnswerError(f"no connection: {_why(error, self._timeout_s)}", unsent=True, hopeless=hopeless) from error
        return _Line(connection, h11.Connection(h11.CLIENT))

    def _write(self, line: _Line, ask: RequestSpec, pairs: list[tuple[str, str]], deadline: float) -> None:
        host = self._target.origin.partition("://")[2]
        headers = [("host", host), ("user-agent", AGENT), ("accept", "*/*"), *self._headers, *pairs]
        if ask.body or ask.method in {"POST", "PUT"}:
            headers.append(("content-length", str(len(ask.body))))
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        request = h11.Request(method=ask.method, target=self._target.path + ask.path, headers=encoded)
        events: list[h11.Event] = [request, h11.Data(data=ask.body), h11.EndOfMessage()]
        data = b"".join(line.http.send(event) or b"" for event in events)
        line.socket.settimeout(_left(deadline))
        line.socket.sendall(data)

    def _read(self, line: _Line, answer: _Answer, deadline: float) -> None:
        while not isinstance(event := self._event(line, deadline, begun=answer.status > 0), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                answer.status = event.status_code
                answer.headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers)
            elif isinstance(event, h11.Data):
                answer.body += event.data
                if len(answer.body) > MOST:
                    raise BadAnswerError(f"the body is longer than {MOST:,} bytes")
            elif not isinstance(event, h11.InformationalResponse):
                raise BadAnswerError("not HTTP: that is no answer")

    def _event(self, line: _Line, deadline: float, *, begun: bool) -> object:
        """What comes next, however many bytes it takes; `begun` when there is a status already."""
        event = line.http.next_event()
        while event is h11.NEED_DATA:
            line.socket.settimeout(_left(deadline))
            data = line.socket.recv(BLOCK)
            if not data and not begun:
                raise BadAnswerError("the connection was closed without an answer")
            line.http.receive_data(data)
            try:
                event = line.http.next_event()
            except h11.RemoteProtocolError as error:
                if data:
                    raise
                raise BadAnswerError("the connection was closed in the middle of the answer") from error
        return event


def _tls(cafile: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=cafile)
    except OSError as error:  # ssl.SSLError is one
        raise ValueError(f"--cacert: {cafile} holds no certificates in PEM") from error


@dataclass(slots=True)
class _Answer:
    """What has come so far."""

    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytearray = field(default_factory=bytearray)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _why(error: BaseException, timeout_s: float) -> str:
    """The reason in words, without anything that was sent."""
    if isinstance(error, TimeoutError):
        return f"it was not there within {timeout_s:g} s"
    if isinstance(error, BadAnswerError):
        return str(error)
    if isinstance(error, h11.LocalProtocolError):
        return "HTTP cannot say that"  # what it was may be a secret
    if isinstance(error, h11.ProtocolError):
        return f"not HTTP: {str(error)[:120]}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or type(error).__name__}"
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
