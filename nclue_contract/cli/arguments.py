"""Parsing of option values that several commands have: numbers, hosts, report targets. Imports only the contract."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from nclue_contract.cli.files import require_writable

RULES = "this rule: a code, a slug, the beginning of codes, such as NC12, or a range, such as NC001-NC007; several with commas (repeatable)"
"""What options that name rules accept, for their help; `Contract.select_rules` reads it."""


def add_listening(parser: argparse.ArgumentParser) -> None:
    """Add the options about where a server listens, and for which hosts it responds."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        type=host,
        metavar="NAME",
        help="a host name under which clients reach it, beside loopback names and --host (repeatable)",
    )
    parser.add_argument("--port", type=port, default=0, help="port to listen on; 0, the default, means a free one")


def positive_integer(text: str) -> int:
    """Return a whole number from 1 to 999,999,999; a type of argparse."""
    if not re.fullmatch("0*[1-9][0-9]{0,8}", text):
        raise argparse.ArgumentTypeError(f"{text!r:.40} is not a number from 1 on")
    return int(text)


def whole_number(text: str) -> int:
    """Return a whole number from 0 to 999,999,999; a type of argparse."""
    if not re.fullmatch("[0-9]{1,9}", text):
        raise argparse.ArgumentTypeError(f"{text!r:.40} is not a number from 0 on")
    return int(text)


MAX_JOBS = 256
"""The most worker processes that can be asked for; no machine of a user has more cores."""


def jobs(text: str) -> int:
    """Return a number of processes from 1 to `MAX_JOBS`, for `auto` that of the cores that this process may use; a type of argparse."""
    if text == "auto":
        return min(MAX_JOBS, usable_cores())
    if not re.fullmatch("[0-9]{1,9}", text) or not 1 <= int(text) <= MAX_JOBS:
        raise argparse.ArgumentTypeError(f"{text!r:.40} is not a number of processes from 1 to {MAX_JOBS}, nor `auto`")
    return int(text)


def usable_cores() -> int:
    """Return how many cores this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def seconds(text: str) -> float:
    """Return a number of seconds; a type of argparse."""
    return _number(text, 0.001, 86_400, "a number of seconds, from 0.001 to a day")


def seconds_or_none(text: str) -> float:
    """Return a number of seconds, 0 included; a type of argparse."""
    return _number(text, 0.0, 86_400, "a number of seconds, from 0 to a day")


def rate(text: str) -> float:
    """Return a number of requests per second; a type of argparse."""
    return _number(text, 0.001, 10_000, "a number of requests per second, from 0.001 to 10,000")


def _number(text: str, minimum: float, maximum: float, what: str) -> float:
    with suppress(ValueError):
        if minimum <= float(text) <= maximum:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r:.40} is not {what}")


def size(text: str) -> int:
    """Return a number of bytes, from 1 to 10^12, of a text such as `64MB`, `1.5 GB` or `1000`; a type of argparse."""
    match = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,12})?) ?(B|kB|KB|MB|GB)?", text)
    number = int(float(match[1]) * _UNITS[match[2] or "B"]) if match else 0
    if not 1 <= number <= 10**12:
        raise argparse.ArgumentTypeError(f"{text!r:.40} is not a size, such as 64MB (B, kB, MB or GB; a number alone is in bytes)")
    return number


_UNITS = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9}


def number_or_word(text: str) -> str:
    """Return a text that may be a number, as it is; a type of argparse."""
    return text


def host(text: str) -> str:
    """Return a host, a name or an address without a port, as it is in the header `Host`; a type of argparse."""
    from nclue_contract.contract.hosts import parse_host  # noqa: PLC0415  # only for commands with such an option

    parsed = parse_host(f"[{text}]" if text.count(":") > 1 else text)
    if parsed is None or text.count(":") == 1:
        raise argparse.ArgumentTypeError(
            f"{text!r:.80} is not a host; give a name (as xn--… if it is not ASCII) or an address, without a port"
        )
    return parsed


def port(text: str) -> int:
    """Return the number of a TCP port, 0 for a free one; a type of argparse."""
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError("a port is 0 to 65535")
    return number


def report_target(text: str, formats: Collection[str]) -> tuple[str, Path]:
    """Return format and path of a text such as `json:report.json`. Raises `ValueError` for another form, or an unwritable path.

    So does `-`: every command has another report on standard output.
    """
    form, colon, path = text.partition(":")
    if not colon or not path or form not in formats:
        wanted = f"FORMAT:PATH; formats: {', '.join(formats)}" if len(formats) > 1 else f"{next(iter(formats))}:PATH"
        raise ValueError(f"{text!r:.80}: write it as {wanted}")
    if path == "-":
        instead = f"; --format {form} writes it there" if len(formats) > 1 else ""
        raise ValueError(f"{text!r:.80}: standard output has other text already{instead}; a file of that name is ./-")
    if not Path(path).absolute().parent.is_dir():
        raise ValueError(f"{text!r:.80}: there is no folder {Path(path).parent}")
    if Path(path).is_dir():
        raise ValueError(f"{text!r:.80}: {path} is a folder")
    try:
        require_writable(Path(path))
    except OSError as error:
        raise ValueError(f"{text!r:.80}: {path} cannot be written: {error.strerror}") from error
    return form, Path(path)


def report_targets(texts: Iterable[str], formats: Collection[str]) -> list[tuple[str, Path]]:
    """Return the pairs of `report_target`. Raises `ValueError` as well when two reports would be written to the same file."""
    targets = [report_target(text, formats) for text in texts]
    files = [os.path.realpath(path) for _, path in targets if path.is_file() or not path.exists()]  # not /dev/null
    if len(set(files)) < len(files):
        raise ValueError("two reports go to the same file")
    return targets
