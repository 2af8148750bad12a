"""The test data for other languages: up to date, as its README describes, and used by programs that know nothing of our code."""

import base64
import json
import re
import shutil
import subprocess

import pytest

from nclue_contract import Validator, validate_request_json
from nclue_contract.contract.model import contract
from tests.support.tools import ROOT, missing
from tools import vectors

FOLDER = ROOT / "vectors"
NAMES = ("payloads", "signatures", "responses")
CONSUMERS = {"JavaScript": ["node", "consumer.mjs"], "Go": ["go", "run", "consumer.go"]}


def rows(name):
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))[name]


def test_the_files_are_up_to_date(capsys):
    assert vectors.main(["--check"]) == 0, capsys.readouterr().err


def test_a_stale_file_is_named_and_written(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(vectors, "FOLDER", tmp_path / "vectors")
    shutil.copytree(FOLDER, tmp_path / "vectors")
    (tmp_path / "vectors" / "payloads.json").write_text("{}", encoding="utf-8")
    assert vectors.main(["--check"]) == 1
    assert capsys.readouterr().err == "vectors/payloads.json is out of date; run: python -m tools.vectors\n"
    assert vectors.main([]) == 0
    assert vectors.main(["--check"]) == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_file_names_format_and_contract_and_has_the_keys_that_the_readme_describes(name):
    whole = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    assert list(whole) == ["format", "contract", name]
    assert (whole["format"], whole["contract"]) == (1, contract().revision)
    section = (FOLDER / "README.md").read_text(encoding="utf-8").split(f"## {name}.json\n")[1].split("\n## ")[0]
    described = {key for line in section.splitlines() if line.startswith("| `") for key in re.findall("`(.*?)`", line.split("|")[1])}
    assert {key for row in whole[name] for key in row} == described
    assert len({row["name"] for row in whole[name]}) == len(whole[name])


def test_the_validator_has_the_findings_of_the_payloads():
    for row in rows("payloads"):
        body = base64.b64decode(row["body_base64"]) if "body_base64" in row else row["body"].encode()
        report = validate_request_json(body)
        found = [finding.rule for finding in report.findings]
        assert (report.ok, found) == (row["valid"], [finding["rule"] for finding in row["findings"]]), row["name"]


def test_the_validator_has_the_rules_of_the_responses():
    validate = Validator().validate_response
    for row in rows("responses"):
        report = validate(row["operation"], row["status"], row["headers"], row["body"].encode(), row["request"])
        assert sorted({finding.rule for finding in report.findings}) == row["rules"], row["name"]


def test_there_are_valid_and_invalid_ones_and_responses_of_every_operation():
    assert {row["valid"] for row in rows("payloads")} == {True, False}
    assert {row["operation"] for row in rows("responses") if not row["rules"]} == {"createTask", "listTasks", "getTask", "deleteTask"}
    assert len({rule for row in rows("responses") for rule in row["rules"]}) > 10


def consume(language, folder):
    program, *options, script = CONSUMERS[language]
    found = shutil.which(program)
    if not found:
        if language == "Go":  # not installed on CI
            pytest.skip("go is not installed")
        missing("Node is missing; run: make node")
    command = [found, *options, str(ROOT / "examples" / "vectors" / script), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize("language", CONSUMERS)
def test_a_program_in_another_language_agrees_with_the_vectors(language):
    run = consume(language, FOLDER)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith(f"{len(rows('signatures'))} signatures")


@pytest.mark.parametrize("language", CONSUMERS)
def test_a_program_notices_a_wrong_signature(language, tmp_path):
    shutil.copytree(FOLDER, tmp_path / "vectors")
    file = tmp_path / "vectors" / "signatures.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"signature": "c', '"signature": "d', 1), encoding="utf-8")
    run = consume(language, tmp_path / "vectors")
    assert run.returncode == 1
    assert "create-task: " in run.stderr


def test_the_consumer_in_javascript_notices_a_wrong_finding(tmp_path):
    shutil.copytree(FOLDER, tmp_path / "vectors")
    file = tmp_path / "vectors" / "payloads.json"
    file.write_text(file.read_text(encoding="utf-8").replace("NC120", "NC111"), encoding="utf-8")
    assert consume("JavaScript", tmp_path / "vectors").returncode == 1


def test_the_consumer_in_javascript_has_at_most_40_lines():
    assert len((ROOT / "examples" / "vectors" / "consumer.mjs").read_text(encoding="utf-8").splitlines()) <= 40
