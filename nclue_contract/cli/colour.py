"""Whether text for people has colours: the option `--color`, the variables of the environment, and the terminal."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TextIO

CHOICES = ("auto", "always", "never")
"""The values of the option, the default first."""


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add the option `--color`."""
    text = "colours of the text format; auto: by NO_COLOR, by FORCE_COLOR, else on a terminal (%(default)s)"
    parser.add_argument("--color", choices=CHOICES, default=CHOICES[0], help=text)


def use_colour(choice: str, stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Return whether text on a stream has colours.

    The option decides before the environment; there, a variable that is not empty counts (https://no-color.org, https://force-color.org),
    and NO_COLOR before FORCE_COLOR.
    """
    if choice != "auto":
        return choice == "always"
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return stream.isatty() and environment.get("TERM") != "dumb"
