"""The settings of a project: where they can be set, their precedence, and the messages about mistakes."""

import subprocess
import sys
import tomllib

import pytest

from nclue_contract.pytest_plugin import NEEDS, refusal
from nclue_contract.service.service import Service
from nclue_contract.service.uvicorn_server import LoopbackServer
from nclue_contract.signing import EXAMPLE
from tests.support.tools import ROOT

pytest_plugins = ("pytester", "tests.support.plugin_project")

USAGE_ERROR = 4


# -- versions of pytest ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unset", [None, []])
def test_an_ini_option_that_is_not_set_has_no_effect_in_any_version_of_pytest(project, monkeypatch, unset):
    getini = pytest.Config.getini

    def getini_of_another_version(config, name):
        return unset if name.startswith("nclue_") else getini(config, name)

    monkeypatch.setattr(pytest.Config, "getini", getini_of_another_version)
    result = project.run("def test_it(nclue_validate): assert (nclue_validate.strict, nclue_validate({}).ok) == (False, False)")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("nclue-contract:*")


def test_the_oldest_versions_are_those_that_the_extra_declares():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert extras["pytest"] == [f"{name}>={version}" for name, version in sorted(NEEDS.items())] == ["pluggy>=1.2", "pytest>=7.4"]


@pytest.mark.parametrize("version", ["7.4.0", "7.4.4", "9.2.0", "10.0.0rc1"])
def test_recent_versions_are_accepted(version):
    assert refusal(version) == ""


OLD_PLUGGY = """
def hookimpl(function=None, *, hookwrapper=False, optionalhook=False, tryfirst=False, trylast=False):
    return function
pytest.hookimpl = hookimpl
"""


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("pytest.__version__ = '7.3.2'", "needs pytest 7.4 or later, and 7.3.2 is installed; upgrade it"),
        ("pytest.__version__ = '6.2.5'", "needs pytest 7.4 or later, and 6.2.5 is installed; upgrade it"),
        (OLD_PLUGGY, "needs pluggy 1.2 or later; upgrade it"),
    ],
)
def test_an_older_version_is_refused_in_one_sentence(tmp_path, change, sentence):
    (tmp_path / "old.py").write_text(f"import pytest\n{change}\n")
    (tmp_path / "test_it.py").write_text("def test_it(): pass\n")
    command = [sys.executable, "-m", "pytest", "-pno:cacheprovider", "-pold", "-pnclue_contract.pytest_plugin"]
    environment = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join([str(tmp_path), str(ROOT)])}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path, env=environment)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == f"ERROR: the plugin of nclue-contract {sentence}, or switch the plugin off with -p no:nclue_contract\n"


# -- which of it wins -----------------------------------------------------------------------------------------------------------------

TABLE = '[tool.nclue-contract.readings]\npath-characters = "page-2026"\npath-del = "forbidden"\n'
READINGS = """
def test_{kind}(nclue_validate):
    readings = nclue_validate.readings
    assert (readings["path-characters"], readings.sources["path-characters"]) == {expected!r}
    assert readings["path-del"] == "forbidden"
"""


@pytest.mark.parametrize("form", ["pyproject.toml", "pytest.ini"])
def test_marker_then_command_line_then_ini_then_table_then_default(project, form):
    file = project.path / "pyproject.toml"
    ini = project.path / form
    file.write_text(TABLE)
    expected = ("page-2026", str(file))
    project.run(READINGS.format(kind="table", expected=expected)).assert_outcomes(passed=1)

    toml = form == "pyproject.toml"
    line = '[tool.pytest.ini_options]\nnclue_readings = ["path-characters=page-2025"]\n'
    ini.write_text(TABLE + line if toml else "[pytest]\nnclue_readings =\n  path-characters = page-2025\n")
    expected = ("page-2025", f"nclue_readings in {form}")
    project.run(READINGS.format(kind="ini", expected=expected)).assert_outcomes(passed=1)

    option = "--nclue-reading=path-characters=page-2024"
    expected = ("page-2024", "--nclue-reading")
    project.run(READINGS.format(kind="option", expected=expected), option).assert_outcomes(passed=1)

    marker = '@pytest.mark.nclue(readings={"path-characters": "page-2026"})'
    expected = ("page-2026", "@pytest.mark.nclue")
    project.run(marker + READINGS.format(kind="marker", expected=expected), option).assert_outcomes(passed=1)


def test_without_any_of_them_the_default_applies(project):
    tests = READINGS.format(kind="default", expected=("page-2024", "default")).replace('"forbidden"', '"allowed"')
    project.run(tests).assert_outcomes(passed=1)


def test_the_mock_and_the_server_have_the_readings_of_the_test(project):
    result = project.run(
        """
        @pytest.mark.parametrize("name", ["nclue_mock", "nclue_server"])
        @pytest.mark.nclue(readings={"error-shape": "flat"}, allow=["NC100"])
        def test_it(request, name):
            answer = send(request.getfixturevalue(name).url, [])
            assert answer.json() == {"code": 100, "message": "Bad Request Exception"}
        """,
        "--nclue-reading=error-code-type=integer",
    )
    result.assert_outcomes(passed=2)


def test_of_two_markers_the_closer_one_decides_each_thing(project):
    result = project.run(
        """
        pytestmark = pytest.mark.nclue(readings={"path-characters": "page-2025", "path-del": "forbidden"}, progress="manual")

        @pytest.mark.nclue(readings={"path-characters": "page-2026"})
        def test_it(nclue_validate, nclue_mock, nclue_task_request):
            readings = nclue_validate.readings
            assert (readings["path-characters"], readings["path-del"]) == ("page-2026", "forbidden")
            send(nclue_mock.url, nclue_task_request)
            assert nclue_mock.tasks[0]["status"] == "registered"
        """
    )
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("options", "strict"),
    [([], False), (["-o", "nclue_strict=true"], True), (["--nclue-strict"], True), (["-o", "nclue_strict=false", "--nclue-strict"], True)],
)
def test_strictness_has_the_same_order(project, options, strict):
    tests = f"""
    def test_session(nclue_validate):
        assert nclue_validate.strict is {strict}

    @pytest.mark.nclue(strict={not strict})
    def test_marker(nclue_validate):
        assert nclue_validate.strict is {not strict}
    """
    project.run(tests, *options).assert_outcomes(passed=2)


def test_an_ini_option_is_stronger_than_the_table(project):
    project.pytester.makepyprojecttoml("[tool.nclue-contract]\nstrict = true\n[tool.pytest.ini_options]\nnclue_strict = false\n")
    project.run("def test_it(nclue_validate): assert not nclue_validate.strict").assert_outcomes(passed=1)


# -- output -----------------------------------------------------------------------------------------------------------------------

OF_A_PASSING_TEST = "def test_it(nclue_task_request): pass"


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            ["--nclue-reading=path-del=forbidden", "--nclue-reading=path-empty=refused"],
            "path-del=forbidden (--nclue-reading); path-empty=refused (--nclue-reading)",
        ),
        (["--nclue-strict", "--nclue-guard=on"], "strict; guard on"),
        (["-o", "nclue_guard=off"], "guard off"),
        (["--nclue-url=http://127.0.0.1:9/api/v1/"], "url http://127.0.0.1:9/api/v1 (not reset, requests not validated)"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_one_line_of_the_header_states_what_is_configured(project, options, line):
    result = project.run(OF_A_PASSING_TEST, *options)
    result.stdout.fnmatch_lines([f"nclue-contract: *, contract *; {line}"])


def test_the_header_names_the_file_of_the_table(project):
    file = project.pytester.makepyprojecttoml(f'{TABLE}[tool.nclue-contract]\nignore = ["NC130"]\n')
    result = project.run(OF_A_PASSING_TEST)
    result.stdout.fnmatch_lines(
        [f"nclue-contract: *; path-characters=page-2026 ({file}); path-del=forbidden ({file}); ignored rules: NC130"]
    )


def test_the_header_is_silent_when_nothing_is_configured(project):
    project.pytester.makepyprojecttoml("[dependency-groups]\ntest = ['nclue-contract']\n")
    project.run(OF_A_PASSING_TEST).stdout.no_fnmatch_line("nclue-contract*")


# -- mistakes -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            ["--nclue-reading=path-charakters=page-2025"],
            "--nclue-reading: unknown reading 'path-charakters'; did you mean path-characters?",
        ),
        (["--nclue-reading=path-del=no"], "--nclue-reading: the reading path-del has no option 'no'; it has: allowed, forbidden"),
        (["--nclue-reading=path-del"], "--nclue-reading: 'path-del': write it as ID=OPTION"),
        (["-o", "nclue_readings=path-del"], "-o nclue_readings: 'path-del': write it as ID=OPTION"),
        (["--nclue-guard=always"], "--nclue-guard: 'always' is not one of auto, on, off"),
        (["-o", "nclue_guard=always"], "-o nclue_guard: 'always' is not one of auto, on, off"),
        (["-o", "nclue_strict=maybe"], "-o nclue_strict: *'maybe'*"),
        (["--nclue-url=127.0.0.1:80"], "--nclue-url: '127.0.0.1:80' is *"),
        (["--nclue-url=http://[/"], "--nclue-url: 'http://?/' is *"),
        (["--nclue-url=http:///api/v1"], "--nclue-url: *"),
        (["-o", "nclue_url=http://host:99999/"], "-o nclue_url: *"),
        (["--nclue-coverage-report=report.json"], "--nclue-coverage-report: 'report.json': write it as json:PATH"),
        (["--nclue-coverage-report=json:"], "--nclue-coverage-report: 'json:': write it as json:PATH"),
        (["--nclue-coverage-report=json:gone/report.json"], "--nclue-coverage-report: 'json:gone/report.json': there is no folder gone"),
        (["--nclue-coverage-report=json:."], "--nclue-coverage-report: 'json:.': . is a folder"),
        (["--nclue-coverage-fail-under=101"], "--nclue-coverage-fail-under: 101 is not a percentage from 0 to 100"),
        (["--nclue-coverage-fail-under=nan"], "--nclue-coverage-fail-under: nan is not a percentage from 0 to 100"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_invalid_option_ends_the_run_before_it_begins_with_one_line(project, options, line):
    result = project.run(OF_A_PASSING_TEST, *options)
    assert result.ret == USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {line}"])
    assert len([line for line in result.errlines if line]) == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[tool.nclue-contract.readings]\npath-del = "no"\n', ": the reading path-del has no option 'no'; it has: allowed, forbidden"),
        ("[tool.nclue-contract]\nstrict = 1\n", ": [[]tool.nclue-contract] strict must be true or false"),
        (
            "[tool.nclue_contract]\nstrict = true\n",
            ": the table [[]tool.nclue_contract] is not read; its name must be [[]tool.nclue-contract]",
        ),
        ('[tool.nclue-contract]\nignore = ["NC999"]\n', ": unknown rule 'NC999'; `nclue-contract explain` lists them"),
    ],
    ids=["reading", "type", "slip", "rule"],
)
def test_an_invalid_table_ends_the_run_before_it_begins_with_one_line(project, text, line):
    file = project.pytester.makepyprojecttoml(text)
    result = project.run(OF_A_PASSING_TEST)
    assert result.ret == USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {file}{line}"])
    assert len([line for line in result.errlines if line]) == 1


def test_the_name_of_an_ini_option_is_reported_with_its_file(project):
    project.pytester.makeini("[pytest]\nnclue_readings =\n  path-del=no\n")
    result = project.run(OF_A_PASSING_TEST)
    assert result.ret == USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: nclue_readings in tox.ini: the reading path-del has no option 'no'; *"])


@pytest.mark.parametrize(
    ("marker", "line"),
    [
        ('allow=["NC999"]', "(allow=…): unknown rule 'NC999'; `nclue-contract explain` lists them"),
        ("allow=120", "(allow=…): expected a string or several, not 120"),
        ('readings={"path-dell": "allowed"}', "(readings=…): unknown reading 'path-dell'; did you mean path-del?"),
        ('readings={"path-del": "no"}', "(readings=…): the reading path-del has no option 'no'; it has: allowed, forbidden"),
        ('readings=["path-del"]', '(readings=…): expected a mapping, such as {"path-del": "forbidden"}, not [[]\'path-del\']'),
        ('progress="slow"', "(progress=…): progress 'slow' is none of immediate, seconds:N, reads:N, manual"),
        ('fault="statos-201"', "(fault=…): unknown fault 'statos-201'; did you mean status-201?"),
        (
            'fault=["status-201", "path-character-allowed:x"]',
            "(fault=…): the fault path-character-allowed does not take the argument 'x'; *",
        ),
        ("strict=1", "(strict=…): expected True or False, not 1"),
        ("guard=False", "(guard=…): False is not one of auto, on, off"),
        ("guards='on'", "(guards=…): unknown; known are allow, readings, progress, fault, strict, guard"),
        ("'NC120'", " accepts keyword arguments only, such as allow=[[]\"NC120\"], not 'NC120'"),
    ],
    ids=lambda value: "" if value.startswith(("(", " ")) else value,
)
def test_an_invalid_marker_fails_its_test_by_name_and_no_other(project, marker, line):
    result = project.run(
        f"""
        @pytest.mark.nclue({marker})
        def test_wrong(nclue_mock):
            pass

        def test_right(nclue_mock):
            pass
        """
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([f"test_it.py::test_wrong: @pytest.mark.nclue{line}"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_marker_is_validated_even_where_no_fixture_of_the_plugin_is_used(project):
    result = project.run("@pytest.mark.nclue(guard='of')\ndef test_it(): pass")
    result.assert_outcomes(errors=1)


def test_a_project_that_names_us_nowhere_is_not_bothered_by_files_that_cannot_be_read(project):
    (project.path / "pyproject.toml").write_text("= no TOML")
    below = project.pytester.mkdir("below")
    (below / "pytest.ini").write_text("[pytest]\n")
    (below / "pyproject.toml").mkdir()
    (below / "test_it.py").write_text("def test_it(nclue_task_request): pass\n")
    project.run("", "--rootdir=below", "--config-file=below/pytest.ini", "below").assert_outcomes(passed=1)


# -- a server of one's own ------------------------------------------------------------------------------------------------------------


def test_another_server_is_used_and_not_reset_and_its_requests_are_not_validated(project):
    keys = {EXAMPLE.access_key: EXAMPLE.secret_key}
    tests = """
    def test_url(nclue_server, nclue_server_url):
        assert nclue_server.url == nclue_server_url == URL

    def test_broken(nclue_server):
        assert send(nclue_server.url, []).status_code == 400

    @pytest.mark.parametrize("time", [1, 2])
    def test_names_are_new(nclue_server, nclue_task_request, time):
        assert send(nclue_server.url, nclue_task_request).status_code == 200

    def test_steers(nclue_server):
        nclue_server.advance()

    def test_looks(nclue_server):
        assert nclue_server.requests

    def test_mock(nclue_mock):
        send(nclue_mock.url, [])
    """
    with LoopbackServer(Service(keys)) as server:
        result = project.run(tests.replace("URL", repr(server.url)), f"--nclue-url={server.url}/", "-rs")
        assert len(server.service.store) == 2
    result.assert_outcomes(passed=4, skipped=2, failed=1)
    reason = f"only the private server can be inspected and controlled, and nclue_url names another one: {server.url}"
    result.stdout.fnmatch_lines([f"SKIPPED * {reason}"])


def test_nothing_is_added_to_the_url_of_another_server(project):
    address = "http://127.0.0.1:9"
    project.run(f"def test_it(nclue_server_url): assert nclue_server_url == '{address}'", f"--nclue-url={address}/").assert_outcomes(
        passed=1
    )


def test_the_check_has_the_settings_of_the_project_and_its_own_arguments_take_precedence(project):
    project.pytester.makepyprojecttoml('[tool.nclue-contract.check]\nonly = ["NC110"]\nbudget = 20\nfail-on-untested = true\n')
    from_file = project.run("", "--nclue-check")
    assert sum(from_file.parseoutcomes().values()) == 3
    from_arguments = project.run("", "--nclue-check", "--nclue-check-args=--only NC505")
    from_arguments.stdout.no_fnmatch_line("*name[[]empty*")
    assert from_arguments.ret == 0


def test_settings_of_the_check_that_cannot_be_used_end_the_run_with_one_line(project):
    project.pytester.makepyprojecttoml("[tool.nclue-contract.check]\nbugdet = 20\n")
    result = project.run("", "--nclue-check")
    line = "*pyproject.toml: [[]tool.nclue-contract.check] bugdet must be removed; the nearest option of the check is budget"
    result.stderr.fnmatch_lines([f"ERROR: {line}"])


def test_another_server_can_be_set_in_the_ini_file(project):
    project.pytester.makeini("[pytest]\nnclue_url = http://127.0.0.1:9/api/v1\n")
    project.run("def test_it(nclue_server_url): assert nclue_server_url == 'http://127.0.0.1:9/api/v1'").assert_outcomes(passed=1)
