"""Runs the server: `nclue-contract serve`. Needs uvicorn, which comes with the extra `server`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Generator
from typing import TextIO

import uvicorn

from nclue_contract.service.asgi import App
from nclue_contract.service.service import Service

PATIENCE = 2
"""Seconds that requests under way get to end after a signal."""


class _Server(uvicorn.Server):
    """A uvicorn that says when it is ready, and for which a SIGTERM is a good end."""

    def __init__(self, config: uvicorn.Config, announcement: str, stdout: TextIO) -> None:
        super().__init__(config)
        self._announcement = announcement
        self._stdout = stdout

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(self._announcement, file=self._stdout, flush=True)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        # uvicorn's own raises the signal again when everything is over, which would end the process with an error.
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(service: Service, host: str, port: int, stdout: TextIO) -> None:
    """Serve until SIGTERM or SIGINT. Port 0 takes a free one. Raises `OSError` when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named, or asyncio does not know that this is TCP and lets every answer on an open connection wait for 40 ms (Nagle).
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()  # here, so that an address in use is found before uvicorn starts
        address, port = listener.getsockname()[:2]
        name = f"[{address}]" if family == socket.AF_INET6 else address
        config = uvicorn.Config(
            App(service),
            http="h11",  # not whatever is installed: the same answers everywhere
            loop="asyncio",
            lifespan="off",
            ws="none",
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=PATIENCE,
        )
        logging.getLogger("uvicorn.error").addFilter(_unexpected)
        _Server(config, f"LISTENING http://{name}:{port}{service.prefix}", stdout).run(sockets=[listener])


def _unexpected(record: logging.LogRecord) -> bool:
    """Whether a record tells of more than a body that was cut on purpose, or an answer that was still delayed when the server ended."""
    error = record.exc_info[1] if record.exc_info else None
    expected = ("ASGI callable returned without completing response", "Cancel ")
    return not isinstance(error, asyncio.CancelledError) and not record.getMessage().startswith(expected)
