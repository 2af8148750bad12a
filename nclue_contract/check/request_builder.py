"""Builds the requests of a check run: unique names, payloads with the fixture data of the server, and create requests."""

from __future__ import annotations

import itertools
from typing import Any

from nclue_contract.check.created_tasks import CreatedTasks
from nclue_contract.check.expectations import FixtureData
from nclue_contract.check.requests import RequestSpec, create_request, value_of

NAME_PREFIX = "nclue-check"
"""The prefix of the names of all tasks that a check creates, so that people recognise them."""


class RequestBuilder:
    """Builds requests for one run. `run` is a short word that makes the names of its tasks unique."""

    def __init__(self, fixture_data: FixtureData, run: str, tasks: CreatedTasks) -> None:
        self.fixture_data = fixture_data
        self.name_stem: str = f"{NAME_PREFIX} {run}"
        self._tasks = tasks
        self._numbers = itertools.count(1)
        self._rejected_name = ""
        self._rejected_names: set[str] = set()

    def name(self, tail: str = "") -> str:
        """Return a name that this run has not used, which ends with `tail`."""
        return f"{self.name_stem} {next(self._numbers)}{tail}"

    def rejected_name(self) -> str:
        """Return the name for create requests that must be rejected.

        It is the same for all, so that one request can show afterwards whether a rejection has occupied it. If a server accepts one of
        them, the next call returns another name.
        """
        if not self.rejected_name_used:
            self._rejected_name = self.name(" refused")
            self._rejected_names.add(self._rejected_name)
        return self._rejected_name

    def renew_rejected_name(self) -> None:
        """Let the next call of `rejected_name` return another name: this one may belong to a task that is not known yet."""
        self._rejected_name = ""

    def has_accepted_name(self, request: RequestSpec) -> bool:
        """Return whether a request has the name of those that must be rejected, and a task has it now: another one was accepted."""
        payload = value_of(request.body)
        name = payload.get("name") if isinstance(payload, dict) else None
        return isinstance(name, str) and name in self._rejected_names and any(task.payload.get("name") == name for task in self._tasks)

    @property
    def rejected_name_used(self) -> bool:
        """Return whether there is such a name that no server has accepted: a request with it was built, and no task has it."""
        return self._rejected_name not in ("", *(task.payload.get("name") for task in self._tasks))

    def payload(self, **changes: Any) -> dict[str, Any]:  # noqa: ANN401  # any JSON value
        """Return a valid payload with a unique name, and with these changes; None leaves a field out."""
        data = self.fixture_data
        valid = {"name": None, "train_feature_id": data.feature_id, "train_bucket": data.bucket, "train_file_path": data.file}
        valid["name"] = changes.pop("name", None) or self.name()
        return {name: value for name, value in (valid | changes).items() if value is not None}

    def test_fields(self) -> dict[str, str]:
        """Return the three fields of test data, with the fixture data of the server."""
        data = self.fixture_data
        return {
            "test_feature_id": data.test_feature_id or data.feature_id,
            "test_bucket": data.test_bucket or data.bucket,
            "test_file_path": data.test_file or data.file,
        }

    def create(self, **changes: Any) -> RequestSpec:  # noqa: ANN401  # any JSON value
        """Return a create request with a valid payload, and with these changes."""
        return create_request(self.payload(**changes))
