"""Serve the service over HTTP with uvicorn: until a signal, for `nclue-contract serve`, or within a `with` statement, for tests.

Needs uvicorn, which comes with the extra `server`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Protocol, Self, TextIO, TypeVar

import uvicorn

from nclue_contract.contract.real_time import monotonic
from nclue_contract.service.addressing import AllowedHosts
from nclue_contract.service.asgi import App, Receive, Scope, Send
from nclue_contract.service.service import Service

T = TypeVar("T")

DEADLINE_S = 30
"""Seconds within which a server in a thread must start, respond and end."""


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 means a free one. Raises `OSError` when the address cannot be used.

    Listening here, and not in uvicorn, finds an address in use before the server starts.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named so that asyncio knows that this is TCP; otherwise Nagle's algorithm delays each response by 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except BaseException:
        listener.close()
        raise
    return listener


def base_url(listener: socket.socket, prefix: str) -> str:
    """Return the URL of a listening socket with a path behind it."""
    address, port = listener.getsockname()[:2]
    name = f"[{address}]" if listener.family == socket.AF_INET6 else address
    return f"http://{name}:{port}{prefix}"


def _config(app: Any, *, shutdown_s: int, **options: Any) -> uvicorn.Config:  # noqa: ANN401  # an ASGI application, and options of uvicorn
    """Return the configuration of uvicorn for an ASGI application.

    `shutdown_s` is how long open requests may take when the server ends.
    """
    chosen: dict[str, Any] = {"lifespan": "off"} | options
    return uvicorn.Config(
        app,
        http="h11",  # not whatever is installed: the same responses everywhere
        loop="asyncio",
        ws="none",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=shutdown_s,
        **chosen,
    )


# -- until a signal ------------------------------------------------------------------------------------------------------------------


class _AnnouncingServer(uvicorn.Server):
    """A uvicorn that prints lines when it is ready, and ends with success on SIGTERM and SIGINT.

    `ending` is called when it begins to end, before it waits for responses.
    """

    def __init__(self, config: uvicorn.Config, announcement: str, stdout: TextIO, ending: Callable[[], object]) -> None:
        super().__init__(config)
        self._announcement = announcement
        self._stdout = stdout
        self._ending = ending

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(self._announcement, file=self._stdout, flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._ending()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        # uvicorn's own method raises the signal again at the end, which would end the process with an error.
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class WatchedApp(Protocol):
    """An ASGI application with a page for people, at the path `page`, and with responses that end only when they are asked to."""

    @property
    def page(self) -> str:
        """Return the path of the page."""
        ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to one request."""

    def close(self) -> None:
        """End the responses that have no end of their own."""


def serve_app(app: WatchedApp, listener: socket.socket, prefix: str, stdout: TextIO, **options: Any) -> None:  # noqa: ANN401  # options of uvicorn
    """Serve an ASGI application on a listening socket until SIGTERM or SIGINT; print its base URL and its page when it is ready."""
    config = _config(app, shutdown_s=2, log_level="error", access_log=False, **options)
    logging.getLogger("uvicorn.error").addFilter(_unexpected)
    announcement = f"LISTENING {base_url(listener, prefix)}\nPAGE {base_url(listener, app.page)}"
    _AnnouncingServer(config, announcement, stdout, app.close).run(sockets=[listener])


def _unexpected(record: logging.LogRecord) -> bool:
    """Return whether a log record is about more than a deliberately cut body, or a response still delayed when the server ends."""
    error = record.exc_info[1] if record.exc_info else None
    expected = ("ASGI callable returned without completing response", "Cancel ")
    return not isinstance(error, asyncio.CancelledError) and not record.getMessage().startswith(expected)


# -- within a `with` statement -------------------------------------------------------------------------------------------------------


class LoopbackServer:
    """Serves on a free port of 127.0.0.1, in a thread of its own, within a `with` statement; `url` is the base URL.

    Set `service` to replace the service from the next request on.
    """

    def __init__(self, service: Service) -> None:
        self._app = App(service, allowed_hosts=AllowedHosts())
        self.url: str = ""

    @property
    def service(self) -> Service:
        """The service that handles the requests."""
        return self._app.service

    @service.setter
    def service(self, service: Service) -> None:
        self._app.service = service

    def call(self, function: Callable[[Service, int], T]) -> T:
        """Call a function with the service and the time (milliseconds since 1970-01-01 UTC), while no request is handled."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(function(self._app.service, self._app.clock()))
            except BaseException as error:  # noqa: BLE001  # is raised in the caller's thread
                future.set_exception(error)

        self._server.loop.call_soon_threadsafe(run)
        return future.result(DEADLINE_S)

    def __enter__(self) -> Self:
        self._listener = listen("127.0.0.1", 0)
        self.url = base_url(self._listener, self.service.prefix)
        self._server = _ThreadServer(_config(self._app, shutdown_s=1, log_config=None))  # logging belongs to the tests
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]}, name="nclue-contract", daemon=True)
        self._quiet = _ThreadFilter(self._thread)
        for logger in _LOGGERS:
            logger.addFilter(self._quiet)
        self._thread.start()
        self._server.startup_ended.wait(DEADLINE_S)
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


class _ThreadServer(uvicorn.Server):
    """A uvicorn that sets an event when its startup has ended, successfully or not."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.startup_ended: threading.Event = threading.Event()
        self.loop: asyncio.AbstractEventLoop

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            with asyncio.Runner(loop_factory=_RunningLoop) as runner:
                runner.run(self.serve(sockets))
        finally:
            self.startup_ended.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.startup_ended.set()


class _RunningLoop(asyncio.SelectorEventLoop):
    """An event loop whose timers end although a test has stopped the time; uvicorn looks every 0.1 seconds whether it is to end."""

    def time(self) -> float:
        return monotonic()


class _ThreadFilter(logging.Filter):
    """Drops the log records of one thread, such as the one about a cut body, unless they report an exception."""

    def __init__(self, thread: threading.Thread) -> None:
        super().__init__()
        self._thread = thread

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return record.thread != self._thread.ident or not (error is None or isinstance(error, asyncio.CancelledError))
