"""The options of the command `docs-drift`. The comparing itself is imported only when it runs."""

from __future__ import annotations

import argparse
from typing import Any

from nclue_contract.docs_drift.page import PAGE_FORMATS
from nclue_contract.validation.reports.base import FORMATS

_EPILOG = """\
Pages of NCLUE that can be compared: Create task, Get task, Get task list, Delete task, Overview, in English, Korean or Japanese, as HTML,
Markdown (extra `markdown`) or text. Exit codes: 0 no difference, 1 a difference, 2 usage or unreadable input, 3 a page cannot be
understood."""


def add_parser(commands: Any, common: argparse.ArgumentParser) -> argparse.ArgumentParser:  # noqa: ANN401  # argparse's own type has no public name
    """Add the parser of the command and return it; `common` has the options of all commands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "docs-drift", parents=[common], help="compare saved pages of the documentation with the contract", epilog=_EPILOG
    )
    parser.add_argument("names", nargs="+", metavar="FILE", help="saved page, folder, glob, or - for standard input")
    parser.add_argument("--input-format", choices=PAGE_FORMATS, help="format of the pages; by default the content and the extension decide")
    parser.add_argument("--format", choices=FORMATS["docs-drift"], default="text", help="format of standard output")
    parser.add_argument("--report", action="append", default=[], metavar="FORMAT:PATH", help="also write a report to a file (repeatable)")
    parser.add_argument("--quiet", action="store_true", help="text format: only a line per difference")
    return parser
