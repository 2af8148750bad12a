"""The command `nclue-contract validate`: read payloads, validate them, and write the findings as they come, so that memory stays flat."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TextIO

from nclue_contract.cli.colour import use_colour
from nclue_contract.cli.files import atomic_file
from nclue_contract.cli.line_blocks import FileRange
from nclue_contract.cli.part_validator import Empty, FileGroup, PartValidator, Validated, Work, file_parts, grouped
from nclue_contract.cli.progress import ProgressBar
from nclue_contract.cli.sources import InputFormat, Note, Reading, Surveyor, Unreadable, expand
from nclue_contract.cli.valid_blocks import ValidBlocks
from nclue_contract.cli.workers import Deferred, Workers
from nclue_contract.validation.reports.base import FAILED, INCONCLUSIVE, MAX_RESULTS, PASSED, STDIN, USAGE, Renderer, Run, Summary
from nclue_contract.validation.reports.excerpt import safe_line
from nclue_contract.validation.reports.formats import renderer
from nclue_contract.validation.validator import Validator


class ValidateOptions(NamedTuple):
    """The options of the command; `names` are files, folders, globs or "-", `reports` pairs of a format and a path, `jobs` processes."""

    names: Sequence[str]
    input_format: InputFormat | None
    format: str
    reports: Sequence[tuple[str, Path]]
    quiet: bool
    max_line: int
    max_results: int = MAX_RESULTS
    color: str = "auto"
    fail_on_empty: bool = False
    jobs: int = 1


def validate(validator: Validator, run: Run, options: ValidateOptions, stdin: BinaryIO | None, stdout: TextIO, stderr: TextIO) -> int:
    """Validate all inputs, write all outputs, and return the exit code.

    `stdin` is None when standard input is closed. Raises `OSError` when an output cannot be written, `ValueError` when a report would
    overwrite an input, and `WorkerError`.
    """
    sources = list(expand(options.names))
    protect_inputs(sources, options.reports)
    progress = ProgressBar(stderr, total_bytes(sources), enabled=stderr.isatty() and not options.quiet)
    summary = Summary()
    empty = False
    with ExitStack() as stack:
        stack.callback(progress.clear)
        outputs = [
            standard_output(
                run, options.format, stdout, progress, quiet=options.quiet, color=options.color, max_results=options.max_results
            )
        ]
        outputs += [
            renderer(form, stack.enter_context(atomic_file(path)).write, run, max_results=options.max_results)
            for form, path in options.reports
        ]
        for output in outputs:
            output.begin()
        reading = Reading(options.input_format, options.max_line, ValidBlocks(validator.surely_valid))
        part_validator = PartValidator(validator, outputs, reading)
        results: Iterator[list[Any]]
        if options.jobs == 1:
            results = map(part_validator, _work(sources, stdin, reading, progress))
        else:
            workers = stack.enter_context(Workers(part_validator, options.jobs))
            cost = Deferred(part_validator.cost)

            def surveyor(ranges: Iterable[FileRange]) -> Iterator[Any]:
                return chain.from_iterable(workers.results(ranges, cost))

            results = workers.results(_work(grouped(sources), stdin, reading, progress, surveyor), cost)
        for item in chain.from_iterable(results):
            empty |= isinstance(item, Empty)
            if isinstance(item, Validated):
                _add_validated(item, outputs, summary)
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
    return _exit_code(summary, inconclusive=empty and options.fail_on_empty)


def _exit_code(summary: Summary, *, inconclusive: bool) -> int:
    if summary.unreadable:
        return USAGE
    if summary.valid != summary.payloads:
        return FAILED
    return INCONCLUSIVE if inconclusive else PASSED


def protect_inputs(sources: Iterable[str | Note | Unreadable], reports: Iterable[tuple[str, Path]]) -> None:
    """Raise `ValueError` for a report that would overwrite an input, including one in a folder, of a glob, or behind a link."""
    for _, path in reports:
        for source in sources:
            if isinstance(source, str) and path.is_file() and Path(source).is_file() and path.samefile(source):
                raise ValueError(f"--report: {path} is an input, and would be overwritten")


def _work(
    sources: Iterable[str | FileGroup | Note | Unreadable],
    stdin: BinaryIO | None,
    reading: Reading,
    progress: ProgressBar,
    surveyor: Surveyor | None = None,
) -> Iterator[Work]:
    for source in sources:
        if isinstance(source, FileGroup):
            progress.advance(source.size)
            yield source
        elif not isinstance(source, str):
            yield source
        elif stdin is None and source == STDIN:
            yield Unreadable(STDIN, "standard input is closed")
        else:
            yield from file_parts(source, stdin or io.BytesIO(), reading, progress.advance, surveyor)


def _add_validated(validated: Validated, outputs: Sequence[Renderer[Any]], summary: Summary) -> None:
    summary.include(validated.summary)
    for output, entries in zip(outputs, validated.entries, strict=True):
        if entries:
            output.add(entries)


def _note(item: Note | Unreadable, options: ValidateOptions, stderr: TextIO) -> None:
    """Print to standard error what standard output does not contain: notes, and, unless it is text, unreadable inputs."""
    if isinstance(item, Unreadable) and options.format != "text":
        print(safe_line(f"error: {item.file}: {item.reason}", stderr.encoding or "ascii"), file=stderr)
    elif isinstance(item, Note) and not options.quiet:
        print(safe_line(f"note: {item.file}: {item.text}", stderr.encoding or "ascii"), file=stderr)


def standard_output(  # all but four by name
    run: Run, form: str, stdout: TextIO, progress: ProgressBar, *, quiet: bool, color: str = "auto", max_results: int = MAX_RESULTS
) -> Renderer[Any]:
    """Return the renderer of a format for standard output, which clears the progress bar before it writes."""

    def write(text: str) -> object:
        progress.clear()
        return stdout.write(text)

    colour, encoding = use_colour(color, stdout, os.environ), stdout.encoding or "ascii"
    return renderer(form, write, run, colour=colour, encoding=encoding, quiet=quiet, max_results=max_results)


def total_bytes(sources: Sequence[str | Note | Unreadable]) -> int:
    """Return the bytes of all files together; 0 when standard input is among them, whose size is not known."""
    if STDIN in sources:
        return 0
    sizes = (Path(source).stat().st_size for source in sources if isinstance(source, str) and Path(source).is_file())
    return sum(sizes)
