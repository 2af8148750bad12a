"""The command `docs-drift`: read saved pages of the documentation, and report where they differ from the contract."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, TextIO

from nclue_contract import __version__
from nclue_contract.cli.files import atomic_file
from nclue_contract.cli.signals import interruptible
from nclue_contract.cli.sources import Note, Unreadable, expand, reason_of
from nclue_contract.cli.validate import protect_inputs
from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Readings
from nclue_contract.docs_drift.compare import compare_page
from nclue_contract.docs_drift.page import NotUnderstoodError
from nclue_contract.docs_drift.readers.files import MAX_BYTES, PAGE_SUFFIXES, read_page
from nclue_contract.docs_drift.report import DriftReport, FileResult
from nclue_contract.validation.reports.base import STDIN
from nclue_contract.validation.reports.excerpt import safe_line


def run_docs_drift(
    options: argparse.Namespace,
    readings: Readings,
    reports: Sequence[tuple[str, Path]],
    stdin: BinaryIO | None,
    stdout: TextIO,
    stderr: TextIO,
) -> int:
    """Compare all pages, write all outputs, and return the exit code.

    `stdin` is None when standard input is closed. Raises `OSError` when an output cannot be written, `ValueError` when a report would
    overwrite an input, and `MissingExtraError`.
    """
    sources = list(expand(options.names, PAGE_SUFFIXES))
    protect_inputs(sources, reports)
    with ExitStack() as stack:
        files = [(form, stack.enter_context(atomic_file(path))) for form, path in reports]
        results = list(_results(sources, options.input_format, readings, stdin, stderr))
        report = DriftReport(__version__, contract().revision, readings, results)
        _write(report, options.format, stdout, quiet=options.quiet)
        for form, file in files:
            _write(report, form, file, quiet=False)
    stdout.flush()
    return report.exit_code


def _results(
    sources: Sequence[str | Note | Unreadable], form: str | None, readings: Readings, stdin: BinaryIO | None, stderr: TextIO
) -> Iterator[FileResult]:
    for source in sources:
        if isinstance(source, Note):
            print(safe_line(f"note: {source.file}: {source.text}", stderr.encoding or "ascii"), file=stderr)
        elif isinstance(source, Unreadable):
            yield FileResult(source.file, unreadable=source.reason)
        else:
            yield _result(source, form, readings, stdin)


def _result(file: str, form: str | None, readings: Readings, stdin: BinaryIO | None) -> FileResult:
    name = "<stdin>" if file == STDIN else file
    try:
        return FileResult(name, compare_page(read_page(_data(file, stdin), file, form), readings))
    except NotUnderstoodError as error:
        return FileResult(name, not_understood=str(error))
    except (OSError, ValueError) as error:
        return FileResult(name, unreadable=reason_of(error))


def _data(file: str, stdin: BinaryIO | None) -> bytes:
    """Return the bytes of a file, or the first of one that is too large. Raises `OSError`, and `ValueError` for a closed standard input."""
    if file != STDIN:
        with Path(file).open("rb") as stream:
            return interruptible(stream).read(MAX_BYTES + 1)
    if stdin is None:
        raise ValueError("standard input is closed")
    return stdin.read(MAX_BYTES + 1)


def _write(report: DriftReport, form: str, stream: TextIO, *, quiet: bool) -> None:
    write: Callable[[str], object] = stream.write
    if form == "json":
        write(report.json())
        return
    for line in report.text(quiet=quiet):
        write(safe_line(line, stream.encoding or "ascii") + "\n")
