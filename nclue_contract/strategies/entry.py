"""Tells Hypothesis how to draw a `TaskRequest`. Hypothesis loads this in everybody's test run, so it loads nothing but the type."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from nclue_contract.contract.payloads import TaskRequest


def register() -> None:
    """Register `TaskRequest` for `st.from_type`; the entry point of the group `hypothesis`."""
    st.register_type_strategy(TaskRequest, _task_requests)


def _task_requests(_: type[Any]) -> st.SearchStrategy[Any]:
    from nclue_contract.strategies import task_requests  # noqa: PLC0415  # only those who draw one wait for it

    # The type has no null and no other names.
    return task_requests(readings={"optional-null": "refused", "unknown-field": "refused"})
