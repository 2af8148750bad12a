"""Signals: a command that is terminated ends as if it were interrupted, so that it cleans up and writes its reports."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def termination_as_interruption() -> Iterator[None]:
    """Raise `KeyboardInterrupt` for SIGTERM within the block, as Python does for SIGINT. Only a main thread can have a handler."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)  # None: it was not set by Python


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
