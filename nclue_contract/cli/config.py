"""The settings of a project: `[tool.nclue-contract]` in the nearest pyproject.toml, or a TOML file of their own.

Library functions never read them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TABLE = "tool.nclue-contract"
"""The table of the settings in pyproject.toml; in a file of their own they are at the top."""

READINGS_TABLE = f"{TABLE}.readings"
"""The table of the pinned readings in it."""

_KEYS = ("readings", "ignore", "strict", "check")


class ConfigError(ValueError):
    """The settings cannot be used; the message names the file and says why."""


@dataclass(frozen=True, slots=True)
class ProjectSettings:
    """Pinned readings, rules to ignore, whether warnings are errors, and options of the check by their names, not validated yet.

    `path` is None when no file has the table; `table` is the name of the table in it, empty for a file of its own.
    """

    readings: Mapping[str, str] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    strict: bool = False
    path: Path | None = None
    check: Mapping[str, object] = field(default_factory=dict)
    table: str = TABLE

    @property
    def check_table(self) -> str:
        """Return the name of the table with the options of the check."""
        return f"{self.table}.check" if self.table else "check"


def load(start: Path) -> ProjectSettings:
    """Return the settings for a folder: those of the nearest pyproject.toml upward that has the table. Raises `ConfigError`."""
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        try:
            tools = _read(path).get("tool")
        except (FileNotFoundError, NotADirectoryError):
            continue
        if isinstance(tools, dict) and "nclue-contract" in tools:
            return _settings(path, tools["nclue-contract"], TABLE)
    return ProjectSettings()


def load_config(path: Path) -> ProjectSettings:
    """Return the settings in a TOML file of their own. Raises `ConfigError`."""
    try:
        return _settings(path, _read(path), "")
    except (FileNotFoundError, NotADirectoryError) as error:
        message = f"--config: there is no file {path}"
        raise ConfigError(message) from error


def _read(path: Path) -> dict[str, Any]:
    """Return what a TOML file has. Raises `ConfigError`, or the `OSError` for a file that does not exist."""
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: {error}"
        raise ConfigError(message) from error
    import tomllib  # noqa: PLC0415  # only where there is a file

    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        message = f"{path}: not a TOML file that can be read: {error}"
        raise ConfigError(message) from error


def _settings(path: Path, table: object, name: str) -> ProjectSettings:
    def require(condition: object, key: str, expected: str) -> None:
        if not condition:
            place = f"[{name}] {key}" if name else key
            message = f"{path}: {place} must be {expected}"
            raise ConfigError(message)

    if not isinstance(table, dict):
        message = f"{path}: {name} must be a table"
        raise ConfigError(message)
    unknown = sorted(set(table) - set(_KEYS))
    require(not unknown, ", ".join(unknown), f"removed; known are {', '.join(_KEYS[:-1])} and {_KEYS[-1]}")
    readings, ignore, strict, check = table.get("readings", {}), table.get("ignore", []), table.get("strict", False), table.get("check", {})
    require(isinstance(readings, dict) and all(isinstance(v, str) for v in readings.values()), "readings", "a table of strings")
    require(isinstance(ignore, list) and all(isinstance(v, str) for v in ignore), "ignore", "an array of strings")
    require(isinstance(strict, bool), "strict", "true or false")
    require(isinstance(check, dict), "check", "a table")
    return ProjectSettings(readings, tuple(ignore), strict, path, check, name)
