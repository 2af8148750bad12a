"""Wait for what another process or thread does."""

import time

DEADLINE_S = 300
"""What a test waits for happens at once; the deadline is only there so that a broken program ends the test, on the slowest machine too."""


def wait_until(condition):
    """Return the first true value of a function that is called again and again; fail the test when there is none within the deadline."""
    end = time.monotonic() + DEADLINE_S
    while not (value := condition()):
        assert time.monotonic() < end, "what the test waits for has not happened"
        time.sleep(0.01)
    return value
