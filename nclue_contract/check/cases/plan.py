"""The plan of a contract check: test cases for every rule, on both sides of its boundary, in the order that finds most first.

Theory of operation
===================

The order matters where the budget is smaller than the plan. It is data: the cases in `FIRST` run first, in that order, and the others
follow by their `rank`. `FIRST` begins with one case of each group of rules (`rule_groups`), most of which send one GET request: after
these, a server has been asked about everything. The others in it were chosen with `tools/measure_check.py`: of the faults that the cases
before do not find, in the catalogue and in the second server, each next case finds the most per request. The script of the lifecycle finds
more than any other, and so it begins early, and the runner reserves requests for its polls.

A selection (`only`, `skip`, `ids`) is completed by what the selected cases depend on: the case whose script decides a case (`decided_by`)
and those whose requests it needs (`needs`), or which show that its request would be accepted without its defect (`controls`). These run,
but are not `selected`: they are not in the result, except for failures of selected rules. `skip` leaves out cases, too, so a skipped case
still runs if another one depends on it. What a selected case shows about other rules, such as a response without a field, is a failure in
any case. Tasks that a case needs (`needs_tasks`) and that no case before it creates, it creates itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from functools import cache

from nclue_contract.check.cases.authentication import LIST_QUERY, authentication_cases
from nclue_contract.check.cases.lifecycle import lifecycle_cases
from nclue_contract.check.cases.lists import list_cases
from nclue_contract.check.cases.names import name_cases
from nclue_contract.check.cases.paths import path_cases
from nclue_contract.check.cases.payload import payload_cases
from nclue_contract.check.expectations import accepted
from nclue_contract.check.requests import list_request
from nclue_contract.check.results import Case, Script
from nclue_contract.check.session import CheckSession

BUDGET = 600
"""Requests of the default plan, at most; those of the clean-up do not count."""

FIRST: tuple[str, ...] = (
    "clock[beyond the limit ahead]",
    "access[unsigned look]",
    "list[far behind the end]",
    "unknown[get: the beginning of an ID]",
    "name[taken]",
    "life[watched]",
    "path[test U+005C behind 300]",
    "json[nothing]",
    "echo[quotes, dashes and dots]",
    "echo[markup and templates]",
    "echo[Unicode]",
    "echo[white space]",
    "echo[long values]",
    "echo[1e3 and other words]",
    "echo[true and other words]",
    "name[101 with spaces at the end]",
    "echo[None and other words]",
    "echo[007 and other words]",
    "echo[2024-11-26 and other words]",
    "clock[within the limit ahead]",
    "path[test U+00FF start]",
    "path[train U+000A end]",
    "list[index=-1]",
    "echo[null and other words]",
    "access[signature without its padding]",
    "type[test_feature_id false]",
    "required[Train_Bucket instead of train_bucket]",
    "access[unknown access key]",
    "optional[test_file_path null]",
    "required[train_bucket null]",
    "effect[refused creations]",
    "access[signed: no query]",
    "access[timestamp in seconds]",
    "access[timestamp with a fraction]",
    "path[test U+001F end]",
    "path[test U+0025 start]",
    "json[an array]",
    "path[train U+003D middle]",
    "path[test U+007F middle]",
    "path[train emoji]",
    "type[name a number]",
    "required[train_file_path null]",
    "access[forged deletion]",
    "access[forged creation]",
    "access[signature twice]",
    "json[Latin-1]",
    "json[lone surrogate]",
    "json[nested 3,000 deep]",
    "json[trailing comma]",
    "name[120 with combining marks]",
    "name[empty]",
    "path[test U+0022 behind 900]",
    "path[test U+0024 behind 300]",
    "path[test U+0027 middle]",
    "path[test U+002B start]",
    "path[test U+0060 middle]",
    "path[test U+007C start]",
    "path[test U+007E after slash]",
    "path[test U+0080 folder]",
    "required[name missing]",
    "name[99 in Hangul]",
    "list[limit=101]",
    "json[a string]",
    "unknown[address]",
    "list[empty and unknown parameters]",
    "access[header names in capitals]",
    "path[test fullwidth]",
    "required[train_feature_id missing]",
)
"""The cases that run first, in this order; see the top of the module."""

_PLACES = {case_id: place for place, case_id in enumerate(FIRST)}


def plan(
    *,
    full: bool = False,
    may_create: bool = True,
    only: Collection[str] = (),
    skip: Collection[str] = (),
    ids: Collection[str] | None = None,
) -> list[Case]:
    """Return the cases in their order; the first one is the control request.

    Without `may_create`, return those that only read. `only` and `skip` are codes of rules, or the beginning of codes such as `NC12`; `ids`
    select cases. The cases that the selected ones depend on are there as well, but not `selected`.
    """
    first = create_control() if may_create else list_control()
    cases = _every_case(full=full)
    if not may_create:
        reading = {case.id for case in cases if case.read_only}
        cases = tuple(case for case in cases if (case.decided_by or case.id) in reading)
    wanted = {case.id for case in cases if _selected(case, only, skip, ids)}
    needed = _with_dependencies(wanted, cases)
    chosen = [case if case.id in wanted else replace(case, selected=False) for case in cases if case.id in needed]
    ordered = sorted(chosen, key=_order)
    return [first, *(_with_missing_tasks(ordered) if may_create else ordered)]


@cache  # there are hundreds, and a process may run many checks
def _every_case(*, full: bool) -> tuple[Case, ...]:
    return (
        *lifecycle_cases(),
        *path_cases(full=full),
        *payload_cases(full=full),
        *authentication_cases(),
        *name_cases(),
        *list_cases(),
    )


def _selected(case: Case, only: Collection[str], skip: Collection[str], ids: Collection[str] | None) -> bool:
    return (not only or case.rule.startswith(tuple(only))) and not case.rule.startswith(tuple(skip)) and (ids is None or case.id in ids)


def _with_dependencies(wanted: set[str], cases: Iterable[Case]) -> set[str]:
    """Return the IDs of these cases and of all that they depend on."""
    by_id = {case.id: case for case in cases}
    found: set[str] = set()
    left = list(wanted)
    while left:
        case = by_id.get(left.pop())
        if case is not None and case.id not in found:
            found.add(case.id)
            left += [*case.needs, *case.controls, case.decided_by]
    return found


def _order(case: Case) -> tuple[int, int]:
    """Return what sorts a case: its place among those that run first, then its rank."""
    place = _PLACES.get(case.decided_by or case.id, len(_PLACES))
    return place, case.rank


def _with_missing_tasks(cases: list[Case]) -> Iterator[Case]:
    """Add to the cases that need tasks the create requests for those that the cases before do not create.

    `certain` counts the create requests that should be accepted, that of the control request included, and `possible` all of them.
    """
    certain = possible = 1
    for case in cases:
        missing = max(0, case.needs_tasks - certain, case.best_with_tasks - possible)
        yield replace(case, requests=case.requests + missing, posts=case.posts + missing) if missing else case
        certain += missing + case.positive
        possible += missing + case.posts


def create_control() -> Case:
    """Return a create request with the fixture data of the server. The other cases make sense only if it is accepted."""
    return Case("control[a valid creation]", "NC313", _control, posts=1, rank=-1, positive=True)


def _control(session: CheckSession, case: Case) -> Script:
    """Send a valid create request; if it is rejected, send other valid ones: a server that accepts one should have accepted the first."""
    first = exchange = yield session.builder.create()
    others = iter(() if exchange.status in {403, 404} or exchange.error else _other_payloads(session, exchange.status))
    while not exchange.accepted and (build := next(others, None)):
        exchange = yield session.builder.create(**build())
    session.control_exchange = first
    # A server that rejects everything may lack the fixture data. But a redirect or an incomplete response is a failure in any case.
    if exchange.accepted or 300 <= first.status < 400 or first.error:
        session.evaluator.evaluate_create(case, first)
    if exchange is not first and exchange.accepted:
        session.evaluator.evaluate_create(case, exchange)


def _other_payloads(session: CheckSession, status: int) -> tuple[Callable[[], dict[str, str]], ...]:
    """Return functions that return changes to a valid payload, for a control request that got this status."""
    if status == 401:  # a server may reject some valid signatures only, such as those with a plus sign
        return (dict,) * 5
    test_fields = session.builder.test_fields
    return (
        test_fields,
        lambda: {"train_file_path": "train"},
        lambda: test_fields() | {"name": session.run, "train_file_path": "train", "test_file_path": "train"},
    )


def list_control() -> Case:
    """Return a list request, which is the control request where nothing may be created."""
    return Case("control[a valid look]", "NC500", _list_control, rank=-1)


def _list_control(session: CheckSession, case: Case) -> Script:
    exchange = yield list_request(LIST_QUERY)
    session.control_exchange = exchange
    if exchange.accepted or 300 <= exchange.status < 400 or exchange.error:
        session.evaluator.evaluate(case, exchange, accepted(), LIST_QUERY)
