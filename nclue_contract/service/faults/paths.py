"""Faults in judging file paths."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from typing import Any

from nclue_contract.service.faults.catalogue import TEST, Fault, Witness, post
from nclue_contract.service.faults.injection import Plant, answer, changed_payload, only, refuse, set_to, status
from nclue_contract.service.messages import Refusal
from nclue_contract.service.service import Service
from nclue_contract.validation.findings import Finding

_PRINTABLE = (38, 36, 64, 61, 59, 58, 43, 44, 63, 42, 92, 123, 125, 94, 37, 96, 91, 93, 60, 62, 126, 35, 124, 34, 39)


_OTHERS = (0, 1, 9, 10, 13, 31, 128, 133, 160, 233, 255)


_REFUSED_BY_MISTAKE = (33, 40, 41, 45, 46, 47, 48, 65, 95, 122)


def _codes(numbers: Iterable[int]) -> tuple[str, ...]:
    return tuple(f"U+{number:04X}" for number in numbers)


def _character(argument: str) -> str:
    return chr(int(argument.removeprefix("U+"), 16))


def _paths(keep: Callable[[Finding, int], bool]) -> Plant:
    """Plant: a forbidden character only counts at some places of the path."""
    return only(lambda f: f.rule != "NC120" or any(keep(f, position) for position in f.positions))


def _paths_changed(change: Callable[[str], str]) -> Plant:
    def changed(payload: dict[str, Any]) -> dict[str, Any]:
        return {name: change(v) if name.endswith("file_path") and isinstance(v, str) else v for name, v in payload.items()}

    return changed_payload(changed)


def _allow(service: Service, argument: str) -> None:
    character = _character(argument)
    only(lambda f: f.rule != "NC120" or (f.text or "")[f.offset or 0] != character)(service, "")


def _refuse_character(service: Service, argument: str) -> None:
    character = _character(argument)
    refuse("NC120", "train_file_path", lambda value: isinstance(value, str) and character in value)(service, "")


def _path(path: str, clean: int = 422, faulty: int = 200, field: str = "train_file_path") -> Callable[[str], Witness]:
    return status(post(**(TEST if field.startswith("test") else {}) | {field: path}), clean=clean, faulty=faulty)


def _swap_codes(refusal: Refusal) -> None:
    refusal.code = {"10104": "10105", "10105": "10104"}.get(refusal.code or "", refusal.code)


FAULTS: tuple[Fault, ...] = (
    Fault(
        "path-character-allowed",
        "One forbidden character is let through in paths.",
        "NC120",
        _allow,
        lambda argument: Witness((post(train_file_path=f"a{_character(argument)}b"),), "status", 422, 200),
        _codes((*_PRINTABLE, *_OTHERS)),
    ),
    Fault(
        "path-character-refused",
        "One allowed character is refused in train paths.",
        "NC120",
        _refuse_character,
        lambda argument: Witness((post(train_file_path=f"x{_character(argument)}x"),), "status", 200, 422),
        _codes(_REFUSED_BY_MISTAKE),
    ),
    Fault(
        "path-start-only",
        "Only the first eight characters of a path are checked.",
        "NC120",
        _paths(lambda _, at: at < 8),
        _path("churn/train~"),
    ),
    Fault(
        "path-end-only",
        "Only what follows the last slash is checked.",
        "NC120",
        _paths(lambda f, at: "/" not in (f.text or "")[at:]),
        _path("a~b/train"),
    ),
    Fault(
        "path-folders-only",
        "Only what stands before the last slash is checked.",
        "NC120",
        _paths(lambda f, at: "/" in (f.text or "")[at:]),
        _path("churn/a~b"),
    ),
    Fault(
        "path-prefix-only",
        "Only the first 64 characters of a path are checked.",
        "NC120",
        _paths(lambda _, at: at < 64),
        _path("a" * 64 + "~"),
    ),
    Fault("path-not-first", "The first character of a path is never checked.", "NC120", _paths(lambda _, at: at > 0), _path("~a")),
    Fault(
        "path-not-last",
        "The last character of a path is never checked, as with a pattern that ends in $ and a line feed.",
        "NC120",
        _paths(lambda f, at: at < len(f.text or "") - 1),
        _path("a.tsv\n"),
    ),
    Fault(
        "path-long-unchecked",
        "Paths of more than 200 characters are not checked.",
        "NC120",
        only(lambda f: f.rule != "NC120" or len(f.text or "") <= 200),
        _path("a" * 220 + "~"),
    ),
    Fault(
        "path-controls-allowed",
        "Control characters are let through in paths.",
        "NC120",
        only(lambda f: f.rule != "NC120" or (f.text or "")[f.offset or 0] > "\x1f"),
        _path("a\tb"),
    ),
    Fault(
        "path-high-codes-allowed",
        "Codes 128 to 255 are let through in paths.",
        "NC120",
        only(lambda f: f.rule != "NC120" or (f.text or "")[f.offset or 0].isascii()),
        _path("café"),
    ),
    Fault(
        "path-letters-allowed",
        "Letters of Latin-1 are let through in paths, because they are letters.",
        "NC120",
        only(lambda f: f.rule != "NC120" or not (f.text or "")[f.offset or 0].isalpha()),
        _path("é"),
    ),
    Fault("path-train-unchecked", "The train path is not checked.", "NC120", only(lambda f: f.pointer != "/train_file_path"), _path("a~b")),
    Fault(
        "path-test-unchecked",
        "The test path is not checked.",
        "NC120",
        only(lambda f: f.pointer != "/test_file_path"),
        _path("a~b", field="test_file_path"),
    ),
    Fault(
        "path-readings-mixed",
        "The equals sign is refused in train paths and taken in test paths.",
        "NC600",
        only(lambda f: f.rule != "NC120" or f.pointer != "/test_file_path" or (f.text or "")[f.offset or 0] != "="),
        _path("dt=1/a", field="test_file_path"),
    ),
    Fault("path-trimmed", "White space around a path is cut off instead of refused.", "NC120", _paths_changed(str.strip), _path("a.tsv\n")),
    Fault(
        "path-slashes-turned",
        "Backslashes are turned into slashes instead of refused.",
        "NC120",
        _paths_changed(lambda path: path.replace("\\", "/")),
        _path("a\\b"),
    ),
    Fault(
        "path-decomposed",
        "Paths are put into Unicode's normal form NFD before they are checked, so accented letters pass.",
        "NC120",
        _paths_changed(lambda path: unicodedata.normalize("NFD", path)),
        _path("é"),
    ),
    Fault(
        "path-odd-removed",
        "Forbidden characters are removed instead of refused.",
        "NC120",
        _paths_changed(lambda path: "".join(c for c in path if c.isalnum() or c in "!()-./_ ")),
        _path("a~b"),
    ),
    Fault(
        "path-too-long-refused",
        "Paths of more than 255 characters are refused; no page limits them.",
        "NC120",
        refuse("NC120", "train_file_path", lambda value: isinstance(value, str) and len(value) > 255),
        _path("a/" * 150, clean=200, faulty=422),
    ),
    Fault(
        "path-extension-demanded",
        "Paths without an extension are refused, though the page's own example has none.",
        "NC120",
        refuse("NC120", "train_file_path", lambda value: isinstance(value, str) and "." not in value.rpartition("/")[2]),
        _path("path/filename", clean=200, faulty=422),
    ),
    Fault(
        "path-codes-swapped",
        "The codes of train and test path are swapped.",
        "NC120",
        answer("NC120", _swap_codes),
        lambda _: Witness((post(train_file_path="a~b"),), "code", "10104", "10105"),
    ),
    Fault(
        "path-code-general",
        "A path is refused with the code for requests with a single path.",
        "NC120",
        answer("NC120", set_to(code="10103")),
        lambda _: Witness((post(train_file_path="a~b"),), "code", "10104", "10103"),
    ),
    Fault(
        "path-status-400",
        "A forbidden character is answered with 400.",
        "NC120",
        answer("NC120", set_to(status=400)),
        _path("a~b", faulty=400),
    ),
)
