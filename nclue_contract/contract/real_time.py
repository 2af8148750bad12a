"""Clocks that go on while a test stops the time: deadlines and event loops of ours must end, whatever freezes the clock of a user's test.

freezegun and the like replace the functions of the module `time`, time-machine what is behind those for the date. Here they are those of a
second copy of the module, and time that has passed is always measured by the monotonic clock.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.machinery import BuiltinImporter
from importlib.util import module_from_spec
from types import ModuleType


def _copy_of_time() -> ModuleType:
    spec = BuiltinImporter.find_spec("time")
    if spec is None or spec.loader is None:  # a Python in which it is not built in
        import time  # noqa: PLC0415  # its functions are the best that there are

        return time
    copy = module_from_spec(spec)
    spec.loader.exec_module(copy)
    return copy


_time = _copy_of_time()

monotonic: Callable[[], float] = _time.monotonic
"""Seconds of the monotonic clock, which no clock library stops."""


class RunningClock:
    """The time of this machine in milliseconds since 1970-01-01 UTC, which goes on at least as fast as the monotonic clock.

    It may go faster, since the monotonic clock of some systems stands still while the machine sleeps.
    """

    def __init__(self) -> None:
        self._started_ms = self._wall_ms()
        self._started_s = monotonic()

    def now_ms(self) -> int:
        """Return the time."""
        passed_ms = max(self._wall_ms() - self._started_ms, int((monotonic() - self._started_s) * 1000))
        return self._started_ms + passed_ms

    @staticmethod
    def _wall_ms() -> int:
        nanoseconds: int = _time.time_ns()
        return nanoseconds // 1_000_000
