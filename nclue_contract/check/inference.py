"""Inference of readings: which interpretations of the documentation a server can have, by its responses so far.

Theory of operation
===================

Where the documentation contradicts itself or is silent there is a *reading*, with several *options*. A check fails no server for having
one option rather than another. So for each reading it keeps the set of options that no response has ruled out (`remaining`), and each
response narrows the sets of the readings that it concerns.

A response is evaluated under every combination of the remaining options of these readings. Each combination yields a list of problems. The
combinations with the fewest problems explain the response best: their problems are the findings, and options that occur in none of them
are ruled out. For example `path-characters`: `page-2024` forbids `=` and allows space, `page-2025` allows both, and `page-2026` allows `=`
and forbids space:

====================================  ====================  =========================================
request with this path, and response  problems per option   remaining options afterwards
====================================  ====================  =========================================
`a=b.tsv` is accepted                 2024: 1, others: 0    `page-2025`, `page-2026`
`a b.tsv` is accepted                 2025: 0, 2026: 1      `page-2025`
`a~b.tsv` is accepted                 2025: 1               `page-2025`; the problem is a failure
====================================  ====================  =========================================

Why the fewest problems, and not none: a response can be a violation under every option, as the last one is, and still have more problems
under one than under another. What all of the best combinations have in common is a violation under every reading.

A server is *inconsistent* if only ruled-out options explain a response. Suppose that the server above rejects `a=b.tsv` as a test path.
Under `page-2025`, all that remains, this is one problem; under `page-2024`, which the train path has ruled out, there is none. The result
is then no problem but an `Inconsistency`, with the case that ruled the option out, and nothing is narrowed.

A pinned reading has one option from the beginning, so a server with another one has problems.
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
"""The source of a reading under which a response is evaluated."""

ProblemT = TypeVar("ProblemT")


@dataclass(frozen=True, slots=True)
class Inconsistency:
    """A response that fits only an option which an earlier response had ruled out.

    `needed` is the option that fits, `remaining` are those that were left, and `ruled_out_by` is the ID of the case that ruled the option
    out; empty where it was pinned.
    """

    reading: str
    needed: str
    remaining: tuple[str, ...]
    ruled_out_by: str


class ReadingInference:
    """The options of every reading that no response has ruled out. See the top of the module."""

    def __init__(self, readings: Readings) -> None:
        self.readings = readings
        self.options: dict[str, tuple[str, ...]] = {
            name: (option,) if readings.pinned(name) else tuple(o.id for o in contract().readings[name].options)
            for name, option in readings.items()
        }
        """The options that a server may have: one of a pinned reading, all of the others."""
        self.remaining: dict[str, tuple[str, ...]] = dict(self.options)
        self.evidence: dict[str, list[str]] = {name: [] for name in self.options}
        """The cases that ruled out an option."""
        self._ruled_out_by: dict[tuple[str, str], str] = {}  # reading and option: the case
        self.relevant_cases: dict[str, list[str]] = {name: [] for name in self.options}
        """The cases that could have."""

    def narrow(
        self, relevant: Iterable[str], problems: Callable[[Readings], Sequence[ProblemT]], case: str
    ) -> tuple[Sequence[ProblemT], list[Inconsistency]]:
        """Evaluate one response: `problems` returns its problems under given readings.

        Return the problems under the readings that explain it best, and the readings that are inconsistent. Rule out, on behalf of the
        case, the options that explain it worse than others.
        """
        names = _in_order(relevant)
        evaluated = self._evaluate(names, self.remaining, problems)
        fewest = min(len(found) for _, found in evaluated)
        if fewest:
            better = [(options, found) for options, found in self._evaluate(names, self.options, problems) if len(found) < fewest]
            if better:
                options, found = min(better, key=lambda one: len(one[1]))
                return found, list(self._inconsistencies(names, options))
        best = [(options, found) for options, found in evaluated if len(found) == fewest]
        for position, name in enumerate(names):
            fitting = {options[position] for options, _ in best}
            self._set_remaining(name, tuple(option for option in self.remaining[name] if option in fitting), case)
        return best[0][1], []

    def explain(self, relevant: Iterable[str], problems: Callable[[Readings], Sequence[ProblemT]]) -> Sequence[ProblemT]:
        """Return the problems of a response under the readings that explain it best, without drawing conclusions from it."""
        return min((found for _, found in self._evaluate(_in_order(relevant), self.options, problems)), key=len)

    def rule_out(self, name: str, option: str, case: str) -> list[Inconsistency]:
        """Rule out an option because of what several responses show together. Return an inconsistency if it is the last one."""
        if option not in self.remaining[name]:
            return []
        rest = tuple(other for other in self.remaining[name] if other != option)
        if rest:
            self._set_remaining(name, rest, case)
            return []
        needed = next((other for other in self.options[name] if other != option), option)
        return [Inconsistency(name, needed, self.remaining[name], self._ruled_out_by.get((name, needed), ""))]

    def decided(self, name: str) -> str | None:
        """Return the option that the server has; None while several remain."""
        return self.remaining[name][0] if len(self.remaining[name]) == 1 else None

    def best_readings(self) -> Readings:
        """Return the readings as far as they are decided, with the first remaining option of the others."""
        return _readings(tuple(self.remaining), tuple(options[0] for options in self.remaining.values()))

    def _evaluate(
        self, names: tuple[str, ...], options: dict[str, tuple[str, ...]], problems: Callable[[Readings], Sequence[ProblemT]]
    ) -> list[tuple[tuple[str, ...], Sequence[ProblemT]]]:
        combinations = itertools.product(*(options[name] for name in names))
        return [(combination, problems(_readings(names, combination))) for combination in combinations]

    def _set_remaining(self, name: str, options: tuple[str, ...], case: str) -> None:
        self.relevant_cases[name].append(case)
        if options != self.remaining[name]:
            self._ruled_out_by |= {(name, option): case for option in self.remaining[name] if option not in options}
            self.remaining[name] = options
            self.evidence[name].append(case)

    def _inconsistencies(self, names: tuple[str, ...], options: tuple[str, ...]) -> Iterator[Inconsistency]:
        for name, option in zip(names, options, strict=True):
            if option not in self.remaining[name]:
                yield Inconsistency(name, option, self.remaining[name], self._ruled_out_by[name, option])


def _in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Return the readings in the order of the contract, each once."""
    wanted = set(names)
    return tuple(name for name in contract().readings if name in wanted)


@lru_cache(maxsize=4096)
def _readings(names: tuple[str, ...], options: tuple[str, ...]) -> Readings:
    """Return readings in which everything is decided, so that nothing is only a warning."""
    chosen = {name: reading.default for name, reading in contract().readings.items()} | dict(zip(names, options, strict=True))
    return Readings(chosen, dict.fromkeys(chosen, SOURCE))
