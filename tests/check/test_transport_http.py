"""What a contract check sends and reads over HTTP/1.1: byte by byte, under one deadline, and whatever a server does."""

import gzip
import itertools
import json
import socket
import ssl
import threading
import time
import zlib
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nclue_contract.check import transport_http
from nclue_contract.check.content_coding import ContentCodingError, decode
from nclue_contract.check.requests import RequestSpec, create_request, delete_request, get_request, list_request
from nclue_contract.check.transport_http import MAX_BODY_BYTES, HttpTransport
from nclue_contract.contract.hosts import Target
from nclue_contract.signing import Credentials
from tests.support.signing import ACCESS, SECRET, signed
from tests.support.stub_servers import (
    COMPRESSED,
    answering,
    certificates,
    listening,
    raw_deflate,
    reading_no_rejected_body,
    received,
    response,
    sending,
)

KEYS = Credentials(ACCESS, SECRET)
SHORT_S = 0.3
"""Seconds of real time, where nothing comes and only the timer of the socket ends an exchange; a slow machine only makes it later."""


@pytest.fixture
def wire():
    """Return a function that creates a transport to a port; all of them are closed at the end."""
    transports = []

    def make(port, *, prefix=None, scheme="http", keys=KEYS, host="127.0.0.1", **options):
        transports.append(HttpTransport(Target.parse(f"{scheme}://{host}:{port}/api/v1", prefix), keys, **options))
        return transports[-1]

    yield make
    for one in transports:
        one.close()


def recording(seen, answer=lambda _: response()):
    """Respond, and record what was received."""

    def idle(request):
        seen.append(request)
        return answer(request)

    return answering(idle)


def sent(wire, ask, **options):
    """Send a request, and return it as it was received."""
    seen = []
    with listening(recording(seen)) as port:
        exchange = wire(port, **options).send(ask)[0]
    assert exchange.error == ""
    return seen[0]


# -- what is sent -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "method", "target"),
    [
        (list_request(), "GET", "/api/v1/tasks"),
        (list_request("limit=%33&index=2"), "GET", "/api/v1/tasks?limit=%33&index=2"),
        (get_request("a/b ~?"), "GET", "/api/v1/tasks/a%2Fb%20~%3F"),
        (delete_request("x"), "DELETE", "/api/v1/tasks/x"),
        (create_request({"name": "가"}), "POST", "/api/v1/tasks"),
    ],
    ids=["the list", "a query as it is", "a strange ID", "a deletion", "a creation"],
)
def test_the_signature_covers_method_and_target_as_they_are_sent(wire, ask, method, target):
    request = sent(wire, ask)
    assert (request.method, request.target) == (method, target)
    (timestamp,) = request.header("x-ncp-apigw-timestamp")
    for name, value in signed(method, target, timestamp=timestamp).items():
        assert request.header(name) == [value]


def test_a_body_is_sent_unchanged_with_its_length_and_type(wire):
    request = sent(wire, create_request({"name": "가"}))
    assert request.body == '{"name": "가"}'.encode()
    assert request.header("content-length") == [str(len(request.body))]
    assert request.header("content-type") == ["application/json"]
    assert sent(wire, create_request(b"")).header("content-length") == ["0"]
    look = sent(wire, list_request())
    assert (look.header("content-length"), look.header("content-type"), look.header("transfer-encoding")) == ([], [], [])


def test_headers_have_the_defects_that_the_case_specifies(wire):
    name = "x-ncp-apigw-signature-v2"
    assert sent(wire, RequestSpec("GET", headers={name: None})).header(name) == []
    assert sent(wire, RequestSpec("POST", headers={"content-type": None})).header("content-type") == []
    assert sent(wire, RequestSpec("GET", repeated=name)).header(name)[1:] == ["x"]
    assert sent(wire, RequestSpec("GET", repeated=name, wrong_first=True)).header(name)[:1] == ["x"]
    assert sent(wire, RequestSpec("GET", signature=lambda _: "\xe9")).header(name) == ["\xe9"]
    assert b"\r\nX-NCP-APIGW-TIMESTAMP: " in sent(wire, RequestSpec("GET", capitals=True)).head
    assert b"\r\nx-ncp-apigw-timestamp: " in sent(wire, RequestSpec("GET")).head


def test_the_signed_prefix_is_signed_and_the_path_of_the_url_is_sent(wire):
    request = sent(wire, list_request("limit=1"), prefix="/inside/v9")
    assert request.target == "/api/v1/tasks?limit=1"
    timestamp, signature = request.header("x-ncp-apigw-timestamp")[0], request.header("x-ncp-apigw-signature-v2")[0]
    assert signature == signed("GET", "/inside/v9/tasks?limit=1", timestamp=timestamp)["x-ncp-apigw-signature-v2"]


def test_additional_headers_go_with_every_request_and_there_is_one_host(wire):
    request = sent(wire, list_request(), headers=[("X-Tenant", "one"), ("cookie", "a=b")])
    assert (request.header("x-tenant"), request.header("cookie"), len(request.header("host"))) == (["one"], ["a=b"], 1)
    assert request.header("host")[0].startswith("127.0.0.1:")


# -- what is read -------------------------------------------------------------------------------------------------------------------------


def test_an_exchange_has_status_headers_body_and_times(wire):
    with listening(sending(response(422, {"error": {"errorCode": "10104"}}, "X-Seen: 1", "X-Seen: 2"))) as port:
        exchange = wire(port).send(list_request("limit=1"))[0]
    assert (exchange.status, exchange.target, exchange.error, exchange.attempts) == (422, "/api/v1/tasks?limit=1", "", 1)
    assert (exchange.answer.status, exchange.answer.code) == (422, "10104")
    assert [value for name, value in exchange.headers if name.lower() == "x-seen"] == ["1", "2"]
    assert 0 <= exchange.received_ms - exchange.sent_ms < 10_000


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n3;x=y\r\n 12\r\n0\r\nx: y\r\n\r\n", b"{} 12"),
        (b"HTTP/1.0 200 OK\r\n\r\n{}", b"{}"),
        (b"HTTP/1.1 200 OK\r\n\r\n{}", b"{}"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", b"{}"),
        (b"HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n", b""),
        (b"HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", b""),
    ],
    ids=["in chunks", "until HTTP/1.0 closes", "until the end", "after interim answers", "204", "without a reason"],
)
def test_every_way_to_end_a_body_is_read(wire, data, body):
    def talk(connection):
        received(connection)
        connection.sendall(data)

    with listening(talk) as port:
        exchange = wire(port).send(list_request())[0]
    assert (exchange.error, exchange.body) == ("", body)
    assert exchange.status in {200, 204}


def test_a_redirect_is_a_response_and_is_not_followed(wire):
    seen = []
    with listening(recording(seen, lambda _: response(302, b"", "location: /elsewhere"))) as port:
        assert wire(port).send(list_request())[0].status == 302
    assert [request.target for request in seen] == ["/api/v1/tasks"]


def test_several_requests_are_under_way_at_the_same_moment(wire):
    together = threading.Barrier(2, timeout=300)

    def answer(request):
        together.wait()
        return response(200, {"said": request.body.decode()})

    with listening(answering(answer)) as port:
        exchanges = wire(port).send(create_request(b"1"), create_request(b"2"))
    assert [exchange.value for exchange in exchanges] == [{"said": "1"}, {"said": "2"}]


# -- content codings ----------------------------------------------------------------------------------------------------------------------


each_coding = pytest.mark.parametrize(("name", "encode"), COMPRESSED.values(), ids=COMPRESSED.keys())


def test_no_content_coding_is_accepted_unless_a_header_says_otherwise(wire):
    assert sent(wire, list_request()).header("accept-encoding") == ["identity"]
    assert sent(wire, list_request(), headers=[("Accept-Encoding", "gzip")]).header("accept-encoding") == ["gzip"]


@each_coding
def test_a_compressed_body_is_decoded(wire, name, encode):
    value = {"tasks": ["가" * 3000]}
    compressed = response(200, encode(json.dumps(value).encode()), f"Content-Encoding: {name}")
    empty = response(200, b"", f"content-encoding: {name}")
    with listening(sending(compressed, response(200, {"n": 2}, "content-encoding: identity"), empty)) as port:
        over = wire(port)
        exchanges = [over.send(list_request())[0] for _ in range(3)]
    assert [exchange.error for exchange in exchanges] == ["", "", ""]
    assert [exchange.body for exchange in exchanges] == [json.dumps(value).encode(), b'{"n": 2}', b""]


def test_gzip_may_have_several_members_and_padding(wire):
    body = gzip.compress(b'{"n"') + gzip.compress(b"") + gzip.compress(b": 1}") + bytes(100)
    with listening(sending(response(200, body, "content-encoding: gzip"))) as port:
        assert wire(port).send(list_request())[0].value == {"n": 1}


@each_coding
def test_a_body_that_grows_when_it_is_decoded_ends_at_the_limit(wire, name, encode):
    bodies = [encode(bytes(length)) for length in (MAX_BODY_BYTES, MAX_BODY_BYTES + 1, 10 * MAX_BODY_BYTES)]
    with listening(sending(*(response(200, body, f"content-encoding: {name}") for body in bodies))) as port:
        over = wire(port)
        exchanges = [over.send(list_request())[0] for _ in range(3)]
    assert [(exchange.status, len(exchange.body)) for exchange in exchanges] == [(200, MAX_BODY_BYTES), (200, 0), (200, 0)]
    assert exchanges[0].error == ""
    assert all(exchange.error.startswith(f"the body is longer than {MAX_BODY_BYTES:,} bytes after decoding") for exchange in exchanges[1:])


WHOLE = b'{"seen": "CANARYACCESSKEY00001"}' * 20
BROKEN = {
    "gzip that ends early": ("gzip", gzip.compress(WHOLE)[:-9], "the body ends in the middle of its gzip stream"),
    "gzip without its checksum": ("gzip", gzip.compress(WHOLE)[:-8], "the body ends in the middle of its gzip stream"),
    "gzip with a wrong checksum": (
        "gzip",
        gzip.compress(WHOLE)[:-8] + bytes(8),
        "the body is not gzip, although its content coding says so",
    ),
    "no gzip": ("gzip", WHOLE, "the body is not gzip, although its content coding says so"),
    "something behind gzip": ("gzip", gzip.compress(WHOLE) + b"something", "the body is not gzip, although its content coding says so"),
    "deflate that ends early": ("deflate", zlib.compress(WHOLE)[:-1], "the body ends in the middle of its deflate stream"),
    "raw deflate that ends early": ("deflate", raw_deflate(WHOLE)[:-1], "the body ends in the middle of its deflate stream"),
    "no deflate": ("deflate", WHOLE, "the body is not deflate, although its content coding says so"),
    "something behind deflate": ("deflate", zlib.compress(WHOLE) + b"x", "there are bytes behind the deflate stream of the body"),
    "Brotli": ("br", b"\x0b\x02\x80{}\x03", "the body has the content coding br, although only identity was accepted"),
    "Zstandard in gzip": ("zstd, gzip", gzip.compress(b"{}"), "the body has the content coding zstd, although only identity was accepted"),
    "many in each other": (
        "gzip,gzip,gzip,gzip",
        gzip.compress(b"{}"),
        "the body has 4 content codings, although only identity was accepted",
    ),
    "very many members": ("gzip", gzip.compress(b"") * 1001, "the body consists of more than 1,000 gzip streams"),
}


@pytest.mark.parametrize(("name", "body", "error"), BROKEN.values(), ids=BROKEN.keys())
def test_a_body_that_cannot_be_decoded_is_an_incomplete_response(wire, name, body, error):
    with listening(sending(response(200, body, f"content-encoding: {name}"), response(200, {"n": 2}))) as port:
        over = wire(port, keys=CANARY)
        exchanges = [over.send(list_request())[0] for _ in range(2)]
    assert (exchanges[0].status, exchanges[0].error, exchanges[0].body) == (200, error, b"")
    assert not exchanges[0].accepted
    assert exchanges[1].value == {"n": 2}, "the connection is still in order"


@settings(max_examples=2 * settings().max_examples)
@given(
    st.binary() | st.binary().map(gzip.compress) | st.binary().map(zlib.compress), st.integers(0, 40), st.sampled_from(["gzip", "deflate"])
)
def test_no_bytes_make_decoding_raise_anything_else(body, cut, coding):
    for data in (body, body[:cut], body[cut:], body + body[:cut]):
        with suppress(ContentCodingError):
            assert len(decode(data, [("content-encoding", coding)], 100)) <= 100


@each_coding
def test_secrets_in_a_compressed_body_are_masked(wire, name, encode):
    with listening(sending(response(401, encode(WHOLE[:32]), f"content-encoding: {name}"))) as port:
        assert wire(port, keys=CANARY).send(list_request())[0].value == {"seen": "***"}


# -- connections that are used again ------------------------------------------------------------------------------------------------------


def counted(talk):
    """Wrap a connection handler; return it with a list to which each connection is added."""
    connections = []

    def one(connection):
        connections.append(connection)
        talk(connection)

    return one, connections


def test_one_connection_serves_many_requests(wire):
    talk, connections = counted(answering(lambda request: response(404 if request.method == "DELETE" else 200)))
    with listening(talk) as port:
        over = wire(port)
        statuses = [over.send(ask)[0].status for ask in (list_request(), create_request(b"{}"), delete_request("x"), list_request())]
    assert (statuses, len(connections)) == ([200, 200, 404, 200], 1)


@pytest.mark.parametrize(
    "answer",
    [response(200, b"{}", "connection: close"), response(version="1.0"), b"HTTP/1.1 200 OK\r\n\r\n{}"],
    ids=["told", "HTTP/1.0", "no length"],
)
def test_a_connection_that_ends_with_its_response_is_not_reused(wire, answer):
    def once(connection):
        received(connection)
        connection.sendall(answer)

    talk, connections = counted(once)
    with listening(talk) as port:
        over = wire(port)
        assert [over.send(create_request(b"{}"))[0].error for _ in range(3)] == ["", "", ""]
    assert len(connections) == 3


UNSIGNED = {"x-ncp-apigw-signature-v2": None}


@pytest.mark.parametrize("body", [b'{"name": "a"}', b"{}"], ids=["400 to the body", "501 to the body"])
def test_a_body_that_a_server_leaves_unread_is_not_blamed_on_the_next_request(wire, body):
    rejected = RequestSpec("POST", body=body, headers=UNSIGNED)
    with listening(reading_no_rejected_body(lambda *_: response())) as port:
        over = wire(port)
        exchanges = [over.send(one)[0] for one in (rejected, create_request(b"{}"), list_request())]
    assert [(one.status, one.error) for one in exchanges] == [(401, ""), (200, ""), (200, "")]
    assert (exchanges[1].left_unread, exchanges[1].sent) == (rejected, 2)
    assert (exchanges[0].left_unread, exchanges[2].left_unread) == (None, None)


def test_a_request_that_is_rejected_on_a_new_connection_too_is_rejected_for_itself(wire):
    with listening(sending(response(401), response(400))) as port:
        over = wire(port)
        over.send(RequestSpec("POST", body=b"{}", headers=UNSIGNED))
        exchange = over.send(list_request())[0]
    assert (exchange.status, exchange.left_unread, exchange.sent) == (400, None, 2)


def test_a_signature_that_is_valid_only_once_says_nothing_about_the_body_before(wire):
    answers = iter([response(401), response(400), response(401)])

    def talk(connection):
        while received(connection) is not None:
            connection.sendall(next(answers))

    with listening(talk) as port:
        over = wire(port)
        over.send(RequestSpec("POST", body=b"{}", headers=UNSIGNED))
        exchange = over.send(list_request())[0]
    assert (exchange.status, exchange.left_unread) == (400, None)


def test_a_connection_that_is_closed_after_a_rejection_is_no_sign_of_an_unread_body(wire):
    answers = [response(401), b"", response()]
    rejected = RequestSpec("POST", body=b"{}", headers=UNSIGNED)

    def talk(connection):
        while received(connection) is not None and (answer := answers.pop(0)):
            connection.sendall(answer)

    with listening(talk) as port:
        over = wire(port)
        exchanges = [over.send(one)[0] for one in (rejected, create_request(b"{}"), create_request(b"{}"))]
    assert [(one.status, bool(one.error), one.late) for one in exchanges] == [(401, False, False), (0, True, False), (200, False, False)]
    assert [one.left_unread for one in exchanges] == [None, None, None]


def test_a_connection_that_was_closed_while_idle_costs_nothing(wire):
    bodies, closed = [], threading.Event()

    def once(connection):
        bodies.append(received(connection).body)
        connection.sendall(response())
        connection.shutdown(socket.SHUT_RDWR)
        closed.set()

    with listening(once) as port:
        over = wire(port)
        for body in (b"1", b"2", b"3"):
            closed.clear()
            exchange = over.send(create_request(body))[0]
            assert (exchange.status, exchange.error) == (200, "")
            assert closed.wait(300)
    assert bodies == [b"1", b"2", b"3"]


def test_a_post_that_the_server_may_have_read_is_not_sent_again_behind_the_back_of_the_check(wire):
    bodies = []

    def talk(connection):
        first = received(connection)
        bodies.append(first.body)
        connection.sendall(response())
        if (second := received(connection)) is not None:
            bodies.append(second.body)  # it may have been carried out, and only the response is lost

    with listening(talk) as port:
        over = wire(port)
        reason = [over.send(create_request(body))[0] for body in (b"1", b"2", b"3", b"4")]
    assert [exchange.status for exchange in reason] == [200, 0, 200, 200]
    assert reason[1].error == "the connection was closed without a response"
    assert bodies == [b"1", b"2", b"3", b"4"], "and from then on each request has a connection of its own"


def test_a_look_that_was_lost_with_an_idle_connection_is_sent_again(wire):
    targets = []

    def talk(connection):
        targets.append(received(connection).target)
        connection.sendall(response())
        if (second := received(connection)) is not None:
            targets.append(second.target)

    with listening(talk) as port:
        over = wire(port)
        assert [over.send(list_request(f"limit={number}"))[0].error for number in (1, 2)] == ["", ""]
    assert [target.partition("=")[2] for target in targets] == ["1", "2", "2"]


def test_unsolicited_bytes_are_not_read_as_the_next_response(wire):
    twice = response(200, {"n": 1}) + response(500, {"n": 2})
    with listening(sending(twice, response(200, {"n": 3}))) as port:
        over = wire(port)
        assert [over.send(create_request(b"{}"))[0].value for _ in range(2)] == [{"n": 1}, {"n": 3}]


def test_after_an_interruption_half_a_response_is_not_read_as_the_next_one(wire, monkeypatch):
    with listening(answering(lambda request: response(200, {"said": request.target}))) as port:
        over = wire(port)
        over.send(list_request("limit=1"))
        with monkeypatch.context() as patch:

            def interrupted(*_):
                raise KeyboardInterrupt

            patch.setattr(over, "_read", interrupted)
            with pytest.raises(KeyboardInterrupt):
                over.send(list_request("limit=2"))
        assert over.send(list_request("limit=3"))[0].value == {"said": "/api/v1/tasks?limit=3"}


# -- servers that are slow, endless, or speak something else ------------------------------------------------------------------------------


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


def dripping(before, drop):
    """Send something, and then a little more for ever."""

    def talk(connection):
        received(connection)
        connection.sendall(before)
        while True:
            connection.sendall(drop)
            time.sleep(0.01)

    return talk


def pouring(before, flood):
    """Send something, and then as much as the other side reads."""

    def talk(connection):
        received(connection)
        connection.sendall(before)
        while True:
            connection.sendall(flood)

    return talk


def blurting(data):
    """Send something, whatever it is, and close."""

    def talk(connection):
        received(connection)
        connection.sendall(data)

    return talk


def silent(connection):
    received(connection)
    connection.recv(1)


def test_an_exchange_without_a_response_is_over_when_its_time_is(wire):
    with listening(silent) as port:
        exchange = wire(port, timeout_s=SHORT_S).send(create_request(b"{}"))[0]
    assert (exchange.status, exchange.error) == (0, f"no response within {SHORT_S} s")
    assert not exchange.accepted


@pytest.mark.parametrize(
    ("talk", "status"),
    [
        (dripping(b"", b"H"), 0),
        (dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), 0),
        (pouring(b"", b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" * 500), 0),
        (dripping(HEAD, b"x-more: y\r\n"), 0),
        (dripping(HEAD + b"content-length: 1000\r\n\r\n", b"x"), 200),
        (dripping(HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n"), 200),
        (dripping(HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\n", b"x: y\r\n"), 200),
    ],
    ids=["a slow line", "100 for ever", "103 in floods", "slow headers", "a slow body", "slow chunks", "slow trailers"],
)
def test_an_exchange_is_over_when_its_time_is_whatever_trickles_in(wire, monkeypatch, talk, status):
    # Whenever the transport looks at its clock, a twentieth of the time is gone: before it sends, and before each time it reads.
    monkeypatch.setattr(transport_http, "monotonic", itertools.count(step=15).__next__)
    with listening(talk) as port:
        exchange = wire(port, timeout_s=300).send(create_request(b"{}"))[0]
    assert (exchange.status, exchange.error, exchange.late) == (status, "no response within 300 s", True)
    assert not exchange.accepted


@pytest.mark.parametrize(
    ("talk", "status", "error"),
    [
        (pouring(HEAD + b"\r\n", b"x" * 65_536), 200, f"the body is longer than {MAX_BODY_BYTES:,} bytes"),
        (
            pouring(HEAD + b"transfer-encoding: chunked\r\n\r\n", (b"400\r\n" + b"x" * 1024 + b"\r\n") * 64),
            200,
            f"the body is longer than {MAX_BODY_BYTES:,} bytes",
        ),
        (pouring(b"HTTP/1.1 200 OK\r\n", b"a: " + b"x" * 1000 + b"\r\n"), 0, "not HTTP: "),
        (pouring(b"", b"x" * 10_000), 0, "not HTTP: "),
        (blurting(b"\x00\x01 hello\r\n\r\n"), 0, "not HTTP: "),
        (blurting(b"220 mail.example ESMTP\r\n\r\n"), 0, "not HTTP: "),
        (blurting(b"HTTP/1.1 20 OK\r\n\r\n"), 0, "not HTTP: "),
        (blurting(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nhello"), 0, "not HTTP: "),
        (blurting(HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{} "), 0, "not HTTP: "),
        (blurting(HEAD + b"content-length: two\r\n\r\n{}"), 0, "not HTTP: "),
        (blurting(HEAD + b"transfer-encoding: chunked\r\n\r\nZZ\r\n{}"), 200, "not HTTP: "),
        (blurting(HEAD + b"content-length: 100\r\n\r\n{}"), 200, "the connection was closed in the middle of the response"),
        (blurting(HEAD + b"transfer-encoding: chunked\r\n\r\n9\r\n{}"), 200, "the connection was closed in the middle of the response"),
        (blurting(HEAD), 0, "the connection was closed without a response"),
        (blurting(b""), 0, "the connection was closed without a response"),
    ],
    ids=[
        "an endless body",
        "endless chunks",
        "endless headers",
        "an endless line",
        "binary",
        "mail",
        "a status of two digits",
        "a protocol nobody asked for",
        "two lengths",
        "a length in words",
        "a chunk of no size",
        "half a body",
        "half a chunk",
        "half a head",
        "nothing",
    ],
)
def test_an_incomplete_response_is_described(wire, talk, status, error):
    with listening(talk) as port:
        exchange = wire(port).send(create_request(b"{}"))[0]
    assert exchange.status == status
    assert exchange.error.startswith(error)
    assert len(exchange.error) < 200


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=60)
    | st.builds(
        lambda status, headers, body: b"HTTP/1.1 %d X\r\n" % status + b"".join(headers) + b"\r\n" + body,
        st.integers(0, 1200),
        st.lists(
            st.sampled_from(
                [
                    b"content-length: 3\r\n",
                    b"transfer-encoding: chunked\r\n",
                    b"connection: close\r\n",
                    b"\xff: \xff\r\n",
                    b": \r\n",
                    b" x\r\n",
                    b"upgrade: x\r\n",
                ]
            )
        ),
        st.sampled_from([b"", b"{}", b"{} ", b"2\r\n{}\r\n0\r\n\r\n", b"-1\r\n", b"ffffffffffffffffffff\r\n", b"\x00" * 70]),
    )
)
def test_no_bytes_of_a_server_make_an_exchange_raise(wire, data):
    """Send gives an exchange, with a status or a reason, whatever comes back."""
    with listening(blurting(data)) as port:
        exchange = wire(port, timeout_s=300).send(list_request())[0]
    assert exchange.error or exchange.status >= 200


def test_a_refused_connection_is_reported_with_the_reason(wire):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert wire(port).send(list_request())[0].error == "no connection: Connection refused"


def test_a_host_without_an_address_is_reported(wire):
    exchange = wire(80, host="nowhere.invalid").send(list_request())[0]
    assert exchange.status == 0
    assert exchange.error.startswith("no connection: ")


# -- TLS ----------------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """Start a server with a certificate for 127.0.0.1 of a temporary authority; return its port and the authority's file."""
    authority, chain, key = certificates(tmp_path_factory.mktemp("tls"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    with listening(sending(response()), wrap=lambda connection: context.wrap_socket(connection, server_side=True)) as port:
        yield port, authority


def test_certificates_of_an_authority_of_ones_own_are_trusted_when_it_is_named(wire, tls):
    port, authority = tls
    over = wire(port, scheme="https", cafile=str(authority))
    assert [over.send(create_request(b"{}"))[0].status for _ in range(3)] == [200, 200, 200]


def test_untrusted_certificates_are_rejected(wire, tls):
    port, _ = tls
    exchange = wire(port, scheme="https").send(list_request())[0]
    assert (exchange.status, exchange.error) == (0, "no connection: TLS: CERTIFICATE_VERIFY_FAILED")


def test_a_certificate_for_another_name_is_rejected(wire, tls):
    port, authority = tls
    exchange = wire(port, scheme="https", host="localhost", cafile=str(authority)).send(list_request())[0]
    assert exchange.error == "no connection: TLS: CERTIFICATE_VERIFY_FAILED"


def test_a_server_without_tls_is_reported(wire):
    with listening(lambda connection: connection.recv(1) and connection.sendall(response(400))) as port:
        exchange = wire(port, scheme="https").send(list_request())[0]
    assert exchange.status == 0
    assert exchange.error.startswith("no connection: TLS: ")


def test_a_handshake_without_a_response_ends_in_time(wire):
    with listening(lambda connection: connection.recv(1) and connection.recv(100_000) and connection.recv(1)) as port:
        exchange = wire(port, scheme="https", timeout_s=SHORT_S).send(list_request())[0]
    assert exchange.error == f"no connection: no response within {SHORT_S:g} s"


def test_a_file_without_certificates_is_rejected_before_anything_is_sent(wire, tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text("hello")
    with pytest.raises(ValueError, match=r"--cacert: .*ca\.pem holds no certificates"):
        wire(443, scheme="https", cafile=str(file))


# -- secrets ------------------------------------------------------------------------------------------------------------------------------


CANARY = Credentials("CANARYACCESSKEY00001", "CANARYsecretKEY0000000000000000000000001")


def test_secrets_that_a_server_repeats_are_masked_in_its_response(wire):
    def answer(request):
        signature = request.header("x-ncp-apigw-signature-v2")[0]
        secrets = [
            CANARY.access_key,
            signature,
            "Bearer CANARYtoken",
            CANARY.secret_key,
            "short",
            request.header("x-ncp-apigw-timestamp")[0],
        ]
        return response(401, {"seen": secrets}, f"x-seen: {CANARY.access_key} {signature}")

    with listening(answering(answer)) as port:
        exchange = wire(port, keys=CANARY, headers=[("authorization", "Bearer CANARYtoken"), ("x-tenant", "short")]).send(list_request())[0]
    access_key, signature, *others = exchange.value["seen"]
    assert (access_key, others[:3]) == ("***", ["***", "***", "short"])
    assert signature.lstrip("+/") == "***", "only letters and digits are compared, and a signature can begin with another character"
    assert others[3].isdigit()
    assert "CANARY" not in str(exchange.headers)


def test_words_that_responses_contain_anyway_are_not_masked_whatever_header_has_them(wire):
    value = {"task_id": "1", "train_bucket": "my-bucket-1", "task_name": "nclue-check 1", "completed_at": None}
    headers = [("accept", "application/json"), ("x-bucket", "my-bucket-1"), ("x-who", "nclue-check"), ("x-field", "completed_at")]
    with listening(answering(lambda _: response(200, value))) as port:
        exchange = wire(port, headers=headers, not_secret=["my-bucket-1"], keys=Credentials("EXAMPLEACCESSKEY0001", "test")).send(
            list_request()
        )[0]
    assert exchange.value == value
    assert dict(exchange.headers)["content-type"] == "application/json"


def test_secrets_are_not_in_the_reason_for_a_missing_response(wire):
    with listening(answering(lambda request: request.header("x-ncp-iam-access-key")[0].encode() + b"\r\n\r\n")) as port:
        error = wire(port, keys=CANARY).send(list_request())[0].error
    assert error.startswith("not HTTP: ")
    assert "CANARY" not in error
    assert "***" in error
