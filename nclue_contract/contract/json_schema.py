"""One schema of the OpenAPI document as a JSON Schema that stands alone, for editors and validators that do not read OpenAPI."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

_PREFIX = "#/components/schemas/"
_Schema = dict[str, Any]


class Draft(NamedTuple):
    """What a draft of JSON Schema calls itself, and where it has definitions."""

    url: str
    definitions: str
    ref_has_siblings: bool
    """Whether keywords beside `$ref` count; where they do not, a reference is wrapped in `allOf`."""


DRAFTS = {
    "2020-12": Draft("https://json-schema.org/draft/2020-12/schema", "$defs", ref_has_siblings=True),
    "draft-07": Draft("http://json-schema.org/draft-07/schema#", "definitions", ref_has_siblings=False),
}


def standalone_schema(document: dict[str, Any], name: str, draft: str, comment: str) -> _Schema:
    """Return a schema of an OpenAPI document with the schemas that it refers to, without extension keys, in one of `DRAFTS`.

    `comment` becomes its `$comment`. Raises `ValueError` when the document has no schema of this name.
    """
    schemas, target = document["components"]["schemas"], DRAFTS[draft]
    if name not in schemas:
        message = f"there is no schema {name!r:.80}; the document has {', '.join(schemas)}"
        raise ValueError(message)
    needed = [name]

    def refer(reference: str) -> str:
        found = reference.removeprefix(_PREFIX)
        if found not in needed:
            needed.append(found)
        return f"#/{target.definitions}/{found}"

    # `needed` grows while its schemas are rewritten: a loop over it also reaches what they refer to.
    root, *others = [_rewritten(schemas[each], target, refer) for each in needed]
    whole: _Schema = {"$schema": target.url, "$comment": comment, **root}
    if others:
        whole[target.definitions] = dict(zip(needed[1:], others, strict=True))
    return whole


def _rewritten(schema: _Schema, draft: Draft, refer: Callable[[str], str]) -> _Schema:
    """Return a copy with the references of the draft and without extension keys."""
    found: _Schema = {}
    for key, value in schema.items():
        if key == "properties":  # its keys are names, not keywords
            found[key] = {name: _rewritten(node, draft, refer) for name, node in value.items()}
        elif key in {"anyOf", "allOf"}:
            found[key] = [_rewritten(node, draft, refer) for node in value]
        elif isinstance(value, dict):
            found[key] = _rewritten(value, draft, refer)
        elif key == "$ref":
            found[key] = refer(value)
        elif not key.startswith("x-"):
            found[key] = value
    if "$ref" in found and len(found) > 1 and not draft.ref_has_siblings:
        found = {"allOf": [{"$ref": found.pop("$ref")}], **found}
    return found
