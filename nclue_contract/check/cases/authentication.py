"""Test cases for signatures: missing, invalid, for another request or for another time; and the clock, on both sides of its limit.

The page is "Overview", request headers.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from nclue_contract.check.expectations import MALFORMED, accepted, rejected, rejected_under
from nclue_contract.check.requests import RequestSpec, delete_request, get_request, list_request, unchanged
from nclue_contract.check.results import Case, Script
from nclue_contract.check.session import CheckSession
from nclue_contract.contract.model import contract
from nclue_contract.signing import Credentials, signature, string_to_sign

LIST_QUERY = "limit=1"
"""The query of the list request that most of these cases send: it creates nothing, and has a query that is signed."""

Change = Callable[[CheckSession, RequestSpec], RequestSpec]
"""Puts a defect into a request."""

UNKNOWN_KEY = "NOBODY0000000000KEY1"
"""An access key that no server knows."""

CONTROLS = ("list[limit before index]",)
"""The case that sends a valid list request: where that is rejected, too, the rejection of one with a defect shows nothing."""

REPLAYED = Case("access[the signature of an earlier request]", "NC208", decided_by="access[header names in capitals]", rank=0)


def authentication_cases() -> Iterator[Case]:
    """Yield the cases; all but a few only read."""
    yield from _header_cases()
    yield from _timestamp_cases()
    yield from _key_cases()
    yield from _signature_cases()
    yield from _clock_cases()
    yield from _operation_cases()


def _rejected(defect: str, rule: str, change: Change, rank: int = 1, *, unreadable: bool = False) -> Case:
    """Return a case that sends a list request with a defect; an `unreadable` one may be rejected before the signature is checked."""

    def script(session: CheckSession, case: Case) -> Script:
        request = change(session, list_request(LIST_QUERY))
        if session.signature_variant is not None and (request.signed_as or request.odd_signed or request.signature is not unchanged):
            session.results.not_tested(case, "the server signs another string than the page says, so that this proves nothing")
            return
        exchange = yield request
        session.evaluator.evaluate(case, exchange, rejected(rule, *(MALFORMED if unreadable else ())))

    return Case(f"access[{defect}]", rule, script, rank=rank, independent=True, controls=CONTROLS)


def _with(**changes: Any) -> Change:  # noqa: ANN401  # fields of RequestSpec
    return lambda _, request: replace(request, **changes)


def _header_cases() -> Iterator[Case]:
    timestamp, access_key, signed = contract().headers
    yield _rejected("no headers", "NC200", _with(headers=dict.fromkeys(contract().headers)), rank=0)
    yield _rejected("no timestamp", "NC200", _with(headers={timestamp: None}))
    yield _rejected("no access key", "NC200", _with(headers={access_key: None}))
    yield _rejected("no signature", "NC200", _with(headers={signed: None}), rank=0)
    yield _rejected("signature twice", "NC201", _with(repeated=signed), rank=0, unreadable=True)
    yield _rejected("signature twice, the wrong one first", "NC201", _with(repeated=signed, wrong_first=True), unreadable=True)


def _timestamp_cases() -> Iterator[Case]:
    yield _rejected("timestamp with a fraction", "NC202", _with(timestamp=lambda ms: f"{ms}.0", odd_signed=True), rank=0)
    yield _rejected("timestamp with underscores", "NC202", _with(timestamp=lambda ms: f"{ms[:-3]}_{ms[-3:]}", odd_signed=True))
    yield _rejected("timestamp in seconds", "NC202", _with(timestamp=lambda ms: ms[:-3], odd_signed=True))
    yield _rejected("timestamp of another moment", "NC208", _with(timestamp=lambda ms: str(int(ms) - 1)))


def _key_cases() -> Iterator[Case]:
    yield Case(REPLAYED.decided_by, "NC200", _capitals, requests=2, rank=0, independent=True)
    yield REPLAYED
    yield _rejected("unknown access key", "NC209", lambda s, request: replace(request, credentials=_other_letter_case(s)), rank=0)
    yield Case("access[unknown access key, no secret key]", "NC209", _no_secret_key, independent=True, controls=CONTROLS)
    yield _rejected(
        "another secret key",
        "NC208",
        lambda s, request: replace(request, credentials=Credentials(s.credentials.access_key, "EXAMPLE")),
    )


def _other_letter_case(session: CheckSession) -> Credentials:
    """Return the right secret key with an unknown access key: the right one in another letter case."""
    key = session.credentials.access_key
    return Credentials(key.swapcase() if key != key.swapcase() else key + "X", session.credentials.secret_key)


def _no_secret_key(session: CheckSession, case: Case) -> Script:
    """Sign with an empty secret key: a server that does not find the access key may go on with that."""
    request, now_ms = list_request(LIST_QUERY), session.now_ms()
    empty = signature("", string_to_sign(request.method, session.prefix + request.path, now_ms, UNKNOWN_KEY))
    exchange = yield replace(request, at_ms=now_ms, credentials=Credentials(UNKNOWN_KEY, "x"), signature=lambda _: empty)
    session.evaluator.evaluate(case, exchange, rejected("NC209"))


def _capitals(session: CheckSession, case: Case) -> Script:
    """Write header names in capitals, which is valid; then use the signature for another request, which is not."""
    now_ms = session.now_ms()
    exchange = yield replace(list_request(LIST_QUERY), capitals=True, at_ms=now_ms)
    session.evaluator.evaluate(case, exchange, accepted(), LIST_QUERY)
    other = list_request(f"{LIST_QUERY}0")
    replayed = yield replace(other, at_ms=now_ms, signed_as=(other.method, session.prefix + list_request(LIST_QUERY).path))
    session.evaluator.evaluate(REPLAYED, replayed, rejected("NC208"))


def _signature_cases() -> Iterator[Case]:
    yield _rejected("signature all zero", "NC208", _with(signature=lambda _: base64.b64encode(bytes(32)).decode()), rank=0)
    yield _rejected("signature in hexadecimal", "NC205", _with(signature=lambda value: base64.b64decode(value).hex()), rank=0)
    yield _rejected("signature in another case", "NC208", _with(signature=str.swapcase))
    yield _rejected("signature without its padding", "NC205", _with(signature=lambda value: value.rstrip("=")))
    yield _rejected("signature with a star inside", "NC205", _with(signature=lambda value: f"{value[:10]}*{value[10:]}"))
    not_ascii = _with(signature=lambda value: f"{value[:10]}\xe9{value[11:]}")
    yield _rejected("signature not ASCII", "NC205", not_ascii, unreadable=True)
    other_end = _with(signature=lambda value: value[:-2] + ("A" if value[-2] != "A" else "E") + "=")
    yield _rejected("signature another at the end", "NC208", other_end)
    path = contract().operations["listTasks"].path
    yield _rejected("signed: another method", "NC208", _signed_as(lambda s: ("DELETE", f"{s.prefix}{path}?{LIST_QUERY}")), rank=0)
    yield _rejected("signed: no query", "NC208", _signed_as(lambda s: ("GET", s.prefix + path)), rank=0)
    yield _rejected("signed: no prefix", "NC208", _signed_as(lambda _: ("GET", f"{path}?{LIST_QUERY}")), rank=0)


def _signed_as(target: Callable[[CheckSession], tuple[str, str]]) -> Change:
    return lambda session, request: replace(request, signed_as=target(session))


def _clock_cases() -> Iterator[Case]:
    limit_ms = contract().rules["NC203"].limit * 1000
    for word, sign in (("behind", -1), ("ahead", 1)):
        yield Case(
            f"clock[within the limit {word}]",
            "NC203",
            _skewed(_near(sign * limit_ms, -sign), valid=True),
            rank=0,
            independent=True,
            assumes=_clock_known,
        )
        yield Case(
            f"clock[beyond the limit {word}]",
            "NC203",
            _skewed(_near(sign * limit_ms, sign), valid=False),
            rank=0,
            independent=True,
            assumes=_clock_known,
        )
        yield Case(f"clock[exactly the limit {word}]", "NC203", _at_the_limit(sign * limit_ms), independent=True)


def _clock_known(session: CheckSession) -> bool:
    return session.clock.known


def _near(limit_ms: int, sign: int) -> Callable[[CheckSession], int]:
    """Return what is as near to a limit as the clocks allow, on the side of the sign."""
    return lambda session: limit_ms + sign * session.clock.margin_ms


def _skewed(skew_ms: Callable[[CheckSession], int], *, valid: bool) -> Callable[[CheckSession, Case], Script]:
    def script(session: CheckSession, case: Case) -> Script:
        clock = session.clock
        if session.signature_variant is not None and session.signature_variant.in_seconds:
            session.results.not_tested(case, "the server expects the timestamp in seconds")
            return
        if not clock.known:
            session.results.not_tested(case, "the server does not show its time, neither in a Date header nor in a created task")
            return
        exchange = yield replace(list_request(LIST_QUERY), skew_ms=skew_ms(session) + clock.ahead_ms)
        if exchange.received_ms - exchange.sent_ms > clock.margin_ms:
            session.results.inconclusive(case, "the response took so long that the age of the timestamp is not known")
            return
        session.evaluator.evaluate(case, exchange, accepted() if valid else rejected("NC203"), LIST_QUERY)

    return script


def _at_the_limit(skew_ms: int) -> Callable[[CheckSession, Case], Script]:
    def script(session: CheckSession, case: Case) -> Script:
        if session.signature_variant is not None and session.signature_variant.in_seconds:
            session.results.not_tested(case, "the server expects the timestamp in seconds")
            return
        if not session.clock.exact:
            session.results.not_tested(case, "only with the server's own clock can a request come exactly at the limit")
            return
        exchange = yield replace(list_request(LIST_QUERY), skew_ms=skew_ms)
        session.evaluator.evaluate(case, exchange, rejected_under("NC203", "timestamp-edge", "refused"), LIST_QUERY)

    return script


def _operation_cases() -> Iterator[Case]:
    """Yield a case for each operation: without a signature, and with an invalid one of the correct form. The server must not change."""
    name = contract().headers[-1]
    unsigned: dict[str, str | None] = {name: None}
    forged: dict[str, str | None] = {name: base64.b64encode(bytes(range(32))).decode()}
    creation = _create(unsigned, "NC200", repeat=True)
    yield Case("access[unsigned creation]", "NC200", creation, requests=2, posts=2, rank=0, independent=True)
    look, deletion = _on_task(get_request, unsigned, "NC200"), _on_task(delete_request, unsigned, "NC200", verify=True)
    yield Case("access[unsigned look]", "NC200", look, rank=0, needs_write_access=True, independent=True)
    yield Case("access[unsigned deletion]", "NC200", deletion, requests=2, rank=0, needs_write_access=True, independent=True)
    yield Case("access[forged creation]", "NC208", _create(forged, "NC208"), posts=1, rank=0, independent=True)
    deletion = _on_task(delete_request, forged, "NC208")
    yield Case("access[forged deletion]", "NC208", deletion, rank=0, needs_write_access=True, independent=True)


def _create(headers: Mapping[str, str | None], rule: str, *, repeat: bool = False) -> Callable[[CheckSession, Case], Script]:
    """Send a create request with these headers; with `repeat`, send it again with valid ones: its name must be free."""

    def script(session: CheckSession, case: Case) -> Script:
        request = session.builder.create()
        exchange = yield replace(request, headers=headers)
        session.evaluator.evaluate(case, exchange, rejected(rule))
        if repeat and not exchange.accepted:
            second = yield request
            problem = "a create request that was rejected with 401 has occupied its name"
            session.evaluator.evaluate_free_name(case, second, "NC406", problem)

    return script


def _on_task(
    build: Callable[[str], RequestSpec], headers: Mapping[str, str | None], rule: str, *, verify: bool = False
) -> Callable[[CheckSession, Case], Script]:
    """Send a request for a task with these headers; with `verify`, check whether the task is still there afterwards."""

    def script(session: CheckSession, case: Case) -> Script:
        remaining = session.tasks.remaining()
        if not remaining:
            session.results.not_tested(case, session.tasks.why_none)
            return
        task = remaining[-1]
        exchange = yield replace(build(task.task_id), headers=headers)
        session.evaluator.evaluate(case, exchange, rejected(rule))
        if exchange.request.method == "DELETE" and exchange.accepted:
            task.deleted = True
        elif verify:
            found = yield get_request(task.task_id)
            problem = "a delete request that was rejected with 401 has deleted the task"
            session.results.require(case, found.status != 404, "NC406", problem, found)

    return script
