"""Where settings come from, and that invalid ones are rejected with the name of their file."""

from pathlib import Path

import pytest

from nclue_contract.cli.config import ConfigError, ProjectSettings, load


@pytest.fixture
def write(tmp_path):
    def write(text, *folders):
        path = tmp_path.joinpath(*folders, "pyproject.toml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_all_settings_are_read(tmp_path, write):
    path = write('[tool.nclue-contract]\nignore = ["NC130", "id-length"]\nstrict = true\nreadings = {path-del = "forbidden"}\n')
    assert load(tmp_path) == ProjectSettings({"path-del": "forbidden"}, ("NC130", "id-length"), strict=True, path=path)


def test_readings_can_have_a_table_of_their_own(tmp_path, write):
    path = write('[tool.nclue-contract.readings]\npath-characters = "page-2025"\nname-edge = "99"\n')
    assert load(tmp_path) == ProjectSettings({"path-characters": "page-2025", "name-edge": "99"}, path=path)


def test_an_empty_table_sets_nothing(tmp_path, write):
    path = write("[tool.nclue-contract]\n")
    assert load(tmp_path) == ProjectSettings({}, (), strict=False, path=path)


def test_without_a_file_nothing_is_set(tmp_path):
    assert load(tmp_path) == ProjectSettings()


def test_the_nearest_file_with_the_table_counts_and_no_other(tmp_path, write):
    top = write("[tool.nclue-contract]\nstrict = true\n")
    write("[project]\nname = 'x'\n", "a")
    near = write('[tool.nclue-contract]\nignore = ["NC130"]\n', "a", "b")
    write("", "a", "b", "c")
    assert load(tmp_path / "a") == ProjectSettings(strict=True, path=top)
    assert load(tmp_path / "a" / "b") == load(tmp_path / "a" / "b" / "c") == ProjectSettings(ignore=("NC130",), path=near)
    assert load(tmp_path / "a" / "gone" / "deeper") == ProjectSettings(strict=True, path=top)


def test_a_path_below_a_file_is_no_obstacle(tmp_path, write):
    path = write("[tool.nclue-contract]\nstrict = true\n")
    (tmp_path / "file").touch()
    assert load(tmp_path / "file" / "x").path == path


def test_the_file_is_utf_8(tmp_path, write):
    write("# 한글\n[tool.nclue-contract]\nstrict = true\n")
    assert load(tmp_path).strict


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[tool.nclue-contract", "not a TOML file that can be read: "),
        ("\ufeff[tool.nclue-contract]", "not a TOML file that can be read: "),
        ("x = " + "[" * 5000, "not a TOML file that can be read: "),
        ("[tool]\nnclue-contract = true", "tool.nclue-contract must be a table"),
        ("[[tool.nclue-contract]]\nstrict = true", "tool.nclue-contract must be a table"),
        ("[tool.nclue-contract]\nformat = 1", "[tool.nclue-contract] format must be removed; known are readings, ignore and strict"),
        ("[tool.nclue-contract]\nz = 1\na = 1", "[tool.nclue-contract] a, z must be removed"),
        ("[tool.nclue-contract]\nstrict = 1", "[tool.nclue-contract] strict must be true or false"),
        ("[tool.nclue-contract]\nstrict = 'true'", "[tool.nclue-contract] strict must be true or false"),
        ("[tool.nclue-contract]\nignore = 'NC130'", "[tool.nclue-contract] ignore must be an array of strings"),
        ("[tool.nclue-contract]\nignore = [130]", "[tool.nclue-contract] ignore must be an array of strings"),
        ("[tool.nclue-contract]\nreadings = 'x'", "[tool.nclue-contract] readings must be a table of strings"),
        ("[tool.nclue-contract.readings]\nname-edge = 99", "[tool.nclue-contract] readings must be a table of strings"),
        ("[tool.nclue-contract.readings.path]\ndel = 'allowed'", "[tool.nclue-contract] readings must be a table of strings"),
    ],
)
def test_settings_that_cannot_be_used_are_rejected_with_their_file(tmp_path, write, text, words):
    path = write(text)
    with pytest.raises(ConfigError) as raised:
        load(tmp_path)
    assert str(raised.value).startswith(f"{path}: {words}")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", ["tool = 5", "tool = []", "[[tool]]\nnclue-contract = {strict = true}"])
def test_a_file_whose_tools_are_no_table_sets_nothing(tmp_path, write, text):
    write(text)
    assert load(tmp_path) == ProjectSettings()


def test_a_broken_file_on_the_way_up_is_not_passed_over(tmp_path, write):
    write("[tool.nclue-contract]\n")
    malformed = write("=", "a")
    with pytest.raises(ConfigError, match="not a TOML file") as raised:
        load(tmp_path / "a" / "b")
    assert str(raised.value).startswith(str(malformed))


def test_what_is_no_text_file_is_rejected(tmp_path):
    path = tmp_path / "pyproject.toml"
    path.write_bytes(b"# \xff")
    with pytest.raises(ConfigError, match="utf-8"):
        load(tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigError) as raised:
        load(tmp_path)
    assert str(raised.value).startswith(f"{path}: ")


def test_a_file_that_must_not_be_read_is_rejected(tmp_path, write, monkeypatch):
    path = write("")

    def read_text(self, **_):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_text", read_text)
    with pytest.raises(ConfigError, match="Permission denied") as raised:
        load(tmp_path)
    assert str(raised.value).startswith(f"{path}: ")
