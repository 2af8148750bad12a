"""Cases about signatures: missing, wrong, made for another request or at another time; and the clock from both sides.

The page is "Overview", request headers.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from nclue_contract.check.expectations import MALFORMED, accepted, rejected, rejected_under
from nclue_contract.check.requests import RequestSpec, delete_request, get_request, list_request
from nclue_contract.check.results import Case, Script
from nclue_contract.check.session import CheckSession
from nclue_contract.contract.model import contract
from nclue_contract.signing import Credentials, signature, string_to_sign

LIST_QUERY = "limit=1"
"""The query of the look that most of these cases are: it makes nothing, and there is a query to be signed."""


def access_cases() -> Iterator[Case]:
    """The cases; all but a few only read."""
    yield from _headers()
    yield from _signatures()
    yield from _clock()
    yield from _operations()


def _refused(
    what: str, rule: str, change: Callable[[CheckSession, RequestSpec], RequestSpec], rank: int = 1, *, unreadable: bool = False
) -> Case:
    """A look at the list, with something wrong; what is `unreadable` may be refused before anybody looks at the signature."""

    def script(bench: CheckSession, case: Case) -> Script:
        exchange = yield change(bench, list_request(LIST_QUERY))
        bench.judge_answer(case, exchange, rejected(rule, *(MALFORMED if unreadable else ())))

    return Case(f"access[{what}]", rule, script, rank=rank)


def _with(**changes: Any) -> Callable[[CheckSession, RequestSpec], RequestSpec]:  # noqa: ANN401  # fields of RequestSpec
    return lambda _, ask: replace(ask, **changes)


def _headers() -> Iterator[Case]:
    timestamp, access_key, signed = contract().headers
    yield _refused("no headers", "NC200", _with(headers=dict.fromkeys(contract().headers)), rank=0)
    for name, short in ((timestamp, "timestamp"), (access_key, "access key"), (signed, "signature")):
        yield _refused(f"no {short}", "NC200", _with(headers={name: None}), rank=0 if name == signed else 1)
    yield _refused("signature twice", "NC201", _with(repeated=signed), rank=0, unreadable=True)
    yield _refused("signature twice, the wrong one first", "NC201", _with(repeated=signed, wrong_first=True), unreadable=True)
    forms: Mapping[str, Callable[[str], str]] = {
        "with a fraction": lambda ms: f"{ms}.0",
        "with underscores": lambda ms: f"{ms[:-3]}_{ms[-3:]}",
        "in seconds": lambda ms: ms[:-3],
        "of another moment": lambda ms: str(int(ms) - 1),
    }
    for what, form in forms.items():
        # Only that of another moment is not what was signed.
        other = "moment" in what
        change = _with(timestamp=form, odd_signed=not other)
        yield _refused(f"timestamp {what}", "NC208" if other else "NC202", change, rank=0 if what == "with a fraction" else 1)
    yield Case("access[header names in capitals]", "NC200", _capitals, requests=2, rank=0)
    yield Case("access[the signature of an earlier request]", "NC208", by="access[header names in capitals]", rank=0)
    yield _refused("unknown access key", "NC209", lambda b, ask: replace(ask, credentials=_other_case(b)), rank=0)
    yield Case("access[unknown access key, no secret key]", "NC209", _no_secret)
    yield _refused("another secret key", "NC208", lambda b, ask: replace(ask, credentials=Credentials(b.credentials.access_key, "EXAMPLE")))


def _other_case(bench: CheckSession) -> Credentials:
    """Nobody's key: the one that is known, in another case. Signed with the right secret key."""
    key = bench.credentials.access_key
    return Credentials(key.swapcase() if key != key.swapcase() else key + "X", bench.credentials.secret_key)


def _no_secret(bench: CheckSession, case: Case) -> Script:
    """A look-up that finds nothing may go on with an empty secret key."""
    ask, now_ms, stranger = list_request(LIST_QUERY), bench.now_ms(), "NOBODY0000000000KEY1"
    empty = signature("", string_to_sign(ask.method, bench.prefix + ask.path, now_ms, stranger))
    exchange = yield replace(ask, at_ms=now_ms, credentials=Credentials(stranger, "x"), signature=lambda _: empty)
    bench.judge_answer(case, exchange, rejected("NC209"))


def _capitals(bench: CheckSession, case: Case) -> Script:
    """Names of headers are the same in every case; and what was right for this request is not right for the next."""
    now_ms = bench.now_ms()
    exchange = yield replace(list_request(LIST_QUERY), capitals=True, at_ms=now_ms)
    bench.judge_answer(case, exchange, accepted(), LIST_QUERY)
    other = list_request(f"{LIST_QUERY}0")
    again = yield replace(other, at_ms=now_ms, signed_as=(other.method, bench.prefix + list_request(LIST_QUERY).path))
    replayed = next(c for c in access_cases() if c.id == "access[the signature of an earlier request]")
    bench.judge_answer(replayed, again, rejected("NC208"))


def _signatures() -> Iterator[Case]:
    wrong: Mapping[str, Callable[[str], str]] = {
        "all zero": lambda _: base64.b64encode(bytes(32)).decode(),
        "in hexadecimal": lambda value: base64.b64decode(value).hex(),
        "in another case": str.swapcase,
        "without its padding": lambda value: value.rstrip("="),
        "with a star inside": lambda value: f"{value[:10]}*{value[10:]}",
        "not ASCII": lambda value: f"{value[:10]}\xe9{value[11:]}",
        "another at the end": lambda value: value[:-2] + ("A" if value[-2] != "A" else "E") + "=",
    }
    for what, form in wrong.items():
        rule = "NC208" if what in {"all zero", "in another case", "another at the end"} else "NC205"
        rank = 0 if what in {"all zero", "in hexadecimal"} else 1
        yield _refused(f"signature {what}", rule, _with(signature=form), rank, unreadable=what == "not ASCII")
    path = contract().operations["listTasks"].path
    signed: Mapping[str, Callable[[CheckSession], tuple[str, str]]] = {
        "another method": lambda b: ("DELETE", f"{b.prefix}{path}?{LIST_QUERY}"),
        "no query": lambda b: ("GET", b.prefix + path),
        "no prefix": lambda _: ("GET", f"{path}?{LIST_QUERY}"),
    }
    for what, target in signed.items():
        yield _refused(f"signed: {what}", "NC208", _signed_as(target), rank=0)


def _clock() -> Iterator[Case]:
    limit_ms = contract().rules["NC203"].limit * 1000
    for word, sign in (("behind", -1), ("ahead", 1)):
        yield Case(f"clock[within the limit {word}]", "NC203", _skewed(_near(sign * limit_ms, -sign), right=True), rank=0)
        yield Case(f"clock[beyond the limit {word}]", "NC203", _skewed(_near(sign * limit_ms, sign)), rank=0)
        yield Case(f"clock[exactly the limit {word}]", "NC203", _at_the_edge(sign * limit_ms), requests=1)


def _signed_as(target: Callable[[CheckSession], tuple[str, str]]) -> Callable[[CheckSession, RequestSpec], RequestSpec]:
    return lambda bench, ask: replace(ask, signed_as=target(bench))


def _near(limit_ms: int, sign: int) -> Callable[[CheckSession], int]:
    """As near to a limit as the clocks allow, on the side of the sign."""
    return lambda bench: limit_ms + sign * bench.clock.margin_ms


def _skewed(skew_ms: Callable[[CheckSession], int], *, right: bool = False) -> Callable[[CheckSession, Case], Script]:
    def script(bench: CheckSession, case: Case) -> Script:
        if not bench.clock.known:
            bench.untested(case, "the server does not tell its time, neither in a Date header nor in a creation")
            return
        exchange = yield replace(list_request(LIST_QUERY), skew_ms=skew_ms(bench) + bench.clock.ahead_ms)
        if exchange.received_ms - exchange.sent_ms > bench.clock.margin_ms:
            bench.undecided(case, "the answer took so long that nobody knows how old the timestamp was")
            return
        bench.judge_answer(case, exchange, accepted() if right else rejected("NC203"), LIST_QUERY)

    return script


def _at_the_edge(skew_ms: int) -> Callable[[CheckSession, Case], Script]:
    def script(bench: CheckSession, case: Case) -> Script:
        if not bench.clock.exact:
            bench.untested(case, "only with the server's own clock can a request come exactly at the limit")
            return
        exchange = yield replace(list_request(LIST_QUERY), skew_ms=skew_ms)
        bench.judge_answer(case, exchange, rejected_under("NC203", "timestamp-edge", "refused"), LIST_QUERY)

    return script


def _operations() -> Iterator[Case]:
    """Every operation by itself: without a signature, and with one of the right form. A refused request changes nothing."""
    name = contract().headers[-1]
    headers: dict[str, str | None] = {name: None}
    yield Case("access[unsigned creation]", "NC200", _create_refused(headers, "NC200", again=True), requests=2, posts=2, rank=0)
    yield Case("access[unsigned look]", "NC200", _on_task(get_request, headers, "NC200"), rank=0)
    yield Case("access[unsigned deletion]", "NC200", _on_task(delete_request, headers, "NC200"), requests=2, rank=0)
    headers = {name: base64.b64encode(bytes(range(32))).decode()}
    yield Case("access[forged creation]", "NC208", _create_refused(headers, "NC208"), posts=1, rank=0)
    yield Case("access[forged deletion]", "NC208", _on_task(delete_request, headers, "NC208"), rank=0)


def _create_refused(headers: Mapping[str, str | None], rule: str, *, again: bool = False) -> Callable[[CheckSession, Case], Script]:
    def script(bench: CheckSession, case: Case) -> Script:
        ask = bench.create()
        exchange = yield replace(ask, headers=headers)
        bench.judge_answer(case, exchange, rejected(rule))
        if again and not exchange.accepted:
            second = yield ask
            bench.judge_free_name(case, second, "NC406", "a creation that was refused with 401 has taken its name")

    return script


def _on_task(make: Callable[[str], RequestSpec], headers: Mapping[str, str | None], rule: str) -> Callable[[CheckSession, Case], Script]:
    def script(bench: CheckSession, case: Case) -> Script:
        made = bench.living()
        if not made:
            bench.untested(case, "there is no task of this run")
            return
        last = made[-1]
        exchange = yield replace(make(last.task_id), headers=headers)
        bench.judge_answer(case, exchange, rejected(rule))
        if exchange.request.method == "DELETE" and exchange.accepted:
            last.deleted = True
        elif exchange.request.method == "DELETE" and rule == "NC200":  # once is enough
            still = yield get_request(last.task_id)
            bench.require(case, still.status != 404, "NC406", "a deletion that was refused with 401 has deleted the task", still)

    return script
