"""The OpenAPI document, as compiled or with other readings in its schemas."""

from __future__ import annotations

import json
import pkgutil
from http import HTTPStatus
from typing import Any

from nclue_contract.contract.model import Option, contract
from nclue_contract.contract.path_patterns import PathPatterns, path_patterns
from nclue_contract.contract.readings import Readings


def document(readings: Readings | None = None) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document as a new dict; its schemas state the given readings, or the defaults.

    JSON Schema counts code points, so it cannot express `name-unit=utf16`; `queue`, `check-order`, `list-index`, `query-range`, the two
    about names and the like concern behaviour, which no schema describes.
    """
    data = pkgutil.get_data("nclue_contract.contract", "openapi.json")
    if data is None:  # pragma: no cover  # only a loader without get_data, which no Python ships
        message = "nclue_contract/contract/openapi.json cannot be read; install the package again"
        raise RuntimeError(message)
    api: dict[str, Any] = json.loads(data)
    if readings is not None:
        _write_request(api["components"]["schemas"], readings)
        _write_responses(api["components"]["schemas"], readings)
        _write_successes(api, readings)
    return api


def _write_request(schemas: dict[str, Any], readings: Readings) -> None:
    request = schemas["TaskRequest"]
    fields = request["properties"]
    ids = [f for f in contract().request if f.name in contract().rules["NC106"].fields]
    optional = [f.name for f in contract().request if not f.required]
    path = schemas["FilePath"]
    path["not"]["pattern"], path["pattern"] = patterns_of(readings)
    fields["name"]["maxLength"] -= readings.option("name-edge").exclusive
    if readings["path-empty"] == "refused":
        path["minLength"] = 1
    if readings["empty-id"] == "refused":
        for field in ids:
            fields[field.name]["minLength"] = 1
    if readings["optional-null"] == "refused":
        for name in optional:
            path, *_ = fields[name].pop("anyOf", [{"type": "string"}])
            fields[name] |= path
    if readings["unknown-field"] == "refused":
        request["additionalProperties"] = False
    if readings["test-triple"] == "all-or-none":
        # Null counts as absent: either all three are strings, or none is.
        together = {"required": optional, "properties": {name: {"type": "string"} for name in optional}}
        none = {"properties": {name: {"type": "null"} for name in optional}}
        request["anyOf"] = [together, none]


def _write_responses(schemas: dict[str, Any], readings: Readings) -> None:
    for field in contract().responses["Task"]:
        if field.type_reading and readings[field.type_reading] == "number":
            schemas["Task"]["properties"][field.name]["type"] = ["number", "null"]
    schemas["TaskStatus"]["enum"] = list(readings.status_words)
    if readings["absent-fields"] == "absent":
        for name in ("Task", "TaskSummary"):
            _write_absent(schemas, schemas[name])
    _write_error(schemas["Error"], readings)


def _write_absent(schemas: dict[str, Any], schema: dict[str, Any]) -> None:
    """Let a field without a value be absent instead of null."""
    for name, node in schema["properties"].items():
        field = schemas[node["$ref"].rpartition("/")[2]] if "$ref" in node else node
        if "null" in field["type"]:
            schema["required"].remove(name)
            types = [kind for kind in field["type"] if kind != "null"]
            schema["properties"][name] = field | {"type": types[0] if len(types) == 1 else types}


def _write_error(schema: dict[str, Any], readings: Readings) -> None:
    default, shape = next(iter(contract().error_shapes.values())), readings.error_shape
    error = schema["properties"].pop(default.object)
    fields = error["properties"]
    if readings["error-code-type"] == "integer":
        fields[default.code]["type"] = ["integer", "null"]
    names = {default.code: shape.code, default.message: shape.message}
    error["properties"] = {names.get(name, name): node for name, node in fields.items()}
    error["required"] = [shape.code, shape.message]
    if shape.object:
        schema["properties"][shape.object] = error
        schema["required"] = [shape.object]
    else:
        schema |= error


def _write_successes(api: dict[str, Any], readings: Readings) -> None:
    """Add the other successes; that of a deletion can have no body."""
    for operation in (node for item in api["paths"].values() for node in item.values() if "operationId" in node):
        default = next(iter(operation["responses"]))
        for status in readings.success_statuses(operation["operationId"]):
            empty = {"description": "Carried out, without a body."}
            node = empty if status == HTTPStatus.NO_CONTENT else operation["responses"][default]
            operation["responses"].setdefault(str(status), node)


def patterns_of(readings: Readings) -> PathPatterns:
    """Return the patterns of rule NC120 under these readings."""
    rule = contract().rules["NC120"]
    options: list[Option] = [readings.option(name) for name in rule.readings]
    characters = "".join(option.characters for option in options)
    return path_patterns(characters, [*rule.code_points, *(pair for option in options for pair in option.code_points)])
