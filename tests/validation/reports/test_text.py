"""What people read, compared as a whole."""

import dataclasses
import re
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nclue_contract.contract.readings import Policy, Readings
from nclue_contract.contract.rules import Severity
from nclue_contract.validation.findings import Finding, Report
from nclue_contract.validation.json_reader import Payload
from nclue_contract.validation.reports.base import Run, Summary
from nclue_contract.validation.reports.text import TextRenderer, render_report

JUDGE = Policy(Readings.choose())
PATH = JUDGE.documented("NC120", suggest=lambda text: text.replace("~", "-"))
HIGH = dataclasses.replace(
    PATH,
    severity=Severity.WARNING,
    note="undecided: nobody knows; if you do, pin path-high-codes=code-points",
    pin="path-high-codes=code-points",
    group=re.compile("[^\x00-\xff]"),
    suggest=None,
)
RUN = Run("1.2.3", "2026.11.0", JUDGE.readings, strict=False)


TEXT = '{"train_file_path": "data~1.csv", "test_file_path": "데"}'


def written(*findings, file="tasks.jsonl", text=TEXT, summary=None, run=RUN, colour=False, encoding="utf-8", quiet=False):
    out = []
    renderer = TextRenderer(out.append, run, colour=colour, encoding=encoding, quiet=quiet)
    renderer.begin()
    if findings:
        renderer.payload(Payload(file, 3, 1, 2, text), Report(findings))
    if summary:
        renderer.end(summary)
    return "".join(out)


def path(text, offset, applied=PATH, pointer="/train_file_path"):
    return Finding(applied, pointer, offset, text)


def test_a_finding_shows_its_place_the_character_and_what_to_do():
    assert written(path("data~1.csv", 4), summary=Summary(payloads=3, valid=2, errors=2, warnings=1)) == dedent("""\
        tasks.jsonl:3:26: error NC120 path-character
          train_file_path holds '~' (U+007E TILDE) at offset 4
            │ data~1.csv
            │     ^
          response:   422 with code 10104
          suggestion: data-1.csv
          page:       Create task, Request body, train_file_path and test_file_path

        3 payloads: 2 valid, 1 invalid (2 errors, 1 warning) [nclue-contract 1.2.3, contract 2026.11.0]
        """)


def test_carets_are_under_hangul():
    assert render_report(Report((path("데이~터.csv", 2),))).splitlines()[1:4] == [
        "  train_file_path holds '~' (U+007E TILDE) at offset 2",
        "    │ 데이~터.csv",
        "    │     ^",
    ]


def test_a_warning_about_a_reading_names_the_pin_that_settles_it():
    assert render_report(Report((path("데이터.csv", 0, HIGH),))) == dedent("""\
        warning NC120 path-character
          train_file_path holds '데' (U+B370 HANGUL SYLLABLE DE) at offset 0 and 2 more
          (undecided: nobody knows; if you do, pin path-high-codes=code-points)
            │ 데이터.csv
            │ ^^^^^^
          response:   success or 422 with code 10104
          pin:        --reading path-high-codes=code-points
          page:       Create task, Request body, train_file_path and test_file_path""")


def test_responses_without_a_code_are_named_as_such():
    assert render_report(Report((Finding(JUDGE.documented("NC101"), "/name"),))) == dedent("""\
        error NC101 required
          name is missing
          response:   400, 404, 409 or 422 (no code documented)
          page:       Create task, Request body""")


def test_responses_with_and_without_a_code_are_distinguished():
    finding = Finding(JUDGE.documented("NC100"), "", detail={"kind": "an array"})
    assert render_report(Report((finding,))) == dedent("""\
        error NC100 body-object
          the payload is an array, not an object
          response:   400 with code 100, or 400, 404, 409 or 422 (no code documented)
          page:       Create task, Request body""")


def test_a_warning_without_a_documented_code_lists_no_responses():
    assert render_report(Report((Finding(JUDGE.documented("NC130"), "/train_bucket"),))) == dedent("""\
        warning NC130 bucket-name
          train_bucket is not a valid Object Storage bucket name: 3 to 63 lower-case
          letters, digits, dots and hyphens, and no IP address
          page:       Object Storage, bucket names""")


def test_decomposed_hangul_and_marks_keep_the_carets_in_place():
    text = "\u1103\u1166e\u0301~.csv"
    lines = render_report(Report((path(text, 4),))).splitlines()
    assert [line for line in lines if "│" in line] == [f"    │ {text}", "    │    ^"]


def test_escape_sequences_tabs_and_overrides_are_escaped():
    text = "a\tb\x1b[31m\u202ec~.csv"
    report = render_report(Report((path(text, 4),)))
    assert report.splitlines()[1:4] == [
        "  train_file_path holds '[' (U+005B LEFT SQUARE BRACKET) at offset 4",
        r"    │ a\tb\x1b[31m\u202ec~.csv",
        r"    │         ^",
    ]
    assert r"  suggestion: a\tb\x1b[31m\u202ec-.csv" in report.splitlines()


def test_a_lone_surrogate_is_pointed_at():
    applied = JUDGE.documented("NC007", group=re.compile("[\ud800-\udfff]"))
    assert render_report(Report((path("a\ud800b\udfff", 1, applied),))).splitlines()[1:5] == [
        "  train_file_path holds a lone surrogate (U+D800) at offset 1 and 1 more; it",
        "  cannot be sent as UTF-8",
        r"    │ a\ud800b\udfff",
        r"    │  ^^^^^^ ^^^^^^",
    ]


def test_a_western_console_gets_escapes_and_ascii_signs():
    text = "é데이~" + "a" * 60
    assert written(path(text, 3), file="작업.jsonl", encoding="cp1252") == "\n".join(
        [
            r"\uc791\uc5c5.jsonl:3:25: error NC120 path-character",
            "  train_file_path holds '~' (U+007E TILDE) at offset 3",
            r"    | é\ub370\uc774~" + "a" * 40 + "...",
            "    |              ^",
            "  response:   422 with code 10104",
            r"  suggestion: é\ub370\uc774-" + "a" * 60,
            "  page:       Create task, Request body, train_file_path and test_file_path",
            "",
            "",
        ]
    )


def test_an_ascii_console_gets_escapes_and_ascii_signs():
    assert written(path("🎉~", 1), encoding="ascii").splitlines()[2:4] == [r"    | \U0001f389~", "    |           ^"]


def test_a_value_of_ten_megabytes_has_a_short_text():
    text = "a" * 5_000_000 + "~" + "b" * 5_000_000
    report = written(path(text, 5_000_000, JUDGE.documented("NC120")))
    assert report.splitlines()[2:4] == ["    │ …" + "a" * 18 + "~" + "b" * 39 + "…", "    │ " + " " * 19 + "^"]
    assert len(report) < 500


def test_a_long_suggestion_is_cut_around_the_change():
    text = "a" * 500 + "~" + "b" * 500
    lines = render_report(Report((path(text, 500),))).splitlines()
    assert lines[5] == "  suggestion: …" + "a" * 78 + "-" + "b" * 159 + "…"


def test_a_hundred_occurrences_have_carets_as_far_as_one_can_see():
    assert render_report(Report((path("~" * 100, 0),))).splitlines()[1:4] == [
        "  train_file_path holds '~' (U+007E TILDE) at offset 0 and 99 more",
        "    │ " + "~" * 58 + "…",
        "    │ " + "^" * 58,
    ]


def test_a_suggestion_for_a_field_name_is_offered():
    applied = dataclasses.replace(JUDGE.documented("NC104"), suggest=lambda _: "test_bucket")
    assert render_report(Report((Finding(applied, "/tset_bucket", text="tset_bucket"),))) == dedent("""\
        error NC104 unknown-field
          tset_bucket is not a field of the page
          response:   400, 404, 409 or 422 (no code documented)
          suggestion: test_bucket
          page:       Create task, Request body""")


def test_the_report_fits_the_width_it_is_given():
    lines = render_report(Report((path("데이~터" * 20, 2), path("데", 0, HIGH))), width=40).splitlines()
    assert lines[lines.index("  response:   success or 422 with code") + 1] == "              10104"
    assert "    │ 데이~터데이~터데이~터데이~터데이…" in lines
    assert "    │     ^      ^      ^      ^" in lines
    assert [line for line in lines if len(line) > 40 and not line.startswith("  suggestion:")] == []


def test_a_report_without_findings_states_it():
    assert render_report(Report()) == "no findings"


def test_a_report_of_many_findings_is_cut():
    finding = Finding(JUDGE.documented("NC101"), "/name")
    report = render_report(Report((finding,) * 1234))
    assert report.count("error NC101") == 100
    assert report.endswith("\n\n... and 1,134 more findings")


def test_colours_mark_severity_rule_and_carets():
    assert written(path("~", 0), path("데", 0, HIGH), colour=True).splitlines() == [
        "tasks.jsonl:3:22: \x1b[1;31merror\x1b[0m \x1b[1mNC120\x1b[0m path-character",
        "  train_file_path holds '~' (U+007E TILDE) at offset 0",
        "    │ ~",
        "    │ \x1b[1;31m^\x1b[0m",
        "  response:   422 with code 10104",
        "  suggestion: -",
        "  page:       Create task, Request body, train_file_path and test_file_path",
        "",
        "tasks.jsonl:3:22: \x1b[1;33mwarning\x1b[0m \x1b[1mNC120\x1b[0m path-character",
        "  train_file_path holds '데' (U+B370 HANGUL SYLLABLE DE) at offset 0 (undecided:",
        "  nobody knows; if you do, pin path-high-codes=code-points)",
        "    │ 데",
        "    │ \x1b[1;33m^^\x1b[0m",
        "  response:   success or 422 with code 10104",
        "  pin:        --reading path-high-codes=code-points",
        "  page:       Create task, Request body, train_file_path and test_file_path",
        "",
    ]


def test_quiet_leaves_a_line_per_error():
    assert written(path("a~", 1), path("데", 0, HIGH), summary=Summary(payloads=1, errors=1, warnings=1), quiet=True) == (
        "tasks.jsonl:3:23: error NC120 train_file_path holds '~' (U+007E TILDE) at offset 1\n"
    )


def test_quiet_prints_nothing_without_findings():
    assert written(path("데", 0, HIGH), summary=Summary(payloads=1, valid=1, warnings=1), quiet=True) == ""


def test_standard_input_has_a_name():
    assert written(Finding(JUDGE.documented("NC101"), ""), file="-").splitlines()[0] == "<stdin>:3:1: error NC101 required"


def test_an_unreadable_input_is_reported():
    out = []
    renderer = TextRenderer(out.append, RUN, colour=False, encoding="utf-8")
    renderer.unreadable("a\nb\udc80.json", "No such file or directory")
    renderer.end(Summary(unreadable=1))
    assert "".join(out).splitlines() == [
        "a\\nb\\udc80.json: could not be read: No such file or directory",
        "",
        "0 payloads; 1 input could not be read [nclue-contract 1.2.3, contract 2026.11.0]",
    ]


def test_pins_and_strictness_are_printed_before_the_counts():
    readings = Readings.choose(("pyproject.toml", {"name-edge": "99"}), ("--reading", {"path-del": "allowed"}))
    assert written(summary=Summary(payloads=1, valid=1), run=Run("1.2.3", "2026.11.0", readings, strict=True)) == dedent("""\
        pinned: path-del=allowed (--reading), name-edge=99 (pyproject.toml)
        strict: warnings are errors
        1 payload: 1 valid [nclue-contract 1.2.3, contract 2026.11.0]
        """)


SUMMARIES = {
    "0 payloads": Summary(),
    "1 payload: 1 valid": Summary(payloads=1, valid=1),
    "1 payload: 1 invalid (1 error)": Summary(payloads=1, errors=1),
    "2 payloads: 2 valid (1 warning)": Summary(payloads=2, valid=2, warnings=1),
    "1,234,567 payloads: 1,234,566 valid, 1 invalid (1,000 errors, 2 warnings)": Summary(1_234_567, 1_234_566, 1000, 2),
    "1 payload: 1 valid; 2 inputs could not be read": Summary(payloads=1, valid=1, unreadable=2),
}


@pytest.mark.parametrize("text", SUMMARIES)
def test_summaries_count_in_good_english(text):
    assert str(SUMMARIES[text]) == text


awkward = st.text(
    st.one_of(st.sampled_from("a~\n\x1b\u202e\u0301\u1103\u1166데🎉\ud800\udc80…│"), st.characters(exclude_categories=())), min_size=1
)


@given(awkward, awkward, st.data(), st.sampled_from(["utf-8", "cp1252", "cp949", "ascii"]), st.booleans())
def test_whatever_is_in_values_and_names_the_text_can_be_written_and_obeys_no_terminal(text, file, data, encoding, quiet):
    offset = data.draw(st.integers(0, len(text) - 1))
    output = written(path(text, offset), file=file, summary=Summary(payloads=1, errors=1), encoding=encoding, quiet=quiet)
    output.encode(encoding)
    assert all(line.isprintable() for line in output.split("\n"))
    assert output.count("error NC120") == 1


def test_a_finding_about_the_json_itself_points_into_the_source():
    text = '{\r\n  "name": "파일",,\r\n}'
    finding = Finding(JUDGE.documented("NC001"), "", text.index(",,") + 1, detail={"problem": "expected a name"})
    assert written(finding, text=text).splitlines()[:4] == [
        "tasks.jsonl:4:16: error NC001 json-syntax",
        "  not JSON: expected a name",
        '    │   "name": "파일",,',
        "    │                  ^",
    ]


def test_a_text_that_ends_too_early_is_pointed_at_behind_its_end():
    finding = Finding(JUDGE.documented("NC001"), "", 8, detail={"problem": "expected a value"})
    assert written(finding, text='{"name":').splitlines()[2:4] == ['    │ {"name": ', "    │         ^"]
    assert written(finding, text='{"name":\n').splitlines()[2:4] == ['    │ {"name": ', "    │         ^"]
    assert written(Finding(JUDGE.documented("NC001"), "", 0, detail={"problem": "?"}), text="").splitlines()[2:4] == ["    │  ", "    │ ^"]


def test_an_offset_in_the_source_is_no_offset_in_a_value():
    finding = Finding(JUDGE.documented("NC004"), "/name", 14, detail={"key": "'name'"})
    assert written(finding, text='{"name": "a", "name": "a long value of a name"}').splitlines()[:4] == [
        "tasks.jsonl:3:15: error NC004 json-duplicate-key",
        "  the name 'name' occurs again; parsers disagree which value counts",
        '    │ {"name": "a", "name": "a long value of a name"}',
        "    │               ^",
    ]


def test_bytes_that_are_no_text_have_no_excerpt():
    finding = Finding(JUDGE.documented("NC002"), "", 1, detail={"problem": "byte 0xFF"})
    assert written(finding, text=b"{\xff}").splitlines()[:3] == [
        "tasks.jsonl:3:2: error NC002 json-encoding",
        "  not UTF-8: byte 0xFF",
        "  response:   400 with code 100, or 400, 404, 409 or 422 (no code documented)",
    ]
