"""The plan of a contract check: test cases for every rule, on both sides of its boundary, in the order that finds most first."""

from __future__ import annotations

from collections.abc import Callable, Collection

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
    select cases, together with those that decide them.
    """
    first = create_control() if may_create else list_control()
    cases = [
        *lifecycle_cases(),
        *path_cases(full=full),
        *payload_cases(full=full),
        *authentication_cases(),
        *name_cases(),
        *list_cases(),
    ]
    if not may_create:
        cases = [case for case in cases if case.read_only]
    if only:
        cases = [case for case in cases if case.rule.startswith(tuple(only))]
    if skip:
        cases = [case for case in cases if not case.rule.startswith(tuple(skip))]
    if ids is not None:
        wanted = {*ids, *(case.decided_by for case in cases if case.id in ids)}
        cases = [case for case in cases if case.id in wanted]
    return [first, *sorted(cases, key=lambda case: case.rank)]


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
