"""The layers of the package: imports lead downward and form no cycle, and each third-party library is imported by one layer.

The tests read the source, so imports inside functions and under TYPE_CHECKING count as well.
"""

import re

import pytest

from tests.support.imports import Package, cycle, misplaced_third_party, not_downward, within
from tests.support.tools import ROOT

# Lowest first. A module may import its own folder and the layers above it in this list; `__init__` are the names of the package itself.
LAYERS = [
    {"contract"},
    {"signing", "guard"},
    {"validation"},
    {"__init__"},
    {"service", "clients"},
    {"check", "mock", "strategies"},
    {"traffic", "docs_drift"},
    {"live", "proxy"},
    {"cli"},
    {"schemathesis_hooks", "pytest_plugin", "__main__"},
]
# The check validates any server. Only what builds the embedded server, and the transport to it, may import the service.
RESTRICTED = {
    "check -> service": {
        "check.run": {"service"},
        "check.transport_memory": {"service.messages"},
    },
    # Recorded traffic is judged as a check judges its own, but sends nothing: only what is pure may be used.
    "traffic -> check": {
        "traffic.history": {"check.agreement", "check.expectations", "check.inference", "check.server_clock"},
        "traffic.judge": {"check.expectations", "check.inference", "check.requests"},
        "traffic.readers.entries": {"check.content_coding"},
    },
    "traffic -> service": {},
    "proxy -> check": {"proxy.app": {"check.content_coding"}},
    "proxy -> service": {"proxy.app": {"service.addressing"}},
    # The page shows any server. Only what watches the service itself may import it.
    "live -> check": {},
    "live -> service": {"live.app": {"service.addressing"}, "live.service_watch": {"service"}},
    "cli -> service": {"cli.proxy": {"service.addressing", "service.uvicorn_server"}, "cli.serve": {"service"}},
}
THIRD_PARTY = {
    "check.transport_http": {"h11"},
    "cli.completion": {"shtab"},
    "cli.msgspec_reader": {"msgspec"},
    "docs_drift.readers.markdown": {"markdown_it"},
    "mock": {"anyio", "httpx", "httpx2", "respx"},
    "proxy.upstream": {"httpx"},
    "pytest_plugin": {"pluggy", "pytest"},
    "schemathesis_hooks": {"click", "requests", "schemathesis"},
    "service.loopback": {"uvicorn"},
    "service.uvicorn_server": {"uvicorn"},
    "strategies": {"hypothesis"},
    "traffic.readers.json_stream": {"ijson"},
    "traffic.readers.yaml_stream": {"yaml"},
}
PATH_CHARACTERS = set("""&$@=;:+,?*\\{}^%`[]<>~#|"'""")  # those that the page "Create task" forbids in a file path


@pytest.fixture(scope="module")
def package():
    return Package(ROOT / "nclue_contract")


@pytest.fixture(scope="module")
def of_tests():
    return Package(ROOT / "tests")


def test_the_table_names_every_module_and_folder_of_the_package(package):
    assert {module.partition(".")[0] for module in package.paths} == set().union(*LAYERS)


def test_imports_lead_to_lower_layers_only(package):
    assert not_downward(package, LAYERS, RESTRICTED) == []


def test_imports_form_no_cycle(package):
    assert cycle(package) == []


def test_third_party_libraries_are_imported_only_where_the_table_allows_it(package):
    assert misplaced_third_party(package, THIRD_PARTY) == []


def test_error_codes_and_path_characters_come_from_the_compiled_contract(package):
    # The injected faults are typed by hand, like tests: they must stay faulty when the contract changes.
    modules = [module for module in package.paths if not module.startswith("service.faults")]
    literals = [(module, text) for module in modules for text in package.literals(module)]
    assert [(module, text) for module, text in literals if re.search(r"(?<!\d)101(0\d|10)(?!\d)", text)] == []
    assert [(module, text) for module, text in literals if len(PATH_CHARACTERS & set(text)) > 20] == []


@pytest.mark.parametrize("modules", [["second_server"], ["conforming_servers.flask_server"], ["conforming_servers.aiohttp_server"]])
def test_a_server_of_the_tests_imports_nothing_of_the_package(of_tests, modules):
    # It is a second opinion on what a correct server is, so it must not share a mistake.
    reached = {module for module in of_tests.paths if within(module, modules)}
    assert reached
    while more := set().union(*(of_tests.internal(module) for module in reached)) - reached:
        reached |= more
    assert [module for module in sorted(reached) if "nclue_contract" in of_tests.third_party(module)] == []


@pytest.mark.parametrize("name", ["flask", "aiohttp"])
def test_the_conforming_servers_share_no_code(of_tests, name):
    assert of_tests.internal(f"conforming_servers.{name}_server") == set()


# -- each check can fail --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_package(tmp_path):
    """Return a function that writes the modules of a package `small` and reads them."""

    def small_package(modules):
        for name, source in modules.items():
            path = tmp_path / "small" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source, encoding="utf-8")
        return Package(tmp_path / "small")

    return small_package


BELOW = {"__init__.py": "__version__ = '1'", "low/__init__.py": "", "low/a.py": "", "high.py": ""}
SMALL_LAYERS = [{"low"}, {"__init__"}, {"high", "other"}]


@pytest.mark.parametrize(
    ("source", "upward"),
    [
        ("from small.high import name", True),
        ("from small import high", True),
        ("import small.high", True),
        ("from .. import high", True),
        ("from ..high import name", True),
        ("def f():\n    from small.high import name", True),
        ("if TYPE_CHECKING:\n    from small.high import Name", True),
        ("importlib.import_module('small.high')", True),
        ("from small.low.b import name", False),
        ("from . import b", False),
        ("from small import __version__", False),
    ],
)
def test_an_upward_import_is_found_at_any_place(small_package, source, upward):
    package = small_package(BELOW | {"low/a.py": source, "low/b.py": ""})
    assert not_downward(package, SMALL_LAYERS, {}) == (["low.a -> high"] if upward else [])


def test_an_import_within_one_level_or_outside_the_exceptions_is_found(small_package):
    package = small_package(BELOW | {"high.py": "import small.other, small.low.a", "other.py": "import small.low.a"})
    assert not_downward(package, SMALL_LAYERS, {"high -> low": {"high": {"low.b"}}}) == ["high -> low.a", "high -> other"]
    assert not_downward(package, SMALL_LAYERS, {"other -> low": {"other": {"low"}}}) == ["high -> other"]


def test_a_cycle_is_found(small_package):
    package = small_package(
        BELOW | {"low/a.py": "def f():\n    from small.low import b", "low/b.py": "import small.low.c", "low/c.py": "from .a import f"}
    )
    assert set(cycle(package)) == {"low.a", "low.b", "low.c"}
    assert cycle(small_package({"low/c.py": ""})) == []


def test_a_third_party_import_is_found(small_package):
    package = small_package(
        BELOW | {"low/a.py": "import json, yaml", "high.py": "try:\n    import h11.connection\nexcept ImportError: pass"}
    )
    assert misplaced_third_party(package, {}) == ["high -> h11", "low.a -> yaml"]
    assert misplaced_third_party(package, {"low": {"yaml"}, "high": {"h11"}}) == []


def test_literals_are_strings_and_numbers_without_docstrings(small_package):
    package = small_package(BELOW | {"high.py": "'10104'\nx = '10105', 10106, f'{x} 10107'\ndef f():\n    'NC120'"})
    assert sorted(package.literals("high")) == [" 10107", "10105", "10106"]
