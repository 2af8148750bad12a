"""Validation of a file path: its forbidden characters, and a path to suggest instead. The page is "Create task", train_file_path."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nclue_contract.contract.model import in_ranges
from nclue_contract.contract.readings import Policy
from nclue_contract.contract.rules import AppliedRule
from nclue_contract.validation.findings import Finding
from nclue_contract.validation.strings import SURROGATE, SurrogateCheck

_LATIN = 256
"""Characters below get a finding each. Those from here on share one, or every Hangul path would give a page of findings."""

_BEYOND = re.compile("[\u0100-\ud7ff\ue000-\U0010ffff]")

_NO_KEY = re.compile(
    r"""^[a-z][a-z0-9+.-]*:/   # a URL, such as s3:// or https://, or one that has lost a slash
    |^[a-z]:                   # a drive of Windows
    |^[/\\]                    # a path on a disk, or on another machine (UNC)
    |%[0-9a-f]{2}              # percent-encoded
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""What begins or holds this is not the key of an object, but an address of it or another form."""

_NO_STEPS = frozenset({"", ".", ".."})
"""What no step of a suggested path is."""

_LONG = 1000  # characters; from here on a set of all characters is cheaper than a list of matches, and a suggestion no longer helps


class PathCheck:
    """The characters of a file path, as the readings choose them.

    `clean_ascii` holds the ASCII characters that never give a finding, as bytes: `not path.encode().translate(None, clean_ascii)` is the
    fastest test for a path of only such characters.
    """

    def __init__(self, policy: Policy) -> None:
        self._empty = policy.by_reading("NC121", "path-empty", {"refused"})
        self._surrogates = SurrogateCheck(policy)
        self._beyond = _apply_to_character(policy, chr(_LATIN), None, _BEYOND)
        suggester = PathSuggester.of(policy)
        table = {chr(code): _apply_to_character(policy, chr(code), suggester, None) for code in range(_LATIN)}
        self._singles = {character: applied for character, applied in table.items() if applied is not None}
        suspicious = "".join(re.escape(character) for character in self._singles)
        self._suspicious = re.compile(f"[{suspicious}{_BEYOND.pattern[1:-1] if self._beyond else ''}{SURROGATE.pattern[1:-1]}]")
        self.clean_ascii: bytes = bytes(code for code in range(128) if chr(code) not in self._singles)

    def check(self, value: str, pointer: str, found: list[Finding]) -> None:
        """Append a finding per forbidden character, one for all beyond U+00FF, and one for lone surrogates."""
        if not value:
            if self._empty is not None:
                found.append(Finding(self._empty, pointer))
            return
        suspicious = self._suspicious.findall(value) if len(value) <= _LONG else list(set(value)) if self._suspicious.search(value) else []
        if not suspicious:
            return
        if value.isascii() and len(value) <= _LONG:  # the usual case: findings in the order of the value, without sorting
            for character in dict.fromkeys(suspicious):
                found.append(Finding(self._singles[character], pointer, value.index(character), value))  # noqa: PERF401  # faster here
            return
        spots = [Finding(self._singles[c], pointer, value.index(c), value) for c in set(suspicious) if c in self._singles]
        if not value.isascii():
            if self._beyond is not None and (match := _BEYOND.search(value)):
                spots.append(Finding(self._beyond, pointer, match.start(), value))
            self._surrogates.check(value, pointer, spots)
        spots.sort(key=lambda finding: finding.offset or 0)
        found += spots


def _apply_to_character(
    policy: Policy, character: str, suggest: Callable[[str], str | None] | None, group: re.Pattern[str] | None
) -> AppliedRule | None:
    """Apply the rule to one character; None if no reading forbids it."""
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
class PathSuggester:
    """Suggests a path with only characters that every reading allows; a class, because closures cannot be pickled with their findings.

    With `keeps_beyond`, characters beyond U+00FF stay as they are: a path in Hangul has no equivalent in ASCII.
    """

    safe: frozenset[str]
    replacements: Mapping[str, str]
    keeps_beyond: bool

    @classmethod
    def of(cls, policy: Policy) -> PathSuggester:
        """Return the suggester for a set of readings."""
        rule = policy.rule("NC120")
        options = [option for name in rule.readings for option in policy.contract.readings[name].options]
        latin = (chr(code) for code in range(_LATIN))
        safe = frozenset(c for c in latin if not in_ranges(c, rule.code_points) and not any(option.forbids(c) for option in options))
        return cls(safe, rule.replacements, keeps_beyond=not policy.readings.option("path-high-codes").forbids(chr(_LATIN)))

    def __call__(self, path: str) -> str | None:
        """Return the suggestion; None where it would name an object that cannot be meant, and for a path of over 1,000 characters.

        That is so if the path is no key (a URL, a path on a disk, a key that is percent-encoded), if a step of the suggestion would be
        empty, and if the path is not in normalization form C: keys are bytes, so that the object may be stored under either form.
        """
        if len(path) > _LONG or _NO_KEY.search(path) or not unicodedata.is_normalized("NFC", path):
            return None
        suggestion = "".join(map(self._replace, path))
        return suggestion if _NO_STEPS.isdisjoint(suggestion.split("/")) else None

    def _replace(self, character: str) -> str:
        if character in self.safe or (self.keeps_beyond and _BEYOND.match(character)):
            return character
        if character in self.replacements:
            return self.replacements[character]
        if unicodedata.category(character) == "Cc":
            return ""
        base = [part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part)]
        return "".join(base) if base and self.safe.issuperset(base) else self.replacements["other"]
