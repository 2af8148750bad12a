"""What the description of a field states: limits, a default, a format, status words, and the characters that are forbidden."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from nclue_contract.contract.pages import PageWords
from nclue_contract.docs_drift.contract_statements import codes_text, merged
from nclue_contract.docs_drift.page import Line
from nclue_contract.docs_drift.phrases import (
    Range,
    default_of,
    format_of,
    is_space,
    listed_characters,
    mentions_space,
    plain,
    ranges,
    states_codes,
    status_words,
)
from nclue_contract.docs_drift.statements import Statement

_FEWEST_WORDS = 3
"""A list of status words has at least so many; fewer are any words of a sentence."""
_LAST_CODE_POINT = 0x10FFFF


class Description:
    """The lines of a description. `statements` is what they state, `rest` the items of lists that state nothing known."""

    def __init__(self, lines: Sequence[Line], words: PageWords, *, limits_only: bool = False) -> None:
        self._lines = lines
        self._words = words
        self._used: set[int] = set()
        self._limits_only = limits_only

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """Return what the lines state, one statement of each kind."""
        found = [*self._limits()] if self._limits_only else [*self._characters(), *self._limits(), *self._words_and_format()]
        return tuple({statement.kind: statement for statement in reversed(found)}.values())[::-1]

    @property
    def rest(self) -> list[Line]:
        """Return the items of lists that no statement was read from, and below which no item is either that one was read from."""
        _ = self.statements  # reading them finds what is used
        found: list[Line] = []
        highest: int | None = None  # the smallest level of the lines from here down to the next one that is used; None without such a one
        for at, line in reversed(list(enumerate(self._lines))):
            if at in self._used:
                highest = line.level
                continue
            if line.level and (highest is None or highest <= line.level):
                found.append(line)
            if highest is not None:
                highest = min(highest, line.level)
        return found[::-1]

    def _characters(self) -> Iterator[Statement]:
        characters, codes, line_of = "", [], 0
        code_line = 0
        for at, line in enumerate(self._lines):
            if states_codes(line.text, self._words):
                if pairs := _codes(line.text, self._words):
                    self._used.add(at)
                    codes += pairs
                    code_line = code_line or line.number
                continue
            listed = listed_characters(line.text)
            has_space = mentions_space(listed[1], self._words) if listed else is_space(line.text, self._words)
            if listed or has_space:
                self._used.add(at)
                characters += (listed[0] if listed else "") + (" " if has_space else "")
                line_of = line_of or line.number
        if characters:
            yield Statement("characters", tuple(dict.fromkeys(characters)), line_of)
        if codes:
            yield Statement("codes", tuple(codes_text(low, high) for low, high in merged(codes)), code_line)

    def _limits(self) -> Iterator[Statement]:
        limits: dict[str, int] = {}
        for at, line in enumerate(self._lines):
            if at in self._used or states_codes(line.text, self._words):
                continue
            default, text = ("", line.text) if self._limits_only else default_of(line.text, self._words)
            if default:
                self._used.add(at)
                yield Statement("default", (default,), line.number)
            for found in ranges(text, self._words):
                if limit := self._limit(found):
                    self._used.add(at)
                    limits.setdefault(limit, line.number)
        if limits:
            yield Statement("limit", tuple(limits), next(iter(limits.values())))

    def _limit(self, found: Range) -> str:
        """Return a limit in the form in which it is compared; a time is what is still accepted: `at most 300 s`."""
        seconds = self._words.phrases.unit_seconds.get(found.unit)
        if seconds is None:
            return found.limits
        number = found.low if found.low is not None else found.high
        if number is None or (found.low is not None and found.high is not None):
            return ""
        edge = "less than" if found.phrase in {"at-least", "below"} else "at most"
        return f"{edge} {plain(number * seconds)} s"

    def _words_and_format(self) -> Iterator[Statement]:
        words: dict[str, int] = {}
        for at, line in enumerate(self._lines):
            if form := format_of(line.text, self._words):
                self._used.add(at)
                yield Statement("format", (form,), line.number)
            if at not in self._used:
                words |= {word: line.number for word in status_words(line.text) if word not in words}
        if len(words) >= _FEWEST_WORDS:
            self._used |= {at for at, line in enumerate(self._lines) if set(status_words(line.text)) & words.keys()}
            yield Statement("words", tuple(words), next(iter(words.values())))


def _codes(text: str, words: PageWords) -> list[tuple[int, int]]:
    found = []
    for one in ranges(text, words):
        low, high = int(one.low or 0), int(one.high) if one.high is not None else _LAST_CODE_POINT
        found.append((low, high))
    return found
