"""The help of every command has examples to copy, and each of them can be parsed."""

import re
import shlex

import pytest

from nclue_contract.cli.examples import EXAMPLES, without_examples
from nclue_contract.cli.main import _parser, main

COMMANDS = (
    "validate",
    "explain",
    "spec",
    "sign",
    "check",
    "probe",
    "cleanup",
    "traffic",
    "proxy",
    "serve",
    "faults",
    "docs-drift",
    "completion",
)


def help_of(name, capsys):
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    assert end.value.code == 0
    return capsys.readouterr().out


def test_every_command_has_examples():
    assert set(re.findall("^    ([a-z-]+)", _parser().format_help(), re.MULTILINE)) == set(EXAMPLES) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("columns", ["40", "200"])
def test_help_shows_the_examples_line_by_line_whatever_the_width(name, columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    lines = help_of(name, capsys).splitlines()
    start = lines.index("examples:") + 1
    assert lines[start : start + len(EXAMPLES[name])] == [f"  {line}" for line in EXAMPLES[name]]
    rest = lines[start + len(EXAMPLES[name]) :]
    assert all(len(line) <= int(columns) for line in rest)


@pytest.mark.parametrize(("name", "line"), [(name, line) for name in COMMANDS for line in EXAMPLES[name]])
def test_every_example_is_a_command_line_of_its_command(name, line):
    program, command, *rest = (word for word in shlex.split(line, comments=True) if not word.startswith(">"))
    assert (program, command) == ("nclue-contract", name)
    assert _parser().parse_args([command, *rest]).run


def test_the_last_words_of_a_help_are_kept(capsys):
    assert help_of("validate", capsys).endswith("\n\nExit codes: 0 passed, 1 failed, 2 usage or unreadable input, 3 inconclusive.\n")
    assert without_examples("examples:\n  a\n\nExit codes.") == "Exit codes."
    assert without_examples("examples:\n  a") == ""
    assert without_examples("Exit codes.") == "Exit codes."
