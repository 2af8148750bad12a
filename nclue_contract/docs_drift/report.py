"""The report on saved pages, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nclue_contract.contract.readings import Readings
from nclue_contract.contract.wording import character_name, codepoint, counted, excerpt
from nclue_contract.docs_drift.compare import Comparison, Difference
from nclue_contract.validation.reports.base import FAILED, INCONCLUSIVE, PASSED, USAGE, head, json_text, tool_line

_LONGEST_VALUE = 200


@dataclass(frozen=True, slots=True)
class FileResult:
    """The result for one file: a comparison, or why there is none; `unreadable` is about the file, `not_understood` about its page."""

    file: str
    comparison: Comparison | None = None
    unreadable: str = ""
    not_understood: str = ""


@dataclass(frozen=True, slots=True)
class DriftReport:
    """The results of a run, with what every report carries: the version of the tool, the revision of the contract, the readings."""

    version: str
    revision: str
    readings: Readings
    results: Sequence[FileResult]

    @property
    def exit_code(self) -> int:
        """Return 2 if a file could not be read, 1 if a page differs, 3 if a page could not be understood, 0 otherwise."""
        if any(result.unreadable for result in self.results):
            return USAGE
        if any(result.comparison and result.comparison.differences for result in self.results):
            return FAILED
        return INCONCLUSIVE if any(result.not_understood for result in self.results) or not self.results else PASSED

    # -- JSON ----------------------------------------------------------------------------------------------------------------------------

    def json(self) -> str:
        """Return the report as a JSON document."""
        readings = {name: {"option": option, "source": self.readings.sources[name]} for name, option in self.readings.items()}
        document = {**head(self.version, self.revision), "readings": readings, "pages": [_json_of(result) for result in self.results]}
        return json_text({**document, "summary": self._counts()}, indent=1) + "\n"

    def _counts(self) -> dict[str, int]:
        compared = [result.comparison for result in self.results if result.comparison]
        return {
            "pages": len(self.results),
            "compared": len(compared),
            "differences": sum(len(comparison.differences) for comparison in compared),
            "not_understood": sum(bool(result.not_understood) for result in self.results),
            "unreadable": sum(bool(result.unreadable) for result in self.results),
        }

    # -- text ----------------------------------------------------------------------------------------------------------------------------

    def text(self, *, quiet: bool = False) -> Iterator[str]:
        """Yield the lines of the report; `quiet`: only one for each difference and each page that could not be read."""
        for result in self.results:
            yield from _quiet_lines(result) if quiet else _lines(result)
        if not quiet:
            pins = [
                f"{name}={option} ({self.readings.sources[name]})" for name, option in self.readings.items() if self.readings.pinned(name)
            ]
            if pins:
                yield f"pinned: {', '.join(pins)}"
            counts = self._counts()
            parts = (
                [counted(counts["differences"], "difference") if counts["differences"] else "no difference"] if counts["compared"] else []
            )
            parts += [f"{counts[key]} {words}" for key, words in _FAILURES.items() if counts[key]]
            yield f"{counted(counts['pages'], 'page')}: {', '.join(parts)} [{tool_line(self.version, self.revision)}]"


_FAILURES = {"not_understood": "not understood", "unreadable": "not readable"}


def _json_of(result: FileResult) -> dict[str, Any]:
    comparison = result.comparison
    if comparison is None:
        error = {"error": "unreadable" if result.unreadable else "not-understood", "reason": result.unreadable or result.not_understood}
        return {"file": result.file, "page": None, "language": None, **error, "differences": [], "not_compared": []}
    return {
        "file": result.file,
        "page": comparison.spec.name,
        "language": comparison.language or None,
        "error": None,
        "reason": None,
        "differences": [difference.to_dict() for difference in comparison.differences],
        "not_compared": [{"line": remark.line or None, "text": remark.text} for remark in comparison.remarks],
    }


def _quiet_lines(result: FileResult) -> Iterator[str]:
    if result.comparison is None:
        yield f"{result.file}: error: {result.unreadable or result.not_understood}"
        return
    for one in result.comparison.differences:
        yield f"{_first_line(result.file, one)} ({_values(one)}{f'; {one.reading}' if one.reading else ''})"


def _lines(result: FileResult) -> Iterator[str]:
    if (comparison := result.comparison) is None:
        kind = "cannot be read" if result.unreadable else "cannot be understood"
        yield f"{result.file}: the page {kind}: {result.unreadable or result.not_understood}"
        yield ""
        return
    number = counted(len(comparison.differences), "difference") if comparison.differences else "no difference"
    language = f", {comparison.language}" if comparison.language else ""
    yield f"{result.file}: {comparison.spec.name}{language}: {number}"
    for one in comparison.differences:
        yield from _lines_of(result.file, one)
    for remark in comparison.remarks:
        yield f"  not compared: {f'line {remark.line}: ' if remark.line else ''}{excerpt(remark.text, _LONGEST_VALUE)}"
    yield ""


def _lines_of(file: str, one: Difference) -> Iterator[str]:
    yield _first_line(file, one)
    yield f"  contract: {_value(one, one.contract)}"
    yield f"  page:     {_value(one, one.page)}"
    if one.rule:
        yield f"  rule:     {one.rule}"
    if one.reading:
        yield f"  reading:  {one.reading} states the same as the page"


def _first_line(file: str, one: Difference) -> str:
    return f"{file}:{one.line}: {one.kind}: {', '.join(filter(None, (one.part, excerpt(one.subject, _LONGEST_VALUE), one.statement)))}"


def _values(one: Difference) -> str:
    return f"contract: {_value(one, one.contract)}; page: {_value(one, one.page)}"


def _value(one: Difference, value: str | None) -> str:
    if value is None:
        return "not stated"
    if one.statement == "characters" and len(value) == 1:
        return f"{value!r} ({codepoint(value)} {character_name(value)})"
    return excerpt(value, _LONGEST_VALUE) or "(empty)"
