"""Read payload texts, with their positions, from files, folders, globs and standard input; those with a payload per line in blocks."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final, Literal

from nclue_contract.validation.json_parser import BLANKS, skip_blanks
from nclue_contract.validation.json_reader import Payload, decode, line_column, value_end, wide_encoding
from nclue_contract.validation.reports.base import STDIN

InputFormat = Literal["json", "jsonl"]

READ_BYTES = 1 << 20
"""Bytes that are read at once."""

_FORMATS: Final[dict[str, InputFormat]] = {".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that cannot be read, or a name without a file, and the reason."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class Note:
    """A remark about a file that is not a finding."""

    file: str
    text: str


def expand(names: Sequence[str]) -> Iterator[str | Unreadable]:
    """Yield the files that are named, in folders that are named, or match a glob; each file once. "-" stays as it is.

    A folder stands for all *.json, *.jsonl and *.ndjson in it and its subfolders, except hidden ones. A name that exists is not a glob.
    Whether a file can be read shows only in `payloads`.
    """
    seen: set[str] = set()
    for file in chain.from_iterable(map(_expand_name, names)):
        key = file if isinstance(file, Unreadable) or file == STDIN else _identity(file)
        if isinstance(key, Unreadable):
            yield file
        elif key not in seen:
            seen.add(key)
            yield file


def payloads(
    name: str,
    stdin: BinaryIO,
    input_format: InputFormat | None = None,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Payload | Note | Unreadable]:
    """Yield the payloads of one file, or of `stdin` if the name is "-".

    `input_format`: the file is one JSON text (one payload or an array of them), or has one per line; by default the extension decides, then
    the content. `progress` is called for each block with its number of bytes. Errors of the operating system are yielded as `Unreadable`.
    """
    try:
        if name == STDIN:
            yield from _payloads(name, stdin, input_format, progress)
        else:
            with Path(name).open("rb") as file:
                yield from _payloads(name, file, input_format or _FORMATS.get(Path(name).suffix.lower()), progress)
    except (OSError, ValueError) as error:
        yield Unreadable(name, _reason(error))


def _expand_name(name: str) -> Iterator[str | Unreadable]:
    try:
        path = Path(name)
        if name != STDIN and path.is_dir():
            yield from _expand_folder(name)
        elif name != STDIN and glob.has_magic(name) and not path.exists():
            yield from _expand_glob(name)
        else:
            yield name
    except (OSError, ValueError) as error:
        yield Unreadable(name, _reason(error))


def _expand_folder(name: str) -> Iterator[str | Unreadable]:
    errors: list[OSError] = []
    count = 0
    for folder, subfolders, files in os.walk(name, onerror=errors.append):
        subfolders[:] = sorted(entry for entry in subfolders if not entry.startswith("."))
        for file in sorted(files):
            if not file.startswith(".") and Path(file).suffix.lower() in _FORMATS:
                count += 1
                yield str(Path(folder, file))
    for error in errors:
        yield Unreadable(str(error.filename), _reason(error))
    if not count and not errors:
        yield Unreadable(name, f"the folder has no {', '.join('*' + suffix for suffix in _FORMATS)} files")


def _expand_glob(name: str) -> Iterator[str | Unreadable]:
    files = sorted(file for file in glob.iglob(name, recursive=True) if Path(file).is_file())  # noqa: PTH207  # Path.glob rejects "/x/*"
    yield from files
    if not files:
        yield Unreadable(name, "no file matches")


def _identity(file: str) -> str:
    try:
        return os.path.realpath(file)
    except ValueError:
        return file


def _reason(error: OSError | ValueError) -> str:
    """Return the reason of an error; a `ValueError` is about a name with a null character, or a standard input that is closed."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _payloads(
    name: str, stream: BinaryIO, input_format: InputFormat | None, progress: Callable[[int], None] | None
) -> Iterator[Payload | Note | Unreadable]:
    blocks = _blocks(stream, progress)
    first = next(blocks, b"")
    if first.startswith(_GZIP):
        yield Unreadable(name, "compressed with gzip; unpack it first, as in: gunzip -c FILE | nclue-contract validate -")
        return
    if first.startswith(_BOM):
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
        yield from _payloads_of_document(name, b"".join(blocks))
    else:
        yield from _payloads_of_lines(name, blocks)


def _blocks(stream: BinaryIO, progress: Callable[[int], None] | None) -> Iterator[bytes]:
    while block := stream.read(READ_BYTES):
        if progress:
            progress(len(block))
        yield block


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


def _payloads_of_lines(name: str, blocks: Iterable[bytes]) -> Iterator[Payload]:
    index = 0
    for number, line in enumerate(chain.from_iterable(_lines(blocks)), 1):
        # isspace() is the quick test; it is true for more characters than JSON has blanks
        if isinstance(line, str) and (not line or line.isspace()) and not line.strip(BLANKS):
            continue
        yield Payload(name, number, 1, index, line)
        index += 1


def _lines(blocks: Iterable[bytes]) -> Iterator[Sequence[str | bytes]]:
    """Yield the whole lines of each block; a line that is longer than a block is collected without repeated copying."""
    pending: list[bytes] = []
    for block in blocks:
        end = block.rfind(b"\n")
        if end < 0:
            pending.append(block)
        else:
            yield _decode_lines(b"".join((*pending, block[:end])))
            pending = [block[end + 1 :]]
    if last := b"".join(pending):
        yield _decode_lines(last)


def _decode_lines(data: bytes) -> Sequence[str | bytes]:
    data = data.replace(b"\r\n", b"\n").removesuffix(b"\r")
    try:
        return data.decode().split("\n")
    except UnicodeDecodeError:
        return [_decode_line(line) for line in data.split(b"\n")]


def _decode_line(line: bytes) -> str | bytes:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line


def _payloads_of_document(name: str, data: bytes) -> Iterator[Payload]:
    text, _, readable = decode(data)
    if not readable:
        if wide_encoding(data):
            yield Payload(name, 1, 1, 0, data)
            return
        text = data.decode(errors="surrogateescape")  # bytes that are not UTF-8 stand in one payload, and the others can be read
    start = skip_blanks(text, 0)
    parts = _elements(text, start) if text.startswith("[", start) else iter([(start, text[start:])])
    line, column, seen = 1, 1, 0
    for index, (at, part) in enumerate(parts):
        line, column = line_column(text[seen:at], at - seen, line, column)
        seen = at
        yield Payload(name, line, column, index, part if readable else _decode_line(part.encode(errors="surrogateescape")))


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
