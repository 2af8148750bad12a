"""Many clients at the same time, for a while: every response is correct, and memory does not grow.

Run it with `python tools/soak.py [--seconds 60] [--clients 50]`. Each client creates a task, sends invalid requests, reads the task
until it is completed, looks for it in the list, deletes it, and checks that it is gone. The validator checks every response. Exit code 0
when all were right and the server's resident memory grew by less than 20 MB after the first 10 seconds, else 1. Everything stays on
loopback and ends by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import json
import os
import subprocess
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, ClassVar

from nclue_contract import Validator
from nclue_contract.signing import Credentials, signed_headers

KEYS = Credentials("EXAMPLEACCESSKEY0001", "EXAMPLEsecretKEY0000000000000000000000001")
PREFIX = "/api/v1"
WARM_UP = 10
"""Seconds after which memory is first measured."""
LIMIT_MB = 20
PAYLOAD = {
    "train_feature_id": "0ccc59f9-0000-4000-8000-7837ae76d046",
    "train_bucket": "answers",
    "train_file_path": "churn/2026-11/train.tsv",
}
ORDER = ["registered", "pending", "in_progress", "completed"]


class Client:
    """One client with its own connection. Raises `AssertionError` for an unexpected response."""

    counts: ClassVar[collections.Counter[str]] = collections.Counter()
    validator = Validator({"test-triple": "independent"})

    def __init__(self, number: int, address: tuple[str, int]) -> None:
        self._number = number
        self._address = address
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def live(self, end: float) -> None:
        """Go on until the end."""
        try:
            for task in range(1_000_000_000):
                if time.monotonic() > end:
                    return
                await self.one_task(f"client {self._number} task {task}")
        finally:
            if self._streams is not None:
                self._streams[1].close()

    async def one_task(self, name: str) -> None:
        """Run one task from creation to deletion."""
        payload = {"name": name, **PAYLOAD}
        created = await self.send("createTask", "POST", "/tasks", 200, payload)
        path = f"/tasks/{created['task_id']}"
        require(created["task_name"] == name, "the task of somebody else was created")
        rejected = await self.send("createTask", "POST", "/tasks", 409, payload)
        require(rejected["error"]["errorCode"] == "10102", "a taken name has another code")
        rejected = await self.send("createTask", "POST", "/tasks", 422, payload | {"train_file_path": "a~b"})
        require(rejected["error"]["errorCode"] == "10104", "a forbidden character has another code")
        seen: list[str] = []
        while seen[-1:] != ORDER[-1:]:
            task = await self.send("getTask", "GET", path, 200)
            require(task["task_name"] == name, "the task of somebody else was read")
            seen.append(task["status"])
            require(
                len(seen) < 1000 and [ORDER.index(status) for status in seen] == sorted(ORDER.index(status) for status in seen), "no order"
            )
            await asyncio.sleep(0.01)
        page = await self.send("listTasks", "GET", "/tasks?index=0&limit=100", 200)
        require(name in {task["task_name"] for task in page["tasks"]}, "a task is not in the list")
        deleted = await self.send("deleteTask", "DELETE", path, 200)
        require(deleted == {"task_id": created["task_id"]}, "another task was deleted")
        await self.send("getTask", "GET", path, 404)

    async def send(self, operation: str, method: str, path: str, expected: int, payload: object = None) -> Any:  # noqa: ANN401  # any JSON value
        """Send a signed request; return the value of the response, which must be valid."""
        target = PREFIX + path
        headers = signed_headers(method, target, KEYS, time.time_ns() // 1_000_000)
        body = b"" if payload is None else json.dumps(payload).encode()
        lines = [f"{method} {target} HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(body)}", *map(": ".join, headers.items())]
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._address)
        reader, writer = self._streams
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        async with asyncio.timeout(30):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
            answered = dict(line.split(": ", 1) for line in head[1:] if line)
            content = await reader.readexactly(int(answered["content-length"]))
        status = int(head[0].split()[1])
        require(status == expected, f"{method} {path} was answered {status} instead of {expected}: {content[:300]!r}")
        given = payload if operation == "createTask" else None
        report = self.validator.validate_response(operation, status, answered, content, request=given)
        require(report.ok, f"{method} {path}: {[finding.message for finding in report.errors]}")
        self.counts[f"{operation} {status}"] += 1
        return json.loads(content)


def require(condition: object, message: str) -> None:
    """Raise `AssertionError`, also when Python optimises."""
    if not condition:
        raise AssertionError(message)


def resident_mb(process_id: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{process_id}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def watch(process_id: int, end: float, figures: list[float]) -> None:
    """Note the memory once per second, after the warm-up."""
    await asyncio.sleep(WARM_UP)
    while time.monotonic() < end:
        figures.append(resident_mb(process_id))
        await asyncio.sleep(1)


async def soak(process_id: int, address: tuple[str, int], clients: int, seconds: float) -> list[float]:
    """Run the clients; return the memory over time. The first unexpected response ends everything."""
    end = time.monotonic() + seconds
    figures: list[float] = []
    lives: list[Coroutine[Any, Any, None]] = [Client(number, address).live(end) for number in range(clients)]
    async with asyncio.TaskGroup() as group:
        for life in [*lives, watch(process_id, end, figures)]:
            group.create_task(life)
    return figures


def main() -> int:
    """Start the server, let clients live, print figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=50)
    options = parser.parse_args()
    if options.seconds < WARM_UP + 5:
        parser.error(f"--seconds: at least {WARM_UP + 5}, since memory is looked at after {WARM_UP} seconds only")
    variables = {name: value for name, value in os.environ.items() if not name.startswith("NCLUE_")}
    command = [sys.executable, "-m", "nclue_contract", "serve", "--progress", "seconds:0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables) as process:
        try:
            url = next(line for line in process.stdout or () if line.startswith("LISTENING ")).split()[1]
            host, _, port = url.removeprefix("http://").partition("/")[0].partition(":")
            started = time.monotonic()
            figures = asyncio.run(soak(process.pid, (host, int(port)), options.clients, options.seconds))
            took = time.monotonic() - started
        except ExceptionGroup as errors:
            print(f"soak: FAILED. {errors.exceptions[0]}", file=sys.stderr)
            return 1
        finally:
            process.terminate()
            _, logged = process.communicate(timeout=30)
    requests = sum(Client.counts.values())
    print(f"{options.clients} clients, {took:.0f} s: {requests:,} answers ({requests / took:,.0f}/s), none of them wrong")
    print("  " + ", ".join(f"{name}: {number:,}" for name, number in sorted(Client.counts.items())))
    growth = max(figures) - figures[0]
    print(f"resident memory: {figures[0]:.1f} MB after {WARM_UP} s, {figures[-1]:.1f} MB at the end, {growth:+.1f} MB at most")
    print(f"the server ended with exit code {process.returncode} and logged {len(logged)} characters")
    return 0 if growth < LIMIT_MB and process.returncode == 0 and not logged else 1


if __name__ == "__main__":
    sys.exit(main())
