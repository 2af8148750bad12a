"""Count which mechanical mutants of the package the tests see: `make mutants`, or `make mutants SAMPLE=200 SEED=7`.

Run it with `python tools/suite_mutants.py [--only MODULE] [--sample N --seed S] [--seconds N] [--jobs N]`. Each mutant differs in one place
from a module of the package. The tests of `TESTS` for that module run against it, in a copy of this checkout, until one fails; a mutant
with which all pass survives. Survivors that mean the same as the original, or whose difference no user can see, are listed with a reason
in `tools/mutants_accepted.toml`; every other one is printed. Exit code 0 when at least `GOAL` of the mutants that are not listed were
killed, 1 when not, 2 when the tests fail without a mutant.

It is a tool of our own because of time. mutmut and cosmic-ray start pytest once per mutant and run every test of the project; here each
mutant is a fork of a process that has loaded all third-party packages, and runs the tests that concern it. It also shares the operators of
`tools/mutation.py` with the mutants of servers (`tools/mutants.py`). A whole run takes hours; a sample says the same with an error that
is known.
"""

from __future__ import annotations

import argparse
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
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.mutation import Mutant, mutants_of

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "nclue_contract"
ACCEPTED = ROOT / "tools" / "mutants_accepted.toml"
GOAL = 0.95
CPU_S = 300
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
    "validation.paths": ("tests/validation/test_path_characters.py", *REQUEST),
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


# -- running tests ----------------------------------------------------------------------------------------------------------------------


class Checkout:
    """A copy of this checkout in which one module at a time is changed."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="nclue-contract-mutants-"))
        ignored = shutil.ignore_patterns("node_modules", ".hypothesis", "*.egg-info")
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, self.folder / name, ignore=ignored)
            else:
                shutil.copy(ROOT / name, self.folder)

    def run(self, tests: Sequence[str], mutant: Mutant | None) -> tuple[str, float]:
        """Run tests with a mutant, in a process of its own; return the state and the seconds it took."""
        changed = None if mutant is None else self.folder / path_of(mutant.module)
        started = time.monotonic()
        if changed is not None and mutant is not None:
            original = changed.read_text(encoding="utf-8")
            changed.write_text(mutant.source, encoding="utf-8")
        try:
            pid = os.fork()
            if not pid:
                self._run_here(tests)
            _, status = os.waitpid(pid, 0)
        finally:
            if changed is not None:
                changed.write_text(original, encoding="utf-8")
        seconds = time.monotonic() - started
        if os.WIFSIGNALED(status):
            return "time", seconds
        return {0: "survived", 1: "killed"}.get(os.WEXITSTATUS(status), "start"), seconds

    def _run_here(self, tests: Sequence[str]) -> None:
        """Run tests in this process, a fork, and end it with the exit code of pytest."""
        status = 3
        try:
            os.setpgid(0, 0)
            resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
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
            status = int(pytest.main([*options, *tests]))
        finally:
            with contextlib.suppress(OSError):
                sys.stdout.flush()
            os._exit(status)

    def close(self) -> None:
        """Remove the copy."""
        shutil.rmtree(self.folder, ignore_errors=True)


_checkouts: list[Checkout] = []


def _start_worker() -> None:
    os.environ["HYPOTHESIS_NO_PLUGINS"] = "1"  # else it loads the package before there is a mutant
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    _checkouts.append(Checkout())


def baseline(tests: tuple[str, ...]) -> tuple[tuple[str, ...], str, float]:
    """Run tests without a mutant; return them, the state (survived: all pass), and the seconds."""
    return (tests, *_checkouts[0].run(tests, None))


def check(mutant: Mutant) -> MutantResult:
    """Run the tests of a mutant's module with it."""
    state, seconds = _checkouts[0].run(TESTS[mutant.module], mutant)
    return MutantResult(mutant.module, mutant.inside, mutant.line, mutant.operator, mutant.old, mutant.new, state, round(seconds, 1))


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
    parser.add_argument("--no-baseline", action="store_true", help="do not run the tests without a mutant first")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--json", type=Path, help="write every result to this file")
    options = parser.parse_args()
    modules = options.only or TESTS
    everything = [mutant for module in modules for mutant in mutants(module)]
    chosen = sample(everything, options.sample, options.seed)
    print(f"{len(chosen):,} of {len(everything):,} mutants, seed {options.seed}", flush=True)
    results = []
    with ProcessPoolExecutor(options.jobs, initializer=_start_worker) as pool:
        for tests, state, seconds in [] if options.no_baseline else pool.map(baseline, dict.fromkeys(TESTS[module] for module in modules)):
            if state != "survived":
                print(f"suite_mutants: without a mutant, these tests fail: {' '.join(tests)}", file=sys.stderr)
                return 2
            print(f"{seconds:6.1f} s  {' '.join(tests)}", flush=True)
        ends = time.monotonic() + (options.seconds or math.inf)
        for result in pool.map(check, chosen):
            results.append(result)
            if time.monotonic() > ends:
                pool.shutdown(wait=False, cancel_futures=True)
                break
            if result.state == "survived" and not is_accepted(result):
                print(entry(result), flush=True)
    if options.json:
        options.json.write_text(json.dumps([asdict(result) for result in results], indent=1, ensure_ascii=False), encoding="utf-8")
    print("", *table(results), sep="\n")
    share, error = rate(results)
    print(f"\nkilled: {share:.1%}" + (f", give or take {2 * error:.1%}" if len(results) < len(everything) else ""))
    return 0 if share >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
