"""NCLUE tasks in Flask, with the tasks in SQLite: `python -m tests.conforming_servers.flask_server` prints its base URL."""

import argparse
import base64
import hashlib
import hmac
import logging
import sqlite3
import tempfile
import time
import uuid
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path

from flask import Flask, abort, current_app, g, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.serving import make_server

SECRETS = {"EXAMPLEACCESSKEY0001": "EXAMPLEsecretKEY0000000000000000000000001"}
FEATURES = {"0ccc59f9-0000-4000-8000-7837ae76d046": "purchases"}
FILES = {"answers": {"churn/train.tsv": None, "churn/few.tsv": "NUM_OF_LABEL_INSUFFICIENT"}}
FORBIDDEN = set("&$@=;:+,?*\\{}^%`[]<>~#|\"'") | {chr(code) for code in [*range(32), *range(128, 256)]}
REQUIRED = ["name", "train_feature_id", "train_bucket", "train_file_path"]
FIELDS = [*REQUIRED, "test_feature_id", "test_bucket", "test_file_path"]
MAX_SKEW_MS = 5 * 60 * 1000
KST = timezone(timedelta(hours=9))
SCHEMA = """
CREATE TABLE tasks (
    number INTEGER PRIMARY KEY, deleted INTEGER DEFAULT 0, created REAL, task_id TEXT UNIQUE, name TEXT COLLATE {collation} UNIQUE,
    train_feature_id TEXT, train_bucket TEXT, train_file_path TEXT, test_feature_id TEXT, test_bucket TEXT, test_file_path TEXT
)
"""


class ApiError(Exception):
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def database():
    if "database" not in g:
        g.database = sqlite3.connect(current_app.config["DATABASE"])
        g.database.row_factory = sqlite3.Row
    return g.database


def authenticate():
    key = request.headers.get("X-NCP-IAM-ACCESS-KEY", "")
    timestamp = request.headers.get("X-NCP-APIGW-TIMESTAMP", "")
    signature = request.headers.get("X-NCP-APIGW-SIGNATURE-V2", "")
    message = f"{request.method} {request.environ['RAW_URI']}\n{timestamp}\n{key}"
    digest = hmac.new(SECRETS.get(key, "").encode(), message.encode(), hashlib.sha256).digest()
    if key not in SECRETS or not hmac.compare_digest(base64.b64encode(digest), signature.encode()):
        raise ApiError(401, "10100", "ACCESS_DENIED")
    if not timestamp.isdecimal() or abs(time.time() * 1000 - int(timestamp)) > MAX_SKEW_MS:
        raise ApiError(401, "10100", "ACCESS_DENIED")


def status_of(task):
    step = current_app.config["STEP"]
    age = time.time() - task["created"]
    if age < step:
        return "registered"
    if age < 2 * step:
        return "pending"
    if age < 3 * step:
        return "in_progress"
    return "failed" if FILES[task["train_bucket"]][task["train_file_path"]] else "completed"


def created_fields(task):
    return {
        "task_id": task["task_id"],
        "task_name": task["name"],
        "created_at": datetime.fromtimestamp(task["created"], KST).isoformat(timespec="seconds"),
        "train_feature_id": task["train_feature_id"],
        "train_feature_name": FEATURES[task["train_feature_id"]],
        "train_bucket": task["train_bucket"],
        "train_file_path": task["train_file_path"],
        "test_feature_id": task["test_feature_id"],
        "test_feature_name": FEATURES.get(task["test_feature_id"]),
        "test_bucket": task["test_bucket"],
        "test_file_path": task["test_file_path"],
    }


def all_fields(task):
    status = status_of(task)
    done = status in ("completed", "failed")
    completed = datetime.fromtimestamp(task["created"] + 3 * current_app.config["STEP"], KST).isoformat(timespec="seconds")
    fields = created_fields(task) | {
        "status": status,
        "completed_at": completed if done else None,
        "AUROC": "0.8731" if status == "completed" else None,
        "line_count": 1200 if status == "completed" else None,
        "disk_usage": 40960 if status == "completed" else None,
        "fail_message": FILES[task["train_bucket"]][task["train_file_path"]] if status == "failed" else None,
    }
    return {name: value for name, value in fields.items() if value is not None or not current_app.config["VARIANT"]}


def check_file(bucket, path, message, characters, missing):
    if FORBIDDEN & set(path):
        raise ApiError(422, characters, f"INVALID_CHARACTER_IN_{message}_PATH")
    if path not in FILES.get(bucket, {}):
        raise ApiError(404, missing, f"{message}_PATH_NOT_FOUND")


def read_task():
    try:
        data = request.get_json(force=True)  # the examples of the page send no content type
    except RecursionError:
        abort(400)
    if not isinstance(data, dict):
        abort(400)
    task = {field: data.get(field) for field in FIELDS}
    for field, value in task.items():
        if not value and field in REQUIRED:
            raise ApiError(400, "100", f"{field} is required")
        if value is not None and not isinstance(value, str):
            raise ApiError(400, "100", f"{field} must be a string")
        if value and any("\ud800" <= character <= "\udfff" for character in value):
            raise ApiError(400, "100", f"{field} is not Unicode")
        task[field] = value or None
    if len(task["name"]) > 100:
        raise ApiError(422, "10101", "NAME_TOO_LONG")
    check_file(task["train_bucket"], task["train_file_path"], "TRAIN", "10104", "10107")
    if task["test_file_path"]:
        check_file(task["test_bucket"] or task["train_bucket"], task["test_file_path"], "TEST", "10105", "10108")
    if not {task["train_feature_id"], task["test_feature_id"] or task["train_feature_id"]} <= FEATURES.keys():
        raise ApiError(404, "300", "FEATURE_NOT_FOUND")
    return task


def create_task():
    task = read_task()
    task_id = str(uuid.uuid4())
    row = {"created": time.time(), "task_id": task_id} | task
    try:
        with database():
            database().execute(f"INSERT INTO tasks ({', '.join(row)}) VALUES ({', '.join(f':{name}' for name in row)})", row)
    except sqlite3.IntegrityError:
        raise ApiError(409, "10102", "DUPLICATE_NAME") from None
    return created_fields(find(task_id)), 201 if current_app.config["VARIANT"] else 200


def list_tasks():
    index = max(request.args.get("index", default=0, type=int), 0)
    limit = min(max(request.args.get("limit", default=20, type=int), 1), 100)
    order = "DESC" if current_app.config["VARIANT"] else "ASC"
    query = f"SELECT * FROM tasks WHERE NOT deleted ORDER BY number {order} LIMIT ? OFFSET ?"
    rows = database().execute(query, (limit, min(index, 2**63 - 1))).fetchall()
    total = database().execute("SELECT count(*) FROM tasks WHERE NOT deleted").fetchone()[0]
    return {"index": index, "limit": limit, "total": total, "tasks": [all_fields(row) for row in rows]}


def find(task_id):
    row = database().execute("SELECT * FROM tasks WHERE NOT deleted AND task_id = ?", (task_id,)).fetchone()
    if row is None:
        raise ApiError(404, "300", "TASK_NOT_FOUND")
    return row


def get_task(task_id):
    return all_fields(find(task_id))


def delete_task(task_id):
    if status_of(find(task_id)) in ("pending", "in_progress"):
        raise ApiError(409, "10120", "TASK_NOT_DELETABLE")
    with database():
        if current_app.config["VARIANT"]:
            database().execute("UPDATE tasks SET deleted = 1 WHERE task_id = ?", (task_id,))
        else:
            database().execute("DELETE FROM tasks WHERE task_id = ?", (task_id,))
    return {"task_id": task_id}


def create_app(**config):
    app = Flask(__name__)
    app.config.update(config)
    with closing(sqlite3.connect(app.config["DATABASE"])) as connection:
        connection.execute(SCHEMA.format(collation="NOCASE" if app.config["VARIANT"] else "BINARY"))
    app.before_request(authenticate)
    app.teardown_appcontext(lambda _: g.pop("database").close() if "database" in g else None)
    app.add_url_rule("/api/v1/tasks", view_func=create_task, methods=["POST"])
    app.add_url_rule("/api/v1/tasks", view_func=list_tasks)
    app.add_url_rule("/api/v1/tasks/<task_id>", view_func=get_task)
    app.add_url_rule("/api/v1/tasks/<task_id>", view_func=delete_task, methods=["DELETE"])

    @app.errorhandler(ApiError)
    def api_error(error):
        name = "code" if app.config["VARIANT"] else "errorCode"
        return jsonify(error={name: error.code, "message": error.message}), error.status

    @app.errorhandler(HTTPException)
    def http_error(error):
        return api_error(ApiError(error.code, {400: "100", 404: "300", 413: "430"}.get(error.code, "900"), error.name))

    return app


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--step", type=float, default=1.0, help="seconds that a task stays in each status")
    parser.add_argument("--variant", action="store_true", help="choose otherwise where the pages leave a choice")
    options = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(DATABASE=Path(folder) / "tasks.sqlite", STEP=options.step, VARIANT=options.variant)
        server = make_server("127.0.0.1", 0, app, threaded=True)
        print(f"http://127.0.0.1:{server.port}/api/v1", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
