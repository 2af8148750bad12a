"""Keeps tests away from the real service: under `guard()`, a call to it fails loudly, whichever client is used.

    with guard() as refused:
        ...                     # a call to nclue.apigw.ntruss.com raises RealHostError
    assert refused == []        # for calls whose error somebody swallowed

Three nets, each of the standard library: the look-up of a name, the connection to a name, and TLS with a name, which catches calls through
a proxy or with a resolver of its own (aiodns, uvloop). Other hosts are not touched. Not seen are other processes and clients with a network
stack of their own, such as pycurl.
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


class RealHostError(AssertionError):
    """A test called the real service.

    No `OSError`, on purpose: clients turn these into their own errors, retry them, or take them for a bad connection. This one comes
    through httpx, httpx2, requests, urllib and aiohttp as it is.
    """

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.host = host

    def __str__(self) -> str:
        return (
            f"this test called {self.host}, where tasks are billed. Use the mock (nclue_contract.mock) for a client in this process, "
            "or the server on loopback (nclue-contract serve) for anything else; whoever wants the real service does so outside of guard()"
        )


@contextmanager
def guard() -> Iterator[list[str]]:
    """Refuse every call to `*.ntruss.com` in this process until the block ends; gives the hosts that were refused.

    Can be nested and used from several threads: the last one to leave restores what was there before the first.
    """
    refused: list[str] = []
    with _lock:
        if not _active:
            _set_up()
        _active.append(refused)
    try:
        yield refused
    finally:
        with _lock:
            # By identity: two empty lists are equal.
            del _active[next(index for index, one in enumerate(_active) if one is refused)]
            if not _active:
                _take_down()


_lock = threading.RLock()
_active: list[list[str]] = []  # what each guard in force has refused
_nets: list[tuple[Any, str, bool, Any, Any]] = []  # owner, name, whether the owner itself had it, what was there, the net

_PLACES: tuple[tuple[Any, str, int, str], ...] = (
    (socket, "getaddrinfo", 0, "host"),
    (socket, "gethostbyname", 0, ""),
    (socket, "gethostbyname_ex", 0, ""),
    (socket.socket, "connect", 1, ""),
    (socket.socket, "connect_ex", 1, ""),
    (ssl.SSLContext, "wrap_socket", 5, "server_hostname"),
    (ssl.SSLContext, "wrap_bio", 4, "server_hostname"),
)
"""Where calls pass: owner and name of a function, and which of its arguments, by position or name, holds a host or an address."""


def _set_up() -> None:
    for owner, name, position, keyword in _PLACES:
        there = getattr(owner, name)
        net = _net(there, position, keyword)
        _nets.append((owner, name, name in vars(owner), there, net))
        setattr(owner, name, net)


def _take_down() -> None:
    while _nets:
        owner, name, own, there, net = _nets.pop()
        if vars(owner).get(name) is not net:
            continue  # somebody else has put something over it, which may call the net; without a guard, that lets everything pass
        if own:
            setattr(owner, name, there)
        else:  # `connect` is inherited from a class in C
            delattr(owner, name)


def _net(there: Callable[..., object], position: int, keyword: str) -> Callable[..., object]:
    @wraps(there)
    def net(*args: object, **kwargs: object) -> object:
        if _active:
            host = _host_of(args[position] if len(args) > position else kwargs.get(keyword))
            if is_real(host):
                for refused in tuple(_active):
                    refused.append(host)
                raise RealHostError(host)
        return there(*args, **kwargs)

    return net


def _host_of(value: object) -> str:
    """The host of a name or of an address (host, port, …), in text or bytes; empty for what is neither."""
    if isinstance(value, tuple) and value:
        value = value[0]
    if isinstance(value, bytes | bytearray):
        value = value.decode("latin-1")
    return value.rstrip(".").lower() if isinstance(value, str) else ""
