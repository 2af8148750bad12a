"""Makes mechanical mutants of a server that is right, and counts how many of them the plan of the contract check sees.

Run it with `python tools/mutants.py [--second] [--only MODULE] [--jobs N] [--sample N --seed S] [--json FILE]`. Each mutant differs in one
place from the package's own service or, with `--second`, from the second implementation in `tests/`. The plan runs against it in memory,
under a simulated clock, in one situation after the other until something fails. Mutants that survive all of them are printed: it means the
same as the original, or no page forbids it, or the plan has a gap. Exit code 1 when the originals themselves fail.

The server under test gets copies of its modules, so that no mutant checks itself. Functions that no response depends on are left out.
"""

from __future__ import annotations

import argparse
import builtins
import importlib
import json
import multiprocessing
import random
import resource
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NoReturn

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from nclue_contract.check.cases.plan import plan
from nclue_contract.check.expectations import FixtureData
from nclue_contract.check.results import State
from nclue_contract.check.runner import Runner
from nclue_contract.check.sender import Limits, RunObserver
from nclue_contract.check.session import CheckSession
from nclue_contract.check.transport_memory import MemoryTransport
from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Readings
from nclue_contract.service.messages import Request, Response
from nclue_contract.signing import EXAMPLE
from tools.mutation import Mutant, mutants_of

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "nclue_contract"
MODULES = (
    "service.service",
    "service.lifecycle",
    "service.store",
    "service.serializers",
    "service.messages",
    "validation.signature",
    "validation.headers",
)
TWINS = {*MODULES, "validation.validator"}
"""What the server under test has copies of: the modules that change, and what stands between them."""
SECOND = ("second_server.reading", "second_server.store", "second_server.app")
LEFT_OUT = {
    "service.service": ("Service.fail_next", "Service.advance", "Service.reset"),
    "service.lifecycle": ("ProgressMode.parse",),
    "service.store": ("Store.clear", "Store.release_name"),
    "service.messages": ("journal_entry", "InjectedFailure", "Response.json"),
    "validation.signature": (
        "Verification.reason",
        "Verification.sentence",
        "Verification.__bool__",
        "Verification.to_dict",
        "Verifier._clock_mistakes",
        "verify",
        "_default_verifier",
    ),
    "validation.headers": ("why_unreadable",),
}
"""What a test may request of a server, what the journal stores, and how rejections are explained."""

PREFIX = "/api/v1"
FAILING = "churn/fails.tsv"
FILES = frozenset({FAILING, FixtureData().file})
MESSAGE = "NUM_OF_LABEL_INSUFFICIENT"
CPU_S = 4
"""Seconds of computing that a mutant may take in one situation; most take less than one."""
MEMORY = 2 << 30
"""Bytes that a process may have."""

Handle = Callable[[Request, int], Response]


@dataclass(frozen=True, slots=True)
class Situation:
    """How a server is configured; with `pinned`, the check knows its readings.

    With `other`, it has the last option of every reading but the order of its checks, which is `first`: a server that looks for files
    first, and knows but a few, hardly ever comes to the rules.
    """

    name: str
    serial: bool = False
    pinned: bool = False
    other: bool = False
    known_files: bool = False
    first: bool = False
    progress: str = "seconds:0.5"

    def readings(self) -> dict[str, str]:
        """Return the option of every reading."""
        chosen = {r.id: r.options[-1].id if self.other else r.default for r in contract().readings.values()}
        return chosen | {
            "queue": "serial" if self.serial else "parallel",
            "check-order": "existence-first" if self.first else "rules-first",
        }


SITUATIONS = (
    Situation("usual"),
    Situation("serial", serial=True),
    Situation("known files, default readings pinned", pinned=True, known_files=True),
    Situation("known files, looked for first", known_files=True, first=True),
    Situation("other readings pinned", serial=True, other=True, pinned=True),
    Situation("by reads", progress="reads:3", serial=True),
    Situation("at once", progress="immediate"),
)
"""The last two are about the service alone: the second server knows the clock only."""


def situations_of(module: str) -> tuple[Situation, ...]:
    """Return the situations in which a server with this module is checked."""
    return tuple(situation for situation in SITUATIONS if module not in SECOND or situation.progress == SITUATIONS[0].progress)


def first_of(module: str) -> str:
    """Return the module that stands for the whole server."""
    return SECOND[0] if module in SECOND else MODULES[0]


@dataclass(frozen=True, slots=True)
class MutantResult:
    """What came of a mutant. `state`: killed, start (it did not even begin), time, broke (the check itself fell over), or survived.

    `situation` is where, and `by` names what failed. Of a survivor it names those in which its responses differ from the original's.
    """

    module: str
    line: int
    operator: str
    old: str
    new: str
    state: str
    situation: str = ""
    by: str = ""
    requests: int = 0


class TimeIsUpError(BaseException):
    """Ends a mutant that goes on for ever; nothing that catches exceptions catches it."""


# -- servers under test -----------------------------------------------------------------------------------------------------------------


@cache
def text_of(module: str) -> str:
    """Return the source of a module."""
    folder = ROOT / ("tests" if module in SECOND else PACKAGE)
    return folder.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")


@cache
def _compiled(module: str) -> CodeType:
    return compile(text_of(module), f"{module}.py", "exec", dont_inherit=True)


def twin(module: str, changed: str, source: str) -> ModuleType:
    """Return a fresh copy of a module of the package that imports copies too; `source` replaces the source of the changed module."""
    loaded: dict[str, ModuleType] = {}

    def fetch(name: str, *rest: Any) -> ModuleType:  # noqa: ANN401  # what __import__ takes
        short = name.removeprefix(f"{PACKAGE}.")
        if short == name or short not in TWINS:
            return builtins.__import__(name, *rest)
        if name not in loaded:
            code = compile(source, f"{short}.py", "exec", dont_inherit=True) if short == changed else _compiled(short)
            importlib.import_module(name)  # dataclasses look for a module of that name
            loaded[name] = ModuleType(name)
            vars(loaded[name])["__builtins__"] = {**vars(builtins), "__import__": fetch}
            exec(code, vars(loaded[name]))  # noqa: S102  # our own source, with one change
        return loaded[name]

    return fetch(f"{PACKAGE}.{module}")


def package_server(mutant: Mutant, situation: Situation) -> Handle:
    """Return a handler of the package's service with a mutant in it."""
    module = twin("service.service", mutant.module, mutant.source)
    fixture_data = module.ExternalData(failing_files={FAILING: MESSAGE}, files=FILES if situation.known_files else None)
    progress = module.ProgressMode.parse(situation.progress)
    keys = {EXAMPLE.access_key: EXAMPLE.secret_key}
    handle: Handle = module.Service(keys, readings=situation.readings(), progress=progress, fixture_data=fixture_data).handle
    return handle


def second_server(mutant: Mutant, situation: Situation) -> Handle:
    """Return a handler of the second implementation with a mutant in it."""
    faults, patch = importlib.import_module("tests.second_server.faults.catalogue"), importlib.import_module("tests.second_server.patch")
    edits = [(text_of(mutant.module), mutant.source)]  # the whole text stands at exactly one place
    patch.compiled.cache_clear()
    files = FILES if situation.known_files else None
    clock = [0]
    faults.CATALOGUE["mutant"] = patch.Fault("It is a mutant.", edits, None, None, None)
    try:
        server = importlib.import_module("tests.second_server.server").SecondServer(
            ["mutant"], situation.readings(), now_ms=lambda: clock[0], failing_files=frozenset({FAILING}), known_files=files
        )
    finally:
        del faults.CATALOGUE["mutant"]

    def handle(request: Request, now_ms: int) -> Response:
        clock[0] = now_ms
        status, headers, body = server.handle(request.method, request.target, list(request.headers), request.body)
        return Response(status, body, tuple(headers))

    return handle


def guarded(handle: Handle) -> Handle:
    """Return a handler that does what an adapter does: where the service crashes or returns values of other types, the client gets 500."""

    def answer(request: Request, now_ms: int) -> Response:
        try:
            response = handle(request, now_ms)
            headers = tuple((name + "", value + "") for name, value in response.headers)
            return Response(response.status + 0, response.body + b"", headers, cut=bool(response.cut))
        except Exception:  # noqa: BLE001, S110  # whatever a mutant does
            pass
        return Response(500, b"Internal Server Error", (("content-type", "text/plain"),))

    return answer


def mutant_server(mutant: Mutant, situation: Situation) -> Handle:
    """Return a handler of the server with a mutant in it. Raises whatever the mutant raises when it is loaded."""
    return guarded((second_server if mutant.module in SECOND else package_server)(mutant, situation))


# -- judging ----------------------------------------------------------------------------------------------------------------------------


def check_mutant(mutant: Mutant) -> MutantResult:
    """Run the plan against a mutant, in one situation after the other until something fails."""
    outcome = MutantResult(mutant.module, mutant.line, mutant.operator, mutant.old, mutant.new, "survived")
    differs = []
    for situation in situations_of(mutant.module):
        found = check_in(mutant, situation)
        if "state" in found:
            return replace(outcome, situation=situation.name, **found)
        if found["other"]:
            differs.append(situation.name)
    return replace(outcome, situation=", ".join(differs))


def check_in(mutant: Mutant, situation: Situation) -> dict[str, Any]:
    """Return the result of a mutant in one situation, under a time limit: fields of its result, or whether its responses differ."""
    original = answers_of_original(first_of(mutant.module), situation)
    begun = False
    try:
        with _limited():
            # A check of a server with the same responses has the same result, so there is no need to run it.
            handle = mutant_server(mutant, situation)
            if all(handle(request, now_ms) == response for request, now_ms, response in original):
                return {"other": False}
            handle = mutant_server(mutant, situation)
            begun = True
            return run(handle, situation)
    except TimeIsUpError:
        return {"state": "time", "by": f"more than {CPU_S} s"}
    except Exception as error:  # noqa: BLE001  # a mutant may do anything, but a check must handle every response of a server
        return {"state": "broke" if begun else "start", "by": f"{type(error).__name__}: {error}"[:200]}


@contextmanager
def _limited() -> Iterator[None]:
    """Let what is done here take so many seconds of computing. Raises `TimeIsUpError`, more than once: a finaliser may swallow it."""
    signal.signal(signal.SIGVTALRM, _time_is_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_S, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _time_is_up(*_: object) -> NoReturn:
    raise TimeIsUpError


def run(handle: Handle, situation: Situation) -> dict[str, Any]:
    """Run the plan against a server until something fails."""
    transport = MemoryTransport(handle, PREFIX)
    readings = Readings.of(situation.readings() if situation.pinned else None)
    session = CheckSession(readings, FixtureData(failing_file=FAILING), run="abc", prefix=PREFIX, now_ms=transport.now_ms, exact_clock=True)
    observer = RunObserver(stop=lambda state: state.failed)
    cases = plan()
    result = Runner(session, cases, transport, Limits(clean_up=False), observer).run("a mutant", "all")
    if not (result.failures or result.stop_reason):
        return {"other": True}
    begun = result.outcomes[cases[0].id].state is State.PASSED
    by = " ".join(result.failures[0].key) if result.failures else result.stop_reason
    return {"state": "killed" if begun else "start", "by": by, "requests": result.requests}


@cache
def answers_of_original(module: str, situation: Situation) -> tuple[tuple[Request, int, Response], ...]:
    """Return all requests that the plan sends to the original, when, and the responses. Raises `ValueError` when it fails."""
    original: list[tuple[Request, int, Response]] = []
    handle = mutant_server(Mutant(module, 0, "none", "", "", text_of(module)), situation)

    def answer(request: Request, now_ms: int) -> Response:
        response = handle(request, now_ms)
        original.append((request, now_ms, response))
        return response

    found = run(answer, situation)
    if "state" in found:
        raise ValueError(f"the original fails in the situation {situation.name!r}: {found['by']}")
    return tuple(original)


def check_all(mutants: Iterable[Mutant], jobs: int) -> Iterator[MutantResult]:
    """Check mutants in processes of their own, whose memory is limited."""
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(jobs, context, resource.setrlimit, (resource.RLIMIT_AS, (MEMORY, MEMORY))) as pool:
        yield from pool.map(check_mutant, mutants)


# -- telling ----------------------------------------------------------------------------------------------------------------------------

COLUMNS = ("mutants", "killed", "at start", "by time", "broke the check", "survived", "other answers")


def table(outcomes: Iterable[MutantResult], key: Callable[[MutantResult], str]) -> Iterator[str]:
    """Return a line for each group of mutants with the counts per state. Survivors whose responses differ are counted separately too."""
    yield " ".join([f"{'':24}", *COLUMNS])
    groups: dict[str, list[MutantResult]] = {}
    for outcome in outcomes:
        groups.setdefault(key(outcome), []).append(outcome)
    for name, group in groups.items():
        states = Counter(outcome.state for outcome in group)
        killed = states["killed"] + states["start"] + states["time"]
        other = sum(outcome.state == "survived" and bool(outcome.situation) for outcome in group)
        figures = (len(group), killed, states["start"], states["time"], states["broke"], states["survived"], other)
        yield " ".join([f"{name:24}", *(f"{figure:{len(column)},}" for figure, column in zip(figures, COLUMNS, strict=True))])


def format_result(outcome: MutantResult) -> str:
    """Return a mutant in one line."""
    if outcome.state == "survived":
        how = f"  [other answers: {outcome.situation}]" if outcome.situation else ""
    else:
        how = f"  [{outcome.state} in {outcome.situation}: {outcome.by}]"
    return f"{outcome.module}.py:{outcome.line}: {outcome.operator}: {outcome.old}  ->  {outcome.new}{how}"


def main() -> int:
    """Create the mutants, check them, print the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--second", action="store_true", help="mutate the second server instead of the package")
    parser.add_argument("--only", action="append", choices=[*MODULES, *SECOND], help="mutate this module only")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--sample", type=int, help="judge so many of the mutants, drawn by chance")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--json", type=Path, help="write every outcome to this file")
    options = parser.parse_args()
    modules = options.only or (SECOND if options.second else MODULES)
    try:
        for first in {first_of(module) for module in modules}:
            for situation in situations_of(first):
                answers_of_original(first, situation)  # before there are processes, so that each has it
    except ValueError as error:
        print(f"mutants: nothing can be measured: {error}", file=sys.stderr)
        return 1
    mutants = [mutant for module in modules for mutant in mutants_of(module, text_of(module), LEFT_OUT.get(module, ()))]
    if options.sample is not None and options.sample < len(mutants):
        chosen = sorted(random.Random(options.seed).sample(range(len(mutants)), options.sample))  # noqa: S311  # a sample, no secret
        print(f"a sample of {len(chosen):,} of {len(mutants):,} mutants, seed {options.seed}")
        mutants = [mutants[number] for number in chosen]
    outcomes = []
    for outcome in check_all(mutants, options.jobs):
        outcomes.append(outcome)
        if outcome.state in {"survived", "broke"}:
            print(format_result(outcome), flush=True)
    if options.json:
        options.json.write_text(json.dumps([asdict(outcome) for outcome in outcomes], indent=1, ensure_ascii=False), encoding="utf-8")
    for key in (lambda outcome: outcome.module, lambda outcome: outcome.operator, lambda _: "all"):
        print("", *table(outcomes, key), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
