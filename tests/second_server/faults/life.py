"""Faults of the lifecycle: order, status words, and responses that lose a task or still show it."""

from tests.second_server.client import FAILS
from tests.second_server.patch import Edit, Fault, lines

OK = "200"
GONE = "404 None"
STAGES = ["registered", "pending", "in_progress", "completed"]
PENDING = "WHEN :now >= created_ms + :stage THEN 'pending'"
PROGRESS = "WHEN :now >= start_ms THEN 'in_progress'"
FAILED = "WHEN :now >= start_ms + :stage AND fails THEN 'failed'"
NO_TASK = '    if row is None:\n        raise RefusedError(404, None, "There is no such task.")\n'
STATE = "LARGEST_BODY = 1024 * 1024\n"


def statuses(change: str) -> list[Edit]:
    """Change the status in the responses of getTask and listTasks."""
    return [('    status = row["status"]\n', f'    status = row["status"]\n    {change}\n')]


LIFE = {
    "status-order-swapped": Fault(
        "A task is in progress before it is pending.",
        [(PENDING, PENDING.replace("pending", "in_progress")), (PROGRESS, PROGRESS.replace("in_progress", "pending"))],
        lambda c: c.make().watch("status"),
        STAGES,
        ["registered", "in_progress", "pending", "completed"],
    ),
    "status-goes-back": Fault(
        "A pending task is registered again before its turn.",
        [(PROGRESS, PROGRESS.replace("in_progress", "registered"))],
        lambda c: c.make().watch("status"),
        STAGES,
        ["registered", "pending", "registered", "completed"],
    ),
    "status-starts-over": Fault(
        "Some time after its end a task begins anew.",
        [(FAILED, "WHEN :now >= start_ms + 3 * :stage THEN 'pending'\n        " + FAILED)],
        lambda c: c.make().watch("status", 6)[3:],
        ["completed", "completed", "completed"],
        ["completed", "completed", "pending"],
    ),
    "status-completed-turns-failed": Fault(
        "A completed task fails later.",
        [(FAILED, "WHEN :now >= start_ms + 2 * :stage THEN 'failed'\n        " + FAILED)],
        lambda c: c.make().watch("status", 5)[3:],
        ["completed", "completed"],
        ["completed", "failed"],
    ),
    "status-failed-is-retried": Fault(
        "A failed task is built once more.",
        [(FAILED, "WHEN :now >= start_ms + 2 * :stage AND fails THEN 'in_progress'\n        " + FAILED)],
        lambda c: c.make(train_file_path=FAILS).watch("status", 5)[3:],
        ["failed", "failed"],
        ["failed", "in_progress"],
    ),
    "status-says-running": Fault(
        "A task being built is called running.",
        statuses('status = "running" if status == "in_progress" else status'),
        lambda c: c.make().wait(1000).get()["status"],
        "in_progress",
        "running",
    ),
    "status-has-hyphen": Fault(
        "in_progress is written with a hyphen.",
        statuses('status = status.replace("_", "-")'),
        lambda c: c.make().wait(1000).get()["status"],
        "in_progress",
        "in-progress",
    ),
    "status-in-capitals": Fault(
        "Statuses are written in capitals.",
        statuses("status = status.upper()"),
        lambda c: c.make().get()["status"],
        "registered",
        "REGISTERED",
    ),
    "status-says-success": Fault(
        "A completed task is called a success.",
        statuses('status = "success" if status == "completed" else status'),
        lambda c: c.make().wait(1500).get()["status"],
        "completed",
        "success",
    ),
    "status-says-error": Fault(
        "A failed task is called an error.",
        statuses('status = "error" if status == "failed" else status'),
        lambda c: c.make(train_file_path=FAILS).wait(1500).get()["status"],
        "failed",
        "error",
    ),
    "status-is-null-at-first": Fault(
        "A registered task has no status yet.",
        statuses('status = None if status == "registered" else status'),
        lambda c: c.make().get()["status"],
        "registered",
        None,
    ),
    "status-is-number": Fault(
        "The status is a number.",
        statuses('status = ["registered", "pending", "in_progress", "completed", "failed"].index(status)'),
        lambda c: c.make().get()["status"],
        "registered",
        0,
    ),
    "status-word-of-list-differs": Fault(
        "A finished task is complete in the list and completed in getTask.",
        [
            (
                "tasks = [summary(site, row) for row",
                'tasks = [summary(site, row) | ({"status": "complete"} if row["status"] == "completed" else {}) for row',
            )
        ],
        lambda c: [c.make().wait(1500).get()["status"], c.tasks()["tasks"][0]["status"]],
        ["completed", "completed"],
        ["completed", "complete"],
    ),
    "status-of-list-is-stale": Fault(
        "The list shows every task as registered.",
        [("tasks = [summary(site, row) for row", 'tasks = [summary(site, row) | {"status": "registered"} for row')],
        lambda c: [c.make().wait(1500).get()["status"], c.tasks()["tasks"][0]["status"]],
        ["completed", "completed"],
        ["completed", "registered"],
    ),
    "status-of-list-is-behind": Fault(
        "The list is one stage behind getTask.",
        [("page(site.db, offset, limit, call.now, site.stage)", "page(site.db, offset, limit, call.now - site.stage, site.stage)")],
        lambda c: [c.make().wait(500).get()["status"], c.tasks()["tasks"][0]["status"]],
        ["pending", "pending"],
        ["pending", "registered"],
    ),
    "get-is-cached": Fault(
        "getTask keeps its first answer for ever.",
        [
            (
                "    return detail(site, existing(site, call))",
                "    return CACHE.setdefault(call.task_id, detail(site, existing(site, call)))",
            ),
            (STATE, STATE + "CACHE: dict[str, object] = {}\n"),
        ],
        lambda c: c.make().watch("status"),
        STAGES,
        ["registered"] * 4,
    ),
    "get-is-cached-after-delete": Fault(
        "getTask still has a deleted task it was asked for before.",
        [
            (
                "    return detail(site, existing(site, call))",
                lines(
                    "    if find(site.db, call.task_id, call.now, site.stage):",
                    "        CACHE[call.task_id] = detail(site, existing(site, call))",
                    "    return CACHE[call.task_id] if call.task_id in CACHE else existing(site, call)",
                ),
            ),
            (STATE, STATE + "CACHE: dict[str, object] = {}\n"),
        ],
        lambda c: [c.make().then(c.delete()).get().short, c.make().then(c.get()).then(c.delete()).get().short],
        [GONE, GONE],
        [GONE, OK],
    ),
    "ended-vanish": Fault(
        "A completed task cannot be read any more.",
        [(NO_TASK, '    if row is not None and row["status"] == "completed":\n        row = None\n' + NO_TASK)],
        lambda c: c.make().watch("status"),
        STAGES,
        ["registered", "pending", "in_progress", GONE],
    ),
    "failed-vanish": Fault(
        "A failed task cannot be read any more.",
        [(NO_TASK, '    if row is not None and row["status"] == "failed":\n        row = None\n' + NO_TASK)],
        lambda c: c.make(train_file_path=FAILS).watch("status")[3:],
        ["failed"],
        [GONE],
    ),
}
