"""What every output of reports has in common: the run it tells of, the counts at its end, and the calls it is fed with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from nclue_contract.contract.readings import Readings
from nclue_contract.contract.wording import counted
from nclue_contract.validation.findings import Finding, Report
from nclue_contract.validation.json_reader import Payload

NAME = "nclue-contract"
"""The name of the tool in reports."""

PASSED, FAILED, USAGE, INCONCLUSIVE = 0, 1, 2, 3
"""Exit codes of every command: the contract is fulfilled, it is violated, wrong usage or unreadable input, the result is inconclusive."""

STDIN = "-"
"""How standard input is spelt in `Payload.file`."""


@dataclass(frozen=True, slots=True)
class Run:
    """What every report carries: version of the tool, revision of the contract, the readings and who chose them, whether warnings count.

    `ignored` are the codes of the rules that were passed over.
    """

    version: str
    revision: str
    readings: Readings
    strict: bool
    ignored: tuple[str, ...] = ()

    def readings_dict(self) -> dict[str, dict[str, str]]:
        """`{id: {"option", "source"}}`, the stable JSON form."""
        return {name: {"option": option, "source": self.readings.sources[name]} for name, option in self.readings.items()}


@dataclass(slots=True)
class Summary:
    """The counts of a run: payloads, those without errors, findings by severity, and inputs that could not be read."""

    payloads: int = 0
    valid: int = 0
    errors: int = 0
    warnings: int = 0
    unreadable: int = 0

    def __str__(self) -> str:
        parts = [f"{self.valid:,} valid"] if self.valid else []
        if invalid := self.payloads - self.valid:
            parts.append(f"{invalid:,} invalid")
        counts = [counted(number, word) for number, word in ((self.errors, "error"), (self.warnings, "warning")) if number]
        text = counted(self.payloads, "payload") + (f": {', '.join(parts)}" if parts else "")
        text += f" ({', '.join(counts)})" if counts else ""
        return text + (f"; {counted(self.unreadable, 'input')} could not be read" if self.unreadable else "")


class Renderer(Protocol):
    """Turns reports into one format, one at a time, so that memory stays flat however many there are."""

    def begin(self) -> None:
        """Before the first payload."""

    def payload(self, payload: Payload, report: Report) -> None:
        """The report on one payload, in the order of the input."""

    def unreadable(self, file: str, reason: str) -> None:
        """An input that could not be read, and why."""

    def end(self, summary: Summary) -> None:
        """After the last payload."""


def where(payload: Payload, finding: Finding) -> tuple[int, int]:
    """Line and column of a finding in its file, from 1. An offset without a text, as in findings about the JSON, counts in the payload."""
    in_source = finding.text is None and finding.offset is not None
    return payload.place("" if in_source else finding.pointer, finding.offset)
