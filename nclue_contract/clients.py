"""Signs what a client really sends, and judges it before it leaves: for httpx, httpx2 and requests, none of which is imported here.

    signer = Signer(Credentials.from_environment(os.environ))
    httpx.Client(auth=signer)                                       # httpx2 and AsyncClient alike
    requests.post(url, json=payload, auth=signer)
    httpx.Client(event_hooks={"request": [preflight(), signer]})    # judged first; signed anew on every redirect
    httpx.AsyncClient(event_hooks={"request": [async_preflight(), signer.async_hook]})
    requests.post(url, json=payload, auth=Signer(credentials, preflight=preflight()))

Redirects. httpx copies headers to wherever a redirect leads, and calls `auth` only once. It follows none unless told to; if you tell it,
pass the signer as an event hook and not as `auth`. As a hook it signs again, but takes its headers away from another scheme, host or port
than the first. requests follows redirects by itself: the signer takes its headers away before, so the redirected request goes unsigned.
Retries below the client (transport, urllib3) send the old signature, which is good for five minutes.
"""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any, Literal, TypeVar, cast
from urllib.parse import urlsplit

from nclue_contract.contract.model import contract
from nclue_contract.contract.rules import Severity
from nclue_contract.signing import Credentials, now_ms, signed_headers
from nclue_contract.validation.findings import ContractError, Finding
from nclue_contract.validation.validator import Validator, default_validator

Request = TypeVar("Request")
"""A request of httpx or httpx2, or a prepared one of requests."""

_FIRST_ORIGIN = "nclue_contract.origin"  # a key of httpx's extensions, which a redirected request inherits


class ContractWarning(UserWarning):
    """A request is sent although some reading of the documentation refuses it, or although its body could not be judged."""


class Signer:
    """Signs a request in place and returns it: `signer(request) -> request`. Old signature headers are replaced.

    Signs for whatever host it is called with, but not for one that a redirect leads to (see above). With `hosts` (names without ports) it
    signs for these only. A request that it does not sign loses its signature headers and goes on. `preflight` is called with each request
    before it is signed. Immutable, and safe to share between threads.
    Raises `TypeError` for a request of another kind, and `ValueError` for one that cannot be signed.
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
        if isinstance(hosts, str):  # every one-letter host is in it
            raise TypeError("hosts is a collection of host names, not one name")
        self._credentials = credentials
        self._clock = clock
        self._hosts = None if hosts is None else frozenset(host.lower() for host in hosts)
        self._preflight = preflight

    def __call__(self, request: Request) -> Request:
        """Sign the request; as `auth`, or as an event hook of a client that is not asynchronous."""
        if self._preflight is not None:
            self._preflight(request)
        wire = _wire(request)
        for name in contract().headers:
            wire.headers.pop(name, None)
        if self._may_sign(wire):
            wire.headers.update(signed_headers(wire.method, wire.target, self._credentials, self._clock()))
        return request

    async def async_hook(self, request: object) -> None:
        """The same as an event hook of an `AsyncClient`, which awaits its hooks."""
        self(request)

    def __repr__(self) -> str:
        return "<Signer>"

    def _may_sign(self, wire: _HttpxWire | _RequestsWire) -> bool:
        at_first_origin = wire.at_first_origin()
        return at_first_origin if self._hosts is None else wire.origin[1].lower() in self._hosts


def preflight(validator: Validator | None = None, contested: Literal["warn", "raise"] = "warn") -> Callable[[Request], Request]:
    """A function that judges the body of a `POST …/tasks` before it leaves; an event hook of httpx, or `auth` of requests.

    Raises `ContractError`, with the report, for what breaks the contract. Contested ground (warnings, and errors that a pin would allow) is
    only told as a `ContractWarning` that names the pin, unless `contested="raise"`, or the validator is strict. Other requests pass.

    A body that httpx would stream is read into memory, where httpx sends it from; one that requests would stream is passed over with a
    warning, and so is an asynchronous one, which only `async_preflight` can read.
    """
    judge = _body_judge(validator, contested)

    def check(request: Request) -> Request:
        wire = _wire(request)
        if wire.creates_task():
            judge(wire.body())
        return request

    return check


def async_preflight(
    validator: Validator | None = None, contested: Literal["warn", "raise"] = "warn"
) -> Callable[[object], Awaitable[None]]:
    """`preflight` as an event hook of an `AsyncClient`; reads asynchronous bodies as well."""
    judge = _body_judge(validator, contested)

    async def check(request: object) -> None:
        wire = _wire(request)
        if wire.creates_task():
            judge(await wire.async_body())

    return check


def _body_judge(validator: Validator | None, contested: str) -> Callable[[bytes | str | None], None]:
    if contested not in {"warn", "raise"}:
        raise ValueError(f'contested is "warn" or "raise", not {contested!r:.80}')
    validate = (validator or default_validator()).validate_request_json
    all_raise = contested == "raise" or (validator is not None and validator.strict)

    def judge(body: bytes | str | None) -> None:
        if body is None:
            warnings.warn("the body of createTask is streamed, so it could not be judged", ContractWarning, stacklevel=3)
            return
        report = validate(body)
        if any(all_raise or _is_plain_error(finding) for finding in report.findings):
            raise ContractError(report)
        for finding in report.findings:
            warnings.warn(f"{finding.rule} {finding.slug}: {finding.message}", ContractWarning, stacklevel=3)

    return judge


def _is_plain_error(finding: Finding) -> bool:
    return finding.severity is Severity.ERROR and finding.pin is None


class _Wire:
    """What of a request goes on the wire: `target` is path and query, `origin` scheme, host and port."""

    method: str
    target: str | bytes
    origin: tuple[str, str, int | None]
    headers: MutableMapping[str, str]

    def creates_task(self) -> bool:
        """Whether it is a `POST …/tasks`, whatever the host and the path before."""
        create = contract().operations["createTask"]
        target = self.target if isinstance(self.target, str) else self.target.decode("latin-1")
        return self.method.upper() == create.method and target.partition("?")[0].endswith(create.path)


class _HttpxWire(_Wire):
    """A request of httpx or httpx2."""

    def __init__(self, request: object) -> None:
        self._request = cast("Any", request)
        self.method, self.headers = self._request.method, self._request.headers
        url, self._extensions = self._request.url, self._request.extensions
        self.target = self._extensions.get("target", url.raw_path)  # httpcore sends the former when it is there
        self.origin = (url.scheme, url.host, url.port)

    def at_first_origin(self) -> bool:
        """Whether no redirect led here from another origin."""
        return bool(self._extensions.setdefault(_FIRST_ORIGIN, self.origin) == self.origin)

    def body(self) -> bytes | None:
        """The whole body, read into memory if it was to be streamed; None when it is asynchronous."""
        return cast("bytes", self._request.read()) if hasattr(self._request.stream, "__iter__") else None

    async def async_body(self) -> bytes | None:
        """The whole body, read into memory if it was to be streamed."""
        return cast("bytes", await self._request.aread()) if hasattr(self._request.stream, "__aiter__") else self.body()


class _RequestsWire(_Wire):
    """A prepared request of requests."""

    def __init__(self, request: object) -> None:
        self._request = cast("Any", request)
        self.method, self.headers, self.target = self._request.method, self._request.headers, self._request.path_url
        url = urlsplit(self._request.url)
        self.origin = (url.scheme, url.hostname or "", url.port)

    def at_first_origin(self) -> bool:
        """True: requests calls nobody for a redirected request. So its headers are taken away as soon as a redirect is seen."""
        if _unsign not in self._request.hooks["response"]:
            self._request.register_hook("response", _unsign)
        return True

    def body(self) -> bytes | str | None:
        """The whole body; None when it is to be streamed."""
        body = self._request.body
        return b"" if body is None else body if isinstance(body, bytes | str) else None

    async def async_body(self) -> bytes | str | None:
        """The same; requests is not asynchronous."""
        return self.body()


def _wire(request: object) -> _HttpxWire | _RequestsWire:
    """What client it is of is told by what it has, since no client is imported here."""
    if hasattr(request, "path_url"):
        return _RequestsWire(request)
    if hasattr(getattr(request, "url", None), "raw_path"):
        return _HttpxWire(request)
    kind = type(request)
    raise TypeError(f"expected a request of httpx or httpx2, or a prepared one of requests, not {kind.__module__}.{kind.__qualname__}")


def _unsign(response: object, **_: object) -> None:
    """A response hook of requests: the redirected request is a copy of the one that was sent."""
    answer = cast("Any", response)
    if answer.is_redirect:
        for name in contract().headers:
            answer.request.headers.pop(name, None)
