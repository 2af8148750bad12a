"""Keep tests away from the real service: under `guard()`, a call to it raises an error, whichever client is used.

    with guard() as blocked:
        ...                     # a call to nclue.apigw.ntruss.com raises RealHostError
    assert blocked == []        # also contains the hosts of calls whose error the client handled

Functions of the standard library are patched in four places: the look-up of a name, the connection to a name, TLS with a name, which
detects calls with another resolver (aiodns, uvloop), and the sending of a request: through a proxy (`CONNECT`, or a URL in the request
line), or on a connection that was opened before the guard. Calls to other hosts are not affected.

What stays undetected:

* calls of other processes, and of clients with their own network stack, such as pycurl, or with their own TLS, such as pyOpenSSL;
* on a connection without TLS, or with TLS but without the name: HTTP/2, a request whose head is sent in pieces, and a `Host` of the real
  service that goes to loopback (a stub may be meant), or over TLS in memory (`ssl.MemoryBIO`), where the address is not known;
* a proxy, tunnel or forwarded port that is configured elsewhere, and reached by its own name;
* a SOCKS proxy that resolves the name, until TLS begins;
* requests that another server sends to the real host, such as a gateway under test.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import wraps
from typing import Any

from nclue_contract.contract.hosts import is_loopback, is_real

REMEDY = (
    "httpx and httpx2 are served by nclue_contract.mock (in pytest the fixture nclue_mock). Every other client, such as requests, aiohttp "
    "or urllib3, is served by a server on loopback: the fixture nclue_server, or nclue-contract serve; set the base URL of the client to "
    "its url."
)
"""What to use instead of the real service."""


class RealHostError(AssertionError):
    """A test called the real service.

    It is not an `OSError`, because clients convert those into their own errors, or retry the call. httpx, httpx2, requests, urllib and
    aiohttp let this error through unchanged. `host` is the name of the host.
    """

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.host = host

    def __str__(self) -> str:
        return f"this test called {self.host}, where tasks are billed. {REMEDY} To call the real service, leave the guard()"


@contextmanager
def guard() -> Iterator[list[str]]:
    """Block every call to `*.ntruss.com` in this process until the block ends. Yields the list of the hosts of blocked calls.

    Guards can be nested and used from several threads. The last one to end restores the functions that the first one patched.
    A blocked call raises `RealHostError`.
    """
    blocked: list[str] = []
    with _lock:
        if not _active:
            _patch()
        _active.append(blocked)
    try:
        yield blocked
    finally:
        with _lock:
            # By identity: two empty lists are equal.
            del _active[next(index for index, one in enumerate(_active) if one is blocked)]
            if not _active:
                _restore()


_lock = threading.RLock()
_active: list[list[str]] = []  # the blocked hosts of each guard in force
_patched: list[tuple[Any, str, bool, Any, Any]] = []  # owner, name, whether the owner itself had it, the original, the wrapper

Arguments = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class _Argument:
    """Finds the host in a call: the argument, by position or name, that is a host or an address."""

    position: int
    keyword: str = ""

    def __call__(self, args: Arguments, kwargs: Mapping[str, object]) -> str:
        return _host_of(args[self.position] if len(args) > self.position else kwargs.get(self.keyword))


def _receiver(args: Arguments, _kwargs: Mapping[str, object]) -> str:
    """Find the host in a call that sends data on a connection: that of TLS, or that of the request which the data begins."""
    connection, data = (*args, None)[:2]
    if is_real(name := _host_of(getattr(connection, "server_hostname", None))):
        return name
    if isinstance(data, list | tuple):  # of `sendmsg`
        data = next(iter(data), None)
    head = b""
    with suppress(TypeError, ValueError):  # what cannot be sent is for the original to reject
        head = bytes(memoryview(data).cast("B")[:LONGEST_HEAD])  # type: ignore[arg-type]
    line = _REQUEST_LINE.match(head)
    if line is None:
        return ""
    authority = line["proxied"] or line["tunnel"]
    if authority is None and (field := _HOST.search(head)) and not _is_near(connection):
        authority = field[1]
    return _host_of(re.sub(rb"^.*@|:[0-9]*$", b"", authority.strip())) if authority else ""


LONGEST_HEAD = 8192
"""Bytes at the start of what is sent in which a request line and the field `Host` are looked for."""

_REQUEST_LINE = re.compile(rb"(?:CONNECT (?P<tunnel>[^ /]+)|[A-Z]+ (?:[a-zA-Z]+://(?P<proxied>[^ /?#]*)|/)[^ \r\n]*) HTTP/1")
_HOST = re.compile(rb"(?i)\r\nhost:([^\r\n]*)")


def _is_near(connection: object) -> bool:
    """Return whether a connection leads to this machine, where a stub may answer for the real host, or to what is not known."""
    try:
        address = connection.getpeername()  # type: ignore[attr-defined]  # TLS in memory has none
    except (AttributeError, OSError):
        return True
    return not isinstance(address, tuple) or is_loopback(str(address[0]))


_PLACES: tuple[tuple[Any, str, Callable[[Arguments, Mapping[str, object]], str]], ...] = (
    (socket, "getaddrinfo", _Argument(0, "host")),
    (socket, "gethostbyname", _Argument(0)),
    (socket, "gethostbyname_ex", _Argument(0)),
    (socket.socket, "connect", _Argument(1)),
    (socket.socket, "connect_ex", _Argument(1)),
    (socket.socket, "send", _receiver),
    (socket.socket, "sendall", _receiver),
    (socket.socket, "sendmsg", _receiver),
    (ssl.SSLContext, "wrap_socket", _Argument(5, "server_hostname")),
    (ssl.SSLContext, "wrap_bio", _Argument(4, "server_hostname")),
    (ssl.SSLSocket, "send", _receiver),
    (ssl.SSLSocket, "sendall", _receiver),
    (ssl.SSLSocket, "write", _receiver),
    (ssl.SSLObject, "write", _receiver),
)
"""The functions to patch: owner and name, and what finds the host in a call."""


def _patch() -> None:
    for owner, name, find in _PLACES:
        if not hasattr(owner, name):  # `sendmsg` is missing on Windows
            continue
        original = getattr(owner, name)
        wrapper = _checked(original, find)
        _patched.append((owner, name, name in vars(owner), original, wrapper))
        setattr(owner, name, wrapper)


def _restore() -> None:
    while _patched:
        owner, name, own, original, wrapper = _patched.pop()
        if vars(owner).get(name) is not wrapper:
            continue  # patched again by other code, which may call the wrapper; without a guard in force, all calls are allowed
        if own:
            setattr(owner, name, original)
        else:  # `connect` is inherited from a class in C
            delattr(owner, name)


def _checked(original: Callable[..., object], find: Callable[[Arguments, Mapping[str, object]], str]) -> Callable[..., object]:
    """Return a function that raises `RealHostError` for the real host, and otherwise calls the original."""

    @wraps(original)
    def wrapper(*args: object, **kwargs: object) -> object:
        if _active:
            host = find(args, kwargs)
            if is_real(host):
                for blocked in tuple(_active):
                    blocked.append(host)
                raise RealHostError(host)
        return original(*args, **kwargs)

    return wrapper


def _host_of(value: object) -> str:
    """Return the host of a name or of an address (host, port, …), as text or bytes; empty for other values."""
    if isinstance(value, tuple) and value:
        value = value[0]
    if isinstance(value, bytes | bytearray):
        value = value.decode("utf-8", "replace")
    return value.rstrip(".").lower() if isinstance(value, str) else ""
