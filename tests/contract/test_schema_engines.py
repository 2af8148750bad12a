"""Every schema engine gives the same results for our schemas: all code points in a path, names, types, nulls, the corpus.

The expected results are in `tools.engines.cases`, typed by hand from the page. `make engines` runs the engines of Go, PHP, Ruby and Perl.
"""

import json
import re
import sys
from dataclasses import replace

import jsonschema
import jsonschema_rs
import pytest

from nclue_contract.contract.openapi import document, patterns_of
from nclue_contract.contract.readings import Readings
from tests.support.tools import missing, node
from tests.support.witness import OPTIONS
from tools.engines import __main__ as command
from tools.engines import engines
from tools.engines.cases import FORBIDDEN, PAYLOAD, PRINTABLE, SURROGATES, Case, all_cases


@pytest.fixture(scope="module")
def everything():
    return all_cases()


def test_the_expectation_has_the_25_characters_of_the_page_and_no_other_printable_one():
    assert len(set(PRINTABLE)) == len(PRINTABLE) == 25
    assert len(FORBIDDEN) == 25 + 32 + 128


def test_the_cases_have_every_code_point_but_the_surrogates(everything):
    covered = {ord(c) for case in everything if case.name.startswith("path: U+") for c in case.instance}
    assert covered == set(range(sys.maxunicode + 1)).difference(SURROGATES)
    assert len({case.name for case in everything}) == len(everything)
    of_the_corpus = [case.valid for case in everything if case.name.startswith("corpus: ")]
    assert (of_the_corpus.count(True) > 10, of_the_corpus.count(False) > 50) == (True, True)


@pytest.mark.parametrize("engine", engines.PYTHON, ids=lambda engine: engine.name)
def test_an_engine_of_a_python_package_has_the_expected_results(engine, everything, tmp_path):
    assert engine.wrong(everything, tmp_path) == []


@pytest.mark.parametrize("engine", engines.NODE, ids=lambda engine: engine.name)
def test_an_engine_of_node_has_the_expected_results(engine, everything, tmp_path):
    node()
    try:
        assert engine.wrong(everything, tmp_path) == []
    except engines.MissingEngineError as error:
        missing(str(error))


def test_jsonschema_has_the_expected_result_for_a_lone_surrogate_and_jsonschema_rs_cannot_read_one():
    schema = document()["components"]["schemas"]["FilePath"]
    accepts = jsonschema.Draft202012Validator(schema).is_valid
    assert all(accepts(chr(code)) for code in SURROGATES)
    with pytest.raises(UnicodeEncodeError):  # when this starts to fail, the cases can have surrogates
        jsonschema_rs.Draft202012Validator(schema).is_valid(chr(SURROGATES.start))


# -- the patterns under other readings ------------------------------------------------------------------------------------------------

PINS = [
    {"path-characters": characters, "path-high-codes": high, "path-del": delete}
    for characters in OPTIONS["path-characters"]
    for high in OPTIONS["path-high-codes"]
    for delete in OPTIONS["path-del"]
]


EVERYTHING = "".join(map(chr, range(sys.maxunicode + 1)))


def forbidden_under(pins):
    """Return the code points that the page forbids under these readings; typed by hand."""
    codes = FORBIDDEN - {ord("=")} | {"page-2024": {ord("=")}, "page-2025": set(), "page-2026": {ord(" ")}}[pins["path-characters"]]
    codes |= {127} if pins["path-del"] == "forbidden" else set()
    return codes | (set(range(256, sys.maxunicode + 1)) if pins["path-high-codes"] == "utf8-bytes" else set())


@pytest.mark.parametrize("pins", PINS, ids=lambda pins: " ".join(pins.values()))
def test_both_patterns_have_exactly_the_characters_of_the_readings(pins):
    patterns = patterns_of(Readings.of(pins))
    expected = "".join(map(chr, sorted(forbidden_under(pins))))
    assert "".join(re.findall(f"(?:{patterns.forbidden})+", EVERYTHING)) == expected
    assert (patterns.allowed[0], patterns.allowed[-2:]) == ("^", "*$")
    assert re.sub(f"{patterns.allowed[1:-2]}+", "", EVERYTHING) == expected
    # No class has a character beyond U+FFFF (two in JavaScript without a flag), an escape \u, or an unescaped $ before the end.
    assert max(map(max, patterns)) <= "\uffff"
    assert not re.search(r"\\u|(?<!\\)\$.", "".join(patterns))


@pytest.mark.parametrize("flag", ["", "u", "v"])
def test_javascript_reads_the_patterns_of_every_reading_alike_with_each_flag(flag):
    """`v` is the flag of the attribute `pattern` in HTML. Tested are the first 1,024 code points and some above, alone and inside."""
    codes = [*range(1024), 0x2028, 0xAC00, 0xE000, 0xFF01, 0xFFFF, 0x10000, 0x1F600, 0x10FFFF]
    script = """
      const [flag, codes, patterns] = JSON.parse(require("fs").readFileSync(0, "utf8"));
      const odd = (test) => codes.filter((code) => test(String.fromCodePoint(code)) || test(`a${String.fromCodePoint(code)}b`));
      console.log(JSON.stringify(patterns.map(([no, yes]) => {
        const [forbidden, allowed] = [new RegExp(no, flag), new RegExp(yes, flag)];
        return [odd((text) => forbidden.test(text)), odd((text) => !allowed.test(text))];
      })));"""
    patterns = [patterns_of(Readings.of(pins)) for pins in PINS]
    output = engines.output([node(), "-e", script], text=json.dumps([flag, codes, patterns]))
    wanted = [[code for code in codes if code in forbidden] for forbidden in map(forbidden_under, PINS)]
    assert json.loads(output) == [[codes, codes] for codes in wanted]


# -- the table of `make engines` --------------------------------------------------------------------------------------------------------


def engine(wrong=(), **changes):
    """Return an engine that has the expected results but for the cases with these names."""

    def run(_, instances):
        lines = instances.read_text(encoding="utf-8").splitlines()
        by_line = {case.line().strip(): case for case in CASES}
        return [by_line[line].valid ^ (by_line[line].name in wrong) for line in lines]

    return replace(engines.PYTHON[0], name="ours", version=lambda: "1.0", run=run, **changes)


CASES = [Case("good", "TaskRequest", PAYLOAD, True), Case("bad", "TaskRequest", {}, False), Case("path", "FilePath", "a~", False)]


@pytest.fixture
def table(monkeypatch, capsys):
    """Return a function that prints the table of some engines, and returns the exit code, the last row and the errors."""

    def run(*chosen):
        monkeypatch.setattr(command, "all_cases", lambda: CASES)
        monkeypatch.setattr(command, "GROUPS", {"all": chosen})
        code = command.main([])
        out, err = capsys.readouterr()
        return code, out.splitlines()[-1], err

    return run


def missing_engine(*_):
    raise engines.MissingEngineError("the Debian package x is not installed")


def failing_engine(*_):
    raise RuntimeError("go ended with 1:\na | b")


def test_the_table_counts_what_is_as_expected_and_names_what_is_not(table):
    assert table(engine()) == (0, "| ours | Python | 1.0 | 2020-12 | 3 of 3 |  |", "")
    row = "| ours | Python | 1.0 | 2020-12 | 2 of 3 | UNEXPECTED: bad |"
    assert table(engine(wrong=["bad"])) == (1, row, "1 results are not as expected\n")


def test_a_known_bug_is_a_remark_and_is_missed_when_it_is_gone(table):
    known = {"bad": "cannot read x"}
    assert table(engine(wrong=["bad"], known=known)) == (0, "| ours | Python | 1.0 | 2020-12 | 2 of 3 | cannot read x |", "")
    assert table(engine(known=known))[0] == 1


def test_an_engine_that_is_not_installed_is_named_and_one_that_fails_fails_the_table(table):
    assert table(engine(), replace(engine(), version=missing_engine)) == (
        0,
        "| ours | Python | - | 2020-12 | not run | the Debian package x is not installed |",
        "",
    )
    code, row, _ = table(replace(engine(), run=failing_engine))
    assert (code, row) == (1, "| ours | Python | 1.0 | 2020-12 | none | go ended with 1: a \\| b |")
