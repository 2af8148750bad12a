"""Decoding of response bodies that were compressed although only `identity` was accepted: gzip and deflate.

The check sends `accept-encoding: identity` (RFC 9110, section 12.5.3), but some proxies compress every response. That is no fault of the
server behind them. The decoded body is bounded, so that a few bytes cannot fill the memory.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

from nclue_contract.contract.wording import escaped

MAX_CODINGS = 3
"""Codings of one body, one inside the other, that are decoded at most."""

MAX_MEMBERS = 1000
"""Members of a gzip stream that are decoded at most; writers that flush often produce some."""

GZIP, ZLIB, RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
"""The formats as zlib numbers them. `deflate` is the zlib format (RFC 9110, 8.4.1.2), but some servers leave its header out: raw."""

FORMATS: dict[str, tuple[int, ...]] = {"gzip": (GZIP,), "x-gzip": (GZIP,), "deflate": (ZLIB, RAW)}
"""The formats of each coding, in the order in which they are tried."""


class ContentCodingError(Exception):
    """A body cannot be decoded; the message says why, without any of its bytes."""


def decode(body: bytes, headers: Iterable[tuple[str, str]], max_bytes: int) -> bytes:
    """Return a body without its content codings. Raise `ContentCodingError` when it is unknown, broken, cut off or too long."""
    codings = _codings(headers)
    unknown = [coding for coding in codings if coding not in FORMATS]
    if unknown:
        message = f"the body has the content coding {escaped(unknown[0][:40])}, although only identity was accepted"
        raise ContentCodingError(message)
    if len(codings) > MAX_CODINGS:
        message = f"the body has {len(codings)} content codings, although only identity was accepted"
        raise ContentCodingError(message)
    for coding in reversed(codings):
        if body:  # responses without content have the header, too
            body = _decoded(body, coding, max_bytes)
    return body


def _codings(headers: Iterable[tuple[str, str]]) -> Sequence[str]:
    """Return the codings in the order in which they were applied, without `identity`."""
    values = [value for name, value in headers if name.lower() == "content-encoding"]
    words = [word.strip().lower() for value in values for word in value.split(",")]
    return [word for word in words if word not in {"", "identity"}]


def _decoded(body: bytes, coding: str, max_bytes: int) -> bytes:
    formats = FORMATS[coding]
    for number in formats[:-1]:
        try:
            return _inflated(body, coding, number, max_bytes)
        except zlib.error:
            continue
    try:
        return _inflated(body, coding, formats[-1], max_bytes)
    except zlib.error as error:
        message = f"the body is not {coding}, although its content coding says so"
        raise ContentCodingError(message) from error


def _inflated(body: bytes, coding: str, number: int, max_bytes: int) -> bytes:
    """Return what a compressed stream holds, of gzip all its members (RFC 1952, 2.2). Raise `zlib.error` when it is broken."""
    decoded = b""
    for _ in range(MAX_MEMBERS):
        stream = zlib.decompressobj(number)
        decoded += stream.decompress(body, max_bytes + 1 - len(decoded))
        if len(decoded) > max_bytes:
            message = f"the body is longer than {max_bytes:,} bytes after decoding {coding}"
            raise ContentCodingError(message)
        if not stream.eof:
            message = f"the body ends in the middle of its {coding} stream"
            raise ContentCodingError(message)
        body = stream.unused_data.lstrip(b"\0")  # some writers pad the end
        if not body:
            return decoded
        if number != GZIP:
            message = f"there are bytes behind the {coding} stream of the body"
            raise ContentCodingError(message)
    message = f"the body consists of more than {MAX_MEMBERS:,} {coding} streams"
    raise ContentCodingError(message)
