"""Which hosts a server responds for, which forms of a target it accepts, and where a request ends; over real sockets."""

import json
import socket

import httpx
import pytest

from nclue_contract.cli.main import main
from nclue_contract.mock import mock
from nclue_contract.service.addressing import AllowedHosts, split_target
from nclue_contract.service.service import Service
from nclue_contract.service.uvicorn_server import LoopbackServer
from tests.support.server_process import DEADLINE, running
from tests.support.signing import signed

TASKS = "/api/v1/tasks"


@pytest.fixture(scope="module")
def process():
    with running("--allow-host", "Nclue.Test", "--allow-host", "::2") as server:
        yield server
        assert server.errors() == "", "nothing is logged"


@pytest.fixture
def server(process):
    process.control("reset", {})
    return process


def exchange(server, *lines, body=b""):
    """Send lines of a request (and whatever follows) as they are; return what comes back until the server closes the connection."""
    head = b"".join(line.encode("latin-1") + b"\r\n" for line in (*lines, ""))
    with socket.create_connection(server.address, DEADLINE) as plug:
        plug.sendall(head + body)
        plug.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: plug.recv(65536), b""))


def status(received):
    """Return the status code of the only response in what was received."""
    assert received.count(b"HTTP/1.1 ") == 1
    return int(received.split()[1])


def headers(method="GET", target=TASKS):
    return [f"{name}: {value}" for name, value in signed(method, target).items()]


# -- hosts --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/_nclue/journal", "/_nclue/health", TASKS, "/"])
@pytest.mark.parametrize(
    "host", ["rebound.example", "rebound.example:80", "localhost.rebound.example", "127.0.0.1.rebound.example", "10.0.0.1", "[::3]"]
)
def test_a_name_that_a_web_page_has_chosen_gets_no_response(server, host, path):
    received = exchange(server, f"GET {path} HTTP/1.1", f"Host: {host}", *headers())
    assert status(received) == 421
    problem = json.loads(received.partition(b"\r\n\r\n")[2])["problem"]
    name = host.removesuffix(":80").strip("[]")
    assert problem == (
        f"this server does not respond for the host {name}, so that no web page can read from it by DNS rebinding; "
        f"if the host is right, start the server with: nclue-contract serve --allow-host {name}"
    )
    assert server.journal() == []


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST.:7", "127.0.0.1", "127.8.9.10:7", "[::1]:7", "nclue.test", "NCLUE.TEST.:80", "[::2]"]
)
def test_loopback_names_and_allowed_ones_get_a_response_with_any_port(server, host):
    assert status(exchange(server, f"GET {TASKS} HTTP/1.1", f"Host: {host}", *headers())) == 200


@pytest.mark.parametrize("host", ["", "user@localhost", "localhost:x", "localhost, localhost", "local host", "[localhost]", "://localhost"])
def test_a_host_that_is_not_valid_is_refused(server, host):
    received = exchange(server, f"GET {TASKS} HTTP/1.1", f"Host: {host}", *headers())
    assert status(received) in {400, 421}
    assert server.journal() == []


def test_one_host_is_needed_but_in_http_1_0(server):
    """The library counts them in HTTP/1.1 only; a browser sends no other version."""
    assert status(exchange(server, f"GET {TASKS} HTTP/1.1", *headers())) == 400
    assert status(exchange(server, f"GET {TASKS} HTTP/1.1", "Host: localhost", "Host: localhost", *headers())) == 400
    assert status(exchange(server, f"GET {TASKS} HTTP/1.9", *headers())) == 421
    assert status(exchange(server, f"GET {TASKS} HTTP/1.0", *headers())) == 200


def test_a_server_on_every_address_responds_for_each_address_and_for_no_name():
    with running("--host", "0.0.0.0", "--no-auth") as server:
        for host in ("0.0.0.0", "127.0.0.1", "192.0.2.7:80", "[2001:db8::7]", "localhost"):
            assert status(exchange(server, f"GET {TASKS} HTTP/1.1", f"Host: {host}")) == 200
        assert status(exchange(server, f"GET {TASKS} HTTP/1.1", "Host: rebound.example")) == 421


@pytest.mark.parametrize(
    ("listening_on", "allowed", "refused"),
    [
        (("gateway.example", "192.0.2.7"), ["gateway.example", "192.0.2.7", "127.0.0.1"], ["192.0.2.8", "example"]),
        (("", "0.0.0.0"), ["192.0.2.7", "::7"], ["gateway.example"]),
        (("::", "::"), ["192.0.2.7", "::7"], ["gateway.example"]),
        (("fe80::1%eth0", "fe80::1"), ["fe80::1", "localhost"], ["fe80::2"]),
        ((), ["localhost", "127.0.0.1", "::1"], ["", "0.0.0.0", "192.0.2.7", "localhost.example"]),
    ],
    ids=["a name and its address", "every address", "every address of IPv6", "a zone", "nothing"],
)
def test_the_host_that_a_server_was_told_is_its_own(listening_on, allowed, refused):
    hosts = AllowedHosts.listening(listening_on)
    assert [host for host in (*allowed, *refused) if hosts.allows(host)] == allowed


NO_HOST = "the request does not name one valid host in the header Host, or in its target"


@pytest.mark.parametrize(
    ("authority", "named", "version", "expected"),
    [
        (None, ["localhost"], "1.1", ""),
        (None, ["localhost"], "1.0", ""),
        (None, [], "1.0", ""),
        (None, [], "1.1", NO_HOST),
        (None, [], "2", NO_HOST),
        (None, ["localhost", "localhost"], "1.1", NO_HOST),
        (None, ["localhost", "localhost"], "1.0", NO_HOST),
        (None, ["local host"], "1.0", NO_HOST),
        ("localhost:8000", [], "1.1", ""),
        ("localhost:8000", ["rebound.example"], "1.1", ""),
        ("", ["localhost"], "1.1", NO_HOST),
        ("", [], "1.0", NO_HOST),
    ],
)
def test_a_request_names_one_host_and_its_target_comes_first(authority, named, version, expected):
    assert AllowedHosts().refusal(authority, named, version) == expected


@pytest.mark.parametrize(("command", "options"), [("serve", {}), ("proxy", {"command": "proxy"})])
def test_a_refusal_names_the_host_and_the_command_that_allows_it(command, options):
    for hosts in (AllowedHosts(**options), AllowedHosts.listening((), **options)):
        for authority, named in (("rebound.example:80", ["localhost"]), (None, ["rebound.example:80"])):
            assert hosts.refusal(authority, named, "1.1") == (
                "this server does not respond for the host rebound.example, so that no web page can read from it by DNS rebinding; "
                f"if the host is right, start the server with: nclue-contract {command} --allow-host rebound.example"
            )


def test_a_refusal_quotes_eighty_characters_of_a_long_host():
    host = "a" * 60 + "." + "b" * 60 + ".example"
    words = AllowedHosts().refusal(None, [host], "1.1").split()
    assert words[words.index("host") + 1] == "a" * 60 + "." + "b" * 19 + ","
    assert words[-1] == "a" * 60 + "." + "b" * 19


def test_without_a_host_only_loopback_is_allowed():
    assert [host for host in ("192.0.2.7", "::7", "localhost") if AllowedHosts().allows(host)] == ["localhost"]
    assert AllowedHosts.listening(["not a host", "gateway.example"]).names == {"gateway.example"}


@pytest.mark.parametrize("name", ["localhost:80", "http://localhost", "한.example", "*", "", "a b"])
def test_an_allowed_host_that_is_none_is_a_usage_error(name, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["serve", "--allow-host", name])
    assert "is not a host; give a name (as xn--… if it is not ASCII) or an address, without a port" in capsys.readouterr().err


def test_the_server_of_the_fixtures_checks_hosts_as_well():
    with LoopbackServer(Service()) as server:
        assert httpx.get(f"{server.url}/tasks", headers={"host": "localhost"}).status_code == 200
        assert httpx.get(f"{server.url}/tasks", headers={"host": "rebound.example"}).status_code == 421
        assert server.service.store.requests == 1


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Origin: https://rebound.example", 403),
        ("Origin: null", 403),
        ("Sec-Fetch-Site: cross-site", 403),
        ("Sec-Fetch-Site: same-site", 403),
        ("Sec-Fetch-Site: same-origin", 403),
        ("Sec-Fetch-Site: none", 200),
    ],
)
def test_control_paths_are_not_for_web_pages(server, line, expected):
    """Any page that is open in a browser could send requests to a server on loopback; the address bar is not a page."""
    received = exchange(server, "POST /_nclue/reset HTTP/1.1", "Host: localhost", line, "Content-Length: 2", body=b"{}")
    assert status(received) == expected
    assert (b"control paths cannot be used from web pages" in received) == (expected == 403)


# -- targets ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["http://", "HTTP://", "https://"])
@pytest.mark.parametrize("query", ["", "?limit=7"])
def test_the_absolute_form_of_a_target_is_accepted(server, scheme, query):
    host, port = server.address
    line = f"GET {scheme}{host}:{port}{TASKS}{query} HTTP/1.1"
    assert status(exchange(server, line, "Host: ignored.example", *headers(target=TASKS + query))) == 200
    assert server.journal()[-1]["target"] == TASKS + query
    assert status(exchange(server, line, "Host: ignored.example", *headers(target=f"http://{host}:{port}{TASKS}{query}"))) == 401


def test_the_absolute_form_reaches_control_paths_and_nothing_by_another_host(server):
    assert status(exchange(server, "GET http://localhost/_nclue/health HTTP/1.1", "Host: localhost")) == 200
    assert status(exchange(server, "GET http://rebound.example/_nclue/journal HTTP/1.1", "Host: localhost")) == 421
    assert status(exchange(server, "GET http://user@localhost/_nclue/journal HTTP/1.1", "Host: localhost")) == 421
    assert status(exchange(server, "GET http:///_nclue/journal HTTP/1.1", "Host: localhost")) == 421


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/tasks?a=http://x/", (None, "/tasks?a=http://x/")),
        ("http://x", ("x", "/")),
        ("http://x?a", ("x", "/?a")),
        ("http://x:1/a/b?c#d", ("x:1", "/a/b?c#d")),
        ("//x/tasks", (None, "//x/tasks")),
        ("http://x/a\nb", ("x", "/a\nb")),
        ("ftp://x/", (None, "ftp://x/")),
        ("*", (None, "*")),
        ("x:80", (None, "x:80")),
    ],
)
def test_a_target_is_split_into_authority_and_origin_form(target, expected):
    assert split_target(target) == expected


def test_the_mock_accepts_the_absolute_form():
    with mock() as nclue, httpx.Client() as client:
        target = f"{nclue.url}/tasks?limit=7".encode()
        assert client.get(nclue.url, extensions={"target": target}).status_code == 200
        assert nclue.requests[-1]["target"] == "/api/v1/tasks?limit=7"


# -- where a request ends -----------------------------------------------------------------------------------------------------------

NEXT = b"GET /_nclue/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
"""What follows the first request on the connection: a second one, or what a proxy took for a part of the first one's body."""


def two(server, *lines, body=b""):
    """Send a POST with these headers and body and then `NEXT`; return all status codes, and whether the server announced that it closes."""
    received = exchange(server, "POST /_nclue/reset HTTP/1.1", "Host: localhost", *lines, body=body + NEXT)
    statuses = [int(part.split()[0]) for part in received.split(b"HTTP/1.1 ")[1:]]
    return statuses, b"connection: close" in received.lower()


def test_a_request_with_two_lengths_is_the_last_one_of_its_connection(server):
    """RFC 9112, section 6.1: it is read as chunked, or rejected; the connection is closed in either case."""
    for lines in (["Content-Length: 2", "Transfer-Encoding: chunked"], ["Transfer-Encoding: chunked", "Content-Length: 9999"]):
        assert two(server, *lines, body=b"2\r\n{}\r\n0\r\n\r\n") == ([200], True)
    received = exchange(
        server, f"GET {TASKS} HTTP/1.1", "Host: localhost", "Content-Length: 0", "Transfer-Encoding: chunked", body=b"0\r\n\r\n" + NEXT
    )
    assert status(received) == 401, "on the paths of NCLUE as well"


def test_a_request_with_one_length_is_followed_by_the_next_one(server):
    assert two(server, "Content-Length: 2", body=b"{}") == ([200, 200], False)
    assert two(server, "Transfer-Encoding: chunked", body=b"2\r\n{}\r\n0\r\n\r\n") == ([200, 200], False)
    assert two(server, "Content-Length: 2", "Content-Length: 2", body=b"{}") == ([200, 200], False), "the same (RFC 9110, section 8.6)"


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        (["Content-Length: 2", "Content-Length: 3"], b"{} "),
        (["Content-Length: 2, 3"], b"{} "),
        (["Content-Length: +2"], b"{}"),
        (["Content-Length: 0x2"], b"{}"),
        (["Content-Length: 2 2"], b"{}"),
        (["Content-Length: \xb2"], b"{}"),
        (["Content-Length : 2"], b"{}"),
        (["Content-Length: 2", " 2"], b"{}" * 11),
        (["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], b"2\r\n{}\r\n0\r\n\r\n"),
        (["Transfer-Encoding: chunked, chunked"], b"2\r\n{}\r\n0\r\n\r\n"),
        (["Transfer-Encoding: identity", "Content-Length: 2"], b"{}"),
        (["Transfer-Encoding: gzip, chunked"], b"2\r\n{}\r\n0\r\n\r\n"),
        (["Transfer-Encoding: \x0bchunked"], b"2\r\n{}\r\n0\r\n\r\n"),
        (["X: a\rContent-Length: 2"], b"{}"),
        (["X: a\0b", "Content-Length: 2"], b"{}"),
        (["Transfer-Encoding: chunked"], b"2;\n{}\r\n0\r\n\r\n"),
        (["Transfer-Encoding: chunked"], b"-2\r\n{}\r\n0\r\n\r\n"),
        (["Transfer-Encoding: chunked"], b"2\r\n{}xx0\r\n\r\n"),
        (["Transfer-Encoding: chunked"], b"2\n{}\n0\n\n"),
    ],
)
def test_a_request_whose_end_is_in_doubt_is_rejected_and_closes_the_connection(server, lines, body):
    """All this is h11's: a release that reads one of these in another way is seen here."""
    statuses, closed = two(server, *lines, body=body)
    assert (statuses, closed) == ([400], True)
    assert server.control("health").status == 200


def test_a_folded_line_and_a_bare_line_feed_are_read_as_rfc_9112_allows(server):
    """Sections 5.2 (a fold is replaced by spaces) and 2.2 (a line feed alone ends a line)."""
    assert two(server, "X: a", " Content-Length: 9", "Content-Length: 2", body=b"{}") == ([200, 200], False)
    assert two(server, "Transfer-Encoding:", " chunked", body=b"2\r\n{}\r\n0\r\n\r\n") == ([200, 200], False)
    assert two(server, "X: a\nContent-Length: 2", body=b"{}") == ([200, 200], False)


def test_a_chunked_request_of_http_1_0_closes_the_connection(server):
    lines = ["POST /_nclue/reset HTTP/1.0", "Connection: keep-alive", "Transfer-Encoding: chunked"]
    assert exchange(server, *lines, body=b"2\r\n{}\r\n0\r\n\r\n" + NEXT).count(b"HTTP/1.1 ") == 1
