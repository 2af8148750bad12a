"""Memory and speed of `nclue-contract traffic` with large recordings, in each format.

Run it with `python tools/bench_traffic.py [--megabytes N] [--formats har,json-lines,cassette] [--report FORMAT]`. The exchanges are those
of a client with the reference service, by a simulated clock: each round creates a task, reads it until it is completed, lists tasks, and
deletes most tasks; one payload in fifty breaks a rule. A tenth of each recording is judged, and the whole of it, in processes of their own:
what the second needs more memory than the first would grow with the file. Seconds are those of the processor, so that other work on the
machine hardly matters. A recording needs `--megabytes` of the disk (1,000), its report a fourth of that.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple, TextIO

from nclue_contract.check.requests import RequestSpec, create_request, delete_request, get_request, list_request
from nclue_contract.check.transport_memory import MemoryTransport
from nclue_contract.contract.model import contract
from nclue_contract.service.lifecycle import ProgressMode
from nclue_contract.service.service import Service
from nclue_contract.signing import EXAMPLE
from nclue_contract.traffic.exchanges import Pairs, RecordedExchange
from nclue_contract.traffic.har_writer import MASK, HarWriter

ORIGIN = "https://nclue.apigw.ntruss.com"
BROKEN_EVERY, KEPT_EVERY = 50, 20
"""One payload in so many breaks a rule, and one task in so many is not deleted."""


def recorded() -> Iterator[RecordedExchange]:
    """Yield exchanges without end, each with tasks of its own."""
    service = Service({EXAMPLE.access_key: EXAMPLE.secret_key}, progress=ProgressMode("reads", 1))
    transport = MemoryTransport(service.handle, service.prefix)

    def send(request: RequestSpec) -> RecordedExchange:
        transport.sleep(0.01)
        sent = transport.send(request)[0]
        signed = zip(contract().headers, (str(sent.sent_ms), MASK, MASK), strict=True)
        headers = (*signed, ("user-agent", "example-client/1.0"), ("accept", "application/json"))
        typed = (("content-type", "application/json"),) if request.body else ()
        body = request.body or b""
        parts = (request.method, ORIGIN, sent.target, (*headers, *typed), body, sent.status, tuple(sent.headers), sent.body)
        return RecordedExchange(*parts, sent.sent_ms, sent.sent_ms + 2)

    for number in count(1):
        payload = contract().sample_payload() | {"name": f"churn {number}", "train_file_path": f"churn/{number:07}.tsv"}
        if number % 3 == 0:
            payload |= contract().sample_test_fields()
        if number % BROKEN_EVERY == 0:
            payload["train_file_path"] += "~"
        yield (created := send(create_request(payload)))
        if created.status != 200:
            continue
        task_id = str(json.loads(created.response_body or b"")["task_id"])
        for _ in contract().lifecycle.statuses[1:]:
            yield send(get_request(task_id))
        yield send(list_request("index=0&limit=20"))
        if number % KEPT_EVERY:
            yield send(delete_request(task_id))


class LinesWriter:
    """Writes JSON Lines of exchanges; used as `HarWriter`."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def begin(self) -> None:
        """Write nothing."""

    def add(self, exchange: RecordedExchange) -> None:
        """Write a line."""
        request = {"method": exchange.method, "url": exchange.origin + exchange.target, "headers": exchange.request_headers}
        response = {"status": exchange.status, "headers": exchange.response_headers}
        bodies = [(one or b"").decode() for one in (exchange.request_body, exchange.response_body)]
        line = {"time_ms": exchange.sent_ms, "duration_ms": 2, "request": request | {"body": bodies[0]}}
        self._file.write(json.dumps(line | {"response": response | {"body": bodies[1]}}) + "\n")

    def end(self) -> None:
        """Write nothing."""


class CassetteWriter:
    """Writes a cassette as vcrpy does, in YAML; used as `HarWriter`. Strings are quoted as in JSON, which YAML allows."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def begin(self) -> None:
        """Write the head."""
        self._file.write("interactions:\n")

    def add(self, exchange: RecordedExchange) -> None:
        """Write an interaction."""
        sent, received = (json.dumps((one or b"").decode()) for one in (exchange.request_body, exchange.response_body))
        self._file.write(
            f"- request:\n    body: {sent}\n    headers:\n{_headers(exchange.request_headers)}"
            f"    method: {exchange.method}\n    uri: {exchange.origin}{exchange.target}\n"
            f"  response:\n    body:\n      string: {received}\n    headers:\n{_headers(exchange.response_headers)}"
            f"    status:\n      code: {exchange.status}\n      message: OK\n"
        )

    def end(self) -> None:
        """Write the rest."""
        self._file.write("version: 1\n")


def _headers(pairs: Pairs) -> str:
    return "".join(f"      {name}:\n      - {json.dumps(value)}\n" for name, value in pairs)


WRITERS: Mapping[str, tuple[str, Callable[[TextIO], HarWriter | LinesWriter | CassetteWriter]]] = {
    "har": (".har", lambda file: HarWriter(file.write, "bench", "0")),
    "json-lines": (".jsonl", LinesWriter),
    "cassette": (".yaml", CassetteWriter),
}
"""The extension and the writer of each format."""


def write(path: Path, form: str, size: int) -> int:
    """Write a recording of at least `size` bytes; return the number of its exchanges."""
    with path.open("w", encoding="utf-8") as file:
        writer = WRITERS[form][1](file)
        writer.begin()
        number = 0
        for number, exchange in enumerate(recorded(), 1):
            writer.add(exchange)
            if number % 64 == 0 and file.tell() >= size:
                break
        writer.end()
    return number


class Run(NamedTuple):
    """What judging a file took: seconds of the processor, and the peak of the resident memory."""

    seconds: float
    peak_mb: float


def judge(path: Path, exchanges: int, report: str) -> Run:
    """Judge a recording in a process of its own; all its exchanges must be judged."""
    command = [sys.executable, "-m", "nclue_contract", "traffic", str(path), "--report", f"{report}:{path}.report"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdout is not None  # noqa: S101  # for the type checker
        last = ""
        for line in process.stdout:
            last = line
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 1 or not last.startswith(f"{exchanges:,} exchanges: "):
        raise SystemExit(f"not all of {exchanges:,} exchanges were judged (exit code {process.returncode}): {last}")
    return Run(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=1000, help="the size of each recording (default 1,000)")
    parser.add_argument("--formats", default=",".join(WRITERS), help=f"the formats of recordings (default {','.join(WRITERS)})")
    parser.add_argument("--report", default="jsonl", help="the format of the report that is written (default jsonl)")
    options = parser.parse_args()
    print(f"{'recording':12} {'MB':>6} {'exchanges':>10} {'seconds':>8} {'MB/s':>6} {'exchanges/s':>12} {'peak MB':>8}")
    # The peak of a process counts what its parent had when it was started: so recordings are written by another one.
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(1, get_context("spawn")) as writing:
        for form in options.formats.split(","):
            for size in (options.megabytes * 100_000, options.megabytes * 1_000_000):
                path = Path(folder) / f"recording{WRITERS[form][0]}"
                number = writing.submit(write, path, form, size).result()
                mb = path.stat().st_size / 1e6
                run = judge(path, number, options.report)
                speed = f"{mb / run.seconds:>6.1f} {number / run.seconds:>12,.0f}"
                print(f"{form:12} {mb:>6,.0f} {number:>10,} {run.seconds:>8.1f} {speed} {run.peak_mb:>8.1f}", flush=True)
                path.unlink()


if __name__ == "__main__":
    main()
