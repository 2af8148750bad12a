"""What the fixtures `nclue_mock` and `nclue_server` give to a test, besides the mock: the control of the server, and the sender's place.

Needs neither httpx nor uvicorn: the session imports the mock and the server when a fixture is used.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from nclue_contract.contract.callers import user_frame
from nclue_contract.service.control import ServiceControl
from nclue_contract.service.service import Service

if TYPE_CHECKING:
    from nclue_contract.service.uvicorn_server import LoopbackServer

T = TypeVar("T")


class ServerControl(ServiceControl):
    """The private server, with a service for one test; everything but `url` concerns that service.

    With a server of your own (`nclue_url`) there is only `url`; a test that uses more is skipped.
    """

    def __init__(self, url: str, server: LoopbackServer | None = None) -> None:
        self.url: str = url
        self._server = server

    def __repr__(self) -> str:
        return f"<nclue_server at {self.url}>"

    def call(self, function: Callable[[Service, int], T]) -> T:
        """Call a function with the service and the time, while no request is handled. Skips the test without a private server."""
        if self._server is None:
            pytest.skip(f"only the private server can be inspected and controlled, and nclue_url names another one: {self.url}")
        return self._server.call(function)


def sender() -> str:
    """Return the place in the client that is sending, such as `client.py:12 in create`; empty when only libraries are on the stack."""
    frame = user_frame()
    return f"{_relative(frame.f_code.co_filename)}:{frame.f_lineno} in {frame.f_code.co_name}" if frame else ""


def _relative(path: str) -> str:
    """Return a path relative to the current folder; unchanged when it is elsewhere, or the current folder no longer exists."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except (ValueError, OSError):
        return path
