"""No public validator raises, whatever it is given, and neither does anything that a report can be asked for."""

import json
import math
import pickle
from contextlib import suppress
from decimal import Decimal
from enum import IntEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nclue_contract import ContractError, Report, Validator
from nclue_contract.validation.reports.text import render_report
from nclue_contract.validation.signature import verify
from tests.support.hostile import BASES, METHODS, VALUES, TrapError, claiming, instance, overriding, released, trap
from tests.support.payloads import PAYLOAD
from tests.support.signing import ACCESS, KEY, NOW, SECRET, SIGNATURE, TIMESTAMP, signed

V = Validator()
STRICT = Validator({"unknown-field": "refused", "request-content-type": "json-only"}, strict=True)
HEADERS = signed("GET", "/a", timestamp=NOW)
KEYS = {ACCESS: SECRET}
JSON = {"content-type": "application/json"}
PAGE = b'{"tasks": [], "total": 0, "limit": 1, "index": 0}'
TASK = b'{"task_id": "a", "task_name": "x", "test_bucket": null}'


def with_key(name, value):
    """Return the payload with one more key, if the value can be a key at all."""
    payload = {key: text for key, text in PAYLOAD.items() if key != name}
    with suppress(Exception):
        payload[value] = "x"
    return payload


PLACES = {
    "payload": V.validate_request,
    "field": lambda v: V.validate_request(PAYLOAD | {"name": v, "train_bucket": v, "train_file_path": v, "train_feature_id": v}),
    "test field": lambda v: V.validate_request(PAYLOAD | {"test_bucket": v}),
    "unknown field": lambda v: STRICT.validate_request(PAYLOAD | {"more": v}),
    "key": lambda v: STRICT.validate_request(with_key("", v)),
    "key instead of name": lambda v: V.validate_request(with_key("name", v)),
    "verdict": V.is_valid_request,
    "body": V.validate_request_json,
    "headers": V.validate_headers,
    "clock": lambda v: V.validate_headers(HEADERS, v),
    "timestamp": lambda v: V.validate_headers(HEADERS | {TIMESTAMP: v}, NOW),
    "content type": lambda v: STRICT.validate_headers(HEADERS | {"content-type": v}),
    "header": lambda v: V.validate_headers([v]),
    "header name": lambda v: V.validate_headers([(v, "x")]),
    "operation": lambda v: V.validate_response(v, 200, JSON, TASK),
    "status": lambda v: V.validate_response("createTask", v, JSON, TASK),
    "response headers": lambda v: V.validate_response("createTask", 200, v, TASK),
    "response header": lambda v: V.validate_response("createTask", 200, {"content-type": v}, TASK),
    "response body": lambda v: V.validate_response("listTasks", 200, JSON, v),
    "body of an error": lambda v: V.validate_response("createTask", 422, JSON, v),
    "body of nothing": lambda v: Validator({"success-status": "gateway"}).validate_response("deleteTask", 204, JSON, v),
    "request of create": lambda v: V.validate_response("createTask", 200, JSON, TASK, v),
    "request of list": lambda v: V.validate_response("listTasks", 200, JSON, PAGE, v),
    "request of get": lambda v: V.validate_response("getTask", 200, JSON, TASK, v),
    "query": lambda v: V.validate_response("listTasks", 200, JSON, PAGE, {"limit": v, "index": v}),
    "sent field": lambda v: V.validate_response("getTask", 200, JSON, TASK, {"task_id": v, "name": v, "test_bucket": v}),
    "method": lambda v: verify(v, "/a", HEADERS, KEYS, NOW),
    "target": lambda v: verify("GET", v, HEADERS, KEYS, NOW),
    "signed headers": lambda v: verify("GET", "/a", v, KEYS, NOW),
    "signature": lambda v: verify("GET", "/a", HEADERS | {SIGNATURE: v}, KEYS, NOW),
    "access key": lambda v: verify("GET", "/a", HEADERS | {KEY: v}, KEYS, NOW),
    "keys": lambda v: verify("GET", "/a", HEADERS, v, NOW),
    "secret key": lambda v: verify("GET", "/a", HEADERS, {ACCESS: v}, NOW),
    "other secret key": lambda v: verify("GET", "/a", HEADERS, {"OTHER": v}, NOW),
    "clock of a signature": lambda v: verify("GET", "/a", HEADERS, KEYS, v),
    "signed body": lambda v: verify("GET", "/b", HEADERS, KEYS, NOW, body=v),
}
"""Every argument of every public validator, and what can be within it."""


def require_usable(result):
    """Ask for everything that a result offers; raise what any of it raises."""
    if isinstance(result, bool):
        return
    if not isinstance(result, Report):
        json.dumps(result.to_dict())
        assert (result.reason is None) is result.ok
        assert result.sentence.isprintable()
        result = result.report
    json.dumps(result.to_dict())
    assert all(line.isprintable() for line in str(result).split("\n"))
    assert render_report(result).replace("\n", "").isprintable()
    assert result == pickle.loads(pickle.dumps(result))  # also compares the findings
    assert all(repr(finding).isprintable() and isinstance(hash(finding), int) for finding in result.findings)
    if not result.ok:
        with pytest.raises(ContractError) as caught:
            result.raise_for_errors()
        assert str(caught.value)


@pytest.mark.parametrize("name", VALUES)
def test_no_value_makes_a_validator_raise(name):
    for call in PLACES.values():
        require_usable(call(VALUES[name]()))


def answering(draw, depth=1):
    """Return a method that overrides another: it raises, or returns some value, which may be hostile as well."""
    plain = [None, True, -1, 10**6000, "x", b"x", math.nan, object(), (), iter([("a", "b")])]
    answer = draw(st.sampled_from([*plain, TrapError, RecursionError, MemoryError, KeyError]))
    if isinstance(answer, type):

        def method(*_args, **_kwargs):
            raise answer

        return method
    if depth and draw(st.booleans()):
        answer = instance(draw(st.sampled_from(BASES)), {draw(st.sampled_from(METHODS)): answering(draw, 0)})
    return lambda *_args, **_kwargs: answer


@st.composite
def hostile_values(draw):
    base = draw(st.sampled_from((*BASES, object)))
    namespace = {name: answering(draw) for name in draw(st.lists(st.sampled_from(METHODS), max_size=5, unique=True))}
    if draw(st.booleans()):
        claimed = draw(st.sampled_from((*BASES, object, 1)))
        namespace["__class__"] = property(lambda _: claimed)
    return instance(base, namespace)


@given(hostile_values(), st.sampled_from(sorted(PLACES)))
def test_no_subclass_makes_a_validator_raise(value, place):
    require_usable(PLACES[place](value))


# -- and what is found is right ---------------------------------------------------------------------------------------------------------


def rules(report):
    return [(finding.rule, finding.pointer) for finding in report.findings]


def test_bytes_that_cannot_be_read_are_a_finding():
    assert rules(V.validate_request_json(released())) == [("NC008", "")]
    assert V.validate_request_json(released()).findings[0].message == "the bytes cannot be read: ValueError"


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_count_as_they_are_whatever_a_subclass_overrides(kind):
    data = json.dumps(PAYLOAD).encode()
    value = data if kind is bytes else kind(data)
    if kind is not memoryview:
        value = type("Odd", (kind,), {"__bytes__": trap, "__len__": trap, "decode": trap})(data)
    assert not V.validate_request_json(value).findings


def test_a_field_that_only_says_to_be_text_is_no_text():
    assert rules(V.validate_request(PAYLOAD | {"name": claiming(object, str)})) == [("NC102", "/name")]
    assert rules(V.validate_request(PAYLOAD | {"name": VALUES["Mock(str)"]()})) == [("NC102", "/name")]


def test_the_text_of_an_odd_subclass_counts():
    name = overriding(str)
    assert not V.validate_request(PAYLOAD | {"name": name, "train_file_path": name}).findings
    other = V.validate_response("getTask", 200, JSON, b'{"task_name": "b.csv"}', {"name": name})
    assert ("NC307", "/task_name") in rules(other)  # "a.csv" was sent; a lie of __eq__ does not hide it


@pytest.mark.parametrize(("clock", "direction"), [(10**6000, "behind"), (-(10**6000), "ahead")], ids=["late", "early"])
def test_a_clock_that_is_far_away_is_a_finding(clock, direction):
    (finding,) = V.validate_headers(HEADERS, clock).findings
    message = f"{TIMESTAMP} is more than 18,446,744,073,709,551,616 ms {direction}; at most 300 s are allowed"
    assert (finding.rule, finding.message) == ("NC203", message)
    assert verify("GET", "/a", HEADERS, KEYS, clock).reason == "timestamp-skew"


@pytest.mark.parametrize(
    ("clock", "kind"),
    [
        (math.nan, "a number"),
        (math.inf, "a number"),
        (True, "a boolean"),
        ("1732589296000", "a string"),
        (Decimal(NOW), "of the Python type Decimal"),
    ],
)
def test_a_clock_that_is_none_is_a_finding(clock, kind):
    (finding,) = V.validate_headers(HEADERS, clock).findings
    reason = f"because now_ms is {kind} and no number of milliseconds"
    message = f"{TIMESTAMP} is an unknown number of ms from the clock, {reason}; at most 300 s are allowed"
    assert (finding.rule, finding.message) == ("NC203", message)
    assert verify("GET", "/a", HEADERS, KEYS, clock).reason == "timestamp-skew"


class Moment(IntEnum):
    NOW = NOW


@pytest.mark.parametrize("clock", [float(NOW), NOW + 0.5, Moment.NOW])
def test_any_other_number_is_a_clock(clock):
    assert not V.validate_headers(HEADERS, clock).findings
    assert verify("GET", "/a", HEADERS, KEYS, clock).ok


def test_a_request_that_cannot_be_verified_is_not_verified():
    verification = verify("GET", overriding(str, ["encode", "partition"]), HEADERS, KEYS, NOW)
    assert verification.reason == "signature-mismatch"  # its text was verified: "a.csv"
    verification = verify(object(), "/a", HEADERS, KEYS, NOW)
    assert (verification.reason, verification.sentence) == ("headers-readable", "the request cannot be read: AttributeError")


def test_a_payload_whose_validation_fails_is_not_valid(monkeypatch):
    """A text was JSON, so its values can be sent; but what cannot be validated is no valid payload."""

    def full(*_):
        raise MemoryError

    monkeypatch.setattr("nclue_contract.validation.request._Collector._check_other", full)
    assert rules(Validator().validate_request_json('{"name": 1}')) == [("NC008", "")]
