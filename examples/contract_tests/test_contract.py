"""Contract tests of a server: Schemathesis generates requests from the OpenAPI document, and each response must keep the contract.

`SERVER_URL=http://127.0.0.1:8000/api/v1 pytest` tests a server that runs; without it, the reference server is started.
"""

import os
import subprocess
import sys

import nclue_contract.schemathesis_hooks  # noqa: F401  # signs the requests, gives tasks unique names, validates the responses
import pytest
import schemathesis
from hypothesis import settings

NCLUE_CONTRACT = [sys.executable, "-m", "nclue_contract"]
DOCUMENT = subprocess.run([*NCLUE_CONTRACT, "spec", "--path"], capture_output=True, check=True, encoding="utf-8").stdout.strip()
schema = schemathesis.openapi.from_path(DOCUMENT)


@pytest.fixture(autouse=True, scope="module")
def keys(nclue_credentials):
    """Give the hooks and the reference server the same key pair."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("NCLUE_ACCESS_KEY", nclue_credentials.access_key)
        environment.setenv("NCLUE_SECRET_KEY", nclue_credentials.secret_key)
        yield


@pytest.fixture(scope="module")
def server_url(keys):
    """Return the base URL of the server; start your own here."""
    if url := os.environ.get("SERVER_URL"):
        yield url
        return
    with subprocess.Popen([*NCLUE_CONTRACT, "serve", "--port", "0"], stdout=subprocess.PIPE, encoding="utf-8") as server:
        yield next(line.split()[1] for line in server.stdout if line.startswith("LISTENING "))
        server.terminate()


@schema.parametrize()
@settings(max_examples=50)
def test_every_response_keeps_the_contract(case, server_url):
    case.call_and_validate(base_url=server_url)
