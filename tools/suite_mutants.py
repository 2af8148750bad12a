"""Count which mechanical mutants of the package the tests see: `make mutants`, or `make mutants SAMPLE=200 SEED=7`.

Run it with `python tools/suite_mutants.py [--only MODULE] [--sample N --seed S] [--seconds N]`. Each mutant differs in one place
from a module of the package. The tests of `TESTS` for that module run against it, in a copy of this checkout, until one fails; a mutant
with which all pass survives. Survivors that mean the same as the original, or whose difference no user can see, are listed with a reason
in `tools/mutants_accepted.toml`; every other one is printed. Exit code 0 when at least `GOAL` of the mutants that are not listed were
killed, 1 when not, 2 when the tests fail without a mutant.

It is a tool of our own because of time. cosmic-ray starts pytest anew for each mutant, mutmut instruments every function, and neither knows
tests that start processes of their own. Here the tests are collected once, each mutant is a fork, and only tests that reach the function
run, the quickest first. It also shares the operators of `tools/mutation.py` with the mutants of servers (`tools/mutants.py`). A whole run
takes hours; a sample says the same with an error that is known.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import gc
import importlib
import json
import math
import os
import pickle
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.mutation import Mutant, mutants_of

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "nclue_contract"
ACCEPTED = ROOT / "tools" / "mutants_accepted.toml"
GOAL = 0.95
CPU_S = 150
"""Seconds of computing that all tests may take with a mutant that is there when the package is loaded."""
TEST_CPU_S = 1
"""Seconds of computing that a test may take with a mutant, and five times what it takes without one: the mutant may go on for ever."""
WAIT_S = 600
"""Seconds after which a mutant counts as one that waits for ever; the last resort, so it is long enough for a busy machine."""
EXAMPLES = 10
"""How many examples Hypothesis draws per test."""
SLOW_S = 1
"""Seconds of computing from which on a test that does not reach a function does not run for it."""
MEMORY = 4 << 30
"""Bytes that a process may have."""

REQUEST = ("tests/validation/test_quick_paths.py", "tests/validation/test_request.py", "tests/validation/test_corpus.py")
RESPONSE = (
    "tests/validation/test_response_messages.py",
    "tests/validation/test_response.py",
    "tests/validation/test_response_readings.py",
)
SIGNATURE = ("tests/test_signing.py",)
SERVICE = ("tests/service/test_service.py",)

TESTS: dict[str, tuple[str, ...]] = {
    "signing": SIGNATURE,
    "validation.error_body": ("tests/validation/test_error_body.py", *RESPONSE),
    "validation.explain": ("tests/validation/test_explain.py",),
    "validation.findings": (
        "tests/validation/test_findings.py",
        *REQUEST,
        "tests/validation/test_headers.py",
        "tests/packaging/test_public_interface.py",
    ),
    "validation.headers": ("tests/validation/test_headers.py", "tests/validation/test_hostile_values.py"),
    "validation.json_parser": ("tests/validation/test_json_reader.py", *REQUEST),
    "validation.json_reader": ("tests/validation/test_json_reader.py", "tests/cli/test_sources.py", *REQUEST),
    "validation.names": ("tests/validation/test_name_length.py", *REQUEST),
    "validation.operation": ("tests/validation/test_operation.py", "tests/service/test_recorder.py"),
    "validation.paths": ("tests/validation/test_path_characters.py", *REQUEST),
    "validation.plain": ("tests/validation/test_plain.py", "tests/validation/test_hostile_values.py", *REQUEST),
    "validation.query": ("tests/validation/test_query.py",),
    "validation.request": REQUEST,
    "validation.response": RESPONSE,
    "validation.response_fields": RESPONSE,
    "validation.signature": SIGNATURE,
    "validation.signature_mistakes": SIGNATURE,
    "validation.strings": REQUEST,
    "validation.validator": (
        *REQUEST,
        "tests/validation/test_hostile_values.py",
        "tests/packaging/test_public_interface.py",
        "tests/validation/test_headers.py",
        *RESPONSE,
    ),
    "service.addressing": ("tests/service/test_asgi.py", "tests/service/test_addressing.py", "tests/contract/test_hosts.py"),
    "service.asgi": ("tests/service/test_asgi.py", "tests/service/test_addressing.py", "tests/service/test_uvicorn_server.py"),
    "service.lifecycle": SERVICE,
    "service.messages": (*SERVICE, "tests/service/test_asgi.py"),
    "service.serializers": SERVICE,
    "service.service": SERVICE,
    "service.store": SERVICE,
    "check.inference": ("tests/check/test_inference.py",),
}
"""The modules, and the files of tests that run with a mutant of each, the quickest first."""

PRELOADED = (
    "pytest",
    "hypothesis",
    "hypothesis.strategies",
    "httpx",
    "httpx2",
    "respx",
    "jsonschema",
    "uvicorn",
    "yaml",
    "anyio._backends._asyncio",
)
ELSEWHERE = 99
"""The exit code of a fork in which a mutant changes nothing, since it is not in the code of a function."""

Place = tuple[str, str]
"""A module, and a function in it."""

COPIED = ("nclue_contract", "openapi", "tests", "tools", "examples", "conftest.py", "pyproject.toml", "README.md", "CHANGELOG.md")


@dataclass(frozen=True, slots=True)
class MutantResult:
    """What came of a mutant. `state`: killed, start (it cannot be loaded), time, or survived."""

    module: str
    inside: str
    line: int
    operator: str
    old: str
    new: str
    state: str
    seconds: float

    @property
    def key(self) -> tuple[str, ...]:
        """What identifies the mutant in the list of accepted ones; lines move, so the line is not in it."""
        return (self.module, self.inside, self.operator, self.old, self.new)


def path_of(module: str) -> Path:
    """Return the file of a module, within the checkout."""
    return Path(PACKAGE, *module.split(".")).with_suffix(".py")


@cache
def mutants(module: str) -> tuple[Mutant, ...]:
    """Return all mutants of a module."""
    return tuple(mutants_of(module, (ROOT / path_of(module)).read_text(encoding="utf-8")))


@cache
def accepted() -> dict[tuple[str, ...], str]:
    """Return the reasons of the accepted survivors by what identifies them."""
    table = tomllib.loads(ACCEPTED.read_text(encoding="utf-8"))
    return {(entry["module"], entry["inside"], entry["operator"], entry["old"], entry["new"]): entry["reason"] for entry in table["mutant"]}


def key_of(mutant: Mutant) -> tuple[str, ...]:
    """Return what identifies a mutant in the list of accepted ones."""
    return (mutant.module, mutant.inside, mutant.operator, mutant.old, mutant.new)


def preload() -> None:
    """Load the third-party packages that the tests use, so that no fork has to."""
    os.environ["HYPOTHESIS_NO_PLUGINS"] = "1"  # else it loads the package before there is a mutant
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


# -- running tests ----------------------------------------------------------------------------------------------------------------------


class Checkout:
    """A copy of this checkout in which one module at a time is changed; also for tests that start processes of their own."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="nclue-contract-mutants-"))
        ignored = shutil.ignore_patterns("node_modules", ".hypothesis", "*.egg-info")
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, self.folder / name, ignore=ignored)
            else:
                shutil.copy(ROOT / name, self.folder)

    def run(self, tests: Sequence[str], mutant: Mutant) -> str:
        """Run tests, named by their node IDs, in that order, with a mutant that is there when the package is loaded; return the state."""
        changed = self.folder / path_of(mutant.module)
        original = changed.read_text(encoding="utf-8")
        changed.write_text(mutant.source, encoding="utf-8")
        try:
            return state_of(self._fork([*dict.fromkeys(test.partition("::")[0] for test in tests)], Selection(tests)))
        finally:
            changed.write_text(original, encoding="utf-8")

    def run_all(self, tests: Sequence[str], found: Sequence[Mutant], seconds: float) -> list[MutantResult] | None:
        """Collect tests once and run them with one mutant after the other, while there is time; None when they fail without one."""
        log = self.folder / "results"
        log.unlink(missing_ok=True)
        status = self._fork(tests, MutantLoop(self, found, log, time.monotonic() + seconds))
        if state_of(status) != "survived":
            return None
        return [MutantResult(**json.loads(line)) for line in log.read_text(encoding="utf-8").splitlines()]

    def _fork(self, tests: Sequence[str], plugin: Selection | MutantLoop) -> int:
        pid = os.fork()
        if not pid:
            self._run_here(tests, plugin)
        return os.waitpid(pid, 0)[1]

    def _run_here(self, tests: Sequence[str], plugin: Selection | MutantLoop) -> None:
        """Run tests in this process, a fork, and end it with the exit code of pytest."""
        status = 3
        try:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            if isinstance(plugin, Selection):
                resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
                signal.alarm(WAIT_S)
            else:
                plugin.watch()
            os.chdir(self.folder)
            quiet = os.open(os.environ.get("NCLUE_MUTANTS_LOG", os.devnull), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            sys.dont_write_bytecode = True  # a cached module would hide the next mutant
            os.environ |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(self.folder)}
            sys.path[:] = [str(self.folder), *(entry for entry in sys.path if entry not in {"", str(ROOT), str(ROOT / "tools")})]
            for name in [name for name in sys.modules if name.split(".")[0] in {PACKAGE, "tools", "tests"}]:
                del sys.modules[name]
            hypothesis, pytest = importlib.import_module("hypothesis"), importlib.import_module("pytest")
            phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)  # the smallest example does not matter
            hypothesis.settings.register_profile(
                "mutants", derandomize=True, database=None, deadline=None, phases=phases, max_examples=EXAMPLES
            )
            options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-profile=mutants"]
            options += ["--tb=native", "--assert=plain"]  # the quickest ones
            status = int(pytest.main([*options, *tests], plugins=[plugin]))
        finally:
            with contextlib.suppress(OSError):
                sys.stdout.flush()
            os._exit(status)

    def close(self) -> None:
        """Remove the copy."""
        shutil.rmtree(self.folder, ignore_errors=True)


class Selection:
    """A plugin of pytest that runs the named tests only, in the order of the names."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Select the tests; one that is no longer there is an error, as it is for pytest."""
        found = {item.nodeid: item for item in items}
        items[:] = [found[name] for name in self._names]


class MutantLoop:
    """A plugin of pytest that runs the collected tests once per mutant, each time in a fork, and only those that reach the function.

    In the fork the code of the function is replaced. That is quick, and misses mutants of what was computed while the tests were collected.
    So if the function ran then, a mutant that survives is run once more by `Checkout.run`, with nearly all tests; and so is one that is not
    in the code of a function.
    """

    def __init__(self, checkout: Checkout, found: Sequence[Mutant], log: Path, ends: float) -> None:
        self._checkout = checkout
        self._found = found
        self._log = log
        self._ends = ends
        self._measured = Reached(checkout.folder, {mutant.module for mutant in found})

    def watch(self) -> None:
        """Notice which functions run while the tests are collected, and so before there is a mutant."""
        self._measured.start()

    def pytest_collection_finish(self) -> None:
        """Stop watching, for coverage costs time."""
        importlib.import_module(f"{PACKAGE}.pytest_plugin.outcome")  # else each fork loads it when a test fails
        self._measured.stop()

    def pytest_runtestloop(self, session: Any) -> bool:  # noqa: ANN401  # a session of pytest
        """Run the tests without a mutant, and then with each."""
        early, costs, reached = self._measure(session)
        by_cost = sorted(range(len(session.items)), key=costs.__getitem__)
        gc.collect()
        gc.freeze()  # else each fork copies every object
        with self._log.open("w", encoding="utf-8") as log:
            for mutant in self._found:
                if time.monotonic() > self._ends:
                    break
                started = time.monotonic()
                place = (mutant.module, mutant.inside)
                reaching = reached.get(place, set())
                first = [number for number in by_cost if number in reaching]
                state = self._run(session, mutant, first, costs)
                if state == "elsewhere" or (state == "survived" and place in early):
                    ordered = [*first, *(number for number in by_cost if number not in reaching and costs[number] < SLOW_S)]
                    state = self._checkout.run([session.items[number].nodeid for number in ordered], mutant)
                seconds = round(time.monotonic() - started, 1)
                result = MutantResult(*place, mutant.line, mutant.operator, mutant.old, mutant.new, state, seconds)
                log.write(json.dumps(asdict(result)) + "\n")
                log.flush()
        return True

    def _run(self, session: Any, mutant: Mutant, numbers: Sequence[int], costs: Sequence[float]) -> str:  # noqa: ANN401  # of pytest
        """Run some of the tests in a fork with the code of a function replaced; return the state, `elsewhere` if that changes nothing."""
        if not numbers:
            return "elsewhere"
        pid = os.fork()
        if pid:
            return state_of(os.waitpid(pid, 0)[1])
        status = ELSEWHERE
        try:
            signal.alarm(WAIT_S)
            if replace_function(mutant):
                status = run_items(session, numbers, costs)
        except BaseException:  # noqa: BLE001  # whatever a mutant does to pytest
            status = 1
        os._exit(status)

    def _measure(self, session: Any) -> tuple[set[Place], list[float], dict[Place, set[int]]]:  # noqa: ANN401  # of pytest
        """Run all tests without a mutant in a fork, since they may change what is loaded.

        Returns the functions that ran while the tests were collected, the seconds of computing per test, and the numbers of the tests that
        reach each function. Raises `RuntimeError` when a test fails.
        """
        file = self._checkout.folder / "reached"
        pid = os.fork()
        if not pid:
            status = 1
            try:
                costs, reached = Reached(self._checkout.folder, {mutant.module for mutant in self._found}).by_test(session)
                file.write_bytes(pickle.dumps((costs, reached)))
                status = 0
            finally:
                os._exit(status)
        if os.waitpid(pid, 0)[1]:
            raise RuntimeError("the tests fail without a mutant")
        costs, reached = pickle.loads(file.read_bytes())  # noqa: S301  # written by the fork
        return set(self._measured.functions()), costs, reached


class Reached:
    """Which functions of some modules run, by coverage."""

    def __init__(self, folder: Path, modules: Collection[str]) -> None:
        self._paths = {module: str(folder / path_of(module)) for module in modules}
        coverage = importlib.import_module("coverage")
        self._coverage = coverage.Coverage(data_file=None, include=list(self._paths.values()), config_file=False)

    def start(self) -> None:
        """Begin."""
        self._coverage.start()

    def stop(self) -> None:
        """End."""
        self._coverage.stop()

    def by_test(self, session: Any) -> tuple[list[float], dict[Place, set[int]]]:  # noqa: ANN401  # of pytest
        """Run all tests; return the seconds of computing of each, and the numbers of those that reach each function."""
        costs = []
        self.start()
        for number, (item, after) in enumerate(zip(session.items, [*session.items[1:], None], strict=True)):
            before = sum(os.times()[:4])
            self._coverage.switch_context(str(number))
            clear_caches()  # else only the first test reaches a function whose result is kept
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            costs.append(sum(os.times()[:4]) - before)
            if session.testsfailed:
                raise RuntimeError(item.nodeid)
        self.stop()
        return costs, {place: {int(name) for name in contexts if name} for place, contexts in self.functions().items()}

    def functions(self) -> dict[Place, set[str]]:
        """Return the functions of which a line has run, and the contexts in which."""
        data = self._coverage.get_data()
        found: dict[Place, set[str]] = {}
        for module, path in self._paths.items():
            lines = data.contexts_by_lineno(path)
            for name, first, last in functions(module):
                if contexts := {context for line in range(first, last + 1) for context in lines.get(line, ())}:
                    found[module, name] = contexts
        return found


def state_of(status: int) -> str:
    """Return the state of a mutant by the status of the process that ran the tests."""
    if os.WIFSIGNALED(status):
        return "time"
    return {0: "survived", 1: "killed", ELSEWHERE: "elsewhere"}.get(os.WEXITSTATUS(status), "start")


def run_items(session: Any, numbers: Sequence[int], costs: Sequence[float]) -> int:  # noqa: ANN401  # of pytest
    """Run some of the tests until one fails; return 1 then, else 0. `costs`: seconds of computing of each test of the session."""
    items = [session.items[number] for number in numbers]
    for number, item, after in zip(numbers, items, [*items[1:], None], strict=True):
        limit = math.ceil(time.process_time() + TEST_CPU_S + 5 * costs[number])
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
        if session.testsfailed:
            return 1
    return 0


def functions(module: str) -> Iterator[tuple[str, int, int]]:
    """Yield the functions of a module, nested ones too: name as in `Mutant.inside`, first and last line of what is in them."""

    def walk(parent: ast.AST, inside: str) -> Iterator[tuple[str, int, int]]:
        for node in ast.iter_child_nodes(parent):
            name = (
                f"{inside}.{node.name}".lstrip(".") if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef) else inside
            )
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield name, node.body[0].lineno, node.end_lineno or node.lineno
            yield from walk(node, name)

    yield from walk(ast.parse((ROOT / path_of(module)).read_text(encoding="utf-8")), "")


def clear_caches() -> None:
    """Empty the caches of the package above the contract, which hold results of the code before it was changed."""
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{PACKAGE}.") and not name.startswith(f"{PACKAGE}.contract"):
            for value in list(vars(module).values()):
                if callable(clear := getattr(value, "cache_clear", None)) and not isinstance(value, type):
                    clear()


def replace_function(mutant: Mutant) -> bool:
    """Give the outermost function around a mutant its code; return whether that changes anything."""
    owner: Any = sys.modules.get(f"{PACKAGE}.{mutant.module}")
    code = compile(mutant.source, str(path_of(mutant.module)), "exec", dont_inherit=True)
    for name in mutant.inside.split("."):
        code = next((one for one in code.co_consts if isinstance(one, CodeType) and one.co_name == name), code)
        owner = vars(owner).get(name) if owner is not None else None
        owner = getattr(owner, "fget", None) or getattr(owner, "__func__", None) or owner  # of a property, a class method
        owner = getattr(owner, "__wrapped__", owner) if not isinstance(owner, type) else owner
        if isinstance(owner, FunctionType):
            break
    if not isinstance(owner, FunctionType) or code.co_name != owner.__name__ or code.co_freevars != owner.__code__.co_freevars:
        return False
    changed = code.replace(co_firstlineno=1, co_linetable=b"", co_filename="") != owner.__code__.replace(
        co_firstlineno=1, co_linetable=b"", co_filename=""
    )
    owner.__code__ = code
    clear_caches()
    return changed


# -- printing ---------------------------------------------------------------------------------------------------------------------------


def sample(found: Sequence[Mutant], number: int | None, seed: int) -> list[Mutant]:
    """Return so many of the mutants, or all, drawn by chance and in that order: the first of them are a sample as well."""
    return random.Random(seed).sample(found, len(found) if number is None else min(number, len(found)))  # noqa: S311  # no secret


def table(results: Sequence[MutantResult]) -> Iterator[str]:
    """Return a line per module, and one for all: mutants, killed, accepted and other survivors."""
    yield f"{'':30} mutants  killed  accepted  survived"
    for name in (*dict.fromkeys(result.module for result in results), "all"):
        counts = Counter("accepted" if is_accepted(one) else one.state for one in results if name in {one.module, "all"})
        killed = counts["killed"] + counts["start"] + counts["time"]
        yield f"{name:30} {sum(counts.values()):7,} {killed:7,} {counts['accepted']:9,} {counts['survived']:9,}"


def is_accepted(result: MutantResult) -> bool:
    """Return whether a survivor is listed with a reason."""
    return result.state == "survived" and result.key in accepted()


def rate(results: Iterable[MutantResult]) -> tuple[float, float]:
    """Return the share of mutants that were killed, accepted survivors left out, and its standard error."""
    counted = [result.state != "survived" for result in results if not is_accepted(result)]
    share = sum(counted) / len(counted) if counted else 1.0
    return share, math.sqrt(share * (1 - share) / len(counted)) if counted else 0.0


def entry(result: MutantResult) -> str:
    """Return a survivor as it would be listed; the reason is to be written."""
    fields = {"module": result.module, "inside": result.inside, "operator": result.operator, "old": result.old, "new": result.new}
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in fields.items()]
    return "\n".join([f"[[mutant]] # line {result.line}", *lines, 'reason = ""', ""])


def main() -> int:
    """Create the mutants, run the tests with them, print the survivors and the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", action="append", choices=TESTS, help="mutate this module only (repeatable)")
    parser.add_argument("--sample", type=int, help="run so many of the mutants, drawn by chance")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument(
        "--seconds", type=float, help="stop after this time; the mutants are in the order of the sample, which is by chance"
    )
    parser.add_argument("--json", type=Path, help="write every result to this file")
    options = parser.parse_args()
    modules = options.only or TESTS
    everything = [mutant for module in modules for mutant in mutants(module)]
    chosen = sample(everything, options.sample, options.seed)
    print(f"{len(chosen):,} of {len(everything):,} mutants, seed {options.seed}", flush=True)
    preload()
    checkout = Checkout()
    results: list[MutantResult] = []
    try:
        for tests in dict.fromkeys(TESTS[mutant.module] for mutant in chosen):
            group = [mutant for mutant in chosen if TESTS[mutant.module] == tests]
            found = checkout.run_all(tests, group, (options.seconds or math.inf) * len(group) / len(chosen))
            if found is None:
                print(f"suite_mutants: without a mutant, these tests fail: {' '.join(tests)}", file=sys.stderr)
                return 2
            results += found
            print(f"# {len(found):,} of {len(group):,} with {' '.join(tests)}", flush=True)
            for result in found:
                if result.state == "survived" and not is_accepted(result):
                    print(entry(result), flush=True)
    finally:
        checkout.close()
    if options.json:
        options.json.write_text(json.dumps([asdict(result) for result in results], indent=1, ensure_ascii=False), encoding="utf-8")
    print("", *table(results), sep="\n")
    share, error = rate(results)
    print(f"\nkilled: {share:.1%}" + (f", give or take {2 * error:.1%}" if len(results) < len(everything) else ""))
    return 0 if share >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
