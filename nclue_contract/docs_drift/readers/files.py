"""Decode a saved page and read it in the format that it has."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping
from pathlib import PurePath
from types import MappingProxyType
from typing import Final

from nclue_contract.docs_drift.page import PAGE_FORMATS, NotUnderstoodError, Page
from nclue_contract.docs_drift.readers.html import read_html
from nclue_contract.docs_drift.readers.markdown import read_markdown
from nclue_contract.docs_drift.readers.text import read_text

MAX_BYTES = 32 << 20
"""The largest page that is read; saved pages contain pictures."""

READERS: Final[Mapping[str, Callable[[str], Page]]] = MappingProxyType(
    dict(zip(PAGE_FORMATS, (read_html, read_markdown, read_text), strict=True))
)
"""The reader of each format."""

_SUFFIXES: Final[Mapping[str, str]] = {".html": "html", ".htm": "html", ".xhtml": "html", ".md": "markdown", ".markdown": "markdown"}
PAGE_SUFFIXES = (*_SUFFIXES, ".txt")
"""The files with pages in a folder."""

_ENCODINGS = {
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "euc_kr",
    "cp949",
    "euc_jp",
    "shift_jis",
    "cp932",
    "iso2022_jp",
    "iso8859-1",
    "cp1252",
    "ascii",
}
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def read_page(data: bytes, name: str, form: str | None = None) -> Page:
    """Return the page in a file; `form` is its format, which by default the content and the extension of its name decide.

    Raises `NotUnderstoodError`, and `MissingExtraError` for Markdown.
    """
    if len(data) > MAX_BYTES:
        raise NotUnderstoodError(f"the file is larger than {MAX_BYTES >> 20} MB")
    text = _decode(data)
    if not text.strip():
        raise NotUnderstoodError("the file is empty")
    return READERS[form or _form_of(text, name)](text)


def _decode(data: bytes) -> str:
    encoding = next((encoding for mark, encoding in _BOMS.items() if data.startswith(mark)), "")
    if not encoding:
        declared = re.search(rb"<meta[^>]{0,200}charset=[\"']?([A-Za-z0-9_-]{2,30})", data[:4096], re.IGNORECASE)
        encoding = declared[1].decode("ascii") if declared else "utf-8"
    try:
        if codecs.lookup(encoding).name not in _ENCODINGS:
            encoding = "utf-8"
        text = data.decode(encoding)
    except (UnicodeError, LookupError) as error:
        raise NotUnderstoodError(f"the file is not text in {encoding:.30}; save the page again, as HTML or as text in UTF-8") from error
    if "\0" in text:
        raise NotUnderstoodError("the file is not text: it contains null characters")
    return text.replace("\r\n", "\n").replace("\r", "\n")


_HTML = re.compile(r"<(?:!doctype html|html|head|body)\b", re.IGNORECASE)
_BLANKS = re.compile(r"\s*")
_BEFORE = {"<!--": "-->", "<?xml": ">"}
"""How comments and the XML declaration begin and end, which may stand before a document."""


def _begin(text: str) -> int:
    """Return the offset of what is no blank, comment or XML declaration."""
    at = 0
    while found := _BLANKS.match(text, at):
        at = found.end()
        closing = next((closing for opening, closing in _BEFORE.items() if text.startswith(opening, at)), None)
        if closing is None or (end := text.find(closing, at + 4)) < 0:
            break
        at = end + len(closing)
    return at


def _form_of(text: str, name: str) -> str:
    if _HTML.match(text, _begin(text)):
        return "html"
    form = _SUFFIXES.get(PurePath(name).suffix.lower())
    if form is None and re.search(r"^(?:#{1,3} \S|\|? ?:?-{3,}:? ?\|)", text, re.MULTILINE):
        return "markdown"
    return form or "text"
