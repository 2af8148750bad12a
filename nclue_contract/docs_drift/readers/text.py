"""Read a page that is saved as text. Its headings and tables are known by their words only.

A row of a table is a line. Its cells are separated by tabs, bars or several spaces, or by nothing, as in `nameStringRequiredTask name`:
then the words of the columns tell where a cell ends. Items of a list below a row belong to its cells.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache

from nclue_contract.contract.pages import PageWords, page_words
from nclue_contract.docs_drift.page import Block, Cell, Code, Heading, Line, Page, Paragraph, Row, Table

_BULLET = re.compile(r"^(?P<bullet>[•◦▪▫○●∙·*-])[ \t]+(?=\S)")
_SEPARATOR = re.compile(r"[ ]*\t[ \t]*|[ ]+\|[ ]+|[ ]{2,}")
_WORD_AND_COLON = re.compile(r"[A-Za-z][A-Za-z0-9_]*\s*[:\uff1a]")


def read_text(text: str) -> Page:
    """Return the page in a text."""
    return _Reader(text, page_words()).page()


@dataclass
class _OpenRow:
    """A row that is being read: the lines of each cell."""

    cells: list[list[Line]]
    number: int

    def closed(self) -> Row:
        """Return the row."""
        return Row(tuple(Cell(tuple(lines)) for lines in self.cells), self.number)


@dataclass
class _OpenTable:
    """A table that is being read; `separated` tells whether its cells have separators."""

    header: list[str]
    columns: list[str]
    separated: bool
    number: int
    rows: list[_OpenRow] = field(default_factory=list)

    def add(self, line: Line, *, after_gap: bool) -> bool:
        """Add a line to the table: a row, or a part of the last one. Return False for a line that is behind the table.

        `after_gap`: there are empty lines before the line.
        """
        cells = None if line.level else self._cells(line.text)
        if cells is not None:
            self.rows.append(_OpenRow([[Line(text, line.number)] if text else [] for text in cells], line.number))
        elif after_gap and not line.level:
            return False
        elif self.rows:
            self.rows[-1].cells[self._column_of(line)].append(line)
        return True

    def _cells(self, text: str) -> list[str] | None:
        if self.separated:
            cells = _SEPARATOR.split(text.strip())
            return cells if len(cells) == len(self.columns) else None
        for pattern in _row_patterns(tuple(self.columns)):
            if match := pattern.fullmatch(text):
                return [(match[column] or "").strip() if column in match.groupdict() else "" for column in self.columns]
        return None

    def _column_of(self, line: Line) -> int:
        """Return the column that a line below a row continues: the last one, or that of the status words while the row has none."""
        at = self.columns.index("status") if "status" in self.columns else None
        if at is not None:
            cells = self.rows[-1].cells
            begun = any(cells[at + 1 :])
            if not begun and _WORD_AND_COLON.match(line.text) and (line.level or not cells[at]):
                return at
        return len(self.columns) - 1

    def closed(self) -> Table:
        """Return the table."""
        return Table(tuple(self.header), tuple(row.closed() for row in self.rows), self.number)


@dataclass
class _OpenCode:
    """Code that is being read: its lines, how many brackets are open, and whether the last line that is not empty goes on."""

    lines: list[str] = field(default_factory=list)
    _open: int = 0
    _goes_on: bool = False

    def add(self, line: str) -> None:
        """Add a line."""
        self.lines.append(line)
        self._open += sum(map(line.count, "{[")) - sum(map(line.count, "}]"))
        if stripped := line.rstrip():
            self._goes_on = stripped.endswith("\\")

    @property
    def is_whole(self) -> bool:
        """Return whether the code may end here: as many brackets are closed as are open, and the last line does not go on."""
        return not self._open and not self._goes_on


@cache
def _row_patterns(columns: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    """Return the regular expressions of a row without separators, the strictest first.

    The later ones are for words that are not known: a type is then a word in capitals, or the answer to "required" is missing.
    """
    words = page_words()
    # A single letter, such as N for no, would be found in any word.
    answers = sorted({text for texts in words.answers.texts.values() for text in texts if len(text) > 1}, key=len, reverse=True)
    yes_or_no = "|".join(map(re.escape, answers))
    parts = {
        "name": r"(?P<name>[A-Za-z][A-Za-z0-9_.\[\]-]{0,80}?)",
        "type": rf"(?P<type>{words.types.pattern})",
        "required": rf"(?P<required>{yes_or_no})",
        "description": r"(?P<description>.*)",
        "method": r"(?P<method>GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)",
        "uri": r"(?P<uri>\S+)",
        "order": rf"(?P<order>{words.steps.pattern}?\s?\d{{1,2}}\s?{words.steps.pattern}?)",
        "status": r"(?P<status>(?:[A-Za-z][A-Za-z0-9_]*\s*[:\uff1a].*)?)",
        "http": r"(?P<http>\d{3})",
        "code": r"(?P<code>[-\u2013\u2014]|\d{1,6})",
        "message": r"(?P<message>[A-Z][A-Z0-9_]+(?![a-z])|[A-Za-z][a-z]+)",
        "deletable": rf"(?P<deletable>{yes_or_no})",
        "task_status": r"(?P<task_status>[a-z_]+(?:\s?[,|/·、]\s?[a-z_]+)*)",
        "dependants": r"(?P<dependants>.*)",
    }
    # After the words, since the name of a header has hyphens, too.
    dash = {**parts, "required": "(?P<required>[-\u2013\u2014])"}
    either = rf"(?P<required>{yes_or_no}|[-\u2013\u2014])"
    unknown_type = {
        **parts,
        "required": either,
        "name": r"(?P<name>[a-z][a-z0-9_.\[\]-]{0,80}|[A-Z]{2,40})",
        "type": r"(?P<type>[A-Z][A-Za-z]{0,30}?)",
    }
    no_answer = {**parts, "required": "(?P<required>)"}
    return tuple(re.compile("".join(kind[column] for column in columns)) for kind in (parts, dash, unknown_type, no_answer))


class _Reader:
    """Reads the lines of a page one after the other."""

    def __init__(self, text: str, words: PageWords) -> None:
        self._words = words
        self._lines = text.split("\n")
        self._at = 0
        self._blocks: list[Block] = []
        self._table: _OpenTable | None = None
        self._indents: list[int] = []

    def page(self) -> Page:
        """Return the page."""
        gap = False
        while self._at < len(self._lines):
            number, text = self._at + 1, self._lines[self._at]
            self._at += 1
            if not text.strip():
                gap = True
                continue
            self._add(text, number, after_gap=gap)
            gap = False
        self._end_table()
        titles = [block.text for block in self._blocks if isinstance(block, Heading) and block.level == 1]
        return Page(tuple(titles), tuple(self._blocks))

    def _add(self, text: str, number: int, *, after_gap: bool) -> None:
        stripped = text.strip()
        if self._heading(stripped, number) or self._code(text, number) or self._header(stripped, number):
            return
        line = self._line(text, number)
        if self._table is None or not self._table.add(line, after_gap=after_gap):
            self._end_table()
            self._blocks.append(Paragraph(line.text, number))

    def _line(self, text: str, number: int) -> Line:
        """Return a line with the depth of its list item, which its indentation tells."""
        stripped = text.strip()
        match = _BULLET.match(stripped)
        if match is None:
            self._indents = []
            return Line(stripped, number)
        indent = len(text) - len(text.lstrip())
        self._indents = [one for one in self._indents if one < indent] + [indent]
        return Line(stripped[match.end() :], number, len(self._indents))

    def _heading(self, text: str, number: int) -> bool:
        is_title = self._words.titles.find(text) is not None
        if not is_title and self._words.headings.find(text) is None:
            return False
        self._end_table()
        self._blocks.append(Heading(text, 1 if is_title else 2, number))
        return True

    def _header(self, text: str, number: int) -> bool:
        """Begin a table, if the line consists of the titles of its columns."""
        cells = _SEPARATOR.split(text)
        columns = [self._words.columns.meaning(cell) for cell in cells]
        separated = len(cells) > 1 and all(columns)
        if not separated:
            pairs = self._words.columns.split(text) if len(text) < 200 else None
            if pairs is None or len(pairs) < 2:
                return False
            cells, columns = [word for word, _ in pairs], [meaning for _, meaning in pairs]
        if len(set(columns)) < len(columns):
            return False
        self._end_table()
        self._table = _OpenTable(cells, columns, separated, number)
        return True

    def _code(self, text: str, number: int) -> bool:
        """Read a block of code, which begins with a command or a bracket, and ends at a label, a heading, or an empty line behind it."""
        stripped = text.strip()
        if not (stripped.startswith(("curl ", '{"')) or stripped in {"{", "[", "{}"}):
            return False
        self._end_table()
        indent = len(text) - len(text.lstrip())
        code = _OpenCode()
        code.add(text[indent:])
        while self._at < len(self._lines):
            line = self._lines[self._at]
            known = line.strip() and (self._words.code_labels.find(line) or self._words.headings.find(line))
            if known or (not line.strip() and code.is_whole):
                break
            code.add(line[indent:] if not line[:indent].strip() else line.strip())
            self._at += 1
        if self._at < len(self._lines) and self._words.code_labels.find(self._lines[self._at]):
            self._at += 1
        self._blocks.append(Code("\n".join(code.lines).rstrip(), number))
        return True

    def _end_table(self) -> None:
        if self._table is not None:
            self._blocks.append(self._table.closed())
        self._table = None
