"""Draws payloads that break one rule, together with what must be found in them: known from how each was made, not by asking the validator.

One function per rule takes a payload without any finding and does one thing to it. Where it draws the way to do it, the first way takes the
fewest draws: that is what Hypothesis calls the simplest. These are the rules NC10x to NC13x; those about the JSON itself are in
`broken_requests`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
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
    Ground,
    mixed,
    paths,
    payloads,
    unknown_names,
)
from nclue_contract.validation.findings import Finding
from nclue_contract.validation.paths import PathCheck

Payload = dict[str, Any]


class Expected(NamedTuple):
    """A finding that must come, by the attributes of `Finding` that do not depend on its wording."""

    rule: str
    severity: Severity
    pointer: str
    offset: int | None
    reading: str | None
    expects: tuple[Answer, ...]

    @classmethod
    def of(cls, finding: Finding) -> Expected:
        """What a finding has of this, for comparing: `[Expected.of(f) for f in report.findings] == list(broken.findings)`."""
        return cls(finding.rule, finding.severity, finding.pointer, finding.offset, finding.reading, finding.expects)


BY_READING = {
    "NC103": ("optional-null", "refused"),
    "NC104": ("unknown-field", "refused"),
    "NC105": ("test-triple", "all-or-none"),
    "NC106": ("empty-id", "refused"),
    "NC121": ("path-empty", "refused"),
}
"""The rules that only one option of a reading makes, with both."""


class Tools:
    """What the functions below work with: payloads without any finding, and the verdicts, under one set of readings."""

    def __init__(self, readings: Readings) -> None:
        ground = Ground(readings, strict=True)
        none, every = ((state,) * len(optional()) for state in (ABSENT, GIVEN))
        self.policy: Policy = Policy(readings)
        self.clean: SearchStrategy[Payload] = payloads(ground, shapes=[none, every], plain=True)
        self.bare: SearchStrategy[Payload] = payloads(ground, shapes=[none], plain=True)
        self.full: SearchStrategy[Payload] = payloads(ground, shapes=[every], plain=True)
        self._path_check = PathCheck(self.policy)
        self.bad: SearchStrategy[str] = _bad_characters(self._path_check)
        """Characters that a path may not hold."""
        self.around: SearchStrategy[str] = mixed((2, st.just("")), (3, paths(ground)))
        """What stands before and behind them."""

    def base(self, field: str) -> SearchStrategy[Payload]:
        """Payloads that have this field."""
        return self.full if field in optional() else self.clean

    def applied(self, code: str) -> AppliedRule | None:
        """What a rule says here of a payload that breaks it; None where a pin allows it."""
        if code in BY_READING:
            reading, refusing = BY_READING[code]
            return self.policy.by_reading(code, reading, {refusing})
        return self.policy.documented(code)

    def found(self, code: str, pointer: str = "", offset: int | None = None) -> list[Expected]:
        """The finding of a rule, if there is one here."""
        applied = self.applied(code)
        return [Expected.of(Finding(applied, pointer, offset))] if applied else []

    def character(self, character: str, pointer: str, offset: int) -> Expected:
        """The finding about a character of a path."""
        return Expected.of(_alone(self._path_check, character, pointer)[0])._replace(offset=offset)


Drawn = tuple[object, list[Expected]]
Maker = Callable[[DrawFn, Tools], Drawn]


def optional() -> list[str]:
    """The fields that a payload may do without."""
    return [field.name for field in contract().request if not field.required]


def _alone(check: PathCheck, character: str, pointer: str) -> list[Finding]:
    found: list[Finding] = []
    check.check(character, pointer, found)
    return found


def _bad_characters(check: PathCheck) -> SearchStrategy[str]:
    """Characters that a path may not hold, mostly one that gives an error; in the order of the pages. Some draws have many of them."""
    listed = "".join(option.characters for option in contract().readings["path-characters"].options)
    every = dict.fromkeys([*listed, *map(chr, range(BEYOND + 1))])
    severities = {character: found[0].severity for character in every if (found := _alone(check, character, ""))}
    beyond = severities.pop(chr(BEYOND), None)
    errors, warnings = ([c for c, severity in severities.items() if severity is wanted] for wanted in (Severity.ERROR, Severity.WARNING))

    def run(last: int, more: int) -> str:
        last = min(last, len(errors) - 1)
        return "".join(errors[max(0, last - more) : last + 1])

    return mixed(
        (9, st.sampled_from(errors)),
        (2 if warnings else 0, st.sampled_from(warnings)),
        (1 if beyond else 0, st.text(st.characters(min_codepoint=BEYOND, exclude_categories=["Cs"]), min_size=1, max_size=3)),
        (1, st.text(st.sampled_from(list(severities)), min_size=2, max_size=3)),
        (2, st.builds(run, st.integers(0, 2 * len(errors)), st.integers(1, len(errors)))),  # twice: many go up to the last one
    )


# -- NC10x: fields and types ------------------------------------------------------------------------------------------------------------


def _not_an_object(draw: DrawFn, tools: Tools) -> Drawn:
    wrapped = tools.clean.flatmap(lambda payload: st.sampled_from([json.dumps(payload), [payload]]))
    return draw(st.one_of(SCALARS, st.lists(JSON_VALUES, max_size=2), wrapped)), tools.found("NC100")


def _some(draw: DrawFn, names: list[str], most: int) -> list[str]:
    """At least one of the names and at most so many, in their order; the first one alone is the plainest."""
    return list(draw(st.sampled_from([some for count in range(1, most + 1) for some in combinations(names, count)])))


def _missing(draw: DrawFn, tools: Tools) -> Drawn:
    payload, required = draw(tools.clean), [field.name for field in contract().request if field.required]
    gone = _some(draw, required, len(required))
    findings = [finding for name in gone for finding in tools.found("NC101", pointer_to(name))]
    return {name: value for name, value in payload.items() if name not in gone}, findings


def _type(draw: DrawFn, tools: Tools) -> Drawn:
    name = draw(st.sampled_from(contract().rules["NC102"].fields))
    null = st.nothing() if name in optional() else st.none()
    floats = st.floats(allow_nan=False, allow_infinity=False)
    pairs = st.dictionaries(st.sampled_from("ab"), SCALARS)
    value = draw(st.one_of(null, st.integers(), st.booleans(), floats, st.lists(JSON_VALUES, max_size=2), pairs))
    return draw(tools.base(name)) | {name: value}, tools.found("NC102", pointer_to(name))


def _null(draw: DrawFn, tools: Tools) -> Drawn:
    nulls = _some(draw, optional(), len(optional()))
    return draw(tools.bare) | dict.fromkeys(nulls), [f for name in nulls for f in tools.found("NC103", pointer_to(name))]


def _unknown(draw: DrawFn, tools: Tools) -> Drawn:
    name = draw(unknown_names())
    return draw(tools.clean) | {name: draw(JSON_VALUES)}, tools.found("NC104", pointer_to(name))


def _part(draw: DrawFn, tools: Tools) -> Drawn:
    gone = _some(draw, optional(), len(optional()) - 1)
    payload = {name: value for name, value in draw(tools.full).items() if name not in gone}
    return payload, [finding for name in gone for finding in tools.found("NC105", pointer_to(name))]


def _emptied(code: str) -> Maker:
    """A function that gives the empty string to one of the fields that a rule is about."""

    def make(draw: DrawFn, tools: Tools) -> Drawn:
        name = draw(st.sampled_from(contract().rules[code].fields))
        return draw(tools.base(name)) | {name: ""}, tools.found(code, pointer_to(name))

    return make


# -- NC11x to NC13x: the strings ----------------------------------------------------------------------------------------------------------


def _long_name(draw: DrawFn, tools: Tools) -> Drawn:
    """A name that is too long under every reading, only in UTF-16 code units, or only where the limit itself is refused."""
    edges = contract().readings["name-edge"].options
    most = contract().field("name").max_length
    least = min(most - option.exclusive for option in edges)
    characters, documented = st.characters(exclude_categories=["Cs"]), tools.policy.documented("NC111")
    ways: list[tuple[AppliedRule | None, SearchStrategy[str]]] = [
        (documented, characters.map(lambda character: character * (most + 1))),
        (documented, st.builds(lambda character, size: character * size, characters, st.sampled_from([most + 2, 5 * most]))),
        (
            tools.policy.by_reading("NC111", "name-edge", {option.id for option in edges if option.exclusive}),
            st.characters(max_codepoint=0xD7FF).map(lambda character: character * most),
        ),
        (
            tools.policy.by_reading("NC111", "name-unit", {"utf16"}),
            st.integers(most + 1 - least, least).map(lambda astral: "\U0001f600" * astral + "x" * max(0, most + 1 - 2 * astral)),
        ),
    ]
    applied, names = draw(st.sampled_from([way for way in ways if way[0]]))
    return draw(tools.clean) | {"name": draw(names)}, [Expected.of(Finding(applied, "/name"))] if applied else []


def _path_character(draw: DrawFn, tools: Tools) -> Drawn:
    name = draw(st.sampled_from(contract().rules["NC120"].fields))
    bad, before, behind = draw(tools.bad), draw(tools.around), draw(tools.around)
    # One finding per character, and one for all that lie beyond those that the pages speak of.
    first: dict[str, Expected] = {}
    for offset, character in enumerate(bad, len(before)):
        first.setdefault(min(character, chr(BEYOND)), tools.character(character, pointer_to(name), offset))
    return draw(tools.base(name)) | {name: before + bad + behind}, list(first.values())


def _bucket(draw: DrawFn, tools: Tools) -> Drawn:
    name = draw(st.sampled_from(contract().rules["NC130"].fields))
    return draw(tools.base(name)) | {name: draw(_odd_buckets())}, tools.found("NC130", pointer_to(name))


@cache
def _odd_buckets() -> SearchStrategy[str]:
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


def _id(draw: DrawFn, tools: Tools) -> Drawn:
    rule = contract().rules["NC131"]
    name = draw(st.sampled_from(rule.fields))
    short, long = st.text(min_size=1, max_size=rule.limit - 1), st.text(min_size=rule.limit + 1, max_size=2 * rule.limit)
    near = IDS.flatmap(lambda id_: st.sampled_from([id_[1:], id_ + " ", id_.replace("-", ""), f"{{{id_}}}"]))
    return draw(tools.base(name)) | {name: draw(st.one_of(short, near, long))}, tools.found("NC131", pointer_to(name))


MAKERS: dict[str, Maker] = {
    "NC100": _not_an_object,
    "NC101": _missing,
    "NC102": _type,
    "NC103": _null,
    "NC104": _unknown,
    "NC105": _part,
    "NC106": _emptied("NC106"),
    "NC110": _emptied("NC110"),
    "NC111": _long_name,
    "NC120": _path_character,
    "NC121": _emptied("NC121"),
    "NC130": _bucket,
    "NC131": _id,
}
"""What breaks each rule; the plainest first, since what is drawn from all of them shrinks to the first."""
