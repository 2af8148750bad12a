"""The clock of a server, inferred from its responses: it decides whether a timestamp is too old."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

from nclue_contract.check.requests import Exchange


@dataclass(slots=True)
class ServerClock:
    """The server's clock compared with ours: `ahead_ms` is how far it is ahead, with an error of at most `margin_ms`.

    `exact`: both are the same clock. `observed`: a response has contained its time.
    """

    exact: bool = False
    observed: bool = False
    ahead_ms: int = 0

    @property
    def margin_ms(self) -> int:
        """Return the error in milliseconds: responses contain whole seconds, and take time themselves."""
        return 1 if self.exact else 5000

    @property
    def known(self) -> bool:
        """Return whether the server's time is known well enough to test the limits of a timestamp."""
        return self.exact or self.observed

    def compare(self, exchange: Exchange) -> None:
        """Update the clock from the Date header of a response, or else from the creation time of a task."""
        date = next((value for name, value in exchange.headers if name.lower() == "date"), None)
        at_ms = None
        if date is not None:
            with suppress(ValueError, OverflowError):
                at_ms = round(parsedate_to_datetime(date).timestamp() * 1000)
        elif exchange.request.operation == "createTask" and exchange.accepted:
            at_ms = parse_time_ms(exchange.fields.get("created_at"))
        if self.exact or at_ms is None:
            return
        ahead_ms = at_ms + 500 - (exchange.sent_ms + exchange.received_ms) / 2  # half a second: the fraction is cut off
        self.ahead_ms = 0 if abs(ahead_ms) < self.margin_ms / 2 else round(ahead_ms)
        self.observed = True


def parse_time_ms(text: object) -> int | None:
    """Return the milliseconds since 1970-01-01 UTC of an ISO 8601 time with an offset; None for anything else."""
    try:
        moment = datetime.fromisoformat(str(text))
        return None if moment.tzinfo is None else round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
