"""What the recorder shows of a request holds no secret, wherever the client has put it."""

import json
import re

import pytest

from nclue_contract.service.messages import Request
from nclue_contract.service.recorder import Recorder, format_broken_requests, recorded_service
from nclue_contract.signing import Credentials, signed_headers
from nclue_contract.validation.validator import Validator
from tests.support.payloads import PAYLOAD
from tests.support.signing import ACCESS, SECRET
from tests.support.spellings import SPELLINGS

NOW_MS = 1_764_000_000_000
KEYS = Credentials(ACCESS, SECRET)


@pytest.fixture
def shown():
    """Return a function that sends a request to a recorded service, and returns what is shown of it."""

    def shown(method, target, headers, body=b""):
        recorder = Recorder()
        service = recorded_service(recorder, Validator(), {ACCESS: SECRET})
        service.handle(Request(method, target, tuple(headers), body), NOW_MS)
        return format_broken_requests(recorder.broken())

    return shown


def test_keys_and_signatures_in_a_path_are_masked(shown):
    headers = signed_headers("GET", "/api/v1/tasks/1", KEYS, NOW_MS)
    signature = headers["x-ncp-apigw-signature-v2"]
    for name in ("percent", "percent, lower case, all", "Base64 for URLs, without padding", "hexadecimal"):
        for secret in (ACCESS, SECRET, signature):
            text = shown("GET", f"/api/v1/tasks/{SPELLINGS[name](secret)}", headers.items())
            assert "NC208 signature-mismatch: a request breaks the contract" in text
            assert re.search(r"(?m)^request 1: GET (/api/v1/tasks/)?f?[*]{3}, response 401", text)


def test_a_secret_is_masked_before_a_long_path_is_cut(shown):
    text = shown("GET", "/api/v1/tasks/" + "x" * 190 + SECRET, [])
    assert f"{'x' * 180}" in text
    assert SECRET[:8] not in text


def test_findings_quote_no_secret(shown):
    body = json.dumps(PAYLOAD | {"train_file_path": f"a~{SECRET}"}).encode()
    headers = [*signed_headers("POST", "/api/v1/tasks", KEYS, NOW_MS).items(), ("content-type", "application/json")]
    text = shown("POST", "/api/v1/tasks", headers, body)
    assert "error NC120 path-character" in text
    assert "a~***" in text
    assert SECRET[:20] not in text


@pytest.mark.parametrize(
    ("request_", "suggestion"),
    [
        (Request("GET", "/v1/tasks?limit=2", ()), "/api/v1/tasks"),
        (Request("GET", "/api/v1/tasks", (), without_tls=True), "https://nclue.apigw.ntruss.com/api/v1/tasks"),
    ],
    ids=["another path", "without TLS"],
)
def test_a_wrong_url_is_a_finding_with_the_right_one(request_, suggestion):
    recorder = Recorder()
    service = recorded_service(recorder, Validator(), None)
    response = service.handle(request_, NOW_MS)
    assert dict(response.headers)["x-nclue-rules"] == "NC300"
    assert [(one["rule"], one["suggestion"]) for one in service.journal()[-1]["findings"]] == [("NC300", suggestion)]
    text = format_broken_requests(recorder.broken())
    assert text.startswith("NC300 operation-unknown: a request breaks the contract\n\nrequest 1: GET ")
    assert f"\n  suggestion: {suggestion}\n" in text
    assert recorder.broken(["NC300"]) == []
