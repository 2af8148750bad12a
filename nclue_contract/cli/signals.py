"""Signals: a command that is terminated ends as if it were interrupted, so that it cleans up and writes its reports.

Python handles a signal between two instructions, and when it wakes up a system call. One that comes between the last instruction before a
system call and the moment when that blocks does neither: it is handled when the call returns, which for standard input may be never.
`interruptible` is for reading what may not end.
"""

from __future__ import annotations

import io
import os
import select
import signal
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import BinaryIO

STEP_S = 0.5
"""Seconds after which a signal is noticed, at most, while a command waits for input."""


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


def interruptible(stream: BinaryIO) -> BinaryIO:
    """Return a stream that reads from the same pipe, terminal or device, but waits for it in steps, between which signals are handled.

    The stream of a regular file is returned as it is, since it always has an end; so is one that is no file, such as bytes in memory. On
    Windows every stream is, because `select` cannot wait for pipes there. Nothing must have been read from the stream yet.
    """
    try:
        endless = not stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except OSError:
        return stream
    raw = getattr(stream, "raw", None)
    return io.BufferedReader(_InSteps(raw)) if endless and isinstance(raw, io.FileIO) and sys.platform != "win32" else stream


def standard_input() -> BinaryIO | None:
    """Return standard input, in which signals are noticed; None when it is closed."""
    return interruptible(sys.stdin.buffer) if sys.stdin else None


class _InSteps(io.RawIOBase):
    """Reads from a file that may not end."""

    def __init__(self, file: io.FileIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._file.fileno()

    def readinto(self, buffer: memoryview, /) -> int | None:  # type: ignore[override]  # the type of buffers has no name in Python 3.11
        while not select.select([self._file], [], [], STEP_S)[0]:
            pass
        return self._file.readinto(buffer)
