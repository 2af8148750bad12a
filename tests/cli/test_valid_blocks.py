"""Blocks of lines: what they say is valid has no finding, and every report is the same as when each line is read by itself."""

import io
import json
import random
import re
from itertools import product
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nclue_contract.cli import sources, valid_blocks
from nclue_contract.cli.main import main
from nclue_contract.cli.sources import Note
from nclue_contract.cli.stdlib_reader import read_with_json
from nclue_contract.cli.valid_blocks import ValidBlocks, ValidLines, fast_reader
from nclue_contract.validation.request import Columns
from nclue_contract.validation.validator import Validator
from tests.cli.test_many_lines import Generator
from tests.support.sources import payloads
from tests.support.tools import ROOT

READERS = {"json": read_with_json, "msgspec": fast_reader()}
needs_fast = pytest.mark.skipif(READERS["msgspec"] is None, reason="the extra `fast` is not installed")
each_reader = ["json", pytest.param("msgspec", marks=needs_fast)]
BUCKET, ID = "answers", "8c0409d5-8c04-4c04-8c04-8c0409d58c04"
SHORT = json.dumps({"name": "a", "train_feature_id": ID, "train_bucket": "answers", "train_file_path": "a/b.tsv"})
LONG = SHORT[:-1] + ", " + json.dumps({"test_feature_id": ID, "test_bucket": "answers", "test_file_path": "a/c.tsv"})[1:]


def changed(line, old, new):
    assert old in line
    return line.replace(old, new, 1)


ODD_LINES = {
    "two objects on a line": SHORT + SHORT,
    "two objects with a comma": SHORT + "," + SHORT,
    "two objects with a space": SHORT + " " + SHORT,
    "two objects with a carriage return": SHORT + "\r" + SHORT,
    "an object on two lines": changed(SHORT, ", ", ",\n"),
    "an object on two lines, without its comma": changed(SHORT, ", ", "\n"),
    "an object on two lines, and two on another": changed(SHORT, ", ", "\n") + "\n" + SHORT + "," + SHORT,
    "a closing brace on the next line": SHORT[:-1] + "\n}" + SHORT,
    "an opening brace on the line before": SHORT + "{\n" + SHORT[1:],
    "a comma at the end of a line": SHORT + ",",
    "a comma at the start of a line": "," + SHORT,
    "a blank line": SHORT + "\n\n" + SHORT,
    "a line of blanks": " \t",
    "blanks around": "  " + SHORT + "\t ",
    "a form feed around": "\f" + SHORT,
    "a null character around": SHORT + "\0",
    "a byte order mark": "\ufeff" + SHORT,
    "a line feed in a string": changed(SHORT, "a/b", "a\nb"),
    "a brace and a line feed in a string": changed(SHORT, '"a"', '"x}\n{y"'),
    "braces in a name": changed(SHORT, '"a"', '"{a}"'),
    "braces in a path": changed(SHORT, "a/b", "a{b}"),
    "a tab in a string": changed(SHORT, "a/b", "a\tb"),
    "a delete character in a path": changed(SHORT, "a/b", "a\x7fb"),
    "a name twice": SHORT[:-1] + ', "name": "b"}',
    "a test field twice and another missing": changed(LONG, f'"test_feature_id": "{ID}"', '"test_bucket": "answers"'),
    "a required field twice and another missing": changed(SHORT, '"train_bucket"', '"name"'),
    "an unknown field": SHORT[:-1] + ', "status": "x"}',
    "an unknown field instead of one": changed(SHORT, '"train_bucket"', '"bucket"'),
    "the empty field": SHORT[:-1] + ', "": "x"}',
    "some test fields": changed(LONG, ', "test_bucket": "answers"', ""),
    "null for a test field": changed(LONG, '"a/c.tsv"', "null"),
    "null for all test fields": changed(
        changed(changed(LONG, '"a/c.tsv"', "null"), '"test_bucket": "answers"', '"test_bucket": null'), ID, ID
    ),
    "a number": changed(SHORT, '"answers"', "3"),
    "NaN": changed(SHORT, '"answers"', "NaN"),
    "1e999": changed(SHORT, '"answers"', "1e999"),
    "an integer of 5,000 digits": changed(SHORT, '"answers"', "9" * 5000),
    "true": changed(SHORT, '"answers"', "true"),
    "an array": changed(SHORT, '"answers"', '["answers"]'),
    "an object": changed(SHORT, '"answers"', '{"answers": "answers"}'),
    "deep nesting": changed(SHORT, '"answers"', "[" * 2000 + "]" * 2000),
    "brackets": "[" + SHORT + "]",
    "a closing bracket": SHORT + "]",
    "a closing bracket and an opening one": SHORT + "],[" + SHORT,
    "a string": '"' + "x" * 4 + '"',
    "an array of strings": '["name", "train_file_path", "train_bucket", "train_feature_id"]',
    "no JSON": "{,}",
    "single quotes": SHORT.replace('"', "'"),
    "cut off": SHORT[:-5],
    "nothing": "",
    "an escaped letter": changed(SHORT, '"a"', r'"\u0061"'),
    "an escaped quotation mark": changed(SHORT, '"a"', r'"\""'),
    "an escaped field": changed(SHORT, '"name"', r'"n\u0061me"'),
    "the field once more, escaped": SHORT[:-1] + r', "n\u0061me": "b"}',
    "a lone surrogate": changed(SHORT, '"a"', r'"\ud800"'),
    "a lone surrogate in an ID": changed(SHORT, ID, ID[:-1] + r"\udc00"),
    "a lone surrogate in a path": changed(SHORT, "a/b", r"a\ud800b"),
    "a surrogate pair, escaped": changed(SHORT, '"a"', r'"\ud83d\ude00"'),
    "an escaped brace and line feed": changed(SHORT, '"a"', r'"\u007b\n\u007d"'),
    "an escape that does not exist": changed(SHORT, '"a"', r'"\x41"'),
    "an escaped quotation mark for a missing member": changed(SHORT, ', "train_bucket": "answers"', "").replace('"a"', r'"\"\"\"\""'),
    "Hangul in the name": changed(SHORT, '"a"', '"이탈 예측"'),
    "Hangul in the path": changed(SHORT, "a/b", "데이터"),
    "emoji in the name": changed(SHORT, '"a"', '"%s"' % ("😀" * 60)),
    "99 characters": changed(SHORT, '"a"', '"%s"' % ("n" * 99)),
    "100 characters": changed(SHORT, '"a"', '"%s"' % ("n" * 100)),
    "101 characters": changed(SHORT, '"a"', '"%s"' % ("n" * 101)),
    "60 Hangul syllables": changed(SHORT, '"a"', '"%s"' % ("가" * 60)),
    "an empty name": changed(SHORT, '"a"', '""'),
    "an empty path": changed(SHORT, '"a/b.tsv"', '""'),
    "an empty bucket": changed(SHORT, '"answers"', '""'),
    "an empty ID": changed(SHORT, ID, ""),
    "an ID that is too short": changed(SHORT, ID, ID[:-1]),
    "an ID with Hangul": changed(SHORT, ID, ID[:-1] + "가"),
    "a bucket in capitals": changed(SHORT, '"answers"', '"ANSWERS"'),
    "a tilde in the test path": changed(LONG, "a/c", "a~c"),
}
ODD_BYTES = {
    "Latin-1": changed(SHORT, '"a"', '"é"').encode("latin-1"),
    "an overlong slash": SHORT.encode().replace(b"a/b", b"a\xc0\xafb"),
    "a surrogate as UTF-8": SHORT.encode().replace(b'"a"', b'"\xed\xa0\x80"'),
    "beyond Unicode": SHORT.encode().replace(b'"a"', b'"\xf4\x90\x80\x80"'),
    "cut inside a character": SHORT.encode().replace(b'"a"', b'"\xea\xb0"'),
    "a byte that is no UTF-8 outside of strings": SHORT.encode() + b"\xff",
}
LINES = {name: line.encode() for name, line in ODD_LINES.items()} | ODD_BYTES


@pytest.fixture(params=each_reader)
def read(request):
    return READERS[request.param]


def judged(data, validator, read=None):
    """Return what is found in lines: (line, index, findings in their stable form), and how many lines were not read by themselves."""
    found, quick = [], 0
    blocks = ValidBlocks(validator.surely_valid, read) if read else None
    for item in payloads("-", io.BytesIO(data), "jsonl", valid_blocks=blocks):
        if isinstance(item, Note):
            found.append((item.text, 0, []))
        elif isinstance(item, ValidLines):
            found += [(item.line + number, item.index + number, []) for number in range(item.count)]
            quick += item.count
        else:
            report = validator.validate_request_json(item.text)
            found.append((item.line, item.index, [finding.to_dict() for finding in report.findings]))
    return found, quick


def assert_same(data, read, validator=None):
    validator = validator or Validator()
    expected, _ = judged(data, validator)
    found, quick = judged(data, validator, read)
    assert found == expected
    return quick


@pytest.mark.parametrize("name", LINES)
def test_an_odd_line_is_found_among_valid_ones(monkeypatch, read, name):
    short, long = SHORT.encode(), LONG.encode()
    for (large, small), end in product(((1 << 15, 1 << 11), (400, 1)), (b"\n", b"\r\n")):
        monkeypatch.setattr(valid_blocks, "LARGE", large)
        monkeypatch.setattr(valid_blocks, "SMALL", small)
        before, after = end.join([short, long] * 4), end.join([long, short] * 4)
        assert_same(end.join([before, LINES[name], after]) + end, read)
        assert_same(end.join([LINES[name], long]), read)
        assert_same(end.join([short, LINES[name]]), read)


def test_each_odd_line_changes_what_is_found_or_is_valid_too(read):
    # Those that are valid are read in the same block as others; there are few of them.
    valid = {name for name, line in LINES.items() if assert_same(b"\n".join([SHORT.encode(), line, SHORT.encode()]), read) == 3}
    escaped = {"an escaped letter", "an escaped field", "a surrogate pair, escaped", "an escaped brace and line feed"}
    assert valid == escaped | {"blanks around", "Hangul in the name", "99 characters", "an ID with Hangul"}


def test_lines_without_findings_are_not_read_one_by_one(read):
    data = "\n".join([SHORT, LONG, LONG, SHORT] * 1000).encode()
    assert assert_same(data, read) == 4000


def test_ids_and_buckets_that_are_all_distinct_are_valid(read):
    lines = [SHORT.replace(ID, f"{ID[:-5]}{number:05}").replace("answers", f"answers-{number}") for number in range(3000)]
    assert assert_same("\n".join(lines).encode(), read) == 3000


@pytest.mark.parametrize("block", [1, 7, 100, 4096])
def test_the_size_of_the_blocks_makes_no_difference(monkeypatch, read, block):
    monkeypatch.setattr(sources, "READ_BYTES", block)
    lines = [SHORT.encode(), LONG.encode(), LINES["a blank line"], LINES["a name twice"], LINES["braces in a name"]] * 3
    assert_same(b"\n".join(lines), read)


def test_the_corpus_is_judged_alike_in_blocks(read):
    # On one line, where that does not change the text; files that are no UTF-8 stay as they are.
    files = sorted(Path(ROOT, "tests", "corpus").rglob("*.json"))
    texts = [path.read_bytes() for path in files if not path.name.endswith(".expected.json")]
    assert len(texts) > 100
    lines = [text.replace(b"\n", b" ").replace(b"\r", b" ") for text in texts]
    assert_same(b"\n".join(line for text in lines for line in (SHORT.encode(), text, LONG.encode())), read)
    assert_same(b"\n".join(texts), read)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_generated_lines_are_judged_alike_in_blocks(read, seed):
    generator = Generator(seed)
    draw = random.Random(seed)
    lines = [generator.line(number)[0] if draw.random() < 0.1 else SHORT.encode() for number in range(2000)]
    assert assert_same(b"\n".join(lines), read) > 200


TOKENS = st.sampled_from(
    [
        "{",
        "}",
        '"',
        ",",
        ":",
        "\n",
        "\r",
        " ",
        "[",
        "]",
        "\\",
        "\\n",
        "null",
        "1",
        "가",
        '"x"',
        '{"a":"b"}',
        SHORT,
        LONG,
        SHORT[:-1],
        SHORT[1:],
    ]
)


@pytest.mark.parametrize("name", each_reader)
@given(tokens=st.lists(TOKENS, max_size=12))
@example(tokens=[SHORT[:-1], "\n", "}", SHORT])
@example(tokens=[SHORT, "{", "\n", SHORT[1:]])
def test_any_mixture_of_tokens_is_judged_alike_in_blocks(name, tokens):
    assert_same("".join(tokens).encode(), READERS[name])
    assert_same("\n".join([SHORT, "".join(tokens), LONG]).encode(), READERS[name])


NAMES = st.one_of(
    st.text(max_size=4),
    st.text(st.sampled_from("a가\ud800\udc00"), max_size=4),
    st.builds(str.__mul__, st.sampled_from(["n", "가", "😀"]), st.integers(48, 102)),
)
PATHS = st.text(st.sampled_from("ab/.=~ \x7f\n가é\ud800"), max_size=4)
PINS = st.sampled_from(
    [{}, {"path-characters": "page-2025"}, {"name-edge": "100"}, {"name-edge": "99"}, {"name-unit": "utf16"}, {"path-empty": "allowed"}]
)
FIELDS = ("name", "train_file_path", "train_bucket", "train_feature_id")
PAYLOADS = st.fixed_dictionaries(
    {
        "name": NAMES,
        "train_feature_id": st.sampled_from([ID, ID[1:], "", "\ud800" * 36]),
        "train_bucket": st.sampled_from([BUCKET, "A", "", "b" * 64]),
        "train_file_path": PATHS,
    }
)


@settings(max_examples=2 * settings().max_examples)
@given(st.lists(PAYLOADS, min_size=1, max_size=3), PINS, st.booleans())
def test_what_is_surely_valid_has_no_finding(found, pins, strict):
    validator = Validator(pins, strict=strict)
    # By their names: Hypothesis also draws dictionaries with their items in another order.
    names, paths, buckets, ids = ([payload[name] for payload in found] for name in FIELDS)
    if validator.surely_valid(Columns(names, paths, buckets, ids)):
        assert [validator.validate_request(payload).findings for payload in found] == [()] * len(found)


# -- the command -----------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def long_file(tmp_path):
    """Write all odd lines, each among valid ones."""
    path = tmp_path / "tasks.jsonl"
    lines = [line for odd in LINES.values() for line in (*[SHORT.encode()] * 30, odd, LONG.encode())]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def output(path, capsysbinary, form, *options):
    code = main(["validate", str(path), "--format", form, *options])
    out, err = capsysbinary.readouterr()
    return code, re.sub(rb' time="[0-9.]+"', b"", out), err


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "junit", "sarif", "github"])
def test_reports_are_the_same_bytes_with_and_without_blocks_and_the_extra(monkeypatch, capsysbinary, long_file, form):
    options = {"quiet": ["--quiet"], "strict": ["--strict"], "": []} if form == "text" else {"": []}
    for arguments in options.values():
        monkeypatch.setattr(ValidBlocks, "split", lambda _self, data: [(data, 0)])
        expected = output(long_file, capsysbinary, form, *arguments)
        monkeypatch.undo()
        assert output(long_file, capsysbinary, form, *arguments) == expected  # the standard library, since the file is short
        monkeypatch.setattr(valid_blocks, "FAST_AFTER", 0)
        assert output(long_file, capsysbinary, form, *arguments) == expected
        monkeypatch.undo()
        assert expected[0] == 1


def test_long_inputs_are_read_with_the_extra_if_it_is_installed(monkeypatch):
    used = []
    monkeypatch.setattr(valid_blocks, "FAST_AFTER", 2 * len(SHORT))
    monkeypatch.setattr(valid_blocks, "fast_reader", lambda: lambda piece: used.append(piece) or read_with_json(piece))
    blocks = ValidBlocks(Validator().surely_valid)
    piece = SHORT.encode()
    assert [list(blocks.split(piece)) for _ in range(3)] == [[(piece, 1)]] * 3
    assert used == [piece]


def test_without_the_extra_long_inputs_are_read_with_the_standard_library(monkeypatch):
    monkeypatch.setattr(valid_blocks, "FAST_AFTER", 0)
    monkeypatch.setattr(valid_blocks, "fast_reader", lambda: None)
    assert list(ValidBlocks(Validator().surely_valid).split(SHORT.encode())) == [(SHORT.encode(), 1)]


@needs_fast
def test_the_fields_are_those_of_the_contract():
    assert list(json.loads(LONG)) == list(READERS["msgspec"].__globals__["_Payload"].__struct_fields__)
