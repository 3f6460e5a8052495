from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cex.common.clock import ManualClock
from cex.common.enums import KlineInterval
from cex.common.types.market import BookSnapshot, Kline, Ticker
from cex.common.types.symbols import Symbol
from cex.exchanges.base.interfaces import Channel, Stream
from cex.exchanges.base.streams import Outlets
from cex.exchanges.base.streams.readers import Reader

BTC = Symbol("BTC/USDT")
MINUTE = 60 * 10**9
M1 = KlineInterval.M1
CANDLES = Stream(Channel.KLINES, BTC, "1m")


def kline(minute: int, close: float = 1.0, *, closed: bool = False) -> Kline:
    return Kline(BTC, M1, minute * MINUTE, (minute + 1) * MINUTE, 1.0, 9.0, 1.0, close, 1.0, None, closed)


class Desk:
    def __init__(self, *, closes_klines: bool = True, waiting: int = 100) -> None:
        self.told: list[tuple[Stream, int, bool]] = []
        self.outlets = Outlets(
            waiting=waiting, closes_klines=closes_klines, on_overflow=lambda *facts: self.told.append(facts)
        )
        self.reader: Reader[Kline] = self.outlets.of_klines(BTC, "1m").join()

    async def read(self) -> list[tuple[int, float, bool]]:
        """What waits, as (minute, close, closed)."""
        self.outlets.end()
        return [(kline.open_ts // MINUTE, kline.close, kline.closed) async for kline in self.reader]


async def test_a_candle_that_grows_is_read_as_it_stands(virtual_clock: ManualClock) -> None:
    desk = Desk()
    for close in (1.0, 2.0, 3.0):
        desk.outlets.on_kline(kline(1, close))
    assert await desk.read() == [(1, 3.0, False)]
    (health,) = desk.outlets.health()
    assert (health.channel, health.detail, health.conflated) == (Channel.KLINES, "1m", 2)


async def test_the_next_candle_closes_the_one_before(virtual_clock: ManualClock) -> None:
    desk = Desk()
    for minute, close in ((1, 1.0), (1, 2.0), (2, 3.0), (2, 4.0), (4, 5.0)):
        desk.outlets.on_kline(kline(minute, close))
    assert await desk.read() == [(1, 2.0, True), (2, 4.0, True), (4, 5.0, False)]


async def test_what_comes_late_for_a_closed_candle_is_not_believed(virtual_clock: ManualClock) -> None:
    desk = Desk()
    for minute, close in ((1, 1.0), (2, 2.0), (1, 3.0)):
        desk.outlets.on_kline(kline(minute, close))
    assert await desk.read() == [(1, 1.0, True), (2, 2.0, False)]


async def test_a_hole_closes_no_candle(virtual_clock: ManualClock) -> None:
    desk = Desk()
    desk.outlets.on_kline(kline(1))
    desk.outlets.interrupted([Stream(Channel.TRADES, BTC), CANDLES])
    desk.outlets.on_kline(kline(5))
    assert await desk.read() == [(1, 1.0, False), (5, 1.0, False)]


async def test_an_exchange_that_says_so_is_believed(virtual_clock: ManualClock) -> None:
    desk = Desk(closes_klines=False)
    for one in (kline(1), kline(2, 2.0), kline(1, 3.0, closed=True), kline(2, 4.0)):
        desk.outlets.on_kline(one)
    assert await desk.read() == [(1, 1.0, False), (2, 2.0, False), (1, 3.0, True), (2, 4.0, False)]


async def test_nothing_replaces_a_closed_candle(virtual_clock: ManualClock) -> None:
    desk = Desk(closes_klines=False)
    desk.outlets.on_kline(kline(1, 1.0, closed=True))
    desk.outlets.on_kline(kline(1, 2.0, closed=True))
    assert await desk.read() == [(1, 1.0, True), (1, 2.0, True)]


async def test_limited_books_are_told_apart_by_their_levels(virtual_clock: ManualClock) -> None:
    desk = Desk()
    five, ten = (desk.outlets.of_limited_book(BTC, levels).join() for levels in (5, 10))
    desk.outlets.on_limited_book(BookSnapshot(BTC, 1, [], [], 10))
    desk.outlets.on_limited_book(BookSnapshot(BTC, 2, [], [], 10))
    desk.outlets.on_limited_book(BookSnapshot(BTC, 3, [], [], 20))
    desk.outlets.end()
    assert [book.last_id async for book in ten] == [2]
    assert [book async for book in five] == []


async def test_tickers_conflate_and_what_nobody_reads_goes_nowhere(virtual_clock: ManualClock) -> None:
    desk = Desk()
    reader = desk.outlets.of_ticker(BTC).join()
    for last in (1.0, 2.0):
        desk.outlets.on_ticker(Ticker(BTC, last))
        desk.outlets.on_ticker(Ticker(Symbol("ETH/USDT"), last))
    desk.outlets.on_kline(Kline(BTC, KlineInterval.M5, 0, 5 * MINUTE, 1.0, 1.0, 1.0, 1.0, 1.0, None, False))
    desk.outlets.end()
    assert [ticker.last async for ticker in reader] == [2.0]
    assert await desk.read() == []


@given(
    pushes=st.lists(st.integers(0, 2), max_size=40),
    reads=st.lists(st.booleans(), min_size=40, max_size=40),
    waiting=st.integers(1, 6),
)
async def test_every_closed_candle_is_read_or_told_as_lost(pushes: list[int], reads: list[bool], waiting: int) -> None:
    desk = Desk(waiting=waiting)
    minute, got = 0, []
    for step, wants in zip(pushes, reads, strict=False):
        minute += step
        desk.outlets.on_kline(kline(minute))
        health = desk.outlets.health()[0]
        if wants and health.offered > health.delivered + health.conflated + health.dropped:
            got.append(await anext(desk.reader))
    desk.outlets.end()
    got.extend([one async for one in desk.reader])
    over = {sum(pushes[: count + 1]) for count in range(len(pushes))} - {minute}
    lost = sum(dropped for _, dropped, resumed in desk.told if resumed)
    closed = [one.open_ts // MINUTE for one in got if one.closed]
    assert closed == sorted(set(closed))
    assert set(closed) <= over
    assert len(over) - len(closed) <= lost
    if not lost:
        assert set(closed) == over
