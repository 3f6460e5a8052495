"""The whole public exchange against a small MEXC on loopback: books proven against its truth, faults, refusals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import pytest

from cex.common import OrderBook, Symbol
from cex.common.enums import BookState, Side
from cex.common.exceptions import BookNotLive, ExchangeException, ExchangeRejectedException
from cex.exchanges.base.books import ResyncPolicy
from cex.exchanges.base.catalogue import UnknownSymbolException
from cex.exchanges.base.interfaces import (
    Channel,
    ExchangeEvent,
    Gap,
    Interrupted,
    Recovered,
    Resynced,
    Stream,
    Undecodable,
)
from cex.exchanges.mexc.config import MexcConfig
from cex.exchanges.mexc.factory import MexcExchangeFactory
from cex.exchanges.mexc.public import MexcPublicExchange
from cex.exchanges.mexc.rest import MexcRestClient
from cex.exchanges.mexc.websocket import MexcWebSocketClient
from cex.networking import ReconnectPolicy

FakeMexc = Any

BTC, ETH, LOBSTER = Symbol("BTC/USDT"), Symbol("ETH/USDT"), Symbol("龙虾/USDT")


class Watched:
    """An open exchange, the events that it told, and a check of every LIVE book that it showed."""

    def __init__(
        self, exchange: MexcPublicExchange, rest: MexcRestClient, websocket: MexcWebSocketClient, fake: FakeMexc
    ) -> None:
        self.exchange = exchange
        self.rest = rest
        self.websocket = websocket
        self.fake = fake
        self.events: list[ExchangeEvent] = []
        self.seen: list[int] = []
        exchange.on_event(self.events.append)

    def on_book(self, book: OrderBook) -> None:
        self.prove(book)
        self.seen.append(book.sequence)

    def prove(self, book: OrderBook) -> None:
        """A LIVE book equals the truth at its own sequence, and is not crossed."""
        native = self.exchange.instruments[book.symbol].exchange_symbol
        bids, asks = self.fake.truth(native, book.sequence)
        assert dict(book.bids()) == bids
        assert dict(book.asks()) == asks
        assert max(bids) < min(asks)

    def told(self, kind: type[ExchangeEvent]) -> list[Any]:
        return [event for event in self.events if type(event) is kind]


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 (conditions of many kinds, on both ends)
            await asyncio.sleep(0.005)


def config_of(fake: FakeMexc) -> MexcConfig:
    return MexcConfig(endpoints={"rest": fake.rest_url, "ws": fake.ws_url}, book_depth=100)


@pytest.fixture
async def watched(mexc: FakeMexc) -> AsyncIterator[Watched]:
    config = config_of(mexc)
    rest = MexcRestClient(config.endpoint("rest"))
    websocket = MexcWebSocketClient(
        config.endpoint("ws"), book_depth=100, reconnect=ReconnectPolicy(first=0.01, most=0.02), subscribe_timeout=3
    )
    policy = ResyncPolicy(first_delta_wait=0.02, too_old_first=0.02, failure_first=0.02, most=0.1)
    exchange = MexcPublicExchange(rest_client=rest, websocket_client=websocket, owns_clients=True, resync=policy)
    async with exchange:
        yield Watched(exchange, rest, websocket, mexc)


async def test_what_is_asked_and_answered(watched: Watched) -> None:
    exchange = watched.exchange
    assert set(exchange.instruments) == {BTC, ETH, LOBSTER}
    assert await exchange.server_time() == 1_791_570_241_216_000_000
    assert (await exchange.order_book_snapshot(BTC, 5)).last_id == 1000
    assert [trade.side for trade in await exchange.recent_trades(BTC)] == [Side.SELL, Side.BUY]
    with pytest.raises(UnknownSymbolException):
        await exchange.subscribe_book("DOGE/USDT")


async def test_a_book_is_live_and_true_after_every_push(watched: Watched, mexc: FakeMexc) -> None:
    book = await watched.exchange.subscribe_book(BTC, watched.on_book)
    assert book.state is BookState.LIVE
    watched.prove(book)
    await mexc.change("BTCUSDT", bids={"99.7": "4", "98.5": "0"})
    await mexc.change("BTCUSDT", bids={"99.7": "0"}, asks={"100.5": "0.25", "102": "8"})
    await mexc.change("BTCUSDT", asks={"100.50": "0"})  # the same price, written otherwise
    await until(lambda: book.sequence == 1009)
    assert watched.seen == [1000, 1003, 1006, 1009]
    assert book.best_ask == (101.0, 2.0)
    assert watched.exchange.is_fresh(BTC)
    assert watched.told(Gap) == []


async def test_a_thin_market_is_live_by_its_snapshot(watched: Watched) -> None:
    book = await watched.exchange.subscribe_book(LOBSTER)
    assert book.sequence == 1000
    watched.prove(book)


async def test_a_snapshot_that_is_older_than_the_stream_is_fetched_again(watched: Watched, mexc: FakeMexc) -> None:
    mexc.stale_depths.append(mexc.depth_body("BTCUSDT", 100))
    subscribing = asyncio.create_task(watched.exchange.subscribe_book(BTC, watched.on_book))
    await until(lambda: any(mexc.subscriptions.values()))
    mexc.books["BTCUSDT"].version += 5  # these were pushed before we listened
    await mexc.change("BTCUSDT", bids={"99.6": "1"})
    book = await subscribing
    assert mexc.stale_depths == []
    assert book.sequence == 1008
    watched.prove(book)


async def test_a_lost_push_is_a_gap_and_heals(watched: Watched, mexc: FakeMexc) -> None:
    book = await watched.exchange.subscribe_book(BTC, watched.on_book)
    other = await watched.exchange.subscribe_book(ETH, watched.on_book)
    mexc.swallow("BTCUSDT")
    await mexc.change("BTCUSDT", bids={"99.8": "1"})
    await mexc.change("BTCUSDT", asks={"100.4": "1"})
    await until(lambda: watched.told(Gap))
    (gap,) = watched.told(Gap)
    assert (gap.symbol, gap.state) == (BTC, BookState.GAPPED)
    assert "1001 to 1003 are missing" in gap.reason
    await until(lambda: watched.told(Resynced))
    watched.prove(book)
    assert (book.state, book.sequence) == (BookState.LIVE, 1006)
    assert other.state is BookState.LIVE
    await mexc.change("BTCUSDT", asks={"100.4": "0"})
    await until(lambda: book.sequence == 1009)
    watched.prove(book)


async def test_a_lost_connection_is_stale_and_recovers(watched: Watched, mexc: FakeMexc) -> None:
    book = await watched.exchange.subscribe_book(BTC, watched.on_book)
    mexc.cut()
    await until(lambda: watched.told(Interrupted))
    assert book.state is BookState.STALE
    with pytest.raises(BookNotLive):
        book.best_bid  # noqa: B018
    await mexc.change("BTCUSDT", bids={"99.9": "5"})  # while nobody listened
    await until(lambda: watched.told(Recovered) and book.is_live)
    assert book.sequence == 1003
    watched.prove(book)
    (recovered,) = watched.told(Recovered)
    assert recovered.streams == (Stream(Channel.BOOK, BTC),)


async def test_a_refused_stream_says_so_and_harms_no_other(watched: Watched, mexc: FakeMexc) -> None:
    mexc.blocked.add("ETHUSDT")
    book = await watched.exchange.subscribe_book(BTC, watched.on_book)
    with pytest.raises(ExchangeRejectedException, match="Blocked!") as caught:
        await watched.exchange.subscribe_book(ETH)
    assert "ETHUSDT" in str(caught.value)
    await mexc.change("BTCUSDT", bids={"99.6": "1"})
    await until(lambda: book.sequence == 1003)


async def test_one_request_with_a_blocked_stream_keeps_the_others(mexc: FakeMexc, watched: Watched) -> None:
    mexc.blocked.add("ETHUSDT")
    book = await watched.exchange.subscribe_book(LOBSTER)
    client = watched.websocket
    with pytest.raises(ExchangeRejectedException, match="1 subscriptions refused"):
        await client.subscribe([Stream(Channel.TRADES, symbol) for symbol in (BTC, ETH, LOBSTER)])
    (asked,) = [text for text in mexc.texts if text.count("aggre.deals") == 3]
    assert "ETHUSDT" in asked
    assert client.last_heard_ns(Stream(Channel.TRADES, BTC)) is not None
    assert client.last_heard_ns(Stream(Channel.TRADES, ETH)) is None
    assert book.is_live


async def test_trades_and_book_tickers_are_read(watched: Watched, mexc: FakeMexc) -> None:
    trades, tickers = watched.exchange.trades(BTC), watched.exchange.book_tickers(BTC)
    first_trade = asyncio.create_task(anext(trades))
    first_ticker = asyncio.create_task(anext(tickers))
    await until(lambda: sum(map(len, mexc.subscriptions.values())) == 2)
    await mexc.trade("BTCUSDT", "100.5", "0.25", 1)
    await mexc.tick("BTCUSDT")
    trade, ticker = await first_trade, await first_ticker
    assert (trade.symbol, trade.side, trade.price, trade.quantity, trade.trade_id) == (
        BTC,
        Side.BUY,
        100.5,
        0.25,
        "1X0_2X0",
    )
    assert (ticker.bid_price, ticker.bid_quantity, ticker.ask_price, ticker.sequence) == (99.5, 1.0, 100.5, 1000)
    await trades.aclose()
    await tickers.aclose()


async def test_the_other_streams_are_read(watched: Watched, mexc: FakeMexc) -> None:
    exchange = watched.exchange
    streams: list[AsyncGenerator[Any, None]] = [
        exchange.tickers(BTC),
        exchange.kline_updates(BTC, "1m"),
        exchange.limited_books(BTC, 10),
    ]
    waiting = [asyncio.create_task(anext(stream)) for stream in streams]
    await until(lambda: sum(map(len, mexc.subscriptions.values())) == 3)
    prices = {"openingPrice": "10", "highestPrice": "12", "lowestPrice": "9", "closingPrice": "11"}
    candle = {"interval": "Min1", "windowStart": 60, "windowEnd": 120, **prices}
    await mexc.push_detailed("spot@public.kline.v3.api.pb@BTCUSDT@Min1", publicSpotKline=candle)
    ticker = {"symbol": "BTCUSDT", "price": "11", "volume": "22", "quantity": "2"}
    await mexc.push_detailed("spot@public.miniTicker.v3.api.pb@BTCUSDT@24H", publicMiniTicker=ticker)
    book = {"version": "7", "bids": [{"price": "10", "quantity": "1"}]}
    await mexc.push_detailed("spot@public.limit.depth.v3.api.pb@BTCUSDT@10", publicLimitDepths=book)
    told, kline, limited = await asyncio.gather(*waiting)
    assert (told.last, told.base_volume, told.quote_volume) == (11.0, 2.0, 22.0)
    assert (kline.open_ts, kline.close_ts, kline.closed) == (60 * 10**9, 120 * 10**9, False)
    assert (limited.last_id, limited.bids, limited.limit) == (7, [(10.0, 1.0)], 10)

    later = {**candle, "windowStart": 120, "windowEnd": 180}
    await mexc.push_detailed("spot@public.kline.v3.api.pb@BTCUSDT@Min1", publicSpotKline=later)
    first, second = await anext(streams[1]), await anext(streams[1])
    assert (first.open_ts, first.closed, second.closed) == (kline.open_ts, True, False)
    for stream in streams:
        await stream.aclose()


async def test_books_are_read_as_views(watched: Watched, mexc: FakeMexc) -> None:
    views = watched.exchange.books(BTC)
    view = await anext(views)
    while view.state is not BookState.LIVE:
        view = await anext(views)
    await mexc.change("BTCUSDT", bids={"99.6": "1"})
    while view.sequence != 1003:
        view = await anext(views)
    assert view.bids[0] == (99.6, 1.0)
    await views.aclose()


async def test_streams_spread_over_connections(watched: Watched, mexc: FakeMexc) -> None:
    names = [f"COIN{number}USDT" for number in range(26)]
    mexc.list_symbols(*names)
    await watched.rest.load_instruments()
    symbols = [Symbol(f"COIN{number}/USDT") for number in range(26)]
    await watched.websocket.subscribe([Stream(Channel.BOOK_TICKER, symbol) for symbol in symbols])
    assert sorted(map(len, mexc.subscriptions.values())) == [1, 25]
    assert mexc.most_subscriptions == 25
    assert all(len(text.encode()) <= 1024 for text in mexc.texts)


async def test_an_unsubscribed_stream_keeps_its_slot(watched: Watched, mexc: FakeMexc) -> None:
    names = [f"COIN{number}USDT" for number in range(40)]
    mexc.list_symbols(*names)
    await watched.rest.load_instruments()
    client = watched.websocket
    symbols = [Symbol(f"COIN{number}/USDT") for number in range(40)]
    await client.subscribe([Stream(Channel.TRADES, symbol) for symbol in symbols[:25]])
    await client.unsubscribe([Stream(Channel.TRADES, symbol) for symbol in symbols[:20]])
    await client.subscribe([Stream(Channel.TRADES, symbol) for symbol in symbols[25:]])
    assert mexc.most_subscriptions <= 25


async def test_a_frame_that_does_not_decode_costs_only_itself(watched: Watched, mexc: FakeMexc) -> None:
    book = await watched.exchange.subscribe_book(BTC, watched.on_book)
    await mexc.send_raw(b"\xff\xff\xff\xff")
    await mexc.send_raw('{"msg":"what is this"}')
    await until(lambda: len(watched.told(Undecodable)) == 2)
    await mexc.change("BTCUSDT", bids={"99.6": "1"})
    await until(lambda: book.sequence == 1003)
    assert watched.told(Interrupted) == []


async def test_health_tells_of_connections_and_books(watched: Watched) -> None:
    await watched.exchange.subscribe_book(BTC)
    health = watched.exchange.health()
    assert health.exchange == "mexc"
    (book,) = health.books
    assert (book.symbol, book.state, book.sequence) == (BTC, BookState.LIVE, 1000)
    assert len(health.connections) == 1


async def test_from_config_makes_and_closes_its_own(mexc: FakeMexc) -> None:
    async with MexcPublicExchange.from_config(config_of(mexc)) as exchange:
        book = await exchange.subscribe_book("BTC/USDT")
        assert book.best_bid == (99.5, 1.0)
    assert book.state is BookState.STALE
    with pytest.raises(ExchangeException):
        await exchange.server_time()


async def test_closing_leaves_no_task_behind(mexc: FakeMexc) -> None:
    before = asyncio.all_tasks()
    async with MexcPublicExchange.from_config(config_of(mexc)) as exchange:
        await asyncio.gather(exchange.subscribe_book(BTC), exchange.subscribe_book(ETH))
        await mexc.change("BTCUSDT", bids={"99.6": "1"})
    left = [task for task in asyncio.all_tasks() - before if "RequestHandler" not in repr(task.get_coro())]
    assert left == []  # what remains are the server's own


async def test_the_factory_puts_it_together(mexc: FakeMexc) -> None:
    exchange = MexcExchangeFactory().create_public_exchange(config_of(mexc))
    async with exchange:
        assert (await exchange.subscribe_book(BTC)).is_live
