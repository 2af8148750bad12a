"""Groups of rules: what a check is about, in words. With a small budget, one case of each group runs before the second of any."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class RuleGroup(StrEnum):
    """What a rule is about; the values are words for people."""

    SIGNATURE = "signature"
    CLOCK = "clock"
    LISTS = "lists"
    DELETION = "deletion"
    NAMES = "names"
    LIFECYCLE = "lifecycle"
    RESPONSE = "response"
    PAYLOAD = "payload"
    PATHS = "paths"
    UNKNOWN = "unknown tasks and addresses"


_PREFIXES = {
    "NC203": RuleGroup.CLOCK,
    "NC206": RuleGroup.PAYLOAD,
    "NC20": RuleGroup.SIGNATURE,
    "NC401": RuleGroup.DELETION,
    "NC402": RuleGroup.DELETION,
    "NC408": RuleGroup.DELETION,
    "NC403": RuleGroup.RESPONSE,
    "NC404": RuleGroup.NAMES,
    "NC405": RuleGroup.RESPONSE,
    "NC406": RuleGroup.NAMES,
    "NC407": RuleGroup.UNKNOWN,
    "NC40": RuleGroup.LIFECYCLE,
    "NC5": RuleGroup.LISTS,
    "NC11": RuleGroup.NAMES,
    "NC12": RuleGroup.PATHS,
    "NC0": RuleGroup.PAYLOAD,
    "NC1": RuleGroup.PAYLOAD,
}
"""The group of the rules whose codes begin so; the first entry that fits counts. The others are about responses."""


def rule_group(rule: str) -> RuleGroup:
    """Return the group of a rule."""
    return next((group for prefix, group in _PREFIXES.items() if rule.startswith(prefix)), RuleGroup.RESPONSE)


def groups_of(rules: Iterable[str]) -> tuple[RuleGroup, ...]:
    """Return the groups of these rules, in the order of the groups, each once."""
    found = {rule_group(rule) for rule in rules}
    return tuple(group for group in RuleGroup if group in found)
