"""The check finds every injected fault of both servers, and has no false positives on conforming ones.

The second server (`tests/second_server`) was written from the pages alone, without knowledge of the test cases, and so were its faults.
"""

import json

import pytest

from nclue_contract.check.expectations import FixtureData
from tests.second_server import server as second_module
from tools import measure_check
from tools.measure_check import check_in_process, measure_fault, reference, reference_server, second, second_server

INSTANCES = list(reference().faults)

INDISTINGUISHABLE = {
    "path-character-allowed:U+003D",  # path-characters=page-2025
    "status-201",  # success-status=gateway
    "status-202",
    "duplicates-by-case",  # name-comparison=collated
    "duplicates-trimmed",
    "duplicates-after-deletion",  # name-after-deletion=kept
    "list-clamps",  # query-range=clamped
}
"""Faults of the service that are another option of a reading; only a pin can require that a server does not have it."""

INDISTINGUISHABLE_OF_SECOND = {
    "create-answers-201",  # success-status=gateway
    "delete-answers-202",
    "delete-answers-204",
    "duplicate-ignores-accents",  # name-comparison=collated
    "duplicate-ignores-case",
    "duplicate-ignores-form",
    "duplicate-ignores-padding",
    "duplicate-ignores-width",
    "duplicate-of-deleted-refused",  # name-after-deletion=kept
}
"""The same of the second server."""

UNDECIDED = {
    "name-blank-refused": "no page says whether a name of one blank is empty",
    "json-malformed-status-422": "for a body that is not JSON any client error is right",
    "empty-echoed-as-null": "no page says whether an empty optional field is there",
    "auth-after-the-rules": "no page says what is checked first",
    "line-count-while-building": "null until the end is inferred; no page forbids a number",
    "file-general-code": "10106 is one of the codes for a file that does not exist",
    "list-empty-is-404": "a check makes tasks before it lists them, so it never sees the empty list",
}
"""Faults of the second server that no page forbids, or that no check can see; every other one has to be found."""


@pytest.mark.parametrize("instance", INSTANCES)
def test_every_injected_fault_is_found(instance):
    one = measure_fault(reference(), instance)
    assert one.found, one
    assert one.pinned == (instance in INDISTINGUISHABLE)
    assert one.requests <= 600


@pytest.mark.parametrize("fault", sorted(second_module.FAULTS))
def test_the_faults_of_the_second_server_are_found(fault):
    one = measure_fault(second(), fault)
    assert one.found != (fault in UNDECIDED), one
    assert (one.found and one.pinned) == (fault in INDISTINGUISHABLE_OF_SECOND)


ABOUT_FILES = {"path-characters", "path-high-codes", "path-del", "path-empty", "check-order"}
"""The readings that look different on a server that knows its files."""


def conforming_servers():
    """Every option of every reading, typed by hand in the second server's table, with all files or with the known ones only.

    `tools/measure_check.py` has both for each option.
    """
    for reading, options in second_module.VARIANTS.items():
        for position, option in enumerate(options):
            for known_files in (False, True) if reading in ABOUT_FILES else (position % 2 == 1,):
                yield pytest.param(reading, option, known_files, id=f"{reading}={option}{', known files' if known_files else ''}")


@pytest.mark.parametrize(("reading", "option", "known_files"), list(conforming_servers()))
@pytest.mark.parametrize("which", ["service", "second server"])
def test_there_are_no_false_positives_and_the_reading_is_recognised(which, reading, option, known_files):
    start = reference_server if which == "service" else second_server
    result = check_in_process(start(readings={reading: option}, known_files=known_files))
    assert result.failures == []
    assert (result.stop_reason, result.exit_code) == ("", 0)
    assert option in result.readings[reading]
    assert result.requests <= 600
    if reading != "check-order" or known_files:  # a server that has every file shows no order
        undecided = {("path-empty", "allowed", True)}  # an empty path is no file either
        undecided |= {("path-characters", "page-2025", True)}  # missing or forbidden: 404 for the one is 404 for the other
        if (reading, option, known_files) not in undecided:
            assert result.readings[reading] == (option,)


def test_pins_are_validated():
    """With a pin, another reading is a failure of its rule."""
    result = check_in_process(reference_server(readings={"path-characters": "page-2025"}), pins={"path-characters": "page-2024"})
    assert {failure.rule for failure in result.failures} == {"NC120"}
    assert "decided by the pin" not in result.failures[0].sentence  # the note about the response is more informative
    assert "response 200 instead of 422 with code 10104" in result.failures[0].sentence


def test_the_correct_pins_of_a_variant_pass():
    chosen = {"error-shape": "flat", "queue": "serial", "list-index": "page", "auth-refusal": "gateway", "name-edge": "99"}
    result = check_in_process(reference_server(readings=chosen), pins=chosen)
    assert (result.failures, result.exit_code) == ([], 0)


@pytest.mark.parametrize("which", ["service", "second server"])
def test_with_sixty_requests_more_than_three_quarters_of_the_faults_are_found(which):
    """Plain Schemathesis finds fewer than half of them with all its requests (`tools/bench_schemathesis.py`)."""
    implementation = reference() if which == "service" else second()
    sampled = sorted(implementation.faults)[::5]
    found = [fault for fault in sampled if measure_fault(implementation, fault, budget=60).found]
    assert len(found) / len(sampled) > 0.75


def test_a_server_without_a_failing_file_is_checked_as_far_as_it_goes():
    result = check_in_process(reference_server(), known=FixtureData())
    assert result.exit_code == 0
    untested = {outcome.case.id for outcome in result.outcomes.values() if outcome.state == "untested"}
    assert untested == {"life[failed]", "delete[failed]", "name[of a task that has failed]"}


def test_what_is_explained_is_there():
    """An explanation of a fault that does not exist any more would hide the next one of that name."""
    assert set(UNDECIDED) <= set(second_module.FAULTS)
    assert set(INDISTINGUISHABLE) <= set(INSTANCES)
    assert set(INDISTINGUISHABLE_OF_SECOND) <= set(second_module.FAULTS)


def test_the_tool_prints_a_line_per_fault_and_the_totals(capsys):
    assert measure_check.main(["--only", "path-character-allowed:U+007[BD]"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["path-character-allowed:U+007B", "path-character-allowed:U+007D"]
    assert lines[3] == "2 of 2 faults found"


def test_the_tool_fails_when_a_fault_is_missed(capsys):
    assert measure_check.main(["--second", "--only", "json-malformed-status-422", "--budget", "60", "--format", "json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert [(one["fault"], one["found"]) for one in report["faults"]] == [("json-malformed-status-422", False)]
    assert report["correct"] == []


@pytest.mark.parametrize("arguments", [["--only", "nothing"], ["--budget", "0"]])
def test_the_tool_rejects_patterns_without_faults_and_other_numbers(arguments):
    with pytest.raises(SystemExit, match="2"):
        measure_check.main(arguments)
