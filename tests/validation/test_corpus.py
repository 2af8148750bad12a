"""Payloads in files, with what is to be found in them: to add a case, add NAME.json and NAME.expected.json to `corpus`.

The expected file holds a list with an object per finding, in order. An object has at least the rule, the severity and the pointer; it may
have any other key of a finding. A case in `valid` has warnings at most. Expected values are typed by hand, and never copied from a run.
"""

import json
from pathlib import Path

import pytest

from nclue_contract.cli.main import main
from nclue_contract.validation.validator import validate_request, validate_request_json

CORPUS = Path(__file__).parent.parent / "corpus"
CASES = sorted(path for path in CORPUS.glob("*/*.json") if not path.name.endswith(".expected.json"))

# What a file may be and the body of a request may not: the command line reads these otherwise, on purpose.
FILES = {
    "byte-order-mark": [],  # of the file, not of the payload in it; a note reports it
    "body-is-an-array-of-payloads": [],  # several payloads
}

each_case = pytest.mark.parametrize("case", CASES, ids=[f"{path.parent.name}/{path.stem}" for path in CASES])


def expected(case):
    return json.loads(case.with_suffix(".expected.json").read_text(encoding="utf-8"))


def is_about_the_payload(case):
    """Return whether all findings can be seen in the payload as a Python value; a nested value is only read in a text."""
    return all(due["rule"] > "NC006" and due["pointer"].count("/") < 2 for due in expected(case))


def assert_as_expected(findings, wanted):
    shown = [{key: finding[key] for key in due} for finding, due in zip(findings, wanted, strict=False)]
    assert shown == wanted
    assert [finding["rule"] for finding in findings] == [due["rule"] for due in wanted]


@pytest.fixture(scope="module")
def entries(tmp_path_factory):
    """Return what the command line reports for each file, in the format jsonl; all files in one run."""
    folder = tmp_path_factory.mktemp("report")
    report = folder / "report.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # away from any pyproject.toml with settings
        code = main(["validate", "--quiet", "--report", f"jsonl:{report}", *map(str, CASES)])
    assert code == 1
    found = {}
    for line in report.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        found.setdefault(Path(entry["file"]), []).append(entry)
    return found


@each_case
def test_a_body_has_the_findings_that_are_written_beside_it(case):
    """And the same payload as a Python value has the same, unless they are about its text."""
    report = validate_request_json(case.read_bytes())
    assert_as_expected(report.to_dict()["findings"], expected(case))
    assert report.ok == (case.parent.name == "valid")
    if is_about_the_payload(case):
        assert validate_request(json.loads(case.read_bytes())).to_dict() == report.to_dict()


@each_case
def test_the_command_line_reports_the_same_about_a_file(case, entries):
    if not case.read_bytes().strip():  # a body without a payload, but a file without one is only empty
        assert case not in entries
        return
    (entry,) = entries[case]
    assert_as_expected(entry["findings"], FILES.get(case.stem, expected(case)))
    assert entry["valid"] == (case.parent.name == "valid" or case.stem in FILES)


def test_a_case_matches_its_folder_and_names_rule_severity_and_pointer():
    for case in CASES:
        wanted = expected(case)
        assert all({"rule", "severity", "pointer"} <= due.keys() for due in wanted), case
        assert any(due["severity"] == "error" for due in wanted) == (case.parent.name == "invalid"), case


def test_every_file_of_the_corpus_belongs_to_a_case():
    files = {path for path in CORPUS.rglob("*") if path.is_file()}
    assert files == {*CASES, *(case.with_suffix(".expected.json") for case in CASES)}
    assert FILES.keys() <= {case.stem for case in CASES}


def test_jsonl_on_standard_output_is_one_line_per_payload(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cases = [case for case in CASES if case.parent.name == "valid"]
    assert main(["validate", "--format", "jsonl", *map(str, cases)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["file"], line["line"], line["index"], line["valid"]) for line in lines] == [(str(case), 1, 0, True) for case in cases]
