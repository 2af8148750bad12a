"""A contract check for machines: JSON, JSON Lines, JUnit XML and annotations of GitHub Actions, by the writers of `validation.reports`."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any
from xml.etree.ElementTree import Element

from nclue_contract.check.reports.text import LABELS, format_response, group_of, origin, reproduce_command, result_line
from nclue_contract.check.requests import Exchange
from nclue_contract.check.results import CheckResult, Failure, Outcome, State
from nclue_contract.contract.model import contract
from nclue_contract.validation.reports.base import TOOL_NAME, head, tool_line
from nclue_contract.validation.reports.excerpt import safe
from nclue_contract.validation.reports.github import annotation
from nclue_contract.validation.reports.junit import Suite, add_outcome, case_element, serialize, write_suites

MAX_REPORTED_BODY_BYTES = 1000
"""The longest excerpt of a body in a report, in bytes."""


def check_json(result: CheckResult, version: str) -> str:
    """Return the whole result as one JSON document; also what `--baseline` reads."""
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
        "failures": [_failure(failure, result) for failure in result.failures],
        "left_behind": list(result.remaining_tasks),
    }
    return json.dumps(document, indent=1) + "\n"


def check_jsonl(result: CheckResult) -> str:
    """Return a line per case, each an object."""
    return "".join(
        json.dumps(_case(outcome) | {"failures": [_failure(failure, result) for failure in outcome.failures]}) + "\n"
        for outcome in result.outcomes.values()
    )


def _reading(result: CheckResult, name: str) -> dict[str, Any]:
    left = result.readings[name]
    source = result.sources.get(name, "probe" if len(left) == 1 else "open")
    return {"option": left[0] if len(left) == 1 else None, "left": list(left), "source": source, "evidence": list(result.evidence[name])}


def _case(outcome: Outcome) -> dict[str, Any]:
    return {
        "case": outcome.case.id,
        "rule": outcome.case.rule,
        "state": str(outcome.state),
        "reason": outcome.reason,
        "requests": len(outcome.exchanges),
    }


def _failure(failure: Failure, result: CheckResult) -> dict[str, Any]:
    found: dict[str, Any] = {"case": failure.case, "accepted": failure.accepted} | failure.finding.to_dict()
    found |= {"rule": failure.rule, "slug": contract().rules[failure.rule].slug, "finding": failure.finding.rule}
    if failure.exchange is not None:
        found |= {"exchange": exchange_dict(failure.exchange), "again": reproduce_command(failure.exchange, origin(result))}
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


def check_junit(result: CheckResult, version: str) -> str:
    """Return JUnit XML: a test case per case of the plan, in a suite per group of rules."""
    outcomes = sorted(result.outcomes.values(), key=lambda outcome: outcome.case.rule[:4])
    properties = _properties(result, version)
    suites = []
    for key, members in groupby(outcomes, key=lambda outcome: outcome.case.rule[:4]):
        group = list(members)
        attributes = _counts(group, f"{key}x {group_of(group[0].case.rule)}")
        suites.append(Suite(attributes, properties, [serialize(_test_case(outcome, result)) for outcome in group]))
    pieces: list[str] = []
    write_suites(pieces.append, _counts(outcomes, TOOL_NAME), suites)
    return "".join(pieces)


def _counts(outcomes: list[Outcome], name: str) -> dict[str, str]:
    failed = sum(any(not failure.accepted for failure in outcome.failures) for outcome in outcomes)
    skipped = sum(outcome.state in {State.NOT_TESTED, State.INCONCLUSIVE} for outcome in outcomes)
    return {"name": name, "tests": str(len(outcomes)), "failures": str(failed), "skipped": str(skipped), "errors": "0"}


def _properties(result: CheckResult, version: str) -> dict[str, str]:
    properties = {"version": version, "revision": contract().revision, "target": result.target}
    properties |= {"settings": result.settings} if result.settings else {}
    for name in result.readings:
        reading = _reading(result, name)
        properties |= {f"reading.{name}": " or ".join(reading["left"]), f"reading.{name}.source": reading["source"]}
    return properties


def _test_case(outcome: Outcome, result: CheckResult) -> Element:
    case = case_element(f"nclue.{outcome.case.rule}", outcome.case.id)
    for failure in outcome.failures:
        if not failure.accepted:
            lines = [failure.sentence]
            if (exchange := failure.exchange) is not None:
                lines += [f"received: {format_response(exchange)}", f"reproduce: {reproduce_command(exchange, origin(result))}"]
            add_outcome(case, "failure", failure.sentence, kind=failure.rule, lines=lines)
    if outcome.state in {State.NOT_TESTED, State.INCONCLUSIVE}:
        add_outcome(case, "skipped", f"{LABELS[outcome.state]}: {outcome.reason}")
    return case


def check_github(result: CheckResult, version: str, encoding: str) -> str:
    """Return an annotation of GitHub Actions per failure that no baseline accepts, and the result."""
    text = ""
    for failure in result.broken:
        title = f"{failure.rule} {contract().rules[failure.rule].slug}"
        text += annotation("error", {"title": title}, [f"{failure.case}: {failure.sentence}"], encoding)
    if result.stop_reason:
        text += annotation("error", {"title": "inconclusive"}, [result.stop_reason], encoding)
    readings = ", ".join(f"{name}={'|'.join(left)}" for name, left in result.readings.items())
    lines = (f"{tool_line(version, contract().revision)}, readings: {readings}", result_line(result))
    return text + "".join(f"{safe(line, encoding)}\n" for line in lines)
