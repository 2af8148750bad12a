"""The examples on a page: a curl command, and the JSON in it and in the response, which the validator judges."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

from nclue_contract.contract.model import Operation, contract
from nclue_contract.contract.pages import page_words
from nclue_contract.contract.readings import Readings
from nclue_contract.contract.rules import Severity
from nclue_contract.contract.wording import excerpt
from nclue_contract.docs_drift.page import Code
from nclue_contract.docs_drift.statements import Problem
from nclue_contract.validation.findings import Finding, Report
from nclue_contract.validation.json_reader import line_column, locate, read
from nclue_contract.validation.validator import Validator

_OPTIONS = {
    "-X": "method",
    "--request": "method",
    "-H": "header",
    "--header": "header",
    "--url": "url",
    **dict.fromkeys(("-d", "--data", "--data-raw", "--data-binary", "--data-ascii", "--json"), "data"),
}
"""The options of curl with a value that are read; of the others, only those without a value are known to occur."""


@dataclass(frozen=True, slots=True)
class Curl:
    """A curl command: what it sends."""

    method: str
    url: str
    headers: tuple[str, ...]
    body: str

    @classmethod
    def parse(cls, text: str) -> Curl | None:
        """Return the command in a text, None when it is none or cannot be read."""
        try:
            words = shlex.split(text.replace("\\\n", " "))
        except ValueError:
            return None
        if not words or words.pop(0) != "curl":
            return None
        found: dict[str, list[str]] = {"method": [], "header": [], "url": [], "data": []}
        rest = iter(words)
        for word in rest:
            option, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
            if option in _OPTIONS:
                found[_OPTIONS[option]].append(value if equals else next(rest, ""))
            elif not word.startswith("-"):
                found["url"].append(word)
        body = "&".join(found["data"])
        method = found["method"][0].upper() if found["method"] else "POST" if body else "GET"
        headers = tuple(dict.fromkeys(header.partition(":")[0].strip().lower() for header in found["header"]))
        return cls(method, found["url"][0] if found["url"] else "", headers, body)

    def documented_url(self, operation: Operation) -> str:
        """Return the URL without its query; with the names of the path parameters where it is that of the operation."""
        url = self.url.partition("?")[0].rstrip("/")
        path = url.removeprefix(contract().server)
        fits = path != url and any(one.id == operation.id for one, _ in contract().operations_at(path))
        return contract().server + operation.path if fits else url


def problems_of_request(body: str, readings: Readings, code: Code) -> Iterator[Problem]:
    """Yield what in the body of a request breaks the contract."""
    yield from _problems(Validator(readings).validate_request_json(body), body, code)


def problems_of_response(code: Code, operation_id: str, readings: Readings) -> Iterator[Problem]:
    """Yield what in the body of a successful response breaks the contract."""
    headers = {"content-type": contract().request_media_type}
    body = code.text.encode("utf-8", "replace")
    yield from _problems(Validator(readings).validate_response(operation_id, HTTPStatus.OK, headers, body), code.text, code)


def _problems(report: Report, text: str, code: Code) -> Iterator[Problem]:
    """Yield the findings as problems. A field that is missing and an unknown one in the same object are one: it has another name."""
    words, document = page_words(), read(text)
    start = code.line + code.text[: max(code.text.find(text), 0)].count("\n")
    missing: dict[str, list[Finding]] = {}
    for finding in report.findings:
        if finding.rule in words.missing_rules:
            missing.setdefault(_parent(finding), []).append(finding)
    for finding in report.findings:
        line, _ = line_column(text, locate(text, finding.pointer, None), start)
        if finding.rule in words.unknown_rules:
            gone = missing.get(_parent(finding))
            renamed = gone.pop(0) if gone else None
            subject = renamed or finding
            yield Problem(subject.pointer, subject.rule, _name(renamed) if renamed else None, _name(finding), line)
        elif finding.severity == Severity.ERROR and finding.rule not in words.missing_rules:
            yield Problem(finding.pointer, finding.rule, finding.message, _value(document.value, finding), line)
    for finding in (one for group in missing.values() for one in group):
        line, _ = line_column(text, locate(text, finding.pointer, None), start)
        yield Problem(finding.pointer, finding.rule, _name(finding), None, line)


def _parent(finding: Finding) -> str:
    return finding.pointer.rpartition("/")[0]


def _name(finding: Finding) -> str:
    return finding.pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")


def _value(document: object, finding: Finding) -> str:
    """Return the value that a finding is about, in short; empty where there is none."""
    value: object = document
    for part in finding.pointer.split("/")[1:]:
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return ""
    return "" if isinstance(value, dict | list) or value is document else excerpt(str(value))
