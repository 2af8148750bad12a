"""Real clients against a server on loopback that keeps what came over the wire: the signature is right for that, and for nothing else."""

import asyncio
import io
import json
import pickle
import subprocess
import sys
import threading
import urllib.request
import warnings
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import NamedTuple
from urllib.parse import quote, unquote

import aiohttp
import httpx
import httpx2
import pytest
import requests

from nclue_contract import ContractError, Validator
from nclue_contract.clients import ContractWarning, Signer, async_preflight, now_ms, preflight
from nclue_contract.signing import Credentials, signed_headers
from nclue_contract.validation.signature import verify
from tests.support.payloads import PAYLOAD
from tests.support.signing import ACCESS, KEY, NOW, SECRET, SIGNATURE, TIMESTAMP

CREDENTIALS = Credentials(ACCESS, SECRET)
SIGNED = {TIMESTAMP, KEY, SIGNATURE}

BAD = PAYLOAD | {"train_file_path": "a~b.csv"}
CONTESTED = PAYLOAD | {"train_file_path": "dt=1/a.csv"}  # an error that the pin path-characters=page-2025 would allow
WARNED = PAYLOAD | {"train_file_path": "데이터.csv"}  # a warning until path-high-codes is pinned

HTTPX = [httpx, httpx2]
each_httpx = pytest.mark.parametrize("library", HTTPX, ids=lambda library: library.__name__)


class Sent(NamedTuple):
    """A request as it came over the wire."""

    method: str
    target: bytes
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def signature_headers(self):
        return [name for name, _ in self.headers if name.lower() in SIGNED]

    def verified(self, now=NOW):
        return verify(self.method, self.target, self.headers, CREDENTIALS, now)


class Recorder(BaseHTTPRequestHandler):
    """Responds with `{}`, or redirects: `/redirect/307/URL` with the URL encoded."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        _, target, _ = self.raw_requestline.split(b" ")
        self.server.sent.append(Sent(self.command, target, list(self.headers.items()), self._body()))
        _, *parts = self.path.split("/")
        self.send_response(int(parts[1]) if parts[0] == "redirect" else 200)
        if parts[0] == "redirect":
            self.send_header("Location", unquote(parts[2]))
        self.send_header("Content-Length", "2")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"{}")

    def _body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    do_GET = do_POST = do_DELETE = answer  # noqa: N815  # the names that http.server requires

    def log_message(self, *_):
        """Print nothing: requests are recorded."""


@contextmanager
def recording():
    with ThreadingHTTPServer(("127.0.0.1", 0), Recorder) as server:
        server.sent = []
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def server():
    with recording() as running:
        yield running


@pytest.fixture
def other():
    with recording() as running:
        yield running


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def signer(**options):
    return Signer(CREDENTIALS, lambda: NOW, **options)


def through_httpx(library):
    def call(method, url, auth, **options):
        with library.Client(verify=False, auth=auth) as client:
            client.request(method, url, **options)

    return call


def through_httpx_async(library):
    def call(method, url, auth, **options):
        async def run():
            async with library.AsyncClient(verify=False, auth=auth) as client:
                await client.request(method, url, **options)

        asyncio.run(run())

    return call


def through_httpx_hooks(library):
    def call(method, url, auth, **options):
        with library.Client(verify=False, event_hooks={"request": [auth]}) as client:
            client.request(method, url, **options)

    return call


def through_httpx_async_hooks(library):
    def call(method, url, auth, **options):
        async def run():
            async with library.AsyncClient(verify=False, event_hooks={"request": [auth.async_hook]}) as client:
                await client.request(method, url, **options)

        asyncio.run(run())

    return call


def through_requests(method, url, auth, **options):
    with requests.Session() as client:
        client.request(method, url, auth=auth, **options)


WAYS = {"requests": through_requests}
for _library in HTTPX:
    for _way in (through_httpx, through_httpx_async, through_httpx_hooks, through_httpx_async_hooks):
        WAYS[f"{_library.__name__}-{_way.__name__.partition('httpx')[2].strip('_') or 'auth'}"] = _way(_library)
each_way = pytest.mark.parametrize("call", WAYS.values(), ids=WAYS.keys())

# -- what is signed -----------------------------------------------------------------------------------------------------------------------

REQUESTS = {
    "a creation": ("POST", "/api/v1/tasks", {"json": PAYLOAD}),
    "a list": ("GET", "/api/v1/tasks", {"params": {"index": 0, "limit": 20}}),
    "a deletion": ("DELETE", "/api/v1/tasks/f5aebc0c-0000-4000-8000-b201bc64b1c9", {}),
    "a space and a plus": ("GET", "/api/v1/tasks", {"params": {"a b": "c+d e", "f": "&=?/"}}),
    "Hangul": ("GET", "/api/v1/학습", {"params": {"이름": "데이터 셋"}}),
    "empty values and bare keys": ("GET", "/photos/puppy.jpg?query1=&query2", {}),
    "an encoded path": ("GET", "/a%2Fb%20c%ed%95%99+d", {}),
    "an encoded query": ("GET", "/a?b=%2B+%20&c=%zz&d=;", {}),
    "an empty query": ("GET", "/a?", {}),
    "no path": ("GET", "", {}),
    "a fragment": ("GET", "/a?b=c#d", {}),
    "double slashes and dots": ("GET", "/a//b/../c/./d", {}),
    "two slashes first": ("GET", "//a//b", {}),
    "brackets and quotes": ("GET", "/a[1]'\"<>?b={c}|^`", {}),
    "a method in lower case": ("post", "/api/v1/tasks", {"content": b"{}"}),
}


@each_way
@pytest.mark.parametrize(("method", "path", "options"), REQUESTS.values(), ids=REQUESTS.keys())
def test_the_signature_is_valid_for_what_was_sent(call, method, path, options, server):
    options = {"data" if call is through_requests and name == "content" else name: value for name, value in options.items()}
    call(method, server.url + path, signer(), **options)
    (sent,) = server.sent
    assert sent.verified().report.findings == (), (sent, sent.verified().sentence)
    assert sorted(sent.signature_headers) == sorted(SIGNED)
    longer = sent.target + b"x" * 2000  # so long that no pairs of mistakes are tried to explain it
    assert verify(sent.method, longer, sent.headers, CREDENTIALS, NOW).reason == "signature-mismatch"


@each_httpx
def test_a_base_url_is_signed_with_its_path(library, server):
    with library.Client(verify=False, base_url=f"{server.url}/api/v1", auth=signer()) as client:
        client.get("/tasks", params={"index": 1})
    (sent,) = server.sent
    assert sent.target == b"/api/v1/tasks?index=1"
    assert sent.verified().ok


@each_httpx
def test_a_target_that_was_set_by_hand_is_signed(library, server):
    with library.Client(verify=False, auth=signer()) as client:
        client.get(server.url, extensions={"target": b"/raw?x"})
    (sent,) = server.sent
    assert (sent.target, sent.verified().ok) == (b"/raw?x", True)


@each_httpx
def test_a_request_that_is_sent_again_is_signed_again(library, server):
    clock = count(NOW, 1000)
    with library.Client(verify=False, auth=Signer(CREDENTIALS, lambda: next(clock))) as client:
        request = client.build_request("GET", f"{server.url}/api/v1/tasks", headers={TIMESTAMP.upper(): "1"})
        client.send(request)
        client.send(request)
    assert [
        dict(sent.headers)[TIMESTAMP.upper()] if TIMESTAMP.upper() in dict(sent.headers) else dict(sent.headers)[TIMESTAMP]
        for sent in server.sent
    ] == [str(NOW), str(NOW + 1000)]
    assert all(len(sent.signature_headers) == 3 and sent.verified().ok for sent in server.sent)


def test_a_prepared_request_can_be_signed_again(server):
    clock = count(NOW, 1000)
    sign = Signer(CREDENTIALS, lambda: next(clock))
    with requests.Session() as client:
        request = requests.Request("GET", f"{server.url}/a", params={"b": "c d"}, headers={TIMESTAMP.upper(): "1"}).prepare()
        for _ in range(2):
            client.send(sign(request))
    assert [len(sent.signature_headers) for sent in server.sent] == [3, 3]
    assert all(sent.verified().ok for sent in server.sent)
    assert [int(value) for sent in server.sent for name, value in sent.headers if name == TIMESTAMP] == [NOW, NOW + 1000]


def test_the_clock_is_that_of_the_machine_unless_one_is_given(server):
    through_requests("GET", f"{server.url}/a", Signer(CREDENTIALS))
    assert server.sent[0].verified(now_ms()).ok


# -- redirects and other hosts ------------------------------------------------------------------------------------------------------------


def redirect(server, url, status=307):
    return f"{server.url}/redirect/{status}/{quote(url, safe='')}"


@each_httpx
def test_as_a_hook_every_step_of_a_redirect_is_signed(library, server):
    with library.Client(verify=False, event_hooks={"request": [signer()]}, follow_redirects=True) as client:
        client.post(redirect(server, f"{server.url}/b?c=d"), json=PAYLOAD)
        client.post(redirect(server, f"{server.url}/b", 302), json=PAYLOAD)
    assert [(sent.method, sent.verified().ok) for sent in server.sent] == [("POST", True), ("POST", True), ("POST", True), ("GET", True)]


@each_httpx
def test_as_a_hook_no_other_origin_sees_a_signature(library, server, other):
    with library.Client(verify=False, event_hooks={"request": [signer()]}, follow_redirects=True) as client:
        client.get(redirect(server, redirect(other, f"{server.url}/back")))
    assert server.sent[0].verified().ok
    assert other.sent[0].signature_headers == []
    assert server.sent[1].verified().ok


@each_httpx
def test_as_an_asynchronous_hook_no_other_origin_sees_a_signature(library, server, other):
    async def run():
        async with library.AsyncClient(verify=False, event_hooks={"request": [signer().async_hook]}, follow_redirects=True) as client:
            await client.get(redirect(server, redirect(server, f"{other.url}/tasks")))

    asyncio.run(run())
    assert [sent.verified().ok for sent in server.sent] == [True, True]
    assert other.sent[0].signature_headers == []


@each_httpx
def test_as_auth_no_redirect_is_followed_unless_the_client_is_configured_to(library, server, other):
    with library.Client(verify=False, auth=signer()) as client:
        assert client.get(redirect(server, f"{other.url}/tasks")).is_redirect
    assert len(server.sent) == 1
    assert other.sent == []


def test_requests_follows_redirects_without_the_signature(server, other):
    with requests.Session() as client:
        client.auth = signer()
        client.get(redirect(server, f"{other.url}/tasks"))
        client.get(redirect(server, f"{server.url}/tasks"))
    assert [sent.verified().ok for sent in server.sent] == [True, True, False]
    assert other.sent[0].signature_headers == server.sent[2].signature_headers == []


@each_way
def test_hosts_are_the_only_ones_that_are_signed_for(call, server):
    call("GET", f"{server.url}/a", signer(hosts={"LOCALHOST"}), headers=dict.fromkeys(SIGNED, "stale"))
    call("GET", f"{server.url}/a".replace("127.0.0.1", "localhost"), signer(hosts={"LOCALHOST"}))
    assert server.sent[0].signature_headers == []
    assert server.sent[1].verified().ok


@each_httpx
def test_with_hosts_a_redirect_may_lead_to_another_of_them(library, server, other):
    with library.Client(verify=False, event_hooks={"request": [signer(hosts=["127.0.0.1"])]}, follow_redirects=True) as client:
        client.get(redirect(server, f"{other.url}/tasks"))
    assert other.sent[0].verified().ok


# -- what a signer is ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_", [urllib.request.Request("http://127.0.0.1/"), requests.Request("GET", "http://127.0.0.1/"), None, "GET /"]
)
def test_a_request_of_another_kind_is_a_type_error(request_):
    with pytest.raises(TypeError, match="expected a request of httpx, httpx2 or aiohttp, or a prepared request of requests, not "):
        signer()(request_)
    with pytest.raises(TypeError, match="expected a request"):
        preflight()(request_)


@pytest.mark.parametrize(
    ("hosts", "error", "sentence"),
    [
        ("127.0.0.1", TypeError, "hosts is a collection of host names, not one name"),
        (7, TypeError, "hosts is a collection of host names, not one name"),
        ([7], TypeError, "hosts is a collection of host names, not of int"),
        ([], ValueError, "hosts names no host, so that no request would be signed; leave it out to sign for every host"),
        (["127.0.0.1:80"], ValueError, "hosts are names without scheme and port, such as 127.0.0.1 or ::1, not '127.0.0.1:80'"),
        (["a", "http://a"], ValueError, "hosts are names without scheme and port, such as 127.0.0.1 or ::1, not 'http://a'"),
        (["[::1]"], ValueError, "hosts are names without scheme and port, such as 127.0.0.1 or ::1, not '[::1]'"),
        ([""], ValueError, "hosts are names without scheme and port, such as 127.0.0.1 or ::1, not ''"),
    ],
    ids=str,
)
def test_hosts_that_no_request_is_for_are_named_at_once(hosts, error, sentence):
    with pytest.raises(error) as caught:
        signer(hosts=hosts)
    assert str(caught.value) == sentence


def test_hosts_are_names_and_addresses():
    signer(hosts=["::1", "127.0.0.1", "LOCALHOST"])


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: Signer("KEY-A", "KEY-B"), "credentials are a Credentials object, Credentials(access_key, secret_key), not str"),
        (lambda: Signer(("KEY-A", "KEY-B")), "credentials are a Credentials object, Credentials(access_key, secret_key), not tuple"),
        (
            lambda: signed_headers("GET", "/", ("KEY-A", "KEY-B"), NOW),
            "credentials are a Credentials object, Credentials(access_key, secret_key), not tuple",
        ),
        (lambda: Signer(CREDENTIALS, NOW), "clock is a function that returns milliseconds, not int"),
        (lambda: Signer(CREDENTIALS, preflight=True), "preflight is what preflight() or async_preflight() returns, not bool"),
        (lambda: Credentials(None, "KEY-B"), "the access key is a string, not NoneType"),
        (lambda: Credentials("KEYA", b"KEY-B"), "the secret key is a string, not bytes"),
        (lambda: preflight({}), "validator is a Validator, not dict; a hook is written with parentheses: preflight()"),
        (
            lambda: async_preflight(httpx.Request("GET", "http://a")),
            "validator is a Validator, not Request; a hook is written with parentheses: preflight()",
        ),
        (
            lambda: signer(preflight=async_preflight())(httpx.Request("GET", "http://a")),
            "what async_preflight() returns is awaited: use preflight(), or signer.async_hook",
        ),
    ],
)
def test_an_argument_of_another_type_is_refused_in_a_sentence_without_keys(call, sentence):
    with pytest.raises(TypeError) as caught:
        call()
    assert str(caught.value) == sentence


@each_httpx
@pytest.mark.parametrize(
    ("hook", "sentence"),
    [
        (signer(), "the hooks of an AsyncClient are awaited: use signer.async_hook, or auth=signer"),
        (preflight(), "the hooks of an AsyncClient are awaited: use async_preflight()"),
    ],
)
def test_a_synchronous_hook_in_an_asynchronous_client_is_refused_in_a_sentence(library, server, hook, sentence):
    async def run():
        async with library.AsyncClient(verify=False, event_hooks={"request": [hook]}) as client:
            await client.post(f"{server.url}/tasks", json=PAYLOAD)

    with pytest.raises(TypeError) as caught:
        asyncio.run(run())
    assert (str(caught.value), server.sent) == (sentence, [])


@each_httpx
@pytest.mark.parametrize(
    ("hook", "sentence"),
    [
        (signer().async_hook, "a Client does not await its hooks: use the signer itself, not its async_hook"),
        (async_preflight(), "a Client does not await its hooks: use preflight()"),
    ],
)
def test_an_asynchronous_hook_in_a_synchronous_client_is_refused_in_a_sentence(library, server, hook, sentence):
    with library.Client(verify=False, event_hooks={"request": [hook]}) as client, pytest.raises(TypeError) as caught:
        client.post(f"{server.url}/tasks", json=PAYLOAD)
    assert (str(caught.value), server.sent) == (sentence, [])


def test_a_hook_of_the_user_may_call_the_signer(server):
    async def hook(request):
        signer()(request)

    async def run():
        async with httpx.AsyncClient(verify=False, event_hooks={"request": [hook]}) as client:
            await client.get(f"{server.url}/tasks")

    asyncio.run(run())
    assert server.sent[0].verified().ok


# -- aiohttp ------------------------------------------------------------------------------------------------------------------------------


def through_aiohttp(method, url, **options):
    async def run():
        middleware = signer(**{"hosts": ["127.0.0.1"]} | options.pop("signer", {})).aiohttp_middleware
        async with aiohttp.ClientSession(middlewares=[middleware]) as session, session.request(method, url, **options) as response:
            return response.status

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        ("POST", "/api/v1/tasks", {"json": PAYLOAD}),
        ("GET", "/api/v1/tasks", {"params": {"index": 0, "a b": "c+d e"}}),
        ("GET", "/api/v1/학습", {"params": {"이름": "데이터 셋"}}),
        ("GET", "", {}),
    ],
)
def test_the_middleware_of_aiohttp_signs_what_is_sent(method, path, options, server):
    assert through_aiohttp(method, server.url + path, **options) == 200
    (sent,) = server.sent
    assert sent.verified().ok
    assert len(sent.signature_headers) == 3


@pytest.mark.parametrize("check", [preflight, async_preflight])
@pytest.mark.parametrize("body", ["json", "streamed"])
def test_the_middleware_of_aiohttp_validates_with_the_asynchronous_check(check, body, server):
    options = {"json": BAD} if body == "json" else {"data": in_parts_async(BAD)}
    expected = (ContractError, "NC1") if check is async_preflight else (TypeError, r"read asynchronously: use async_preflight\(\)$")
    with pytest.raises(expected[0], match=expected[1]):
        through_aiohttp("POST", f"{server.url}/tasks", signer={"preflight": check()}, **options)
    assert server.sent == []


def test_a_valid_body_that_aiohttp_streams_is_validated_and_sent(server):
    through_aiohttp("POST", f"{server.url}/tasks", signer={"preflight": async_preflight()}, data=in_parts_async(PAYLOAD))
    assert json.loads(server.sent[0].body) == PAYLOAD


def test_no_other_host_gets_a_signature_when_aiohttp_follows_a_redirect(server, other):
    address = quote(other.url.replace("127.0.0.1", "localhost") + "/b", safe="")
    through_aiohttp("GET", f"{server.url}/redirect/307/{address}")
    assert (len(server.sent[0].signature_headers), other.sent[0].signature_headers) == (3, [])


def test_the_middleware_of_aiohttp_needs_the_hosts(server):
    with pytest.raises(ValueError, match="name the hosts to sign for"):
        through_aiohttp("GET", server.url, signer={"hosts": None})


@pytest.mark.parametrize("options", [{}, {"validator": Validator({"path-del": "forbidden"}, strict=True), "contested": "raise"}])
def test_a_hook_can_be_pickled(options):
    hook = pickle.loads(pickle.dumps(preflight(**options)))
    request = httpx.Request("POST", "https://nclue.apigw.ntruss.com/api/v1/tasks", json=PAYLOAD | {"train_file_path": "a\x7fb"})
    if options:
        with pytest.raises(ContractError, match="NC120"):
            hook(request)
    else:
        with pytest.warns(ContractWarning, match="NC120"):
            assert hook(request) is request
    assert pickle.loads(pickle.dumps(async_preflight(**options)))


def test_a_signer_shows_and_pickles_no_key():
    assert repr(signer()) == "<Signer>"
    assert "EXAMPLE" not in f"{signer()}"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(Signer(CREDENTIALS))


def test_no_client_is_imported():
    script = "import sys, nclue_contract.clients; print(*({'httpx', 'httpx2', 'requests', 'urllib3', 'aiohttp'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout == "\n"


# -- pre-flight ----------------------------------------------------------------------------------------------------------------------------


def checked_httpx(library):
    def call(payload, method="POST", path="/api/v1/tasks", *, url, **options):
        with library.Client(verify=False, event_hooks={"request": [preflight(**options), signer()]}) as client:
            client.request(method, url + path, json=payload)

    return call


def checked_httpx_async(library):
    def call(payload, method="POST", path="/api/v1/tasks", *, url, **options):
        async def run():
            hooks = {"request": [async_preflight(**options), signer().async_hook]}
            async with library.AsyncClient(verify=False, event_hooks=hooks) as client:
                await client.request(method, url + path, json=payload)

        asyncio.run(run())

    return call


def checked_auth(library):
    def call(payload, method="POST", path="/api/v1/tasks", *, url, **options):
        with library.Client(verify=False, auth=signer(preflight=preflight(**options))) as client:
            client.request(method, url + path, json=payload)

    return call


def checked_requests(payload, method="POST", path="/api/v1/tasks", *, url, **options):
    with requests.Session() as client:
        client.request(method, url + path, json=payload, auth=signer(preflight=preflight(**options)))


CHECKED = {"requests": checked_requests}
for _library in HTTPX:
    for _way in (checked_httpx, checked_httpx_async, checked_auth):
        CHECKED[f"{_library.__name__}-{_way.__name__}"] = _way(_library)
each_checked = pytest.mark.parametrize("call", CHECKED.values(), ids=CHECKED.keys())


@each_checked
def test_a_good_payload_is_sent_as_it_is(call, server):
    call(PAYLOAD, url=server.url)
    (sent,) = server.sent
    assert json.loads(sent.body) == PAYLOAD
    assert sent.verified().ok


@each_checked
def test_a_bad_payload_is_not_sent(call, server):
    with pytest.raises(ContractError, match=r"NC120 train_file_path holds '~'") as caught:
        call(BAD, url=server.url)
    assert [finding.rule for finding in caught.value.report.errors] == ["NC120"]
    assert server.sent == []


@each_checked
@pytest.mark.parametrize(
    ("payload", "pin"), [(CONTESTED, "path-characters=page-2025"), (WARNED, "path-high-codes=code-points")], ids=["contested", "warned"]
)
def test_a_contested_payload_is_reported_with_its_pin_and_sent(call, payload, pin, server):
    with pytest.warns(ContractWarning, match=f"NC120 path-character: .*pin {pin}"):
        call(payload, url=server.url)
    assert json.loads(server.sent[0].body) == payload


@each_checked
@pytest.mark.parametrize("payload", [CONTESTED, WARNED], ids=["contested", "warned"])
@pytest.mark.parametrize("options", [{"contested": "raise"}, {"validator": Validator(strict=True)}], ids=["raise", "strict"])
def test_contested_ground_can_be_forbidden(call, payload, options, server):
    with pytest.raises(ContractError, match="NC120"):
        call(payload, url=server.url, **options)
    assert server.sent == []


@each_checked
def test_a_pin_settles_it(call, server):
    validator = Validator({"path-characters": "page-2025", "path-high-codes": "code-points"})
    call(CONTESTED, url=server.url, validator=validator)
    call(WARNED, url=server.url, validator=validator, contested="raise")
    assert len(server.sent) == 2


@each_checked
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/v1/tasks"), ("POST", "/api/v1/features"), ("DELETE", "/api/v1/tasks"), ("POST", "/tasks/1"), ("POST", "/")],
)
def test_other_requests_are_not_validated(call, method, path, server):
    call({"anything": 1}, method, path, url=server.url)
    assert server.sent[0].verified().ok


@each_checked
@pytest.mark.parametrize("path", ["/tasks", "/stub/api/v1/tasks?dry-run"])
def test_any_path_that_ends_with_tasks_is_validated(call, path, server):
    with pytest.raises(ContractError):
        call(BAD, path=path, url=server.url)


@pytest.mark.parametrize("body", [b"", b"{", None, json.dumps(BAD), b"\xff"], ids=["empty", "broken", "none", "text", "no UTF-8"])
def test_every_body_that_is_there_is_validated(body, server):
    with pytest.raises(ContractError):
        through_requests("POST", f"{server.url}/tasks", preflight(), data=body)
    for library in HTTPX:
        with pytest.raises(ContractError):
            through_httpx(library)("POST", f"{server.url}/tasks", preflight(), content=body)
    assert server.sent == []


def in_parts(payload):
    for character in json.dumps(payload):
        yield character.encode()


async def in_parts_async(payload):
    for part in in_parts(payload):
        yield part


@each_httpx
def test_a_streamed_body_is_read_validated_and_sent(library, server):
    with library.Client(verify=False, event_hooks={"request": [preflight(), signer()]}) as client:
        client.post(f"{server.url}/tasks", content=in_parts(PAYLOAD))
        with pytest.raises(ContractError):
            client.post(f"{server.url}/tasks", content=in_parts(BAD))
    (sent,) = server.sent
    assert json.loads(sent.body) == PAYLOAD


@each_httpx
def test_an_asynchronously_streamed_body_is_read_validated_and_sent(library, server):
    async def run():
        async with library.AsyncClient(verify=False, event_hooks={"request": [async_preflight(), signer().async_hook]}) as client:
            await client.post(f"{server.url}/tasks", content=in_parts_async(PAYLOAD))
            with pytest.raises(ContractError):
                await client.post(f"{server.url}/tasks", content=in_parts_async(BAD))

    asyncio.run(run())
    (sent,) = server.sent
    assert json.loads(sent.body) == PAYLOAD


@each_httpx
def test_an_asynchronous_body_is_passed_over_by_what_is_not(library, server):
    async def run():
        async with library.AsyncClient(verify=False, auth=signer(preflight=preflight())) as client:
            await client.post(f"{server.url}/tasks", content=in_parts_async(BAD))

    with pytest.warns(ContractWarning, match="streamed, so it could not be validated"):
        asyncio.run(run())
    assert json.loads(server.sent[0].body) == BAD


def test_a_body_that_requests_can_read_only_once_is_passed_over(server):
    with pytest.warns(ContractWarning, match="streamed, so it could not be validated"):
        through_requests("POST", f"{server.url}/tasks", preflight(), data=in_parts(BAD))
    assert json.loads(server.sent[0].body) == BAD


def test_a_file_that_requests_streams_is_validated_from_where_it_stands(server):
    with pytest.raises(ContractError):
        through_requests("POST", f"{server.url}/tasks", preflight(), data=io.BytesIO(json.dumps(BAD).encode()))
    file = io.BytesIO(b"a line before\n" + json.dumps(PAYLOAD).encode())
    file.readline()
    through_requests("POST", f"{server.url}/tasks", preflight(), data=file)
    (sent,) = server.sent
    assert json.loads(sent.body) == PAYLOAD


@pytest.mark.parametrize("slashes", ["/", "//", "/?x=1"])
def test_slashes_behind_the_path_leave_no_payload_unvalidated(slashes, server):
    with pytest.raises(ContractError):
        through_requests("POST", f"{server.url}/tasks{slashes}", preflight(), json=BAD)
    client = httpx.Client(base_url=f"{server.url}/tasks", verify=False, event_hooks={"request": [preflight()]})
    with client, pytest.raises(ContractError):
        client.post("", json=BAD)
    assert server.sent == []


def test_requests_accepts_the_pre_flight_check_alone(server):
    through_requests("POST", f"{server.url}/tasks", preflight(), json=PAYLOAD)
    assert server.sent[0].signature_headers == []


def test_the_asynchronous_check_accepts_a_prepared_request_too():
    asyncio.run(async_preflight()(requests.Request("POST", "http://127.0.0.1/tasks", json=PAYLOAD).prepare()))
    with pytest.raises(ContractError):
        asyncio.run(async_preflight()(requests.Request("POST", "http://127.0.0.1/tasks", json=BAD).prepare()))


def test_contested_is_one_of_two_words():
    for make in (preflight, async_preflight):
        with pytest.raises(ValueError, match='contested is "warn" or "raise"'):
            make(contested="ignore")


def test_a_warning_is_issued_once_for_the_same_message(server):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            through_requests("POST", f"{server.url}/tasks", preflight(), json=WARNED)
    assert [warning.category for warning in caught] == [ContractWarning]


@pytest.mark.parametrize("body", [{"json": WARNED}, {"content": in_parts_async(WARNED)}], ids=["contested", "streamed"])
@each_httpx
def test_a_warning_points_at_the_line_that_sends(library, server, body):
    lines = []

    async def run():
        async with library.AsyncClient(verify=False, auth=signer(preflight=preflight())) as client:
            lines.append(sys._getframe().f_lineno + 1)  # noqa: SLF001  # of the next statement
            await client.post(f"{server.url}/tasks", **body)

    with pytest.warns(ContractWarning) as caught:
        asyncio.run(run())
    assert [(warning.filename, warning.lineno) for warning in caught] == [(__file__, lines[0])]
