"""The second implementation over real HTTP, on loopback."""

import http.client
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from tests.second_server.client import START, TASK
from tests.second_server.server import SecondServer, serve
from tests.support.signing import ACCESS, signature


@pytest.fixture
def wire():
    """Open a connection to a running server."""
    with serve(SecondServer(now_ms=lambda: START)) as base:
        address = urlsplit(base)
        assert (address.hostname, address.path) == ("127.0.0.1", "/api/v1")
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=300)
        yield connection
        connection.close()


def ask(connection, method, path, body=None, **more):
    headers = {
        "X-NCP-APIGW-TIMESTAMP": str(START),
        "X-NCP-IAM-ACCESS-KEY": ACCESS,
        "X-NCP-APIGW-SIGNATURE-V2": signature(method, "/api/v1" + path, str(START)),
        **more,
    }
    connection.request(method, "/api/v1" + path, body, headers)
    response = connection.getresponse()
    return response, response.read()


def test_the_four_operations_work_over_one_kept_connection(wire):
    response, content = ask(wire, "POST", "/tasks", json.dumps({**TASK, "name": "구매"}, ensure_ascii=False).encode())
    assert (response.status, response.version, response.getheader("content-type")) == (200, 11, "application/json")
    assert response.getheader("date") == "Tue, 26 Nov 2024 02:48:16 GMT"
    kept = wire.sock
    created = json.loads(content)
    assert json.loads(ask(wire, "GET", "/tasks?index=0&limit=5")[1])["tasks"][0]["task_name"] == "구매"
    assert json.loads(ask(wire, "GET", f"/tasks/{created['task_id']}")[1])["status"] == "registered"
    assert json.loads(ask(wire, "DELETE", f"/tasks/{created['task_id']}")[1]) == {"task_id": created["task_id"]}
    assert ask(wire, "GET", f"/tasks/{created['task_id']}")[0].status == 404
    assert wire.sock is kept


def test_rejections_keep_the_connection_in_step(wire):
    assert ask(wire, "POST", "/tasks", b" " * (1024 * 1024 + 1))[0].status == 413
    response, content = ask(wire, "PUT", "/tasks", b"left unread otherwise")
    assert (response.status, response.getheader("allow"), json.loads(content)["error"]["errorCode"]) == (405, "GET, POST", None)
    response, content = ask(wire, "HEAD", "/tasks")
    assert (response.status, content) == (405, b"")
    assert ask(wire, "GET", "/tasks", None, **{"X-NCP-IAM-ACCESS-KEY": "NOBODY"})[0].status == 401
    assert ask(wire, "GET", "/tasks")[0].status == 200


def test_a_body_in_chunks_is_put_together(wire):
    content = json.dumps(TASK).encode()
    assert ask(wire, "POST", "/tasks", iter([content[:10], content[10:]]))[0].status == 200
    assert json.loads(ask(wire, "GET", "/tasks")[1])["tasks"][0]["task_name"] == "alpha"


def test_a_body_that_cannot_be_read_ends_the_connection(wire):
    response, _ = ask(wire, "GET", "/tasks", None, **{"Content-Length": "some"})
    assert (response.status, response.getheader("connection")) == (400, "close")


def test_a_response_without_content_keeps_the_connection_in_step():
    with serve(SecondServer(["delete-answers-204"], now_ms=lambda: START)) as base:
        connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=300)
        task_id = json.loads(ask(connection, "POST", "/tasks", json.dumps(TASK))[1])["task_id"]
        assert ask(connection, "DELETE", f"/tasks/{task_id}")[0].status == 204
        assert json.loads(ask(connection, "GET", "/tasks")[1])["total"] == 0
        connection.close()


def test_closing_the_server_cuts_idle_connections():
    with serve(SecondServer(now_ms=lambda: START)) as base:
        idle = socket.create_connection(("127.0.0.1", urlsplit(base).port), timeout=300)
        connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=300)
        assert ask(connection, "GET", "/tasks")[0].status == 200
    with idle:
        assert idle.recv(1) == b""
    connection.close()


def test_several_clients_are_served_at_once():
    with serve(SecondServer(now_ms=lambda: START)) as base:

        def create(number):
            connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=300)
            status = ask(connection, "POST", "/tasks", json.dumps({**TASK, "name": f"n{number % 10}"}))[0].status
            connection.close()
            return status

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(create, range(40))) == [200] * 10 + [409] * 30
