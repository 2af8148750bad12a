"""Faults of lists: their tasks, their total, and the routing of paths."""

from tests.second_server.client import FAILS
from tests.second_server.patch import Edit, Fault

OK = "200"
CRASH = "500 900"
ABC = ["a", "b", "c"]
PAGE = "page(site.db, offset, limit, call.now, site.stage)"
SQL = "ORDER BY seq LIMIT :limit OFFSET :offset"
TOTAL = 'total = len(tasks) if site.variant["list-total"] == "page" else count(site.db)'
ANSWER = 'return {"index": index, "limit": limit, "total": total, "tasks": tasks}'
ITEM = "tasks = [summary(site, row) for row in"


def pages(how: str) -> list[Edit]:
    return [(PAGE, how)]


def items(change: str) -> list[Edit]:
    return [(ITEM, f"tasks = [summary(site, row) | {change} for row in")]


def totals(how: str) -> list[Edit]:
    return [(TOTAL, f"total = {how}")]


def answers(what: str) -> list[Edit]:
    return [(ANSWER, f"return {what}")]


CONTENT = {
    "list-order-changes": Fault(
        "The order is turned on every page but the first, so some tasks come twice and some never.",
        [(SQL, "ORDER BY CASE WHEN :offset > 0 THEN -seq ELSE seq END LIMIT :limit OFFSET :offset")],
        lambda c: [c.make(*ABC).tasks("limit=1").names, c.tasks("index=1&limit=2").names],
        [["a"], ["b", "c"]],
        [["a"], ["b", "a"]],
    ),
    "list-repeats-last": Fault(
        "Each page begins with the last task of the page before.",
        pages("page(site.db, max(offset - 1, 0), limit, call.now, site.stage)[:limit]"),
        lambda c: [c.make(*ABC).tasks("limit=2").names, c.tasks("index=2&limit=2").names],
        [["a", "b"], ["c"]],
        [["a", "b"], ["b", "c"]],
    ),
    "list-hides-registered": Fault(
        "Tasks that are only registered are not in the list.",
        [(PAGE, f'[row for row in {PAGE} if row["status"] != "registered"]')],
        lambda c: [c.make("a").tasks().names, c.wait(500).tasks().names],
        [["a"], ["a"]],
        [[], ["a"]],
    ),
    "list-hides-ended": Fault(
        "Completed tasks are not in the list.",
        [(PAGE, f'[row for row in {PAGE} if row["status"] != "completed"]')],
        lambda c: [c.make("a").tasks().names, c.wait(1500).tasks().names],
        [["a"], ["a"]],
        [["a"], []],
    ),
    "list-hides-failed": Fault(
        "Failed tasks are not in the list.",
        [(PAGE, f'[row for row in {PAGE} if row["status"] != "failed"]')],
        lambda c: c.make("a", train_file_path=FAILS).wait(1500).tasks().names,
        ["a"],
        [],
    ),
    "list-hides-tasks-without-test": Fault(
        "An inner join drops tasks without a test feature.",
        [(SQL, "WHERE test_feature_id IS NOT NULL " + SQL)],
        lambda c: c.make("a").make("b", test_feature_id="f").tasks().names,
        ["a", "b"],
        ["b"],
    ),
    "list-is-cached": Fault(
        "The list is computed once.",
        [
            (ANSWER, f"return CACHE.setdefault(call.query, {ANSWER.removeprefix('return ')})"),
            ("LARGEST_BODY = 1024 * 1024\n", "LARGEST_BODY = 1024 * 1024\nCACHE: dict[str, object] = {}\n"),
        ],
        lambda c: [c.make("a").tasks().names, c.make("b").tasks().names],
        [["a"], ["a", "b"]],
        [["a"], ["a"]],
    ),
    "list-empty-is-null": Fault(
        "A list without tasks is null.",
        [(ANSWER, ANSWER.replace('"tasks": tasks', '"tasks": tasks or None'))],
        lambda c: c.tasks()["tasks"],
        [],
        None,
    ),
    "list-empty-is-404": Fault(
        "A list without tasks is answered with 404.",
        [(f"    {TOTAL}", f'    if not count(site.db):\n        raise RefusedError(404, None, "There are no tasks.")\n    {TOTAL}')],
        lambda c: c.tasks().short,
        OK,
        "404 None",
    ),
    "list-is-bare": Fault(
        "The list is answered without index, limit and total.", answers("tasks"), lambda c: type(c.tasks().json), dict, list
    ),
    "list-says-items": Fault(
        "The tasks of a list are called items.",
        [(ANSWER, ANSWER.replace('"tasks"', '"items"'))],
        lambda c: "tasks" in c.tasks().json,
        True,
        False,
    ),
    "list-one-is-no-list": Fault(
        "A single task is not put into a list.",
        [(ANSWER, ANSWER.replace('"tasks": tasks', '"tasks": tasks[0] if len(tasks) == 1 else tasks'))],
        lambda c: type(c.make().tasks()["tasks"]),
        list,
        dict,
    ),
    "list-only-ids": Fault(
        "A list only has the ids.", [(ITEM, 'tasks = [row["task_id"] for row in')], lambda c: type(c.make().tasks()["tasks"][0]), dict, str
    ),
    "list-lacks-status": Fault(
        "The tasks of a list have no status.",
        [(ITEM, 'tasks = [{field: value for field, value in summary(site, row).items() if field != "status"} for row in')],
        lambda c: "status" in c.make().tasks()["tasks"][0],
        True,
        False,
    ),
    "list-says-name": Fault(
        "The tasks of a list have name instead of task_name.",
        [(ITEM, 'tasks = [{"name" if field == "task_name" else field: value for field, value in summary(site, row).items()} for row in')],
        lambda c: "task_name" in c.make().tasks()["tasks"][0],
        True,
        False,
    ),
    "list-cuts-names": Fault(
        "Long names are cut in the list.",
        items('{"task_name": row["name"][:30]}'),
        lambda c: len(c.make("n" * 80).tasks().names[0]),
        80,
        30,
    ),
    "list-lacks-end": Fault(
        "The list never shows completed_at.",
        items('{"completed_at": None}'),
        lambda c: [c.make().wait(1500).get()["completed_at"] == c.tasks()["tasks"][0]["completed_at"]],
        [True],
        [False],
    ),
    "list-loses-test": Fault(
        "The list never shows the test fields.",
        items('{"test_bucket": None}'),
        lambda c: c.make(test_bucket="t").tasks()["tasks"][0]["test_bucket"],
        "t",
        None,
    ),
    "list-repeats-train": Fault(
        "Every task of a page shows the train path of the first one.",
        [(f"    {TOTAL}", f'    for item in tasks:\n        item["train_file_path"] = tasks[0]["train_file_path"]\n    {TOTAL}')],
        lambda c: c.make("a", train_file_path="1").make("b", train_file_path="2").tasks()["tasks"][1]["train_file_path"],
        "2",
        "1",
    ),
    "total-is-limit": Fault("The total is the limit.", totals("limit"), lambda c: c.make(*ABC).tasks()["total"], 3, 20),
    "total-is-text": Fault("The total is a string.", totals("str(count(site.db))"), lambda c: c.tasks()["total"], 0, "0"),
    "total-counts-from-zero": Fault(
        "The total is one too small.", totals("max(count(site.db) - 1, 0)"), lambda c: c.make(*ABC).tasks()["total"], 3, 2
    ),
    "total-is-rest": Fault(
        "The total is what is left from the index on.",
        totals("max(count(site.db) - offset, 0)"),
        lambda c: [c.make(*ABC).tasks("limit=1")["total"], c.tasks("index=1&limit=1")["total"]],
        [3, 3],
        [3, 2],
    ),
    "total-is-pages": Fault(
        "The total is the number of pages.", totals("-(-count(site.db) // limit)"), lambda c: c.make(*ABC).tasks()["total"], 3, 1
    ),
    "total-changes-its-mind": Fault(
        "The total counts all tasks on the first page and the page on later ones.",
        totals("len(tasks) if index else count(site.db)"),
        lambda c: [c.make(*ABC).tasks("limit=1")["total"], c.tasks("index=1&limit=1")["total"]],
        [3, 3],
        [3, 1],
    ),
    "total-missing": Fault(
        "There is no total.", [(ANSWER, ANSWER.replace('"total": total, ', ""))], lambda c: "total" in c.tasks().json, True, False
    ),
}

ADDRESSES = {
    "address-only-begins-right": Fault(
        "Whatever begins with the address of the list leads to the list.",
        [("found = re.fullmatch(", "found = re.match(")],
        lambda c: c.send("GET", "/tasks-of-others").short,
        "404 300",
        OK,
    ),
    "address-unknown-crashes": Fault(
        "An address nobody knows crashes.",
        [('raise RefusedError(404, "300", "Not Found Exception")', "raise LookupError(path)")],
        lambda c: c.send("GET", "/nothing").short,
        "404 300",
        CRASH,
    ),
    "method-unknown-crashes": Fault(
        "A method that is not offered crashes.",
        [("    if call.method not in operations:\n", "    operations[call.method]\n    if call.method not in operations:\n")],
        lambda c: c.send("PATCH", "/tasks").short,
        "405 None",
        CRASH,
    ),
}

LISTS = {**CONTENT, **ADDRESSES}
