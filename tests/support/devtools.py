"""A page of headless Chromium by the DevTools protocol: scripts are run in it, and its events are read."""

import asyncio
import base64
import contextlib
import json
import subprocess

import aiohttp

from tests.support.tools import chromium_command

DEADLINE = 300

OPTIONS = [
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # no network lookups
    "--remote-debugging-port=0",
]


def browse(folder, use, *options):
    """Return what the coroutine function `use` returns for a new page of Chromium. Skip without Chromium."""
    with chromium(folder, *options) as run:
        return run(use)


@contextlib.contextmanager
def chromium(folder, *options):
    """Start Chromium with its profile in a folder; yield a function that returns what a coroutine function returns for its one page."""
    command = [*chromium_command(), *OPTIONS, *options, f"--user-data-dir={folder / 'profile'}", "about:blank"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        address = next(line.split()[-1] for line in process.stderr if line.startswith("DevTools listening on "))
        with asyncio.Runner() as runner:
            session = runner.run(_session())
            try:
                tools = runner.run(_page(session, address))
                yield lambda use: runner.run(asyncio.wait_for(use(tools), DEADLINE))
                runner.run(tools.close())
            finally:
                runner.run(session.close())
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


async def _session():
    return aiohttp.ClientSession()


async def _page(session, address):
    origin = address.partition("/devtools/")[0].replace("ws://", "http://")
    async with session.get(f"{origin}/json/list") as response:
        page = next(one for one in await response.json(content_type=None) if one["type"] == "page")
    return DevTools(await session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0))


class DevTools:
    """A connection to a page by the DevTools protocol, with the events that have come."""

    def __init__(self, socket):
        self._socket = socket
        self._number = 0
        self._answers = {}
        self._loaded = None
        self.events = []
        self._reader = asyncio.ensure_future(self._read())

    async def _read(self):
        async for message in self._socket:
            data = json.loads(message.data)
            if "id" in data:
                self._answers.pop(data["id"]).set_result(data)
            else:
                self.events.append((data["method"], data["params"]))
                if data["method"] == "Page.domContentEventFired" and self._loaded is not None and not self._loaded.done():
                    self._loaded.set_result(None)

    async def call(self, method, **parameters):
        self._number += 1
        self._answers[self._number] = answer = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        data = await answer
        assert "error" not in data, data
        return data["result"]

    async def evaluate(self, script):
        result = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")  # none for undefined

    async def open(self, url):
        """Open an address, and wait until its document is there."""
        await self.call("Page.enable")
        self._loaded = asyncio.get_running_loop().create_future()
        result = await self.call("Page.navigate", url=url)
        assert "errorText" not in result, result
        await self._loaded

    async def until(self, condition):
        """Wait until a condition on the document element's data is true in the page; `data` is `document.documentElement.dataset`."""
        return await self.evaluate(f"""new Promise((done) => {{
            const root = document.documentElement, data = root.dataset;
            const look = () => {{ if ({condition}) {{ observer.disconnect(); done(true); }} }};
            const observer = new MutationObserver(look);
            observer.observe(root, {{ attributes: true }});
            look();
        }})""")

    async def resize(self, width, height, *, phone=False):
        """Set the size of the page, and whether it is on a telephone."""
        await self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)

    async def screenshot(self, file):
        """Write what is to be seen as a PNG."""
        file.write_bytes(base64.b64decode((await self.call("Page.captureScreenshot"))["data"]))

    async def close(self):
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader
        await self._socket.close()
