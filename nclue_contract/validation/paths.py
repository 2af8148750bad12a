"""Judges a file path: which characters it must not hold, and how it could be spelt instead. The page is "Create task", train_file_path."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nclue_contract.contract.model import in_ranges
from nclue_contract.contract.readings import Policy
from nclue_contract.contract.rules import AppliedRule
from nclue_contract.validation.findings import Finding
from nclue_contract.validation.strings import SURROGATE, surrogate_check

_LATIN = 256
"""Characters below get a finding each. Those from here on share one, or every Hangul path would give a page of findings."""

_BEYOND = re.compile("[\u0100-\ud7ff\ue000-\U0010ffff]")

_LONG = 1000  # characters; where a set of all characters is cheaper than a list of the odd ones, and a suggestion no longer helps


class PathCheck:
    """The characters of a file path, as the readings choose them.

    `clean_ascii` holds the ASCII characters that never give a finding, as bytes: `not path.encode().translate(None, clean_ascii)` is the
    fastest way to ask whether a path needs no second look.
    """

    def __init__(self, policy: Policy) -> None:
        self._empty = policy.by_reading("NC121", "path-empty", {"refused"})
        self._surrogates = surrogate_check(policy)
        self._beyond = _character_verdict(policy, chr(_LATIN), None, _BEYOND)
        spelling = Speller.of(policy)
        table = {chr(code): _character_verdict(policy, chr(code), spelling, None) for code in range(_LATIN)}
        self._singles = {character: applied for character, applied in table.items() if applied is not None}
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
    policy: Policy, character: str, suggest: Callable[[str], str | None] | None, group: re.Pattern[str] | None
) -> AppliedRule | None:
    """What the rule says of one character; None when nobody forbids it."""
    rule = policy.rule("NC120")
    if in_ranges(character, rule.code_points):
        return policy.documented(rule.code, suggest, group)
    for name in rule.readings:
        options = policy.contract.readings[name].options
        refusing = {option.id for option in options if option.forbids(character)}
        if len(refusing) == len(options):
            return policy.documented(rule.code, suggest, group)
        if refusing:
            return policy.by_reading(rule.code, name, refusing, suggest, group)
    return None


@dataclass(frozen=True, slots=True)
class Speller:
    """Spells a path with characters that every reading allows; a class, so that findings can be pickled.

    With `keeps_beyond`, characters beyond U+00FF stay as they are: a name in Hangul has no other spelling.
    """

    safe: frozenset[str]
    replacements: Mapping[str, str]
    keeps_beyond: bool

    @classmethod
    def of(cls, policy: Policy) -> Speller:
        """The speller for a set of readings."""
        rule = policy.rule("NC120")
        options = [option for name in rule.readings for option in policy.contract.readings[name].options]
        latin = (chr(code) for code in range(_LATIN))
        safe = frozenset(c for c in latin if not in_ranges(c, rule.code_points) and not any(option.forbids(c) for option in options))
        return cls(safe, rule.replacements, keeps_beyond=not policy.readings.option("path-high-codes").forbids(chr(_LATIN)))

    def __call__(self, path: str) -> str | None:
        """The new spelling; None when the path is long (over 1,000 characters), or when nothing is left of it."""
        return ("".join(map(self._spell, path)) or None) if len(path) <= _LONG else None

    def _spell(self, character: str) -> str:
        if character in self.safe or (self.keeps_beyond and _BEYOND.match(character)):
            return character
        if character in self.replacements:
            return self.replacements[character]
        if unicodedata.category(character) == "Cc":
            return ""
        base = [part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part)]
        return "".join(base) if base and self.safe.issuperset(base) else self.replacements["other"]
