"""Register a strategy for `TaskRequest`. Hypothesis loads this module in every run of its users, so it imports the type only."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from nclue_contract.contract.payloads import TaskRequest


def register() -> None:
    """Register `TaskRequest` for `st.from_type`; the entry point of the group `hypothesis`."""
    st.register_type_strategy(TaskRequest, _task_requests)


def _task_requests(_: type[Any]) -> st.SearchStrategy[Any]:
    from nclue_contract.strategies import task_requests  # noqa: PLC0415  # imported only when a `TaskRequest` is drawn

    # The type has no null values and no other fields.
    return task_requests(readings={"optional-null": "refused", "unknown-field": "refused"})
