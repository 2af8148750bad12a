"""What the page shows of an exchange: short, harmless, without secrets, and with what a finding is about marked."""

import json

import pytest

from nclue_contract.contract.readings import Readings
from nclue_contract.live.views import exchange_view
from nclue_contract.traffic.exchanges import RecordedExchange
from nclue_contract.traffic.judge import JudgeOptions, TrafficJudge
from tests.support.html_reports import HOSTILE
from tests.support.payloads import PAYLOAD, TASK

BIDI = "\u202e\u2066\u200b\u2028\x00\x1b\x7f\ud800\ufeff"


def exchange(body, status=422, *, target="/api/v1/tasks", method="POST", headers=(), response=b"{}", **changes):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    received = response if isinstance(response, bytes) else json.dumps(response).encode()
    json_type = ("content-type", "application/json")
    return RecordedExchange(
        method, "http://localhost", target, (json_type, *headers), body, status, (json_type,), received, 1_000, 1_250, **changes
    )


def view(one, side="client"):
    ignore = frozenset({"NC200"})
    return exchange_view(7, one, TrafficJudge(JudgeOptions(Readings.choose(), ignore=ignore, side=side)).judge(one, "here"))


def texts(value):
    """Yield every string of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for one in value.values() for text in texts(one))
    elif isinstance(value, list):
        yield from (text for one in value for text in texts(one))


def marked(body):
    """Return the pieces of the only finding about a payload."""
    (finding,) = view(exchange(body))["findings"]
    return finding["pieces"]


def test_an_exchange_has_its_method_status_times_and_result():
    shown = view(exchange(PAYLOAD, 200, response=TASK))
    expected = {"number": 7, "time_ms": 1_000, "took_ms": 250, "method": "POST", "target": "/api/v1/tasks", "operation": "createTask"}
    assert {name: shown[name] for name in expected} == expected
    assert (shown["status"], shown["result"], shown["findings"], shown["more_findings"]) == (200, "valid", [], 0)
    assert json.loads(shown["request"]["body"]) == PAYLOAD


def test_the_result_is_that_of_the_gravest_finding():
    assert view(exchange(PAYLOAD | {"train_file_path": "a~b"}))["result"] == "error"
    assert view(exchange(PAYLOAD | {"train_file_path": "데이터.csv"}, 200))["result"] == "warning"
    assert exchange_view(1, exchange(b""), None)["result"] == "unjudged"


def test_the_offending_characters_are_marked():
    assert marked(PAYLOAD | {"train_file_path": "a~b~~c"}) == [["a", False], ["~", True], ["b", False], ["~~", True], ["c", False]]
    assert marked(PAYLOAD | {"train_file_path": "a\n"}) == [["a", False], ["\\n", True]]


def test_an_invisible_character_is_marked_as_its_escape_and_a_long_value_is_cut_around_it():
    pieces = marked(PAYLOAD | {"train_file_path": "x" * 500 + "\x1f" + "y" * 500})
    assert [mark for _, mark in pieces] == [False, True, False]
    assert pieces[1][0] == "\\x1f"
    assert (pieces[0][0][:2], pieces[2][0][-2:]) == ("…x", "y…")
    assert sum(len(text) for text, _ in pieces) <= 120


def test_a_mistake_in_the_json_itself_is_marked_in_its_line():
    assert marked(b'{"name": "x",\n "train": tru}') == [[' "train": ', False], ["t", True], ["ru}", False]]


def test_a_body_that_is_no_utf_8_has_no_excerpt_and_is_shown_in_escapes():
    shown = view(exchange(b'{"name": "\xff"}'))
    assert (shown["findings"][0]["rule"], shown["findings"][0]["pieces"]) == ("NC002", [])
    assert shown["request"]["body"] == '{"name": "\\xff"}'


@pytest.mark.parametrize("text", [*HOSTILE, BIDI])
def test_no_text_of_a_client_or_server_has_a_character_that_acts(text):
    raw = text.encode("utf-8", "surrogatepass")
    one = exchange(
        PAYLOAD | {"name": text[:100], "train_file_path": text, text: text},
        target="/api/v1/tasks?" + text,
        headers=((text, text),),
        response=raw,
        error=text,
    )
    for judged in (view(one, "both"), exchange_view(1, one, None)):
        bad = [shown for shown in texts(judged) if not shown.replace("\n", "").isprintable()]
        assert bad == []
        json.dumps(judged).encode("ascii")


def test_line_feeds_of_a_body_stay_and_nothing_else_that_controls():
    assert view(exchange(b"{\r\n\t}"))["request"]["body"] == "{\\r\n\\t}"


@pytest.mark.parametrize("character", ["한", "😀", "é"])
def test_the_beginning_of_a_long_body_ends_with_a_whole_character(character):
    shown = exchange_view(1, exchange(("a" + character * 3000).encode()), None)["request"]
    assert shown["body"] == "a" + character * ((4096 - 1) // len(character.encode()))
    assert (shown["cut"], shown["body_bytes"]) == (True, len(("a" + character * 3000).encode()))
    assert exchange_view(1, exchange(b"x" * 4096), None)["request"]["cut"] is False


def test_a_body_that_was_not_kept_is_not_shown_as_an_empty_one():
    one = RecordedExchange("GET", "", "/api/v1/tasks", (), None, 200, (), None)
    for side in ("request", "response"):
        assert exchange_view(1, one, None)[side] == {"headers": [], "body": None, "body_bytes": None, "cut": False}


def test_many_findings_are_counted_and_20_of_them_shown():
    shown = view(exchange(PAYLOAD | {f"unknown{number}": 1 for number in range(30)}))
    assert (len(shown["findings"]), shown["more_findings"]) == (20, 10)


def test_an_exchange_stays_small_whatever_was_sent():
    headers = tuple((f"x-{number}" * 40, "v" * 2_000) for number in range(20))
    shown = view(exchange({"~" * 5_000: "~" * 100_000, "train_file_path": "~" * 500_000}, headers=headers, response=b"r" * 1_000_000))
    assert len(json.dumps(shown)) < 60_000


def test_headers_that_hold_secrets_are_masked_by_their_names():
    names = ["x-ncp-iam-access-key", "X-NCP-APIGW-SIGNATURE-V2", "x-ncp-apigw-timestamp", "Authorization", "Cookie", "x-secret-key"]
    one = exchange(b"", headers=[(name, "EXAMPLEVALUE0001") for name in names])
    assert exchange_view(1, one, None)["request"]["headers"][1:] == [[name, "***"] for name in names]
