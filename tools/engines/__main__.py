"""Print a table of the engines: versions, and how many results differ from those that they must have.

    python -m tools.engines                  every engine that is installed; the others are named
    python -m tools.engines --group debian   those of Debian only

Exits with 1 when an engine has a wrong result that is not known of it, or no longer has one that is.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tools.engines.cases import Case, all_cases
from tools.engines.engines import DEBIAN, ENGINES, NODE, PYTHON, Engine, MissingEngineError

GROUPS = {"all": ENGINES, "python": PYTHON, "node": NODE, "debian": DEBIAN}
SHOWN = 5


def main(argv: list[str] | None = None) -> int:
    """Run the engines of a group and print the table; return the exit code."""
    parser = argparse.ArgumentParser(description="Compare JSON Schema engines on our schemas.")
    parser.add_argument("--group", choices=GROUPS, default="all", help="engines to run (default: all)")
    options = parser.parse_args(argv)
    cases, unexpected = all_cases(), 0
    print("| engine | language | version | draft | results | remark |\n| --- | --- | --- | --- | --- | --- |")
    for engine in GROUPS[options.group]:
        try:
            count, row = _row(engine, cases)
        except MissingEngineError as error:
            count, row = 0, ["-", engine.draft, "not run", str(error)]
        unexpected += count
        print(f"| {' | '.join([engine.name, engine.language, *row])} |", flush=True)
    if unexpected:
        print(f"{unexpected} results are not as expected", file=sys.stderr)
    return 1 if unexpected else 0


def _row(engine: Engine, cases: list[Case]) -> tuple[int, list[str]]:
    """Return how many results are not as expected, and the cells behind the language."""
    version = engine.version()
    with tempfile.TemporaryDirectory() as folder:
        try:
            wrong = engine.wrong(cases, Path(folder))
        except (RuntimeError, ValueError) as error:
            return 1, [version, engine.draft, "none", str(error).replace("\n", " ").replace("|", "\\|")[:300]]
    odd = sorted(set(wrong) ^ engine.known.keys())
    remarks = sorted({reason for name, reason in engine.known.items() if name in wrong})
    if odd:
        more = f" and {len(odd) - SHOWN} more" if len(odd) > SHOWN else ""
        remarks.append(f"UNEXPECTED: {', '.join(odd[:SHOWN])}{more}")
    return len(odd), [version, engine.draft, f"{len(cases) - len(wrong):,} of {len(cases):,}", "; ".join(remarks)]


if __name__ == "__main__":
    sys.exit(main())
