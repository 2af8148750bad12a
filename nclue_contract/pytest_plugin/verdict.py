"""One test while it runs: what holds for it, and what it must not get away with. Broken requests and calls to the real host do not pass."""

from __future__ import annotations

from contextlib import ExitStack
from types import FrameType, TracebackType
from typing import Self

import pytest

from nclue_contract.guard import RealHostError, guard
from nclue_contract.pytest_plugin.settings import MARKER, Settings
from nclue_contract.service.recorder import Recorder, format_broken_requests, format_report
from nclue_contract.validation.findings import Report

TITLE = "nclue-contract"
"""Of the section that a failed test gets."""

REPORTS = 3
"""Reports that `judged` shows."""


class Running:
    """A test in a `with` statement. `uses_us` tells whether it uses a fixture of ours; `error` is what is wrong with its markers.

    `problems` says what the test must not get away with, since the last `forget`.
    """

    def __init__(self, item: pytest.Item, settings: Settings, record: Recorder, *, uses_us: bool) -> None:
        self.settings: Settings = settings
        self.error: str = ""
        self.active: bool = False
        self.failure: BaseException | None = None
        self._record = record
        self._refused: list[str] = []
        self._stack = ExitStack()
        try:
            self.settings = settings.for_test(item.iter_markers("nclue"))
        except ValueError as error:
            self.error = f"{item.nodeid}: {error}"
        self._guarded = self.settings.guard == "on" or (self.settings.guard == "auto" and uses_us)

    def __enter__(self) -> Self:
        self._record.forget()  # what a thread of an earlier test has sent since
        if self._guarded:
            self._refused = self._stack.enter_context(guard())
        self.active = True
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End what `with` has begun."""
        self.active = False
        self._stack.close()

    def problems(self, failure: BaseException | None = None) -> str:
        """The broken requests and the calls to the real host, in words, but for what `failure` tells itself; empty when all is well."""
        texts = []
        if broken := self._record.broken(self.settings.allow):
            texts.append(format_broken_requests(broken))
        if self._refused and not isinstance(failure, RealHostError):
            hosts = ", ".join(dict.fromkeys(self._refused))
            texts.append(
                f"a call to {hosts}, where tasks are billed, was refused, and the client went on\n\n"
                f'Use nclue_mock or nclue_server. Whoever wants the real service says {MARKER}(guard="off").'
            )
        return "\n\n".join(texts)

    def fail(self) -> None:
        """Raise a failure when there are problems. The report of the test tells it from other failures by `failure`."""
        if text := self.problems():
            self.failure = pytest.fail.Exception(text, pytrace=False)
            raise self.failure

    def forget(self) -> None:
        """Forget what `problems` has told."""
        self._record.forget()
        self._refused.clear()


def judged(traceback: TracebackType | None) -> str:
    """The reports with findings that the frames of a failure hold, the innermost first: pytest itself shows a report in one line.

    What an assertion has computed on its way is among the local variables, too, as long as pytest rewrites assertions.
    """
    frames: list[FrameType] = []
    while traceback is not None:
        frames.append(traceback.tb_frame)
        traceback = traceback.tb_next
    reports = [value for frame in reversed(frames) for value in frame.f_locals.values() if type(value) is Report and value.findings]
    texts = list(dict.fromkeys(map(format_report, dict.fromkeys(reports))))
    return "\n\n".join(texts[:REPORTS] + ([f"... and {len(texts) - REPORTS} more reports"] if len(texts) > REPORTS else []))


def compared(left: Report, operator: str, right: Report) -> list[str]:
    """How pytest explains that two reports are not equal, or are: the findings that only one of them has."""
    lines = [f"{left!r} {operator} {right!r}"]
    for name, one, other in (("left", left, right), ("right", right, left)):
        only = [finding for finding in one.findings if finding not in other.findings]
        lines += [f"only on the {name}: {finding.severity} {finding.rule} {finding.message}" for finding in only]
    return lines
