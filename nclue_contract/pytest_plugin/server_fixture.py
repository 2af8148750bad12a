"""The private server as a fixture: what a test may ask of it, while the server answers in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

if TYPE_CHECKING:
    from nclue_contract.service.loopback import Loopback

T = TypeVar("T")


class ServerView:
    """The private server with a service for one test; everything but `url` concerns that service.

    With a server of your own (`nclue_url`) there is only `url`: a test that asks for more is skipped.
    """

    def __init__(self, url: str, server: Loopback | None = None) -> None:
        self.url: str = url
        self._server = server

    def __repr__(self) -> str:
        return f"<nclue_server at {self.url}>"

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """The tasks in the order of their creation, as getTask would show them now. Looking does not count as reading."""

        def shown(server: Loopback) -> list[dict[str, Any]]:
            service = server.service
            service.lifecycle.tick(service.active, server.now_ms())
            return [service.views.shown(task) for task in service.store]

        return self._call(shown)

    @property
    def requests(self) -> list[dict[str, Any]]:
        """What was sent, as the journal keeps it, the newest last; at most the last 1,000. Values of signed headers are masked."""
        return self._call(lambda server: list(server.service.store.journal))

    def fail_next(self, count: int = 1, *, error: str = "", delay_s: float = 0.0, cut: bool = False) -> None:
        """Let the next requests fail: with a documented error by its name (such as RATE_LIMITED), late, or cut in the middle of the body.

        Raises `ValueError` for an error that the tables do not have, and for a delay that nobody can wait.
        """
        self._call(lambda server: server.service.fail_next(count, error=error, delay_s=delay_s, cut=cut))

    def advance(self, task_id: str | None = None, *, fail_message: str | None = None) -> int:
        """Move one task, or all that have not ended, one step; the number of those that moved. `fail_message` lets them fail in the end."""
        return self._call(lambda server: server.service.advance(task_id, now_ms=server.now_ms(), fail_message=fail_message))

    def reset(self) -> None:
        """Forget tasks, journal and injected failures."""
        self._call(lambda server: server.service.reset())

    def _call(self, function: Callable[[Loopback], T]) -> T:
        server = self._server
        if server is None:
            pytest.skip(f"only the private server can be looked into and steered, and nclue_url names another one: {self.url}")
        return server.call(lambda: function(server))
