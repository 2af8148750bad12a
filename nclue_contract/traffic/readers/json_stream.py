"""Read the entries of a large JSON file one by one with ijson, with the lines at which they begin."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import BinaryIO, NamedTuple

import ijson  # type: ignore[import-untyped]  # it has no annotations, and there are no stubs

from nclue_contract.traffic.readers.base import SourceError

CHUNK_BYTES = 4096
"""Bytes that are parsed at once, at most one line. The parser keeps the path of each value of a chunk, however deeply it is nested."""

MAX_DEPTH = 200
"""Levels of arrays and objects in a recording."""


class Found(NamedTuple):
    """One entry: the place in the document at which entries of its kind are, its line from 1, and its value."""

    place: str
    line: int
    value: object


def json_entries(stream: BinaryIO, places: Container[str]) -> Iterator[Found]:
    """Yield the objects at these places, such as `log.entries.item`. Raise `SourceError` for what is not JSON."""
    events = ijson.sendable_list()
    parser = ijson.parse_coro(events, use_float=True)
    building: _Building | None = None
    line, depth = 1, 0
    try:
        for chunk in _chunks(stream):
            parser.send(chunk)
            for place, event, value in events:
                depth += event in {"start_map", "start_array"}
                if depth > MAX_DEPTH:
                    raise SourceError(f"line {line}: more than {MAX_DEPTH} levels of arrays and objects")
                if building is None and event == "start_map" and place in places:
                    building = _Building(place, line)
                if building is not None:
                    building.add(event, value)
                    if event == "end_map" and place == building.place:
                        yield Found(building.place, building.line, building.value)
                        building = None
                depth -= event in {"end_map", "end_array"}
            events.clear()
            line += chunk.endswith(b"\n")
        parser.close()
    except ijson.JSONError as error:  # its message may quote the file, which holds secrets
        raise SourceError(f"line {line}: not JSON, or cut off") from error


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file, long ones in pieces, without a byte order mark."""
    first = stream.readline(CHUNK_BYTES).removeprefix(b"\xef\xbb\xbf")
    while first:
        yield first
        first = stream.readline(CHUNK_BYTES)


class _Building:
    """An entry that is being read."""

    def __init__(self, place: str, line: int) -> None:
        self.place = place
        self.line = line
        self._builder = ijson.ObjectBuilder()

    def add(self, event: str, value: object) -> None:
        """Add the next event of the parser."""
        self._builder.event(event, value)

    @property
    def value(self) -> object:
        """Return the value that the events so far describe."""
        value: object = self._builder.value
        return value
