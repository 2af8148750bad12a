"""The report of a contract check as one HTML file, to be looked at: verdict, matrix, failures, readings, lives of tasks, every request.

It needs nothing but itself, works without its script, and shows nothing of a server other than as text.
"""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from nclue_contract.check.reports.html.cases import cases, left_out
from nclue_contract.check.reports.html.exchanges import Curl
from nclue_contract.check.reports.html.failures import failures
from nclue_contract.check.reports.html.lifecycle import lifecycle
from nclue_contract.check.reports.html.page import document, shown, tag
from nclue_contract.check.reports.html.readings import readings
from nclue_contract.check.reports.html.rules import MEANINGS, SIGNS, bar, matrix, sign
from nclue_contract.check.reports.text import verdict
from nclue_contract.check.results import CheckResult, State
from nclue_contract.contract.wording import counted
from nclue_contract.validation.reports.base import FAILED, INCONCLUSIVE, NAME, PASSED

_HEADLINES = {
    PASSED: (State.PASSED, "The contract is kept"),
    FAILED: (State.FAILED, "The contract is broken"),
    INCONCLUSIVE: (State.INCONCLUSIVE, "Could not tell whether the contract is kept"),
}


def html_report(result: CheckResult, *, version: str, revision: str, started_ms: int, curl: Curl) -> str:
    """The whole document, which can be encoded in UTF-8 whatever a server has sent. The same result gives the same text.

    `version` is that of the tool, `revision` that of the contract; `started_ms` is when the run began, in milliseconds since 1970-01-01
    UTC. `curl` gives the shell line that sends a request again. The headers that were sent are not shown.
    """
    anchors = {case_id: f"case-{number}" for number, case_id in enumerate(result.outcomes, 1)}
    broken = failures(result.failures, curl, anchors)
    accepted = failures(result.failures, curl, anchors, accepted=True)
    sections = [
        _section("rules", "Rules", *matrix(result)),
        _section("failures", "Failures", *(broken or [tag("p", "None.", class_="empty")])),
        _section("accepted", "Known failures", tag("p", _ACCEPTED, class_="said"), *accepted) if accepted else None,
        _section("readings", "Readings", *readings(result, anchors)),
        _section("lifecycle", "Lifecycle", *lifecycle(result.status_samples)),
        _section("left-out", "Undecided and untested", *left_out(result, anchors)),
        _section("cases", "Cases", tag("p", _CASES, class_="said"), *cases(result, anchors)),
    ]
    there = [section for section in sections if section is not None]
    state, headline = _HEADLINES[result.exit_code]
    return document(
        f"{SIGNS[state]} {headline} - {shown(result.target, 80)}",
        tag("a", "Skip to the rules", href="#rules", class_="skip"),
        _head(result, started_ms),
        _tools(result, there),
        tag("main", *there),
        tag("footer", tag("p", f"{NAME} {version}, contract {revision}. This file asks nothing of the network and holds no secret.")),
    )


_CASES = "Every case by the rule that it is about, with the requests behind its verdict. Long bodies are cut; headers are left out."
_ACCEPTED = "They stand in the baseline, so they do not count here. Take them out of it when they are mended."


def _section(anchor: str, title: str, *parts: Element) -> Element:
    return tag("section", tag("h2", title), *parts, id=anchor)


def _head(result: CheckResult, started_ms: int) -> Element:
    state, headline = _HEADLINES[result.exit_code]
    counts = result.counts
    why = result.stop_reason or (verdict(result) if result.exit_code == INCONCLUSIVE else "")
    numbers = (
        tag("li", sign(one), " ", tag("b", f"{counts[one]:,}"), f" {one}", tag("small", MEANINGS[one]), class_=str(one)) for one in SIGNS
    )
    return tag(
        "header",
        tag("p", SIGNS[state], class_=f"seal {state}", aria_hidden="true"),
        tag(
            "div",
            tag("h1", headline),
            tag("p", _summary(result), class_="lead"),
            tag("p", shown(why, 1000), class_="trouble") if why else None,
        ),
        tag("div", bar(counts, "bar large"), tag("ul", *numbers, class_="numbers"), class_="whole"),
        tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in _facts(result, started_ms)), class_="whole"),
        class_=f"verdict {state}",
    )


def _summary(result: CheckResult) -> str:
    """The verdict in a sentence."""
    total, broken, counts = len(result.outcomes), result.broken, result.counts
    if broken:
        rules = len({failure.rule for failure in broken})
        return f"{counted(len(broken), 'failure')} of {counted(rules, 'rule')}, in {counted(total, 'case')}."
    known = f", apart from {counted(len(result.failures), 'failure')} known from the baseline" if result.failures else ""
    decided = counts[State.PASSED] + counts[State.FAILED]
    if decided == total:
        return f"All {counted(total, 'case')} were asked and decided, and nothing is broken{known}."
    return f"Nothing was seen to be broken{known}; only {decided:,} of {counted(total, 'case')} came to a verdict."


def _facts(result: CheckResult, started_ms: int) -> list[tuple[str, str]]:
    started = datetime.fromtimestamp(started_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    sent = f"{counted(result.requests, 'request')}, {counted(result.creations, 'creation')} among them"
    tidying = f", {result.cleanup_requests:,} more to tidy up" if result.cleanup_requests else ""
    facts = [
        ("Server", shown(result.target)),
        ("Mode", shown(result.mode)),
        ("Begun", started),
        ("Took", f"{result.seconds:,.1f} s; {sent}{tidying}"),
    ]
    if result.remaining_tasks:
        facts.append(("Left behind", f"{counted(len(result.remaining_tasks), 'task')}: {shown(', '.join(result.remaining_tasks), 1000)}"))
    return facts + [("Note", shown(note)) for note in result.notes]


def _tools(result: CheckResult, sections: list[Element]) -> Element:
    """The way to the sections, and the filter; that one is hidden until the script is there to carry it out."""
    links = (tag("a", section[0].text or "", href=f"#{section.get('id')}") for section in sections)
    counts = result.counts
    choices = [_choice("", "all", len(result.outcomes), chosen=True), *(_choice(str(state), str(state), counts[state]) for state in SIGNS)]
    search = tag("input", type="search", id="search", placeholder="rule, case, text …", autocomplete="off", spellcheck="false")
    return tag(
        "div",
        tag("nav", *links, aria_label="Sections"),
        tag(
            "form",
            tag("fieldset", tag("legend", "Show cases", class_="hidden"), *choices),
            tag("label", tag("span", "Find", class_="hidden"), search),
            tag("output", id="told"),
            id="filter",
            hidden="",
        ),
        class_="tools",
    )


def _choice(value: str, word: str, number: int, *, chosen: bool = False) -> Element:
    box = tag("input", type="radio", name="state", value=value, checked="" if chosen else None)
    return tag("label", box, tag("span", f"{word} ", tag("small", f"{number:,}")))
