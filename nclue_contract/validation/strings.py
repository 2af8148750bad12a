"""Validation of the strings that fields share: lone surrogates in all of them, and the feature IDs and buckets of a payload.

A check has a method `check(value, pointer, found)` that appends to `found` a finding for each violation in the string at `pointer`. Names
and file paths have modules of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from nclue_contract.contract.readings import Policy
from nclue_contract.validation.findings import Finding

Check = Callable[[str, str, list[Finding]], None]

CACHE_SIZE = 1024
"""How many valid IDs and buckets a check remembers: a pipeline has few of them and sends them again and again."""

CACHED_LENGTH = 100
"""The longest value that is remembered, in characters."""

SURROGATE = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair, which no UTF-8 text can hold."""


class SurrogateCheck:
    """Lone surrogates. RFC 8259 section 8.2 leaves to the receiver what becomes of them."""

    def __init__(self, policy: Policy) -> None:
        self._applied = policy.documented("NC007", group=SURROGATE)

    def check(self, value: str, pointer: str, found: list[Finding]) -> None:
        """Append one finding if there are any."""
        if match := SURROGATE.search(value):
            found.append(Finding(self._applied, pointer, match.start(), value))


class IdCheck:
    """A feature ID or a bucket: perhaps not empty, and of the form that the rule `code` describes.

    `valid` contains values without findings, so that the quick path of `request` finds them there.
    """

    def __init__(self, policy: Policy, code: str) -> None:
        self.valid: set[str] = set()
        self._empty = policy.by_reading("NC106", "empty-id", {"refused"})
        self._form = policy.documented(code)
        self._surrogates = SurrogateCheck(policy)
        self._ignored = code in policy.ignore
        self._length = self._form.rule.limit
        self._match = re.compile(self._form.rule.pattern).fullmatch if self._form.rule.pattern else None

    def check(self, value: str, pointer: str, found: list[Finding]) -> None:
        """Append the findings; remember a value without any."""
        if value in self.valid:
            return
        before = len(found)
        if not value:
            if self._empty is not None:
                found.append(Finding(self._empty, pointer))
        elif not self._ignored and self._has_other_form(value):
            found.append(Finding(self._form, pointer, detail={"actual": len(value)}))
        if not value.isascii():
            self._surrogates.check(value, pointer, found)
        if len(found) == before and len(self.valid) < CACHE_SIZE and len(value) <= CACHED_LENGTH:
            self.valid.add(value)

    def are_valid(self, values: Iterable[str]) -> bool:
        """Return whether all of these values have no finding; remember them like `check`."""
        found: list[Finding] = []
        for value in set(values).difference(self.valid):
            self.check(value, "", found)
        return not found

    def _has_other_form(self, value: str) -> bool:
        return len(value) != self._length if self._match is None else self._match(value) is None
