"""Judges a file path: which characters it must not hold, and how it could be spelt instead. The page is "Create task", train_file_path."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from nclue_contract.findings import Finding
from nclue_contract.readings import Judge
from nclue_contract.rules import Verdict
from nclue_contract.spec import in_ranges
from nclue_contract.string_checks import SURROGATE, surrogate_check

_LATIN = 256
"""Characters below get a finding each. Those from here on share one, or every Hangul path would give a page of findings."""

_BEYOND = re.compile("[\u0100-\ud7ff\ue000-\U0010ffff]")

_LONG = 1000  # characters; where a set of all characters is cheaper than a list of the odd ones, and a suggestion no longer helps


class PathCheck:
    """The characters of a file path, as the readings choose them.

    `clean_ascii` holds the ASCII characters that never give a finding, as bytes: `not path.encode().translate(None, clean_ascii)` is the
    fastest way to ask whether a path needs no second look.
    """

    def __init__(self, judge: Judge) -> None:
        self._empty = judge.by_reading("NC121", "path-empty", {"refused"})
        self._surrogates = surrogate_check(judge)
        self._beyond = _character_verdict(judge, chr(_LATIN), None, _BEYOND)
        spelling = _speller(judge)
        table = {chr(code): _character_verdict(judge, chr(code), spelling, None) for code in range(_LATIN)}
        self._singles = {character: verdict for character, verdict in table.items() if verdict is not None}
        odd = "".join(re.escape(character) for character in self._singles)
        self._odd = re.compile(f"[{odd}{_BEYOND.pattern[1:-1] if self._beyond else ''}{SURROGATE.pattern[1:-1]}]")
        self.clean_ascii: bytes = bytes(code for code in range(128) if chr(code) not in self._singles)

    def check(self, value: str, pointer: str, found: list[Finding]) -> None:
        """Append what is wrong: a finding per forbidden character, one for all beyond U+00FF, one for lone surrogates."""
        if not value:
            if self._empty is not None:
                found.append(Finding(self._empty, pointer))
            return
        odd = self._odd.findall(value) if len(value) <= _LONG else list(set(value)) if self._odd.search(value) else []
        if not odd:
            return
        if value.isascii() and len(value) <= _LONG:  # the usual slips, in the order of the value
            for character in dict.fromkeys(odd):
                found.append(Finding(self._singles[character], pointer, value.index(character), value))  # noqa: PERF401  # faster here
            return
        spots = [Finding(self._singles[c], pointer, value.index(c), value) for c in set(odd) if c in self._singles]
        if not value.isascii():
            if self._beyond is not None and (match := _BEYOND.search(value)):
                spots.append(Finding(self._beyond, pointer, match.start(), value))
            self._surrogates(value, pointer, spots)
        spots.sort(key=lambda finding: finding.offset or 0)
        found += spots


def _character_verdict(
    judge: Judge, character: str, suggest: Callable[[str], str | None] | None, group: re.Pattern[str] | None
) -> Verdict | None:
    """What the rule says of one character; None when nobody forbids it."""
    rule = judge.rule("NC120")
    if in_ranges(character, rule.code_points):
        return judge.documented(rule.code, suggest, group)
    for name in rule.readings:
        options = judge.contract.readings[name].options
        refusing = {option.id for option in options if option.forbids(character)}
        if len(refusing) == len(options):
            return judge.documented(rule.code, suggest, group)
        if refusing:
            return judge.by_reading(rule.code, name, refusing, suggest, group)
    return None


def _speller(judge: Judge) -> Callable[[str], str | None]:
    """A function that spells a path with characters that every reading allows; it leaves those beyond U+00FF alone where they pass.

    None when the path is long (over 1,000 characters), or when nothing is left of it.
    """
    rule = judge.rule("NC120")
    loosest = {option for name in rule.readings for option in judge.contract.readings[name].options}
    keeps_beyond = not judge.readings.option("path-high-codes").forbids(chr(_LATIN))

    def refused(character: str) -> bool:
        return in_ranges(character, rule.code_points) or any(option.forbids(character) for option in loosest)

    safe = frozenset(chr(code) for code in range(_LATIN) if not refused(chr(code)))

    def spell(character: str) -> str:
        if character in safe or (keeps_beyond and _BEYOND.match(character)):
            return character
        if character in rule.replacements:
            return rule.replacements[character]
        if unicodedata.category(character) == "Cc":
            return ""
        base = "".join(filter(safe.__contains__, unicodedata.normalize("NFKD", character)))
        return base or rule.replacements["other"]

    def suggest(path: str) -> str | None:
        return ("".join(map(spell, path)) or None) if len(path) <= _LONG else None

    return suggest
