"""Create an NCLUE task over HTTP: the function that the tests of this folder generate payloads for."""

from collections.abc import Mapping

import httpx

URL = "https://nclue.apigw.ntruss.com/api/v1/tasks"


class RejectedError(Exception):
    """The service rejected a create request; `status` and `code` say how."""

    def __init__(self, status: int, code: str | None, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.code = code


def create_task(http: httpx.Client, payload: Mapping[str, object]) -> str:
    """Send a payload and return the ID of the new task. Raise `RejectedError` if the service rejects it."""
    response = http.post(URL, json=payload)
    if response.is_error:
        error = response.json()["error"]
        raise RejectedError(response.status_code, error.get("errorCode"), error["message"])
    return str(response.json()["task_id"])
