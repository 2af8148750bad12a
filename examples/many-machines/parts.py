"""Parts of a large JSON Lines file, and the function that validates one of them, on whatever machine: the engine only has to call it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nclue_contract import Validator


class Part(NamedTuple):
    """The lines of a file that start in a range of bytes: from `start` on, and before `end`."""

    path: str
    start: int
    end: int


class Row(NamedTuple):
    """A finding: the file, the byte at which its line starts, the code of the rule, the JSON Pointer of the value, and the message."""

    path: str
    byte: int
    rule: str
    pointer: str
    message: str


class Result(NamedTuple):
    """What is known of a part: how many payloads it has, how many of them are valid, and the findings of the others."""

    payloads: int
    valid: int
    rows: list[Row]


def parts_of(path: str, part_bytes: int) -> Iterator[Part]:
    """Yield the parts of a file, each of at most so many bytes. No line is read for that, so it takes no time."""
    size = Path(path).stat().st_size
    for start in range(0, size, part_bytes):
        yield Part(path, start, min(start + part_bytes, size))


def validate_part(part: Part) -> Result:
    """Validate the payloads of a part. The file must be there under the same name on the machine that does it.

    A validator is made at each call, which takes less than a millisecond; it could also be sent, since it can be pickled.
    """
    validator, payloads, valid, rows = Validator(), 0, 0, list[Row]()
    for byte, line in _lines(part):
        if not line.strip():
            continue
        report = validator.validate_request_json(line)
        payloads, valid = payloads + 1, valid + report.ok
        rows += [Row(part.path, byte, finding.rule, finding.pointer, finding.message) for finding in report.findings]
    return Result(payloads, valid, rows)


def _lines(part: Part) -> Iterator[tuple[int, bytes]]:
    """Yield each line of a part with the byte at which it starts. A line belongs to the part in which it starts, wherever it ends."""
    with Path(part.path).open("rb") as file:
        if part.start:
            file.seek(part.start - 1)
            file.readline()  # the rest of a line that starts before
        while (byte := file.tell()) < part.end and (line := file.readline()):
            yield byte, line.rstrip(b"\r\n")
