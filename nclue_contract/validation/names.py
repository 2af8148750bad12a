"""Validation of the task name: its length under the readings of unit and edge (rules NC110 and NC111). The page is "Create task", name.

The page allows 1 to 100 characters and leaves two questions open:

* `name-unit`: is a character a code point, or a UTF-16 code unit as in Java and JavaScript? An emoji is one code point, and two units.
* `name-edge`: is a name of exactly 100 allowed, or is 99 the longest?

So there are two by two ways to measure a name, and each either rejects it or not. `rejecting` is the set of those that do, and it decides:

* All four reject it: no reading allows the name. One error, *documented*.
* The options in force reject it, others do not: an error because of one reading, *contested* or *undecided*. The edge is named if the other
  edge would allow the name, else the unit.
* The options in force allow it, but changing one of them would reject it: a warning for each such reading.
* Only changing both would reject it: one warning, about the unit.

A pinned reading is decided, so its other option gives no warning (`Policy.by_reading` returns None).

Example, under the default readings (code points, 100), with names that consist of emoji:

    emoji  code points  UTF-16  rejected by (unit, edge)              findings
       49           49      98  none                                 none
       50           50     100  (utf16, 99)                          warning: name-unit, since 100 is over 99
       99           99     198  (utf16, 99) (utf16, 100)             warning: name-unit, since 198 is over 100
      100          100     200  (code-points, 99) and the two above  warnings: name-unit, and name-edge, since 100 is over 99
      101          101     202  all four                             error: 101 is over 100

ASCII names have the same length in both units, so of 99, 100 and 101 letters only 100 (a warning about the edge) and 101 (an error) matter.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from nclue_contract.contract.readings import Policy
from nclue_contract.contract.rules import AppliedRule
from nclue_contract.validation.findings import Finding
from nclue_contract.validation.strings import SURROGATE, SurrogateCheck

_WORDS = {"code-points": "characters", "utf16": "UTF-16 code units"}


class NameCheck:
    """The task name: its length, in the unit and with the edge that the readings choose, and lone surrogates."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._empty = policy.documented("NC110")
        self._documented = policy.documented("NC111")
        self._surrogates = SurrogateCheck(policy)
        name = policy.contract.field("name")
        self._min_length = name.min_length
        self._limits = {option.id: name.max_length - option.exclusive for option in policy.contract.readings["name-edge"].options}
        self._shortest, self._longest = min(self._limits.values()), max(self._limits.values()) + 1
        lengths = range(self._shortest, self._longest + 1)
        self._applied = {(points, units): tuple(self._applied_rules(points, units)) for points in lengths for units in lengths}
        edge, pinned = policy.readings["name-edge"], policy.readings.pinned("name-edge")
        self.longest_ascii: int = self._limits[edge] if pinned else self._shortest
        """The longest ASCII name without a finding, in characters."""

    def check(self, value: str, pointer: str, found: list[Finding]) -> None:
        """Append the findings about a name."""
        points = len(value)
        if points < self._min_length:
            found.append(Finding(self._empty, pointer, detail={"limit": self._min_length}))
        elif value.isascii():  # a shortcut: both units give the same length, and there are no surrogates
            if points > self.longest_ascii:
                self._check_length(points, points, pointer, found)
        else:
            if points * 2 > self.longest_ascii:  # a code point is two UTF-16 code units at most
                self._check_length(points, len(value.encode("utf-16-le", "surrogatepass")) // 2, pointer, found)
            self._surrogates.check(value, pointer, found)

    def are_valid(self, values: Sequence[str]) -> bool:
        """Return whether all of these names, at least one, surely have no finding."""
        joined = "".join(values)
        longest = len(max(values, key=len))
        if joined.isascii():
            return longest <= self.longest_ascii and all(values)
        return longest * 2 <= self.longest_ascii and all(values) and not SURROGATE.search(joined)

    def _check_length(self, points: int, units: int, pointer: str, found: list[Finding]) -> None:
        shortest, longest = self._shortest, self._longest
        # Lengths beyond both limits are all alike, and so are those within both.
        for applied, unit, edge in self._applied[
            shortest if points < shortest else min(points, longest),
            shortest if units < shortest else min(units, longest),
        ]:
            detail = {"actual": points if unit == "code-points" else units, "unit": _WORDS[unit], "limit": self._limits[edge]}
            found.append(Finding(applied, pointer, None, None, detail))  # keywords would cost as much again

    def _applied_rules(self, code_points: int, code_units: int) -> Iterator[tuple[AppliedRule, str, str]]:
        """Yield the rule as each relevant reading applies it to a name of this length, with the unit and the edge for its message."""
        lengths = {"code-points": code_points, "utf16": code_units}
        rejecting = {(unit, edge) for unit in lengths for edge in self._limits if lengths[unit] > self._limits[edge]}
        readings = self._policy.readings
        unit, edge = readings["name-unit"], readings["name-edge"]
        units = {u for u, e in rejecting if e == edge}
        edges = {e for u, e in rejecting if u == unit}
        reasons: list[tuple[str, set[str], str, str]] = []  # reading, its options that reject, unit and edge for the message
        if len(rejecting) == 2 * len(self._limits):
            yield self._documented, unit, edge
        elif (unit, edge) in rejecting:
            reasons = [("name-edge", edges, unit, edge)] if len(edges) < len(self._limits) else [("name-unit", units, unit, edge)]
        elif units or edges:
            reasons = [("name-unit", units, u, edge) for u in units] + [("name-edge", edges, unit, e) for e in edges]
        elif not readings.pinned("name-edge"):
            reasons = [("name-unit", {u}, u, e) for u, e in rejecting]
        for reading, refusing, u, e in reasons:
            applied = self._policy.by_reading("NC111", reading, refusing)
            if applied is not None:
                yield applied, u, e


def collated(name: str) -> str:
    """Return what is left of a name when letter case, accents, width and trailing space do not count, as in the collations of databases."""
    decomposed = unicodedata.normalize("NFKD", name).casefold()
    return "".join(character for character in decomposed if not unicodedata.combining(character)).rstrip(" ")
