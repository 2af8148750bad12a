"""Faults as small changes to the text of the second implementation, as a programmer would make them.

So the implementation itself has no switches, and a fault reads like a line of a diff.
"""

import builtins
from collections.abc import Callable, Sequence
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


def edited(edits: Sequence[Edit]) -> dict[str, str]:
    """Return the text of each part with the edits. ValueError when an edit does not fit at exactly one place."""
    texts = {part: Path(__file__).with_name(f"{part}.py").read_text("utf-8") for part in PARTS}
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
    """Return a new module of the last part, whose imports find the edited parts before it."""
    loaded: dict[str, ModuleType] = {}

    def fetch(name: str, *rest: object) -> ModuleType:
        part = name.rpartition(".")[2]
        return loaded[part] if name == f"{__package__}.{part}" and part in loaded else builtins.__import__(name, *rest)  # type: ignore[arg-type]

    for part, code in zip(PARTS, compiled(tuple(edits)), strict=True):
        loaded[part] = ModuleType(part)
        vars(loaded[part])["__builtins__"] = {**vars(builtins), "__import__": fetch}
        exec(code, vars(loaded[part]))
    return loaded[PARTS[-1]]


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
