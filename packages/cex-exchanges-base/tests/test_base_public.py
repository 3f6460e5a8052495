from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from cex.common.book.order_book import BookView, OrderBook
from cex.common.clock import ManualClock
from cex.common.enums import BookState, InstrumentStatus, KlineInterval, MarketType, Side
from cex.common.exceptions import (
    ExchangeConnectionException,
    ExchangeException,
    ExchangeRejectedException,
)
from cex.common.types.instruments import Instrument
from cex.common.types.market import BookDelta, BookSnapshot, BookTicker, Kline, Ticker, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import InstrumentCatalogue, UnknownSymbolException
from cex.exchanges.base.interfaces import (
    BaseRestClient,
    BaseWebSocketClient,
    BookFacts,
    Channel,
    ConnectionHealth,
    ExchangeEvent,
    Gap,
    Interrupted,
    Overflow,
    Recovered,
    Refused,
    Resynced,
    Stream,
    StreamHandlers,
)
from cex.exchanges.base.offers import NotOfferedException
from cex.exchanges.base.public import ComposedPublicExchange

BTC, ETH = Symbol("BTC/USDT"), Symbol("ETH/USDT")
PERPETUAL = Symbol("BTC/USDT:USDT")
MINUTE = 60 * 10**9


class Rest(BaseRestClient):
    """A REST side that lists two pairs and whose books stand at ``sequence``."""

    exchange = "venue"

    def __init__(self) -> None:
        self.instruments = InstrumentCatalogue("venue")
        self.sequence = 10
        self.failure: ExchangeException | None = None
        self.resyncs: list[bool] = []
        self.closed = 0

    async def load_instruments(self) -> InstrumentCatalogue:
        await asyncio.sleep(0.01)
        if self.failure is not None:
            raise self.failure
        self.instruments.replace(
            Instrument(
                symbol=symbol,
                exchange="venue",
                exchange_symbol=symbol.replace("/", ""),
                status=InstrumentStatus.TRADING,
                tick=Decimal("0.1"),
                step=Decimal("0.1"),
            )
            for symbol in (BTC, ETH, PERPETUAL)
        )
        return self.instruments

    async def server_time(self) -> int:
        return 1_700_000_000_000_000_000

    async def order_book_snapshot(self, symbol: str, depth: int | None = None, *, resync: bool = False) -> BookSnapshot:
        self.resyncs.append(resync)
        await asyncio.sleep(0.01)
        if self.failure is not None:
            raise self.failure
        return BookSnapshot(Symbol(symbol), self.sequence, [(99.0, 1.0)], [(101.0, 1.0)], depth or 5)

    async def recent_trades(self, symbol: str, limit: int = 100) -> list[Trade]:
        return [trade(number) for number in range(limit)]

    kline_page = 4

    def intervals(self, market: MarketType) -> tuple[KlineInterval, ...]:
        return (KlineInterval.M1,) if market is MarketType.SPOT else ()

    async def klines_page(self, symbol: str, interval: KlineInterval, start_ts: int, end_ts: int) -> list[Kline]:
        return [candle(minute) for minute in range(start_ts // MINUTE, end_ts // MINUTE)]

    async def recent_klines(self, symbol: str, interval: KlineInterval, limit: int = 100) -> list[Kline]:
        return [candle(minute) for minute in range(limit)]

    async def ticker(self, symbol: str) -> Ticker:
        return Ticker(Symbol(symbol), 100.0)

    async def all_tickers(self, market: MarketType | None = None) -> dict[Symbol, Ticker]:
        return {symbol: Ticker(symbol, 100.0) for symbol in (BTC, ETH)}

    async def aclose(self) -> None:
        self.closed += 1


class Streams(BaseWebSocketClient):
    """A websocket side without a socket: the test pushes through ``handlers``."""

    exchange = "venue"

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.facts = BookFacts(window=100, windowed_stream=True, snapshot_depth=100)
        self.handlers: StreamHandlers | None = None
        self.running: set[Stream] = set()
        self.asked: list[Stream] = []
        self.refused: set[Stream] = set()
        self.is_reachable = True
        self.seconds = 0.02
        self.silent_since: int | None = None
        self.closed = 0

    def attach(self, instruments: InstrumentCatalogue, handlers: StreamHandlers) -> None:
        self.handlers = handlers

    @property
    def push(self) -> StreamHandlers:
        assert self.handlers is not None
        return self.handlers

    def intervals(self, market: MarketType) -> tuple[KlineInterval, ...]:
        return (KlineInterval.M1, KlineInterval.H8) if market is MarketType.SPOT else ()

    def limited_levels(self, market: MarketType) -> tuple[int, ...]:
        return (5, 20)

    def book_facts(self, symbol: Symbol) -> BookFacts:
        return self.facts

    async def subscribe(self, streams: Sequence[Stream]) -> None:
        for stream in streams:
            self.asked.append(stream)
            await asyncio.sleep(self.seconds)
            if not self.is_reachable:
                raise ExchangeConnectionException("nobody answers", "venue")
            if stream in self.refused:
                raise ExchangeRejectedException(f"unknown pair {stream.symbol}", "venue", exchange_code="2")
            self.running.add(stream)

    async def unsubscribe(self, streams: Sequence[Stream]) -> None:
        await asyncio.sleep(0.01)
        self.running.difference_update(streams)

    def last_heard_ns(self, stream: Stream) -> int | None:
        if stream not in self.running:
            return None
        return self.clock.monotonic_ns() if self.silent_since is None else self.silent_since

    def health(self) -> tuple[ConnectionHealth, ...]:
        return ()

    async def aclose(self) -> None:
        self.closed += 1
        self.running.clear()


class Venue:
    """An opened exchange with its two sides."""

    def __init__(self, clock: ManualClock, *, flags_closed_klines: bool = True, **options: Any) -> None:
        self.rest, self.streams = Rest(), Streams(clock)
        self.streams.flags_closed_klines = flags_closed_klines
        self.exchange = ComposedPublicExchange(
            rest_client=self.rest,
            websocket_client=self.streams,
            owns_rest=True,
            owns_websocket=True,
            clock=clock,
            **options,
        )
        self.events: list[ExchangeEvent] = []
        self.exchange.on_event(self.events.append)

    def delta(self, first: int, last: int | None = None, symbol: Symbol = BTC) -> None:
        self.streams.push.on_book_delta(
            BookDelta(symbol, first, first if last is None else last, [(99.5, float(first))], [])
        )

    async def __aenter__(self) -> Venue:
        await self.exchange.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.exchange.aclose()


def trade(number: int, symbol: Symbol = BTC) -> Trade:
    return Trade(symbol, str(number), Side.BUY, 100.0, 1.0)


def candle(minute: int, close: float = 1.0) -> Kline:
    open_ts = minute * MINUTE
    return Kline(BTC, KlineInterval.M1, open_ts, open_ts + MINUTE, 1.0, 9.0, 1.0, close, 1.0, None, False)


def ticker(number: int, symbol: Symbol = BTC) -> BookTicker:
    return BookTicker(symbol, 99.0, 1.0, 101.0, 1.0, number)


async def test_opening_loads_the_instruments_and_closing_closes_both_clients(virtual_clock: ManualClock) -> None:
    venue = Venue(virtual_clock)
    async with venue.exchange as exchange:
        assert exchange.exchange == "venue"
        assert exchange.instruments["BTC/USDT"].exchange_symbol == "BTCUSDT"
        handlers = venue.streams.handlers
        await exchange.open()
        assert venue.streams.handlers is handlers, "opening twice is the same as once"
    assert (venue.rest.closed, venue.streams.closed) == (1, 1)
    with pytest.raises(ExchangeConnectionException, match="was closed"):
        await exchange.open()
    with pytest.raises(ExchangeConnectionException, match="was closed"):
        await exchange.subscribe_book(BTC)


async def test_a_failed_opening_closes_what_was_made(virtual_clock: ManualClock) -> None:
    venue = Venue(virtual_clock)
    venue.rest.failure = ExchangeConnectionException("down", "venue")
    with pytest.raises(ExchangeConnectionException, match="down"):
        async with venue.exchange:
            raise AssertionError("not reached")
    assert (venue.rest.closed, venue.streams.closed) == (1, 1)


async def test_what_was_passed_in_stays_open(virtual_clock: ManualClock) -> None:
    rest, streams = Rest(), Streams(virtual_clock)
    async with ComposedPublicExchange(
        rest_client=rest, websocket_client=streams, owns_rest=False, owns_websocket=False, clock=virtual_clock
    ):
        pass
    assert (rest.closed, streams.closed) == (0, 0)


async def test_questions_go_to_rest(virtual_clock: ManualClock) -> None:
    async with Venue(virtual_clock) as venue:
        exchange = venue.exchange
        assert await exchange.server_time() == 1_700_000_000_000_000_000
        assert (await exchange.order_book_snapshot("BTC/USDT", 7)).limit == 7
        assert venue.rest.resyncs == [False]
        assert len(await exchange.recent_trades(BTC, 3)) == 3
        with pytest.raises(UnknownSymbolException, match="did you mean BTC/USDT"):
            await exchange.recent_trades("BTC/USDC")


async def test_before_opening_it_says_what_is_missing(virtual_clock: ManualClock) -> None:
    venue = Venue(virtual_clock)
    with pytest.raises(UnknownSymbolException, match="load its list"):
        await venue.exchange.subscribe_book(BTC)
    await venue.exchange.aclose()


async def test_a_book_is_live_when_it_is_returned(virtual_clock: ManualClock) -> None:
    async with Venue(virtual_clock) as venue:
        seen: list[int] = []
        book = await venue.exchange.subscribe_book("BTC/USDT", lambda book: seen.append(book.sequence))
        assert book.is_live
        assert venue.rest.resyncs == [True]
        venue.delta(11)
        assert seen == [10, 11]
        again = await venue.exchange.subscribe_book(BTC)
        assert again is book
        assert venue.streams.asked == [Stream(Channel.BOOK, BTC)]
        assert venue.exchange.is_fresh(BTC)
        assert venue.exchange.is_fresh("BTC/USDT")
        assert not venue.exchange.is_fresh(ETH)


async def test_updates_that_come_before_the_acknowledgement_count(virtual_clock: ManualClock) -> None:
    async with Venue(virtual_clock) as venue:
        subscribing = asyncio.ensure_future(venue.exchange.subscribe_book(BTC))
        await asyncio.sleep(0.01)
        venue.delta(11, 12)
        book = await subscribing
        assert book.sequence == 12


async def test_a_refused_book_raises_and_leaves_nothing(virtual_clock: ManualClock) -> None:
    async with Venue(virtual_clock) as venue:
        venue.streams.refused = {Stream(Channel.BOOK, BTC)}
        with pytest.raises(ExchangeRejectedException, match="unknown pair"):
            await venue.exchange.subscribe_book(BTC)
        await asyncio.sleep(1)
        assert venue.exchange.health().books == ()
        venue.streams.refused.clear()
        assert (await venue.exchange.subscribe_book(BTC)).is_live


async def test_a_book_that_does_not_become_live_raises_in_time_and_is_unsubscribed(virtual_clock: ManualClock) -> None:
    async with Venue(virtual_clock) as venue:
        venue.rest.failure = ExchangeConnectionException("no snapshot", "venue")
        calls: list[OrderBook] = []
        with pytest.raises(ExchangeConnectionException, match="was not LIVE within 2 s"):
            await venue.exchange.subscribe_book(BTC, calls.append, timeout=2)
        await asyncio.sleep(1)
        assert venue.streams.running == set()
        venue.rest.failure = None
        await venue.exchange.subscribe_book(BTC)
        assert calls == []


async def test_unsubscribing_ends_the_stream_and_the_book_says_so(virtual_clock: ManualClock) -> None:
    async with Venue(virtual_clock) as venue:
        book = await venue.exchange.subscribe_book(BTC)
        await venue.exchange.unsubscribe_book(BTC)
        assert venue.streams.running == set()
        assert book.state is BookState.STALE
        assert not venue.exchange.is_fresh(BTC)
        await venue.exchange.unsubscribe_book(BTC)
        assert await venue.exchange.subscribe_book(BTC) is not book


async def test_two_who_subscribe_at_once_share_and_one_unsubscribe_ends_it(virtual_clock: ManualClock) -> None:
    async with Venue(virtual_clock) as venue:
        first, second = await asyncio.gather(
            venue.exchange.subscribe_book(BTC), venue.exchange.subscribe_book("BTC/USDT")
        )
        assert first is second
        assert venue.streams.asked == [Stream(Channel.BOOK, BTC)]
        await venue.exchange.unsubscribe_book(BTC)
        assert venue.streams.running == set()


async def test_unsubscribing_leaves_iterators_their_book(virtual_clock: ManualClock) -> None:
    async with Venue(virtual_clock) as venue, aclosing(venue.exchange.books(BTC)) as views:
        await venue.exchange.subscribe_book(BTC)
        assert (await anext(views)).sequence == 10
        await venue.exchange.unsubscribe_book(BTC)
        venue.delta(11)
        assert (await anext(views)).sequence == 11


async def test_a_reader_that_left_is_offered_nothing_more(virtual_clock: ManualClock) -> None:
    async with Venue(virtual_clock) as venue:
        await venue.exchange.subscribe_book(BTC)
        async with aclosing(venue.exchange.books(BTC)) as views:
            await anext(views)
        venue.delta(11)
        (stream,) = venue.exchange.health().streams
        assert (stream.offered, stream.delivered, stream.readers) == (1, 1, 0)


async def test_book_views_are_conflated_and_tell_a_loss(virtual_clock: ManualClock) -> None:
    async with Venue(virtual_clock) as venue:
        async with aclosing(venue.exchange.books(BTC)) as views:
            first = await anext(views)
            assert first.state is BookState.LIVE
            for number in range(11, 15):
                venue.delta(number)
            assert (await anext(views)).sequence == 14
            venue.delta(30)
            lost = await anext(views)
            assert lost.state is BookState.GAPPED
            assert lost.bids == lost.asks == ()
            assert "15 to 29" in lost.reason
            venue.rest.sequence = 30
            while (view := await anext(views)).state is not BookState.LIVE:
                pass
            assert view.sequence == 30
        await asyncio.sleep(1)
        assert venue.streams.running == set(), "the last reader has left"
        (stream,) = venue.exchange.health().streams
        assert stream.readers == 0
        assert stream.conflated == 3


async def test_trades_are_all_delivered_and_unsubscribed_by_the_last_reader(virtual_clock: ManualClock) -> None:
    async with Venue(virtual_clock) as venue:
        got: dict[str, list[str]] = {"one": [], "two": []}

        async def read(name: str, count: int) -> None:
            async with aclosing(venue.exchange.trades(BTC)) as trades:
                async for item in trades:
                    got[name].append(item.trade_id)
                    if len(got[name]) == count:
                        break

        readers = [asyncio.ensure_future(read("one", 3)), asyncio.ensure_future(read("two", 5))]
        await asyncio.sleep(0.1)
        assert venue.streams.asked == [Stream(Channel.TRADES, BTC)]
        for number in range(3):
            venue.streams.push.on_trade(trade(number))
        venue.streams.push.on_trade(trade(77, ETH))
        await readers[0]
        assert venue.streams.running == {Stream(Channel.TRADES, BTC)}
        for number in range(3, 5):
            venue.streams.push.on_trade(trade(number))
        await readers[1]
        await asyncio.sleep(0.1)
        assert venue.streams.running == set()
        assert got == {"one": ["0", "1", "2"], "two": ["0", "1", "2", "3", "4"]}


async def test_a_plain_break_lets_go_of_the_stream_too(virtual_clock: ManualClock) -> None:
    async with Venue(virtual_clock) as venue:
        pushing = asyncio.get_running_loop().call_later(0.1, lambda: venue.streams.push.on_trade(trade(1)))
        async for item in venue.exchange.trades(BTC):
            assert item.trade_id == "1"
            break
        await asyncio.sleep(0.1)
        assert venue.streams.running == set()
        pushing.cancel()


async def test_book_tickers_are_conflated(virtual_clock: ManualClock) -> None:
    async with Venue(virtual_clock) as venue, aclosing(venue.exchange.book_tickers("BTC/USDT")) as tickers:
        first = asyncio.ensure_future(anext(tickers))
        await asyncio.sleep(0.1)
        venue.streams.push.on_book_ticker(ticker(1))
        venue.streams.push.on_book_ticker(ticker(7, ETH))
        assert (await first).sequence == 1
        for number in (2, 3, 4):
            venue.streams.push.on_book_ticker(ticker(number))
        assert (await anext(tickers)).sequence == 4


async def test_a_reader_that_is_too_slow_for_trades_is_told(
    virtual_clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with Venue(virtual_clock, trades_waiting=2) as venue, aclosing(venue.exchange.trades(BTC)) as trades:
        first = asyncio.ensure_future(anext(trades))
        await asyncio.sleep(0.1)
        with caplog.at_level(logging.WARNING):
            for number in range(6):
                venue.streams.push.on_trade(trade(number))
        assert (await first).trade_id == "4"
        begun, over = venue.events
        assert isinstance(begun, Overflow)
        assert isinstance(over, Overflow)
        assert (begun.dropped, begun.resumed, over.dropped, over.resumed) == (1, False, 4, True)
        assert over.symbol is BTC
        (stream,) = venue.exchange.health().streams
        assert (stream.offered, stream.delivered, stream.dropped) == (6, 1, 4)
        assert caplog.records[0].__dict__["dropped"] == 1


async def test_an_iterator_of_a_refused_stream_raises(virtual_clock: ManualClock) -> None:
    async with Venue(virtual_clock) as venue:
        venue.streams.refused = {Stream(Channel.TRADES, BTC)}
        with pytest.raises(ExchangeRejectedException):
            async for _ in venue.exchange.trades(BTC):
                pass
        with pytest.raises(UnknownSymbolException):
            async for _ in venue.exchange.trades("NOPE/USDT"):
                pass
        venue.streams.is_reachable = False
        with pytest.raises(ExchangeConnectionException, match="nobody answers"):
            async for _ in venue.exchange.books(ETH):
                pass


async def test_closing_ends_every_iterator(virtual_clock: ManualClock) -> None:
    venue = Venue(virtual_clock)
    ended: list[str] = []

    async def read(name: str, items: AsyncIterator[Trade | BookTicker | BookView]) -> None:
        async for _ in items:
            pass
        ended.append(name)

    async with venue:
        exchange = venue.exchange
        running = [
            asyncio.ensure_future(read("trades", exchange.trades(BTC))),
            asyncio.ensure_future(read("tickers", exchange.book_tickers(BTC))),
            asyncio.ensure_future(read("books", exchange.books(BTC))),
        ]
        await asyncio.sleep(1)
        late = asyncio.ensure_future(read("late", exchange.trades(ETH)))
        await asyncio.sleep(0.001)
        before = virtual_clock.monotonic_ns()
    await asyncio.gather(*running, late)
    assert sorted(ended) == ["books", "late", "tickers", "trades"]
    assert virtual_clock.monotonic_ns() - before < 1e9


async def test_closing_reaches_a_subscription_that_is_under_way(virtual_clock: ManualClock) -> None:
    rest, streams = Rest(), Streams(virtual_clock)
    exchange = ComposedPublicExchange(
        rest_client=rest, websocket_client=streams, owns_rest=False, owns_websocket=False, clock=virtual_clock
    )
    async with exchange:
        subscribing = asyncio.ensure_future(exchange.subscribe_book(BTC))
        await asyncio.sleep(0.01)
    with pytest.raises(ExchangeConnectionException, match="venue was closed"):
        await subscribing
    assert virtual_clock.monotonic_ns() < 1e9
    assert rest.resyncs == []


async def test_interruption_and_recovery_reach_the_right_books(virtual_clock: ManualClock) -> None:
    async with Venue(virtual_clock) as venue:
        btc = await venue.exchange.subscribe_book(BTC)
        eth = await venue.exchange.subscribe_book(ETH)
        carried = (Stream(Channel.BOOK, BTC), Stream(Channel.TRADES, ETH))
        lost = Interrupted(exchange="venue", at_ns=1, connection=1, streams=carried, reason="1006")
        venue.streams.push.on_event(lost)
        assert btc.state is BookState.STALE
        assert "1006" in btc.reason
        assert eth.is_live
        refused = Refused(exchange="venue", at_ns=2, channel=Channel.BOOK, symbol=BTC, code="2", message="delisted")
        venue.streams.push.on_event(refused)
        assert "delisted" in btc.reason
        back = Recovered(exchange="venue", at_ns=3, connection=2, streams=carried)
        venue.streams.push.on_event(back)
        await asyncio.sleep(1)
        assert btc.is_live
        assert venue.events[:3] == [lost, refused, back]
        assert [type(event) for event in venue.events[3:]] == [Resynced]


async def test_a_gap_is_an_event_and_heals(virtual_clock: ManualClock) -> None:
    async with Venue(virtual_clock) as venue:
        book = await venue.exchange.subscribe_book(BTC)
        await asyncio.sleep(10)
        venue.rest.sequence = 21
        venue.delta(20, 21)
        assert book.state is BookState.GAPPED
        assert not venue.exchange.is_fresh(BTC)
        await asyncio.sleep(0.5)
        assert [type(event) for event in venue.events] == [Gap, Resynced]
        assert book.sequence == 21


async def test_freshness_is_about_the_connection_and_not_about_the_pair(virtual_clock: ManualClock) -> None:
    async with Venue(virtual_clock) as venue:
        await venue.exchange.subscribe_book(BTC)
        await asyncio.sleep(3600)
        assert venue.exchange.is_fresh(BTC, max_age=1), "a quiet pair is not stale"
        venue.streams.silent_since = virtual_clock.monotonic_ns()
        await asyncio.sleep(10)
        assert venue.exchange.is_fresh(BTC, max_age=10.001)
        assert not venue.exchange.is_fresh(BTC, max_age=9.9)
        venue.streams.running.clear()
        assert not venue.exchange.is_fresh(BTC)


async def test_an_event_handler_that_raises_harms_no_other(
    virtual_clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    venue = Venue(virtual_clock)
    seen: list[str] = []

    def broken(event: ExchangeEvent) -> None:
        raise ZeroDivisionError

    forget_broken = venue.exchange.on_event(broken)
    forget = venue.exchange.on_event(lambda event: seen.append(event.kind))
    async with venue:
        event = Recovered(exchange="venue", at_ns=1, connection=1, streams=())
        with caplog.at_level(logging.ERROR):
            venue.streams.push.on_event(event)
        assert seen == ["recovered"]
        assert venue.exchange.health().handler_errors == 1
        assert caplog.records[0].__dict__["event"] == "recovered"
        forget_broken()
        forget()
        venue.streams.push.on_event(event)
        assert seen == ["recovered"]
        assert venue.exchange.health().handler_errors == 1


Scenario = Callable[[ManualClock], AbstractAsyncContextManager[Coroutine[Any, Any, object]]]


def test_subscribing_can_be_cancelled_anywhere(cancel_everywhere: Callable[[Scenario], int]) -> None:
    @asynccontextmanager
    async def scenario(clock: ManualClock) -> AsyncIterator[Coroutine[Any, Any, object]]:
        async with Venue(clock) as venue:
            subscribed: list[OrderBook] = []

            async def work() -> None:
                subscribed.append(await venue.exchange.subscribe_book(BTC))

            yield work()
            await asyncio.sleep(5)
            if not subscribed:
                assert venue.streams.running == set()
                assert venue.exchange.health().books == ()
            assert (await venue.exchange.subscribe_book(BTC)).is_live

    assert cancel_everywhere(scenario) >= 2


def test_closing_can_be_cancelled_anywhere_and_done_again(cancel_everywhere: Callable[[Scenario], int]) -> None:
    @asynccontextmanager
    async def scenario(clock: ManualClock) -> AsyncIterator[Coroutine[Any, Any, object]]:
        async with Venue(clock) as venue:
            await venue.exchange.subscribe_book(BTC)
            venue.delta(50)
            reading = asyncio.ensure_future(anext(venue.exchange.trades(ETH), None))
            await asyncio.sleep(0.005)
            yield venue.exchange.aclose()
            await venue.exchange.aclose()
            assert await reading is None
            assert venue.rest.closed >= 1

    assert cancel_everywhere(scenario) >= 2


def test_opening_can_be_cancelled_anywhere(cancel_everywhere: Callable[[Scenario], int]) -> None:
    @asynccontextmanager
    async def scenario(clock: ManualClock) -> AsyncIterator[Coroutine[Any, Any, object]]:
        venue = Venue(clock)

        async def work() -> None:
            async with venue:
                await asyncio.sleep(0.01)

        yield work()
        assert venue.rest.closed == venue.streams.closed == 1

    assert cancel_everywhere(scenario) >= 2


def test_iterating_can_be_cancelled_anywhere(cancel_everywhere: Callable[[Scenario], int]) -> None:
    @asynccontextmanager
    async def scenario(clock: ManualClock) -> AsyncIterator[Coroutine[Any, Any, object]]:
        async with Venue(clock) as venue:

            async def work() -> None:
                async with aclosing(venue.exchange.trades(BTC)) as trades:
                    async for item in trades:
                        if item.trade_id == "2":
                            break

            async def feed() -> None:
                for number in range(200):
                    venue.streams.push.on_trade(trade(number))
                    await asyncio.sleep(0.01)

            feeding = asyncio.ensure_future(feed())
            yield work()
            await feeding
            assert venue.streams.running == set()

    assert cancel_everywhere(scenario) >= 2


async def test_tickers_and_candles_are_asked_of_rest(virtual_clock: ManualClock) -> None:
    async with Venue(virtual_clock) as venue:
        exchange = venue.exchange
        assert (await exchange.ticker("BTC/USDT")).last == 100.0
        assert set(await exchange.all_tickers()) == {BTC, ETH}
        assert exchange.intervals() == (KlineInterval.M1,)
        assert exchange.pushed_intervals() == (KlineInterval.M1, KlineInterval.H8)
        assert exchange.limited_levels(MarketType.FUTURES) == (5, 20)
        assert len(await exchange.recent_klines(BTC, "1m", 3)) == 3
        told: list[tuple[int, int]] = []
        klines = exchange.klines(BTC, "1m", MINUTE, 11 * MINUTE, on_progress=lambda *facts: told.append(facts))
        assert [kline.open_ts // MINUTE async for kline in klines] == list(range(1, 11))
        assert told == [(4, 10), (8, 10), (10, 10)]


async def test_what_is_not_offered_is_said_before_anything_is_asked(virtual_clock: ManualClock) -> None:
    async with Venue(virtual_clock) as venue:
        exchange = venue.exchange
        with pytest.raises(NotOfferedException, match=r"8h candles of spot by REST; it offers 1m"):
            exchange.klines(BTC, "8h", 0, MINUTE)
        with pytest.raises(NotOfferedException, match="1m candles of futures"):
            await exchange.recent_klines(PERPETUAL, KlineInterval.M1)
        with pytest.raises(ValueError, match="7m"):
            exchange.klines(BTC, "7m", 0, MINUTE)
        with pytest.raises(NotOfferedException, match="5m candles of spot; it offers 1m, 8h"):
            exchange.kline_updates(BTC, "5m")
        with pytest.raises(NotOfferedException, match="books of 7 levels of spot; it offers 5, 20"):
            exchange.limited_books(BTC, 7)
        with pytest.raises(NotOfferedException, match="BTC/USDT, which is no perpetual"):
            await exchange.funding_rate(BTC)
        with pytest.raises(UnknownSymbolException):
            exchange.limited_books("BTC/USDC", 5)
        assert venue.streams.asked == []


@pytest.mark.parametrize(
    ("call", "what"),
    [
        ("average_price", "average prices"),
        ("aggregated_trades", "aggregated trades"),
        ("funding_rate", "funding rates"),
        ("funding_history", "funding rates"),
    ],
)
async def test_an_exchange_that_lacks_something_says_so(call: str, what: str, virtual_clock: ManualClock) -> None:
    async with Venue(virtual_clock) as venue:
        bounds = (0, 1) if call in ("aggregated_trades", "funding_history") else ()
        with pytest.raises(NotOfferedException, match=f"venue does not offer {what}") as caught:
            await getattr(venue.exchange, call)(PERPETUAL, *bounds)
        assert caught.value.operation == call
        assert caught.value.safe_to_resubmit
        assert not caught.value.retryable


async def test_the_least_that_an_exchange_has_is_told_apart_from_the_rest() -> None:
    """A client that offers no more than books and trades needs to say nothing about the rest."""

    class Least(BaseRestClient):
        exchange = "least"
        load_instruments = server_time = order_book_snapshot = recent_trades = aclose = None  # type: ignore[assignment]

    least = Least()
    assert least.intervals(MarketType.SPOT) == ()
    with pytest.raises(NotOfferedException, match="tickers"):
        await least.ticker(BTC)
    with pytest.raises(NotOfferedException, match="tickers"):
        await least.all_tickers()
    with pytest.raises(NotOfferedException, match="candles"):
        await least.recent_klines(BTC, KlineInterval.M1)
    with pytest.raises(NotOfferedException, match="candles"):
        await least.klines_page(BTC, KlineInterval.M1, 0, 1)


async def test_tickers_candles_and_limited_books_are_streams_of_their_own(virtual_clock: ManualClock) -> None:
    async with Venue(virtual_clock) as venue:
        exchange, push = venue.exchange, venue.streams.push
        tickers, candles = exchange.tickers(BTC), exchange.kline_updates(BTC, "1m")
        five, twenty = exchange.limited_books(BTC, 5), exchange.limited_books(BTC, 20)
        async with aclosing(tickers), aclosing(candles), aclosing(five), aclosing(twenty):
            waiting = [asyncio.ensure_future(anext(stream)) for stream in (tickers, candles, five, twenty)]
            await asyncio.sleep(1)
            assert venue.streams.running == {
                Stream(Channel.TICKER, BTC),
                Stream(Channel.KLINES, BTC, "1m"),
                Stream(Channel.LIMITED_BOOK, BTC, "5"),
                Stream(Channel.LIMITED_BOOK, BTC, "20"),
            }
            push.on_ticker(Ticker(BTC, 5.0))
            push.on_kline(candle(1))
            push.on_limited_book(BookSnapshot(BTC, 1, [], [], 20))
            push.on_limited_book(BookSnapshot(BTC, 2, [], [], 5))
            got = await asyncio.gather(*waiting)
            assert [type(item) for item in got] == [Ticker, Kline, BookSnapshot, BookSnapshot]
            assert [book.last_id for book in got if isinstance(book, BookSnapshot)] == [2, 1]
            assert exchange.is_fresh(BTC, channel=Channel.TICKER)
            assert exchange.is_fresh(BTC, channel=Channel.LIMITED_BOOK, detail="20")
            assert not exchange.is_fresh(BTC, channel=Channel.LIMITED_BOOK, detail="10")
            assert not exchange.is_fresh(BTC)
            virtual_clock.advance(100.0)
            venue.streams.silent_since = virtual_clock.monotonic_ns() - 50 * 10**9
            assert not exchange.is_fresh(BTC, channel=Channel.TICKER)
            assert {(stream.channel, stream.detail) for stream in exchange.health().streams} == {
                (Channel.TICKER, ""),
                (Channel.KLINES, "1m"),
                (Channel.LIMITED_BOOK, "5"),
                (Channel.LIMITED_BOOK, "20"),
            }
        await asyncio.sleep(1)
        assert venue.streams.running == set()


async def test_a_candle_is_closed_by_the_next_but_not_across_a_hole(virtual_clock: ManualClock) -> None:
    venue = Venue(virtual_clock, flags_closed_klines=False)
    async with venue:
        push, stream = venue.streams.push, Stream(Channel.KLINES, BTC, "1m")
        at: dict[str, Any] = {"exchange": "venue", "at_ns": 1}
        async with aclosing(venue.exchange.kline_updates(BTC, "1m")) as candles:
            first = asyncio.ensure_future(anext(candles))
            await asyncio.sleep(1)
            push.on_kline(candle(1))
            await first
            for minute, trouble in ((2, None), (3, "lost"), (4, "refused"), (5, None)):
                push.on_kline(candle(minute))
                if trouble == "lost":
                    push.on_event(Interrupted(connection=1, streams=(stream,), reason="cut", **at))
                elif trouble == "refused":
                    refused = Refused(channel=stream.channel, symbol=BTC, code=None, message="", detail="1m", **at)
                    push.on_event(refused)
            got = [await anext(candles) for _ in range(5)]
        assert [(kline.open_ts // MINUTE, kline.closed) for kline in got] == [
            (1, True),
            (2, True),
            (3, False),
            (4, False),
            (5, False),
        ]


async def test_a_book_that_its_stream_seeds_is_got_back_by_subscribing_anew(virtual_clock: ManualClock) -> None:
    venue = Venue(virtual_clock)
    venue.streams.facts = BookFacts(window=100, windowed_stream=True, snapshot_depth=100, seeded_by_stream=True)
    async with venue:

        def full(last: int) -> None:
            venue.streams.push.on_book_delta(BookDelta(BTC, last, last, [(99.0, 1.0)], [(101.0, 1.0)], full=True))

        asyncio.get_running_loop().call_later(0.5, full, 10)
        book = await venue.exchange.subscribe_book(BTC)
        await asyncio.sleep(5)
        venue.delta(12)
        assert book.state is BookState.GAPPED
        asyncio.get_running_loop().call_later(1, full, 15)
        await asyncio.sleep(2)
        assert (book.state, book.sequence) == (BookState.LIVE, 15)
        assert venue.streams.asked == [Stream(Channel.BOOK, BTC)] * 2
        assert venue.rest.resyncs == [], "nothing was asked of REST"
