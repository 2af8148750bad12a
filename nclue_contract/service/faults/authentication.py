"""Faults in authentication: servers that look at the signature but do not check it, or check only a part."""

from __future__ import annotations

import base64
import dataclasses
import re
from collections.abc import Callable, Iterable

from nclue_contract.contract.model import contract
from nclue_contract.service.faults.catalogue import KEYS, Fault, Step, Witness, get, post, wrap
from nclue_contract.service.messages import Refusal, Request
from nclue_contract.service.service import Service
from nclue_contract.signing import Credentials

Authenticate = Callable[[Request, int], None]
Plant = Callable[[Service, str], None]

TIMESTAMP, ACCESS_KEY, SIGNATURE = contract().headers
_MINUTE_MS = 60_000


def _or(others: Callable[[Service, Request, int], Iterable[tuple[Request, int]]]) -> Plant:
    """Plant: a request is also let in when it would be right as one of some other requests, or at another time."""

    def plant(service: Service, _: str) -> None:
        def authenticate(original: Authenticate, request: Request, now_ms: int) -> None:
            try:
                original(request, now_ms)
            except Refusal:
                for other, at_ms in others(service, request, now_ms):
                    try:
                        return original(other, at_ms)
                    except Refusal:
                        continue
                raise

        wrap(service, "authenticate", authenticate)

    return plant


def _let_in(when: Callable[[Request, dict[str, str]], bool]) -> Plant:
    """Plant: some requests are let in unseen."""

    def authenticate(original: Authenticate, request: Request, now_ms: int) -> None:
        if not when(request, {name.lower(): value for name, value in request.headers}):
            original(request, now_ms)

    return lambda service, _: wrap(service, "authenticate", authenticate)


def _refused(**changes: object) -> Plant:
    """Plant: a refusal for want of a signature is answered with something else."""

    def authenticate(original: Authenticate, request: Request, now_ms: int) -> None:
        try:
            original(request, now_ms)
        except Refusal as refusal:
            for name, value in changes.items():
                setattr(refusal, name, value)
            raise

    return lambda service, _: wrap(service, "authenticate", authenticate)


def _at(request: Request) -> int:
    return int(next(value for name, value in request.headers if name.lower() == TIMESTAMP))


def _clock(allowed: Callable[[int], bool]) -> Plant:
    """Plant: the age of a request, in milliseconds (negative: from the future), is judged in another way."""

    def authenticate(original: Authenticate, request: Request, now_ms: int) -> None:
        try:
            sent_ms = _at(request)
        except (StopIteration, ValueError):
            return original(request, now_ms)
        return original(request, sent_ms if allowed(now_ms - sent_ms) else sent_ms + 10 * _MINUTE_MS)

    return lambda service, _: wrap(service, "authenticate", authenticate)


def _window(service: Service, seconds: str) -> None:
    limit = int(seconds) * 1000
    _clock(lambda age: abs(age) <= limit)(service, "")


def _methods(_: Service, request: Request, now_ms: int) -> Iterable[tuple[Request, int]]:
    return ((dataclasses.replace(request, method=method), now_ms) for method in ("GET", "POST", "DELETE"))


def _without_query(_: Service, request: Request, now_ms: int) -> Iterable[tuple[Request, int]]:
    return [(dataclasses.replace(request, target=request.target.partition("?")[0]), now_ms)]


def _collection(service: Service, request: Request, now_ms: int) -> Iterable[tuple[Request, int]]:
    return [(dataclasses.replace(request, target=f"{service.prefix}/tasks"), now_ms)]


def _without_prefix(service: Service, request: Request, now_ms: int) -> Iterable[tuple[Request, int]]:
    return [(dataclasses.replace(request, target=request.target.removeprefix(service.prefix)), now_ms)]


def _case(service: Service, _: str) -> None:
    def authenticate(original: Authenticate, request: Request, now_ms: int) -> None:
        lower = tuple((name, value) for name, value in request.headers if name == name.lower())
        original(dataclasses.replace(request, headers=lower), now_ms)

    wrap(service, "authenticate", authenticate)


def _first_only(service: Service, _: str) -> None:
    def authenticate(original: Authenticate, request: Request, now_ms: int) -> None:
        first = dict(reversed(request.headers))
        original(dataclasses.replace(request, headers=tuple(first.items())), now_ms)

    wrap(service, "authenticate", authenticate)


def _base64_of_hexadecimal(service: Service, _: str) -> None:
    def converted(name: str, value: str) -> str:
        if name.lower() != SIGNATURE or not re.fullmatch("[0-9a-f]{64}", value):
            return value
        return base64.b64encode(bytes.fromhex(value)).decode()

    def authenticate(original: Authenticate, request: Request, now_ms: int) -> None:
        headers = tuple((name, converted(name, value)) for name, value in request.headers)
        original(dataclasses.replace(request, headers=headers), now_ms)

    wrap(service, "authenticate", authenticate)


def _witness(*steps: Step, clean: object = 401, faulty: object = 200, look: str = "status") -> Callable[[str], Witness]:
    return lambda _: Witness(steps, look, clean, faulty)


def _skewed(seconds: float) -> Step:
    step = post()
    return dataclasses.replace(step, skew_ms=round(seconds * 1000))


def _with(step: Step, **changes: str | None) -> Step:
    names = {"timestamp": TIMESTAMP, "access_key": ACCESS_KEY, "signature": SIGNATURE}
    return dataclasses.replace(step, headers={names[name]: value for name, value in changes.items()})


_OTHER_SIGNATURE = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
_STRANGER = Credentials("EXAMPLEACCESSKEY0002", KEYS.secret_key)

FAULTS: tuple[Fault, ...] = (
    Fault(
        "auth-off",
        "Nobody checks signatures.",
        "NC200",
        _let_in(lambda *_: True),
        _witness(_with(post(), timestamp=None, access_key=None, signature=None)),
    ),
    Fault(
        "auth-if-present",
        "A signature is only checked when there is one.",
        "NC200",
        _let_in(lambda _, headers: SIGNATURE not in headers),
        _witness(_with(post(), signature=None)),
    ),
    Fault(
        "auth-presence-only",
        "The three headers must be there, but nobody looks into them.",
        "NC208",
        _let_in(lambda _, headers: all(name in headers for name in contract().headers)),
        _witness(_with(post(), signature="x", timestamp="x")),
    ),
    Fault(
        "auth-form-only",
        "Any signature of the right form is taken.",
        "NC208",
        _let_in(lambda _, headers: len(headers.get(SIGNATURE, "")) == len(_OTHER_SIGNATURE)),
        _witness(_with(post(), signature=_OTHER_SIGNATURE)),
    ),
    Fault(
        "auth-writes-only",
        "Only creations and deletions need a signature.",
        "NC200",
        _let_in(lambda request, _: request.method == "GET"),
        _witness(_with(get(""), signature=None)),
    ),
    Fault(
        "auth-reads-only",
        "Creations need no signature.",
        "NC200",
        _let_in(lambda request, _: request.method == "POST"),
        _witness(_with(post(), signature=None)),
    ),
    Fault(
        "auth-deletes-open",
        "Deletions need no signature.",
        "NC200",
        _let_in(lambda request, _: request.method == "DELETE"),
        _witness(post(), _with(Step("DELETE", "/tasks/{1}"), signature=None)),
    ),
    Fault(
        "auth-method-unsigned",
        "A signature for another method is taken.",
        "NC208",
        _or(_methods),
        _witness(dataclasses.replace(get(""), signed_as=("DELETE", "/api/v1/tasks"))),
    ),
    Fault(
        "auth-query-unsigned",
        "A signature without the query is taken.",
        "NC208",
        _or(_without_query),
        _witness(dataclasses.replace(get("?limit=1"), signed_as=("GET", "/api/v1/tasks"))),
    ),
    Fault(
        "auth-path-unsigned",
        "A signature for the collection is taken for every task.",
        "NC208",
        _or(_collection),
        _witness(post(), dataclasses.replace(get(), signed_as=("GET", "/api/v1/tasks"))),
    ),
    Fault(
        "auth-prefix-unsigned",
        "A signature of the path without /api/v1 is taken.",
        "NC208",
        _or(_without_prefix),
        _witness(dataclasses.replace(get(""), signed_as=("GET", "/tasks"))),
    ),
    Fault(
        "auth-repeated-first",
        "Of a header that is sent twice the first one counts.",
        "NC201",
        _first_only,
        _witness(dataclasses.replace(post(), repeated=SIGNATURE)),
    ),
    Fault(
        "auth-timestamp-fraction",
        "A timestamp with a fraction is taken.",
        "NC202",
        _let_in(lambda _, headers: "." in headers.get(TIMESTAMP, "")),
        _witness(dataclasses.replace(post(), timestamp=lambda ms: f"{ms}.0")),
    ),
    Fault(
        "auth-hexadecimal",
        "A signature in hexadecimal is taken.",
        "NC205",
        _base64_of_hexadecimal,
        _witness(dataclasses.replace(post(), signature=lambda value: base64.b64decode(value).hex())),
    ),
    Fault(
        "auth-key-unknown-taken",
        "An unknown access key is let in.",
        "NC209",
        _let_in(lambda _, headers: headers.get(ACCESS_KEY) not in {None, KEYS.access_key}),
        _witness(dataclasses.replace(post(), credentials=_STRANGER)),
    ),
    Fault(
        "auth-header-case",
        "Header names are told apart by case.",
        "NC200",
        _case,
        _witness(dataclasses.replace(post(), capitals=True), clean=200, faulty=401),
    ),
    Fault(
        "auth-status-403",
        "A request without a right signature is answered with 403.",
        "NC200",
        _refused(status=403),
        _witness(_with(post(), signature=None), faulty=403),
    ),
    Fault(
        "auth-status-400",
        "A request without a right signature is answered with 400.",
        "NC200",
        _refused(status=400),
        _witness(_with(post(), signature=None), faulty=400),
    ),
    Fault(
        "auth-code",
        "A request without a right signature is answered with the code for missing permission.",
        "NC200",
        _refused(code="210"),
        _witness(_with(post(), signature=None), clean="10100", faulty="210", look="code"),
    ),
    Fault("skew-unchecked", "A signature is good for ever.", "NC203", _clock(lambda _: True), _witness(_skewed(-301))),
    Fault("skew-past-unchecked", "Old requests are taken.", "NC203", _clock(lambda age: age >= -5 * _MINUTE_MS), _witness(_skewed(-3600))),
    Fault(
        "skew-future-unchecked",
        "Requests from the future are taken.",
        "NC203",
        _clock(lambda age: age <= 5 * _MINUTE_MS),
        _witness(_skewed(3600)),
    ),
    Fault(
        "skew-window",
        "The clock may be off by another time than five minutes.",
        "NC203",
        _window,
        lambda seconds: Witness(
            (_skewed(-299 if int(seconds) < 300 else -301),), "status", *((200, 401) if int(seconds) < 300 else (401, 200))
        ),
        ("30", "60", "240", "360", "600", "3600"),
    ),
)
