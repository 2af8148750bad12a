"""Cases about file paths: every forbidden character in both fields, what is allowed, and what the readings leave open.

The page is "Create task", Request body, train_file_path and test_file_path.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product

from nclue_contract.check.expectations import CLIENT_ERROR, EITHER, MISSING, OWN_FOLDER
from nclue_contract.check.requests import create_request
from nclue_contract.check.results import Case, Script
from nclue_contract.check.session import CheckSession
from nclue_contract.contract.model import contract
from nclue_contract.contract.wording import codepoint

FAR = 300
"""Characters of the long prefixes behind which a character stands."""

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
"""Where a character stands in a path. Digits follow it, so that a percent sign stands before something that could be decoded."""

ALLOWED_BEYOND = {"Hangul": "학습/정답.tsv", "fullwidth": "\u0100\uff5e\uff1d.tsv", "emoji": "\U0001f600.tsv"}
"""Paths beyond U+00FF, which one reading allows: the first code point, letters, look-alikes of forbidden characters, the astral planes."""


@cache
def forbidden() -> tuple[str, ...]:
    """The characters that every reading forbids, printable ones first."""
    rule, printable = contract().rules["NC120"], contract().readings["path-characters"].options
    always = [c for c in printable[0].characters if all(c in option.characters for option in printable)]
    return (*always, *(c for low, high in rule.code_points for c in map(chr, range(low, high + 1))))


@cache
def contested() -> tuple[str, ...]:
    """The ASCII characters that only some readings forbid."""
    readings = [contract().readings[name] for name in contract().rules["NC120"].readings]
    ascii_only = map(chr, range(128))
    return tuple(c for c in ascii_only if c not in forbidden() and any(o.forbids(c) for r in readings for o in r.options))


@cache
def safe() -> str:
    """The printable ASCII characters that every reading allows, the slash last."""
    printable = (chr(code) for code in range(33, 127))
    return "".join(sorted((c for c in printable if c not in forbidden() and c not in contested()), key="/".__eq__))


def path_cases(*, full: bool = False) -> Iterator[Case]:
    """The cases; with `full`, every character at every position."""
    yield from _sweep(full=full)
    yield from _open_questions()
    yield from _allowed()
    yield from _odd()


def _parts() -> Iterator[tuple[str, str]]:
    return ((field.partition("_")[0], field) for field in contract().rules["NC120"].fields)


def _sweep(*, full: bool) -> Iterator[Case]:
    names = list(POSITIONS)
    # A few of each kind come early: with a small budget, they find most of what a character at a time finds.
    early = {("train", "~"): "end", ("test", "~"): "after slash", ("train", "\n"): "end", ("test", "\n"): "end", ("train", "é"): "middle"}
    early |= {("train", "\\"): "folder", ("train", "#"): f"behind {FAR}", ("test", '"'): f"behind {3 * FAR}", ("train", "|"): "start"}
    early |= {("train", "\t"): "alone", ("train", "\xa0"): "end", ("test", "'"): "middle", ("train", "\x80"): "start"}
    for (index, character), (shift, (part, field)) in product(enumerate(forbidden()), enumerate(_parts())):
        # Two fields, two positions: what is only checked at some places is checked at neither of them by chance alone.
        usual = names[(index + 4 * shift + index // len(names)) % len(names)]
        first = early.get((part, character), usual)
        for position in names if full else [first]:
            rank = 0 if (part, character) in early and position == first else 2 if character.isprintable() and character.isascii() else 3
            yield _character_case(part, field, character, position, rank)


def _character_case(part: str, field: str, character: str, position: str, rank: int) -> Case:
    path = POSITIONS[position](character)
    # Every other train path has a test path beside it that is right, for servers that look at one of them only.
    beside = part == "train" and ord(character) % 2 == 0
    script = _with_path(field, path, beside=beside, effect=rank == 0 and part == "train")
    return Case(f"path[{part} {codepoint(character)} {position}]", "NC120", script, posts=1, rank=rank)


def _with_path(
    field: str, path: str, *, lenient: bool = False, positive: bool = False, beside: bool = False, effect: bool = False
) -> Callable[[CheckSession, Case], Script]:
    def script(bench: CheckSession, case: Case) -> Script:
        # The test path needs the other test fields beside it, or a reading of its own would be asked as well.
        others = bench.test_fields() if beside or field.startswith("test") else {}
        payload = bench.payload(**others | {field: path} | ({"name": bench.refused_name()} if effect else {}))
        exchange = yield create_request(payload)
        made = bench.judge_creation(case, exchange, CLIENT_ERROR if lenient else ())
        if positive:
            bench.positives[made] += 1
        if exchange.answer in MISSING and not bench.refusal_tried:
            bench.refusal_tried = True
            again = yield create_request(payload | {field: bench.known.file})
            bench.judge_free_name(case, again, "NC406", "a creation that was refused for its file has taken its name")

    return script


def _open_questions() -> Iterator[Case]:
    """What the readings leave open is asked twice in each field, at different places."""
    for (part, field), character in product(_parts(), contested()):
        for position in ("middle", "end"):
            yield _character_case(part, field, character, position, 1)
    for (part, field), (what, path) in product(_parts(), ALLOWED_BEYOND.items()):
        yield Case(f"path[{part} {what}]", "NC120", _with_path(field, path), posts=1)
    for part, field in _parts():
        yield Case(f"path[{part} empty]", "NC121", _empty(field, {}), posts=1)
    for part, field in _parts():
        yield Case(f"path[{part} empty, with the other]", "NC121", _empty(field, None), posts=1)


def _empty(field: str, others: dict[str, str] | None) -> Callable[[CheckSession, Case], Script]:
    """An empty path. A test path may be left out, so that an empty one can mean that: it tells nothing about the train path."""

    def script(bench: CheckSession, case: Case) -> Script:
        exchange = yield bench.create(**(bench.test_fields() if others is None else others) | {field: ""})
        bench.judge_creation(case, exchange, EITHER if field.startswith("test") else ())

    return script


def _allowed() -> Iterator[Case]:
    """What every reading allows: a server that refuses it reads no page."""
    classes = {
        "every safe character": f"{OWN_FOLDER}{safe()[:-1]}/x.tsv",
        "900 characters": OWN_FOLDER * (900 // len(OWN_FOLDER) - 1) + "t.tsv",
        "no extension": "path/filename",
        "leading slash": f"/{OWN_FOLDER}train.tsv",
    }
    for (part, field), (what, path) in product(_parts(), classes.items()):
        if part == "train" or what == "every safe character":
            rank = 0 if what != "no extension" and part == "train" else 1
            script = _with_path(field, path, positive=True)
            yield Case(f"path[{part} allowed: {what}]", "NC120", script, posts=1, rank=rank, positive=True)


def _odd() -> Iterator[Case]:
    """What no page speaks of: both answers are right, but what is taken comes back as it was sent."""
    yield Case("path[train decomposed]", "NC307", _with_path("train_file_path", "cafe\u0301/t.tsv", lenient=True), posts=1)
    yield Case("path[train U+007E as an escape]", "NC120", _escaped(POSITIONS["middle"]("~")), posts=1)


def _escaped(path: str) -> Callable[[CheckSession, Case], Script]:
    """JSON may write any character as an escape; what is forbidden stays forbidden."""

    def script(bench: CheckSession, case: Case) -> Script:
        text = json.dumps(bench.payload(train_file_path="PATH"))
        escapes = "".join(f"\\u{ord(character):04x}" for character in path)
        exchange = yield create_request(text.replace("PATH", escapes).encode())
        bench.judge_creation(case, exchange)

    return script
