"""The command `nclue-contract traffic`: judge recorded exchanges, and write the findings as they come, so that memory stays flat."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO

from nclue_contract.cli.files import atomic_file
from nclue_contract.cli.progress import ProgressBar
from nclue_contract.cli.signals import interruptible
from nclue_contract.cli.sources import RECORDING_SUFFIXES, Note, Unreadable, expand, reason_of
from nclue_contract.cli.validate import protect_inputs, standard_output, total_bytes
from nclue_contract.contract.hosts import Target
from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Readings
from nclue_contract.signing import VARIABLES, Credentials
from nclue_contract.traffic.judge import JudgeOptions, TrafficJudge
from nclue_contract.traffic.readers.base import SourceError
from nclue_contract.traffic.readers.files import Entry, exchanges
from nclue_contract.traffic.report import TrafficReport
from nclue_contract.validation.reports.base import STDIN, Run
from nclue_contract.validation.reports.excerpt import safe_line
from nclue_contract.validation.reports.formats import renderer


@dataclass(frozen=True, slots=True)
class Output:
    """Where the report goes: the format of standard output, and pairs of a format and a path."""

    format: str
    reports: Sequence[tuple[str, Path]]
    quiet: bool


def judge_options(
    options: argparse.Namespace, readings: Readings, ignore: Iterable[str], environment: Mapping[str, str], *, strict: bool
) -> JudgeOptions:
    """Return how exchanges are judged, by the options of the command line. Raises `ValueError` for what the user can correct."""
    try:
        fail_on = contract().select_rules(options.fail_on)
    except ValueError as error:
        raise ValueError(f"--fail-on: {error}") from error
    has_keys = any(environment.get(name, "").strip() for name in VARIABLES)
    credentials = Credentials.from_environment(environment) if has_keys else None
    return JudgeOptions(readings, strict, frozenset(ignore), fail_on, (), credentials, options.side)


def servers_of(options: argparse.Namespace) -> tuple[Target, ...]:
    """Return the servers that `--server` names. Raises `ValueError`."""
    if options.signed_prefix is not None and not options.server:
        raise ValueError("--signed-prefix needs --server")
    try:
        return tuple(Target.parse(url, options.signed_prefix) for url in options.server)
    except ValueError as error:
        raise ValueError(f"--server: {error}") from error


def run_traffic(
    options: JudgeOptions, run: Run, names: Sequence[str], output: Output, stdin: BinaryIO | None, stdout: TextIO, stderr: TextIO
) -> int:
    """Judge all recordings, write all outputs, and return the exit code.

    `stdin` is None when standard input is closed. Raises `OSError` when an output cannot be written, `ValueError` when a report would
    overwrite an input, and `MissingExtraError`.
    """
    sources = list(expand(names, RECORDING_SUFFIXES))
    protect_inputs(sources, output.reports)
    progress = ProgressBar(stderr, total_bytes(sources), enabled=stderr.isatty() and not output.quiet, doing="judging")
    with ExitStack() as stack:
        stack.callback(progress.clear)
        outputs = [standard_output(run, output.format, stdout, progress, quiet=output.quiet)]
        outputs += [renderer(form, stack.enter_context(atomic_file(path)).write, run) for form, path in output.reports]
        report = TrafficReport(TrafficJudge(options), outputs)
        report.begin()

        def unreadable(file: str, reason: str) -> None:
            progress.clear()
            report.unreadable(file, reason)
            if output.format != "text":  # standard output does not show it
                print(safe_line(f"error: {file}: {reason}", stderr.encoding or "ascii"), file=stderr)

        for source in sources:
            if isinstance(source, Note):
                if not output.quiet:
                    progress.clear()
                    print(safe_line(f"note: {source.file}: {source.text}", stderr.encoding or "ascii"), file=stderr)
                continue
            report.begin_recording()
            for entry in entries_of(source, stdin, progress.advance):
                if isinstance(entry, Unreadable):
                    unreadable(entry.file, entry.reason)
                elif entry.exchange is None:
                    unreadable(entry.file, f"line {entry.line} (index {entry.index}): {entry.problem}")
                else:
                    report.add(entry.file, entry.line, entry.index, entry.exchange)
        progress.clear()
        report.end()
        stdout.flush()
    if not report.summary.payloads and not report.summary.unreadable and not output.quiet:
        print("note: nothing was judged: no exchange with NCLUE or a server on loopback; --server names another one", file=stderr)
    return report.exit_code


def entries_of(
    source: str | Unreadable, stdin: BinaryIO | None, progress: Callable[[int], None] | None = None
) -> Iterator[Entry | Unreadable]:
    """Yield the entries of one recording, and why it cannot be read any further."""
    if isinstance(source, Unreadable):
        yield source
        return
    if source == STDIN and stdin is None:
        yield Unreadable(STDIN, "standard input is closed")
        return
    count = 0
    try:
        with ExitStack() as stack:
            stream = stdin if source == STDIN and stdin else stack.enter_context(Path(source).open("rb"))
            for entry in exchanges(source, interruptible(stream), progress):
                count += 1
                yield entry
    except (OSError, ValueError) as error:
        yield Unreadable(source, str(error) if isinstance(error, SourceError) else reason_of(error))
        return
    if not count:
        yield Unreadable(source, "it has no exchanges, or is none of the formats HAR, cassette, journal, JSON Lines")
