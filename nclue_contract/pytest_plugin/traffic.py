"""Recordings of a suite, such as the cassettes of vcrpy and pytest-recording, judged after the test or the run that uses them."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nclue_contract import __version__
from nclue_contract.cli.sources import RECORDING_SUFFIXES, Note, Unreadable, expand
from nclue_contract.cli.traffic import entries_of
from nclue_contract.contract.extras import MissingExtraError
from nclue_contract.contract.hosts import Target
from nclue_contract.contract.model import contract
from nclue_contract.pytest_plugin.settings import PluginSettings
from nclue_contract.traffic.judge import JudgeOptions, TrafficJudge
from nclue_contract.traffic.report import TrafficReport
from nclue_contract.traffic.sides import SIDES
from nclue_contract.validation.reports.base import PASSED, Run
from nclue_contract.validation.reports.text import TextRenderer

MARKER = "@pytest.mark.nclue_traffic"
"""The marker as users write it."""


@dataclass(frozen=True, slots=True)
class Recordings:
    """Recordings to be judged: pairs of a folder and a name, folder or glob in it, and whose part with which servers is judged."""

    patterns: tuple[tuple[Path, str], ...]
    side: str = "both"
    servers: tuple[Target, ...] = ()

    def judge(self, settings: PluginSettings) -> tuple[str, bool]:
        """Return the report as text, and whether the recordings keep the contract. What shows nothing does not: no file, no exchange."""
        validator = settings.validator()
        ignored = validator.ignore | settings.allow
        options = JudgeOptions(settings.readings, settings.strict, ignored, servers=self.servers, side=self.side)
        run = Run(__version__, contract().revision, settings.readings, settings.strict, tuple(sorted(ignored)), "exchange")
        lines: list[str] = []
        report = TrafficReport(TrafficJudge(options), [TextRenderer(lines.append, run, colour=False, encoding="utf-8")], keys_from="")
        report.begin()
        for source in expand([_absolute(*pattern) for pattern in self.patterns], RECORDING_SUFFIXES):
            if isinstance(source, Note):
                lines.append(f"note: {source.file}: {source.text}\n")
                continue
            report.begin_recording()
            for entry in entries_of(source, None):
                if isinstance(entry, Unreadable):
                    report.unreadable(self._shown(entry.file), entry.reason)
                elif entry.exchange is None:
                    report.unreadable(self._shown(entry.file), f"line {entry.line} (index {entry.index}): {entry.problem}")
                else:
                    report.add(self._shown(entry.file), entry.line, entry.index, entry.exchange)
        report.end()
        if not report.summary.payloads and not report.summary.unreadable:
            lines.append("nothing was judged: the recordings have no exchange with NCLUE or a server on loopback\n")
        # A reading is pinned with an option of pytest here.
        text = re.sub(r"^(  pin: +)--reading", r"\1--nclue-reading", "".join(lines), flags=re.MULTILINE)
        return text.rstrip("\n"), report.exit_code == PASSED

    def _shown(self, file: str) -> str:
        """Return a file as it is shown: relative to its folder."""
        return next((str(Path(file).relative_to(folder)) for folder, _ in self.patterns if Path(file).is_relative_to(folder)), file)


def _absolute(folder: Path, pattern: str) -> str:
    """Return an absolute name, or a glob in which only the pattern has wildcards."""
    path = folder / pattern
    return str(path) if path.exists() else str(Path(glob.escape(str(folder)), pattern))


def fail_broken_recordings(item: pytest.Item, settings: PluginSettings) -> None:
    """Fail a test whose marked recordings break the contract, or whose marker is invalid."""
    texts = []
    try:
        chosen = settings.for_test(item.iter_markers("nclue"))
        for mark in item.iter_markers("nclue_traffic"):
            text, passed = marked(mark, item.path.parent).judge(chosen)
            texts += [] if passed else [text]
    except (ValueError, MissingExtraError) as error:
        texts = [f"{item.nodeid}: {error}"]
    if texts:
        pytest.fail("\n\n".join(texts), pytrace=False)


def marked(mark: pytest.Mark, folder: Path) -> Recordings:
    """Return the recordings that a marker names, relative to the folder of its test. Raises `ValueError`."""
    patterns: Sequence[Any] = mark.args
    if not patterns or not all(isinstance(pattern, str) and pattern for pattern in patterns):
        raise ValueError(f'{MARKER} needs the names of recordings, such as "cassettes/*.yaml"')
    if unknown := mark.kwargs.keys() - {"side", "server"}:
        raise ValueError(f"{MARKER}({min(unknown)}=…): unknown; known are side, server")
    side, server = mark.kwargs.get("side", "both"), mark.kwargs.get("server", ())
    if side not in SIDES:
        raise ValueError(f"{MARKER}(side=…): {side!r:.80} is not one of {', '.join(SIDES)}")
    return Recordings(tuple((folder, pattern) for pattern in patterns), side, _targets([server] if isinstance(server, str) else server))


def _targets(urls: Iterable[str]) -> tuple[Target, ...]:
    try:
        return tuple(Target.parse(str(url)) for url in urls)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{MARKER}(server=…): {error}") from error
