"""`check --explore`: what Schemathesis makes up is judged by our check, and told with the rest."""

import json
import subprocess
import sys

import pytest

from nclue_contract.cli.main import main
from tests.support.server_process import environment, running

FEW = ("--only", "NC110")
"""Three cases, so that what is found was found by exploring."""


def explored(url, folder, *options):
    """A check with six seconds of exploration: the exit code, what is printed, and the JSON report."""
    command = [sys.executable, "-m", "nclue_contract", "check", url, *FEW, "--explore", "6", "--seed", "1", "--report", "json:report.json"]
    done = subprocess.run(
        [*command, *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
        cwd=folder,
        env=environment(PYTHONIOENCODING="utf-8"),
    )
    assert done.stderr == ""
    return done.returncode, done.stdout, json.loads((folder / "report.json").read_text(encoding="utf-8"))


def test_exploring_a_correct_server_finds_nothing(tmp_path):
    """Under a reading that is not the default one either, once it is pinned."""
    with running("--progress", "reads", "--reading", "list-total=page") as server:
        code, out, report = explored(server.url, tmp_path, "--reading", "list-total=page")
        seen = {entry["method"] for entry in server.journal()}
    assert (code, report["failures"]) == (0, [])
    assert {"GET", "POST", "DELETE"} <= seen, "more was sent than the check itself sends"
    assert "note: Schemathesis explored for 6 s, seed 1; the tasks that it created are left on the server" in out
    assert [case["state"] for case in report["cases"] if case["case"].startswith("explore[")] == ["passed"]


def test_what_exploring_finds_is_told_with_its_rule_a_sentence_and_the_request(tmp_path):
    with running("--progress", "reads", "--fault", "list-total-as-text", "--fault", "name-cut") as server:
        code, out, report = explored(server.url, tmp_path)
    assert code == 1
    told = {(failure["case"], failure["rule"]): failure["message"] for failure in report["failures"]}
    assert told["explore[GET /tasks]", "NC305"].startswith("total is a string, not an integer; sent with: curl -X GET -H ")
    assert told["explore[POST /tasks]", "NC307"].startswith(
        "task_name differs from name of the request, from offset 100 on; sent with: curl"
    )
    assert told["explore[POST /tasks]", "NC313"].startswith(
        "the request breaks NC111, but the response is 200; expected: 422/10101; sent with:"
    )
    assert "[Filtered]" in told["explore[GET /tasks]", "NC305"]
    assert "FAILED NC305 response-type: explore[GET /tasks]" in out


def test_an_exploration_that_is_interrupted_leaves_the_check(tmp_path, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("nclue_contract.check.explore.explore", interrupted)
    with running("--progress", "reads", "--fault", "name-cut") as server:
        assert main(["check", server.url, "--only", "NC111", "--explore", "6", "--report", f"json:{tmp_path / 'report.json'}"]) == 1
    assert "note: the exploration was interrupted, and nothing of it is in this report" in capsys.readouterr().out
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["failures"]


def test_a_crash_is_found(tmp_path):
    with running("--progress", "reads", "--fault", "crash-on-type") as server:
        code, _, report = explored(server.url, tmp_path)
    assert code == 1
    assert {failure["rule"] for failure in report["failures"]} >= {"NC601"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--explore", "6"], "--explore needs a URL: Schemathesis explores over HTTP"),
        (["http://gateway.example", "--explore", "6"], "--explore creates as many tasks as it can, so it needs a server on loopback"),
        (["https://nclue.apigw.ntruss.com", "--explore", "6"], "--explore creates as many tasks as it can"),
    ],
)
def test_where_nobody_may_explore_that_is_said_before_anything_is_sent(tmp_path, arguments, sentence):
    keys = {"NCLUE_ACCESS_KEY": "EXAMPLEACCESSKEY0001", "NCLUE_SECRET_KEY": "EXAMPLEsecretKEY0000000000000000000000001"}
    command = [sys.executable, "-m", "nclue_contract", "check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path, env=environment(**keys))
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
