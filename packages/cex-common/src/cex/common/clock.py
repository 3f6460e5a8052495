"""The one door to time: everything that needs it takes a :class:`Clock`, so that tests and replays can own it."""

from __future__ import annotations

import time
from typing import Protocol

__all__ = ["SYSTEM_CLOCK", "Clock", "ManualClock", "SystemClock"]


class Clock(Protocol):
    """Two readings in nanoseconds: wall time since the epoch (UTC), and monotonic time for ages and timeouts."""

    def time_ns(self) -> int: ...

    def monotonic_ns(self) -> int: ...


class SystemClock:
    """The machine's clock; read for every frame, hence without a call of our own around it."""

    __slots__ = ()

    time_ns = staticmethod(time.time_ns)
    monotonic_ns = staticmethod(time.monotonic_ns)


class ManualClock:
    """A clock that moves only when told to. ``start_ns`` is its first wall time; its monotonic time starts at 0."""

    __slots__ = ("_monotonic_ns", "_wall_ns")

    def __init__(self, start_ns: int = 1_700_000_000_000_000_000) -> None:
        self._wall_ns = start_ns
        self._monotonic_ns = 0

    def time_ns(self) -> int:
        return self._wall_ns

    def monotonic_ns(self) -> int:
        return self._monotonic_ns

    def advance(self, seconds: float) -> None:
        """Let time pass on both readings."""
        if seconds < 0:
            raise ValueError("time does not run backwards; use step() to move the wall clock alone")
        self._wall_ns += round(seconds * 1e9)
        self._monotonic_ns += round(seconds * 1e9)

    def step(self, seconds: float) -> None:
        """Move the wall clock alone, as a time correction does."""
        self._wall_ns += round(seconds * 1e9)


SYSTEM_CLOCK = SystemClock()
