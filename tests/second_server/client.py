"""A client for the second server's own tests: it signs by hand, moves the clock, and shortens responses to a word."""

import json
from collections.abc import Callable
from typing import Any, Self

from tests.support.signing import ACCESS, SECRET, signature

START = 1_732_589_296_000  # 2024-11-26T11:48:16+09:00
TASK = {"name": "alpha", "train_feature_id": "f-train", "train_bucket": "bucket", "train_file_path": "data/train.tsv"}
TEST = {"test_feature_id": "f-test", "test_bucket": "other", "test_file_path": "data/test.tsv"}
FAILS = "data/fails.tsv"  # the task built from it fails, where a witness uses that
ABSENT = "data/absent.tsv"  # no such file, where a witness uses that

Headers = list[tuple[str, str]]
Handle = Callable[[str, str, Headers, bytes], tuple[int, Headers, bytes]]


class Clock:
    def __init__(self) -> None:
        self.ms = START

    def __call__(self) -> int:
        return self.ms


class Reply:
    def __init__(self, status: int, headers: Headers, body: bytes) -> None:
        self.status, self.body = status, body
        self.headers = {name.lower(): value for name, value in headers}

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def short(self) -> str:
        """Return the status, and the code of an error: "200", "422 10104", "400 None"."""
        try:
            return f"{self.status} {self.json['error']['errorCode']}"
        except (ValueError, KeyError, TypeError):
            return str(self.status)

    @property
    def type(self) -> str | None:
        return self.headers.get("content-type")

    @property
    def names(self) -> list[str]:
        """Return the names of the listed tasks."""
        return [task["task_name"] for task in self.json["tasks"]]

    def __getitem__(self, field: str) -> Any:
        return self.json[field]


class Client:
    def __init__(self, handle: Handle, clock: Clock) -> None:
        self.handle, self.clock = handle, clock
        self.ids: list[str] = []

    def send(self, method: str, path: str, body: bytes = b"", **how: Any) -> Reply:
        """Send a signed request to /api/v1 + path.

        how: late (ms), stamp, key, secret; sign_method, sign_path (what is signed instead); alter (changes the signature);
        without (a header's end), twice (another header in front), behind (one at the end), rename (of header names), content_type.
        """
        target = "/api/v1" + path
        stamp = how.get("stamp", str(self.clock.ms - how.get("late", 0)))
        key = how.get("key", ACCESS)
        signed = "/api/v1" + how.get("sign_path", path)
        mark = signature(how.get("sign_method", method), signed, stamp, key, how.get("secret", SECRET))
        headers = [
            ("x-ncp-apigw-timestamp", stamp),
            ("x-ncp-iam-access-key", key),
            ("x-ncp-apigw-signature-v2", how.get("alter", str)(mark)),
        ]
        headers = [(how.get("rename", str)(name), value) for name, value in headers if not name.endswith(how.get("without", "/"))]
        kind = how.get("content_type", "application/json")
        headers = [*how.get("twice", []), *headers, *how.get("behind", []), *([("content-type", kind)] if kind else [])]
        return Reply(*self.handle(method, target, headers, body))

    def post(self, document: object, **how: Any) -> Reply:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        reply = self.send("POST", "/tasks", body, **how)
        if reply.status == 200 and b'"task_id"' in reply.body:
            self.ids.append(reply["task_id"])
        return reply

    def create(self, name: object = "alpha", *, drop: str = "", **fields: Any) -> Reply:
        return self.post({field: value for field, value in {**TASK, "name": name, **fields}.items() if field != drop})

    def train(self, path: object) -> Reply:
        return self.create(train_file_path=path)

    def test(self, path: object) -> Reply:
        return self.create(test_file_path=path)

    def make(self, *names: str, **fields: Any) -> Self:
        """Create tasks that are expected to be accepted."""
        for name in names or ("alpha",):
            reply = self.create(name, **fields)
            assert reply.status == 200, reply.body
        return self

    def wait(self, ms: int) -> Self:
        self.clock.ms += ms
        return self

    def then(self, _: Reply) -> Self:
        """Continue after a reply that does not matter."""
        return self

    def path_of(self, which: int | str) -> str:
        return f"/tasks/{which if isinstance(which, str) else self.ids[which]}"

    def get(self, which: int | str = -1, **how: Any) -> Reply:
        return self.send("GET", self.path_of(which), **how)

    def delete(self, which: int | str = -1, **how: Any) -> Reply:
        return self.send("DELETE", self.path_of(which), **how)

    def tasks(self, query: str = "", **how: Any) -> Reply:
        return self.send("GET", "/tasks" + (query and "?" + query), **how)

    def watch(self, field: str, times: int = 4, which: int = -1) -> list[Any]:
        """Return a field of getTask in each of the stages from now on."""
        seen = []
        for _ in range(times):
            reply = self.get(which)
            seen.append(reply[field] if reply.status == 200 else reply.short)
            self.wait(500)
        return seen
