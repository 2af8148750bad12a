r"""JUnit XML, for the test pages of CI systems: the writer of suites and cases, and the renderer of the command `validate`.

The text is ASCII, so that no encoding can spoil it. Characters that XML 1.0 forbids are written as escapes such as `\x1b` or `\ud800`.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from nclue_contract.contract.wording import counted, escaped, harmless
from nclue_contract.validation.findings import Report
from nclue_contract.validation.json_reader import Payload
from nclue_contract.validation.reports.base import TOOL_NAME, Renderer, Run, Summary
from nclue_contract.validation.reports.text import Console, finding_block, format_file

_IN_MEMORY = 1_000_000  # bytes of test cases; more of them wait in a temporary file for the counts that stand before them


@dataclass(frozen=True, slots=True)
class Suite:
    """One `testsuite`: its attributes, its properties, and its test cases as `serialize` returns them."""

    attributes: Mapping[str, str]
    properties: Mapping[str, str]
    cases: Iterable[str]


def write_suites(write: Callable[[str], object], attributes: Mapping[str, str], suites: Iterable[Suite]) -> None:
    """Write a document of suites piece by piece; `attributes` are those of the outermost element."""
    write(f'<?xml version="1.0" encoding="utf-8"?>\n{_opening("testsuites", attributes)}\n')
    for suite in suites:
        write(_opening("testsuite", suite.attributes) + "\n")
        properties = Element("properties")
        for name, value in suite.properties.items():
            SubElement(properties, "property", name=name, value=_plain(value))
        write(serialize(properties))
        for case in suite.cases:
            write(case)
        write("</testsuite>\n")
    write("</testsuites>\n")


def case_element(class_name: str, name: str, seconds: float) -> Element:
    """Return a `testcase` without children: it passed.

    Jenkins takes what stands before the last dot of a class name for its package; `undotted` writes a part without dots.
    """
    return Element("testcase", classname=_plain(class_name), name=_plain(name), time=duration(seconds))


def undotted(name: str) -> str:
    """Return a file name as a part of a class name: with `_` for dots."""
    return name.replace(".", "_")


def duration(seconds: float) -> str:
    """Return a duration as the attribute `time` has it, in seconds."""
    return f"{max(0.0, seconds):.3f}"


def add_outcome(case: Element, tag: str, message: str, *, kind: str = "", lines: Iterable[str] = ()) -> None:
    """Add a `failure`, `error` or `skipped` with its message, its type if there is one, and the lines of its text."""
    child = SubElement(case, tag, message=_plain(message))
    if kind:
        child.set("type", kind)
    child.text = "\n".join(map(_plain, lines)) or None


def add_output(case: Element, lines: Iterable[str]) -> None:
    """Add what a case has to say although it did not fail, as its standard output."""
    SubElement(case, "system-out").text = "\n".join(map(_plain, lines))


def serialize(element: Element) -> str:
    """Return an element as one line of ASCII; lines within its texts stay lines."""
    text: bytes = tostring(element, "us-ascii")
    return text.decode("ascii") + "\n"


def _plain(line: str) -> str:
    """Return a line for a text or an attribute: no control character, and no command of a CI system that prints the document."""
    return harmless(escaped(line))


def _opening(tag: str, attributes: Mapping[str, str]) -> str:
    element = Element(tag, {name: _plain(value) for name, value in attributes.items()})
    text: bytes = tostring(element, "us-ascii", short_empty_elements=False)
    return text.decode("ascii").removesuffix(f"</{tag}>")


class JunitEntry:
    """The test case of one payload. `clock` returns seconds; a case takes the time since the one before it."""

    def __init__(self, clock: Callable[[], float], started: float) -> None:
        self._clock = clock
        self._last = started

    def __call__(self, payload: Payload, report: Report) -> str:
        """Return the test case, with one failure that has all findings if one is an error."""
        case = self._case(payload.file, f"line {payload.line} (index {payload.index})")
        blocks = [finding_block(finding, Console(), payload) for finding in report.findings]
        if errors := report.errors:
            more = f" (and {counted(len(errors) - 1, 'more error')})" if errors[1:] else ""
            kinds = " ".join(dict.fromkeys(finding.rule for finding in errors))
            add_outcome(case, "failure", errors[0].message + more, kind=kinds, lines="\n\n".join(blocks).split("\n"))
        elif blocks:
            add_output(case, "\n\n".join(blocks).split("\n"))
        return serialize(case)

    def unreadable(self, file: str, reason: str) -> str:
        """Return a test case with an error."""
        case = self._case(file, "input")
        add_outcome(case, "error", f"could not be read: {reason}", kind="unreadable")
        return serialize(case)

    def _case(self, file: str, what: str) -> Element:
        """Return a test case that names its file, in a class named after it."""
        now, before = self._clock(), self._last
        self._last = now
        name = format_file(file)
        return case_element(f"{TOOL_NAME}.{undotted(name)}", f"{name} {what}", now - before)


class JunitRenderer(Renderer[str]):
    """Renders a test case per payload, with one failure that has all findings if one is an error: CI systems show the first failure only.

    Everything is written in `end`, because the counts come first. `clock` returns seconds.
    """

    shows_valid = True

    def __init__(self, write: Callable[[str], object], run: Run, clock: Callable[[], float] = time.perf_counter) -> None:
        self._write = write
        self._run = run
        self._clock = clock
        self._started = clock()
        self._case_of = JunitEntry(clock, self._started)
        self.entry: Callable[[Payload, Report], str] = self._case_of
        self._cases = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  # open from call to call; `end` closes it

    def begin(self) -> None:
        """Write nothing."""

    def add(self, entries: Sequence[str]) -> None:
        """Keep the test cases."""
        self._cases.write("".join(entries).encode("ascii"))

    def unreadable(self, file: str, reason: str) -> None:
        """Keep a test case with an error."""
        self.add((self._case_of.unreadable(file, reason),))

    def end(self, summary: Summary) -> None:
        """Write the document."""
        counts = {
            "name": TOOL_NAME,
            "tests": str(summary.payloads + summary.unreadable),
            "failures": str(summary.payloads - summary.valid),
            "errors": str(summary.unreadable),
            "time": duration(self._clock() - self._started),
        }
        with self._cases as cases:
            cases.seek(0)
            suite = Suite(counts | {"skipped": "0"}, self._properties(), (line.decode("ascii") for line in cases))
            write_suites(self._write, counts, [suite])

    def _properties(self) -> dict[str, str]:
        run = self._run
        values = {"version": run.version, "revision": run.revision, "strict": str(run.strict).lower(), "ignored": " ".join(run.ignored)}
        for name, option in run.readings.items():
            values |= {f"reading.{name}": option, f"reading.{name}.source": run.readings.sources[name]}
        return values
