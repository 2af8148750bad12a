"""The contract check as items of pytest: every case is a test of its own, and the plan runs once, when the first of them is due.

Under xdist the workers share what came of it: one of them runs the plan and writes it down, so that requests, pace and names of tasks are
not multiplied.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from nclue_contract.check.reports.text import origin, told
from nclue_contract.check.results import Case, CheckResult, State
from nclue_contract.check.run import EMBEDDED, CheckOptions, cases, check
from nclue_contract.cli import check as check_command
from nclue_contract.contract.readings import Readings
from nclue_contract.pytest_plugin.settings import Settings

NAME = "nclue-check"
"""What the IDs of the items begin with."""

WAIT_S = 0.1
"""Seconds between two looks at whether another worker is ready."""


class BrokenContractError(AssertionError):
    """A case failed; the text says all about it."""


class CheckCollector(pytest.Collector):
    """Holds the items; it belongs to no file, so no naming rule of a project concerns it."""

    def __init__(self, *, check: Check, **kwargs: Any) -> None:  # noqa: ANN401  # those of pytest
        super().__init__(**kwargs)
        self.check = check

    def collect(self) -> Iterator[CheckItem]:
        """An item for each case of the plan."""
        for case in cases(self.check.options):
            yield CheckItem.from_parent(self, name=case.id, case=case)


class CheckItem(pytest.Item):
    """One case."""

    def __init__(self, *, case: Case, **kwargs: Any) -> None:  # noqa: ANN401  # as above
        super().__init__(**kwargs)
        self.case = case

    def runtest(self) -> None:
        """Pass, skip or fail as the plan came out."""
        holder = self.parent
        if not isinstance(holder, CheckCollector):
            raise TypeError(f"{self.nodeid} was taken out of its collector")
        result = holder.check.result(self)
        verdict = result["cases"].get(self.case.id) or {"state": State.UNTESTED, "reason": result["trouble"], "text": "", "requests": 0}
        self.user_properties.extend(
            [
                ("nclue.rule", self.case.rule),
                ("nclue.state", str(verdict["state"])),
                ("nclue.requests", str(verdict["requests"])),
                ("nclue.target", result["target"]),
            ]
        )
        if verdict["state"] == State.FAILED:
            raise BrokenContractError(verdict["text"])
        if result["trouble"] and self.case.id == result["first"]:  # told once; the others are skipped with the same words
            raise BrokenContractError(f"could not tell: {result['trouble']}")
        if verdict["state"] != State.PASSED:
            pytest.skip(f"{verdict['state']}: {verdict['reason']}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ANN401  # as in pytest
        """The report of the check instead of a traceback."""
        return str(excinfo.value) if isinstance(excinfo.value, BrokenContractError) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where the item is from."""
        return self.config.rootpath / NAME, None, f"{NAME}::{self.case.id}"


def collected(session: pytest.Session, settings: Settings) -> list[pytest.Item]:
    """The items of the check that the session's options ask for. Raises `pytest.UsageError`."""
    check = Check(_options(session.config.option.nclue_check_args or "", settings), settings.readings)
    holder: CheckCollector = CheckCollector.from_parent(session, name=NAME, nodeid=NAME, check=check)
    report = holder.ihook.pytest_make_collect_report(collector=holder)
    holder.ihook.pytest_collectreport(report=report)  # so that they are counted as collected
    return list(report.result)


def _options(arguments: str, settings: Settings) -> CheckOptions:
    """What the command line asks for."""
    parser = _Parser(prog="--nclue-check-args", add_help=False)
    check_command.add_server(parser)
    check_command.add_choice(parser)
    try:
        options = parser.parse_args(shlex.split(arguments))
        options.url = settings.url or None
        wanted = check_command.options_of(options, strict=settings.strict)
        cases(wanted)
    except ValueError as error:
        raise pytest.UsageError(f"--nclue-check-args: {error}") from error
    return wanted


class _Parser(argparse.ArgumentParser):
    """One that raises instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


# -- the run --------------------------------------------------------------------------------------------------------------------------


class Check:
    """The plan of one session, which runs when somebody asks what came of it."""

    def __init__(self, options: CheckOptions, readings: Readings) -> None:
        self.options = options
        self._readings = readings
        self._result: dict[str, Any] | None = None

    def result(self, item: CheckItem) -> dict[str, Any]:
        """What came of the plan, as JSON has it: target, trouble, the first case, and a verdict for each case."""
        if self._result is None:
            run: str | None = getattr(item.config, "workerinput", {}).get("testrunuid")
            self._result = self._run(item) if run is None else self._shared(item, run)
        return self._result

    def _run(self, item: CheckItem) -> dict[str, Any]:
        chosen = [other.case.id for other in item.session.items if isinstance(other, CheckItem)]
        everything = len(cases(self.options))
        options = self.options if len(chosen) == everything else replace(self.options, ids=frozenset(chosen))
        try:
            result = check(options, self._readings, os.environ)
        except ValueError as error:
            return {"target": options.url or EMBEDDED, "trouble": str(error), "first": chosen[0], "cases": {}}
        return _plain(result, chosen[0])

    def _shared(self, item: CheckItem, run: str) -> dict[str, Any]:
        """The same from the one worker of xdist that runs the plan; the others wait for it."""
        file = shared_file(run)
        lock = file.with_suffix(".lock")
        while not file.exists():
            try:
                with lock.open("x", encoding="ascii") as holder:
                    holder.write(str(os.getpid()))
            except FileExistsError:
                time.sleep(WAIT_S)
                _break(lock)
                continue
            part = file.with_suffix(".part")
            try:
                part.write_text(json.dumps(self._run(item)), encoding="utf-8")
                part.replace(file)
            finally:
                lock.unlink(missing_ok=True)  # if this worker could not, another one tries
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return found


def _plain(result: CheckResult, first: str) -> dict[str, Any]:
    verdicts = {
        case_id: {
            "state": str(outcome.state),
            "reason": outcome.reason,
            "requests": len(outcome.exchanges),
            "text": "\n\n".join("\n".join(told(failure, origin(result))) for failure in outcome.failures),
        }
        for case_id, outcome in result.outcomes.items()
    }
    return {"target": result.target, "trouble": result.trouble, "first": first, "cases": verdicts}


def _break(lock: Path) -> None:
    """Take away the lock of a worker that has died, so that another one runs the plan."""
    with suppress(OSError, ValueError):
        process = int(lock.read_text(encoding="ascii"))
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            lock.unlink()


def forget(config: pytest.Config) -> None:
    """Take away what the workers of xdist have shared, when their controller is done."""
    controller: Any = config.pluginmanager.getplugin("dsession")
    if controller is not None:
        shared_file(controller.nodemanager.testrunuid).unlink(missing_ok=True)


def shared_file(run: str) -> Path:
    """Where the workers of a run of xdist share what came of the plan."""
    return Path(tempfile.gettempdir()) / f"{NAME}-{run}.json"
