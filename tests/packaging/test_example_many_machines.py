"""The example for many machines: each payload is validated once, whatever the size of the parts is, by Dask as by the command."""

import importlib.util
import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nclue_contract.cli.main import main
from tests.support.tools import ROOT

EXAMPLE = ROOT / "examples" / "many-machines"
GOOD = '{"name": "n", "train_feature_id": "0ccc59f9-0000-4000-8000-7837ae76d046", "train_bucket": "answers", "train_file_path": "a/b.csv"}'
LINES = [GOOD, GOOD.replace("a/b", "a~b"), "", GOOD.replace('"n"', "1"), "no JSON", GOOD.replace('"n"', f'"{"é" * 101}"'), " ", GOOD]
RULES = [["NC120"], ["NC102"], ["NC001"], ["NC111"]]


@pytest.fixture(scope="module")
def example():
    """Return the modules `parts` and `with_dask`, imported as the script imports them."""
    found = []
    sys.path.insert(0, str(EXAMPLE))
    try:
        for name in ("parts", "with_dask"):
            spec = importlib.util.spec_from_file_location(name, EXAMPLE / f"{name}.py")
            sys.modules[name] = module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            found.append(module)
        yield found
    finally:
        sys.path.remove(str(EXAMPLE))
        sys.modules.pop("parts", None)
        sys.modules.pop("with_dask", None)


@settings(max_examples=40)
@given(
    lines=st.lists(st.sampled_from(LINES), max_size=8),
    ends=st.sampled_from(["\n", "\r\n"]),
    last=st.booleans(),
    size=st.integers(10, 400),  # less than a line, and more; the next test has parts of one byte
)
def test_each_line_belongs_to_one_part(example, tmp_path_factory, lines, ends, last, size):
    parts, _ = example
    path = tmp_path_factory.getbasetemp() / "lines.jsonl"
    data = (ends.join(lines) + (ends if last else "")).encode()
    path.write_bytes(data)
    results = [parts.validate_part(part) for part in parts.parts_of(str(path), size)]
    whole = parts.validate_part(parts.Part(str(path), 0, len(data)))
    assert [row for result in results for row in result.rows] == whole.rows
    assert sum(result.payloads for result in results) == whole.payloads == sum(bool(line.strip()) for line in lines)
    assert sum(result.valid for result in results) == whole.valid == lines.count(GOOD)


@pytest.mark.parametrize(("scheduler", "size"), [("synchronous", 1), ("threads", 100), ("processes", 10_000)])
def test_dask_finds_what_the_command_finds(example, tmp_path, monkeypatch, capsys, scheduler, size):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jsonl").write_text("\n".join(LINES * 3), encoding="utf-8")
    _, with_dask = example
    assert with_dask.main(["a.jsonl", "--part-bytes", str(size), "--scheduler", scheduler]) == 1
    out, err = capsys.readouterr()
    rows = [json.loads(line) for line in out.splitlines()]
    assert err.endswith(", payloads: 18, valid: 6, invalid: 12\n")
    assert [[row["rule"]] for row in rows] == RULES * 3
    assert [row["byte"] for row in rows] == sorted(row["byte"] for row in rows)
    assert main(["validate", "a.jsonl", "--format", "jsonl"]) == 1
    found = [finding for line in capsys.readouterr().out.splitlines() for finding in json.loads(line).get("findings", ())]
    assert [(row["rule"], row["pointer"], row["message"]) for row in rows] == [(f["rule"], f["pointer"], f["message"]) for f in found]


def test_valid_files_and_empty_ones_are_fine(example, tmp_path, capsys):
    _, with_dask = example
    (tmp_path / "good.jsonl").write_text(GOOD, encoding="utf-8")
    (tmp_path / "empty.jsonl").write_bytes(b"")
    assert with_dask.main([str(tmp_path / "good.jsonl"), "--scheduler", "synchronous"]) == 0
    assert with_dask.main([str(tmp_path / "empty.jsonl"), "--scheduler", "synchronous"]) == 0
    assert capsys.readouterr() == ("", "parts: 1, payloads: 1, valid: 1, invalid: 0\nparts: 0, payloads: 0, valid: 0, invalid: 0\n")
