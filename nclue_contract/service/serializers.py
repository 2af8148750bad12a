"""How the service shows its tasks and its errors, in the words and shapes that the readings choose."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from nclue_contract.contract.readings import Readings
from nclue_contract.service.lifecycle import Task
from nclue_contract.service.messages import Refusal
from nclue_contract.service.store import World

KOREA = timezone(timedelta(hours=9))
"""The offset of the page's example."""


class Views:
    """Tasks and errors as values for JSON."""

    def __init__(self, readings: Readings, world: World) -> None:
        self.readings: Readings = readings
        self.world: World = world
        self.words: tuple[str, ...] = self.status_words()

    def created(self, task: Task) -> dict[str, Any]:
        """The eleven fields of the page."""
        fields = task.fields
        shown: dict[str, Any] = {"task_id": task.task_id, "task_name": task.name, "created_at": self.time(task.created_ms)}
        for part in ("train", "test"):
            feature = fields[f"{part}_feature_id"]
            shown |= {
                f"{part}_feature_id": feature,
                f"{part}_feature_name": None if feature is None else self.feature_name(feature),
                f"{part}_bucket": fields[f"{part}_bucket"],
                f"{part}_file_path": fields[f"{part}_file_path"],
            }
        return shown

    def summary(self, task: Task) -> dict[str, Any]:
        """An item of a list."""
        ended = None if task.ended_ms is None else self.time(task.ended_ms)
        state = {"status": self.words[task.stage], "completed_at": ended}
        return {**self.created(task), **state}

    def shown(self, task: Task) -> dict[str, Any]:
        """The answer of getTask. The numbers of a completed task are made up, but the same in every run."""
        ready = task.ended_ms is not None and task.fail_message is None
        score = 0.5 + (sum(task.name.encode("utf-8", "surrogatepass")) % 5000) / 10000
        return {
            **self.summary(task),
            "AUROC": (score if self.readings["auroc-type"] == "number" else f"{score:.4f}") if ready else None,
            "line_count": 2000 if ready else None,
            "disk_usage": 1 << 20 if ready else None,
            "fail_message": task.fail_message if task.ended_ms is not None else None,
        }

    def time(self, ms: int) -> str:
        """ISO 8601 with seconds and Korea's offset, as in the page's example."""
        return datetime.fromtimestamp(ms // 1000, KOREA).isoformat()

    def status_words(self) -> tuple[str, ...]:
        """The words for the stages; which one says "ready" is a reading."""
        return self.readings.status_words

    def feature_name(self, feature_id: str) -> str:
        """The name of a feature."""
        return self.world.feature_names.get(feature_id, f"feature-{feature_id[:8]}")

    def error_body(self, refusal: Refusal) -> dict[str, Any]:
        """The body of an error in the shape and with the type of the readings."""
        code: str | int | None = refusal.code
        if code is not None and self.readings["error-code-type"] == "integer":
            code = int(code)
        if self.readings["error-shape"] == "flat":
            return {"code": code, "message": refusal.message}
        return {"error": {"errorCode": code, "message": refusal.message}}
