"""The exchange's clock, estimated from ours: signatures are refused when they look a few seconds old."""

from __future__ import annotations

import logging
from collections import deque
from typing import NamedTuple

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.constants.system_constants import NANOSECONDS

__all__ = ["ServerTime"]

logger = logging.getLogger(__name__)

_KEPT = 8
_DRIFT = 2e-4
_RESOLUTION_NS = 2_000_000


class _Sample(NamedTuple):
    ahead_ns: int
    """The server's wall time less our monotonic time."""
    half_trip_ns: int
    taken_ns: int

    def uncertainty(self, now: int) -> float:
        return self.half_trip_ns + _DRIFT * (now - self.taken_ns)


class ServerTime:
    """Estimates the server's time from its answers, as far as the round trip allows.

    A sample says that the server's time was read somewhere between sending and receiving: the middle is taken, and it
    cannot be off by more than half of the round trip. Of the last eight samples the tightest counts, with 200 ppm of
    drift added for its age. A sample that contradicts it shows that the server's clock was stepped: everything older
    is forgotten. The estimate rests on our monotonic clock, so a step of our own wall clock does not touch it.
    """

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._samples: deque[_Sample] = deque(maxlen=_KEPT)
        self._steps = 0
        self._taken = 0

    def update(self, server_ns: int, sent_ns: int, received_ns: int) -> None:
        """Take a sample: the server wrote ``server_ns`` into an answer that was asked for and came at these wall times.

        A sample whose answer came before its question is dropped: our wall clock was stepped in between.
        """
        if received_ns < sent_ns:
            return
        now = self._clock.monotonic_ns()
        since_middle = self._clock.time_ns() - (sent_ns + received_ns) // 2
        sample = _Sample(server_ns - (now - since_middle), (received_ns - sent_ns) // 2 + _RESOLUTION_NS, now)
        best = self._best(now)
        if best is not None:
            apart = sample.ahead_ns - best.ahead_ns
            if abs(apart) > sample.uncertainty(now) + best.uncertainty(now):
                self._samples.clear()
                self._steps += 1
                logger.warning("the server's clock was stepped by %+.3f s", apart / 1e9, extra={"step_ns": apart})
        self._samples.append(sample)
        self._taken += 1

    def now_ns(self) -> int:
        """The server's time, nanoseconds since the epoch; our own wall time before the first sample."""
        now = self._clock.monotonic_ns()
        best = self._best(now)
        return self._clock.time_ns() if best is None else now + best.ahead_ns

    @property
    def offset_ns(self) -> int:
        """How far the server's clock is ahead of our wall clock; 0 before the first sample."""
        return self.now_ns() - self._clock.time_ns() if self._samples else 0

    @property
    def uncertainty_ns(self) -> int | None:
        """How far the estimate can be off, None before the first sample."""
        now = self._clock.monotonic_ns()
        best = self._best(now)
        return None if best is None else round(best.uncertainty(now))

    @property
    def samples(self) -> int:
        """How many samples were taken so far."""
        return self._taken

    @property
    def age_s(self) -> float | None:
        """Seconds since the newest sample, None before the first."""
        return (self._clock.monotonic_ns() - self._samples[-1].taken_ns) / NANOSECONDS if self._samples else None

    @property
    def steps(self) -> int:
        """How often the server's clock was seen to be stepped."""
        return self._steps

    def _best(self, now: int) -> _Sample | None:
        return min(self._samples, key=lambda sample: sample.uncertainty(now), default=None)
