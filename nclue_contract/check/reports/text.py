"""A contract check as text for people: the rules, the readings of the server, and each failure with a command that reproduces it."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from nclue_contract.check.reports.causes import Cause, causes, examples
from nclue_contract.check.reports.reproduce import Reproducer, reproducer
from nclue_contract.check.requests import Exchange
from nclue_contract.check.results import CheckResult, Failure, Outcome, State
from nclue_contract.contract.model import contract
from nclue_contract.contract.wording import counted, excerpt
from nclue_contract.validation.reports.base import FAILED, PASSED, tool_line
from nclue_contract.validation.reports.excerpt import safe_line
from nclue_contract.validation.reports.text import BOLD, GREEN, RED, YELLOW, Console
from nclue_contract.validation.response import format_answer, format_answers

GROUPS = {
    "NC00": "the JSON itself",
    "NC10": "required fields and types",
    "NC11": "the name",
    "NC12": "file paths",
    "NC13": "buckets and IDs",
    "NC20": "headers and signature",
    "NC30": "responses: status, type, body",
    "NC31": "responses: errors and states",
    "NC40": "the lifecycle of tasks",
    "NC50": "lists",
    "NC60": "the server as a whole",
}
"""What the rules are about, by the beginning of their codes."""

LABELS = {
    State.PASSED: "passed",
    State.FAILED: "failed",
    State.ADVISORY: "with an advisory",
    State.INCONCLUSIVE: "inconclusive",
    State.NOT_TESTED: "not tested",
}
"""The states of a test case in words for people."""

PROBLEMS_SHOWN = 5
"""Different problems of one rule that are shown in full; the other failures are listed by the IDs of their cases."""

SENTENCES_SHOWN = 3
"""Different problems of one cause that are shown."""

Pins = Mapping[str, str]
"""Pinned options by their readings, each with where it comes from."""

NO_PINS: Pins = {}

_WIDTH = 110
_RESULT_STYLES = {PASSED: GREEN, FAILED: RED}


class _Headline(str):
    """A line whose first word has a style."""

    __slots__ = ("style",)
    style: str

    @classmethod
    def of(cls, line: str, style: str) -> _Headline:
        """Return the line with the style of its first word."""
        self = cls(line)
        self.style = style
        return self


def report_lines(
    result: CheckResult,
    *,
    version: str,
    quiet: bool,
    encoding: str = "utf-8",
    reproduce_dir: Path | None = None,
    colour: bool = False,
) -> Iterator[str]:
    """Return the lines of the report; with `quiet`, a line per failure and one if the run ended early.

    `reproduce_dir` is the folder of the bodies that do not fit into a command.
    """
    console = Console(encoding=encoding, colour=colour)
    for line in _quiet(result) if quiet else _full(result, version, reproducer(result, reproduce_dir)):
        text = safe_line(line, encoding)
        if isinstance(line, _Headline):
            word, space, rest = text.partition(" ")
            text = console.paint(word, line.style) + space + rest
        yield text


def _quiet(result: CheckResult) -> Iterator[str]:
    lines = dict.fromkeys(f"{failure.rule} {failure.case}: {failure.sentence}" for failure in result.broken)
    yield from (_Headline.of(line, BOLD) for line in lines)
    if result.stop_reason:
        yield _Headline.of(f"inconclusive: {result.stop_reason}", YELLOW)


def _full(result: CheckResult, version: str, commands: Reproducer) -> Iterator[str]:
    yield f"checked {result.target} ({result.mode})"
    pins = pins_in(result)
    yield from _failures(result.broken, commands, pins)
    yield from _failures(result.advisories, commands, pins)
    yield from _failures([failure for failure in result.failures if failure.accepted], commands, pins)
    yield from _fixed(result)
    yield ""
    if result.counts[State.NOT_TESTED] < len(result.outcomes):  # else only the reason matters
        yield from _matrix(result)
        yield ""
        yield from reading_lines(result)
    yield from _without_result(result)
    yield ""
    yield from _summary(result)
    yield f"[{tool_line(version, contract().revision)}]"


def _fixed(result: CheckResult) -> Iterator[str]:
    """Return the failures of the baseline that no longer occur."""
    if not result.fixed:
        return
    yield ""
    yield "failures of the baseline that no longer occur; remove them from it:"
    for case, rule in result.fixed:
        yield f"  {rule} {case}"


# -- the rules ------------------------------------------------------------------------------------------------------------------------


def group_of(rule: str) -> str:
    """Return what a rule is about."""
    return GROUPS.get(rule[:4], "others")


def groups(result: CheckResult) -> Iterator[tuple[str, Counter[State]]]:
    """Yield each group of rules with the number of its cases in each state. A rule that only other cases have tested counts as passed."""
    for title, members in groupby(result.rows(), key=lambda row: group_of(row.rule)):
        counts: Counter[State] = Counter()
        rules = list(members)
        for row in rules:
            counts.update(row.counts)
            if row.state is State.PASSED and not row.counts:
                counts[State.PASSED] += 1  # validated with the responses of other cases
        first, last = rules[0].rule, rules[-1].rule
        yield (f"{first}-{last[-3:]} {title}" if first != last else f"{first} {title}"), counts


def groups_not_tested(result: CheckResult) -> list[str]:
    """Return the groups of rules of which no case was tested."""
    return [name for name, counts in groups(result) if not any(counts[state] for state in State if state is not State.NOT_TESTED)]


def _matrix(result: CheckResult) -> Iterator[str]:
    """Return a line for each group of rules; the columns of states that no case has are left out, but for the usual ones."""
    usual = (State.PASSED, State.FAILED, State.INCONCLUSIVE, State.NOT_TESTED)
    states = [state for state in State if state in usual or result.counts[state]]
    words = {state: "advisory" if state is State.ADVISORY else LABELS[state] for state in states}
    widths = {state: max(8, len(words[state]) + 2) for state in states}
    yield f"{'rules':44}" + "".join(f"{words[state]:>{widths[state]}}" for state in states)
    total: Counter[State] = Counter()
    for name, counts in groups(result):
        total.update(counts)
        numbers = {state: f"{counts[state]:,}" if counts[state] else "." for state in states}
        yield f"  {name:42}" + "".join(f"{numbers[state]:>{widths[state]}}" for state in states)
    if total[State.FAILED] > result.counts[State.FAILED]:
        yield "  (a case that broke several rules counts as failed for each of them)"


def reading_lines(result: CheckResult) -> Iterator[str]:
    """Return the readings of the server: the option and the case that showed it, or the options that are still possible, and why."""
    yield "readings of this server"
    for name, left in result.readings.items():
        if name in result.pinned:
            yield f"  {name:22}{left[0]:16}pinned by {result.sources[name]}"
        elif len(left) == 1:
            yield f"  {name:22}{left[0]:16}by {result.evidence[name][-1]}"
        else:
            yield f"  {name:22}{'?':16}open: {' or '.join(left)}; {observed(result, name)}"


def observed(result: CheckResult, name: str) -> str:
    """Return what was seen of a reading that is still open."""
    if name in result.observations:
        return result.observations[name]
    reasons = [f"{case}: {outcome.reason}" for case, outcome in result.outcomes.items() if _asks(outcome, name) and outcome.reason]
    seen = [case for case in dict.fromkeys(result.relevant.get(name, ())) if case in result.outcomes]
    if seen:
        return f"every option allows the responses of {counted(len(seen), 'case')}, such as {seen[-1]}"
    return "; ".join(reasons[:2]) or "no response concerned it"


def _asks(outcome: Outcome, name: str) -> bool:
    """Return whether a case is about a rule that depends on a reading."""
    return name in contract().rules[outcome.case.rule].readings


# -- failures -----------------------------------------------------------------------------------------------------------------------


def _failures(found: Sequence[Failure], commands: Reproducer, pins: Pins) -> Iterator[str]:
    """Return a block for each cause; of the problems of one rule only some in full."""
    shown: Counter[str] = Counter()
    rest: dict[str, list[str]] = {}
    for cause in causes(found):
        rule = cause.rules[0]
        shown[rule] += not cause.title
        if not cause.title and shown[rule] > PROBLEMS_SHOWN:
            rest.setdefault(rule, []).extend(cause.cases)
            continue
        yield ""
        yield from cause_lines(cause, commands, pins)
    for rule, cases in rest.items():
        yield ""
        yield f"... and {counted(len(dict.fromkeys(cases)), 'more case')} of {rule}: {_case_list(list(dict.fromkeys(cases)))}"


def cause_lines(cause: Cause, commands: Reproducer, pins: Pins = NO_PINS) -> Iterator[str]:
    """Return the lines about one cause, by the example of its first failure."""
    first = cause.failures[0]
    if len(cause.cases) == 1 and not cause.title:
        yield from failure_lines(first, commands, pins)
        return
    slugs = ", ".join(f"{code} {contract().rules[code].slug}" for code in cause.rules)
    heading, *more = textwrap.wrap(
        f"{_word(first)} {slugs}: {counted(len(cause.cases), 'case')}{_accepted(first)}",
        _WIDTH,
        subsequent_indent="  ",
        break_on_hyphens=False,
    )
    yield _Headline.of(heading, _style(first))
    yield from more
    if cause.title:
        yield f"  {cause.title}"
    for failure in examples(cause.failures)[:SENTENCES_SHOWN]:
        yield from _paragraph(failure.sentence)
    yield from textwrap.wrap(
        f"cases:     {_case_list(cause.cases)}", _WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False
    )
    yield from _facts(first, commands, pins)


def failure_lines(failure: Failure, commands: Reproducer, pins: Pins = NO_PINS) -> Iterator[str]:
    """Return the lines about one failure or advisory; `commands` writes the command that sends its request again.

    `pins` are the pinned options by their readings, with where they come from; those that concern the rule are named.
    """
    heading = f"{_word(failure)} {failure.rule} {contract().rules[failure.rule].slug}: {failure.case}{_accepted(failure)}"
    yield _Headline.of(heading, _style(failure))
    yield from _paragraph(failure.sentence)
    yield from _facts(failure, commands, pins)


def _word(failure: Failure) -> str:
    return "ADVISORY" if failure.advisory else "FAILED"


def _style(failure: Failure) -> str:
    return YELLOW if failure.advisory or failure.accepted else RED


def _accepted(failure: Failure) -> str:
    return " (accepted by the baseline)" if failure.accepted else ""


def _paragraph(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="  ", break_long_words=False)


def _facts(failure: Failure, commands: Reproducer, pins: Pins) -> Iterator[str]:
    if (exchange := failure.exchange) is not None:
        yield f"  received:  {format_response(exchange)}"
    if failure.expected:
        yield f"  expected:  {format_answers(failure.expected)}"
    yield f"  page:      {failure.finding.page}"
    if failure.finding.pin or failure.finding.reading:
        yield f"  reading:   {failure.finding.pin or failure.finding.reading}"
    if used := pins_of(failure, pins):
        yield f"  pinned:    {', '.join(used)}"
    if exchange is not None:
        yield f"  reproduce: {commands.command(exchange)}"


def pins_of(failure: Failure, pins: Pins) -> list[str]:
    """Return the pins that decide what a failure's rule, and that of its finding, expect, each with where it comes from."""
    readings = dict.fromkeys(name for code in (failure.rule, failure.finding.rule) for name in contract().rules[code].readings)
    return [f"{name}={pins[name]}" for name in readings if name in pins]


def pins_in(result: CheckResult) -> Pins:
    """Return the pinned options of a run, as `failure_lines` takes them."""
    return {name: f"{option} ({result.sources[name]})" for name, option in result.pinned.items()}


def format_response(exchange: Exchange) -> str:
    """Return status and body in one line."""
    if exchange.error:
        return f"{exchange.status or 'nothing'}: {exchange.error}"
    return f"{format_answer(exchange.answer)} {excerpt(exchange.body.decode('utf-8', 'backslashreplace'), 160)}"


# -- the rest -----------------------------------------------------------------------------------------------------------------------


def _without_result(result: CheckResult) -> Iterator[str]:
    for state in (State.INCONCLUSIVE, State.NOT_TESTED):
        reasons: dict[str, list[str]] = {}
        for outcome in result.outcomes.values():
            if outcome.state is state:
                reasons.setdefault(outcome.reason, []).append(outcome.case.id)
        for reason, cases in reasons.items():
            yield ""
            yield f"{LABELS[state]}, because {reason or 'no response decided it'}: {_case_list(cases)}"


def _case_list(cases: list[str], most: int = 8) -> str:
    return ", ".join(cases[:most]) + (f" and {len(cases) - most:,} more" if len(cases) > most else "")


def _summary(result: CheckResult) -> Iterator[str]:
    counts = result.counts
    parts = [f"{counts[state]:,} {LABELS[state]}" for state in State if counts[state]]
    sent = f"{counted(result.requests, 'request')} ({counted(result.create_requests, 'create request')})"
    clean_up = f", {result.cleanup_requests:,} more to clean up" if result.cleanup_requests else ""
    yield f"{counted(len(result.outcomes), 'case')}: {', '.join(parts)}; {sent}{clean_up} in {result.seconds:,.1f} s"
    if (missing := groups_not_tested(result)) and counts[State.NOT_TESTED] < len(result.outcomes):
        yield f"note: nothing was tested of: {'; '.join(missing)}"
    for note in result.notes:
        yield f"note: {note}"
    if result.remaining_tasks:
        left = counted(len(result.remaining_tasks), "task")
        yield f"note: left behind by this run: {left}, because of a state that does not allow a deletion, or because the run ended early"
    yield _Headline.of(result_line(result), _RESULT_STYLES.get(result.exit_code, YELLOW))


def result_line(result: CheckResult) -> str:
    """Return the result of the run in one line: passed, failed or inconclusive, and why. It counts test cases, as the summary does."""
    if failures := result.broken:
        rules = sorted({failure.rule for failure in failures})
        cases = len({failure.case for failure in failures})
        return (
            f"FAILED: {counted(cases, 'case')}, by {'the rule' if len(rules) == 1 else 'the rules'} {', '.join(rules)}{exceptions(result)}."
        )
    if result.stop_reason:
        return f"INCONCLUSIVE: {result.stop_reason}."
    if not result.enough_accepted:
        return "INCONCLUSIVE: too few valid create requests succeeded to say whether the server keeps the contract."
    not_tested = result.counts[State.NOT_TESTED]
    if result.untested_fail:
        return f"FAILED: {not_tested:,} of {counted(len(result.outcomes), 'case')} were not tested, and --fail-on-untested is set."
    if not_tested * 10 > len(result.outcomes):
        missing = f"{not_tested:,} of {counted(len(result.outcomes), 'case')} were not tested"
        return f"PASSED as far as it was tested{exceptions(result)}: {missing}."
    return f"PASSED{exceptions(result)}: the server keeps the contract{' otherwise' if result.known_failures else ''}."


def exceptions(result: CheckResult) -> str:
    """Return what a result leaves out: known failures, and advisories; each is a test case."""
    advised = result.counts[State.ADVISORY]
    known = f", except for {counted(result.known_failures, 'known failure')}" if result.known_failures else ""
    return known + (f", with {advised:,} {'advisory' if advised == 1 else 'advisories'}" if advised else "")
