"""`check --explore`: what Schemathesis generates is validated by our check, and reported with the rest.

The explorations are bounded by examples and a seed. The seconds are an upper bound that no machine reaches, so no result depends on speed.
"""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nclue_contract.check import explore as explore_module
from nclue_contract.check.explore import FINDINGS_FILE, Found, finish, read_findings
from nclue_contract.cli.main import main
from nclue_contract.guard import guard
from tests.support.command import run_main
from tests.support.forked_command import SCHEMATHESIS, run_forked
from tests.support.server_process import DEADLINE, environment, running
from tests.support.signing import ACCESS, SECRET
from tests.support.stub_servers import forwarding, url

FEW = ("--only", "NC110")
"""Three cases, so that what is found was found by exploring."""
BOUNDED = ("--explore", "600", "--explore-examples", "5", "--seed", "1")
SHORT_ONE = ("--explore-examples", "2")
"""Where any request would do."""


def explored(url, folder, *options):
    """Check a server with a short exploration; return the exit code, the output and the JSON report."""
    done = run_forked(["check", url, *FEW, *BOUNDED, "--report", "json:report.json", *options], environment(), cwd=folder)
    assert done.err == ""
    return done.code, done.out, json.loads((folder / "report.json").read_text(encoding="utf-8"))


@pytest.fixture
def explored_shortly(tmp_path, monkeypatch, capsys):
    """Return a function like `explored` for a short exploration. Its Schemathesis is forked: to start one takes longer than the rest."""

    def run(command, folder, variables, _seconds):
        done = run_forked(command[command.index("run") :], variables, cwd=folder, program=SCHEMATHESIS)
        return False, done.out + done.err

    def explore_shortly(url, *options):
        monkeypatch.setattr(explore_module, "_run", run)
        report = tmp_path / "report.json"
        arguments = ["check", url, *FEW, *BOUNDED, *SHORT_ONE, "--report", f"json:{report}", *options]
        done = run_main(capsys, monkeypatch, arguments)
        assert done.err == ""
        return done.code, done.out, json.loads(report.read_text(encoding="utf-8"))

    return explore_shortly


def states(report):
    return {case["case"]: case["state"] for case in report["cases"] if case["case"].startswith("explore[")}


# -- explorations over HTTP ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pin", [(), ("--reading", "error-code-type=integer")], ids=["open", "pinned"])
def test_exploring_a_correct_server_finds_nothing(explored_shortly, pin):
    """Under a reading that is not the default: while it is open, what one of its options allows is no failure."""
    with running("--progress", "reads", "--reading", "error-code-type=integer") as server:
        code, out, report = explored_shortly(server.url, *pin)
        seen = {entry["method"] for entry in server.journal()}
    assert report["readings"]["error-code-type"]["option"] == ("integer" if pin else None)
    assert (code, report["failures"], states(report)) == (0, [], {"explore[all operations]": "passed"})
    assert {"GET", "POST", "DELETE"} <= seen, "more was sent than the check itself sends"
    assert "note: Schemathesis explored with 2 examples per operation and phase, seed 1; the tasks that it created are left" in out


def test_exploring_a_server_with_another_reading_than_the_pinned_one_finds_that(explored_shortly):
    with running("--progress", "reads", "--reading", "error-code-type=integer") as server:
        code, _, report = explored_shortly(server.url, "--reading", "error-code-type=string")
    assert code == 1
    assert {failure["rule"] for failure in report["failures"] if failure["case"] == "explore[POST /tasks]"} == {"NC305"}


def test_findings_of_an_exploration_are_reported_with_rule_message_and_request(tmp_path):
    faults = ("list-total-as-text", "name-cut", "crash-on-type")
    with running("--progress", "reads", *(word for fault in faults for word in ("--fault", fault))) as server:
        code, out, report = explored(server.url, tmp_path)
    assert code == 1
    printed = {(failure["case"], failure["rule"]): failure["message"] for failure in report["failures"]}
    assert len(printed) == len(report["failures"]), "one failure per operation and rule"
    assert printed["explore[GET /tasks]", "NC305"].startswith("total is a string, not an integer; sent with: curl -X GET -H ")
    assert printed["explore[POST /tasks]", "NC307"].startswith(
        "task_name differs from name of the request, from offset 100 on; sent with: curl"
    )
    assert printed["explore[POST /tasks]", "NC313"].startswith(
        "the request breaks NC111, but the response is 200; expected: 422 with code 10101; sent with:"
    )
    assert printed["explore[POST /tasks]", "NC601"].startswith("the server failed with status 500; sent with: curl -X POST ")
    assert printed["explore[GET /tasks]", "NC305"].count("[Filtered]") == 3
    assert "FAILED NC305 response-type: explore[GET /tasks]" in out


def test_a_server_that_stops_in_the_middle_is_found(explored_shortly):
    """Without a response there is nothing to validate; Schemathesis itself reports that."""
    with running("--progress", "manual") as server:
        left = [40]

        def stop(_):
            left[0] -= 1
            if left[0] < 0:
                raise OSError

        with forwarding(server.origin, before=stop) as port:
            code, _, report = explored_shortly(url(port) + "/api/v1")
    assert code == 1
    assert {failure["rule"] for failure in report["failures"]} == {"NC601"}
    assert any(failure["message"].startswith("Network Error: ") for failure in report["failures"])


# -- the time limit and the file of findings ----------------------------------------------------------------------------------------------


def test_a_time_limit_ends_the_exploration_and_that_is_reported(tmp_path):
    """No machine starts Schemathesis in a hundredth of a second."""
    with running("--progress", "reads", "--fault", "crash-on-type") as server:
        code, out, report = explored(server.url, tmp_path, "--explore", "0.01")
    assert (code, report["failures"], report["trouble"]) == (0, [], "")
    assert (
        "note: the time limit of 0.01 s ended the exploration before all examples were sent; the findings up to then are in this report"
        in out
    )
    assert states(report) == {"explore[all operations]": "untested"}


@pytest.fixture(scope="module")
def server():
    """Start a conforming server for all tests in which the exploration itself is replaced."""
    with running("--progress", "manual") as server:
        yield server


@pytest.fixture
def stubbed(server, tmp_path, monkeypatch, capsys):
    """Return a function that runs a check whose exploration writes these bytes, and then ends by itself or by the time limit."""

    def check(content, *, ended_by_limit=True):
        def run(_command, _folder, variables, _seconds):
            Path(variables[FINDINGS_FILE]).write_bytes(content)
            return ended_by_limit, "Traceback\nError: no memory\n"

        monkeypatch.setattr(explore_module, "_run", run)
        report = tmp_path / "report.json"
        code = main(["check", server.url, *FEW, *BOUNDED, "--report", f"json:{report}"])
        return code, capsys.readouterr().out, json.loads(report.read_text(encoding="utf-8"))

    return check


def lines(path, *found):
    for one in found:
        one.append_to(path)
    return path.read_bytes()


LONG = Found("GET /tasks", "NC305", "total is a string", None, "curl -X GET http://h/tasks?limit=1")
SHORT = Found("GET /tasks", "NC305", "total is a string", None, "curl -X GET http://h/tasks")
CONTESTED = Found("GET /tasks", "NC504", "total is 1", "list-total=page", "curl")
ERROR = Found("POST /tasks", "", "Schema Error: no such reference")


def test_findings_before_the_time_limit_are_reported_and_an_incomplete_line_is_ignored(stubbed, tmp_path):
    cut = lines(tmp_path / "all", LONG, SHORT, Found("POST /tasks", "NC307", "학습"))[:-1]
    code, out, report = stubbed(cut)
    assert code == 1
    assert [(failure["case"], failure["rule"], failure["message"]) for failure in report["failures"]] == [
        ("explore[GET /tasks]", "NC305", "total is a string; sent with: curl -X GET http://h/tasks")
    ]
    assert "note: the time limit of 600 s ended the exploration before all examples were sent" in out
    assert report["trouble"] == ""


def test_what_another_reading_would_allow_is_no_failure_and_an_error_of_schemathesis_is_a_note(stubbed, tmp_path):
    path = tmp_path / "all"
    lines(path, CONTESTED, ERROR)
    finish(path, "completed")
    code, out, report = stubbed(path.read_bytes(), ended_by_limit=False)
    assert (code, report["failures"], states(report)) == (0, [], {"explore[all operations]": "passed"})
    assert "note: Schemathesis reports an error for POST /tasks: Schema Error: no such reference" in out


@pytest.mark.parametrize(("found", "code"), [((), 3), ((SHORT,), 1)], ids=["nothing found", "something found"])
def test_an_exploration_that_breaks_off_by_itself_is_reported(stubbed, tmp_path, found, code):
    (tmp_path / "all").touch()
    result, out, report = stubbed(lines(tmp_path / "all", *found), ended_by_limit=False)
    assert (result, len(report["failures"])) == (code, len(found))
    assert report["trouble"] == "the exploration did not run to its end: Error: no memory"
    assert "Schemathesis explored with" not in out


def test_keys_and_header_values_in_what_schemathesis_reports_are_masked(server, monkeypatch, capsys):
    """The hooks mask signatures; they do not know which of the other headers are from the user."""
    found = Found("GET /tasks", "NC305", f"total is CANARY%2Ftenant, {SECRET}", None, f"curl -H 'x-tenant: CANARY/tenant' -H 'x: {ACCESS}'")
    error = Found("POST /tasks", "", "Schema Error: CANARY\\/tenant")

    def run(_command, _folder, variables, _seconds):
        lines(Path(variables[FINDINGS_FILE]), found, error)
        return False, f"Error: CANARY/tenant {ACCESS}\n"

    monkeypatch.setattr(explore_module, "_run", run)
    assert main(["check", server.url, *FEW, *BOUNDED, "--header", "x-tenant: CANARY/tenant", "--format", "json"]) == 1
    out = capsys.readouterr().out
    report = json.loads(out)
    assert [failure["message"] for failure in report["failures"]] == ["total is ***, ***; sent with: curl -H 'x-tenant: ***' -H 'x: ***'"]
    assert report["trouble"] == "the exploration did not run to its end: Error: *** ***"
    assert "Schemathesis reports an error for POST /tasks: Schema Error: ***" in report["notes"]
    assert "CANARY" not in out


def test_the_file_of_findings_returns_what_was_written(tmp_path):
    path = tmp_path / "findings.jsonl"
    assert read_findings(path) == ([], False)
    odd = Found("GET /tasks", "NC305", 'a "b"\n\u2028\ud800학', "x=y", "curl -d '\n'")
    lines(path, odd, SHORT)
    assert read_findings(path) == ([odd, SHORT], False)
    finish(path, "completed")
    assert read_findings(path) == ([odd, SHORT], True)
    whole = path.read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        found, finished = read_findings(path)
        assert (found, finished) == ([odd, SHORT][: whole[:end].count(b"\n")], False)


@pytest.mark.parametrize(
    ("handler", "end"), [(signal.SIG_DFL, signal.SIGTERM), (signal.SIG_IGN, signal.SIGKILL)], ids=["ends", "is killed"]
)
def test_a_process_that_never_ends_is_terminated(tmp_path, monkeypatch, handler, end):
    """Whether it ignores the signal is inherited, so it does that from its beginning."""
    started = []

    class Popen(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            started.append(self)

    monkeypatch.setattr(explore_module, "GRACE_S", DEADLINE if handler == signal.SIG_DFL else 0.1)
    monkeypatch.setattr(subprocess, "Popen", Popen)
    before = signal.signal(signal.SIGTERM, handler)
    try:
        command = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
        assert explore_module._run(command, tmp_path, environment(), 0.1) == (True, "")  # noqa: SLF001  # what ends processes is tested
    finally:
        signal.signal(signal.SIGTERM, before)
    assert started[0].returncode == -end
    assert explore_module._run([sys.executable, "-c", "print(1)"], tmp_path, environment(), 600) == (False, "1\n")  # noqa: SLF001  # as above


# -- interruptions and rejected options ----------------------------------------------------------------------------------------------------


def test_an_exploration_that_is_interrupted_leaves_the_check(tmp_path, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("nclue_contract.check.explore.explore", interrupted)
    with running("--progress", "reads", "--fault", "name-cut") as server:
        assert main(["check", server.url, "--only", "NC111", *BOUNDED, "--report", f"json:{tmp_path / 'report.json'}"]) == 1
    assert "note: the exploration was interrupted; this report has no results of it" in capsys.readouterr().out
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["failures"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--explore", "6"], "--explore needs a URL: Schemathesis explores over HTTP"),
        (["http://gateway.example", "--explore", "6"], "--explore creates as many tasks as it can, so it needs a server on loopback"),
        (["https://nclue.apigw.ntruss.com", "--explore", "6"], "--explore creates as many tasks as it can"),
    ],
)
def test_a_server_that_must_not_be_explored_is_rejected_before_anything_is_sent(capsys, monkeypatch, arguments, sentence):
    monkeypatch.setenv("NCLUE_ACCESS_KEY", ACCESS)
    monkeypatch.setenv("NCLUE_SECRET_KEY", SECRET)
    with guard() as blocked:
        result = run_main(capsys, monkeypatch, ["check", *arguments])
    assert (result.code, result.out, blocked) == (2, "", [])
    assert sentence in result.err
