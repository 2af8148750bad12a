"""Which reading of the documentation is in force, who chose it, and what that makes of a rule.

Where pages contradict each other or are silent, the contract has a *reading* with options. What the chosen option forbids is an error; what
it allows but another option forbids is a warning, unless somebody pinned the reading: then it is decided.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from nclue_contract.contract.model import Contract, Option, contract
from nclue_contract.contract.rules import AppliedRule, Certainty, Rule, Severity

DEFAULT = "default"
"""The source of a reading that nobody pinned."""


@dataclass(frozen=True, slots=True)
class Readings(Mapping[str, str]):
    """The option in force per reading, and where it came from (`default` when nobody pinned it). A mapping from id to option."""

    options: Mapping[str, str]
    sources: Mapping[str, str]

    def __post_init__(self) -> None:
        # Views that nobody can write through, on copies that nobody else has.
        object.__setattr__(self, "options", MappingProxyType(dict(self.options)))
        object.__setattr__(self, "sources", MappingProxyType(dict(self.sources)))

    @classmethod
    def of(cls, value: Mapping[str, str] | None) -> Readings:
        """Readings from what a caller passes: pins (of the source `argument`), or readings as they are. Raises `ValueError`."""
        if isinstance(value, Readings) and value.options.keys() == contract().readings.keys():
            return value
        return cls.choose(("argument", value or {}))

    def __reduce__(self) -> tuple[object, ...]:
        return Readings, (dict(self.options), dict(self.sources))  # such views cannot be pickled themselves

    @classmethod
    def choose(cls, *layers: tuple[str, Mapping[str, str]]) -> Readings:
        """Lay pins over the defaults: pairs of a source and its pins, the weakest first.

        Raises `ValueError` for an unknown id or option, with the nearest spelling.
        """
        known = contract().readings
        options = {reading.id: reading.default for reading in known.values()}
        sources = dict.fromkeys(options, DEFAULT)
        for source, pins in layers:
            for name, option in pins.items():
                if name not in known:
                    raise ValueError(_unknown("reading", name, list(known)))
                if not isinstance(option, str):
                    raise ValueError(f"the option of the reading {name} is written as text, such as {known[name].default!r}")  # noqa: TRY004  # like other wrong options
                options[name] = known[name].option(option).id
                sources[name] = source
        return cls(options, sources)

    def pinned(self, name: str) -> bool:
        """Whether somebody chose the option, be it the default one."""
        return self.sources[name] != DEFAULT

    def option(self, name: str) -> Option:
        """The option in force."""
        return contract().readings[name].option(self.options[name])

    def __getitem__(self, name: str) -> str:
        return self.options[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.options)

    def __len__(self) -> int:
        return len(self.options)


def parse_pins(texts: Iterable[str]) -> dict[str, str]:
    """Return the pins in texts of the form `ID=OPTION`, with blanks around either removed. Raises `ValueError` for another form."""
    pins = {}
    for text in texts:
        name, equals, option = text.partition("=")
        if not equals:
            raise ValueError(f"{text!r:.80}: write it as ID=OPTION")
        pins[name.strip()] = option.strip()
    return pins


def _unknown(kind: str, name: object, known: list[str]) -> str:
    near = difflib.get_close_matches(str(name)[:80], known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
    return f"unknown {kind} {name!r:.80}; {hint}"


@dataclass(frozen=True, slots=True)
class Policy:
    """Makes the verdicts of one set of readings. `strict` turns every warning into an error; rules in `ignore` are passed over."""

    readings: Readings
    strict: bool = False
    ignore: frozenset[str] = frozenset()

    @property
    def contract(self) -> Contract:
        """The contract that is judged by."""
        return contract()

    def rule(self, code: str) -> Rule:
        """The rule with this code."""
        return self.contract.rules[code]

    def documented(
        self, code: str, suggest: Callable[[str], str | None] | None = None, group: re.Pattern[str] | None = None
    ) -> AppliedRule:
        """The verdict where all readings agree."""
        rule = self.rule(code)
        return self._verdict(rule, rule.severity, certainty=rule.certainty, suggest=suggest, group=group)

    def undecided(self, code: str, note: str) -> AppliedRule:
        """A warning where the pages are silent and no reading asks."""
        return self._verdict(self.rule(code), Severity.WARNING, certainty=Certainty.UNDECIDED, note=note)

    def by_reading(
        self,
        code: str,
        reading: str,
        refusing: set[str],
        suggest: Callable[[str], str | None] | None = None,
        group: re.Pattern[str] | None = None,
    ) -> AppliedRule | None:
        """The verdict on what only the options in `refusing` forbid: an error, a warning, or None when a pin allows it."""
        question = self.contract.readings[reading]
        chosen, pinned = self.readings[reading], self.readings.pinned(reading)
        pin: str | None = None
        if chosen in refusing:
            severity, note = Severity.ERROR, f"decided by the pin {reading}={chosen}"
            allowing = [option for option in question.options if option.id not in refusing]
            if not pinned and allowing:
                pin = f"{reading}={allowing[0].id}"
                note = f"{question.certainty}: {_pages(reading, allowing, 'allow')} it; if that is right, pin {pin}"
        elif pinned:
            return None
        else:
            severity, pin = Severity.WARNING, f"{reading}={chosen}"
            others = [option for option in question.options if option.id in refusing]
            note = f"{question.certainty}: {_pages(reading, others, 'refuse')} it; if you know that it is allowed, pin {pin}"
        return self._verdict(
            self.rule(code), severity, certainty=question.certainty, reading=reading, note=note, pin=pin, suggest=suggest, group=group
        )

    def refused_by_choice(self, code: str, reading: str, *, allowing: str) -> AppliedRule | None:
        """For responses: an error when the option in force is another than the one that allows what came; never a warning.

        A warning tells a sender what might be refused. A receiver who sees what the chosen option says has nothing to be warned of.
        """
        if self.readings[reading] == allowing:
            return None
        refusing = {option.id for option in self.contract.readings[reading].options} - {allowing}
        return self.by_reading(code, reading, refusing)

    def _verdict(
        self,
        rule: Rule,
        severity: Severity,
        *,
        certainty: Certainty,
        reading: str | None = None,
        note: str = "",
        pin: str | None = None,
        suggest: Callable[[str], str | None] | None = None,
        group: re.Pattern[str] | None = None,
    ) -> AppliedRule:
        answers = tuple(a for a in rule.expects if all(self.readings[name] == option for name, option in a.when.items()))
        severity = Severity.ERROR if self.strict else severity
        return AppliedRule(rule, severity, certainty, answers, reading, note, pin, group, suggest)


def _pages(reading: str, options: list[Option], verb: str) -> str:
    """Who says so: the pages that support the options, or else the option that nobody wrote down."""
    pages = [page for option in options for page in option.pages]
    if pages:
        who = " and ".join(filter(None, (", ".join(pages[:-1]), pages[-1])))
        return f"{who} {verb}{'s' if len(pages) == 1 else ''}"
    return f"the pages are silent, and {reading}={options[0].id} would {verb}"
