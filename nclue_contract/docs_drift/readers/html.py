"""Read a page that is saved as HTML. Broken HTML is read as far as possible: nothing here raises because of the input."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

from nclue_contract.docs_drift.page import Block, Cell, Code, Heading, Line, Page, Paragraph, Row, Table

_IGNORED = {"script", "style", "noscript", "template", "svg", "nav", "select", "textarea"}
_BREAKS = {"br", "p", "div", "ul", "ol", "dl", "dt", "dd", "section", "article", "blockquote", "details", "summary", "hr", "main", "header"}
_HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
_MOST_SPANNED = 50
"""The most rows or columns that a cell spans; a page that says a million would fill the memory."""


def read_html(text: str, line_attribute: str = "") -> Page:
    """Return the page of an HTML document.

    `line_attribute` names the attribute that has the line in the saved file where the HTML was made from it.
    """
    parser = _Parser(line_attribute)
    parser.feed(text)
    parser.close()
    parser.finish()
    titles = [block.text for block in parser.blocks if isinstance(block, Heading) and block.level == 1]
    return Page(tuple(filter(None, [*titles, *_parts_of_title(parser.title.take())])), tuple(parser.blocks))


def _parts_of_title(title: str) -> list[str]:
    """Return a title of the document and its parts: sites put their own name before or behind it."""
    text = " ".join(title.split())
    for separator in (" | ", " \u2013 ", " - ", " · "):
        if separator in text:
            return [text, *text.split(separator)]
    return [text]


@dataclass
class _OpenTable:
    """A table that is being read; `spans` are the cells of earlier rows that reach into the next ones, by column."""

    line: int
    rows: list[Row] = field(default_factory=list)
    cells: list[Cell] | None = None
    row_line: int = 0
    spans: dict[int, tuple[Cell, int]] = field(default_factory=dict)
    span: tuple[int, int] = (1, 1)

    def carry(self) -> None:
        """Put the cells that reach into this row where they belong."""
        while self.cells is not None and (spanning := self.spans.pop(len(self.cells), None)):
            cell, rows = spanning
            if rows > 1:
                self.spans[len(self.cells)] = (cell, rows - 1)
            self.cells.append(cell)

    def add(self, cell: Cell) -> None:
        """Add a cell to the open row."""
        self.carry()
        rows, columns = self.span
        for _ in range(columns):
            if self.cells is not None:
                if rows > 1:
                    self.spans[len(self.cells)] = (cell, rows - 1)
                self.cells.append(cell)

    def end_row(self) -> None:
        """Close the open row."""
        self.carry()
        if self.cells:
            self.rows.append(Row(tuple(self.cells), self.row_line))
        self.cells = None


class _Text:
    """Text that comes in pieces; joining them only once keeps the time in proportion to the length."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self.is_blank = True

    def add(self, piece: str) -> None:
        """Add a piece."""
        self._pieces.append(piece)
        self.is_blank = self.is_blank and not piece.strip()

    def take(self) -> str:
        """Return the text, and begin another one."""
        text = "".join(self._pieces)
        self.clear()
        return text

    @property
    def is_empty(self) -> bool:
        """Return whether no piece has come yet."""
        return not self._pieces

    def clear(self) -> None:
        """Begin another text."""
        self._pieces.clear()
        self.is_blank = True


class _Parser(HTMLParser):
    """Collects blocks. `_text` is the text of what is open: a cell, a heading, a paragraph, or code."""

    def __init__(self, line_attribute: str) -> None:
        super().__init__(convert_charrefs=True)
        self._line_attribute = line_attribute
        self._offset = 0
        self.blocks: list[Block] = []
        self.title = _Text()
        self._ignored: list[str] = []
        self._ignored_counts: Counter[str] = Counter()
        self._tables: list[_OpenTable] = []
        self._in_cell: list[bool] = []
        self._lines: list[Line] = []
        self._text = _Text()
        self._line = 1
        self._lists = 0
        self._level = 0
        self._heading = ""
        self._pre = 0
        self._in_title = False

    @property
    def _number(self) -> int:
        """Return the line in the saved file."""
        return self.getpos()[0] + self._offset

    def parse_marked_section(self, i: int, report: int = 1) -> int:  # noqa: ARG002  # as in the class above
        """Skip `<![…>`, for which the parser of some versions of Python raises an error."""
        return self.rawdata.find(">", i) + 1 or -1

    # -- events of the parser ---------------------------------------------------------------------------------------------------------

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        if tag in _IGNORED:
            self._ignored.append(tag)
            self._ignored_counts[tag] += 1
        if self._ignored:
            return
        if (number := dict(attrs).get(self._line_attribute)) and re.fullmatch("[0-9]{1,9}", number):
            self._offset = int(number) - self.getpos()[0]
        if self._pre:
            self._text.add("\n" if tag == "br" else "")
        elif tag == "pre":
            self._end_text()
            self._pre, self._line = 1, self._number
        elif tag in _HEADINGS:
            self._end_text()
            self._heading = tag
        elif tag == "title":
            self._in_title = self.title.is_empty
        elif tag == "li":
            self._end_line()
            self._level = max(self._lists, 1)
        elif tag in _BREAKS:
            self._end_line()
            self._lists += tag in {"ul", "ol"}
        else:
            self._start_of_table(tag, dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        """Close an element."""
        if self._ignored:
            if self._ignored_counts[tag]:
                closed = ""
                while closed != tag:
                    closed = self._ignored.pop()
                    self._ignored_counts[closed] -= 1
            return
        if tag == "pre" and self._pre:
            self._end_code()
        elif tag in _HEADINGS and self._heading:
            self._end_text()
        elif tag == "title":
            self._in_title = False
        elif tag == "li" or tag in _BREAKS:
            self._end_line()
            if tag in {"ul", "ol"}:
                self._lists = max(self._lists - 1, 0)
        elif tag in _ENDS_OF_TABLES:
            _ENDS_OF_TABLES[tag](self)

    def handle_data(self, data: str) -> None:
        """Add text."""
        if self._ignored:
            return
        if self._in_title:
            self.title.add(data)
            return
        if self._text.is_blank and not self._pre:
            skipped = len(data) - len(data.lstrip())
            self._line = self._number + data.count("\n", 0, skipped)
        self._text.add(data)

    def finish(self) -> None:
        """Close all that the document leaves open."""
        if self._pre:
            self._end_code()
        self._end_text()
        while self._tables:
            self._end_table()

    # -- blocks -----------------------------------------------------------------------------------------------------------------------

    def _start_of_table(self, tag: str, attrs: dict[str, str | None]) -> None:
        if tag == "table":
            self._end_line()
            self._tables.append(_OpenTable(self._number))
            self._in_cell.append(False)
        elif tag == "tr" and self._tables:
            self._end_row()
            self._tables[-1].cells = []
            self._tables[-1].row_line = self._number
        elif tag in {"td", "th"} and self._tables:
            self._end_cell()
            table = self._tables[-1]
            if table.cells is None:
                table.cells, table.row_line = [], self._number
            table.span = (_span(attrs.get("rowspan")), _span(attrs.get("colspan")))
            self._text.clear()
            self._lines, self._level, self._lists = [], 0, 0
            self._in_cell[-1] = True

    def _end_code(self) -> None:
        text, self._pre = self._text.take(), 0
        if any(self._in_cell):
            self._lines += [Line(line.strip(), self._line + at) for at, line in enumerate(text.split("\n")) if line.strip()]
        else:
            self.blocks.append(Code(text.strip("\n"), self._line + len(text) - len(text.lstrip("\n"))))

    def _end_line(self) -> None:
        """End a line of what is open: a cell has several, a paragraph one."""
        text = " ".join(self._text.take().split())
        if not text:
            return
        if self._tables:
            if self._in_cell[-1]:
                self._lines.append(Line(text, self._line, self._level))
        elif self._heading:
            self.blocks.append(Heading(text, _HEADINGS[self._heading], self._line))
        else:
            self.blocks.append(Paragraph(text, self._line))
        self._level = 0

    def _end_text(self) -> None:
        self._end_line()
        self._heading = ""

    def _end_cell(self) -> None:
        if self._tables and self._in_cell[-1]:
            self._end_line()
            self._tables[-1].add(Cell(tuple(self._lines)))
            self._lines = []
            self._in_cell[-1] = False

    def _end_row(self) -> None:
        if self._tables:
            self._end_cell()
            self._tables[-1].end_row()

    def _end_table(self) -> None:
        if not self._tables:
            return
        self._end_row()
        table = self._tables.pop()
        self._in_cell.pop()
        if table.rows:
            header = tuple(cell.text for cell in table.rows[0].cells)
            self.blocks.append(Table(header, tuple(table.rows[1:]), table.line))


_ENDS_OF_TABLES: Final[Mapping[str, Callable[[_Parser], None]]] = {
    "td": _Parser._end_cell,  # noqa: SLF001  # of this class
    "th": _Parser._end_cell,  # noqa: SLF001
    "tr": _Parser._end_row,  # noqa: SLF001
    "table": _Parser._end_table,  # noqa: SLF001
}


def _span(value: str | None) -> int:
    return min(max(int(value), 1), _MOST_SPANNED) if value and value.isascii() and value.isdigit() and len(value) < 9 else 1
