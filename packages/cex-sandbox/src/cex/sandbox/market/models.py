"""Kinds of markets to choose from by name: how prices move, and how much stands in the books."""

from __future__ import annotations

import csv
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from cex.sandbox.market.prices import PriceModel

__all__ = [
    "MARKET_MODELS",
    "FlashCrash",
    "MarketModel",
    "PriceSeries",
    "Trend",
    "market_model",
    "read_price_series",
    "recorded",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A price that goes ``rate`` basis points a second one way for ``turn_s`` seconds, then the other way."""

    rate: float = 2.0
    turn_s: float = 120.0

    def level(self, walk: float, start: float, seconds: float) -> float:
        phase = seconds % (2 * self.turn_s)
        gone = phase if phase < self.turn_s else 2 * self.turn_s - phase
        return walk + gone * self.rate * 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class FlashCrash:
    """A price that falls by ``depth`` (a fraction) within ``fall_s``, stays for ``hold_s`` and recovers.

    It happens first after ``first_s`` and then every ``every_s`` seconds of market time.
    """

    depth: float = 0.15
    first_s: float = 30.0
    every_s: float = 300.0
    fall_s: float = 4.0
    hold_s: float = 3.0
    recovery_s: float = 30.0

    def level(self, walk: float, start: float, seconds: float) -> float:
        since = (seconds - self.first_s) % self.every_s if seconds >= self.first_s else self.every_s
        if since < self.fall_s:
            share = since / self.fall_s
        elif since < self.fall_s + self.hold_s:
            share = 1.0
        else:
            share = max(0.0, 1.0 - (since - self.fall_s - self.hold_s) / self.recovery_s)
        return walk + math.log1p(-self.depth) * share


class PriceSeries:
    """A price that was recorded: (seconds since the beginning, price), drawn through in straight lines.

    After its end it begins anew (``loop``) or stays where it is.

    Raises:
        ValueError: fewer than two points, times that do not rise, or a price that is not positive.
    """

    def __init__(self, points: Sequence[tuple[float, float]], *, loop: bool = True) -> None:
        times = [seconds for seconds, _ in points]
        if len(points) < 2 or any(later <= earlier for earlier, later in pairwise(times)):
            raise ValueError("a price series needs at least two points whose times rise")
        if any(not price > 0 or not math.isfinite(price) for _, price in points):
            raise ValueError("every price of a price series is positive")
        self._times = [seconds - times[0] for seconds in times]
        self._logs = [math.log(price) for _, price in points]
        self._loop = loop

    def level(self, walk: float, start: float, seconds: float) -> float:
        length = self._times[-1]
        if seconds >= length:
            if not self._loop:
                return self._logs[-1]
            seconds %= length
        right = bisect_right(self._times, seconds)
        before, after = self._times[right - 1], self._times[right]
        share = (seconds - before) / (after - before)
        return self._logs[right - 1] * (1 - share) + self._logs[right] * share


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketModel:
    """A kind of market. ``levels``, ``size`` and ``spread`` are factors on what each listing says of its book."""

    prices: PriceModel = field(default_factory=PriceModel)
    levels: float = 1.0
    size: float = 1.0
    spread: float = 1.0

    def __post_init__(self) -> None:
        if not (self.levels > 0 and self.size > 0 and self.spread > 0):
            raise ValueError("levels, size and spread of a market model are positive factors")


MARKET_MODELS: dict[str, MarketModel] = {
    "random-walk": MarketModel(),
    "calm": MarketModel(prices=PriceModel(jump_every=math.inf)),
    "trending": MarketModel(prices=PriceModel(course=Trend())),
    "flash-crash": MarketModel(prices=PriceModel(course=FlashCrash())),
    "thin-book": MarketModel(levels=0.08, size=0.1, spread=6.0),
}
"""What there is to choose from by name; ``calm`` walks without jumps. A recorded price needs its series:
:func:`recorded`."""


def market_model(name: str) -> MarketModel:
    """The model of this name. Raises KeyError that says which there are."""
    if name not in MARKET_MODELS:
        raise KeyError(f"no market model {name!r}; there are {', '.join(MARKET_MODELS)}")
    return MARKET_MODELS[name]


def recorded(series: Mapping[str, PriceSeries]) -> MarketModel:
    """Prices that follow a series, by symbol (such as ``BTC/USDT``); symbols without one walk at random."""
    return MarketModel(prices=PriceModel(courses=dict(series)))


def read_price_series(path: Path, *, loop: bool = True) -> PriceSeries:
    """A series from a CSV file with the columns seconds and price; a first line without figures is skipped.

    Raises:
        OSError: the file cannot be read.
        ValueError: with the line that is no such pair.
    """
    points: list[tuple[float, float]] = []
    with path.open(newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.reader(file), 1):
            if not row:
                continue
            try:
                seconds, price = row
                points.append((float(seconds), float(price)))
            except ValueError:
                if number > 1:
                    raise ValueError(f"{path}, line {number}: not a pair of seconds and price: {row!r}") from None
    return PriceSeries(points, loop=loop)
