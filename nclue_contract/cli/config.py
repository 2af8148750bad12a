"""The settings of a project: `[tool.nclue-contract]` in the nearest pyproject.toml. Library functions never read it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

TABLE = "tool.nclue-contract"
"""The table of the settings in pyproject.toml."""

READINGS_TABLE = f"{TABLE}.readings"
"""The table of the pinned readings in it."""


class ConfigError(ValueError):
    """The settings cannot be used; the message names the file and says why."""


@dataclass(frozen=True, slots=True)
class ProjectSettings:
    """Pinned readings, rules to ignore, whether warnings are errors. `path` is None when no file has the table."""

    readings: Mapping[str, str] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    strict: bool = False
    path: Path | None = None


def load(start: Path) -> ProjectSettings:
    """Return the settings for a folder: those of the nearest pyproject.toml upward that has the table. Raises `ConfigError`."""
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        try:
            text = path.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, UnicodeDecodeError) as error:
            message = f"{path}: {error}"
            raise ConfigError(message) from error
        try:
            tools = tomllib.loads(text).get("tool")
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            message = f"{path}: not a TOML file that can be read: {error}"
            raise ConfigError(message) from error
        if isinstance(tools, dict) and "nclue-contract" in tools:
            return _settings(path, tools["nclue-contract"])
    return ProjectSettings()


def _settings(path: Path, table: object) -> ProjectSettings:
    def require(condition: object, key: str, expected: str) -> None:
        if not condition:
            message = f"{path}: [{TABLE}] {key} must be {expected}"
            raise ConfigError(message)

    if not isinstance(table, dict):
        message = f"{path}: {TABLE} must be a table"
        raise ConfigError(message)
    unknown = sorted(set(table) - {"readings", "ignore", "strict"})
    require(not unknown, ", ".join(unknown), "removed; known are readings, ignore and strict")
    readings, ignore, strict = table.get("readings", {}), table.get("ignore", []), table.get("strict", False)
    require(isinstance(readings, dict) and all(isinstance(v, str) for v in readings.values()), "readings", "a table of strings")
    require(isinstance(ignore, list) and all(isinstance(v, str) for v in ignore), "ignore", "an array of strings")
    require(isinstance(strict, bool), "strict", "true or false")
    return ProjectSettings(readings, tuple(ignore), strict, path)
