"""Faults in the validation of the rest of a payload: the name, required fields, types, the JSON itself."""

from __future__ import annotations

import dataclasses
import json
import re
import unicodedata
from collections.abc import Callable
from typing import Any

from nclue_contract.contract.model import contract
from nclue_contract.service.faults.injection import (
    OPTIONAL,
    REQUIRED,
    Fault,
    Injection,
    change_rejection,
    crash_on_rule,
    crash_when,
    findings_only,
    reject_field,
    repair_field,
    wrap_method,
)
from nclue_contract.service.messages import Request
from nclue_contract.service.service import Service
from nclue_contract.validation.json_reader import read

_LONGEST = next(field.max_length for field in contract().request if field.name == "name")


def _limit_name(longest: int, measure: Callable[[str], int]) -> Injection:
    """Return an injection that replaces the limit of the name by another number, or another way to count."""

    def inject(service: Service, _: str) -> None:
        findings_only(lambda finding: finding.rule != "NC111")(service, "")
        reject_field("NC111", "name", lambda value: isinstance(value, str) and measure(value) > longest)(service, "")

    return inject


def _limit_from_argument(service: Service, argument: str) -> None:
    _limit_name(int(argument), len)(service, "")


def _reject_names(condition: Callable[[str], bool]) -> Injection:
    """Return an injection that rejects some valid names."""
    return reject_field("NC110", "name", lambda value: isinstance(value, str) and condition(value))


def _cut_name(service: Service, _: str) -> None:
    repair_field("NC111", lambda name: str(name)[:_LONGEST])(service, "name")


def _change_body(change: Callable[[bytes], bytes]) -> Injection:
    """Return an injection that changes the body before it is validated and parsed."""

    def changed(original: Callable[[Request], Any], request: Request) -> Any:  # noqa: ANN401  # findings or payload
        return original(dataclasses.replace(request, body=change(request.body)))

    def inject(service: Service, _: str) -> None:
        wrap_method(service, "findings", changed)
        wrap_method(service, "payload", changed)

    return inject


def _first_element(body: bytes) -> bytes:
    value = read(body).value
    return json.dumps(value[0]).encode() if isinstance(value, list) and value else body


FAULTS: tuple[Fault, ...] = (
    Fault(
        "name-limit",
        "Names may have another length than the page states.",
        "NC111",
        _limit_from_argument,
        ("40", "64", "101", "128", "255"),
    ),
    Fault("name-unlimited", "Names may have any length.", "NC111", findings_only(lambda finding: finding.rule != "NC111")),
    Fault(
        "name-bytes",
        "The length of a name is counted in bytes of its UTF-8 form.",
        "NC111",
        _limit_name(_LONGEST, lambda name: len(name.encode("utf-8", "surrogatepass"))),
    ),
    Fault(
        "name-graphemes",
        "Combining marks do not count for the length of a name.",
        "NC111",
        _limit_name(_LONGEST, lambda name: sum(not unicodedata.combining(c) for c in name)),
    ),
    Fault(
        "name-trimmed-length",
        "White space around a name does not count for its length.",
        "NC111",
        _limit_name(_LONGEST, lambda name: len(name.strip())),
    ),
    Fault("name-cut", "A name that is too long is cut instead of rejected.", "NC111", _cut_name),
    Fault("name-code", "A name that is too long is rejected without its error code.", "NC111", change_rejection("NC111", code=None)),
    Fault("name-status-400", "A name that is too long is rejected with status 400.", "NC111", change_rejection("NC111", status=400)),
    Fault("name-empty-allowed", "An empty name is accepted.", "NC110", findings_only(lambda finding: finding.rule != "NC110")),
    Fault(
        "name-letters-only",
        "Names with other characters than letters, digits, space, hyphen and underscore are rejected; no page forbids them.",
        "NC111",
        _reject_names(lambda name: not all(c.isalnum() or c in " -_" for c in name)),
    ),
    Fault(
        "name-ascii-only",
        "Names with characters beyond ASCII are rejected; no page forbids them.",
        "NC111",
        _reject_names(lambda name: not name.isascii()),
    ),
    Fault(
        "required-defaulted",
        "A missing required field is replaced by a default.",
        "NC101",
        repair_field("NC101", lambda value: "default" if value is None else value),
        REQUIRED,
    ),
    Fault(
        "null-taken",
        "Null is accepted for a required field.",
        "NC102",
        repair_field("NC102", lambda value: "null" if value is None else value),
        REQUIRED,
    ),
    Fault(
        "type-coerced",
        "A value of another type is converted to a string.",
        "NC102",
        repair_field("NC102", lambda value: value if isinstance(value, str | None) else str(value)),
        (*REQUIRED, *OPTIONAL),
    ),
    Fault(
        "optional-demanded",
        "A request without test data is rejected.",
        "NC101",
        reject_field("NC101", "test_bucket", lambda value: value is None),
    ),
    Fault("array-unwrapped", "An array is accepted for its first element.", "NC100", _change_body(_first_element)),
    Fault(
        "syntax-forgiven",
        "A comma after the last field is accepted.",
        "NC001",
        _change_body(lambda body: re.sub(rb",\s*}", b"}", body)),
    ),
    Fault("crash-on-syntax", "A body that is not JSON crashes the server.", "NC001", crash_on_rule("NC001")),
    Fault("crash-on-empty", "An empty body crashes the server.", "NC001", crash_when(lambda request: not request.body)),
    Fault("crash-on-bytes", "A body that is not UTF-8 crashes the server.", "NC002", crash_on_rule("NC002")),
    Fault("crash-on-type", "A value of another type crashes the server.", "NC102", crash_on_rule("NC102")),
    Fault("crash-on-array", "A body that is not an object crashes the server.", "NC100", crash_on_rule("NC100")),
    Fault("crash-on-missing", "A missing field crashes the server.", "NC101", crash_on_rule("NC101")),
    Fault("crash-on-depth", "Deep nesting crashes the server.", "NC006", crash_on_rule("NC006")),
    Fault("crash-on-surrogate", "A lone surrogate crashes the server.", "NC007", crash_on_rule("NC007")),
    Fault(
        "crash-on-astral",
        "A character beyond the basic plane in a name crashes the server, as with a three-byte column.",
        "NC111",
        crash_when(lambda request: b"\xf0" in request.body or b"\\ud83" in request.body),
    ),
    Fault(
        "duplicate-key-first-checked",
        "If a key occurs twice, the first value is checked and the last one is used.",
        "NC004",
        findings_only(lambda finding: finding.rule not in {"NC004", "NC120"}),
    ),
)
