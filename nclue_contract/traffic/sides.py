"""The sides of an exchange, and the choice of those that are judged."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Side(StrEnum):
    """What a finding is about: the request, the response, or the response in view of earlier exchanges."""

    REQUEST = "request"
    RESPONSE = "response"
    HISTORY = "history"


SIDES: Mapping[str, frozenset[Side]] = {
    "both": frozenset(Side),
    "client": frozenset({Side.REQUEST}),
    "server": frozenset({Side.RESPONSE, Side.HISTORY}),
}
"""The choices of whose part is judged."""
