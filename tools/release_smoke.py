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
from tempfile import TemporaryDirectory

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
        case "fast":
            importlib.import_module("nclue_contract.cli.msgspec_reader")
        case "proxy":
            run("proxy", "--help")
            importlib.import_module("nclue_contract.proxy.app")
        case "pytest":
            try_plugin()
        case "traffic":
            try_recordings()
        case _:
            raise SystemExit(f"nothing tries the extra {extra}; add it to {__file__}")


def try_plugin() -> None:
    """Run a test with a fixture of the plugin."""
    with TemporaryDirectory() as folder:
        Path(folder, "test_a.py").write_text(
            "def test_a(nclue_validate, nclue_task_request):\n    assert nclue_validate(nclue_task_request).ok\n"
        )
        command = [sys.executable, "-I", "-m", "pytest", "--quiet", "-p", "no:cacheprovider", folder]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=300, check=False)
    if done.returncode or "1 passed" not in done.stdout:
        raise SystemExit(f"the plugin: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def try_recordings() -> None:
    """Judge an exchange of a cassette and of a HAR file, read by the two libraries of the extra."""
    tasks = json.dumps({"index": 0, "limit": 20, "total": 0, "tasks": []})
    url, kind = "http://127.0.0.1/api/v1/tasks", "application/json"
    response = {"status": 200, "headers": [{"name": "content-type", "value": kind}], "content": {"text": tasks}}
    har = {"log": {"entries": [{"request": {"method": "GET", "url": url, "headers": []}, "response": response}]}}
    recorded = {"status": {"code": 200}, "headers": {"content-type": [kind]}, "body": {"string": tasks}}
    cassette = {"interactions": [{"request": {"method": "GET", "uri": url, "headers": {}}, "response": recorded}], "version": 1}
    with TemporaryDirectory() as folder:
        for name, content in (("a.har", har), ("b.yaml", cassette)):  # JSON is YAML, too
            file = Path(folder, name)
            file.write_text(json.dumps(content), encoding="utf-8")
            run("traffic", "--side", "server", str(file))


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
