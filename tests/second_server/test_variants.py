"""Each option of each reading in the second implementation, by an exchange whose responses are typed by hand."""

import pytest

from tests.second_server.client import ABSENT, START, TEST
from tests.second_server.connect import FILES, connect
from tests.second_server.server import VARIANTS


def both(*paths):
    """Return the response to each path in the train field, then in the test field."""
    fields = ("train_file_path", "test_file_path")
    return lambda c: [[c.create(f"{field} {number}", **{field: path}).short for number, path in enumerate(paths)] for field in fields]


def rejected_paths(answers):
    return [["422 10104" if rejected else "200" for rejected in answers], ["422 10105" if rejected else "200" for rejected in answers]]


def absent_and_bad(c):
    return [
        c.train("absent&").short,
        c.create(name="n" * 101, train_file_path=ABSENT).short,
        c.train(ABSENT).short,
        c.train("a&/../x").short,
    ]


def three_serial(c):
    c.make("a").wait(100).make("b").wait(100).make("c")
    seen = []
    for at in (1000, 1100, 1200, 1500, 1600, 2000, 2500):
        c.clock.ms = START + at
        seen.append(" ".join(c.get(which)["status"][0] for which in range(3)))
    return seen


BOTH_OPTIONS = {
    "path-characters": (
        both("a=b", "a b", "a~b"),
        {
            "page-2024": rejected_paths([True, False, True]),
            "page-2025": rejected_paths([False, False, True]),
            "page-2026": rejected_paths([False, True, True]),
        },
    ),
    "path-high-codes": (
        both("Ā", "데이터", "🙂", "é", "\x80"),
        {"code-points": rejected_paths([False, False, False, True, True]), "utf8-bytes": rejected_paths([True] * 5)},
    ),
    "path-del": (both("a\x7f", "a"), {"allowed": rejected_paths([False, False]), "forbidden": rejected_paths([True, False])}),
    "path-empty": (both("", "a"), {"allowed": rejected_paths([False, False]), "refused": [["400 None", "200"], ["400 None", "200"]]}),
    "check-order": (
        absent_and_bad,
        {
            "rules-first": ["422 10104", "422 10101", "404 10107", "422 10104"],
            "existence-first": ["404 10107", "404 10107", "404 10107", "404 10107"],
        },
    ),
    "name-unit": (
        lambda c: [c.create(name).short for name in ("🙂" * 50, "🙂" * 50 + "n", "🙂" * 100, "가" * 100, "n" * 101)],
        {
            "code-points": ["200", "200", "200", "200", "422 10101"],
            "utf16": ["200", "422 10101", "422 10101", "200", "422 10101"],
        },
    ),
    "name-edge": (
        lambda c: [c.create("n" * length).short for length in (99, 100, 101)],
        {"100": ["200", "200", "422 10101"], "99": ["200", "422 10101", "422 10101"]},
    ),
    "optional-null": (
        lambda c: [c.create(field, **{field: None}).short for field in TEST] + [c.create(train_bucket=None).short],
        {"accepted": ["200", "200", "200", "400 None"], "refused": ["400 None"] * 4},
    ),
    "unknown-field": (
        lambda c: [c.create(extra=1).short, c.create("b", task_name=None).short, c.create("c").short],
        {"ignored": ["200", "200", "200"], "refused": ["400 None", "400 None", "200"]},
    ),
    "test-triple": (
        lambda c: [
            c.create(f"n{number}", **{field: TEST[field] for field in fields}).short
            for number, fields in enumerate(([], list(TEST), list(TEST)[:1], list(TEST)[1:]))
        ],
        {"independent": ["200"] * 4, "all-or-none": ["200", "200", "400 None", "400 None"]},
    ),
    "empty-id": (
        lambda c: [
            c.create(field, **{field: ""}).short
            for field in ("train_feature_id", "train_bucket", "test_feature_id", "test_bucket", "test_file_path")
        ],
        {"allowed": ["200"] * 5, "refused": ["400 None"] * 4 + ["200"]},
    ),
    "error-shape": (
        lambda c: [c.train("&").json, c.get("nobody").json],
        {
            "nested": [
                {"error": {"errorCode": "10104", "message": "INVALID_CHARACTER_IN_TRAIN_PATH"}},
                {"error": {"errorCode": None, "message": "There is no such task."}},
            ],
            "flat": [
                {"code": "10104", "message": "INVALID_CHARACTER_IN_TRAIN_PATH"},
                {"code": None, "message": "There is no such task."},
            ],
            "nested-code": [
                {"error": {"code": "10104", "message": "INVALID_CHARACTER_IN_TRAIN_PATH"}},
                {"error": {"code": None, "message": "There is no such task."}},
            ],
            "flat-error-code": [
                {"errorCode": "10104", "message": "INVALID_CHARACTER_IN_TRAIN_PATH"},
                {"errorCode": None, "message": "There is no such task."},
            ],
            "flat-msg": [
                {"code": "10104", "msg": "INVALID_CHARACTER_IN_TRAIN_PATH", "data": None},
                {"code": None, "msg": "There is no such task.", "data": None},
            ],
            "response-error": [
                {"responseError": {"returnCode": "10104", "returnMessage": "INVALID_CHARACTER_IN_TRAIN_PATH"}},
                {"responseError": {"returnCode": None, "returnMessage": "There is no such task."}},
            ],
            "status-object": [
                {"status": {"code": "10104", "message": "INVALID_CHARACTER_IN_TRAIN_PATH"}},
                {"status": {"code": None, "message": "There is no such task."}},
            ],
        },
    ),
    "error-code-type": (
        lambda c: [reply["error"]["errorCode"] for reply in (c.train("&"), c.post(b""), c.get("nobody"), c.tasks(late=10**6))],
        {"string": ["10104", "100", None, "10100"], "integer": [10104, 100, None, 10100]},
    ),
    "auth-refusal": (
        lambda c: [c.tasks(late=10**6).json, c.tasks(without="v2").short],
        {
            "nclue": [{"error": {"errorCode": "10100", "message": "ACCESS_DENIED"}}, "401 10100"],
            "gateway": [{"error": {"errorCode": "200", "message": "Authentication Failed"}}, "401 200"],
        },
    ),
    "status-word": (
        lambda c: [*c.make().watch("status"), c.tasks()["tasks"][0]["status"], c.get()["AUROC"], c.delete().short],
        {
            "completed": ["registered", "pending", "in_progress", "completed", "completed", "0.8732", "200"],
            "complete": ["registered", "pending", "in_progress", "complete", "complete", "0.8732", "200"],
        },
    ),
    "list-index": (
        lambda c: [c.make(*"abcde").tasks("index=1&limit=2").names, c.tasks("index=2&limit=2").names, c.tasks("index=2&limit=2")["index"]],
        {"offset": [["b", "c"], ["c", "d"], 2], "page": [["c", "d"], ["e"], 2]},
    ),
    "list-total": (
        lambda c: [c.make(*"abc").tasks("limit=2")["total"], c.tasks("index=2")["total"], c.tasks("index=9")["total"]],
        {"all": [3, 3, 3], "page": [2, 1, 0]},
    ),
    "auroc-type": (
        lambda c: [c.make().get()["AUROC"], c.wait(1500).get()["AUROC"]],
        {"string": [None, "0.8732"], "number": [None, 0.8732]},
    ),
    "queue": (
        three_serial,
        {
            "parallel": ["i p p", "i i p", "i i i", "c i i", "c c i", "c c c", "c c c"],
            "serial": ["i p p", "i p p", "i p p", "c i p", "c i p", "c c i", "c c c"],
        },
    ),
    "request-content-type": (
        lambda c: [
            c.send("POST", "/tasks", b"{", content_type=kind).short
            for kind in ("application/json", "Application/JSON ; charset=utf-8", "application/x-www-form-urlencoded", None)
        ],
        {"any": ["400 100"] * 4, "json-only": ["400 100", "400 100", "400 None", "400 None"]},
    ),
    "timestamp-edge": (
        lambda c: [c.tasks(late=late).short for late in (299_999, 300_000, -300_000, 300_001)],
        {"accepted": ["200", "200", "200", "401 10100"], "refused": ["200", "401 10100", "401 10100", "401 10100"]},
    ),
    "success-status": (
        lambda c: [
            (reply := c.create()).short,
            c.get(reply["task_id"]).short,
            c.tasks().short,
            (gone := c.delete(reply["task_id"])).short,
            len(gone.body),
            gone.type,
        ],
        {"200": ["200", "200", "200", "200", 51, "application/json"], "gateway": ["201", "200", "200", "204", 0, None]},
    ),
    "query-range": (
        lambda c: [
            (reply.short, reply.json.get("index"), reply.json.get("limit"))
            for reply in map(c.tasks, ("limit=0", "limit=101", "index=-1", "limit=x", "index=1.5", "limit=100&index=0"))
        ],
        {
            "refused": [("400 None", None, None)] * 5 + [("200", 0, 100)],
            "clamped": [("200", 0, 1), ("200", 0, 100), ("200", 0, 20), ("200", 0, 20), ("200", 0, 20), ("200", 0, 100)],
        },
    ),
    "name-comparison": (
        lambda c: [c.create(name).short for name in ("café 1", "CAFÉ 1", "cafe 1", "café １", "café 1  ", "café 2", " café 1")],
        {"exact": ["200"] * 7, "collated": ["200", *["409 10102"] * 4, "200", "200"]},
    ),
    "name-after-deletion": (
        lambda c: [c.create("a").short, c.delete().short, c.create("a").short, c.create("b").short],
        {"free": ["200"] * 4, "kept": ["200", "200", "409 10102", "200"]},
    ),
    "absent-fields": (
        lambda c: [
            c.create().json.keys() >= set(TEST),
            *(TEST.keys() & c.get().json.keys(), "AUROC" in c.get().json, "completed_at" in c.tasks()["tasks"][0]),
            *("AUROC" in c.wait(1500).get().json, "fail_message" in c.get().json, "completed_at" in c.tasks()["tasks"][0]),
        ],
        {"null": [True, set(TEST), True, True, True, True, True], "absent": [True, set(), False, False, True, False, True]},
    ),
}


def test_every_reading_and_option_is_tried_below_in_the_same_order():
    assert {reading: tuple(expected) for reading, (_, expected) in BOTH_OPTIONS.items()} == VARIANTS
    assert list(BOTH_OPTIONS) == list(VARIANTS)
    assert len(VARIANTS) == 26


@pytest.mark.parametrize(("reading", "option"), [(reading, option) for reading, options in VARIANTS.items() for option in options])
def test_a_variant_responds_as_its_option_states(reading, option):
    exchange, expected = BOTH_OPTIONS[reading]
    options = {"known_files": FILES} if reading == "check-order" else {}
    assert exchange(connect(variant={reading: option}, **options)) == expected[option]


@pytest.mark.parametrize("reading", list(VARIANTS))
def test_the_first_option_is_the_default(reading):
    exchange, expected = BOTH_OPTIONS[reading]
    options = {"known_files": FILES} if reading == "check-order" else {}
    assert exchange(connect(**options)) == expected[VARIANTS[reading][0]]


def test_in_a_serial_queue_the_next_moves_up_when_a_waiting_task_is_cancelled():
    c = connect(variant={"queue": "serial"})
    c.make("a").wait(300).make("b").wait(100).make("c").wait(50)
    assert c.delete(1).short == "200"  # b, still registered; a has the place from 1000 to 1500
    c.clock.ms = START + 1499
    assert [c.get(0)["status"], c.get(2)["status"]] == ["in_progress", "pending"]
    assert [c.wait(1).get(0)["status"], c.get(2)["status"]] == ["completed", "in_progress"]
    assert c.wait(500).get(2)["status"] == "completed"


def test_in_a_serial_queue_a_deleted_result_changes_nothing_for_the_others():
    c = connect(variant={"queue": "serial"})
    c.make("a", "b", "c").wait(1700)
    assert [c.get(which)["status"] for which in range(3)] == ["completed", "in_progress", "pending"]
    assert c.delete(0).short == "200"
    assert [c.get(which)["status"] for which in (1, 2)] == ["in_progress", "pending"]
    assert c.wait(300).make("d").get(1)["completed_at"] == "2024-11-26T11:48:18+09:00"
    assert [c.get(which)["status"] for which in (2, 3)] == ["in_progress", "registered"]
