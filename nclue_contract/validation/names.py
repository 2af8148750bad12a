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
from collections.abc import Iterator

from nclue_contract.contract.readings import Policy
from nclue_contract.contract.rules import AppliedRule
from nclue_contract.validation.findings import Finding
from nclue_contract.validation.strings import SurrogateCheck


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
        edge, pinned = policy.readings["name-edge"], policy.readings.pinned("name-edge")
        self.longest_ascii: int = self._limits[edge] if pinned else min(self._limits.values())
        """The longest ASCII name without a finding, in characters."""

    def check(self, value: str, pointer: str, found: list[Finding]) -> None:
        """Append the findings about a name."""
        if len(value) < self._min_length:
            found.append(Finding(self._empty, pointer, detail={"limit": self._min_length}))
        elif len(value) * 2 > self.longest_ascii:  # a code point is two UTF-16 code units at most
            self._check_length(value, pointer, found)
        if not value.isascii():
            self._surrogates.check(value, pointer, found)

    def _check_length(self, value: str, pointer: str, found: list[Finding]) -> None:
        lengths = {"code-points": len(value), "utf16": len(value.encode("utf-16-le", "surrogatepass")) // 2}
        rejecting = {(unit, edge) for unit in lengths for edge in self._limits if lengths[unit] > self._limits[edge]}
        for applied, unit, edge in self._applied_rules(rejecting):
            words = "characters" if unit == "code-points" else "UTF-16 code units"
            found.append(Finding(applied, pointer, detail={"actual": lengths[unit], "unit": words, "limit": self._limits[edge]}))

    def _applied_rules(self, rejecting: set[tuple[str, str]]) -> Iterator[tuple[AppliedRule, str, str]]:
        """Yield the rule as each relevant reading applies it, with the unit and the edge for its message."""
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
