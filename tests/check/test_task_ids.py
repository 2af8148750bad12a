"""A server may choose any text as the ID of a task: no ID becomes another path, breaks a file or controls a terminal."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nclue_contract.check.ledger import delete_remaining, read_ledger
from nclue_contract.check.requests import delete_request, get_request
from nclue_contract.check.task_ids import why_unusable
from nclue_contract.cli.main import main
from tests.check.test_ledger import OURS, Server, remains
from tests.support.payloads import TASK
from tests.support.stub_servers import answering, listening, response, url
from tests.support.waiting import skip_pauses

REASON = "cannot be put into the path of a request"
DOTS, BLANK, CONTROL = "it is, or contains, a dot segment", "it is blank", "it holds a control character"
UNUSABLE = {
    "": "it is empty",
    " ": BLANK,
    "\u3000": BLANK,
    "%20": BLANK,
    ".": DOTS,
    "..": DOTS,
    " .. ": DOTS,
    "../x": DOTS,
    "x/..": DOTS,
    "a/./b": DOTS,
    "..\\x": DOTS,
    "..;x": DOTS,
    "%2e%2e": DOTS,
    "%2E": DOTS,
    "%252e%252E%252fx": DOTS,
    "..%2fx": DOTS,
    "..%5cx": DOTS,
    "a\0": CONTROL,
    "a\nb": CONTROL,
    "a\r\nDELETE /api/v1/tasks/": CONTROL,
    "\x1b[2J\x1b]0;owned\x07": CONTROL,
    "a\x7f": CONTROL,
    "a\x9b2J": CONTROL,
    "a%00": CONTROL,
    "a%0d%0a": CONTROL,
    "\ud800": "it holds a lone surrogate",
    "x" * 2001: "it has more than 2,000 characters in percent-encoding",
    "가" * 223: "it has more than 2,000 characters in percent-encoding",
    "y" * 1_000_000: "it has more than 2,000 characters in percent-encoding",
}
USABLE = {
    "f5aebc0c-0000-4000-8000-b201bc64b1c9": "f5aebc0c-0000-4000-8000-b201bc64b1c9",
    "17": "17",
    "a/b": "a%2Fb",
    "/": "%2F",
    "a?b": "a%3Fb",
    "a#b": "a%23b",
    "a%2Fb": "a%252Fb",
    "100%": "100%25",
    "-rf": "-rf",
    "...": "...",
    ".a": ".a",
    "a..": "a..",
    "a b": "a%20b",
    "$(id)`id`;'\"": "%24%28id%29%60id%60%3B%27%22",
    "::error::x": "%3A%3Aerror%3A%3Ax",
    "<script>": "%3Cscript%3E",
    "학습": "%ED%95%99%EC%8A%B5",
    "\u202e\u200b": "%E2%80%AE%E2%80%8B",
    "x" * 2000: "x" * 2000,
}


def short(value):
    return repr(value)[:30]


@pytest.mark.parametrize(("task_id", "reason"), UNUSABLE.items(), ids=short)
def test_an_id_that_would_be_another_path_gets_no_request(task_id, reason):
    assert why_unusable(task_id) == f"{REASON}: {reason}"
    for build in (get_request, delete_request):
        with pytest.raises(ValueError, match=f"a task ID {REASON}"):
            build(task_id)


@pytest.mark.parametrize(("task_id", "segment"), USABLE.items(), ids=short)
def test_any_other_id_is_one_segment_of_a_path(task_id, segment):
    assert why_unusable(task_id) == ""
    assert get_request(task_id).path == delete_request(task_id).path == f"/tasks/{segment}"


@given(st.text() | st.lists(st.sampled_from([".", "/", "\\", "%2e", "%2F", "%25", ";", " ", "a"])).map("".join))
def test_every_id_is_one_segment_or_none(task_id):
    if not why_unusable(task_id):
        assert re.fullmatch(r"/tasks/([A-Za-z0-9_.~-]|%[0-9A-F]{2})+", get_request(task_id).path)
        assert get_request(task_id).path not in {"/tasks/.", "/tasks/.."}


# -- cleaning up --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task_id", UNUSABLE, ids=short)
def test_a_clean_up_sends_nothing_for_an_unusable_id(task_id):
    server = Server({})
    cleaned = delete_remaining(remains(task_id, "1"), server, 0)
    assert (cleaned.deleted, cleaned.left) == (["1"], [task_id])
    assert server.sent == ["DELETE /tasks/1"]


@pytest.mark.parametrize("task_id", UNUSABLE, ids=short)
def test_a_task_that_the_list_has_under_an_unusable_id_is_named_and_not_deleted(task_id):
    server = Server({task_id: OURS, "1": OURS})
    cleaned = delete_remaining(remains(uncertain=[OURS]), server, 0)
    assert (cleaned.deleted, cleaned.unusable, cleaned.left) == (["1"], [OURS], [])
    assert [line for line in server.sent if not line.startswith("GET /tasks?")] == ["DELETE /tasks/1"]


# -- a check ------------------------------------------------------------------------------------------------------------------------------


class Naming:
    """A server that gives the tasks it creates these IDs, one after the other, and remembers the paths of the other requests."""

    def __init__(self, *task_ids):
        self.task_ids, self.created, self.asked = task_ids, [], []

    def __call__(self, request):
        path = request.target.partition("?")[0]
        if request.method == "POST":
            task = TASK | {"task_name": json.loads(request.body)["name"], "task_id": self.task_ids[len(self.created) % len(self.task_ids)]}
            self.created.append(task)
            return response(200, task)
        if request.method == "GET" and path == "/tasks":
            return response(200, {"index": 0, "limit": 100, "total": 0, "tasks": self.created[:100]})
        self.asked.append((request.method, path))
        return response(404, {"error": {"errorCode": "300", "message": "NOT_FOUND", "details": None}})


ONLY = [word for rule in ("NC110", "NC200", "NC407") for word in ("--only", rule)]


def checked(server, monkeypatch, capsys, *options):
    """Check a server; return the exit code, the JSON report, and everything else that was written, by its name."""
    skip_pauses(monkeypatch)  # tasks are polled with pauses, which do not matter here
    reports = [word for form in ("text", "jsonl", "junit", "github", "html") for word in ("--report", f"{form}:report.{form}")]
    with listening(answering(server)) as port:
        code = main(["check", url(port), *ONLY, "--ledger", "ledger", "--lifecycle-timeout", "1", "--format", "json", *reports, *options])
        out, err = capsys.readouterr()
        written = {path.name: path.read_bytes() for path in Path().iterdir()}
        main(["cleanup", "ledger"]) if "ledger" in written else None
        after = capsys.readouterr()
    return code, json.loads(out), written | {"terminal": (err + "".join(after)).encode()}


def test_an_unusable_id_is_a_finding_and_gets_no_request(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    first = ["", "..", "%2e%2e", "a\0", "\x1b[2J\x1b]0;owned\x07", "\ud800", "x" * 2001, "."]
    server = Naming(*first)
    code, report, written = checked(server, monkeypatch, capsys)
    assert code == 1
    found = [failure for failure in report["failures"] if failure["rule"] == "NC405" and failure["pointer"] == "/task_id"]
    assert (found[0]["case"], found[0]["message"]) == ("control[a valid creation]", f"task_id {REASON}: it is empty")
    expected = {f"task_id {REASON}: {UNUSABLE[task_id]}" for task_id in first[: len(server.created)]}
    assert {failure["message"] for failure in found} == expected
    assert len(server.created) >= 4
    # Whatever is asked for is an ID of our own that no task has.
    unknown = re.compile(r"/tasks/[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|/tasks/%27%20OR%20%271%27%3D%271")
    assert [path for method, path in server.asked if method == "DELETE" and not unknown.fullmatch(path)] == []
    assert not {path for _, path in server.asked} & {"/tasks/.", "/tasks/..", "/tasks/%2E", "/tasks/%252e%252e"}
    reasons = {case["case"]: case["reason"] for case in report["cases"] if case["state"] == "untested"}
    assert reasons["access[unsigned look]"] == f"the ID of every task of this run {REASON}"
    assert f"{len(server.created)} tasks of this run cannot be deleted: the ID {REASON}" in report["notes"]
    assert f"the ID of the task named {server.created[0]['task_name']!r} {REASON}" in written["terminal"].decode()
    assert all(b"\x1b" not in text and b"\0" not in text for text in written.values())
    assert all(len(text) < 400_000 for text in written.values())


def test_an_odd_id_is_asked_for_and_deleted_under_its_own_path(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    server = Naming(*USABLE, *map(str, range(100)))
    _, report, written = checked(server, monkeypatch, capsys)
    created = [task["task_id"] for task in server.created]
    assert len(created) >= 4
    assert {("DELETE", f"/tasks/{USABLE[task_id]}") for task_id in created if task_id in USABLE} <= set(server.asked)
    assert not any(REASON in failure["message"] for failure in report["failures"])
    (tmp_path / "again").write_bytes(written["ledger"])
    assert read_ledger(tmp_path / "again").task_ids == ()


@pytest.mark.parametrize("task_id", [None, 7, ["a"]], ids=short)
def test_an_id_that_is_no_text_gets_no_request(task_id, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    server = Naming(task_id)
    code, report, _ = checked(server, monkeypatch, capsys)
    assert code == 1
    assert "NC305" in {failure["rule"] for failure in report["failures"]}
    assert not {path for _, path in server.asked} & {"/tasks/None", "/tasks/null", "/tasks/7", "/tasks/a"}


def test_half_an_id_that_would_be_another_path_gets_no_request(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    server = Naming("..ab")
    _, report, _ = checked(server, monkeypatch, capsys)
    half = next(case for case in report["cases"] if case["case"] == "unknown[get: the beginning of an ID]")
    assert half["reason"] == f"half an ID {REASON}"
    assert ("GET", "/tasks/..") not in server.asked


def test_what_a_server_says_cannot_control_a_terminal(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    refused = response(422, {"error": {"errorCode": "\x1b[2J\x1b]0;owned\x07", "message": "x", "details": None}})
    with listening(answering(lambda _: refused)) as port:
        for words in (["probe", url(port)], ["check", url(port)], ["check", url(port), "--quiet"]):
            assert main(words) == 3
            out, err = capsys.readouterr()
            assert "\\x1b[2J" in out + err
            assert "\x1b" not in out + err
