"""The ASGI application by its messages: what the control paths answer to the letter, and what it makes of a request of any server."""

import asyncio
import json

import pytest

from nclue_contract.contract.model import contract
from nclue_contract.service.addressing import AllowedHosts
from nclue_contract.service.asgi import App
from nclue_contract.service.lifecycle import ProgressMode
from nclue_contract.service.messages import Response
from nclue_contract.service.service import Service
from tests.support.payloads import PAYLOAD

JSON = (b"content-type", b"application/json")
NOW = 1_700_000_000_000


def app(**options):
    return App(Service(progress=ProgressMode("manual"), **options), lambda: NOW)


def exchange(application, scope, *messages):
    """Let an application read these messages; return what it sends."""
    incoming, sent = list(messages), []

    async def receive():
        return incoming.pop(0)

    async def send(message):
        sent.append(message)

    asyncio.run(application(scope, receive, send))
    assert incoming == []
    return sent


def ask(application, method, target, body=b"", headers=(), **scope):
    """Send a request as most servers pass it on; return status, headers and body of the response."""
    path, _, query = target.partition("?")
    values = {"method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode(), "headers": list(headers)}
    sent = exchange(application, {"type": "http", **values, **scope}, {"type": "http.request", "body": body})
    start, content = sent
    assert start.keys() == {"type", "status", "headers"}
    assert (start["type"], content["type"], content.keys()) == ("http.response.start", "http.response.body", {"type", "body"})
    return start["status"], start["headers"], content["body"]


def control(application, method, name, options=None, headers=()):
    """Return status and JSON of the response of a control path, whose headers are those of JSON."""
    status, sent, body = ask(application, method, f"/_nclue/{name}", b"" if options is None else json.dumps(options).encode(), headers)
    allowed = [pair for pair in sent if pair[0] == b"allow"]
    assert sent == [JSON, *allowed, (b"content-length", b"%d" % len(body))]
    return status, *(value.decode() for _, value in allowed), json.loads(body)


def create(application, name="churn"):
    status, _, body = ask(application, "POST", "/api/v1/tasks", json.dumps(PAYLOAD | {"name": name}).encode())
    assert status == 200
    return json.loads(body)["task_id"]


# -- control paths -----------------------------------------------------------------------------------------------------------------------


UNKNOWN = "unknown control path; known: health, reset, journal, advance, fail, openapi.json"
LIMITS = "count must be from 0 to 1,000, and delay_s from 0 to 600 seconds"
NO_OBJECT = "the body is not a JSON object"


def unknown(name, *known):
    return f"{name} is unknown or of the wrong type; known: {', '.join(known)}"


FAIL = ("count", "error", "delay_s", "cut")
ADVANCE = ("task_id", "steps", "fail_message")
PROBLEMS = [
    ("GET", "", None, (404, {"problem": UNKNOWN})),
    ("GET", "nothing", None, (404, {"problem": UNKNOWN})),
    ("POST", "health", None, (405, "GET", {"problem": "/_nclue/health needs the method GET"})),
    ("GET", "reset", None, (405, "POST", {"problem": "/_nclue/reset needs the method POST"})),
    ("POST", "journal", None, (405, "GET", {"problem": "/_nclue/journal needs the method GET"})),
    ("PUT", "advance", None, (405, "POST", {"problem": "/_nclue/advance needs the method POST"})),
    ("GET", "fail", None, (405, "POST", {"problem": "/_nclue/fail needs the method POST"})),
    ("POST", "openapi.json", None, (405, "GET", {"problem": "/_nclue/openapi.json needs the method GET"})),
    ("POST", "fail", [], (400, {"problem": NO_OBJECT})),
    ("POST", "fail", "x", (400, {"problem": NO_OBJECT})),
    ("POST", "fail", {"count": True}, (400, {"problem": unknown("'count'", *FAIL)})),
    ("POST", "fail", {"count": "1"}, (400, {"problem": unknown("'count'", *FAIL)})),
    ("POST", "fail", {"error": 5}, (400, {"problem": unknown("'error'", *FAIL)})),
    ("POST", "fail", {"delay_s": "5"}, (400, {"problem": unknown("'delay_s'", *FAIL)})),
    ("POST", "fail", {"delay_s": False}, (400, {"problem": unknown("'delay_s'", *FAIL)})),
    ("POST", "fail", {"cut": 1}, (400, {"problem": unknown("'cut'", *FAIL)})),
    ("POST", "fail", {"x" * 100: 1}, (400, {"problem": unknown(f"'{'x' * 79}", *FAIL)})),
    ("POST", "fail", {"count": -1}, (400, {"problem": LIMITS})),
    ("POST", "fail", {"count": 1001}, (400, {"problem": LIMITS})),
    ("POST", "fail", {"delay_s": -0.1}, (400, {"problem": LIMITS})),
    ("POST", "fail", {"delay_s": 600.1}, (400, {"problem": LIMITS})),
    ("POST", "fail", {"delay_s": float("nan")}, (400, {"problem": LIMITS})),
    ("POST", "advance", {"task_id": 5}, (400, {"problem": unknown("'task_id'", *ADVANCE)})),
    ("POST", "advance", {"steps": "1"}, (400, {"problem": unknown("'steps'", *ADVANCE)})),
    ("POST", "advance", {"steps": True}, (400, {"problem": unknown("'steps'", *ADVANCE)})),
    ("POST", "advance", {"fail_message": None}, (400, {"problem": unknown("'fail_message'", *ADVANCE)})),
    ("POST", "reset", {"x": 1}, (400, {"problem": "'x' is unknown or of the wrong type; known: "})),
]


@pytest.mark.parametrize(("method", "name", "options", "answer"), PROBLEMS)
def test_a_control_path_says_what_is_wrong(method, name, options, answer):
    assert control(app(), method, name, options) == answer


def test_a_body_that_is_no_json_is_described():
    status, _, body = ask(app(), "POST", "/_nclue/fail", b"{")
    assert (status, json.loads(body)["problem"][:9]) == (400, "Expecting")
    status, _, body = ask(app(), "POST", "/_nclue/fail", b"[" * 100_000)
    assert (status, list(json.loads(body))) == (400, ["problem"])
    status, problem = control(app(), "POST", "fail", {"error": "x" * 1000})
    assert (status, problem["problem"][:22], len(problem["problem"])) == (400, "unknown error 'xxxxxxx", 500)


@pytest.mark.parametrize(
    ("header", "allowed"),
    [((b"origin", b"null"), False), ((b"sec-fetch-site", b"same-origin"), False), ((b"sec-fetch-site", b"none"), True)],
)
def test_a_web_page_cannot_use_control_paths(header, allowed):
    refused = (403, {"problem": "control paths cannot be used from web pages"})
    assert control(app(), "POST", "reset", headers=[header]) == ((200, {"status": "ok"}) if allowed else refused)


def test_health_and_the_document():
    application = app(readings={"status-word": "complete"})
    assert control(application, "GET", "health?x=1") == (200, {"status": "ok", "contract": contract().revision, "tasks": 0})
    create(application)
    assert control(application, "GET", "health") == (200, {"status": "ok", "contract": contract().revision, "tasks": 1})
    status, document = control(application, "GET", "openapi.json")
    assert (status, document["components"]["schemas"]["TaskStatus"]["enum"][3]) == (200, "complete")


def test_tasks_are_moved_and_forgotten():
    application = app()
    first, second = create(application), create(application, "other")
    assert control(application, "POST", "advance") == (200, {"moved": 2})
    assert control(application, "POST", "advance", {"task_id": first, "steps": 2}) == (200, {"moved": 2})
    assert control(application, "POST", "advance", {"task_id": second, "fail_message": "LIMIT_ERROR", "steps": 99}) == (200, {"moved": 2})
    tasks = application.service.store
    assert [(task.stage, task.fail_message) for task in tasks] == [(3, None), (4, "LIMIT_ERROR")]
    assert control(application, "POST", "advance", {"steps": 0}) == (200, {"moved": 0})
    status, journal = control(application, "GET", "journal")
    assert (status, journal["requests"], [entry["method"] for entry in journal["entries"]]) == (200, 2, ["POST", "POST"])
    assert control(application, "POST", "reset", {}) == (200, {"status": "ok"})
    assert control(application, "GET", "journal") == (200, {"requests": 0, "entries": []})


def test_ten_steps_at_most_are_taken_at_once(monkeypatch):
    application, calls = app(), []
    monkeypatch.setattr(application.service, "advance", lambda task_id, **options: calls.append((task_id, options)) or 1)
    assert control(application, "POST", "advance", {"steps": 11}) == (200, {"moved": 10})
    assert calls == [(None, {"now_ms": NOW, "fail_message": None})] * 10


def test_failures_are_counted():
    application = app()
    assert control(application, "POST", "fail") == (200, {"injected": 1})
    assert control(application, "POST", "fail", {"count": 0, "delay_s": 600}) == (200, {"injected": 1})
    assert control(application, "POST", "fail", {"count": 1000, "error": "RATE_LIMITED", "delay_s": 0, "cut": True}) == (
        200,
        {"injected": 1001},
    )


# -- requests and responses --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "target"),
    [
        ({"path": "/api/v1/tasks"}, "/api/v1/tasks"),
        ({"path": "/api/v1/tasks/가 %/~:@!$&'()*+,;="}, "/api/v1/tasks/%EA%B0%80%20%25/~:@!$&'()*+,;="),
        ({"path": "/\udcff"}, "/%FF"),
        ({"path": "/x", "raw_path": b"/%78", "query_string": b"a=1"}, "/%78?a=1"),
        ({"path": "/x", "raw_path": b"/x?", "query_string": b""}, "/x?"),
        ({"path": "/x", "raw_path": b"/x?a", "query_string": b"a"}, "/x?a"),
        ({"path": "/x", "raw_path": b"/\xe9"}, "/\u00e9"),
    ],
    ids=repr,
)
def test_the_target_is_the_one_that_was_sent(scope, target):
    application = app()
    exchange(application, {"type": "http", "method": "GET", "headers": [], **scope}, {"type": "http.request"})
    assert application.service.store.journal[-1]["target"] == target


@pytest.mark.parametrize(("raw_path", "query", "hidden"), [(b"/x", b"", True), (b"/x?", b"", False), (b"/x", b"a", False)])
def test_whether_a_question_mark_may_be_missing(raw_path, query, hidden):
    application, requests = app(), []
    application.service.handle = lambda request, now_ms: requests.append((request.mark_hidden, now_ms)) or Response(200, b"")
    ask(application, "GET", "/x", raw_path=raw_path, query_string=query)
    assert requests == [(hidden, NOW)]


def test_a_body_in_pieces_is_kept_up_to_one_byte_too_many():
    application, bodies = app(), []
    application.service.handle = lambda request, _: bodies.append(request.body) or Response(200, b"")
    scope = {"type": "http", "method": "POST", "path": "/x", "headers": [(b"X", b"\xe9")]}
    first = {"type": "http.request", "body": b"ab", "more_body": True}
    exchange(application, scope, first, {"type": "http.request", "more_body": True}, {"type": "http.request", "body": b"c"})
    assert bodies.pop() == b"abc"
    half = {"type": "http.request", "body": b"x" * (1 << 19), "more_body": True}
    exchange(application, scope, half, half, {"type": "http.request", "body": b"y"})
    assert bodies.pop() == b"x" * (1 << 20) + b"y"
    exchange(application, scope, half, half, half, half, {"type": "http.request", "body": b"y", "more_body": False})
    assert bodies.pop() == b"x" * ((1 << 20) + 1)


def test_a_client_that_leaves_gets_no_response():
    application = app()
    scope = {"type": "http", "method": "POST", "path": "/x", "headers": []}
    assert exchange(application, scope, {"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.disconnect"}) == []
    assert application.service.store.requests == 0


def test_a_response_is_sent_with_its_headers_late_cut_or_without_its_body(monkeypatch):
    application, slept = app(), []

    async def sleep(seconds):
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    response = Response(200, b"12345", (("x-e", "\u00e9"),))
    application.service.handle = lambda *_: response
    expected = [(b"x-e", b"\xe9"), (b"content-length", b"5")]
    assert ask(application, "GET", "/x") == (200, expected, b"12345")
    assert ask(application, "HEAD", "/x") == (200, expected, b"")
    lengths = [(b"Transfer-Encoding", b"chunked"), (b"Content-Length", b"5")]
    assert ask(application, "GET", "/x", headers=lengths) == (200, [*expected, (b"connection", b"close")], b"12345")
    assert (
        ask(application, "GET", "/x", headers=lengths[:1])
        == ask(application, "GET", "/x", headers=lengths[1:])
        == (200, expected, b"12345")
    )
    assert slept == []
    response = Response(200, b"12345", (), delay_s=2.5, cut=True)
    scope = {"type": "http", "method": "GET", "path": "/x", "headers": []}
    assert exchange(application, scope, {"type": "http.request"}) == [
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]},
        {"type": "http.response.body", "body": b"12", "more_body": True},
    ]
    assert slept == [2.5]


def test_a_lifespan_is_acknowledged_and_a_web_socket_closed():
    startup, shutdown = {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}
    assert exchange(app(), {"type": "lifespan"}, startup, shutdown) == [
        {"type": "lifespan.startup.complete"},
        {"type": "lifespan.shutdown.complete"},
    ]
    assert exchange(app(), {"type": "websocket"}) == [{"type": "websocket.close", "code": 1008}]


# -- hosts -------------------------------------------------------------------------------------------------------------------------------

NOT_ONE = "the request does not name one valid host in the header Host, or in its target"
LONG = "a" * 50 + "." + "b" * 50


def other(host, command="serve"):
    return (
        f"this server does not respond for the host {host}, so that no web page can read from it by DNS rebinding; "
        f"if the host is right, start the server with: nclue-contract {command} --allow-host {host}"
    )


@pytest.mark.parametrize(
    ("authority", "hosts", "version", "refusal"),
    [
        (None, ["localhost"], "1.1", ""),
        (None, [], "1.0", ""),
        (None, [], "1.1", NOT_ONE),
        (None, ["localhost", "localhost"], "1.1", NOT_ONE),
        (None, ["local host"], "1.1", NOT_ONE),
        ("localhost", [], "1.1", ""),
        ("localhost", ["x.example"], "1.1", ""),
        ("x.example", ["localhost"], "1.1", other("x.example")),
        (None, ["x.example:80"], "1.0", other("x.example")),
        (None, [LONG], "1.1", other(LONG[:80])),
        (None, ["allowed.example"], "1.1", ""),
    ],
)
def test_a_request_for_another_host_is_refused_with_advice(authority, hosts, version, refusal):
    assert AllowedHosts(frozenset({"allowed.example"})).refusal(authority, hosts, version) == refusal


def test_the_advice_names_the_command():
    assert AllowedHosts(command="proxy").refusal(None, ["x.example"], "1.1") == other("x.example", "proxy")
    assert AllowedHosts.listening([], command="proxy").refusal(None, ["x.example"], "1.1") == other("x.example", "proxy")


def test_a_misdirected_request_reaches_neither_the_service_nor_control_paths():
    application = App(Service(), lambda: NOW, AllowedHosts())
    for target in ("/_nclue/health", "/api/v1/tasks"):
        status, headers, body = ask(application, "GET", target, headers=[(b"host", b"x.example")], http_version="1.1")
        assert (status, headers[0], json.loads(body)) == (421, JSON, {"problem": other("x.example")})
        assert ask(application, "GET", target)[0] == 421  # without a version it is HTTP/1.1
        assert ask(application, "GET", target, http_version="1.0")[0] == 200
    assert application.service.store.requests == 1
