"""Exchanges with a service that show a fault: steps, witnesses, and how to observe them. Requests are signed here by hand."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field

from nclue_contract.service.lifecycle import ProgressMode
from nclue_contract.service.messages import Request
from nclue_contract.service.service import Service
from nclue_contract.service.store import ExternalData

ACCESS, SECRET = "EXAMPLEACCESSKEY0001", "EXAMPLEsecretKEY0000000000000000000000001"
TIMESTAMP, ACCESS_KEY, SIGNATURE = "x-ncp-apigw-timestamp", "x-ncp-iam-access-key", "x-ncp-apigw-signature-v2"

START_MS = 1_764_000_000_000
"""The time at which a witness begins, in milliseconds since 1970-01-01 UTC: 2025-11-25T01:00:00+09:00, but for the first wait."""

FAILING = "fails"
"""The name of a task that fails."""

ABSENT = "absent"
"""What is observed where there is nothing."""

PAYLOAD = {
    "name": "task",
    "train_feature_id": "0ccc59f9-0000-4000-8000-7837ae76d046",
    "train_bucket": "answers",
    "train_file_path": "churn/train.tsv",
}
TEST = {"test_feature_id": "1ccc59f9-0000-4000-8000-7837ae76d046", "test_bucket": "answers", "test_file_path": "churn/test.tsv"}


@dataclass(frozen=True)
class Step:
    """One request, with a valid signature unless a field changes it. `{1}` in the path stands for the ID of the first created task.

    `wait_ms` passes before, and all tasks move `advance` stages. `headers` replace those of the signature; None removes one.
    """

    method: str
    path: str = "/tasks"
    body: bytes = b""
    wait_ms: int = 10
    advance: int = 0
    headers: dict = field(default_factory=dict)
    signed_as: tuple = ()
    access: str = ACCESS
    skew_ms: int = 0
    timestamp_suffix: str = ""
    hexadecimal: bool = False
    capitals: bool = False
    repeated: str = ""

    def header_pairs(self, target, now_ms):
        """Return the headers of the request when it is sent to a target."""
        method, signed_target = self.signed_as or (self.method, target)
        timestamp = str(now_ms + self.skew_ms)
        message = f"{method} {signed_target}\n{timestamp}\n{self.access}".encode()
        digest = hmac.new(SECRET.encode(), message, hashlib.sha256).digest()
        signature = digest.hex() if self.hexadecimal else base64.b64encode(digest).decode()
        headers = {"content-type": "application/json"} if self.method == "POST" else {}
        headers |= {TIMESTAMP: timestamp + self.timestamp_suffix, ACCESS_KEY: self.access, SIGNATURE: signature} | self.headers
        pairs = [(name.upper() if self.capitals else name, value) for name, value in headers.items() if value is not None]
        return (*pairs, *([(self.repeated, "x")] if self.repeated else []))


@dataclass(frozen=True)
class Witness:
    """Steps, what is observed in the last response, and the values that the clean and the faulty service give there.

    `observed` is `status`, `code` (the error code), `header NAME`, `first byte` (of the body), `cut`, or a JSON Pointer into the body.
    """

    observed: str
    clean: object
    faulty: object
    steps: tuple

    def observe(self, service):
        """Send the steps to a service, and return what is observed in the last response."""
        return self._observed_in(send(service, self.steps)[-1])

    def _observed_in(self, response):
        if self.observed in {"status", "cut"}:
            return getattr(response, self.observed)
        if self.observed == "first byte":
            return response.body[0]
        if self.observed.startswith("header "):
            return dict(response.headers).get(self.observed.removeprefix("header "), ABSENT)
        value = value_of(response)
        for part in ("error/errorCode" if self.observed == "code" else self.observed.removeprefix("/")).split("/"):
            if isinstance(value, list) and part.isdigit() and int(part) < len(value):
                value = value[int(part)]
            else:
                value = value.get(part, ABSENT) if isinstance(value, dict) else ABSENT
        return value


def send(service, steps, start_ms=START_MS):
    """Send steps to a service, and return the responses."""
    now_ms, ids, responses = start_ms, {}, []
    for step in steps:
        now_ms += step.wait_ms
        for _ in range(step.advance):
            service.advance(now_ms=now_ms)
        target = service.prefix + step.path
        for number, task_id in ids.items():
            target = target.replace(f"{{{number}}}", task_id)
        responses.append(service.handle(Request(step.method, target, step.header_pairs(target, now_ms), step.body), now_ms))
        value = value_of(responses[-1])
        if step.method == "POST" and isinstance(value, dict) and "task_id" in value:
            ids[len(ids) + 1] = str(value["task_id"])
    return responses


def value_of(response):
    """Return the JSON value of a body; None when it is not JSON."""
    try:
        return response.json()
    except ValueError:
        return None


def witness(observed, clean, faulty, *steps):
    """Return a witness; without steps, it observes the response to the usual create request with test data."""
    return Witness(observed, clean, faulty, steps or (post(**TEST),))


def status(clean, faulty, *steps):
    """Return a witness that observes the status code."""
    return Witness("status", clean, faulty, steps)


def post(*, step=None, **changes):
    """Return a create request: the usual payload with changes; None removes a field. `step` holds fields of the step."""
    payload = {name: value for name, value in (PAYLOAD | changes).items() if value is not None}
    return post_bytes(json.dumps(payload).encode(), **(step or {}))


def post_bytes(body, **step):
    """Return a create request with this body."""
    return Step("POST", body=body, **step)


def get(path="/{1}", **step):
    """Return a request for a task, or for the list (`?limit=1`)."""
    return Step("GET", f"/tasks{path}", **step)


def delete(path="/{1}", **step):
    """Return a delete request."""
    return Step("DELETE", f"/tasks{path}", **step)


def witness_service(**options):
    """Return the service without faults: signatures are verified, tasks are advanced manually, tasks of one name fail."""
    fixture_data = ExternalData(failing_names={FAILING: "NUM_OF_LABEL_INSUFFICIENT"})
    return Service({ACCESS: SECRET}, progress=ProgressMode("manual"), fixture_data=fixture_data, **options)
