"""Faults of deletion: which task, in which state, and what remains."""

from tests.second_server.client import FAILS
from tests.second_server.patch import Edit, Fault

OK = "200"
GONE = "404 None"
BUSY = "409 None"
CRASH = "500 900"
DELETABLE = 'if row["status"] not in {"registered", "completed", "failed"}:'
REMOVE = "    remove(site.db, row)\n"
DELETE = 'db.execute("DELETE FROM task WHERE seq = :seq", {"seq": row["seq"]})'
FIND = "WHERE task_id = :id"
ASK_IN_DELETE = '    row = existing(site, call)\n    if row["status"]'
STATE = "LARGEST_BODY = 1024 * 1024\n"


def deletable(states: str) -> list[Edit]:
    return [(DELETABLE, f'if row["status"] not in {states}:')]


DELETION = {
    "delete-registered-refused": Fault(
        "A registered task cannot be cancelled.", deletable('{"completed", "failed"}'), lambda c: c.make().delete().short, OK, BUSY
    ),
    "delete-pending-accepted": Fault(
        "A pending task can be deleted.",
        deletable('{"registered", "pending", "completed", "failed"}'),
        lambda c: c.make().wait(500).delete().short,
        BUSY,
        OK,
    ),
    "delete-building-accepted": Fault(
        "A task being built can be deleted.",
        deletable('{"registered", "in_progress", "completed", "failed"}'),
        lambda c: c.make().wait(1000).delete().short,
        BUSY,
        OK,
    ),
    "delete-any-state": Fault(
        "Nobody looks at the status before deleting.", [(DELETABLE, "if False:")], lambda c: c.make().wait(700).delete().short, BUSY, OK
    ),
    "delete-completed-refused": Fault(
        "A completed task cannot be deleted.", deletable('{"registered", "failed"}'), lambda c: c.make().wait(1500).delete().short, OK, BUSY
    ),
    "delete-completed-word-mistaken": Fault(
        "The condition says complete while the database says completed.",
        deletable('{"registered", "complete", "failed"}'),
        lambda c: [c.make("a").delete().short, c.make("b").wait(1500).delete().short],
        [OK, OK],
        [OK, BUSY],
    ),
    "delete-failed-refused": Fault(
        "A failed task cannot be deleted.",
        deletable('{"registered", "completed"}'),
        lambda c: c.make(train_file_path=FAILS).wait(1500).delete().short,
        OK,
        BUSY,
    ),
    "delete-busy-crashes": Fault(
        "Deleting a task that is being built crashes.",
        [('raise RefusedError(409, None, "The task is being built.")', 'raise AssertionError("The task is being built.")')],
        lambda c: c.make().wait(500).delete().short,
        BUSY,
        CRASH,
    ),
    "delete-busy-says-200": Fault(
        "Deleting a task that is being built is answered with success, and nothing happens.",
        [('raise RefusedError(409, None, "The task is being built.")', 'return {"task_id": row["task_id"]}')],
        lambda c: [c.make().wait(500).delete().short, c.get().short],
        [BUSY, OK],
        [OK, OK],
    ),
    "delete-busy-is-remembered": Fault(
        "A deletion that was refused is done anyway.",
        [
            (
                '        raise RefusedError(409, None, "The',
                '        remove(site.db, row)\n        site.db.commit()\n        raise RefusedError(409, None, "The',
            )
        ],
        lambda c: [c.make().wait(500).delete().short, c.get().short],
        [BUSY, OK],
        [BUSY, GONE],
    ),
    "delete-does-nothing": Fault(
        "A deletion is answered with success, and the task stays.",
        [(REMOVE, "")],
        lambda c: c.make().then(c.delete()).get().short,
        GONE,
        OK,
    ),
    "delete-takes-newest": Fault(
        "The newest task is deleted instead of the named one.",
        [(DELETE, 'db.execute("DELETE FROM task WHERE seq = (SELECT max(seq) FROM task)")')],
        lambda c: c.make("a", "b").then(c.delete(0)).tasks().names,
        ["b"],
        ["a"],
    ),
    "delete-takes-same-file": Fault(
        "All tasks with the same train file are deleted.",
        [(DELETE, 'db.execute("DELETE FROM task WHERE train_file_path = ?", (row["train_file_path"],))')],
        lambda c: c.make("a", "b").then(c.delete(0)).tasks().names,
        ["b"],
        [],
    ),
    "delete-stays-in-list": Fault(
        "A deleted task stays in the list.",
        [
            ("    start_ms INTEGER NOT NULL,\n", "    start_ms INTEGER NOT NULL,\n    gone INTEGER NOT NULL DEFAULT 0,\n"),
            (DELETE, 'db.execute("UPDATE task SET gone = 1 WHERE seq = :seq", {"seq": row["seq"]})'),
            (FIND, "WHERE NOT gone AND task_id = :id"),
            ("FROM task WHERE name = :name", "FROM task WHERE NOT gone AND name = :name"),
        ],
        lambda c: [c.make("a", "b").then(c.delete()).get().short, c.tasks().names],
        [GONE, ["a"]],
        [GONE, ["a", "b"]],
    ),
    "delete-stays-readable": Fault(
        "A deleted task is gone from the list and can still be read.",
        [
            ("    start_ms INTEGER NOT NULL,\n", "    start_ms INTEGER NOT NULL,\n    gone INTEGER NOT NULL DEFAULT 0,\n"),
            (DELETE, 'db.execute("UPDATE task SET gone = 1 WHERE seq = :seq", {"seq": row["seq"]})'),
            ("ORDER BY seq LIMIT", "WHERE NOT gone ORDER BY seq LIMIT"),
            ("FROM task WHERE name = :name", "FROM task WHERE NOT gone AND name = :name"),
            ("SELECT count(*) FROM task", "SELECT count(*) FROM task WHERE NOT gone"),
        ],
        lambda c: [c.make("a", "b").then(c.delete()).get().short, c.tasks().names],
        [GONE, ["a"]],
        [OK, ["a"]],
    ),
    "delete-stays-in-total": Fault(
        "A deleted task still counts in the total.",
        [("SELECT count(*) FROM task", "SELECT coalesce(max(seq), 0) FROM sqlite_sequence")],
        lambda c: c.make("a", "b").then(c.delete()).tasks()["total"],
        1,
        2,
    ),
    "delete-twice-accepted": Fault(
        "Deleting what is not there is a success.",
        [
            (
                ASK_IN_DELETE,
                '    if find(site.db, call.task_id, call.now, site.stage) is None:\n        return {"task_id": call.task_id}\n'
                + ASK_IN_DELETE,
            )
        ],
        lambda c: c.make().then(c.delete()).delete().short,
        GONE,
        OK,
    ),
    "delete-twice-crashes": Fault(
        "Deleting a task that was deleted before crashes.",
        [
            (STATE, STATE + "DELETED: set[str] = set()\n"),
            (REMOVE, REMOVE + '    DELETED.add(row["task_id"])\n'),
            (ASK_IN_DELETE, "    assert call.task_id not in DELETED\n" + ASK_IN_DELETE),
        ],
        lambda c: [c.delete("nobody").short, c.make().then(c.delete()).delete().short],
        [GONE, GONE],
        [GONE, CRASH],
    ),
    "delete-answers-nothing": Fault(
        "A deletion is answered with an empty object.",
        [('    return {"task_id": row["task_id"]}\n\n\nOp', "    return {}\n\n\nOp")],
        lambda c: "task_id" in c.make().delete().json,
        True,
        False,
    ),
    "delete-answers-true": Fault(
        "A deletion is answered with true.",
        [('    return {"task_id": row["task_id"]}\n\n\nOp', "    return True\n\n\nOp")],
        lambda c: type(c.make().delete().json),
        dict,
        bool,
    ),
    "delete-answers-name": Fault(
        "A deletion answers the name where the id belongs.",
        [('    return {"task_id": row["task_id"]}\n\n\nOp', '    return {"task_id": row["name"]}\n\n\nOp')],
        lambda c: c.make().delete()["task_id"] == c.ids[0],
        True,
        False,
    ),
}
