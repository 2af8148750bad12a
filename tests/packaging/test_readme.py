"""The commands of the README print what it shows, and its Python blocks run."""

from nclue_contract.cli.main import _parser, main
from tests.support.documents import ORIGIN, Shell, commands, run_python_blocks
from tests.support.forked_command import run_forked
from tests.support.server_process import environment, running
from tests.support.tools import ROOT

README = ROOT / "README.md"


def test_the_first_example_prints_what_the_readme_shows(tmp_path):
    """Run the command unchanged, in a real shell."""
    command = commands(README)[0]
    with Shell(tmp_path) as shell:
        assert shell.run(command.line) == (1, command.output)
    assert "^" in command.output


def test_the_python_blocks_run_unchanged():
    assert run_python_blocks(README) >= 5


def shown(start):
    """Return the commands that begin so and have an output, the shortest output first."""
    return sorted((command for command in commands(README, start) if command.output), key=lambda command: len(command.output))


def test_the_check_of_a_server_with_a_bug_prints_what_the_readme_shows(tmp_path):
    (_, command) = shown("nclue-contract check")
    with running("--progress", "seconds", "--fault", "path-character-allowed:U+000A") as server:
        done = run_forked(["check", server.url], environment(), cwd=tmp_path)
    assert done.code == 1
    assert command.prints(shown_part(done.out.replace(server.origin, ORIGIN))), done.out


def shown_part(output):
    """Return the output without its last line, the versions, which the README leaves out."""
    return output.rstrip("\n").rpartition("\n")[0]


def test_the_check_of_the_reference_server_prints_what_the_readme_shows(capsys):
    (command, _) = shown("nclue-contract check")
    assert main(["check"]) == 0
    out = capsys.readouterr().out
    assert command.prints(shown_part(out)), out


def test_the_readme_names_only_commands_and_options_that_exist():
    """The argument parser accepts every `nclue-contract …` line of the console blocks."""
    lines = commands(README, "nclue-contract ")
    assert len(lines) >= 4
    for command in lines:
        _parser().parse_args(command.words[1:])
