r"""Find lines that are surely valid payloads, many at a time: the quick way through a long JSON Lines file.

A piece of some kilobytes is parsed at once, and the validator looks at the columns of its values. Only if all its lines are surely valid,
its lines are only counted; all others go to the exact reader and the validator one by one. So no finding can be lost, if every
line of a piece is one flat object of strings, without a name twice. That is so if two things hold:

* A parser reads the piece (with commas between the lines, or line after line) as objects with the fields of a payload, whose values are all
  strings.
* Of the bytes of the piece, only the braces, quotation marks and line feeds are kept. For each object these are `{`, four quotation marks
  per member that was read, and `}`, and between two objects there is one `\n`.

For there are at least four quotation marks per member; a name that occurs twice, or an escaped quotation mark, would add to them. A string
with a brace or a line feed would add to those. An object on two lines, or two on one, would have its line feed elsewhere. A lone surrogate
may be there as an escape; the validator looks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nclue_contract.cli.stdlib_reader import Reader, read_with_json
from nclue_contract.validation.json_reader import Payload
from nclue_contract.validation.request import Columns

LARGE, SMALL = 1 << 15, 1 << 11
"""The sizes of pieces in bytes: large ones first, and what is not surely valid in smaller ones."""

FAST_AFTER = 1 << 23
"""After so many bytes the extra `fast` is used, if it is installed: to import it takes as long as to read these."""

_KEPT = bytes(code for code in range(256) if code not in b'{}"\n')


@dataclass(frozen=True, slots=True)
class ValidLines:
    """`count` lines of a file that are valid payloads, without any finding; `line` (from 1) and `index` (from 0) are those of the first."""

    file: str
    line: int
    index: int
    count: int

    def payloads(self) -> Iterator[Payload]:
        """Yield their payloads, without the text, which no report on a valid payload shows."""
        for number in range(self.count):
            yield Payload(self.file, self.line + number, 1, self.index + number, "")


class ValidBlocks:
    """Splits blocks of whole lines into pieces that are surely valid and others. `surely_valid` is that of a validator."""

    def __init__(self, surely_valid: Callable[[Columns], bool], read: Reader | None = None) -> None:
        self._surely_valid = surely_valid
        self._read = read
        self._seen = 0

    def expect(self, size: int) -> None:
        """Prepare for so many bytes, also in processes that are forked later: what is imported now need not be imported by each of them."""
        if self._seen + size > FAST_AFTER and fast_reader() is not None:
            self._seen += FAST_AFTER

    def split(self, data: bytes) -> Iterator[tuple[bytes, int]]:
        r"""Yield the pieces of a block, in order, without the `\n` between; each with its number of lines if it is surely valid, or 0."""
        self._seen += len(data)
        read = self._read or (fast_reader() if self._seen > FAST_AFTER else None) or read_with_json
        for piece in cut(data, LARGE):
            if count := self._count(piece, read):
                yield piece, count
            else:
                for small in cut(piece, SMALL):
                    yield small, self._count(small, read) if len(small) < len(piece) else 0

    def _count(self, piece: bytes, read: Reader) -> int:
        if (found := read(piece)) is None:
            return 0
        columns, shapes = found
        if not shapes or piece.translate(None, _KEPT) != b"\n".join(shapes):
            return 0
        return len(shapes) if self._surely_valid(columns) else 0


def fast_reader() -> Reader | None:
    """Return the reader of the extra `fast`; None if it is not installed."""
    try:
        from nclue_contract.cli.msgspec_reader import read  # noqa: PLC0415  # only for long inputs
    except ImportError:
        return None
    return read


def fast_version() -> str:
    """Return the library of the extra `fast` and its version; empty if it is not installed."""
    try:
        from nclue_contract.cli.msgspec_reader import VERSION  # noqa: PLC0415  # only to print it
    except ImportError:
        return ""
    return VERSION


def cut(data: bytes, size: int) -> Iterator[bytes]:
    r"""Yield pieces of whole lines, without the `\n` between them; each at most `size` bytes long, unless one line is longer."""
    start = 0
    while len(data) - start > size:
        end = data.rfind(b"\n", start, start + size)
        if end < 0:
            end = data.find(b"\n", start + size)
        if end < 0:
            break
        yield data[start:end]
        start = end + 1
    yield data[start:]
