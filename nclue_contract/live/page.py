"""The page itself: one file that loads nothing but its events, and the headers that hold it to that."""

from __future__ import annotations

import base64
import hashlib
import pkgutil
import re
from functools import cache

HEADERS: tuple[tuple[str, str], ...] = (
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
)
"""The headers of everything that a page gets: nothing is stored, guessed, or shared with pages of other sites."""


@cache
def page() -> bytes:
    """Return the document in UTF-8."""
    data = pkgutil.get_data("nclue_contract.live", "page.html")
    if data is None:  # pragma: no cover  # only a loader without get_data, which no Python ships
        raise RuntimeError("nclue_contract/live/page.html cannot be read; install the package again")
    return data.replace(b"\r\n", b"\n")


@cache
def policy() -> str:
    """Return the Content-Security-Policy: the style and the script of the page by their digests, events from its server, nothing else.

    No text can become markup by a script either (Trusted Types), where the browser knows that.
    """
    style, script = (_digest(kind) for kind in ("style", "script"))
    rules = (
        "default-src 'none'",
        f"style-src '{style}'",
        f"script-src '{script}'",
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
    return "; ".join(rules)


def _digest(kind: str) -> str:
    (content,) = re.findall(f"<{kind}>(.*?)</{kind}>".encode(), page(), re.DOTALL)
    return f"sha256-{base64.b64encode(hashlib.sha256(content).digest()).decode('ascii')}"
