"""Faults with times: the wrong zone, another format, and times that change."""

from tests.second_server.patch import Edit, Fault

MOMENT = "    return datetime.fromtimestamp(ms // 1000, KOREA).isoformat()\n"
COMPLETED_AT = '"completed_at": moment(row["end_ms"]) if ended(row) else None,'
TIME = "2024-11-26T11:48:16+09:00"


def times(how: str) -> list[Edit]:
    return [(MOMENT, f"    return {how}\n")]


def finished(c):
    return c.make().wait(1500).get()


TIMES = {
    "time-wrong-zone": Fault(
        "Times are those of Greenwich, called Korean.",
        times("datetime.fromtimestamp(ms // 1000, timezone.utc).replace(tzinfo=KOREA).isoformat()"),
        lambda c: c.create()["created_at"],
        TIME,
        "2024-11-26T02:48:16+09:00",
    ),
    "time-without-offset": Fault(
        "Times have no offset.",
        times("datetime.fromtimestamp(ms // 1000, KOREA).replace(tzinfo=None).isoformat()"),
        lambda c: c.create()["created_at"],
        TIME,
        "2024-11-26T11:48:16",
    ),
    "time-with-blank": Fault(
        "Times have a blank where ISO 8601 has a T.",
        times('datetime.fromtimestamp(ms // 1000, KOREA).isoformat(" ")'),
        lambda c: c.create()["created_at"],
        TIME,
        "2024-11-26 11:48:16+09:00",
    ),
    "time-is-number": Fault("Times are milliseconds.", times("ms"), lambda c: c.create()["created_at"], TIME, 1732589296000),
    "time-month-for-minute": Fault(
        "Times show the month where the minute belongs.",
        times('datetime.fromtimestamp(ms // 1000, KOREA).strftime("%Y-%m-%dT%H:%m:%S+09:00")'),
        lambda c: c.create()["created_at"],
        TIME,
        "2024-11-26T11:11:16+09:00",
    ),
    "time-of-1970": Fault(
        "Milliseconds are divided by 1000 twice.",
        times("datetime.fromtimestamp(ms // 1000 // 1000, KOREA).isoformat()"),
        lambda c: c.create()["created_at"][:10],
        "2024-11-26",
        "1970-01-21",
    ),
    "created-at-moves": Fault(
        "created_at is the moment of the look.",
        [
            ("    start_ms + :stage AS end_ms,", "    start_ms + :stage AS end_ms, :now AS looked_ms,"),
            ('        "created_at": moment(row["created_ms"]),\n', '        "created_at": moment(row["looked_ms"]),\n'),
        ],
        lambda c: [c.create()["created_at"], c.wait(60_000).get()["created_at"]],
        [TIME, TIME],
        [TIME, "2024-11-26T11:49:16+09:00"],
    ),
    "created-at-differs-in-get": Fault(
        "getTask shows the time of Greenwich, called Korean, and createTask the right one.",
        [
            (
                "        **summary(site, row),\n",
                '        **summary(site, row),\n        "created_at": moment(row["created_ms"] - 9 * 3_600_000),\n',
            )
        ],
        lambda c: c.create()["created_at"] == c.get()["created_at"],
        True,
        False,
    ),
    "completed-at-from-the-start": Fault(
        "completed_at is there before the end.",
        [(COMPLETED_AT, '"completed_at": moment(row["end_ms"]),')],
        lambda c: c.make().get()["completed_at"],
        None,
        "2024-11-26T11:48:17+09:00",
    ),
    "completed-at-never": Fault(
        "completed_at stays null.",
        [(COMPLETED_AT, '"completed_at": None,')],
        lambda c: finished(c)["completed_at"],
        "2024-11-26T11:48:17+09:00",
        None,
    ),
    "completed-at-is-empty": Fault(
        "completed_at is an empty string until the end.",
        [(COMPLETED_AT, COMPLETED_AT.replace("else None", 'else ""'))],
        lambda c: c.make().get()["completed_at"],
        None,
        "",
    ),
    "completed-before-created": Fault(
        "completed_at is nine hours too early.",
        [(COMPLETED_AT, COMPLETED_AT.replace('row["end_ms"]', 'row["end_ms"] - 9 * 3_600_000'))],
        lambda c: finished(c)["completed_at"] >= c.get()["created_at"],
        True,
        False,
    ),
    "completed-at-moves": Fault(
        "completed_at is the moment of the look.",
        [("    start_ms + :stage AS end_ms,", "    :now AS end_ms,")],
        lambda c: [finished(c)["completed_at"], c.wait(60_000).get()["completed_at"]],
        ["2024-11-26T11:48:17+09:00"] * 2,
        ["2024-11-26T11:48:17+09:00", "2024-11-26T11:49:17+09:00"],
    ),
}
