"""Seconds and CPU time of the default contract check over HTTP: near and distant servers, with one connection and with several.

Run it with `python tools/bench_check.py [--delay-ms 0,120] [--connections 1,8]`. The reference service runs in a
process of its own, with stages of half a second as `nclue-contract serve` has them; behind it, each response is delayed, as a gateway far
away does it, while other requests go on. CPU time is that of the check alone. Everything stays on loopback and ends by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import uvicorn

from nclue_contract.check.run import CheckOptions, check
from nclue_contract.contract.readings import Readings
from nclue_contract.service.asgi import App
from nclue_contract.service.lifecycle import ProgressMode
from nclue_contract.service.service import Service
from nclue_contract.signing import EXAMPLE

START_S = 60
"""Seconds within which the server has to start."""


async def _delayed(app: Callable[..., Awaitable[None]], delay_s: float, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
    """Pass a request to an ASGI application after the delay; others go on meanwhile."""
    if scope["type"] == "http" and delay_s:
        await asyncio.sleep(delay_s)
    await app(scope, receive, send)


def serve(delay_s: float, ready: Connection) -> None:
    """Run the service until the process is ended; send the port that it listens on."""
    service = Service({EXAMPLE.access_key: EXAMPLE.secret_key}, progress=ProgressMode("seconds", 0.5))
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    ready.send(listener.getsockname()[1])
    app = partial(_delayed, App(service), delay_s)
    uvicorn.Server(uvicorn.Config(app, interface="asgi3", http="h11", log_level="critical", lifespan="off")).run([listener])


def measure(delay_ms: int, connections: int) -> str:
    """Check a server with this delay; return a line of the table."""
    parent, child = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(delay_ms / 1000, child), daemon=True)
    process.start()
    try:
        if not parent.poll(START_S):
            raise TimeoutError("the server did not start")
        options = CheckOptions(f"http://127.0.0.1:{parent.recv()}/api/v1", connections=connections)
        began_s, cpu_s = time.perf_counter(), time.process_time()
        result = check(options, Readings.of(None), {})
        took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - cpu_s
    finally:
        process.terminate()
        process.join()
    requests = result.requests + result.cleanup_requests
    outcome = f"exit {result.exit_code}" + (f" ({result.stop_reason})" if result.stop_reason else "")
    return f"{delay_ms:>8} {connections:>11} {took_s:>8.1f} {cpu_s:>8.2f} {requests:>9}  {outcome}"


def main() -> int:
    """Measure all combinations and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    numbers = lambda text: [int(part) for part in text.split(",")]  # noqa: E731
    parser.add_argument("--delay-ms", type=numbers, default=[0, 120], metavar="MS,…", help="delays of each response (0,120)")
    parser.add_argument("--connections", type=numbers, default=[1, 8], metavar="N,…", help="numbers of connections (1,8)")
    options = parser.parse_args()
    print("delay ms connections  seconds    CPU s  requests")
    for delay_ms in options.delay_ms:
        for connections in options.connections:
            print(measure(delay_ms, connections), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
