"""Toy as its users have it, against a small Toy on loopback."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from cex.common import Symbol
from cex.common.enums import Side
from cex.common.exceptions import ConfigurationException, ExchangeDataException, ExchangeRejectedException
from cex.exchanges.base.catalogue import UnknownSymbolException
from cex.exchanges.base.offers import NotOfferedException
from cex.exchanges.toy import ToyConfig, ToyExchangeFactory, ToyPublicExchange

SYMBOL, PERPETUAL = Symbol("BTC/USDT"), Symbol("BTC/USDT:USDT")


def test_the_factory_builds_from_settings_and_opens_nothing() -> None:
    exchange = ToyExchangeFactory().create_public_exchange(ToyConfig())
    assert exchange.exchange == "toy"
    assert exchange.health().connections == ()


def test_there_is_no_private_side_yet() -> None:
    with pytest.raises(ConfigurationException, match="toy: orders and balances are not offered yet"):
        ToyExchangeFactory().create_private_exchange(ToyConfig())


async def test_rest(server: Any) -> None:
    async with ToyPublicExchange.from_config(server.config) as exchange:
        assert list(exchange.instruments) == [SYMBOL, PERPETUAL]
        assert exchange.instruments[SYMBOL].tick == Decimal("0.1")
        assert await exchange.server_time() == 1_700_000_000_123_000_000
        (trade,) = await exchange.recent_trades(SYMBOL)
        assert (trade.side, trade.price, trade.quantity) == (Side.SELL, 99.5, 3.0)
        snapshot = await exchange.order_book_snapshot(SYMBOL)
        assert snapshot.bids[0] == (99.0, 1.0)
        with pytest.raises(UnknownSymbolException):
            await exchange.order_book_snapshot("ETH/USDT")
        with pytest.raises(ExchangeRejectedException, match="depth is 1 to 100") as refused:
            await exchange.order_book_snapshot(SYMBOL, depth=0)
        assert refused.value.exchange_code == "BAD_DEPTH"


async def test_a_book_is_proven_and_follows(server: Any) -> None:
    changed = asyncio.Event()
    async with ToyPublicExchange.from_config(server.config) as exchange:
        book = await exchange.subscribe_book(SYMBOL, lambda _book: changed.set(), timeout=5)
        assert book.best_bid is not None
        assert (book.best_bid.price, book.sequence) == (99.0, 100)
        changed.clear()
        await server.move("bids", 100.0, 3.0)
        await asyncio.wait_for(changed.wait(), 5)
        assert book.best_bid is not None
        assert (book.best_bid.price, book.best_bid.quantity, book.sequence) == (100.0, 3.0, 101)


async def test_contracts_become_base_units(server: Any) -> None:
    async with ToyPublicExchange.from_config(server.config) as exchange:
        rules = exchange.instruments[PERPETUAL]
        assert (rules.contract_size, rules.step) == (Decimal("0.1"), Decimal("0.1"))
        snapshot = await exchange.order_book_snapshot(PERPETUAL)
        assert (snapshot.symbol, snapshot.bids[0], snapshot.asks[0]) == (PERPETUAL, (100.0, 0.3), (102.0, 0.7))
        (trade,) = await exchange.recent_trades(PERPETUAL)
        assert (trade.symbol, trade.quantity) == (PERPETUAL, 0.3)
        tickers = exchange.book_tickers(PERPETUAL)
        first = asyncio.ensure_future(anext(tickers))
        await asyncio.wait_for(server.subscribed.wait(), 5)
        push = {"op": "ticker", "name": "BTC_USDT_PERP", "id": 1, "bid": ["100", "3"], "ask": ["102", "7"]}
        await server.push("ticker", push)
        ticker = await asyncio.wait_for(first, 5)
        assert (ticker.bid_quantity, ticker.ask_quantity) == (0.3, 0.7)
        await tickers.aclose()


async def test_spot_and_perpetual_have_a_book_each(server: Any) -> None:
    changed = asyncio.Event()
    async with ToyPublicExchange.from_config(server.config) as exchange:
        spot = await exchange.subscribe_book(SYMBOL, timeout=5)
        perpetual = await exchange.subscribe_book(PERPETUAL, lambda _book: changed.set(), timeout=5)
        changed.clear()
        await server.move("bids", 101.0, 6.0, "BTC_USDT_PERP")
        await asyncio.wait_for(changed.wait(), 5)
        assert perpetual.bids(2) == [(101.0, 0.6), (100.0, 0.3)]
        assert spot.bids() == [(99.0, 1.0), (98.0, 2.0)]


async def test_funding_is_of_perpetuals(server: Any) -> None:
    async with ToyPublicExchange.from_config(server.config) as exchange:
        funding = await exchange.funding_rate(PERPETUAL)
        assert (funding.symbol, funding.rate, funding.interval_s) == (PERPETUAL, -0.0001, 28800)
        assert funding.funding_ts == 1_700_006_400_000_000_000
        with pytest.raises(NotOfferedException, match="is no perpetual"):
            await exchange.funding_rate(SYMBOL)


async def test_trades_arrive(server: Any) -> None:
    async with ToyPublicExchange.from_config(server.config) as exchange:
        trades = exchange.trades(SYMBOL)
        first = asyncio.ensure_future(anext(trades))
        await asyncio.wait_for(server.subscribed.wait(), 5)
        push = {"op": "trade", "name": "BTC_USDT", "id": "7", "side": "buy", "price": "101", "size": "0.5", "ms": 1}
        await server.push("trade", push)
        trade = await asyncio.wait_for(first, 5)
        assert (trade.trade_id, trade.side, trade.price) == ("7", Side.BUY, 101.0)
        await trades.aclose()


async def test_a_refused_stream_says_why(server: Any) -> None:
    async with ToyPublicExchange.from_config(server.config) as exchange:
        with pytest.raises(ExchangeRejectedException, match="no tickers of spot"):
            await anext(exchange.book_tickers(SYMBOL))


async def test_a_frame_that_does_not_decode_is_told_and_the_stream_goes_on(server: Any) -> None:
    told: asyncio.Queue[Any] = asyncio.Queue()
    async with ToyPublicExchange.from_config(server.config) as exchange:
        await exchange.subscribe_book(SYMBOL, timeout=5)
        exchange.on_event(told.put_nowait)
        await server.push("book", {"op": "book", "name": "BTC_USDT", "first": "nonsense"})
        event = await asyncio.wait_for(told.get(), 5)
        assert isinstance(event.error, ExchangeDataException)
        changed = asyncio.Event()
        await exchange.subscribe_book(SYMBOL, lambda _book: changed.set())
        await server.move("asks", 100.5, 1.0)
        await asyncio.wait_for(changed.wait(), 5)
