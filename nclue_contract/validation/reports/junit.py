"""Reports as JUnit XML, for the test pages of CI systems: a test case per payload, a failure per error."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from xml.etree.ElementTree import Element, SubElement, tostring

from nclue_contract.contract.rules import Severity
from nclue_contract.contract.wording import escaped
from nclue_contract.validation.findings import Report
from nclue_contract.validation.json_reader import Payload
from nclue_contract.validation.reports.base import NAME, Run, Summary
from nclue_contract.validation.reports.text import Paper, block, file_name

_IN_MEMORY = 1_000_000  # bytes of test cases; more of them wait in a temporary file for the counts that stand before them


class JunitRenderer:
    r"""Writes everything in `end`, because the counts come first in the file.

    The text is ASCII, so that no encoding can spoil it; characters that XML 1.0 forbids stand as `\x1b` or `\ud800`.
    """

    def __init__(self, write: Callable[[str], object], run: Run) -> None:
        self._write = write
        self._run = run
        self._cases = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  # open from call to call; `end` closes it

    def begin(self) -> None:
        """Write nothing."""

    def payload(self, payload: Payload, report: Report) -> None:
        """Keep a test case."""
        case = _case(payload.file, f"line {payload.line} (index {payload.index})")
        warnings: list[str] = []
        for finding in report.findings:
            text = "\n".join(block(finding, Paper(), payload))
            if finding.severity is Severity.ERROR:
                SubElement(case, "failure", message=escaped(finding.message), type=finding.rule).text = text
            else:
                warnings.append(text)
        if warnings:
            SubElement(case, "system-out").text = "\n\n".join(warnings)
        self._keep(case)

    def unreadable(self, file: str, reason: str) -> None:
        """Keep a test case with an error."""
        case = _case(file, "input")
        SubElement(case, "error", message=escaped(f"could not be read: {reason}"), type="unreadable")
        self._keep(case)

    def end(self, summary: Summary) -> None:
        """Write the document."""
        tests, failures = summary.payloads + summary.unreadable, summary.payloads - summary.valid
        counts = f'name="{NAME}" tests="{tests}" failures="{failures}" errors="{summary.unreadable}"'
        self._write(f'<?xml version="1.0" encoding="utf-8"?>\n<testsuites {counts}>\n<testsuite {counts} skipped="0">\n')
        self._write(_ascii(self._properties()))
        with self._cases as cases:
            cases.seek(0)
            for line in cases:
                self._write(line.decode("ascii"))
        self._write("</testsuite>\n</testsuites>\n")

    def _properties(self) -> Element:
        run = self._run
        values = {"version": run.version, "revision": run.revision, "strict": str(run.strict).lower(), "ignored": " ".join(run.ignored)}
        for name, option in run.readings.items():
            values |= {f"reading.{name}": option, f"reading.{name}.source": run.readings.sources[name]}
        properties = Element("properties")
        for name, value in values.items():
            SubElement(properties, "property", name=name, value=escaped(value))
        return properties

    def _keep(self, case: Element) -> None:
        self._cases.write(_ascii(case).encode("ascii"))


def _case(file: str, name: str) -> Element:
    return Element("testcase", classname=escaped(file_name(file)), name=name)


def _ascii(element: Element) -> str:
    text: bytes = tostring(element, "us-ascii")
    return text.decode("ascii") + "\n"
