"""HAR as a browser sees it: headless Chromium sends requests with `fetch`, and its network events become entries."""

import asyncio
import base64
import contextlib
import json
import subprocess
from datetime import UTC, datetime

import aiohttp

from tests.support.signing import signed
from tests.support.tools import chromium_command

DEADLINE = 300

OPTIONS = [
    "--disable-web-security",  # the page is of another origin than the server
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # no network lookups
    "--remote-debugging-port=0",
    "about:blank",
]


def record_har(folder, url, client_run):
    """Let a page in Chromium send what `client_run` says, and return the HAR. Skip the test if there is no Chromium."""
    process = subprocess.Popen([*chromium_command(), *OPTIONS, f"--user-data-dir={folder / 'profile'}"], stderr=subprocess.PIPE, text=True)
    try:
        address = next(line.split()[-1] for line in process.stderr if line.startswith("DevTools listening on "))
        return asyncio.run(asyncio.wait_for(_record(address, url, client_run), DEADLINE))
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


class DevTools:
    """A connection to a page by the DevTools protocol, with the events that have come."""

    def __init__(self, socket):
        self._socket = socket
        self._number = 0
        self._answers = {}
        self.events = []
        self._reader = asyncio.ensure_future(self._read())

    async def _read(self):
        async for message in self._socket:
            data = json.loads(message.data)
            if "id" in data:
                self._answers.pop(data["id"]).set_result(data)
            else:
                self.events.append((data["method"], data["params"]))

    async def call(self, method, **parameters):
        self._number += 1
        self._answers[self._number] = answer = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        data = await answer
        assert "error" not in data, data
        return data["result"]

    async def evaluate(self, script):
        result = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        return result["result"]["value"]

    async def close(self):
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader


async def _record(address, url, client_run):
    origin = address.partition("/devtools/")[0].replace("ws://", "http://")
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{origin}/json/list") as response:
            page = next(one for one in await response.json(content_type=None) if one["type"] == "page")
        async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            tools = DevTools(socket)
            await tools.call("Network.enable")
            await _run(tools, f"{url}/tasks", client_run)
            entries = await _entries(tools)
            await tools.close()
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
