"""No line that we print is a command of a CI system because a payload, a file or a server says so; annotations escape what they hold."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nclue_contract import Validator
from nclue_contract.check.expectations import finding_of
from nclue_contract.check.reports.formats import render
from nclue_contract.cli.main import main
from nclue_contract.cli.messages import print_error, print_reason
from nclue_contract.contract.readings import Readings
from nclue_contract.contract.wording import harmless
from nclue_contract.validation.json_reader import Payload
from nclue_contract.validation.reports.base import FORMATS, Run, Summary
from nclue_contract.validation.reports.formats import renderer
from nclue_contract.validation.reports.github import annotation
from nclue_contract.validation.reports.text import render_report
from tests.support.payloads import PAYLOAD
from tests.support.scripted_transport import run

COMMANDS = ("::error::pwned", "  ::stop-commands::x", "##[error]pwned", "##vso[task.complete]x", "##VSO[task.complete]x")
HOSTILE = " ".join(COMMANDS) + " " + "x" * 80 + " ::add-mask::x\n::set-output name=a::b\r##[group]"
STRICT = Validator({"unknown-field": "refused"}, strict=True)
RUN = Run("1.2.3", "2026.11.0", Readings.choose(("::error::", {"name-edge": "99"})), strict=True)


def commands(text):
    """Return the lines that GitHub Actions (`::` after white space, `##[` anywhere) or Azure Pipelines (`##vso[` anywhere) carries out."""
    lines = text.replace("\r", "\n").split("\n")
    return [line for line in lines if line.lstrip().startswith("::") or "##[" in line or "##vso[" in line.lower()]


def test_the_witness_knows_commands():
    assert commands("a\n  ::error::x\nb ##[x]\n##vso[y]\r::z\n:: \nx ::y") == ["  ::error::x", "b ##[x]", "##vso[y]", "::z", ":: "]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("::error::x", r"\x3a:error::x"),
        ("   ::x", r"   \x3a:x"),
        (":x: ::y", ":x: ::y"),
        ("a ##[b] ##vso[c] ##Vso[d]", r"a #\x23[b] #\x23vso[c] #\x23Vso[d]"),
        ("###[x]", r"##\x23[x]"),
        ("## [x] #[y] ##vs[z]", "## [x] #[y] ##vs[z]"),
        ("", ""),
        (r"\x23::", r"\x23::"),
    ],
)
def test_only_what_would_be_a_command_is_changed(line, expected):
    assert harmless(line) == expected


# -- validate ---------------------------------------------------------------------------------------------------------------------------


def payloads(text):
    """Return payloads that have the text in every place that a report shows."""
    yield PAYLOAD | {"name": text * 3, "train_file_path": text, "train_bucket": text, "train_feature_id": text}
    yield PAYLOAD | {text: text, "test_bucket": 1, "train_file_path": f"a~{text}"}
    yield {text: {text: [text]}}


def rendered(form, text, *, quiet=False):
    out = []
    target = renderer(form, out.append, RUN, quiet=quiet)
    target.begin()
    for index, payload in enumerate(payloads(text)):
        source = json.dumps(payload, ensure_ascii=False)
        target.payload(Payload(text, 1, 1, index, source), STRICT.validate_request_json(source))
    broken = f"{{{text}"
    target.payload(Payload(text, 1, 1, 9, broken), STRICT.validate_request_json(broken))
    target.unreadable(text, text)
    target.end(Summary(1, 1, 1, 1, 1))
    return "".join(out)


TEXTS = st.one_of(st.text("#:[]vSo ~\n\r", min_size=1, max_size=30), st.sampled_from((*COMMANDS, HOSTILE)))


@pytest.mark.parametrize("form", FORMATS["validate"])
@given(text=TEXTS)
def test_a_payload_and_a_file_name_are_no_command_in_a_report(form, text):
    out = rendered(form, text)
    found = commands(out)
    if form == "github":
        ours = ("::error ", "::warning ", "::notice ")
        assert all(line.startswith(ours) for line in found)
        assert len(found) == sum(len(STRICT.validate_request(payload).findings) for payload in payloads(text)) + 2
    else:
        assert found == []
    if form in {"json", "sarif"}:
        assert text in json.dumps(json.loads(out), ensure_ascii=False) or "\n" in text or "\r" in text
    if form == "junit":
        ET.fromstring(out)


@given(TEXTS)
def test_a_payload_is_no_command_in_a_test_report(text):
    for payload in payloads(text):
        report = STRICT.validate_request(payload)
        assert commands(render_report(report)) == commands(str(report)) == []
    assert commands(rendered("text", text, quiet=True)) == []


def test_json_says_the_same_as_without_the_escape():
    values = [json.loads(line)["file"] for line in rendered("jsonl", "###[a]##vso[b]####").splitlines()]
    assert set(values) == {"###[a]##vso[b]####"}


def test_the_command_prints_no_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = ["::error::a.json", " ::b.json", "##[c].json", "##vso[task.complete].json"]
    for name, payload in zip(names, payloads(HOSTILE), strict=False):
        Path(name).write_text(json.dumps(payload))
    Path(names[3]).write_bytes(b"\xef\xbb\xbf{}")
    for form in ("text", "json", "jsonl", "junit", "sarif"):
        for more in ([], ["--quiet"], ["--report", "text:report.txt"]):
            assert main(["validate", *names, "::gone", "##[gone]", "--format", form, *more]) == 2
            assert commands("\n".join(capsys.readouterr())) == []
    assert commands(Path("report.txt").read_text()) == []


@pytest.mark.parametrize("sentence", [*COMMANDS, HOSTILE])
def test_an_error_is_no_command(sentence, capsys):
    print_error(sentence)
    print_reason(sentence)
    assert commands(capsys.readouterr().err) == []
    main(["validate", "-", "--reading", sentence])
    main(["explain", sentence])
    main(["check", sentence])
    main(["cleanup", sentence])
    assert commands("\n".join(capsys.readouterr())) == []


# -- check ------------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hostile():
    """Return the result of a check of a server that says commands wherever it can say something."""
    result = run(only=("NC110",), faults=["name-empty-allowed"])[0]
    failure = result.failures[0]
    body = json.dumps({"error": {"errorCode": HOSTILE, "message": HOSTILE}}).encode() + HOSTILE.encode()
    exchange = replace(failure.exchange, request=replace(failure.exchange.request, body=HOSTILE.encode()), body=body)
    unknown = Validator().validate_response(
        "createTask", 200, {"content-type": "application/json"}, json.dumps({text: text for text in (*COMMANDS, HOSTILE)}).encode()
    )
    findings = [finding_of("NC110", HOSTILE), *(finding for finding in unknown.findings if finding.rule == "NC310")]
    assert len(findings) == 1 + len(COMMANDS) + 1
    failures = [
        replace(failure, case=f"{prefix}{failure.case}", exchange=exchange, finding=finding) for prefix in COMMANDS for finding in findings
    ]
    advisories = [replace(one, advisory=True) for one in failures[:3]]
    outcome = replace(result.outcomes[failure.case], failures=failures, advisories=advisories, reason=HOSTILE)
    return replace(
        result,
        outcomes={**result.outcomes, failure.case: outcome},
        stop_reason=HOSTILE,
        notes=COMMANDS,
        settings=HOSTILE,
        fixed=tuple((text, "NC110") for text in COMMANDS),
        remaining_tasks=COMMANDS,
        target=HOSTILE,
    )


@pytest.mark.parametrize("quiet", [False, True])
@pytest.mark.parametrize("form", FORMATS["check"])
def test_a_server_gives_no_command(hostile, form, quiet):
    out = render(form, hostile, version="1", encoding="utf-8", started_ms=0, quiet=quiet)
    found = commands(out)
    if form == "github":
        assert found
        assert all(line.startswith(("::error title=", "::notice title=")) for line in found)
    else:
        assert found == []


# -- annotations ------------------------------------------------------------------------------------------------------------------------


def test_an_annotation_escapes_what_github_unescapes():
    line = annotation("error", {"file": "::a\nb\r%0A,c.json", "title": "##[x]"}, ["::x%\n##[y]", "z"], "utf-8")
    assert line == "::error file=%3A%3Aa%0Ab%0D%250A%2Cc.json,title=##[x]::::x%25%0A##[y]%0Az\n"


@given(st.text(max_size=20), st.text(max_size=20))
def test_an_annotation_is_one_line_whose_parts_can_be_read_back(name, message):
    line = annotation("error", {"file": name}, [message], "utf-8")
    assert line.count("\n") == 1
    properties, _, data = line.removesuffix("\n").removeprefix("::error ").partition("::")
    if name.replace("\n", "").replace("\r", "").isprintable():
        assert unescaped(properties.removeprefix("file=")) == name
    if message.replace("\n", "").replace("\r", "").isprintable():
        assert unescaped(data) == message


def unescaped(text):
    """Undo the escapes as the runner does."""
    for escape, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(escape, character)
    return text
