"""Where settings come from, and that invalid ones are rejected with the name of their file."""

import argparse
from pathlib import Path

import pytest

from nclue_contract.cli.check import add_check, add_server, check_parser
from nclue_contract.cli.check_settings import apply_settings
from nclue_contract.cli.config import ConfigError, ProjectSettings, load, load_config


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
        ("[tool.nclue-contract]\nformat = 1", "[tool.nclue-contract] format must be removed; known are readings, ignore, strict and check"),
        (
            "[tool.nclue-contract]\nignored = []",
            "[tool.nclue-contract] ignored must be removed; known are readings, ignore, strict and check; did you mean ignore?",
        ),
        (
            "[tool.nclue-contract]\nReading = {}\nstrikt = true",
            (
                "[tool.nclue-contract] Reading, strikt must be removed; known are readings,"
                " ignore, strict and check; did you mean readings and strict?"
            ),
        ),
        ("[tool.nclue_contract]\nstrict = true", "the table [tool.nclue_contract] is not read; its name must be [tool.nclue-contract]"),
        (
            "[tool.nclue-contracts.check]\nbudget = 1",
            "the table [tool.nclue-contracts] is not read; its name must be [tool.nclue-contract]",
        ),
        ("[tool.NCLUE-Contract]", "the table [tool.NCLUE-Contract] is not read; its name must be [tool.nclue-contract]"),
        ("[nclue-contract.readings]\nname-edge = '99'", "the table [nclue-contract] is not read; its name must be [tool.nclue-contract]"),
        ("[tool.nclue-contract]\n[tool.nclue_contract]", "the table [tool.nclue_contract] is not read"),
        ("[tool.nclue-contract]\nz = 1\na = 1", "[tool.nclue-contract] a, z must be removed"),
        ("[tool.nclue-contract]\nstrict = 1", "[tool.nclue-contract] strict must be true or false"),
        ("[tool.nclue-contract]\nstrict = 'true'", "[tool.nclue-contract] strict must be true or false"),
        ("[tool.nclue-contract]\nignore = 'NC130'", "[tool.nclue-contract] ignore must be an array of strings"),
        ("[tool.nclue-contract]\nignore = [130]", "[tool.nclue-contract] ignore must be an array of strings"),
        ("[tool.nclue-contract]\nreadings = 'x'", "[tool.nclue-contract] readings must be a table of strings"),
        ("[tool.nclue-contract]\ncheck = 5", "[tool.nclue-contract] check must be a table"),
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


@pytest.mark.parametrize("name", ["tool.nclue-client", "tool.nclue", "tool.nclue-controller", "tool.contract", "nclue"])
def test_a_table_of_another_tool_is_no_slip(tmp_path, write, name):
    write(f"[{name}]\nstrict = true\n")
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


# -- a file of their own ------------------------------------------------------------------------------------------------------------------


def test_a_file_of_its_own_has_the_same_tables_at_the_top(tmp_path):
    path = tmp_path / "nclue.toml"
    path.write_text('strict = true\n[check]\nbudget = 5\n[readings]\nname-edge = "99"\n')
    settings = load_config(path)
    assert settings == ProjectSettings({"name-edge": "99"}, strict=True, path=path, check={"budget": 5}, table="")
    assert (settings.check_table, ProjectSettings().check_table) == ("check", "tool.nclue-contract.check")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[check", "not a TOML file that can be read: "),
        ("[tool.nclue-contract]", "tool must be removed; known are readings, ignore, strict and check"),
        ("check = []", "check must be a table"),
        ("readings = 'x'", "readings must be a table of strings"),
    ],
)
def test_a_file_of_its_own_that_cannot_be_used_is_rejected_with_its_name(tmp_path, text, words):
    path = tmp_path / "nclue.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as raised:
        load_config(path)
    assert str(raised.value).startswith(f"{path}: {words}")
    assert "\n" not in str(raised.value)


def test_a_file_of_its_own_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match=r"^--config: there is no file .*nclue\.toml$"):
        load_config(tmp_path / "nclue.toml")


# -- the options of a check ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def options(tmp_path):
    """Return a function: the options of a command line with the settings of a file."""

    def options(text, *words, only_server=False):
        path = tmp_path / "nclue.toml"
        path.write_text(f"[check]\n{text}\n")
        command = argparse.ArgumentParser(add_help=False)
        (add_server if only_server else add_check)(command)
        found = command.parse_args(words)
        apply_settings(load_config(path), check_parser(), command, words, found)
        return found

    return options


def test_every_option_of_the_check_can_be_set_but_the_keys_and_what_is_about_settings(options):
    """The options are those of the parser: a new one needs no change of the settings."""
    for action in check_parser()._actions:  # noqa: SLF001
        if not action.option_strings or action.dest in {"access_key", "secret_key"}:
            continue
        key = action.option_strings[0].removeprefix("--")
        for text in ("true", '["json:x"]', '"all"', '"html"', "7"):
            try:
                found = getattr(options(f"{key} = {text}"), action.dest)
            except ConfigError:
                continue
            break
        assert found not in (None, action.default), key


def test_the_values_are_those_that_the_command_line_would_give(options, tmp_path):
    text = """
    feature-id = "f"
    budget = 60
    rate = 2
    timeout = 2.5
    wait = 0
    skip = ["NC12", "NC40"]
    full = true
    allow-create = 5
    cacert = "ca.pem"
    """
    words = "--feature-id f --budget 60 --rate 2 --timeout 2.5 --wait 0 --skip NC12 --skip NC40 --full --allow-create 5 --cacert"
    assert options(text) == options("", *words.split(), str(tmp_path / "ca.pem"))


def test_the_command_line_takes_precedence_even_with_the_default_value(options):
    text = 'budget = 60\nskip = ["NC12", "NC40"]\ntimeout = 2\nonly = ["NC1"]\nheader = ["a: b"]'
    found = options(text, "--budget", "7", "--skip=NC50", "--timeout", "10.0")
    assert (found.budget, found.skip, found.timeout, found.only, found.header) == (7, ["NC50"], 10.0, ["NC1"], ["a: b"])


def test_a_command_with_some_of_the_options_accepts_the_others(options):
    found = options('budget = 60\nskip = ["NC12"]\nfail-on-untested = true', only_server=True)
    assert found.budget == 60
    assert not {"skip", "fail_on_untested"} & set(vars(found))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bugdet = 5", "bugdet must be removed; the nearest option of the check is budget"),
        ("feature_id = 'x'", "feature_id must be removed; the nearest option of the check is feature-id"),
        ("config = 'x'", "config must be removed; the nearest option of the check is "),
        ("access-key = 'x'", "access-key must be removed: keys belong in the environment, in NCLUE_ACCESS_KEY"),
        ("secret-key = 'x'", "secret-key must be removed: keys belong in the environment, in NCLUE_SECRET_KEY"),
        ("readings = 'x'", "readings must be removed: pinned readings have a table of their own, [readings]"),
        ("budget = '60'", "budget must be a number"),
        ("budget = true", "budget must be a number"),
        ("budget = 0", "budget must be another value: '0' is not a number from 1 on"),
        ("budget = 1.5", "budget must be another value: '1.5' is not a number from 1 on"),
        ("seed = 1.5", "seed must be another value: '1.5' cannot be used"),
        ("timeout = [1]", "timeout must be a number"),
        ("skip = 'NC12'", "skip must be an array of strings"),
        ("skip = [12]", "skip must be an array of strings"),
        ("full = 1", "full must be true or false"),
        ("bucket = 5", "bucket must be a string"),
        ("ledger = 5", "ledger must be a string"),
        ("allow-create = true", "allow-create must be a string or a number"),
        ("format = 'pdf'", "format must be one of text, "),
    ],
)
def test_an_option_that_cannot_be_used_is_rejected_with_file_key_and_problem(options, tmp_path, text, words):
    with pytest.raises(ConfigError) as raised:
        options(text)
    assert str(raised.value).startswith(f"{tmp_path / 'nclue.toml'}: [check] {words}")
    assert "\n" not in str(raised.value)
