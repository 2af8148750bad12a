"""The compiler of the contract rejects what no consumer implements and what contradicts itself; the compiled files are up to date."""

import copy
import json
import re

import jsonschema
import pytest

from tools import compile_spec
from tools.compile_spec import COMMAND, DOCUMENT, PAGES, TABLES, SpecError, compile_contract

SOURCES = compile_spec.Sources.load()


@pytest.fixture
def sources():
    """Return a copy of the three files, for a test to change."""
    return copy.deepcopy(SOURCES)


def rule(sources, code):
    return next(rule for rule in sources.rules if rule["code"] == code)


def reading(sources, name):
    return next(reading for reading in sources.readings if reading["id"] == name)


# -- the compiler ---------------------------------------------------------------------------------------------------------------------

SCHEMAS = "components.schemas"


def put(path, value):
    """Return a change of the document that sets the value at a dotted path."""

    def change(sources):
        *parents, last = path.split(".")
        node = sources.document
        for name in parents:
            node = node[name]
        node[last] = value

    return change


def put_in_rule(code, key, value):
    return lambda sources: rule(sources, code).update({key: value})


def put_in_reading(name, key, value):
    return lambda sources: reading(sources, name).update({key: value})


def put_in_option(name, number, key, value):
    return lambda sources: reading(sources, name)["options"][number].update({key: value})


def drop_from_rule(code, key):
    return lambda sources: rule(sources, code).pop(key)


def drop_from_reading(name, key):
    return lambda sources: reading(sources, name).pop(key)


NAME = f"{SCHEMAS}.TaskRequest.properties.name"


def put_in_page(name, key, value):
    return lambda sources: next(page for page in sources.pages["pages"] if page["id"] == name).update({key: value})


def put_in_pages(key, value):
    return lambda sources: sources.pages.update({key: value})


REJECTED = {
    "an unknown key of the pages": (put_in_pages("word", {}), "pages.yaml: : Additional properties are not allowed ('word'"),
    "a vocabulary without a language": (put_in_pages("space", {"en": ["space"], "ko": ["공백"]}), "pages.yaml: space: 'ja' is a required"),
    "an unknown key of a page": (put_in_page("overview", "part", []), "pages.yaml: pages.4: Additional properties"),
    "a page twice": (put_in_page("overview", "id", "get-task"), "pages.yaml: get-task occurs more than once"),
    "a page of no operation": (put_in_page("get-task", "operation", "readTask"), "page get-task: no operation readTask"),
    "an unknown error of a page": (put_in_page("overview", "errors", ["NO_TASK"]), "page overview, errors: unknown: NO_TASK"),
    "a limit of no error": (put_in_page("overview", "limits", {"NOT_FOUND": "name"}), "page overview, limits: unknown: NOT_FOUND"),
    "a limit of no field": (put_in_page("overview", "limits", {"NAME_TOO_LONG": "title"}), "page overview, limits: unknown: title"),
    "a range of another rule": (
        put_in_page("get-task", "ranges", {"AUROC": "NC308"}),
        "page get-task, ranges: no rule NC308 with the field",
    ),
    "an option of a page that no reading cites": (
        put_in_page("overview", "readings", {"status-word": "complete"}),
        "page overview: no reading status-word with an option complete that cites the page",
    ),
    "an unknown rule about examples": (put_in_pages("missing_rules", ["NC999"]), "pages.yaml, missing_rules: unknown: NC999"),
    "an unknown keyword": (put(f"{SCHEMAS}.TaskRequest.minProperties", 1), "TaskRequest: unknown: minProperties"),
    "an unknown keyword of a property": (put(f"{NAME}.const", "x"), "TaskRequest.name: unknown: const"),
    "an unknown keyword inside not": (put(f"{SCHEMAS}.FilePath.not.maxLength2", 1), "FilePath.not: unknown: maxLength2"),
    "an unknown format": (put(f"{SCHEMAS}.CreationTime.format", "date"), "CreationTime: unknown format date"),
    "a pattern that is not under not": (put(f"{NAME}.pattern", "a"), "a pattern is only implemented as not"),
    "alternatives other than null": (
        put(f"{SCHEMAS}.TaskRequest.properties.test_file_path.anyOf", [{"type": "null"}, {"type": "string"}]),
        "anyOf may only add null",
    ),
    "an unknown extension": (put("x-nclue-rulez", []), "the document: unknown: x-nclue-rulez"),
    "an unknown extension far down": (put(f"{SCHEMAS}.TaskRequest.x-note", "a"), "TaskRequest: unknown: x-note"),
    "an unknown key of a rule": (put_in_rule("NC120", "patern", "a"), "rules.yaml: NC120: Additional properties are not allowed ('patern'"),
    "a missing key of a rule": (drop_from_rule("NC120", "fix"), "rules.yaml: NC120: 'fix' is a required property"),
    "a missing code": (drop_from_rule("NC001", "code"), "rules.yaml: entry 0: 'code' is a required property"),
    "a code twice": (put_in_rule("NC121", "code", "NC120"), "rules.yaml: NC120 occurs more than once"),
    "a slug twice": (put_in_rule("NC121", "slug", "path-character"), "rules.yaml: path-character occurs more than once"),
    "an unknown reading of a rule": (put_in_rule("NC121", "readings", ["path-emtpy"]), "rule NC121, readings: unknown: path-emtpy"),
    "an undocumented response": (put_in_rule("NC121", "expects", [{"status": 422, "code": "10110"}]), "422/10110 is not documented"),
    "an undocumented status": (put_in_rule("NC121", "expects", [{"status": 418, "code": None}]), "418/None is not documented"),
    "a response for another field": (
        put_in_rule("NC121", "expects", [{"status": 422, "code": None, "field": "name"}]),
        "expects a response for a field that it does not have",
    ),
    "a response under an unknown option": (
        put_in_rule("NC121", "expects", [{"status": 422, "code": None, "when": {"path-empty": "perhaps"}}]),
        "no option path-empty=perhaps",
    ),
    "an unknown key of a reading": (put_in_reading("path-del", "why", "x"), "readings.yaml: path-del: Additional properties"),
    "a missing key of a reading": (drop_from_reading("path-del", "page"), "readings.yaml: path-del: 'page' is a required property"),
    "an unknown key of an option": (put_in_option("path-del", 0, "chars", "x"), "readings.yaml: path-del.options.0: Additional properties"),
    "a default that is not first": (put_in_reading("path-del", "default", "forbidden"), "path-del: the default is not the first option"),
    "an option twice": (put_in_option("path-del", 1, "id", "allowed"), "reading path-del: allowed occurs more than once"),
    "a reading twice": (put_in_reading("path-del", "id", "path-empty"), "readings.yaml: path-empty occurs more than once"),
    "a reading without a rule": (put_in_rule("NC409", "readings", ["list-index"]), "no rule depends on the reading queue"),
    "a pointer to no rule": (put(f"{NAME}.x-nclue-rule", "NC199"), "properties.name, x-nclue-rule: unknown: NC199"),
    "an echo of no field of the request": (
        put(f"{SCHEMAS}.TaskName.x-nclue-echo-of", "title"),
        "TaskName, x-nclue-echo-of and x-nclue-name-of: unknown: title",
    ),
    "a name of no field of the request": (
        put(f"{SCHEMAS}.TestFeatureName.x-nclue-name-of", "feature"),
        "TestFeatureName, x-nclue-echo-of and x-nclue-name-of: unknown: feature",
    ),
    "a value in no status": (
        put(f"{SCHEMAS}.CompletionTime.x-nclue-value-in", ["ended"]),
        "CompletionTime, x-nclue-value-in and x-nclue-value-may-be-in: unknown: ended",
    ),
    "a type by a reading that the field does not name": (
        put(f"{SCHEMAS}.Task.properties.AUROC.x-nclue-type-reading", "name-unit"),
        "AUROC, x-nclue-type-reading: unknown: name-unit",
    ),
    "a pointer to no reading": (put(f"{NAME}.x-nclue-reading", ["name-unit", "name-eggs"]), "x-nclue-reading: unknown: name-eggs"),
    "a pointer to a rule of another field": (
        put(f"{NAME}.x-nclue-rule", ["NC101", "NC102", "NC110", "NC111", "NC404", "NC120"]),
        "name: x-nclue-rule names NC120, which does not concern this field",
    ),
    "a field that does not point to its rule": (
        put(f"{NAME}.x-nclue-rule", ["NC101", "NC102", "NC110", "NC404"]),
        "rule NC111: no x-nclue-rule at name",
    ),
    "a referenced schema that does not point to its rule": (
        put(f"{SCHEMAS}.FilePath.x-nclue-rule", ["NC120"]),
        "rule NC121: no x-nclue-rule at test_file_path, train_file_path",
    ),
    "a header that does not point to its rule": (
        put("components.securitySchemes.accessKey.x-nclue-rule", ["NC200", "NC201", "NC204"]),
        "rule NC209: no x-nclue-rule at x-ncp-iam-access-key",
    ),
    "an error that points to no rule": (
        put("components.examples.INVALID_PATH_CHARACTER.x-nclue-rule", "NC199"),
        "INVALID_PATH_CHARACTER, x-nclue-rule: unknown: NC199",
    ),
    "a reading that no schema points to": (
        put(f"{SCHEMAS}.TaskStatus.x-nclue-reading", ["status-word"]),
        "no x-nclue-reading names queue",
    ),
    "other required fields in the rule": (put_in_rule("NC101", "fields", ["name"]), "NC101, which does not concern this field"),
    "other required fields in the schema": (put(f"{SCHEMAS}.TaskRequest.required", ["name"]), "NC101 has other fields"),
    "a new field in the schema": (
        put(f"{SCHEMAS}.TaskRequest.properties.tag", {"type": "string"}),
        "NC102 has other fields",
    ),
    "a field that may no longer be null": (
        put(f"{SCHEMAS}.TaskRequest.properties.test_bucket.type", "string"),
        "NC103 has other fields",
    ),
    "other headers": (put("components.securitySchemes.timestamp.name", "x-ncp-timestamp"), "x-ncp-timestamp: x-nclue-rule names NC200"),
    "another longest name": (put(f"{NAME}.maxLength", 101), "the options of name-edge do not match maxLength (101)"),
    "another status word": (put_in_option("status-word", 0, "word", "done"), "the default of status-word is not that of the schema"),
    "a role that is missing": (put(f"{SCHEMAS}.TaskStatus.x-nclue-lifecycle", {"initial": "registered"}), "must have the keys building,"),
    "a role of an unknown status": (
        put(f"{SCHEMAS}.TaskStatus.x-nclue-lifecycle.initial", "created"),
        "TaskStatus, x-nclue-lifecycle: unknown: created",
    ),
}


@pytest.mark.parametrize(("change", "problem"), REJECTED.values(), ids=REJECTED)
def test_the_compiler_rejects(sources, change, problem):
    change(sources)
    with pytest.raises(SpecError, match=re.escape(problem)):
        compile_contract(sources)


def test_the_compiler_accepts_the_files_as_they_are(sources):
    compile_contract(sources)


# -- the JSON Schemas of the rules and the readings -----------------------------------------------------------------------------------

RESPONSE = {"status": 422, "code": None}
BROKEN_RULES = {
    "a code of another form": {"code": "NC12"},
    "a slug in capitals": {"slug": "Path-Empty"},
    "an unknown severity": {"severity": "fatal"},
    "an unknown certainty": {"certainty": "sure"},
    "a sentence without a full stop": {"sentence": "A file path is not empty"},
    "an unknown placeholder": {"message": "{feild} is empty"},
    "an unclosed placeholder": {"message": "{field is empty"},
    "a response without a code": {"expects": [{"status": 422}]},
    "a status that is text": {"expects": [RESPONSE | {"status": "422"}]},
    "an unknown key of a response": {"expects": [RESPONSE | {"if": 1}]},
    "no response": {"expects": []},
    "a field twice": {"fields": ["name", "name"]},
    "a limit of 0": {"limit": 0},
    "a range with one end": {"range": [0]},
    "code points with three ends": {"code_points": [[0, 31, 32]]},
    "replacements of two characters": {"replacements": {"ab": "c", "other": "-"}},
    "replacements without the others": {"replacements": {"a": "b"}},
    "an unknown key": {"notes": "x"},
}
BROKEN_READINGS = {
    "an id in capitals": {"id": "Path-Del"},
    "a question without a question mark": {"question": "DEL"},
    "a documented reading": {"certainty": "documented"},
    "one option": {"options": [{"id": "allowed", "meaning": "a", "pages": []}]},
    "a page that was split at its comma": {"options": [{"id": "a", "meaning": "a", "pages": ["Create task (KO", "JA)"]}] * 2},
    "an option without a meaning": {"options": [{"id": "a", "pages": []}] * 2},
    "a meaning with a full stop": {"options": [{"id": "a", "meaning": "a.", "pages": []}] * 2},
    "an option with the key of a rule": {"options": [{"id": "a", "meaning": "a", "pages": [], "limit": 1}] * 2},
    "exclusive: false": {"options": [{"id": "a", "meaning": "a", "pages": [], "exclusive": False}] * 2},
}
FILES = {"rules": SOURCES.rules, "readings": SOURCES.readings}
each_file = pytest.mark.parametrize(("name", "entries"), FILES.items(), ids=FILES)


def validator(name):
    schema = json.loads((compile_spec.SOURCES / f"{name}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


@each_file
def test_a_file_conforms_to_its_schema_and_names_it_for_editors(name, entries):
    assert list(validator(name).iter_errors(entries)) == []
    first, _ = (compile_spec.SOURCES / f"{name}.yaml").read_text(encoding="utf-8").split("\n", 1)
    assert first == f"# yaml-language-server: $schema={name}.schema.json"


@each_file
def test_every_key_of_a_schema_is_used_and_described(name, entries):
    properties = validator(name).schema["items"]["properties"]
    assert {key for entry in entries for key in entry} == properties.keys()
    assert all("description" in node for node in properties.values())


@pytest.mark.parametrize("change", BROKEN_RULES.values(), ids=BROKEN_RULES)
def test_the_schema_rejects_a_rule_with(change, sources):
    assert not validator("rules").is_valid([rule(sources, "NC121") | change])


@pytest.mark.parametrize("change", BROKEN_READINGS.values(), ids=BROKEN_READINGS)
def test_the_schema_rejects_a_reading_with(change, sources):
    assert not validator("readings").is_valid([reading(sources, "path-del") | change])


# -- the pattern of a path ------------------------------------------------------------------------------------------------------------

# The characters of the page as they are written inside the class.
CLASS = [*"&@=;:+,?*%`<>~#\"'", "\\$", "\\\\", "\\{", "\\}", "\\^", "\\[", "\\]", "\\|", "\\x00-\\x1f", "\x80-\xff"]


@pytest.fixture
def path(sources):
    return sources.document["components"]["schemas"]["FilePath"]


def put_class(path, inside):
    """Write a class into both patterns of a schema."""
    path["not"]["pattern"], path["pattern"] = f"[{inside}]", f"^[^{inside}]*$"


def test_the_patterns_of_a_path_have_the_25_characters_and_the_two_ranges_of_the_page(path):
    inside = path["not"]["pattern"][1:-1]
    assert sorted(re.findall(r"\\x..-\\x..|.-.|\\.|.", inside)) == sorted(CLASS)
    assert len(CLASS) == 25 + 2
    assert path["pattern"] == f"^[^{inside}]*$"


@pytest.mark.parametrize(
    ("old", "new", "spot"),
    [
        ("~", "", "U+007E"),
        ("\\\\", "", "U+005C"),
        ("\\$", "", "U+0024"),
        ("#", "# ", "U+0020"),
        ("\x80-", "\\x7f-", "U+007F"),
        ("\xff", "\u0100", "U+0100"),
        ("\\x1f", "\\x1e", "U+001F"),
        ("\\x00", "\\x01", "U+0000"),
    ],
)
def test_patterns_that_differ_from_the_rule_in_one_character_are_rejected(sources, path, old, new, spot):
    inside = path["not"]["pattern"][1:-1]
    assert inside.count(old) == 1
    put_class(path, inside.replace(old, new))
    with pytest.raises(SpecError, match=re.escape(f"differs from rule NC120 under the default readings: {spot}")):
        compile_contract(sources)


@pytest.mark.parametrize(
    ("old", "new", "rest"),
    [
        ("\\$", "\\u0024", "\\u0024"),
        ("\\$", "\\x24", "\\x24"),
        ("\\$", "$", "$"),
        ("\\|", "|", "|"),
        ("\\[", "[", "["),
        ("\x80-\xff", "\\x80-\\xff", "\\x80"),
        ("\\x00", "\x00", "\x00"),
        ("\\x00-", "\\x00-\\x01-", "-"),
    ],
    ids=ascii,
)
def test_a_spelling_that_engines_do_not_interpret_alike_is_rejected(sources, path, old, new, rest):
    inside = path["not"]["pattern"][1:-1]
    assert inside.count(old) == 1
    put_class(path, inside.replace(old, new))
    with pytest.raises(SpecError, match=re.escape(f"not one class in the portable spelling, from {rest!r:.5}"[:-1])):
        compile_contract(sources)


@pytest.mark.parametrize("pattern", ["[&]", "[&", "&]", "&", "", "[]", "([&])", "[&]+", "[^&]"], ids=ascii)
def test_what_is_not_one_class_of_characters_is_rejected(sources, path, pattern):
    path["not"]["pattern"], path["pattern"] = pattern, f"^[^{pattern[1:]}*$"
    with pytest.raises(SpecError, match=r"portable spelling|differs from rule NC120"):
        compile_contract(sources)


@pytest.mark.parametrize("change", ["~", "*$", "^", "[^", None], ids=str)
def test_an_anchored_pattern_that_is_not_the_class_under_not_is_rejected(sources, path, change):
    if change is None:
        del path["pattern"]
    else:
        assert change in path["pattern"]
        path["pattern"] = path["pattern"].replace(change, "", 1)
    with pytest.raises(SpecError, match="FilePath: the pattern must be the class under `not`, negated and anchored: "):
        compile_contract(sources)


@pytest.mark.parametrize("dropped", "=~'\\")
def test_a_rule_that_differs_from_the_pattern_in_one_character_is_rejected(sources, dropped):
    option = reading(sources, "path-characters")["options"][0]
    option["characters"] = option["characters"].replace(dropped, "")
    with pytest.raises(SpecError, match="the pattern of FilePath differs"):
        compile_contract(sources)


# -- what is committed ----------------------------------------------------------------------------------------------------------------


def test_the_compiled_files_are_up_to_date():
    texts = compile_contract(SOURCES)
    stale = [path.name for path, text in zip((TABLES, DOCUMENT, PAGES), texts, strict=True) if path.read_text(encoding="utf-8") != text]
    assert stale == [], f"out of date: {', '.join(stale)}; run: {COMMAND}"


def test_the_check_of_the_compiler_names_the_stale_file_and_the_command(monkeypatch, capsys, tmp_path):
    tables, openapi, pages = compile_contract(SOURCES)
    (tmp_path / "pages.json").write_text(pages, encoding="utf-8")
    (tmp_path / "tables.json").write_text(tables, encoding="utf-8")
    (tmp_path / "openapi.json").write_text(openapi.replace("NCLUE", "nclue"), encoding="utf-8")
    for name, file in (("ROOT", ""), ("TABLES", "tables.json"), ("DOCUMENT", "openapi.json"), ("PAGES", "pages.json")):
        monkeypatch.setattr(compile_spec, name, tmp_path / file)
    assert compile_spec.main(["--check"]) == 1
    assert capsys.readouterr().err == "openapi.json is out of date; run: python tools/compile_spec.py\n"
    assert compile_spec.main([]) == 0
    assert compile_spec.main(["--check"]) == 0
    assert (tmp_path / "openapi.json").read_text(encoding="utf-8") == openapi
    assert sorted(path.name for path in tmp_path.iterdir()) == ["openapi.json", "pages.json", "tables.json"]


def test_the_compiler_reports_errors_and_writes_nothing(sources, monkeypatch, capsys, tmp_path):
    rule(sources, "NC120")["slug"] = "Path"
    monkeypatch.setattr(compile_spec.Sources, "load", lambda: sources)
    monkeypatch.setattr(compile_spec, "TABLES", tmp_path / "tables.json")
    monkeypatch.setattr(compile_spec, "DOCUMENT", tmp_path / "openapi.json")
    monkeypatch.setattr(compile_spec, "PAGES", tmp_path / "pages.json")
    assert compile_spec.main([]) == 1
    assert capsys.readouterr().err == "openapi/: rules.yaml: NC120.slug: 'Path' does not match '^[a-z]+(-[a-z]+)*$'\n"
    assert list(tmp_path.iterdir()) == []
