r"""Points into a text: an excerpt that fits on a line, and carets under the characters that matter.

Widths are in cells of a terminal: 2 for East Asian wide and fullwidth characters, 0 for combining marks and for Hangul vowels and finals
that join a leading consonant, otherwise 1. What a terminal would obey instead of show is escaped (`\x1b`), and so is what the encoding
cannot hold.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from nclue_contract.contract.wording import escaped

REACH = 100
"""Code points looked at on either side of a place, or as many as the limit has cells. More would not fit; only marks take no room."""

LEAST = 20
"""Cells that an excerpt may always take: an escape of ten, and an ellipsis on both sides."""

_LEADING = re.compile("[\u1100-\u115f\ua960-\ua97c\uac00-\ud7a3]")
_JOINING = re.compile("[\u1160-\u11ff\ud7b0-\ud7ff]")


class Signs(NamedTuple):
    """Typographic signs; `base` carries a mark that has nothing to stand on."""

    bar: str
    ellipsis: str
    base: str


_SIGNS = Signs("│", "…", "◌")
_PLAIN_SIGNS = Signs("|", "...", "")


class Glyph(NamedTuple):
    """What is shown for the code points of a text from `start` up to `stop`, and how many cells it takes."""

    shown: str
    cells: int
    start: int
    stop: int


def signs(encoding: str) -> Signs:
    """The signs for an encoding, in ASCII when one is missing. All or none: code pages of East Asia that have some show them wide."""
    return _SIGNS if _encodable("".join(_SIGNS), encoding) else _PLAIN_SIGNS


def safe(text: str, encoding: str) -> str:
    """The text as any terminal and the encoding can show it: escaped where needed."""
    text = escaped(text)
    if _encodable(text, encoding):
        return text
    return text.replace(_SIGNS.ellipsis, _PLAIN_SIGNS.ellipsis).encode(encoding, "backslashreplace").decode(encoding)


def glyphs(text: str, encoding: str = "utf-8") -> list[Glyph]:
    """What to show for each character of a text together with the marks on it. No glyph is without width."""
    found: list[Glyph] = []
    base = ""  # what the next mark stands on; an escape carries none
    for start, character in enumerate(text):
        if not (character.isprintable() and _encodable(character, encoding)):
            base, shown = "", ascii(character)[1:-1]
            found.append(Glyph(shown, len(shown), start, start + 1))
        elif base and _joins(base, character):
            last = found[-1]
            found[-1] = last._replace(shown=last.shown + character, stop=start + 1)
        elif _is_mark(character):
            base = signs(encoding).base
            shown = base + character if base else ascii(character)[1:-1]
            found.append(Glyph(shown, 1 if base else len(shown), start, start + 1))
        else:
            base = character
            cells = 2 if unicodedata.east_asian_width(character) in "WF" else 1
            found.append(Glyph(character, cells, start, start + 1))
    return found


def width(text: str) -> int:
    """Cells that a `safe` text takes."""
    return len(text) if text.isascii() else sum(glyph.cells for glyph in glyphs(text))


def wrap(text: str, limit: int) -> list[str]:
    """The lines of a `safe` text, each at most `limit` cells wide, broken at spaces where there are any."""
    lines, room = [""], limit
    for word in text.split(" "):
        cells = width(word)
        if lines[-1] and cells < room:
            lines[-1] += f" {word}"
            room -= cells + 1
            continue
        for piece in _pieces(word, limit):
            lines.append(piece)
            room = limit - width(piece)
    return [line for line in lines if line]


def point(text: str, positions: Sequence[int], limit: int, encoding: str = "utf-8") -> tuple[str, str]:
    """The surroundings of the first position, and a line with carets under all positions in sight.

    Positions are ascending offsets in code points, at least one. Both lines take at most `limit` cells, or 20 if that is more. An ellipsis
    stands where the text goes on.
    """
    reach = max(REACH, limit)
    begin, end = max(0, positions[0] - reach), min(len(text), positions[0] + reach)
    wanted = {position - begin for position in positions}
    shown = glyphs(text[begin:end], encoding)
    ellipsis = signs(encoding).ellipsis
    low, high = 0, len(shown)
    sizes = [glyph.cells for glyph in shown]
    if begin > 0 or end < len(text) or sum(sizes) > max(limit, LEAST):
        at = next(index for index, glyph in enumerate(shown) if positions[0] - begin < glyph.stop)
        low, high = _window(sizes, at, max(limit, LEAST) - 2 * len(ellipsis))
    before = ellipsis if begin > 0 or low > 0 else ""
    after = ellipsis if end < len(text) or high < len(shown) else ""
    carets = "".join(("^" if wanted.intersection(range(g.start, g.stop)) else " ") * g.cells for g in shown[low:high])
    return before + "".join(glyph.shown for glyph in shown[low:high]) + after, " " * len(before) + carets.rstrip()


def _window(sizes: list[int], at: int, room: int) -> tuple[int, int]:
    """Which glyphs to show so that the one at `at` is among them: a third of the room before it, and the rest after it."""
    low, high, used = at, at + 1, sizes[at]
    while low > 0 and used + sizes[low - 1] <= room // 3:
        low -= 1
        used += sizes[low]
    while high < len(sizes) and used + sizes[high] <= room:
        used += sizes[high]
        high += 1
    while low > 0 and used + sizes[low - 1] <= room:
        low -= 1
        used += sizes[low]
    return low, high


def _pieces(word: str, limit: int) -> list[str]:
    """The word, cut where it is wider than the limit."""
    if len(word) * 2 <= limit or width(word) <= limit:
        return [word]
    pieces, room = [""], limit
    for glyph in glyphs(word):
        if glyph.cells > room:
            pieces.append("")
            room = limit
        pieces[-1] += glyph.shown
        room -= glyph.cells
    return pieces


def _joins(base: str, character: str) -> bool:
    """Whether a character takes no cell of its own after this base."""
    return _is_mark(character) or bool(_LEADING.match(base) and _JOINING.match(character))


def _is_mark(character: str) -> bool:
    return not character.isascii() and unicodedata.category(character) in {"Mn", "Me"}


def _encodable(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
