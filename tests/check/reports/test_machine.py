"""The reports of a contract check, for people and machines: their contents, and that any reader can parse them."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from nclue_contract.check.expectations import finding_of
from nclue_contract.check.reports.causes import causes
from nclue_contract.check.reports.formats import render
from nclue_contract.check.reports.machine import check_github, check_json, check_jsonl, check_junit
from nclue_contract.check.reports.reproduce import Reproducer
from nclue_contract.check.reports.text import failure_lines, groups_not_tested, report_lines, result_line
from nclue_contract.check.requests import Exchange, RequestSpec, create_request, delete_request, get_request, list_request
from nclue_contract.check.results import Case, Failure, Outcome, State
from nclue_contract.check.run import accept
from nclue_contract.check.sender import Limits
from nclue_contract.cli.main import main
from nclue_contract.contract.rules import Answer
from nclue_contract.signing import Credentials
from nclue_contract.validation.reports.base import FORMATS
from nclue_contract.validation.validator import default_validator
from tests.support.scripted_transport import run
from tests.support.server_process import environment
from tests.support.signing import ACCESS, SECRET
from tests.support.stub_servers import answering, listening, response, url
from tests.support.tools import missing

VERSION = "9.8.7"
ODD = 'a\x1b[31m "b" \u202e\ud800 %\r\n::error::,:\x00é한\U0001f600 <&>]]>'


@pytest.fixture(scope="module")
def passing():
    """Return the result of a check of a conforming server."""
    return run(only=("NC12", "NC20"))[0]


@pytest.fixture(scope="module")
def failing():
    """Return the result of a check of a server with faults, with a pinned reading that it does not follow."""
    faults = ["name-empty-allowed", "path-prefix-only", "skew-past-unchecked"]
    return run(only=("NC11", "NC120", "NC203"), faults=faults, pins={"path-characters": "page-2026"})[0]


@pytest.fixture(scope="module")
def odd(failing):
    """Return a result with a failure whose response contains every character that can break a report."""
    failure = failing.failures[0]
    body = json.dumps({"error": {"errorCode": ODD, "message": ODD}}, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\xff\x00"
    exchange = replace(failure.exchange, request=replace(failure.exchange.request, body=body), body=body)
    changed = replace(failure, case=f"{failure.case} {ODD}", exchange=exchange, finding=finding_of("NC110", ODD))
    outcome = replace(failing.outcomes[failure.case], failures=[changed], reason=ODD)
    case = replace(outcome.case, id=f"{failure.case} {ODD}")
    return replace(failing, outcomes={**failing.outcomes, case.id: replace(outcome, case=case)}, stop_reason=ODD, notes=(ODD,))


def text(result, **options):
    return "\n".join(report_lines(result, version=VERSION, **{"quiet": False} | options)) + "\n"


# -- text ---------------------------------------------------------------------------------------------------------------------------------


def test_the_text_ends_with_counts_result_and_version(passing):
    lines = text(passing).splitlines()
    assert re.fullmatch(r"[\d,]+ cases: [\d,]+ passed, \d+ not tested; [\d,]+ requests \([\d,]+ create requests\) in [\d.]+ s", lines[-3])
    assert lines[-2] == "PASSED: the server keeps the contract."
    assert re.fullmatch(rf"\[nclue-contract {VERSION}, contract \d{{4}}\.\d+\.\d+\]", lines[-1])


def test_colours_mark_the_first_word_of_failures_and_the_result_and_nothing_else(failing, passing, odd):
    for result, word in ((failing, "\x1b[1;31mFAILED:\x1b[0m"), (passing, "\x1b[1;32mPASSED:\x1b[0m")):
        painted = text(result, colour=True)
        assert re.sub("\x1b\\[[0-9;]*m", "", painted) == text(result)
        assert painted.splitlines()[-2].startswith(word)
    headings = [line for line in text(failing, colour=True).splitlines() if line.startswith("\x1b[1;31mFAILED\x1b[0m ")]
    assert len(headings) == sum(line.startswith("FAILED ") for line in text(failing).splitlines()) > 1
    quiet = text(failing, colour=True, quiet=True).splitlines()
    assert quiet
    assert all(re.match("\x1b\\[1mNC\\d{3}\x1b\\[0m ", line) for line in quiet)
    assert set(re.findall("\x1b[^m]*m", text(odd, colour=True))) <= {"\x1b[1;31m", "\x1b[1;33m", "\x1b[1m", "\x1b[0m"}


def test_each_failure_states_rule_expectation_response_page_and_how_to_reproduce_it(failing):
    block = text(failing).partition("FAILED NC110 name-empty: name[empty]\n")[2].partition("\n\n")[0].splitlines()
    assert block[0] == "  name is empty; at least 1 character is required (response 200 instead of 400 or 404 or 409 or 422)"
    labels = [line.split(":")[0].strip() for line in block[1:]]
    assert labels == ["received", "expected", "page", "reproduce"]
    assert re.fullmatch(r'  received:  200 \{"task_id": "[^"]+", "task_name": "", .*…', block[1])
    assert block[2] == "  expected:  400 or 404 or 409 or 422"
    assert block[3].startswith("  page:      Create task, Request body, name")
    assert block[4].startswith("  reproduce: nclue-contract sign POST http://127.0.0.1:8000/api/v1/tasks | curl ")


def test_a_failure_under_a_pin_names_the_reading():
    result, _ = run(only=("NC120",), pins={"path-characters": "page-2026"})
    assert "  reading:   path-characters\n" in text(result)


def test_many_failures_of_a_rule_are_listed_by_their_cases(failing):
    more = re.search(r"(?m)^\.\.\. and (\d+) more cases of NC120: (.*)$", text(failing))
    rest = [cause for cause in causes(failing.failures) if cause.rules == ["NC120"]][5:]
    assert int(more[1]) == len({case for cause in rest for case in cause.cases})
    assert more[2].startswith("path[")
    assert text(failing).count("FAILED NC120") == 5


def test_a_problem_that_occurs_in_many_responses_is_reported_once(failing):
    (case, outcome), failure = next(iter(failing.outcomes.items())), failing.failures[0]
    again = [replace(failure, case=f"case {number}") for number in range(40)]
    result = replace(failing, outcomes={case: replace(outcome, failures=[failure, *again])})
    assert text(result).count(f"FAILED {failure.rule}") == 1
    assert f"FAILED {failure.rule} {failure.finding.slug}: 41 cases\n" in text(result)
    assert f"  cases:     {failure.case}, case 0, case 1, " in text(result)


def test_quiet_text_has_a_line_per_failure_and_the_stop_reason(failing, passing):
    lines = text(failing, quiet=True).splitlines()
    assert len(lines) == len(failing.failures)
    assert "NC110 name[empty]: name is empty; at least 1 character is required" in "\n".join(lines)
    assert text(passing, quiet=True) == "\n"
    assert text(replace(passing, stop_reason="interrupted"), quiet=True) == "inconclusive: interrupted\n"


def test_the_result_is_a_sentence(passing, failing):
    one = replace(failing, outcomes={"name[empty]": replace(failing.outcomes["name[empty]"], failures=failing.failures[:1])})
    assert result_line(passing) == "PASSED: the server keeps the contract."
    assert result_line(failing) == f"FAILED: {failing.counts[State.FAILED]:,} cases, by the rules NC110, NC120, NC203."
    assert re.fullmatch(r"FAILED: 1 case, by the rule NC\d+\.", result_line(one))
    assert result_line(replace(passing, stop_reason="interrupted")) == "INCONCLUSIVE: interrupted."
    assert result_line(replace(passing, enough_accepted=False)).startswith("INCONCLUSIVE: too few valid create requests")
    assert replace(passing, enough_accepted=False).exit_code == 3
    assert result_line(replace(failing, stop_reason="interrupted")) == result_line(failing)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp949", "latin-1"])
def test_a_terminal_gets_nothing_that_it_obeys_or_cannot_show(odd, encoding):
    for quiet in (False, True):
        lines = text(odd, encoding=encoding, quiet=quiet)
        lines.encode(encoding)
        assert all(line.isprintable() for line in lines.split("\n"))
    assert text(odd).count("\n") == text(odd, encoding="ascii").count("\n")


# -- for machines -------------------------------------------------------------------------------------------------------------------------


def test_json_contains_everything(failing):
    report = json.loads(check_json(failing, VERSION))
    assert report["tool"] == {"name": "nclue-contract", "version": VERSION}
    assert report["verdict"] == result_line(failing)
    assert (report["exit_code"], report["target"], report["mode"]) == (1, "http://127.0.0.1:8000/api/v1", "loopback")
    assert [case["case"] for case in report["cases"]] == list(failing.outcomes)
    summary = report["summary"]
    assert summary["cases"] == sum(summary[str(state)] for state in State) == len(report["cases"])
    assert report["readings"]["path-characters"] == {"option": "page-2026", "left": ["page-2026"], "source": "argument", "evidence": []}
    failure = next(one for one in report["failures"] if one["case"] == "name[empty]")
    assert (failure["rule"], failure["slug"], failure["accepted"]) == ("NC110", "name-empty", False)
    assert failure["message"].startswith("name is empty")
    assert {"severity", "certainty", "pointer", "expects", "page", "again"} <= failure.keys()
    exchange = failure["exchange"]
    assert (exchange["method"], exchange["target"], exchange["status"], exchange["error"]) == ("POST", "/api/v1/tasks", 200, "")
    assert json.loads(exchange["body"])["name"] == ""
    rows = {row["rule"]: row for row in report["rules"]}
    assert rows["NC110"]["state"] == "failed"
    assert rows["NC301"]["state"] == "passed"
    assert rows["NC301"]["answers_judged"] > 100


def test_json_lines_have_an_object_per_case(failing):
    entries = [json.loads(line) for line in check_jsonl(failing).splitlines()]
    assert [entry["case"] for entry in entries] == list(failing.outcomes)
    assert sum(len(entry["failures"]) for entry in entries) == len(failing.failures)


def test_junit_counts_what_it_contains(failing):
    root = ET.fromstring(check_junit(failing, VERSION))
    suites = root.findall("testsuite")
    for element in (root, *suites):
        cases = list(element.iter("testcase"))
        assert int(element.get("tests")) == len(cases)
        assert int(element.get("failures")) == sum(case.find("failure") is not None for case in cases)
        assert int(element.get("skipped")) == sum(case.find("skipped") is not None for case in cases)
        assert element.get("errors") == "0"
        assert {len(case.findall("failure")) for case in cases} <= {0, 1}
        assert abs(float(element.get("time")) - sum(float(case.get("time")) for case in cases)) < 0.001 * (len(cases) + 1)
    assert sorted(case.get("name") for case in root.iter("testcase")) == sorted(failing.outcomes)
    failure = next(case for case in root.iter("testcase") if case.get("name") == "name[empty]").find("failure")
    assert failure.get("type") == "NC110"
    assert "\nreceived: 200 " in failure.text
    properties = {one.get("name"): one.get("value") for one in suites[0].iter("property")}
    assert properties["reading.path-characters"] == "page-2026"
    assert properties["version"] == VERSION


def test_junit_has_one_failure_with_all_that_a_case_broke_and_its_time(failing):
    first = failing.failures[0]
    second = next(failure for failure in failing.failures if failure.rule != first.rule)
    outcome = failing.outcomes[first.case]
    slow = replace(first.exchange, sent_ms=1000, received_ms=2250)
    other = replace(second, finding=finding_of("NC301", "no JSON"))
    accepted = replace(second, accepted=True, finding=finding_of("NC302", "known"))
    broken = replace(outcome, failures=[first, other, accepted], exchanges=[slow, slow])
    root = ET.fromstring(check_junit(replace(failing, outcomes={first.case: broken}), VERSION))
    (case,) = root.iter("testcase")
    (failure,) = case.findall("failure")
    assert failure.attrib == {"message": f"{first.sentence} (and 1 more failure)", "type": f"{first.rule} {other.rule}"}
    assert failure.text.startswith(f"{first.sentence}\nreceived: ")
    assert f"\n\n{other.sentence}\n" in failure.text
    assert accepted.sentence not in failure.text
    assert [element.get("time") for element in (root, root[0], case)] == ["2.500"] * 3
    assert case.get("classname") == f"nclue.{outcome.case.rule}"


def test_github_gets_an_annotation_per_failure_and_the_result(failing, passing):
    annotated = check_github(failing, VERSION, "utf-8").splitlines()
    assert len(annotated) == len(causes(failing.failures)) + 2
    assert any(line.startswith("::error title=NC110 name-empty::name[empty]: name is empty; ") for line in annotated)
    assert annotated[-1] == result_line(failing)
    assert not any(line.startswith("::") for line in check_github(passing, VERSION, "utf-8").splitlines())
    troubled = check_github(replace(passing, stop_reason="50% done:\nstopped"), VERSION, "utf-8")
    assert "::error title=inconclusive::50%25 done:%0Astopped\n" in troubled


def test_unusual_responses_break_no_format(odd):
    json.loads(check_json(odd, VERSION))
    assert len(check_jsonl(odd).splitlines()) == len(odd.outcomes)
    assert any("\\u202e" in case.get("name") for case in ET.fromstring(check_junit(odd, VERSION)).iter("testcase"))
    assert all(created.isascii() for created in (check_json(odd, VERSION), check_jsonl(odd), check_junit(odd, VERSION)))
    annotated = check_github(odd, VERSION, "ascii")
    assert annotated.isascii()
    assert not re.search(r"(?m)^::error::", annotated)


def test_accepted_failures_are_no_failures_for_ci(failing):
    report = json.loads(check_json(failing, VERSION))
    copied = replace(failing, outcomes={name: replace(outcome) for name, outcome in failing.outcomes.items()})
    accepted = accept(copied, {(failure["case"], failure["rule"]) for failure in report["failures"]})
    assert accepted.exit_code == 0
    assert ET.fromstring(check_junit(accepted, VERSION)).get("failures") == "0"
    assert "::error" not in check_github(accepted, VERSION, "utf-8")
    assert all(failure["accepted"] for failure in json.loads(check_json(accepted, VERSION))["failures"])
    assert failing.exit_code == 1, "the result itself is as it was"


@pytest.mark.parametrize("form", [form for form in FORMATS["check"] if form != "text"])
def test_every_format_of_the_command_can_be_written(failing, form):
    assert len(render(form, failing, version=VERSION, encoding="utf-8", started_ms=1_764_000_000_000)) > 1000


def test_reports_are_files_beside_what_is_printed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    options = [word for form in FORMATS["check"] for word in ("--report", f"{form}:report.{form}")]
    assert main(["check", "--only", "NC110", *options]) == 0
    written = {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}
    assert set(written) == {f"report.{form}" for form in FORMATS["check"]}
    assert written["report.text"] == capsys.readouterr().out
    assert json.loads(written["report.json"])["verdict"] == "PASSED: the server keeps the contract."
    assert ET.fromstring(written["report.junit"]).get("failures") == "0"
    assert written["report.html"].lstrip().lower().startswith("<!doctype html>")


# -- a line that sends a request again ----------------------------------------------------------------------------------------------------


def exchange(ask):
    return Exchange(ask, "/api/v1" + ask.path, 0, 0, 200)


def sent_again(line):
    """Run a line with bash, curl and the keys; what it prints."""
    bash, _ = shutil.which("bash") or missing("bash is missing"), shutil.which("curl") or missing("curl is missing; install it")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    variables = environment(NCLUE_ACCESS_KEY=ACCESS, NCLUE_SECRET_KEY=SECRET, PATH=path)
    done = subprocess.run([bash, "-c", line], capture_output=True, check=False, timeout=300, env=variables)
    assert done.returncode == 0, done.stderr
    return done.stdout


BODIES = {
    "JSON": b'{"name": "it\'s \\"quoted\\" $HOME `ls` !! \\\\n"}',
    "Hangul": '{"name": "한글 \U0001f600"}'.encode(),
    "a line feed": b'{"name": "a\nb\r\n\t"}\n',
    "Latin-1": b'{"name": "caf\xe9 \'x\' \\\\ "}',
    "an invisible character": '{"name": "a\u202eb\u00a0\x7f"}'.encode(),
    "nothing": b"",
    "an at sign first": b"@/etc/hostname",
    "a dash first": b"--version",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_the_line_sends_the_same_bytes(body):
    seen = []

    def answer(request):
        seen.append(request)
        return response(418, b"short and stout")

    with listening(answering(answer)) as port:
        printed = sent_again(Reproducer(url(port)).command(exchange(create_request(body))))
    (request,) = seen
    assert (request.method, request.target, request.body) == ("POST", "/api/v1/tasks", body)
    assert request.header("content-type") == ["application/json"]
    assert len(request.header("x-ncp-apigw-signature-v2")) == 1
    assert printed.startswith(b"HTTP/1.1 418 ")
    assert printed.endswith(b"short and stout")


@pytest.mark.parametrize(
    "ask",
    [
        list_request("limit=%33&index=[1-3]{a,b}"),
        get_request("a/..b ?#'"),
        delete_request("x"),
        RequestSpec("PUT", "/tasks", b"{}"),
        RequestSpec("GET", "/tasks/../tasks/."),
    ],
    ids=["a query", "a strange ID", "a deletion", "another method", "dots"],
)
def test_the_line_goes_to_the_same_address(ask):
    seen = []

    def answer(request):
        seen.append((request.method, request.target))
        return response()

    with listening(answering(answer)) as port:
        sent_again(Reproducer(url(port)).command(exchange(ask)))
    assert seen == [(ask.method, f"/api/v1{ask.path}")]


@pytest.mark.parametrize(("given", "sent"), [("text/plain", ["text/plain"]), (None, []), ('a/b; c="d e"', ['a/b; c="d e"'])])
def test_the_line_has_the_content_type_of_the_request(given, sent):
    seen = []

    def answer(request):
        seen.append(request.header("content-type"))
        return response()

    with listening(answering(answer)) as port:
        sent_again(Reproducer(url(port)).command(exchange(RequestSpec("POST", "/tasks", b"{}", {"content-type": given}))))
    assert seen == [sent]


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"headers": {"x-ncp-apigw-signature-v2": None}}, "sent with no x-ncp-apigw-signature-v2"),
        ({"headers": {"x-ncp-apigw-signature-v2": "CANARY"}}, "sent with x-ncp-apigw-signature-v2: ***"),
        ({"signed_as": ("DELETE", "/x")}, "sent with a signature for DELETE /x"),
        ({"skew_ms": -305_000}, "sent with a timestamp -305 s"),
        ({"repeated": "x-ncp-apigw-signature-v2"}, "sent with x-ncp-apigw-signature-v2 twice"),
        ({"credentials": Credentials("CANARYACCESSKEY00001", "CANARY")}, "sent with another key pair"),
        ({"capitals": True}, "sent with header names in capitals"),
        ({"timestamp": lambda ms: f"{ms}.0"}, "sent with a malformed timestamp"),
        ({"signature": str.swapcase}, "sent with a malformed signature"),
    ],
)
def test_signing_defects_are_named_after_the_command_without_a_secret(changes, note):
    line = Reproducer("http://127.0.0.1:8000").command(exchange(replace(list_request(), **changes)))
    assert line.endswith(f"  # {note}")
    assert "CANARY" not in line


def test_what_a_command_cannot_express_is_named_after_it():
    commands = Reproducer("http://127.0.0.1:8000")
    line = commands.command(exchange(create_request(b"x" * 5000)))
    assert line.endswith(" --data-binary @BODY  # BODY: 5,000 bytes, left out because it is long; --reproduce-dir DIR writes it to a file")
    assert len(line) < 350
    line = commands.command(exchange(create_request(b"a\0b")))
    assert line.endswith("  # BODY: 3 bytes, left out because it contains NUL; --reproduce-dir DIR writes it to a file")
    assert "#" not in commands.command(exchange(create_request(b"{}")))


@pytest.mark.parametrize("body", [b"x" * 5000, b"\xff" * 200, b"a\0b", *BODIES.values()])
def test_a_command_has_about_500_characters_at_most(body):
    assert len(Reproducer("http://127.0.0.1:8000").command(exchange(create_request(body)))) <= 600


@pytest.mark.parametrize("body", [b"x" * 5000, b"\xff\x00\n'", BODIES["a line feed"], BODIES["JSON"]])
def test_a_body_that_is_in_a_file_is_sent_as_well(passing, body, tmp_path):
    seen = []

    def answer(request):
        seen.append(request.body)
        return response()

    failure = Failure("case[one]", "NC601", finding_of("NC601", "x"), exchange(create_request(body)))
    case = Case("case[one]", "NC601")
    result = replace(passing, outcomes={case.id: Outcome(case, State.FAILED, "", [failure])})
    with listening(answering(answer)) as port:
        commands = Reproducer(url(port), tmp_path)
        files = dict(commands.files(result))
        for path, content in files.items():
            path.write_bytes(content)
        sent_again(commands.command(failure.exchange))
    assert seen == [body]
    assert bool(files) == (body != BODIES["JSON"])


# -- causes, advisories, groups that were not tested ------------------------------------------------------------------------------------


def with_one_response(status, kind, body, *, advisory=False):
    """Return the result of a check whose cases all got this response, where they break the rules of their cases, NC302 and NC001."""
    cases = [Case(f"case {number}", rule) for number, rule in enumerate(["NC101", "NC102", "NC110", "NC120"])]
    outcomes = {}
    for case in cases:
        answer = Exchange(create_request({}), "/api/v1/tasks", 0, 0, status, (("Content-Type", kind),), body)
        found = [Failure(case.id, case.rule, finding_of(case.rule, f"response {status}"), answer, expected=(Answer(status, "1"),))]
        found += [Failure(case.id, one, finding_of(one, f"{one} is failing"), answer, advisory=advisory) for one in ("NC302", "NC001")]
        state = State.ADVISORY if advisory else State.FAILED
        outcomes[case.id] = Outcome(case, state, "", [] if advisory else found, [answer], found[1:] if advisory else [])
    return outcomes


@pytest.mark.parametrize(
    ("status", "kind", "body", "title"),
    [
        (500, "text/html; charset=utf-8", b"<h1>Oops</h1>", "The server responds with 500 (text/html)"),
        (502, "text/html", b"", "The server responds with 502 and without a body"),
        (422, "text/plain", b"no", "An error response is not JSON (text/plain)"),
        (404, "text/plain", b"", "An error response is not JSON: it has no body"),
    ],
)
def test_one_cause_is_one_block_in_every_format(passing, status, kind, body, title):
    result = replace(passing, outcomes=with_one_response(status, kind, body))
    assert [cause.title for cause in causes(result.failures)] == [title]
    shown = text(result)
    assert shown.count("\nFAILED ") == 1
    assert f"\n  {title}\n" in shown
    assert "FAILED NC001 json-syntax, NC101 required, NC102 type, NC110 name-empty, NC120 path-character, NC302 content-type: 4 cases" in (
        " ".join(shown.split())
    )
    assert "cases:     case 0, case 1, case 2, case 3\n" in shown
    assert check_github(result, VERSION, "utf-8").count("::error ") == 1
    (cause,) = json.loads(check_json(result, VERSION))["causes"]
    assert (cause["title"], cause["cases"]) == (title, ["case 0", "case 1", "case 2", "case 3"])


def with_responses(*pairs):
    """Return outcomes of a check: for each pair of a rule and a response, a case of this rule in which it was not expected."""
    outcomes = {}
    for number, (rule, answer, more) in enumerate(pairs):
        case, expected = Case(f"case {number}", rule), (Answer(422, "10104"),)
        found = [Failure(case.id, rule, finding_of(rule, f"problem {number}"), answer, expected=() if answer.error else expected)]
        found += [Failure(case.id, one, finding_of(one, f"{one} of {number}"), answer) for one in more]
        outcomes[case.id] = Outcome(case, State.FAILED, "", found, [answer])
    return outcomes


def coded(code, status=422):
    body = json.dumps({"error": {"errorCode": code, "message": "NO"}}).encode()
    return Exchange(create_request({}), "/api/v1/tasks", 0, 0, status, (("Content-Type", "application/json"),), body)


def test_a_wrong_error_code_is_one_block_whatever_the_cases_sent(passing):
    wrong, other, right = coded("10105"), coded("10103"), coded("10104")
    outcomes = with_responses(("NC120", wrong, []), ("NC121", coded("10105"), ["NC312"]), ("NC120", other, []), ("NC120", right, []))
    result = replace(passing, outcomes=outcomes)
    assert [(cause.title, cause.cases) for cause in causes(result.failures)] == [
        ("An error response with status 422 has code 10105 instead of 10104", ["case 0", "case 1"]),
        ("An error response with status 422 has code 10103 instead of 10104", ["case 2"]),
        ("", ["case 3"]),
    ]
    assert text(result).count("\nFAILED ") == 3


def test_an_incomplete_response_is_one_block_for_all_rules_and_cases_that_it_fails(passing):
    closed = Exchange(create_request({}), "/api/v1/tasks", 0, 0, error="the connection was closed")
    reset = replace(closed, error="Connection reset by peer")
    late = replace(closed, error="no response within 10 s", late=True)
    outcomes = with_responses(("NC200", closed, ["NC602"]), ("NC208", reset, ["NC602"]), ("NC208", late, ["NC602"]))
    assert [(cause.title, cause.rules, cause.cases) for cause in causes(replace(passing, outcomes=outcomes).failures)] == [
        ("A request gets no complete response", ["NC200", "NC208", "NC602"], ["case 0", "case 1"]),
        ("A request gets no complete response in time", ["NC208", "NC602"], ["case 2"]),
    ]


def test_an_incomplete_response_of_which_everything_says_the_same_needs_no_title(passing):
    closed = Exchange(create_request({}), "/api/v1/tasks", 0, 0, error="the connection was closed")
    outcomes = {}
    for number in range(3):
        case = Case(f"case {number}", "NC200")
        found = [Failure(case.id, "NC602", finding_of("NC602", closed.error), closed)]
        outcomes[case.id] = Outcome(case, State.FAILED, "", found, [closed])
    assert [(one.title, one.cases) for one in causes(replace(passing, outcomes=outcomes).failures)] == [
        ("", ["case 0", "case 1", "case 2"])
    ]


def test_pins_that_concern_the_rule_of_a_failure_are_named(failing):
    assert failing.pinned == {"path-characters": "page-2026"}
    blocks = [block for block in text(failing).split("\n\n") if block.startswith("FAILED ")]
    pinned = {block.split()[1] for block in blocks if "\n  pinned:    path-characters=page-2026 (argument)\n" in block}
    assert pinned == {"NC120"}
    assert len({block.split()[1] for block in blocks}) > 1
    cases = ET.fromstring(check_junit(failing, VERSION)).iter("testcase")
    named = {case.get("classname") for case in cases if "pinned: path-characters=page-2026 (argument)" in "".join(case.itertext())}
    assert named == {"nclue.NC120"}
    html = render("html", failing, version=VERSION, encoding="utf-8", started_ms=0)
    assert html.count("<dt>Pinned</dt><dd>path-characters=page-2026 (argument)</dd>") >= 1
    assert "pinned" not in "\n".join(failure_lines(failing.failures[0], Reproducer("http://127.0.0.1:1")))


def test_failures_of_different_causes_stay_apart(failing):
    assert len(causes(failing.failures)) > 10
    assert sum(len(cause.failures) for cause in causes(failing.failures)) == len(failing.failures)


def test_a_response_that_is_not_json_is_named_as_such():
    (finding,) = (one for one in default_validator().validate_response("getTask", 200, {}, b"<h1>").findings if one.rule == "NC001")
    assert finding.message.startswith("the response is not JSON: ")
    for form in FORMATS["check"]:
        assert "JSON text" not in render(form, run(only=("NC110",))[0], version=VERSION, encoding="utf-8", started_ms=0)


def test_advisories_are_in_every_format(passing):
    outcomes = with_one_response(200, "text/plain", b"x", advisory=True)
    result = replace(passing, outcomes={**passing.outcomes, **outcomes})
    assert (result.exit_code, result.counts[State.ADVISORY]) == (0, 4)
    assert result_line(result) == "PASSED, with 4 advisories: the server keeps the contract."
    shown = text(result)
    assert "\nADVISORY NC001 json-syntax, NC302 content-type: 4 cases\n" in shown
    assert ", 4 with an advisory" in shown
    document = json.loads(check_json(result, VERSION))
    assert (document["summary"]["advisory"], len(document["advisories"]), document["failures"]) == (4, 8, [])
    assert {case["state"] for case in document["cases"] if case["case"].startswith("case ")} == {"advisory"}
    assert sum(len(json.loads(line)["advisories"]) for line in check_jsonl(result).splitlines()) == 8
    suites = ET.fromstring(check_junit(result, VERSION))
    (case,) = [case for case in suites.iter("testcase") if case.get("name") == "case 0"]
    assert [child.tag for child in case] == ["system-out"]
    assert case.findtext("system-out").startswith("advisory NC302:\nNC302 is failing\nreceived: 200 x\nreproduce: nclue-contract sign ")
    assert suites.get("failures") == "0"
    lines = check_github(result, VERSION, "utf-8").splitlines()
    assert [line.partition(" ")[0] for line in lines if line.startswith("::")] == ["::notice"]


def test_failures_come_before_everything_else(failing):
    lines = text(failing).splitlines()
    assert lines[2].startswith("FAILED ")
    assert lines.index(next(line for line in lines if line.startswith("rules "))) > max(
        number for number, line in enumerate(lines[:-2]) if line.startswith("FAILED ")
    )


def test_a_case_that_breaks_several_rules_is_explained(passing):
    assert "counts as failed for each of them" in text(replace(passing, outcomes=with_one_response(500, "text/html", b"")))
    assert "counts as failed for each of them" not in text(passing)


def test_groups_of_rules_that_were_not_tested_are_named():
    result, _ = run(only=("NC11", "NC20", "NC50"), limits=Limits(budget=4, clean_up=False))
    shown = text(result)
    (line,) = [line for line in shown.splitlines() if line.startswith("note: nothing was tested of: ")]
    assert line == f"note: nothing was tested of: {'; '.join(groups_not_tested(result))}"
    assert groups_not_tested(result)
    assert json.loads(check_json(result, VERSION))["groups_not_tested"] == groups_not_tested(result)
    assert "nothing was tested of" not in text(run(only=("NC11",))[0])
