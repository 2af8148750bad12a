"""Sentences on standard error."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO


def print_error(message: str) -> None:
    """Print a sentence after the name of the command, if standard error is open."""
    _print(f"nclue-contract: {message}")


def print_reason(reason: str) -> None:
    """Print why a run is inconclusive, if standard error is open."""
    _print(f"inconclusive: {reason}")


def _print(line: str) -> None:
    if sys.stderr is None:
        return
    from nclue_contract.validation.reports.excerpt import safe_line  # noqa: PLC0415  # only for messages

    with suppress(OSError):
        print(safe_line(line, sys.stderr.encoding or "ascii"), file=sys.stderr)
    flush_errors()


def flush_errors() -> None:
    """Write what waits for standard error, or drop it: there is nowhere else to say that it cannot be written."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.flush()
    except OSError:
        discard(sys.stderr)


def discard(stream: TextIO) -> None:
    """Redirect a standard stream that cannot be written, so that Python does not fail again when it flushes the buffer at exit."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
