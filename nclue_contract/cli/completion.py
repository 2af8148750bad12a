"""The command `completion`: a script that completes the command line in a shell. shtab, which writes it, is an extra."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from nclue_contract.contract.extras import require_extra

SHELLS = ("bash", "zsh", "fish")
"""The shells for which there is a script."""


def add_parser(commands: Any) -> argparse.ArgumentParser:  # noqa: ANN401  # argparse's own type has no public name
    """Add the parser of the command, and return it."""
    completion: argparse.ArgumentParser = commands.add_parser(
        "completion", help="print a script that completes commands and options in a shell"
    )
    completion.add_argument("shell", choices=SHELLS, metavar="SHELL", help=f"one of {', '.join(SHELLS)}")
    return completion


def completion_script(parser: argparse.ArgumentParser, shell: str) -> str:
    """Return the script for a shell. Raises `MissingExtraError`."""
    with require_extra("completion", "completion needs shtab"):
        import shtab  # noqa: PLC0415  # an extra
    for action in _actions(parser):
        if action.metavar in {"FILE", "LEDGER"}:
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # shtab reads it
        elif action.metavar == "DIR":
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]  # as above
    script: str = shtab.complete(parser, shell=shell)
    return script


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield the arguments of a parser and of its subcommands."""
    for action in parser._actions:  # noqa: SLF001  # argparse has no public way
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  # as above
            for command in action.choices.values():
                yield from _actions(command)
