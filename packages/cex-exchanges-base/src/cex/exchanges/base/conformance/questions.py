"""Cases about what is asked by REST and answered: TC-D01 and on."""

from __future__ import annotations

from itertools import pairwise

from cex.common.enums import InstrumentStatus
from cex.common.exceptions import RateLimitException
from cex.exchanges.base.catalogue import UnknownSymbolException
from cex.exchanges.base.conformance.bench import Bench
from cex.exchanges.base.conformance.checks import CaseFailed, check
from cex.exchanges.base.conformance.results import case
from cex.exchanges.base.conformance.venue import Need

__all__ = [
    "instruments",
    "klines",
    "rate_limit",
    "recent_trades",
    "server_failure",
    "snapshot",
    "ticker",
    "time",
    "typo",
]

_MINUTE_NS = 60_000_000_000


@case("TC-D01", "the instruments are listed with rules that make sense")
async def instruments(bench: Bench) -> None:
    exchange = await bench.public()
    instrument = exchange.instruments[bench.symbol]
    check(instrument.status is InstrumentStatus.TRADING, f"{bench.symbol} is {instrument.status}")
    check(instrument.tick > 0 and instrument.step > 0, "tick and step must be positive")
    check(instrument.exchange == bench.venue.exchange, f"it names {instrument.exchange} as its exchange")
    check(
        all(exchange.instruments[symbol].symbol == symbol for symbol in exchange.instruments), "a symbol is not its own"
    )


@case("TC-D02", "a symbol that is not listed is refused by name, and the nearest are told")
async def typo(bench: Bench) -> None:
    exchange = await bench.public()
    wrong = f"{bench.symbol.base}X/{bench.symbol.quote}"
    try:
        await exchange.order_book_snapshot(wrong)
    except UnknownSymbolException as error:
        check(wrong in error.message, "the message does not name what was asked for")
        check(error.safe_to_resubmit, "nothing was sent, so repeating is safe")
        return
    raise CaseFailed(f"{wrong} was taken for a symbol")


@case("TC-D03", "the exchange's time goes forward")
async def time(bench: Bench) -> None:
    exchange = await bench.public()
    first, second = await exchange.server_time(), await exchange.server_time()
    check(second >= first > 1_500_000_000 * 10**9, f"{first}, then {second}: these are no nanoseconds since the epoch")


@case("TC-D04", "a snapshot by REST is the venue's book at its id", Need.TRUTH)
async def snapshot(bench: Bench) -> None:
    exchange = await bench.public()
    for _ in range(5):
        book = await exchange.order_book_snapshot(bench.symbol, 10)
        truth = await bench.venue.true_book(bench.symbol, book.last_id)
        if truth is None:
            continue
        check(book.bids[:10] == truth.bids[:10], f"bids at {book.last_id}: {book.bids[:3]}, in truth {truth.bids[:3]}")
        check(book.asks[:10] == truth.asks[:10], f"asks at {book.last_id}: {book.asks[:3]}, in truth {truth.asks[:3]}")


@case("TC-D05", "recent trades are oldest first, each once")
async def recent_trades(bench: Bench) -> None:
    exchange = await bench.public()
    trades = await exchange.recent_trades(bench.symbol, 50)
    check(trades, "there are none")
    check(
        all(one.exchange_ts <= two.exchange_ts for one, two in pairwise(trades)),
        "not oldest first",
    )
    named = [trade.trade_id for trade in trades if trade.trade_id]
    check(len(set(named)) == len(named), "a trade is told twice")


@case("TC-D06", "a ticker by REST is consistent")
async def ticker(bench: Bench) -> None:
    exchange = await bench.public()
    one = await exchange.ticker(bench.symbol)
    check(one.symbol == bench.symbol and one.last > 0, f"{one.symbol} at {one.last}")
    if one.high is not None and one.low is not None:
        check(one.low <= one.last <= one.high, f"last {one.last} is outside of {one.low} to {one.high}")
    every = await exchange.all_tickers(bench.symbol.market_type)
    check(bench.symbol in every, f"{bench.symbol} is not among all tickers")


@case("TC-D07", "candles are on their grid, ascending, without a hole and without an overlap")
async def klines(bench: Bench) -> None:
    exchange = await bench.public()
    interval = exchange.intervals(bench.symbol.market_type)
    check("1m" in interval, f"1m is not among {', '.join(interval)}")
    end = await exchange.server_time() // _MINUTE_NS * _MINUTE_NS
    start = end - 90 * _MINUTE_NS
    candles = [candle async for candle in exchange.klines(bench.symbol, "1m", start, end)]
    opened = [candle.open_ts for candle in candles]
    check(opened == sorted(set(opened)), "not ascending, or one twice")
    check(all(start <= ts < end and ts % _MINUTE_NS == 0 for ts in opened), "one is outside of what was asked for")
    for candle in candles:
        check(candle.low <= min(candle.open, candle.close), f"the low of {candle.open_ts} is above its body")
        check(candle.high >= max(candle.open, candle.close), f"the high of {candle.open_ts} is below its body")


@case("TC-D08", "a failure of the server is outlived by a read", faults=["server_error"])
async def server_failure(bench: Bench) -> None:
    exchange = await bench.public()
    async with bench.venue.inject("server_error", count=1, status=502):
        book = await exchange.order_book_snapshot(bench.symbol, 5)
    check(book.bids, "the book is empty")


@case("TC-D09", "a rate limit is told as one, with the seconds to wait", faults=["rate_limited"])
async def rate_limit(bench: Bench) -> None:
    exchange = await bench.public()
    async with bench.venue.inject("rate_limited", retry_after=1.0, count=5):
        try:
            await exchange.ticker(bench.symbol)
        except RateLimitException as error:
            check(error.retryable and error.safe_to_resubmit, "a rate limit is worth another try, and took no effect")
            return
    raise CaseFailed("the refusal was not told")
