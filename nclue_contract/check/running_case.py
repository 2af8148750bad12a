"""A test case whose script is running, and the second attempt of what was sent together with requests of others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus

from nclue_contract.check.requests import Exchange, RequestSpec
from nclue_contract.check.results import Case, Script, Step


@dataclass(slots=True)
class RunningCase:
    """A case whose script is running: its latest step, how many there were, and when it is due if it is a pause (ms since 1970-01-01 UTC).

    `early` is the response to a step that was sent together with those of other cases, `assumed` are the assumptions when it was sent.
    `alone`: its requests are not sent together with others. `lost` is the response to a create request that is to be sent again alone,
    although it may have been carried out.
    """

    case: Case
    script: Script
    step: Step | None = None
    steps: int = 0
    due_ms: int = 0
    early: Exchange | None = None
    assumed: object = None
    alone: bool = False
    lost: Exchange | None = None

    @property
    def request(self) -> RequestSpec | None:
        """Return the latest step, if it is a single request."""
        return self.step if isinstance(self.step, RequestSpec) else None

    @property
    def has_created(self) -> bool:
        """Return whether a task was created by the latest step, whose response is not evaluated yet."""
        return self.early is not None and self.early.request.creates

    @property
    def restartable(self) -> bool:
        """Return whether the case can start again instead of sending its latest step again: no response was evaluated so far."""
        return self.steps == 1 and not self.case.background

    @property
    def may_overlap(self) -> bool:
        """Return whether the latest step may be sent together with those of others: it deletes nothing that others may read."""
        if self.alone or self.early is not None or self.request is None:
            return False
        if self.request.method == "DELETE":
            return self.case.independent and self.steps == 1
        return self.case.independent or self.case.background

    def restart(self, script: Script) -> None:
        """Start again with a new script, alone."""
        self.script.close()
        self.script, self.step, self.steps, self.alone = script, None, 0, True


def second_attempt(first: Exchange | None, second: Exchange) -> Exchange:
    """Return the response to a create request that was sent again because of its first response, if there is one.

    If the first attempt has occupied the name, that response is the result, unless it was incomplete.
    """
    if first is None:
        return second
    if second.status == HTTPStatus.CONFLICT and not first.error:
        return first
    return replace(second, attempts=second.attempts + 1)
