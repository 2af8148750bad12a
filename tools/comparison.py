"""The table of the benchmarks: candidates of a row, timed in turn in one run, and their ratios.

Ours is the first candidate of a row. A ratio is our time divided by that of the candidate, in the same round, and the median over the
rounds: below 1 we are faster. Other work on the machine changes the times, but hardly the ratios. Every round begins with another
candidate, since each leaves the caches of the processor to the next.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nclue_contract.contract.openapi import document

COLUMNS = "{:46} {:34} {:>12} {:>8} {:>8}  {}"


@dataclass(frozen=True)
class Row:
    """A question with its candidates, ours first: each runs once and returns its seconds.

    `goals` are the highest ratios that we want, by the names of candidates, `limit` the most seconds of ours. `unit` and `scale` are how
    the seconds are printed.
    """

    question: str
    candidates: Mapping[str, Callable[[], float]]
    goals: Mapping[str, float] = field(default_factory=dict)
    unit: str = "s"
    scale: float = 1.0
    limit: float | None = None


def payload_schema() -> dict[str, Any]:
    """Return the schema of a payload with its references resolved by hand, so that every engine can read it.

    The rule about paths is in the document twice. The anchored pattern is for code generators only; without it, engines are faster, and
    report a path once.
    """
    schemas = document()["components"]["schemas"]
    request: dict[str, Any] = schemas["TaskRequest"]
    del schemas["FilePath"]["pattern"]
    request["properties"]["train_file_path"] = schemas["FilePath"]
    request["properties"]["test_file_path"]["anyOf"][0] = schemas["FilePath"]
    return request


def print_head() -> None:
    """Print the names of the columns."""
    print(COLUMNS.format("question", "candidate", "time", "ours/it", "goal", ""))


def print_row(row: Row, rounds: int) -> bool:
    """Time the candidates of a row one after the other, as often as there are rounds; print them, and return whether all goals are met."""
    times: dict[str, list[float]] = {name: [] for name in row.candidates}
    names = list(row.candidates)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            times[name].append(row.candidates[name]())
    ours = next(iter(times.values()))
    met = True
    for name, values in times.items():
        ratio = statistics.median(mine / its for mine, its in zip(ours, values, strict=True))
        found, goal = ratio, row.goals.get(name)
        if values is ours and row.limit is not None:
            found, goal = statistics.median(values) * row.scale, row.limit * row.scale
        verdict = "" if goal is None else "met" if found <= goal else f"missed by {found / goal - 1:.0%}"
        met = met and (goal is None or found <= goal)
        shown = f"{statistics.median(values) * row.scale:,.2f} {row.unit}"
        question = row.question if values is ours else ""
        print(COLUMNS.format(question, name, shown, f"{ratio:.2f}", "" if goal is None else f"{goal:.2f}", verdict), flush=True)
    return met
