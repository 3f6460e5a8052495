"""What a pair is worth, and what each venue believes that it is worth: the same walk, seen late and a little askew."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

__all__ = ["BasisProcess", "Course", "PriceModel", "PriceProcess"]

_BPS = 1e-4


class Course(Protocol):
    """What becomes of the random walk: the logarithm of the price at a moment, in seconds of market time.

    ``walk`` is the logarithm that the walk has come to, ``start`` the one that it began with.
    """

    def level(self, walk: float, start: float, seconds: float) -> float: ...


@dataclass(frozen=True, slots=True)
class PriceModel:
    """How prices move. Times in seconds, sizes in basis points of the price.

    The fundamental is a random walk that is drawn back to its start. Every ``jump_every`` seconds on average (never
    later than 1.5 times that) it jumps; one venue knows at once, the others follow within about ``lag``, and in between
    they are far enough apart for arbitrage net of fees. ``skew`` is how far a venue's own mood usually strays,
    ``basis`` how far a perpetual usually strays from its premium over spot. ``course`` is laid over the walk of every
    instrument, ``courses`` over those of single symbols.
    """

    reversion: float = 90.0
    jump_every: float = 6.0
    jump_least: float = 40.0
    jump_most: float = 85.0
    lag: float = 0.9
    skew: float = 2.0
    skew_time: float = 8.0
    basis: float = 3.0
    basis_time: float = 20.0
    course: Course | None = None
    courses: Mapping[str, Course] = field(default_factory=dict, hash=False)


class PriceProcess:
    """The price of one instrument as each venue's participants see it, moved on by one :meth:`step` a tick."""

    def __init__(
        self,
        start: float,
        venues: Sequence[str],
        *,
        model: PriceModel,
        volatility: float,
        tick: float,
        rng: random.Random,
        course: Course | None = None,
    ) -> None:
        self._model = model
        self._course = course if course is not None else model.course
        self._ticks = 0
        self._rng = rng
        self._tick = tick
        self._start = math.log(start)
        self._fair = self._start
        self._sigma = volatility * _BPS * math.sqrt(tick)
        self._seen = dict.fromkeys(venues, self._fair)
        self._skew = dict.fromkeys(venues, 0.0)
        self._lag = {venue: model.lag * rng.uniform(0.8, 1.25) for venue in venues}
        self._until_jump = self._next_jump()

    def step(self) -> dict[str, float]:
        """Let one tick pass; the centre that each venue's participants now quote around."""
        model, rng, tick = self._model, self._rng, self._tick
        self._fair += (self._start - self._fair) * (tick / model.reversion) + self._sigma * rng.gauss(0.0, 1.0)
        self._until_jump -= tick
        if self._until_jump <= 0:
            self._until_jump = self._next_jump()
            self._jump()
        fair = self._fair
        if self._course is not None:
            self._ticks += 1
            fair = self._course.level(fair, self._start, self._ticks * tick)
        decay = tick / model.skew_time
        noise = model.skew * _BPS * math.sqrt(2 * decay)
        centres = {}
        for venue, seen in self._seen.items():
            seen += (fair - seen) * (1 - math.exp(-tick / self._lag[venue]))
            skew = self._skew[venue] * (1 - decay) + noise * rng.gauss(0.0, 1.0)
            self._seen[venue], self._skew[venue] = seen, skew
            centres[venue] = math.exp(seen + skew)
        return centres

    def _jump(self) -> None:
        model, rng = self._model, self._rng
        size = rng.uniform(model.jump_least, model.jump_most) * _BPS
        drift = max(-0.4, min(0.4, (self._start - self._fair) * 40))
        if rng.random() >= 0.5 + drift:
            size = -size
        self._fair += size
        leader = rng.choice(list(self._seen))
        self._seen[leader] += size

    def _next_jump(self) -> float:
        return self._model.jump_every * self._rng.uniform(0.5, 1.5)


class BasisProcess:
    """How far a perpetual stands above the spot price of its venue, as a fraction, moved on by :meth:`step`."""

    def __init__(self, premium: float, *, model: PriceModel, tick: float, rng: random.Random) -> None:
        self._premium = self._basis = premium * _BPS
        self._decay = tick / model.basis_time
        self._noise = model.basis * _BPS * math.sqrt(2 * self._decay)
        self._rng = rng

    def step(self) -> float:
        """Let one tick pass; the basis now."""
        self._basis += (self._premium - self._basis) * self._decay + self._noise * self._rng.gauss(0.0, 1.0)
        return self._basis
