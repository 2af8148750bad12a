"""The contract check as tests of a project: the items, how many requests the server receives, and the report of a failure."""

import json
from xml.etree import ElementTree as ET

import pytest

from tests.support.server_process import running
from tests.support.waiting import skip_pauses

pytest_plugins = ("pytester", "tests.support.plugin_project")

XDIST = "xdist.plugin"
USAGE_ERROR = 4


def test_every_case_is_a_test_with_a_descriptive_id_whatever_the_naming_rules_are(project):
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


def test_a_failure_names_the_rule_and_how_to_reproduce_it_and_junit_has_the_properties(project):
    with running("--fault", "path-character-allowed:U+007E") as server:
        result = project.run("", "--nclue-check", f"--nclue-url={server.url}", "-q", "-k", "U+007E and end", "--junitxml=report.xml")
    result.assert_outcomes(failed=1)
    project.shows(result, "FAILED NC120 path-character: path[train U+007E end]")
    result.stdout.fnmatch_lines(
        ["  train_file_path holds '~'*response 200 instead of 422 with code 10104*", "  reproduce: nclue-contract sign POST *"]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    (case,) = ET.parse(project.path / "report.xml").getroot().iter("testcase")
    properties = {one.get("name"): one.get("value") for one in case.iter("property")}
    assert properties == {"nclue.rule": "NC120", "nclue.state": "failed", "nclue.requests": "1", "nclue.target": server.url}


def test_the_readings_of_the_session_apply(project):
    options = ("--nclue-check", "-q", "-k", "U+003D and train", "--nclue-reading=path-characters=page-2025")
    with running() as server:
        result = project.run("", *options, f"--nclue-url={server.url}")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*a valid request is rejected: response 422 with code 10104*"])


def test_a_server_that_cannot_be_reached_fails_one_item(project, monkeypatch):
    skip_pauses(monkeypatch)  # it is waited for, as for one that is just starting
    result = project.run("", "--nclue-check", "--nclue-url=http://127.0.0.1:1", "-q")
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines(["inconclusive: the server cannot be reached: *"])


def outcomes_of(result):
    return {name: count for name, count in result.parseoutcomes().items() if name in {"passed", "failed", "skipped"}}


def test_under_xdist_the_plan_runs_once(project):
    """The server receives as many requests as from one process. With `each`, every worker reports all items."""
    options = ("--nclue-check", "-q", "--nclue-check-args=--only NC505", "-k", "nclue-check or test_own")
    own = """
    @pytest.mark.xdist_group("own")
    @pytest.mark.parametrize("number", range(8))
    def test_own(number): pass

    def test_not_chosen(): assert False
    """
    with running("--fault", "list-crashes-on-text") as server:
        alone = project.run(own.replace('@pytest.mark.xdist_group("own")', ""), *options, f"--nclue-url={server.url}")
        sent = len(server.journal())
        assert outcomes_of(alone)["failed"] >= 1
        for distribution in ("load", "loadgroup", "each"):
            server.control("reset", {})
            shared = project.run_apart(own, *options, f"--nclue-url={server.url}", "-n2", "--dist", distribution, plugins=[XDIST])
            assert len(server.journal()) == sent > 1, distribution
            each = 2 if distribution == "each" else 1
            assert outcomes_of(shared) == {name: count * each for name, count in outcomes_of(alone).items()}, distribution
            shared.stdout.fnmatch_lines(["FAILED NC*: list[[]*", "FAILED nclue-check::list[[]*"])


def test_under_xdist_only_selected_cases_are_run(project):
    with running() as server:
        options = ("--nclue-check", "--nclue-check-args=--only NC12", f"--nclue-url={server.url}", "-n1")
        project.run_apart("def test_it(): pass", *options, "-k", "test_it", plugins=[XDIST]).assert_outcomes(passed=1)
        assert server.journal() == []
        result = project.run_apart("", *options, "-k", "U+007E and end and train", "--junitxml=report.xml", plugins=[XDIST])
        assert 0 < len(server.journal()) < 10
    result.assert_outcomes(passed=1)
    (case,) = ET.parse(project.path / "report.xml").getroot().iter("testcase")
    properties = {one.get("name"): one.get("value") for one in case.iter("property")}
    assert properties == {"nclue.rule": "NC120", "nclue.state": "passed", "nclue.requests": "1", "nclue.target": server.url}


def test_failed_cases_can_be_run_again_under_xdist(project):
    options = ("--nclue-check", "--nclue-check-args=--only NC12", "-k", "test_it or U+007E", "-n1", "-q")
    with running("--fault", "path-character-allowed:U+007E") as server:
        options = (*options, f"--nclue-url={server.url}")
        first = project.run_apart("def test_it(): pass", *options, plugins=[XDIST], cache=True)
        again = project.run_apart("def test_it(): pass", *options, "--lf", plugins=[XDIST], cache=True)
    assert outcomes_of(first)["failed"] > 0
    assert outcomes_of(first)["passed"] > 0
    assert outcomes_of(again) == {"failed": outcomes_of(first)["failed"]}


def test_under_xdist_a_worker_may_crash(project):
    crash = "def test_crash():\n    __import__('os')._exit(1)\n"
    result = project.run_apart(crash, "--nclue-check", "--nclue-check-args=--only NC505", "-n1", plugins=[XDIST])
    assert result.parseoutcomes()["failed"] == 1
    assert result.parseoutcomes()["passed"] == 9


def test_under_xdist_invalid_options_are_reported_in_a_line(project):
    result = project.run_apart("", "--nclue-check", "--nclue-check-args=--only NC9", "-n1", plugins=[XDIST])
    assert result.ret == USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --nclue-check-args: --only: unknown rule 'NC9'*"])


@pytest.mark.parametrize(
    ("options", "message"),
    {
        "no such rule": ("--only NC9", "--only: unknown rule 'NC9'"),
        "no such option": ("--nonsense", "unrecognized arguments: --nonsense"),
        "one of two keys": ("--access-key x", "--access-key and --secret-key must be given together"),
    }.values(),
)
def test_invalid_options_are_reported_in_a_line(project, options, message):
    result = project.run("", "--nclue-check", f"--nclue-check-args={options}")
    assert result.ret == USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --nclue-check-args: {message}*"])


def test_without_the_option_none_of_its_modules_is_imported(project):
    probe = """
        import sys, json
        def test_it():
            print(json.dumps(sorted(name for name in sys.modules if name.startswith("nclue_contract"))))
    """
    result = project.run_apart(probe, "-s", "-q")
    loaded = json.loads(next(line for line in result.outlines if line.startswith("[")).rstrip("."))
    assert not {"nclue_contract.pytest_plugin.check_items", "nclue_contract.check.cases.plan", "nclue_contract.check.run"} & set(loaded)


ADVISED = ("--nclue-check", "-q", "-k", "control or twice", "--junitxml=report.xml")


def test_an_advisory_is_a_test_that_passed_and_has_output(project):
    with running("--fault", "auth-repeated-first") as server:
        result = project.run("", *ADVISED, f"--nclue-url={server.url}", "-rP")
    assert result.parseoutcomes().keys() == {"passed", "deselected"}
    result.stdout.fnmatch_lines(["ADVISORY NC201 header-repeated: access?signature twice*"])
    states = [one.get("value") for one in ET.parse(project.path / "report.xml").iter("property") if one.get("name") == "nclue.state"]
    assert "advisory" in states


def test_an_advisory_fails_where_the_user_says_so(project):
    with running("--fault", "auth-repeated-first") as server:
        result = project.run("", *ADVISED, f"--nclue-url={server.url}", "--nclue-check-args=--fail-on NC201")
    assert result.parseoutcomes()["failed"] >= 1
