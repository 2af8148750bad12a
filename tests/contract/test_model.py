"""The contract: its files agree with the pages and with each other, and the accessors return what the files contain.

Numbers and characters are typed by hand from the page "Create task" and the pages beside it.
"""

import json
import re

import jsonschema
import pytest

from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Readings
from nclue_contract.validation.validator import validate_request, validate_response
from tests.support.payloads import PAGE_REQUEST, PAGE_RESPONSE
from tests.support.tools import ROOT
from tests.validation.test_corpus import CASES, expected
from tools.compile_spec import Sources

SOURCES = Sources.load()
DOCUMENT = SOURCES.document
RULES = {rule["code"]: rule for rule in SOURCES.rules}
READINGS = {reading["id"]: reading for reading in SOURCES.readings}
REQUEST_RULES = {"NC001", "NC002", "NC003", "NC004", "NC005", "NC006", "NC007", "NC008"}
REQUEST_RULES |= {"NC100", "NC101", "NC102", "NC103", "NC104", "NC105", "NC106"}
REQUEST_RULES |= {"NC110", "NC111", "NC120", "NC121", "NC130", "NC131"}


# -- names of rules ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "codes"),
    [
        ([], ()),
        (["NC120"], ("NC120",)),
        (["nc120", "path-character"], ("NC120",)),
        (["PATH-CHARACTER"], ("NC120",)),
        (["NC12"], ("NC120", "NC121")),
        (["nc12x"], ("NC120", "NC121")),
        (["NC1xx"], ("NC100", "NC101", "NC102", "NC103", "NC104", "NC105", "NC106", "NC110", "NC111", "NC120", "NC121", "NC130", "NC131")),
        (["NC001-NC007"], ("NC001", "NC002", "NC003", "NC004", "NC005", "NC006", "NC007")),
        (["nc104-nc111", "NC120-130"], ("NC104", "NC105", "NC106", "NC110", "NC111", "NC120", "NC121", "NC130")),
        (["NC121,NC11 , path-character", "NC13"], ("NC121", "NC110", "NC111", "NC120", "NC130", "NC131")),
    ],
)
def test_rules_are_named_by_code_slug_beginning_and_lists_with_commas(names, codes):
    assert contract().select_rules(names) == codes


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("NC9", "'NC9'"),
        ("", "''"),
        ("NC", "'NC'"),
        ("X", "'X'"),
        ("NCX", "'NCX'"),
        ("path", "'path'"),
        ("NC120,", "''"),
        ("NC120;NC121", "'NC120;NC121'"),
        (120, "120"),
    ],
)
def test_a_name_that_means_no_rule_is_rejected(name, shown):
    with pytest.raises(ValueError, match=re.escape(f"unknown rule {shown}; `nclue-contract explain` lists them")):
        contract().select_rules(["NC120", name])


@pytest.mark.parametrize("name", ["NC007-NC001", "NC140-NC199"])
def test_a_range_without_a_rule_is_rejected(name):
    with pytest.raises(ValueError, match=f"unknown rule '{name}'"):
        contract().select_rules([name])


@pytest.mark.parametrize(
    ("name", "meant"),
    [("NC12O", "NC120"), ("NC1200", "NC120"), ("nc-120", "NC120"), ("path-charakter", "path-character"), ("Name_Length", "name-length")],
)
def test_of_an_unknown_name_the_nearest_is_suggested(name, meant):
    with pytest.raises(ValueError, match=re.escape(f"unknown rule '{name}'; did you mean {meant}?")):
        contract().select_rules([name])


# -- contents of the YAML ---------------------------------------------------------------------------------------------------------------


def resolved(node):
    while "$ref" in node:
        target = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def documented_examples():
    """Pairs of a schema and an example value, for every media type of every operation."""
    for path, item in DOCUMENT["paths"].items():
        for method in ("get", "post", "delete"):
            operation = item.get(method, {})
            places = {"request": operation.get("requestBody", {}), **operation.get("responses", {})}
            for where, node in places.items():
                media = resolved(node).get("content", {}).get("application/json", {})
                for name, example in media.get("examples", {}).items():
                    yield pytest.param(media["schema"], resolved(example)["value"], id=f"{method} {path} {where} {name}")


@pytest.mark.parametrize(("schema", "value"), list(documented_examples()))
def test_a_documented_example_keeps_its_schema(schema, value):
    whole = {**schema, "components": DOCUMENT["components"]}
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    assert list(jsonschema.Draft202012Validator(whole, format_checker=checker).iter_errors(value)) == []


def test_every_example_of_the_document_is_shown_somewhere():
    named = set(re.findall(r"#/components/examples/(\w+)", json.dumps(DOCUMENT)))
    assert named == set(DOCUMENT["components"]["examples"])


def test_the_examples_of_the_page_are_in_the_document_unchanged():
    examples = DOCUMENT["components"]["examples"]
    assert examples["TaskRequestOfThePage"]["value"] == PAGE_REQUEST
    assert examples["CreatedTaskOfThePage"]["value"] == json.loads(PAGE_RESPONSE)


def test_the_request_example_of_the_page_passes_with_warnings_only():
    report = validate_request(PAGE_REQUEST)
    assert report.ok
    assert [(f.rule, f.pointer) for f in report.warnings] == [("NC130", "/train_bucket")]


def test_the_response_example_of_the_page_passes_with_its_request():
    report = validate_response("createTask", 200, {"content-type": "application/json"}, PAGE_RESPONSE.encode(), PAGE_REQUEST)
    assert report.findings == ()


def test_the_fields_are_those_of_the_page_in_its_order():
    schemas = DOCUMENT["components"]["schemas"]
    required = ["name", "train_feature_id", "train_bucket", "train_file_path"]
    assert list(schemas["TaskRequest"]["properties"]) == [*required, "test_feature_id", "test_bucket", "test_file_path"]
    assert schemas["TaskRequest"]["required"] == required
    assert list(schemas["CreatedTask"]["properties"]) == schemas["CreatedTask"]["required"] == list(json.loads(PAGE_RESPONSE))


def test_the_error_codes_of_nclue_are_documented_with_their_status():
    statuses = {
        status: [code for code in codes if code.startswith("101")] for status, codes in contract().operations["createTask"].statuses.items()
    }
    assert {status: codes for status, codes in statuses.items() if codes} == {
        401: ["10100"],
        404: ["10106", "10107", "10108"],
        409: ["10102"],
        422: ["10101", "10103", "10104", "10105", "10109"],
    }


def test_every_rule_about_requests_is_shown_by_a_case_of_the_corpus():
    shown = {due["rule"] for case in CASES for due in expected(case)}
    assert shown == REQUEST_RULES - {"NC008"}, "NC008 is about Python values, which no JSON file can hold"
    assert {code for code in contract().rules if code < "NC200"} == REQUEST_RULES


def test_every_rule_can_be_found_by_its_code_and_by_its_slug():
    for code, found in contract().rules.items():
        assert contract().rule(code.lower()) is contract().rule(found.slug.upper()) is found
    assert contract().rule("NC999") is None


NUMBERS_IN_PROSE = {
    ("NC110", "sentence"): ["one"],
    ("NC110", "why"): ["1", "100"],
    ("NC111", "sentence"): ["100"],
    ("NC111", "why"): ["1", "100", "10101"],
    ("NC130", "message"): ["3", "63"],
    ("NC131", "why"): ["8", "4", "4", "4", "12"],
    ("NC203", "sentence"): ["300"],
}


@pytest.mark.parametrize(("place", "numbers"), NUMBERS_IN_PROSE.items(), ids=map(" ".join, NUMBERS_IN_PROSE))
def test_the_numbers_in_the_prose_of_a_rule_are_those_of_the_page(place, numbers):
    code, key = place
    prose = re.sub(r"\{\w+\}", "", RULES[code][key])
    assert re.findall(r"\b\d+\b|\bone\b", prose) == numbers


def test_the_numbers_of_the_schema_and_the_rules_are_those_of_the_page():
    name = DOCUMENT["components"]["schemas"]["TaskRequest"]["properties"]["name"]
    assert (name["minLength"], name["maxLength"]) == (1, 100)
    assert RULES["NC131"]["limit"] == 8 + 4 + 4 + 4 + 12 + len("----")
    assert RULES["NC203"]["limit"] == 5 * 60
    bucket = re.compile(RULES["NC130"]["pattern"]).fullmatch
    assert [size for size in range(100) if bucket("a" * size)] == list(range(3, 64))
    query = contract().operations["listTasks"].query
    assert [(q.name, q.default, q.minimum, q.maximum) for q in query] == [("index", 0, 0, None), ("limit", 20, 1, 100)]


def test_the_numbers_in_the_prose_about_characters_agree_with_the_characters():
    options = READINGS["path-characters"]["options"]
    assert [re.findall(r"\d+", option["meaning"]) for option in options] == [["25"], ["24"], ["25"]]
    first = set("""&$@=;:+,?*\\{}^%`[]<>~#|"'""")
    assert [set(option["characters"]) for option in options] == [first, first - {"="}, first - {"="} | {" "}]
    assert [len(option["characters"]) for option in options] == [25, 24, 25]
    assert RULES["NC120"]["code_points"] == [[0, 31], [128, 255]]
    prose = DOCUMENT["components"]["schemas"]["FilePath"]["description"]
    assert re.findall(r"\d+", prose) == ["25", "0", "31", "128", "255"]


def test_the_spellings_that_are_suggested_are_safe_under_every_reading():
    safe = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!()-./_")
    replacements = RULES["NC120"]["replacements"]
    assert set("".join(replacements.values())) <= safe
    assert all(len(character) == 1 for character in replacements if character != "other")
    assert not safe & replacements.keys()


def test_the_yaml_and_the_document_of_the_package_have_the_same_content():
    assert json.loads((ROOT / "nclue_contract" / "contract" / "openapi.json").read_text(encoding="utf-8")) == DOCUMENT


# -- the accessors ----------------------------------------------------------------------------------------------------------------------


def test_a_field_is_found_by_its_name_in_the_request_and_in_each_response():
    name = contract().field("name")
    assert (name.min_length, name.max_length, name.required) == (1, 100, True)
    assert not contract().field("test_bucket").required
    assert contract().field("status", of="Task").enum == ("registered", "pending", "in_progress", "completed", "failed")
    assert contract().field("limit", of="TaskList").maximum == 100
    assert contract().field("created_at", of="CreatedTask").format == "date-time"


def test_a_parameter_is_found_by_its_name():
    assert (contract().parameter("limit").default, contract().parameter("limit").maximum) == (20, 100)
    assert (contract().parameter("index").minimum, contract().parameter("index").maximum) == (0, None)


@pytest.mark.parametrize(
    "find",
    [
        lambda: contract().field("nmae"),
        lambda: contract().field("name", of="Task"),
        lambda: contract().field("name", of="Tusk"),
        lambda: contract().parameter("offset"),
    ],
    ids=["a field", "a field of another schema", "a schema", "a parameter"],
)
def test_an_unknown_name_is_a_key_error(find):
    with pytest.raises(KeyError):
        find()


def test_the_lifecycle_has_the_statuses_of_the_pages_and_their_roles():
    lifecycle = contract().lifecycle
    assert lifecycle.statuses == contract().status_words == ("registered", "pending", "in_progress", "completed", "failed")
    assert (lifecycle.initial, lifecycle.building) == ("registered", "in_progress")
    assert lifecycle.final == (lifecycle.completed, lifecycle.failed) == ("completed", "failed")
    assert lifecycle.deletable == ("registered", "completed", "failed")


@pytest.mark.parametrize(
    ("word", "stage"),
    [("registered", 0), ("pending", 1), ("in_progress", 2), ("completed", 3), ("complete", 3), ("failed", 4), ("done", None)],
)
def test_the_stage_of_a_status_does_not_depend_on_its_reading(word, stage):
    assert contract().lifecycle.stage(word) == stage


def test_the_readings_choose_the_word_of_a_completed_task():
    assert Readings.choose().status_words == contract().status_words
    chosen = Readings.choose(("argument", {"status-word": "complete"})).status_words
    assert chosen == ("registered", "pending", "in_progress", "complete", "failed")


def test_a_rule_has_one_first_response_for_each_field():
    rule = contract().rules["NC120"]
    assert (rule.expected_for("train_file_path").code, rule.expected_for("test_file_path").code) == ("10104", "10105")
    assert contract().rules["NC111"].expected_for("name").code == "10101"


def test_the_media_type_of_requests_is_json():
    assert contract().request_media_type == "application/json"


def test_the_sample_payload_is_an_example_of_the_document_without_findings():
    payload, test_fields = contract().sample_payload(), contract().sample_test_fields()
    assert payload | test_fields == DOCUMENT["components"]["examples"]["TaskRequestWithTest"]["value"]
    assert list(payload) == list(PAGE_REQUEST)
    assert validate_request(payload).findings == validate_request(payload | test_fields).findings == ()
    payload["name"] = "changed"
    assert contract().sample_payload()["name"] != "changed", "each call returns a new dict"
