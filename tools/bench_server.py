"""Requests per second of `nclue-contract serve`, of moto's server (S3), and of Prism's mock of our OpenAPI document, in one run.

Run it with `python tools/bench_server.py [--rounds N] [--seconds S]`. Each server gets one core, the client the others. In each round every
server gets requests for the same time, one after the other, to read one thing and to create things, over open connections if it keeps them
open. Ratios are medians over the rounds; only figures of one run can be compared. The three do not do the same work: ours verifies the
signature, validates the payload and stores the task; moto stores an object and verifies nothing; Prism validates the payload and
responds with an example.

moto comes with `pip install --group servers`, Prism with `npm install --prefix FOLDER @stoplight/prism-cli` (then give
`--prism FOLDER/node_modules/.bin/prism`). What is missing is skipped with a note. Everything stays on loopback and ends by itself.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from nclue_contract.signing import Credentials, signed_headers

KEYS = Credentials("EXAMPLEACCESSKEY0001", "EXAMPLEsecretKEY0000000000000000000000001")
PAYLOAD = {
    "train_feature_id": "0ccc59f9-0000-4000-8000-7837ae76d046",
    "train_bucket": "answers",
    "train_file_path": "churn/2026-11/train.tsv",
}
DEADLINE = 60
Address = tuple[str, int]


@dataclass(frozen=True)
class Target:
    """A server: where it is, and the requests that read one thing and create the n-th thing."""

    name: str
    address: Address
    read: Callable[[], bytes]
    create: Callable[[int], bytes]


def request(method: str, target: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """Return a request as the bytes that are sent."""
    lines = [f"{method} {target} HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(body)}", *map(": ".join, headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Connection:
    """Sends requests and reads responses, on one socket as long as the server keeps it open."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._socket: socket.socket | None = None

    def send(self, data: bytes) -> tuple[int, bytes]:
        """Return status and body of the response."""
        if self._socket is None:
            self._socket = socket.create_connection(self._address, DEADLINE)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(data)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, _, body = received.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        headers = dict(line.split(b": ", 1) for line in lines[1:] if b": " in line)
        length = int(headers.get(b"content-length", b"0"))
        while len(body) < length:
            body += self._more()
        if headers.get(b"connection") == b"close" or lines[0].startswith(b"http/1.0"):
            self.close()
        return int(lines[0].split()[1]), body

    def _more(self) -> bytes:
        assert self._socket is not None  # noqa: S101  # for the type checker
        chunk = self._socket.recv(65536)
        if not chunk:
            raise ConnectionError("the server closed the connection in the middle of an answer")
        return chunk

    def close(self) -> None:
        """Close the socket; the next request opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


@contextmanager
def started(command: Sequence[str], core: int | None) -> Iterator[subprocess.Popen[str]]:
    """Start a server in a separate process, on one core, without any key of the environment."""
    everywhere = os.sched_getaffinity(0)
    if core is not None:
        os.sched_setaffinity(0, {core})  # the child inherits it
    variables = {name: value for name, value in os.environ.items() if not name.startswith("NCLUE_")}
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=variables)
        os.sched_setaffinity(0, everywhere)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(address: Address, process: subprocess.Popen[str]) -> None:
    """Wait until the server accepts connections."""
    end = time.monotonic() + DEADLINE
    while True:
        try:
            socket.create_connection(address, 1).close()
        except OSError:
            if time.monotonic() > end or process.poll() is not None:
                raise
            time.sleep(0.05)
        else:
            return


def ours(stack: ExitStack, core: int | None) -> Target:
    """`nclue-contract serve`. A signature is valid for five minutes and does not cover the body, so it is computed once."""
    command = [sys.executable, "-m", "nclue_contract", "serve", "--max-tasks", "10000000"]
    process = stack.enter_context(started(command, core))
    assert process.stdout is not None  # noqa: S101  # for the type checker
    url = next(line for line in process.stdout if line.startswith("LISTENING ")).split()[1]
    host, _, port = url.removeprefix("http://").partition("/")[0].partition(":")
    now_ms = time.time_ns() // 1_000_000
    path = "/api/v1/tasks"
    posting = signed_headers("POST", path, KEYS, now_ms) | {"content-type": "application/json"}

    def create(number: int) -> bytes:
        return request("POST", path, posting, json.dumps({"name": f"task {number}", **PAYLOAD}).encode())

    connection = Connection((host, int(port)))
    _, body = connection.send(create(0))
    connection.close()
    one = f"{path}/{json.loads(body)['task_id']}"
    reading = request("GET", one, signed_headers("GET", one, KEYS, now_ms))
    return Target("nclue-contract serve", (host, int(port)), lambda: reading, create)


def moto(stack: ExitStack, core: int | None, program: str) -> Target:
    """Moto's server: an object in a bucket of S3."""
    address = ("127.0.0.1", free_port())
    wait_for(address, stack.enter_context(started([program, "-H", address[0], "-p", str(address[1])], core)))
    connection = Connection(address)
    # Only read for the service and the region.
    signed = {"authorization": "AWS4-HMAC-SHA256 Credential=EXAMPLE/20261123/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"}
    connection.send(request("PUT", "/answers", signed))
    body = json.dumps({"name": "task", **PAYLOAD}).encode()
    connection.send(request("PUT", "/answers/one", signed, body))
    connection.close()
    reading = request("GET", "/answers/one", signed)
    return Target("moto server (S3)", address, lambda: reading, lambda number: request("PUT", f"/answers/{number}", signed, body))


def prism(stack: ExitStack, core: int | None, program: str) -> Target:
    """Prism's mock of the document that the package ships."""
    address = ("127.0.0.1", free_port())
    document = Path(__file__).parent.parent / "nclue_contract" / "contract" / "openapi.json"
    options = [
        "mock",
        str(document),
        "--host",
        address[0],
        "--port",
        str(address[1]),
        "--multiprocess",
        "false",
        "--verboseLevel",
        "silent",
    ]
    wait_for(address, stack.enter_context(started([program, *options], core)))
    headers = signed_headers("GET", "/tasks/x", KEYS, time.time_ns() // 1_000_000)
    reading = request("GET", "/tasks/x", headers)
    posting = headers | {"content-type": "application/json"}

    def create(number: int) -> bytes:
        return request("POST", "/tasks", posting, json.dumps({"name": f"task {number}", **PAYLOAD}).encode())

    return Target("Prism mock", address, lambda: reading, create)


def rate(target: Target, make: Callable[[], bytes], seconds: float, clients: int) -> float:
    """Return correct responses per second; raise for an unexpected one."""
    counts, problems = [0] * clients, []
    end = time.perf_counter() + seconds

    def work(client: int) -> None:
        connection = Connection(target.address)
        try:
            while time.perf_counter() < end:
                status, body = connection.send(make())
                if status != 200:
                    problems.append(f"{target.name} answered {status}: {body[:300]!r}")
                    return
                counts[client] += 1
        except OSError as error:
            problems.append(f"{target.name}: {error}")
        finally:
            connection.close()

    begin = time.perf_counter()
    threads = [threading.Thread(target=work, args=(client,)) for client in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise RuntimeError(problems[0])
    return sum(counts) / (time.perf_counter() - begin)


def found(name: str, given: str | None) -> str | None:
    """Return the path of a program: the given one, or one beside this Python, on PATH, or among our Node tools."""
    node_tools = Path(__file__).parent / "node" / "node_modules" / ".bin"
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", ""), str(node_tools)])
    return given or shutil.which(name, path=path)


def targets(stack: ExitStack, core: int | None, options: argparse.Namespace) -> list[Target]:
    """Ours, and those that are installed."""
    started_ones = [ours(stack, core)]
    if program := found("moto_server", options.moto):
        started_ones.append(moto(stack, core, program))
    else:
        print("moto is missing, so it is left out; install it with: pip install --group servers")
    if program := found("prism", options.prism):
        started_ones.append(prism(stack, core, program))
    else:
        print("Prism is missing, so it is left out; install it with: npm install --prefix FOLDER @stoplight/prism-cli")
    return started_ones


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2, help="per server, kind of request and round")
    parser.add_argument("--clients", type=int, default=8, help="connections at the same time")
    parser.add_argument("--moto", help="moto_server, if it is not beside this Python or on the path")
    parser.add_argument("--prism", help="prism, if it is not on the path")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    core = cores[0] if len(cores) > 1 else None
    with ExitStack() as stack:
        all_targets = targets(stack, core, options)
        if core is None:
            print("there is one core only, so client and servers share it")
        else:
            os.sched_setaffinity(0, set(cores[1:]))
        numbers = itertools.count(1)
        rates: dict[tuple[str, str], list[float]] = {}
        for _, target in itertools.product(range(options.rounds), all_targets):

            def create(target: Target = target) -> bytes:
                return target.create(next(numbers))

            for kind, make in (("read", target.read), ("create", create)):
                rates.setdefault((kind, target.name), []).append(rate(target, make, options.seconds, options.clients))
    print(f"{'':22}{'read/s':>10}{'ours is':>20}{'create/s':>12}{'ours is':>20}")
    for target in all_targets:
        cells = f"{target.name:22}"
        for kind, width in (("read", 10), ("create", 12)):
            theirs = rates[kind, target.name]
            ratios = sorted(a / b for a, b in zip(rates[kind, all_targets[0].name], theirs, strict=True))
            spread = f"{statistics.median(ratios):.1f}x ({ratios[0]:.1f}-{ratios[-1]:.1f})"
            cells += f"{statistics.median(theirs):{width},.0f}{spread:>20}"
        print(cells)
    print(f"{options.clients} connections, {options.rounds} rounds of {options.seconds:g} s; medians of the rounds (lowest to highest)")


if __name__ == "__main__":
    main()
