"""Measures the contract check itself: whether it finds every planted fault, how soon, and whether it accuses a correct server.

Everything happens in this process. A run against a fault ends at its first failure; correct servers get the whole plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from nclue_contract.check.cases.plan import BUDGET, plan
from nclue_contract.check.expectations import FixtureData
from nclue_contract.check.results import CheckResult
from nclue_contract.check.runner import Runner
from nclue_contract.check.sender import Limits, RunObserver
from nclue_contract.check.session import CheckSession
from nclue_contract.check.transport_memory import Direct
from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Readings
from nclue_contract.service.faults.catalogue import CATALOGUE, inject_fault
from nclue_contract.service.lifecycle import ProgressMode
from nclue_contract.service.messages import Request, Response
from nclue_contract.service.service import Service
from nclue_contract.service.store import ExternalData
from nclue_contract.signing import EXAMPLE

KNOWN = FixtureData(failing_file="churn/broken.tsv")
"""What the servers that are measured know."""

Handle = Callable[[Request, int], Response]
"""A server in this process: a request and a time in milliseconds in, a response out."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of one server: the requests until the first failure (or of the whole run), and the failure's case and rule."""

    name: str
    rule: str
    requests: int
    case: str = ""
    found: str = ""
    trouble: str = ""
    pinned: bool = False

    @property
    def accused(self) -> bool:
        """Whether a failure was told."""
        return bool(self.found)


def check_in_process(
    handle: Handle,
    prefix: str,
    *,
    pins: Mapping[str, str] | None = None,
    budget: int = BUDGET,
    known: FixtureData = KNOWN,
    first_only: bool = False,
) -> CheckResult:
    """Run the plan against a server in this process; with `first_only`, only until something fails."""
    transport = Direct(handle, prefix)
    readings = Readings.of(pins)
    bench = CheckSession(readings, known, run="run", prefix=prefix, now_ms=transport.now_ms, exact_clock=True)
    stop: Callable[[CheckSession], bool] = (lambda b: b.failed) if first_only else (lambda _: False)
    return Runner(bench, plan(), transport, Limits(budget, clean_up=False), RunObserver(stop=stop)).run("in process", "measured")


def service(*, readings: Mapping[str, str] | None = None, known_files: bool = False) -> Service:
    """A correct server, with stages of half a second; with `known_files` only the files that the check knows exist."""
    files = frozenset({KNOWN.file, str(KNOWN.failing_file)}) if known_files else None
    fixture_data = ExternalData(failing_files={str(KNOWN.failing_file): "NUM_OF_LABEL_INSUFFICIENT"}, files=files)
    keys = {EXAMPLE.access_key: EXAMPLE.secret_key}
    return Service(keys, readings=readings, progress=ProgressMode("seconds", 0.5), fixture_data=fixture_data)


def measured(
    name: str, rule: str, make: Callable[[], Handle], prefix: str, *, budget: int = BUDGET, pins: Mapping[str, str] | None = None
) -> Measured:
    """Run the plan until the first failure; if there is none, once more with the default readings pinned, which judges them too."""
    result = check_in_process(make(), prefix, first_only=True, budget=budget, pins=pins)
    pinned = False
    if not result.failures and not result.stop_reason and pins is None:
        pins = {reading.id: reading.default for reading in contract().readings.values()}
        result, pinned = check_in_process(make(), prefix, first_only=True, budget=budget, pins=pins), True
    first = next(iter(result.failures), None)
    case, found = (first.case, first.rule) if first else ("", "")
    return Measured(name, rule, result.requests, case, found, result.stop_reason, pinned)


def faults(wanted: Callable[[str], bool] = lambda _: True, *, budget: int = BUDGET) -> Iterator[Measured]:
    """Every planted fault, one at a time."""
    for fault in CATALOGUE:
        for spelling in filter(wanted, fault.instances()):
            yield measured(spelling, fault.rule, _faulty(spelling), service().prefix, budget=budget)


def _faulty(spelling: str) -> Callable[[], Handle]:
    def make() -> Handle:
        server = service()
        inject_fault(server, spelling)
        return server.handle

    return make


@dataclass(frozen=True, slots=True)
class Variant:
    """A correct server that reads the documentation in another way, or has only the files that it is known to have."""

    reading: str
    option: str
    known_files: bool
    result: CheckResult = field(repr=False)

    @property
    def name(self) -> str:
        """`reading=option`, and the files."""
        return f"{self.reading}={self.option}" + (", only known files" if self.known_files else "")

    @property
    def recognised(self) -> bool:
        """Whether the option that the server has is among those that are left."""
        return self.option in self.result.readings[self.reading]


def variants() -> Iterator[Variant]:
    """Every option of every reading, with all files and with the known ones only."""
    for reading in contract().readings.values():
        for option in reading.options:
            for known_files in (False, True):
                server = service(readings={reading.id: option.id}, known_files=known_files)
                yield Variant(reading.id, option.id, known_files, check_in_process(server.handle, server.prefix))
