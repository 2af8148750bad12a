"""`check`, `probe` and `cleanup` as their users see them, over HTTP on loopback where that matters."""

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import tomllib
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple
from xml.etree import ElementTree as ET

import pytest

from nclue_contract.check import run as check_module
from nclue_contract.check.ledger import read_ledger
from nclue_contract.check.run import CheckOptions, permission, selected_cases
from nclue_contract.check.transport_http import HttpTransport
from nclue_contract.check.transport_memory import MemoryTransport
from nclue_contract.cli import check as check_command
from nclue_contract.guard import guard
from nclue_contract.service.messages import Request, Response
from nclue_contract.service.service import Service
from nclue_contract.service.uvicorn_server import LoopbackServer
from nclue_contract.signing import EXAMPLE, now_ms, signed_headers
from tests.support.command import Result, run_main
from tests.support.forked_command import ForkedCommand, run_forked
from tests.support.payloads import PAYLOAD
from tests.support.server_process import DEADLINE, environment, running
from tests.support.signing import ACCESS, SECRET
from tests.support.stub_servers import COMPRESSED, answering, certificates, forwarding, listening, received, response, sending, url, yes
from tests.support.waiting import skip_pauses

# Whoever runs the tests in the background may have switched the signal off, and children inherit that.
INTERRUPTIBLE = (
    "import signal, sys, nclue_contract.cli.main as cli; signal.signal(signal.SIGINT, signal.default_int_handler); sys.exit(cli.main())"
)
REAL = "https://nclue.apigw.ntruss.com/api/v1"
FEW = ("--only", "NC110")
"""Three cases: of four requests, three are create requests that are carried out."""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Every test works in a new folder, without keys, and like on no terminal."""
    monkeypatch.chdir(tmp_path)
    for name in ("NCLUE_ACCESS_KEY", "NCLUE_SECRET_KEY", "NO_COLOR", "FORCE_COLOR", "PYTHONIOENCODING", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def run(capsys, monkeypatch):
    """Return a function that runs the command in this process."""

    def run(*arguments):
        return run_main(capsys, monkeypatch, arguments)

    return run


def process(*arguments, command=None, cwd=None, **variables):
    """Run the command in a separate process; another one is started anew."""
    if command is None:
        return run_forked(arguments, environment(**variables), cwd=cwd)
    done = subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=300, cwd=cwd, env=environment(**variables)
    )
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def shared():
    """Start a conforming server whose tasks stay registered, so that all can be deleted."""
    with running("--progress", "manual") as server:
        yield server


@pytest.fixture
def server(shared):
    """Return the shared server, without tasks and with an empty journal."""
    shared.control("reset", {})
    return shared


def states(report):
    return {case["case"]: case["state"] for case in report["cases"]}


def failed_rules(report):
    return {failure["rule"] for failure in report["failures"]}


# -- a whole check ------------------------------------------------------------------------------------------------------------------------


class Twice(NamedTuple):
    first: Result
    report: dict
    second: dict
    sent: int
    left: int


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    """Two runs in a row against one server with stages of half a second, and what the server has seen of the first.

    The second one has none of the many cases about single characters, and none that wait for time to pass.
    """
    folder = tmp_path_factory.mktemp("twice")
    with running("--progress", "seconds:0.5") as server:
        first = process("check", server.url, "--report", "json:first.json", cwd=folder)
        sent, left = server.control("journal").json()["requests"], server.control("health").json()["tasks"]
        second = process("check", server.url, "--skip", "NC120,NC400,NC401,NC402,NC405,NC409", "--format", "json", cwd=folder)
    assert (first.err, second.err) == ("", "")
    return Twice(first, json.loads((folder / "first.json").read_text()), second.report, sent, left)


def test_a_correct_server_keeps_the_contract(twice):
    assert twice.first.code == 0
    assert twice.report["failures"] == []
    assert twice.first.out.splitlines()[-2] == "PASSED: the server keeps the contract."


def test_the_plan_needs_at_most_600_requests_besides_the_clean_up(twice):
    summary = twice.report["summary"]
    assert summary["requests"] <= 600
    assert summary["requests"] + summary["tidying"] == twice.sent
    assert twice.left == len(twice.report["left_behind"])


SAMPLED = re.compile(r"(life|delete|queue|gone)\[|name\[of a task that ")
"""The cases about states of tasks. Whether a state is sampled before it is over depends on the speed of the machine."""


def test_two_runs_in_a_row_have_the_same_outcomes(twice):
    """Those of the other cases with a simulated clock, see `test_conformance`."""
    first, second = ({case: state for case, state in states(report).items() if not SAMPLED.match(case)} for report in twice[1:3])
    assert first.items() >= second.items()
    assert (len(first) > 500, len(second) > 150) == (True, True)
    assert twice.second["failures"] == []
    assert twice.second["exit_code"] == 0


def test_the_text_has_a_table_of_the_rules_and_the_readings(twice):
    lines = twice.first.out.splitlines()
    assert lines[0].startswith("checked http://127.0.0.1:")
    table = [line.split() for line in lines if re.match(r"  NC\d{3}", line)]
    assert [row[0][:4] for row in table] == ["NC00", "NC10", "NC11", "NC12", "NC20", "NC30", "NC31", "NC40", "NC50", "NC60"]
    assert sum(int(row[-4]) for row in table if row[-4] != ".") >= twice.report["summary"]["passed"]
    assert re.search(r"(?m)^  path-characters +page-2024 +by path\[", twice.first.out)
    assert re.search(r"(?m)^  empty-id +allowed +by empty\[train_feature_id\]$", twice.first.out)
    assert re.search(r"(?m)^  timestamp-edge +\? +open: accepted or refused; \S.*$", twice.first.out)
    assert (
        "not tested, because no task of this run has failed; --failing-file names a file with which tasks fail: life[failed]"
        in twice.first.out
    )


def test_without_a_url_the_embedded_server_is_checked(run):
    result = run("check", "--format", "json")
    assert (result.code, result.err) == (0, "")
    assert result.report["target"] == "the embedded reference server"
    assert {name for name, reading in result.report["readings"].items() if reading["option"] is None} == {"check-order"}
    assert result.report["summary"]["untested"] == 0


@pytest.mark.parametrize("reading", ["error-shape=flat", "auth-refusal=gateway"])
def test_a_pinned_reading_is_checked_and_the_embedded_server_has_it(run, server, reading):
    name, _, option = reading.partition("=")
    embedded = run("check", "--reading", reading, "--format", "json", "--only", "NC200")
    assert embedded.code == 0
    assert embedded.report["readings"][name]["source"] == "--reading"
    other = run("check", server.url, "--reading", reading, "--format", "json", "--only", "NC200")
    assert other.code == 1
    assert other.report["readings"][name]["option"] == option


# -- where and as whom --------------------------------------------------------------------------------------------------------------------


def targets(server):
    return {entry["target"].partition("?")[0] for entry in server.journal()}


@pytest.mark.parametrize("tail", ["/api/v1", "/api/v1/"])
def test_a_slash_at_the_end_of_the_base_url_changes_nothing(run, server, tail):
    assert run("check", server.origin + tail, *FEW).code == 0
    assert all(target.startswith("/api/v1/tasks") for target in targets(server))
    assert len(server.journal()) >= 4


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("command", ["check", "probe"])
def test_a_server_with_the_tasks_at_its_root_can_be_checked_and_cleaned_up(run, command, slash):
    service = Service({EXAMPLE.access_key: EXAMPLE.secret_key})
    service.prefix = ""
    with LoopbackServer(service) as root:
        result = run(command, root.url + slash, "--ledger", "run.jsonl", "--budget", "20")
        headers = signed_headers("POST", "/tasks", EXAMPLE, now_ms()) | {"content-type": "application/json"}
        create = Request("POST", "/tasks", tuple(headers.items()), json.dumps(PAYLOAD | {"name": "left behind"}).encode())
        task_id = json.loads(service.handle(create, now_ms()).body)["task_id"]
        with Path("run.jsonl").open("a") as ledger:
            ledger.write(json.dumps({"answered": "left behind", "task_id": task_id}) + "\n")
        cleaned = run("cleanup", "run.jsonl")
    assert (result.code, result.err) == (0, "")
    assert cleaned == (0, "1 task deleted, 0 left\n", "")


@pytest.mark.parametrize("tail", ["", "/"])
@pytest.mark.parametrize("options", [[], ["--budget", "2"]])
def test_the_documented_path_is_suggested_where_only_that_has_the_tasks(run, server, tail, options):
    result = run("check", server.origin + tail, *FEW, *options)
    base = f"{server.origin}/api/v1"
    sentence = f"there is nothing at {server.origin}/tasks, but there is at {base}/tasks. Check {base}"
    assert result.code == 3
    assert f"INCONCLUSIVE: the control request got 404 with code 300: {sentence}." in result.out
    assert [entry["target"].partition("?")[0] for entry in server.journal()] == ["/tasks", "/api/v1/tasks"]


def test_no_path_is_suggested_where_none_has_the_tasks_or_the_budget_is_used_up(run, server):
    wrong = run("check", server.origin + "/v9", *FEW)
    spent = run("check", server.origin, *FEW, "--budget", "1")
    for result in (wrong, spent):
        assert (result.code, result.err) == (3, "")
        assert "Name test data of the server" in result.out
    assert len(server.journal()) == 3


@pytest.mark.parametrize("status", [401, 403, 404])
def test_no_path_is_suggested_that_rejects_every_signature(run, status):
    with listening(answering(lambda request: response(status if request.target.startswith("/api") else 404, {}))) as port:
        result = run("check", url(port), *FEW)
    assert (result.code, "there is nothing at" in result.out) == (3, False)
    assert "the control request got 404, although it is valid" in result.out


def test_behind_a_proxy_that_rewrites_the_signed_prefix_is_named(run, server):
    with forwarding(server.origin, rewrite=lambda target: target.replace("/team/nclue", "/api/v1", 1)) as port:
        rejected = run("check", url(port) + "/team/nclue", *FEW)
        passing = run("check", url(port) + "/team/nclue", "--signed-prefix", "/api/v1", *FEW)
    assert rejected.code == 3
    assert "the credentials were rejected" in rejected.out
    assert "--signed-prefix behind a proxy" in rejected.out
    assert (passing.code, passing.err) == (0, "")


def test_behind_a_proxy_a_line_that_sends_again_signs_what_the_server_sees(run, server):
    failing = forwarding(
        server.origin,
        rewrite=lambda target: target.replace("/team/nclue", "/api/v1", 1),
        before=lambda request: response(500) if b'"name": ""' in request.body else None,
    )
    with failing as port:
        result = run("check", url(port) + "/team/nclue", "--signed-prefix", "/api/v1", *FEW)
    assert result.code == 1
    line = re.search("reproduce: +(.*)", result.out)[1]
    assert line.startswith(f"nclue-contract sign POST {url(port)}/api/v1/tasks | curl -gi -X POST {url(port)}/team/nclue/tasks ")


@pytest.mark.parametrize("coding", COMPRESSED.values(), ids=COMPRESSED.keys())
def test_behind_a_proxy_that_compresses_every_response_a_conforming_server_passes(run, server, coding):
    with forwarding(server.origin, coding=coding) as port:
        result = run("check", url(port) + "/api/v1", *FEW, "--only", "NC503", "--format", "json")
    assert (result.code, result.err, failed_rules(result.report)) == (0, "", set())
    assert set(states(result.report).values()) == {"passed"}


def test_a_coding_that_cannot_be_decoded_is_named(run, server, monkeypatch):
    monkeypatch.setattr(HttpTransport, "sleep", lambda *_: None)
    with forwarding(server.origin, coding=("br", lambda _: b"\x0b\x02\x80{}\x03")) as port:
        result = run("check", url(port), *FEW)
    assert result.code == 1
    assert "FAILED: 1 case, by the rule NC602." in result.out
    assert "the body has the content coding br, although only identity was accepted" in result.out


def test_keys_come_from_the_environment_or_from_options(run, monkeypatch):
    pair = {"NCLUE_ACCESS_KEY": "OTHERACCESSKEY000001", "NCLUE_SECRET_KEY": "OTHERsecretKEY00000000000000000000000001"}
    with running("--progress", "manual", **pair) as server:
        fake = run("check", server.url, *FEW)
        options = run("check", server.url, "--access-key", pair["NCLUE_ACCESS_KEY"], "--secret-key", pair["NCLUE_SECRET_KEY"], *FEW)
        for name, value in pair.items():
            monkeypatch.setenv(name, value)
        variables = run("check", server.url, *FEW)
        stronger = run("check", server.url, "--access-key", ACCESS, "--secret-key", SECRET, *FEW)
    assert (fake.code, options.code, variables.code, stronger.code) == (3, 0, 0, 3)
    assert "the control request got 401" in fake.out
    assert "Set NCLUE_ACCESS_KEY and NCLUE_SECRET_KEY" in fake.out


@pytest.mark.parametrize(
    ("arguments", "variables", "sentence"),
    [
        (["--access-key", "A"], {}, "--access-key and --secret-key must be given together"),
        (["--secret-key", "A"], {}, "--access-key and --secret-key must be given together"),
        ([], {"NCLUE_ACCESS_KEY": "A"}, "the environment variable NCLUE_SECRET_KEY must hold your key"),
    ],
)
def test_half_a_key_pair_is_rejected(run, server, monkeypatch, arguments, variables, sentence):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert run("check", server.url, *arguments) == (2, "", f"nclue-contract: {sentence}\n")
    assert server.journal() == []


def test_a_host_that_is_not_loopback_needs_keys(run):
    result = run("check", "http://gateway.example/nclue")
    sentence = "http://gateway.example/nclue is not on this machine, where an example key pair would do"
    assert result == (2, "", f"nclue-contract: {sentence}: set NCLUE_ACCESS_KEY and NCLUE_SECRET_KEY in the environment\n")


def test_additional_headers_go_with_every_request(run):
    seen = []

    def answer(request):
        seen.append(request.header("x-tenant") + request.header("authorization"))
        return yes(request)

    with listening(answering(answer)) as port:
        run("check", url(port), *FEW, "--header", "X-Tenant: one", "--header", "authorization:Bearer a:b")
    assert len(seen) >= 4
    assert all(values == ["one", "Bearer a:b"] for values in seen)


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("x-canary", "--header must be NAME:VALUE"),
        (": canary", "--header must be NAME:VALUE"),
        ("a b: canary", "--header must be NAME:VALUE"),
        ("x: canary\r\ny: z", "--header must be NAME:VALUE"),
        ("x: canary\u20ac", "--header must be NAME:VALUE"),
        ("Host: canary", "--header Host: that header is set by the check itself"),
        ("x-ncp-iam-access-key: canary", "--header x-ncp-iam-access-key: that header is set by the check itself"),
        ("content-length: 5", "--header content-length: that header is set by the check itself"),
    ],
)
def test_a_header_that_cannot_be_sent_is_rejected_without_repeating_its_value(run, server, header, sentence):
    result = run("check", server.url, "--header", header)
    assert result.code == 2
    assert result.err.startswith(f"nclue-contract: {sentence}")
    assert "canary" not in result.err.replace("x-canary", "")
    assert server.journal() == []


def never(*_):
    pytest.fail("waits, although nothing will be better afterwards")


def test_a_certificate_of_ones_own_authority_is_trusted_when_it_is_named(run, server, folder, monkeypatch):
    monkeypatch.setattr(HttpTransport, "sleep", never)
    authority, chain, key = certificates(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    with forwarding(server.origin, wrap=lambda connection: context.wrap_socket(connection, server_side=True)) as port:
        base = f"https://127.0.0.1:{port}/api/v1"
        passing = run("check", base, *FEW, "--cacert", authority)
        rejected = run("check", base, *FEW)
    assert (passing.code, passing.err) == (0, "")
    assert rejected.code == 3
    assert "INCONCLUSIVE: the server cannot be reached: no connection: TLS: CERTIFICATE_VERIFY_FAILED." in rejected.out


@pytest.mark.parametrize(
    ("content", "sentence"), [(None, "--cacert: there is no file ca.pem"), ("hello", "--cacert: ca.pem holds no certificates in PEM")]
)
def test_a_file_of_certificates_that_is_none_is_rejected(run, content, sentence):
    if content:
        Path("ca.pem").write_text(content)
    assert run("check", "https://127.0.0.1:9", "--cacert", "ca.pem") == (2, "", f"nclue-contract: {sentence}\n")


# -- what is checked ----------------------------------------------------------------------------------------------------------------------


def rules_of(result):
    return {case["rule"] for case in result.report["cases"]} - {"NC313"}


@pytest.mark.parametrize(
    ("arguments", "rules"),
    [
        (["--only", "NC110"], {"NC110"}),
        (["--only", "nc11x"], {"NC110", "NC111"}),
        (["--only", "NC11"], {"NC110", "NC111"}),
        (["--only", "path-empty", "--only", "NC110"], {"NC110", "NC121"}),
        (["--only", "NC12", "--only", "NC11", "--skip", "NC120", "--skip", "NC11"], {"NC121"}),
        (["--only", "NC11, path-empty,nc120", "--skip", "NC11x,path-character"], {"NC121"}),
    ],
    ids=["a rule", "a group with x", "a group", "two rules by code and slug", "a group without a rule", "lists with commas"],
)
def test_rules_can_be_chosen_and_left_out(run, arguments, rules):
    result = run("check", "--format", "json", *arguments)
    assert (result.code, rules_of(result)) == (0, rules)


@pytest.mark.parametrize("arguments", [["--only", "NC9"], ["--only", ""], ["--only", "NC"], ["--skip", "paths"], ["--skip", "NC1234"]])
def test_unknown_rules_are_rejected(run, arguments):
    result = run("check", *arguments)
    assert (result.code, result.out) == (2, "")
    assert f"{arguments[0]}: unknown rule {arguments[1]!r}; `nclue-contract explain` lists them" in result.err


def test_ignored_rules_of_the_project_are_left_out(run, folder):
    (folder / "pyproject.toml").write_text('[tool.nclue-contract]\nignore = ["NC110"]\n')
    assert rules_of(run("check", "--format", "json", "--only", "NC11")) == {"NC111"}


def test_a_budget_is_respected_over_http(run, server):
    result = run("check", server.url, "--budget", "60", "--format", "json", "--lifecycle-timeout", "0.1")
    assert result.report["summary"]["requests"] <= 60
    assert server.control("journal").json()["requests"] - result.report["summary"]["tidying"] <= 60
    assert result.code == 0
    assert result.report["summary"]["untested"] > 400


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--budget", "0"),
        ("--budget", "x"),
        ("--budget", "-1"),
        ("--rate", "0"),
        ("--rate", "nan"),
        ("--rate", "1e-300"),
        ("--timeout", "0"),
        ("--timeout", "x"),
        ("--timeout", "inf"),
        ("--lifecycle-timeout", "1e9"),
    ],
)
def test_numbers_that_make_no_sense_are_rejected(run, option, value):
    result = run("check", option, value)
    assert (result.code, result.out) == (2, "")
    assert re.search(rf"error: argument {option}: '{re.escape(value)}' is not a number", result.err)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("127.0.0.1:8000", "is not a valid URL; give the base URL (without /tasks)"),
        ("ftp://127.0.0.1", "is not a valid URL; give the base URL (without /tasks)"),
        ("http://127.0.0.1/api/v1/tasks", "the base URL must not include /tasks"),
        ("http://me:word@127.0.0.1", "must not have a user, a query or a fragment"),
    ],
)
def test_an_address_that_cannot_be_used_is_rejected(run, address, sentence):
    result = run("check", address)
    assert (result.code, result.out) == (2, "")
    assert sentence in result.err
    assert "word@" not in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--report", "json"],
        ["--report", "xml:x"],
        ["--report", "json:none/x"],
        ["--report", "json:x", "--report", "html:x"],
        ["--format", "sarif"],
        ["--allow-create", "-1", "http://127.0.0.1:9"],
        ["--allow-create", "some", "http://127.0.0.1:9"],
        ["--signed-prefix", "x", "http://127.0.0.1:9"],
        ["--reading", "path-del=x"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_other_options_that_make_no_sense_are_rejected(run, arguments):
    result = run("check", *arguments)
    assert (result.code, result.out) == (2, "")
    assert "Traceback" not in result.err
    assert len(result.err.splitlines()[-1]) > 20


# -- dry runs and permissions -------------------------------------------------------------------------------------------------------------


def test_a_dry_run_shows_plan_and_cost_and_sends_nothing(run):
    connections = []
    with listening(connections.append) as port:
        result = run("check", url(port), "--dry-run", "--rate", "2")
    lines = result.out.splitlines()
    assert (result.code, result.err, connections) == (0, "", [])
    assert "NC313  control[a valid creation]  1 request, 1 create request" in lines
    assert "NC400  life[registered]  (evaluated with other test cases)" in lines
    most = re.fullmatch(r"[\d,]+ cases, at most (\d+) requests of which \d+ may create a task; loopback", lines[-3])
    assert most
    assert int(most[1]) <= 600
    assert lines[-2:] == ["at 2 requests per second: about 5 minutes", "nothing was sent"]


@pytest.mark.parametrize(
    ("arguments", "plan"),
    [
        ([], "read-only; --allow-create N lets it create tasks, which are billed"),
        (["--allow-create", "3"], "at most 3 create requests"),
    ],
)
def test_a_dry_run_of_the_real_service_shows_what_it_would_cost(run, arguments, plan):
    with guard() as blocked:
        result = run("check", REAL, "--dry-run", "--rate", "100", *arguments)
    assert blocked == []
    assert f"the real service: {plan}, one request per second" in result.out
    posts = int(re.search(r"of which (\d+) may create a task", result.out)[1])
    assert posts == (3 if arguments else 0)
    assert "at 1 request per second: about " in result.out


@pytest.mark.parametrize(
    ("address", "allowed", "rate", "create_requests", "pace", "ledger"),
    [
        (None, None, 0, None, 0, False),
        ("http://127.0.0.1:8000", None, 0, None, 0, False),
        ("http://[::1]:8000", None, 7, None, 7, False),
        ("http://localhost:8000", "5", 0, 5, 0, False),
        ("http://localhost:8000", "0", 0, 0, 0, False),
        ("http://localhost:8000", "ALL", 0, None, 0, False),
        ("https://gateway.example", None, 0, 0, 0, False),
        ("https://gateway.example", "0", 0, 0, 0, False),
        ("https://gateway.example", "5", 9, 5, 9, True),
        ("https://gateway.example", "all", 0, None, 0, True),
        (REAL, None, 0, 0, 1, False),
        (REAL, None, 100, 0, 1, False),
        (REAL, "0", 0.5, 0, 0.5, False),
        (REAL, "3", 100, 3, 1, True),
        ("https://NCLUE.APIGW.NTRUSS.COM.:8443/x", "3", 100, 3, 1, True),
    ],
)
def test_what_may_be_done_depends_on_the_host(address, allowed, rate, create_requests, pace, ledger):
    given = permission(CheckOptions(url=address, allow_create=allowed, rate=rate))
    assert (given.create_requests, given.rate, given.ledger) == (create_requests, pace, ledger)


@pytest.mark.parametrize("allowed", ["all", "ALL"])
def test_unlimited_create_requests_on_the_real_service_are_rejected(run, allowed):
    with guard() as blocked:
        result = run("check", REAL, "--allow-create", allowed, "--access-key", ACCESS, "--secret-key", SECRET)
    sentence = "--allow-create all is not for the real service, where tasks are billed; give a number"
    assert (result, blocked) == ((2, "", f"nclue-contract: {sentence}\n"), [])


class Elsewhere(MemoryTransport):
    """A transport that claims another host, but sends to a service in this process; records what was sent, and when."""

    def __init__(self):
        service = Service({EXAMPLE.access_key: EXAMPLE.secret_key})

        def handle(request, now_ms):
            return service.handle(request, now_ms) if self.deletes or request.method != "DELETE" else Response(409, b"{}")

        super().__init__(handle, service.prefix)
        self.sent, self.at_ms, self.store, self.deletes = [], [], service.store, True

    def send(self, *asks):
        self.sent += asks
        self.at_ms += [self.now_ms()] * len(asks)
        return super().send(*asks)

    @property
    def posts(self):
        return [ask for ask in self.sent if ask.method not in {"GET", "DELETE"}]


@pytest.fixture
def elsewhere(monkeypatch):
    """Send the HTTP requests of checks to a service in this process, whatever the host; the real service cannot be reached."""
    transport = Elsewhere()
    monkeypatch.setattr(check_module, "http_transport", lambda *_: transport)
    monkeypatch.setenv("NCLUE_ACCESS_KEY", EXAMPLE.access_key)
    monkeypatch.setenv("NCLUE_SECRET_KEY", EXAMPLE.secret_key)
    with guard() as blocked:
        yield transport
    assert blocked == []


def test_the_real_service_is_only_read_and_at_the_documented_pace(run, elsewhere):
    result = run("check", REAL, "--rate", "100", "--format", "json")
    assert result.code == 0
    assert {ask.method for ask in elsewhere.sent} == {"GET"}
    assert len(elsewhere.sent) > 30
    assert min(after - before for before, after in zip(elsewhere.at_ms, elsewhere.at_ms[1:], strict=False)) >= 1000
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("most", [1, 2, 5])
def test_the_real_service_gets_no_more_create_requests_than_were_allowed(run, elsewhere, most):
    result = run("check", REAL, "--allow-create", most, "--lifecycle-timeout", "20", "--format", "json")
    assert len(elsewhere.posts) == result.report["summary"]["creations"] <= most
    assert min(after - before for before, after in zip(elsewhere.at_ms, elsewhere.at_ms[1:], strict=False)) >= 1000
    assert result.report["mode"] == f"the real service: at most {most} create requests, one request per second"
    assert len(elsewhere.store) == 0
    assert list(Path().iterdir()) == [], "nothing is left behind, so the ledger is gone"


def test_another_host_is_read_only_unless_more_is_allowed(run, elsewhere):
    assert run("check", "http://gateway.example/nclue").code == 0
    assert {ask.method for ask in elsewhere.sent} == {"GET"}
    result = run("check", "http://gateway.example/nclue", "--allow-create", "all", *FEW)
    assert result.code == 0
    assert len(elsewhere.posts) == 3


def test_a_ledger_that_is_needed_again_stays_and_is_named(run, elsewhere, monkeypatch):
    monkeypatch.setattr(elsewhere, "deletes", False)
    result = run("check", REAL, "--allow-create", "3", *FEW)
    (ledger,) = Path().iterdir()
    assert f"note: the ledger is {ledger}; `nclue-contract cleanup {ledger}` deletes the remaining tasks" in result.out
    assert len(read_ledger(ledger).task_ids) == len(elsewhere.store) > 0


# -- what comes of it ---------------------------------------------------------------------------------------------------------------------


def test_a_broken_contract_is_exit_code_1_and_quiet_output_has_a_line_per_failure(run):
    with running("--progress", "manual", "--fault", "name-empty-allowed") as server:
        result = run("check", server.url, *FEW, "--quiet")
    assert (result.code, result.err) == (1, "")
    assert re.fullmatch(r"NC110 name\[empty\]: name is empty; .* \(response 200 instead of .*\)\n", result.out)


def test_quiet_output_of_a_passed_check_is_empty(run, server):
    assert run("check", server.url, *FEW, "--quiet") == (0, "", "")


def test_failures_of_a_baseline_are_accepted_and_new_ones_are_not(run, server):
    with running("--progress", "manual", "--fault", "name-empty-allowed", "--fault", "skew-past-unchecked") as faulty:
        first = run("check", faulty.url, *FEW, "--format", "json")
        Path("baseline.json").write_text(first.out)
        again = run("check", faulty.url, *FEW, "--baseline", "baseline.json", "--report", "junit:again.xml")
        more = run("check", faulty.url, *FEW, "--only", "NC203", "--baseline", "baseline.json", "--format", "json")
    assert (first.code, again.code, more.code) == (1, 0, 1)
    assert "FAILED NC110 name-empty: name[empty] (accepted by the baseline)" in again.out
    assert "inconclusive, because its failures are in the baseline: name[empty]" in again.out
    assert ET.parse("again.xml").getroot().get("failures") == "0"
    accepted = {failure["case"]: failure["accepted"] for failure in more.report["failures"]}
    assert accepted == {"name[empty]": True, "clock[beyond the limit behind]": False}
    assert run("check", server.url, *FEW, "--baseline", "baseline.json").code == 0


def test_a_baseline_is_named_in_every_format_and_so_is_what_it_holds_in_vain(run):
    Path("old.json").write_text('{"failures": [{"case": "name[empty]", "rule": "NC110"}, {"case": "name[1 character]", "rule": "NC110"}]}')
    with running("--fault", "name-empty-allowed") as faulty:
        reports = [word for form in ("json", "jsonl", "junit", "github", "html") for word in ("--report", f"{form}:now.{form}")]
        result = run("check", faulty.url, *FEW, "--baseline", "old.json", *reports)
    sentence = "PASSED, except for 1 known failure: the server keeps the contract otherwise."
    assert result.code == 0
    assert result.out.splitlines()[-2] == sentence
    assert "no longer occur; remove them from it:\n  NC110 name[1 character]\n" in result.out
    document = json.loads(Path("now.json").read_text())
    assert document["verdict"] == sentence
    assert document["summary"]["known_failures"] == 1
    assert document["fixed"] == [{"case": "name[1 character]", "rule": "NC110"}]
    lines = [json.loads(line) for line in Path("now.jsonl").read_text().splitlines()]
    assert {line["case"]: line["fixed"] for line in lines if line["fixed"]} == {"name[1 character]": ["NC110"]}
    suites = ET.parse("now.junit")
    assert {one.get("value") for one in suites.iter("property") if one.get("name") == "result"} == {sentence}
    outputs = {case.get("name"): case.findtext("system-out") for case in suites.iter("testcase")}
    assert outputs["name[1 character]"] == "no longer fails: NC110, which is in the baseline"
    assert outputs["name[empty]"].startswith("known failure:\nname is empty")
    github = Path("now.github").read_text().splitlines()
    assert github[-1] == sentence
    assert "::notice title=no longer fails; remove it from the baseline::NC110 name[1 character]" in github
    page = Path("now.html").read_text()
    assert "except for 1 known failure" in page
    assert "No longer failing" in page


@pytest.mark.parametrize(
    ("options", "code", "state"),
    [
        ((), 0, "advisory"),
        (("--strict",), 1, "failed"),
        (("--fail-on", "NC310"), 1, "failed"),
        (("--fail-on", "response-unknown-field"), 1, "failed"),
        (("--fail-on", "NC31"), 1, "failed"),
        (("--fail-on", "NC302", "--fail-on", "NC310"), 1, "failed"),
        (("--fail-on", "NC302"), 0, "advisory"),
    ],
)
def test_an_unknown_field_is_an_advisory_unless_it_should_be_a_failure(run, monkeypatch, options, code, state):
    class WithNote(Service):
        def handle(self, request, now_ms):
            answer = super().handle(request, now_ms)
            return (
                Response(200, json.dumps({**json.loads(answer.body), "note": ""}).encode(), answer.headers)
                if answer.status == 200
                else answer
            )

    monkeypatch.setattr(check_module, "Service", WithNote)
    result = run("check", *FEW, *options, "--format", "json")
    assert result.code == code
    assert result.report["summary"][state] >= 1
    found = result.report["advisories" if state == "advisory" else "failures"]
    assert {one["rule"] for one in found} == {"NC310"}
    assert {one["advisory"] for one in found} == {state == "advisory"}


def test_bodies_that_do_not_fit_into_a_command_are_written_to_files(run):
    with running("--fault", "crash-on-depth") as faulty:
        result = run("check", faulty.url, "--only", "NC006", "--reproduce-dir", "deep/bodies")
    (path,) = Path("deep/bodies").iterdir()
    assert result.code == 1
    assert f"--data-binary @{path}\n" in result.out
    assert path.read_bytes().count(b"[") == 3000


def test_a_folder_of_bodies_that_cannot_be_made_is_rejected(run):
    Path("file").write_text("")
    assert run("check", "--reproduce-dir", "file/x") == (
        2,
        "",
        "nclue-contract: --reproduce-dir: file/x cannot be made a folder: Not a directory\n",
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "--baseline: base.json cannot be read: No such file or directory"),
        ("", "--baseline: base.json is not a JSON report of a check"),
        ("[]", "--baseline: base.json is not a JSON report of a check"),
        ('{"failures": [7]}', "--baseline: base.json is not a JSON report of a check"),
        ('{"failures": [{"case": [], "rule": ""}]}', "--baseline: base.json is not a JSON report of a check"),
        ("[" * 100_000, "--baseline: base.json is not a JSON report of a check"),
    ],
    ids=["none", "empty", "an array", "a number", "a case that is an array", "too deep"],
)
def test_a_baseline_that_is_none_is_rejected_before_anything_is_sent(run, server, content, sentence):
    if content is not None:
        Path("base.json").write_text(content)
    assert run("check", server.url, "--baseline", "base.json") == (2, "", f"nclue-contract: {sentence}\n")
    assert server.journal() == []


def test_only_failed_runs_again_what_failed(run, server):
    def before(request):
        return response(200, {}) if b'"name": ""' in request.body else None

    with forwarding(server.origin, before=before) as port:
        first = run("check", url(port) + "/api/v1", "--only", "NC110", "--report", "json:report.json", "--format", "json")
    again = run("check", server.url, "--only-failed", "report.json", "--format", "json")
    failed = {failure["case"] for failure in first.report["failures"]}
    assert failed == {"name[empty]"}
    assert (first.code, again.code) == (1, 0)
    assert states(again.report) == {"control[a valid creation]": "passed", "name[empty]": "passed"}


LEFT_OUT = "these options leave out: see --only, --skip, --full, --allow-create"


@pytest.mark.parametrize(
    ("cases", "options", "sentence"),
    [
        (None, [], "--only-failed: report.json cannot be read: No such file or directory"),
        ("x", [], "--only-failed: report.json is not a JSON report of a check"),
        ([], [], "--only-failed: in report.json no test case failed, so there is nothing to run"),
        (
            ["explore[x]"],
            [],
            "--only-failed: in report.json only an exploration failed, which --explore repeats, so there is nothing to run",
        ),
        (["name[of old]"], [], "--only-failed: report.json names the test case 'name[of old]', which this version does not have"),
        (["a", "b", "name[empty]"], [], "--only-failed: report.json names the test case 'a' and 1 more, which this version does not have"),
        (
            ["name[empty]"],
            ["--skip", "NC110"],
            f"--only-failed: report.json names the test case 'name[empty]', which {LEFT_OUT}",
        ),
    ],
    ids=["no file", "no report", "no failure", "an exploration", "unknown", "two unknown ones", "left out"],
)
def test_only_failed_says_what_it_cannot_run_again(run, server, cases, options, sentence):
    if cases is not None:
        report = {"failures": [{"case": case, "rule": "NC110"} for case in cases]} if isinstance(cases, list) else cases
        Path("report.json").write_text(json.dumps(report))
    assert run("check", server.url, "--only-failed", "report.json", *options) == (2, "", f"nclue-contract: {sentence}\n")
    assert server.journal() == []


# -- settings in a file -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("own", [False, True], ids=["pyproject.toml", "a file of its own"])
def test_options_of_a_check_may_stand_in_a_file_and_reports_name_it(run, server, folder, own):
    text = '[{}check]\nskip = ["NC1", "NC2", "NC3", "NC4", "NC5"]\nbudget = 60\n[{}readings]\nname-edge = "100"\n'
    path = Path("nclue.toml") if own else folder / "pyproject.toml"
    path.write_text(text.format(*[""] * 2) if own else text.format(*["tool.nclue-contract."] * 2))
    arguments = ["check", server.url, *(["--config", "nclue.toml"] if own else [])]
    result = run(*arguments, "--format", "json", "--report", "junit:r.xml")
    stronger = run(*arguments, "--format", "json", "--skip", "NC0", "--only", "NC110")
    assert {rule[:3] for rule in rules_of(result)} == {"NC0", "NC6"}
    assert result.report["settings"] == f"{path} (skip, budget)"
    assert result.report["notes"] == [f"settings from {path} (skip, budget)"]
    assert result.report["readings"]["name-edge"]["source"] == str(path)
    assert f'<property name="settings" value="{path} (skip, budget)"' in Path("r.xml").read_text()
    assert "NC110" in rules_of(stronger), "the command line replaces the rules that the file skips"


@pytest.mark.parametrize("command", ["check", "probe", "cleanup"])
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[check]\nbugdet = 1", "nclue.toml: [check] bugdet must be removed; the nearest option of the check is budget"),
        ("[check]\nsecret-key = 'hush'", "keys belong in the environment, in NCLUE_SECRET_KEY"),
        ("=", "nclue.toml: not a TOML file that can be read"),
        (None, "--config: there is no file nclue.toml"),
    ],
)
def test_settings_that_cannot_be_used_are_one_sentence_before_anything_is_sent(run, server, command, text, sentence):
    if text is not None:
        Path("nclue.toml").write_text(text)
    write_ledger(server, a="1")
    result = run(command, "run.jsonl" if command == "cleanup" else server.url, "--config", "nclue.toml")
    assert (result.code, result.out, len(result.err.splitlines())) == (2, "", 1)
    assert sentence in result.err
    assert "hush" not in result.err
    assert server.journal() == []


def test_probe_and_cleanup_have_the_settings_of_the_check_that_concern_them(run, folder):
    """A server that needs a header: without the file, each request would be rejected."""
    lines = '[tool.nclue-contract.check]\nheader = ["x-tenant: one"]\nformat = "junit"\nledger = "run.jsonl"\nbudget = 20\n'
    (folder / "pyproject.toml").write_text(lines)
    with running("--progress", "manual") as server:
        gate = forwarding(server.origin, before=lambda request: None if tenant(request) == "one" else response(403))
        with gate as port:
            probed = run("probe", url(port) + "/api/v1")
            task_id = server.create("left behind").json()["task_id"]
            with Path("run.jsonl").open("a") as ledger:
                ledger.write(json.dumps({"answered": "left behind", "task_id": task_id}) + "\n")
            cleaned = run("cleanup", "run.jsonl")
    assert probed.code == 0
    assert probed.out.startswith("readings of this server")
    assert cleaned == (0, "1 task deleted, 0 left\n", "")


def tenant(request):
    return {name.lower(): value for name, value in dict(request.headers).items()}.get("x-tenant")


# -- output that cannot be written --------------------------------------------------------------------------------------------------------


@pytest.fixture
def unwritable(monkeypatch):
    """Make files in a folder impossible to create, even for the administrator; the function takes the folder."""

    def forbid(folder):
        original = os.open

        def refuse(path, *arguments, **options):
            if Path(path).parent == Path(folder).absolute():
                raise PermissionError(13, "Permission denied", str(path))
            return original(path, *arguments, **options)

        monkeypatch.setattr(os, "open", refuse)

    return forbid


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["check", "--report", "json:x/report.json"], "'json:x/report.json': there is no folder x"),
        (["check", "--report", "json:shut"], "'json:shut': shut is a folder"),
        (["check", "--report", "json:shut/r.json"], "'json:shut/r.json': shut/r.json cannot be written: Permission denied"),
        (["validate", "a.json", "--report", "junit:shut/r"], "'junit:shut/r': shut/r cannot be written: Permission denied"),
        (["probe", "--write", "x/pyproject.toml"], "--write: x/pyproject.toml cannot be written: No such file or directory"),
        (["probe", "--write", "shut"], "--write: shut cannot be written: Is a directory"),
        (["probe", "--write", "shut/p.toml"], "--write: shut/p.toml cannot be written: Permission denied"),
        (["probe", "--write", "bad.toml"], "--write: bad.toml cannot be read as TOML: "),
        (["check", "--ledger", "x/run.jsonl"], "cannot write x/run.jsonl: No such file or directory"),
    ],
)
def test_output_that_cannot_be_written_is_noticed_before_the_first_request(run, server, unwritable, arguments, sentence):
    Path("shut").mkdir()
    Path("bad.toml").write_text("=")
    unwritable("shut")
    command, *options = arguments
    result = run(command, *([] if command == "validate" else [server.url]), *options)
    assert (result.code, result.out) == (2, "")
    assert sentence in result.err
    assert server.journal() == []


@pytest.mark.parametrize(("fault", "code"), [(None, 2), ("always 200", 1)])
def test_a_report_that_cannot_be_written_in_the_end_does_not_lose_the_result(run, server, monkeypatch, fault, code):
    """The disk is full when the reports are written: the other report and standard output have the result all the same."""
    real = check_command.atomic_file

    @contextmanager
    def full(path):
        with real(path) as file:
            yield file
            if path.name == "full.json":
                raise OSError(28, "No space left on device")

    monkeypatch.setattr(check_command, "atomic_file", full)
    broken = response(200, {}) if fault else None
    with forwarding(server.origin, before=lambda request: broken if b'"name": ""' in request.body else None) as port:
        result = run("check", url(port) + "/api/v1", *FEW, "--report", "json:full.json", "--report", "json:other.json")
    assert result.code == code
    assert ("FAILED: " in result.out) if fault else ("PASSED" in result.out)
    assert result.err == "nclue-contract: the report full.json cannot be written: No space left on device\n"
    assert [path.name for path in Path().iterdir()] == ["other.json"]


def test_what_is_untested_fails_nothing_unless_that_is_wanted(run, server):
    over_http = [server.url, "--only", "NC203"]
    result = run("check", *over_http, "--format", "json")
    assert (result.code, result.report["summary"]["untested"]) == (0, 2)
    result = run(
        "check", *over_http, "--fail-on-untested", "--report", "json:a.json", "--report", "junit:a.xml", "--report", "github:a.txt"
    )
    words = "were not tested, and --fail-on-untested is set."
    assert (result.code, words in result.out.splitlines()[-2], "PASSED" in result.out) == (1, True, False)
    report = json.loads(Path("a.json").read_text(encoding="utf-8"))
    assert (report["exit_code"], report["verdict"].startswith("FAILED: 2 of ")) == (1, True)
    suites = ET.fromstring(Path("a.xml").read_text(encoding="utf-8"))
    assert (suites.get("failures"), suites.get("errors"), len(suites.findall(".//failure"))) == ("1", "0", 1)
    assert "::error title=not tested::FAILED: 2 of " in Path("a.txt").read_text(encoding="utf-8")
    assert run("check", "--only", "NC203", "--fail-on-untested").code == 0, "the embedded server has an exact clock"


def test_a_rejected_control_request_suggests_test_data_of_the_server(run):
    with running("--progress", "manual", "--unknown-file", "churn/train.tsv") as server:
        rejected = run("check", server.url, *FEW)
        passing = run("check", server.url, *FEW, "--file", "other.tsv")
    assert rejected.code == 3
    assert "INCONCLUSIVE: the control request got 404 with code 10107, although it is valid." in rejected.out
    assert "Name test data of the server: --feature-id, --bucket and --file." in rejected.out
    assert passing.code == 0


@pytest.mark.parametrize(("status", "notes"), [(429, 1), (502, 0), (503, 0), (504, 0)])
def test_a_server_that_is_busy_is_waited_for(run, server, monkeypatch, status, notes):
    slept, busy = [], [response(status, {"error": {"errorCode": "430", "message": "x"}})] * 2
    monkeypatch.setattr(HttpTransport, "sleep", lambda _, seconds: slept.append(seconds))
    with forwarding(server.origin, before=lambda _: busy.pop() if busy else None) as port:
        result = run("check", url(port) + "/api/v1", *FEW, "--format", "json")
    assert (result.code, len(result.report["notes"])) == (0, notes)
    assert sum(slept) >= (1.5 if status == 429 else 0.5)
    assert [entry["status"] for entry in server.journal()][:1] == [200]


# -- servers of every kind ----------------------------------------------------------------------------------------------------------------


def blurting(data):
    def talk(connection):
        if received(connection) is not None:
            connection.sendall(data)

    return talk


def endless(piece):
    def talk(connection):
        received(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(piece)

    return talk


def silent(connection):
    received(connection)
    connection.recv(1)


ODD = {"task_id": 7, "tasks": [1, None, {"task_id": []}, {"task_id": "a", "status": [], "created_at": {}}], "total": "x", "error": [1]}


@pytest.mark.parametrize(
    ("talk", "code", "words"),
    [
        (silent, 3, "the server cannot be reached: no response within 0.05 s"),
        (blurting(b""), 3, "the server cannot be reached: the connection was closed without a response"),
        (blurting(b"\x16\x03\x01 hello\r\n\r\n"), 3, "the server cannot be reached: not HTTP: "),
        (endless(b"a: b\r\n" * 99), 3, "the server cannot be reached: not HTTP: "),
        (endless(b"\r\n" + b" " * 65_536), 1, "the body is longer than 1,048,576 bytes"),
        (blurting(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}"), 1, "the connection was closed in the middle of the response"),
        (blurting(response(302, b"", "location: http://127.0.0.1:9/")), 1, "NC301"),
        (blurting(response(200, b"{}", version="1.0")), 1, "NC304"),
        (sending(response(200, b"<html>", kind="text/html")), 1, "NC302"),
        (sending(response(200, b"\xff\x00")), 1, "NC002"),
        (sending(response(200, b"[" * 100_000)), 1, "NC006"),
        (sending(response(200, [])), 1, "NC303"),
        (sending(response(200, ODD)), 1, "NC305"),
        (sending(response(200, ODD, "date: Tue, 26 Nov 2024 02:48:16 +9999999999999")), 1, "NC305"),
        (sending(response(200, {"task_id": "\ud800", "created_at": "0000-99-99"})), 1, "NC304"),
        (sending(response(500, b"")), 3, "the control request got 500"),
        (sending(response(503, b"")), 3, "the server cannot be reached: it responds with 503"),
        (sending(response(999, b"{}")), 3, "the server cannot be reached: it responds with 999"),
        (sending(response(404, b"Not Found", kind="text/plain")), 3, "the control request got 404"),
    ],
    ids=[
        "silent",
        "closing",
        "no HTTP",
        "endless headers",
        "an endless body",
        "half an answer",
        "redirecting",
        "HTTP/1.0",
        "HTML",
        "binary",
        "nested too deep",
        "an array",
        "wrong types everywhere",
        "an absurd date",
        "an ID that is no text",
        "always 500",
        "always 503",
        "always 999",
        "always 404",
    ],
)
def test_every_server_behaviour_ends_with_a_result_and_a_message(run, monkeypatch, talk, code, words):
    skip_pauses(monkeypatch)
    with listening(talk) as port:
        result = run(
            "check",
            url(port),
            "--only",
            "NC00",
            "--only",
            "NC40",
            "--timeout",
            "0.05" if talk is silent else "5",
            "--lifecycle-timeout",
            "0.1",
        )
    waits = "the server cannot be reached" in words
    why = words.partition("reached: ")[2]
    assert result.code == code
    assert (f"cannot be reached: {why}" in result.err and "; waiting for it, up to 5 s" in result.err) if waits else result.err == ""
    assert words in result.out
    assert "Traceback" not in result.out


@pytest.mark.parametrize(
    ("host", "why", "sleep"),
    [("127.0.0.1:{}", "Connection refused", lambda *_: None), ("bad..name", "", never)],
    ids=["nobody listens", "no such name"],
)
def test_a_server_that_cannot_be_reached_is_exit_code_3(run, monkeypatch, host, why, sleep):
    monkeypatch.setattr(HttpTransport, "sleep", sleep)
    monkeypatch.setenv("NCLUE_ACCESS_KEY", ACCESS)
    monkeypatch.setenv("NCLUE_SECRET_KEY", SECRET)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    result = run("check", f"http://{host.format(port)}", "--allow-create", "all", *FEW)
    waiting = f"nclue-contract: http://{host.format(port)}: cannot be reached: no connection: {why}; waiting for it, up to 5 s\n"
    assert (result.code, result.err) == (3, waiting if why else "")
    assert f"INCONCLUSIVE: the server cannot be reached: no connection: {why}" in result.out


@pytest.mark.parametrize("command", ["check", "probe"])
def test_how_long_a_server_is_waited_for_can_be_chosen(run, monkeypatch, command):
    slept = []
    monkeypatch.setattr(HttpTransport, "sleep", lambda _, seconds: slept.append(seconds))
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = url(free.getsockname()[1])
    at_once = run(command, address, "--wait", "0")
    assert (at_once.code, slept) == (3, [])
    assert "waiting" not in at_once.err
    longer = run(command, address, "--wait", "30")
    assert longer.code == 3
    assert f"{address}: cannot be reached: no connection: Connection refused; waiting for it, up to 30 s" in longer.err
    assert max(slept) <= 2
    assert 29 <= sum(slept) <= 30


def test_quiet_output_does_not_say_what_is_waited_for(run, monkeypatch):
    skip_pauses(monkeypatch)
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = url(free.getsockname()[1])
    result = run("check", address, "--quiet")
    assert (result.code, result.err) == (3, "")
    assert result.out == "inconclusive: the server cannot be reached: no connection: Connection refused\n"


def test_two_create_requests_at_the_same_moment_are_sent_concurrently(run, monkeypatch):
    """A server that looks before it writes gives both the name; only requests that are under way together can show it."""
    names, racing, all_together = set(), set(), threading.Barrier(8)
    send = HttpTransport.send

    def noting(wire, *asks):
        racing.update(json.loads(ask.body)["name"] for ask in asks if len(asks) > 1 and ask.method == "POST")
        return send(wire, *asks)

    monkeypatch.setattr(HttpTransport, "send", noting)

    def answer(request):
        name = json.loads(request.body)["name"] if request.method == "POST" else ""
        taken = name in names
        if name in racing:
            all_together.wait(300)
        names.add(name)
        return response(409, {"error": {"errorCode": "10102", "message": "x"}}) if taken else yes(request)

    with listening(answering(answer)) as port:
        result = run("check", url(port), "--format", "json", "--only", "NC404", "--budget", "30", "--lifecycle-timeout", "0.1")
    sentences = {failure["message"] for failure in result.report["failures"] if failure["case"] == "name[taken, at the same moment]"}
    assert "8 of 8 create requests at the same moment have got the same name" in sentences
    sentences = {failure["message"] for failure in result.report["failures"] if failure["case"] == "name[taken]"}
    assert not any("instead of 409" in sentence for sentence in sentences), "one behind the other, it is right"


# -- interruptions, ledgers, and cleaning up ----------------------------------------------------------------------------------------------


class Stopping:
    """A proxy that stops the check at a request: it sends a signal, lets the server carry out the request, and does not respond."""

    def __init__(self, server, number, signal_number):
        self.server, self.left, self.signal = server, number, signal_number
        self.process, self.reached = None, threading.Event()

    def __enter__(self):
        self._proxy = forwarding(self.server.origin, before=self._before)
        self.url = url(self._proxy.__enter__()) + "/api/v1"
        return self

    def __exit__(self, *error):
        return self._proxy.__exit__(*error)

    def _before(self, request):
        self.left -= 1
        if self.left == 0:
            self.server.send(request.method, request.target, request.body, dict(request.headers))
            self.process.send_signal(self.signal)
            if self.signal != signal.SIGKILL:  # which takes effect before anything else does
                assert self.reached.wait(DEADLINE)
            raise OSError
        if self.left < 0:
            self.reached.set()  # by the clean-up

    def run(self, *arguments):
        """Run the check, and interrupt it."""
        with TemporaryFile("w+") as out, TemporaryFile("w+") as err, Path(os.devnull).open("rb") as nothing:
            streams = {"stdin": nothing.fileno(), "stdout": out.fileno(), "stderr": err.fileno()}
            self.process = ForkedCommand(["check", self.url, *arguments], environment(), **streams, script=INTERRUPTIBLE)
            try:
                code = self.process.wait(DEADLINE)
            finally:
                self.process.kill()
            for stream in (out, err):
                stream.seek(0)
            return Result(code, out.read(), err.read())


POST_NUMBER = 43
"""The create request at which checks are stopped; it and the one before are carried out."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_termination_leave_a_usable_report_and_a_ledger_and_cleanup_finds_unreported_tasks(run, server, number):
    rules, reports = ["--only", "NC307", "--only", "NC12"], ["--report", "json:report.json", "--report", "junit:report.xml"]
    with Stopping(server, POST_NUMBER, number) as proxy:
        stopped = proxy.run(*rules, *reports, "--ledger", "run.jsonl", "--connections", "1")
        left = server.control("health").json()["tasks"]
        cleaned = [run("cleanup", "run.jsonl"), run("cleanup", "run.jsonl")]
    assert stopped.code == 3
    assert re.fullmatch(rf"nclue-contract: {proxy.url}: deleting \d+ tasks of this check; another Ctrl-C leaves .*\n", stopped.err)
    assert "INCONCLUSIVE: interrupted." in stopped.out
    assert "note: the ledger is run.jsonl; `nclue-contract cleanup run.jsonl` deletes the remaining tasks" in stopped.out
    report = json.loads(Path("report.json").read_text())
    assert (report["trouble"], report["exit_code"], report["failures"]) == ("interrupted", 3, [])
    assert report["summary"]["passed"] >= 20
    assert report["summary"]["untested"] > 300
    assert ET.parse("report.xml").getroot().get("tests") == str(report["summary"]["cases"] + 1)  # and the result of the run
    assert left == 1, "the task whose answer never came"
    assert len(read_ledger(Path("run.jsonl")).uncertain) == 1
    assert cleaned == [(0, "1 task deleted, 0 left\n", ""), (0, "0 tasks deleted, 0 left\n", "")]
    assert server.control("health").json()["tasks"] == 0


@pytest.mark.parametrize("cut", [0, 5], ids=["killed", "killed while it wrote"])
def test_a_check_that_was_killed_is_tidied_up_after(run, server, cut):
    server.create("somebody's")
    ledger = Path("run.jsonl")
    with Stopping(server, POST_NUMBER, signal.SIGKILL) as proxy:
        stopped = proxy.run("--only", "NC307", "--only", "NC12", "--ledger", ledger, "--connections", "1")
        lines = ledger.read_bytes().splitlines(keepends=True)
        if cut:  # the line before the last is a response: without it, a create request is uncertain
            ledger.write_bytes(b"".join(lines[:-1])[:-cut])
        tasks = server.control("health").json()["tasks"]
        cleaned = run("cleanup", "run.jsonl")
    assert stopped.code == -signal.SIGKILL
    assert json.loads(lines[-1]).keys() == {"creating"}
    assert (cleaned.code, cleaned.err) == (0, "")
    assert tasks > 5
    assert server.control("health").json()["tasks"] == 1 + bool(cut), "of a creation whose line was cut off nobody knows"
    assert "somebody's" in {task["task_name"] for task in server.call("GET", "?limit=100").json()["tasks"]}


def test_the_ledger_has_a_line_on_disk_before_the_server_receives_a_create_request(run, server):
    missing = []

    def before(request):
        if request.method == "POST" and b'"name": "' in request.body:
            name = re.search(rb'"name": "((?:[^"\\]|\\.)*)"', request.body)[1].decode()
            if json.dumps({"creating": name}) not in Path("run.jsonl").read_text().splitlines():
                missing.append(name)

    with forwarding(server.origin, before=before) as port:
        result = run("check", url(port) + "/api/v1", "--ledger", "run.jsonl", "--only", "NC120", "--only", "NC110", "--budget", "60")
    assert (result.code, missing) == (0, [])
    remains = read_ledger(Path("run.jsonl"))
    assert (remains.task_ids, remains.uncertain) == ((), ())
    assert len(Path("run.jsonl").read_text().splitlines()) > 60


def test_an_old_ledger_is_not_written_over(run, server):
    Path("run.jsonl").write_text("precious")
    result = run("check", server.url, "--ledger", "run.jsonl")
    assert result == (2, "", "nclue-contract: --ledger: run.jsonl exists, and is not a ledger; name another file\n")
    assert (Path("run.jsonl").read_text(), server.journal()) == ("precious", [])


@pytest.mark.parametrize(
    ("tasks", "sentence"),
    [
        ({"a": "1"}, "`nclue-contract cleanup run.jsonl` deletes the tasks that are left. Remove it then, or name another file"),
        ({}, "of which no task is left; remove it, or name another file"),
    ],
    ids=["a task is left", "no task is left"],
)
def test_the_ledger_of_an_earlier_run_is_not_written_over(run, server, tasks, sentence):
    write_ledger(server, **tasks)
    before = Path("run.jsonl").read_text()
    result = run("check", server.url, "--ledger", "run.jsonl")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("nclue-contract: --ledger: run.jsonl is the ledger of an earlier run")
    assert result.err.endswith(f"{sentence}\n")
    assert (Path("run.jsonl").read_text(), server.journal()) == (before, [])


@pytest.mark.parametrize("number", [2, 9, 10])
def test_a_full_disk_under_the_ledger_ends_the_check_and_names_ledger_and_cleanup(run, server, monkeypatch, number):
    """The disk is full from one record on: no further create request is sent, tasks are deleted, and the result is printed."""
    written, fsync = [], os.fsync

    def full(handle):
        written.append(handle)
        if len(written) >= number:
            raise OSError(28, "No space left on device")
        fsync(handle)

    monkeypatch.setattr("nclue_contract.check.ledger.os.fsync", full)
    result = run("check", server.url, "--ledger", "run.jsonl", "--only", "NC12", "--connections", "1")
    assert (result.code, result.err) == (3, "")
    assert "INCONCLUSIVE: the ledger run.jsonl cannot be written: No space left on device, so no more tasks are created" in result.out
    assert "`nclue-contract cleanup run.jsonl` deletes the tasks that it lists" in result.out
    assert len(written) == number
    assert sum(entry["method"] == "POST" for entry in server.journal()) == (number - 1) // 2
    assert server.control("health").json()["tasks"] == 0


def test_a_ledger_whose_first_line_cannot_be_written_leaves_no_file_and_sends_nothing(run, server, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("nclue_contract.check.ledger.os.fsync", full)
    result = run("check", server.url, "--ledger", "run.jsonl")
    assert result == (2, "", "nclue-contract: cannot write run.jsonl: No space left on device\n")
    assert (list(Path().iterdir()), server.journal()) == ([], [])


def test_termination_has_its_former_handler_after_a_command(run):
    before = signal.getsignal(signal.SIGTERM)
    inside = []
    real = check_module.check
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check_module, "check", lambda *a: (inside.append(signal.getsignal(signal.SIGTERM)), real(*a))[1])
        assert run("check", "--only", "NC200").code == 0
    assert inside[0] is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_no_ledger_is_left_on_loopback_unless_it_is_requested(run, server):
    assert run("check", server.url, *FEW).code == 0
    assert list(Path().iterdir()) == []


def test_cleanup_signs_what_the_check_has_signed(run, server):
    with forwarding(server.origin, rewrite=lambda target: target.replace("/x", "/api/v1", 1)) as port:
        assert run("check", url(port) + "/x", "--signed-prefix", "/api/v1", *FEW, "--ledger", "run.jsonl").code == 0
        task_id = server.create("left behind").json()["task_id"]
        with Path("run.jsonl").open("a") as ledger:
            ledger.write(
                json.dumps({"creating": "left behind"}) + "\n" + json.dumps({"answered": "left behind", "task_id": task_id}) + "\n"
            )
        assert run("cleanup", "run.jsonl") == (0, "1 task deleted, 0 left\n", "")
    assert server.control("health").json()["tasks"] == 0


def write_ledger(server, **lines):
    """Write a ledger with these tasks, by name and ID."""
    with Path("run.jsonl").open("w") as ledger:
        ledger.write(json.dumps({"ledger": 1, "url": server.url, "signed_prefix": "/api/v1", "run": "abc123"}) + "\n")
        for name, task_id in lines.items():
            ledger.write(json.dumps({"creating": name}) + "\n")
            if task_id:
                ledger.write(json.dumps({"answered": name, "task_id": task_id}) + "\n")


def test_cleanup_names_what_it_could_not_delete(run, server):
    task_id = server.create().json()["task_id"]
    server.control("advance", {})
    write_ledger(server, churn=task_id)
    assert run("cleanup", "run.jsonl") == (
        3,
        (
            "0 tasks deleted, 1 left: their state does not allow it yet, the server rejected the request, "
            "or their ID cannot be put into a path\n"
        ),
        "",
    )
    server.control("advance", {"steps": 3})
    assert run("cleanup", "run.jsonl") == (0, "1 task deleted, 0 left\n", "")


def test_cleanup_leaves_a_task_that_may_belong_to_another_user_and_names_it(run, server):
    server.create("京")
    write_ledger(server, 京=None)
    result = run("cleanup", "run.jsonl")
    assert (result.code, result.err) == (3, "")
    assert "not deleted: the task named '京' may belong to the check or to another user; please check it" in result.out
    assert server.control("health").json()["tasks"] == 1


def test_cleanup_with_wrong_keys_does_not_report_success(run, server, monkeypatch):
    task_id = server.create().json()["task_id"]
    write_ledger(server, churn=task_id, other=None)
    monkeypatch.setenv("NCLUE_ACCESS_KEY", "OTHERACCESSKEY000001")
    monkeypatch.setenv("NCLUE_SECRET_KEY", "OTHERsecretKEY00000000000000000000000001")
    result = run("cleanup", "run.jsonl")
    assert (result.code, result.out) == (3, "0 tasks deleted, 1 left\n")
    assert "the list of tasks got 401: the credentials were rejected" in result.err or "a delete request got 401" in result.err


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "the ledger run.jsonl cannot be read: No such file or directory"),
        ("{}", "run.jsonl is not a ledger of a check, or one of another version"),
    ],
)
def test_cleanup_of_a_file_that_is_no_ledger_is_rejected(run, content, sentence):
    if content:
        Path("run.jsonl").write_text(content)
    assert run("cleanup", "run.jsonl") == (2, "", f"nclue-contract: {sentence}\n")


# -- probe --------------------------------------------------------------------------------------------------------------------------------


def test_probe_prints_the_readings_and_nothing_else(run):
    with running("--progress", "immediate", "--reading", "path-characters=page-2026", "--reading", "error-shape=flat") as server:
        result = run("probe", server.url)
        assert server.control("journal").json()["requests"] < 300
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0] == "readings of this server"
    assert all(re.fullmatch(r"  [a-z-]+ +(?:[a-z0-9-]+ +by \S.*|\? +open: \S+( or \S+)+; \S.*)", line) for line in lines[1:])
    found = dict(line.split()[:2] for line in lines[1:])
    assert (found["path-characters"], found["error-shape"], found["name-edge"]) == ("page-2026", "flat", "100")


def test_probe_waits_for_nothing_that_determines_no_reading():
    chosen, every = (selected_cases(CheckOptions(probe=probe)) for probe in (True, False))
    waiting = {case.id for case in every if case.background}
    assert waiting == {"life[watched]", "fresh[time of creation moves]"}
    assert waiting & {case.id for case in chosen} == {"life[watched]"}
    assert {case.decided_by for case in chosen} - {case.id for case in chosen} == {""}


def test_probe_prints_the_readings_for_machines(run):
    document, table = run("probe", "--format", "json"), run("probe", "--format", "toml")
    readings = tomllib.loads(table.out)["tool"]["nclue-contract"]["readings"]
    assert (document.code, table.code) == (0, 0)
    assert readings == {name: reading["option"] for name, reading in document.report["readings"].items() if reading["option"]}
    assert len(readings) >= 20


def test_what_probe_has_written_is_what_validate_uses_then(run, folder):
    before = '[project]\nname = "x"\n\n# about ruff\n[tool.ruff]\nline-length = 99\n'
    Path("pyproject.toml").write_text(before)
    Path("task.json").write_text(json.dumps(PAYLOAD | {"train_file_path": "dt=2026/train.tsv"}))
    assert run("validate", "task.json").code == 1
    with running("--progress", "immediate", "--reading", "path-characters=page-2025") as server:
        probed = run("probe", server.url, "--write", "pyproject.toml")
    assert (probed.code, probed.err) == (0, "")
    assert (folder / "pyproject.toml").read_text().startswith(f"{before}\n[tool.nclue-contract.readings]  # readings found at {server.url}")
    validated = run("validate", "task.json", "--format", "json")
    assert (validated.code, validated.report["readings"]["path-characters"]["option"]) == (0, "page-2025")
    assert run("probe", "--write", "pyproject.toml").code == 0, "what stands there is found out anew"
    assert 'path-characters = "page-2024"' in (folder / "pyproject.toml").read_text()
    assert run("validate", "task.json").code == 1


def test_a_pin_of_the_command_is_no_question(run):
    result = run("probe", "--reading", "path-characters=page-2025")
    assert re.search(r"(?m)^  path-characters +page-2025 +pinned by --reading$", result.out)


def test_probe_rejects_a_file_that_it_cannot_change(run, folder):
    text = '[tool.nclue-contract]\nreadings = {path-del = "allowed"}\n'
    (folder / "pyproject.toml").write_text(text)
    result = run("probe", "--write", "pyproject.toml")
    assert result.code == 2
    assert "--write: pyproject.toml has readings in a form that cannot be replaced; use the table of --format toml" in result.err
    assert (folder / "pyproject.toml").read_text() == text


def test_probe_of_a_server_without_readings_writes_nothing(run, monkeypatch):
    skip_pauses(monkeypatch)
    with listening(sending(response(401, {}))) as port:
        result = run("probe", url(port), "--write", "pyproject.toml")
    assert result.code == 3
    assert result.err.startswith("inconclusive: the control request got 401")
    assert list(Path().iterdir()) == []


# -- what is needed, and what is secret ---------------------------------------------------------------------------------------------------

WITHOUT_H11 = [sys.executable, "-c", "import sys; sys.modules['h11'] = None; from nclue_contract.cli.main import main; sys.exit(main())"]


@pytest.mark.parametrize("arguments", [["check"], ["probe"], ["cleanup"]], ids=lambda arguments: arguments[0])
def test_without_h11_the_command_that_installs_it_is_printed(server, folder, arguments):
    write_ledger(server, churn="1")
    what = "run.jsonl" if arguments == ["cleanup"] else server.url
    result = process(*arguments, what, command=WITHOUT_H11, cwd=folder)
    assert result == (2, "", "nclue-contract: a check over HTTP needs h11; run: pip install 'nclue-contract[check]'\n")


def test_the_embedded_server_needs_no_h11(folder):
    result = process("check", *FEW, command=WITHOUT_H11, cwd=folder)
    assert (result.code, result.err) == (0, "")


CANARY = {"NCLUE_ACCESS_KEY": "CANARYACCESSKEY00001", "NCLUE_SECRET_KEY": "CANARYsecretKEY0000000000000000000000001"}


def test_secrets_are_in_no_output_even_where_the_server_repeats_them(folder):
    signatures = []

    def answer(request):
        signatures.extend(request.header("x-ncp-apigw-signature-v2"))
        displayed = {**json.loads(yes(request).partition(b"\r\n\r\n")[2]), "headers": request.headers, "fail_message": str(request.headers)}
        return response(200, displayed, f"x-seen: {request.header('authorization')}")

    reports = [f"{form}:report.{form}" for form in ("text", "json", "jsonl", "junit", "github", "html")]
    options = [word for report in reports for word in ("--report", report)]
    with listening(answering(answer)) as port:
        result = process(
            "check", url(port), *options, "--ledger", "run.jsonl", "--budget", "60", "--lifecycle-timeout", "0.1",
            "--header", "Authorization: Bearer CANARYTOKEN", cwd=folder, **CANARY,
        )  # fmt: skip
    assert result.code == 1
    written = {path.name: path.read_text() for path in folder.iterdir()}
    assert set(written) >= {"report.text", "report.json", "report.jsonl", "report.junit", "report.github", "report.html", "run.jsonl"}
    assert len(signatures) > 40
    for name, text in {**written, "stdout": result.out, "stderr": result.err}.items():
        assert "CANARY" not in text, name
        assert not any(signature in text for signature in signatures if len(signature) > 40), name
    assert "***" in written["report.json"]


# -- what a server cannot know ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--file", "nope~.csv"], "--file 'nope~.csv' is not allowed under every reading: train_file_path holds '~'"),
        (["--file", "a/dt=1.csv"], "--file 'a/dt=1.csv' is not allowed under every reading: train_file_path holds '='"),
        (["--failing-file", "학습.csv"], "--failing-file '학습.csv' is not allowed under every reading: "),
    ],
)
def test_test_data_that_breaks_a_rule_is_rejected_before_anything_is_sent(run, server, arguments, sentence):
    result = run("check", server.url, *arguments, *FEW)
    assert (result.code, result.out, server.journal()) == (2, "", [])
    assert result.err.startswith(f"nclue-contract: {sentence}")


def test_a_file_that_is_pinned_as_allowed_and_a_bucket_that_is_only_odd_are_used(run):
    assert run("check", *FEW, "--file", "a/dt=1.csv", "--reading", "path-characters=page-2025").code == 0
    assert run("check", *FEW, "--bucket", "한글").code == 0


def test_a_selection_without_cases_is_reported(run):
    result = run("check", "--only", "NC130")
    assert (result.code, result.out) == (2, "")
    assert "leave no test case" in result.err


def test_a_result_with_few_tested_rules_says_so(run, server):
    result = run("check", server.url, "--allow-create", "5", "--skip", "NC4")
    assert result.code == 0
    assert re.search(r"(?m)^PASSED as far as it was tested: \d+ of \d+ cases were not tested\.$", result.out)


def test_a_dry_run_shows_what_a_budget_leaves_out(run):
    result = run("check", "--dry-run", "--budget", "12")
    assert "... and the test cases that exceed the budget of 12 requests" in result.out
    assert "clock[beyond the limit ahead]" in result.out
    assert "path[test U+0040 alone]" not in result.out


def test_a_create_request_that_was_never_sent_is_not_doubtful(run, monkeypatch, folder):
    monkeypatch.setenv("NCLUE_ACCESS_KEY", ACCESS)
    monkeypatch.setenv("NCLUE_SECRET_KEY", SECRET)
    assert run("check", "http://bad..name", "--allow-create", "3", *FEW).code == 3
    assert list(folder.iterdir()) == [], "no ledger of nothing"
