"""What the page shows of an exchange and of a task: JSON values without secrets, in which every text is short and harmless.

A text is *harmless* when it has the escapes of control, format and unassigned characters and of lone surrogates, not these themselves, so
that nothing in it changes how the rest is shown. That it is no markup either is up to the page, which only sets text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from nclue_contract.contract.masking import is_secret_header
from nclue_contract.contract.rules import Severity
from nclue_contract.contract.wording import escaped, excerpt
from nclue_contract.traffic.exchanges import Pairs, RecordedExchange
from nclue_contract.traffic.har_writer import MASK
from nclue_contract.traffic.judge import Judgement
from nclue_contract.traffic.sides import Side
from nclue_contract.validation.findings import Finding
from nclue_contract.validation.json_reader import decode
from nclue_contract.validation.reports.excerpt import marked_pieces, source_line

MAX_BODY = 4096
"""Bytes of a body that are shown."""

MAX_TARGET = 2000
"""Characters of a target that are shown."""

MAX_VALUE = 300
"""Characters of a header that are shown, of its name or of its value."""

MAX_FINDINGS = 20
"""Findings of an exchange that are shown; the others are counted."""

MAX_TASKS = 200
"""Tasks that are shown, the newest ones; all are counted."""

MAX_ID = 120
"""Characters of each text about a task that are shown."""

EXCERPT = 120
"""Cells of an excerpt in which characters are marked."""


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task as the page shows it: `stage` is the index of its status in the lifecycle, -1 for none, by which it is coloured."""

    id: str
    name: str
    status: str
    stage: int
    created_at: str

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON value, harmless."""
        texts = {"id": self.id, "name": self.name, "status": self.status, "created_at": self.created_at}
        return {name: excerpt(text, MAX_ID) for name, text in texts.items()} | {"stage": self.stage}


@dataclass(frozen=True, slots=True)
class TaskOverview:
    """The newest tasks, oldest first, and how many there are of each status, in all."""

    tasks: Sequence[TaskView] = ()
    counts: Sequence[tuple[str, int]] = ()


def exchange_view(number: int, exchange: RecordedExchange, judgement: Judgement | None) -> dict[str, Any]:
    """Return an exchange, whose secrets were overwritten (`without_secrets`), with its findings; without a judgement it was not judged."""
    findings = () if judgement is None else judgement.findings
    operation = judgement.route.operation if judgement is not None else None
    sent_ms, received_ms = exchange.sent_ms or 0, exchange.received_ms or exchange.sent_ms or 0
    return {
        "number": number,
        "time_ms": sent_ms,
        "took_ms": received_ms - sent_ms,
        "method": excerpt(exchange.method, 20),
        "target": excerpt(exchange.target, MAX_TARGET),
        "operation": None if operation is None else operation.id,
        "status": exchange.status,
        "problem": excerpt(exchange.error, MAX_VALUE),
        "own": exchange.own,
        "result": _result(judgement),
        "findings": [_finding_view(side, finding, exchange) for side, finding in islice(findings, MAX_FINDINGS)],
        "more_findings": max(0, len(findings) - MAX_FINDINGS),
        "request": _message(exchange.request_headers, exchange.request_body),
        "response": _message(exchange.response_headers, exchange.response_body),
    }


def _result(judgement: Judgement | None) -> str:
    if judgement is None:
        return "unjudged"
    severities = {finding.severity for _, finding in judgement.findings}
    return "error" if Severity.ERROR in severities else "warning" if severities else "valid"


def _message(headers: Pairs, body: bytes | None) -> dict[str, Any]:
    shown = [[excerpt(name, MAX_VALUE), MASK if is_secret_header(name) else excerpt(value, MAX_VALUE)] for name, value in headers]
    if body is None:
        return {"headers": shown, "body": None, "body_bytes": None, "cut": False}
    return {"headers": shown, "body": _text(body), "body_bytes": len(body), "cut": len(body) > MAX_BODY}


def _text(body: bytes) -> str:
    r"""Return the beginning of a body as a harmless text with its line feeds; bytes that are no UTF-8 become `\xff`."""
    stop = min(len(body), MAX_BODY)
    while 0 < stop < len(body) and body[stop] & 0xC0 == 0x80:  # a character is shown whole
        stop -= 1
    return "\n".join(map(escaped, body[:stop].decode("utf-8", "backslashreplace").split("\n")))


def _finding_view(side: Side, finding: Finding, exchange: RecordedExchange) -> dict[str, Any]:
    suggestion, pin = finding.suggestion, finding.pin
    return {
        "side": str(side),
        "rule": finding.rule,
        "slug": finding.slug,
        "severity": str(finding.severity),
        "certainty": str(finding.certainty),
        "pointer": excerpt(finding.pointer, MAX_VALUE),
        "message": escaped(finding.message),
        "pieces": [list(piece) for piece in _pieces(side, finding, exchange)],
        "suggestion": None if suggestion is None else excerpt(suggestion, MAX_VALUE),
        "pin": pin,
        "page": finding.page,
        "help_url": finding.help_url,
    }


def _pieces(side: Side, finding: Finding, exchange: RecordedExchange) -> Iterator[tuple[str, bool]]:
    """Yield the value that a finding is about, or the line of the body, in pieces, each with whether it is what the finding marks."""
    text, positions = finding.text, finding.positions
    body = exchange.request_body if side is Side.REQUEST else exchange.response_body
    if text is None and finding.offset is not None and body and (source := decode(body)[0]):  # none if it is no UTF-8
        text, positions = source_line(source, finding.offset)
    if text is not None and positions:
        yield from marked_pieces(text, positions, EXCERPT)
