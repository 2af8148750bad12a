"""A finding and a report as they are shown: every property, and the forms that other layers derive; expected values are typed by hand."""

import pickle

import pytest

from nclue_contract.contract.rules import Severity
from nclue_contract.validation.findings import ContractError
from nclue_contract.validation.validator import Validator, validate_request, validate_request_json
from tests.support.payloads import PAYLOAD

TILDE = "\ud800a~~b~"
DECOMPOSED = "e\u0301~"


def first(path, **pins):
    """Return the first finding about a path."""
    return Validator(pins).validate_request(PAYLOAD | {"train_file_path": path}).findings[0]


def about(rule, path):
    return next(f for f in validate_request(PAYLOAD | {"train_file_path": path}).findings if f.rule == rule)


def places(finding):
    return finding.offset, finding.byte_offset, finding.character, finding.occurrences, finding.positions


@pytest.mark.parametrize(
    ("finding", "expected"),
    [
        (about("NC120", TILDE), (2, 4, "U+007E", 3, (2, 3, 5))),
        (about("NC007", TILDE), (0, 0, "U+D800", 1, (0,))),
        (first("a가b나다"), (1, 1, "U+AC00", 3, (1, 3, 4))),
        (first("a가" * 101), (1, 1, "U+AC00", 101, tuple(range(1, 201, 2)))),
        (first("~" * 101), (0, 0, "U+007E", 101, tuple(range(100)))),
        (first("가é~"), (0, 0, "U+AC00", 1, (0,))),
        (first(""), (None, None, None, 0, ())),
        (validate_request_json('{"a": 1, "a": 2}').findings[0], (9, None, None, 0, ())),
    ],
    ids=lambda value: value.rule if not isinstance(value, tuple) else "",
)
def test_the_places_of_a_finding(finding, expected):
    assert places(finding) == expected


def test_the_stable_form_of_a_finding_about_a_character():
    finding = first("a~b~")
    assert finding.to_dict() == {
        "rule": "NC120",
        "slug": "path-character",
        "severity": "error",
        "certainty": "documented",
        "pointer": "/train_file_path",
        "offset": 1,
        "byte_offset": 1,
        "character": "U+007E",
        "reading": None,
        "expects": [{"status": 422, "code": "10104"}],
        "message": "train_file_path holds '~' (U+007E TILDE) at offset 1 and 1 more",
        "suggestion": "a-b-",
        "page": "Create task, Request body, train_file_path and test_file_path",
        "help_url": None,
    }
    assert {name: type(value) for name, value in finding.to_dict().items() if name in {"severity", "certainty"}} == {
        "severity": str,
        "certainty": str,
    }
    assert repr(finding) == f"<error NC120 path-character at '/train_file_path': {finding.message}>"


def test_the_message_says_that_an_object_may_be_stored_under_the_other_form():
    assert about("NC120", DECOMPOSED).message.endswith(
        "; the text is not in the Unicode form NFC, and an object may be stored under that form instead (keys are bytes)"
        " (undecided: the pages are silent, and path-high-codes=utf8-bytes would reject it;"
        " if you know that it is allowed, pin path-high-codes=code-points)"
    )


def test_other_layers_give_a_finding_a_note_or_a_severity():
    for finding in (first("a~b~"), validate_request(PAYLOAD | {"name": "n" * 101}).findings[0]):
        noted, rated = finding.noted("the server accepted it"), finding.rated(Severity.WARNING)
        assert noted.message == f"{finding.message} (the server accepted it)"
        assert noted.to_dict() == finding.to_dict() | {"message": noted.message}
        assert rated.to_dict() == finding.to_dict() | {"severity": "warning"}
        assert places(noted) == places(rated) == places(finding)
        assert finding.without_place() is finding
        assert finding.causes == ()


def test_a_report_that_shows_the_place_leaves_it_out_of_the_sentence():
    (finding,) = validate_request_json('{"a"}').findings
    assert finding.message == "not JSON: expected ':', but found '}' at column 5 of the text"
    unplaced = finding.without_place()
    assert unplaced.message == "not JSON: expected ':', but found '}'"
    assert unplaced.to_dict() == finding.to_dict() | {"message": unplaced.message}


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        (PAYLOAD | {"a/b~c": 1}, "a/b~c"),
        (PAYLOAD | {"": 1}, "the empty name"),
        (PAYLOAD | {"x" * 61: 1}, "x" * 60 + "…"),
    ],
)
def test_the_message_names_the_field(payload, field):
    assert validate_request(payload).findings[0].message.startswith(f"{field} is not a field of the page")


def test_equal_findings_are_one_in_a_set_and_equal_to_nothing_else():
    one, same, other = first("a~"), first("a~"), first("b~")
    assert one == same
    assert {one, same} == {one}
    assert one != other
    assert one != one.to_dict()
    assert validate_request({}) != ()
    assert hash(validate_request({})) == hash(validate_request({}))


def test_a_report_in_words_has_a_hundred_lines_and_counts_the_rest():
    report = validate_request(PAYLOAD | {f"k{number}": "\ud800" for number in range(60)})
    lines = str(report).splitlines()
    assert (len(lines), lines[100]) == (101, "... and 20 more findings")
    assert lines[1] == "error NC007 k0 holds a lone surrogate (U+D800) at offset 0; it cannot be sent as UTF-8"
    assert repr(report) == "<Report: 60 errors, 60 warnings>"
    hundred = validate_request(PAYLOAD | {f"k{number}": "\ud800" for number in range(50)})
    assert len(str(hundred).splitlines()) == 100
    assert str(validate_request(PAYLOAD)) == "no findings"


def test_an_error_holds_the_report():
    report = validate_request(PAYLOAD | {"train_file_path": "a=b~", "x": 1})
    with pytest.raises(ContractError) as caught:
        report.raise_for_errors()
    error = caught.value
    assert str(error) == f"the contract is broken:\n{report}"
    assert (error.report, error.args, error.finding.rule, error.value, error.suggestion) == (report, (report,), "NC120", "a=b~", "a-b-")
    assert pickle.loads(pickle.dumps(error)).report == report
    warned = ContractError(validate_request(PAYLOAD | {"x": 1}))
    assert (warned.finding.rule, warned.value, warned.suggestion) == ("NC104", "x", None)
    valid = ContractError(validate_request(PAYLOAD))
    assert (valid.finding, valid.value, valid.suggestion) == (None, None, None)
