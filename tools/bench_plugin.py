"""Measure what plugins add to a run of pytest that uses none of them: modules, and milliseconds of the processor.

Run it with `make bench`, or `python tools/bench_plugin.py [--rounds N]`.

A round starts one pytest after the other, each in a process of its own, on a project with one empty test: one without plugins, and one for
each plugin alone. An empty module as a plugin shows what no plugin can save. A plugin's cost is the median, over the rounds, of what it
took longer than the bare run of the same round, so it hardly depends on what else the machine does. Bytecode is cached, as with users.
pytest-httpx wants another httpx than we do, so it is put into a folder of its own for the time of the run; what cannot be had is left out,
and reported.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path

OURS = "nclue_contract.pytest_plugin"
OTHERS = {"respx": "respx", "hypothesis": "hypothesispytest", "schemathesis": "schemathesis"}
"""Distributions and the names of their entry points."""

SCRIPT = "import sys, pytest; code = pytest.main(sys.argv[1:]); print('MODULES', len(sys.modules)); sys.exit(code)"


def run(project: Path, plugin: str | None, path: str) -> tuple[float, int]:
    """Seconds of the processor that a run with this plugin needs, and the modules that it has loaded in the end."""
    usual = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = usual | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "", "PYTHONPATH": path}
    command = [sys.executable, "-c", SCRIPT, "-q", "-pno:cacheprovider", *([f"-p{plugin}"] if plugin else [])]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if done.returncode:
        raise SystemExit(f"a run with {plugin} failed:\n{done.stdout}{done.stderr}")
    return seconds, int(done.stdout.rpartition("MODULES ")[2])


def plugins(folder: Path) -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
    """Modules of plugins with the PYTHONPATH that they need, by name; and why others are left out."""
    known = {entry.name: entry.value for entry in entry_points(group="pytest11")}
    (folder / "empty_plugin.py").touch()
    found = {"an empty module": ("empty_plugin", str(folder)), "nclue-contract": (OURS, "")}
    found |= {name: (known[entry], "") for name, entry in OTHERS.items() if entry in known}
    left_out = {name: "not installed" for name, entry in OTHERS.items() if entry not in known}
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), "pytest-httpx"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        left_out["pytest-httpx"] = f"pip could not get it: {done.stderr.strip().splitlines()[-1:] or done.returncode}"
    else:
        found["pytest-httpx"] = ("pytest_httpx", str(folder))
    return found, left_out


def table(rounds: int, found: Mapping[str, tuple[str, str]], project: Path) -> None:
    """Run all rounds, and print a line for each plugin."""
    bare: list[float] = []
    added: dict[str, list[float]] = {name: [] for name in found}
    modules: dict[str, int] = {}
    for plugin, path in [(None, ""), *found.values()]:
        run(project, plugin, path)  # after that, files and bytecode are cached
    for _ in range(rounds):
        seconds, count = run(project, None, "")
        bare.append(seconds)
        for name, (plugin, path) in found.items():
            with_plugin, loaded = run(project, plugin, path)
            added[name].append(with_plugin - seconds)
            modules[name] = loaded - count
    alone = statistics.median(bare)
    print(f"An empty run of pytest takes {alone * 1000:.0f} ms. With one plugin, median of {rounds} rounds:\n")
    print(f"  {'':16} {'modules':>8} {'ms':>8} {'ratio':>7}")
    for name, values in added.items():
        middle = statistics.median(values)
        print(f"  {name:16} {modules[name]:+8} {middle * 1000:+8.1f} {1 + middle / alone:7.2f}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=15, help="rounds (default 15)")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder, "project")
        project.mkdir()
        (project / "test_it.py").write_text("def test_it():\n    pass\n")
        (project / "pytest.ini").write_text("[pytest]\n")
        packages = Path(folder, "packages")
        packages.mkdir()
        found, left_out = plugins(packages)
        table(rounds, found, project)
    for name, why in left_out.items():
        print(f"\n  left out: {name}, {why}")


if __name__ == "__main__":
    main()
