"""Test cases for the list: its defaults, its pages, that every task is in it once, and values out of range.

The page is "Get task list". Whether the index counts tasks or pages, and the total all tasks or those of the page, are readings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from nclue_contract.check.cases.names import compare_created
from nclue_contract.check.expectations import accepted, accepted_under
from nclue_contract.check.requests import Exchange, list_request
from nclue_contract.check.results import Case, Script
from nclue_contract.check.session import CheckSession
from nclue_contract.contract.model import contract
from nclue_contract.validation.query import replacements

MAX_PAGES = 6
"""Pages of the greatest size that are read; a server with more tasks is not read to its end."""


def list_cases() -> Iterator[Case]:
    """Yield the cases. Those that compare pages need tasks of this run, and come late, when there are many."""
    yield Case("list[limit before index]", "NC500", _plain("limit=%33&index=2"), rank=0)  # what is signed is the encoded form
    yield Case("list[empty and unknown parameters]", "NC601", _survived("limit=&x=1"))
    yield Case("list[index of 20 digits]", "NC601", _survived("index=99999999999999999999&limit=1"))
    over = _greatest() + 1
    out_of_range = [
        ("limit=0", 0),
        (f"limit={over}", 0),
        ("limit=x", 0),
        ("limit=5x", 1),
        ("limit=1.5", 1),
        ("index=-1", 0),
        ("index=-5", 1),
        ("index=x", 0),
    ]
    for query, rank in out_of_range:
        yield Case(f"list[{query}]", "NC505", _out_of_range(query), rank=rank)
    yield Case("list[far behind the end]", "NC503", _behind_the_end)
    yield Case("list[windows]", "NC503", _windows, requests=4)
    yield Case("list[total]", "NC502", _total, requests=2)
    yield Case("list[every task once]", "NC504", _walk, requests=2)
    yield Case("list[default]", "NC500", _default)


def _greatest() -> int:
    return contract().parameter("limit").maximum or 0


def _plain(query: str) -> Callable[[CheckSession, Case], Script]:
    def script(session: CheckSession, case: Case) -> Script:
        check_items(session, case, (yield from _page(session, case, query)))

    return script


def _out_of_range(query: str) -> Callable[[CheckSession, Case], Script]:
    def script(session: CheckSession, case: Case) -> Script:
        exchange = yield list_request(query)
        name, _, text = query.partition("=")
        # What is no integer has no nearest value, so that a server that replaces others may still reject it.
        no_integer = not replacements(contract().parameter(name), text)
        expectation = accepted_under("NC505", "query-range", "clamped", also_rejected=no_integer)
        session.evaluator.evaluate(case, exchange, expectation, query)

    return script


def _survived(query: str) -> Callable[[CheckSession, Case], Script]:
    """Send a query on which the pages are silent; it must not make the server fail."""

    def script(session: CheckSession, case: Case) -> Script:
        exchange = yield list_request(query)
        problem = f"{query} makes the server fail: {exchange.status or exchange.error}"
        session.results.require(case, 0 < exchange.status < 500, "NC601", problem, exchange)

    return script


def tasks_of(exchange: Exchange) -> list[dict[str, Any]]:
    """Return the items of a list that are objects with an ID."""
    items = exchange.fields.get("tasks")
    return [item for item in items if isinstance(item, dict) and isinstance(item.get("task_id"), str)] if isinstance(items, list) else []


def _ids(exchange: Exchange) -> list[str]:
    return [item["task_id"] for item in tasks_of(exchange)]


def check_items(session: CheckSession, case: Case, exchange: Exchange) -> None:
    """Compare the items that are tasks of this run with what createTask returned, and find repeated, unknown and deleted ones."""
    results, ids = session.results, _ids(exchange)
    repeated = sorted({task_id for task_id in ids if ids.count(task_id) > 1})
    if repeated:
        results.fail(case, "NC504", f"a task is {ids.count(repeated[0])} times in the list", exchange, "/tasks")
    for item in tasks_of(exchange):
        task = session.tasks.get(item["task_id"])
        ours = str(item.get("task_name")).startswith(session.builder.name_stem)
        if task is None and ours and not session.evaluator.response_lost:
            results.fail(case, "NC406", "the list has a task of this run that no create request returned", exchange, "/tasks")
        if task is not None and task.deleted:
            results.fail(case, "NC402", "a task that was deleted is in the list", exchange, "/tasks")
        elif task is not None:
            compare_created(session, case, task, item, exchange)


def _page(session: CheckSession, case: Case, query: str) -> Script:
    """Request a part of the list, and evaluate it by itself."""
    exchange = yield list_request(query)
    session.evaluator.evaluate(case, exchange, accepted(), query)
    return exchange


def _behind_the_end(session: CheckSession, case: Case) -> Script:
    exchange = yield from _page(session, case, "index=1000000&limit=1")
    if exchange.accepted:
        session.results.require(case, not _ids(exchange), "NC503", "a page far behind the end has tasks", exchange)


@dataclass(frozen=True, slots=True)
class _Window:
    index: int
    limit: int
    exchange: Exchange


def _windows(session: CheckSession, case: Case) -> Script:
    """Compare two windows with the beginning of the list: which part each of them is shows how the index counts."""
    totals_before: list[str] = []
    for _ in range(2):  # where other users create and delete tasks, the difference is another one each time
        whole = yield from _page(session, case, "index=0&limit=10")
        windows = []
        for index, limit in ((1, 3), (2, 3)):
            windows.append(_Window(index, limit, (yield from _page(session, case, f"index={index}&limit={limit}"))))
        repeated = yield from _page(session, case, "index=0&limit=10")
        totals = [repr(one.fields.get("total")) for one in (whole, *(window.exchange for window in windows), repeated)]
        if _ids(repeated) == _ids(whole) and totals in ([totals[0]] * 4, totals_before):
            break
        totals_before = totals
    else:
        session.results.inconclusive(case, "the list changed while its pages were compared")
        return
    if len(_ids(whole)) < 9:
        session.results.not_tested(case, "there are too few tasks to compare pages")
        return
    if session.inference.decided("list-total") == "all" and len(set(totals)) > 1:
        problem = f"total changes from page to page: {', '.join(sorted(set(totals)))}"
        session.results.fail(case, "NC502", problem, whole, "/total")
    for window in windows:
        _infer_index(session, case, window, _ids(whole))


def _infer_index(session: CheckSession, case: Case, window: _Window, first: list[str]) -> None:
    """Rule out the way of counting that does not explain a window; `first` are the IDs at the beginning of the list."""
    index, limit, exchange = window.index, window.limit, window.exchange
    starts = {"offset": index, "page": index * limit}
    fitting = {option for option, start in starts.items() if _ids(exchange) == first[start : start + limit]}
    if not fitting & set(session.inference.options["list-index"]):
        problem = f"index={index}&limit={limit} returns another part of the list than the tasks from {index} or {index * limit} on"
        session.results.fail(case, "NC503", problem, exchange, "/tasks")
        return
    for option in starts.keys() - fitting:
        session.evaluator.rule_out(case, "list-index", option, exchange)


def _total(session: CheckSession, case: Case) -> Script:
    """Compare the total of small pages with the number of tasks: it counts all tasks, or those of the page."""
    for query in ("limit=1", "limit=2"):
        exchange = yield from _page(session, case, query)
        total, on_page, ours = exchange.fields.get("total"), len(_ids(exchange)), len(session.tasks.remaining())
        if type(total) is not int or ours <= on_page:
            session.results.not_tested(case, "there are too few tasks to compare totals")
        elif total >= ours:
            session.evaluator.rule_out(case, "list-total", "page", exchange)
        elif total == on_page:
            session.evaluator.rule_out(case, "list-total", "all", exchange)
        else:
            problem = f"total is {total}, but {on_page} tasks are on the page, and {ours} of this run alone exist"
            session.results.fail(case, "NC502", problem, exchange, "/total")


class _Problem(NamedTuple):
    rule: str
    sentence: str
    task_id: str = ""


def _walk(session: CheckSession, case: Case) -> Script:
    """Read page after page to the end: every task of this run is there, once."""
    found: set[_Problem] = set()
    for repeated in (False, True):  # tasks of other users that come or go meanwhile move others, but hardly the same ones twice
        pages: list[Exchange] = []
        while len(pages) < MAX_PAGES and (not pages or len(_ids(pages[-1])) >= _greatest()):
            pages.append((yield from _page(session, case, _query(session, len(pages)))))
            check_items(session, case, pages[-1])
        if len(_ids(pages[-1])) >= _greatest():
            session.results.inconclusive(case, f"there are more than {len(pages) * _greatest():,} tasks")
            return
        problems = set(_problems_of(session, pages))
        found = found & problems if repeated else problems
        if not found:
            break
    for rule, sentence in sorted({(problem.rule, problem.sentence) for problem in found}):
        session.results.fail(case, rule, sentence, pages[-1], "/tasks")
    session.results.passed(case)


def _problems_of(session: CheckSession, pages: list[Exchange]) -> Iterator[_Problem]:
    """Yield the problems of all pages together."""
    seen = Counter(task_id for page in pages for task_id in _ids(page))
    for task in session.tasks.remaining():
        if task.task_id not in seen:
            yield _Problem("NC504", "a task of this run is not in the list", task.task_id)
    for task_id, times in seen.items():
        if times > 1:
            yield _Problem("NC504", "a task is on two pages of the list", task_id)
    totals = {total for page in pages if isinstance(total := page.fields.get("total"), int)}
    if session.inference.decided("list-total") == "all" and len(totals) == 1 and totals != {seen.total()}:
        difference = totals.pop() - seen.total()
        yield _Problem("NC502", f"total is {abs(difference):,} {'more' if difference > 0 else 'less'} than the list has tasks")


def _query(session: CheckSession, number: int) -> str:
    """Return the query of a page of the greatest size, under the reading that was inferred."""
    by_page = session.inference.decided("list-index") == "page"
    return f"index={number if by_page else number * _greatest()}&limit={_greatest()}"


def _default(session: CheckSession, case: Case) -> Script:
    exchange = yield from _page(session, case, "")
    default = contract().parameter("limit").default
    if len(session.tasks.remaining()) < default:
        session.results.not_tested(case, f"there are fewer than {default} tasks of this run")
        return
    check_items(session, case, exchange)
    problem = f"the first page has {len(_ids(exchange))} tasks, although there are more than its {default}"
    session.results.require(case, len(_ids(exchange)) >= default, "NC504", problem, exchange)
