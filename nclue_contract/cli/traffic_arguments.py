"""The options of the commands that judge traffic. The judging itself is imported only when one of them runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from nclue_contract.cli.arguments import RULES, add_listening, positive_integer, seconds, whole_number
from nclue_contract.traffic.sides import SIDES
from nclue_contract.validation.reports.base import FORMATS

_EPILOG = """\
Formats: HAR 1.2, cassettes of vcrpy, Schemathesis and Ruby's VCR (YAML or JSON), the journal of `serve`, and an object per line:
{"time_ms": 0, "request": {"method": "POST", "url": "https://...", "headers": {}, "body": "..."}, "response": {"status": 200, "headers": {},
"body": "..."}}. Signatures are verified if NCLUE_ACCESS_KEY and NCLUE_SECRET_KEY are set; otherwise they are counted. Exit codes: 0
passed, 1 failed, 2 usage or unreadable input, 3 nothing was judged."""


_PROXY_EPILOG = """\
"LISTENING" and the base URL for clients are printed when the proxy is ready, then "PAGE" and the address of a page that shows live what
happens, and findings as they come. SIGTERM and SIGINT (Ctrl+C) end it with the report. The host of UPSTREAM is allowed as well as those of
--allow-host. Signatures are verified if NCLUE_ACCESS_KEY and NCLUE_SECRET_KEY are set; otherwise they are counted. Exit codes: 0 passed, 1
failed, 2 usage, 3 nothing was judged."""


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


def add_proxy(commands: Any, common: argparse.ArgumentParser) -> argparse.ArgumentParser:  # noqa: ANN401  # as above
    """Add the parser of `proxy` and return it."""
    proxy = commands.add_parser(
        "proxy", parents=[common], help="pass requests on to a server, and judge them and the responses", epilog=_PROXY_EPILOG
    )
    proxy.add_argument("upstream", metavar="UPSTREAM", help="base URL of the server, without /tasks")
    add_listening(proxy)
    proxy.add_argument("--cacert", type=Path, metavar="FILE", help="certificates to trust (PEM)")
    proxy.add_argument("--keep-host", action="store_true", help="pass the header Host of the client on, instead of that of UPSTREAM")
    proxy.add_argument("--signed-prefix", metavar="PATH", help="path prefix that clients sign, if it is not that of UPSTREAM")
    proxy.add_argument("--timeout", type=seconds, default=60.0, metavar="SECONDS", help="limit of each wait for the server (%(default)s)")
    proxy.add_argument("--cap", type=positive_integer, default=1 << 20, metavar="BYTES", help="longer bodies are not judged (%(default)s)")
    proxy.add_argument(
        "--allow-create", type=whole_number, metavar="N", help="pass at most N create requests on; required for the real service"
    )
    proxy.add_argument("--block", action="store_true", help="do not pass payloads on that break a documented rule, but answer 422")
    proxy.add_argument("--har", type=Path, metavar="FILE", help="record the exchanges to this file, without secrets")
    add_judging(proxy)
    add_output(proxy, "proxy")
    return proxy  # type: ignore[no-any-return]  # as above


def add_judging(parser: argparse.ArgumentParser) -> None:
    """Add the options about how exchanges are judged."""
    parser.add_argument("--side", choices=sorted(SIDES), default="both", help="whose part is judged (%(default)s)")
    parser.add_argument("--strict", action="store_true", default=None, help="treat warnings as errors")
    parser.add_argument("--ignore", action="append", default=[], metavar="RULE", help=f"ignore {RULES}")
    parser.add_argument("--fail-on", action="append", default=[], metavar="RULE", help=f"treat warnings as errors: of {RULES}")


def add_output(parser: argparse.ArgumentParser, command: str) -> None:
    """Add the options about reports."""
    parser.add_argument("--format", choices=FORMATS[command], default="text", help="format of standard output")
    parser.add_argument("--report", action="append", default=[], metavar="FORMAT:PATH", help="also write a report to a file (repeatable)")
    parser.add_argument("--quiet", action="store_true", help="text format: only a line per error")
