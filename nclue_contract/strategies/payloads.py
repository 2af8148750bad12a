"""Strategies for valid payloads of createTask, and for the strings in them, under a set of readings.

No draw is rejected: alphabets and lengths are chosen so that every draw is valid. Users import these from `nclue_contract.strategies`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from nclue_contract.contract.model import Option, contract, in_ranges
from nclue_contract.contract.readings import Readings

T = TypeVar("T")

BEYOND = 256
"""The first character that only a reading can forbid in a path. The validator treats all characters from here on alike."""

# Realistic names, folders and files; those that a reading rejects are left out. Some differ only in characters that look alike.
_EXAMPLE_NAMES = (
    *("churn 2026-11", "이탈 예측", "model_v2 (final)", "null", "'; --", " a ", "a\0b", "a\nb", "\u202eabc"),
    *("\u00e9t\u00e9", "e\u0301te\u0301", "\U0001f469\u200d\U0001f467"),
)
_FOLDERS = ("churn", "2026-11", "exports_v2", "My Data", "이탈", "dt=2026-11-01", "region=kr", "데이터 (2)")
_FILES = ("train.tsv", "part-00000.tsv.gz", "학습.tsv", "test (2).csv", "data", ".hidden", "TRAIN.TSV")
_ODD_PATHS = (
    *("", "/", "//", ".", "..", "/a", "a/", "a//b", "./a", "../a", " ", "a ", "-", "()", "\x7f"),
    *("e\u0301", "\u0301", "a\u200bb", "\U0001f469\u200d\U0001f467.csv"),
)
_BUCKETS = ("answers", "churn-2026", "my.data.kr", "0-9")
_FILLERS = ("x", "가", "\u00e9", "\u0301", "\U0001f600", "\U0010ffff")
_LONG_PATHS = (255, 256, 999, 1000, 1001, 1023, 1024, 1025)  # characters; the pages give no limit, other programs have one

ABSENT, NULL, GIVEN = "absent", "null", "given"

NAMES = st.text(max_size=10)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), NAMES)
JSON_VALUES: SearchStrategy[Any] = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=3),
    st.lists(st.tuples(NAMES, st.one_of(SCALARS, st.lists(SCALARS, max_size=2))), max_size=3).map(dict),
)
"""Values that JSON libraries write and read in the same way."""

IDS = st.binary(min_size=16, max_size=16).map(lambda data: str(UUID(bytes=data)))
"""IDs in the form that the documentation shows."""


def weighted(*ways: tuple[int, SearchStrategy[T]]) -> SearchStrategy[T]:
    """Return a strategy that draws from each way in proportion to its weight (never for weight 0). It shrinks to the first."""
    numbers = [number for number, (weight, _) in enumerate(ways) for _ in range(weight)]
    return st.sampled_from(numbers).flatmap(lambda number: ways[number][1])


@dataclass(frozen=True, slots=True)
class Constraints:
    """The readings that a payload must satisfy: those in force or, when `strict`, every option that no pin has ruled out."""

    readings: Readings
    strict: bool

    @classmethod
    def of(cls, readings: Mapping[str, str] | None, *, strict: bool) -> Constraints:
        """Return the constraints for the pins of a caller. Raises `ValueError` for an unknown reading or option."""
        return cls(Readings.of(readings), strict)

    def options(self, reading: str) -> tuple[Option, ...]:
        """Return the options of a reading that a payload must satisfy."""
        if self.strict and not self.readings.pinned(reading):
            return contract().readings[reading].options
        return (self.readings.option(reading),)

    def has(self, reading: str, option: str) -> bool:
        """Return whether a payload must satisfy this option."""
        return option in {one.id for one in self.options(reading)}

    @property
    def path_characters(self) -> list[str]:
        """Return the characters that a file path may hold, up to the first one that stands for all beyond."""
        rule = contract().rules["NC120"]
        options = [option for reading in rule.readings for option in self.options(reading)]
        documented = [character for character in map(chr, range(BEYOND + 1)) if not in_ranges(character, rule.code_points)]
        return [character for character in documented if not any(option.forbids(character) for option in options)]

    @property
    def longest_name(self) -> int:
        """Return the maximum length of a name, in characters, or in UTF-16 code units if `in_utf16`."""
        most = contract().field("name").max_length
        return min(most - option.exclusive for option in self.options("name-edge"))

    @property
    def in_utf16(self) -> bool:
        """Return whether the length is counted in UTF-16 code units. A name within that limit is also within the one in code points."""
        return self.has("name-unit", "utf16")


# -- names --------------------------------------------------------------------------------------------------------------------------


def names(constraints: Constraints) -> SearchStrategy[str]:
    """Return task names; often of a length at a limit, in the unit of the readings."""
    least = contract().field("name").min_length
    most, utf16 = constraints.longest_name, constraints.in_utf16
    edges = sorted({least, least + 1, most - 1, most})

    def padded(start: str, filler: str, size: int) -> str:
        text = truncate(start + filler * size, size, utf16=utf16)
        return text + "x" * (size - length(text, utf16=utf16))  # an emoji that does not fit is left out

    return weighted(
        (3, st.text(min_size=least, max_size=min(20, most // 2))),
        (3, st.sampled_from(_EXAMPLE_NAMES)),
        (2, st.builds(padded, st.text(max_size=3), st.sampled_from(_FILLERS), st.sampled_from(edges))),
        (1, st.text(min_size=least, max_size=most).map(lambda text: truncate(text, most, utf16=utf16))),
    )


def length(text: str, *, utf16: bool) -> int:
    """Return the length of a text without lone surrogates, in UTF-16 code units or in code points."""
    return len(text.encode("utf-16-le")) // 2 if utf16 else len(text)


def truncate(text: str, size: int, *, utf16: bool) -> str:
    """Return the longest prefix of a text whose length is at most `size`, in UTF-16 code units or in code points."""
    return text.encode("utf-16-le")[: 2 * size].decode("utf-16-le", "ignore") if utf16 else text[:size]


# -- paths --------------------------------------------------------------------------------------------------------------------------


def paths(constraints: Constraints) -> SearchStrategy[str]:
    """Return file paths: realistic folders and files, and characters next to the forbidden ones."""
    allowed = constraints.path_characters
    known = set(allowed)
    forbidden = "".join(character for character in map(chr, range(BEYOND)) if character not in known)
    beyond = chr(BEYOND) in known
    everything = st.characters(max_codepoint=None if beyond else BEYOND - 1, exclude_categories=["Cs"], exclude_characters=forbidden)
    printable = "".join(c for c in allowed if c.isascii() and c.isprintable())
    neighbours = "".join(c for c in allowed if chr(ord(c) - 1) in forbidden or chr(ord(c) + 1) in forbidden or ord(c) == BEYOND)
    empty = not constraints.has("path-empty", "refused")

    def usable(texts: Iterable[str]) -> list[str]:
        return [text for text in texts if all(min(character, chr(BEYOND)) in known for character in text) and (text or empty)]

    def long(part: str, size: int) -> str:
        return (part * size)[:size]

    folders = st.lists(st.sampled_from(usable(_FOLDERS)), max_size=3)
    return weighted(
        (2, st.text(everything, min_size=not empty, max_size=20)),
        (5, st.builds(lambda way, file: "/".join([*way, file]), folders, st.sampled_from(usable(_FILES)))),
        (2, st.text(printable, min_size=1, max_size=40)),
        (2, st.text(neighbours, min_size=1, max_size=8)),
        (2, st.sampled_from(usable(_ODD_PATHS))),
        (1, st.builds(long, st.text(everything, min_size=1, max_size=8), st.sampled_from(_LONG_PATHS))),
    )


# -- IDs and buckets ------------------------------------------------------------------------------------------------------------------


def feature_ids(constraints: Constraints) -> SearchStrategy[str]:
    """Return feature IDs; unless `strict`, also of other lengths than the documented one, which is only a warning."""
    size = contract().rules["NC131"].limit
    exact = st.text(min_size=size, max_size=size)
    if constraints.strict:
        return weighted((6, IDS), (1, exact))
    least = constraints.has("empty-id", "refused")
    return weighted((6, IDS), (1, exact), (2, st.text(min_size=least, max_size=size + 4)))


@dataclass(frozen=True, slots=True)
class BucketShape:
    """The bucket names that the pattern of rule NC130 allows, found by testing it: characters at the ends and inside, and lengths.

    `dot` is the separator with which four numbers would be an IP address.
    """

    ends: str
    inside: str
    shortest: int
    longest: int
    dot: str

    @classmethod
    @cache
    def of(cls, pattern: str) -> BucketShape:
        """Return the shape of a pattern that allows a repeated letter in a range of lengths, as the one of Object Storage does."""
        fits = re.compile(pattern).fullmatch
        sizes = [size for size in range(1, 200) if fits("a" * size)]
        shortest, longest = sizes[0], sizes[-1]
        ends = "".join(c for c in map(chr, range(128)) if fits(c * shortest))
        inside = "".join(c for c in map(chr, range(128)) if fits(f"a{c * (shortest - 2)}a"))
        dot = "".join(c for c in inside if not fits(c.join("1111")))
        return cls(ends, inside, shortest, longest, dot)


def buckets(constraints: Constraints) -> SearchStrategy[str]:
    """Return bucket names; unless `strict`, also names that Object Storage does not allow today, which is only a warning."""
    shape = BucketShape.of(contract().rules["NC130"].pattern)
    letters = "".join(c for c in shape.ends if c.isalpha())

    def join_parts(first: str, middle: str, last: str) -> str:
        return f"{first}{middle}{last}"

    def inner(alphabet: str) -> SearchStrategy[str]:
        return st.text(alphabet, min_size=shape.shortest - 2, max_size=shape.longest - 2)

    ends, with_letter = st.sampled_from(shape.ends), st.sampled_from(letters)
    dotless = inner("".join(c for c in shape.inside if c not in shape.dot))
    valid = [
        (3, st.sampled_from(_BUCKETS)),
        (1, st.builds(join_parts, with_letter, inner(shape.inside), ends)),  # with a letter at one end, it is not an IP address
        (1, st.builds(join_parts, ends, inner(shape.inside), with_letter)),
        (1, st.builds(join_parts, ends, dotless, ends)),
        (1, st.builds(lambda end, size: end * size, ends, st.sampled_from([shape.shortest, shape.longest]))),
    ]
    if constraints.strict:
        return weighted(*valid)
    return weighted(*valid, (2, st.text(min_size=constraints.has("empty-id", "refused"), max_size=shape.longest + 4)))


# -- payloads -----------------------------------------------------------------------------------------------------------------------


def unknown_names() -> SearchStrategy[str]:
    """Return names of fields that createTask does not have: those of other operations, misspelt ones, any text."""
    known = [field.name for field in contract().request]
    others = {field.name for fields in contract().responses.values() for field in fields} - set(known)
    misspelt = [variant for name in known for variant in (name.upper(), name.replace("_", "-") + "s", f" {name}", f"{name}\u200b")]
    return weighted(
        (3, NAMES.map(lambda text: f"x{text}")), (3, st.sampled_from([*sorted(others), *misspelt])), (1, st.sampled_from(["", "a/b"]))
    )


def payloads(constraints: Constraints) -> SearchStrategy[dict[str, Any]]:
    """Return payloads without errors, or without any finding when the constraints are strict."""
    extras: SearchStrategy[dict[str, Any]] = st.just({})
    if not constraints.has("unknown-field", "refused"):
        more = st.lists(st.tuples(unknown_names(), JSON_VALUES), min_size=1, max_size=2).map(dict)
        extras = weighted((7, extras), (1, more))
    return _payloads(field_values(constraints), st.sampled_from(shapes_of(constraints)), extras)


def field_values(constraints: Constraints) -> dict[str, SearchStrategy[str]]:
    """Return the values of each field of a payload."""
    kinds = {"NC110": names(constraints), "NC131": feature_ids(constraints), "NC130": buckets(constraints), "NC120": paths(constraints)}
    rules = contract().rules
    return {field.name: next(kinds[rule] for rule in kinds if field.name in rules[rule].fields) for field in contract().request}


def plain_payloads(values: Mapping[str, SearchStrategy[str]], shapes: Sequence[tuple[str, ...]]) -> SearchStrategy[dict[str, Any]]:
    """Return payloads with documented fields only. `shapes` are the combinations of optional fields to draw from."""
    return _payloads(values, st.sampled_from(shapes), st.just({}))


def shapes_of(constraints: Constraints) -> list[tuple[str, ...]]:
    """Return the allowed combinations of absent, null and given optional fields, the simplest first; none and all of them most often."""
    fields = [field for field in contract().request if not field.required]
    states = [ABSENT, GIVEN] if constraints.has("optional-null", "refused") else [ABSENT, GIVEN, NULL]
    every = list(product(states, repeat=len(fields)))
    if constraints.has("test-triple", "all-or-none"):
        every = [shape for shape in every if shape.count(GIVEN) in {0, len(fields)}]
    return [(ABSENT,) * len(fields), (GIVEN,) * len(fields)] * 12 + every


@st.composite
def _payloads(
    draw: DrawFn,
    values: Mapping[str, SearchStrategy[str]],
    shapes: SearchStrategy[tuple[str, ...]],
    extras: SearchStrategy[dict[str, Any]],
) -> dict[str, Any]:
    request = contract().request
    shape = iter(draw(shapes))
    states = {field.name: GIVEN if field.required else next(shape) for field in request}
    payload = {name: draw(values[name]) if state == GIVEN else None for name, state in states.items() if state != ABSENT}
    payload |= draw(extras)
    return dict(reversed(payload.items())) if draw(st.booleans()) else payload
