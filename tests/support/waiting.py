"""Wait for what another process or thread does, and do not wait for a clock."""

import math
import time

from nclue_contract.check.transport_http import HttpTransport

DEADLINE_S = 300
"""What a test waits for happens at once; the deadline is only there so that a broken program ends the test, on the slowest machine too."""


def wait_until(condition):
    """Return the first true value of a function that is called again and again; fail the test when there is none within the deadline."""
    end = time.monotonic() + DEADLINE_S
    while not (value := condition()):
        assert time.monotonic() < end, "what the test waits for has not happened"
        time.sleep(0.01)
    return value


def skip_pauses(monkeypatch):
    """Let a pause of an HTTP transport advance its clock instead of lasting. A pause of nothing would be made again until it is over."""

    def skip(transport, seconds):
        transport._clock._started_ms += math.ceil(seconds * 1000)  # noqa: SLF001

    monkeypatch.setattr(HttpTransport, "sleep", skip)
