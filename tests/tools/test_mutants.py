"""The tool that counts which mutants of a right server the plan of the contract check sees."""

import ast
import json
import signal

import pytest

from tools import mutants
from tools.mutants import LEFT_OUT, SITUATIONS, check_mutant, text_of
from tools.mutation import Mutant, mutants_of


@pytest.fixture(autouse=True)
def _one_situation(monkeypatch):
    """All of them are for those who wait."""
    monkeypatch.setattr(mutants, "SITUATIONS", SITUATIONS[:1])


def changed(text):
    """Return the sources of the mutants of a small source."""
    return {mutant.source for mutant in mutants_of("m", text)}


def mutant_by_hand(module, old, new):
    """Return a module with one change made by hand."""
    assert text_of(module).count(old) == 1
    return Mutant(module, 1, "by hand", old, new, text_of(module).replace(old, new))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a < b", {"a <= b", "a >= b"}, id="a comparison"),
        pytest.param("a is None", {"a is not None"}, id="an identity"),
        pytest.param("a and b and c", {"a or b or c", "b and c", "a and c", "a and b"}, id="and"),
        pytest.param("not a", {"a"}, id="not"),
        pytest.param("a + b", {"a - b", "a", "b"}, id="a sum"),
        pytest.param("f(a, k=b)", {"f(k=b)", "f(a)", "a"}, id="a call"),
        pytest.param("x.f()", {"x"}, id="a method"),
        pytest.param("min(a)", {"max(a)", "min()", "a"}, id="a name with an opposite"),
        pytest.param("a if b else c", {"a", "c"}, id="a choice"),
        pytest.param("{k: a, **b}", {"{**b}", "{k: a}"}, id="a dictionary"),
        pytest.param("[a, b]", {"[b]", "[a]"}, id="a list"),
        pytest.param("a[b:c]", {"a[:c]", "a[b:]"}, id="a slice"),
        pytest.param("[a for a in b if c]", {"[a for a in b]"}, id="a filter"),
    ],
)
def test_an_expression_is_changed_in_every_place(text, expected):
    given = {source.removeprefix("y = ") for source in changed(f"y = {text}")} - {"pass"}
    assert given == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("y = 7", {"y = 8", "y = 6", "pass"}, id="a number"),
        pytest.param("y = True", {"y = False", "pass"}, id="a truth"),
        pytest.param("y = 'a1'", {"y = ''", "y = 'a1x'", "y = 'a2'", "pass"}, id="a string with a number in it"),
        pytest.param("y = b'a'", {"y = b''", "y = b'ax'", "pass"}, id="bytes"),
        pytest.param("y = f'{a}{b}'", {"y = f'{b}'", "y = f'{a}'", "pass"}, id="a string with holes"),
        pytest.param("y = 'In words.'", {"pass"}, id="a sentence"),
        pytest.param("y += z", {"y -= z", "pass"}, id="an addition in place"),
        pytest.param("raise E", {"pass"}, id="a refusal"),
        pytest.param("y = 'SELECT a WHERE b >= c'", {"y = 'SELECT a WHERE b > c'", "pass"}, id="SQL"),
        pytest.param(
            "if a:\n    y = z",
            {"if True:\n    y = z", "if False:\n    y = z", "if a:\n    pass"},
            id="a condition",
        ),
        pytest.param(
            "while a:\n    break",
            {"while False:\n    break", "while a:\n    continue", "while a:\n    pass"},
            id="a loop that ends early",
        ),
        pytest.param("for a in b:\n    c", {"for a in ():\n    c", "for a in b:\n    pass"}, id="a loop"),
        pytest.param("def f():\n    return a", {"def f():\n    return"}, id="a value that is returned"),
        pytest.param("def f():\n    return None", set(), id="nothing that is returned"),
    ],
)
def test_a_statement_is_changed_in_every_place(text, expected):
    assert changed(text) == expected


def test_prose_imports_annotations_and_decorators_stay_as_they_are():
    text = '"""It says 1."""\nimport a\nfrom b import c\n\n@d(1)\ndef f(x: "int") -> "int":\n    """It says 2."""\n\nz: "int"'
    assert changed(text) == set()


def test_the_values_of_a_literal_stay_as_they_are():
    assert changed("K = Literal['a', 'b']") == {"pass"}


def test_code_without_effect_on_responses_is_skipped_by_its_name():
    text = "class C:\n\n    def f(self):\n        return 1\n\n    def fg(self):\n        return 2"
    assert {mutant.old for mutant in mutants_of("m", text, ["C.f"])} == {"return 2", "2"}
    for module, names in LEFT_OUT.items():
        known = ast.unparse(ast.parse(text_of(module)))
        assert all(f"def {name.rpartition('.')[2]}(" in known or f"class {name}" in known for name in names)


@pytest.mark.parametrize("only", [("C.f", "constant"), ("C.g", "return None"), ("C", "constant"), ("", "constant"), ("C.f", "slice")])
def test_the_mutants_of_a_function_and_an_operator_are_those_of_the_module(only):
    text = "K = 1\n\nclass C:\n    k = 3\n\n    def f(self):\n        return 1\n\n    def g(self):\n        return 2"
    expected = [mutant for mutant in mutants_of("m", text) if (mutant.inside, mutant.operator) == only]
    assert list(mutants_of("m", text, only={only})) == expected
    assert bool(expected) == (only[1] != "slice")


@pytest.mark.parametrize("module", ["service.store", "service.messages", "second_server.store"])
def test_every_mutant_of_a_module_differs_from_the_others_and_can_be_compiled(module):
    found = list(mutants_of(module, text_of(module), LEFT_OUT.get(module, ())))
    assert len(found) > 40
    assert len({mutant.source for mutant in found}) == len(found)
    for mutant in found[:: len(found) // 20]:
        compile(mutant.source, module, "exec", dont_inherit=True)
        assert mutant.old != mutant.new


@pytest.mark.parametrize(
    ("module", "old", "new", "case"),
    [
        pytest.param(
            "service.lifecycle", "task.stage in self._deletable", "task.stage > 0", "delete[registered] NC401", id="of the service"
        ),
        pytest.param(
            "validation.headers",
            "abs(ahead) > limit",
            "abs(ahead) > limit + 1",
            "clock[beyond the limit ahead] NC203",
            id="of what the check uses too",
        ),
        pytest.param(
            "second_server.app",
            'raise RefusedError(409, "10102"',
            'raise RefusedError(409, "10103"',
            "name[taken] NC404",
            id="of the second server",
        ),
    ],
)
def test_a_mutant_that_breaks_the_contract_is_killed_by_a_case_about_it(module, old, new, case):
    result = check_mutant(mutant_by_hand(module, old, new))
    assert (result.state, result.situation, result.by) == ("killed", "usual", case)
    assert 1 < result.requests < 600


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        pytest.param("service.store", "JOURNAL_KEPT = 1000", "JOURNAL_KEPT = 1001", id="of the service"),
        pytest.param("second_server.app", "LARGEST_BODY = 1024 * 1024", "LARGEST_BODY = 1024 * 1025", id="of the second server"),
    ],
)
def test_a_mutant_with_the_same_responses_survives(module, old, new):
    result = check_mutant(mutant_by_hand(module, old, new))
    assert (result.state, result.situation, result.by) == ("survived", "", "")
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_a_mutant_with_other_responses_that_breaks_no_rule_survives_with_a_note():
    result = check_mutant(mutant_by_hand("service.serializers", "hours=9", "hours=8"))  # the same moments, in another zone
    assert (result.state, result.situation) == ("survived", "usual")
    assert mutants.format_result(result) == "service.serializers.py:1: by hand: hours=9  ->  hours=8  [other answers: usual]"


@pytest.mark.parametrize(
    ("module", "old", "new", "state"),
    [
        pytest.param("service.lifecycle", "self._step(task, next_ms)", "pass", "time", id="goes on for ever"),
        pytest.param("service.serializers", "KOREA = ", "KOREA = nobody.", "start", id="cannot be loaded"),
    ],
)
def test_a_mutant_that_never_responds_counts_as_killed(monkeypatch, module, old, new, state):
    monkeypatch.setattr(mutants, "CPU_S", 0.5)
    result = check_mutant(mutant_by_hand(module, old, new))
    assert result.state == state
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param('(("content-type", "application/json"), *extra, *broken)', '(("content-type",), *extra, *broken)', id="half a header"),
        pytest.param('(("content-type", "application/json"), *extra, *broken)', "None", id="no headers"),
        pytest.param("Response(status, body,", "Response(status, None,", id="no body"),
        pytest.param("Response(status, body,", "Response(None, body,", id="no status"),
        pytest.param("return Response(status, body,", "return None and Response(status, body,", id="nothing"),
    ],
)
def test_a_mutant_whose_responses_cannot_be_sent_counts_as_one_that_crashes(old, new):
    result = check_mutant(mutant_by_hand("service.service", old, new))
    assert result.state == "start"
    assert "500" in result.by


def test_a_check_that_crashes_is_a_state_of_its_own(monkeypatch):
    mutant = mutant_by_hand("service.store", "self._tasks.get(task_id)", "None")
    mutants.answers_of_original("service.service", SITUATIONS[0])

    def fall(*_):
        raise ZeroDivisionError("the check itself")

    monkeypatch.setattr(mutants, "run", fall)
    result = check_mutant(mutant)
    assert (result.state, result.by) == ("broke", "ZeroDivisionError: the check itself")


def test_the_command_counts_mutants_and_names_the_survivors(monkeypatch, tmp_path, capsys):
    file = tmp_path / "verdicts.json"
    monkeypatch.setattr(
        "sys.argv", ["mutants", "--only", "service.store", "--sample", "12", "--seed", "3", "--jobs", "2", "--json", str(file)]
    )
    assert mutants.main() == 0
    results = json.loads(file.read_text(encoding="utf-8"))
    assert {result["module"] for result in results} == {"service.store"}
    survivors = [result for result in results if result["state"] == "survived"]
    printed = capsys.readouterr().out
    assert printed.startswith("a sample of 12 of ")
    assert printed.count("\nservice.store.py:") == len(survivors) > 0
    assert f"{'all':24} {12:7} {12 - len(survivors):6}" in printed


def test_nothing_is_measured_where_the_original_fails(monkeypatch, capsys):
    mutants.answers_of_original.cache_clear()
    monkeypatch.setattr(mutants, "run", lambda *_: {"state": "killed", "by": "path[train U+007E end] NC120"})
    monkeypatch.setattr("sys.argv", ["mutants", "--only", "service.store"])
    assert mutants.main() == 1
    error = capsys.readouterr().err
    assert error == "mutants: nothing can be measured: the original fails in the situation 'usual': path[train U+007E end] NC120\n"
