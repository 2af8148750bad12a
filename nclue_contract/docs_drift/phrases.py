"""What a line of a page states: numbers with their limits, defaults, characters, codes of characters, status words.

The phrases are data (`openapi/pages.yaml`). Nothing here raises because of the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from nclue_contract.contract.pages import PageWords

_LONGEST_LINE = 5000
"""Characters of a line that are searched; a longer one is no sentence of a page."""

_PUNCTUATION = r"[!-/:-@\[-`{-~]"
_LIST_OF_CHARACTERS = re.compile(rf"(?:{_PUNCTUATION}[ \t]?){{8,}}")
_WORD_LIST = re.compile(r"(?<![\w.])[a-z][a-z_]{2,}(?:\s?[|,/·、]\s?[a-z][a-z_]{2,}){2,}(?![\w.])")
_WORD_AND_COLON = re.compile(r"`?([a-z][a-z0-9_]*)`?\s*[:\uff1a]")
_QUOTES = "`'\"“”\u2018\u2019 "


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers that a phrase names: `low` and `high` as they are written (None: an open end), and the phrase, such as `below`."""

    phrase: str
    low: Decimal | None
    high: Decimal | None
    unit: str
    start: int
    end: int

    @property
    def limits(self) -> str:
        """Return the whole numbers in the range: `1 to 100`, `at most 99`, `at least 0`."""
        low = self.low + 1 if self.phrase == "above" and self.low is not None else self.low
        high = self.high - 1 if self.phrase == "below" and self.high is not None else self.high
        return limits_text(low, high)


def limits_text(low: Decimal | int | None, high: Decimal | int | None) -> str:
    """Return limits in the form in which they are compared."""
    if low is None:
        return f"at most {plain(high or 0)}"
    return f"at least {plain(low)}" if high is None else f"{plain(low)} to {plain(high)}"


def plain(number: Decimal | int) -> str:
    """Return a number without an exponent, and without zeros behind the point."""
    return f"{Decimal(number).normalize():f}"


def ranges(text: str, words: PageWords) -> list[Range]:
    """Return the ranges that a text states, in order. Of phrases that overlap, the longest counts."""
    found: list[Range] = []
    for name, pattern in words.phrases.patterns:
        if name == "default":
            continue
        for match in pattern.finditer(text[:_LONGEST_LINE]):
            if not any(one.start < match.end() and match.start() < one.end for one in found):
                found.append(_range_of(name, match, words))
    return sorted(found, key=lambda one: one.start)


def _range_of(name: str, match: re.Match[str], words: PageWords) -> Range:
    groups = match.groupdict()
    low, high = (Decimal(groups[key].replace(",", "")) if groups.get(key) else None for key in ("a", "b"))
    return Range(name, low, high, words.phrases.units.meaning(groups.get("unit") or ""), match.start(), match.end())


def default_of(text: str, words: PageWords) -> tuple[str, str]:
    """Return the default that a text states (empty: none), and the text without it."""
    for name, pattern in words.phrases.patterns:
        if name == "default" and (match := pattern.search(text[:_LONGEST_LINE])):
            return match["a"], f"{text[: match.start()]} {text[match.end() :]}"
    return "", text


def listed_characters(text: str) -> tuple[str, str] | None:
    """Return the characters that a line lists one behind the other, and the rest of the line; None if it lists none."""
    match = _LIST_OF_CHARACTERS.search(text[:_LONGEST_LINE])
    if match is None:
        return None
    # A bracket behind a space begins a remark.
    listed = re.sub(r"\s\($", "", match[0])
    return "".join(dict.fromkeys("".join(listed.split()))), f"{text[: match.start()]} {text[match.end() :]}"


def mentions_space(text: str, words: PageWords) -> bool:
    """Return whether a word for the space is anywhere in a text."""
    return re.search(rf"(?<![A-Za-z]){words.space.pattern}(?![A-Za-z])", text, re.IGNORECASE) is not None


def is_space(text: str, words: PageWords) -> bool:
    """Return whether a text consists of words for the space, with punctuation between them."""
    parts = [part for part in re.split(r"[()\uff08\uff09\[\],/、·\"'`]+", text) if part.strip()]
    return bool(parts) and all(words.space.find(part) for part in parts)


def states_codes(text: str, words: PageWords) -> bool:
    """Return whether a line is about codes of characters."""
    return re.search(words.code_words.pattern, text[:_LONGEST_LINE], re.IGNORECASE) is not None


def format_of(text: str, words: PageWords) -> str:
    """Return the format of a value that a text names, such as `date-time`; empty when it names none."""
    return next((name for name, texts in words.formats.texts.items() if any(one.casefold() in text.casefold() for one in texts)), "")


def status_words(text: str) -> list[str]:
    """Return the words of a status in a line: the one before a colon, or several with bars or commas between them."""
    text = text[:_LONGEST_LINE]
    if match := _WORD_AND_COLON.match(text):
        return [match[1]]
    if match := _WORD_LIST.search(text.replace("`", "")):
        return [word for word in re.split(r"[^a-z_]+", match[0]) if word]
    return []


def word_list(text: str) -> list[str]:
    """Return the identifiers in a cell that is nothing but a list of them, perhaps in quotation marks; one alone counts as well."""
    words = [part.strip(_QUOTES) for part in re.split(r"[|,/·、\s]+", text[:_LONGEST_LINE])]
    return [word for word in words if re.fullmatch("[a-z]+(?:_[a-z]+)*", word)]
