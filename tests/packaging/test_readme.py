"""The commands of the README print what it shows, and its Python blocks run."""

import os
import re
import subprocess
import sys
from pathlib import Path

from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

from nclue_contract.cli.main import main
from tests.support.server_process import environment, running

README = Path(__file__).resolve().parent.parent.parent / "README.md"


def test_the_first_example_prints_what_the_readme_shows():
    """Run the command unchanged, in a real shell."""
    block = re.search(r"```console\n\$ (.*)\n((?:.*\n)*?)```", README.read_text(encoding="utf-8"))
    assert block is not None
    command, output = block.groups()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = os.environ | {"PATH": path, "PYTHONIOENCODING": "utf-8"}
    run = subprocess.run(["bash", "-c", command], capture_output=True, encoding="utf-8", check=False, env=environment)
    assert (run.stdout, run.returncode) == (output, 1)
    assert "^" in output


def test_the_python_blocks_run_unchanged():
    """One test, since a block can use the names of the blocks above it."""
    examples = list(Sybil(parsers=[PythonCodeBlockParser(), SkipParser()], patterns=["README.md"]).parse(README).examples())
    assert len(examples) >= 5
    for example in examples:
        example.evaluate()


def blocks(command):
    """Return the output that the README shows for a command, as patterns in which `...` stands for anything."""
    found = re.findall(r"```console\n\$ (nclue-contract .*)\n((?:.*\n)+?)```", README.read_text(encoding="utf-8"))
    return [".*".join(map(re.escape, output.split("..."))) for line, output in found if line.startswith(command)]


def test_the_check_of_a_server_with_a_bug_prints_what_the_readme_shows(tmp_path):
    (_, output) = sorted(blocks("nclue-contract check"), key=len)
    with running("--progress", "seconds", "--fault", "path-character-allowed:U+000A") as server:
        command = [sys.executable, "-m", "nclue_contract", "check", server.url]
        variables = environment(PYTHONIOENCODING="utf-8")
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, cwd=tmp_path, timeout=300, env=variables)
    assert done.returncode == 1
    assert re.match(output, done.stdout.replace(server.origin, "http://127.0.0.1:8000"), re.DOTALL), done.stdout


def test_the_check_of_the_reference_server_prints_what_the_readme_shows(capsys):
    (output, _) = sorted(blocks("nclue-contract check"), key=len)
    assert main(["check"]) == 0
    out = capsys.readouterr().out
    assert re.match(output, out, re.DOTALL), out


def test_the_readme_names_only_commands_and_options_that_exist():
    """The argument parser accepts every `nclue-contract …` line of the console blocks."""
    from nclue_contract.cli.main import _parser  # noqa: PLC0415  # only the parser is needed

    lines = re.findall(r"^\$ nclue-contract (.*?)(?:\s+#.*)?$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(lines) >= 4
    for line in lines:
        _parser().parse_args(line.replace("'", "").split())
