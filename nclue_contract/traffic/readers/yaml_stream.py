"""Read the interactions of a large YAML cassette one by one with PyYAML, with the lines at which they begin.

PyYAML's own loading builds the whole document first. Here its events are read, and a node is built for one interaction at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

import yaml

from nclue_contract.traffic.readers.base import SourceError

MAX_DEPTH = 200
"""Levels of a cassette."""

MAX_ANCHORS = 10_000
"""Anchors that are remembered; vcrpy writes one where two headers are the same object, and its alias soon after."""

MAX_ALIASES = 1_000
"""Aliases of one interaction: a few of them suffice to describe an object of many gigabytes."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The loader in C, ten times as fast, unless PyYAML was built without libyaml."""


def yaml_entries(stream: BinaryIO, names: Collection[str]) -> Iterator[tuple[str, int, object]]:
    """Yield the name of the list, the line from 1, and the value of each item of the lists with these names at the top of a document.

    Raise `SourceError` for what is not YAML.
    """
    loader = _Loader(stream)
    try:
        composer = _Composer(loader)
        while not loader.check_event(yaml.StreamEndEvent):
            event = loader.get_event()
            if isinstance(event, yaml.MappingStartEvent) and not event.flow_style:
                yield from composer.lists(names)
            elif isinstance(event, yaml.NodeEvent):
                raise SourceError(f"{_line(event)}: neither JSON nor the mapping of a cassette")
    except yaml.YAMLError as error:  # its message may quote the file, which holds secrets
        mark: Any = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        where = "" if mark is None else f"line {mark.line + 1}: "
        raise SourceError(f"{where}not YAML, or cut off") from error
    except (RecursionError, ValueError) as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError("a value of it cannot be read as YAML") from error
    finally:
        loader.dispose()


def _line(event: Any) -> str:  # noqa: ANN401  # an event of PyYAML
    return f"line {event.start_mark.line + 1}"


class _Composer:
    """Builds nodes from the events of a loader."""

    def __init__(self, loader: Any) -> None:  # noqa: ANN401  # of either loader
        self._loader = loader
        self._anchors: dict[str, yaml.Node] = {}
        self._aliases = 0

    def lists(self, names: Collection[str]) -> Iterator[tuple[str, int, object]]:
        """Yield the items of the lists with these names in the mapping that has begun, and skip its other values."""
        loader = self._loader
        while not loader.check_event(yaml.MappingEndEvent):
            key = self._node(0)
            wanted = isinstance(key, yaml.ScalarNode) and key.value in names
            if not (wanted and loader.check_event(yaml.SequenceStartEvent)):
                self._skip()
                continue
            loader.get_event()
            while not loader.check_event(yaml.SequenceEndEvent):
                line, self._aliases = loader.peek_event().start_mark.line + 1, 0
                yield str(key.value), line, loader.construct_document(self._node(0))
            loader.get_event()
        loader.get_event()

    def _skip(self) -> None:
        """Pass over one node, whatever is in it."""
        depth = 0
        while True:
            event = self._loader.get_event()
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth == 0:
                return

    def _node(self, depth: int) -> yaml.Node:
        """Build the next node."""
        event: Any = self._loader.get_event()
        if depth > MAX_DEPTH:
            raise SourceError(f"{_line(event)}: more than {MAX_DEPTH} levels")
        if event.__class__ is yaml.AliasEvent:
            return self._alias(event)
        marks = (event.start_mark, event.end_mark)
        if event.__class__ is yaml.ScalarEvent:
            return self._named(event, yaml.ScalarNode(self._tag(event, yaml.ScalarNode, event.value), event.value, *marks))
        if event.__class__ is yaml.SequenceStartEvent:
            sequence = yaml.SequenceNode(self._tag(event, yaml.SequenceNode, None), [], *marks)
            self._named(event, sequence)
            while not self._loader.check_event(yaml.SequenceEndEvent):
                sequence.value.append(self._node(depth + 1))
            self._loader.get_event()
            return sequence
        mapping = yaml.MappingNode(self._tag(event, yaml.MappingNode, None), [], *marks)
        self._named(event, mapping)
        while not self._loader.check_event(yaml.MappingEndEvent):
            key = self._node(depth + 1)
            mapping.value.append((key, self._node(depth + 1)))
        self._loader.get_event()
        return mapping

    def _alias(self, event: Any) -> yaml.Node:  # noqa: ANN401  # an event of PyYAML
        self._aliases += 1
        node = self._anchors.get(event.anchor)
        if node is None or self._aliases > MAX_ALIASES:
            raise SourceError(f"{_line(event)}: an alias without its anchor, or too many of them")
        return node

    def _named(self, event: Any, node: yaml.Node) -> yaml.Node:  # noqa: ANN401  # as above
        if event.anchor is not None:
            self._anchors[event.anchor] = node
            if len(self._anchors) > MAX_ANCHORS:
                del self._anchors[next(iter(self._anchors))]
        return node

    def _tag(self, event: Any, kind: type[yaml.Node], value: str | None) -> str:  # noqa: ANN401  # as above
        """Return the tag of an event, or what its value looks like: a number, a time and so on."""
        if event.tag is not None and event.tag != "!":
            return str(event.tag)
        return str(self._loader.resolve(kind, value, event.implicit))
