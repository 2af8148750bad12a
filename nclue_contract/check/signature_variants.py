"""Variants of the string to sign: what servers sign by mistake, so that they reject requests that are signed as the page says.

Where a request with a valid signature gets 401, the runner sends it once with each of these variants. The first one that is not rejected
tells what the server does; the rest of the run is signed in that way, so that one mistake in a server does not hide all others.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode

from nclue_contract.check.requests import Exchange, RequestSpec, header_pairs, unchanged, unchanged_bytes
from nclue_contract.contract.model import contract


class SignatureVariant(NamedTuple):
    """A variant: what the server seems to do, which requests it concerns, and a function that signs a request in that way.

    The function gets the request and the path before `/tasks` that is signed. `in_seconds`: the timestamp has whole seconds only.
    """

    what: str
    concerns: str
    apply: Callable[[RequestSpec, str], RequestSpec]
    in_seconds: bool = False


def _target(change: Callable[[str], str]) -> Callable[[RequestSpec, str], RequestSpec]:
    """Return a function that signs a changed target."""

    def changed(message: bytes) -> bytes:
        first, line_feed, rest = message.partition(b"\n")
        method, space, target = first.partition(b" ")
        return method + space + change(target.decode("ascii")).encode("utf-8", "surrogatepass") + line_feed + rest

    return lambda request, _: replace(request, string_to_sign=changed)


def _query(change: Callable[[str], str]) -> Callable[[RequestSpec, str], RequestSpec]:
    """Return a function that signs a changed query, if there is one."""

    def changed(target: str) -> str:
        path, mark, query = target.partition("?")
        return path + mark + change(query) if query else target

    return _target(changed)


def _path(change: Callable[[str], str]) -> Callable[[RequestSpec, str], RequestSpec]:
    def changed(target: str) -> str:
        path, mark, query = target.partition("?")
        return change(path) + mark + query

    return _target(changed)


def _message(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[RequestSpec, str], RequestSpec]:
    """Return a function that signs changed lines: method and target, timestamp, access key."""
    return lambda request, _: replace(request, string_to_sign=lambda message: b"\n".join(change(message.split(b"\n"))))


def _without_prefix(request: RequestSpec, _: str) -> RequestSpec:
    return replace(request, signed_as=(request.method, request.path))


def _method(change: Callable[[bytes], bytes]) -> Callable[[RequestSpec, str], RequestSpec]:
    def changed(lines: list[bytes]) -> list[bytes]:
        method, space, target = lines[0].partition(b" ")
        return [change(method) + space + target, *lines[1:]]

    return _message(changed)


def _seconds(request: RequestSpec, _: str) -> RequestSpec:
    return replace(request, timestamp=lambda ms: ms[:-3], odd_signed=True)


def _signature(change: Callable[[str], str]) -> Callable[[RequestSpec, str], RequestSpec]:
    return lambda request, _: replace(request, signature=change)


def _hexadecimal(value: str) -> str:
    return base64.b64decode(value).hex()


_EVERY, _QUERY = "every request", "requests with a query"

VARIANTS = (
    SignatureVariant("leave the query out of the string to sign", _QUERY, _target(lambda target: target.partition("?")[0])),
    SignatureVariant("sort the parts of the query before signing", _QUERY, _query(lambda query: "&".join(sorted(query.split("&"))))),
    SignatureVariant("decode path and query before signing", "requests with an escape", _target(unquote)),
    SignatureVariant("decode the query before signing", "requests with an escape in the query", _query(unquote)),
    SignatureVariant(
        "decode the query and encode it again before signing",
        "requests with an escape in the query",
        _query(lambda query: urlencode(parse_qsl(query, keep_blank_values=True))),
    ),
    SignatureVariant(
        "decode, sort and encode the query before signing",
        "requests with an escape in the query",
        _query(lambda query: urlencode(sorted(parse_qsl(query, keep_blank_values=True)))),
    ),
    SignatureVariant("decode the path before signing", "requests with an escape in the path", _path(unquote)),
    SignatureVariant(
        "encode the path anew before signing", "requests with an escape in the path", _path(lambda path: quote(unquote(path), safe="/"))
    ),
    SignatureVariant(
        "sign the path of the collection instead of that of the task",
        "requests with an ID in the path",
        _target(lambda target: re.sub("/tasks/[^?]*", "/tasks", target)),
    ),
    SignatureVariant("sign the path without its prefix", _EVERY, _without_prefix),
    SignatureVariant("expect the timestamp in seconds", _EVERY, _seconds, in_seconds=True),
    SignatureVariant(
        "sign the timestamp in seconds", _EVERY, _message(lambda lines: [lines[0], lines[1][:-3], *lines[2:]] if len(lines) > 1 else lines)
    ),
    SignatureVariant("sign the access key before the timestamp", _EVERY, _message(lambda lines: [lines[0], *reversed(lines[1:])])),
    SignatureVariant("sign the timestamp before method and path", _EVERY, _message(lambda lines: [lines[1], lines[0], *lines[2:]])),
    SignatureVariant("sign the lines in the reverse order", _EVERY, _message(lambda lines: lines[::-1])),
    SignatureVariant("sign without the access key", _EVERY, _message(lambda lines: lines[:-1])),
    SignatureVariant("sign a line feed at the end", _EVERY, _message(lambda lines: [*lines, b""])),
    SignatureVariant("sign a line feed between method and path", _EVERY, _message(lambda lines: [*lines[0].split(b" ", 1), *lines[1:]])),
    SignatureVariant("sign the method in lower case", _EVERY, _method(bytes.lower)),
    SignatureVariant("sign GET instead of DELETE", "DELETE requests", _method(lambda method: b"GET" if method == b"DELETE" else method)),
    SignatureVariant("sign GET instead of POST", "POST requests", _method(lambda method: b"GET" if method == b"POST" else method)),
    SignatureVariant("expect the signature in hexadecimal", _EVERY, _signature(_hexadecimal)),
    SignatureVariant(
        "expect Base64 with the URL-safe alphabet",
        "requests whose signature has a plus sign or a slash",
        _signature(lambda value: value.replace("+", "-").replace("/", "_")),
    ),
    SignatureVariant("expect the signature without its padding", _EVERY, _signature(lambda value: value.rstrip("="))),
)
"""The variants, those of single properties first."""


def validly_signed(request: RequestSpec) -> bool:
    """Return whether a request is sent as the page says, without a deliberate defect."""
    return request == RequestSpec(request.method, request.path, request.body, _unsigned_headers(request))


def _unsigned_headers(request: RequestSpec) -> dict[str, str | None]:
    return {name: value for name, value in request.headers.items() if name not in contract().headers}


def adapted(request: RequestSpec, variant: SignatureVariant | None, prefix: str) -> RequestSpec:
    """Return a request as a server with this variant wants it signed, unless it is deliberately signed in another way."""
    plain = request.signed_as is None and request.timestamp is unchanged and request.signature is unchanged
    if variant is None or not plain or request.string_to_sign is not unchanged_bytes:
        return request
    return variant.apply(request, prefix)


def variants_of(exchange: Exchange, prefix: str) -> Iterator[tuple[SignatureVariant, RequestSpec]]:
    """Yield the variants that sign the request of an exchange in another way, at the same moment, each signature once."""
    request = replace(exchange.request, at_ms=exchange.sent_ms)
    target = prefix + request.path
    seen = {tuple(header_pairs(request, target, exchange.sent_ms))}
    for variant in VARIANTS:
        other = variant.apply(request, prefix)
        headers = tuple(header_pairs(other, target, exchange.sent_ms))
        if headers not in seen:
            seen.add(headers)
            yield variant, other


def authenticated(exchange: Exchange) -> bool:
    """Return whether a response shows that the signature was accepted, whatever came of the request."""
    unclear = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}
    return not exchange.error and 200 <= exchange.status < 500 and exchange.status not in unclear


def shape(request: RequestSpec) -> str:
    """Return the properties of a request on which its signature depends, in words."""
    parts = [f"{request.method} requests"]
    path, _, query = request.path.partition("?")
    parts += ["with an ID in the path"] * (path != contract().operations["listTasks"].path)
    parts += ["with a query"] * bool(query)
    return " ".join(parts)
