"""Judging of recorded exchanges: what is found, at which side, how severe, and what is no finding."""

import gc
import json
import pickle

import pytest

from nclue_contract.contract.hosts import Target
from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Readings
from nclue_contract.signing import Credentials
from nclue_contract.traffic.exchanges import without_secrets
from nclue_contract.traffic.judge import JudgeOptions, TrafficJudge
from nclue_contract.traffic.report import TrafficReport
from nclue_contract.validation.reports.base import Run
from nclue_contract.validation.reports.formats import renderer
from tests.support.payloads import PAYLOAD, TEST_FIELDS
from tests.support.recordings import NEW, ORIGIN, create, delete, error, exchange, get, item, judge, listed, lists, task
from tests.support.signing import ACCESS, NOW, SECRET, signed
from tests.support.spellings import SPELLINGS

OTHER_ID = "6b3f0a56-7c2d-4a0e-9d3a-0f6f4d8f2a11"
OTHER = NEW | {"task_id": OTHER_ID, "task_name": "other"}
OTHER_PAYLOAD = PAYLOAD | {"name": "other"}
TILDE = PAYLOAD | {"train_file_path": "a~b.tsv"}
SIGNATURE, TIMESTAMP, ACCESS_KEY = "x-ncp-apigw-signature-v2", "x-ncp-apigw-timestamp", "x-ncp-iam-access-key"


def without(name):
    return {key: value for key, value in signed("POST", "/api/v1/tasks", timestamp=NOW).items() if key != name}


CASES = {
    "a task from its creation to its deletion": (
        [
            create(),
            lists(item("registered")),
            get(task("pending"), at=2),
            get(task("in_progress"), at=3),
            get(task("completed"), at=9),
            delete(at=10),
            get(error("300"), status=404, at=11),
            lists(at=12),
            create(received=OTHER | {"task_name": "churn"}, at=13),
        ],
        [],
    ),
    # requests
    "a forbidden character": ([create(TILDE, error("10104"), status=422)], [(0, "request", "error", "NC120", "/train_file_path")]),
    "a body that is not JSON": ([create(b"{", error("100"), status=400)], [(0, "request", "error", "NC001", "")]),
    "a limit out of range": ([lists(query="?limit=0", status=400, received=error(None))], [(0, "request", "error", "NC505", "/limit")]),
    "a header is missing": ([create(headers=without(SIGNATURE))], [(0, "request", "error", "NC200", f"/{SIGNATURE}")]),
    "a timestamp of another time": (
        [create(headers=signed("POST", "/api/v1/tasks", timestamp=NOW - 301_000))],
        [(0, "request", "error", "NC203", f"/{TIMESTAMP}")],
    ),
    "no header of a signature, which a recorder may have removed": (
        [create(headers={})],
        [(0, "request", "warning", "NC200", f"/{name}") for name in (TIMESTAMP, ACCESS_KEY, SIGNATURE)],
    ),
    "no header of a signature, for which the request is rejected": (
        [create(headers={}, status=401, received=error("10100"))],
        [(0, "request", "error", "NC200", f"/{name}") for name in (TIMESTAMP, ACCESS_KEY, SIGNATURE)],
    ),
    "masked headers": ([create(headers=dict.fromkeys((SIGNATURE, TIMESTAMP, ACCESS_KEY), "[Filtered]"))], []),
    "a path that a reading forbids": (
        [create(PAYLOAD | {"train_file_path": "데.tsv"}, NEW | {"train_file_path": "데.tsv"})],
        [(0, "request", "warning", "NC120", "/train_file_path")],
    ),
    # responses
    "a forbidden character is accepted": (
        [create(TILDE, NEW | {"train_file_path": "a~b.tsv"})],
        [(0, "request", "error", "NC120", "/train_file_path"), (0, "response", "error", "NC313", "")],
    ),
    "a body in UTF-16 is accepted, which no page forbids": (
        [create(json.dumps(PAYLOAD).encode("utf-16-le"))],
        [(0, "request", "error", "NC002", ""), (0, "response", "warning", "NC313", "")],
    ),
    "a lone surrogate comes back": (
        [create(PAYLOAD | {"name": "\ud800"}, NEW | {"task_name": "\ud800"})],
        [(0, "request", "error", "NC007", "/name")],
    ),
    "a deletion without a body, as the platform's tables say": (
        [create(), delete(at=1, status=204, received=b"", response_headers=())],
        [],
    ),
    "a valid payload is rejected for its path": ([create(received=error("10104"), status=422)], [(0, "response", "error", "NC313", "")]),
    "a valid payload is rejected since its name is in use": ([create(received=error("10102"), status=409)], []),
    "a valid payload is rejected since its file is missing": ([create(received=error("10107"), status=404)], []),
    "a field is missing": (
        [create(received={k: v for k, v in NEW.items() if k != "test_bucket"})],
        [(0, "response", "error", "NC304", "/test_bucket")],
    ),
    "a value comes back changed": ([create(received=NEW | {"task_name": "CHURN"})], [(0, "response", "error", "NC307", "/task_name")]),
    "the code of another status": (
        [create(TILDE, error("10104"), status=409)],
        [(0, "request", "error", "NC120", "/train_file_path"), (0, "response", "error", "NC312", "")],
    ),
    "a further field is an advisory": ([create(received=NEW | {"owner": "me"})], [(0, "response", "warning", "NC310", "/owner")]),
    "another content type of a success is an advisory": ([create(response_headers=())], [(0, "response", "warning", "NC302", "")]),
    "another content type of an error is none": (
        [create(received=error("10102"), status=409, response_headers=())],
        [(0, "response", "error", "NC302", "")],
    ),
    "a server error": ([lists(status=503, received=error("500"))], [(0, "response", "error", "NC601", "")]),
    "the first of the statuses of server errors": (
        [lists(status=500, received=error("900"))],
        [(0, "response", "error", "NC601", "")],
    ),
    "no complete response": (
        [create(status=0, received=b"", error="the server closed the connection")],
        [(0, "response", "error", "NC602", "")],
    ),
    "another task than the one requested": ([get(task("pending"), OTHER_ID)], [(0, "response", "error", "NC307", "/task_id")]),
    "the list has more than its limit": (
        [lists(query="?limit=1", received=listed(item("pending"), item("pending", task_id=OTHER_ID), limit=1))],
        [(0, "response", "error", "NC501", "/tasks")],
    ),
    "the list returns another index": ([lists(query="?index=5", received=listed())], [(0, "response", "error", "NC500", "/index")]),
    "a value of the payload comes back changed later": (
        [
            create(PAYLOAD | TEST_FIELDS, NEW | TEST_FIELDS | {"test_feature_name": "f"}),
            get(task("pending", **TEST_FIELDS) | {"test_feature_name": "f", "test_bucket": "x"}, at=1),
        ],
        [(1, "response", "error", "NC307", "/test_bucket"), (1, "history", "error", "NC403", "/test_bucket")],
    ),
    # several exchanges
    "a task goes back": (
        [create(), get(task("in_progress"), at=1), get(task("pending"), at=2)],
        [(2, "history", "error", "NC400", "/status")],
    ),
    "a completed task fails": ([get(task("completed")), get(task("failed"), at=2)], [(1, "history", "error", "NC400", "/status")]),
    "in a list, a task goes back": (
        [get(task("in_progress")), lists(item("registered"), at=2)],
        [(1, "history", "error", "NC400", "/tasks/0/status")],
    ),
    "two responses that overlap have no order": ([get(task("in_progress"), took=3000), get(task("pending"), at=1)], []),
    "without times, the order of the recording counts": (
        [get(task("in_progress"), sent_ms=None, received_ms=None), get(task("pending"), sent_ms=None, received_ms=None)],
        [(1, "history", "error", "NC400", "/status")],
    ),
    "create and get disagree": (
        [create(), get(task("pending", train_feature_name="x"), at=1)],
        [(1, "history", "error", "NC403", "/train_feature_name")],
    ),
    "get and list disagree": (
        [get(task("pending")), lists(item("pending", train_feature_name="x"), at=1)],
        [(1, "history", "error", "NC403", "/tasks/0/train_feature_name")],
    ),
    "the same time in another zone is the same": ([create(), get(task("pending", created_at="2024-11-26T02:48:16Z"), at=1)], []),
    "an ID is used twice": (
        [create(), create(OTHER_PAYLOAD, NEW | {"task_name": "other"}, at=1)],
        [(1, "history", "error", "NC405", "/task_id")],
    ),
    "a list that was requested while a task was created may show it already": (
        [lists(item("registered"), at=0.001), create(took=3000)],
        [],
    ),
    "an ID is used twice at the same time": (
        [create(took=3000), create(OTHER_PAYLOAD, NEW | {"task_name": "other"}, at=1)],
        [(1, "history", "error", "NC405", "/task_id")],
    ),
    "a time of creation that is long ago": (
        [create(received=NEW | {"created_at": "2024-11-26T10:48:16+09:00"})],
        [(0, "history", "error", "NC405", "/created_at")],
    ),
    "a name is accepted twice": (
        [create(), create(received=NEW | {"task_id": OTHER_ID}, at=1)],
        [(1, "history", "error", "NC404", "/task_name")],
    ),
    "a name that was only listed is accepted again": (
        [lists(item("completed")), create(received=NEW | {"task_id": OTHER_ID}, at=1)],
        [(1, "history", "warning", "NC404", "/task_name")],
    ),
    "a deleted task can be read": ([create(), delete(at=1), get(task("pending"), at=2)], [(2, "history", "error", "NC402", "")]),
    "a deleted task is in the list": (
        [create(), delete(at=1), lists(item("registered"), at=2)],
        [(2, "history", "error", "NC402", "/tasks/0")],
    ),
    "a deleted task can be deleted again": ([create(), delete(at=1), delete(at=2)], [(2, "history", "error", "NC402", "")]),
    "a list that was requested before the deletion ended": ([create(), delete(at=1, took=2000), lists(item("registered"), at=2)], []),
    "a task that was requested, or to be deleted, before its deletion ended": (
        [create(), delete(at=1, took=2000), get(task("registered"), at=2), delete(at=2)],
        [],
    ),
    "a task that was in progress long before is deleted": ([get(task("in_progress")), delete(at=1.1)], []),
    "a task is deleted while it is in progress": ([get(task("in_progress")), delete(at=0.9)], [(1, "history", "warning", "NC401", "")]),
    "a completed task cannot be deleted": (
        [get(task("completed")), delete(at=1, status=409, received=error(None))],
        [(1, "history", "warning", "NC401", "")],
    ),
    "a task disappears": ([create(), get(error("300"), status=404, at=1)], [(1, "history", "warning", "NC408", "")]),
    "a task is twice in a list": (
        [lists(item("pending"), item("pending"))],
        [(0, "history", "error", "NC504", "/tasks")],
    ),
    "a task is not in the list": ([create(), lists(at=1)], [(1, "history", "warning", "NC504", "/tasks")]),
    "a list that is full need not have every task": (
        [create(), lists(query="?limit=1", received=listed(item("pending", task_id=OTHER_ID, task_name="o"), limit=1, total=2), at=1)],
        [],
    ),
    # readings
    "one path with an equals sign is accepted": (
        [create(PAYLOAD | {"train_file_path": "a=b"}, NEW | {"train_file_path": "a=b"})],
        [(0, "request", "error", "NC120", "/train_file_path")],
    ),
    "one path with an equals sign is accepted, and another one is rejected": (
        [
            create(PAYLOAD | {"train_file_path": "a=b"}, NEW | {"train_file_path": "a=b"}),
            create(OTHER_PAYLOAD | {"train_file_path": "a=b"}, error("10104"), status=422, at=1),
        ],
        [
            (0, "request", "error", "NC120", "/train_file_path"),
            (1, "request", "error", "NC120", "/train_file_path"),
            (1, "response", "error", "NC600", ""),
        ],
    ),
    "both words for a completed task": (
        [get(task("completed")), get(task("completed", status="complete"), at=1)],
        [(1, "response", "error", "NC600", "")],
    ),
    "a limit is clamped once, and rejected once": (
        [
            lists(query="?limit=500", received=listed(limit=100)),
            lists(query="?limit=500", status=400, received=error(None), at=1),
        ],
        [
            (0, "request", "error", "NC505", "/limit"),
            (1, "request", "error", "NC505", "/limit"),
            (1, "response", "error", "NC600", ""),
        ],
    ),
    "errors of a gateway may have another form": (
        [create(received={"code": "200", "message": "m"}, status=401), create(received=error("10102"), status=409, at=1)],
        [],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_exact_findings(name):
    exchanges, expected = CASES[name]
    assert judge(*exchanges)[1] == expected


def test_the_cases_have_no_common_finding_by_chance():
    assert len({json.dumps(expected) for _, expected in CASES.values()}) > 30


# -- readings --------------------------------------------------------------------------------------------------------------------------


def test_readings_are_inferred_with_the_exchange_that_decided_them():
    exchanges = [
        get(task("completed", status="complete", AUROC=0.9)),
        create(PAYLOAD | {"train_file_path": "a=b 데"}, NEW | {"train_file_path": "a=b 데", "task_id": OTHER_ID}),
        lists(item("in_progress"), item("in_progress", task_id=OTHER_ID, task_name="o", train_file_path="a=b 데"), at=1),
        create(PAYLOAD | {"name": "CHURN"}, NEW | {"task_name": "CHURN", "task_id": OTHER_ID.replace("6", "7")}, at=2),
    ]
    server = judge(*exchanges[:2], exchanges[3])[0].servers[f"{ORIGIN}/api/v1"]
    decided = {
        name: server.inference.decided(name)
        for name in ("status-word", "auroc-type", "path-characters", "path-high-codes", "name-comparison")
    }
    assert decided == {
        "status-word": "complete",
        "auroc-type": "number",
        "path-characters": "page-2025",
        "path-high-codes": "code-points",
        "name-comparison": "exact",
    }
    assert server.inference.evidence["status-word"] == ["r:1 (index 0)"]
    assert server.inference.evidence["name-comparison"] == ["r:3 (index 2)"]
    assert judge(exchanges[2])[0].servers[f"{ORIGIN}/api/v1"].inference.decided("queue") == "parallel"


def test_a_pinned_reading_is_judged():
    assert judge(get(task("completed", status="complete")), pins={"status-word": "completed"})[1] == [
        (0, "response", "error", "NC309", "/status")
    ]
    equals = create(PAYLOAD | {"train_file_path": "a=b"}, NEW | {"train_file_path": "a=b"})
    assert judge(equals, pins={"path-characters": "page-2025"})[1] == []


def test_the_name_of_a_deleted_task_shows_whether_it_is_free():
    judged, found = judge(create(), delete(at=1), create(received=NEW | {"task_id": OTHER_ID}, at=2))
    assert found == []
    assert judged.servers[f"{ORIGIN}/api/v1"].inference.decided("name-after-deletion") == "free"


# -- options ---------------------------------------------------------------------------------------------------------------------------


def test_strict_makes_warnings_errors_where_a_page_says_so():
    advisory, uncertain = create(received=NEW | {"owner": "me"}), get(error("300"), status=404, at=1)
    assert judge(advisory, uncertain, strict=True)[1] == [
        (0, "response", "error", "NC310", "/owner"),
        (1, "history", "warning", "NC408", ""),
    ]
    assert judge(advisory, uncertain, fail_on=("NC408",))[1] == [
        (0, "response", "warning", "NC310", "/owner"),
        (1, "history", "error", "NC408", ""),
    ]


@pytest.mark.parametrize(("side", "rules"), [("both", ["NC120", "NC313"]), ("client", ["NC120"]), ("server", ["NC313"])])
def test_one_side_can_be_judged_alone(side, rules):
    accepted = create(TILDE, NEW | {"train_file_path": "a~b.tsv"})
    assert [rule for _, _, _, rule, _ in judge(accepted, side=side)[1]] == rules


def test_a_rule_can_be_ignored():
    assert judge(create(headers={}), ignore=frozenset({"NC200"}))[1] == []


def test_signatures_are_verified_with_a_key_only():
    wrong = create(headers=signed("GET", "/api/v1/tasks", timestamp=NOW))
    assert judge(wrong)[1] == []
    assert judge(wrong, credentials=Credentials(ACCESS, SECRET))[1] == [(0, "request", "error", "NC208", f"/{SIGNATURE}")]
    assert judge(create(), lists(item("registered"), query="?index=0", at=1), credentials=Credentials(ACCESS, SECRET))[1] == []
    assert judge(create(headers=dict.fromkeys((SIGNATURE, TIMESTAMP, ACCESS_KEY), "***")), credentials=Credentials(ACCESS, SECRET))[1] == []


def test_a_signature_without_a_recorded_time_is_verified_by_its_own_timestamp():
    assert judge(create(sent_ms=None, received_ms=None), credentials=Credentials(ACCESS, SECRET))[1] == []


# -- servers ---------------------------------------------------------------------------------------------------------------------------


def test_other_hosts_are_counted_and_not_judged():
    judged, found = judge(
        create(TILDE, origin="https://api.example.com", headers={}),
        create(TILDE, origin="https://other.ntruss.com", headers={}),
        exchange("GET", "-extra", received={}),
        exchange("PATCH", "", received={}),
        create(status=0, received=b""),
    )
    assert found == []
    assert judged.uncounted.other_hosts == {"api.example.com": 1, "other.ntruss.com": 1}
    assert (judged.uncounted.no_operation, judged.uncounted.no_response) == (2, 1)


@pytest.mark.parametrize(
    ("path", "suggestion"), [("/task", "/api/v1/tasks"), ("/tasks/", "/api/v1/tasks"), ("/Tasks/x", "/api/v1/tasks/x")]
)
def test_a_url_that_was_meant_to_be_one_of_the_api_is_a_finding(path, suggestion):
    wrong = exchange(
        "GET", received=error("300"), status=404, target=f"/api/v1{path}", headers=signed("GET", f"/api/v1{path}", timestamp=NOW)
    )
    judged, found = judge(wrong)
    assert found == [(0, "request", "error", "NC300", "")]
    assert judged.uncounted.no_operation == 0
    judgement = judged.judge(wrong, "a")
    assert [finding.suggestion for _, finding in judgement.findings] == [suggestion]
    assert judge(wrong, side="server")[0].uncounted.no_operation == 1


def test_a_finding_about_a_url_shows_no_secret():
    headers = signed("GET", "/api/v1/task", timestamp=NOW)
    target = f"/api/v1/task/{headers[SIGNATURE]}"
    judgement = TrafficJudge(JudgeOptions(Readings.of(None))).judge(exchange("GET", received={}, target=target, headers=headers), "a")
    assert "xxxx" in judgement.findings[0][1].message
    assert headers[SIGNATURE][:8] not in judgement.findings[0][1].message


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8000", "http://localhost:1", "http://[::1]:2", ""])
def test_servers_on_loopback_and_those_not_recorded_are_judged(origin):
    assert judge(create(TILDE, error("10104"), status=422, origin=origin))[1] == [(0, "request", "error", "NC120", "/train_file_path")]


def test_a_server_that_gets_signed_requests_is_judged():
    assert judge(create(TILDE, error("10104"), status=422, origin="https://gateway.example.com"))[1] == [
        (0, "request", "error", "NC120", "/train_file_path")
    ]


def test_servers_can_be_named_and_then_no_others_are_judged():
    named = (Target.parse("https://gateway.example.com/api/v1"),)
    unsigned = create(TILDE, error("10104"), status=422, origin="https://gateway.example.com", headers={})
    judged, found = judge(unsigned, create(TILDE), servers=named)
    assert [rule for *_, rule, _ in found] == ["NC200", "NC200", "NC200", "NC120"]
    assert judged.uncounted.other_hosts == {"nclue.apigw.ntruss.com": 1}


def test_what_is_signed_below_another_prefix_can_be_verified():
    rewritten = create(origin="https://gateway.example.com", target="/nclue/tasks")
    options = {"credentials": Credentials(ACCESS, SECRET)}
    assert judge(rewritten, servers=(Target.parse("https://gateway.example.com/nclue", "/api/v1"),), **options)[1] == []
    wrong = judge(rewritten, servers=(Target.parse("https://gateway.example.com/nclue"),), **options)[1]
    assert wrong == [(0, "request", "error", "NC208", f"/{SIGNATURE}")]


def test_two_servers_have_their_own_tasks_and_readings():
    other = {"origin": "http://127.0.0.1:8000"}
    exchanges = [create(), get(task("completed"), at=1), create(at=2, **other), get(task("completed", status="complete"), at=3, **other)]
    judged, found = judge(*exchanges)
    assert found == []
    assert list(judged.servers) == [f"{ORIGIN}/api/v1", "http://127.0.0.1:8000/api/v1"]


def test_a_recording_begins_with_no_tasks():
    judged, _ = judge(create())
    judged.begin_recording()
    assert judged.judge(create(), "again").findings == ()


def test_many_tasks_are_forgotten_and_the_memory_stays_flat(monkeypatch):
    monkeypatch.setattr("nclue_contract.traffic.history.MAX_TASKS", 3)
    ids = [f"{number:08d}-7c2d-4a0e-9d3a-0f6f4d8f2a11" for number in range(10)]
    exchanges = [create(PAYLOAD | {"name": one}, NEW | {"task_id": one, "task_name": one}) for one in ids]
    judged, found = judge(*exchanges, lists(at=1))
    history = judged.servers[f"{ORIGIN}/api/v1"].history
    assert (found, history.forgotten) == ([], 7)  # an empty list shows nothing when tasks were forgotten
    assert max(map(len, judged.servers[f"{ORIGIN}/api/v1"].inference.relevant_cases.values())) == 1


def test_what_is_remembered_of_a_task_is_not_its_exchange():
    mark = "x" * 100_000
    body = json.dumps(NEW | {"further": mark}).encode()
    judged, _ = judge(
        create(PAYLOAD | {"further": mark}, body), get(task("pending", further=mark), at=1), lists(item("pending", further=mark), at=2)
    )
    assert len(pickle.dumps(judged.servers[f"{ORIGIN}/api/v1"].history)) < 50_000


def test_long_values_are_not_remembered_and_not_compared():
    long = {"name": "x" * 100_000, "train_bucket": ["x"] * 1000}
    shown = {"task_name": long["name"], "train_bucket": long["train_bucket"]}
    judged, found = judge(
        create(PAYLOAD | long, NEW | shown), get(task("pending", **shown), at=1), get(task("pending", task_name="x" * 2_001), at=2)
    )
    assert "NC403" not in {rule for *_, rule, _ in found}
    assert len(pickle.dumps(judged.servers[f"{ORIGIN}/api/v1"].history)) < 50_000


def test_nothing_is_kept_of_an_exchange_that_was_judged_and_rendered(monkeypatch):
    monkeypatch.setattr("nclue_contract.traffic.history.MAX_TASKS", 3)
    run = Run("0", contract().revision, Readings.of(None), strict=False, noun="exchange")
    outputs = [renderer(form, len, run) for form in ("text", "json", "jsonl", "github")]
    report = TrafficReport(TrafficJudge(JudgeOptions(Readings.of(None))), outputs)
    report.begin()

    def kept(first, last):
        """Judge exchanges, each with findings and a task of its own; return how many objects there are afterwards."""
        for number in range(first, last):
            name = f"{number:08d}-7c2d-4a0e-9d3a-0f6f4d8f2a11"
            report.add("f", number, number, create(TILDE | {"name": name}, NEW | {"task_id": name, "task_name": name}))
        gc.collect()
        return sum(not issubclass(type(one), tuple) for one in gc.get_objects())  # tuples are also the keys of caches, which are filling

    before, after = kept(0, 30), kept(30, 80)
    assert report.summary.errors == 3 * 80
    assert after - before < 50  # less than one for each


# -- secrets ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_secrets_that_a_server_sends_back_are_in_no_finding(spelling):
    headers = signed("POST", "/api/v1/tasks", timestamp=NOW)
    for secret in (headers[SIGNATURE], headers[ACCESS_KEY], SECRET):
        spelled = SPELLINGS[spelling](secret)
        # A name and a value of the response; in JSON, a slash may be escaped.
        body = json.dumps(NEW | {"task_name": "SECRET", "SECRET": 1}).replace("SECRET", spelled).encode()
        exchanged = create(received=body, headers=headers, response_headers=(("content-type", spelled),))
        judgement = TrafficJudge(JudgeOptions(Readings.of(None), credentials=Credentials(ACCESS, SECRET))).judge(exchanged, "r")
        texts = [finding.message + str(finding.text) + finding.pointer for _, finding in judgement.findings]
        assert any(finding.rule == "NC302" for _, finding in judgement.findings), secret
        parts = {shown[start : start + 16] for shown in (secret, spelled) for start in range(len(shown) - 15)} - {"x" * 16}
        assert [part for part in parts if any(part in text for text in texts)] == []


def test_overwriting_a_secret_changes_no_length_and_breaks_no_rule():
    key = signed("POST", "/api/v1/tasks", timestamp=NOW)[ACCESS_KEY]
    exchanged = create(PAYLOAD | {"train_file_path": f"{key}/a"}, NEW | {"train_file_path": f"{key}/a"})
    assert judge(exchanged)[1] == []
    assert len(without_secrets(exchanged).request_body) == len(exchanged.request_body)


def test_signatures_that_cannot_be_verified_are_counted():
    masked = create(headers=dict.fromkeys((SIGNATURE, TIMESTAMP, ACCESS_KEY), "***"))
    exchanges = (create(), get(task("pending"), at=1), masked, create(headers={}))

    def unverified(**options):
        return (counts := judge(*exchanges, **options)[0].unverified).without_key, counts.masked

    assert unverified() == (2, 1)
    assert unverified(credentials=Credentials(ACCESS, SECRET)) == (0, 1)
    assert unverified(side="server") == (0, 0)
    assert unverified(ignore=frozenset({"NC208"})) == (0, 0)
