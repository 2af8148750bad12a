"""Draws payloads of createTask, and the strings in them, that keep the contract under a set of readings.

Nothing is drawn and thrown away: alphabets and lengths are chosen so that every draw is right. `strategies` is the door for users.
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
"""The first character that only a reading can forbid in a path; path_check judges all from here on alike."""

# Real names, folders and files; those that a reading refuses are left out when the strategies are made. Some look alike and are not.
_NAMES = (
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
"""Values that any JSON library can write and any other one reads in the same way."""

IDS = st.binary(min_size=16, max_size=16).map(lambda data: str(UUID(bytes=data)))
"""IDs of the form that the pages show."""


def mixed(*ways: tuple[int, SearchStrategy[T]]) -> SearchStrategy[T]:
    """One of the ways, as often as its weight says (those of weight 0 never). Shrinks to the first."""
    numbers = [number for number, (weight, _) in enumerate(ways) for _ in range(weight)]
    return st.sampled_from(numbers).flatmap(lambda number: ways[number][1])


@dataclass(frozen=True, slots=True)
class Ground:
    """The readings that a payload must please: those in force or, when `strict`, every option that no pin has ruled out."""

    readings: Readings
    strict: bool

    @classmethod
    def of(cls, readings: Mapping[str, str] | None, *, strict: bool) -> Ground:
        """The ground for pins as a caller gives them. Raises `ValueError` for an unknown reading or option."""
        return cls(Readings.of(readings), strict)

    def options(self, reading: str) -> tuple[Option, ...]:
        """The options of a reading that count here."""
        if self.strict and not self.readings.pinned(reading):
            return contract().readings[reading].options
        return (self.readings.option(reading),)

    def has(self, reading: str, option: str) -> bool:
        """Whether this option counts here."""
        return option in {one.id for one in self.options(reading)}

    def allows(self, character: str) -> bool:
        """Whether a file path may hold the character."""
        rule = contract().rules["NC120"]
        options = [option for reading in rule.readings for option in self.options(reading)]
        return not in_ranges(character, rule.code_points) and not any(option.forbids(character) for option in options)

    @property
    def longest_name(self) -> int:
        """The most that a name may be long, in characters, or in UTF-16 code units if `in_utf16`."""
        most = contract().field("name").max_length
        return min(most - option.exclusive for option in self.options("name-edge"))

    @property
    def in_utf16(self) -> bool:
        """Whether the UTF-16 code units of a name are counted; who keeps that limit keeps the one of the code points, too."""
        return self.has("name-unit", "utf16")


# -- names --------------------------------------------------------------------------------------------------------------------------


def names(ground: Ground) -> SearchStrategy[str]:
    """Task names; often of a length at the edge, in the unit of the readings."""
    least = contract().field("name").min_length
    most, utf16 = ground.longest_name, ground.in_utf16
    edges = sorted({least, least + 1, most - 1, most})

    def padded(start: str, filler: str, size: int) -> str:
        text = cut(start + filler * size, size, utf16=utf16)
        return text + "x" * (size - length(text, utf16=utf16))  # half an emoji does not fit

    return mixed(
        (3, st.text(min_size=least, max_size=min(20, most // 2))),
        (3, st.sampled_from(_NAMES)),
        (2, st.builds(padded, st.text(max_size=3), st.sampled_from(_FILLERS), st.sampled_from(edges))),
        (1, st.text(min_size=least, max_size=most).map(lambda text: cut(text, most, utf16=utf16))),
    )


def length(text: str, *, utf16: bool) -> int:
    """How long a text without lone surrogates is, in UTF-16 code units or in code points."""
    return len(text.encode("utf-16-le")) // 2 if utf16 else len(text)


def cut(text: str, size: int, *, utf16: bool) -> str:
    """The longest beginning of a text that is at most `size` long, in UTF-16 code units or in code points."""
    return text.encode("utf-16-le")[: 2 * size].decode("utf-16-le", "ignore") if utf16 else text[:size]


# -- paths --------------------------------------------------------------------------------------------------------------------------


def paths(ground: Ground) -> SearchStrategy[str]:
    """File paths: folders and files as people name them, and characters next to the forbidden ones."""
    allowed = [character for character in map(chr, range(BEYOND + 1)) if ground.allows(character)]
    refused = "".join(character for character in map(chr, range(BEYOND)) if character not in allowed)
    beyond = chr(BEYOND) in allowed
    everything = st.characters(max_codepoint=None if beyond else BEYOND - 1, exclude_categories=["Cs"], exclude_characters=refused)
    printable = "".join(c for c in allowed if c.isascii() and c.isprintable())
    neighbours = "".join(c for c in allowed if chr(ord(c) - 1) in refused or chr(ord(c) + 1) in refused or ord(c) == BEYOND)
    empty = not ground.has("path-empty", "refused")

    def usable(texts: Iterable[str]) -> list[str]:
        return [text for text in texts if all(map(ground.allows, text)) and (text or empty)]

    def long(part: str, size: int) -> str:
        return (part * size)[:size]

    folders = st.lists(st.sampled_from(usable(_FOLDERS)), max_size=3)
    return mixed(
        (2, st.text(everything, min_size=not empty, max_size=20)),
        (5, st.builds(lambda way, file: "/".join([*way, file]), folders, st.sampled_from(usable(_FILES)))),
        (2, st.text(printable, min_size=1, max_size=40)),
        (2, st.text(neighbours, min_size=1, max_size=8)),
        (2, st.sampled_from(usable(_ODD_PATHS))),
        (1, st.builds(long, st.text(everything, min_size=1, max_size=8), st.sampled_from(_LONG_PATHS))),
    )


# -- IDs and buckets ------------------------------------------------------------------------------------------------------------------


def feature_ids(ground: Ground) -> SearchStrategy[str]:
    """Feature IDs; when not `strict` also of other lengths than those of the pages, which only gives a warning."""
    size = contract().rules["NC131"].limit
    exact = st.text(min_size=size, max_size=size)
    if ground.strict:
        return mixed((6, IDS), (1, exact))
    least = ground.has("empty-id", "refused")
    return mixed((6, IDS), (1, exact), (2, st.text(min_size=least, max_size=size + 4)))


@dataclass(frozen=True, slots=True)
class BucketShape:
    """What the pattern of rule NC130 comes down to, found by asking it: which characters at the ends and inside, how many of them.

    `dot` is the character that makes an IP address of four numbers.
    """

    ends: str
    inside: str
    shortest: int
    longest: int
    dot: str

    @classmethod
    @cache
    def of(cls, pattern: str) -> BucketShape:
        """The shape of a pattern that gives a repeated letter some lengths, as the one of Object Storage does."""
        fits = re.compile(pattern).fullmatch
        sizes = [size for size in range(1, 200) if fits("a" * size)]
        shortest, longest = sizes[0], sizes[-1]
        ends = "".join(c for c in map(chr, range(128)) if fits(c * shortest))
        inside = "".join(c for c in map(chr, range(128)) if fits(f"a{c * (shortest - 2)}a"))
        dot = "".join(c for c in inside if not fits(c.join("1111")))
        return cls(ends, inside, shortest, longest, dot)


def buckets(ground: Ground) -> SearchStrategy[str]:
    """Buckets; when not `strict` also names that Object Storage would not give today, which only gives a warning."""
    shape = BucketShape.of(contract().rules["NC130"].pattern)
    letters = "".join(c for c in shape.ends if c.isalpha())

    def joined(first: str, middle: str, last: str) -> str:
        return f"{first}{middle}{last}"

    def inner(alphabet: str) -> SearchStrategy[str]:
        return st.text(alphabet, min_size=shape.shortest - 2, max_size=shape.longest - 2)

    ends, with_letter = st.sampled_from(shape.ends), st.sampled_from(letters)
    dotless = inner("".join(c for c in shape.inside if c not in shape.dot))
    good = [
        (3, st.sampled_from(_BUCKETS)),
        (1, st.builds(joined, with_letter, inner(shape.inside), ends)),  # a letter at one end: no IP address
        (1, st.builds(joined, ends, inner(shape.inside), with_letter)),
        (1, st.builds(joined, ends, dotless, ends)),
        (1, st.builds(lambda end, size: end * size, ends, st.sampled_from([shape.shortest, shape.longest]))),
    ]
    if ground.strict:
        return mixed(*good)
    return mixed(*good, (2, st.text(min_size=ground.has("empty-id", "refused"), max_size=shape.longest + 4)))


# -- payloads -----------------------------------------------------------------------------------------------------------------------


def unknown_names() -> SearchStrategy[str]:
    """Names that createTask has no field for: those of other operations, misspelt ones, any text."""
    known = [field.name for field in contract().request]
    others = {field.name for fields in contract().responses.values() for field in fields} - set(known)
    misspelt = [spelled for name in known for spelled in (name.upper(), name.replace("_", "-") + "s", f" {name}", f"{name}\u200b")]
    return mixed(
        (3, NAMES.map(lambda text: f"x{text}")), (3, st.sampled_from([*sorted(others), *misspelt])), (1, st.sampled_from(["", "a/b"]))
    )


def payloads(ground: Ground, *, shapes: Sequence[tuple[str, ...]] = (), plain: bool = False) -> SearchStrategy[dict[str, Any]]:
    """Payloads without errors, or without any finding when the ground is strict.

    `shapes` says which optional fields are there; by default all that the readings allow. A `plain` payload has no names but those of the
    page.
    """
    kinds = {"name": names(ground), "feature_id": feature_ids(ground), "bucket": buckets(ground), "file_path": paths(ground)}
    values = {field.name: next(kinds[kind] for kind in kinds if field.name.endswith(kind)) for field in contract().request}
    extras: SearchStrategy[dict[str, Any]] = st.just({})
    if not plain and not ground.has("unknown-field", "refused"):
        more = st.lists(st.tuples(unknown_names(), JSON_VALUES), min_size=1, max_size=2).map(dict)
        extras = mixed((7, extras), (1, more))
    return _payloads(values, st.sampled_from(shapes or shapes_of(ground)), extras)


def shapes_of(ground: Ground) -> list[tuple[str, ...]]:
    """Which of the optional fields may be absent, null or given together, the plainest first; none of them and all of them most often."""
    fields = [field for field in contract().request if not field.required]
    states = [ABSENT, GIVEN] if ground.has("optional-null", "refused") else [ABSENT, GIVEN, NULL]
    every = list(product(states, repeat=len(fields)))
    if ground.has("test-triple", "all-or-none"):
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
