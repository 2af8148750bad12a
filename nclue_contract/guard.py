"""Keep tests away from the real service: under `guard()`, a call to it raises an error, whichever client is used.

    with guard() as blocked:
        ...                     # a call to nclue.apigw.ntruss.com raises RealHostError
    assert blocked == []        # also contains the hosts of calls whose error the client handled

Functions of the standard library are patched in three places: the look-up of a name, the connection to a name, and TLS with a name, which
detects calls through a proxy or with another resolver (aiodns, uvloop). Calls to other hosts are not affected. Not detected are calls of
other processes, and of clients with their own network stack, such as pycurl.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from nclue_contract.contract.hosts import is_real

REMEDY = (
    "httpx and httpx2 are served by the mock (in pytest the fixture nclue_mock). Every other client, such as requests, aiohttp or urllib3, "
    "is served by a server on loopback: the fixture nclue_server, or nclue-contract serve; set the base URL of the client to its url."
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

_PLACES: tuple[tuple[Any, str, int, str], ...] = (
    (socket, "getaddrinfo", 0, "host"),
    (socket, "gethostbyname", 0, ""),
    (socket, "gethostbyname_ex", 0, ""),
    (socket.socket, "connect", 1, ""),
    (socket.socket, "connect_ex", 1, ""),
    (ssl.SSLContext, "wrap_socket", 5, "server_hostname"),
    (ssl.SSLContext, "wrap_bio", 4, "server_hostname"),
)
"""The functions to patch: owner and name, and which argument, by position or name, is a host or an address."""


def _patch() -> None:
    for owner, name, position, keyword in _PLACES:
        original = getattr(owner, name)
        wrapper = _checked(original, position, keyword)
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


def _checked(original: Callable[..., object], position: int, keyword: str) -> Callable[..., object]:
    """Return a function that raises `RealHostError` for the real host, and otherwise calls the original."""

    @wraps(original)
    def wrapper(*args: object, **kwargs: object) -> object:
        if _active:
            host = _host_of(args[position] if len(args) > position else kwargs.get(keyword))
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
        value = value.decode("latin-1")
    return value.rstrip(".").lower() if isinstance(value, str) else ""
