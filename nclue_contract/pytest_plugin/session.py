"""The state of one run of pytest, or of one worker of xdist: settings, the record of requests, and the services behind the fixtures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from nclue_contract.contract.extras import MissingExtraError, install_line, require_extra
from nclue_contract.pytest_plugin.settings import PluginSettings, load_settings

if TYPE_CHECKING:
    from nclue_contract.mock import Mock
    from nclue_contract.pytest_plugin.coverage import Coverage
    from nclue_contract.pytest_plugin.fixtures import ServerControl
    from nclue_contract.pytest_plugin.outcome import RunningTest
    from nclue_contract.service.recorder import Recorder
    from nclue_contract.service.service import Service
    from nclue_contract.service.uvicorn_server import LoopbackServer
    from nclue_contract.signing import Credentials


class PluginSession:
    """The state for one `pytest.Config`. `named` is whether a pyproject.toml names this package.

    Modules are imported only when they are needed. Raises `pytest.UsageError` for invalid settings.
    """

    def __init__(self, config: pytest.Config, *, named: bool) -> None:
        self.settings: PluginSettings = load_settings(config, named=named)
        self.worker_tallies: list[dict[str, Any] | None] = []
        """The tallies of the workers of xdist; None for one that crashed."""
        self.failures: list[str] = []
        """The reasons why the run as a whole fails."""
        self.traffic: str = ""
        """The report on recorded traffic."""
        self._url_services: dict[tuple[str, str] | None, Service] = {}
        """The services behind the bare URL of the private server, by the key pair that they accept."""

    @cached_property
    def record(self) -> Recorder:
        """Return the record of the requests to mock and server."""
        from nclue_contract.service.recorder import Recorder  # noqa: PLC0415  # not in runs that only pin readings

        return Recorder()

    def running_test(self, item: pytest.Item, *, uses_fixture: bool) -> RunningTest:
        """Return a test that is about to run. `uses_fixture` is whether it uses a fixture of the plugin."""
        from nclue_contract.pytest_plugin.outcome import RunningTest  # noqa: PLC0415  # as above

        return RunningTest(item, self.settings, self.record, uses_fixture=uses_fixture)

    # -- services behind the fixtures ------------------------------------------------------------------------------------------------

    def mock(self, settings: PluginSettings, keys: Credentials | None) -> Mock:
        """Return the mock for a test with these settings, to be used in a `with` statement."""
        from nclue_contract.pytest_plugin.fixtures import sender  # noqa: PLC0415  # as above

        module = _import_or_fail("mock", "nclue_mock needs httpx and respx", "mock")
        mock: Mock = module.Mock(self._service(settings, keys, sender))
        return mock

    def loopback(self, keys: Credentials | None) -> LoopbackServer:
        """Return the private server, to be used in a `with` statement."""
        module = _import_or_fail("service.uvicorn_server", "nclue_server needs uvicorn", "server")
        loopback: LoopbackServer = module.LoopbackServer(self._url_service(keys))
        return loopback

    def choose_keys(self, loopback: LoopbackServer, keys: Credentials | None) -> None:
        """Let the private server accept this key pair from now on; what it stores for another one stays apart."""
        loopback.service = self._url_service(keys)

    def _url_service(self, keys: Credentials | None) -> Service:
        pair = None if keys is None else (keys.access_key, keys.secret_key)
        if pair not in self._url_services:
            self._url_services[pair] = self._service(self.settings, keys)
        return self._url_services[pair]

    def server(self, settings: PluginSettings, keys: Credentials | None, loopback: LoopbackServer | None) -> Iterator[ServerControl]:
        """Give the private server a new service during one test. Without a private server, yield only the URL of `nclue_url`."""
        from nclue_contract.pytest_plugin.fixtures import ServerControl  # noqa: PLC0415  # as above

        if loopback is None:
            yield ServerControl(self.settings.url)
            return
        before, loopback.service = loopback.service, self._service(settings, keys)
        yield ServerControl(loopback.url, loopback)
        loopback.service = before

    def _service(self, settings: PluginSettings, keys: Credentials | None, origin: Callable[[], str] | None = None) -> Service:
        from nclue_contract.service.recorder import recorded_service  # noqa: PLC0415  # as above

        pairs = None if keys is None else {keys.access_key: keys.secret_key}
        return recorded_service(self.record, settings.validator(), pairs, settings.progress, settings.faults, origin)

    # -- end of the run --------------------------------------------------------------------------------------------------------------

    @cached_property
    def coverage(self) -> Coverage:
        """Return the coverage of this process and of the workers of xdist; to be read when the run is over."""
        from nclue_contract.pytest_plugin.coverage import Coverage  # noqa: PLC0415  # as above

        tally = self.record.tally
        for worker_tally in filter(None, self.worker_tallies):
            tally.add(worker_tally)
        return Coverage(tally, self.settings.readings, lost=self.worker_tallies.count(None))

    def judge_traffic(self) -> None:
        """Judge the recordings that the settings name, and add to `failures` if they break the contract."""
        from nclue_contract.pytest_plugin.traffic import Recordings  # noqa: PLC0415  # as above

        try:
            self.traffic, passed = Recordings(self.settings.traffic).judge(self.settings)
        except MissingExtraError as error:
            self.traffic, passed = str(error), False
        if not passed:
            self.failures.append("FAILED: recorded traffic breaks the contract, or could not be judged (nclue_traffic)")

    def finish(self) -> None:
        """Write the coverage report, if one is configured, and add to `failures` why the run fails, if it does."""
        options = self.settings.coverage
        if options.path is not None:
            try:
                self.coverage.write(options.path)
            except OSError as error:
                self.failures.append(f"FAILED: cannot write {options.path}: {error.strerror or error}")
        if options.floor is not None and self.coverage.percent < options.floor:
            self.failures.append(f"FAILED: {self.coverage.percent:.1f} % is less than {options.floor:g} % (--nclue-coverage-fail-under)")

    def summary(self) -> Iterator[str]:
        """Yield the lines about coverage, without the failures."""
        if self.settings.coverage.show:
            yield from self.coverage.lines()
        if self.settings.url:
            yield f"Requests to {self.settings.url} (nclue_url) are not included."


def _import_or_fail(module: str, sentence: str, extra: str) -> Any:  # noqa: ANN401  # a module
    """Import a module that needs an extra. A missing dependency fails the test with the install line."""
    try:
        with require_extra(extra, sentence):
            return import_module(f"nclue_contract.{module}")
    except MissingExtraError as error:
        pytest.fail(f"{sentence}, and {error.name} is not installed; run: {install_line(extra)}", pytrace=False)
