"""The examples of `openapi/examples.yaml`: messages that break a rule, with the findings that the validator has for them.

A message is a payload or body of createTask, the headers of a request, or a response. `text` shows it, `validate` returns the report.
"""

from __future__ import annotations

import ast
import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from nclue_contract import Report, Validator
from nclue_contract.contract.model import contract
from nclue_contract.contract.openapi import document
from nclue_contract.signing import EXAMPLE, Credentials, signed_headers
from nclue_contract.validation.signature import Verifier

SOURCES = Path(__file__).resolve().parent.parent.parent / "openapi"
NOW_MS = 1_764_000_000_000
"""The clock of the examples, in milliseconds since 1970-01-01 UTC."""

_METHOD, _TARGET = "GET", "/api/v1/tasks"


@dataclass(frozen=True, slots=True)
class Example:
    """One entry of the file; `openapi/examples.schema.json` describes its keys."""

    entry: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """Return the key that says what the example is, such as `payload`, `response` or `check`."""
        return next(key for key in self.entry if key not in {"encoding", "also"})

    @property
    def is_message(self) -> bool:
        """Return whether one message shows the violation; otherwise only a contract check with several exchanges does."""
        return self.kind not in {"check", "server"}

    @property
    def also(self) -> tuple[str, ...]:
        """Return the other rules that the message breaks, because without them it could not break this one, or would be longer."""
        return tuple(self.entry.get("also", ()))

    @property
    def language(self) -> str:
        """Return the language of `text` for the highlighter."""
        return {"python": "python", "headers": "python", "request": "http", "response": "http"}.get(self.kind, "json")

    def text(self) -> str:
        """Return the message as it is shown. Characters that cannot be seen are escaped, as in JSON."""
        value = self.entry[self.kind]
        if self.kind == "payload":
            return _json(_changed(contract().sample_payload(), value))
        if self.kind == "request":
            return "\n".join([f"{_METHOD} {_TARGET} HTTP/1.1", *(f"{name}: {text}" for name, text in _headers(value))])
        if self.kind == "response":
            status, headers, body = response_of(value)
            return "\n".join([f"HTTP/1.1 {status}", *(f"{name}: {text}" for name, text in headers.items()), "", body])
        return str(value).replace("\ufeff", "\\uFEFF")

    def validate(self, readings: Mapping[str, str] | None = None) -> Report:
        """Return the report of the validator under these readings, by default the default ones."""
        validator, value = Validator(readings), self.entry[self.kind]
        if self.kind == "payload":
            return validator.validate_request(_changed(contract().sample_payload(), value))
        if self.kind == "body":
            return validator.validate_request_json(value.encode(self.entry.get("encoding", "utf-8")))
        if self.kind == "python":
            return validator.validate_request(ast.literal_eval(value))
        if self.kind == "headers":
            return validator.validate_headers(ast.literal_eval(value), NOW_MS)
        if self.kind == "request":
            pairs = _headers(value)
            verification = Verifier(readings)(_METHOD, _TARGET, pairs, EXAMPLE, NOW_MS).report
            found = {finding.rule: finding for finding in (*validator.validate_headers(pairs, NOW_MS).findings, *verification.findings)}
            return Report(tuple(found.values()))
        status, headers, body = response_of(value)
        return validator.validate_response(value["operation"], status, headers, body.encode(), value.get("request"))


@dataclass(frozen=True, slots=True)
class Examples:
    """All examples: of rules by their codes, of readings by their IDs."""

    rules: Mapping[str, Example]
    readings: Mapping[str, Example]


@cache
def examples() -> Examples:
    """Return the examples of the file; raises `jsonschema.ValidationError`."""
    entries = yaml.safe_load((SOURCES / "examples.yaml").read_text(encoding="utf-8"))
    jsonschema.validate(entries, json.loads((SOURCES / "examples.schema.json").read_text(encoding="utf-8")))
    return Examples(*({name: Example(entry) for name, entry in entries[part].items()} for part in ("rules", "readings")))


def _changed(value: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    new: dict[str, Any] = changes.get("set", {})
    return {key: item for key, item in value.items() if key not in changes.get("omit", ())} | new


def _json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return "".join(character if character.isprintable() or character == "\n" else f"\\u{ord(character):04X}" for character in text)


def _headers(changes: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the pairs of a signed request with these changes."""
    access_key = changes.get("access_key", EXAMPLE.access_key)
    time_ms = NOW_MS - 1000 * changes.get("age_seconds", 0)
    signed = signed_headers(_METHOD, changes.get("signed_target", _TARGET), Credentials(access_key, EXAMPLE.secret_key), time_ms)
    return [*_changed(dict(signed), changes).items(), *((name, signed[name]) for name in changes.get("repeat", ()))]


def response_of(changes: Mapping[str, Any]) -> tuple[int, dict[str, str], str]:
    """Return status, headers and body of a response."""
    headers = {"content-type": changes.get("content_type", "application/json")}
    if "body" in changes:
        return changes["status"], headers, changes["body"]
    body = copy.deepcopy(document()["components"]["examples"][changes["example"]]["value"])
    return changes["status"], headers, _json(_changed(body, changes))
