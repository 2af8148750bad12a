"""Under `guard()` no call reaches the real host, whichever client is used; afterwards everything is as before. No name is resolved here."""

import asyncio
import gc
import http.client
import socket
import ssl
import subprocess
import sys
import threading
import urllib.request
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import aiohttp
import aiohttp.abc
import httpx
import httpx2
import pytest
import requests

from nclue_contract.guard import RealHostError, guard

REAL = "nclue.apigw.ntruss.com"
URL = f"https://{REAL}/api/v1/tasks"
PLACES = [
    (socket, "getaddrinfo"),
    (socket, "gethostbyname"),
    (socket, "gethostbyname_ex"),
    (socket.socket, "connect"),
    (socket.socket, "connect_ex"),
    (ssl.SSLContext, "wrap_socket"),
    (ssl.SSLContext, "wrap_bio"),
    (socket.socket, "send"),
    (socket.socket, "sendall"),
    (socket.socket, "sendmsg"),
    (ssl.SSLSocket, "send"),
    (ssl.SSLSocket, "sendall"),
    (ssl.SSLSocket, "write"),
    (ssl.SSLObject, "write"),
]


@pytest.fixture(scope="module", autouse=True)
def _only_new_objects_are_collected():
    """Keep everything that earlier tests have left in memory out of the collections in these tests, which take a second each otherwise."""
    gc.collect()
    gc.freeze()


def there():
    return [(name in vars(owner), getattr(owner, name)) for owner, name in PLACES]


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """If the guard has a hole, nothing is called all the same: below it, every name is unknown, and there is no proxy."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    look_up = socket.getaddrinfo

    def only_loopback(host, *args, **kwargs):
        if host in ("127.0.0.1", "localhost", "::1"):
            return look_up(host, *args, **kwargs)
        raise socket.gaierror(socket.EAI_NONAME, "no names in this test")

    monkeypatch.setattr(socket, "getaddrinfo", only_loopback)


@pytest.fixture
def listener():
    """Open a socket on loopback that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock.getsockname()


# -- clients ---------------------------------------------------------------------------------------------------------------------


def with_httpx(library):
    def call(url):
        with library.Client() as client:
            client.get(url)

    return call


def with_httpx_async(library):
    async def call(url):
        async with library.AsyncClient() as client:
            await client.get(url)

    return lambda url: asyncio.run(call(url))


def with_requests(url):
    with requests.Session() as client:
        client.get(url)


def with_urllib(url):
    urllib.request.urlopen(url).close()


def with_http_client(url):
    connection = http.client.HTTPSConnection(url.split("/")[2])
    try:
        connection.request("GET", "/")
    finally:
        connection.close()


def with_aiohttp(url):
    async def call():
        async with aiohttp.ClientSession() as client, client.get(url):
            pass

    asyncio.run(call())


def with_asyncio(url):
    asyncio.run(asyncio.open_connection(url.split("/")[2], 443, ssl=True))


def with_socket(url):
    socket.create_connection((url.split("/")[2], 443))


def with_connect(url):
    with socket.socket() as sock:
        sock.connect((url.split("/")[2], 443))


def with_connect_ex(url):
    with socket.socket() as sock:
        sock.connect_ex((url.split("/")[2].encode(), 443))


CLIENTS = {
    "httpx": with_httpx(httpx),
    "httpx2": with_httpx(httpx2),
    "httpx, asynchronous": with_httpx_async(httpx),
    "httpx2, asynchronous": with_httpx_async(httpx2),
    "requests": with_requests,
    "urllib": with_urllib,
    "http.client": with_http_client,
    "aiohttp": with_aiohttp,
    "asyncio": with_asyncio,
    "socket.create_connection": with_socket,
    "socket.connect": with_connect,
    "socket.connect_ex": with_connect_ex,
    "socket.getaddrinfo": lambda url: socket.getaddrinfo(host=url.split("/")[2], port=443),
    "socket.gethostbyname": lambda url: socket.gethostbyname(url.split("/")[2]),
    "socket.gethostbyname_ex": lambda url: socket.gethostbyname_ex(url.split("/")[2]),
}


@pytest.mark.parametrize("call", CLIENTS.values(), ids=CLIENTS.keys())
def test_a_call_to_the_real_host_fails_loudly(call):
    with guard() as blocked, pytest.raises(RealHostError) as caught:
        call(URL)
    assert caught.value.host == REAL
    assert blocked == [REAL]


@pytest.mark.parametrize("call", CLIENTS.values(), ids=CLIENTS.keys())
def test_the_error_is_none_that_clients_handle(call):
    kinds = (OSError, httpx.HTTPError, httpx2.HTTPError, requests.RequestException, aiohttp.ClientError, http.client.HTTPException)
    try:
        with guard():
            call(URL)
    except kinds:
        pytest.fail("the client took it for a bad connection")
    except RealHostError as error:
        assert error.__cause__ is None  # noqa: PT017  # either error is inspected


def test_the_error_names_what_to_use_instead():
    message = str(RealHostError(REAL))
    assert message.startswith(f"this test called {REAL}, where tasks are billed.")
    assert "nclue_contract.mock" in message
    assert "nclue-contract serve" in message


@pytest.mark.parametrize(
    "host",
    [
        "ntruss.com",
        "kr.object.NTRUSS.com",
        "nclue.apigw.ntruss.com.",
        "a.b.c.ntruss.com",
        b"nclue.apigw.ntruss.com",
        "ntruss\u3002com",
        "nclue\uff0eapigw\u3002ntruss\uff61com\u3002",
        "\uff4e\uff54\uff52\uff55\uff53\uff53.com",
        "nclue.apigw.NTRUSS.\uff23\uff2f\uff2d",
        "ntru\u00adss.com",
        "ntru\u017fs.com",
        "\ub370\uc774\ud130.ntruss\u3002com",
        "nclue\u3002ntruss\u3002com".encode(),
    ],
)
def test_every_host_of_the_platform_is_real(host):
    with guard(), pytest.raises(RealHostError):
        socket.getaddrinfo(host, 443)


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "notntruss.com",
        "ntruss.com.example",
        "ntruss.community",
        "",
        None,
        "127.0.0.1",
        "localhost",
        "notntruss\u3002com",
        "ntruss\u3002com.example",
        "\ub370.example",
        "\ub370" * 70,
        "\u3002\u3002",
        "\ud800.example",
    ],
)
def test_other_hosts_are_not_touched(host, monkeypatch):
    resolved = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: resolved.append((args, kwargs)) or [])
    with guard() as blocked:
        assert socket.getaddrinfo(host, 80, type=socket.SOCK_STREAM) == []
    assert resolved == [((host, 80), {"type": socket.SOCK_STREAM})]
    assert blocked == []


def test_connections_to_loopback_and_local_sockets_work(listener, tmp_path):
    with guard():
        socket.create_connection(listener).close()
        with socket.socket() as sock:
            assert sock.connect_ex(listener) == 0
        with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
            server.bind(str(tmp_path / "s"))
            server.listen()
            client.connect(str(tmp_path / "s"))
        with socket.socket() as sock, pytest.raises(TypeError):
            sock.connect()


# -- what does not look the name up ----------------------------------------------------------------------------------------------


def test_tls_with_the_real_name_is_blocked_whatever_resolved_it(listener):
    context = ssl.create_default_context()
    with guard() as blocked:
        with socket.create_connection(listener) as sock, pytest.raises(RealHostError):
            context.wrap_socket(sock, server_hostname=REAL)
        with pytest.raises(RealHostError):
            context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), False, REAL)  # by position, as some clients do
        context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="example.com")
    assert blocked == [REAL, REAL]


class OwnResolver(aiohttp.abc.AbstractResolver):
    """Like aiodns: resolves names without this process's resolver."""

    def __init__(self, address):
        self.address = address

    async def resolve(self, host, port=0, family=socket.AF_INET):
        ip, port = self.address
        return [{"hostname": host, "host": ip, "port": port, "family": family, "proto": 0, "flags": 0}]

    async def close(self):
        pass


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")  # asyncio drops the socket
def test_a_client_with_a_resolver_of_its_own_is_blocked(listener):
    async def call():
        connector = aiohttp.TCPConnector(resolver=OwnResolver(listener))
        async with aiohttp.ClientSession(connector=connector) as client, client.get(URL):
            pass

    with guard() as blocked, pytest.raises(RealHostError):
        asyncio.run(call())
    assert set(blocked) == {REAL}
    gc.collect()  # what the blocked handshake left open is reported here, if at all


@pytest.fixture
def proxy():
    """Start a proxy, and require that it receives no request."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        received = []

        def open_tunnel():
            connection, _ = sock.accept()
            with connection:
                received.append(connection.recv(65536))

        thread = threading.Thread(target=open_tunnel)
        thread.start()
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        gc.collect()  # closes what the blocked call left open
        thread.join()
        assert received == [b""], "the proxy would have opened a connection to the real host"


def through_proxy_requests(proxy):
    with requests.Session() as client:
        client.get(URL, proxies={"https": proxy})


def through_proxy_httpx(library):
    def call(proxy):
        with library.Client(proxy=proxy) as client:
            client.get(URL)

    return call


@pytest.mark.parametrize("call", [through_proxy_requests, through_proxy_httpx(httpx), through_proxy_httpx(httpx2)])
def test_a_call_through_a_proxy_is_blocked_before_anything_is_sent_to_the_real_host(call, proxy):
    with guard() as blocked, pytest.raises(RealHostError):
        call(proxy)
    assert blocked == [REAL]
    gc.collect()


PROXIED = [
    b"CONNECT nclue.apigw.ntruss.com:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"CONNECT NTRUSS.com. HTTP/1.0\r\n\r\n",
    b"GET http://nclue.apigw.ntruss.com/api/v1/tasks HTTP/1.1\r\n\r\n",
    b"POST https://user:word@nclue.apigw.ntruss.com:8443?x HTTP/1.1\r\n\r\n",
    b"GET HTTP://nclue.apigw.ntruss.com HTTP/1.1\r\n",
    "CONNECT nclue\u3002ntruss\u3002com:443 HTTP/1.1\r\n".encode(),
]
DIRECT = b"POST /api/v1/tasks HTTP/1.1\r\naccept: */*\r\nHOST: nclue.apigw.ntruss.com:80\r\n\r\n"
OTHERS = [
    b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n",
    b"GET http://example.com/?u=http://ntruss.com/ HTTP/1.1\r\nReferer: http://ntruss.com/\r\n\r\n",
    b'POST /tasks HTTP/1.1\r\nhost: x\r\n\r\n{"a": "GET http://ntruss.com/ HTTP/1.1"}',
    DIRECT,  # a stub on loopback may be meant
    b"",
    bytes(range(256)),
    memoryview(b"abcd").cast("I"),
]
SENDERS = {
    "send": lambda sock, data: sock.send(data),
    "sendall": lambda sock, data: sock.sendall(data),
    "sendmsg": lambda sock, data: sock.sendmsg([data, b"rest"]),
}


@pytest.mark.parametrize("name", SENDERS)
def test_a_request_to_a_proxy_for_the_real_host_is_blocked_and_no_other(name, listener):
    with guard() as blocked, socket.create_connection(listener) as sock:
        for data in PROXIED:
            with pytest.raises(RealHostError):
                SENDERS[name](sock, data)
        assert len(blocked) == len(PROXIED)
        for data in OTHERS:
            SENDERS[name](sock, data)
        for wrong in ("text", None, 1):
            with pytest.raises(TypeError):
                sock.sendall(wrong)
        assert len(blocked) == len(PROXIED)


@pytest.mark.parametrize("name", SENDERS)
def test_a_plain_connection_from_before_the_guard_is_blocked(name, listener, monkeypatch):
    monkeypatch.setattr("nclue_contract.guard.is_loopback", lambda _: False)  # the address is that of the real host, say
    with socket.create_connection(listener) as sock, guard() as blocked:
        with pytest.raises(RealHostError):
            SENDERS[name](sock, DIRECT)
        SENDERS[name](sock, DIRECT.replace(b"ntruss", b"example"))
    assert blocked == [REAL]


def test_a_connection_with_tls_from_before_the_guard_is_blocked(listener):
    context = ssl.create_default_context()
    in_memory = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=REAL)
    with socket.create_connection(listener) as sock:
        pooled = context.wrap_socket(sock, server_hostname=REAL, do_handshake_on_connect=False)
        with pooled, guard() as blocked:
            for send in (pooled.send, pooled.sendall, pooled.write, in_memory.write):
                with pytest.raises(RealHostError):
                    send(b"x")
    assert blocked == [REAL] * 4


# -- nesting and threads ---------------------------------------------------------------------------------------------------------


def test_everything_is_restored():
    before = there()
    with guard():
        assert all(now != then for now, then in zip(there(), before, strict=True))
    assert there() == before
    with pytest.raises(RuntimeError), guard():
        raise RuntimeError
    assert there() == before


def test_guards_can_be_nested_and_the_outer_one_records_all():
    before = there()
    with guard() as outer:
        with guard() as inner, pytest.raises(RealHostError):
            socket.gethostbyname(REAL)
        with pytest.raises(RealHostError):
            socket.gethostbyname("ntruss.com")
    assert (inner, outer) == ([REAL], [REAL, "ntruss.com"])
    assert there() == before


def test_guards_can_end_in_any_order():
    before = there()
    first, second = guard(), guard()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    with pytest.raises(RealHostError):
        socket.gethostbyname(REAL)
    second.__exit__(None, None, None)
    assert there() == before


def test_threads_can_guard_at_the_same_time():
    before = there()
    barrier = threading.Barrier(8)

    def one(_):
        barrier.wait()
        for _ in range(50):
            with guard() as blocked:
                with pytest.raises(RealHostError):
                    socket.getaddrinfo(REAL, 443)
                assert REAL in blocked

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(one, range(8)))
    assert there() == before


def test_a_guard_applies_in_every_thread():
    with guard() as blocked, ThreadPoolExecutor(1) as threads:
        error = threads.submit(socket.getaddrinfo, REAL, 443).exception()
    assert isinstance(error, RealHostError)
    assert blocked == [REAL]


def test_a_patch_over_the_guard_stays_and_allows_every_call_afterwards(monkeypatch):
    Call = namedtuple("Call", "host port")  # noqa: PYI024  # only for this test
    resolved = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, port: resolved.append(Call(host, port)))
    with guard():
        net = socket.getaddrinfo
        over = partial(net)
        monkeypatch.setattr(socket, "getaddrinfo", over)
        with pytest.raises(RealHostError):
            socket.getaddrinfo(REAL, 1)
    assert socket.getaddrinfo is over
    socket.getaddrinfo(REAL, 2)
    assert resolved == [Call(REAL, 2)]


def test_a_swallowed_error_can_be_found():
    with guard() as blocked:
        try:
            socket.gethostbyname(REAL)
        except Exception:  # noqa: BLE001  # as some code does
            blocked_so_far = list(blocked)
    assert blocked_so_far == blocked == [REAL]


def test_only_the_standard_library_is_imported():
    script = "import sys; a = set(sys.modules); import nclue_contract.guard; print(*{n.partition('.')[0] for n in set(sys.modules) - a})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=True)
    assert set(done.stdout.split()) - sys.stdlib_module_names == {"nclue_contract"}
