"""Findings about the three signed headers, and that no secret is ever printed; expected values are typed by hand from the pages."""

import pickle
import time
from collections.abc import Mapping
from email.message import Message
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nclue_contract import Answer, ContractError, Validator, validate_headers
from tests.support.signing import ACCESS, KEY, NOW, SIGNATURE, TIMESTAMP

GOOD = {
    TIMESTAMP: "1732589296000",
    KEY: ACCESS,
    SIGNATURE: "cSilA3+iXudyHCy8RVF4308EGdStb/9B3nlcigZ+HiM=",
}


def found(headers, now_ms=None, **pins):
    """Rule, severity and pointer of what is found."""
    readings = {name.replace("_", "-"): option for name, option in pins.items()}
    report = Validator(readings).validate_headers(headers, now_ms)
    return [(f.rule, str(f.severity), f.pointer) for f in report.findings]


def with_value(name, value):
    return found(GOOD | {name: value}, NOW)


# -- shapes of headers ------------------------------------------------------------------------------------------------------------------


class Joining(Mapping):
    """Like the headers of httpx: `items()` joins what is repeated, `multi_items()` does not."""

    def __init__(self, pairs):
        self.pairs = pairs

    def __getitem__(self, name):
        return ", ".join(value for key, value in self.pairs if key.lower() == name.lower())

    def __iter__(self):
        return iter(dict.fromkeys(key.lower() for key, _ in self.pairs))

    def __len__(self):
        return len(list(iter(self)))

    def multi_items(self):
        return [(key.lower(), value) for key, value in self.pairs]


class Repeating(Joining):
    """Like a multi dict: `items()` gives everything as often as it was sent."""

    multi_items = None

    def items(self):
        return iter(self.pairs)


class CaseInsensitive(Mapping):
    """Like the headers of requests: names keep their case, look-ups do not care."""

    def __init__(self, values):
        self.values_by_name = {name.lower(): (name, value) for name, value in values.items()}

    def __getitem__(self, name):
        return self.values_by_name[name.lower()][1]

    def __iter__(self):
        return (name for name, _ in self.values_by_name.values())

    def __len__(self):
        return len(self.values_by_name)


class Named(list):
    """A list with an attribute that only has the name of a method."""

    items = "names"


def message(pairs):
    """Like the headers of http.client, urllib and email: iterating gives names only."""
    headers = Message()
    for name, value in pairs:
        headers[name] = value
    return headers


PAIRS = list(GOOD.items())
SHAPES = {
    "mapping": dict,
    "pairs": lambda pairs: pairs,
    "list with an attribute": Named,
    "tuple of lists": lambda pairs: tuple(map(list, pairs)),
    "generator": lambda pairs: (pair for pair in pairs),
    "upper case": lambda pairs: [(name.upper(), value) for name, value in pairs],
    "title case": lambda pairs: {name.title(): value for name, value in pairs},
    "bytes": lambda pairs: [(name.encode(), value.encode()) for name, value in pairs],
    "bytearrays in a mapping": lambda pairs: {name.encode(): bytearray(value.encode()) for name, value in pairs},
    "httpx": Joining,
    "multi dict": Repeating,
    "requests": lambda pairs: CaseInsensitive({name.title(): value for name, value in pairs}),
    "standard library": message,
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_good_headers_are_good_in_every_shape(shape):
    assert found(shape(PAIRS), NOW) == []


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_an_invalid_signature_is_found_in_every_shape(shape):
    assert found(shape([*PAIRS[:2], (SIGNATURE, "abc")])) == [("NC205", "error", "/x-ncp-apigw-signature-v2")]


@pytest.mark.parametrize("shape", ["pairs", "generator", "upper case", "bytes", "httpx", "multi dict", "standard library"])
def test_a_repeated_header_is_found_in_every_shape_that_can_hold_it(shape):
    assert found(SHAPES[shape]([*PAIRS, (TIMESTAMP, "1732589296000")]), NOW) == [("NC201", "error", "/x-ncp-apigw-timestamp")]


def test_names_that_differ_in_case_only_are_a_repetition():
    report = validate_headers(GOOD | {"X-NCP-IAM-ACCESS-KEY": ACCESS, "X-Ncp-Iam-Access-Key": "other"})
    assert [(f.rule, f.message) for f in report.findings] == [("NC201", "the header x-ncp-iam-access-key occurs 3 times")]


def test_a_number_is_the_text_that_a_client_sends():
    assert found(GOOD | {TIMESTAMP: 1732589296000, "content-length": 12}, NOW) == []


def test_a_number_of_more_than_64_bits_is_no_header():
    assert found(GOOD | {"x-number": 2**64 - 1}, NOW) == []
    assert found(GOOD | {"x-number": 2**64}, NOW) == [("NC207", "error", "")]


class OddBytes(bytes):
    """Bytes that decode to something else."""

    def decode(self, *_):
        return "other"


def test_bytes_are_read_as_they_are_whatever_their_class_does():
    assert found([(OddBytes(name.encode()), OddBytes(value.encode())) for name, value in PAIRS], NOW) == []


def test_bytes_are_latin_1():
    assert found([*PAIRS, (b"x-\xe9", b"\xfc")], NOW) == []
    assert found([(KEY, b"EXAMPLE\xfc"), *PAIRS[::2]], NOW) == [("NC204", "error", f"/{KEY}")]


def test_other_headers_are_of_no_concern():
    assert found(GOOD | {"host": "nclue.apigw.ntruss.com", "": "", "x-é": "ü", "authorization": "Bearer x"}, NOW) == []


@pytest.mark.parametrize("name", [TIMESTAMP, KEY, SIGNATURE])
def test_each_header_that_is_missing_is_named(name):
    headers = {key: value for key, value in GOOD.items() if key != name}
    report = validate_headers(headers, NOW)
    assert [(f.rule, f.pointer, f.message) for f in report.findings] == [("NC200", f"/{name}", f"the header {name} is missing")]


def test_without_headers_all_three_are_missing():
    expected = [("NC200", "error", f"/{name}") for name in (TIMESTAMP, KEY, SIGNATURE)]
    assert found({}) == found([]) == found(iter(())) == expected


def test_a_header_may_be_called_items():
    assert found(GOOD | {"items": "1", "multi_items": "2"}, NOW) == []


def test_a_name_with_a_space_is_another_header():
    assert found({f"{KEY} ": "K", TIMESTAMP: GOOD[TIMESTAMP], SIGNATURE: GOOD[SIGNATURE]}) == [("NC200", "error", f"/{KEY}")]


# -- timestamp --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "-1732589296000",
        "+1732589296000",
        "1732589296000.0",
        "1732589296.123",
        "1.7e12",
        " 1732589296000",
        "1732589296000 ",
        "1732589296000\n",
        "1_732_589_296_000",
        "1,732,589,296,000",
        "0x19366d5cb80",
        "١٧٣٢٥٨٩٢٩٦٠٠٠",  # Arabic digits, which int() accepts
        "１７３２５８９２９６０００",
        "1732589296000, 1732589296000",
        "2024-11-26T11:48:16+09:00",
        "1732589296000000",  # microseconds: 16 digits
        "9" * 5000,  # more digits than int() accepts
    ],
)
def test_what_is_no_decimal_number_of_milliseconds_is_rejected(value):
    assert with_value(TIMESTAMP, value) == [("NC202", "error", "/x-ncp-apigw-timestamp")]


def test_the_length_of_a_timestamp_ends_at_fifteen_digits():
    assert found(GOOD | {TIMESTAMP: "173258929600000"}) == []
    assert found(GOOD | {TIMESTAMP: "1732589296000000"}) == [("NC202", "error", "/x-ncp-apigw-timestamp")]


def test_seconds_for_milliseconds_are_a_number_from_1970():
    assert found(GOOD | {TIMESTAMP: "1732589296"}) == []
    report = validate_headers(GOOD | {TIMESTAMP: "1732589296"}, NOW)
    assert [f.message for f in report.findings] == ["x-ncp-apigw-timestamp is 1,730,856,706,704 ms behind; at most 300 s are allowed"]


@pytest.mark.parametrize("sign", [-1, 1])
def test_up_to_five_minutes_away_are_fine_and_more_are_not(sign):
    assert found(GOOD, NOW + sign * 299_999) == []
    assert found(GOOD, NOW + sign * 300_001) == [("NC203", "error", "/x-ncp-apigw-timestamp")]
    assert found(GOOD, NOW + sign * 300_001, timestamp_edge="accepted") == [("NC203", "error", "/x-ncp-apigw-timestamp")]
    assert found(GOOD, NOW + sign * 299_999, timestamp_edge="refused") == []


@pytest.mark.parametrize("sign", [-1, 1])
def test_exactly_five_minutes_are_as_the_languages_of_the_page_disagree(sign):
    edge = NOW + sign * 300_000
    assert found(GOOD, edge) == [("NC203", "warning", "/x-ncp-apigw-timestamp")]
    assert found(GOOD, edge, timestamp_edge="accepted") == []
    assert found(GOOD, edge, timestamp_edge="refused") == [("NC203", "error", "/x-ncp-apigw-timestamp")]
    (finding,) = validate_headers(GOOD, edge).findings
    assert (finding.reading, finding.pin, str(finding.certainty)) == ("timestamp-edge", "timestamp-edge=accepted", "contested")
    assert not Validator(strict=True).validate_headers(GOOD, edge).ok


@pytest.mark.parametrize(("now", "words"), [(NOW - 300_001, "300,001 ms ahead"), (NOW + 400_000, "400,000 ms behind")])
def test_the_message_states_how_far_and_in_which_direction(now, words):
    (finding,) = validate_headers(GOOD, now).findings
    assert finding.message == f"x-ncp-apigw-timestamp is {words}; at most 300 s are allowed"


def test_without_a_clock_the_age_is_not_checked():
    assert found(GOOD) == found(GOOD, None) == []
    assert found(GOOD | {TIMESTAMP: "0"}) == []
    assert found(GOOD | {TIMESTAMP: "0"}, 0) == []


def test_a_clock_with_fractions_is_a_clock():
    assert found(GOOD, NOW + 0.5) == []
    assert found(GOOD, time.time() * 1000) == [("NC203", "error", "/x-ncp-apigw-timestamp")]


# -- access key and signature -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["k", ACCESS, "!~", "a-b_c.d/e+f="])
def test_printable_ascii_is_an_access_key(value):
    assert with_value(KEY, value) == []


@pytest.mark.parametrize("value", ["", " ", "KEY\n", " KEY", "KEY ", "KE Y", "KEY\0", "KEY\x7f", "KÉY", "키", "\ud800"])
def test_characters_that_no_access_key_contains_are_rejected(value):
    assert with_value(KEY, value) == [("NC204", "error", "/x-ncp-iam-access-key")]


@pytest.mark.parametrize(
    "value",
    [
        "cSilA3+iXudyHCy8RVF4308EGdStb/9B3nlcigZ+HiM=",
        "n3aI6cig/FSAvKujTdMyP3QMZoXT2cD12Z9bsWZtObw=",
        "qq532LMtNzeFqnqfLTMyyDVsZrcJvIS2PHy9eaDIDdg=",
        "A" * 43 + "=",
    ],
)
def test_the_base64_form_of_32_bytes_is_a_signature(value):
    assert with_value(SIGNATURE, value) == []


@pytest.mark.parametrize(
    "value",
    [
        "",
        "7128a5037fa25ee7721c2cbc455178df4f0419d4ad6fff41de795c8a067e1e23",  # a hexadecimal digest
        "cSilA3-iXudyHCy8RVF4308EGdStb_9B3nlcigZ-HiM=",  # the URL-safe alphabet
        "cSilA3+iXudyHCy8RVF4308EGdStb/9B3nlcigZ+HiM",  # no padding
        "cSilA3+iXudyHCy8RVF4308EGdStb/9B3nlcigZ+HiM==",
        "cSilA3+iXudyHCy8RVF4308EGdStb/9B3nlcigZ+HiN=",  # bits that no 32 bytes have
        "cSilA3+iXudyHCy8RVF4308EGdStb/9B3nlcigZ+Hi9=",
        "cSilA3+iXudyHCy8RVF4308EGdStb/9B3nlcigZ+Hi=",  # 31 bytes and a bit
        "cSilA3+iXudyHCy8RVF4308EGdStb/9B3nlcigZ+HiM=\n",
        " cSilA3+iXudyHCy8RVF4308EGdStb/9B3nlcigZ+HiM=",
        "A" * 27 + "=",  # 20 bytes: SHA-1
        "cSilA3+iXudyHCy8RVF4308EGdStb/9B3nlcigZ+Hiм=",  # a Cyrillic letter
    ],
)
def test_what_is_not_the_base64_form_of_32_bytes_is_rejected(value):
    assert with_value(SIGNATURE, value) == [("NC205", "error", "/x-ncp-apigw-signature-v2")]


def test_the_message_on_a_signature_states_its_length_only():
    (finding,) = validate_headers(GOOD | {SIGNATURE: "f" * 64}).findings
    assert finding.message == "x-ncp-apigw-signature-v2 is not the Base64 encoding of 32 bytes (it has 64 characters)"


def test_all_findings_are_reported_at_once_in_the_order_of_the_page():
    headers = [(TIMESTAMP, "x"), (TIMESTAMP, "y"), (SIGNATURE, "z"), ("content-type", "text/plain")]
    assert found(headers, NOW) == [
        ("NC201", "error", "/x-ncp-apigw-timestamp"),
        ("NC202", "error", "/x-ncp-apigw-timestamp"),
        ("NC200", "error", "/x-ncp-iam-access-key"),
        ("NC205", "error", "/x-ncp-apigw-signature-v2"),
        ("NC206", "warning", "/content-type"),
    ]


# -- content type -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["application/json", "Application/JSON", "application/json; charset=utf-8", " application/json ;x=y"])
@pytest.mark.parametrize("option", ["any", "json-only"])
def test_json_is_always_a_valid_content_type(value, option):
    assert found(GOOD | {"Content-Type": value}, request_content_type=option) == []
    assert found(GOOD | {"Content-Type": value}) == []


@pytest.mark.parametrize(
    "value", ["application/x-www-form-urlencoded", "text/json", "application/jsonx", "application/json, text/html", ""]
)
def test_another_content_type_is_undecided_until_it_is_pinned(value):
    headers = GOOD | {"Content-Type": value}
    assert found(headers) == [("NC206", "warning", "/content-type")]
    assert found(headers, request_content_type="any") == []
    assert found(headers, request_content_type="json-only") == [("NC206", "error", "/content-type")]
    (finding,) = validate_headers(headers).findings
    assert (finding.pin, str(finding.certainty)) == ("request-content-type=any", "undecided")
    assert finding.expects == (Answer(400, None), Answer(404, None), Answer(409, None), Answer(422, None))


def test_no_content_type_is_fine_since_requests_without_a_body_have_none():
    assert found(GOOD, request_content_type="json-only") == []


# -- expected responses -----------------------------------------------------------------------------------------------------------------

BROKEN = [
    {},
    [*PAIRS, (KEY, "K")],
    GOOD | {TIMESTAMP: "soon"},
    GOOD | {TIMESTAMP: "1"},
    GOOD | {KEY: ""},
    GOOD | {SIGNATURE: ""},
    None,
]


@pytest.mark.parametrize("headers", BROKEN)
@pytest.mark.parametrize(("readings", "code"), [({}, "10100"), ({"auth-refusal": "nclue"}, "10100"), ({"auth-refusal": "gateway"}, "200")])
def test_which_component_rejects_an_unsigned_request_is_a_reading(headers, readings, code):
    report = Validator(readings).validate_headers(headers, NOW)
    assert not report.ok
    assert report.expects == (Answer(401, code),)


def test_the_module_function_uses_the_defaults():
    for headers in [GOOD, *BROKEN]:
        assert validate_headers(headers, NOW) == Validator().validate_headers(headers, NOW)
    assert validate_headers(GOOD, now_ms=NOW).ok


def test_a_rule_can_be_passed_over():
    assert Validator(ignore=["header-missing"]).validate_headers({}).findings == ()


# -- secrets ----------------------------------------------------------------------------------------------------------------------------


class Spilling:
    def __init__(self, error):
        self.error = error

    def __iter__(self):
        raise self.error


SECRETS = {
    "timestamp with letters": {TIMESTAMP: "canary"},
    "key with a space": {KEY: "canary canary"},
    "short signature": {SIGNATURE: "canary"},
    "all": {TIMESTAMP: "canary", KEY: "canary\n", SIGNATURE: "canary"},
    "a name that is none": [("canary",)],
    "three parts": [(KEY, "canary", "canary")],
    "a pair that is text": ["canary"],
    "text": "canary",
    "bytes": b"canary",
    "a value that is no text": {KEY: ["canary"]},
    "a type error": Spilling(TypeError("canary")),
    "an error": Spilling(ValueError("canary")),
}


@pytest.mark.parametrize("headers", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("repeated", [False, True])
def test_no_value_is_stored_or_printed(headers, repeated):
    if isinstance(headers, dict):
        pairs = list((GOOD | headers).items())
        headers = pairs * 2 if repeated else pairs
    report = validate_headers(headers, NOW + 10**9)
    assert report.findings
    with pytest.raises(ContractError) as raised:
        report.raise_for_errors()
    messages = [str(report), repr(report), repr(report.findings), str(report.to_dict()), str(raised.value), repr(raised.value)]
    messages += [f.message + str(f.text) + str(f.suggestion) + f.pointer for f in report.findings]
    stored = pickle.dumps(report)
    for secret in ["canary", "1732589296000", ACCESS, "cSilA3+iXudyHCy8RVF4308EGdStb"]:
        assert secret not in "".join(messages)
        assert secret.encode() not in stored


def test_a_report_survives_pickling():
    report = validate_headers({}, NOW)
    assert pickle.loads(pickle.dumps(report)) == report


# -- anything -----------------------------------------------------------------------------------------------------------------------------


class Hostile(Mapping):
    """A mapping that fails at the given place."""

    def __init__(self, where):
        self.where = where

    def __getattribute__(self, name):
        if name == "items" and object.__getattribute__(self, "where") == "attribute":
            raise RuntimeError
        return object.__getattribute__(self, name)

    def items(self):
        if self.where == "call":
            raise RuntimeError
        return iter([(KEY, self)] if self.where == "value" else [self] if self.where == "pair" else [(self, "x")])

    def __getitem__(self, name):
        raise KeyError(name)

    def __iter__(self):
        raise RecursionError

    def __len__(self):
        return 3

    def __str__(self):
        raise RuntimeError

    __repr__ = __str__


class MuteError(TypeError):
    def __str__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    "headers",
    [
        None,
        0,
        True,
        1.5,
        "",
        "x",
        b"",
        b"x",
        object(),
        dict,
        dict.items,
        len,
        {"a"},
        [None],
        [("a",)],
        [("a", "b", "c")],
        ["ab"],
        [b"ab"],
        [repeat("x")],
        {KEY: None},
        {None: "x"},
        {KEY: 1.5},
        {KEY: True},
        {KEY: 10**5000},
        *map(Hostile, ["attribute", "call", "value", "pair", "name"]),
        Spilling(MuteError()),
    ],
    ids=lambda headers: type(headers).__name__,
)
def test_what_cannot_be_read_as_headers_is_a_finding(headers):
    report = validate_headers(headers, NOW)
    assert [(f.rule, f.pointer) for f in report.findings] == [("NC207", "")]
    assert len(str(report)) < 1000


def test_the_message_on_unreadable_headers_states_what_was_expected():
    for headers, kind in ((["x"], "an array"), (5, "a number"), ("x", "a string")):
        (finding,) = validate_headers(headers).findings
        assert finding.message == f"headers are {kind}: expected a mapping, or pairs of name and value"
    (finding,) = validate_headers({KEY: None}).findings
    assert finding.message == "headers are an object: a name or value is null"


TEXTS = st.sampled_from([TIMESTAMP, KEY.upper(), SIGNATURE.encode(), "content-type", *GOOD.values()]) | st.text() | st.binary()
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(st.none() | st.integers() | TEXTS, inner) | st.tuples(inner, inner),
    max_leaves=10,
)


@given(ANYTHING | st.lists(st.tuples(TEXTS, TEXTS)), st.none() | st.integers() | st.floats())
def test_nothing_makes_it_raise(headers, now_ms):
    """For any object as headers and any clock there is a report, its findings can be formatted, and all are of the headers' rules."""
    report = validate_headers(headers, now_ms)
    assert str(report)
    assert {f.rule for f in report.findings} <= {"NC200", "NC201", "NC202", "NC203", "NC204", "NC205", "NC206", "NC207"}
    assert all(len(f.message) < 1000 for f in report.findings)


@given(st.integers(-(10**6), 10**6))
def test_the_skew_is_rejected_beyond_five_minutes_and_nowhere_else(skew):
    """For every skew s: an error exactly if |s| > 300,000 ms, a warning exactly if |s| = 300,000 ms."""
    report = validate_headers(GOOD, NOW + skew)
    assert len(report.errors) == (abs(skew) > 300_000)
    assert len(report.warnings) == (abs(skew) == 300_000)
