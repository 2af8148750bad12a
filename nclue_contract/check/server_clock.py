"""What the answers of a server tell about its clock, which decides whether a timestamp is too old."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

from nclue_contract.check.requests import Exchange


@dataclass(slots=True)
class ServerClock:
    """The server's clock beside ours. `exact`: it is the same; else `told` tells whether an answer has said anything of it.

    `ahead_ms` is how far it is ahead, and `margin_ms` what that may be wrong by, both in milliseconds.
    """

    exact: bool = False
    told: bool = False
    ahead_ms: int = 0

    @property
    def margin_ms(self) -> int:
        """Times are told in whole seconds, and an answer takes its time."""
        return 1 if self.exact else 5000

    @property
    def known(self) -> bool:
        """Whether something can be asked that depends on it."""
        return self.exact or self.told

    def compare(self, exchange: Exchange) -> None:
        """Learn from the Date of an answer, or else from the time of a creation."""
        date = next((value for name, value in exchange.headers if name.lower() == "date"), None)
        at_ms = None
        if date is not None:
            with suppress(ValueError, OverflowError):
                at_ms = round(parsedate_to_datetime(date).timestamp() * 1000)
        elif exchange.request.operation == "createTask" and exchange.accepted:
            at_ms = instant(exchange.fields.get("created_at"))
        if self.exact or at_ms is None:
            return
        ahead_ms = at_ms + 500 - (exchange.sent_ms + exchange.received_ms) / 2
        self.ahead_ms = 0 if abs(ahead_ms) < self.margin_ms / 2 else round(ahead_ms)
        self.told = True


def instant(text: object) -> int | None:
    """Milliseconds since 1970-01-01 UTC of an ISO 8601 time with an offset; None for anything else."""
    try:
        moment = datetime.fromisoformat(str(text))
        return None if moment.tzinfo is None else round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
