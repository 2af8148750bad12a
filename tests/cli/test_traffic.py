"""The command `traffic` as its users see it: exit codes, formats, entries by file, line and index, standard input, and real recordings."""

import json
import subprocess
import sys
from collections import Counter
from xml.etree import ElementTree as ET

import httpx
import pytest
import requests
import vcr

from nclue_contract.clients import Signer
from nclue_contract.service.faults.catalogue import inject_fault
from nclue_contract.service.lifecycle import ProgressMode
from nclue_contract.service.service import Service
from nclue_contract.service.uvicorn_server import LoopbackServer
from nclue_contract.signing import EXAMPLE
from tests.support.browser_har import record_har
from tests.support.command import run_main
from tests.support.payloads import PAYLOAD
from tests.support.recordings import NEW, create, error, get, har, json_lines, task
from tests.support.signing import ACCESS, SECRET
from tests.support.tools import ROOT

TILDE = PAYLOAD | {"train_file_path": "a~b.tsv"}
GOOD = [create(), get(task("pending"), at=1)]
BROKEN = [*GOOD, create(TILDE, error("10104"), status=422, at=2), get(task("registered"), at=3)]
FOUND = [(2, "request", "NC120", "/train_file_path"), (3, "history", "NC400", "/status")]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("NCLUE_ACCESS_KEY", "NCLUE_SECRET_KEY", "NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def run(capsys, monkeypatch):
    """Return a function that runs `traffic` in this process and returns exit code, standard output and standard error."""
    return lambda *arguments, stdin=b"": run_main(capsys, monkeypatch, ["traffic", *arguments], stdin)


def found(output):
    """Return the findings of a report in JSON Lines, as (index, side, rule, pointer)."""
    entries = [json.loads(line) for line in output.splitlines()]
    return [(entry["index"], one["side"], one["rule"], one["pointer"]) for entry in entries for one in entry["findings"]]


# -- exit codes and outputs ------------------------------------------------------------------------------------------------------------


def test_exchanges_that_keep_the_contract_pass(run, folder):
    (folder / "a.har").write_bytes(har(GOOD))
    code, out, err = run("a.har")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "server https://nclue.apigw.ntruss.com/api/v1: 2 exchanges"
    assert out.splitlines()[-1].startswith("2 exchanges: 2 valid [nclue-contract ")


def test_signatures_that_were_not_verified_are_counted_in_text_and_json(run, folder, monkeypatch):
    (folder / "a.har").write_bytes(har(GOOD))
    sentence = "not verified: 2 signatures, because no key was given; NCLUE_ACCESS_KEY and NCLUE_SECRET_KEY give one"
    assert sentence in run("a.har")[1].splitlines()
    assert json.loads(run("a.har", "--format", "json")[1])["summary"]["unverified_signatures"] == {"without_key": 2, "masked": 0}
    monkeypatch.setenv("NCLUE_ACCESS_KEY", ACCESS)
    monkeypatch.setenv("NCLUE_SECRET_KEY", SECRET)
    assert "not verified" not in run("a.har")[1]
    assert json.loads(run("a.har", "--format", "json")[1])["summary"]["unverified_signatures"] == {"without_key": 0, "masked": 0}


def test_a_broken_exchange_fails_and_is_named_by_file_line_and_index(run, folder):
    (folder / "a.jsonl").write_bytes(json_lines(BROKEN))
    code, out, _ = run("a.jsonl")
    assert code == 1
    assert "a.jsonl:3:1: error NC120 path-character\n" in out
    assert "    │ a~b.tsv\n    │  ^\n" in out
    assert "  in:         request of entry 2, POST /api/v1/tasks (response 422)\n" in out
    assert "a.jsonl:4:1: error NC400 lifecycle-order\n  the task goes back: getTask returns registered after pending\n" in out
    assert "4 exchanges: 2 valid, 2 invalid (2 errors)" in out


def test_quiet_is_a_line_per_error(run, folder):
    (folder / "a.jsonl").write_bytes(json_lines(BROKEN))
    lines = run("a.jsonl", "--quiet")[1].splitlines()
    assert [line.split(":")[1] for line in lines] == ["3", "4"]
    assert lines[0].endswith("(request of entry 2, POST /api/v1/tasks (response 422))")


def test_json_lines_have_the_exchange_and_the_side_of_each_finding(run, folder):
    (folder / "a.har").write_bytes(har(BROKEN))
    code, out, _ = run("a.har", "--format", "jsonl")
    assert (code, found(out)) == (1, FOUND)
    entry = json.loads(out.splitlines()[2])
    assert {name: entry[name] for name in list(entry)[:-1]} == {
        "file": "a.har",
        "line": 1,
        "index": 2,
        "server": "https://nclue.apigw.ntruss.com/api/v1",
        "operation": "createTask",
        "method": "POST",
        "target": "/api/v1/tasks",
        "status": 422,
        "valid": False,
    }


def test_the_json_report_has_servers_with_their_readings_and_what_was_not_judged(run, folder):
    other = create(origin="https://api.example.com", headers={})
    (folder / "a.har").write_bytes(har([*BROKEN, other]))
    report = json.loads(run("a.har", "--format", "json")[1])
    assert len(report["exchanges"]) == 4
    summary = report["summary"]
    assert (summary["exchanges"], summary["valid"], summary["errors"], summary["other_hosts"]) == (4, 2, 2, {"api.example.com": 1})
    assert summary["servers"][0]["readings"]["error-shape"] == {"options": ["nested"], "by": ["a.har:1 (index 2)"]}
    assert report["readings"]["path-characters"] == {"option": "page-2024", "source": "default"}


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "junit", "sarif", "github"])
def test_every_format_is_written_to_a_file_and_has_the_findings(run, folder, form):
    (folder / "a.har").write_bytes(har(BROKEN))
    assert run("a.har", "--report", f"{form}:report")[0] == 1
    text = (folder / "report").read_text(encoding="utf-8")
    assert "NC120" in text
    assert "NC400" in text
    if form == "junit":
        assert [case.find("failure") is None for case in ET.fromstring(text).iter("testcase")] == [True, True, False, False]
    if form == "sarif":
        assert [result["properties"]["side"] for result in json.loads(text)["runs"][0]["results"]] == ["request", "history"]
    if form == "github":
        assert "%0Ain: history of entry 3, GET /api/v1/tasks/" in text


def test_nothing_to_judge_is_inconclusive(run, folder):
    (folder / "a.har").write_bytes(har([create(origin="https://api.example.com", headers={})]))
    code, out, err = run("a.har")
    assert code == 3
    assert "not judged: 1 exchange with other servers (api.example.com 1); --server names one to judge" in out
    assert err == "note: nothing was judged: no exchange with NCLUE or a server on loopback; --server names another one\n"
    assert run("a.har", "--server", "https://api.example.com/api/v1", "--ignore", "NC200")[0] == 0


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (har(GOOD)[:-10], "line 1: not JSON, or cut off"),
        (b"", "it has no exchanges, or is none of the formats HAR, cassette, journal, JSON Lines"),
        (b'{"request": {}}\n', "line 1 (index 0): request.url is missing, or no string"),
    ],
)
def test_what_cannot_be_read_is_reported_and_the_rest_is_judged(run, folder, data, says):
    (folder / "a.har").write_bytes(data)
    (folder / "b.jsonl").write_bytes(json_lines(BROKEN))
    code, out, err = run("a.har", "b.jsonl", "missing.har", "--format", "jsonl")
    assert code == 2
    assert (2, "request", "NC120", "/train_file_path") in found(out)
    assert err.splitlines() == [f"error: a.har: {says}", "error: missing.har: No such file or directory"]


def test_folders_globs_and_standard_input_are_read(run, folder):
    (folder / "x").mkdir()
    for name in ("a.har", "b.jsonl", "c.txt"):
        (folder / "x" / name).write_bytes(json_lines(GOOD))
    assert "4 exchanges" in run("x")[1]
    assert "2 exchanges" in run("x/*.txt")[1]
    code, out, _ = run("-", "--format", "jsonl", stdin=har(BROKEN))
    assert (code, found(out)) == (1, FOUND)
    assert json.loads(out.splitlines()[0])["file"] == "-"


def test_tasks_of_one_file_are_not_those_of_another(run, folder):
    for name in ("a.har", "b.har"):
        (folder / name).write_bytes(har(GOOD))
    assert run("a.har", "b.har")[0] == 0


def test_a_report_does_not_overwrite_an_input(run, folder):
    (folder / "a.har").write_bytes(har(GOOD))
    code, _, err = run("a.har", "--report", "json:a.har")
    assert (code, err) == (2, "nclue-contract: --report: a.har is an input, and would be overwritten\n")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--server", "example.com"], "--server: 'example.com' is not a valid URL"),
        (["--signed-prefix", "/api/v1"], "--signed-prefix needs --server"),
        (["--fail-on", "NC999"], "--fail-on: unknown rule 'NC999'"),
        (["--ignore", "NC999"], "--ignore: unknown rule 'NC999'"),
        (["--reading", "x=y"], "--reading: unknown reading 'x'"),
    ],
)
def test_options_that_cannot_be_used_are_errors(run, folder, options, says):
    (folder / "a.har").write_bytes(har(GOOD))
    code, _, err = run("a.har", *options)
    assert code == 2
    assert says in err


def test_readings_strictness_and_rules_of_the_project_count(run, folder):
    (folder / "a.har").write_bytes(har([create(PAYLOAD | {"train_file_path": "데"}, NEW | {"train_file_path": "데"})]))
    assert run("a.har")[0] == 0
    assert run("a.har", "--strict")[0] == 1
    assert run("a.har", "--fail-on", "NC12")[0] == 1
    (folder / "pyproject.toml").write_text("[tool.nclue-contract]\nstrict = true\n", encoding="utf-8")
    assert run("a.har")[0] == 1
    assert run("a.har", "--reading", "path-high-codes=code-points")[0] == 0


def test_a_key_of_the_environment_verifies_signatures_and_is_not_printed(run, folder, monkeypatch):
    (folder / "a.har").write_bytes(har(GOOD))
    monkeypatch.setenv("NCLUE_ACCESS_KEY", ACCESS)
    monkeypatch.setenv("NCLUE_SECRET_KEY", SECRET)
    assert run("a.har")[0] == 0
    monkeypatch.setenv("NCLUE_SECRET_KEY", "EXAMPLEanotherSECRET01")
    code, out, err = run("a.har")
    assert code == 1
    assert "NC208" in out
    assert "EXAMPLE" not in out + err
    monkeypatch.delenv("NCLUE_ACCESS_KEY")
    assert run("a.har")[0] == 2


def test_a_missing_extra_is_named_with_the_line_that_installs_it(folder):
    (folder / "a.har").write_bytes(har(GOOD))
    code = "import sys; sys.modules['ijson'] = None; from nclue_contract.cli.main import main; sys.exit(main(['traffic', 'a.har']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "nclue-contract: recordings in JSON need ijson; run: pip install 'nclue-contract[traffic]'\n"


def test_a_reader_that_closes_the_pipe_is_no_unreadable_input(folder):
    (folder / "a.jsonl").write_bytes(json_lines(BROKEN) * 2000)
    command = [sys.executable, "-m", "nclue_contract", "traffic", "a.jsonl", "--format", "jsonl"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 3


# -- real recordings -------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def server():
    """Serve with a fault: a forbidden character is accepted."""
    service = Service({ACCESS: SECRET}, progress=ProgressMode.parse("reads"))
    inject_fault(service, "path-character-allowed:U+007E")
    with LoopbackServer(service) as server:
        yield server


def client_run(url, send):
    """Send what a client might; `send` is called with method, URL, payload and whether the request is signed."""
    created = send("POST", url, PAYLOAD)
    send("POST", url, TILDE | {"name": "other"})
    send("POST", url, PAYLOAD)  # the name is in use
    for _ in range(3):
        send("GET", f"{url}/{created}")
    send("GET", f"{url}?limit=0")
    send("DELETE", f"{url}/{created}")
    send("GET", f"{url}/{created}")
    send("GET", url, signed=False)
    send("GET", url.replace("/api/v1/tasks", "/_nclue/health"))


RECORDED = [
    (1, "request", "NC120", "/train_file_path"),
    (1, "response", "NC313", ""),
    (6, "request", "NC505", "/limit"),
    (9, "request", "NC200", "/x-ncp-apigw-timestamp"),
    (9, "request", "NC200", "/x-ncp-iam-access-key"),
    (9, "request", "NC200", "/x-ncp-apigw-signature-v2"),
]
"""What is wrong in `client_run`."""


@pytest.mark.parametrize("library", ["requests", "httpx"])
@pytest.mark.parametrize("serializer", ["yaml", "json"])
def test_a_cassette_of_vcrpy(run, folder, server, library, serializer):
    clients = {"requests": requests.Session(), "httpx": httpx.Client()}
    name = f"cassette.{serializer}"

    def send(method, url, payload=None, *, signed=True):
        client = clients[library]
        auth = Signer(EXAMPLE) if signed else None
        return client.request(method, url, json=payload, auth=auth).json().get("task_id")

    with clients[library], vcr.use_cassette(str(folder / name), serializer=serializer, record_mode="all"):
        client_run(f"{server.url}/tasks", send)
    code, out, _ = run(name, "--format", "jsonl")
    assert (code, found(out)) == (1, RECORDED)
    lines = (folder / name).read_text(encoding="utf-8").splitlines()
    starts = [number for number, line in enumerate(lines, 1) if line in {"- request:", '            "request": {'}]
    assert [json.loads(line)["line"] for line in out.splitlines()] == [start - (serializer == "json") for start in starts][:10]


@pytest.mark.parametrize("name", ["schemathesis.yaml", "schemathesis.har"])
def test_recordings_of_schemathesis(run, name):
    """Judge what `st run --report vcr,har` (4.32.5) has recorded of a server with the fault echo-upper-case:train_bucket."""
    file = ROOT / "tests" / "data" / "traffic" / name
    code, out, err = run(file, "--format", "jsonl", "--side", "server")
    assert (code, err) == (1, "")
    assert found(out) == [(0, "response", "NC307", "/train_bucket"), (17, "response", "NC307", "/train_bucket")]
    entries = [json.loads(line) for line in out.splitlines()]
    assert Counter(entry["operation"] for entry in entries) == {"createTask": 17, "listTasks": 12, "getTask": 5, "deleteTask": 5}
    lines = file.read_text(encoding="utf-8").splitlines()
    begin = "- id:" if name.endswith("yaml") else "            {"
    assert [entry["line"] for entry in entries] == [number for number, line in enumerate(lines, 1) if line.startswith(begin)]


def test_a_har_of_a_browser(run, folder, server):
    (folder / "browser.har").write_text(json.dumps(record_har(folder, server.url, client_run)), encoding="utf-8")
    code, out, err = run("browser.har", "--format", "jsonl")
    assert (code, found(out), err) == (1, RECORDED, "")


def test_a_journal_of_serve(run, server):
    def send(method, url, payload=None, *, signed=True):
        return requests.request(method, url, json=payload, auth=Signer(EXAMPLE) if signed else None, timeout=30).json().get("task_id")

    client_run(f"{server.url}/tasks", send)
    journal = requests.get(server.url.replace("/api/v1", "/_nclue/journal"), timeout=30).content
    code, out, _ = run("-", "--format", "jsonl", stdin=journal)
    assert (code, found(out)) == (1, RECORDED)
    assert ACCESS not in out
