"""Settings of the whole test suite."""

import os

from hypothesis import settings
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

# On CI the same commit draws the same examples, so that a failure comes from the commit; elsewhere every run draws new ones.
# No deadlines: on a busy machine they fail whatever the code does.
settings.register_profile("ci", derandomize=True, database=None, deadline=None, print_blob=True)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "dev")

# The Python blocks of the README and of the documentation are run unchanged; a block can use the names of the blocks above it.
# Blocks with a title are files, see tests/support/documents.py.
pytest_collect_file = Sybil(parsers=[PythonCodeBlockParser(), SkipParser()], patterns=["README.md", "docs/*.md"]).pytest()
