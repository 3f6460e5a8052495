"""Request budgets as the venues keep them: fixed windows that start with the first request after the last one ended."""

from __future__ import annotations

from typing import NamedTuple

from cex.common.clock import Clock

__all__ = ["Allowance", "FixedWindows"]

_MOST_KEYS = 10_000


class Allowance(NamedTuple):
    """Whether a request may pass, what is left of its window, and in how many seconds the window ends."""

    granted: bool
    remaining: int
    reset_after_s: float


class FixedWindows:
    """One window of ``capacity`` per ``seconds`` for every key (an IP, or an IP and an endpoint)."""

    def __init__(self, capacity: int, seconds: float, *, clock: Clock) -> None:
        if capacity < 1 or not seconds > 0:
            raise ValueError(f"a window needs capacity and length, not {capacity} per {seconds} s")
        self.capacity = capacity
        self.refused = 0
        self._length_ns = round(seconds * 1e9)
        self._clock = clock
        self._windows: dict[str, tuple[int, int]] = {}

    def spend(self, key: str, weight: int = 1) -> Allowance:
        """Charge ``weight`` to the key's window; a request that does not fit is refused and costs nothing."""
        now = self._clock.monotonic_ns()
        end, used = self._windows.get(key, (0, 0))
        if key not in self._windows or now >= end:
            self._forget_ended(now)
            end, used = now + self._length_ns, 0
        granted = used + weight <= self.capacity
        if granted:
            used += weight
        else:
            self.refused += 1
        self._windows[key] = (end, used)
        return Allowance(granted, self.capacity - used, (end - now) / 1e9)

    def _forget_ended(self, now: int) -> None:
        if len(self._windows) >= _MOST_KEYS:
            self._windows = {key: window for key, window in self._windows.items() if window[0] > now}
