"""The example of contract tests: they pass with the reference server, and fail for the bugs that the README shows."""

import re

import pytest

from tests.support.example_project import SCHEMATHESIS, ExampleProject, blocks, sections
from tests.support.server_process import running
from tests.support.tools import ROOT

SERVER_BUG, CLIENT_BUG = sections((ROOT / "examples" / "contract_tests" / "README.md").read_text(encoding="utf-8")).values()
OPERATIONS = 4
FEW = """\
from hypothesis import Phase, settings

settings.register_profile("few", settings.get_profile("ci"), max_examples=25, phases=[Phase.generate])
settings.load_profile("few")
"""
"""Lets Hypothesis draw the same examples in every run, and without a deadline, which a busy machine would miss."""


@pytest.fixture
def project(tmp_path):
    """Return a copy that generates fewer requests: it must work, and what the server does with all of them is tested elsewhere."""
    project = ExampleProject("contract_tests", tmp_path, SCHEMATHESIS)
    project.apply("-@settings(max_examples=50)\n+@settings(max_examples=10)\n", "test_contract.py")
    (project.path / "conftest.py").write_text(FEW, encoding="utf-8")
    (project.path / "schemathesis.toml").write_text("[phases.coverage]\nenabled = false\n", encoding="utf-8")
    return project


def test_the_tests_pass_with_the_reference_server_and_a_client_without_bugs(project):
    done = project.pytest()
    assert done.code == 0, done.out + done.err
    assert f"\n{OPERATIONS + 2} passed in " in done.out


def test_a_server_with_the_bug_of_the_readme_fails_its_contract_tests(project):
    (fault,) = re.findall(r"--fault (\S+)", SERVER_BUG)
    (output,) = blocks(SERVER_BUG, "text")
    with running("--fault", fault) as server:
        done = project.pytest("-x", "test_contract.py", SERVER_URL=server.url)
    assert done.code == 1, done.out + done.err
    assert output in done.out


def test_a_client_with_the_bug_of_the_readme_fails_its_property_tests(project):
    (change,) = blocks(CLIENT_BUG, "diff")
    (output,) = blocks(CLIENT_BUG, "text")
    project.apply(change, "task_client.py")
    done = project.pytest("test_payloads.py")
    assert done.code == 1, done.out + done.err
    assert output in done.out
