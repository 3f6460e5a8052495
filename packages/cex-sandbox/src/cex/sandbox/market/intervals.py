"""The widths of candles and where on the calendar (UTC) they begin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

__all__ = ["INTERVALS", "Interval"]

_FIRST_MONDAY = 4 * 86_400


@dataclass(frozen=True, slots=True)
class Interval:
    """One candle width; ``seconds`` None is a calendar month. Times are seconds since the epoch."""

    name: str
    seconds: int | None
    offset: int = 0

    def start_of(self, at: int) -> int:
        """When the candle that ``at`` falls into begins."""
        if self.seconds is not None:
            return at - (at - self.offset) % self.seconds
        return int(datetime.fromtimestamp(at, UTC).replace(day=1, hour=0, minute=0, second=0).timestamp())

    def after(self, start: int) -> int:
        """When the candle that begins at ``start`` ends, which is where the next one begins."""
        if self.seconds is not None:
            return start + self.seconds
        month = datetime.fromtimestamp(start, UTC)
        year, number = (month.year + 1, 1) if month.month == 12 else (month.year, month.month + 1)
        return int(month.replace(year=year, month=number).timestamp())

    def back(self, start: int, count: int) -> int:
        """When the candle ``count`` before the one that begins at ``start`` begins."""
        if self.seconds is not None:
            return start - count * self.seconds
        for _ in range(count):
            start = self.start_of(start - 1)
        return start


INTERVALS = {
    interval.name: interval
    for interval in (
        Interval("1s", 1),
        Interval("10s", 10),
        Interval("1m", 60),
        Interval("5m", 300),
        Interval("15m", 900),
        Interval("30m", 1800),
        Interval("1h", 3600),
        Interval("4h", 14_400),
        Interval("8h", 28_800),
        Interval("1d", 86_400),
        Interval("7d", 604_800),
        Interval("1w", 604_800, _FIRST_MONDAY),
        Interval("1M", None),
    )
}
