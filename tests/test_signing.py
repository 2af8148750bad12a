"""Signature v2 step by step, its verification, and that no secret is ever printed.

The vectors are one folder per case with one file per step. The signatures of `create-task`, `list-tasks` and `get-task` are typed by hand
from our notes on the pages; the others were computed with `openssl dgst -sha256 -hmac`.
"""

import base64
import copy
import hashlib
import hmac
import logging
import pickle
import pprint
import traceback
from itertools import repeat
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.vendor import pretty

from nclue_contract import ContractError, Readings
from nclue_contract.signing import EXAMPLE, Credentials, now_ms, signature, signed_headers, string_to_sign
from nclue_contract.validation.signature import Verifier, verify
from nclue_contract.validation.signature_mistakes import MAX_PAIRS, MAX_SINGLE, SignedParts, attempts, find_mistakes, time_zone
from tests.support.forked_command import PYTEST, run_forked
from tests.support.signing import ACCESS, KEY, NOW, SECRET, SIGNATURE, TIMESTAMP

CREDENTIALS = Credentials(ACCESS, SECRET)
TASKS = "/api/v1/tasks"
PAGED = "/api/v1/tasks?index=0&limit=20"

VECTORS = sorted(path for path in (Path(__file__).parent / "vectors").iterdir() if path.is_dir())
each_vector = pytest.mark.parametrize("vector", VECTORS, ids=lambda path: path.name)


def step(vector, name):
    return (vector / name).read_bytes().decode("utf-8")


def by_hand(message, secret=SECRET):
    """RFC 2104 without the module that the package uses, so that a slip there would show."""
    key = secret.encode().ljust(64, b"\0")
    assert len(key) == 64
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key) + message.encode()).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in key) + inner).digest()


def headers_for(message, **changed):
    """Headers with the signature of any message; `changed` replaces others of them by the last word of their names."""
    values = {TIMESTAMP: str(NOW), KEY: ACCESS, SIGNATURE: base64.b64encode(by_hand(message)).decode()}
    return values | {name: changed[name.split("-")[3]] for name in values if name.split("-")[3] in changed}


# -- the steps --------------------------------------------------------------------------------------------------------------------------


def test_the_three_check_values_are_among_the_vectors():
    known = {(step(path, "method"), step(path, "target"), step(path, "signature")) for path in VECTORS}
    assert known >= {
        ("POST", "/api/v1/tasks", "cSilA3+iXudyHCy8RVF4308EGdStb/9B3nlcigZ+HiM="),
        ("GET", "/api/v1/tasks?index=0&limit=20", "n3aI6cig/FSAvKujTdMyP3QMZoXT2cD12Z9bsWZtObw="),
        ("GET", "/api/v1/tasks/f5aebc0c-0000-4000-8000-b201bc64b1c9", "qq532LMtNzeFqnqfLTMyyDVsZrcJvIS2PHy9eaDIDdg="),
    }


@each_vector
def test_step_1_the_string_to_sign(vector):
    wanted = (vector / "string-to-sign").read_bytes()
    method, target, timestamp, access_key = (step(vector, name) for name in ("method", "target", "timestamp", "access-key"))
    assert string_to_sign(method, target, timestamp, access_key) == wanted
    assert string_to_sign(method, target.encode(), int(timestamp), access_key) == wanted


@each_vector
def test_step_2_the_signature(vector):
    message, secret = (vector / "string-to-sign").read_bytes(), step(vector, "secret-key")
    assert signature(secret, message) == step(vector, "signature")
    assert base64.b64encode(by_hand(message.decode(), secret)).decode() == step(vector, "signature")


@each_vector
def test_step_3_the_headers(vector):
    credentials = Credentials(step(vector, "access-key"), step(vector, "secret-key"))
    headers = signed_headers(step(vector, "method"), step(vector, "target"), credentials, int(step(vector, "timestamp")))
    assert "".join(f"{name}: {value}\n" for name, value in headers.items()) == step(vector, "headers")


@each_vector
def test_the_way_back(vector):
    headers = dict(line.split(": ") for line in step(vector, "headers").splitlines())
    keys = {"EXAMPLEACCESSKEY0002": "another", step(vector, "access-key"): step(vector, "secret-key")}
    verification = verify(step(vector, "method"), step(vector, "target"), headers, keys, int(step(vector, "timestamp")))
    assert (verification.ok, verification.reason, verification.sentence) == (True, None, "the signature is right")


@pytest.mark.parametrize("target", ["https://nclue.apigw.ntruss.com/api/v1/tasks", "tasks", "", "?index=0"])
def test_a_target_begins_with_a_slash(target):
    with pytest.raises(ValueError, match="must begin with a slash"):
        string_to_sign("GET", target, NOW, ACCESS)


@pytest.mark.parametrize("target", ["/학습", "/a b", "/a\n", "/\x7f", "/é", "/\udc80"])
def test_a_target_that_no_request_line_can_contain_is_rejected(target):
    with pytest.raises(ValueError, match="percent-encode it"):
        string_to_sign("GET", target, NOW, ACCESS)


def test_a_target_of_bytes_is_signed_unchanged():
    assert string_to_sign("GET", "/학습".encode(), NOW, ACCESS) == f"GET /학습\n{NOW}\n{ACCESS}".encode()


@pytest.mark.parametrize("method", ["", "GE T", "GET\n", "ＧＥＴ", "ß"])
def test_a_method_is_a_name(method):
    with pytest.raises(ValueError, match="method"):
        string_to_sign(method, "/", NOW, ACCESS)


def test_a_method_may_hold_every_character_of_a_token():
    assert string_to_sign("09azAZ!#$%&'*+.^_`|~-", "/", NOW, ACCESS).startswith(b"09AZAZ!#$%&'*+.^_`|~- /\n")


@pytest.mark.parametrize("now", [-1, 1.7e12, 10**15, "", "1732589296000\n", "１７３２"])
def test_a_timestamp_is_a_decimal_number_of_milliseconds(now):
    with pytest.raises(ValueError, match="milliseconds"):
        signed_headers("GET", "/", CREDENTIALS, now)


@pytest.mark.parametrize("access", ["", "EXAMPLE KEY", f"{ACCESS}\n", f"{ACCESS}\x7f", "키", "é", "\udc80"])
def test_an_access_key_that_no_header_can_contain_is_rejected_and_not_shown(access):
    with pytest.raises(ValueError, match="the access key is empty, or holds a character that keys do not have") as caught:
        string_to_sign("GET", "/", NOW, access)
    assert not access or access not in str(caught.value)


# -- credentials -------------------------------------------------------------------------------------------------------------------------


def test_credentials_come_from_the_environment_without_white_space():
    environ = {"NCLUE_ACCESS_KEY": f" {ACCESS}\n", "NCLUE_SECRET_KEY": f"{SECRET}\r\n", "HOME": "/"}
    assert Credentials.from_environment(environ) == CREDENTIALS


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({}, "variables NCLUE_ACCESS_KEY and NCLUE_SECRET_KEY must"),
        ({"NCLUE_ACCESS_KEY": ACCESS}, "variable NCLUE_SECRET_KEY must"),
        ({"NCLUE_SECRET_KEY": SECRET, "NCLUE_ACCESS_KEY": " \n"}, "variable NCLUE_ACCESS_KEY must"),
    ],
)
def test_a_missing_variable_is_named(environ, named):
    with pytest.raises(ValueError, match=named) as caught:
        Credentials.from_environment(environ)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ((None, SECRET), "the access key is a string, not NoneType"),
        ((ACCESS, SECRET.encode()), "the secret key is a string, not bytes"),
    ],
)
def test_a_key_of_another_type_is_named_and_not_shown(keys, words):
    with pytest.raises(TypeError, match=f"^{words}$"):
        Credentials(*keys)


@pytest.mark.parametrize("secret", ["", " ", "\n", f" {SECRET}", f"{SECRET}\t"])
def test_a_secret_key_is_not_empty_and_has_no_white_space_around_it(secret):
    with pytest.raises(ValueError, match="the secret key is empty, or has white space around it"):
        Credentials(ACCESS, secret)


def test_headers_need_credentials():
    message = r"^credentials are a Credentials object, Credentials\(access_key, secret_key\), not dict$"
    with pytest.raises(TypeError, match=message):
        signed_headers("GET", "/", {ACCESS: SECRET}, NOW)


def test_the_example_keys_are_those_of_the_documentation():
    assert (EXAMPLE.access_key, EXAMPLE.secret_key) == (ACCESS, SECRET)


def test_the_time_of_this_machine_is_in_whole_milliseconds(monkeypatch):
    monkeypatch.setattr("time.time_ns", lambda: 1_732_589_296_123_999_999)
    assert now_ms() == 1_732_589_296_123


def test_credentials_are_equal_when_both_keys_are():
    assert Credentials(ACCESS, SECRET) == CREDENTIALS
    assert hash(Credentials(ACCESS, SECRET)) == hash(CREDENTIALS)
    for other in (Credentials(ACCESS, "other"), Credentials("OTHER", SECRET)):
        assert other != CREDENTIALS
        assert hash(other) != hash(CREDENTIALS)
    assert CREDENTIALS != (ACCESS, SECRET)
    assert CREDENTIALS == mock.ANY, "another class decides about itself"
    assert copy.copy(CREDENTIALS) == copy.deepcopy(CREDENTIALS) == CREDENTIALS
    for name in ("access_key", "secret_key", "anything"):
        with pytest.raises(AttributeError):
            setattr(CREDENTIALS, name, "x")


# -- findings ----------------------------------------------------------------------------------------------------------------------------

GOOD = signed_headers("GET", PAGED, CREDENTIALS, NOW)

REFUSED = {
    "no header at all": ({}, "header-missing", "NC200"),
    "no signature": ({name: value for name, value in GOOD.items() if name != SIGNATURE}, "header-missing", "NC200"),
    "an empty timestamp": (GOOD | {TIMESTAMP: ""}, "timestamp-format", "NC202"),
    "a timestamp in ISO 8601": (GOOD | {TIMESTAMP: "2024-11-26T02:48:16Z"}, "timestamp-format", "NC202"),
    "a key with a line feed": (GOOD | {KEY: ACCESS + "\n"}, "access-key-format", "NC204"),
    "an unknown key": (GOOD | {KEY: "EXAMPLEACCESSKEY0002"}, "access-key-unknown", "NC209"),
    "a key in lower case": (GOOD | {KEY: ACCESS.lower()}, "access-key-unknown", "NC209"),
    "a malformed signature": (GOOD | {SIGNATURE: "abc"}, "signature-format", "NC205"),
    "the signature of something else": (GOOD | {SIGNATURE: base64.b64encode(bytes(32)).decode()}, "signature-mismatch", "NC208"),
    "a header twice": ([*GOOD.items(), (TIMESTAMP, str(NOW))], "header-repeated", "NC201"),
    "no headers but a number": (5, "headers-readable", "NC207"),
}


@pytest.mark.parametrize(("headers", "reason", "rule"), REFUSED.values(), ids=REFUSED.keys())
def test_the_defective_part_is_named(headers, reason, rule):
    verification = verify("GET", PAGED, headers, CREDENTIALS, NOW)
    assert not verification.ok
    assert verification.reason == reason
    assert {finding.rule for finding in verification.report.findings} == {rule}
    assert {(answer.status, answer.code) for answer in verification.report.expects} == {(401, "10100")}
    assert verification.mistakes == ()
    with pytest.raises(ContractError):
        verification.report.raise_for_errors()


@pytest.mark.parametrize(
    ("ahead", "pins", "expected"),
    [
        (300_000, {}, (None, ["warning"])),
        (-300_000, {}, (None, ["warning"])),
        (300_000, {"timestamp-edge": "accepted"}, (None, [])),
        (300_000, {"timestamp-edge": "refused"}, ("timestamp-skew", ["error"])),
        (-300_000, {"timestamp-edge": "refused"}, ("timestamp-skew", ["error"])),
        (299_999, {"timestamp-edge": "refused"}, (None, [])),
        (300_001, {"timestamp-edge": "accepted"}, ("timestamp-skew", ["error"])),
        (-300_001, {}, ("timestamp-skew", ["error"])),
    ],
)
def test_five_minutes_are_the_limit_and_the_reading_decides_about_the_edge(ahead, pins, expected):
    verification = verify("GET", PAGED, signed_headers("GET", PAGED, CREDENTIALS, NOW + ahead), CREDENTIALS, NOW, pins)
    assert (verification.reason, [str(finding.severity) for finding in verification.report.findings]) == expected
    assert {finding.rule for finding in verification.report.findings} <= {"NC203"}


def test_all_findings_are_reported_at_once():
    headers = signed_headers("GET", TASKS, CREDENTIALS, NOW - 400_000)
    verification = verify("GET", PAGED, headers, CREDENTIALS, NOW)
    assert [finding.rule for finding in verification.report.errors] == ["NC203", "NC208"]
    assert [mistake.word for mistake in verification.mistakes] == ["query-missing"]
    assert verification.sentence == (
        "x-ncp-apigw-timestamp is 400,000 ms behind; at most 300 s are allowed; the path was signed without the query"
    )


def test_an_unknown_key_without_a_mistake_has_no_hint():
    verification = verify("GET", PAGED, GOOD | {KEY: "EXAMPLEACCESSKEY0002"}, CREDENTIALS, NOW)
    assert verification.sentence == "x-ncp-iam-access-key holds a key that the server does not know"


def test_a_request_that_cannot_be_read_is_a_finding():
    (finding,) = verify(None, PAGED, GOOD, CREDENTIALS, NOW).report.findings
    assert (finding.rule, finding.pointer, finding.message) == ("NC207", "", "the request cannot be read: AttributeError")


def test_of_repeated_timestamps_the_first_one_explains_the_clock():
    headers = [(TIMESTAMP, str(NOW // 1000)), *GOOD.items()]
    assert [mistake.word for mistake in verify("GET", PAGED, headers, CREDENTIALS, NOW).mistakes] == ["timestamp-seconds"]


def test_a_secret_with_a_lone_surrogate_is_verified():
    credentials = Credentials(ACCESS, f"{SECRET}\udc80")
    assert verify("GET", PAGED, signed_headers("GET", PAGED, credentials, NOW), credentials, NOW).ok


class OddText(str):
    """A text that encodes to something else."""

    __slots__ = ()

    def encode(self, *_):
        return b"other"


def test_a_secret_is_what_its_text_is_whatever_its_class_does():
    assert verify("GET", OddText(PAGED), GOOD, {ACCESS: OddText(SECRET)}, NOW).ok


def test_a_clock_that_is_none_is_a_clock_too_far_away():
    verification = verify("GET", PAGED, GOOD, CREDENTIALS, "soon")
    assert (verification.reason, verification.mistakes) == ("timestamp-skew", ())


def test_of_several_api_keys_the_first_one_explains_a_signature():
    headers = headers_for(f"GET {PAGED}\n{NOW}\nEXAMPLEAPIKEY\n{ACCESS}")
    pairs = [*headers.items(), ("x-ncp-apigw-api-key", "EXAMPLEAPIKEY"), ("x-ncp-apigw-api-key", "EXAMPLEOTHER")]
    assert [m.word for m in verify("GET", PAGED, pairs, CREDENTIALS, NOW).mistakes] == ["api-key-signed"]


def test_each_target_is_verified_at_the_same_time():
    headers = signed_headers("GET", "/a?", CREDENTIALS, NOW)
    verification = Verifier().any_of("GET", ["/a", "/a?"], headers, CREDENTIALS, NOW + 300_000)
    assert [(finding.rule, str(finding.severity)) for finding in verification.report.findings] == [("NC203", "warning")]


def test_the_expected_rejection_follows_the_reading():
    report = verify("GET", PAGED, {}, CREDENTIALS, NOW, {"auth-refusal": "gateway"}).report
    assert {(answer.status, answer.code) for answer in report.expects} == {(401, "200")}
    assert Verifier(Readings.choose(("test", {"auth-refusal": "gateway"})))("GET", PAGED, {}, CREDENTIALS, NOW).report == report


def test_an_unknown_reading_is_the_callers_mistake():
    with pytest.raises(ValueError, match="unknown reading"):
        verify("GET", PAGED, GOOD, CREDENTIALS, NOW, {"timestamp-edges": "accepted"})


def test_a_verification_is_neither_true_nor_false():
    with pytest.raises(TypeError, match=r"use verification\.ok"):
        bool(verify("GET", PAGED, GOOD, CREDENTIALS, NOW))


def test_other_headers_do_not_matter():
    headers = [("Content-Type", "text/plain"), *((name.upper().encode(), value.encode()) for name, value in GOOD.items()), ("Host", "h")]
    assert verify("get", PAGED.encode(), headers, {ACCESS: SECRET}, NOW, {"request-content-type": "json-only"}).report.findings == ()


# -- why a signature is invalid ------------------------------------------------------------------------------------------------------------

TAIL = f"{NOW}\n{ACCESS}"

SIGNED = {
    "the method in lower case": (f"get {PAGED}\n{TAIL}", ["method-lower-case"]),
    "GET and POST swapped": (f"POST {PAGED}\n{TAIL}", ["method-other"]),
    "no /api/v1": (f"GET /tasks?index=0&limit=20\n{TAIL}", ["base-path-missing"]),
    "no query": (f"GET /api/v1/tasks\n{TAIL}", ["query-missing"]),
    "a query without path": (f"GET ?index=0&limit=20\n{TAIL}", ["path-missing"]),
    "a query without path and question mark": (f"GET index=0&limit=20\n{TAIL}", ["path-missing"]),
    "a tab behind the method": (f"GET\t{PAGED}\n{TAIL}", ["method-separator"]),
    "two spaces behind the method": (f"GET  {PAGED}\n{TAIL}", ["method-separator"]),
    "the URL without TLS": (f"GET http://gateway.example:8443{PAGED}\n{TAIL}", ["host-included"]),
    "no first slash": (f"GET api/v1/tasks?index=0&limit=20\n{TAIL}", ["slash-first"]),
    "a last slash": (f"GET /api/v1/tasks/?index=0&limit=20\n{TAIL}", ["slash-last"]),
    "the host": (f"GET gateway.example:8443{PAGED}\n{TAIL}", ["host-included"]),
    "the whole URL": (f"GET https://gateway.example:8443{PAGED}\n{TAIL}", ["host-included"]),
    "a line feed at the end": (f"GET {PAGED}\n{TAIL}\n", ["line-end-added"]),
    "CR LF at the end": (f"GET {PAGED}\n{TAIL}\r\n", ["line-end-added"]),
    "CR LF between": (f"GET {PAGED}\r\n{NOW}\r\n{ACCESS}", ["line-end-cr-lf"]),
    "a backslash and an n": (f"GET {PAGED}\\n{NOW}\\n{ACCESS}", ["line-end-literal"]),
    "seconds": (f"GET {PAGED}\n{NOW // 1000}\n{ACCESS}", ["timestamp-seconds"]),
    "a second call of the clock": (f"GET {PAGED}\n{NOW + 3}\n{ACCESS}", ["timestamp-other"]),
    "the query in another order": (f"GET /api/v1/tasks?limit=20&index=0\n{TAIL}", ["query-rebuilt"]),
    "the host of the service": (f"GET https://nclue.apigw.ntruss.com{PAGED}\n{TAIL}", ["host-included"]),
    "no method": (f"{PAGED}\n{TAIL}", ["method-missing"]),
    "the path on a line of its own": (f"GET\n{PAGED}\n{TAIL}", ["method-separator"]),
    "no space behind the method": (f"GET{PAGED}\n{TAIL}", ["method-separator"]),
    "the query encoded as one word": (f"GET /api/v1/tasks?index%3D0%26limit%3D20\n{TAIL}", ["target-encoded"]),
    "the target encoded as one word": (f"GET %2Fapi%2Fv1%2Ftasks%3Findex%3D0%26limit%3D20\n{TAIL}", ["target-encoded"]),
    "milliseconds with a fraction": (f"GET {PAGED}\n{NOW}.0\n{ACCESS}", ["timestamp-fraction"]),
    "seconds with a fraction": (f"GET {PAGED}\n1732589296.0\n{ACCESS}", ["timestamp-fraction"]),
    "no line ends": (f"GET {PAGED}{NOW}{ACCESS}", ["line-end-missing"]),
    "spaces for line ends": (f"GET {PAGED} {NOW} {ACCESS}", ["line-end-missing"]),
    "an option of echo": (f"-e GET {PAGED}\n{TAIL}", ["shell-echo"]),
    "another option of echo": (f"-n GET {PAGED}\n{TAIL}", ["shell-echo"]),
    "joined options of echo": (f"-ne GET {PAGED}\n{TAIL}", ["shell-echo"]),
    "joined options of echo, the other way": (f"-en GET {PAGED}\n{TAIL}", ["shell-echo"]),
    "two options of echo": (f"-n -e GET {PAGED}\n{TAIL}", ["shell-echo"]),
    "echo without -n in sh": (f"-e GET {PAGED}\n{TAIL}\n", ["line-end-added", "shell-echo"]),
    "quotes around the string": (f'"GET {PAGED}\n{TAIL}"', ["message-quoted"]),
    "no access key": (f"GET {PAGED}\n{NOW}", ["access-key-missing"]),
    "no access key, but a line end": (f"GET {PAGED}\n{NOW}\n", ["line-end-added", "access-key-missing"]),
    "no access key and no query": (f"GET {TASKS}\n{NOW}", ["query-missing", "access-key-missing"]),
    "no timestamp": (f"GET {PAGED}\n{ACCESS}", ["timestamp-missing"]),
    "neither timestamp nor access key": (f"GET {PAGED}", ["timestamp-missing"]),
    "the timestamp first": (f"{NOW}\nGET {PAGED}\n{ACCESS}", ["line-order"]),
    "the access key before the timestamp": (f"GET {PAGED}\n{ACCESS}\n{NOW}", ["line-order"]),
    "the string of another API": (f"{NOW}.GET.{TASKS}", ["other-service"]),
    "the string of another API with the query": (f"{NOW}.GET.{PAGED}", ["other-service"]),
    "the path as the page prints it": (f"GET tasks?index=0&limit=20\n{TAIL}", ["base-path-missing", "slash-first"]),
    "neither /api/v1 nor query": (f"GET /tasks\n{TAIL}", ["base-path-missing", "query-missing"]),
    "CR LF everywhere": (f"GET {PAGED}\r\n{NOW}\r\n{ACCESS}\r\n", ["line-end-added", "line-end-cr-lf"]),
    "another path": (f"GET /api/v1/features\n{TAIL}", []),
}


@pytest.mark.parametrize(("message", "words"), SIGNED.values(), ids=SIGNED.keys())
def test_a_usual_mistake_is_recognised(message, words):
    headers = headers_for(message) | {"Host": "gateway.example:8443"}
    verification = verify("GET", PAGED, headers, CREDENTIALS, NOW)
    assert verification.reason == "signature-mismatch"
    assert [mistake.word for mistake in verification.mistakes] == words
    assert all(verification.sentence.count(mistake.sentence) == 1 for mistake in verification.mistakes)
    assert verification.report.errors[-1].causes == tuple(words)
    assert ("no usual mistake explains it" in verification.sentence) == (not words)


PAIRED = {
    *("base-path-missing", "slash-first", "slash-last", "query-missing", "path-missing", "host-included", "timestamp-seconds"),
    *("line-end-added", "line-end-cr-lf", "line-end-literal", "shell-echo", "access-key-missing"),
}
"""The mistakes that clients make together with others; to try all pairs would take too long."""


@pytest.mark.parametrize("name", [name for name, (_, words) in SIGNED.items() if len(words) == 1 and not words[0].startswith("method-")])
def test_two_mistakes_are_recognised_where_they_are_usual_together(name):
    message, words = SIGNED[name]
    headers = headers_for(message.replace("GET", "get", 1)) | {"Host": "gateway.example:8443"}
    found = [mistake.word for mistake in verify("GET", PAGED, headers, CREDENTIALS, NOW).mistakes]
    assert found == (["method-lower-case", *words] if words[0] in PAIRED else [])


OTHER_TARGETS = {
    "POST with another method": ("POST", TASKS, "GET /api/v1/tasks", "method-other"),
    "a question mark too many": ("POST", TASKS, "POST /api/v1/tasks?", "question-mark-added"),
    "a proxy that cut /api/v1": ("POST", "/tasks", "POST /api/v1/tasks", "base-path-added"),
    "Hangul decoded": ("GET", "/%ED%95%99?n=%EC%8A%B5", "GET /학?n=습", "target-decoded"),
    "a plus decoded": ("GET", "/a?b=c+d", "GET /a?b=c d", "target-decoded"),
    "all of it decoded, with a plus": ("GET", "/a%2Cb?c=d+e", "GET /a,b?c=d e", "target-decoded"),
    "a plus for %20": ("GET", "/a?b=c%20d", "GET /a?b=c+d", "query-rebuilt"),
    "%20 for a plus": ("GET", "/a?b=c+d", "GET /a?b=c%20d", "query-rebuilt"),
    "empty values dropped": ("GET", "/photos/puppy.jpg?query1=&query2&c=d", "GET /photos/puppy.jpg?c=d", "query-rebuilt"),
    "a bare key filled": ("GET", "/photos/puppy.jpg?query1=&query2", "GET /photos/puppy.jpg?query1=&query2=", "query-rebuilt"),
    "percent signs encoded again": ("GET", "/a%20b?c=%33", "GET /a%2520b?c=%2533", "target-encoded"),
    "a decoded path": ("GET", "/a%2Cb", "GET /a,b", "target-decoded"),
    "a decoded query that keeps its plus": ("GET", "/a?b=%2C+c", "GET /a?b=,+c", "target-decoded"),
    "a comma encoded": ("GET", "/a,b?c=d+e", "GET /a%2Cb?c=d+e", "target-encoded"),
    "a comma and a plus encoded": ("GET", "/a,b?c=d+e", "GET /a%2Cb?c=d%2Be", "target-encoded"),
    "a sorted query": ("GET", "/a?c=d&a=b", "GET /a?a=b&c=d", "query-rebuilt"),
    "hexadecimal digits in upper case": ("GET", "/a?b=%ed%95%99", "GET /a?b=%ED%95%99", "query-rebuilt"),
}


@pytest.mark.parametrize(("method", "target", "signed", "word"), OTHER_TARGETS.values(), ids=OTHER_TARGETS.keys())
def test_a_usual_mistake_about_the_target_is_recognised(method, target, signed, word):
    verification = verify(method, target, headers_for(f"{signed}\n{TAIL}"), CREDENTIALS, NOW)
    assert [mistake.word for mistake in verification.mistakes] == [word]


@pytest.mark.parametrize(
    ("target", "order", "words"),
    [
        ("/a?d=4&b=2&c=%33", "/a?c=%33&d=4&b=2", ["query-rebuilt"]),
        ("/a?e=5&d=4&c=3&b=2&a=1", "/a?a=1&b=2&c=3&d=4&e=5", ["query-rebuilt"]),
        ("/a?c=%2f&e=5&a=1&d=4&b=2", "/a?a=1&b=2&c=%2f&d=4&e=5", ["query-rebuilt"]),  # the digits stay in lower case
        ("/a?b=2&a=1&d=4&c=3&e=5", "/a?e=5&c=3&d=4&a=1&b=2", ["query-rebuilt"]),
        ("/a?b=2&a=1&d=4&c=3&e=5", "/a?c=3&b=2&a=1&d=4&e=5", []),
    ],
)
def test_another_order_of_the_query_is_recognised(target, order, words):
    assert [m.word for m in verify("GET", target, headers_for(f"GET {order}\n{TAIL}"), CREDENTIALS, NOW).mistakes] == words


BODY = '{"name": "가"}'
BODY_HASH = hashlib.sha256(BODY.encode()).hexdigest()
WITH_BODY = {
    "behind the access key": (f"POST {TASKS}\n{TAIL}\n{BODY}", ["body-signed"]),
    "without a line end": (f"POST {TASKS}\n{TAIL}{BODY}", ["body-signed"]),
    "alone": (BODY, ["body-signed"]),
    "before the access key": (f"POST {TASKS}\n{NOW}\n{BODY}\n{ACCESS}", ["body-signed"]),
    "its hash": (f"POST {TASKS}\n{TAIL}\n{BODY_HASH}", ["body-signed"]),
    "its hash in Base64": (
        f"POST {TASKS}\n{TAIL}\n{base64.b64encode(bytes.fromhex(BODY_HASH)).decode()}",
        ["body-signed"],
    ),
    "another mistake as well": (f"POST /tasks\n{TAIL}\n{BODY}", ["base-path-missing", "body-signed"]),
}


@pytest.mark.parametrize(("message", "words"), WITH_BODY.values(), ids=WITH_BODY.keys())
def test_a_signed_body_is_recognised_where_the_body_is_known(message, words):
    verification = verify("POST", TASKS, headers_for(message), CREDENTIALS, NOW, body=BODY.encode())
    assert [mistake.word for mistake in verification.mistakes] == words
    assert Verifier()("POST", TASKS, headers_for(message), CREDENTIALS, NOW, BODY.encode()) == verification
    assert verify("POST", TASKS, headers_for(message), CREDENTIALS, NOW).mistakes == ()
    assert verify("POST", TASKS, signed_headers("POST", TASKS, CREDENTIALS, NOW), CREDENTIALS, NOW, body=BODY.encode()).ok


def test_of_a_long_body_only_the_hash_of_one_mistake_is_computed():
    for length, alone, paired in (
        (4096, ["body-signed"], ["query-missing", "body-signed"]),
        (4097, ["body-signed"], []),
        (2**20, ["body-signed"], []),
        (2**20 + 1, [], []),
    ):
        body = b"x" * length
        for message, words in ((f"POST {PAGED}\n{TAIL}", alone), (f"POST {TASKS}\n{TAIL}", paired)):
            headers = headers_for(f"{message}\n{body.decode()}")
            assert [m.word for m in verify("POST", PAGED, headers, CREDENTIALS, NOW, body=body).mistakes] == words


MESSAGE = f"GET {PAGED}\n{TAIL}"


def of(message=MESSAGE, secret=SECRET, algorithm="sha256"):
    """Return the digest in Base64; by `hmac` where `by_hand` has no such hash function."""
    key = secret if isinstance(secret, bytes) else secret.encode()
    text = message if isinstance(message, bytes) else message.encode()
    return base64.b64encode(hmac.digest(key, text, algorithm)).decode()


OTHER_KEYS_AND_HASHES = {
    "double quotes around the secret": (of(secret=f'"{SECRET}"'), ["secret-quoted"]),
    "single quotes around the secret": (of(secret=f"'{SECRET}'"), ["secret-quoted"]),
    "a quoted secret and no query": (of(f"GET {TASKS}\n{TAIL}", f'"{SECRET}"'), ["query-missing", "secret-quoted"]),
    "the secret encoded in Base64": (of(secret=base64.b64encode(SECRET.encode())), ["secret-decoded"]),
    "no secret": (of(secret=""), ["secret-missing"]),
    "a variable of JavaScript without value": (of(secret="undefined"), ["secret-missing"]),
    "null in JavaScript": (of(secret="null"), ["secret-missing"]),
    "None in Python": (of(secret="None"), ["secret-missing"]),
    "a setting that is off": (of(secret="False"), ["secret-missing"]),
    "a secret with its line end": (of(secret=f"{SECRET}\n"), ["secret-padded"]),
    "a secret with the line end of Windows": (of(secret=f"{SECRET}\r\n"), ["secret-padded"]),
    "a secret with a blank": (of(secret=f"{SECRET} "), ["secret-padded"]),
    "the secret in hexadecimal": (of(secret=SECRET.encode().hex()), ["secret-decoded"]),
    "swapped arguments": (of(SECRET, MESSAGE), ["hmac-arguments-swapped"]),
    "swapped arguments, no query": (of(SECRET, f"GET {TASKS}\n{TAIL}"), ["query-missing", "hmac-arguments-swapped"]),
    "SHA-1": (of(algorithm="sha1"), ["hash-sha1"]),
    "SHA-384": (of(algorithm="sha384"), ["hash-sha384"]),
    "SHA-512": (of(algorithm="sha512"), ["hash-sha512"]),
    "SHA-512 in hexadecimal": (base64.b64decode(of(algorithm="sha512")).hex(), ["signature-hex", "hash-sha512"]),
    "SHA-1 in hexadecimal": (base64.b64decode(of(algorithm="sha1")).hex(), ["signature-hex", "hash-sha1"]),
    "SHA-384 in hexadecimal": (base64.b64decode(of(algorithm="sha384")).hex(), ["signature-hex", "hash-sha384"]),
    "SHA-1 without query and with CR LF": (
        of(f"GET {TASKS}\r\n{NOW}\r\n{ACCESS}", algorithm="sha1"),
        ["query-missing", "line-end-cr-lf", "hash-sha1"],
    ),
    "a hash without HMAC": (base64.b64encode(hashlib.sha256(MESSAGE.encode()).digest()).decode(), ["hmac-missing"]),
    "a hash with the secret behind": (base64.b64encode(hashlib.sha256((MESSAGE + SECRET).encode()).digest()).decode(), ["hmac-missing"]),
    "UTF-16": (of(MESSAGE.encode("utf-16-le")), ["message-utf-16"]),
    "UTF-16 for the secret too": (of(MESSAGE.encode("utf-16-le"), SECRET.encode("utf-16-le")), ["message-utf-16"]),
    "the secret itself": (SECRET, ["secret-as-signature"]),
    "the secret in Base64": (base64.b64encode(SECRET.encode()).decode(), ["secret-as-signature"]),
    "the access key": (ACCESS, ["access-key-as-signature"]),
}


LOWER_CASE = MESSAGE.replace("GET", "get")
PAIRED_SECRETS = {
    "secret-quoted": of(LOWER_CASE, f"'{SECRET}'"),
    "secret-padded": of(LOWER_CASE, f"{SECRET}\n"),
    "hmac-arguments-swapped": of(SECRET, LOWER_CASE),
}
UNPAIRED_SECRETS = {
    "secret-decoded": of(LOWER_CASE, base64.b64encode(SECRET.encode())),
    "secret-missing": of(LOWER_CASE, ""),
    "hmac-missing": base64.b64encode(hashlib.sha256(LOWER_CASE.encode()).digest()).decode(),
    "message-utf-16": of(LOWER_CASE.encode("utf-16-le")),
}


@pytest.mark.parametrize("word", [*PAIRED_SECRETS, *UNPAIRED_SECRETS])
def test_another_key_and_a_mistake_in_the_message_are_recognised_where_they_are_usual_together(word):
    headers = headers_for("", signature=(PAIRED_SECRETS | UNPAIRED_SECRETS)[word])
    found = [mistake.word for mistake in verify("GET", PAGED, headers, CREDENTIALS, NOW).mistakes]
    assert found == (["method-lower-case", word] if word in PAIRED_SECRETS else [])


def test_a_hash_without_hmac_may_have_the_secret_in_front():
    given_signature = base64.b64encode(hashlib.sha256((SECRET + MESSAGE).encode()).digest()).decode()
    found = verify("GET", PAGED, headers_for("", signature=given_signature), CREDENTIALS, NOW).mistakes
    assert [mistake.word for mistake in found] == ["hmac-missing"]


@pytest.mark.parametrize(("length", "words"), [(1000, ["signature-hex"]), (1001, [])])
def test_a_signature_is_decoded_up_to_a_thousand_characters(length, words):
    parts = SignedParts(b"GET", b"/a", None, b"1", ACCESS.encode(), SECRET.encode())
    digits = by_hand(f"GET /a\n1\n{ACCESS}").hex()
    assert [m.word for m in find_mistakes(digits + " " * (length - len(digits)), parts, "")][-1:] == words


@pytest.mark.parametrize(("length", "words"), [(2000, ["query-rebuilt"]), (2001, [])])
def test_the_order_of_a_query_is_tried_up_to_two_thousand_bytes(length, words):
    last = "b=" + "2" * (length - len("a=1&b="))
    headers = headers_for(f"GET /a?{last}&a=1\n{TAIL}")
    assert [m.word for m in verify("GET", f"/a?a=1&{last}", headers, CREDENTIALS, NOW).mistakes] == words


def test_a_mistake_about_bytes_that_are_no_text_is_recognised():
    message = b"get /\xff\n" + TAIL.encode()
    (mistake,) = verify("GET", b"/\xff", headers_for("", signature=of(message)), CREDENTIALS, NOW).mistakes
    assert mistake.word == "method-lower-case"


@pytest.mark.parametrize("headers", [{}, GOOD, GOOD | {KEY: "EXAMPLEACCESSKEY0002"}, GOOD | {TIMESTAMP: "soon"}, headers_for("")])
def test_the_findings_of_a_verification_cannot_be_changed(headers):
    assert type(verify("GET", PAGED, headers, CREDENTIALS, NOW).report.findings) is tuple


def test_bytes_that_are_no_text_are_explained_as_any_others():
    parts = SignedParts(b"GET", b"/\xff", None, b"1", ACCESS.encode(), SECRET.encode())
    assert find_mistakes(base64.b64encode(b"x" * 32).decode(), parts, "", api_key="\ud800") == ()


@pytest.mark.parametrize(("given_signature", "words"), OTHER_KEYS_AND_HASHES.values(), ids=OTHER_KEYS_AND_HASHES.keys())
def test_another_key_or_hash_function_is_recognised(given_signature, words):
    verification = verify("GET", PAGED, headers_for("", signature=given_signature), CREDENTIALS, NOW)
    assert not verification.ok
    assert [mistake.word for mistake in verification.mistakes] == words
    assert all(mistake.sentence in verification.sentence for mistake in verification.mistakes)
    assert SECRET not in verification.sentence + str(verification.to_dict())


RIGHT = by_hand(f"GET {PAGED}\n{TAIL}")


@pytest.mark.parametrize("milliseconds", [0, 120, 123])
def test_a_signed_timestamp_with_a_fraction_is_recognised_with_and_without_zeros(milliseconds):
    now = NOW // 1000 * 1000 + milliseconds
    for written in {f"{now}.0", f"{now // 1000}.{milliseconds:03}", str(now / 1000)}:
        headers = headers_for(f"GET {PAGED}\n{written}\n{ACCESS}", timestamp=now)
        assert [m.word for m in verify("GET", PAGED, headers, CREDENTIALS, now).mistakes] == ["timestamp-fraction"]


def test_only_the_path_of_the_service_can_be_missing():
    """A client of another path has not left out ours, even if as many characters are missing."""
    headers = headers_for(f"GET /tasks\n{TAIL}")
    assert [m.word for m in verify("GET", "/api/v1/tasks", headers, CREDENTIALS, NOW).mistakes] == ["base-path-missing"]
    assert verify("GET", "/xyz/v1/tasks", headers, CREDENTIALS, NOW).mistakes == ()


def test_a_signature_that_cannot_be_encoded_is_explained_by_nothing():
    parts = SignedParts(b"GET", b"/", None, b"1", ACCESS.encode(), SECRET.encode())
    assert find_mistakes("\ud800", parts, "") == ()


@pytest.mark.parametrize("hours", [-14, -0.5, 0.5, 14])
def test_a_clock_that_is_wrong_by_a_time_zone_is_recognised_up_to_14_hours(hours):
    assert time_zone(round(hours * 3_600_000)).word == "timestamp-time-zone"


@pytest.mark.parametrize("ahead_ms", [-54_000_000, -52_200_000, 0, 52_200_000, 54_000_000, 10**400])
def test_no_time_zone_is_further_away(ahead_ms):
    assert time_zone(ahead_ms) is None


@pytest.mark.parametrize("distance", [*range(-10, 0), *range(1, 11)])
def test_another_call_of_the_clock_is_recognised_up_to_ten_milliseconds(distance):
    headers = headers_for(f"GET {PAGED}\n{NOW + distance}\n{ACCESS}")
    assert [m.word for m in verify("GET", PAGED, headers, CREDENTIALS, NOW).mistakes] == ["timestamp-other"]


@pytest.mark.parametrize("distance", [-11, 11])
def test_a_timestamp_that_is_further_away_is_no_other_call_of_the_clock(distance):
    headers = headers_for(f"GET {PAGED}\n{NOW + distance}\n{ACCESS}")
    assert verify("GET", PAGED, headers, CREDENTIALS, NOW).mistakes == ()


@pytest.mark.parametrize("around", ["'{}'", '"{}"', " {} ", "{}\r\n", "\t{}", "\"'{}'\" \n"])
@pytest.mark.parametrize(("value", "word"), [(SECRET, "secret-as-signature"), (ACCESS, "access-key-as-signature")])
def test_a_key_as_signature_is_recognised_in_quotes_and_blanks(value, word, around):
    mistakes = find_mistakes(around.format(value), SignedParts(b"GET", b"/", None, b"1", ACCESS.encode(), SECRET.encode()), "")
    assert [m.word for m in mistakes] == [word]


@pytest.mark.parametrize("around", ['"{}"x', "x'{}'", "'{}\""])
def test_quotes_are_removed_only_in_pairs_around_all_of_it(around):
    given_signature = around.format(base64.b64encode(RIGHT).decode())
    assert verify("GET", PAGED, headers_for("", signature=given_signature), CREDENTIALS, NOW).mistakes == ()


@pytest.mark.parametrize("digits", [RIGHT.hex()[:2] + "-" + RIGHT.hex()[2:], RIGHT.hex("-", 2), RIGHT.hex(":") + ":"])
def test_digits_that_are_separated_otherwise_are_no_hexadecimal(digits):
    assert verify("GET", PAGED, headers_for("", signature=digits), CREDENTIALS, NOW).mistakes == ()


@pytest.mark.parametrize(("secret", "used"), [(SECRET[:40], base64.b64decode(SECRET[:40])), ("ab" * 20, bytes.fromhex("ab" * 20))])
def test_a_secret_that_was_decoded_is_recognised(secret, used):
    verification = verify("GET", PAGED, headers_for("", signature=of(secret=used)), {ACCESS: secret}, NOW)
    assert [m.word for m in verification.mistakes] == ["secret-decoded"]


SPELLINGS = {
    "hexadecimal": (RIGHT.hex(), ["signature-hex"]),
    "hexadecimal in upper case": (RIGHT.hex().upper(), ["signature-hex"]),
    "Base64 of hexadecimal": (base64.b64encode(RIGHT.hex().encode()).decode(), ["signature-hex-base64"]),
    "Base64 of a line of hexadecimal": (base64.b64encode(RIGHT.hex().encode() + b"\n").decode(), ["signature-hex-base64"]),
    "no padding": (base64.b64encode(RIGHT).decode().rstrip("="), ["signature-padding"]),
    "hexadecimal of the wrong thing": (by_hand(f"GET {TASKS}\n{TAIL}").hex(), ["query-missing", "signature-hex"]),
    "Base64 of hexadecimal in upper case": (base64.b64encode(RIGHT.hex().upper().encode()).decode(), ["signature-hex-base64"]),
    "pairs of hexadecimal digits": (RIGHT.hex("-").upper(), ["signature-hex"]),
    "Base64 twice": (base64.b64encode(base64.b64encode(RIGHT)).decode(), ["signature-base64-twice"]),
    "Base64 twice, without the second padding": (
        base64.b64encode(base64.b64encode(RIGHT)).decode().rstrip("="),
        ["signature-padding", "signature-base64-twice"],
    ),
    "Base64 twice with a line end": (base64.b64encode(base64.b64encode(RIGHT) + b"\n").decode(), ["signature-base64-twice"]),
    "bytes of Python": (str(base64.b64encode(RIGHT)), ["signature-python-bytes"]),
    "bytes of Python with a line end": (str(base64.encodebytes(RIGHT)), ["signature-python-bytes", "signature-line-end"]),
    "a line end": (base64.encodebytes(RIGHT).decode(), ["signature-line-end"]),
    "broken lines": (base64.b64encode(RIGHT).decode()[:30] + "\n" + base64.b64encode(RIGHT).decode()[30:], ["signature-line-end"]),
    "quotes": (f'"{base64.b64encode(RIGHT).decode()}"', ["signature-quoted"]),
    "percent-encoded": (
        base64.b64encode(RIGHT).decode().replace("+", "%2B").replace("/", "%2F").replace("=", "%3D"),
        ["signature-percent-encoded"],
    ),
    "a percent-encoded padding": (base64.b64encode(RIGHT).decode().replace("=", "%3D"), ["signature-percent-encoded"]),
    "printed by openssl": (f"SHA2-256(stdin)= {RIGHT.hex()}", ["signature-prefixed", "signature-hex"]),
    "printed by openssl, then Base64": (base64.b64encode(f"(stdin)= {RIGHT.hex()}\n".encode()).decode(), ["signature-hex-base64"]),
    "named by a version": (f"v2={base64.b64encode(RIGHT).decode()}", ["signature-prefixed"]),
    "named by version 1": (f"v1={base64.b64encode(RIGHT).decode()}", ["signature-prefixed"]),
    "spaces around": (f" {base64.b64encode(RIGHT).decode()} ", ["signature-line-end"]),
    "SHA-1 in Base64 twice": (
        base64.b64encode(base64.b64encode(hmac.digest(SECRET.encode(), MESSAGE.encode(), "sha1"))).decode(),
        ["signature-base64-twice", "hash-sha1"],
    ),
    "named by its function": (f"sha256={RIGHT.hex()}", ["signature-prefixed", "signature-hex"]),
    "the digest as text": (base64.b64encode(RIGHT.decode("latin-1").encode()).decode(), ["signature-utf-8"]),
    "bytes of Python of the wrong thing": (
        str(base64.b64encode(by_hand(f"GET {TASKS}\n{TAIL}"))),
        ["query-missing", "signature-python-bytes"],
    ),
    "quotes around nothing": ("''", []),
    "very much": ("A" * 100_000, []),
    "nothing that could be read": ("***", []),
    "nothing": ("", []),
    "Base64 of something short": ("AAAA", []),
}


@pytest.mark.parametrize(("given_signature", "words"), SPELLINGS.values(), ids=SPELLINGS.keys())
def test_a_signature_in_another_spelling_is_recognised(given_signature, words):
    verification = verify("GET", PAGED, headers_for("", signature=given_signature), CREDENTIALS, NOW)
    assert verification.reason == "signature-format"
    assert [mistake.word for mistake in verification.mistakes] == words
    assert all(mistake.sentence in verification.sentence for mistake in verification.mistakes)


def test_the_url_safe_alphabet_is_recognised():
    targets = (f"/tasks/{number}" for number in range(1000))
    target, digest = next((t, d) for t in targets if b"+" in base64.b64encode(d := by_hand(f"GET {t}\n{TAIL}")))
    url_safe = base64.urlsafe_b64encode(digest).decode()
    verification = verify("GET", target, headers_for("", signature=url_safe), CREDENTIALS, NOW)
    assert (verification.reason, [m.word for m in verification.mistakes]) == ("signature-format", ["signature-url-safe"])
    verification = verify("GET", target, headers_for("", signature=url_safe.rstrip("=")), CREDENTIALS, NOW)
    assert [m.word for m in verification.mistakes] == ["signature-url-safe", "signature-padding"]


def test_spaces_for_plus_signs_are_recognised():
    targets = (f"/tasks/{number}" for number in range(1000))
    target, encoded = next((t, e) for t in targets if b"+" in (e := base64.b64encode(by_hand(f"GET {t}\n{TAIL}")))[1:])
    lost = encoded.decode().replace("+", " ")
    for sent in (lost, f" {lost}\n"):
        verification = verify("GET", target, headers_for("", signature=sent), CREDENTIALS, NOW)
        assert [m.word for m in verification.mistakes] == ["signature-plus-lost"]


@pytest.mark.parametrize("padded", [SECRET + "\n", SECRET + "\r\n", SECRET + " "])
def test_a_padded_secret_is_recognised_on_either_side(padded):
    message = f"GET {PAGED}\n{TAIL}"
    by_client = headers_for("", signature=base64.b64encode(by_hand(message, padded)).decode())
    assert [m.word for m in verify("GET", PAGED, by_client, CREDENTIALS, NOW).mistakes] == ["secret-padded"]
    assert [m.word for m in verify("GET", PAGED, GOOD, {ACCESS: padded}, NOW).mistakes] == ["secret-padded"]


def test_swapped_keys_are_recognised():
    sent_swapped = signed_headers("GET", PAGED, Credentials(SECRET, ACCESS), NOW)
    verification = verify("GET", PAGED, sent_swapped, CREDENTIALS, NOW)
    assert (verification.reason, [m.word for m in verification.mistakes]) == ("access-key-unknown", ["keys-swapped"])
    assert SECRET not in verification.sentence
    signed_swapped = headers_for("", signature=base64.b64encode(by_hand(f"GET {PAGED}\n{TAIL}", ACCESS)).decode())
    assert [m.word for m in verify("GET", PAGED, signed_swapped, CREDENTIALS, NOW).mistakes] == ["keys-swapped"]
    both = headers_for("", signature=base64.b64encode(by_hand(f"GET {PAGED}\n{NOW}\n{SECRET}", ACCESS)).decode())
    assert [m.word for m in verify("GET", PAGED, both, CREDENTIALS, NOW).mistakes] == ["keys-swapped"]


def test_a_timestamp_in_seconds_is_recognised():
    verification = verify("GET", PAGED, signed_headers("GET", PAGED, CREDENTIALS, NOW // 1000), CREDENTIALS, NOW + 999)
    assert (verification.reason, [m.word for m in verification.mistakes]) == ("timestamp-skew", ["timestamp-seconds"])
    assert verification.sentence.endswith("; the timestamp is in seconds instead of milliseconds")


@pytest.mark.parametrize(("late_ms", "words"), [(301_000, ["timestamp-seconds"]), (301_001, []), (-300_000, ["timestamp-seconds"])])
def test_a_timestamp_in_seconds_is_recognised_within_the_limit(late_ms, words):
    """Five minutes, and the second that the timestamp leaves out."""
    seconds = NOW // 1000
    verification = verify("GET", PAGED, signed_headers("GET", PAGED, CREDENTIALS, seconds), CREDENTIALS, seconds * 1000 + late_ms)
    assert (verification.reason, [m.word for m in verification.mistakes]) == ("timestamp-skew", words)


HALF_HOUR_MS = 1_800_000


@pytest.mark.parametrize(
    ("ahead_ms", "words"),
    [
        (9 * 3_600_000, ["timestamp-time-zone"]),
        (-9 * 3_600_000 + 2_000, ["timestamp-time-zone"]),
        (11 * HALF_HOUR_MS - 15_000, ["timestamp-time-zone"]),
        (11 * HALF_HOUR_MS - 15_001, []),
        (28 * HALF_HOUR_MS, ["timestamp-time-zone"]),
        (29 * HALF_HOUR_MS, []),
        (HALF_HOUR_MS + 16_000, []),
        (400_000, []),
    ],
)
def test_a_difference_as_of_a_time_zone_is_recognised(ahead_ms, words):
    verification = verify("GET", PAGED, signed_headers("GET", PAGED, CREDENTIALS, NOW + ahead_ms), CREDENTIALS, NOW)
    assert verification.reason == "timestamp-skew"
    assert [m.word for m in verification.mistakes] == words


def test_the_time_zone_is_named():
    verification = verify("GET", PAGED, signed_headers("GET", PAGED, CREDENTIALS, NOW - 5 * HALF_HOUR_MS), CREDENTIALS, NOW)
    assert "the timestamp is 2.5 hours behind, as much as a time zone" in verification.sentence
    verification = verify("GET", PAGED, signed_headers("GET", PAGED, CREDENTIALS, NOW + 18 * HALF_HOUR_MS), CREDENTIALS, NOW)
    assert "the timestamp is 9 hours ahead, as much as a time zone" in verification.sentence


HEADER_MISTAKES = {
    "version 1": (
        {TIMESTAMP: str(NOW), "x-ncp-apigw-api-key": "k", "X-NCP-IAM-Access-Key": ACCESS, "x-ncp-apigw-signature-v1": "s"},
        ["header-version-1"],
    ),
    "version 1 without access key": (
        {TIMESTAMP: str(NOW), "x-ncp-apigw-api-key": "k", "x-ncp-apigw-signature-v1": "s"},
        ["header-version-1"],
    ),
    "underscores": ({name.replace("-", "_"): value for name, value in GOOD.items()}, ["header-name"] * 3),
    "no version": (GOOD | {SIGNATURE: None, "x-ncp-apigw-signature": "s"}, ["header-name"]),
    "an API key instead of the access key": (GOOD | {KEY: None, "X-Api-Key": ACCESS}, ["header-name"]),
    "another header for the access key": (GOOD | {KEY: None, "Access_Key": ACCESS}, ["header-name"]),
    "another header for the time": (GOOD | {TIMESTAMP: None, "X-Timestamp": str(NOW)}, ["header-name"]),
    "a timestamp with a fraction": (GOOD | {TIMESTAMP: "1732589296.123456"}, ["timestamp-fraction"]),
    "a timestamp as a float": (GOOD | {TIMESTAMP: "1732589296000.0"}, ["timestamp-fraction"]),
    "a timestamp with an exponent": (GOOD | {TIMESTAMP: "1.732589296e+12"}, ["timestamp-fraction"]),
    "microseconds": (GOOD | {TIMESTAMP: f"{NOW}000"}, ["timestamp-microseconds"]),
    "nanoseconds": (GOOD | {TIMESTAMP: f"{NOW}000000"}, ["timestamp-nanoseconds"]),
    "a timestamp in quotes": (GOOD | {TIMESTAMP: f"'{NOW}'"}, ["timestamp-quoted"]),
    "an access key in quotes": (GOOD | {KEY: f'"{ACCESS}"'}, ["access-key-quoted"]),
    "a variable of Postman": (GOOD | {TIMESTAMP: "{{timestamp}}"}, ["header-placeholder"]),
    "a variable of a shell": (GOOD | {KEY: "$NCLUE_ACCESS_KEY"}, ["header-placeholder"]),
    "a variable without a value": (GOOD | {KEY: "undefined"}, ["header-placeholder"]),
    "a promise": (GOOD | {SIGNATURE: "[object Promise]"}, ["header-placeholder"]),
}


@pytest.mark.parametrize("name", [TIMESTAMP, KEY, SIGNATURE])
def test_a_header_with_another_meaning_is_no_header_with_another_name(name):
    others = {"Accept": "*/*", "Host": "gateway.example", "X-Request-Id": "1", "Authorization": "none"}
    headers = {other: value for other, value in GOOD.items() if other != name} | others
    assert verify("GET", PAGED, headers, CREDENTIALS, NOW).mistakes == ()


def test_a_time_zone_does_not_explain_an_unknown_access_key():
    headers = GOOD | {TIMESTAMP: str(NOW + 18 * HALF_HOUR_MS), KEY: "EXAMPLEACCESSKEY0002"}
    verification = verify("GET", PAGED, headers, CREDENTIALS, NOW)
    (unknown,) = [finding for finding in verification.report.errors if finding.rule == "NC209"]
    assert ([m.word for m in verification.mistakes], unknown.causes) == (["timestamp-time-zone"], ())


@pytest.mark.parametrize(("headers", "words"), HEADER_MISTAKES.values(), ids=HEADER_MISTAKES.keys())
def test_a_mistake_that_the_headers_show_is_recognised(headers, words):
    verification = verify("GET", PAGED, {name: value for name, value in headers.items() if value is not None}, CREDENTIALS, NOW)
    assert not verification.ok
    assert [m.word for m in verification.mistakes] == words
    assert all(m.sentence in verification.sentence for m in verification.mistakes)
    assert ACCESS not in verification.sentence


def test_a_mistake_of_the_clock_is_named_before_those_of_the_headers():
    headers = {TIMESTAMP: str(NOW // 1000), "x-ncp-apigw-api-key": "k", "x-ncp-apigw-signature-v1": "s"}
    assert [m.word for m in verify("GET", PAGED, headers, CREDENTIALS, NOW).mistakes] == ["timestamp-seconds", "header-version-1"]


@pytest.mark.parametrize(
    ("late", "words"), [(301_000, ["timestamp-seconds"]), (-301_000, ["timestamp-seconds"]), (301_001, []), (-301_001, [])]
)
def test_seconds_are_recognised_within_the_limit_and_the_second_that_was_cut_off(late, words):
    headers = signed_headers("GET", PAGED, CREDENTIALS, NOW // 1000)
    assert [m.word for m in verify("GET", PAGED, headers, CREDENTIALS, NOW + late).mistakes] == words


def test_a_wrong_clock_is_no_reason_for_an_unknown_key():
    headers = signed_headers("GET", PAGED, Credentials("EXAMPLEACCESSKEY0002", SECRET), NOW // 1000)
    verification = verify("GET", PAGED, headers, CREDENTIALS, NOW)
    (unknown,) = [finding for finding in verification.report.errors if finding.rule == "NC209"]
    assert (unknown.pointer, type(verification.report.findings)) == ("/x-ncp-iam-access-key", tuple)
    assert "seconds" not in unknown.message
    assert [m.word for m in verification.mistakes] == ["timestamp-seconds"]
    swapped = signed_headers("GET", PAGED, Credentials(SECRET, ACCESS), NOW)
    assert "swapped" in verify("GET", PAGED, swapped, CREDENTIALS, NOW).report.errors[0].message


def test_of_several_hosts_the_first_one_explains_a_signature():
    headers = [*headers_for(f"GET a.example{PAGED}\n{NOW}\n{ACCESS}").items(), ("Host", "a.example"), ("Host", "b.example")]
    assert [m.word for m in verify("GET", PAGED, headers, CREDENTIALS, NOW).mistakes] == ["host-included"]


@pytest.mark.parametrize(
    ("signed", "ok", "tried"),
    [("/a", True, ["/a"]), ("/a?", True, ["/a", "/a?"]), ("/a/", False, ["/a", "/a?"]), ("/b", False, ["/a"])],
    ids=["the first", "the second", "another mistake", "no usual mistake"],
)
def test_a_target_may_have_been_written_in_several_ways(signed, ok, tried, monkeypatch):
    """The first success counts, else the result of the first one; what no usual mistake explains is diagnosed once."""
    calls = []
    original = Verifier.__call__
    monkeypatch.setattr(Verifier, "__call__", lambda self, *given: calls.append(given[1]) or original(self, *given))
    headers = signed_headers("GET", signed, CREDENTIALS, NOW)
    result = Verifier().any_of("GET", ["/a", "/a?"], headers, CREDENTIALS, NOW)
    assert (result.ok, calls) == (ok, tried)
    assert ok or result == verify("GET", "/a", headers, CREDENTIALS, NOW)


def test_the_api_key_of_version_1_in_the_string_is_recognised():
    headers = headers_for(f"GET {PAGED}\n{NOW}\nEXAMPLEAPIKEY\n{ACCESS}") | {"x-ncp-apigw-api-key": "EXAMPLEAPIKEY"}
    verification = verify("GET", PAGED, headers, CREDENTIALS, NOW)
    assert [m.word for m in verification.mistakes] == ["api-key-signed"]
    assert "EXAMPLEAPIKEY" not in verification.sentence


def test_a_verification_as_json_values_names_reason_and_mistakes_by_their_ids():
    verification = verify("GET", PAGED, headers_for(f"GET {TASKS}\n{TAIL}"), CREDENTIALS, NOW)
    assert verification.to_dict() == {
        "reason": "signature-mismatch",
        "sentence": "x-ncp-apigw-signature-v2 is not the signature of this request: the path was signed without the query",
        "mistakes": [{"id": "query-missing", "sentence": "the path was signed without the query"}],
    }
    assert verify("GET", PAGED, GOOD, CREDENTIALS, NOW).to_dict()["mistakes"] == []


@pytest.mark.parametrize("target", [PAGED, "/a?d=4&b=2&c=%33&a+=%2f", "/a", f"/a?{'b&' * 900}", f"/%ff?{'b&' * 900}c", f"/{'a' * 3000}"])
def test_the_number_of_candidates_is_bounded(target):
    path, mark, query = target.encode().partition(b"?")
    correct = SignedParts(b"POST", path, query if mark else None, str(NOW).encode(), ACCESS.encode(), b"00" * 20)
    tried = list(attempts(correct, "gateway.example:8443", b"x" * 4096, "k"))
    single = [words for words, _ in tried if len(words) == 1]
    assert len(single) < MAX_SINGLE, "else the last mistakes of the catalogue are never tried"
    assert len(tried) - len(single) - 1 < MAX_PAIRS
    assert (len(tried) > 1 + len(single)) == (len(target) <= 2000)


# -- properties --------------------------------------------------------------------------------------------------------------------------

methods = st.sampled_from(["GET", "POST", "DELETE", "PATCH", "get"])
targets = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E)).map(lambda text: "/" + text)
times = st.integers(300_000, 10**15 - 1)
keys = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1)
# No NUL: HMAC fills a short key up with it, so a secret with one at its end is no other secret.
secrets = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1).filter(lambda text: text == text.strip())
pairs = st.builds(Credentials, keys, secrets)


@given(methods, targets, pairs, times)
def test_what_is_signed_is_verified(method, target, credentials, now):
    headers = signed_headers(method, target, credentials, now)
    for same in (headers, {name.title(): value for name, value in headers.items()}, [(n.encode(), v.encode()) for n, v in headers.items()]):
        assert verify(method, target, same, credentials, now).report.findings == ()


@settings(max_examples=settings().max_examples // 2)  # each has five changes, and to explain a wrong signature takes long
@given(methods, methods, targets, targets, times, st.integers(-299_999, 299_999), pairs, pairs)
def test_any_change_is_rejected(method, other_method, target, other_target, now, later, credentials, others):
    headers = signed_headers(method, target, credentials, now)
    known = {others.access_key: others.secret_key} | {credentials.access_key: credentials.secret_key}
    moved = headers | {TIMESTAMP: str(min(now + later, 10**15 - 1))}
    changes = [
        (other_method, target, headers, known, method.upper() == other_method.upper()),
        (method, other_target, headers, known, target == other_target),
        (method, target, moved, known, moved == headers),
        (method, target, headers | {KEY: others.access_key}, known, others.access_key == credentials.access_key),
        (method, target, headers, {credentials.access_key: others.secret_key}, others.secret_key == credentials.secret_key),
    ]
    for sent_method, sent_target, sent, stored, unchanged in changes:
        verification = verify(sent_method, sent_target, sent, stored, now)
        assert verification.ok == unchanged
        assert unchanged or verification.reason == "signature-mismatch"


texts = st.text() | st.binary() | st.integers() | st.none()
wild = st.dictionaries(texts, texts) | st.lists(st.tuples(texts, texts)) | st.lists(texts) | texts | st.lists(st.lists(texts))


@given(wild, st.text(), st.text() | st.binary(), st.dictionaries(st.text(), st.text()), st.integers())
def test_verifying_never_raises(headers, method, target, stored, now):
    verification = verify(method, target, headers, stored, now)
    assert isinstance(verification.sentence, str)
    assert not verification.ok


@given(st.text() | st.binary().map(lambda value: value.decode("latin-1")), st.text(), st.text() | st.binary(), st.text())
def test_verifying_never_raises_with_a_known_key(given_signature, method, target, secret):
    for value in (given_signature, base64.b64encode(hashlib.sha256(given_signature.encode("utf-8", "replace")).digest()).decode()):
        headers = GOOD | {SIGNATURE: value, "host": given_signature}
        assert not verify(method, target, headers, {ACCESS: secret}, NOW).ok


class Failing:
    """What a client library may hand over."""

    def items(self):
        yield KEY, ACCESS
        raise RuntimeError(SECRET)


@pytest.mark.parametrize("headers", [Failing(), object(), repeat("ab"), [("a",)], [("a", "b", "c")], {"a": object()}, (x for x in "ab")])
def test_headers_that_cannot_be_read_are_rejected(headers):
    verification = verify("GET", PAGED, headers, CREDENTIALS, NOW)
    assert verification.reason == "headers-readable"
    assert SECRET not in verification.sentence


def test_headers_can_be_an_iterator():
    assert verify("GET", PAGED, iter(GOOD.items()), CREDENTIALS, NOW).ok


# -- secrets -----------------------------------------------------------------------------------------------------------------------------

CANARY = "CANARYsecret0000000000000000000000000000X"
CANARY_KEY = "CANARYACCESSKEY00001"
CANARIES = Credentials(CANARY_KEY, CANARY)
SHOWS = [repr, str, "{}".format, "{!r}".format, pprint.pformat, pretty.pretty, lambda value: f"{value}", lambda value: repr([value])]


def shown_by_logging(value):
    record = logging.LogRecord("test", logging.INFO, __file__, 1, "%s %r", (value, value), None)
    return logging.Formatter().format(record)


@pytest.mark.parametrize("show", [*SHOWS, shown_by_logging])
def test_credentials_show_neither_key(show):
    assert "CANARY" not in show(CANARIES)


def test_credentials_are_not_pickled():
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="cannot be pickled") as caught:
            pickle.dumps(CANARIES, protocol)
        assert "CANARY" not in str(caught.value)


BAD = {
    "a padded secret": lambda: Credentials(CANARY_KEY, CANARY + "\n"),
    "an access key with a line feed": lambda: Credentials(CANARY_KEY + "\n", CANARY),
    "an access key in Hangul": lambda: Credentials("예시" + CANARY_KEY, CANARY),
    "only one variable": lambda: Credentials.from_environment({"NCLUE_SECRET_KEY": CANARY}),
    "an access key with a space in the environment": lambda: Credentials.from_environment(
        {"NCLUE_SECRET_KEY": CANARY, "NCLUE_ACCESS_KEY": CANARY_KEY + " x"}
    ),
    "a bad target": lambda: signed_headers("GET", "/학습", CANARIES, NOW),
    "a bad clock": lambda: signed_headers("GET", "/", CANARIES, -1),
    "swapped with white space": lambda: Credentials(f"{CANARY} ", CANARY_KEY),
}


@pytest.mark.parametrize("call", BAD.values(), ids=BAD.keys())
def test_errors_and_their_tracebacks_show_neither_key(call):
    with pytest.raises(ValueError, match=r"key|target|timestamp") as caught:
        call()
    error = caught.value
    assert CANARY not in "".join(traceback.format_exception(error))
    assert CANARY_KEY not in "".join(traceback.format_exception(error))
    assert "CANARY" not in f"{error} {error!r} {error.args} {error.__context__!r}"


def test_a_secret_with_a_lone_surrogate_signs_instead_of_raising_an_error_that_carries_it():
    assert len(signature(CANARY + "\udc80", b"message")) == 44


VERIFICATIONS = [
    verify("GET", PAGED, headers, CANARIES, NOW)
    for headers in (
        {},
        signed_headers("GET", PAGED, CANARIES, NOW),
        signed_headers("GET", TASKS, CANARIES, NOW),
        signed_headers("GET", TASKS, CANARIES, NOW - 400_000),
        signed_headers("GET", TASKS, Credentials(CANARY, CANARY_KEY), NOW),
        {TIMESTAMP: CANARY, KEY: CANARY, SIGNATURE: CANARY},
        {TIMESTAMP: str(NOW), KEY: CANARY, SIGNATURE: CANARY},
        {TIMESTAMP: str(NOW), KEY: CANARY_KEY, SIGNATURE: CANARY},
        {TIMESTAMP: str(NOW), KEY: CANARY_KEY, SIGNATURE: CANARY.encode() + b"\xff"},
        [(CANARY, CANARY)],
        CANARY,
    )
]


@pytest.mark.parametrize("verification", VERIFICATIONS)
def test_no_verification_contains_a_key_or_a_valid_signature(verification):
    right = signature(CANARY, string_to_sign("GET", PAGED, NOW, CANARY_KEY))
    words = [show(verification) for show in SHOWS] + [verification.sentence, str(verification.report), repr(verification.report.to_dict())]
    words += [repr(finding) for finding in verification.report.findings]
    assert "CANARY" not in "".join(words)
    assert right not in "".join(words)
    assert b"CANARY" not in pickle.dumps([verification.sentence, verification.mistakes])


FAILING_TEST = """
from nclue_contract.signing import Credentials
import os

def test_credentials():
    one = Credentials.from_environment(os.environ)
    assert one == Credentials(ACCESS, "another")
"""


def test_a_failing_comparison_in_pytest_shows_neither_key(tmp_path):
    (tmp_path / "test_it.py").write_text(FAILING_TEST, encoding="utf-8")
    options = ["-vv", "--showlocals", "-pno:cacheprovider", "-pnclue_contract.pytest_plugin", "--rootdir", tmp_path, tmp_path]
    environ = {"NCLUE_ACCESS_KEY": CANARY_KEY, "NCLUE_SECRET_KEY": CANARY, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = run_forked(options, environ, cwd=tmp_path, program=PYTEST)
    assert "1 failed" in done.out, done
    assert "CANARY" not in done.out + done.err


def test_signatures_are_compared_in_constant_time(monkeypatch):
    compared = []
    original = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append((a, b)) or original(a, b))
    assert verify("GET", PAGED, GOOD, CREDENTIALS, NOW).ok
    assert compared == [(GOOD[SIGNATURE].encode(), GOOD[SIGNATURE].encode())]


def test_a_long_target_is_rejected_without_trying_every_mistake(monkeypatch):
    """Explaining costs as many signatures as there are pairs of mistakes; a stranger with a long query must not get them."""
    made = []
    original = hmac.digest
    monkeypatch.setattr(hmac, "digest", lambda *arguments: made.append(1) or original(*arguments))
    target = "/api/v1/tasks?" + "&".join(f"a{n}=1" for n in range(8000))
    verification = verify("GET", target, GOOD, CREDENTIALS, NOW)
    assert (verification.reason, verification.mistakes) == ("signature-mismatch", ())
    assert len(made) < 200
