"""A copy of a project below `examples/`, in which pytest is run as a user of it runs pytest."""

import os
import re
import shutil

from tests.support.forked_command import PYTEST, run_forked
from tests.support.tools import ROOT

OURS = "nclue_contract.pytest_plugin"
SCHEMATHESIS = "schemathesis.pytest.plugin"


class ExampleProject:
    """A copy of `examples/NAME` that a test may change; its pytest loads our plugin and those that are named."""

    def __init__(self, name, folder, *plugins):
        self._plugins = (OURS, *plugins)
        self.path = shutil.copytree(ROOT / "examples" / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))

    def pytest(self, *options, **variables):
        """Run pytest in a process of its own, with the folder as its root; warnings are errors. The libraries are imported already."""
        environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "", "PYTHONIOENCODING": "utf-8"} | variables
        plugins = [f"-p{name}" for name in self._plugins]
        arguments = ["-q", "-pno:cacheprovider", *plugins, "-Werror", *options]
        return run_forked(arguments, environment, cwd=self.path, program=PYTEST)

    def apply(self, change, name):
        """Apply a diff of one removed and one added line to a file in which the removed line stands once."""
        removed, added = re.fullmatch(r"-(.*\n)\+(.*\n)", change).groups()
        file = self.path / name
        text = file.read_text(encoding="utf-8")
        assert text.count(removed) == 1
        file.write_text(text.replace(removed, added), encoding="utf-8")


def sections(readme):
    """Return the sections of a README that begin with `##`, by their titles."""
    return dict(re.findall(r"^## (.*)\n((?:(?!## ).*\n)*)", readme, re.MULTILINE))


def blocks(text, language):
    """Return the code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
