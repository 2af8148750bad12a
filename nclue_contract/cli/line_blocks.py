"""Blocks of whole lines of a file with one payload per line, and ranges of bytes of such a file that worker processes read by themselves.

The numbers of the lines of a range are not known before all lines before it have been counted, which takes a good part of the time. So the
workers count: one of them reads a `FileRange` and returns a `Survey` of it, which lines are surely valid and how many there are of all. In
order, the surveys become blocks, and only where lines are left to be validated, or to be shown, a worker gets the block.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from os import fstat
from pathlib import Path
from typing import NamedTuple

from nclue_contract.cli.valid_blocks import ValidBlocks, ValidLines
from nclue_contract.validation.json_parser import BLANKS
from nclue_contract.validation.json_reader import Payload

_BLANKS = BLANKS.encode()
_CHANGED = "it was changed while it was read"


class LineBlock:
    """Whole lines of a file, about `BLOCK_BYTES` of them, in pieces: of those that are surely valid, there is only the number of lines.

    `line` (from 1) and `index` (from 0) are those of its first line, and of the first payload in it.
    """

    __slots__ = ("_counts", "file", "index", "line", "pieces")

    def __init__(self, file: str, line: int, index: int, pieces: Sequence[bytes | int]) -> None:
        self.file: str = file
        self.line: int = line
        self.index: int = index
        self.pieces: Sequence[bytes | int] = pieces
        self._counts: tuple[int, int] | None = None

    def size(self) -> int:
        """Return the number of bytes of the lines that are not surely valid."""
        return sum(len(piece) for piece in self.pieces if isinstance(piece, bytes))

    def counts(self) -> tuple[int, int]:
        """Return the numbers of lines and of payloads. They are known when the payloads have been read; else the lines are counted."""
        if self._counts is None:
            lines = [line for piece in self.pieces if isinstance(piece, bytes) for line in piece.split(b"\n")]
            valid = sum(piece for piece in self.pieces if isinstance(piece, int))
            blank = 0
            if not all(lines) or any(map(bytes.isspace, lines)):  # the quick test, as below
                blank = sum(not line.strip(_BLANKS) for line in lines)
            self._counts = valid + len(lines), valid + len(lines) - blank
        return self._counts

    def payloads(self) -> Iterator[Payload | ValidLines]:
        """Yield the payloads, in order."""
        first, index = self.line, self.index
        for piece in self.pieces:
            if isinstance(piece, int):
                yield ValidLines(self.file, first, index, piece)
                first += piece
                index += piece
                continue
            lines = _decode_lines(piece)
            for number, line in enumerate(lines, first):
                # isspace() is the quick test; it is true for more characters than JSON has blanks
                if isinstance(line, str) and (not line or line.isspace()) and not line.strip(BLANKS):
                    continue
                yield Payload(self.file, number, 1, index, line)
                index += 1
            first += len(lines)
        self._counts = first - self.line, index - self.index


class FileRange(NamedTuple):
    """The lines that begin in a range of the bytes of a regular file. `start` begins a line if it is equal to `first`.

    `file` is the name that the user gave, `path` a name by which other processes find the same file, `identity` its device and inode.
    """

    file: str
    path: str
    identity: tuple[int, int]
    first: int
    start: int
    end: int
    max_line: int

    def read(self) -> tuple[bytes | None, bool]:
        r"""Return the lines, with `\n` between them, and whether one is too long: then only those before it. None if none begins here.

        Raises `OSError`, and `ValueError` if another file has its name by now.
        """
        before = self.start > self.first  # the byte before shows whether the range begins with a line
        with Path(self.path).open("rb") as file:
            status = fstat(file.fileno())
            if (status.st_dev, status.st_ino) != self.identity:
                raise ValueError(_CHANGED)
            file.seek(self.start - before)
            data = file.read(self.end - self.start + before)
            begin = data.find(b"\n") + 1 if before else 0
            if begin >= len(data) or (before and not begin):
                return None, False
            # The last line may go on behind the range; one that is not complete here, either, is too long.
            whole = data.endswith(b"\n")
            rest = b"" if whole else file.readline(self.max_line).removesuffix(b"\n")
        data = b"".join((memoryview(data)[begin : len(data) - whole], rest))
        if len(data) > self.max_line and (short := short_lines(data, self.max_line)) is not None:
            return (with_line_feeds(b"\n".join(short)) if short else None), True
        return with_line_feeds(data), False


class Survey(NamedTuple):
    """What is known about a range without the numbers of its lines: of each piece its size in bytes, and the lines that are surely valid.

    `lines` and `payloads` are how many there are. `too_long` is whether a line that is too long follows them.
    """

    range: FileRange
    pieces: Sequence[tuple[int, int]] = ()
    lines: int = 0
    payloads: int = 0
    too_long: bool = False


def survey(file_range: FileRange, valid_blocks: ValidBlocks | None) -> Survey:
    """Return the survey of a range. Raises `OSError` and `ValueError`."""
    data, too_long = file_range.read()
    if data is None:
        return Survey(file_range, too_long=too_long)
    sizes: list[tuple[int, int]] = []
    for piece, count in valid_blocks.split(data) if valid_blocks else [(data, 0)]:
        if sizes and bool(count) == bool(sizes[-1][1]):  # neighbours of the same kind are one piece
            size, before = sizes[-1]
            sizes[-1] = size + 1 + len(piece), before + count
        else:
            sizes.append((len(piece), count))
    lines, payloads = LineBlock(file_range.file, 1, 0, list(_cut(data, sizes))).counts()
    return Survey(file_range, sizes, lines, payloads, too_long)


def _cut(data: bytes, sizes: Iterable[tuple[int, int]]) -> Iterator[bytes | int]:
    start = 0
    for size, count in sizes:
        yield count or data[start : start + size]
        start += size + 1


class RangeBlock:
    """The block of a range that has been surveyed; `load` reads its lines."""

    __slots__ = ("_index", "_line", "_survey")

    def __init__(self, found: Survey, line: int, index: int) -> None:
        self._survey = found
        self._line = line
        self._index = index

    @property
    def file(self) -> str:
        """Return the name of the file."""
        return self._survey.range.file

    def size(self) -> int:
        """Return the number of bytes of the lines that are not surely valid."""
        return sum(size for size, count in self._survey.pieces if not count)

    def counts(self) -> tuple[int, int]:
        """Return the numbers of lines and of payloads."""
        return self._survey.lines, self._survey.payloads

    def load(self) -> LineBlock:
        """Return the block with its lines. Raises `OSError`, and `ValueError` if the file has changed."""
        data = self._survey.range.read()[0] if self.size() else b""
        block = LineBlock(self.file, self._line, self._index, list(_cut(data or b"", self._survey.pieces)))
        if block.size() != self.size():
            raise ValueError(_CHANGED)
        return block


def short_lines(data: bytes, max_line: int) -> list[bytes] | None:
    """Return the lines before the first one that is too long; None if there is none."""
    lines = data.split(b"\n")
    short = list(takewhile(lambda line: len(line) <= max_line, lines))
    return None if len(short) == len(lines) else short


def with_line_feeds(data: bytes) -> bytes:
    r"""Return whole lines with `\n` between them, of which some may end with `\r\n`."""
    # the search for one byte is many times as fast as that for two
    return data.replace(b"\r\n", b"\n").removesuffix(b"\r") if b"\r" in data else data


def _decode_lines(data: bytes) -> Sequence[str | bytes]:
    try:
        return data.decode().split("\n")
    except UnicodeDecodeError:
        return [decode_line(line) for line in data.split(b"\n")]


def decode_line(line: bytes) -> str | bytes:
    """Return the text of a line; the bytes where it is not UTF-8."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line
