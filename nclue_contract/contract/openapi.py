"""The whole OpenAPI document, as compiled, or with other readings written into its schemas."""

from __future__ import annotations

import json
import pkgutil
from typing import Any

from nclue_contract.contract.model import Option, contract
from nclue_contract.contract.readings import Readings


def document(readings: Readings | None = None) -> dict[str, Any]:
    """The OpenAPI 3.1 document as a new dict; its schemas state the given readings, or the defaults.

    JSON Schema counts code points, so `name-unit=utf16` cannot be written into it; `queue`, `check-order`, `list-index` and the like are
    about behaviour and have no place in a schema.
    """
    data = pkgutil.get_data("nclue_contract.contract", "openapi.json")
    if data is None:  # pragma: no cover  # only a loader without get_data, which no Python ships
        message = "nclue_contract/contract/openapi.json cannot be read; install the package again"
        raise RuntimeError(message)
    api: dict[str, Any] = json.loads(data)
    if readings is not None:
        _write_request(api["components"]["schemas"], readings)
        _write_responses(api["components"]["schemas"], readings)
    return api


def _write_request(schemas: dict[str, Any], readings: Readings) -> None:
    request = schemas["TaskRequest"]
    fields = request["properties"]
    ids = [f for f in contract().request if f.name in contract().rules["NC106"].fields]
    optional = [f.name for f in contract().request if not f.required]
    path = schemas["FilePath"]
    path["not"]["pattern"] = forbidden_class(readings)
    fields["name"]["maxLength"] -= readings.option("name-edge").exclusive
    if readings["path-empty"] == "refused":
        path["minLength"] = 1
    if readings["empty-id"] == "refused":
        for field in ids:
            fields[field.name]["minLength"] = 1
    if readings["optional-null"] == "refused":
        for name in optional:
            fields[name] = fields[name]["anyOf"][0] if "anyOf" in fields[name] else fields[name] | {"type": "string"}
    if readings["unknown-field"] == "refused":
        request["additionalProperties"] = False
    if readings["test-triple"] == "all-or-none":
        # Null is taken as absent, so "together" means: all three are strings, or none is.
        together = {"required": optional, "properties": {name: {"type": "string"} for name in optional}}
        none = {"properties": {name: {"type": "null"} for name in optional}}
        request["anyOf"] = [together, none]


def _write_responses(schemas: dict[str, Any], readings: Readings) -> None:
    if readings["auroc-type"] == "number":
        schemas["Task"]["properties"]["AUROC"]["type"] = ["number", "null"]
    schemas["TaskStatus"]["enum"] = list(readings.status_words)
    error = schemas["Error"]["properties"]["error"]
    if readings["error-code-type"] == "integer":
        error["properties"]["errorCode"]["type"] = ["integer", "null"]
    if readings["error-shape"] == "flat":
        error["properties"]["code"] = error["properties"].pop("errorCode")
        error["required"] = ["code", "message"]
        schemas["Error"] |= error


def forbidden_class(readings: Readings) -> str:
    """The class of the characters that a file path may not hold, as a pattern that every engine reads alike (no anchors, no raw `$`)."""
    rule = contract().rules["NC120"]
    options: list[Option] = [readings.option(name) for name in rule.readings]
    characters = "".join(sorted({c for option in options for c in option.characters}))
    ranges = sorted([*rule.code_points, *(pair for option in options for pair in option.code_points)])
    return f"[{''.join(map(_in_class, characters))}{''.join(f'{_escape(low)}-{_escape(high)}' for low, high in ranges)}]"


def _in_class(character: str) -> str:
    r"""A printable ASCII character inside a class; `$` as `\u0024`, because fastjsonschema and others rewrite a raw one."""
    if character == "$":
        return _escape(ord(character))
    return f"\\{character}" if character in r"\^[]" else character


def _escape(code: int) -> str:
    r"""`\u0024`; what lies beyond the basic plane stands as itself, since `\u{…}` is not understood everywhere."""
    return f"\\u{code:04x}" if code <= 0xFFFF else chr(code)
