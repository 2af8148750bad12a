"""The contract check as pytest items: each case is an item, and the plan runs once, when the outcome of the first item is needed.

Under xdist the controller runs the plan, so that requests, pace and names of tasks are not multiplied. The workers only collect the items,
which is how the controller learns which ones `-k`, `--lf` and the like have selected; their items do nothing, and the controller puts the
outcomes into the reports that the workers send.
"""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from nclue_contract.check.reports.reproduce import Reproducer, reproducer
from nclue_contract.check.reports.text import Pins, failure_lines, pins_in
from nclue_contract.check.results import Case, CheckResult, Failure, State
from nclue_contract.check.run import EMBEDDED, CheckOptions, check, selected_cases
from nclue_contract.cli import check as check_command
from nclue_contract.cli.check_settings import apply_settings
from nclue_contract.cli.config import ConfigError
from nclue_contract.contract.readings import Readings
from nclue_contract.pytest_plugin.settings import PluginSettings
from nclue_contract.validation.reports.excerpt import safe_line

COLLECTOR_NAME = "nclue-check"
"""The first part of the IDs of the items."""

ADVISORY_SECTION = "nclue advisory"
"""The section of a report that shows an advisory; `pytest -rP` prints it."""


class FailedCaseError(AssertionError):
    """A case failed; the message is the report of the check."""


class CheckCollector(pytest.Collector):
    """The parent of the items; it belongs to no file, so the naming rules of a project do not apply to it."""

    def __init__(self, *, plan: CheckPlan, **kwargs: Any) -> None:  # noqa: ANN401  # those of pytest
        super().__init__(**kwargs)
        self.plan = plan

    def collect(self) -> Iterator[CheckItem]:
        """Yield an item for each case of the plan."""
        for case in self.plan.cases:
            # As text, which pytest takes apart as it does when it reads an ID, so that --lf recognizes it.
            yield CheckItem.from_parent(self, name=case.id, nodeid=f"{COLLECTOR_NAME}::{case.id}", case=case, plan=self.plan)


class CheckItem(pytest.Item):
    """One case."""

    def __init__(self, *, case: Case, plan: CheckPlan, **kwargs: Any) -> None:  # noqa: ANN401  # as above
        super().__init__(**kwargs)
        self.case = case
        self.plan = plan

    def runtest(self) -> None:
        """Pass, skip or fail by the outcome of the case; pass in a worker of xdist, where `ControllerCheck` reports the outcome."""
        if hasattr(self.config, "workerinput"):
            return
        outcome = self.plan.outcome(self.case, [item.case.id for item in self.session.items if isinstance(item, CheckItem)])
        self.user_properties.extend(outcome.properties)
        if outcome.advisory:
            self.add_report_section("call", ADVISORY_SECTION, outcome.advisory)
        if outcome.failure:
            raise FailedCaseError(outcome.failure)
        if outcome.reason:
            pytest.skip(outcome.reason)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ANN401  # as in pytest
        """Return the report of the check instead of a traceback."""
        return str(excinfo.value) if isinstance(excinfo.value, FailedCaseError) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return where the item is from."""
        return self.config.rootpath / COLLECTOR_NAME, None, f"{COLLECTOR_NAME}::{self.case.id}"


def collect_items(session: pytest.Session, settings: PluginSettings) -> list[pytest.Item]:
    """Return the items of the check that the options select. Raises `pytest.UsageError` for invalid options."""
    plan = CheckPlan.of(session.config, settings)
    collector: CheckCollector = CheckCollector.from_parent(session, name=COLLECTOR_NAME, nodeid=COLLECTOR_NAME, plan=plan)
    report = collector.ihook.pytest_make_collect_report(collector=collector)
    collector.ihook.pytest_collectreport(report=report)  # so that pytest counts the items as collected
    return list(report.result)


# -- the run --------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """The outcome of a case for pytest: `failure` is the text of a failure, `reason` that of a skipped item. Both are empty for a pass.

    `advisory` is the text of what is worth knowing although the case passed.
    """

    properties: tuple[tuple[str, object], ...]
    failure: str = ""
    reason: str = ""
    advisory: str = ""


class CheckPlan:
    """The plan of a session, which runs once. `cases` are all of its cases."""

    def __init__(self, options: CheckOptions, readings: Readings) -> None:
        self.cases: list[Case] = [case for case in selected_cases(options) if case.selected]
        self._options = options
        self._readings = readings
        self._first = ""
        self._result: CheckResult | None = None
        self._trouble = ""

    @classmethod
    def of(cls, config: pytest.Config, settings: PluginSettings) -> CheckPlan:
        """Return the plan for the options of pytest. Raises `pytest.UsageError` for invalid options."""
        parser = _Parser(prog="--nclue-check-args", add_help=False)
        check_command.add_server(parser)
        check_command.add_choice(parser)
        try:
            words = shlex.split(config.option.nclue_check_args or "")
            options = parser.parse_args(words)
            apply_settings(settings.file, check_command.check_parser(), parser, words, options)
            options.url = settings.url or None
            strict = settings.strict or settings.file.check.get("strict") is True
            return cls(check_command.options_of(options, strict=strict), settings.readings)
        except ConfigError as error:
            raise pytest.UsageError(str(error)) from error
        except ValueError as error:
            raise pytest.UsageError(f"--nclue-check-args: {error}") from error

    def outcome(self, case: Case, chosen: Sequence[str]) -> ItemOutcome:
        """Return the outcome of a case. The first call runs the plan for the case IDs in `chosen`."""
        if not self._first:
            self._first = chosen[0]
            self._run(chosen)
        state, reason, requests, failures, advisories = State.NOT_TESTED, self._trouble, 0, "", ""
        if self._result is not None and (found := self._result.outcomes.get(case.id)) is not None:
            state, reason, requests = found.state, found.reason, len(found.exchanges)
            commands, pins = reproducer(self._result), pins_in(self._result)
            failures, advisories = (_blocks(several, commands, pins) for several in (found.failures, found.advisories))
        target = self._options.url or EMBEDDED if self._result is None else self._result.target
        named = {"rule": case.rule, "state": str(state), "requests": str(requests), "target": target}
        properties = tuple((f"nclue.{name}", value) for name, value in named.items())
        if state == State.FAILED:
            return ItemOutcome(properties, failure=failures)
        if self._trouble and case.id == self._first:  # one failure is enough; the other items are skipped for the same reason
            return ItemOutcome(properties, failure=safe_line(f"inconclusive: {self._trouble}", "utf-8"))
        if state == State.ADVISORY:
            return ItemOutcome((*properties, ("nclue.advisory", advisories)), advisory=advisories)
        return ItemOutcome(properties, reason="" if state == State.PASSED else safe_line(f"{state}: {reason}", "utf-8"))

    def _run(self, chosen: Sequence[str]) -> None:
        options = self._options if len(chosen) == len(self.cases) else replace(self._options, ids=frozenset(chosen))
        try:
            self._result = check(options, self._readings, os.environ)
            self._trouble = self._result.stop_reason
        except (ValueError, OSError) as error:
            self._trouble = str(error)


def _blocks(found: Sequence[Failure], commands: Reproducer, pins: Pins) -> str:
    """Return a block of lines for each failure or advisory."""
    return "\n\n".join("\n".join(safe_line(line, "utf-8") for line in failure_lines(one, commands, pins)) for one in found)


class _Parser(argparse.ArgumentParser):
    """A parser that raises `ValueError` instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


class ControllerCheck:
    """A plugin of the controller of xdist: runs the plan, and puts the outcomes into the reports of the workers."""

    def __init__(self, plan: CheckPlan) -> None:
        self._plan = plan
        self._cases = {case.id: case for case in plan.cases}
        self._chosen: list[str] = []

    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Keep the case IDs that are selected. Each worker collects the same items."""
        self._chosen = [case.id for case in map(self._case, ids) if case is not None]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None, object, object]:
        """Put the outcome of a case into its report, before others see it. Failures in a worker, such as a crash, stay as they are."""
        if report.passed and report.when != "setup" and (case := self._case(report.nodeid)) is not None:
            outcome = self._plan.outcome(case, self._chosen)
            report.user_properties = list(outcome.properties)
            if report.when == "call" and outcome.advisory:
                report.sections.append((f"Captured {ADVISORY_SECTION} call", outcome.advisory))
            if report.when == "call" and outcome.failure:
                report.outcome, report.longrepr = "failed", outcome.failure
            elif report.when == "call" and outcome.reason:
                report.outcome, report.longrepr = "skipped", (COLLECTOR_NAME, 0, f"Skipped: {outcome.reason}")
        return (yield)

    def _case(self, node_id: str) -> Case | None:
        folder, _, name = node_id.partition("::")
        if folder != COLLECTOR_NAME:
            return None
        # With --dist loadgroup, xdist appends the group: "ID@GROUP".
        return self._cases.get(name) or self._cases.get(name.rpartition("@")[0])
