"""Cases about the other public streams: TC-D40 and on."""

from __future__ import annotations

import asyncio

from cex.exchanges.base.catalogue import UnknownSymbolException
from cex.exchanges.base.conformance.bench import Bench
from cex.exchanges.base.conformance.checks import CaseFailed, check
from cex.exchanges.base.conformance.results import case
from cex.exchanges.base.offers import NotOfferedException

__all__ = [
    "book_tickers",
    "closing",
    "kline_updates",
    "limited_books",
    "refused_interval",
    "tickers",
    "trades",
    "unknown",
]


@case("TC-D40", "trades are told in order, each once")
async def trades(bench: Bench) -> None:
    exchange = await bench.public()
    async with bench.collecting(exchange.trades(bench.symbol)) as got:
        await bench.eventually(lambda: len(got) >= 3, "fewer than 3 trades were told")
    named = [trade.trade_id for trade in got if trade.trade_id]
    check(len(set(named)) == len(named), "a trade was told twice")
    check(all(trade.price > 0 and trade.quantity > 0 for trade in got), "a trade of nothing")


@case("TC-D41", "the best bid and ask are told, and do not cross")
async def book_tickers(bench: Bench) -> None:
    exchange = await bench.public()
    async with bench.collecting(exchange.book_tickers(bench.symbol)) as got:
        await bench.eventually(lambda: len(got) >= 3, "fewer than 3 were told")
    check(all(one.bid_price < one.ask_price or not one.ask_price for one in got), "bid and ask cross")


@case("TC-D42", "statistics are told as they change")
async def tickers(bench: Bench) -> None:
    exchange = await bench.public()
    async with bench.collecting(exchange.tickers(bench.symbol)) as got:
        await bench.eventually(lambda: got, "none were told")
    check(got[0].last > 0, f"the last price is {got[0].last}")


@case("TC-D43", "candles grow, and time does not go back")
async def kline_updates(bench: Bench) -> None:
    exchange = await bench.public()
    interval = exchange.pushed_intervals(bench.symbol.market_type)
    check(interval, "no interval is pushed")
    async with bench.collecting(exchange.kline_updates(bench.symbol, interval[0])) as got:
        await bench.eventually(lambda: got, "none were told")
    opened = [candle.open_ts for candle in got]
    check(opened == sorted(opened), "a candle came after its successor")


@case("TC-D44", "limited books come whole")
async def limited_books(bench: Bench) -> None:
    exchange = await bench.public()
    levels = exchange.limited_levels(bench.symbol.market_type)
    if not levels:
        raise NotOfferedException("no limited books", bench.venue.exchange)
    async with bench.collecting(exchange.limited_books(bench.symbol, levels[0])) as got:
        await bench.eventually(lambda: got, "none were told")
    check(0 < len(got[0].bids) <= levels[0], f"{len(got[0].bids)} bids in a book of {levels[0]} levels")


@case("TC-D45", "a stream of a symbol that is not listed is refused at once")
async def unknown(bench: Bench) -> None:
    exchange = await bench.public()
    try:
        await anext(exchange.trades("NOSUCHCOIN/USDT"))
    except UnknownSymbolException:
        return
    raise CaseFailed("it was subscribed")


@case("TC-D46", "an interval that is not served is refused, and the served ones are named")
async def refused_interval(bench: Bench) -> None:
    exchange = await bench.public()
    served = exchange.pushed_intervals(bench.symbol.market_type)
    wrong = next((one for one in ("10s", "1s", "8h", "1M") if one not in served), None)
    if wrong is None:
        raise NotOfferedException("every interval is served", bench.venue.exchange)
    try:
        await anext(exchange.kline_updates(bench.symbol, wrong))
    except NotOfferedException as error:
        check(str(served[0]) in error.message, "the served ones are not named")
        return
    raise CaseFailed(f"{wrong} was subscribed")


@case("TC-D47", "everything ends within a second, and leaves nothing")
async def closing(bench: Bench) -> None:
    exchange = await bench.public()
    await exchange.subscribe_book(bench.symbol)
    reading = asyncio.get_running_loop().create_task(anext(exchange.trades(bench.symbol), None))
    await asyncio.sleep(0.2)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await exchange.aclose()
    took = loop.time() - began
    await asyncio.wait({reading})
    check(took < 1.0, f"it took {took:.2f} s")
