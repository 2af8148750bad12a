"""Conforming servers that behave differently from ours: the contract check reports none of them.

Each is one of the two servers with something around it that no page forbids: another parser, another form of the responses, a clock of its
own, slow tasks, other users at work.
"""

import itertools
import json
import random
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import formatdate

import pytest

from nclue_contract.check.cases.plan import plan
from nclue_contract.check.run import CheckOptions, selected_cases
from nclue_contract.check.runner import Runner
from nclue_contract.check.sender import Limits
from nclue_contract.check.session import CheckSession
from nclue_contract.check.transport_memory import START_MS, MemoryTransport
from nclue_contract.contract.readings import Readings
from nclue_contract.service.lifecycle import ProgressMode
from nclue_contract.service.messages import Request, Response
from nclue_contract.service.service import Service
from nclue_contract.service.store import ExternalData
from nclue_contract.signing import EXAMPLE, signed_headers
from tests.support.plans import short_plan
from tools.measure_check import KNOWN, reference_server, second_server

PREFIX = "/api/v1"
TASKS = f"{PREFIX}/tasks"


def service(progress="seconds:0.5", *, queue="parallel", rate_limit=False):
    fixture_data = ExternalData(failing_files={KNOWN.failing_file: "NUM_OF_LABEL_INSUFFICIENT"})
    keys = {EXAMPLE.access_key: EXAMPLE.secret_key}
    return Service(keys, readings={"queue": queue}, progress=ProgressMode.parse(progress), fixture_data=fixture_data, rate_limit=rate_limit)


SERVERS = {"service": lambda: service().handle, "second server": second_server}


def checked(handle, cases=None, *, budget=600):
    """Run a plan as over HTTP, where the server's clock is not known; return the problems, and the result."""
    transport = MemoryTransport(handle, PREFIX)
    session = CheckSession(Readings.of(None), KNOWN, run="run", prefix=PREFIX, now_ms=transport.now_ms)
    result = Runner(session, short_plan() if cases is None else cases, transport, Limits(budget=budget)).run("somewhere", "tested")
    return [(failure.rule, failure.case, failure.sentence) for failure in result.failures], result


def test_as_they_are():
    for make in SERVERS.values():
        problems, result = checked(make(), plan())
        assert (problems, result.exit_code, result.stop_reason) == ([], 0, "")


# -- parsers ------------------------------------------------------------------------------------------------------------------------------


def deep(handle):
    """Parse deeply nested JSON, by raising Python's recursion limit."""

    def deeper(request, now_ms):
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(20_000)
        try:
            return handle(request, now_ms)
        finally:
            sys.setrecursionlimit(before)

    return deeper


def reading(change):
    """Apply `change` to a request body before it is parsed; where it returns None, reject the body."""

    def wrap(handle):
        def other(request, now_ms):
            try:
                body = change(request.body) if request.method == "POST" else request.body
            except (ValueError, RecursionError):
                return handle(request, now_ms)
            if body is None:
                rejection = {"error": {"errorCode": "10101", "message": "INVALID_JSON"}}
                return Response(422, json.dumps(rejection).encode(), (("content-type", "application/json"),))
            return handle(replace(request, body=body), now_ms)

        return other

    return wrap


PARSERS = {
    "takes any depth": deep,
    "skips a byte order mark": reading(lambda body: body.removeprefix(b"\xef\xbb\xbf")),
    "refuses a byte order mark": reading(lambda body: None if body.startswith(b"\xef\xbb\xbf") else body),
    "takes the first of two values": reading(
        lambda body: json.dumps(json.loads(body.decode(), object_pairs_hook=lambda pairs: dict(reversed(pairs)))).encode()
    ),
    "replaces half a character": reading(lambda body: body.replace(rb'\ud83d"', '\ufffd"'.encode())),
    "refuses half a character": reading(lambda body: None if rb'\ud83d"' in body else body),
    "refuses numbers beyond a double": reading(lambda body: None if b"1e999" in body else body),
}


# -- the form of responses ----------------------------------------------------------------------------------------------------------------


def dressed(change):
    """Change the JSON or the headers of responses without changing their meaning: `change` gets value and headers."""

    def wrap(handle):
        def other(request, now_ms):
            response = handle(request, now_ms)
            value, headers = change(json.loads(response.body), dict(response.headers))
            body = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
            return replace(response, body=body, headers=tuple(headers.items()))

        return other

    return wrap


def typed(content_type):
    return dressed(
        lambda value, headers: (value, {name: old if name.lower() != "content-type" else content_type for name, old in headers.items()})
    )


def with_times(form):
    """Other spellings of the same times."""

    def walk(value):
        if isinstance(value, dict):
            return {
                name: form(datetime.fromisoformat(inner)) if name.endswith("_at") and isinstance(inner, str) else walk(inner)
                for name, inner in value.items()
            }
        return [walk(inner) for inner in value] if isinstance(value, list) else value

    return dressed(lambda value, headers: (walk(value), headers))


def chatty(value, headers):
    """More fields than the pages have, and more words in the errors."""
    value = {**value, "request_id": "7", "_links": {"self": TASKS}}
    if "tasks" in value:
        value["tasks"] = [{**task, "owner": None} for task in value["tasks"]]
    if "error" in value:
        value["error"] = {**value["error"], "message": "Something is wrong.", "details": []}
    return value, headers | {"x-request-id": "7"}


FORMS = {
    "a charset": typed("application/json; charset=utf-8"),
    "capitals": typed("Application/JSON;Charset=UTF-8"),
    "more fields": dressed(chatty),
    "lines": dressed(lambda value, headers: (json.dumps(value, indent=2).encode() + b"\n", headers)),
    "escapes": dressed(lambda value, headers: (json.dumps(value).encode(), headers)),
    "another order": dressed(lambda value, headers: (dict(reversed(value.items())), headers)),
    "times in UTC": with_times(lambda time: time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")),
    "times with microseconds": with_times(lambda time: time.replace(microsecond=123_456).isoformat()),
    "times with milliseconds": with_times(lambda time: time.isoformat(timespec="milliseconds")),
}


@pytest.mark.parametrize(("around", "which"), list(zip(PARSERS, itertools.cycle(SERVERS))))
def test_parsers(around, which):
    """Only the meaning of a valid JSON request is evaluated, not its form. Each parser has one of the servers, in turn."""
    problems, result = checked(PARSERS[around](SERVERS[which]()), plan(only=["NC0", "NC1", "NC30"], skip=["NC120"]))
    assert (problems, result.exit_code, result.stop_reason) == ([], 0, "")


OF_EVERY_KIND = ("NC11", "NC2", "NC3", "NC4", "NC5")
"""Rules whose cases get every kind of response: of each operation, with and without an error, of a gateway."""


@pytest.mark.parametrize(("around", "which"), list(zip(FORMS, itertools.cycle(SERVERS))))
def test_forms(around, which):
    """Only the meaning of a response is evaluated, not its form. Each form has one of the servers, in turn."""
    problems, result = checked(FORMS[around](SERVERS[which]()), plan(only=OF_EVERY_KIND))
    assert (problems, result.exit_code, result.stop_reason) == ([], 0, "")


# -- other habits -------------------------------------------------------------------------------------------------------------------------


def rejection(status, value=None):
    return Response(
        status, json.dumps(value or {"error": {"errorCode": None, "message": "no"}}).encode(), (("content-type", "application/json"),)
    )


def rejecting(reject):
    """Respond to create requests with what `reject` returns, without passing them to the server; where it returns None, pass them on."""
    return lambda handle: lambda request, now_ms: (request.method == "POST" and reject(request)) or handle(request, now_ms)


def intercepting(answer):
    """Replace a response by what `answer` returns for the request and the response; where it returns None, keep the response."""

    def wrap(handle):
        def other(request, now_ms):
            response = handle(request, now_ms)
            return answer(request, response) or response

        return other

    return wrap


def only_json(request):
    """HTTP's own rejection of another content type, as frameworks word it."""
    types = [value for name, value in request.headers if name.lower() == "content-type"]
    if types != [] and not types[0].startswith("application/json"):
        return rejection(415, {"timestamp": 7, "status": 415, "error": "Unsupported Media Type"})
    return None


def knows_four_methods(request, _):
    return Response(501, b"<h1>Unsupported method</h1>", (("content-type", "text/html"),)) if request.method == "PUT" else None


def gateway_before_it(_, response):
    """Return the service's errors flat, with codes as strings; those of the gateway stay nested, with codes as numbers."""
    if response.status < 400 or response.status == 401:
        return None
    inner = json.loads(response.body)["error"]
    return replace(response, body=json.dumps({"errorCode": inner["errorCode"], "message": inner["message"]}).encode())


def strict_where_required(request):
    """Reject an empty string in a required field; treat an optional field with an empty string as absent."""
    try:
        payload = json.loads(request.body)
    except (ValueError, RecursionError):
        return None
    required = ("train_feature_id", "train_bucket", "train_file_path")
    return rejection(422) if isinstance(payload, dict) and "" in map(payload.get, required) else None


def measuring(counter):
    """Undocumented fields differ in each response, and the size of a task is computed each time."""

    def change(value, headers):
        value = {**value, "request_id": str(next(counter))}
        if value.get("disk_usage"):
            value["disk_usage"] += next(counter)
        return value, headers

    return dressed(change)


def finer_at_first(request, response):
    """Return the creation time with milliseconds in the response to a create request; the database stores seconds."""
    if request.method != "POST" or response.status != 200:
        return None
    value = json.loads(response.body)
    time = datetime.fromisoformat(value["created_at"]) + timedelta(milliseconds=900)
    return replace(response, body=json.dumps(value | {"created_at": time.isoformat(timespec="milliseconds")}, ensure_ascii=False).encode())


def unreadable_headers(request, _):
    """Reject repeated headers and header values that are not ASCII, as a gateway may."""
    names = [name.lower() for name, _ in request.headers]
    odd = len(set(names)) < len(names) or not all(value.isascii() for _, value in request.headers)
    return rejection(400, {"error": {"errorCode": "100", "message": "Bad Request Exception"}}) if odd else None


def unknown_bucket(handle):
    """Reject an unknown bucket with an error code of its own, which is not in the excerpt of the page that we have."""

    def other(request, now_ms):
        response = handle(request, now_ms)
        if request.method != "POST" or response.status not in {200, 409}:
            return response
        if json.loads(request.body).get("train_bucket") in {None, "", KNOWN.bucket, " Answers "}:
            return response
        if response.status == 200:  # a request that is rejected creates nothing
            sent(handle, "DELETE", f"{TASKS}/{json.loads(response.body)['task_id']}", now_ms)
        return rejection(404, {"error": {"errorCode": "10110", "message": "X"}})

    return other


def keeps_half_a_character(handle):
    """Accept half a surrogate pair and return it, as a parser with UTF-16 strings (JavaScript) does."""

    def other(request, now_ms):
        response = handle(replace(request, body=request.body.replace(rb'\ud83d"', b'HALF"')), now_ms)
        return replace(response, body=response.body.replace(b'HALF"', rb'\ud83d"'))

    return other


HABITS = {
    "half a character": keeps_half_a_character,
    "415": rejecting(only_json),
    "501": intercepting(knows_four_methods),
    "errors of a gateway and of a service": intercepting(gateway_before_it),
    "empty is none": rejecting(strict_where_required),
    "measures": measuring(itertools.count(1)),
    "finer times at first": intercepting(finer_at_first),
    "400 for headers": intercepting(unreadable_headers),
    "unknown bucket": unknown_bucket,
}


@pytest.mark.parametrize(("around", "which"), list(zip(HABITS, itertools.cycle(SERVERS))))
def test_habits(around, which):
    problems, result = checked(HABITS[around](SERVERS[which]()))
    assert (problems, result.exit_code, result.stop_reason) == ([], 0, "")


def shows_late(handle, seconds):
    """Return states as of the last poll of the worker, which happens every few seconds."""
    polled, polled_task = {}, {}

    def other(request, now_ms):
        response = handle(request, now_ms)
        task_id = request.target.removeprefix(f"{TASKS}/")
        if request.method != "GET" or response.status != 200:
            return response
        value = json.loads(response.body)
        for task in value.get("tasks", [value]):
            if now_ms - polled.get(task["task_id"], 0) < seconds * 1000:
                task.update(polled_task[task["task_id"]])
            else:
                polled[task["task_id"]] = now_ms
                polled_task[task["task_id"]] = {name: task[name] for name in ("status", "completed_at")}
        known = polled_task.get(task_id, {"status": "completed"})
        if known["status"] not in {"completed", "failed"} and "AUROC" in value:
            value |= dict.fromkeys(["AUROC", "line_count", "disk_usage", "fail_message"])
        return replace(response, body=json.dumps(value, ensure_ascii=False).encode())

    return other


@pytest.mark.parametrize("seconds", [1, 5])
def test_an_end_that_is_returned_late(seconds):
    """Nothing is deleted here: whether a task can be deleted depends on the server's own state, which is not the one returned."""
    transport = MemoryTransport(shows_late(service("seconds:2").handle, seconds), PREFIX)
    session = CheckSession(Readings.of(None), KNOWN, run="run", prefix=PREFIX, now_ms=transport.now_ms)
    result = Runner(session, plan(only=["NC400"]), transport, Limits(clean_up=False)).run("somewhere", "tested")
    assert [failure.sentence for failure in result.failures if "completed_at" in failure.sentence] == []


class Late(MemoryTransport):
    """A request with another timestamp than now, signed when it leaves, waits before the server reads it; no other does."""

    def __init__(self, handle, waits_ms):
        super().__init__(lambda request, now_ms: handle(request, now_ms + self.waiting_ms), PREFIX)
        self.waits_ms, self.waiting_ms = waits_ms, 0

    def send(self, *asks):
        self.waiting_ms = self.waits_ms if asks[0].skew_ms else 0
        exchanges = [replace(exchange, received_ms=exchange.sent_ms + self.waiting_ms) for exchange in super().send(*asks)]
        self.sleep(self.waiting_ms / 1000)
        return exchanges


@pytest.mark.parametrize("waits_ms", [1000, 9000])
def test_requests_that_wait_before_they_are_read(waits_ms):
    """The age of a timestamp when it is read is then not known."""
    transport = Late(service("seconds:100").handle, waits_ms)
    session = CheckSession(Readings.of(None), KNOWN, run="run", prefix=PREFIX, now_ms=transport.now_ms)
    result = Runner(session, plan(only=["NC20", "NC4"]), transport, Limits()).run("somewhere", "tested")
    assert ([failure.sentence for failure in result.failures], result.exit_code, result.stop_reason) == ([], 0, "")


class HeldUp(MemoryTransport):
    """The check is held up before each deletion, as on a busy machine."""

    def __init__(self, handle, seconds):
        super().__init__(handle, PREFIX)
        self.seconds = seconds

    def send(self, *requests):
        if requests[0].method == "DELETE":
            self.sleep(self.seconds)
        return super().send(*requests)


@pytest.mark.parametrize(("stage", "queue"), [(0.13, "serial"), (0.18, "serial"), (0.25, "parallel"), (0.25, "serial"), (0.4, "serial")])
def test_a_task_that_ends_while_the_check_is_held_up_is_deleted_rightly(stage, queue):
    """However long that takes, no deletion is a failure. `stage` is in seconds."""
    for seconds in (0.2, 0.3, 0.35, 0.4):
        transport = HeldUp(service(f"seconds:{stage}", queue=queue).handle, seconds)
        session = CheckSession(Readings.of(None), KNOWN, run="run", prefix=PREFIX, now_ms=transport.now_ms)
        result = Runner(session, plan(only=["NC401"]), transport, Limits(clean_up=False)).run("somewhere", "tested")
        assert [failure.sentence for failure in result.failures] == [], seconds


class AtRandom(MemoryTransport):
    """The check is held up at random: before a request is sent, until the server reads it, and until its response is received."""

    exact_clock = False

    def __init__(self, handle, seed):
        super().__init__(handle, PREFIX)
        self.random = random.Random(seed)
        self.often, self.most_s = self.random.choice([0.01, 0.05, 0.2, 0.5]), self.random.choice([0.2, 0.5, 1, 3])

    def send(self, *requests):
        return [self._one(request) for request in requests]

    def _one(self, request):
        self._hold_up()
        sent_ms = self.now_ms()
        self._hold_up()
        (exchange,) = super().send(request)
        self._hold_up()
        return replace(exchange, sent_ms=sent_ms, received_ms=self.now_ms())

    def _hold_up(self):
        if self.random.random() < self.often:
            self.sleep(self.random.random() * self.most_s)


@pytest.mark.parametrize(
    ("seed", "stage", "queue"), [(23, 0.13, "parallel"), (23, 0.13, "serial"), (116, 0.4, "serial"), (84, 0.5, "serial")]
)
def test_no_result_depends_on_when_the_check_is_held_up(seed, stage, queue):
    """With these seeds, a server was failed for the deletion of a task that had ended."""
    transport = AtRandom(service(f"seconds:{stage}", queue=queue).handle, seed)
    session = CheckSession(Readings.of(None), KNOWN, run="run", prefix=PREFIX, now_ms=transport.now_ms)
    result = Runner(session, plan(only=["NC2", "NC3", "NC4"]), transport, Limits(clean_up=False)).run("somewhere", "tested")
    assert ([failure.sentence for failure in result.failures], result.stop_reason) == ([], "")


# -- readings -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [reference_server, second_server])
@pytest.mark.parametrize(("order", "characters"), [("rules-first", "page-2025"), ("existence-first", "page-2024")])
def test_probe_finds_the_order_of_a_server_that_looks_up_files(start, order, characters):
    """Where rules are checked first, the characters as well; else 404 is the response to every path of the check."""
    handle = start(readings={"check-order": order, "path-characters": characters}, known_files=True)
    _, result = checked(handle, selected_cases(CheckOptions(probe=True)))
    assert (result.readings["check-order"], result.failures) == ((order,), [])
    if order == "rules-first":
        assert result.readings["path-characters"] == (characters,)


# -- clocks -------------------------------------------------------------------------------------------------------------------------------


def set_apart(ahead_ms, *, date):
    """Set the server's clock ahead, with or without a Date header that shows it."""

    def wrap(handle):
        def other(request, now_ms):
            response = handle(request, now_ms + ahead_ms)
            headers = [(name, value) for name, value in response.headers if name.lower() != "date"]
            dates = [("Date", formatdate((now_ms + ahead_ms) / 1000, usegmt=True))] if date else []
            return replace(response, headers=(*headers, *dates))

        return other

    return wrap


@pytest.mark.parametrize("date", [True, False], ids=["Date", "no Date"])
@pytest.mark.parametrize(("ahead_s", "which"), list(zip([3, -10, -200, 290], itertools.cycle(SERVERS))))
def test_clocks(ahead_s, which, date):
    """The server's clock decides; without a Date header it is inferred from the creation time of a task. Servers in turn."""
    problems, result = checked(set_apart(ahead_s * 1000, date=date)(SERVERS[which]()), plan(only=["NC20", "NC4", "NC306"]))
    assert (problems, result.exit_code, result.stop_reason) == ([], 0, "")
    assert str(result.outcomes["clock[beyond the limit ahead]"].state) == "passed"


def test_the_limits_of_a_server_that_shows_no_time_are_not_tested():
    handle = set_apart(60_000, date=False)(service().handle)
    transport = MemoryTransport(handle, PREFIX)
    session = CheckSession(Readings.of(None), KNOWN, run="run", prefix=PREFIX, now_ms=transport.now_ms)
    result = Runner(session, plan(may_create=False), transport, Limits()).run("somewhere", "read-only")
    assert (result.failures, result.exit_code) == ([], 0)
    reasons = {outcome.reason for case, outcome in result.outcomes.items() if case.startswith(("clock[within", "clock[beyond"))}
    assert reasons == {"the server does not show its time, neither in a Date header nor in a created task"}


# -- slow tasks ---------------------------------------------------------------------------------------------------------------------------


def at_random(seed, least_s, most_s):
    """Return a service in which each state of each task lasts for a random time."""
    chance, due, server = random.Random(seed), {}, service("manual")

    def handle(request, now_ms):
        for task in list(server.store):
            due.setdefault(task.task_id, now_ms + chance.uniform(least_s, most_s) * 1000)
            while due[task.task_id] <= now_ms:
                if not server.advance(task.task_id, now_ms=int(due[task.task_id])):
                    due[task.task_id] = float("inf")
                due[task.task_id] += chance.uniform(least_s, most_s) * 1000
        return server.handle(request, now_ms)

    return handle


LIVES = ("NC4", "NC50", "NC313", "NC60")
"""Rules that have to do with the states of tasks, and with lists of them. What is left of a larger budget is spent on polls."""


@pytest.mark.parametrize(
    ("least_s", "most_s", "seed"), [(0.01, 0.1, 0), (0.05, 3, 0), (0.5, 0.6, 1), (0.2, 20, 0), (0.2, 20, 1), (1, 8, 1)]
)
def test_lives_of_any_length(least_s, most_s, seed):
    problems, result = checked(at_random(seed, least_s, most_s), plan(only=LIVES), budget=250)
    assert (problems, result.exit_code, result.stop_reason) == ([], 0, "")


def with_places(places, *, last_come=False, failing=False):
    """Return a service that builds at most `places` tasks at once, the oldest or the newest first; with `failing`, all of them fail."""
    server, since = service("manual"), {}

    def step(tasks, now_ms):
        building = sum(task.stage == 2 for task in tasks)
        for task in tasks:
            over = now_ms - since[task.task_id] >= 500
            if (task.stage in {0, 2} and over) or (task.stage == 1 and building < places):
                message = "NUM_OF_LABEL_INSUFFICIENT" if failing and task.stage == 2 else None
                server.advance(task.task_id, now_ms=now_ms, fail_message=message)
                since[task.task_id] = now_ms
                return True
        return False

    def handle(request, now_ms):
        tasks = list(server.store)[:: -1 if last_come else 1]
        for task in tasks:
            since.setdefault(task.task_id, now_ms)
        while step(tasks, now_ms):
            pass
        return server.handle(request, now_ms)

    return handle


@pytest.mark.parametrize(
    ("places", "manner"),
    [(1, {}), (2, {}), (5, {}), (1, {"last_come": True}), (2, {"last_come": True}), (1, {"failing": True}), (5, {"failing": True})],
    ids=lambda value: str(value) if isinstance(value, int) else next(iter(value), "in turn"),
)
def test_tasks_that_wait_for_a_place(places, manner):
    problems, result = checked(with_places(places, **manner), plan(only=LIVES), budget=250)
    assert (problems, result.exit_code, result.stop_reason) == ([], 0, "")
    assert ("parallel" in result.readings["queue"]) >= (places > 1)


def test_a_pinned_serial_queue_is_checked_for_its_order():
    """The guide states: one at a time, in the order of the requests. That is checked only where the reading is pinned."""
    found = {}
    for last_come in (False, True):
        transport = MemoryTransport(with_places(1, last_come=last_come), PREFIX)
        session = CheckSession(Readings.of({"queue": "serial"}), KNOWN, run="run", prefix=PREFIX, now_ms=transport.now_ms)
        result = Runner(session, plan(only=["NC40"]), transport, Limits()).run("somewhere", "pinned")
        found[last_come] = {(failure.rule, failure.sentence) for failure in result.failures}
    assert found == {False: set(), True: {("NC409", "a task is in progress before one that was created earlier")}}


def numbered(handle):
    """IDs are numbers, and any other ID is rejected as malformed."""
    known, ids = {}, {}

    def number(task_id):
        return ids.setdefault(task_id, str(len(ids) + 1))

    def renamed(value):
        if isinstance(value, list):
            return [renamed(inner) for inner in value]
        if isinstance(value, dict):
            return {name: number(inner) if name == "task_id" and inner else renamed(inner) for name, inner in value.items()}
        return value

    def other(request, now_ms):
        response, last = handle(request, now_ms), request.target.removeprefix(f"{TASKS}/")
        if response.status == 404 and last in known:
            response = sent(handle, request.method, f"{TASKS}/{known[last]}", now_ms)
        elif response.status == 404 and not last.isdecimal():
            return Response(400, b'{"error": {"errorCode": null, "message": "no number"}}', (("content-type", "application/json"),))
        body = json.dumps(renamed(json.loads(response.body)), ensure_ascii=False).encode()
        known.update({mine: theirs for theirs, mine in ids.items()})
        return replace(response, body=body)

    return other


@pytest.mark.parametrize("which", SERVERS)
def test_ids_that_are_numbers(which):
    """No page states the format of an ID; 36 characters are what all examples have."""
    handle = numbered(SERVERS[which]())
    for number in range(1, 121):  # so that the beginning of the next number is the number of another task, too
        payload = {"name": f"old {number}"} | dict.fromkeys(["train_feature_id", "train_bucket", "train_file_path"], "x")
        assert sent(handle, "POST", TASKS, START_MS, payload).status == 200
    problems, result = checked(handle)
    assert (problems, result.exit_code, result.stop_reason) == ([], 0, "")


def test_a_server_that_limits_the_rate_is_checked_at_its_pace():
    """The documented limit is one request per second; only two requests at the same moment cannot be had."""
    problems, result = checked(service("seconds:5", rate_limit=True).handle)
    assert (problems, result.exit_code, result.stop_reason) == ([], 0, "")
    assert result.outcomes["name[taken, at the same moment]"].reason == "the rate does not allow two requests at the same moment"
    assert result.notes == ("the server limited the rate, so one request per second was sent from then on",)


# -- lists, and other users at work -------------------------------------------------------------------------------------------------------


def sent(handle, method, target, now_ms, value=None):
    """Send a request of another user."""
    headers = {**signed_headers(method, target, EXAMPLE, now_ms), "content-type": "application/json"}
    return handle(Request(method, target, tuple(headers.items()), b"" if value is None else json.dumps(value).encode()), now_ms)


def newest_first(handle):
    """List the newest tasks first."""

    def pages(now_ms):
        for index in itertools.count(0, 100):
            tasks = json.loads(sent(handle, "GET", f"{TASKS}?index={index}&limit=100", now_ms).body)["tasks"]
            yield from tasks
            if len(tasks) < 100:
                return

    def other(request, now_ms):
        response = handle(request, now_ms)
        if response.status != 200 or request.method != "GET" or request.target.partition("?")[0] != TASKS:
            return response
        page = json.loads(response.body)
        page["tasks"] = list(pages(now_ms))[::-1][page["index"] :][: page["limit"]]
        return replace(response, body=json.dumps(page).encode())

    return other


def busy(handle, seed, often):
    """Another user creates and deletes tasks meanwhile: up to three of them before each request."""
    chance, made, names = random.Random(seed), [], itertools.count(1)

    def other(request, now_ms):
        for _ in range(3):
            if chance.random() < often and made and chance.random() < 0.5:
                sent(handle, "DELETE", f"{TASKS}/{made.pop(chance.randrange(len(made)))}", now_ms)
            elif chance.random() < often:
                payload = {"name": f"other {next(names)}"} | dict.fromkeys(["train_feature_id", "train_bucket", "train_file_path"], "x")
                made.append(json.loads(sent(handle, "POST", TASKS, now_ms, payload).body)["task_id"])
        return handle(request, now_ms)

    return other


@pytest.mark.parametrize("which", SERVERS)
def test_the_newest_task_first(which):
    problems, result = checked(newest_first(SERVERS[which]()))
    assert (problems, result.exit_code, result.stop_reason) == ([], 0, "")


@pytest.mark.parametrize("often", [0.02, 0.3])
@pytest.mark.parametrize("which", SERVERS)
def test_others_at_work(which, often):
    problems, result = checked(busy(SERVERS[which](), 0, often))
    assert (problems, result.exit_code, result.stop_reason) == ([], 0, "")
