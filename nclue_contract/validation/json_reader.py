"""JSON from bytes or text to a value with its problems, and back from a JSON Pointer to line and column. Nothing here raises."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from math import isfinite
from typing import Any, NamedTuple

from nclue_contract.contract.model import contract
from nclue_contract.contract.wording import pointer_to
from nclue_contract.validation.findings import UNPLACED
from nclue_contract.validation.json_parser import (
    BLANKS,
    JsonProblem,
    MalformedError,
    Parser,
    flat_members,
    offset_inside,
    scan_string,
    skip_blanks,
)

BOM = "\ufeff"

# undocumented: the C scanner without the Python function around it
_scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
# int() rejects numbers of 5,000 digits, str() does not
_cut: Callable[[str, int], tuple[object, int]] = json.JSONDecoder(parse_int=str, parse_float=str).scan_once  # type: ignore[attr-defined]
_join = "".join
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
# every escape but that of a lone surrogate; `\\` as well, so that what follows it is not read as one
_HARMLESS = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u(?![dD][89a-fA-F])|[^u])")
# for a number with fewer characters, int() raises nothing, and the value is within the range of a double
_SHORT = 300


class Document(NamedTuple):
    """A JSON text: its value, its problems in source order, and whether it could be read at all (`readable`)."""

    value: object
    problems: tuple[JsonProblem, ...]
    readable: bool


class Payload:
    """The text of one payload and its place in a file; bytes only when it is not UTF-8.

    `file` is as the user named it ("-": standard input), `line` and `column` (code points) count from 1 and are where `text` starts in the
    file, `index` counts the payloads of the file from 0. Immutable by convention; no frozen dataclass, because those are slow to create.
    """

    __slots__ = ("column", "file", "index", "line", "text")

    def __init__(self, file: str, line: int, column: int, index: int, text: str | bytes) -> None:
        self.file: str = file
        self.line: int = line
        self.column: int = column
        self.index: int = index
        self.text: str | bytes = text

    def place(self, pointer: str, offset: int | None) -> tuple[int, int]:
        """Return line and column in the file of a value, or of a character of it; see `locate`.

        In bytes, `offset` counts the characters before the first byte that is not UTF-8.
        """
        if isinstance(self.text, bytes):
            return line_column(self.text.decode(errors="surrogateescape"), offset or 0, self.line, self.column)
        return line_column(self.text, locate(self.text, pointer, offset), self.line, self.column)

    def context(self, finding: object) -> str:  # noqa: ARG002  # of use to subclasses
        """Return what the payload is a part of, in words, for the reports; empty if the file holds payloads and nothing else."""
        return ""

    def attributes(self, finding: object = None) -> dict[str, object]:  # noqa: ARG002  # as above
        """Return what the JSON of the reports has besides: about the payload, or about one of its findings."""
        return {}

    def __repr__(self) -> str:
        return f"<Payload {self.index} at {self.file}:{self.line}:{self.column}>"


def decode(data: bytes) -> tuple[str, tuple[JsonProblem, ...], bool]:
    """Decode strict UTF-8: the text without byte order mark, its problems (NC003 for that mark, NC002), and whether it can be read."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        start = error.start
        offset = len(data[:start].decode().removeprefix(BOM))
        problem = f"byte 0x{data[start]:02X} at byte offset {start:,} ({error.reason})"
    else:
        if "\0" not in text[:4]:
            return (text[1:], (JsonProblem("NC003", "", 0),), True) if text.startswith(BOM) else (text, (), True)
        offset, problem = 0, "byte 0x00 near the start"
    if wide := wide_encoding(data):
        problem = f"{problem}; the bytes look like {wide}"
    return "", (JsonProblem("NC002", "", offset, {"problem": problem}),), False


def wide_encoding(data: bytes) -> str | None:
    """Return `UTF-16` or `UTF-32` if the first bytes look like it, else None."""
    name = json.detect_encoding(data)
    return None if name.startswith("utf-8") else name[:6].upper()


def read(data: bytes | str) -> Document:
    """Read one JSON text exactly and find all problems in it.

    Offsets of problems count code points of the text: of `data` itself if it is a str, of the decoded text without byte order mark if it is
    bytes. Takes time in proportion to the length, and never raises.
    """
    if isinstance(data, bytes):
        text, found, readable = decode(data)
        if not readable:
            return Document(None, found, readable=False)
    else:
        text, found = data, ()
    try:
        return Document(_read_usual(text), found, readable=True)
    except (ValueError, StopIteration, RecursionError):
        return _read_exactly(text, found)


def _read_exactly(text: str, found: tuple[JsonProblem, ...]) -> Document:
    parser = Parser(text)
    if text.startswith(BOM) and not found:
        parser.at, found = 1, (JsonProblem("NC003", "", 0),)
    try:
        value = parser.document()
    except MalformedError as error:
        detail = {"problem": error.describe(_place_in_words(text, error.offset)), UNPLACED: error.describe("")}
        problem = JsonProblem("NC001", "", error.offset, detail)
        return Document(None, (*found, *parser.problems, problem), readable=False)
    return Document(value, (*found, *parser.problems), readable=True)


def _read_usual(text: str) -> object:
    """Read a text in which the exact parser would find no problem; raise `ValueError` or another error for others, and when in doubt."""
    text = text.strip(BLANKS)
    value, end = _scan_usual(text, 0)
    if end != len(text) or _too_deep(text, value) or (_SURROGATE.search(text) and _SURROGATE.search(_HARMLESS.sub("", text))):
        raise ValueError(text)
    text.encode()  # raises an error for a lone surrogate
    return value


def _object(members: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(members)
    if len(value) < len(members):
        raise ValueError(members)
    return value


def _integer(text: str) -> int:
    if len(text) > _SHORT:
        raise ValueError(text)
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError(text)
    return value


def _constant(text: str) -> object:
    raise ValueError(text)


_usual = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant)
_scan_usual: Callable[[str, int], tuple[Any, int]] = _usual.scan_once  # type: ignore[attr-defined]


def _too_deep(text: str, value: object) -> bool:
    """Return whether arrays and objects are nested deeper than rule NC006 allows."""
    limit = contract().rules["NC006"].limit
    if text.count("[") + text.count("{") <= limit:
        return False
    nested: list[dict[str, object] | list[object]] = [[value]]
    for _ in range(limit + 1):
        members = (member for one in nested for member in (one.values() if isinstance(one, dict) else one))
        nested = [member for member in members if isinstance(member, dict | list)]
    return bool(nested)


def read_flat(text: str) -> dict[str, str] | None:
    """Read a text that is one flat object of strings with different names; return None for all other texts. Fast, and never raises.

    Four quotation marks per member of the result prove that no name occurs twice: an overwritten member or an escaped quotation mark only
    adds to their number.
    """
    text = text.strip(BLANKS)
    try:
        value, end = _scan(text, 0)
        _join(value.values())
        if end != len(text) or text.count('"') != 4 * len(value):
            return None
    except (ValueError, StopIteration, RecursionError, TypeError, AttributeError):
        return None
    # a name may hold a lone surrogate only if something in the text is not plain ASCII
    if ("\\" in text or not text.isascii()) and not _join(value).isascii():
        return None
    return value  # type: ignore[no-any-return]


def value_end(text: str, start: int) -> int | None:
    """Return the offset behind the JSON value that starts at `start`, in code points; None if there is none."""
    try:
        return _cut(text, start)[1]
    except (ValueError, StopIteration, RecursionError):
        parser = Parser(text, start)
    try:
        parser.value()
    except MalformedError:
        return None
    return parser.at


def locate(text: str, pointer: str, offset: int | None) -> int:
    r"""Return the position of a value, or of the character `offset` of a string value, in the text, in code points from 0.

    Escapes count as the character that they stand for: `\n` and `\ud83d\ude00` are one character each. Of a name that occurs twice the
    last one counts. For a value that does not exist it is the start of the nearest value around it. With the empty pointer, `offset`
    counts in the text itself, as in the problems of `read`. Never raises.
    """
    if not pointer and offset is not None:
        return min(max(offset, 0), len(text))
    start = skip_blanks(text, 1 if text.startswith(BOM) else 0)
    for part in pointer.split("/")[1:]:
        child = _members(text, start).get(part)
        if child is None:
            return start
        start = child
    if offset is not None and offset >= 0 and text.startswith('"', start):
        with suppress(ValueError):
            if offset < len(scan_string(text, start + 1)[0]):
                return offset_inside(text, start, offset)
    return start


MAX_LOCATED = 256
"""Arrays and objects of a text whose members are remembered: more than are inside each other in any text that is read."""


@lru_cache(maxsize=2)  # the findings of one payload concern the same few objects, those around them included
def _located(text: str) -> dict[int, dict[str, int]]:  # noqa: ARG001  # the key of the cache
    """Return what `_members` has found in a text, by the offset of the array or object."""
    return {}


def _members(text: str, start: int) -> dict[str, int]:
    """Return the offsets of the values in the array or object at `start`, as far as it can be read, by the last part of their pointers."""
    located = _located(text)
    if start not in located:
        if len(located) >= MAX_LOCATED:
            located.clear()
        located[start] = _find_members(text, start)
    return located[start]


def _find_members(text: str, start: int) -> dict[str, int]:
    if (flat := flat_members(text, start)) is not None:
        return flat
    parser = Parser(text, start)
    with suppress(MalformedError):
        parser.value()
    return {pointer_to(key)[1:]: at for key, at in parser.starts.items()}


def line_column(text: str, offset: int, line: int = 1, column: int = 1) -> tuple[int, int]:
    r"""Return line and column (code points) of an offset, both from 1, if the text itself starts at `line` and `column`.

    A line ends at \n, \r\n or a lone \r; these characters belong to the line that they end.
    """
    offset = min(max(offset, 0), len(text))
    if text.find("\r", 0, offset) >= 0:
        # an offset between \r and \n is still on the line that they end
        held = text[offset - 1 : offset + 1] == "\r\n"
        text = text[: offset - held].replace("\r\n", "\n").replace("\r", "\n") + " " * held
        offset = len(text)
    breaks = text.count("\n", 0, offset)
    if not breaks:
        return line, column + offset
    return line + breaks, offset - text.rfind("\n", 0, offset)


def _place_in_words(text: str, offset: int) -> str:
    line, column = line_column(text, offset)
    return f"at line {line}, column {column} of the text" if "\n" in text else f"at column {column} of the text"
