"""The formats of the command `validate`: the choice of a renderer, and the renderers of JSON and JSON Lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nclue_contract.validation.findings import Report
from nclue_contract.validation.json_reader import Payload
from nclue_contract.validation.reports.base import FORMATS, MAX_RESULTS, Renderer, Run, Summary, head, json_text
from nclue_contract.validation.reports.text import TextRenderer


def renderer(  # all but three by name
    name: str,
    write: Callable[[str], object],
    run: Run,
    *,
    colour: bool = False,
    encoding: str = "utf-8",
    quiet: bool = False,
    max_results: int = MAX_RESULTS,
) -> Renderer[Any]:
    """Return the renderer of a format; raises `ValueError` for one that `validate` does not have.

    `write` gets text that `encoding` can hold; all formats but text and github are ASCII. Colour and quiet concern text only,
    and the most results SARIF only.
    """
    match name:
        case "text":
            return TextRenderer(write, run, colour=colour, encoding=encoding, quiet=quiet)
        case "json":
            return JsonRenderer(write, run)
        case "jsonl":
            return JsonLinesRenderer(write)
        case "junit":
            from nclue_contract.validation.reports.junit import JunitRenderer  # noqa: PLC0415  # XML and temporary files only when needed

            return JunitRenderer(write, run)
        case "sarif":
            from nclue_contract.validation.reports.sarif import SarifRenderer  # noqa: PLC0415  # hashes and URIs only when needed

            return SarifRenderer(write, run, max_results)
        case "github":
            from nclue_contract.validation.reports.github import GithubRenderer  # noqa: PLC0415  # URIs only when needed

            return GithubRenderer(write, run, encoding)
        case _:
            raise ValueError(f"unknown format {name!r:.80}; known: {', '.join(FORMATS['validate'])}")


class JsonLinesRenderer(Renderer[str]):
    """Renders an object per payload and line, and nothing else: the caller reports inputs that could not be read."""

    shows_valid = True

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self.entry: Callable[[Payload, Report], str] = PayloadEntry()

    def begin(self) -> None:
        """Write nothing."""

    def add(self, entries: Sequence[str]) -> None:
        """Write a line per payload."""
        self._write("\n".join(entries) + "\n")

    def unreadable(self, file: str, reason: str) -> None:
        """Write nothing."""

    def end(self, summary: Summary) -> None:
        """Write nothing."""


class JsonRenderer(Renderer[str]):
    """Renders one document, each payload as it comes. Only the inputs that could not be read are stored until the end."""

    shows_valid = True

    def __init__(self, write: Callable[[str], object], run: Run) -> None:
        self._write = write
        self._run = run
        self.entry: Callable[[Payload, Report], str] = PayloadEntry()
        self._separator = "\n"
        self._unreadable: list[dict[str, str]] = []

    def begin(self) -> None:
        """Write the head, up to the payloads."""
        run = self._run
        more: dict[str, Any] = {"strict": run.strict, "ignored": list(run.ignored), "readings": run.readings_dict()}
        lines = "".join(f'"{key}": {json_text(value)},\n' for key, value in (head(run.version, run.revision) | more).items())
        self._write(f'{{\n{lines}"{run.noun}s": [')

    def add(self, entries: Sequence[str]) -> None:
        """Write the entries."""
        self._write(self._separator + ",\n".join(entries))
        self._separator = ",\n"

    def unreadable(self, file: str, reason: str) -> None:
        """Keep the file and the reason."""
        self._unreadable.append({"file": file, "reason": reason})

    def end(self, summary: Summary) -> None:
        """Write the rest."""
        counts = json_text(summary.to_dict())
        self._write(f'\n],\n"unreadable": {json_text(self._unreadable)},\n"summary": {counts}\n}}\n')


class PayloadEntry:
    """The stable JSON form of one payload and its report, as a string in ASCII. Quick for payloads without findings."""

    def __init__(self) -> None:
        self._file: str | None = None
        self._head = ""

    def __call__(self, payload: Payload, report: Report) -> str:
        """Return `{"file", "line", "index", "valid", "findings"}`, with the attributes of the payload, if it has any, before `valid`."""
        if payload.file != self._file:
            self._file = payload.file
            self._head = f'{{"file": {json_text(payload.file)}, "line": '
        more = "".join(f"{json_text(name)}: {json_text(value)}, " for name, value in payload.attributes().items())
        if not report.findings:
            return f'{self._head}{payload.line}, "index": {payload.index}, {more}"valid": true, "findings": []}}'
        findings = json_text([payload.attributes(finding) | finding.to_dict() for finding in report.findings])
        return f'{self._head}{payload.line}, "index": {payload.index}, {more}"valid": {json_text(report.ok)}, "findings": {findings}}}'
