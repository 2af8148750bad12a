"""The live page as an ASGI application around another one: five addresses are its own, everything else is passed on.

GET /_nclue              leads to the page
GET /_nclue/             the page
GET /_nclue/events       its events (`stream`)
GET /_nclue/report.json  the exchanges that are kept, as the report of `traffic --format json`
GET /_nclue/traffic.har  the same as HAR

Like the control paths, they are not for pages of other sites: the host of a request is checked, and so is where the browser says that it
comes from. The page itself is of the same origin.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from nclue_contract.live import downloads
from nclue_contract.live.feed import Feed
from nclue_contract.live.page import HEADERS, page, policy
from nclue_contract.live.stream import POLL_S, EventStream, TaskSource
from nclue_contract.service.addressing import AllowedHosts, split_target
from nclue_contract.traffic.judge import JudgeOptions
from nclue_contract.validation.reports.base import Run

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

PAGE = "/_nclue/"
"""The address of the page."""

WITHOUT_SLASH = PAGE.rstrip("/")
"""What people type instead."""

MAX_STREAMS = 8
"""Streams and downloads at the same time. A browser opens at most six connections to one server."""

SEND_S = 30.0
"""Seconds in which a browser has to read what was sent; a stream that is not read is ended, so that another one can be opened."""

CHUNK = 1 << 16
"""Characters of a download that are sent at once."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What is watched: the name of the command and the base URL of its server, how exchanges are judged, and what reports carry."""

    command: str
    url: str
    judging: JudgeOptions
    run: Run


class LiveApp:
    """An ASGI application that has the page, and passes other requests on to `inner`."""

    def __init__(
        self, inner: Application, feed: Feed, tasks: TaskSource, watched: Watched, hosts: AllowedHosts, *, poll_s: float = POLL_S
    ) -> None:
        self._inner = inner
        self._feed = feed
        self._tasks = tasks
        self._watched = watched
        self._hosts = hosts
        self._poll_s = poll_s
        self.streams: int = 0

    @property
    def page(self) -> str:
        """The path of the page."""
        return PAGE

    def close(self) -> None:
        """End all streams, so that the server can end."""
        self._feed.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to one request."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        raw: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogateescape")
        authority, target = split_target(raw.decode("latin-1"))
        path = target.partition("?")[0]
        streams = {f"{PAGE}events": self._events, f"{PAGE}report.json": self._report, f"{PAGE}traffic.har": self._har}
        if path not in {PAGE, WITHOUT_SLASH, *streams}:
            await self._inner(scope, receive, send)
            return
        response = _Response(scope, receive, send)
        status, problem = self._refusal(scope, authority, response.headers)
        if problem:
            allowed = [("allow", "GET, HEAD")] if status == HTTPStatus.METHOD_NOT_ALLOWED else []
            await response.whole(status, "application/json", json.dumps({"problem": problem}).encode(), allowed)
        elif path == WITHOUT_SLASH:
            await response.whole(HTTPStatus.PERMANENT_REDIRECT, "text/plain; charset=utf-8", PAGE.encode(), [("location", PAGE)])
        elif path == PAGE:
            csp = [("content-security-policy", policy())]
            await response.whole(HTTPStatus.OK, "text/html; charset=utf-8", page(), csp)
        elif self.streams >= MAX_STREAMS:
            text = json.dumps({"problem": f"{MAX_STREAMS} pages are open already; close one of them"}).encode()
            await response.whole(HTTPStatus.SERVICE_UNAVAILABLE, "application/json", text, [("retry-after", "5")])
        else:
            self.streams += 1
            try:
                await streams[path](response)
            finally:
                self.streams -= 1

    def _refusal(self, scope: Scope, authority: str | None, headers: Mapping[str, list[str]]) -> tuple[HTTPStatus, str]:
        """Return why a request is refused, with the status; an empty text for one that is not."""
        hosts = headers.get("host", [])
        if problem := self._hosts.refusal(authority, hosts, scope.get("http_version", "1.1")):
            return HTTPStatus.MISDIRECTED_REQUEST, problem
        own = {f"{scope.get('scheme', 'http')}://{authority or ''.join(hosts)}".lower()}
        sites = set(headers.get("sec-fetch-site", []))
        if {origin.lower() for origin in headers.get("origin", [])} - own or sites - {"none", "same-origin"}:
            return (
                HTTPStatus.FORBIDDEN,
                "what happens here is not shown to pages of other sites; type the address instead of following a link",
            )
        if scope["method"] not in {"GET", "HEAD"}:
            return HTTPStatus.METHOD_NOT_ALLOWED, "this address needs the method GET"
        return HTTPStatus.OK, ""

    # -- what is sent in pieces -------------------------------------------------------------------------------------------------------

    async def _events(self, response: _Response) -> None:
        watched = self._watched
        facts = {"command": watched.command, "url": watched.url, "version": watched.run.version, "contract": watched.run.revision}
        last_id = "".join(response.headers.get("last-event-id", []))
        stream = EventStream(self._feed, self._tasks, last_id, facts, self._poll_s)
        await response.stream("text/event-stream", stream.chunks(), [("x-accel-buffering", "no")])

    async def _report(self, response: _Response) -> None:
        watched = self._watched
        pieces = downloads.report(self._feed, watched.judging, watched.run, watched.command)
        await response.stream("application/json", _together(pieces), [_attachment(f"nclue-{watched.command}.json")])

    async def _har(self, response: _Response) -> None:
        pieces = downloads.har(self._feed, self._watched.run.version)
        await response.stream("application/json", _together(pieces), [_attachment(f"nclue-{self._watched.command}.har")])


def _attachment(name: str) -> tuple[str, str]:
    return "content-disposition", f'attachment; filename="{name}"'


async def _together(pieces: Iterator[str]) -> AsyncGenerator[bytes, None]:
    """Yield pieces in larger ones, and let other requests be handled between any two."""
    text = ""
    for piece in pieces:
        text += piece
        if len(text) >= CHUNK:
            yield text.encode("ascii")
            text = ""
        await asyncio.sleep(0)
    yield text.encode("ascii")


class _Response:
    """Sends a response of the page; `headers` are those of its request, by their names in lower case."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._head = scope["method"] == "HEAD"
        self._receive = receive
        self._send = send
        self.headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            self.headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))

    async def whole(self, status: HTTPStatus, media_type: str, body: bytes, headers: list[tuple[str, str]]) -> None:
        """Send a response with a body whose length is known."""
        await self._start(status, media_type, [("content-length", str(len(body))), *headers])
        await self._send({"type": "http.response.body", "body": b"" if self._head else body})

    async def stream(self, media_type: str, chunks: AsyncGenerator[bytes, None], headers: list[tuple[str, str]]) -> None:
        """Send a body in pieces until it ends, or until its client has left or does not read it; then it has no end."""
        await self._start(HTTPStatus.OK, media_type, headers)
        if self._head:
            await self._send({"type": "http.response.body", "body": b""})
            return
        sending, leaving = asyncio.ensure_future(self._send_all(chunks)), asyncio.ensure_future(self._disconnected())
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sending.cancel()
            leaving.cancel()
            await asyncio.wait({sending, leaving})
        if not sending.cancelled():
            with suppress(TimeoutError):
                sending.result()

    async def _send_all(self, chunks: AsyncGenerator[bytes, None]) -> None:
        async with aclosing(chunks):
            async for piece in chunks:
                async with asyncio.timeout(SEND_S):
                    await self._send({"type": "http.response.body", "body": piece, "more_body": True})
            await self._send({"type": "http.response.body", "body": b""})

    async def _disconnected(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _start(self, status: HTTPStatus, media_type: str, headers: list[tuple[str, str]]) -> None:
        pairs = [("content-type", media_type), *HEADERS, *headers]
        encoded = [(name.encode("ascii"), value.encode("ascii")) for name, value in pairs]
        await self._send({"type": "http.response.start", "status": int(status), "headers": encoded})
