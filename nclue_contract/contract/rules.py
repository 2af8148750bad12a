"""What a rule of the contract is, and what it becomes under a set of readings: an `AppliedRule`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """`error`: the contract is broken as it is read here. `warning`: another reading of the pages would refuse it."""

    ERROR = "error"
    WARNING = "warning"


class Certainty(StrEnum):
    """How sure the documentation makes us: it says so, its pages contradict each other, or they are silent."""

    DOCUMENTED = "documented"
    CONTESTED = "contested"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Answer:
    """A status code and an error code that a server may answer; `code` is None where the pages name none, and is not judged then."""

    status: int
    code: str | None

    def to_dict(self) -> dict[str, Any]:
        """`{"status", "code"}`."""
        return {"status": self.status, "code": self.code}


@dataclass(frozen=True, slots=True)
class ExpectedAnswer(Answer):
    """An `Answer` of a rule, possibly only for one field, or only under an option of a reading."""

    field: str | None = None
    when: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to break the contract, as `x-nclue-rules` of the OpenAPI file states it."""

    code: str
    slug: str
    sentence: str
    severity: Severity
    certainty: Certainty
    page: str
    message: str
    why: str
    cause: str
    fix: str
    fields: tuple[str, ...] = ()
    readings: tuple[str, ...] = ()
    expects: tuple[ExpectedAnswer, ...] = ()
    limit: int = 0
    range: tuple[int, int] = (0, 0)
    pattern: str = ""
    media_type: str = ""
    code_points: tuple[tuple[int, int], ...] = ()
    replacements: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def expected_for(self, field: str) -> ExpectedAnswer:
        """Return the first expected response that applies to the field."""
        return next(answer for answer in self.expects if answer.field in {None, field})


@dataclass(frozen=True, slots=True)
class AppliedRule:
    """A rule as one set of readings applies it: how severe, how certain, because of which reading.

    `note` is the sentence about the reading, `pin` the `ID=OPTION` that would settle the matter (None when it is settled). `group` matches
    every character that one finding stands for (None: only the character itself). `suggest` gives a spelling that would be right.
    """

    rule: Rule
    severity: Severity
    certainty: Certainty
    answers: tuple[ExpectedAnswer, ...]
    reading: str | None = None
    note: str = ""
    pin: str | None = None
    group: re.Pattern[str] | None = None
    suggest: Callable[[str], str | None] | None = None
