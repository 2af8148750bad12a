"""Second implementation, third part: the four operations and their responses."""

import json
import re
import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import NamedTuple
from urllib.parse import unquote

from tests.second_server.collation import plain
from tests.second_server.reading import (
    Headers,
    RefusedError,
    Task,
    authenticate,
    check_content_type,
    check_rules,
    read_json,
    read_paging,
    read_task,
)
from tests.second_server.store import Row, add, count, find, move_up, name_exists, name_was_used, open_store, page, remove

KOREA = timezone(timedelta(hours=9))
LARGEST_BODY = 1024 * 1024
USED = (409, "10102", "DUPLICATE_NAME")
Answer = tuple[int, Headers, bytes]


class Site(NamedTuple):
    """The configuration of a server, and its database."""

    db: sqlite3.Connection
    variant: Mapping[str, str]
    keys: Mapping[str, str]
    stage: int
    known_files: frozenset[str] | None
    known_features: frozenset[str] | None
    failing_files: frozenset[str]
    prefix: str


def open_site(*options: object) -> Site:
    """Return a site without tasks; the arguments are the fields of Site after the database."""
    variant: Mapping[str, str] = options[0]  # type: ignore[assignment]
    return Site(open_store(plain if variant["name-comparison"] == "collated" else str), *options)  # type: ignore[arg-type]


class Call(NamedTuple):
    """One request; `now` is its time in milliseconds since 1970-01-01 UTC."""

    now: int
    method: str
    target: str
    query: str
    headers: Headers
    body: bytes
    task_id: str


# --- documents ---


def moment(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, KOREA).isoformat()


def feature_name(feature_id: str | None) -> str | None:
    return None if feature_id is None else f"feature {feature_id}"


def data_fields(row: Row) -> dict[str, object]:
    return {
        "train_feature_id": row["train_feature_id"],
        "train_feature_name": feature_name(row["train_feature_id"]),
        "train_bucket": row["train_bucket"],
        "train_file_path": row["train_file_path"],
        "test_feature_id": row["test_feature_id"],
        "test_feature_name": feature_name(row["test_feature_id"]),
        "test_bucket": row["test_bucket"],
        "test_file_path": row["test_file_path"],
    }


def created(row: Row) -> dict[str, object]:
    return {"task_id": row["task_id"], "task_name": row["name"], "created_at": moment(row["created_ms"]), **data_fields(row)}


def ended(row: Row) -> bool:
    return row["status"] in {"completed", "failed"}


def summary(site: Site, row: Row) -> dict[str, object]:
    status = row["status"]
    if status == "completed":
        status = site.variant["status-word"]
    document = {
        "task_id": row["task_id"],
        "task_name": row["name"],
        "status": status,
        "created_at": moment(row["created_ms"]),
        "completed_at": moment(row["end_ms"]) if ended(row) else None,
        **data_fields(row),
    }
    return shown(site, document)


def shown(site: Site, document: dict[str, object]) -> dict[str, object]:
    """Return what is shown of the fields of a task."""
    if site.variant["absent-fields"] == "absent":
        return {field: value for field, value in document.items() if value is not None}
    return document


def detail(site: Site, row: Row) -> dict[str, object]:
    built = row["status"] == "completed"
    auroc = f"0.{8731 + row['seq'] % 1000}"
    document = {
        **summary(site, row),
        "AUROC": (float(auroc) if site.variant["auroc-type"] == "number" else auroc) if built else None,
        "line_count": 2000 + row["seq"] if built else None,
        "disk_usage": 65536 * row["seq"] if built else None,
        "fail_message": "NUM_OF_LABEL_INSUFFICIENT" if row["status"] == "failed" else None,
    }
    return shown(site, document)


def answer(status: int, document: object, headers: Headers) -> Answer:
    return status, [("content-type", "application/json"), *headers], json.dumps(document, ensure_ascii=False).encode("utf-8")


def rejection(site: Site, error: RefusedError) -> Answer:
    code = int(error.code) if error.code is not None and site.variant["error-code-type"] == "integer" else error.code
    flat: dict[str, object] = {"code": code, "message": error.message}
    nested: dict[str, object] = {"error": {"errorCode": code, "message": error.message}}
    others: dict[str, dict[str, object]] = {
        "nested-code": {"error": {"code": code, "message": error.message}},
        "flat-error-code": {"errorCode": code, "message": error.message},
        "flat-msg": {"code": code, "msg": error.message, "data": None},
        "response-error": {"responseError": {"returnCode": code, "returnMessage": error.message}},
        "status-object": {"status": {"code": code, "message": error.message}},
    }
    nested = others.get(site.variant["error-shape"], nested)
    return answer(error.status, flat if site.variant["error-shape"] == "flat" else nested, error.headers)


# --- operations ---


def known(site: Site, feature_id: str | None) -> bool:
    return feature_id is None or site.known_features is None or feature_id in site.known_features


def stored(site: Site, path: str | None) -> bool:
    return path is None or site.known_files is None or path in site.known_files


def check_existence(site: Site, task: Task) -> None:
    for field in ("train_feature_id", "test_feature_id"):
        if not known(site, task[field]):
            raise RefusedError(404, None, f"{field} names no feature.")
    if not stored(site, task["train_file_path"]):
        raise RefusedError(404, "10107", "TRAIN_PATH_NOT_FOUND")
    if not stored(site, task["test_file_path"]):
        raise RefusedError(404, "10108", "TEST_PATH_NOT_FOUND")


def existing(site: Site, call: Call) -> Row:
    row = find(site.db, call.task_id, call.now, site.stage)
    if row is None:
        raise RefusedError(404, None, "There is no such task.")
    return row


def create_task(site: Site, call: Call) -> object:
    check_content_type(call.headers, site.variant)
    task = read_task(read_json(call.body), site.variant)
    if site.variant["check-order"] == "existence-first":
        check_existence(site, task)
    check_rules(task, site.variant)
    check_existence(site, task)
    if site.variant["name-after-deletion"] == "kept" and name_was_used(site.db, task["name"]):
        raise RefusedError(*USED)
    if name_exists(site.db, task["name"]):
        raise RefusedError(409, "10102", "DUPLICATE_NAME")
    fails = task["train_file_path"] in site.failing_files
    task_id = add(site.db, task, call.now, site.stage, fails=fails, serial=site.variant["queue"] == "serial")
    return created(existing(site, call._replace(task_id=task_id)))


def list_tasks(site: Site, call: Call) -> object:
    index, limit = read_paging(call.query, site.variant)
    offset = index * limit if site.variant["list-index"] == "page" else index
    tasks = [summary(site, row) for row in page(site.db, offset, limit, call.now, site.stage)]
    total = len(tasks) if site.variant["list-total"] == "page" else count(site.db)
    return {"index": index, "limit": limit, "total": total, "tasks": tasks}


def get_task(site: Site, call: Call) -> object:
    return detail(site, existing(site, call))


def delete_task(site: Site, call: Call) -> object:
    row = existing(site, call)
    if row["status"] not in {"registered", "completed", "failed"}:
        raise RefusedError(409, None, "The task is being built.")
    remove(site.db, row)
    if site.variant["queue"] == "serial":
        move_up(site.db, call.now, site.stage)
    return {"task_id": row["task_id"]}


Operation = Callable[[Site, Call], object]
ALL_TASKS: dict[str, Operation] = {"GET": list_tasks, "POST": create_task}
ONE_TASK: dict[str, Operation] = {"DELETE": delete_task, "GET": get_task}


# --- one request ---


def route(site: Site, target: str) -> tuple[dict[str, Operation], str]:
    path = target.partition("?")[0]
    found = re.fullmatch(re.escape(site.prefix) + "/tasks(?:/([^/]+))?", path)
    if found is None:
        raise RefusedError(404, "300", "Not Found Exception")
    return (ALL_TASKS, "") if found[1] is None else (ONE_TASK, unquote(found[1]))


def perform(site: Site, call: Call) -> Answer:
    if len(call.body) > LARGEST_BODY:
        raise RefusedError(413, "430", "Request Entity Too Large")
    operations, task_id = route(site, call.target)
    if call.method not in operations:
        raise RefusedError(405, None, "Method Not Allowed", [("allow", ", ".join(operations))])
    authenticate(call.method, call.target, call.headers, call.now, site.keys, site.variant)
    return answer(200, operations[call.method](site, call._replace(task_id=task_id)), [])


def done(site: Site, call: Call, success: Answer) -> Answer:
    """Return a success with the status of its kind."""
    if site.variant["success-status"] == "gateway" and call.method == "DELETE":
        return 204, [], b""
    if site.variant["success-status"] == "gateway" and call.method == "POST":
        return 201, *success[1:]
    return success


def respond(site: Site, call: Call) -> Answer:
    """Respond to a request. A rejected request changes nothing."""
    try:
        with site.db:
            return done(site, call, perform(site, call))
    except RefusedError as error:
        return rejection(site, error)
    except Exception:  # noqa: BLE001 - a crash is a response too
        return rejection(site, RefusedError(500, "900", "Unexpected Error"))
