"""Values without what their classes may override, so that an odd subclass or a mock can neither raise nor lie while it is validated.

`isinstance` asks the object (`__class__`), which a mock with a spec or a property answers as it likes; here the type itself decides. What
is sent of a `str` subclass is its text, so that is what counts.
"""

from __future__ import annotations

from typing import TypeGuard

from nclue_contract.contract.wording import type_name


def is_text(value: object) -> TypeGuard[str]:
    """Return whether a value is a `str` or of a true subclass."""
    return issubclass(type(value), str)


def is_binary(value: object) -> TypeGuard[bytes | bytearray | memoryview]:
    """Return whether a value consists of bytes, and is not just said to be."""
    return issubclass(type(value), bytes | bytearray | memoryview)


def plain_text(value: str) -> str:
    """Return the text of a `str` or a subclass as an exact `str`."""
    return str.__str__(value)


def plain_bytes(value: object) -> bytes:
    """Return the bytes of a value. Raises `ValueError` for a released memoryview, `TypeError` for what has no bytes."""
    return value if type(value) is bytes else memoryview(value).tobytes()  # type: ignore[arg-type]  # what has no buffer is a TypeError


def plain(value: object) -> object:
    """Return a text as an exact `str`, and every other value as it is."""
    return plain_text(value) if is_text(value) else value


def reason(error: Exception) -> str:
    """Return the sentence of an error, or the name of its type where the error has none or cannot say it."""
    try:
        return plain_text(str(error)) or type_name(error)
    except Exception:  # noqa: BLE001  # the error of a hostile object is no better than the object
        return type_name(error)
