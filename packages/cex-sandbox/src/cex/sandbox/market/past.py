"""What an instrument did before the sandbox was started: minutes made up when somebody asks, always the same ones."""

from __future__ import annotations

import math
import random
from array import array
from collections import OrderedDict
from dataclasses import dataclass
from itertools import accumulate, pairwise

from cex.common.correlation import new_random
from cex.sandbox.market.seeds import derived

__all__ = ["DAY", "Cell", "Columns", "Past", "PastModel", "folded"]

DAY = 1440
_DAYS = 90
_DAYS_AT_HAND = 12
_DAILY_MOVE = 0.012
_MINUTE_MOVE = 0.0008
_WICK = 0.0006
_OWN_MOOD = 0.0002

Cell = tuple[int, int, int, int, int, int]
"""Open, high, low, close (ticks), volume (lots), turnover (ticks * lots)."""

Columns = tuple["array[int]", "array[int]", "array[int]", "array[int]", "array[int]", "array[int]"]


def folded(columns: Columns | tuple[list[int], ...], first: int, end: int) -> Cell:
    """One cell out of the rows ``first`` to ``end`` (excluded), of which there is at least one."""
    opens, highs, lows, closes, lots, turnovers = columns
    if end - first == 1:
        return opens[first], highs[first], lows[first], closes[first], lots[first], turnovers[first]
    return (
        opens[first],
        max(highs[first:end]),
        min(lows[first:end]),
        closes[end - 1],
        sum(lots[first:end]),
        sum(turnovers[first:end]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PastModel:
    """``path`` names the walk (venues that quote the same asset share it), ``own`` this book's own noise.

    ``lots`` is the volume of an ordinary minute; 0 is a price that has always stood still.
    """

    seed: int
    path: str
    own: str
    lots: float


class Past:
    """Minutes before ``end`` (minutes since the epoch), where the price was ``price`` ticks; 90 days of them."""

    def __init__(self, model: PastModel, *, end: int, price: int) -> None:
        self.end = end
        self._model = model
        self._price = price
        self._today = end // DAY
        self.first = (self._today - _DAYS) * DAY
        self._offsets = self._walk_back(new_random(derived(model.seed, model.path, "days")))
        self._days: OrderedDict[int, Columns] = OrderedDict()
        self._whole_days: dict[int, Cell] = {}

    def minutes(self, day: int) -> Columns:
        """The minutes of ``day`` (days since the epoch), as far as they are before ``end``."""
        columns = self._days.get(day)
        if columns is None:
            columns = self._days[day] = self._made_up(day)
            if len(self._days) > _DAYS_AT_HAND:
                self._days.popitem(last=False)
        return columns

    def whole_day(self, day: int) -> Cell:
        """All minutes of ``day`` in one."""
        cell = self._whole_days.get(day)
        if cell is None:
            columns = self.minutes(day)
            cell = self._whole_days[day] = folded(columns, 0, len(columns[0]))
        return cell

    def seconds(self, minute: int, cell: Cell) -> list[Cell]:
        """The 60 seconds of which ``minute`` consists, when they fold to ``cell``."""
        opened, high, low, closed, lots, turnover = cell
        rng = new_random(derived(self._model.seed, self._model.own, "seconds", str(minute)))
        turns = sorted(rng.sample(range(1, 60), 2))
        peaks = (high, low) if rng.random() < 0.5 else (low, high)
        corners = [(0, opened), *zip(turns, peaks, strict=True), (60, closed)]
        prices: list[int] = []
        for (start, before), (end, after) in pairwise(corners):
            prices += [before + (after - before) * k // (end - start) for k in range(end - start)]
        prices.append(closed)
        cells: list[Cell] = []
        sold = paid = 0
        for second, (before, after) in enumerate(pairwise(prices), 1):
            volume = lots * second // 60 - sold
            sold += volume
            value = (turnover * sold // lots if lots else 0) - paid
            paid += value
            cells.append((before, max(before, after), min(before, after), after, volume, value))
        return cells

    def _walk_back(self, rng: random.Random) -> list[float]:
        """Relative distances from the last price: now, at the last midnight, at the one before it, and so on."""
        offsets = [0.0]
        lengths = [(self.end - self._today * DAY) / DAY, *([1.0] * _DAYS)]
        for length in lengths:
            step = _DAILY_MOVE * math.sqrt(length) * rng.gauss(0.0, 1.0)
            offsets.append(offsets[-1] * (1 - 0.03 * length) + step if self._model.lots else 0.0)
        return offsets

    def _made_up(self, day: int) -> Columns:
        count = min(DAY, self.end - day * DAY)
        index = self._today - day
        start, end = self._offsets[index + 1], self._offsets[index]
        walk = new_random(derived(self._model.seed, self._model.path, str(day))).random
        own = new_random(derived(self._model.seed, self._model.own, str(day))).random
        price, typical = self._price, self._model.lots
        if not typical:
            still = array("q", [price] * count)
            nothing = array("q", bytes(8 * count))
            return still, still, still, still, nothing, nothing
        scale = _MINUTE_MOVE * math.sqrt(12.0)
        path = list(accumulate(scale * (walk() - 0.5) for _ in range(count)))
        slope = (end - start - path[-1]) / count if count else 0.0
        closes = [
            max(1, round(price * (1 + start + moved + slope * k + _OWN_MOOD * (own() - 0.5))))
            for k, moved in enumerate(path, 1)
        ]
        closes[-1:] = [max(1, round(price * (1 + end)))] if count else []
        opens = [max(1, round(price * (1 + start))), *closes[:-1]] if count else []
        wick = price * _WICK
        highs = [max(pair) + int(wick * own() * own()) for pair in zip(opens, closes, strict=True)]
        lows = [max(1, min(pair) - int(wick * own() * own())) for pair in zip(opens, closes, strict=True)]
        lots = [1 + int(typical * (0.3 + 1.4 * own())) for _ in range(count)]
        turnovers = [
            volume * (o + h + w + c) // 4 for volume, o, h, w, c in zip(lots, opens, highs, lows, closes, strict=True)
        ]
        columns = [array("q", column) for column in (opens, highs, lows, closes, lots, turnovers)]
        return columns[0], columns[1], columns[2], columns[3], columns[4], columns[5]
