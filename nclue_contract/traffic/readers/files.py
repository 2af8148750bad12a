"""Read the exchanges of one recording, whatever its format is, in the order in which they were written down."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from nclue_contract.contract.extras import require_extra
from nclue_contract.traffic.exchanges import RecordedExchange
from nclue_contract.traffic.readers.entries import FORMATS, EntryError

PEEK_BYTES = 1 << 16
"""Bytes by which the format is recognized."""

MAX_LINE_BYTES = 256 << 20
"""Bytes of one line of JSON Lines."""

_LISTS = {name.removesuffix(".item"): name for name in FORMATS if name.count(".") == 1}
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a file: its line from 1, its index from 0, and the exchange, or why it cannot be read."""

    file: str
    line: int
    index: int
    exchange: RecordedExchange | None
    problem: str = ""

    @property
    def place(self) -> str:
        """Return `file:line (index 3)`."""
        return f"{self.file}:{self.line} (index {self.index})"


class _CountingStream(io.RawIOBase):
    """A stream that begins with bytes that were read already, and reports how many were read."""

    def __init__(self, first: bytes, stream: BinaryIO, progress: Callable[[int], None] | None) -> None:
        self._first = first
        self._stream = stream
        self._progress = progress

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # a memoryview as well
        data = self._first[: len(buffer)] or self._stream.read(len(buffer))
        self._first = self._first[len(buffer) :]
        buffer[: len(data)] = data
        if self._progress is not None:
            self._progress(len(data))
        return len(data)


def exchanges(file: str, stream: BinaryIO, progress: Callable[[int], None] | None = None) -> Iterator[Entry]:
    """Yield the entries of a recording; `file` is how the user named it.

    The first bytes decide the format: an object per line, one JSON document, or else YAML. Raises `SourceError` where the recording cannot
    be read any further, and `MissingExtraError`.
    """
    first = stream.read(PEEK_BYTES)
    whole: BinaryIO = io.BufferedReader(_CountingStream(first.removeprefix(_BOM), stream, progress), PEEK_BYTES)  # type: ignore[type-var]  # see readinto
    text = first.removeprefix(_BOM).lstrip()
    found: Iterator[tuple[str, int, object]]
    if not text:
        return
    if _has_lines(text):
        found = _lines(whole)
    elif text[:1] in {b"{", b"["}:
        with require_extra("traffic", "recordings in JSON need ijson"):
            from nclue_contract.traffic.readers.json_stream import json_entries  # noqa: PLC0415  # ijson is an extra
        found = json_entries(whole, FORMATS.keys() - {""})
    else:
        with require_extra("traffic", "cassettes in YAML need PyYAML"):
            from nclue_contract.traffic.readers.yaml_stream import yaml_entries  # noqa: PLC0415  # PyYAML is an extra
        found = yaml_entries(whole, _LISTS)
    for index, (place, line, value) in enumerate(found):
        try:
            read = FORMATS.get(place) or FORMATS[_LISTS[place]]
            yield Entry(file, line, index, read(value))
        except EntryError as error:
            yield Entry(file, line, index, None, str(error))


def _has_lines(text: bytes) -> bool:
    """Return whether a recording has an exchange per line, by its first line."""
    line = text.partition(b"\n")[0].strip()
    if not (line.startswith(b"{") and b'"request"' in line):
        return False
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and "request" in value and "log" not in value


def _lines(stream: BinaryIO) -> Iterator[tuple[str, int, object]]:
    number = 0
    while line := stream.readline(MAX_LINE_BYTES):
        number += 1
        if not line.strip():
            continue
        try:
            yield "", number, json.loads(line)
        except (ValueError, RecursionError):  # UnicodeDecodeError as well
            yield "", number, None
