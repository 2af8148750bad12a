"""A contract check as text for people: the rules, the readings of the server, and each failure with a command that reproduces it."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import groupby

from nclue_contract.check.requests import Exchange
from nclue_contract.check.results import CheckResult, Failure, RuleRow, State
from nclue_contract.contract.model import contract
from nclue_contract.contract.wording import counted, excerpt
from nclue_contract.validation.reports.base import TOOL_NAME, tool_line
from nclue_contract.validation.reports.excerpt import safe
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

LABELS = {State.PASSED: "passed", State.FAILED: "failed", State.INCONCLUSIVE: "inconclusive", State.NOT_TESTED: "not tested"}
"""The states of a test case in words for people."""

PROBLEMS_SHOWN = 5
"""Different problems of one rule that are shown in full; the other failures are listed by the IDs of their cases."""

MAX_CURL_BODY_BYTES = 2000
"""The longest body in a curl command, in bytes; longer ones are cut, and a comment in the command says so."""

_WIDTH = 110


def report_lines(result: CheckResult, *, version: str, quiet: bool, encoding: str = "utf-8") -> Iterator[str]:
    """Return the lines of the report; with `quiet`, a line per failure and one if the run ended early."""
    for line in _quiet(result) if quiet else _full(result, version):
        yield safe(line, encoding)


def _quiet(result: CheckResult) -> Iterator[str]:
    yield from dict.fromkeys(f"{failure.rule} {failure.case}: {failure.sentence}" for failure in result.broken)
    if result.stop_reason:
        yield f"inconclusive: {result.stop_reason}"


def _full(result: CheckResult, version: str) -> Iterator[str]:
    yield f"checked {result.target} ({result.mode})"
    yield ""
    if result.counts[State.NOT_TESTED] < len(result.outcomes):  # else only the reason matters
        yield from _matrix(result.rows())
        yield ""
        yield from reading_lines(result)
    yield from _failures(result)
    yield from _without_result(result)
    yield ""
    yield from _summary(result)
    yield f"[{tool_line(version, contract().revision)}]"


# -- the rules ------------------------------------------------------------------------------------------------------------------------


def group_of(rule: str) -> str:
    """Return what a rule is about."""
    return GROUPS.get(rule[:4], "others")


def _matrix(rows: list[RuleRow]) -> Iterator[str]:
    yield f"{'rules':44}{'passed':>8}{'failed':>8}{'inconclusive':>14}{'not tested':>12}"
    for title, members in groupby(rows, key=lambda row: group_of(row.rule)):
        counts: Counter[State] = Counter()
        rules = list(members)
        for row in rules:
            counts.update(row.counts)
            if row.state is State.PASSED and not row.counts:
                counts[State.PASSED] += 1  # validated with the responses of other cases
        first, last = rules[0].rule, rules[-1].rule
        name = f"{first}-{last[-3:]} {title}" if first != last else f"{first} {title}"
        numbers = (counts[State.PASSED], counts[State.FAILED], counts[State.INCONCLUSIVE], counts[State.NOT_TESTED])
        passed, failed, inconclusive, not_tested = (f"{number:,}" if number else "." for number in numbers)
        yield f"  {name:42}{passed:>8}{failed:>8}{inconclusive:>14}{not_tested:>12}"


def reading_lines(result: CheckResult) -> Iterator[str]:
    """Return the readings of the server: the option and the case that showed it, or the options that are still possible."""
    yield "readings of this server"
    for name, left in result.readings.items():
        if name in result.pinned:
            yield f"  {name:22}{left[0]:16}pinned by {result.sources[name]}"
        elif len(left) == 1:
            yield f"  {name:22}{left[0]:16}by {result.evidence[name][-1]}"
        else:
            yield f"  {name:22}{'?':16}open: {' or '.join(left)}"


# -- failures -----------------------------------------------------------------------------------------------------------------------


def _failures(result: CheckResult) -> Iterator[str]:
    by_rule: dict[str, list[Failure]] = {}
    for failure in result.failures:
        by_rule.setdefault(failure.rule, []).append(failure)
    for rule, failures in sorted(by_rule.items()):
        by_sentence = {failure.sentence: failure for failure in reversed(failures)}  # each problem once, by its first failure
        first = [failure for failure in failures if by_sentence[failure.sentence] is failure][:PROBLEMS_SHOWN]
        for failure in first:
            yield ""
            yield from failure_lines(failure, origin(result))
        if len(failures) > len(first):
            yield ""
            rest = dict.fromkeys(failure.case for failure in failures if all(failure is not one for one in first))
            yield f"... and {len(failures) - len(first):,} more of {rule}: {_case_list(list(rest))}"


def failure_lines(failure: Failure, at: str) -> Iterator[str]:
    """Return the lines about one failure; `at` is scheme and host of the server."""
    rule = contract().rules[failure.rule]
    yield f"FAILED {rule.code} {rule.slug}: {failure.case}" + (" (accepted by the baseline)" if failure.accepted else "")
    yield from textwrap.wrap(failure.sentence, _WIDTH, initial_indent="  ", subsequent_indent="  ", break_long_words=False)
    if (exchange := failure.exchange) is not None:
        yield f"  received:  {format_response(exchange)}"
    if failure.expected:
        yield f"  expected:  {format_answers(failure.expected)}"
    yield f"  page:      {failure.finding.page}"
    if failure.finding.pin or failure.finding.reading:
        yield f"  reading:   {failure.finding.pin or failure.finding.reading}"
    if exchange is not None:
        yield f"  reproduce: {reproduce_command(exchange, at)}"


def origin(result: CheckResult) -> str:
    """Return scheme and host of the server; a placeholder for the embedded one."""
    found = re.match("https?://[^/]+", result.target)
    return found.group() if found else "http://127.0.0.1:8000"


def format_response(exchange: Exchange) -> str:
    """Return status and body in one line."""
    if exchange.error:
        return f"{exchange.status or 'nothing'}: {exchange.error}"
    return f"{format_answer(exchange.answer)} {excerpt(exchange.body.decode('utf-8', 'backslashreplace'), 160)}"


def reproduce_command(exchange: Exchange, at: str) -> str:
    """Return a command for a POSIX shell that signs the request anew and sends it. It contains no secret and no signature.

    The command signs correctly; a deliberate defect of the original signature is named in a comment behind it.
    """
    request, url = exchange.request, at + exchange.target
    signed_url = at + (exchange.signed_target or exchange.target)
    arguments = ["curl", "--include", "--request", request.method, url, "--globoff", "--path-as-is", "--header", "@-"]
    types = [value for name, value in request.headers.items() if name == "content-type"] or [contract().rules["NC302"].media_type]
    line = f"{shlex.join([TOOL_NAME, 'sign', request.method, signed_url])} | {shlex.join(arguments)}"
    notes = []
    if request.body or request.method == "POST":
        content_type = f"content-type: {types[0]}" if types[0] is not None else "content-type:"
        line += f" --header {shlex.quote(content_type)} --data-raw {_shell_word(request.body[:MAX_CURL_BODY_BYTES])}"
    if len(request.body) > MAX_CURL_BODY_BYTES:
        notes.append(f"the body is cut, it has {len(request.body):,} bytes")
    if b"\0" in request.body:
        notes.append("the body contains NUL, which no shell can pass on")
    if defects := signing_defects(exchange):
        notes.append(f"sent with {defects}")
    return line + (f"  # {'; '.join(notes)}" if notes else "")


def _shell_word(body: bytes) -> str:
    """Return a body as a word of a shell; in octal where it is no text, or where a terminal would change it."""
    with suppress(UnicodeDecodeError):
        if (text := body.decode()).isprintable():
            return shlex.quote(text)
    return "$'" + "".join(chr(b) if 0x20 <= b < 0x7F and b not in b"'\\" else f"\\{b:03o}" for b in body) + "'"


def signing_defects(exchange: Exchange) -> str:
    """Return the deliberate defects of a request's signature in words; empty without any."""
    request = exchange.request
    signed = set(contract().headers)
    found = [f"{name}: ***" if value is not None else f"no {name}" for name, value in request.headers.items() if name in signed]
    found += [f"a signature for {request.signed_as[0]} {request.signed_as[1]}"] if request.signed_as else []
    found += [f"a timestamp {request.skew_ms / 1000:+,.0f} s"] if request.skew_ms else []
    found += [f"{request.repeated} twice"] if request.repeated else []
    found += ["another key pair"] if request.credentials else []
    found += ["header names in capitals"] if request.capitals else []
    found += ["a malformed timestamp"] if request.timestamp("1732589296000") != "1732589296000" else []
    found += ["a malformed signature"] if request.signature("A" * 43 + "=") != "A" * 43 + "=" else []
    return ", ".join(found)


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


def _case_list(cases: list[str]) -> str:
    return ", ".join(cases[:8]) + (f" and {len(cases) - 8:,} more" if len(cases) > 8 else "")


def _summary(result: CheckResult) -> Iterator[str]:
    counts = result.counts
    parts = [f"{counts[state]:,} {LABELS[state]}" for state in State if counts[state]]
    sent = f"{counted(result.requests, 'request')} ({counted(result.create_requests, 'create request')})"
    clean_up = f", {result.cleanup_requests:,} more to clean up" if result.cleanup_requests else ""
    yield f"{counted(len(result.outcomes), 'case')}: {', '.join(parts)}; {sent}{clean_up} in {result.seconds:,.1f} s"
    if result.groups_not_tested:
        yield f"not asked about: {', '.join(result.groups_not_tested)}"
    for note in result.notes:
        yield f"note: {note}"
    if result.remaining_tasks:
        left = counted(len(result.remaining_tasks), "task")
        yield f"note: left behind by this run: {left}, because of a state that does not allow a deletion, or because the run ended early"
    yield result_line(result)


def result_line(result: CheckResult) -> str:
    """Return the result of the run in one line: passed, failed or inconclusive, and why."""
    if failures := result.broken:
        rules = sorted({failure.rule for failure in failures})
        return f"FAILED: {counted(len(failures), 'failure')} of {', '.join(rules)}."
    if result.stop_reason:
        return f"INCONCLUSIVE: {result.stop_reason}."
    if not result.enough_accepted:
        return "INCONCLUSIVE: too few valid create requests succeeded to say whether the server keeps the contract."
    not_tested = result.counts[State.NOT_TESTED]
    if not_tested * 10 > len(result.outcomes):
        return f"PASSED as far as it was tested: {not_tested:,} of {counted(len(result.outcomes), 'case')} were not tested."
    return "PASSED: the server keeps the contract."
