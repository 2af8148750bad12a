"""Base class of what controls a running service from a test: tasks, requests, failures, progress, reset."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

from nclue_contract.service.service import Service

T = TypeVar("T")


class ServiceControl(ABC):
    """Reads and changes the state of a service that is in use by clients in other threads."""

    @abstractmethod
    def call(self, function: Callable[[Service, int], T]) -> T:
        """Call a function with the service and the time (milliseconds since 1970-01-01 UTC), while no request is handled."""

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """The tasks in the order of their creation, as getTask would return them now. This does not count as a read."""

        def details(service: Service, now_ms: int) -> list[dict[str, Any]]:
            service.lifecycle.tick(service.active, now_ms)
            return [service.serializer.details(task) for task in service.store]

        return self.call(details)

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The journal: the last 1,000 requests as they were sent, oldest first. Keys, signatures and other secrets are masked."""
        return self.call(lambda service, _: service.journal())

    def fail_next(self, count: int = 1, *, error: str = "", delay_s: float = 0.0, cut: bool = False) -> None:
        """Let the next `count` requests fail: with a documented error by its name (such as RATE_LIMITED), delayed, or cut in the body.

        A delay longer than the read timeout of the client causes a timeout there; after a cut body, the connection is closed.
        Raises `ValueError` for an error that is not documented, and for a delay that is negative, a day or longer.
        """
        self.call(lambda service, _: service.fail_next(count, error=error, delay_s=delay_s, cut=cut))

    def advance(self, task_id: str | None = None, *, fail_message: str | None = None) -> int:
        """Move one task, or all that have not ended, one stage; return how many moved. With `fail_message` they end as failed."""
        return self.call(lambda service, now_ms: service.advance(task_id, now_ms=now_ms, fail_message=fail_message))

    def reset(self) -> None:
        """Remove tasks, journal and injected failures."""
        self.call(lambda service, _: service.reset())
