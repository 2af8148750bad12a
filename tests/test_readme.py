"""What the README shows is what a reader gets. Its Python blocks are run by Sybil (see conftest.py)."""

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"


def test_the_first_example_prints_what_the_readme_shows():
    """The command as it stands, in a real shell."""
    block = re.search(r"```console\n\$ (.*)\n((?:.*\n)*?)```", README.read_text(encoding="utf-8"))
    assert block is not None
    command, shown = block.groups()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = os.environ | {"PATH": path, "PYTHONIOENCODING": "utf-8"}
    run = subprocess.run(["bash", "-c", command], capture_output=True, encoding="utf-8", check=False, env=environment)
    assert (run.stdout, run.returncode) == (shown, 1)
    assert "^" in shown


def test_the_readme_names_only_commands_and_options_that_exist():
    """Every `nclue-contract …` line of the console blocks is understood by the argument parser."""
    from nclue_contract.cli import _parser  # noqa: PLC0415  # the parser is all that is asked

    lines = re.findall(r"^\$ nclue-contract (.*?)(?:\s+#.*)?$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(lines) >= 4
    for line in lines:
        _parser().parse_args(line.replace("'", "").split())
