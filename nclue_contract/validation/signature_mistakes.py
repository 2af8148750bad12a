"""Diagnosis of an invalid signature: which usual mistake of the client produces exactly this signature.

A signature is `Base64(HMAC-SHA256(secret key, message))`. The message has three lines: method and target, timestamp, access key. HMAC
cannot be inverted, so an invalid signature does not show what was signed. But the server knows the secret key and what should have been
signed, and clients make a small number of mistakes. So the diagnosis is a search:

1. `_readable_forms` decodes the given signature: from Base64, but also from hexadecimal, from the URL-safe alphabet, and without padding.
2. `_attempts` builds candidates from `correct`, the parts that should have been signed: unchanged, with one mistake, with two mistakes.
   The catalogue has a function for each mistake, which yields its variants.
3. The first candidate whose digest equals the decoded signature explains it.

Example: a client requests `GET /api/v1/tasks?index=0` and signs `GET /api/v1/tasks`. The unchanged candidate does not match, nor does one
with a lower-case method, and so on; `_query_missing` yields the parts without `?index=0`, whose digest is the given one: `query-missing`.
If the client also wrote the digest in hexadecimal, step 1 has decoded it, and the result is `query-missing` and `signature-hex`.

A match is no guess: different messages with the same digest do not occur by accident. The order of the catalogue matters only where two
mistakes lead to the same message; then the first one is reported.

The cost is bounded: about 50 candidates with one mistake and 500 with two, each one HMAC over a short message, some milliseconds in all.
Pairs leave out `timestamp-other`, which alone has 20 variants, and are not tried for targets longer than 2,000 bytes: otherwise a stranger
could keep a server busy with long targets. Digests are compared in constant time.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from urllib.parse import parse_qsl, quote, quote_plus, unquote_to_bytes, urlencode, urlsplit

from nclue_contract.contract.model import contract

LONGEST_QUERY = 2000
"""The longest target, in bytes, for which pairs of mistakes and other forms of the query are tried."""

NEAR_MS = 10
"""The largest difference, in milliseconds, between the timestamp of the header and one that was signed by another call of the clock."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake of a client: a stable word, and a sentence that contains no value of the request."""

    word: str
    sentence: str


@dataclass(frozen=True, slots=True, repr=False)
class SignedParts:
    """The parts of a message that was signed. `query` is None without a question mark; correct clients sign no `host` and no `end`."""

    method: bytes
    path: bytes
    query: bytes | None
    timestamp: bytes
    access_key: bytes
    secret_key: bytes
    host: bytes = b""
    newline: bytes = b"\n"
    end: bytes = b""

    def digest(self) -> bytes:
        """Return the 32 bytes of the signature."""
        target = self.host + self.path + (b"" if self.query is None else b"?" + self.query)
        message = self.newline.join((b"%s %s" % (self.method, target), self.timestamp, self.access_key)) + self.end
        return hmac.digest(self.secret_key, message, "sha256")


Variants = Callable[[SignedParts], Iterator[SignedParts]]

KEYS_SWAPPED = Mistake("keys-swapped", "access key and secret key are swapped")
TIMESTAMP_SECONDS = Mistake("timestamp-seconds", "the timestamp is in seconds instead of milliseconds")
_TIMESTAMP_OTHER = Mistake("timestamp-other", "another timestamp was signed than the one in the header")
_HEX = Mistake("signature-hex", "it is in hexadecimal instead of Base64")
_BASE64_OF_HEX = Mistake("signature-hex-base64", "it is the Base64 form of the hexadecimal digest instead of its bytes")
_URL_SAFE = Mistake("signature-url-safe", "it is in the URL-safe alphabet of Base64 instead of the standard one")
_PADDING = Mistake("signature-padding", "its padding is missing")


def find_mistakes(given: str, correct: SignedParts, host: str) -> tuple[Mistake, ...]:
    """Return the mistakes that explain a given signature: up to two in what was signed, and those in how the digest was encoded.

    `correct` are the parts that should have been signed, `host` is that of the request with its port. The result is empty if nothing
    matches: then the client probably used another secret key.
    """
    readable = list(_readable_forms(given))
    for mistakes, attempt in _attempts(correct, _catalogue(host)):
        digest = attempt.digest()
        for encoding_mistakes, value in readable:
            if hmac.compare_digest(digest, value):
                return mistakes + encoding_mistakes
    return ()


def _readable_forms(given: str) -> Iterator[tuple[tuple[Mistake, ...], bytes]]:
    """Yield the digests that a signature may stand for, with the mistakes in its encoding."""
    if re.fullmatch("[0-9a-fA-F]{64}", given):
        yield (_HEX,), bytes.fromhex(given)
        return
    encoding: tuple[Mistake, ...] = (_URL_SAFE,) if re.search("[-_]", given) else ()
    encoding += (_PADDING,) if len(given) % 4 else ()
    try:
        value = base64.b64decode(given.translate(str.maketrans("-_", "+/")) + "=" * (-len(given) % 4), validate=True)
    except (binascii.Error, ValueError):
        return
    if len(value) == 32:
        yield encoding, value
    elif re.fullmatch(b"[0-9a-f]{64}\n?", value):
        yield (*encoding, _BASE64_OF_HEX), bytes.fromhex(value.decode("ascii"))


def _attempts(correct: SignedParts, catalogue: tuple[tuple[Mistake, Variants], ...]) -> Iterator[tuple[tuple[Mistake, ...], SignedParts]]:
    """Yield what may have been signed: the correct parts, then one mistake, then two, each in the order of the catalogue."""
    yield (), correct
    for mistake, variants in catalogue:
        for attempt in variants(correct):
            yield (mistake,), attempt
    if len(correct.path) + len(correct.query or b"") > LONGEST_QUERY:
        return
    pairs = combinations([entry for entry in catalogue if entry[0] is not _TIMESTAMP_OTHER], 2)
    for (first, variants), (second, more_variants) in pairs:
        for attempt in variants(correct):
            for both in more_variants(attempt):
                yield (first, second), both


def _catalogue(host: str) -> tuple[tuple[Mistake, Variants], ...]:
    base = urlsplit(contract().server).path
    return (
        (Mistake("method-lower-case", "the method was signed in lower case"), _method_lower_case),
        (Mistake("method-other", "another method was signed"), _method_other),
        (Mistake("base-path-missing", f"the path was signed without {base}"), _base_path_missing),
        (Mistake("base-path-added", f"the path was signed with {base} in front, which did not arrive"), _base_path_added),
        (Mistake("slash-first", "the path was signed without its first slash"), _slash_first),
        (Mistake("slash-last", "the path was signed with another ending: a slash too many or too few"), _slash_last),
        (Mistake("query-missing", "the path was signed without the query"), _query_missing),
        (Mistake("path-missing", "the query was signed without the path"), _path_missing),
        (Mistake("question-mark-added", "a question mark was signed behind a path that has no query"), _question_mark_added),
        (Mistake("target-decoded", "path and query were signed decoded, and not as they go on the wire"), _target_decoded),
        (
            Mistake("query-rebuilt", "the query was signed in another form: order, empty values, or how a space is encoded"),
            _query_rebuilt,
        ),
        (Mistake("host-included", "the host was signed as well"), partial(_host_included, host=host)),
        (TIMESTAMP_SECONDS, _timestamp_seconds),
        (Mistake("line-end-added", "a line end was signed behind the access key"), _line_end_added),
        (Mistake("line-end-cr-lf", "the lines were joined by CR LF instead of LF"), partial(_line_end_other, newline=b"\r\n")),
        (Mistake("line-end-literal", r"the lines were joined by the two characters \n"), partial(_line_end_other, newline=b"\\n")),
        (Mistake("secret-padded", "the secret key was used with white space around it, such as the line feed of a file"), _secret_padded),
        (KEYS_SWAPPED, _keys_swapped),
        (_TIMESTAMP_OTHER, _timestamp_other),
    )


def _method_lower_case(correct: SignedParts) -> Iterator[SignedParts]:
    yield replace(correct, method=correct.method.lower())


def _method_other(correct: SignedParts) -> Iterator[SignedParts]:
    methods = {operation.method.encode("ascii") for operation in contract().operations.values()}
    yield from (replace(correct, method=method) for method in sorted(methods - {correct.method}))


def _base_path_missing(correct: SignedParts) -> Iterator[SignedParts]:
    base = urlsplit(contract().server).path.encode("ascii")
    if correct.path.startswith(base):
        yield replace(correct, path=correct.path[len(base) :])


def _base_path_added(correct: SignedParts) -> Iterator[SignedParts]:
    yield replace(correct, path=urlsplit(contract().server).path.encode("ascii") + correct.path)


def _slash_first(correct: SignedParts) -> Iterator[SignedParts]:
    yield replace(correct, path=correct.path.removeprefix(b"/"))


def _slash_last(correct: SignedParts) -> Iterator[SignedParts]:
    yield replace(correct, path=correct.path[:-1] if correct.path.endswith(b"/") else correct.path + b"/")


def _query_missing(correct: SignedParts) -> Iterator[SignedParts]:
    if correct.query is not None:
        yield replace(correct, query=None)


def _path_missing(correct: SignedParts) -> Iterator[SignedParts]:
    if correct.query is not None:
        yield replace(correct, path=b"")
        yield replace(correct, path=correct.query, query=None)


def _question_mark_added(correct: SignedParts) -> Iterator[SignedParts]:
    if correct.query is None:
        yield replace(correct, query=b"")


def _target_decoded(correct: SignedParts) -> Iterator[SignedParts]:
    path, query = unquote_to_bytes(correct.path), correct.query
    yield replace(correct, path=path, query=None if query is None else unquote_to_bytes(query))
    if query is not None:
        yield replace(correct, path=path, query=unquote_to_bytes(query.replace(b"+", b" ")))


def _query_rebuilt(correct: SignedParts) -> Iterator[SignedParts]:
    """Yield the query as clients write it after parsing it: with other order, empty values and encoding of spaces."""
    if not correct.query or len(correct.query) > LONGEST_QUERY:
        return
    text = correct.query.decode("latin-1")
    for blanks in (True, False):
        pairs = parse_qsl(text, keep_blank_values=blanks, encoding="latin-1")
        for encode in (quote_plus, quote):
            for order in (pairs, sorted(pairs)):
                yield replace(correct, query=urlencode(order, quote_via=encode, encoding="latin-1").encode("ascii"))


def _host_included(correct: SignedParts, host: str) -> Iterator[SignedParts]:
    authority = (host or urlsplit(contract().server).netloc).encode("utf-8", "surrogatepass")
    yield from (replace(correct, host=scheme + authority) for scheme in (b"", b"https://", b"http://"))


def _timestamp_seconds(correct: SignedParts) -> Iterator[SignedParts]:
    yield replace(correct, timestamp=correct.timestamp[:-3])


def _timestamp_other(correct: SignedParts) -> Iterator[SignedParts]:
    now = int(correct.timestamp)
    for distance in range(1, NEAR_MS + 1):
        yield replace(correct, timestamp=b"%d" % (now - distance))
        yield replace(correct, timestamp=b"%d" % (now + distance))


def _line_end_added(correct: SignedParts) -> Iterator[SignedParts]:
    yield from (replace(correct, end=end) for end in (b"\n", b"\r\n"))


def _line_end_other(correct: SignedParts, newline: bytes) -> Iterator[SignedParts]:
    yield replace(correct, newline=newline)


def _secret_padded(correct: SignedParts) -> Iterator[SignedParts]:
    secret = correct.secret_key
    yield from (replace(correct, secret_key=padded) for padded in (secret + b"\n", secret + b"\r\n", secret + b" ", secret.strip()))


def _keys_swapped(correct: SignedParts) -> Iterator[SignedParts]:
    yield replace(correct, secret_key=correct.access_key)
    yield replace(correct, secret_key=correct.access_key, access_key=correct.secret_key)
