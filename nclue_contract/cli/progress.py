"""A progress bar on the terminal for long runs; elsewhere nothing is drawn."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

_FIRST_DRAWN_S = 1.0  # short runs need no bar
_INTERVAL_S = 0.2
_WIDTH = 30


def megabytes(size: int) -> str:
    """Return a number of bytes in words."""
    return f"{size / 1e6:,.0f} MB"


class ProgressBar:
    """Draws on `stream` how much is done, at most five times a second, once a run takes longer than a second.

    `total` is in bytes, or in the unit that `spell` puts into words; 0 when it is not known, as for standard input: then only the amount is
    drawn. Nothing is drawn unless `enabled`, nor without a stream: a process may have no standard error.
    """

    def __init__(
        self, stream: TextIO | None, total: int, *, enabled: bool, doing: str = "validating", spell: Callable[[int], str] = megabytes
    ) -> None:
        self._doing = doing
        self._spell = spell
        self._stream = stream
        self._total = total
        self._done = 0
        self._enabled = enabled
        self._next = time.monotonic() + _FIRST_DRAWN_S
        self._drawn = False

    def advance(self, size: int) -> None:
        """Add `size` to the amount that is done, and draw if it is time to."""
        self.update(self._done + size, self._total)

    def update(self, done: int, total: int) -> None:
        """Set the amount that is done, and the total, and draw if it is time to."""
        self._done, self._total = done, total
        if self._stream is not None and self._enabled and time.monotonic() >= self._next:
            self._next = time.monotonic() + _INTERVAL_S
            self._stream.write(f"\r\x1b[K{self._bar()}")
            self._stream.flush()
            self._drawn = True

    def clear(self) -> None:
        """Remove the bar, before something else is written to the terminal and at the end."""
        if self._stream is not None and self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._drawn = False

    def _bar(self) -> str:
        if not self._total:
            return f"{self._doing}: {self._spell(self._done)}"
        share = min(1.0, self._done / self._total)
        return f"{self._doing}: [{'#' * int(share * _WIDTH):{_WIDTH}}] {share:4.0%} of {self._spell(self._total)}"
