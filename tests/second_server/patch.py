"""Faults as small changes to the text of the second implementation, as a programmer would make them.

So the implementation itself has no switches, and a fault reads like a line of a diff.
"""

import builtins
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import NamedTuple

from tests.second_server.client import Client

PARTS = ("reading", "store", "app")
Edit = tuple[str, str]


class Fault(NamedTuple):
    """A description, the lines before and after, and an exchange in which the clean and the faulty server differ."""

    description: str
    edits: Sequence[Edit]
    witness: Callable[[Client], object]
    clean: object
    faulty: object


@cache
def _text(part: str) -> str:
    return Path(__file__).with_name(f"{part}.py").read_text("utf-8")


def edited(edits: Sequence[Edit]) -> dict[str, str]:
    """Return the text of each part with the edits. ValueError when an edit does not fit at exactly one place."""
    texts = {part: _text(part) for part in PARTS}
    for old, new in edits:
        places = sum(text.count(old) for text in texts.values())
        if places != 1:
            raise ValueError(f"The text {old!r} stands at {places} places of the second implementation, not at one.")
        texts = {part: text.replace(old, new) for part, text in texts.items()}
    return texts


@cache
def compiled(edits: tuple[Edit, ...]) -> tuple[CodeType, ...]:
    return tuple(_code(part, text) for part, text in edited(edits).items())


@cache
def _code(part: str, text: str) -> CodeType:
    """Return the code of a part; most faults change only one."""
    return compile(text, f"{part}.py", "exec", dont_inherit=True)


def load(edits: Sequence[Edit]) -> ModuleType:
    """Return a module of the last part, whose imports find the edited parts before it.

    Parts before the first edit keep no state, so all servers share them. What an edit adds may have some, so it is run anew.
    """
    loaded: dict[str, ModuleType] = {}
    codes = dict(zip(PARTS, compiled(tuple(edits)), strict=True))
    for part in PARTS:
        known = all(codes[before] is _code(before, _text(before)) for before in (*loaded, part))
        loaded[part] = _clean(part) if known else _run(part, codes[part], loaded)
    return loaded[PARTS[-1]]


@cache
def _clean(part: str) -> ModuleType:
    """Return the module of a part without edits."""
    before = {name: _clean(name) for name in PARTS[: PARTS.index(part)]}
    return _run(part, _code(part, _text(part)), before)


def _run(part: str, code: CodeType, loaded: Mapping[str, ModuleType]) -> ModuleType:
    """Return a new module of a part, whose imports find the loaded parts."""
    found = dict(loaded)

    def fetch(name: str, *rest: object) -> ModuleType:
        wanted = name.rpartition(".")[2]
        return found[wanted] if name == f"{__package__}.{wanted}" and wanted in found else builtins.__import__(name, *rest)  # type: ignore[arg-type]

    module = ModuleType(part)
    vars(module)["__builtins__"] = {**vars(builtins), "__import__": fetch}
    exec(code, vars(module))
    return module


def lines(*texts: str) -> str:
    return "\n".join(texts)


def keeps(field: str, value: str) -> Edit:
    """Store another value than the one that was sent."""
    return ('{**task, "task_id": task_id', f'{{**task, "{field}": {value}, "task_id": task_id')


def wants(module: str) -> Edit:
    """Add an import to the part that reads requests."""
    return ("import hmac\n", f"import hmac\nimport {module}\n")


def store_wants(module: str) -> Edit:
    """Add an import to the part with the SQL."""
    return ("import sqlite3\nimport uuid", f"import sqlite3\nimport {module}\nimport uuid")
