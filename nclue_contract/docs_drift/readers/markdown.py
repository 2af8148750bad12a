"""Read a page that is saved as Markdown, with tables and HTML in it. markdown-it-py, which reads Markdown, is an extra."""

from __future__ import annotations

import html
import re

from nclue_contract.contract.extras import require_extra
from nclue_contract.docs_drift.page import Page
from nclue_contract.docs_drift.readers.html import read_html

_LINE = "data-line-of-file"
_BLOCKS = {"html_block": 0, "code_block": 0, "fence": 1}
"""Blocks without an opening token, and the number of lines before their text."""


def read_markdown(text: str) -> Page:
    """Return the page of a Markdown document; a `title` in front matter is its first heading. Raises `MissingExtraError`."""
    with require_extra("markdown", "pages in Markdown need markdown-it-py"):
        from markdown_it import MarkdownIt  # noqa: PLC0415  # an extra
        from markdown_it.token import Token  # noqa: PLC0415  # an extra
    title, body = _front_matter(text)
    reader = MarkdownIt("commonmark").enable("table")
    tokens = []
    for token in reader.parse(body):
        if token.map is not None:
            number = token.map[0] + 1
            if token.nesting == 1:
                token.attrSet(_LINE, str(number))
            elif token.type in _BLOCKS:
                tokens.append(Token("html_block", "", 0, content=f'<span {_LINE}="{number + _BLOCKS[token.type]}"></span>'))
        tokens.append(token)
    heading = f"<h1>{html.escape(title)}</h1>" if title else ""
    return read_html(heading + reader.renderer.render(tokens, reader.options, {}), _LINE)


def _front_matter(text: str) -> tuple[str, str]:
    """Return the title in the front matter, and the text with empty lines instead of it."""
    match = re.match(r"---[ \t]*\n(.{0,20000}?)\n---[ \t]*(?:\n|\Z)", text, re.DOTALL)
    if match is None:
        return "", text
    title = re.search(r"^title:[ \t]*(.*?)[ \t]*$", match[1], re.MULTILINE)
    rest = "\n" * match[0].count("\n") + text[match.end() :]
    return (title[1].strip("\"'") if title else ""), rest
