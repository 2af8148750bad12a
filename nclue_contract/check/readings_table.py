"""The readings that a check has found, as a table of settings, and put into a pyproject.toml without touching the rest of it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from nclue_contract.check.results import CheckResult
from nclue_contract.cli.config import TABLE
from nclue_contract.cli.validate import whole_file

_HEAD = f"[{TABLE}.readings]"


def table(result: CheckResult) -> str:
    """The table with a line per reading; what is still open stands there as a comment."""
    lines = [f"{_HEAD}  # as {result.target} was found to read the documentation"]
    for name, left in result.readings.items():
        lines.append(f'{name} = "{left[0]}"' if len(left) == 1 else f"# {name} is open: {' or '.join(left)}")
    return "\n".join(lines) + "\n"


def write(path: Path, result: CheckResult) -> None:
    """Put the table into a file, in the place of the one that is there, or at its end.

    Raises `ValueError` for a file in which the table cannot be replaced, or cannot be without a change to something else.
    """
    before = path.read_bytes() if path.exists() else b""
    settings = _settings(path, before)
    text = before.decode()
    ending = "\r\n" if "\r\n" in text else "\n"
    after = _replaced(text, table(result).replace("\n", ending), ending)
    found = {name: left[0] for name, left in result.readings.items() if len(left) == 1}
    if _tables(after) != _with(settings, found):
        raise ValueError(f"--write: {path} has readings in a form that cannot be replaced; take the table from --format toml")
    with whole_file(path) as file:
        file.write(after)


def _replaced(text: str, new: str, ending: str) -> str:
    """The text with the new table. The old one goes as far as its last setting, and what this module has written behind that."""
    old = re.search(rf"(?m)^{re.escape(_HEAD)}[ \t]*(?:#.*)?\r?$", text)
    if old is None:
        return text + (ending if text and not text.endswith("\n") else "") + (ending if text.strip() else "") + new
    lines = re.findall(r"[^\n]*\n|[^\n]+", text[old.start() :])
    following = next((number for number, line in enumerate(lines[1:], 1) if line.lstrip().startswith("[")), len(lines))
    end = 1 + max(number for number, line in enumerate(lines[:following]) if line.strip() and not line.lstrip().startswith("#"))
    while end < following and re.match(r"# \S+ is open: ", lines[end]):
        end += 1
    return text[: old.start()] + new + "".join(lines[end:])


def _with(settings: dict[str, Any], found: dict[str, str]) -> dict[str, Any]:
    """The settings with other readings."""
    wanted = dict(settings)
    place = wanted
    for name in TABLE.split("."):
        inner = place.get(name)
        place[name] = dict(inner) if isinstance(inner, dict) else {}
        place = place[name]
    place["readings"] = found
    return wanted


def _settings(path: Path, text: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:  # of the encoding, or of TOML
        raise ValueError(f"--write: {path} is no TOML file that can be read: {error}") from error


def _tables(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
