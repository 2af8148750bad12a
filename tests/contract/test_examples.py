"""Every example of the documentation breaks the rule that it stands for, and every example of a reading shows that its options differ."""

import jsonschema
import pytest

from nclue_contract.contract.model import contract
from tests.support.scripted_transport import run
from tools.documentation.examples import Example, examples

RULES = {code: example for code, example in examples().rules.items() if example.is_message}
CHECKS = {code: example.entry["check"] for code, example in examples().rules.items() if example.kind == "check"}
NOT_IN_ONE_MESSAGE = {"check-order", "auth-refusal", "list-index", "queue", "query-range", "name-comparison", "name-after-deletion"}
"""Readings that only several requests show, or the codes of a response to a request that is not part of it."""


def test_there_is_an_example_for_every_rule():
    assert list(examples().rules) == list(contract().rules)


def test_there_is_an_example_for_every_reading_that_one_message_can_show():
    assert examples().readings.keys() | NOT_IN_ONE_MESSAGE == contract().readings.keys()
    assert not examples().readings.keys() & NOT_IN_ONE_MESSAGE


@pytest.mark.parametrize("code", RULES)
def test_the_example_of_a_rule_breaks_it_and_no_other(code):
    assert {finding.rule for finding in RULES[code].validate().findings} == {code, *RULES[code].also}


@pytest.mark.parametrize("code", CHECKS)
def test_a_rule_about_several_exchanges_fails_in_the_check_that_its_page_shows(code):
    example = CHECKS[code]
    faults = [example["fault"]] if "fault" in example else []
    only = (example.get("only", code),)
    result, _ = run(only=only, faults=faults, pins=example.get("readings"), progress="seconds:1")
    assert code in {failure.rule for failure in result.failures}


def test_a_server_that_does_what_the_other_examples_say_breaks_their_rules():
    assert {code: example.entry["server"] for code, example in examples().rules.items() if example.kind == "server"} == {
        "NC601": "It responds with status 500 to `GET /tasks?index=99999999999999999999&limit=1`."
    }
    result, _ = run(lambda turn: 500 if "index=99999999999999999999&limit=1" in turn.request.path else None, only=("NC601",))
    assert {failure.rule for failure in result.failures} == {"NC601"}


@pytest.mark.parametrize("name", examples().readings)
def test_the_example_of_a_reading_is_valid_under_one_option_and_not_under_another(name):
    results = {option.id: examples().readings[name].validate({name: option.id}).ok for option in contract().readings[name].options}
    assert set(results.values()) == {True, False}


@pytest.mark.parametrize("code", RULES)
def test_the_text_of_an_example_can_be_printed(code):
    text = RULES[code].text()
    assert text == text.encode("utf-8").decode("utf-8")
    assert all(character.isprintable() or character == "\n" for character in text)


def test_what_cannot_be_seen_is_escaped():
    payload = Example({"payload": {"set": {"name": "a\ud800\x7f\u202e가"}}})
    assert '"name": "a\\uD800\\u007F\\u202E가"' in payload.text()
    assert Example({"body": "\ufeff{}"}).text() == "\\uFEFF{}"


def test_an_entry_with_an_unknown_key_is_rejected(monkeypatch, tmp_path):
    from tools.documentation import examples as module  # noqa: PLC0415  # its folder is changed

    for name in ("examples.yaml", "examples.schema.json"):
        (tmp_path / name).write_text((module.SOURCES / name).read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "examples.yaml").write_text("rules: {NC001: {text: x}}\nreadings: {}\n", encoding="utf-8")
    monkeypatch.setattr(module, "SOURCES", tmp_path)
    with pytest.raises(jsonschema.ValidationError):
        module.examples.__wrapped__()
