"""Workflow commands of GitHub Actions, which become annotations: their writer, and the renderer of the command `validate`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from nclue_contract.validation.findings import Finding, Report
from nclue_contract.validation.json_reader import Payload
from nclue_contract.validation.reports.base import STDIN, Renderer, Run, Summary, tool_line, where
from nclue_contract.validation.reports.excerpt import safe, safe_line
from nclue_contract.validation.reports.text import format_expected, format_place


def annotation(level: str, properties: Mapping[str, str], lines: Iterable[str], encoding: str) -> str:
    """Return one workflow command, such as `::error file=a.json,line=1::message`, as a line.

    `level` is `error`, `warning` or `notice`, `lines` are those of the message. Whatever they and the properties hold, no other command
    results. The escapes are those of GitHub: `%`, CR and LF, and in properties also the colon and the comma.
    """
    listed = ",".join(f"{key}={_data(value, encoding).replace(':', '%3A').replace(',', '%2C')}" for key, value in properties.items())
    return f"::{level} {listed}::{'%0A'.join(_data(line, encoding) for line in lines)}\n"


def _data(text: str, encoding: str) -> str:
    """Return a text for a workflow command: line ends as GitHub escapes them, other control characters so that they control no terminal."""
    pieces = re.split("([\r\n])", text.replace("%", "%25"))
    return "".join({"\r": "%0D", "\n": "%0A"}.get(piece) or safe(piece, encoding) for piece in pieces)


@dataclass(frozen=True, slots=True)
class GithubEntry:
    """The annotations about one payload, one per finding."""

    encoding: str

    def __call__(self, payload: Payload, report: Report) -> str:
        """Return the annotations, empty for a payload without findings."""
        return "".join(self._annotation(payload, finding) for finding in report.findings)

    def _annotation(self, payload: Payload, finding: Finding) -> str:
        line, column = where(payload, finding)
        properties = {"file": payload.file, "line": str(line), "col": str(column)} if payload.file != STDIN else {}
        properties["title"] = f"{finding.rule} {finding.slug}"
        # Standard input is no file that an annotation could be attached to.
        message = f"{format_place(payload, finding)}: {finding.message}" if payload.file == STDIN else finding.message
        lines = [message]
        if context := payload.context(finding):
            lines.append(f"in: {context}")
        if expected := format_expected(finding):
            lines.append(f"expected response: {expected}")
        if finding.suggestion:
            lines.append(f"suggestion: {finding.suggestion}")
        return annotation(str(finding.severity), properties, lines, self.encoding)


class GithubRenderer(Renderer[str]):
    """Renders an annotation per finding, and a summary."""

    shows_valid = False

    def __init__(self, write: Callable[[str], object], run: Run, encoding: str) -> None:
        self._write = write
        self._run = run
        self._encoding = encoding
        self.entry: Callable[[Payload, Report], str] = GithubEntry(encoding)

    def begin(self) -> None:
        """Write nothing."""

    def add(self, entries: Sequence[str]) -> None:
        """Write the annotations."""
        self._write("".join(entries))

    def unreadable(self, file: str, reason: str) -> None:
        """Write an annotation."""
        properties = ({"file": file} if file != STDIN else {}) | {"title": "unreadable"}
        self._write(annotation("error", properties, [f"could not be read: {reason}"], self._encoding))

    def end(self, summary: Summary) -> None:
        """Write tool, contract and readings, and the counts."""
        run = self._run
        readings = ", ".join(f"{name}={option} ({run.readings.sources[name]})" for name, option in run.readings.items())
        strict = ", strict" if run.strict else ""
        self._write(safe_line(f"{tool_line(run.version, run.revision)}{strict}, readings: {readings}", self._encoding) + "\n")
        for note in summary.notes:
            self._write(safe_line(note, self._encoding) + "\n")
        self._write(f"{summary}\n")
