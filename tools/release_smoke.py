"""Try an installed package from outside: `tools/release_check.py` runs this with the Python of a clean environment.

Arguments: the folder of the corpus, and the extras that are installed. Prints what was tried in one line; a failure ends it.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import sysconfig
from importlib.metadata import distribution
from pathlib import Path

MODULES = {"mock": "mock", "strategies": "strategies", "schemathesis": "schemathesis_hooks"}
"""The public module of an extra."""

PROGRAM = Path(sysconfig.get_path("scripts"), "nclue-contract")


def run(*arguments: str, code: int = 0) -> str:
    """Run the installed command and return what it prints; fails for another exit code."""
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, encoding="utf-8", timeout=300, check=False)
    if done.returncode != code:
        raise SystemExit(f"{' '.join(arguments)}: exit code {done.returncode}, not {code}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def try_corpus(corpus: Path) -> int:
    """Validate each payload of the corpus in Python and by the command, compare the rules with those beside it, and return their number."""
    from nclue_contract import validate_request_json  # noqa: PLC0415  # the installed one

    cases = sorted(path for path in corpus.glob("*/*.json") if not path.name.endswith(".expected.json"))
    for case in cases:
        wanted = [finding["rule"] for finding in json.loads(case.with_suffix(".expected.json").read_text(encoding="utf-8"))]
        report = validate_request_json(case.read_bytes())
        if [finding.rule for finding in report.findings] != wanted or report.ok != (case.parent.name == "valid"):
            raise SystemExit(f"{case}: found {[finding.rule for finding in report.findings]}, and not {wanted}")
    run("validate", "--quiet", *map(str, (case for case in cases if case.parent.name == "valid")))
    run("validate", "--quiet", *map(str, (case for case in cases if case.parent.name == "invalid")), code=1)
    return len(cases)


def try_extra(extra: str) -> None:
    """Use what an extra is for."""
    match extra:
        case "mock" | "strategies" | "schemathesis":
            importlib.import_module(f"nclue_contract.{MODULES[extra]}")
        case "completion":
            run("completion", "bash")
        case "server":
            run("serve", "--help")
            importlib.import_module("nclue_contract.service.uvicorn_server")
        case "markdown":
            importlib.import_module("nclue_contract.docs_drift.readers.markdown").read_markdown("# Create task\n")
        case "check":
            importlib.import_module("nclue_contract.check.transport_http")
        case _:
            raise SystemExit(f"nothing tries the extra {extra}; add it to {__file__}")


def main() -> None:
    """Try everything."""
    corpus, extras = Path(sys.argv[1]), sys.argv[2:]
    installed = distribution("nclue-contract")
    here = importlib.import_module("nclue_contract").__file__ or ""
    if not here.startswith(sys.prefix):
        raise SystemExit(f"the package is not the installed one: {here}")
    if installed.version not in run("--version"):
        raise SystemExit("the command prints another version than the metadata has")
    count = try_corpus(corpus)
    run("check")
    for extra in extras:
        try_extra(extra)
    print(f"{count} payloads of the corpus, the check of the embedded server, {', '.join(extras) or 'no extra'}")


main()
