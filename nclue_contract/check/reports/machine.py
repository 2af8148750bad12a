"""A contract check for machines: JSON, JSON Lines, JUnit XML and annotations of GitHub Actions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from nclue_contract.check.reports.text import answered, curl, group_of, origin, verdict
from nclue_contract.check.requests import Exchange
from nclue_contract.check.results import CheckResult, Failure, Outcome, State
from nclue_contract.contract.model import contract
from nclue_contract.contract.wording import escaped
from nclue_contract.validation.reports.base import NAME
from nclue_contract.validation.reports.excerpt import safe

FORMATS = ("text", "json", "jsonl", "junit", "github", "html")
"""The formats of a check."""

BODY = 1000
"""Characters of a body that a report repeats."""


def check_json(result: CheckResult, version: str) -> str:
    """The whole result as one JSON document; also what `--baseline` reads."""
    document = {
        **_head(result, version),
        "verdict": verdict(result),
        "exit_code": result.exit_code,
        "trouble": result.stop_reason,
        "notes": list(result.notes),
        "summary": {
            "cases": len(result.outcomes),
            **{str(state): result.counts[state] for state in State},
            "requests": result.requests,
            "creations": result.creations,
            "tidying": result.cleanup_requests,
            "seconds": round(result.seconds, 3),
        },
        "rules": [
            {"rule": row.rule, "slug": contract().rules[row.rule].slug, "state": str(row.state), "answers_judged": row.judged}
            | {str(state): row.counts.get(state, 0) for state in State}
            for row in result.rows()
        ],
        "cases": [_case(outcome) for outcome in result.outcomes.values()],
        "failures": [_failure(failure, result) for failure in result.failures],
        "left_behind": list(result.remaining_tasks),
    }
    return json.dumps(document, indent=1) + "\n"


def check_jsonl(result: CheckResult) -> str:
    """An object per case and line."""
    return "".join(
        json.dumps(_case(outcome) | {"failures": [_failure(failure, result) for failure in outcome.failures]}) + "\n"
        for outcome in result.outcomes.values()
    )


def _head(result: CheckResult, version: str) -> dict[str, Any]:
    return {
        "tool": {"name": NAME, "version": version},
        "contract": {"revision": contract().revision},
        "target": result.target,
        "mode": result.mode,
        "readings": {name: _reading(result, name) for name in result.readings},
    }


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
        found |= {"exchange": exchange_dict(failure.exchange), "again": curl(failure.exchange, origin(result))}
    return found


def exchange_dict(exchange: Exchange) -> dict[str, Any]:
    """A request and its answer; bodies are cut, and no header of the request is shown."""
    return {
        "method": exchange.request.method,
        "target": exchange.target,
        "body": exchange.request.body[:BODY].decode("utf-8", "backslashreplace"),
        "status": exchange.status,
        "code": exchange.answer.code,
        "answer": exchange.body[:BODY].decode("utf-8", "backslashreplace"),
        "error": exchange.error,
        "tries": exchange.attempts,
        "milliseconds": exchange.received_ms - exchange.sent_ms,
    }


def check_junit(result: CheckResult, version: str) -> str:
    """A test case per case of the plan, in a suite per group of rules. Characters that XML forbids stand as escapes; the text is ASCII."""
    outcomes = sorted(result.outcomes.values(), key=lambda outcome: outcome.case.rule[:4])
    root = Element("testsuites", _counted(outcomes, NAME))
    for key, members in groupby(outcomes, key=lambda outcome: outcome.case.rule[:4]):
        group = list(members)
        suite = SubElement(root, "testsuite", _counted(group, f"{key}x {group_of(group[0].case.rule)}"))
        properties = SubElement(suite, "properties")
        for name, value in _properties(result, version):
            SubElement(properties, "property", name=name, value=escaped(value))
        for outcome in group:
            _test_case(suite, outcome, result)
    text: bytes = tostring(root, "us-ascii")
    return f'<?xml version="1.0" encoding="us-ascii"?>\n{text.decode("ascii").partition("?>")[2].lstrip() or text.decode("ascii")}\n'


def _counted(outcomes: list[Outcome], name: str) -> dict[str, str]:
    failed = sum(any(not failure.accepted for failure in outcome.failures) for outcome in outcomes)
    skipped = sum(outcome.state in {State.NOT_TESTED, State.INCONCLUSIVE} for outcome in outcomes)
    return {"name": name, "tests": str(len(outcomes)), "failures": str(failed), "skipped": str(skipped), "errors": "0"}


def _properties(result: CheckResult, version: str) -> Iterator[tuple[str, str]]:
    yield "version", version
    yield "revision", contract().revision
    yield "target", result.target
    for name in result.readings:
        reading = _reading(result, name)
        yield f"reading.{name}", " or ".join(reading["left"])
        yield f"reading.{name}.source", reading["source"]


def _test_case(suite: Element, outcome: Outcome, result: CheckResult) -> None:
    case = SubElement(suite, "testcase", classname=f"nclue.{outcome.case.rule}", name=escaped(outcome.case.id))
    for failure in outcome.failures:
        if not failure.accepted:
            lines = [failure.sentence]
            if failure.exchange is not None:
                lines += [f"answered: {answered(failure.exchange)}", f"again: {curl(failure.exchange, origin(result))}"]
            SubElement(case, "failure", message=escaped(failure.sentence), type=failure.rule).text = "\n".join(map(escaped, lines))
    if outcome.state in {State.NOT_TESTED, State.INCONCLUSIVE}:
        SubElement(case, "skipped", message=escaped(f"{outcome.state}: {outcome.reason}"))


def check_github(result: CheckResult, version: str, encoding: str) -> str:
    """An annotation per failure that no baseline accepts, and the verdict."""

    def data(text: str) -> str:
        return safe(text, encoding).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")

    lines = []
    for failure in result.broken:
        title = f"{failure.rule} {contract().rules[failure.rule].slug}".replace(":", "%3A").replace(",", "%2C")
        lines.append(f"::error title={title}::{data(f'{failure.case}: {failure.sentence}')}")
    if result.stop_reason:
        lines.append(f"::error title=could not tell::{data(result.stop_reason)}")
    readings = ", ".join(f"{name}={'|'.join(left)}" for name, left in result.readings.items())
    lines.append(data(f"{NAME} {version}, contract {contract().revision}, readings: {readings}"))
    lines.append(data(verdict(result)))
    return "\n".join(lines) + "\n"


def writer(name: str, version: str, encoding: str, started_ms: int) -> Callable[[CheckResult], str]:
    """A function from a result to its text in a format of `FORMATS`."""
    if name == "html":
        from nclue_contract.check.reports.html.report import html_report  # noqa: PLC0415  # a large module, only for those who ask

        return lambda result: html_report(
            result,
            version=version,
            revision=contract().revision,
            started_ms=started_ms,
            curl=lambda exchange: curl(exchange, origin(result)),
        )
    makers: dict[str, Callable[[CheckResult], str]] = {
        "json": lambda result: check_json(result, version),
        "jsonl": check_jsonl,
        "junit": lambda result: check_junit(result, version),
        "github": lambda result: check_github(result, version, encoding),
    }
    return makers[name]
