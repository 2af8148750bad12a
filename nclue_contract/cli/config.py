"""The settings of a project: `[tool.nclue-contract]` in the nearest pyproject.toml, or a TOML file of their own.

Library functions never read them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

TABLE = "tool.nclue-contract"
"""The table of the settings in pyproject.toml; in a file of their own they are at the top."""

READINGS_TABLE = f"{TABLE}.readings"
"""The table of the pinned readings in it."""

_SIMILAR = 0.85
"""How similar a name is to ours, from 0 to 1, that is rejected as a slip."""

_KEYS = ("readings", "ignore", "strict", "check")


class ConfigError(ValueError):
    """The settings cannot be used; the message names the file and says why."""


class ProjectSettings(NamedTuple):
    """Pinned readings, rules to ignore, whether warnings are errors, and options of the check by their names, not validated yet.

    `path` is None when no file has the table; `table` is the name of the table in it, empty for a file of its own.
    """

    readings: Mapping[str, str] = MappingProxyType({})
    ignore: tuple[str, ...] = ()
    strict: bool = False
    path: Path | None = None
    check: Mapping[str, object] = MappingProxyType({})
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
            document = _read(path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        _reject_slips(path, document)
        tools = document.get("tool")
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


def _reject_slips(path: Path, document: Mapping[str, object]) -> None:
    """Raise `ConfigError` for a table whose name is nearly that of ours, such as `[tool.nclue_contract]`: nothing would read it."""
    tools = document.get("tool")
    name = TABLE.removeprefix("tool.")
    tables = {f"tool.{key}": key for key in (tools if isinstance(tools, dict) else ())} | {key: key for key in document}
    for table, key in tables.items():
        if table != TABLE and isinstance(key, str) and _is_slip(key.lower(), name):
            message = f"{path}: the table [{table}] is not read; its name must be [{TABLE}]"
            raise ConfigError(message)


def _is_slip(key: str, name: str) -> bool:
    """Return whether a name is nearly another one."""
    if 2 * min(len(key), len(name)) < _SIMILAR * (len(key) + len(name)):  # the ratio cannot be higher; most names need no import
        return False
    from difflib import get_close_matches  # noqa: PLC0415  # only for names of about this length

    return bool(get_close_matches(key, [name], cutoff=_SIMILAR))


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
    require(not unknown, ", ".join(unknown), f"removed; known are {', '.join(_KEYS[:-1])} and {_KEYS[-1]}{_meant(unknown)}")
    readings, ignore, strict, check = table.get("readings", {}), table.get("ignore", []), table.get("strict", False), table.get("check", {})
    require(isinstance(readings, dict) and all(isinstance(v, str) for v in readings.values()), "readings", "a table of strings")
    require(isinstance(ignore, list) and all(isinstance(v, str) for v in ignore), "ignore", "an array of strings")
    require(isinstance(strict, bool), "strict", "true or false")
    require(isinstance(check, dict), "check", "a table")
    return ProjectSettings(readings, tuple(ignore), strict, path, check, name)


def _meant(unknown: Sequence[str]) -> str:
    if not unknown:
        return ""
    from difflib import get_close_matches  # noqa: PLC0415  # only for the message

    near = [match for key in unknown for match in get_close_matches(key.lower()[:80], _KEYS, n=1)]
    return f"; did you mean {' and '.join(near)}?" if near else ""
