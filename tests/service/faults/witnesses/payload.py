"""Witnesses of the faults in the validation of the rest of a payload."""

import json

from tests.service.faults.exchange import PAYLOAD, TEST, post, post_bytes, status, witness

_JSON = json.dumps(PAYLOAD).encode()


def _limit(argument):
    limit = int(argument)
    return status(422, 200, post(name="x" * 101)) if limit > 100 else status(200, 422, post(name="x" * (limit + 1)))


WITNESSES = {
    "name-limit": _limit,
    "name-unlimited": status(422, 200, post(name="x" * 101)),
    "name-bytes": status(200, 422, post(name="가" * 40)),
    "name-graphemes": status(422, 200, post(name="a\u0301" * 60)),
    "name-trimmed-length": status(422, 200, post(name=" " + "x" * 100)),
    "name-cut": status(422, 200, post(name="x" * 101)),
    "name-code": witness("code", "10101", None, post(name="x" * 101)),
    "name-status-400": status(422, 400, post(name="x" * 101)),
    "name-empty-allowed": status(400, 200, post(name="")),
    "name-letters-only": status(200, 400, post(name="task #1")),
    "name-ascii-only": status(200, 400, post(name="이탈")),
    "required-defaulted": lambda field: status(400, 200, post(**{field: None})),
    "null-taken": lambda field: status(400, 200, post_bytes(json.dumps(PAYLOAD | {field: None}).encode())),
    "type-coerced": lambda field: status(400, 200, post(**(TEST if field.startswith("test") else {}) | {field: 7})),
    "optional-demanded": status(200, 400, post()),
    "array-unwrapped": status(400, 200, post_bytes(json.dumps([PAYLOAD]).encode())),
    "syntax-forgiven": status(400, 200, post_bytes(_JSON[:-1] + b",}")),
    "crash-on-syntax": status(400, 500, post_bytes(b"{")),
    "crash-on-empty": status(400, 500, post_bytes(b"")),
    "crash-on-bytes": status(400, 500, post_bytes(b"\xff")),
    "crash-on-type": status(400, 500, post(name=7)),
    "crash-on-array": status(400, 500, post_bytes(b"[]")),
    "crash-on-missing": status(400, 500, post(name=None)),
    "crash-on-depth": status(400, 500, post_bytes(b'{"x": ' + b"[" * 100 + b"]" * 100 + b"}")),
    "crash-on-surrogate": status(400, 500, post(name="\ud83d")),
    "crash-on-astral": status(200, 500, post(name="\U0001f600")),
    "duplicate-key-first-checked": status(400, 200, post_bytes(_JSON[:-1] + b', "train_file_path": "a~b"}')),
}
