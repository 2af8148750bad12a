"""Property tests: a name has 1 to 100 characters, in ASCII, Hangul, combining marks and emoji, under every reading of length and limit.

The expected findings come from the independent validation in `tests/support/witness.py`, which is typed by hand from the page "Create
task", name, and the text of error 10101.
"""

import re

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

from nclue_contract.validation.names import collated
from nclue_contract.validation.validator import Validator
from tests.support.payloads import FEATURE_ID, PAYLOAD
from tests.support.witness import OPTIONS, name_length

UNPINNED = "unpinned"
# Every combination of pinned and not pinned: 3 x 3.
PINS = [
    {reading: option for reading, option in (("name-unit", unit), ("name-edge", edge)) if option != UNPINNED}
    for unit in (UNPINNED, *OPTIONS["name-unit"])
    for edge in (UNPINNED, *OPTIONS["name-edge"])
]
VALIDATORS = [Validator(pins) for pins in PINS]
LENGTHS = (1, 2, 48, 49, 50, 51, 52, 97, 98, 99, 100, 101, 102, 103, 199, 200, 201)


def utf16(name):
    return sum(2 if ord(character) > 0xFFFF else 1 for character in name)


@st.composite
def names(draw):
    """Names whose length, in one unit or the other, is near a limit: ASCII, Hangul, combining marks, emoji, or a mixture."""
    length = draw(st.sampled_from(LENGTHS))
    astral = draw(st.sampled_from([0, 0, 1, 2, length // 2, length]) | st.integers(0, length))
    filler = draw(st.sampled_from(["a", "가", "e\u0301", "\u0301", "é"]))
    pair = draw(st.sampled_from(["😀", "\U00010000", "\U0010ffff"]))
    return pair * min(astral, length) + (filler * length)[: length - min(astral, length)]


def length_findings(validator, name):
    return [f for f in validator.validate_request(PAYLOAD | {"name": name}).findings if f.rule != "NC007"]


@given(names() | st.text(max_size=110), st.sampled_from(range(len(PINS))))
@example("😀" * 50, 0)
@example("a" * 100, 0)
@example("😀" + "a" * 99, 0)
@example("😀" + "a" * 98, 0)
@example("😀" + "a" * 97, 8)
def test_the_findings_about_a_length_are_those_of_the_witness(name, number):
    """1 to 100 characters, where the unit and the edge are as pinned, and a warning where an unpinned reading would reject the name."""
    found = [(f.rule, f.severity, f.reading) for f in length_findings(VALIDATORS[number], name)]
    expected = [("NC111", severity, reading) for severity, reading in name_length(name, PINS[number])]
    assert found == (expected if name else [("NC110", "error", None)])
    event(f"findings: {[severity for _, severity, _ in found]}")


def test_every_mixture_of_up_to_102_letters_and_emoji_has_the_findings_of_the_witness():
    for pins, validator in zip(PINS, VALIDATORS, strict=True):
        for length in range(1, 103):
            for astral in range(length + 1):
                name = "😀" * astral + "a" * (length - astral)
                found = [("NC111", f.severity, f.reading) for f in length_findings(validator, name)]
                assert found == [("NC111", *due) for due in name_length(name, pins)], (length, astral, pins)


@given(names(), st.sampled_from(OPTIONS["name-unit"]), st.sampled_from(OPTIONS["name-edge"]))
def test_two_pins_leave_one_number_to_compare_with(name, unit, edge):
    """With both readings pinned a name has one error if it is longer than the limit in the unit, and no finding otherwise."""
    validator = Validator({"name-unit": unit, "name-edge": edge})
    length = len(name) if unit == "code-points" else utf16(name)
    assert [(f.rule, f.severity) for f in length_findings(validator, name)] == ([("NC111", "error")] if length > int(edge) else [])


@given(names())
def test_without_pins_only_more_than_100_code_points_are_an_error(name):
    """By default a name is rejected exactly if it has more than 100 code points, and warned about exactly if any reading rejects it."""
    findings = length_findings(VALIDATORS[0], name)
    assert any(f.severity == "error" for f in findings) == (len(name) > 100)
    assert bool(findings) == (max(len(name), utf16(name)) > 99)


@given(names(), st.sampled_from(range(len(PINS))))
def test_the_pin_that_a_finding_suggests_removes_that_finding(name, number):
    """With the pin that a finding about a length suggests, there is one finding less, and no new one."""
    before = length_findings(VALIDATORS[number], name)
    for finding in before:
        if finding.pin is not None:
            reading, _, option = finding.pin.partition("=")
            after = length_findings(Validator(PINS[number] | {reading: option}), name)
            assert finding.reading not in {f.reading for f in after}
            assert len(after) < len(before)


EDGES = {
    "nothing": ("", [("NC110", "error", None)]),
    "1 character": ("a", []),
    "99 characters": ("a" * 99, []),
    "100 characters": ("a" * 100, [("NC111", "warning", "name-edge")]),
    "101 characters": ("a" * 101, [("NC111", "error", None)]),
    "99 Hangul syllables": ("가" * 99, []),
    "100 Hangul syllables": ("가" * 100, [("NC111", "warning", "name-edge")]),
    "49 emoji": ("😀" * 49, []),
    "50 emoji, 100 code units": ("😀" * 50, [("NC111", "warning", "name-unit")]),
    "51 emoji, 102 code units": ("😀" * 51, [("NC111", "warning", "name-unit")]),
    "100 emoji": ("😀" * 100, [("NC111", "warning", "name-unit"), ("NC111", "warning", "name-edge")]),
    "101 emoji": ("😀" * 101, [("NC111", "error", None)]),
    "a family of 5 code points, 20 times": (
        "👨\u200d👩\u200d👧" * 20,
        [("NC111", "warning", "name-unit"), ("NC111", "warning", "name-edge")],
    ),
    "50 letters with an accent each, 100 code points": ("e\u0301" * 50, [("NC111", "warning", "name-edge")]),
    "100 blanks": (" " * 100, [("NC111", "warning", "name-edge")]),
    "a line feed": ("\n", []),
}


@pytest.mark.parametrize(("name", "expected"), EDGES.values(), ids=EDGES)
def test_a_name_at_the_limit_has_the_findings_of_the_page(name, expected):
    assert [(f.rule, f.severity, f.reading) for f in length_findings(VALIDATORS[0], name)] == expected


@pytest.mark.parametrize("validator", VALIDATORS, ids=repr)
def test_the_expected_response_to_a_long_name_is_422_with_10101_under_every_reading(validator):
    (finding,) = length_findings(validator, "a" * 101)
    assert [(answer.status, answer.code) for answer in finding.expects] == [(422, "10101")]
    assert (finding.severity, finding.reading, finding.certainty, finding.pin) == ("error", None, "documented", None)


@pytest.mark.parametrize(
    ("name", "pins", "words"),
    [
        ("a" * 101, {}, "name has 101 characters; at most 100 are allowed"),
        ("a" * 100, {"name-edge": "99"}, "name has 100 characters; at most 99 are allowed"),
        ("😀" * 51, {"name-unit": "utf16"}, "name has 102 UTF-16 code units; at most 100 are allowed"),
        ("😀" * 50, {}, "name has 100 UTF-16 code units; at most 99 are allowed"),
        ("a" * 100, {}, "name has 100 characters; at most 99 are allowed"),
        ("", {}, "name is empty; at least 1 character is required"),
    ],
)
def test_the_message_names_the_length_and_the_limit_that_were_compared(name, pins, words):
    (finding,) = length_findings(Validator(pins), name)
    assert finding.message.startswith(words)


@pytest.mark.parametrize("size", [99, 100, 101])
def test_the_quick_path_and_the_full_validation_agree_about_a_name(size):
    validator = Validator()
    validator.validate_request(PAYLOAD | {"name": "n"})  # now the ID and the bucket are known, so the quick path can be used
    behind = validator.validate_request(PAYLOAD | {"name": "a" * size, "test_feature_id": FEATURE_ID}).findings
    at = validator.validate_request(PAYLOAD | {"name": "a" * size}).findings
    assert at == tuple(f for f in behind if f.rule == "NC111")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a\ud800", ["NC007"]),
        ("a" * 98 + "\ud800", ["NC007"]),
        ("a" * 99 + "\ud800", ["NC111 100", "NC007"]),
        ("a" * 100 + "\udfff", ["NC111 101", "NC007"]),
        ("😀" * 49 + "\ud83d", ["NC007"]),
        ("\ud83d" * 102, ["NC111 102", "NC007"]),
    ],
    ids=["2", "99", "100", "101", "among emoji", "nothing else"],
)
def test_a_lone_surrogate_is_one_character_of_a_name(name, expected):
    findings = VALIDATORS[0].validate_request(PAYLOAD | {"name": name}).findings
    lengths = [re.findall(r"has (\d+) characters", f.message) for f in findings]
    assert [" ".join([f.rule, *length]) for f, length in zip(findings, lengths, strict=True)] == expected


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("Churn", "churn"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("chürn", "churn"),
        ("chu\u0308rn", "churn"),
        ("ｃｈｕｒｎ", "churn"),
        ("churn  ", "churn"),
        (" churn\t", " churn\t"),
        ("이탈", "\u110b\u1175\u1110\u1161\u11af"),
        ("", ""),
    ],
    ids=ascii,
)
def test_of_a_name_that_databases_compare_letters_and_their_order_are_left(name, left):
    assert collated(name) == left
