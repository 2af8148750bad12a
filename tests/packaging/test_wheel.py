"""The wheel is complete, needs no other package, and works where it is installed."""

import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from tests.support.tools import ROOT

# Run by an interpreter in which the third-party packages of the tests can be imported: an optional import would succeed here.
NEW_MODULES = """
import sys
sys.path.insert(0, sys.argv[1])
before = set(sys.modules)
from nclue_contract import validate_request
assert callable(validate_request)
assert sys.modules["nclue_contract"].__file__.startswith(sys.argv[1]), sys.modules["nclue_contract"].__file__
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""
USE_THE_FILES = """
import sys
if sys.argv[1:]:
    sys.path.insert(0, sys.argv[1])
import nclue_contract
from nclue_contract import validate_request
report = validate_request({"name": "n", "train_feature_id": "f", "train_bucket": "b", "train_file_path": "a~b"})
print(report.ok, *(finding.rule for finding in report.errors))
"""

PUBLIC_MODULES = ("mock", "clients", "guard", "signing", "strategies", "schemathesis_hooks", "pytest_plugin")
IMPORT_THE_PUBLIC_NAMES = """
import importlib, sys
import nclue_contract
assert nclue_contract.__file__.startswith(sys.argv[1]), nclue_contract.__file__
for name in nclue_contract.__all__:
    getattr(nclue_contract, name)
sys.path += sys.argv[3:]  # after the wheel, so that only what the extras need comes from there
for name in sys.argv[2].split(","):
    module = importlib.import_module(f"nclue_contract.{name}")
    assert module.__file__.startswith(sys.argv[1]), module.__file__
    for attribute in getattr(module, "__all__", ()):
        getattr(module, attribute)
from importlib.metadata import distribution
for entry in distribution("nclue-contract").entry_points:
    print(entry.group, entry.name, callable(entry.load()) or entry.load().__name__)
"""


def output_of(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # Without an environment of its own for the build, and without an index: nothing is fetched.
    build = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir", folder, ROOT]
    output_of(sys.executable, "-m", "pip", "wheel", *build)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """Return the folder of programs of a new environment that holds this wheel and nothing else, not even pip."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    programs = folder / "bin"
    options = ["--no-index", "--no-deps", "--no-compile", "--quiet"]
    output_of(sys.executable, "-m", "pip", "--python", programs / "python", "install", *options, wheel)
    return programs


def test_the_wheel_contains_only_the_package_with_its_tables_and_type_marker(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        f"nclue_contract/{name}"
        for name in (
            "__init__.py",
            "contract/tables.json",
            "contract/openapi.json",
            "contract/pages.json",
            "py.typed",
            "check/reports/html/report.css",
            "check/reports/html/report.js",
            "live/page.html",
        )
    } <= names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"nclue_contract"}
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "nclue_contract").rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == modules


def test_the_wheel_requires_no_other_package(wheel):
    archive = zipfile.ZipFile(wheel)
    (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    lines = archive.read(metadata).decode().splitlines()
    assert [line for line in lines if line.startswith("Requires-Dist:") and "extra ==" not in line] == []
    assert "License-Expression: MIT" in lines


def test_the_wheel_contains_no_tests_and_no_tools(wheel):
    """Witnesses of faults are tests, too."""
    folders = {"tests", "tools", "examples", "openapi"}
    paths = [PurePosixPath(name) for name in zipfile.ZipFile(wheel).namelist()]
    assert [path for path in paths if folders & set(path.parts) or re.match("test_|conftest|witness", path.name)] == []


def test_every_public_name_and_entry_point_is_imported_from_the_wheel(installed):
    home = str(installed.parent.resolve())
    extras = [sysconfig.get_path(name) for name in ("purelib", "platlib")]
    lines = output_of(installed / "python", "-I", "-W", "ignore", "-c", IMPORT_THE_PUBLIC_NAMES, home, ",".join(PUBLIC_MODULES), *extras)
    assert set(lines.splitlines()) == {
        "console_scripts nclue-contract True",
        "hypothesis nclue_contract True",
        "pytest11 nclue_contract nclue_contract.pytest_plugin",
    }


@pytest.mark.parametrize(("module", "extra"), [("mock", "mock"), ("strategies", "strategies"), ("schemathesis_hooks", "schemathesis")])
def test_without_its_extra_a_module_reports_the_command_that_installs_it(installed, module, extra):
    code = f"""
try:
    import nclue_contract.{module}
except ImportError as error:
    print(error)
"""
    assert f"pip install 'nclue-contract[{extra}]'" in output_of(installed / "python", "-I", "-c", code)


def test_validate_request_imports_the_standard_library_only(wheel):
    loaded = set(output_of(sys.executable, "-c", NEW_MODULES, wheel).split())
    assert loaded - sys.stdlib_module_names == {"nclue_contract"}


def test_the_package_works_in_an_environment_without_any_other_package(installed):
    assert output_of(installed / "python", "-I", "-c", USE_THE_FILES) == "False NC120"


def test_the_package_works_from_inside_a_zip_file(wheel, installed):
    # -S leaves site-packages out, so that the installed copy is not imported instead of the archive.
    assert output_of(installed / "python", "-I", "-S", "-c", USE_THE_FILES, wheel) == "False NC120"


def test_the_command_is_installed_and_prints_the_version_of_the_wheel(wheel, installed):
    assert wheel.name.split("-")[1] in output_of(installed / "nclue-contract", "--version")
