"""The ledger: on disk before a task exists, and enough to find every task again, whatever was cut off."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nclue_contract.check.ledger import Ledger, LedgerContents, delete_remaining, read_ledger
from nclue_contract.check.requests import Exchange

ABOUT = {"url": "http://127.0.0.1:8000/api/v1", "signed_prefix": "/api/v1", "run": "abc123"}
OURS = "nclue-check abc123 7"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.jsonl"


def written(path, *lines, about=ABOUT):
    """Write a ledger, each line a method of `Ledger` and its arguments; return what is read back."""
    ledger = Ledger(path, about)
    for method, *arguments in lines:
        getattr(ledger, method)(*arguments)
    ledger.close()
    return read_ledger(path)


# -- what is written and read --------------------------------------------------------------------------------------------------------------


def test_every_line_is_on_disk_before_the_call_returns(path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_size))
    ledger = Ledger(path, ABOUT)
    for step in (lambda: ledger.creating("a"), lambda: ledger.answered("a", "1"), lambda: ledger.deleted("1")):
        step()
        assert synced[-1] == path.stat().st_size
    ledger.close()
    assert len(synced) == len(set(synced)) == 4


def test_a_ledger_is_json_lines_with_what_a_clean_up_needs(path):
    written(path, ("creating", "한글"), ("answered", "한글", "1"), ("deleted", "1"))
    lines = [json.loads(line) for line in path.read_text("ascii").splitlines()]
    assert lines == [{"ledger": 1, **ABOUT}, {"creating": "한글"}, {"answered": "한글", "task_id": "1"}, {"deleted": "1"}]


def test_an_old_ledger_is_never_written_over(path):
    path.write_text("precious")
    with pytest.raises(FileExistsError):
        Ledger(path, ABOUT)
    assert path.read_text() == "precious"


@pytest.mark.parametrize(
    ("lines", "task_ids", "uncertain"),
    [
        ([], (), ()),
        ([("creating", "a")], (), ("a",)),
        ([("creating", "a"), ("answered", "a", "1")], ("1",), ()),
        ([("creating", "a"), ("answered", "a", None)], (), ()),
        ([("creating", "a"), ("answered", "a", "1"), ("deleted", "1")], (), ()),
        ([("creating", "a"), ("answered", "a", "1"), ("creating", "b"), ("answered", "b", "2"), ("deleted", "1")], ("2",), ()),
        ([("creating", "a"), ("creating", "a"), ("answered", "a", None)], (), ("a",)),
        ([("creating", "a"), ("creating", "a"), ("answered", "a", "1"), ("answered", "a", None)], ("1",), ()),
        ([("deleted", "nobody's")], (), ()),
        ([("creating", "")], (), ()),
    ],
    ids=[
        "nothing happened",
        "no answer was written down",
        "a task",
        "a refusal",
        "a task that is gone",
        "one of two is gone",
        "a second try was refused, since the first may have made the task",
        "two at the same moment",
        "a stranger was deleted",
        "a body without a name",
    ],
)
def test_what_is_left_follows_from_the_lines(path, lines, task_ids, uncertain):
    remains = written(path, *lines)
    assert (remains.url, remains.signed_prefix, remains.run) == (ABOUT["url"], "/api/v1", "abc123")
    assert (remains.task_ids, remains.uncertain) == (task_ids, uncertain)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Write a ledger of nine tasks, in a folder of its own."""
    path = tmp_path_factory.mktemp("whole") / "ledger.jsonl"
    written(path, *[line for n in range(9) for line in (("creating", f"name {n} é"), ("answered", f"name {n} é", f"id {n}"))])
    return path, path.read_bytes()


@given(st.integers(0, 10_000))
def test_a_ledger_that_was_cut_anywhere_omits_no_create_request(whole, cut):
    """Of what stands in whole lines before the cut, everything that may be there is found."""
    path, data = whole
    head = data.index(b"\n") + 1
    undeletable = data[: head + cut % (len(data) - head + 1)]
    path.write_bytes(undeletable)
    lines = [json.loads(line) for line in undeletable.split(b"\n")[1:] if line.endswith(b"}")]
    remains = read_ledger(path)
    assert set(remains.task_ids) == {line["task_id"] for line in lines if "answered" in line}
    assert set(remains.uncertain) == {line["creating"] for line in lines if "creating" in line} - {line.get("answered") for line in lines}


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", "hello", '{"ledger": 2, "url": "http://h"}', '{"ledger": 1}', '{"ledger": 1, "url": 7}', "[" * 100_000]
)
def test_a_file_that_is_no_ledger_is_rejected(path, text):
    path.write_text(text)
    with pytest.raises(ValueError, match=r"ledger\.jsonl is not a ledger of a check, or one of another version$"):
        read_ledger(path)


def test_bytes_that_are_no_text_do_not_hide_the_lines_around_them(path):
    written(path, ("creating", "a"), ("answered", "a", "1"))
    path.write_bytes(path.read_bytes() + b'\xff\xfe\n{"creating": "b"}\n' + b'{"creating": "c')
    assert read_ledger(path).task_ids == ("1",)
    assert read_ledger(path).uncertain == ("b",)


def test_a_file_that_is_not_there_is_reported(path):
    with pytest.raises(ValueError, match=r"^the ledger .* cannot be read: No such file or directory$"):
        read_ledger(path)


def test_an_empty_signed_path_is_something_else_than_none(path):
    assert written(path, about=ABOUT | {"signed_prefix": ""}).signed_prefix == ""
    Path(path).unlink()
    assert written(path, about={"url": "http://h/x"}).signed_prefix is None


# -- cleaning up ---------------------------------------------------------------------------------------------------------------------------


class Server:
    """A transport to tasks in memory: IDs with their names. `statuses` replace the statuses of the next responses."""

    prefix = "/api/v1"
    exact_clock = True

    def __init__(self, tasks, statuses=(), *, undeletable=(), by_page=False):
        self.tasks, self.statuses, self.undeletable, self.by_page = dict(tasks), list(statuses), undeletable, by_page
        self.sent, self.slept = [], []

    def now_ms(self):
        return 0

    def sleep(self, seconds):
        self.slept.append(seconds)

    def send(self, request):
        self.sent.append(f"{request.method} {request.path}")
        status = self.statuses.pop(0) if self.statuses else 200
        value = {}
        if status == 200 and request.method == "GET":
            index, limit = (int(part.partition("=")[2]) for part in request.path.partition("?")[2].split("&"))
            start = index * (limit if self.by_page else 1)
            items = list(self.tasks.items())[start : start + limit]
            value = {"tasks": [{"task_id": task_id, "task_name": name} for task_id, name in items]}
        elif status == 200:
            task_id = request.path.rpartition("/")[2]
            status = 409 if task_id in self.undeletable else 200 if self.tasks.pop(task_id, None) else 404
        error = "the connection was closed without a response" if status == 0 else ""
        return [Exchange(request, request.path, 0, 0, status, (), json.dumps(value).encode(), error)]


def remains(*task_ids, uncertain=(), run="abc123"):
    return LedgerContents(ABOUT["url"], "/api/v1", run, task_ids, tuple(uncertain))


def test_tasks_are_deleted_by_their_ids_and_nothing_else_is_touched():
    server = Server({"1": OURS, "2": "somebody's", "3": OURS})
    cleaned = delete_remaining(remains("1", "3", "gone before"), server, 0)
    assert (cleaned.deleted, cleaned.left, cleaned.stop_reason) == (["1", "3", "gone before"], [], "")
    assert server.tasks == {"2": "somebody's"}
    assert server.sent == ["DELETE /tasks/1", "DELETE /tasks/3", "DELETE /tasks/gone%20before"]
    assert server.slept == []


def test_an_interruption_ends_the_clean_up_with_what_was_done():
    server = Server({"1": OURS, "2": OURS})
    send = server.send

    def interrupted(ask):
        if ask.path.endswith("2"):
            raise KeyboardInterrupt
        return send(ask)

    server.send = interrupted
    cleaned = delete_remaining(remains("1", "2"), server, 0)
    assert (cleaned.deleted, cleaned.left, cleaned.stop_reason) == (["1"], ["2"], "interrupted")


def test_a_record_that_cannot_be_written_is_an_error_with_the_path_and_closing_is_none(path, monkeypatch):
    ledger = Ledger(path, ABOUT)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as raised:
        ledger.creating("a")
    assert raised.value.filename == str(path)
    ledger.close()


def test_a_task_that_cannot_be_deleted_yet_is_left():
    cleaned = delete_remaining(remains("1", "2"), Server({"1": OURS, "2": OURS}, undeletable=["1"]), 0)
    assert (cleaned.deleted, cleaned.left, cleaned.stop_reason) == (["2"], ["1"], "")


def test_a_create_request_without_a_response_is_found_by_its_name():
    server = Server({"1": "somebody's", "2": OURS, "3": "nclue-check abc124 7"})
    assert delete_remaining(remains(uncertain=[OURS, "nclue-check abc123 8"]), server, 0).deleted == ["2"]
    assert set(server.tasks) == {"1", "3"}


@pytest.mark.parametrize("by_page", [False, True], ids=["the index counts tasks", "the index counts pages"])
@pytest.mark.parametrize("number", [99, 100, 101, 250, 400])
def test_a_task_is_found_on_every_page_of_the_list(by_page, number):
    tasks = {str(n): f"task {n}" for n in range(number - 1)} | {"last": OURS}
    server = Server(tasks, by_page=by_page)
    assert delete_remaining(remains(uncertain=[OURS]), server, 0).deleted == ["last"]


def test_a_task_that_may_belong_to_another_user_is_named_and_not_deleted():
    server = Server({"1": "京"})
    cleaned = delete_remaining(remains(uncertain=["京"]), server, 0)
    assert (cleaned.deleted, cleaned.left, cleaned.doubtful) == ([], [], ["京"])
    assert set(server.tasks) == {"1"}
    assert delete_remaining(remains(uncertain=[OURS], run=""), Server({"1": OURS}), 0).doubtful == [OURS]


def test_a_list_that_cannot_be_read_is_inconclusive_and_not_a_clean_server():
    cleaned = delete_remaining(remains("1", uncertain=[OURS]), Server({"1": OURS}, [401]), 0)
    assert cleaned.stop_reason == "the list of tasks got 401: the credentials were rejected"
    assert delete_remaining(remains(uncertain=[OURS]), Server({}, [0]), 0).stop_reason == (
        "the list of tasks got no complete response: the connection was closed without a response"
    )


@pytest.mark.parametrize(
    ("status", "stop_reason"),
    [
        (0, "a delete request got no complete response: the connection was closed without a response"),
        (403, "a delete request got 403: the credentials were rejected"),
    ],
)
def test_a_server_that_rejects_deletion_does_not_get_a_request_for_every_task(status, stop_reason):
    server = Server({"1": OURS, "2": OURS}, [status])
    cleaned = delete_remaining(remains("1", "2"), server, 0)
    assert (cleaned.deleted, cleaned.left, cleaned.stop_reason) == ([], ["1", "2"], stop_reason)
    assert len(server.sent) == 1


def test_requests_keep_the_rate_and_wait_where_it_was_too_high():
    server = Server({"1": OURS, "2": OURS})
    delete_remaining(remains("1", "2"), server, 4)
    assert server.slept == [0.25, 0.25]
    server = Server({"1": OURS, "2": OURS}, [200, 429, 429])
    assert delete_remaining(remains("1", "2"), server, 0).deleted == ["1", "2"]
    assert server.slept == [1.0, 1.0, 1.0]
    assert server.sent == ["DELETE /tasks/1", "DELETE /tasks/2", "DELETE /tasks/2", "DELETE /tasks/2"]
