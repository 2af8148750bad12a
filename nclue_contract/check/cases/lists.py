"""Cases about the list: its defaults, its pages, that every task is in it once, and values out of range.

The page is "Get task list". Whether the index counts tasks or pages, and the total all tasks or those of the page, are readings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from nclue_contract.check.cases.names import differences
from nclue_contract.check.expectations import accepted, rejected
from nclue_contract.check.requests import Exchange, list_request
from nclue_contract.check.results import Case, Script
from nclue_contract.check.session import CheckSession
from nclue_contract.contract.model import contract

PAGES = 6
"""Pages of the greatest limit that are looked through; a server with more tasks is not walked to its end."""

BAD: dict[str, tuple[str, ...]] = {"limit": ("0", "{over}", "x", "5x", "1.5"), "index": ("-1", "x")}
"""Values that are out of range or no integers; `{over}` is one more than the greatest."""


def list_cases() -> Iterator[Case]:
    """The cases. Those that compare pages want tasks of this run, and come late, when there are many."""
    yield Case("list[limit before index]", "NC500", _plain("limit=%33&index=2"), rank=0)  # signed as it is sent, not as it is read
    yield Case("list[empty and unknown parameters]", "NC601", _survived("limit=&x=1"))
    yield Case("list[index of 20 digits]", "NC601", _survived("index=99999999999999999999&limit=1"))
    greatest = _greatest()
    for name, values in BAD.items():
        for text in values:
            value = text.format(over=greatest + 1)
            rank = 0 if value in {"0", "x", str(greatest + 1)} or (name, value) == ("index", "-1") else 1
            yield Case(f"list[{name}={value}]", "NC505", _bad(f"{name}={value}"), rank=rank)
    yield Case("list[far behind the end]", "NC503", _behind_the_end)
    yield Case("list[windows]", "NC503", _windows, requests=4, rank=1)
    yield Case("list[total]", "NC502", _total, requests=2, rank=1)
    yield Case("list[every task once]", "NC504", _walk, requests=2, rank=1)
    yield Case("list[default]", "NC500", _default, rank=1)


def _greatest() -> int:
    return contract().parameter("limit").maximum or 0


def _plain(query: str) -> Callable[[CheckSession, Case], Script]:
    def script(bench: CheckSession, case: Case) -> Script:
        exchange = yield list_request(query)
        bench.judge_answer(case, exchange, accepted(), query)
        check_items(bench, case, exchange)

    return script


def _bad(query: str) -> Callable[[CheckSession, Case], Script]:
    def script(bench: CheckSession, case: Case) -> Script:
        exchange = yield list_request(query)
        bench.judge_answer(case, exchange, rejected("NC505"), query)

    return script


def _survived(query: str) -> Callable[[CheckSession, Case], Script]:
    """No page says what is right here, but a server does not fail."""

    def script(bench: CheckSession, case: Case) -> Script:
        exchange = yield list_request(query)
        problem = f"{query} makes the server fail: {exchange.status or exchange.error}"
        bench.require(case, 0 < exchange.status < 500, "NC601", problem, exchange)

    return script


def tasks_of(exchange: Exchange) -> list[dict[str, Any]]:
    """The items of a list that are objects with an ID."""
    items = exchange.fields.get("tasks")
    return [item for item in items if isinstance(item, dict) and isinstance(item.get("task_id"), str)] if isinstance(items, list) else []


def _ids(exchange: Exchange) -> list[str]:
    return [item["task_id"] for item in tasks_of(exchange)]


def check_items(bench: CheckSession, case: Case, exchange: Exchange) -> None:
    """Compare the items that are tasks of this run with what createTask has shown, and look for what stands there twice or is gone."""
    ids = _ids(exchange)
    twice = sorted({task_id for task_id in ids if ids.count(task_id) > 1})
    if twice:
        bench.fail(case, bench.finding("NC504", f"a task stands {ids.count(twice[0])} times in the list", "/tasks"), exchange)
    for item in tasks_of(exchange):
        made = bench.made.get(item["task_id"])
        if made is None and not bench.answers_lost and str(item.get("task_name")).startswith(bench.stem):
            problem = "the list has a task of this run that no creation was answered with"
            bench.fail(case, bench.finding("NC406", problem, "/tasks"), exchange)
        if made is not None and made.deleted:
            bench.fail(case, bench.finding("NC402", "a task that was deleted is in the list", "/tasks"), exchange)
        elif made is not None:
            differences(bench, case, made, item, exchange)


def _behind_the_end(bench: CheckSession, case: Case) -> Script:
    query = "index=1000000&limit=1"
    exchange = yield list_request(query)
    bench.judge_answer(case, exchange, accepted(), query)
    if exchange.accepted:
        bench.require(case, not _ids(exchange), "NC503", "a page far behind the end has tasks", exchange)


def _windows(bench: CheckSession, case: Case) -> Script:
    """Two windows are compared with the beginning of the list: which part each of them is tells how the index counts."""
    before: list[str] = []
    for _ in range(2):  # where somebody else makes and deletes tasks, what changes is another thing each time
        whole = yield from _page(bench, case, "index=0&limit=10")
        windows = []
        for index, limit in ((1, 3), (2, 3)):
            windows.append((index, limit, (yield from _page(bench, case, f"index={index}&limit={limit}"))))
        again = yield from _page(bench, case, "index=0&limit=10")
        first = _ids(whole)
        totals = [repr(one.fields.get("total")) for one in (whole, *(exchange for *_, exchange in windows), again)]
        if _ids(again) == first and totals in ([totals[0]] * 4, before):
            break
        before = totals
    else:
        bench.undecided(case, "the list changed while its pages were compared")
        return
    if len(first) < 9:
        bench.untested(case, "there are too few tasks to compare pages")
        return
    if bench.inference.left["list-total"] == ("all",) and len(set(totals)) > 1:
        problem = f"total changes from page to page: {', '.join(sorted(set(totals)))}"
        bench.fail(case, bench.finding("NC502", problem, "/total"), whole)
    for index, limit, exchange in windows:
        starts = {"offset": index, "page": index * limit}
        fitting = {option for option, start in starts.items() if _ids(exchange) == first[start : start + limit]}
        if not fitting & set(bench.inference.possible["list-index"]):
            problem = f"index={index}&limit={limit} gives another part of the list than the tasks from {index} or {index * limit} on"
            bench.fail(case, bench.finding("NC503", problem, "/tasks"), exchange)
            continue
        for option in starts.keys() - fitting:
            bench.refute(case, "list-index", option, exchange)


def _total(bench: CheckSession, case: Case) -> Script:
    """The total of a page of one: one, or as many as there are."""
    for query in ("limit=1", "limit=2"):
        exchange = yield list_request(query)
        bench.judge_answer(case, exchange, accepted(), query)
        total, shown, ours = exchange.fields.get("total"), len(_ids(exchange)), len(bench.living())
        if type(total) is not int or ours <= shown:
            bench.untested(case, "there are too few tasks to tell")
            continue
        if total >= ours:
            bench.refute(case, "list-total", "page", exchange)
        elif total == shown:
            bench.refute(case, "list-total", "all", exchange)
        else:
            problem = f"total is {total}, but {shown} tasks are on the page, and {ours} of this run alone are there"
            bench.fail(case, bench.finding("NC502", problem, "/total"), exchange)


def _walk(bench: CheckSession, case: Case) -> Script:
    """Page after page, until there is none: all tasks of this run are there, once."""
    found: set[tuple[str, str, str]] = set()
    for again in (False, True):  # somebody else's task that comes or goes on the way moves others, but hardly the same ones twice
        pages: list[Exchange] = []
        while len(pages) < PAGES and (not pages or len(_ids(pages[-1])) >= _greatest()):
            pages.append((yield from _page(bench, case, _query(bench, len(pages)))))
            check_items(bench, case, pages[-1])
        if len(_ids(pages[-1])) >= _greatest():
            bench.undecided(case, f"there are more than {len(pages) * _greatest():,} tasks")
            return
        wrong = set(_wrong_in(bench, pages))
        found = found & wrong if again else wrong
        if not found:
            break
    for rule, problem in sorted({(rule, problem) for rule, problem, _ in found}):
        bench.fail(case, bench.finding(rule, problem, "/tasks"), pages[-1])
    bench.passed(case)


def _wrong_in(bench: CheckSession, pages: list[Exchange]) -> Iterator[tuple[str, str, str]]:
    """What is wrong with all pages together: the rule, the problem in words, and the task that it is about."""
    seen = Counter(task_id for page in pages for task_id in _ids(page))
    ours = [made.task_id for made in bench.living()]
    for task_id in ours:
        if task_id not in seen:
            yield "NC504", "a task of this run is not in the list", task_id
    for task_id, times in seen.items():
        if times > 1:
            yield "NC504", "a task stands on two pages of the list", task_id
    totals = {total for page in pages if isinstance(total := page.fields.get("total"), int)}
    if bench.inference.left["list-total"] == ("all",) and len(totals) == 1 and totals != {seen.total()}:
        off = totals.pop() - seen.total()
        yield "NC502", f"total is {abs(off):,} {'more' if off > 0 else 'less'} than the list has tasks", ""


def _page(bench: CheckSession, case: Case, query: str) -> Script:
    """A part of the list, judged by itself."""
    exchange = yield list_request(query)
    bench.judge_answer(case, exchange, accepted(), query)
    return exchange


def _query(bench: CheckSession, number: int) -> str:
    """The query of a page of the greatest size, under the reading that was found."""
    by_page = bench.inference.left["list-index"] == ("page",)
    return f"index={number if by_page else number * _greatest()}&limit={_greatest()}"


def _default(bench: CheckSession, case: Case) -> Script:
    exchange = yield list_request("")
    bench.judge_answer(case, exchange, accepted(), "")
    default = contract().parameter("limit").default
    if len(bench.living()) < default:
        bench.untested(case, f"there are fewer than {default} tasks of this run")
        return
    check_items(bench, case, exchange)
    problem = f"the first page has {len(_ids(exchange))} tasks, although there are more than its {default}"
    bench.require(case, len(_ids(exchange)) >= default, "NC504", problem, exchange)
