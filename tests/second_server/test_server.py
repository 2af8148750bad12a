"""The second implementation with its defaults. Every value is typed by hand from the pages."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.second_server.client import ABSENT, START, TASK, TEST, Clock
from tests.second_server.connect import FILES, connect
from tests.second_server.server import SecondServer
from tests.support.signing import ACCESS

KOREAN_TIME = "2024-11-26T11:48:16+09:00"


@pytest.fixture
def c():
    return connect()


# --- the clean server: authentication ---


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        ("POST", "/api/v1/tasks", "cSilA3+iXudyHCy8RVF4308EGdStb/9B3nlcigZ+HiM="),
        ("GET", "/api/v1/tasks?index=0&limit=20", "n3aI6cig/FSAvKujTdMyP3QMZoXT2cD12Z9bsWZtObw="),
        ("GET", "/api/v1/tasks/f5aebc0c-0000-4000-8000-b201bc64b1c9", "qq532LMtNzeFqnqfLTMyyDVsZrcJvIS2PHy9eaDIDdg="),
    ],
)
def test_the_server_accepts_the_signatures_computed_with_other_tools(c, method, target, expected):
    headers = [
        ("X-NCP-APIGW-TIMESTAMP", "1732589296000"),
        ("X-NCP-IAM-ACCESS-KEY", ACCESS),
        ("X-NCP-APIGW-SIGNATURE-V2", expected),
    ]
    assert c.handle(method, target, headers, json.dumps(TASK).encode())[0] in {200, 404}
    assert c.handle(method, target, [*headers[:2], (headers[2][0], expected[::-1])], b"")[0] == 401


@pytest.mark.parametrize(
    "how",
    [
        pytest.param({"without": "timestamp"}, id="no timestamp"),
        pytest.param({"without": "access-key"}, id="no key"),
        pytest.param({"without": "signature-v2"}, id="no signature"),
        pytest.param({"late": 300_001}, id="too old"),
        pytest.param({"late": -300_001}, id="too far ahead"),
        pytest.param({"stamp": "soon"}, id="no number"),
        pytest.param({"stamp": "-1"}, id="a negative number"),
        pytest.param({"stamp": "9" * 5000}, id="a number without end"),
        pytest.param({"key": "NOBODY"}, id="an unknown key"),
        pytest.param({"secret": "another"}, id="another secret"),
        pytest.param({"sign_method": "PUT"}, id="signed for another method"),
        pytest.param({"sign_path": "/tasks/1"}, id="signed for another path"),
        pytest.param({"sign_path": "/tasks?"}, id="signed with a question mark"),
        pytest.param({"alter": lambda right: right[:-1]}, id="without padding"),
        pytest.param({"alter": lambda right: "é" + right[1:]}, id="not ASCII"),
        pytest.param({"twice": [("X-Ncp-Apigw-Timestamp", str(START))]}, id="a timestamp twice"),
        pytest.param({"behind": [("x-ncp-iam-access-key", ACCESS)]}, id="a key twice"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_without_access_is_rejected_and_leaves_nothing(c, method, how):
    reply = c.send(method, "/tasks", json.dumps(TASK).encode(), **how)
    assert (reply.status, reply.json) == (401, {"error": {"errorCode": "10100", "message": "ACCESS_DENIED"}})
    assert c.tasks()["total"] == 0


@pytest.mark.parametrize(
    "how", [{"late": 300_000}, {"late": -300_000}, {"rename": str.upper}, {"rename": str.title}, {"content_type": None}]
)
def test_a_request_with_access_is_served(c, how):
    assert c.tasks("limit=5&index=0&x=%35", **how).short == "200"


def test_a_rejected_delete_request_deletes_nothing(c):
    assert c.make().delete(secret="another").short == "401 10100"
    assert c.get().short == "200"


def test_access_is_checked_before_the_body(c):
    assert c.post(b"{", secret="another").short == "401 10100"
    assert c.get("nobody", secret="another").short == "401 10100"


# --- the clean server: creating ---


def test_a_created_task_has_the_eleven_fields_of_the_page(c):
    reply = c.create(**TEST)
    assert (reply.status, reply.type) == (200, "application/json")
    assert reply.json == {
        "task_id": c.ids[0],
        "task_name": "alpha",
        "created_at": KOREAN_TIME,
        "train_feature_id": "f-train",
        "train_feature_name": "feature f-train",
        "train_bucket": "bucket",
        "train_file_path": "data/train.tsv",
        "test_feature_id": "f-test",
        "test_feature_name": "feature f-test",
        "test_bucket": "other",
        "test_file_path": "data/test.tsv",
    }


def test_absent_test_fields_are_null_and_independent_of_each_other(c):
    assert c.create()["test_feature_name"] is None
    partly = c.create("b", test_bucket="t", test_feature_id=None)
    assert [partly[f"test_{field}"] for field in ("feature_id", "feature_name", "bucket", "file_path")] == [None, None, "t", None]


@pytest.mark.parametrize(
    "name", ["a", " ", " a  b ", "n" * 100, "가" * 100, "🙂" * 100, "it's 50% <b>&", "a\0b", "e\u0301", "\t", "{name}"]
)
def test_a_name_of_1_to_100_characters_is_returned_unchanged(c, name):
    assert c.create(name)["task_name"] == name
    assert c.get()["task_name"] == name
    assert c.tasks().names == [name]


@pytest.mark.parametrize(
    ("name", "short"), [("", "400 None"), ("n" * 101, "422 10101"), ("🙂" * 101, "422 10101"), (" " * 101, "422 10101")]
)
def test_a_name_of_another_length_is_rejected(c, name, short):
    assert c.create(name).short == short
    assert c.tasks()["total"] == 0


FORBIDDEN = [*"&$@=;:+,?*\\{}^%`[]<>~#|\"'", *map(chr, range(32)), *map(chr, range(128, 256))]


def test_every_character_of_the_page_is_rejected_in_both_paths_at_any_position(c):
    assert len(FORBIDDEN) == 25 + 32 + 128
    for mark in FORBIDDEN:
        for path in (mark, f"{mark}a", f"a{mark}", f"a/{mark}/b", "x" * 2000 + mark):
            assert c.train(path).short == "422 10104", path
            assert c.test(path).short == "422 10105", path
    assert c.tasks()["total"] == 0


def test_no_other_character_is_rejected_and_paths_are_returned_unchanged(c):
    letters = "abcdefghijklmnopqrstuvwxyz"
    for number, mark in enumerate([*letters, *letters.upper(), *"0123456789 !()-./_", "\x7f", "Ā", "데", "ａ", "＆", "🙂"]):
        path = f" /{mark}//../{mark} "
        assert (
            c.create(f"n{number}", train_file_path=path, test_file_path=path).json.items()
            >= {
                "train_file_path": path,
                "test_file_path": path,
            }.items()
        )


@pytest.mark.parametrize(
    "empty", ["train_feature_id", "train_bucket", "train_file_path", "test_feature_id", "test_bucket", "test_file_path"]
)
def test_an_empty_string_is_accepted_and_returned(c, empty):
    assert c.create(**{empty: ""})[empty] == ""


@pytest.mark.parametrize("field", list(TASK))
def test_a_required_field_must_be_there_and_a_string(c, field):
    document = {key: value for key, value in TASK.items() if key != field}
    assert c.post(document).short == "400 None"
    for value in (None, 1, 1.5, True, [], ["a"], {}):
        assert c.post({**TASK, field: value}).short == "400 None"
    assert c.tasks()["total"] == 0


@pytest.mark.parametrize("field", list(TEST))
def test_an_optional_field_must_be_null_or_a_string(c, field):
    for value in (1, 1.5, False, [], {}):
        assert c.post({**TASK, field: value}).short == "400 None"
    assert c.post({**TASK, field: None})[field] is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{} x",
        b"{'name': 'a'}",
        b'{"name": "a",}',
        b'{"x": NaN}',
        b'{"x": -Infinity}',
        b'{"name": "\xff"}',
        b'{"name": "a\tb"}',
        b'{"name": "\\ud800"}',
        b"\xef\xbb\xbf{}",
        '{"name": "a"}'.encode("utf-16"),
        b"[" * 200_000,
    ],
)
def test_what_is_no_json_in_utf_8_is_a_bad_request(c, body):
    assert c.post(body).short == "400 100"


@pytest.mark.parametrize("body", [b"null", b"[]", b"[{}]", b'"a"', b"1", b"true", b"{}"])
def test_json_that_is_no_task_is_rejected_without_a_code(c, body):
    assert c.post(body).json["error"]["errorCode"] is None


def test_unknown_fields_are_ignored_and_of_two_equal_ones_the_last_counts(c):
    assert c.create(extra={"deep": [1]}).short == "200"
    twice = json.dumps(TASK).replace('"alpha"', '"first", "name": "last"').encode()
    assert c.post(twice)["task_name"] == "last"


def test_a_body_over_one_mebibyte_is_too_large(c):
    def padded(size):
        return c.post(json.dumps(TASK).encode().ljust(size))

    assert padded(1024 * 1024 + 1).short == "413 430"
    assert padded(1024 * 1024).short == "200"


def test_exactly_the_same_name_is_in_use_until_its_task_is_deleted(c):
    c.make("Café")
    for other in ("café", "Cafe", "Cafe\u0301", "Café ", " Café", "Caf_", "Caf%"):
        assert c.create(other).short == "200"
    for stage in range(5):
        assert c.create("Café", train_bucket=f"b{stage}").json == {"error": {"errorCode": "10102", "message": "DUPLICATE_NAME"}}
        c.wait(500)
    assert c.delete(0).short == "200"
    assert c.create("Café").short == "200"


def test_files_and_features_must_be_known_if_the_server_has_a_list():
    c = connect(known_files=FILES, known_features=frozenset({"f-train"}))
    assert c.create().short == "200"
    assert c.create("b", test_file_path="data/test.tsv", test_feature_id="f-train").short == "200"
    assert c.create("c", train_file_path=ABSENT).json == {"error": {"errorCode": "10107", "message": "TRAIN_PATH_NOT_FOUND"}}
    assert c.create("c", test_file_path=ABSENT).json == {"error": {"errorCode": "10108", "message": "TEST_PATH_NOT_FOUND"}}
    assert c.create("c", train_feature_id="f-test").short == "404 None"
    assert c.create("c", test_feature_id="f-test").short == "404 None"
    assert c.tasks().names == ["alpha", "b"]


# --- the clean server: everything else ---


def test_another_prefix_moves_the_addresses():
    clock = Clock()
    server = SecondServer(now_ms=clock, prefix="/v9")
    assert server.handle("GET", "/v9/tasks", [], b"")[0] == 401
    assert server.handle("GET", "/api/v1/tasks", [], b"")[0] == 404


def test_a_crash_inside_is_an_unexpected_error(c):
    c.clock.ms = 10**17  # no calendar goes that far
    assert c.create().json == {"error": {"errorCode": "900", "message": "Unexpected Error"}}
    c.clock.ms = START
    assert c.tasks()["total"] == 0


def test_two_servers_respond_the_same_to_the_same_requests():
    def conversation():
        c = connect()
        return [c.create().body, c.wait(2000).get().body, c.delete().body, c.tasks().body]

    assert conversation() == conversation()


def test_of_many_creating_the_same_name_at_once_one_succeeds():
    c = connect()
    with ThreadPoolExecutor(8) as pool:
        shorts = sorted(pool.map(lambda _: c.create().short, range(40)))
    assert shorts == ["200"] + ["409 10102"] * 39
