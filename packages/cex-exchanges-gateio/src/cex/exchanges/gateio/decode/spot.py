"""The spot market's structures become ours."""

from __future__ import annotations

from math import isfinite

from cex.common.enums import KlineInterval, Side
from cex.common.types.instruments import Instrument
from cex.common.types.market import BookDelta, BookSnapshot, BookTicker, Kline, Ticker, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.base.klines import close_of
from cex.exchanges.gateio.constants import BOOK_TICKER_CHANNEL, OBU_CHANNEL, TICKER_CHANNEL, TRADES_CHANNEL
from cex.exchanges.gateio.decode.values import MILLISECOND, SECOND, figure, fraction, moment, parse_rows, undecodable
from cex.exchanges.gateio.symbols import spot_instrument
from cex.exchanges.gateio.wire.spot import (
    BookResult,
    BookTickerResult,
    KlineResult,
    KlineRow,
    LimitedBookResult,
    ObuResult,
    OrderBookAnswer,
    Pair,
    TickerRow,
    TradeResult,
    TradeRow,
    pair_decoder,
)

__all__ = [
    "book_delta",
    "book_snapshot",
    "book_ticker",
    "instruments",
    "kline",
    "limited_book",
    "obu_delta",
    "pushed_kline",
    "ticker",
    "trade",
]

_SIDES = {"buy": Side.BUY, "sell": Side.SELL}


def instruments(data: bytes | str, now_ns: int) -> tuple[list[Instrument], list[str]]:
    """The answer of ``GET /spot/currency_pairs`` as trading rules at ``now_ns``, and why rows had to be left out."""

    def translate(pair: Pair) -> Instrument:
        return _instrument(pair, now_ns)

    return parse_rows(pair_decoder, data, "/spot/currency_pairs", translate)


def _instrument(pair: Pair, now_ns: int) -> Instrument:
    return spot_instrument(
        pair=pair.id,
        base=pair.base,
        quote=pair.quote,
        price_decimals=pair.precision,
        amount_decimals=pair.amount_precision,
        trade_status=pair.trade_status,
        starts_s=max(pair.buy_start, pair.sell_start),
        delisting_s=pair.delisting_time,
        fee_percent=pair.fee,
        min_base=pair.min_base_amount,
        max_base=pair.max_base_amount,
        min_quote=pair.min_quote_amount,
        max_quote=pair.max_quote_amount,
        now_ns=now_ns,
    )


def book_snapshot(answer: OrderBookAnswer, symbol: Symbol, *, limit: int, received_ns: int) -> BookSnapshot:
    """A REST book; ``limit`` is the number of levels that was asked for."""
    return BookSnapshot(
        symbol=symbol,
        last_id=answer.id,
        bids=answer.bids or [],
        asks=answer.asks or [],
        limit=limit,
        exchange_ts=answer.current * MILLISECOND,
        received_ts=received_ns,
    )


def limited_book(result: LimitedBookResult, symbol: Symbol, received_ns: int) -> BookSnapshot:
    """A push of ``spot.order_book``, which is whole each time but ends after so many levels a side."""
    return BookSnapshot(
        symbol, result.lastUpdateId, result.bids or [], result.asks or [], result.l, result.t * MILLISECOND, received_ns
    )


def book_delta(result: BookResult, symbol: Symbol, received_ns: int) -> BookDelta:
    """A push of ``spot.order_book_update``."""
    return BookDelta(
        symbol,
        result.U,
        result.u,
        result.b or [],
        result.a or [],
        result.t * MILLISECOND,
        received_ns,
        result.full,
    )


def obu_delta(result: ObuResult, symbol: Symbol, received_ns: int) -> BookDelta:
    """A push of ``spot.obu``; raises ExchangeDataException for a change that does not say where it begins."""
    first = result.u if result.full else result.U
    if first is None:
        raise undecodable(OBU_CHANNEL, repr(result)[:256], "a change without its first update id U")
    return BookDelta(
        symbol,
        first,
        result.u,
        result.b or [],
        result.a or [],
        result.t * MILLISECOND,
        received_ns,
        result.full,
    )


def trade(row: TradeResult | TradeRow, symbol: Symbol, received_ns: int) -> Trade:
    """A public trade, pushed or listed; raises ExchangeDataException for a side or time that is none."""
    side = _SIDES.get(row.side)
    if side is None:
        raise undecodable(TRADES_CHANNEL, repr(row), f"side is {row.side!r}")
    made_ns = moment(row.create_time_ms, MILLISECOND, TRADES_CHANNEL)
    return Trade(symbol, str(row.id), side, row.price, row.amount, made_ns, received_ns)


def book_ticker(result: BookTickerResult, symbol: Symbol, received_ns: int) -> BookTicker:
    """A push of ``spot.book_ticker``; an empty side becomes 0.0."""
    try:
        bid, bid_amount = float(result.b or 0), float(result.B or 0)
        ask, ask_amount = float(result.a or 0), float(result.A or 0)
    except ValueError as error:
        raise undecodable(BOOK_TICKER_CHANNEL, repr(result), error) from error
    if not isfinite(bid + bid_amount + ask + ask_amount) or min(bid, bid_amount, ask, ask_amount) < 0:
        raise undecodable(BOOK_TICKER_CHANNEL, repr(result), "not a price or amount")
    return BookTicker(symbol, bid, bid_amount, ask, ask_amount, result.u, result.t * MILLISECOND, received_ns)


def ticker(
    row: TickerRow, symbol: Symbol, received_ns: int, *, exchange_ts: int = 0, channel: str = TICKER_CHANNEL
) -> Ticker:
    """The last day of a pair, listed or pushed; ``last`` is 0.0 for a pair that was never traded."""

    def read(name: str) -> float | None:
        return figure(getattr(row, name), channel)

    return Ticker(
        symbol=symbol,
        last=read("last") or 0.0,
        bid=read("highest_bid"),
        ask=read("lowest_ask"),
        high=read("high_24h"),
        low=read("low_24h"),
        base_volume=read("base_volume"),
        quote_volume=read("quote_volume"),
        change=fraction(row.change_percentage, channel),
        exchange_ts=exchange_ts,
        received_ts=received_ns,
    )


def kline(row: KlineRow, symbol: Symbol, interval: KlineInterval, now_ns: int) -> Kline:
    """A row of ``GET /spot/candlesticks``; one that does not say whether it is closed is judged at ``now_ns``."""
    open_ns = row.t * SECOND
    close_ns = close_of(interval, open_ns)
    return Kline(
        symbol=symbol,
        interval=interval,
        open_ts=open_ns,
        close_ts=close_ns,
        open=row.open,
        high=row.high,
        low=row.low,
        close=row.close,
        base_volume=row.base_volume,
        quote_volume=row.quote_volume,
        closed=close_ns <= now_ns if row.window_closed is None else row.window_closed,
        received_ts=now_ns,
    )


def pushed_kline(result: KlineResult, symbol: Symbol, interval: KlineInterval, received_ns: int) -> Kline:
    """A push of ``spot.candlesticks``."""
    open_ns = result.t * SECOND
    return Kline(
        symbol,
        interval,
        open_ns,
        close_of(interval, open_ns),
        result.o,
        result.h,
        result.l,
        result.c,
        result.a,
        result.v,
        result.w,
        received_ns,
    )
