"""Each real client against the sandbox's spelling of its exchange: the two share no code, so both must be right."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest

from cex.common import BookTicker, OrderBook, Symbol, Trade
from cex.common.enums import BookState, InstrumentStatus
from cex.exchanges.base import PublicExchange
from cex.exchanges.base.interfaces import ExchangeEvent, Gap, Interrupted, Recovered, Resynced
from cex.exchanges.gateio import GateioConfig, GateioPublicExchange
from cex.exchanges.mexc import MexcConfig, MexcPublicExchange
from cex.sandbox import MexcOptions, Sandbox, TrueBook

SPOT = [*map(Symbol, ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "龙虾/USDT"))]
FUTURES = [*map(Symbol, ("BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT", "龙虾/USDT:USDT"))]
BTC = SPOT[0]
MARKETS = ["mexc", "gateio", "gateio futures"]
"""One way into each market that there is."""
BOOK_WAYS = [*MARKETS, "gateio obu", "gateio futures obu"]
"""Every way in which a proven book is built."""


class Watched:
    """An open exchange; every book that it hands out as LIVE is held against the sandbox's truth at its sequence."""

    def __init__(self, exchange: PublicExchange, sandbox: Sandbox, symbols: Sequence[Symbol] = SPOT) -> None:
        self.exchange = exchange
        self.symbols = symbols
        self.btc, self.eth, *_ = symbols
        self.venue = exchange.exchange
        self.sandbox = sandbox
        self.events: list[ExchangeEvent] = []
        self.proven = 0
        self.wrong: list[str] = []
        exchange.on_event(self.events.append)

    def prove(self, book: OrderBook) -> None:
        """What is known of a book must be the best of what is really there."""
        truth = self.sandbox.truth_at(self.venue, book.symbol, book.sequence)
        bids, asks = book.bids(), book.asks()
        same = bids == _bids(truth, len(bids)) and asks == _asks(truth, len(asks))
        if not same or not bids or not asks or bids[0].price >= asks[0].price:
            self.wrong.append(f"{book}: {bids[:3]} {asks[:3]}")
        self.proven += 1

    def told(self, kind: type[ExchangeEvent]) -> list[Any]:
        return [event for event in self.events if type(event) is kind]


def _bids(truth: TrueBook, count: int) -> list[tuple[float, float]]:
    return [(float(price), float(quantity * truth.multiplier)) for price, quantity in truth.bids[:count]]


def _asks(truth: TrueBook, count: int) -> list[tuple[float, float]]:
    return [(float(price), float(quantity * truth.multiplier)) for price, quantity in truth.asks[:count]]


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (conditions of many kinds, on both ends)
            await asyncio.sleep(0.01)


def open_exchange(settings: str, sandbox: Sandbox) -> PublicExchange:
    mexc, gateio = sandbox.endpoints["mexc"], sandbox.endpoints["gateio"]
    match settings:
        case "mexc":
            return MexcPublicExchange.from_config(MexcConfig(endpoints=mexc))
        case "mexc, 20 levels":
            return MexcPublicExchange.from_config(MexcConfig(endpoints=mexc, book_depth=20, book_interval="10ms"))
        case "gateio" | "gateio futures":
            return GateioPublicExchange.from_config(GateioConfig(endpoints=gateio))
        case "gateio obu" | "gateio futures obu":
            return GateioPublicExchange.from_config(GateioConfig(endpoints=gateio, book_channel="obu"))
        case "gateio obu, 50 levels" | "gateio futures obu, 50 levels":
            fast = GateioConfig(endpoints=gateio, book_channel="obu", book_interval="20ms")
            return GateioPublicExchange.from_config(fast)
        case "gateio, 20 levels" | "gateio futures, 20 levels":
            return GateioPublicExchange.from_config(GateioConfig(endpoints=gateio, book_interval="20ms"))
        case _:
            raise ValueError(settings)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(seed=7) as running:
        yield running


@pytest.fixture(params=MARKETS)
async def watched(request: pytest.FixtureRequest, sandbox: Sandbox) -> AsyncIterator[Watched]:
    async with open_exchange(request.param, sandbox) as exchange:
        yield Watched(exchange, sandbox, FUTURES if "futures" in request.param else SPOT)


@pytest.mark.parametrize("watched", BOOK_WAYS, indirect=True)
async def test_every_live_book_is_the_truth_at_its_own_sequence(watched: Watched) -> None:
    books = await asyncio.gather(
        *(watched.exchange.subscribe_book(symbol, watched.prove, timeout=10) for symbol in watched.symbols)
    )
    await until(lambda: watched.proven >= 100)
    assert watched.wrong == []
    assert all(book.state is BookState.LIVE for book in books)
    assert all(watched.exchange.is_fresh(book.symbol) for book in books)
    assert watched.told(Gap) == []


@pytest.mark.parametrize("watched", BOOK_WAYS, indirect=True)
async def test_a_dropped_delta_is_a_gap_and_heals(watched: Watched) -> None:
    book = await watched.exchange.subscribe_book(watched.btc, watched.prove, timeout=10)
    other = await watched.exchange.subscribe_book(watched.eth, watched.prove, timeout=10)
    watched.sandbox.faults.drop_delta(watched.venue, watched.btc)
    await until(lambda: watched.told(Gap))
    assert [(gap.symbol, gap.state) for gap in watched.told(Gap)] == [(watched.btc, BookState.GAPPED)]
    await until(lambda: watched.told(Resynced))
    healed_at = watched.proven
    await until(lambda: watched.proven >= healed_at + 10)
    assert watched.sandbox.faults.injected["deltas_dropped"] == 1
    assert watched.wrong == []
    assert book.is_live
    assert other.is_live


@pytest.mark.parametrize("watched", BOOK_WAYS, indirect=True)
async def test_cut_connections_recover(watched: Watched) -> None:
    books = [await watched.exchange.subscribe_book(symbol, watched.prove, timeout=10) for symbol in watched.symbols[:3]]
    assert watched.sandbox.faults.cut_connections(watched.venue) >= 1
    await until(lambda: watched.told(Interrupted))
    await until(lambda: watched.told(Recovered) and all(book.is_live for book in books))
    recovered_at = watched.proven
    await until(lambda: watched.proven >= recovered_at + 10)
    assert watched.wrong == []


@pytest.mark.parametrize(
    ("watched", "most"),
    [
        ("mexc, 20 levels", 20),
        ("gateio, 20 levels", 20),
        ("gateio futures, 20 levels", 20),
        ("gateio obu, 50 levels", 50),
        ("gateio futures obu, 50 levels", 50),
    ],
    indirect=["watched"],
)
async def test_books_of_which_less_is_known_are_true_as_far_as_they_go(watched: Watched, most: int) -> None:
    book = await watched.exchange.subscribe_book(watched.btc, watched.prove, timeout=10)
    assert 0 < len(book.bids()) <= most
    await until(lambda: watched.proven >= 60)
    assert watched.wrong == []


async def test_a_rest_book_behind_its_stream_still_seeds_a_true_book() -> None:
    slow = MexcOptions(rest_lag=1.0)
    async with Sandbox(seed=7, mexc=slow) as sandbox, open_exchange("mexc", sandbox) as exchange:
        watched = Watched(exchange, sandbox)
        await exchange.subscribe_book(BTC, watched.prove, timeout=20)
        await until(lambda: watched.proven >= 10)
        assert watched.wrong == []


async def test_trades_are_those_that_were_made(watched: Watched) -> None:
    trades = watched.exchange.trades(watched.btc)
    seen: list[Trade] = []
    async with asyncio.timeout(20):
        async for trade in trades:
            seen.append(trade)
            if len(seen) == 5:
                break
    await trades.aclose()
    seen += await watched.exchange.recent_trades(watched.btc, 20)
    book = watched.sandbox.market.book(watched.venue, watched.btc)
    tick, lot = Decimal(1).scaleb(-book.rules.price_decimals), Decimal(1).scaleb(-book.rules.quantity_decimals)
    lot *= book.multiplier
    made = {(fill.taker_side, float(fill.price * tick), float(fill.quantity * lot)) for fill, _ in book.prints}
    assert {(trade.side, trade.price, trade.quantity) for trade in seen} <= made
    assert len(seen) > 5


async def test_book_tickers_are_the_top_of_the_truth(watched: Watched) -> None:
    tickers = watched.exchange.book_tickers(watched.btc)
    seen: list[BookTicker] = []
    async with asyncio.timeout(20):
        async for ticker in tickers:
            seen.append(ticker)
            if len(seen) == 10:
                break
    await tickers.aclose()
    for ticker in seen:
        truth = watched.sandbox.truth_at(watched.venue, watched.btc, ticker.sequence)
        assert [(ticker.bid_price, ticker.bid_quantity)] == _bids(truth, 1)
        assert [(ticker.ask_price, ticker.ask_quantity)] == _asks(truth, 1)


async def test_rest_answers_are_the_truth(watched: Watched) -> None:
    exchange, sandbox = watched.exchange, watched.sandbox
    snapshot = await exchange.order_book_snapshot(watched.btc, 50)
    truth = sandbox.truth_at(watched.venue, watched.btc, snapshot.last_id)
    assert snapshot.bids == _bids(truth, 50)
    assert snapshot.asks == _asks(truth, 50)
    trades = await exchange.recent_trades(watched.btc, 30)
    assert [trade.exchange_ts for trade in trades] == sorted(trade.exchange_ts for trade in trades)
    assert abs(await exchange.server_time() - snapshot.received_ts) < 5_000_000_000


async def test_listed_rules_are_the_markets(watched: Watched) -> None:
    for symbol, instrument in watched.exchange.instruments.items():
        book = watched.sandbox.market.book(watched.venue, symbol)
        rules = book.rules
        assert instrument.tick.as_tuple().exponent == -rules.price_decimals
        assert instrument.contract_size == book.multiplier
        assert instrument.step == book.multiplier.scaleb(-rules.quantity_decimals)
        assert instrument.taker_fee == rules.taker_fee
        assert (instrument.min_notional or 0) == rules.min_notional
        trades_here = rules.status is InstrumentStatus.TRADING and getattr(rules, "api_trading", True)
        assert (instrument.status is InstrumentStatus.TRADING) == trades_here
