"""What all reports have in common: the formats of each command, exit codes, the run, its counts, and the interface of renderers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from nclue_contract.contract.readings import Readings
from nclue_contract.contract.wording import counted
from nclue_contract.validation.findings import Finding, Report
from nclue_contract.validation.json_reader import Payload

TOOL_NAME = "nclue-contract"
"""The name of the tool in reports."""

PASSED, FAILED, USAGE, INCONCLUSIVE = 0, 1, 2, 3
"""The exit codes of every command; `USAGE` stands for incorrect usage and for unreadable input."""

FORMATS: Final[Mapping[str, tuple[str, ...]]] = {
    "validate": ("text", "json", "jsonl", "junit", "sarif", "github"),
    "check": ("text", "json", "jsonl", "junit", "github", "html"),
    "probe": ("text", "json", "toml"),
    "traffic": ("text", "json", "jsonl", "junit", "sarif", "github"),
    "docs-drift": ("text", "json"),
    "proxy": ("text", "json", "jsonl", "junit", "sarif", "github"),
}
"""The formats of each command that has a choice, the default first."""

MAX_RESULTS = 25_000
"""The most results of a SARIF report by default: GitHub's code scanning rejects a run with more."""

STDIN = "-"
"""How standard input is written in `Payload.file`."""


def json_text(value: object, indent: int | None = None) -> str:
    r"""Return a value as JSON in ASCII in which no CI system finds a command: `##[` is written as `#\u0023[`, which means the same."""
    return json.dumps(value, indent=indent).replace("##", r"#\u0023")


def head(version: str, revision: str) -> dict[str, Any]:
    """Return how every JSON document begins: the tool with its version, and the revision of the contract."""
    return {"tool": {"name": TOOL_NAME, "version": version}, "contract": {"revision": revision}}


def tool_line(version: str, revision: str) -> str:
    """Return the same for people: `nclue-contract 1.2.3, contract 2026.11.0`."""
    return f"{TOOL_NAME} {version}, contract {revision}"


class Run(NamedTuple):
    """What every report carries: version of the tool, revision of the contract, the readings and their sources, whether warnings count.

    `ignored` are the codes of the rules that were not applied, `noun` is what is validated, in the singular.
    """

    version: str
    revision: str
    readings: Readings
    strict: bool
    ignored: tuple[str, ...] = ()
    noun: str = "payload"

    def readings_dict(self) -> dict[str, dict[str, str]]:
        """Return `{id: {"option", "source"}}`, the stable JSON form."""
        return {name: {"option": option, "source": self.readings.sources[name]} for name, option in self.readings.items()}


@dataclass(slots=True)
class Summary:
    """The counts of a run: payloads, those without errors, findings by severity, and inputs that could not be read.

    `noun` is that of the run. `more` are further members of its JSON, `notes` the same as lines of text.
    """

    payloads: int = 0
    valid: int = 0
    errors: int = 0
    warnings: int = 0
    unreadable: int = 0
    noun: str = "payload"
    more: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        counts = {"valid": self.valid, "errors": self.errors, "warnings": self.warnings, "unreadable": self.unreadable}
        return {f"{self.noun}s": self.payloads, **counts, **self.more}

    def add(self, report: Report) -> None:
        """Count a payload with its report."""
        errors = len(report.errors) if report.findings else 0
        self.payloads += 1
        self.errors += errors
        self.warnings += len(report.findings) - errors
        self.valid += not errors

    def include(self, other: Summary) -> None:
        """Add the counts of another part of the same run."""
        self.payloads += other.payloads
        self.valid += other.valid
        self.errors += other.errors
        self.warnings += other.warnings
        self.unreadable += other.unreadable

    def __str__(self) -> str:
        parts = [f"{self.valid:,} valid"] if self.valid else []
        if invalid := self.payloads - self.valid:
            parts.append(f"{invalid:,} invalid")
        counts = [counted(number, word) for number, word in ((self.errors, "error"), (self.warnings, "warning")) if number]
        text = counted(self.payloads, self.noun) + (f": {', '.join(parts)}" if parts else "")
        text += f" ({', '.join(counts)})" if counts else ""
        return text + (f"; {counted(self.unreadable, 'input')} could not be read" if self.unreadable else "")


E = TypeVar("E")


class Renderer(Protocol[E]):
    """Turns reports into one format, one at a time, so that memory stays flat however many there are.

    What is written about a payload needs none of the payloads before it: `entry` returns it, and can be pickled, so that worker processes
    can call it; `add` writes entries, in the order of the input.
    """

    entry: Callable[[Payload, Report], E]
    """Return what is written about one payload."""

    shows_valid: bool
    """Whether anything is written for a payload without findings. The others need not be called for these."""

    def begin(self) -> None:
        """Start, before the first payload."""

    def add(self, entries: Sequence[E]) -> None:
        """Write the entries of some payloads, at least one; payloads come in the order of the input."""

    def payload(self, payload: Payload, report: Report) -> None:
        """Render the report on one payload."""
        self.add((self.entry(payload, report),))

    def unreadable(self, file: str, reason: str) -> None:
        """Render that an input could not be read, and why."""

    def end(self, summary: Summary) -> None:
        """Finish, after the last payload."""


def where(payload: Payload, finding: Finding) -> tuple[int, int]:
    """Return line and column of a finding in its file, both from 1.

    An offset without a text, as in findings about the JSON itself, counts in the payload.
    """
    in_source = finding.text is None and finding.offset is not None
    return payload.place("" if in_source else finding.pointer, finding.offset)
