"""Diagnosis of an invalid signature: which usual mistake of the client produces exactly this signature.

A signature is `Base64(HMAC-SHA256(secret key, message))`. The message has three lines: method and target, timestamp, access key. HMAC
cannot be inverted, so an invalid signature does not show what was signed. But the server knows the secret key and what should have been
signed, and clients make a small number of mistakes. So the diagnosis is a search:

1. `_readable_forms` decodes the given signature: from Base64, but also from hexadecimal, from the URL-safe alphabet, without padding, and
   with quotes, a prefix or white space around it. The length of the digest tells the hash function.
2. `attempts` builds candidates from `correct`, the parts that should have been signed: unchanged, with one mistake, with two mistakes.
   The catalogue has a function for each mistake, which yields its variants.
3. The first candidate whose digest equals the decoded signature explains it.

Example: a client requests `GET /api/v1/tasks?index=0` and signs `GET /api/v1/tasks`. The unchanged candidate does not match, nor does one
with a lower-case method, and so on; `_query_missing` yields the parts without `?index=0`, whose digest is the given one: `query-missing`.
If the client also wrote the digest in hexadecimal, step 1 has decoded it, and the result is `query-missing` and `signature-hex`.

A match is no guess: different messages with the same digest do not occur by accident. The order of the catalogue matters only where two
mistakes lead to the same message; then the first one is reported. What no digest is needed for is in `find_header_mistakes`.

The cost is bounded: at most `MAX_SINGLE` candidates with one mistake and `MAX_PAIRS` with two, each one HMAC over a short message, some ten
milliseconds in all. Mistakes in the encoding and in the hash function cost no candidate, so they combine with every other. Pairs leave out
the mistakes with many variants, and those that hardly ever come with another. They are not tried for targets longer than 2,000 bytes: a
stranger could keep a server busy with long targets. For the same reason a body is only taken into account up to `LONGEST_BODY`, and in
pairs up to `LONGEST_BODY_IN_PAIRS`. Digests are compared in constant time.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import combinations, islice, permutations
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, quote_plus, unquote, unquote_to_bytes, urlencode, urlsplit

from nclue_contract.contract.model import contract

LONGEST_QUERY = 2000
"""The longest target, in bytes, for which pairs of mistakes and other forms of the query are tried."""

LONGEST_SIGNATURE = 1000
"""The longest value of the header, in characters, that is decoded."""

LONGEST_BODY = 1 << 20
"""The longest body, in bytes, that may have been signed."""

LONGEST_BODY_IN_PAIRS = 4096
"""The longest body, in bytes, for which a signed body is combined with another mistake."""

MAX_SINGLE = 150
"""Candidates with one mistake, at most."""

MAX_PAIRS = 1500
"""Candidates with two mistakes, at most."""

MAX_ORDERED = 4
"""Parameters of a query whose every order is tried; of more, only the reverse."""

NEAR_MS = 10
"""The largest difference, in milliseconds, between the timestamp of the header and one that was signed by another call of the clock."""

ZONE_MS = 30 * 60 * 1000
"""Time zones differ by multiples of this, in milliseconds."""

MAX_ZONE_MS = 14 * 60 * 60 * 1000
"""The time zone that is furthest from UTC, in milliseconds."""

ZONE_ACCURACY_MS = 15_000
"""How close, in milliseconds, a difference must be to a time zone; otherwise many differences would be taken for one."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake of a client: a stable word, and a sentence that contains no value of the request.

    `of_timestamp`: the value of the timestamp is wrong, whatever was signed.
    """

    word: str
    sentence: str
    of_timestamp: bool = False


class SignedParts(NamedTuple):
    """The parts of a message that was signed. `query` is None without a question mark; what has a default is what correct clients sign.

    `lines` names the lines in their order, `separator` stands between method and target, `start` and `end` around the whole message.
    `scheme` says how secret key and message are combined, `encoding` how text becomes bytes. Not a dataclass, because the diagnosis makes
    a thousand changed copies, which takes a dataclass twice as long.
    """

    method: bytes
    path: bytes
    query: bytes | None
    timestamp: bytes
    access_key: bytes
    secret_key: bytes
    host: bytes = b""
    newline: bytes = b"\n"
    separator: bytes = b" "
    lines: tuple[str, ...] = ("request", "timestamp", "access_key")
    start: bytes = b""
    end: bytes = b""
    scheme: str = "hmac"
    encoding: str = "utf-8"

    def __repr__(self) -> str:
        """Return text without any of the parts, since one is the secret key."""
        return "<SignedParts>"

    @property
    def target(self) -> bytes:
        """The path, with the query if there is one."""
        return self.path + (b"" if self.query is None else b"?" + self.query)

    def message(self) -> bytes:
        """Return the string to sign."""
        lines = {
            "request": self.method + self.separator + self.host + self.target,
            "timestamp": self.timestamp,
            "access_key": self.access_key,
        }
        return self.start + self.newline.join([lines[name] for name in self.lines]) + self.end

    def digest(self, algorithm: str = "sha256") -> bytes:
        """Return the bytes of the signature."""
        message, secret_key = self.message(), self.secret_key
        if self.encoding != "utf-8":
            message = message.decode("utf-8", "replace").encode(self.encoding)
        if self.scheme == "hmac":
            return hmac.digest(secret_key, message, algorithm)
        if self.scheme == "swapped":
            return hmac.digest(message, secret_key, algorithm)
        hashed = {"message": message, "message-secret": message + secret_key, "secret-message": secret_key + message}
        return hashlib.new(algorithm, hashed[self.scheme]).digest()


Variants = Callable[[SignedParts], Iterator[SignedParts]]
Entry = tuple[Mistake, Variants, bool]
"""A mistake, its variants, and whether it is combined with others."""

KEYS_SWAPPED = Mistake("keys-swapped", "access key and secret key are swapped")
SECRET_SENT = Mistake(
    "secret-as-signature",
    "the header holds the secret key instead of a signature: the secret key is never sent, so replace it, and sign with the new one",
)
ACCESS_KEY_SENT = Mistake("access-key-as-signature", "the header holds the access key instead of a signature made with the secret key")
TIMESTAMP_SECONDS = Mistake("timestamp-seconds", "the timestamp is in seconds instead of milliseconds", of_timestamp=True)
TIMESTAMP_FRACTION = Mistake(
    "timestamp-fraction", "the timestamp has a decimal point or an exponent: round it to whole milliseconds", of_timestamp=True
)
_TIMESTAMP_MICROSECONDS = Mistake("timestamp-microseconds", "the timestamp is in microseconds instead of milliseconds", of_timestamp=True)
_TIMESTAMP_NANOSECONDS = Mistake("timestamp-nanoseconds", "the timestamp is in nanoseconds instead of milliseconds", of_timestamp=True)
_VERSION_1 = Mistake(
    "header-version-1",
    "the headers are those of version 1 of the signature: send x-ncp-iam-access-key and x-ncp-apigw-signature-v2, and sign no API key",
)
_HEX = Mistake("signature-hex", "it is in hexadecimal instead of Base64")
_BASE64_OF_HEX = Mistake("signature-hex-base64", "it is the Base64 form of the hexadecimal digest instead of its bytes")
_BASE64_TWICE = Mistake("signature-base64-twice", "it was encoded in Base64 twice")
_UTF_8 = Mistake("signature-utf-8", "the bytes of the digest were converted to text in UTF-8 before Base64: encode the bytes themselves")
_URL_SAFE = Mistake("signature-url-safe", "it is in the URL-safe alphabet of Base64 instead of the standard one")
_PADDING = Mistake("signature-padding", "its padding is missing")
_PYTHON_BYTES = Mistake("signature-python-bytes", "it is in b'…', as Python prints bytes: convert it with .decode()")
_SIGNATURE_QUOTED = Mistake("signature-quoted", "it is in quotes: leave them out")
_PERCENT = Mistake("signature-percent-encoded", "it is percent-encoded: a header needs no encoding")
_PREFIX = Mistake("signature-prefixed", "there are words in front of it, such as those of openssl dgst or sha256=: send the Base64 alone")
_LINE_END = Mistake("signature-line-end", "there are line ends or spaces in it: use an encoder that breaks no lines, or remove them")
_PLUS_LOST = Mistake("signature-plus-lost", "each + in it has become a space, as in a form or a query that is decoded")
_HASHES = {
    20: ("sha1", Mistake("hash-sha1", "it was computed with SHA-1 instead of SHA-256")),
    48: ("sha384", Mistake("hash-sha384", "it was computed with SHA-384 instead of SHA-256")),
    64: ("sha512", Mistake("hash-sha512", "it was computed with SHA-512 instead of SHA-256")),
}
"""Hash functions by the length of their digests, in bytes."""


def time_zone(ahead_ms: int) -> Mistake | None:
    """Return the mistake if a clock is ahead by as much as a time zone; None otherwise."""
    if abs(ahead_ms) > MAX_ZONE_MS + ZONE_ACCURACY_MS:  # it may be too long for the division
        return None
    zone = round(ahead_ms / ZONE_MS) * ZONE_MS
    if zone == 0 or abs(ahead_ms - zone) > ZONE_ACCURACY_MS:
        return None
    hours, direction = f"{abs(zone) / 3_600_000:g}", "ahead" if zone > 0 else "behind"
    sentence = f"the timestamp is {hours} hours {direction}, as much as a time zone: count from 1970-01-01 in UTC, and not in local time"
    return Mistake("timestamp-time-zone", sentence, of_timestamp=True)


def find_mistakes(
    given: str, correct: SignedParts, host: str, body: bytes | None = None, api_key: str | None = None
) -> tuple[Mistake, ...]:
    """Return the mistakes that explain a given signature: up to two in what was signed, and those in how the digest was encoded.

    `correct` are the parts that should have been signed, `host` is that of the request with its port, `api_key` what version 1 of the
    signature also signs. The result is empty if nothing matches: then the client probably used another secret key.
    """
    for mistake, value in ((SECRET_SENT, correct.secret_key), (ACCESS_KEY_SENT, correct.access_key)):
        sent = given.strip("'\" \r\n\t").encode("utf-8", "surrogatepass")
        if sent and any(hmac.compare_digest(sent, form) for form in (value, base64.b64encode(value))):
            return (mistake,)
    readable = list(_readable_forms(given)) if len(given) <= LONGEST_SIGNATURE else []
    algorithms = {algorithm for _, _, algorithm in readable}
    if not readable:
        return ()
    for mistakes, attempt in attempts(correct, host, body, api_key):
        digests = {algorithm: attempt.digest(algorithm) for algorithm in algorithms}
        for encoding_mistakes, value, algorithm in readable:
            if hmac.compare_digest(digests[algorithm], value):
                return mistakes + encoding_mistakes
    return ()


# -- headers -------------------------------------------------------------------------------------------------------------------------

_PLACEHOLDER = re.compile(r"\{\{.*\}\}|\$\{.*\}|\$\w+|%\w+%|<.*>|undefined|null|None|NaN|\[object \w+\]", re.DOTALL)
"""What stands in a header when a variable was not replaced, or has no value."""

_SIMILAR = {"timestamp": ("timestamp",), "access-key": ("accesskey", "apikey"), "signature": ("signature",)}
"""Letters in the names of similar headers, by a part of the name of the right one."""


def find_header_mistakes(values: Mapping[str, Sequence[str]], keys: Mapping[str, str]) -> tuple[Mistake, ...]:
    """Return the mistakes that the headers show by themselves. `values` are by lower-case names, `keys` the secret keys by access keys."""
    found: list[Mistake] = []
    timestamp_name, key_name, _ = contract().headers
    for name in contract().headers:
        value = next(iter(values.get(name, ())), None)
        if value is None:
            found += _similar_header(name, values)
        elif _PLACEHOLDER.fullmatch(value):
            found.append(Mistake("header-placeholder", f"{name} holds a variable without a value, or its name, instead of the value"))
        elif name == timestamp_name:
            found += _timestamp_mistakes(value)
        elif name == key_name and value not in keys and _unquoted(value) in keys:
            found.append(Mistake("access-key-quoted", f"{name} has quotes around the access key: leave them out"))
    return tuple(dict.fromkeys(found))


def _similar_header(name: str, values: Mapping[str, Sequence[str]]) -> Iterator[Mistake]:
    """Yield the mistake if a missing header was sent under another name."""
    letters = next(letters for part, letters in _SIMILAR.items() if part in name)
    others = [other for other in values if other not in contract().headers]
    similar = [other for other in others if any(word in re.sub("[^a-z0-9]", "", other) for word in letters)]
    if any(other.startswith("x-ncp-") and other.endswith(("-v1", "-api-key")) for other in similar):
        yield _VERSION_1
    elif similar:
        yield Mistake("header-name", f"a header with a similar name is not read: send it as {name}")


def _timestamp_mistakes(value: str) -> Iterator[Mistake]:
    if re.fullmatch("[0-9]{16}", value):
        yield _TIMESTAMP_MICROSECONDS
    elif re.fullmatch("[0-9]{19}", value):
        yield _TIMESTAMP_NANOSECONDS
    elif re.fullmatch(r"[0-9]+(?:\.[0-9]*)?(?:[eE]\+?[0-9]+)?", value) and not value.isdigit():
        yield TIMESTAMP_FRACTION
    elif _unquoted(value).isdigit() and not value.isdigit():
        yield Mistake("timestamp-quoted", "the timestamp has quotes around it: leave them out", of_timestamp=True)


def _unquoted(value: str) -> str:
    """Return a value without quotes around it, also if Python printed it as bytes; the same value when there are none."""
    match = re.fullmatch(r"""b?(['"])(.*)\1""", value, re.DOTALL)
    return match[2] if match else value


# -- forms of a signature ------------------------------------------------------------------------------------------------------------


def _readable_forms(given: str) -> Iterator[tuple[tuple[Mistake, ...], bytes, str]]:
    """Yield the digests that a signature may stand for, with the mistakes in its form, and the hash function that they come from."""
    for outer, text in _bare_forms(given):
        for inner, value in _decoded_forms(text):
            if len(value) == 32:
                yield outer + inner, value, "sha256"
            elif len(value) in _HASHES:
                algorithm, mistake = _HASHES[len(value)]
                yield (*outer, *inner, mistake), value, algorithm


def _bare_forms(given: str) -> Iterator[tuple[tuple[Mistake, ...], str]]:
    """Yield a signature, and what it is without what stands around or in it."""
    yield (), given
    mistakes: list[Mistake] = []
    text = given
    for mistake, pattern in (
        (_PYTHON_BYTES, r"""\s*b(['"])(?P<rest>.*)\1\s*"""),
        (_SIGNATURE_QUOTED, r"""\s*(['"])(?P<rest>.*)\1\s*"""),
        (_PREFIX, r"(?i)(?:.*\(stdin\)= ?|(?:hmac[-_]?)?sha-?256[=: ]+|v[12]=|(?:bearer|hmac) +)(?P<rest>.*)"),
    ):
        if match := re.fullmatch(pattern, text, re.DOTALL):
            mistakes.append(mistake)
            text = match["rest"]
    if re.search("%[0-9A-Fa-f]{2}", text):
        mistakes.append(_PERCENT)
        text = unquote(text)
    if " " in text.strip():
        yield (*mistakes, _PLUS_LOST), text.strip().replace(" ", "+")
    joined = re.sub(r"\s|\\r|\\n", "", text)
    if joined != text:
        mistakes.append(_LINE_END)
    if mistakes:
        yield tuple(mistakes), joined


def _decoded_forms(text: str) -> Iterator[tuple[tuple[Mistake, ...], bytes]]:
    """Yield the bytes that a signature stands for, with the mistakes in its encoding."""
    if (digest := _from_hex(text)) is not None:
        yield (_HEX,), digest
        return
    encoding: tuple[Mistake, ...] = (_URL_SAFE,) if re.search("[-_]", text) else ()
    encoding += (_PADDING,) if len(text) % 4 else ()
    value = _from_base64(text)
    if value is None:
        return
    if not value.isascii():
        yield encoding, value
        try:
            yield (*encoding, _UTF_8), value.decode("utf-8").encode("latin-1")
        except UnicodeError:
            return
        return
    inner = re.sub(r"^.*\(stdin\)= ?", "", value.decode("ascii")).strip()
    if (digest := _from_hex(inner)) is not None:
        yield (*encoding, _BASE64_OF_HEX), digest
    elif (digest := _from_base64(inner)) is not None and len(digest) >= 20:
        yield (*encoding, _BASE64_TWICE), digest
    else:
        yield encoding, value


def _from_hex(text: str) -> bytes | None:
    """Return the bytes of a digest in hexadecimal, also in pairs as .NET prints them; None for anything else."""
    digits = re.sub("[-:]", "", text) if re.fullmatch("(?:[0-9a-fA-F]{2}[-:])+[0-9a-fA-F]{2}", text) else text
    return bytes.fromhex(digits) if re.fullmatch("[0-9a-fA-F]{40}|[0-9a-fA-F]{64}|[0-9a-fA-F]{96}|[0-9a-fA-F]{128}", digits) else None


def _from_base64(text: str) -> bytes | None:
    """Return what a text stands for in either alphabet of Base64, with padding or not; None when it is something else."""
    try:
        return base64.b64decode(text.translate(str.maketrans("-_", "+/")) + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


# -- candidates ----------------------------------------------------------------------------------------------------------------------


def attempts(
    correct: SignedParts, host: str, body: bytes | None = None, api_key: str | None = None
) -> Iterator[tuple[tuple[Mistake, ...], SignedParts]]:
    """Yield what may have been signed: the correct parts, then one mistake, then two, each in the order of the catalogue."""
    catalogue = _catalogue(host, body, api_key)
    yield (), correct
    yield from islice((((mistake,), attempt) for mistake, variants, _ in catalogue for attempt in variants(correct)), MAX_SINGLE)
    if len(correct.target) > LONGEST_QUERY:
        return
    pairs = combinations([(mistake, variants, list(variants(correct))) for mistake, variants, paired in catalogue if paired], 2)
    yield from islice(
        (
            ((first, second), both)
            for (first, _, with_first), (second, variants, _) in pairs
            for attempt in with_first
            for both in variants(attempt)
        ),
        MAX_PAIRS,
    )


_QUERY_REBUILT = Mistake("query-rebuilt", "the query was signed in another form: order, empty values, or how a space is encoded")


def _catalogue(host: str, body: bytes | None, api_key: str | None) -> tuple[Entry, ...]:
    base = urlsplit(contract().server).path
    signed_body = body if body is not None and len(body) <= LONGEST_BODY else None
    short_body = signed_body is not None and len(signed_body) <= LONGEST_BODY_IN_PAIRS
    return (
        (Mistake("method-lower-case", "the method was signed in lower case"), _method_lower_case, True),
        (Mistake("method-other", "another method was signed"), _method_other, True),
        (Mistake("method-missing", "the path was signed without the method in front of it"), _method_missing, False),
        (Mistake("method-separator", "method and path were not signed with exactly one space between them"), _method_separator, False),
        (Mistake("base-path-missing", f"the path was signed without {base}"), _base_path_missing, True),
        (Mistake("base-path-added", f"the path was signed with {base} in front, which did not arrive"), _base_path_added, True),
        (Mistake("slash-first", "the path was signed without its first slash"), _slash_first, True),
        (Mistake("slash-last", "the path was signed with another ending: a slash too many or too few"), _slash_last, True),
        (Mistake("query-missing", "the path was signed without the query"), _query_missing, True),
        (Mistake("path-missing", "the query was signed without the path"), _path_missing, True),
        (Mistake("question-mark-added", "a question mark was signed behind a path that has no query"), _question_mark_added, True),
        (Mistake("target-decoded", "path and query were signed decoded, and not as they go on the wire"), _target_decoded, True),
        (Mistake("target-encoded", "path and query were percent-encoded again before signing"), _target_encoded, False),
        (_QUERY_REBUILT, _query_rebuilt, True),
        (_QUERY_REBUILT, _query_reordered, False),
        (Mistake("host-included", "the host was signed as well"), partial(_host_included, host=host), True),
        (TIMESTAMP_SECONDS, _timestamp_seconds, True),
        (TIMESTAMP_FRACTION, _timestamp_fraction, False),
        (Mistake("line-end-added", "a line end was signed behind the access key"), _line_end_added, True),
        (Mistake("line-end-cr-lf", "the lines were joined by CR LF instead of LF"), partial(_line_end_other, newlines=(b"\r\n",)), True),
        (
            Mistake("line-end-literal", r"the lines were joined by the two characters \n"),
            partial(_line_end_other, newlines=(b"\\n",)),
            True,
        ),
        (
            Mistake("line-end-missing", "the lines were not joined by line feeds"),
            partial(_line_end_other, newlines=(b"", b" ", b"\r", b",")),
            False,
        ),
        (
            Mistake("secret-padded", "the secret key was used with white space around it, such as the line feed of a file"),
            _secret_padded,
            True,
        ),
        (
            Mistake("secret-quoted", "the secret key was used with quotes around it: remove them where it is configured"),
            _secret_quoted,
            True,
        ),
        (Mistake("secret-decoded", "the secret key was decoded or encoded before use: its characters are the key"), _secret_decoded, False),
        (Mistake("secret-missing", "the secret key was empty, or a word for no value: the variable is not set"), _secret_missing, False),
        (KEYS_SWAPPED, _keys_swapped, True),
        (
            Mistake("shell-echo", "the options of echo, such as -e, were signed in front of the method: use printf instead of echo"),
            _shell_echo,
            True,
        ),
        (Mistake("message-quoted", "quotes were signed around the string: leave them out"), _message_quoted, False),
        (
            Mistake(
                "hmac-arguments-swapped", "the arguments of HMAC are swapped: the secret key is the key, the string to sign the message"
            ),
            partial(_scheme_other, schemes=("swapped",)),
            True,
        ),
        (
            Mistake("hmac-missing", "a hash was computed without HMAC: use HMAC-SHA256 with the secret key"),
            partial(_scheme_other, schemes=("message", "message-secret", "secret-message")),
            False,
        ),
        (
            Mistake("body-signed", "the body was signed: sign method, path, timestamp and access key only"),
            partial(_body_signed, body=signed_body),
            short_body,
        ),
        (
            Mistake("access-key-missing", "the line with the access key was not signed"),
            partial(_lines_other, orders=(("request", "timestamp"),)),
            True,
        ),
        (
            Mistake("timestamp-missing", "the line with the timestamp was not signed"),
            partial(_lines_other, orders=(("request", "access_key"), ("request",))),
            False,
        ),
        (
            Mistake("line-order", "the lines were signed in another order than request, timestamp, access key"),
            partial(_lines_other, orders=tuple(permutations(("request", "timestamp", "access_key")))[1:]),
            False,
        ),
        (Mistake("message-utf-16", "the string was signed in UTF-16 instead of UTF-8"), _message_utf_16, False),
        (
            Mistake("other-service", "the string to sign is that of another NAVER API: timestamp.method.path"),
            _other_service,
            False,
        ),
        (
            Mistake("api-key-signed", "a line with the API key was signed, as in version 1"),
            partial(_api_key_signed, api_key=api_key),
            False,
        ),
        (
            Mistake("timestamp-other", "another timestamp was signed than the one in the header"),
            _timestamp_other,
            False,
        ),
    )


def _method_lower_case(correct: SignedParts) -> Iterator[SignedParts]:
    yield correct._replace(method=correct.method.lower())


def _method_other(correct: SignedParts) -> Iterator[SignedParts]:
    methods = {operation.method.encode("ascii") for operation in contract().operations.values()}
    yield from (correct._replace(method=method) for method in sorted(methods - {correct.method}))


def _method_missing(correct: SignedParts) -> Iterator[SignedParts]:
    yield correct._replace(method=b"", separator=b"")


def _method_separator(correct: SignedParts) -> Iterator[SignedParts]:
    yield from (correct._replace(separator=separator) for separator in (b"\n", b"", b"  ", b"\t"))


def _base_path_missing(correct: SignedParts) -> Iterator[SignedParts]:
    base = urlsplit(contract().server).path.encode("ascii")
    if correct.path.startswith(base):
        yield correct._replace(path=correct.path[len(base) :])


def _base_path_added(correct: SignedParts) -> Iterator[SignedParts]:
    yield correct._replace(path=urlsplit(contract().server).path.encode("ascii") + correct.path)


def _slash_first(correct: SignedParts) -> Iterator[SignedParts]:
    yield correct._replace(path=correct.path.removeprefix(b"/"))


def _slash_last(correct: SignedParts) -> Iterator[SignedParts]:
    yield correct._replace(path=correct.path[:-1] if correct.path.endswith(b"/") else correct.path + b"/")


def _query_missing(correct: SignedParts) -> Iterator[SignedParts]:
    if correct.query is not None:
        yield correct._replace(query=None)


def _path_missing(correct: SignedParts) -> Iterator[SignedParts]:
    if correct.query is not None:
        yield correct._replace(path=b"")
        yield correct._replace(path=correct.query, query=None)


def _question_mark_added(correct: SignedParts) -> Iterator[SignedParts]:
    if correct.query is None:
        yield correct._replace(query=b"")


def _target_decoded(correct: SignedParts) -> Iterator[SignedParts]:
    path, query = unquote_to_bytes(correct.path), correct.query
    yield correct._replace(path=path, query=None if query is None else unquote_to_bytes(query))
    if query is not None:
        yield correct._replace(path=path, query=unquote_to_bytes(query.replace(b"+", b" ")))


def _target_encoded(correct: SignedParts) -> Iterator[SignedParts]:
    for safe in ("/?&=", "/?&=+~", "/", ""):
        yield correct._replace(path=quote(correct.target, safe=safe).encode("ascii"), query=None)
    if correct.query:
        yield correct._replace(query=quote(correct.query, safe="").encode("ascii"))


def _query_rebuilt(correct: SignedParts) -> Iterator[SignedParts]:
    if correct.query and len(correct.query) <= LONGEST_QUERY:
        yield from (correct._replace(query=query) for query in _rebuilt_queries(correct.query))


@lru_cache(maxsize=16)
def _rebuilt_queries(query: bytes) -> tuple[bytes, ...]:
    """Return a query as clients write it after parsing it: with other order, empty values and encoding of spaces. Pairs need it often."""
    text = query.decode("latin-1")
    parsed = [parse_qsl(text, keep_blank_values=blanks, encoding="latin-1") for blanks in (True, False)]
    forms = [(order, encode) for pairs in parsed for encode in (quote_plus, quote) for order in (pairs, sorted(pairs))]
    rebuilt = [urlencode(order, quote_via=encode, encoding="latin-1").encode("ascii") for order, encode in forms]
    return tuple(dict.fromkeys(other for other in rebuilt if other != query))


def _query_reordered(correct: SignedParts) -> Iterator[SignedParts]:
    """Yield the query with its parameters in other orders, each parameter as it was sent."""
    if not correct.query or len(correct.query) > LONGEST_QUERY:
        return
    parameters = correct.query.split(b"&")
    orders = permutations(parameters) if len(parameters) <= MAX_ORDERED else iter([parameters[::-1], sorted(parameters)])
    yield from (correct._replace(query=b"&".join(order)) for order in orders if list(order) != parameters)


def _host_included(correct: SignedParts, host: str) -> Iterator[SignedParts]:
    real = urlsplit(contract().server).netloc
    for authority in dict.fromkeys((host or real, real)):
        signed = authority.encode("utf-8", "surrogatepass")
        yield from (correct._replace(host=scheme + signed) for scheme in (b"", b"https://", b"http://"))


def _timestamp_seconds(correct: SignedParts) -> Iterator[SignedParts]:
    yield correct._replace(timestamp=correct.timestamp[:-3])


def _timestamp_fraction(correct: SignedParts) -> Iterator[SignedParts]:
    digits = correct.timestamp
    seconds, rest = digits[:-3], digits[-3:]
    for timestamp in (digits + b".0", b"%s.%s" % (seconds, rest), b"%s.%s" % (seconds, rest.rstrip(b"0") or b"0")):
        yield correct._replace(timestamp=timestamp)


def _timestamp_other(correct: SignedParts) -> Iterator[SignedParts]:
    now = int(correct.timestamp)
    for distance in range(1, NEAR_MS + 1):
        yield correct._replace(timestamp=b"%d" % (now - distance))
        yield correct._replace(timestamp=b"%d" % (now + distance))


def _line_end_added(correct: SignedParts) -> Iterator[SignedParts]:
    yield from (correct._replace(end=end) for end in (b"\n", b"\r\n"))


def _line_end_other(correct: SignedParts, newlines: tuple[bytes, ...]) -> Iterator[SignedParts]:
    yield from (correct._replace(newline=newline) for newline in newlines)


def _secret_padded(correct: SignedParts) -> Iterator[SignedParts]:
    secret = correct.secret_key
    yield from (correct._replace(secret_key=padded) for padded in (secret + b"\n", secret + b"\r\n", secret + b" ", secret.strip()))


def _secret_quoted(correct: SignedParts) -> Iterator[SignedParts]:
    secret = correct.secret_key
    yield from (correct._replace(secret_key=mark + secret + mark) for mark in (b'"', b"'"))


def _secret_decoded(correct: SignedParts) -> Iterator[SignedParts]:
    text = correct.secret_key.decode("latin-1")
    decoded = [_from_base64(text), bytes.fromhex(text) if re.fullmatch("(?:[0-9a-fA-F]{2})+", text) else None]
    encoded = [base64.b64encode(correct.secret_key), correct.secret_key.hex().encode("ascii")]
    yield from (correct._replace(secret_key=secret) for secret in (*decoded, *encoded) if secret is not None)


def _secret_missing(correct: SignedParts) -> Iterator[SignedParts]:
    yield from (correct._replace(secret_key=secret) for secret in (b"", b"undefined", b"null", b"None", b"False"))


def _keys_swapped(correct: SignedParts) -> Iterator[SignedParts]:
    yield correct._replace(secret_key=correct.access_key)
    yield correct._replace(secret_key=correct.access_key, access_key=correct.secret_key)


def _shell_echo(correct: SignedParts) -> Iterator[SignedParts]:
    yield from (correct._replace(start=options) for options in (b"-e ", b"-n ", b"-n -e ", b"-ne ", b"-en "))


def _message_quoted(correct: SignedParts) -> Iterator[SignedParts]:
    yield from (correct._replace(start=mark, end=mark) for mark in (b'"', b"'"))


def _scheme_other(correct: SignedParts, schemes: tuple[str, ...]) -> Iterator[SignedParts]:
    yield from (correct._replace(scheme=scheme) for scheme in schemes)


def _body_signed(correct: SignedParts, body: bytes | None) -> Iterator[SignedParts]:
    """Yield the message with the body, or its hash, behind it, in front of the access key, or alone."""
    if not body:
        return
    newline = correct.newline
    yield correct._replace(end=newline + body)
    yield correct._replace(end=body)
    yield correct._replace(lines=(), end=body)
    yield correct._replace(access_key=body + newline + correct.access_key)
    digest = hashlib.sha256(body).digest()
    for hashed in (digest.hex().encode("ascii"), base64.b64encode(digest)):
        yield correct._replace(end=newline + hashed)


def _lines_other(correct: SignedParts, orders: tuple[tuple[str, ...], ...]) -> Iterator[SignedParts]:
    yield from (correct._replace(lines=lines) for lines in orders)


def _message_utf_16(correct: SignedParts) -> Iterator[SignedParts]:
    yield correct._replace(encoding="utf-16-le")
    yield correct._replace(encoding="utf-16-le", secret_key=correct.secret_key.decode("utf-8", "replace").encode("utf-16-le"))


def _other_service(correct: SignedParts) -> Iterator[SignedParts]:
    for target in dict.fromkeys((correct.target, correct.path)):
        yield correct._replace(lines=(), end=b".".join((correct.timestamp, correct.method, target)))


def _api_key_signed(correct: SignedParts, api_key: str | None) -> Iterator[SignedParts]:
    if api_key:
        yield correct._replace(access_key=api_key.encode("utf-8", "surrogatepass") + correct.newline + correct.access_key)
        yield correct._replace(access_key=api_key.encode("utf-8", "surrogatepass"))
