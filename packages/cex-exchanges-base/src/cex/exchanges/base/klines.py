"""Candles of any range, page by page, for every exchange: no hole and no overlap where two pages meet.

An exchange supplies the size of a page and one request (``klines_page``). A page is a half-open range of candle
openings, so neighbours share no candle. An answer is trusted for what is in it, not for being whole: where a long one
leaves out an end of its page, the exchange may have cut it, and that end is asked for again until nothing comes.
Candles in which nothing was traded are left out where the exchange leaves them out.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

from cex.common.constants.system_constants import NANOSECONDS
from cex.common.enums import KlineInterval
from cex.common.exceptions import ExchangeDataException
from cex.common.types.market import Kline

__all__ = ["KlineProgress", "close_of", "expected_klines", "first_open", "page_klines"]

KlinePage = Callable[[int, int], Awaitable[list[Kline]]]
KlineProgress = Callable[[int, int], None]
"""``on_progress(done, expected)``: places of candles that lie behind, of all places in the range; ends with equal."""

_SECONDS: Final = {
    KlineInterval.S1: 1,
    KlineInterval.S10: 10,
    KlineInterval.M1: 60,
    KlineInterval.M5: 300,
    KlineInterval.M15: 900,
    KlineInterval.M30: 1800,
    KlineInterval.H1: 3600,
    KlineInterval.H4: 14_400,
    KlineInterval.H8: 28_800,
    KlineInterval.D1: 86_400,
    KlineInterval.W1: 604_800,
}
_DAY_S: Final = 86_400
_MONDAY_NS: Final = 4 * _DAY_S * NANOSECONDS
"""The first Monday of the epoch, 1970-01-05."""
_CUT_FROM: Final = 100
"""No exchange cuts an answer to fewer candles than this."""


def first_open(interval: KlineInterval, ts: int) -> int:
    """The first border of a candle at or after ``ts``, in nanoseconds: UTC, weeks from Monday, calendar months."""
    if interval is KlineInterval.MO1:
        month = _month(ts)
        return ts if _month_start(month) == ts else _month_start(month + 1)
    width = _SECONDS[interval] * NANOSECONDS
    anchor = _MONDAY_NS if interval is KlineInterval.W1 else 0
    return anchor + -(-(ts - anchor) // width) * width


def close_of(interval: KlineInterval, open_ts: int) -> int:
    """Where the candle that opens at ``open_ts`` ends (excluded), in nanoseconds."""
    return _after(interval, open_ts, 1)


def expected_klines(interval: KlineInterval, start_ts: int, end_ts: int) -> int:
    """How many candles can open in [start_ts, end_ts)."""
    first, until = first_open(interval, start_ts), first_open(interval, end_ts)
    if interval is KlineInterval.MO1:
        return max(0, _month(until) - _month(first))
    return max(0, until - first) // (_SECONDS[interval] * NANOSECONDS)


async def page_klines(
    page: KlinePage,
    interval: KlineInterval,
    start_ts: int,
    end_ts: int,
    *,
    page_size: int,
    exchange: str,
    on_progress: KlineProgress | None = None,
) -> AsyncGenerator[Kline, None]:
    """Every candle that opens in [start_ts, end_ts), in nanoseconds, ascending and each once.

    ``page(first_ts, until_ts)`` asks for at most ``page_size`` candles, from border to border of candles of less than a
    day; what it answers beyond its range is dropped. Neither end need be a border: the first candle is the first that
    opens at or after ``start_ts``. A range that reaches into the present ends with the open candle (``closed`` False).

    Raises:
        ExchangeDataException: a candle of less than a day opens where none can.
        ValueError: the range ends before it begins.
    """
    if end_ts < start_ts:
        raise ValueError(f"candles from {start_ts} to {end_ts}: the end lies before the beginning")
    cursor, end = start_ts, end_ts
    if _has_known_borders(interval):
        cursor, end = first_open(interval, start_ts), first_open(interval, end_ts)
    while cursor < end:
        until = min(_after(interval, cursor, page_size), end)
        for kline in await _whole(page, interval, cursor, until, exchange):
            yield kline
        cursor = until
        if on_progress is not None:
            on_progress(expected_klines(interval, start_ts, cursor), expected_klines(interval, start_ts, end))


async def _whole(page: KlinePage, interval: KlineInterval, first: int, until: int, exchange: str) -> list[Kline]:
    """Every candle of one page, asked for again in parts where the answer may have been cut."""
    by_open = {kline.open_ts: kline for kline in await page(first, until) if first <= kline.open_ts < until}
    klines = [by_open[open_ts] for open_ts in sorted(by_open)]
    for kline in klines:
        _check_border(kline, exchange)
    if len(klines) < _CUT_FROM:
        return klines
    head, tail = klines[0].open_ts, close_of(interval, klines[-1].open_ts)
    if close_of(interval, first) <= head:
        klines = [*await _whole(page, interval, first, head, exchange), *klines]
    if close_of(interval, tail) <= until:
        klines = [*klines, *await _whole(page, interval, tail, until, exchange)]
    return klines


def _has_known_borders(interval: KlineInterval) -> bool:
    """A day, a week or a month may begin elsewhere: in another time zone, on another weekday. What is shorter not."""
    return _SECONDS.get(interval, _DAY_S) < _DAY_S


def _check_border(kline: Kline, exchange: str) -> None:
    if _has_known_borders(kline.interval) and kline.open_ts % (_SECONDS[kline.interval] * NANOSECONDS):
        raise ExchangeDataException(
            f"a candle of {kline.interval} opens at {kline.open_ts}, which is no border of such candles",
            exchange,
            channel="klines",
            payload=repr(kline),
        )


def _after(interval: KlineInterval, open_ts: int, count: int) -> int:
    if interval is not KlineInterval.MO1:
        return open_ts + count * _SECONDS[interval] * NANOSECONDS
    month = _month(open_ts)
    into_it = open_ts - _month_start(month)
    return _month_start(month + count) + into_it


def _month(ts: int) -> int:
    """Calendar months since the year 0, UTC."""
    at = datetime.fromtimestamp(ts // NANOSECONDS, UTC)
    return at.year * 12 + at.month - 1


def _month_start(month: int) -> int:
    return int(datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp()) * NANOSECONDS
