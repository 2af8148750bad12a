"""The example of a client: its tests pass, use every fixture, and catch the bugs that its README shows, in the words shown there."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from nclue_contract.pytest_plugin import FIXTURES
from tests.support.tools import ROOT

EXAMPLE = ROOT / "examples" / "client"
README = (EXAMPLE / "README.md").read_text(encoding="utf-8")
BUGS = dict(re.findall(r"^## (.*)\n((?:(?!## ).*\n)*)", README, re.MULTILINE))
"""The sections of the README: each has a change of the client, and what pytest shows then."""


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture
def project(tmp_path):
    return shutil.copytree(EXAMPLE, tmp_path / "client", ignore=shutil.ignore_patterns("__pycache__", ".*"))


def run(folder, *options):
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "pytest", "-q", "-pno:cacheprovider", "-pnclue_contract.pytest_plugin", "-Werror", *options]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=False, cwd=folder, env=environment)


def test_its_tests_pass(project):
    done = run(project, "--nclue-coverage")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^\d+ passed in ", done.stdout, re.MULTILINE)
    assert "operations that succeeded: 3 of 4\n" in done.stdout


def test_its_tests_use_every_fixture():
    tests = (EXAMPLE / "tests" / "test_churn_tasks.py").read_text(encoding="utf-8")
    assert set(re.findall(r"\bnclue_\w+", " ".join(re.findall(r"^def .*\((.*)\):$", tests, re.MULTILINE)))) == FIXTURES


def test_its_readme_shows_three_bugs():
    assert len(BUGS) == 3


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_caught_in_the_words_of_the_readme(project, bug):
    (change,) = blocks(BUGS[bug], "diff")
    there, instead = re.fullmatch(r"-(.*\n)\+(.*\n)", change).groups()
    client = project / "churn_tasks.py"
    text = client.read_text(encoding="utf-8")
    assert text.count(there) == 1
    client.write_text(text.replace(there, instead), encoding="utf-8")
    done = run(project)
    assert done.returncode == 1, done.stdout + done.stderr
    shown = blocks(BUGS[bug], "text")
    assert shown
    for block in shown:
        assert block in done.stdout
