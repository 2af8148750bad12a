"""The error code in the body of an error response, in every shape of `error-shape`. The page is "API Gateway", error handling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from nclue_contract.contract.model import ErrorShape, contract

MAX_LENGTH = 80
"""Characters of an error code that are read; a longer one is cut."""


def error_code(body: object) -> str | None:
    """Return the error code in a response body (a JSON value) as text, at most 80 characters; None when there is none.

    The code may stand at the place of any option of `error-shape`, as a string or an integer. Whether that place and that type are the
    expected ones is for `validate_response` to decide.
    """
    codes = (code_text(holder.get(shape.code)) for _, shape, holder in error_shapes(body))
    return next((code for code in codes if code is not None), None)


def error_shapes(body: object) -> Iterator[tuple[str, ErrorShape, Mapping[str, object]]]:
    """Yield the shapes that a response body can have, with their options and the objects that hold the code: those in an object first."""
    if not isinstance(body, Mapping):
        return
    for option, shape in _shapes():
        holder = body.get(shape.object) if shape.object else body
        if isinstance(holder, Mapping) and shape.code in holder:
            yield option, shape, holder


@cache
def _shapes() -> tuple[tuple[str, ErrorShape], ...]:
    """Return the options of `error-shape` with their shapes, those in an object first."""
    return tuple(sorted(contract().error_shapes.items(), key=lambda one: not one[1].object))


def code_text(value: object) -> str | None:
    """Return the value of an error code as text; None for null, a boolean, an integer beyond 64 bits and the like."""
    if isinstance(value, str):
        return value[:MAX_LENGTH]
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 64:
        return str(value)
    return None
