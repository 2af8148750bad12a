"""How the readings of a server are inferred: by what its responses rule out, and never by what it is expected to do."""

import itertools
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nclue_contract.check.inference import Inconsistency, ReadingInference
from nclue_contract.contract.readings import Readings

ORDERS = ("rules-first", "existence-first")
PATHS = ("page-2024", "page-2025", "page-2026")


@pytest.fixture
def inference():
    return ReadingInference(Readings.of(None))


def fits(**options):
    """Problems of a response that only these options explain: one for each reading that is otherwise."""
    wanted = {name.replace("_", "-"): option if isinstance(option, tuple) else (option,) for name, option in options.items()}
    return lambda readings: [name for name, allowed in wanted.items() if readings[name] not in allowed]


def narrow(inference, case, relevant=None, **options):
    names = [name.replace("_", "-") for name in options] if relevant is None else relevant
    return inference.narrow(names, fits(**options), case)


def test_the_readings_of_the_check_are_kept():
    readings = Readings.of({"check-order": "rules-first"})
    assert ReadingInference(readings).readings is readings


def test_in_the_beginning_everything_is_possible(inference):
    assert inference.remaining["path-characters"] == PATHS
    assert inference.remaining["check-order"] == ORDERS
    assert inference.decided("path-characters") is None
    assert inference.best_readings()["path-characters"] == "page-2024"
    assert all(len(options) > 1 for options in inference.remaining.values())


def test_a_response_that_one_option_explains_decides(inference):
    assert narrow(inference, "first", path_characters="page-2026") == ([], [])
    assert inference.decided("path-characters") == "page-2026"
    assert inference.evidence["path-characters"] == ["first"]
    assert inference.best_readings()["path-characters"] == "page-2026"
    assert inference.best_readings().sources["path-characters"] == "probe"


def test_each_response_rules_out_what_it_can_and_is_remembered(inference):
    narrow(inference, "first", path_characters=("page-2024", "page-2026"))
    narrow(inference, "second", path_characters=PATHS)
    narrow(inference, "third", path_characters=("page-2024", "page-2025"))
    assert inference.remaining["path-characters"] == ("page-2024",)
    assert inference.evidence["path-characters"] == ["first", "third"]
    assert inference.relevant_cases["path-characters"] == ["first", "second", "third"]


def test_a_response_without_readings_is_only_evaluated(inference):
    assert inference.narrow((), lambda _: ["wrong"], "case") == (["wrong"], [])
    assert inference.narrow((), lambda _: [], "case") == ([], [])
    assert not any(inference.relevant_cases.values())


def test_two_readings_that_explain_a_response_only_together_stay_open(inference):
    def problems(readings):
        return [] if (readings["path-characters"] == "page-2026") == (readings["check-order"] == "rules-first") else ["wrong"]

    assert inference.narrow(["path-characters", "check-order"], problems, "first") == ([], [])
    assert (inference.remaining["path-characters"], inference.remaining["check-order"]) == (PATHS, ORDERS)
    narrow(inference, "second", check_order="rules-first")
    assert inference.narrow(["path-characters", "check-order"], problems, "third") == ([], [])
    assert inference.remaining["path-characters"] == ("page-2026",)


def test_a_response_that_no_option_explains_is_a_problem_and_rules_nothing_out(inference):
    assert inference.narrow(["path-characters"], lambda _: ["wrong"], "first") == (["wrong"], [])
    assert inference.remaining["path-characters"] == PATHS
    narrow(inference, "second", path_characters="page-2026")
    assert inference.narrow(["path-characters"], lambda _: ["wrong"], "third") == (["wrong"], [])
    assert inference.remaining["path-characters"] == ("page-2026",)


def test_what_only_ruled_out_options_explain_is_inconsistent(inference):
    narrow(inference, "train path", path_characters="page-2024")
    problems, inconsistent = narrow(inference, "test path", path_characters="page-2025")
    assert problems == []
    assert inconsistent == [Inconsistency("path-characters", "page-2025", ("page-2024",), "train path")]
    assert inference.remaining["path-characters"] == ("page-2024",)


@pytest.mark.parametrize(("needed", "case"), [("page-2025", "first"), ("page-2026", "second")])
def test_an_inconsistency_names_the_case_that_ruled_out_the_option(inference, needed, case):
    narrow(inference, "first", path_characters=("page-2024", "page-2026"))
    narrow(inference, "second", path_characters=("page-2024", "page-2025"))
    assert narrow(inference, "third", path_characters=needed) == ([], [Inconsistency("path-characters", needed, ("page-2024",), case)])


def test_of_several_ruled_out_options_the_one_with_the_fewest_problems_is_named(inference):
    narrow(inference, "first", path_characters="page-2024")
    counts = {"page-2024": 3, "page-2025": 2, "page-2026": 1}
    found = inference.narrow(["path-characters"], lambda readings: ["wrong"] * counts[readings["path-characters"]], "second")
    assert found == (["wrong"], [Inconsistency("path-characters", "page-2026", ("page-2024",), "first")])


def test_of_readings_that_explain_a_response_equally_the_first_one_states_the_problems(inference):
    problems = {"page-2024": ["first"], "page-2025": ["second"], "page-2026": ["third", "fourth"]}
    assert inference.narrow(["path-characters"], lambda readings: problems[readings["path-characters"]], "case") == (["first"], [])
    assert inference.remaining["path-characters"] == ("page-2024", "page-2025")


def test_explaining_a_response_rules_nothing_out(inference):
    narrow(inference, "first", path_characters="page-2024")
    problems = {"page-2024": ["a", "a"], "page-2025": ["b"], "page-2026": ["a", "a", "a"]}
    assert inference.explain(iter(["path-characters"]), lambda readings: problems[readings["path-characters"]]) == ["b"]
    assert inference.remaining["path-characters"] == ("page-2024",)
    assert inference.relevant_cases["path-characters"] == ["first"]


def test_a_reading_that_a_response_does_not_concern_has_its_default(inference):
    assert inference.explain(["path-characters"], lambda readings: [readings["check-order"]]) == ["rules-first"]


def test_no_case_ruled_out_what_was_pinned():
    inference = ReadingInference(Readings.of({"check-order": "rules-first"}))
    inconsistent = inference.rule_out("check-order", "rules-first", "case")
    assert inconsistent == [Inconsistency("check-order", "rules-first", ("rules-first",), "")]


@pytest.mark.parametrize("names", [("path-characters", "check-order"), ("check-order", "path-characters")])
def test_the_readings_may_be_an_iterator_in_any_order(inference, names):
    inference.narrow(iter(names), fits(path_characters="page-2026", check_order="rules-first"), "case")
    assert (inference.decided("path-characters"), inference.decided("check-order")) == ("page-2026", "rules-first")


def test_an_inconsistency_names_only_the_readings_that_differ(inference):
    narrow(inference, "first", check_order="rules-first")
    narrow(inference, "second", path_characters="page-2024")
    _, inconsistent = narrow(inference, "third", path_characters="page-2024", check_order="existence-first")
    assert [one.reading for one in inconsistent] == ["check-order"]


def test_a_pinned_reading_is_checked_and_not_inferred():
    inference = ReadingInference(Readings.of({"path-characters": "page-2025"}))
    assert inference.options["path-characters"] == ("page-2025",)
    assert inference.decided("path-characters") == "page-2025"
    assert narrow(inference, "case", path_characters="page-2024") == (["path-characters"], [])
    assert inference.remaining["check-order"] == ORDERS


def test_several_responses_together_can_rule_out_an_option(inference):
    assert inference.rule_out("check-order", "existence-first", "case") == []
    assert inference.decided("check-order") == "rules-first"
    assert inference.rule_out("check-order", "existence-first", "again") == []
    assert inference.evidence["check-order"] == ["case"]
    assert inference.rule_out("check-order", "rules-first", "later") == [
        Inconsistency("check-order", "existence-first", ("rules-first",), "case")
    ]


NAMES = ("path-characters", "path-del", "check-order", "name-unit")
TRUTHS = st.fixed_dictionaries(
    {
        "path-characters": st.sampled_from(PATHS),
        "path-del": st.sampled_from(["allowed", "forbidden"]),
        "check-order": st.sampled_from(ORDERS),
        "name-unit": st.sampled_from(["code-points", "utf16"]),
    }
)
# What a response shows of the readings that it concerns: one of three values, decided by a checksum for every combination.
QUESTIONS = st.lists(st.tuples(st.sets(st.sampled_from(NAMES), min_size=1, max_size=3), st.integers(0, 10**9)), max_size=12)


def seen(readings, names, salt):
    """Return what a server with these readings returns for a question."""
    return crc32(repr((salt, *(readings[name] for name in sorted(names)))).encode()) % 3


@given(TRUTHS, QUESTIONS)
def test_a_server_that_has_one_reading_of_each_has_no_problems_and_no_option_is_ruled_out(truth, questions):
    """Whatever is sent, the options of the server stay possible, and none of its responses is a problem or inconsistent."""
    inference = ReadingInference(Readings.of(None))
    for number, (names, salt) in enumerate(questions):
        answer = seen(truth, names, salt)
        problems = lambda readings, names=names, salt=salt, answer=answer: ["wrong"] * (seen(readings, names, salt) != answer)  # noqa: E731
        assert inference.narrow(names, problems, str(number)) == ([], [])
    assert all(truth[name] in inference.remaining[name] for name in NAMES)


@given(TRUTHS)
def test_questions_about_one_reading_each_find_all_of_them(truth):
    """A server that is tested for each option by itself shows all that it has."""
    inference = ReadingInference(Readings.of(None))
    for name in NAMES:
        for option in inference.options[name]:
            answer = truth[name] == option
            inference.narrow([name], lambda r, n=name, o=option, a=answer: [] if (r[n] == o) == a else ["wrong"], f"{name} {option}")
    assert {name: inference.decided(name) for name in NAMES} == truth


@given(TRUTHS, st.permutations(list(itertools.product(NAMES, (0, 1)))))
def test_the_order_of_the_questions_decides_nothing(truth, questions):
    """What remains in the end does not depend on the order of the requests."""

    def remaining(asked):
        inference = ReadingInference(Readings.of(None))
        for name, salt in asked:
            answer = seen(truth, [name], salt)
            inference.narrow([name], lambda r, n=name, s=salt, a=answer: [] if seen(r, [n], s) == a else ["wrong"], name)
        return inference.remaining

    assert remaining(questions) == remaining(sorted(questions))
