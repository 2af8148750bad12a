"""The report on recorded exchanges: each judged exchange in the formats of `validate`, and at the end what all of them showed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from nclue_contract.contract.wording import counted, escaped, excerpt
from nclue_contract.signing import VARIABLES
from nclue_contract.traffic.exchanges import RecordedExchange
from nclue_contract.traffic.judge import Judgement, Server, TrafficJudge, Unverified
from nclue_contract.validation.findings import Report
from nclue_contract.validation.json_reader import Payload
from nclue_contract.validation.reports.base import FAILED, INCONCLUSIVE, PASSED, USAGE, Renderer, Summary

MAX_LISTED_HOSTS = 5
"""Other hosts that the text names."""


class JudgedPayload(Payload):
    """A judged exchange as the renderers take it: an entry at a line of a recording, whose findings are about one side each."""

    __slots__ = ("_judgement", "_sides")

    def __init__(self, file: str, line: int, index: int, judgement: Judgement) -> None:
        super().__init__(file, line, 1, index, b"")
        self._judgement = judgement
        self._sides = {id(finding): side for side, finding in judgement.findings}

    def place(self, pointer: str, offset: int | None) -> tuple[int, int]:  # noqa: ARG002  # the body has no place in the file
        """Return the line at which the entry begins."""
        return self.line, self.column

    def context(self, finding: object) -> str:
        """Return the side of a finding, and the exchange: `request of entry 3, POST /api/v1/tasks (response 422)`."""
        exchange = self._judgement.exchange
        status = exchange.status or "none"
        return f"{self._sides[id(finding)]} of entry {self.index}, {exchange.method:.20} {excerpt(exchange.path, 120)} (response {status})"

    def attributes(self, finding: object = None) -> dict[str, object]:
        """Return the exchange in short, or the side of a finding."""
        if finding is not None:
            return {"side": str(self._sides[id(finding)])}
        exchange, route = self._judgement.exchange, self._judgement.route
        operation = route.operation.id if route.operation else None
        target = escaped(exchange.target[:2000])
        return {"server": route.server, "operation": operation, "method": exchange.method, "target": target, "status": exchange.status}


class TrafficReport:
    """Judges exchanges and renders each as it comes. `begin` and `end` are called once.

    `keys_from` is where a key to verify signatures is read from, for who gave none; empty where none can be given.
    """

    def __init__(self, judge: TrafficJudge, outputs: Sequence[Renderer[Any]], keys_from: str = " and ".join(VARIABLES)) -> None:
        self._judge = judge
        self._outputs = outputs
        self._keys_from = keys_from
        self.summary: Summary = Summary(noun="exchange")

    def begin(self) -> None:
        """Start all outputs."""
        for output in self._outputs:
            output.begin()

    def begin_recording(self) -> None:
        """Begin another recording, whose tasks are not those of the one before."""
        self._judge.begin_recording()

    def add(self, file: str, line: int, index: int, exchange: RecordedExchange) -> Judgement | None:
        """Judge and render an exchange; return None if it is not judged."""
        judgement = self._judge.judge(exchange, f"{file}:{line} (index {index})")
        if judgement is None:
            return None
        payload = JudgedPayload(file, line, index, judgement)
        report = Report(tuple(finding for _, finding in judgement.findings))
        self.summary.add(report)
        for output in self._outputs:
            output.payload(payload, report)
        return judgement

    def unreadable(self, file: str, reason: str) -> None:
        """Render that an input, or an entry of it, could not be read."""
        self.summary.unreadable += 1
        for output in self._outputs:
            output.unreadable(file, reason)

    def end(self) -> None:
        """Finish all outputs, with what the exchanges showed together."""
        judge, summary = self._judge, self.summary
        uncounted = judge.uncounted
        summary.more = {
            "servers": [_server(server) for server in judge.servers.values()],
            "other_hosts": uncounted.other_hosts,
            "more_hosts": uncounted.more_hosts,
            "no_operation": uncounted.no_operation,
            "no_response": uncounted.no_response,
            "unverified_signatures": {"without_key": judge.unverified.without_key, "masked": judge.unverified.masked},
        }
        summary.notes = [*_notes(judge), *_unverified(judge.unverified, self._keys_from)]
        for output in self._outputs:
            output.end(summary)

    @property
    def exit_code(self) -> int:
        """Return 0 passed, 1 failed, 2 some input could not be read, 3 nothing was judged."""
        summary = self.summary
        if summary.unreadable:
            return USAGE
        if not summary.payloads:
            return INCONCLUSIVE
        return PASSED if summary.valid == summary.payloads else FAILED


def _server(server: Server) -> dict[str, Any]:
    """Return what is known about a server: the options of its readings that no exchange has ruled out, where some have been."""
    inference = server.inference
    readings = {
        name: {"options": list(options), "by": inference.evidence[name]}
        for name, options in inference.remaining.items()
        if len(options) < len(inference.options[name])
    }
    return {"url": server.url, "exchanges": server.exchanges, "forgotten_tasks": server.history.forgotten, "readings": readings}


def _notes(judge: TrafficJudge) -> Iterator[str]:
    for server in judge.servers.values():
        yield f"server {server.url}: {counted(server.exchanges, 'exchange')}"
        described = _server(server)
        for name, reading in described["readings"].items():
            yield f"  {name}={' or '.join(reading['options'])}, by {reading['by'][-1]}"
        if server.history.forgotten:
            yield f"  there were too many tasks to remember: {server.history.forgotten:,} were forgotten"
    uncounted = judge.uncounted
    if hosts := uncounted.other_hosts:
        listed = [f"{escaped(host) or 'no host'} {number:,}" for host, number in list(hosts.items())[:MAX_LISTED_HOSTS]]
        more = ", ..." if len(hosts) > MAX_LISTED_HOSTS else ""
        total = sum(hosts.values()) + uncounted.more_hosts
        yield f"not judged: {counted(total, 'exchange')} with other servers ({', '.join(listed)}{more}); --server names one to judge"
    if uncounted.no_operation:
        yield f"not judged: {counted(uncounted.no_operation, 'exchange')} with a method or path that is no operation"
    if uncounted.no_response:
        yield f"not judged: {counted(uncounted.no_response, 'exchange')} without a response"


def _unverified(unverified: Unverified, keys_from: str) -> Iterator[str]:
    if unverified.without_key:
        hint = f"; {keys_from} give one" if keys_from else ""
        yield f"not verified: {counted(unverified.without_key, 'signature')}, because no key was given{hint}"
    if unverified.masked:
        yield f"not verified: {counted(unverified.masked, 'signature')}, because the recorder has replaced what it takes"
