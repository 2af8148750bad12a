"""Servers to be checked: one that accepts every request, one with a `$` in its pattern, and the parts of servers that break rules.

A server is a function over a connection; most are functions from a request to the bytes of a response.
"""

import gzip
import http.client
import json
import shutil
import socket
import subprocess
import threading
import time
import zlib
from contextlib import closing, contextmanager, suppress
from typing import NamedTuple

from tests.second_server.server import SecondServer, serve
from tests.support.payloads import COMPLETED_TASK, LISTED_TASK, TASK
from tests.support.tools import missing


class Request(NamedTuple):
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    head: bytes

    def header(self, name):
        """Return the values of a header."""
        return [value for other, value in self.headers if other.lower() == name]


def received(connection):
    """Return the next request on a connection; None when there is none."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65_536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])]
    length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
    while len(body) < length:
        body += connection.recv(65_536)
    method, target, _ = lines[0].split(" ")
    return Request(method, target, headers, body, head)


def response(status=200, value=b"{}", *more, kind="application/json", version="1.1"):
    """Return the bytes of a response; a value that is no bytes becomes JSON, `more` are lines of the head."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    lines = [f"HTTP/{version} {status} Said", f"content-type: {kind}", f"content-length: {len(body)}", *more]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def sending(*answers):
    """Respond to each request with the next of these bytes, and repeat the last."""
    left = list(answers)
    return answering(lambda _: left.pop(0) if len(left) > 1 else left[0])


def answering(answer):
    """Respond to every request on a connection with the bytes that a function returns for it."""

    def talk(connection):
        while (request := received(connection)) is not None:
            connection.sendall(answer(request))

    return talk


@contextmanager
def listening(talk, *, wrap=lambda connection: connection):
    """Run a server on loopback in threads; yield its port. `talk` is called with each connection, which is closed afterwards."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        open_now, threads = set(), []

        def one(connection):
            with suppress(OSError, ValueError):  # the other side has left, or did not speak HTTP
                connection = wrap(connection)
                open_now.add(connection)
                talk(connection)
            open_now.discard(connection)
            connection.close()

        def accept():
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    open_now.add(connection)
                    threads.append(threading.Thread(target=one, args=(connection,)))
                    threads[-1].start()

        main = threading.Thread(target=accept)
        main.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            main.join()
            for connection in list(open_now):
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


def raw_deflate(body):
    """Compress without a header, as some servers do for `deflate`."""
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(body) + stream.flush()


COMPRESSED = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-GZip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "deflate without header": ("deflate", raw_deflate),
    "deflate in gzip": ("deflate, gzip", lambda body: gzip.compress(zlib.compress(body))),
}
"""Content codings, each with the value of `content-encoding` and the function that applies it."""


@contextmanager
def forwarding(
    origin, *, rewrite=lambda target: target, before=lambda _: None, wrap=lambda connection: connection, coding=("", lambda body: body)
):
    """Run a proxy before a server; yield its port. `rewrite` changes the target; what `before` returns is sent instead of the response.

    `coding` is the content coding of every response, whatever the client accepts: its name and the function that applies it.
    """
    address = origin.rpartition("//")[2]

    def answer(request):
        if (instead := before(request)) is not None:
            return instead
        with closing(http.client.HTTPConnection(address, timeout=300)) as upstream:
            upstream.putrequest(request.method, rewrite(request.target), skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers:
                upstream.putheader(name, value)
            upstream.endheaders(request.body)
            answered = upstream.getresponse()
            body = answered.read()
        name_of_coding, encode = coding
        lines = [f"{name}: {value}" for name, value in answered.getheaders() if name.lower() not in {"connection", "content-length"}]
        body = encode(body)
        lines += [f"content-length: {len(body)}", *([f"content-encoding: {name_of_coding}"] if name_of_coding else [])]
        return "\r\n".join([f"HTTP/1.1 {answered.status} Forwarded", *lines, "", ""]).encode("latin-1") + body

    with listening(answering(answer), wrap=wrap) as port:
        yield port


def url(port):
    return f"http://127.0.0.1:{port}"


def yes(request):
    """Respond to every request with success and the example of the pages, as a simple stub does."""
    if request.method == "POST":
        return response(200, TASK)
    if request.method == "DELETE":
        return response(200, {"task_id": TASK["task_id"]})
    if request.target.partition("?")[0].endswith("/tasks"):
        return response(200, {"index": 0, "limit": 20, "total": 1, "tasks": [LISTED_TASK]})
    return response(200, COMPLETED_TASK)


@contextmanager
def always_yes():
    """Run a stub that responds to every request with 200 and a plausible body; yield its base URL."""
    with listening(answering(yes)) as port:
        yield url(port)


@contextmanager
def with_a_dollar():
    """Run a server that keeps the contract, but tests paths with `re.match("[^…]*$")`, so that a line feed at the end passes."""
    with serve(SecondServer(["path-line-end-passes"], now_ms=lambda: time.time_ns() // 1_000_000)) as base:
        yield base


def certificates(folder):
    """Return the files of a temporary authority, and of a certificate for 127.0.0.1 with its key.

    They have the extensions that RFC 5280 requires (4.2.1.1, 4.2.1.3); Python 3.13 and later accept no others.
    """
    openssl = shutil.which("openssl") or missing("openssl is missing, so nothing is tested with TLS; install it")

    def run(*arguments):
        subprocess.run([openssl, *arguments], cwd=folder, check=True, capture_output=True, timeout=300)

    new = ("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
    run(*new, "-x509", "-days", "2", "-subj", "/CN=Example authority", *usage, "-keyout", "ca.key", "-out", "ca.pem")
    run(*new, "-subj", "/CN=Example server", "-keyout", "server.key", "-out", "server.csr")
    extensions = "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\nauthorityKeyIdentifier=keyid\n"
    (folder / "extensions").write_text(extensions, encoding="ascii")
    signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "1", "-days", "2", "-extfile", "extensions")
    run("x509", "-req", "-in", "server.csr", *signing, "-out", "server.pem")
    return folder / "ca.pem", folder / "server.pem", folder / "server.key"


def reading_no_rejected_body(handle):
    """Serve on a connection like a server that rejects a create request without a signature by its head, and leaves the body unread.

    `handle` returns the bytes of a response for method, target, headers and body. What is no request line gets 400, and another method 501.
    """

    def talk(connection):
        stream = connection.makefile("rb")
        while line := stream.readline():
            words = line.decode("latin-1").split()
            lines = iter(lambda: stream.readline().decode("latin-1").strip(), "")
            headers = [(name, value.strip()) for name, _, value in (one.partition(":") for one in lines)]
            values = {name.lower(): value for name, value in headers}
            if len(words) != 3 or words[0] not in {"GET", "POST", "DELETE", "PUT"}:
                connection.sendall(response(400 if len(words) != 3 else 501, {}))
                return
            if words[0] == "POST" and "x-ncp-apigw-signature-v2" not in values:
                connection.sendall(response(401, {"error": {"errorCode": "10100", "message": "Access Denied"}}))
                continue
            body = stream.read(int(values.get("content-length", 0)))
            connection.sendall(handle(words[0], words[1], headers, body))

    return talk
