"""Reports as SARIF 2.1.0 (OASIS), for code scanning: one run, with all rules of the contract."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Any, NamedTuple
from urllib.parse import quote

from nclue_contract.contract.model import contract
from nclue_contract.contract.rules import Rule, Severity
from nclue_contract.contract.wording import counted, escaped
from nclue_contract.validation.findings import Finding, Report
from nclue_contract.validation.json_reader import Payload
from nclue_contract.validation.reports.base import MAX_RESULTS, STDIN, TOOL_NAME, Renderer, Run, Summary, json_text, where

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


class Results(NamedTuple):
    """The results about one payload as JSON, by their severity, and how many more there are for which no report has room."""

    errors: list[str]
    warnings: list[str]
    left_out: int


class SarifEntry:
    """The results about one payload. After `max_results` errors, or as many warnings, more of them are only counted."""

    def __init__(self, max_results: int) -> None:
        self._room = {Severity.ERROR: max_results, Severity.WARNING: max_results}
        self._indices = {code: index for index, code in enumerate(contract().rules)}

    def __call__(self, payload: Payload, report: Report) -> Results:
        """Return a result per finding."""
        texts: dict[Severity, list[str]] = {Severity.ERROR: [], Severity.WARNING: []}
        for finding in report.findings:
            if self._room[finding.severity]:
                self._room[finding.severity] -= 1
                texts[finding.severity].append(json_text(self._result(payload, finding)))
        errors, warnings = texts.values()
        return Results(errors, warnings, len(report.findings) - len(errors) - len(warnings))

    def _result(self, payload: Payload, finding: Finding) -> dict[str, Any]:
        line, column = where(payload, finding)
        properties = {"certainty": str(finding.certainty), "pointer": finding.pointer, "suggestion": finding.suggestion}
        region = {"startLine": line, "startColumn": column, "endColumn": column + 1}
        return {
            "ruleId": finding.rule,
            "ruleIndex": self._indices[finding.rule],
            "level": str(finding.severity),
            "message": _message(finding.message),
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri(payload.file)}, "region": region}}],
            "partialFingerprints": {"ruleFieldValue/v1": _fingerprint(finding)},
            "properties": properties | payload.attributes(finding),
        }


class SarifRenderer(Renderer[Results]):
    """Renders errors as they come, and behind them as many warnings as the limit leaves room for, in ASCII.

    Code scanning services reject a file with too many results; GitHub's limit is `MAX_RESULTS`. A notification counts what was left out.
    At most `max_results` warnings, and the inputs that could not be read, are stored until the end.
    """

    shows_valid = False

    def __init__(self, write: Callable[[str], object], run: Run, max_results: int = MAX_RESULTS) -> None:
        self._write = write
        self._run = run
        self._room = self._max_results = max_results
        self._warnings: list[str] = []
        self._left_out = 0
        self.entry: Callable[[Payload, Report], Results] = SarifEntry(max_results)
        self._separator = "\n"
        self._notifications: list[dict[str, Any]] = []

    def begin(self) -> None:
        """Write the head, up to the results."""
        run = self._run
        driver = {
            "name": TOOL_NAME,
            "version": run.version,
            "semanticVersion": run.version,
            "rules": [_rule(rule) for rule in contract().rules.values()],
        }
        properties = {"revision": run.revision, "strict": run.strict, "ignored": list(run.ignored), "readings": run.readings_dict()}
        head = f'"tool": {json_text({"driver": driver})},\n"columnKind": "unicodeCodePoints",\n"properties": {json_text(properties)}'
        self._write(f'{{"$schema": "{_SCHEMA}", "version": "2.1.0", "runs": [{{\n{head},\n"results": [')

    def add(self, entries: Sequence[Results]) -> None:
        """Write a result per error, and keep one per warning, while there is room."""
        for errors, warnings, left_out in entries:
            written = errors[: self._room]
            for text in written:
                self._write_result(text)
            kept = warnings[: max(0, self._room - len(self._warnings))]
            self._warnings += kept
            self._left_out += left_out + len(errors) - len(written) + len(warnings) - len(kept)

    def unreadable(self, file: str, reason: str) -> None:
        """Keep a notification."""
        location = {"physicalLocation": {"artifactLocation": {"uri": uri(file)}}}
        self._notifications.append({"level": "error", "message": _message(f"could not be read: {reason}"), "locations": [location]})

    def end(self, summary: Summary) -> None:
        """Write the rest: the warnings, how many results were left out, and whether all inputs could be read."""
        room = self._room
        self._left_out += len(self._warnings[room:])
        for text in self._warnings[:room]:
            self._write_result(text)
        if self._left_out:
            sentence = (
                f"{counted(self._left_out, 'result')} left out: a report holds at most {counted(self._max_results, 'result')}, errors first"
            )
            self._notifications.append({"level": "warning", "message": _message(sentence), "properties": {"leftOut": self._left_out}})
        invocation = {"executionSuccessful": summary.unreadable == 0, "toolExecutionNotifications": self._notifications}
        self._write(f'\n],\n"invocations": [{json_text(invocation)}]\n}}]}}\n')

    def _write_result(self, text: str) -> None:
        self._write(self._separator + text)
        self._separator = ",\n"
        self._room -= 1


def uri(file: str) -> str:
    """Return the file as a URI reference: relative if its name is, percent-encoded byte by byte; `stdin` for standard input."""
    if file == STDIN:
        return "stdin"
    try:
        os.fsencode(file)
    except UnicodeEncodeError:  # no file of this system can be meant
        file = escaped(file)
    path = PurePath(file)
    return path.as_uri() if path.is_absolute() else quote(os.fsencode(path.as_posix()))


def _rule(rule: Rule) -> dict[str, Any]:
    link = contract().rule_url(rule.code)
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.slug.split("-")),
        "shortDescription": _message(rule.sentence),
        "fullDescription": _message(rule.why),
        "help": _message(f"Usual cause: {rule.cause} Fix: {rule.fix} Documented: {rule.page}."),
        "defaultConfiguration": {"level": str(rule.severity)},
        "properties": {"certainty": str(rule.certainty), "page": rule.page, "readings": rule.readings},
    } | ({"helpUri": link} if link else {})


def _message(text: str) -> dict[str, str]:
    """Return a plain text message; single braces would be placeholders (SARIF 3.11.5)."""
    return {"text": text.replace("{", "{{").replace("}", "}}")}


def _fingerprint(finding: Finding) -> str:
    """Return a digest of rule, field, character and value, or of the message where there is no value: it is the same on another line."""
    value = finding.message if finding.text is None else finding.text
    parts = json.dumps([finding.rule, finding.pointer, finding.character, value])
    return hashlib.sha256(parts.encode("ascii")).hexdigest()[:32]
