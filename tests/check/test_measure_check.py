"""The check finds every injected fault of both servers, and has no false positives on conforming ones.

The second server (`tests/second_server`) was written from the pages alone, without knowledge of the test cases, and so were its faults.
"""

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from nclue_contract.check.cases.plan import plan
from nclue_contract.check.expectations import FixtureData
from nclue_contract.service.faults.catalogue import CATALOGUE
from tests.second_server import server as second_module
from tests.second_server.faults.catalogue import by_first_word
from tools import measure_check
from tools.measure_check import (
    check_in_process,
    default_pins,
    measure_fault,
    reference,
    reference_server,
    second,
    second_server,
    sufficient_cases,
)

INSTANCES = frozenset(reference().faults)

DATA = Path(__file__).parent.parent / "data"


def cases_of(name):
    """Return the one or two test cases that find each fault, none where more are needed.

    `python tools/measure_check.py --format cases` prints them.
    """
    rows = [line.split("\t") for line in (DATA / name).read_text(encoding="utf-8").splitlines()]
    return {fault: cases for fault, *cases in rows}


CASES = cases_of("cases_of_faults.txt")
CASES_OF_SECOND = cases_of("cases_of_faults_of_second_server.txt")

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


def measured(implementation, fault, cases, *, pinned):
    """Measure a fault with the test cases that have found it before; with the whole plan if they do not find it any more."""
    if cases:
        one = measure_fault(implementation, fault, cases=cases)
        if one.found and one.pinned == pinned:
            return one
    return measure_fault(implementation, fault)


@pytest.mark.parametrize("fault", CATALOGUE, ids=lambda fault: fault.id)
def test_every_injected_fault_is_found(fault):
    for instance in fault.instances():
        pinned = instance in INDISTINGUISHABLE
        one = measured(reference(), instance, CASES.get(instance), pinned=pinned)
        assert one.found, one
        assert one.pinned == pinned, one
        assert one.requests <= 600, one


FOUND_OF_SECOND = by_first_word(second_module.FAULTS.keys() - UNDECIDED.keys())


@pytest.mark.parametrize("faults", FOUND_OF_SECOND.values(), ids=FOUND_OF_SECOND)
def test_the_faults_of_the_second_server_are_found(faults):
    for fault in faults:
        pinned = fault in INDISTINGUISHABLE_OF_SECOND
        one = measured(second(), fault, CASES_OF_SECOND.get(fault), pinned=pinned)
        assert one.found, one
        assert one.pinned == pinned, one


@pytest.mark.parametrize("fault", UNDECIDED)
def test_what_no_page_decides_is_not_reported(fault):
    """With pins no reading is left to explain what a server does, so what is not reported with them is never reported."""
    result = check_in_process(second_server(fault), pins=default_pins())
    assert (result.failures, result.stop_reason) == ([], "")
    assert {advisory.key for advisory in result.advisories} <= second().usual_advisories()


PATHS = {"path-characters", "path-high-codes", "path-del", "path-empty"}


class Mixture(NamedTuple):
    """A conforming server: an option of each reading, and whether it knows its files or has every file."""

    options: dict[str, str]
    known_files: bool

    @property
    def invisible(self):
        """Return the readings whose option such a server does not show."""
        if not self.known_files:
            return {"check-order"}  # every file is there
        if self.options["check-order"] == "existence-first":
            return PATHS  # the files of these requests are missing
        # An empty path is no file either, and 404 for a path that is forbidden is the 404 for a missing file.
        unclear = {("path-empty", "allowed"), ("path-characters", "page-2025")}
        return {reading for reading, option in unclear if self.options[reading] == option}


def mixtures():
    """Yield conforming servers that have every option of every reading, and of almost every two readings all pairs of options.

    The options are those in the second server's table, which is typed by hand. `tools/measure_check.py` has each option alone.
    """
    for number in range(8):

        def other(columns, number=number):
            return (number & columns).bit_count() % 2

        options = {}
        for place, (reading, names) in enumerate(second_module.VARIANTS.items()):
            options[reading] = names[{2: other(place % 7 + 1), 3: number // 2 % 3}.get(len(names), number % len(names))]
        yield Mixture(options, bool(other(7)))


@pytest.fixture(scope="module", params=["service", "second server"])
def checked(request):
    """Return the mixtures with the results of their checks."""
    start = reference_server if request.param == "service" else second_server
    return [(one, check_in_process(start(readings=one.options, known_files=one.known_files))) for one in mixtures()]


def test_there_are_no_false_positives(checked):
    for one, result in checked:
        assert result.failures == [], one
        assert (result.stop_reason, result.exit_code) == ("", 0)
        assert result.requests <= 600


def test_the_readings_of_conforming_servers_are_recognised(checked):
    recognised = set()
    for one, result in checked:
        for reading, option in one.options.items():
            if reading in one.invisible:
                assert option in result.readings[reading]
            else:
                assert result.readings[reading] == (option,), (reading, one)
                recognised.add((reading, option))
    assert recognised == {(reading, option) for reading, options in second_module.VARIANTS.items() for option in options}


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
    sampled = sorted(implementation.faults)[::10]
    found = [fault for fault in sampled if measure_fault(implementation, fault, budget=60).found]
    assert len(found) / len(sampled) > 0.75


def test_a_server_without_a_failing_file_is_checked_as_far_as_it_goes():
    result = check_in_process(reference_server(), known=FixtureData())
    assert result.exit_code == 0
    untested = {outcome.case.id for outcome in result.outcomes.values() if outcome.state == "untested"}
    assert untested == {"life[failed]", "delete[failed]", "name[of a task that has failed]"}


def test_the_cases_that_are_tried_first_are_there():
    """A fault whose case has another name by now is found by the whole plan only, which takes longer."""
    names = {case.id for case in plan()}
    assert set(CASES) <= INSTANCES
    assert set(CASES_OF_SECOND) <= set(second_module.FAULTS)
    assert {case for known in (CASES, CASES_OF_SECOND) for cases in known.values() for case in cases} <= names


def test_a_fault_that_another_case_finds_is_found_by_the_whole_plan():
    fault = "path-character-allowed:U+0026"
    alone, whole = (measured(reference(), fault, [case], pinned=False) for case in ("path[train U+0026 start]", "name[empty]"))
    assert alone.found
    assert whole.found
    assert alone.requests < whole.requests


def test_what_is_explained_is_there():
    """An explanation of a fault that does not exist any more would hide the next one of that name."""
    assert set(UNDECIDED) <= set(second_module.FAULTS)
    assert set(INDISTINGUISHABLE) <= INSTANCES
    assert set(INDISTINGUISHABLE_OF_SECOND) <= set(second_module.FAULTS)


def test_the_tool_prints_a_line_per_fault_and_the_totals(capsys):
    assert measure_check.main(["--only", "path-character-allowed:U+007[BD]"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["path-character-allowed:U+007B", "path-character-allowed:U+007D"]
    assert lines[3] == "2 of 2 faults found"


@pytest.mark.parametrize("fault", ["list-clamps", "list-one-too-many", "path-character-allowed:U+0026"])
def test_the_cases_that_suffice_find_the_fault_without_the_others(fault):
    whole = measure_fault(reference(), fault)
    cases = sufficient_cases(reference(), whole)
    assert cases[-1] == whole.case
    assert len(cases) == (2 if fault == "list-one-too-many" else 1)
    assert measure_fault(reference(), fault, cases=cases).pinned == whole.pinned


def test_no_cases_suffice_where_more_than_two_are_needed(monkeypatch):
    whole = measure_fault(reference(), "list-one-too-many")
    monkeypatch.setattr(measure_check, "_plan", lambda cases: tuple(plan(ids=cases))[: 1 if cases is None else None])
    assert sufficient_cases(reference(), whole) == []


def test_the_tool_prints_the_cases_that_suffice(capsys):
    assert measure_check.main(["--only", "path-character-allowed:U+007B", "--format", "cases"]) == 0
    assert capsys.readouterr().out == f"path-character-allowed:U+007B\t{CASES['path-character-allowed:U+007B'][0]}\n"


def test_the_tool_fails_when_a_fault_is_missed(capsys):
    assert measure_check.main(["--second", "--only", "json-malformed-status-422", "--budget", "60", "--format", "json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert [(one["fault"], one["found"]) for one in report["faults"]] == [("json-malformed-status-422", False)]
    assert report["correct"] == []


@pytest.mark.parametrize("arguments", [["--only", "nothing"], ["--budget", "0"]])
def test_the_tool_rejects_patterns_without_faults_and_other_numbers(arguments):
    with pytest.raises(SystemExit, match="2"):
        measure_check.main(arguments)
