"""Cases about several tasks: names that are taken, what belongs to which task, what a refusal leaves behind, and IDs that nobody has.

The pages are "Create task" and "Overview", response status codes.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from nclue_contract.check.expectations import CLIENT_ERROR, MISSING, OWN_FOLDER, accepted, rejected
from nclue_contract.check.requests import Exchange, RequestSpec, create_request, delete_request, get_request, list_request
from nclue_contract.check.results import Case, Script, Wait
from nclue_contract.check.server_clock import instant
from nclue_contract.check.session import CheckSession, CreatedTask
from nclue_contract.contract.model import contract
from nclue_contract.contract.rules import Answer

EXACT_MS = 1000
"""Two tellings of one time differ by less; the page prints whole seconds."""

MOVED_S = 3.5
"""Seconds between two creations after which their times must differ, in whole seconds as the page prints them."""


def name_cases() -> Iterator[Case]:
    """The cases about names, tasks of their own, and unknown IDs."""
    yield Case("name[taken]", "NC404", _taken_twice, requests=3, posts=2, rank=0)
    yield Case("name[taken, at the same moment]", "NC404", _racing, requests=2, posts=2)
    yield Case("name[differs in little]", "NC404", _nearly_the_same, requests=1 + len(_DIFFERENT), posts=1 + len(_DIFFERENT), rank=0)
    for what in _DIFFERENT:
        yield Case(f"name[differs in {what}]", "NC404", by="name[differs in little]", rank=0)
    yield Case("effect[refused creations]", "NC406", _after_refusals, posts=1)
    yield Case("own[an old task shows itself]", "NC403", _own)
    yield Case("fresh[time of creation moves]", "NC405", _time_moves, posts=1, rank=0, background=True)
    yield Case("unknown[get: unknown]", "NC407", _unknown(get_request, _nobody), rank=0)
    yield Case("unknown[get: quotes]", "NC407", _unknown(get_request, lambda _: "' OR '1'='1"), rank=0)
    yield Case("unknown[get: the beginning of an ID]", "NC407", _beginning)
    yield Case("unknown[delete]", "NC407", _unknown(delete_request, _nobody))
    yield Case("unknown[address]", "NC407", _elsewhere("GET", "-x"))
    yield Case("unknown[method]", "NC407", _elsewhere("PUT", ""), posts=1)


_FIRST = "{}-café\U0001f600 1"
_DIFFERENT: dict[str, str] = {
    "case": "{}-CaFé\U0001f600 1",
    "accents": "{}-cafe\U0001f600 1",
    "normal form": "{}-cafe\u0301\U0001f600 1",
    "emoji": "{}-café\U0001f601 1",
    "the last character": "{}-café\U0001f600 _",  # a wild card of SQL, which stands for any
    "white space at the end": "{}-café\U0001f600 1 ",
}
"""Names that differ from the first in something that a collation, a column or a helpful program may take for nothing."""


def _taken_twice(bench: CheckSession, case: Case) -> Script:
    """A name that is taken is refused, whatever else is new, and the task that has it stays as it is."""
    first = yield bench.create()
    if not bench.judge_creation(case, first) or (made := bench.made.get(str(first.fields.get("task_id")))) is None:
        return
    exchange = yield create_request(
        made.payload | bench.test_fields() | {"train_file_path": f"{OWN_FOLDER}other.tsv", "train_bucket": "other-answers"}
    )
    # A server that does not know the bucket or the file may say so first; for the bucket the pages have no code.
    bench.judge_answer(case, exchange, rejected("NC404", *MISSING, *(Answer(a.status, None) for a in MISSING)))
    shown = yield get_request(made.task_id)
    compare(bench, case, made, shown)


def _racing(bench: CheckSession, case: Case) -> Script:
    """Two at once: one of them is too late, whichever."""
    ask = bench.create()
    both = yield (ask, ask)
    late = [exchange for exchange in both if exchange.status == 409]
    for exchange in both:
        if exchange in late[:1]:
            bench.judge_answer(case, exchange, rejected("NC404"))
        else:
            bench.judge_creation(case, exchange)
    if all(exchange.accepted for exchange in both):
        bench.fail(case, bench.finding("NC404", "two creations at the same moment have both got the name", "/name"), both[1])


def _nearly_the_same(bench: CheckSession, case: Case) -> Script:
    cases = {other.id: other for other in name_cases()}
    stem = bench.name("-" + "y" * 40)
    exchange = yield bench.create(name=_FIRST.format(stem))
    bench.judge_creation(case, exchange)
    for what, form in _DIFFERENT.items():
        exchange = yield bench.create(name=form.format(stem))
        # No page says that white space at an end is taken, but it is another name.
        lenient = what.startswith("white") and exchange.status != 409
        bench.judge_creation(cases[f"name[differs in {what}]"], exchange, CLIENT_ERROR if lenient else ())


def _after_refusals(bench: CheckSession, case: Case) -> Script:
    """The name that the creations with a missing field, a wrong type or a forbidden character had."""
    exchange = yield bench.create(name=bench.refused_name())
    bench.judge_free_name(case, exchange, "NC406", "a creation that was refused has taken its name")


def _own(bench: CheckSession, case: Case) -> Script:
    """A task without test data that was created long before others still shows what it was given."""
    made = next((made for made in bench.living() if "test_bucket" not in made.payload), None)
    if made is None:
        bench.untested(case, "no such task of this run is there")
        return
    exchange = yield get_request(made.task_id)
    compare(bench, case, made, exchange)


def compare(bench: CheckSession, case: Case, made: CreatedTask, exchange: Exchange) -> None:
    """Judge an answer of getTask by what createTask was sent and has answered."""
    request = {"task_id": made.task_id, **made.payload}
    bench.judge_answer(case, exchange, accepted(), request)
    if exchange.accepted:
        differences(bench, case, made, exchange.fields, exchange)


def differences(bench: CheckSession, case: Case, made: CreatedTask, shown: dict[str, Any], exchange: Exchange) -> None:
    """Compare what is shown of a task now with what createTask has shown."""
    for field in contract().responses["CreatedTask"]:
        name = field.name
        if name in made.shown and name in shown and not _same(name, made.shown[name], shown[name]):
            bench.fail(case, bench.finding("NC403", f"{name} is not what createTask has answered", f"/{name}"), exchange)


def _same(name: str, one: object, other: object) -> bool:
    if one == other:
        return True
    # The same moment may be written in another zone, and be stored less exactly than it was first told.
    at_ms, other_ms = instant(one), instant(other)
    return name.endswith("_at") and at_ms is not None and other_ms is not None and abs(at_ms - other_ms) < EXACT_MS


def _time_moves(bench: CheckSession, case: Case) -> Script:
    first = next(iter(bench.made.values()), None)
    if first is None or instant(first.shown.get("created_at")) is None:
        bench.untested(case, "no creation has said its time")
        return
    yield Wait(MOVED_S)
    exchange = yield bench.create()
    bench.judge_creation(case, exchange)
    before, after = instant(first.shown.get("created_at")), instant(exchange.fields.get("created_at"))
    if before is None or after is None:
        return
    passed, shown = exchange.received_ms - first.sent_ms, after - before
    problem = f"created_at moved by {shown / 1000:,.1f} s between two creations that are {passed / 1000:,.1f} s apart"
    slow = exchange.received_ms - exchange.sent_ms
    bench.require(case, abs(shown - passed) <= 2500 + slow, "NC405", problem, exchange)


def _nobody(bench: CheckSession) -> str:
    """An ID that no task has, another one in each run."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, bench.run))


def _unknown(make: Callable[[str], RequestSpec], task_id: Callable[[CheckSession], str]) -> Callable[[CheckSession, Case], Script]:
    def script(bench: CheckSession, case: Case) -> Script:
        exchange = yield make(task_id(bench))
        bench.judge_answer(case, exchange, rejected("NC407"))

    return script


def _beginning(bench: CheckSession, case: Case) -> Script:
    living = bench.living()
    half = living[0].task_id[: len(living[0].task_id) // 2] if living else ""
    if not half or half.isdecimal():
        bench.untested(case, "there is no task of this run" if not living else "half a number is a number, which another task may have")
        return
    exchange = yield get_request(half)
    bench.judge_answer(case, exchange, rejected("NC407"))


def _elsewhere(method: str, tail: str) -> Callable[[CheckSession, Case], Script]:
    """What no page has, be it an address or a method: any refusal is right, but it is one."""

    def script(bench: CheckSession, case: Case) -> Script:
        ask = bench.create() if method != "GET" else list_request()
        exchange = yield replace(ask, method=method, path=ask.path + tail)
        problem = f"{method} on {ask.path + tail} is answered {exchange.status or exchange.error}"
        # HTTP has an answer of its own to a method that a server does not know.
        right = 300 <= exchange.status < 500 or exchange.status == HTTPStatus.NOT_IMPLEMENTED
        bench.require(case, right, "NC407", problem, exchange)

    return script
