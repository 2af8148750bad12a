"""A second, independent validation of createTask payloads: slow, simple, and typed by hand from the page "Create task" and related pages.

It imports nothing of the package, so that a slip in the contract's own files cannot hide here.
"""

import re
from collections.abc import Mapping
from itertools import product

from tests.support import readings

REQUIRED = ("name", "train_feature_id", "train_bucket", "train_file_path")
OPTIONAL = ("test_feature_id", "test_bucket", "test_file_path")

# Forbidden whatever is read: the printable characters that every generation of the page lists, and the codes 0-31 and 128-255.
ALWAYS = set("""&$@;:+,?*\\{}^%`[]<>~#|"'""") | {chr(code) for code in (*range(32), *range(128, 256))}

PAYLOAD_READINGS = ("path-characters", "path-high-codes", "path-del", "path-empty", "name-unit", "name-edge")
PAYLOAD_READINGS += ("optional-null", "unknown-field", "test-triple", "empty-id")
OPTIONS = {reading: readings.OPTIONS[reading] for reading in PAYLOAD_READINGS}
"""The readings that a payload can meet, with the default first."""

# rule, severity, JSON Pointer, offset, reading
Found = tuple[str, str, str, int | None, str | None]


def findings(payload: object, pins: Mapping[str, str]) -> list[Found]:
    """Find all violations in a JSON value, in the order of the page; `pins` are the readings that are chosen."""
    if not isinstance(payload, dict):
        return [("NC100", "error", "", None, None)]
    found: list[Found] = []
    absent = [field for field in OPTIONAL if payload.get(field) is None]
    for field in REQUIRED + OPTIONAL:
        value, pointer = payload.get(field), f"/{field}"
        if field in REQUIRED and field not in payload:
            found.append(("NC101", "error", pointer, None, None))
        elif isinstance(value, str):
            found += _string(field, value, pointer, pins)
        elif field in REQUIRED or value is not None:
            found.append(("NC102", "error", pointer, None, None))
        else:
            if field in payload:
                found += _by_reading("NC103", pointer, "optional-null", {"refused"}, pins)
            if len(absent) < 3:
                found += _by_reading("NC105", pointer, "test-triple", {"all-or-none"}, pins)
    for name in payload:
        if name not in REQUIRED + OPTIONAL:
            pointer = "/" + name.replace("~", "~0").replace("/", "~1")
            found += _by_reading("NC104", pointer, "unknown-field", {"refused"}, pins)
            found += _surrogates(name, pointer)
    return found


def severity_of(reading: str, rejecting: set[str], pins: Mapping[str, str]) -> str | None:
    """Return the severity of what the options in `rejecting` forbid: an error if one of them is in force, else a warning unless pinned."""
    if pins.get(reading, OPTIONS[reading][0]) in rejecting:
        return "error"
    return None if reading in pins else "warning"


def path_character(character: str) -> tuple[str | None, set[str]]:
    """Return the reading that decides about a character of a path, and its options that forbid it (none: it is allowed)."""
    if character == "=":
        return "path-characters", {"page-2024"}
    if character == " ":
        return "path-characters", {"page-2026"}
    if ord(character) == 127:
        return "path-del", {"forbidden"}
    if ord(character) > 255:
        return "path-high-codes", {"utf8-bytes"}
    return None, {"every page"} if character in ALWAYS else set()


def name_length(name: str, pins: Mapping[str, str]) -> list[tuple[str, str | None]]:
    """Return severity and reading of each finding about a name that is too long.

    There are four interpretations: a character is a code point or a UTF-16 code unit, and the limit is 100 or 99. A name that all four
    reject is an error without a reading. Otherwise it is an error if the interpretation in force rejects it; its reading is the edge if the
    other edge would allow the name, else the unit. If the interpretation in force allows the name, each unpinned reading gives a warning if
    its other option alone would reject it; if only both together would, the unit gives one.
    """
    lengths = {"code-points": len(name), "utf16": sum(1 + (ord(c) > 0xFFFF) for c in name)}
    rejected = {(unit, edge): lengths[unit] > int(edge) for unit, edge in product(lengths, ("100", "99"))}
    unit, edge = pins.get("name-unit", "code-points"), pins.get("name-edge", "100")
    other_unit, other_edge = {"code-points": "utf16", "utf16": "code-points"}[unit], {"100": "99", "99": "100"}[edge]
    if all(rejected.values()):
        return [("error", None)]
    if rejected[unit, edge]:
        return [("error", "name-unit" if rejected[unit, other_edge] else "name-edge")]
    warnings: list[tuple[str, str | None]] = []
    if "name-unit" not in pins and rejected[other_unit, edge]:
        warnings.append(("warning", "name-unit"))
    if "name-edge" not in pins and rejected[unit, other_edge]:
        warnings.append(("warning", "name-edge"))
    if not warnings and not {"name-unit", "name-edge"} & pins.keys() and rejected[other_unit, other_edge]:
        warnings.append(("warning", "name-unit"))
    return warnings


def _string(field: str, value: str, pointer: str, pins: Mapping[str, str]) -> list[Found]:
    if field.endswith("_file_path"):
        return _path(value, pointer, pins)
    found: list[Found] = []
    if field == "name":
        if not value:
            found.append(("NC110", "error", pointer, None, None))
        found += [("NC111", severity, pointer, None, reading) for severity, reading in name_length(value, pins)]
    elif not value:
        found += _by_reading("NC106", pointer, "empty-id", {"refused"}, pins)
    elif field.endswith("_bucket"):
        ends = set("abcdefghijklmnopqrstuvwxyz0123456789")
        if not (3 <= len(value) <= 63 and value[0] in ends and value[-1] in ends and set(value) <= ends | {".", "-"}):
            found.append(("NC130", "warning", pointer, None, None))
    elif len(value) != 36:
        found.append(("NC131", "warning", pointer, None, None))
    return found + _surrogates(value, pointer)


def _path(value: str, pointer: str, pins: Mapping[str, str]) -> list[Found]:
    if not value:
        return _by_reading("NC121", pointer, "path-empty", {"refused"}, pins)
    found = _surrogates(value, pointer)
    seen = set()
    for offset, character in enumerate(value):
        if "\ud800" <= character <= "\udfff":
            continue
        key = character if ord(character) < 256 else "everything beyond U+00FF"
        reading, rejecting = path_character(character)
        if key not in seen and rejecting:
            severity = severity_of(reading, rejecting, pins) if reading else "error"
            if severity:
                found.append(("NC120", severity, pointer, offset, reading))
        seen.add(key)
    return sorted(found, key=lambda one: one[3] or 0)


def _by_reading(rule: str, pointer: str, reading: str, rejecting: set[str], pins: Mapping[str, str]) -> list[Found]:
    severity = severity_of(reading, rejecting, pins)
    return [(rule, severity, pointer, None, reading)] if severity else []


def _surrogates(value: str, pointer: str) -> list[Found]:
    match = re.search("[\ud800-\udfff]", value)
    return [("NC007", "error", pointer, match.start(), None)] if match else []
