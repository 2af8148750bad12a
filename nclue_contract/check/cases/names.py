"""Test cases for several tasks: occupied names, mixed-up fields, side effects of rejected requests, and unknown IDs.

The pages are "Create task" and "Overview", response status codes.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from http import HTTPStatus
from typing import Any, NamedTuple

from nclue_contract.check.agreement import differences
from nclue_contract.check.cases.needed_tasks import create_missing, too_few_tasks
from nclue_contract.check.created_tasks import CreatedTask
from nclue_contract.check.expectations import CLIENT_ERROR, FILE_NOT_FOUND, OWN_FOLDER, accepted, rejected
from nclue_contract.check.requests import Exchange, RequestSpec, create_request, delete_request, get_request, list_request
from nclue_contract.check.results import Case, Script, Wait
from nclue_contract.check.server_clock import parse_time_ms
from nclue_contract.check.session import CheckSession
from nclue_contract.check.task_ids import UNUSABLE, why_unusable
from nclue_contract.contract.rules import Answer

RACING = 8
"""Create requests with one name that are sent at the same moment: with two, a server that compares names too early may be lucky."""

TOO_MANY = HTTPStatus.TOO_MANY_REQUESTS

TIME_GAP_S, TIME_SLACK_MS = 2.5, 1500
"""Seconds between two create requests after which their times must differ, and by how much that may differ from the seconds between them.

The page prints whole seconds, so the difference is exact to one second, and to the time that the requests took.
"""


def name_cases() -> Iterator[Case]:
    """Yield the cases."""
    yield Case("name[taken]", "NC404", _occupied, requests=2, posts=1, rank=0, readings_agree=True)
    yield Case("name[taken, at the same moment]", "NC404", _racing, requests=RACING, posts=RACING, readings_agree=True)
    number = 1 + len(_SIMILAR)
    yield Case("name[differs in little]", "NC404", _similar_names, requests=number, posts=number, rank=0, independent=True)
    yield from (similar.case for similar in _SIMILAR)
    first = ("path[train U+000A end]", "required[train_bucket null]")
    yield Case("effect[refused creations]", "NC406", _after_rejections, posts=1, needs=first)
    others = ("required[train_feature_id missing]",)
    yield Case("effect[refused creations, the later ones]", "NC406", _after_rejections, posts=1, rank=4, needs=others)
    yield Case("own[an old task shows itself]", "NC403", _old_task, needs_tasks=2)
    yield Case("fresh[time of creation moves]", "NC405", _time_moves, posts=1, rank=0, background=True)
    yield Case("unknown[get: unknown]", "NC407", _unknown(get_request, _unknown_id), rank=0, independent=True)
    yield Case("unknown[get: quotes]", "NC407", _unknown(get_request, lambda _: "' OR '1'='1"), rank=0, independent=True)
    yield Case("unknown[get: the beginning of an ID]", "NC407", _half_an_id, independent=True)
    yield Case("unknown[delete]", "NC407", _unknown(delete_request, _unknown_id), needs_write_access=True, independent=True)
    yield Case("unknown[address]", "NC407", _elsewhere("GET", "-x"), independent=True)
    yield Case("unknown[method]", "NC407", _elsewhere("PUT", ""), posts=1, independent=True)


class _Similar(NamedTuple):
    """A name that differs from `_FIRST` in something that a collation, a column or a normalisation may ignore.

    `collated`: such names may count as the same under an option of the reading `name-comparison`.
    """

    case: Case
    form: str
    collated: bool = False
    may_be_rejected: bool = False


_FIRST = "{}-café\U0001f600 1"


_COLLATED = ("name-comparison", "collated")


def _similar(what: str, form: str, *, collated: bool = False, may_be_rejected: bool = False) -> _Similar:
    case = Case(f"name[differs in {what}]", "NC404", decided_by="name[differs in little]", rank=0)
    return _Similar(case, form, collated, may_be_rejected)


_SIMILAR = (
    _similar("case", "{}-CaFé\U0001f600 1", collated=True),
    _similar("accents", "{}-cafe\U0001f600 1", collated=True),
    _similar("normal form", "{}-cafe\u0301\U0001f600 1", collated=True),
    _similar("width", "{}-café\U0001f600 \uff11", collated=True),
    _similar("emoji", "{}-café\U0001f601 1"),
    _similar("the last character", "{}-café\U0001f600 _"),  # a wild card of SQL, which stands for any character
    # No page states that white space at the end is allowed.
    _similar("white space at the end", "{}-café\U0001f600 1 ", collated=True, may_be_rejected=True),
)


def _occupied(session: CheckSession, case: Case) -> Script:
    """Use the name of the first task again: it is rejected, whatever else is new, and the task that has it does not change."""
    task = session.tasks.first  # no case deletes it
    if task is None or task.deleted:
        first = yield session.builder.create()
        task = session.tasks.get(first.fields.get("task_id")) if session.evaluator.evaluate_create(case, first) else None
    if task is None:
        return
    changes = {"train_file_path": f"{OWN_FOLDER}other.tsv", "train_bucket": "other-answers"}
    exchange = yield create_request(task.payload | session.builder.test_fields() | changes)
    # A server that does not know the bucket or the file may report that first; for the bucket the pages have no code.
    unknown = (*FILE_NOT_FOUND, *(Answer(answer.status, None) for answer in FILE_NOT_FOUND))
    session.evaluator.evaluate(case, exchange, rejected("NC404", *unknown))
    if not session.few_requests:  # else the polls of the lifecycle compare the values of this task
        found = yield get_request(task.task_id)
        evaluate_get(session, case, task, found)


def _racing(session: CheckSession, case: Case) -> Script:
    """Send several create requests with one name at the same moment: all but one of them are too late, whichever.

    They are not sent again. A server may limit the rate or the number of connections, so some of them may not be decided.
    """
    exchanges = yield (session.builder.create(),) * RACING
    decided = [one for one in exchanges if not one.error and one.status <= HTTPStatus.NOT_IMPLEMENTED and one.status != TOO_MANY]
    session.evaluator.response_lost |= any(one not in decided and one.status != TOO_MANY for one in exchanges)
    winners = [exchange for exchange in decided if exchange.accepted]
    for exchange in winners:
        session.evaluator.evaluate_create(case, exchange)
    for exchange in decided:
        if exchange not in winners and (winners or len(decided) < len(exchanges)):
            session.evaluator.evaluate(case, exchange, rejected("NC404"))
    if len(winners) > 1:
        problem = f"{len(winners)} of {RACING} create requests at the same moment have got the same name"
        session.results.fail(case, "NC404", problem, winners[-1], "/name")
    elif not winners and len(decided) == len(exchanges):
        session.evaluator.evaluate_create(case, decided[0])  # one of them is valid
    elif len(decided) < 2:
        session.results.inconclusive(case, "the server did not respond to several requests at the same moment")


def _similar_names(session: CheckSession, case: Case) -> Script:
    stem = session.builder.name("-" + "y" * 40)
    exchange = yield session.builder.create(name=_FIRST.format(stem))
    if not session.evaluator.evaluate_create(case, exchange):
        for similar in _SIMILAR:
            session.results.not_tested(similar.case, "no task got the name from which this one differs")
        return
    different = 0
    for similar in _SIMILAR:
        exchange = yield session.builder.create(name=similar.form.format(stem))
        also = CLIENT_ERROR if similar.may_be_rejected and exchange.status != 409 else ()
        session.evaluator.evaluate_create(similar.case, exchange, also, taken_under=_COLLATED if similar.collated else None)
        different += similar.collated and exchange.accepted
    # Collations differ in what they ignore, so that only all of the names together show that there is none.
    if different == sum(similar.collated for similar in _SIMILAR) and session.inference.decided(_COLLATED[0]) is None:
        session.evaluator.rule_out(case, *_COLLATED)


def _after_rejections(session: CheckSession, case: Case) -> Script:
    """Use the name that the create requests with a missing field, a wrong type or a forbidden character had."""
    if not session.builder.rejected_name_used:
        session.results.not_tested(case, "no create request was rejected under the name that is tested")
        return
    exchange = yield session.builder.create(name=session.builder.rejected_name())
    session.evaluator.evaluate_free_name(case, exchange, "NC406", "a create request that was rejected has occupied its name")


def _old_task(session: CheckSession, case: Case) -> Script:
    """Read a task without test data that was created long before others: it still has its own values."""
    task = next((task for task in session.tasks.remaining() if "test_bucket" not in task.payload), None)
    if task is None:
        session.results.not_tested(case, session.tasks.why_none if session.tasks.unusable else "there is no such task of this run")
        return
    yield from create_missing(session, case, case.needs_tasks)
    exchange = yield get_request(task.task_id)
    evaluate_get(session, case, task, exchange)
    if session.tasks.remaining()[-1] is task:
        too_few_tasks(session, case, "no tasks that were created later")


def evaluate_get(session: CheckSession, case: Case, task: CreatedTask, exchange: Exchange) -> None:
    """Evaluate a response of getTask against what was sent to createTask and what it returned."""
    session.evaluator.evaluate(case, exchange, accepted(), {"task_id": task.task_id, **task.payload})
    if exchange.accepted:
        compare_created(session, case, task, exchange.fields, exchange)


def compare_created(session: CheckSession, case: Case, task: CreatedTask, fields: dict[str, Any], exchange: Exchange) -> None:
    """Compare the fields of a task in a response with what createTask returned."""
    for name, problem in differences(task.created, fields, "createTask"):
        session.results.fail(case, "NC403", problem, exchange, f"/{name}")


def _time_moves(session: CheckSession, case: Case) -> Script:
    first = session.tasks.first
    before = parse_time_ms(first.created.get("created_at")) if first else None
    if first is None or before is None:
        session.results.not_tested(case, session.tasks.why_none if session.tasks.unusable else "no created task had a time")
        return
    yield Wait(max(0.0, TIME_GAP_S - (session.now_ms() - first.sent_ms) / 1000))
    exchange = yield session.builder.create()
    session.evaluator.evaluate_create(case, exchange)
    after = parse_time_ms(exchange.fields.get("created_at"))
    if after is None:
        session.results.insufficient(case, "the second created task has no time")
        return
    passed_ms, shown_ms = exchange.received_ms - first.sent_ms, after - before
    problem = f"created_at moved by {shown_ms / 1000:,.1f} s between two create requests that are {passed_ms / 1000:,.1f} s apart"
    control = session.control_exchange
    durations_ms = sum(one.received_ms - one.sent_ms for one in (control, exchange) if one is not None)
    session.results.require(case, abs(shown_ms - passed_ms) <= TIME_SLACK_MS + durations_ms, "NC405", problem, exchange)


def _unknown_id(session: CheckSession) -> str:
    """Return an ID that no task has, another one in each run."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, session.run))


def _unknown(build: Callable[[str], RequestSpec], task_id: Callable[[CheckSession], str]) -> Callable[[CheckSession, Case], Script]:
    def script(session: CheckSession, case: Case) -> Script:
        exchange = yield build(task_id(session))
        session.evaluator.evaluate(case, exchange, rejected("NC407"))

    return script


def _half_an_id(session: CheckSession, case: Case) -> Script:
    remaining = session.tasks.remaining()
    half = remaining[0].task_id[: len(remaining[0].task_id) // 2] if remaining else ""
    if not half or half.isdecimal() or why_unusable(half):
        reason = session.tasks.why_none
        if remaining:
            reason = f"half an ID {UNUSABLE}" if why_unusable(half) else "half a number is a number, which another task may have"
        session.results.not_tested(case, reason)
        return
    exchange = yield get_request(half)
    session.evaluator.evaluate(case, exchange, rejected("NC407"))


def _elsewhere(method: str, tail: str) -> Callable[[CheckSession, Case], Script]:
    """Use an address or a method that no page has: any rejection is right, but nothing else is."""

    def script(session: CheckSession, case: Case) -> Script:
        request = session.builder.create() if method != "GET" else list_request()
        exchange = yield replace(request, method=method, path=request.path + tail)
        problem = f"{method} on {request.path + tail} returns {exchange.status or exchange.error}"
        # 501 is what HTTP provides for a method that a server does not know.
        right = 300 <= exchange.status < 500 or exchange.status == HTTPStatus.NOT_IMPLEMENTED
        session.results.require(case, right, "NC407", problem, exchange)

    return script
