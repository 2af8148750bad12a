"""Count which mechanical mutants of the package the tests see: `make mutants`, or `make mutants SAMPLE=200 SEED=7`.

Run it with `python tools/suite_mutants.py [--only MODULE] [--sample N --seed S] [--seconds N]`. Each mutant differs in one place
from a module of the package. The tests of `TESTS` for that module run against it, in a copy of this checkout, until one fails; a mutant
with which all pass survives. Survivors that mean the same as the original, or whose difference no user can see, are listed with a reason
in `tools/mutants_accepted.toml`; every other one is printed. Exit code 0 when at least `GOAL` of the mutants that are not listed were
killed, 1 when not, 2 when the tests fail without a mutant.

It is a tool of our own because of time. cosmic-ray starts pytest anew for each mutant, mutmut instruments every function, and neither knows
tests that start processes of their own. Here the tests are collected once, each mutant is a fork, and only tests that reach the function
run. It also shares the operators of `tools/mutation.py` with the mutants of servers (`tools/mutants.py`). A whole run takes hours; a sample
says the same with an error that is known.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib
import json
import math
import os
import random
import resource
import shutil
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
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
"""Seconds of computing that the tests may take with a mutant; without one they take a fifth of it."""
MEMORY = 4 << 30
"""Bytes that a process may have."""

REQUEST = ("tests/validation/test_request.py", "tests/validation/test_corpus.py")
RESPONSE = ("tests/validation/test_response.py", "tests/validation/test_response_readings.py")
SIGNATURE = ("tests/test_signing.py", "tests/validation/test_headers.py")
SERVICE = ("tests/service/test_service.py", "tests/service/test_lifecycle_machine.py", "tests/test_mock.py")

TESTS: dict[str, tuple[str, ...]] = {
    "signing": SIGNATURE,
    "validation.error_body": ("tests/validation/test_error_body.py", *RESPONSE),
    "validation.explain": ("tests/validation/test_explain.py",),
    "validation.findings": (*REQUEST, "tests/validation/test_headers.py", "tests/packaging/test_public_interface.py"),
    "validation.headers": SIGNATURE,
    "validation.json_parser": ("tests/validation/test_json_reader.py", *REQUEST),
    "validation.json_reader": ("tests/validation/test_json_reader.py", "tests/cli/test_sources.py", *REQUEST),
    "validation.names": ("tests/validation/test_name_length.py", *REQUEST),
    "validation.operation": ("tests/validation/test_operation.py", "tests/service/test_recorder.py"),
    "validation.paths": ("tests/validation/test_path_characters.py", *REQUEST),
    "validation.plain": ("tests/validation/test_hostile_values.py", *REQUEST),
    "validation.query": ("tests/service/test_service.py", "tests/validation/test_response.py"),
    "validation.request": REQUEST,
    "validation.response": RESPONSE,
    "validation.response_fields": RESPONSE,
    "validation.signature": SIGNATURE,
    "validation.signature_mistakes": SIGNATURE,
    "validation.strings": REQUEST,
    "validation.validator": (*REQUEST, "tests/validation/test_headers.py", *RESPONSE),
    "service.addressing": ("tests/service/test_addressing.py", "tests/contract/test_hosts.py"),
    "service.asgi": ("tests/service/test_addressing.py", "tests/service/test_uvicorn_server.py"),
    "service.lifecycle": SERVICE,
    "service.messages": SERVICE,
    "service.serializers": SERVICE,
    "service.service": SERVICE,
    "service.store": SERVICE,
    "check.inference": ("tests/check/test_inference.py", "tests/check/test_inferred_readings.py"),
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

    def run(self, tests: Sequence[str], mutant: Mutant | None) -> str:
        """Run tests with a mutant that is there when the package is loaded; return the state."""
        if mutant is None:
            return state_of(self._fork(tests))
        changed = self.folder / path_of(mutant.module)
        original = changed.read_text(encoding="utf-8")
        changed.write_text(mutant.source, encoding="utf-8")
        try:
            return state_of(self._fork(tests))
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

    def _fork(self, tests: Sequence[str], *plugins: object) -> int:
        pid = os.fork()
        if not pid:
            self._run_here(tests, plugins)
        return os.waitpid(pid, 0)[1]

    def _run_here(self, tests: Sequence[str], plugins: Sequence[object]) -> None:
        """Run tests in this process, a fork, and end it with the exit code of pytest."""
        status = 3
        try:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            if not plugins:
                resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
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
            hypothesis.settings.register_profile("mutants", derandomize=True, database=None, deadline=None, phases=phases)
            options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-profile=mutants", "--tb=no"]
            options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # packages are loaded already
            status = int(pytest.main([*options, *tests], plugins=list(plugins)))
        finally:
            with contextlib.suppress(OSError):
                sys.stdout.flush()
            os._exit(status)

    def close(self) -> None:
        """Remove the copy."""
        shutil.rmtree(self.folder, ignore_errors=True)


class MutantLoop:
    """A plugin of pytest that runs the collected tests once per mutant, each time in a fork, and only those that reach the function.

    In the fork the code of the function is replaced. That is quick, and misses mutants of what was computed while the tests were collected;
    so a mutant that survives, and one outside of functions, is run once more by `Checkout.run`, with the tests that reach it.
    """

    def __init__(self, checkout: Checkout, found: Sequence[Mutant], log: Path, ends: float) -> None:
        self._checkout = checkout
        self._found = found
        self._log = log
        self._ends = ends
        self._cpu_s = CPU_S  # three times what all tests take, once that is known

    def pytest_runtestloop(self, session: Any) -> bool:  # noqa: ANN401  # a session of pytest
        """Run the tests without a mutant, and then with each."""
        with self._log.open("w", encoding="utf-8") as log:
            reached = self._reached(session)
            for mutant in self._found:
                if time.monotonic() > self._ends:
                    break
                started = time.monotonic()
                items = [session.items[number] for number in reached.get((mutant.module, mutant.inside), range(len(session.items)))]
                state = self._run(session, mutant, items) if mutant.inside else "survived"
                if state == "survived":
                    state = self._checkout.run([item.nodeid for item in items], mutant)
                seconds = round(time.monotonic() - started, 1)
                place = (mutant.module, mutant.inside, mutant.line, mutant.operator, mutant.old, mutant.new)
                log.write(json.dumps(asdict(MutantResult(*place, state, seconds))) + "\n")
                log.flush()
        return True

    def _run(self, session: Any, mutant: Mutant, items: Sequence[Any]) -> str:  # noqa: ANN401  # of pytest
        """Run some of the tests with a mutant in a fork, as far as that can be done with the package as it is loaded."""
        pid = os.fork()
        if pid:
            return state_of(os.waitpid(pid, 0)[1])
        status = 0
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (self._cpu_s, self._cpu_s))
            if replace_function(mutant):
                status = run_items(session, items)
        except BaseException:  # noqa: BLE001  # whatever a mutant does to pytest
            status = 1
        os._exit(status)

    def _reached(self, session: Any) -> dict[tuple[str, str], list[int]]:  # noqa: ANN401  # of pytest
        """Run all tests without a mutant in a fork; return the numbers of those that reach each function. Raises `RuntimeError`."""
        file = self._checkout.folder / "reached"
        pid = os.fork()
        if not pid:
            status = 1
            try:
                status = self._measure(session, file)
            finally:
                os._exit(status)
        _, status, used = os.wait4(pid, 0)
        if state_of(status) != "survived":
            raise RuntimeError("the tests fail without a mutant")
        self._cpu_s = 5 + 3 * math.ceil(used.ru_utime)
        lines: dict[str, dict[str, list[int]]] = json.loads(file.read_text(encoding="utf-8"))
        reached: dict[tuple[str, str], list[int]] = {}
        for module in {mutant.module for mutant in self._found}:
            for name, first, last in functions(module):
                # What a constructor has done while the tests were collected may matter to each of them.
                if name.endswith("__init__"):
                    continue
                numbers = {number for line in range(first, last + 1) for number in lines.get(module, {}).get(str(line), [])}
                if numbers:
                    reached[module, name] = sorted(numbers)
        return reached

    def _measure(self, session: Any, file: Path) -> int:  # noqa: ANN401  # of pytest
        paths = {module: str(self._checkout.folder / path_of(module)) for module in {mutant.module for mutant in self._found}}
        measured = importlib.import_module("coverage").Coverage(data_file=None, include=list(paths.values()), config_file=False)
        measured.start()
        status = 0
        for number, item in enumerate(session.items):
            measured.switch_context(str(number))
            clear_caches()  # else only the first test reaches a function whose result is kept
            status = status or run_items(session, [item], session.items[number + 1 : number + 2])
        measured.stop()
        data = measured.get_data()
        contexts = {module: data.contexts_by_lineno(path) for module, path in paths.items()}
        numbers = {
            module: {str(line): sorted(int(name) for name in names if name) for line, names in lines.items()}
            for module, lines in contexts.items()
        }
        file.write_text(json.dumps(numbers), encoding="utf-8")
        return status


def state_of(status: int) -> str:
    """Return the state of a mutant by the status of the process that ran the tests."""
    if os.WIFSIGNALED(status):
        return "time"
    return {0: "survived", 1: "killed"}.get(os.WEXITSTATUS(status), "start")


def run_items(session: Any, items: Sequence[Any], following: Sequence[Any] = ()) -> int:  # noqa: ANN401  # of pytest
    """Run tests until one fails; return 1 then, else 0. `following`: what runs next, for which fixtures are kept."""
    for item, after in zip(items, [*items[1:], *(following or [None])], strict=False):
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
