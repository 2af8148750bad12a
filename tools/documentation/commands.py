"""The reference of the command line, from its argument parsers."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import groupby

from nclue_contract.cli.examples import EXAMPLES, without_examples
from nclue_contract.cli.main import _parser
from tools.documentation.markdown import block, escaped, page, table


def pages() -> dict[str, str]:
    """Return the page by its path."""
    parser = _parser()
    (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))  # noqa: SLF001  # argparse has no public way
    helps = {action.dest: action.help or "" for action in commands._choices_actions}  # noqa: SLF001  # as above
    rows = [[f"[`{name}`](#{name})", escaped(text)] for name, text in helps.items()]
    sections = [part for name, command in commands.choices.items() for part in _command(name, helps[name], command)]
    return {"reference/commands.md": page("# Commands", _INTRO, table(["command", "what it does"], rows), parser.epilog or "", *sections)}


_INTRO = "The command `nclue-contract` has these subcommands. `nclue-contract COMMAND --help` prints the same in a terminal."


def _command(name: str, text: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    yield f"## {name}"
    yield f"{escaped(text[0].upper() + text[1:])}."
    yield block(_usage(parser))
    actions = [action for action in parser._actions if action.dest != "help"]  # noqa: SLF001  # as above
    for positional, members in groupby(sorted(actions, key=lambda action: bool(action.option_strings)), lambda one: not one.option_strings):
        rows = [[_names(action), _meaning(action, parser)] for action in members]
        yield table(["argument" if positional else "option", "meaning"], rows)
    yield "Examples:"
    yield block("\n".join(EXAMPLES[name]))
    if words := without_examples(parser.epilog or ""):
        yield escaped(" ".join(words.split()))


def _usage(parser: argparse.ArgumentParser) -> str:
    """Return the usage without the options, which the table lists."""
    required = [action.metavar or action.dest for action in parser._actions if not action.option_strings]  # noqa: SLF001  # as above
    return " ".join([parser.prog, "[OPTIONS]", *(f"[{name}]" for name in map(str, required))])


def _names(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"`{action.metavar or action.dest}`"
    value = (
        ""
        if action.nargs == 0
        else f" {action.metavar or (action.dest.upper() if not action.choices else '|'.join(map(str, action.choices)))}"
    )
    return ", ".join(f"`{name}{value}`" for name in action.option_strings)


def _meaning(action: argparse.Action, parser: argparse.ArgumentParser) -> str:
    text = (action.help or "") % (vars(action) | {"prog": parser.prog})
    return escaped(text)
