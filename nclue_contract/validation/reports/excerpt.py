r"""Excerpts of a text that fit on a line, with carets under the characters that matter.

Widths are in cells of a terminal: 2 for East Asian wide and fullwidth characters, 0 for combining marks and for Hangul vowels and finals
that join a leading consonant, otherwise 1. What would control a terminal is escaped (`\x1b`), and so is what the encoding cannot hold.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from nclue_contract.contract.wording import escaped, harmless

CONTEXT = 100
"""Code points examined on either side of a position, or as many as the limit has cells. More would not fit: only marks have no width."""

MIN_CELLS = 20
"""The narrowest excerpt: an escape of ten cells, and an ellipsis on both sides."""

_LEADING = (("\u1100", "\u115f"), ("\ua960", "\ua97c"), ("\uac00", "\ud7a3"))
_JOINING = (("\u1160", "\u11ff"), ("\ud7b0", "\ud7ff"))


class Symbols(NamedTuple):
    """Typographic symbols; `base` is put under a combining mark that has no base character."""

    bar: str
    ellipsis: str
    base: str


_UNICODE = Symbols("│", "…", "◌")
_ASCII = Symbols("|", "...", "")


class Glyph(NamedTuple):
    """The code points of a text from `start` up to `stop` as they are displayed, and how many cells that takes."""

    text: str
    cells: int
    start: int
    stop: int


@lru_cache(maxsize=8)
def symbols(encoding: str) -> Symbols:
    """Return the symbols for an encoding; all in ASCII when it lacks one, since East Asian code pages that have some show them wide."""
    return _UNICODE if _encodable("".join(_UNICODE), encoding) else _ASCII


def safe(text: str, encoding: str) -> str:
    """Return the text with everything escaped that would control a terminal or that the encoding cannot hold."""
    text = escaped(text)
    if _encodable(text, encoding):
        return text
    return text.replace(_UNICODE.ellipsis, _ASCII.ellipsis).encode(encoding, "backslashreplace").decode(encoding)


def safe_line(text: str, encoding: str) -> str:
    """Return the same for a whole line, in which no CI system finds a command, either."""
    return harmless(safe(text, encoding))


def glyphs(text: str, encoding: str = "utf-8") -> list[Glyph]:
    """Return each character of a text together with its combining marks, as it is displayed. Every glyph has a width."""
    found: list[Glyph] = []
    base = ""  # the character that the next mark belongs to; an escape has none
    for start, character in enumerate(text):
        in_command = character == "#" and _in_command(text, start)
        if in_command or not (character.isprintable() and _encodable(character, encoding)):
            base, escape = "", r"\x23" if in_command else ascii(character)[1:-1]
            found.append(Glyph(escape, len(escape), start, start + 1))
        elif base and _joins(base, character):
            last = found[-1]
            found[-1] = last._replace(text=last.text + character, stop=start + 1)
        elif _is_mark(character):
            base = symbols(encoding).base
            displayed = base + character if base else ascii(character)[1:-1]
            found.append(Glyph(displayed, 1 if base else len(displayed), start, start + 1))
        else:
            base = character
            cells = 2 if unicodedata.east_asian_width(character) in "WF" else 1
            found.append(Glyph(character, cells, start, start + 1))
    return found


def display_width(text: str) -> int:
    """Return how many cells a `safe` text takes."""
    return len(text) if text.isascii() else sum(glyph.cells for glyph in glyphs(text))


def wrap(text: str, limit: int) -> list[str]:
    """Return the lines of a `safe` text, each at most `limit` cells wide, broken at spaces where there are any."""
    if (quick := _wrap_plain(text, limit)) is not None:
        return quick
    lines, free = [""], limit
    width = len if text.isascii() else display_width
    for word in text.split(" "):
        cells = width(word)
        if lines[-1] and cells < free:
            lines[-1] += f" {word}"
            free -= cells + 1
            continue
        for piece in _pieces(word, limit):
            lines.append(piece)
            free = limit - display_width(piece)
    return [line for line in lines if line]


def _wrap_plain(text: str, limit: int) -> list[str] | None:
    """Return the same lines for ASCII words with one space between them, each shorter than a line; None for other texts."""
    if not text or not text.isascii() or "  " in text or text[0] == " " or text[-1] == " ":
        return None
    lines, start = [], 0
    while len(text) - start > limit:
        end = text.rfind(" ", start, start + limit + 1)
        if end < 0:
            return None
        lines.append(text[start:end])
        start = end + 1
    return [*lines, text[start:]]


def excerpt_with_carets(text: str, positions: Sequence[int], limit: int, encoding: str = "utf-8") -> tuple[str, str]:
    """Return the text around the first position, and a line with carets under all positions within it.

    Positions are ascending offsets in code points, at least one. Both lines take at most `limit` cells, or 20 if that is more. An ellipsis
    marks where the text was cut.
    """
    begin, end = _around(text, positions[0], limit)
    around = text[begin:end]
    if around.isascii() and around.isprintable() and _encodable(around, encoding):
        return _plain_excerpt(text, positions, max(limit, MIN_CELLS), symbols(encoding).ellipsis)
    before, shown, after = _marked(text, positions, limit, encoding)
    carets = "".join(("^" if marked else " ") * glyph.cells for glyph, marked in shown)
    return before + "".join(glyph.text for glyph, _ in shown) + after, " " * len(before) + carets.rstrip()


def marked_pieces(text: str, positions: Sequence[int], limit: int) -> list[tuple[str, bool]]:
    """Return the same excerpt in pieces, each with whether it is of characters at the positions, for those who do not mark with carets."""
    before, shown, after = _marked(text, positions, limit, "utf-8")
    parts = [(before, False), *((glyph.text, marked) for glyph, marked in shown), (after, False)]
    grouped = groupby((part for part in parts if part[0]), key=itemgetter(1))
    return [("".join(text for text, _ in group), marked) for marked, group in grouped]


def source_line(text: str, offset: int) -> tuple[str, tuple[int, ...]]:
    """Return the line around an offset, and the offset within it. At the end of the line, a space is added to be marked."""
    start = max(text.rfind(end, 0, offset) for end in "\r\n") + 1
    stop = min((at for end in "\r\n" if (at := text.find(end, offset)) >= 0), default=len(text))
    return text[start:stop] if offset < stop else text[start:stop] + " ", (min(offset, stop) - start,)


def _around(text: str, position: int, limit: int) -> tuple[int, int]:
    """Return where the part of a text begins and ends that is examined for an excerpt."""
    context = max(CONTEXT, limit)
    return max(0, position - context), min(len(text), position + context)


def _marked(text: str, positions: Sequence[int], limit: int, encoding: str) -> tuple[str, list[tuple[Glyph, bool]], str]:
    """Return the glyphs around the first position, each with whether it is at a position, between ellipses where the text was cut."""
    begin, end = _around(text, positions[0], limit)
    marked = {position - begin for position in positions}
    glyphs_around = glyphs(text[begin:end], encoding)
    ellipsis = symbols(encoding).ellipsis
    low, high = 0, len(glyphs_around)
    sizes = [glyph.cells for glyph in glyphs_around]
    if begin > 0 or end < len(text) or sum(sizes) > max(limit, MIN_CELLS):
        at = next(index for index, glyph in enumerate(glyphs_around) if positions[0] - begin < glyph.stop)
        low, high = _window(sizes, at, max(limit, MIN_CELLS) - 2 * len(ellipsis))
    before = ellipsis if begin > 0 or low > 0 else ""
    after = ellipsis if end < len(text) or high < len(glyphs_around) else ""
    shown = [(glyph, not marked.isdisjoint(range(glyph.start, glyph.stop))) for glyph in glyphs_around[low:high]]
    return before, shown, after


def _plain_excerpt(text: str, positions: Sequence[int], limit: int, ellipsis: str) -> tuple[str, str]:
    """Return the same for a text of which only printable ASCII characters can be shown: each takes one cell."""
    low, high = 0, len(text)
    if high > limit:
        free = limit - 2 * len(ellipsis)
        low = max(0, min(positions[0] - max(0, free // 3 - 1), high - free))
        high = min(high, low + free)
    before, after = ellipsis if low > 0 else "", ellipsis if high < len(text) else ""
    carets = [" "] * (high - low)
    for position in positions:
        if low <= position < high:
            carets[position - low] = "^"
    return before + text[low:high] + after, " " * len(before) + "".join(carets).rstrip()


def _window(sizes: list[int], at: int, free: int) -> tuple[int, int]:
    """Return the range of glyphs to show so that the one at `at` is among them: a third of the free cells before it, the rest after it."""
    low, high, used = at, at + 1, sizes[at]
    while low > 0 and used + sizes[low - 1] <= free // 3:
        low -= 1
        used += sizes[low]
    while high < len(sizes) and used + sizes[high] <= free:
        used += sizes[high]
        high += 1
    while low > 0 and used + sizes[low - 1] <= free:
        low -= 1
        used += sizes[low]
    return low, high


def _pieces(word: str, limit: int) -> list[str]:
    """Return the word, split where it is wider than the limit."""
    if len(word) * 2 <= limit or display_width(word) <= limit:
        return [word]
    if word.isascii():
        return [word[start : start + limit] for start in range(0, len(word), limit)]
    pieces, free = [""], limit
    for glyph in glyphs(word):
        if glyph.cells > free:
            pieces.append("")
            free = limit
        pieces[-1] += glyph.text
        free -= glyph.cells
    return pieces


def _in_command(text: str, at: int) -> bool:
    """Return whether the hash at this place is the one that `harmless` escapes."""
    return at > 0 and harmless(text[at - 1 : at + 5]).startswith(r"#\x23")


def _joins(base: str, character: str) -> bool:
    """Return whether a character takes no cell of its own after this base."""
    return _is_mark(character) or (_within(base, _LEADING) and _within(character, _JOINING))


def _within(character: str, ranges: Sequence[tuple[str, str]]) -> bool:
    return any(low <= character <= high for low, high in ranges)


def _is_mark(character: str) -> bool:
    return not character.isascii() and unicodedata.category(character) in {"Mn", "Me"}


def _encodable(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
