"""Compile the YAML files in `openapi/` into the JSON files that the package ships.

    python tools/compile_spec.py           write the files (each whole or not at all)
    python tools/compile_spec.py --check   write nothing; exit 1 when a file is out of date

They are in `nclue_contract/contract/`: `tables.json` contains the tables that `contract.model` reads, `openapi.json` the OpenAPI document,
and `pages.json` how the pages of the documentation are built, for `contract.pages`.
The tables also have the address of the documentation site, `Documentation` in `[project.urls]` of `pyproject.toml`, if there is one.
JSON Schemas describe the rules, the readings and the pages. The compiler checks what a JSON Schema cannot: schema keywords that no consumer
implements, and places in the files that have to agree.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import yaml

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "openapi"
TABLES = ROOT / "nclue_contract" / "contract" / "tables.json"
DOCUMENT = ROOT / "nclue_contract" / "contract" / "openapi.json"
PAGES = ROOT / "nclue_contract" / "contract" / "pages.json"
PROJECT = ROOT / "pyproject.toml"
COMMAND = "python tools/compile_spec.py"

RULE_POINTER, READING_POINTER, LIFECYCLE = "x-nclue-rule", "x-nclue-reading", "x-nclue-lifecycle"
ECHO_OF, NAME_OF, TYPE_READING = "x-nclue-echo-of", "x-nclue-name-of", "x-nclue-type-reading"
VALUE_IN, VALUE_MAY_BE_IN = "x-nclue-value-in", "x-nclue-value-may-be-in"
# What a field of a response has to do with one of the request, the reading by which a number is written as a number or in a string, and the
# statuses in which the field has a value or may have one.
FIELD_KEYS = {
    ECHO_OF: "echoOf",
    NAME_OF: "nameOf",
    TYPE_READING: "typeReading",
    VALUE_IN: "valueIn",
    VALUE_MAY_BE_IN: "valueMayBeIn",
}
EXTENSIONS = {RULE_POINTER, READING_POINTER, LIFECYCLE, *FIELD_KEYS}
# What the consumers implement; the comments name the modules to extend before a keyword is added here.
SCHEMA_KEYWORDS = {"$ref", "type", "title", "description", "examples", "default", "enum", "properties", "required", "items"} | {
    "minLength",  # validation.request: the name
    "maxLength",
    "not",  # validation.paths: the class of forbidden characters
    "pattern",  # the same class: under `not`, and beside it, negated and anchored
    "anyOf",  # only "this schema or null"
    "minimum",  # validation.response_fields
    "maximum",
    "format",
}
FORMATS = {"date-time"}
LIFECYCLE_KEYS = {"initial", "building", "completed", "failed", "deletable"}
SAMPLE = "TaskRequestWithTest"
METHODS = ("get", "post", "put", "patch", "delete")


class SpecError(Exception):
    """The files contain something that no consumer implements, or contradict each other."""


@dataclass
class Sources:
    """The YAML files as they are read, and the address of the documentation site (empty: it has none)."""

    document: dict[str, Any]
    rules: list[dict[str, Any]]
    readings: list[dict[str, Any]]
    pages: dict[str, Any]
    documentation: str = ""

    @classmethod
    def load(cls) -> Sources:
        """Read the files, and the address in `pyproject.toml`; raises `yaml.YAMLError`."""
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        names = ("nclue-tasks.yaml", "rules.yaml", "readings.yaml", "pages.yaml")
        document, rules, readings, pages = (
            yaml.load((SOURCES / name).read_text(encoding="utf-8"), Loader=loader)  # noqa: S506  # a safe one
            for name in names
        )
        project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
        return cls(document, rules, readings, pages, project.get("urls", {}).get("Documentation", ""))


def compile_contract(sources: Sources) -> tuple[str, str, str]:
    """Return the texts of `tables.json`, `openapi.json` and `pages.json`; raises `SpecError`."""
    document = sources.document
    _check_json_schema("readings", "id", sources.readings)
    _check_json_schema("rules", "code", sources.rules)
    for where, schema in _schemas(document):
        _check_schema(where, schema)
    tables = {
        "revision": document["info"]["version"],
        "server": document["servers"][0]["url"],
        "documentation": _base_url(sources.documentation),
        "headers": [scheme["name"] for scheme in document["components"]["securitySchemes"].values()],
        "request": _fields(document, "TaskRequest"),
        "sample": document["components"]["examples"][SAMPLE]["value"],
        "responses": {name: _fields(document, name) for name in ("CreatedTask", "Task", "TaskSummary", "TaskList", "DeletedTask")},
        "operations": _operations(document),
        "lifecycle": _lifecycle(document),
        "errors": _errors(document),
        "readings": sources.readings,
        "rules": sources.rules,
    }
    _check_readings(sources)
    _check_rules(sources, tables)
    _check_pointers(sources)
    _check_agreement(document, tables)
    _check_pages(sources, tables)
    return _dump(tables), _dump(document), _dump(sources.pages)


def _base_url(text: str) -> str:
    """Return the address of the documentation site without a slash at the end; links to the pages of rules begin with it."""
    parts = urlsplit(text)
    plain = parts.scheme in {"http", "https"} and parts.netloc and not parts.query and not parts.fragment
    _require(not text or plain, f"pyproject.toml, project.urls, Documentation: {text!r} is not an absolute URL without query and fragment")
    return text.rstrip("/")


def _dump(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=1)
    return re.sub("[\x7f-\x9f]", lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"  # no invisible characters in a file


# -- reading the document ------------------------------------------------------------------------------------------------------


def _resolve(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        target: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def _fields(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the properties of a schema as flat rows: name, required, types, and the limits that apply."""
    schema = document["components"]["schemas"][name]
    rows = []
    for field, node in schema["properties"].items():
        alternatives = [_resolve(document, part) for part in node.get("anyOf", [node])]
        types: list[str] = []
        for part in alternatives:
            types += part["type"] if isinstance(part["type"], list) else [part["type"]]
        first = alternatives[0]
        row: dict[str, Any] = {"name": field, "required": field in schema["required"], "types": types}
        row |= {key: first[key] for key in ("minLength", "maxLength", "minimum", "maximum", "format", "enum") if key in first}
        row |= {key: first[extension] for extension, key in FIELD_KEYS.items() if extension in first}
        if "items" in first:
            row["items"] = first["items"]["$ref"].rpartition("/")[2]
        rows.append(row)
    return rows


def _lifecycle(document: dict[str, Any]) -> dict[str, Any]:
    """Return the statuses in their order, and the role of each."""
    schema = document["components"]["schemas"]["TaskStatus"]
    roles = schema.get(LIFECYCLE, {})
    _require(roles.keys() == LIFECYCLE_KEYS, f"TaskStatus: {LIFECYCLE} must have the keys {', '.join(sorted(LIFECYCLE_KEYS))}")
    used = {word for value in roles.values() for word in (value if isinstance(value, list) else [value])}
    _only(used, set(schema["enum"]), f"TaskStatus, {LIFECYCLE}")
    return {"statuses": schema["enum"], **roles}


def _operations(document: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                operation = item[method]
                found[operation["operationId"]] = {
                    "method": method.upper(),
                    "path": path,
                    "response": _success_schema(document, operation),
                    "query": {p["name"]: p["schema"] for p in operation.get("parameters", []) if p["in"] == "query"},
                    "statuses": {status: _codes(document, node) for status, node in operation["responses"].items()},
                }
    return found


def _errors(document: dict[str, Any]) -> dict[str, Any]:
    """Return the documented errors by the names of their examples: status code, error code, message, meaning, related rules."""
    found: dict[str, Any] = {}
    for item in document["paths"].values():
        for operation in (item[method] for method in METHODS if method in item):
            for status, node in operation["responses"].items():
                references = _resolve(document, node)["content"]["application/json"].get("examples", {}).values()
                for name, example in ((e["$ref"].rpartition("/")[2], _resolve(document, e)) for e in references):
                    if "error" in example["value"]:
                        row = _error_row(int(status), example)
                        _require(found.setdefault(name, row) == row, f"the error {name} has two status codes")
    return found


def _error_row(status: int, example: dict[str, Any]) -> dict[str, Any]:
    error = example["value"]["error"]
    texts = {"code": error["errorCode"], "message": error["message"], "meaning": example["summary"]}
    return {"status": status, **texts, "rules": _pointers(example, RULE_POINTER)}


def _success_schema(document: dict[str, Any], operation: dict[str, Any]) -> str:
    content = _resolve(document, operation["responses"]["200"])["content"]
    name: str = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
    return name


def _codes(document: dict[str, Any], node: dict[str, Any]) -> list[str]:
    """Return the error codes documented for a response: its examples are the table."""
    examples = _resolve(document, node)["content"]["application/json"].get("examples", {})
    values = [_resolve(document, example)["value"] for example in examples.values()]
    return [value["error"]["errorCode"] for value in values if "error" in value]


def _schemas(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every schema of the document with its path, nested ones included."""
    pending = [(f"components.schemas.{name}", schema) for name, schema in document["components"]["schemas"].items()]
    for path, item in document["paths"].items():
        for operation in [item, *(item[method] for method in METHODS if method in item)]:
            pending += [(f"{path} {p['name']}", p["schema"]) for p in operation.get("parameters", [])]
    while pending:
        where, schema = pending.pop()
        yield where, schema
        pending += [(f"{where}.{name}", node) for name, node in schema.get("properties", {}).items()]
        pending += [(f"{where}.{key}", schema[key]) for key in ("not", "items") if key in schema]
        pending += [(f"{where}.anyOf", node) for node in schema.get("anyOf", [])]


# -- checks --------------------------------------------------------------------------------------------------------------------------


def _require(condition: object, problem: str) -> None:
    if not condition:
        raise SpecError(problem)


def _only(keys: Iterable[str], known: Iterable[str], where: str) -> None:
    unknown = set(keys).difference(known)
    _require(not unknown, f"{where}: unknown: {', '.join(sorted(unknown))}")


def _unique(names: list[str], where: str) -> None:
    repeated = {name for name in names if names.count(name) > 1}
    _require(not repeated, f"{where}: {', '.join(sorted(repeated))} occurs more than once")


_valid: set[tuple[str, str]] = set()
"""Names of files and their values that have no error: tests compile the same ones many times."""


def _schema_errors(name: str, value: object) -> list[jsonschema.ValidationError]:
    key = (name, repr(value))
    if key in _valid:
        return []
    schema = json.loads((SOURCES / f"{name}.schema.json").read_text(encoding="utf-8"))
    errors = list(jsonschema.Draft202012Validator(schema).iter_errors(value))
    if not errors:
        _valid.add(key)
    return errors


def _check_json_schema(name: str, key: str, entries: list[dict[str, Any]]) -> None:
    for error in _schema_errors(name, entries):
        number, *path = error.absolute_path
        entry = entries[int(number)]
        place = ".".join(map(str, [entry.get(key, f"entry {number}"), *path]))
        raise SpecError(f"{name}.yaml: {place}: {error.message}")


def _check_schema(where: str, schema: dict[str, Any]) -> None:
    _only(schema.keys() - EXTENSIONS, SCHEMA_KEYWORDS, where)
    _require(schema.get("format", "date-time") in FORMATS, f"{where}: unknown format {schema.get('format')}")
    if "anyOf" in schema:
        _require(len(schema["anyOf"]) == 2 and schema["anyOf"][1] == {"type": "null"}, f"{where}: anyOf may only add null")
    if "not" in schema:
        _check_patterns(where, schema["not"].get("pattern", ""), schema.get("pattern"))
    elif "pattern" in schema:
        _require(where.endswith(".not"), f"{where}: a pattern is only implemented as not: {{type: string, pattern: class}}")


# A character of a class in the spelling that engines of all languages interpret alike; the reasons are in contract.path_patterns.
_PORTABLE = r"""\\x[01][0-9a-f]|\\x7f|\\[][(){}\\^$|/-]|[^][(){}\\^$|/\x00-\x1f\x7f-]"""


def _check_patterns(where: str, forbidden: str, allowed: str | None) -> None:
    """Check that the class under `not` is spelt portably, and that the pattern beside it is the same class, negated and anchored."""
    spelling = re.match(rf"\[((?:{_PORTABLE})(?:-(?:{_PORTABLE}))?)+", forbidden)
    rest = forbidden[spelling.end() :] if spelling else forbidden
    _require(rest == "]", f"{where}.not: the pattern is not one class in the portable spelling, from {rest!r} on")
    wanted = f"^[^{forbidden[1:]}*$"
    _require(allowed == wanted, f"{where}: the pattern must be the class under `not`, negated and anchored: {wanted!r}, not {allowed!r}")


def _check_readings(sources: Sources) -> None:
    _unique([reading["id"] for reading in sources.readings], "readings.yaml")
    for reading in sources.readings:
        options = [option["id"] for option in reading["options"]]
        _unique(options, f"reading {reading['id']}")
        _require(options[0] == reading["default"], f"reading {reading['id']}: the default is not the first option")


def _check_rules(sources: Sources, tables: dict[str, Any]) -> None:
    readings = {reading["id"]: {option["id"] for option in reading["options"]} for reading in sources.readings}
    documented = {(int(s), code) for op in tables["operations"].values() for s, codes in op["statuses"].items() for code in [*codes, None]}
    _unique([name for rule in sources.rules for name in (rule["code"], rule["slug"])], "rules.yaml")
    for rule in sources.rules:
        where = f"rule {rule['code']}"
        _only(rule.get("readings", []), readings, f"{where}, readings")
        for answer in rule.get("expects", []):
            pair = (answer["status"], answer["code"])
            _require(pair in documented, f"{where}: {pair[0]}/{pair[1]} is not documented by any operation")
            _require(
                answer.get("field") in [None, *rule.get("fields", [])], f"{where}: expects a response for a field that it does not have"
            )
            for reading, option in answer.get("when", {}).items():
                _require(option in readings.get(reading, ()), f"{where}: no option {reading}={option}")
    unused = set(readings).difference(*(rule.get("readings", []) for rule in sources.rules))
    _require(not unused, f"no rule depends on the reading {', '.join(sorted(unused))}")


def _pointers(node: dict[str, Any], key: str) -> list[str]:
    """Return the ids that a node names: one, or a list."""
    value = node.get(key, [])
    return [value] if isinstance(value, str) else list(value)


def _check_pointers(sources: Sources) -> None:
    """Check that the document names existing rules and readings, and that each rule is named by exactly the fields that it concerns."""
    rules = {rule["code"]: rule for rule in sources.rules}
    readings = {reading["id"] for reading in sources.readings}
    schemas = sources.document["components"]["schemas"]
    request, statuses = schemas["TaskRequest"]["properties"], schemas["TaskStatus"]["enum"]
    found: set[str] = set()
    for where, node in _nodes(sources.document):
        _only((key for key in node if key.startswith("x-")), EXTENSIONS, where)
        _only(_pointers(node, RULE_POINTER), rules, f"{where}, {RULE_POINTER}")
        _only(_pointers(node, READING_POINTER), readings, f"{where}, {READING_POINTER}")
        found.update(_pointers(node, READING_POINTER))
        _only(_pointers(node, TYPE_READING), _pointers(node, READING_POINTER), f"{where}, {TYPE_READING}")
        _only((*_pointers(node, ECHO_OF), *_pointers(node, NAME_OF)), request, f"{where}, {ECHO_OF} and {NAME_OF}")
        _only((*_pointers(node, VALUE_IN), *_pointers(node, VALUE_MAY_BE_IN)), statuses, f"{where}, {VALUE_IN} and {VALUE_MAY_BE_IN}")
    missing = readings - found
    _require(not missing, f"no {READING_POINTER} names {', '.join(sorted(missing))}")
    named: dict[str, set[str]] = defaultdict(set)
    for field, node in _named_places(sources.document):
        for code in _pointers(node, RULE_POINTER):
            fields = rules[code].get("fields", [field])
            _require(field in fields, f"{field}: {RULE_POINTER} names {code}, which does not concern this field")
            named[code].add(field)
    for code, rule in rules.items():
        missing = set(rule.get("fields", [])) - named[code]
        _require(not missing, f"rule {code}: no {RULE_POINTER} at {', '.join(sorted(missing))}")


def _nodes(node: object, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every object of the document with its path, except for example values."""
    if isinstance(node, dict):
        yield where or "the document", node
        for key, value in node.items():
            if key != "value":
                yield from _nodes(value, f"{where}.{key}".lstrip("."))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _nodes(value, f"{where}[{index}]")


def _named_places(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what a rule's `fields` can name: properties (and the schemas they refer to), query parameters, headers."""
    for _, schema in _schemas(document):
        for field, node in schema.get("properties", {}).items():
            yield field, node
            yield from ((field, _resolve(document, part)) for part in node.get("anyOf", [node]) if "$ref" in part)
    yield from ((scheme["name"], scheme) for scheme in document["components"]["securitySchemes"].values())
    for item in document["paths"].values():
        for operation in (item[method] for method in METHODS if method in item):
            yield from ((parameter["name"], parameter) for parameter in operation.get("parameters", []))
            yield "content-type", operation.get("requestBody", {})


@cache
def _code_points_of(pattern: str) -> frozenset[int]:
    """Return the code points that a pattern, one class of characters, matches."""
    return frozenset(map(ord, re.findall(pattern, "".join(map(chr, range(sys.maxunicode + 1))))))


def _check_agreement(document: dict[str, Any], tables: dict[str, Any]) -> None:
    """Check that the schemas agree with the rules and the readings."""
    rules = {rule["code"]: rule for rule in tables["rules"]}
    readings = {reading["id"]: reading for reading in tables["readings"]}
    request = tables["request"]
    _require([f["name"] for f in request if f["required"]] == rules["NC101"]["fields"], "NC101 has other fields than `required`")
    _require([f["name"] for f in request] == rules["NC102"]["fields"], "NC102 has other fields than the schema")
    nullable = [f["name"] for f in request if "null" in f["types"]]
    _require(nullable == rules["NC103"]["fields"], "NC103 has other fields than those that may be null")
    _require(tables["headers"] == rules["NC200"]["fields"], "NC200 has other headers than the security schemes")
    limit = next(f["maxLength"] for f in request if f["name"] == "name")
    edges = [str(limit - option.get("exclusive", False)) for option in readings["name-edge"]["options"]]
    options = [option["id"] for option in readings["name-edge"]["options"]]
    _require(edges == options, f"the options of name-edge do not match maxLength ({limit})")
    word = readings["status-word"]["options"][0]["word"]
    _require(word == tables["lifecycle"]["completed"], "the default of status-word is not that of the schema")
    pattern = document["components"]["schemas"]["FilePath"]["not"]["pattern"]
    difference = _code_points_of(pattern) ^ forbidden_by_default(tables)
    spots = ", ".join(f"U+{code:04X}" for code in sorted(difference)[:5])
    _require(not difference, f"the pattern of FilePath differs from rule NC120 under the default readings: {spots}")


def _check_pages(sources: Sources, tables: dict[str, Any]) -> None:
    """Check that the pages name what exists, and that an option that a page states is one for which the reading cites the page."""
    for error in _schema_errors("pages", sources.pages):
        raise SpecError(f"pages.yaml: {'.'.join(map(str, error.absolute_path))}: {error.message}")
    rules = {rule["code"]: rule for rule in sources.rules}
    readings = {reading["id"]: {option["id"]: option for option in reading["options"]} for reading in sources.readings}
    _unique([page["id"] for page in sources.pages["pages"]], "pages.yaml")
    for key in ("missing_rules", "unknown_rules"):
        _only(sources.pages[key], rules, f"pages.yaml, {key}")
    for page in sources.pages["pages"]:
        where = f"page {page['id']}"
        _require(page.get("operation") in {None, *tables["operations"]}, f"{where}: no operation {page.get('operation')}")
        _only(page.get("errors", []), tables["errors"], f"{where}, errors")
        _only(page.get("limits", {}), page.get("errors", []), f"{where}, limits")
        _only(page.get("limits", {}).values(), [field["name"] for field in tables["request"]], f"{where}, limits")
        for field, code in page.get("ranges", {}).items():
            _require(field in rules.get(code, {}).get("fields", []), f"{where}, ranges: no rule {code} with the field {field}")
        for reading, option in page.get("readings", {}).items():
            pages = readings.get(reading, {}).get(option, {}).get("pages", [])
            cited = page["name"] in {one.partition(" (")[0] for one in pages}
            _require(cited, f"{where}: no reading {reading} with an option {option} that cites the page")


def forbidden_by_default(tables: dict[str, Any]) -> set[int]:
    """Return the code points that rule NC120 forbids under the default readings."""
    sources = [next(rule for rule in tables["rules"] if rule["code"] == "NC120")]
    sources += [reading["options"][0] for reading in tables["readings"] if reading["id"] in sources[0]["readings"]]
    found: set[int] = set()
    for source in sources:
        found |= {ord(character) for character in source.get("characters", "")}
        for low, high in source.get("code_points", []):
            found |= set(range(low, high + 1))
    return found


# -- the command -----------------------------------------------------------------------------------------------------------------


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
    Path(name).chmod(0o644)
    Path(name).replace(path)


def main(argv: list[str] | None = None) -> int:
    """Run the command; return the exit code."""
    parser = argparse.ArgumentParser(description="Compile the YAML files of the contract into the JSON files of the package.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is out of date")
    options = parser.parse_args(argv)
    try:
        texts = compile_contract(Sources.load())
    except (SpecError, yaml.YAMLError) as error:
        print(f"{SOURCES.name}/: {error}", file=sys.stderr)
        return 1
    targets = list(zip((TABLES, DOCUMENT, PAGES), texts, strict=True))
    stale = [path for path, text in targets if not path.exists() or path.read_text(encoding="utf-8") != text]
    if options.check:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is out of date; run: {COMMAND}", file=sys.stderr)
        return 1 if stale else 0
    for path, text in targets:
        write(path, text)
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
