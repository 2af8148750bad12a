"""What the JSON reader finds, and where; expected values are typed by hand."""

import json
import math
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nclue_contract.contract.model import contract
from nclue_contract.validation import json_reader
from nclue_contract.validation.json_parser import MalformedError, Parser, flat_members
from nclue_contract.validation.json_reader import (
    BOM,
    Document,
    Payload,
    decode,
    line_column,
    locate,
    read,
    read_flat,
    value_end,
    wide_encoding,
)

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**300), 10**300) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)
FLAT = st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=5)
PUNCTUATION = st.text(alphabet="{}[]:,\"\\ \n\t\r-+.01eEutrfalsn'/\x01é", max_size=12)
ANY_TEXT = st.text(alphabet=st.characters(), max_size=30)


def codes(document: Document) -> list[str]:
    return [problem.code for problem in document.problems]


def found(text: str | bytes) -> list[tuple[str, str, int]]:
    return [(problem.code, problem.pointer, problem.offset) for problem in read(text).problems]


def problem_of(text: str | bytes) -> str:
    """Return the problem named by the one NC001 or NC002 that makes a text unreadable."""
    document = read(text)
    assert not document.readable
    last = document.problems[-1]
    assert last.code in {"NC001", "NC002"}
    return str(last.detail["problem"])


# -- values ---------------------------------------------------------------------------------------------------------------------------


@given(JSON_VALUES, st.booleans(), st.sampled_from([None, 2]))
def test_what_json_dumps_writes_is_read_without_problems(value, ascii_only, indent):
    """For every JSON value v: read(json.dumps(v)) is v, of the same types, without findings."""
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    document = read(text)
    assert document.readable
    assert repr(document.value) == repr(json.loads(text))
    assert document.problems == ()
    assert read(text.encode()) == document


@given(PUNCTUATION)
def test_syntax_is_accepted_as_by_the_standard_library(text):
    """A text is readable exactly if json.loads accepts it, constants such as NaN aside, and then the values are the same."""
    try:
        expected = json.loads(text)
    except ValueError:
        assert not read(text).readable
    else:
        assert read(text).readable
        assert repr(read(text).value) == repr(expected)


@given(ANY_TEXT | PUNCTUATION, st.binary(max_size=30))
def test_no_text_and_no_bytes_make_it_raise(text, data):
    """Whatever is read, there is a Document, with at most one NC001 or NC002, which comes last and is under 300 characters long."""
    for document in (read(text), read(data), read(b"\xef\xbb\xbf" + data)):
        assert document.readable == ({"NC001", "NC002"}.isdisjoint(codes(document)))
        assert not {"NC001", "NC002"} & set(codes(document)[:-1])
        assert all(len(str(problem.detail.get("problem"))) < 300 for problem in document.problems)


@given(ANY_TEXT | PUNCTUATION | FLAT.map(json.dumps) | JSON_VALUES.map(json.dumps))
def test_what_the_fast_path_reads_the_exact_reader_reads_alike(text):
    """If read_flat gives a value, then read gives the same value and no problem."""
    flat = read_flat(text)
    if flat is not None:
        assert read(text) == Document(flat, (), readable=True)


def exact(text: str | bytes) -> Document:
    """Read as if nothing were usual."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_reader, "_read_usual", lambda text: json.loads(f"no JSON: {text}"))
        return read(text)


ESCAPES = st.lists(st.sampled_from(["\\", "\\\\", "\\u", "d83d", "ude00", "\\ud83d", "\\uDE00", "00e9", "a", '\\"']), max_size=8).map(
    lambda parts: f'[["{"".join(parts)}"]]'
)


@given(
    ESCAPES | ANY_TEXT | PUNCTUATION | JSON_VALUES.map(json.dumps) | JSON_VALUES.map(lambda value: json.dumps(value, ensure_ascii=False))
)
@example('[{"a":1,"a":1}]')
@example(r'["\ud800"]')
@example(r'{"a":["\ud83d\ude00", "\\ud800"]}')
@example(r'["\\ud83d\ude00"]')
@example(r'["\\\ud83d\ude00"]')
@example(r'["\ud83d\ud83d\ude00"]')
@example(r'["\ud83d", "\ude00"]')
@example(r'["\ud83d\u0041\ude00", "\u00e9"]')
@example('["\ud800"]')
@example('{"x":{"\udfff":1}}')
@example("[" * 64 + "]" * 64)
@example("[" * 65 + "]" * 65)
@example('{"a":' * 64 + "[]" + "}" * 64)
@example("[" + "[]," * 64 + "[]]")
@example('"' + "[" * 65 + '"')
@example("[" * 5_000 + "]" * 5_000)
@example("[1e400, -1e400, 1e-400, -0, -0.0]")
@example("[NaN, Infinity, -Infinity]")
@example(f"[{'1' * 400}]")
@example(f"[{'1' * 301}, {'1' * 300}]")
@example(f"[{'1' * 5_000}]")
@example(f"[0.{'1' * 5_000}]")
@example("\u00a0{}")
@example(BOM + "{}")
def test_what_is_read_in_the_usual_way_the_exact_parser_reads_alike(text):
    """For every text: the value, its types and all problems are those of the exact parser."""
    assert repr(read(text)) == repr(exact(text))
    if not any("\ud800" <= character <= "\udfff" for character in text):
        assert repr(read(text.encode())) == repr(exact(text.encode()))


@given(st.lists(st.tuples(st.sampled_from(["a", "b", 'c"']), st.sampled_from(["", "x", '"', "\\", '\\"'])), max_size=4))
def test_the_fast_path_accepts_no_object_with_a_name_twice(members):
    """For every list of members, also with escaped quotation marks: a value only if the names differ."""
    text = "{" + ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in members) + "}"
    names = [name for name, _ in members]
    if len(set(names)) < len(names):
        assert read_flat(text) is None
        assert "NC004" in codes(read(text))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{}", {}),
        (' \r\n{"a" : "b"}\t\n', {"a": "b"}),
        ('{"a":"","b":"é😀"}', {"a": "", "b": "é😀"}),
        (r'{"a":"\ud83d\ude00\n"}', {"a": "😀\n"}),
        (r'{"a":"\ud800"}', {"a": "\ud800"}),
    ],
)
def test_the_fast_path_reads_flat_objects_of_strings(text, value):
    assert read_flat(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "[]",
        '"a"',
        "1",
        "null",
        "NaN",
        '["a"]',
        '{"a":null}',
        '{"a":1}',
        '{"a":NaN}',
        '{"a":["b"]}',
        '{"a":1,"b":["c","d"]}',
        '{"a":{}}',
        '{"a":"b","a":"c"}',
        '{"a":"b"} {}',
        '{"a":"b"}x',
        '{"a":"b"}\u00a0',
        '{"a":"b"',
        '{"a":"b\n"}',
        BOM + "{}",
        r'{"\ud800":"a"}',
        '{"\ud800":"a"}',
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"a":' + "1" * 5_000 + "}",
    ],
    ids=lambda text: ascii(text[:20]),
)
def test_the_fast_path_leaves_everything_else_to_the_exact_reader(text):
    assert read_flat(text) is None


# -- syntax ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "offset", "words"),
    [
        ("", 0, "expected a value, but found nothing at column 1 of the text; the text is empty"),
        (" \n ", 3, "expected a value, but found nothing at line 2, column 2 of the text; the text is empty"),
        ('{"a":', 5, "expected a value, but found nothing at column 6 of the text; the text is cut off"),
        ('{"a":"b"', 8, "expected ',' or '}', but found nothing at column 9 of the text; the text is cut off"),
        ('{"a":1,}', 7, "expected a name in double quotes, but found '}' at column 8 of the text; a comma is not allowed before it"),
        ("[1 , ]", 5, "expected a value, but found ']' at column 6 of the text; a comma is not allowed before it"),
        ("[,1]", 1, "expected a value, but found ',' at column 2 of the text"),
        (
            "{'a': 1}",
            1,
            "expected a name in double quotes, but found ''' at column 2 of the text; names and strings are written in double quotes (\")",
        ),
        ('{"a": “b”}', 6, "expected a value, but found '“' at column 7 of the text; names and strings are written in double quotes (\")"),
        (
            "{name: 1}",
            1,
            (
                "expected a name in double quotes, but found 'name' at column 2 of the text; "
                'names and strings are written in double quotes (")'
            ),
        ),
        ('{"a": True}', 6, "expected a value, but found 'True' at column 7 of the text; JSON writes true"),
        ('{"a": FALSE}', 6, "expected a value, but found 'FALSE' at column 7 of the text; JSON writes false"),
        ('{"a": None}', 6, "expected a value, but found 'None' at column 7 of the text; JSON writes null"),
        (
            '{\n  "a": 1, // one\n}',
            12,
            "expected a name in double quotes, but found '/' at line 2, column 11 of the text; JSON has no comments",
        ),
        ("# a\n{}", 0, "expected a value, but found '#' at line 1, column 1 of the text; JSON has no comments"),
        ('{"a" "b"}', 5, "expected ':', but found '\"' at column 6 of the text"),
        ('{"a": "b" "c": 1}', 10, "expected ',' or '}', but found '\"' at column 11 of the text"),
        (
            '{"a": "b"c"}',
            9,
            "expected ',' or '}', but found 'c' at column 10 of the text; a quotation mark inside a string is written \\\"",
        ),
        (
            "{} {}",
            3,
            (
                "expected the end of the text, but found '{' at column 4 of the text; "
                "is a comma missing? One payload per line belongs in a .jsonl file"
            ),
        ),
        ("[1]]", 3, "expected the end of the text, but found ']' at column 4 of the text"),
        (
            "[01]",
            1,
            (
                "expected a value, but found '01' at column 2 of the text; "
                "a number has no plus sign, no leading zeros, and digits on both sides of its point"
            ),
        ),
        (
            "[+a]",
            1,
            (
                "expected a value, but found '+a' at column 2 of the text; "
                "a number has no plus sign, no leading zeros, and digits on both sides of its point"
            ),
        ),
        ("[a1]", 1, "expected a value, but found 'a1' at column 2 of the text; names and strings are written in double quotes (\")"),
        (
            '["a',
            1,
            "expected a closing quotation mark, but there is none for the string that starts at column 2 of the text; the text is cut off",
        ),
        (
            '["a\\',
            1,
            "expected a closing quotation mark, but there is none for the string that starts at column 2 of the text; the text is cut off",
        ),
        (
            '["a\n"]',
            3,
            (
                "expected printable text or a closing quotation mark, but found U+000A at line 1, column 4 of the text; "
                "close the string, or write the line break as \\n"
            ),
        ),
        (
            '["\t"]',
            2,
            (
                "expected printable text or a closing quotation mark, but found U+0009 at column 3 of the text; "
                "write control characters as escapes"
            ),
        ),
        (
            r'["ab\q"]',
            4,
            r"expected an escape such as \n or \u00e9, but found '\q' at column 5 of the text; a backslash itself is written \\",
        ),
        (
            r'["\u12g4"]',
            2,
            r"expected an escape such as \n or \u00e9, but found '\u' at column 3 of the text; a backslash itself is written \\",
        ),
        (
            "{\u00a0}",
            1,
            (
                r"expected a name in double quotes, but found '\xa0' at column 2 of the text; "
                "only spaces, tabs and line breaks are white space"
            ),
        ),
        ("\0", 0, r"expected a value, but found '\x00' at column 1 of the text; only spaces, tabs and line breaks are white space"),
    ],
)
def test_a_slip_is_named_with_its_place_and_a_hint(text, offset, words):
    assert found(text) == [("NC001", "", offset)]
    assert problem_of(text) == words


@pytest.mark.parametrize(
    "text", ["nul", "truefalse", "[1 2]", "-", "1.", ".5", "+1", "1e", "0x10", "1_000", "٣", "[1}", "{]", '{"a"}', "{,}"]
)
def test_other_texts_that_are_no_json_are_rejected(text):
    assert codes(read(text)) == ["NC001"]


SLIPS = {
    **dict.fromkeys(("True", "TRUE"), "JSON writes true"),
    **dict.fromkeys(("False", "FALSE"), "JSON writes false"),
    **dict.fromkeys(("None", "nil", "undefined", "NULL", "Null", "nan", "inf", "-inf"), "JSON writes null"),
    **dict.fromkeys(("'a'", "`a`", "\u2018a\u2019", "\u201ca\u201d"), 'names and strings are written in double quotes (")'),
    **dict.fromkeys(("# a", "// a"), "JSON has no comments"),
}


@pytest.mark.parametrize(("value", "hint"), SLIPS.items(), ids=SLIPS.keys())
def test_a_word_of_another_language_is_recognised(value, hint):
    assert problem_of(f'{{"a": {value}}}').endswith(f"; {hint}")


@pytest.mark.parametrize("text", ["{}{}", "{}[]", "[]{}", "[][]"])
def test_two_values_without_a_comma_are_recognised(text):
    assert problem_of(text).endswith("; is a comma missing? One payload per line belongs in a .jsonl file")


@pytest.mark.parametrize("text", ['{"a": 1,}', "[1,]"])
def test_a_comma_too_many_is_recognised(text):
    assert problem_of(text).endswith("; a comma is not allowed before it")


def test_a_long_word_is_cut_in_the_message():
    assert problem_of("x" * 10_000_000).startswith("expected a value, but found 'xxxxxxxxxxxxxxxxxxxx…' at column 1")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": TRUE}', "expected a value, but found 'TRUE'; JSON writes true"),
        ("[1}", "expected ',' or ']', but found '}'"),
    ],
)
def test_a_syntax_error_is_also_described_without_its_place(text, words):
    """For reports that show the place beside the message."""
    assert read(text).problems[-1].detail["unplaced"] == words


def test_values_beside_a_problem_are_those_of_json():
    assert read('{"a": 1, "a": [true, false, null]}').value == {"a": [True, False, None]}


def test_the_name_of_a_field_is_shown_as_it_is_written():
    (problem,) = read(r'{"a~b": {"c/d": "\ud800"}}').problems
    assert (problem.code, problem.pointer, problem.detail["field"]) == ("NC007", "/a~0b/c~1d", "a~b/c/d")


def test_findings_before_a_syntax_error_are_reported():
    assert found('{"a":1,"a":NaN,') == [("NC004", "/a", 7), ("NC005", "/a", 11), ("NC001", "", 15)]


# -- encoding -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "offset", "words"),
    [
        (b'{"a":"\xe9"}', 6, "byte 0xE9 at byte offset 6 (invalid continuation byte)"),
        ('{"가":"'.encode() + b"\xc0\xaf", 6, "byte 0xC0 at byte offset 8 (invalid start byte)"),
        (b'{"a":"\xed\xa0\x80"}', 6, "byte 0xED at byte offset 6 (invalid continuation byte)"),
        (b'{"a":"\xea\xb0', 6, "byte 0xEA at byte offset 6 (unexpected end of data)"),
        (b'{"a":"\xf4\x90\x80\x80"}', 6, "byte 0xF4 at byte offset 6 (invalid continuation byte)"),
        (b"\xef\xbb\xbf[\xff]", 1, "byte 0xFF at byte offset 4 (invalid start byte)"),
        ("{}".encode("utf-16"), 0, "byte 0xFF at byte offset 0 (invalid start byte); the bytes look like UTF-16"),
        ("{}".encode("utf-16-le"), 0, "byte 0x00 near the start; the bytes look like UTF-16"),
        ("{}".encode("utf-16-be"), 0, "byte 0x00 near the start; the bytes look like UTF-16"),
        ('{"a":1}'.encode("utf-32-be"), 0, "byte 0x00 near the start; the bytes look like UTF-32"),
        ('{"a":1}'.encode("utf-32"), 0, "byte 0xFF at byte offset 0 (invalid start byte); the bytes look like UTF-32"),
    ],
)
def test_bytes_that_are_not_utf_8_are_rejected_with_the_byte_and_its_place(data, offset, words):
    """Latin-1, overlong forms, CESU-8 surrogates, text that is cut off, above U+10FFFF, UTF-16, UTF-32."""
    assert found(data) == [("NC002", "", offset)]
    assert problem_of(data) == words
    assert decode(data)[2] is False


@pytest.mark.parametrize("data", [b"", b"\0", b"{}", b"\xff", b"[1]", '"가"'.encode(), b"\xef\xbb\xbf{}"])
def test_other_bytes_do_not_look_like_wide_characters(data):
    assert wide_encoding(data) is None


def test_a_byte_order_mark_is_found_and_skipped():
    assert decode(b"\xef\xbb\xbf{}")[0] == "{}"
    assert read(b"\xef\xbb\xbf{}").value == {}
    assert found(b"\xef\xbb\xbf{}") == [("NC003", "", 0)]
    assert found(BOM + "{}") == [("NC003", "", 0)]
    assert found(b'\xef\xbb\xbf{"a":NaN}') == [("NC003", "", 0), ("NC005", "/a", 5)]


def test_a_second_byte_order_mark_is_no_white_space():
    assert found(BOM + BOM + "{}") == [("NC003", "", 0), ("NC001", "", 1)]
    assert codes(read(b"\xef\xbb\xbf\xef\xbb\xbf{}")) == ["NC003", "NC001"]


# -- names, numbers, depth, surrogates ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value", "pointer", "offset"),
    [
        ('{"a":1,"a":2}', {"a": 2}, "/a", 7),
        ('[{"x":{"a":1, "a":2}}]', [{"x": {"a": 2}}], "/0/x/a", 14),
        (r'{"a":1,"\u0061":2}', {"a": 2}, "/a", 7),
        ('{"":1,"":2}', {"": 2}, "/", 6),
        ('{"a/b~":1,"a/b~":2}', {"a/b~": 2}, "/a~1b~0", 10),
    ],
)
def test_a_duplicate_name_is_found_at_any_place(text, value, pointer, offset):
    assert found(text) == [("NC004", pointer, offset)]
    assert read(text).value == value


def test_the_same_name_in_two_objects_is_no_duplicate():
    assert found('[{"a":{"a":1}},{"a":1}]') == []


def test_a_duplicate_is_named_in_an_excerpt():
    name = "n" * 1_000_000
    (problem,) = read(f'{{"{name}":1,"{name}":2}}').problems
    assert problem.detail == {"key": "'" + "n" * 60 + "…'"}
    assert problem.pointer == "/" + "n" * 60 + "…"


def test_a_hundred_problems_of_a_kind_are_recorded():
    document = read("{" + ",".join(['"a":NaN'] * 100_000) + "}")
    assert codes(document).count("NC004") == 100
    assert codes(document).count("NC005") == 100


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_a_constant_of_other_languages_is_no_number(word):
    document = read(f'{{"a":[1,{word}],"b":2}}')
    assert [(p.code, p.pointer, p.offset, p.detail) for p in document.problems] == [
        ("NC005", "/a/1", 8, {"problem": f"{word} is not a JSON number"})
    ]
    assert isinstance(document.value, dict)
    assert document.value["b"] == 2


@pytest.mark.parametrize("number", ["1e999", "-1e400", "1" * 5_000, "-" + "9" * 310, "1.5e" + "9" * 100_000])
def test_a_number_beyond_a_double_is_found(number):
    document = read(f"[{number}]")
    assert found(f"[{number}]") == [("NC005", "/0", 1)]
    words = str(document.problems[0].detail["problem"])
    assert words.startswith("the number '")
    assert words.endswith("' is beyond the range of a double")
    assert len(words) < 120
    assert isinstance(document.value, list)
    assert math.isinf(document.value[0])


@pytest.mark.parametrize("number", ["1e308", "1e-999", "-0", "9" * 308, "123456789012345678901234567890", "0." + "1" * 10_000])
def test_a_number_within_a_double_is_no_problem(number):
    assert found(number) == []
    assert read(number).value == json.loads(number)


def test_64_levels_are_allowed_and_65_are_not():
    assert contract().rules["NC006"].limit == 64
    assert found("[" * 64 + "]" * 64) == []
    assert found("[" * 65 + "]" * 65) == [("NC006", "/0" * 64, 64)]
    assert found('{"a":' * 64 + "{}" + "}" * 64) == [("NC006", "/a" * 64, 320)]
    assert found("[" * 63 + "[],[]" + "]" * 63) == []  # more than 64 arrays, but not that deep
    assert found("[" * 64 + "[],[]" + "]" * 64) == [("NC006", "/0" * 64, 64)]


def test_an_array_that_is_too_deep_may_go_on_behind_another():
    assert found("[" * 67 + "],1" + "]" * 66) == [("NC006", "/0" * 64, 64)]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("NC004", "{" + ",".join(['"a":1'] * 103) + "}"),
        ("NC005", "[" + ",".join(["NaN"] * 102) + "]"),
        ("NC005", "[" + ",".join(["1e999"] * 102) + "]"),
        ("NC007", "[" + ",".join([r'"\ud800"'] * 102) + "]"),
    ],
)
def test_exactly_a_hundred_of_each_kind_are_recorded(code, text):
    assert codes(read(text)) == [code] * 100


DEEP = st.tuples(
    st.sampled_from(["[", '{"a":']).flatmap(lambda opening: st.integers(60, 66).map(lambda levels: opening * levels)),
    st.lists(st.sampled_from(["[", "[[[", "]", "]]]", "[]", "{", "}", '{"a":', ",", "1", " "]), max_size=20).map("".join),
    st.sampled_from(["]", "}"]).flatmap(lambda closing: st.integers(0, 70).map(lambda levels: closing * levels)),
).map("".join)


@given(DEEP)
@example("[" * 200 + "]" * 200)
@example("[" * 200 + "1" + "]" * 201)
@example("[" * 66 + '{"a":' + "[[[]]]" + "}" + "]" * 66)
def test_brackets_that_are_read_all_at_once_are_read_as_one_by_one(text):
    """For every text with deep nesting: value, problems, or the place where it stops being JSON."""
    together = exact(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Parser, "_run", lambda *_: 0)
        assert repr(exact(text)) == repr(together)


@pytest.mark.parametrize("depth", [10_000, 100_000])
def test_deep_nesting_is_one_finding_and_reading_continues(depth):
    text = '{"x":' + "[" * depth + "1" + "]" * depth + ',"y":NaN,"x":2}'
    assert codes(read(text)) == ["NC006", "NC005", "NC004"]
    nested = '[{"a":' * depth + "1" + "}]" * depth
    assert codes(read(nested)) == ["NC006"]
    assert codes(read(nested[:-1])) == ["NC006", "NC001"]


def test_values_nested_too_deep_are_read_but_not_stored():
    document = read("[" * 64 + '{"a":1,"a":[1,2]},7' + "]" * 64)
    value = document.value
    for _ in range(63):
        assert isinstance(value, list)
        (value,) = value
    assert value == [None, 7]
    assert codes(document) == ["NC006"]


@pytest.mark.parametrize(
    ("text", "pointer", "offset", "detail"),
    [
        (r'[{"a\ud800b":1}]', "/0/a\ud800b", 4, {"field": r"the name 'a\ud800b'", "codepoint": "U+D800", "offset": 1, "occurrences": ""}),
        (r'["x\n\udfff\ud800"]', "/0", 5, {"field": "0", "codepoint": "U+DFFF", "offset": 2, "occurrences": " and 1 more"}),
        (r'{"a/b":{"c":"\ud800"}}', "/a~1b/c", 13, {"field": "a/b/c", "codepoint": "U+D800", "offset": 0, "occurrences": ""}),
        ('"\udc00"', "", 1, {"field": "the payload", "codepoint": "U+DC00", "offset": 0, "occurrences": ""}),
    ],
)
def test_a_lone_surrogate_is_found_in_names_and_inner_strings(text, pointer, offset, detail):
    (problem,) = read(text).problems
    assert (problem.code, problem.pointer, problem.offset, problem.detail) == ("NC007", pointer, offset, detail)


@pytest.mark.parametrize("text", [r'{"a":"\ud800"}', '{"a":"\ud800"}', r'["\ud83d\ude00"]', '["😀"]'])
def test_the_strings_of_the_payload_itself_are_left_to_the_validator(text):
    assert found(text) == []


@pytest.mark.parametrize(
    "text",
    [
        '{"a":"' + "x" * 10_000_000 + '"}',
        '{"a":"' + "x" * 10_000_000,
        "[" + "\\ud800" * 1_000_000,
        '["' + "\\ud800" * 1_000_000 + '"]',
        '["' + "\\n" * 3_000_000 + "\\q",
        "{" + ",".join(f'"{i}":0' for i in range(100_000)) + "}",
        '{"' + "\U000e0001" * 1_000_000 + '":1,"' + "\U000e0001" * 1_000_000 + '":1}',
    ],
    ids=["long string", "unclosed", "no string", "surrogates", "escapes", "100,000 names", "unprintable name"],
)
def test_large_inputs_get_short_messages(text):
    document = read(text)
    rules = contract().rules
    for problem in document.problems:
        message = rules[problem.code].message.format_map({"limit": 64, **problem.detail})
        assert len(message) < 1_000
        assert len(problem.pointer) < 1_000


# -- places ---------------------------------------------------------------------------------------------------------------------------

PLACES = r'{ "a": "x\n\u00e9\ud83d\ude00z", "b/c": [10, {"~": "q"}], "a2": "", "a": "last" }'


@pytest.mark.parametrize(
    ("pointer", "offset", "expected"),
    [
        ("", None, "{ "),
        ("/b~1c", None, "[10"),
        ("/b~1c/0", None, "10"),
        ("/b~1c/1/~0", None, '"q"'),
        ("/b~1c/1/~0", 0, 'q"}'),
        ("/b~1c/1/none", None, '{"~"'),
        ("/b~1c/7", 3, "[10"),
        ("/none", 5, "{ "),
        ("/a/deeper", 2, '"last"'),
        ("/a", None, '"last"'),
        ("/a", 2, "st"),
        ("/a", -1, '"last"'),
        ("/a", 99, '"last"'),
        ("/a2", 0, '"", "a"'),
        ("/b~1c/0", 1, "10"),
        ("", 7, '"x'),
        ("", 0, "{ "),
    ],
)
def test_a_pointer_leads_to_its_place_in_the_text(pointer, offset, expected):
    assert PLACES[locate(PLACES, pointer, offset) :].startswith(expected)


@pytest.mark.parametrize(("offset", "expected"), [(0, "x"), (1, r"\n"), (2, r"\u00e9"), (3, r"\ud83d"), (4, "z")])
def test_an_escape_is_one_character(offset, expected):
    text = PLACES.replace(', "a": "last"', "")
    assert text[locate(text, "/a", offset) :].startswith(expected)


def test_two_halves_that_are_no_pair_are_two_characters():
    text = r'["\ude00\ud83dx"]'
    assert text[locate(text, "/0", 1) :] == r'\ud83dx"]'
    assert text[locate(text, "/0", 2) :] == 'x"]'


def test_a_place_in_a_broken_text_is_found_as_far_as_it_can_be_read():
    text = '{"a": "x", "b": tru'
    assert locate(text, "/a", 0) == 7
    assert locate(text, "/b", None) == 16
    assert locate(text, "", 16) == 16
    assert locate(text, "", 10_000) == len(text)
    assert locate('{"a": "x', "/a", 0) == 6
    assert locate(BOM + ' {"a":1}', "/a", None) == 7


def test_of_many_places_deep_in_a_text_each_array_or_object_is_read_once(monkeypatch):
    text = '{"a": ' * 50 + "[" + ", ".join(["1"] * 100) + "]" + "}" * 50
    parsed = []
    monkeypatch.setattr(json_reader, "Parser", lambda text, start: parsed.append(start) or Parser(text, start))
    places = [locate(text, "/a" * 50 + f"/{index}", None) for index in range(100)]
    assert places == list(range(301, 601, 3))
    assert len(parsed) == 51


def test_more_objects_than_are_remembered_are_found(monkeypatch):
    monkeypatch.setattr(json_reader, "MAX_LOCATED", 10)
    wide = "[" + ", ".join(['{"b": 1}'] * 40) + "]"
    assert [locate(wide, f"/{index}/b", None) for index in range(40)] == list(range(7, 407, 10))


def test_a_name_longer_than_an_excerpt_is_found_by_its_cut_pointer():
    text = '{"' + "n" * 100 + '": 1}'
    assert locate(text, "/" + "n" * 60 + "…", None) == 105


@given(st.dictionaries(st.text(max_size=60), st.text(min_size=1), min_size=1, max_size=4), st.booleans(), st.data())
def test_every_character_of_a_string_is_found(value, ascii_only, data):
    """The source at locate(text, pointer, i) spells exactly the characters i, i+1, ... of the value."""
    text = json.dumps(value, ensure_ascii=ascii_only)
    name = data.draw(st.sampled_from(sorted(value)))
    offset = data.draw(st.integers(0, len(value[name]) - 1))
    at = locate(text, "/" + name.replace("~", "~0").replace("/", "~1"), offset)
    rest, _ = json.JSONDecoder().raw_decode('"' + text[at:])
    assert rest == value[name][offset:]


@given(ANY_TEXT | PUNCTUATION, st.text(max_size=5).map("/{}".format) | st.just(""), st.none() | st.integers(-5, 50))
def test_a_place_is_always_within_the_text(text, pointer, offset):
    """For any pointer, the result is an offset of the text, or its end."""
    assert 0 <= locate(text, pointer, offset) <= len(text)


@pytest.mark.parametrize(
    ("text", "offset", "expected"),
    [
        ("ab", 0, (1, 1)),
        ("ab", 1, (1, 2)),
        ("ab", 99, (1, 3)),
        ("ab", -1, (1, 1)),
        ("a\nb", 1, (1, 2)),
        ("a\nb", 2, (2, 1)),
        ("a\r\nb", 1, (1, 2)),
        ("a\r\nb", 2, (1, 3)),
        ("a\r\nb", 3, (2, 1)),
        ("a\rb", 2, (2, 1)),
        ("\rab", 2, (2, 2)),
        ("a\n\rb", 3, (3, 1)),
        ("x\na\r\nb", 4, (2, 3)),
        ("\r\n\r\n가😀b", 6, (3, 3)),
    ],
)
def test_lines_and_columns_count_from_one(text, offset, expected):
    assert line_column(text, offset) == expected


def test_a_text_that_starts_later_in_a_file_keeps_its_place():
    assert line_column("ab\ncd", 1, 7, 5) == (7, 6)
    assert line_column("ab\ncd", 4, 7, 5) == (8, 2)


def test_a_payload_finds_its_places():
    payload = Payload("tasks.json", 3, 5, 1, '{\n  "name": "a~b"\n}')
    assert payload.place("", None) == (3, 5)
    assert payload.place("/name", 1) == (4, 13)
    assert repr(payload) == "<Payload 1 at tasks.json:3:5>"
    assert Payload("tasks.jsonl", 3, 1, 2, b"\xff").place("/name", 1) == (3, 2)
    assert Payload("tasks.jsonl", 3, 1, 2, b"\xff").place("", None) == (3, 1)


# -- the end of a value ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("[1] x", 0, 3),
        ('x {"a":NaN} y', 2, 11),
        ("1" * 5_000 + ",", 0, 5_000),
        ("[" * 50_000 + "]" * 50_001, 0, 100_000),
        ("", 0, None),
        ("[1", 0, None),
        (",", 0, None),
        ("[" * 50_000, 0, None),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_the_end_of_a_value_is_found(text, start, end):
    assert value_end(text, start) == end


# -- places in flat objects --------------------------------------------------------------------------------------------------------------

LONGEST, TOO_LONG = json.dumps("n" * 60), json.dumps("n" * 61)
TOKENS = ["{", "}", '"a"', '"b"', '"a/b"', '"a~"', r'"\u0061"', r'"x\"y"', LONGEST, TOO_LONG, ":", ",", " ", "\n"]
NO_STRINGS = ["1", "-0.5e9", "01", "1e999", "NaN", "true", "null", "nul", "[", "]", '"', "\\", "가"]
FLAT = st.lists(st.sampled_from([*TOKENS, *NO_STRINGS]), max_size=14).map("".join)
MEMBER = st.tuples(
    st.sampled_from(['"a"', '"b"', '""', '"a/b"', '"가"']), st.sampled_from(['"x"', r'"\"\n"', "1", "-2.5", "true", "null", "[]", '"\n"'])
)
OBJECTS = st.lists(MEMBER, max_size=4).map(lambda members: "{" + ", ".join(f"{name} : {value}" for name, value in members) + "}")


@given(st.one_of(FLAT, OBJECTS, st.tuples(OBJECTS, FLAT).map("".join)))
def test_places_in_flat_objects_are_those_of_the_exact_parser(text):
    found = flat_members(text, 0)
    parser = Parser(text)
    with suppress(MalformedError):
        parser.value()
    assert found is None or list(found.items()) == [(name, at) for name, at in parser.starts.items()]


@pytest.mark.parametrize("number", ["0", "-0", "10", "1.05", "10.20", "1e05", "1E+10", "2.50e-03", "-1.00"])
def test_every_form_of_a_number_is_flat(number):
    assert flat_members(f'{{"a": {number}}}', 0) == {"a": 6}
    assert read(f'{{"a": {number}, "a": {number}}}').value == {"a": json.loads(number)}


def test_a_flat_object_behind_another_one_is_read_where_it_starts():
    assert flat_members('{"x": 1} {"a": 2}', 9) == {"a": 15}
    assert flat_members('{"x": 1} {"a": 2}', 8) is None


def test_a_flat_object_is_read_without_the_exact_parser():
    assert flat_members('{"name": "a\\n", "train_bucket": 3, "x": null}', 0) == {"name": 9, "train_bucket": 32, "x": 40}
