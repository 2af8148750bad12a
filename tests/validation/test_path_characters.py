"""Property tests: train_file_path and test_file_path hold none of the 25 characters, nor codes 0-31 and 128-255, that the page forbids.

All 1,114,112 code points are validated in both fields under each reading that concerns them; Hypothesis generates paths with several
of them. The expected findings are typed by hand from the page "Create task".
"""

import sys
from operator import attrgetter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nclue_contract.validation.validator import Validator
from tests.support.payloads import FULL_PAYLOAD, PAYLOAD
from tests.support.witness import ALWAYS, OPTIONS, path_character, severity_of

READINGS = ("path-characters", "path-high-codes", "path-del")

CHARACTERS = st.one_of(
    st.sampled_from("ab/._-() =&$@;:+,?*\\{}^%`[]<>~#|\"'\x00\x1f\x7f\x80\xff\u0100가😀\ud800\udfff"),
    st.characters(),
    st.characters(max_codepoint=300),
)
PATHS = st.text(alphabet=CHARACTERS, min_size=1, max_size=12)
PINS = st.fixed_dictionaries({}, optional={reading: st.sampled_from(OPTIONS[reading]) for reading in READINGS})

what = attrgetter("pointer", "rule", "severity", "offset", "character", "reading")


def expectation(code):
    """Rule, severity and reading of the finding about a code point under the default readings; None when there is none."""
    if 0xD800 <= code <= 0xDFFF:
        return "NC007", "error", None
    if code > 255:
        return "NC120", "warning", "path-high-codes"
    if code == 127:
        return "NC120", "warning", "path-del"
    character = chr(code)
    if character == " ":
        return "NC120", "warning", "path-characters"
    if character == "=":
        return "NC120", "error", "path-characters"
    return ("NC120", "error", None) if code < 32 or code > 127 or character in "&$@;:+,?*\\{}^%`[]<>~#|\"'" else None


def answers(finding):
    return [(answer.status, answer.code) for answer in finding.expects]


def test_the_page_names_25_printable_characters():
    printable = {c for c in ALWAYS if " " <= c <= "~"} | {"="}
    assert printable == set("""&$@=;:+,?*\\{}^%`[]<>~#|"'""")
    assert len(printable) == 25
    assert len(ALWAYS) == 24 + 32 + 128


def wrongly_validated(codes, train, test):
    """Return the code points whose findings are not as expected, with each of them in place of ? in both paths."""
    check = Validator().validate_request
    before = {"train": train.split("?"), "test": test.split("?")}
    (t0, t1), (s0, s1) = before["train"], before["test"]
    unexpected = []
    payload = dict(FULL_PAYLOAD)
    for code in codes:
        character = chr(code)
        payload["train_file_path"], payload["test_file_path"] = t0 + character + t1, s0 + character + s1
        found = [what(finding) for finding in check(payload).findings]
        due = expectation(code)
        if due is None:
            expected = []
        else:
            rule, severity, reading = due
            name = f"U+{code:04X}"
            expected = [
                ("/train_file_path", rule, severity, len(t0), name, reading),
                ("/test_file_path", rule, severity, len(s0), name, reading),
            ]
        if found != expected:
            unexpected.append((hex(code), found))
    return unexpected


def test_a_code_point_is_validated_as_the_page_states_alone_and_inside_a_path():
    # One by one: those that the pages speak of, both sides of every limit, and some of each block of the next test.
    codes = sorted(
        {*range(0x1000), *range(0xD700, 0xE100), *range(0, sys.maxunicode, 64), *range(sys.maxunicode - 255, sys.maxunicode + 1)}
    )
    assert wrongly_validated(codes, "?", "a?b") == []
    assert wrongly_validated(codes, "a?b", "?") == []


BLOCKS = [
    range(start, min(start + 512, stop))
    for first, stop in ((0x100, 0xD800), (0xD800, 0xE000), (0xE000, sys.maxunicode + 1))
    for start in range(first, stop, 512)
]


@pytest.mark.parametrize(("pin", "severity"), [(None, "warning"), ("code-points", None), ("utf8-bytes", "error")])
def test_every_code_point_beyond_255_is_validated_in_both_fields_under_each_reading(pin, severity):
    """The code points of a block share a finding, which counts them: none is missing where the count is the length of the block."""
    check = Validator({"path-high-codes": pin} if pin else {}).validate_request
    unexpected = []
    for block in BLOCKS:
        characters = "".join(map(chr, block))
        findings = check(FULL_PAYLOAD | {"train_file_path": characters, "test_file_path": f"a{characters}b"}).findings
        found = [(f.pointer, f.rule, f.severity, f.reading, f.offset, f.occurrences) for f in findings]
        kind = ("NC007", "error", None) if 0xD800 <= block[0] <= 0xDFFF else ("NC120", severity, "path-high-codes")
        fields = [("/train_file_path", 0), ("/test_file_path", 1)] if kind[1] else []
        if found != [(pointer, *kind, offset, len(block)) for pointer, offset in fields]:
            unexpected.append((block, found))
    assert unexpected == []
    assert sum(map(len, BLOCKS)) == 0x110000 - 0x100


def test_the_expected_response_to_a_forbidden_character_is_10104_for_the_train_path_and_10105_for_the_test_path():
    check = Validator().validate_request
    for code in range(0x200):
        if expectation(code) is not None:
            train, test = check(FULL_PAYLOAD | {"train_file_path": chr(code), "test_file_path": f"a{chr(code)}b"}).findings
            assert (answers(train), answers(test)) == ([(422, "10104")], [(422, "10105")])


def test_existence_first_adds_the_responses_for_files_that_do_not_exist():
    check = Validator({"check-order": "existence-first"}).validate_request
    train, test = check(FULL_PAYLOAD | {"train_file_path": "~", "test_file_path": "~"}).findings
    assert set(answers(train)) == {(422, "10104"), (404, "10106"), (404, "10107")}
    assert set(answers(test)) == {(422, "10105"), (404, "10106"), (404, "10108")}


@pytest.mark.parametrize("option", OPTIONS["path-characters"])
@pytest.mark.parametrize("high", OPTIONS["path-high-codes"])
@pytest.mark.parametrize("delete", OPTIONS["path-del"])
def test_pinned_readings_decide_about_each_of_the_first_1024_code_points_without_warnings(option, high, delete):
    check = Validator({"path-characters": option, "path-high-codes": high, "path-del": delete}).validate_request
    forbidden = {chr(code) for code in (*range(32), *range(128, 256))} | set("&$@;:+,?*\\{}^%`[]<>~#|\"'")
    forbidden |= {"page-2024": {"="}, "page-2025": set(), "page-2026": {" "}}[option]
    forbidden |= {"\x7f"} if delete == "forbidden" else set()
    forbidden |= set(map(chr, range(256, 1024))) if high == "utf8-bytes" else set()
    for character in map(chr, range(1024)):
        findings = check(PAYLOAD | {"train_file_path": f"a{character}"}).findings
        assert [(f.rule, f.severity) for f in findings] == ([("NC120", "error")] if character in forbidden else []), ascii(character)


@given(PATHS, PINS, st.sampled_from(["train_file_path", "test_file_path"]))
@example("a=b c\x7f가=", {}, "train_file_path")
@example("가나\ud800~~\ud800", {"path-high-codes": "utf8-bytes"}, "test_file_path")
def test_a_path_gets_a_finding_per_forbidden_character(path, pins, field):
    """A forbidden character below U+0100 has a finding with its first offset; those beyond share one; the order is that of the path."""
    report = Validator(pins).validate_request(FULL_PAYLOAD | {field: path})
    expected, seen = [], set()
    for offset, character in enumerate(path):
        surrogate = 0xD800 <= ord(character) <= 0xDFFF
        key = "surrogate" if surrogate else character if ord(character) < 256 else "beyond"
        reading, rejecting = (None, {"UTF-8"}) if surrogate else path_character(character)
        severity = "error" if rejecting and reading is None else severity_of(reading, rejecting, pins) if rejecting else None
        if severity and key not in seen:
            expected.append((f"/{field}", "NC007" if surrogate else "NC120", severity, offset, f"U+{ord(character):04X}", reading))
        seen.add(key)
    assert [what(finding) for finding in report.findings] == expected


@given(PATHS, PINS)
@example("\ud800é가😀~\udfff~", {})
def test_positions_and_occurrences_count_what_a_finding_covers(path, pins):
    """Of each finding: its positions are all places of its character (or of its kind), and the bytes before the first give byte_offset."""
    for finding in Validator(pins).validate_request(PAYLOAD | {"train_file_path": path}).findings:
        first = path[finding.offset]
        if finding.rule == "NC007":
            places = [i for i, c in enumerate(path) if "\ud800" <= c <= "\udfff"]
        elif ord(first) > 255:
            places = [i for i, c in enumerate(path) if ord(c) > 255 and not "\ud800" <= c <= "\udfff"]
        else:
            places = [i for i, c in enumerate(path) if c == first]
        assert finding.positions == tuple(places)
        assert finding.occurrences == len(places)
        assert finding.byte_offset == len(path[: finding.offset].encode("utf-8", "surrogatepass"))


def test_a_hundred_positions_are_recorded_and_all_occurrences_are_counted():
    (finding,) = Validator().validate_request(PAYLOAD | {"train_file_path": "~" * 5_000}).findings
    assert finding.positions == tuple(range(100))
    assert finding.occurrences == 5_000


@given(PATHS.map(lambda path: path * 200).filter(lambda path: len(path) > 1000), PINS)
def test_long_paths_are_validated_like_short_ones(path, pins):
    """A path of more than 1,000 characters has the findings of the short one that it repeats."""
    check = Validator(pins).validate_request
    once = check(PAYLOAD | {"train_file_path": path[: len(path) // 200]})
    many = check(PAYLOAD | {"train_file_path": path})
    assert [what(finding) for finding in many.findings] == [what(finding) for finding in once.findings]


SAFE = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!()-./_")


@given(PATHS, PINS)
def test_a_suggestion_is_legal_under_every_reading(path, pins):
    """A suggestion holds the 69 characters that no generation of the page forbids, and what a pinned reading allows."""
    validator = Validator(pins)
    report = validator.validate_request(PAYLOAD | {"train_file_path": path})
    kept = {c for c in path if ord(c) > 255} if pins.get("path-high-codes") != "utf8-bytes" else set()
    for finding in report.findings:
        if finding.suggestion is not None:
            assert finding.suggestion
            allowed = set({"page-2024": " ", "page-2025": " =", "page-2026": "="}.get(pins.get("path-characters"), ""))
            allowed |= {"\x7f"} if pins.get("path-del") == "allowed" else set()
            assert set(finding.suggestion) <= SAFE | kept | allowed
            assert validator.is_valid_request(PAYLOAD | {"train_file_path": finding.suggestion})


@pytest.mark.parametrize(
    ("path", "suggestion"),
    [
        ("dt=2026-11-23/part", "dt-2026-11-23/part"),
        ("data\\train.tsv", "data/train.tsv"),
        ("café.tsv", "cafe.tsv"),
        ("a b", "a_b"),
        ("train.tsv\n", "train.tsv"),
        ('"train".tsv', "train.tsv"),
        ("가~.tsv", "가-.tsv"),
        ("\n", None),
        ("~" * 1000, "-" * 1000),
        ("~" * 1001, None),
    ],
    ids=ascii,
)
def test_a_suggestion_replaces_each_forbidden_character_by_a_usual_one(path, suggestion):
    report = Validator().validate_request(PAYLOAD | {"train_file_path": path})
    offers = {finding.suggestion for finding in report.findings if finding.character != "U+AC00"}
    assert offers == {suggestion}


@pytest.mark.parametrize(
    ("pins", "suggestion"),
    [
        ({}, "dt-1/a-b_c"),
        ({"path-characters": "page-2024"}, "dt-1/a-b c"),
        ({"path-characters": "page-2025"}, "dt=1/a-b c"),
        ({"path-characters": "page-2026"}, "dt=1/a-b_c"),
    ],
    ids=str,
)
def test_what_a_pinned_reading_allows_is_not_replaced(pins, suggestion):
    """Otherwise the suggestion would be the path of another file."""
    report = Validator(pins).validate_request(PAYLOAD | {"train_file_path": "dt=1/a~b c"})
    assert {finding.suggestion for finding in report.findings} == {suggestion}


def test_a_line_feed_at_the_end_of_a_path_is_found():
    (finding,) = Validator().validate_request(PAYLOAD | {"train_file_path": "train.tsv\n"}).findings
    assert what(finding) == ("/train_file_path", "NC120", "error", 9, "U+000A", None)


# -- suggestions that would be wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "s3://answers/churn/train.csv",
        "https://kr.object.ncloudstorage.com/answers/train.csv?versionId=1",
        "https:/kr.object.ncloudstorage.com/answers/train.csv",
        "FILE:///home/me/train.csv",
        "%ED%95%99%EC%8A%B5/train.csv",
        "churn/a%20b.csv",
        "churn/a%2fb.csv",
        "C:\\data\\train.csv",
        "d:/data/train.csv",
        "C:train.csv",
        "\\\\server\\share\\train.csv",
        "\\data\\train.csv",
        "/churn/train~1.csv",
        "//churn/train~1.csv",
        "churn//train~1.csv",
        "churn/./train~1.csv",
        "../train~1.csv",
        'churn/"/train.csv',
        "churn~1/",
        "e\u0301/train~1.csv",
        "\u1112\u1161\u11a8/train~1.csv",
    ],
)
@pytest.mark.parametrize("pins", [{}, {"path-high-codes": "code-points"}, {"path-high-codes": "utf8-bytes"}])
def test_no_object_is_suggested_that_cannot_be_meant(path, pins):
    report = Validator(pins).validate_request(PAYLOAD | {"train_file_path": path})
    assert report.errors
    assert {finding.suggestion for finding in report.findings} == {None}


@pytest.mark.parametrize(
    ("path", "suggestion"),
    [
        ("churn/10:30/train.csv", "churn/10-30/train.csv"),
        ("churn:train.csv", "churn-train.csv"),
        ("data\\train.csv", "data/train.csv"),
        ("up 100% more.csv", "up_100-_more.csv"),
        ("학/train~1.csv", "학/train-1.csv"),
        ("caf\u00e9.csv", "cafe.csv"),
    ],
)
def test_a_key_that_only_looks_similar_gets_its_suggestion(path, suggestion):
    report = Validator({"path-high-codes": "code-points"}).validate_request(PAYLOAD | {"train_file_path": path})
    assert {finding.suggestion for finding in report.errors} == {suggestion}


def test_the_finding_says_that_the_object_may_be_stored_under_the_other_form():
    sentence = "; the text is not in the Unicode form NFC, and an object may be stored under that form instead (keys are bytes)"
    for path, stated in (("e\u0301~.csv", True), ("\u1112\u1161\u11a8.csv", True), ("학~.csv", False), ("a~.csv", False)):
        report = Validator({}).validate_request(PAYLOAD | {"train_file_path": path})
        assert all((sentence in finding.message) is stated for finding in report.findings), path
