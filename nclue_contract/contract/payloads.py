"""The payload of createTask: its type, for type checkers and for `hypothesis.strategies.from_type`, and sample payloads."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from nclue_contract.contract.model import contract


class TaskRequest(TypedDict):
    """The payload of createTask. The page is "Create task", Request body.

    Omit an optional field instead of sending None: whether the service accepts null is not documented.
    """

    name: str
    train_feature_id: str
    train_bucket: str
    train_file_path: str
    test_feature_id: NotRequired[str]
    test_bucket: NotRequired[str]
    test_file_path: NotRequired[str]


def sample_payload() -> dict[str, str]:
    """Return a new, valid payload with the required fields only."""
    return {name: value for name, value in contract().sample.items() if contract().field(name).required}


def sample_test_fields() -> dict[str, str]:
    """Return the three optional fields of the same sample, as a new dict."""
    return {name: value for name, value in contract().sample.items() if not contract().field(name).required}
