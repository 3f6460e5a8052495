"""A venue's clock, which can be wrong."""

from __future__ import annotations

from cex.common.clock import Clock

__all__ = ["ShiftedClock"]


class ShiftedClock:
    """Another clock, ahead by what was set. Monotonic time is left alone: timeouts are not what drifts."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead_ns = 0
        self._ppm = 0.0
        self._drifts_from_ns = 0

    def time_ns(self) -> int:
        ahead = self._ahead_ns
        if self._ppm:
            ahead += self._drifted()
        return self._clock.time_ns() + ahead

    def monotonic_ns(self) -> int:
        return self._clock.monotonic_ns()

    @property
    def offset(self) -> float:
        """How far it is ahead, in seconds."""
        return (self._ahead_ns + self._drifted()) / 1e9

    def shift(self, seconds: float) -> None:
        """Step forward, or back."""
        self._ahead_ns += round(seconds * 1e9)

    def drift(self, ppm: float) -> None:
        """Run fast by ``ppm`` millionths from now on, on top of the drift there is; what has added up stays."""
        self._ahead_ns += self._drifted()
        self._drifts_from_ns = self._clock.monotonic_ns()
        self._ppm += ppm

    def _drifted(self) -> int:
        if not self._ppm:
            return 0
        return round((self._clock.monotonic_ns() - self._drifts_from_ns) * self._ppm / 1e6)
