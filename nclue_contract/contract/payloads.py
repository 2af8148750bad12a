"""The payloads as types, for type checkers and for `hypothesis.strategies.from_type`. Imports nothing but `typing`."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class TaskRequest(TypedDict):
    """What createTask is sent. The page is "Create task", Request body.

    Leave an optional field out instead of sending None: whether the service takes null is not documented.
    """

    name: str
    train_feature_id: str
    train_bucket: str
    train_file_path: str
    test_feature_id: NotRequired[str]
    test_bucket: NotRequired[str]
    test_file_path: NotRequired[str]
