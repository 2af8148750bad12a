"""Real clients over HTTP: each creates a task, polls it until it ends, lists and deletes it."""

import asyncio
import importlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import aiohttp
import httpx
import httpx2
import pytest
import requests

from nclue_contract.clients import Signer
from nclue_contract.signing import Credentials
from tests.support.payloads import PAYLOAD
from tests.support.server_process import DEADLINE, environment, running
from tests.support.signing import ACCESS, SECRET, signed
from tests.support.tools import ROOT, missing, node

NAME = "이탈 예측 & 50% +α"
WORDS = ["registered", "pending", "in_progress", "completed"]


@pytest.fixture(scope="module")
def process():
    with running("--progress", "reads:1") as server:
        yield server
        assert server.errors() == ""


@pytest.fixture
def server(process):
    process.control("reset", {})
    yield process
    rejected = [entry["status"] for entry in process.journal() if entry["status"] != 200]
    assert rejected == [404, 422], "nothing went wrong but what was meant to"


@pytest.fixture
def javascript():
    """Node, requested before the server: a test that is skipped sends nothing that `server` could look for."""
    return node()


@pytest.fixture
def signer():
    return Signer(Credentials(ACCESS, SECRET))


def story():
    """Yield the requests that every client sends (method, path, payload), and receive status and body."""
    status, created = yield "POST", "/tasks", PAYLOAD | {"name": NAME}
    assert (status, created["task_name"]) == (200, NAME)
    path = f"/tasks/{created['task_id']}"
    seen = []
    while len(seen) < 10 and seen[-1:] != ["completed"]:
        status, task = yield "GET", path, None
        seen.append(task["status"])
    assert seen == WORDS
    status, page = yield "GET", "/tasks?index=0&limit=100", None
    assert (status, page["total"], page["tasks"][0]["task_name"]) == (200, 1, NAME)
    assert (yield "DELETE", path, None) == (200, {"task_id": created["task_id"]})
    status, _ = yield "GET", path, None
    assert status == 404
    status, rejection = yield "POST", "/tasks", PAYLOAD | {"train_file_path": "a~b"}
    assert (status, rejection["error"]["errorCode"]) == (422, "10104")


def play(call):
    """Let a client do it: `call(method, path, payload)` returns status and body."""
    plot = story()
    step = next(plot)
    while step:
        try:
            step = plot.send(call(*step))
        except StopIteration:
            return


async def play_later(call):
    """Run the same requests with a client whose calls are awaited."""
    plot = story()
    step = next(plot)
    while step:
        try:
            step = plot.send(await call(*step))
        except StopIteration:
            return


@pytest.fixture
def curl():
    """Skip before the server is requested, for the same reason."""
    if shutil.which("curl") is None:
        missing("curl is missing")


@pytest.mark.usefixtures("curl")
def test_curl_with_the_command_that_sign_prints(server):
    keys = environment(NCLUE_ACCESS_KEY=ACCESS, NCLUE_SECRET_KEY=SECRET)

    def call(method, path, payload):
        sign = [sys.executable, "-m", "nclue_contract", "sign", "--curl", method, server.url + path]
        command = subprocess.run(sign, capture_output=True, text=True, env=keys, timeout=DEADLINE, check=True).stdout
        body = [] if payload is None else ["--data", json.dumps(payload)]
        words = [*shlex.split(command), *body, "--silent", "--show-error", "--write-out", "\n%{http_code}"]
        done = subprocess.run(words, capture_output=True, encoding="utf-8", timeout=DEADLINE, check=True)
        text, _, status = done.stdout.rpartition("\n")
        return int(status), json.loads(text)

    play(call)


@pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda library: library.__name__)
def test_httpx_and_httpx2(server, signer, library):
    with library.Client(base_url=server.url, auth=signer, trust_env=False) as client:

        def call(method, path, payload):
            response = client.request(method, path, json=payload)
            return response.status_code, response.json()

        play(call)


@pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda library: library.__name__)
def test_httpx_and_httpx2_asynchronously(server, signer, library):
    async def run():
        async with library.AsyncClient(base_url=server.url, auth=signer, trust_env=False) as client:

            async def call(method, path, payload):
                response = await client.request(method, path, json=payload)
                return response.status_code, response.json()

            await play_later(call)

    asyncio.run(run())


def test_requests(server, signer):
    with requests.Session() as client:
        client.trust_env = False

        def call(method, path, payload):
            response = client.request(method, server.url + path, json=payload, auth=signer, timeout=DEADLINE)
            return response.status_code, response.json()

        play(call)


def test_aiohttp(server):
    async def run():
        async with aiohttp.ClientSession() as client:

            async def call(method, path, payload):
                headers = signed(method, f"/api/v1{path}")
                async with client.request(method, server.url + path, json=payload, headers=headers) as response:
                    return response.status, await response.json()

            await play_later(call)

    asyncio.run(run())


def test_javascript(javascript, server):
    script = Path(__file__).parent.parent / "engines" / "client.mjs"
    keys = environment(NCLUE_ACCESS_KEY=ACCESS, NCLUE_SECRET_KEY=SECRET)
    command = [javascript, str(script), server.url, NAME]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", env=keys, timeout=DEADLINE, check=False)
    assert (done.stderr, done.returncode) == ("", 0)
    answers = iter(json.loads(done.stdout))

    def call(method, _path, _payload):
        sent, status, body = next(answers)
        assert sent == method
        return status, body

    play(call)
    assert next(answers, None) is None


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """Generate a client from the packaged document with openapi-python-client, without warnings."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "settings.yaml").write_text("post_hooks: []\n", encoding="utf-8")
    program = str(Path(sys.executable).parent / "openapi-python-client")
    document = ROOT / "nclue_contract" / "contract" / "openapi.json"
    options = ["--path", document, "--output-path", folder / "generated_client", "--config", folder / "settings.yaml", "--meta", "none"]
    utf8 = os.environ | {"PYTHONUTF8": "1"}
    done = subprocess.run(
        [program, "generate", *options, "--fail-on-warning"], capture_output=True, text=True, check=False, env=utf8, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield importlib.import_module("generated_client")
        for name in [name for name in sys.modules if name.partition(".")[0] == "generated_client"]:
            del sys.modules[name]


def test_a_client_generated_from_the_openapi_document(server, signer, generated):
    tasks = {
        name: importlib.import_module(f"generated_client.api.tasks.{name}")
        for name in ("create_task", "get_task", "list_tasks", "delete_task")
    }
    models = importlib.import_module("generated_client.models")
    options = {"auth": signer, "trust_env": False}
    with generated.Client(base_url=server.url, httpx_args=options, raise_on_unexpected_status=True) as client:

        def call(method, path, payload):
            if method == "POST":
                response = tasks["create_task"].sync_detailed(client=client, body=models.TaskRequest(**payload))
            elif path.startswith("/tasks?"):
                response = tasks["list_tasks"].sync_detailed(client=client, index=0, limit=100)
            else:
                name = "delete_task" if method == "DELETE" else "get_task"
                response = tasks[name].sync_detailed(path.removeprefix("/tasks/"), client=client)
            value = response.parsed.to_dict()
            assert value == json.loads(response.content), "the models lose nothing"
            return response.status_code, value

        play(call)
