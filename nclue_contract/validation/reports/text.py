"""Reports as text for people: a block per finding, with carets under the faulty characters and a suggestion.

Whatever a value or a file name contains, the text can be encoded and controls no terminal: see `excerpt.safe`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from nclue_contract.contract.rules import Answer, Severity
from nclue_contract.contract.wording import format_status, harmless
from nclue_contract.validation.findings import Finding, Report
from nclue_contract.validation.json_reader import Payload
from nclue_contract.validation.reports.base import STDIN, Renderer, Run, Summary, tool_line, where
from nclue_contract.validation.reports.excerpt import MIN_CELLS, excerpt_with_carets, safe, source_line, symbols, wrap

EXCERPT_CELLS = 60
"""The widest excerpt of a value, in cells."""

BLOCKS = 100
"""How many findings `render_report` shows in full."""

_SUGGESTION = 240  # cells; longer ones are cut around the first change: a suggestion is not wrapped, so that it can be copied

_INDENT = "  "
_LABEL = len("suggestion: ")
BOLD, RED, YELLOW, GREEN = "1", "1;31", "1;33", "1;32"
"""Styles for `Console.paint`: SGR parameters of ECMA-48."""


class Console(NamedTuple):
    """Where text is shown: its width in cells, its encoding, and whether it has ANSI colours."""

    width: int = 80
    encoding: str = "utf-8"
    colour: bool = False

    def safe(self, text: str) -> str:
        """Return the text as it can be written here."""
        return safe(text, self.encoding)

    def wrap(self, text: str, indent: int) -> list[str]:
        """Return the lines of the safe text, short enough for an indentation of so many cells."""
        return wrap(self.safe(text), max(MIN_CELLS, self.width - indent))

    def paint(self, text: str, style: str) -> str:
        """Return the text in a colour or weight, if there are any."""
        return f"\x1b[{style}m{text}\x1b[0m" if self.colour and text else text


@dataclass(frozen=True, slots=True)
class TextEntry:
    """The text about one payload: a block per finding; with `quiet`, a line per error."""

    console: Console
    quiet: bool

    def __call__(self, payload: Payload, report: Report) -> str:
        """Return the text, empty for a payload without findings."""
        if not self.quiet:
            return "".join(finding_block(finding, self.console, payload) + "\n\n" for finding in report.findings)
        return "".join(self._line(payload, finding) for finding in report.errors)

    def _line(self, payload: Payload, finding: Finding) -> str:
        message = self.console.safe(finding.message)
        context = self.console.safe(f" ({payload.context(finding)})") if payload.context(finding) else ""
        return harmless(f"{_heading(finding, self.console, payload)} {message}{context}") + "\n"


class TextRenderer(Renderer[str]):
    """Renders blocks for people, and a summary at the end. With `quiet`, only a line per error and per unreadable input."""

    shows_valid = False

    def __init__(self, write: Callable[[str], object], run: Run, *, colour: bool, encoding: str, quiet: bool = False) -> None:
        self._write = write
        self._run = run
        self._console = Console(encoding=encoding, colour=colour)
        self._quiet = quiet
        self.entry: Callable[[Payload, Report], str] = TextEntry(self._console, quiet)

    def begin(self) -> None:
        """Write nothing."""

    def add(self, entries: Sequence[str]) -> None:
        """Write the blocks or lines."""
        self._write("".join(entries))

    def unreadable(self, file: str, reason: str) -> None:
        """Write that an input could not be read."""
        line = harmless(self._console.safe(f"{format_file(file)}: could not be read: {reason}"))
        self._write(line + ("\n" if self._quiet else "\n\n"))

    def end(self, summary: Summary) -> None:
        """Write the pinned readings, the ignored rules and strictness, if any, and the counts."""
        if self._quiet:
            return
        readings = self._run.readings
        pins = [f"{name}={option} ({readings.sources[name]})" for name, option in readings.items() if readings.pinned(name)]
        if pins:
            self._write(harmless(self._console.safe(f"pinned: {', '.join(pins)}")) + "\n")
        if self._run.ignored:
            self._write(f"ignored: {', '.join(self._run.ignored)}\n")
        if self._run.strict:
            self._write("strict: warnings are errors\n")
        for note in summary.notes:
            self._write(self._console.safe(note) + "\n")
        self._write(f"{summary} [{tool_line(self._run.version, self._run.revision)}]\n")


def render_report(report: Report, *, width: int = 80) -> str:
    """Return the report without places, for exceptions and test failures; `width` is in cells. At most 100 findings in full."""
    console = Console(width)
    blocks = [finding_block(finding, console) for finding in report.findings[:BLOCKS]]
    if len(report.findings) > BLOCKS:
        blocks.append(f"... and {len(report.findings) - BLOCKS:,} more findings")
    return "\n\n".join(blocks) or "no findings"


def finding_block(finding: Finding, console: Console, payload: Payload | None = None) -> str:
    """Return the lines about one finding, with its place in the payload if there is one. No line is a command of a CI system."""
    block = "\n".join(_finding_lines(finding, console, payload))
    return "\n".join(map(harmless, block.split("\n"))) if "##" in block or "::" in block else block  # hardly any line is one


def _finding_lines(finding: Finding, console: Console, payload: Payload | None) -> Iterator[str]:
    yield f"{_heading(finding, console, payload)} {finding.slug}"
    for line in console.wrap(finding.message, len(_INDENT)):
        yield _INDENT + line
    yield from _excerpt(finding, console, payload)
    if payload is not None and (context := payload.context(finding)):
        yield from _labelled("in:", context, console)
    if expected := format_expected(finding):
        yield from _labelled("response:", expected, console)
    if suggestion := finding.suggestion:
        start = min(finding.offset or 0, len(suggestion) - 1)
        yield _INDENT + "suggestion:".ljust(_LABEL) + excerpt_with_carets(suggestion, [start], _SUGGESTION, console.encoding)[0]
    if finding.pin is not None:
        yield from _labelled("pin:", f"--reading {finding.pin}", console)
    yield from _labelled("page:", finding.page, console)


def format_place(payload: Payload, finding: Finding) -> str:
    """Return `file:line:column` of a finding."""
    line, column = where(payload, finding)
    return f"{format_file(payload.file)}:{line}:{column}"


def format_file(file: str) -> str:
    """Return the name of a file for people."""
    return "<stdin>" if file == STDIN else file


def format_expected(finding: Finding) -> str:
    """Return the expected responses in one phrase; empty for a warning without a documented code, where any response is right."""
    return _format_answers(finding.expects, finding.severity)


@lru_cache(maxsize=256)  # as below
def _format_answers(answers: Sequence[Answer], severity: Severity) -> str:
    coded = [format_status(answer.status, answer.code) for answer in answers if answer.code is not None]
    if severity is Severity.WARNING:
        return _any_of(["success", *coded]) if coded else ""
    bare = _any_of([str(answer.status) for answer in answers if answer.code is None])
    return ", or ".join(filter(None, [_any_of(coded), bare and f"{bare} (no code documented)"]))


def _any_of(words: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _heading(finding: Finding, console: Console, payload: Payload | None) -> str:
    painted = f"{console.paint(str(finding.severity), _style(finding))} {console.paint(finding.rule, BOLD)}"
    return f"{console.safe(format_place(payload, finding))}: {painted}" if payload else painted


def _style(finding: Finding) -> str:
    return RED if finding.severity is Severity.ERROR else YELLOW


def _excerpt(finding: Finding, console: Console, payload: Payload | None) -> Iterator[str]:
    """Return the value with carets if the finding is about a character of it, or the line of the payload if it is about the JSON."""
    text, positions = finding.text, finding.positions
    if text is None and finding.offset is not None and payload and isinstance(payload.text, str):
        text, positions = source_line(payload.text, finding.offset)
    if text is None or not positions:
        return
    gutter = f"{_INDENT}  {symbols(console.encoding).bar} "
    line, carets = excerpt_with_carets(text, positions, min(EXCERPT_CELLS, console.width - len(gutter)), console.encoding)
    yield gutter + line
    indent = len(carets) - len(carets.lstrip())
    yield gutter + carets[:indent] + console.paint(carets[indent:], _style(finding))


@lru_cache(maxsize=256)  # there are few pins, pages and responses, and many findings
def _labelled(label: str, text: str, console: Console) -> tuple[str, ...]:
    indent = _INDENT + label.ljust(_LABEL)
    first, *others = console.wrap(text, len(indent))
    return indent + first, *(" " * len(indent) + line for line in others)
