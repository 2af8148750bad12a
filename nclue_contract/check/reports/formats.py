"""The formats of the command `check`: from a result to its text."""

from __future__ import annotations

from pathlib import Path

from nclue_contract.check.reports.machine import check_github, check_json, check_jsonl, check_junit
from nclue_contract.check.reports.reproduce import reproducer
from nclue_contract.check.reports.text import report_lines
from nclue_contract.check.results import CheckResult
from nclue_contract.contract.model import contract
from nclue_contract.validation.reports.base import FORMATS


def render(  # all but two by name
    name: str,
    result: CheckResult,
    *,
    version: str,
    encoding: str,
    started_ms: int,
    quiet: bool = False,
    colour: bool = False,
    reproduce_dir: Path | None = None,
) -> str:
    """Return the report on a result in a format; raises `ValueError` for one that `check` does not have.

    The text can be written in `encoding`; all formats but text, github and html (UTF-8) are ASCII. `started_ms` is when the run began, in
    milliseconds since 1970-01-01 UTC. `quiet` and `colour` concern text only. `reproduce_dir` is the folder of bodies that do not
    fit into a command.
    """
    match name:
        case "text":
            lines = report_lines(result, version=version, quiet=quiet, encoding=encoding, reproduce_dir=reproduce_dir, colour=colour)
            return "\n".join(lines) + "\n"
        case "json":
            return check_json(result, version, reproduce_dir)
        case "jsonl":
            return check_jsonl(result, reproduce_dir)
        case "junit":
            return check_junit(result, version, reproduce_dir)
        case "github":
            return check_github(result, version, encoding)
        case "html":
            from nclue_contract.check.reports.html.report import html_report  # noqa: PLC0415  # large, and only needed for this format

            return html_report(
                result,
                version=version,
                revision=contract().revision,
                started_ms=started_ms,
                curl=reproducer(result, reproduce_dir).command,
            )
        case _:
            raise ValueError(f"unknown format {name!r:.80}; known: {', '.join(FORMATS['check'])}")
