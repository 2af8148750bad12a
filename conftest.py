"""Settings of the whole test suite."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

from tests.support.documentation import documented_at

# On CI the same commit draws the same examples, so that a failure comes from the commit; elsewhere every run draws new ones.
# No deadlines: on a busy machine they fail whatever the code does.
settings.register_profile("ci", derandomize=True, database=None, deadline=None, print_blob=True)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "dev")


@pytest.fixture(scope="session", autouse=True)
def _no_documentation_site() -> Iterator[None]:
    """Let no test depend on whether the project has an address for its documentation."""
    with documented_at(""):
        yield


# The Python blocks of the README and of the documentation are run unchanged; a block can use the names of the blocks above it.
# Blocks with a title are files, see tests/support/documents.py.
pytest_collect_file = Sybil(parsers=[PythonCodeBlockParser(), SkipParser()], patterns=["README.md", "docs/*.md"]).pytest()
