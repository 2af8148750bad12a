"""Settings of the whole test suite."""

import gc
import importlib
import os
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.documentation import documented_at

# On CI the same commit draws the same examples, so that a failure comes from the commit; elsewhere every run draws new ones.
# No deadlines: on a busy machine they fail whatever the code does.
settings.register_profile("ci", derandomize=True, database=None, deadline=None, print_blob=True)
settings.register_profile("dev", deadline=None, max_examples=30)  # fewer than usual: the next run draws others
settings.register_profile("thorough", deadline=None, max_examples=1000)  # for --hypothesis-profile=thorough
settings.load_profile("ci" if os.environ.get("CI") == "true" else "dev")


@pytest.fixture(scope="session", autouse=True)
def _no_documentation_site() -> Iterator[None]:
    """Let no test depend on whether the project has an address for its documentation."""
    with documented_at(""):
        yield


# Projects in temporary folders share what Hypothesis finds out about installed modules, which takes each of them seconds otherwise.
os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(Path(__file__).resolve().parent / ".hypothesis"))

TESTS = Path(__file__).resolve().parent / "tests"
SLOW = (
    "check",
    "cli/test_check.py",
    "cli/test_cli.py",
    "cli/test_completion.py",
    "cli/test_io_faults.py",
    "cli/test_jobs.py",
    "cli/test_many_lines.py",
    "cli/test_secrets.py",
    "cli/test_traffic.py",
    "cli/test_valid_blocks.py",
    "conforming_servers",
    "contract/test_compile_spec.py",
    "contract/test_generated_code.py",
    "contract/test_openapi_linters.py",
    "contract/test_schema_engines.py",
    "docs_drift",
    "live/test_browser.py",
    "packaging",
    "proxy",
    "pytest_plugin",
    "second_server",
    "service/faults",
    "service/test_adapters_agree.py",
    "service/test_clock_libraries.py",
    "service/test_lifecycle_machine.py",
    "service/test_real_clients.py",
    "service/test_uvicorn_server.py",
    "strategies",
    "support",
    "test_guard.py",
    "test_layers.py",
    "test_schemathesis_contract.py",
    "test_schemathesis_hooks.py",
    "tools",
    "traffic/test_readers.py",
    "validation/test_agreement.py",
    "validation/test_hostile_values.py",
)
"""Files and folders below `tests` that `make quick` leaves out: other processes, whole checks, many draws."""


# With thousands of tests in memory, the garbage collector takes a tenth of the time at its usual thresholds, and finds next to nothing.
gc.set_threshold(100_000, 50, 1000)


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Import other test modules first than the other workers of xdist do, so that not all of them compile each module of a new clone."""
    if "PYTEST_XDIST_WORKER" not in os.environ or session.config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return  # there is nobody to share with, or only some modules are collected
    number, count = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw")), int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    for path in sorted(TESTS.rglob("test_*.py"))[number::count]:
        with suppress(Exception, pytest.skip.Exception):  # it is reported when the module is collected
            importlib.import_module(".".join(path.relative_to(TESTS.parent).with_suffix("").parts))


def pytest_collection_finish() -> None:
    """Keep the tests and the libraries, which live until the end, out of every later collection."""
    gc.freeze()


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Return the number of worker processes for `--numprocesses auto`: one more than usual, since a fifth of the time is waiting."""
    return (yield) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests in slow files."""
    slow = [(TESTS / name).resolve(strict=True) for name in SLOW]
    paths = {item.path for item in items}  # few; there are thousands of items
    slow_paths = {path for path in paths if any(path.is_relative_to(place) for place in slow)}
    for item in items:
        if item.path in slow_paths:
            item.add_marker(pytest.mark.slow)
