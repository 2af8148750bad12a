"""Serialize tasks and errors to the values of JSON bodies, in the words and shapes that the readings choose."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Readings
from nclue_contract.service.lifecycle import Task
from nclue_contract.service.messages import Rejection
from nclue_contract.service.store import ExternalData

KOREA = timezone(timedelta(hours=9))
"""The offset of the page's example."""


class Serializer:
    """Serializes tasks and errors. `status_words` are the words for the stages of a task, in their order."""

    def __init__(self, readings: Readings, fixture_data: ExternalData) -> None:
        self.readings: Readings = readings
        self.fixture_data: ExternalData = fixture_data
        self.status_words: tuple[str, ...] = _status_words(readings)

    def created(self, task: Task) -> dict[str, Any]:
        """Return the response of createTask: the eleven fields of the page "Create task"."""
        fields = task.fields
        value: dict[str, Any] = {"task_id": task.task_id, "task_name": task.name, "created_at": self.time(task.created_ms)}
        for part in ("train", "test"):
            feature = fields[f"{part}_feature_id"]
            value |= {
                f"{part}_feature_id": feature,
                f"{part}_feature_name": None if feature is None else self.feature_name(feature),
                f"{part}_bucket": fields[f"{part}_bucket"],
                f"{part}_file_path": fields[f"{part}_file_path"],
            }
        return value

    def summary(self, task: Task) -> dict[str, Any]:
        """Return an item of the response of listTasks."""
        ended = None if task.ended_ms is None else self.time(task.ended_ms)
        state = {"status": self.status_words[task.stage], "completed_at": ended}
        return self.omit_absent({**self.created(task), **state})

    def details(self, task: Task) -> dict[str, Any]:
        """Return the response of getTask. The figures of a completed task are simulated; they are the same in every run."""
        ready = task.ended_ms is not None and task.fail_message is None
        score = 0.5 + (sum(task.name.encode("utf-8", "surrogatepass")) % 5000) / 10000
        figures = {
            "AUROC": (score if self.readings["auroc-type"] == "number" else f"{score:.4f}") if ready else None,
            "line_count": 2000 if ready else None,
            "disk_usage": 1 << 20 if ready else None,
            "fail_message": task.fail_message if task.ended_ms is not None else None,
        }
        return self.omit_absent({**self.summary(task), **figures})

    def omit_absent(self, value: dict[str, Any]) -> dict[str, Any]:
        """Leave out the fields without a value, if the reading `absent-fields` says so."""
        if self.readings["absent-fields"] == "null":
            return value
        return {name: field for name, field in value.items() if field is not None}

    def time(self, ms: int) -> str:
        """Return milliseconds since 1970-01-01 UTC in ISO 8601 with seconds and Korea's offset, as in the page's example."""
        return datetime.fromtimestamp(ms // 1000, KOREA).isoformat()

    def feature_name(self, feature_id: str) -> str:
        """Return the name of a feature."""
        return self.fixture_data.feature_names.get(feature_id, f"feature-{feature_id[:8]}")

    def error_body(self, rejection: Rejection) -> dict[str, Any]:
        """Return the body of an error response, with the shape and the type of the code that the readings choose."""
        code: str | int | None = rejection.code
        if code is not None and self.readings["error-code-type"] == "integer":
            code = int(code)
        shape = self.readings.error_shape
        error = {shape.code: code, shape.message: rejection.message}
        return {shape.object: error} if shape.object else error


def _status_words(readings: Readings) -> tuple[str, ...]:
    """Return the words for the stages; the word for a completed task is a reading."""
    reading = contract().readings["status-word"]
    default, chosen = reading.option(reading.default).word, readings.option("status-word").word
    return tuple(chosen if word == default else word for word in contract().status_words)
