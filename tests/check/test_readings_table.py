"""The readings of a server as settings: a table, and how it gets into a pyproject.toml without touching the rest."""

import tomllib

import pytest

from nclue_contract.check.readings_table import decided_readings, readings_table
from nclue_contract.check.results import CheckResult
from nclue_contract.cli.config import load
from nclue_contract.cli.config_writer import write_readings

HEAD = "[tool.nclue-contract.readings]"
OLD = f'{HEAD}\npath-characters = "page-2024"\npath-del = "allowed"\n'


def found(**left):
    """Return a result with these remaining options per reading; one option or several."""
    readings = {name.replace("_", "-"): (value,) if isinstance(value, str) else value for name, value in left.items()}
    nothing = {
        "outcomes": {},
        "pinned": {},
        "sources": {},
        "evaluated": {},
        "status_samples": (),
        "requests": 0,
        "create_requests": 0,
        "seconds": 0.0,
    }
    evidence = dict.fromkeys(readings, ())
    return CheckResult(target="http://127.0.0.1:8000/api/v1", mode="", readings=readings, evidence=evidence, **nothing)


FOUND = found(path_characters="page-2026", name_edge="99", check_order=("rules-first", "existence-first"))
NEW = f"""\
{HEAD}  # readings found at http://127.0.0.1:8000/api/v1
path-characters = "page-2026"
name-edge = "99"
# check-order is open: rules-first or existence-first
"""


def written(path, result=FOUND):
    """Write the readings of a result, as `probe --write` does."""
    write_readings(path, readings_table(result, "tool.nclue-contract.readings"), decided_readings(result))


@pytest.fixture
def write(tmp_path):
    """Return a function that writes the readings into a file with this text, twice, and returns the new text."""

    def write(text, result=FOUND):
        path = tmp_path / "pyproject.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        written(path, result)
        once = path.read_bytes()
        written(path, result)
        assert path.read_bytes() == once
        return once.decode()

    return write


def test_the_table_has_a_line_per_reading_and_states_what_is_open():
    assert readings_table(FOUND, "tool.nclue-contract.readings") == NEW
    assert tomllib.loads(NEW)["tool"]["nclue-contract"]["readings"] == {"path-characters": "page-2026", "name-edge": "99"}


def test_a_missing_file_is_created(tmp_path):
    written(tmp_path / "pyproject.toml", FOUND)
    assert (tmp_path / "pyproject.toml").read_text() == NEW
    assert [file.name for file in tmp_path.iterdir()] == ["pyproject.toml"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", NEW),
        ("\n", f"\n{NEW}"),
        ('[project]\nname = "x"\n', f'[project]\nname = "x"\n\n{NEW}'),
        ('[project]\nname = "x"', f'[project]\nname = "x"\n\n{NEW}'),
        ("[tool.nclue-contract]\nstrict = true\n", f"[tool.nclue-contract]\nstrict = true\n\n{NEW}"),
        (OLD, NEW),
        (OLD.rstrip("\n"), NEW),
        (HEAD, NEW),
        (f"{HEAD}  # pinned by hand\n\n\n[project]\n", f"{NEW}\n\n[project]\n"),
        (
            f"# first\n\n{OLD}\n# about ruff\n[tool.ruff]\nline-length = 99\n",
            f"# first\n\n{NEW}\n# about ruff\n[tool.ruff]\nline-length = 99\n",
        ),
        (f"{OLD}# about ruff\n[tool.ruff]\n", f"{NEW}# about ruff\n[tool.ruff]\n"),
        (f'{OLD}\nname-edge = "100"\n\n# last', f"{NEW}\n# last"),
        (f"{OLD}  [tool.ruff]\n  line-length = 99\n", f"{NEW}  [tool.ruff]\n  line-length = 99\n"),
        (f"{OLD}[[tool.mypy.overrides]]\nstrict = true\n", f"{NEW}[[tool.mypy.overrides]]\nstrict = true\n"),
        (f"{NEW}\n[z]\n", f"{NEW}\n[z]\n"),
    ],
    ids=[
        "empty",
        "an empty line",
        "at the end",
        "no line feed at the end",
        "beside other settings of ours",
        "the same table",
        "the same table without a line feed",
        "an empty table",
        "an empty table with a comment",
        "in the middle",
        "a comment right behind",
        "an empty line inside",
        "an indented table behind",
        "an array of tables behind",
        "the table of an earlier probe",
    ],
)
def test_the_table_gets_its_place_and_nothing_else_changes(write, before, after):
    assert write(before) == after


def test_line_ends_of_windows_stay(write):
    before = f"[project]\n\n{OLD}\n[tool.ruff]\n".replace("\n", "\r\n")
    assert write(before) == f"[project]\n\n{NEW}\n[tool.ruff]\n".replace("\n", "\r\n")


def test_comments_and_letters_beyond_ascii_stay(write):
    before = '# 한글 \u2028[not a table]\n[project]\n\'키\' = """\n[x]\n"""\n'
    assert write(before) == f"{before}\n{NEW}"


def test_the_settings_are_those_that_commands_use_then(write, tmp_path):
    write(f"{OLD}\n[tool.nclue-contract]\nstrict = true\n")
    settings = load(tmp_path)
    assert settings.readings == {"path-characters": "page-2026", "name-edge": "99"}
    assert settings.strict is True


@pytest.mark.parametrize(
    "text",
    [
        'tool.nclue-contract.readings.path-del = "allowed"\n',
        '[tool.nclue-contract]\nreadings = {path-del = "allowed"}\n',
        '[tool.nclue-contract]\nreadings.path-del = "allowed"\n',
        '[tool]\nnclue-contract.readings.path-del = "allowed"\n',
        '[tool.nclue-contract]\nreadings = "none"\n',
        "[tool]\nnclue-contract = []\n",
        "tool = 7\n",
        '["tool".nclue-contract.readings]\npath-del = "allowed"\n',
        '[ tool . nclue-contract . readings ]\npath-del = "allowed"\n',
        f'{HEAD}\npath-del = """\n[allowed]\n"""\n',
        f'[project]\ndescription = """\n{HEAD}\n"""\n',
        f"{HEAD}\n[tool.nclue-contract.readings.path-del]\nx = 1\n",
    ],
    ids=[
        "dotted keys",
        "an inline table",
        "a dotted key in our table",
        "a dotted key above it",
        "a string",
        "an array",
        "a number",
        "a quoted name",
        "a name with spaces",
        "a string over several lines",
        "a string that looks like the table",
        "a table inside",
    ],
)
def test_a_form_that_cannot_be_replaced_is_rejected_and_the_file_stays(tmp_path, text):
    path = tmp_path / "pyproject.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"^--write: .*pyproject\.toml has readings in a form .* --format toml$"):
        written(path, FOUND)
    assert path.read_text() == text
    assert [file.name for file in tmp_path.iterdir()] == ["pyproject.toml"]


@pytest.mark.parametrize("data", [b"hello", b"\xff = 1", b"x = " + b"[" * 5000, b"a = 1\na = 2\n"])
def test_a_file_that_is_no_toml_is_rejected_and_stays(tmp_path, data):
    path = tmp_path / "pyproject.toml"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"^--write: .*pyproject\.toml cannot be read as TOML: "):
        written(path, FOUND)
    assert path.read_bytes() == data


def test_a_link_to_the_file_stays_a_link(tmp_path):
    real = tmp_path / "real.toml"
    real.write_text("[project]\n")
    link = tmp_path / "pyproject.toml"
    link.symlink_to(real)
    written(link, FOUND)
    assert link.is_symlink()
    assert real.read_text() == f"[project]\n\n{NEW}"
