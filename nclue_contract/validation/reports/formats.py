"""Reports for machines, and the door to all formats: `renderer("jsonl", write, run)`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from nclue_contract.validation.findings import Report
from nclue_contract.validation.json_reader import Payload
from nclue_contract.validation.reports.base import NAME, STDIN, Renderer, Run, Summary, where
from nclue_contract.validation.reports.excerpt import safe
from nclue_contract.validation.reports.text import TextRenderer, expected_answers, place

FORMATS = ("text", "json", "jsonl", "junit", "sarif", "github")
"""The formats that `renderer` knows."""


def renderer(
    name: str, write: Callable[[str], object], run: Run, *, colour: bool = False, encoding: str = "utf-8", quiet: bool = False
) -> Renderer:
    """The renderer of a format; raises `ValueError` for a name that is not in `FORMATS`.

    `write` gets text that `encoding` can hold; all formats but text and github are ASCII. Colour and quiet concern text only.
    """
    match name:
        case "text":
            return TextRenderer(write, run, colour=colour, encoding=encoding, quiet=quiet)
        case "json":
            return JsonRenderer(write, run)
        case "jsonl":
            return JsonLinesRenderer(write)
        case "junit":
            from nclue_contract.validation.reports.junit import JunitRenderer  # noqa: PLC0415  # XML and temporary files, only for those who ask

            return JunitRenderer(write, run)
        case "sarif":
            from nclue_contract.validation.reports.sarif import SarifRenderer  # noqa: PLC0415  # hashes and URIs, only for those who ask

            return SarifRenderer(write, run)
        case "github":
            return GithubRenderer(write, run, encoding)
        case _:
            raise ValueError(f"unknown format {name!r:.80}; known: {', '.join(FORMATS)}")


class JsonLinesRenderer:
    """Writes an object per payload and line, and nothing else: the caller tells of inputs that could not be read."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._entry = PayloadEntry()

    def begin(self) -> None:
        """Write nothing."""

    def payload(self, payload: Payload, report: Report) -> None:
        """Write a line."""
        self._write(self._entry(payload, report) + "\n")

    def unreadable(self, file: str, reason: str) -> None:
        """Write nothing."""

    def end(self, summary: Summary) -> None:
        """Write nothing."""


class JsonRenderer:
    """Writes one document, each payload as it comes. Only the inputs that could not be read are kept until the end."""

    def __init__(self, write: Callable[[str], object], run: Run) -> None:
        self._write = write
        self._run = run
        self._entry = PayloadEntry()
        self._separator = "\n"
        self._unreadable: list[dict[str, str]] = []

    def begin(self) -> None:
        """Write the head, up to the payloads."""
        head: dict[str, Any] = {
            "tool": {"name": NAME, "version": self._run.version},
            "contract": {"revision": self._run.revision},
            "strict": self._run.strict,
            "ignored": list(self._run.ignored),
            "readings": self._run.readings_dict(),
        }
        lines = "".join(f'"{key}": {json.dumps(value)},\n' for key, value in head.items())
        self._write(f'{{\n{lines}"payloads": [')

    def payload(self, payload: Payload, report: Report) -> None:
        """Write an entry."""
        self._write(self._separator + self._entry(payload, report))
        self._separator = ",\n"

    def unreadable(self, file: str, reason: str) -> None:
        """Keep the file and the reason."""
        self._unreadable.append({"file": file, "reason": reason})

    def end(self, summary: Summary) -> None:
        """Write the rest."""
        counts = json.dumps(dataclasses.asdict(summary))
        self._write(f'\n],\n"unreadable": {json.dumps(self._unreadable)},\n"summary": {counts}\n}}\n')


class GithubRenderer:
    """Writes workflow commands of GitHub Actions, which become annotations, and a summary."""

    def __init__(self, write: Callable[[str], object], run: Run, encoding: str) -> None:
        self._write = write
        self._run = run
        self._encoding = encoding

    def begin(self) -> None:
        """Write nothing."""

    def payload(self, payload: Payload, report: Report) -> None:
        """Write an annotation per finding."""
        for finding in report.findings:
            message = finding.message
            if answers := expected_answers(finding):
                message += f"\nexpected answer: {answers}"
            if finding.suggestion:
                message += f"\nsuggestion: {finding.suggestion}"
            line, column = where(payload, finding)
            if payload.file == STDIN:  # no file that an annotation could stand in
                message = f"{place(payload, finding)}: {message}"
            properties = {"file": payload.file, "line": str(line), "col": str(column), "title": f"{finding.rule} {finding.slug}"}
            self._command(str(finding.severity), properties, message)

    def unreadable(self, file: str, reason: str) -> None:
        """Write an annotation."""
        self._command("error", {"file": file, "title": "unreadable"}, f"could not be read: {reason}")

    def end(self, summary: Summary) -> None:
        """Write who judged, and the counts."""
        run = self._run
        readings = ", ".join(f"{name}={option} ({run.readings.sources[name]})" for name, option in run.readings.items())
        strict = ", strict" if run.strict else ""
        self._write(self._safe(f"{NAME} {run.version}, contract {run.revision}{strict}, readings: {readings}") + "\n")
        self._write(f"{summary}\n")

    def _command(self, name: str, properties: dict[str, str], message: str) -> None:
        given = {key: value for key, value in properties.items() if properties["file"] != STDIN or key == "title"}
        listed = ",".join(f"{key}={_data(self._safe(value)).replace(':', '%3A').replace(',', '%2C')}" for key, value in given.items())
        text = "%0A".join(_data(self._safe(line)) for line in message.split("\n"))
        self._write(f"::{name} {listed}::{text}\n")

    def _safe(self, text: str) -> str:
        return safe(text, self._encoding)


class PayloadEntry:
    """The stable JSON form of one payload and its report, as a string in ASCII. Quick for payloads without findings."""

    def __init__(self) -> None:
        self._file: str | None = None
        self._head = ""

    def __call__(self, payload: Payload, report: Report) -> str:
        """`{"file", "line", "index", "valid", "findings"}`."""
        if payload.file != self._file:
            self._file = payload.file
            self._head = f'{{"file": {json.dumps(payload.file)}, "line": '
        if not report.findings:
            return f'{self._head}{payload.line}, "index": {payload.index}, "valid": true, "findings": []}}'
        findings = json.dumps([finding.to_dict() for finding in report.findings])
        return f'{self._head}{payload.line}, "index": {payload.index}, "valid": {json.dumps(report.ok)}, "findings": {findings}}}'


def _data(text: str) -> str:
    """A text in a workflow command: what would end the line, and the escape itself, escaped."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
