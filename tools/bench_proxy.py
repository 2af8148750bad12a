"""Latency and throughput of `nclue-contract proxy` and of Prism's proxy, before the same server, in one run.

Run it with `python tools/bench_proxy.py [--rounds N] [--seconds S]`. The server is `nclue-contract serve`; each process gets the first
core, the client the others. In each round, requests are sent for the same time directly and through each proxy, first over one
connection, for the latency, then over several, for the throughput. Both proxies validate each request and response against the contract;
ours also follows the tasks through their lifecycle. Only figures of one run can be compared.

`make node` installs Prism; another one is named with `--prism`. Without it, ours is measured alone. Everything stays on loopback and ends
by itself, after about 90 seconds.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

if __name__ == "__main__":  # a script, whose folder is on the path, but not the one above
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.bench_server import Address, Connection, Target, found, free_port, ours, rate, started, wait_for  # see above


def our_proxy(stack: ExitStack, core: int | None, upstream: str) -> Address:
    """Start `nclue-contract proxy`, and return its address."""
    address = ("127.0.0.1", free_port())
    command = [sys.executable, "-m", "nclue_contract", "proxy", upstream, "--port", str(address[1]), "--quiet"]
    wait_for(address, stack.enter_context(started(command, core)))
    return address


def prism_proxy(stack: ExitStack, core: int | None, upstream: str, program: str) -> Address:
    """Start Prism's proxy with the document that the package ships, and return its address."""
    address = ("127.0.0.1", free_port())
    document = Path(__file__).parent.parent / "nclue_contract" / "contract" / "openapi.json"
    options = ["--host", address[0], "--port", str(address[1]), "--multiprocess", "false", "--verboseLevel", "silent"]
    wait_for(address, stack.enter_context(started([program, "proxy", str(document), upstream, *options], core)))
    return address


def latencies(target: Target, make: Callable[[], bytes], seconds: float) -> list[float]:
    """Return the milliseconds that each request takes, one after the other on one connection; raise for an unexpected response."""
    connection, taken = Connection(target.address), []
    end = time.perf_counter() + seconds
    while (begin := time.perf_counter()) < end:
        status, body = connection.send(make())
        taken.append((time.perf_counter() - begin) * 1000)
        if status != 200:
            raise RuntimeError(f"{target.name} answered {status}: {body[:300]!r}")
    connection.close()
    return taken


def targets(stack: ExitStack, core: int | None, options: argparse.Namespace) -> list[Target]:
    """Return the server itself, and the server behind each proxy."""
    direct = replace(ours(stack, core), name="direct")
    origin = "http://{}:{}".format(*direct.address)
    behind = [replace(direct, name="nclue-contract proxy", address=our_proxy(stack, core, f"{origin}/api/v1"))]
    if program := found("prism", options.prism):
        # Prism puts the path of its upstream before that of the request, and matches the paths of the document.

        def read() -> bytes:
            return direct.read().replace(b" /api/v1/", b" /", 1)

        def create(number: int) -> bytes:
            return direct.create(number).replace(b" /api/v1/", b" /", 1)

        behind.append(Target("Prism proxy", prism_proxy(stack, core, f"{origin}/api/v1", program), read, create))
    else:
        print("Prism is missing, so it is left out; install it with: make node")
    return [direct, *behind]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2, help="per way, kind of request and round")
    parser.add_argument("--clients", type=int, default=8, help="connections at the same time, for the throughput")
    parser.add_argument("--prism", help="prism, if it is not on the path")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    core = cores[0] if len(cores) > 1 else None
    with ExitStack() as stack:
        ways = targets(stack, core, options)
        if core is not None:
            os.sched_setaffinity(0, set(cores[1:]))
        numbers = itertools.count(1)
        times: dict[tuple[str, str], list[float]] = {}
        rates: dict[tuple[str, str], list[float]] = {}
        for _, way in itertools.product(range(options.rounds), ways):

            def create(way: Target = way) -> bytes:
                return way.create(next(numbers))

            for kind, make in (("read", way.read), ("create", create)):
                times.setdefault((kind, way.name), []).append(statistics.median(latencies(way, make, options.seconds)))
                rates.setdefault((kind, way.name), []).append(rate(way, make, options.seconds, options.clients))
    print(f"{'':22}{'read ms':>9}{'added':>8}{'create ms':>11}{'added':>8}{'read/s':>9}{'create/s':>10}")
    for way in ways:
        shown = []
        for kind in ("read", "create"):
            taken, direct = (statistics.median(times[kind, name]) for name in (way.name, ways[0].name))
            shown += [taken, taken - direct]
        per_second = [statistics.median(rates[kind, way.name]) for kind in ("read", "create")]
        print("{:22}{:9.2f}{:8.2f}{:11.2f}{:8.2f}{:9,.0f}{:10,.0f}".format(way.name, *shown, *per_second))
    print(f"ms: one connection, median, and what the proxy adds; /s: {options.clients} connections; medians of {options.rounds} rounds")


if __name__ == "__main__":
    main()
