"""One service behind four adapters: called directly, mocked in httpx and in httpx2, and over HTTP. All of them respond alike.

The responses are those that the validator expects, under every option of every reading. The options and the error codes are
typed here by hand.
"""

import json
import random
import re
import socket
import ssl
import threading
import unicodedata
from collections import Counter
from contextlib import suppress
from functools import cache
from http.client import HTTPConnection, HTTPException
from urllib.parse import parse_qsl

import httpx
import httpx2
import pytest
import uvicorn
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from nclue_contract.contract.readings import Readings
from nclue_contract.mock import mock
from nclue_contract.service.asgi import App
from nclue_contract.service.lifecycle import Lifecycle, ProgressMode
from nclue_contract.service.messages import Request
from nclue_contract.service.service import Service, sequential_ids
from nclue_contract.service.store import ExternalData
from nclue_contract.signing import Credentials, signed_headers
from nclue_contract.validation.validator import Validator
from tests.support.payloads import FEATURE_ID, PAYLOAD, TEST_FIELDS
from tests.support.readings import OPTIONS
from tests.support.signing import ACCESS, SECRET

KEYS = Credentials(ACCESS, SECRET)
START_MS = 1_764_000_000_000
GONE, GONE_TOO, PERSONAL, NO_FEATURE = "gone.tsv", "a~gone.tsv", "people.tsv", "ffffffff-0000-4000-8000-7837ae76d046"
FIXTURE_DATA = ExternalData(
    unknown_files=frozenset({GONE, GONE_TOO}),
    personal_files=frozenset({PERSONAL}),
    unknown_features=frozenset({NO_FEATURE}),
    failing_names={"fails": "COMMON_ERROR"},
)
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TASKS = "/api/v1/tasks"


# -- requests that may come ------------------------------------------------------------------------------------------------------------

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["\ud800", 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["churn", "second", "fails", "", "n" * 99, "n" * 100, "n" * 101, "😀" * 50, "😀" * 51, "가" * 100, " ", "a\nb"])
PATHS = st.sampled_from(["a/b.tsv", "", "dt=1", "a b", "데이터", "é", "\x7f", "\x00", "a~b", "a\\b", GONE, GONE_TOO, PERSONAL, "😀"])
IDS = st.sampled_from([FEATURE_ID, "", "short", NO_FEATURE])
BUCKETS = st.sampled_from(["answers", "", "B", "b" * 64])
VALUES = {"name": NAMES, "feature_id": IDS, "bucket": BUCKETS, "file_path": PATHS}


@st.composite
def payloads(draw):
    """Draw a valid payload, with up to three changes."""
    payload = PAYLOAD | {"name": draw(st.sampled_from(["churn", "second", "fails"]))} | (TEST_FIELDS if draw(st.booleans()) else {})
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 1, 2, 3]))):
        field = draw(st.sampled_from([*PAYLOAD, *TEST_FIELDS]))
        match draw(st.sampled_from(["value", "value", "value", "text", "json", "null", "remove", "add"])):
            case "value":
                payload[field] = draw(next(values for kind, values in VALUES.items() if field.endswith(kind)))
            case "text":
                payload[field] = draw(st.text(st.characters(exclude_categories=[]), max_size=5))
            case "json":
                payload[field] = draw(JSON_VALUES)
            case "null":
                payload[field] = None
            case "remove":
                payload.pop(field, None)
            case "add":
                payload[draw(st.sampled_from(["status", "Name", "a/b~c", ""]) | st.text(max_size=4))] = draw(JSON_VALUES)
    return payload


def encoded(value, *, readable):
    """JSON, with or without escapes; what cannot be encoded without escapes gets them."""
    with suppress(UnicodeEncodeError):
        return json.dumps(value, ensure_ascii=not readable).encode()
    return json.dumps(value).encode()


@st.composite
def bodies(draw):
    """Bodies: right ones, nearly right ones, any JSON, and any bytes."""
    body = encoded(draw(JSON_VALUES if draw(st.integers(0, 11)) == 0 else payloads()), readable=draw(st.booleans()))
    changes = {
        "cut": lambda: body[: draw(st.integers(0, len(body)))],
        "twice": lambda: body[:-1] + b', "name": "again"}',
        "mark": lambda: b"\xef\xbb\xbf" + body,
        "wide": lambda: body.decode().encode(draw(st.sampled_from(["utf-16", "utf-32-be", "utf-16-le"]))),
        "blanks": lambda: b"\n\t " + body + b"\r\n",
        "deep": lambda: b"[" * draw(st.integers(60, 5_000)) + body,
        "latin": lambda: body.replace(b"churn", b"ch\xfcrn"),
        "bytes": lambda: draw(st.binary(max_size=40)),
        "empty": lambda: b"",
    }
    change = draw(st.sampled_from([""] * 12 + list(changes)))
    return changes[change]() if change else body


def task_id(number):
    """Return the ID that the service assigns to the task with this number, from 1."""
    return f"00000000-0000-4000-8000-{number:012x}"


QUERIES = st.lists(
    st.sampled_from(
        [
            "index=0",
            "index=1",
            "index=99999999999999999999",
            "index=1" + "0" * 299,
            "index=1" + "0" * 320,
            "index=-1",
            "index=",
            "index",
            "limit=1",
            "limit=2",
            "limit=100",
            "limit=101",
            "limit=0",
            "limit=abc",
            "limit=%31",
            "limit=007",
            "index=-0",
            "limit=1.0",
            "limit=%00",
            "sort=name",
            "&",
            "=",
            "a+b=%20",
            "%zz",
            "?",
        ]
    ),
    max_size=3,
    unique_by=lambda item: item.partition("=")[0],
).map("&".join)
ODD_TARGETS = st.one_of(
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=12).map("/".__add__),
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=6).map(f"{TASKS}/".__add__),
    st.sampled_from(
        ["/", "//", "/api/v1", f"{TASKS}/", f"{TASKS}//", f"{TASKS}/a/b", "/API/V1/tasks", f"{TASKS}#", f"/.{TASKS}", f"{TASKS}/%2e%2e"]
    ),
).filter(lambda target: not target.startswith("/_nclue/"))
TARGETS = {
    "list": st.builds(lambda query: f"{TASKS}?{query}" if query else TASKS, QUERIES),
    "task": st.builds(lambda number: f"{TASKS}/{task_id(number)}", st.integers(1, 3)),
    "odd": ODD_TARGETS,
}
METHODS = ["GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS", "PURGE"]
CONTENT_TYPES = st.sampled_from(
    [b"application/json"] * 4
    + [
        b"Application/JSON; charset=utf-8",
        b"text/plain",
        b"application/x-www-form-urlencoded",
        b"",
        b"\xe9",
        b"application/json, text/plain",
    ]
)
ODD_HEADERS = st.sampled_from(
    [
        (b"x-ncp-apigw-timestamp", b"1"),
        (b"X-NCP-APIGW-TIMESTAMP", b"9" * 30),
        (b"x-ncp-iam-access-key", b"\xff"),
        (b"x-ncp-apigw-signature-v2", b"AAAA"),
        (b"Content-Type", b"text/html"),
        (b"cookie", b"a=b"),
        (b"x-long", b"v" * 2000),
        (b"Accept", b"text/html"),
    ]
)


@st.composite
def exchanges(draw, kinds):
    """Draw a request, and how many milliseconds pass before it; in most cases with a correct signature."""
    kind = draw(st.sampled_from(kinds))
    target = TASKS if kind == "create" else draw(TARGETS[kind])
    methods = {"create": ["POST"], "list": ["GET"], "task": ["GET", "GET", "DELETE"], "odd": METHODS}[kind]
    method = draw(st.sampled_from(methods if draw(st.integers(0, 15)) else METHODS))
    body = draw(bodies()) if kind == "create" or draw(st.integers(0, 9)) == 0 else b""
    headers = [(b"content-type", draw(CONTENT_TYPES))] if draw(st.integers(0, 3)) else []
    skew_ms = draw(st.sampled_from([0] * 40 + [-300_000, 300_000, -300_001, 300_001]))
    how = draw(st.sampled_from(["rightly"] * 30 + ["not", "as another", "twice"]))
    headers += draw(st.lists(ODD_HEADERS, max_size=1)) if draw(st.integers(0, 11)) == 0 else []
    return method, target, tuple(headers), body, draw(st.sampled_from([0, 1, 500, 1000, 60_000])), skew_ms, how


def requests_of(sequence):
    """Return the requests, with the times at which they arrive."""
    now_ms = START_MS
    for method, target, headers, body, wait_ms, skew_ms, how in sequence:
        now_ms += wait_ms
        what = f"{TASKS}/something-else" if how == "as another" else target
        signed = [] if how == "not" else [*signed_headers(method, what, KEYS, now_ms + skew_ms).items()] * (2 if how == "twice" else 1)
        pairs = (*headers, *((name.encode(), value.encode()) for name, value in signed))
        texts = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs)
        yield Request(method, target, texts, body), now_ms


SEQUENCES = st.builds(
    list.__add__,
    st.lists(exchanges(["create"]), min_size=1, max_size=2),
    st.lists(exchanges(["create", "task", "task", "task", "list", "odd"]), max_size=4),
)
JSON = ((b"content-type", b"application/json"),)
# Two requests after which it matters how names are compared, and one that deletes the first task.
SIMILAR = ("POST", TASKS, JSON, json.dumps(PAYLOAD | {"name": PAYLOAD["name"].upper()}).encode(), 0, 0, "rightly")
DELETED = ("DELETE", f"{TASKS}/{task_id(1)}", (), b"", 0, 0, "rightly")
TAKEN = ("POST", TASKS, JSON, json.dumps(PAYLOAD).encode(), 0, 0, "rightly")
# One that breaks a rule, and names a file that does not exist.
BOTH = ("POST", TASKS, JSON, json.dumps(PAYLOAD | {"train_file_path": GONE_TOO}).encode(), 0, 0, "rightly")
REFUSED = ("POST", TASKS, JSON, json.dumps(PAYLOAD | {"train_file_path": "a~b"}).encode(), 0, 0, "rightly")
# Every kind of response once, whatever is drawn.
ONE_OF_EACH = [
    TAKEN,
    TAKEN,
    REFUSED,
    ("POST", TASKS, JSON, b"", 0, 0, "rightly"),
    ("GET", f"{TASKS}/none", (), b"", 0, 0, "rightly"),
    ("PUT", TASKS, (), b"", 0, 0, "rightly"),
    ("GET", TASKS, (), b"", 0, 0, "not"),
]
PROGRESS = st.sampled_from(["immediate", "seconds:0.5", "reads:1", "manual"])
calmly = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def some_pins(seed):
    """Return pinned readings, the same ones for the same seed: about half of the readings, with any option."""
    chance = random.Random(seed)
    return {reading: chance.choice(options) for reading, options in OPTIONS.items() if chance.random() < 0.5}


@cache
def _services(pins, number):
    del number
    return Service(readings=Readings.choose(("test", dict(pins))), fixture_data=FIXTURE_DATA)


def fresh_service(pins, progress, number=0, *, keys=True):
    """Return a service without tasks. Creating one takes 10 ms, so services are reused: the `number`-th of those with the same readings."""
    service = _services(tuple(sorted(pins.items())), number)
    service.reset()
    service.keys = {KEYS.access_key: KEYS.secret_key} if keys else None
    service.new_id = sequential_ids()
    service.lifecycle = Lifecycle(ProgressMode.parse(progress), serial=service.readings["queue"] == "serial")
    return service


# -- the adapters ------------------------------------------------------------------------------------------------------------------------


def by_itself(service, request, now_ms):
    """Status, headers and body of the response, as they would be sent."""
    response = service.handle(request, now_ms)
    body = b"" if request.method == "HEAD" else response.body
    length = [] if response.status == 204 else [("content-length", str(len(response.body)))]
    return response.status, sorted([*response.headers, *length]), body


def through_a_mock(client, library, request):
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers]
    url, target = "https://nclue.apigw.ntruss.com/", request.target.encode()
    sent = library.Request(request.method, url, headers=pairs, content=request.body, extensions={"target": target})
    response = client.send(sent)
    return response.status_code, sorted(response.headers.multi_items()), response.content


class Loopback:
    """The server on loopback, with a persistent connection to it."""

    def __init__(self):
        self.now_ms = START_MS
        self.app = App(Service(), lambda: self.now_ms)
        # Without the name of the protocol asyncio leaves Nagle's algorithm on, and every response takes 40 ms.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # at once: a connection before uvicorn is ready has to wait, and is not refused
        # Without a log_config of its own: uvicorn's keeps its records from everybody else, in all tests to come.
        config = uvicorn.Config(self.app, log_config=None, lifespan="off", server_header=False, date_header=False, ws="none")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [listener]}, daemon=True)
        self.connection = HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=300)
        self.thread.start()

    def send(self, request, now_ms):
        self.now_ms = now_ms
        for attempt in range(3):
            try:
                return self._send(request)
            except (HTTPException, ConnectionError):  # an idle connection may be gone
                self.connection.close()
                if attempt == 2:
                    raise
        raise AssertionError

    def _send(self, request):
        self.connection.putrequest(request.method, request.target, skip_accept_encoding=True)
        for name, value in (*request.headers, ("content-length", str(len(request.body)))):
            self.connection.putheader(name, value.encode("latin-1"))
        self.connection.endheaders(request.body)
        response = self.connection.getresponse()
        body = response.read()
        return response.status, sorted((name.lower(), value) for name, value in response.getheaders()), body

    def stop(self):
        self.connection.close()
        self.server.should_exit = True
        self.thread.join()


@pytest.fixture(scope="module")
def loopback():
    server = Loopback()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def clients():
    with httpx.Client(verify=TLS) as one, httpx2.Client(verify=TLS) as two:
        yield {httpx: one, httpx2: two}


def compare(loopback, clients, pins, progress, sequence, *, keys=True):
    """Send the requests through every adapter; return the statuses, and the tasks that remain, when all agree."""
    pure, served, *mocked = (fresh_service(pins, progress, number, keys=keys) for number in range(4))
    mocks = {library: mock(service, clock=lambda: clock[0]) for library, service in zip(clients, mocked, strict=True)}
    loopback.app.service = served
    clock = [START_MS]
    statuses = []
    for request, now_ms in requests_of(sequence):
        clock[0] = now_ms
        expected = by_itself(pure, request, now_ms)
        for library, client in clients.items():
            with mocks[library]:
                assert through_a_mock(client, library, request) == expected, library.__name__
        assert loopback.send(request, now_ms) == expected
        statuses.append(expected[0])
    tasks = [pure.serializer.details(task) for task in pure.store]
    for service in (served, *(one.service for one in mocks.values())):
        assert [service.serializer.details(task) for task in service.store] == tasks
        assert [entry["status"] for entry in service.store.journal] == statuses
    return statuses, tasks


@pytest.mark.parametrize("keys", [True, False])
def test_all_adapters_return_the_same_responses(loopback, clients, keys):
    seen = Counter()

    @settings(calmly, max_examples=40)
    @given(SEQUENCES, st.integers(0, 19).map(some_pins), PROGRESS)
    @example(ONE_OF_EACH, {}, "manual")
    @example([TAKEN, DELETED], {"success-status": "gateway"}, "immediate")
    def agree(sequence, pins, progress):
        """Whatever is sent, the responses and the remaining tasks are the same through every adapter, to the byte."""
        statuses, _ = compare(loopback, clients, pins, progress, sequence, keys=keys)
        seen.update(statuses)

    agree()
    assert {200, 400, 404, 405, 409, 422} | ({401} if keys else set()) <= seen.keys()


@pytest.mark.parametrize(("size", "status"), [(1 << 20, 400), ((1 << 20) + 1, 413), (3 << 20, 413)])
def test_all_adapters_have_the_same_limit_for_large_bodies(loopback, clients, size, status):
    exchange = ("POST", TASKS, (), b" " * size, 0, 0, "rightly")
    assert compare(loopback, clients, {}, "manual", [exchange])[0] == [status]


# -- responses and findings --------------------------------------------------------------------------------------------------------------


@cache
def validator_with(pins):
    return Validator(dict(pins))


def operation_of(method, target):
    path = target.partition("?")[0]
    if path == TASKS:
        return {"POST": "createTask", "GET": "listTasks"}.get(method)
    rest = path.removeprefix(f"{TASKS}/")
    return {"GET": "getTask", "DELETE": "deleteTask"}.get(method) if rest and rest != path and "/" not in rest else None


ERROR_SHAPES = {
    "nested": ("error", "errorCode", "message"),
    "nested-code": ("error", "code", "message"),
    "flat": ("", "code", "message"),
    "flat-error-code": ("", "errorCode", "message"),
    "flat-msg": ("", "code", "msg"),
    "response-error": ("responseError", "returnCode", "returnMessage"),
    "status-object": ("status", "code", "message"),
}
"""The object that holds the code of an error (none: the top), and the names of code and message, per option of `error-shape`."""


def error_code(value, pins):
    """Return the code of an error body, in the structure and type that the readings select."""
    holder, code_name, message_name = ERROR_SHAPES[pins.get("error-shape", "nested")]
    fields = value[holder] if holder else value
    code = fields[code_name]
    assert isinstance(fields[message_name], str)
    assert code is None or type(code) is (int if pins.get("error-code-type") == "integer" else str)
    return None if code is None else str(code)


def may_answer(errors, payload, pins, names):
    """Return the pairs of status and code that are allowed as response to a create request; any code is allowed where it is None."""
    existence = set()
    fields = payload if isinstance(payload, dict) else {}
    for part, code in (("train", "10107"), ("test", "10108")):
        path, feature = fields.get(f"{part}_file_path"), fields.get(f"{part}_feature_id")
        existence |= {(404, code)} if path in (GONE, GONE_TOO) else set()
        existence |= {(404, None)} if feature == NO_FEATURE else set()
        existence |= {(422, "10109")} if path == PERSONAL else set()
    if errors:
        expected = {(answer.status, answer.code) for error in errors for answer in error.expects if answer.status >= 400}
        return expected | (existence if pins.get("check-order") == "existence-first" else set())
    return existence or ({(409, "10102")} if compared(fields["name"], pins) in names else {(200, None)})


def compared(name, pins):
    """Return what has to differ between two names: all of a name, or what the collations of databases distinguish."""
    if pins.get("name-comparison") != "collated":
        return name
    letters = unicodedata.normalize("NFKD", name).casefold()
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).rstrip(" ")


def validate(request, response, pins, names, created):
    """Return whether a response is allowed by the findings about its request; `names` are in use, `created` are payloads by task ID."""
    validator = validator_with(tuple(sorted(pins.items())))
    operation = operation_of(request.method, request.target)
    value = json.loads(response.body) if response.status != 204 else None
    pair = (200, None) if response.status < 300 else (response.status, error_code(value, pins))
    if response.status == 401:
        assert pair[1] == ("200" if pins.get("auth-refusal") == "gateway" else "10100")
    if operation is None:
        assert response.status in {401, 404, 405}
        return operation
    body, query = request.body, dict(parse_qsl(request.target.partition("?")[2], keep_blank_values=True))
    asked = {"createTask": body, "listTasks": query}.get(operation, request.target.rpartition("/")[2])
    if operation == "getTask" and asked in created:
        asked = created[asked] | {"task_id": asked}
    report = validator.validate_response(operation, response.status, response.headers, response.body, request=asked)
    assert report.errors == (), [(finding.rule, finding.message) for finding in report.errors]
    if operation == "createTask" and response.status != 401:
        types = [pair for pair in request.headers if pair[0].lower() == "content-type"]
        errors = [finding for finding in validator.validate_headers(types).errors if finding.pointer == "/content-type"]
        errors += validator.validate_request_json(body).errors
        payload = None
        with suppress(ValueError, RecursionError):
            payload = json.loads(body)
        allowed = may_answer(errors, payload, pins, names)
        assert pair in allowed or (pair[0], None) in allowed, (pair, allowed, [finding.rule for finding in errors])
        if response.status < 300:
            assert not errors
            names.add(compared(value["task_name"], pins))
            created[value["task_id"]] = payload
    elif operation == "deleteTask" and response.status < 300 and pins.get("name-after-deletion") != "kept":
        names.discard(compared(created[asked]["name"], pins))
    return operation


def check_answers(pins, progress, sequence, seen):
    service, names, created = fresh_service(pins, progress), set(), {}
    for (request, now_ms), (*_, skew_ms, how) in zip(requests_of(sequence), sequence, strict=True):
        response = service.handle(request, now_ms)
        signed = [name.lower() for name, _ in request.headers if name.lower().startswith("x-ncp-")]
        edge = 300_000 - (pins.get("timestamp-edge") == "refused")
        assert (response.status == 401) == (how != "rightly" or abs(skew_ms) > edge or len(signed) != 3)
        seen[validate(request, response, pins, names, created), response.status] += 1


@pytest.mark.parametrize(("reading", "option"), [(reading, option) for reading, options in OPTIONS.items() for option in options])
def test_every_response_is_one_that_the_findings_about_its_request_allow(reading, option):
    seen = Counter()
    choices = [{reading: option}, some_pins(f"{reading}={option}") | {reading: option}]

    @settings(calmly, max_examples=6)
    @given(SEQUENCES, st.sampled_from(choices), PROGRESS)
    @example([TAKEN, TAKEN, REFUSED, BOTH, SIMILAR], choices[0], "manual")
    @example([TAKEN, DELETED, TAKEN], choices[0], "immediate")
    def agree(sequence, pins, progress):
        """Allow for each error the responses that it expects; else success, unless a name is in use or an object is missing."""
        check_answers(pins, progress, sequence, seen)

    agree()
    assert {("createTask", 409), ("createTask", 422)} <= seen.keys()
    assert {("createTask", 200), ("createTask", 201)} & seen.keys()


def test_the_readings_of_this_file_are_all_there_are():
    assert {reading: (set(options), options[0]) for reading, options in OPTIONS.items()} == {
        reading: (set(OPTIONS.get(reading, ())), option) for reading, option in Readings.choose().items()
    }
    for reading, options in OPTIONS.items():
        for option in options:
            Readings.choose(("test", {reading: option}))


def part_of_list(asked, pins):
    """Return index and limit in force, for a query that is accepted; if numbers are clamped, what is no number becomes the default."""
    values = []
    for name, default, least, most in (("index", 0, 0, 10**300), ("limit", 20, 1, 100)):
        text = asked.get(name, str(default))
        if pins.get("query-range") == "clamped":
            is_number = re.fullmatch("-?[0-9]+", text) and len(text) <= 300
            values.append(min(max(int(text), least), most) if is_number else default)
        else:
            values.append(int(text))
    return values


def test_the_queries_of_lists_are_echoed_as_they_were_sent():
    @settings(calmly)
    @given(QUERIES, st.integers(0, 5), st.integers(0, 19).map(some_pins))
    @example("index=-1&limit=101", 1, {})
    @example("index=-1&limit=101", 1, {"query-range": "clamped"})
    @example("index=&limit=abc", 1, {"query-range": "clamped"})
    def echoed(query, count, pins):
        """Assert that a list repeats index and limit, and holds as many tasks as these leave."""
        service = fresh_service(pins, "manual", keys=False)
        for number in range(count):
            service.handle(Request("POST", TASKS, (), json.dumps(PAYLOAD | {"name": f"n{number}"}).encode()), START_MS)
        answer = service.handle(Request("GET", f"{TASKS}?{query}", ()), START_MS)
        asked = dict(parse_qsl(query, keep_blank_values=True))
        validator = validator_with(tuple(sorted(pins.items())))
        report = validator.validate_response("listTasks", answer.status, answer.headers, answer.body, asked)
        assert report.errors == ()
        event(str(answer.status))
        if answer.status == 200:
            index, limit = part_of_list(asked, pins)
            start = index * limit if pins.get("list-index") == "page" else index
            assert len(answer.json()["tasks"]) == max(0, min(limit, count - start))

    echoed()
