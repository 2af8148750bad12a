"""The contract check as tests of a project: what is collected, how often the server is asked, and what is told of a failure."""

import json
from xml.etree import ElementTree as ET

import pytest

from nclue_contract.check.transport_http import HttpTransport
from tests.support.server_process import running

pytest_plugins = ("pytester", "tests.support.plugin_project")

XDIST = "xdist.plugin"
USAGE_ERROR = 4


def test_every_case_is_a_test_with_a_telling_id_whatever_the_naming_rules_are(project):
    (project.path / "pytest.ini").write_text("[pytest]\npython_files = verify_*.py\npython_functions = verify_*\n")
    result = project.run("", "--nclue-check", "-q", "--collect-only", verify_it="def verify_one(): pass")
    result.stdout.fnmatch_lines_random(
        ["verify_it.py::verify_one", "nclue-check::control?a valid creation?", "nclue-check::path?train U+007E end?", "nclue-check::life*"]
    )
    result.stdout.no_fnmatch_line("*::test_*")


def test_the_server_that_is_built_in_passes(project):
    result = project.run("", "--nclue-check", "-q")
    outcomes = result.parseoutcomes()
    assert outcomes.keys() == {"passed"}
    assert outcomes["passed"] > 500


def test_only_what_is_chosen_is_run(project):
    """A case that another one decides brings that one with it."""
    result = project.run("", "--nclue-check", "-q", "-k", "deleted and again")
    assert result.parseoutcomes()["passed"] == 1


def test_without_the_option_nothing_is_collected(project):
    project.run("def test_it(): pass").assert_outcomes(passed=1)


def test_a_failure_tells_the_rule_and_how_to_send_it_again_and_junit_has_the_properties(project):
    with running("--fault", "path-character-allowed:U+007E") as server:
        result = project.run("", "--nclue-check", f"--nclue-url={server.url}", "-q", "-k", "U+007E and end", "--junitxml=report.xml")
    result.assert_outcomes(failed=1)
    project.shows(result, "FAILED NC120 path-character: path[train U+007E end]")
    result.stdout.fnmatch_lines(
        ["  train_file_path holds '~'*answered 200 instead of 422/10104*", "  again:     nclue-contract sign POST *"]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    (case,) = ET.parse(project.path / "report.xml").getroot().iter("testcase")
    properties = {one.get("name"): one.get("value") for one in case.iter("property")}
    assert properties == {"nclue.rule": "NC120", "nclue.state": "failed", "nclue.requests": "1", "nclue.target": server.url}


def test_the_readings_of_the_session_are_judged(project):
    options = ("--nclue-check", "-q", "-k", "U+003D and train", "--nclue-reading=path-characters=page-2025")
    with running() as server:
        result = project.run("", *options, f"--nclue-url={server.url}")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*a request that keeps every rule is refused: answered 422/10104*"])


def test_a_server_that_cannot_be_reached_is_told_once(project, monkeypatch):
    monkeypatch.setattr(HttpTransport, "sleep", lambda *_: None)  # it is waited for, as for one that is just starting
    result = project.run("", "--nclue-check", "--nclue-url=http://127.0.0.1:1", "-q")
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines(["could not tell: the server cannot be reached: *"])


def test_under_xdist_one_worker_runs_the_plan(project):
    """Names, pace and requests are not multiplied: the server sees as many requests as from one process."""
    options = ("--nclue-check", "-q", "--nclue-check-args=--only NC505")
    with running() as server:
        alone = project.run_apart("", *options, f"--nclue-url={server.url}")
        asked = len(server.journal())
        server.control("reset", {})
        shared = project.run_apart("", *options, f"--nclue-url={server.url}", "-n2", plugins=[XDIST])
        assert len(server.journal()) == asked
    assert alone.parseoutcomes() == shared.parseoutcomes()
    assert not list(project.path.glob("**/nclue-check-*.json"))


@pytest.mark.parametrize(
    ("options", "message"),
    {
        "no such rule": ("--only NC9", "--only 'NC9': no such rule or group"),
        "no such option": ("--nonsense", "unrecognized arguments: --nonsense"),
        "one of two keys": ("--access-key x", "--access-key and --secret-key must be given together"),
    }.values(),
)
def test_wrong_options_are_told_in_a_line(project, options, message):
    result = project.run("", "--nclue-check", f"--nclue-check-args={options}")
    assert result.ret == USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --nclue-check-args: {message}*"])


def test_the_plugin_imports_nothing_for_it_until_it_is_asked(project):
    probe = """
        import sys, json
        def test_it():
            print(json.dumps(sorted(name for name in sys.modules if name.startswith("nclue_contract"))))
    """
    result = project.run_apart(probe, "-s", "-q")
    loaded = json.loads(next(line for line in result.outlines if line.startswith("[")).rstrip("."))
    assert not {"nclue_contract.pytest_plugin.check_items", "nclue_contract.check.cases.plan", "nclue_contract.check.run"} & set(loaded)
