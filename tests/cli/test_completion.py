"""Shells complete the command with the printed script; each shell that is installed is run."""

import os
import shutil
import subprocess
import sys
import threading
from functools import cache

import pytest

from nclue_contract.cli.completion import SHELLS
from nclue_contract.cli.main import main
from tests.support.forked_command import run_forked
from tests.support.server_process import environment

BASH = """
source "$1"; shift
complete -p nclue-contract >/dev/null || exit 9
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_shtab_nclue_contract
printf '%s\\n' "${COMPREPLY[@]}"
"""
FISH = 'source $argv[1]; complete -C "$argv[2]"'

COMPLETIONS = {
    "a command": ("nclue-contract val", {"validate"}, {"check"}),
    "commands": ("nclue-contract ", {"validate", "check", "serve", "completion"}, set()),
    "an option": ("nclue-contract check --fail", {"--fail-on", "--fail-on-untested", "--failing-file"}, {"--only"}),
    "a format": ("nclue-contract check --format ", {"text", "junit", "html"}, {"sarif"}),
    "a format of another command": ("nclue-contract validate --format ", {"text", "sarif"}, {"html"}),
    "a shell": ("nclue-contract completion ", {"bash", "zsh", "fish"}, {"--format"}),
}


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    """Return a function from a shell to a file with its script."""

    @cache
    def script(shell):
        path = tmp_path_factory.mktemp(shell) / "_nclue-contract"
        done = run_forked(["completion", shell], environment())
        assert (done.code, done.err) == (0, "")
        path.write_text(done.out, encoding="utf-8")
        return path

    return script


def installed(shell):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")


def completed(shell, code, *arguments):
    command = [shell, "-c", code, *([shell] if shell == "bash" else []), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return {line.split("\t")[0].strip() for line in done.stdout.splitlines()}


@pytest.mark.parametrize("name", COMPLETIONS)
def test_bash_completes(script, name):
    installed("bash")
    line, offered, other = COMPLETIONS[name]
    words = line.split(" ")
    found = completed("bash", BASH, script("bash"), *words)
    assert (offered - found, other & found) == (set(), set())


@pytest.mark.parametrize("name", COMPLETIONS)
def test_fish_completes(script, name):
    installed("fish")
    line, offered, other = COMPLETIONS[name]
    found = completed("fish", FISH, script("fish"), line)
    assert (offered - found, other & found) == (set(), set())


def in_zsh(path, line, expected):
    """Type a line, TAB and Enter into an interactive zsh, and return whether the completed command has the expected arguments."""
    pty = pytest.importorskip("pty")
    master, slave = pty.openpty()
    seen, ready, found = bytearray(), threading.Event(), threading.Event()

    def read():
        try:
            while data := os.read(master, 65536):
                seen.extend(data)
                if b"READY" in seen:
                    ready.set()
                if expected in seen:
                    found.set()
        except OSError:  # the other side is closed
            pass

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    variables = os.environ | {"TERM": "xterm", "ZDOTDIR": str(path.parent)}
    setup = 'fpath=("$ZDOTDIR" $fpath)\nautoload -Uz compinit\ncompinit -u -D\nnclue-contract() { print -r -- "<$*>" }\nPS1=READY\n'
    (path.parent / ".zshrc").write_text(setup, encoding="utf-8")
    with subprocess.Popen(["zsh", "-i"], stdin=slave, stdout=slave, stderr=slave, env=variables, start_new_session=True) as shell:
        os.close(slave)
        try:
            assert ready.wait(60), bytes(seen)
            os.write(master, line.encode() + b"\t\n")
            return found.wait(60)
        finally:
            shell.kill()
            shell.wait()
            reader.join(10)
            os.close(master)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("nclue-contract vali", b"<validate>"),
        ("nclue-contract validate --input-f", b"<validate --input-format>"),
        ("nclue-contract check --format ht", b"<check --format html>"),
    ],
)
def test_zsh_completes(script, line, expected):
    installed("zsh")
    assert in_zsh(script("zsh"), line, expected)


@pytest.mark.parametrize("shell", SHELLS)
def test_files_are_completed_where_a_file_is_expected(capsys, shell):
    assert main(["completion", shell]) == 0
    word = {"bash": "_shtab_compgen_files", "zsh": ":_files", "fish": "__fish_complete_path"}[shell]
    assert word in capsys.readouterr().out


def test_an_unknown_shell_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as end:
        main(["completion", "csh"])
    assert end.value.code == 2
    assert "invalid choice: 'csh'" in capsys.readouterr().err


def test_without_its_extra_the_command_reports_how_to_install_it(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 2
    message = "nclue-contract: completion needs shtab; run: pip install 'nclue-contract[completion]'\n"
    assert capsys.readouterr() == ("", message)
