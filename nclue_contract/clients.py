"""Sign and validate the requests of a client as they are sent: for httpx, httpx2, requests and aiohttp, none of which is imported here.

    signer = Signer(Credentials.from_environment(os.environ))
    httpx.Client(auth=signer)                                       # httpx2 and AsyncClient alike
    requests.post(url, json=payload, auth=signer)
    httpx.Client(event_hooks={"request": [preflight(), signer]})    # validated first; signed again on every redirect
    httpx.AsyncClient(event_hooks={"request": [async_preflight(), signer.async_hook]})
    requests.post(url, json=payload, auth=Signer(credentials, preflight=preflight()))
    signer = Signer(credentials, hosts=["nclue.apigw.ntruss.com"], preflight=async_preflight())
    aiohttp.ClientSession(middlewares=[signer.aiohttp_middleware])  # aiohttp 3.12 or later

For any other client, `nclue_contract.signing.signed_headers` returns the three headers of a request.

Redirects. httpx copies headers to redirected requests and calls `auth` only once. It follows redirects only with `follow_redirects=True`;
then pass the signer as an event hook, not as `auth`. As a hook it signs again, but removes its headers when the redirect leads to another
scheme, host or port than the first. requests follows redirects by default: the signer removes its headers first, so the redirected request
is not signed. aiohttp follows redirects by default, too, and does not tell its middlewares: there the signer needs `hosts`, and signs the
requests to these only. Retries below the client (transport, urllib3) send the old signature, which is valid for five minutes.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any, Literal, TypeVar, cast
from urllib.parse import urlsplit

from nclue_contract.contract.callers import user_frame
from nclue_contract.contract.model import contract
from nclue_contract.contract.rules import Severity
from nclue_contract.signing import Credentials, now_ms, require_credentials, signed_headers
from nclue_contract.validation.findings import ContractError, Finding
from nclue_contract.validation.validator import Validator, default_validator

ClientRequest = TypeVar("ClientRequest")
"""A request of httpx or httpx2, a prepared request of requests, or a request of aiohttp."""

_GENERATOR, _COROUTINE = 0x20, 0x80  # flags of code objects, as in the module inspect, which is not loaded for them

_FIRST_ORIGIN = "nclue_contract.origin"  # a key of the extensions of httpx, which a redirected request inherits


class ContractWarning(UserWarning):
    """A request is sent although some reading of the documentation rejects it, or although its body could not be validated."""


class Signer:
    """A callable that signs a request in place and returns it: `signer(request) -> request`. Existing signature headers are replaced.

    Signs requests to any host, but not redirected requests to another origin (see above). With `hosts` (names without ports), it signs
    requests to these only. A request that it does not sign loses its signature headers and is sent without them. `preflight` is called with
    each request before it is signed; what `async_preflight` returns serves `async_hook` and `aiohttp_middleware`. `clock` returns
    milliseconds since 1970-01-01 UTC. Immutable, and safe to share between threads.
    Raises `TypeError` for an argument or a request of another kind, and `ValueError` for a request that cannot be signed.
    """

    __slots__ = ("_clock", "_credentials", "_hosts", "_preflight")

    def __init__(
        self,
        credentials: Credentials,
        clock: Callable[[], int] = now_ms,
        *,
        hosts: Collection[str] | None = None,
        preflight: Callable[[Any], object] | None = None,
    ) -> None:
        _require_hosts(hosts)
        require_credentials(credentials)
        if not callable(clock):
            raise TypeError(f"clock is a function that returns milliseconds, not {type(clock).__name__}")
        if preflight is not None and not callable(preflight):
            raise TypeError(f"preflight is what preflight() or async_preflight() returns, not {type(preflight).__name__}")
        self._credentials = credentials
        self._clock = clock
        self._hosts = None if hosts is None else frozenset(host.lower() for host in hosts)
        self._preflight = preflight

    def __call__(self, request: ClientRequest) -> ClientRequest:
        """Sign the request; for use as `auth`, or as an event hook of a synchronous client."""
        _require_caller("the hooks of an AsyncClient are awaited: use signer.async_hook, or auth=signer", is_async=False)
        if isinstance(self._preflight, _AsyncPreflight):
            raise TypeError("what async_preflight() returns is awaited: use preflight(), or signer.async_hook")
        if self._preflight is not None:
            self._preflight(request)
        return self._sign(request)

    def async_hook(self, request: object) -> Awaitable[None]:
        """Sign the request; for use as an event hook of an `AsyncClient`, which awaits its hooks."""
        _require_caller("a Client does not await its hooks: use the signer itself, not its async_hook", is_async=True)
        return self._sign_after_preflight(request)

    async def aiohttp_middleware(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:  # noqa: ANN401  # of aiohttp
        """Sign the request; for use as a middleware of an aiohttp `ClientSession`. Raises `ValueError` without `hosts`."""
        if self._hosts is None:
            raise ValueError(
                'aiohttp calls its middlewares for redirected requests, too: name the hosts to sign for, Signer(…, hosts=["…"])'
            )
        await self._sign_after_preflight(request)
        return await handler(request)

    def __repr__(self) -> str:
        return "<Signer>"

    async def _sign_after_preflight(self, request: object) -> None:
        if isinstance(self._preflight, _AsyncPreflight):
            await self._preflight(request)
        elif self._preflight is not None:
            self._preflight(request)
        self._sign(request)

    def _sign(self, request: ClientRequest) -> ClientRequest:
        sent = _sent_form(request)
        for name in contract().headers:
            sent.headers.pop(name, None)
        if self._may_sign(sent):
            sent.headers.update(signed_headers(sent.method, sent.target, self._credentials, self._clock()))
        return request

    def _may_sign(self, sent: _SentRequest) -> bool:
        at_first_origin = sent.at_first_origin()
        return at_first_origin if self._hosts is None else sent.origin[1].lower() in self._hosts


def _require_hosts(hosts: object) -> None:
    """Raise `TypeError` or `ValueError` for hosts that no request is for: all would be sent without a signature, and without a word."""
    if hosts is None:
        return
    if isinstance(hosts, str) or not isinstance(hosts, Collection):  # `in` would find substrings
        raise TypeError("hosts is a collection of host names, not one name")
    if not hosts:
        raise ValueError("hosts names no host, so that no request would be signed; leave it out to sign for every host")
    for host in hosts:
        if not isinstance(host, str):
            raise TypeError(f"hosts is a collection of host names, not of {type(host).__name__}")
        if not host or host.count(":") == 1 or not {"/", "[", "@"}.isdisjoint(host):
            raise ValueError(f"hosts are names without scheme and port, such as 127.0.0.1 or ::1, not {host!r:.80}")


def preflight(validator: Validator | None = None, contested: Literal["warn", "raise"] = "warn") -> Callable[[ClientRequest], ClientRequest]:
    """Return a function that validates the body of a `POST …/tasks` before it is sent; an event hook of httpx, or `auth` of requests.

    The function raises `ContractError`, with the report, for a body that breaks the contract. Contested findings (warnings, and errors that
    a pin would allow) are issued as a `ContractWarning` that names the pin, unless `contested="raise"`, or the validator is strict. Other
    requests are not validated. Raises `ValueError` for another value of `contested`.

    A body that httpx would stream is read into memory and sent from there. Of a file that requests would stream, the rest is read, and sent
    from where it stood. What can be read only once is not validated, with a warning, and neither is an asynchronous body, which only
    `async_preflight` can read.
    """
    return _Preflight(validator, contested)


def async_preflight(
    validator: Validator | None = None, contested: Literal["warn", "raise"] = "warn"
) -> Callable[[object], Awaitable[None]]:
    """Return what `preflight` returns, as an event hook of an `AsyncClient`, or for a `Signer`; it reads asynchronous bodies as well."""
    return _AsyncPreflight(validator, contested)


class _Preflight:
    """A callable that validates the body of a request before it is sent; it can be pickled, as hooks of worker processes are."""

    def __init__(self, validator: Validator | None, contested: str) -> None:
        self._validate_body = _BodyValidator(validator, contested)

    def __call__(self, request: ClientRequest) -> ClientRequest:
        _require_caller("the hooks of an AsyncClient are awaited: use async_preflight()", is_async=False)
        sent = _sent_form(request)
        if sent.creates_task():
            self._validate_body(sent.body())
        return request


class _AsyncPreflight:
    """The same, once it is awaited."""

    def __init__(self, validator: Validator | None, contested: str) -> None:
        self._validate_body = _BodyValidator(validator, contested)

    def __call__(self, request: object) -> Awaitable[None]:
        _require_caller("a Client does not await its hooks: use preflight()", is_async=True)
        return self._check(request)

    async def _check(self, request: object) -> None:
        sent = _sent_form(request)
        if sent.creates_task():
            self._validate_body(await sent.async_body())


def _require_caller(sentence: str, *, is_async: bool) -> None:
    """Raise `TypeError` when httpx itself has called our hook from a client of the other kind.

    A synchronous hook in an AsyncClient would fail with a message about `await`, an asynchronous one in a Client would never run.
    """
    caller = sys._getframe(2)  # noqa: SLF001  # what inspect.currentframe() returns, without loading inspect
    if caller.f_globals.get("__name__", "").partition(".")[0] in {"httpx", "httpx2"}:
        flags = caller.f_code.co_flags
        if not flags & _GENERATOR and bool(flags & _COROUTINE) != is_async:  # `auth` is called by a generator, in both kinds of client
            raise TypeError(sentence)


class _BodyValidator:
    """A callable that validates the body of createTask; None stands for a body that cannot be read."""

    def __init__(self, validator: Validator | None, contested: str) -> None:
        if contested not in {"warn", "raise"}:
            raise ValueError(f'contested is "warn" or "raise", not {contested!r:.80}')
        if validator is not None and not isinstance(validator, Validator):
            raise TypeError(f"validator is a Validator, not {type(validator).__name__}; a hook is written with parentheses: preflight()")
        self._validate = (validator or default_validator()).validate_request_json
        self._all_raise = contested == "raise" or (validator is not None and validator.strict)

    def __call__(self, body: bytes | str | None) -> None:
        if body is None:
            _warn("the body of createTask is streamed, so it could not be validated")
            return
        report = self._validate(body)
        if any(self._all_raise or _is_plain_error(finding) for finding in report.findings):
            raise ContractError(report)
        for finding in report.findings:
            _warn(f"{finding.rule} {finding.slug}: {finding.message}")


def _warn(message: str) -> None:
    """Issue a `ContractWarning` at the line of the user's code that sends the request."""
    frame = user_frame()
    if frame is None:  # an event loop, or a thread of a library
        warnings.warn(message, ContractWarning, stacklevel=3)
        return
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    name = frame.f_globals.get("__name__")
    warnings.warn_explicit(message, ContractWarning, frame.f_code.co_filename, frame.f_lineno, name, registry)


def _is_plain_error(finding: Finding) -> bool:
    return finding.severity is Severity.ERROR and finding.pin is None


class _SentRequest:
    """A request as it is sent, of any client: `target` is path and query, `origin` scheme, host and port."""

    method: str
    target: str | bytes
    origin: tuple[str, str, int | None]
    headers: MutableMapping[str, str]

    def creates_task(self) -> bool:
        """Return whether the request is a `POST …/tasks`, whatever the host and the path before; servers may ignore slashes behind it."""
        create = contract().operations["createTask"]
        target = self.target if isinstance(self.target, str) else self.target.decode("latin-1")
        return self.method.upper() == create.method and target.partition("?")[0].rstrip("/").endswith(create.path)

    def at_first_origin(self) -> bool:
        """Return whether the request goes to the origin of the first request, and not to one that a redirect named."""
        raise NotImplementedError

    def body(self) -> bytes | str | None:
        """Return the whole body; None when it cannot be read here."""
        raise NotImplementedError

    async def async_body(self) -> bytes | str | None:
        """Return the whole body; None when it cannot be read."""
        return self.body()


class _HttpxRequest(_SentRequest):
    """A request of httpx or httpx2."""

    def __init__(self, request: object) -> None:
        self._request = cast("Any", request)
        self.method, self.headers = self._request.method, self._request.headers
        url, self._extensions = self._request.url, self._request.extensions
        self.target = self._extensions.get("target", url.raw_path)  # httpcore sends the extension when it is set
        self.origin = (url.scheme, url.host, url.port)

    def at_first_origin(self) -> bool:
        """Return whether the request goes to the origin of the first request, and not to one that a redirect named."""
        return bool(self._extensions.setdefault(_FIRST_ORIGIN, self.origin) == self.origin)

    def body(self) -> bytes | None:
        """Return the whole body, read into memory if it was to be streamed; None when it is asynchronous."""
        return cast("bytes", self._request.read()) if hasattr(self._request.stream, "__iter__") else None

    async def async_body(self) -> bytes | None:
        """Return the whole body, read into memory if it was to be streamed."""
        return cast("bytes", await self._request.aread()) if hasattr(self._request.stream, "__aiter__") else self.body()


class _RequestsRequest(_SentRequest):
    """A prepared request of requests."""

    def __init__(self, request: object) -> None:
        self._request = cast("Any", request)
        self.method, self.headers, self.target = self._request.method, self._request.headers, self._request.path_url
        url = urlsplit(self._request.url)
        self.origin = (url.scheme, url.hostname or "", url.port)

    def at_first_origin(self) -> bool:
        """Return True, and let a redirect remove the signature: requests does not call `auth` for a redirected request."""
        if _remove_signature not in self._request.hooks["response"]:
            self._request.register_hook("response", _remove_signature)
        return True

    def body(self) -> bytes | str | None:
        """Return the whole body, that of a file read from where it stands; None when it can be read only once."""
        body = self._request.body
        if body is None or isinstance(body, bytes | str):
            return body or b""
        if not (hasattr(body, "seekable") and body.seekable()):
            return None
        start = body.tell()
        data = body.read()
        body.seek(start)
        return data if isinstance(data, bytes | str) else None


class _AiohttpRequest(_SentRequest):
    """A request of aiohttp, as its middlewares get it."""

    def __init__(self, request: object) -> None:
        self._request = cast("Any", request)
        self.method, self.headers, self.target = self._request.method, self._request.headers, self._request.url.raw_path_qs
        url = self._request.url
        self.origin = (url.scheme, url.raw_host, url.port)

    def at_first_origin(self) -> bool:
        """Return False: nothing in the request tells of a redirect, so that only named hosts are signed for."""
        return False

    def body(self) -> bytes | None:
        """Return an empty body. Raises `TypeError` for another one: aiohttp reads its bodies asynchronously."""
        body = self._request.body
        if not isinstance(body, bytes):
            raise TypeError("the bodies of aiohttp are read asynchronously: use async_preflight()")
        return body

    async def async_body(self) -> bytes | None:
        """Return the whole body; one that is to be streamed is kept, and sent from there."""
        body = self._request.body
        return body if isinstance(body, bytes) else cast("bytes", await body.as_bytes())


def _sent_form(request: object) -> _SentRequest:
    """Return the form in which a request is sent. Its attributes show which client it is of, since no client is imported here."""
    if hasattr(request, "path_url"):
        return _RequestsRequest(request)
    url = getattr(request, "url", None)
    if hasattr(url, "raw_path_qs") and hasattr(request, "body"):
        return _AiohttpRequest(request)
    if hasattr(url, "raw_path"):
        return _HttpxRequest(request)
    kind = type(request)
    name = f"{kind.__module__}.{kind.__qualname__}"
    raise TypeError(f"expected a request of httpx, httpx2 or aiohttp, or a prepared request of requests, not {name}")


def _remove_signature(response: object, **_: object) -> None:
    """Remove the signature from a redirected request, since the next request is a copy of it; a response hook of requests."""
    redirect = cast("Any", response)
    if redirect.is_redirect:
        for name in contract().headers:
            redirect.request.headers.pop(name, None)
