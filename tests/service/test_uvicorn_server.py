"""The server over real sockets: NCLUE's paths, the control paths, and errors of clients and of the network."""

import base64
import hmac
import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from nclue_contract.service.service import Service
from nclue_contract.service.uvicorn_server import LoopbackServer
from tests.support.forked_command import run_forked
from tests.support.payloads import PAYLOAD
from tests.support.server_process import DEADLINE, environment, running
from tests.support.signing import ACCESS, SECRET, signed
from tests.support.waiting import wait_until

MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def process():
    with running() as server:
        yield server
        assert server.errors() == "", "nothing is logged"


@pytest.fixture
def server(process):
    process.control("reset", {})
    return process


def serve(*options, **variables):
    """Run `serve` with invalid arguments; return exit code, standard output, and the last line of standard error."""
    done = run_forked(["serve", *options], environment(**variables))
    return done.code, done.out, done.err.strip().rpartition("\n")[2]


# -- start and end ------------------------------------------------------------------------------------------------------------------


def test_it_prints_a_fake_key_pair_and_then_where_it_listens(process):
    assert process.lines == [f"NCLUE_ACCESS_KEY={ACCESS}", f"NCLUE_SECRET_KEY={SECRET}"]
    assert process.url.startswith("http://127.0.0.1:")
    assert process.url.endswith("/api/v1")


def test_a_key_pair_of_the_environment_is_accepted_and_never_printed():
    with running(NCLUE_ACCESS_KEY="EXAMPLEANOTHERKEY001", NCLUE_SECRET_KEY="EXAMPLEanotherSECRET01") as server:
        assert server.lines == []
        target = "/api/v1/tasks"
        assert server.send("GET", target, headers=signed("GET", target, "EXAMPLEANOTHERKEY001", "EXAMPLEanotherSECRET01")).status == 200
        assert server.send("GET", target, headers=signed("GET", target)).code == (401, "10100")
        assert b"EXAMPLE" not in server.control("journal").body
        assert server.errors() == ""


def test_half_a_key_pair_is_rejected():
    code, printed, said = serve(NCLUE_ACCESS_KEY=ACCESS)
    assert (code, printed) == (2, "")
    assert "NCLUE_SECRET_KEY" in said
    assert ACCESS not in said


def test_without_authentication_nothing_needs_a_signature_and_no_key_is_printed():
    with running("--no-auth") as server:
        assert server.lines == []
        assert server.send("GET", "/api/v1/tasks").status == 200


def test_a_server_that_is_started_as_by_its_users_ends_with_exit_code_0():
    """The servers of all other tests are forks of a process that has imported the package already."""
    command = [sys.executable, "-m", "nclue_contract", "serve", "--no-auth"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()) as process:
        address = process.stdout.readline().removeprefix("LISTENING ").rstrip()
        with closing(http.client.HTTPConnection(urlsplit(address).netloc, timeout=DEADLINE)) as connection:
            connection.request("GET", "/api/v1/tasks")
            assert connection.getresponse().status == 200
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read().startswith("PAGE ")
        assert (process.stderr.read(), process.wait(DEADLINE)) == ("", 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_exit_code_0_also_while_clients_are_connected(number):
    with running() as server, server.connection() as idle:
        idle.request("GET", "/_nclue/health")
        idle.getresponse().read()
        assert server.stop(number) == 0
        assert server.errors() == ""


def test_a_signal_ends_it_even_while_a_response_is_delayed():
    with running() as server, server.connection() as waiting:
        server.control("fail", {"delay_s": 600})
        waiting.request("GET", "/api/v1/tasks", headers=signed("GET", "/api/v1/tasks"))
        wait_until(server.journal)
        assert server.stop() == 0  # waits for DEADLINE seconds, not for the delay
        assert server.errors() == ""


def test_an_address_in_use_is_reported_in_a_sentence(process):
    host, port = process.address
    code, _, said = serve("--host", host, "--port", str(port))
    assert (code, said) == (2, f"nclue-contract: cannot listen on '{host}', port {port}: Address already in use")


def test_a_host_that_is_not_loopback_is_warned_about():
    with running("--host", "0.0.0.0", "--no-auth") as server:
        assert "warning: 0.0.0.0 is not loopback" in server.errors()
    with running("--host", "localhost", "--no-auth") as server:
        assert server.errors() == ""


def test_a_missing_uvicorn_is_reported_with_the_command_that_installs_it():
    script = "import sys; sys.modules['uvicorn'] = None; from nclue_contract.cli.main import main; sys.exit(main(['serve']))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'nclue-contract[server]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--port", "65536"], "65535"),
        (["--port", "x"], "--port"),
        (["--progress", "sometimes"], "manual"),
        (["--max-tasks", "0"], "is not a number from 1 on"),
        (["--failing-name", "churn"], "NAME=MESSAGE"),
        (["--reading", "path-empty=perhaps"], "path-empty"),
        (["--fault", "no-such-fault"], "no-such-fault"),
        (["--host", "no.such.host.invalid"], "no.such.host.invalid"),
    ],
)
def test_usage_errors_have_exit_code_2_and_a_sentence(options, word):
    code, printed, said = serve(*options, NCLUE_ACCESS_KEY=ACCESS, NCLUE_SECRET_KEY=SECRET)
    assert (code, printed) == (2, "")
    assert word in said


def test_readings_are_read_from_the_project_and_options_take_precedence(tmp_path):
    readings = '[tool.nclue-contract.readings]\nerror-shape = "flat"\nerror-code-type = "integer"\n'
    (tmp_path / "pyproject.toml").write_text(readings, encoding="utf-8")
    with running("--reading", "error-code-type=string", cwd=tmp_path) as server:
        answer = server.send("GET", "/api/v1/nothing", headers=signed("GET", "/api/v1/nothing"))
        assert (answer.status, answer.json()["code"]) == (404, "300")
        assert "code" in json.dumps(server.control("openapi.json").json()["components"]["schemas"]["Error"]["required"])


def test_the_options_set_what_exists_and_what_fails():
    options = ["--unknown-feature", "f0", "--unknown-file", "none.tsv", "--personal-file", "mine.tsv", "--failing-name", "a=b=LIMIT_ERROR"]
    with running(*options, "--max-tasks", "1") as server:
        assert server.create(train_feature_id="f0").code == (404, None)
        assert server.create(train_file_path="none.tsv").code == (404, "10107")
        assert server.create(test_file_path="none.tsv").code == (404, "10108")
        assert server.create(train_file_path="mine.tsv").code == (422, "10109")
        created = server.create(name="a=b").json()
        task = server.call("GET", f"/{created['task_id']}").json()
        assert (task["status"], task["fail_message"]) == ("failed", "LIMIT_ERROR")
        assert server.create(name="one too many").status == 503


def test_faults_are_listed_and_can_be_injected():
    listed = run_forked(["faults"], environment()).out.splitlines()
    assert len(listed) > 20
    with running(*(f"--fault={line.split()[0]}" for line in listed[:3])) as server:
        assert server.control("health").status == 200


# -- a task from beginning to end ---------------------------------------------------------------------------------------------------


def test_a_task_is_created_read_listed_and_deleted(server):
    created = server.create()
    assert created.status == 200
    assert created.headers["content-type"] == "application/json"
    task_id = created.json()["task_id"]
    assert server.call("GET", f"/{task_id}").json()["status"] == "completed"
    listed = server.call("GET", "?index=0&limit=1").json()
    assert ([task["task_id"] for task in listed["tasks"]], listed["total"]) == ([task_id], 1)
    assert server.call("DELETE", f"/{task_id}").json() == {"task_id": task_id}
    assert server.call("GET", f"/{task_id}").code == (404, "300")


@pytest.mark.parametrize(
    ("headers", "rule"),
    [
        ({}, "NC200"),
        (signed("GET", "/api/v1/task"), "NC208"),
        (signed("GET", "/api/v1/tasks", access="EXAMPLEUNKNOWNKEY001"), "NC209"),
        (signed("GET", "/api/v1/tasks", timestamp=1_600_000_000_000), "NC203"),
    ],
)
def test_a_request_with_an_invalid_signature_is_rejected_by_a_rule(server, headers, rule):
    answer = server.send("GET", "/api/v1/tasks", headers=headers)
    assert answer.code == (401, "10100")
    assert rule in answer.headers["x-nclue-rules"].split(", ")


def test_time_alone_brings_a_task_to_its_end():
    with running("--progress", "seconds:0.05") as server:
        path = f"/{server.create().json()['task_id']}"
        seen = []
        while not seen or seen[-1] != "completed":
            status = server.call("GET", path).json()["status"]
            seen += [status] if [status] != seen[-1:] else []
        assert seen == [word for word in ("registered", "pending", "in_progress", "completed") if word in seen]


# -- control paths ------------------------------------------------------------------------------------------------------------------


def test_health_returns_the_revision_of_the_contract(server):
    server.create()
    assert server.control("health").json() == {"status": "ok", "contract": "2026.11.0", "tasks": 1}


def test_the_journal_shows_what_was_sent_with_its_findings_and_without_secrets(server):
    server.call("POST", "", b'{"name": "churn"}', **{"X-Trace": "7", "Authorization": "Bearer secret", "Cookie": "secret"})
    (entry,) = server.journal()
    assert (entry["number"], entry["method"], entry["target"], entry["status"]) == (1, "POST", "/api/v1/tasks", 400)
    assert (entry["body"], entry["body_bytes"]) == ('{"name": "churn"}', 17)
    assert entry["rules"] == ["NC101"]
    assert {finding["pointer"] for finding in entry["findings"]} == {"/train_feature_id", "/train_bucket", "/train_file_path"}
    headers = {name.lower(): value for name, value in entry["headers"]}
    assert headers["x-trace"] == "7"
    secrets = {"x-ncp-apigw-timestamp", "x-ncp-iam-access-key", "x-ncp-apigw-signature-v2", "authorization", "cookie"}
    assert {headers[name] for name in secrets} == {"***"}


@pytest.mark.parametrize("sent", ["/api/v1/tasks", "/api/v1/tasks?"])
def test_an_empty_query_may_be_signed_with_its_question_mark_or_without(server, sent):
    """ASGI does not tell the two spellings apart."""
    for target in ("/api/v1/tasks", "/api/v1/tasks?"):
        assert server.send("GET", sent, headers=signed("GET", target)).status == 200
    for target in ("/api/v1/tasks??", "/api/v1/task", "/tasks?"):
        assert server.send("GET", sent, headers=signed("GET", target)).code == (401, "10100")
    assert server.send("GET", f"{sent.rstrip('?')}?limit=1", headers=signed("GET", sent)).code == (401, "10100")


def test_a_client_is_told_what_its_signer_does_wrong(server):
    body = json.dumps(PAYLOAD).encode()
    timestamp = str(time.time_ns() // 1_000_000)
    text = f"POST /api/v1/tasks\n{timestamp}\n{ACCESS}\n".encode() + body
    wrong = base64.b64encode(hmac.digest(SECRET.encode(), text, "sha256")).decode()
    right = signed("POST", "/api/v1/tasks", timestamp=timestamp)
    answer = server.send("POST", "/api/v1/tasks", body, right | {"x-ncp-apigw-signature-v2": wrong})
    assert (answer.code, answer.headers["x-nclue-mistakes"]) == ((401, "10100"), "body-signed")
    (entry,) = server.journal()
    assert entry["signature"]["reason"] == "signature-mismatch"
    assert [mistake["id"] for mistake in entry["signature"]["mistakes"]] == ["body-signed"]
    assert entry["signature"]["mistakes"][0]["sentence"].startswith("the body was signed")
    told = json.dumps(entry) + str(answer)
    assert not [secret for secret in (ACCESS, SECRET, wrong, right["x-ncp-apigw-signature-v2"]) if secret in told]


def test_only_a_rejected_signature_is_explained(server):
    server.call("GET")
    server.call("POST", "", b"{}")
    server.send("GET", "/api/v1/tasks")
    assert ["signature" in entry for entry in server.journal()] == [False, False, True]
    assert server.journal()[-1]["signature"]["mistakes"] == []


@pytest.mark.parametrize(
    "name", ["x-ncp-apigw-signature-v1", "X-NCP-APIGW-API-KEY", "x_ncp_iam_access_key", "x-ncp-service-secret", "X-Secret-Key", "api-key"]
)
def test_keys_under_another_name_are_masked_in_the_journal(server, name):
    """A header with underscores may be dropped on the way, but it is never shown."""
    server.send("GET", "/api/v1/tasks", headers={name: "EXAMPLESECRETVALUE"})
    assert "EXAMPLESECRETVALUE" not in json.dumps(server.journal())


def test_control_paths_leave_no_trace_in_the_journal(server):
    for name in ("health", "journal", "openapi.json", "nothing"):
        server.control(name)
    assert server.journal() == []


def test_reset_forgets_tasks_journal_and_injected_failures(server):
    server.create()
    server.control("fail", {"error": "RATE_LIMITED"})
    assert server.control("reset", {}).status == 200
    assert server.control("journal").json() == {"requests": 0, "entries": []}
    assert server.call("GET").json()["total"] == 0


def test_tasks_are_moved_by_hand():
    with running("--progress", "manual") as server:
        first, second = (server.create(name).json()["task_id"] for name in ("first", "second"))
        assert server.control("advance", {}).json() == {"moved": 2}
        assert server.call("DELETE", f"/{first}").status == 409
        assert server.control("advance", {"task_id": first, "steps": 2}).json() == {"moved": 2}
        assert server.call("GET", f"/{first}").json()["status"] == "completed"
        server.control("advance", {"task_id": second, "steps": 5, "fail_message": "DISK_SPACE_SHORTAGE"})
        task = server.call("GET", f"/{second}").json()
        assert (task["status"], task["fail_message"]) == ("failed", "DISK_SPACE_SHORTAGE")


def test_the_next_requests_fail_with_an_error_of_the_tables(server):
    server.control("fail", {"error": "RATE_LIMITED", "count": 2})
    assert [server.call("GET").status for _ in range(3)] == [429, 429, 200]
    server.control("fail", {"error": "ENDPOINT_TIMEOUT"})
    assert server.call("GET").code == (504, "510")


def test_the_next_response_is_late(server):
    # Real time, since the server is a process of its own; a slow machine only makes it later.
    server.control("fail", {"delay_s": 0.1})
    started = time.monotonic()
    assert server.call("GET").status == 200
    assert time.monotonic() - started >= 0.1


def test_a_delayed_response_delays_no_other_request():
    with running() as server, server.connection() as waiting:
        server.control("fail", {"delay_s": 600})
        waiting.request("GET", "/api/v1/tasks", headers=signed("GET", "/api/v1/tasks"))
        wait_until(server.journal)
        assert server.call("GET").status == 200  # fails after DEADLINE seconds if it waits for the other one


def test_a_body_that_is_cut_is_seen_as_broken_by_the_client(server):
    server.control("fail", {"cut": True})
    with pytest.raises(http.client.IncompleteRead):
        server.call("GET")
    assert server.call("GET").status == 200


# -- rate, sizes, shapes ------------------------------------------------------------------------------------------------------------


def test_more_than_one_request_per_second_is_rejected():
    """That a second later one is accepted again is shown on a simulated clock, in test_service.py."""
    with running("--rate-limit") as server:
        assert server.call("GET").status == 200
        # On a busy machine two requests may be more than a second apart; then the next pair is tried.
        wait_until(lambda: server.call("GET").status == 429)


def test_a_body_of_100_mb_is_rejected_and_not_stored(server):
    target = "/api/v1/tasks"
    server.create()
    before = server.memory()
    chunk = b"x" * MEBIBYTE
    answer = server.send("POST", target, (chunk for _ in range(100)), signed("POST", target) | {"content-length": str(100 * MEBIBYTE)})
    assert answer.code == (413, "430")
    assert server.memory() - before < 10
    assert server.call("GET").json()["total"] == 1


def test_the_largest_body_is_one_mebibyte(server):
    body = json.dumps(PAYLOAD).encode()
    assert server.call("POST", "", body.ljust(MEBIBYTE)).status == 200
    assert server.call("POST", "", body.ljust(MEBIBYTE + 1)).code == (413, "430")


def test_a_chunked_body_is_read_like_any_other(server):
    body = json.dumps(PAYLOAD).encode()
    assert server.call("POST", "", body).status == 200
    headers = signed("POST", "/api/v1/tasks") | {"transfer-encoding": "chunked"}
    with server.connection() as connection:
        connection.request("POST", "/api/v1/tasks", iter([body[:10], body[10:]]), headers, encode_chunked=True)
        assert connection.getresponse().status == 409


def test_100_000_fields_are_validated_and_little_of_them_is_stored(server):
    fields = ",".join(f'"{number:x}":0' for number in range(100_000))
    assert server.call("POST", "", f"{{{fields}}}".encode()).code == (400, None)
    assert len(server.control("journal").body) < 50_000


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_deep_nesting_is_a_bad_request(server, opening):
    assert server.call("POST", "", opening * 100_000).code == (400, "100")


@pytest.mark.parametrize("body", [b"", b"null", b"\xff", b"{}", b'{"name": "\\ud800"}', b'{"name": "a", "name": "b"}', b"NaN"])
def test_a_body_that_is_no_payload_is_a_bad_request(server, body):
    assert server.call("POST", "", body).status == 400


def test_a_client_that_leaves_in_the_middle_of_a_request_has_created_nothing(server):
    body = json.dumps(PAYLOAD).encode()
    head = "".join(f"{name}: {value}\r\n" for name, value in signed("POST", "/api/v1/tasks").items())
    with socket.create_connection(server.address, DEADLINE) as plug:
        plug.sendall(f"POST /api/v1/tasks HTTP/1.1\r\nhost: localhost\r\n{head}content-length: {len(body) + 1}\r\n\r\n".encode() + body)
        plug.shutdown(socket.SHUT_WR)
        assert plug.recv(1) == b""  # the server has noticed, and closed its side
    assert server.call("GET").json()["total"] == 0
    assert [entry["method"] for entry in server.journal()] == ["GET"]


@pytest.mark.parametrize(
    "text", [b"\r\n\r\n", b"hello\r\n\r\n", b"GET /api/v1/\xed\x95\x9c HTTP/1.1\r\nhost: x\r\n\r\n", b"\x16\x03\x01\x02"]
)
def test_malformed_requests_get_a_response_or_are_dropped_and_the_server_continues(server, text):
    with socket.create_connection(server.address, DEADLINE) as plug:
        plug.sendall(text)
        plug.shutdown(socket.SHUT_WR)
        while plug.recv(4096):
            pass
    assert server.control("health").status == 200


# -- methods and paths --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "PATCH", "TRACE", "FANCY"])
@pytest.mark.parametrize(("path", "allowed"), [("", "GET, POST"), ("/x", "DELETE, GET")])
def test_an_unknown_method_is_rejected_with_the_allowed_ones(server, method, path, allowed):
    answer = server.call(method, path)
    assert (answer.status, answer.headers["allow"]) == (405, allowed)
    assert bool(answer.body) == (method != "HEAD")


def test_a_method_belongs_to_its_path(server):
    assert server.call("DELETE").status == 405
    assert server.call("POST", "/x").status == 405


def test_an_id_may_be_percent_encoded_and_is_signed_as_it_is_sent(server):
    task_id = server.create().json()["task_id"]
    encoded = "".join(f"%{ord(character):02X}" for character in task_id)
    assert server.call("GET", f"/{encoded}").json()["task_id"] == task_id
    target = f"/api/v1/tasks/{encoded}"
    assert server.send("GET", target, headers=signed("GET", f"/api/v1/tasks/{task_id}")).status == 401
    assert server.journal()[-1]["target"] == target


@pytest.mark.parametrize("path", ["/", "/x", "/x/y", "/x%2Fy", "/%00", "/%ff", "/%ZZ", "/..", "/../tasks", "s", "%20", "/x?index=-1", "//"])
def test_an_unknown_path_is_not_found(server, path):
    assert server.call("GET", path).code == (404, "300")


@pytest.mark.parametrize("target", ["/", "/tasks", "/api/v2/tasks", "/API/v1/tasks", "/_nclu", "*"])
def test_what_is_not_below_the_prefix_is_not_found(server, target):
    assert server.send("GET", target, headers=signed("GET", target)).code == (404, "300")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "index=-1", "index=x", "limit=", "limit=1e1", "limit=%C2%B2", "index=" + "9" * 5000]
)
def test_a_page_out_of_range_is_a_bad_request(server, query):
    assert server.call("GET", f"?{query}").code == (400, None)


# -- many at once -------------------------------------------------------------------------------------------------------------------


def test_of_two_create_requests_with_one_name_at_the_same_time_exactly_one_succeeds(server):
    rounds = 200
    together = threading.Barrier(2, timeout=DEADLINE)

    def create(number, connection):
        body = json.dumps(PAYLOAD | {"name": f"task {number}"})
        headers = signed("POST", "/api/v1/tasks")
        together.wait()
        connection.request("POST", "/api/v1/tasks", body, headers)
        response = connection.getresponse()
        response.read()
        return response.status

    def client():
        with server.connection() as connection:
            return [create(number, connection) for number in range(rounds)]

    with ThreadPoolExecutor(2) as pool:
        ours, theirs = (client.result() for client in [pool.submit(client) for _ in range(2)])
    assert [sorted(pair) for pair in zip(ours, theirs, strict=True)] == [[200, 409]] * rounds
    assert server.call("GET").json()["total"] == rounds


def test_responses_on_an_open_connection_are_not_delayed():
    """Nagle's algorithm would delay each by 40 ms; it is off for the connections of the server."""
    with LoopbackServer(Service()) as server, closing(http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=DEADLINE)) as client:
        client.request("GET", "/api/v1/tasks")
        client.getresponse().read()
        (connection,) = server._server.server_state.connections  # noqa: SLF001  # uvicorn offers no other way to its sockets
        accepted = connection.transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_requests_that_arrive_in_one_packet_are_answered_in_their_order(server):
    def request(target):
        head = "".join(f"{name}: {value}\r\n" for name, value in signed("GET", target).items())
        return f"GET {target} HTTP/1.1\r\nhost: localhost\r\n{head}\r\n".encode()

    with socket.create_connection(server.address, DEADLINE) as plug:
        plug.sendall(request("/api/v1/tasks?limit=7") + request("/api/v1/tasks?limit=8"))
        plug.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: plug.recv(65536), b""))
    assert received.count(b"HTTP/1.1 200") == 2
    assert 0 < received.index(b'"limit": 7') < received.index(b'"limit": 8')
