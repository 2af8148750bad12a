"""The plan: what a selection needs, what comes first, and true reasons for what was not tested."""

import re
from collections import Counter, defaultdict
from functools import cache

import pytest

from nclue_contract.check.cases.plan import FIRST, plan
from nclue_contract.check.results import Cause, State
from nclue_contract.check.rule_groups import RuleGroup, rule_group
from nclue_contract.check.sender import Limits
from tests.support.scripted_transport import run

LIMITS = Limits(clean_up=False)


def test_every_case_of_the_order_exists_once():
    known = {case.id for case in plan()}
    assert set(FIRST) <= known
    assert len(set(FIRST)) == len(FIRST)


def test_cases_come_after_those_that_they_need():
    places = {case.id: place for place, case in enumerate(plan())}
    assert all(places[needed] < places[case.id] for case in plan() for needed in case.needs)


def test_a_selection_is_completed_by_what_it_depends_on():
    chosen = plan(only=["NC402"])
    assert {case.rule for case in chosen[1:] if case.selected} == {"NC402"}
    assert [case.id for case in chosen if not case.selected] == ["life[watched]"]
    assert "life[watched]" in {case.id for case in plan(skip=["NC400"]) if not case.selected}
    assert [case.id for case in plan(ids={"effect[refused creations]"}) if not case.selected] == [
        "path[train U+000A end]",
        "required[train_bucket null]",
    ]


def test_a_selection_of_rejected_requests_has_a_valid_one_beside_them():
    chosen = plan(only=["NC201"])
    assert [case.id for case in chosen if not case.selected] == ["list[limit before index]"]
    assert {case.id for case in plan(only=["NC209"], may_create=False) if not case.selected} == {"list[limit before index]"}
    result, _ = run(lambda turn: 401 if turn.request.method == "GET" else None, ("NC201",), limits=LIMITS)
    assert result.notes == ("not selected, but seen in what the selected cases depend on: failures of NC208",)


@pytest.mark.parametrize("fault", ["deletion-without-effect", "deletion-repeats"])
def test_only_one_rule_finds_its_faults(fault):
    result, _ = run(only=("NC402",), faults=[fault], limits=LIMITS)
    assert "NC402" in {failure.rule for failure in result.failures}


def test_only_one_rule_tests_all_of_its_cases_and_reports_no_others():
    result, _ = run(only=("NC402",), limits=LIMITS)
    assert {outcome.case.rule for outcome in result.outcomes.values()} == {"NC313", "NC402"}
    assert {outcome.state for outcome in result.outcomes.values()} == {State.PASSED}


def test_failures_of_other_rules_are_named_in_a_note():
    result, _ = run(only=("NC402",), faults=["keeps-completed"], limits=LIMITS)
    assert (result.failures, result.exit_code) == ([], 0)
    assert result.notes == ("not selected, but seen in what the selected cases depend on: failures of NC401",)


def test_a_fault_is_found_by_the_names_of_rejected_requests_alone():
    result, _ = run(only=("NC406",), faults=["refused-name-kept"], limits=LIMITS)
    assert "effect[refused creations]" in {failure.case for failure in result.failures}


SLOW = {"progress": "seconds:60"}


def test_a_small_budget_asks_about_every_group_of_rules():
    result, transport = run(only=(), limits=Limits(60, clean_up=False), **SLOW)
    assert (result.exit_code, result.groups_not_tested) == (0, ())
    assert len(transport.sent) <= 60


def test_a_small_budget_asks_about_each_group_before_it_asks_about_any_twice():
    tried = {RuleGroup.LIFECYCLE, RuleGroup.DELETION, RuleGroup.NAMES, RuleGroup.RESPONSE}  # by the script of the lifecycle
    groups = [rule_group(case.rule) for case in plan()[1:] if case.script]
    several = next(place for place in range(len(groups)) if groups[place] in groups[:place])
    assert set(groups[:several]) | tried == set(RuleGroup)


def test_groups_that_were_not_asked_about_are_named():
    result, _ = run(only=(), limits=Limits(3, clean_up=False))
    assert {RuleGroup.PATHS, RuleGroup.PAYLOAD, RuleGroup.LISTS} <= set(result.groups_not_tested)
    assert RuleGroup.CLOCK not in result.groups_not_tested


@pytest.mark.parametrize(
    ("only", "limits", "causes"),
    [
        (("NC12",), Limits(20, clean_up=False), {Cause.BUDGET}),
        (("NC12",), Limits(create_requests=5, clean_up=False), {Cause.CREATE_LIMIT}),
        (("NC402",), Limits(create_requests=3, clean_up=False), {Cause.CREATE_LIMIT}),
        (("NC402",), Limits(4, clean_up=False), {Cause.BUDGET}),
    ],
)
def test_the_reasons_of_what_was_not_tested_are_true(only, limits, causes):
    result, _ = run(only=only, limits=limits)
    reasons = {outcome.cause for outcome in result.outcomes.values() if outcome.state is not State.PASSED}
    assert reasons == causes
    words = {outcome.reason for outcome in result.outcomes.values() if outcome.state is not State.PASSED}
    assert ("the budget was used up" in words) == (Cause.BUDGET in causes)


def test_an_interruption_is_the_reason_of_what_was_left():
    def script(turn):
        if turn.number == 4:
            raise KeyboardInterrupt

    result, _ = run(script, ("NC402",), limits=LIMITS)
    left = [outcome for outcome in result.outcomes.values() if outcome.state is not State.PASSED]
    assert {(outcome.reason, outcome.cause) for outcome in left} == {("interrupted", Cause.ENDED_EARLY)}


def test_a_case_that_is_cut_off_is_no_pass():
    requests = len(run(only=("NC404",), limits=LIMITS)[1].sent)
    for budget in range(2, requests, 7):
        result, _ = run(only=("NC404",), limits=Limits(budget, clean_up=False))
        similar = result.outcomes["name[differs in little]"]
        decided = [result.outcomes[f"name[differs in {what}]"].state for what in ("case", "the last character")]
        assert not (similar.state is State.PASSED and State.NOT_TESTED in decided)


@cache
def asked_about(*, full):
    """Return the fields, as `train` or `test`, in which the plan asks about each character."""
    fields = defaultdict(set)
    for case in plan(full=full):
        if found := re.match(r"path\[(train|test) U\+([0-9A-F]{4}) ", case.id):
            fields[chr(int(found[2], 16))].add(found[1])
    return fields


def asked(character, *, full=False):
    return asked_about(full=full)[character]


def test_every_forbidden_character_is_asked_about_in_both_fields_but_the_plainest_control_characters():
    forbidden = [chr(code) for code in (*range(32), *range(128, 256))] + list("&$@;:+,?*\\{}^%`[]<>~#|\"'")
    one_field = {chr(code) for code in (*range(1, 8), *range(0x0F, 0x1B), *range(0x81, 0x84), *range(0x87, 0x9F))}
    for character in forbidden:
        assert len(asked(character)) == (1 if character in one_field else 2), hex(ord(character))
        assert asked(character, full=True) == {"train", "test"}
    counts = Counter(field for character in one_field for field in asked(character))
    assert abs(counts["train"] - counts["test"]) <= 2, "about half of them in each field"
