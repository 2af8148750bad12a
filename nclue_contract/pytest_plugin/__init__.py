"""The pytest plugin: fixtures, a marker and options for tests of clients. A hinge: it is loaded in every run, so it imports all else late.

A test fails when its client has sent a request that breaks the contract through `nclue_mock` or `nclue_server`, whatever the client made of
the refusal, and when it called the real host. In a project that uses none of this, nothing happens.

PYTEST_DONT_REWRITE: there is no assertion in here.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from nclue_contract.mock import Mock
    from nclue_contract.pytest_plugin.fixtures import ServerControl
    from nclue_contract.pytest_plugin.session import Session
    from nclue_contract.pytest_plugin.settings import Validate
    from nclue_contract.pytest_plugin.verdict import Running
    from nclue_contract.service.uvicorn_server import LoopbackServer
    from nclue_contract.signing import Credentials
    from nclue_contract.validation.findings import Report

FIXTURES = frozenset({"nclue_validate", "nclue_mock", "nclue_server", "nclue_server_url", "nclue_credentials", "nclue_task_request"})
"""The fixtures of this module; a test that uses one is guarded."""

INI = ("nclue_url", "nclue_readings", "nclue_strict", "nclue_guard")
"""The ini options; each has a twin on the command line."""

_NAMED = pytest.StashKey[bool]()
_CONFIGURED = pytest.StashKey[bool]()
_SESSION = pytest.StashKey["Session"]()
_RUNNING = pytest.StashKey["Running"]()


# -- options -------------------------------------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; what they hold is looked at when the run begins."""
    group = parser.getgroup("nclue-contract", "tests of clients of NCLUE")
    url, strict = "base URL of a server to test with instead of the private one; nothing is reset or judged there", "warnings are errors"
    reading, guard = "pin how an open question is read", "refuse calls to the real host: auto (tests that use a fixture of ours), on, off"
    group.addoption("--nclue-url", metavar="URL", help=url)
    group.addoption(
        "--nclue-reading", action="append", default=[], dest="nclue_readings", metavar="ID=OPTION", help=f"{reading} (repeatable)"
    )
    group.addoption("--nclue-strict", action="store_true", default=None, help=strict)
    group.addoption("--nclue-guard", metavar="MODE", help=guard)
    group.addoption("--nclue-coverage", action="store_true", help="print which part of the contract the tests have met")
    group.addoption("--nclue-coverage-report", metavar="json:PATH", help="write that to a file")
    group.addoption("--nclue-check", action="store_true", help="check the server of --nclue-url, or the one that is built in, as tests")
    group.addoption("--nclue-check-args", metavar="OPTIONS", help="options of `nclue-contract check`, such as '--file a.tsv --only NC12'")
    floor = "fail when the tests have met less than this"
    group.addoption("--nclue-coverage-fail-under", type=float, dest="nclue_coverage_floor", metavar="PERCENT", help=floor)
    parser.addini("nclue_url", url)
    parser.addini("nclue_readings", f"{reading}: lines of ID=OPTION", type="linelist", default=None)
    parser.addini("nclue_strict", strict, type="bool", default=None)
    parser.addini("nclue_guard", guard)


def pytest_configure(config: pytest.Config) -> None:
    """Look at what is configured, if anything is. Raises `pytest.UsageError`."""
    config.addinivalue_line(
        "markers",
        "nclue(allow, readings, progress, fault, strict, guard): "
        "how nclue-contract treats a test, such as allow=['NC120'] for one that breaks this rule on purpose",
    )
    # Only files that name us are worth the modules that read them.
    config.stash[_NAMED] = any(_names_us(folder / "pyproject.toml") for folder in (config.rootpath, *config.rootpath.parents))
    config.stash[_CONFIGURED] = _has_options(config)
    if config.stash[_CONFIGURED] or config.stash[_NAMED]:
        settings = _session(config).settings
        config.stash[_CONFIGURED] |= bool(settings.layers or settings.strict or settings.ignore)


def _has_options(config: pytest.Config) -> bool:
    option = config.option
    given = (option.nclue_url, option.nclue_readings, option.nclue_strict, option.nclue_guard)
    coverage = (option.nclue_coverage, option.nclue_coverage_report, option.nclue_coverage_floor is not None)
    try:
        return any(given) or any(coverage) or any(config.getini(name) not in (None, "") for name in INI)
    except (ValueError, TypeError, pytest.UsageError):
        return True  # a value that pytest cannot use, which is told when it is read


def _names_us(file: Path) -> bool:
    try:
        return b"nclue-contract" in file.read_bytes()
    except OSError:
        return False


def pytest_report_header(config: pytest.Config) -> str | None:
    """A line about what is configured; none when nothing is."""
    return f"nclue-contract: {_session(config).settings}" if config.stash[_CONFIGURED] else None


def _session(config: pytest.Config) -> Session:
    if _SESSION not in config.stash:
        from nclue_contract.pytest_plugin.session import Session  # noqa: PLC0415  # not in a run that does not use us

        config.stash[_SESSION] = Session(config, named=config.stash[_NAMED])
    return config.stash[_SESSION]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the cases of the contract check, before `-k` and others choose."""
    if config.option.nclue_check:
        from nclue_contract.pytest_plugin.check_items import collected  # noqa: PLC0415  # as above

        items += collected(session, _session(config).settings)


# -- a test from beginning to end ----------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Watch a test that concerns us."""
    uses_us = not FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))
    guards_all = item.config.stash[_CONFIGURED] and _session(item.config).settings.guard == "on"
    if not (uses_us or guards_all or item.get_closest_marker("nclue")):
        return (yield)
    with _begin(item, uses_us=uses_us):
        return (yield)


def _begin(item: pytest.Item, *, uses_us: bool) -> Running:
    item.stash[_RUNNING] = running = _session(item.config).running(item, uses_us=uses_us)
    return running


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse a test whose marker is wrong."""
    running = item.stash.get(_RUNNING, None)
    if running is not None and running.error:
        pytest.fail(running.error, pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that passed although its client, there or in a fixture, broke the contract."""
    result = yield
    if (running := item.stash.get(_RUNNING, None)) is not None:
        running.fail()
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """The same for what was sent after the test, by fixtures that clean up."""
    result = yield
    if (running := item.stash.get(_RUNNING, None)) is not None:
        running.fail()
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell a test that failed for another reason what else was wrong, and show the reports that its assertion was about."""
    report = yield
    running = item.stash.get(_RUNNING, None)
    if report.failed and call.excinfo is not None and "nclue_contract.validation.findings" in sys.modules:
        from nclue_contract.pytest_plugin.verdict import TITLE, judged  # noqa: PLC0415  # as above

        texts = [judged(call.excinfo.tb)]
        if running is not None and call.excinfo.value is not running.failure:
            texts.insert(0, running.problems(call.excinfo.value))
        report.sections += [(TITLE, text) for text in texts if text]
    if running is not None and not (call.when == "setup" and report.passed):
        running.forget()
    return report


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Explain a comparison of two reports."""
    findings = sys.modules.get("nclue_contract.validation.findings")
    if findings is None or op not in {"==", "!="} or not (isinstance(left, findings.Report) and isinstance(right, findings.Report)):
        return None
    from nclue_contract.pytest_plugin.verdict import compared  # noqa: PLC0415  # as above

    return compared(cast("Report", left), op, cast("Report", right))


# -- coverage of the contract --------------------------------------------------------------------------------------------------------


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:  # noqa: ANN401  # of xdist, which need not be there
    """Keep what a worker of xdist has met; nothing comes from one that crashed."""
    if _covers(node.config):
        _session(node.config).parts.append(getattr(node, "workeroutput", {}).get("nclue_coverage"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send what was met to the controller of xdist; or write it to a file, and fail a run that has met too little."""
    if session.config.option.nclue_check and not hasattr(session.config, "workerinput"):
        from nclue_contract.pytest_plugin.check_items import forget  # noqa: PLC0415  # as above

        forget(session.config)
    if not _covers(session.config):
        return
    ours = _session(session.config)
    if hasattr(session.config, "workerinput"):
        vars(session.config)["workeroutput"]["nclue_coverage"] = ours.record.tally.to_plain()
        return
    ours.finish()
    if ours.failures and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was met."""
    if not _covers(config):
        return
    terminalreporter.ensure_newline()
    terminalreporter.section("coverage of the NCLUE contract")
    for line in _session(config).summary():
        terminalreporter.write_line(line)
    for line in _session(config).failures:
        terminalreporter.write_line(line, red=True)


def _covers(config: pytest.Config) -> bool:
    return config.stash[_CONFIGURED] and _session(config).settings.coverage.wanted and not config.option.collectonly


# -- fixtures ------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def nclue_credentials() -> Credentials:
    """The key pair that the mock and the private server accept; it is nobody's.

    Override it, with the same scope, to let them accept another; give None to let them accept every request, signed or not.
    """
    from nclue_contract.signing import EXAMPLE  # noqa: PLC0415  # as above

    return EXAMPLE


@pytest.fixture
def nclue_task_request(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A payload of createTask that keeps the contract, fresh for each test, to be changed.

    With a server of your own (`nclue_url`), which is not reset, it has a new name in each test.
    """
    from nclue_contract.service.faults.injection import PAYLOAD  # noqa: PLC0415  # as above

    payload: dict[str, Any] = dict(PAYLOAD)
    if _session(request.config).settings.url:
        from uuid import uuid4  # noqa: PLC0415  # as above

        payload["name"] += f" {uuid4()}"
    return payload


@pytest.fixture
def nclue_validate(request: pytest.FixtureRequest) -> Validate:
    """A validator with the readings and the strictness of the test. `nclue_validate(payload)` judges a payload, or its JSON."""
    return _running(request).settings.validator()


@pytest.fixture
def nclue_mock(request: pytest.FixtureRequest, nclue_credentials: Credentials | None) -> Iterator[Mock]:
    """NCLUE for httpx and httpx2, inside this process: it keeps tasks, and is empty for each test.

    `tasks` as the service shows them, `requests` that were really sent, with verdicts; `fail_next`, `advance`, `reset`; `url` is NCLUE's.
    """
    with _session(request.config).mock(_running(request).settings, nclue_credentials) as mock:
        yield mock


@pytest.fixture(scope="session")
def _nclue_loopback(request: pytest.FixtureRequest, nclue_credentials: Credentials | None) -> Iterator[LoopbackServer | None]:
    """The private server; None when `nclue_url` names another one."""
    session = _session(request.config)
    if session.settings.url:
        yield None
        return
    with session.loopback(nclue_credentials) as loopback:
        yield loopback


@pytest.fixture(scope="session")
def nclue_server_url(request: pytest.FixtureRequest, _nclue_loopback: LoopbackServer | None) -> str:
    """The base URL of the private server, or of the one that `nclue_url` names. Without `nclue_server`, it keeps its tasks all session."""
    return _nclue_loopback.url if _nclue_loopback is not None else _session(request.config).settings.url


@pytest.fixture
def nclue_server(
    request: pytest.FixtureRequest, _nclue_loopback: LoopbackServer | None, nclue_credentials: Credentials | None
) -> Iterator[ServerControl]:
    """NCLUE on a port of this machine, for any client: one server for the whole session, empty for each test.

    `url` is its base URL; `tasks`, `requests`, `fail_next`, `advance` and `reset` are those of `nclue_mock`.
    """
    yield from _session(request.config).server(_running(request).settings, nclue_credentials, _nclue_loopback)


def _running(request: pytest.FixtureRequest) -> Running:
    running: Running | None = request.node.stash.get(_RUNNING, None)
    if running is None or not running.active:  # it comes by `getfixturevalue`, which nobody can foresee
        running = _begin(request.node, uses_us=True)
        running.__enter__()
        request.addfinalizer(running.close)
    return running
