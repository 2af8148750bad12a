"""Recordings that a suite uses: the marker, the option and the ini option, beside vcrpy, pytest-recording and xdist."""

import functools

import pytest

from nclue_contract.service.service import Service
from nclue_contract.service.uvicorn_server import LoopbackServer
from tests.support.payloads import PAYLOAD
from tests.support.recordings import create, error, get, har, task, vcrpy
from tests.support.signing import ACCESS, SECRET

pytest_plugins = ("pytester", "tests.support.plugin_project")

GOOD = [create(), get(task("pending"), at=1)]
BROKEN = [*GOOD, create(PAYLOAD | {"train_file_path": "a~b.tsv"}, error("10104"), status=422, at=2)]


@pytest.fixture
def cassettes(project):
    folder = project.path / "cassettes"
    folder.mkdir()
    (folder / "a.yaml").write_bytes(vcrpy(GOOD))
    (folder / "b.yaml").write_bytes(vcrpy(BROKEN))
    (folder / "other.har").write_bytes(har([create(origin="https://api.example.com", headers={})]))
    return folder


MARKED = """
    @pytest.mark.nclue_traffic({})
    def test_it():
        pass
"""


@pytest.mark.usefixtures("cassettes")
def test_a_marked_test_fails_for_its_recordings_and_names_the_exchange(project):
    result = project.run(MARKED.format('"cassettes/*.yaml"'))
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "cassettes/b.yaml:*: error NC120 path-character",
            "  train_file_path holds '~' (U+007E TILDE) at offset 1",
            "  in:         request of entry 2, POST /api/v1/tasks (response 422)",
            "5 exchanges: 4 valid, 1 invalid (1 error)*",
        ]
    )
    project.run(MARKED.format('"cassettes/a.yaml"')).assert_outcomes(passed=1)


@pytest.mark.usefixtures("cassettes")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ('"none/*.yaml"', "*none/[*].yaml: could not be read: no file matches"),
        ('"cassettes/other.har"', "nothing was judged: the recordings have no exchange with NCLUE or a server on loopback"),
        ("", '*: @pytest.mark.nclue_traffic needs the names of recordings, such as "cassettes/[*].yaml"'),
        ("5", '*: @pytest.mark.nclue_traffic needs the names of recordings, such as "cassettes/[*].yaml"'),
        ('"cassettes", strict=True', "*: @pytest.mark.nclue_traffic(strict=…): unknown; known are side, server"),
        ('"cassettes", side="x"', "*: @pytest.mark.nclue_traffic(side=…): 'x' is not one of both, client, server"),
        ('"cassettes", server="x"', "*: @pytest.mark.nclue_traffic(server=…): 'x' is not a valid URL*"),
    ],
)
def test_what_shows_nothing_is_an_error(project, arguments, says):
    result = project.run(MARKED.format(arguments))
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([says])


@pytest.mark.usefixtures("cassettes")
@pytest.mark.parametrize(
    ("arguments", "marker"),
    [
        ('"cassettes/b.yaml", side="server"', ""),
        ('"cassettes/b.yaml"', '@pytest.mark.nclue(allow=["NC120"])'),
        ('"cassettes", server="https://nclue.apigw.ntruss.com/api/v1", side="server"', ""),
    ],
)
def test_sides_servers_and_allowed_rules_count(project, arguments, marker):
    project.run(f"{marker}\n@pytest.mark.nclue_traffic({arguments})\ndef test_it(): pass").assert_outcomes(passed=1)


@pytest.mark.usefixtures("cassettes")
def test_readings_of_a_test_count_and_a_pin_is_named_as_an_option_of_pytest(project, cassettes):
    exchange = create(PAYLOAD | {"train_file_path": "a=b"}, task("pending") and create().response_body)
    (cassettes / "b.yaml").write_bytes(vcrpy([exchange]))
    test = MARKED.format('"cassettes/b.yaml", side="client"')
    project.run(test).stdout.fnmatch_lines(["  pin:        --nclue-reading path-characters=page-2025"])
    project.run(test, "--nclue-reading", "path-characters=page-2025").assert_outcomes(passed=1)


@pytest.mark.usefixtures("cassettes")
def test_a_test_that_fails_or_is_skipped_is_not_judged(project):
    result = project.run(
        """
        @pytest.mark.nclue_traffic("cassettes/b.yaml")
        def test_failing():
            assert False

        @pytest.mark.nclue_traffic("cassettes/b.yaml")
        def test_skipped():
            pytest.skip()
        """
    )
    result.assert_outcomes(failed=1, skipped=1)


# -- all recordings of a suite -----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("cassettes")
@pytest.mark.parametrize("way", ["option", "ini", "workers"])
def test_all_recordings_of_a_suite_are_judged_at_the_end(project, way):
    run, options = project.run, ["--nclue-traffic", "cassettes/*.yaml"]
    if way == "ini":
        project.pytester.makeini("[pytest]\nnclue_traffic = cassettes/*.yaml\n")
        options = []
    if way == "workers":
        run, options = functools.partial(project.run_apart, plugins=["xdist"]), [*options, "-n2"]
    result = run("def test_it(): pass", *options)
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    text = result.stdout.str()
    assert text.count("recorded traffic with NCLUE") == 1
    assert text.count("error NC120 path-character") == 1
    assert "FAILED: recorded traffic breaks the contract, or could not be judged (nclue_traffic)" in text
    (project.path / "cassettes" / "b.yaml").write_bytes(vcrpy(GOOD))
    assert run("def test_it(): pass", *options).ret == pytest.ExitCode.OK


def test_recordings_that_are_not_there_fail_the_run(project):
    result = project.run("def test_it(): pass", "--nclue-traffic", "cassettes/*.yaml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["cassettes/[*].yaml: could not be read: no file matches"])


def test_a_run_without_them_prints_nothing(project):
    assert "traffic" not in project.run("def test_it(): pass").stdout.str()


# -- beside other plugins ----------------------------------------------------------------------------------------------------------------


CLIENT_TEST = """
    import requests
    from nclue_contract.clients import Signer
    from nclue_contract.signing import EXAMPLE

    {fixture}
    {marker}
    @pytest.mark.nclue_traffic("cassettes/**/*.yaml")
    @pytest.mark.parametrize("path", ["a.tsv", "a~b.tsv"])
    def test_client(path):
        payload = {payload} | {{"train_file_path": path}}
        response = requests.post("{url}/tasks", json=payload, auth=Signer(EXAMPLE))
        assert response.status_code in (200, 422)
"""
VCRPY = """
    import vcr

    @pytest.fixture
    def recording():
        with vcr.use_cassette("cassettes/recorded.yaml", record_mode="all"):
            yield
"""


@pytest.mark.parametrize(
    ("plugins", "fixture", "marker", "options"),
    [
        (("pytest_recording.plugin",), "", "@pytest.mark.vcr", ["--record-mode=rewrite"]),
        ((), VCRPY, '@pytest.mark.usefixtures("recording")', []),
    ],
    ids=["pytest-recording", "vcrpy"],
)
def test_a_cassette_that_the_test_records_is_judged_when_it_has_been_written(project, plugins, fixture, marker, options):
    """The first test passes, since only its own request is recorded by then."""
    with LoopbackServer(Service({ACCESS: SECRET})) as server:
        test = CLIENT_TEST.format(fixture=fixture, marker=marker, payload=PAYLOAD, url=server.url)
        result = project.run_apart(test, "-rA", *options, plugins=plugins)
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["ERROR test_it.py::test_client?a~b.tsv?*"])
    assert result.stdout.str().count("error NC120 path-character") == 1
    assert list((project.path / "cassettes").rglob("*.yaml"))
