"""The quick ways through the validator: which values take them, and that no others do. What they find, the other tests compare."""

import pytest

from nclue_contract.contract.readings import Policy, Readings
from nclue_contract.validation import json_reader
from nclue_contract.validation.request import Columns, RequestCheck, _Collector
from nclue_contract.validation.strings import IdCheck
from nclue_contract.validation.validator import Validator
from tests.support.payloads import FEATURE_ID, FULL_PAYLOAD, OTHER_FEATURE_ID, PAYLOAD

IDS, BUCKETS = [FEATURE_ID, OTHER_FEATURE_ID, FEATURE_ID], ["answers", "a-2", "answers"]


def policy(*ignored, **pins):
    return Policy(Readings.of({name.replace("_", "-"): option for name, option in pins.items()}), ignore=frozenset(ignored))


# -- payloads ----------------------------------------------------------------------------------------------------------------------------


def taken(monkeypatch, *payloads):
    """Return the findings of each payload; None for one that goes to the checks per field. The usual IDs and buckets are known."""
    collected, collect = [], _Collector.collect
    monkeypatch.setattr(_Collector, "collect", lambda self, payload: collected.append(payload) or collect(self, payload))
    check = RequestCheck(policy())
    assert check.validate(FULL_PAYLOAD).findings == ()
    found = []
    for payload in payloads:
        collected.clear()
        report = check.validate(payload)
        found.append(None if collected else [(f.rule, f.pointer, f.offset) for f in report.findings])
    return found


def test_usual_payloads_never_reach_the_checks_per_field(monkeypatch):
    reversed_payload = dict(reversed(FULL_PAYLOAD.items()))
    assert taken(monkeypatch, PAYLOAD, FULL_PAYLOAD, reversed_payload, PAYLOAD | {"name": "n" * 99}) == [[]] * 4
    found = taken(monkeypatch, PAYLOAD | {"train_file_path": "a~b"}, PAYLOAD | {"train_file_path": "가"})
    assert found == [[("NC120", "/train_file_path", 1)], [("NC120", "/train_file_path", 0)]]


@pytest.mark.parametrize(
    "payload",
    [
        PAYLOAD | {"name": ""},
        PAYLOAD | {"name": "n" * 100},
        PAYLOAD | {"name": "이"},
        PAYLOAD | {"name": 5},
        PAYLOAD | {"train_bucket": "other"},
        PAYLOAD | {"train_feature_id": "answers"},
        PAYLOAD | {"train_file_path": ""},
        PAYLOAD | {"train_file_path": ["a"]},
        PAYLOAD | {"train_file_path": "\ud800"},
        PAYLOAD | {"x": 1},
        PAYLOAD | {"test_bucket": "answers"},
        PAYLOAD | {"x": 1, "y": 2, "z": 3},
        {name: value for name, value in PAYLOAD.items() if name != "train_bucket"} | {"x": 1},
        FULL_PAYLOAD | {"x": 1},
        FULL_PAYLOAD | {"test_file_path": ""},
        FULL_PAYLOAD | {"test_file_path": "a~b"},
        FULL_PAYLOAD | {"test_file_path": None},
        FULL_PAYLOAD | {"test_bucket": "other"},
        FULL_PAYLOAD | {"test_bucket": None},
        FULL_PAYLOAD | {"test_feature_id": "other"},
        FULL_PAYLOAD | {"test_feature_id": None},
        FULL_PAYLOAD | {"train_file_path": "a~b"},
        [],
    ],
    ids=repr,
)
def test_other_payloads_reach_the_checks_per_field(monkeypatch, payload):
    assert taken(monkeypatch, payload) == [None]


def test_an_empty_path_beside_known_values_is_found():
    validator = Validator()
    for name in ("train_file_path", "test_file_path"):
        assert validator.validate_request(FULL_PAYLOAD).findings == ()
        assert [(f.rule, f.pointer) for f in validator.validate_request(FULL_PAYLOAD | {name: ""}).findings] == [("NC121", f"/{name}")]


# -- columns -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "pins", "valid"),
    [
        (["a", "n" * 99], {}, True),
        (["a", "n" * 100], {}, False),
        (["n" * 100], {"name_edge": "100"}, True),
        (["a", ""], {}, False),
        (["가" * 49, "a"], {}, True),
        (["가" * 50], {}, False),  # it is valid; half of it would be
        (["가" * 100, "a"], {}, False),
        (["😀" * 50], {}, False),
        (["가", ""], {}, False),
        (["가", "\ud800"], {}, False),
    ],
    ids=ascii,
)
def test_names_that_are_surely_valid(names, pins, valid):
    columns = Columns(names, ["a/b"], BUCKETS, IDS)
    assert RequestCheck(policy(**pins)).surely_valid(columns) is valid


@pytest.mark.parametrize(
    ("paths", "pins", "valid"),
    [
        (["a/b", "c"], {}, True),
        (["a/b", "c~"], {}, False),
        (["a=b"], {}, False),
        (["a=b"], {"path_characters": "page-2025"}, True),
        (["a", ""], {}, False),
        (["a", "가"], {"path_high_codes": "code-points"}, False),  # it is valid, but not surely
    ],
)
def test_paths_that_are_surely_valid(paths, pins, valid):
    assert RequestCheck(policy(**pins)).surely_valid(Columns(["a"], paths, BUCKETS, IDS)) is valid


@pytest.mark.parametrize(
    ("buckets", "ids", "valid"),
    [
        (BUCKETS, IDS, True),
        (tuple(BUCKETS), tuple(IDS), True),
        (["answers", "A"], IDS, False),
        (["answers", ""], IDS, False),
        (BUCKETS, [FEATURE_ID, FEATURE_ID[1:]], False),
        (BUCKETS, ["", FEATURE_ID], False),
        (BUCKETS, ["\ud800" * 36], False),
    ],
    ids=ascii,
)
def test_buckets_and_ids_that_are_surely_valid(buckets, ids, valid):
    check = RequestCheck(policy())
    for _ in range(2):  # the second time, those without findings are known
        assert check.surely_valid(Columns(["a"], ["b"], buckets, ids)) is valid


# -- IDs and buckets that are remembered -------------------------------------------------------------------------------------------------


def remembered(values, code="NC130", ignored=()):
    check = IdCheck(policy(*ignored), code)
    for value in values:
        check.check(value, "/train_bucket", [])
    return check.valid


def test_values_without_findings_are_remembered_up_to_a_length_and_a_number():
    assert remembered(["answers", "A", "answers", "", "\ud800"]) == {"answers"}
    assert remembered(["a" * 100, "b" * 101], ignored=["NC130"]) == {"a" * 100}
    assert remembered([FEATURE_ID, FEATURE_ID[1:]], "NC131") == {FEATURE_ID}
    assert len(remembered([f"bucket-{number}" for number in range(1500)])) == 1024


def test_a_value_behind_another_finding_is_remembered():
    check, found = IdCheck(policy(), "NC130"), []
    check.check("A", "/train_bucket", found)
    check.check("answers", "/test_bucket", found)
    assert ([f.pointer for f in found], check.valid) == (["/train_bucket"], {"answers"})


# -- JSON texts --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{}", {}),
        (' \r\n\t[1, -2, 0.5, 1e3, true, null, "a"] ', [1, -2, 0.5, 1000.0, True, None, "a"]),
        ("9" * 300, int("9" * 300)),
        ("0." + "3" * 400, 1 / 3),
        (r'["\ud83d\ude00", "\uDB80\uDC79", "\udbff\udfff"]', ["😀", "\U000f0079", "\U0010ffff"]),
        (r'["\u00e9\ud7ff\ue000\uD83d\uDe32\\ud800\n"]', ["é\ud7ff\ue000😲\\ud800\n"]),
        ('{"a": {"b": [{"c": "d"}]}}', {"a": {"b": [{"c": "d"}]}}),
        ("[" * 64 + "]" * 64, None),
        ("[" + "[]," * 64 + "{}]", [[]] * 64 + [{}]),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_usual_texts_are_read_without_the_exact_parser(monkeypatch, text, value):
    monkeypatch.setattr(json_reader, "Parser", None)
    document = json_reader.read(text.encode())
    assert document.readable
    assert document.problems == ()
    assert value is None or document.value == value
