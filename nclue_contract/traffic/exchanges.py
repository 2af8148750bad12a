"""A recorded exchange: a request, its response, and when they were sent, as far as a recording has them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from functools import cached_property
from urllib.parse import urlsplit

from nclue_contract.contract.masking import Masker, is_secret_header, sent_secrets

Pairs = tuple[tuple[str, str], ...]
"""Headers as they were recorded, repeated ones included."""

MASKS = frozenset({"***", "[filtered]", "filtered", "redacted", "[redacted]", "<redacted>", "masked", "removed", "hidden", "secret", "xxx"})
"""What recorders write instead of a secret, in lower case: ours, Schemathesis, and what the guides of VCR libraries and Sentry show."""

MIN_SECRET_LENGTH = 8
"""Characters from which on a header value is masked. A shorter one is not a secret, and may be in a response by chance."""


SHORT_MS = 1_000
"""Milliseconds in which a task hardly passes through a stage."""


@dataclass(frozen=True, slots=True)
class Span:
    """When an exchange took place, from its request to the end of its response; see `RecordedExchange`."""

    sent_ms: int | None
    received_ms: int | None

    def before(self, other: Span) -> bool:
        """Return whether this exchange surely ended before the other began.

        Where times are missing, the order of the recording decides; a recorder writes an exchange down when it has ended.
        """
        return self.received_ms is None or other.sent_ms is None or self.received_ms <= other.sent_ms

    def just_before(self, other: Span) -> bool:
        """Return whether this exchange ended so shortly before the other began that hardly anything can have changed between them."""
        return self.received_ms is None or other.sent_ms is None or other.sent_ms - self.received_ms < SHORT_MS


@dataclass(frozen=True)
class RecordedExchange:
    """One exchange. Times are milliseconds since 1970-01-01 UTC by the recorder's clock; None where the recording has none.

    `origin` is scheme, host and port; empty where the recording does not name the server. `target` is the path with the query. A body is
    None where it was not recorded, or not completely. `status` is 0 where there was no response; then `error` may say why. `own`: the
    response is by a proxy that did not pass the request on.
    """

    method: str
    origin: str
    target: str
    request_headers: Pairs
    request_body: bytes | None
    status: int
    response_headers: Pairs
    response_body: bytes | None
    sent_ms: int | None = None
    received_ms: int | None = None
    error: str = ""
    own: bool = False

    @property
    def host(self) -> str:
        """Return the name or address of the server."""
        return urlsplit(self.origin).hostname or ""

    @property
    def path(self) -> str:
        """Return the path without the query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """Return the query; empty without one."""
        return self.target.partition("?")[2]

    @cached_property
    def clock_ms(self) -> int | None:
        """Return when the request was sent, by the recorder's clock or else by the server's (header Date); None if neither is known."""
        if self.sent_ms is not None:
            return self.sent_ms
        date = next((value for name, value in self.response_headers if name.lower() == "date"), "")
        try:
            return round(parsedate_to_datetime(date).timestamp() * 1000)
        except (ValueError, OverflowError):
            return None

    @property
    def span(self) -> Span:
        """Return when the exchange took place."""
        return Span(self.sent_ms, self.received_ms)


def is_masked(value: str) -> bool:
    """Return whether a recorder has replaced the value of a header."""
    plain = value.strip().lower()
    return plain in MASKS or not plain.strip("*x•")


def without_secrets(exchange: RecordedExchange, secrets: Iterable[str] = ()) -> RecordedExchange:
    """Return the exchange with all secrets overwritten outside of the secret headers of its request, so that no finding can show one.

    Secrets are the values of the signed and other secret headers of the request, and those given, in every spelling (see `Masker`). Each is
    replaced by as many `x`, so that no length and no position changes, and no character is added that a rule forbids. The secret headers
    keep their values, by which a signature is verified; what shows an exchange leaves these out.
    """
    sent = sent_secrets(pair for pair in exchange.request_headers if not is_masked(pair[1]))
    masker = Masker((value for value in (*sent, *secrets) if len(value) >= MIN_SECRET_LENGTH), same_length=True)
    plain = [value for name, value in exchange.request_headers if not is_secret_header(name)]
    values = (exchange.target, exchange.error, *plain, *(value for _, value in exchange.response_headers))
    together = b"\n".join((*(value.encode("utf-8", "surrogatepass") for value in values), *_bodies(exchange)))
    if masker.data(together) is together:  # as nearly always; one search is cheaper than one of each part
        return exchange
    sent_body, received_body = exchange.request_body, exchange.response_body
    return replace(
        exchange,
        target=masker.text(exchange.target),
        request_headers=tuple((name, value if is_secret_header(name) else masker.text(value)) for name, value in exchange.request_headers),
        request_body=None if sent_body is None else masker.data(sent_body),
        response_headers=tuple((name, masker.text(value)) for name, value in exchange.response_headers),
        response_body=None if received_body is None else masker.data(received_body),
        error=masker.text(exchange.error),
    )


def _bodies(exchange: RecordedExchange) -> tuple[bytes, bytes]:
    return exchange.request_body or b"", exchange.response_body or b""
