"""Faults in authentication: servers that do not check the signature, or check only a part of it."""

from __future__ import annotations

import base64
import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import parse_qsl, unquote, urlencode

from nclue_contract.contract.model import contract
from nclue_contract.service.faults.injection import Fault, Injection, set_attributes, wrap_method, wrapping
from nclue_contract.service.messages import Rejection, Request
from nclue_contract.service.service import Service
from nclue_contract.signing import signature

Authenticate = Callable[[Request, int], None]
Headers = tuple[tuple[str, str], ...]

_TIMESTAMP, _ACCESS_KEY, _SIGNATURE = contract().headers
_SIGNATURE_LENGTH = 44
"""Characters of the Base64 form of a SHA-256 digest."""

_LIMIT_MS = contract().rules["NC203"].limit * 1000
_FAR_MS = 2 * _LIMIT_MS
"""A difference in time that the service always rejects."""


# -- injections ----------------------------------------------------------------------------------------------------------------------


def _skip_check(condition: Callable[[Request, Mapping[str, str]], bool]) -> Injection:
    """Return an injection that does not check some requests; `condition` is called with the request and its headers by lower-case names."""

    def authenticate(original: Authenticate, request: Request, now_ms: int) -> None:
        if not condition(request, {name.lower(): value for name, value in request.headers}):
            original(request, now_ms)

    return wrapping("authenticate", authenticate)


def _accept_as(variants: Callable[[Service, Request], Iterable[Request]]) -> Injection:
    """Return an injection that also accepts a request if its signature is valid for a variant of the request."""

    def inject(service: Service, _: str) -> None:
        def authenticate(original: Authenticate, request: Request, now_ms: int) -> None:
            try:
                original(request, now_ms)
            except Rejection:
                for variant in variants(service, request):
                    try:
                        return original(variant, now_ms)
                    except Rejection:
                        continue
                raise

        wrap_method(service, "authenticate", authenticate)

    return inject


def _change_headers(change: Callable[[Headers], Headers]) -> Injection:
    """Return an injection that changes the headers before the signature is checked."""

    def authenticate(original: Authenticate, request: Request, now_ms: int) -> None:
        original(dataclasses.replace(request, headers=change(request.headers)), now_ms)

    return wrapping("authenticate", authenticate)


def _change_rejection(**values: object) -> Injection:
    """Return an injection that sets attributes of the rejection of a request without a valid signature."""

    def authenticate(original: Authenticate, request: Request, now_ms: int) -> None:
        try:
            original(request, now_ms)
        except Rejection as rejection:
            set_attributes(rejection, **values)
            raise

    return wrapping("authenticate", authenticate)


def _accept_age(accepted: Callable[[int], bool]) -> Injection:
    """Return an injection that decides by the age of a request (milliseconds, negative for the future) whether its time is accepted."""

    def authenticate(original: Authenticate, request: Request, now_ms: int) -> None:
        try:
            sent_ms = int(next(value for name, value in request.headers if name.lower() == _TIMESTAMP))
        except (StopIteration, ValueError):
            return original(request, now_ms)
        return original(request, sent_ms if accepted(now_ms - sent_ms) else sent_ms + _FAR_MS)

    return wrapping("authenticate", authenticate)


def _accept_seconds(service: Service, argument: str) -> None:
    limit_ms = int(argument) * 1000
    _accept_age(lambda age: abs(age) <= limit_ms)(service, "")


def _expect(message: Callable[[Service, str, str, str, str], str], write: Callable[[str], str] = str) -> Injection:
    """Return an injection that expects the signature of another string, and of no other.

    `message` gets the service, method, target, timestamp and access key; `write` changes the form of the signature.
    """

    def inject(service: Service, _: str) -> None:
        def authenticate(original: Authenticate, request: Request, now_ms: int) -> None:
            headers = {name.lower(): value for name, value in request.headers}
            timestamp, key, given = (headers.get(name, "") for name in contract().headers)
            text = message(service, request.method, request.target, timestamp, key)
            secret = (service.keys or {}).get(key)
            fits = secret is not None and write(signature(secret, text.encode())) == given
            right = (
                "x" if secret is None or not fits else signature(secret, f"{request.method} {request.target}\n{timestamp}\n{key}".encode())
            )
            original(_with_header(request, _SIGNATURE, right), now_ms)

        wrap_method(service, "authenticate", authenticate)

    return inject


def _as_documented(_: Service, method: str, target: str, timestamp: str, key: str) -> str:
    return f"{method} {target}\n{timestamp}\n{key}"


def _with_header(request: Request, name: str, value: str) -> Request:
    """Return a request with another value of a header, if it has the header."""
    return dataclasses.replace(request, headers=tuple((n, value if n.lower() == name else v) for n, v in request.headers))


def _expect_target(change: Callable[[Service, str], str]) -> Injection:
    """Return an injection that expects the signature of another target."""
    return _expect(lambda service, method, target, timestamp, key: f"{method} {change(service, target)}\n{timestamp}\n{key}")


def _expect_query(change: Callable[[str], str]) -> Injection:
    """Return an injection that expects the signature of another query."""

    def changed(_: Service, target: str) -> str:
        path, mark, query = target.partition("?")
        return path + mark + change(query)

    return _expect_target(changed)


def _expect_seconds(service: Service, _: str) -> None:
    """Expect a timestamp in seconds, in the header and in the string to sign."""

    def authenticate(original: Authenticate, request: Request, now_ms: int) -> None:
        timestamp = {name.lower(): value for name, value in request.headers}.get(_TIMESTAMP, "")
        if re.fullmatch("[0-9]{1,11}", timestamp):  # the age stays the same
            original(request, int(timestamp) + now_ms - int(timestamp) * 1000)
        else:
            original(_with_header(request, _SIGNATURE, "x"), now_ms)

    wrap_method(service, "authenticate", authenticate)


# -- variants of requests ------------------------------------------------------------------------------------------------------------


def _other_methods(_: Service, request: Request) -> Iterable[Request]:
    return (dataclasses.replace(request, method=method) for method in ("GET", "POST", "DELETE"))


def _without_query(_: Service, request: Request) -> Iterable[Request]:
    return [dataclasses.replace(request, target=request.target.partition("?")[0])]


def _collection(service: Service, request: Request) -> Iterable[Request]:
    return [dataclasses.replace(request, target=f"{service.prefix}/tasks")]


def _without_prefix(service: Service, request: Request) -> Iterable[Request]:
    return [dataclasses.replace(request, target=request.target.removeprefix(service.prefix))]


def _lower_case_only(headers: Headers) -> Headers:
    return tuple((name, value) for name, value in headers if name == name.lower())


def _first_of_each(headers: Headers) -> Headers:
    return tuple(dict(reversed(headers)).items())


def _base64_for_hexadecimal(headers: Headers) -> Headers:
    def converted(name: str, value: str) -> str:
        if name.lower() != _SIGNATURE or not re.fullmatch("[0-9a-f]{64}", value):
            return value
        return base64.b64encode(bytes.fromhex(value)).decode()

    return tuple((name, converted(name, value)) for name, value in headers)


def _accept_unknown_keys(service: Service, _: str) -> None:
    known = {None, *(service.keys or {})}
    _skip_check(lambda _, headers: headers.get(_ACCESS_KEY) not in known)(service, "")


FAULTS: tuple[Fault, ...] = (
    Fault("auth-off", "Signatures are not checked.", "NC200", _skip_check(lambda *_: True)),
    Fault("auth-if-present", "A signature is only checked if there is one.", "NC200", _skip_check(lambda _, h: _SIGNATURE not in h)),
    Fault(
        "auth-presence-only",
        "The three headers must be present, but their values are not checked.",
        "NC208",
        _skip_check(lambda _, headers: all(name in headers for name in contract().headers)),
    ),
    Fault(
        "auth-form-only",
        "Any signature of the right form is accepted.",
        "NC208",
        _skip_check(lambda _, headers: len(headers.get(_SIGNATURE, "")) == _SIGNATURE_LENGTH),
    ),
    Fault(
        "auth-writes-only",
        "Only create and delete requests need a signature.",
        "NC200",
        _skip_check(lambda request, _: request.method == "GET"),
    ),
    Fault("auth-reads-only", "Create requests need no signature.", "NC200", _skip_check(lambda request, _: request.method == "POST")),
    Fault("auth-deletes-open", "Delete requests need no signature.", "NC200", _skip_check(lambda request, _: request.method == "DELETE")),
    Fault("auth-method-unsigned", "A signature for another method is accepted.", "NC208", _accept_as(_other_methods)),
    Fault("auth-query-unsigned", "A signature without the query is accepted.", "NC208", _accept_as(_without_query)),
    Fault("auth-path-unsigned", "A signature for the collection is accepted for every task.", "NC208", _accept_as(_collection)),
    Fault("auth-prefix-unsigned", "A signature of the path without /api/v1 is accepted.", "NC208", _accept_as(_without_prefix)),
    Fault("auth-repeated-first", "If a header is sent twice, the first one counts.", "NC201", _change_headers(_first_of_each)),
    Fault(
        "auth-timestamp-fraction",
        "A timestamp with a fraction is accepted.",
        "NC202",
        _skip_check(lambda _, headers: "." in headers.get(_TIMESTAMP, "")),
    ),
    Fault("auth-hexadecimal", "A signature in hexadecimal is accepted.", "NC205", _change_headers(_base64_for_hexadecimal)),
    Fault("auth-key-unknown-taken", "An unknown access key is accepted.", "NC209", _accept_unknown_keys),
    Fault("auth-signs-no-query", "The query is left out of the string to sign.", "NC208", _expect_target(lambda _, t: t.partition("?")[0])),
    Fault(
        "auth-signs-sorted-query",
        "The query is sorted before it is signed.",
        "NC208",
        _expect_query(lambda q: "&".join(sorted(q.split("&")))),
    ),
    Fault("auth-signs-decoded-query", "The query is decoded before it is signed.", "NC208", _expect_query(unquote)),
    Fault("auth-signs-decoded", "Path and query are decoded before they are signed.", "NC208", _expect_target(lambda _, t: unquote(t))),
    Fault(
        "auth-signs-encoded-query",
        "The query is decoded, sorted and encoded again before it is signed.",
        "NC208",
        _expect_query(lambda query: urlencode(sorted(parse_qsl(query, keep_blank_values=True)))),
    ),
    Fault("auth-signs-no-prefix", "The path is signed without /api/v1.", "NC208", _expect_target(lambda s, t: t.removeprefix(s.prefix))),
    Fault("auth-signs-seconds", "The timestamp is expected in seconds.", "NC208", _expect_seconds),
    Fault(
        "auth-signs-key-first",
        "The access key is signed before the timestamp.",
        "NC208",
        _expect(lambda _, m, t, ms, key: f"{m} {t}\n{key}\n{ms}"),
    ),
    Fault(
        "auth-signs-time-first",
        "The timestamp is signed before method and path.",
        "NC208",
        _expect(lambda _, m, t, ms, key: f"{ms}\n{m} {t}\n{key}"),
    ),
    Fault("auth-signs-no-key", "The access key is not signed.", "NC208", _expect(lambda _, m, t, ms, __: f"{m} {t}\n{ms}")),
    Fault("auth-signs-line-end", "A line feed at the end is signed.", "NC208", _expect(lambda _, m, t, ms, key: f"{m} {t}\n{ms}\n{key}\n")),
    Fault(
        "auth-signs-lower-case",
        "The method is signed in lower case.",
        "NC208",
        _expect(lambda _, m, t, ms, key: f"{m.lower()} {t}\n{ms}\n{key}"),
    ),
    Fault(
        "auth-signs-delete-as-get",
        "A delete request is expected to be signed as a get request.",
        "NC208",
        _expect(lambda _, method, target, ms, key: f"{method.replace('DELETE', 'GET')} {target}\n{ms}\n{key}"),
    ),
    Fault(
        "auth-signs-collection",
        "The path of a task is signed without its ID.",
        "NC208",
        _expect_target(lambda _, t: re.sub("/tasks/[^?]*", "/tasks", t)),
    ),
    Fault(
        "auth-signs-url-safe",
        "The signature is expected in the URL-safe alphabet.",
        "NC208",
        _expect(_as_documented, lambda text: text.replace("+", "-").replace("/", "_")),
    ),
    Fault(
        "auth-signs-hexadecimal",
        "The signature is expected in hexadecimal.",
        "NC208",
        _expect(_as_documented, lambda text: base64.b64decode(text).hex()),
    ),
    Fault(
        "auth-query-rejected", "Every request with a query is rejected.", "NC208", _expect_query(lambda query: f"{query}#" if query else "")
    ),
    Fault("auth-header-case", "Header names are compared with their letter case.", "NC200", _change_headers(_lower_case_only)),
    Fault("auth-status-403", "A request without a valid signature is rejected with status 403.", "NC200", _change_rejection(status=403)),
    Fault("auth-status-400", "A request without a valid signature is rejected with status 400.", "NC200", _change_rejection(status=400)),
    Fault(
        "auth-code",
        "A request without a valid signature is rejected with the error code for missing permission.",
        "NC200",
        _change_rejection(code=contract().errors["PERMISSION_DENIED"].code),
    ),
    Fault("skew-unchecked", "A signature is valid for ever.", "NC203", _accept_age(lambda _: True)),
    Fault("skew-past-unchecked", "Old requests are accepted.", "NC203", _accept_age(lambda age: age >= -_LIMIT_MS)),
    Fault("skew-future-unchecked", "Requests from the future are accepted.", "NC203", _accept_age(lambda age: age <= _LIMIT_MS)),
    Fault(
        "skew-window",
        "The clock may differ by another time than five minutes.",
        "NC203",
        _accept_seconds,
        ("30", "60", "240", "360", "600", "3600"),
    ),
)
