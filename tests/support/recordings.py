"""Recorded exchanges of the tests, typed by hand, and the same in every format of recordings."""

import base64
import json
from datetime import UTC, datetime

import yaml

from nclue_contract.contract.readings import Readings
from nclue_contract.traffic.exchanges import RecordedExchange
from nclue_contract.traffic.judge import JudgeOptions, TrafficJudge
from tests.support.payloads import COMPLETED_TASK, LISTED_TASK, PAYLOAD, TASK
from tests.support.signing import NOW, signed

ORIGIN = "https://nclue.apigw.ntruss.com"
TASKS = "/api/v1/tasks"
JSON = (("content-type", "application/json"),)
ID = TASK["task_id"]
CREATED_AT = "2024-11-26T11:48:16+09:00"
"""The moment `NOW`."""
NEW = TASK | {"created_at": CREATED_AT}
"""The response to PAYLOAD at that moment."""


def error(code, message="ERROR"):
    return {"error": {"errorCode": code, "message": message}}


def listed(*tasks, **changes):
    """Return a page of the list."""
    return {"index": 0, "limit": 20, "total": len(tasks), "tasks": list(tasks)} | changes


def task(status, /, **changes):
    """Return a task as getTask shows it."""
    ended = status in {"completed", "failed"}
    fields = {name: COMPLETED_TASK[name] if status == "completed" else None for name in ("AUROC", "line_count", "disk_usage")}
    fields |= {"completed_at": "2024-11-26T11:58:16+09:00" if ended else None, "fail_message": "FAILED" if status == "failed" else None}
    return NEW | {"status": status} | fields | changes


def item(status, /, **changes):
    """Return a task as listTasks shows it."""
    return {name: value for name, value in task(status).items() if name in LISTED_TASK} | changes


def exchange(method, path="", sent=None, status=200, received=None, *, at=0, took=10, origin=ORIGIN, headers=None, **changes):
    """Return an exchange below `/tasks`; `at` is when it was sent, in seconds after `NOW`, `took` how many milliseconds it took."""
    target, sent_ms = TASKS + path, NOW + round(at * 1000)
    body = sent if isinstance(sent, bytes) else b"" if sent is None else json.dumps(sent).encode()
    pairs = signed(method, target, timestamp=sent_ms) if headers is None else headers
    values = {
        "method": method,
        "origin": origin,
        "target": target,
        "request_headers": (*pairs.items(), *(JSON if sent is not None else ())),
        "request_body": body,
        "status": status,
        "response_headers": JSON,
        "response_body": received if isinstance(received, bytes) else json.dumps(received).encode(),
        "sent_ms": sent_ms,
        "received_ms": sent_ms + took,
    }
    return RecordedExchange(**values | changes)


def create(payload=PAYLOAD, received=NEW, **options):
    return exchange("POST", "", payload, options.pop("status", 200), received, **options)


def get(received, task_id=ID, **options):
    return exchange("GET", f"/{task_id}", None, options.pop("status", 200), received, **options)


def delete(task_id=ID, **options):
    return exchange("DELETE", f"/{task_id}", None, options.pop("status", 200), options.pop("received", {"task_id": task_id}), **options)


def lists(*tasks, query="", **options):
    return exchange("GET", query, None, options.pop("status", 200), options.pop("received", listed(*tasks)), **options)


def judge(*exchanges, pins=None, **options):
    """Judge exchanges; return the judge, and the findings as (index, side, severity, rule, pointer)."""
    judge = TrafficJudge(JudgeOptions(Readings.of(pins), **options))
    judged = [judge.judge(one, f"r:{index + 1} (index {index})") for index, one in enumerate(exchanges)]
    found = [
        (index, str(side), str(finding.severity), finding.rule, finding.pointer)
        for index, judgement in enumerate(judged)
        for side, finding in (judgement.findings if judgement else ())
    ]
    return judge, found


# -- the formats ------------------------------------------------------------------------------------------------------------------------


def _time(milliseconds):
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()


def _lists(pairs):
    headers = {}
    for name, value in pairs:
        headers.setdefault(name, []).append(value)
    return headers


def _binary(body):
    """Return text as text, and other bytes as they are."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body


def har(exchanges, indent=None):
    """Return a HAR as a browser writes it."""

    def pairs(headers):
        return [{"name": name, "value": value} for name, value in headers]

    entries = [
        {
            "startedDateTime": _time(one.sent_ms),
            "time": one.received_ms - one.sent_ms,
            "request": {"method": one.method, "url": one.origin + one.target, "headers": pairs(one.request_headers)}
            | ({"postData": {"mimeType": "application/json", "text": one.request_body.decode()}} if one.request_body else {}),
            "response": {
                "status": one.status,
                "headers": pairs(one.response_headers),
                "content": {"size": len(one.response_body), "text": base64.b64encode(one.response_body).decode(), "encoding": "base64"},
            },
        }
        for one in exchanges
    ]
    return json.dumps({"log": {"version": "1.2", "entries": entries}}, indent=indent).encode()


def _vcr(one, body):
    return {
        "request": {
            "body": body(one.request_body),
            "headers": _lists(one.request_headers),
            "method": one.method,
            "uri": one.origin + one.target,
        },
        "response": {
            "body": {"string": body(one.response_body)},
            "headers": _lists((*one.response_headers, ("date", "Tue, 26 Nov 2024 02:48:16 GMT"))),
            "status": {"code": one.status, "message": "x"},
        },
    }


def vcrpy(exchanges):
    """Return a cassette of vcrpy in YAML."""
    return yaml.safe_dump({"interactions": [_vcr(one, _binary) for one in exchanges], "version": 1}).encode()


def vcrpy_json(exchanges):
    """Return a cassette of vcrpy in JSON."""
    return json.dumps({"version": 1, "interactions": [_vcr(one, bytes.decode) for one in exchanges]}, indent=4).encode()


def schemathesis(exchanges):
    """Return a cassette of Schemathesis, or of Ruby's VCR, with bodies in Base64."""

    def body(value):
        return {"encoding": "utf-8", "base64_string": base64.b64encode(value).decode()}

    interactions = [
        {
            "recorded_at": _time(one.sent_ms),
            "request": {"uri": one.origin + one.target, "method": one.method, "headers": _lists(one.request_headers)}
            | {"body": body(one.request_body)},
            "response": {"status": {"code": str(one.status), "message": "x"}, "headers": _lists(one.response_headers)}
            | {"body": body(one.response_body)},
        }
        for one in exchanges
    ]
    return yaml.safe_dump({"command": "st run", "seed": 1, "http_interactions": interactions}).encode()


def json_lines(exchanges):
    """Return our own format."""
    lines = [
        {
            "time_ms": one.sent_ms,
            "duration_ms": one.received_ms - one.sent_ms,
            "request": {"method": one.method, "url": one.origin + one.target, "headers": list(map(list, one.request_headers))}
            | {"body_base64": base64.b64encode(one.request_body).decode()},
            "response": {"status": one.status, "headers": _lists(one.response_headers), "body": one.response_body.decode()},
        }
        for one in exchanges
    ]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


FORMATS = {"har": har, "vcrpy": vcrpy, "vcrpy-json": vcrpy_json, "schemathesis": schemathesis, "json-lines": json_lines}
"""Every format that has all of an exchange."""
