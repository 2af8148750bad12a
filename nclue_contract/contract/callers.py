"""Find the code that uses this package: the innermost frame that is neither of a library nor of this package."""

from __future__ import annotations

import os
import sys
import sysconfig
from functools import cache
from types import FrameType


@cache
def _libraries() -> tuple[str, ...]:
    """Return the folders of libraries and of this package, each with a slash at the end."""
    package = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120  # pathlib is not loaded to validate a payload
    folders = (*map(sysconfig.get_path, ("stdlib", "purelib", "platlib")), package)
    return tuple(os.path.join(os.path.realpath(folder), "") for folder in folders)  # noqa: PTH118  # a Path has no slash at its end


def user_frame() -> FrameType | None:
    """Return the innermost frame of the user's code; None when only libraries are on the stack."""
    frame: FrameType | None = sys._getframe()  # noqa: SLF001  # what inspect.currentframe() returns, without loading inspect
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith("<") and not os.path.realpath(name).startswith(_libraries()):
            return frame
        frame = frame.f_back
    return None
