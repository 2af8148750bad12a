"""How a request names the server that it is for: the target and the header `Host`, and which hosts a server responds for.

A web page can let a name of its own point to 127.0.0.1 (DNS rebinding). For the browser, a server on loopback then has the origin of
that page, which may read every response. The request still says the name of the page in `Host`, so a server that responds only for names
of its own is safe. A page cannot do this with an IP address, because a browser does not look up addresses.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from nclue_contract.contract.hosts import is_loopback, parse_host

_ABSOLUTE = re.compile(r"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)


def split_target(target: str) -> tuple[str | None, str]:
    """Return the authority of a request target, None in the origin form (`/tasks`), and the target in the origin form.

    A server has to accept the absolute form (`http://localhost:8000/tasks`), which clients send to proxies (RFC 9112, section 3.2.2).
    """
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        return None, target
    authority, rest = absolute.groups()
    return authority, rest if rest.startswith("/") else f"/{rest}"


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """The hosts that a server responds for: loopback, `names`, and with `every_address` each IP address.

    `command` is what runs the server, for the advice to those who need another host.
    """

    names: frozenset[str] = frozenset()
    every_address: bool = False
    command: str = "serve"

    @classmethod
    def listening(cls, listening_on: Iterable[str], more: Iterable[str] = (), *, command: str = "serve") -> AllowedHosts:
        """Return the hosts of a server that listens on these hosts or addresses, and of `more`, which are names.

        A server that listens on every address of the machine does not know them, so it responds for all.
        """
        hosts = {parse_host(f"[{host}]" if ":" in host else host) for host in (*listening_on, *more)}
        names = frozenset(host for host in hosts if host is not None)
        return cls(names, any(map(_is_unspecified, names)), command)

    def allows(self, host: str) -> bool:
        """Return whether the server responds for a host, as `parse_host` returns it."""
        return is_loopback(host) or host in self.names or (self.every_address and _is_address(host))

    def refusal(self, target_authority: str | None, hosts: Iterable[str], http_version: str) -> str:
        """Return why a request is refused, empty for one that is not.

        `target_authority` is that of the target, which takes precedence (RFC 9112, section 3.2.2); `hosts` are the values of `Host`. Only a
        request of HTTP/1.0 may have none; no browser sends those.
        """
        named = list(hosts) if target_authority is None else [target_authority]
        if not named and http_version == "1.0":
            return ""
        host = parse_host(named[0]) if len(named) == 1 else None
        if host is None:
            return "the request does not name one valid host in the header Host, or in its target"
        if self.allows(host):
            return ""
        return (
            f"this server does not respond for the host {host[:80]}, so that no web page can read from it by DNS rebinding; "
            f"if the host is right, start the server with: nclue-contract {self.command} --allow-host {host[:80]}"
        )


def _is_address(host: str) -> bool:
    with suppress(ValueError):
        ipaddress.ip_address(host)
        return True
    return False


def _is_unspecified(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_unspecified
    return False
