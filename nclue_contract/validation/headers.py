"""Judges the headers of a request. The page is "Overview", request headers.

Values are secrets, or good for five minutes: no finding holds or prints one, only what is wrong with it. Whether the signature is right
cannot be judged without the secret key; only its form is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import islice

from nclue_contract.contract.readings import Policy
from nclue_contract.contract.wording import json_kind, pointer_to, quoted
from nclue_contract.validation.findings import Finding

HeaderCheck = Callable[[object, int | None], list[Finding]]


class UnreadableError(TypeError):
    """Headers are no pairs of texts; the message tells kinds only, never a value."""


def header_checker(policy: Policy) -> HeaderCheck:
    """A function (headers, clock in milliseconds or None) -> findings. It never raises, whatever it is given."""
    timestamp, access_key, signature = policy.contract.headers
    forms = {timestamp: policy.documented("NC202"), access_key: policy.documented("NC204"), signature: policy.documented("NC205")}
    missing, repeated, unreadable = policy.documented("NC200"), policy.documented("NC201"), policy.documented("NC207")
    skew, media_type = _skew_check(policy, timestamp), _media_type_check(policy)

    def check(headers: object, now_ms: int | None) -> list[Finding]:
        found: list[Finding] = []
        try:
            values = read_headers(headers)
        except Exception as error:  # noqa: BLE001  # an object of a client library may do anything
            return [Finding(unreadable, "", detail={"problem": why_unreadable(headers, error)})]
        for name, form in forms.items():
            pointer, given = pointer_to(name), values.get(name, [])
            if not given:
                found.append(Finding(missing, pointer))
            if len(given) > 1:
                found.append(Finding(repeated, pointer, detail={"actual": len(given)}))
            for value in given[:1]:
                if not re.fullmatch(form.rule.pattern, value):
                    found.append(Finding(form, pointer, detail={"actual": len(value)}))
                elif name == timestamp and now_ms is not None:
                    found += skew(int(value) - now_ms)
        found += media_type(values.get("content-type", []))
        return found

    return check


def why_unreadable(headers: object, error: Exception) -> str:
    """Why `read_headers` failed, in words that hold no value: those of an error that is not ours may be a secret."""
    if isinstance(error, UnreadableError):
        return f"headers are {json_kind(headers)}: {error}"
    return f"headers cannot be read: {type(error).__name__}"


def read_headers(headers: object) -> dict[str, list[str]]:
    """Values per lower-case name, from pairs or from what has `items()`, of text or bytes; raises `UnreadableError` for anything else.

    `items()` is asked for and not the type `Mapping`, which the messages of the standard library are not. That of httpx joins what is
    repeated, so its `multi_items()` comes first.
    """
    items = getattr(headers, "multi_items", None) or getattr(headers, "items", None)
    pairs = items() if callable(items) else headers
    if isinstance(pairs, str | bytes) or not isinstance(pairs, Iterable):
        message = "expected a mapping, or pairs of name and value"
        raise UnreadableError(message)
    values: dict[str, list[str]] = {}
    for pair in pairs:
        if isinstance(pair, str | bytes) or not isinstance(pair, Iterable) or len(both := tuple(islice(pair, 3))) != 2:
            message = "expected a mapping, or pairs of name and value"
            raise UnreadableError(message)
        name, value = map(_text, both)
        values.setdefault(name.lower(), []).append(value)
    return values


def _text(value: object) -> str:
    """A header's name or value as text: bytes are ISO 8859-1 (RFC 9110 section 5.5), and a number is what a client would send."""
    if isinstance(value, bytes | bytearray):
        return value.decode("latin-1")
    if isinstance(value, str):
        return str.__str__(value)
    if type(value) is int and value.bit_length() <= 64:
        return str(value)
    message = f"a name or value is {json_kind(value)}"
    raise UnreadableError(message)


def _skew_check(policy: Policy, name: str) -> Callable[[int], list[Finding]]:
    """A function that judges how far, in milliseconds, a timestamp is ahead of the clock."""
    beyond, edge = policy.documented("NC203"), policy.by_reading("NC203", "timestamp-edge", {"refused"})
    limit = beyond.rule.limit * 1000

    def check(ahead: int) -> list[Finding]:
        applied = beyond if abs(ahead) > limit else edge if abs(ahead) == limit else None
        detail = {"actual": f"{abs(ahead):,}", "direction": "ahead" if ahead > 0 else "behind"}
        return [Finding(applied, pointer_to(name), detail=detail)] if applied else []

    return check


def _media_type_check(policy: Policy) -> Callable[[list[str]], list[Finding]]:
    """A function that judges the content types; none at all is fine, a request without a body has none."""
    applied = policy.by_reading("NC206", "request-content-type", {"json-only"})
    expected = policy.contract.request_media_type

    def check(values: list[str]) -> list[Finding]:
        wrong = [value for value in values if media_type(value) != expected]
        if applied is None or not wrong:
            return []
        return [Finding(applied, "/content-type", detail={"value": quoted(wrong[0]), "expected": expected})]

    return check


def media_type(content_type: str) -> str:
    """`application/json` of `Application/JSON; charset=utf-8`."""
    return content_type.partition(";")[0].strip().lower()
