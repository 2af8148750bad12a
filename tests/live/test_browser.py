"""The page in Chromium, before a real client's run through the proxy: what it shows, what it does not run, keyboard, telephone, end."""

import asyncio
import http.client
import json
import signal

import httpx
import pytest

from nclue_contract.clients import Signer
from nclue_contract.signing import EXAMPLE
from tests.support.devtools import browse
from tests.support.payloads import PAYLOAD
from tests.support.server_process import DEADLINE, running
from tests.support.signing import ACCESS, SECRET

HOSTILE = [
    "<script>window.hacked = 1</script>",
    "</script><script>window.hacked = 1</script>",
    "<img src=x onerror=window.hacked=1>",
    "javascript:window.hacked=1",
    "\u202e\u2066txt.exe",
    "\ud800 lone",
    "\x00\x1b[31m",
    '"><svg/onload=window.hacked=1>',
]
KEYS = {"NCLUE_ACCESS_KEY": ACCESS, "NCLUE_SECRET_KEY": SECRET}
ROWS = "[...document.querySelectorAll('#list > li')]"
VISIBLE = f"{ROWS}.filter((one) => one.getClientRects().length > 0)"


def client_run(base):
    """Send what a client might, and what nobody should; return the number of requests."""
    sent = []
    with httpx.Client(auth=Signer(EXAMPLE), timeout=DEADLINE, event_hooks={"request": [sent.append]}) as client:
        task = client.post(f"{base}/tasks", json=PAYLOAD | {"name": "churn <b>"}).json()["task_id"]
        client.post(f"{base}/tasks", json=PAYLOAD | {"name": "tilde", "train_file_path": "logs/a~b.tsv"})
        client.post(f"{base}/tasks", json=PAYLOAD | {"name": "warned", "train_file_path": "데이터.csv"})
        client.post(f"{base}/tasks", json=PAYLOAD | {"name": f"{SECRET} {ACCESS}"})
        for text in HOSTILE:
            body = json.dumps(PAYLOAD | {"name": text, "train_file_path": text, text: text})
            query = {"q": "".join(filter(str.isprintable, text)).strip()}
            client.post(f"{base}/tasks", params=query, content=body, headers={"content-type": "text/html", "x-note": query["q"]})
        client.get(f"{base}/tasks/{task}")
        client.get(f"{base}/elsewhere")
    return len(sent)


async def look(tools, server, proxy):
    """Return what the page shows, in the order of what is done with it."""
    seen = {}
    await tools.call("Runtime.enable")
    await tools.call("Log.enable")
    await tools.open(proxy.page)
    await tools.until("data.state === 'live'")
    number = await asyncio.to_thread(client_run, proxy.url)
    await tools.until(f"Number(data.last) === {number}")  # live: the page was there before
    await tools.until("Number(data.tasks) > 2")
    seen["rows"] = await tools.evaluate(f"{ROWS}.map((one) => [one.className, one.querySelector('.row').textContent])")
    seen["marks"] = await tools.evaluate(
        "[...document.querySelectorAll('mark')].map((one) => [one.parentNode.textContent, one.textContent])"
    )
    seen["tasks"] = await tools.evaluate("[...document.querySelectorAll('#tasks .name')].map((one) => one.textContent)")
    seen["counts"] = await tools.evaluate("[...document.querySelectorAll('[data-count]')].map((one) => Number(one.textContent))")
    await tools.evaluate("for (const row of document.querySelectorAll('.row')) row.click()")
    seen["elements"] = await tools.evaluate(
        "[document.scripts.length, document.querySelectorAll('img, svg, iframe, object').length, typeof window.hacked]"
    )
    seen["text"] = await tools.evaluate("document.body.textContent")
    seen["markup"] = await tools.evaluate(
        "(() => { try { document.body.innerHTML = '<i>'; return 'written'; } catch (e) { return e.name; } })()"
    )
    for scheme in ("light", "dark"):
        await tools.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        seen[scheme] = await tools.evaluate("getComputedStyle(document.body).backgroundColor")
    await tools.resize(390, 844, phone=True)
    seen["phone"] = await tools.evaluate("""[document.documentElement.scrollWidth, [...document.querySelectorAll('body *')].filter(
        (one) => one.getBoundingClientRect().right > 390.5 && !one.closest('pre, .hidden')).map((one) => one.outerHTML.slice(0, 200))]""")
    await tools.resize(1280, 900)
    await tools.evaluate("for (const row of document.querySelectorAll('.row')) row.click()")
    await use_keyboard(tools, seen)
    await use_filters(tools, seen, proxy)
    await see_changes(tools, seen, server, proxy)
    logged = [event["entry"] for name, event in tools.events if name == "Log.entryAdded"]
    seen["problems"] = [event for name, event in tools.events if name == "Runtime.exceptionThrown"]
    seen["problems"] += [entry for entry in logged if "'TrustedHTML' assignment" not in entry["text"] and entry["source"] != "network"]
    return seen


async def press(tools, key):
    text = {"Enter": "\r"}.get(key, "")
    code = {"Enter": 13, "ArrowDown": 40, "ArrowUp": 38, "End": 35, "Home": 36, "Tab": 9}[key]
    await tools.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, text=text, windowsVirtualKeyCode=code)
    await tools.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=code)


async def use_keyboard(tools, seen):
    at = f"{ROWS}.findIndex((one) => one.contains(document.activeElement))"
    await tools.evaluate("document.querySelector('.downloads a:last-child').focus()")
    seen["keys"] = []
    for key in ("Tab", "Home", "ArrowDown", "ArrowDown", "ArrowUp", "End"):
        await press(tools, key)
        seen["keys"].append(await tools.evaluate(at))
    await press(tools, "Enter")
    seen["opened"] = await tools.evaluate(
        "[document.activeElement.getAttribute('aria-expanded'), document.querySelectorAll('.open').length]"
    )
    seen["stops"] = await tools.evaluate("document.querySelectorAll('.row[tabindex=\"0\"]').length")


async def use_filters(tools, seen, proxy):
    async def pick(result="", words="", method=""):
        return await tools.evaluate(f"""(() => {{
            document.querySelector('[name=result][value={json.dumps(result)}]').click();
            document.getElementById('search').value = {json.dumps(words)};
            document.getElementById('method').value = {json.dumps(method)};
            document.getElementById('filter').dispatchEvent(new InputEvent('input', {{ bubbles: true }}));
            return [{VISIBLE}.length, document.getElementById('shown').textContent];
        }})()""")

    seen["filters"] = [await pick("error"), await pick(words="nc120 LOGS"), await pick(method="GET"), await pick("warning"), await pick()]
    await tools.evaluate("document.getElementById('pause').click()")
    before = await tools.evaluate("document.documentElement.dataset.last")
    await asyncio.to_thread(httpx.get, f"{proxy.url}/tasks")
    await tools.evaluate("""new Promise((done) => { const button = document.getElementById('pause');
        const look = () => { if (button.textContent === 'Resume (1 new)') done(true); };
        new MutationObserver(look).observe(button, { childList: true, characterData: true, subtree: true }); look(); })""")
    paused = await tools.evaluate("document.documentElement.dataset.last")
    await tools.evaluate("document.getElementById('pause').click()")
    seen["pause"] = [int(paused) - int(before), int(await tools.evaluate("document.documentElement.dataset.last")) - int(before)]


async def see_changes(tools, seen, server, proxy):
    """Look at the page of `serve`: a reset empties it, and when the server ends, it says so, and the server does not wait for it."""
    await tools.open(server.page)
    await tools.until("data.state === 'live' && Number(data.last) > 5")
    seen["serve"] = await tools.evaluate("document.querySelector('h1').textContent")
    await asyncio.to_thread(server.control, "reset", {})
    await tools.until("data.last === '0' && data.tasks === '0'")
    seen["reset"] = await tools.evaluate(f"[{ROWS}.length, document.getElementById('nothing').hidden]")
    seen["code"] = await asyncio.to_thread(server.stop, signal.SIGINT)
    await tools.until("data.state === 'lost'")
    await tools.call("Emulation.setScriptExecutionDisabled", value=True)
    await tools.open(proxy.page)
    seen["without script"] = await tools.evaluate(
        "[document.querySelector('noscript p').getClientRects().length, document.getElementById('filter').getClientRects().length]"
    )


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """Return what was seen of the pages of a server and of a proxy before it."""
    with running("--progress", "reads:1") as server, running(server.url, name="proxy", **KEYS) as proxy:

        async def use(tools):
            return await look(tools, server, proxy)

        seen = browse(tmp_path_factory.mktemp("browser"), use)
        assert server.errors() == proxy.errors() == ""
    return seen


def test_exchanges_appear_while_they_happen_with_method_status_and_result(seen):
    rows = seen["rows"]
    assert [row[0] for row in rows[-4:]] == ["valid", "warning", "error", "valid"]
    assert [
        ("POST/api/v1/tasks" in text, status in text) for (_, text), status in zip(rows[-4:], ("200", "200", "422", "200"), strict=True)
    ] == [(True, True)] * 4
    assert rows[0][0] == "unjudged"
    assert (rows[1][0], "GET/api/v1/tasks/" in rows[1][1]) == ("valid", True)
    assert "NC120" in rows[-2][1]


def test_the_offending_character_is_marked(seen):
    assert ["logs/a~b.tsv", "~"] in seen["marks"]
    assert ["\\u202e\\u2066txt.exe", "\\u202e\\u2066"] in seen["marks"]
    assert ["<script>window.hacked = 1</script>", "<"] in seen["marks"]


def test_tasks_are_shown_with_their_names_as_text(seen):
    assert {"churn <b>", "warned"} <= set(seen["tasks"])


def test_what_is_hostile_stays_text_and_does_nothing(seen):
    assert seen["elements"] == [1, 0, "undefined"]
    assert all(text in seen["text"] for text in ("<script>window.hacked = 1</script>", "<img src=x onerror=window.hacked=1>"))
    assert [code for code in "\u202e\u2066\x00\x1b\ud800" if code in seen["text"]] == []
    assert seen["markup"] == "TypeError"
    assert seen["problems"] == []


def test_no_secret_is_on_the_page(seen):
    assert [secret for secret in (ACCESS, SECRET) if secret in seen["text"]] == []
    assert "***" in seen["text"]


def test_it_is_there_in_light_and_in_dark_and_fits_a_telephone(seen):
    assert (seen["light"], seen["dark"]) == ("rgb(243, 245, 248)", "rgb(14, 18, 23)")
    assert seen["phone"] == [390, []]


def test_the_keyboard_reaches_every_exchange_and_opens_it(seen):
    assert seen["keys"] == [0, 0, 1, 2, 1, len(seen["rows"]) - 1]
    assert (seen["opened"], seen["stops"]) == (["true", 1], 1)


def test_exchanges_are_filtered_by_result_method_and_words(seen):
    total, errors, warnings, valid, unjudged = seen["counts"]
    assert total == len(seen["rows"]) == errors + warnings + valid + unjudged
    assert [shown for shown, _ in seen["filters"]] == [errors, 1, 2, warnings, total]
    assert [text for _, text in seen["filters"]] == [f"{n} of {total} shown" for n in (errors, 1, 2, warnings)] + [""]


def test_a_pause_holds_back_what_comes(seen):
    assert seen["pause"] == [0, 1]


def test_a_reset_empties_the_page_of_the_server(seen):
    assert (seen["serve"], seen["reset"]) == ("nclue-contract serve", [0, False])


def test_the_server_ends_although_a_page_is_open(seen):
    assert seen["code"] == 0


def test_without_script_the_page_says_so(seen):
    assert seen["without script"] == [1, 0]


def test_an_open_stream_is_complete_when_the_server_ends():
    """A stream that the server had to cut off at its deadline would have no last chunk."""
    with running("--no-auth") as server, server.connection() as connection:
        connection.request("GET", "/_nclue/events")
        stream = connection.getresponse()
        assert stream.read1(100).startswith(b"retry: ")
        assert server.stop(signal.SIGINT) == 0
        try:
            stream.read()
        except http.client.IncompleteRead as error:
            pytest.fail(f"the stream was cut off: {error}")
        assert server.errors() == ""
