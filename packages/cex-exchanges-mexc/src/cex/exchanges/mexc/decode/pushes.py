"""Public pushes become ours. Prices and quantities are floats of the same digits, times nanoseconds."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from cex.common.constants.system_constants import NANOSECONDS
from cex.common.enums import Side
from cex.common.types.market import BookDelta, BookSnapshot, BookTicker, Kline, Ticker, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.base.klines import close_of
from cex.exchanges.mexc.constants import PUSHED_KLINE_NAMES
from cex.exchanges.mexc.decode.parsing import MS, figure, senseless
from cex.exchanges.mexc.wire.levels import read_levels

if TYPE_CHECKING:
    from cex.exchanges.mexc.wire.depth import Depth
    from cex.exchanges.mexc.wire.push import PushDataV3ApiWrapper

__all__ = ["book_delta", "book_ticker", "kline", "limited_book", "mini_ticker", "trades"]

_LAST_SECOND = 4_102_444_800
_TAKER_SIDES = {1: Side.BUY, 2: Side.SELL}
_PUSHED_INTERVALS = {name: interval for interval, name in PUSHED_KLINE_NAMES.items()}


def book_delta(depth: Depth, symbol: Symbol, received_ns: int) -> BookDelta:
    """A push of ``aggre.depth``: every update from ``fromVersion`` to ``toVersion``."""
    return BookDelta(symbol, depth.first, depth.last, depth.bids, depth.asks, depth.sent_ms * MS, received_ns)


def trades(push: PushDataV3ApiWrapper, symbol: Symbol, received_ns: int) -> list[Trade]:
    """A push of ``aggre.deals`` in its order; ``trade_id`` is "" in frames of the schema before 2026."""
    if not push.HasField("publicAggreDeals"):
        raise senseless(push, "it holds no deals")
    found = []
    for deal in push.publicAggreDeals.deals:
        side = _TAKER_SIDES.get(deal.tradeType)
        if side is None:
            raise senseless(push, f"tradeType is {deal.tradeType}")
        try:
            price, quantity = float(deal.price), float(deal.quantity)
        except ValueError as error:
            raise senseless(push, error) from error
        if not (0.0 < price < inf and 0.0 < quantity < inf):
            raise senseless(push, f"a trade of {quantity} at {price}")
        found.append(Trade(symbol, deal.tradeId, side, price, quantity, deal.time * MS, received_ns))
    return found


def book_ticker(push: PushDataV3ApiWrapper, symbol: Symbol, received_ns: int) -> BookTicker:
    """A push of ``aggre.bookTicker``; an empty side becomes 0.0, ``sequence`` is 0 in frames before 2026."""
    if not push.HasField("publicAggreBookTicker"):
        raise senseless(push, "it holds no ticker")
    body = push.publicAggreBookTicker
    try:
        bid, bid_quantity = float(body.bidPrice or 0), float(body.bidQuantity or 0)
        ask, ask_quantity = float(body.askPrice or 0), float(body.askQuantity or 0)
        version = int(body.version or 0)
    except ValueError as error:
        raise senseless(push, error) from error
    if not (0.0 <= bid < inf and 0.0 <= bid_quantity < inf and 0.0 <= ask < inf and 0.0 <= ask_quantity < inf):
        raise senseless(push, f"{bid_quantity} at {bid}, {ask_quantity} at {ask}")
    if version < 0:
        raise senseless(push, f"version {version}")
    return BookTicker(symbol, bid, bid_quantity, ask, ask_quantity, version, push.sendTime * MS, received_ns)


def kline(push: PushDataV3ApiWrapper, symbol: Symbol, interval_name: str, received_ns: int) -> Kline:
    """A push of ``kline``: the candle as it stands, which is never said to be closed; its times are seconds."""
    body = push.publicSpotKline
    interval = _PUSHED_INTERVALS.get(interval_name)
    if interval is None or body.interval != interval_name:
        raise senseless(push, f"the interval is {body.interval!r}")
    try:
        first, high, low, last = (
            float(price) for price in (body.openingPrice, body.highestPrice, body.lowestPrice, body.closingPrice)
        )
        base_volume, quote_volume = float(body.volume or 0), float(body.amount or 0)
    except ValueError as error:
        raise senseless(push, error) from error
    prices_hold = 0.0 < low <= first <= high < inf and low <= last <= high
    if not (prices_hold and 0.0 <= base_volume < inf and 0.0 <= quote_volume < inf):
        raise senseless(push, f"a candle of {first}, {high}, {low}, {last} and {base_volume} for {quote_volume}")
    open_ts = body.windowStart * NANOSECONDS
    if not 0 < body.windowStart < body.windowEnd <= _LAST_SECOND:
        raise senseless(push, f"a candle from {body.windowStart} to {body.windowEnd}")
    return Kline(
        symbol=symbol,
        interval=interval,
        open_ts=open_ts,
        close_ts=close_of(interval, open_ts),
        open=first,
        high=high,
        low=low,
        close=last,
        base_volume=base_volume,
        quote_volume=quote_volume,
        closed=False,
        received_ts=received_ns,
    )


def mini_ticker(push: PushDataV3ApiWrapper, symbol: Symbol, received_ns: int) -> Ticker:
    """A push of ``miniTicker`` of the last 24 hours, without best prices.

    Here ``volume`` is in quote and ``quantity`` in base units; ``zonedRate`` is the change over the period that was
    subscribed, as a fraction, whereas ``rate`` is that since midnight of UTC+8.
    """
    body = push.publicMiniTicker
    try:
        last = figure(body.price)
        if not last:
            raise ValueError(f"price is {body.price!r}")
        return Ticker(
            symbol=symbol,
            last=last,
            high=figure(body.high) or None,
            low=figure(body.low) or None,
            base_volume=figure(body.quantity),
            quote_volume=figure(body.volume),
            change=figure(body.zonedRate, least=-1.0),
            exchange_ts=push.sendTime * MS,
            received_ts=received_ns,
        )
    except ValueError as error:
        raise senseless(push, error) from error


def limited_book(push: PushDataV3ApiWrapper, symbol: Symbol, levels: int, received_ns: int) -> BookSnapshot:
    """A push of ``limit.depth``: the best ``levels`` a side, whole."""
    if not push.HasField("publicLimitDepths"):
        raise senseless(push, "it holds no book")
    body = push.publicLimitDepths
    try:
        version, bids, asks = int(body.version), read_levels(body.bids), read_levels(body.asks)
    except ValueError as error:
        raise senseless(push, error) from error
    if version < 0:
        raise senseless(push, f"version {version}")
    return BookSnapshot(symbol, version, bids, asks, levels, push.sendTime * MS, received_ns)
