"""Candles of every width out of one store: the made-up past, then what has really been traded, minute by minute."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from cex.sandbox.market.intervals import Interval
from cex.sandbox.market.past import DAY, Cell, Past, PastModel, folded

__all__ = ["Candle", "CandleStore"]

_SECONDS_KEPT = 10_000
_CANDLES_BELOW_A_MINUTE = 10_000
_LONGEST_LEAP = 30 * DAY


class Candle(NamedTuple):
    """From ``start`` (included) to ``end`` (excluded), seconds since the epoch; prices in ticks, volume in lots.

    ``turnover`` is in ticks times lots.
    """

    start: int
    end: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    turnover: int


class CandleStore:
    """The history of one price. Times are seconds since the epoch and never run backwards here.

    It begins at the first minute that it hears of; before that the past is made up, and joins without a gap. A clock
    that leaps by more than 30 days begins it anew. ``revision`` grows with everything that is added.
    """

    def __init__(self, model: PastModel, *, price: int, now_s: int) -> None:
        self._model = model
        self.last = price
        self.revision = 0
        self._begin(now_s // 60)

    def add(self, price: int, lots: int, now_s: int) -> None:
        """Something was traded (or, with 0 lots, is quoted) at ``price``."""
        self.roll(now_s)
        self.revision += 1
        self.last = price
        columns = self._live
        columns[3][-1] = price
        if price > columns[1][-1]:
            columns[1][-1] = price
        elif price < columns[2][-1]:
            columns[2][-1] = price
        columns[4][-1] += lots
        columns[5][-1] += price * lots
        seconds = self._seconds
        if seconds and seconds[-1][0] >= now_s:
            at, o, h, w, _, volume, turnover = seconds[-1]
            seconds[-1] = (at, o, max(h, price), min(w, price), price, volume + lots, turnover + price * lots)
        else:
            before = seconds[-1][4] if seconds else self._first_price
            seconds.append((now_s, before, max(before, price), min(before, price), price, lots, price * lots))

    def roll(self, now_s: int) -> None:
        """Let the minutes pass until now, without a trade."""
        passed = now_s // 60 - (self._past.end + len(self._live[0]) - 1)
        if passed <= 0:
            return
        if passed > _LONGEST_LEAP:
            self._begin(now_s // 60)
            return
        for column, value in zip(self._live, (self.last,) * 4 + (0, 0), strict=True):
            column.extend([value] * passed)

    def earliest(self, interval: Interval) -> int:
        """Where the oldest candle of this width begins."""
        if interval.seconds is None or interval.seconds >= 60:
            first = self._past.first * 60
            start = interval.start_of(first)
            return start if start == first else interval.after(start)
        if len(self._seconds) == _SECONDS_KEPT:
            return interval.after(interval.start_of(self._seconds[0][0]))
        return self._past.end * 60 - _CANDLES_BELOW_A_MINUTE * interval.seconds

    def candles(self, interval: Interval, first: int, end: int, now_s: int) -> list[Candle]:
        """Every candle that begins at or after ``first`` and before ``end``; the newest is the one of ``now_s``."""
        self.roll(now_s)
        start = interval.start_of(max(first, self.earliest(interval)))
        if start < first:
            start = interval.after(start)
        end = min(end, max(now_s, self._newest_s()) + 1)
        if interval.seconds is not None and interval.seconds < 60:
            return self._below_a_minute(interval.seconds, start, end)
        found = []
        while start < end:
            after = interval.after(start)
            found.append(Candle(start, after, *self._cell(start // 60, after // 60)))
            start = after
        return found

    def current(self, interval: Interval, now_s: int) -> Candle:
        """The candle of ``now_s``."""
        start = interval.start_of(max(now_s, self._newest_s()))
        return self.candles(interval, start, start + 1, now_s)[-1]

    def since(self, first: int, now_s: int) -> Candle:
        """Everything from the minute of ``first`` until now, in one candle."""
        self.roll(now_s)
        first_minute = max(first // 60, self._past.first)
        end = self._past.end + len(self._live[0])
        first_minute = min(first_minute, end - 1)
        return Candle(first_minute * 60, end * 60, *self._cell(first_minute, end))

    def _begin(self, minute: int) -> None:
        self._past = Past(self._model, end=minute, price=self.last)
        self._first_price = self.last
        self._live: tuple[list[int], ...] = tuple([value] for value in (self.last,) * 4 + (0, 0))
        self._seconds: deque[tuple[int, int, int, int, int, int, int]] = deque(maxlen=_SECONDS_KEPT)

    def _newest_s(self) -> int:
        """The latest second that is known to have come."""
        newest = (self._past.end + len(self._live[0]) - 1) * 60
        return max(newest, self._seconds[-1][0]) if self._seconds else newest

    def _cell(self, first: int, end: int) -> Cell:
        """The minutes from ``first`` to ``end`` (excluded) in one, as far as they have come."""
        past = self._past
        cells: list[Cell] = []
        while first < min(end, past.end):
            day = first // DAY
            whole = min((day + 1) * DAY, past.end)
            until = min(whole, end)
            if first == day * DAY and until == whole:
                cells.append(past.whole_day(day))
            else:
                cells.append(folded(past.minutes(day), first - day * DAY, until - day * DAY))
            first = until
        live_end = min(end - past.end, len(self._live[0]))
        if first - past.end < live_end:
            cells.append(folded(self._live, first - past.end, live_end))
        return cells[0] if len(cells) == 1 else _joined(cells)

    def _below_a_minute(self, step: int, start: int, end: int) -> list[Candle]:
        past_end = self._past.end * 60
        live = {second[0]: second[1:] for second in self._seconds if second[0] >= start}
        price = next((second[1] for second in self._seconds if second[0] >= start), self.last)
        found = []
        minute, of_minute = -1, list[Cell]()
        while start < end:
            cells: list[Cell] = []
            for second in range(start, start + step):
                if second < past_end:
                    if minute != second // 60:
                        minute = second // 60
                        of_minute = self._past.seconds(minute, self._cell(minute, minute + 1))
                    cells.append(of_minute[second % 60])
                elif second in live:
                    cells.append(live[second])
            if cells:
                cell = _joined(cells)
                price = cell[3]
            else:
                cell = (price, price, price, price, 0, 0)
            found.append(Candle(start, start + step, *cell))
            start += step
        return found


def _joined(cells: list[Cell]) -> Cell:
    return (
        cells[0][0],
        max(cell[1] for cell in cells),
        min(cell[2] for cell in cells),
        cells[-1][3],
        sum(cell[4] for cell in cells),
        sum(cell[5] for cell in cells),
    )
