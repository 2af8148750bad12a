"""The hooks of `nclue-contract check --explore`: those of `schemathesis_hooks`, and a check that writes its findings to a file.

The environment variable NCLUE_FINDINGS_FILE names the file. It is internal, and set by `explore` only. The file is JSON Lines: one `Found`
per line, appended whole with one write call, and at the end a line that says why Schemathesis ended. What ends the process leaves the
lines before it intact.

The check raises nothing, so that Schemathesis sends all examples. Of several findings with one rule and operation, those with a shorter
request than the ones before are written.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nclue_contract.check.explore import EVERYTHING, FINDINGS_FILE, SERVER_ERROR, Found, finish
from nclue_contract.schemathesis_hooks import BrokenRule, NclueContract, SchemathesisCase

try:
    import requests
    import schemathesis
    from schemathesis import cli
    from schemathesis.engine.errors import ServerUnavailable, UnhealthyAPIError, UnresponsiveOperationError
    from schemathesis.engine.events import EngineFinished, NonFatalError
    from schemathesis.errors import FailureGroup
except ImportError as _error:
    raise ImportError("the hooks need Schemathesis; run: pip install 'nclue-contract[schemathesis]'") from _error

_FAILURES_OF_THE_SERVER = (requests.RequestException, ServerUnavailable, UnhealthyAPIError, UnresponsiveOperationError)
"""The errors that a server causes; others are errors of Schemathesis itself."""


def _file() -> Path:
    return Path(os.environ[FINDINGS_FILE])


@schemathesis.check
class NclueExploration(NclueContract):
    """Validates every response as `NclueContract` does, and writes what it finds."""

    def __init__(self, readings: object = None, strict: object = None, ignore: object = None) -> None:
        super().__init__(readings, strict, ignore)
        self._lengths: dict[tuple[str, str, bool], int] = {}

    def after_response(self, ctx: schemathesis.CheckContext, response: schemathesis.Response, case: SchemathesisCase) -> None:
        """Write the findings about a response, and a status from 500 on as one."""
        if response.status_code >= 500:  # server errors (RFC 9110, section 15.6)
            self._write(SERVER_ERROR, f"the server failed with status {response.status_code}", None, response, case)
        try:
            super().after_response(ctx, response, case)
        except FailureGroup as group:
            for failure in group.exceptions:
                if isinstance(failure, BrokenRule):
                    # One finding that no reading allows is enough for a failure.
                    finding = min(failure.findings, key=lambda finding: finding.pin is not None)
                    note = f"{failure.note}: " if failure.note else ""
                    self._write(failure.rule, f"{note}{finding.message}", finding.pin, response, case)

    def after_run(self, ctx: schemathesis.CheckContext) -> None:
        """Write a finding when no valid create request was accepted."""
        try:
            super().after_run(ctx)
        except AssertionError as error:
            Found(EVERYTHING, SERVER_ERROR, str(error)).append_to(_file())

    def _write(self, rule: str, message: str, pin: str | None, response: schemathesis.Response, case: SchemathesisCase) -> None:
        command = case.as_curl_command(headers=dict(response.request.headers), verify=response.verify)
        key = (case.operation.label, rule, pin is None)
        if len(command) < self._lengths.get(key, len(command) + 1):
            self._lengths[key] = len(command)
            Found(case.operation.label, rule, message, pin, command).append_to(_file())


class _Errors(cli.EventHandler[Any]):
    """Writes errors for which there is no response, and the end of the run."""

    def handle_event(self, ctx: object, event: object) -> None:  # noqa: ARG002  # part of the interface
        if isinstance(event, NonFatalError):
            rule = SERVER_ERROR if isinstance(event.value, _FAILURES_OF_THE_SERVER) else ""
            message = " ".join(f"{event.info.title}: {event.info.message} {' '.join(event.info.extras)}".split())
            Found(event.label, rule, message, None, event.info.code_sample or "").append_to(_file())
        elif isinstance(event, EngineFinished):
            finish(_file(), event.stop_reason)


cli.handler()(_Errors)
