"""The readings in force (`Readings`), and the rules under them (`Policy`).

Where pages contradict each other or are silent, the contract has a *reading* with options. What the option in force forbids is an error.
What it allows but another option forbids is a warning, unless the reading is pinned: then it is decided, and there is no finding.

For example, `path-characters=page-2024` (the default) forbids the equals sign, `page-2025` does not. Unpinned, `a=b` is an error that
suggests the pin `path-characters=page-2025`; with that pin it is valid. A space is valid under the default, but forbidden by `page-2026`:
it is a warning, and with `path-characters=page-2024` pinned it is valid.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from nclue_contract.contract.model import Contract, ErrorShape, Option, contract
from nclue_contract.contract.rules import AppliedRule, Certainty, Rule, Severity
from nclue_contract.contract.wording import nearest

DEFAULT = "default"
"""The source of a reading that is not pinned."""


@dataclass(frozen=True, slots=True)
class Readings(Mapping[str, str]):
    """The option in force of each reading, and its source (`default` unless it is pinned). A mapping from id to option."""

    options: Mapping[str, str]
    sources: Mapping[str, str]
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Read-only views of copies, so that readings are immutable. Such views have no hash, and caches need that of readings often.
        object.__setattr__(self, "options", MappingProxyType(dict(self.options)))
        object.__setattr__(self, "sources", MappingProxyType(dict(self.sources)))
        object.__setattr__(self, "_hash", hash((frozenset(self.options.items()), frozenset(self.sources.items()))))

    @classmethod
    def of(cls, value: Mapping[str, str] | None) -> Readings:
        """Return the readings for an argument: pins (with the source `argument`), or readings as they are. Raises `ValueError`."""
        if isinstance(value, Readings) and value.options.keys() == contract().readings.keys():
            return value
        return cls.choose(("argument", value or {}))

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[object, ...]:
        return Readings, (dict(self.options), dict(self.sources))  # read-only views cannot be pickled

    @classmethod
    def choose(cls, *layers: tuple[str, Mapping[str, str]]) -> Readings:
        """Override the defaults with pins: pairs of a source and its pins, in ascending order of precedence.

        Raises `ValueError` for an unknown id or option, with the nearest known id.
        """
        known = contract().readings
        options = {reading.id: reading.default for reading in known.values()}
        sources = dict.fromkeys(options, DEFAULT)
        for source, pins in layers:
            for name, option in pins.items():
                if name not in known:
                    raise ValueError(_unknown("reading", name, list(known)))
                if not isinstance(option, str):
                    raise ValueError(f"the option of the reading {name} must be a string, such as {known[name].default!r}")  # noqa: TRY004  # like other invalid options
                options[name] = known[name].option(option).id
                sources[name] = source
        return cls(options, sources)

    def pinned(self, name: str) -> bool:
        """Return whether the reading is pinned, possibly to its default."""
        return self.sources[name] != DEFAULT

    def option(self, name: str) -> Option:
        """Return the option in force."""
        return contract().readings[name].option(self.options[name])

    @property
    def status_words(self) -> tuple[str, ...]:
        """Return the words of a task's status, in the order of the lifecycle, with the word of the reading `status-word`."""
        lifecycle, word = contract().lifecycle, self.option("status-word").word
        return tuple(word if status == lifecycle.completed else status for status in lifecycle.statuses)

    @property
    def error_shape(self) -> ErrorShape:
        """Return the shape of the body of an error."""
        return contract().error_shapes[self["error-shape"]]

    def success_statuses(self, operation_id: str) -> tuple[int, ...]:
        """Return the status codes of a success of an operation."""
        option = self.option("success-status")
        deletion = (option.deletion_status,) if option.deletion_status and operation_id == "deleteTask" else ()
        return option.statuses + deletion

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
    near = nearest(str(name), known)
    hint = f"did you mean {near}?" if near else f"known: {', '.join(known)}"
    return f"unknown {kind} {name!r:.80}; {hint}"


@dataclass(frozen=True, slots=True)
class Policy:
    """Applies rules under one set of readings. `strict` turns every warning into an error; rules in `ignore` are ignored."""

    readings: Readings
    strict: bool = False
    ignore: frozenset[str] = frozenset()

    @property
    def contract(self) -> Contract:
        """Return the contract."""
        return contract()

    def rule(self, code: str) -> Rule:
        """Return the rule with this code."""
        return self.contract.rules[code]

    def documented(
        self, code: str, suggest: Callable[[str], str | None] | None = None, group: re.Pattern[str] | None = None
    ) -> AppliedRule:
        """Return the rule for a violation under all readings."""
        rule = self.rule(code)
        return self._apply(rule, rule.severity, certainty=rule.certainty, suggest=suggest, group=group)

    def undecided(self, code: str, note: str) -> AppliedRule:
        """Return the rule as a warning, where the pages are silent and there is no reading."""
        return self._apply(self.rule(code), Severity.WARNING, certainty=Certainty.UNDECIDED, note=note)

    def by_reading(
        self,
        code: str,
        reading: str,
        rejecting: Collection[str],
        suggest: Callable[[str], str | None] | None = None,
        group: re.Pattern[str] | None = None,
    ) -> AppliedRule | None:
        """Return the rule for what only the options in `rejecting` forbid: an error, a warning, or None when a pin allows it."""
        question = self.contract.readings[reading]
        chosen, pinned = self.readings[reading], self.readings.pinned(reading)
        pin: str | None = None
        if chosen in rejecting:
            severity, note = Severity.ERROR, f"decided by the pin {reading}={chosen}"
            allowing = [option for option in question.options if option.id not in rejecting]
            if not pinned and allowing:
                pin = f"{reading}={allowing[0].id}"
                note = f"{question.certainty}: {_pages(reading, allowing, 'allow')} it; if that is right, pin {pin}"
        elif pinned:
            return None
        else:
            severity, pin = Severity.WARNING, f"{reading}={chosen}"
            others = [option for option in question.options if option.id in rejecting]
            note = f"{question.certainty}: {_pages(reading, others, 'reject')} it; if you know that it is allowed, pin {pin}"
        return self._apply(
            self.rule(code), severity, certainty=question.certainty, reading=reading, note=note, pin=pin, suggest=suggest, group=group
        )

    def error_unless_chosen(self, code: str, reading: str, option: str) -> AppliedRule | None:
        """Return the rule as an error, unless the option is in force. For responses, which are never warned about.

        A warning informs the sender of a request what might be rejected. A response that matches the option in force needs no warning.
        """
        if self.readings[reading] == option:
            return None
        rejecting = {other.id for other in self.contract.readings[reading].options} - {option}
        return self.by_reading(code, reading, rejecting)

    def _apply(
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
    """Return the pages that support the options with a verb, or the first option when there is no such page."""
    pages = [page for option in options for page in option.pages]
    if pages:
        who = " and ".join(filter(None, (", ".join(pages[:-1]), pages[-1])))
        return f"{who} {verb}{'s' if len(pages) == 1 else ''}"
    return f"the pages are silent, and {reading}={options[0].id} would {verb}"
