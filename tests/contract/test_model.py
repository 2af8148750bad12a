"""The contract's files: the compiler refuses what nobody implements, what is compiled is fresh, and the YAML says the same everywhere.

Numbers and characters are typed by hand from the page "Create task" and the pages beside it.
"""

import copy
import json
import re

import jsonschema
import pytest
import yaml

from nclue_contract.contract.model import contract
from nclue_contract.validation.validator import validate_request, validate_response
from tests.support.payloads import PAGE_REQUEST, PAGE_RESPONSE
from tests.support.tools import ROOT
from tests.validation.test_corpus import CASES, expected
from tools import compile_spec
from tools.compile_spec import COMMAND, DOCUMENT, SOURCE, TABLES, SpecError, compile_contract

DOCUMENT_AS_READ = yaml.load(SOURCE.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
REQUEST_RULES = {"NC001", "NC002", "NC003", "NC004", "NC005", "NC006", "NC007", "NC008"}
REQUEST_RULES |= {"NC100", "NC101", "NC102", "NC103", "NC104", "NC105", "NC106"}
REQUEST_RULES |= {"NC110", "NC111", "NC120", "NC121", "NC130", "NC131"}


@pytest.fixture
def document():
    """A copy of the YAML as it is read, to be changed."""
    return copy.deepcopy(DOCUMENT_AS_READ)


@pytest.fixture
def compiled(document, monkeypatch):
    """Compiles the document as a test has changed it."""
    monkeypatch.setattr(compile_spec.yaml, "safe_load", lambda _: document)
    return lambda: compile_contract("")


def rule(document, code):
    return next(rule for rule in document["x-nclue-rules"] if rule["code"] == code)


def reading(document, name):
    return next(reading for reading in document["x-nclue-readings"] if reading["id"] == name)


# -- the compiler ---------------------------------------------------------------------------------------------------------------------

SCHEMAS = "components.schemas"


def put(path, value):
    """A change of the document: sets what stands at the dotted path."""

    def change(document):
        *parents, last = path.split(".")
        node = document
        for name in parents:
            node = node[name]
        node[last] = value

    return change


def put_in_rule(code, key, value):
    return lambda document: rule(document, code).update({key: value})


def put_in_reading(name, key, value):
    return lambda document: reading(document, name).update({key: value})


def put_in_option(name, number, key, value):
    return lambda document: reading(document, name)["options"][number].update({key: value})


REFUSED = {
    "an unknown keyword": (put(f"{SCHEMAS}.TaskRequest.minProperties", 1), "TaskRequest: nobody implements minProperties"),
    "an unknown keyword of a property": (put(f"{SCHEMAS}.TaskRequest.properties.name.const", "x"), "name: nobody implements const"),
    "an unknown keyword inside not": (put(f"{SCHEMAS}.FilePath.not.maxLength2", 1), "FilePath.not: nobody implements maxLength2"),
    "an unknown format": (put(f"{SCHEMAS}.CreatedTask.properties.created_at.format", "date"), "nobody implements the format date"),
    "a pattern that is not under not": (put(f"{SCHEMAS}.TaskRequest.properties.name.pattern", "a"), "a pattern is only implemented as not"),
    "alternatives other than null": (
        put(f"{SCHEMAS}.TaskRequest.properties.test_file_path.anyOf", [{"type": "null"}, {"type": "string"}]),
        "anyOf may only add null",
    ),
    "an unknown extension": (put("x-nclue-rulez", []), "nobody implements the extension x-nclue-rulez"),
    "an unknown extension far down": (put(f"{SCHEMAS}.TaskRequest.x-note", "a"), "TaskRequest: nobody implements the extension x-note"),
    "a missing extension": (lambda document: document.pop("x-nclue-readings"), "the extension x-nclue-readings is missing"),
    "an unknown key of a rule": (put_in_rule("NC120", "patern", "a"), "rule NC120: nobody implements patern"),
    "a missing key of a rule": (lambda document: rule(document, "NC120").pop("fix"), "rule NC120: missing fix"),
    "a code twice": (put_in_rule("NC121", "code", "NC120"), "code or slug twice"),
    "a slug twice": (put_in_rule("NC121", "slug", "path-character"), "code or slug twice"),
    "a code of another form": (put_in_rule("NC121", "code", "NC12"), "or not NCxxx"),
    "an unknown severity": (put_in_rule("NC121", "severity", "fatal"), "unknown severity"),
    "an unknown placeholder": (put_in_rule("NC121", "message", "{feild} is empty"), "nobody implements feild"),
    "an unknown reading of a rule": (put_in_rule("NC121", "readings", ["path-emtpy"]), "nobody implements path-emtpy"),
    "an undocumented answer": (put_in_rule("NC121", "expects", [{"status": 422, "code": "10110"}]), "422/10110 is not documented"),
    "an undocumented status": (put_in_rule("NC121", "expects", [{"status": 418, "code": None}]), "418/None is not documented"),
    "an answer for another field": (
        put_in_rule("NC121", "expects", [{"status": 422, "code": None, "field": "name"}]),
        "an answer for a field that the rule has not",
    ),
    "an answer under an unknown option": (
        put_in_rule("NC121", "expects", [{"status": 422, "code": None, "when": {"path-empty": "perhaps"}}]),
        "no option path-empty=perhaps",
    ),
    "an unknown key of an answer": (put_in_rule("NC121", "expects", [{"status": 422, "code": None, "if": 1}]), "nobody implements if"),
    "an unknown key of a reading": (put_in_reading("path-del", "why", "x"), "reading path-del: nobody implements why"),
    "a missing key of a reading": (lambda document: reading(document, "path-del").pop("page"), "reading path-del: a key is missing"),
    "an unknown key of an option": (put_in_option("path-del", 0, "chars", "x"), "option allowed: nobody implements chars"),
    "a default that does not stand first": (put_in_reading("path-del", "default", "forbidden"), "the default stands first"),
    "an option twice": (put_in_option("path-del", 1, "id", "allowed"), "at least two options, each once"),
    "a reading that is documented": (put_in_reading("path-del", "certainty", "documented"), "certainty is contested or undecided"),
    "a reading twice": (put_in_reading("path-del", "id", "path-empty"), "twice"),
    "a page that is cut": (put_in_option("path-characters", 1, "pages", ["Create task (KO", "JA)"]), "a page is cut at a comma"),
    "other required fields in the rule": (put_in_rule("NC101", "fields", ["name"]), "NC101 names other fields"),
    "other required fields in the schema": (put(f"{SCHEMAS}.TaskRequest.required", ["name"]), "NC101 names other fields"),
    "a new field in the schema": (put(f"{SCHEMAS}.TaskRequest.properties.tag", {"type": "string"}), "NC102 names other fields"),
    "a field that may no longer be null": (
        put(f"{SCHEMAS}.TaskRequest.properties.test_bucket.type", "string"),
        "NC103 names other fields",
    ),
    "other headers": (put("components.securitySchemes.timestamp.name", "x-ncp-timestamp"), "NC200 names other headers"),
    "another longest name": (put(f"{SCHEMAS}.TaskRequest.properties.name.maxLength", 101), "name-edge names other lengths"),
    "another status word": (put_in_option("status-word", 0, "word", "done"), "the default status-word is not that of the schema"),
}


@pytest.mark.parametrize(("change", "problem"), REFUSED.values(), ids=REFUSED)
def test_the_compiler_refuses(document, compiled, change, problem):
    change(document)
    with pytest.raises(SpecError, match=re.escape(problem)):
        compiled()


def test_the_compiler_takes_the_document_as_it_is(compiled):
    compiled()


# The printable ones of the page with their spellings inside the class; dropping or adding any one character is noticed.
CLASS = [*"&@=;:+,?*{}%`<>~#|\"'", "\\u0024", "\\\\", "\\^", "\\[", "\\]", "\\u0000-\\u001f", "\\u0080-\\u00ff"]


def test_the_pattern_of_a_path_has_the_25_characters_and_the_two_ranges_of_the_page(document):
    pattern = document["components"]["schemas"]["FilePath"]["not"]["pattern"]
    assert sorted(re.findall(r"\\u00..-\\u00..|\\u00..|\\.|.", pattern[1:-1])) == sorted(CLASS)
    assert len(CLASS) == 25 + 2


@pytest.mark.parametrize(
    ("old", "new", "spot"),
    [
        ("~", "", "U+007E"),
        ("\\\\", "", "U+005C"),
        ("\\u0024", "", "U+0024"),
        ("#", "# ", "U+0020"),
        ("\\u0080", "\\u007f", "U+007F"),
        ("\\u00ff", "\\u0100", "U+0100"),
        ("\\u001f", "\\u001e", "U+001F"),
        ("\\u0000", "\\u0001", "U+0000"),
    ],
)
def test_a_pattern_that_differs_from_the_rule_in_one_character_is_refused(document, compiled, old, new, spot):
    schema = document["components"]["schemas"]["FilePath"]["not"]
    assert schema["pattern"].count(old) == 1
    schema["pattern"] = schema["pattern"].replace(old, new)
    with pytest.raises(SpecError, match=re.escape(f"differs from rule NC120 under the default readings: {spot}")):
        compiled()


@pytest.mark.parametrize("dropped", "=~'\\")
def test_a_rule_that_differs_from_the_pattern_in_one_character_is_refused(document, compiled, dropped):
    option = reading(document, "path-characters")["options"][0]
    option["characters"] = option["characters"].replace(dropped, "")
    with pytest.raises(SpecError, match="the pattern of FilePath differs"):
        compiled()


# -- what is committed ----------------------------------------------------------------------------------------------------------------


def test_the_compiled_files_are_what_the_yaml_says_now():
    texts = compile_contract(SOURCE.read_text(encoding="utf-8"))
    stale = [path.name for path, text in zip((TABLES, DOCUMENT), texts, strict=True) if path.read_text(encoding="utf-8") != text]
    assert stale == [], f"out of date: {', '.join(stale)}; run: {COMMAND}"


def test_the_check_of_the_compiler_names_the_stale_file_and_the_command(compiled, monkeypatch, capsys, tmp_path):
    tables, openapi = compiled()
    (tmp_path / "tables.json").write_text(tables, encoding="utf-8")
    (tmp_path / "openapi.json").write_text(openapi.replace("NCLUE", "nclue"), encoding="utf-8")
    for name, file in (("ROOT", ""), ("TABLES", "tables.json"), ("DOCUMENT", "openapi.json")):
        monkeypatch.setattr(compile_spec, name, tmp_path / file)
    assert compile_spec.main(["--check"]) == 1
    assert capsys.readouterr().err == "openapi.json is out of date; run: python tools/compile_spec.py\n"
    assert compile_spec.main([]) == 0
    assert compile_spec.main(["--check"]) == 0
    assert (tmp_path / "openapi.json").read_text(encoding="utf-8") == openapi
    assert sorted(path.name for path in tmp_path.iterdir()) == ["openapi.json", "tables.json"]


def test_the_compiler_says_what_is_wrong_and_writes_nothing(document, compiled, monkeypatch, capsys, tmp_path):
    del compiled
    rule(document, "NC120")["patern"] = "a"
    monkeypatch.setattr(compile_spec, "TABLES", tmp_path / "tables.json")
    monkeypatch.setattr(compile_spec, "DOCUMENT", tmp_path / "openapi.json")
    assert compile_spec.main([]) == 1
    assert capsys.readouterr().err == "nclue-tasks.yaml: rule NC120: nobody implements patern\n"
    assert list(tmp_path.iterdir()) == []


# -- what the YAML says -----------------------------------------------------------------------------------------------------------------


def resolved(node):
    while "$ref" in node:
        target = DOCUMENT_AS_READ
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def documented_examples():
    """Pairs of a schema and an example value, for every media type of every operation."""
    for path, item in DOCUMENT_AS_READ["paths"].items():
        for method in ("get", "post", "delete"):
            operation = item.get(method, {})
            places = {"request": operation.get("requestBody", {}), **operation.get("responses", {})}
            for where, node in places.items():
                media = resolved(node).get("content", {}).get("application/json", {})
                for name, example in media.get("examples", {}).items():
                    yield pytest.param(media["schema"], resolved(example)["value"], id=f"{method} {path} {where} {name}")


@pytest.mark.parametrize(("schema", "value"), list(documented_examples()))
def test_a_documented_example_keeps_its_schema(schema, value):
    whole = {**schema, "components": DOCUMENT_AS_READ["components"]}
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    assert list(jsonschema.Draft202012Validator(whole, format_checker=checker).iter_errors(value)) == []


def test_every_example_of_the_document_is_shown_somewhere():
    named = set(re.findall(r"#/components/examples/(\w+)", json.dumps(DOCUMENT_AS_READ)))
    assert named == set(DOCUMENT_AS_READ["components"]["examples"])


def test_the_examples_of_the_page_are_in_the_document_as_they_stand_there():
    examples = DOCUMENT_AS_READ["components"]["examples"]
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
    schemas = DOCUMENT_AS_READ["components"]["schemas"]
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
    prose = re.sub(r"\{\w+\}", "", rule(DOCUMENT_AS_READ, code)[key])
    assert re.findall(r"\b\d+\b|\bone\b", prose) == numbers


def test_the_numbers_of_the_schema_and_the_rules_are_those_of_the_page():
    name = DOCUMENT_AS_READ["components"]["schemas"]["TaskRequest"]["properties"]["name"]
    assert (name["minLength"], name["maxLength"]) == (1, 100)
    assert rule(DOCUMENT_AS_READ, "NC131")["limit"] == 8 + 4 + 4 + 4 + 12 + len("----")
    assert rule(DOCUMENT_AS_READ, "NC203")["limit"] == 5 * 60
    bucket = re.compile(rule(DOCUMENT_AS_READ, "NC130")["pattern"]).fullmatch
    assert [size for size in range(100) if bucket("a" * size)] == list(range(3, 64))
    query = contract().operations["listTasks"].query
    assert [(q.name, q.default, q.minimum, q.maximum) for q in query] == [("index", 0, 0, None), ("limit", 20, 1, 100)]


def test_the_numbers_in_the_prose_about_characters_agree_with_the_characters():
    options = reading(DOCUMENT_AS_READ, "path-characters")["options"]
    assert [re.findall(r"\d+", option["says"]) for option in options] == [["25"], ["24"], ["25"]]
    first = set("""&$@=;:+,?*\\{}^%`[]<>~#|"'""")
    assert [set(option["characters"]) for option in options] == [first, first - {"="}, first - {"="} | {" "}]
    assert [len(option["characters"]) for option in options] == [25, 24, 25]
    assert rule(DOCUMENT_AS_READ, "NC120")["code_points"] == [[0, 31], [128, 255]]
    prose = DOCUMENT_AS_READ["components"]["schemas"]["FilePath"]["description"]
    assert re.findall(r"\d+", prose) == ["25", "0", "31", "128", "255"]


def test_the_spellings_that_are_suggested_are_safe_under_every_reading():
    safe = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!()-./_")
    replacements = rule(DOCUMENT_AS_READ, "NC120")["replacements"]
    assert set("".join(replacements.values())) <= safe
    assert all(len(character) == 1 for character in replacements if character != "other")
    assert not safe & replacements.keys()


def test_the_yaml_and_the_document_of_the_package_have_the_same_content():
    assert json.loads((ROOT / "nclue_contract" / "contract" / "openapi.json").read_text(encoding="utf-8")) == DOCUMENT_AS_READ
