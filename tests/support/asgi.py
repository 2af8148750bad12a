"""Requests to an ASGI application in this process, without a network: whole ones, and responses that are read piece by piece."""

import asyncio
import contextlib
from dataclasses import dataclass


@dataclass
class Reply:
    status: int
    headers: list
    body: bytes

    def header(self, name):
        """Return the values of a header."""
        return [value for other, value in self.headers if other == name]


class Talk:
    """One request whose response is read as it comes, in an `async with` statement, at whose end the client leaves.

    Without `reads`, nothing of the body is read: the server waits as it does when the buffers of a connection are full.
    """

    def __init__(self, app, target, *, method="GET", headers=None, body=b"", host="localhost:8000", reads=True):
        path, _, query = target.partition("?")
        pairs = {"host": host} | (headers or {})
        self._scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in pairs.items() if value is not None],
        }
        self._app = app
        self._requests = [{"type": "http.request", "body": body, "more_body": False}]
        self._left = asyncio.Event()
        self._sent = asyncio.Queue()
        self._reads = reads
        self.started = asyncio.Event()
        self.complete = False

    async def _receive(self):
        if self._requests:
            return self._requests.pop()
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message):
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [(name.decode(), value.decode()) for name, value in message["headers"]]
            self.started.set()
            return
        if not self._reads:
            await asyncio.Event().wait()
        self._sent.put_nowait(message.get("body", b""))
        if not message.get("more_body"):
            self.complete = True

    async def __aenter__(self):
        self.task = asyncio.ensure_future(self._app(self._scope, self._receive, self._send))
        self.task.add_done_callback(lambda _: self._sent.put_nowait(None))
        starting = asyncio.ensure_future(self.started.wait())
        await asyncio.wait({self.task, starting}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await self.task  # raises why there is no response
        return self

    async def __aexit__(self, *_):
        self._left.set()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task

    async def piece(self):
        """Return the next piece of the body; None at its end."""
        return await self._sent.get()

    async def rest(self):
        """Return all that is left of the body."""
        pieces = []
        while (piece := await self.piece()) is not None:
            pieces.append(piece)
        return b"".join(pieces)


def ask(app, target, **options):
    """Send a request and return the whole response."""

    async def run():
        async with Talk(app, target, **options) as talk:
            return Reply(talk.status, talk.headers, await talk.rest())

    return asyncio.run(run())


def events(data):
    """Return the events in what a stream has sent, each as its fields; comments are left out."""
    blocks = [block.split("\n") for block in data.decode("ascii").split("\n\n") if block]
    return [dict(line.split(": ", 1) for line in block) for block in blocks if not block[0].startswith(":")]
