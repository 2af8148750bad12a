"""Signals: a command that is terminated ends as if it were interrupted, so that it cleans up and writes its reports."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def termination_as_interruption() -> Iterator[None]:
    """Raise `KeyboardInterrupt` for SIGTERM, and where a terminal is closed (SIGHUP), within the block, as Python does for SIGINT.

    Only a main thread can have a handler. SIGHUP stays ignored where it is (nohup).
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, _interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)  # None: it was not set by Python


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
