"""Which part of the contract the tests of a client have met: rules, documented error codes, operations; as text and as JSON.

Counted is only what requests of a client can meet. Rules for responses are the server's to keep, and rules that only warn under the
readings of the session refuse nobody.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

from nclue_contract import __version__
from nclue_contract.cli.files import atomic_file
from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Readings
from nclue_contract.contract.wording import counted
from nclue_contract.service.faults.catalogue import PAYLOAD
from nclue_contract.service.recorder import Tally
from nclue_contract.validation.reports.base import NAME, Run
from nclue_contract.validation.validator import Validator

ABOUT_REQUESTS = ("NC0", "NC1", "NC2")
"""How the codes of the rules begin that a request can break."""

NOT_OVER_HTTP = frozenset({"NC008", "NC207"})
"""Rules that only a value in Python can break: what comes over HTTP is text, and its headers are pairs."""

PROVOKING: dict[str, dict[str, object]] = {
    "NC103": {"test_bucket": None},
    "NC104": {"unknown": ""},
    "NC105": {"test_bucket": "answers"},
    "NC106": {"train_feature_id": ""},
    "NC121": {"train_file_path": ""},
    "NC130": {"train_bucket": "-"},
    "NC131": {"train_feature_id": "-"},
}
"""Changes of a good payload that break a rule under some readings only."""

Answer = tuple[str, int, str]


@dataclass(frozen=True)
class Coverage:
    """What was met, against what can be met under these readings. `lost` is the number of workers that told nothing."""

    tally: Tally
    readings: Readings
    lost: int = 0

    @cached_property
    def rules(self) -> tuple[str, ...]:
        """The rules for requests that a server with these readings refuses."""
        validator = Validator(self.readings)

        def refuses(code: str) -> bool:
            if code == "NC206":
                report = validator.validate_headers([("content-type", "text/plain")])
            elif code in PROVOKING:
                report = validator.validate_request(PAYLOAD | PROVOKING[code])
            else:
                return code not in NOT_OVER_HTTP
            return any(finding.rule == code for finding in report.errors)

        return tuple(code for code in contract().rules if code.startswith(ABOUT_REQUESTS) and refuses(code))

    @cached_property
    def answers(self) -> tuple[Answer, ...]:
        """Operation, status code and error code of every documented error."""
        operations = contract().operations.values()
        return tuple((op.id, status, code) for op in operations for status, codes in op.statuses.items() for code in codes)

    @property
    def counts(self) -> tuple[int, int]:
        """How much was met of how much."""
        wholes: list[tuple[set[Any], tuple[Any, ...]]] = [
            (self.tally.operations, tuple(contract().operations)),
            (self.tally.rules, self.rules),
            (self.tally.answers, self.answers),
        ]
        return sum(len(met.intersection(whole)) for met, whole in wholes), sum(len(whole) for _, whole in wholes)

    @property
    def percent(self) -> float:
        """The same as a percentage."""
        met, whole = self.counts
        return 100 * met / whole

    def lines(self, width: int = 80) -> Iterator[str]:
        """The text that is printed in the end; `width` is in cells."""
        met, whole = self.counts
        requests = counted(self.tally.requests, "request")
        yield f"{met} of {whole} ({self.percent:.1f} %), by {requests} through nclue_mock and nclue_server"
        for name, done, everything in (
            ("operations that succeeded", self.tally.operations, tuple(contract().operations)),
            ("rules that were refused", self.tally.rules, self.rules),
        ):
            yield f"{name}: {len(done.intersection(everything))} of {len(everything)}"
            yield from _listed("met", [one for one in everything if one in done], width)
            yield from _listed("not met", [one for one in everything if one not in done], width)
        if besides := sorted(self.tally.rules.difference(self.rules)):
            yield from _listed("besides, under other readings", besides, width)
        yield f"error codes that were answered: {len(self.tally.answers.intersection(self.answers))} of {len(self.answers)}"
        for met_or_not, wanted in (("met", True), ("not met", False)):
            some = [answer for answer in self.answers if (answer in self.tally.answers) is wanted]
            for operation, group in groupby(some, lambda answer: answer[0]):
                yield from _listed(f"{met_or_not}, {operation}", [f"{status}/{code}" for _, status, code in group], width)
        if self.lost:
            yield f"{counted(self.lost, 'worker')} crashed: what was met there is missing"
        yield from textwrap.wrap(
            "Counted are operations, rules that a request is refused for under these readings (NC0xx, NC1xx, NC2xx), and the error codes "
            "that the pages document for each operation; not the rules for responses, which are the server's to keep.",
            width,
        )

    def write(self, path: Path) -> None:
        """Write the JSON report, whole or not at all. Raises `OSError`."""
        with atomic_file(path) as file:
            file.write(self.to_json())

    def to_json(self) -> str:
        """The same for machines."""
        met, whole = self.counts
        run = Run(version=__version__, revision=contract().revision, readings=self.readings, strict=False)
        rules = [{"rule": code, "slug": contract().rules[code].slug, "met": code in self.tally.rules} for code in self.rules]
        answers = [
            {"operation": op, "status": status, "code": code, "met": (op, status, code) in self.tally.answers}
            for op, status, code in self.answers
        ]
        value = {
            "tool": {"name": NAME, "version": run.version},
            "contract": {"revision": run.revision},
            "readings": run.readings_dict(),
            "requests": self.tally.requests,
            "lost_workers": self.lost,
            "summary": {"met": met, "counted": whole, "percent": round(self.percent, 2)},
            "operations": [{"operation": name, "met": name in self.tally.operations} for name in contract().operations],
            "rules": rules,
            "error_codes": answers,
        }
        return json.dumps(value, indent=1) + "\n"


def _listed(name: str, words: list[str], width: int) -> list[str]:
    """Words behind a name, in as many lines as they need; nothing when there are none."""
    indent = "  "
    return textwrap.wrap(f"{name}: {', '.join(words)}", width, initial_indent=indent, subsequent_indent=indent * 2) if words else []
