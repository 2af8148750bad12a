"""The report of a contract check as one HTML file: result, matrix of rules, failures, readings, lifecycle of tasks, and every request.

It loads nothing, works without its script, and shows what a server sent only as text.
"""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from nclue_contract.check.reports.html.cases import cases, without_result
from nclue_contract.check.reports.html.exchanges import Curl
from nclue_contract.check.reports.html.failures import failures
from nclue_contract.check.reports.html.lifecycle import lifecycle
from nclue_contract.check.reports.html.page import clip, html_document, tag
from nclue_contract.check.reports.html.readings import readings
from nclue_contract.check.reports.html.rules import MEANINGS, SIGNS, bar, matrix, state_symbol
from nclue_contract.check.reports.text import LABELS, result_line
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
    new = failures(result.failures, curl, anchors)
    accepted = failures(result.failures, curl, anchors, accepted=True)
    sections = [
        _section("rules", "Rules", *matrix(result)),
        _section("failures", "Failures", *(new or [tag("p", "None.", class_="empty")])),
        _section("accepted", "Known failures", tag("p", _ACCEPTED, class_="intro"), *accepted) if accepted else None,
        _section("readings", "Readings", *readings(result, anchors)),
        _section("lifecycle", "Lifecycle", *lifecycle(result.status_samples)),
        _section("left-out", "Inconclusive and not tested", *without_result(result, anchors)),
        _section("cases", "Cases", tag("p", _CASES, class_="intro"), *cases(result, anchors)),
    ]
    present = [section for section in sections if section is not None]
    state, headline = _HEADLINES[result.exit_code]
    return html_document(
        f"{SIGNS[state]} {headline} - {clip(result.target, 80)}",
        tag("a", "Skip to the rules", href="#rules", class_="skip"),
        _head(result, started_ms),
        _tools(result, present),
        tag("main", *present),
        tag("footer", tag("p", f"{tool_line(version, revision)}. This file loads nothing from the network and holds no secret.")),
    )


_CASES = "Every case by the rule that it is about, with its requests. Long bodies are cut; headers are left out."
_ACCEPTED = "They are part of the baseline, so they do not count here. Remove them from it when they are fixed."


def _section(anchor: str, title: str, *parts: Element) -> Element:
    return tag("section", tag("h2", title), *parts, id=anchor)


def _head(result: CheckResult, started_ms: int) -> Element:
    state, headline = _HEADLINES[result.exit_code]
    counts = result.counts
    why = result.stop_reason or (result_line(result) if result.exit_code == INCONCLUSIVE else "")
    numbers = (
        tag("li", state_symbol(one), " ", tag("b", f"{counts[one]:,}"), f" {LABELS[one]}", tag("small", MEANINGS[one]), class_=str(one))
        for one in SIGNS
    )
    return tag(
        "header",
        tag("p", SIGNS[state], class_=f"symbol {state}", aria_hidden="true"),
        tag(
            "div",
            tag("h1", headline),
            tag("p", _summary(result), class_="lead"),
            tag("p", clip(why, 1000), class_="trouble") if why else None,
        ),
        tag("div", bar(counts, "bar large"), tag("ul", *numbers, class_="numbers"), class_="whole"),
        tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in _facts(result, started_ms)), class_="whole"),
        class_=f"outcome {state}",
    )


def _summary(result: CheckResult) -> str:
    """Return the result in a sentence."""
    total, new, counts = len(result.outcomes), result.broken, result.counts
    if new:
        rules = len({failure.rule for failure in new})
        return f"{counted(len(new), 'failure')} of {counted(rules, 'rule')}, in {counted(total, 'case')}."
    known = f", apart from {counted(len(result.failures), 'failure')} known from the baseline" if result.failures else ""
    decided = counts[State.PASSED] + counts[State.FAILED]
    if decided == total:
        return f"All {counted(total, 'case')} were tested, without failures{known}."
    return f"No failures{known}; only {decided:,} of {counted(total, 'case')} have a result."


def _facts(result: CheckResult, started_ms: int) -> list[tuple[str, str]]:
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
    return facts + [("Note", clip(note)) for note in result.notes]


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
