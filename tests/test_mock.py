"""The mock: httpx and httpx2, synchronous and not, get responses of the service; other hosts, and everything afterwards, are unaffected."""

import asyncio
import importlib
import json
import re
import ssl
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import httpx2
import pytest
import respx
import vcr

from nclue_contract.contract.readings import Readings
from nclue_contract.guard import guard
from nclue_contract.mock import Mock, mock
from nclue_contract.service.lifecycle import ProgressMode
from nclue_contract.service.service import Service
from nclue_contract.service.store import ExternalData, Store
from nclue_contract.signing import Credentials, signed_headers
from tests.support.payloads import PAYLOAD
from tests.support.signing import ACCESS, SECRET

pytest_plugins = ("pytester",)

URL = "https://nclue.apigw.ntruss.com/api/v1"
KEYS = Credentials(ACCESS, SECRET)
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # one for all, because creating one with all certificates takes time
NOW_MS = 1_764_000_000_000


def sync_call(library, method, url, client=None, timeout=5, **options):
    """One request of a synchronous client."""
    with library.Client(**{"timeout": timeout, "verify": TLS} | (client or {})) as one:
        return one.request(method, url, **options)


def async_call(library, method, url, client=None, timeout=5, **options):
    """One request of an asynchronous client, in an event loop of its own."""

    async def send():
        async with library.AsyncClient(**{"timeout": timeout, "verify": TLS} | (client or {})) as one:
            return await one.request(method, url, **options)

    return asyncio.run(send())


CLIENTS = {
    "httpx": (httpx, sync_call),
    "httpx-async": (httpx, async_call),
    "httpx2": (httpx2, sync_call),
    "httpx2-async": (httpx2, async_call),
}


@pytest.fixture(params=CLIENTS)
def call(request):
    """Return a function (method, path or URL, options) -> response, per library, synchronous and not; `call.library` is the library."""
    library, send = CLIENTS[request.param]

    def call(method, url, **options):
        return send(library, method, url if "://" in url else URL + url, **options)

    call.library = library
    call.is_async = send is async_call
    return call


of_httpx = pytest.mark.parametrize("call", ["httpx", "httpx-async"], indirect=True)  # respx knows no other library


@pytest.fixture
def nclue():
    with mock(clock=lambda: NOW_MS) as nclue:
        yield nclue


@pytest.fixture(scope="module")
def other_host():
    """Start a server on loopback that returns what it receives; return its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            answer = json.dumps({"path": self.path, "body": body.decode()}).encode()
            self.send_response(203)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST  # noqa: N815  # the name is given

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def transports():
    return [
        vars(owner)[name]
        for library in (httpx, httpx2)
        for owner, name in ((library.HTTPTransport, "handle_request"), (library.AsyncHTTPTransport, "handle_async_request"))
    ]


# -- what a test sees ---------------------------------------------------------------------------------------------------


def test_a_task_is_created_read_listed_and_deleted(call, nclue):
    created = call("POST", "/tasks", json=PAYLOAD)
    assert created.status_code == 200
    assert created.headers["content-type"] == "application/json"
    assert created.headers["content-length"] == str(len(created.content))
    assert created.json()["task_name"] == "churn"
    task_id = created.json()["task_id"]
    found = call("GET", f"/tasks/{task_id}")
    assert found.json()["status"] == "completed"
    assert nclue.tasks == [found.json()]
    listed = call("GET", "/tasks", params={"index": 0, "limit": 5}).json()
    assert (listed["index"], listed["limit"], listed["total"], listed["tasks"][0]["task_id"]) == (0, 5, 1, task_id)
    assert call("DELETE", f"/tasks/{task_id}").json() == {"task_id": task_id}
    assert call("GET", f"/tasks/{task_id}").status_code == 404
    assert nclue.tasks == []
    assert [entry["number"] for entry in nclue.requests] == [1, 2, 3, 4, 5]
    assert [entry["target"] for entry in nclue.requests][2] == "/api/v1/tasks?index=0&limit=5"


def test_a_rejected_request_names_the_rules_it_broke_and_where(call, nclue):
    answer = call("POST", "/tasks", json=PAYLOAD | {"name": "", "train_file_path": "a~b"})
    assert answer.status_code == 400
    assert answer.headers["x-nclue-rules"] == "NC110, NC120"
    entry = nclue.requests[-1]
    assert (entry["status"], entry["rules"]) == (400, ["NC110", "NC120"])
    assert [(finding["rule"], finding["pointer"], finding["character"]) for finding in entry["findings"]] == [
        ("NC110", "/name", None),
        ("NC120", "/train_file_path", "U+007E"),
    ]
    assert "x-nclue-rules" not in call("POST", "/tasks", json=PAYLOAD).headers


def test_a_task_can_be_polled_until_it_is_ready(call):
    with mock(progress="reads:1") as nclue:
        task_id = call("POST", "/tasks", json=PAYLOAD).json()["task_id"]
        words = [call("GET", f"/tasks/{task_id}").json()["status"] for _ in range(5)]
        assert nclue.tasks[0]["status"] == "completed"
    assert words == ["registered", "pending", "in_progress", "completed", "completed"]


def test_looking_at_the_tasks_of_the_mock_is_not_a_read():
    with mock(progress="reads:1") as nclue:
        httpx.post(f"{URL}/tasks", json=PAYLOAD)
        assert [nclue.tasks[0]["status"] for _ in range(5)] == ["registered"] * 5


def test_tasks_move_with_the_clock_of_the_mock(call):
    now = [NOW_MS]
    with mock(progress="seconds:10", clock=lambda: now[0]) as nclue:
        call("POST", "/tasks", json=PAYLOAD)
        seen = []
        for seconds in (0, 9, 1, 10, 10):
            now[0] += seconds * 1000
            seen.append(nclue.tasks[0]["status"])
    assert seen == ["registered", "registered", "pending", "in_progress", "completed"]


def test_tasks_are_moved_and_failed_by_hand(call):
    with mock(progress="manual") as nclue:
        first = call("POST", "/tasks", json=PAYLOAD).json()["task_id"]
        call("POST", "/tasks", json=PAYLOAD | {"name": "second"})
        assert nclue.advance(first) == 1
        assert [task["status"] for task in nclue.tasks] == ["pending", "registered"]
        assert nclue.advance() == 2
        assert nclue.advance(first, fail_message="COMMON_ERROR") == 1
        assert (nclue.tasks[0]["status"], nclue.tasks[0]["fail_message"]) == ("failed", "COMMON_ERROR")
        assert nclue.advance(first) == 0
        assert nclue.advance("no such task") == 0


def test_reset_removes_all_tasks_and_the_mock_still_responds(call, nclue):
    call("POST", "/tasks", json=PAYLOAD)
    nclue.fail_next(3, error="FORBIDDEN")
    nclue.reset()
    assert (nclue.tasks, nclue.requests, list(nclue.router.calls)) == ([], [], [])
    assert call("POST", "/tasks", json=PAYLOAD).status_code == 200


def test_a_mock_is_created_from_options_in_any_form():
    with mock(
        keys=None,
        readings={"error-shape": "flat", "error-code-type": "integer"},
        progress=ProgressMode("manual"),
        world=ExternalData(unknown_files=frozenset({"gone.tsv"})),
        store=Store(max_tasks=1),
        new_id=lambda: "the-id",
        rate_limit=False,
    ) as nclue:
        rejected = httpx.post(f"{URL}/tasks", json=PAYLOAD | {"train_file_path": "gone.tsv"})
        assert rejected.json() == {"code": 10107, "message": "TRAIN_PATH_NOT_FOUND"}
        assert httpx.post(f"{URL}/tasks", json=PAYLOAD).json()["task_id"] == "the-id"
        assert httpx.post(f"{URL}/tasks", json=PAYLOAD | {"name": "no room"}).status_code == 503
        assert nclue.tasks[0]["status"] == "registered"
    with mock(readings=Readings.choose(("test", {"error-shape": "flat"}))):
        assert httpx.get(f"{URL}/tasks/none").json()["code"] == "300"


@pytest.mark.parametrize(
    ("arguments", "named", "sentence"),
    [
        ((), {"keys": "AKIDEXAMPLE"}, "keys is a mapping of access keys to secret keys, not a string"),
        ((), {"keys": ["AKIDEXAMPLE", "secret"]}, "keys is a mapping of access keys to secret keys, not an array"),
        ((), {"world": {"failing_files": {}}}, "fixture_data is an ExternalData object, not an object"),
        (({"AKIDEXAMPLE": "secret"},), {}, "service is a Service, not an object; keys and options are given by name, as in mock(keys=...)"),
    ],
    ids=["text", "list", "world", "keys without their name"],
)
def test_arguments_of_another_type_are_named_at_once(arguments, named, sentence):
    with pytest.raises(TypeError, match=f"^{re.escape(sentence)}$"):
        mock(*arguments, **named)


def test_a_mock_wraps_a_service_or_creates_one_but_not_both():
    service = Service()
    with mock(service) as nclue:
        assert nclue.service is service
        httpx.post(f"{URL}/tasks", json=PAYLOAD)
    assert len(service.store) == 1
    with pytest.raises(TypeError, match="no service"):
        mock(service, progress="manual")
    with pytest.raises(TypeError, match="no service"):
        mock(service, keys={})


@pytest.mark.parametrize("options", [{"progress": "soon"}, {"readings": {"queue": "fast"}}, {"readings": {"queu": "serial"}}])
def test_invalid_options_are_rejected_before_anything_is_patched(options):
    before = transports()
    with pytest.raises(ValueError, match=r"progress|queue"):
        mock(**options)
    assert transports() == before


# -- signatures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target", ["/tasks?limit=5&index=0", "/tasks?", "/tasks?index=&index", "/tasks/a%20b?x=1%202&y=%EA%B0%80", "/tasks/a+b?x=1+2"]
)
def test_the_signature_is_verified_for_what_is_really_sent(call, target):
    with mock(keys=KEYS, clock=lambda: NOW_MS) as nclue:
        signed = signed_headers("GET", "/api/v1" + target, KEYS, NOW_MS)
        assert call("GET", target, headers=signed).status_code != 401
        assert nclue.requests[-1]["target"] == "/api/v1" + target
        twisted = signed_headers("GET", "/api/v1/tasks?index=0&limit=5", KEYS, NOW_MS)
        rejected = call("GET", target, headers=twisted)
    assert (rejected.status_code, rejected.headers["x-nclue-rules"]) == (401, "NC208")


def test_a_space_is_signed_as_the_client_encodes_it(call):
    with mock(keys={KEYS.access_key: KEYS.secret_key}, clock=lambda: NOW_MS):
        for target, status in (("/api/v1/tasks/a%20b", 404), ("/api/v1/tasks/a+b", 401)):
            assert call("GET", "/tasks/a b", headers=signed_headers("GET", target, KEYS, NOW_MS)).status_code == status


def test_a_target_that_replaces_the_path_of_the_url_is_what_counts(call, nclue):
    call("GET", "/tasks", extensions={"target": b"/api/v1/tasks/%zz?~^"})
    assert nclue.requests[-1]["target"] == "/api/v1/tasks/%zz?~^"


@pytest.mark.parametrize("target", ["/api/v1/tasks", "/api/v1/tasks?"])
def test_an_empty_query_may_be_signed_with_its_question_mark_or_without(call, target):
    with mock(keys=KEYS, clock=lambda: NOW_MS):
        assert call("GET", "/tasks?", headers=signed_headers("GET", target, KEYS, NOW_MS)).status_code == 200
        alone = call("GET", "/tasks", headers=signed_headers("GET", target, KEYS, NOW_MS))
    assert alone.status_code == (401 if target.endswith("?") else 200), "without a query there is no question mark"


def test_a_client_is_told_what_its_signer_does_wrong(call):
    with mock(keys=KEYS, clock=lambda: NOW_MS) as nclue:
        zone = signed_headers("GET", "/api/v1/tasks", KEYS, NOW_MS + 9 * 3_600_000)
        refused = [call("GET", "/tasks?limit=5", headers=zone), call("GET", "/tasks", headers={"x-ncp-apigw-signature-v1": "CANARY"})]
        assert call("GET", "/tasks", headers=signed_headers("GET", "/api/v1/tasks", KEYS, NOW_MS)).status_code == 200
    assert [answer.headers["x-nclue-mistakes"] for answer in refused] == ["timestamp-time-zone, query-missing", "header-version-1"]
    told = [entry.get("signature") for entry in nclue.requests]
    assert [signature and signature["reason"] for signature in told] == ["timestamp-skew", "header-missing", None]
    assert [mistake["id"] for mistake in told[0]["mistakes"]] == ["timestamp-time-zone", "query-missing"]
    assert all(mistake["sentence"] in told[0]["sentence"] for mistake in told[0]["mistakes"])
    assert "CANARY" not in json.dumps(nclue.requests)


def test_an_unsigned_request_is_rejected_and_no_secret_gets_into_the_journal(call):
    with mock(keys=KEYS, clock=lambda: NOW_MS) as nclue:
        assert call("GET", "/tasks").status_code == 401
        signed = signed_headers("GET", "/api/v1/tasks", KEYS, NOW_MS)
        assert call("GET", "/tasks", headers=signed).status_code == 200
        received = json.dumps(nclue.requests)
        capitals = {name.upper(): value for name, value in signed_headers("GET", "/api/v1/tasks", KEYS, NOW_MS).items()}
        assert call("GET", "/tasks", headers=capitals | {"Proxy-Authorization": "CANARY"}).status_code == 200
        received += json.dumps(nclue.requests)
    assert signed["x-ncp-apigw-signature-v2"] not in received
    assert KEYS.access_key not in received
    assert "CANARY" not in received


# -- which requests are NCLUE's -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "base",
    [
        "https://nclue.apigw.ntruss.com/api/v1",
        "https://nclue.apigw.ntruss.com/api/v1/",
        "https://NCLUE.APIGW.NTRUSS.COM:443/api/v1",
        "https://nclue.apigw.ntruss.com./api/v1",
    ],
)
def test_the_host_is_recognized_in_any_form(call, nclue, base):
    assert call("GET", base.rstrip("/") + "/tasks").json()["total"] == 0
    with call.library.Client(base_url=base) as client:
        assert client.get("tasks").json()["total"] == 0
    assert [entry["target"] for entry in nclue.requests] == ["/api/v1/tasks"] * 2


def test_without_tls_the_gateway_rejects(call, nclue):
    answer = call("GET", "http://nclue.apigw.ntruss.com/api/v1/tasks")
    assert answer.status_code == 400
    assert answer.json() == {"error": {"errorCode": "100", "message": "Bad Request Exception"}}
    entry = nclue.requests[-1]
    assert (entry["status"], entry["number"], entry["rules"]) == (400, 1, ["NC300"])
    assert entry["findings"][0]["suggestion"] == "https://nclue.apigw.ntruss.com/api/v1/tasks"


@pytest.mark.parametrize("url", ["https://nclue.apigw.ntruss.com:8443/api/v1/tasks", "http://nclue.apigw.ntruss.com:443/api/v1/tasks"])
def test_other_ports_are_closed(call, nclue, url):
    with pytest.raises(call.library.ConnectError, match="listens on the ports 443 and 80"):
        call("GET", url)
    assert nclue.requests == []


def test_warnings_about_an_accepted_payload_are_in_the_journal(call, nclue):
    assert call("POST", "/tasks", json=PAYLOAD | {"train_file_path": "데이터.csv"}).status_code == 200
    assert call("GET", "/tasks").status_code == 200
    accepted, listed = nclue.requests
    assert [(finding["rule"], finding["severity"]) for finding in accepted["findings"]] == [("NC120", "warning")]
    assert (accepted["rules"], listed["findings"]) == ([], [])


@pytest.mark.parametrize("mock_inside", [False, True])
def test_a_cassette_inside_the_mock_replaces_it_and_one_around_it_replays_nothing(tmp_path, mock_inside):
    nclue, file = mock(), tmp_path / "cassette.yaml"
    recorded = {"request": {"method": "GET", "uri": f"{nclue.url}/tasks", "headers": {}, "body": ""}}
    recorded |= {"response": {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": "recorded"}}}
    file.write_text(json.dumps({"interactions": [recorded], "version": 1}))
    cassette = vcr.use_cassette(file, record_mode="none")
    with ExitStack() as stack:
        for one in (cassette, nclue) if mock_inside else (nclue, cassette):
            stack.enter_context(one)
        text = httpx.get(f"{nclue.url}/tasks").text
    assert (text == "recorded", len(nclue.requests)) == ((False, 1) if mock_inside else (True, 0))


def test_other_hosts_are_reached_as_if_nothing_were_patched(call, nclue, other_host):
    answer = call("POST", f"{other_host}/api/v1/tasks?x=1", content=b"hello")
    assert (answer.status_code, answer.json()) == (203, {"path": "/api/v1/tasks?x=1", "body": "hello"})
    assert nclue.requests == []


def test_hosts_that_only_look_alike_are_other_hosts(call, nclue):
    for host in ("nclue.apigw.ntruss.com.example", "x.nclue.apigw.ntruss.com"):
        with guard(), pytest.raises((call.library.ConnectError, AssertionError)):
            call("GET", f"https://{host}.invalid/")
    assert nclue.requests == []


def test_a_stream_to_another_host_is_not_read_ahead(nclue, other_host):
    read = []

    def body():
        read.append("first")
        yield b"a"

    request = httpx.Request("POST", f"{other_host}/", content=body(), headers={"content-length": "1"})
    assert read == []
    with httpx.Client(verify=TLS) as client:
        assert client.send(request).json()["body"] == "a"
    assert read == ["first"]
    assert not hasattr(request, "_content")
    assert nclue.requests == []


def test_nothing_leaves_the_process(call):
    with guard() as blocked, mock():
        call("POST", "/tasks", json=PAYLOAD)
        with suppress(call.library.ConnectError):
            call("GET", "https://nclue.apigw.ntruss.com:444/")
    assert blocked == []


def test_a_client_with_another_transport_is_left_alone(nclue):
    for library in (httpx, httpx2):
        transport = library.MockTransport(lambda _, library=library: library.Response(418))
        assert library.Client(transport=transport).get(f"{URL}/tasks").status_code == 418
    assert nclue.requests == []


def test_a_transport_created_by_the_user_gets_responses(call, nclue):
    transport = call.library.AsyncHTTPTransport(retries=2) if call.is_async else call.library.HTTPTransport(retries=2)
    assert call("GET", "/tasks", client={"transport": transport}).status_code == 200
    assert call("GET", "/tasks", client={"proxy": "http://127.0.0.1:9"}).status_code == 200
    assert len(nclue.requests) == 2


# -- what is sent and received ------------------------------------------------------------------------------------------


def test_streamed_bodies_arrive_whole(call, nclue):
    def body():
        text = json.dumps(PAYLOAD).encode()
        yield text[:10]
        yield text[10:]

    async def async_body():
        for chunk in body():
            yield chunk

    answer = call("POST", "/tasks", content=async_body() if call.is_async else body())
    assert answer.json()["task_name"] == "churn"
    assert nclue.requests[-1]["body"] == json.dumps(PAYLOAD)


def test_repeated_headers_arrive_one_by_one(call, nclue):
    call("GET", "/tasks", headers=[("X-One", "a"), ("x-one", "b")])
    assert [value for name, value in nclue.requests[-1]["headers"] if name.lower() == "x-one"] == ["a", "b"]


def test_a_response_can_be_streamed(nclue):
    del nclue
    for library in (httpx, httpx2):
        with library.Client(verify=TLS) as client, client.stream("GET", f"{URL}/tasks") as response:
            assert json.loads(b"".join(response.iter_raw()))["total"] == 0

    async def streamed(library):
        async with library.AsyncClient(verify=TLS) as client, client.stream("GET", f"{URL}/tasks") as response:
            return json.loads(b"".join([chunk async for chunk in response.aiter_raw()]))["total"]

    assert [asyncio.run(streamed(library)) for library in (httpx, httpx2)] == [0, 0]


def test_the_response_to_head_has_no_body_but_its_length(call, nclue):
    del nclue
    get, head = (call(method, "/nothing") for method in ("GET", "HEAD"))
    assert (head.status_code, head.content, head.headers["content-length"]) == (404, b"", str(len(get.content)))


def test_hooks_and_auth_of_a_client_work_as_always(nclue):
    seen = []

    def sign(request):
        request.headers.update(signed_headers(request.method, request.url.raw_path, KEYS, NOW_MS))
        return request

    for library in (httpx, httpx2):
        with library.Client(auth=sign, event_hooks={"response": [lambda response: seen.append(response.status_code)]}) as client:
            client.get(f"{URL}/tasks")
    assert seen == [200, 200]
    assert all(["x-ncp-iam-access-key", "***"] in entry["headers"] for entry in nclue.requests)


# -- failures -----------------------------------------------------------------------------------------------------------


def test_the_next_requests_fail_as_requested_and_the_one_after_does_not(call, nclue):
    nclue.fail_next(2, error="RATE_LIMITED")
    nclue.fail_next(error="ENDPOINT_TIMEOUT")
    answers = [call("GET", "/tasks") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [429, 429, 504, 200]
    assert answers[0].json() == {"error": {"errorCode": "420", "message": "Rate Limited"}}
    assert [entry["status"] for entry in nclue.requests] == [429, 429, 504, 200]


def test_an_unknown_error_or_an_impossible_delay_is_rejected(nclue):
    with pytest.raises(ValueError, match="RATE_LIMITED"):
        nclue.fail_next(error="RATELIMITED")
    for delay in (-1.0, float("nan"), float("inf"), 1e6):
        with pytest.raises(ValueError, match="delay"):
            nclue.fail_next(delay_s=delay)
    assert nclue.service.injected == []


@pytest.mark.parametrize("error", ["", "ENDPOINT_TIMEOUT"])
def test_a_late_response_arrives_after_the_delay(call, nclue, error):
    # Real time, since httpx has no clock to set; a slow machine only makes it later.
    nclue.fail_next(error=error, delay_s=0.05)
    start = time.monotonic()
    assert call("GET", "/tasks").status_code == (504 if error else 200)
    assert time.monotonic() - start >= 0.05


def test_a_response_later_than_the_read_timeout_is_a_read_timeout(call, nclue):
    nclue.fail_next(delay_s=600)
    start = time.monotonic()
    with pytest.raises(call.library.ReadTimeout):
        call("POST", "/tasks", json=PAYLOAD, timeout=0.05)
    assert time.monotonic() - start < 600  # it waited for the timeout, not for the delay
    assert len(nclue.tasks) == 1  # the request had arrived


def test_a_delay_does_not_hold_up_other_requests(nclue):
    nclue.fail_next(delay_s=600)

    async def both():
        async with httpx.AsyncClient(verify=TLS, timeout=None) as client:
            slow = asyncio.create_task(client.get(f"{URL}/tasks"))
            while not nclue.requests:  # noqa: ASYNC110  # until it has arrived; the mock sets no event
                await asyncio.sleep(0)
            status = (await client.get(f"{URL}/tasks")).status_code
            return status, slow.cancel()

    assert asyncio.run(both()) == (200, True)


def test_a_cut_response_is_a_protocol_error_when_it_is_read(call, nclue):
    nclue.fail_next(cut=True)
    with pytest.raises(call.library.RemoteProtocolError, match=r"received 25 bytes, expected 50"):
        call("GET", "/tasks")
    assert nclue.requests[-1]["status"] == 200
    assert call("GET", "/tasks").status_code == 200


def test_the_first_half_of_a_cut_response_can_be_seen(nclue):
    for library in (httpx, httpx2):
        nclue.fail_next(cut=True)
        got = []
        with library.Client(verify=TLS) as client, client.stream("GET", f"{URL}/tasks") as response:
            assert (response.status_code, response.headers["content-length"]) == (200, "50")
            with pytest.raises(library.RemoteProtocolError) as caught:
                got.extend(response.iter_bytes())
        assert got == [b'{"index": 0, "limit": 20,']
        assert caught.value.request.url == f"{URL}/tasks"


def test_a_cut_response_to_head_has_nothing_to_cut(call, nclue):
    nclue.fail_next(cut=True)
    assert call("HEAD", "/tasks").status_code == 405


# -- before, after, and several at once ---------------------------------------------------------------------------------


def test_afterwards_nothing_is_patched():
    before = transports()
    with mock():
        assert all(one is not other for one, other in zip(transports(), before, strict=True))
    assert transports() == before


def test_nothing_stays_patched_after_an_exception():
    before = transports()
    with pytest.raises(ZeroDivisionError), mock(), mock():
        1 / 0  # noqa: B018
    assert transports() == before


def test_the_innermost_of_nested_mocks_responds(call):
    before = transports()
    with mock() as outer:
        call("POST", "/tasks", json=PAYLOAD)
        with mock() as inner:
            assert call("POST", "/tasks", json=PAYLOAD).status_code == 200
        assert call("POST", "/tasks", json=PAYLOAD).status_code == 409
    assert transports() == before
    assert (len(outer.requests), len(inner.requests)) == (2, 1)


def test_a_mock_can_be_used_again_and_in_itself(call, nclue):
    with nclue:
        call("GET", "/tasks")
    call("GET", "/tasks")
    assert len(nclue.requests) == 2


def test_mocks_may_end_in_any_order(call):
    before = transports()
    first, second = mock(), mock()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    call("GET", "/tasks")
    second.__exit__(None, None, None)
    assert (len(first.requests), len(second.requests)) == (0, 1)
    assert transports() == before


def test_a_patch_over_ours_is_not_removed(monkeypatch, other_host):
    before = transports()
    one = mock()
    one.__enter__()
    ours = httpx.HTTPTransport.handle_request
    calls = []

    def theirs(self, request):
        calls.append(request.url.host)
        return ours(self, request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", theirs)
    httpx.get(f"{URL}/tasks")
    one.__exit__(None, None, None)
    assert httpx.HTTPTransport.handle_request is theirs
    assert httpx.get(other_host).status_code == 203
    assert calls == ["nclue.apigw.ntruss.com", "127.0.0.1"]
    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", before[0])
    assert transports() == before


def test_two_clients_at_once_do_not_mix_up_their_responses(nclue):
    with httpx.Client(verify=TLS) as one, httpx2.Client(verify=TLS) as two, ThreadPoolExecutor(8) as pool:
        names = [f"task-{number}" for number in range(80)]
        answers = pool.map(lambda name: (one, two)[int(name[5:]) % 2].post(f"{URL}/tasks", json=PAYLOAD | {"name": name}).json(), names)
        assert [answer["task_name"] for answer in answers] == names
    assert len({task["task_id"] for task in nclue.tasks}) == 80
    assert sorted(entry["number"] for entry in nclue.requests) == list(range(1, 81))


def test_many_tasks_of_an_event_loop_do_not_mix_up_their_responses(nclue):
    names = [f"task-{number}" for number in range(80)]

    async def all_of_them():
        async with httpx.AsyncClient(verify=TLS) as one, httpx2.AsyncClient(verify=TLS) as two:
            sent = [(one, two)[number % 2].post(f"{URL}/tasks", json=PAYLOAD | {"name": name}) for number, name in enumerate(names)]
            return [answer.json()["task_name"] for answer in await asyncio.gather(*sent)]

    assert asyncio.run(all_of_them()) == names
    assert len(nclue.tasks) == 80


def test_only_one_of_many_create_requests_gets_a_name(nclue):
    with httpx.Client(verify=TLS) as client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post(f"{URL}/tasks", json=PAYLOAD).status_code, range(40)))
    assert sorted(answers) == [200] + [409] * 39
    assert len(nclue.tasks) == 1


def test_both_libraries_see_the_same_tasks(nclue):
    task_id = httpx.post(f"{URL}/tasks", json=PAYLOAD).json()["task_id"]
    assert httpx2.get(f"{URL}/tasks/{task_id}").json() == nclue.tasks[0]


def test_mocks_of_several_threads_can_come_and_go(other_host):
    before = transports()

    def come_and_go(_):
        with mock(), httpx.Client(verify=TLS) as client:
            client.get(f"{URL}/tasks").raise_for_status()
            return client.get(other_host).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(come_and_go, range(64))) == {203}
    assert transports() == before


# -- together with respx ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ours_outside", [True, False])
@of_httpx
def test_mocks_of_the_user_for_other_hosts_work_inside_and_outside(call, ours_outside):
    ours, theirs = mock(), respx.mock()
    with ours if ours_outside else theirs, theirs if ours_outside else ours:
        theirs.get("https://api.example/").respond(201)
        assert call("GET", "https://api.example/").status_code == 201
        assert call("GET", "/tasks").status_code == 200
        with pytest.raises(AssertionError, match="not mocked"):
            call("GET", "https://other.example/")
    assert len(ours.requests) == 1


@of_httpx
def test_the_user_can_respond_to_single_requests_with_respx(call, nclue):
    route = nclue.router.get(path="/api/v1/tasks").mock(side_effect=[httpx.ConnectError, httpx.Response(502, html="<p>")])
    with pytest.raises(httpx.ConnectError):
        call("GET", "/tasks")
    assert call("GET", "/tasks").text == "<p>"
    assert call("POST", "/tasks", json=PAYLOAD).status_code == 200
    assert route.call_count == 2
    assert [seen.response.status_code for seen in nclue.router.calls if seen.has_response] == [502, 200]
    assert len(nclue.requests) == 1


@of_httpx
def test_a_route_of_the_user_can_let_a_request_through(call, nclue):
    nclue.router.get(path="/api/v1/tasks").pass_through()
    with guard() as blocked, pytest.raises(AssertionError, match="called nclue"):
        call("GET", "/tasks")
    assert blocked == ["nclue.apigw.ntruss.com"]


def test_all_calls_of_httpx_are_in_the_router(nclue):
    httpx.post(f"{URL}/tasks", json=PAYLOAD)
    call = nclue.router.calls.last
    assert json.loads(call.request.content) == PAYLOAD
    assert call.response.json()["task_name"] == "churn"


def test_an_outer_respx_mock_gets_all_requests(nclue):
    with respx.mock(using="httpx") as above:
        above.get(f"{URL}/tasks").respond(418)
        assert httpx.get(f"{URL}/tasks").status_code == 418
    assert nclue.requests == []


# -- missing extras -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["respx", "httpx", "anyio"])
def test_a_missing_extra_is_reported_with_the_command_that_installs_it(monkeypatch, name):
    monkeypatch.delitem(sys.modules, "nclue_contract.mock")
    monkeypatch.setitem(sys.modules, name, None)
    if name == "httpx":
        monkeypatch.delitem(sys.modules, "respx")
    with pytest.raises(ImportError, match=r"pip install 'nclue-contract\[mock\]'$"):
        importlib.import_module("nclue_contract.mock")


def test_without_httpx2_only_httpx_is_patched(monkeypatch):
    before = transports()
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with mock():
        assert httpx.get(f"{URL}/tasks").status_code == 200
        assert transports()[2:] == before[2:]
    assert transports() == before


# -- in pytest ----------------------------------------------------------------------------------------------------------


def test_it_is_a_fixture_in_three_lines(pytester):
    pytester.makepyfile(
        """
        import httpx, pytest
        from nclue_contract.mock import mock

        @pytest.fixture
        def nclue():
            with mock(progress="manual") as nclue:
                yield nclue

        @pytest.mark.parametrize("name", ["a", "b"])
        def test_create(nclue, name):
            payload = {"name": name, "train_feature_id": "f", "train_bucket": "b", "train_file_path": "p"}
            httpx.post("https://nclue.apigw.ntruss.com/api/v1/tasks", json=payload).raise_for_status()
            assert [task["task_name"] for task in nclue.tasks] == [name]
        """
    )
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_the_mock_is_typed_by_its_own_class():
    assert isinstance(mock(), Mock)
    assert isinstance(mock().requests, list)
    assert not isinstance(mock(), Mapping)
