"""Validation of payloads of createTask, rule by rule; expected values are typed by hand from the page "Create task"."""

import itertools
import json
import threading
from collections import OrderedDict, UserDict
from collections.abc import Mapping
from enum import StrEnum
from pathlib import PurePosixPath
from types import MappingProxyType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nclue_contract.contract.readings import Readings
from nclue_contract.validation.findings import Report
from nclue_contract.validation.validator import Validator, is_valid_request, validate_request, validate_request_json
from tests.support.payloads import FEATURE_ID, FULL_PAYLOAD, PAGE_REQUEST, PAYLOAD, TEST_FIELDS
from tests.support.witness import OPTIONAL, OPTIONS, REQUIRED

ANY_CLIENT_ERROR = [(400, None), (404, None), (409, None), (422, None)]


def brief(report):
    return [(f.rule, str(f.severity), f.pointer, f.reading) for f in report.findings]


def errors(report):
    return [(f.rule, f.pointer) for f in report.errors]


def answers(finding):
    return [(answer.status, answer.code) for answer in finding.expects]


# -- payloads without findings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "payload", [PAYLOAD, FULL_PAYLOAD, dict(reversed(FULL_PAYLOAD.items()))], ids=["required", "all", "in another order"]
)
def test_a_payload_that_keeps_the_contract_has_no_finding(payload):
    for _ in range(2):  # the second time its ID and bucket are known
        report = validate_request(payload)
        assert report.findings == ()
        assert report.ok
        assert is_valid_request(payload)


@pytest.mark.parametrize("kept", OPTIONAL)
def test_each_test_field_alone_is_allowed_with_a_warning_per_missing_one(kept):
    report = validate_request(PAYLOAD | {kept: TEST_FIELDS[kept]})
    assert brief(report) == [("NC105", "warning", f"/{name}", "test-triple") for name in OPTIONAL if name != kept]
    assert report.ok


def test_the_request_example_of_the_page_passes_with_a_warning_about_its_placeholder_bucket():
    report = validate_request(PAGE_REQUEST)
    assert brief(report) == [("NC130", "warning", "/train_bucket", None)]
    assert is_valid_request(PAGE_REQUEST)
    assert Validator().is_valid_request(PAGE_REQUEST)
    assert not is_valid_request(PAGE_REQUEST | {"name": ""})
    assert not Validator().is_valid_request(PAGE_REQUEST | {"name": ""})


# -- the payload itself -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (None, "null"),
        (True, "a boolean"),
        (1, "a number"),
        (1.5, "a number"),
        ("{}", "a string"),
        ([PAYLOAD], "an array"),
        ((), "an array"),
        (b"{}", "of the Python type bytes"),
        ({"name"}, "of the Python type set"),
        (PurePosixPath("a"), "of the Python type PurePosixPath"),
        (type("T" * 1000, (), {})(), "of the Python type " + "T" * 60 + "…"),
    ],
    ids=lambda value: type(value).__name__[:10] if not isinstance(value, str) else "",
)
def test_what_is_no_object_is_named(payload, kind):
    (finding,) = validate_request(payload).findings
    assert (finding.rule, finding.severity, finding.pointer) == ("NC100", "error", "")
    assert finding.message == f"the payload is {kind}, not an object"


def test_an_empty_object_misses_four_fields_in_the_order_of_the_page():
    report = validate_request({})
    assert errors(report) == [("NC101", f"/{name}") for name in ("name", "train_feature_id", "train_bucket", "train_file_path")]
    assert [answers(finding) for finding in report.errors] == [ANY_CLIENT_ERROR] * 4


@pytest.mark.parametrize("name", REQUIRED)
def test_a_required_field_that_is_missing_is_named(name):
    (finding,) = validate_request({key: value for key, value in FULL_PAYLOAD.items() if key != name}).findings
    assert (finding.rule, finding.pointer, finding.message) == ("NC101", f"/{name}", f"{name} is missing")


@pytest.mark.parametrize("name", [*REQUIRED, *OPTIONAL])
@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, "a boolean"),
        (False, "a boolean"),
        (0, "a number"),
        (10**5000, "a number"),
        (float("nan"), "a number"),
        ([], "an array"),
        ({}, "an object"),
        (b"a", "of the Python type bytes"),
        (PurePosixPath("a/b"), "of the Python type PurePosixPath"),
    ],
    ids=["true", "false", "zero", "huge", "nan", "array", "object", "bytes", "path"],
)
def test_a_field_that_is_no_string_is_named_with_what_it_is(name, value, kind):
    (finding,) = validate_request(FULL_PAYLOAD | {name: value}).findings
    assert (finding.rule, finding.severity, finding.pointer) == ("NC102", "error", f"/{name}")
    assert finding.message == f"{name} is {kind}, not a string"
    assert answers(finding) == ANY_CLIENT_ERROR


@pytest.mark.parametrize("name", REQUIRED)
def test_null_is_no_string_where_a_field_is_required(name):
    (finding,) = validate_request(FULL_PAYLOAD | {name: None}).findings
    assert (finding.rule, finding.pointer, finding.message) == ("NC102", f"/{name}", f"{name} is null, not a string")


# -- what the pages leave open: by default, with the laxer option pinned, with the stricter option pinned ---------------------------

OPEN = {
    "null for a test field": (
        FULL_PAYLOAD | {"test_bucket": None},
        "optional-null",
        "NC103",
        "/test_bucket",
        {"test-triple": "independent"},
    ),
    "an unknown field": (PAYLOAD | {"status": "x"}, "unknown-field", "NC104", "/status", {}),
    "two of three test fields": (
        {key: value for key, value in FULL_PAYLOAD.items() if key != "test_bucket"},
        "test-triple",
        "NC105",
        "/test_bucket",
        {},
    ),
    "an empty feature ID": (PAYLOAD | {"train_feature_id": ""}, "empty-id", "NC106", "/train_feature_id", {}),
    "an empty bucket": (PAYLOAD | {"train_bucket": ""}, "empty-id", "NC106", "/train_bucket", {}),
    "an empty test feature ID": (FULL_PAYLOAD | {"test_feature_id": ""}, "empty-id", "NC106", "/test_feature_id", {}),
    "an empty test bucket": (FULL_PAYLOAD | {"test_bucket": ""}, "empty-id", "NC106", "/test_bucket", {}),
    "an empty path": (PAYLOAD | {"train_file_path": ""}, "path-empty", "NC121", "/train_file_path", {}),
    "an empty test path": (FULL_PAYLOAD | {"test_file_path": ""}, "path-empty", "NC121", "/test_file_path", {}),
    "100 characters": (PAYLOAD | {"name": "a" * 100}, "name-edge", "NC111", "/name", {}),
    "51 emoji": (PAYLOAD | {"name": "😀" * 51}, "name-unit", "NC111", "/name", {}),
    "Hangul in a path": (PAYLOAD | {"train_file_path": "데이터.csv"}, "path-high-codes", "NC120", "/train_file_path", {}),
    "DEL in a path": (PAYLOAD | {"train_file_path": "a\x7f"}, "path-del", "NC120", "/train_file_path", {}),
}

open_cases = pytest.mark.parametrize(("payload", "reading", "rule", "pointer", "others"), OPEN.values(), ids=OPEN)


@open_cases
def test_what_only_another_option_forbids_is_a_warning(payload, reading, rule, pointer, others):
    (finding,) = Validator(others).validate_request(payload).findings
    assert (finding.rule, finding.severity, finding.pointer, finding.reading) == (rule, "warning", pointer, reading)
    assert finding.certainty in {"contested", "undecided"}
    assert finding.pin == f"{reading}={OPTIONS[reading][0]}"
    assert str(finding.pin) in finding.message


@open_cases
def test_a_pin_of_the_laxer_option_removes_the_warning(payload, reading, rule, pointer, others):
    del rule, pointer
    assert Validator(others | {reading: OPTIONS[reading][0]}).validate_request(payload).findings == ()


@open_cases
def test_a_pin_of_the_stricter_option_makes_it_an_error_that_is_decided(payload, reading, rule, pointer, others):
    (finding,) = Validator(others | {reading: OPTIONS[reading][1]}).validate_request(payload).findings
    assert (finding.rule, finding.severity, finding.pointer, finding.reading) == (rule, "error", pointer, reading)
    assert finding.pin is None
    assert f"decided by the pin {reading}={OPTIONS[reading][1]}" in finding.message


@open_cases
def test_strict_makes_the_warning_an_error_and_changes_nothing_else(payload, reading, rule, pointer, others):
    (lenient,) = Validator(others).validate_request(payload).findings
    (strict,) = Validator(others, strict=True).validate_request(payload).findings
    assert strict.severity == "error"
    assert strict.to_dict() == lenient.to_dict() | {"severity": "error"}
    assert (rule, pointer, reading) == (strict.rule, strict.pointer, strict.reading)


def test_the_equals_sign_is_contested_by_default_and_the_pin_that_allows_it_is_named():
    (finding,) = validate_request(PAYLOAD | {"train_file_path": "dt=1/a"}).findings
    assert (finding.rule, finding.severity, finding.certainty, finding.reading) == ("NC120", "error", "contested", "path-characters")
    assert finding.pin == "path-characters=page-2025"
    assert answers(finding) == [(422, "10104")]
    for option, found in (("page-2024", 1), ("page-2025", 0), ("page-2026", 0)):
        assert len(Validator({"path-characters": option}).validate_request(PAYLOAD | {"train_file_path": "dt=1/a"}).findings) == found


def test_the_space_is_a_warning_by_default_and_an_error_with_page_2026():
    payload = PAYLOAD | {"train_file_path": "a b"}
    assert brief(validate_request(payload)) == [("NC120", "warning", "/train_file_path", "path-characters")]
    assert Validator({"path-characters": "page-2025"}).validate_request(payload).findings == ()
    assert errors(Validator({"path-characters": "page-2026"}).validate_request(payload)) == [("NC120", "/train_file_path")]


@pytest.mark.parametrize("reading", OPTIONS)
def test_a_pin_of_any_option_leaves_a_flawless_payload_flawless(reading):
    for option in OPTIONS[reading]:
        assert Validator({reading: option}, strict=True).validate_request(FULL_PAYLOAD).findings == ()


def test_null_for_all_three_test_fields_is_no_partial_triple():
    report = validate_request(PAYLOAD | dict.fromkeys(OPTIONAL))
    assert brief(report) == [("NC103", "warning", f"/{name}", "optional-null") for name in OPTIONAL]


def test_null_counts_as_absent_for_the_triple():
    report = Validator({"optional-null": "accepted"}).validate_request(FULL_PAYLOAD | {"test_bucket": None})
    assert brief(report) == [("NC105", "warning", "/test_bucket", "test-triple")]


# -- bucket and ID: always warnings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bucket", ["abc", "a" * 63, "my-bucket.2026", "0-0", "a..b"])
def test_a_bucket_that_object_storage_would_accept_has_no_finding(bucket):
    assert validate_request(PAYLOAD | {"train_bucket": bucket}).findings == ()


@pytest.mark.parametrize("bucket", ["ab", "a" * 64, "Bucket", "my_bucket", "-ab", "ab-", ".ab", "ab.", "abc\n", " abc", "가나다", "a/b"])
def test_a_bucket_that_object_storage_would_reject_has_a_warning(bucket):
    for name in ("train_bucket", "test_bucket"):
        assert brief(validate_request(FULL_PAYLOAD | {name: bucket})) == [("NC130", "warning", f"/{name}", None)]


@pytest.mark.parametrize("length", [1, 35, 37, 1000])
def test_an_id_that_is_not_36_characters_long_has_a_warning_with_both_lengths(length):
    for name in ("train_feature_id", "test_feature_id"):
        (finding,) = validate_request(FULL_PAYLOAD | {name: "a" * length}).findings
        assert (finding.rule, finding.severity, finding.pointer) == ("NC131", "warning", f"/{name}")
        assert finding.message == f"{name} has the length {length}; every ID on the pages has the length 36"


# -- names of fields ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Name", "name"),
        ("train_feature", "train_feature_id"),
        ("trainFilePath", "train_file_path"),
        ("test_bucke", "test_bucket"),
        ("file_path", None),  # of the train or of the test file
        ("status", None),
        ("", None),
        ("x" * 10_000, None),
    ],
    ids=lambda value: str(value)[:20],
)
def test_an_unknown_field_is_named_with_the_field_that_was_probably_meant(name, meant):
    (finding,) = validate_request(PAYLOAD | {name: "x"}).findings
    assert (finding.rule, finding.severity, finding.suggestion) == ("NC104", "warning", meant)


def test_the_empty_name_is_not_called_the_payload():
    (finding,) = validate_request(PAYLOAD | {"": "x"}).findings
    assert finding.pointer == "/"
    assert finding.message.startswith("the empty name is not a field of the page")


def test_a_name_with_slash_and_tilde_is_escaped_in_the_pointer_and_not_in_the_message():
    (finding,) = validate_request(PAYLOAD | {"a/b~c": "x"}).findings
    assert finding.pointer == "/a~1b~0c"
    assert finding.message.startswith("a/b~c is not a field")
    (finding,) = validate_request(PAYLOAD | {"~1": "x"}).findings
    assert finding.pointer == "/~01"
    assert finding.message.startswith("~1 is not a field")


@pytest.mark.parametrize(
    ("key", "kind"), [(1, "a number"), (None, "null"), (True, "a boolean"), (b"name", "of the Python type bytes"), ((), "an array")]
)
def test_a_key_that_is_no_string_is_an_error(key, kind):
    (finding,) = validate_request(PAYLOAD | {key: "x"}).findings
    assert (finding.rule, finding.severity, finding.pointer) == ("NC008", "error", "")
    assert finding.message == f"a key is {kind}, not a string"


def test_a_hundred_unknown_fields_are_listed_and_one_finding_counts_the_rest():
    report = validate_request(PAYLOAD | {f"x{number}": 1 for number in range(1_250)})
    assert [f.rule for f in report.findings] == ["NC104"] * 101
    assert report.findings[99].pointer == "/x99"
    assert report.findings[100].pointer == ""
    assert report.findings[100].message.startswith("each of 1,150 further names is not a field of the page")


# -- text that cannot be sent ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*REQUIRED, *OPTIONAL])
def test_a_lone_surrogate_in_any_field_is_an_error(name):
    found = [f for f in validate_request(FULL_PAYLOAD | {name: FULL_PAYLOAD[name][:-1] + "\ud800"}).errors if f.rule == "NC007"]
    (finding,) = found
    assert (finding.pointer, finding.offset, finding.character) == (f"/{name}", len(FULL_PAYLOAD[name]) - 1, "U+D800")


def test_a_pair_of_surrogate_characters_is_not_an_emoji():
    (finding,) = validate_request(PAYLOAD | {"name": "\ud83d\ude00"}).findings
    assert (finding.rule, finding.offset, finding.occurrences) == ("NC007", 0, 2)


def test_a_lone_surrogate_in_the_name_of_a_field_is_an_error():
    report = validate_request(PAYLOAD | {"a\udc80": 1})
    assert brief(report) == [("NC104", "warning", "/a\udc80", "unknown-field"), ("NC007", "error", "/a\udc80", None)]


# -- order, strictness, rules that are passed over ----------------------------------------------------------------------------------


def test_findings_are_in_the_order_of_the_page_whatever_the_order_of_the_payload():
    payload = {
        "zzz": 1,
        "test_file_path": "b~a^",
        "aaa": 1,
        "test_bucket": None,
        "train_file_path": "^~",
        "train_bucket": "B",
        "name": "",
    }
    expected = [
        ("NC110", "error", "/name", None),
        ("NC101", "error", "/train_feature_id", None),
        ("NC130", "warning", "/train_bucket", None),
        ("NC120", "error", "/train_file_path", None),
        ("NC120", "error", "/train_file_path", None),
        ("NC105", "warning", "/test_feature_id", "test-triple"),
        ("NC103", "warning", "/test_bucket", "optional-null"),
        ("NC105", "warning", "/test_bucket", "test-triple"),
        ("NC120", "error", "/test_file_path", None),
        ("NC120", "error", "/test_file_path", None),
    ]
    unknown = [("NC104", "warning", f"/{name}", "unknown-field") for name in ("zzz", "aaa")]
    assert brief(validate_request(payload)) == expected + unknown
    assert brief(validate_request(dict(reversed(payload.items())))) == expected + unknown[::-1]
    assert [f.character for f in validate_request(payload).findings if f.rule == "NC120"] == ["U+005E", "U+007E", "U+007E", "U+005E"]


def test_strict_leaves_no_warning():
    report = Validator(strict=True).validate_request({"train_bucket": "B", "test_bucket": None, "x": 1})
    assert report.warnings == ()
    assert [f.rule for f in report.errors] == ["NC101", "NC101", "NC130", "NC101", "NC103", "NC104"]


@pytest.mark.parametrize("ignored", ["NC120", "nc120", "path-character", "Path-Character"])
def test_a_rule_can_be_passed_over_by_its_code_or_slug(ignored):
    validator = Validator(ignore=[ignored])
    assert brief(validator.validate_request(PAYLOAD | {"train_file_path": "~", "name": ""})) == [("NC110", "error", "/name", None)]
    assert brief(validator.validate_request_json(json.dumps(PAYLOAD | {"train_file_path": "~"}))) == []
    assert validator.is_valid_request(PAYLOAD | {"train_file_path": "~"})


def test_ignored_rules_stay_ignored_when_values_are_repeated():
    validator, strict = Validator(ignore=["NC130", "NC131"]), Validator(strict=True)
    payload = PAYLOAD | {"train_bucket": "B", "train_feature_id": "x"}
    for _ in range(3):
        assert validator.validate_request(payload).findings == ()
        assert [f.rule for f in strict.validate_request(payload).errors] == ["NC131", "NC130"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"readings": {"path-dell": "allowed"}}, "unknown reading 'path-dell'; did you mean path-del?"),
        ({"readings": {"path-del": "perhaps"}}, "the reading path-del has no option 'perhaps'; it has: allowed, forbidden"),
        ({"ignore": ["NC999"]}, "unknown rule 'NC999'"),
    ],
)
def test_an_unknown_reading_option_or_rule_is_rejected_at_once(arguments, words):
    with pytest.raises(ValueError, match=words.replace("?", r"\?")):
        Validator(**arguments)


# -- validators do not disturb each other -------------------------------------------------------------------------------------------


def test_validators_share_no_remembered_values():
    empty = PAYLOAD | {"train_bucket": "", "train_feature_id": ""}
    lax, strict, default = Validator({"empty-id": "allowed"}), Validator({"empty-id": "refused"}), Validator()
    for _ in range(3):
        assert brief(lax.validate_request(empty)) == []
        assert errors(strict.validate_request(empty)) == [("NC106", "/train_feature_id"), ("NC106", "/train_bucket")]
        assert [f.rule for f in default.validate_request(empty).warnings] == ["NC106", "NC106"]


def test_a_known_bucket_is_no_known_feature_id():
    validator = Validator()
    for _ in range(2):
        assert validator.validate_request(PAYLOAD).findings == ()
        swapped = PAYLOAD | {"train_bucket": FEATURE_ID, "train_feature_id": "answers"}
        assert brief(validator.validate_request(swapped)) == [("NC131", "warning", "/train_feature_id", None)]


def test_more_ids_than_are_remembered_are_all_validated():
    validator = Validator()
    for number in range(5_000):
        identifier = f"0ccc59f9-0000-4000-8000-{number:012}"
        assert validator.validate_request(PAYLOAD | {"train_feature_id": identifier}).findings == ()
        assert not validator.validate_request(PAYLOAD | {"train_feature_id": identifier, "name": ""}).ok


def test_threads_can_share_a_validator():
    validator = Validator()
    payloads = [
        PAYLOAD | {"train_feature_id": f"0ccc59f9-0000-4000-8000-{number:012}", "train_file_path": "~" * (number % 3)}
        for number in range(3_000)
    ]
    results: list[list[int]] = []
    barrier = threading.Barrier(4)

    def policy():
        barrier.wait()
        results.append([len(validator.validate_request(payload).errors) for payload in payloads])

    threads = [threading.Thread(target=policy) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[int(number % 3 > 0) for number in range(3_000)]] * 4


# -- any Python object ----------------------------------------------------------------------------------------------------------------


class Field(StrEnum):
    NAME = "name"
    BUCKET = "train_bucket"


class Text(str):
    """A string whose methods lie or fail; what would be sent is its text."""

    __slots__ = ()

    def __len__(self):
        raise RuntimeError

    def __getitem__(self, _):
        raise RuntimeError

    def __iter__(self):
        raise RuntimeError

    def __contains__(self, _):
        raise RuntimeError

    def __str__(self):
        raise RuntimeError

    def __repr__(self):
        raise RuntimeError

    def __format__(self, _):
        raise RuntimeError

    def replace(self, *_):
        return "x" * 1_000_000

    def lower(self):
        raise RuntimeError

    def isascii(self):
        return True

    def encode(self, *_):
        return b""


@pytest.mark.parametrize(
    "payload",
    [OrderedDict(FULL_PAYLOAD), UserDict(FULL_PAYLOAD), MappingProxyType(FULL_PAYLOAD), type("Row", (dict,), {})(FULL_PAYLOAD)],
    ids=lambda payload: type(payload).__name__,
)
def test_mappings_of_all_kinds_are_objects(payload):
    assert validate_request(payload).findings == ()
    broken = type(payload)({**FULL_PAYLOAD, "train_file_path": "~"})
    assert errors(validate_request(broken)) == [("NC120", "/train_file_path")]


def test_members_of_an_enumeration_of_strings_are_strings_as_keys_and_as_values():
    payload = {key: value for key, value in PAYLOAD.items() if key not in {"name", "train_bucket"}}
    assert validate_request(payload | {Field.NAME: "n", Field.BUCKET: "answers"}).findings == ()
    assert validate_request(PAYLOAD | {"name": Field.NAME}).findings == ()


def test_the_text_of_a_string_is_validated_whatever_its_methods_return():
    report = validate_request(FULL_PAYLOAD | {"name": Text(""), "train_file_path": Text("a~b"), "test_file_path": Text("a/b")})
    assert errors(report) == [("NC110", "/name"), ("NC120", "/train_file_path")]
    assert report.findings[1].offset == 1
    assert report.findings[1].suggestion == "a-b"


def test_the_text_of_a_key_is_validated_whatever_its_methods_return():
    report = validate_request(PAYLOAD | {Text("train_file_pat"): "x"})
    (finding,) = report.findings
    assert (finding.pointer, finding.suggestion) == ("/train_file_pat", "train_file_path")
    assert json.dumps(report.to_dict())


class Angry:
    """Raises on every operation."""

    def __getattribute__(self, name):
        raise RuntimeError(name)

    def __hash__(self):
        raise RuntimeError

    def __eq__(self, _):
        raise RuntimeError

    def __bool__(self):
        raise RuntimeError

    def __len__(self):
        raise RuntimeError

    def __str__(self):
        raise RuntimeError

    def __repr__(self):
        raise RuntimeError


class AngryMapping(Mapping):
    """A mapping that raises, in one of its methods or in all of them."""

    def __init__(self, error, where):
        self.error, self.where = error, where

    def __getitem__(self, key):
        if self.where in {"getitem", "all"}:
            raise self.error
        return FULL_PAYLOAD[key]

    def __iter__(self):
        if self.where in {"iter", "all"}:
            raise self.error
        return iter(FULL_PAYLOAD)

    def __len__(self):
        if self.where in {"len", "all"}:
            raise self.error
        return len(FULL_PAYLOAD)

    def keys(self):
        if self.where in {"keys", "all"}:
            raise self.error
        return super().keys()


class Key:
    """A key that pretends to be a field, and starts to raise when it is in the dictionary."""

    angry = False

    def __init__(self, name):
        self.name = name

    def __hash__(self):
        return hash(self.name)

    def __eq__(self, other):
        if Key.angry:
            raise RuntimeError
        return self is other


ERRORS = [RuntimeError(), KeyError("name"), ValueError(), TypeError(), RecursionError(), MemoryError(), AttributeError()]


@pytest.mark.parametrize("where", ["getitem", "iter", "keys", "all"])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_mapping_that_cannot_be_read_is_an_error_and_not_an_exception(error, where):
    (finding,) = validate_request(AngryMapping(error, where)).findings
    assert (finding.rule, finding.severity, finding.pointer) == ("NC008", "error", "")
    assert finding.message == f"the payload cannot be read: {type(error).__name__}"


def test_an_exception_with_a_long_name_has_a_short_message():
    error = type("E" * 1_000_000, (Exception,), {})()
    (finding,) = validate_request(AngryMapping(error, "all")).findings
    assert len(finding.message) < 1_000


@pytest.mark.parametrize("name", [*REQUIRED, *OPTIONAL])
def test_a_value_whose_methods_all_raise_is_no_string(name):
    for payload in (PAYLOAD, FULL_PAYLOAD):
        report = validate_request(payload | {name: Angry()})
        assert not report.ok
        assert str(report)


@pytest.mark.parametrize("name", [*REQUIRED, *OPTIONAL])
def test_a_key_that_raises_when_it_is_compared_is_an_error(name):
    validate_request(FULL_PAYLOAD)
    for payload in (PAYLOAD, FULL_PAYLOAD):
        try:
            Key.angry = False
            spoilt = {Key(name): "x", **{key: value for key, value in payload.items() if key != name}}
            Key.angry = True
            report = validate_request(spoilt)
        finally:
            Key.angry = False
        assert [f.rule for f in report.errors] == ["NC008"]


class Same(str):
    """A string that claims to equal every other one."""

    __slots__ = ()

    def __hash__(self):
        return hash("answers")

    def __eq__(self, _):
        return True


def test_a_string_that_claims_to_equal_a_known_one_is_validated_by_its_text():
    validator = Validator()
    validator.validate_request(PAYLOAD)
    assert brief(validator.validate_request(PAYLOAD | {"train_bucket": Same("B")})) == [("NC130", "warning", "/train_bucket", None)]


PYTHON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=5)
    | st.binary(max_size=3)
    | st.complex_numbers()
    | st.builds(object)
    | st.builds(Text, st.text(max_size=5))
    | st.just(Ellipsis)
    | st.just(validate_request),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text(st.characters(), max_size=5) | st.integers() | st.none() | st.binary(max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELD_NAMES = st.sampled_from([*REQUIRED, *OPTIONAL])
SOME_READINGS = st.dictionaries(st.sampled_from(sorted(OPTIONS)), st.integers(0, 1), max_size=3).map(
    lambda chosen: {reading: OPTIONS[reading][number] for reading, number in chosen.items()}
)


@given(
    PYTHON_VALUES
    | st.dictionaries(FIELD_NAMES | st.text(max_size=5) | st.integers(), PYTHON_VALUES, max_size=8).map(lambda d: PAYLOAD | d),
    SOME_READINGS,
    st.booleans(),
)
@example([[[]]], {}, True)
def test_no_python_object_makes_it_raise(payload, pins, strict):
    """Whatever the payload is, there is a report, and all of its attributes can be read."""
    report = Validator(pins, strict=strict).validate_request(payload)
    assert isinstance(report, Report)
    assert json.dumps(report.to_dict())
    assert str(report)
    assert repr(report)
    for finding in report.findings:
        assert len(finding.message) < 1_000
        assert len(finding.pointer) < 200
        assert finding.page
        assert len(finding.positions) <= 100
        assert repr(finding)
        assert hash(finding) == hash(finding)
        assert finding == finding  # noqa: PLR0124


def test_a_payload_whose_methods_all_raise_is_an_error():
    (finding,) = validate_request(Angry()).findings
    assert (finding.rule, finding.message) == ("NC008", "the payload cannot be read: RuntimeError")


def test_an_object_that_contains_itself_is_validated():
    payload = dict(FULL_PAYLOAD)
    payload["train_bucket"] = payload
    payload["self"] = payload
    assert brief(validate_request(payload)) == [
        ("NC102", "error", "/train_bucket", None),
        ("NC104", "warning", "/self", "unknown-field"),
        ("NC008", "error", "/self", None),
    ]


DEEP = []
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({1, 2}, "Object of type set is not JSON serializable"),
        (object(), "Object of type object is not JSON serializable"),
        (b"bytes", "Object of type bytes is not JSON serializable"),
        (DEEP, "RecursionError"),
        (float("nan"), "Out of range float values are not JSON compliant"),  # later Pythons add the value
        ({"deep": [float("inf")]}, "Out of range float values are not JSON compliant"),
        (10**5000, "Exceeds the limit (4300 digits) for integer string conver"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_that_is_no_json_is_an_error_also_in_an_unknown_field(value, words):
    (warning, error) = validate_request(PAYLOAD | {"x": value}).findings
    assert (warning.rule, error.rule, error.pointer) == ("NC104", "NC008", "/x")
    assert error.message.startswith(f"the value of 'x' is no JSON: {words}")
    assert len(error.message) < 300


# -- large payloads -------------------------------------------------------------------------------------------------------------------

MILLION = 1_000_000  # more than twice what a report may have
LARGE = {
    "a path of tildes": PAYLOAD | {"train_file_path": "~" * MILLION},
    "a path of Hangul": PAYLOAD | {"train_file_path": "가" * MILLION},
    "a path with every odd character": PAYLOAD | {"train_file_path": "".join(map(chr, range(300))) * (MILLION // 300)},
    "a path that is right but for its end": PAYLOAD | {"train_file_path": "a" * MILLION + "~"},
    "a name": PAYLOAD | {"name": "😀" * MILLION},
    "lone surrogates": PAYLOAD | {"name": "\ud800" * MILLION},
    "an ID": PAYLOAD | {"train_feature_id": "a" * MILLION},
    "a bucket": PAYLOAD | {"train_bucket": "a" * MILLION},
    "an unknown field": PAYLOAD | {"\U000e0001" * MILLION: 1},
    "a value of an unknown field": PAYLOAD | {"x": "a" * MILLION},
    "100,000 unknown fields": PAYLOAD | {f"{'~/' * 100}{number}": number for number in range(100_000)},
    "100,000 keys that are no strings": PAYLOAD | dict.fromkeys(range(100_000)),
    "a string": "a" * MILLION,
    "an array": [PAYLOAD] * 100_000,
}


@pytest.mark.parametrize("payload", LARGE.values(), ids=LARGE)
def test_a_large_payload_has_a_small_report(payload):
    report = validate_request(payload)
    for finding in report.findings:
        assert len(finding.message) < 1_000
        assert len(finding.pointer) < 200
        assert len(finding.suggestion or "") < 10_000
    assert len(report.findings) <= 400
    assert len(json.dumps(report.to_dict())) < 400_000


# -- JSON texts: inputs to decide on purpose -------------------------------------------------------------------------------------------


def body(**changes):
    return json.dumps(PAYLOAD | changes)


TEXTS = {
    "a path that ends in a line feed": (body(train_file_path="a/b\n"), [("NC120", "/train_file_path")]),
    "a lone surrogate as an escape": (body(name="\ud800"), [("NC007", "/name")]),
    "a boolean": (body(name=True), [("NC102", "/name")]),
    "an integer": (body(name=1), [("NC102", "/name")]),
    "null for an optional field": (body(test_bucket=None), []),
    "an unknown field": (body(x=1), []),
    "Latin-1 in a path": (body(train_file_path="é"), [("NC120", "/train_file_path")]),
    "Hangul in a path": (body(train_file_path="데"), []),
    "an emoji in a path": (body(train_file_path="😀"), []),
    "DEL in a path": (body(train_file_path="\x7f"), []),
    "the same name twice": (body()[:-1] + ',"name":"other"}', [("NC004", "/name")]),
    "the same name twice, once escaped": (body()[:-1] + ',"n\\u0061me":"other"}', [("NC004", "/name")]),
    "NaN in an unknown field": (body(x=float("nan")), [("NC005", "/x")]),
    "Infinity in an unknown field": (body(x=float("inf")), [("NC005", "/x")]),
    "1e999": (body()[:-1] + ',"x":1e999}', [("NC005", "/x")]),
    "an integer of 5,000 digits": (body()[:-1] + ',"x":' + "1" * 5_000 + "}", [("NC005", "/x")]),
    "a byte order mark": ("\ufeff" + body(), [("NC003", "")]),
    "nested 10,000 deep": (body()[:-1] + ',"x":' + "[" * 10_000 + "]" * 10_000 + "}", [("NC006", "/x" + "/0" * 63)]),
    "nothing": ("", [("NC001", "")]),
    "an array of payloads": (f"[{body()}]", [("NC100", "")]),
    "JSON in a JSON string": (json.dumps(body()), [("NC100", "")]),
    "two payloads": (body() + body(), [("NC001", "")]),
    "a comma too many": (body()[:-1] + ",}", [("NC001", "")]),
    "a line feed in a string": (body().replace("churn", "chu\nrn", 1), [("NC001", "")]),
}


@pytest.mark.parametrize(("text", "expected"), TEXTS.values(), ids=TEXTS)
def test_a_text_is_validated_alike_as_text_and_as_bytes(text, expected):
    assert errors(validate_request_json(text)) == expected
    for data in (text.encode(), bytearray(text.encode()), memoryview(text.encode())):
        assert validate_request_json(data) == validate_request_json(text)


BYTES = {
    "Latin-1": body(train_file_path="a").encode().replace(b'"a"', b'"\xe9"'),
    "an overlong form": body(train_file_path="a").encode().replace(b'"a"', b'"\xc1\xa1"'),
    "surrogates as in CESU-8": body(train_file_path="a").encode().replace(b'"a"', b'"\xed\xa0\x80\xed\xb0\x80"'),
    "UTF-16": body().encode("utf-16"),
    "UTF-32": body().encode("utf-32"),
    "cut in the middle of a character": '{"name":"가'.encode()[:-1],
}


@pytest.mark.parametrize("data", BYTES.values(), ids=BYTES)
def test_bytes_that_are_not_utf_8_are_one_error(data):
    assert errors(validate_request_json(data)) == [("NC002", "")]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_utf_16_and_utf_32_without_a_mark_are_not_utf_8(encoding):
    assert errors(validate_request_json(body().encode(encoding))) == [("NC002", "")]


def test_a_lone_surrogate_in_an_unknown_field_is_found_like_one_below_it():
    assert errors(validate_request_json(body(x=["\ud800"]))) == [("NC007", "/x/0")]
    assert errors(validate_request_json(body(x="\ud800"))) == [("NC007", "/x")]


def test_a_lone_surrogate_in_the_name_of_a_field_is_found_once():
    assert errors(validate_request_json(body(**{"\ud800": 1}))) == [("NC007", "/\ud800")]


def test_a_key_that_is_no_string_is_found_behind_any_number_of_unknown_fields():
    for number in (0, 99, 100, 1000):
        assert errors(validate_request(PAYLOAD | {f"x{i}": 1 for i in range(number)} | {5: 1})) == [("NC008", "")], number


@given(
    st.lists(st.sampled_from([*PAYLOAD, *TEST_FIELDS, "x", "y"]), unique=True),
    st.data(),
)
def test_a_payload_and_its_json_text_have_the_same_findings(names, data):
    """For every payload of strings and nulls without lone surrogates: judging it, and judging its JSON text, is the same."""
    payload = {name: data.draw(st.sampled_from([FULL_PAYLOAD.get(name, "x"), "", "~é가", None]), name) for name in names}
    assert validate_request_json(json.dumps(payload)) == validate_request(payload)
    assert validate_request_json(json.dumps(payload, ensure_ascii=False).encode()) == validate_request(payload)


# -- reports --------------------------------------------------------------------------------------------------------------------------


def test_the_stable_form_of_a_finding_has_fourteen_keys():
    report = validate_request(PAYLOAD | {"train_file_path": "가/a~b~"})
    assert report.to_dict()["valid"] is False
    assert report.to_dict()["findings"][1] == {
        "rule": "NC120",
        "slug": "path-character",
        "severity": "error",
        "certainty": "documented",
        "pointer": "/train_file_path",
        "offset": 3,
        "byte_offset": 5,
        "character": "U+007E",
        "reading": None,
        "expects": [{"status": 422, "code": "10104"}],
        "message": "train_file_path holds '~' (U+007E TILDE) at offset 3 and 1 more",
        "suggestion": "가/a-b-",
        "page": "Create task, Request body, train_file_path and test_file_path",
        "help_url": None,
    }


def test_reports_about_equal_payloads_are_equal():
    one, other = (validate_request(PAYLOAD | {"train_file_path": "a~", "name": name}) for name in ("n", "m"))
    assert one == other
    assert hash(one) == hash(other)
    assert one != validate_request(PAYLOAD | {"train_file_path": "b~~"})
    assert one != "report"
    assert one.findings[0] != "finding"


def test_the_expected_responses_of_several_findings_are_their_union():
    report = validate_request(FULL_PAYLOAD | {"train_file_path": "~", "test_file_path": "~", "name": ""})
    assert [(a.status, a.code) for a in report.expects] == [*ANY_CLIENT_ERROR, (422, "10104"), (422, "10105")]


@pytest.mark.parametrize("numbers", list(itertools.product((0, 1), repeat=2)))
def test_a_report_distinguishes_errors_and_warnings(numbers):
    bad, doubtful = numbers
    report = validate_request(PAYLOAD | ({"name": ""} if bad else {}) | ({"x": 1} if doubtful else {}))
    assert (len(report.errors), len(report.warnings), report.ok) == (bad, doubtful, not bad)
    assert set(report.findings) == {*report.errors, *report.warnings}


def test_readings_that_are_not_whole_are_completed():
    """Readings created directly may lack some; what is there counts as pinned."""
    validator = Validator(Readings({"path-characters": "page-2025"}, {}))
    assert validator.readings.pinned("path-characters")
    assert not validator.readings.pinned("name-edge")
