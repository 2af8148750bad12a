"""Judges the strings of a payload: names, feature IDs, buckets. File paths have a module of their own.

A check has a method `check(value, pointer, found)` that appends to `found` what is wrong with the string at `pointer`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from nclue_contract.contract.readings import Policy
from nclue_contract.contract.rules import AppliedRule
from nclue_contract.validation.findings import Finding

Check = Callable[[str, str, list[Finding]], None]

KNOWN_KEPT = 1024
"""How many flawless IDs and buckets a check remembers: a pipeline has few of them and sends them again and again."""

KNOWN_LENGTH = 100
"""How long, in characters, a remembered value may be."""

SURROGATE = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair, which no UTF-8 text can hold."""


def surrogate_check(policy: Policy) -> Check:
    """Finds lone surrogates: RFC 8259 section 8.2 leaves to the receiver what becomes of them."""
    applied = policy.documented("NC007", group=SURROGATE)

    def check(value: str, pointer: str, found: list[Finding]) -> None:
        if match := SURROGATE.search(value):
            found.append(Finding(applied, pointer, match.start(), value))

    return check


class IdCheck:
    """A feature ID or a bucket: perhaps not empty, and of the shape that the rule `code` describes."""

    def __init__(self, policy: Policy, code: str) -> None:
        self.known: set[str] = set()
        self._empty = policy.by_reading("NC106", "empty-id", {"refused"})
        self._shape = policy.documented(code)
        self._surrogates = surrogate_check(policy)
        self._ignored = code in policy.ignore
        self._length = self._shape.rule.limit
        self._match = re.compile(self._shape.rule.pattern).fullmatch if self._shape.rule.pattern else None

    def check(self, value: str, pointer: str, found: list[Finding]) -> None:
        """Append what is wrong; a value without findings is remembered."""
        if value in self.known:
            return
        before = len(found)
        if not value:
            if self._empty is not None:
                found.append(Finding(self._empty, pointer))
        elif not self._ignored and self._odd_shape(value):
            found.append(Finding(self._shape, pointer, detail={"actual": len(value)}))
        if not value.isascii():
            self._surrogates(value, pointer, found)
        if len(found) == before and len(self.known) < KNOWN_KEPT and len(value) <= KNOWN_LENGTH:
            self.known.add(value)

    def _odd_shape(self, value: str) -> bool:
        return len(value) != self._length if self._match is None else self._match(value) is None


class NameCheck:
    """The task name: its length, in the unit and with the edge that the readings choose."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._empty = policy.documented("NC110")
        self._documented = policy.documented("NC111")
        self._surrogates = surrogate_check(policy)
        name = policy.contract.field("name")
        self._least = name.min_length
        self._limits = {option.id: name.max_length - option.exclusive for option in policy.contract.readings["name-edge"].options}
        edge, pinned = policy.readings["name-edge"], policy.readings.pinned("name-edge")
        self.longest_ascii: int = self._limits[edge] if pinned else min(self._limits.values())
        """The longest ASCII name without a finding, in characters."""

    def check(self, value: str, pointer: str, found: list[Finding]) -> None:
        """Append what is wrong."""
        if len(value) < self._least:
            found.append(Finding(self._empty, pointer, detail={"limit": self._least}))
        elif len(value) * 2 > self.longest_ascii:  # a code point is two UTF-16 code units at most
            self._check_length(value, pointer, found)
        if not value.isascii():
            self._surrogates(value, pointer, found)

    def _check_length(self, value: str, pointer: str, found: list[Finding]) -> None:
        lengths = {"code-points": len(value), "utf16": len(value.encode("utf-16-le", "surrogatepass")) // 2}
        refused = {(unit, edge) for unit in lengths for edge in self._limits if lengths[unit] > self._limits[edge]}
        for applied, unit, edge in self._verdicts(refused):
            words = "characters" if unit == "code-points" else "UTF-16 code units"
            found.append(Finding(applied, pointer, detail={"actual": lengths[unit], "unit": words, "limit": self._limits[edge]}))

    def _verdicts(self, refused: set[tuple[str, str]]) -> Iterator[tuple[AppliedRule, str, str]]:
        """The verdict per reading that matters, with the unit and the edge that its message names."""
        readings = self._policy.readings
        unit, edge = readings["name-unit"], readings["name-edge"]
        units = {u for u, e in refused if e == edge}
        edges = {e for u, e in refused if u == unit}
        reasons: list[tuple[str, set[str], str, str]] = []
        if len(refused) == 2 * len(self._limits):
            yield self._documented, unit, edge
        elif (unit, edge) in refused:  # one reason is enough: the reading whose other option would allow the name
            reasons = [("name-edge", edges, unit, edge)] if len(edges) < len(self._limits) else [("name-unit", units, unit, edge)]
        elif units or edges:
            reasons = [("name-unit", units, u, edge) for u in units] + [("name-edge", edges, unit, e) for e in edges]
        elif not readings.pinned("name-edge"):  # only both readings together refuse it
            reasons = [("name-unit", {u}, u, e) for u, e in refused]
        for reading, refusing, u, e in reasons:
            applied = self._policy.by_reading("NC111", reading, refusing)
            if applied is not None:
                yield applied, u, e
