"""The check as the owner of a server runs it, on two servers that keep the contract and were written without the package.

Each server makes its own choices where the documentation leaves one. The check must fail none of them, and infer none wrongly.
"""

import subprocess
import sys
from contextlib import contextmanager

import pytest

from tests.support.command import run_main
from tests.support.server_process import environment
from tests.support.tools import ROOT

FAILING_FILE = {"flask": "churn/few.tsv", "aiohttp": "churn/missing.tsv"}
COMMON = {"name-unit": "code-points", "name-edge": "100", "status-word": "completed", "queue": "parallel", "request-content-type": "any"}
CHOICES = {
    "flask": COMMON
    | {
        "path-characters": "page-2024",
        "path-high-codes": "code-points",
        "path-del": "allowed",
        "path-empty": "refused",
        "check-order": "rules-first",
        "optional-null": "accepted",
        "unknown-field": "ignored",
        "test-triple": "independent",
        "empty-id": "refused",
        "error-shape": "nested",
        "error-code-type": "string",
        "auth-refusal": "nclue",
        "list-index": "offset",
        "list-total": "all",
        "auroc-type": "string",
        "timestamp-edge": "accepted",
        "query-range": "clamped",
    },
    "aiohttp": COMMON
    | {
        "path-characters": "page-2025",
        "path-high-codes": "utf8-bytes",
        "path-del": "forbidden",
        "path-empty": "allowed",
        "check-order": "rules-first",
        "optional-null": "refused",
        "unknown-field": "refused",
        "test-triple": "all-or-none",
        "empty-id": "allowed",
        "error-shape": "flat",
        "error-code-type": "integer",
        "auth-refusal": "gateway",
        "list-index": "page",
        "list-total": "page",
        "auroc-type": "number",
        "timestamp-edge": "refused",
        "query-range": "refused",
    },
}
WITHOUT_VARIANT = {"success-status": "200", "name-comparison": "exact", "name-after-deletion": "free", "absent-fields": "null"}
WITH_VARIANT = {
    "flask": {
        "success-status": "gateway",
        "name-comparison": "collated",
        "name-after-deletion": "kept",
        "absent-fields": "absent",
        "error-shape": "nested-code",
    },
    "aiohttp": {
        "success-status": "gateway",
        "name-comparison": "collated",
        "name-after-deletion": "free",
        "absent-fields": "absent",
        "error-shape": "response-error",
        "error-code-type": "string",
    },
}
ADVISORIES = {
    "NC002",  # json.loads reads UTF-16 as well
    "NC004",  # of a name twice in an object it takes the last
    "NC005",  # it reads NaN, and numbers that no double holds
    "NC201",  # of a header sent twice, aiohttp's look-up returns the first
    "NC312",  # an error has a code of the server's own where the pages name none
}


@contextmanager
def running(name, *options, errors):
    """Start a server in a process of its own and return its base URL, which it prints when it listens."""
    command = [sys.executable, "-m", f"tests.conforming_servers.{name}_server", "--step", "0.3", *options]
    with (
        errors.open("wb") as stream,
        subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=stream, text=True) as process,
    ):
        try:
            url = process.stdout.readline().strip()
            assert url, errors.read_text(encoding="utf-8")
            yield url
        finally:
            process.kill()


@pytest.fixture
def check(tmp_path, capsys, monkeypatch):
    """Return a function that checks a server, and returns the report; the check must pass, and the server must have raised nothing."""
    monkeypatch.chdir(tmp_path)
    for name in ("NCLUE_ACCESS_KEY", "NCLUE_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)

    def check(name, *options, server_options=()):
        errors = tmp_path / "server.txt"
        with running(name, *server_options, errors=errors) as url:
            arguments = ["check", url, "--format", "json", "--failing-file", FAILING_FILE[name], *options]
            done = run_main(capsys, monkeypatch, arguments)
        failures = done.report["failures"]
        assert [(failure["rule"], failure["case"], failure["message"]) for failure in failures] == []
        assert (done.code, done.err) == (0, ""), done.report["verdict"]
        assert "Traceback" not in errors.read_text(encoding="utf-8")
        return done.report

    return check


def inferred(result):
    """Return the readings that are not open."""
    return {name: reading["option"] for name, reading in result["readings"].items() if reading["option"] is not None}


@pytest.mark.parametrize("name", CHOICES)
@pytest.mark.parametrize("variant", [False, True], ids=["plain", "variant"])
def test_a_conforming_server_passes_and_its_readings_are_inferred(check, name, variant):
    # A variant has the same paths, so that the many cases about single characters would show nothing new.
    options, server_options = (("--skip", "NC120"), ["--variant"]) if variant else ((), [])
    result = check(name, *options, server_options=server_options)
    assert {advisory["rule"] for advisory in result["advisories"]} <= ADVISORIES
    choices = CHOICES[name] | (WITH_VARIANT[name] if variant else WITHOUT_VARIANT)
    assert {reading: option for reading, option in inferred(result).items() if option != choices[reading]} == {}
    assert len(inferred(result)) > len(choices) / 2


@pytest.mark.parametrize(
    ("name", "server_options"),
    [("flask", []), ("aiohttp", ["--compress"])],
    ids=["flask", "aiohttp behind a proxy that compresses"],
)
def test_a_conforming_server_passes_with_a_small_budget(check, name, server_options):
    result = check(name, "--budget", "60", server_options=server_options)
    assert result["summary"]["requests"] <= 60
