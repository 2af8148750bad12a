"""The example of a client: its tests pass, use every fixture, and find the bugs listed in its README, with the output printed there."""

import re

import pytest

from nclue_contract.pytest_plugin import FIXTURES
from tests.support.example_project import ExampleProject, blocks, sections
from tests.support.tools import ROOT

EXAMPLE = ROOT / "examples" / "client"
BUGS = sections((EXAMPLE / "README.md").read_text(encoding="utf-8"))
"""The sections of the README: each has a change of the client, and what pytest prints then."""


@pytest.fixture
def project(tmp_path):
    """Return a copy that waits less for a server: the one that is started completes tasks at once."""
    project = ExampleProject("client", tmp_path)
    line = "    with Tasks(nclue_credentials, nclue_server_url, pause_s={}, polls=20) as tasks:\n"
    project.apply(f"-{line.format(0.5)}+{line.format(0)}", "tests/test_churn_tasks.py")
    return project


def test_its_tests_pass(project):
    done = project.pytest("--nclue-coverage")
    assert done.code == 0, done.out + done.err
    assert re.search(r"^\d+ passed in ", done.out, re.MULTILINE)
    assert "operations that succeeded: 3 of 4\n" in done.out


def test_its_tests_use_every_fixture():
    tests = (EXAMPLE / "tests" / "test_churn_tasks.py").read_text(encoding="utf-8")
    assert set(re.findall(r"\bnclue_\w+", " ".join(re.findall(r"^def .*\((.*)\):$", tests, re.MULTILINE)))) == FIXTURES


def test_its_readme_shows_three_bugs():
    assert len(BUGS) == 3


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_is_found_with_the_output_of_the_readme(project, bug):
    (change,) = blocks(BUGS[bug], "diff")
    project.apply(change, "churn_tasks.py")
    done = project.pytest()
    assert done.code == 1, done.out + done.err
    output = blocks(BUGS[bug], "text")
    assert output
    for block in output:
        assert block in done.out
