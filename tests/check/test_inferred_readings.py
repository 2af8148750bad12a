"""What one response, or several together, show about the readings of a server, and what a pin makes of it."""

import json

import pytest

from nclue_contract.check.expectations import FixtureData, accepted_under, fits, or_rejected_under, reports_missing_file
from nclue_contract.contract.readings import Readings
from nclue_contract.contract.rules import Answer
from nclue_contract.service.messages import Rejection
from tools.measure_check import check_in_process, reference_server, second_server

OK, NOT_FOUND, TAKEN = Answer(200, None), Answer(404, "10107"), Answer(409, "10102")
FILES = FixtureData()


@pytest.mark.parametrize(
    ("reading", "pinned", "other", "rule"),
    [
        ("success-status", "200", "gateway", "NC301"),
        ("query-range", "refused", "clamped", "NC505"),
        ("query-range", "clamped", "refused", "NC505"),
        ("name-comparison", "exact", "collated", "NC404"),
        ("name-after-deletion", "free", "kept", "NC402"),
        ("name-after-deletion", "kept", "free", "NC402"),
        ("absent-fields", "null", "absent", "NC304"),
        ("absent-fields", "absent", "null", "NC305"),
        ("error-shape", "nested", "response-error", "NC311"),
        ("error-shape", "flat", "flat-msg", "NC311"),
    ],
)
def test_a_server_with_another_option_than_the_pinned_one_fails(reading, pinned, other, rule):
    result = check_in_process(second_server(readings={reading: other}), pins={reading: pinned}, usual=frozenset())
    assert result.exit_code == 1
    assert {failure.rule for failure in result.failures} == {rule}


@pytest.mark.parametrize(("reading", "pinned", "other"), [("success-status", "gateway", "200"), ("name-comparison", "collated", "exact")])
def test_an_option_that_only_allows_more_fails_no_server_that_does_without(reading, pinned, other):
    result = check_in_process(reference_server(readings={reading: other}), pins={reading: pinned})
    assert (result.failures, result.exit_code) == ([], 0)


def test_a_shape_of_errors_is_inferred_and_another_one_beside_it_is_inconsistent():
    handle = reference_server(readings={"error-shape": "response-error"})
    service, original = handle.__self__, handle.__self__.serializer.error_body

    def mixed(rejection):
        code, message = rejection.code, rejection.message
        return {"code": code, "msg": message} if code == "10105" else original(rejection)

    service.serializer.error_body = mixed
    result = check_in_process(handle)
    assert {failure.rule for failure in result.failures} == {"NC600"}
    assert "error-shape" in result.failures[0].sentence


def test_a_gateway_may_have_another_shape_of_errors_than_the_service():
    handle = reference_server(readings={"auth-refusal": "gateway", "error-shape": "flat-msg"})
    service, original = handle.__self__, handle.__self__.serializer.error_body
    nested = lambda rejection: {"error": {"errorCode": rejection.code, "message": rejection.message}}  # noqa: E731
    service.serializer.error_body = lambda rejection: (nested if rejection.status == 401 else original)(rejection)
    result = check_in_process(handle)
    assert (result.failures, result.exit_code) == ([], 0)
    assert result.readings["error-shape"] == ("flat-msg",)


# -- a response rules out only what it shows ----------------------------------------------------------------------------------------------


def test_a_server_that_finds_no_file_of_an_empty_path_and_looks_up_no_others_passes():
    """It answers 404 for an empty path; that says nothing about paths that are not empty."""
    handle = reference_server()
    service, original = handle.__self__, handle.__self__.check_files

    def check_files(fields):
        for part, error in (("train", "TRAIN_PATH_NOT_FOUND"), ("test", "TEST_PATH_NOT_FOUND")):
            if fields.get(f"{part}_file_path") == "":
                raise Rejection.of(service.errors[error])
        original(fields)

    service.check_files = check_files
    result = check_in_process(handle)
    assert (result.failures, result.exit_code) == ([], 0)


@pytest.mark.parametrize(
    ("answer", "train", "test", "shows"),
    [
        (NOT_FOUND, "nclue-check/a.tsv", None, True),
        (Answer(404, "10106"), "nclue-check/a.tsv", None, True),
        (NOT_FOUND, "", None, False),
        (NOT_FOUND, FILES.file, None, False),
        (NOT_FOUND, "", "nclue-check/a.tsv", False),  # the code is that of the train path
        (Answer(404, "10108"), "", "nclue-check/a.tsv", True),
        (Answer(404, "300"), "nclue-check/a.tsv", None, False),
        (OK, "nclue-check/a.tsv", None, False),
    ],
)
def test_only_a_file_that_no_server_has_shows_that_files_are_looked_up(answer, train, test, shows):
    payload = {"train_file_path": train} | ({} if test is None else {"test_file_path": test})
    assert reports_missing_file(answer, json.dumps(payload).encode(), FILES) == shows


# -- expectations -------------------------------------------------------------------------------------------------------------------------


def allowed(expectation, answer, **pins):
    return fits(answer, expectation.answers(Readings.of({name.replace("_", "-"): option for name, option in pins.items()})))


def test_what_is_accepted_under_one_option_is_rejected_under_the_other():
    expectation = accepted_under("NC505", "query-range", "clamped")
    assert expectation.readings == ("query-range",)
    assert [allowed(expectation, OK, query_range=option) for option in ("refused", "clamped")] == [False, True]
    assert [allowed(expectation, Answer(400, "x"), query_range=option) for option in ("refused", "clamped")] == [True, False]
    lenient = accepted_under("NC505", "query-range", "clamped", also_rejected=True)
    assert [allowed(lenient, Answer(400, "x"), query_range=option) for option in ("refused", "clamped")] == [True, True]


def test_a_name_may_be_taken_under_one_option_only():
    expectation = or_rejected_under(accepted_under("NC505", "query-range", "clamped"), "NC404", "name-comparison", "collated")
    assert expectation.readings == ("query-range", "name-comparison")
    for option, right in (("exact", False), ("collated", True)):
        assert allowed(expectation, TAKEN, query_range="clamped", name_comparison=option) == right
        assert allowed(expectation, OK, query_range="clamped", name_comparison=option)
