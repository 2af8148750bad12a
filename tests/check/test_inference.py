"""How the readings of a server are found out: by what its answers refute, and never by what it is expected to do."""

import itertools
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nclue_contract.check.inference import SOURCE, Inconsistency, ReadingInference
from nclue_contract.contract.readings import Readings

ORDERS = ("rules-first", "existence-first")
PATHS = ("page-2024", "page-2025", "page-2026")


@pytest.fixture
def elimination():
    return ReadingInference(Readings.of(None))


def fits(**options):
    """Problems of an answer that only these options explain: one for each reading that is otherwise."""
    wanted = {name.replace("_", "-"): option if isinstance(option, tuple) else (option,) for name, option in options.items()}
    return lambda readings: [name for name, allowed in wanted.items() if readings[name] not in allowed]


def settle(elimination, case, relevant=None, **options):
    names = [name.replace("_", "-") for name in options] if relevant is None else relevant
    return elimination.settle(names, fits(**options), case)


def test_in_the_beginning_everything_is_possible(elimination):
    assert elimination.left["path-characters"] == PATHS
    assert elimination.left["check-order"] == ORDERS
    assert elimination.found("path-characters") is None
    assert elimination.best()["path-characters"] == "page-2024"
    assert all(len(left) > 1 for left in elimination.left.values())


def test_an_answer_that_one_option_explains_decides(elimination):
    assert settle(elimination, "first", path_characters="page-2026") == ([], [])
    assert elimination.found("path-characters") == "page-2026"
    assert elimination.evidence["path-characters"] == ["first"]
    assert elimination.best()["path-characters"] == "page-2026"
    assert elimination.best().sources["path-characters"] == SOURCE


def test_each_answer_refutes_what_it_can_and_is_remembered(elimination):
    settle(elimination, "first", path_characters=("page-2024", "page-2026"))
    settle(elimination, "second", path_characters=PATHS)
    settle(elimination, "third", path_characters=("page-2024", "page-2025"))
    assert elimination.left["path-characters"] == ("page-2024",)
    assert elimination.evidence["path-characters"] == ["first", "third"]
    assert elimination.asked["path-characters"] == ["first", "second", "third"]


def test_an_answer_without_readings_is_only_judged(elimination):
    assert elimination.settle((), lambda _: ["wrong"], "case") == (["wrong"], [])
    assert elimination.settle((), lambda _: [], "case") == ([], [])
    assert not any(elimination.asked.values())


def test_two_readings_that_explain_an_answer_only_together_stay_open(elimination):
    def problems(readings):
        return [] if (readings["path-characters"] == "page-2026") == (readings["check-order"] == "rules-first") else ["wrong"]

    assert elimination.settle(["path-characters", "check-order"], problems, "first") == ([], [])
    assert (elimination.left["path-characters"], elimination.left["check-order"]) == (PATHS, ORDERS)
    settle(elimination, "second", check_order="rules-first")
    assert elimination.settle(["path-characters", "check-order"], problems, "third") == ([], [])
    assert elimination.left["path-characters"] == ("page-2026",)


def test_an_answer_that_no_option_explains_is_a_problem_and_refutes_nothing(elimination):
    problems, inconsistent = elimination.settle(["path-characters"], lambda _: ["wrong"], "case")
    assert (problems, inconsistent) == (["wrong"], [])
    assert elimination.left["path-characters"] == PATHS


def test_what_only_refuted_options_explain_is_inconsistent(elimination):
    settle(elimination, "train path", path_characters="page-2024")
    problems, inconsistent = settle(elimination, "test path", path_characters="page-2025")
    assert problems == []
    assert inconsistent == [Inconsistency("path-characters", "page-2025", ("page-2024",), "train path")]
    assert elimination.left["path-characters"] == ("page-2024",)


def test_an_inconsistency_names_only_the_readings_that_differ(elimination):
    settle(elimination, "first", check_order="rules-first")
    settle(elimination, "second", path_characters="page-2024")
    _, inconsistent = settle(elimination, "third", path_characters="page-2024", check_order="existence-first")
    assert [one.reading for one in inconsistent] == ["check-order"]


def test_a_pinned_reading_is_judged_and_not_searched():
    elimination = ReadingInference(Readings.of({"path-characters": "page-2025"}))
    assert elimination.possible["path-characters"] == ("page-2025",)
    assert elimination.found("path-characters") == "page-2025"
    assert settle(elimination, "case", path_characters="page-2024") == (["path-characters"], [])
    assert elimination.left["check-order"] == ORDERS


def test_several_answers_together_can_refute_an_option(elimination):
    assert elimination.refute("check-order", "existence-first", "case") == []
    assert elimination.found("check-order") == "rules-first"
    assert elimination.refute("check-order", "existence-first", "again") == []
    assert elimination.evidence["check-order"] == ["case"]
    assert elimination.refute("check-order", "rules-first", "later") == [
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
# What an answer shows of the readings that it concerns: one of three things, decided by a number for every combination.
QUESTIONS = st.lists(st.tuples(st.sets(st.sampled_from(NAMES), min_size=1, max_size=3), st.integers(0, 10**9)), max_size=12)


def seen(readings, names, salt):
    """What a server with these readings answers to a question."""
    return crc32(repr((salt, *(readings[name] for name in sorted(names)))).encode()) % 3


@given(TRUTHS, QUESTIONS)
def test_a_server_that_has_one_reading_of_each_is_never_accused_and_keeps_its_options(truth, questions):
    """Whatever is asked, the options of the server stay possible, and none of its answers is a problem or inconsistent."""
    elimination = ReadingInference(Readings.of(None))
    for number, (names, salt) in enumerate(questions):
        answer = seen(truth, names, salt)
        problems = lambda readings, names=names, salt=salt, answer=answer: ["wrong"] * (seen(readings, names, salt) != answer)  # noqa: E731
        assert elimination.settle(names, problems, str(number)) == ([], [])
    assert all(truth[name] in elimination.left[name] for name in NAMES)


@given(TRUTHS)
def test_questions_about_one_reading_each_find_all_of_them(truth):
    """Asked for each option by itself, a server shows all that it has."""
    elimination = ReadingInference(Readings.of(None))
    for name in NAMES:
        for option in elimination.possible[name]:
            answer = truth[name] == option
            elimination.settle([name], lambda r, n=name, o=option, a=answer: [] if (r[n] == o) == a else ["wrong"], f"{name} {option}")
    assert {name: elimination.found(name) for name in NAMES} == truth


@given(TRUTHS, st.permutations(list(itertools.product(NAMES, (0, 1)))))
def test_the_order_of_the_questions_decides_nothing(truth, questions):
    """What is left in the end does not depend on what was asked first."""

    def left(asked):
        elimination = ReadingInference(Readings.of(None))
        for name, salt in asked:
            answer = seen(truth, [name], salt)
            elimination.settle([name], lambda r, n=name, s=salt, a=answer: [] if seen(r, [n], s) == a else ["wrong"], name)
        return elimination.left

    assert left(questions) == left(sorted(questions))
