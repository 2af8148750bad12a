"""Write exchanges as HAR 1.2, an entry per line, without secrets: what `nclue-contract traffic` and browsers read."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from nclue_contract.contract.masking import is_secret_header
from nclue_contract.traffic.exchanges import Pairs, RecordedExchange

MASK = "***"
"""What stands for a secret."""

FIRST_LINE = 2
"""The line of the first entry."""


class HarWriter:
    """Writes a document piece by piece; `begin` and `end` are called once. `tool` and `version` name the program that recorded it.

    The exchanges come without secrets in their bodies (`exchanges.without_secrets`); headers that hold secrets are masked here.
    """

    def __init__(self, write: Callable[[str], object], tool: str, version: str) -> None:
        self._write = write
        self._creator = {"name": tool, "version": version}
        self._separator = ""

    def begin(self) -> None:
        """Write the head."""
        head = json.dumps({"version": "1.2", "creator": self._creator})
        self._write(f'{{"log": {head.removesuffix("}")}, "entries": [\n')

    def add(self, exchange: RecordedExchange) -> None:
        """Write an entry as one line."""
        self._write(self._separator + json.dumps(_entry(exchange)))
        self._separator = ",\n"

    def end(self) -> None:
        """Write the rest."""
        self._write("\n]}}\n")


def _entry(exchange: RecordedExchange) -> dict[str, Any]:
    sent_ms, received_ms = exchange.sent_ms or 0, exchange.received_ms or exchange.sent_ms or 0
    pages = {"cache": {}, "timings": {"send": 0, "wait": received_ms - sent_ms, "receive": 0}}
    comment = {"comment": "not passed on: the response is by the proxy"} if exchange.own else {}
    comment |= {"comment": exchange.error} if exchange.error else {}
    return {
        "startedDateTime": datetime.fromtimestamp(sent_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "time": received_ms - sent_ms,
        "request": _request(exchange),
        "response": _response(exchange),
        **pages,
        **comment,
    }


def _request(exchange: RecordedExchange) -> dict[str, Any]:
    body, query = exchange.request_body, parse_qsl(exchange.query, keep_blank_values=True)
    media_type = _value(exchange.request_headers, "content-type")
    posted = {"postData": {"mimeType": media_type, **_text(body)}} if body else {}
    return {
        "method": exchange.method,
        "url": exchange.origin + exchange.target,
        "httpVersion": "HTTP/1.1",
        "headers": _headers(exchange.request_headers),
        "queryString": [{"name": name, "value": value} for name, value in query],
        "cookies": [],
        "headersSize": -1,
        # A positive size without data says that there was a body, which is not recorded.
        "bodySize": 1 if body is None else len(body),
        **posted,
    }


def _response(exchange: RecordedExchange) -> dict[str, Any]:
    body = exchange.response_body
    content = {"size": -1 if body is None else len(body), "mimeType": _value(exchange.response_headers, "content-type")}
    return {
        "status": exchange.status,
        "statusText": "",
        "httpVersion": "HTTP/1.1",
        "headers": _headers(exchange.response_headers),
        "cookies": [],
        "content": content if body is None else content | _text(body),
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": -1,
    }


def _text(body: bytes) -> dict[str, str]:
    """Return a body as text, or in Base64 where it is not UTF-8."""
    try:
        return {"text": body.decode()}
    except UnicodeDecodeError:
        return {"text": base64.b64encode(body).decode("ascii"), "encoding": "base64"}


def _value(headers: Pairs, wanted: str) -> str:
    return next((value for name, value in headers if name.lower() == wanted), "")


def _headers(headers: Pairs) -> list[dict[str, str]]:
    return [{"name": name, "value": MASK if is_secret_header(name) else value} for name, value in headers]
