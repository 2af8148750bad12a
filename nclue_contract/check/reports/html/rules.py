"""The matrix of the rules: a tile for each, with its state as symbol, edge and colour, and the counts of its cases."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import groupby
from xml.etree.ElementTree import Element

from nclue_contract.check.reports.html.page import tag
from nclue_contract.check.reports.text import LABELS, group_of
from nclue_contract.check.results import CheckResult, RuleRow, State
from nclue_contract.contract.model import contract
from nclue_contract.contract.rules import Rule
from nclue_contract.contract.wording import counted

SIGNS = {State.FAILED: "✗", State.ADVISORY: "!", State.PASSED: "✓", State.INCONCLUSIVE: "?", State.NOT_TESTED: "–"}  # noqa: RUF001  # a dash is not a minus
"""The symbol of each state, in the order of their importance; the words are always shown as well."""

LEAST_WIDTH = 4.0
"""The width of the part of a bar that stands for failures, in percent at least, so that one failure among many cases is visible."""

MEANINGS = {
    State.FAILED: "The server broke the contract: no possible reading of the pages allows its response.",
    State.ADVISORY: "No page forbids the response, but it is worth knowing. `--strict` and `--fail-on RULE` make it a failure.",
    State.PASSED: "The server responded as the contract requires.",
    State.INCONCLUSIVE: "The response proves nothing: any would have been right, or the failure is part of a baseline.",
    State.NOT_TESTED: "No request was sent, or no response could be evaluated. The reason is given beside it.",
}
"""What a state of a case means, for people who see such a report for the first time."""


def state_symbol(state: State) -> Element:
    """Return the symbol of a state, hidden from screen readers."""
    return tag("span", SIGNS[state], class_=f"sign {state}", aria_hidden="true")


def about_rule(rule: Rule) -> Element:
    """Return where a rule is documented and where it is explained: on its page of the documentation site, if the site has an address."""
    url = contract().rule_url(rule.code)
    more = tag("a", f"about {rule.code}", href=url) if url else tag("code", f"nclue-contract explain {rule.code}")
    return tag("small", "Page: ", rule.page, ". More: ", more)


def tally(counts: Mapping[State, int]) -> str:
    """Return `1 failed, 3 passed`."""
    return ", ".join(f"{counts[state]:,} {LABELS[state]}" for state in SIGNS if counts.get(state))


def bar(counts: Mapping[State, int], class_: str = "bar") -> Element:
    """Return the counts as parts of a line, hidden from screen readers because the numbers are beside it."""
    total, left, parts = sum(counts.values()), 0.0, []
    failed = 100 * counts.get(State.FAILED, 0) / (total or 1)
    widened = max(failed, LEAST_WIDTH) if failed else 0.0
    rest = (100 - widened) / (100 - failed) if failed < 100 else 1.0
    for state in SIGNS:
        width = widened if state is State.FAILED else rest * 100 * counts.get(state, 0) / (total or 1)
        if width:
            parts.append(tag("rect", x=f"{left:.2f}%", y=0, width=f"{width:.2f}%", height="100%", class_=f"fill {state}"))
            left += width
    return tag("svg", *parts, class_=class_, aria_hidden="true")


def matrix(result: CheckResult) -> list[Element]:
    """Return the tiles in their groups, and the rules without one."""
    rows = result.rows()
    accepted = only_accepted(result)
    groups = [_group(title, list(some), accepted) for title, some in groupby(rows, key=lambda row: group_of(row.rule))]
    missing = [rule for code, rule in contract().rules.items() if code not in {row.rule for row in rows}]
    tiles = tag("div", *groups, class_="matrix")
    if not missing:
        return [tiles]
    names = [part for rule in missing for part in (tag("code", rule.code), f" {rule.sentence} ")]
    summary = f"{counted(len(missing), 'rule')} of the contract were not tested in this run"
    return [tiles, tag("details", tag("summary", summary), tag("p", *names), class_="more")]


def only_accepted(result: CheckResult) -> frozenset[str]:
    """Return the rules whose failures are all part of the baseline."""
    return frozenset(failure.rule for failure in result.failures) - {failure.rule for failure in result.broken}


def _group(title: str, rows: list[RuleRow], accepted: Collection[str]) -> Element:
    failed = sum(row.state is State.FAILED for row in rows)
    counts = counted(len(rows), "rule") + (f", {failed} failed" if failed else "")
    heading = tag("h3", f"{title[0].upper()}{title[1:]} ", tag("small", counts))
    return tag("section", heading, tag("ul", *(_tile(row, known=row.rule in accepted) for row in rows)), data_group="")


def _tile(row: RuleRow, *, known: bool) -> Element:
    rule = contract().rules[row.rule]
    link = tag(
        "a",
        tag("span", state_symbol(row.state), " ", row.rule, class_="code"),
        tag("span", rule.slug, class_="slug"),
        tag("span", _counts(row, known=known), class_="counts"),
        bar(row.counts if any(row.counts.values()) else {row.state: 1}),
        href=f"#rule-{row.rule}",
        title=rule.sentence,
        class_=f"tile {row.state}" + (" accepted" if known else ""),
    )
    return tag("li", link, data_state=str(row.state))


def _counts(row: RuleRow, *, known: bool) -> str:
    parts = [tally(row.counts)] if any(row.counts.values()) else []
    if row.evaluated:
        parts.append(f"{counted(row.evaluated, 'response')} validated")
    if known:
        parts.append("known from the baseline")
    return "; ".join(parts)
