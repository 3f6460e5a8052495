"""Candles, tickers and funding of Gate.io's perpetuals against what the sandbox knows to be true."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from cex.common import Kline, Symbol
from cex.common.enums import KlineInterval, MarketType
from cex.exchanges.base.klines import close_of, first_open
from cex.exchanges.gateio import GateioConfig, GateioPublicExchange
from cex.sandbox import Sandbox, TrueKline

BTC = Symbol("BTC/USDT:USDT")
NS = 10**9
M1 = KlineInterval.M1


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(seed=7) as running:
        yield running


@pytest.fixture
async def gateio(sandbox: Sandbox) -> AsyncIterator[GateioPublicExchange]:
    config = GateioConfig(endpoints=sandbox.endpoints["gateio"])
    async with GateioPublicExchange.from_config(config) as opened:
        yield opened


def figures(kline: Kline) -> tuple[float, ...]:
    return (kline.open_ts, kline.close_ts, kline.open, kline.high, kline.low, kline.close, kline.base_volume)


def true_figures(kline: TrueKline) -> tuple[float, ...]:
    prices = map(float, (kline.open, kline.high, kline.low, kline.close))
    return (kline.open_ts, kline.close_ts, *prices, float(kline.volume * kline.multiplier))


@pytest.mark.parametrize("symbol", ["BTC/USDT:USDT", "SOL/USDT:USDT"])
async def test_ten_thousand_candles_are_the_truth(gateio: GateioPublicExchange, sandbox: Sandbox, symbol: str) -> None:
    end = first_open(M1, await gateio.server_time()) - 2 * 60 * NS
    start = end - 10_000 * 60 * NS
    klines = [kline async for kline in gateio.klines(symbol, M1, start, end)]
    truth = sandbox.truth_klines("gateio", symbol, "1m", start, end)
    assert len(klines) == len(truth) == 10_000
    assert [figures(kline) for kline in klines] == [true_figures(kline) for kline in truth]
    assert [kline.quote_volume for kline in klines] == pytest.approx([float(kline.turnover) for kline in truth])
    assert all(kline.closed for kline in klines)


async def test_every_interval_is_served_up_to_the_open_candle(gateio: GateioPublicExchange, sandbox: Sandbox) -> None:
    served = gateio.intervals(MarketType.FUTURES)
    assert KlineInterval.S1 not in served
    assert set(served) == set(KlineInterval) - {KlineInterval.S1}
    for interval in served:
        now = await gateio.server_time()
        start = max(now - 40 * close_of(interval, 0), now - 80 * 86_400 * NS)
        klines = [kline async for kline in gateio.klines(BTC, interval, start, now + 1)]
        truth = sandbox.truth_klines("gateio", BTC, str(interval), start, now + 1)
        closed = [true_figures(kline) for kline in truth if kline.closed]
        assert closed
        assert [figures(kline) for kline in klines][: len(closed)] == closed, interval
        assert len(klines) - len(closed) <= 2, "the open one, and one more if it was closed in between"


async def test_tickers_tell_the_market_with_mark_index_and_funding(
    gateio: GateioPublicExchange, sandbox: Sandbox
) -> None:
    async with asyncio.timeout(20), aclosing(gateio.tickers(BTC)) as pushed:
        tickers = [await gateio.ticker(BTC), (await gateio.all_tickers(MarketType.FUTURES))[BTC], await anext(pushed)]
    middle = float(sandbox.truth("gateio", BTC).bids[0][0])
    next_rate = await gateio.funding_rate(BTC)
    for ticker in tickers:
        for price in (ticker.last, ticker.mark_price, ticker.index_price):
            assert price == pytest.approx(middle, rel=0.02)
        assert ticker.base_volume is not None
        assert ticker.quote_volume is not None
        assert ticker.quote_volume / ticker.base_volume == pytest.approx(middle, rel=0.2), "base units, not contracts"
        assert ticker.funding_rate == next_rate.rate


async def test_funding_is_announced_and_then_history(gateio: GateioPublicExchange, sandbox: Sandbox) -> None:
    now = await gateio.server_time()
    perpetual = sandbox.market.book("gateio", BTC).perpetual
    assert perpetual is not None
    announced = await gateio.funding_rate(BTC)
    assert announced.interval_s == 28_800
    assert now < announced.funding_ts <= now + 28_800 * NS
    assert announced.rate == perpetual.funding_rate(announced.funding_ts // NS) / 1e6
    paid = await gateio.funding_history(BTC, now - 20 * 86_400 * NS, now)
    assert len(paid) == 60
    assert [rate.funding_ts for rate in paid] == sorted(rate.funding_ts for rate in paid)
    assert [rate.rate for rate in paid] == [perpetual.funding_rate(rate.funding_ts // NS) / 1e6 for rate in paid]


async def test_pushed_candles(gateio: GateioPublicExchange, sandbox: Sandbox) -> None:
    async with asyncio.timeout(20), aclosing(gateio.kline_updates(BTC, M1)) as candles:
        candle = await anext(candles)
    assert (candle.interval, candle.open_ts % (60 * NS), candle.close_ts - candle.open_ts) == (M1, 0, 60 * NS)
    (true,) = sandbox.truth_klines("gateio", BTC, "1m", candle.open_ts, candle.close_ts)
    assert candle.open == float(true.open)
    assert float(true.low) <= candle.low <= candle.close <= candle.high <= float(true.high)
    assert candle.base_volume <= float(true.volume * true.multiplier)


async def test_a_server_without_futures_serves_spot(sandbox: Sandbox) -> None:
    without = {name: url for name, url in sandbox.endpoints["gateio"].items() if name != "ws_futures_usdt"}
    async with GateioPublicExchange.from_config(GateioConfig(endpoints=without)) as gateio:
        assert {symbol.market_type for symbol in map(Symbol, gateio.instruments)} == {MarketType.SPOT}
        assert (await gateio.subscribe_book("BTC/USDT")).is_live


async def test_the_readme_example_runs(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    readme = Path(__file__).parents[1] / "packages" / "cex-exchanges-gateio" / "README.md"
    names: dict[str, Any] = {"__name__": "readme"}
    for code in re.findall(r"```python\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL):
        exec(compile(code, "README.md", "exec"), names)
    await names["basis"](GateioConfig(endpoints=sandbox.endpoints["gateio"]))
    first, *candles = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"basis -?[\d.]+ bp, funding -?[\d.]+%", first)
    assert len(candles) in {24, 25}
