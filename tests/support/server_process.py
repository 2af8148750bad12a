"""The server as users run it: a process of its own, on a free port of this machine, which always ends with the test."""

import http.client
import json
import os
import queue
import signal
import tempfile
import threading
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.forked_command import ForkedCommand
from tests.support.payloads import PAYLOAD
from tests.support.signing import signed

DEADLINE = 300
"""Seconds in which the server must have started, and in which it must respond."""


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """Return status and error code."""
        return self.status, self.json()["error"]["errorCode"]


@dataclass
class Running:
    """A server that is running. `url` is its base URL, `lines` what it has printed before the URL, `page` its page for people."""

    process: ForkedCommand
    url: str
    lines: list
    page: str
    _errors: Path = field(repr=False)
    _received: queue.Queue = field(repr=False)

    @property
    def address(self):
        parts = urlsplit(self.url)
        return parts.hostname, parts.port

    @property
    def origin(self):
        return "http://{}:{}".format(*self.address)

    def connection(self):
        """Open a connection of http.client, to be used in a `with` statement."""
        return closing(http.client.HTTPConnection(*self.address, timeout=DEADLINE))

    def send(self, method, target, body=None, headers=None):
        """Send a request as it is given, on a connection of its own."""
        with self.connection() as connection:
            connection.request(method, target, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())

    def call(self, method, path="", payload=None, **headers):
        """Send a signed request below `/api/v1/tasks`; a payload that is no bytes becomes JSON."""
        target = f"/api/v1/tasks{path}"
        body = payload if payload is None or isinstance(payload, bytes) else json.dumps(payload).encode()
        return self.send(method, target, body, signed(method, target) | {"content-type": "application/json"} | headers)

    def create(self, name="churn", **changes):
        return self.call("POST", "", PAYLOAD | {"name": name} | changes)

    def control(self, name, options=None):
        """Send a request to a control path; with options by POST."""
        method = "GET" if options is None else "POST"
        return self.send(method, f"/_nclue/{name}", None if options is None else json.dumps(options).encode())

    def journal(self):
        return self.control("journal").json()["entries"]

    def errors(self):
        """Return what the server has written on standard error."""
        return self._errors.read_text(encoding="utf-8")

    def line(self):
        """Return the next line that it prints; None at the end."""
        return self._received.get(timeout=DEADLINE)

    def rest(self):
        """Return the lines that it has printed and not returned, up to its end."""
        return list(iter(self.line, None))

    def memory(self):
        """Return the resident memory in MB."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def stop(self, number=signal.SIGTERM):
        """End it with a signal and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(DEADLINE)


def environment(**changes):
    """Return the environment without keys, and with changes; None leaves a variable out."""
    changes = {"NCLUE_ACCESS_KEY": None, "NCLUE_SECRET_KEY": None, "PYTHONUNBUFFERED": None} | changes
    kept = {name: value for name, value in os.environ.items() if name not in changes}
    return kept | {name: value for name, value in changes.items() if value is not None}


def lines_of(stdout, received):
    with stdout:
        for line in stdout:
            received.put(line.rstrip("\n"))
    received.put(None)


@contextmanager
def running(*options, cwd=None, name="serve", **variables):
    """Start `nclue-contract serve`, or another command, with these options, and wait until it listens."""
    reading, writing = os.pipe()
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "errors").open("wb") as errors, Path(os.devnull).open("rb") as nothing:
        streams = {"stdin": nothing.fileno(), "stdout": writing, "stderr": errors.fileno()}
        process = ForkedCommand([name, *options], environment(**variables), **streams, cwd=cwd)
        os.close(writing)
        received = queue.Queue()
        reader = threading.Thread(target=lines_of, args=(os.fdopen(reading, encoding="utf-8"), received), daemon=True)
        reader.start()
        try:
            lines = []
            while (line := received.get(timeout=DEADLINE)) is not None and not line.startswith("LISTENING "):
                lines.append(line)
            page = None if line is None else received.get(timeout=DEADLINE)
            server = Running(
                process, (line or "").removeprefix("LISTENING "), lines, (page or "").removeprefix("PAGE "), Path(errors.name), received
            )
            assert page is not None, f"the server ended with exit code {process.wait()}: {server.errors()}"
            yield server
        finally:
            process.kill()
            process.wait()
            reader.join()
