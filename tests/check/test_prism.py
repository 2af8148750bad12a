"""The check of Prism's mock of our OpenAPI document: a server that validates payloads by their schema, and stores nothing."""

import json
import socket
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.forked_command import run_forked
from tests.support.server_process import environment
from tests.support.tools import ROOT, missing, node_tool

DEADLINE = 300
"""Seconds in which Prism must have started."""

EXPECTED = {
    "NC120": "answers a wrong path with the first example of 422, whose code is about names",
    "NC202": "takes a timestamp of any form",
    "NC203": "takes an old timestamp",
    "NC205": "takes a signature of any form",
    "NC208": "verifies no signature",
    "NC209": "knows no access keys",
    "NC306": "shows an example, so test fields are null although they were sent",
    "NC307": "shows an example, and not what was sent",
    "NC403": "shows another example for every operation",
    "NC404": "remembers no names",
    "NC405": "creates the same task again and again, at the same time",
    "NC407": "knows every ID",
    "NC500": "shows the limit of an example",
    "NC503": "has tasks on every page",
    "NC600": "answers JSON that cannot be read with an error in a form of its own",
}
"""The rules that it breaks, and how."""

ADVISED = {
    "NC002": "reads bytes that are no UTF-8",
    "NC004": "takes a name twice",
    "NC201": "takes a header that is there twice",
}
"""What no page forbids."""

KEPT = {
    "NC101": "a missing field is refused by the schema",
    "NC102": "so is a wrong type",
    "NC302": "answers are JSON",
    "NC304": "and have every field of the document",
    "NC305": "of the right type",
    "NC505": "a limit out of range is refused by the schema",
}
"""Rules that it passes, since the document states them completely."""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Return the JSON report of a complete check of Prism."""
    command = node_tool("@stoplight/prism-cli/dist/index.js")
    if not Path(command[-1]).is_file():
        missing("Prism is missing; run: make node")
    folder, port = tmp_path_factory.mktemp("prism"), free_port()
    document = json.loads((ROOT / "nclue_contract" / "contract" / "openapi.json").read_text(encoding="utf-8"))
    document["paths"] = {f"/api/v1{path}": item for path, item in document["paths"].items()}  # Prism ignores the path in `servers`
    (folder / "openapi.json").write_text(json.dumps(document))
    options = ["--host", "127.0.0.1", "--port", str(port), "--multiprocess", "false", "--verboseLevel", "silent"]
    with subprocess.Popen([*command, "mock", *options, folder / "openapi.json"], stdout=subprocess.DEVNULL) as prism:
        try:
            wait_for(port, prism)
            arguments = ["check", f"http://127.0.0.1:{port}/api/v1", "--report", f"json:{folder / 'report.json'}"]
            done = run_forked(arguments, environment())
        finally:
            prism.kill()
    assert (done.code, done.err) == (1, "")
    return json.loads((folder / "report.json").read_text())


def wait_for(port, process):
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end and process.poll() is None:
        try:
            with closing(socket.create_connection(("127.0.0.1", port), 1)):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail("Prism does not listen")


def test_it_breaks_the_rules_that_no_schema_can_hold(report):
    assert {failure["rule"] for failure in report["failures"]} == set(EXPECTED)
    assert {advisory["rule"] for advisory in report["advisories"]} == set(ADVISED)


def test_it_passes_the_rules_that_a_schema_can_express(report):
    states = {row["rule"]: row["state"] for row in report["rules"]}
    assert {rule: states[rule] for rule in KEPT} == dict.fromkeys(KEPT, "passed")


def test_it_rejects_paths_with_the_documented_status_and_another_code(report):
    answers = {(one["exchange"]["status"], one["exchange"]["code"]) for one in report["failures"] if one["rule"] == "NC120"}
    assert answers == {(422, "10101")}
