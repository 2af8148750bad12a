"""The building blocks of a report in HTML: elements whose text is always escaped, excerpts of values, and the whole document.

Markup is built as a tree and serialized by the standard library; text never becomes markup, whatever a server responds.
"""

from __future__ import annotations

import base64
import hashlib
import pkgutil
from xml.etree.ElementTree import Element, tostring

from nclue_contract.contract.wording import escaped, excerpt, harmless

CLIP_LENGTH = 300
"""The usual limit of an excerpt, in characters."""


def tag(name: str, /, *children: Element | str | None, **attributes: str | int | None) -> Element:
    """Return an element. Attribute names lose a `_` at their end, and other `_` become `-`; None is left out, as child and as attribute.

    All text is escaped so that it can be encoded and contains no control characters; only line feeds stay.
    """
    element = Element(name, {key.rstrip("_").replace("_", "-"): _plain(str(v)) for key, v in attributes.items() if v is not None})
    last: Element | None = None
    for child in children:
        if isinstance(child, Element):
            element.append(child)
            last = child
        elif child is not None and last is None:
            element.text = (element.text or "") + _plain(child)
        elif child is not None and last is not None:
            last.tail = (last.tail or "") + _plain(child)
    return element


def _plain(text: str) -> str:
    return "\n".join(harmless(escaped(line)) for line in text.split("\n"))


def clip(value: str | bytes, most: int = CLIP_LENGTH) -> str:
    r"""Return the beginning of a value on one line, with an ellipsis if it was cut. Bytes that are no UTF-8 become `\xff`."""
    text = value if isinstance(value, str) else value[: 4 * most + 4].decode("utf-8", "backslashreplace")
    return excerpt(text, most)


def html_document(title: str, *body: Element) -> str:
    """Return the whole page as text. It loads nothing: style and script are part of it, and its security policy allows nothing else."""
    style, script = _file("report.css"), _file("report.js")
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("link", rel="icon", href="data:,"),  # else a browser requests one from the host of the report
        tag("style", style),
    )
    whole = tag("html", head, tag("body", *body, tag("script", script)), lang="en")
    text: str = tostring(whole, encoding="unicode", method="html")
    return f"<!DOCTYPE html>\n{text}\n"


def _file(name: str) -> str:
    """Return a file of the package with LF line ends, as browsers normalize it before they compute its digest."""
    data = pkgutil.get_data("nclue_contract.check.reports.html", name)
    if data is None:  # pragma: no cover  # only a loader without get_data, which no Python ships
        raise RuntimeError(f"nclue_contract/check/reports/html/{name} cannot be read; install the package again")
    return data.decode("utf-8").replace("\r\n", "\n")


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
