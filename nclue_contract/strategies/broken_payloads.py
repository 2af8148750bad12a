"""Strategies for payloads that break one rule, with the expected findings, which follow from the change and not from the validator.

One function per rule draws a payload without findings and makes one change. Where it draws the kind of change, the first kind needs the
fewest draws, which is what Hypothesis shrinks to. These are the rules NC10x to NC13x; those about the JSON itself are in `broken_requests`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Policy, Readings
from nclue_contract.contract.rules import Answer, AppliedRule, Severity
from nclue_contract.contract.wording import pointer_to
from nclue_contract.strategies.payloads import (
    ABSENT,
    BEYOND,
    GIVEN,
    IDS,
    JSON_VALUES,
    SCALARS,
    BucketShape,
    Constraints,
    field_values,
    paths,
    plain_payloads,
    unknown_names,
    weighted,
)
from nclue_contract.validation.findings import Finding
from nclue_contract.validation.paths import PathCheck

PayloadDict = dict[str, Any]


class Expected(NamedTuple):
    """An expected finding: the attributes of `Finding` that do not depend on its wording."""

    rule: str
    severity: Severity
    pointer: str
    offset: int | None
    reading: str | None
    expects: tuple[Answer, ...]

    @classmethod
    def of(cls, finding: Finding) -> Expected:
        """Return these attributes of a finding, for comparisons: `[Expected.of(f) for f in report.findings] == list(broken.findings)`."""
        return cls(finding.rule, finding.severity, finding.pointer, finding.offset, finding.reading, finding.expects)


BY_READING = {
    "NC103": ("optional-null", "refused"),
    "NC104": ("unknown-field", "refused"),
    "NC105": ("test-triple", "all-or-none"),
    "NC106": ("empty-id", "refused"),
    "NC121": ("path-empty", "refused"),
}
"""The rules that apply under one option of a reading only, with reading and option."""


class BreakingContext:
    """Payloads without findings, and the expected findings of rules, under one set of readings.

    `valid` draws payloads with none or all of the optional fields, `minimal` without them, `complete` with all of them.
    """

    def __init__(self, readings: Readings) -> None:
        constraints = Constraints(readings, strict=True)
        none, every = ((state,) * len(optional()) for state in (ABSENT, GIVEN))
        self.policy: Policy = Policy(readings)
        values = field_values(constraints)
        self.valid: SearchStrategy[PayloadDict] = plain_payloads(values, [none, every])
        self.minimal: SearchStrategy[PayloadDict] = plain_payloads(values, [none])
        self.complete: SearchStrategy[PayloadDict] = plain_payloads(values, [every])
        self._path_check = PathCheck(self.policy)
        self.forbidden_characters: SearchStrategy[str] = _forbidden_characters(self._path_check)
        """Characters that a path must not hold."""
        self.path_parts: SearchStrategy[str] = weighted((2, st.just("")), (3, paths(constraints)))
        """Texts before and after them."""

    def payload_with(self, field: str) -> SearchStrategy[PayloadDict]:
        """Return payloads that have this field."""
        return self.complete if field in optional() else self.valid

    def applied(self, code: str) -> AppliedRule | None:
        """Return how a rule applies under the readings; None where a pin allows what it forbids."""
        if code in BY_READING:
            reading, rejecting = BY_READING[code]
            return self.policy.by_reading(code, reading, {rejecting})
        return self.policy.documented(code)

    def expected(self, code: str, pointer: str = "", offset: int | None = None) -> list[Expected]:
        """Return the finding of a rule, if it applies under the readings."""
        applied = self.applied(code)
        return [Expected.of(Finding(applied, pointer, offset))] if applied else []

    def expected_character(self, character: str, pointer: str, offset: int) -> Expected:
        """Return the finding for a character of a path."""
        return Expected.of(_findings_of(self._path_check, character, pointer)[0])._replace(offset=offset)


Drawn = tuple[object, list[Expected]]
"""A request, and the expected findings."""
Breaker = Callable[[DrawFn, BreakingContext], Drawn]


def optional() -> list[str]:
    """Return the optional fields."""
    return [field.name for field in contract().request if not field.required]


def _findings_of(check: PathCheck, character: str, pointer: str) -> list[Finding]:
    found: list[Finding] = []
    check.check(character, pointer, found)
    return found


def _forbidden_characters(check: PathCheck) -> SearchStrategy[str]:
    """Return texts of characters that a path must not hold, in the order of the documentation: mostly one with an error, sometimes many."""
    listed = "".join(option.characters for option in contract().readings["path-characters"].options)
    every = dict.fromkeys([*listed, *map(chr, range(BEYOND + 1))])
    severities = {character: found[0].severity for character in every if (found := _findings_of(check, character, ""))}
    beyond = severities.pop(chr(BEYOND), None)
    errors, warnings = ([c for c, severity in severities.items() if severity is wanted] for wanted in (Severity.ERROR, Severity.WARNING))

    def run(last: int, more: int) -> str:
        last = min(last, len(errors) - 1)
        return "".join(errors[max(0, last - more) : last + 1])

    # Twice the number, so that many runs end at the last character.
    runs = st.builds(run, st.integers(0, 2 * len(errors)), st.integers(1, len(errors)))
    return weighted(
        (9, st.sampled_from(errors)),
        (2 if warnings else 0, st.sampled_from(warnings)),
        (1 if beyond else 0, st.text(st.characters(min_codepoint=BEYOND, exclude_categories=["Cs"]), min_size=1, max_size=3)),
        (1, st.text(st.sampled_from(list(severities)), min_size=2, max_size=3)),
        (2, runs),
    )


# -- NC10x: fields and types ------------------------------------------------------------------------------------------------------------


def _break_object(draw: DrawFn, context: BreakingContext) -> Drawn:
    wrapped = context.valid.flatmap(lambda payload: st.sampled_from([json.dumps(payload), [payload]]))
    return draw(st.one_of(SCALARS, st.lists(JSON_VALUES, max_size=2), wrapped)), context.expected("NC100")


def _one_or_more(draw: DrawFn, names: list[str], most: int) -> list[str]:
    """Return at least one and at most `most` of the names, in their order; the first one alone is the simplest."""
    return list(draw(st.sampled_from([some for count in range(1, most + 1) for some in combinations(names, count)])))


def _break_required(draw: DrawFn, context: BreakingContext) -> Drawn:
    payload, required = draw(context.valid), [field.name for field in contract().request if field.required]
    removed = _one_or_more(draw, required, len(required))
    findings = [finding for name in removed for finding in context.expected("NC101", pointer_to(name))]
    return {name: value for name, value in payload.items() if name not in removed}, findings


def _break_type(draw: DrawFn, context: BreakingContext) -> Drawn:
    name = draw(st.sampled_from(contract().rules["NC102"].fields))
    null = st.nothing() if name in optional() else st.none()
    floats = st.floats(allow_nan=False, allow_infinity=False)
    pairs = st.dictionaries(st.sampled_from("ab"), SCALARS)
    value = draw(st.one_of(null, st.integers(), st.booleans(), floats, st.lists(JSON_VALUES, max_size=2), pairs))
    return draw(context.payload_with(name)) | {name: value}, context.expected("NC102", pointer_to(name))


def _break_null(draw: DrawFn, context: BreakingContext) -> Drawn:
    nulls = _one_or_more(draw, optional(), len(optional()))
    return draw(context.minimal) | dict.fromkeys(nulls), [f for name in nulls for f in context.expected("NC103", pointer_to(name))]


def _break_unknown_field(draw: DrawFn, context: BreakingContext) -> Drawn:
    name = draw(unknown_names())
    return draw(context.valid) | {name: draw(JSON_VALUES)}, context.expected("NC104", pointer_to(name))


def _break_test_triple(draw: DrawFn, context: BreakingContext) -> Drawn:
    removed = _one_or_more(draw, optional(), len(optional()) - 1)
    payload = {name: value for name, value in draw(context.complete).items() if name not in removed}
    return payload, [finding for name in removed for finding in context.expected("NC105", pointer_to(name))]


@dataclass(frozen=True, slots=True)
class _EmptyField:
    """Sets one of the fields that a rule is about to the empty string."""

    code: str

    def __call__(self, draw: DrawFn, context: BreakingContext) -> Drawn:
        name = draw(st.sampled_from(contract().rules[self.code].fields))
        return draw(context.payload_with(name)) | {name: ""}, context.expected(self.code, pointer_to(name))


# -- NC11x to NC13x: the strings ----------------------------------------------------------------------------------------------------------


def _break_name_length(draw: DrawFn, context: BreakingContext) -> Drawn:
    """Draw a name that is too long under every reading, only in UTF-16 code units, or only where the limit itself is rejected."""
    edges = contract().readings["name-edge"].options
    most = contract().field("name").max_length
    least = min(most - option.exclusive for option in edges)
    characters, documented = st.characters(exclude_categories=["Cs"]), context.policy.documented("NC111")
    ways: list[tuple[AppliedRule | None, SearchStrategy[str]]] = [
        (documented, characters.map(lambda character: character * (most + 1))),
        (documented, st.builds(lambda character, size: character * size, characters, st.sampled_from([most + 2, 5 * most]))),
        (
            context.policy.by_reading("NC111", "name-edge", {option.id for option in edges if option.exclusive}),
            st.characters(max_codepoint=0xD7FF).map(lambda character: character * most),
        ),
        (
            context.policy.by_reading("NC111", "name-unit", {"utf16"}),
            st.integers(most + 1 - least, least).map(lambda astral: "\U0001f600" * astral + "x" * max(0, most + 1 - 2 * astral)),
        ),
    ]
    applied, names = draw(st.sampled_from([way for way in ways if way[0]]))
    return draw(context.valid) | {"name": draw(names)}, [Expected.of(Finding(applied, "/name"))] if applied else []


def _break_path_character(draw: DrawFn, context: BreakingContext) -> Drawn:
    name = draw(st.sampled_from(contract().rules["NC120"].fields))
    bad, before, behind = draw(context.forbidden_characters), draw(context.path_parts), draw(context.path_parts)
    # One finding per character, and one for all characters beyond those that the documentation covers.
    first: dict[str, Expected] = {}
    for offset, character in enumerate(bad, len(before)):
        first.setdefault(min(character, chr(BEYOND)), context.expected_character(character, pointer_to(name), offset))
    return draw(context.payload_with(name)) | {name: before + bad + behind}, list(first.values())


def _break_bucket(draw: DrawFn, context: BreakingContext) -> Drawn:
    name = draw(st.sampled_from(contract().rules["NC130"].fields))
    return draw(context.payload_with(name)) | {name: draw(_invalid_buckets())}, context.expected("NC130", pointer_to(name))


@cache
def _invalid_buckets() -> SearchStrategy[str]:
    shape = BucketShape.of(contract().rules["NC130"].pattern)
    some = st.text(shape.ends, max_size=5)
    outside = st.characters(exclude_categories=["Cs"], exclude_characters=shape.inside)
    no_end = st.sampled_from([c for c in shape.inside if c not in shape.ends])
    return st.one_of(
        st.text(shape.ends, min_size=1, max_size=shape.shortest - 1),
        st.text(shape.ends, min_size=shape.longest + 1, max_size=shape.longest + 9),
        st.builds(lambda start, odd, end: f"{start}{odd}{end}", some, outside, some),
        st.builds(lambda start, middle: f"{start}{middle}", no_end, some),
        st.builds(lambda middle, end: f"{middle}{end}", some, no_end),
        st.lists(st.integers(0, 255).map(str), min_size=4, max_size=4).map(shape.dot.join),
    )


def _break_id(draw: DrawFn, context: BreakingContext) -> Drawn:
    rule = contract().rules["NC131"]
    name = draw(st.sampled_from(rule.fields))
    short, long = st.text(min_size=1, max_size=rule.limit - 1), st.text(min_size=rule.limit + 1, max_size=2 * rule.limit)
    near = IDS.flatmap(lambda id_: st.sampled_from([id_[1:], id_ + " ", id_.replace("-", ""), f"{{{id_}}}"]))
    return draw(context.payload_with(name)) | {name: draw(st.one_of(short, near, long))}, context.expected("NC131", pointer_to(name))


BREAKERS: dict[str, Breaker] = {
    "NC100": _break_object,
    "NC101": _break_required,
    "NC102": _break_type,
    "NC103": _break_null,
    "NC104": _break_unknown_field,
    "NC105": _break_test_triple,
    "NC106": _EmptyField("NC106"),
    "NC110": _EmptyField("NC110"),
    "NC111": _break_name_length,
    "NC120": _break_path_character,
    "NC121": _EmptyField("NC121"),
    "NC130": _break_bucket,
    "NC131": _break_id,
}
"""The function that breaks each rule; the simplest first, because draws from all of them shrink to the first."""
