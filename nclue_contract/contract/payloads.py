"""The payload of createTask as a type, for type checkers and for `hypothesis.strategies.from_type`. Imports nothing but `typing`."""

from __future__ import annotations

from typing import NotRequired, TypedDict


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
