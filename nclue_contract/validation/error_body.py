"""The error code in the body of an error response, in every documented shape. The page is "API Gateway", error handling."""

from __future__ import annotations

from collections.abc import Mapping

CODE_FIELDS = ("errorCode", "code")
"""The fields that may hold the error code, the documented one first."""

MAX_LENGTH = 80
"""Characters of an error code that are read; a longer one is cut."""


def error_code(body: object) -> str | None:
    """Return the error code in a response body (a JSON value) as text, at most 80 characters; None when there is none.

    The code may stand in the object `error` or at the top, under either name, as a string or an integer. Whether that place and that type
    are the expected ones is for `validate_response` to decide.
    """
    if not isinstance(body, Mapping):
        return None
    nested = body.get("error")
    holders = [nested, body] if isinstance(nested, Mapping) else [body]
    codes = (code_text(holder.get(name)) for holder in holders for name in CODE_FIELDS)
    return next((code for code in codes if code is not None), None)


def code_text(value: object) -> str | None:
    """Return the value of an error code as text; None for null, a boolean, an integer beyond 64 bits and the like."""
    if isinstance(value, str):
        return value[:MAX_LENGTH]
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 64:
        return str(value)
    return None
