"""A clock that a user's test has stopped stops neither our server nor the mock, the plugin or the check."""

import asyncio
import threading
import time
from contextlib import contextmanager

import httpx
import pytest
import time_machine
from freezegun import freeze_time

from nclue_contract.check.requests import list_request
from nclue_contract.check.transport_http import HttpTransport
from nclue_contract.cli.main import main
from nclue_contract.contract.hosts import Target
from nclue_contract.contract.real_time import RunningClock, monotonic
from nclue_contract.mock import mock
from nclue_contract.service.service import Service
from nclue_contract.service.uvicorn_server import LoopbackServer
from nclue_contract.signing import EXAMPLE
from tests.support.server_process import running
from tests.support.stub_servers import listening, url

pytest_plugins = ("pytester", "tests.support.plugin_project")

DEADLINE = 60
"""Seconds after which a call hangs; none takes more than two."""


@contextmanager
def travelled():
    with time_machine.travel("2012-01-14", tick=False):
        yield


FREEZERS = {"freezegun": lambda: freeze_time("2012-01-14"), "time-machine": travelled}


@pytest.fixture(params=FREEZERS)
def frozen(request):
    """Return what stops the clock within a `with` statement."""
    return FREEZERS[request.param]


def ends(function, *arguments):
    """Call a function in a thread, and return its result; fail where it never ends, since nothing here has a clock to wait with."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function(*arguments)), daemon=True)
    thread.start()
    thread.join(DEADLINE)
    assert not thread.is_alive(), "it hangs"
    return results[0]


def eventually(condition):
    """Wait until something is so; the clock of this process may stand still, but `sleep` does not."""
    for _ in range(DEADLINE * 1000):
        if condition():
            return True
        time.sleep(0.001)
    return False


def test_the_clocks_go_on(frozen):
    with frozen():
        clock = RunningClock()
        first, first_ms, stopped = monotonic(), clock.now_ms(), time.time()
        assert eventually(lambda: monotonic() > first + 0.05)
        assert clock.now_ms() >= first_ms + 50
        assert time.time() == stopped, "the test has stopped its clock"


def test_a_clock_that_goes_on_follows_the_one_of_the_machine():
    before = time.time_ns() // 1_000_000
    now = RunningClock().now_ms()
    assert before <= now <= time.time_ns() // 1_000_000


@pytest.mark.parametrize("moment", ["before", "within", "until the end"])
def test_the_server_starts_responds_and_ends(frozen, moment):
    freezer, server, before = frozen(), LoopbackServer(Service()), set(threading.enumerate())
    if moment == "before":
        freezer.__enter__()
    server.__enter__()
    if moment != "before":
        freezer.__enter__()
    try:
        with httpx.Client() as client:  # whose connection is still open when the server ends
            assert client.get(f"{server.url}/tasks").status_code == 200
            if moment == "within":
                freezer.__exit__(None, None, None)
            server.close()
        assert set(threading.enumerate()) <= before
    finally:
        if moment != "within":
            freezer.__exit__(None, None, None)


def test_the_fixtures_work_in_a_session_whose_clock_stands_still(project):
    project.pytester.makeconftest(
        """
        import threading
        from freezegun import freeze_time

        freezer = freeze_time("2012-01-14")

        def pytest_sessionstart():
            freezer.start()

        def pytest_unconfigure():
            freezer.stop()
            print("left:", [thread.name for thread in threading.enumerate() if thread.name == "nclue-contract"])
        """
    )
    result = project.run_apart(
        """
        from client import look, send

        def test_server(nclue_server, nclue_task_request):
            assert send(nclue_server.url, nclue_task_request).status_code == 200

        def test_mock(nclue_mock, nclue_task_request):
            assert send(nclue_mock.url, nclue_task_request).status_code == 200
            assert look(nclue_mock.url).json()["tasks"][0]["created_at"].startswith("2012-01-14T")
        """
    )
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["left: []"])


def test_a_delay_of_the_mock_ends(frozen):
    async def call():
        async with httpx.AsyncClient() as client:
            return (await client.get(f"{nclue.url}/tasks")).status_code

    with mock() as nclue, frozen():
        nclue.fail_next(error="RATE_LIMITED", delay_s=0.05)
        assert ends(asyncio.run, call()) == 429


def test_a_server_that_drips_does_not_hold_a_check_beyond_its_deadline(frozen):
    gone = threading.Event()

    def drip(connection):
        connection.recv(65536)
        try:
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
            while True:
                connection.sendall(b" ")
                time.sleep(0.01)
        except OSError:
            gone.set()

    with frozen(), listening(drip) as port:
        transport = HttpTransport(Target.parse(url(port)), EXAMPLE, timeout_s=0.2)
        (exchange,) = ends(transport.send, list_request())
        assert exchange.error == "no response within 0.2 s"
        assert gone.wait(DEADLINE)


def test_a_check_of_a_server_ends_and_passes():
    with running("--progress", "seconds:0.1") as server, freeze_time("2012-01-14"):
        assert ends(main, ["check", server.url, "--only", "NC40", "--skip", "NC405", "--quiet", "--lifecycle-timeout", "5"]) == 0
