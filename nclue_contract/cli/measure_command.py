"""The command `nclue-contract faults --measure`: the contract check against every planted fault, and against correct servers."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any

from nclue_contract.check.cases.plan import BUDGET
from nclue_contract.cli.measure import Measured, Variant, faults, variants
from nclue_contract.cli.progress import Progress
from nclue_contract.validation.reports.base import FAILED, PASSED


def run_measure(pattern: str, budget: int | None, form: str) -> int:
    """Measure and print; 0 when every fault was found and no correct server accused. Raises `ValueError` for a pattern without faults."""
    bar = Progress(sys.stderr, 0, enabled=sys.stderr is not None and sys.stderr.isatty(), doing="measured", spell=lambda n: f"{n} servers")
    found = list(_counted(faults(lambda spelling: fnmatchcase(spelling, pattern), budget=budget or BUDGET), bar))
    if not found:
        raise ValueError(f"--only {pattern!r:.80}: no fault has such a name; `nclue-contract faults` lists them")
    correct = list(_counted(variants(), bar)) if pattern == "*" and budget is None else []
    bar.clear()
    if form == "json":
        print(json.dumps({"faults": list(map(_fault, found)), "correct": list(map(_variant, correct))}, indent=1))
    else:
        for line in _lines(found, correct):
            print(line)
    missed = any(not one.accused for one in found)
    return FAILED if missed or any(_wronged(variant) for variant in correct) else PASSED


def _counted(things: Iterable[Any], bar: Progress) -> Iterator[Any]:
    for thing in things:
        bar.advance(1)
        yield thing


def _wronged(variant: Variant) -> bool:
    """Whether a correct server was accused, not checked, or taken for another."""
    return bool(variant.result.exit_code) or not variant.recognised


def _lines(found: list[Measured], correct: list[Variant]) -> Iterator[str]:
    width = max(len(one.name) for one in found)
    for one in found:
        how = f"{one.requests:>4} requests  {one.found}  {one.case}" if one.accused else f"   -  MISSED    {one.trouble}"
        yield f"{one.name:{width}}  {one.rule}  {how}" + ("  (default readings pinned)" if one.pinned and one.accused else "")
    requests = sorted(one.requests for one in found if one.accused)
    yield ""
    yield f"{len(requests)} of {len(found)} faults found"
    if requests:
        within = ", ".join(f"{sum(r <= most for r in requests)} within {most}" for most in (10, 30, 60, 100, 200, 600))
        yield f"requests until found: median {requests[len(requests) // 2]}, most {requests[-1]}; {within}"
    for variant in correct:
        if _wronged(variant):
            rules = (
                ", ".join(sorted({failure.rule for failure in variant.result.failures})) or variant.result.stop_reason or "another option"
            )
            yield f"WRONGLY JUDGED {variant.name}: {rules}"
    if correct:
        wronged = sum(map(_wronged, correct))
        yield f"{len(correct)} correct servers, {wronged} wrongly judged; {max(v.result.requests for v in correct)} requests at most"


def _fault(one: Measured) -> dict[str, Any]:
    return {
        "fault": one.name,
        "rule": one.rule,
        "found": one.accused,
        "requests": one.requests,
        "case": one.case,
        "by_rule": one.found,
        "pinned": one.pinned,
    }


def _variant(variant: Variant) -> dict[str, Any]:
    result = variant.result
    return {
        "server": variant.name,
        "failures": sorted({failure.rule for failure in result.failures}),
        "trouble": result.stop_reason,
        "left": list(result.readings[variant.reading]),
        "requests": result.requests,
    }
