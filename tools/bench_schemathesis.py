"""What Schemathesis alone finds: its own checks in all phases, against every injected fault, the clean service, and conforming variants.

Run it with `python tools/bench_schemathesis.py [--only PATTERN] [--jobs N] [--json FILE] [--second]`. It gets what a user of `st run` gives
it: the document that the package ships, default settings, requests that are signed correctly and names that are unique (both from
`nclue_contract.schemathesis_hooks`, whose check is switched off). A run ends with its first failure or error, for then `st run` would end
with an exit code that is not 0: the fault is caught. A correct variant of the service (another option of a reading) is given to it
twice, with the document as it is and with the one of its own reading; whatever is found there is a false alarm.

The engine behind `st run` is run in this process, and the servers are called as ASGI applications: that saves starting two programs per
run, and a port. The seed is fixed, and nothing is stored on disk. What a run over HTTP could not know is hidden from this one: neither
Schemathesis nor Hypothesis may search source code for constants. Hypothesis does so in every module of a checkout that is loaded, and
would draw the very values that our faults are made of; a run in which it has found any is rejected. Requests are counted where they arrive.
Tasks of the reference server move one step with each look at them, those of the second server (`--second`) every
few milliseconds. A run without failure needs about 1,000 requests and 10 seconds, the whole catalogue about 20 minutes with two jobs.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis.internal.conjecture import providers
from schemathesis.engine import events, from_schema

from nclue_contract.contract.model import contract
from nclue_contract.contract.openapi import document
from nclue_contract.contract.readings import Readings
from nclue_contract.service.faults.catalogue import CATALOGUE, inject_fault
from nclue_contract.service.lifecycle import ProgressMode
from nclue_contract.service.messages import Request
from nclue_contract.service.service import Service
from nclue_contract.signing import EXAMPLE, VARIABLES, now_ms

Headers = Sequence[tuple[str, str]]
Handle = Callable[[str, str, Headers, bytes], tuple[int, Headers, bytes]]
"""A server: method, target (path and query as on the wire), headers, body -> status, headers, body."""

STAGE_MS = 5
"""Milliseconds that a task of the second server stays in a state; a scenario of Schemathesis lasts some tens of them."""


@dataclass(frozen=True)
class Configuration:
    """A server to be tested. `kind` is clean, fault, variant, or own-document: a variant with the document of its own reading."""

    server: str
    kind: str
    id: str
    rule: str = ""


@dataclass(frozen=True)
class Outcome:
    """What came of a run: the first failure or error (empty when there was none), its phase, requests that arrived, and seconds."""

    server: str
    kind: str
    id: str
    rule: str
    found: str
    phase: str
    requests: int
    seconds: float


# -- servers -------------------------------------------------------------------------------------------------------------------------


def reference(faults: Sequence[str], readings: dict[str, str]) -> Handle:
    """Return a handler of the package's reference service."""
    service = Service({EXAMPLE.access_key: EXAMPLE.secret_key}, readings=readings, progress=ProgressMode.parse("reads:1"))
    for fault in faults:
        inject_fault(service, fault)

    def handle(method: str, target: str, headers: Headers, body: bytes) -> tuple[int, Headers, bytes]:
        response = service.handle(Request(method, target, tuple(headers), body), now_ms())
        return response.status, response.headers, response.body

    return handle


def second_module() -> Any:  # noqa: ANN401  # a module of the tests, which mypy does not see
    """Return the module of the second server, which only the tests have."""
    sys.path.insert(0, str(Path(__file__).parent.parent))
    return importlib.import_module("tests.second_server.server")


def second(faults: Sequence[str], readings: dict[str, str]) -> Handle:
    """Return a handler of the second server, which shares no code with the package."""
    handle: Handle = second_module().SecondServer(faults, readings, now_ms=now_ms, stage_ms=STAGE_MS).handle
    return handle


SERVERS: dict[str, Callable[[Sequence[str], dict[str, str]], Handle]] = {"reference": reference, "second": second}


def server_of(configuration: Configuration) -> Handle:
    """Return a handler of the server that a configuration describes."""
    pin = dict([configuration.id.split("=")]) if configuration.kind in {"variant", "own-document"} else {}
    return SERVERS[configuration.server]([configuration.id] if configuration.kind == "fault" else [], pin)


def configurations(server: str, *, only: str) -> Iterator[Configuration]:
    """Everything that is run: the clean server, each fault, each option of a reading that is not the default."""
    found = [Configuration(server, "clean", "clean")]
    if server == "reference":
        found += [Configuration(server, "fault", instance, fault.rule) for fault in CATALOGUE for instance in fault.instances()]
    else:
        found += [Configuration(server, "fault", fault) for fault in second_module().FAULTS]
    others = [(reading, option.id) for reading in contract().readings.values() for option in reading.options]
    pins = [f"{reading.id}={option}" for reading, option in others if option != reading.default]
    found += [Configuration(server, kind, pin) for pin in pins for kind in ("variant", "own-document")]
    return (configuration for configuration in found if not only or fnmatchcase(configuration.id, only))


class Application:
    """A server as an ASGI application, which counts requests. Like a real one it responds with 500 when the server crashes."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self.requests = 0

    async def __call__(self, scope: MutableMapping[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        """Respond to a request."""
        if scope["type"] != "http":
            return
        self.requests += 1
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        query = scope["query_string"]
        target = (scope["raw_path"] + (b"?" + query if query else b"")).decode("latin-1")
        sent = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        try:
            status, headers, content = self._handle(scope["method"], target, sent, body)
        except Exception:  # noqa: BLE001  # a faulty server may raise anything
            status, headers, content = 500, [("content-type", "text/plain")], b"Internal Server Error"
        encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await send({"type": "http.response.start", "status": status, "headers": encoded})
        await send({"type": "http.response.body", "body": content})


# -- a run ---------------------------------------------------------------------------------------------------------------------------


def settings(seed: int, max_examples: int | None) -> schemathesis.Config:
    """Return the defaults of `st run`, except for what the top of this file lists; our check is disabled."""
    generation: dict[str, Any] = {"database": "none"} | ({"max-examples": max_examples} if max_examples else {})
    return schemathesis.Config.from_dict(
        {
            "seed": seed,
            "max-failures": 1,
            "generation": generation,
            "cache": {"enabled": False},
            "analysis": {"constants": {"enabled": False}},
            "checks": {"NclueContract": {"enabled": False}},
        }
    )


def search_no_source() -> None:
    """Make Hypothesis treat no module as local, as with a wheel. There is no setting for it."""
    vars(providers)["is_local_module_file"] = lambda _path: False


def require_no_constants() -> None:
    """Raise `RuntimeError` when Hypothesis has found constants nevertheless: then the figures are too good."""
    found = providers._get_local_constants()  # noqa: SLF001  # there is no public way
    if len(found):
        raise RuntimeError(f"Hypothesis draws from {len(found)} constants of our source code; see search_no_source")


def run(configuration: Configuration, *, seed: int, max_examples: int | None) -> Outcome:
    """Let Schemathesis test a server until it finds something, or has nothing more to try."""
    search_no_source()
    import nclue_contract.schemathesis_hooks  # noqa: F401, PLC0415  # registers what signs and names, in this process

    os.environ.update(zip(VARIABLES, (EXAMPLE.access_key, EXAMPLE.secret_key), strict=True))
    begin = time.perf_counter()
    application = Application(server_of(configuration))
    pin = dict([configuration.id.split("=")]) if configuration.kind == "own-document" else None
    schema = schemathesis.openapi.from_dict(document(Readings.of(pin) if pin else None), config=settings(seed, max_examples))
    schema.app = application
    schema.adapt_to_null_byte_in_header_failure()  # what `st run` finds out by a probe: HTTP servers take no NUL in a header
    stream = from_schema(schema).execute()
    found, phase = "", ""
    for event in stream:
        if not found and (problem := first_problem(event)):
            phase, found = problem
            stream.stop()
    seconds = round(time.perf_counter() - begin, 1)
    require_no_constants()
    return Outcome(**asdict(configuration), found=found, phase=phase, requests=application.requests, seconds=seconds)


def first_problem(event: events.EngineEvent) -> tuple[str, str] | None:
    """Return the phase of an event and what makes `st run` exit with another code than 0; None when nothing does."""
    if isinstance(event, events.ScenarioFinished):
        nodes = (node for checks in event.recorder.checks.values() for node in checks)
        failures = (node.failure_info.failure for node in nodes if node.failure_info is not None)
        return next(((event.phase.value, f"{failure.code} {failure.title}") for failure in failures), None)
    if isinstance(event, events.NonFatalError):
        return str(event.phase or ""), f"error: {event.info.title}"
    if isinstance(event, events.FatalError):
        return "", f"error: {event.exception}"
    if isinstance(event, events.EngineFinished):
        return next((("", failure.title) for failure in event.failures), None)
    return None


def outcomes(todo: Sequence[Configuration], work: Callable[[Configuration], Outcome], jobs: int) -> Iterator[Outcome]:
    """Return the outcomes, as they complete; each job is a separate process."""
    if jobs == 1:
        yield from map(work, todo)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, todo)


# -- what is printed -----------------------------------------------------------------------------------------------------------------


def line(outcome: Outcome) -> str:
    """One line per run."""
    word = ("caught" if outcome.found else "missed") if outcome.kind == "fault" else ("FALSE ALARM" if outcome.found else "clean")
    where = f"  {outcome.found} ({outcome.phase})" if outcome.found else ""
    return f"{outcome.server:9} {outcome.kind:12} {outcome.id:44} {word:11} {outcome.requests:6,} requests {outcome.seconds:5.1f} s{where}"


def totals(done: Sequence[Outcome]) -> dict[str, dict[str, int]]:
    """Return the figures per server."""
    figures = {}
    for server in dict.fromkeys(outcome.server for outcome in done):
        rows = [outcome for outcome in done if outcome.server == server]
        kinds = {kind: [outcome for outcome in rows if outcome.kind == kind] for kind in ("clean", "fault", "variant", "own-document")}
        figures[server] = {
            "faults": len(kinds["fault"]),
            "caught": sum(bool(outcome.found) for outcome in kinds["fault"]),
            "clean_requests": sum(outcome.requests for outcome in kinds["clean"]),
            "clean_false_alarms": sum(bool(outcome.found) for outcome in kinds["clean"]),
            "variants": len(kinds["variant"]),
            "variant_false_alarms": sum(bool(outcome.found) for outcome in kinds["variant"]),
            "own_document_false_alarms": sum(bool(outcome.found) for outcome in kinds["own-document"]),
            "requests": sum(outcome.requests for outcome in rows),
        }
    return figures


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", metavar="PATTERN", help="only these: FAULT, READING=OPTION or clean, with * and ?")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes at the same time (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures and all outcomes to a file")
    parser.add_argument("--seed", type=int, default=1, help="of Schemathesis (%(default)s)")
    parser.add_argument("--max-examples", type=int, metavar="N", help="of Schemathesis; its own default is used without")
    parser.add_argument("--second", action="store_true", help="test the second server of the tests instead of the reference service")
    options = parser.parse_args()
    todo = list(configurations("second" if options.second else "reference", only=options.only))
    if not todo:
        parser.error(f"nothing is called {options.only!r}; `nclue-contract faults` and `nclue-contract explain` list the names")
    begin = time.perf_counter()
    done = []
    for outcome in outcomes(todo, partial(run, seed=options.seed, max_examples=options.max_examples), max(1, options.jobs)):
        print(line(outcome), flush=True)
        done.append(outcome)
    seconds = time.perf_counter() - begin
    figures = totals(done)
    for server, row in figures.items():
        print(f"\nSchemathesis {schemathesis.__version__}, {server} server, seed {options.seed}:")
        print(f"  {row['caught']} of {row['faults']} faults caught")
        print(f"  {row['clean_requests']:,} requests of a clean run, with {row['clean_false_alarms']} false alarms")
        print(f"  false alarms on {row['variants']} correct variants: {row['variant_false_alarms']} with the document as it is,", end=" ")
        print(f"{row['own_document_false_alarms']} with that of the variant")
        print(f"  {row['requests']:,} requests in {seconds / 60:.1f} minutes, {options.jobs} at a time")
    if options.json:
        about = {"schemathesis": schemathesis.__version__, "contract": contract().revision, "seed": options.seed}
        report = about | {
            "seconds": round(seconds),
            "jobs": options.jobs,
            "totals": figures,
            "outcomes": [asdict(outcome) for outcome in done],
        }
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
