"""The fixtures of the plugin as tests of a client use them, and what the plugin costs a run that does not use it."""

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from nclue_contract import pytest_plugin
from nclue_contract.signing import EXAMPLE

pytest_plugins = ("pytester", "tests.support.plugin_project")

PLUGIN = "nclue_contract.pytest_plugin"
BASE = "https://nclue.apigw.ntruss.com/api/v1"


# -- a project that does not use it ---------------------------------------------------------------------------------------------------


ENVIRONMENT = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)}


def modules_after(folder, *options):
    script = "import sys, pytest; code = pytest.main(sys.argv[1:]); print('MODULES', *sorted(sys.modules)); sys.exit(code)"
    # Its own temporary folder: else it removes those of earlier runs of all tests, which takes seconds.
    command = [sys.executable, "-c", script, "-q", "-pno:cacheprovider", "-Werror", f"--basetemp={folder / 'temporary'}", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=folder, env=ENVIRONMENT)
    assert done.returncode == 0, done.stdout + done.stderr
    shown, _, modules = done.stdout.partition("MODULES ")
    return shown, set(modules.split())


def test_a_run_that_uses_no_fixture_loads_one_module_and_shows_nothing(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\naddopts = '--strict-markers --strict-config'\n")
    (tmp_path / "test_it.py").write_text("class TestIt:\n    def test_it(self, tmp_path):\n        assert tmp_path\n")
    shown_without, without = modules_after(tmp_path)
    shown_with, with_plugin = modules_after(tmp_path, f"-p{PLUGIN}")
    assert with_plugin - without == {"nclue_contract", "nclue_contract.pytest_plugin"}
    assert shown_with.partition(" in ")[0] == shown_without.partition(" in ")[0]


def test_a_failure_in_such_a_run_looks_as_always(tmp_path):
    (tmp_path / "test_it.py").write_text("def test_it():\n    assert {'a': 1} == {'a': 2}\n")
    command = [sys.executable, "-m", "pytest", "-pno:cacheprovider", "-p", PLUGIN, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path, env=ENVIRONMENT)
    assert "Differing items:" in done.stdout
    assert "nclue" not in done.stdout


def test_the_installed_plugin_is_found_by_its_entry_point(pytester):
    if not any(entry.value == PLUGIN for entry in entry_points(group="pytest11")):
        pytest.skip("the package was installed before it had the entry point")
    pytester.makepyfile("def test_it(nclue_task_request): assert nclue_task_request['name'] == 'churn 2026-11'")
    pytester.runpytest_subprocess("-pno:cacheprovider").assert_outcomes(passed=1)


def test_the_markers_and_options_are_listed_with_what_they_are_for(project):
    project.run("", "--markers").stdout.fnmatch_lines(["@pytest.mark.nclue(allow, readings, progress, fault, strict, guard): *"])
    project.run("", "--help").stdout.fnmatch_lines(
        [
            "NCLUE contract:",
            "  --nclue-url=URL *",
            "  --nclue-coverage-fail-under=PERCENT",
            "  nclue_readings (linelist):",
        ]
    )


def test_every_fixture_is_listed_with_what_it_is_for(project):
    result = project.run("", "--fixtures")
    for name in pytest_plugin.FIXTURES:
        result.stdout.re_match_lines([rf"{name}\b.* -- .*", r"    [A-Z].*\."], consecutive=True)


# -- the mock -------------------------------------------------------------------------------------------------------------------------


def test_the_mock_responds_to_both_libraries_stores_tasks_and_records_requests(project):
    result = project.run(
        f"""
        import httpx, httpx2
        from nclue_contract.clients import Signer

        @pytest.mark.parametrize("library", [httpx, httpx2])
        @pytest.mark.nclue(progress="manual")
        def test_it(nclue_mock, nclue_task_request, nclue_credentials, library):
            assert nclue_mock.url == {BASE!r}
            assert (nclue_mock.tasks, nclue_mock.requests) == ([], [])
            with library.Client(auth=Signer(nclue_credentials), base_url=nclue_mock.url, verify=False) as client:
                assert client.post("/tasks", json=nclue_task_request).status_code == 200
                assert [task["status"] for task in nclue_mock.tasks] == ["registered"]
                assert nclue_mock.advance() == 1
                assert client.get("/tasks/" + nclue_mock.tasks[0]["task_id"]).json()["status"] == "pending"
                nclue_mock.fail_next(error="RATE_LIMITED")
                assert client.get("/tasks").status_code == 429
            assert [(sent["method"], sent["status"], sent["rules"]) for sent in nclue_mock.requests] == [
                ("POST", 200, []), ("GET", 200, []), ("GET", 429, [])
            ]
            assert dict(nclue_mock.requests[0]["headers"])["x-ncp-apigw-signature-v2"] == "***"
        """,
    )
    result.assert_outcomes(passed=2)


@pytest.mark.parametrize("adapter", ["nclue_mock", "nclue_server"])
def test_a_request_without_signature_is_rejected_like_by_nclue(project, adapter):
    result = project.run(
        f"""
        import httpx

        @pytest.mark.nclue(allow=["NC200"])
        def test_it({adapter}):
            answer = httpx.get({adapter}.url + "/tasks", verify=False)
            assert (answer.status_code, answer.json()["error"]["errorCode"]) == (401, "10100")
        """,
    )
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("adapter", ["nclue_mock", "nclue_server"])
def test_a_project_can_bring_its_own_key_pair_or_none(project, adapter):
    own = """
    import pytest
    from nclue_contract.signing import Credentials

    @pytest.fixture(scope="session")
    def nclue_credentials():
        return {}
    """
    tests = f"""
    import httpx
    from nclue_contract.clients import Signer
    from nclue_contract.signing import Credentials, EXAMPLE

    def status(url, keys):
        with httpx.Client(auth=keys and Signer(keys), verify=False) as client:
            return client.get(url + "/tasks").status_code

    @pytest.mark.nclue(allow=["NC209"])
    def test_own({adapter}):
        assert status({adapter}.url, Credentials("OWN", "secret")) == 200
        assert status({adapter}.url, EXAMPLE) == 401
    """
    project.run(tests, conftest=own.format('Credentials("OWN", "secret")')).assert_outcomes(passed=1)
    tests = tests.partition("    @pytest")[0] + f"    def test_none({adapter}):\n        assert status({adapter}.url, None) == 200\n"
    project.run(tests, conftest=own.format("None")).assert_outcomes(passed=1)


@pytest.mark.parametrize("order", ["nclue_mock, httpx_mock", "httpx_mock, nclue_mock"])
def test_with_pytest_httpx_the_order_of_the_fixtures_does_not_matter(project, order):
    result = project.run(
        f"""
        import httpx

        def test_it({order}, nclue_task_request):
            httpx_mock.add_response(url="https://other.example/", text="of pytest-httpx")
            assert httpx.get("https://other.example/").text == "of pytest-httpx"
            assert send(nclue_mock.url, nclue_task_request).status_code == 200
            assert len(nclue_mock.requests) == 1
        """,
        plugins=("pytest_httpx",),
    )
    result.assert_outcomes(passed=1)


def test_the_fixtures_have_public_types(project):
    result = project.run(
        """
        from nclue_contract.pytest_plugin import CallableValidator, Mock, ServerControl

        def test_it(nclue_mock, nclue_server, nclue_validate):
            assert [type(nclue_mock), type(nclue_server), type(nclue_validate)] == [Mock, ServerControl, CallableValidator]
        """
    )
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("library", ["requests", "aiohttp", "urllib3"])
def test_a_client_that_the_mock_does_not_serve_is_told_the_fixture_that_does(project, library):
    calls = {
        "requests": "requests.get(url)",
        "urllib3": "urllib3.PoolManager(retries=False).request('GET', url)",
        "aiohttp": "asyncio.run(get(url))",
    }
    result = project.run(
        f"""
        import asyncio
        import {library}

        async def get(url):
            async with {library}.ClientSession() as session:
                await session.get(url)

        def test_it(nclue_mock):
            url = nclue_mock.url + "/tasks"
            {calls[library]}
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["E *RealHostError: *Every other client, such as requests, aiohttp or urllib3, * the fixture nclue_server, *"]
    )


# -- the server -----------------------------------------------------------------------------------------------------------------------


def test_the_server_answers_any_client_and_is_empty_for_each_test(project):
    result = project.run(
        """
        import urllib.request, requests
        from nclue_contract.clients import Signer
        from nclue_contract.signing import signed_headers

        @pytest.fixture(scope="session")
        def urls(nclue_server_url):
            return [nclue_server_url]

        @pytest.mark.parametrize("time", ["first", "second"])
        @pytest.mark.nclue(progress="manual")
        def test_it(nclue_server, nclue_task_request, nclue_credentials, urls, time):
            assert urls == [nclue_server.url]
            assert nclue_server.url.startswith("http://127.0.0.1:") and nclue_server.url.endswith("/api/v1")
            assert (nclue_server.tasks, nclue_server.requests) == ([], [])
            requests.post(nclue_server.url + "/tasks", json=nclue_task_request, auth=Signer(nclue_credentials)).raise_for_status()
            task_id = nclue_server.tasks[0]["task_id"]
            assert nclue_server.advance(task_id) == 1
            assert nclue_server.tasks[0]["status"] == "pending"
            nclue_server.fail_next(error="THROTTLE_LIMITED")
            assert look(nclue_server.url).status_code == 429
            assert [sent["status"] for sent in nclue_server.requests] == [200, 429]
            with pytest.raises(ValueError, match="unknown error 'NOPE'"):
                nclue_server.fail_next(error="NOPE")
            nclue_server.reset()
            assert (nclue_server.tasks, nclue_server.requests) == ([], [])
            assert str(nclue_server) == f"<nclue_server at {nclue_server.url}>"
        """,
    )
    result.assert_outcomes(passed=2)


def test_the_bare_url_keeps_its_tasks_while_others_use_an_empty_service(project):
    result = project.run(
        """
        def test_creates(nclue_server_url, nclue_task_request):
            assert send(nclue_server_url, nclue_task_request).status_code == 200

        def test_sees_nothing_of_that(nclue_server):
            assert look(nclue_server.url).json()["total"] == 0

        def test_comes_back_to_it(nclue_server_url, nclue_task_request):
            assert send(nclue_server_url, nclue_task_request).status_code == 409
        """,
    )
    result.assert_outcomes(passed=3)


def test_the_bare_url_accepts_the_key_pair_of_each_test(project):
    result = project.run(
        """
        import httpx, pytest
        from nclue_contract.clients import Signer
        from nclue_contract.signing import EXAMPLE, Credentials

        def status(url, keys):
            with httpx.Client(auth=Signer(keys) if keys else None) as client:
                return client.get(f"{url}/tasks").status_code

        def test_the_example_pair(nclue_server_url, nclue_task_request):
            assert send(nclue_server_url, nclue_task_request).status_code == 200

        class TestWithoutKeys:
            @pytest.fixture(scope="session")
            @classmethod
            def nclue_credentials(cls):
                return None

            @pytest.fixture
            def before(self, nclue_server_url):
                return status(nclue_server_url, None)

            def test_none_is_needed(self, before, nclue_server_url):
                assert (before, status(nclue_server_url, None)) == (200, 200)

        class TestAnotherPair:
            @pytest.fixture(scope="session")
            @classmethod
            def nclue_credentials(cls):
                return Credentials("EXAMPLEACCESSKEY0002", "EXAMPLEsecretKEY2")

            @pytest.mark.nclue(allow=["NC209"])
            def test_only_that_one_is_accepted(self, nclue_server_url, nclue_credentials):
                assert (status(nclue_server_url, nclue_credentials), status(nclue_server_url, EXAMPLE)) == (200, 401)

        def test_the_example_pair_again_with_its_tasks(nclue_server_url):
            assert look(nclue_server_url).json()["total"] == 1
        """,
    )
    result.assert_outcomes(passed=4)


def test_log_lines_about_a_cut_response_are_suppressed_and_those_about_crashes_are_not(project):
    result = project.run(
        """
        import logging
        from nclue_contract.service.asgi import App

        def said(caplog):
            return [record.getMessage() for record in caplog.records if record.name.startswith("uvicorn")]

        def test_cut(nclue_server, caplog):
            caplog.set_level(logging.DEBUG)
            nclue_server.fail_next(cut=True)
            with pytest.raises(Exception, match="peer closed connection"):
                look(nclue_server.url)
            assert said(caplog) == []

        def test_crash(nclue_server, caplog, monkeypatch):
            monkeypatch.delattr(App, "control")
            look(nclue_server.url.replace("/api/v1", "/_nclue/health"), path="")
            assert said(caplog) == ["Exception in ASGI application\\n"]
            logging.getLogger("uvicorn.error").error("another server")
            assert said(caplog)[1:] == ["another server"]
        """,
    )
    result.assert_outcomes(passed=2)


def test_a_server_that_cannot_start_fails_its_tests_with_the_reason(project):
    result = project.run(
        """
        import uvicorn

        async def end(server, sockets):
            pass

        @pytest.fixture(scope="session", autouse=True)
        def broken():
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(uvicorn.Server, "serve", end)
                yield

        def test_it(nclue_server):
            pass
        """
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["E * RuntimeError: the server on loopback did not start, or not within 30 seconds"])


# -- what any of them can be used by --------------------------------------------------------------------------------------------------


def test_asynchronous_tests_get_responses_and_are_validated(project):
    result = project.run(
        """
        import httpx
        from nclue_contract.clients import Signer

        pytestmark = pytest.mark.anyio

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        @pytest.fixture(params=["nclue_mock", "nclue_server"])
        def nclue(request):
            return request.getfixturevalue(request.param)

        async def create(url, keys, payload):
            async with httpx.AsyncClient(auth=Signer(keys), verify=False) as client:
                return await client.post(url + "/tasks", json=payload)

        async def test_right(nclue, nclue_credentials, nclue_task_request):
            assert (await create(nclue.url, nclue_credentials, nclue_task_request)).status_code == 200

        async def test_wrong(nclue, nclue_credentials):
            assert (await create(nclue.url, nclue_credentials, [])).status_code == 400
        """,
        plugins=["anyio"],
    )
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(["FAILED test_it.py::test_wrong*nclue_mock* - Failed: NC100 body-object: *"])


def test_classes_of_unittest_can_use_them(project):
    result = project.run(
        """
        import unittest

        class TestIt(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def use(self, nclue_mock, nclue_task_request):
                self.nclue, self.payload = nclue_mock, nclue_task_request

            def test_right(self):
                self.assertEqual(send(self.nclue.url, self.payload).status_code, 200)
        """,
    )
    result.assert_outcomes(passed=1)


def test_a_payload_is_fresh_for_each_test_and_keeps_the_contract(project):
    result = project.run(
        """
        @pytest.mark.parametrize("time", ["first", "second"])
        def test_it(nclue_task_request, nclue_validate, time):
            assert nclue_validate(nclue_task_request).findings == ()
            nclue_task_request["name"] = 1
            assert not nclue_validate(nclue_task_request).ok
        """,
    )
    result.assert_outcomes(passed=2)


def test_the_validator_validates_values_and_json_with_the_readings_of_the_test(project):
    result = project.run(
        """
        from nclue_contract import Validator

        def rules(report):
            return [finding.rule for finding in report.errors]

        def test_session(nclue_validate, nclue_task_request):
            assert isinstance(nclue_validate, Validator)
            assert rules(nclue_validate(nclue_task_request | {"train_file_path": "a=b"})) == []
            assert rules(nclue_validate(b"{")) == rules(nclue_validate("{")) == ["NC001"]
            assert rules(nclue_validate.validate_headers({}))[:1] == ["NC200"]

        @pytest.mark.nclue(readings={"path-characters": "page-2024"}, strict=True)
        def test_marker(nclue_validate, nclue_task_request):
            assert rules(nclue_validate(nclue_task_request | {"train_file_path": "a=b", "train_bucket": "A"})) == ["NC130", "NC120"]
            assert nclue_validate.readings.sources["path-characters"] == "@pytest.mark.nclue"
        """,
        "--nclue-reading=path-characters=page-2025",
    )
    result.assert_outcomes(passed=2)


# -- what is missing ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fixture", "module", "line"),
    [
        ("nclue_mock", "respx", "nclue_mock needs httpx and respx, and respx is not installed; run: pip install 'nclue-contract[mock]'"),
        ("nclue_mock", "httpx", "nclue_mock needs httpx and respx, and httpx is not installed; run: pip install 'nclue-contract[mock]'"),
        ("nclue_server", "uvicorn", "nclue_server needs uvicorn, and uvicorn is not installed; run: pip install 'nclue-contract[server]'"),
        (
            "nclue_server_url",
            "uvicorn",
            "nclue_server needs uvicorn, and uvicorn is not installed; run: pip install 'nclue-contract[server]'",
        ),
    ],
)
def test_a_missing_extra_fails_who_needs_it_with_the_line_that_installs_it(project, monkeypatch, fixture, module, line):
    for name in ("nclue_contract.pytest_plugin.fixtures", "nclue_contract.mock", "nclue_contract.service.uvicorn_server"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    result = project.run(
        "",
        test_other=f"""
        def test_other(nclue_validate, nclue_task_request, nclue_credentials):
            assert nclue_validate(nclue_task_request).ok

        def test_it({fixture}):
            pass
        """,
    )
    result.assert_outcomes(passed=1, errors=1)
    project.shows(result, line)
    result.stdout.no_fnmatch_line("*Traceback*")


def test_an_internal_import_error_is_not_reported_as_a_missing_extra(project, monkeypatch):
    monkeypatch.delitem(sys.modules, "nclue_contract.service.uvicorn_server", raising=False)
    monkeypatch.setitem(sys.modules, "nclue_contract.service.asgi", None)
    result = project.run("def test_it(nclue_server): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["E * ModuleNotFoundError: import of nclue_contract.service.asgi halted*"])


# -- the rest of the world ------------------------------------------------------------------------------------------------------------


def test_it_follows_the_naming_rules_of_the_project(project):
    project.pytester.makeini(
        "[pytest]\npython_files = check_*.py\npython_functions = should_*\npython_classes = A_*\nnclue_strict = true\n"
    )
    result = project.run(
        "",
        "--import-mode=importlib",
        check_client="""
        import httpx

        class A_client:
            def should_fail(self, nclue_mock):
                httpx.get(nclue_mock.url + "/tasks", verify=False)

        def should_pass(nclue_validate, nclue_task_request):
            assert nclue_validate.strict
        """,
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["FAILED check_client.py::A_client::should_fail - Failed: NC200 header-missing:*"])


def test_the_debugger_is_entered_after_the_report(project):
    tests = "def test_it(nclue_mock):\n    send(nclue_mock.url, [])\n"
    result = project.run_apart(tests, "--pdb", stdin=b"c\n")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["NC100 body-object: a request breaks the contract", "*entering PDB*", "(Pdb)*", "*1 failed*"])


def test_the_example_credentials_are_what_is_accepted(project):
    tests = f"def test_it(nclue_credentials):\n    assert nclue_credentials.access_key == {EXAMPLE.access_key!r}\n"
    project.run(tests).assert_outcomes(passed=1)
