"""Hypothesis strategies for the contract: valid payloads, requests that break one rule, responses, and lifecycles of tasks.

    @given(task_requests())
    def test_our_client_sends_valid_requests(payload): ...

    @given(broken_task_requests("path-character"))
    def test_our_gateway_rejects_what_nclue_rejects(broken): ...

No draw is rejected, so no health check needs to be suppressed. A failing example shrinks to the simplest payload: the required fields,
short values, a path that is the forbidden character and nothing else.

`readings` pins options by their IDs, as for `Validator`. Without pins, valid payloads have no error under the default readings; they may
have warnings, because another reading would reject them. Every function raises `ValueError` for an unknown reading or option.

Needs Hypothesis, the extra `strategies`. `hypothesis.strategies.from_type(TaskRequest)` works without importing this module.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nclue_contract.contract.extras import require_extra

with require_extra("strategies", "the strategies need Hypothesis"):
    import hypothesis  # noqa: F401  # the strategies are imported when they are used: Hypothesis loads this package in every run of every user

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from nclue_contract.strategies.broken_payloads import Expected
    from nclue_contract.strategies.broken_requests import BrokenRequest
    from nclue_contract.strategies.service_responses import Answered

__all__ = [
    "Answered",
    "BrokenRequest",
    "Expected",
    "broken_task_requests",
    "file_paths",
    "lifecycles",
    "responses",
    "task_names",
    "task_requests",
]


_TYPES = {"Answered": "service_responses", "BrokenRequest": "broken_requests", "Expected": "broken_payloads"}


def __getattr__(name: str) -> object:
    if name not in _TYPES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"nclue_contract.strategies.{_TYPES[name]}"), name)


def task_requests(*, strict: bool = False, readings: Mapping[str, str] | None = None) -> SearchStrategy[dict[str, Any]]:
    """Return payloads of createTask that `Validator(readings, strict=strict)` accepts.

    With `strict`, they have no finding under any reading that no pin has ruled out: no null, all of the test fields or none, no other
    fields, IDs of 36 characters, buckets by the rule of Object Storage, in paths only characters that all pages allow, names below the
    limit in every unit.
    """
    from nclue_contract.strategies import payloads  # noqa: PLC0415  # see above

    return payloads.payloads(payloads.Constraints.of(readings, strict=strict))


def task_names(*, strict: bool = False, readings: Mapping[str, str] | None = None) -> SearchStrategy[str]:
    """Return names of tasks; often of a length at a limit of the readings, in their unit."""
    from nclue_contract.strategies import payloads  # noqa: PLC0415  # see above

    return payloads.names(payloads.Constraints.of(readings, strict=strict))


def file_paths(*, strict: bool = False, readings: Mapping[str, str] | None = None) -> SearchStrategy[str]:
    """Return paths of files, realistic and unusual ones. No page limits their length, so some have 1,025 characters."""
    from nclue_contract.strategies import payloads  # noqa: PLC0415  # see above

    return payloads.paths(payloads.Constraints.of(readings, strict=strict))


def broken_task_requests(rule: str | None = None, *, readings: Mapping[str, str] | None = None) -> SearchStrategy[BrokenRequest]:
    """Return requests that break a rule (code such as NC120, or slug such as path-character), with the findings that they must produce.

    Without a rule, all rules about payloads and their JSON are drawn. Of the 185 characters that path-character forbids by default, each
    occurs in some path within 1,000 draws, but only about a dozen alone within the first 100, because Hypothesis tries variations of
    earlier draws. Raises `ValueError` for a rule that does not exist, that is not about payloads, or that a pin switches off.
    """
    from nclue_contract.contract.readings import Readings  # noqa: PLC0415  # see above
    from nclue_contract.strategies import broken_requests  # noqa: PLC0415  # see above

    return broken_requests.broken(Readings.of(readings), rule)


def responses(
    operation_id: str | None = None, *, status: int | None = None, readings: Mapping[str, str] | None = None
) -> SearchStrategy[Answered]:
    """Return valid responses with their requests; successes as often as errors, of one operation or all, of one status or all.

    Raises `ValueError` for an operation that does not exist, and for a status that is not documented for it.
    """
    from nclue_contract.contract.readings import Readings  # noqa: PLC0415  # see above
    from nclue_contract.strategies import service_responses  # noqa: PLC0415  # see above

    return service_responses.responses(Readings.of(readings), operation_id, status)


def lifecycles(*, readings: Mapping[str, str] | None = None) -> SearchStrategy[list[dict[str, Any]]]:
    """Return what getTask returns for one task that is polled, from registered to its end; some states may be missed."""
    from nclue_contract.contract.readings import Readings  # noqa: PLC0415  # see above
    from nclue_contract.strategies import service_responses  # noqa: PLC0415  # see above

    return service_responses.lifecycles(Readings.of(readings))
