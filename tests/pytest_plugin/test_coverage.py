"""Coverage of the contract by a client's tests: what is counted, what is covered, and the reports. The tables are typed by hand."""

import json

import pytest

from nclue_contract.contract.readings import Readings
from nclue_contract.pytest_plugin.coverage import Coverage
from nclue_contract.service.recorder import Tally

pytest_plugins = ("pytester", "tests.support.plugin_project")

OPERATIONS = {"listTasks", "createTask", "getTask", "deleteTask"}
GATEWAY = {(400, "100"), (401, "10100"), (401, "200"), (401, "210"), (403, "230"), (404, "300"), (429, "400"), (429, "410"), (429, "420")}
GATEWAY |= {(500, "900"), (503, "500"), (504, "510")}
OF_CREATION = {(409, "10102"), (413, "430"), (404, "10106"), (404, "10107"), (404, "10108")}
OF_CREATION |= {(422, "10101"), (422, "10103"), (422, "10104"), (422, "10105"), (422, "10109")}
ANSWERS = {(operation, *answer) for operation in OPERATIONS for answer in GATEWAY} | {("createTask", *answer) for answer in OF_CREATION}

RULES = {f"NC00{digit}" for digit in range(1, 8)} | {"NC100", "NC101", "NC102", "NC110", "NC111", "NC120"}
RULES |= {"NC200", "NC201", "NC202", "NC203", "NC204", "NC205", "NC208", "NC209"}
"""What a server rejects under the default readings, of what a client can send."""

BY_READING = {
    "optional-null=refused": {"NC103"},
    "unknown-field=refused": {"NC104"},
    "test-triple=all-or-none": {"NC105"},
    "empty-id=refused": {"NC106"},
    "path-empty=refused": {"NC121"},
    "request-content-type=json-only": {"NC206"},
    "path-del=forbidden": set(),
}


def coverage(tally=None, *pins):
    return Coverage(tally or Tally(), Readings.choose(("test", dict(pin.split("=") for pin in pins))))


# -- what is counted ------------------------------------------------------------------------------------------------------------------


def test_by_default_the_rules_count_that_the_default_readings_reject():
    assert set(coverage().rules) == RULES


@pytest.mark.parametrize(("pin", "more"), BY_READING.items(), ids=BY_READING)
def test_a_pin_that_rejects_something_makes_its_rule_count(pin, more):
    assert set(coverage(None, pin).rules) == RULES | more


def test_every_documented_error_counts_for_each_operation():
    assert set(coverage().error_codes) == ANSWERS
    assert len(coverage().error_codes) == len(ANSWERS)


# -- what is covered ----------------------------------------------------------------------------------------------------------------------


def test_nothing_met_is_no_percent_and_everything_met_a_hundred():
    everything = Tally(requests=1, operations=set(OPERATIONS), rules=set(RULES), answers=set(ANSWERS))
    assert (coverage().counts, coverage().percent) == ((0, len(OPERATIONS) + len(RULES) + len(ANSWERS)), 0)
    assert coverage(everything).percent == 100


def test_what_does_not_count_raises_no_percentage():
    tally = Tally(rules={"NC104", "NC130"}, answers={("getTask", 409, "10102"), ("createTask", 400, "300")}, operations={"runTask"})
    assert coverage(tally).counts[0] == 0
    assert "  also, under other readings: NC104, NC130" in list(coverage(tally).lines())


def test_what_workers_have_met_is_put_together():
    first = Tally(2, {"getTask"}, {"NC120"}, {("getTask", 404, "300")})
    second = Tally(3, {"getTask", "listTasks"}, {"NC101"}, {("getTask", 429, "420")})
    first.add(json.loads(json.dumps(second.to_plain())))
    assert first == Tally(5, {"getTask", "listTasks"}, {"NC101", "NC120"}, {("getTask", 404, "300"), ("getTask", 429, "420")})


# -- through the fixtures -------------------------------------------------------------------------------------------------------------

TESTS = """
@pytest.mark.nclue(allow=["NC120", "NC001"])
def test_mock(nclue_mock, nclue_task_request):
    assert send(nclue_mock.url, nclue_task_request).status_code == 200
    assert send(nclue_mock.url, nclue_task_request).status_code == 409
    assert send(nclue_mock.url, nclue_task_request | {"train_file_path": "~"}).status_code == 422
    nclue_mock.fail_next(error="RATE_LIMITED")
    assert send(nclue_mock.url, None, content=b"{").status_code == 429

@pytest.mark.nclue(readings={"error-shape": "flat", "error-code-type": "integer"})
def test_server(nclue_server):
    assert look(nclue_server.url).status_code == 200
    assert look(nclue_server.url, "/tasks/unknown").json()["code"] == 300
"""

REPORT = """
======================== coverage of the NCLUE contract ========================
7 of 83 (8.4 %), by 6 requests through nclue_mock and nclue_server
operations that succeeded: 2 of 4
  covered: listTasks, createTask
  not covered: getTask, deleteTask
rules for which a request was rejected: 1 of 21
  covered: NC120
  not covered: NC001, NC002, NC003, NC004, NC005, NC006, NC007, NC100, NC101,
    NC102, NC110, NC111, NC200, NC201, NC202, NC203, NC204, NC205, NC208, NC209
error codes in responses: 4 of 58
  covered, createTask: 409 with code 10102, 422 with code 10104, 429 with code
    420
  covered, getTask: 404 with code 300
  not covered, listTasks: 400 with code 100, 401 with code 10100 or 200 or 210,
    403 with code 230, 404 with code 300, 429 with code 400 or 410 or 420, 500
    with code 900, 503 with code 500, 504 with code 510
  not covered, createTask: 400 with code 100, 401 with code 10100 or 200 or 210,
    403 with code 230, 404 with code 300 or 10106 or 10107 or 10108, 413 with
    code 430, 422 with code 10101 or 10103 or 10105 or 10109, 429 with code 400
    or 410, 500 with code 900, 503 with code 500, 504 with code 510
  not covered, getTask: 400 with code 100, 401 with code 10100 or 200 or 210,
    403 with code 230, 429 with code 400 or 410 or 420, 500 with code 900, 503
    with code 500, 504 with code 510
  not covered, deleteTask: 400 with code 100, 401 with code 10100 or 200 or 210,
    403 with code 230, 404 with code 300, 429 with code 400 or 410 or 420, 500
    with code 900, 503 with code 500, 504 with code 510
Coverage counts operations, rules for which a request is rejected under these
readings (NC0xx, NC1xx, NC2xx), and the error codes that the pages document for
each operation. It does not count the rules for responses, which concern the
server.
"""


def test_the_report_lists_what_is_covered_and_what_is_not_and_what_counts(project):
    result = project.run(TESTS, "--nclue-coverage")
    result.assert_outcomes(passed=2)
    project.shows(result, REPORT)


def test_the_file_contains_the_same_for_machines(project):
    result = project.run(TESTS, "--nclue-coverage-report=json:report.json", "--nclue-reading=path-del=forbidden")
    result.stdout.no_fnmatch_line("rules for which a request was rejected*")
    report = json.loads((project.path / "report.json").read_text())
    assert report["tool"]["name"] == "nclue-contract"
    assert report["contract"].keys() == {"revision"}
    assert report["readings"]["path-del"] == {"option": "forbidden", "source": "--nclue-reading"}
    assert (report["requests"], report["lost_workers"]) == (6, 0)
    assert report["summary"] == {"met": 7, "counted": 83, "percent": 8.43}
    assert {entry["operation"] for entry in report["operations"] if entry["met"]} == {"createTask", "listTasks"}
    assert {entry["operation"] for entry in report["operations"]} == OPERATIONS
    assert [entry for entry in report["rules"] if entry["met"]] == [{"rule": "NC120", "slug": "path-character", "met": True}]
    assert {entry["rule"] for entry in report["rules"]} == RULES
    assert {(e["operation"], e["status"], e["code"]) for e in report["error_codes"]} == ANSWERS
    assert {(e["operation"], e["code"]) for e in report["error_codes"] if e["met"]} == {
        ("createTask", "10102"),
        ("createTask", "10104"),
        ("createTask", "420"),
        ("getTask", "300"),
    }


def test_a_run_with_too_little_coverage_fails_and_reports_it(project):
    result = project.run(TESTS, "--nclue-coverage-fail-under=8.44")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["FAILED: 8.4 % is less than 8.44 % (--nclue-coverage-fail-under)"])
    result = project.run(TESTS, "--nclue-coverage-fail-under=8.43")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("FAILED*")


def test_a_run_without_tests_keeps_its_own_exit_code(project):
    options = ["--nclue-coverage", "--nclue-coverage-fail-under=50", "--nclue-coverage-report=json:report.json"]
    result = project.run(TESTS, "--collect-only", *options)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("*coverage of the NCLUE contract*")
    assert not (project.path / "report.json").exists()
    assert project.run(TESTS, "-k", "nothing", *options).ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_a_file_that_cannot_be_written_is_reported_and_keeps_its_contents(project, monkeypatch):
    (project.path / "report.json").write_text("{}")

    def full(_):
        raise OSError(28, "No space left on device", "report.json")

    monkeypatch.setattr(Coverage, "to_json", full)
    result = project.run(TESTS, "--nclue-coverage-report=json:report.json")
    result.stdout.fnmatch_lines([f"FAILED: cannot write {project.path / 'report.json'}: No space left on device"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert (project.path / "report.json").read_text() == "{}"
    assert [path for path in project.path.iterdir() if path.suffix not in {".json", ".py"} and path.is_file()] == []


def test_without_the_options_no_coverage_is_reported(project):
    project.run(TESTS).stdout.no_fnmatch_line("*coverage of*")


def test_a_server_of_ones_own_is_not_seen(project):
    result = project.run("def test_it(nclue_server): pass", "--nclue-url=http://127.0.0.1:9", "--nclue-coverage")
    result.stdout.fnmatch_lines(
        ["0 of 83 (0.0 %), by 0 requests through *", "Requests to http://127.0.0.1:9 (nclue_url) are not included."]
    )


def test_workers_of_xdist_send_their_tallies(project):
    result = project.run_apart(TESTS, "-n2", "--nclue-coverage", "--nclue-coverage-fail-under=9", plugins=["xdist.plugin"])
    project.shows(result, f"{REPORT}FAILED: 8.4 % is less than 9 % (--nclue-coverage-fail-under)")
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_the_missing_coverage_of_a_crashed_worker_of_xdist_is_reported(project):
    crash = "\ndef test_crash():\n    __import__('os')._exit(1)\n"
    result = project.run_apart(TESTS + crash, "-n1", "--max-worker-restart=0", "--nclue-coverage", plugins=["xdist.plugin"])
    result.stdout.fnmatch_lines(["0 of 83 *", "1 worker crashed; the coverage of crashed workers is missing"])
