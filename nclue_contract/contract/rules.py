"""A rule of the contract, and the same rule under a set of readings: `AppliedRule`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """`error`: a violation under the readings in force. `warning`: another reading would reject it."""

    ERROR = "error"
    WARNING = "warning"


class Certainty(StrEnum):
    """How certain a rule is: the pages document it, contradict each other (contested), or are silent (undecided)."""

    DOCUMENTED = "documented"
    CONTESTED = "contested"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Answer:
    """An expected response: status code and error code; `code` is None where the pages name none, and any code is accepted."""

    status: int
    code: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return `{"status", "code"}`."""
        return {"status": self.status, "code": self.code}


@dataclass(frozen=True, slots=True)
class ExpectedAnswer(Answer):
    """An `Answer` of a rule, possibly for one field only, or under certain options of readings only (`when`)."""

    field: str | None = None
    when: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to break the contract; `openapi/rules.schema.json` describes the fields."""

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
    certainty_reason: str = ""
    advisory: bool = False
    advisory_on_success: bool = False

    def advisory_for(self, status: int) -> bool:
        """Return whether a server that breaks only this rule, in a response with this status, gets an advisory and does not fail."""
        return (self.advisory and status < 500) or (self.advisory_on_success and 200 <= status < 300)

    def expected_for(self, field: str) -> ExpectedAnswer:
        """Return the first expected response that applies to the field."""
        return next(answer for answer in self.expects if answer.field in {None, field})


@dataclass(frozen=True, slots=True)
class AppliedRule:
    """A rule under one set of readings: its severity, its certainty, and the reading that they depend on.

    `note` explains the reading; `pin` is the `ID=OPTION` that would decide it (None when it is decided). `group` matches every character
    that one finding covers (None: only the character itself). `suggest` returns a valid replacement.
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
