"""Compare what a page states with what the contract states, and name the reading that states the same as the page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any

from nclue_contract.contract.model import contract
from nclue_contract.contract.pages import PageSpec
from nclue_contract.contract.readings import Readings
from nclue_contract.docs_drift.contract_statements import contract_parts
from nclue_contract.docs_drift.identification import identify
from nclue_contract.docs_drift.page import NotUnderstoodError, Page
from nclue_contract.docs_drift.page_statements import PageStatements
from nclue_contract.docs_drift.statements import LISTS, Entry, Part, Remark, Statement


class Kind(StrEnum):
    """`new`: only the page states it. `gone`: only the contract does. `different`: both do, with other values."""

    NEW = "new"
    GONE = "gone"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: the part of the page, the subject (a field, a code), the kind of statement, and both values (None: not stated).

    `line` is the line on the page, or that of the row or table from which the statement is gone. `reading` is the `ID=OPTION` under which
    the contract states the same as the page, None when there is none. `rule` is the rule that the value of an example breaks.
    """

    kind: Kind
    part: str
    subject: str
    statement: str
    contract: str | None
    page: str | None
    line: int
    reading: str | None = None
    rule: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        return {
            "kind": str(self.kind),
            "part": self.part,
            "subject": self.subject,
            "statement": self.statement,
            "contract": self.contract,
            "page": self.page,
            "line": self.line,
            "reading": self.reading,
            "rule": self.rule,
        }

    @property
    def place(self) -> tuple[str, str, str]:
        """Return what it is about: the part, the subject, and the kind of statement."""
        return self.part, self.subject, self.statement

    @property
    def identity(self) -> tuple[object, ...]:
        """Return what two differences have in common when the page differs in the same place under two readings."""
        return (self.place, self.line, self.page) if self.page is not None else (self.place, self.contract)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result for one page: which page it is, in which language, the differences in order, and what was not compared."""

    spec: PageSpec
    language: str
    differences: tuple[Difference, ...]
    remarks: tuple[Remark, ...]


def compare_page(page: Page, readings: Readings) -> Comparison:
    """Compare a page with the contract. Raises `NotUnderstoodError`.

    A reading that is not pinned has the option that the page is known to state where that is not the default.
    """
    spec = identify(page)
    comparing = _Comparing(page, spec, _of_page(spec, readings))
    differences = comparing.differences()
    if differences:
        readings_of = comparing.readings_of(differences)
        differences = [replace(one, reading=reading) for one, reading in zip(differences, readings_of, strict=True)]
    ordered = sorted(differences, key=lambda one: one.line)
    return Comparison(spec, comparing.statements.language, tuple(ordered), tuple(comparing.remarks))


def _of_page(spec: PageSpec, readings: Readings) -> Readings:
    own = {name: option for name, option in spec.readings.items() if not readings.pinned(name)}
    return Readings({**readings.options, **own}, readings.sources)


class _Comparing:
    """Compares one page, under the readings in force and under others."""

    def __init__(self, page: Page, spec: PageSpec, readings: Readings) -> None:
        self._spec = spec
        self._readings = readings
        self._page = page
        self.statements = PageStatements(page, spec, readings)
        self.remarks: list[Remark] = []
        self._found: dict[str, Part] = {}
        for name in (*spec.parts, *spec.optional):
            self._read(name)
        for table in self.statements.uncompared_tables((*spec.parts, *spec.optional)):
            self.remarks.append(Remark(f"a table with the columns {', '.join(table.header)}", table.line))

    def _read(self, name: str) -> None:
        part = self.statements.part(name)
        if part is not None:
            self._found[name] = part
            self.remarks += part.remarks
        elif name in self._spec.parts:
            raise NotUnderstoodError(f"{self._spec.name}: there is no {name}; looked for {self.statements.looked_for(name)}")
        else:
            self.remarks.append(Remark(f"the page has no {name}, or under another heading", 0))

    def differences(self) -> list[Difference]:
        """Return the differences under the readings in force."""
        return self._differences(self._readings, self._found)

    def _differences(self, readings: Readings, found: dict[str, Part]) -> list[Difference]:
        stated = contract_parts(self._spec, readings)
        return [one for name, part in found.items() for one in _of_part(stated[name], part)]

    def readings_of(self, differences: Sequence[Difference]) -> list[str | None]:
        """Return for each difference the option under which it does not exist: of several, the one with the fewest others in its place.

        An option under which another difference has come in its place explains none there.
        """
        parts = {one.part for one in differences}
        concerned = [name for name in self._found if name in parts]
        before = _by_place(differences)
        found: list[str | None] = [None] * len(differences)
        fewest = [len(differences)] * len(differences)
        for name, readings in self._alternatives(concerned):
            after = _by_place(self._under(readings, concerned))
            worse = {place for place, others in after.items() if not others <= before.get(place, set())}
            for number, one in enumerate(differences):
                remaining = after.get(one.place, set())
                if one.identity not in remaining and one.place not in worse and len(remaining) < fewest[number]:
                    found[number], fewest[number] = name, len(remaining)
        return found

    def _alternatives(self, parts: Sequence[str]) -> Iterator[tuple[str, Readings]]:
        """Yield the options that change what the contract states in these parts, or what it requires of their examples."""
        stated = contract_parts(self._spec, self._readings)
        judged = any(self._found[name].problems for name in parts)
        for reading in contract().readings.values():
            for option in reading.options:
                chosen = {reading.id: option.id}
                readings = Readings({**self._readings.options, **chosen}, {**self._readings.sources, reading.id: "argument"})
                others = contract_parts(self._spec, readings)
                if option.id != self._readings[reading.id] and (judged or any(others[name] != stated[name] for name in parts)):
                    yield f"{reading.id}={option.id}", readings

    def _under(self, readings: Readings, parts: Sequence[str]) -> list[Difference]:
        statements = PageStatements(self._page, self._spec, readings)
        # Of what the page states, only the problems of examples depend on the readings.
        found = {name: (statements.part(name) if self._found[name].problems else None) or self._found[name] for name in parts}
        return self._differences(readings, found)


def _by_place(differences: Iterable[Difference]) -> Mapping[tuple[str, str, str], set[tuple[object, ...]]]:
    """Return the identities of the differences in each place."""
    found: defaultdict[tuple[str, str, str], set[tuple[object, ...]]] = defaultdict(set)
    for one in differences:
        found[one.place].add(one.identity)
    return found


# -- one part --------------------------------------------------------------------------------------------------------------------------


def _of_part(contract_part: Part, page_part: Part) -> Iterator[Difference]:
    name, noun = page_part.id, page_part.noun
    ours, theirs = ({entry.name: entry for entry in reversed(part.entries)} for part in (contract_part, page_part))
    for mine, other in pairs([entry.name for entry in contract_part.entries], [entry.name for entry in page_part.entries]):
        if mine is None or other is None or mine != other:
            yield _one(name, mine or other or "", noun, mine, other, theirs[other].line if other is not None else page_part.line)
        if mine is not None and other is not None:
            yield from _of_entry(name, ours[mine], theirs[other])
    yield from _of_order(contract_part, page_part)
    for problem in page_part.problems:
        one = _one(name, problem.subject, "example", problem.expected, problem.value, problem.line)
        yield replace(one, rule=problem.rule)


def _of_order(contract_part: Part, page_part: Part) -> Iterator[Difference]:
    """Yield a difference when the entries that both have are in another order, where that is a statement."""
    mine, other = ([entry.name for entry in part.entries] for part in (contract_part, page_part))
    both = set(mine) & set(other)
    expected, found = (", ".join(name for name in dict.fromkeys(names) if name in both) for names in (mine, other))
    if page_part.ordered and expected != found:
        yield _one(page_part.id, page_part.noun, "order", expected, found, page_part.line)


def _of_entry(part: str, mine: Entry, other: Entry) -> Iterator[Difference]:
    kinds = dict.fromkeys([*mine.by_kind, *other.by_kind])
    for kind in kinds:
        ours, theirs = mine.by_kind.get(kind), other.by_kind.get(kind)
        if theirs is None and ours is not None:
            if ours.needed and ours.values:
                yield _one(part, other.name, kind, _joined(ours), None, other.line)
        elif theirs is not None and ours is None:
            yield _one(part, other.name, kind, None, _joined(theirs), theirs.line)
        elif theirs is not None and ours is not None:
            yield from _of_statement(part, other.name, ours, theirs)


def _of_statement(part: str, subject: str, ours: Statement, theirs: Statement) -> Iterator[Difference]:
    if ours.kind in LISTS:
        for mine, other in pairs(ours.values, theirs.values):
            if mine != other:
                yield _one(part, subject, ours.kind, mine, other, theirs.line)
    elif ours.values != theirs.values:
        yield _one(part, subject, ours.kind, _joined(ours), _joined(theirs), theirs.line)


def _joined(statement: Statement) -> str:
    return ("" if statement.kind == "characters" else ", ").join(statement.values)


def _one(part: str, subject: str, statement: str, mine: str | None, other: str | None, line: int) -> Difference:
    kind = Kind.NEW if mine is None else Kind.GONE if other is None else Kind.DIFFERENT
    return Difference(kind, part, subject, statement, mine, other, line)


def pairs(mine: Sequence[str], other: Sequence[str]) -> Iterator[tuple[str | None, str | None]]:
    """Yield the values of two lists in pairs, None where one has no counterpart.

    Equal values belong together wherever they are. Of the others, those in the same place do: one has replaced the other.
    """
    both = set(mine) & set(other)
    mine, other = list(dict.fromkeys(mine)), list(dict.fromkeys(other))
    yield from ((value, value) for value in mine if value in both)
    for tag, low, high, start, end in SequenceMatcher(None, mine, other, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        gone = [value for value in mine[low:high] if value not in both]
        new = [value for value in other[start:end] if value not in both]
        yield from zip(gone, new, strict=False)
        yield from ((value, None) for value in gone[len(new) :])
        yield from ((None, value) for value in new[len(gone) :])
