"""What `make release-check` looks for in files, the changelog, and the container file. It needs an index itself, and is not run here."""

import io
import re
import tarfile
import tomllib
import zipfile

import pytest

from nclue_contract import __version__
from nclue_contract.cli.main import _parser
from tests.support.tools import ROOT
from tools.release_check import NEEDED_IN_SDIST, PYTHONS, content_problems, metadata_problems, open_questions, relative_links

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
MODULES = {"nclue_contract/__init__.py", "nclue_contract/a.py"}


# -- the changelog ------------------------------------------------------------------------------------------------------------------


def test_the_changelog_has_the_form_of_keep_a_changelog():
    versions = re.findall(r"(?m)^## (.*)$", CHANGELOG)
    assert versions[:2] == ["[Unreleased]", "[0.2.0] - 2026-11-26"]
    assert all(re.fullmatch(r"\[Unreleased\]|\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", version) for version in versions)
    for section in re.split("(?m)^## ", CHANGELOG)[1:]:
        kinds = re.findall("(?m)^### (.*)$", section)
        known = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
        assert kinds == [kind for kind in known if kind in kinds]


def test_the_version_is_the_newest_of_the_changelog():
    assert __version__ == "0.2.0"
    assert re.findall(r"(?m)^## \[(\d.*?)\]", CHANGELOG)[0] == __version__


# -- what is published ----------------------------------------------------------------------------------------------------------------


def metadata(version="0.2.0", more="", readme="", author="Author: somebody\n", pythons=PYTHONS):
    classifiers = "".join(f"Classifier: Programming Language :: Python :: {one}\n" for one in pythons)
    return f"Metadata-Version: 2.4\nName: nclue-contract\nVersion: {version}\n{author}{classifiers}{more}\n{readme}"


def problems(text):
    return list(metadata_problems(text, "0.2.0", "# Changelog\n\n## [0.2.0] - 2026-11-26\n"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (metadata(), []),
        (metadata(version="0.1.0"), ["the version is 0.1.0, and 0.2.0 in the package"]),
        (metadata(author=""), ["there is no author"]),
        (metadata(readme="see [docs](docs/index.md)"), ["README: the link docs/index.md is relative, and leads nowhere on an index"]),
        (metadata(pythons=("3.11",)), ["the classifiers name Python 3.11, and this check tries 3.11, 3.12, 3.13"]),
    ],
)
def test_each_slip_in_the_metadata_is_named(text, found):
    assert problems(text) == found


def test_a_version_without_a_section_of_the_changelog_is_named():
    assert list(metadata_problems(metadata(), "0.2.0", "## [Unreleased]\n")) == ["CHANGELOG.md has no section [0.2.0]"]


def test_urls_that_only_a_publisher_knows_are_open():
    url = "Project-URL: {}, https://example.org\n"
    assert list(open_questions(metadata(more=url.format("Documentation")))) == [
        "[project.urls] has no Changelog, Source: the project has no address yet"
    ]
    assert list(open_questions(metadata(more="".join(map(url.format, ("Documentation", "Source", "Changelog")))))) == []


def test_links_in_code_are_no_links():
    text = "[a](https://a.example) `[b](c.md)`\n```python\nx[0](d.md)\n```\n[e](e/f.md#g) ![h](i.png)"
    assert relative_links(text) == ["e/f.md#g", "i.png"]


def test_the_readme_has_no_link_that_leads_nowhere_on_an_index():
    assert relative_links((ROOT / "README.md").read_text(encoding="utf-8")) == []


@pytest.fixture
def files(tmp_path):
    """Return a function that writes a wheel and an sdist with these names."""

    def files(in_wheel, in_sdist):
        wheel, sdist = tmp_path / "a.whl", tmp_path / "a.tar.gz"
        with zipfile.ZipFile(wheel, "w") as archive:
            for name in in_wheel:
                archive.writestr(name, "")
        with tarfile.open(sdist, "w:gz") as archive:
            for name in in_sdist:
                archive.addfile(tarfile.TarInfo(f"nclue_contract-0.2.0/{name}"), io.BytesIO())
        return wheel, sdist

    return files


@pytest.mark.parametrize(
    ("in_wheel", "in_sdist", "found"),
    [
        (set(), set(), []),
        ({"tests/test_a.py"}, set(), ["the wheel has tests/test_a.py, which is no part of the package"]),
        ({"-nclue_contract/a.py"}, set(), ["the wheel lacks nclue_contract/a.py"]),
        (set(), {"-LICENSE", "-nclue_contract/a.py"}, ["the sdist lacks LICENSE", "the sdist lacks nclue_contract/a.py"]),
    ],
    ids=["complete", "a test", "a module that is missing", "an sdist without files"],
)
def test_what_is_missing_or_too_much_is_named(files, in_wheel, in_sdist, found):
    def changed(names, changes):
        return {*names, *(name for name in changes if name[0] != "-")} - {name[1:] for name in changes if name[0] == "-"}

    wheel, sdist = files(
        changed(MODULES | {"nclue_contract-0.2.0.dist-info/METADATA"}, in_wheel), changed(MODULES | set(NEEDED_IN_SDIST), in_sdist)
    )
    assert list(content_problems(wheel, sdist, MODULES)) == found


def test_every_extra_is_in_all():
    extras = PROJECT["optional-dependencies"]
    assert extras["all"] == [f"nclue-contract[{','.join(sorted(set(extras) - {'all'}))}]"]


# -- the container --------------------------------------------------------------------------------------------------------------------


def test_the_container_file_is_built_from_the_wheel_and_says_that_it_was_not_built_here():
    text = (ROOT / "Containerfile").read_text(encoding="utf-8")
    instructions = re.sub(r"(?m)^#.*\n", "", text)
    assert "This file was never built by the project" in text
    assert re.findall("(?m)^COPY (.*)$", instructions) == ["nclue_contract-*.whl /wheels/"]
    (extras,) = re.findall(r"nclue-contract\[(.*)\] @ file:", instructions)
    assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])
    (python,) = re.findall("(?m)^FROM docker.io/library/python:(.*)-slim$", instructions)
    assert python in PYTHONS


def test_the_commands_of_the_container_file_are_command_lines():
    text = (ROOT / "Containerfile").read_text(encoding="utf-8")
    lines = re.findall(r"(?m)^#   podman run .* nclue-contract (.*)$", text)
    assert [_parser().parse_args(line.split()).run.__name__ for line in lines] == ["_validate", "_serve"]


# -- what is stable -------------------------------------------------------------------------------------------------------------------


def test_the_policy_names_the_public_modules_and_the_exit_codes():
    text = (ROOT / "docs" / "stability.md").read_text(encoding="utf-8")
    for name in ("`.mock`", "`.clients`", "`.guard`", "`.signing`", "`.strategies`", "`.schemathesis_hooks`", "pytest plugin"):
        assert name in text
    assert "0 passed, 1 failed, 2 usage or unreadable input, 3 inconclusive" in text
