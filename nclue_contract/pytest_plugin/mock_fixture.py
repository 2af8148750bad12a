"""The mock as a fixture: httpx and httpx2 are answered by a watched service. Needs respx and httpx, the extra `mock`."""

from __future__ import annotations

import inspect
import os
import sysconfig
from pathlib import Path

from nclue_contract.contract.model import contract
from nclue_contract.mock import Mock
from nclue_contract.service.service import Service

LIBRARIES = tuple(
    os.path.join(os.path.realpath(folder), "")  # noqa: PTH118  # a Path has no slash at its end
    for folder in (*map(sysconfig.get_path, ("stdlib", "purelib", "platlib")), str(Path(__file__).parent.parent))
)
"""Where the code that sends for others is; with a slash at the end."""


class WatchedMock(Mock):
    """A `Mock` that knows its base URL."""

    url: str

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self.url = contract().server

    def __repr__(self) -> str:
        return f"<nclue_mock of {self.url}>"


def sender() -> str:
    """The place in the client that is sending just now, such as `client.py:12 in create`; empty when libraries alone are sending."""
    frame = inspect.currentframe()
    while frame is not None:
        code = frame.f_code
        if not code.co_filename.startswith("<") and not os.path.realpath(code.co_filename).startswith(LIBRARIES):
            return f"{_short(code.co_filename)}:{frame.f_lineno} in {code.co_name}"
        frame = frame.f_back
    return ""


def _short(path: str) -> str:
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except (ValueError, OSError):  # elsewhere, or the current folder is gone
        return path
