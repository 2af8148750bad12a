"""The HTML report of a contract check: it shows everything that came of a run, and obeys nothing that a server has sent."""

import base64
import dataclasses
import hashlib
import re
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nclue_contract.check.reports.causes import causes
from nclue_contract.check.reports.html.failures import expected, value_at_pointer
from nclue_contract.check.reports.html.lifecycle import spans
from nclue_contract.check.reports.html.page import clip
from nclue_contract.check.reports.html.rules import bar
from nclue_contract.check.reports.reproduce import Reproducer
from nclue_contract.check.reports.text import LABELS
from nclue_contract.check.requests import Exchange, create_request, get_request
from nclue_contract.check.results import Case, CheckResult, Failure, Outcome, State, StatusSample
from nclue_contract.contract.model import contract
from nclue_contract.signing import EXAMPLE
from tests.support.html_reports import FAULTS, HOSTILE, accepted, check, finding_with, one_failure, page, parsed, report, short
from tests.support.tools import ROOT

INCONCLUSIVE = "Check inconclusive"
SIZE = 1_500_000
"""Bytes that a report of the default plan stays below."""


PINNED = {"pins": (("path-del", "forbidden"),), "only": ("NC121", "NC4", "NC5")}
RUNS = {
    "a clean server": {},
    "a server with three faults": {"faults": FAULTS},
    "a run that ended early": {"budget": 90},
    "a pinned reading": PINNED,
}
each_run = pytest.mark.parametrize("run", [pytest.param(run, id=name) for name, run in RUNS.items()])


def of(run):
    options = dict(run)
    faults = options.pop("faults", ())
    return check(*faults, **options), page(*faults, **options)


# -- what stands in it ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "headline", "lead"),
    [
        pytest.param(check, "Check passed", "All {cases} cases were tested, without failures.", id="kept"),
        pytest.param(lambda: check(*FAULTS), "Check failed", "{failed} of {cases} cases failed, by 6 rules.", id="broken"),
        pytest.param(lambda: dataclasses.replace(short(), stop_reason="interrupted"), INCONCLUSIVE, "", id="trouble"),
        pytest.param(lambda: dataclasses.replace(short(), enough_accepted=False), INCONCLUSIVE, "", id="too few valid create requests"),
        pytest.param(
            lambda: accepted(check(*FAULTS)),
            "Check passed",
            "No failures, except for {failed} known failures; only {passed} of {cases} cases have a result.",
            id="all in the baseline",
        ),
    ],
)
def test_the_headline_is_the_result(result, headline, lead):
    result = result()
    document = parsed(report(result))
    assert document.one("h1").text == headline
    assert headline in document.one("head").one("title").text
    numbers = {"cases": len(result.outcomes), "failed": len({one.case for one in result.failures}), "passed": result.counts[State.PASSED]}
    assert lead.format(**numbers) in document.one("p", class_="lead").text


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        pytest.param({"stop_reason": "the server cannot be reached: refused"}, "the server cannot be reached: refused", id="trouble"),
        pytest.param({"enough_accepted": False}, "too few valid create requests", id="too few valid create requests"),
        pytest.param({}, None, id="nothing"),
    ],
)
def test_the_reason_of_an_inconclusive_result_is_below_the_headline(changes, why):
    found = parsed(report(dataclasses.replace(short(), **changes))).all("p", class_="trouble")
    assert [why in paragraph.text for paragraph in found] == ([True] if why else [])


def test_the_head_states_what_was_run_where_and_which_tasks_remain():
    run = {
        "target": "https://gateway.example.org/v1",
        "mode": "at most 9 create requests",
        "requests": 1234,
        "create_requests": 1,
        "cleanup_requests": 7,
    }
    left = {"seconds": 61.25, "remaining_tasks": ("task-1", "task-2"), "notes": ("one note", "another")}
    facts = parsed(report(dataclasses.replace(short(), **run, **left))).one("section", id="run").one("dl")
    assert [(fact.one("dt").text, fact.one("dd").text) for fact in facts.all("div")] == [
        ("Server", "https://gateway.example.org/v1"),
        ("Mode", "at most 9 create requests"),
        ("Started", "2025-11-24 16:00:00 UTC"),
        ("Took", "61.2 s; 1,234 requests, including 1 create request, 7 more to clean up"),
        ("Left behind", "2 tasks: task-1, task-2"),
        ("Note", "one note"),
        ("Note", "another"),
    ]


def test_the_failures_of_a_baseline_are_listed_separately():
    document = parsed(report(accepted(check(*FAULTS))))
    assert document.one("section", id="failures").text == "FailuresNone."
    apart = document.one("section", id="accepted")
    assert all(failure.sentence in apart.text for failure in check(*FAULTS).failures)
    tile = document.one("section", id="rules").one("a", href="#rule-NC120")
    assert "known from the baseline" in tile.text
    assert "its failures are in the baseline" in document.one("section", id="left-out").text
    assert not page(*FAULTS).all("section", id="accepted")


@each_run
def test_the_counts_of_the_states_are_in_the_head_with_their_meaning(run):
    result, document = of(run)
    numbers = document.one("ul", class_="numbers")
    for state in ("failed", "passed", "undecided", "untested"):
        assert numbers.one("li", class_=state).one("b").text == f"{result.counts[state]:,}"
    assert "any would have been right" in numbers.text
    assert "No request was sent" in numbers.text
    assert "a reading is no failure" in document.one("section", id="readings").text


@each_run
def test_the_matrix_has_a_tile_for_each_rule_with_sign_counts_and_what_it_leads_to(run):
    result, document = of(run)
    tiles = {link.attributes["href"]: link for link in document.one("section", id="rules").all("a")}
    assert list(tiles) == [f"#rule-{row.rule}" for row in result.rows()]
    signs = {"passed": "✓", "failed": "✗", "undecided": "?", "untested": "–"}
    for row in result.rows():
        tile = tiles[f"#rule-{row.rule}"]
        assert tile.attributes["class"] == f"tile {row.state}"
        assert tile.text.startswith(f"{signs[row.state]} {row.rule}")
        for state, count in row.counts.items():
            assert f"{count} {LABELS[state]}" in tile.text
        assert (f"{row.evaluated:,} response" in tile.text) == bool(row.evaluated)
        assert document.all("details", id=f"rule-{row.rule}")


def test_rules_that_were_not_tested_are_named():
    named = page().one("section", id="rules").one("details")
    missing = contract().rules.keys() - {row.rule for row in check().rows()}
    assert {code.text for code in named.all("code")} == missing
    assert named.one("summary").text == f"{len(missing)} rules of the contract were not tested in this run"
    assert contract().rules["NC602"].sentence in named.text


def test_rules_are_in_the_group_of_their_topic():
    groups = {section.one("h3").children[0].strip(): section for section in page().one("section", id="rules").all("section")}
    codes = {name: [link.attributes["href"][-5:] for link in section.all("a")] for name, section in groups.items()}
    assert codes["The JSON itself"] == [f"NC00{number}" for number in range(1, 8)]
    assert codes["File paths"] == ["NC120", "NC121"]
    assert codes["The server as a whole"] == ["NC601"]


@each_run
def test_every_failure_is_listed_with_its_rule_and_links_to_its_case(run):
    result, document = of(run)
    section = document.one("section", id="failures")
    entries = section.all("article") + section.all("li", class_="case")
    stated = Counter()
    for entry in entries:
        rule = next(parent for parent in above(entry) if parent.attributes.get("class") == "rule-failures").one("h3").text[2:7]
        (link,) = entry.all("a")
        case = document.one("li", id=link.attributes["href"][1:])
        assert case.one("summary").one("code").text == link.text
        text = entry.text
        for failure in result.outcomes[link.text].failures:
            stated[rule, link.text, failure.sentence] += failure.rule == rule and clip(failure.sentence) in text
    assert all(stated[failure.rule, failure.case, failure.sentence] == 1 for failure in result.failures)
    assert bool(entries) == bool(result.failures)


def above(node):
    while node.parent is not None:
        node = node.parent
        yield node


def test_a_failure_states_the_expected_and_the_received_response_and_how_to_reproduce_it():
    failure = next(f for f in check(*FAULTS).failures if "U+007E TILDE" in f.sentence)
    (article,) = (one for one in page(*FAULTS).all("article") if one.one("a").text == failure.case)
    facts = dict(zip([dt.text for dt in article.all("dt")], [dd.text for dd in article.all("dd")], strict=True))
    assert failure.sentence in article.text
    assert facts["Expected"] == "422 with code 10105"
    assert facts["Received"].startswith('200 {"task_id": "')
    assert facts["Sent"].startswith('POST /api/v1/tasks {"name": "nclue-check test')
    assert article.one("pre").text == "curl http://127.0.0.1/api/v1/tasks"
    assert article.one("pre").attributes["data-copy"] == "the curl command"
    sections = [one.text for one in page(*FAULTS).all("section") if "A file path contains no forbidden character." in one.text]
    assert any("Create task, Request body, train_file_path and test_file_path" in text for text in sections)


def test_the_value_that_a_failure_points_at_is_shown_although_the_response_is_cut():
    failure = next(f for f in check(*FAULTS).failures if f.rule == "NC305" and f.finding.pointer.startswith("/tasks/"))
    assert value_at_pointer(failure) == "7"
    article = next(one for one in page(*FAULTS).all("article") if failure.sentence in one.text)
    facts = dict(zip([dt.text for dt in article.all("dt")], [dd.text for dd in article.all("dd")], strict=True))
    assert facts["In it"] == f"{failure.finding.pointer} is 7"


def test_a_pointer_into_the_request_is_not_looked_up_in_the_response():
    failure = Failure(
        "case[one]", "NC404", finding_with("x", "NC120", "/code"), Exchange(create_request({}), "/", 0, 0, 422, body=b'{"code": 7}')
    )
    assert value_at_pointer(failure) is None
    assert value_at_pointer(dataclasses.replace(failure, finding=finding_with("x", "NC305", "/code"))) == "7"


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/a~1b/~01", '"학습"'),
        ("/tasks/1", "null"),
        ("/tasks/2", None),
        ("/tasks/-1", None),
        ("/tasks/x", None),
        ("/tasks", None),
        ("/gone", None),
        ("", None),
        ("/tasks/1/deeper", None),
    ],
)
def test_a_pointer_leads_to_a_text_a_number_or_a_word(pointer, value):
    body = '{"a/b": {"~1": "학습"}, "tasks": [true, null]}'.encode()
    failure = Failure("case[one]", "NC305", finding_with("x", "NC305", pointer), Exchange(get_request("1"), "/", 0, 0, 200, body=body))
    assert value_at_pointer(failure) == value


def test_a_failure_because_of_another_rule_than_that_of_the_case_names_it():
    case = Case("case[one]", "NC404")
    outcome = Outcome(case, State.FAILED, "", [Failure(case.id, "NC404", finding_with("x", "NC120"))])
    article = parsed(report(dataclasses.replace(short(), outcomes={case.id: outcome}))).one("article")
    facts = dict(zip([dt.text for dt in article.all("dt")], [dd.text for dd in article.all("dd")], strict=True))
    assert facts["Because of"] == "NC120 path-character (page: Create task, Request body, train_file_path and test_file_path)"
    assert facts.keys() == {"Because of", "Expected"}  # and no response, since no single one shows it


def test_a_rule_lists_its_cases_that_broke_another_rule_and_other_cases_that_broke_it():
    document = page(*FAULTS)
    assert "1 case below failed by other rules, not by this one." in document.one("details", id="rule-NC400").text
    assert "Failed in cases about other rules: life[watched], " in document.one("details", id="rule-NC305").text


def test_white_space_in_values_is_kept():
    text = report(one_failure(body=b'{"task_name": "  two  blanks  "}'))
    assert '"  two  blanks  "' in parsed(text).one("main").text
    assert "white-space: break-spaces" in page().one("style").text


def test_what_is_expected_is_the_response_in_the_message_or_else_that_of_the_rule():
    by_rule = {failure.rule: failure for failure in check(*FAULTS).failures}
    assert expected(by_rule["NC102"]) == "400 or 404 or 409 or 422"
    assert expected(by_rule["NC307"]) == "The values of the request are returned unchanged."
    refused = next(f for f in check("name-limit:40", only=("NC11",)).failures if "a valid request is rejected" in f.sentence)
    assert expected(refused).split(" or ")[0] == "200"


@each_run
def test_every_case_is_listed_with_its_state_and_its_requests(run):
    result, document = of(run)
    entries = document.one("section", id="cases").all("li", class_="case")
    displayed = {entry.one("summary").one("code").text: entry for entry in entries}
    assert displayed.keys() == result.outcomes.keys()
    for case_id, outcome in result.outcomes.items():
        entry = displayed[case_id]
        assert entry.attributes["data-state"] == outcome.state
        assert entry.one("summary").text.endswith(f" {LABELS[outcome.state]}")
        assert next(parent for parent in above(entry) if parent.tag == "details").attributes["id"] == f"rule-{outcome.case.rule}"
        lines = [line.text for line in entry.all("li")]
        assert len(lines) == len(outcome.exchanges)
        for line, exchange in zip(lines, outcome.exchanges, strict=True):
            assert line.startswith(f"{exchange.request.method} {exchange.target[:200]} → {exchange.status}")
            assert f" {exchange.received_ms - exchange.sent_ms} ms" in line


@each_run
def test_what_was_not_tested_is_listed_with_its_reason(run):
    result, document = of(run)
    section = document.one("section", id="left-out")
    open_ones = {o.case.id: o for o in result.outcomes.values() if o.state in {State.INCONCLUSIVE, State.NOT_TESTED}}
    stated = {}
    for details in section.all("details"):
        for link in details.all("a"):
            stated[link.text] = details.one("summary").text
    assert stated.keys() == open_ones.keys()
    for case_id, outcome in open_ones.items():
        assert outcome.reason in stated[case_id]
        assert f" {LABELS[outcome.state]}" in stated[case_id]


# -- readings -------------------------------------------------------------------------------------------------------------------------


@each_run
def test_every_reading_is_listed_with_its_options_and_what_ruled_them_out(run):
    result, document = of(run)
    cards = {card.one("h3").one("code").text: card for card in document.one("ul", class_="readings").children}
    assert list(cards) == list(result.readings)
    for name, left in result.readings.items():
        options = {li.one("code").text: li.attributes["class"] for li in cards[name].one("ul", class_="options").all("li")}
        remaining = {option for option, class_ in options.items() if class_ != "gone"}
        assert remaining == set(left)
        state = "pinned" if name in result.pinned else "found" if len(left) == 1 else "open"
        assert cards[name].one("span", class_=f"badge {state}").text == state
        if state != "pinned":
            assert [link.text for link in cards[name].all("a")] == list(result.evidence[name])


def test_the_pins_of_what_was_found_can_be_copied_into_pyproject():
    block = page().one("section", id="readings").one("pre")
    assert block.attributes["data-copy"] == "the pins"
    lines = block.text.splitlines()
    assert lines[0] == "[tool.nclue-contract.readings]"
    assert 'name-edge = "100"' in lines
    assert not any(line.startswith("check-order") for line in lines)  # inconclusive


def test_a_pinned_reading_states_where_it_was_pinned():
    document = page(**PINNED)
    assert 'path-del = "forbidden"' in document.one("section", id="readings").one("pre").text
    card = next(card for card in document.one("ul", class_="readings").children if "path-del" in card.text)
    assert "Pinned before the run (argument)." in card.text
    assert [option.text.split(": ")[0] for option in card.one("ul", class_="options").all("li")] == [
        "✗ allowed ruled out",
        "● forbidden pinned",
    ]


# -- lives of tasks -------------------------------------------------------------------------------------------------------------------


def seen(*samples):
    return dataclasses.replace(short(), status_samples=tuple(StatusSample(*sighting, "getTask") for sighting in samples))


def picture(document):
    return document.one("div", class_="chart").one("svg")


@each_run
def test_the_picture_has_a_lane_for_each_task(run):
    result, document = of(run)
    lanes = picture(document).all("g", class_="lane")
    assert len(lanes) > 2
    ids = {sighting.task_id for sighting in result.status_samples}
    assert {lane.one("text", class_="task").one("title").text for lane in lanes} == ids


def test_states_follow_each_other_along_the_time():
    document = parsed(report(seen((1000, "a", "registered"), (2000, "a", "pending"), (2500, "b", "registered"), (5000, "a", "completed"))))
    lanes = picture(document).all("g", class_="lane")
    assert [lane.one("text", class_="task").children[0] for lane in lanes] == ["a", "b"]
    states = [rect for rect in lanes[0].all("rect") if rect.attributes["class"].startswith("state")]
    assert [rect.attributes["class"] for rect in states] == ["state stage-0", "state stage-1", "state stage-3"]
    assert [rect.attributes["x"] for rect in states] == ["0.50%", "25.00%", "98.50%"]
    assert [rect.attributes["width"] for rect in states] == ["24.50%", "73.50%", "0.90%"]
    assert "completed after 4.00 s" in lanes[0].text
    assert "registered since 1.50 s" in lanes[1].text
    assert [tick.text for tick in picture(document).all("text", class_="tick")] == ["0 s", "1 s", "2 s", "3 s", "4 s"]


def test_a_state_lasts_until_the_next_one_was_seen():
    life = [
        StatusSample(ms, "a", status, "getTask") for ms, status in ((0, "registered"), (5, "registered"), (9, "pending"), (20, "pending"))
    ]
    assert [(span.status, span.begin_ms, span.end_ms, span.samples_ms) for span in spans(life)] == [
        ("registered", 0, 9, (0, 5)),
        ("pending", 9, 20, (9, 20)),
    ]


@pytest.mark.parametrize(
    ("samples", "lanes"),
    [
        pytest.param([], 0, id="no sample"),
        pytest.param([(7, "a", "registered")], 1, id="one sample"),
        pytest.param([(7, "a", "registered")] * 2, 1, id="two at the same moment"),
        pytest.param([(ms, "a", "pending") for ms in range(0, 90_000, 100)], 1, id="hundreds of one task"),
        pytest.param([(n, f"task-{n}", "failed") for n in range(300)], 300, id="hundreds of tasks"),
        pytest.param([(0, "a", "completed"), (10**9, "a", "registered")], 1, id="a task that goes back, after days"),
        pytest.param([(0, "a", "complete"), (10, "a", "on its way"), (20, "a", "")], 1, id="words of other pages and of none"),
    ],
)
def test_any_number_of_status_samples_can_be_drawn(samples, lanes):
    document = parsed(report(seen(*samples)))
    section = document.one("section", id="lifecycle")
    if not samples:
        assert "No task was tracked" in section.text
        assert not section.all("svg")
        return
    assert len(picture(document).all("g", class_="lane")) == lanes
    assert len(picture(document).all("circle", class_="seen")) <= max(120, lanes)
    assert 1 <= len(picture(document).all("text", class_="tick")) <= 7
    for node in picture(document).all("rect", "circle", "text", "line"):
        for name in ("x", "cx", "width"):
            value = node.attributes.get(name, "0%")
            assert not value.endswith("%") or 0 <= float(value[:-1]) <= 100
    assert len(section.one("tbody").all("tr")) == sum(len(spans(group)) for group in by_task(samples).values())


def by_task(samples):
    groups = {}
    for sighting in samples:
        groups.setdefault(sighting[1], []).append(StatusSample(*sighting, "getTask"))
    return groups


# -- one file without network access ------------------------------------------------------------------------------------------------------


@each_run
def test_nothing_in_it_leads_outside(run):
    _, document = of(run)
    ids = [node.attributes["id"] for node in document.all() if "id" in node.attributes]
    assert len(ids) == len(set(ids))
    for node in document.all():
        assert not {"src", "srcset", "action", "style", "xlink:href", "formaction", "ping", "poster"} & node.attributes.keys()
        if node.tag == "a":
            assert node.attributes["href"][1:] in ids
            assert node.attributes["href"].startswith("#")
    assert [link.attributes for link in document.all("link")] == [{"rel": "icon", "href": "data:,"}]
    assert not re.search(r"@import|url\(|https?:", document.one("style").text)
    assert not re.search(r"fetch|XMLHttp|WebSocket|import|innerHTML|outerHTML|document\.write|eval|https?:", document.one("script").text)


def test_the_policy_allows_this_style_and_this_script_and_nothing_else():
    head = page().one("head")
    order = [node.attributes.get("http-equiv", node.tag) for node in head.all()]
    assert order.index("Content-Security-Policy") < order.index("style")
    policy = dict(
        part.strip().split(" ", 1)
        for part in head.one("meta", **{"http-equiv": "Content-Security-Policy"}).attributes["content"].split(";")
    )
    assert policy == {
        "default-src": "'none'",
        "style-src": f"'{digest(page().one('style').text)}'",
        "script-src": f"'{digest(page().one('script').text)}'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def digest(text):
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@each_run
def test_the_same_result_gives_the_same_text(run):
    result, _ = of(run)
    assert report(result) == report(dataclasses.replace(result))


@each_run
def test_a_report_of_the_default_plan_can_be_mailed(run):
    result, _ = of(run)
    assert len(report(result).encode()) < SIZE


@pytest.mark.parametrize("fault", ["errors-with-200", "error-without-code", "path-odd-removed"])
def test_a_report_of_a_server_with_failures_everywhere_is_small_enough_to_mail(fault):
    result = check(fault)
    assert len(result.failures) > 350
    text = report(result, curl=Reproducer("http://127.0.0.1:8000").command)
    assert len(text.encode()) < SIZE
    every_failure = parsed(text).one("section", id="failures").text
    in_one_section = {id(failure) for cause in causes(result.failures) if cause.title for failure in cause.failures}
    shown = (failure.case if id(failure) in in_one_section else clip(failure.sentence) for failure in result.failures)
    assert all(one in every_failure for one in shown)


# -- for everybody --------------------------------------------------------------------------------------------------------------------


@each_run
def test_headings_come_in_order(run):
    _, document = of(run)
    levels = [int(node.tag[1]) for node in document.all("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_it_can_be_used_with_the_keyboard_and_a_screen_reader():
    document = page(*FAULTS)
    assert document.one("body").all()[0].attributes == {"href": "#failures", "class": "skip"}
    assert not [node for node in document.all() if "tabindex" in node.attributes or any(name.startswith("on") for name in node.attributes)]
    for box in document.all("input"):
        assert any(parent.tag == "label" and parent.text.strip() for parent in above(box))
    for svg in document.all("svg"):
        assert svg.attributes.get("aria-hidden") == "true" or (svg.attributes["role"] == "img" and svg.attributes["aria-label"])
    assert document.one("html").attributes["lang"] == "en"
    assert document.one("nav").attributes["aria-label"]


def luminance(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_differs_from_what_is_behind_it(dark):
    """WCAG 2.2, success criterion 1.4.3: a contrast of 4.5 to 1."""
    roots = re.findall(r":root \{(.*?)\}", page().one("style").text, re.DOTALL)
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6});", roots[0]))
    if dark:
        colours |= dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6});", roots[1]))
    pairs = [(text, behind) for text in ("ink", "soft", "link") for behind in ("back", "card", "code")]
    pairs += [(state, behind) for state in ("passed", "failed", "undecided", "untested") for behind in ("card", f"{state}-back", "back")]
    pairs += [("soft", f"{state}-back") for state in ("failed", "undecided", "untested")]
    for text, behind in pairs:
        lighter, darker = sorted((luminance(colours[text]), luminance(colours[behind])), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (text, behind)


# -- nothing that a server sends is obeyed --------------------------------------------------------------------------------------------

texts = st.sampled_from(HOSTILE) | st.text(st.characters()) | st.tuples(st.sampled_from(HOSTILE), st.text()).map("".join)
bodies = texts.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=600)


@st.composite
def results(draw):
    """Results as small as can be, in which every text comes from a server or a user."""
    exchanges = [
        Exchange(
            dataclasses.replace(draw(st.sampled_from([create_request({"name": "x"}), get_request("1")])), body=draw(bodies)),
            draw(texts),
            0,
            draw(st.integers(0, 10**6)),
            status=draw(st.sampled_from([0, 200, 422, 999])),
            headers=((draw(texts), draw(texts)),),
            body=draw(bodies | st.just(b'{"error": {"errorCode": "<b>", "message": "\\ud800"}}')),
            error=draw(st.just("") | texts),
            attempts=draw(st.integers(1, 3)),
        )
        for _ in range(2)
    ]
    outcomes = {}
    for state in State:
        case = Case(f"{state}[{draw(texts)}]", draw(st.sampled_from(["NC120", "NC403"])))
        failures = []
        if state is State.FAILED:
            exchange = draw(st.sampled_from([*exchanges, None]))
            failures = [Failure(case.id, rule, finding_with(draw(texts), rule, draw(texts)), exchange) for rule in ("NC403", "NC314")]
        outcomes[case.id] = Outcome(case, state, "" if failures else draw(texts), failures, exchanges)
    return CheckResult(
        target=draw(texts),
        mode=draw(texts),
        outcomes=outcomes,
        readings={"path-del": ("allowed", "forbidden"), "queue": ("serial",)},
        pinned={},
        sources={},
        evidence={"queue": (draw(texts),), "path-del": ()},
        evaluated={"NC301": 3},
        status_samples=tuple(StatusSample(draw(st.integers(0, 10**6)), draw(texts), draw(texts), draw(texts)) for _ in range(4)),
        requests=4,
        create_requests=2,
        seconds=1.5,
        remaining_tasks=(draw(texts),),
        stop_reason=draw(texts),
        notes=(draw(texts),),
    )


TAGS = {
    *("html", "head", "meta", "title", "link", "style", "body", "script", "header", "nav", "main", "section", "article", "footer", "div"),
    *("h1", "h2", "h3", "h4", "p", "ul", "ol", "li", "dl", "dt", "dd", "a", "b", "small", "span", "code", "pre", "details", "summary"),
    *("form", "fieldset", "legend", "label", "input", "output", "table", "thead", "tbody", "tr", "th", "td"),
    *("svg", "g", "defs", "pattern", "path", "line", "rect", "circle", "text"),
}
ATTRIBUTES = {
    *("lang", "charset", "name", "content", "http-equiv", "rel", "href", "class", "id", "title", "hidden", "open", "role", "scope"),
    *("type", "value", "checked", "placeholder", "autocomplete", "spellcheck", "aria-label", "aria-hidden"),
    *("data-state", "data-group", "data-copy"),
    *("x", "y", "width", "height", "rx", "cx", "cy", "r", "x1", "x2", "y1", "y2", "d", "fill", "text-anchor", "patternunits"),
}


@given(result=results(), line=texts)
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
def test_text_never_becomes_markup_whatever_it_is(result, line):
    """Whatever a server sends, the document can be encoded, has our script and no other, and no element or attribute that we do not use."""
    text = report(result, curl=lambda _: line)
    text.encode("utf-8")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff\ufffe\uffff]", text)
    document = parsed(text)
    assert {node.tag for node in document.all()} <= TAGS
    assert {name for node in document.all() for name in node.attributes} <= ATTRIBUTES
    assert document.one("script").text == (ROOT / "nclue_contract" / "check" / "reports" / "html" / "report.js").read_text(encoding="utf-8")
    assert document.one("style").text == (ROOT / "nclue_contract" / "check" / "reports" / "html" / "report.css").read_text(encoding="utf-8")
    ids = [node.attributes["id"] for node in document.all() if "id" in node.attributes]
    assert len(ids) == len(set(ids))
    assert all(link.attributes["href"].removeprefix("#") in ids for link in document.all("a"))
    assert len(text) < 300_000


def test_markup_and_control_characters_are_shown_as_text():
    document = parsed(report(one_failure(body='<b>\x00\u202e\ud800</b> 학습 "&amp;"'.encode("utf-8", "surrogatepass"))))
    assert [code.text for code in document.all("code") if code.text.startswith("<b>")] == [
        r'<b>\x00\u202e\xed\xa0\x80</b> 학습 "&amp;"',  # a lone surrogate is no UTF-8
    ] * 2


def test_long_values_are_cut():
    document = parsed(report(one_failure(body=b"y" * 100_000)))
    assert {code.text for code in document.all("code") if code.text.startswith("yy")} == {"y" * 300 + "…"}


def test_nothing_of_how_a_request_was_signed_is_shown():
    """The sender masks what it sent in responses; here the request itself could contain a secret."""
    signature = "cSilA3+iXudyHCy8RVF4308EGdStb/9B3nlcigZ+HiM="
    ask = dataclasses.replace(
        create_request({"name": "x"}), headers={"x-ncp-apigw-signature-v2": signature}, credentials=EXAMPLE, signed_as=("GET", "/secret")
    )
    text = report(one_failure(request=ask), curl=Reproducer("http://127.0.0.1:8000").command)
    for secret in (signature, EXAMPLE.access_key, EXAMPLE.secret_key):
        assert secret not in text


# -- curl lines -----------------------------------------------------------------------------------------------------------------------


def test_a_curl_line_can_be_copied_as_it_is():
    line = "curl --data '{\"name\": \"<a> & 학습\"}' \\\n  'http://127.0.0.1/api/v1/tasks?a=b&c=d'"
    block = parsed(report(one_failure(), curl=lambda _: line)).one("article").one("pre")
    assert block.text == line
    assert "data-copy" in block.attributes


def test_a_curl_line_that_would_not_be_the_same_after_copying_is_not_offered():
    block = parsed(report(one_failure(), curl=lambda _: "curl --data 'a\x7fb'")).one("article").one("pre")
    assert block.text == r"curl --data 'a\x7fb'"
    assert "data-copy" not in block.attributes
    assert "cannot be copied" in block.attributes["title"]


def test_a_curl_line_that_is_too_long_is_left_out_with_a_sentence():
    article = parsed(report(one_failure(), curl=lambda _: "c" * 50_000)).one("article")
    assert not article.all("pre")
    assert "50,000 characters" in article.text


# -- failures first -------------------------------------------------------------------------------------------------------------------


def test_the_failures_come_first_and_their_number_is_a_link():
    document = parsed(report(one_failure()))
    assert [node.tag for node in document.one("body").children if node.tag in {"header", "main"}] == ["header", "main"]
    (first, second) = [node for node in document.one("main").children if not isinstance(node, str)][:2]
    assert (first.attributes["id"], second.attributes["class"]) == ("failures", "tools")
    (link,) = document.one("ul", class_="numbers").all("a")
    assert (link.text.split(), link.attributes["href"]) == (["✗", "1", "failed"], "#failures")


@pytest.mark.parametrize("passed", [0, 1, 100, 100_000])
def test_a_bar_with_failures_shows_them_however_few_they_are(passed):
    drawn = bar({State.FAILED: 1, State.PASSED: passed, State.NOT_TESTED: passed // 3})
    widths = {node.get("class"): float(node.get("width").rstrip("%")) for node in drawn}
    assert widths["fill failed"] >= 4
    assert sum(widths.values()) == pytest.approx(100, abs=0.1)


def test_a_bar_without_failures_shows_none():
    assert [node.get("class") for node in bar({State.PASSED: 3, State.FAILED: 0})] == ["fill passed"]


def test_what_has_one_cause_is_one_section_with_all_cases_and_rules():
    result = check("errors-with-500", only=("NC10", "NC11", "NC2"))
    section = parsed(report(result)).one("section", id="failures")
    (cause,) = section.all("section")
    assert cause.one("h3").text.startswith("✗ The server responds with 500")
    assert len(cause.all("article")) == 1
    assert {link.text for link in cause.one("details").all("li")} == {failure.case for failure in result.failures}
    assert {code.text for code in cause.all("code")} >= {failure.rule for failure in result.failures}


def test_advisories_have_a_section_and_a_link():
    outcome = one_failure().outcomes["case[one]"]
    advised = [dataclasses.replace(failure, advisory=True) for failure in outcome.failures]
    changed = dataclasses.replace(outcome, state=State.ADVISORY, failures=[], advisories=advised)
    document = parsed(report(dataclasses.replace(short(), outcomes={"case[one]": changed})))
    assert document.one("h1").text == "Check passed"
    assert "with 1 advisory" in document.one("p", class_="lead").text
    assert document.one("section", id="advisories").one("article").attributes["data-state"] == "advisory"
    assert [link.attributes["href"] for link in document.one("ul", class_="numbers").all("a")] == ["#advisories"]
    assert document.one("section", id="failures").text == "FailuresNone."


def test_an_open_reading_says_what_was_seen():
    result = dataclasses.replace(
        short(), readings={"queue": ("parallel", "serial")}, evidence={"queue": ()}, observations={"queue": "seen"}
    )
    assert parsed(report(result)).one("section", id="readings").one("p", class_="evidence").text == "Still open: seen."
