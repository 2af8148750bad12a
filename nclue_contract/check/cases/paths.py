"""Test cases for file paths: every forbidden character in both fields, allowed characters, and what the readings leave open.

The page is "Create task", Request body, train_file_path and test_file_path.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product

from nclue_contract.check.expectations import EITHER, FILE_NOT_FOUND, OWN_FOLDER
from nclue_contract.check.requests import create_request
from nclue_contract.check.results import Case, Script
from nclue_contract.check.session import CheckSession
from nclue_contract.contract.model import contract
from nclue_contract.contract.wording import codepoint

FAR = 300
"""Characters of the shorter of the two long prefixes that precede a forbidden character."""

POSITIONS: dict[str, Callable[[str], str]] = {
    "start": lambda c: f"{c}41{OWN_FOLDER}train.tsv",
    "middle": lambda c: f"{OWN_FOLDER}tr{c}41ain.tsv",
    "end": lambda c: f"{OWN_FOLDER}train.tsv{c}",
    "folder": lambda c: f"ncl{c}41ue/train.tsv",
    "after slash": lambda c: f"{OWN_FOLDER}{c}41train.tsv",
    f"behind {FAR}": lambda c: f"{OWN_FOLDER * (FAR // len(OWN_FOLDER))}{c}41.tsv",
    "alone": lambda c: c,
    "twice": lambda c: f"{OWN_FOLDER}{c}{c}41train.tsv",
    f"behind {3 * FAR}": lambda c: f"{OWN_FOLDER * (3 * FAR // len(OWN_FOLDER))}train{c}41tsv",
}
"""Positions of a character in a path. Digits follow it, so that a percent sign precedes something that could be decoded."""

ALLOWED_BEYOND = {"Hangul": "학습/정답.tsv", "fullwidth": "\u0100\uff5e\uff1d.tsv", "emoji": "\U0001f600.tsv"}
"""Paths beyond U+00FF, which one reading allows: the first code point, letters, look-alikes of forbidden characters, the astral planes."""


@cache
def forbidden() -> tuple[str, ...]:
    """Return the characters that every reading forbids, printable ones first."""
    rule, printable = contract().rules["NC120"], contract().readings["path-characters"].options
    always = [c for c in printable[0].characters if all(c in option.characters for option in printable)]
    return (*always, *(c for low, high in rule.code_points for c in map(chr, range(low, high + 1))))


@cache
def contested() -> tuple[str, ...]:
    """Return the ASCII characters that only some readings forbid."""
    readings = [contract().readings[name] for name in contract().rules["NC120"].readings]
    ascii_only = map(chr, range(128))
    return tuple(c for c in ascii_only if c not in forbidden() and any(o.forbids(c) for r in readings for o in r.options))


@cache
def allowed_by_all_readings() -> str:
    """Return the printable ASCII characters that every reading allows, the slash last."""
    printable = (chr(code) for code in range(33, 127))
    return "".join(sorted((c for c in printable if c not in forbidden() and c not in contested()), key="/".__eq__))


def every_safe_character() -> str:
    """Return a path with every printable ASCII character that no reading forbids."""
    return f"{OWN_FOLDER}{allowed_by_all_readings()[:-1]}/x.tsv"


def long_path() -> str:
    """Return a path of 900 characters."""
    return OWN_FOLDER * (3 * FAR // len(OWN_FOLDER) - 1) + "t.tsv"


EARLY = {
    ("train_file_path", "~"): "end",
    ("test_file_path", "~"): "after slash",
    ("train_file_path", "\n"): "end",
    ("test_file_path", "\n"): "end",
    ("train_file_path", "é"): "middle",
    ("train_file_path", "\\"): "folder",
    ("train_file_path", "#"): f"behind {FAR}",
    ("test_file_path", '"'): f"behind {3 * FAR}",
    ("train_file_path", "|"): "start",
    ("train_file_path", "\t"): "alone",
    ("train_file_path", "\xa0"): "end",
    ("test_file_path", "'"): "middle",
    ("train_file_path", "\x80"): "start",
}
"""A few characters of each kind, with a position: with a small budget, they find most of what testing every character finds."""


def path_cases(*, full: bool = False) -> Iterator[Case]:
    """Yield the cases; with `full`, every character at every position of both fields."""
    yield from _forbidden_cases(full=full)
    yield from _reading_cases()
    yield from _allowed_cases()
    yield from _odd_cases()


def _fields() -> tuple[str, ...]:
    return contract().rules["NC120"].fields


def _part(field: str) -> str:
    """Return `train` or `test`."""
    return field.partition("_")[0]


def _is_test(field: str) -> bool:
    return not next(one for one in contract().request if one.name == field).required


def _forbidden_cases(*, full: bool) -> Iterator[Case]:
    positions = list(POSITIONS)
    for (index, character), (shift, field) in product(enumerate(forbidden()), enumerate(_fields())):
        if not full and _is_like_its_neighbours(character) and (index + shift) % 2:
            continue  # the other field is asked, which leaves requests for the polls of the lifecycle
        # Two fields, two positions: a check that covers only some positions does not miss both by chance.
        usual = positions[(index + 4 * shift + index // len(positions)) % len(positions)]
        first = EARLY.get((field, character), usual)
        for position in positions if full else [first]:
            early = (field, character) in EARLY and position == first
            rank = 0 if early else 2 if character.isprintable() and character.isascii() else 3
            # Each of them shows whether rules or files are checked first; one is enough to find that out.
            agree = (field, character) != next(iter(EARLY))
            yield _character_case(field, character, position, rank, readings_agree=agree)


def _is_like_its_neighbours(character: str) -> bool:
    """Return whether no server has a reason to tell a character from those beside it: a control character among control characters.

    White space is something else, since libraries remove it, and so is the end of a range, since limits are off by one.
    """
    code = ord(character)
    beside = (code - 1, code, code + 1)
    inside = any(low < code < high for low, high in contract().rules["NC120"].code_points)
    return inside and all(unicodedata.category(chr(one)) == "Cc" and not chr(one).isspace() for one in beside)


def _character_case(field: str, character: str, position: str, rank: int, *, readings_agree: bool) -> Case:
    # Every other train path is accompanied by a valid test path, for servers that validate one of them only.
    beside = not _is_test(field) and ord(character) % 2 == 0
    script = _with_path(field, POSITIONS[position](character), beside=beside, rejected_name=rank == 0 and not _is_test(field))
    case_id = f"path[{_part(field)} {codepoint(character)} {position}]"
    return Case(case_id, "NC120", script, posts=1, rank=rank, readings_agree=readings_agree, independent=True)


def _with_path(
    field: str, path: str, *, positive: bool = False, beside: bool = False, rejected_name: bool = False
) -> Callable[[CheckSession, Case], Script]:
    """Send a path in a field: with test fields `beside` it, or under the name of rejected requests."""

    def script(session: CheckSession, case: Case) -> Script:
        builder = session.builder
        # The test path needs the other test fields beside it, or another reading would be tested as well.
        others = builder.test_fields() if beside or _is_test(field) else {}
        payload = builder.payload(**others | {field: path} | ({"name": builder.rejected_name()} if rejected_name else {}))
        exchange = yield create_request(payload)
        created = session.evaluator.evaluate_create(case, exchange)
        if positive:
            session.results.positives[created] += 1
        if exchange.answer in FILE_NOT_FOUND and not session.not_found_retried:
            session.not_found_retried = True
            repeated = yield create_request(payload | {field: session.fixture_data.file})
            problem = "a create request that was rejected for its file has occupied its name"
            session.evaluator.evaluate_free_name(case, repeated, "NC406", problem)

    return script


def _reading_cases() -> Iterator[Case]:
    """Yield two cases, at different positions, for each field and each thing that the readings leave open."""
    for field, character in product(_fields(), contested()):
        for position in ("middle", "end"):
            yield _character_case(field, character, position, 1, readings_agree=False)
    for field, (what, path) in product(_fields(), ALLOWED_BEYOND.items()):
        yield Case(f"path[{_part(field)} {what}]", "NC120", _with_path(field, path), posts=1, independent=True)
    for field in _fields():
        yield Case(f"path[{_part(field)} empty]", "NC121", _empty(field, test_fields=False), posts=1, independent=True)
    for field in _fields():
        yield Case(f"path[{_part(field)} empty, with the other]", "NC121", _empty(field, test_fields=True), posts=1, independent=True)


def _empty(field: str, *, test_fields: bool) -> Callable[[CheckSession, Case], Script]:
    """Send an empty path. An optional path may be left out, so that an empty one can mean that: it proves nothing about the train path."""

    def script(session: CheckSession, case: Case) -> Script:
        others = session.builder.test_fields() if test_fields else {}
        exchange = yield session.builder.create(**others | {field: ""})
        session.evaluator.evaluate_create(case, exchange, EITHER if _is_test(field) else ())

    return script


def _allowed_cases() -> Iterator[Case]:
    """Yield cases with paths that every reading allows."""
    train, test = _fields()
    every_character = ("every safe character", every_safe_character())
    yield _allowed_case(train, *every_character, rank=0)
    yield _allowed_case(train, "900 characters", long_path(), rank=0)
    yield _allowed_case(train, "no extension", "path/filename", rank=1)
    yield _allowed_case(train, "leading slash", f"/{OWN_FOLDER}train.tsv", rank=0)
    yield _allowed_case(test, *every_character, rank=1)


def _allowed_case(field: str, what: str, path: str, *, rank: int) -> Case:
    script = _with_path(field, path, positive=True)
    return Case(f"path[{_part(field)} allowed: {what}]", "NC120", script, posts=1, rank=rank, positive=True, independent=True)


def _odd_cases() -> Iterator[Case]:
    """Yield cases on which the pages are silent: both responses are correct, but an accepted path comes back as it was sent."""
    script = _escaped(POSITIONS["middle"]("~"))
    yield Case("path[train U+007E as an escape]", "NC120", script, posts=1, readings_agree=True, independent=True)


def _escaped(path: str) -> Callable[[CheckSession, Case], Script]:
    """Write every character of a path as an escape of JSON; a forbidden one remains forbidden."""

    def script(session: CheckSession, case: Case) -> Script:
        text = json.dumps(session.builder.payload(train_file_path="PATH"))
        escapes = "".join(f"\\u{ord(character):04x}" for character in path)
        exchange = yield create_request(text.replace("PATH", escapes).encode())
        session.evaluator.evaluate_create(case, exchange)

    return script
