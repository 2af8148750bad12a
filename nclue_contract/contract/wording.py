"""Descriptions of characters and values for messages: short, and safe to print whatever the value is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

EXCERPT_LENGTH = 60
"""Characters of a value that a message quotes."""

_CONTROL_NAMES = {
    0: "NULL",
    8: "BACKSPACE",
    9: "CHARACTER TABULATION",
    10: "LINE FEED",
    13: "CARRIAGE RETURN",
    27: "ESCAPE",
    127: "DELETE",
}


_KINDS = (
    (int, "a number"),
    (str, "a string"),
    (bool, "a boolean"),
    (float, "a number"),
    (list, "an array"),
    (tuple, "an array"),
    (dict, "an object"),
)


@lru_cache(maxsize=1024)
def codepoint(character: str) -> str:
    """Return `U+007E` for the tilde."""
    return f"U+{ord(character):04X}"


def character_name(character: str) -> str:
    """Return the Unicode name; for control characters, which have none, the usual alias or Unicode's label."""
    fallback = "LONE SURROGATE" if "\ud800" <= character <= "\udfff" else f"<control-{ord(character):04X}>"
    return unicodedata.name(character, "") or _CONTROL_NAMES.get(ord(character), fallback)


def escaped(text: str) -> str:
    r"""Escape control, format and unassigned characters and lone surrogates as `\n`, `\x1b` or `\u202e`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


_COMMAND = re.compile(r"##(?=\[|vso\[)", re.IGNORECASE)


def harmless(line: str) -> str:
    r"""Return an escaped line so that no CI system takes it for a command, whatever a payload, a file or a server is called.

    GitHub Actions carries out a line that begins with `::`, also behind spaces, and `##[` anywhere in a line; Azure Pipelines `##vso[`.
    Both read standard output and standard error. One character is escaped: `\x3a:error::`, `#\x23[error]`.
    """
    if "##" in line:
        line = _COMMAND.sub(r"#\\x23", line)
    text = line.lstrip(" ")
    return line.removesuffix(text) + rf"\x3a{text[1:]}" if text.startswith("::") else line


def quoted(text: str) -> str:
    """Return an excerpt in quotation marks."""
    return f"'{excerpt(text)}'"


def excerpt(text: str, length: int = EXCERPT_LENGTH) -> str:
    """Return the beginning of a text, escaped, with an ellipsis when it is longer."""
    return escaped(text) if len(text) <= length else escaped(text[:length]) + "…"


def json_kind(value: object) -> str:
    """Return the JSON type of a value with its article; other Python values by the name of their type."""
    if value is None:
        return "null"
    # By identity: a type may have a metaclass whose comparison or hash raises.
    for kind, words in _KINDS:
        if type(value) is kind:
            return words
    return f"of the Python type {type_name(value)}"


def type_name(value: object) -> str:
    """Return the name of a value's type, shortened and safe to print, whatever its metaclass says."""
    name: str = type.__dict__["__name__"].__get__(type(value))
    return excerpt(str.__str__(name))


def pointer_to(*names: str | int) -> str:
    """Return the JSON Pointer (RFC 6901) of nested names; a name longer than 60 characters is truncated with an ellipsis."""
    parts = (name if isinstance(name, int) else _truncated(name).replace("~", "~0").replace("/", "~1") for name in names)
    return "".join(f"/{part}" for part in parts)


def _truncated(name: str) -> str:
    return name if len(name) <= EXCERPT_LENGTH else name[:EXCERPT_LENGTH] + "…"


def counted(number: int, word: str) -> str:
    """Return a number with a noun, in the plural unless the number is 1."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the known name that is most similar to another one, in any letter case; None if none is similar.

    Of equally similar names it is the one with the longest common beginning, and the first of these. `cutoff` is how similar it has to be,
    from 0 to 1 (`difflib`).
    """
    import difflib  # noqa: PLC0415  # only for errors
    from os.path import commonprefix  # noqa: PLC0415

    name, names = name[:80].lower(), {word.lower(): word for word in known}
    near = difflib.get_close_matches(name, names, n=5, cutoff=cutoff)

    def similarity(word: str) -> tuple[float, int]:
        return difflib.SequenceMatcher(None, word, name).ratio(), len(commonprefix([word, name]))  # noqa: RUF071  # no paths

    return names[max((word for word in names if word in near), key=similarity)] if near else None


def format_status(status: int, code: str | None) -> str:
    """Return status code and error code so that they are not read as two status codes: `401 with code 200`."""
    return str(status) if code is None else f"{status} with code {code}"
