"""Reports as text for people: a block per finding, with a caret under what is wrong and what to do about it.

Whatever a value or a file name holds, the text can be encoded and obeys no terminal: see `caret.safe`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nclue_contract.contract.rules import Severity
from nclue_contract.validation.findings import Finding, Report
from nclue_contract.validation.json_reader import Payload
from nclue_contract.validation.reports.base import NAME, STDIN, Run, Summary, where
from nclue_contract.validation.reports.excerpt import LEAST, point, safe, signs, wrap

EXCERPT = 60
"""Cells that the excerpt of a value may take."""

BLOCKS = 100
"""Findings that `render_report` shows in full."""

_SUGGESTION = 240  # cells; longer ones are cut around the first change, since a suggestion is not wrapped: people copy it

_INDENT = "  "
_LABEL = len("expected answer: ")
_BOLD, _RED, _YELLOW = "1", "1;31", "1;33"  # SGR parameters of ECMA-48


@dataclass(frozen=True, slots=True)
class Paper:
    """What is written on: its width in cells, its encoding, and whether it shows ANSI colours."""

    width: int = 80
    encoding: str = "utf-8"
    colour: bool = False

    def safe(self, text: str) -> str:
        """The text as it can be written here."""
        return safe(text, self.encoding)

    def wrap(self, text: str, indent: int) -> list[str]:
        """The safe text in lines that leave room for an indentation."""
        return wrap(self.safe(text), max(LEAST, self.width - indent))

    def paint(self, text: str, style: str) -> str:
        """The text in a colour or weight, if there are any."""
        return f"\x1b[{style}m{text}\x1b[0m" if self.colour and text else text


class TextRenderer:
    """Writes blocks for people, and a summary at the end. With `quiet`, nothing but one line per error and per unreadable input."""

    def __init__(self, write: Callable[[str], object], run: Run, *, colour: bool, encoding: str, quiet: bool = False) -> None:
        self._write = write
        self._run = run
        self._paper = Paper(encoding=encoding, colour=colour)
        self._quiet = quiet

    def begin(self) -> None:
        """Write nothing."""

    def payload(self, payload: Payload, report: Report) -> None:
        """Write a block per finding; with `quiet`, a line per error."""
        for finding in report.findings:
            if not self._quiet:
                self._write("".join(f"{line}\n" for line in block(finding, self._paper, payload)) + "\n")
            elif finding.severity is Severity.ERROR:
                message = self._paper.safe(finding.message)
                self._write(f"{_severity(finding, self._paper, payload)} {message}\n")

    def unreadable(self, file: str, reason: str) -> None:
        """Write that an input could not be read."""
        self._write(self._paper.safe(f"{file_name(file)}: could not be read: {reason}") + ("\n" if self._quiet else "\n\n"))

    def end(self, summary: Summary) -> None:
        """Write by what was judged, what was pinned, if anything, and the counts."""
        if self._quiet:
            return
        readings = self._run.readings
        pins = [f"{name}={option} ({readings.sources[name]})" for name, option in readings.items() if readings.pinned(name)]
        if pins:
            self._write(self._paper.safe(f"pinned: {', '.join(pins)}") + "\n")
        if self._run.ignored:
            self._write(f"ignored: {', '.join(self._run.ignored)}\n")
        if self._run.strict:
            self._write("strict: warnings are errors\n")
        self._write(f"{summary} [{NAME} {self._run.version}, contract {self._run.revision}]\n")


def render_report(report: Report, *, width: int = 80) -> str:
    """The report without places, for exceptions and test failures; `width` is in cells. At most 100 findings in full."""
    paper = Paper(width)
    blocks = ["\n".join(block(finding, paper)) for finding in report.findings[:BLOCKS]]
    if len(report.findings) > BLOCKS:
        blocks.append(f"... and {len(report.findings) - BLOCKS:,} more findings")
    return "\n\n".join(blocks) or "no findings"


def block(finding: Finding, paper: Paper, payload: Payload | None = None) -> Iterator[str]:
    """The lines that tell one finding, with its place if there is a payload that it stands in."""
    yield f"{_severity(finding, paper, payload)} {finding.slug}"
    for line in paper.wrap(finding.message, len(_INDENT)):
        yield _INDENT + line
    yield from _excerpt(finding, paper, payload)
    answers = expected_answers(finding)
    if answers:
        yield from _labelled("expected answer:", answers, paper)
    if suggestion := finding.suggestion:
        start = min(finding.offset or 0, len(suggestion) - 1)
        yield _INDENT + "suggestion:".ljust(_LABEL) + point(suggestion, [start], _SUGGESTION, paper.encoding)[0]
    if finding.pin is not None:
        yield from _labelled("pin:", f"--reading {finding.pin}", paper)
    yield from _labelled("page:", finding.page, paper)


def place(payload: Payload, finding: Finding) -> str:
    """`file:line:column` of a finding."""
    line, column = where(payload, finding)
    return f"{file_name(payload.file)}:{line}:{column}"


def file_name(file: str) -> str:
    """The file as people read it."""
    return "<stdin>" if file == STDIN else file


def expected_answers(finding: Finding) -> str:
    """The answers in one phrase. Empty for a warning about which the pages name no code: anything may happen then."""
    coded = [f"{answer.status}/{answer.code}" for answer in finding.expects if answer.code is not None]
    if finding.severity is Severity.WARNING:
        return _any_of(["success", *coded]) if coded else ""
    bare = _any_of([str(answer.status) for answer in finding.expects if answer.code is None])
    return ", or ".join(filter(None, [_any_of(coded), bare and f"{bare} (no code documented)"]))


def _any_of(words: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _severity(finding: Finding, paper: Paper, payload: Payload | None) -> str:
    painted = f"{paper.paint(str(finding.severity), _style(finding))} {paper.paint(finding.rule, _BOLD)}"
    return f"{paper.safe(place(payload, finding))}: {painted}" if payload else painted


def _style(finding: Finding) -> str:
    return _RED if finding.severity is Severity.ERROR else _YELLOW


def _excerpt(finding: Finding, paper: Paper, payload: Payload | None) -> Iterator[str]:
    """The value with carets when the finding is about a character of it, or the line of the payload when it is about the JSON itself."""
    text, positions = finding.text, finding.positions
    if text is None and finding.offset is not None and payload and isinstance(payload.text, str):
        text, positions = _source_line(payload.text, finding.offset)
    if text is None or not positions:
        return
    gutter = f"{_INDENT}  {signs(paper.encoding).bar} "
    line, carets = point(text, positions, min(EXCERPT, paper.width - len(gutter)), paper.encoding)
    yield gutter + line
    indent = len(carets) - len(carets.lstrip())
    yield gutter + carets[:indent] + paper.paint(carets[indent:], _style(finding))


def _source_line(text: str, offset: int) -> tuple[str, tuple[int, ...]]:
    """The line around an offset, and where the offset is in it; behind the end of the line there is a space to point at."""
    start = max(text.rfind(end, 0, offset) for end in "\r\n") + 1
    stop = min((at for end in "\r\n" if (at := text.find(end, offset)) >= 0), default=len(text))
    return text[start:stop] if offset < stop else text[start:stop] + " ", (min(offset, stop) - start,)


def _labelled(label: str, text: str, paper: Paper) -> Iterator[str]:
    indent = _INDENT + label.ljust(_LABEL)
    for line in paper.wrap(text, len(indent)):
        yield indent + line
        indent = " " * len(indent)
