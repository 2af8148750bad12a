"""A contract check for machines: JSON, JSON Lines, JUnit XML and annotations of GitHub Actions, by the writers of `validation.reports`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from nclue_contract.check.reports.causes import Cause, causes
from nclue_contract.check.reports.reproduce import Reproducer, reproducer
from nclue_contract.check.reports.text import (
    LABELS,
    Pins,
    format_response,
    group_of,
    groups_not_tested,
    observed,
    pins_in,
    pins_of,
    result_line,
)
from nclue_contract.check.requests import Exchange
from nclue_contract.check.results import CheckResult, Failure, Outcome, State
from nclue_contract.contract.model import contract
from nclue_contract.contract.wording import counted
from nclue_contract.validation.reports.base import INCONCLUSIVE, TOOL_NAME, head, json_text, tool_line
from nclue_contract.validation.reports.excerpt import safe_line
from nclue_contract.validation.reports.github import annotation
from nclue_contract.validation.reports.junit import Suite, add_outcome, add_output, case_element, duration, serialize, write_suites

MAX_REPORTED_BODY_BYTES = 1000
"""The longest excerpt of a body in a report, in bytes."""


def check_json(result: CheckResult, version: str, reproduce_dir: Path | None = None) -> str:
    """Return the whole result as one JSON document; also what `--baseline` reads."""
    commands = reproducer(result, reproduce_dir)
    document = {
        **head(version, contract().revision),
        "target": result.target,
        "mode": result.mode,
        "readings": {name: _reading(result, name) for name in result.readings},
        "verdict": result_line(result),
        "exit_code": result.exit_code,
        "trouble": result.stop_reason,
        "settings": result.settings,
        "notes": list(result.notes),
        "summary": {
            "cases": len(result.outcomes),
            **{str(state): result.counts[state] for state in State},
            "known_failures": result.known_failures,
            "requests": result.requests,
            "creations": result.create_requests,
            "tidying": result.cleanup_requests,
            "seconds": round(result.seconds, 3),
        },
        "rules": [
            {"rule": row.rule, "slug": contract().rules[row.rule].slug, "state": str(row.state), "answers_judged": row.evaluated}
            | {str(state): row.counts.get(state, 0) for state in State}
            for row in result.rows()
        ],
        "cases": [_case(outcome) for outcome in result.outcomes.values()],
        "failures": [_failure(failure, commands) for failure in result.failures],
        "advisories": [_failure(advisory, commands) for advisory in result.advisories],
        "causes": [_cause(cause) for cause in causes([*result.failures, *result.advisories])],
        "fixed": [{"case": case, "rule": rule} for case, rule in result.fixed],
        "groups_not_tested": groups_not_tested(result),
        "left_behind": list(result.remaining_tasks),
    }
    return json_text(document, indent=1) + "\n"


def check_jsonl(result: CheckResult, reproduce_dir: Path | None = None) -> str:
    """Return a line per case, each an object."""
    return "".join(json_text(line) + "\n" for line in _case_lines(result, reproducer(result, reproduce_dir)))


def _case_lines(result: CheckResult, commands: Reproducer) -> Iterator[dict[str, Any]]:
    for outcome in result.outcomes.values():
        yield _case(outcome) | {
            "failures": [_failure(failure, commands) for failure in outcome.failures],
            "advisories": [_failure(advisory, commands) for advisory in outcome.advisories],
            "fixed": [rule for case, rule in result.fixed if case == outcome.case.id],
        }


def _cause(cause: Cause) -> dict[str, Any]:
    return {
        "title": cause.title or cause.failures[0].sentence,
        "rules": cause.rules,
        "cases": cause.cases,
        "advisory": cause.failures[0].advisory,
        "accepted": cause.accepted,
    }


def _reading(result: CheckResult, name: str) -> dict[str, Any]:
    left = result.readings[name]
    source = result.sources.get(name, "probe" if len(left) == 1 else "open")
    return {
        "option": left[0] if len(left) == 1 else None,
        "left": list(left),
        "source": source,
        "evidence": list(result.evidence[name]),
    } | ({"observed": observed(result, name)} if len(left) > 1 else {})


def _case(outcome: Outcome) -> dict[str, Any]:
    return {
        "case": outcome.case.id,
        "rule": outcome.case.rule,
        "state": str(outcome.state),
        "reason": outcome.reason,
        "requests": len(outcome.exchanges),
    }


def _failure(failure: Failure, commands: Reproducer) -> dict[str, Any]:
    found: dict[str, Any] = {"case": failure.case, "accepted": failure.accepted, "advisory": failure.advisory} | failure.finding.to_dict()
    rule = contract().rules[failure.rule]
    found |= {"rule": rule.code, "slug": rule.slug, "finding": failure.finding.rule, "help_url": contract().rule_url(rule.code)}
    if failure.exchange is not None:
        found |= {"exchange": exchange_dict(failure.exchange), "again": commands.command(failure.exchange)}
    return found


def exchange_dict(exchange: Exchange) -> dict[str, Any]:
    """Return a request and its response; bodies are cut, and headers are left out because they hold the signature."""
    return {
        "method": exchange.request.method,
        "target": exchange.target,
        "body": exchange.request.body[:MAX_REPORTED_BODY_BYTES].decode("utf-8", "backslashreplace"),
        "status": exchange.status,
        "code": exchange.answer.code,
        "answer": exchange.body[:MAX_REPORTED_BODY_BYTES].decode("utf-8", "backslashreplace"),
        "error": exchange.error,
        "tries": exchange.attempts,
        "milliseconds": exchange.received_ms - exchange.sent_ms,
    }


def check_junit(result: CheckResult, version: str, reproduce_dir: Path | None = None) -> str:
    """Return JUnit XML: a test case per case of the plan, in a suite per group of rules. One with advisories passed, and has output."""
    commands = reproducer(result, reproduce_dir)
    outcomes = sorted(result.outcomes.values(), key=lambda outcome: outcome.case.rule[:4])
    properties = _properties(result, version)
    suites = []
    for key, members in groupby(outcomes, key=lambda outcome: outcome.case.rule[:4]):
        group = list(members)
        attributes = _counts(group, f"{key}x {group_of(group[0].case.rule)}")
        suites.append(Suite(attributes, properties, [serialize(_test_case(outcome, result, commands)) for outcome in group]))
    totals = _counts(outcomes, TOOL_NAME)
    if result.exit_code and not result.broken:  # no case of the plan shows that the run did not pass
        state = "error" if result.exit_code == INCONCLUSIVE else "failure"
        whole = case_element("nclue.result", "the check as a whole", 0.0)
        add_outcome(whole, state, result_line(result))
        own = {"tests": 1, "failures": int(state == "failure"), "skipped": 0, "errors": int(state == "error")}
        totals |= {name: str(int(totals[name]) + number) for name, number in own.items()}
        attributes = {"name": "the result"} | {name: str(number) for name, number in own.items()} | {"time": duration(0)}
        suites.append(Suite(attributes, properties, [serialize(whole)]))
    pieces: list[str] = []
    write_suites(pieces.append, totals, suites)
    return "".join(pieces)


def _counts(outcomes: list[Outcome], name: str) -> dict[str, str]:
    failed = sum(any(not failure.accepted for failure in outcome.failures) for outcome in outcomes)
    skipped = sum(outcome.state in {State.NOT_TESTED, State.INCONCLUSIVE} for outcome in outcomes)
    counts = {"name": name, "tests": str(len(outcomes)), "failures": str(failed), "skipped": str(skipped), "errors": "0"}
    return counts | {"time": duration(_seconds(outcomes))}


def _seconds(outcomes: Iterable[Outcome]) -> float:
    """Return how long the server took for the responses of these cases."""
    return sum(exchange.received_ms - exchange.sent_ms for outcome in outcomes for exchange in outcome.exchanges) / 1000


def _properties(result: CheckResult, version: str) -> dict[str, str]:
    properties = {"version": version, "revision": contract().revision, "target": result.target, "result": result_line(result)}
    properties |= {"known failures": str(result.known_failures), "advisories": str(result.counts[State.ADVISORY])}
    if missing := groups_not_tested(result):
        properties["not tested"] = "; ".join(missing)
    properties |= {"settings": result.settings} if result.settings else {}
    for name in result.readings:
        reading = _reading(result, name)
        properties |= {f"reading.{name}": " or ".join(reading["left"]), f"reading.{name}.source": reading["source"]}
    return properties


def _test_case(outcome: Outcome, result: CheckResult, commands: Reproducer) -> Element:
    case, pins = case_element(f"nclue.{outcome.case.rule}", outcome.case.id, _seconds([outcome])), pins_in(result)
    known = [line for failure in outcome.failures if failure.accepted for line in ("known failure:", *_lines(failure, commands, pins))]
    if broken := [failure for failure in outcome.failures if not failure.accepted]:
        more = f" (and {counted(len(broken) - 1, 'more failure')})" if broken[1:] else ""
        kinds = " ".join(dict.fromkeys(failure.rule for failure in broken))
        lines = [line for failure in broken for line in (*_lines(failure, commands, pins), "")]
        add_outcome(case, "failure", broken[0].sentence + more, kind=kinds, lines=lines[:-1])  # one: CI systems show the first only
    if outcome.state in {State.NOT_TESTED, State.INCONCLUSIVE}:
        add_outcome(case, "skipped", f"{LABELS[outcome.state]}: {outcome.reason}")
    output = known + [line for one in outcome.advisories for line in (f"advisory {one.rule}:", *_lines(one, commands, pins))]
    output += [f"no longer fails: {rule}, which is in the baseline" for case_id, rule in result.fixed if case_id == outcome.case.id]
    if output:
        add_output(case, output)
    return case


def _lines(failure: Failure, commands: Reproducer, pins: Pins) -> list[str]:
    lines = [failure.sentence]
    if (exchange := failure.exchange) is not None:
        lines += [f"received: {format_response(exchange)}", f"reproduce: {commands.command(exchange)}"]
    return [*lines, *(f"pinned: {pin}" for pin in pins_of(failure, pins))]


def check_github(result: CheckResult, version: str, encoding: str) -> str:
    """Return an annotation of GitHub Actions per cause of failures that no baseline accepts, a notice per cause of advisories.

    The last lines are the result. GitHub shows only some annotations of a step, so the failures come first.
    """
    text = ""
    for level, found in (("error", result.broken), ("notice", result.advisories)):
        for cause in causes(found):
            first = cause.failures[0]
            title = f"{first.rule} {contract().rules[first.rule].slug}" if len(cause.rules) == 1 else ", ".join(cause.rules)
            more = [f"in {counted(len(cause.cases), 'case')}: {', '.join(cause.cases)}"] if len(cause.cases) > 1 else []
            lines = [cause.title] if cause.title else []
            text += annotation(level, {"title": title}, [*lines, f"{first.case}: {first.sentence}", *more], encoding)
    if result.fixed:
        listed = [f"{rule} {case}" for case, rule in result.fixed]
        text += annotation("notice", {"title": "no longer fails; remove it from the baseline"}, listed, encoding)
    if result.stop_reason:
        text += annotation("error", {"title": "inconclusive"}, [result.stop_reason], encoding)
    elif result.untested_fail and not result.broken:
        text += annotation("error", {"title": "not tested"}, [result_line(result)], encoding)
    readings = ", ".join(f"{name}={'|'.join(left)}" for name, left in result.readings.items())
    final = (f"{tool_line(version, contract().revision)}, readings: {readings}", result_line(result))
    return text + "".join(f"{safe_line(line, encoding)}\n" for line in final)
