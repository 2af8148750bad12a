"""Validation of the headers of a request. The page is "Overview", request headers.

Values are secrets, or valid for five minutes: no finding holds or prints one, only the problem with it. Without the secret key only the
form of the signature can be checked; module `signature` does the rest.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Iterable, Mapping
from itertools import islice

from nclue_contract.contract.readings import Policy
from nclue_contract.contract.wording import counted, json_kind, pointer_to, quoted, type_name
from nclue_contract.validation.findings import Finding
from nclue_contract.validation.plain import is_binary, is_text, plain_bytes, plain_text

MAX_NUMBER_BITS = 64
"""The longest number that is written in decimal; Python itself rejects those of 4,300 digits."""


class UnreadableError(TypeError):
    """Headers are no pairs of texts; the message names types only, never a value."""


class HeaderCheck:
    """The signed headers of a request under one set of readings."""

    def __init__(self, policy: Policy) -> None:
        self._timestamp, access_key, signature = policy.contract.headers
        self._pointers = {name: pointer_to(name) for name in policy.contract.headers}
        self._forms = {
            self._timestamp: policy.documented("NC202"),
            access_key: policy.documented("NC204"),
            signature: policy.documented("NC205"),
        }
        self._missing, self._repeated = policy.documented("NC200"), policy.documented("NC201")
        self._unreadable = policy.documented("NC207")
        self._skewed, self._at_edge = policy.documented("NC203"), policy.by_reading("NC203", "timestamp-edge", {"refused"})
        self._limit_ms = self._skewed.rule.limit * 1000
        self._media_type = policy.by_reading("NC206", "request-content-type", {"json-only"})
        self._expected_type = policy.contract.request_media_type

    def check(self, headers: object, now_ms: object) -> list[Finding]:
        """Return the findings of the headers. Never raises.

        `now_ms` is the clock in milliseconds since 1970-01-01 UTC; without it (None) the age of the timestamp is not checked. A clock that
        is no finite number is a finding: the age was to be checked, and cannot be.
        """
        try:
            values = read_headers(headers)
        except Exception as error:  # noqa: BLE001  # an object of a client library may do anything
            return [Finding(self._unreadable, "", detail={"problem": why_unreadable(headers, error)})]
        return [*self.check_signed(values, now_ms), *self._check_media_type(values.get("content-type", []))]

    def check_signed(self, values: Mapping[str, list[str]], now_ms: object) -> list[Finding]:
        """Return the findings of the signed headers; `values` are by lower-case names, as `read_headers` returns them."""
        found: list[Finding] = []
        for name, form in self._forms.items():
            pointer, given = self._pointers[name], values.get(name, [])
            if not given:
                found.append(Finding(self._missing, pointer))
            if len(given) > 1:
                found.append(Finding(self._repeated, pointer, detail={"actual": len(given)}))
            for value in given[:1]:
                if not re.fullmatch(form.rule.pattern, value):
                    found.append(Finding(form, pointer, detail={"actual": counted(len(value), "character")}))
                elif name == self._timestamp and now_ms is not None:
                    found += self._check_age(int(value), now_ms)
        return found

    def _check_age(self, timestamp: int, now_ms: object) -> list[Finding]:
        """Check how far, in milliseconds, the timestamp is ahead of the clock."""
        clock, limit, pointer = clock_ms(now_ms), self._limit_ms, pointer_to(self._timestamp)
        if clock is None:
            problem = f"from the clock, because now_ms is {json_kind(now_ms)} and no number of milliseconds"
            return [Finding(self._skewed, pointer, detail={"actual": "an unknown number of", "direction": problem})]
        ahead = timestamp - clock
        applied = self._skewed if abs(ahead) > limit else self._at_edge if abs(ahead) == limit else None
        actual = f"{abs(ahead):,}" if ahead.bit_length() <= MAX_NUMBER_BITS else f"more than {1 << MAX_NUMBER_BITS:,}"
        detail = {"actual": actual, "direction": "ahead" if ahead > 0 else "behind"}
        return [Finding(applied, pointer, detail=detail)] if applied else []

    def _check_media_type(self, values: list[str]) -> list[Finding]:
        """Check the content types; there may be none, since a request without a body has none."""
        unexpected = [value for value in values if media_type(value) != self._expected_type]
        if self._media_type is None or not unexpected:
            return []
        return [Finding(self._media_type, "/content-type", detail={"value": quoted(unexpected[0]), "expected": self._expected_type})]


def why_unreadable(headers: object, error: Exception) -> str:
    """Return why `read_headers` failed. The message of a foreign error may hold a secret, so only its type is named."""
    if isinstance(error, UnreadableError):
        return f"headers are {json_kind(headers)}: {error}"
    return f"headers cannot be read: {type_name(error)}"


def clock_ms(now_ms: object) -> int | None:
    """Return a clock in whole milliseconds; None for what is no finite number, such as a text, NaN or a boolean."""
    if type(now_ms) is bool:
        return None
    try:
        if issubclass(type(now_ms), float):
            return math.floor(float.__float__(now_ms))  # type: ignore[arg-type]  # mypy does not narrow by the type
        return operator.index(now_ms)  # type: ignore[arg-type]  # integers of other libraries count as well
    except Exception:  # noqa: BLE001  # no number, NaN or infinite; and an object may do anything when it is converted
        return None


def read_headers(headers: object) -> dict[str, list[str]]:
    """Return the values per lower-case name, from pairs or an object with `items()`, of text or bytes; else raise `UnreadableError`.

    Any object with `items()` will do, since the header objects of the standard library are no `Mapping`. The `items()` of httpx joins
    repeated headers, so `multi_items()` comes first.
    """
    items = getattr(headers, "multi_items", None) or getattr(headers, "items", None)
    pairs = items() if callable(items) else headers
    if is_text(pairs) or is_binary(pairs) or not isinstance(pairs, Iterable):
        message = "expected a mapping, or pairs of name and value"
        raise UnreadableError(message)
    values: dict[str, list[str]] = {}
    for pair in pairs:
        # Almost every pair is a tuple, and `isinstance` with an abstract class is slow.
        readable = type(pair) is tuple or (not is_text(pair) and not is_binary(pair) and isinstance(pair, Iterable))
        if not readable or len(both := tuple(islice(pair, 3))) != 2:
            message = "expected a mapping, or pairs of name and value"
            raise UnreadableError(message)
        name, value = map(_text, both)
        values.setdefault(name.lower(), []).append(value)
    return values


def _text(value: object) -> str:
    """Return a header's name or value as text; bytes are ISO 8859-1 (RFC 9110 section 5.5), and an integer is written in decimal."""
    if is_text(value):
        return plain_text(value)
    if is_binary(value):
        return plain_bytes(value).decode("latin-1")
    if type(value) is int and value.bit_length() <= MAX_NUMBER_BITS:
        return str(value)
    message = f"a name or value is {json_kind(value)}"
    raise UnreadableError(message)


def media_type(content_type: str) -> str:
    """Return `application/json` for `Application/JSON; charset=utf-8`."""
    return content_type.partition(";")[0].strip().lower()
