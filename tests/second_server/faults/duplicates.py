"""Faults with duplicate names: which names count as the same, and for how long."""

from tests.second_server.patch import Edit, Fault, lines, store_wants

OK = "200"
NAME_EXISTS = "409 10102"
LOOKUP = 'db.execute("SELECT 1 FROM task WHERE name = :name", {"name": name}).fetchone() is not None'


def compares(condition: str) -> list[Edit]:
    return [("WHERE name = :name", f"WHERE {condition}")]


def alike(plain: str) -> list[Edit]:
    """Compare names after a function that simplifies them."""
    search = f'any({plain.format("row[0]")} == {plain.format("name")} for row in db.execute("SELECT name FROM task"))'
    return [store_wants("unicodedata"), (LOOKUP, search)]


def updates(sql: str) -> Edit:
    """Reject a duplicate after it has changed the existing task."""
    rejection = '        raise RefusedError(409, "10102"'
    return rejection, lines(f"        site.db.execute({sql})", "        site.db.commit()", rejection)


def only(condition: str) -> list[Edit]:
    """Compare with the names of some tasks only."""
    rows = "page(site.db, 0, 100000, call.now, site.stage)"
    return [('if name_exists(site.db, task["name"]):', f'if any(row["name"] == task["name"] and {condition} for row in {rows}):')]


DUPLICATES = {
    "duplicate-accepted": Fault(
        "Names are not compared at all.",
        [('if name_exists(site.db, task["name"]):', "if False:")],
        lambda c: c.make("a").create("a").short,
        NAME_EXISTS,
        OK,
    ),
    "duplicate-ignores-case": Fault(
        "Names are compared without regard to case.",
        compares("name = :name COLLATE NOCASE"),
        lambda c: c.make("Churn").create("churn").short,
        OK,
        NAME_EXISTS,
    ),
    "duplicate-ignores-accents": Fault(
        "Names are compared without their accents, as a database collation does.",
        alike("[mark for mark in unicodedata.normalize('NFD', {}) if not unicodedata.combining(mark)]"),
        lambda c: c.make("café").create("cafe").short,
        OK,
        NAME_EXISTS,
    ),
    "duplicate-ignores-form": Fault(
        "Composed and decomposed names count as the same.",
        alike("unicodedata.normalize('NFC', {})"),
        lambda c: c.make("caf\xe9").create("cafe\u0301").short,
        OK,
        NAME_EXISTS,
    ),
    "duplicate-ignores-width": Fault(
        "Full-width letters count as ordinary ones.",
        alike("unicodedata.normalize('NFKC', {})"),
        lambda c: c.make("ＡＢ").create("AB").short,
        OK,
        NAME_EXISTS,
    ),
    "duplicate-ignores-padding": Fault(
        "Blanks at the end of a name do not count when names are compared.",
        compares("rtrim(name) = rtrim(:name)"),
        lambda c: c.make("a").create("a ").short,
        OK,
        NAME_EXISTS,
    ),
    "duplicate-by-pattern": Fault(
        "Names are compared with LIKE, so an underscore stands for any character.",
        compares("name LIKE :name"),
        lambda c: c.make("run-1").create("run_1").short,
        OK,
        NAME_EXISTS,
    ),
    "duplicate-by-beginning": Fault(
        "Only the first 32 characters of names are compared.",
        compares("substr(name, 1, 32) = substr(:name, 1, 32)"),
        lambda c: c.make("n" * 32 + "1").create("n" * 32 + "2").short,
        OK,
        NAME_EXISTS,
    ),
    "duplicate-lags": Fault(
        "Names are looked up in a copy that is one write behind.",
        compares("name = :name AND seq < (SELECT max(seq) FROM task)"),
        lambda c: [c.make("a").create("a").short, c.make("b").create("a").short],
        [NAME_EXISTS, NAME_EXISTS],
        [OK, NAME_EXISTS],
    ),
    "duplicate-among-many-accepted": Fault(
        "The third create request of one moment is not compared any more.",
        [
            ("LARGEST_BODY = 1024 * 1024\n", "LARGEST_BODY = 1024 * 1024\nBURST: list[tuple[int, object]] = []\n"),
            (
                'if name_exists(site.db, task["name"]):',
                'BURST.append((call.now, task["name"]))\n    if name_exists(site.db, task["name"]) and BURST[-3:].count(BURST[-1]) < 3:',
            ),
        ],
        lambda c: [c.make("a").create("a").short, c.create("a").short],
        [NAME_EXISTS, NAME_EXISTS],
        [NAME_EXISTS, OK],
    ),
    "duplicate-per-bucket": Fault(
        "Names need only be unique within a bucket.",
        [
            (
                "def name_exists(db: sqlite3.Connection, name: str | None)",
                "def name_exists(db: sqlite3.Connection, name: str | None, bucket: str)",
            ),
            ('name = :name", {"name": name}', 'name = :name AND train_bucket = :bucket", {"name": name, "bucket": bucket}'),
            ('name_exists(site.db, task["name"])', 'name_exists(site.db, task["name"], task["train_bucket"])'),
        ],
        lambda c: [c.make("a").create("a").short, c.create("a", train_bucket="another").short],
        [NAME_EXISTS, NAME_EXISTS],
        [NAME_EXISTS, OK],
    ),
    "duplicate-of-ended-accepted": Fault(
        "The name of an ended task can be used again.",
        only("not ended(row)"),
        lambda c: [c.make("a").create("a").short, c.wait(1500).create("a").short],
        [NAME_EXISTS, NAME_EXISTS],
        [NAME_EXISTS, OK],
    ),
    "duplicate-of-registered-accepted": Fault(
        "The name of a task that is only registered can be used again.",
        only('row["status"] != "registered"'),
        lambda c: [c.make("a").create("a").short, c.wait(500).create("a").short],
        [NAME_EXISTS, NAME_EXISTS],
        [OK, NAME_EXISTS],
    ),
    "duplicate-of-building-accepted": Fault(
        "The name of a task that is pending or being built can be used again.",
        only('row["status"] not in {"pending", "in_progress"}'),
        lambda c: [c.make("a").create("a").short, c.wait(500).create("a").short],
        [NAME_EXISTS, NAME_EXISTS],
        [NAME_EXISTS, OK],
    ),
    "duplicate-of-failed-accepted": Fault(
        "The name of a failed task can be used again without deleting the task.",
        only('row["status"] != "failed"'),
        lambda c: c.make("a", train_file_path="data/fails.tsv").wait(1500).create("a").short,
        NAME_EXISTS,
        OK,
    ),
    "duplicate-among-first-20": Fault(
        "Names are compared with the first page of the list.",
        [
            (
                'if name_exists(site.db, task["name"]):',
                'if task["name"] in [row["name"] for row in page(site.db, 0, 20, call.now, site.stage)]:',
            )
        ],
        lambda c: [c.make(*(f"n{n}" for n in range(21))).create("n19").short, c.create("n20").short],
        [NAME_EXISTS, NAME_EXISTS],
        [NAME_EXISTS, OK],
    ),
    "duplicate-of-deleted-refused": Fault(
        "The name of a deleted task stays in use.",
        [
            ("def name_exists(", "USED: set[str] = set()\n\n\ndef name_exists("),
            (LOOKUP, f"name in USED or {LOOKUP}"),
            ('    db.execute("DELETE FROM', '    USED.add(row["name"])\n    db.execute("DELETE FROM'),
        ],
        lambda c: c.make("a").then(c.delete()).create("a").short,
        OK,
        NAME_EXISTS,
    ),
    "duplicate-answers-existing": Fault(
        "A duplicate is answered with the task that exists, as if it had been made.",
        [
            (
                '        raise RefusedError(409, "10102", "DUPLICATE_NAME")',
                lines(
                    "        rows = page(site.db, 0, 100000, call.now, site.stage)",
                    '        return created(next(row for row in rows if row["name"] == task["name"]))',
                ),
            )
        ],
        lambda c: c.make("a").create("a").short,
        NAME_EXISTS,
        OK,
    ),
    "duplicate-status-422": Fault(
        "A duplicate is answered with 422.",
        [('RefusedError(409, "10102"', 'RefusedError(422, "10102"')],
        lambda c: c.make("a").create("a").short,
        NAME_EXISTS,
        "422 10102",
    ),
    "duplicate-code-of-length": Fault(
        "A duplicate is answered with the code of a name that is too long.",
        [('RefusedError(409, "10102"', 'RefusedError(409, "10101"')],
        lambda c: c.make("a").create("a").short,
        NAME_EXISTS,
        "409 10101",
    ),
    "duplicate-overwrites": Fault(
        "A duplicate is refused, yet the existing task has its data now.",
        [updates('"UPDATE task SET train_bucket = ? WHERE name = ?", (task["train_bucket"], task["name"])')],
        lambda c: c.make("a").then(c.create("a", train_bucket="another")).get()["train_bucket"],
        "bucket",
        "another",
    ),
    "duplicate-restarts": Fault(
        "A duplicate is refused, yet the existing task begins anew.",
        [updates('"UPDATE task SET created_ms = ?, start_ms = ? WHERE name = ?", (call.now, call.now + 2 * site.stage, task["name"])')],
        lambda c: c.make("a").wait(1500).then(c.create("a")).get()["status"],
        "completed",
        "registered",
    ),
}
