"""The tool that counts which mutants of the package the tests see, and the list of survivors that are accepted."""

import subprocess
import sys
from collections import defaultdict
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.support.tools import ROOT
from tools import suite_mutants
from tools.mutation import mutants_of
from tools.suite_mutants import ACCEPTED, TESTS, MutantResult, Selection, accepted, key_of

RESULT = MutantResult("check.inference", "f", 7, "comparison", "a < b", "a <= b", "killed", 1.0)


def test_every_accepted_survivor_is_still_a_mutant_of_the_code_and_has_a_reason():
    """A change of the code that removes the place makes the entry stale; then it is to be removed, or judged anew."""
    places = defaultdict(set)
    for module, inside, operator, *_ in accepted():
        places[module].add((inside, operator))
    texts = {module: (ROOT / suite_mutants.path_of(module)).read_text(encoding="utf-8") for module in places}
    existing = {key_of(mutant) for module, only in places.items() for mutant in mutants_of(module, texts[module], only=only)}
    assert [key for key in accepted() if key not in existing] == []
    assert [key for key, reason in accepted().items() if len(reason) < 20] == []
    assert ACCEPTED.read_text(encoding="utf-8").count("[[mutant]]") == len(accepted()), "each once"


def test_every_module_has_tests_that_exist():
    for module, tests in TESTS.items():
        assert (ROOT / suite_mutants.path_of(module)).is_file()
        assert tests
        assert [test for test in tests if not (ROOT / test).is_file()] == []


def test_modules_without_mutants_are_named():
    """Formats of reports and the adapter to uvicorn are not among the modules; a new module has to be added, or named here."""
    package = ROOT / "nclue_contract"
    files = [*package.glob("validation/*.py"), *package.glob("service/*.py")]
    modules = {f"{file.parent.name}.{file.stem}" for file in files if file.stem != "__init__"}
    assert modules - TESTS.keys() == {"service.control", "service.recorder", "service.uvicorn_server"}


def test_a_sample_is_drawn_by_chance_and_repeatable():
    numbers = list(range(1000))
    first = suite_mutants.sample(numbers, 10, 1)
    assert first == suite_mutants.sample(numbers, 10, 1) == suite_mutants.sample(numbers, 20, 1)[:10] != sorted(first)
    assert first != suite_mutants.sample(numbers, 10, 2)
    assert sorted(suite_mutants.sample(numbers, None, 1)) == sorted(suite_mutants.sample(numbers, 5000, 1)) == numbers


def test_the_rate_leaves_accepted_survivors_out(monkeypatch):
    listed, other = replace(RESULT, state="survived", old="listed"), replace(RESULT, state="survived")
    results = [RESULT, replace(RESULT, state="time"), replace(RESULT, state="start"), listed, other]
    monkeypatch.setattr(suite_mutants, "accepted", lambda: {listed.key: "It means the same."})
    assert suite_mutants.rate(results) == (0.75, pytest.approx(0.2165, abs=0.0001))
    assert [line.split() for line in suite_mutants.table(results)] == [
        ["mutants", "killed", "accepted", "survived"],
        ["check.inference", "5", "3", "1", "1"],
        ["all", "5", "3", "1", "1"],
    ]


def test_a_survivor_is_printed_as_it_would_be_listed():
    lines = ['module = "check.inference"', 'inside = "f"', 'operator = "comparison"', 'old = "a < b"', r'new = "\"é\n"', 'reason = ""']
    assert suite_mutants.entry(replace(RESULT, state="survived", new='"é\n')) == "\n".join(["[[mutant]] # line 7", *lines, ""])


def test_the_selected_tests_run_in_the_order_of_their_names():
    items = [SimpleNamespace(nodeid=name) for name in "abc"]
    Selection(["c", "a"]).pytest_collection_modifyitems(items)
    assert [item.nodeid for item in items] == ["c", "a"]


SCRIPT = """
from tools import suite_mutants
from tools.mutation import Mutant
from tools.suite_mutants import ROOT, Checkout, path_of, preload

FILE = "tests/check/test_inference.py"
TESTS = [
    f"{FILE}::test_of_several_ruled_out_options_the_one_with_the_fewest_problems_is_named",
    f"{FILE}::test_a_response_that_one_option_explains_decides",
]
text = (ROOT / path_of("check.inference")).read_text(encoding="utf-8")
def mutant(inside, old, new):
    assert text.count(old) == 1
    return Mutant("check.inference", 1, "by hand", old, new, text.replace(old, new), inside)
wrong = mutant("ReadingInference.narrow", "if len(found) == fewest", "if len(found) != fewest")
outside = mutant("", 'SOURCE = "probe"', "SOURCE = nothing")
same = mutant("_in_order", "wanted = set(names)", "wanted = frozenset(names)")
endless = mutant("_in_order", "wanted = set(names)", "wanted = iter(int, 1)")
suite_mutants.TEST_CPU_S = 0
preload()
checkout = Checkout()
print(*(result.state for result in checkout.run_all(TESTS, [wrong, outside, same, endless], 1e9)))
print(len(checkout.run_all(TESTS, [wrong], -1)), checkout.run_all(["tests/check/no_such_file.py"], [wrong], 1e9))
print((checkout.folder / path_of("check.inference")).read_text(encoding="utf-8") == text)
checkout.close()
print(checkout.folder.exists())
"""


def test_tests_run_with_each_mutant_in_a_copy_of_the_checkout():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.stdout.splitlines() == ["killed start survived time", "0 None", "True", "False"], done.stderr
