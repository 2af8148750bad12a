"""The proxy between real clients and real servers on loopback: what passes, what is found, and what happens when a side fails."""

import gzip
import http.client
import json
import signal
import socket
import ssl
import subprocess
import sys
import threading
from contextlib import closing

import httpx
import pytest
import requests

from nclue_contract.clients import Signer
from nclue_contract.signing import EXAMPLE
from tests.support.forked_command import run_forked
from tests.support.payloads import PAYLOAD, TASK
from tests.support.server_process import DEADLINE, environment, running
from tests.support.signing import ACCESS, SECRET, signed
from tests.support.stub_servers import answering, certificates, listening, received, response, sending, url

TILDE = PAYLOAD | {"train_file_path": "a~b.tsv"}


@pytest.fixture(scope="module")
def server():
    """Run the reference server."""
    with running("--progress", "reads:1") as server:
        yield server


@pytest.fixture
def proxy(server):
    """Run a proxy before the reference server, which has no tasks."""
    server.control("reset", {})
    with running(server.url, name="proxy") as proxy:
        yield proxy


def ended(proxy, number=signal.SIGINT):
    """End a proxy; return its exit code and what it has printed since it listens."""
    code = proxy.stop(number)
    return code, proxy.rest()


# -- real clients -----------------------------------------------------------------------------------------------------------------------


def client_run(send, base):
    """Send what a client might; return status and body of each response."""
    created = send("POST", f"{base}/tasks", PAYLOAD)
    task = f"{base}/tasks/{created[1]['task_id']}"
    rest = [send("POST", f"{base}/tasks", TILDE), send("POST", f"{base}/tasks", PAYLOAD | {"name": "이탈 예측 \U0001f600"})]
    rest += [send("GET", task) for _ in range(3)]
    return [created, *rest, send("GET", f"{base}/tasks?index=0&limit=1"), send("DELETE", task), send("GET", task)]


NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Without authorities: to load those of the system takes longer than a request."""


def by_httpx(method, target, payload=None):
    done = httpx.request(method, target, json=payload, auth=Signer(EXAMPLE), timeout=DEADLINE, verify=NO_TLS)
    return done.status_code, done.json()


def by_requests(method, target, payload=None):
    done = requests.request(method, target, json=payload, auth=Signer(EXAMPLE), timeout=DEADLINE)
    return done.status_code, done.json()


@pytest.mark.parametrize("send", [by_httpx, by_requests])
def test_clients_get_the_same_with_the_proxy_as_without(server, proxy, send):
    def unlike_times(results):
        return json.loads(json.dumps(results).replace("created_at", "x")), [status for status, _ in results]

    through = client_run(send, proxy.url)
    server.control("reset", {})
    direct = client_run(send, server.url)
    for one, other in zip(through, direct, strict=True):
        for body in (one[1], other[1]):
            for name in ("created_at", "completed_at", "task_id", "tasks", "train_feature_name"):
                body.pop(name, None)
    assert unlike_times(through) == unlike_times(direct)
    code, lines = ended(proxy)
    assert code == 1
    assert [line for line in lines if line.startswith("proxy:")] == ["proxy:3:1: error NC120 path-character"]
    assert lines[-1].startswith("9 exchanges: 8 valid, 1 invalid (1 error")


def test_findings_are_printed_as_they_happen(proxy):
    by_httpx("POST", f"{proxy.url}/tasks", TILDE)
    assert proxy.line() == "proxy:2:1: error NC120 path-character"
    by_httpx("GET", f"{proxy.url}/tasks?limit=0")
    lines = list(iter(proxy.line, "proxy:3:1: error NC505 query-range"))
    assert "  in:         request of entry 0, POST /api/v1/tasks (response 422)" in lines


def test_a_connection_is_kept_and_the_server_sees_the_request_as_it_was_sent(server, proxy):
    with proxy.connection() as connection:
        sockets = set()
        for number in range(5):
            target = f"/api/v1/tasks?index={number}&limit=%31"
            connection.request("GET", target, headers=signed("GET", target) | {"x-note": "a  b", "accept-encoding": "identity"})
            answer = connection.getresponse()
            assert (answer.status, bool(answer.read())) == (200, True)
            sockets.add(connection.sock)
        assert len(sockets) == 1
    entries = server.journal()
    assert [entry["target"] for entry in entries] == [f"/api/v1/tasks?index={number}&limit=%31" for number in range(5)]
    headers = dict(entries[0]["headers"])
    assert headers["host"] == "{}:{}".format(*server.address)
    assert (headers["x-note"], headers["accept-encoding"]) == ("a  b", "identity")
    assert ended(proxy)[0] == 0


def test_signatures_are_verified_with_the_key_of_the_environment(server, tmp_path):
    report = tmp_path / "report"
    with running(server.url, "--report", f"jsonl:{report}", name="proxy", NCLUE_ACCESS_KEY=ACCESS, NCLUE_SECRET_KEY=SECRET) as proxy:
        for path in ("", "?index=0"):
            assert proxy.send("GET", f"/api/v1/tasks{path}", headers=signed("GET", "/api/v1/tasks")).status == (401 if path else 200)
        ended(proxy)
    entries = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
    assert [[one["rule"] for one in entry["findings"]] for entry in entries] == [[], ["NC208"]]


def test_what_clients_sign_below_another_prefix_is_verified(tmp_path):
    report, headers = tmp_path / "report", signed("GET", "/api/v1/tasks")
    keys = {"NCLUE_ACCESS_KEY": ACCESS, "NCLUE_SECRET_KEY": SECRET}
    listed = answering(lambda _: response(200, {"index": 0, "limit": 20, "total": 0, "tasks": []}))
    options = ["--signed-prefix", "/api/v1", "--report", f"jsonl:{report}"]
    with listening(listed) as port, running(f"{url(port)}/nclue", *options, name="proxy", **keys) as proxy:
        assert proxy.send("GET", "/nclue/tasks", headers=headers).status == 200
        assert ended(proxy)[0] == 0
    assert json.loads(report.read_text(encoding="utf-8"))["findings"] == []


def test_a_closed_standard_output_does_not_stop_the_proxy(server):
    command = [sys.executable, "-m", "nclue_contract", "proxy", server.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()) as process:
        base = process.stdout.readline().split()[1]
        process.stdout.close()
        assert [by_httpx("POST", f"{base}/tasks", TILDE)[0] for _ in range(3)] == [422] * 3
        process.send_signal(signal.SIGINT)
        assert (process.stderr.read(), process.wait(DEADLINE)) == ("", 3)


def test_in_formats_for_programs_standard_output_has_the_report_only(server):
    command = [sys.executable, "-m", "nclue_contract", "proxy", server.url, "--format", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stderr.readline().startswith("LISTENING http://127.0.0.1:")
        assert process.stderr.readline().startswith("PAGE http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=DEADLINE)
    assert (json.loads(out)["exchanges"], err, process.returncode) == ([], "", 3)


def test_many_clients_at_the_same_time(proxy):
    def run(number, results):
        results[number] = [proxy.create(f"{number}-{n}").status for n in range(5)]

    results = {}
    threads = [threading.Thread(target=run, args=(number, results)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: [200] * 5 for number in range(8)}
    code, lines = ended(proxy, signal.SIGTERM)
    assert (code, lines[-1].partition(" [")[0]) == (0, "40 exchanges: 40 valid")


# -- bytes ------------------------------------------------------------------------------------------------------------------------------


def test_a_response_is_passed_on_byte_for_byte():
    body = gzip.compress(json.dumps(TASK).encode())
    answer = response(200, body, "content-encoding: gzip", "X-Odd:  a  b ", "set-cookie: a=1", "set-cookie: b=2")
    with listening(sending(answer)) as port, running(f"{url(port)}/api/v1", name="proxy") as proxy, proxy.connection() as connection:
        connection.request("POST", "/api/v1/tasks", json.dumps(PAYLOAD), signed("POST", "/api/v1/tasks"))
        got = connection.getresponse()
        assert (got.status, got.read()) == (200, body)
        expected = [
            ("content-type", "application/json"),
            ("content-length", str(len(body))),
            ("content-encoding", "gzip"),
            ("X-Odd", "a  b"),
        ]
        assert got.getheaders() == [*expected, ("set-cookie", "a=1"), ("set-cookie", "b=2")]
        assert ended(proxy)[1][-1].startswith("1 exchange: ")  # the body was decoded to be judged


def test_a_chunked_response_and_one_without_a_length_are_passed_on():
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
    until_closed = b"HTTP/1.0 200 OK\r\n\r\nabcde"

    def talk(connection):
        request = received(connection)
        connection.sendall(chunked if request.target.endswith("chunked") else until_closed)

    with listening(talk) as port, running(url(port), name="proxy") as proxy:
        for path in ("chunked", "closed"):
            answer = proxy.send("GET", f"/{path}")
            assert (answer.status, answer.body, answer.headers) == (200, b"abcde", {"transfer-encoding": "chunked"})


def test_a_chunked_request_is_passed_on_as_one(server, proxy):
    chunks = [json.dumps(PAYLOAD | {"name": "chunked"})[:20].encode(), json.dumps(PAYLOAD | {"name": "chunked"})[20:].encode()]
    headers = signed("POST", "/api/v1/tasks") | {"content-type": "application/json"}
    assert httpx.post(f"{proxy.url}/tasks", content=iter(chunks), headers=headers, timeout=DEADLINE).status_code == 200
    assert ("transfer-encoding", "chunked") in [tuple(pair) for pair in server.journal()[-1]["headers"]]
    assert ended(proxy)[0] == 0


def test_headers_of_one_hop_are_not_passed_on():
    seen = []

    def answer(request):
        seen.append(request)
        return response(200, {}, "connection: X-Hop", "x-hop: 1", "keep-alive: timeout=5", "x-kept: 1")

    with listening(answering(answer)) as port, running(url(port), name="proxy") as proxy:
        got = proxy.send("GET", "/tasks", headers={"Connection": "x-mine", "X-Mine": "1", "TE": "trailers", "X-Kept": "1", "Expect": "x"})
        assert set(got.headers) == {"content-type", "content-length", "x-kept"}
    names = {name for name, _ in seen[0].headers}
    assert names & {"connection", "x-mine", "te", "x-kept"} == {"x-kept"}


@pytest.mark.parametrize(("options", "expected"), [([], "127.0.0.1"), (["--keep-host"], "nclue.example.com")])
def test_the_host_is_rewritten_or_kept(options, expected):
    seen = []

    def answer(request):
        seen.append(request.header("host"))
        return response()

    allowed = ["--allow-host", "nclue.example.com"]
    with listening(answering(answer)) as port, running(url(port), *options, *allowed, name="proxy") as proxy:
        proxy.send("GET", "/tasks", headers={"Host": "nclue.example.com"})
        assert seen == [[f"{expected}:{port}" if not options else expected]]


def test_a_host_that_a_web_page_has_chosen_reaches_neither_the_server_nor_the_page(server, proxy):
    assert proxy.page == f"{proxy.origin}/_nclue/"
    for path in ("/api/v1/tasks", "/_nclue/", "/_nclue/events", "/_nclue/health"):
        answer = proxy.send("GET", path, headers={"Host": "rebound.example"})
        assert (answer.status, "nclue-contract proxy --allow-host rebound.example" in answer.json()["problem"]) == (421, True)
    assert server.journal() == []
    assert ended(proxy)[0] == 3  # nothing was judged


def test_the_host_of_the_server_behind_is_allowed_as_well():
    """No server has this address (RFC 5737), so a request that is passed on gets no response."""
    with running("http://192.0.2.1", "--timeout", "0.1", name="proxy") as proxy:
        statuses = [proxy.send("GET", "/tasks", headers={"Host": host}).status for host in ("192.0.2.1:80", "192.0.2.2")]
        assert statuses in ([504, 421], [502, 421])


def test_a_head_request_and_a_response_without_content_are_passed_on():
    def answer(request):
        return b"HTTP/1.1 204 No Content\r\n\r\n" if request.method == "DELETE" else b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"

    with listening(answering(answer)) as port, running(url(port), name="proxy") as proxy:
        assert proxy.send("HEAD", "/tasks").headers == {"content-length": "5"}
        assert proxy.send("DELETE", f"/tasks/{TASK['task_id']}").status == 204


def test_a_long_body_streams_through_and_is_not_judged():
    size = 3 << 20

    def answer(request):
        return response(200, b" " * len(request.body))

    with listening(answering(answer)) as port, running(url(port), "--cap", "1000", name="proxy") as proxy:
        got = proxy.send("POST", "/tasks", b"x" * size)
        assert len(got.body) == size
        code, lines = ended(proxy)
        # No finding is about a body; that the request is not signed is a warning, since nothing rejected it.
        assert (code, [line.split()[1:3] for line in lines if line.startswith("proxy:")]) == (0, [["warning", "NC200"]] * 3)


# -- sides that fail --------------------------------------------------------------------------------------------------------------------


def test_a_server_that_is_not_there_is_a_finding_and_502():
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    with running(url(port), name="proxy") as proxy:
        answer = proxy.send("GET", "/tasks", headers=signed("GET", "/tasks"))
        assert (answer.status, answer.json(), answer.headers["x-nclue-proxy"]) == (
            502,
            {"problem": "no connection to the server"},
            "no-response",
        )
        code, lines = ended(proxy)
        assert code == 1
        assert "  no complete response: no connection to the server" in "\n".join(lines) or "  no connection to the server" in lines


@pytest.mark.parametrize(
    ("answer", "status"),
    [(b"", 502), (b"nonsense\r\n\r\n", 502), (b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", 502)],
)
def test_a_response_that_is_no_http_is_502(answer, status):
    def talk(connection):
        received(connection)
        connection.sendall(answer)

    with listening(talk) as port, running(url(port), name="proxy") as proxy:
        assert proxy.send("GET", "/tasks").status == status
        assert ended(proxy)[0] == 1


def test_a_body_that_is_cut_off_is_cut_off_for_the_client_and_a_finding():
    def talk(connection):
        received(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{}")

    with listening(talk) as port, running(url(port), name="proxy") as proxy:
        with pytest.raises(http.client.IncompleteRead) as raised:
            proxy.send("GET", "/tasks", headers=signed("GET", "/tasks"))
        assert raised.value.partial == b"{}"
        code, lines = ended(proxy)
        assert (code, [line.split()[2] for line in lines if line.startswith("proxy:")]) == (1, ["NC602"])
        assert proxy.errors() == ""


def test_a_server_that_does_not_respond_is_504():
    gone = threading.Event()

    def talk(connection):
        received(connection)
        gone.wait(DEADLINE)

    with listening(talk) as port, running(url(port), "--timeout", "0.2", name="proxy") as proxy:
        answer = proxy.send("GET", "/tasks")
        gone.set()
        assert (answer.status, answer.json()) == (504, {"problem": "nothing came from the server for 0.2 s"})


def test_a_slow_server_is_waited_for_and_its_bytes_come_as_they_are_sent():
    first_read = threading.Event()

    def talk(connection):
        received(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab")
        assert first_read.wait(DEADLINE)
        connection.sendall(b"cd")

    with listening(talk) as port, running(url(port), name="proxy") as proxy, proxy.connection() as connection:
        connection.request("GET", "/tasks")
        got = connection.getresponse()
        assert got.read(2) == b"ab"  # before the server sends the rest
        first_read.set()
        assert got.read() == b"cd"


def test_a_client_that_leaves_is_no_error(server, proxy):
    with closing(socket.create_connection(proxy.address, timeout=DEADLINE)) as connection:
        connection.sendall(b"POST /api/v1/tasks HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
    assert by_httpx("GET", f"{proxy.url}/tasks")[0] == 200
    assert ended(proxy)[0] == 0
    assert proxy.errors() == ""
    assert server.errors() == ""


# -- TLS --------------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    authority, chain, key = certificates(tmp_path_factory.mktemp("tls"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    with listening(sending(response(200, {"ok": 1})), wrap=lambda connection: context.wrap_socket(connection, server_side=True)) as port:
        yield f"https://127.0.0.1:{port}", authority


def test_a_server_with_tls_is_reached_if_its_authority_is_trusted(tls):
    base, authority = tls
    with running(base, "--cacert", str(authority), name="proxy") as proxy:
        assert proxy.send("GET", "/tasks").json() == {"ok": 1}
    with running(base, name="proxy") as proxy:
        assert proxy.send("GET", "/tasks").status == 502


# -- what is not passed on --------------------------------------------------------------------------------------------------------------


def test_block_answers_payloads_that_break_a_documented_rule_and_passes_all_others_on(server):
    server.control("reset", {})
    with running(server.url, "--block", name="proxy") as proxy:
        answer = proxy.call("POST", payload=TILDE)
        assert (answer.code, answer.headers["x-nclue-proxy"], answer.headers["x-nclue-rules"]) == ((422, "10104"), "blocked", "NC120")
        assert proxy.call("POST", payload=b"{").status == 422
        assert server.journal() == []
        # Contested by the pages, undecided, or right: the server decides.
        statuses = [
            proxy.create(name, **changes).status for name, changes in (("a", {"train_file_path": "a=b"}), ("b", {"x": "y"}), ("c", {}))
        ]
        assert statuses == [422, 200, 200]
        assert len(server.journal()) == 3
        code, lines = ended(proxy)
        assert code == 1
        # The answers of the proxy are not judged as those of the server.
        assert [line for line in lines if line.startswith("  error-shape")] == ["  error-shape=nested, by proxy:4 (index 2)"]


def test_a_payload_that_is_too_long_to_be_judged_is_passed_on(server):
    with running(server.url, "--block", "--cap", "50", name="proxy") as proxy:
        assert proxy.call("POST", payload=TILDE | {"name": "x" * 60}).headers.get("x-nclue-proxy") is None


def test_only_so_many_create_requests_are_passed_on_as_are_allowed(server):
    server.control("reset", {})
    with running(server.url, "--allow-create", "2", name="proxy") as proxy:
        answers = [proxy.create(name) for name in "abc"]
        assert [answer.status for answer in answers] == [200, 200, 403]
        assert answers[2].headers["x-nclue-proxy"] == "not-allowed"
        assert proxy.call("GET").status == 200
        assert len(server.journal()) == 3


def command(*options):
    """Run `proxy` with invalid options; return exit code and the last line of standard error."""
    done = run_forked(["proxy", *options], environment())
    return done.code, done.err.strip().rpartition("\n")[2]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["https://nclue.apigw.ntruss.com/api/v1"], "tasks on the real service are billed; --allow-create N says how many"),
        (["example.com"], "'example.com' is not a valid URL"),
        (["http://127.0.0.1:1", "--cap", "0"], "'0' is not a number from 1 on"),
        (["https://127.0.0.1:1", "--cacert", "none.pem"], "--cacert: none.pem holds no certificates in PEM"),
        (["http://127.0.0.1:1", "--host", "256.0.0.1"], "cannot listen on '256.0.0.1', port 0"),
        (["http://127.0.0.1:1", "--har", "none/a.har"], "--har: 'har:none/a.har': there is no folder none"),
    ],
)
def test_options_that_cannot_be_used_are_errors(options, says):
    code, line = command(*options)
    assert code == 2
    assert says in line


# -- recording --------------------------------------------------------------------------------------------------------------------------


def test_a_har_has_all_exchanges_and_no_secret_and_is_judged_alike(server, tmp_path):
    server.control("reset", {})
    har = tmp_path / "a.har"
    with running(server.url, "--har", str(har), name="proxy", NCLUE_ACCESS_KEY=ACCESS, NCLUE_SECRET_KEY=SECRET) as proxy:
        client_run(by_httpx, proxy.url)
        sent = signed("POST", "/api/v1/tasks")
        proxy.send(
            "POST", "/api/v1/tasks", json.dumps(PAYLOAD | {"name": f"{SECRET} {ACCESS}"}).encode(), sent | {"cookie": "a=EXAMPLECOOKIE"}
        )
        assert not har.exists()  # it appears whole
        code, lines = ended(proxy)
    text = har.read_text(encoding="utf-8")
    assert [
        secret for secret in (SECRET, ACCESS, sent["x-ncp-apigw-signature-v2"], "EXAMPLECOOKIE") if secret in text + "\n".join(lines)
    ] == []
    entries = json.loads(text)["log"]["entries"]
    assert [entry["response"]["status"] for entry in entries] == [200, 422, 200, 200, 200, 200, 200, 200, 404, 200]
    again = run_forked(["traffic", har], environment())
    judged = again.out.splitlines()
    judged.remove("not verified: 10 signatures, because the recorder has replaced what it takes")
    assert (again.code, judged) == (code, lines)


def test_the_report_is_written_at_the_end_in_any_format(server, tmp_path):
    server.control("reset", {})
    with running(server.url, "--report", f"json:{tmp_path / 'r.json'}", "--side", "server", name="proxy") as proxy:
        proxy.call("POST", payload=TILDE)
        assert ended(proxy)[0] == 0
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert [(entry["operation"], entry["status"], entry["valid"]) for entry in report["exchanges"]] == [("createTask", 422, True)]


def test_a_server_that_breaks_the_contract_is_found():
    changed = answering(lambda _: response(200, TASK | {"task_name": "X"}))
    with listening(changed) as port, running(f"{url(port)}/api/v1", "--ignore", "NC405", name="proxy") as proxy:
        answer = proxy.call("POST", payload=PAYLOAD)
        code, lines = ended(proxy)
    assert (answer.status, answer.json()["task_name"]) == (200, "X")  # the proxy changes nothing
    assert (code, [line.split()[1:3] for line in lines if line.startswith("proxy:")]) == (1, [["error", "NC307"]])
