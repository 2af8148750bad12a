"""The plan of a contract check: directed cases for every rule, from both sides of its boundary, the most telling ones first."""

from __future__ import annotations

from collections.abc import Callable, Collection

from nclue_contract.check.cases.authentication import LIST_QUERY, access_cases
from nclue_contract.check.cases.lifecycle import task_cases
from nclue_contract.check.cases.lists import list_cases
from nclue_contract.check.cases.names import name_cases
from nclue_contract.check.cases.paths import contested, path_cases
from nclue_contract.check.cases.payload import payload_cases
from nclue_contract.check.expectations import accepted
from nclue_contract.check.requests import list_request
from nclue_contract.check.results import Case, Script
from nclue_contract.check.session import CheckSession
from nclue_contract.contract.model import contract
from nclue_contract.contract.wording import codepoint

BUDGET = 600
"""Requests of the default plan, at most; those that tidy up afterwards do not count."""


def plan(
    *,
    full: bool = False,
    may_create: bool = True,
    only: Collection[str] = (),
    skip: Collection[str] = (),
    ids: Collection[str] | None = None,
) -> list[Case]:
    """The cases in their order; the first one is the control request.

    Without `may_create`, those that only read. `only` and `skip` are codes of rules, or the beginning of codes such as `NC12`; `ids` are
    the cases that are wanted, and bring those that decide them.
    """
    first = control() if may_create else reading_control()
    cases = [*task_cases(), *path_cases(full=full), *payload_cases(full=full), *access_cases(), *name_cases(), *list_cases()]
    if not may_create:
        cases = [case for case in cases if only_reads(case)]
    if only:
        cases = [case for case in cases if case.rule.startswith(tuple(only))]
    if skip:
        cases = [case for case in cases if not case.rule.startswith(tuple(skip))]
    if ids is not None:
        wanted = {*ids, *(case.by for case in cases if case.id in ids)}
        cases = [case for case in cases if case.id in wanted]
    return [first, *sorted(cases, key=lambda case: case.rank)]


def only_reads(case: Case) -> bool:
    """Whether a case sends nothing but GET, and needs no task of its own."""
    needs_tasks = (
        case.script is None or case.background or "delet" in case.id or case.id in {"access[unsigned look]", "access[forged look]"}
    )
    return case.posts == 0 and not needs_tasks


def asks_readings(case: Case) -> bool:
    """Whether a case asks how the server reads the documentation; of the paths, only those that are open."""
    if case.background:
        return True
    certain = case.rule == "NC120" and "U+" in case.id and not any(codepoint(c) in case.id for c in contested())
    return bool(contract().rules[case.rule].readings) and not certain


def control() -> Case:
    """A creation with what the server is said to know. What follows makes sense only if that is taken."""
    return Case("control[a valid creation]", "NC313", _control, posts=1, rank=-1, positive=True)


def _control(bench: CheckSession, case: Case) -> Script:
    """If it is refused, others are tried that keep every rule as well: a server that takes one of them is wrong about the first."""
    first = exchange = yield bench.create()
    others = iter(() if exchange.status in {403, 404} or exchange.error else _others(bench, exchange.status))
    while not exchange.accepted and (build := next(others, None)):
        exchange = yield bench.create(**build())
    bench.answered = first
    # A refusal of everything can mean that the server does not know what we named. A redirect or half an answer is wrong whatever it knows.
    if exchange.accepted or 300 <= first.status < 400 or first.error:
        bench.judge_creation(case, first)
    if exchange is not first and exchange.accepted:
        bench.judge_creation(case, exchange)


def _others(bench: CheckSession, status: int) -> tuple[Callable[[], dict[str, str]], ...]:
    if status == 401:  # a server may be wrong about some signatures only, such as those with a plus sign
        return (dict,) * 5
    return (
        bench.test_fields,
        lambda: {"train_file_path": "train"},
        lambda: bench.test_fields() | {"name": bench.run, "train_file_path": "train", "test_file_path": "train"},
    )


def reading_control() -> Case:
    """A look at the list, where nothing may be created."""
    return Case("control[a valid look]", "NC500", _look, rank=-1)


def _look(bench: CheckSession, case: Case) -> Script:
    exchange = yield list_request(LIST_QUERY)
    bench.answered = exchange
    if exchange.accepted or 300 <= exchange.status < 400 or exchange.error:
        bench.judge_answer(case, exchange, accepted(), LIST_QUERY)
