from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cex.common.enums import KlineInterval
from cex.common.exceptions import ExchangeDataException
from cex.common.types.market import Kline
from cex.common.types.symbols import Symbol
from cex.exchanges.base.klines import close_of, expected_klines, first_open, page_klines

BTC = Symbol("BTC/USDT")
SECOND = 10**9
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND
M1, D1, W1, MO1 = KlineInterval.M1, KlineInterval.D1, KlineInterval.W1, KlineInterval.MO1


def at(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp()) * SECOND  # type: ignore[arg-type,misc]


def kline(open_ts: int, interval: KlineInterval = M1) -> Kline:
    return Kline(BTC, interval, open_ts, close_of(interval, open_ts), 1.0, 1.0, 1.0, 1.0, 1.0, None, True)


class Shelf:
    """An exchange's candles: answers a page with what it has, cut to ``cap`` candles at the end that it prefers."""

    def __init__(
        self, opens: list[int], *, interval: KlineInterval = M1, cap: int | None = None, newest_first: bool = False
    ) -> None:
        self.klines = [kline(open_ts, interval) for open_ts in opens]
        self.cap = cap
        self.newest_first = newest_first
        self.asked: list[tuple[int, int]] = []
        self.beyond = 0
        """Nanoseconds that an answer reaches beyond what was asked, at both ends."""

    async def page(self, first: int, until: int) -> list[Kline]:
        self.asked.append((first, until))
        held = [kline for kline in self.klines if first - self.beyond <= kline.open_ts < until + self.beyond]
        if self.cap is not None:
            held = held[-self.cap :] if self.newest_first else held[: self.cap]
        return held


async def read(
    shelf: Shelf,
    start: int,
    end: int,
    *,
    page_size: int = 10,
    interval: KlineInterval = M1,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[int]:
    pages = page_klines(
        shelf.page, interval, start, end, page_size=page_size, exchange="venue", on_progress=on_progress
    )
    return [kline.open_ts async for kline in pages]


async def test_pages_meet_without_a_hole_and_without_an_overlap() -> None:
    opens = [minute * MINUTE for minute in range(100)]
    shelf = Shelf(opens)
    told: list[tuple[int, int]] = []
    got = await read(shelf, 5 * MINUTE, 38 * MINUTE, on_progress=lambda *facts: told.append(facts))
    assert got == opens[5:38]
    assert shelf.asked == [(first * MINUTE, until * MINUTE) for first, until in ((5, 15), (15, 25), (25, 35), (35, 38))]
    assert told == [(10, 33), (20, 33), (30, 33), (33, 33)]


async def test_neither_end_needs_to_be_a_border() -> None:
    opens = [minute * MINUTE for minute in range(10)]
    assert await read(Shelf(opens), 2 * MINUTE - 1, 5 * MINUTE + 1) == opens[2:6]
    assert await read(Shelf(opens), 2 * MINUTE + 1, 5 * MINUTE) == opens[3:5]
    assert await read(Shelf(opens), 2 * MINUTE + 1, 2 * MINUTE + 2) == []


async def test_an_empty_range_asks_nothing_and_a_reversed_one_is_refused() -> None:
    shelf = Shelf([0])
    assert await read(shelf, 7 * MINUTE, 7 * MINUTE) == []
    assert shelf.asked == []
    with pytest.raises(ValueError, match="the end lies before the beginning"):
        await read(shelf, 7, 6)


async def test_what_an_answer_holds_beyond_its_page_is_dropped() -> None:
    opens = [minute * MINUTE for minute in range(40)]
    shelf = Shelf(opens)
    shelf.beyond = 3 * MINUTE
    assert await read(shelf, 5 * MINUTE, 33 * MINUTE) == opens[5:33]


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("cap", [100, 500, 999])
async def test_an_answer_that_was_cut_is_completed(cap: int, newest_first: bool) -> None:
    opens = [minute * MINUTE for minute in range(2500)]
    shelf = Shelf(opens, cap=cap, newest_first=newest_first)
    assert await read(shelf, 0, 2500 * MINUTE, page_size=1000) == opens


async def test_a_quiet_market_costs_no_request_more() -> None:
    shelf = Shelf([minute * MINUTE for minute in range(0, 1000, 17)])
    assert len(await read(shelf, 0, 1000 * MINUTE, page_size=500)) == 59
    assert len(shelf.asked) == 2


async def test_a_candle_where_none_can_be_is_an_error() -> None:
    with pytest.raises(ExchangeDataException, match="which is no border of such candles"):
        await read(Shelf([MINUTE + SECOND]), 0, 5 * MINUTE)


async def test_days_may_begin_elsewhere() -> None:
    """An exchange that reckons in UTC+8 opens its days at 16:00 UTC."""
    opens = [day * DAY + 16 * 3600 * SECOND for day in range(300)]
    shelf = Shelf(opens, interval=D1)
    assert await read(shelf, 0, 300 * DAY, page_size=120, interval=D1) == opens
    assert len(shelf.asked) == 3


async def test_weeks_may_begin_on_any_day() -> None:
    """Counted from the epoch, a week begins on Thursday; none may be lost before the first Monday."""
    week = 7 * DAY
    opens = [number * week for number in range(2900, 2960)]
    for start in range(2910 * week, 2911 * week + 1, DAY):
        got = await read(Shelf(opens, interval=W1), start, start + 20 * week, page_size=7, interval=W1)
        assert got == [open_ts for open_ts in opens if start <= open_ts < start + 20 * week]


async def test_months_are_those_of_the_calendar() -> None:
    opens = [at(2023 + month // 12, month % 12 + 1, 1) for month in range(36)]
    shelf = Shelf(opens, interval=MO1)
    told: list[tuple[int, int]] = []
    got = await read(
        shelf, at(2023, 1, 2), at(2025, 12, 31), page_size=12, interval=MO1, on_progress=lambda *x: told.append(x)
    )
    assert got == opens[1:]
    assert told == [(12, 35), (24, 35), (35, 35)]
    assert shelf.asked[0] == (at(2023, 1, 2), at(2024, 1, 2))
    assert close_of(MO1, at(2024, 2, 1)) == at(2024, 3, 1)


def test_borders() -> None:
    assert first_open(M1, 0) == 0
    assert first_open(M1, 1) == MINUTE
    assert first_open(W1, at(2026, 11, 23)) == at(2026, 11, 23), "a Monday"
    assert first_open(W1, at(2026, 11, 24)) == at(2026, 11, 30)
    assert first_open(MO1, at(2026, 12, 2)) == at(2027, 1, 1)
    assert close_of(KlineInterval.H8, 0) == 8 * 3600 * SECOND
    assert expected_klines(W1, at(2026, 11, 23), at(2026, 12, 7)) == 2
    assert expected_klines(M1, 10, 5) == 0


@settings(max_examples=60)
@given(
    opens=st.sets(st.integers(0, 60)),
    start=st.integers(0, 60 * MINUTE),
    length=st.integers(0, 70 * MINUTE),
    page_size=st.integers(1, 20),
    slack=st.integers(0, 3),
)
async def test_any_range_over_any_holes_is_what_the_exchange_has(
    opens: set[int], start: int, length: int, page_size: int, slack: int
) -> None:
    held = [minute * MINUTE for minute in sorted(opens)]
    shelf = Shelf(held)
    shelf.beyond = slack * MINUTE
    told: list[tuple[int, int]] = []
    got = await read(shelf, start, start + length, page_size=page_size, on_progress=lambda *facts: told.append(facts))
    assert got == [open_ts for open_ts in held if start <= open_ts < start + length]
    assert all(until - first <= page_size * MINUTE for first, until in shelf.asked)
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    if told:
        assert told[-1][0] == told[-1][1] == expected_klines(M1, start, start + length)
