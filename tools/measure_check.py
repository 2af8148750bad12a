"""Measure the contract check: the injected faults it finds, the requests it needs for that, and false positives on conforming servers.

Run it with `python tools/measure_check.py [--only PATTERN] [--budget N] [--format text|json|cases] [--second]`. Every fault of the
reference service is injected alone, and the check runs until its first failure, or its first advisory that the service does not get
without the fault; if there is none, it runs again with the default readings pinned. Then the complete check runs against conforming
servers: every option of every reading, with any file and with the files of the check only.
`--second` does the same with the second server, which shares no code with the package (`tests/second_server`).

Everything happens in this process, with a simulated clock: no thread, no port. It takes about a minute. Exit codes: 0 every fault was found
and there is no false positive, 1 otherwise, 2 usage. A conforming server may get advisories, which are counted.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nclue_contract.check.cases.plan import BUDGET, plan
from nclue_contract.check.expectations import FixtureData
from nclue_contract.check.results import Case, CheckResult, Failure
from nclue_contract.check.runner import Runner
from nclue_contract.check.sender import Limits, RunObserver
from nclue_contract.check.session import CheckSession
from nclue_contract.check.transport_memory import MemoryTransport
from nclue_contract.cli.arguments import positive_integer
from nclue_contract.cli.progress import ProgressBar
from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Readings
from nclue_contract.service.faults.catalogue import CATALOGUE, inject_fault
from nclue_contract.service.lifecycle import ProgressMode
from nclue_contract.service.messages import Request, Response
from nclue_contract.service.service import Service
from nclue_contract.service.store import ExternalData
from nclue_contract.signing import EXAMPLE

KNOWN = FixtureData(failing_file="churn/broken.tsv")
"""The test data of the servers that are measured."""

PREFIX = urlsplit(contract().server).path
"""The path before `/tasks` on the servers that are measured."""

Handle = Callable[[Request, int], Response]
"""A server in this process: a request and a time in milliseconds since 1970-01-01 UTC go in, a response comes out."""


# -- servers -------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Implementation:
    """An implementation of the API: its faults with their rules (empty where no rule is noted), and how to start a server."""

    faults: Mapping[str, str]
    start: Callable[..., Handle]

    def usual_advisories(self) -> frozenset[tuple[str, str]]:
        """Return the advisories, as test case and rule, that the implementation gets without a fault, with any file or some files only."""
        return _usual_advisories(self.start)


def reference_server(fault: str | None = None, *, readings: Mapping[str, str] | None = None, known_files: bool = False) -> Handle:
    """Start the reference service, with stages of half a second; with `known_files` only the files of the check exist."""
    files = frozenset({KNOWN.file, str(KNOWN.failing_file)}) if known_files else None
    fixture_data = ExternalData(failing_files={str(KNOWN.failing_file): "NUM_OF_LABEL_INSUFFICIENT"}, files=files)
    keys = {EXAMPLE.access_key: EXAMPLE.secret_key}
    service = Service(keys, readings=readings, progress=ProgressMode("seconds", 0.5), fixture_data=fixture_data)
    if fault is not None:
        inject_fault(service, fault)
    return service.handle


def second_server(fault: str | None = None, *, readings: Mapping[str, str] | None = None, known_files: bool = False) -> Handle:
    """Start the second server, with the same stages and files; a fault that shows only where a file does not exist gets `known_files`."""
    module, now = _second_module(), [0]
    known_files = known_files or fault in module.NEEDS_UNKNOWN_FILE
    server = module.SecondServer(
        [fault] if fault is not None else [],
        readings,
        now_ms=lambda: now[0],
        failing_files=frozenset({KNOWN.failing_file}),
        known_files=frozenset({KNOWN.file, KNOWN.failing_file}) if known_files else None,
        prefix=PREFIX,
    )

    def handle(request: Request, now_ms: int) -> Response:
        now[0] = now_ms
        status, headers, body = server.handle(request.method, request.target, list(request.headers), request.body)
        return Response(status, body, tuple(headers))

    return handle


def reference() -> Implementation:
    """Return the reference service; a fault with arguments is there once per argument."""
    return Implementation({instance: fault.rule for fault in CATALOGUE for instance in fault.instances()}, reference_server)


def second() -> Implementation:
    """Return the second server, which only a checkout has."""
    return Implementation(dict.fromkeys(_second_module().FAULTS, ""), second_server)


@cache
def _usual_advisories(start: Callable[..., Handle]) -> frozenset[tuple[str, str]]:
    results = (check_in_process(start(known_files=known_files)) for known_files in (False, True))
    return frozenset(advisory.key for result in results for advisory in result.advisories)


def _second_module() -> Any:  # noqa: ANN401  # a module of the tests, which mypy does not see
    root = str(Path(__file__).parent.parent)
    if root not in sys.path:
        sys.path.insert(0, root)
    return importlib.import_module("tests.second_server.server")


# -- measurements --------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FaultMeasurement:
    """The result for one fault: requests until the first failure (or of the whole run), and the failure's test case and rule.

    `pinned`: it was found, if at all, only with the default readings pinned. `trouble` is why a run ended early. `advisory`: the check
    reports it as an advisory.
    """

    name: str
    rule: str
    requests: int
    case: str = ""
    found_by: str = ""
    trouble: str = ""
    pinned: bool = False
    advisory: bool = False

    @property
    def found(self) -> bool:
        """Whether the check has failed, or has an advisory because of the fault."""
        return bool(self.found_by)


@dataclass(frozen=True, slots=True)
class ConformingMeasurement:
    """The result for one conforming server: one that has this option of a reading, with any file or only the files of the check."""

    reading: str
    option: str
    known_files: bool
    result: CheckResult = field(repr=False)

    @property
    def name(self) -> str:
        """`reading=option`, and the files."""
        return f"{self.reading}={self.option}" + (", only known files" if self.known_files else "")

    @property
    def false_positive(self) -> bool:
        """Whether the check failed, ended early, or ruled out the option that the server has."""
        return bool(self.result.exit_code) or self.option not in self.result.readings[self.reading]


def check_in_process(
    handle: Handle,
    *,
    pins: Mapping[str, str] | None = None,
    budget: int = BUDGET,
    known: FixtureData = KNOWN,
    usual: frozenset[tuple[str, str]] | None = None,
    cases: Collection[str] | None = None,
) -> CheckResult:
    """Run the plan against a server in this process; with `usual` until the first failure, or an advisory that is not among these.

    With `cases`, run only these test cases, and what they depend on.
    """
    transport = MemoryTransport(handle, PREFIX)
    session = CheckSession(Readings.of(pins), known, run="run", prefix=PREFIX, now_ms=transport.now_ms, exact_clock=True)
    observer = RunObserver(stop=lambda state: usual is not None and (state.failed or not usual >= state.results.advised_cases))
    chosen = None if cases is None else frozenset(cases)
    return Runner(session, _plan(chosen), transport, Limits(budget, clean_up=False), observer).run("in process", "measured")


@cache  # for most faults, making the plan would take longer than the check
def _plan(cases: frozenset[str] | None) -> tuple[Case, ...]:
    return tuple(plan(ids=cases))


def measure_fault(
    implementation: Implementation, fault: str, *, budget: int = BUDGET, cases: Collection[str] | None = None
) -> FaultMeasurement:
    """Run the plan against a server with this fault until the first failure; if there is none, again with the default readings pinned.

    With `cases`, run only these test cases, and what they depend on. What they show then, they show in the plan too, where no more readings
    are left to explain it.
    """
    usual, start = implementation.usual_advisories(), implementation.start
    result, pinned = check_in_process(start(fault), usual=usual, budget=budget, cases=cases), False
    if not _evidence(result, usual) and not result.stop_reason:
        result, pinned = check_in_process(start(fault), usual=usual, budget=budget, cases=cases, pins=default_pins()), True
    first = next(iter(_evidence(result, usual)), None)
    case, rule = (first.case, first.rule) if first else ("", "")
    advisory = first is not None and first.advisory
    return FaultMeasurement(fault, implementation.faults[fault], result.requests, case, rule, result.stop_reason, pinned, advisory)


def default_pins() -> dict[str, str]:
    """Return the default option of each reading, as pins."""
    return {reading.id: reading.default for reading in contract().readings.values()}


def sufficient_cases(implementation: Implementation, one: FaultMeasurement) -> list[str]:
    """Return the test case that has found a fault, after another one if it does not find it alone; none if more are needed."""

    def found(*cases: str) -> bool:
        again = measure_fault(implementation, one.name, cases=cases)
        return (again.found, again.pinned) == (True, one.pinned)

    if found(one.case):
        return [one.case]
    return next(([other.id, one.case] for other in _plan(None) if found(other.id, one.case)), [])


def _evidence(result: CheckResult, usual: Collection[tuple[str, str]]) -> list[Failure]:
    """Return the failures of a run, and the advisories that are not usual."""
    return result.failures + [advisory for advisory in result.advisories if advisory.key not in usual]


def measure_conforming(implementation: Implementation) -> Iterator[ConformingMeasurement]:
    """Run the complete plan against a server per option of a reading, with any file and with the files of the check only."""
    for reading in contract().readings.values():
        for option in reading.options:
            for known_files in (False, True):
                handle = implementation.start(readings={reading.id: option.id}, known_files=known_files)
                yield ConformingMeasurement(reading.id, option.id, known_files, check_in_process(handle))


# -- output --------------------------------------------------------------------------------------------------------------------------


def text_lines(faults: list[FaultMeasurement], conforming: list[ConformingMeasurement]) -> Iterator[str]:
    """Yield a line per fault, the totals, and a line per false positive."""
    width = max(len(one.name) for one in faults)
    for one in faults:
        how = f"{one.requests:>4} requests  {one.found_by}  {one.case}" if one.found else f"   -  MISSED    {one.trouble}"
        pinned = "  (default readings pinned)" if one.pinned and one.found else ""
        advisory = "  (advisory)" if one.advisory else ""
        yield "  ".join(filter(None, (f"{one.name:{width}}", one.rule, how))) + advisory + pinned
    requests = sorted(one.requests for one in faults if one.found)
    yield ""
    yield f"{len(requests)} of {len(faults)} faults found"
    if requests:
        within = ", ".join(f"{sum(r <= most for r in requests)} within {most}" for most in (10, 30, 60, 100, 200, 600))
        yield f"requests until found: median {requests[len(requests) // 2]}, most {requests[-1]}; {within}"
    for variant in conforming:
        if variant.false_positive:
            rules = ", ".join(sorted({failure.rule for failure in variant.result.failures}))
            reason = rules or variant.result.stop_reason or "another option"
            yield f"FALSE POSITIVE {variant.name}: {reason}"
    if conforming:
        number, most = sum(one.false_positive for one in conforming), max(one.result.requests for one in conforming)
        advised = sum(bool(one.result.advisories) for one in conforming)
        totals = f"{len(conforming)} conforming servers, {number} false positives, {advised} with advisories"
        yield f"{totals}; {most} requests at most"


def json_report(faults: Iterable[FaultMeasurement], conforming: Iterable[ConformingMeasurement]) -> dict[str, Any]:
    """Return all results as JSON values."""
    return {
        "faults": [
            {
                "fault": one.name,
                "rule": one.rule,
                "found": one.found,
                "requests": one.requests,
                "case": one.case,
                "by_rule": one.found_by,
                "pinned": one.pinned,
                "advisory": one.advisory,
            }
            for one in faults
        ],
        "correct": [
            {
                "server": one.name,
                "failures": sorted({failure.rule for failure in one.result.failures}),
                "advisories": sorted({advisory.rule for advisory in one.result.advisories}),
                "trouble": one.result.stop_reason,
                "left": list(one.result.readings[one.reading]),
                "requests": one.result.requests,
            }
            for one in conforming
        ],
    }


def main(arguments: list[str] | None = None) -> int:
    """Measure, print the results, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", metavar="PATTERN", default="*", help="only these faults, such as 'path-*', and no conforming servers")
    parser.add_argument("--budget", type=positive_integer, metavar="N", help="at most N requests per run, and no conforming servers")
    parser.add_argument(
        "--format", choices=("text", "json", "cases"), default="text", help="format of standard output; cases: which suffice for each fault"
    )
    parser.add_argument("--second", action="store_true", help="measure the second server of the tests instead of the reference service")
    options = parser.parse_args(arguments)
    implementation = second() if options.second else reference()
    names = [name for name in implementation.faults if fnmatchcase(name, options.only)]
    if not names:
        parser.error(f"--only {options.only!r:.80}: no fault has such a name")
    enabled = sys.stderr is not None and sys.stderr.isatty()
    bar = ProgressBar(sys.stderr, 0, enabled=enabled, doing="measured", spell=lambda number: f"{number} servers")
    faults = []
    for name in names:
        faults.append(measure_fault(implementation, name, budget=options.budget or BUDGET))
        bar.advance(1)
    conforming = []
    if options.only == "*" and options.budget is None:
        for one in measure_conforming(implementation):
            conforming.append(one)
            bar.advance(1)
    bar.clear()
    if options.format == "json":
        print(json.dumps(json_report(faults, conforming), indent=1))
    elif options.format == "cases":
        print("\n".join("\t".join((one.name, *sufficient_cases(implementation, one))) for one in faults if one.found))
    else:
        print("\n".join(text_lines(faults, conforming)))
    passed = all(one.found for one in faults) and not any(one.false_positive for one in conforming)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
