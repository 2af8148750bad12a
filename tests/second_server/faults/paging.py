"""Faults with index and limit."""

from tests.second_server.patch import Edit, Fault

OK = "200"
REFUSED = "400 None"
CRASH = "500 900"
ABC = ["a", "b", "c"]
NUMBER = '    if not re.fullmatch("[0-9]{1,4000}", text):\n        raise bad(f"{name} must be a whole number from 0.")\n'
LIMITS = "if not 1 <= limit <= 100:"
DEFAULT = 'given.get("limit", "20")'
PAGE = "page(site.db, offset, limit, call.now, site.stage)"
TOTAL = 'total = len(tasks) if site.variant["list-total"] == "page" else count(site.db)'
ANSWER = 'return {"index": index, "limit": limit, "total": total, "tasks": tasks}'


def pages(how: str) -> list[Edit]:
    return [(PAGE, how)]


def thirty(c):
    return c.make(*(f"n{n:02}" for n in range(30)))


PAGING = {
    "index-counts-from-one": Fault(
        "The first task has index 1, and 0 shows the same.",
        pages("page(site.db, max(offset - 1, 0), limit, call.now, site.stage)"),
        lambda c: c.make(*ABC).tasks("index=1").names,
        ["b", "c"],
        ABC,
    ),
    "index-skips-first": Fault(
        "The first task is never shown.",
        pages("page(site.db, offset + 1, limit, call.now, site.stage)"),
        lambda c: c.make(*ABC).tasks().names,
        ABC,
        ["b", "c"],
    ),
    "index-ignored": Fault(
        "The index is ignored.",
        pages("page(site.db, 0, limit, call.now, site.stage)"),
        lambda c: c.make(*ABC).tasks("index=1&limit=1").names,
        ["b"],
        ["a"],
    ),
    "index-negative-accepted": Fault(
        "A negative index counts from the end.",
        [
            (NUMBER, NUMBER.replace('"[0-9]', 'r"-?[0-9]')),
            pages("page(site.db, offset % (count(site.db) + 1), limit, call.now, site.stage)")[0],
        ],
        lambda c: c.tasks("index=-1").short,
        REFUSED,
        OK,
    ),
    "index-huge-crashes": Fault(
        "An index that does not fit the database crashes.",
        [("min(offset, 2**62)", "offset")],
        lambda c: c.tasks(f"index={2**63}").short,
        OK,
        CRASH,
    ),
    "index-beyond-end-refused": Fault(
        "An index beyond the last task is answered with 404.",
        [(f"    {TOTAL}", f'    if index and not tasks:\n        raise RefusedError(404, None, "There are no more tasks.")\n    {TOTAL}')],
        lambda c: c.make("a").tasks("index=5").short,
        OK,
        "404 None",
    ),
    "index-beyond-end-shows-last": Fault(
        "An index beyond the last task shows the last one.",
        pages("page(site.db, max(min(offset, count(site.db) - 1), 0), limit, call.now, site.stage)"),
        lambda c: c.make(*ABC).tasks("index=7").names,
        [],
        ["c"],
    ),
    "index-not-echoed": Fault(
        "The answer always says index 0.",
        [(ANSWER, ANSWER.replace('"index": index', '"index": 0'))],
        lambda c: c.tasks("index=3")["index"],
        3,
        0,
    ),
    "index-echoed-as-text": Fault(
        "Index and limit come back as strings.",
        [(ANSWER, ANSWER.replace('"index": index, "limit": limit', '"index": str(index), "limit": str(limit)'))],
        lambda c: c.tasks("index=3")["index"],
        3,
        "3",
    ),
    "limit-one-too-many": Fault(
        "A page has one task more than asked for.",
        pages("page(site.db, offset, limit + 1, call.now, site.stage)"),
        lambda c: c.make(*ABC).tasks("limit=1").names,
        ["a"],
        ["a", "b"],
    ),
    "limit-one-too-few": Fault(
        "A page has one task less than asked for, unless that is none.",
        pages("page(site.db, offset, max(limit - 1, 1), call.now, site.stage)"),
        lambda c: c.make(*ABC).tasks("limit=2").names,
        ["a", "b"],
        ["a"],
    ),
    "limit-ignored": Fault(
        "A page always has 20 tasks.",
        pages("page(site.db, offset, 20, call.now, site.stage)"),
        lambda c: c.make(*ABC).tasks("limit=1").names,
        ["a"],
        ABC,
    ),
    "limit-is-end": Fault(
        "The limit is used as the index of the end, as in a slice.",
        pages("page(site.db, offset, max(limit - offset, 0), call.now, site.stage)"),
        lambda c: c.make(*ABC).tasks("index=1&limit=2").names,
        ["b", "c"],
        ["b"],
    ),
    "limit-capped-at-25": Fault(
        "A page has at most 25 tasks, whatever the limit.",
        pages("page(site.db, offset, min(limit, 25), call.now, site.stage)"),
        lambda c: len(thirty(c).tasks("limit=30").names),
        30,
        25,
    ),
    "limit-default-10": Fault(
        "Without a limit there are 10 tasks.", [(DEFAULT, 'given.get("limit", "10")')], lambda c: c.tasks()["limit"], 20, 10
    ),
    "limit-default-100": Fault(
        "Without a limit there are 100 tasks, and the answer says 20.",
        pages('page(site.db, offset, limit if "limit" in call.query else 100, call.now, site.stage)'),
        lambda c: len(thirty(c).tasks().names),
        20,
        30,
    ),
    "limit-0-accepted": Fault(
        "A limit of 0 is accepted.", [(LIMITS, "if not 0 <= limit <= 100:")], lambda c: c.tasks("limit=0").short, REFUSED, OK
    ),
    "limit-0-is-default": Fault(
        "A limit of 0 counts as none.", [(LIMITS, "limit = limit or 20\n    " + LIMITS)], lambda c: c.tasks("limit=0").short, REFUSED, OK
    ),
    "limit-100-refused": Fault(
        "A limit of 100 is refused.", [(LIMITS, "if not 1 <= limit < 100:")], lambda c: c.tasks("limit=100").short, OK, REFUSED
    ),
    "limit-101-accepted": Fault(
        "A limit of 101 is accepted.", [(LIMITS, "if not 1 <= limit <= 101:")], lambda c: c.tasks("limit=101").short, REFUSED, OK
    ),
    "limit-clamped": Fault(
        "A limit out of range is put into the range.",
        [(LIMITS, "limit = max(1, min(limit, 100))\n    " + LIMITS)],
        lambda c: [c.tasks("limit=0").short, c.tasks("limit=500").short],
        [REFUSED, REFUSED],
        [OK, OK],
    ),
    "limit-text-is-default": Fault(
        "A limit or index that is no number counts as none.",
        [(NUMBER, '    if not re.fullmatch("[0-9]{1,4000}", text):\n        return 20 if name == "limit" else 0\n')],
        lambda c: [c.tasks("limit=ten").short, c.tasks("index=x").short],
        [REFUSED, REFUSED],
        [OK, OK],
    ),
    "limit-begins-with-number": Fault(
        "A limit that only begins with a number is accepted.",
        [(NUMBER, '    if not re.match("[0-9]+", text):\n        raise bad(name)\n    text = re.match("[0-9]+", text)[0]\n')],
        lambda c: [c.tasks("limit=ten").short, c.tasks("limit=5x").short],
        [REFUSED, REFUSED],
        [REFUSED, OK],
    ),
    "limit-fraction-accepted": Fault(
        "A limit with a fraction is accepted.",
        [
            (NUMBER, '    if not re.fullmatch("[0-9.]+", text):\n        raise bad(name)\n'),
            ("    return int(text)\n", "    return int(float(text))\n"),
        ],
        lambda c: c.tasks("limit=2.5").short,
        REFUSED,
        OK,
    ),
    "limit-text-crashes": Fault("A limit that is no number crashes.", [(NUMBER, "")], lambda c: c.tasks("limit=ten").short, REFUSED, CRASH),
    "limit-empty-crashes": Fault(
        "A limit without a value crashes.",
        [(NUMBER, "    text[0]\n" + NUMBER)],
        lambda c: [c.tasks("limit=x").short, c.tasks("limit=").short],
        [REFUSED, REFUSED],
        [REFUSED, CRASH],
    ),
    "query-unknown-crashes": Fault(
        "A parameter nobody knows crashes the list.",
        [("    index = whole_number(", '    assert set(given) <= {"index", "limit"}\n    index = whole_number(')],
        lambda c: c.tasks("page=2").short,
        OK,
        CRASH,
    ),
}
