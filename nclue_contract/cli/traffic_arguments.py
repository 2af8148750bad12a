"""The options of the commands that judge traffic. The judging itself is imported only when one of them runs."""

from __future__ import annotations

import argparse
from typing import Any

from nclue_contract.traffic.sides import SIDES
from nclue_contract.validation.reports.base import FORMATS

_EPILOG = """\
Formats: HAR 1.2, cassettes of vcrpy, Schemathesis and Ruby's VCR (YAML or JSON), the journal of `serve`, and an object per line:
{"time_ms": 0, "request": {"method": "POST", "url": "https://...", "headers": {}, "body": "..."}, "response": {"status": 200, "headers": {},
"body": "..."}}. Signatures are verified if NCLUE_ACCESS_KEY and NCLUE_SECRET_KEY are set. Exit codes: 0 passed, 1 failed, 2 usage or
unreadable input, 3 nothing was judged."""


def add_traffic(commands: Any, common: argparse.ArgumentParser) -> argparse.ArgumentParser:  # noqa: ANN401  # argparse's own type has no public name
    """Add the parser of `traffic` and return it; `common` has the options of all commands."""
    traffic = commands.add_parser("traffic", parents=[common], help="judge recorded traffic: HAR, cassettes, journals", epilog=_EPILOG)
    traffic.add_argument("names", nargs="+", metavar="FILE", help="file, folder, glob, or - for standard input")
    traffic.add_argument(
        "--server", action="append", default=[], metavar="URL", help="judge only exchanges with this base URL, without /tasks (repeatable)"
    )
    traffic.add_argument("--signed-prefix", metavar="PATH", help="path prefix that clients sign, if a proxy rewrites that of --server")
    add_judging(traffic)
    add_output(traffic, "traffic")
    return traffic  # type: ignore[no-any-return]  # as above


def add_judging(parser: argparse.ArgumentParser) -> None:
    """Add the options about how exchanges are judged."""
    parser.add_argument("--side", choices=sorted(SIDES), default="both", help="whose part is judged (%(default)s)")
    parser.add_argument("--strict", action="store_true", default=None, help="treat warnings as errors")
    parser.add_argument("--ignore", action="append", default=[], metavar="RULE", help="ignore a rule, by code or slug (repeatable)")
    parser.add_argument(
        "--fail-on", action="append", default=[], metavar="RULE", help="treat warnings of this rule or group as errors (repeatable)"
    )


def add_output(parser: argparse.ArgumentParser, command: str) -> None:
    """Add the options about reports."""
    parser.add_argument("--format", choices=FORMATS[command], default="text", help="format of standard output")
    parser.add_argument("--report", action="append", default=[], metavar="FORMAT:PATH", help="also write a report to a file (repeatable)")
    parser.add_argument("--quiet", action="store_true", help="text format: only a line per error")
