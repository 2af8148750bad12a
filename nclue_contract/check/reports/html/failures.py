"""What is broken: the failures by rule, each with what was expected, what came back, and how to see it again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from xml.etree.ElementTree import Element

from nclue_contract.check.reports.html.exchanges import Curl, came_back, command
from nclue_contract.check.reports.html.page import shown, tag
from nclue_contract.check.reports.html.readings import case_link
from nclue_contract.check.reports.html.rules import sign
from nclue_contract.check.results import Failure, State
from nclue_contract.contract.model import contract
from nclue_contract.contract.wording import counted
from nclue_contract.validation.response import format_answers

AT_ONCE = 3
"""Requests for each rule that are shown without asking; people have seen the point by then."""

IN_FULL = 300
"""Requests that are told in full, shared out among the rules; the others by their sentences, so that the file can still be mailed."""

_ABOUT_ANSWERS = ("NC3", "NC4", "NC5")  # how the codes of the rules begin whose pointers lead into the answer


def failures(found: Sequence[Failure], curl: Curl, anchors: Mapping[str, str], *, accepted: bool = False) -> list[Element]:
    """A section for each rule, in the order of the codes. What one rule says of one exchange stands together."""
    by_rule: dict[str, dict[tuple[str, int], list[Failure]]] = {}
    for failure in sorted((one for one in found if one.accepted is accepted), key=lambda one: one.rule):
        by_rule.setdefault(failure.rule, {}).setdefault((failure.case, id(failure.exchange)), []).append(failure)
    share = max(AT_ONCE + 1, IN_FULL // max(1, len(by_rule)))
    return [_rule(code, list(groups.values()), share, curl, anchors) for code, groups in by_rule.items()]


def _rule(code: str, groups: list[list[Failure]], share: int, curl: Curl, anchors: Mapping[str, str]) -> Element:
    rule = contract().rules[code]
    full = [_failure(group, curl, anchors) for group in groups[:share]]
    brief = [_brief(group, anchors) for group in groups[share:]]
    at_once = len(full) if len(full) <= AT_ONCE + 1 else AT_ONCE
    rest = [*full[at_once:], *([tag("ul", *brief, class_="cases")] if brief else [])]
    summary = tag("summary", f"{code} in {counted(len(groups) - at_once, 'more request')}")
    return tag(
        "section",
        tag("h3", sign(State.FAILED), " ", code, " ", rule.slug, " ", tag("small", counted(sum(map(len, groups)), "failure"))),
        tag(
            "p", tag("b", rule.sentence), " ", tag("small", "Page: ", rule.page, ". More: ", tag("code", f"nclue-contract explain {code}"))
        ),
        *full[:at_once],
        tag("details", summary, *rest, class_="more", data_group="") if rest else None,
        class_="broken",
        data_group="",
    )


def expected(failure: Failure) -> str:
    """Return the expected responses, or the sentence of the rule when the failure is not about status and error code."""
    return format_answers(failure.expected) or contract().rules[failure.rule].sentence


def pointed_at(failure: Failure) -> str | None:
    """The text, number or word in the answer that the failure is about, as JSON; None when it is about something else."""
    if failure.exchange is None or not failure.finding.rule.startswith(_ABOUT_ANSWERS) or not failure.finding.pointer:
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


def _failure(group: list[Failure], curl: Curl, anchors: Mapping[str, str]) -> Element:
    exchange = group[0].exchange
    return tag(
        "article",
        tag("h4", case_link(group[0].case, anchors), " ", _known(group)),
        *(tag("p", shown(failure.sentence, 1000)) for failure in group),
        tag("dl", *(part for name, value in _facts(group) for part in (tag("dt", name), tag("dd", *value)))),
        command(exchange, curl) if exchange else None,
        data_state=str(State.FAILED),
        class_="failure",
    )


def _brief(group: list[Failure], anchors: Mapping[str, str]) -> Element:
    sentences = "; ".join(shown(failure.sentence) for failure in group)
    return tag("li", case_link(group[0].case, anchors), " ", sentences, data_state=str(State.FAILED), class_="case")


def _known(group: list[Failure]) -> Element | None:
    return tag("span", "known from the baseline", class_="badge open") if group[0].accepted else None


def _facts(group: list[Failure]) -> Iterator[tuple[str, list[Element | str]]]:
    exchange = group[0].exchange
    for finding in {failure.finding.rule: failure.finding for failure in group if failure.finding.rule != failure.rule}.values():
        yield "Because of", [f"{finding.rule} {finding.slug} (page: {finding.page})"]
    yield "Expected", [shown("; ".join(dict.fromkeys(map(expected, group))), 600)]
    if exchange is None:  # several answers show it together, or somebody else has sent the request
        return
    got = tag("code", shown(exchange.body)) if exchange.body else tag("small", "without a body")
    yield "Came back", [tag("b", came_back(exchange)), " ", got]
    values = {failure.finding.pointer: value for failure in group if (value := pointed_at(failure)) is not None}
    for pointer, value in values.items():
        yield "In it", [tag("code", shown(pointer)), " is ", tag("code", shown(value))]
    sent = tag("code", exchange.ask.method, " ", shown(exchange.target))
    yield "Sent", [sent, " ", tag("code", shown(exchange.ask.body))] if exchange.ask.body else [sent]
