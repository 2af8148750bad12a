"""What the engines validate, and the results that they must have: typed by hand from the page "Create task", as a witness."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
CORPUS = ROOT / "tests" / "corpus"

PRINTABLE = """&$@=;:+,?*\\{}^%`[]<>~#|"'"""
FORBIDDEN = {*map(ord, PRINTABLE), *range(32), *range(128, 256)}
SURROGATES = range(0xD800, 0xE000)
"""Left out: they have no UTF-8 form, so most engines cannot read them."""
BLOCK = 256
ONE_BY_ONE = 16 * BLOCK

PAYLOAD = {
    "name": "churn",
    "train_feature_id": "0ccc59f9-0000-4000-8000-7837ae76d046",
    "train_bucket": "answers",
    "train_file_path": "churn/train.tsv",
}
TEST = {"test_feature_id": "1ccc59f9-0000-4000-8000-7837ae76d046", "test_bucket": "answers", "test_file_path": "churn/test.tsv"}
OTHER_TYPES: dict[str, Any] = {"an integer": 5, "a number": 0.5, "true": True, "an array": ["a"], "an object": {"a": "b"}}


@dataclass(frozen=True, slots=True)
class Case:
    """An instance, the schema that it is validated with, and whether it is valid."""

    name: str
    schema: str
    instance: Any
    valid: bool

    def line(self) -> str:
        """Return the instance as a line of JSON in ASCII."""
        return json.dumps(self.instance) + "\n"


def all_cases() -> list[Case]:
    """Return the cases of both schemas."""
    return [*paths(), *payloads(), *corpus()]


def paths() -> Iterator[Case]:
    """Yield all code points but surrogates: the first 4,096 and the last of each block one by one, the others in blocks of 256.

    A path is only valid when each of its characters is allowed, so a valid block is as good as 256 valid characters.
    """

    def case(name: str, path: object, *, valid: bool) -> Case:
        return Case(f"path: {name}", "FilePath", path, valid)

    for code in range(ONE_BY_ONE):
        yield case(f"U+{code:04X} alone", chr(code), valid=code not in FORBIDDEN)
        yield case(f"U+{code:04X} inside", f"a{chr(code)}b", valid=code not in FORBIDDEN)
    for start in range(ONE_BY_ONE, sys.maxunicode + 1, BLOCK):
        if start not in SURROGATES:
            yield case(f"U+{start:04X} and the 255 behind it", "".join(map(chr, range(start, start + BLOCK))), valid=True)
            yield case(f"U+{start + BLOCK - 1:04X} alone", chr(start + BLOCK - 1), valid=True)
    yield case("empty", "", valid=True)
    yield case("a line feed at the end", "a\n", valid=False)
    yield case("a forbidden character in the first of two lines", "a~\nb", valid=False)
    yield case("a forbidden character in the second of two lines", "a\nb~", valid=False)
    yield case("2,000 characters", "a" * 2000, valid=True)
    yield case("a tilde behind 2,000 characters", "a" * 2000 + "~", valid=False)
    yield case("null", None, valid=False)
    for name, value in OTHER_TYPES.items():
        yield case(name, value, valid=False)


def payloads() -> Iterator[Case]:
    """Yield payloads on both sides of each rule that a schema can express, under the default readings."""

    def case(name: str, payload: object, *, valid: bool) -> Case:
        return Case(f"payload: {name}", "TaskRequest", payload, valid)

    yield case("the required fields", PAYLOAD, valid=True)
    yield case("all fields", PAYLOAD | TEST, valid=True)
    yield case("a field that the page does not list", PAYLOAD | {"tag": 1}, valid=True)
    for name, character in {"ASCII": "a", "spaces": " ", "Hangul": "가", "emoji": "😀"}.items():
        yield case(f"a name of 1, {name}", PAYLOAD | {"name": character}, valid=True)
        yield case(f"a name of 100, {name}", PAYLOAD | {"name": character * 100}, valid=True)
        yield case(f"a name of 101, {name}", PAYLOAD | {"name": character * 101}, valid=False)
    yield case("an empty name", PAYLOAD | {"name": ""}, valid=False)
    for field in PAYLOAD:
        yield case(f"without {field}", {key: value for key, value in PAYLOAD.items() if key != field}, valid=False)
        yield case(f"{field} is null", PAYLOAD | {field: None}, valid=False)
    for field in TEST:
        yield case(f"without {field}", PAYLOAD | {key: value for key, value in TEST.items() if key != field}, valid=True)
        yield case(f"{field} is null", PAYLOAD | TEST | {field: None}, valid=True)
    for field in PAYLOAD | TEST:
        for name, value in OTHER_TYPES.items():
            yield case(f"{field} is {name}", PAYLOAD | TEST | {field: value}, valid=False)
    for field in ("train_file_path", "test_file_path"):
        yield case(f"{field} with a tilde", PAYLOAD | TEST | {field: "a~b"}, valid=False)
        yield case(f"{field} with Hangul", PAYLOAD | TEST | {field: "데이터.csv"}, valid=True)
    for name, value in {"null": None, "a string": "a", **OTHER_TYPES, "a list of payloads": [PAYLOAD]}.items():
        yield case(name, value, valid=False)


def corpus() -> Iterator[Case]:
    """Yield the payloads of the corpus, but for those with a problem of the JSON text (NC001 to NC008), which no schema sees."""
    for folder in ("valid", "invalid"):
        for file in sorted((CORPUS / folder).glob("*.json")):
            if not file.name.endswith(".expected.json"):
                expected = json.loads(file.with_suffix(".expected.json").read_text(encoding="utf-8"))
                errors = {finding["rule"] for finding in expected if finding["severity"] == "error"}
                if all(rule >= "NC100" for rule in errors):
                    yield Case(f"corpus: {file.stem}", "TaskRequest", json.loads(file.read_text(encoding="utf-8")), not errors)
