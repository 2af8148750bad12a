"""What a page states, as data: parts with entries, such as fields, and statements about each entry. The contract has the same form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement about an entry: its type, its limit, the characters that it forbids.

    `values` is one value, or several where the kind is a list, as for characters. `needed` is False for what the contract knows, but the
    page need not say. `line` is its line in the file, 0 for the contract.
    """

    kind: str
    values: tuple[str, ...]
    line: int = 0
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """What statements are about: a field, a header, a status, an error code; the name is empty where a part has only one."""

    name: str
    statements: tuple[Statement, ...] = ()
    line: int = 0

    @property
    def by_kind(self) -> Mapping[str, Statement]:
        """Return the statements by their kinds."""
        return {statement.kind: statement for statement in self.statements}


@dataclass(frozen=True, slots=True)
class Problem:
    """What in an example breaks a rule of the contract: the JSON Pointer of the field, the rule, what the contract states, and the value.

    `expected` is None for a field that only the example has, `value` for one that only the contract has.
    """

    subject: str
    rule: str
    expected: str | None
    value: str | None
    line: int


@dataclass(frozen=True, slots=True)
class Remark:
    """What on the page is not compared, and its line."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a page: its id, what its entries are, and whether their order is a statement. `problems` are those of an example."""

    id: str
    noun: str
    entries: tuple[Entry, ...]
    line: int = 0
    ordered: bool = False
    problems: tuple[Problem, ...] = ()
    remarks: tuple[Remark, ...] = field(default=())


LISTS = frozenset({"characters", "codes", "words", "headers"})
"""The kinds of statements that have several values, each of which is compared."""
