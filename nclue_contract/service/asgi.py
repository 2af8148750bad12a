"""The service as an ASGI application: NCLUE's paths, and control paths under `/_nclue/`. The page there is by `nclue_contract.live`.

GET  /_nclue/health        {"status": "ok", …}
POST /_nclue/reset         remove tasks, journal and injected failures
GET  /_nclue/journal       the last 1,000 requests as they were sent, with the findings about them, and what is wrong with a signature
POST /_nclue/advance       {"task_id": …, "steps": 1, "fail_message": …}, all optional: move one task, or all
POST /_nclue/fail          {"count": 1, "error": "RATE_LIMITED", "delay_s": 0, "cut": false}: let the next requests fail
GET  /_nclue/openapi.json  the OpenAPI document under the readings of this server

Control paths are not for web pages: any page that is open in a browser can send requests to a server on loopback.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from nclue_contract.contract.model import contract
from nclue_contract.contract.openapi import document
from nclue_contract.service.addressing import AllowedHosts, split_target
from nclue_contract.service.messages import Request, Response
from nclue_contract.service.service import MAX_BODY, Service
from nclue_contract.signing import now_ms

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

CONTROL = "/_nclue/"
"""The prefix of the control paths; no path of NCLUE has it."""

PATH_CHARACTERS = "/:@!$&'()*+,;=~"
"""Characters that are not percent-encoded in a path (RFC 3986, section 3.3), for ASGI servers that do not pass `raw_path`."""


class App:
    """An ASGI application around a service. `clock` returns milliseconds since 1970-01-01 UTC.

    With `allowed_hosts`, as behind a socket, it responds with 421 to requests for other hosts; they do not get into the journal.
    """

    def __init__(self, service: Service, clock: Callable[[], int] = now_ms, allowed_hosts: AllowedHosts | None = None) -> None:
        self.service: Service = service
        self.clock: Callable[[], int] = clock
        self.allowed_hosts: AllowedHosts | None = allowed_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to one request; acknowledge a lifespan, and close a web socket."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            request = await _request(scope, receive)
            if request is None:
                return
            response = self._respond(request, scope.get("http_version", "1.1"))
            await _send(response, send, head=request.method == "HEAD", close=_has_two_lengths(request))
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _respond(self, request: Request, http_version: str) -> Response:
        authority, target = split_target(request.target)
        request = dataclasses.replace(request, target=target)
        if self.allowed_hosts is not None:
            refusal = self.allowed_hosts.refusal(authority, request.values("host"), http_version)
            if refusal:
                return _response(HTTPStatus.MISDIRECTED_REQUEST, {"problem": refusal})
        return self.control(request) if target.startswith(CONTROL) else self.service.handle(request, self.clock())

    def control(self, request: Request) -> Response:
        """Return the response to a control path. Such requests do not get into the journal."""
        if request.values("origin") or set(request.values("sec-fetch-site")) - {"none"}:  # "none": the user typed the URL
            return _response(403, {"problem": "control paths cannot be used from web pages"})
        name = request.target.removeprefix(CONTROL).partition("?")[0]
        known: dict[str, tuple[str, Callable[[dict[str, Any]], object]]] = {
            "health": ("GET", lambda _: {"status": "ok", "contract": contract().revision, "tasks": len(self.service.store)}),
            "reset": ("POST", self._reset),
            "journal": ("GET", lambda _: {"requests": self.service.store.requests, "entries": self.service.journal()}),
            "advance": ("POST", self._advance),
            "fail": ("POST", self._fail),
            "openapi.json": ("GET", lambda _: document(self.service.readings)),
        }
        if name not in known:
            return _response(404, {"problem": f"unknown control path; known: {', '.join(known)}"})
        method, call = known[name]
        if request.method != method:
            return _response(405, {"problem": f"{CONTROL}{name} needs the method {method}"}, (("allow", method),))
        try:
            options = json.loads(request.body or b"{}")
            if not isinstance(options, dict):
                return _response(400, {"problem": "the body is not a JSON object"})
            return _response(200, call(options))
        except (ValueError, TypeError, RecursionError) as error:
            return _response(400, {"problem": f"{error}"[:500]})

    def _reset(self, options: dict[str, Any]) -> dict[str, Any]:
        _check_options(options, {})
        self.service.reset()
        return {"status": "ok"}

    def _advance(self, options: dict[str, Any]) -> dict[str, Any]:
        _check_options(options, {"task_id": str, "steps": int, "fail_message": str})
        steps, task_id, message = options.get("steps", 1), options.get("task_id"), options.get("fail_message")
        now_ms = self.clock()
        moved = [self.service.advance(task_id, now_ms=now_ms, fail_message=message) for _ in range(min(steps, 10))]
        return {"moved": sum(moved)}

    def _fail(self, options: dict[str, Any]) -> dict[str, Any]:
        _check_options(options, {"count": int, "error": str, "delay_s": (int, float), "cut": bool})
        if not 0 <= options.get("count", 1) <= 1000 or not 0 <= options.get("delay_s", 0) <= 600:
            message = "count must be from 0 to 1,000, and delay_s from 0 to 600 seconds"
            raise ValueError(message)
        self.service.fail_next(**options)
        return {"injected": len(self.service.injected)}


def _check_options(options: dict[str, Any], known: dict[str, Any]) -> None:
    """Raise `TypeError` for an unknown option, or one of the wrong type; a boolean does not pass as a number."""
    for name, value in options.items():
        if name not in known or not isinstance(value, known[name]) or (isinstance(value, bool) and known[name] is not bool):
            message = f"{name!r:.80} is unknown or of the wrong type; known: {', '.join(known)}"
            raise TypeError(message)


def _response(status: int, value: object, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    return Response(status, json.dumps(value).encode(), (("content-type", "application/json"), *headers))


async def _request(scope: Scope, receive: Receive) -> Request | None:
    """Return the request as it was sent; None when the client disconnected before its end.

    Of a body that is too large, only as much is kept as the service needs to reject it.
    """
    raw_path = scope.get("raw_path") or quote(scope["path"], safe=PATH_CHARACTERS, errors="surrogateescape").encode("ascii")
    path, mark, _ = raw_path.partition(b"?")  # some servers leave the query in it
    query = scope.get("query_string", b"")
    target = path + (b"?" + query if query or mark else b"")
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        if size <= MAX_BODY:
            chunks.append(chunk[: MAX_BODY + 1 - size])
        size += len(chunk)
        if not message.get("more_body", False):
            break
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    return Request(scope["method"], target.decode("latin-1"), headers, b"".join(chunks), mark_hidden=not query and not mark)


def _has_two_lengths(request: Request) -> bool:
    """Return whether a request has both headers that tell where its body ends.

    A proxy may have taken the other one, and then what follows is not a request of its client: the connection has to be closed after the
    response (RFC 9112, section 6.1).
    """
    return bool(request.values("transfer-encoding") and request.values("content-length"))


async def _send(response: Response, send: Send, *, head: bool, close: bool) -> None:
    """Send a response, delayed or cut as it says, without its body to a HEAD request; `close` lets the server close the connection."""
    if response.delay_s:
        await asyncio.sleep(response.delay_s)
    closing = (("connection", "close"),) if close else ()
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in (*response.sent_headers, *closing)]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if response.cut:
        # Half of the announced length, and no end: the server closes the connection.
        await send({"type": "http.response.body", "body": response.body[: len(response.body) // 2], "more_body": True})
        return
    await send({"type": "http.response.body", "body": b"" if head else response.body})


async def _lifespan(receive: Receive, send: Send) -> None:
    """Acknowledge the messages of a lifespan until the shutdown."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
