"""The output of `explain`: enough to understand a finding without the pages at hand. Expected words are typed by hand."""

import re
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Readings
from nclue_contract.validation.explain import explain, overview
from tests.support.documentation import documented_at

DEFAULTS = Readings.choose()

READINGS = {
    "path-characters": ["page-2024", "page-2025", "page-2026"],
    "path-high-codes": ["code-points", "utf8-bytes"],
    "path-del": ["allowed", "forbidden"],
    "path-empty": ["allowed", "refused"],
    "check-order": ["rules-first", "existence-first"],
    "name-unit": ["code-points", "utf16"],
    "name-edge": ["100", "99"],
    "optional-null": ["accepted", "refused"],
    "unknown-field": ["ignored", "refused"],
    "test-triple": ["independent", "all-or-none"],
    "empty-id": ["allowed", "refused"],
    "error-shape": ["nested", "flat", "nested-code", "flat-error-code", "flat-msg", "response-error", "status-object"],
    "error-code-type": ["string", "integer"],
    "auth-refusal": ["nclue", "gateway"],
    "status-word": ["completed", "complete"],
    "list-index": ["offset", "page"],
    "list-total": ["all", "page"],
    "auroc-type": ["string", "number"],
    "queue": ["parallel", "serial"],
    "request-content-type": ["any", "json-only"],
    "timestamp-edge": ["accepted", "refused"],
    "success-status": ["200", "gateway"],
    "query-range": ["refused", "clamped"],
    "name-comparison": ["exact", "collated"],
    "name-after-deletion": ["free", "kept"],
    "absent-fields": ["null", "absent"],
}
RULES = sorted(contract().rules)


def output(name, **pins):
    """Return the explanation in one line, so that line breaks do not matter."""
    readings = Readings.choose(("--reading", {key.replace("_", "-"): option for key, option in pins.items()}))
    return " ".join(explain(contract(), name, readings).split())


def test_a_rule_is_explained_with_everything_that_is_known():
    lines = explain(contract(), "NC111", DEFAULTS).splitlines()
    assert lines == [
        "NC111 name-length (error, documented)",
        "  what          The name has at most 100 characters.",
        "  why           The page requires 1 to 100 characters. It does not define a character, and the text",
        '                of error 10101 says "less than".',
        "  page          Create task, Request body, name",
        "  fields        name",
        "  common cause  A name built from a file path or a list of parameters.",
        "  fix           Shorten the name, for example to its meaning and a date.",
        "  responses     422 with code 10101",
        "  reading       name-unit: code-points | utf16",
        "  reading       name-edge: 100 | 99",
    ]


EXPLAINED = {
    "queue": """\
reading queue (undecided)
  question      How many tasks are built at a time?
  page          Guide (nclue-task-vpc)
  option        parallel, the default: no API page limits it. No page states this.
  option        serial: one at a time, in the order of the requests. Pages: Guide (nclue-task-vpc).
  rules         NC409 one-at-a-time
  in force      parallel (from: default)
  to pin        --reading queue=serial, or in pyproject.toml:
                [tool.nclue-contract.readings]
                queue = "serial"
""",
    "NC409": """\
NC409 one-at-a-time (error, undecided)
  what          Under queue=serial, one task at a time is in progress, in the order of the requests.
  why           The guide says so, but no page of the API does.
  page          Guide (nclue-task-vpc)
  common cause  Several workers.
  fix           Start a task when the previous one has ended, the oldest first.
  reading       queue: parallel | serial
""",
    "10107": """\
error 10107 (status 404, TRAIN_PATH_NOT_FOUND)
  what          The train path or file does not exist.
  for           NC120 path-character: A file path contains no forbidden character.
""",
    "RATE_LIMITED": """\
error 420 (status 429, Rate Limited)
  what          The rate limit is exceeded; the difference from 410 is not documented.
  for           conditions without a rule, such as the load or the permissions of an account
""",
}


@pytest.mark.parametrize("name", EXPLAINED)
def test_an_explanation_is_whole_and_in_order(name):
    assert explain(contract(), name, DEFAULTS) == EXPLAINED[name]


def test_responses_are_explained_with_their_field_and_their_reading():
    text = output("NC120")
    assert "422 with code 10104 (for train_file_path)" in text
    assert "422 with code 10105 (for test_file_path)" in text
    assert "404 with code 10106 (under check-order=existence-first)" in text
    assert "404 with code 10107 (for train_file_path, under check-order=existence-first)" in text
    assert "400 with any code; 404 with any code; 409 with any code; 422 with any code" in output("NC101")


def test_a_reading_is_explained_with_its_options_pages_and_rules():
    text = output("path-characters")
    assert text.startswith("reading path-characters (contested) question Which printable characters are forbidden in a file path?")
    assert "page-2024, the default: 25 characters, the equals sign among them. Pages: Create task." in text
    assert "page-2025: 24 characters, without the equals sign. Pages: Create task (KO, JA), Guide (nclue-run-vpc)." in text
    assert r"""Forbids &$@=;:+,?*\{}^%`[]<>~#|"'""" in text
    assert "rules NC120 path-character" in text
    assert "in force page-2024 (from: default)" in text
    assert "to pin --reading path-characters=page-2025, or in pyproject.toml" in text


@pytest.mark.parametrize("name", ["NC120", "path-characters"])
def test_an_explanation_ends_with_its_page_where_there_is_a_site(name):
    with documented_at("https://docs.example/nclue/"):
        assert re.fullmatch(r"  more          https://docs\.example/nclue/\S+", explain(contract(), name, DEFAULTS).splitlines()[-1])


@pytest.mark.parametrize("name", [*contract().rules, *READINGS])
def test_no_word_is_cut_at_the_end_of_a_line(name):
    """Many words are names with hyphens, such as those of headers and readings."""
    assert not re.search("-$", explain(contract(), name, DEFAULTS), re.MULTILINE)


@pytest.mark.parametrize("name", READINGS)
def test_the_lines_for_pyproject_can_be_copied(name):
    lines = [line.strip() for line in explain(contract(), name, DEFAULTS).splitlines()]
    begin = lines.index("[tool.nclue-contract.readings]")
    pinned = tomllib.loads("\n".join(lines[begin : begin + 2]))["tool"]["nclue-contract"]["readings"]
    assert list(pinned) == [name]
    assert pinned[name] in READINGS[name]
    assert pinned[name] != DEFAULTS[name]


def test_a_pinned_reading_states_where_it_was_pinned_and_suggests_another_option():
    text = output("path-characters", path_characters="page-2025")
    assert "in force page-2025 (from: --reading)" in text
    assert "to pin --reading path-characters=page-2024" in text


def test_the_case_of_a_name_does_not_matter():
    assert output("PATH-HIGH-CODES") == output("path-high-codes")
    assert output("nc120") == output("Path-Character") == output("NC120")


def test_an_option_without_a_page_states_it():
    assert (
        "utf8-bytes: the bytes 128 to 255 of the UTF-8 encoding, so everything beyond ASCII is forbidden. No page states this."
        in output("path-high-codes")
    )


def test_a_reading_names_the_rules_that_it_moves():
    assert "rules NC409 one-at-a-time" in output("queue")


def test_a_name_of_both_a_rule_and_a_reading_explains_both():
    text = explain(contract(), "path-empty", DEFAULTS)
    assert text.startswith("NC121 path-empty (error, undecided)\n")
    assert "\n\nreading path-empty (undecided)\n" in text


@pytest.mark.parametrize(("name", "codes"), [("NC12", ["NC120", "NC121"]), ("NC110-NC120", ["NC110", "NC111", "NC120"])])
def test_a_group_or_a_range_explains_each_of_its_rules(name, codes):
    text = explain(contract(), name, DEFAULTS)
    assert [part.split()[0] for part in text.split("\n\n")] == codes


@pytest.mark.parametrize("name", ["10104", "invalid_character_in_train_path"])
def test_an_error_code_or_its_message_leads_to_its_rule(name):
    text = explain(contract(), name, DEFAULTS)
    assert text.splitlines()[:2] == [
        "error 10104 (status 422, INVALID_CHARACTER_IN_TRAIN_PATH)",
        "  what          The train path contains a forbidden character.",
    ]
    assert text.splitlines()[2].startswith("  for           NC120 path-character: ")


def test_the_code_of_requests_with_one_path_leads_to_the_rule_about_paths_too():
    text = output("10103")
    assert text.startswith(
        "error 10103 (status 422, INVALID_PATH_CHARACTER) what A path contains a forbidden character; probably of requests"
    )
    assert text.endswith("for NC120 path-character: A file path contains no forbidden character.")


def test_the_wording_of_another_page_is_part_of_what_an_error_means():
    assert "one page of the platform words it as a missing permission" in output("300")


@pytest.mark.parametrize("code", ["10110", "10111", "10199"])
def test_a_code_of_the_part_of_the_table_that_could_not_be_read_is_explained_as_such(code):
    text = output(code)
    assert text.startswith(f"error {code} (status and message are not known) what ")
    assert "table continues after 10109, but no available copy of it does" in text
    assert "for NC312 error-code: " in text


@pytest.mark.parametrize("name", ["10199x", "101100", "9999", "-10110", "１０１１０"])
def test_what_is_no_code_of_that_part_is_unknown(name):
    with pytest.raises(ValueError, match="there is no rule, reading or error code"):
        explain(contract(), name, DEFAULTS)


def test_what_the_pages_differ_on_about_dependants_is_part_of_the_rule_about_deletion():
    text = output("NC401")
    assert "Task runs and shopping intents that depend on a task can block its deletion" in text
    assert "The pages differ on whether registered ones do." in text


def test_an_error_without_a_rule_is_explained_as_such():
    assert "conditions without a rule" in explain(contract(), "RATE_LIMITED", DEFAULTS)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("NC12O", "NC12"),
        ("nc12o", "NC12"),
        ("Path-Caracter", "path-character"),
        ("path-caracters", "path-characters"),
        ("auroc", "auroc-type"),
        ("RATE_LIMIT", "RATE_LIMITED"),
        ("10112x", "10102"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(name, nearest):
    with pytest.raises(ValueError, match=f"there is no rule, reading or error code '{name}'; did you mean {nearest}"):
        explain(contract(), name, DEFAULTS)


def test_a_name_without_a_similar_one_has_a_hint_and_is_cut():
    with pytest.raises(ValueError, match="explain without a name lists them") as raised:
        explain(contract(), "?" * 100_000, DEFAULTS)
    assert len(str(raised.value)) < 200


@given(st.text(st.characters()))
def test_no_name_fails_in_another_way(name):
    """For any text there is an explanation, or a ValueError with a short sentence."""
    try:
        assert explain(contract(), name, DEFAULTS)
    except ValueError as error:
        assert len(str(error)) < 1000  # noqa: PT017  # there is nothing else to look at


@pytest.mark.parametrize("name", [*RULES, *READINGS])
def test_every_explanation_is_whole(name):
    text = explain(contract(), name, DEFAULTS)
    assert re.search(r"^  page          \S", text, re.MULTILINE)
    assert re.search(r"^  (why|question)      *\S", text, re.MULTILINE)
    assert not re.search(r"[ \t]$|\{\w+\}", text, re.MULTILINE)
    assert all(len(line) <= 100 for line in text.splitlines())
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_the_list_has_every_rule_and_every_reading():
    text = overview(contract())
    assert text.splitlines()[:2] == [
        "Rules (explain CODE for details):",
        "  NC001  error    json-syntax             The body is JSON.",
    ]
    assert text.endswith("\n  absent-fields           null | absent\n")
    for code in RULES:
        assert re.search(rf"^  {code}  (error|warning)  ", text, re.MULTILINE)
    for name, options in READINGS.items():
        assert re.search(rf"^  {name} +{re.escape(' | '.join(options))}$", text, re.MULTILINE)
    assert len(text.splitlines()) == len(RULES) + len(READINGS) + 3
