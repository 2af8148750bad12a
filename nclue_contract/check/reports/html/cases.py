"""Every test case with its requests, by rule; and the cases that are inconclusive or not tested, by reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element

from nclue_contract.check.reports.html.exchanges import COMPACT, exchange_line
from nclue_contract.check.reports.html.page import CLIP_LENGTH, clip, tag
from nclue_contract.check.reports.html.readings import case_link
from nclue_contract.check.reports.html.rules import about_rule, state_symbol, tally
from nclue_contract.check.reports.text import LABELS
from nclue_contract.check.results import CheckResult, Outcome, RuleRow, State
from nclue_contract.contract.model import contract
from nclue_contract.contract.wording import counted

_FEW = 12
"""The longest list of cases that is open at first; a longer one is folded."""


def cases(result: CheckResult, anchors: Mapping[str, str]) -> list[Element]:
    """Return a part for each rule of the matrix."""
    by_rule: dict[str, list[Outcome]] = {}
    for outcome in result.outcomes.values():
        by_rule.setdefault(outcome.case.rule, []).append(outcome)
    return [tag("div", *(_rule(row, by_rule.get(row.rule, []), result, anchors) for row in result.rows()))]


def _rule(row: RuleRow, outcomes: list[Outcome], result: CheckResult, anchors: Mapping[str, str]) -> Element:
    rule = contract().rules[row.rule]
    counts = tally(row.counts) or f"{counted(row.evaluated, 'response')} validated"
    return tag(
        "details",
        tag("summary", tag("h3", state_symbol(row.state), " ", row.rule, " ", rule.slug), " ", tag("small", counts)),
        tag("p", tag("b", rule.sentence), " ", about_rule(rule)),
        tag("p", *_about(row, outcomes, result, anchors), class_="evidence"),
        tag("ul", *(_case(outcome, anchors) for outcome in outcomes), class_="cases") if outcomes else None,
        id=f"rule-{row.rule}",
        class_="rule",
        data_group="",
    )


def _about(row: RuleRow, outcomes: list[Outcome], result: CheckResult, anchors: Mapping[str, str]) -> Iterator[Element | str]:
    """Return what the counts leave out: responses of other cases, cases that failed by other rules, and other cases that failed by this."""
    if row.evaluated:
        yield f"{counted(row.evaluated, 'response')} validated against it in all cases. "
    if others := sum(bool(one.failures) and all(failure.rule != row.rule for failure in one.failures) for one in outcomes):
        yield f"{counted(others, 'case')} below failed by other rules, not by this one. "
    about_others = (outcome for outcome in result.outcomes.values() if outcome.case.rule != row.rule)
    failed = [outcome.case.id for outcome in about_others if any(failure.rule == row.rule for failure in outcome.failures)]
    for number, case_id in enumerate(failed):
        yield ", " if number else "Failed in cases about other rules: "
        yield case_link(case_id, anchors)


def _case(outcome: Outcome, anchors: Mapping[str, str]) -> Element:
    most = COMPACT if outcome.state is State.PASSED else CLIP_LENGTH
    head: list[Element | str] = [state_symbol(outcome.state), " ", tag("code", outcome.case.id), " ", tag("small", LABELS[outcome.state])]
    found = (*outcome.failures, *outcome.advisories)
    notes = [*filter(None, [outcome.reason]), *(f"{failure.rule}: {failure.sentence}" for failure in found)]
    details = [tag("p", clip(note)) for note in notes]
    if outcome.exchanges:
        details.append(tag("ol", *(exchange_line(exchange, most) for exchange in outcome.exchanges)))
    elif not notes:
        details.append(tag("p", "Decided by the requests of another case."))
    return tag(
        "li", tag("details", tag("summary", *head), *details), id=anchors[outcome.case.id], class_="case", data_state=str(outcome.state)
    )


def without_result(result: CheckResult, anchors: Mapping[str, str]) -> list[Element]:
    """Return the cases without a result: a part for each reason, the most frequent first."""
    reasons: dict[tuple[State, str], list[str]] = {}
    for outcome in result.outcomes.values():
        if outcome.state in {State.INCONCLUSIVE, State.NOT_TESTED}:
            reasons.setdefault((outcome.state, outcome.reason), []).append(outcome.case.id)
    if not reasons:
        return [tag("p", "None: every case of the plan passed or failed.", class_="empty")]
    return [
        _reason(state, reason, ids, anchors) for (state, reason), ids in sorted(reasons.items(), key=lambda one: (-len(one[1]), one[0]))
    ]


def _reason(state: State, reason: str, ids: list[str], anchors: Mapping[str, str]) -> Element:
    names = tag("ul", *(tag("li", case_link(case_id, anchors)) for case_id in ids), class_="names")
    summary = tag(
        "summary",
        state_symbol(state),
        " ",
        clip(reason) or "no reason was given",
        " ",
        tag("small", f"{counted(len(ids), 'case')} {LABELS[state]}"),
    )
    return tag("details", summary, names, class_="more", open="" if len(ids) <= _FEW else None)
