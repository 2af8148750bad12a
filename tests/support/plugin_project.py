"""A project that tests a client with the plugin, and the output of pytest in it.

It is a plugin itself, which test modules name in `pytest_plugins`, and do not import.
"""

import os
import re
import sys
import textwrap

import pytest

from tests.support.forked_command import PYTEST, run_forked

PLUGIN = "nclue_contract.pytest_plugin"
"""Named in every run, because no installed plugin is loaded; so the tests do not depend on the entry point."""
NO_CACHE = "-pno:cacheprovider"

CLIENT = """
import httpx
from nclue_contract.clients import Signer
from nclue_contract.signing import EXAMPLE

def send(url, payload, **options):
    with httpx.Client(auth=Signer(EXAMPLE), verify=False) as client:
        return client.post(f"{url}/tasks", json=payload, **options)

def look(url, path="/tasks"):
    with httpx.Client(auth=Signer(EXAMPLE), verify=False) as client:
        return client.get(url + path)
"""
"""A module `client` of that project."""


class Loaded:
    """A plugin that remembers what a run inside this process has imported.

    pytester forgets all of it. But a library that is imported a second time has other classes than those that are still in use.
    """

    def __init__(self):
        self._modules = {}

    def pytest_unconfigure(self):
        self._modules |= sys.modules

    def put_back(self, other_than):
        """Put back what was imported from elsewhere than a folder."""
        for name, module in self._modules.items():
            file = getattr(module, "__file__", None)
            if file and not file.startswith(str(other_than)):
                sys.modules.setdefault(name, module)


class Project:
    """Runs pytest on test modules. Warnings are errors, markers strict, and only those plugins are loaded that are named."""

    def __init__(self, pytester, monkeypatch, loaded):
        self._loaded = loaded
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        for name in ("CI", "BUILD_NUMBER"):  # there, pytest shows long lines whole
            monkeypatch.delenv(name, raising=False)
        self.pytester = pytester
        self.path = pytester.path

    def run(self, tests, *options, plugins=(), **files):
        """Run it in this process. `tests` becomes the module test_it; `files` are other modules."""
        return self.pytester.runpytest_inprocess(*self._prepared(tests, plugins, files), NO_CACHE, *options, plugins=[self._loaded])

    def run_apart(self, tests, *options, plugins=(), cache=False, stdin=b"", **files):
        """Run it in a process of its own, which is forked: third-party libraries are imported, our plugin is not."""
        without = [] if cache else [NO_CACHE]
        done = run_forked([*self._prepared(tests, plugins, files), *without, *options], os.environ, data=stdin, program=PYTEST)
        print(done.out, done.err)  # noqa: T201  # shown where the test fails
        return pytest.RunResult(done.code, done.out.splitlines(), done.err.splitlines(), 0)

    def _prepared(self, tests, plugins, files):
        if tests:
            files["test_it"] = f"import pytest\nfrom client import look, send\n\n{textwrap.dedent(tests)}"
        self.pytester.makepyfile(client=CLIENT, **files)
        return ["--strict-markers", "-Werror", f"-p{PLUGIN}", *(f"-p{name}" for name in plugins)]

    @staticmethod
    def shows(result, text):
        """Check that these lines are printed, one directly after the other."""
        lines = textwrap.dedent(text).strip("\n").splitlines()
        escaped = [re.sub(r"([*?[])", r"[\1]", line) for line in lines]
        result.stdout.fnmatch_lines(escaped, consecutive=True)


@pytest.fixture
def loaded(tmp_path_factory):
    """Remember what `project` imports, and put it back when pytester has forgotten it; so this comes before pytester."""
    loaded = Loaded()
    yield loaded
    loaded.put_back(other_than=tmp_path_factory.getbasetemp())


@pytest.fixture
def project(loaded, pytester, monkeypatch):
    """Return an empty project."""
    return Project(pytester, monkeypatch, loaded)
