"""The pytest plugin: fixtures, a marker and options for tests of clients.

A test fails when its client has sent a request that breaks the contract through `nclue_mock` or `nclue_server`, even if the client handles
the error response, and when the client called the real host. In a project that uses none of this, the plugin does nothing. It is loaded in
every run of pytest, so it imports other modules only when they are needed.

For annotations, `Mock`, `ServerControl` and `CallableValidator` are the types of `nclue_mock`, `nclue_server` and `nclue_validate`.

PYTEST_DONT_REWRITE: this module has no assertion.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Generator, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from nclue_contract.mock import Mock
    from nclue_contract.pytest_plugin.fixtures import ServerControl
    from nclue_contract.pytest_plugin.outcome import RunningTest
    from nclue_contract.pytest_plugin.session import PluginSession
    from nclue_contract.pytest_plugin.settings import CallableValidator
    from nclue_contract.service.uvicorn_server import LoopbackServer
    from nclue_contract.signing import Credentials
    from nclue_contract.validation.findings import Report

NEEDS = {"pytest": "7.4", "pluggy": "1.2"}
"""The oldest versions that the plugin works with, as the extra `pytest` declares them; the wrappers below need that pluggy."""


def refusal(pytest_version: str) -> str:
    """Return the sentence that refuses this pytest, or the pluggy below it; empty when both are recent enough."""
    old = []
    if [int(part) for part in pytest_version.split(".")[:2]] < [int(part) for part in NEEDS["pytest"].split(".")]:
        old.append(f"pytest {NEEDS['pytest']} or later, and {pytest_version} is installed")
    try:  # to ask for its version would load modules
        pytest.hookimpl(wrapper=True)
    except TypeError:
        old.append(f"pluggy {NEEDS['pluggy']} or later")
    if not old:
        return ""
    return f"the plugin of nclue-contract needs {' and '.join(old)}; upgrade it, or switch the plugin off with -p no:nclue_contract"


if _refusal := refusal(pytest.__version__):
    # Of any other exception pytest shows a traceback, since it is about to load its plugins.
    sys.stderr.write(f"ERROR: {_refusal}\n")
    warnings.simplefilter("ignore")  # pluggy warns of an exception at this place
    raise SystemExit(4)  # a usage error in pytest

__all__ = ["CallableValidator", "Mock", "ServerControl"]  # the types of the fixtures

FIXTURES = frozenset({"nclue_validate", "nclue_mock", "nclue_server", "nclue_server_url", "nclue_credentials", "nclue_task_request"})
"""The fixtures of this module. In a test that uses one, calls to the real host are blocked by default."""

INI = ("nclue_url", "nclue_readings", "nclue_strict", "nclue_guard", "nclue_traffic")
"""The ini options; each has an equivalent on the command line."""

_NAMED = pytest.StashKey[bool]()
_CONFIGURED = pytest.StashKey[bool]()
_SESSION = pytest.StashKey["PluginSession"]()
_TEST = pytest.StashKey["RunningTest"]()
_PASSED = pytest.StashKey[bool]()


def __getattr__(name: str) -> object:
    # PEP 562: the types of the fixtures are imported when one is first used, so that the plugin costs nothing.
    modules = {"CallableValidator": "pytest_plugin.settings", "Mock": "mock", "ServerControl": "pytest_plugin.fixtures"}
    if name in modules:
        return getattr(import_module(f"nclue_contract.{modules[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


# -- options -------------------------------------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options. Their values are validated when the run begins."""
    group = parser.getgroup("nclue-contract", "NCLUE contract")
    url = "base URL of the server to test with, instead of the private one; it is not reset, and requests to it are not validated"
    strict, reading = "treat warnings as errors", "pin a reading: choose how to interpret the documentation where it is ambiguous"
    guard = "block calls to the real host: auto (in tests that use a fixture of this plugin), on, off"
    group.addoption("--nclue-url", metavar="URL", help=url)
    group.addoption(
        "--nclue-reading", action="append", default=[], dest="nclue_readings", metavar="ID=OPTION", help=f"{reading} (repeatable)"
    )
    group.addoption("--nclue-strict", action="store_true", default=None, help=strict)
    group.addoption("--nclue-guard", metavar="MODE", help=guard)
    group.addoption("--nclue-coverage", action="store_true", help="print which part of the contract the tests have covered")
    group.addoption("--nclue-coverage-report", metavar="json:PATH", help="write the coverage of the contract to a file")
    check = "add the cases of `nclue-contract check` as tests, for the server of --nclue-url or the built-in one"
    group.addoption("--nclue-check", action="store_true", help=check)
    group.addoption("--nclue-check-args", metavar="OPTIONS", help="options of `nclue-contract check`, such as '--file a.tsv --only NC12'")
    traffic = "judge recorded traffic (HAR, cassettes) when all tests have run: a file, folder or glob"
    group.addoption("--nclue-traffic", action="append", default=[], metavar="FILE", help=f"{traffic} (repeatable)")
    floor = "fail when the tests have covered less of the contract than this"
    group.addoption("--nclue-coverage-fail-under", type=float, dest="nclue_coverage_floor", metavar="PERCENT", help=floor)
    parser.addini("nclue_url", url)
    parser.addini("nclue_readings", f"{reading}: lines of ID=OPTION", type="linelist", default=None)
    parser.addini("nclue_strict", strict, type="bool", default=None)
    parser.addini("nclue_guard", guard)
    parser.addini("nclue_traffic", f"{traffic}; one per line, relative to rootdir", type="linelist", default=None)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and validate the settings if there are any. Raises `pytest.UsageError`."""
    config.addinivalue_line(
        "markers",
        "nclue(allow, readings, progress, fault, strict, guard): "
        "how nclue-contract treats a test, such as allow=['NC120'] for one that breaks this rule on purpose",
    )
    config.addinivalue_line(
        "markers",
        'nclue_traffic("cassettes/*.yaml", ..., side, server): '
        "judge recorded traffic after the test, by the contract of NCLUE; names are relative to the folder of the test",
    )
    # The modules that read a pyproject.toml are imported only if one names this package.
    config.stash[_NAMED] = any(_names_package(folder / "pyproject.toml") for folder in (config.rootpath, *config.rootpath.parents))
    config.stash[_CONFIGURED] = _has_options(config)
    if config.stash[_CONFIGURED] or config.stash[_NAMED]:
        settings = _session(config).settings
        config.stash[_CONFIGURED] |= bool(settings.layers or settings.strict or settings.ignore)


def _has_options(config: pytest.Config) -> bool:
    option = config.option
    given = (option.nclue_url, option.nclue_readings, option.nclue_strict, option.nclue_guard, option.nclue_traffic)
    coverage = (option.nclue_coverage, option.nclue_coverage_report, option.nclue_coverage_floor is not None)
    try:
        return any(given) or any(coverage) or any(config.getini(name) not in (None, "", []) for name in INI)  # unset: [] before pytest 8
    except (ValueError, TypeError, pytest.UsageError):
        return True  # a value that pytest cannot use, which is reported when it is read


def _names_package(file: Path) -> bool:
    try:
        text = file.read_bytes()
    except OSError:
        return False
    return b"nclue-contract" in text or b"nclue_contract" in text  # the second is a slip, which is named


def pytest_report_header(config: pytest.Config) -> str | None:
    """Return a line about the settings, or None when nothing is configured."""
    return f"nclue-contract: {_session(config).settings}" if config.stash[_CONFIGURED] else None


def _session(config: pytest.Config) -> PluginSession:
    if _SESSION not in config.stash:
        from nclue_contract.pytest_plugin.session import PluginSession  # noqa: PLC0415  # not in a run that does not use the plugin

        config.stash[_SESSION] = PluginSession(config, named=config.stash[_NAMED])
    return config.stash[_SESSION]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the cases of the contract check, before `-k` and other options select items."""
    if config.option.nclue_check:
        from nclue_contract.pytest_plugin.check_items import collect_items  # noqa: PLC0415  # as above

        items += collect_items(session, _session(config).settings)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Let the controller of xdist run the contract check, once for all workers."""
    if config.option.nclue_check:
        from nclue_contract.pytest_plugin.check_items import CheckPlan, ControllerCheck  # noqa: PLC0415  # as above

        config.pluginmanager.register(ControllerCheck(CheckPlan.of(config, _session(config).settings)))


# -- a test from beginning to end ----------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Validate the requests of a test that uses the plugin, and guard it."""
    uses_fixture = not FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))
    guards_all = item.config.stash[_CONFIGURED] and _session(item.config).settings.guard == "on"
    if not (uses_fixture or guards_all or item.get_closest_marker("nclue")):
        return (yield)
    with _start_test(item, uses_fixture=uses_fixture):
        return (yield)


def _start_test(item: pytest.Item, *, uses_fixture: bool) -> RunningTest:
    names = getattr(item, "fixturenames", [])
    if "nclue_server_url" in names and "_nclue_url_keys" not in names:
        names.insert(0, "_nclue_url_keys")  # before the fixtures of the user that send requests
    item.stash[_TEST] = test = _session(item.config).running_test(item, uses_fixture=uses_fixture)
    return test


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail a test whose marker is invalid."""
    test = item.stash.get(_TEST, None)
    if test is not None and test.error:
        pytest.fail(test.error, pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that passed although its client, in the test or in a fixture, broke the contract."""
    result = yield
    if (test := item.stash.get(_TEST, None)) is not None:
        test.fail()
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test whose fixtures broke the contract after it, while they cleaned up, or whose recordings do; fixtures write these."""
    result = yield
    if (test := item.stash.get(_TEST, None)) is not None:
        test.fail()
    if item.stash.get(_PASSED, False) and item.get_closest_marker("nclue_traffic"):
        from nclue_contract.pytest_plugin.traffic import fail_broken_recordings  # noqa: PLC0415  # as above

        fail_broken_recordings(item, _session(item.config).settings)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a failed test its violations of the contract, and the validation reports among its local variables."""
    report = yield
    test = item.stash.get(_TEST, None)
    if call.when == "call":
        item.stash[_PASSED] = report.passed
    if report.failed and call.excinfo is not None and "nclue_contract.validation.findings" in sys.modules:
        from nclue_contract.pytest_plugin.outcome import TITLE, reports_in  # noqa: PLC0415  # as above

        texts = [reports_in(call.excinfo.tb)]
        if test is not None and call.excinfo.value is not test.failure:
            texts.insert(0, test.violations(call.excinfo.value))
        report.sections += [(TITLE, text) for text in texts if text]
    if test is not None and not (call.when == "setup" and report.passed):
        test.forget()
    return report


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Explain a comparison of two validation reports."""
    findings = sys.modules.get("nclue_contract.validation.findings")
    if findings is None or op not in {"==", "!="} or not (isinstance(left, findings.Report) and isinstance(right, findings.Report)):
        return None
    from nclue_contract.pytest_plugin.outcome import explain_comparison  # noqa: PLC0415  # as above

    return explain_comparison(cast("Report", left), op, cast("Report", right))


# -- the end of the run: recorded traffic, and coverage of the contract ----------------------------------------------------------------


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:  # noqa: ANN401  # of xdist, which need not be installed
    """Keep the tally of a worker of xdist; None for one that crashed."""
    if _covers(node.config):
        _session(node.config).worker_tallies.append(getattr(node, "workeroutput", {}).get("nclue_coverage"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send the tally of a worker of xdist to the controller; otherwise judge recorded traffic, and write and compare the coverage."""
    config = session.config
    covers, judges = _covers(config), _judges_traffic(config)
    if not (covers or judges):
        return
    plugin_session = _session(config)
    if hasattr(config, "workerinput"):
        if covers:
            vars(config)["workeroutput"]["nclue_coverage"] = plugin_session.record.tally.to_plain()
        return
    if judges:
        plugin_session.judge_traffic()
    if covers:
        plugin_session.finish()
    if plugin_session.failures and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what the recorded traffic shows, and the coverage of the contract."""
    covers, judges = _covers(config), _judges_traffic(config)
    if not (covers or judges):
        return
    terminalreporter.ensure_newline()
    if judges:
        terminalreporter.section("recorded traffic with NCLUE")
        terminalreporter.write_line(_session(config).traffic)
    if covers:
        terminalreporter.section("coverage of the NCLUE contract")
        for line in _session(config).summary():
            terminalreporter.write_line(line)
    for line in _session(config).failures:
        terminalreporter.write_line(line, red=True)


def _judges_traffic(config: pytest.Config) -> bool:
    return config.stash[_CONFIGURED] and bool(_session(config).settings.traffic) and not config.option.collectonly


def _covers(config: pytest.Config) -> bool:
    return config.stash[_CONFIGURED] and _session(config).settings.coverage.wanted and not config.option.collectonly


# -- fixtures ------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def nclue_credentials() -> Credentials:
    """Return the example key pair that the mock and the private server accept.

    Override the fixture, with the same scope, to let them accept another pair, or return None to let them accept requests without a valid
    signature.
    """
    from nclue_contract.signing import EXAMPLE  # noqa: PLC0415  # as above

    return EXAMPLE


@pytest.fixture
def nclue_task_request(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return a valid payload of createTask, a new dict for each test.

    With a server of your own (`nclue_url`), which is not reset, the payload has a new name in each test.
    """
    from nclue_contract.contract.model import contract  # noqa: PLC0415  # as above

    payload: dict[str, Any] = contract().sample_payload()
    if _session(request.config).settings.url:
        from uuid import uuid4  # noqa: PLC0415  # as above

        payload["name"] += f" {uuid4()}"
    return payload


@pytest.fixture
def nclue_validate(request: pytest.FixtureRequest) -> CallableValidator:
    """Return a validator with the readings and the strictness of the test; `nclue_validate(payload)` validates a payload or its JSON."""
    return _running_test(request).settings.validator()


@pytest.fixture
def nclue_mock(request: pytest.FixtureRequest, nclue_credentials: Credentials | None) -> Iterator[Mock]:
    """Mock NCLUE for httpx and httpx2 inside this process. The mock stores tasks, and is empty for each test.

    `tasks` are the tasks as the service returns them, `requests` the requests that were sent, with their findings; `url` is NCLUE's base
    URL. `fail_next`, `advance` and `reset` control the mock.
    """
    if "httpx_mock" in request.fixturenames:  # of pytest-httpx: whichever patches httpx last gets the requests
        request.getfixturevalue("httpx_mock")
    with _session(request.config).mock(_running_test(request).settings, nclue_credentials) as mock:
        yield mock


@pytest.fixture(scope="session")
def _nclue_loopback(request: pytest.FixtureRequest, nclue_credentials: Credentials | None) -> Iterator[LoopbackServer | None]:
    """Start the private server; None when `nclue_url` names another one."""
    session = _session(request.config)
    if session.settings.url:
        yield None
        return
    with session.loopback(nclue_credentials) as loopback:
        yield loopback


@pytest.fixture(scope="session")
def nclue_server_url(request: pytest.FixtureRequest, _nclue_loopback: LoopbackServer | None) -> str:
    """Return the base URL of the private server, or of the one that `nclue_url` names.

    In tests that do not use `nclue_server`, the private server keeps its tasks for the whole session. Tests with other `nclue_credentials`
    have tasks of their own.
    """
    return _nclue_loopback.url if _nclue_loopback is not None else _session(request.config).settings.url


@pytest.fixture
def _nclue_url_keys(request: pytest.FixtureRequest, _nclue_loopback: LoopbackServer | None, nclue_credentials: Credentials | None) -> None:
    """Let the private server accept the key pair of this test: the server is the same for the whole session, the key pair need not be."""
    if _nclue_loopback is not None:
        _session(request.config).choose_keys(_nclue_loopback, nclue_credentials)


@pytest.fixture
def nclue_server(
    request: pytest.FixtureRequest, _nclue_loopback: LoopbackServer | None, nclue_credentials: Credentials | None
) -> Iterator[ServerControl]:
    """Serve NCLUE on a loopback port for any client: one server for the whole session, empty for each test.

    `url` is its base URL; `tasks`, `requests`, `fail_next`, `advance` and `reset` are those of `nclue_mock`.
    """
    yield from _session(request.config).server(_running_test(request).settings, nclue_credentials, _nclue_loopback)


def _running_test(request: pytest.FixtureRequest) -> RunningTest:
    test: RunningTest | None = request.node.stash.get(_TEST, None)
    if test is None or not test.active:  # requested with `getfixturevalue`, so the names of fixtures did not show it
        test = _start_test(request.node, uses_fixture=True)
        test.__enter__()
        request.addfinalizer(test.close)
    return test
