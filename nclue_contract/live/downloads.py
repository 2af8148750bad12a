"""The files that a page offers: the exchanges that are kept, as a JSON report and as HAR, without secrets, and in pieces."""

from __future__ import annotations

from collections.abc import Iterator

from nclue_contract.live.feed import Feed
from nclue_contract.traffic.exchanges import without_secrets
from nclue_contract.traffic.har_writer import FIRST_LINE, HarWriter
from nclue_contract.traffic.judge import JudgeOptions, TrafficJudge
from nclue_contract.traffic.report import TrafficReport
from nclue_contract.validation.reports.base import TOOL_NAME, Run
from nclue_contract.validation.reports.formats import JsonRenderer

EVERYTHING = 1 << 30


def har(feed: Feed, version: str) -> Iterator[str]:
    """Yield the HAR, an entry at a time."""
    pieces: list[str] = []
    writer = HarWriter(pieces.append, TOOL_NAME, version)
    writer.begin()
    for one in feed.after(0, EVERYTHING):
        writer.add(without_secrets(one.exchange, feed.secrets))
        yield _taken(pieces)
    writer.end()
    yield _taken(pieces)


def report(feed: Feed, judging: JudgeOptions, run: Run, name: str) -> Iterator[str]:
    """Yield the report in the form of `traffic --format json`, an exchange at a time. `name` is that of the recording.

    The exchanges are judged again: what is said of the first one that is kept must not depend on those that are not.
    """
    pieces: list[str] = []
    writer = TrafficReport(TrafficJudge(judging), [JsonRenderer(pieces.append, run)])
    writer.begin()
    for one in feed.after(0, EVERYTHING):
        index = one.number - 1
        writer.add(name, FIRST_LINE + index, index, one.exchange)
        yield _taken(pieces)
    writer.end()
    yield _taken(pieces)


def _taken(pieces: list[str]) -> str:
    text = "".join(pieces)
    pieces.clear()
    return text
