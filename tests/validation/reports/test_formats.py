"""Machines can read every format back, whatever stands in values and file names; and people find in it what they need."""

import dataclasses
import json
import re
import tracemalloc
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Policy, Readings
from nclue_contract.contract.rules import Severity
from nclue_contract.validation.findings import Finding, Report
from nclue_contract.validation.json_reader import Payload
from nclue_contract.validation.reports import sarif
from nclue_contract.validation.reports.base import FORMATS, Run, Summary
from nclue_contract.validation.reports.formats import renderer
from nclue_contract.validation.reports.junit import JunitRenderer
from tests.support.documentation import documented_at
from tests.support.tools import ROOT

JUDGE = Policy(Readings.choose())
PATH = JUDGE.documented("NC120", suggest=lambda text: text.replace("~", "-"))
WARNING = dataclasses.replace(PATH, severity=Severity.WARNING, suggest=None)
RUN = Run("1.2.3", "2026.11.0", Readings.choose(("--reading", {"name-edge": "99"})), strict=True)
VALID = Report()
INVALID = Report((Finding(PATH, "/train_file_path", 4, "data~1.csv"), Finding(WARNING, "/test_file_path", 0, "데")))

WARNED = Report(INVALID.warnings)
TWICE = Report((INVALID.findings[0], Finding(dataclasses.replace(JUDGE.documented("NC130"), severity=Severity.ERROR), "")))

TEXT = '{"train_file_path": "data~1.csv", "test_file_path": "데"}'


def rendered(name, *reports, file="tasks.jsonl", unreadable=(), run=RUN, encoding="utf-8", **options):
    out = []
    target = renderer(name, out.append, run, encoding=encoding, **options)
    target.begin()
    for index, report in enumerate(reports):
        target.payload(Payload(file, index + 1, 1, index, TEXT), report)
    for gone in unreadable:
        target.unreadable(gone, "No such file or directory")
    target.end(
        Summary(
            payloads=len(reports),
            valid=sum(report.ok for report in reports),
            errors=sum(len(report.errors) for report in reports),
            warnings=sum(len(report.warnings) for report in reports),
            unreadable=len(unreadable),
        )
    )
    return "".join(out)


def test_an_unknown_format_is_rejected_with_those_that_exist():
    with pytest.raises(ValueError, match="unknown format 'xml'; known: text, json, jsonl, junit, sarif, github"):
        renderer("xml", print, RUN)


def test_jsonl_is_one_object_per_payload_and_nothing_else():
    assert rendered("jsonl", VALID, INVALID, VALID, unreadable=["gone.json"]).splitlines() == [
        '{"file": "tasks.jsonl", "line": 1, "index": 0, "valid": true, "findings": []}',
        (
            '{"file": "tasks.jsonl", "line": 2, "index": 1, "valid": false, "findings": [{"rule": "NC120", "slug": "path-character",'
            ' "severity": "error", "certainty": "documented", "pointer": "/train_file_path", "offset": 4, "byte_offset": 4,'
            ' "character": "U+007E", "reading": null, "expects": [{"status": 422, "code": "10104"}],'
            ' "message": "train_file_path holds \'~\' (U+007E TILDE) at offset 4", "suggestion": "data-1.csv",'
            ' "page": "Create task, Request body, train_file_path and test_file_path", "help_url": null},'
            ' {"rule": "NC120", "slug": "path-character",'
            ' "severity": "warning", "certainty": "documented", "pointer": "/test_file_path", "offset": 0, "byte_offset": 0,'
            ' "character": "U+B370", "reading": null, "expects": [{"status": 422, "code": "10105"}],'
            ' "message": "test_file_path holds \'\\ub370\' (U+B370 HANGUL SYLLABLE DE) at offset 0", "suggestion": null,'
            ' "page": "Create task, Request body, train_file_path and test_file_path", "help_url": null}]}'
        ),
        '{"file": "tasks.jsonl", "line": 3, "index": 2, "valid": true, "findings": []}',
    ]


def test_jsonl_notices_when_the_file_changes():
    out = []
    target = renderer("jsonl", out.append, RUN)
    for file in ("a", "b", "a"):
        target.payload(Payload(file, 1, 1, 0, TEXT), VALID)
    assert [json.loads(line)["file"] for line in out] == ["a", "b", "a"]


def test_warnings_leave_a_payload_valid():
    assert json.loads(rendered("jsonl", Report(INVALID.warnings)))["valid"] is True


def test_json_carries_the_run_the_payloads_and_the_summary():
    document = json.loads(rendered("json", VALID, INVALID, unreadable=["gone.json"]))
    readings = document.pop("readings")
    assert readings["name-edge"] == {"option": "99", "source": "--reading"}
    assert readings["path-del"] == {"option": "allowed", "source": "default"}
    assert readings.keys() == contract().readings.keys()
    assert document == {
        "tool": {"name": "nclue-contract", "version": "1.2.3"},
        "contract": {"revision": "2026.11.0"},
        "strict": True,
        "ignored": [],
        "payloads": [
            {"file": "tasks.jsonl", "line": 1, "index": 0, "valid": True, "findings": []},
            {"file": "tasks.jsonl", "line": 2, "index": 1, **INVALID.to_dict()},
        ],
        "unreadable": [{"file": "gone.json", "reason": "No such file or directory"}],
        "summary": {"payloads": 2, "valid": 1, "errors": 1, "warnings": 1, "unreadable": 1},
    }


def test_json_of_no_payloads_is_json():
    assert json.loads(rendered("json"))["payloads"] == []


def test_junit_has_a_test_case_per_payload_and_one_failure_with_all_findings():
    root = ET.fromstring(rendered("junit", VALID, INVALID, WARNED, TWICE, unreadable=["gone.json"]))
    suite = root[0]
    counts = {"name": "nclue-contract", "tests": "5", "failures": "2", "errors": "1"}
    assert (root.tag, root.attrib) == ("testsuites", counts | {"time": root.get("time")})
    assert (suite.tag, suite.attrib) == ("testsuite", counts | {"time": root.get("time"), "skipped": "0"})
    properties = {p.get("name"): p.get("value") for p in suite.iter("property")}
    assert properties["version"] == "1.2.3"
    assert properties["revision"] == "2026.11.0"
    assert properties["strict"] == "true"
    assert properties["reading.name-edge"] == "99"
    assert properties["reading.name-edge.source"] == "--reading"
    passed, failed, warned, twice, broken = suite.findall("testcase")
    assert passed.attrib == {
        "classname": "nclue-contract.tasks_jsonl",
        "name": "tasks.jsonl line 1 (index 0)",
        "time": passed.get("time"),
    }
    assert [[child.tag for child in case] for case in (passed, failed, warned, twice)] == [[], ["failure"], ["system-out"], ["failure"]]
    assert failed[0].attrib == {"message": "train_file_path holds '~' (U+007E TILDE) at offset 4", "type": "NC120"}
    assert failed[0].text.startswith(
        "tasks.jsonl:2:26: error NC120 path-character\n"
        "  train_file_path holds '~' (U+007E TILDE) at offset 4\n"
        "    │ data~1.csv\n"
        "    │     ^\n"
        "  response:   422 with code 10104\n"
        "  suggestion: data-1.csv\n"
        "  page:       Create task, Request body, train_file_path and test_file_path\n"
        "\n"
        "tasks.jsonl:2:54: warning NC120 path-character\n  test_file_path holds '데' (U+B370"
    )
    assert warned[0].text.startswith("tasks.jsonl:3:54: warning NC120 path-character\n")
    assert twice[0].attrib == {"message": "train_file_path holds '~' (U+007E TILDE) at offset 4 (and 1 more error)", "type": "NC120 NC130"}
    assert "\n\ntasks.jsonl:4:1: error NC130 bucket-name\n" in twice[0].text
    assert (broken.get("classname"), broken.get("name"), broken[0].tag, broken[0].attrib) == (
        "nclue-contract.gone_json",
        "gone.json input",
        "error",
        {"message": "could not be read: No such file or directory", "type": "unreadable"},
    )


def test_junit_has_the_time_of_each_case_and_of_the_whole():
    out, clock = [], iter([10.0, 10.25, 11.5, 12.0, 13.0])
    target = JunitRenderer(out.append, RUN, lambda: next(clock))
    for index in range(2):
        target.payload(Payload("a.json", 1, 1, index, TEXT), VALID)
    target.unreadable("b.json", "gone")
    target.end(Summary())
    root = ET.fromstring("".join(out))
    assert [case.get("time") for case in root.iter("testcase")] == ["0.250", "1.250", "0.500"]
    assert (root.get("time"), root[0].get("time")) == ("3.000", "3.000")


@pytest.mark.parametrize(
    ("file", "class_name"),
    [
        ("jobs/2026.11/tasks.v2.jsonl", "nclue-contract.jobs/2026_11/tasks_v2_jsonl"),
        ("./a.json", "nclue-contract._/a_json"),
        ("-", "nclue-contract.<stdin>"),
    ],
)
def test_junit_names_have_one_dot_where_jenkins_cuts_and_say_the_file_in_full(file, class_name):
    """Jenkins takes what stands before the last dot of a class name for its package."""
    case = ET.fromstring(rendered("junit", VALID, file=file))[0].find("testcase")
    assert case.get("classname") == class_name
    assert case.get("name") == f"{'<stdin>' if file == '-' else file} line 1 (index 0)"


def test_junit_of_no_payloads_is_xml():
    assert ET.fromstring(rendered("junit"))[0].get("tests") == "0"


def test_junit_stores_many_payloads_in_a_file_not_in_memory():
    tracemalloc.start()
    target = renderer("junit", lambda _: None, RUN)
    for index in range(3_000):
        target.payload(Payload("a" * 1000, index, 1, index, TEXT), VALID)
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    target.end(Summary())
    assert used < 1_500_000


def test_sarif_has_all_rules_and_a_result_per_finding():
    document = json.loads(rendered("sarif", VALID, INVALID))
    (run,) = document["runs"]
    assert document["version"] == "2.1.0"
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["properties"]["readings"]["name-edge"] == {"option": "99", "source": "--reading"}
    driver = run["tool"]["driver"]
    assert {key: driver[key] for key in ("name", "version", "semanticVersion")} == {
        "name": "nclue-contract",
        "version": "1.2.3",
        "semanticVersion": "1.2.3",
    }
    assert [rule["id"] for rule in driver["rules"]] == list(contract().rules)
    first, second = run["results"]
    rule = driver["rules"][first["ruleIndex"]]
    assert (rule["id"], rule["name"], rule["defaultConfiguration"]) == ("NC120", "PathCharacter", {"level": "error"})
    assert rule["shortDescription"] == {"text": "A file path contains no forbidden character."}
    assert rule["help"]["text"].startswith("Usual cause: Hive partitions (dt=2025-01-01)")
    fingerprint = first.pop("partialFingerprints")["ruleFieldValue/v1"]
    assert re.fullmatch("[0-9a-f]{32}", fingerprint)
    assert first == {
        "ruleId": "NC120",
        "ruleIndex": 17,
        "level": "error",
        "message": {"text": "train_file_path holds '~' (U+007E TILDE) at offset 4"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "tasks.jsonl"},
                    "region": {"startLine": 2, "startColumn": 26, "endColumn": 27},
                }
            }
        ],
        "properties": {"certainty": "documented", "pointer": "/train_file_path", "suggestion": "data-1.csv"},
    }
    assert second["level"] == "warning"
    assert run["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]


def test_sarif_fingerprints_follow_the_value_and_not_the_line():
    other = Report((Finding(PATH, "/train_file_path", 4, "data~2.csv"), Finding(PATH, "/train_file_path", 5, "data~2.csv")))
    results = json.loads(rendered("sarif", INVALID, INVALID, other))["runs"][0]["results"]
    prints = [result["partialFingerprints"]["ruleFieldValue/v1"] for result in results]
    assert [prints[0], prints[4]] == [prints[1], prints[5]]  # the errors of the two reports, then their warnings
    assert len(set(prints)) == 4


@pytest.mark.parametrize(
    ("most", "levels", "left_out"),
    [
        (1, ["error"], 4),
        (2, ["error", "error"], 3),
        (3, ["error", "error", "warning"], 2),
        (5, ["error", "error", "warning", "warning", "warning"], 0),
    ],
)
def test_sarif_has_at_most_so_many_results_errors_first_and_counts_what_is_left_out(most, levels, left_out):
    (run,) = json.loads(rendered("sarif", WARNED, INVALID, INVALID, max_results=most))["runs"]
    assert [result["level"] for result in run["results"]] == levels
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is True
    notifications = [(one["level"], one["message"]["text"], one["properties"]) for one in invocation["toolExecutionNotifications"]]
    sentence = f"{left_out} results left out: a report holds at most {most} results, errors first"
    assert notifications == ([("warning", sentence.replace("1 results,", "1 result,"), {"leftOut": left_out})] if left_out else [])


def test_sarif_has_no_more_results_than_github_accepts():
    report = Report(INVALID.findings[:1] * 25_001)
    (run,) = json.loads(rendered("sarif", report))["runs"]
    assert len(run["results"]) == 25_000
    assert run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].startswith("1 result left out: ")


SARIF_SCHEMA = json.loads((ROOT / "tests" / "vendored" / "sarif-schema-2.1.0.json").read_text(encoding="utf-8"))


def sarif_problems(document):
    """Return what the official schema of OASIS has against a report."""
    validator = Draft4Validator(SARIF_SCHEMA, format_checker=Draft4Validator.FORMAT_CHECKER)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def test_sarif_keeps_the_official_schema():
    texts = [
        rendered("sarif"),
        rendered("sarif", VALID, INVALID, WARNED, TWICE, file="a b.json", unreadable=["gone.json", "-"]),
        rendered("sarif", INVALID, INVALID, file="/tmp/작업.json", max_results=1),
    ]
    with documented_at("https://docs.example/nclue"):
        texts.append(rendered("sarif", INVALID, file="-"))
    assert [sarif_problems(json.loads(text)) for text in texts] == [[], [], [], []]
    assert json.loads(texts[0])["$schema"] == SARIF_SCHEMA["id"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda run: run["results"][0].pop("message"),
        lambda run: run["results"][0].update(level="fatal"),
        lambda run: run["invocations"][0].pop("executionSuccessful"),
        lambda run: run["tool"]["driver"].update(semantic="1"),
    ],
)
def test_the_official_schema_rejects_a_spoiled_report(spoil):
    document = json.loads(rendered("sarif", INVALID))
    spoil(document["runs"][0])
    assert sarif_problems(document)


def test_sarif_reports_unreadable_inputs():
    assert json.loads(rendered("sarif", unreadable=["a b.json"]))["runs"][0]["invocations"] == [
        {
            "executionSuccessful": False,
            "toolExecutionNotifications": [
                {
                    "level": "error",
                    "message": {"text": "could not be read: No such file or directory"},
                    "locations": [{"physicalLocation": {"artifactLocation": {"uri": "a%20b.json"}}}],
                }
            ],
        }
    ]


def test_sarif_doubles_braces_because_single_ones_are_placeholders():
    document = json.loads(rendered("sarif", Report((Finding(PATH, "/train_file_path", 0, "{0}"),))))
    message = document["runs"][0]["results"][0]["message"]["text"]
    assert message == "train_file_path holds '{{' (U+007B LEFT CURLY BRACKET) at offset 0"


URIS = {
    "-": "stdin",
    "tasks.jsonl": "tasks.jsonl",
    "./data/tasks.jsonl": "data/tasks.jsonl",
    "../a b#c?.json": "../a%20b%23c%3F.json",
    "a:b%20.json": "a%3Ab%2520.json",
    "/tmp/작업.json": "file:///tmp/%EC%9E%91%EC%97%85.json",
    "latin-1-\udce9.json": "latin-1-%E9.json",
    "impossible-\ud800.json": "impossible-%5Cud800.json",
}


@pytest.mark.parametrize("file", URIS)
def test_sarif_names_files_by_uri_references(file):
    assert sarif.uri(file) == URIS[file]


def test_github_gets_a_workflow_command_per_finding_and_a_summary():
    lines = rendered("github", VALID, INVALID, file="a,b:c%.jsonl", unreadable=["gone.json"]).splitlines()
    assert lines[:3] == [
        (
            "::error file=a%2Cb%3Ac%25.jsonl,line=2,col=26,title=NC120 path-character::train_file_path holds '~' (U+007E TILDE)"
            " at offset 4%0Aexpected response: 422 with code 10104%0Asuggestion: data-1.csv"
        ),
        (
            "::warning file=a%2Cb%3Ac%25.jsonl,line=2,col=54,title=NC120 path-character::test_file_path holds '데'"
            " (U+B370 HANGUL SYLLABLE DE) at offset 0%0Aexpected response: success or 422 with code 10105"
        ),
        "::error file=gone.json,title=unreadable::could not be read: No such file or directory",
    ]
    assert lines[3].startswith("nclue-contract 1.2.3, contract 2026.11.0, strict, readings: path-characters=page-2024 (default), ")
    assert "name-edge=99 (--reading)" in lines[3]
    assert lines[4:] == ["2 payloads: 1 valid, 1 invalid (1 error, 1 warning); 1 input could not be read"]


def test_github_escapes_percent_signs_in_messages():
    lines = rendered("github", Report((Finding(JUDGE.documented("NC120"), "/train_file_path", 0, "%0A"),))).splitlines()
    assert lines[0].endswith("::train_file_path holds '%25' (U+0025 PERCENT SIGN) at offset 0%0Aexpected response: 422 with code 10104")


def test_github_lists_no_responses_where_any_is_allowed():
    lines = rendered("github", Report((Finding(JUDGE.documented("NC130"), "/train_bucket"),))).splitlines()
    assert lines[0].endswith("3 to 63 lower-case letters, digits, dots and hyphens, and no IP address")


def test_github_annotates_no_file_for_standard_input():
    lines = rendered("github", Report(INVALID.errors), file="-").splitlines()
    assert lines[0].startswith("::error title=NC120 path-character::<stdin>:1:26: train_file_path holds")


def test_github_can_be_written_on_a_western_console():
    assert "'\\ub370' (U+B370" in rendered("github", INVALID, encoding="cp1252")


awkward = st.text(
    st.one_of(st.sampled_from("a~-,:%{}<&\"'/\\]>\r\n\x00\x1b\u202e\u0301데🎉\ud800\udc80\ufffe"), st.characters(exclude_categories=())),
    min_size=1,
)


@st.composite
def reports(draw):
    findings = []
    for applied in draw(st.lists(st.sampled_from([PATH, WARNING]), max_size=3)):
        text = draw(awkward)
        findings.append(Finding(applied, "/train_file_path", draw(st.integers(0, len(text) - 1)), text))
    return Report(tuple(findings))


@given(
    st.lists(reports(), max_size=3),
    awkward,
    st.lists(awkward, max_size=2),
    st.sampled_from(FORMATS["validate"]),
    st.sampled_from(["utf-8", "cp1252", "ascii"]),
)
def test_every_format_can_be_written_and_read_back(given_reports, file, unreadable, name, encoding):
    text = rendered(name, *given_reports, file=file, unreadable=unreadable, encoding=encoding)
    data = text.encode("ascii" if name not in ("text", "github") else encoding)
    findings = [finding for report in given_reports for finding in report.findings]
    match name:
        case "jsonl":
            entries = [json.loads(line) for line in data.splitlines()]
            assert [(e["file"], e["findings"]) for e in entries] == [(file, [f.to_dict() for f in r.findings]) for r in given_reports]
        case "json":
            document = json.loads(data)
            assert [e["valid"] for e in document["payloads"]] == [r.ok for r in given_reports]
            assert [e["file"] for e in document["unreadable"]] == unreadable
        case "junit":
            root = ET.fromstring(data)
            assert [len(case.findall("failure")) for case in root.iter("testcase")] == [
                *(bool(r.errors) for r in given_reports),
                *(0 for _ in unreadable),
            ]
            assert len(root.findall(".//error")) == len(unreadable)
        case "sarif":
            assert sarif_problems(json.loads(data)) == []
            results = json.loads(data)["runs"][0]["results"]
            assert len(results) == len(findings)
            for result in results:
                uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
                assert re.fullmatch(r"[!-~]+", uri)
                assert unquote_to_bytes(uri)
        case "github":
            lines = text.split("\n")
            assert [line[:2] for line in lines] == ["::"] * (len(findings) + len(unreadable)) + ["nc", lines[-2][:2], ""]
            assert all(line.isprintable() for line in lines)
        case "text":
            assert all(line.isprintable() for line in text.split("\n"))
