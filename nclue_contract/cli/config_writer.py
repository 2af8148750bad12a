"""Write the readings that a probe has found into a pyproject.toml, without changing the rest of the file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nclue_contract.cli.config import READINGS_TABLE, TABLE
from nclue_contract.cli.files import atomic_file, require_writable


def write_readings(path: Path, table: str, readings: Mapping[str, str]) -> None:
    """Put `table`, the text of the table with these readings, into a file: in place of the existing table, or at the end.

    Raises `ValueError` for a file whose table cannot be replaced without changing another setting.
    """
    before = path.read_bytes() if path.exists() else b""
    settings = _settings(path, before)
    text = before.decode()
    newline = "\r\n" if "\r\n" in text else "\n"
    after = _replaced(text, table.replace("\n", newline), newline)
    if _parsed(after) != _with_readings(settings, readings):
        raise ValueError(f"--write: {path} has readings in a form that cannot be replaced; use the table of --format toml")
    with atomic_file(path) as file:
        file.write(after)


def require_replaceable(path: Path) -> None:
    """Raise `ValueError` for a file that `write_readings` could not read or write, before it is known what is to be written."""
    try:
        if path.exists():
            _settings(path, path.read_bytes())
        require_writable(path)
    except OSError as error:
        raise ValueError(f"--write: {path} cannot be written: {error.strerror}") from error


def _replaced(text: str, new: str, newline: str) -> str:
    """Return the text with the new table. The old one ends with its last setting, and the comments of open readings behind that."""
    old = re.search(rf"(?m)^{re.escape(f'[{READINGS_TABLE}]')}[ \t]*(?:#.*)?\r?$", text)
    if old is None:
        return text + (newline if text and not text.endswith("\n") else "") + (newline if text.strip() else "") + new
    lines = re.findall(r"[^\n]*\n|[^\n]+", text[old.start() :])
    next_table = next((number for number, line in enumerate(lines[1:], 1) if line.lstrip().startswith("[")), len(lines))
    end = 1 + max(number for number, line in enumerate(lines[:next_table]) if line.strip() and not line.lstrip().startswith("#"))
    while end < next_table and re.match(r"# \S+ is open: ", lines[end]):
        end += 1
    return text[: old.start()] + new + "".join(lines[end:])


def _with_readings(settings: dict[str, Any], readings: Mapping[str, str]) -> dict[str, Any]:
    """Return a copy of the settings with other readings."""
    changed = dict(settings)
    table = changed
    for name in TABLE.split("."):
        inner = table.get(name)
        table[name] = dict(inner) if isinstance(inner, dict) else {}
        table = table[name]
    table["readings"] = dict(readings)
    return changed


def _settings(path: Path, text: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:  # of the encoding, or of TOML
        raise ValueError(f"--write: {path} cannot be read as TOML: {error}") from error


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
