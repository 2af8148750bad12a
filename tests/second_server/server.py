"""A second implementation of the tasks API, written from the documentation pages alone, to test the contract check with.

It shares nothing with the package. A request goes through functions over an in-memory SQLite database; which task is in which
stage follows from the clock alone. Faults are changes to the text of these functions (`patch`, `faults`).
"""

import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR, socket

from tests.second_server.faults.catalogue import CATALOGUE, FAULTS, NEEDS_FAILING_FILE, NEEDS_UNKNOWN_FILE
from tests.second_server.patch import load
from tests.support.readings import OPTIONS
from tests.support.signing import ACCESS, SECRET

__all__ = ["FAULTS", "NEEDS_FAILING_FILE", "NEEDS_UNKNOWN_FILE", "VARIANTS", "SecondServer", "serve"]

Headers = list[tuple[str, str]]

VARIANTS: dict[str, tuple[str, ...]] = OPTIONS
EXAMPLE_KEYS = {ACCESS: SECRET}


class SecondServer:
    """The tasks API in memory; `faults` are ids of FAULTS, `variant` chooses options of VARIANTS. ValueError for an unknown id."""

    def __init__(
        self,
        faults: Iterable[str] = (),
        variant: Mapping[str, str] | None = None,
        *,
        now_ms: Callable[[], int],
        keys: Mapping[str, str] = EXAMPLE_KEYS,
        stage_ms: int = 500,
        known_files: frozenset[str] | None = None,
        known_features: frozenset[str] | None = None,
        failing_files: frozenset[str] = frozenset(),
        prefix: str = "/api/v1",
    ) -> None:
        wanted = list(faults)
        for fault in wanted:
            if fault not in CATALOGUE:
                raise ValueError(f"The second server has no fault {fault!r}.")
        for reading, option in (variant or {}).items():
            if option not in VARIANTS.get(reading, ()):
                raise ValueError(f"The second server has no option {option!r} of {reading!r}.")
        chosen = {**{reading: options[0] for reading, options in VARIANTS.items()}, **(variant or {})}
        self.now_ms = now_ms
        self.prefix = prefix
        self._lock = threading.Lock()
        self._app = load([edit for fault in wanted for edit in CATALOGUE[fault].edits])
        self._site = self._app.open_site(chosen, keys, stage_ms, known_files, known_features, failing_files, prefix)
        weakref.finalize(self, self._site.db.close)

    def handle(self, method: str, target: str, headers: Headers, body: bytes) -> tuple[int, Headers, bytes]:
        """Return status, headers and body of the response to one request; `target` is path and query as they are sent."""
        with self._lock:
            call = self._app.Call(self.now_ms(), method, target, target.partition("?")[2], headers, body, "")
            answer: tuple[int, Headers, bytes] = self._app.respond(self._site, call)
            return answer


class Listener(ThreadingHTTPServer):
    """A server whose threads end with it: open connections are cut when it closes."""

    daemon_threads = False
    request_queue_size = 128  # with less, a burst of connections waits a second for its second try
    second: SecondServer

    def __init__(self, port: int) -> None:
        self.connections: set[socket] = set()
        super().__init__(("127.0.0.1", port), Handler)

    def get_request(self) -> tuple[socket, tuple[str, int]]:
        connection, address = super().get_request()
        self.connections.add(connection)
        return connection, address

    def shutdown_request(self, request: socket) -> None:  # type: ignore[override]
        self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that disconnect in the middle, and nothing else."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    def cut(self) -> None:
        for connection in list(self.connections):
            try:
                connection.shutdown(SHUT_RDWR)
            except OSError:
                continue  # the other side was quicker


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # a response is sent in one piece
    server: Listener

    def read_body(self) -> bytes:
        """Return the body of the request, by its length or in chunks. ValueError when neither can be read."""
        if "transfer-encoding" not in self.headers:
            return self.rfile.read(int(self.headers.get("content-length", "0")))
        body = b""
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            continue  # trailing headers
        return body

    def answer(self) -> None:
        try:
            body = self.read_body()
        except ValueError:
            self.close_connection = True  # it is unknown where the next request begins
            self.send_error(400)
            return
        status, headers, content = self.server.second.handle(self.command, self.path, list(self.headers.items()), body)
        self.send_response_only(status)
        self.send_header("Date", formatdate(self.server.second.now_ms() / 1000, usegmt=True))
        for name, value in headers:
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_TRACE = answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def serve(server: SecondServer, port: int = 0) -> Iterator[str]:
    """Run the server on 127.0.0.1 in a thread; yield its base URL, which ends in /api/v1. Port 0 is a free port."""
    listener = Listener(port)
    listener.second = server
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.server_port}{server.prefix}"
    finally:
        listener.shutdown()
        listener.cut()
        listener.server_close()
        thread.join()
