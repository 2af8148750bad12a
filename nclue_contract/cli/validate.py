"""The command `nclue-contract validate`: read payloads, validate them, and write the findings as they come, so that memory stays flat."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO

from nclue_contract.cli.files import atomic_file
from nclue_contract.cli.progress import ProgressBar
from nclue_contract.cli.sources import InputFormat, Note, Unreadable, expand, payloads
from nclue_contract.contract.rules import Severity
from nclue_contract.validation.json_reader import Payload
from nclue_contract.validation.reports.base import FAILED, INCONCLUSIVE, PASSED, STDIN, USAGE, Renderer, Run, Summary
from nclue_contract.validation.reports.excerpt import safe
from nclue_contract.validation.reports.formats import renderer
from nclue_contract.validation.validator import Validator


class Empty(Note):
    """The note about an input without a payload."""


@dataclass(frozen=True, slots=True)
class ValidateOptions:
    """The options of the command; `names` are files, folders, globs or "-", `reports` pairs of a format and a path."""

    names: Sequence[str]
    input_format: InputFormat | None
    format: str
    reports: Sequence[tuple[str, Path]]
    quiet: bool
    fail_on_empty: bool = False


def validate(validator: Validator, run: Run, options: ValidateOptions, stdin: BinaryIO | None, stdout: TextIO, stderr: TextIO) -> int:
    """Validate all inputs, write all outputs, and return the exit code.

    `stdin` is None when standard input is closed. Raises `OSError` when an output cannot be written, and `ValueError` when a report would
    overwrite an input.
    """
    sources = list(expand(options.names))
    _protect_inputs(sources, options.reports)
    progress = ProgressBar(stderr, _total(sources), enabled=stderr.isatty() and not options.quiet)
    summary = Summary()
    empty = False
    with ExitStack() as stack:
        stack.callback(progress.clear)
        outputs = [_standard_output(run, options, stdout, progress)]
        outputs += [renderer(form, stack.enter_context(atomic_file(path)).write, run) for form, path in options.reports]
        for output in outputs:
            output.begin()
        for item in _items(sources, stdin, options.input_format, progress):
            if isinstance(item, Empty):
                empty = True
            if isinstance(item, Payload):
                _validate_payload(validator, item, outputs, summary)
                continue
            progress.clear()
            if isinstance(item, Unreadable):
                summary.unreadable += 1
                for output in outputs:
                    output.unreadable(item.file, item.reason)
            _note(item, options, stderr)
        progress.clear()
        for output in outputs:
            output.end(summary)
        stdout.flush()
    if summary.unreadable:
        return USAGE
    if summary.valid != summary.payloads:
        return FAILED
    return INCONCLUSIVE if empty and options.fail_on_empty else PASSED


def _protect_inputs(sources: Iterable[str | Unreadable], reports: Iterable[tuple[str, Path]]) -> None:
    """Raise `ValueError` for a report that would overwrite an input, including one in a folder, of a glob, or behind a link."""
    for _, path in reports:
        for source in sources:
            if isinstance(source, str) and path.is_file() and Path(source).is_file() and path.samefile(source):
                raise ValueError(f"--report: {path} is an input, and would be overwritten")


def _items(
    sources: Iterable[str | Unreadable], stdin: BinaryIO | None, input_format: InputFormat | None, progress: ProgressBar
) -> Iterator[Payload | Note | Unreadable]:
    for source in sources:
        if isinstance(source, Unreadable):
            yield source
        elif stdin is None and source == STDIN:
            yield Unreadable(STDIN, "standard input is closed")
        else:
            empty = True
            for item in payloads(source, stdin or io.BytesIO(), input_format, progress.advance):
                empty &= isinstance(item, Note)
                yield item
            if empty:
                yield Empty(source, "nothing was validated, because it contains no payload")


def _validate_payload(validator: Validator, payload: Payload, outputs: list[Renderer], summary: Summary) -> None:
    report = validator.validate_request_json(payload.text)
    summary.payloads += 1
    if report.findings:
        errors = sum(finding.severity is Severity.ERROR for finding in report.findings)
        summary.errors += errors
        summary.warnings += len(report.findings) - errors
        summary.valid += not errors
    else:
        summary.valid += 1
    for output in outputs:
        output.payload(payload, report)


def _note(item: Note | Unreadable, options: ValidateOptions, stderr: TextIO) -> None:
    """Print to standard error what standard output does not contain: notes, and, unless it is text, unreadable inputs."""
    if isinstance(item, Unreadable) and options.format != "text":
        print(safe(f"error: {item.file}: {item.reason}", stderr.encoding or "ascii"), file=stderr)
    elif isinstance(item, Note) and not options.quiet:
        print(safe(f"note: {item.file}: {item.text}", stderr.encoding or "ascii"), file=stderr)


def _standard_output(run: Run, options: ValidateOptions, stdout: TextIO, progress: ProgressBar) -> Renderer:
    def write(text: str) -> object:
        progress.clear()
        return stdout.write(text)

    colour = stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return renderer(options.format, write, run, colour=colour, encoding=stdout.encoding or "ascii", quiet=options.quiet)


def _total(sources: Sequence[str | Unreadable]) -> int:
    """Return the bytes of all files together; 0 when standard input is among them, whose size is not known."""
    if STDIN in sources:
        return 0
    sizes = (Path(source).stat().st_size for source in sources if isinstance(source, str) and Path(source).is_file())
    return sum(sizes)
