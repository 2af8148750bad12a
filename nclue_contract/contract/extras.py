"""Import of optional dependencies: a missing one raises an error with the command that installs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class MissingExtraError(ModuleNotFoundError):
    """An extra of the package is not installed; the message ends with the command that installs it, `name` is the missing module."""


def install_line(extra: str) -> str:
    """Return the shell command that installs an extra."""
    return f"pip install 'nclue-contract[{extra}]'"


@contextmanager
def require_extra(extra: str, who: str) -> Iterator[None]:
    """Raise `MissingExtraError` when an import in the block fails because a third-party module is missing.

    `who` begins the message and names what needs the module, such as "the mock needs respx and httpx".
    """
    try:
        yield
    except ImportError as error:
        if (error.name or "nclue_contract").partition(".")[0] == "nclue_contract" or isinstance(error, MissingExtraError):
            raise
        raise MissingExtraError(f"{who}; run: {install_line(extra)}", name=error.name) from error
