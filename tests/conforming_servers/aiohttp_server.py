"""NCLUE tasks in aiohttp, with the tasks in memory: `python -m tests.conforming_servers.aiohttp_server` prints its base URL."""

import argparse
import asyncio
import re
import time
import uuid
from base64 import b64encode
from datetime import UTC, datetime
from hmac import compare_digest, digest

from aiohttp import web

KEYS = {"EXAMPLEACCESSKEY0001": "EXAMPLEsecretKEY0000000000000000000000001"}
PATH_BYTES = re.compile(rb"[ !()\-./0-9=A-Z_a-z]*")  # what the Korean pages leave of the printable characters
REQUIRED = {"name", "train_feature_id", "train_bucket", "train_file_path"}
OPTIONAL = {"test_feature_id", "test_bucket", "test_file_path"}
DELETABLE = {"registered", "completed", "failed"}
TASKS = web.AppKey("tasks", dict)
OPTIONS = web.AppKey("options", argparse.Namespace)
routes = web.RouteTableDef()


class ApiError(Exception):
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@web.middleware
async def report_errors(request, handler):
    try:
        return await handler(request)
    except ApiError as error:
        body = {"code": error.code, "message": error.message}
        if request.app[OPTIONS].variant:
            body = {"responseError": {"returnCode": str(error.code), "returnMessage": error.message}}
        return web.json_response(body, status=error.status)


@web.middleware
async def authenticate(request, handler):
    """Check the three headers of the gateway."""
    access_key = request.headers.get("x-ncp-iam-access-key")
    timestamp = request.headers.get("x-ncp-apigw-timestamp")
    signature = request.headers.get("x-ncp-apigw-signature-v2")
    if not signature or access_key not in KEYS or not re.fullmatch("[0-9]{1,15}", timestamp or ""):
        raise ApiError(401, 200, "Authentication Failed")
    try:
        age = abs(time.time() - int(timestamp) / 1000)
        message = f"{request.method} {request.raw_path}\n{timestamp}\n{access_key}".encode()
        signed = compare_digest(b64encode(digest(KEYS[access_key].encode(), message, "sha256")), signature.encode())
    except ValueError:
        raise ApiError(401, 200, "Authentication Failed") from None
    if age >= 300 or not signed:
        raise ApiError(401, 200, "Authentication Failed")
    return await handler(request)


@web.middleware
async def compress(request, handler):
    """Compress every response, as a proxy in front of the server may be told to."""
    response = await handler(request)
    if request.app[OPTIONS].compress:
        response.enable_compression(web.ContentCoding.gzip)
    return response


class Task:
    def __init__(self, data, step):
        self.task_id = str(uuid.uuid4())
        self.name = data["name"]
        self.files = {field: data.get(field) for field in sorted(REQUIRED | OPTIONAL) if field != "name"}
        self.created = time.time()
        self.step = step
        self.done = self.created + 3 * step

    @property
    def status(self):
        step = int((time.time() - self.created) / self.step)
        last = "failed" if "missing" in self.files["train_file_path"] else "completed"
        return ["registered", "pending", "in_progress", last][min(step, 3)]

    def created_json(self):
        names = {
            f"{part}_feature_name": self.files[f"{part}_feature_id"] and f"feature {self.files[f'{part}_feature_id'][:8]}"
            for part in ("train", "test")
        }
        return {"task_id": self.task_id, "task_name": self.name, "created_at": iso(self.created), **self.files, **names}

    def list_json(self):
        status = self.status
        done = status in ("completed", "failed")
        return self.created_json() | {"status": status, "completed_at": iso(self.done) if done else None}

    def get_json(self):
        values = self.list_json()
        completed = values["status"] == "completed"
        return values | {
            "AUROC": 0.91 if completed else None,
            "line_count": 250 if completed else None,
            "disk_usage": 8192 if completed else None,
            "fail_message": "NOT_EXIST_FILE" if values["status"] == "failed" else None,
        }


def iso(seconds):
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def shown(request, values):
    return {name: value for name, value in values.items() if value is not None or not request.app[OPTIONS].variant}


def check(data):
    if not isinstance(data, dict):
        raise ApiError(400, 100, "the body must be a JSON object")
    if missing := REQUIRED - data.keys():
        raise ApiError(400, 100, f"missing: {', '.join(sorted(missing))}")
    if unknown := data.keys() - REQUIRED - OPTIONAL:
        raise ApiError(400, 100, f"unknown: {', '.join(sorted(unknown))}")
    if wrong := [field for field in data if not isinstance(data[field], str)]:
        raise ApiError(400, 100, f"not a string: {', '.join(wrong)}")
    if data.keys() & OPTIONAL and not data.keys() >= OPTIONAL:
        raise ApiError(400, 100, "test fields must be given together")
    if not data["name"]:
        raise ApiError(400, 100, "name is empty")
    if len(data["name"]) > 100:
        raise ApiError(422, 10101, "NAME_TOO_LONG")
    if not PATH_BYTES.fullmatch(data["train_file_path"].encode()):
        raise ApiError(422, 10104, "INVALID_CHARACTER_IN_TRAIN_PATH")
    if not PATH_BYTES.fullmatch(data.get("test_file_path", "").encode()):
        raise ApiError(422, 10105, "INVALID_CHARACTER_IN_TEST_PATH")


@routes.post("/api/v1/tasks")
async def create_task(request):
    try:
        data = await request.json()
    except (ValueError, RecursionError):
        raise ApiError(400, 100, "the body is not JSON") from None
    check(data)
    tasks, options = request.app[TASKS], request.app[OPTIONS]
    same = str.casefold if options.variant else str
    if any(same(task.name) == same(data["name"]) for task in tasks.values()):
        raise ApiError(409, 10102, "DUPLICATE_NAME")
    task = Task(data, options.step)
    tasks[task.task_id] = task
    return web.json_response(task.created_json(), status=201 if options.variant else 200)


@routes.get("/api/v1/tasks")
async def list_tasks(request):
    try:
        index = int(request.query.get("index", "0"))
        limit = int(request.query.get("limit", "20"))
    except ValueError:
        raise ApiError(400, 100, "index and limit must be integers") from None
    if index < 0 or not 1 <= limit <= 100:
        raise ApiError(400, 100, "index or limit is out of range")
    tasks = list(request.app[TASKS].values())
    if request.app[OPTIONS].variant:
        tasks.reverse()
    page = [shown(request, task.list_json()) for task in tasks[index * limit : (index + 1) * limit]]
    return web.json_response({"index": index, "limit": limit, "total": len(page), "tasks": page})


@routes.get("/api/v1/tasks/{task_id}")
async def get_task(request):
    task = request.app[TASKS].get(request.match_info["task_id"])
    if task is None:
        raise ApiError(404, 300, "no such task")
    return web.json_response(shown(request, task.get_json()))


@routes.delete("/api/v1/tasks/{task_id}")
async def delete_task(request):
    tasks = request.app[TASKS]
    task = tasks.get(request.match_info["task_id"])
    if task is None:
        raise ApiError(404, 300, "no such task")
    if task.status not in DELETABLE:
        raise ApiError(400, 100, "the task can't be deleted now")
    del tasks[task.task_id]
    if request.app[OPTIONS].variant:
        return web.Response(status=204)
    return web.json_response({"task_id": task.task_id})


async def serve(options):
    app = web.Application(middlewares=[compress, report_errors, authenticate])
    app[TASKS] = {}
    app[OPTIONS] = options
    app.add_routes(routes)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}/api/v1", flush=True)
    await asyncio.Event().wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--step", type=float, default=1.0, help="seconds that a task stays in each status")
    parser.add_argument("--variant", action="store_true", help="choose otherwise where the pages leave a choice")
    parser.add_argument("--compress", action="store_true", help="compress every response, whether accepted or not")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
