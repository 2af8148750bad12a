"""The result of a validation: a `Report` of `Finding` objects, one per violation.

A finding stores the rule and the place; its words are formatted on access, because of most reports only `ok` is used. Messages stay under
1 kB, however long the value is.
"""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from nclue_contract.contract.model import contract
from nclue_contract.contract.rules import Answer, AppliedRule, Certainty, Severity
from nclue_contract.contract.wording import character_name, codepoint, excerpt, harmless, quoted

POSITIONS_KEPT = 100
"""How many offsets `Finding.positions` has at most; `Finding.occurrences` is exact."""


_OTHER_FORM = "; the text is not in the Unicode form NFC, and an object may be stored under that form instead (keys are bytes)"


UNPLACED = "unplaced"
"""The member of a finding's detail with its problem as `Finding.without_place` words it."""


class Finding:
    """One violation of a rule, or a value that another reading of the pages would reject.

    Offsets count code points of the value the pointer names (`byte_offset`: bytes of its UTF-8 form), from 0. A finding about a character
    stands for all its occurrences in the value: `offset` is the first, `positions` the first 100, `occurrences` their number.
    Immutable; not a frozen dataclass, because those take four times as long to create.
    """

    __slots__ = ("_applied", "_detail", "_offset", "_pointer", "_text")

    def __init__(
        self,
        applied: AppliedRule,
        pointer: str,
        offset: int | None = None,
        text: str | None = None,
        detail: Mapping[str, object] | None = None,
    ) -> None:
        self._applied = applied
        self._pointer = pointer
        self._offset = offset
        self._text = text
        self._detail = detail

    @property
    def rule(self) -> str:
        """Code of the rule, such as NC120."""
        return self._applied.rule.code

    @property
    def slug(self) -> str:
        """The rule in words, such as path-character."""
        return self._applied.rule.slug

    @property
    def severity(self) -> Severity:
        """Error or warning."""
        return self._applied.severity

    @property
    def certainty(self) -> Certainty:
        """How certain the documentation is about the rule."""
        return self._applied.certainty

    @property
    def pointer(self) -> str:
        """JSON Pointer (RFC 6901) of the value; empty for the whole payload. Names longer than 60 characters are cut with an ellipsis."""
        return self._pointer

    @property
    def offset(self) -> int | None:
        """Where in the value, in code points from 0; None when the finding is about the whole value.

        Findings about the JSON itself (NC0xx, `text` is None) count in the text of the body.
        """
        return self._offset

    @property
    def byte_offset(self) -> int | None:
        """The same in bytes of the value's UTF-8 form."""
        if self._offset is None or self._text is None:
            return None
        return len(self._text[: self._offset].encode("utf-8", "surrogatepass"))

    @property
    def character(self) -> str | None:
        """The character as U+007E; None when the finding is not about a character."""
        if self._offset is None or self._text is None:
            return None
        return codepoint(self._text[self._offset])

    @property
    def reading(self) -> str | None:
        """ID of the reading that decides here; None if all readings agree."""
        return self._applied.reading

    @property
    def pin(self) -> str | None:
        """`ID=OPTION` that would allow the value, where the pages leave the choice."""
        return self._applied.pin

    @property
    def expects(self) -> tuple[Answer, ...]:
        """The responses of a server that rejects the request for this reason."""
        name = self._pointer[1:]
        return tuple(Answer(a.status, a.code) for a in self._applied.answers if a.field is None or a.field == name)

    @property
    def page(self) -> str:
        """Page and place where the rule is documented."""
        return self._applied.rule.page

    @property
    def help_url(self) -> str | None:
        """Address of the page about the rule; None while the documentation site has no address."""
        return contract().rule_url(self.rule)

    @property
    def text(self) -> str | None:
        """The value that the offsets count in; None for findings about no text, and for secrets."""
        return self._text

    @property
    def occurrences(self) -> int:
        """How many characters of the value the finding stands for; 0 when it is not about characters."""
        if self._offset is None or self._text is None:
            return 0
        group = self._applied.group
        if group is None:
            return self._text.count(self._text[self._offset])
        return len(self._text) - len(group.sub("", self._text))

    @property
    def positions(self) -> tuple[int, ...]:
        """Offsets of the first 100 occurrences, in code points."""
        found: list[int] = []
        for position in self._all_positions():
            found.append(position)
            if len(found) == POSITIONS_KEPT:
                break
        return tuple(found)

    def _all_positions(self) -> Iterator[int]:
        if self._offset is None or self._text is None:
            return
        if (group := self._applied.group) is not None:
            yield from (match.start() for match in group.finditer(self._text))
            return
        character, position = self._text[self._offset], self._offset
        while position >= 0:
            yield position
            position = self._text.find(character, position + 1)

    @property
    def suggestion(self) -> str | None:
        """A value to use instead, or the field that was probably meant; None without either.

        Characters beyond U+00FF stay in a path where they are allowed, although the reading `path-high-codes` may reject them.
        """
        if self._applied.suggest is None or self._text is None:
            return None
        return self._applied.suggest(self._text)

    @property
    def message(self) -> str:
        """One sentence in English, under 1 kB, with the note about the reading."""
        values: dict[str, object] = {"field": self._field(), "limit": self._applied.rule.limit, **(self._detail or {})}
        if self._offset is not None and self._text is not None:
            character, count = self._text[self._offset], self.occurrences
            values |= {
                "form": "" if unicodedata.is_normalized("NFC", self._text) else _OTHER_FORM,
                "character": quoted(character),
                "codepoint": codepoint(character),
                "character_name": character_name(character),
                "offset": self._offset,
                "occurrences": "" if count == 1 else f" and {count - 1:,} more",
            }
        sentence = harmless(self._applied.rule.message.format_map(values))  # it ends up in logs of CI systems
        return f"{sentence} ({self._applied.note})" if self._applied.note else sentence

    @property
    def causes(self) -> tuple[str, ...]:
        """The words of the mistakes in signing that the message explains the finding by."""
        causes: tuple[str, ...] = (self._detail or {}).get("causes", ())  # type: ignore[assignment]  # what `signature` puts there
        return causes

    def _field(self) -> str:
        return excerpt(self._pointer[1:].replace("~1", "/").replace("~0", "~")) or ("the empty name" if self._pointer else "the payload")

    def noted(self, note: str) -> Finding:
        """Return the same finding with another note behind its sentence, such as how a server responded."""
        return Finding(dataclasses.replace(self._applied, note=note), self._pointer, self._offset, self._text, self._detail)

    def without_place(self) -> Finding:
        """Return the same finding without the place in its sentence: for reports that show the place in the file."""
        detail = self._detail or {}
        if UNPLACED not in detail:
            return self
        return Finding(self._applied, self._pointer, self._offset, self._text, {**detail, "problem": detail[UNPLACED]})

    def rated(self, severity: Severity) -> Finding:
        """Return the same finding with another severity, such as that of an advisory about a server."""
        return Finding(dataclasses.replace(self._applied, severity=severity), self._pointer, self._offset, self._text, self._detail)

    def to_dict(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        return {
            "rule": self.rule,
            "slug": self.slug,
            "severity": str(self.severity),
            "certainty": str(self.certainty),
            "pointer": self.pointer,
            "offset": self.offset,
            "byte_offset": self.byte_offset,
            "character": self.character,
            "reading": self.reading,
            "expects": [answer.to_dict() for answer in self.expects],
            "message": self.message,
            "suggestion": self.suggestion,
            "page": self.page,
            "help_url": self.help_url,
        }

    def __eq__(self, other: object) -> bool:
        return self.to_dict() == other.to_dict() if isinstance(other, Finding) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.rule, self._pointer, self._offset))

    def __repr__(self) -> str:
        return f"<{self.severity} {self.rule} {self.slug} at {self._pointer!r}: {self.message}>"


class Report:
    """All findings about one message, in a stable order. Immutable."""

    __slots__ = ("_findings",)

    def __init__(self, findings: tuple[Finding, ...] = ()) -> None:
        self._findings = findings

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Errors and warnings: the body first, then the fields in the order of the page."""
        return self._findings

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that break the contract."""
        return tuple(f for f in self._findings if f.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that only another reading would reject."""
        return tuple(f for f in self._findings if f.severity is Severity.WARNING)

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return not self._findings or all(f.severity is not Severity.ERROR for f in self._findings)

    @property
    def expects(self) -> tuple[Answer, ...]:
        """The expected responses of all findings, each once; without errors a success is right as well, and not listed."""
        return tuple(dict.fromkeys(answer for f in self._findings for answer in f.expects))

    def raise_for_errors(self) -> None:
        """Raise `ContractError`, which carries this report, when there is an error."""
        if not self.ok:
            raise ContractError(self)

    def to_dict(self) -> dict[str, Any]:
        """Return `{"valid", "findings"}`, the stable JSON form."""
        return {"valid": self.ok, "findings": [f.to_dict() for f in self._findings]}

    def __bool__(self) -> NoReturn:
        message = "a Report is neither true nor false; use report.ok, or report.findings for warnings too"
        raise TypeError(message)

    def __eq__(self, other: object) -> bool:
        return self._findings == other._findings if isinstance(other, Report) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._findings)

    def __str__(self) -> str:
        lines = [f"{f.severity} {f.rule} {f.message}" for f in self._findings[:POSITIONS_KEPT]]
        if len(self._findings) > POSITIONS_KEPT:
            lines.append(f"... and {len(self._findings) - POSITIONS_KEPT:,} more findings")
        return "\n".join(lines) or "no findings"

    def __repr__(self) -> str:
        return f"<Report: {len(self.errors)} errors, {len(self.warnings)} warnings>"


class ContractError(ValueError):
    """Raised by `Report.raise_for_errors`; `report` holds the findings. `finding` is the first error, or else the first finding.

    `value` is the text that this finding is about, and `suggestion` what to use instead; both are None where the finding has none.
    """

    def __init__(self, report: Report) -> None:
        super().__init__(report)
        self.report: Report = report

    @property
    def finding(self) -> Finding | None:
        """Return the first error, or else the first finding; None for a report without findings."""
        return next(iter(self.report.errors or self.report.findings), None)

    @property
    def value(self) -> str | None:
        """Return the text that the finding is about; None for a finding about no text."""
        return None if self.finding is None else self.finding.text

    @property
    def suggestion(self) -> str | None:
        """Return the suggestion of the finding, if it has one."""
        return None if self.finding is None else self.finding.suggestion

    def __str__(self) -> str:
        return f"the contract is broken:\n{self.report}"
