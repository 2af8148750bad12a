"""Start an NCLUE task for each line of a CSV file, wait until they have ended, and delete those that failed.

    python churn_tasks.py tasks.csv

The key pair is read from NCLUE_ACCESS_KEY and NCLUE_SECRET_KEY.
"""

import csv
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

import httpx
from nclue_contract.clients import Signer
from nclue_contract.signing import Credentials

URL = "https://nclue.apigw.ntruss.com/api/v1"

FORBIDDEN = dict.fromkeys(map(ord, "&$@=;:+,?*\\{}^%`[]<>~#|\"'"), "-")
"""The characters that no path may hold, and their substitute. Files are uploaded under the same names."""

COLUMNS = {
    "name": "name",
    "feature": "train_feature_id",
    "bucket": "train_bucket",
    "file": "train_file_path",
    "test feature": "test_feature_id",
    "test bucket": "test_bucket",
    "test file": "test_file_path",
}
"""The fields that the columns of the CSV file are sent as."""


class TaskError(Exception):
    """A task could not be started or did not end."""


def payloads(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """Yield a payload for each line, without the fields that are empty."""
    for row in csv.DictReader(lines):
        payload = {COLUMNS[column]: value for column, value in row.items() if value}
        for field in ("train_file_path", "test_file_path"):
            if field in payload:
                payload[field] = payload[field].translate(FORBIDDEN)
        yield payload


class Tasks:
    """The tasks of an account, to be used in a `with` statement. `pause_s` is the time between two polls; the service allows one per second."""

    def __init__(self, credentials: Credentials, url: str = URL, pause_s: float = 10, polls: int = 1000) -> None:
        self._http = httpx.Client(base_url=url, auth=Signer(credentials))
        self._pause_s = pause_s
        self._polls = polls

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def create(self, payload: dict[str, str]) -> str:
        """Start a task and return its ID. Raise `TaskError` with the reason of the service."""
        response = self._http.post("/tasks", json=payload)
        if response.is_error:
            raise TaskError(f"{payload.get('name')}: {response.status_code} {response.json()['error']['message']}")
        return str(response.json()["task_id"])

    def wait(self, task_id: str) -> dict[str, Any]:
        """Return the task when it has ended. Raise `TaskError` when it takes too long."""
        for _ in range(self._polls):
            task = self._http.get(f"/tasks/{task_id}").raise_for_status().json()
            if task["status"] in {"completed", "failed"}:
                return dict(task)
            time.sleep(self._pause_s)
        raise TaskError(f"{task_id} is still {task['status']} after {self._polls} polls")

    def delete(self, task_id: str) -> None:
        """Delete a task that has ended."""
        self._http.delete(f"/tasks/{task_id}").raise_for_status()

    def run(self, lines: Iterable[str]) -> list[dict[str, Any]]:
        """Start a task for each line, wait for all, and delete those that failed. One that cannot be started ends the run."""
        ended = [self.wait(task_id) for task_id in [self.create(payload) for payload in payloads(lines)]]
        for task in ended:
            if task["status"] == "failed":
                self.delete(task["task_id"])
        return ended


def main() -> None:
    """Run it, and print how the tasks ended."""
    with Tasks(Credentials.from_environment(os.environ)) as tasks, Path(sys.argv[1]).open(encoding="utf-8", newline="") as lines:
        for task in tasks.run(lines):
            print(task["task_name"], task["status"], task["AUROC"] or task["fail_message"])


if __name__ == "__main__":
    main()
