"""When a test fails that would have passed without the plugin, and what it shows then."""

import socket

import pytest

pytest_plugins = ("pytester", "tests.support.plugin_project")


@pytest.fixture(autouse=True)
def no_names(monkeypatch):
    """Resolve no host name, so that a missing guard causes no request to the real host."""
    look_up = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *rest, **options: look_up(host, *rest, **options) if host == "127.0.0.1" else []
    )


each_fixture = pytest.mark.parametrize("adapter", ["nclue_mock", "nclue_server"])


# -- requests that break the contract -------------------------------------------------------------------------------------------------


def test_an_ignored_rejection_fails_the_test_with_the_finding_its_place_and_a_suggestion(project):
    result = project.run(
        """
        def test_it(nclue_mock, nclue_task_request):
            send(nclue_mock.url, nclue_task_request | {"train_file_path": "churn/a=b.csv"})
        """
    )
    result.assert_outcomes(failed=1)
    project.shows(
        result,
        """
        ___________________________________ test_it ____________________________________
        NC120 path-character: a request breaks the contract

        request 1: POST /api/v1/tasks, response 422 with code 10104, sent by client.py:7 in send

        error NC120 path-character
          train_file_path holds '=' (U+003D EQUALS SIGN) at offset 7 (contested: Create
          task (KO, JA), Guide (nclue-run-vpc) and Create task (KO 2026) allow it; if
          that is right, pin path-characters=page-2025)
            │ churn/a=b.csv
            │        ^
          response:   422 with code 10104
          suggestion: churn/a-b.csv
          pin:        --nclue-reading path-characters=page-2025
          page:       Create task, Request body, train_file_path and test_file_path

        If the test sends this on purpose: @pytest.mark.nclue(allow=["NC120"])
        If you know that NCLUE accepts it: --nclue-reading path-characters=page-2025, or [tool.nclue-contract.readings]
        =========================== short test summary info ============================
        FAILED test_it.py::test_it - Failed: NC120 path-character: a request breaks t...
        """,
    )


def test_the_advice_works(project):
    tests = """
    PATH = {"train_file_path": "a=b.csv"}

    @pytest.mark.nclue(allow=["NC120"])
    def test_allowed(nclue_mock, nclue_task_request):
        assert send(nclue_mock.url, nclue_task_request | PATH).status_code == 422

    def test_pinned(nclue_mock, nclue_task_request):
        send(nclue_mock.url, nclue_task_request | PATH)
    """
    project.run(tests).assert_outcomes(passed=1, failed=1)
    project.run(tests, "--nclue-reading=path-characters=page-2025", "-k", "pinned").assert_outcomes(passed=1, deselected=1)


@each_fixture
@pytest.mark.parametrize(
    ("request_", "rules"),
    [
        pytest.param('client.post(url, json={"name": "n"})', ["NC101"], id="payload"),
        pytest.param("client.post(url, content=b'{')", ["NC001"], id="JSON"),
        pytest.param("client.get(url, auth=None)", ["NC200"], id="no signature"),
        pytest.param('client.get(url, auth=Signer(Credentials("OTHER", "secret")))', ["NC209"], id="unknown key"),
        pytest.param("client.get(url, auth=Signer(keys, clock=lambda: 1))", ["NC203"], id="old timestamp"),
        pytest.param("client.post(url, json=[], auth=None)", ["NC200", "NC100"], id="signature and payload at once"),
        ('client.get(url + "?limit=0&index=x")', ["NC505"]),
    ],
)
def test_every_part_of_a_request_is_validated(project, adapter, request_, rules):
    result = project.run(
        f"""
        import httpx
        from nclue_contract.clients import Signer
        from nclue_contract.signing import Credentials

        def test_it({adapter}, nclue_credentials):
            keys, url = nclue_credentials, {adapter}.url + "/tasks"
            with httpx.Client(auth=Signer(keys), verify=False) as client:
                {request_}
        """
    )
    result.assert_outcomes(failed=1)
    for rule in rules:
        result.stdout.fnmatch_lines([f"error {rule} *"])


@each_fixture
def test_the_report_says_what_the_signer_does_wrong(project, adapter):
    result = project.run(
        f"""
        import httpx
        from nclue_contract.signing import Credentials, now_ms, signed_headers

        def test_wrong({adapter}, nclue_credentials):
            headers = signed_headers("GET", "/api/v1/tasks", nclue_credentials, now_ms() // 1000)
            del headers["x-ncp-apigw-signature-v2"]
            headers["x-ncp-apigw-signature"] = "CANARY"
            httpx.get({adapter}.url + "/tasks", headers=headers, verify=False)

        def test_mismatch({adapter}, nclue_credentials):
            now = now_ms() + 9 * 3_600_000
            headers = signed_headers("GET", "/api/v1/tasks", nclue_credentials, now)
            httpx.get({adapter}.url + "/tasks?limit=1", headers=headers, verify=False)
        """
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "error NC200 header-missing*",
            "signer: the timestamp is in seconds instead of milliseconds",
            "signer: a header with a similar name is not read: send it as*",
            "        x-ncp-apigw-signature-v2",
            "error NC208 signature-mismatch*",
            "*without the query*",
            "signer: the timestamp is 9 hours ahead, as much as a time zone:*",
        ]
    )
    result.stdout.no_fnmatch_line('*CANARY[!"]*')
    assert str(result.stdout).count("signed without the query") <= 2, "what an error says is not repeated"


@each_fixture
def test_an_allowed_signature_is_not_explained(project, adapter):
    result = project.run(
        f"""
        import httpx, pytest
        from nclue_contract.signing import now_ms, signed_headers

        @pytest.mark.nclue(allow=["NC203"])
        def test_it({adapter}, nclue_credentials):
            headers = signed_headers("GET", "/api/v1/tasks?limit=x", nclue_credentials, now_ms() + 9 * 3_600_000)
            httpx.get({adapter}.url + "/tasks?limit=x", headers=headers, verify=False)
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["error NC505 *"])
    result.stdout.no_fnmatch_line("*signer:*")


@each_fixture
def test_a_valid_request_that_is_rejected_is_no_violation_of_the_client(project, adapter):
    result = project.run(
        f"""
        def test_it({adapter}, nclue_task_request):
            assert send({adapter}.url, nclue_task_request).status_code == 200
            assert send({adapter}.url, nclue_task_request).status_code == 409
            assert look({adapter}.url, "/tasks/unknown").status_code == 404
            assert send({adapter}.url, None, content=b"x" * 1048577).status_code == 413
            {adapter}.fail_next(error="UNEXPECTED_ERROR")
            assert look({adapter}.url).status_code == 500
        """
    )
    result.assert_outcomes(passed=1)


def test_an_injected_failure_does_not_hide_a_broken_request(project):
    result = project.run(
        """
        def test_it(nclue_mock):
            nclue_mock.fail_next(error="RATE_LIMITED")
            assert send(nclue_mock.url, {}).status_code == 429
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["request 1: POST /api/v1/tasks, response 429 with code 420, sent by client.py:7 in send"])


def test_an_injected_fault_neither_hides_nor_causes_a_failure_of_the_client(project):
    result = project.run(
        """
        @pytest.mark.nclue(fault="path-character-allowed:U+007E")
        def test_excused(nclue_mock, nclue_task_request):
            assert send(nclue_mock.url, nclue_task_request | {"train_file_path": "a~b"}).status_code == 200

        @pytest.mark.nclue(fault=["path-character-refused:U+0021", "status-201"])
        def test_reported(nclue_mock, nclue_task_request):
            assert send(nclue_mock.url, nclue_task_request | {"train_file_path": "a!b"}).status_code == 422
            assert send(nclue_mock.url, nclue_task_request).status_code == 201
        """
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["request 1: POST /api/v1/tasks, response 200, sent by *", "FAILED *::test_excused - *"])


def test_many_invalid_requests_are_counted_and_some_of_them_listed(project):
    result = project.run(
        """
        def test_it(nclue_mock):
            for _ in range(7):
                send(nclue_mock.url, [])
        """
    )
    result.stdout.fnmatch_lines(["NC100 body-object: 7 requests break the contract", "request 5: *", "... and 2 more requests"])
    result.stdout.no_fnmatch_line("request 6: *")


def test_a_rule_that_is_broken_late_is_not_lost_behind_many_that_are_allowed(project):
    result = project.run(
        """
        import httpx
        from nclue_contract.clients import Signer

        @pytest.mark.nclue(allow=["NC100"])
        def test_late(nclue_mock, nclue_credentials, nclue_task_request):
            with httpx.Client(auth=Signer(nclue_credentials), verify=False) as client:
                for _ in range(120):
                    client.post(nclue_mock.url + "/tasks", json=[])
                client.post(nclue_mock.url + "/tasks", json=nclue_task_request | {"name": ""})

        def test_many(nclue_mock, nclue_credentials):
            with httpx.Client(auth=Signer(nclue_credentials), verify=False) as client:
                for _ in range(120):
                    client.post(nclue_mock.url + "/tasks", json=[])
        """
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["NC110 name-empty: a request breaks the contract", "request 121: *"])
    result.stdout.fnmatch_lines(["NC100 body-object: 100 or more requests break the contract", "... and 95 more requests"])


def test_a_target_with_control_characters_is_escaped(project):
    result = project.run(
        r"""
        import httpx

        def test_it(nclue_mock):
            with httpx.Client(verify=False) as client:
                client.get(nclue_mock.url, extensions={"target": b"/api/v1/tasks/\x1b[2J" + b"x" * 500})
        """
    )
    result.assert_outcomes(failed=1)
    assert "\x1b" not in result.stdout.str()
    (line,) = (line for line in result.outlines if line.startswith("request 1: "))
    assert line.startswith(r"request 1: GET /api/v1/tasks/\x1b[2Jxxx")
    assert len(line) < 300


def test_a_warning_counts_only_where_warnings_are_errors(project):
    tests = """
    def test_lenient(nclue_mock, nclue_task_request):
        assert send(nclue_mock.url, nclue_task_request | {"train_bucket": "A"}).status_code == 200

    @pytest.mark.nclue(strict=False)
    def test_marked_lenient(nclue_mock, nclue_task_request):
        send(nclue_mock.url, nclue_task_request | {"train_bucket": "A"})

    @pytest.mark.nclue(strict=True)
    def test_marked_strict(nclue_mock, nclue_task_request):
        send(nclue_mock.url, nclue_task_request | {"train_bucket": "A"})
    """
    project.run(tests).assert_outcomes(passed=2, failed=1)
    result = project.run(tests, "--nclue-strict")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["NC130 bucket-name: a request breaks the contract"])


def test_an_ignored_rule_of_the_project_does_not_count(project):
    project.pytester.makepyprojecttoml('[tool.nclue-contract]\nignore = ["bucket-name", "header-missing"]\nstrict = true\n')
    tests = """
    import httpx

    def test_it(nclue_mock, nclue_task_request):
        send(nclue_mock.url, nclue_task_request | {"train_bucket": "A"})
        assert httpx.get(nclue_mock.url + "/tasks", verify=False).status_code == 401
    """
    project.run(tests).assert_outcomes(passed=1)


def test_allowed_rules_are_left_out_and_the_others_are_reported(project):
    result = project.run(
        """
        pytestmark = pytest.mark.nclue(allow="NC11x,path-empty")

        @pytest.mark.parametrize("fields", [{"name": ""}, {"name": "", "train_file_path": "~"}])
        def test_module(nclue_mock, nclue_task_request, fields):
            send(nclue_mock.url, nclue_task_request | fields)

        @pytest.mark.nclue(allow=["NC120"])
        class TestClass:
            def test_class(self, nclue_mock, nclue_task_request):
                send(nclue_mock.url, nclue_task_request | {"train_file_path": "~"})

            @pytest.mark.nclue(strict=True)
            def test_marker_about_something_else(self, nclue_mock, nclue_task_request):
                send(nclue_mock.url, nclue_task_request | {"train_file_path": "~"})

            @pytest.mark.nclue(allow=[])
            def test_closest(self, nclue_mock, nclue_task_request):
                send(nclue_mock.url, nclue_task_request | {"train_file_path": "~"})
        """,
        "-v",
    )
    result.assert_outcomes(passed=3, failed=2)
    result.stdout.fnmatch_lines(["*test_module?fields1? FAILED*", "*test_closest FAILED*", "NC120 path-character: a request breaks *"])
    result.stdout.no_fnmatch_line("error NC110 *")


# -- outcomes -------------------------------------------------------------------------------------------------------------------------


def test_expected_failures_and_skips_stay_what_they_are(project):
    result = project.run(
        """
        @pytest.mark.xfail
        def test_expected(nclue_mock):
            send(nclue_mock.url, [])

        @pytest.mark.xfail(strict=True)
        def test_expected_strictly(nclue_mock):
            send(nclue_mock.url, [])

        @pytest.mark.xfail(strict=True)
        def test_passes_although(nclue_mock, nclue_task_request):
            send(nclue_mock.url, nclue_task_request)

        @pytest.mark.xfail(raises=ValueError)
        def test_another_failure_expected(nclue_mock):
            send(nclue_mock.url, [])

        @pytest.mark.xfail(run=False)
        def test_not_run(nclue_mock):
            send(nclue_mock.url, [])

        def test_skips(nclue_mock):
            send(nclue_mock.url, [])
            pytest.skip("no time")

        @pytest.mark.skip
        def test_skipped(nclue_mock):
            send(nclue_mock.url, [])
        """
    )
    result.assert_outcomes(xfailed=3, failed=2, skipped=2)
    reports = result.reprec.getreports("pytest_runtest_logreport")
    assert [report.nodeid for report in reports if report.skipped and report.sections] == []
    result.stdout.fnmatch_lines(["FAILED *::test_passes_although*", "FAILED *::test_another_failure_expected - Failed: NC100 *"])


def test_a_test_that_fails_anyway_keeps_its_failure_and_gets_the_report_below(project):
    result = project.run(
        """
        def test_it(nclue_mock):
            answer = send(nclue_mock.url, [])
            assert answer.json()["task_id"]
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E       KeyError: 'task_id'",
            "*- nclue-contract -*",
            "NC100 body-object: a request breaks the contract",
            "error NC100 body-object",
            "FAILED test_it.py::test_it - KeyError: 'task_id'",
        ]
    )


def test_classes_of_unittest_are_validated_like_functions(project):
    result = project.run(
        """
        import unittest

        class TestIt(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def use(self, nclue_mock):
                self.url = nclue_mock.url

            def test_swallows(self):
                send(self.url, [])

            def test_fails(self):
                send(self.url, [])
                self.assertEqual(1, 2)

            def test_skips(self):
                send(self.url, [])
                self.skipTest("no time")

            @unittest.expectedFailure
            def test_expected(self):
                send(self.url, [])
                self.fail()
        """
    )
    result.assert_outcomes(failed=2, skipped=1, xfailed=1)
    result.stdout.fnmatch_lines(
        [
            "E * AssertionError: 1 != 2",
            "*- nclue-contract -*",
            "NC100 body-object: a request breaks the contract",
            "* TestIt.test_swallows *",
            "NC100 body-object: a request breaks the contract",
            "FAILED *::test_fails - AssertionError: 1 != 2",
            "FAILED *::test_swallows - Failed: NC100 *",
        ]
    )


def test_fixtures_are_validated_too(project):
    result = project.run(
        """
        @pytest.fixture
        def before(nclue_mock):
            send(nclue_mock.url, [])

        @pytest.fixture
        def before_and_fails(nclue_mock):
            send(nclue_mock.url, [])
            raise RuntimeError

        @pytest.fixture
        def afterwards(nclue_mock):
            yield
            send(nclue_mock.url, [])

        def test_before(before):
            pass

        def test_before_and_fails(before_and_fails):
            pass

        def test_afterwards(afterwards):
            pass

        def test_next(nclue_mock):
            pass
        """
    )
    result.assert_outcomes(failed=1, errors=2, passed=2)
    result.stdout.fnmatch_lines(
        [
            "* ERROR at setup of test_before_and_fails *",
            "NC100 body-object: a request breaks the contract",
            "* ERROR at teardown of test_afterwards *",
            "NC100 body-object: a request breaks the contract",
            "* test_before *",
            "NC100 body-object: a request breaks the contract",
        ]
    )


def test_each_test_fails_for_its_own_requests_only(project):
    result = project.run(
        """
        @pytest.fixture(scope="session")
        def session(nclue_server_url):
            send(nclue_server_url, [])

        def test_first(session, nclue_server):
            pass

        def test_second(session, nclue_server):
            pass

        def test_bare_url(nclue_server_url):
            send(nclue_server_url, [])

        def test_by_name(request):
            send(request.getfixturevalue("nclue_server").url, [])

        def test_by_name_right(request, nclue_task_request):
            send(request.getfixturevalue("nclue_mock").url, nclue_task_request)
        """,
        "-v",
    )
    result.assert_outcomes(failed=3, passed=2)
    result.stdout.fnmatch_lines(["*::test_second PASSED*", "*::test_by_name_right PASSED*"])


def test_what_is_sent_between_two_tests_is_no_fault_of_the_next(project):
    late = """
    import pytest
    from client import send

    @pytest.fixture
    def url(nclue_server_url, request):
        request.config.url = nclue_server_url

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(nodeid):
        if nodeid.endswith("first"):
            send(CONFIG[0].url, [])

    CONFIG = []

    def pytest_configure(config):
        CONFIG.append(config)
    """
    tests = """
    def test_first(url):
        pass

    def test_second(url):
        pass
    """
    project.run(tests, conftest=late).assert_outcomes(passed=2)


def test_a_test_that_is_run_again_is_guarded_and_validated_again(project):
    again = """
    from _pytest.runner import runtestprotocol

    def pytest_runtest_protocol(item, nextitem):
        for _ in range(2):
            item._initrequest()
            reports = runtestprotocol(item, nextitem=nextitem, log=False)
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        return True
    """
    tests = """
    import socket

    TIMES = []

    def test_host(request):
        request.getfixturevalue("nclue_task_request")
        request.getfixturevalue("nclue_validate")
        TIMES.append("once more")
        if len(TIMES) == 2:
            with pytest.raises(AssertionError):
                socket.getaddrinfo("nclue.apigw.ntruss.com", 443)

    def test_request(nclue_mock, nclue_task_request):
        TIMES.append("once more")
        send(nclue_mock.url, [] if len(TIMES) == 3 else nclue_task_request)
    """
    result = project.run(tests, conftest=again)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["FAILED *::test_host - Failed: a call to nclue*"])


def test_requests_of_other_threads_count(project):
    result = project.run(
        """
        from concurrent.futures import ThreadPoolExecutor

        def test_it(nclue_mock):
            with ThreadPoolExecutor(1) as pool:
                pool.submit(send, nclue_mock.url, []).result()
        """
    )
    result.assert_outcomes(failed=1)


def test_workers_of_xdist_report_the_same(project):
    result = project.run_apart(
        """
        @pytest.mark.parametrize("number", range(4))
        def test_it(nclue_server, number, nclue_task_request):
            send(nclue_server.url, nclue_task_request if number % 2 else [])
            assert len(nclue_server.requests) == 1

        @pytest.mark.nclue(allow=["NC999"])
        def test_wrong_marker():
            pass
        """,
        "-n1",
        plugins=["xdist.plugin"],
    )
    result.assert_outcomes(passed=2, failed=2, errors=1)
    result.stdout.fnmatch_lines(
        ["test_it.py::test_wrong_marker: @pytest.mark.nclue*", "request 1: POST /api/v1/tasks, response 400 with code 100"]
    )


# -- calls to the real host -----------------------------------------------------------------------------------------------------------

CALLS = """
import socket

def swallow():
    try:
        socket.getaddrinfo("nclue.apigw.ntruss.com", 443)
    except BaseException:
        pass

def test_uses_us(nclue_task_request):
    swallow()

def test_does_not():
    swallow()

@pytest.mark.nclue(guard="on")
def test_marked_on():
    swallow()

@pytest.mark.nclue(strict=True)
def test_marked_otherwise():
    swallow()

@pytest.mark.nclue(guard="off")
def test_marked_off(nclue_task_request):
    swallow()
"""


@pytest.mark.parametrize(
    ("options", "failed"),
    [
        ([], ["test_uses_us", "test_marked_on"]),
        (["--nclue-guard=auto"], ["test_uses_us", "test_marked_on"]),
        (["--nclue-guard=on"], ["test_uses_us", "test_does_not", "test_marked_on", "test_marked_otherwise"]),
        (["--nclue-guard=off"], ["test_marked_on"]),
        (["-o", "nclue_guard=on"], ["test_uses_us", "test_does_not", "test_marked_on", "test_marked_otherwise"]),
        (["-o", "nclue_guard=on", "--nclue-guard=off"], ["test_marked_on"]),
    ],
    ids=lambda value: " ".join(value) or "default",
)
def test_a_swallowed_call_to_the_real_host_fails_the_tests_that_are_guarded(project, options, failed):
    result = project.run(CALLS, *options)
    assert {line.split()[1].partition("::")[2] for line in result.outlines if line.startswith("FAILED")} == set(failed)


def test_a_call_to_the_real_host_is_reported_with_advice(project):
    result = project.run(
        """
        import socket

        def test_swallowed(nclue_task_request):
            with pytest.raises(AssertionError):
                socket.getaddrinfo("nclue.apigw.ntruss.com", 443)

        def test_raised(nclue_task_request):
            socket.getaddrinfo("nclue.apigw.ntruss.com", 443)

        def test_other(nclue_task_request):
            with pytest.raises(AssertionError):
                socket.getaddrinfo("nclue.apigw.ntruss.com", 443)
            assert nclue_task_request == 1
        """
    )
    result.assert_outcomes(failed=3)
    project.shows(
        result,
        """
        ________________________________ test_swallowed ________________________________
        a call to nclue.apigw.ntruss.com, where tasks are billed, was blocked, and the client continued

        httpx and httpx2 are served by nclue_contract.mock (in pytest the fixture
        nclue_mock). Every other client, such as requests, aiohttp or urllib3, is
        served by a server on loopback: the fixture nclue_server, or nclue-contract
        serve; set the base URL of the client to its url. To call the real service:
        @pytest.mark.nclue(guard="off").
        _________________________________ test_raised __________________________________
        """,
    )
    result.stdout.fnmatch_lines(["E *RealHostError: this test called nclue.apigw.ntruss.com, *", "*- nclue-contract -*", "a call to *"])
    assert len([line for line in result.outlines if line.startswith("a call to")]) == 2  # a call that raised is reported already


# -- assertions about reports ---------------------------------------------------------------------------------------------------------

NAME_MISSING = """
error NC101 required
  name is missing
  response:   400, 404, 409 or 422 (no code documented)
  page:       Create task, Request body
"""


@pytest.mark.parametrize(
    "assertion",
    [
        "assert validate_request(payload).ok",
        "assert not validate_request(payload).findings",
        "report = validate_request(payload)\n            assert report.ok",
        "assert nclue_validate(payload).ok",
        "assert nclue_validate.validate_request_json(b'{}').ok",
        "nclue_validate(payload).raise_for_errors()",
        "assert nclue_validate(payload)",
    ],
)
def test_a_failed_assertion_about_a_report_shows_it(project, assertion):
    result = project.run(
        f"""
        from nclue_contract import validate_request

        def test_it(nclue_validate):
            payload = {{"train_feature_id": "", "train_bucket": "", "train_file_path": ""}}
            {assertion}
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*- nclue-contract -*", "error NC101 required"])
    project.shows(result, NAME_MISSING)


def test_a_comparison_of_reports_lists_what_only_one_of_them_has(project):
    result = project.run(
        """
        from nclue_contract import Report, validate_request

        def test_equal():
            payload = {"name": "n", "train_feature_id": "", "train_bucket": "", "train_file_path": ""}
            left, right = validate_request(payload | {"name": 1}), validate_request(payload | {"name": ""})
            assert left == right

        def test_different():
            assert Report() != Report()

        def test_other():
            assert Report() == 1
        """
    )
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        [
            "E * <Report: *> == <Report: *>",
            "E * only on the left: error NC102 name is a number, not a string",
            "E * only on the right: error NC110 name is empty; at least 1 character is required",
            "E * <Report: 0 errors, 0 warnings> != <Report: 0 errors, 0 warnings>",
            "E * <Report: 0 errors, 0 warnings> == 1",
        ]
    )


def test_an_empty_report_is_not_printed(project):
    result = project.run(
        """
        def test_it(nclue_validate, nclue_task_request):
            report = nclue_validate(nclue_task_request)
            assert not report.ok
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*- nclue-contract -*")


def test_equal_reports_are_printed_once_and_many_of_them_cut(project):
    result = project.run(
        """
        from nclue_contract import validate_request

        def test_it():
            reports = first, again, *others = [validate_request({"name": name}) for name in (1, 2, "", None, [], "x" * 101)]
            a, b, c, d = others
            assert first.ok
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["... and 2 more reports"])
    assert len([line for line in result.outlines if line == "  name is a number, not a string"]) == 1
