"""Fuzz the package with coverage guidance (atheris, which is libFuzzer): `make fuzz`, or `make fuzz SECONDS=600`.

`python tools/fuzz.py [--seconds 120] [--only TARGET]` gives each target of `tools/fuzz_targets.py` an equal part of the time, in a process
of its own, and prints how many inputs were run. It starts from the corpus in `tests/fuzz_corpus/` and from what earlier runs have left in
`.fuzz/`. An input that breaks a promise, takes more than 20 seconds or more than 2 GB is written to `.fuzz/findings/`, and the command that
reproduces it is printed: `python tools/fuzz.py --reproduce FILE`, which needs no atheris. Exit code 1 where there is one, 2 where nothing
could be run.

Once it is mended, move the input to `tests/fuzz_corpus/TARGET/found-WHAT`, where the tests run it from then on.
"""

from __future__ import annotations

import argparse
import importlib
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
WORK = ROOT / ".fuzz"
FINDINGS = WORK / "findings"
SEEDS = ROOT / "tests" / "fuzz_corpus"
TARGETS = ("json", "files", "signatures", "service", "responses", "traffic")
LIMITS = ("-timeout=20", "-rss_limit_mb=2048", "-max_len=4096")
"""Options of libFuzzer: seconds and megabytes that an input may take, and its largest length."""
GRACE_S = 120
"""Seconds after which a process that does not end by itself is ended."""


def fuzz_here(target: str, arguments: Sequence[str]) -> None:
    """Fuzz one target in this process, with the options and folders of libFuzzer. Does not return."""
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["nclue_contract"]):
        run = importlib.import_module("tools.fuzz_targets").TARGETS[target]
    atheris.Setup([sys.argv[0], *arguments], run)
    atheris.Fuzz()


def fuzz(target: str, seconds: int) -> tuple[int, int, list[Path]]:
    """Fuzz one target in a process of its own; return its exit code, how many inputs were run, and the new findings."""
    corpus = WORK / target
    for folder in (corpus, FINDINGS):
        folder.mkdir(parents=True, exist_ok=True)
    before = set(FINDINGS.iterdir())
    options = [f"-max_total_time={seconds}", "-print_final_stats=1", f"-artifact_prefix={FINDINGS}/{target}-", *LIMITS]
    command = [sys.executable, __file__, "--inside", target, "--", *options, str(corpus), str(SEEDS / target)]
    log = WORK / f"{target}.log"
    with log.open("w", encoding="utf-8", errors="replace") as output:
        done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False, cwd=ROOT, timeout=seconds + GRACE_S)
    counts = re.findall(r"^stat::number_of_executed_units: +(\d+)", log.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    return done.returncode, int(counts[-1]) if counts else 0, sorted(set(FINDINGS.iterdir()) - before)


def fuzz_all(targets: Sequence[str], seconds: int) -> int:
    """Fuzz the targets one after the other, print the figures, and return the exit code."""
    total, failed = 0, False
    for target in targets:
        status, runs, found = fuzz(target, max(1, seconds // len(targets)))
        total, failed = total + runs, failed or bool(status)
        print(
            f"{target:12} {runs:10,} inputs  {'a finding' if found else 'no finding' if not status else 'did not run to its end'}",
            flush=True,
        )
        for file in found:
            print(f"  reproduce: .venv/bin/python tools/fuzz.py --reproduce {file.relative_to(ROOT)}")
        if status:
            print(f"  log: {(WORK / target).relative_to(ROOT)}.log")
    print(f"{'all':12} {total:10,} inputs in {seconds} s")
    return 1 if failed else 0


def reproduce(file: Path) -> int:
    """Run a target on one input: a finding, whose name begins with that of the target, or a file of the corpus."""
    name = file.parent.name if file.parent.parent == SEEDS else file.name.partition("-")[0]
    importlib.import_module("tools.fuzz_targets").TARGETS[name](file.read_bytes())
    print(f"{name}: nothing is wrong with this input")
    return 0


def main() -> int:
    """Fuzz, or reproduce a finding; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=120, help="for all targets together (%(default)s)")
    parser.add_argument("--only", action="append", choices=TARGETS, help="fuzz this target only (repeatable)")
    parser.add_argument("--reproduce", type=Path, metavar="FILE", help="run the target of an input on it")
    parser.add_argument("--inside", choices=TARGETS, help=argparse.SUPPRESS)
    parser.add_argument("options", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        fuzz_here(options.inside, options.options)
    if options.reproduce:
        return reproduce(options.reproduce.resolve())
    try:
        importlib.import_module("atheris")
    except ImportError:
        print("fuzz: atheris is missing. It has wheels for Linux and CPython 3.11 to 3.13: pip install --group fuzz", file=sys.stderr)
        return 2
    return fuzz_all(options.only or TARGETS, options.seconds)


if __name__ == "__main__":
    sys.exit(main())
