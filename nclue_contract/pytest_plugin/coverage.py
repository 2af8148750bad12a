"""Coverage of the contract by the tests of a client: rules, documented error codes, operations; as text and as JSON.

Only what requests of a client can cover is counted. Rules for responses concern the server, and rules that only warn under the readings of
the run reject no request.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

from nclue_contract import __version__
from nclue_contract.cli.files import atomic_file
from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Readings
from nclue_contract.contract.wording import counted, format_status
from nclue_contract.service.recorder import Tally
from nclue_contract.validation.reports.base import TOOL_NAME, Run
from nclue_contract.validation.validator import Validator

ABOUT_REQUESTS = ("NC0", "NC1", "NC2")
"""The beginnings of the codes of rules that a request can break."""

NOT_OVER_HTTP = frozenset({"NC008", "NC207"})
"""Rules that only Python values can break: over HTTP, a body is text, and headers are pairs of strings."""

BREAKING_CHANGES: dict[str, dict[str, object]] = {
    "NC103": {"test_bucket": None},
    "NC104": {"unknown": ""},
    "NC105": {"test_bucket": "answers"},
    "NC106": {"train_feature_id": ""},
    "NC121": {"train_file_path": ""},
    "NC130": {"train_bucket": "-"},
    "NC131": {"train_feature_id": "-"},
}
"""Changes of the example payload that break a rule under some readings only."""

ErrorKey = tuple[str, int, str]
"""Operation, status code and error code."""


@dataclass(frozen=True)
class Coverage:
    """What was covered, out of what can be covered under these readings. `lost` is the number of workers that sent no tally."""

    tally: Tally
    readings: Readings
    lost: int = 0

    @cached_property
    def rules(self) -> tuple[str, ...]:
        """Return the rules for which a server with these readings rejects a request."""
        validator = Validator(self.readings)

        def rejects(code: str) -> bool:
            if code == "NC206":
                report = validator.validate_headers([("content-type", "text/plain")])
            elif code in BREAKING_CHANGES:
                report = validator.validate_request(contract().sample_payload() | BREAKING_CHANGES[code])
            else:
                return code not in NOT_OVER_HTTP
            return any(finding.rule == code for finding in report.errors)

        return tuple(code for code in contract().rules if code.startswith(ABOUT_REQUESTS) and rejects(code))

    @cached_property
    def error_codes(self) -> tuple[ErrorKey, ...]:
        """Return every documented error."""
        operations = contract().operations.values()
        return tuple((op.id, status, code) for op in operations for status, codes in op.statuses.items() for code in codes)

    @property
    def counts(self) -> tuple[int, int]:
        """Return how much was covered, and out of how much."""
        pairs: list[tuple[set[Any], tuple[Any, ...]]] = [
            (self.tally.operations, tuple(contract().operations)),
            (self.tally.rules, self.rules),
            (self.tally.answers, self.error_codes),
        ]
        return sum(len(met.intersection(whole)) for met, whole in pairs), sum(len(whole) for _, whole in pairs)

    @property
    def percent(self) -> float:
        """Return `counts` as a percentage."""
        met, whole = self.counts
        return 100 * met / whole

    def lines(self, width: int = 80) -> Iterator[str]:
        """Yield the lines of the text report; `width` is in columns of a terminal."""
        met, whole = self.counts
        yield f"{met} of {whole} ({self.percent:.1f} %), by {counted(self.tally.requests, 'request')} through nclue_mock and nclue_server"
        for name, done, everything in (
            ("operations that succeeded", self.tally.operations, tuple(contract().operations)),
            ("rules for which a request was rejected", self.tally.rules, self.rules),
        ):
            yield f"{name}: {len(done.intersection(everything))} of {len(everything)}"
            yield from _listed("covered", [one for one in everything if one in done], width)
            yield from _listed("not covered", [one for one in everything if one not in done], width)
        if others := sorted(self.tally.rules.difference(self.rules)):
            yield from _listed("also, under other readings", others, width)
        yield f"error codes in responses: {len(self.tally.answers.intersection(self.error_codes))} of {len(self.error_codes)}"
        for label, covered in (("covered", True), ("not covered", False)):
            errors = [error for error in self.error_codes if (error in self.tally.answers) is covered]
            for operation, group in groupby(errors, lambda error: error[0]):
                yield from _listed(f"{label}, {operation}", _codes_by_status(group), width)
        if self.lost:
            yield f"{counted(self.lost, 'worker')} crashed; the coverage of crashed workers is missing"
        yield from textwrap.wrap(
            "Coverage counts operations, rules for which a request is rejected under these readings (NC0xx, NC1xx, NC2xx), and the error "
            "codes that the pages document for each operation. It does not count the rules for responses, which concern the server.",
            width,
        )

    def write(self, path: Path) -> None:
        """Write the JSON report, whole or not at all. Raises `OSError`."""
        with atomic_file(path) as file:
            file.write(self.to_json())

    def to_json(self) -> str:
        """Return the JSON report."""
        met, whole = self.counts
        run = Run(version=__version__, revision=contract().revision, readings=self.readings, strict=False)
        rules = [{"rule": code, "slug": contract().rules[code].slug, "met": code in self.tally.rules} for code in self.rules]
        error_codes = [
            {"operation": op, "status": status, "code": code, "met": (op, status, code) in self.tally.answers}
            for op, status, code in self.error_codes
        ]
        value = {
            "tool": {"name": TOOL_NAME, "version": run.version},
            "contract": {"revision": run.revision},
            "readings": run.readings_dict(),
            "requests": self.tally.requests,
            "lost_workers": self.lost,
            "summary": {"met": met, "counted": whole, "percent": round(self.percent, 2)},
            "operations": [{"operation": name, "met": name in self.tally.operations} for name in contract().operations],
            "rules": rules,
            "error_codes": error_codes,
        }
        return json.dumps(value, indent=1) + "\n"


def _codes_by_status(errors: Iterable[tuple[str, int, str]]) -> list[str]:
    """Return `401 with code 200 or 210` for each status of errors that are sorted by it."""
    return [format_status(status, " or ".join(code for _, _, code in group)) for status, group in groupby(errors, lambda error: error[1])]


def _listed(name: str, words: list[str], width: int) -> list[str]:
    """Return words after a name, in as many lines as they need; no line when there are none."""
    indent = "  "
    return textwrap.wrap(f"{name}: {', '.join(words)}", width, initial_indent=indent, subsequent_indent=indent * 2) if words else []
