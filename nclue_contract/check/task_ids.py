"""Which task IDs can be put into the path of a request: those of a server may be any text.

Percent-encoding makes one segment of a path of nearly every text (RFC 3986, section 2.1), but not of all:

* There is no segment for an empty text: `/tasks/` is another path. Servers that trim white space make one of a blank text as well.
* `.` and `..` are segments that clients, proxies and servers remove, and what is before `..` with it (RFC 3986, section 5.2.4), also where
  they are percent-encoded (section 6.2.2.2). Some decode a path twice, or take a backslash for a slash, or ignore what follows a semicolon.
* Some servers end a path at a control character, such as NUL.
* A lone surrogate has no encoding in UTF-8, in which paths are percent-encoded.
* A server need not accept a request line of more than 8,000 bytes (RFC 9112, section 3).

The pages show one ID, `f5aebc0c-****-****-****-b201bc64b1c9`, and state no rule. So an ID may have any other form.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from nclue_contract.contract.model import contract

UNUSABLE = "cannot be put into the path of a request"
"""What is said of such an ID, or of what has one."""

MAX_LAYERS = 5
"""How often an ID may have been percent-encoded."""


def why_unusable(task_id: str) -> str:
    """Return why an ID cannot be put into a path, in words that continue `task_id`; an empty text for one that can."""
    longest = contract().rules["NC405"].limit
    if len(task_id) > longest or len(quote(task_id, safe="", errors="surrogatepass")) > longest:
        return f"{UNUSABLE}: it has more than {longest:,} characters in percent-encoding"
    if any("\ud800" <= character <= "\udfff" for character in task_id):
        return f"{UNUSABLE}: it holds a lone surrogate"
    decoded = task_id
    for _ in range(MAX_LAYERS):
        if not decoded.strip():
            return f"{UNUSABLE}: it is {'blank' if decoded else 'empty'}"
        if re.search("[\0-\x1f\x7f-\x9f]", decoded):
            return f"{UNUSABLE}: it holds a control character"
        if any(segment.partition(";")[0].strip() in {".", ".."} for segment in re.split(r"[/\\]", decoded)):
            return f"{UNUSABLE}: it is, or contains, a dot segment"
        decoded = unquote(decoded)
    return ""


def encoded(task_id: str) -> str:
    """Return an ID as a segment of a path. Raises `ValueError` for one that cannot be put into a path, which no caller may try."""
    if reason := why_unusable(task_id):
        raise ValueError(f"a task ID {reason}")
    return quote(task_id, safe="")
