"""Every case with the requests behind its verdict, by rule; and what was left undecided or untested, by reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element

from nclue_contract.check.reports.html.exchanges import COMPACT, exchange_line
from nclue_contract.check.reports.html.page import EXCERPT, shown, tag
from nclue_contract.check.reports.html.readings import case_link
from nclue_contract.check.reports.html.rules import sign, tally
from nclue_contract.check.results import CheckResult, Outcome, RuleRow, State
from nclue_contract.contract.model import contract
from nclue_contract.contract.wording import counted

_FEW = 12
"""Cases that are named without asking; more of them push the rest of the page away."""


def cases(result: CheckResult, anchors: Mapping[str, str]) -> list[Element]:
    """A part for each rule of the matrix."""
    by_rule: dict[str, list[Outcome]] = {}
    for outcome in result.outcomes.values():
        by_rule.setdefault(outcome.case.rule, []).append(outcome)
    return [tag("div", *(_rule(row, by_rule.get(row.rule, []), result, anchors) for row in result.rows()))]


def _rule(row: RuleRow, outcomes: list[Outcome], result: CheckResult, anchors: Mapping[str, str]) -> Element:
    rule = contract().rules[row.rule]
    told = tally(row.counts) or f"{counted(row.judged, 'answer')} judged"
    return tag(
        "details",
        tag("summary", tag("h3", sign(row.state), " ", row.rule, " ", rule.slug), " ", tag("small", told)),
        tag("p", tag("b", rule.sentence), " ", tag("small", "Page: ", rule.page, ".")),
        tag("p", *_about(row, outcomes, result, anchors), class_="evidence"),
        tag("ul", *(_case(outcome, anchors) for outcome in outcomes), class_="cases") if outcomes else None,
        id=f"rule-{row.rule}",
        class_="rule",
        data_group="",
    )


def _about(row: RuleRow, outcomes: list[Outcome], result: CheckResult, anchors: Mapping[str, str]) -> Iterator[Element | str]:
    """What the counts do not tell: answers judged besides, cases that broke only other rules, cases about others that broke this one."""
    if row.judged:
        yield f"{counted(row.judged, 'answer')} judged by it, whatever the case was about. "
    if others := sum(bool(one.failures) and all(failure.rule != row.rule for failure in one.failures) for one in outcomes):
        yield f"{counted(others, 'case')} below broke other rules, not this one. "
    about_others = (outcome for outcome in result.outcomes.values() if outcome.case.rule != row.rule)
    broken = [outcome.case.id for outcome in about_others if any(failure.rule == row.rule for failure in outcome.failures)]
    for number, case_id in enumerate(broken):
        yield ", " if number else "Broken in cases about other rules: "
        yield case_link(case_id, anchors)


def _case(outcome: Outcome, anchors: Mapping[str, str]) -> Element:
    most = COMPACT if outcome.state is State.PASSED else EXCERPT
    head: list[Element | str] = [sign(outcome.state), " ", tag("code", outcome.case.id), " ", tag("small", str(outcome.state))]
    notes = [*filter(None, [outcome.reason]), *(f"{failure.rule}: {failure.sentence}" for failure in outcome.failures)]
    details = [tag("p", shown(note)) for note in notes]
    if outcome.exchanges:
        details.append(tag("ol", *(exchange_line(exchange, most) for exchange in outcome.exchanges)))
    elif not notes:
        details.append(tag("p", "Seen in the requests of another case."))
    return tag(
        "li", tag("details", tag("summary", *head), *details), id=anchors[outcome.case.id], class_="case", data_state=str(outcome.state)
    )


def left_out(result: CheckResult, anchors: Mapping[str, str]) -> list[Element]:
    """What decided nothing, and why: a part for each reason, the most frequent first."""
    reasons: dict[tuple[State, str], list[str]] = {}
    for outcome in result.outcomes.values():
        if outcome.state in {State.INCONCLUSIVE, State.NOT_TESTED}:
            reasons.setdefault((outcome.state, outcome.reason), []).append(outcome.case.id)
    if not reasons:
        return [tag("p", "Nothing: every case of the plan was asked and decided.", class_="empty")]
    return [
        _reason(state, reason, ids, anchors) for (state, reason), ids in sorted(reasons.items(), key=lambda one: (-len(one[1]), one[0]))
    ]


def _reason(state: State, reason: str, ids: list[str], anchors: Mapping[str, str]) -> Element:
    names = tag("ul", *(tag("li", case_link(case_id, anchors)) for case_id in ids), class_="names")
    summary = tag(
        "summary", sign(state), " ", shown(reason) or "no reason was given", " ", tag("small", f"{counted(len(ids), 'case')} {state}")
    )
    return tag("details", summary, names, class_="more", open="" if len(ids) <= _FEW else None)
