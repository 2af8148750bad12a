"""Read payload texts, with their positions, from files, folders, globs and standard input: in parts, such as a block of lines."""

from __future__ import annotations

import glob
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final, Literal, NamedTuple

from nclue_contract.cli.line_blocks import FileRange, LineBlock, RangeBlock, Survey, decode_line, short_lines, with_line_feeds
from nclue_contract.cli.signals import interruptible
from nclue_contract.cli.valid_blocks import ValidBlocks, cut
from nclue_contract.validation.json_parser import BLANKS, skip_blanks
from nclue_contract.validation.json_reader import Payload, decode, line_column, value_end, wide_encoding
from nclue_contract.validation.reports.base import STDIN

InputFormat = Literal["json", "jsonl"]

READ_BYTES = 1 << 20
"""Bytes that are read first: they decide about the format."""

BLOCK_BYTES = 1 << 19
"""Bytes of lines that are read, and then validated by one process, at once."""

_FORMATS: Final[dict[str, InputFormat]] = {".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


class Unreadable(NamedTuple):
    """A file that cannot be read, or a name without a file, and the reason."""

    file: str
    reason: str


class Note(NamedTuple):
    """A remark about a file that is not a finding."""

    file: str
    text: str


class PayloadGroup(NamedTuple):
    """Some payloads of a file that is not one per line, in a row."""

    found: Sequence[Payload]

    def payloads(self) -> Iterator[Payload]:
        """Yield the payloads, in order."""
        yield from self.found


Part = LineBlock | RangeBlock | PayloadGroup | Note | Unreadable
"""What a file is read as, in order."""


class Reading(NamedTuple):
    """How `parts` reads files: their format, if it is given, the longest line in bytes, and what finds lines that are surely valid."""

    input_format: InputFormat | None = None
    max_line: int = sys.maxsize
    valid_blocks: ValidBlocks | None = None


PAYLOAD_SUFFIXES = tuple(_FORMATS)
"""The files with payloads in a folder."""

RECORDING_SUFFIXES = (".har", ".json", ".jsonl", ".ndjson", ".yaml", ".yml")
"""The files with recorded traffic in a folder."""


def expand(names: Sequence[str], suffixes: Sequence[str] = PAYLOAD_SUFFIXES) -> Iterator[str | Note | Unreadable]:
    """Yield the files that are named, in folders that are named, or match a glob; each file once. "-" stays as it is.

    A folder stands for all files with these suffixes in it and its subfolders, except hidden ones. A name that exists is not a glob.
    Pipes, sockets and devices in a folder, or of a glob, are skipped with a note, because reading one may never end; one that is named is
    read. So are such files in a folder that are compressed with gzip. Whether a file can be read shows only when it is read.
    """
    seen: set[str] = set()
    for file in chain.from_iterable(_expand_name(name, suffixes) for name in names):
        if not isinstance(file, str):
            yield file
        elif (key := file if file == STDIN else _identity(file)) not in seen:
            seen.add(key)
            yield file


Surveyor = Callable[[Iterable[FileRange]], Iterable[Survey | Unreadable]]
"""Surveys ranges, in order, such as with worker processes."""


def parts(
    name: str, stdin: BinaryIO, reading: Reading, progress: Callable[[int], None] | None = None, surveyor: Surveyor | None = None
) -> Iterator[Part]:
    """Yield the parts of one file, or of `stdin` if the name is "-".

    The file is one JSON text (one payload or an array of them), or has one per line; if its format is not given, the extension decides,
    then the content. `progress` is called for each block with its number of bytes. With a surveyor, the lines of a regular file are not
    read here, but as ranges. The longest line is also the longest JSON text that is not one per line: what has to be in memory at once.
    What is longer ends the file, and is yielded as `Unreadable`, as are errors of the operating system.
    """
    try:
        if name == STDIN:
            yield from _parts(name, stdin, reading.input_format, reading, progress)
        else:
            with Path(name).open("rb") as file:
                input_format = reading.input_format or _FORMATS.get(Path(name).suffix.lower())
                yield from _parts(name, interruptible(file), input_format, reading, progress, surveyor)
    except (OSError, ValueError) as error:
        yield Unreadable(name, reason_of(error))
    except MemoryError:
        yield Unreadable(name, "there is too little memory for it")


def _expand_name(name: str, suffixes: Sequence[str]) -> Iterator[str | Note | Unreadable]:
    try:
        path = Path(name)
        if name != STDIN and path.is_dir():
            yield from _expand_folder(name, suffixes)
        elif name != STDIN and glob.has_magic(name) and not path.exists():
            yield from _expand_glob(name)
        else:
            yield name
    except (OSError, ValueError) as error:
        yield Unreadable(name, reason_of(error))


def _expand_folder(name: str, suffixes: Sequence[str]) -> Iterator[str | Note | Unreadable]:
    errors: list[OSError] = []
    count = 0
    for folder, subfolders, files in os.walk(name, onerror=errors.append):
        subfolders[:] = sorted(entry for entry in subfolders if not entry.startswith("."))
        for file in sorted(files):
            suffix = Path(file.lower().removesuffix(".gz")).suffix
            if file.startswith(".") or suffix not in suffixes:
                continue
            if file.lower().endswith(".gz"):
                yield Note(str(Path(folder, file)), "skipped, because it is compressed with gzip; unpack it first")
                continue
            count += 1
            yield _regular(str(Path(folder, file)))
    for error in errors:
        yield Unreadable(str(error.filename), reason_of(error))
    if not count and not errors:
        yield Unreadable(name, f"the folder has no {', '.join('*' + suffix for suffix in suffixes)} files")


def _expand_glob(name: str) -> Iterator[str | Note | Unreadable]:
    files = sorted(file for file in glob.iglob(name, recursive=True) if _is_no_folder(Path(file)))  # noqa: PTH207  # Path.glob rejects "/x/*"
    yield from map(_regular, files)
    if not files:
        yield Unreadable(name, "no file matches")


def _is_no_folder(path: Path) -> bool:
    return path.exists() and not path.is_dir()


def _regular(file: str) -> str | Note:
    """Return the file, or the note that it is skipped. What cannot be asked, such as a link to nowhere, fails when it is read."""
    try:
        mode = os.stat(file).st_mode  # noqa: PTH116  # quick: folders may have a million files
    except (OSError, ValueError):
        return file
    if stat.S_ISREG(mode):
        return file
    kind = "a pipe" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a device"
    return Note(file, f"skipped, because it is {kind}; name it to read it")


def _identity(file: str) -> str:
    try:
        return os.path.realpath(file)
    except ValueError:
        return file


def reason_of(error: OSError | ValueError) -> str:
    """Return the reason of an error; a `ValueError` is about a name with a null character, or a standard input that is closed."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _parts(
    name: str,
    stream: BinaryIO,
    input_format: InputFormat | None,
    reading: Reading,
    progress: Callable[[int], None] | None,
    surveyor: Surveyor | None = None,
) -> Iterator[Part]:
    blocks = _blocks(stream, progress)
    first = next(blocks, b"")
    if first.startswith(_GZIP):
        yield Unreadable(name, "compressed with gzip; unpack it first, as in: gunzip -c FILE | nclue-contract validate -")
        return
    if marked := first.startswith(_BOM):
        first = first.removeprefix(_BOM)
        yield Note(name, "skipped a byte order mark")
    if input_format is None:
        second = next(blocks, b"")
        blocks = chain([second], blocks)
        input_format = "jsonl" if _has_lines(first, whole=not second) else "json"
    elif input_format == "jsonl" and len(first) < READ_BYTES and _is_one_text(first):
        yield Note(name, "one JSON text on several lines, and not one per line; to read it as such, use --input-format json")
    blocks = chain([first], blocks)
    # in UTF-16 and UTF-32 a line cannot be cut at the byte of \n
    if input_format == "json" or wide_encoding(first):
        yield from _groups(_payloads_of_document(name, b"".join(_up_to(reading.max_line, blocks))))
    elif surveyor and (ranges := file_ranges(name, stream, len(_BOM) if marked else 0, reading)):
        first, blocks = b"", iter(())  # to free the memory before processes are started
        yield from _surveyed_blocks(surveyor(ranges), stream.tell(), reading, progress)
    else:
        yield from _line_blocks(name, blocks, reading)


def _blocks(stream: BinaryIO, progress: Callable[[int], None] | None) -> Iterator[bytes]:
    size = READ_BYTES
    while block := stream.read(size):
        size = min(size, BLOCK_BYTES)
        if progress:
            progress(len(block))
        yield block


def _up_to(most: int, blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the blocks; raise `ValueError` as soon as they are longer than `most` bytes together."""
    size = 0
    for block in blocks:
        size += len(block)
        if size > most:
            raise ValueError(f"the JSON text is longer than {_bytes(most)}; --max-line allows more")
        yield block


def _bytes(size: int) -> str:
    return f"{size / 10**6:,.15g} MB" if size >= 10**6 else f"{size:,} bytes"


def _has_lines(first: bytes, *, whole: bool) -> bool:
    """Return whether an input of unknown format has one payload per line; `first` is its first block, `whole`: and its only one."""
    text = first.decode(errors="replace").strip(BLANKS)
    if whole and value_end(text, 0) == len(text):
        return False
    lines = [line for line in text.split("\n") if line.strip(BLANKS)][:2]
    if not lines or (whole and len(lines) == 1):
        return False
    return _is_object(lines[0]) or (not text.startswith("[") and len(lines) == 2 and _is_object(lines[1]))


def _is_one_text(data: bytes) -> bool:
    """Return whether the data is one JSON text of several lines, as a program prints it for people."""
    text = data.decode(errors="replace").strip(BLANKS)
    return text[:1] in ("{", "[") and "\n" in text and value_end(text, 0) == len(text)


def _is_object(line: str) -> bool:
    line = line.strip(BLANKS)
    return line.startswith("{") and value_end(line, 0) == len(line)


def _line_blocks(name: str, blocks: Iterable[bytes], reading: Reading) -> Iterator[LineBlock]:
    line, index = 1, 0
    for data in _whole_lines(blocks, reading.max_line):
        if data is None:
            raise _too_long(line, reading.max_line)
        for piece in cut(data, BLOCK_BYTES):
            pieces = [count or small for small, count in reading.valid_blocks.split(piece)] if reading.valid_blocks else [piece]
            yield (block := LineBlock(name, line, index, pieces))
            lines, payloads = block.counts()
            line += lines
            index += payloads


def file_ranges(name: str, stream: BinaryIO, first: int, reading: Reading) -> Iterator[FileRange] | None:
    """Return the ranges of a file whose lines begin at `first`; None if it is short, or no regular file that others find."""
    path, status = os.path.realpath(name), os.fstat(stream.fileno())
    if not stat.S_ISREG(status.st_mode) or status.st_size <= BLOCK_BYTES or not _is_at(path, status):
        return None
    if reading.valid_blocks:
        reading.valid_blocks.expect(status.st_size)
    identity, end = (status.st_dev, status.st_ino), status.st_size
    starts = range(first, end, BLOCK_BYTES)
    return (FileRange(name, path, identity, first, at, min(at + BLOCK_BYTES, end), reading.max_line) for at in starts)


def _is_at(path: str, status: os.stat_result) -> bool:
    """Return whether a path leads to a file that is open: that of standard input leads to another one in every process."""
    try:
        return os.path.samestat(os.stat(path), status)  # noqa: PTH116  # as above
    except OSError:
        return False


def _surveyed_blocks(
    surveys: Iterable[Survey | Unreadable], counted: int, reading: Reading, progress: Callable[[int], None] | None
) -> Iterator[RangeBlock | Unreadable]:
    """Yield the blocks of ranges; `counted` bytes are part of the progress already."""
    line, index = 1, 0
    for found in surveys:
        if isinstance(found, Unreadable):
            yield found
            return
        if progress:
            progress(max(found.range.end, counted) - max(found.range.start, counted))
        if found.lines:
            yield RangeBlock(found, line, index)
        line += found.lines
        index += found.payloads
        if found.too_long:
            raise _too_long(line, reading.max_line)


def _too_long(line: int, max_line: int) -> ValueError:
    return ValueError(f"line {line:,} is longer than {_bytes(max_line)}; --max-line allows more")


def _whole_lines(blocks: Iterable[bytes], max_line: int) -> Iterator[bytes | None]:
    r"""Yield the whole lines of each block, with `\n` between them; a line longer than a block is collected without repeated copying.

    In place of a line that is longer than `max_line` bytes there is None, and then the end: the rest of it is not read.
    """
    pending: list[bytes] = []
    size = 0
    for block in blocks:
        end = block.rfind(b"\n")
        if end < 0:
            pending.append(block)
            size += len(block)
        else:
            whole = b"".join((*pending, block[:end]))
            if len(whole) > max_line and (short := short_lines(whole, max_line)) is not None:
                if short:
                    yield with_line_feeds(b"\n".join(short))
                yield None
                return
            yield with_line_feeds(whole)
            pending = [block[end + 1 :]]
            size = len(pending[0])
        if size > max_line:
            yield None
            return
    if last := b"".join(pending):
        yield with_line_feeds(last)


def _payloads_of_document(name: str, data: bytes) -> Iterator[Payload]:
    text, _, readable = decode(data)
    if not readable:
        if wide_encoding(data):
            yield Payload(name, 1, 1, 0, data)
            return
        text = data.decode(errors="surrogateescape")  # bytes that are not UTF-8 stand in one payload, and the others can be read
    start = skip_blanks(text, 0)
    if start == len(text):
        return  # an empty file has no payload, which is not an invalid one
    parts = _elements(text, start) if text.startswith("[", start) else iter([(start, text[start:])])
    line, column, seen = 1, 1, 0
    for index, (at, part) in enumerate(parts):
        line, column = line_column(text[seen:at], at - seen, line, column)
        seen = at
        yield Payload(name, line, column, index, part if readable else decode_line(part.encode(errors="surrogateescape")))


def _groups(payloads: Iterable[Payload]) -> Iterator[PayloadGroup]:
    """Yield payloads in groups about as long as a block of lines."""
    group: list[Payload] = []
    size = 0
    for payload in payloads:
        group.append(payload)
        size += len(payload.text)
        if size >= BLOCK_BYTES:
            yield PayloadGroup(group)
            group, size = [], 0
    if group:
        yield PayloadGroup(group)


def _elements(text: str, bracket: int) -> Iterator[tuple[int, str]]:
    """Yield the offset and the text of each element of an array.

    An element is yielded when what follows it is well-formed, too. Otherwise the last text is the rest of the array, chosen so that the
    reader reports the error at the same character: from the element if there is one and it is not JSON, else from the bracket or comma
    before it, which is replaced by a bracket.
    """
    before, at = bracket, skip_blanks(text, bracket + 1)
    if text.startswith("]", at) and skip_blanks(text, at + 1) == len(text):
        return
    while end := value_end(text, at):
        after = skip_blanks(text, end)
        following = skip_blanks(text, after + 1)
        if text.startswith("]", after) and following == len(text):
            yield at, text[at:end]
            return
        if not text.startswith(",", after) or text.startswith("]", following):
            break
        yield at, text[at:end]
        before, at = after, following
    if end or at == len(text) or text.startswith("]", at):
        yield before, "[" + text[before + 1 :]
    else:
        yield at, text[at:]
