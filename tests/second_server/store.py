"""Second implementation, second part: the tasks, as rows of SQLite.

No row holds a status. A row has the time of its creation and of its start; the rest follows from the clock, in milliseconds.
"""

import hashlib
import sqlite3
import uuid
from collections.abc import Callable, Mapping

Row = sqlite3.Row

SCHEMA = """
CREATE TABLE task (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, -- never given out again
    task_id TEXT NOT NULL,
    name TEXT NOT NULL COLLATE names,
    created_ms INTEGER NOT NULL,
    start_ms INTEGER NOT NULL,
    fails INTEGER NOT NULL,
    train_feature_id TEXT NOT NULL,
    train_bucket TEXT NOT NULL,
    train_file_path TEXT NOT NULL,
    test_feature_id TEXT,
    test_bucket TEXT,
    test_file_path TEXT
);
CREATE TABLE used_name (name TEXT NOT NULL COLLATE names)
"""

INSERT = """
INSERT INTO task (task_id, name, created_ms, start_ms, fails,
    train_feature_id, train_bucket, train_file_path, test_feature_id, test_bucket, test_file_path)
VALUES (:task_id, :name, :created_ms, :start_ms, :fails,
    :train_feature_id, :train_bucket, :train_file_path, :test_feature_id, :test_bucket, :test_file_path)
"""

LIVE = """
SELECT *,
    start_ms + :stage AS end_ms,
    CASE
        WHEN :now >= start_ms + :stage AND fails THEN 'failed'
        WHEN :now >= start_ms + :stage THEN 'completed'
        WHEN :now >= start_ms THEN 'in_progress'
        WHEN :now >= created_ms + :stage THEN 'pending'
        ELSE 'registered'
    END AS status
FROM task
"""


def open_store(form: Callable[[str], str] = str) -> sqlite3.Connection:
    """Return an empty store; names are the same when their forms are."""
    db = sqlite3.connect(":memory:", check_same_thread=False)  # the server holds a lock
    db.row_factory = sqlite3.Row
    db.create_collation("names", lambda one, other: (form(one) > form(other)) - (form(one) < form(other)))
    db.executescript(SCHEMA)
    return db


def name_exists(db: sqlite3.Connection, name: str | None) -> bool:
    return db.execute("SELECT 1 FROM task WHERE name = :name", {"name": name}).fetchone() is not None


def name_was_used(db: sqlite3.Connection, name: str | None) -> bool:
    return db.execute("SELECT 1 FROM used_name WHERE name = ?", (name,)).fetchone() is not None


def new_id(db: sqlite3.Connection) -> str:
    """Return an id that looks like a random one and is the same in every run."""
    last = db.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence").fetchone()[0]
    return str(uuid.UUID(bytes=hashlib.sha256(b"task %d" % (last + 1)).digest()[:16], version=4))


def add(db: sqlite3.Connection, task: Mapping[str, str | None], now: int, stage: int, *, fails: bool, serial: bool) -> str:
    """Insert a task and return its id. With a serial queue its turn comes when the task before it has ended."""
    task_id = new_id(db)
    start = now + 2 * stage
    if serial:
        ends = db.execute("SELECT coalesce(max(start_ms), 0) + :stage FROM task", {"stage": stage}).fetchone()[0]
        start = max(start, ends)
    db.execute("INSERT INTO used_name VALUES (?)", (task["name"],))
    db.execute(INSERT, {**task, "task_id": task_id, "created_ms": now, "start_ms": start, "fails": fails})
    return task_id


def find(db: sqlite3.Connection, task_id: str, now: int, stage: int) -> Row | None:
    found: Row | None = db.execute(LIVE + "WHERE task_id = :id", {"id": task_id, "now": now, "stage": stage}).fetchone()
    return found


def page(db: sqlite3.Connection, offset: int, limit: int, now: int, stage: int) -> list[Row]:
    """Return the tasks from an offset on, in the order of their creation."""
    where = {"offset": min(offset, 2**62), "limit": limit, "now": now, "stage": stage}
    return db.execute(LIVE + "ORDER BY seq LIMIT :limit OFFSET :offset", where).fetchall()


def count(db: sqlite3.Connection) -> int:
    number: int = db.execute("SELECT count(*) FROM task").fetchone()[0]
    return number


def remove(db: sqlite3.Connection, row: Row) -> None:
    db.execute("DELETE FROM task WHERE seq = :seq", {"seq": row["seq"]})


def move_up(db: sqlite3.Connection, now: int, stage: int) -> None:
    """Give waiting tasks of a serial queue their turns again. A deleted task had not started, so no started task moves."""
    ends = db.execute("SELECT coalesce(max(start_ms), 0) + ? FROM task WHERE start_ms <= ?", (stage, now)).fetchone()[0]
    for row in db.execute("SELECT seq, created_ms FROM task WHERE start_ms > ? ORDER BY seq", (now,)).fetchall():
        start = max(row["created_ms"] + 2 * stage, ends)
        db.execute("UPDATE task SET start_ms = ? WHERE seq = ?", (start, row["seq"]))
        ends = start + stage
