"""What one run of pytest, or one worker of xdist, shares: its settings, the record of what was sent, and what opens mock and server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from nclue_contract.contract.extras import MissingExtraError, install_line, require_extra
from nclue_contract.pytest_plugin.settings import Settings, load

if TYPE_CHECKING:
    from nclue_contract.pytest_plugin.coverage import Coverage
    from nclue_contract.pytest_plugin.mock_fixture import WatchedMock
    from nclue_contract.pytest_plugin.server_fixture import ServerView
    from nclue_contract.pytest_plugin.verdict import Running
    from nclue_contract.service.loopback import Loopback
    from nclue_contract.service.recorder import Record
    from nclue_contract.service.service import Service
    from nclue_contract.signing import Credentials


class Session:
    """One for each `pytest.Config`; `named` tells whether a pyproject.toml names us. Modules are imported when they are needed.

    Raises `pytest.UsageError` for settings that are wrong.
    """

    def __init__(self, config: pytest.Config, *, named: bool) -> None:
        self.settings: Settings = load(config, named=named)
        self.parts: list[dict[str, Any] | None] = []
        """What the workers of xdist have met; None for one that crashed."""
        self.failures: list[str] = []
        """Why the run as a whole fails."""

    @cached_property
    def record(self) -> Record:
        """What was sent to mock and server."""
        from nclue_contract.service.recorder import Record  # noqa: PLC0415  # not for those who only pin readings

        return Record()

    def running(self, item: pytest.Item, *, uses_us: bool) -> Running:
        """A test that is about to begin; `uses_us` tells whether it uses a fixture of ours."""
        from nclue_contract.pytest_plugin.verdict import Running  # noqa: PLC0415  # as above

        return Running(item, self.settings, self.record, uses_us=uses_us)

    # -- doors -----------------------------------------------------------------------------------------------------------------------

    def mock(self, settings: Settings, keys: Credentials | None) -> WatchedMock:
        """The mock for a test with these settings, to be used in a `with` statement."""
        door = _door("pytest_plugin.mock_fixture", "nclue_mock needs httpx and respx", "mock")
        mock: WatchedMock = door.WatchedMock(self._service(settings, keys, door.sender))
        return mock

    def loopback(self, keys: Credentials | None) -> Loopback:
        """The private server, to be used in a `with` statement."""
        door = _door("service.loopback", "nclue_server needs uvicorn", "server")
        loopback: Loopback = door.Loopback(self._service(self.settings, keys))
        return loopback

    def server(self, settings: Settings, keys: Credentials | None, loopback: Loopback | None) -> Iterator[ServerView]:
        """The private server with a service for one test, and afterwards with the one it had; only the URL, when there is none."""
        from nclue_contract.pytest_plugin.server_fixture import ServerView  # noqa: PLC0415  # as above

        if loopback is None:
            yield ServerView(self.settings.url)
            return
        before, loopback.service = loopback.service, self._service(settings, keys)
        yield ServerView(loopback.url, loopback)
        loopback.service = before

    def _service(self, settings: Settings, keys: Credentials | None, origin: Callable[[], str] | None = None) -> Service:
        from nclue_contract.service.recorder import watched_service  # noqa: PLC0415  # as above

        pairs = None if keys is None else {keys.access_key: keys.secret_key}
        return watched_service(self.record, settings.validator(), pairs, settings.progress, settings.faults, origin)

    # -- in the end ------------------------------------------------------------------------------------------------------------------

    @cached_property
    def coverage(self) -> Coverage:
        """What was met here and by the workers of xdist. To be asked for when all is over."""
        from nclue_contract.pytest_plugin.coverage import Coverage  # noqa: PLC0415  # as above

        tally = self.record.tally
        for part in filter(None, self.parts):
            tally.add(part)
        return Coverage(tally, self.settings.readings, lost=self.parts.count(None))

    def finish(self) -> None:
        """Write the file, if one is asked for, and note in `failures` why the run fails, if it does."""
        options = self.settings.coverage
        if options.path is not None:
            try:
                self.coverage.write(options.path)
            except OSError as error:
                self.failures.append(f"FAILED: cannot write {options.path}: {error.strerror or error}")
        if options.floor is not None and self.coverage.percent < options.floor:
            self.failures.append(f"FAILED: {self.coverage.percent:.1f} % is less than {options.floor:g} % (--nclue-coverage-fail-under)")

    def summary(self) -> Iterator[str]:
        """The lines about coverage, but for the failures."""
        if self.settings.coverage.show:
            yield from self.coverage.lines()
        if self.settings.url:
            yield f"What went to {self.settings.url} (nclue_url) was not seen."


def _door(module: str, sentence: str, extra: str) -> Any:  # noqa: ANN401  # a module
    try:
        with require_extra(extra, sentence):
            return import_module(f"nclue_contract.{module}")
    except MissingExtraError as error:
        pytest.fail(f"{sentence}, and {error.name} is not installed; run: {install_line(extra)}", pytrace=False)
