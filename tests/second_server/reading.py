r"""Second implementation, first part: read a request, and decide whether the documentation allows it.

Nothing here knows the store or a clock. Every limit, character and code is typed by hand from the pages.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import NoReturn
from urllib.parse import parse_qsl

Headers = list[tuple[str, str]]
Variant = Mapping[str, str]
Task = dict[str, str | None]

FIELDS = ("name", "train_feature_id", "train_bucket", "train_file_path", "test_feature_id", "test_bucket", "test_file_path")
REQUIRED = FIELDS[:4]
OPTIONAL = FIELDS[4:]
MARKS = "&$@=;:+,?*\\{}^%`[]<>~#|\"'"
ALLOWED_SKEW_MS = 300_000


class RefusedError(Exception):
    """The request is rejected; `code` is None where the pages name none."""

    def __init__(self, status: int, code: str | None, message: str, headers: Headers | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers or []


def bad(message: str) -> RefusedError:
    return RefusedError(400, None, message)


# --- who is asking ---


def denied(variant: Variant) -> RefusedError:
    if variant["auth-refusal"] == "gateway":
        return RefusedError(401, "200", "Authentication Failed")
    return RefusedError(401, "10100", "ACCESS_DENIED")


def single(headers: Headers, wanted: str) -> str | None:
    """Return the value of a header; None when it is missing or repeated, so that a request cannot sign one and mean the other."""
    values = [value.strip(" \t") for name, value in headers if name.lower() == wanted]
    return values[0] if len(values) == 1 else None


def sign(secret: str, method: str, target: str, timestamp: str, key: str) -> str:
    message = f"{method} {target}\n{timestamp}\n{key}"
    digest = hmac.new(secret.encode(), message.encode("utf-8", "replace"), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def authenticate(method: str, target: str, headers: Headers, now: int, keys: Mapping[str, str], variant: Variant) -> None:
    timestamp = single(headers, "x-ncp-apigw-timestamp")
    key = single(headers, "x-ncp-iam-access-key")
    signature = single(headers, "x-ncp-apigw-signature-v2")
    if timestamp is None or key is None or signature is None:
        raise denied(variant)
    if not re.fullmatch("[0-9]{1,18}", timestamp):
        raise denied(variant)
    skew = abs(now - int(timestamp))
    if skew > ALLOWED_SKEW_MS or (skew == ALLOWED_SKEW_MS and variant["timestamp-edge"] == "refused"):
        raise denied(variant)
    secret = keys.get(key)
    if secret is None:
        raise denied(variant)
    expected = sign(secret, method, target, timestamp, key)
    if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
        raise denied(variant)


# --- the body of a create request ---


def check_content_type(headers: Headers, variant: Variant) -> None:
    given = single(headers, "content-type") or ""
    if variant["request-content-type"] == "json-only" and given.partition(";")[0].strip().lower() != "application/json":
        raise bad("The content type must be application/json.")


def no_constant(word: str) -> NoReturn:
    raise ValueError(word)


def read_json(body: bytes) -> object:
    try:
        document: object = json.loads(body.decode("utf-8"), parse_constant=no_constant)
        json.dumps(document, ensure_ascii=False).encode("utf-8")  # half a surrogate pair is no text in UTF-8
    except (ValueError, RecursionError):
        raise RefusedError(400, "100", "Bad Request Exception") from None
    return document


def read_task(document: object, variant: Variant) -> Task:
    if not isinstance(document, dict):
        raise bad("The body must be an object.")
    if variant["unknown-field"] == "refused" and not set(document) <= set(FIELDS):
        raise bad("The body has an unknown field.")
    for field in REQUIRED:
        if field not in document:
            raise bad(f"{field} is required.")
    for field in FIELDS:
        value = document.get(field)
        absent = field not in document or (value is None and field in OPTIONAL and variant["optional-null"] == "accepted")
        if not absent and not isinstance(value, str):
            raise bad(f"{field} must be a string.")
    task: Task = {field: document.get(field) for field in FIELDS}
    check_empty(task, variant)
    return task


def check_empty(task: Task, variant: Variant) -> None:
    if task["name"] == "":
        raise bad("name must have at least one character.")
    for field in FIELDS[1:]:
        reading = "path-empty" if field.endswith("path") else "empty-id"
        if task[field] == "" and variant[reading] == "refused":
            raise bad(f"{field} must not be empty.")
    given = [field for field in OPTIONAL if task[field] is not None]
    if variant["test-triple"] == "all-or-none" and len(given) not in {0, 3}:
        raise bad("The three test fields belong together.")


# --- the rules with a code ---


def name_length(name: str, variant: Variant) -> int:
    if variant["name-unit"] == "utf16":
        return len(name.encode("utf-16-le")) // 2
    return len(name)


def forbidden(variant: Variant) -> str:
    """Return the forbidden characters of a path as a class of a regular expression."""
    marks = MARKS
    if variant["path-characters"] == "page-2025":
        marks = MARKS.replace("=", "")
    if variant["path-characters"] == "page-2026":
        marks = MARKS.replace("=", " ")
    delete = r"\x7f" if variant["path-del"] == "forbidden" else ""
    high = r"\x80-\U0010ffff" if variant["path-high-codes"] == "utf8-bytes" else r"\x80-\xff"
    return "[" + re.escape(marks) + r"\x00-\x1f" + delete + high + "]"


def check_path(path: str | None, code: str, message: str, variant: Variant) -> None:
    if path is None:
        return
    if re.search(forbidden(variant), path):
        raise RefusedError(422, code, message)


def check_rules(task: Task, variant: Variant) -> None:
    longest = int(variant["name-edge"])
    if name_length(task["name"] or "", variant) > longest:
        raise RefusedError(422, "10101", "NAME_TOO_LONG")
    check_path(task["train_file_path"], "10104", "INVALID_CHARACTER_IN_TRAIN_PATH", variant)
    check_path(task["test_file_path"], "10105", "INVALID_CHARACTER_IN_TEST_PATH", variant)


# --- the query of a list request ---


def whole_number(text: str, name: str, variant: Variant, default: int) -> int:
    if variant["query-range"] == "clamped":
        return int(text) if re.fullmatch("-?[0-9]{1,4000}", text) else default
    if not re.fullmatch("[0-9]{1,4000}", text):
        raise bad(f"{name} must be a whole number from 0.")
    return int(text)


def read_paging(query: str, variant: Variant) -> tuple[int, int]:
    """Return index and limit."""
    given = dict(parse_qsl(query, keep_blank_values=True))
    index = whole_number(given.get("index", "0"), "index", variant, 0)
    limit = whole_number(given.get("limit", "20"), "limit", variant, 20)
    if variant["query-range"] == "clamped":
        return max(index, 0), min(max(limit, 1), 100)
    if not 1 <= limit <= 100:
        raise bad("limit must be 1 to 100.")
    return index, limit
