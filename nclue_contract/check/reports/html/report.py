"""The report of a contract check as one HTML file: result, matrix of rules, failures, readings, lifecycle of tasks, and every request.

It loads nothing, works without its script, and shows what a server sent only as text.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from nclue_contract.check.reports.html.cases import cases, without_result
from nclue_contract.check.reports.html.exchanges import Curl
from nclue_contract.check.reports.html.failures import failures
from nclue_contract.check.reports.html.lifecycle import lifecycle
from nclue_contract.check.reports.html.page import clip, html_document, tag
from nclue_contract.check.reports.html.readings import case_link, readings
from nclue_contract.check.reports.html.rules import MEANINGS, SIGNS, bar, matrix, state_symbol
from nclue_contract.check.reports.text import LABELS, exceptions, groups_not_tested, pins_in, result_line
from nclue_contract.check.results import CheckResult, State
from nclue_contract.contract.wording import counted
from nclue_contract.validation.reports.base import FAILED, INCONCLUSIVE, PASSED, tool_line

_HEADLINES = {
    PASSED: (State.PASSED, "Check passed"),
    FAILED: (State.FAILED, "Check failed"),
    INCONCLUSIVE: (State.INCONCLUSIVE, "Check inconclusive"),
}


def html_report(result: CheckResult, *, version: str, revision: str, started_ms: int, curl: Curl) -> str:
    """Return the whole document, which can be encoded in UTF-8 whatever a server has sent. The same result gives the same text.

    `version` is that of the tool, `revision` that of the contract; `started_ms` is when the run began, in milliseconds since 1970-01-01
    UTC. `curl` returns the shell command that sends a request again. The sent headers are not included.
    """
    anchors = {case_id: f"case-{number}" for number, case_id in enumerate(result.outcomes, 1)}
    pins = pins_in(result)
    new = failures(result.failures, curl, anchors, pins)
    accepted = failures(result.failures, curl, anchors, pins, accepted=True)
    advised = failures(result.advisories, curl, anchors, pins)
    first = [
        _section("failures", "Failures", *(new or [tag("p", "None.", class_="empty")])),
        _section("advisories", "Advisories", tag("p", _ADVISORIES, class_="intro"), *advised) if advised else None,
        _section("accepted", "Known failures", tag("p", _ACCEPTED, class_="intro"), *accepted) if accepted else None,
        _section("fixed", "No longer failing", tag("p", _FIXED, class_="intro"), _fixed(result, anchors)) if result.fixed else None,
    ]
    others = [
        _section("rules", "Rules", *matrix(result)),
        _section("readings", "Readings", *readings(result, anchors)),
        _section("lifecycle", "Lifecycle", *lifecycle(result.status_samples)),
        _section("left-out", "Inconclusive and not tested", *without_result(result, anchors)),
        _section("cases", "Cases", tag("p", _CASES, class_="intro"), *cases(result, anchors)),
        _section("run", "This run", _facts(result, started_ms)),
    ]
    present = [section for section in (*first, *others) if section is not None]
    state, headline = _HEADLINES[result.exit_code]
    return html_document(
        f"{SIGNS[state]} {headline} - {clip(result.target, 80)}",
        tag("a", "Skip to the failures", href="#failures", class_="skip"),
        _head(result, frozenset(f"#{section.get('id')}" for section in present)),
        tag("main", *(section for section in first if section is not None), _tools(result, present), *others),
        tag("footer", tag("p", f"{tool_line(version, revision)}. This file loads nothing from the network and holds no secret.")),
    )


_CASES = "Every case by the rule that it is about, with its requests. Long bodies are cut; headers are left out."
_ADVISORIES = "No page forbids these responses, but they are worth knowing. --strict, or --fail-on with the rule, makes them failures."
_FIXED = "They are failures of the baseline, and were tested in this run without failing. Remove them from it."
_ACCEPTED = "They are part of the baseline, so they do not count here. Remove them from it when they are fixed."


def _section(anchor: str, title: str, *parts: Element) -> Element:
    return tag("section", tag("h2", title), *parts, id=anchor)


def _fixed(result: CheckResult, anchors: Mapping[str, str]) -> Element:
    """Return the failures of the baseline that no longer occur."""
    return tag("ul", *(tag("li", rule, " ", case_link(case, anchors)) for case, rule in result.fixed), class_="cases")


def _head(result: CheckResult, targets: Collection[str]) -> Element:
    state, headline = _HEADLINES[result.exit_code]
    counts = result.counts
    why = result.stop_reason or (result_line(result) if result.exit_code == INCONCLUSIVE else "")
    numbers = (
        tag("li", _number(one, counts[one], targets), tag("small", MEANINGS[one]), class_=str(one))
        for one in SIGNS
        if counts[one] or one is not State.ADVISORY
    )
    return tag(
        "header",
        tag("p", SIGNS[state], class_=f"symbol {state}", aria_hidden="true"),
        tag(
            "div",
            tag("h1", headline),
            tag("p", _summary(result), class_="lead"),
            tag("p", clip(result.target), class_="target"),
            tag("p", clip(why, 1000), class_="trouble") if why else None,
        ),
        tag("div", bar(counts, "bar large"), tag("ul", *numbers, class_="numbers"), class_="whole"),
        class_=f"outcome {state}",
    )


_TARGETS = {State.FAILED: "#failures", State.ADVISORY: "#advisories", State.INCONCLUSIVE: "#left-out", State.NOT_TESTED: "#left-out"}
"""The sections about the states."""


def _number(state: State, number: int, targets: Collection[str]) -> Element:
    """Return the number of cases in a state, as a link to what the report says about them."""
    parts = (state_symbol(state), " ", tag("b", f"{number:,}"), f" {LABELS[state]}")
    return tag("a", *parts, href=_TARGETS[state]) if number and _TARGETS.get(state) in targets else tag("span", *parts)


def _summary(result: CheckResult) -> str:
    """Return the result in a sentence. It counts test cases, as the numbers below it do."""
    total, new, counts = len(result.outcomes), result.broken, result.counts
    missing = groups_not_tested(result)
    left_out = f" Nothing was tested of: {'; '.join(missing)}." if missing else ""
    if new:
        cases, rules = len({failure.case for failure in new}), len({failure.rule for failure in new})
        return f"{cases:,} of {counted(total, 'case')} failed, by {counted(rules, 'rule')}{exceptions(result)}.{left_out}"
    decided = counts[State.PASSED] + counts[State.FAILED] + counts[State.ADVISORY]
    if decided == total:
        return f"All {counted(total, 'case')} were tested, without failures{exceptions(result)}.{left_out}"
    return f"No failures{exceptions(result)}; only {decided:,} of {counted(total, 'case')} have a result.{left_out}"


def _facts(result: CheckResult, started_ms: int) -> Element:
    """Return what the run was: server, permissions, time, requests, notes."""
    started = datetime.fromtimestamp(started_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    sent = f"{counted(result.requests, 'request')}, including {counted(result.create_requests, 'create request')}"
    clean_up = f", {result.cleanup_requests:,} more to clean up" if result.cleanup_requests else ""
    facts = [
        ("Server", clip(result.target)),
        ("Mode", clip(result.mode)),
        ("Started", started),
        ("Took", f"{result.seconds:,.1f} s; {sent}{clean_up}"),
    ]
    if result.remaining_tasks:
        facts.append(("Left behind", f"{counted(len(result.remaining_tasks), 'task')}: {clip(', '.join(result.remaining_tasks), 1000)}"))
    facts += [("Note", clip(note)) for note in result.notes]
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in facts), class_="facts")


def _tools(result: CheckResult, sections: list[Element]) -> Element:
    """Return the links to the sections, and the filter, which is hidden until the script has loaded."""
    links = (tag("a", section[0].text or "", href=f"#{section.get('id')}") for section in sections)
    counts = result.counts
    choices = [
        _choice("", "all", len(result.outcomes), chosen=True),
        *(_choice(str(state), LABELS[state], counts[state]) for state in SIGNS),
    ]
    search = tag("input", type="search", id="search", placeholder="rule, case, text …", autocomplete="off", spellcheck="false")
    return tag(
        "div",
        tag("nav", *links, aria_label="Sections"),
        tag(
            "form",
            tag("fieldset", tag("legend", "Show cases", class_="hidden"), *choices),
            tag("label", tag("span", "Find", class_="hidden"), search),
            tag("output", id="status"),
            id="filter",
            hidden="",
        ),
        class_="tools",
    )


def _choice(value: str, word: str, number: int, *, chosen: bool = False) -> Element:
    box = tag("input", type="radio", name="state", value=value, checked="" if chosen else None)
    return tag("label", box, tag("span", f"{word} ", tag("small", f"{number:,}")))
