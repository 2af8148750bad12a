"""`spec --schema` prints schemas that stand alone; expected values are typed by hand from the page "Create task"."""

import json

import jsonschema
import pytest

from nclue_contract import __version__
from nclue_contract.cli.main import main
from nclue_contract.contract.model import contract
from nclue_contract.contract.openapi import document
from tests.support.payloads import FULL_PAYLOAD

VALIDATORS = {"2020-12": jsonschema.Draft202012Validator, "draft-07": jsonschema.Draft7Validator}
each_draft = pytest.mark.parametrize("draft", VALIDATORS)


@pytest.fixture
def spec(capsys, monkeypatch, tmp_path):
    """Return a function that runs the command, and returns the exit code, the output and the errors."""
    monkeypatch.chdir(tmp_path)  # away from any pyproject.toml with settings

    def run(*options):
        try:
            code = main(["spec", *options])
        except SystemExit as error:  # argparse
            code = error.code
        return code, *capsys.readouterr()

    return run


@each_draft
def test_the_schema_of_a_payload_stands_alone(spec, draft):
    code, text, _ = spec("--schema", "TaskRequest", "--draft", draft)
    schema = json.loads(text)
    assert code == 0
    assert (
        schema["$schema"]
        == {"2020-12": "https://json-schema.org/draft/2020-12/schema", "draft-07": "http://json-schema.org/draft-07/schema#"}[draft]
    )
    assert schema["$comment"] == f"nclue-contract {__version__}, contract {contract().revision}; default readings"
    assert "x-nclue" not in text
    valid = VALIDATORS[draft](schema).is_valid
    assert valid(FULL_PAYLOAD)
    assert valid(FULL_PAYLOAD | {"test_file_path": None, "tag": 1})
    assert not valid(FULL_PAYLOAD | {"train_file_path": "a~b"})
    assert not valid(FULL_PAYLOAD | {"train_file_path": "a\n"})
    assert not valid(FULL_PAYLOAD | {"test_file_path": "a~b"})
    assert not valid(FULL_PAYLOAD | {"test_file_path": 5})
    assert not valid(FULL_PAYLOAD | {"name": "a" * 101})


def test_a_schema_has_the_newest_draft_by_default_and_states_pinned_readings(spec):
    _, text, _ = spec("--schema", "TaskRequest", "--reading", "path-characters=page-2025", "--reading", "optional-null=refused")
    schema = json.loads(text)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$comment"].endswith("; readings: path-characters=page-2025, optional-null=refused")
    valid = jsonschema.Draft202012Validator(schema).is_valid
    assert valid(FULL_PAYLOAD | {"train_file_path": "a=b"})
    assert not valid(FULL_PAYLOAD | {"test_file_path": None})


@each_draft
@pytest.mark.parametrize(
    ("pin", "telling"),
    [
        ("test-triple=all-or-none", {name: value for name, value in FULL_PAYLOAD.items() if name != "test_bucket"}),
        ("optional-null=refused", FULL_PAYLOAD | {"test_file_path": None}),
        ("unknown-field=refused", FULL_PAYLOAD | {"tag": 1}),
        ("path-high-codes=utf8-bytes", FULL_PAYLOAD | {"test_file_path": "가"}),
    ],
)
def test_what_a_pinned_reading_forbids_is_invalid_in_each_draft(spec, draft, pin, telling):
    default, pinned = (json.loads(spec("--schema", "TaskRequest", "--draft", draft, *pins)[1]) for pins in ((), ("--reading", pin)))
    assert VALIDATORS[draft](default).is_valid(telling)
    assert not VALIDATORS[draft](pinned).is_valid(telling)
    assert VALIDATORS[draft](pinned).is_valid(FULL_PAYLOAD)


@each_draft
@pytest.mark.parametrize("name", document()["components"]["schemas"])
def test_every_schema_stands_alone(spec, name, draft):
    schema = json.loads(spec("--schema", name, "--draft", draft)[1])
    VALIDATORS[draft].check_schema(schema)
    assert "#/components" not in json.dumps(schema)
    VALIDATORS[draft](schema).is_valid(
        {"tasks": [{}], "test_file_path": "a", "train_file_path": "a", "error": {}}
    )  # raises for a lost reference
    assert not VALIDATORS[draft](schema).is_valid(True)


@each_draft
def test_the_description_of_a_field_survives_beside_its_reference(spec, draft):
    schema = json.loads(spec("--schema", "TaskRequest", "--draft", draft)[1])
    assert schema["properties"]["train_file_path"]["description"] == "Path of the train answer data file in its bucket."


def test_an_unknown_schema_is_a_usage_error(spec):
    code, out, err = spec("--schema", "TaskRequst")
    assert (code, out) == (2, "")
    assert err.startswith("nclue-contract: --schema: there is no schema 'TaskRequst'; the document has TaskRequest, FilePath, ")


def test_a_draft_needs_a_schema_and_is_one_that_we_write(spec):
    assert spec("--draft", "draft-07") == (2, "", "nclue-contract: --draft needs --schema: the OpenAPI document has its own draft\n")
    assert spec("--schema", "Task", "--draft", "draft-04")[0] == 2


@pytest.mark.parametrize("other", ["--path", "--json"])
def test_a_schema_excludes_the_whole_document(spec, other):
    assert spec(other, "--schema", "Task")[0] == 2
