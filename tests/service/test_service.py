"""The service by itself: the responses of NCLUE. Codes, words and limits are typed here by hand, from the pages."""

import json
import re

import pytest

from nclue_contract.contract.readings import Readings
from nclue_contract.service.lifecycle import Lifecycle, ProgressMode, Task
from nclue_contract.service.messages import Request
from nclue_contract.service.service import Service
from nclue_contract.service.store import ExternalData, Store
from nclue_contract.signing import Credentials, signed_headers
from tests.support.payloads import FEATURE_ID, OTHER_FEATURE_ID, PAYLOAD, TASK, TEST_FIELDS
from tests.support.signing import ACCESS, SECRET, SIGNATURE, signature
from tests.support.spellings import SPELLINGS

NOW_MS = 1_764_000_000_000
NOW = "2025-11-25T01:00:00+09:00"
KEYS = Credentials(ACCESS, SECRET)
FIRST, SECOND, THIRD = (f"00000000-0000-4000-8000-00000000000{number}" for number in (1, 2, 3))
JSON = (("content-type", "application/json"),)
ELEVEN = [
    "task_id",
    "task_name",
    "created_at",
    "train_feature_id",
    "train_feature_name",
    "train_bucket",
    "train_file_path",
    "test_feature_id",
    "test_feature_name",
    "test_bucket",
    "test_file_path",
]


class Nclue:
    """A service with a clock, and short names for the requests."""

    def __init__(self, *, progress="manual", keys=None, pins=None, **options):
        readings = Readings.choose(("test", pins or {}))
        self.service = Service(keys, readings=readings, progress=ProgressMode.parse(progress), **options)
        self.now_ms = NOW_MS

    def send(self, method, path="", body=b"", headers=JSON):
        return self.service.handle(Request(method, f"/api/v1/tasks{path}", tuple(headers), body), self.now_ms)

    def create(self, **changes):
        """Create a task from the usual payload; None leaves a field out."""
        payload = {name: value for name, value in (PAYLOAD | changes).items() if value is not None}
        return self.send("POST", body=json.dumps(payload).encode())

    def get(self, task_id=FIRST):
        return self.send("GET", f"/{task_id}")

    def delete(self, task_id=FIRST):
        return self.send("DELETE", f"/{task_id}")

    def list(self, query=""):
        return self.send("GET", f"?{query}" if query else "")

    def status(self, task_id=FIRST):
        return self.get(task_id).json()["status"]

    def advance(self, task_id=None, **options):
        return self.service.advance(task_id, now_ms=self.now_ms, **options)


def rejected(response):
    """Status and error code, in the default shape."""
    return response.status, response.json()["error"]["errorCode"]


# -- the operations ---------------------------------------------------------------------------------------------------------------


def test_a_created_task_is_returned_with_the_eleven_fields_of_the_page_in_their_order():
    response = Nclue().create()
    assert (response.status, response.headers) == (200, (("content-type", "application/json"),))
    assert list(response.json()) == ELEVEN
    assert response.json() == TASK | {"task_id": FIRST, "created_at": NOW, "train_feature_name": "feature-0ccc59f9"}


def test_test_fields_are_returned_and_null_and_absent_are_the_same():
    nclue = Nclue()
    response = nclue.create(**TEST_FIELDS).json()
    assert {name: response[name] for name in TEST_FIELDS} == TEST_FIELDS
    body = json.dumps(PAYLOAD | {"name": "nulls", "test_bucket": None, "test_feature_id": OTHER_FEATURE_ID, "more": 1}).encode()
    response = nclue.send("POST", body=body).json()
    assert [response[name] for name in ELEVEN[7:]] == [OTHER_FEATURE_ID, "feature-1ccc59f9", None, None]
    assert "more" not in response


def test_keys_and_fixture_data_of_another_type_are_named():
    with pytest.raises(TypeError, match=r"^keys is a mapping of access keys to secret keys, not an array$"):
        Service([ACCESS, SECRET])
    with pytest.raises(TypeError, match=r"^fixture_data is an ExternalData object, not an object$"):
        Service(fixture_data={})


def test_with_files_no_other_files_exist():
    nclue = Nclue(fixture_data=ExternalData(files=frozenset({PAYLOAD["train_file_path"], "gone"}), unknown_files=frozenset({"gone"})))
    assert nclue.create().status == 200
    assert [rejected(nclue.create(name="n", train_file_path=path)) for path in ("other", "gone")] == [(404, "10107")] * 2


def test_a_task_fails_by_its_name_or_by_its_train_file():
    messages = {"failing_names": {"churn": "COMMON_ERROR"}, "failing_files": {"empty": "NOT_EXIST_FILE"}}
    nclue = Nclue(progress="immediate", fixture_data=ExternalData(**messages))
    nclue.create()
    nclue.create(name="second", train_file_path="empty")
    nclue.create(name="third")
    assert [nclue.get(task_id).json()["fail_message"] for task_id in (FIRST, SECOND, THIRD)] == ["COMMON_ERROR", "NOT_EXIST_FILE", None]
    assert ExternalData(failing_names={"": "A", "x": "B"}).failure({"name": None, "train_file_path": None}) == "A"
    assert ExternalData(failing_files={"": "A", "x": "B"}).failure({"name": None, "train_file_path": None}) == "A"


def test_the_names_of_features_can_be_given():
    nclue = Nclue(fixture_data=ExternalData(feature_names={FEATURE_ID: "purchases"}))
    assert nclue.create().json()["train_feature_name"] == "purchases"


@pytest.mark.parametrize("text", ["이탈 예측", "😀" * 100, '"\\/\u2028\x7f', " padded ", "e\u0301"])
def test_a_name_is_returned_unchanged_in_any_unicode_normalization(text):
    for number, escaped in enumerate((True, False)):
        nclue = Nclue()
        body = json.dumps(PAYLOAD | {"name": text}, ensure_ascii=escaped).encode()
        assert nclue.send("POST", body=body).json()["task_name"] == text, number
        assert nclue.get().json()["task_name"] == text


def test_a_body_is_in_utf_8_without_escapes():
    assert '"task_name": "이탈 예측"'.encode() in Nclue().create(name="이탈 예측").body
    assert Nclue(new_id=lambda: "\ud800").create().body.startswith(b'{"task_id": "\\ud800"')  # which UTF-8 cannot hold


def test_a_task_has_the_seventeen_fields_of_its_page():
    nclue = Nclue()
    nclue.create()
    response = nclue.get()
    assert response.status == 200
    assert set(response.json()) == {*ELEVEN, "status", "completed_at", "AUROC", "line_count", "disk_usage", "fail_message"}
    assert response.json()["status"] == "registered"
    for name in ("completed_at", "AUROC", "line_count", "disk_usage", "fail_message"):
        assert response.json()[name] is None


def test_a_completed_task_has_numbers_and_a_failed_one_a_message():
    nclue = Nclue(progress="immediate", fixture_data=ExternalData(failing_names={"fails": "NUM_OF_LABEL_INSUFFICIENT"}))
    nclue.create()
    nclue.create(name="fails")
    completed, failed = nclue.get().json(), nclue.get(SECOND).json()
    assert (completed["status"], completed["completed_at"], completed["fail_message"]) == ("completed", NOW, None)
    # 0.5 and the sum of the bytes of the name, "churn", in ten thousandths
    assert (completed["AUROC"], completed["line_count"], completed["disk_usage"]) == ("0.5544", 2000, 1_048_576)
    assert (failed["status"], failed["completed_at"], failed["fail_message"]) == ("failed", NOW, "NUM_OF_LABEL_INSUFFICIENT")
    assert (failed["AUROC"], failed["line_count"], failed["disk_usage"]) == (None, None, None)


@pytest.mark.parametrize(("name", "auroc"), [("n" * 45, "0.9950"), ("n" * 46, "0.5060"), ("이탈", "0.6077")])
def test_the_score_of_a_task_is_between_a_half_and_one(name, auroc):
    nclue = Nclue(progress="immediate")
    nclue.create(name=name)
    assert nclue.get().json()["AUROC"] == auroc


def test_a_deleted_task_is_gone_and_its_name_is_free():
    nclue = Nclue()
    nclue.create()
    response = nclue.delete()
    assert (response.status, response.json()) == (200, {"task_id": FIRST})
    assert rejected(nclue.get()) == (404, "300")
    assert rejected(nclue.delete()) == (404, "300")
    assert nclue.list().json()["tasks"] == []
    assert nclue.create().json()["task_id"] == SECOND


@pytest.mark.parametrize(
    ("steps", "status", "allowed"), [(0, "registered", True), (1, "pending", False), (2, "in_progress", False), (3, "completed", True)]
)
def test_a_task_can_be_deleted_when_it_is_registered_or_has_ended(steps, status, allowed):
    nclue = Nclue()
    nclue.create()
    for _ in range(steps):
        nclue.advance()
    assert nclue.status() == status
    response = nclue.delete()
    if allowed:
        assert response.status == 200
    else:
        assert (rejected(response), response.json()["error"]["message"]) == ((409, None), "NOT_DELETABLE")
        assert nclue.status() == status


def test_a_failed_task_can_be_deleted():
    nclue = Nclue()
    nclue.create()
    for _ in range(3):
        nclue.advance(fail_message="COMMON_ERROR")
    assert nclue.status() == "failed"
    assert nclue.delete().status == 200


# -- lists ------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def five():
    nclue = Nclue()
    for number in range(5):
        nclue.create(name=f"n{number}")
    return nclue


def listed(response):
    value = response.json()
    return value["index"], value["limit"], value["total"], [int(task["task_name"][1:]) for task in value["tasks"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", (0, 20, 5, [0, 1, 2, 3, 4])),
        ("index=0&limit=100", (0, 100, 5, [0, 1, 2, 3, 4])),
        ("limit=2", (0, 2, 5, [0, 1])),
        ("index=3", (3, 20, 5, [3, 4])),
        ("index=3&limit=1", (3, 1, 5, [3])),
        ("limit=1&index=4", (4, 1, 5, [4])),
        ("index=5", (5, 20, 5, [])),
        ("index=1" + "0" * 299, (10**299, 20, 5, [])),
        ("sort=name&filter", (0, 20, 5, [0, 1, 2, 3, 4])),
    ],
)
def test_a_list_has_the_requested_part(five, query, expected):
    assert listed(five.list(query)) == expected


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("limit=0", "INVALID_LIMIT"),
        ("limit=101", "INVALID_LIMIT"),
        ("limit=", "INVALID_LIMIT"),
        ("limit=ten", "INVALID_LIMIT"),
        ("limit=1.0", "INVALID_LIMIT"),
        ("limit=%D9%A1", "INVALID_LIMIT"),
        ("index=-1", "INVALID_INDEX"),
        ("index=1" + "0" * 300, "INVALID_INDEX"),
        ("index", "INVALID_INDEX"),
    ],
)
def test_a_list_out_of_range_is_rejected_without_a_code(five, query, message):
    response = five.list(query)
    assert (rejected(response), response.json()["error"]["message"]) == ((400, None), message)
    assert dict(response.headers)["x-nclue-rules"] == "NC505"
    assert response.rules == ("NC505",)


def test_an_item_of_a_list_is_the_task_without_its_results(five):
    task = five.get().json()
    item = five.list("limit=1").json()["tasks"][0]
    assert item == {name: value for name, value in task.items() if name not in {"AUROC", "line_count", "disk_usage", "fail_message"}}


# -- error codes ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "status", "code", "rules"),
    [
        ({"name": "n" * 101}, 422, "10101", "NC111"),
        ({"train_file_path": "a~b"}, 422, "10104", "NC120"),
        ({"test_file_path": "a~b"}, 422, "10105", "NC120"),
        ({"train_file_path": "a~b", "test_file_path": "a~b"}, 422, "10104", "NC120"),
        ({"train_file_path": "gone"}, 404, "10107", None),
        ({"test_file_path": "gone"}, 404, "10108", None),
        ({"train_file_path": "people"}, 422, "10109", None),
        ({"test_file_path": "people"}, 422, "10109", None),
        ({"train_feature_id": "f" * 36}, 404, None, None),
        ({"test_feature_id": "f" * 36}, 404, None, None),
        ({"name": ""}, 400, None, "NC110"),
        ({"name": None}, 400, None, "NC101"),
        ({"train_bucket": 7}, 400, None, "NC102"),
        ({"name": "", "train_file_path": "a~b"}, 400, None, "NC110, NC120"),
        ({"train_file_path": "a~b", "name": "n" * 101}, 422, "10101", "NC111, NC120"),
    ],
)
def test_a_payload_that_breaks_a_rule_is_rejected_with_the_code_of_the_first_one(changes, status, code, rules):
    fixture_data = ExternalData(frozenset({"f" * 36}), frozenset({"gone"}), frozenset({"people"}))
    nclue = Nclue(fixture_data=fixture_data)
    response = nclue.create(**changes)
    assert rejected(response) == (status, code)
    assert dict(response.headers).get("x-nclue-rules") == rules
    assert len(nclue.service.store) == 0
    assert nclue.create().json()["task_id"] in {FIRST, SECOND}


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b"", "NC001"),
        (b"{", "NC001"),
        (json.dumps(PAYLOAD).encode("utf-16"), "NC002"),
        (b"\xff", "NC002"),
        (b"\xef\xbb\xbf" + json.dumps(PAYLOAD).encode(), "NC003"),
        (json.dumps(PAYLOAD).encode()[:-1] + b', "name": "again"}', "NC004"),
        (b"[" * 100_000, "NC006"),
        (b"[]", "NC100"),
        (b'"text"', "NC100"),
        (b"null", "NC100"),
    ],
)
def test_a_body_that_is_no_json_object_is_rejected_as_by_the_gateway(body, rule):
    response = Nclue().send("POST", body=body)
    assert rejected(response) == (400, "100")
    assert dict(response.headers)["x-nclue-rules"].startswith(rule)


def test_a_lone_surrogate_in_a_known_field_is_rejected_and_never_returned():
    response = Nclue().create(name="\ud800")
    assert rejected(response) == (400, "100")
    assert response.body.decode()


def test_a_name_is_in_use_once():
    nclue = Nclue()
    nclue.create()
    assert rejected(nclue.create(train_file_path="another")) == (409, "10102")
    assert nclue.create(name="churn ").status == 200
    assert nclue.create(name="Churn").status == 200


@pytest.mark.parametrize("path", ["/none", "/%", "/%zz", "/a%2Fb", f"/{FIRST}x", f"/{FIRST[:-1]}"])
def test_an_unknown_task_is_not_found(path):
    nclue = Nclue()
    nclue.create()
    assert rejected(nclue.send("GET", path)) == (404, "300")
    assert rejected(nclue.send("DELETE", path)) == (404, "300")


def test_a_task_id_may_come_percent_encoded():
    nclue = Nclue()
    nclue.create()
    assert nclue.send("GET", "/" + FIRST.replace("-", "%2d")).status == 200


@pytest.mark.parametrize(
    "target", ["/", "/tasks", "/api/v1", "/api/v1/tasks/", "/api/v1/tasks/a/b", "/api/v1/task", "/API/v1/tasks", "", "*"]
)
def test_other_paths_are_not_found(target):
    response = Service().handle(Request("GET", target, ()), NOW_MS)
    assert rejected(response) == (404, "300")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("PUT", "", "GET, POST"), ("DELETE", "", "GET, POST"), ("POST", "/x", "DELETE, GET"), ("HEAD", "/x", "DELETE, GET")],
)
def test_other_methods_are_rejected_with_the_allowed_ones(method, path, allowed):
    response = Nclue().send(method, path)
    assert rejected(response) == (405, None)
    assert dict(response.headers)["allow"] == allowed


REJECTIONS = {
    "another path": (lambda nclue: nclue.send("GET", "/a/b"), 404, "300", "Not Found Exception", [("x-nclue-rules", "NC300")]),
    "another method": (
        lambda nclue: nclue.send("PUT"),
        405,
        None,
        "METHOD_NOT_ALLOWED",
        [("allow", "GET, POST"), ("x-nclue-rules", "NC300")],
    ),
    "an unknown ID": (lambda nclue: nclue.delete("x"), 404, "300", "Not Found Exception", []),
    "a name in use": (lambda nclue: nclue.create(), 409, "10102", "DUPLICATE_NAME", []),
    "an empty name": (lambda nclue: nclue.create(name=""), 400, None, "NAME_EMPTY", [("x-nclue-rules", "NC110")]),
    "several rules": (
        lambda nclue: nclue.create(name="n" * 101, train_file_path="~?"),
        422,
        "10101",
        "NAME_TOO_LONG",
        [("x-nclue-rules", "NC111, NC120")],
    ),
    "a limit": (lambda nclue: nclue.list("limit=0"), 400, None, "INVALID_LIMIT", [("x-nclue-rules", "NC505")]),
    "an index": (lambda nclue: nclue.list("index=-1&limit=0"), 400, None, "INVALID_INDEX", [("x-nclue-rules", "NC505")]),
    "a task that is pending": (lambda nclue: nclue.delete(), 409, None, "NOT_DELETABLE", []),
    "no JSON": (lambda nclue: nclue.send("POST", body=b"{"), 400, "100", "Bad Request Exception", [("x-nclue-rules", "NC001")]),
    "an unknown feature": (lambda nclue: nclue.create(name="x", train_feature_id=OTHER_FEATURE_ID), 404, None, "FEATURE_NOT_FOUND", []),
    "an unknown file": (lambda nclue: nclue.create(name="x", train_file_path="u"), 404, "10107", "TRAIN_PATH_NOT_FOUND", []),
    "an unknown test file": (lambda nclue: nclue.create(name="x", test_file_path="u"), 404, "10108", "TEST_PATH_NOT_FOUND", []),
    "personal data": (lambda nclue: nclue.create(name="x", train_file_path="p"), 422, "10109", "PERSONAL_DATA_NOT_ALLOWED", []),
    "a full store": (lambda nclue: nclue.create(name="x"), 503, "500", "Endpoint Error", []),
    "no TLS": (
        lambda nclue: nclue.service.handle(Request("GET", "/api/v1/tasks", (), without_tls=True), NOW_MS),
        400,
        "100",
        "Bad Request Exception",
        [("x-nclue-rules", "NC300")],
    ),
}


@pytest.mark.parametrize(("call", "status", "code", "message", "headers"), REJECTIONS.values(), ids=REJECTIONS)
def test_a_rejection_to_the_letter(call, status, code, message, headers):
    data = ExternalData(frozenset({OTHER_FEATURE_ID}), frozenset({"u"}), frozenset({"p"}))
    nclue = Nclue(store=Store(max_tasks=1), fixture_data=data)
    nclue.create()
    nclue.advance()
    response = call(nclue)
    assert (response.status, response.json()) == (status, {"error": {"errorCode": code, "message": message}})
    assert [*response.headers] == [("content-type", "application/json"), *headers]
    rules = [value for name, value in headers if name == "x-nclue-rules"]
    assert [", ".join(response.rules)] == (rules or [""])
    entry = nclue.service.journal()[-1]
    assert entry["rules"] == [*response.rules] == list(dict.fromkeys(finding["rule"] for finding in entry["findings"]))
    assert (entry["number"], entry["status"], "signature" in entry) == (2, status, False)


@pytest.mark.parametrize(
    ("target", "mark_hidden", "signed"),
    [
        ("/x", False, ("/x",)),
        ("/x", True, ("/x", "/x?")),
        ("/x?", False, ("/x?", "/x")),
        ("/x?", True, ("/x?", "/x")),
        ("/x?a", False, ("/x?a",)),
        ("/x?a", True, ("/x?a",)),
    ],
)
def test_an_empty_query_may_be_signed_with_its_question_mark_or_without(target, mark_hidden, signed):
    assert Request("GET", target, (), mark_hidden=mark_hidden).signed_targets == signed


@pytest.mark.parametrize(("size", "expected"), [(1_048_576, (400, "100")), (1_048_577, (413, "430"))])
def test_a_body_of_more_than_a_mebibyte_is_too_large(size, expected):
    nclue = Nclue()
    assert rejected(nclue.send("POST", body=b" " * size)) == expected
    entry = nclue.service.store.journal[-1]
    assert (entry["body_bytes"], len(entry["body"])) == (size, 4096)


def test_a_full_store_accepts_no_more_tasks_until_one_is_deleted():
    nclue = Nclue(store=Store(max_tasks=2))
    nclue.create()
    nclue.create(name="second")
    assert rejected(nclue.create(name="third")) == (503, "500")
    assert rejected(nclue.create()) == (409, "10102")
    nclue.delete()
    assert nclue.create(name="third").status == 200


def test_one_request_per_second_if_that_is_wanted():
    nclue = Nclue(rate_limit=True)
    assert nclue.list().status == 200
    for wait_ms, expected in ((999, 429), (0, 429), (1, 200), (999, 429), (1, 200)):
        nclue.now_ms += wait_ms
        assert nclue.list().status == expected
    assert rejected(nclue.list()) == (429, "420")


def test_an_internal_error_is_a_response_and_not_raised():
    nclue = Nclue()

    def broken(_):
        raise ZeroDivisionError

    nclue.service.serializer.created = broken
    assert rejected(nclue.create()) == (500, "900")
    assert nclue.service.store.journal[-1]["status"] == 500


# -- signatures -------------------------------------------------------------------------------------------------------------------


def signed(nclue, method, path="", at_ms=NOW_MS, credentials=KEYS, signed_path=None):
    target = "/api/v1/tasks" + (path if signed_path is None else signed_path)
    headers = signed_headers(method, target, credentials, at_ms)
    return nclue.send(method, path, headers=tuple(headers.items()))


@pytest.fixture
def guarded():
    return Nclue(keys={KEYS.access_key: KEYS.secret_key})


def test_a_signed_request_passes_and_an_unsigned_one_does_not(guarded):
    assert signed(guarded, "GET", "?limit=1").status == 200
    response = guarded.list()
    assert rejected(response) == (401, "10100")
    assert dict(response.headers)["x-nclue-rules"] == "NC200"


def test_what_was_signed_for_something_else_does_not_pass(guarded):
    assert rejected(signed(guarded, "GET", "?limit=1", signed_path="")) == (401, "10100")
    assert rejected(signed(guarded, "GET", credentials=Credentials("EXAMPLEACCESSKEY0002", KEYS.secret_key))) == (401, "10100")
    assert rejected(signed(guarded, "GET", credentials=Credentials(KEYS.access_key, "EXAMPLEother"))) == (401, "10100")
    assert [entry["rules"] for entry in guarded.service.store.journal] == [["NC208"], ["NC209"], ["NC208"]]


def test_the_usual_mistakes_of_a_signature_are_named_in_a_header(guarded):
    response = signed(guarded, "GET", "?limit=1", signed_path="")
    assert dict(response.headers)["x-nclue-mistakes"] == "query-missing"
    entry = guarded.service.journal()[-1]["signature"]
    assert (entry["reason"], [mistake["id"] for mistake in entry["mistakes"]]) == ("signature-mismatch", ["query-missing"])
    response = signed(guarded, "GET", "?limit=1", at_ms=NOW_MS // 1000, signed_path="")
    assert dict(response.headers)["x-nclue-mistakes"] == "timestamp-seconds, query-missing"
    assert "x-nclue-mistakes" not in dict(signed(guarded, "GET", signed_path="/x").headers)
    with_body = signature("POST", "/api/v1/tasks", NOW_MS, access=f"{ACCESS}\n{{}}")
    headers = signed_headers("POST", "/api/v1/tasks", KEYS, NOW_MS) | {SIGNATURE: with_body}
    assert dict(guarded.send("POST", body=b"{}", headers=headers.items()).headers)["x-nclue-mistakes"] == "body-signed"


@pytest.mark.parametrize(("option", "edge"), [("accepted", 200), ("refused", 401)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_timestamp_may_be_five_minutes_off(option, edge, sign):
    nclue = Nclue(keys={KEYS.access_key: KEYS.secret_key}, pins={"timestamp-edge": option})
    answers = [signed(nclue, "GET", at_ms=NOW_MS + sign * skew).status for skew in (299_999, 300_000, 300_001)]
    assert answers == [200, edge, 401]


def test_without_keys_nothing_needs_a_signature():
    assert Nclue().list().status == 200
    assert rejected(Nclue(keys={}).list()) == (401, "10100")


def test_a_request_that_is_not_signed_does_nothing(guarded):
    assert guarded.create().status == 401
    assert len(guarded.service.store) == 0


# -- readings: every option of each -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reading", "changes", "answers"),
    [
        ("path-characters", {"train_file_path": "a=b"}, {"page-2024": (422, "10104"), "page-2025": None, "page-2026": None}),
        ("path-characters", {"test_file_path": "a b"}, {"page-2024": None, "page-2025": None, "page-2026": (422, "10105")}),
        ("path-high-codes", {"train_file_path": "데이터"}, {"code-points": None, "utf8-bytes": (422, "10104")}),
        ("path-high-codes", {"train_file_path": "é"}, {"code-points": (422, "10104"), "utf8-bytes": (422, "10104")}),
        ("path-del", {"train_file_path": "a\x7f"}, {"allowed": None, "forbidden": (422, "10104")}),
        ("path-empty", {"train_file_path": ""}, {"allowed": None, "refused": (400, None)}),
        ("path-empty", {"test_file_path": ""}, {"allowed": None, "refused": (400, None)}),
        ("check-order", {"train_file_path": "~gone"}, {"rules-first": (422, "10104"), "existence-first": (404, "10107")}),
        ("check-order", {"test_file_path": "~gone"}, {"rules-first": (422, "10105"), "existence-first": (404, "10108")}),
        ("check-order", {"train_file_path": "~"}, {"rules-first": (422, "10104"), "existence-first": (422, "10104")}),
        ("name-unit", {"name": "😀" * 51}, {"code-points": None, "utf16": (422, "10101")}),
        ("name-edge", {"name": "n" * 100}, {"100": None, "99": (422, "10101")}),
        ("name-edge", {"name": "n" * 99}, {"100": None, "99": None}),
        ("unknown-field", {"status": "x"}, {"ignored": None, "refused": (400, None)}),
        ("test-triple", {"test_bucket": "answers"}, {"independent": None, "all-or-none": (400, None)}),
        ("test-triple", TEST_FIELDS, {"independent": None, "all-or-none": None}),
        ("empty-id", {"train_bucket": ""}, {"allowed": None, "refused": (400, None)}),
        ("empty-id", {"test_feature_id": "", "test_bucket": "b", "test_file_path": "p"}, {"allowed": None, "refused": (400, None)}),
    ],
)
def test_a_reading_decides_about_a_payload(reading, changes, answers):
    fixture_data = ExternalData(unknown_files=frozenset({"~gone"}))
    for option, expected in answers.items():
        response = Nclue(pins={reading: option}, fixture_data=fixture_data).create(**changes)
        assert (None if response.status == 200 else rejected(response)) == expected, option


def test_the_reading_optional_null_decides_about_null():
    body = json.dumps(PAYLOAD | {"test_bucket": None}).encode()
    assert Nclue(pins={"optional-null": "accepted"}).send("POST", body=body).status == 200
    assert rejected(Nclue(pins={"optional-null": "refused"}).send("POST", body=body)) == (400, None)


def test_the_reading_request_content_type_decides_about_other_types():
    for given, lenient, strict in (
        ("application/json", 200, 200),
        ("Application/JSON; charset=utf-8", 200, 200),
        ("text/plain", 200, 400),
        (None, 200, 200),
    ):
        headers = () if given is None else (("Content-Type", given),)
        body = json.dumps(PAYLOAD).encode()
        answers = [
            Nclue(pins={"request-content-type": option}).send("POST", body=body, headers=headers).status for option in ("any", "json-only")
        ]
        assert answers == [lenient, strict], given


@pytest.mark.parametrize(
    ("pins", "expected"),
    [
        ({}, {"error": {"errorCode": "300", "message": "Not Found Exception"}}),
        ({"error-code-type": "integer"}, {"error": {"errorCode": 300, "message": "Not Found Exception"}}),
        ({"error-shape": "flat"}, {"code": "300", "message": "Not Found Exception"}),
        ({"error-shape": "flat", "error-code-type": "integer"}, {"code": 300, "message": "Not Found Exception"}),
    ],
)
def test_readings_decide_about_the_shape_of_errors(pins, expected):
    assert Nclue(pins=pins).get().json() == expected


def test_where_no_code_is_documented_the_code_is_null_in_every_shape():
    assert Nclue(pins={"error-shape": "flat", "error-code-type": "integer"}).create(name="").json() == {
        "code": None,
        "message": "NAME_EMPTY",
    }
    assert Nclue(pins={"error-shape": "nested"}).create(name="").json() == {"error": {"errorCode": None, "message": "NAME_EMPTY"}}


def test_the_message_of_a_rejection_is_about_the_first_finding():
    assert Nclue().create(name="", train_file_path="a~b").json()["error"]["message"] == "NAME_EMPTY"


def test_the_reading_auth_refusal_decides_which_component_rejects():
    answers = [rejected(Nclue(keys={}, pins={"auth-refusal": option}).list()) for option in ("nclue", "gateway")]
    assert answers == [(401, "10100"), (401, "200")]


def test_the_reading_status_word_decides_about_the_word_for_ready():
    for option in ("completed", "complete"):
        nclue = Nclue(progress="immediate", pins={"status-word": option})
        nclue.create()
        assert nclue.status() == option
        assert nclue.list().json()["tasks"][0]["status"] == option


def test_the_reading_auroc_type_decides_about_string_or_number():
    values = {}
    for option in ("string", "number"):
        nclue = Nclue(progress="immediate", pins={"auroc-type": option})
        nclue.create()
        values[option] = nclue.get().json()["AUROC"]
    assert values == {"string": "0.5544", "number": pytest.approx(0.5544, rel=1e-9)}


@pytest.mark.parametrize(
    ("index", "total", "expected"),
    [
        ("offset", "all", (1, 2, 5, [1, 2])),
        ("offset", "page", (1, 2, 2, [1, 2])),
        ("page", "all", (1, 2, 5, [2, 3])),
        ("page", "page", (1, 2, 2, [2, 3])),
    ],
)
def test_readings_decide_what_index_and_total_of_a_list_count(index, total, expected):
    nclue = Nclue(pins={"list-index": index, "list-total": total})
    for number in range(5):
        nclue.create(name=f"n{number}")
    assert listed(nclue.list("index=1&limit=2")) == expected
    assert listed(nclue.list("index=2&limit=2"))[3] == ([4] if index == "page" else [2, 3])


def test_the_reading_success_status_decides_about_the_status_of_each_operation():
    for option, expected in (("200", [200, 200, 200, 200]), ("gateway", [201, 200, 200, 204])):
        nclue = Nclue(pins={"success-status": option})
        answers = [nclue.create(), nclue.get(), nclue.list(), nclue.delete()]
        assert [answer.status for answer in answers] == expected
    assert (answers[-1].body, answers[-1].headers) == (b"", ())


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("limit=0", (0, 1, 5, [0])),
        ("limit=101", (0, 100, 5, [0, 1, 2, 3, 4])),
        ("index=-1&limit=2", (0, 2, 5, [0, 1])),
        ("index=4&limit=ten", (4, 20, 5, [4])),
        ("limit=2&index=1" + "0" * 300, (0, 2, 5, [0, 1])),
        ("limit=3&limit=1", (0, 3, 5, [0, 1, 2])),
    ],
)
def test_under_the_reading_query_range_clamped_the_nearest_valid_value_is_used(query, expected):
    nclue = Nclue(pins={"query-range": "clamped"})
    for number in range(5):
        nclue.create(name=f"n{number}")
    assert listed(nclue.list(query)) == expected


@pytest.mark.parametrize("name", ["CHURN", "churn ", "chürn", "ｃｈｕｒｎ"])
def test_the_reading_name_comparison_decides_whether_similar_names_are_the_same(name):
    for option, expected in (("exact", 200), ("collated", 409)):
        nclue = Nclue(pins={"name-comparison": option})
        task_id = nclue.create(name=name).json()["task_id"]
        assert nclue.create().status == expected
        assert nclue.create(name=name).status == 409
        nclue.delete(task_id)
        assert nclue.create().status == (409 if option == "exact" else 200)


def test_the_reading_name_after_deletion_decides_whether_a_name_is_free_again():
    for option, expected in (("free", 200), ("kept", 409)):
        nclue = Nclue(pins={"name-after-deletion": option})
        nclue.create()
        nclue.delete()
        assert nclue.create().status == expected
        nclue.service.reset()
        assert nclue.create().status == 200


def test_of_kept_names_the_oldest_is_released_when_there_are_more_than_two_per_task():
    nclue = Nclue(store=Store(max_tasks=2), pins={"name-after-deletion": "kept"})
    for number in range(5):
        task_id = nclue.create(name=f"n{number}").json()["task_id"]
        assert nclue.service.store.has_name("n0")
        assert nclue.delete(task_id).status == 200
    assert [nclue.service.store.has_name(f"n{number}") for number in range(5)] == [False, True, True, True, True]


def test_a_name_can_be_released_while_its_task_exists():
    nclue = Nclue(pins={"name-comparison": "collated"})
    nclue.create()
    nclue.service.store.release_name("unknown")
    assert nclue.create().status == 409
    nclue.service.store.release_name("CHURN")
    assert nclue.create().status == 200


def test_a_name_that_was_taken_after_it_was_looked_up_is_in_use():
    nclue = Nclue()
    nclue.create()
    nclue.service.store.has_name = lambda _: False
    assert rejected(nclue.create()) == (409, "10102")
    assert len(nclue.service.store) == 1


@pytest.mark.parametrize("field", ["train_file_path", "train_feature_id", "test_file_path", "test_feature_id"])
def test_under_existence_first_a_field_that_is_no_string_is_no_file(field):
    assert rejected(Nclue(pins={"check-order": "existence-first"}).create(**{field: ["a"]})) == (400, None)


@pytest.mark.parametrize("body", [b"", b"[]", b'"train_file_path"'])
def test_under_existence_first_a_body_that_is_no_object_has_no_files(body):
    assert rejected(Nclue(pins={"check-order": "existence-first"}).send("POST", body=body)) == (400, "100")


def test_the_reading_absent_fields_decides_about_fields_without_a_value_outside_of_create():
    nclue = Nclue(progress="immediate", pins={"absent-fields": "absent"})
    assert list(nclue.create().json()) == ELEVEN
    train = [*ELEVEN[:7], "status", "completed_at"]
    assert list(nclue.list().json()["tasks"][0]) == train
    assert list(nclue.get().json()) == [*train, "AUROC", "line_count", "disk_usage"]


def test_the_reading_queue_decides_how_many_are_built_at_a_time():
    for option, expected in (("parallel", ["in_progress", "in_progress"]), ("serial", ["in_progress", "pending"])):
        nclue = Nclue(pins={"queue": option})
        nclue.create()
        nclue.create(name="second")
        nclue.advance()
        nclue.advance()
        assert [nclue.status(), nclue.status(SECOND)] == expected


# -- the lifecycle ----------------------------------------------------------------------------------------------------------------


def test_immediately_a_task_is_ready_when_it_is_read():
    nclue = Nclue(progress="immediate")
    created = nclue.create().json()
    assert "status" not in created
    assert nclue.status() == "completed"
    nclue.create(name="second")
    assert [task["status"] for task in nclue.list().json()["tasks"]] == ["completed", "completed"]


def test_by_seconds_a_task_moves_when_the_time_has_come():
    nclue = Nclue(progress="seconds:0.5")
    nclue.create()
    seen = []
    for wait_ms in (0, 499, 1, 499, 1, 499, 1, 10_000):
        nclue.now_ms += wait_ms
        seen.append(nclue.status())
    assert seen == ["registered", "registered", "pending", "pending", "in_progress", "in_progress", "completed", "completed"]
    assert nclue.get().json()["completed_at"] == "2025-11-25T01:00:01+09:00"


def test_by_seconds_a_task_that_was_not_read_ended_when_it_was_due():
    nclue = Nclue(progress="seconds:60")
    nclue.create()
    nclue.now_ms += 3_600_000
    assert nclue.get().json()["completed_at"] == "2025-11-25T01:03:00+09:00"


def test_by_seconds_the_tasks_of_a_serial_queue_wait_for_each_other():
    nclue = Nclue(progress="seconds:10", pins={"queue": "serial"})
    nclue.create()
    nclue.create(name="second")
    nclue.now_ms += 5_000
    nclue.create(name="third")
    ends = []
    nclue.now_ms += 3_600_000
    ends = [nclue.get(task_id).json()["completed_at"][11:19] for task_id in (FIRST, SECOND, THIRD)]
    # pending after 10 s, the first is built for 10 s, and each of the others for 10 s after the one before
    assert ends == ["01:00:30", "01:00:40", "01:00:50"]


@pytest.mark.parametrize(
    ("queue", "second"),
    [
        ("serial", ["pending", "pending", "pending", "in_progress", "in_progress", "completed"]),
        ("parallel", ["pending", "in_progress", "in_progress", "completed", "completed", "completed"]),
    ],
)
def test_by_seconds_only_a_task_of_a_serial_queue_waits_for_one_that_is_being_built(queue, second):
    nclue = Nclue(progress="seconds:10", pins={"queue": queue})
    nclue.create()
    nclue.create(name="second")
    seen = []
    for wait_ms in (10_000, 10_000, 9_999, 1, 9_999, 1):
        nclue.now_ms += wait_ms
        seen.append((nclue.status(), nclue.status(SECOND)))
    assert seen == list(zip(["pending", "in_progress", "in_progress", "completed", "completed", "completed"], second, strict=True))


def test_by_reads_every_state_is_returned_as_often_as_configured():
    nclue = Nclue(progress="reads:2")
    nclue.create()
    seen = []
    for _ in range(8):
        nclue.now_ms += 60_000  # which does not matter
        seen.append(nclue.status())
    assert seen == ["registered", "registered", "pending", "pending", "in_progress", "in_progress", "completed", "completed"]


def test_by_reads_a_list_is_a_read_of_each_task_on_its_page():
    nclue = Nclue(progress="reads:1")
    nclue.create()
    nclue.create(name="second")
    words = [[task["status"] for task in nclue.list(query).json()["tasks"]] for query in ("limit=1", "", "index=1")]
    assert words == [["registered"], ["pending", "registered"], ["pending"]]


def test_by_reads_a_task_that_has_to_wait_stays_pending():
    nclue = Nclue(progress="reads:1", pins={"queue": "serial"})
    nclue.create()
    nclue.create(name="second")
    assert [nclue.status(SECOND) for _ in range(4)] == ["registered", "pending", "pending", "pending"]
    assert [nclue.status() for _ in range(4)] == ["registered", "pending", "in_progress", "completed"]
    assert [nclue.status(SECOND) for _ in range(2)] == ["in_progress", "completed"]


def test_manually_a_task_moves_only_on_request():
    nclue = Nclue()
    nclue.create()
    nclue.create(name="second")
    nclue.now_ms += 10**9
    assert nclue.status() == "registered"
    assert nclue.advance(FIRST) == 1
    assert [nclue.status(), nclue.status(SECOND)] == ["pending", "registered"]
    assert [nclue.advance() for _ in range(4)] == [2, 2, 1, 0]
    assert nclue.advance("unknown") == 0


def test_by_hand_a_serial_queue_builds_one_after_the_other():
    nclue = Nclue(pins={"queue": "serial"})
    for number in range(3):
        nclue.create(name=f"n{number}")
    seen = []
    for _ in range(5):
        nclue.advance()
        seen.append(" ".join(task["status"] for task in nclue.list().json()["tasks"]))
    assert seen == [
        "pending pending pending",
        "in_progress pending pending",
        "completed in_progress pending",
        "completed completed in_progress",
        "completed completed completed",
    ]


def test_tasks_that_have_ended_are_left_out_of_the_next_move():
    lifecycle = Lifecycle(ProgressMode("manual"))
    tasks = [Task(str(stage), "churn", {}, NOW_MS, stage=stage) for stage in range(5)]
    assert [task.stage for task in lifecycle.tick(tasks, NOW_MS)] == [0, 1, 2]


def test_a_lifecycle_builds_tasks_in_parallel_unless_it_is_serial():
    for options, stages in (({}, [2, 2]), ({"serial": True}, [2, 1])):
        lifecycle = Lifecycle(ProgressMode("manual"), **options)
        tasks = [Task(task_id, task_id, {}, NOW_MS) for task_id in "ab"]
        for task in tasks * 2:
            lifecycle.advance(task, tasks, NOW_MS)
        assert [task.stage for task in tasks] == stages


def test_a_cancelled_task_lets_the_next_one_start():
    nclue = Nclue(pins={"queue": "serial"})
    nclue.create()
    nclue.create(name="second")
    nclue.advance(SECOND)
    assert nclue.advance(SECOND) == 0
    nclue.delete()
    assert nclue.advance(SECOND) == 1
    assert nclue.status(SECOND) == "in_progress"


def test_a_failing_task_passes_the_same_states_first():
    nclue = Nclue(fixture_data=ExternalData(failing_names={"churn": "DUPLICATE_USERID"}))
    nclue.create()
    words = [nclue.status()]
    while nclue.advance():
        words.append(nclue.status())
    assert words == ["registered", "pending", "in_progress", "failed"]
    assert nclue.get().json()["fail_message"] == "DUPLICATE_USERID"


def test_a_message_is_not_returned_before_the_task_has_failed_and_not_set_on_one_that_has_ended():
    nclue = Nclue()
    nclue.create()
    nclue.advance(fail_message="COMMON_ERROR")
    assert nclue.get().json()["fail_message"] is None
    nclue.advance()
    nclue.advance()
    assert nclue.get().json()["fail_message"] == "COMMON_ERROR"
    nclue.create(name="second")
    for _ in range(3):
        nclue.advance(SECOND)
    nclue.advance(SECOND, fail_message="COMMON_ERROR")
    assert (nclue.status(SECOND), nclue.get(SECOND).json()["fail_message"]) == ("completed", None)


def test_moving_by_hand_starts_from_where_the_clock_has_brought_a_task():
    nclue = Nclue(progress="seconds:10")
    nclue.create()
    nclue.now_ms += 20_000
    assert nclue.advance() == 1
    assert nclue.status() == "completed"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("immediate", ("immediate", 0)),
        ("manual", ("manual", 0)),
        ("seconds", ("seconds", 0.5)),
        ("seconds:0", ("seconds", 0)),
        ("seconds:2.5", ("seconds", 2.5)),
        ("reads", ("reads", 1)),
        ("reads:3", ("reads", 3)),
        ("seconds:999999.5", ("seconds", 999_999.5)),
    ],
)
def test_progress_is_written_as_a_word_and_an_amount(text, expected):
    progress = ProgressMode.parse(text)
    assert (progress.kind, progress.amount) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "seconds:",
        "seconds:-1",
        "seconds:x",
        "seconds:nan",
        "seconds:inf",
        "seconds:1e6",
        "reads:1.5",
        "reads:-1",
        "reads:0",
        "manual:1",
        "immediate:0",
        "Manual",
        "reads:1:2",
    ],
)
def test_other_forms_of_progress_are_rejected(text):
    with pytest.raises(ValueError, match=rf"^progress '{text}' is none of immediate, seconds:N, reads:N, manual$"):
        ProgressMode.parse(text)


def test_a_long_form_of_progress_is_cut_in_the_message():
    with pytest.raises(ValueError, match=f"^progress '{'x' * 79} is none of immediate"):
        ProgressMode.parse("x" * 100)


# -- requested failures -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("ACCESS_DENIED", (401, "10100")),
        ("NAME_TOO_LONG", (422, "10101")),
        ("DUPLICATE_NAME", (409, "10102")),
        ("INVALID_PATH_CHARACTER", (422, "10103")),
        ("INVALID_CHARACTER_IN_TRAIN_PATH", (422, "10104")),
        ("INVALID_CHARACTER_IN_TEST_PATH", (422, "10105")),
        ("PATH_NOT_FOUND", (404, "10106")),
        ("TRAIN_PATH_NOT_FOUND", (404, "10107")),
        ("TEST_PATH_NOT_FOUND", (404, "10108")),
        ("PERSONAL_DATA_NOT_ALLOWED", (422, "10109")),
        ("BAD_REQUEST", (400, "100")),
        ("AUTHENTICATION_FAILED", (401, "200")),
        ("PERMISSION_DENIED", (401, "210")),
        ("FORBIDDEN", (403, "230")),
        ("NOT_FOUND", (404, "300")),
        ("QUOTA_EXCEEDED", (429, "400")),
        ("THROTTLE_LIMITED", (429, "410")),
        ("RATE_LIMITED", (429, "420")),
        ("REQUEST_ENTITY_TOO_LARGE", (413, "430")),
        ("ENDPOINT_ERROR", (503, "500")),
        ("ENDPOINT_TIMEOUT", (504, "510")),
        ("UNEXPECTED_ERROR", (500, "900")),
    ],
)
def test_every_documented_error_can_be_requested(error, expected):
    nclue = Nclue()
    nclue.service.fail_next(error=error)
    assert rejected(nclue.create()) == expected
    assert nclue.create().status == 200


def test_failures_are_used_up_in_their_order_one_per_request():
    nclue = Nclue()
    nclue.service.fail_next(2, error="FORBIDDEN", delay_s=0.5)
    nclue.service.fail_next(delay_s=1.5)
    nclue.service.fail_next(cut=True)
    answers = [nclue.list() for _ in range(5)]
    assert [(answer.status, answer.delay_s, answer.cut) for answer in answers] == [
        (403, 0.5, False),
        (403, 0.5, False),
        (200, 1.5, False),
        (200, 0.0, True),
        (200, 0.0, False),
    ]


def test_a_request_that_fails_by_error_does_nothing_and_one_that_is_late_or_cut_does_its_work():
    nclue = Nclue()
    nclue.service.fail_next(error="UNEXPECTED_ERROR")
    nclue.create()
    assert len(nclue.service.store) == 0
    nclue.service.fail_next(cut=True)
    nclue.create()
    assert len(nclue.service.store) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"error": "NO_SUCH"}, "unknown error 'NO_SUCH'; known: BAD_REQUEST, ACCESS_DENIED, "),
        ({"error": "N" * 100}, f"unknown error '{'N' * 79}; known: BAD_REQUEST, "),
        ({"delay_s": 10**100}, f"a delay is a number of seconds from 0 to 86,400, not 1{'0' * 79}$"),
        ({"delay_s": -1.0}, "a delay is a number of seconds from 0 to 86,400, not -1.0"),
        ({"delay_s": float("nan")}, "a delay is a number of seconds from 0 to 86,400, not nan"),
        ({"delay_s": 86_400}, "a delay is a number of seconds from 0 to 86,400, not 86400"),
    ],
)
def test_impossible_failures_are_rejected(options, message):
    nclue = Nclue()
    with pytest.raises(ValueError, match=f"^{message}"):
        nclue.service.fail_next(**options)
    assert nclue.list().status == 200
    nclue.service.fail_next(delay_s=86_399)
    assert nclue.list().delay_s == 86_399


# -- the journal, and the whole run -----------------------------------------------------------------------------------------------


def test_the_journal_records_requests_and_responses():
    nclue = Nclue()
    nclue.send("POST", body=b"{}", headers=(("Content-Type", "application/json"), ("x-a", "1"), ("x-a", "2")))
    (entry,) = nclue.service.store.journal
    findings = entry.pop("findings")
    assert entry == {
        "number": 1,
        "time_ms": NOW_MS,
        "method": "POST",
        "target": "/api/v1/tasks",
        "headers": [["Content-Type", "application/json"], ["x-a", "1"], ["x-a", "2"]],
        "body": "{}",
        "body_bytes": 2,
        "status": 400,
        "rules": ["NC101"],
    }
    assert [finding["pointer"] for finding in findings] == ["/name", "/train_feature_id", "/train_bucket", "/train_file_path"]
    assert json.dumps(entry | {"findings": findings})


@pytest.mark.parametrize(("method", "rules"), [("POST", ["NC104"]), ("GET", [])])
def test_the_journal_has_warnings_about_a_payload_and_not_about_what_nobody_reads(method, rules):
    nclue = Nclue()
    nclue.send(method, body=json.dumps(PAYLOAD | {"unknown": 1}).encode())
    (entry,) = nclue.service.store.journal
    assert (entry["status"], [finding["rule"] for finding in entry["findings"]]) == (200, rules)


def test_signed_headers_are_masked_in_the_journal_whatever_their_case(guarded):
    headers = signed_headers("GET", "/api/v1/tasks", KEYS, NOW_MS)
    pairs = [(name.upper(), value) for name, value in headers.items()] + [("Authorization", "Bearer EXAMPLE"), ("cookie", "EXAMPLE=1")]
    assert guarded.send("GET", headers=pairs).status == 200
    (entry,) = guarded.service.journal()
    assert [value for _, value in entry["headers"]] == ["***"] * 5
    assert [name for name, _ in entry["headers"]] == [name for name, _ in pairs]


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_secrets_are_masked_wherever_a_client_has_put_them(guarded, spell):
    headers = signed_headers("GET", "/api/v1/tasks", KEYS, NOW_MS)
    access_key, signature = list(headers.values())[1:]
    for secret in (access_key, signature, KEYS.secret_key, "Bearer CANARYsession0001"):
        written = spell(secret)
        pairs = [*headers.items(), ("authorization", "Bearer CANARYsession0001"), ("x-trace", f"<{written}>")]
        body = json.dumps({"name": f"zz {written}", "train_file_path": f"zz {written}"}).encode()
        guarded.send("POST", f"/<{written}>", headers=pairs, body=body)
        entry = guarded.service.journal()[-1]
        assert entry["target"].startswith("/api/v1/tasks/<")
        assert "***" in entry["target"]
        assert "***" in dict(entry["headers"])["x-trace"]
        assert json.loads(entry["body"])["name"].startswith("zz ")
        assert "***" in json.loads(entry["body"])["name"]
        assert "***" in json.loads(entry["body"])["train_file_path"]


def test_a_key_that_the_service_knows_is_masked_in_a_request_that_is_not_signed_with_it(guarded):
    body = json.dumps({"name": f"of {ACCESS}", "train_bucket": f"for {SECRET}"}).encode()
    guarded.send("POST", f"/<{ACCESS}>", body=body)
    (entry,) = guarded.service.journal()
    assert ACCESS not in json.dumps(entry)
    assert SECRET not in json.dumps(entry)


def test_findings_in_the_journal_quote_no_secret():
    nclue = Nclue()
    headers = [("x-api-key", "CANARY~key~00000000001"), ("content-type", "application/json")]
    nclue.send("POST", headers=headers, body=json.dumps(PAYLOAD | {"train_file_path": "a/CANARY~key~00000000001"}).encode())
    (entry,) = nclue.service.journal()
    assert entry["rules"] == ["NC120"]
    assert "CANARY" not in json.dumps(entry)


def test_a_body_that_is_no_text_is_recorded_by_its_bytes():
    nclue = Nclue()
    nclue.send("POST", body=b"a\xffb")
    assert nclue.service.store.journal[-1]["body"] == "a\\xffb"


def test_the_journal_stores_the_newest_thousand_requests():
    nclue = Nclue()
    for _ in range(1_005):
        nclue.get()
    numbers = [entry["number"] for entry in nclue.service.store.journal]
    assert (len(numbers), numbers[0], numbers[-1], nclue.service.store.requests) == (1_000, 6, 1_005, 1_005)


def test_reset_forgets_tasks_names_journal_failures_and_the_last_time():
    nclue = Nclue(rate_limit=True)
    nclue.create()
    nclue.service.fail_next(error="FORBIDDEN")
    nclue.service.reset()
    assert (len(nclue.service.store), list(nclue.service.store.journal), nclue.service.store.requests) == (0, [], 0)
    assert nclue.create().status == 200


def test_a_task_from_before_a_reset_holds_up_no_queue():
    nclue = Nclue(pins={"queue": "serial"})
    nclue.create()
    nclue.advance()
    nclue.service.reset()
    nclue.create()
    assert [nclue.advance() for _ in range(2)] == [1, 1]


def run(**options):
    """Send one request of each kind to a service; return its responses and its journal."""
    nclue = Nclue(progress="seconds:1", fixture_data=ExternalData(failing_names={"n3": "COMMON_ERROR"}), **options)
    answers = []
    for number in range(5):
        answers.append(nclue.create(name=f"n{number}"))
        nclue.now_ms += 700
        answers += [nclue.list("limit=3"), nclue.get(), nclue.create(name="n0"), nclue.delete(SECOND), nclue.create(name="")]
    return [(answer.status, answer.headers, answer.body) for answer in answers], list(nclue.service.store.journal)


def test_the_same_requests_at_the_same_times_return_the_same_bytes():
    assert run() == run()


def test_ids_can_be_given_and_times_have_the_offset_of_korea():
    nclue = Nclue(new_id=iter(["one", "two"]).__next__)
    assert [nclue.create(name=name).json()["task_id"] for name in "ab"] == ["one", "two"]
    assert nclue.create(name="c").status == 500  # there are no more
    nclue = Nclue()
    nclue.now_ms = 1_732_589_296_999
    assert nclue.create().json()["created_at"] == "2024-11-26T11:48:16+09:00"


def test_ids_have_the_form_of_the_page():
    nclue = Nclue()
    ids = [nclue.create(name=f"n{number}").json()["task_id"] for number in range(20)]
    assert len(set(ids)) == 20
    assert all(re.fullmatch("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", task_id) for task_id in ids)


def test_services_share_a_validator_exactly_if_readings_and_pins_are_the_same():
    pinned = {"path-del": "allowed"}  # the default; without the pin it is only a warning
    first, second, other = (Service(readings=readings) for readings in (pinned, dict(pinned), {}))
    assert first.validator is second.validator
    assert first.verify is second.verify
    assert first.readings == second.readings != other.readings
    path = PAYLOAD | {"train_file_path": "a\x7f"}
    assert [len(service.validator.validate_request(path).warnings) for service in (first, second, other)] == [0, 0, 1]
    assert len({first.readings, second.readings, other.readings}) == 2
