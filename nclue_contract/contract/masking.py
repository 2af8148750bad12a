r"""Replaces secrets in texts, in whatever spelling they are there: keys, signatures, and the values of headers.

Theory of operation
===================

A server can send back what it was sent in another spelling: `\/` and `\u002f` of JSON, `%2F`, `&#47;` and `&sol;`, `=2F` of
quoted-printable, Base64, hexadecimal, broken over lines, in pieces, and all of these one inside the other. There are too many spellings to
list those of one secret. So it is the text that is brought into one form, in *views*:

* the text itself;
* each view with its escapes decoded, with its quoted-printable decoded, with its lines joined, with what is Base64 or hexadecimal in it
  decoded; again from each of those, up to `MAX_LAYERS` times. Most texts have nothing to decode, and then there is no further view.

Of each view only letters, digits and bytes above 127 are compared, without regard to letter case: line breaks, quotation marks, the
characters in which the alphabets of Base64 differ, and its padding do not matter then. A secret counts as found where `PART` of these
characters in a row are those of the secret, or all of a shorter one. So a secret that was cut off is found as well.

For that, each secret is entered into a dictionary as its pieces of `GRAM` characters. A view is searched at some positions only: those
that no part of `PART` characters can avoid. The time does not depend on the number of secrets, of which a check has one per request.

What is found is replaced by `MASK`, in the text itself; quotation marks stay in their places, so that JSON remains JSON.

What is not found: secrets of fewer than `MIN_LENGTH` characters, numbers of fewer than `MIN_DIGITS` digits (those are in texts by chance,
such as in times), and what cannot be undone by decoding: compressed, encrypted and hashed values. Secrets of fewer than `GRAM` letters and
digits, and numbers of fewer than `PART` digits, are found only where they stand alone, and whole.
"""

from __future__ import annotations

import binascii
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache

from nclue_contract.contract.model import contract

MASK = b"***"
"""What stands in the place of a secret."""

MIN_LENGTH = 4
"""Characters from which on a value is masked."""

MIN_DIGITS = 8
"""The same for values of digits only."""

GRAM = 8
"""Letters and digits from which on a value is masked within words, too."""

PART = 16
"""Letters and digits in a row from which on a part of a value is masked."""

MAX_LAYERS = 5
"""Spellings one inside the other that are decoded."""

MAX_VIEWS = 64
"""Views of one text that are searched, at most."""

WORD = 64
"""Characters of what may be Base64 or hexadecimal, up to which what it stands for is kept for the next text."""

_ALPHANUMERIC = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_COMPARED = frozenset(byte for byte in range(256) if byte in _ALPHANUMERIC or byte > 127)
_IGNORED = bytes(byte for byte in range(256) if byte not in _COMPARED)
_FOLDED = bytes(range(256)).lower()


class Masker:
    """Knows secrets, and replaces them in bytes and texts.

    `add` may be called while other threads mask. `public` is a text that everybody may see: what is in it, is not masked. With
    `same_length` a secret becomes as many `x`, so that no position behind it changes.
    """

    def __init__(self, secrets: Iterable[str] = (), *, public: str = "", same_length: bool = False) -> None:
        self._same_length = same_length
        self._known: set[str] = set()
        self._grams: dict[bytes, int] = {}  # each with the fewest characters in a row of which it must be a part
        self._shortest = PART
        self._alone: list[bytes] = []
        self._pattern: re.Pattern[bytes] | None = None
        self._public = _Public(public)
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Add secrets; those that are too short are ignored."""
        for secret in secrets:
            if secret not in self._known:
                self._known.add(secret)
                for form in _forms(secret):
                    self._add(form)

    def text(self, text: str, public: str = "") -> str:
        """Return a text without secrets; `public` is what everybody may see in this one."""
        data = text.encode("utf-8", "surrogatepass")
        masked = self.data(data, public)
        return text if masked is data else masked.decode("utf-8", "surrogatepass")

    def data(self, data: bytes, public: str | bytes = b"") -> bytes:
        """Return bytes without secrets, the same object where there are none; `public` is as for `text`."""
        spans = list(self._spans(data, public))
        return _replaced(data, spans, same_length=self._same_length) if spans else data

    def _add(self, form: bytes) -> None:
        compared = _compared(form)
        digits = compared.isdigit()
        if len(compared) >= (PART if digits else GRAM):
            needed = min(PART, len(compared))
            for start in range(len(compared) - GRAM + 1):
                gram = compared[start : start + GRAM]
                self._grams[gram] = min(needed, self._grams.get(gram, needed))
            self._shortest = min(self._shortest, needed)
        elif compared and len(form) >= (MIN_DIGITS if digits else MIN_LENGTH):
            self._alone.append(_standing_alone(form) if digits or len(form) < GRAM else _pattern(form))
            self._pattern = re.compile(b"|".join(self._alone), re.IGNORECASE)

    def _spans(self, data: bytes, public: str | bytes) -> Iterator[tuple[int, int]]:
        """Yield where secrets are, as start and stop."""
        if not self._known:
            return
        allowed: _Public | None = None
        for view in _views(data):
            for start, stop in self._found(view.data):
                allowed = allowed or _Public(public)
                found = view.data[start:stop]
                if found not in self._public and found not in allowed:
                    yield view.origin(start, stop)

    def _found(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Yield where a view has a secret or a part of one."""
        compared, grams = _compared(data), self._grams
        step = self._shortest - GRAM + 1
        starts = range(0, len(compared) - GRAM + 1, step)
        if any(compared[start : start + GRAM] in grams and self._goes_on(compared, start, step) for start in starts):
            places = [place for place, byte in enumerate(data) if byte in _COMPARED]
            for start, stop in self._runs(compared):
                yield places[start], _behind_padding(data, places[stop - 1] + 1)
        if self._pattern is not None:
            yield from (match.span() for match in self._pattern.finditer(data))

    def _goes_on(self, compared: bytes, start: int, number: int) -> bool:
        """Return whether so many grams in a row are those of secrets, around this one; a single one may be zeros, in a key and in an ID."""
        first = last = start
        while last - first + 1 < number and first and compared[first - 1 : first - 1 + GRAM] in self._grams:
            first -= 1
        while last - first + 1 < number and compared[last + 1 : last + 1 + GRAM] in self._grams:
            last += 1
        return last - first + 1 >= number

    def _runs(self, compared: bytes) -> Iterator[tuple[int, int]]:
        """Yield where enough characters in a row are those of a secret."""
        start, stop, needed = 0, -1, PART
        for place in range(len(compared) - GRAM + 1):
            need = self._grams.get(compared[place : place + GRAM])
            if need is None:
                continue
            if place > stop - GRAM + 1:  # the gram before this one was not in a secret
                if stop - start >= needed:
                    yield start, stop
                start, needed = place, need
            stop, needed = place + GRAM, min(needed, need)
        if stop - start >= needed:
            yield start, stop


def sent_secrets(headers: Iterable[Sequence[str]]) -> list[str]:
    """Return what is secret in the headers of a request, by their names; the timestamp is none."""
    timestamp = contract().headers[0]
    return [one for name, value in headers if is_secret_header(name) and name.lower() != timestamp for one in header_secrets(value)]


def is_secret_header(name: str) -> bool:
    """Return whether the value of a header is not shown: all of the platform's, since a client may send keys under another name."""
    plain = name.lower().replace("_", "-")
    words = ("secret", "access-key", "accesskey", "api-key", "apikey", "signature")
    others = {*contract().headers, "authorization", "proxy-authorization", "cookie", "set-cookie"}
    return plain in others or plain.startswith("x-ncp-") or any(word in plain for word in words)


def header_secrets(value: str) -> list[str]:
    """Return what is secret in the value of a header: all of it, its words, the values of its parameters, and the password in it."""
    words = (word.rstrip("=").rpartition("=")[2].strip('"') for word in re.split(r"[\s;,]+", value))
    found = [value, *(word for word in words if len(word) >= GRAM)]
    if value.lower().startswith("basic "):  # RFC 7617: the Base64 of `user:password`
        user_and_password = _from_base64(value[6:].encode("utf-8", "surrogatepass")).decode("utf-8", "replace")
        found += [user_and_password, user_and_password.partition(":")[2]]
    return found


def _forms(secret: str) -> set[bytes]:
    """Return a secret as bytes in the encodings that HTTP has for it, and the hexadecimal form of what its Base64 stands for."""
    forms = {secret.encode("utf-8", "surrogatepass")}
    with suppress(UnicodeEncodeError):
        forms.add(secret.encode("latin-1"))
    if re.fullmatch(r"[A-Za-z0-9+/_-]{16,}={0,2}", secret):
        forms.add(_from_base64(secret.encode()).hex().encode())
    return forms


def _pattern(form: bytes) -> bytes:
    """Return the pattern of a secret of few letters and digits. A space may be a plus sign, as in a form."""
    return re.escape(form).replace(rb"\ ", b"[ +]")


def _standing_alone(form: bytes) -> bytes:
    """Return the pattern of a short secret, which is not masked within words."""
    return rb"(?<![0-9A-Za-z_])%s(?![0-9A-Za-z_])" % _pattern(form)


class _Public:
    """A text that everybody may see."""

    def __init__(self, text: str | bytes) -> None:
        data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        self._text, self._compared = data.lower(), _compared(data)

    def __contains__(self, found: bytes) -> bool:
        compared = _compared(found)
        return compared in self._compared if len(compared) >= GRAM else found.lower() in self._text


def _compared(data: bytes) -> bytes:
    """Return the bytes that are compared, in lower case."""
    return data.translate(_FOLDED, _IGNORED)


def _behind_padding(data: bytes, stop: int) -> int:
    """Return the place behind the padding that Base64 has."""
    return stop + len(data[stop : stop + 2]) - len(data[stop : stop + 2].lstrip(b"="))


def _replaced(data: bytes, spans: list[tuple[int, int]], *, same_length: bool) -> bytes:
    """Return bytes with `MASK`, or as many `x`, in the place of spans, which may overlap."""
    pieces, done = [], 0
    for start, stop in _merged(data, sorted(spans)):
        pieces += [data[done:start], _masked(data[start:stop], same_length=same_length)]
        done = stop
    return b"".join([*pieces, data[done:]])


def _merged(data: bytes, spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield spans that do not overlap, and do not begin or end within a character of UTF-8."""
    first, last = spans[0]
    for start, stop in [*spans[1:], (len(data) + 1, len(data) + 1)]:
        if start <= last:
            last = max(last, stop)
            continue
        while first > 0 and data[first] & 0xC0 == 0x80:
            first -= 1
        while last < len(data) and data[last] & 0xC0 == 0x80:
            last += 1
        yield first, last
        first, last = start, stop


def _masked(found: bytes, *, same_length: bool) -> bytes:
    """Return `MASK`, or several of them: between the pieces of a secret that is in several strings, what separates the strings stays."""
    pieces = re.split(rb'(?<!\\)"', found)
    masks = [b"x" * len(piece.decode("utf-8", "replace")) if same_length else MASK for piece in pieces]
    return b'"'.join(piece if number % 2 and not _compared(piece) else masks[number] for number, piece in enumerate(pieces))


# -- views ----------------------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _View:
    """A text, or what it is after decoding.

    `replaced` are the places that were decoded: start and stop here, start and stop in `parent`.
    """

    data: bytes
    parent: _View | None = None
    replaced: list[tuple[int, int, int, int]] = field(default_factory=list)

    def origin(self, start: int, stop: int) -> tuple[int, int]:
        """Return where in the text itself a part of this view is from."""
        if self.parent is None:
            return start, stop
        return self.parent.origin(self._start_in_parent(start), self._stop_in_parent(stop - 1))

    def _start_in_parent(self, place: int) -> int:
        here, behind, start, stop = self._nearest(place)
        return start if here <= place < behind else stop + place - behind

    def _stop_in_parent(self, place: int) -> int:
        here, behind, _, stop = self._nearest(place)
        return stop if here <= place < behind else stop + place - behind + 1

    def _nearest(self, place: int) -> tuple[int, int, int, int]:
        """Return the last decoded place that begins before or at a place; what is before the first one is unchanged."""
        number = bisect_right(self.replaced, place, key=lambda one: one[0])
        return self.replaced[number - 1] if number else (0, 0, 0, 0)


def _views(data: bytes) -> Iterator[_View]:
    """Yield a text, and what it is after decoding, each different view once."""
    layer, seen = [_View(data)], {data}
    yield layer[0]
    for _ in range(MAX_LAYERS):
        decoded = (view for parent in layer for decode in _DECODERS for view in decode(parent))
        layer = []
        for view in decoded:
            if view.data not in seen and len(seen) < MAX_VIEWS:
                seen.add(view.data)
                layer.append(view)
                yield view


def _decoded(view: _View, pattern: re.Pattern[bytes], decode: Callable[[re.Match[bytes]], bytes | None], *, rest: bool) -> Iterator[_View]:
    """Yield a view in which the matches of a pattern are decoded, if there are any; with `rest` what is between them is in it, too.

    `decode` returns None for a match that is not what it looks like.
    """
    out, done = bytearray(), 0
    replaced: list[tuple[int, int, int, int]] = []
    for match in pattern.finditer(view.data):
        value = decode(match)
        if value is None:
            continue
        if rest:
            out += view.data[done : match.start()]
        here, done = len(out), match.end()
        out += value
        replaced.append((here, len(out), match.start(), done))
    if replaced:
        yield _View(bytes(out + view.data[done:]) if rest else bytes(out), view, replaced)


_ESCAPE = re.compile(
    rb"""
      (?P<pair> \\u[dD][89abAB][0-9A-Fa-f]{2} \\u[dD][c-fC-F][0-9A-Fa-f]{2} )      # a character beyond U+FFFF in JSON
    | (?P<point> [\\%]u[0-9A-Fa-f]{4} | \\x[0-9A-Fa-f]{2} | \\u\{[0-9A-Fa-f]{1,6}\} | \\U000[0-9A-Fa-f]{5} )
    | % (?P<byte> [0-9A-Fa-f]{2} )
    | \\ (?P<octal> [0-3]?[0-7]{1,2} )
    | \\ (?P<single> . )
    | (?P<entity> & (?: \#[0-9]{1,7} | \#[xX][0-9A-Fa-f]{1,6} | [A-Za-z][A-Za-z0-9]{1,31} ) ;? )
    | (?P<tag> < /? [A-Za-z]{1,6} \s? /? > )
    """,
    re.VERBOSE | re.DOTALL,
)
_QUOTED_PRINTABLE = re.compile(rb"=(?:([0-9A-Fa-f]{2})|[ \t]*\r?\n)")
_LINE_BREAK = re.compile(rb"\r?\n[ \t]*")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{12,}(?:[ \t]*\r?\n[ \t]*[A-Za-z0-9+/_-]+)*")
_HEXADECIMAL = re.compile(rb"[0-9A-Fa-f]{2}(?:[:\s-]?[0-9A-Fa-f]{2}){7,}")
_NUMBERS = re.compile(rb"[0-9]{1,3}(?:\s*,[\s+]*[0-9]{1,3}){7,}")
_BETWEEN_COMMAS = re.compile(rb",[\s+]*[0-9]{1,3}\s*,")
"""What every match of `_NUMBERS` has, and is found sooner: there are fewer commas than digits."""
_LEGIBLE = re.compile(rb"(?:[\t\n\r -~]\0?){8}")
"""What bytes that stand for a text have, and others, such as those of an ID read as Base64, hardly ever."""


def _decode_escapes(view: _View) -> Iterator[_View]:
    if any(mark in view.data for mark in (b"\\", b"%", b"&", b"<")):
        yield from _decoded(view, _ESCAPE, _character, rest=True)


def _character(match: re.Match[bytes]) -> bytes | None:
    """Return what an escape stands for, in UTF-8; nothing for a line break, written as an escape or as a tag."""
    kind, value = str(match.lastgroup), match[str(match.lastgroup)]
    if kind in {"byte", "octal"}:
        return bytes([int(value, 16 if kind == "byte" else 8)])
    if kind == "pair":
        return bytes.fromhex((value[2:6] + value[8:12]).decode()).decode("utf-16-be").encode()
    if kind == "point":
        number = int(value.strip(b"\\%uUx{}"), 16)
        return chr(number).encode("utf-8", "surrogatepass") if number < 0x110000 else None
    if kind == "entity":
        import html  # noqa: PLC0415  # its table is large, and texts without entities do not need it

        text = html.unescape(value.decode("ascii")).replace("\ufffd", "")  # which stands for code 0
        return None if text.encode() == value else text.encode()
    return b"" if kind == "tag" or value in b"nrtbfv\r\n" else value


def _decode_quoted_printable(view: _View) -> Iterator[_View]:
    if b"=" in view.data:
        yield from _decoded(view, _QUOTED_PRINTABLE, lambda match: bytes.fromhex((match[1] or b"").decode()), rest=True)


def _join_lines(view: _View) -> Iterator[_View]:
    """Undo line breaks within escapes."""
    if b"\n" in view.data:
        yield from _decoded(view, _LINE_BREAK, lambda _: b"", rest=True)


def _decode_base64(view: _View) -> Iterator[_View]:
    """Decode what may be Base64. What stands before it may be of the same alphabet, so each of the four alignments is tried."""
    return _decoded(view, _BASE64, lambda match: _decode_run(match[0]), rest=False)


def _decode_run(run: bytes) -> bytes | None:
    return _decode_word(run) if len(run) <= WORD else _at_each_alignment(run)


def _at_each_alignment(run: bytes) -> bytes | None:
    return _legible(_from_base64(run, start) for start in range(4))


_decode_word = lru_cache(maxsize=1024)(_at_each_alignment)
"""The same for IDs and names of fields, which are in nearly every response."""


def _decode_hexadecimal(view: _View) -> Iterator[_View]:
    return _decoded(view, _HEXADECIMAL, lambda match: _decode_digits(match[0]), rest=False)


def _decode_digits(run: bytes) -> bytes | None:
    return _decode_few_digits(run) if len(run) <= WORD else _from_either_digit(run)


def _from_either_digit(run: bytes) -> bytes | None:
    digits = re.sub(rb"[^0-9A-Fa-f]", b"", run).decode()
    return _legible(bytes.fromhex(one) for one in (digits, digits[1:-1]))


_decode_few_digits = lru_cache(maxsize=1024)(_from_either_digit)
"""The same for IDs."""


def _decode_numbers(view: _View) -> Iterator[_View]:
    """Decode bytes as JSON has them: an array of numbers."""
    if not _BETWEEN_COMMAS.search(view.data):
        return iter(())

    def decode(match: re.Match[bytes]) -> bytes | None:
        return _legible([bytes(number for number in map(int, re.findall(rb"[0-9]+", match[0])) if number < 256)])

    return _decoded(view, _NUMBERS, decode, rest=False)


def _from_base64(text: bytes, start: int = 0) -> bytes:
    """Return what Base64 stands for, in either alphabet, with or without padding, in lines or not; from a place of it on."""
    plain = re.sub(rb"[\s=]", b"", text)[start:].translate(bytes.maketrans(b"-_", b"+/"))
    whole = plain[: len(plain) - (len(plain) % 4 == 1)]
    try:
        return binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))
    except binascii.Error:
        return b""


def _legible(found: Iterable[bytes]) -> bytes | None:
    """Return those that stand for a text, separated from each other and from what is before them; None without any."""
    texts = [b"\xff" + one for one in found if _LEGIBLE.search(one)]
    return b"".join(texts) or None


_DECODERS = (_decode_escapes, _decode_quoted_printable, _join_lines, _decode_base64, _decode_hexadecimal, _decode_numbers)
