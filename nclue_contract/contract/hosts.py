"""Hosts and base URLs: the real service, the loopback, and the parts of a base URL."""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from nclue_contract.contract.model import contract

_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]*)?")


def is_real(host: str) -> bool:
    """Return whether a host belongs to the platform (`*.ntruss.com`), where tasks are billed.

    Letter case and a final dot are ignored, and so is the spelling: clients resolve full-width letters and ideographic dots as plain ones.
    """
    name, domain = _ascii(host).rstrip(".").lower(), _domain()
    return name == domain or name.endswith(f".{domain}")


def _ascii(host: str) -> str:
    """Return a host name as it is resolved (RFC 3490, section 4); unchanged where it cannot be."""
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:  # a label is empty or too long; the name as a whole cannot be resolved
        return host


def is_loopback(host: str) -> bool:
    """Return whether a host, a name or an address, is this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.rstrip(".").lower() == "localhost"


def parse_host(authority: str) -> str | None:
    """Return the host of an authority, the value of `Host`: in lower case, without port, brackets and final dot. None when it is invalid.

    An authority with a user is invalid (RFC 9110, section 4.2.4).
    """
    match = _AUTHORITY.fullmatch(authority)
    host = match[1].lower().removesuffix(".") if match else ""
    with suppress(ValueError):
        return str(ipaddress.ip_address(host.strip("[]")))
    return None if host.startswith("[") or not host else host


@cache
def _domain() -> str:
    """Return `ntruss.com`, the domain of all gateways of the platform."""
    return ".".join((urlsplit(contract().server).hostname or "").split(".")[-2:])


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of a base URL: `path` is what is sent before `/tasks`, `signed_path` what is signed (a proxy may rewrite it)."""

    scheme: str
    host: str
    port: int
    path: str
    signed_path: str

    @classmethod
    def parse(cls, url: str, signed_prefix: str | None = None) -> Target:
        """Parse a base URL, to which nothing is added: a server may have `/tasks` at its root. Raises `ValueError`."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        printable = all("!" <= character <= "~" for character in url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0 or not printable:
            raise ValueError(f"{url!r:.80} is not a valid URL; give the base URL (without /tasks), such as {contract().server}")
        if parts.query or parts.fragment or parts.username is not None:
            raise ValueError("the base URL must not have a user, a query or a fragment")
        path = parts.path.rstrip("/")
        if path.endswith(contract().operations["createTask"].path):
            raise ValueError("the base URL must not include /tasks")
        signed = path if signed_prefix is None else signed_prefix.rstrip("/")
        if signed and not signed.startswith("/"):
            raise ValueError("--signed-prefix must start with a slash, such as /api/v1, or be empty")
        return cls(parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80), path, signed)

    @property
    def origin(self) -> str:
        """Return scheme, host and, unless it is the default one, port."""
        usual = {"http": 80, "https": 443}[self.scheme] == self.port
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if usual else f":{self.port}")

    @property
    def url(self) -> str:
        """Return the base URL."""
        return self.origin + self.path


def documented_path() -> str:
    """Return `/api/v1`, the path of the base URL that the pages name."""
    return urlsplit(contract().server).path
