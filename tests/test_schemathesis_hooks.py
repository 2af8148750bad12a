"""What users of Schemathesis get: signed requests, unique names, our findings, no secret in any output, and never the real service."""

import json
import re
import socket
import subprocess
import sys
import threading
import tomllib

import httpx
import pytest
import requests
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from schemathesis.config import SanitizationConfig
from schemathesis.core.errors import AuthenticationError
from schemathesis.engine import from_schema
from schemathesis.errors import FailureGroup
from werkzeug.test import Client as WerkzeugClient

from nclue_contract import Validator, schemathesis_hooks
from nclue_contract.contract.openapi import document
from nclue_contract.guard import guard
from nclue_contract.schemathesis_hooks import SENSITIVE_MARKERS, BrokenRule, NclueContract, RealServiceError, Signing, map_case, unique_name
from nclue_contract.service.asgi import App
from nclue_contract.service.faults.catalogue import inject_fault
from nclue_contract.service.messages import Request
from nclue_contract.service.service import Service
from tests.support.forked_command import PYTEST, SCHEMATHESIS, run_forked
from tests.support.payloads import PAYLOAD
from tests.support.server_process import environment, running
from tests.support.signing import ACCESS, SECRET, signed
from tests.support.spellings import SPELLINGS
from tests.support.tools import ROOT

NAMES = ("x-ncp-apigw-timestamp", "x-ncp-iam-access-key", "x-ncp-apigw-signature-v2")
SIGNATURE = NAMES[2]
EXAMPLE = ROOT / "examples" / "schemathesis.toml"
PLUGIN = "schemathesis.pytest.plugin"
TEST = {"test_feature_id": "1ccc59f9-0000-4000-8000-7837ae76d046", "test_bucket": "answers", "test_file_path": "churn/test.tsv"}
FOREIGN = {
    "openapi": "3.1.0",
    "info": {"title": "", "version": ""},
    "paths": {"/tasks": {"post": {"responses": {"200": {"description": ""}}}}},
}


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    """Set the keys that our services accept, and clear the variables of the environment."""
    for name in ("NCLUE_STRICT", "NCLUE_FEATURE_ID", "NCLUE_BUCKET", "NCLUE_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NCLUE_ACCESS_KEY", ACCESS)
    monkeypatch.setenv("NCLUE_SECRET_KEY", SECRET)


def load(**config):
    """Return a schema of our document, with settings as in schemathesis.toml."""
    schema = schemathesis.openapi.from_dict(document(), config=schemathesis.Config.from_dict(config))
    schema.config.update(base_url="http://testserver/api/v1")
    return schema


def served(*faults, **options):
    """Return a schema whose requests are sent to a service, and the service."""
    service = Service({ACCESS: SECRET}, **options)
    for fault in faults:
        inject_fault(service, fault)
    schema = load()
    schema.app = App(service)
    return schema, service


def create_case(schema, payload=PAYLOAD, *, sign=True):
    case = schema["/tasks"]["POST"].Case(body=payload, media_type="application/json")
    return authenticated(case) if sign else case


def authenticated(case):
    """Add to a case the headers of the authentication provider, as Schemathesis does."""
    Signing().set(case, Signing().get(case, None), None)
    return case


def reading(schema, task_id, method="GET", **options):
    return authenticated(schema["/tasks/{task_id}"][method].Case(path_parameters={"task_id": task_id}, **options))


def reported_rules(case, response, **settings):
    """Return the rules that the check reports."""
    try:
        NclueContract(**settings).after_response(None, response, case)
    except FailureGroup as group:
        return {failure.rule for failure in group.exceptions}
    return set()


# -- signing -------------------------------------------------------------------------------------------------------------------------


class Wire:
    """An ASGI application that remembers what came over the wire."""

    def __init__(self):
        self.requests = []

    async def __call__(self, scope, _receive, send):
        if scope["type"] == "http":
            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            query = scope["query_string"].decode()
            self.requests.append((scope["method"], scope["raw_path"].decode() + (f"?{query}" if query else ""), headers))
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
            await send({"type": "http.response.body", "body": b"{}"})

    @property
    def is_signed(self):
        method, target, headers = self.requests[-1]
        expected = signed(method, target, timestamp=headers.get(NAMES[0]))
        return {name: headers.get(name) for name in NAMES} == expected


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def wired(wire):
    schema = load()
    schema.app = wire
    return schema


def test_path_prefix_and_query_are_signed_as_they_go_on_the_wire(wired, wire):
    authenticated(wired["/tasks"]["GET"].Case(query={"index": 0, "limit": "1 &ü"})).call()
    assert wire.requests[-1][1] == "/api/v1/tasks?index=0&limit=1+%26%C3%BC"
    assert wire.is_signed


def test_a_request_that_was_changed_after_it_was_signed_is_signed_anew(wired, wire):
    case = reading(wired, "a")
    before = dict(case.headers)
    case.path_parameters["task_id"] = "b ü"
    case.call(params={"x": "1"})
    assert wire.requests[-1][1] == "/api/v1/tasks/b%20%C3%BC?x=1"
    assert wire.is_signed
    assert dict(case.headers) == before, "the case is not touched"


def test_a_base_url_that_is_given_to_the_call_is_signed(wired, wire):
    reading(wired, "a").call(base_url="http://testserver/gateway/v7")
    assert wire.requests[-1][1] == "/gateway/v7/tasks/a"
    assert wire.is_signed


@pytest.mark.parametrize("name", NAMES)
def test_a_header_that_a_test_removed_stays_removed(wired, wire, name):
    case = reading(wired, "a")
    del case.headers[name]
    case.call()
    assert name not in wire.requests[-1][2]


@pytest.mark.parametrize("name", NAMES)
def test_a_header_that_a_test_has_chosen_is_sent_as_it_is(wired, wire, name):
    case = reading(wired, "a")
    case.headers[name] = "chosen"
    case.call()
    assert wire.requests[-1][2][name] == "chosen"


def test_the_keys_are_read_when_they_are_used(wired, wire, monkeypatch):
    case = reading(wired, "a")
    monkeypatch.setenv("NCLUE_ACCESS_KEY", "EXAMPLEACCESSKEY0002")
    case.call()
    assert wire.requests[-1][2][NAMES[1]] == "EXAMPLEACCESSKEY0002"


def test_without_keys_a_request_is_generated_but_not_sent(wired, wire, monkeypatch):
    monkeypatch.delenv("NCLUE_SECRET_KEY")
    case = reading(wired, "a")
    with pytest.raises(AuthenticationError, match=r"^the environment variable NCLUE_SECRET_KEY must hold your key\n"):
        case.call()
    assert not wire.requests


def test_an_auth_of_the_caller_is_called_as_well(wired, wire):
    reading(wired, "a").call(auth=("user", "password"))
    assert wire.requests[-1][2]["authorization"].startswith("Basic ")
    assert wire.is_signed


OTHERS = {
    "no components": {},
    "two of our three headers": {
        "components": {"securitySchemes": {name: {"type": "apiKey", "in": "header", "name": name} for name in NAMES[:2]}}
    },
}


@pytest.mark.parametrize("other", OTHERS)
def test_the_schemas_of_others_are_left_alone(wire, other):
    schema = schemathesis.openapi.from_dict(FOREIGN | OTHERS[other])
    schema.app = wire
    case = schema["/tasks"]["POST"].Case(body={"name": "n"}, media_type="application/json")
    assert Signing().get(case, None) is None
    assert map_case(None, case).body == {"name": "n"}
    with requests.Session() as session:
        session.auth = ("user", "password")  # which an `auth` of ours would displace
        response = case.call(base_url="http://testserver/api/v1", session=session)
    sent = wire.requests[-1][2]
    assert not set(NAMES) & set(sent)
    assert sent["authorization"].startswith("Basic ")
    assert reported_rules(case, response) == set()


def wsgi(service):
    """Return a WSGI application around a service."""

    def app(environ, start):
        headers = [(name[5:].replace("_", "-").lower(), value) for name, value in environ.items() if name.startswith("HTTP_")]
        query = environ["QUERY_STRING"]
        target = environ["PATH_INFO"] + (f"?{query}" if query else "")
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        now_ms = int(dict(headers)[NAMES[0]])
        response = service.handle(Request(environ["REQUEST_METHOD"], target, tuple(headers), body), now_ms)
        start(f"{response.status} -", list(response.headers))
        return [response.body]

    return app


def test_a_wsgi_application_is_tested_as_well():
    schema = load()
    schema.app = wsgi(Service({ACCESS: SECRET}))
    case = create_case(schema)
    response = case.call()
    assert response.status_code == 200
    assert reported_rules(case, response) == set()


# -- names, and what exists ----------------------------------------------------------------------------------------------------------


@given(st.text(min_size=1, max_size=100))
def test_a_unique_name_is_as_long_as_the_one_that_was_drawn(name):
    """White space and letter case at the ends, where servers trim and cut, are preserved as far as the length allows."""
    created = unique_name(name)
    assert len(created) == len(name)
    assert created.encode("utf-8", "surrogatepass")
    if len(name) > 1:
        assert created[0] == name[0]
    if len(name) > 2:
        assert created[-1] == name[-1]
    if len(name) > 10:
        assert created[9:] == name[9:]


@pytest.mark.parametrize("length", [1, 2, 3, 9, 10, 11, 100])
def test_no_name_occurs_twice(length):
    names = [unique_name(" " * length) for _ in range(5000)]
    assert len(set(names)) == 5000


NAME = "a name of thirty characters, say"


def test_two_runs_have_other_names():
    # A server that stores its tasks would reject those of the second run.
    code = f"from nclue_contract.schemathesis_hooks import unique_name; print(unique_name({NAME!r}))"
    command = [sys.executable, "-c", code]
    another = subprocess.run(command, capture_output=True, encoding="utf-8", check=True, timeout=300).stdout
    assert another.strip() != unique_name(NAME)
    assert another.strip()[9:] == NAME[9:]


DRAWN = {
    "a name of one character": ({"name": "a"}, {"name"}),
    "a name of a hundred characters": ({"name": "a" * 100}, {"name"}),
    "a hundred characters beyond the basic plane": ({"name": "\U0001f4c9" * 100}, {"name"}),
    "a name that is too long": ({"name": "a" * 101}, set()),
    "an empty name": ({"name": ""}, set()),
    "a name that is no text": ({"name": 7}, set()),
    "no name": ({"name": None}, set()),
}


@pytest.mark.parametrize("drawn", DRAWN)
def test_only_names_that_keep_the_rules_are_made_unique(drawn):
    payload, changed = DRAWN[drawn]
    sent = PAYLOAD | payload
    body = map_case(None, create_case(load(), dict(sent), sign=False)).body
    assert {name for name in body if body[name] != sent[name]} == changed
    assert not changed or len(body["name"]) == len(sent["name"])


def test_existing_test_data_replaces_generated_values(monkeypatch):
    known = {"NCLUE_FEATURE_ID": "9ccc59f9-0000-4000-8000-7837ae76d046", "NCLUE_BUCKET": "known", "NCLUE_FILE": "known/file.tsv"}
    for name, value in known.items():
        monkeypatch.setenv(name, value)
    sent = PAYLOAD | TEST | {"train_bucket": "", "train_file_path": "a~b.tsv", "test_bucket": None, "name": "a" * 101}
    assert map_case(None, create_case(load(), dict(sent), sign=False)).body == sent | {
        "train_feature_id": known["NCLUE_FEATURE_ID"],
        "train_bucket": "known",
        "test_feature_id": known["NCLUE_FEATURE_ID"],
        "test_file_path": "known/file.tsv",
    }


def test_other_bodies_and_operations_are_left_alone(monkeypatch):
    monkeypatch.setenv("NCLUE_FILE", "known/file.tsv")
    schema = load()
    for body in ([], "text", None):
        assert map_case(None, create_case(schema, body, sign=False)).body == body
    case = reading(schema, "x")
    case.body = {"name": "n", "train_file_path": "a.tsv"}
    assert map_case(None, case).body == {"name": "n", "train_file_path": "a.tsv"}


PHASES = ("examples", "coverage", "fuzzing", "stateful")


@pytest.mark.parametrize("phase", PHASES)
def test_names_and_files_are_put_in_in_every_phase(phase, monkeypatch):
    monkeypatch.setenv("NCLUE_FILE", "known/file.tsv")
    service = Service({ACCESS: SECRET})
    schema = load(
        seed=1, phases={name: {"enabled": name == phase} for name in PHASES}, generation={"max-examples": 6}, cache={"enabled": False}
    )
    schema.app = App(service)
    for _ in from_schema(schema).execute():
        pass
    accepted = [json.loads(entry["body"]) for entry in service.store.journal if (entry["method"], entry["status"]) == ("POST", 200)]
    assert accepted
    assert {body["train_file_path"] for body in accepted} == {"known/file.tsv"}
    assert len({body["name"] for body in accepted}) == len(accepted)


# -- the check -----------------------------------------------------------------------------------------------------------------------


def unsigned(schema):
    case = create_case(schema)
    del case.headers[SIGNATURE]
    return case


FAULTS = {
    "echo-trimmed:task_name": ({"name": " churn "}, {"NC307"}),
    "path-codes-swapped": ({"train_file_path": "a~b.tsv"}, {"NC313"}),
    "path-character-allowed:U+007E": ({"train_file_path": "a~b.tsv"}, {"NC313"}),
    "name-status-400": ({"name": "a" * 101}, {"NC312"}),
    "null-left-out": ({}, {"NC304"}),
    "type-text": ({}, {"NC302"}),
    "auth-code": (None, {"NC200"}),
    "auth-if-present": (None, {"NC200"}),
    "auth-status-403": (None, {"NC312"}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_reported_by_the_rule_it_breaks_and_the_clean_service_is_not(fault):
    changes, expected = FAULTS[fault]
    for faults, rules in ((), set()), ((fault,), expected):
        schema, _ = served(*faults)
        case = unsigned(schema) if changes is None else create_case(schema, PAYLOAD | changes)
        assert reported_rules(case, case.call()) == rules


def test_a_failure_states_rule_place_and_page():
    schema, _ = served("echo-trimmed:task_name")
    case = create_case(schema, PAYLOAD | {"name": " churn "})
    with pytest.raises(FailureGroup) as caught:
        case.validate_response(case.call())
    (failure,) = (failure for failure in caught.value.exceptions if isinstance(failure, BrokenRule))
    assert (failure.title, failure.operation) == ("NC307 response-echo", "POST /tasks")
    assert "task_name differs from name of the request, from offset 0 on" in failure.message
    assert "page:       Create task, Response body" in failure.message


class Repeating:
    """An ASGI application that sends the values of the headers back, in another spelling, as the status of a task."""

    def __init__(self, spell):
        self.spell, self.sent = spell, []

    async def __call__(self, scope, _receive, send):
        if scope["type"] == "http":
            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            self.sent = [headers[name] for name in NAMES[1:]] + [SECRET, headers.get("authorization", SECRET)]
            tasks = [{"status": self.spell(value)} for value in self.sent]
            body = json.dumps({"index": 0, "limit": 20, "total": 1, "tasks": tasks, "error": {"errorCode": self.sent[1]}}).encode()
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", self.sent[1].encode())]})
            await send({"type": "http.response.body", "body": body})


@pytest.mark.parametrize("spelling", ["as it is", "JSON in JSON", "percent, lower case, all", "Base64", "HTML, decimal", "lines"])
def test_a_failure_quotes_no_secret_in_any_spelling(spelling):
    schema, app = load(), Repeating(SPELLINGS[spelling])
    schema.app = app
    case = authenticated(schema["/tasks"]["GET"].Case(headers={"authorization": "Bearer CANARYsession0001"}))
    with pytest.raises(FailureGroup) as caught:
        NclueContract().after_response(None, case.call(), case)
    shown = "\n".join(f"{failure.message}" for failure in caught.value.exceptions)
    assert len(re.findall(r"status is '[^']*[*]{3}[^']*'", shown)) == 4
    assert re.search("the content type is '[+/]?[*]{3}'", shown)
    assert not [secret for secret in app.sent if secret in shown or app.spell(secret)[:20] in shown]


def test_two_rules_are_two_failures_and_two_findings_of_one_rule_are_one():
    schema, _ = served("echo-lower-case:task_name", "echo-lower-case:train_bucket", "type-text")
    case = create_case(schema, PAYLOAD | {"name": "A", "train_bucket": "B"})
    with pytest.raises(FailureGroup) as caught:
        NclueContract().after_response(None, case.call(), case)
    failures = {failure.rule: failure for failure in caught.value.exceptions}
    assert set(failures) == {"NC302", "NC307"}
    assert failures["NC307"].message.count("error NC307") == 2
    assert failures["NC302"] != failures["NC307"]


def test_the_sent_body_is_validated_and_not_the_generated_one():
    schema, _ = served()
    case = create_case(schema, dict(PAYLOAD))
    rejected = case.call(json=PAYLOAD | {"train_file_path": "a~b.tsv"})
    assert (rejected.status_code, reported_rules(case, rejected)) == (422, set())
    schema, _ = served("path-character-allowed:U+007E")
    case = create_case(schema, dict(PAYLOAD))
    assert reported_rules(case, case.call(json=PAYLOAD | {"train_file_path": "a~b.tsv"})) == {"NC313"}


def test_an_unknown_body_is_not_validated():
    schema, _ = served()
    sent = WerkzeugClient(wsgi(Service({ACCESS: SECRET}))).post(
        "/api/v1/tasks", json=PAYLOAD, headers=signed("POST", "/api/v1/tasks") | {"accept": "*/*"}
    )
    assert sent.status_code == 200
    assert reported_rules(create_case(schema, dict(PAYLOAD)), schemathesis.Response.from_any(sent)) == set()


def test_a_create_request_without_a_body_is_validated_as_such():
    schema, _ = served()
    case = authenticated(schema["/tasks"]["POST"].Case())
    response = case.call()
    assert (response.status_code, reported_rules(case, response)) == (400, set())
    response.status_code = 200
    assert "NC313" in reported_rules(case, response)


def test_requests_of_httpx_can_be_validated():
    service = Service({ACCESS: SECRET})

    def answer(request):
        target = request.url.raw_path.decode()
        response = service.handle(
            Request(request.method, target, tuple(request.headers.items()), request.content), int(request.headers[NAMES[0]])
        )
        return httpx.Response(response.status, stream=httpx.ByteStream(response.body), headers=list(response.headers))

    schema = load()
    case = schema["/tasks"]["GET"].Case(query={"limit": "5"})
    target = "/api/v1/tasks?limit=5"
    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        response = client.get(f"http://testserver{target}", headers=signed("GET", target))
    assert response.status_code == 200
    assert reported_rules(case, schemathesis.Response.from_any(response)) == set()


@pytest.mark.parametrize(("method", "fault"), [("GET", "unknown-as-another"), ("DELETE", "deletion-answers-another")])
def test_the_returned_task_must_be_the_requested_one(method, fault):
    for faults, rules in ((), set()), ((fault,), {"NC307"}):
        schema, _ = served(*faults)
        task_id = json.loads(create_case(schema).call().content)["task_id"]
        case = reading(schema, "unknown" if method == "GET" else task_id, method)
        assert reported_rules(case, case.call()) == rules


def test_a_task_id_that_is_written_in_percent_codes_is_the_same():
    schema, _ = served(new_id=lambda: "a ü")
    create_case(schema).call()
    case = reading(schema, "a ü")
    response = case.call()
    assert (response.status_code, reported_rules(case, response)) == (200, set())


def test_the_list_is_validated_by_the_query_that_was_sent():
    for faults, rules in ((), set()), (("list-echoes-defaults",), {"NC500"}):
        schema, _ = served(*faults)
        case = authenticated(schema["/tasks"]["GET"].Case(query={"index": 0, "limit": 5}))
        assert reported_rules(case, case.call()) == rules


def test_other_methods_are_not_validated():
    schema, _ = served()
    case = reading(schema, "a")
    case.method = "PATCH"
    response = authenticated(case).call()
    assert (response.status_code, reported_rules(case, response)) == (405, set())


def test_signatures_are_not_verified_when_the_keys_are_unknown(monkeypatch):
    schema, _ = served("auth-code")
    case = unsigned(schema)
    response = case.call()
    monkeypatch.delenv("NCLUE_ACCESS_KEY")
    assert reported_rules(case, response) == set()


def test_another_code_is_reported_in_a_flat_error_as_well():
    schema, _ = served("auth-code", readings={"error-shape": "flat"})
    case = unsigned(schema)
    assert reported_rules(case, case.call(), readings={"error-shape": "flat"}) == {"NC200"}


def test_a_rule_about_signatures_can_be_ignored_too():
    schema, _ = served("auth-code")
    case = unsigned(schema)
    response = case.call()
    assert (reported_rules(case, response), reported_rules(case, response, ignore=["header-missing"])) == ({"NC200"}, set())


@pytest.mark.parametrize("option", ["nclue", "gateway"])
def test_both_ways_to_reject_a_signature_are_allowed_unless_one_is_pinned(option):
    schema, _ = served(readings={"auth-refusal": option})
    case = unsigned(schema)
    response = case.call()
    other = {"nclue": "gateway", "gateway": "nclue"}[option]
    assert reported_rules(case, response) == reported_rules(case, response, readings={"auth-refusal": option}) == set()
    assert reported_rules(case, response, readings={"auth-refusal": other}) == {"NC200"}


IN_PYTEST = """
import schemathesis
from hypothesis import Phase, settings

import nclue_contract.schemathesis_hooks
from nclue_contract.service.faults.catalogue import inject_fault
from nclue_contract.contract.openapi import document
from nclue_contract.service.asgi import App
from nclue_contract.service.service import Service

config = schemathesis.Config.from_dict({"phases": {"coverage": {"enabled": False}}})  # hundreds of requests that change nothing here


def schema_of(keys, *faults):
    service = Service(keys)
    for fault in faults:
        inject_fault(service, fault)
    schema = schemathesis.openapi.from_dict(document(), config=config)
    schema.app = App(service)
    return schema
"""
ONE_TEST = """

schema_{name} = schema_of({arguments})


@schema_{name}.include(method="POST").parametrize()
@settings(max_examples=5, phases=[Phase.explicit, Phase.generate], derandomize=True)
def test_{name}(case):
    case.call_and_validate()
"""


def run_in_pytest(folder, **services):
    """Run pytest on a module with one test per service, and nothing but the plugin of Schemathesis."""
    tests = [ONE_TEST.format(name=name, arguments=arguments) for name, arguments in services.items()]
    (folder / "test_it.py").write_text("".join([IN_PYTEST, *tests]), encoding="utf-8")
    variables = environment(NCLUE_ACCESS_KEY=ACCESS, NCLUE_SECRET_KEY=SECRET, PYTHONUTF8="1", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    return run_forked(["-q", "-rA", "-pno:cacheprovider", f"-p{PLUGIN}", "test_it.py"], variables, cwd=folder, program=PYTEST)


def test_whoever_imports_the_hooks_in_pytest_gets_the_same(tmp_path):
    keys = {ACCESS: SECRET}
    done = run_in_pytest(tmp_path, clean=f"{keys}", faulty=f"{keys}, 'echo-lower-case:train_bucket'")
    assert done.code == 1
    assert re.findall(r"^(PASSED|FAILED) test_it\.py::test_(\w+)", done.out, re.MULTILINE) == [("PASSED", "clean"), ("FAILED", "faulty")]
    report, _, _ = done.out.partition("short test summary info")  # which repeats the message on CI
    assert report.count("- ST901 NC307 response-echo") == 1
    assert "No valid create request was accepted" not in done.out


def test_a_run_in_pytest_without_an_accepted_create_request_fails(tmp_path):
    done = run_in_pytest(tmp_path, other_keys={ACCESS: "another"})
    assert (done.code, "1 passed" in done.out) == (1, True), done.out
    assert "No valid create request was accepted; the responses were 401" in done.out


# -- settings of the check -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def contested():
    """Send a path that the page of the operation forbids to a server that follows the later pages; return the case and the response."""
    schema, _ = served(readings={"path-characters": "page-2025"})
    case = create_case(schema, PAYLOAD | {"train_file_path": "dt=2026-11-01/a.csv"})
    return case, case.call()


def test_warnings_are_no_failures_unless_strict_is_set(contested, monkeypatch):
    case, response = contested
    assert response.status_code == 200
    assert reported_rules(case, response) == set()
    assert reported_rules(case, response, strict=True) == {"NC313"}
    monkeypatch.setenv("NCLUE_STRICT", "1")
    assert reported_rules(case, response) == {"NC313"}
    assert reported_rules(case, response, strict=False) == set(), "the keyword comes before the environment"
    assert reported_rules(case, response, ignore=["NC313"]) == set()


def test_a_pin_decides_contested_ground(contested):
    case, response = contested
    assert reported_rules(case, response, readings={"path-characters": "page-2025"}, strict=True) == set()
    assert reported_rules(case, response, readings={"path-characters": "page-2024"}) == {"NC313"}


def test_a_failure_on_contested_ground_names_the_pin_that_would_allow_it():
    schema, _ = served(readings={"error-shape": "flat"})
    case = create_case(schema, PAYLOAD | {"train_file_path": "a~b.tsv"})
    response = case.call()
    with pytest.raises(FailureGroup) as caught:
        NclueContract().after_response(None, response, case)
    assert "error-shape=flat" in caught.value.exceptions[0].message
    assert reported_rules(case, response, readings={"error-shape": "flat"}) == set()


def test_the_nearest_pyproject_is_read_unless_a_keyword_overrides_it(contested, tmp_path, monkeypatch):
    case, response = contested
    settings = '[tool.nclue-contract]\nstrict = true\n[tool.nclue-contract.readings]\npath-characters = "page-2024"\n'
    (tmp_path / "pyproject.toml").write_text(settings, encoding="utf-8")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert reported_rules(case, response) == {"NC313"}
    assert reported_rules(case, response, readings={"path-characters": "page-2025"}) == set()
    (tmp_path / "pyproject.toml").write_text("[tool.nclue-contract]\nstrict = true\n", encoding="utf-8")
    assert reported_rules(case, response) == {"NC313"}
    monkeypatch.setenv("NCLUE_STRICT", "0")
    assert reported_rules(case, response) == set(), "the environment comes before the file"


NO_SUCH_SHAPE = (
    "the reading error-shape has no option 'x'; it has: nested, flat, nested-code, flat-error-code, flat-msg, response-error, status-object"
)


WRONG = {
    "an unknown reading": ({"readings": {"path-characterz": "x"}}, "unknown reading 'path-characterz'; did you mean path-characters?"),
    "an unknown option": (
        {"readings": {"error-shape": "x"}},
        NO_SUCH_SHAPE,
    ),
    "readings that are no table": ({"readings": "flat"}, "readings must be a table of pins"),
    "a strict that is no boolean": ({"strict": "yes"}, "strict must be true or false"),
    "an ignore that is no array": ({"ignore": "NC313"}, "ignore must be an array of rules"),
    "an unknown rule": ({"ignore": ["NC999"]}, "unknown rule 'NC999'; `nclue-contract explain` lists them"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_invalid_settings_are_reported_in_a_sentence(wrong):
    settings, problem = WRONG[wrong]
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        NclueContract(**settings)


def test_a_strictness_in_the_environment_is_one_or_zero(monkeypatch):
    monkeypatch.setenv("NCLUE_STRICT", "yes")
    with pytest.raises(ValueError, match=r"^the environment variable NCLUE_STRICT must be 1 or 0, not 'yes'$"):
        NclueContract()


# -- a run in which nothing was accepted ---------------------------------------------------------------------------------------------


def test_a_run_without_an_accepted_create_request_fails(monkeypatch):
    schema, _ = served()
    monkeypatch.setenv("NCLUE_SECRET_KEY", "EXAMPLEsecretKEY0000000000000000000000002")
    check = NclueContract()
    for _ in range(2):
        case = create_case(schema)
        check.after_response(None, case.call(), case)
    with pytest.raises(AssertionError, match=r"the responses were 401 \(2 times\)\. Do the values of NCLUE_ACCESS_KEY, "):
        check.after_run(None)


def test_one_accepted_create_request_is_enough():
    schema, _ = served()
    check = NclueContract()
    for _ in range(2):
        case = create_case(schema)
        check.after_response(None, case.call(), case)
    check.after_run(None)


def test_create_requests_that_are_rejected_with_reason_do_not_count():
    schema, _ = served()
    check = NclueContract()
    for case in (create_case(schema, PAYLOAD | {"name": ""}), unsigned(schema), reading(schema, "a")):
        check.after_response(None, case.call(), case)
    check.after_run(None)


# -- the real service ----------------------------------------------------------------------------------------------------------------

REAL = "https://nclue.apigw.ntruss.com/api/v1"


@pytest.mark.parametrize("url", [REAL, "https://NCLUE.apigw.NTRUSS.com./api/v1", "http://ntruss.com:8080/api/v1"])
def test_a_call_to_the_real_service_is_rejected_before_it_leaves(url):
    """The guard would detect what is sent: it blocks and records it."""
    case = create_case(load())
    with (
        guard() as seen,
        pytest.raises(RealServiceError, match="is the real service, where every task"),
    ):
        case.call(base_url=url)
    assert seen == []


@pytest.mark.parametrize("url", ["http://testserver/api/v1", "http://ntruss.com.example/api/v1", "http://notntruss.com/api/v1"])
def test_hosts_that_only_look_alike_are_not_rejected(url):
    request = requests.Request("GET", url).prepare()
    assert schemathesis_hooks._FinalAuth(None, in_process=False)(request) is request  # noqa: SLF001  # without Schemathesis


def test_an_application_in_this_process_may_have_any_host(wired, wire):
    reading(wired, "a").call(base_url=REAL)
    assert wire.is_signed


# -- the command, in a process of its own --------------------------------------------------------------------------------------------

SPECIFICATION = ROOT / "nclue_contract" / "contract" / "openapi.json"
CANARY = "CANARYsecretKEY000000000000000000000001"
CANARIES = {"NCLUE_ACCESS_KEY": "CANARYACCESSKEY0001", "NCLUE_SECRET_KEY": CANARY}


def run(folder, location, *options, **variables):
    """`st run` with the hooks; None leaves a variable out."""
    variables = {"SCHEMATHESIS_HOOKS": "nclue_contract.schemathesis_hooks", "PYTHONUTF8": "1", "COLUMNS": "120", **variables}
    return run_forked(["run", location, "--no-color", "--seed", "1", *options], environment(**variables), cwd=folder, program=SCHEMATHESIS)


@pytest.fixture(scope="module")
def faulty_run(tmp_path_factory):
    """Run Schemathesis against a server with three faults, with all available reports; return the folder and the completed process."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "schemathesis.toml").write_bytes(EXAMPLE.read_bytes())
    known = {"NCLUE_FEATURE_ID": PAYLOAD["train_feature_id"], "NCLUE_BUCKET": "answers", "NCLUE_FILE": "churn/train.tsv"}
    faults = [option for fault in ("echo-trimmed:task_name", "path-codes-swapped", "auth-code") for option in ("--fault", fault)]
    reports = [
        "--report",
        "junit,vcr,har,ndjson,json,html,wfc,pytest",
        "--report-dir",
        "reports",
        "--max-examples",
        "10",
        "--continue-on-failure",
    ]
    with running(*faults, **CANARIES) as server:
        done = run(folder, SPECIFICATION, "--url", server.url, *reports, SCHEMATHESIS_HOOKS=None, **CANARIES, **known)
        assert server.errors() == ""
    return folder, done


def test_the_command_reports_what_schemathesis_alone_does_not_see(faulty_run):
    _, done = faulty_run
    assert done.code == 1, done.out + done.err
    reported = set(re.findall(r"- (ST\d+ .*)", done.out))
    assert reported == {"ST901 NC307 response-echo", "ST901 NC313 answer-fits-request", "ST901 NC200 header-missing"}
    assert "page:       Create task, Response body" in done.out


def leaks(folder, done):
    """Return what looks like a key or a signature in the output, in reports, and in files that remain."""
    texts = [done.out, done.err, *(path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file())]
    shapes = (r"CANARY\w*", r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{43}=(?![A-Za-z0-9+/=])", r"x-ncp-apigw-timestamp[^\[]{1,60}?\b(1\d{12})\b")
    return {match for text in texts for shape in shapes for match in re.findall(shape, text)}


def test_no_key_and_no_signature_is_in_any_output_or_report(faulty_run):
    folder, done = faulty_run
    written = {path.suffix for path in (folder / "reports").rglob("*") if path.is_file()}
    assert written >= {".xml", ".json", ".ndjson", ".html", ".py"}
    assert leaks(folder, done) == set()


@pytest.fixture(scope="module")
def faulty_server():
    """Start a server with a fault that every successful creation shows; its keys are `CANARIES`."""
    with running("--fault", "status-201", **CANARIES) as server:
        yield server


def test_they_would_be_found_if_they_stood_there(tmp_path, faulty_server):
    # Otherwise the test above could search for the wrong thing. Also: masking can be switched off.
    (tmp_path / "schemathesis.toml").write_text("[output.sanitization]\nenabled = false\n", encoding="utf-8")
    done = run(tmp_path, SPECIFICATION, "--url", faulty_server.url, "--phases", "examples", "--report", "vcr", **CANARIES)
    found = leaks(tmp_path, done)
    assert "CANARYACCESSKEY0001" in found
    assert any(len(text) == 44 for text in found)
    assert any(re.fullmatch(r"1\d{12}", text) for text in found)
    assert CANARY not in found, "this one is never sent"


def test_signed_headers_are_masked_without_any_settings_file(tmp_path, faulty_server):
    done = run(tmp_path, SPECIFICATION, "--url", faulty_server.url, "--phases", "examples", "--report", "vcr,har,ndjson", **CANARIES)
    assert "[Filtered]" in done.out
    assert leaks(tmp_path, done) == set()


class Trap:
    """A server, or a proxy, on loopback that counts who calls, and hangs up."""

    def __enter__(self):
        self.calls = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _listen(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.calls += 1
            connection.close()

    @property
    def variables(self):
        """Everything goes through the trap, except what is on this machine."""
        names = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY")
        return {"NCLUE_ACCESS_KEY": ACCESS, "NCLUE_SECRET_KEY": SECRET, "NO_PROXY": "127.0.0.1", **dict.fromkeys(names, self.url)}


@pytest.fixture
def trap():
    with Trap() as trap:
        yield trap


MISSING = {
    "no key": ({}, "the environment variables NCLUE_ACCESS_KEY and NCLUE_SECRET_KEY must hold your key"),
    "half a pair": ({"NCLUE_ACCESS_KEY": ACCESS}, "the environment variable NCLUE_SECRET_KEY must hold your key"),
}


def test_what_exists_must_be_something_that_can_be_sent(tmp_path, trap):
    # Otherwise every create request would be rejected, correctly: a green run that has tested nothing.
    variables = {"NCLUE_ACCESS_KEY": ACCESS, "NCLUE_SECRET_KEY": SECRET, "NCLUE_FILE": "churn/a~b.tsv"}
    done = run(tmp_path, SPECIFICATION, "--url", trap.url, **variables)
    assert trap.calls == 0
    sentence = "nclue-contract: the values of NCLUE_FEATURE_ID, NCLUE_BUCKET, NCLUE_FILE must be valid: train_file_path holds '~'"
    assert (done.code, done.err[: len(sentence)]) == (2, sentence)


def test_what_exists_may_be_contested():
    schemathesis_hooks._require_usable({"train_file_path": "dt=2026-11-01/a.csv"})  # noqa: SLF001  # a server can have such a file


@pytest.mark.parametrize("what", MISSING)
def test_without_keys_the_command_ends_with_a_sentence(tmp_path, trap, what):
    variables, missing = MISSING[what]
    done = run(tmp_path, SPECIFICATION, "--url", trap.url, **variables)
    assert trap.calls == 0
    assert (done.code, done.err) == (2, f"nclue-contract: {missing}\n")
    assert "Traceback" not in done.out


def rejected(done, trap):
    assert (done.code, trap.calls) == (2, 0)
    assert re.fullmatch(r"nclue-contract: nclue\.apigw\.ntruss\.com is the real service, .*; no setting lifts this\n", done.err)
    assert "Traceback" not in done.out


def test_the_command_rejects_the_real_service_before_anything_is_sent(tmp_path, trap):
    rejected(run(tmp_path, SPECIFICATION, "--url", REAL, **trap.variables), trap)


def test_the_real_service_in_a_settings_file_is_rejected(tmp_path, trap):
    (tmp_path / "schemathesis.toml").write_text(f'base-url = "{REAL}"\n', encoding="utf-8")
    rejected(run(tmp_path, SPECIFICATION, **trap.variables), trap)


def test_a_document_is_not_fetched_from_the_real_service(tmp_path, trap):
    rejected(run(tmp_path, f"{REAL}/openapi.json", **trap.variables), trap)


def test_without_the_hooks_the_real_service_would_have_been_called(tmp_path, trap):
    # Otherwise the trap could be one that nothing falls into. What is sent ends there, on this machine.
    done = run(tmp_path, SPECIFICATION, "--url", REAL, "--phases", "examples", **trap.variables | {"SCHEMATHESIS_HOOKS": None})
    assert trap.calls > 0, done.out


def test_a_missing_schemathesis_is_reported_with_the_command_that_installs_it():
    code = "import sys; sys.modules['schemathesis'] = None; import nclue_contract.schemathesis_hooks"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False, timeout=300)
    message = "ImportError: the hooks need Schemathesis; run: pip install 'nclue-contract[schemathesis]'"
    assert done.stderr.splitlines()[-1] == message


# -- what is documented --------------------------------------------------------------------------------------------------------------


def test_the_list_to_mask_is_that_of_schemathesis_and_the_three_headers():
    assert (*NAMES, *SanitizationConfig().sensitive_markers) == SENSITIVE_MARKERS
    settings = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    assert tuple(settings["output"]["sanitization"]["sensitive-markers"]) == SENSITIVE_MARKERS


def test_what_the_user_lets_mask_stays_masked():
    schema = load(output={"sanitization": {"sensitive-markers": ["bucket"]}})
    assert schema.config.output.sanitization.sensitive_markers == ("bucket", *NAMES)


def test_the_documented_settings_are_understood():
    config = schemathesis.Config.from_path(EXAMPLE)
    schema = schemathesis.openapi.from_dict(document(), config=config)
    assert schema.config.checks.custom_kwargs["NclueContract"] == {"strict": False, "ignore": [], "readings": {}}
    assert schema.config.hooks == "nclue_contract.schemathesis_hooks"


def test_no_reading_forbids_a_value_of_the_documented_dictionaries():
    from nclue_contract.contract.model import contract  # noqa: PLC0415  # the list of readings is under test

    dictionaries = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))["dictionaries"]
    pins = [{reading.id: option.id} for reading in contract().readings.values() for option in reading.options]
    for values in ({"name": name} for name in dictionaries["names"]["values"]):
        assert all(not Validator(pin).validate_request(PAYLOAD | values).findings for pin in pins), values
    for path in dictionaries["paths"]["values"]:
        assert all(not Validator(pin).validate_request(PAYLOAD | {"train_file_path": path}).findings for pin in pins), path
