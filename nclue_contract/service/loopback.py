"""The server inside a test run: on a free port of this machine, in a thread of its own. Needs uvicorn, the extra `server`."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Self, TypeVar

import uvicorn

from nclue_contract.service.asgi import App
from nclue_contract.service.service import Service

T = TypeVar("T")

PATIENCE_S = 1
"""Seconds that requests under way get to end."""

DEADLINE_S = 30
"""Seconds after which a server that does not start, answer or end is given up."""


class Loopback:
    """Serves within a `with` statement. Set `service` to have another one answer from the next request on; `url` is the base URL."""

    def __init__(self, service: Service) -> None:
        self._app = App(service)
        self._prefix = service.prefix
        self.url: str = ""

    @property
    def service(self) -> Service:
        """The service that answers."""
        return self._app.service

    @service.setter
    def service(self, service: Service) -> None:
        self._app.service = service

    def now_ms(self) -> int:
        """The clock of the server, in milliseconds since 1970-01-01 UTC."""
        return self._app.clock()

    def call(self, function: Callable[[], T]) -> T:
        """What a function gives that is called between two requests, so that it has the service for itself."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(function())
            except BaseException as error:  # noqa: BLE001  # goes to the caller, whatever it is
                future.set_exception(error)

        self._server.loop.call_soon_threadsafe(run)
        return future.result(DEADLINE_S)

    def __enter__(self) -> Self:
        # The protocol is named, or asyncio does not know that this is TCP, and every answer on an open connection waits 40 ms (Nagle).
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}{self._prefix}"
        config = uvicorn.Config(
            self._app,
            http="h11",  # not whatever is installed: the same answers everywhere
            loop="asyncio",
            lifespan="off",
            ws="none",
            log_config=None,  # logging belongs to the tests
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=PATIENCE_S,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]}, name="nclue-contract", daemon=True)
        self._quiet = _Quiet(self._thread)
        for logger in _LOGGERS:
            logger.addFilter(self._quiet)
        self._thread.start()
        self._server.over.wait(DEADLINE_S)
        if not self._server.started:
            self.close()
            raise RuntimeError(f"the server on loopback did not start, or not within {DEADLINE_S} seconds")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the server and its thread."""
        self._server.should_exit = True
        self._thread.join(DEADLINE_S)
        for logger in _LOGGERS:
            logger.removeFilter(self._quiet)
        self._listener.close()


_LOGGERS = (logging.getLogger("uvicorn.error"), logging.getLogger("uvicorn.access"))


class _Server(uvicorn.Server):
    """A uvicorn that says when its start is over, be it well or not."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.over: threading.Event = threading.Event()
        self.loop: asyncio.AbstractEventLoop

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            super().run(sockets)
        finally:
            self.over.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.over.set()


class _Quiet(logging.Filter):
    """Keeps out of the tests' logs what one thread says, such as that a body was cut, unless something was raised there."""

    def __init__(self, thread: threading.Thread) -> None:
        super().__init__()
        self._thread = thread

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return record.thread != self._thread.ident or not (error is None or isinstance(error, asyncio.CancelledError))
