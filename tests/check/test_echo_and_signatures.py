"""What a check says about values that come back changed, about train and test data, and about servers that sign another string."""

import pytest

from nclue_contract.check.cases.plan import plan
from nclue_contract.check.expectations import FixtureData
from nclue_contract.check.results import State
from nclue_contract.check.runner import Runner
from nclue_contract.check.sender import Limits
from nclue_contract.check.session import CheckSession
from nclue_contract.check.transport_memory import MemoryTransport
from nclue_contract.cli.main import main
from nclue_contract.contract.readings import Readings
from nclue_contract.service.faults.catalogue import inject_fault
from nclue_contract.service.service import Service
from nclue_contract.service.store import ExternalData
from tests.service.faults.exchange import ACCESS, SECRET
from tests.support.plans import short_plan
from tools.measure_check import PREFIX, reference_server, second_server

APART = [f"echo[train and test {group} apart]" for group in ("feature IDs", "buckets", "paths")]


def check(handle, *ids, known=None, cases=None):
    transport = MemoryTransport(handle, PREFIX)
    session = CheckSession(Readings.of(None), known or FixtureData(), run="run", prefix=PREFIX, now_ms=transport.now_ms, exact_clock=True)
    return Runner(session, cases or plan(ids=ids or None), transport, Limits(clean_up=False)).run("in process", "tested")


def sentences(result):
    return [(failure.rule, failure.sentence) for failure in result.failures]


@pytest.mark.parametrize(
    ("fault", "case", "field", "offset"),
    [
        ("echo-slashes-collapsed:train_file_path", "echo[markup and templates]", "train_file_path", 61),
        ("echo-dashes:test_bucket", "echo[quotes, dashes and dots]", "test_bucket", 13),
        ("echo-shortened:255-test_feature_id", "echo[long values]", "test_feature_id", 255),
    ],
)
def test_a_changed_value_is_reported_with_its_field_and_offset(fault, case, field, offset):
    result = check(reference_server(fault), case)
    assert ("NC307", f"{field} differs from {field} of the request, from offset {offset} on") in sentences(result)


@pytest.mark.parametrize("fault", ["train-and-test-swapped:list-bucket", "list-tidied:nfc"])
def test_a_value_that_only_the_list_changes_is_reported_with_its_offset(fault):
    result = check(reference_server(fault), "echo[train and test data apart]", "echo[Unicode]", "list[every task once]")
    assert any("is not what createTask returned, from offset " in sentence for _, sentence in sentences(result))


def only_one_file():
    data = FixtureData(test_file="churn/test.tsv")
    return Service({"EXAMPLEACCESSKEY0001": SECRET}, fixture_data=ExternalData(files=frozenset({data.file, data.test_file}))).handle


def test_what_cannot_be_told_apart_is_inconclusive_and_names_the_option():
    assert ACCESS == "EXAMPLEACCESSKEY0001"
    result = check(only_one_file(), "echo[train and test data apart]", *APART)
    states = [result.outcomes[case].state for case in APART]
    assert states == [State.PASSED, State.PASSED, State.INCONCLUSIVE]
    assert "--test-file" in result.outcomes[APART[2]].reason


def test_with_another_file_it_is_told():
    result = check(only_one_file(), "echo[train and test data apart]", *APART, known=FixtureData(test_file="churn/test.tsv"))
    assert {result.outcomes[case].state for case in APART} == {State.PASSED}


def test_the_options_for_test_data_are_those_of_the_command(capsys):
    assert main(["check", "--test-file", "a~b", "--test-bucket", "b", "--test-feature-id", "f"]) == 2
    assert "--test-file 'a~b' is not allowed under every reading" in capsys.readouterr().err


def test_eight_create_requests_at_the_same_moment_have_one_winner():
    case = "name[taken, at the same moment]"
    assert check(reference_server(), case).failures == []
    assert sentences(check(reference_server("duplicates-racing-crowd"), case)) == [
        ("NC404", "7 of 8 create requests at the same moment have got the same name")
    ]


SIGNS = {
    "auth-signs-no-query": "leave the query out of the string to sign",
    "auth-signs-sorted-query": "sort the parts of the query before signing",
    "auth-signs-decoded": "decode path and query before signing",
    "auth-signs-no-prefix": "sign the path without its prefix",
    "auth-signs-seconds": "expect the timestamp in seconds",
    "auth-signs-time-first": "sign the timestamp before method and path",
    "auth-signs-delete-as-get": "sign GET instead of DELETE",
    "auth-signs-url-safe": "expect Base64 with the URL-safe alphabet",
}


@pytest.mark.parametrize("fault", SIGNS)
def test_another_string_to_sign_is_one_failure_that_says_which(fault):
    result = check(reference_server(fault), cases=plan() if fault == "auth-signs-no-prefix" else short_plan())
    assert [rule for rule, _ in sentences(result)] == ["NC208"]
    assert f"the server seems to {SIGNS[fault]}, which concerns" in result.failures[0].sentence
    assert (result.exit_code, result.stop_reason) == (1, "")
    assert result.requests <= 600


def test_without_an_explanation_the_property_of_the_rejected_requests_is_named():
    result = check(reference_server("auth-query-rejected"), cases=short_plan())
    assert [rule for rule, _ in sentences(result)] == ["NC208"]
    assert result.failures[0].sentence.startswith("valid signatures of GET requests with a query are rejected with 401")


def test_what_else_is_wrong_is_found_although_the_signature_is():
    service = Service({ACCESS: SECRET})
    inject_fault(service, "auth-signs-no-prefix")
    inject_fault(service, "name-empty-allowed")
    rules = {rule for rule, _ in sentences(check(service.handle, cases=short_plan()))}
    assert {"NC208", "NC110"} <= rules


def test_a_server_of_other_make_is_diagnosed_as_well():
    result = check(second_server("auth-key-before-timestamp"), cases=short_plan())
    assert [rule for rule, _ in sentences(result)] == ["NC208"]
    assert "the access key before the timestamp" in result.failures[0].sentence
