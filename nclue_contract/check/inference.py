"""Finds out how a server reads the documentation: per reading, the options that no answer has refuted yet, and what refuted the others.

A contract check fails no server for having another reading. Each answer is judged under every combination of the options that are left for
the readings it concerns; what no combination explains is broken, and what only refuted options explain is inconsistent.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Readings

SOURCE = "probe"
"""The source of a reading under which an answer is judged."""

Problem = TypeVar("Problem")


@dataclass(frozen=True, slots=True)
class Inconsistency:
    """An answer that fits only an option which an earlier answer had refuted: reading, the two options, the case that refuted."""

    reading: str
    shown: str
    left: tuple[str, ...]
    refuted_by: str


class ReadingInference:
    """What is left of the options of every reading. Pinned readings have one option from the beginning, and are judged."""

    def __init__(self, readings: Readings) -> None:
        self.readings = readings
        self.possible: dict[str, tuple[str, ...]] = {
            name: (option,) if readings.pinned(name) else tuple(o.id for o in contract().readings[name].options)
            for name, option in readings.items()
        }
        self.left: dict[str, tuple[str, ...]] = dict(self.possible)
        self.evidence: dict[str, list[str]] = {name: [] for name in self.possible}
        """The cases whose answers refuted an option."""
        self.asked: dict[str, list[str]] = {name: [] for name in self.possible}
        """The cases whose answers could have."""

    def settle(
        self, relevant: Iterable[str], problems: Callable[[Readings], Sequence[Problem]], case: str
    ) -> tuple[Sequence[Problem], list[Inconsistency]]:
        """Judge one answer: `problems` tells what is wrong with it under given readings.

        Gives the problems of the readings that explain it best, and readings that are inconsistent. Options that explain it worse than
        others are refuted by the case.
        """
        names = tuple(name for name in contract().readings if name in set(relevant))
        scored = [(options, problems(_readings(names, options))) for options in self._combinations(names, self.left)]
        least = min(len(found) for _, found in scored)
        best = [(options, found) for options, found in scored if len(found) == least]
        inconsistent: list[Inconsistency] = []
        if least:
            others = ((options, problems(_readings(names, options))) for options in self._combinations(names, self.possible))
            better = min(((options, found) for options, found in others if len(found) < least), key=lambda one: len(one[1]), default=None)
            if better is not None:
                inconsistent = list(self._differences(names, better[0]))
                return better[1], inconsistent
        for position, name in enumerate(names):
            fitting = {options[position] for options, _ in best}
            self._narrow(name, tuple(option for option in self.left[name] if option in fitting), case)
        return best[0][1], inconsistent

    def explain(self, relevant: Iterable[str], problems: Callable[[Readings], Sequence[Problem]]) -> Sequence[Problem]:
        """The problems under the options that explain an answer best, where it tells nothing about others, nor they about it."""
        names = tuple(name for name in contract().readings if name in set(relevant))
        return min((problems(_readings(names, options)) for options in self._combinations(names, self.possible)), key=len)

    def refute(self, name: str, option: str, case: str) -> list[Inconsistency]:
        """Refute an option because of something that several answers show together."""
        if option not in self.left[name]:
            return []
        rest = tuple(other for other in self.left[name] if other != option)
        if rest:
            self._narrow(name, rest, case)
            return []
        shown = next((other for other in self.possible[name] if other != option), option)
        return [Inconsistency(name, shown, self.left[name], self._refuter(name))]

    def found(self, name: str) -> str | None:
        """The option that the server has; None while several are possible."""
        return self.left[name][0] if len(self.left[name]) == 1 else None

    def best(self) -> Readings:
        """The readings as far as they were found out, with the first of what is left for the others."""
        return _readings(tuple(self.left), tuple(left[0] for left in self.left.values()))

    def _narrow(self, name: str, left: tuple[str, ...], case: str) -> None:
        self.asked[name].append(case)
        if left != self.left[name]:
            self.left[name] = left
            self.evidence[name].append(case)

    def _combinations(self, names: tuple[str, ...], options: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
        return itertools.product(*(options[name] for name in names))

    def _differences(self, names: tuple[str, ...], options: tuple[str, ...]) -> Iterator[Inconsistency]:
        for name, option in zip(names, options, strict=True):
            if option not in self.left[name]:
                yield Inconsistency(name, option, self.left[name], self._refuter(name))

    def _refuter(self, name: str) -> str:
        return self.evidence[name][-1] if self.evidence[name] else ""


@lru_cache(maxsize=4096)
def _readings(names: tuple[str, ...], options: tuple[str, ...]) -> Readings:
    """Readings in which everything is decided, so that nothing is only a warning."""
    chosen = {name: reading.default for name, reading in contract().readings.items()} | dict(zip(names, options, strict=True))
    return Readings(chosen, dict.fromkeys(chosen, SOURCE))
