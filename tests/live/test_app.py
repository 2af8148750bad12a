"""The page of `serve` and of `proxy` as ASGI applications: addresses, policy, hosts and origins, downloads, secrets, and streams."""

import asyncio
import base64
import hashlib
import json
import re

import pytest

from nclue_contract.live import app as live_app
from nclue_contract.live.app import MAX_STREAMS
from nclue_contract.service.faults.catalogue import inject_fault
from nclue_contract.service.service import Service
from tests.support.asgi import Talk, ask, events
from tests.support.live_apps import new_service, proxied, served
from tests.support.payloads import PAYLOAD
from tests.support.signing import ACCESS, NOW, SECRET, SIGNATURE, signed
from tests.support.tools import ROOT

PAGE, EVENTS, REPORT, HAR = PATHS = ["/_nclue/", "/_nclue/events", "/_nclue/report.json", "/_nclue/traffic.har"]
TASKS = "/api/v1/tasks"


@pytest.fixture(params=[served, proxied], ids=["serve", "proxy"])
def app(request):
    return request.param()


def send(app, method="GET", target=TASKS, payload=None, **headers):
    """Send a signed request to the tasks."""
    body = b"" if payload is None else json.dumps(payload).encode()
    pairs = signed(method, target, timestamp=NOW) | {"content-type": "application/json"} | headers
    return ask(app, target, method=method, headers=pairs, body=body)


def shown(app):
    """Return the data of all events that a new page gets, by the kind of event."""

    async def run():
        async with Talk(app, EVENTS) as talk:
            received = [event for _ in range(2) for event in events(await talk.piece())]
        return [(event["event"], json.loads(event["data"])) for event in received if "event" in event]

    return asyncio.run(run())


def exchanges(app):
    return [value for name, value in shown(app) if name == "exchange"]


def tasks(app):
    (value,) = [value for name, value in shown(app) if name == "tasks"]
    return value


# -- the page -------------------------------------------------------------------------------------------------------------------------


def test_the_page_loads_nothing_but_its_events_and_its_policy_says_so(app):
    reply = ask(app, PAGE)
    document = reply.body.decode()
    digests = {}
    for kind in ("style", "script"):
        (content,) = re.findall(f"<{kind}>(.*?)</{kind}>", document, re.DOTALL)
        digests[kind] = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    (policy,) = reply.header("content-security-policy")
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digests['style']}'; script-src 'sha256-{digests['script']}'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    assert reply.header("content-type") == ["text/html; charset=utf-8"]
    assert set(re.findall(r'(?:src|href|action)="([^"]*)"', document)) == {"data:,", REPORT, HAR}
    assert [
        word for word in ("http:", "innerHTML", "insertAdjacent", "document.write", "eval(", " on", "url(") if f"{word}=" in document
    ] == []
    assert [
        word for word in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "url(", "@import") if word in document
    ] == []
    assert "<noscript>" in document


@pytest.mark.parametrize("path", PATHS)
def test_nothing_of_it_is_stored_guessed_or_shared(app, path):
    reply = ask(app, path, method="HEAD")
    assert (reply.status, reply.body) == (200, b"")
    assert {name: value for name, value in reply.headers if name in HEADERS} == HEADERS


HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_it_is_only_read(app, path, method):
    reply = ask(app, path, method=method)
    assert (reply.status, reply.header("allow"), json.loads(reply.body)) == (
        405,
        ["GET, HEAD"],
        {"problem": "this address needs the method GET"},
    )


@pytest.mark.parametrize("address", ["/_nclue", "/_nclue?x=1"])
def test_the_address_without_the_slash_leads_to_the_page(app, address):
    reply = ask(app, address)
    assert (reply.status, reply.header("location"), reply.body) == (308, ["/_nclue/"], b"/_nclue/")
    assert ask(app, address, method="HEAD").body == b""
    assert ask(app, address, method="POST").status == 405
    assert ask(app, address, headers={"host": "rebound.example"}).status == 421
    assert ask(app, address, headers={"sec-fetch-site": "cross-site"}).status == 403
    assert exchanges(app) == []  # it is no request of the client


@pytest.mark.parametrize("path", [PAGE, EVENTS])
def test_a_query_changes_nothing(app, path):
    assert ask(app, f"{path}?x", method="HEAD").status == 200


# -- hosts and origins ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*PATHS, TASKS])
@pytest.mark.parametrize("host", ["rebound.example", "localhost.rebound.example:8000", "", None])
def test_a_name_that_a_web_page_has_chosen_gets_nothing(app, path, host):
    reply = ask(app, path, host=host)
    assert reply.status == 421
    assert "web page" in json.loads(reply.body)["problem"] or not host
    assert exchanges(app) == []


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]:8000", "LOCALHOST"])
def test_the_names_of_this_machine_get_everything(app, path, host):
    assert ask(app, path, method="HEAD", host=host).status == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://rebound.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost:8001"}, 403),
        ({"origin": "https://localhost:8000"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"origin": "http://localhost:8000", "sec-fetch-site": "same-origin"}, 200),
    ],
)
def test_pages_of_other_sites_get_nothing(app, path, headers, status):
    assert ask(app, path, method="HEAD", headers=headers).status == status


def test_the_advice_names_the_command():
    for command, make in (("serve", served), ("proxy", proxied)):
        for path in (PAGE, TASKS):
            problem = json.loads(ask(make(), path, host="gateway.example").body)["problem"]
            assert problem.endswith(f"start the server with: nclue-contract {command} --allow-host gateway.example")


def test_the_proxy_says_that_such_a_response_is_its_own_and_passes_nothing_on():
    app = proxied()
    reply = ask(app, TASKS, host="rebound.example")
    assert (reply.status, reply.header("x-nclue-proxy"), app.upstream.passed) == (421, ["misdirected"], [])


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (f"http://localhost:8000{TASKS}", 200),
        (f"http://rebound.example{TASKS}", 421),
        (f"http://localhost{PAGE}", 200),
        (f"http://rebound.example{PAGE}", 421),
    ],
)
def test_the_host_of_an_absolute_target_takes_precedence(target, status):
    app = proxied(Service())
    assert ask(app, target).status == status


def test_all_other_addresses_are_those_of_the_server():
    app = served()
    assert json.loads(ask(app, "/_nclue/health").body)["status"] == "ok"
    assert ask(app, "/_nclue/journal", headers={"sec-fetch-site": "same-origin"}).status == 403, "still not for web pages"
    app = proxied()
    for path in ("/_nclue/health", "/_nclueless", "/_nclue/events/", "/_nclue/page.html"):
        ask(app, path)
    assert app.upstream.passed == [b"/_nclue/health", b"/_nclueless", b"/_nclue/events/", b"/_nclue/page.html"]


# -- what is shown --------------------------------------------------------------------------------------------------------------------


def test_exchanges_are_shown_with_their_findings(app):
    send(app, "POST", payload=PAYLOAD)
    send(app, "POST", payload=PAYLOAD | {"name": "x", "train_file_path": "a~b"})
    ask(app, TASKS)
    ask(app, "/elsewhere")
    results = [(one["method"], one["status"], one["result"], [found["rule"] for found in one["findings"]]) for one in exchanges(app)]
    assert results == [
        ("POST", 200, "valid", []),
        ("POST", 422, "error", ["NC120"]),
        ("GET", 401, "error", ["NC200"] * 3),
        ("GET", 401, "unjudged", []),
    ]
    assert exchanges(app)[1]["findings"][0]["pieces"] == [["a", False], ["~", True], ["b", False]]
    assert shown(app)[0][1]["url"] == "http://localhost:8000/api/v1"


def test_a_wrong_signature_is_explained(app):
    ask(app, TASKS, headers=signed("GET", "/tasks", timestamp=NOW))
    (finding,) = exchanges(app)[0]["findings"]
    assert (finding["rule"], "signed without /api/v1" in finding["message"]) == ("NC208", True)


def test_without_authentication_no_signature_is_missed():
    app = served(Service())
    ask(app, TASKS)
    assert exchanges(app)[0]["result"] == "valid"


def test_a_cut_response_is_shown_as_one():
    service = new_service()
    app = served(service)
    service.fail_next(cut=True, delay_s=0.0)
    send(app)
    assert exchanges(app)[0]["problem"] == "the response was cut in the middle, as it was asked to be"


def test_tasks_are_shown_with_their_states(app):
    send(app, "POST", payload=PAYLOAD)
    (task,) = tasks(app)["changed"]
    assert (task["name"], task["created_at"]) == ("churn", "2024-11-26T11:48:16+09:00")
    send(app, "GET", f"{TASKS}/{task['id']}")
    assert [one["status"] for one in tasks(app)["changed"]] == ["completed"]
    assert tasks(app)["counts"] == [["completed", 1]]
    send(app, "DELETE", f"{TASKS}/{task['id']}")
    assert [count[0] for count in tasks(app)["counts"]] in ([], ["deleted"])  # the proxy remembers it


def test_the_proxy_shows_tasks_as_they_were_seen_and_serve_as_they_are():
    service = new_service("manual")
    behind, before = served(service), proxied(service)
    send(before, "POST", payload=PAYLOAD)
    service.advance(now_ms=NOW)
    assert [task["status"] for task in tasks(behind)["changed"]] == ["pending"]
    assert [(task["status"], task["stage"]) for task in tasks(before)["changed"]] == [("not seen", -1)]
    assert tasks(before)["counts"] == [["not seen", 1]]


def test_time_moves_the_tasks_of_serve():
    now = [NOW]
    app = served(new_service("seconds:10"), lambda: now[0])
    send(app, "POST", payload=PAYLOAD)
    states = []
    for _ in range(4):
        states.append(tasks(app)["changed"][0]["status"])
        now[0] += 10_000
    assert states == ["registered", "pending", "in_progress", "completed"]


def test_the_newest_200_tasks_are_shown_and_all_are_counted():
    service = Service()
    for number in range(205):
        service.store.add(service.new_task(PAYLOAD | {"name": f"{number}"}, NOW))
    told = tasks(served(service))
    assert [task["name"] for task in told["changed"]] == [f"{number}" for number in range(5, 205)]
    assert sum(count for _, count in told["counts"]) == 205


def test_times_that_a_fault_makes_numbers_are_shown():
    service = new_service()
    inject_fault(service, "time-milliseconds")
    service.store.add(service.new_task(PAYLOAD, NOW))
    (task,) = tasks(served(service))["changed"]
    assert str(NOW) in task.values()


def test_a_reset_empties_the_page():
    app = served()
    send(app, "POST", payload=PAYLOAD)
    ask(app, "/_nclue/reset", method="POST")
    assert [name for name, _ in shown(app)] == ["hello", "tasks"]
    assert tasks(app)["changed"] == []
    send(app)
    assert [one["number"] for one in exchanges(app)] == [1]


# -- downloads ------------------------------------------------------------------------------------------------------------------------


def test_the_report_is_that_of_the_command_traffic(app, tmp_path, capsys):
    from nclue_contract.cli.main import main  # noqa: PLC0415  # for this test only

    send(app, "POST", payload=PAYLOAD)
    send(app, "POST", payload=PAYLOAD | {"train_file_path": "a~b"})
    downloaded = ask(app, REPORT)
    assert downloaded.header("content-disposition")[0].endswith('.json"')
    report = json.loads(downloaded.body)
    assert [(one["operation"], one["valid"], [found["rule"] for found in one["findings"]]) for one in report["exchanges"]] == [
        ("createTask", True, []),
        ("createTask", False, ["NC120"]),
    ]
    (tmp_path / "a.har").write_bytes(ask(app, HAR).body)
    assert main(["traffic", str(tmp_path / "a.har"), "--format", "json"]) == 1
    again = json.loads(capsys.readouterr().out)
    unlike_files = [{name: value for name, value in one.items() if name not in {"file", "line"}} for one in again["exchanges"]]
    assert unlike_files == [{name: value for name, value in one.items() if name not in {"file", "line"}} for one in report["exchanges"]]


def test_an_empty_page_has_empty_downloads(app):
    assert json.loads(ask(app, REPORT).body)["exchanges"] == json.loads(ask(app, HAR).body)["log"]["entries"] == []


def test_a_download_lets_others_run_meanwhile():
    app = served(Service())
    for _ in range(20):
        ask(app, TASKS)

    async def run():
        async with Talk(app, REPORT) as talk:
            async with Talk(app, "/_nclue/health") as other:
                assert (other.status, talk.task.done()) == (200, False)
            assert len(json.loads(await talk.rest())["exchanges"]) == 20

    asyncio.run(run())


# -- secrets --------------------------------------------------------------------------------------------------------------------------


def test_no_secret_is_shown_wherever_a_client_puts_it(app):
    sent = signed("POST", TASKS, timestamp=NOW)
    cookie = "EXAMPLECOOKIE0001"
    for number, secret in enumerate([ACCESS, SECRET, sent[SIGNATURE], cookie]):
        for payload in (PAYLOAD | {"name": f"{number} {secret}"}, {"train_file_path": f"a~{secret}", secret: 1}):
            headers = sent | {"cookie": f"a={cookie}", "x-note": f"see {secret}", "content-type": f"application/json; x={secret}"}
            ask(app, TASKS, method="POST", headers=headers, body=json.dumps(payload).encode())
            ask(app, f"{TASKS}?index={secret}", headers=headers | {"x-escaped": "".join(f"%{ord(one):02x}" for one in secret)})
    assert len(exchanges(app)) == 16
    told = json.dumps(shown(app)) + ask(app, REPORT).body.decode() + ask(app, HAR).body.decode()
    secrets = [ACCESS, SECRET, sent[SIGNATURE], sent[SIGNATURE].rstrip("="), cookie]
    assert [secret for secret in (*secrets, "".join(f"%{ord(one):02x}" for one in SECRET)) if secret in told] == []
    assert [task["name"][:2] for task in tasks(app)["changed"]] == ["0 ", "1 ", "2 ", "3 "]


# -- streams --------------------------------------------------------------------------------------------------------------------------


def test_only_so_many_pages_are_served_at_once(app):
    async def run():
        talks = [await Talk(app, EVENTS).__aenter__() for _ in range(MAX_STREAMS)]
        async with Talk(app, EVENTS) as refused:
            assert (refused.status, dict(refused.headers)["retry-after"]) == (503, "5")
        async with Talk(app, REPORT) as refused, Talk(app, PAGE) as page:
            assert (refused.status, page.status) == (503, 200)
        await talks.pop().__aexit__()  # a page that is closed makes room
        async with Talk(app, EVENTS) as accepted:
            assert accepted.status == 200
        for talk in talks:
            await talk.__aexit__()
        assert app.streams == 0

    asyncio.run(run())


def test_streams_end_when_the_server_ends(app):
    async def run():
        async with Talk(app, EVENTS) as talk:
            await talk.piece()
            await talk.piece()
            app.close()
            assert await talk.piece() == b""
            assert await talk.piece() is None
            assert talk.complete
        assert app.streams == 0

    asyncio.run(run())


def test_a_page_that_reads_nothing_is_given_up(app, monkeypatch):
    monkeypatch.setattr(live_app, "SEND_S", 0.001)

    async def run():
        async with Talk(app, EVENTS, reads=False) as talk:
            await talk.task
            assert not talk.complete
        assert app.streams == 0

    asyncio.run(run())


def test_an_error_while_a_stream_is_written_is_not_hidden(app, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(live_app.downloads, "report", broken)
    with pytest.raises(ZeroDivisionError):
        ask(app, REPORT)


def test_a_web_socket_and_a_lifespan_are_those_of_the_application_inside():
    sent = []

    async def keep(message):
        sent.append(message)

    asyncio.run(served()({"type": "websocket"}, None, keep))
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_the_page_is_part_of_the_package():
    assert (ROOT / "nclue_contract" / "live" / "page.html").is_file()
