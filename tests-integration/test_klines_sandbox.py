"""Candles, tickers and limited books of each real client against what the sandbox knows to be true."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from cex.common import Kline, Symbol
from cex.common.enums import KlineInterval
from cex.exchanges.base import PublicExchange
from cex.exchanges.base.klines import close_of, first_open
from cex.exchanges.gateio import GateioConfig, GateioPublicExchange
from cex.exchanges.mexc import MexcConfig, MexcPublicExchange
from cex.sandbox import Sandbox, TrueKline

BTC = Symbol("BTC/USDT")
NS = 10**9
CANDLES = 10_000
M1 = KlineInterval.M1
WEEKS = {"mexc": "1w", "gateio": "7d"}
"""MEXC's weeks begin on Monday, those of Gate.io's spot market are counted from the epoch."""


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(seed=7) as running:
        yield running


@pytest.fixture(params=["mexc", "gateio"])
async def exchange(request: pytest.FixtureRequest, sandbox: Sandbox) -> AsyncIterator[PublicExchange]:
    endpoints = sandbox.endpoints[request.param]
    async with (
        MexcPublicExchange.from_config(MexcConfig(endpoints=endpoints))
        if request.param == "mexc"
        else GateioPublicExchange.from_config(GateioConfig(endpoints=endpoints))
    ) as opened:
        yield opened


def figures(kline: Kline) -> tuple[float, ...]:
    volumes = (kline.base_volume, kline.quote_volume or 0.0)
    return (kline.open_ts, kline.close_ts, kline.open, kline.high, kline.low, kline.close, *volumes)


def true_figures(kline: TrueKline) -> tuple[float, ...]:
    prices = (kline.open, kline.high, kline.low, kline.close)
    base_volume = float(kline.volume * kline.multiplier)
    return (kline.open_ts, kline.close_ts, *map(float, prices), base_volume, float(kline.turnover))


async def test_ten_thousand_candles_are_the_truth(exchange: PublicExchange, sandbox: Sandbox) -> None:
    """Page borders fall everywhere in them: no hole, no overlap, every figure as it was."""
    now = await exchange.server_time()
    end = first_open(M1, now) - 2 * 60 * NS
    start = end - (CANDLES - 1) * 60 * NS - 30 * NS  # from the middle of a candle, which is left out
    told: list[tuple[int, int]] = []
    klines = [
        kline async for kline in exchange.klines(BTC, M1, start, end, on_progress=lambda *facts: told.append(facts))
    ]
    truth = sandbox.truth_klines(exchange.exchange, BTC, "1m", start + 30 * NS, end)
    assert len(klines) == len(truth) == CANDLES - 1
    assert [figures(kline)[:6] for kline in klines] == [true_figures(kline)[:6] for kline in truth]
    for kline, true in zip(klines, truth, strict=True):
        assert figures(kline)[6:] == pytest.approx(true_figures(true)[6:], rel=1e-9)
    assert all(kline.closed for kline in klines)
    assert told[-1] == (CANDLES - 1, CANDLES - 1)
    assert len(told) <= 12
    assert [done for done, _ in told] == sorted(done for done, _ in told)


async def test_every_interval_is_served_up_to_the_open_candle(exchange: PublicExchange, sandbox: Sandbox) -> None:
    for interval in exchange.intervals():
        if interval is KlineInterval.S1:
            continue  # the open candle of a second is another one before the answer is here
        now = await exchange.server_time()
        name = WEEKS[exchange.exchange] if interval is KlineInterval.W1 else str(interval)
        start = max(now - 40 * (close_of(interval, 0)), now - 80 * 86_400 * NS)
        klines = [kline async for kline in exchange.klines(BTC, interval, start, now + 1)]
        truth = sandbox.truth_klines(exchange.exchange, BTC, name, start, now + 1)
        closed = [true_figures(kline)[:6] for kline in truth if kline.closed]
        got = [figures(kline)[:6] for kline in klines]
        assert got[: len(closed)] == closed, interval
        assert closed
        assert len(klines) - len(closed) <= 2, "the open one, and one more if it was closed in between"
        recent = await exchange.recent_klines(BTC, interval, 5)
        assert recent == sorted(recent, key=lambda kline: kline.open_ts)
        assert [kline.closed for kline in recent[:-1]] == [True] * (len(recent) - 1)
        assert not recent[-1].closed
        assert recent[-1].interval is interval


async def test_tickers_tell_the_market(exchange: PublicExchange, sandbox: Sandbox) -> None:
    truth = sandbox.truth(exchange.exchange, BTC)
    ticker = await exchange.ticker(BTC)
    assert ticker.last == pytest.approx(float(truth.bids[0][0]), rel=0.02)
    assert ticker.high is not None
    assert ticker.low is not None
    assert ticker.low <= ticker.last <= ticker.high
    assert ticker.change is not None
    assert abs(ticker.change) < 1, "a fraction, not percent"
    assert ticker.base_volume is not None
    assert ticker.quote_volume is not None
    assert ticker.quote_volume / ticker.base_volume == pytest.approx(ticker.last, rel=0.2), "not the other way round"
    everything = await exchange.all_tickers()
    assert everything[BTC].last == pytest.approx(ticker.last, rel=0.02)
    assert set(everything) <= set(exchange.instruments)


async def test_pushed_tickers_candles_and_limited_books(exchange: PublicExchange, sandbox: Sandbox) -> None:
    levels = exchange.limited_levels()[0]
    async with (
        asyncio.timeout(20),
        aclosing(exchange.tickers(BTC)) as tickers,
        aclosing(exchange.kline_updates(BTC, M1)) as candles,
        aclosing(exchange.limited_books(BTC, levels)) as books,
    ):
        ticker, candle, book = await asyncio.gather(anext(tickers), anext(candles), anext(books))
    truth = sandbox.truth_at(exchange.exchange, BTC, book.last_id)
    assert book.bids == [(float(price), float(quantity)) for price, quantity in truth.bids[:levels]]
    assert book.asks == [(float(price), float(quantity)) for price, quantity in truth.asks[:levels]]
    assert ticker.last == pytest.approx(float(truth.bids[0][0]), rel=0.02)
    assert ticker.quote_volume is not None
    assert ticker.base_volume is not None
    assert ticker.quote_volume / ticker.base_volume == pytest.approx(ticker.last, rel=0.2)
    assert (candle.interval, candle.open_ts % (60 * NS), candle.close_ts - candle.open_ts) == (M1, 0, 60 * NS)
    (true,) = sandbox.truth_klines(exchange.exchange, BTC, "1m", candle.open_ts, candle.close_ts)
    assert candle.open == float(true.open)
    assert float(true.low) <= candle.low <= candle.close <= candle.high <= float(true.high)


async def test_aggregated_trades_and_the_average_price_of_mexc(sandbox: Sandbox) -> None:
    async with MexcPublicExchange.from_config(MexcConfig(endpoints=sandbox.endpoints["mexc"])) as mexc:
        await asyncio.sleep(2)
        now = await mexc.server_time()
        trades = await mexc.aggregated_trades(BTC, now - 3 * 3600 * NS, now)
        made = sandbox.market.book("mexc", BTC).prints
        assert trades
        assert [trade.exchange_ts for trade in trades] == sorted(trade.exchange_ts for trade in trades)
        assert {trade.side for trade in trades} <= {printed.fill.taker_side for printed in made}
        assert len(trades) <= len(made)
        assert await mexc.average_price(BTC) == pytest.approx(trades[-1].price, rel=0.02)
