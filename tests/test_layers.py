"""Which module may import which, and that the package needs nothing but the standard library."""

import ast
import re
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "nclue_contract"

# A module may import those that stand before it, and no other. Bands from the ground up; a name that is moved down must be imported less.
BANDS = {
    "facts": ["wording", "rules", "payloads", "findings", "spec", "readings", "openapi", "signing", "hosts"],
    "judgements": [
        "string_checks",
        "path_check",
        "request_checks",
        "header_checks",
        "query_checks",
        "json_parser",
        "json_reader",
        "response_fields",
        "response_checks",
        "validator",
        "output",
        "caret",
        "render",
        "junit",
        "sarif",
        "reports",
        "explain",
        "mistakes",
        "verification",
        "asks",
        "elimination",
        "oracle",
        "verdicts",
        "server_clock",
        "bench",
        "cases_paths",
        "cases_payload",
        "cases_access",
        "cases_names",
        "cases_lists",
        "subjects",
        "cases_tasks",
        "cases",
        "check_text",
        "html_page",
        "html_exchanges",
        "html_rules",
        "html_readings",
        "html_cases",
        "html_failures",
        "html_lifecycle",
        "html",
        "check_reports",
    ],
    "behaviour": [
        "exchange",
        "lifecycle",
        "store",
        "views",
        "service",
        "faults",
        "planting",
        "faults_access",
        "faults_deletion",
        "faults_echo",
        "faults_lists",
        "faults_paths",
        "faults_payload",
        "faults_responses",
        "faults_tasks",
        "watch",
        "direct",
        "sending",
        "conformance",
        "measure",
    ],
    "doors": [
        "clock",
        "sources",
        "progress",
        "config",
        "validate",
        "ledger",
        "wire",
        "check",
        "probe",
        "explore",
        "server",
        "loopback",
        "serve",
        "clients",
        "guard",
        "mock",
        "sign",
        "payload_strategies",
        "broken_payloads",
        "broken_requests",
        "response_strategies",
        "strategies",
        "hypothesis_entry",
        "schemathesis_hooks",
        "exploration_hooks",
    ],
    "hinges": [
        "__init__",
        "plugin_settings",
        "plugin_verdict",
        "plugin_mock",
        "plugin_server",
        "coverage",
        "plugin_session",
        "measure_command",
        "serve_command",
        "check_command",
        "plugin_check",
        "pytest_plugin",
        "cli",
        "__main__",
    ],
}
ORDER = [name for band in BANDS.values() for name in band]
# Files, folders, the clock, the environment: doors and hinges only. junit puts the start of a long report aside in a temporary file, and
# sarif only takes paths apart.
OUTSIDE = {"os", "pathlib", "shutil", "tempfile", "time", "glob", "tomllib", "socket", "subprocess", "random", "secrets", "urllib.request"}
ALLOWED_OUTSIDE = {"junit": {"tempfile"}, "sarif": {"os", "pathlib"}}
# Each neighbour has one room, and comes with an extra.
STRATEGIES = ["payload_strategies", "broken_payloads", "broken_requests", "response_strategies", "strategies", "hypothesis_entry"]
NEIGHBOURS = {
    **{name: {"hypothesis"} for name in STRATEGIES},
    "wire": {"h11"},
    "serve": {"uvicorn"},
    "loopback": {"uvicorn"},
    "mock": {"anyio", "httpx", "respx"},
    "schemathesis_hooks": {"click", "requests", "schemathesis"},
    "exploration_hooks": {"requests", "schemathesis"},
    **{
        name: {"pytest"}
        for name in ("plugin_settings", "plugin_verdict", "plugin_server", "plugin_session", "plugin_check", "pytest_plugin")
    },
}
# Doors do not know each other, but for these.
PASSAGES = {
    "validate": {"sources", "progress"},
    "wire": {"clock"},
    "check": {"ledger", "progress", "wire"},
    "explore": {"check"},
    "probe": {"config", "validate"},
    "serve": {"server"},
    "loopback": {"server"},
    "server": {"clock"},
    "mock": {"clock"},
    **{name: {other for other in STRATEGIES if other != name} for name in STRATEGIES},
    "schemathesis_hooks": {"clients", "clock", "config"},
    "exploration_hooks": {"explore", "schemathesis_hooks"},
    "clients": {"clock"},
}
# The one import upward: the list of all faults, made by a function when somebody asks for it.
COLLECTED = {"faults": {name for name in BANDS["behaviour"] if name.startswith("faults_")}}

each_module = pytest.mark.parametrize("name", ORDER)


def tree(name):
    return ast.parse((PACKAGE / f"{name}.py").read_text(encoding="utf-8"))


def imports(name):
    """Every module that is imported anywhere in a module, inside functions too; not under TYPE_CHECKING."""
    found = set()
    pending = [tree(name)]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the package"
            found |= {f"{node.module}.{alias.name}" for alias in node.names if node.module == "nclue_contract" and alias.name in ORDER}
            found |= {node.module or ""} if {alias.name for alias in node.names} - set(ORDER) else set()
        pending += ast.iter_child_nodes(node)
    return found


def own(name):
    """The modules of the package that a module imports; the package itself is `__init__`."""
    return {module.partition(".")[2] or "__init__" for module in imports(name) if module.partition(".")[0] == "nclue_contract"}


def test_every_module_has_its_place():
    assert {path.stem for path in PACKAGE.glob("*.py")} == set(ORDER), "give a new module its place in BANDS"
    assert len(set(ORDER)) == len(ORDER)


@each_module
def test_a_module_imports_only_what_stands_below_it(name):
    below = {*ORDER[: ORDER.index(name)], *COLLECTED.get(name, ())}
    assert own(name) <= below, f"{name} imports {', '.join(sorted(own(name) - below))}"


@each_module
def test_a_module_imports_only_the_standard_library_and_its_neighbour(name):
    others = {module.partition(".")[0] for module in imports(name)} - {"nclue_contract"}
    assert others - sys.stdlib_module_names <= NEIGHBOURS.get(name, set())


@pytest.mark.parametrize("name", [*BANDS["facts"], *BANDS["judgements"], *BANDS["behaviour"]])
def test_facts_judgements_and_behaviour_do_not_reach_outside(name):
    assert imports(name) & OUTSIDE <= ALLOWED_OUTSIDE.get(name, set())


@each_module
def test_only_hinges_import_doors(name):
    if name in BANDS["hinges"]:
        return
    doors = own(name) & set(BANDS["doors"])
    assert doors <= PASSAGES.get(name, set())


def test_doors_are_opened_by_the_command_line_only_when_they_are_needed():
    at_the_top = {node.module for node in tree("cli").body if isinstance(node, ast.ImportFrom)}
    opened = {module.removeprefix("nclue_contract.") for module in at_the_top if module} & set(BANDS["doors"])
    assert opened <= {"clock", "config"}


def texts(name):
    """Every string in a module that is not a docstring."""
    module = tree(name)
    prose = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value


# Faults are tables of what a server does wrong, typed by hand like the expectations of tests.
each_module_but_tables = pytest.mark.parametrize("name", [name for name in ORDER if name not in COLLECTED["faults"]])


@each_module_but_tables
def test_no_module_types_an_error_code_or_the_characters_of_a_path(name):
    for text in texts(name):
        assert not re.search(r"\b10(?:10|11)\d\b", text), text
        assert not re.search(re.escape("&$@"), text), text


@each_module_but_tables
def test_a_module_can_be_held_in_the_head(name):
    assert len((PACKAGE / f"{name}.py").read_text(encoding="utf-8").splitlines()) <= 350


@each_module
def test_a_module_begins_with_what_it_is_for(name):
    assert ast.get_docstring(tree(name))
