"""Faults with ids, with unknown files, and with rejected requests that have an effect."""

from tests.second_server.client import ABSENT
from tests.second_server.patch import Edit, Fault, lines

OK = "200"
GONE = "404 None"
CRASH = "500 900"
FIND = "WHERE task_id = :id"
NO_TASK = '    if row is None:\n        raise RefusedError(404, None, "There is no such task.")\n'
FOUND = "    row = find(site.db, call.task_id, call.now, site.stage)\n"
RULES = "    check_rules(task, site.variant)\n"
EXIST = "    check_rules(task, site.variant)\n    check_existence(site, task)\n"
NAME_EXISTS = 'if name_exists(site.db, task["name"]):'
STATE = "LARGEST_BODY = 1024 * 1024\n"


def reserves(step: str) -> list[Edit]:
    """Keep the name of a rejected task in use."""
    guarded = "    try:\n        " + step.strip() + '\n    except RefusedError:\n        RESERVED.add(task["name"])\n        raise\n'
    return [
        (EXIST, EXIST.replace(step, guarded)),
        (STATE, STATE + "RESERVED: set[str | None] = set()\n"),
        (NAME_EXISTS, 'if name_exists(site.db, task["name"]) or task["name"] in RESERVED:'),
    ]


def leaves(step: str) -> list[Edit]:
    """Store a task that a step rejects."""
    kept = "        add(site.db, task, call.now, site.stage, fails=False, serial=False)\n        site.db.commit()\n        raise\n"
    return [(EXIST, EXIST.replace(step, "    try:\n        " + step.strip() + "\n    except RefusedError:\n" + kept))]


IDS = {
    "id-is-given-again": Fault(
        "After the newest task is deleted, its id is given to the next one.",
        [("SELECT coalesce(max(seq), 0) FROM sqlite_sequence", "SELECT coalesce(max(seq), 0) FROM task"), (" AUTOINCREMENT,", ",")],
        lambda c: c.make("a").then(c.delete()).make("b").ids[0] == c.ids[1],
        False,
        True,
    ),
    "id-follows-name": Fault(
        "The id is made from the name, so a task made again has the id of the deleted one.",
        [("    task_id = new_id(db)\n", '    task_id = str(uuid.uuid5(uuid.NAMESPACE_URL, task["name"] or ""))\n')],
        lambda c: c.make("a").then(c.delete()).make("a").ids[0] == c.ids[1],
        False,
        True,
    ),
    "id-follows-second": Fault(
        "The id is made from the second of creation, so two tasks share one.",
        [("    task_id = new_id(db)\n", "    task_id = str(uuid.UUID(int=now // 1000))\n")],
        lambda c: len(set(c.make("a", "b").ids)),
        2,
        1,
    ),
    "id-found-by-beginning": Fault(
        "The beginning of an id is enough to find a task.",
        [(FIND, "WHERE task_id LIKE :id || '%'")],
        lambda c: c.make().get(c.ids[0][:8]).short,
        GONE,
        OK,
    ),
    "id-unknown-finds-newest": Fault(
        "An unknown id is answered with the newest task.",
        [
            (
                NO_TASK,
                "    if row is None and count(site.db):\n        row = page(site.db, count(site.db) - 1, 1, call.now, site.stage)[0]\n"
                + NO_TASK,
            )
        ],
        lambda c: [c.get("nobody").short, c.make().get("nobody").short],
        [GONE, GONE],
        [GONE, OK],
    ),
    "id-ignored-by-get": Fault(
        "getTask always answers the newest task.",
        [
            (
                "    return detail(site, existing(site, call))",
                "    existing(site, call)\n    return detail(site, page(site.db, count(site.db) - 1, 1, call.now, site.stage)[0])",
            )
        ],
        lambda c: c.make("a", "b").get(0)["task_name"],
        "a",
        "b",
    ),
    "id-unknown-says-200": Fault(
        "An unknown id is answered with null and 200.",
        [
            (
                "    return detail(site, existing(site, call))",
                "    return find(site.db, call.task_id, call.now, site.stage) and detail(site, existing(site, call))",
            )
        ],
        lambda c: c.get("nobody").short,
        GONE,
        OK,
    ),
    "id-unknown-crashes": Fault("An unknown id crashes.", [(NO_TASK, "")], lambda c: c.get("nobody").short, GONE, CRASH),
    "id-no-uuid-crashes": Fault(
        "An id that is no UUID crashes.",
        [(FOUND, '    assert re.fullmatch("[0-9a-f-]{36}", call.task_id)\n' + FOUND)],
        lambda c: [c.get("00000000-0000-4000-8000-000000000000").short, c.get("nobody").short],
        [GONE, GONE],
        [GONE, CRASH],
    ),
    "id-in-capitals-in-list": Fault(
        "The list shows ids in capitals, and getTask does not know those.",
        [("tasks = [summary(site, row) for row", 'tasks = [summary(site, row) | {"task_id": row["task_id"].upper()} for row')],
        lambda c: c.make().get(c.tasks()["tasks"][0]["task_id"]).short,
        OK,
        GONE,
    ),
}

LEFT_BEHIND = {
    "refused-path-takes-name": Fault(
        "A create request refused for its path leaves the name in use.",
        reserves(RULES),
        lambda c: [c.train("a&b").short, c.create().short],
        ["422 10104", OK],
        ["422 10104", "409 10102"],
    ),
    "refused-path-makes-task": Fault(
        "A create request refused for its path has made a task.",
        leaves(RULES),
        lambda c: [c.train("a&b").short, c.tasks().names],
        ["422 10104", []],
        ["422 10104", ["alpha"]],
    ),
    "refused-file-takes-name": Fault(
        "A create request refused for a missing file leaves the name in use.",
        reserves("    check_existence(site, task)\n"),
        lambda c: [c.train(ABSENT).short, c.create().short],
        ["404 10107", OK],
        ["404 10107", "409 10102"],
    ),
    "refused-file-makes-task": Fault(
        "A create request refused for a missing file has made a task.",
        leaves("    check_existence(site, task)\n"),
        lambda c: [c.train(ABSENT).short, c.tasks().names],
        ["404 10107", []],
        ["404 10107", ["alpha"]],
    ),
    "refused-duplicate-makes-task": Fault(
        "A duplicate is refused and made all the same.",
        [
            (
                '        raise RefusedError(409, "10102"',
                lines(
                    "        add(site.db, task, call.now, site.stage, fails=False, serial=False)",
                    "        site.db.commit()",
                    '        raise RefusedError(409, "10102"',
                ),
            )
        ],
        lambda c: c.make("a").then(c.create("a")).tasks().names,
        ["a"],
        ["a", "a"],
    ),
    "refused-type-takes-name": Fault(
        "A create request refused for a wrong type leaves the name in use.",
        [
            (
                "    task = read_task(read_json(call.body), site.variant)\n",
                lines(
                    "    body = read_json(call.body)",
                    "    try:",
                    "        task = read_task(body, site.variant)",
                    "    except RefusedError:",
                    '        RESERVED.append(body.get("name") if isinstance(body, dict) else None)',
                    "        raise\n",
                ),
            ),
            (STATE, STATE + "RESERVED: list[object] = []\n"),
            (NAME_EXISTS, 'if name_exists(site.db, task["name"]) or task["name"] in RESERVED:'),
        ],
        lambda c: [c.create(train_bucket=5).short, c.create().short],
        ["400 None", OK],
        ["400 None", "409 10102"],
    ),
    "put-creates": Fault(
        "PUT makes a task as POST does.",
        [('{"GET": list_tasks, "POST": create_task}', '{"GET": list_tasks, "POST": create_task, "PUT": create_task}')],
        lambda c: [c.send("PATCH", "/tasks", b"{}").short, c.send("PUT", "/tasks", b"{}").short],
        ["405 None", "405 None"],
        ["405 None", "400 None"],
    ),
}

FILES = {
    "file-of-test-unchecked": Fault(
        "Nobody looks whether the test file exists.",
        [('    if not stored(site, task["test_file_path"]):\n        raise RefusedError(404, "10108", "TEST_PATH_NOT_FOUND")\n', "")],
        lambda c: c.test(ABSENT).short,
        "404 10108",
        OK,
    ),
    "file-codes-swapped": Fault(
        "The codes for a missing train file and a missing test file are swapped.",
        [('"10107"', '"10108!"'), ('"10108"', '"10107"'), ('"10108!"', '"10108"')],
        lambda c: [c.train(ABSENT).short, c.test(ABSENT).short],
        ["404 10107", "404 10108"],
        ["404 10108", "404 10107"],
    ),
    "file-general-code": Fault(
        "A missing train file is answered with 10106, the code for a request with one path.",
        [('"10107"', '"10106"')],
        lambda c: c.train(ABSENT).short,
        "404 10107",
        "404 10106",
    ),
    "file-missing-status-422": Fault(
        "A missing file is answered with 422.",
        [('RefusedError(404, "10107"', 'RefusedError(422, "10107"')],
        lambda c: c.train(ABSENT).short,
        "404 10107",
        "422 10107",
    ),
    "file-missing-crashes": Fault(
        "A missing file crashes.",
        [('raise RefusedError(404, "10108", "TEST_PATH_NOT_FOUND")', 'raise FileNotFoundError(task["test_file_path"])')],
        lambda c: c.test(ABSENT).short,
        "404 10108",
        CRASH,
    ),
}

IDS_AND_REMAINS = {**IDS, **LEFT_BEHIND, **FILES}
