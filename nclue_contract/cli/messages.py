"""Sentences on standard error."""

from __future__ import annotations

import sys


def print_error(message: str) -> None:
    """Print a sentence after the name of the command, if standard error is open."""
    if sys.stderr is None:
        return
    from nclue_contract.validation.reports.excerpt import safe  # noqa: PLC0415  # only for messages

    print("nclue-contract:", safe(message, sys.stderr.encoding or "ascii"), file=sys.stderr, flush=True)
