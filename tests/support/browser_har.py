"""HAR as a browser sees it: headless Chromium sends requests with `fetch`, and its network events become entries."""

import asyncio
import base64
import json
from datetime import UTC, datetime

from tests.support.devtools import DEADLINE, browse
from tests.support.signing import signed

OTHER_ORIGIN = "--disable-web-security"
"""The option by which the page, which is of another origin than the server, can send requests to it."""


def record_har(folder, url, client_run):
    """Let a page in Chromium send what `client_run` says, and return the HAR. Skip the test if there is no Chromium."""

    async def record(tools):
        await tools.call("Network.enable")
        await _run(tools, f"{url}/tasks", client_run)
        return await _entries(tools)

    entries = browse(folder, record, OTHER_ORIGIN)
    return {"log": {"version": "1.2", "creator": {"name": "Chromium", "version": "0"}, "entries": entries}}


async def _run(tools, url, client_run):
    """Send the requests of `client_run`, one after the other, and give it the IDs of tasks that come back."""
    loop = asyncio.get_running_loop()

    def send(method, target, payload=None, *, signed_=True, **options):
        headers = signed(method, "/" + target.split("/", 3)[3]) if options.get("signed", signed_) else {}
        headers |= {"content-type": "application/json"} if payload is not None else {}
        request = {"method": method, "headers": headers} | ({"body": json.dumps(payload)} if payload is not None else {})
        script = f"fetch({json.dumps(target)}, {json.dumps(request)}).then(r => r.text())"
        text = asyncio.run_coroutine_threadsafe(tools.evaluate(script), loop).result(DEADLINE)
        return json.loads(text).get("task_id")

    await asyncio.to_thread(client_run, url, send)


async def _entries(tools):
    """Return the entries of a HAR for all requests that have ended, in the order in which they were sent."""
    sent, received, ended = {}, {}, {}
    for method, event in tools.events:
        if method == "Network.requestWillBeSent":
            sent[event["requestId"]] = event
        elif method == "Network.responseReceived":
            received[event["requestId"]] = event["response"]
        elif method == "Network.loadingFinished":
            ended[event["requestId"]] = event["timestamp"]
    return [await _entry(tools, key, sent[key], received[key], ended[key]) for key in sent if key in received and key in ended]


async def _entry(tools, key, event, response, ended):
    body = await tools.call("Network.getResponseBody", requestId=key)
    request = event["request"]
    content = {"size": len(body["body"]), "mimeType": response["mimeType"], "text": body["body"]}
    content |= {"encoding": "base64"} if body["base64Encoded"] else {}
    posted = {"postData": {"mimeType": "application/json", "text": request["postData"]}} if "postData" in request else {}
    assert not body["base64Encoded"] or base64.b64decode(body["body"])
    return {
        "startedDateTime": datetime.fromtimestamp(event["wallTime"], UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "time": (ended - event["timestamp"]) * 1000,
        "request": {"method": request["method"], "url": request["url"], "httpVersion": "http/1.1"}
        | {"headers": _headers(request["headers"]), "queryString": [], "cookies": [], "headersSize": -1, "bodySize": -1}
        | posted,
        "response": {"status": response["status"], "statusText": response["statusText"], "httpVersion": "http/1.1"}
        | {
            "headers": _headers(response["headers"]),
            "cookies": [],
            "content": content,
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": -1,
        },
        "cache": {},
        "timings": {"send": 0, "wait": 0, "receive": 0},
    }


def _headers(headers):
    return [{"name": name, "value": value} for name, value in headers.items()]
