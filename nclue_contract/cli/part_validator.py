"""Validation of the parts of the inputs, in this process or in a worker process, up to what the outputs write about them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from stat import S_ISREG
from typing import Any, BinaryIO, NamedTuple

from nclue_contract.cli.line_blocks import FileRange, LineBlock, RangeBlock, Survey, survey
from nclue_contract.cli.sources import Note, Part, PayloadGroup, Reading, Surveyor, Unreadable, parts, reason_of
from nclue_contract.cli.valid_blocks import ValidLines
from nclue_contract.validation.findings import Report
from nclue_contract.validation.json_reader import Payload
from nclue_contract.validation.reports.base import Renderer, Summary
from nclue_contract.validation.request import VALID
from nclue_contract.validation.validator import Validator

FILE_COST, LINE_COST = 500, 10
"""The bytes of lines that take as long to validate as it takes to open a file, and to write that a line is valid."""

_SURVEYED = 16
"""The bytes that are surveyed in the time of one that is validated."""

_GROUP_COST = 1 << 16


def _as_placed(payload: Payload, report: Report) -> Report:
    """Return the report without places in the payload, unless these are the columns of its line in the file, which is shown as well."""
    alone = payload.column == 1 and (payload.line == 1 or not isinstance(payload.text, str) or "\n" not in payload.text)
    return report if alone or not report.findings else Report(tuple(finding.without_place() for finding in report.findings))


class Empty(Note):
    """The note about an input without a payload."""


class FileGroup(NamedTuple):
    """Small files in a row, which are read where they are validated; `size` is the number of bytes of all of them."""

    names: Sequence[str]
    size: int


Work = Part | FileGroup | FileRange
"""What is validated at once."""


class Validated(NamedTuple):
    """Payloads in a row that have been validated: their counts, and for each output the entries that it writes about them."""

    summary: Summary
    entries: Sequence[list[Any]]


Outcome = Validated | Note | Unreadable | Survey


def grouped(sources: Iterable[str | Note | Unreadable]) -> Iterator[str | FileGroup | Note | Unreadable]:
    """Yield the sources, with the small ones of the regular files in groups."""
    names: list[str] = []
    size = 0
    for source in sources:
        small = _small_size(source) if isinstance(source, str) else None
        if isinstance(source, str) and small is not None:
            names.append(source)
            size += small
        if names and (small is None or size + FILE_COST * len(names) >= _GROUP_COST):
            yield FileGroup(names, size)
            names, size = [], 0
        if small is None:
            yield source
    if names:
        yield FileGroup(names, size)


def _small_size(name: str) -> int | None:
    try:
        status = Path(name).stat()
    except (OSError, ValueError):
        return None  # whoever reads it finds the reason
    return status.st_size if S_ISREG(status.st_mode) and status.st_size <= _GROUP_COST else None


def file_parts(
    name: str, stdin: BinaryIO, reading: Reading, progress: Callable[[int], None] | None = None, surveyor: Surveyor | None = None
) -> Iterator[Part]:
    """Yield the parts of one file, as `parts` does, and `Empty` if there is no payload in them."""
    empty = True
    for part in parts(name, stdin, reading, progress, surveyor):
        yield part
        empty = empty and (isinstance(part, Note) or (isinstance(part, LineBlock | RangeBlock) and not part.counts()[1]))
    if empty:
        yield Empty(name, "nothing was validated, because it contains no payload")


class PartValidator:
    """Validates parts with a validator, for some outputs; it can be pickled. `reading` is how groups of files are read."""

    def __init__(self, validator: Validator, outputs: Iterable[Renderer[Any]], reading: Reading) -> None:
        self._validator = validator
        self._entries = [(output.entry, output.shows_valid) for output in outputs]
        self._shows_valid = any(shows_valid for _, shows_valid in self._entries)
        self._reading = reading

    def cost(self, work: Work) -> int:
        """Return how much there is to do, in bytes of lines that are read one by one; 0 if it is nearly nothing."""
        if isinstance(work, FileRange):
            return -(-(work.end - work.start) // _SURVEYED)
        if isinstance(work, LineBlock | RangeBlock):
            return work.size() + (LINE_COST * work.counts()[1] if self._shows_valid else 0)
        if isinstance(work, PayloadGroup):
            return sum(len(payload.text) for payload in work.found)
        return work.size + FILE_COST * len(work.names) if isinstance(work, FileGroup) else 0

    def __call__(self, work: Work) -> list[Outcome]:
        """Return what was found, in order."""
        if isinstance(work, FileGroup):
            return [self._outcome(part) for name in work.names for part in file_parts(name, io.BytesIO(), self._reading)]
        return [self._outcome(work)]

    def _outcome(self, work: Part | FileRange) -> Outcome:
        if isinstance(work, FileRange | RangeBlock):
            try:
                if isinstance(work, FileRange):
                    return survey(work, self._reading.valid_blocks)
                work = work.load()
            except (OSError, ValueError) as error:
                return Unreadable(work.file, reason_of(error))
        return self._validated(work.payloads()) if isinstance(work, LineBlock | PayloadGroup) else work

    def _validated(self, payloads: Iterable[Payload | ValidLines]) -> Validated:
        summary = Summary()
        entries: list[list[Any]] = [[] for _ in self._entries]
        outputs = [(listed.append, entry, shows_valid) for listed, (entry, shows_valid) in zip(entries, self._entries, strict=True)]
        shown = [(add, entry) for add, entry, shows_valid in outputs if shows_valid]
        for item in payloads:
            if isinstance(item, ValidLines):
                summary.payloads += item.count
                summary.valid += item.count
                for add, entry in shown:
                    for payload in item.payloads():
                        add(entry(payload, VALID))
                continue
            report = _as_placed(item, self._validator.validate_request_json(item.text))
            summary.add(report)
            for add, entry, shows_valid in outputs:
                if shows_valid or report.findings:
                    add(entry(item, report))
        return Validated(summary, entries)
