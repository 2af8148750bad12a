"""The usual mistakes of signers, so that a wrong signature can be explained: each is tried, alone and in pairs, until one fits.

A signature cannot be read backwards. But there are not many ways to build the string to sign wrongly, and HMAC takes a microsecond.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from urllib.parse import parse_qsl, quote, quote_plus, unquote_to_bytes, urlencode, urlsplit

from nclue_contract.contract.model import contract

LONGEST_QUERY = 2000
"""How long, in bytes, a target may be for every spelling of it to be tried."""

NEAR_MS = 10
"""How far apart, in milliseconds, two calls of the clock are looked for: one for the header, one for the signature."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """What a signer did wrong: a stable word, and a sentence that holds no value of the request."""

    word: str
    sentence: str


@dataclass(frozen=True, slots=True, repr=False)
class Signed:
    """What a signer took for the request, part by part. `query` is None without a question mark; `host` is right when it is empty."""

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
        """The 32 bytes of the signature."""
        target = self.host + self.path + (b"" if self.query is None else b"?" + self.query)
        message = self.newline.join((b"%s %s" % (self.method, target), self.timestamp, self.access_key)) + self.end
        return hmac.digest(self.secret_key, message, "sha256")


Variants = Callable[[Signed], Iterator[Signed]]

KEYS_SWAPPED = Mistake("keys-swapped", "access key and secret key are swapped")
TIMESTAMP_SECONDS = Mistake("timestamp-seconds", "the timestamp was taken in seconds instead of milliseconds")
_TIMESTAMP_OTHER = Mistake("timestamp-other", "another timestamp was signed than the header holds")
_HEX = Mistake("signature-hex", "it is in hexadecimal instead of Base64")
_BASE64_OF_HEX = Mistake("signature-hex-base64", "it is the Base64 form of the hexadecimal digest instead of its bytes")
_URL_SAFE = Mistake("signature-url-safe", "it is in the URL-safe alphabet of Base64 instead of the standard one")
_PADDING = Mistake("signature-padding", "its padding is missing")


def explain(given: str, right: Signed, host: str) -> tuple[Mistake, ...]:
    """The mistakes (none, one or two about what was signed, and one about its spelling) that make a signature of what is given.

    `host` is what the request named, with its port. Empty when nothing fits: then the secret key is probably another one.
    """
    readable = list(_spellings(given))
    for mistakes, attempt in _attempts(right, _catalogue(host)):
        digest = attempt.digest()
        for spelling, value in readable:
            if hmac.compare_digest(digest, value):
                return mistakes + spelling
    return ()


def _spellings(given: str) -> Iterator[tuple[tuple[Mistake, ...], bytes]]:
    """The digests that a signature may spell, with the mistake in its spelling."""
    if re.fullmatch("[0-9a-fA-F]{64}", given):
        yield (_HEX,), bytes.fromhex(given)
        return
    wrong: tuple[Mistake, ...] = (_URL_SAFE,) if re.search("[-_]", given) else ()
    wrong += (_PADDING,) if len(given) % 4 else ()
    try:
        value = base64.b64decode(given.translate(str.maketrans("-_", "+/")) + "=" * (-len(given) % 4), validate=True)
    except (binascii.Error, ValueError):
        return
    if len(value) == 32:
        yield wrong, value
    elif re.fullmatch(b"[0-9a-f]{64}\n?", value):
        yield (*wrong, _BASE64_OF_HEX), bytes.fromhex(value.decode("ascii"))


def _attempts(right: Signed, catalogue: tuple[tuple[Mistake, Variants], ...]) -> Iterator[tuple[tuple[Mistake, ...], Signed]]:
    """What may have been signed, the likeliest first: the right thing, one mistake, two."""
    yield (), right
    for mistake, variants in catalogue:
        for attempt in variants(right):
            yield (mistake,), attempt
    if len(right.path) + len(right.query or b"") > LONGEST_QUERY:
        return  # a stranger must not be able to keep a server busy with one long target
    # Without the one that has more variants than all others together.
    for (first, variants), (second, more) in combinations([entry for entry in catalogue if entry[0] is not _TIMESTAMP_OTHER], 2):
        for attempt in variants(right):
            for both in more(attempt):
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
            Mistake("query-rebuilt", "the query was signed in another spelling: order, empty values, or how a space is encoded"),
            _query_rebuilt,
        ),
        (Mistake("host-included", "the host was signed as well"), _host_included(host)),
        (TIMESTAMP_SECONDS, _timestamp_seconds),
        (Mistake("line-end-added", "a line end was signed behind the access key"), _line_end_added),
        (Mistake("line-end-cr-lf", "the lines were joined by CR LF instead of LF"), lambda right: iter([replace(right, newline=b"\r\n")])),
        (
            Mistake("line-end-literal", r"the lines were joined by the two characters \n"),
            lambda right: iter([replace(right, newline=b"\\n")]),
        ),
        (Mistake("secret-padded", "the secret key was used with white space around it, such as the line feed of a file"), _secret_padded),
        (KEYS_SWAPPED, _keys_swapped),
        (_TIMESTAMP_OTHER, _timestamp_other),
    )


def _method_lower_case(right: Signed) -> Iterator[Signed]:
    yield replace(right, method=right.method.lower())


def _method_other(right: Signed) -> Iterator[Signed]:
    methods = {operation.method.encode("ascii") for operation in contract().operations.values()}
    yield from (replace(right, method=method) for method in sorted(methods - {right.method}))


def _base_path_missing(right: Signed) -> Iterator[Signed]:
    base = urlsplit(contract().server).path.encode("ascii")
    if right.path.startswith(base):
        yield replace(right, path=right.path[len(base) :])


def _base_path_added(right: Signed) -> Iterator[Signed]:
    yield replace(right, path=urlsplit(contract().server).path.encode("ascii") + right.path)


def _slash_first(right: Signed) -> Iterator[Signed]:
    yield replace(right, path=right.path.removeprefix(b"/"))


def _slash_last(right: Signed) -> Iterator[Signed]:
    yield replace(right, path=right.path[:-1] if right.path.endswith(b"/") else right.path + b"/")


def _query_missing(right: Signed) -> Iterator[Signed]:
    if right.query is not None:
        yield replace(right, query=None)


def _path_missing(right: Signed) -> Iterator[Signed]:
    if right.query is not None:
        yield replace(right, path=b"")
        yield replace(right, path=right.query, query=None)


def _question_mark_added(right: Signed) -> Iterator[Signed]:
    if right.query is None:
        yield replace(right, query=b"")


def _target_decoded(right: Signed) -> Iterator[Signed]:
    path, query = unquote_to_bytes(right.path), right.query
    yield replace(right, path=path, query=None if query is None else unquote_to_bytes(query))
    if query is not None:
        yield replace(right, path=path, query=unquote_to_bytes(query.replace(b"+", b" ")))


def _query_rebuilt(right: Signed) -> Iterator[Signed]:
    """What comes of a query that somebody takes apart and puts together again."""
    if not right.query or len(right.query) > LONGEST_QUERY:
        return
    text = right.query.decode("latin-1")
    for blanks in (True, False):
        pairs = parse_qsl(text, keep_blank_values=blanks, encoding="latin-1")
        for spelled in (quote_plus, quote):
            for order in (pairs, sorted(pairs)):
                yield replace(right, query=urlencode(order, quote_via=spelled, encoding="latin-1").encode("ascii"))


def _host_included(host: str) -> Variants:
    authority = (host or urlsplit(contract().server).netloc).encode("utf-8", "surrogatepass")

    def variants(right: Signed) -> Iterator[Signed]:
        yield from (replace(right, host=scheme + authority) for scheme in (b"", b"https://", b"http://"))

    return variants


def _timestamp_seconds(right: Signed) -> Iterator[Signed]:
    yield replace(right, timestamp=right.timestamp[:-3])


def _timestamp_other(right: Signed) -> Iterator[Signed]:
    now = int(right.timestamp)
    for distance in range(1, NEAR_MS + 1):
        yield replace(right, timestamp=b"%d" % (now - distance))
        yield replace(right, timestamp=b"%d" % (now + distance))


def _line_end_added(right: Signed) -> Iterator[Signed]:
    yield from (replace(right, end=end) for end in (b"\n", b"\r\n"))


def _secret_padded(right: Signed) -> Iterator[Signed]:
    secret = right.secret_key
    yield from (replace(right, secret_key=padded) for padded in (secret + b"\n", secret + b"\r\n", secret + b" ", secret.strip()))


def _keys_swapped(right: Signed) -> Iterator[Signed]:
    yield replace(right, secret_key=right.access_key)
    yield replace(right, secret_key=right.access_key, access_key=right.secret_key)
