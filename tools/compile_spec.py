"""Compile `openapi/nclue-tasks.yaml` into the two JSON files that the package ships.

    python tools/compile_spec.py           write both files (each whole or not at all)
    python tools/compile_spec.py --check   write nothing; exit 1 when a file is out of date

Both lie in `nclue_contract/contract/`: `tables.json` holds the tables that `contract.model` reads, `openapi.json` the whole document. The
compiler is strict on purpose: a keyword that no consumer implements would be a rule that nobody keeps, so it is refused here.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import string
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "openapi" / "nclue-tasks.yaml"
TABLES = ROOT / "nclue_contract" / "contract" / "tables.json"
DOCUMENT = ROOT / "nclue_contract" / "contract" / "openapi.json"
COMMAND = "python tools/compile_spec.py"

# What the consumers implement; the names in brackets are the modules to extend before a line here is.
SCHEMA_KEYWORDS = {"$ref", "type", "title", "description", "examples", "default", "enum", "properties", "required", "items"} | {
    "minLength",  # request_checks: the name
    "maxLength",
    "not",  # request_checks: the class of a path's forbidden characters
    "pattern",
    "anyOf",  # only "this schema or null"
    "minimum",  # response_checks
    "maximum",
    "format",
}
FORMATS = {"date-time"}
LIFECYCLE_KEYS = {"initial", "building", "completed", "failed", "deletable"}
EXTENSIONS = {"x-nclue-rules", "x-nclue-readings", "x-nclue-lifecycle"}
RULE_KEYS = {
    "code",
    "slug",
    "sentence",
    "severity",
    "certainty",
    "page",
    "fields",
    "readings",
    "expects",
    "message",
    "why",
    "cause",
    "fix",
} | {
    "limit",
    "range",
    "pattern",
    "code_points",
    "media_type",
    "replacements",
}
RULE_REQUIRED = RULE_KEYS - {
    "fields",
    "readings",
    "expects",
    "limit",
    "range",
    "pattern",
    "code_points",
    "media_type",
    "replacements",
}
READING_KEYS = {"id", "question", "page", "certainty", "default", "options"}
OPTION_REQUIRED = {"id", "says", "pages"}
OPTION_KEYS = OPTION_REQUIRED | {"characters", "code_points", "exclusive", "word", "media_type"}
ANSWER_KEYS = {"status", "code", "field", "when"}
PLACEHOLDERS = {
    "field",
    "key",
    "problem",
    "kind",
    "value",
    "expected",
    "actual",
    "limit",
    "unit",
    "direction",
    "operation",
    "origin",
    "where",
    "had",
} | {
    "character",
    "codepoint",
    "character_name",
    "offset",
    "occurrences",
}
SEVERITIES = {"error", "warning"}
CERTAINTIES = {"documented", "contested", "undecided"}
METHODS = ("get", "post", "put", "patch", "delete")


class SpecError(Exception):
    """The YAML file says something that no consumer implements, or contradicts itself."""


def compile_contract(text: str) -> tuple[str, str]:
    """The texts of `tables.json` and `openapi.json` for the text of the YAML file; raises `SpecError`."""
    document = yaml.safe_load(text)
    _check_extensions(document)
    for where, schema in _schemas(document):
        _check_schema(where, schema)
    tables = {
        "revision": document["info"]["version"],
        "server": document["servers"][0]["url"],
        "headers": [scheme["name"] for scheme in document["components"]["securitySchemes"].values()],
        "request": _fields(document, "TaskRequest"),
        "responses": {name: _fields(document, name) for name in ("CreatedTask", "Task", "TaskSummary", "TaskList", "DeletedTask")},
        "operations": _operations(document),
        "lifecycle": _lifecycle(document),
        "errors": _errors(document),
        "readings": document["x-nclue-readings"],
        "rules": document["x-nclue-rules"],
    }
    _check_readings(tables)
    _check_rules(tables)
    _check_agreement(document, tables)
    return _dump(tables), _dump(document)


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


# -- reading the document ------------------------------------------------------------------------------------------------------


def _resolve(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        target: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def _fields(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The properties of a schema as flat rows: name, required, types, and the limits that apply."""
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
        if "items" in first:
            row["items"] = first["items"]["$ref"].rpartition("/")[2]
        rows.append(row)
    return rows


def _lifecycle(document: dict[str, Any]) -> dict[str, Any]:
    """The statuses in their order, and which role each has."""
    schema = document["components"]["schemas"]["TaskStatus"]
    roles = schema["x-nclue-lifecycle"]
    _require(roles.keys() == LIFECYCLE_KEYS, f"TaskStatus: x-nclue-lifecycle has the keys {', '.join(sorted(LIFECYCLE_KEYS))}")
    used = {word for value in roles.values() for word in (value if isinstance(value, list) else [value])}
    _only(used, set(schema["enum"]), "TaskStatus, x-nclue-lifecycle")
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
    """The documented errors by the names of their examples: status code, error code, message."""
    found: dict[str, Any] = {}
    for item in document["paths"].values():
        for operation in (item[method] for method in METHODS if method in item):
            for status, node in operation["responses"].items():
                examples = _resolve(document, node)["content"]["application/json"].get("examples", {})
                for name, value in ((e["$ref"].rpartition("/")[2], _resolve(document, e)["value"]) for e in examples.values()):
                    if "error" in value:
                        row = {"status": int(status), "code": value["error"]["errorCode"], "message": value["error"]["message"]}
                        _require(found.setdefault(name, row) == row, f"the error {name} comes with two status codes")
    return found


def _success_schema(document: dict[str, Any], operation: dict[str, Any]) -> str:
    content = _resolve(document, operation["responses"]["200"])["content"]
    name: str = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
    return name


def _codes(document: dict[str, Any], node: dict[str, Any]) -> list[str]:
    """The error codes documented for a response: its examples are the table."""
    examples = _resolve(document, node)["content"]["application/json"].get("examples", {})
    values = [_resolve(document, example)["value"] for example in examples.values()]
    return [value["error"]["errorCode"] for value in values if "error" in value]


def _schemas(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema object of the document with a name for messages, nested ones included."""
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


# -- what is refused -----------------------------------------------------------------------------------------------------------


def _require(condition: object, problem: str) -> None:
    if not condition:
        raise SpecError(problem)


def _only(keys: object, known: set[str], where: str) -> None:
    unknown = set(keys) - known  # type: ignore[call-overload]
    _require(not unknown, f"{where}: nobody implements {', '.join(sorted(unknown))}")


def _check_extensions(document: dict[str, Any]) -> None:
    def walk(node: object, where: str) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                if isinstance(key, str) and key.startswith("x-") and key not in EXTENSIONS:
                    raise SpecError(f"{where or 'the document'}: nobody implements the extension {key}")
                walk(value, f"{where}.{key}".lstrip("."))
        elif isinstance(node, list):
            for index, value in enumerate(node):
                walk(value, f"{where}[{index}]")

    walk(document, "")
    for name in ("x-nclue-readings", "x-nclue-rules"):
        _require(name in document, f"the extension {name} is missing")


def _check_schema(where: str, schema: dict[str, Any]) -> None:
    _only({key for key in schema if not key.startswith("x-")}, SCHEMA_KEYWORDS, where)
    _require(schema.get("format", "date-time") in FORMATS, f"{where}: nobody implements the format {schema.get('format')}")
    if "anyOf" in schema:
        _require(len(schema["anyOf"]) == 2 and schema["anyOf"][1] == {"type": "null"}, f"{where}: anyOf may only add null")
    if "pattern" in schema:
        _require(where.endswith(".not"), f"{where}: a pattern is only implemented as not: {{type: string, pattern: class}}")


def _check_readings(tables: dict[str, Any]) -> None:
    seen = set()
    for reading in tables["readings"]:
        where = f"reading {reading.get('id')}"
        _only(reading, READING_KEYS, where)
        _require(reading.keys() >= READING_KEYS, f"{where}: a key is missing")
        _require(reading["certainty"] in CERTAINTIES - {"documented"}, f"{where}: certainty is contested or undecided")
        options = [option.get("id") for option in reading["options"]]
        _require(len(set(options)) == len(options) > 1, f"{where}: at least two options, each once")
        _require(options[0] == reading["default"], f"{where}: the default stands first")
        for option in reading["options"]:
            _only(option, OPTION_KEYS, f"{where}, option {option['id']}")
            _require(option.keys() >= OPTION_REQUIRED, f"{where}, option {option['id']}: a key is missing")
            _require(all(page.count("(") == page.count(")") for page in option["pages"]), f"{where}: a page is cut at a comma; quote it")
        _require(reading["id"] not in seen, f"{where}: twice")
        seen.add(reading["id"])


def _check_rules(tables: dict[str, Any]) -> None:
    readings = {reading["id"]: {option["id"] for option in reading["options"]} for reading in tables["readings"]}
    documented = {(int(s), code) for op in tables["operations"].values() for s, codes in op["statuses"].items() for code in [*codes, None]}
    seen: set[str] = set()
    for rule in tables["rules"]:
        where = f"rule {rule.get('code')}"
        _only(rule, RULE_KEYS, where)
        _require(rule.keys() >= RULE_REQUIRED, f"{where}: missing {', '.join(sorted(RULE_REQUIRED - rule.keys()))}")
        _require(
            re.fullmatch(r"NC[0-9]{3}", rule["code"]) and not {rule["code"], rule["slug"]} & seen,
            f"{where}: code or slug twice, or not NCxxx",
        )
        seen |= {rule["code"], rule["slug"]}
        _require(rule["severity"] in SEVERITIES and rule["certainty"] in CERTAINTIES, f"{where}: unknown severity or certainty")
        used = {name for _, name, _, _ in string.Formatter().parse(rule["message"]) if name is not None}
        _only(used, PLACEHOLDERS, f"{where}, message")
        _only(rule.get("readings", []), set(readings), f"{where}, readings")
        for answer in rule.get("expects", []):
            _only(answer, ANSWER_KEYS, f"{where}, expects")
            _require(
                (answer["status"], answer["code"]) in documented,
                f"{where}: {answer['status']}/{answer['code']} is not documented by any operation",
            )
            _require(answer.get("field", None) in [None, *rule.get("fields", [])], f"{where}: an answer for a field that the rule has not")
            for reading, option in answer.get("when", {}).items():
                _require(option in readings.get(reading, ()), f"{where}: no option {reading}={option}")
    idle = set(readings) - {name for rule in tables["rules"] for name in rule.get("readings", [])}
    _require(not idle, f"no rule is moved by the reading {', '.join(sorted(idle))}")


def _check_agreement(document: dict[str, Any], tables: dict[str, Any]) -> None:
    """Where the schemas and the extensions speak of the same thing, they say the same."""
    rules = {rule["code"]: rule for rule in tables["rules"]}
    readings = {reading["id"]: reading for reading in tables["readings"]}
    request = tables["request"]
    _require([f["name"] for f in request if f["required"]] == rules["NC101"]["fields"], "NC101 names other fields than `required`")
    _require([f["name"] for f in request] == rules["NC102"]["fields"], "NC102 names other fields than the schema")
    _require(
        [f["name"] for f in request if "null" in f["types"]] == rules["NC103"]["fields"],
        "NC103 names other fields than the schema lets be null",
    )
    _require(tables["headers"] == rules["NC200"]["fields"], "NC200 names other headers than the security schemes")
    limit = next(f["maxLength"] for f in request if f["name"] == "name")
    edges = [str(limit - option.get("exclusive", False)) for option in readings["name-edge"]["options"]]
    _require(
        edges == [option["id"] for option in readings["name-edge"]["options"]],
        f"name-edge names other lengths than maxLength ({limit}) gives",
    )
    _require(
        readings["status-word"]["options"][0]["word"] == tables["lifecycle"]["completed"],
        "the default status-word is not that of the schema",
    )
    pattern = document["components"]["schemas"]["FilePath"]["not"]["pattern"]
    search = re.compile(pattern).search
    in_pattern = {code for code in range(sys.maxunicode + 1) if search(chr(code))}
    difference = in_pattern ^ forbidden_by_default(tables)
    spots = ", ".join(f"U+{code:04X}" for code in sorted(difference)[:5])
    _require(not difference, f"the pattern of FilePath differs from rule NC120 under the default readings: {spots}")


def forbidden_by_default(tables: dict[str, Any]) -> set[int]:
    """The code points that rule NC120 forbids under the default readings."""
    sources = [next(rule for rule in tables["rules"] if rule["code"] == "NC120")]
    sources += [reading["options"][0] for reading in tables["readings"] if reading["id"] in sources[0]["readings"]]
    found: set[int] = set()
    for source in sources:
        found |= {ord(character) for character in source.get("characters", "")}
        for low, high in source.get("code_points", []):
            found |= set(range(low, high + 1))
    return found


# -- the command -----------------------------------------------------------------------------------------------------------------


def _write(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
    Path(name).chmod(0o644)
    Path(name).replace(path)


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(description="Compile the OpenAPI file into the tables of the package.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is out of date")
    options = parser.parse_args(argv)
    try:
        texts = compile_contract(SOURCE.read_text(encoding="utf-8"))
    except (SpecError, yaml.YAMLError) as error:
        print(f"{SOURCE.name}: {error}", file=sys.stderr)
        return 1
    stale = [
        path for path, text in zip((TABLES, DOCUMENT), texts, strict=True) if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if options.check:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is out of date; run: {COMMAND}", file=sys.stderr)
        return 1 if stale else 0
    for path, text in zip((TABLES, DOCUMENT), texts, strict=True):
        _write(path, text)
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
