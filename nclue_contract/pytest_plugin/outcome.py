"""The outcome of one test: its settings while it runs, the contract violations that must fail it, and texts for its report."""

from __future__ import annotations

import textwrap
from contextlib import ExitStack
from types import FrameType, TracebackType
from typing import Self

import pytest

from nclue_contract.guard import REMEDY, RealHostError, guard
from nclue_contract.pytest_plugin.settings import MARKER, PluginSettings
from nclue_contract.service.recorder import Recorder, format_broken_requests, format_report
from nclue_contract.validation.findings import Report

TITLE = "nclue-contract"
"""The title of the section that the report of a failed test gets."""

MAX_REPORTS = 3
"""How many validation reports `reports_in` shows."""


class RunningTest:
    """A test while it runs, in a `with` statement.

    `uses_fixture` is whether the test uses a fixture of the plugin. `error` is the problem with its markers, or empty. `violations` are
    contract violations that must fail the test: invalid requests and calls to the real host since the last `forget`.
    """

    def __init__(self, item: pytest.Item, settings: PluginSettings, record: Recorder, *, uses_fixture: bool) -> None:
        self.settings: PluginSettings = settings
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
        self._guarded = self.settings.guard == "on" or (self.settings.guard == "auto" and uses_fixture)

    def __enter__(self) -> Self:
        self._record.forget()  # a thread of an earlier test may have sent requests since
        if self._guarded:
            self._refused = self._stack.enter_context(guard())
        self.active = True
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the guard."""
        self.active = False
        self._stack.close()

    def violations(self, failure: BaseException | None = None) -> str:
        """Return the violations as text, without the one that `failure` itself reports; empty when there are none."""
        texts = []
        if broken := self._record.broken(self.settings.allow):
            texts.append(format_broken_requests(broken))
        if self._refused and not isinstance(failure, RealHostError):
            hosts = ", ".join(dict.fromkeys(self._refused))
            texts.append(
                f"a call to {hosts}, where tasks are billed, was blocked, and the client continued\n\n"
                + textwrap.fill(f'{REMEDY} To call the real service: {MARKER}(guard="off").', 79, break_on_hyphens=False)
            )
        return "\n\n".join(texts)

    def fail(self) -> None:
        """Raise a failure when there are violations, and keep it as `failure`, by which the report distinguishes it from others."""
        if text := self.violations():
            self.failure = pytest.fail.Exception(text, pytrace=False)
            raise self.failure

    def forget(self) -> None:
        """Forget the violations."""
        self._record.forget()
        self._refused.clear()


def reports_in(traceback: TracebackType | None) -> str:
    """Return the validation reports with findings among the local variables of a traceback as text, those of the innermost frame first.

    pytest itself shows a report in one line. As long as pytest rewrites assertions, the local variables include what an assertion has
    computed.
    """
    frames: list[FrameType] = []
    while traceback is not None:
        frames.append(traceback.tb_frame)
        traceback = traceback.tb_next
    reports = [value for frame in reversed(frames) for value in frame.f_locals.values() if type(value) is Report and value.findings]
    texts = list(dict.fromkeys(map(format_report, dict.fromkeys(reports))))
    more = [f"... and {len(texts) - MAX_REPORTS} more reports"] if len(texts) > MAX_REPORTS else []
    return "\n\n".join(texts[:MAX_REPORTS] + more)


def explain_comparison(left: Report, operator: str, right: Report) -> list[str]:
    """Return lines that explain why two reports are equal or not: the findings that only one of them has."""
    lines = [f"{left!r} {operator} {right!r}"]
    for name, one, other in (("left", left, right), ("right", right, left)):
        only = [finding for finding in one.findings if finding not in other.findings]
        lines += [f"only on the {name}: {finding.severity} {finding.rule} {finding.message}" for finding in only]
    return lines
