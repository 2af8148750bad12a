"""Validation of a file path: its forbidden characters, and a path to suggest instead. The page is "Create task", train_file_path."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import NamedTuple

from nclue_contract.contract.model import contract, in_ranges
from nclue_contract.contract.readings import Policy
from nclue_contract.contract.rules import AppliedRule
from nclue_contract.validation.findings import Finding
from nclue_contract.validation.strings import SURROGATE, SurrogateCheck

_LATIN = 256
"""Characters below get a finding each. Those from here on share one, or every Hangul path would give a page of findings."""

_BEYOND_RANGES = "\u0100-\ud7ff\ue000-\U0010ffff"
_BEYOND = re.compile("(?![\ud800-\udfff])[^\x00-\xff]")  # the same; this spelling is compiled 20 times as fast

_NO_KEY = r"""(?isx)           # not compiled before a suggestion needs it: that takes a millisecond
    [a-z][a-z0-9+.-]*:/        # a URL, such as s3:// or https://, or one that has lost a slash
    |[a-z]:                    # a drive of Windows
    |[/\\]                     # a path on a disk, or on another machine (UNC)
    |.*%[0-9a-f]{2}            # percent-encoded
    """
"""What begins like this is not the key of an object, but an address of it or another form."""

_NO_STEPS = frozenset({"", ".", ".."})
"""What no step of a suggested path is."""

_LONG = 1000  # characters; from here on a set of all characters is cheaper than a list of matches, and a suggestion no longer helps


class PathCheck:
    """The characters of a file path, as the readings choose them.

    `marks` is a table for `bytes.translate` that leaves ASCII characters without a finding as they are and changes all other bytes:
    `(data := path.encode()).translate(marks) == data` is the fastest test for a path of only such characters.
    """

    def __init__(self, policy: Policy) -> None:
        self._empty = policy.by_reading("NC121", "path-empty", {"refused"})
        self._surrogates = SurrogateCheck(policy)
        beyond, suggester = _verdict(chr(_LATIN)), PathSuggester.of(policy)
        self._beyond = beyond.apply(policy, group=_BEYOND) if beyond is not None else None
        applied = {verdict: verdict and verdict.apply(policy, suggester) for verdict in _latin()}
        self._singles = {c: rule for verdict, characters in _latin().items() if (rule := applied[verdict]) for c in characters}
        self._by_code = {ord(character): applied for character, applied in self._singles.items()}
        self._clean = bytes(code for code in range(128) if code not in self._by_code)
        self.marks: bytes = bytes(code if code in self._clean else code ^ 0xFF for code in range(256))

    @cached_property
    def _suspicious(self) -> re.Pattern[str]:
        """Return a pattern for all characters with findings; compiling it takes longer than the rest of a validator."""
        singles = "".join(re.escape(character) for character in self._singles)
        return re.compile(f"[{singles}{_BEYOND_RANGES if self._beyond else ''}{SURROGATE.pattern[1:-1]}]")

    def check(self, value: str, pointer: str, found: list[Finding]) -> None:
        """Append a finding per forbidden character, one for all beyond U+00FF, and one for lone surrogates."""
        if not value:
            if self._empty is not None:
                found.append(Finding(self._empty, pointer))
            return
        if value.isascii():  # the usual case; what is left of the bytes is in the order of the value, so that nothing is sorted
            data = value.encode()
            if data.translate(self.marks) == data:
                return
            left = data.translate(None, self._clean)
            for code in left if len(left) < 2 else dict.fromkeys(left):
                found.append(Finding(self._by_code[code], pointer, data.index(code), value))  # noqa: PERF401  # faster here
            return
        suspicious = self._suspicious.findall(value) if len(value) <= _LONG else list(set(value)) if self._suspicious.search(value) else []
        if not suspicious:
            return
        spots = [Finding(self._singles[c], pointer, value.index(c), value) for c in set(suspicious) if c in self._singles]
        if self._beyond is not None and (match := _BEYOND.search(value)):
            spots.append(Finding(self._beyond, pointer, match.start(), value))
        self._surrogates.check(value, pointer, spots)
        spots.sort(key=lambda finding: finding.offset or 0)
        found += spots

    def are_valid(self, values: Sequence[str]) -> bool:
        """Return whether all of these paths surely have no finding."""
        joined = "".join(values)
        return joined.isascii() and all(values) and (data := joined.encode()).translate(self.marks) == data


class _Verdict(NamedTuple):
    """Who forbids a character: the reading with these options, or every reading where no reading is named."""

    reading: str = ""
    options: frozenset[str] = frozenset()

    def apply(
        self, policy: Policy, suggest: Callable[[str], str | None] | None = None, group: re.Pattern[str] | None = None
    ) -> AppliedRule | None:
        """Return the rule as a policy applies it; None if a pin allows the character."""
        if not self.reading:
            return policy.documented("NC120", suggest, group)
        return policy.by_reading("NC120", self.reading, self.options, suggest, group)


def _verdict(character: str) -> _Verdict | None:
    """Return who forbids a character; None if no option of any reading does."""
    rule, readings = contract().rules["NC120"], contract().readings
    if in_ranges(character, rule.code_points):
        return _Verdict()
    for name in rule.readings:
        refusing = frozenset(option.id for option in readings[name].options if option.forbids(character))
        if refusing:
            return _Verdict() if len(refusing) == len(readings[name].options) else _Verdict(name, refusing)
    return None


@cache
def _latin() -> Mapping[_Verdict | None, frozenset[str]]:
    """Return the characters below U+0100 by their few verdicts, which are the same for all policies."""
    verdicts = {chr(code): _verdict(chr(code)) for code in range(_LATIN)}
    return {verdict: frozenset(c for c in verdicts if verdicts[c] == verdict) for verdict in dict.fromkeys(verdicts.values())}


@dataclass(frozen=True, slots=True)
class PathSuggester:
    """Suggests a path with only allowed characters; a class, because closures cannot be pickled with their findings.

    Allowed is what every option of a reading allows or, if it is pinned, that option: what need not be replaced names the object.
    With `keeps_beyond`, characters beyond U+00FF stay as they are: a path in Hangul has no equivalent in ASCII.
    """

    safe: frozenset[str]
    replacements: Mapping[str, str]
    keeps_beyond: bool

    @classmethod
    def of(cls, policy: Policy) -> PathSuggester:
        """Return the suggester for a set of readings."""
        keeps_beyond = not policy.readings.option("path-high-codes").forbids(chr(_LATIN))
        allowed = (characters for verdict, characters in _latin().items() if verdict is None or verdict.apply(policy) is None)
        return cls(frozenset().union(*allowed), policy.rule("NC120").replacements, keeps_beyond=keeps_beyond)

    def __call__(self, path: str) -> str | None:
        """Return the suggestion; None where it would name an object that cannot be meant, and for a path of over 1,000 characters.

        That is so if the path is no key (a URL, a path on a disk, a key that is percent-encoded), if a step of the suggestion would be
        empty, and if the path is not in normalization form C: keys are bytes, so that the object may be stored under either form.
        """
        if len(path) > _LONG or re.match(_NO_KEY, path) or not unicodedata.is_normalized("NFC", path):
            return None
        suggestion = path
        for character in set(path) - self.safe:  # what replaces them is safe, so that the order does not matter
            suggestion = suggestion.replace(character, self._replace(character))
        return suggestion if _NO_STEPS.isdisjoint(suggestion.split("/")) else None

    def _replace(self, character: str) -> str:
        if self.keeps_beyond and _BEYOND.match(character):
            return character
        if character in self.replacements:
            return self.replacements[character]
        if unicodedata.category(character) == "Cc":
            return ""
        base = [part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part)]
        return "".join(base) if base and self.safe.issuperset(base) else self.replacements["other"]
