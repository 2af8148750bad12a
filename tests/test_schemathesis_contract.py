"""Schemathesis contract tests: for each operation and along the lifecycle, the service responds as the OpenAPI document states.

The requests are generated with `schema.parametrize()` and with the state machine of Schemathesis, in this process; and by `st run` over
HTTP, with every check and phase of Schemathesis. Our hooks sign the requests and add the check `NclueContract`.
"""

import collections

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.core.failures import FailureGroup

import nclue_contract.schemathesis_hooks  # noqa: F401  # signs the requests, gives tasks unique names, validates the responses
from nclue_contract.contract.openapi import document
from nclue_contract.service.asgi import App
from nclue_contract.service.lifecycle import ProgressMode
from nclue_contract.service.service import Service
from tests.support.forked_command import SCHEMATHESIS, run_forked
from tests.support.payloads import PAYLOAD
from tests.support.server_process import environment, running
from tests.support.signing import ACCESS, SECRET, signed
from tests.support.tools import ROOT

service = Service({ACCESS: SECRET}, progress=ProgressMode.parse("reads:1"))
schema = schemathesis.openapi.from_dict(document())
schema.app = App(service)
schema.config.update(base_url="http://testserver/api/v1")

seen = collections.Counter()


@pytest.fixture(scope="module", autouse=True)
def keys():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NCLUE_ACCESS_KEY", ACCESS)
        patch.setenv("NCLUE_SECRET_KEY", SECRET)
        yield


@pytest.fixture(autouse=True)
def enough_accepted_requests():
    """Fail a run in which almost every request was rejected, because it would prove nothing."""
    seen.clear()
    yield
    if "POST /tasks" in {label for label, _ in seen}:
        assert seen["POST /tasks", 200] >= 10, seen
    assert {status for _, status in seen} <= {200, 400, 401, 404, 405, 409, 422}, seen


@schema.parametrize()
@settings(max_examples=30)
def test_every_operation_responds_as_the_openapi_document_states(case):
    response = case.call_and_validate()
    seen[case.operation.label, response.status_code] += 1


class TaskLifecycle(schema.as_state_machine()):
    def setup(self):
        """Begin without tasks: Hypothesis requires the same responses when it makes the same choices again."""
        service.reset()

    def validate_response(self, response, case, **options):
        super().validate_response(response, case, **options)
        seen[case.operation.label, response.status_code] += 1


TestTaskLifecycle = TaskLifecycle.TestCase
TestTaskLifecycle.settings = settings(max_examples=15, stateful_step_count=6, deadline=None, suppress_health_check=list(HealthCheck))


def test_a_response_that_breaks_the_schema_fails():
    # Otherwise a run that checks nothing would pass the tests above.
    broken = Service({ACCESS: SECRET})
    broken.serializer.created = lambda _task: {"task_id": 1}
    case = schema["/tasks"]["POST"].Case(body=dict(PAYLOAD), media_type="application/json")
    case.headers.update(signed("POST", "/api/v1/tasks"))
    with pytest.raises(FailureGroup, match="is not of type"):
        case.validate_response(case.call(app=App(broken)))


def test_st_run_with_all_checks_and_phases_finds_no_issue(tmp_path):
    # With the settings that we recommend, from the file that the package ships.
    (tmp_path / "schemathesis.toml").write_bytes((ROOT / "examples" / "schemathesis.toml").read_bytes())
    variables = environment(NCLUE_ACCESS_KEY=ACCESS, NCLUE_SECRET_KEY=SECRET, PYTHONUTF8="1")
    document = run_forked(["spec", "--path"], variables).out.strip()
    with running("--progress", "reads:1") as server:
        options = ["--url", server.url, "--checks", "all", "--seed", "1", "--max-examples", "15", "--no-color"]
        done = run_forked(["run", document, *options], variables, cwd=tmp_path, program=SCHEMATHESIS)
        statuses = collections.Counter((entry["method"], entry["status"]) for entry in server.journal())
        assert server.errors() == ""
    assert done.code == 0, done.out + done.err
    assert "No issues found" in done.out
    assert min(statuses[method, 200] for method in ("POST", "GET", "DELETE")) > 10, statuses
