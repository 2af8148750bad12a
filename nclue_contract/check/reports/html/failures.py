"""The failures and advisories by cause and by rule, each with the expected and the received response, and a command that reproduces it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from xml.etree.ElementTree import Element

from nclue_contract.check.reports.causes import Cause, causes, examples
from nclue_contract.check.reports.html.exchanges import Curl, command, status_line
from nclue_contract.check.reports.html.page import clip, tag
from nclue_contract.check.reports.html.readings import case_link
from nclue_contract.check.reports.html.rules import about_rule, state_symbol
from nclue_contract.check.reports.text import Pins, pins_of
from nclue_contract.check.results import Failure, State
from nclue_contract.contract.model import contract
from nclue_contract.contract.wording import counted
from nclue_contract.validation.response import format_answers

OPEN = 3
"""Requests for each rule that are shown at first; the others are folded."""

IN_FULL = 300
"""Requests that are shown in full, divided among the rules; of the others only the messages, so that the file can still be mailed."""

_ABOUT_RESPONSES = ("NC3", "NC4", "NC5")  # how the codes of the rules begin whose pointers lead into the response


def failures(found: Sequence[Failure], curl: Curl, anchors: Mapping[str, str], pins: Pins, *, accepted: bool = False) -> list[Element]:
    """Return a section for each cause that several rules or cases show, and then for each rule, in the order of the codes.

    Failures of one rule in one exchange are grouped. `pins` are the pinned options; those that concern the rule of a failure are named.
    """
    by_rule: dict[str, dict[tuple[str, int], list[Failure]]] = {}
    common: list[Cause] = []
    for cause in causes(one for one in found if one.accepted is accepted):
        if cause.title:
            common.append(cause)
            continue
        for failure in cause.failures:
            by_rule.setdefault(failure.rule, {}).setdefault((failure.case, id(failure.exchange)), []).append(failure)
    share = max(OPEN + 1, IN_FULL // max(1, len(by_rule)))
    in_order = {id(failure): number for number, failure in enumerate(found)}  # within a rule, the order of the plan
    return [_cause(cause, curl, anchors, pins) for cause in common] + [
        _rule(code, sorted(groups.values(), key=lambda group: in_order[id(group[0])]), share, curl, anchors, pins)
        for code, groups in sorted(by_rule.items())
    ]


def _cause(cause: Cause, curl: Curl, anchors: Mapping[str, str], pins: Pins) -> Element:
    """Return one section for all rules and cases that show a cause, with one of them in full."""
    rules = [contract().rules[code] for code in cause.rules]
    named = [part for rule in rules for part in (tag("code", rule.code), f" {rule.sentence} ")]
    names = tag(
        "ul", *(tag("li", case_link(case, anchors), data_state=str(_state(cause.failures[0]))) for case in cause.cases), class_="names"
    )
    folded = tag("details", tag("summary", f"All of its {counted(len(cause.cases), 'case')}"), names, class_="more", data_group="")
    sentences = [tag("li", clip(failure.sentence)) for failure in examples(cause.failures)[1 : OPEN + 1]]
    return tag(
        "section",
        tag("h3", state_symbol(_state(cause.failures[0])), " ", cause.title, " ", tag("small", counted(len(cause.cases), "case"))),
        tag("p", *named),
        _failure(list(cause.failures[:1]), curl, anchors, pins),
        tag("ul", *sentences, class_="cases") if sentences else None,
        folded if len(cause.cases) > 1 else None,
        class_="rule-failures",
        data_group="",
    )


def _state(failure: Failure) -> State:
    return State.ADVISORY if failure.advisory else State.FAILED


def _rule(code: str, groups: list[list[Failure]], share: int, curl: Curl, anchors: Mapping[str, str], pins: Pins) -> Element:
    rule = contract().rules[code]
    cases = {group[0].case for group in groups}
    full = [_failure(group, curl, anchors, pins) for group in groups[:share]]
    brief = [_brief(group, anchors) for group in groups[share:]]
    open_count = len(full) if len(full) <= OPEN + 1 else OPEN
    rest = [*full[open_count:], *([tag("ul", *brief, class_="cases")] if brief else [])]
    summary = tag("summary", f"{code} in {counted(len(groups) - open_count, 'more request')}")
    return tag(
        "section",
        tag("h3", state_symbol(_state(groups[0][0])), " ", code, " ", rule.slug, " ", tag("small", counted(len(cases), "case"))),
        tag("p", tag("b", rule.sentence), " ", about_rule(rule)),
        *full[:open_count],
        tag("details", summary, *rest, class_="more", data_group="") if rest else None,
        class_="rule-failures",
        data_group="",
    )


def expected(failure: Failure) -> str:
    """Return the expected responses, or the sentence of the rule when the failure is not about status and error code."""
    return format_answers(failure.expected) or contract().rules[failure.rule].sentence


def value_at_pointer(failure: Failure) -> str | None:
    """Return the text, number or literal in the response that the failure is about, as JSON; None if it is about something else."""
    if failure.exchange is None or not failure.finding.rule.startswith(_ABOUT_RESPONSES) or not failure.finding.pointer:
        return None
    value = failure.exchange.value
    for step in failure.finding.pointer[1:].split("/"):
        part = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return None if isinstance(value, dict | list) else json.dumps(value, ensure_ascii=False)


def _failure(group: list[Failure], curl: Curl, anchors: Mapping[str, str], pins: Pins) -> Element:
    exchange = group[0].exchange
    return tag(
        "article",
        tag("h4", case_link(group[0].case, anchors), " ", _badge(group)),
        *(tag("p", clip(failure.sentence, 1000)) for failure in group),
        tag("dl", *(part for name, value in _facts(group, pins) for part in (tag("dt", name), tag("dd", *value)))),
        command(exchange, curl) if exchange else None,
        data_state=str(_state(group[0])),
        class_=f"failure {_state(group[0])}",
    )


def _brief(group: list[Failure], anchors: Mapping[str, str]) -> Element:
    sentences = "; ".join(clip(failure.sentence) for failure in group)
    return tag("li", case_link(group[0].case, anchors), " ", sentences, data_state=str(_state(group[0])), class_="case")


def _badge(group: list[Failure]) -> Element | None:
    return tag("span", "known from the baseline", class_="badge open") if group[0].accepted else None


def _facts(group: list[Failure], pins: Pins) -> Iterator[tuple[str, list[Element | str]]]:
    exchange = group[0].exchange
    for finding in {failure.finding.rule: failure.finding for failure in group if failure.finding.rule != failure.rule}.values():
        yield "Because of", [f"{finding.rule} {finding.slug} (page: {finding.page})"]
    if used := dict.fromkeys(pin for failure in group for pin in pins_of(failure, pins)):
        yield "Pinned", [clip(", ".join(used))]
    yield "Expected", [clip("; ".join(dict.fromkeys(map(expected, group))), 600)]
    if exchange is None:  # only several responses together show it, or the check did not send the request
        return
    body = tag("code", clip(exchange.body)) if exchange.body else tag("small", "without a body")
    yield "Received", [tag("b", status_line(exchange)), " ", body]
    values = {failure.finding.pointer: value for failure in group if (value := value_at_pointer(failure)) is not None}
    for pointer, value in values.items():
        yield "In it", [tag("code", clip(pointer)), " is ", tag("code", clip(value))]
    sent = tag("code", exchange.request.method, " ", clip(exchange.target))
    yield "Sent", [sent, " ", tag("code", clip(exchange.request.body))] if exchange.request.body else [sent]
