"""Markdown for generated pages: text that cannot become markup, code, tables, links."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def escaped(text: str) -> str:
    """Return a text of the contract as Markdown. Code between backticks stays code; everything else is plain text."""
    parts = re.split(r"(`[^`]+`)", text)
    return "".join(part if index % 2 else re.sub(r"([\\*_<>\[\]|#`])", r"\\\1", part) for index, part in enumerate(parts))


def block(text: str, language: str = "text") -> str:
    """Return a text as a code block."""
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 3)
    return f"{fence}{language}\n{text}\n{fence}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; the cells are Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace(chr(10), ' ') for cell in line)} |" for line in lines)


def page(*parts: str) -> str:
    """Return the parts as one page, with an empty line between them; empty parts are left out."""
    return "\n\n".join(part for part in parts if part) + "\n"
