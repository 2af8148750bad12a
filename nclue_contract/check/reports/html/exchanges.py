"""Requests and their responses in the report: short, without secrets, and whatever the bytes are."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree.ElementTree import Element

from nclue_contract.check.reports.html.page import clip, tag
from nclue_contract.check.requests import Exchange
from nclue_contract.validation.response import format_answer

COMPACT = 240
"""The limit of a body's excerpt in a case that passed, in characters."""

_COMMAND = 9000  # characters; a longer shell command is left out

Curl = Callable[[Exchange], str]
"""Returns the shell command that sends a request again, without secrets."""


def exchange_line(exchange: Exchange, most: int) -> Element:
    """Return a request and its response: method, target, status, error code, time, and excerpts of both bodies."""
    took = f"{exchange.received_ms - exchange.sent_ms:,} ms" + (f", sent {exchange.attempts} times" if exchange.attempts > 1 else "")
    sent, received = exchange.request.body, exchange.body
    return tag(
        "li",
        tag("code", exchange.request.method, " ", clip(exchange.target, COMPACT), class_="target"),
        " → ",
        tag("b", status_line(exchange)),
        tag("small", f" {took}"),
        tag("code", clip(sent, most), class_="sent") if sent else None,
        tag("code", clip(received, most), class_="got") if received else None,
    )


def status_line(exchange: Exchange) -> str:
    """Return status and error code, or why there is no whole response."""
    return clip(exchange.error) if exchange.error else clip(format_answer(exchange.answer))


def command(exchange: Exchange, curl: Curl) -> Element:
    """Return the shell command with a button to copy it, or why it is left out."""
    line = curl(exchange)
    if len(line) > _COMMAND:
        return tag("p", f"The curl command has {len(line):,} characters and is left out.", class_="empty")
    if all(part.isprintable() for part in line.split("\n")):
        return tag("pre", line, data_copy="the curl command")
    # Escaped characters would be copied as escapes, so there is no button.
    return tag("pre", line, title="This command contains characters that are shown as escapes, so it cannot be copied as it is.")
