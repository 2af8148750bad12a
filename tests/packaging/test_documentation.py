"""The pages of the documentation: their commands print what they show, their Python blocks run, and the site builds."""

import json
import re
import shutil
import tomllib

import pytest

from nclue_contract.cli.main import _parser
from tests.support.documents import Command, File, Shell, commands, parts, run_python_blocks
from tests.support.tools import ROOT, missing
from tools.documentation import __main__ as builder
from tools.documentation.links import problems
from tools.engines.cases import all_cases
from tools.engines.engines import ENGINES, PYTHON

PAGES = sorted((ROOT / "docs").rglob("*.md"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


FEW_CASES = """\
[tool.nclue-contract.check]
only = ["NC110"]
"""
"""The settings with which the files of CI services are tried: that a whole check of our server passes is tested elsewhere."""


def ids(path):
    return path.stem


@pytest.mark.parametrize("path", PAGES, ids=ids)
def test_the_commands_of_a_page_print_what_it_shows(path, tmp_path):
    with Shell(tmp_path, live="/_nclue/traffic.har" in path.read_text(encoding="utf-8")) as shell:
        for part in parts(path):
            if isinstance(part, File):
                shell.write(part)
                if pipeline := commands_of_a_pipeline(part):
                    shell.write(File("pyproject.toml", FEW_CASES, "toml"))
                for command in pipeline:
                    run(shell, command)
            else:
                run(shell, part)


@pytest.mark.parametrize("path", PAGES, ids=ids)
def test_the_python_blocks_of_a_page_run_unchanged(path):
    run_python_blocks(path)


def run(shell, command):
    if not command.is_run or command.words[:2] == ["pip", "install"]:
        return
    if "curl" in command.line and not shutil.which("curl"):
        missing("curl is missing; install it")
    if command.words[:2] == ["nclue-contract", "serve"]:
        shell.serve(command.words[2:])
        return
    code, output = shell.run(command.line)
    assert code == command.exit_code, f"{command.line}\n{output}"
    assert not command.output or command.prints(output), f"$ {command.line}\n{output}"


def commands_of_a_pipeline(file):
    """Return the commands of ours in the file of a CI service."""
    if file.language not in {"yaml", "groovy"}:
        return []
    lines = re.findall(r"(nclue-contract \w+ [^'\n]*|pytest [^'\n]*)", file.text)
    return [Command(line, "") for line in lines]


@pytest.mark.parametrize("path", PAGES, ids=ids)
def test_a_page_names_only_extras_that_exist(path):
    known = set(PROJECT["optional-dependencies"])
    for names in re.findall(r"nclue-contract\[([a-z,]+)\]", path.read_text(encoding="utf-8")):
        assert set(names.split(",")) <= known


@pytest.mark.parametrize("path", PAGES, ids=ids)
def test_a_page_names_only_commands_and_options_that_exist(path):
    for command in commands(path, "nclue-contract "):
        _parser().parse_args(command.words[1:])


def test_generated_pages_name_only_commands_and_options_that_exist(tmp_path):
    found = 0
    for number, text in enumerate(builder.generated().values()):
        path = tmp_path / f"{number}.md"
        path.write_text(text, encoding="utf-8")
        for command in commands(path, "nclue-contract "):
            _parser().parse_args(command.words[1:])
            found += 1
    assert found > 80


def test_the_figures_are_those_of_the_readme():
    """Both name the results of the same commands, so that a new measurement changes both."""
    readme = set(re.findall(r"\d[\d,.]+", (ROOT / "README.md").read_text(encoding="utf-8")))
    figures = re.findall(r"\d[\d,.]+\d", (ROOT / "docs" / "figures.md").read_text(encoding="utf-8"))
    assert len(figures) > 10
    assert {figure for figure in figures if figure not in readme} == set()


@pytest.fixture
def _zensical():
    if not builder.ZENSICAL.is_file():
        missing("zensical is missing, which needs Python 3.11.5 or later")


@pytest.mark.usefixtures("_zensical")
def test_the_site_builds_without_a_warning_or_a_broken_link(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(builder, "BUILD", tmp_path / "docs")
    monkeypatch.setattr(builder, "ROOT", tmp_path)
    assert builder.main() == 0, capsys.readouterr().err
    assert (tmp_path / "docs" / "site" / "rules" / "NC120" / "index.html").is_file()


# -- each check can fail --------------------------------------------------------------------------------------------------------------


def test_without_the_builder_there_is_a_sentence(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(builder, "BUILD", tmp_path / "docs")
    monkeypatch.setattr(builder, "ZENSICAL", tmp_path / "zensical")
    assert builder.main() == 1
    assert capsys.readouterr().err.startswith("zensical is missing, which needs Python 3.11.5 or later; this is 3.")
    assert not (tmp_path / "docs").exists()


@pytest.mark.usefixtures("_zensical")
def test_a_broken_link_in_a_page_fails_the_build(monkeypatch, capsys, tmp_path):
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "zensical.toml").write_text(
        '[project]\nsite_name = "x"\ndocs_dir = "pages"\nsite_dir = "site"\n[project.theme]\nfont = false\n', encoding="utf-8"
    )
    (pages / "index.md").write_text("# Start\n", encoding="utf-8")
    for name, value in {"BUILD": tmp_path / "docs", "ROOT": tmp_path, "DOCS": pages}.items():
        monkeypatch.setattr(builder, name, value)
    monkeypatch.setattr(builder, "generated", lambda: {"more.md": "# More\n\n[start](index.md) and [more](NC999.md)\n"})
    assert builder.main() == 1
    err = capsys.readouterr().err
    assert "page does not exist" in err
    assert "1 issue found" in err


@pytest.mark.parametrize(
    ("markup", "problem"),
    [
        ('<a href="other/">', ["index.html: the link other/ leads nowhere"]),
        ('<a href="page/">', []),
        ('<a href="page/#here">', []),
        ('<a href="page/#there">', ["index.html: the link page/#there leads to a heading that does not exist"]),
        ('<a href="https://example.org/">', []),
        ('<img src="https://example.org/a.png">', ["index.html: loads https://example.org/a.png from another host"]),
        ('<link rel="stylesheet" href="//fonts.example/a.css">', ["index.html: loads //fonts.example/a.css from another host"]),
        ('<script src="a.js"></script>', ["index.html: a.js does not exist"]),
        ('<link rel="canonical" href="https://example.org/">', []),
    ],
)
def test_broken_links_and_resources_of_other_hosts_are_found(tmp_path, markup, problem):
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text('<h1 id="here">x</h1>', encoding="utf-8")
    (tmp_path / "index.html").write_text(markup, encoding="utf-8")
    assert problems(tmp_path) == problem


DOCUMENT = """\
<!-- exit code 1 -->

```console
$ echo a  # a comment
a
$ false
```

```python title="tests/test_it.py"
assert 1
```

<!-- not run: it needs an account -->
```console
$ deploy
```

```python
1 / 0
```
"""


def test_a_document_has_files_and_commands(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(DOCUMENT, encoding="utf-8")
    assert list(parts(path)) == [
        Command("echo a  # a comment", "a\n", 1),
        Command("false", "", 1),
        File("tests/test_it.py", "assert 1\n", "python"),
        Command("deploy", "", 0, is_run=False),
    ]


@pytest.mark.parametrize(("text", "same"), [("a\nb c\nd\n", True), ("a\nb c\nd\ne", False), ("a\nc\nd", True), ("a\nc", False)])
def test_three_dots_stand_for_any_text(text, same):
    assert Command("x", "a\n...c\nd\n").prints(text) is same


def test_the_table_of_engines_is_the_one_that_the_command_prints():
    """Names, languages, drafts and counts of all engines, and the versions of those that our lock files pin."""
    page = (ROOT / "docs" / "schemas.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\|.*(?:2020-12|draft-07).*$", page, re.MULTILINE)
    shown = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    count = f"{len(all_cases()):,} of {len(all_cases()):,}"
    assert [(name, language, draft, results) for name, language, _, draft, results in shown] == [
        (engine.name, engine.language, engine.draft, count) for engine in ENGINES
    ]
    assert [row[2] for row in shown][: len(PYTHON)] == [engine.version() for engine in PYTHON]
    pinned = json.loads((ROOT / "tools" / "node" / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    of_node = [pinned[name] for name in ("ajv", "ajv", "@hyperjump/json-schema", "@sourcemeta/jsonschema")]
    assert [row[2] for row in shown][len(PYTHON) :][: len(of_node)] == of_node


def test_the_settings_of_the_editor_name_the_file_that_the_page_writes():
    page = ROOT / "docs" / "schemas.md"
    (settings,) = [json.loads(part.text) for part in parts(page) if isinstance(part, File) and part.name == ".vscode/settings.json"]
    (entry,) = settings["json.schemas"]
    written = {command.line.rpartition("> ")[2] for command in commands(page, "nclue-contract spec")}
    assert entry["url"].removeprefix("./") in written
    folders = {f"/{part.name.rpartition('/')[0]}/*.json" for part in parts(page) if isinstance(part, File) and part.name.startswith("jobs")}
    assert set(entry["fileMatch"]) == folders
