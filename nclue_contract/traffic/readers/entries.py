"""The shapes of one entry in each kind of recording, and the exchange that it holds.

Pages: HAR 1.2 (w3c.github.io/web-performance, "HTTP Archive (HAR) format"), the cassettes of vcrpy and of Ruby's VCR, whose form
Schemathesis uses, `/_nclue/journal` of our own server, and our JSON Lines (see the package `traffic`).

An entry of another shape raises `EntryError`. Its message names the place in the entry, and never a value.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

from nclue_contract.check.content_coding import ContentCodingError, decode
from nclue_contract.traffic.exchanges import Pairs, RecordedExchange
from nclue_contract.traffic.routes import split_url

MAX_BODY_BYTES = 64 << 20
"""Bytes of a compressed body after decoding, at most; a longer one counts as not recorded."""

COMPRESSED = (b"\x1f\x8b", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
"""How gzip (RFC 1952) and zlib streams (RFC 1950) begin; JSON never does. Some recorders decode a body and keep its header."""


class EntryError(ValueError):
    """An entry is not of the shape of its format; the message says where."""


def har(entry: object) -> RecordedExchange:
    """Return the exchange in an entry of `log.entries`."""
    request, response = _object(_get(entry, "request"), "request"), _object(_get(entry, "response"), "response")
    origin, target = _url(_get(request, "url"), "request.url")
    sent_ms, duration = _time(_get(entry, "startedDateTime")), _get(entry, "time")
    received_ms = sent_ms + round(duration) if sent_ms is not None and isinstance(duration, int | float) and duration >= 0 else None
    return RecordedExchange(
        method=_text(_get(request, "method"), "request.method"),
        origin=origin,
        target=target,
        request_headers=_har_headers(_get(request, "headers"), "request.headers"),
        request_body=_har_request_body(request),
        status=_status(_get(response, "status"), "response.status"),
        response_headers=_har_headers(_get(response, "headers"), "response.headers"),
        response_body=_har_content(response),
        sent_ms=sent_ms,
        received_ms=received_ms,
    )


def cassette(entry: object) -> RecordedExchange:
    """Return the exchange in an interaction of vcrpy, or of Ruby's VCR and of Schemathesis, which add `recorded_at`."""
    request = _object(_get(entry, "request"), "request")
    response = _get(entry, "response")
    response = {} if response is None else _object(response, "response")  # Schemathesis records a request without a response, too
    origin, target = _url(_get(request, "uri"), "request.uri")
    headers = _headers(_get(response, "headers"), "response.headers")
    status = _get(response, "status")
    recorded = _get(entry, "recorded_at")
    return RecordedExchange(
        method=_text(_get(request, "method"), "request.method").upper(),  # Ruby writes it in lower case
        origin=origin,
        target=target,
        request_headers=_headers(_get(request, "headers"), "request.headers"),
        request_body=_cassette_body(_get(request, "body"), "request.body"),
        status=_status(_get(status, "code") if isinstance(status, Mapping) else status, "response.status"),
        response_headers=headers,
        response_body=_decoded(_cassette_body(_get(response, "body"), "response.body"), headers),
        sent_ms=_time(recorded) if recorded is not None else None,
    )


def journal(entry: object) -> RecordedExchange:
    """Return the exchange in an entry of `/_nclue/journal`, which names no server and has no body of the response."""
    body = _text(_get(entry, "body"), "body").encode("utf-8", "surrogatepass")
    whole = _get(entry, "body_bytes") == len(body)  # a longer one is cut off, and one that is not UTF-8 is escaped
    time_ms = _get(entry, "time_ms")
    at_ms = time_ms if isinstance(time_ms, int) else None
    return RecordedExchange(
        method=_text(_get(entry, "method"), "method"),
        origin="",
        target=_text(_get(entry, "target"), "target"),
        request_headers=_headers(_get(entry, "headers"), "headers"),
        request_body=body if whole else None,
        status=_status(_get(entry, "status"), "status"),
        response_headers=(),
        response_body=None,
        sent_ms=at_ms,
        received_ms=at_ms,
    )


def plain(entry: object) -> RecordedExchange:
    """Return the exchange in a line of our own format."""
    request, response = _object(_get(entry, "request"), "request"), _get(entry, "response")
    response = {} if response is None else _object(response, "response")
    origin, target = _url(_get(request, "url"), "request.url")
    sent_ms, duration = _get(entry, "time_ms"), _get(entry, "duration_ms")
    sent_ms = round(sent_ms) if isinstance(sent_ms, int | float) else None
    received_ms = sent_ms + round(duration) if sent_ms is not None and isinstance(duration, int | float) else None
    error = _get(entry, "error")
    return RecordedExchange(
        method=_text(_get(request, "method"), "request.method"),
        origin=origin,
        target=target,
        request_headers=_headers(_get(request, "headers"), "request.headers"),
        request_body=_plain_body(request, "request"),
        status=_status(_get(response, "status"), "response.status"),
        response_headers=_headers(_get(response, "headers"), "response.headers"),
        response_body=_plain_body(response, "response"),
        sent_ms=sent_ms,
        received_ms=received_ms,
        error=error if isinstance(error, str) else "",
    )


FORMATS: Mapping[str, Callable[[object], RecordedExchange]] = {
    "log.entries.item": har,
    "interactions.item": cassette,
    "http_interactions.item": cassette,
    "entries.item": journal,
    "item": plain,
    "": plain,
}
"""The function for each place at which a recording has its entries; `item` stands for the items of an array, as in ijson."""


# -- parts ------------------------------------------------------------------------------------------------------------------------------


def _get(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, Mapping) else None


def _object(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise EntryError(f"{where} is missing, or no object")
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise EntryError(f"{where} is missing, or no string")
    return value


def _status(value: object, where: str) -> int:
    """Return a status code, which Schemathesis writes as a string; 0 if there was no response."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else "0" if value is None else "x"
    if not (text.isascii() and text.isdigit() and len(text) <= 3):
        raise EntryError(f"{where} is no status code")
    return int(text)


def _url(value: object, where: str) -> tuple[str, str]:
    try:
        return split_url(_text(value, where))
    except ValueError as error:
        raise error if isinstance(error, EntryError) else EntryError(f"{where} is no absolute URL") from None


def _time(value: object) -> int | None:
    """Return milliseconds since 1970-01-01 UTC for a time in ISO 8601, or as in HTTP (RFC 9110, 5.6.7) as Ruby writes it."""
    if isinstance(value, datetime):  # YAML has a type for times
        return None if value.tzinfo is None else round(value.timestamp() * 1000)
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = parse(str(value))
            return None if moment.tzinfo is None else round(moment.timestamp() * 1000)
        except (ValueError, OverflowError):
            continue
    return None


def _headers(value: object, where: str) -> Pairs:
    """Return the pairs of a mapping from names to a value or several, or of a list of pairs."""
    return tuple(_pairs(value, where))


def _pairs(value: object, where: str) -> Iterator[tuple[str, str]]:
    if value is None:
        return
    items = list(value.items()) if isinstance(value, Mapping) else value
    if not isinstance(items, list):
        raise EntryError(f"{where} is neither an object nor an array")
    for item in items:
        if not isinstance(item, list | tuple) or len(item) != 2:
            raise EntryError(f"{where} has an item that is no pair")
        name, values = item
        for one in values if isinstance(values, list) else [values]:
            text = one.decode("latin-1") if isinstance(one, bytes) else str(one) if isinstance(one, int) else one
            yield _text(name, where), _text(text, where)


def _har_headers(value: object, where: str) -> Pairs:
    """Return the pairs of a HAR list; the pseudo-headers of HTTP/2, which browsers record, are none."""
    if not isinstance(value, list):
        raise EntryError(f"{where} is missing, or no array")
    pairs = [(_text(_get(item, "name"), where), _text(_get(item, "value"), where)) for item in value]
    return tuple((name, text) for name, text in pairs if not name.startswith(":"))


def _har_request_body(request: Mapping[str, object]) -> bytes | None:
    post, size = _get(request, "postData"), _get(request, "bodySize")
    if post is None:
        return None if isinstance(size, int) and size > 0 else b""
    return _encoded(_get(post, "text"), _get(post, "encoding"), "request.postData")


def _har_content(response: Mapping[str, object]) -> bytes | None:
    """Return the body, which a HAR has without its content coding; None where the browser did not keep it."""
    content = _get(response, "content")
    if _get(content, "text") is None:
        return b"" if _get(content, "size") == 0 else None
    return _encoded(_get(content, "text"), _get(content, "encoding"), "response.content")


def _encoded(text: object, encoding: object, where: str) -> bytes | None:
    if text is None:
        return None
    if encoding == "base64":
        return _base64(_text(text, where), where)
    return _text(text, where).encode("utf-8", "surrogatepass")


def _base64(text: str, where: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)  # Ruby breaks it into lines
    except (binascii.Error, ValueError) as error:
        raise EntryError(f"{where} is not Base64") from error


def _cassette_body(body: object, where: str) -> bytes | None:
    """Return a body: a string or bytes, an object with one of these (`string`), or with Base64 (`base64_string`)."""
    if isinstance(body, Mapping):
        if isinstance(encoded := body.get("base64_string"), str):
            return _base64(encoded, where)
        body = body.get("string")
    if body is None:
        return b""
    return body if isinstance(body, bytes) else _text(body, where).encode("utf-8", "surrogatepass")


def _decoded(body: bytes | None, headers: Pairs) -> bytes | None:
    """Return a body without its content coding, if it still has one; None if that cannot be decoded."""
    if body is None or not body.startswith(COMPRESSED):
        return body
    try:
        return decode(body, headers, MAX_BODY_BYTES)
    except ContentCodingError:
        return None


def _plain_body(message: Mapping[str, object], where: str) -> bytes | None:
    if isinstance(encoded := message.get("body_base64"), str):
        return _base64(encoded, f"{where}.body_base64")
    return _encoded(message.get("body"), None, f"{where}.body")
