"""What is read from files, folders, globs and standard input, and where it stands; expected values are typed by hand."""

import io
import json
import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nclue_contract.cli import sources
from nclue_contract.cli.sources import Note, Unreadable, expand
from nclue_contract.validation.json_reader import Payload, read, read_flat
from tests.support.sources import payloads

NOTHING = io.BytesIO()
LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\0\ufeff")


def piped(data, input_format=None):
    """Return what is read from standard input: (line, column, text) of payloads, notes unchanged."""
    return [
        (item.line, item.column, item.text) if isinstance(item, Payload) else item for item in payloads("-", io.BytesIO(data), input_format)
    ]


def from_file(path):
    return list(payloads(str(path), NOTHING))


def complaint(payload):
    """Place in the file and words of the problem that makes a payload unreadable."""
    problem = read(payload.text).problems[-1]
    assert problem.code in {"NC001", "NC002"}
    return payload.place(problem.pointer, problem.offset), str(problem.detail["problem"])


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(sources, "READ_BYTES", 8)


# -- names ----------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Create a folder tree, and change the working directory to it."""
    for name in (
        "b/2.jsonl",
        "b/1.json",
        "b/a/3.NDJSON",
        "b/.hidden.json",
        "b/.git/x.json",
        "b/notes.txt",
        "c/readme.md",
        "a.json",
        "d[1].json",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_yields_its_payload_files_sorted_and_without_hidden_ones(tree):
    assert list(expand(["b"])) == ["b/1.json", "b/2.jsonl", "b/a/3.NDJSON"]
    assert list(expand([str(tree / "b" / "a")])) == [str(tree / "b" / "a" / "3.NDJSON")]


def test_a_file_is_read_whatever_its_extension(tree):
    assert list(expand(["b/notes.txt", "b/.hidden.json"])) == ["b/notes.txt", "b/.hidden.json"]
    assert tree.exists()


@pytest.mark.usefixtures("tree")
def test_a_glob_yields_what_it_matches():
    assert list(expand(["b/*.json*"])) == ["b/1.json", "b/2.jsonl"]
    assert list(expand(["b/**"])) == ["b/1.json", "b/2.jsonl", "b/a/3.NDJSON", "b/notes.txt"]
    assert list(expand(["**/?.json"])) == ["a.json", "b/1.json"]


@pytest.mark.usefixtures("tree")
def test_a_file_whose_name_looks_like_a_glob_is_a_file():
    assert list(expand(["d[1].json"])) == ["d[1].json"]


@pytest.mark.usefixtures("tree")
def test_each_file_is_read_once():
    Path("link.json").symlink_to("a.json")
    assert list(expand(["-", "a.json", "./a.json", "b", "b/1.json", "link.json", "-", "*.json"])) == [
        "-",
        "a.json",
        "b/1.json",
        "b/2.jsonl",
        "b/a/3.NDJSON",
        "d[1].json",
    ]


@pytest.mark.usefixtures("tree")
def test_names_without_a_file_are_reported():
    assert list(expand(["c", "*.yaml", "none.json"])) == [
        Unreadable("c", "the folder has no *.json, *.jsonl, *.ndjson files"),
        Unreadable("*.yaml", "no file matches"),
        "none.json",
    ]
    assert list(payloads("none.json", NOTHING)) == [Unreadable("none.json", "No such file or directory")]


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x" * 10_000, ""])
def test_an_impossible_name_is_unreadable(name):
    (found,) = expand([name])
    if not isinstance(found, Unreadable):
        (found,) = payloads(found, NOTHING)
    assert isinstance(found, Unreadable)
    assert found.file == name
    assert found.reason


def test_an_impossible_glob_matches_nothing():
    (found,) = expand(["a\0*/*"])
    assert isinstance(found, Unreadable)


def test_a_folder_that_cannot_be_listed_is_unreadable(tree, monkeypatch):
    scandir = os.scandir

    def reject(path):
        if str(path).endswith("a"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", reject)
    assert list(expand(["b"])) == ["b/1.json", "b/2.jsonl", Unreadable("b/a", "Permission denied")]
    assert tree.exists()


def test_a_folder_is_no_file(tmp_path):
    assert from_file(tmp_path) == [Unreadable(str(tmp_path), "Is a directory")]


def test_compressed_files_of_a_folder_are_skipped_with_a_note(tmp_path):
    (tmp_path / "1.json").write_text("{}")
    for name in ("2.jsonl.gz", "3.JSON.GZ", "notes.txt.gz", ".hidden.json.gz"):
        (tmp_path / name).write_bytes(b"\x1f\x8b")
    reason = "skipped, because it is compressed with gzip; unpack it first"
    skipped = [Note(str(tmp_path / name), reason) for name in ("2.jsonl.gz", "3.JSON.GZ")]
    assert list(expand([str(tmp_path)])) == [str(tmp_path / "1.json"), *skipped]


# -- one payload per line -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", [1, 2, 3, 8, 1 << 20])
def test_each_line_is_a_payload_and_blank_lines_are_counted(monkeypatch, block):
    monkeypatch.setattr(sources, "READ_BYTES", block)
    assert piped('{"a":"가"}\n\n \t\r\n{"b":"😀"}\r\n\u00a0\n[]'.encode(), "jsonl") == [
        (1, 1, '{"a":"가"}'),
        (4, 1, '{"b":"😀"}'),
        (5, 1, "\u00a0"),
        (6, 1, "[]"),
    ]


@pytest.mark.parametrize("data", [b"", b"\n", b"\r\n\n  \n", b"\xef\xbb\xbf"])
def test_lines_without_payloads_are_skipped(data):
    assert [item for item in piped(data, "jsonl") if not isinstance(item, Note)] == []


@pytest.mark.usefixtures("small_blocks")
def test_only_the_line_that_is_not_utf_8_becomes_bytes():
    found = list(payloads("-", io.BytesIO(b'{"a":"\xea\xb0\x80"}\n{"a":"\xe9"}\r\n{"b":1}'), "jsonl"))
    assert [(item.line, item.index, item.text) for item in found] == [(1, 0, '{"a":"가"}'), (2, 1, b'{"a":"\xe9"}'), (3, 2, '{"b":1}')]
    assert complaint(found[1]) == ((2, 7), "byte 0xE9 at byte offset 6 (invalid continuation byte)")


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\0\ufeff"), max_size=5), max_size=8),
    st.integers(1, 9),
)
def test_the_size_of_the_blocks_makes_no_difference(lines, block):
    """For all lines and block sizes: what is read is every line that is not blank, under its number."""
    before = sources.READ_BYTES
    sources.READ_BYTES = block
    try:
        found = piped("\n".join(lines).encode(), "jsonl")
    finally:
        sources.READ_BYTES = before
    expected = [(number, 1, line) for number, line in enumerate(lines, 1) if line.strip(" \t")]
    assert found == expected


def test_memory_stays_flat_on_many_lines(tmp_path):
    line = b'{"name": "' + b"x" * 180 + b'"}\n'
    path = tmp_path / "many.jsonl"
    with path.open("wb") as file:
        for _ in range(50):
            file.write(line * 2_000)
    tracemalloc.start()
    try:
        count = sum(1 for _ in payloads(str(path), NOTHING))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 100_000
    assert path.stat().st_size > 19_000_000
    assert peak < 8_000_000


def test_a_line_longer_than_many_blocks_is_read_whole():
    long = '{"a":"' + "x" * 5_000_000 + '"}'
    assert piped(f"{{}}\n{long}\n{{}}\n".encode(), "jsonl") == [(1, 1, "{}"), (2, 1, long), (3, 1, "{}")]


def test_lines_in_utf_16_are_one_error():
    data = '{"a":1}\n{"a":2}\n'.encode("utf-16")
    (payload,) = payloads("-", io.BytesIO(data), "jsonl")
    assert complaint(payload) == ((1, 1), "byte 0xFF at byte offset 0 (invalid start byte); the bytes look like UTF-16")


# -- one document ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b" \n", []),
        (b'{"a": 1}\n', [(1, 1, '{"a": 1}\n')]),
        (b"\n  {}\n", [(2, 3, "{}\n")]),
        (b"[]", []),
        (b" [ \n ] \n", []),
        (b"[{}]", [(1, 2, "{}")]),
        ('[\r\n  {"가": 1},\r\n  2 , "x"\r\n]\r\n'.encode(), [(2, 3, '{"가": 1}'), (3, 3, "2"), (3, 7, '"x"')]),
        (b"[[],[1,2]]", [(1, 2, "[]"), (1, 5, "[1,2]")]),
        (b"\xff", [(1, 1, b"\xff")]),
        (b"{\0}\0", [(1, 1, b"{\0}\0")]),
    ],
)
def test_a_document_is_one_payload_or_an_array_of_them(data, expected):
    assert piped(data, "json") == expected


@pytest.mark.parametrize(
    ("text", "whole", "place", "words"),
    [
        ('[{"a":1},\n {"b":tru}, {}]', ['{"a":1}'], (2, 7), "expected a value, but found 'tru' at column 6 of the text; names"),
        (
            '[{"a":1},\n {"b":2}\n {}]',
            ['{"a":1}'],
            (3, 2),
            "expected ',' or ']', but found '{' at line 3, column 2 of the text; is a comma",
        ),
        ('[{"a":1}, {}', ['{"a":1}'], (1, 13), "expected ',' or ']', but found nothing at column 5 of the text; the text is cut off"),
        ('[{"a":1},\n', ['{"a":1}'], (2, 1), "expected a value, but found nothing at line 2, column 1 of the text; the text is cut off"),
        (
            '[{"a":1}, {},\n]',
            ['{"a":1}'],
            (2, 1),
            "expected a value, but found ']' at line 2, column 1 of the text; a comma is not allowed",
        ),
        ('[{"a":1}, {}] x', ['{"a":1}'], (1, 15), "expected the end of the text, but found 'x' at column 7 of the text"),
        ("[] x", [], (1, 4), "expected the end of the text, but found 'x' at column 4 of the text"),
        ("[", [], (1, 2), "expected a value, but found nothing at column 2 of the text"),
        ("[,]", [], (1, 2), "expected a value, but found ',' at column 1 of the text"),
        ("[01]", [], (1, 2), "expected a value, but found '01' at column 2 of the text"),
        ('[{"a": "x\n"}]', [], (1, 10), "expected printable text or a closing quotation mark, but found U+000A at line 1, column 9"),
    ],
)
def test_a_malformed_array_yields_the_elements_before_and_one_error_at_the_correct_place(text, whole, place, words):
    *before, last = payloads("-", io.BytesIO(text.encode()), "json")
    assert [payload.text for payload in before] == whole
    found, notes = complaint(last)
    assert found == place
    assert notes.startswith(words)
    assert last.index == len(before)


@given(st.text(alphabet='{}[]:,"1 \n', max_size=10).map("[{}".format))
def test_a_broken_array_is_never_accepted_silently(text):
    """For every text that starts with a bracket: if it is no JSON, exactly the last payload is unreadable, else all can be read."""
    found = [payload for payload in payloads("-", io.BytesIO(text.encode()), "json") if isinstance(payload, Payload)]
    try:
        value = json.loads(text)
    except ValueError:
        *before, last = found
        assert all(read(payload.text).readable for payload in before)
        place, _ = complaint(last)
        whole = read(text).problems[-1]
        assert place == Payload("-", 1, 1, 0, text).place("", whole.offset)
    else:
        assert [read(payload.text).value for payload in found] == value


def test_elements_that_the_fast_scanner_rejects_are_cut_out_too():
    deep, digits = "[" * 20_000 + "]" * 20_000, "1" * 5_000
    assert piped(f"[{deep},{digits},NaN]".encode(), "json") == [(1, 2, deep), (1, 40_003, digits), (1, 45_004, "NaN")]


# -- the format -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "texts"),
    [
        (b"", []),
        (b" \n", []),
        (b'{"a":1}', ['{"a":1}']),
        (b'{\n "a":1\n}\n', ['{\n "a":1\n}\n']),
        (b'[{"a":1},\n{"b":2}]', ['{"a":1}', '{"b":2}']),
        (b'{"a":1}\n{"b":2}\n', ['{"a":1}', '{"b":2}']),
        (b'\n{"a":1}\n\nrubbish', ['{"a":1}', "rubbish"]),
        (b'{"a":tru}\n{"b":2}\n', ['{"a":tru}', '{"b":2}']),
        (b'["a":1}\n{"b":2}\n', ['["a":1}\n{"b":2}\n']),
        (b'{\n"a":1\n', ['{\n"a":1\n']),
        (b"rubbish", ["rubbish"]),
        (b'{"a":1}, {"b":2}', ['{"a":1}, {"b":2}']),
    ],
)
def test_standard_input_is_a_document_if_it_can_be_else_lines_if_they_can_be(data, texts):
    assert [text for _, _, text in piped(data)] == texts


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(
    ("data", "texts"),
    [
        (b'{"a":1}\n{"b":2}\n{}\n', ['{"a":1}', '{"b":2}', "{}"]),
        (b'{}\n{"a":1}', ["{}", '{"a":1}']),
        (b'{\n"abc":1}', ['{\n"abc":1}']),
        (b'[{},\n{"a":1}]', ["{}", '{"a":1}']),
    ],
)
def test_the_first_block_decides_about_a_long_input(data, texts):
    assert [text for _, _, text in piped(data)] == texts


@pytest.mark.parametrize(
    ("name", "input_format", "count"),
    [
        ("a.json", None, 1),
        ("a.JSON", None, 1),
        ("a.jsonl", None, 2),
        ("a.NDJSON", None, 2),
        ("a.log", None, 2),
        ("a.json", "jsonl", 2),
        ("a.jsonl", "json", 1),
    ],
)
def test_the_given_format_wins_then_the_extension_then_the_content(tmp_path, name, input_format, count):
    path = tmp_path / name
    path.write_text("{}\n{}\n")
    found = list(payloads(str(path), NOTHING, input_format))
    assert len(found) == count
    assert {item.file for item in found} == {str(path)}


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.txt"])
def test_a_byte_order_mark_at_the_start_is_a_note(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b'\xef\xbb\xbf{"a":"b"}\n')
    note, payload = from_file(path)
    assert note == Note(str(path), "skipped a byte order mark")
    assert read_flat(payload.text) == {"a": "b"}
    assert payload.place("/a", 0) == (1, 7)


# -- progress and errors --------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("input_format", ["json", "jsonl", None])
def test_progress_gets_the_bytes_of_each_block(input_format):
    progress = []
    list(payloads("-", io.BytesIO(b'{"abc":1}\n{"abc":2}\n'), input_format, progress.append))
    assert progress == [8, 8, 4]


class Dying(io.BytesIO):
    """A disk that fails after the first block."""

    def read(self, size=-1):
        if self.tell():
            raise OSError(5, "Input/output error")
        return super().read(size)


@pytest.mark.usefixtures("small_blocks")
def test_an_error_in_a_later_block_ends_the_payloads():
    first, error = payloads("-", Dying(b'{"a":1}\n{"b":2}\n'), "jsonl")
    assert first.text == '{"a":1}'
    assert error == Unreadable("-", "Input/output error")
    assert list(payloads("-", Dying(b'{"a":1}\n'), "json")) == [Unreadable("-", "Input/output error")]


def test_a_closed_standard_input_is_unreadable():
    closed = io.BytesIO()
    closed.close()
    assert list(payloads("-", closed)) == [Unreadable("-", "I/O operation on closed file.")]
