"""Faults in the validation of file paths."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable

from nclue_contract.contract.model import contract
from nclue_contract.service.faults.injection import (
    Fault,
    Injection,
    Value,
    change_payload,
    change_rejection,
    findings_only,
    reject_field,
    wrapping,
)
from nclue_contract.service.messages import Rejection
from nclue_contract.service.service import Service
from nclue_contract.validation.findings import Finding

_PRINTABLE = (38, 36, 64, 61, 59, 58, 43, 44, 63, 42, 92, 123, 125, 94, 37, 96, 91, 93, 60, 62, 126, 35, 124, 34, 39)
_NOT_PRINTABLE = (0, 1, 9, 10, 13, 31, 128, 133, 160, 233, 255)
_ALLOWED = (33, 40, 41, 45, 46, 47, 48, 65, 95, 122)


_ERRORS = contract().errors
_TRAIN_CODE, _TEST_CODE = _ERRORS["INVALID_CHARACTER_IN_TRAIN_PATH"].code, _ERRORS["INVALID_CHARACTER_IN_TEST_PATH"].code


def _arguments(numbers: Iterable[int]) -> tuple[str, ...]:
    return tuple(f"U+{number:04X}" for number in numbers)


def _character(argument: str) -> str:
    """Return the character of an argument such as `U+007E`. Raises `ValueError`."""
    return chr(int(argument.removeprefix("U+"), 16))


def _first_forbidden(finding: Finding) -> str:
    return (finding.text or "")[finding.offset or 0]


def _check_characters(forbidden: Callable[[str], bool]) -> Injection:
    """Return an injection that forbids only some of the forbidden characters."""
    return findings_only(lambda finding: finding.rule != "NC120" or forbidden(_first_forbidden(finding)))


def _check_positions(checked: Callable[[str, int], bool]) -> Injection:
    """Return an injection that checks only some positions of a path; `checked` is called with the path and a position, in characters."""
    return findings_only(lambda f: f.rule != "NC120" or any(checked(f.text or "", position) for position in f.positions))


def _change_paths(change: Callable[[str], str]) -> Injection:
    """Return an injection that changes both paths before they are validated."""

    def changed(payload: Value) -> Value:
        paths = contract().rules["NC120"].fields
        return {name: change(value) if name in paths and isinstance(value, str) else value for name, value in payload.items()}

    return change_payload(changed)


def _reject_train_paths(condition: Callable[[str], bool]) -> Injection:
    """Return an injection that rejects some valid train paths."""
    return reject_field("NC120", "train_file_path", lambda value: isinstance(value, str) and condition(value))


def _allow_character(service: Service, argument: str) -> None:
    allowed = _character(argument)
    _check_characters(lambda character: character != allowed)(service, "")


def _reject_character(service: Service, argument: str) -> None:
    character = _character(argument)
    _reject_train_paths(lambda path: character in path)(service, "")


def _swap_codes(original: Callable[[list[Finding]], Rejection], findings: list[Finding]) -> Rejection:
    rejection = original(findings)
    rejection.code = {_TRAIN_CODE: _TEST_CODE, _TEST_CODE: _TRAIN_CODE}.get(rejection.code or "", rejection.code)
    return rejection


FAULTS: tuple[Fault, ...] = (
    Fault(
        "path-character-allowed",
        "One forbidden character is allowed in paths.",
        "NC120",
        _allow_character,
        _arguments((*_PRINTABLE, *_NOT_PRINTABLE)),
    ),
    Fault("path-character-refused", "One allowed character is rejected in train paths.", "NC120", _reject_character, _arguments(_ALLOWED)),
    Fault("path-start-only", "Only the first eight characters of a path are checked.", "NC120", _check_positions(lambda _, at: at < 8)),
    Fault(
        "path-end-only",
        "Only the part of a path after the last slash is checked.",
        "NC120",
        _check_positions(lambda path, at: "/" not in path[at:]),
    ),
    Fault(
        "path-folders-only",
        "Only the part of a path before the last slash is checked.",
        "NC120",
        _check_positions(lambda path, at: "/" in path[at:]),
    ),
    Fault("path-prefix-only", "Only the first 64 characters of a path are checked.", "NC120", _check_positions(lambda _, at: at < 64)),
    Fault("path-not-first", "The first character of a path is not checked.", "NC120", _check_positions(lambda _, at: at > 0)),
    Fault(
        "path-not-last",
        "The last character of a path is not checked, as with a pattern that ends in $ and a line feed.",
        "NC120",
        _check_positions(lambda path, at: at < len(path) - 1),
    ),
    Fault(
        "path-long-unchecked",
        "Paths of more than 200 characters are not checked.",
        "NC120",
        findings_only(lambda finding: finding.rule != "NC120" or len(finding.text or "") <= 200),
    ),
    Fault("path-controls-allowed", "Control characters are allowed in paths.", "NC120", _check_characters(lambda c: c > "\x1f")),
    Fault("path-high-codes-allowed", "Codes 128 to 255 are allowed in paths.", "NC120", _check_characters(str.isascii)),
    Fault(
        "path-letters-allowed",
        "Letters of Latin-1 are allowed in paths, because they are letters.",
        "NC120",
        _check_characters(lambda character: not character.isalpha()),
    ),
    Fault("path-train-unchecked", "The train path is not checked.", "NC120", findings_only(lambda f: f.pointer != "/train_file_path")),
    Fault("path-test-unchecked", "The test path is not checked.", "NC120", findings_only(lambda f: f.pointer != "/test_file_path")),
    Fault(
        "path-readings-mixed",
        "The equals sign is rejected in train paths and accepted in test paths.",
        "NC600",
        findings_only(lambda f: f.rule != "NC120" or f.pointer != "/test_file_path" or _first_forbidden(f) != "="),
    ),
    Fault("path-trimmed", "White space around a path is removed instead of rejected.", "NC120", _change_paths(str.strip)),
    Fault(
        "path-slashes-turned",
        "Backslashes are replaced by slashes instead of rejected.",
        "NC120",
        _change_paths(lambda path: path.replace("\\", "/")),
    ),
    Fault(
        "path-decomposed",
        "Paths are normalised to Unicode's form NFD before they are checked, so accented letters pass.",
        "NC120",
        _change_paths(lambda path: unicodedata.normalize("NFD", path)),
    ),
    Fault(
        "path-odd-removed",
        "Forbidden characters are removed instead of rejected.",
        "NC120",
        _change_paths(lambda path: "".join(c for c in path if c.isalnum() or c in "!()-./_ ")),
    ),
    Fault(
        "path-too-long-refused",
        "Paths of more than 255 characters are rejected; no page limits them.",
        "NC120",
        _reject_train_paths(lambda path: len(path) > 255),
    ),
    Fault(
        "path-extension-demanded",
        "Paths without an extension are rejected, though the page's own example has none.",
        "NC120",
        _reject_train_paths(lambda path: "." not in path.rpartition("/")[2]),
    ),
    Fault("path-codes-swapped", "The error codes of train and test path are swapped.", "NC120", wrapping("rejection", _swap_codes)),
    Fault(
        "path-code-general",
        "A path is rejected with the error code for requests with a single path.",
        "NC120",
        change_rejection("NC120", code=_ERRORS["INVALID_PATH_CHARACTER"].code),
    ),
    Fault("path-status-400", "A forbidden character is rejected with status 400.", "NC120", change_rejection("NC120", status=400)),
)
