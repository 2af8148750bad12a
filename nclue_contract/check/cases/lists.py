"""Test cases for the list: its defaults, its pages, that every task is in it once, and values out of range.

The page is "Get task list". Whether the index counts tasks or pages, and the total all tasks or those of the page, are readings.

No page states an order, but a server has to keep one: otherwise its pages cannot be read one after the other. Two identical requests are
compared. What may change between them is no failure: tasks of other users come and go, and an order that depends on something that a
response shows, such as the status, changes with it. Tasks of which nothing has changed have to remain in the same order.

Lists that are too short prove nothing. The cases that need tasks say so in the plan, and create those that are missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

from nclue_contract.check.cases.names import compare_created
from nclue_contract.check.cases.needed_tasks import create_missing, too_few_tasks
from nclue_contract.check.expectations import accepted, accepted_under
from nclue_contract.check.requests import Exchange, list_request
from nclue_contract.check.results import Case, Script
from nclue_contract.check.session import CheckSession
from nclue_contract.contract.model import contract
from nclue_contract.contract.wording import counted
from nclue_contract.validation.query import replacements

MAX_PAGES = 6
"""Pages of the greatest size that are read; a server with more tasks is not read to its end."""

WINDOWS = ((1, 3), (2, 3))
"""Index and limit of the windows that are compared with the beginning of the list."""

WINDOW_TASKS = max((index + 1) * limit for index, limit in WINDOWS)
"""Tasks that the windows need, whether the index counts tasks or pages."""

TOTAL_TASKS = 3
"""Tasks that are needed to compare the total of pages with one and with two tasks."""

COMPARISONS = 3
"""How often the windows are read, where the list changes meanwhile."""


def list_cases() -> Iterator[Case]:
    """Yield the cases. Those that compare pages need tasks of this run, and come late, when there are many."""
    yield Case("list[limit before index]", "NC500", _plain("limit=%33&index=2"))  # what is signed is the encoded form
    yield Case("list[empty and unknown parameters]", "NC601", _survived("limit=&x=1"), independent=True)
    yield Case("list[index of 20 digits]", "NC601", _survived("index=99999999999999999999&limit=1"), independent=True)
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
        yield Case(f"list[{query}]", "NC505", _out_of_range(query), rank=rank, independent=True)
    yield Case("list[far behind the end]", "NC503", _behind_the_end, independent=True)
    yield Case("list[windows]", "NC503", _windows, requests=4, needs_tasks=WINDOW_TASKS)
    yield Case("list[total]", "NC502", _total, requests=2, needs_tasks=TOTAL_TASKS)
    yield Case("list[every task once]", "NC504", _walk, requests=4, needs_tasks=2, best_with_tasks=over)
    yield Case("list[default]", "NC500", _default, needs_tasks=contract().parameter("limit").default + 1)


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
        if task is None and ours and item["task_id"] not in session.tasks.unusable and not session.evaluator.response_lost:
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
    if not exchange.accepted:
        return
    session.results.require(case, not _ids(exchange), "NC503", "a page far behind the end has tasks", exchange)
    if not session.tasks.remaining() and not exchange.fields.get("total"):
        session.results.insufficient(case, "there may be no task at all, so that every page is empty")


@dataclass(frozen=True, slots=True)
class _Window:
    index: int
    limit: int
    exchange: Exchange


class _Change(Enum):
    """What has changed between two identical list requests; the values are words for people."""

    NOTHING = ""
    ORDER = "two identical list requests return the tasks in different orders"
    OTHERS = "the list changed while its pages were compared: tasks that are not of this run appeared or disappeared"
    TASKS = "the list changed while its pages were compared"


def _change(session: CheckSession, before: Exchange, after: Exchange) -> _Change:
    """Compare the responses to two identical list requests."""
    items, later = ({item["task_id"]: item for item in tasks_of(exchange)} for exchange in (before, after))
    if _ids(before) == _ids(after):
        return _Change.NOTHING
    changed = [items.get(task_id) or later[task_id] for task_id in items.keys() ^ later.keys()]
    if not all(_is_ours(session, item) for item in changed):
        return _Change.OTHERS
    same = {task_id for task_id in items.keys() & later.keys() if items[task_id] == later[task_id]}
    orders = [[task_id for task_id in found if task_id in same] for found in (items, later)]
    return _Change.TASKS if orders[0] == orders[1] else _Change.ORDER


def _is_ours(session: CheckSession, item: dict[str, Any]) -> bool:
    """Return whether a task of a list is one of this run."""
    return session.tasks.get(item["task_id"]) is not None or str(item.get("task_name")).startswith(session.builder.name_stem)


class _Compared(NamedTuple):
    """The beginning of the list, windows of it that were read before anything had changed, and the totals of all these pages."""

    whole: Exchange
    windows: list[_Window]
    totals: list[str]


def _windows(session: CheckSession, case: Case) -> Script:
    """Compare two windows with the beginning of the list: which part each of them is shows how the index counts."""
    if len(session.tasks.remaining()) < WINDOW_TASKS and case.posts:
        whole = yield from _page(session, case, _beginning())
        if len(_ids(whole)) < WINDOW_TASKS:
            yield from create_missing(session, case, WINDOW_TASKS)
    compared = yield from _read_windows(session, case)
    if compared is None:
        return
    whole, windows, totals = compared
    shown, ours = len(_ids(whole)), len(session.tasks.remaining())
    if shown < min(ours, _greatest()):
        session.results.fail(case, "NC504", f"the list shows {counted(shown, 'task')}, although this run alone has {ours}", whole, "/tasks")
    if shown < WINDOW_TASKS:
        too_few_tasks(session, case, f"only {counted(shown, 'task')} in the list, and {WINDOW_TASKS} are needed to compare pages")
        return
    if session.inference.decided("list-total") == "all" and len(set(totals)) > 1:
        problem = f"total changes from page to page: {', '.join(sorted(set(totals)))}"
        session.results.fail(case, "NC502", problem, whole, "/total")
    for window in windows:
        _infer_index(session, case, window, _ids(whole))


def _beginning() -> str:
    return f"index=0&limit={_greatest()}"


def _read_windows(session: CheckSession, case: Case) -> Script:
    """Read the beginning of the list, windows of it, and the beginning again, until nothing changes; return them, or None."""
    totals_before: list[str] = []
    change = _Change.TASKS
    for _ in range(COMPARISONS):  # where other users create and delete tasks, the difference is another one each time
        whole = yield from _page(session, case, _beginning())
        windows = []
        for index, limit in WINDOWS[:1] if session.few_requests else WINDOWS:
            windows.append(_Window(index, limit, (yield from _page(session, case, f"index={index}&limit={limit}"))))
        repeated = yield from _page(session, case, _beginning())
        totals = [repr(one.fields.get("total")) for one in (whole, *(window.exchange for window in windows), repeated)]
        change = _change(session, whole, repeated)
        if change is _Change.ORDER:
            session.results.fail(case, "NC503", change.value, repeated, "/tasks")
            return None
        if change is _Change.NOTHING and totals in ([totals[0]] * len(totals), totals_before):
            return _Compared(whole, windows, totals)
        totals_before = totals
    session.results.insufficient(case, change.value or _Change.TASKS.value)
    return None


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
    yield from create_missing(session, case, TOTAL_TASKS)
    too_few = False
    for limit in range(1, TOTAL_TASKS):
        exchange = yield from _page(session, case, f"limit={limit}")
        if not exchange.accepted:
            return
        total, on_page, ours = exchange.fields.get("total"), len(_ids(exchange)), len(session.tasks.remaining())
        if type(total) is not int or (total == on_page and ours <= on_page):
            too_few = True
        elif total >= ours and total > on_page:
            session.evaluator.rule_out(case, "list-total", "page", exchange)
        elif total == on_page:
            session.evaluator.rule_out(case, "list-total", "all", exchange)
        else:
            problem = f"total is {total}, but the page has {counted(on_page, 'task')}, and {ours} of this run alone exist"
            session.results.fail(case, "NC502", problem, exchange, "/total")
    if too_few:
        too_few_tasks(session, case, "too few tasks to compare totals")


class _Problem(NamedTuple):
    rule: str
    sentence: str
    task_id: str = ""


def _walk(session: CheckSession, case: Case) -> Script:
    """Read page after page to the end: every task of this run is there, once, and behind the end there is none."""
    yield from create_missing(session, case, case.best_with_tasks, within_budget=True)
    yield from create_missing(session, case, case.needs_tasks)
    found: set[_Problem] = set()
    for repeated in (False, True):  # tasks of other users that come or go meanwhile move others, but hardly the same ones twice
        pages: list[Exchange] = []
        while len(pages) < MAX_PAGES and (not pages or len(_ids(pages[-1])) >= _greatest()):
            pages.append((yield from _page(session, case, _query(session, pages))))
            check_items(session, case, pages[-1])
        if not pages[-1].accepted:
            return
        if len(_ids(pages[-1])) >= _greatest():
            session.results.insufficient(case, f"there are more than {len(pages) * _greatest():,} tasks")
            return
        behind = yield from _page(session, case, _query(session, pages))
        problems = {*_problems_of(session, pages), *_problems_behind(pages, behind)}
        found = found & problems if repeated else problems
        if not found:
            break
    for rule, sentence in sorted({(problem.rule, problem.sentence) for problem in found}):
        session.results.fail(case, rule, sentence, pages[-1], "/tasks")
    session.results.passed(case)
    if len(_ids(pages[0])) < case.needs_tasks:
        too_few_tasks(session, case, f"fewer than {case.needs_tasks} tasks in the list")


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


def _problems_behind(pages: list[Exchange], behind: Exchange) -> Iterator[_Problem]:
    """Yield a problem for each new task behind a page with fewer than it could have: that page was cut short."""
    seen = {task_id for page in pages for task_id in _ids(page)}
    for task_id in _ids(behind):
        if task_id not in seen:
            shown = len(_ids(pages[-1]))
            yield _Problem("NC504", f"a page of {_greatest()} shows {counted(shown, 'task')}, although more tasks follow", task_id)


def _query(session: CheckSession, pages: list[Exchange]) -> str:
    """Return the query of the page of the greatest size that follows these, under the reading that was inferred."""
    by_page = session.inference.decided("list-index") == "page"
    return f"index={len(pages) if by_page else sum(len(_ids(page)) for page in pages)}&limit={_greatest()}"


def _default(session: CheckSession, case: Case) -> Script:
    exchange = yield from _page(session, case, "")
    default = contract().parameter("limit").default
    if len(_ids(exchange)) < default and len(session.tasks.remaining()) < default:
        yield from create_missing(session, case, case.needs_tasks)
        exchange = yield from _page(session, case, "")
    check_items(session, case, exchange)
    if len(_ids(exchange)) < default and len(session.tasks.remaining()) < default:
        too_few_tasks(session, case, f"fewer than {default} tasks of this run")
        return
    problem = f"the first page has {counted(len(_ids(exchange)), 'task')}, although there are at least {default}"
    session.results.require(case, len(_ids(exchange)) >= default, "NC504", problem, exchange)
