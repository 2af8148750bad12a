"""Three parties that must agree on payloads: the validator, the JSON Schema of the OpenAPI document, and a witness written by hand.

The schema is evaluated by jsonschema; the witness (tests/witness.py) repeats the values of the page and imports nothing of the package.
"""

import itertools
import re
from collections import Counter
from functools import lru_cache

import jsonschema
import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from nclue_contract.contract.openapi import document
from nclue_contract.contract.readings import Readings
from nclue_contract.validation.validator import Validator
from tests.support.payloads import FEATURE_ID, FULL_PAYLOAD
from tests.support.witness import OPTIONAL, OPTIONS, REQUIRED, findings

STRICT = Validator(strict=True)
# JSON Schema counts code points, so the unit of a name cannot be expressed in it.
IN_A_SCHEMA = {reading: options for reading, options in OPTIONS.items() if reading != "name-unit"}


def pins_of(options):
    return st.fixed_dictionaries({}, optional={reading: st.sampled_from(choices) for reading, choices in options.items()})


def texts(*, surrogates):
    """Texts that are near an edge more often than not."""
    characters = st.characters(exclude_categories=[] if surrogates else ["Cs"])
    odd = st.sampled_from("ab=~ \x7f\n\x1f\x80é\xff\u0100가😀&$\\" + ("\ud800\udfff" if surrogates else ""))
    return st.one_of(
        st.just(""),
        st.text(odd, max_size=6),
        st.text(characters, max_size=6),
        st.sampled_from(
            ["churn", "a/b", "a b", "dt=1", "데이터.csv", "Bucket", "b" * 63, "b" * 64, FEATURE_ID, FEATURE_ID[:-1], FEATURE_ID + "0"]
        ),
    )


LONG_NAMES = st.builds(
    lambda size, astral, end: "😀" * min(astral, size) + "n" * (size - astral) + end,
    st.sampled_from([49, 50, 51, 98, 99, 100, 101]),
    st.sampled_from([0, 0, 0, 1, 2, 50, 101]),
    st.sampled_from(["", "a", "😀", "e\u0301"]),
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def payloads(draw, *, surrogates=False):
    """Payloads that are right but for a few changes, and once in a while any JSON value."""
    if draw(st.integers(0, 19)) == 0:
        return draw(JSON_VALUES)
    payload = {name: value for name, value in FULL_PAYLOAD.items() if name in REQUIRED or draw(st.booleans())}
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from([*REQUIRED, *OPTIONAL, "name", "name"]))
        match draw(st.sampled_from(["text", "text", "text", "value", "null", "remove", "add"])):
            case "text":
                long = name == "name" and draw(st.booleans())
                payload[name] = draw(LONG_NAMES if long else texts(surrogates=surrogates))
            case "value":
                payload[name] = draw(JSON_VALUES)
            case "null":
                payload[name] = None
            case "remove":
                payload.pop(name, None)
            case "add":
                payload[draw(st.sampled_from(["status", "Name", "a/b~c", ""]) | st.text(max_size=4))] = draw(JSON_VALUES)
    order = draw(st.booleans())
    return dict(reversed(payload.items())) if order else payload


@lru_cache(maxsize=4096)
def validator_with(pins):
    return Validator(dict(pins))


@lru_cache(maxsize=1024)
def parties(pins):
    """Return the validator with these pins, and a schema validator with the schema generated for them."""
    readings = Readings.choose(("test", dict(pins)))
    schema = {"$ref": "#/components/schemas/TaskRequest", "components": document(readings)["components"]}
    return validator_with(pins), jsonschema.Draft202012Validator(schema)


def test_the_validator_the_witness_and_the_schema_agree_under_any_readings():
    rules, accepted_by_schema = Counter(), Counter()

    @settings(max_examples=8 * settings().max_examples, suppress_health_check=[HealthCheck.too_slow])
    @given(payloads(surrogates=True), pins_of(OPTIONS))
    @example(FULL_PAYLOAD | {"name": "\ud800"}, {})  # the rules that are drawn least
    @example(FULL_PAYLOAD | {"name": "n" * 101}, {})
    @example(FULL_PAYLOAD | {"name": ""}, {})
    @example(FULL_PAYLOAD | {"train_bucket": "A"}, {})
    @example(FULL_PAYLOAD | {"train_feature_id": "a"}, {})
    @example(None, {})
    @example(FULL_PAYLOAD | {"test_file_path": None}, {})
    @example(FULL_PAYLOAD | {"train_file_path": "a;b"}, {})
    @example(FULL_PAYLOAD | {"train_file_path": "a\u0100b"}, {})
    def agree(payload, pins):
        """Rule, severity, pointer, offset and reading of all findings, and their order, are those of the witness.

        If a schema can express the readings and lone surrogates, it accepts a payload exactly if there is no error.
        """
        expected = findings(payload, pins)
        report = validator_with(tuple(sorted(pins.items()))).validate_request(payload)
        assert [(f.rule, str(f.severity), f.pointer, f.offset, f.reading) for f in report.findings] == expected
        rules.update(rule for rule, *_ in expected)
        rules.update([not report.findings])
        event("no finding" if not report.findings else "errors" if report.errors else "warnings only")
        if pins.get("name-unit") != "utf16" and "NC007" not in {f.rule for f in report.findings}:
            in_schema = {reading: option for reading, option in pins.items() if reading in IN_A_SCHEMA}
            accepted = parties(tuple(sorted(in_schema.items())))[1].is_valid(payload)
            assert (report.errors == ()) == accepted
            accepted_by_schema[accepted] += 1

    agree()
    request_rules = {"NC007", "NC100", "NC101", "NC102", "NC103", "NC104", "NC105", "NC106"}
    request_rules |= {"NC110", "NC111", "NC120", "NC121", "NC130", "NC131"}
    assert {rule for rule in request_rules if not rules[rule]} == set()
    assert rules[True] > 10
    assert accepted_by_schema[True] > 25, accepted_by_schema
    assert accepted_by_schema[False] > 25, accepted_by_schema


def test_the_witness_the_schema_and_the_validator_agree_on_a_grid_of_payloads_under_every_reading():
    values = {
        "name": ["a" * 99, "a" * 100, "a" * 101],
        "train_feature_id": [FEATURE_ID, ""],
        "train_file_path": ["a/b", "a=b", "a b", "a\x7f", "가", "", "\xff"],
        "test_bucket": ["answers", None, ""],
        "test_file_path": ["a/b", None],
        "extra": [1],
    }
    grid = [dict(FULL_PAYLOAD)]
    grid += [FULL_PAYLOAD | {name: value} for name, options in values.items() for value in options]
    grid += [{name: value for name, value in FULL_PAYLOAD.items() if name not in gone} for gone in itertools.combinations(FULL_PAYLOAD, 2)]
    pins = [()] + [((reading, option),) for reading, options in IN_A_SCHEMA.items() for option in options]
    pins.append(tuple((reading, options[-1]) for reading, options in IN_A_SCHEMA.items()))
    for some in pins:
        validator, schema = parties(some)
        for payload in grid:
            errors = [f for f in findings(payload, dict(some)) if f[1] == "error"]
            assert [(f.rule, f.pointer) for f in validator.validate_request(payload).errors] == [(f[0], f[2]) for f in errors]
            assert schema.is_valid(payload) == (not errors), (payload, some)


@pytest.mark.parametrize(("reading", "option"), [(reading, option) for reading, options in IN_A_SCHEMA.items() for option in options[1:]])
def test_a_reading_changes_the_schema_for_some_payload(reading, option):
    telling = {
        "path-characters": FULL_PAYLOAD | {"train_file_path": "a=b"},
        "path-high-codes": FULL_PAYLOAD | {"test_file_path": "가"},
        "path-del": FULL_PAYLOAD | {"train_file_path": "\x7f"},
        "path-empty": FULL_PAYLOAD | {"test_file_path": ""},
        "name-edge": FULL_PAYLOAD | {"name": "a" * 100},
        "optional-null": FULL_PAYLOAD | {"test_file_path": None},
        "unknown-field": FULL_PAYLOAD | {"x": 1},
        "test-triple": {name: value for name, value in FULL_PAYLOAD.items() if name != "test_bucket"},
        "empty-id": FULL_PAYLOAD | {"test_bucket": ""},
    }
    (_, default), (_, other) = parties(()), parties(((reading, option),))
    assert default.is_valid(telling[reading]) != other.is_valid(telling[reading])


def test_the_unit_of_a_name_cannot_be_expressed_in_a_schema():
    validator, schema = parties((("name-unit", "utf16"),))
    payload = FULL_PAYLOAD | {"name": "😀" * 51}
    assert not validator.is_valid_request(payload)
    assert schema.is_valid(payload)


def test_the_schema_written_for_the_defaults_is_the_compiled_one_but_for_the_order_in_the_class():
    written, compiled = document(Readings.choose()), document()
    paths = [schemas["components"]["schemas"]["FilePath"] for schemas in (written, compiled)]
    forbidden, allowed = ([path["not"].pop("pattern") for path in paths], [path.pop("pattern") for path in paths])
    assert written == compiled
    everything = "".join(map(chr, range(0x200)))
    assert set(re.findall(forbidden[0], everything)) == set(re.findall(forbidden[1], everything))
    assert allowed == [f"^[^{pattern[1:]}*$" for pattern in forbidden]


@settings(max_examples=3 * settings().max_examples)
@given(payloads(surrogates=True), pins_of(OPTIONS))
def test_pins_and_strict_change_only_the_findings_that_they_concern(payload, pins):
    """A payload is valid for a strict validator exactly if a lenient one finds nothing at all.

    An error that names no reading stays one whatever is pinned, and a payload without findings has none under any pins. Of every finding
    under pins that names a reading: if the reading is pinned the finding is an error, without a pin to offer.
    """
    default, pinned = (validator_with(tuple(sorted(some.items()))).validate_request(payload) for some in ({}, pins))
    assert STRICT.is_valid_request(payload) == (not default.findings)
    undisputed = {(f.rule, f.pointer, f.offset) for f in default.errors if f.reading is None}
    assert undisputed <= {(f.rule, f.pointer, f.offset) for f in pinned.errors}
    if not default.findings:
        assert not pinned.findings
    for finding in pinned.findings:
        if finding.reading in pins:
            assert finding.severity == "error"
            assert finding.pin is None
        elif finding.reading is not None:
            assert finding.pin is not None
            assert finding.pin.startswith(f"{finding.reading}=")


def test_a_payload_with_lone_surrogates_is_the_one_thing_that_the_schema_accepts_and_the_validator_does_not():
    validator, schema = parties(())
    payload = FULL_PAYLOAD | {"name": "\ud800"}
    assert schema.is_valid(payload)
    assert [f.rule for f in validator.validate_request(payload).errors] == ["NC007"]
