"""How the pages of the documentation are built, and the words by which their parts are recognised in English, Korean and Japanese.

They are read from `pages.json`, which is compiled from `openapi/pages.yaml`. What a page should state is in the contract, not here.
"""

from __future__ import annotations

import json
import pkgutil
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class PageSpec:
    """One page: the name by which readings cite it, its operation (empty: none), the parts that it has, and the options that it states.

    `readings` are options that are not the default. `ranges` are rules whose range the page states for a field, `limits` are fields whose
    limit the meaning of an error states, and `errors` the names of the errors in its table.
    """

    id: str
    name: str
    parts: tuple[str, ...]
    operation: str
    optional: tuple[str, ...]
    errors: tuple[str, ...]
    readings: Mapping[str, str]
    ranges: Mapping[str, str]
    limits: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Word:
    """What a text of a page means, and the language of the text (empty: all)."""

    meaning: str
    language: str


class Vocabulary:
    """A kind of words, such as titles of columns. Texts are compared without letter case, width and white space."""

    def __init__(self, table: Mapping[str, Mapping[str, Iterable[str]]]) -> None:
        self.texts: Mapping[str, tuple[str, ...]] = {
            meaning: tuple(dict.fromkeys(text for texts in languages.values() for text in texts)) for meaning, languages in table.items()
        }
        self._words: dict[str, Word] = {}
        for meaning, languages in table.items():
            for language, texts in languages.items():
                for text in texts:
                    self._words.setdefault(comparable(text), Word(meaning, language))

    def find(self, text: str) -> Word | None:
        """Return what a whole text means."""
        return self._words.get(comparable(text))

    def meaning(self, text: str) -> str:
        """Return the meaning of a whole text; empty when it is none of these words."""
        word = self.find(text)
        return word.meaning if word else ""

    def split(self, text: str) -> list[tuple[str, str]] | None:
        """Return the words of which a text without separators consists, as pairs of text and meaning; None when it has other parts.

        Longer words come first, so that `Response code` is one.
        """
        found: list[tuple[str, str]] = []
        rest = comparable(text)
        while rest:
            word = next((word for word in self._longest_first if rest.startswith(word)), None)
            if word is None or len(found) > _MOST_COLUMNS:
                return None
            found.append((word, self._words[word].meaning))
            rest = rest.removeprefix(word)
        return found

    @cached_property
    def pattern(self) -> str:
        """Return a regular expression for one of the words, as it is written on a page."""
        texts = sorted({text for texts in self.texts.values() for text in texts if text}, key=len, reverse=True)
        return "(?:" + "|".join(re.escape(text).replace(r"\ ", r"\s*") for text in texts) + ")"

    @cached_property
    def _longest_first(self) -> list[str]:
        return sorted(filter(None, self._words), key=len, reverse=True)


_MOST_COLUMNS = 20


@dataclass(frozen=True)
class Phrases:
    """Phrases about numbers: `below` is `less than {b} {unit}`. `units` are the words of each unit, `unit_seconds` the length of some."""

    phrases: Mapping[str, tuple[str, ...]]
    units: Vocabulary
    unit_seconds: Mapping[str, int]

    @cached_property
    def patterns(self) -> tuple[tuple[str, re.Pattern[str]], ...]:
        """Return pairs of the name of a phrase and a regular expression with the groups `a`, `b` and `unit`; the longest come first."""
        pairs = [(name, text) for name, texts in self.phrases.items() for text in texts]
        return tuple((name, self._compiled(text)) for name, text in sorted(pairs, key=lambda pair: len(pair[1]), reverse=True))

    def _compiled(self, text: str) -> re.Pattern[str]:
        parts: list[str] = []
        for piece in re.findall(r"\{\w+\}| |[^ {]+", text):
            if piece == " ":
                parts.append(r"\s{0,9}")
            elif piece in {"{a}", "{b}"}:
                parts.append(rf"(?P<{piece[1]}>\d[\d,]{{0,14}}(?:\.\d{{1,9}})?)")  # a number of any length would make the search slow
            elif piece == "{unit}":
                # A range is known by its two numbers, as in 1-100; one number needs a unit.
                optional = "?" if "{a}" in text and "{b}" in text else ""
                group = "(?:" if "(?P<unit>" in "".join(parts) else "(?P<unit>"
                parts.append(f"{group}{self.units.pattern}){optional}")
            else:
                parts.append(re.escape(piece))
        # Not a part of a date or an ID, such as 2024-11-26.
        return re.compile(rf"(?<![\d-]){''.join(parts)}(?!-?\d)", re.IGNORECASE)


@dataclass(frozen=True)
class PageWords:
    """All that is needed to read a page."""

    product: str
    specs: tuple[PageSpec, ...]
    titles: Vocabulary
    headings: Vocabulary
    columns: Vocabulary
    answers: Vocabulary
    types: Vocabulary
    formats: Vocabulary
    space: Vocabulary
    code_words: Vocabulary
    code_labels: Vocabulary
    steps: Vocabulary
    empty: frozenset[str]
    phrases: Phrases
    missing_rules: frozenset[str]
    unknown_rules: frozenset[str]

    def spec(self, name: str) -> PageSpec:
        """Return the page with this id; raises `StopIteration` for another one."""
        return next(spec for spec in self.specs if spec.id == name)


def comparable(text: str) -> str:
    """Return a text in the form in which words are compared: without letter case, width, white space, and a colon at the end."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split()).rstrip(":")


@cache
def page_words() -> PageWords:
    """Return how pages are read; the file is read once."""
    data = pkgutil.get_data("nclue_contract.contract", "pages.json")
    if data is None:  # pragma: no cover  # only a loader without get_data, which no Python ships
        message = "nclue_contract/contract/pages.json cannot be read; install the package again"
        raise RuntimeError(message)
    table: dict[str, Any] = json.loads(data)
    every = {kind: Vocabulary(table[kind]) for kind in ("headings", "columns", "types")}
    lists = {kind: Vocabulary({kind: {"": table[kind]}}) for kind in ("code_words", "code_labels")}
    phrases = {name: tuple(text for texts in languages.values() for text in texts) for name, languages in table["phrases"].items()}
    return PageWords(
        product=table["product"],
        specs=tuple(_specs(table["pages"])),
        titles=Vocabulary({row["id"]: row["titles"] for row in table["pages"]}),
        answers=Vocabulary({"yes": table["yes"], "no": table["no"]}),
        formats=Vocabulary({name: {"": texts} for name, texts in table["formats"].items()}),
        space=Vocabulary({"space": table["space"]}),
        steps=Vocabulary({"step": table["steps"]}),
        empty=frozenset(table["empty"]),
        phrases=Phrases(MappingProxyType(phrases), Vocabulary(table["units"]), MappingProxyType(table["unit_seconds"])),
        missing_rules=frozenset(table["missing_rules"]),
        unknown_rules=frozenset(table["unknown_rules"]),
        **every,
        **lists,
    )


def _specs(rows: Iterable[Mapping[str, Any]]) -> Iterator[PageSpec]:
    for row in rows:
        values: dict[str, Any] = {name: MappingProxyType(row.get(name, {})) for name in ("readings", "ranges", "limits")}
        values |= {name: tuple(row.get(name, ())) for name in ("parts", "optional", "errors")}
        yield PageSpec(id=row["id"], name=row["name"], operation=row.get("operation", ""), **values)
