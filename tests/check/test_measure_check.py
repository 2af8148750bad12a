"""The contract check finds every planted fault of both servers, and accuses no correct one.

The second server (`second_server.py`) was written from the pages alone, without knowing which cases there are, and so were its faults.
"""

import pytest

from nclue_contract.check.expectations import FixtureData
from nclue_contract.cli.measure import check_in_process, faults, measured, service
from nclue_contract.service.faults.catalogue import CATALOGUE
from tests.second_server import server as second_server
from tests.support.in_process import second

PREFIX = "/api/v1"
INSTANCES = [instance for fault in CATALOGUE for instance in fault.instances()]

INDISTINGUISHABLE = {"path-character-allowed:U+003D"}
"""A server that takes the equals sign reads the pages of 2025; only a pin can say that it should not."""

UNDECIDED = {
    "name-blank-refused": "no page says whether a name of one blank is empty",
    "json-nan-accepted": "what is no JSON may be taken: nobody can know what the server understood (NC005)",
    "json-malformed-status-422": "for a body that is not JSON any client error is right",
    "empty-echoed-as-null": "no page says whether an empty optional field is there",
    "auth-after-the-rules": "no page says what is checked first",
    "line-count-while-building": "null until the end is inferred; no page forbids a number",
    "file-general-code": "10106 is one of the codes for a file that does not exist",
    "list-empty-is-404": "a check makes tasks before it lists them, so it never sees the empty list",
}
"""Faults of the second server that no page forbids, or that no check can see; every other one has to be found."""


@pytest.mark.parametrize("instance", INSTANCES)
def test_every_planted_fault_is_found(instance):
    (one,) = faults(lambda spelling: spelling == instance)
    assert one.accused, one
    assert one.pinned == (instance in INDISTINGUISHABLE)
    assert one.requests <= 600


@pytest.mark.parametrize("fault", sorted(second_server.FAULTS))
def test_the_faults_of_the_second_server_are_found(fault):
    known_files = fault in second_server.NEEDS_UNKNOWN_FILE
    one = measured(fault, "", lambda: second([fault], known_files=known_files), PREFIX)
    assert one.accused != (fault in UNDECIDED), one
    assert not (one.accused and one.pinned)


def correct_servers():
    """Every option of every reading, typed by hand in the second server's table, with all files and with the known ones only."""
    for reading, options in second_server.VARIANTS.items():
        for option in options:
            for known_files in (False, True):
                yield pytest.param(reading, option, known_files, id=f"{reading}={option}{', known files' if known_files else ''}")


@pytest.mark.parametrize(("reading", "option", "known_files"), list(correct_servers()))
@pytest.mark.parametrize("which", ["service", "second server"])
def test_no_correct_server_is_accused_and_its_reading_is_recognised(which, reading, option, known_files):
    if which == "service":
        handle = service(readings={reading: option}, known_files=known_files).handle
    else:
        handle = second(variant={reading: option}, known_files=known_files)
    result = check_in_process(handle, PREFIX)
    assert result.failures == []
    assert (result.stop_reason, result.exit_code) == ("", 0)
    assert option in result.readings[reading]
    assert result.requests <= 600
    if reading != "check-order" or known_files:  # a server that has every file shows no order
        undecided = {("path-empty", "allowed", True)}  # an empty path is no file either
        undecided |= {("path-characters", "page-2025", True)}  # missing or forbidden: 404 for the one is 404 for the other
        if (reading, option, known_files) not in undecided:
            assert result.readings[reading] == (option,)


def test_pins_are_judged():
    """With a pin, another reading is a failure of its rule."""
    server = service(readings={"path-characters": "page-2025"})
    result = check_in_process(server.handle, PREFIX, pins={"path-characters": "page-2024"})
    assert {failure.rule for failure in result.failures} == {"NC120"}
    assert "decided by the pin" not in result.failures[0].sentence  # what was answered says more
    assert "answered 200 instead of 422/10104" in result.failures[0].sentence


def test_the_right_pins_of_a_variant_are_kept():
    chosen = {"error-shape": "flat", "queue": "serial", "list-index": "page", "auth-refusal": "gateway", "name-edge": "99"}
    result = check_in_process(service(readings=chosen).handle, PREFIX, pins=chosen)
    assert (result.failures, result.exit_code) == ([], 0)


def test_with_sixty_requests_more_faults_are_found_than_plain_schemathesis_finds_with_all():
    """Plain Schemathesis finds fewer than half (`tools/bench_schemathesis.py`); a sixth of the default budget finds well above."""
    sampled = INSTANCES[::7]
    found = [one for one in faults(lambda spelling: spelling in sampled, budget=60) if one.accused]
    assert len(found) / len(sampled) > 0.55


def test_with_sixty_requests_half_of_the_faults_of_the_second_server_are_found():
    """Plain Schemathesis finds 36 of 100 with all its requests (`tools/bench_schemathesis.py --second`)."""
    sampled = sorted(second_server.FAULTS)[::6]
    found = [fault for fault in sampled if measured(fault, "", lambda fault=fault: second([fault]), PREFIX, budget=60).accused]
    assert len(found) / len(sampled) > 0.45


def test_a_server_without_a_failing_file_is_checked_as_far_as_it_goes():
    result = check_in_process(service().handle, PREFIX, known=FixtureData())
    assert result.exit_code == 0
    untested = {outcome.case.id for outcome in result.outcomes.values() if outcome.state == "untested"}
    assert untested == {"life[failed]", "delete[failed]", "name[of a task that has failed]"}


def test_what_is_explained_is_there():
    """An explanation of a fault that does not exist any more would hide the next one of that name."""
    assert set(UNDECIDED) <= set(second_server.FAULTS)
    assert set(INDISTINGUISHABLE) <= set(INSTANCES)
