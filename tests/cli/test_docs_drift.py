"""The command `docs-drift` as its users see it: exit codes, formats, several files, standard input, and what cannot be read."""

import json
import subprocess
import sys

import pytest

from tests.support.command import run_main
from tests.support.documentation_pages import page


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Make a folder with pages the current one: a good one, one with two differences, and one that is no page."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.html").write_text(page("create", "ja").render("html"), encoding="utf-8")
    changed = page("create").render("text").replace("1-100", "1-99").replace("pending: ", "queued: ")
    (tmp_path / "changed.txt").write_text(changed, encoding="utf-8")
    (tmp_path / "login.html").write_text("<!doctype html><title>Sign in</title><p>NCLUE", encoding="utf-8")
    return tmp_path


@pytest.fixture
def run(capsys, monkeypatch):
    """Return a function that runs `docs-drift` in this process and returns exit code, standard output and standard error."""
    return lambda *arguments, stdin=b"": run_main(capsys, monkeypatch, ["docs-drift", *arguments], stdin)


def test_a_page_without_a_difference_passes(run):
    code, out, err = run("good.html")
    assert (code, err) == (0, "")
    first, _, last = out.splitlines()
    assert first == "good.html: Create task, ja: no difference"
    assert last.startswith("1 page: no difference [nclue-contract ")


def test_differences_fail_and_name_line_values_and_reading(run):
    code, out, _ = run("changed.txt")
    assert code == 1
    assert out.splitlines()[:-1] == [
        "changed.txt: Create task, en: 2 differences",
        "changed.txt:15: different: statuses, pending, status",
        "  contract: pending",
        "  page:     queued",
        "changed.txt:30: different: request-body, name, limit",
        "  contract: 1 to 100",
        "  page:     1 to 99",
        "  reading:  name-edge=99 states the same as the page",
        "",
    ]
    assert out.splitlines()[-1].startswith("1 page: 2 differences [")


def test_quiet_is_a_line_per_difference(run):
    assert run("changed.txt", "good.html", "--quiet")[1].splitlines() == [
        "changed.txt:15: different: statuses, pending, status (contract: pending; page: queued)",
        "changed.txt:30: different: request-body, name, limit (contract: 1 to 100; page: 1 to 99; name-edge=99)",
    ]


def test_a_pinned_reading_counts_and_is_printed(run):
    code, out, _ = run("changed.txt", "--reading", "name-edge=99")
    assert code == 1
    assert "different: statuses" in out
    assert "limit" not in out
    assert "\npinned: name-edge=99 (--reading)\n" in out


def test_the_json_report_has_all(run):
    code, out, _ = run("changed.txt", "login.html", "good.html", "--format", "json")
    assert code == 1
    report = json.loads(out)
    assert list(report) == ["tool", "contract", "readings", "pages", "summary"]
    assert report["summary"] == {"pages": 3, "compared": 2, "differences": 2, "not_understood": 1, "unreadable": 0}
    changed, login, good = report["pages"]
    assert changed["differences"][1] == {
        "kind": "different",
        "part": "request-body",
        "subject": "name",
        "statement": "limit",
        "contract": "1 to 100",
        "page": "1 to 99",
        "line": 30,
        "reading": "name-edge=99",
        "rule": None,
    }
    assert (login["error"], login["page"], login["differences"]) == ("not-understood", None, [])
    assert login["reason"].endswith("its title is Sign in")
    assert good == {
        "file": "good.html",
        "page": "Create task",
        "language": "ja",
        "error": None,
        "reason": None,
        "differences": [],
        "not_compared": [],
    }


def test_a_page_that_cannot_be_understood_is_never_without_a_difference(run):
    code, out, _ = run("login.html", "good.html")
    assert code == 3
    assert out.startswith("login.html: the page cannot be understood: no page of: Create task, ")
    assert out.splitlines()[-1].startswith("2 pages: no difference, 1 not understood [")


@pytest.mark.parametrize("data", [b"", b"\0\1\2", b"hello", b"\xff\xfe\xff"], ids=["empty", "binary", "text", "utf-16"])
def test_standard_input_that_is_no_page_cannot_be_understood(run, data):
    code, out, _ = run("-", stdin=data)
    assert code == 3
    assert out.startswith("<stdin>: the page cannot be understood: ")


def test_standard_input_and_the_format_of_a_page(run):
    data = page("list", "ko").render("text").encode()
    assert run("-", stdin=data)[0] == 0
    assert run("-", "--input-format", "html", stdin=data)[0] == 3


def test_a_folder_has_pages_and_a_report_goes_to_a_file(run, folder):
    (folder / "notes.json").write_text("{}")
    code, out, _ = run(".", "--report", "json:report.json", "--report", "text:report.txt")
    assert code == 1
    assert out.splitlines()[-1].startswith("3 pages: 2 differences, 1 not understood [")
    assert len(json.loads((folder / "report.json").read_text())["pages"]) == 3
    assert (folder / "report.txt").read_text(encoding="utf-8") == out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nothing.html"], "nothing.html: the page cannot be read: No such file or directory"),
        (["good.html", "*.xyz"], "*.xyz: the page cannot be read: no file matches"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_usage_error(run, arguments, says):
    code, out, _ = run(*arguments)
    assert code == 2
    assert says in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "required: FILE"),
        (["good.html", "--format", "junit"], "invalid choice: 'junit'"),
        (["good.html", "--report", "xml:a"], "write it as FORMAT:PATH"),
        (["good.html", "--reading", "name-edge=7"], "has no option '7'"),
        (["good.html", "--report", "json:good.html"], "good.html"),
    ],
)
def test_usage_errors(run, arguments, says):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert says in err


def test_no_value_of_a_page_is_a_command_for_a_terminal_or_a_ci_system(run, folder):
    text = page("create").render("text").replace("queued", "x").replace("pendingString", "x")
    (folder / "a.txt").write_text(text.replace("name" + "String", "::error::\x1b[1m" + "String"), encoding="utf-8")
    out = run("a.txt")[1]
    assert "\x1b" not in out
    assert not any(line.lstrip().startswith("::") for line in out.splitlines())


def test_markdown_without_its_library_names_the_command_that_installs_it(folder):
    (folder / "a.md").write_text("# Create task\n")
    code = "import sys; sys.modules['markdown_it'] = None; from nclue_contract.cli.main import main; sys.exit(main(['docs-drift', 'a.md']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "nclue-contract: pages in Markdown need markdown-it-py; run: pip install 'nclue-contract[markdown]'\n"
