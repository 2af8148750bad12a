"""The command `nclue-contract validate`: payloads in, findings out. What is found goes to the outputs as it comes, so memory stays flat."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO

from nclue_contract.cli.progress import Progress
from nclue_contract.cli.sources import InputFormat, Note, Unreadable, expand, payloads
from nclue_contract.contract.rules import Severity
from nclue_contract.validation.json_reader import Payload
from nclue_contract.validation.reports.base import FAILED, PASSED, STDIN, USAGE, Renderer, Run, Summary
from nclue_contract.validation.reports.excerpt import safe
from nclue_contract.validation.reports.formats import renderer
from nclue_contract.validation.validator import Validator


@dataclass(frozen=True, slots=True)
class Options:
    """What the command was asked for; `reports` are pairs of a format and a path."""

    names: Sequence[str]
    input_format: InputFormat | None
    format: str
    reports: Sequence[tuple[str, Path]]
    quiet: bool


def validate(validator: Validator, run: Run, options: Options, stdin: BinaryIO | None, stdout: TextIO, stderr: TextIO) -> int:
    """Judge all inputs and write all outputs; returns the exit code.

    `stdin` is None when standard input is closed. Raises `OSError` when an output cannot be written, and `ValueError` when a report would
    overwrite an input.
    """
    sources = list(expand(options.names))
    _spare_inputs(sources, options.reports)
    progress = Progress(stderr, _total(sources), enabled=stderr.isatty() and not options.quiet)
    summary = Summary()
    with ExitStack() as stack:
        stack.callback(progress.clear)
        outputs = [_standard_output(run, options, stdout, progress)]
        outputs += [renderer(form, stack.enter_context(whole_file(path)).write, run) for form, path in options.reports]
        for output in outputs:
            output.begin()
        for item in _items(sources, stdin, options.input_format, progress):
            if isinstance(item, Payload):
                _judge(validator, item, outputs, summary)
                continue
            progress.clear()
            if isinstance(item, Unreadable):
                summary.unreadable += 1
                for output in outputs:
                    output.unreadable(item.file, item.reason)
            _tell(item, options, stderr)
        progress.clear()
        if not summary.payloads and not summary.unreadable:
            _tell(Note(" ".join(options.names), "nothing was judged, because there is no payload in it"), options, stderr)
        for output in outputs:
            output.end(summary)
        stdout.flush()
    if summary.unreadable:
        return USAGE
    return PASSED if summary.valid == summary.payloads else FAILED


def _spare_inputs(sources: Iterable[str | Unreadable], reports: Iterable[tuple[str, Path]]) -> None:
    """Refuse to write a report over a payload, also one that a folder or a glob has found, or that has another name (links)."""
    for _, path in reports:
        for source in sources:
            if isinstance(source, str) and path.is_file() and Path(source).is_file() and path.samefile(source):
                raise ValueError(f"--report: {path} is an input, and would be overwritten")


def _items(
    sources: Iterable[str | Unreadable], stdin: BinaryIO | None, input_format: InputFormat | None, progress: Progress
) -> Iterator[Payload | Note | Unreadable]:
    for source in sources:
        if isinstance(source, Unreadable):
            yield source
        elif stdin is None and source == STDIN:
            yield Unreadable(STDIN, "standard input is closed")
        else:
            yield from payloads(source, stdin or io.BytesIO(), input_format, progress.advance)


def _judge(validator: Validator, payload: Payload, outputs: list[Renderer], summary: Summary) -> None:
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


def _tell(item: Note | Unreadable, options: Options, stderr: TextIO) -> None:
    """What standard output does not say: notes, and in the formats for machines what could not be read."""
    if isinstance(item, Unreadable) and options.format != "text":
        print(safe(f"error: {item.file}: {item.reason}", stderr.encoding or "ascii"), file=stderr)
    elif isinstance(item, Note) and not options.quiet:
        print(safe(f"note: {item.file}: {item.text}", stderr.encoding or "ascii"), file=stderr)


def _standard_output(run: Run, options: Options, stdout: TextIO, progress: Progress) -> Renderer:
    def write(text: str) -> object:
        progress.clear()
        return stdout.write(text)

    colour = stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return renderer(options.format, write, run, colour=colour, encoding=stdout.encoding or "ascii", quiet=options.quiet)


def _total(sources: Sequence[str | Unreadable]) -> int:
    """The bytes of all files together; 0 when standard input is among them, whose size nobody knows."""
    if STDIN in sources:
        return 0
    sizes = (Path(source).stat().st_size for source in sources if isinstance(source, str) and Path(source).is_file())
    return sum(sizes)


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """A text file (UTF-8) that appears at `path` when everything is written, and not at all when something fails.

    A link stays, and its target is replaced. What is no file, such as /dev/null or a pipe, is written to as it is.
    """
    if path.exists() and not path.is_file():
        with path.open("w", encoding="utf-8", newline="\n") as file:
            yield file
        return
    target = Path(os.path.realpath(path))
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".nclue-contract.")
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            yield file
        temporary.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _umask() -> int:
    value = os.umask(0)
    os.umask(value)
    return value
