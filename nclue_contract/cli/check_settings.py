"""Options of the check in a settings file: their names, types and values are those of the parser of the command line.

A key is the long name of an option. What the command line gives takes precedence, also for options that can be repeated: it replaces their
values in the file. The paths of local files are relative to the settings file.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import get_type_hints

from nclue_contract.cli.config import ConfigError, ProjectSettings
from nclue_contract.signing import VARIABLES

SECRETS = dict(zip(("access-key", "secret-key"), VARIABLES, strict=True))
"""Options that must not stand in a file, with the environment variables for them."""


def apply_settings(
    settings: ProjectSettings,
    check: argparse.ArgumentParser,
    command: argparse.ArgumentParser,
    words: Sequence[str],
    options: argparse.Namespace,
) -> None:
    """Set the options that the settings have, and that the words of the command line do not have.

    `check` is the parser of the check, which knows all settings; `command` that of the command that runs, which may have only some of them.
    Raises `ConfigError` with the file, the key and the problem.
    """
    known, own = _by_name(check), _by_name(command)
    given = _given(command, words) if settings.check else set()
    for key, value in settings.check.items():
        place = f"{settings.path}: [{settings.check_table}] {key}"
        if key in SECRETS:
            message = f"{place} must be removed: keys belong in the environment, in {SECRETS[key]}"
            raise ConfigError(message)
        if key in {"reading", "readings"}:
            message = f"{place} must be removed: pinned readings have a table of their own, [{settings.check_table[:-5]}readings]"
            raise ConfigError(message)
        if key not in known:
            nearest = get_close_matches(key.replace("_", "-"), known, n=1, cutoff=0.0)
            message = f"{place} must be removed; the nearest option of the check is {nearest[0]}"
            raise ConfigError(message)
        try:
            converted = _converted(known[key], value, settings.path)
        except argparse.ArgumentTypeError as error:
            message = f"{place} must be another value: {error}"
            raise ConfigError(message) from error
        except ValueError as error:
            message = f"{place} must be {error}"
            raise ConfigError(message) from error
        action = own.get(key)
        if action is not None and action.choices == known[key].choices and action.dest not in given:
            setattr(options, action.dest, converted)


def used_settings(settings: ProjectSettings) -> str:
    """Return the file and the options of a check in it, for reports; empty if there are none."""
    return f"{settings.path} ({', '.join(settings.check)})" if settings.check else ""


def _by_name(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    """Return the options by their long names; `--help`, `--version` and `--config` are none."""
    actions = (action for action in parser._actions if action.dest not in {"help", "version", "config", "reading"})  # noqa: SLF001
    return {name[2:]: action for action in actions for name in action.option_strings if name.startswith("--")}


def _given(parser: argparse.ArgumentParser, words: Sequence[str]) -> set[str]:
    """Return the destinations of the options that are among the words, which the parser has accepted before."""
    actions = parser._actions  # noqa: SLF001
    defaults = [action.default for action in actions]
    try:
        for action in actions:
            action.default = argparse.SUPPRESS
        found = vars(parser.parse_args(words))
    finally:
        for action, default in zip(actions, defaults, strict=True):
            action.default = default
    return set(found)


def _converted(action: argparse.Action, value: object, path: Path | None) -> object:
    """Return a value of TOML as the command line would give it. Raises `ValueError` with what is expected."""
    if action.nargs == 0:
        if not isinstance(value, bool):
            raise ValueError("true or false")
        return value
    if isinstance(action, argparse._AppendAction):  # noqa: SLF001
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ValueError("an array of strings")
        return [_one(action, item, path) for item in value]
    return _one(action, value, path)


def _one(action: argparse.Action, value: object, path: Path | None) -> object:
    convert = action.type
    if convert is Path and isinstance(value, str):
        return (path.parent if path else Path()) / value
    if not callable(convert) or convert is Path:
        expected: tuple[type, ...] = (str,)
    else:
        expected = (int, float) if _returns(convert) in {int, float} else (str, int)
    if isinstance(value, bool) or not isinstance(value, expected):
        words = "a number" if float in expected else "a string" if int not in expected else "a string or a number"
        raise ValueError(words)  # noqa: TRY004  # reported like the others
    if action.choices is not None and value not in action.choices:
        raise ValueError(f"one of {', '.join(map(str, action.choices))}")
    if not callable(convert) or convert is Path:
        return value
    try:
        return convert(str(value))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{str(value)!r:.40} cannot be used") from error


def _returns(convert: object) -> object:
    """Return what a type of argparse returns: a class itself, or the annotation of a function."""
    return convert if isinstance(convert, type) else get_type_hints(convert).get("return")
