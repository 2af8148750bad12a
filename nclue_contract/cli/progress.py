"""A progress bar on the terminal for what takes long; nothing at all elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

_QUIET_SECONDS = 1.0  # short runs need no bar
_EVERY_SECONDS = 0.2
_CELLS = 30


def megabytes(size: int) -> str:
    """An amount of bytes."""
    return f"{size / 1e6:,.0f} MB"


class Progress:
    """Draws on `stream` how much is done, at most five times a second, once a run takes longer than a second.

    `total` is in bytes, or in what `spell` puts into words; 0 when it is not known, as for standard input: then only the amount is shown.
    """

    def __init__(
        self, stream: TextIO, total: int, *, enabled: bool, doing: str = "validating", spell: Callable[[int], str] = megabytes
    ) -> None:
        self._doing = doing
        self._spell = spell
        self._stream = stream
        self._total = total
        self._read = 0
        self._enabled = enabled
        self._next = time.monotonic() + _QUIET_SECONDS
        self._drawn = False

    def advance(self, size: int) -> None:
        """Count `size` more, and draw when it is time to."""
        self._read += size
        if self._enabled and time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY_SECONDS
            self._stream.write(f"\r\x1b[K{self._bar()}")
            self._stream.flush()
            self._drawn = True

    def clear(self) -> None:
        """Take the bar away, before something else is written to the terminal and at the end."""
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._drawn = False

    def _bar(self) -> str:
        if not self._total:
            return f"{self._doing}: {self._spell(self._read)}"
        share = min(1.0, self._read / self._total)
        return f"{self._doing}: [{'#' * int(share * _CELLS):{_CELLS}}] {share:4.0%} of {self._spell(self._total)}"
