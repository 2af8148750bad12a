"""The readings that a check has found, as a table of settings, and put into a pyproject.toml without touching the rest of it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from nclue_contract.config import TABLE
from nclue_contract.validate import whole_file
from nclue_contract.verdicts import CheckResult

_HEAD = f"[{TABLE}.readings]"


def table(result: CheckResult) -> str:
    """The table with a line per reading; what is still open stands there as a comment."""
    lines = [f"{_HEAD}  # as {result.target} was found to read the documentation"]
    for name, left in result.readings.items():
        lines.append(f'{name} = "{left[0]}"' if len(left) == 1 else f"# {name} is open: {' or '.join(left)}")
    return "\n".join(lines) + "\n"


def write(path: Path, result: CheckResult) -> None:
    """Put the table into a file, in the place of the one that is there. Raises `ValueError` if the file could not be understood."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    old = re.compile(rf"(?m)^{re.escape(_HEAD)}.*\n(?:(?!\[).*\n?)*")
    text = old.sub("", before).rstrip("\n")
    text = (text + "\n\n" if text else "") + table(result)
    wanted = {name: left[0] for name, left in result.readings.items() if len(left) == 1}
    try:
        found = tomllib.loads(text)["tool"]["nclue-contract"]["readings"]
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"--write: {path} cannot be changed: {error}") from error
    if found != wanted:
        raise ValueError(f"--write: {path} has readings in a form that cannot be replaced; take the table from --format toml")
    with whole_file(path) as file:
        file.write(text)
