r"""A JSON parser that reports every problem with its position. Slow; `json_reader` uses it only for texts that its fast path leaves.

Why not `json.loads`? It accepts texts that other parsers reject or read differently, and it stops at the first error. The contract needs:

* Duplicate names. Of `{"name": "a", "name": "b"}` the standard library keeps `b`; other parsers keep `a` or reject the text. This parser
  keeps the last value as well, and notes NC004 with the offset of the second name.
* Numbers. `NaN` and `Infinity` are no JSON, and `1e999` is beyond the range of a double (NC005). They are read nevertheless, so that the
  rest of the payload can be validated.
* Depth. `json.loads` raises RecursionError at a depth that depends on its caller. Here the open arrays and objects are stored in a list,
  `_open`, so that every depth can be read. Values beyond the limit of rule NC006 are not stored (they become None), and all levels there
  share one `_Frame`, so that a text of ten million brackets needs little memory.
* Lone surrogates. `"\ud800"` is valid JSON, but no UTF-8 text can hold its value (NC007). The parser notes those in nested values. The
  names and strings of the outermost object are left to the validator, which also checks payloads that were never JSON text.
* Positions. A finding has a line and a column, so every problem has an offset in the source text, in code points, and `starts` maps each
  member of the outermost object or array to the offset of its value. Within a string, `offset_inside` counts an escape such as `\u00e9`
  as one character.

Where a text stops being JSON, `MalformedError` holds what was expected, what was found, and the usual slip if one explains it. For `[1,]`:
"expected a value, but found ']' at column 4 of the text; a comma is not allowed before it".

`value` is the loop: `_begin` reads a string, number or literal, or opens an array or object; `_has_next` reads the comma or the closing
bracket behind a member.
"""

from __future__ import annotations

import json.decoder
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isinf
from typing import Final

from nclue_contract.contract.model import contract
from nclue_contract.contract.wording import EXCERPT_LENGTH, codepoint, excerpt, pointer_to, quoted

PROBLEMS_KEPT = 100
"""How many problems of one kind are recorded."""

BLANKS = " \t\n\r"
"""The white space of JSON (RFC 8259 section 2)."""

# undocumented, there since Python 2.6, written in C
scan_string: Callable[[str, int], tuple[str, int]] = json.decoder.scanstring  # type: ignore[attr-defined]
"""Read the string whose first character is at an offset: its value and the offset behind it. Raises `ValueError`."""

_MARK = re.compile(r"[^ \t\n\r]")
_TOKEN = re.compile(r"[-+.$\w]+")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_INTEGER = re.compile(r"-?[0-9]+")
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL)
# The inside of a string, a part at a time. One possessive repetition of the whole would be simpler, but before Python 3.11.5 that goes on
# behind an escape that is only half there, and a greedy one takes 60 bytes of memory for each escape.
_STRING_PART = re.compile(r'(?:[^"\\\x00-\x1f]++|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4}){1,1000}')
_LONE = re.compile("[\ud800-\udfff]")
_RUNS = {"[": re.compile(r"\[+(?!\])"), "]": re.compile(r"\]+")}
_FLAT_MEMBER = re.compile(  # a name whose JSON Pointer is the name itself, and a value that is no array or object
    rf'[{BLANKS}]*"([^"\\/~\x00-\x1f]{{0,{EXCERPT_LENGTH}}})"[{BLANKS}]*:[{BLANKS}]*'
    rf'(?P<value>"(?:{_STRING_PART.pattern})?"|{_NUMBER.pattern}|true|false|null)[{BLANKS}]*(?P<end>[,}}])'
)

_LITERALS: Final[Mapping[str, object]] = {"true": True, "false": False, "null": None}
_NO_NUMBERS: Final = frozenset({"NaN", "Infinity", "-Infinity"})
_CLOSERS: Final = {"{": "}", "[": "]"}
_QUOTES = 'names and strings are written in double quotes (")'
_SLIPS: Final = {
    **dict.fromkeys("'`\u2018\u2019\u201c\u201d", _QUOTES),
    **dict.fromkeys(("#", "/"), "JSON has no comments"),
    **dict.fromkeys(("True", "TRUE"), "JSON writes true"),
    **dict.fromkeys(("False", "FALSE"), "JSON writes false"),
    **dict.fromkeys(("None", "nil", "undefined", "NULL", "Null", "nan", "inf", "-inf"), "JSON writes null"),
    **dict.fromkeys((",}", ",]"), "a comma is not allowed before it"),
    **dict.fromkeys(("}{", "}[", "]{", "]["), "is a comma missing? One payload per line belongs in a .jsonl file"),
}
"""Hints for common slips, by the word at the error, or by the character before it and the word."""

_OPENED: Final = object()


@dataclass(frozen=True, slots=True)
class JsonProblem:
    """A violation in the JSON itself: a rule, and the values for its message.

    `pointer` names the value (empty: the whole text), `offset` is its position in the source text, in code points from 0. `detail` has
    the placeholders of the rule's message.
    """

    code: str
    pointer: str
    offset: int
    detail: Mapping[str, object] = field(default_factory=dict)


class MalformedError(Exception):
    """Raised where the text stops being JSON; `offset` in code points from 0, the others are phrases for the message."""

    def __init__(self, offset: int, expected: str, found: str, hint: str) -> None:
        super().__init__(offset, expected, found, hint)
        self.offset = offset
        self.expected = expected
        self.found = found
        self.hint = hint

    def describe(self, place: str) -> str:
        """Return what was expected, what was found instead, and where, if that is given; under 300 characters."""
        return f"expected {self.expected}, but {self.found}{place and f' {place}'}" + (f"; {self.hint}" if self.hint else "")


class _Frame:
    """An array or object that is open; `key` is the name or index of the member that is being read."""

    __slots__ = ("closer", "key", "value")

    def __init__(self, closer: str, value: dict[str, object] | list[object] | None) -> None:
        self.closer = closer
        self.key: str | int = 0
        self.value = value

    def put(self, value: object) -> None:
        if isinstance(self.value, dict):
            self.value[str(self.key)] = value
        elif self.value is not None:
            self.value.append(value)


# Shared by everything that is nested too deep, so that a text of ten million brackets takes little memory.
_DEEP: Final = {closer: _Frame(closer, None) for closer in "}]"}


class Parser:
    """A parser of one value of `text`, from the offset `at` on.

    `problems` are in source order; `starts` maps each name or index of the outermost array or object to the offset of its value. Values
    nested deeper than rule NC006 allows are read, but not stored: they are None.
    """

    __slots__ = ("_counts", "_limit", "_open", "at", "problems", "starts", "text")

    def __init__(self, text: str, at: int = 0) -> None:
        self.text: str = text
        self.at: int = at
        self.problems: list[JsonProblem] = []
        self.starts: dict[str | int, int] = {}
        self._limit = contract().rules["NC006"].limit
        self._open: list[_Frame] = []
        self._counts: Counter[str] = Counter()

    def document(self) -> object:
        """Read a value that is the whole rest of the text; raises `MalformedError`."""
        value = self.value()
        if self.skip_blanks() < len(self.text):
            raise self._malformed("the end of the text")
        return value

    def value(self) -> object:
        """Read one value and stop behind it; raises `MalformedError`."""
        while True:
            value = self._begin()
            if value is _OPENED:
                continue
            while self._open:
                frame = self._open[-1]
                frame.put(value)
                if self._has_next(frame):
                    break
                value = self._open.pop().value
            else:
                return value

    def skip_blanks(self) -> int:
        """Go to the next character that is no white space, and return its offset."""
        self.at = skip_blanks(self.text, self.at)
        return self.at

    def _begin(self) -> object:
        """Read a string, number or word, or open an array or object."""
        start = self.at
        if (opening := self.text[start : start + 1]) in BLANKS:
            start = self.skip_blanks()
            opening = self.text[start : start + 1]
        if len(self._open) == 1:
            self.starts[self._open[0].key] = start
        if opening in _CLOSERS:
            return self._enter(_CLOSERS[opening])
        if opening != '"':
            return self._word()
        value = self._string()
        # the validator checks the strings of the payload itself
        if len(self._open) != 1 or self._open[0].closer == "]":
            self._check_surrogates(value, start, None)
        return value

    def _enter(self, closer: str) -> object:
        if len(self._open) < self._limit:
            frame = _Frame(closer, {} if closer == "}" else [])
        else:
            self._note("NC006", self.at)
            frame = _DEEP[closer]
            if closer == "]" and (more := self._run("[") - 1) > 0:  # all at once; an innermost pair of brackets is left to the next call
                self._open += [frame] * more
                self.at += more
        self.at += 1
        if self.text.startswith(closer, self.skip_blanks()):
            self.at += 1
            return frame.value
        self._open.append(frame)
        if closer == "}":
            self._name(frame)
        return _OPENED

    def _has_next(self, frame: _Frame) -> bool:
        """Read the comma or closing bracket behind a member; return whether another one follows."""
        if (found := self.text[self.at : self.at + 1]) in BLANKS:
            found = self.text[self.skip_blanks() : self.at + 1]
        if found not in {",", frame.closer}:
            raise self._malformed(f"',' or '{frame.closer}'")
        self.at += 1
        if found == frame.closer:
            if frame is _DEEP["]"]:
                self._close_alike(frame)
            return False
        if frame.closer == "}":
            self._name(frame)
        elif frame.value is not None:
            frame.key = len(frame.value)
        return True

    def _run(self, bracket: str) -> int:
        """Return how many of these brackets follow each other from here on."""
        found = _RUNS[bracket].match(self.text, self.at)
        return len(found.group()) if found else 0

    def _close_alike(self, frame: _Frame) -> None:
        """Close the arrays around one that is closed and nested too deep, as far as they are as well, all at once."""
        most, count = self._run("]"), 0
        while count < most and self._open[-2 - count] is frame:
            count += 1
        if count:
            del self._open[-1 - count : -1]
            self.at += count

    def _name(self, frame: _Frame) -> None:
        start = self.skip_blanks()
        if not self.text.startswith('"', start):
            raise self._malformed("a name in double quotes")
        name = self._string()
        if frame.value is not None:
            frame.key = name
            if name in frame.value and self._kept("NC004"):
                self._note("NC004", start, key=quoted(name))
            if len(self._open) > 1:  # the validator checks the names of the payload, too
                self._check_surrogates(name, start, f"the name {quoted(name)}")
        if not self.text.startswith(":", self.skip_blanks()):
            raise self._malformed("':'")
        self.at += 1

    def _string(self) -> str:
        start = self.at
        try:
            value, self.at = scan_string(self.text, start + 1)
        except ValueError:
            raise self._bad_string(start) from None
        return value

    def _bad_string(self, start: int) -> MalformedError:
        self.at = start + 1
        while part := _STRING_PART.match(self.text, self.at):
            self.at = part.end()
        found = self.text[self.at : self.at + 2]
        if found in {"", "\\"}:
            return MalformedError(start, "a closing quotation mark", "there is none for the string that starts", "the text is cut off")
        if found[0] == "\\":
            return self._malformed(r"an escape such as \n or \u00e9", rf"found '\{excerpt(found[1])}'", r"a backslash itself is written \\")
        hint = "close the string, or write the line break as \\n" if found[0] in "\r\n" else "write control characters as escapes"
        return self._malformed("printable text or a closing quotation mark", f"found {codepoint(found[0])}", hint)

    def _word(self) -> object:
        """Read a number, true, false or null."""
        token = _TOKEN.match(self.text, self.at)
        word = token.group() if token else ""
        start, value = self.at, _LITERALS.get(word)
        if word in _NO_NUMBERS:
            value = float(word)
            if self._kept("NC005"):
                self._note("NC005", start, problem=f"{word} is not a JSON number")
        elif _NUMBER.fullmatch(word):
            # float() first: int() raises for more than 4,300 digits
            value = float(word)
            if isinf(value):
                if self._kept("NC005"):
                    self._note("NC005", start, problem=f"the number {quoted(word)} is beyond the range of a double")
            elif _INTEGER.fullmatch(word):
                value = int(word)
        elif word not in _LITERALS:
            raise self._malformed("a value")
        self.at += len(word)
        return value

    def _check_surrogates(self, value: str, start: int, field_name: str | None) -> None:
        if value.isascii() or not self._kept("NC007") or not (lone := _LONE.search(value)):
            return
        count = len(_LONE.findall(value))
        self._note(
            "NC007",
            offset_inside(self.text, start, lone.start()),
            field=field_name or excerpt(self._pointer()[1:].replace("~1", "/").replace("~0", "~")) or "the payload",
            codepoint=codepoint(lone.group()),
            offset=lone.start(),
            occurrences="" if count == 1 else f" and {count - 1:,} more",
        )

    def _kept(self, code: str) -> bool:
        """Return whether another problem of this kind would be recorded."""
        return self._counts[code] < (1 if code == "NC006" else PROBLEMS_KEPT)

    def _note(self, code: str, offset: int, /, **detail: object) -> None:
        if self._kept(code):
            self._counts[code] += 1
            self.problems.append(JsonProblem(code, self._pointer(), offset, detail))

    def _pointer(self) -> str:
        return pointer_to(*(frame.key for frame in self._open[: self._limit]))

    def _malformed(self, expected: str, found: str = "", hint: str = "") -> MalformedError:
        token = _TOKEN.match(self.text, self.at)
        word = token.group() if token else self.text[self.at : self.at + 1]
        found = found or (f"found '{excerpt(word, 20)}'" if word else "found nothing")
        return MalformedError(self.at, expected, found, hint or _hint(self.text, self.at, word))


def skip_blanks(text: str, at: int) -> int:
    """Return the offset of the next character from `at` on that is no white space, or the length of the text."""
    if text[at : at + 1] not in BLANKS:
        return at
    found = _MARK.search(text, at)
    return found.start() if found else len(text)


def flat_members(text: str, start: int) -> dict[str, int] | None:
    """Return the offset of each value in the object at `start` by its name, as in `Parser.starts`; None for an object that is not flat.

    Flat are objects without errors, whose values are no arrays or objects, and whose names are the same in a JSON Pointer. Fast.
    """
    found: dict[str, int] = {}
    at = start + 1
    if not text.startswith("{", start):
        return None
    while member := _FLAT_MEMBER.match(text, at):
        found[member[1]] = member.start("value")
        if member["end"] == "}":
            return found
        at = member.end()
    return None


def offset_inside(text: str, start: int, offset: int) -> int:
    r"""Return the source offset of character `offset` of the string whose opening quote is at `start`; `\n` is one character."""
    at = start + 1
    for escape in _ESCAPE.finditer(text, at):
        plain = escape.start() - at
        if offset <= plain:
            break
        offset -= plain + 1
        at = escape.end()
    return at + offset


def _hint(text: str, at: int, word: str) -> str:
    """Return the hint for a common slip that explains `word` at `at`; empty if there is none."""
    before = text[:at].rstrip(BLANKS)
    if not word:
        return "the text is cut off" if before else "the text is empty"
    if hint := _SLIPS.get(word) or _SLIPS.get(before[-1:] + word):
        return hint
    if word[0] in "+-.0123456789":
        return "a number has no plus sign, no leading zeros, and digits on both sides of its point"
    if word[0].isalpha():
        return r"a quotation mark inside a string is written \"" if before.endswith('"') else _QUOTES
    return "" if word.isprintable() and not word.isspace() else "only spaces, tabs and line breaks are white space"
