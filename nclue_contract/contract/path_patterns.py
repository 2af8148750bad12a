r"""The rule about the characters of a path (NC120) as regular expressions that schema engines of all languages interpret alike.

- Control characters are `\x00` and the like: `\u0000` is an error in Go and PHP, and six letters in Perl.
- Characters from U+0080 on are themselves: `\x80` is a byte in Ruby, and U+0100 has no such form.
- `$` has a backslash, since fastjsonschema rewrites a bare one, even in a class. So have brackets, `|`, `/` and `-`, for JavaScript's flag
  v, which the attribute `pattern` of HTML has.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import NamedTuple

_Range = tuple[int, int]


class PathPatterns(NamedTuple):
    """Two spellings of one rule; a schema has both, since each has readers that the other one has not."""

    forbidden: str
    """A class that is found in each path that breaks the rule. It has no anchors: `$` of Python, for one, allows a line feed behind it."""
    allowed: str
    """All of a path that keeps the rule, with anchors: what code generators, which do not know `not`, put into their models."""


def path_patterns(characters: Iterable[str], ranges: Iterable[_Range]) -> PathPatterns:
    """Return the patterns for single forbidden characters and inclusive ranges of forbidden code points."""
    forbidden = sorted([*((ord(c), ord(c)) for c in set(characters)), *ranges])
    if forbidden and forbidden[-1][1] == sys.maxunicode:
        # Spelt by what is allowed, so that no class has a character beyond U+FFFF: for JavaScript without the flag u that would be two.
        allowed = _class(_complement(forbidden))
        return PathPatterns(forbidden=f"[^{allowed}]", allowed=f"^[{allowed}]*$")
    inside = _class(forbidden)
    return PathPatterns(forbidden=f"[{inside}]", allowed=f"^[^{inside}]*$")


def _complement(ranges: list[_Range]) -> list[_Range]:
    """Return the code points between sorted ranges, as ranges."""
    gaps, start = [], 0
    for low, high in ranges:
        if low > start:
            gaps.append((start, low - 1))
        start = max(start, high + 1)
    return gaps


def _class(ranges: Iterable[_Range]) -> str:
    return "".join(_in_class(low) if low == high else f"{_in_class(low)}-{_in_class(high)}" for low, high in ranges)


def _in_class(code: int) -> str:
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    character = chr(code)
    return f"\\{character}" if character in r"\^$-/|()[]{}" else character
