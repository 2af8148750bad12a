"""What was sent and what came back, as a report shows it: short, without secrets, and whatever the bytes are."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree.ElementTree import Element

from nclue_contract.check.reports.html.page import shown, tag
from nclue_contract.check.requests import Exchange
from nclue_contract.validation.response import format_answer

COMPACT = 240
"""Characters of a body where nothing is wrong."""

_COMMAND = 9000  # characters of a shell line that is shown

Curl = Callable[[Exchange], str]
"""Gives the shell line that sends a request again, without secrets."""


def exchange_line(exchange: Exchange, most: int) -> Element:
    """A request and its answer: method, target, status, error code, time, and excerpts of both bodies."""
    took = f"{exchange.received_ms - exchange.sent_ms:,} ms" + (f", sent {exchange.tries} times" if exchange.tries > 1 else "")
    sent, got = exchange.ask.body, exchange.body
    return tag(
        "li",
        tag("code", exchange.ask.method, " ", shown(exchange.target, COMPACT), class_="target"),
        " → ",
        tag("b", came_back(exchange)),
        tag("small", f" {took}"),
        tag("code", shown(sent, most), class_="sent") if sent else None,
        tag("code", shown(got, most), class_="got") if got else None,
    )


def came_back(exchange: Exchange) -> str:
    """Status and error code, or why there is no whole answer."""
    return shown(exchange.error) if exchange.error else shown(format_answer(exchange.answer))


def command(exchange: Exchange, curl: Curl) -> Element:
    """The shell line, to be copied; or why it is not there."""
    line = curl(exchange)
    if len(line) > _COMMAND:
        return tag("p", f"The curl command has {len(line):,} characters and is left out.", class_="empty")
    if all(part.isprintable() for part in line.split("\n")):
        return tag("pre", line, data_copy="the curl command")
    # What would not be the same after copying is shown, but not offered.
    return tag("pre", line, title="This command holds characters that are shown escaped, so it cannot be copied as it is.")
