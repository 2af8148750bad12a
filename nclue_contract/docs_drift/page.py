"""A page of the documentation as blocks: headings, tables, code and paragraphs, each with its line in the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

PAGE_FORMATS = ("html", "markdown", "text")
"""The formats in which a page can be saved."""


class NotUnderstoodError(Exception):
    """The page cannot be understood; the message says what was looked for. It is never a page without differences."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a cell or a paragraph. `number` is its line in the file, from 1; `level` is 0 for prose and the depth of a list item."""

    text: str
    number: int
    level: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table."""

    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        """Return the cell as one line."""
        return " ".join(line.text for line in self.lines).strip()


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table."""

    cells: tuple[Cell, ...]
    line: int

    def cell(self, number: int | None) -> Cell:
        """Return a cell; an empty one where the row is shorter, and for None, the number of a column that the table does not have."""
        return self.cells[number] if number is not None and number < len(self.cells) else Cell(())


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; `level` 1 is the highest, and that of the page."""

    text: str
    level: int
    line: int


@dataclass(frozen=True, slots=True)
class Table:
    """A table: the titles of its columns, and the rows below them."""

    header: tuple[str, ...]
    rows: tuple[Row, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Code:
    """A block of code."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A line of text, or an item of a list, outside of tables."""

    text: str
    line: int


Block = Heading | Table | Code | Paragraph
BlockT = TypeVar("BlockT", Heading, Table, Code, Paragraph)


@dataclass(frozen=True, slots=True)
class Page:
    """A page: what may be its title, the most likely first, and its blocks in order."""

    titles: tuple[str, ...]
    blocks: tuple[Block, ...]

    def of(self, kind: type[BlockT]) -> list[BlockT]:
        """Return the blocks of a kind."""
        return [block for block in self.blocks if isinstance(block, kind)]
