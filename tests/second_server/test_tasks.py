"""The second implementation: the lifecycle of its tasks, its lists and its routing. Every value is typed by hand."""

import pytest

from tests.second_server.client import FAILS, START, TEST
from tests.second_server.connect import connect


@pytest.fixture
def c():
    return connect()


# --- what becomes of a task ---


def test_a_task_passes_its_stages_by_the_clock_alone(c):
    c.make()
    assert [
        (c.get()["status"], c.tasks()["tasks"][0]["status"], c.wait(499).get()["status"], c.wait(1).clock.ms - START) for _ in range(4)
    ] == [
        ("registered", "registered", "registered", 500),
        ("pending", "pending", "pending", 1000),
        ("in_progress", "in_progress", "in_progress", 1500),
        ("completed", "completed", "completed", 2000),
    ]
    assert c.wait(10**9).get()["status"] == "completed"


def test_get_task_has_the_seventeen_fields_of_the_page(c):
    created = c.create(**TEST).json
    before = c.get().json
    assert len(before) == 17
    assert before.items() >= created.items()
    assert [before[field] for field in ("completed_at", "AUROC", "line_count", "disk_usage", "fail_message")] == [None] * 5
    after = c.wait(1500).get().json
    assert list(after) == list(before)
    assert after == {
        **created,
        "status": "completed",
        "completed_at": "2024-11-26T11:48:17+09:00",
        "AUROC": "0.8732",
        "line_count": 2001,
        "disk_usage": 65536,
        "fail_message": None,
    }
    assert c.wait(10**6).get().json == after


def test_a_task_from_a_failing_file_fails_with_a_message():
    c = connect(failing_files=frozenset({FAILS}))
    c.make("good").make("bad", train_file_path=FAILS)
    assert c.watch("status") == ["registered", "pending", "in_progress", "failed"]
    seen = c.get().json
    assert [seen[field] for field in ("fail_message", "AUROC", "line_count", "disk_usage")] == [
        "NUM_OF_LABEL_INSUFFICIENT",
        None,
        None,
        None,
    ]
    assert seen["completed_at"] == "2024-11-26T11:48:17+09:00"
    assert c.get(0)["status"] == "completed"
    assert c.delete().short == "200"


@pytest.mark.parametrize(
    ("age", "short"), [(0, "200"), (499, "200"), (500, "409 None"), (1000, "409 None"), (1499, "409 None"), (1500, "200")]
)
def test_a_task_is_deletable_when_registered_or_ended(c, age, short):
    c.make("stays").make("goes").wait(age)
    reply = c.delete()
    assert reply.short == short
    gone = short == "200"
    if gone:
        assert reply.json == {"task_id": c.ids[1]}
    assert (c.get().short, c.delete().short) == (("404 None", "404 None") if gone else ("200", short))
    assert c.tasks().names == (["stays"] if gone else ["stays", "goes"])
    assert c.tasks()["total"] == (1 if gone else 2)


def test_an_id_is_never_reused(c):
    for _ in range(20):
        c.make().delete()
    assert len(set(c.ids)) == 20


def test_an_unknown_id_is_not_found(c):
    c.make()
    for unknown in ("nobody", c.ids[0][:-1], c.ids[0].upper(), "00000000-0000-4000-8000-000000000000", "%FF", "%27", "%00", "*"):
        assert c.get(unknown).short == "404 None"
        assert c.delete(unknown).short == "404 None"
    assert c.get("%" + f"{ord(c.ids[0][0]):02X}" + c.ids[0][1:]).short == "200"


# --- lists and addresses ---


def test_a_list_returns_tasks_in_the_order_of_their_creation(c):
    assert c.tasks().json == {"index": 0, "limit": 20, "total": 0, "tasks": []}
    names = [f"n{number:03}" for number in range(120)]
    c.make(*names)
    assert c.tasks().names == names[:20]
    assert c.tasks("limit=100").names == names[:100]
    assert c.tasks("index=7&limit=1").names == ["n007"]
    beyond = c.tasks("index=115&limit=10").json
    assert (beyond["index"], beyond["limit"], beyond["total"], len(beyond["tasks"])) == (115, 10, 120, 5)
    assert c.tasks(f"index={10**30}").json == {"index": 10**30, "limit": 20, "total": 120, "tasks": []}


def test_an_entry_of_a_list_has_the_thirteen_fields_that_get_task_shows_too(c):
    c.make(**TEST)
    for _ in range(4):
        (entry,) = c.tasks()["tasks"]
        assert len(entry) == 13
        assert c.get().json.items() >= entry.items()
        c.wait(500)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=",
        "limit=ten",
        "limit=2.0",
        "limit=%2B5",
        "limit=٣",
        "index=-1",
        "index=",
        "index=1e1",
        "index=" + "9" * 5000,
    ],
)
def test_paging_out_of_range_is_rejected(c, query):
    target = query.replace("٣", "%D9%A3")
    assert c.tasks(target).short == "400 None"


@pytest.mark.parametrize("path", ["", "/", "/tasks/", "/task", "/tasksx", "/tasks/a/b", "/Tasks", "//tasks", "/tasks%2F"])
def test_an_unknown_address_is_not_found(c, path):
    assert c.send("GET", path).json == {"error": {"errorCode": "300", "message": "Not Found Exception"}}
    assert c.send("GET", path).status == 404


@pytest.mark.parametrize("method", ["PUT", "PATCH", "HEAD", "OPTIONS", "get", "DELETE"])
def test_other_methods_are_not_allowed_on_all_tasks(c, method):
    reply = c.send(method, "/tasks", b"{}")
    assert (reply.short, reply.headers["allow"]) == ("405 None", "GET, POST")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST"])
def test_other_methods_are_not_allowed_on_one_task(c, method):
    reply = c.make().send(method, c.path_of(0), b"{}")
    assert (reply.short, reply.headers["allow"]) == ("405 None", "DELETE, GET")
