"""The public interface: its names, how little it loads, and that its objects cannot be changed."""

import copy
import importlib
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import nclue_contract
from nclue_contract import ContractError, Finding, Readings, Report, Severity, Validator, validate_request

ROOT = Path(__file__).parent.parent.parent
INVALID = {"name": "", "train_feature_id": "i", "train_bucket": "b", "train_file_path": "~", "x": 1}

LOADED = """
import sys
sys.path.insert(0, {root!r})
before = set(sys.modules)
{statement}
print(*sorted(set(sys.modules) - before))
"""


def loaded(statement):
    """Return the modules that a statement loads, in an interpreter that finds the standard library and this checkout only."""
    script = LOADED.format(root=str(ROOT), statement=statement)
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


# -- names --------------------------------------------------------------------------------------------------------------------------


def test_all_is_sorted_and_names_everything_once():
    assert list(nclue_contract.__all__) == sorted(set(nclue_contract.__all__))
    assert dir(nclue_contract) == nclue_contract.__all__


def test_all_is_what_the_lazy_table_can_find_and_nothing_else():
    lazy = {name for names in nclue_contract._MODULES.values() for name in names}  # noqa: SLF001  # the table is what is tested
    assert set(nclue_contract.__all__) == lazy | {"__version__"}


@pytest.mark.parametrize("name", nclue_contract.__all__)
def test_a_public_name_is_the_one_of_its_module(name):
    value = getattr(nclue_contract, name)
    if name != "__version__":
        assert value is getattr(importlib.import_module(value.__module__), name)


def test_an_unknown_name_is_an_attribute_error_with_the_name():
    with pytest.raises(AttributeError, match="module 'nclue_contract' has no attribute 'validate_'"):
        getattr(nclue_contract, "validate" + "_")


# -- what is loaded -----------------------------------------------------------------------------------------------------------------


def test_importing_the_package_loads_no_module_of_it():
    assert {name for name in loaded("import nclue_contract") if name.startswith("nclue_contract")} == {"nclue_contract"}


def test_validate_request_loads_nothing_but_the_standard_library_and_no_other_layer():
    modules = loaded("from nclue_contract import validate_request; validate_request({})")
    assert {name.partition(".")[0] for name in modules} - sys.stdlib_module_names == {"nclue_contract"}
    layers = ("cli", "check", "service", "validation.reports", "contract.openapi")
    assert not {name for name in modules if name.startswith(tuple(f"nclue_contract.{layer}" for layer in layers))}
    assert not modules & {"argparse", "asyncio", "http.client", "logging", "pathlib", "socket", "ssl", "subprocess", "urllib.request"}


def test_the_types_of_payloads_cost_nothing_but_typing():
    modules = {name for name in loaded("from nclue_contract import TaskRequest") if name.startswith("nclue_contract")}
    assert modules == {"nclue_contract", "nclue_contract.contract", "nclue_contract.contract.payloads"}


# -- what is handed out ---------------------------------------------------------------------------------------------------------------


def test_a_report_is_neither_true_nor_false():
    with pytest.raises(TypeError, match=r"neither true nor false; use report\.ok"):
        bool(validate_request({}))
    with pytest.raises(TypeError):
        assert validate_request(INVALID)


@pytest.mark.parametrize("name", ["findings", "errors", "warnings", "ok", "expects", "anything"])
def test_a_report_cannot_be_changed(name):
    with pytest.raises(AttributeError):
        setattr(validate_request({}), name, ())


@pytest.mark.parametrize("name", ["rule", "severity", "pointer", "offset", "message", "text", "anything"])
def test_a_finding_cannot_be_changed(name):
    with pytest.raises(AttributeError):
        setattr(validate_request({}).findings[0], name, None)


@pytest.mark.parametrize("name", ["readings", "strict", "ignore", "validate_request", "anything"])
def test_a_validator_cannot_be_changed(name):
    with pytest.raises(AttributeError, match="a Validator cannot be changed"):
        setattr(Validator(), name, None)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"ignore": "NC120"}, """ignore is a list of rules, such as ["NC120"], not 'NC120'"""),
        ({"ignore": 120}, """ignore is a list of rules, such as ["NC120"], not 120"""),
        (
            {"readings": "path-del=forbidden"},
            """readings is a mapping, such as {"path-characters": "page-2025"}, not 'path-del=forbidden'""",
        ),
        (
            {"readings": ["path-del=forbidden"]},
            """readings is a mapping, such as {"path-characters": "page-2025"}, not ['path-del=forbidden']""",
        ),
        ({"strict": "yes"}, "strict is True or False, not 'yes'"),
        ({"strict": "y" * 100}, f"strict is True or False, not '{'y' * 79}"),
        ({"readings": "y" * 100}, f"""readings is a mapping, such as {{"path-characters": "page-2025"}}, not '{"y" * 79}"""),
        ({"ignore": "y" * 100}, f"""ignore is a list of rules, such as ["NC120"], not '{"y" * 79}"""),
    ],
)
def test_an_argument_of_another_type_is_refused_in_a_sentence(options, sentence):
    with pytest.raises(TypeError) as caught:
        Validator(**options)
    assert str(caught.value) == sentence


def test_readings_cannot_be_changed_by_assignment():
    readings = Validator({"path-del": "forbidden"}).readings
    assert isinstance(readings, Readings)
    with pytest.raises(AttributeError):
        readings.options = {}  # type: ignore[misc]
    with pytest.raises(TypeError):
        readings["path-del"] = "allowed"  # type: ignore[index]


def test_changing_the_given_pins_afterwards_has_no_effect():
    pins = {"path-del": "forbidden"}
    validator = Validator(pins)
    pins["path-del"] = "allowed"
    assert validator.readings["path-del"] == "forbidden"


def test_readings_of_one_validator_make_another():
    readings = Validator({"path-del": "forbidden"}).readings
    again = Validator(readings)
    assert again.readings == readings
    assert again.readings.pinned("path-del")
    assert not again.readings.pinned("path-empty")


def test_a_validator_shows_its_pins_and_the_rules_that_it_ignores():
    assert repr(Validator()) == "<Validator default readings>"
    assert repr(Validator({"path-del": "forbidden"}, strict=True)) == "<Validator path-del=forbidden, strict>"
    validator = Validator({"path-empty": "allowed", "path-del": "forbidden"}, ignore=["NC131", "bucket-name"])
    assert validator.ignore == frozenset({"NC130", "NC131"})
    assert repr(validator) == "<Validator path-del=forbidden, path-empty=allowed, ignores NC130, NC131>"


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_reports_findings_and_validators_can_be_copied(duplicate):
    report = validate_request(INVALID)
    assert duplicate(report) == report
    assert duplicate(report.findings[0]) == report.findings[0]
    validator = Validator({"path-del": "forbidden"}, strict=True, ignore=["NC130"])
    assert repr(duplicate(validator)) == repr(validator)
    assert duplicate(validator).validate_request(INVALID) == validator.validate_request(INVALID)


def test_reports_and_errors_can_be_sent_to_another_process():
    report = validate_request(INVALID)
    assert pickle.loads(pickle.dumps(report)) == report
    error = pickle.loads(pickle.dumps(ContractError(report)))
    assert error.report == report


def test_raise_for_errors_raises_with_the_report_and_names_the_errors():
    report = validate_request(INVALID)
    with pytest.raises(ContractError, match="the contract is broken:\nerror NC110 name is empty") as caught:
        report.raise_for_errors()
    assert caught.value.report is report
    assert isinstance(caught.value, ValueError)
    validate_request({**INVALID, "name": "n", "train_file_path": "p"}).raise_for_errors()


def test_the_error_has_value_and_suggestion_of_the_first_error():
    payload = {"name": "n", "train_feature_id": "i", "train_bucket": "answers", "train_file_path": "데/a~b.csv"}
    error = ContractError(validate_request(payload))
    assert (error.finding.rule, error.value, error.suggestion) == ("NC120", "데/a~b.csv", "데/a-b.csv")
    assert error.finding.severity is Severity.ERROR
    missing = ContractError(validate_request({}))
    assert (missing.finding.rule, missing.value, missing.suggestion) == ("NC101", None, None)
    assert (ContractError(Report()).finding, ContractError(Report()).value, ContractError(Report()).suggestion) == (None, None, None)


def test_a_report_without_findings_is_shown_as_such():
    assert str(Report()) == "no findings"
    assert Report() == Report(())
    assert repr(Report()) == "<Report: 0 errors, 0 warnings>"


def test_a_finding_shows_what_it_is():
    (finding,) = (f for f in validate_request(INVALID).errors if f.rule == "NC120")
    assert isinstance(finding, Finding)
    assert finding.severity is Severity.ERROR
    assert repr(finding).startswith("<error NC120 path-character at '/train_file_path': train_file_path holds '~'")


def test_the_typing_examples_are_correct():
    pytest.importorskip("mypy", reason="mypy is not installed")
    # In a process of its own, for mypy raises the recursion limit and leaves it raised.
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--config-file",
        str(ROOT / "pyproject.toml"),
        str(ROOT / "tests" / "packaging" / "typing_examples.py"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
