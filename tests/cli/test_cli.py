"""The command as its users see it: exit codes, what is printed where, reports, settings, terminals, pipes and signals."""

import gzip
import importlib.util
import io
import itertools
import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from nclue_contract.cli.main import main
from nclue_contract.cli.progress import ProgressBar
from nclue_contract.validation.validator import Validator
from tests.support.command import Result, run_main
from tests.support.waiting import DEADLINE_S, wait_until

COMMAND = [sys.executable, "-m", "nclue_contract"]
SCRIPT = Path(sys.executable).with_name("nclue-contract")
FORMATS = ["text", "json", "jsonl", "junit", "sarif", "github"]

# The payload of the acceptance examples, which has a feature ID and a bucket of unusual shape: two warnings.
PAYLOAD = '{"name":"n","train_feature_id":"f","train_bucket":"b","train_file_path":"%s"}'
TILDE = PAYLOAD % "data~1.csv"
HANGUL = PAYLOAD % "데이터.csv"
EQUALS = PAYLOAD % "dt=2025/a.csv"
GOOD = '{"name": "n", "train_feature_id": "0ccc59f9-0000-4000-8000-7837ae76d046", "train_bucket": "answers", "train_file_path": "a/b.csv"}'
BAD = GOOD.replace("a/b.csv", "a~b.csv")
WARNED = GOOD.replace("a/b.csv", "데.csv")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Every test works in a new folder, without settings, and like on no terminal."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "PYTHONIOENCODING", "PYTHONUTF8", "TERM", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def run(capsys, monkeypatch):
    """Return a function that runs the command in this process."""

    def run(*arguments, stdin=""):
        return run_main(capsys, monkeypatch, arguments, stdin)

    return run


def process(*arguments, stdin="", **options):
    """Run the command in a separate process, as it is installed."""
    data = stdin if isinstance(stdin, bytes) else stdin.encode()
    done = subprocess.run([*COMMAND, *arguments], input=data, capture_output=True, check=False, timeout=300, **options)
    return Result(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def entries(result):
    return [json.loads(line) for line in result.out.splitlines()]


def rules(result):
    return [[finding["rule"] for finding in entry["findings"]] for entry in entries(result)]


# -- what the command is for -------------------------------------------------------------------------------------------------------------


def test_a_tilde_is_rejected_and_marked(run):
    result = run("validate", "-", stdin=TILDE)
    assert result.code == 1
    lines = result.out.splitlines()
    at = next(number for number, line in enumerate(lines) if line.endswith("│ data~1.csv"))
    assert lines[at + 1].index("^") == lines[at].index("~")
    assert lines[at + 1].count("^") == 1
    assert "train_file_path holds '~' (U+007E TILDE) at offset 4" in result.out
    assert "response:   422 with code 10104" in result.out
    assert "suggestion: data-1.csv" in result.out
    assert result.err == ""


def test_hangul_passes_with_a_warning_that_names_the_reading(run):
    result = run("validate", "-", stdin=HANGUL)
    assert result.code == 0
    assert "warning NC120" in result.out
    assert "pin:        --reading path-high-codes=code-points" in result.out
    assert run("validate", "-", "--strict", stdin=HANGUL).code == 1
    pinned = run("validate", "-", "--reading", "path-high-codes=code-points", stdin=HANGUL)
    assert pinned.code == 0
    assert "NC120" not in pinned.out


def test_an_equals_sign_is_rejected_with_the_pin_that_allows_it(run):
    result = run("validate", "-", stdin=EQUALS)
    assert result.code == 1
    assert "pin:        --reading path-characters=page-2025\n" in result.out
    pinned = run("validate", "-", "--reading", "path-characters=page-2025", stdin=EQUALS)
    assert pinned.code == 0
    assert "NC120" not in pinned.out
    assert "pinned: path-characters=page-2025 (--reading)" in pinned.out


@pytest.mark.parametrize("command", [[str(SCRIPT)], COMMAND], ids=["script", "module"])
def test_the_command_is_installed(command):
    done = subprocess.run([*command, "validate", "-"], input=TILDE.encode(), capture_output=True, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"NC120" in done.stdout


def test_the_version_names_tool_and_contract(run):
    extra = f", msgspec {version('msgspec')}" if importlib.util.find_spec("msgspec") else ""
    expected = f"nclue-contract {version('nclue-contract')} (contract 2026.11.0{extra})\n"
    assert run("--version") == run("validate", "--version") == run("explain", "--version") == (0, expected, "")


def test_the_version_names_no_extra_that_is_missing(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "nclue_contract.cli.msgspec_reader", None)
    assert run("--version") == (0, f"nclue-contract {version('nclue-contract')} (contract 2026.11.0)\n", "")


@pytest.mark.parametrize("arguments", [["--help"], ["validate", "--help"], ["explain", "-h"], ["spec", "-h"]])
def test_help_can_be_printed_on_any_console(run, arguments):
    result = run(*arguments)
    assert (result.code, result.err) == (0, "")
    assert result.out.isascii()


# -- inputs ------------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tree(folder):
    (folder / "jobs" / "deep").mkdir(parents=True)
    (folder / "jobs" / ".hidden").mkdir()
    files = {
        "jobs/b.json": BAD,
        "jobs/a.jsonl": f"{GOOD}\n\n{BAD}\n",
        "jobs/deep/c.ndjson": GOOD,
        "jobs/deep/list.json": f"[{GOOD},\n {BAD}]",
        "jobs/notes.txt": "no payload",
        "jobs/.hidden/d.json": "nor this",
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


FOUND = [
    ("jobs/a.jsonl", 1, 0, True),
    ("jobs/a.jsonl", 3, 1, False),
    ("jobs/b.json", 1, 0, False),
    ("jobs/deep/c.ndjson", 1, 0, True),
    ("jobs/deep/list.json", 1, 0, True),
    ("jobs/deep/list.json", 2, 1, False),
]


def places(result):
    return [(Path(e["file"]).as_posix(), e["line"], e["index"], e["valid"]) for e in entries(result)]


@pytest.mark.usefixtures("tree")
def test_folders_are_searched(run):
    result = run("validate", "jobs", "--format", "jsonl")
    assert result.code == 1
    assert places(result) == FOUND


@pytest.mark.usefixtures("tree")
def test_globs_are_expanded_and_every_file_is_validated_once_in_the_order_of_the_names(run):
    result = run("validate", "jobs/deep/c.ndjson", "jobs/*.json", "jobs/**/*.json*", "jobs", "--format", "jsonl")
    assert places(result) == [FOUND[3], FOUND[2], *FOUND[:2], *FOUND[4:]]


@pytest.mark.usefixtures("tree")
def test_unreadable_inputs_do_not_prevent_validation_of_the_others(run):
    result = run("validate", "gone.json", "jobs/b.json", "jobs/*.yaml", "jobs/deep/c.ndjson", "--format", "jsonl")
    assert result.code == 2
    assert places(result) == [FOUND[2], FOUND[3]]
    assert result.err == "error: gone.json: No such file or directory\nerror: jobs/*.yaml: no file matches\n"


def test_in_text_an_unreadable_input_is_reported_once(run):
    result = run("validate", "gone.json")
    assert result.code == 2
    assert (result.out + result.err).count("gone.json") == 1
    assert run("validate", "gone.json", "--quiet").out == "gone.json: could not be read: No such file or directory\n"


def test_a_file_that_can_be_read_and_is_no_json_breaks_the_contract(run, folder):
    (folder / "cut.json").write_text(GOOD[:-5])
    (folder / "latin.json").write_bytes(GOOD.replace("n", "é", 1).encode("latin-1"))
    (folder / "wide.json").write_text(GOOD, encoding="utf-16")
    result = run("validate", "cut.json", "latin.json", "wide.json", "--format", "jsonl")
    assert result.code == 1
    assert rules(result) == [["NC001"], ["NC002"], ["NC002"]]


def test_a_byte_order_mark_is_a_note_and_no_finding(run, folder):
    (folder / "bom.json").write_text("\ufeff" + GOOD, encoding="utf-8")
    result = run("validate", "bom.json")
    assert result.code == 0
    assert result.err == "note: bom.json: skipped a byte order mark\n"
    assert run("validate", "bom.json", "--quiet") == (0, "", "")


@pytest.mark.parametrize(
    ("stdin", "expected"),
    [
        (GOOD, [(1, 0, True)]),
        (f"[{GOOD}, {BAD}]", [(1, 0, True), (1, 1, False)]),
        (f"{GOOD}\n{BAD}\n", [(1, 0, True), (2, 1, False)]),
        (json.dumps(json.loads(BAD), indent=2), [(1, 0, False)]),
        ("[]", []),
        ("", []),
    ],
    ids=["one", "array", "lines", "indented", "no payloads", "empty"],
)
def test_standard_input_is_one_text_or_one_per_line(run, stdin, expected):
    result = run("validate", "-", "--format", "jsonl", stdin=stdin)
    assert [(e["line"], e["index"], e["valid"]) for e in entries(result)] == expected
    assert result.code == (not all(valid for _, _, valid in expected))
    assert run("validate", "--format", "jsonl", stdin=stdin) == result


def test_the_format_of_the_input_can_be_given(run, folder):
    two = f"{GOOD}\n{GOOD}\n"
    (folder / "lines.json").write_text(two)
    assert run("validate", "lines.json").code == 1
    assert run("validate", "lines.json", "--input-format", "jsonl").code == 0
    assert run("validate", "-", "--input-format", "json", stdin=two).code == 1
    assert run("validate", "-", "--input-format", "jsonl", stdin="").code == 0


class Terminal(io.TextIOWrapper):
    def isatty(self):
        return True


def test_waiting_for_input_is_reported_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", Terminal(io.BytesIO()))
    assert main(["validate"]) == 2
    assert capsys.readouterr() == ("", "nclue-contract: nothing to validate: name files, folders or globs, or pipe a payload in\n")


# -- options -----------------------------------------------------------------------------------------------------------------------------


def test_quiet_is_a_line_per_error(run):
    said = "error NC120 train_file_path holds '~' (U+007E TILDE) at offset 1\n"
    result = run("validate", "--quiet", stdin=f"{BAD}\n{WARNED}\n{GOOD}\n{BAD}\n")
    assert result == (1, f"<stdin>:1:123: {said}<stdin>:4:123: {said}", "")
    assert run("validate", "--quiet", stdin=GOOD) == (0, "", "")


@pytest.mark.parametrize("name", ["NC120", "nc120", "path-character", "PATH-CHARACTER"])
def test_a_rule_can_be_passed_over_by_code_and_slug(run, name):
    assert run("validate", "--ignore", name, stdin=BAD).code == 0
    result = run("validate", "--ignore", name, "--ignore", "NC131", "--format", "jsonl", stdin=TILDE)
    assert rules(result) == [["NC130"]]


@pytest.mark.parametrize("names", ["NC120,NC131", "path-character, nc131", "NC12,NC131", "NC12x,id-length"])
def test_rules_can_be_passed_over_by_the_beginning_of_codes_and_with_commas(run, folder, names):
    assert rules(run("validate", "--ignore", names, "--format", "jsonl", stdin=TILDE)) == [["NC130"]]
    settings(folder, f"ignore = [{names!r}]")
    assert rules(run("validate", "--format", "jsonl", stdin=TILDE)) == [["NC130"]]


def test_strict_makes_warnings_errors_and_payloads_with_them_invalid(run):
    (lax,), (strict,) = (entries(run("validate", "--format", "jsonl", *more, stdin=WARNED)) for more in ([], ["--strict"]))
    assert (lax["valid"], lax["findings"][0]["severity"]) == (True, "warning")
    assert (strict["valid"], strict["findings"][0]["severity"]) == (False, "error")
    assert run("validate", "--strict", stdin=GOOD).code == 0


def test_the_keys_of_a_json_line_are_stable(run):
    result = run("validate", "--format", "jsonl", stdin=TILDE)
    (entry,) = entries(result)
    assert list(entry) == ["file", "line", "index", "valid", "findings"]
    assert entry["findings"][2] == {
        "rule": "NC120",
        "slug": "path-character",
        "severity": "error",
        "certainty": "documented",
        "pointer": "/train_file_path",
        "offset": 4,
        "byte_offset": 4,
        "character": "U+007E",
        "reading": None,
        "expects": [{"status": 422, "code": "10104"}],
        "message": "train_file_path holds '~' (U+007E TILDE) at offset 4",
        "suggestion": "data-1.csv",
        "page": "Create task, Request body, train_file_path and test_file_path",
        "help_url": None,
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--ignore", "NC999"], "--ignore: unknown rule 'NC999'; `nclue-contract explain` lists them"),
        (["--ignore", "path-charcter"], "--ignore: unknown rule 'path-charcter'; did you mean path-character?"),
        (["--ignore", "\x1b[31m"], r"--ignore: unknown rule '\x1b[31m'"),
        (["--reading", "path-character=page-2025"], "--reading: unknown reading 'path-character'; did you mean path-characters?"),
        (
            ["--reading", "path-characters=2025"],
            "--reading: the reading path-characters has no option '2025'; it has: page-2024, page-2025, page-2026",
        ),
        (["--reading", "path-characters"], "--reading: 'path-characters': write it as ID=OPTION"),
        (["--reading", "="], "--reading: unknown reading ''"),
        (["--format", "xml"], "invalid choice: 'xml'"),
        (["--input-format", "csv"], "invalid choice: 'csv'"),
        (["--report", "json"], "--report: 'json': write it as FORMAT:PATH; formats: text, json, jsonl, junit, sarif, github"),
        (["--report", "json:"], "--report: 'json:': write it as FORMAT:PATH"),
        (["--report", "xml:out.xml"], "--report: 'xml:out.xml': write it as FORMAT:PATH"),
        (["--report", "json:gone/out.json"], "--report: 'json:gone/out.json': there is no folder gone"),
        (
            ["--report", "jsonl:-"],
            "'jsonl:-': standard output has other text already; --format jsonl writes it there; a file of that name is ./-",
        ),
        (["--report", "json:."], "--report: 'json:.': . is a folder"),
        (["--report", "json:" + "x" * 5000], "File name too long"),
        (["--colour"], "unrecognized arguments: --colour"),
    ],
)
def test_usage_errors_are_reported_in_a_sentence(run, arguments, words):
    result = run("validate", "-", *arguments, stdin=GOOD)
    assert (result.code, result.out) == (2, "")
    assert words in result.err
    assert "Traceback" not in result.err
    assert "\x1b" not in result.err


def test_a_command_must_be_given(run):
    result = run()
    assert (result.code, result.out) == (2, "")
    assert "usage: nclue-contract" in result.err


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ('[{},\n  {"name": "b" "x": 1}]', "<stdin>:2:16", "expected ',' or '}', but found '\"'"),
        ('[{},\n{"name": "b"\n"x": 1}]', "<stdin>:3:1", "expected ',' or '}', but found '\"'"),
        ('{"name": "b" "x": 1}', "<stdin>:1:14", "expected ',' or '}', but found '\"' at column 14 of the text"),
        ('{\n"name": "b"\n"x": 1}', "<stdin>:3:1", "expected ',' or '}', but found '\"' at line 3, column 1 of the text"),
    ],
    ids=["an element", "an element of several lines", "a line", "a text of several lines"],
)
def test_a_syntax_error_has_one_place(run, text, place, words):
    result = run("validate", "-", "--quiet", stdin=text.encode())
    assert f"{place}: error NC001 not JSON: {words}" in [line.partition("; ")[0] for line in result.out.splitlines()]


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("valdate", "there is no command 'valdate'; did you mean validate?"),
        ("Check", "there is no command 'Check'; did you mean check?"),
        ("judge", "there is no command 'judge'; there are validate, explain, spec, sign, check, "),
    ],
)
def test_of_a_wrong_command_the_nearest_is_suggested(run, word, words):
    result = run(word, "x.json")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"nclue-contract: {words}")


# -- settings ----------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def below(folder, monkeypatch):
    """Create a folder two levels below the one with the settings."""
    path = folder / "one" / "two"
    path.mkdir(parents=True)
    monkeypatch.chdir(path)
    return path


def settings(folder, text):
    (folder / "pyproject.toml").write_text(f"[tool.nclue-contract]\n{text}\n", encoding="utf-8")


@pytest.mark.usefixtures("below")
def test_settings_come_from_the_nearest_file_upward(run, folder):
    assert run("validate", stdin=EQUALS).code == 1
    settings(folder, 'readings = {path-characters = "page-2025"}')
    result = run("validate", stdin=EQUALS)
    assert result.code == 0
    assert f"pinned: path-characters=page-2025 ({folder / 'pyproject.toml'})" in result.out
    settings(folder / "one", 'readings = {path-characters = "page-2024"}')
    assert run("validate", stdin=EQUALS).code == 1


@pytest.mark.usefixtures("below")
def test_a_file_without_the_table_does_not_hide_one_further_up(run, folder):
    settings(folder, "strict = true")
    (folder / "one" / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    (folder / "one" / "two" / "pyproject.toml").write_text("[tool.ruff]\n")
    assert run("validate", stdin=WARNED).code == 1


def test_an_option_comes_before_the_file_and_the_file_before_the_default(run, folder):
    settings(folder, 'readings = {path-characters = "page-2025", path-del = "forbidden"}')
    result = run("validate", "--format", "json", "--reading", "path-characters=page-2026", stdin=GOOD)
    readings = json.loads(result.out)["readings"]
    assert readings["path-characters"] == {"option": "page-2026", "source": "--reading"}
    assert readings["path-del"] == {"option": "forbidden", "source": str(folder / "pyproject.toml")}
    assert readings["path-empty"] == {"option": "allowed", "source": "default"}


def test_strictness_and_ignored_rules_of_the_file_count_with_those_of_the_options(run, folder):
    settings(folder, 'strict = true\nignore = ["NC131"]')
    assert run("validate", stdin=TILDE).code == 1
    result = run("validate", "--ignore", "bucket-name", "--ignore", "NC120", stdin=TILDE)
    assert result.code == 0
    assert "strict: warnings are errors" in result.out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('strict = "yes"', "strict must be true or false"),
        ("ignore = 'NC120'", "ignore must be an array of strings"),
        ("readings = ['path-del']", "readings must be a table of strings"),
        ("[tool.nclue-contract.readings]\npath-del = 1", "readings must be a table of strings"),
        ("format = 'json'", "format must be removed; known are readings, ignore, strict and check"),
        ("ignore = ['NC999']", "unknown rule 'NC999'"),
        ("readings = {path-dell = 'allowed'}", "unknown reading 'path-dell'; did you mean path-del?"),
        ("readings = {path-del = 'maybe'}", "has no option 'maybe'"),
        ("strict = ", "not a TOML file that can be read"),
        ("strict = true\nstrict = true", "not a TOML file that can be read"),
    ],
)
@pytest.mark.parametrize("command", ["validate", "explain"])
def test_settings_that_cannot_be_used_are_named_with_their_file(run, folder, text, words, command):
    settings(folder, text)
    result = run(command, stdin=GOOD)
    if command == "explain" and "NC999" in text:
        return  # rules are not passed over when they are explained
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"nclue-contract: {folder / 'pyproject.toml'}: ")
    assert words in result.err


# -- reports -----------------------------------------------------------------------------------------------------------------------------


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_every_format_can_be_printed_and_reported_at_once(run, folder):
    stdin = f"{GOOD}\n{BAD}\n{WARNED}\n"
    reports = [argument for form in FORMATS for argument in ("--report", f"{form}:report.{form}")]
    result = run("validate", "-", *reports, stdin=stdin)
    assert result.code == 1
    assert files(folder) == sorted(f"report.{form}" for form in FORMATS)
    for form in FORMATS:
        text = (folder / f"report.{form}").read_text(encoding="utf-8")
        assert text == run("validate", "-", "--format", form, stdin=stdin).out or form in {"junit", "sarif"}
    assert (folder / "report.text").read_text(encoding="utf-8") == result.out
    assert json.loads((folder / "report.json").read_text())["summary"] == {
        "payloads": 3,
        "valid": 2,
        "errors": 1,
        "warnings": 1,
        "unreadable": 0,
    }
    assert ET.parse(folder / "report.junit").getroot().get("failures") == "1"
    assert len(json.loads((folder / "report.sarif").read_text())["runs"][0]["results"]) == 2


def test_a_report_is_there_although_an_input_could_not_be_read(run, folder):
    assert run("validate", "gone.json", "--report", "json:report.json").code == 2
    assert json.loads((folder / "report.json").read_text())["unreadable"] == [{"file": "gone.json", "reason": "No such file or directory"}]


def test_a_report_has_the_rights_of_a_new_file_or_keeps_those_of_an_older_one(run, folder):
    (folder / "old.jsonl").write_text("old")
    (folder / "old.jsonl").chmod(0o600)
    (folder / "new").touch()
    assert run("validate", "--report", "jsonl:old.jsonl", "--report", "json:report.json", stdin=GOOD).code == 0
    assert json.loads((folder / "old.jsonl").read_text())["valid"] is True
    assert (folder / "old.jsonl").stat().st_mode & 0o777 == 0o600
    assert (folder / "report.json").stat().st_mode == (folder / "new").stat().st_mode


@pytest.mark.parametrize(
    ("names", "report"), [(["folder"], "folder/a.json"), (["fold*/*.json"], "folder/a.json"), (["folder"], "hard.json")]
)
def test_a_report_does_not_overwrite_an_input_that_was_found(run, folder, names, report):
    (folder / "folder").mkdir()
    (folder / "folder" / "a.json").write_text(GOOD)
    (folder / "hard.json").hardlink_to(folder / "folder" / "a.json")
    result = run("validate", *names, "--report", f"json:{report}")
    assert (result.code, result.err) == (2, f"nclue-contract: --report: {report} is an input, and would be overwritten\n")
    assert (folder / "folder" / "a.json").read_text() == GOOD


def test_ignored_rules_are_named_by_the_report(run, folder):
    result = run("validate", "--ignore", "path-character", "--ignore", "NC130", "--report", "json:report.json", stdin=GOOD)
    assert "ignored: NC120, NC130\n" in result.out
    assert json.loads((folder / "report.json").read_text())["ignored"] == ["NC120", "NC130"]


def test_input_without_a_payload_is_noted(run, folder):
    (folder / "empty.jsonl").write_text("\n")
    result = run("validate", "empty.jsonl")
    assert (result.code, result.err) == (0, "note: empty.jsonl: nothing was validated, because it contains no payload\n")


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError(28, "No space left on device")])
def test_a_run_that_ends_early_leaves_no_report(run, folder, monkeypatch, error):
    (folder / "old.json").write_text("old")
    judge, count = Validator.validate_request_json, iter(range(9))

    def failing(validator, text):
        if next(count) == 2:
            raise error
        return judge(validator, text)

    monkeypatch.setattr(Validator, "validate_request_json", failing)
    arguments = ["validate", "-", "--report", "json:old.json", "--report", "text:new.txt", "--report", "sarif:new.sarif"]
    if error is RuntimeError:
        with pytest.raises(RuntimeError):
            run(*arguments, stdin=f"{BAD}\n" * 5)
    else:
        result = run(*arguments, stdin=f"{BAD}\n" * 5)
        assert (result.code, result.err) == (
            (3, "nclue-contract: interrupted\n")
            if error is KeyboardInterrupt
            else (2, "nclue-contract: cannot write the output: No space left on device\n")
        )
    assert files(folder) == ["old.json"]
    assert (folder / "old.json").read_text() == "old"


def test_a_folder_that_cannot_be_written_is_named_by_the_report(run, folder, monkeypatch):
    def refuse(path, *_):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("nclue_contract.cli.files.os.open", refuse)
    result = run("validate", "-", "--report", "json:report.json", stdin=GOOD)
    assert (result.code, result.err) == (
        2,
        "nclue-contract: --report: 'json:report.json': report.json cannot be written: Permission denied\n",
    )
    assert files(folder) == []


@pytest.mark.parametrize("other", ["report.json", "./report.json", "sub/../report.json", "link.json"])
def test_two_reports_to_one_file_are_rejected(run, folder, other):
    (folder / "sub").mkdir()
    (folder / "link.json").symlink_to("report.json")
    result = run("validate", "-", "--report", "json:report.json", "--report", f"jsonl:{other}", stdin=GOOD)
    assert (result.code, result.err) == (2, "nclue-contract: --report: two reports go to the same file\n")
    assert not (folder / "report.json").exists()


def test_a_report_does_not_overwrite_an_input(run, folder):
    (folder / "tasks.json").write_text(GOOD)
    result = run("validate", "tasks.json", "--report", "json:./tasks.json")
    assert (result.code, result.err) == (2, "nclue-contract: --report: tasks.json is an input, and would be overwritten\n")
    assert (folder / "tasks.json").read_text() == GOOD


def test_a_link_stays_a_link_when_its_target_is_replaced(run, folder):
    (folder / "link.jsonl").symlink_to("target.jsonl")
    (folder / "target.jsonl").write_text("old")
    assert run("validate", "-", "--report", "jsonl:link.jsonl", stdin=GOOD).code == 0
    assert (folder / "link.jsonl").is_symlink()
    assert json.loads((folder / "target.jsonl").read_text())["valid"] is True


def test_a_report_to_a_pipe_is_written_into_it(run, folder):
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    received = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_text()), daemon=True)
    reader.start()
    assert run("validate", "-", "--report", "jsonl:pipe", stdin=GOOD).code == 0
    reader.join(300)
    assert json.loads(received[0])["valid"] is True
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_report_may_have_the_longest_name_that_there_is(run, folder):
    name = "r" * 250 + ".json"
    assert run("validate", "-", "--report", f"json:{name}", stdin=GOOD).code == 0
    assert files(folder) == [name]


# -- encodings ---------------------------------------------------------------------------------------------------------------------------

NASTY = json.dumps({"name": "\ud800\x1b[31m", "train_file_path": "데\x07\u202e\udfff😀~é", "train_bucket": "\r", "키\x00": 1, "\udc80": 2})
HEBREW_AND_BYTES = "א\udcff\x1b.jsonl"  # a name in another script, a byte that is no UTF-8, and an escape


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp949", "utf-8"])
@pytest.mark.parametrize("form", FORMATS)
def test_every_console_can_display_any_values_and_names(monkeypatch, folder, encoding, form):
    (folder / HEBREW_AND_BYTES).write_text(NASTY + "\n{\x1b\n")
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict") for _ in range(2))
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setattr("sys.stderr", err)
    assert main(["validate", HEBREW_AND_BYTES, HEBREW_AND_BYTES + "x", "--format", form, "--report", "text:" + HEBREW_AND_BYTES + "r"]) == 2
    for stream in (out, err):
        stream.flush()
        text = stream.buffer.getvalue().decode(encoding)
        assert not set(text) & set("\x1b\x07\u202e\x00")
    (folder / (HEBREW_AND_BYTES + "r")).read_text(encoding="utf-8")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8", "utf-8:surrogateescape"])
def test_the_encoding_of_the_environment_is_used(encoding):
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    result = process("validate", "-", stdin=HANGUL, env=environment)
    assert (result.code, result.err) == (0, "")
    displayed = "데이터.csv" if encoding.startswith("utf-8") else r"\ub370\uc774\ud130.csv"
    assert displayed in result.out


def test_everything_can_be_printed_in_ascii(run, monkeypatch):
    def printed(*arguments):
        with monkeypatch.context() as patch:
            for name in ("stdout", "stderr"):
                patch.setattr(sys, name, io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
            return run(*arguments).code

    for arguments in [["explain"], ["explain", "path-high-codes"], ["explain", "--help"], ["spec"], ["--help"]]:
        assert printed(*arguments) == 0
    assert printed("explain", "데") == 2


# -- terminals ---------------------------------------------------------------------------------------------------------------------------


def on_terminal(*arguments, stdin=b"", parts=None, environment=(), stream="stdout"):
    """Return what the command prints on a pseudo terminal. `parts` yields the input, and may look at what is printed."""
    pty = pytest.importorskip("pty")
    master, slave = pty.openpty()
    seen = bytearray()

    def read():
        try:
            while data := os.read(master, 65536):
                seen.extend(data)
        except OSError:  # Linux raises this when the other side is closed
            pass

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | {stream: slave}
    variables = os.environ | {"TERM": "xterm"} | dict(environment)
    with subprocess.Popen([*COMMAND, *arguments], stdin=subprocess.PIPE, env=variables, **streams) as child:
        os.close(slave)
        for part in parts(seen) if parts else [stdin]:
            child.stdin.write(part)
            child.stdin.flush()
        child.stdin.close()
        child.wait(DEADLINE_S)
    reader.join(DEADLINE_S)
    os.close(master)
    return child.returncode, seen.decode()


def test_a_terminal_shows_colours():
    code, text = on_terminal("validate", "-", stdin=TILDE.encode())
    assert code == 1
    assert "\x1b[1;31merror\x1b[0m" in text
    assert "\x1b[1;31m^\x1b[0m" in text


@pytest.mark.parametrize("faults", [["--only", "NC12"], ["--format", "json"], ["--measure"]])
def test_faults_has_no_options_of_a_measurement(run, faults):
    result = run("faults", *faults)
    assert (result.code, result.out) == (2, "")
    assert f"unrecognized arguments: {' '.join(faults)}" in result.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["validate", "-", "--max-results", "5"], "--max-results concerns SARIF: add --format sarif or --report sarif:PATH"),
        (["check", "--seed", "0"], "--explore-examples and --seed concern the exploration: add --explore SECONDS"),
        (["check", "--explore-examples", "5"], "--explore-examples and --seed concern the exploration: add --explore SECONDS"),
    ],
)
def test_an_option_without_the_one_that_it_needs_is_a_usage_error(run, arguments, words):
    assert run(*arguments, stdin=GOOD) == (2, "", f"nclue-contract: {words}\n")


def test_the_most_results_of_sarif_can_be_chosen(run, folder):
    arguments = ["validate", "-", "--format", "sarif", "--report", "sarif:r.sarif", "--max-results", "1"]
    result = run(*arguments, stdin=f"{BAD}\n{BAD}\n")
    for text in (result.out, (folder / "r.sarif").read_text()):
        (sarif,) = json.loads(text)["runs"]
        (notification,) = sarif["invocations"][0]["toolExecutionNotifications"]
        assert (len(sarif["results"]), notification["properties"]) == (1, {"leftOut": 1})
    assert result.code == 1


COLOURS = {
    "never": (["--color", "never"], {"FORCE_COLOR": "1"}, False),
    "always": (["--color", "always"], {"NO_COLOR": "1", "TERM": "dumb"}, True),
    "forced": ([], {"FORCE_COLOR": "1"}, True),
    "forced by any value": ([], {"FORCE_COLOR": "0"}, True),
    "an empty variable": ([], {"FORCE_COLOR": "", "NO_COLOR": ""}, False),
    "both variables": ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    "auto": (["--color", "auto"], {}, False),
}


@pytest.mark.parametrize("command", ["validate", "check"])
@pytest.mark.parametrize("name", COLOURS)
def test_colours_follow_the_option_and_then_the_environment(run, monkeypatch, command, name):
    options, variables, coloured = COLOURS[name]
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    arguments = ["-", "--report", "text:r.txt"] if command == "validate" else ["--only", "NC110", "--report", "text:r.txt"]
    result = run(command, *arguments, *options, stdin=TILDE)
    word = "\x1b[1;31merror\x1b[0m" if command == "validate" else "\x1b[1;32mPASSED"
    assert (word in result.out, "\x1b" in result.out) == (coloured, coloured)
    assert "\x1b" not in Path("r.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_can_be_turned_off(environment):
    code, text = on_terminal("validate", "-", stdin=TILDE.encode(), environment=environment.items())
    assert code == 1
    assert "error NC120" in text
    assert "\x1b" not in text


def test_formats_for_machines_have_no_colours():
    _, text = on_terminal("validate", "-", "--format", "jsonl", stdin=TILDE.encode())
    assert json.loads(text)["valid"] is False


def test_output_that_is_no_terminal_has_no_escapes(run):
    assert "\x1b" not in run("validate", "-", stdin=TILDE).out


def test_a_long_input_shows_a_progress_bar_and_removes_it():
    block = f"{GOOD}\n".encode() * 10_000  # more than is read at once

    def until_it_is_drawn(seen):
        # The process has a clock of its own, so this takes the second of real time after which the bar appears.
        yield block
        end = time.monotonic() + DEADLINE_S
        while b"validating: " not in seen and time.monotonic() < end:
            time.sleep(0.1)
            yield block

    code, text = on_terminal("validate", "-", parts=until_it_is_drawn, stream="stderr")
    assert code == 0
    assert "\r\x1b[Kvalidating: " in text
    assert re.search(r"validating: \d+ MB", text)
    assert text.endswith("\r\x1b[K")


@pytest.mark.parametrize(("options", "drawn"), [([], True), (["--quiet"], False)])
def test_quiet_shows_no_progress(run, monkeypatch, options, drawn):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    clock = itertools.count(step=10)
    monkeypatch.setattr("nclue_contract.cli.progress.time.monotonic", lambda: next(clock))
    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    assert run("validate", "-", *options, stdin=f"{GOOD}\n").code == 0
    assert ("validating" in terminal.getvalue()) == drawn


def test_the_bar_shows_the_share_at_most_five_times_a_second(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("nclue_contract.cli.progress.time.monotonic", lambda: now[0])
    stream = io.StringIO()
    progress = ProgressBar(stream, 4_000_000, enabled=True)
    for now[0] in (0.5, 0.99, 1.0, 1.1, 1.25):
        progress.advance(1_000_000)
    progress.clear()
    progress.clear()
    assert stream.getvalue() == (
        "\r\x1b[Kvalidating: [######################        ]  75% of 4 MB"
        "\r\x1b[Kvalidating: [##############################] 100% of 4 MB"
        "\r\x1b[K"
    )


# -- pipes, signals and closed streams ---------------------------------------------------------------------------------------------------


def test_a_reader_that_has_seen_enough_is_no_error():
    arguments = [*COMMAND, "validate", "-"]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        feeder = threading.Thread(target=feed, args=(child.stdin, f"{BAD}\n".encode() * 20_000), daemon=True)
        feeder.start()
        assert child.stdout.readline().startswith(b"<stdin>:1:")
        child.stdout.close()
        assert child.stderr.read() == b""
        assert child.wait(300) == 3
        feeder.join(300)


def feed(pipe, data):
    try:
        with pipe:
            pipe.write(data)
    except BrokenPipeError:
        pass


def _listen():
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupt_leaves_no_report_and_no_traceback(folder):
    arguments = [*COMMAND, "validate", "-", "--report", "json:report.json"]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    # Whoever runs the tests in the background may have switched the signal off, and children inherit that.
    with subprocess.Popen(arguments, **streams, preexec_fn=_listen) as child:  # noqa: PLW1509  # one thread
        assert len(wait_until(lambda: files(folder))) == 1
        child.send_signal(signal.SIGINT)
        try:
            assert child.wait(DEADLINE_S) == 3
        finally:
            child.kill()
        assert child.stderr.read() == b"nclue-contract: interrupted\n"
    assert files(folder) == []


@pytest.mark.parametrize(
    ("redirection", "code", "words"),
    [
        ("validate <&-", 2, "nothing to validate"),
        ("validate - <&-", 2, "standard input is closed"),
        ("validate gone.json >&-", 2, "standard output is closed"),
        ("validate gone.json 2>&-", 2, "gone.json: could not be read"),
        ("validate gone.json --reading x=y 2>&-", 2, ""),
        ("explain NC999 2>&-", 2, ""),
        ("explain NC120 <&-", 0, "NC120"),
    ],
)
def test_closed_streams_are_no_surprise(redirection, code, words):
    script = 'exec "$0" -m nclue_contract ' + redirection
    done = subprocess.run(["/bin/sh", "-c", script, sys.executable], capture_output=True, check=False, timeout=300)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == code
    assert words in said
    assert "Traceback" not in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full on this system")
@pytest.mark.parametrize("arguments", [["validate", "-"], ["validate", "-", "--format", "json"], ["explain"], ["spec"]])
def test_a_full_disk_is_reported_in_a_sentence(arguments):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*COMMAND, *arguments], input=TILDE.encode(), stdout=full, stderr=subprocess.PIPE, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (2, b"nclue-contract: cannot write the output: No space left on device\n")


def test_a_folder_that_was_removed_is_no_place_to_work_in(folder):
    gone = folder / "gone"
    gone.mkdir()
    script = 'cd gone && rmdir ../gone && exec "$0" -m nclue_contract validate x.json'
    done = subprocess.run(["/bin/sh", "-c", script, sys.executable], capture_output=True, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (2, b"nclue-contract: the current folder does not exist any more\n")


def test_validate_loads_neither_the_check_nor_the_service(folder):
    (folder / "task.json").write_text(GOOD)
    script = (
        "import sys; from nclue_contract.cli.main import main; code = main(['validate', 'task.json']); print(*sys.modules); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    modules = {name for name in done.stdout.splitlines()[-1].split() if name.startswith("nclue_contract.")}
    assert "nclue_contract.validation.validator" in modules
    layers = {name.split(".")[1] for name in modules}
    assert layers == {"cli", "contract", "validation"}
    others = ("check", "check_settings", "serve", "sign", "config_writer", "msgspec_reader")
    assert not modules & {f"nclue_contract.cli.{name}" for name in others}


# -- memory ------------------------------------------------------------------------------------------------------------------------------

MEASURED = """
import sys
from pathlib import Path
from nclue_contract.cli.main import main
code = main(sys.argv[1:])
peak = next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(code, peak, file=sys.stderr)
"""


def peak_memory(megabytes, folder):
    """Exit code and megabytes that the command needs for a file of this size, every thousandth line of which is invalid."""
    block = (f"{GOOD}\n" * 999 + f"{BAD}\n").encode()
    with (folder / "tasks.jsonl").open("wb") as file:
        for _ in range(megabytes * 1_000_000 // len(block)):
            file.write(block)
    arguments = ["validate", "tasks.jsonl"]
    done = subprocess.run([sys.executable, "-c", MEASURED, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)
    (folder / "tasks.jsonl").unlink()
    code, kilobytes = map(int, done.stderr.split())
    return code, kilobytes / 1000


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak of one process by itself")
def test_memory_stays_flat(folder):
    (code, small), (same_code, large) = peak_memory(2, folder), peak_memory(60, folder)
    assert code == same_code == 1
    assert large - small < 30


# -- explain and spec --------------------------------------------------------------------------------------------------------------------


def test_explain_lists_all_rules_and_readings(run):
    result = run("explain")
    assert (result.code, result.err) == (0, "")
    assert re.search(r"^  NC120  error    path-character ", result.out, re.MULTILINE)
    assert "  path-characters         page-2024 | page-2025 | page-2026\n" in result.out


@pytest.mark.parametrize("name", ["NC120", "nc120", "path-character", "Path-Character"])
def test_explain_accepts_codes_and_slugs_in_any_letter_case(run, name):
    result = run("explain", name)
    assert result.code == 0
    assert result.out.startswith("NC120 path-character (error, documented)\n")


def test_explain_states_which_option_is_in_force_and_why(run, folder):
    assert "page-2024 (from: default)" in run("explain", "path-characters").out
    settings(folder, 'readings = {path-characters = "page-2025"}')
    assert f"page-2025 (from: {folder / 'pyproject.toml'})" in " ".join(run("explain", "path-characters").out.split())
    assert "page-2026 (from: --reading)" in run("explain", "path-characters", "--reading", "path-characters=page-2026").out


def test_explain_of_what_is_not_there_names_the_nearest(run):
    assert run("explain", "path-caracter") == (
        2,
        "",
        "nclue-contract: there is no rule, reading or error code 'path-caracter'; did you mean path-character?\n",
    )
    assert run("explain", "?").err.endswith("explain without a name lists them\n")


def test_spec_prints_where_the_document_is_and_the_document(run):
    path = Path(run("spec", "--path").out.removesuffix("\n"))
    assert path.name == "openapi.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["openapi"].startswith("3.1")
    result = run("spec", "--json")
    assert json.loads(result.out) == document
    assert result == run("spec")


def test_spec_writes_pinned_readings_into_the_document(run, folder):
    settings(folder, 'readings = {name-edge = "99"}')
    schemas = json.loads(run("spec", "--reading", "path-characters=page-2025").out)["components"]["schemas"]
    assert schemas["TaskRequest"]["properties"]["name"]["maxLength"] == 99
    assert "=" not in schemas["FilePath"]["not"]["pattern"]


def test_path_and_json_exclude_each_other(run):
    assert run("spec", "--path", "--json").code == 2


# -- files as people have them --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "[]", " \n", "\ufeff"])
def test_an_input_without_a_payload_is_named_and_can_fail_the_command(run, folder, text):
    (folder / "empty.json").write_text(text, encoding="utf-8")
    (folder / "good.json").write_text(GOOD)
    note = "note: empty.json: nothing was validated, because it contains no payload\n"
    result = run("validate", "empty.json", "good.json")
    assert (result.code, result.err.endswith(note)) == (0, True)
    assert run("validate", "--fail-on-empty", "empty.json", "good.json").code == 3
    assert run("validate", "--fail-on-empty", "good.json").code == 0
    (folder / "bad.json").write_text(BAD)
    assert run("validate", "--fail-on-empty", "empty.json", "bad.json").code == 1


def test_a_compressed_file_is_named_as_such(run, folder):
    (folder / "tasks.jsonl").write_bytes(gzip.compress(GOOD.encode()))
    result = run("validate", "tasks.jsonl", "--format", "json")
    assert (result.code, "error: tasks.jsonl: compressed with gzip; unpack it first" in result.err) == (2, True)
    assert run("validate", "-", stdin=gzip.compress(GOOD.encode())).code == 2


@pytest.mark.parametrize(
    ("text", "noted"),
    [(json.dumps(json.loads(GOOD), indent=2), True), (f"[\n{GOOD}\n]", True), (f"{GOOD}\n{GOOD}\n", False), (GOOD, False)],
)
def test_a_text_of_several_lines_in_a_file_of_lines_is_noted(run, folder, text, noted):
    (folder / "tasks.jsonl").write_text(text)
    assert ("note: tasks.jsonl: one JSON text on several lines" in run("validate", "tasks.jsonl").err) is noted
    assert run("validate", "--input-format", "json", "tasks.jsonl").code == (0 if noted or text == GOOD else 1)


def test_a_byte_that_is_not_utf_8_has_its_place_and_the_other_payloads_are_validated(run, folder):
    broken = GOOD.encode().replace(b"a/b", b"\xea\xb0\x80\xff")
    (folder / "tasks.json").write_bytes(b"[" + GOOD.encode() + b",\n  " + broken + b",\n" + BAD.encode() + b"]")
    result = run("validate", "tasks.json", "--format", "jsonl")
    assert rules(result) == [[], ["NC002"], ["NC120"]]
    column = 3 + len(broken.partition(b"\xff")[0].decode())
    assert f"tasks.json:2:{column}: error NC002" in run("validate", "tasks.json").out
