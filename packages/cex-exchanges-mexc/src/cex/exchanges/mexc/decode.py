"""MEXC's structures become ours; pure functions. Whatever does not fit is an ``ExchangeDataException``.

Prices and quantities come as decimal text and become floats of the same digits; milliseconds become nanoseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, TypeVar

import msgspec

from cex.common.constants.system_constants import NANOSECONDS
from cex.common.enums import KlineInterval, Side
from cex.common.exceptions import ExchangeDataException
from cex.common.types.instruments import Instrument
from cex.common.types.market import BookDelta, BookSnapshot, BookTicker, Kline, Ticker, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.base.klines import close_of
from cex.exchanges.mexc.constants import (
    EXCHANGE,
    EXCHANGE_INFO_PATH,
    MAX_DEPTH,
    PUSHED_KLINE_NAMES,
    TICKER_PATH,
    TRADES_PATH,
)
from cex.exchanges.mexc.symbols import spot_instrument
from cex.exchanges.mexc.wire.levels import read_levels
from cex.exchanges.mexc.wire.rest import (
    AggregatedTradeRow,
    Amount,
    DepthAnswer,
    KlineRow,
    ListedSymbol,
    TickerRow,
    TradeRow,
    exchange_info_decoder,
    listed_symbol_decoder,
    ticker_decoder,
    tickers_decoder,
)

if TYPE_CHECKING:
    from cex.exchanges.mexc.wire.depth import Depth
    from cex.exchanges.mexc.wire.push import PushDataV3ApiWrapper

__all__ = [
    "NOT_DECODABLE",
    "aggregated_trades",
    "book_delta",
    "book_snapshot",
    "book_ticker",
    "instruments",
    "kline",
    "klines",
    "limited_book",
    "mini_ticker",
    "parse",
    "recent_trades",
    "ticker",
    "tickers",
    "trades",
    "undecodable",
]

T = TypeVar("T")

NOT_DECODABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""Everything that msgspec raises for bytes that are not what they should be."""

_MS = 1_000_000
_LAST_SECOND = 4_102_444_800
_TAKER_SIDES = {1: Side.BUY, 2: Side.SELL}
_REST_TAKER_SIDES = {"BID": Side.BUY, "ASK": Side.SELL}
_PUSHED_INTERVALS = {name: interval for interval, name in PUSHED_KLINE_NAMES.items()}


def undecodable(channel: str, payload: bytes | str, cause: object) -> ExchangeDataException:
    """The error for something that ``channel`` sent and that does not decode."""
    return ExchangeDataException(
        f"{channel} sent what is not documented: {cause}", EXCHANGE, channel=channel, payload=payload
    )


# ---- REST ------------------------------------------------------------------------------------------------------------


def parse(decoder: msgspec.json.Decoder[T], data: bytes | str, channel: str) -> T:
    """``data`` as the decoder's type; ``channel`` is named in the ExchangeDataException where it does not fit."""
    try:
        return decoder.decode(data)
    except NOT_DECODABLE as error:
        raise undecodable(channel, data, error) from error


def instruments(data: bytes | str) -> tuple[list[Instrument], list[str]]:
    """The answer of ``GET /api/v3/exchangeInfo`` as trading rules, and why rows had to be left out.

    One unusable row (currencies that make no symbol, a field of the wrong kind) does not cost the others.
    """
    found: list[Instrument] = []
    left_out: list[str] = []
    for row in parse(exchange_info_decoder, data, EXCHANGE_INFO_PATH).symbols:
        try:
            found.append(_instrument(listed_symbol_decoder.decode(row)))
        except (*NOT_DECODABLE, ValueError) as error:
            left_out.append(f"{bytes(row)[:80].decode('utf-8', 'backslashreplace')}: {error}")
    return found, left_out


def _instrument(row: ListedSymbol) -> Instrument:
    return spot_instrument(
        name=row.symbol,
        base=row.base_asset,
        quote=row.quote_asset,
        price_decimals=row.quote_precision,
        quantity_decimals=row.base_asset_precision,
        status=row.status,
        api_allowed=row.is_spot_trading_allowed,
        permissions=row.permissions or (),
        sides=row.trade_side_type,
        min_quantity=row.base_size_precision,
        min_notional=row.quote_amount_precision,
        max_notional=row.max_quote_amount,
        maker_fee=row.maker_commission,
        taker_fee=row.taker_commission,
    )


def book_snapshot(answer: DepthAnswer, symbol: Symbol, *, limit: int, received_ns: int) -> BookSnapshot:
    """A REST book; ``limit`` is the number of levels asked for, of which the server gives ``MAX_DEPTH`` at most."""
    return BookSnapshot(
        symbol=symbol,
        last_id=answer.last_update_id,
        bids=answer.bids or [],
        asks=answer.asks or [],
        limit=min(limit, MAX_DEPTH),
        exchange_ts=answer.timestamp * _MS,
        received_ts=received_ns,
    )


def recent_trades(rows: list[TradeRow], symbol: Symbol, received_ns: int) -> list[Trade]:
    """The answer of ``GET /api/v3/trades``, which comes newest first, as oldest first; it gives no ids."""
    found = []
    for row in rows:
        side = _REST_TAKER_SIDES.get(row.trade_type)
        if side is None:
            raise undecodable(TRADES_PATH, repr(row), f"tradeType is {row.trade_type!r}")
        trade_id = "" if row.id is None else str(row.id)
        found.append(Trade(symbol, trade_id, side, row.price, row.qty, row.time * _MS, received_ns))
    found.reverse()
    return found


def aggregated_trades(rows: list[AggregatedTradeRow], symbol: Symbol, received_ns: int) -> list[Trade]:
    """The answer of ``GET /api/v3/aggTrades`` as oldest first; times are whole seconds, and there are no ids."""
    found = [
        Trade(
            symbol,
            "" if row.id is None else str(row.id),
            Side.SELL if row.is_buyer_maker else Side.BUY,
            row.price,
            row.quantity,
            row.time * _MS,
            received_ns,
        )
        for row in rows
    ]
    if rows and rows[0].time >= rows[-1].time:
        found.reverse()
    return found


def klines(
    rows: list[KlineRow], symbol: Symbol, interval: KlineInterval, *, now_ns: int, received_ns: int
) -> list[Kline]:
    """The answer of ``GET /api/v3/klines``; a candle is closed when it ended before ``now_ns``.

    That is the exchange's time when it was asked: what ended while the answer came was still open in it.
    """
    found = []
    for row in rows:
        open_ts = row.open_time * _MS
        close_ts = close_of(interval, open_ts)
        found.append(
            Kline(
                symbol=symbol,
                interval=interval,
                open_ts=open_ts,
                close_ts=close_ts,
                open=row.open,
                high=row.high,
                low=row.low,
                close=row.close,
                base_volume=row.base_volume,
                quote_volume=row.quote_volume,
                closed=close_ts <= now_ns,
                received_ts=received_ns,
            )
        )
    return found


def ticker(row: TickerRow, symbol: Symbol, received_ns: int) -> Ticker:
    """A row of ``GET /api/v3/ticker/24hr``; a price of 0 is none.

    Raises:
        ExchangeDataException: there is no last price, or a figure is no number.
    """
    try:
        last = _figure(row.last_price)
        if not last:
            raise ValueError(f"lastPrice is {row.last_price!r}")
        return Ticker(
            symbol=symbol,
            last=last,
            bid=_figure(row.bid_price) or None,
            ask=_figure(row.ask_price) or None,
            high=_figure(row.high_price) or None,
            low=_figure(row.low_price) or None,
            base_volume=_figure(row.volume),
            quote_volume=_figure(row.quote_volume),
            change=_figure(row.price_change_percent, least=-1.0),
            exchange_ts=(row.close_time or 0) * _MS,
            received_ts=received_ns,
        )
    except ValueError as error:
        raise undecodable(TICKER_PATH, repr(row), error) from error


def tickers(
    data: bytes | str, by_native: Callable[[str], Symbol | None], received_ns: int
) -> tuple[dict[Symbol, Ticker], list[str]]:
    """The tickers of all listed symbols, and why rows of listed ones had to be left out."""
    found: dict[Symbol, Ticker] = {}
    left_out: list[str] = []
    for raw in parse(tickers_decoder, data, TICKER_PATH):
        try:
            row = ticker_decoder.decode(raw)
            symbol = by_native(row.symbol)
            if symbol is not None:
                found[symbol] = ticker(row, symbol, received_ns)
        except (*NOT_DECODABLE, ExchangeDataException) as error:
            left_out.append(f"{bytes(raw)[:80].decode('utf-8', 'backslashreplace')}: {error}")
    return found, left_out


def _figure(text: Amount, least: float = 0.0) -> float | None:
    if text is None or text == "":
        return None
    figure = float(text)
    if not least <= figure < inf:
        raise ValueError(f"{text!r} is out of range")
    return figure


# ---- pushes ----------------------------------------------------------------------------------------------------------


def book_delta(depth: Depth, symbol: Symbol, received_ns: int) -> BookDelta:
    """A push of ``aggre.depth``: every update from ``fromVersion`` to ``toVersion``."""
    return BookDelta(symbol, depth.first, depth.last, depth.bids, depth.asks, depth.sent_ms * _MS, received_ns)


def trades(push: PushDataV3ApiWrapper, symbol: Symbol, received_ns: int) -> list[Trade]:
    """A push of ``aggre.deals`` in its order; ``trade_id`` is "" in frames of the schema before 2026."""
    if not push.HasField("publicAggreDeals"):
        raise _senseless(push, "it holds no deals")
    found = []
    for deal in push.publicAggreDeals.deals:
        side = _TAKER_SIDES.get(deal.tradeType)
        if side is None:
            raise _senseless(push, f"tradeType is {deal.tradeType}")
        try:
            price, quantity = float(deal.price), float(deal.quantity)
        except ValueError as error:
            raise _senseless(push, error) from error
        if not (0.0 < price < inf and 0.0 < quantity < inf):
            raise _senseless(push, f"a trade of {quantity} at {price}")
        found.append(Trade(symbol, deal.tradeId, side, price, quantity, deal.time * _MS, received_ns))
    return found


def book_ticker(push: PushDataV3ApiWrapper, symbol: Symbol, received_ns: int) -> BookTicker:
    """A push of ``aggre.bookTicker``; an empty side becomes 0.0, ``sequence`` is 0 in frames before 2026."""
    if not push.HasField("publicAggreBookTicker"):
        raise _senseless(push, "it holds no ticker")
    body = push.publicAggreBookTicker
    try:
        bid, bid_quantity = float(body.bidPrice or 0), float(body.bidQuantity or 0)
        ask, ask_quantity = float(body.askPrice or 0), float(body.askQuantity or 0)
        version = int(body.version or 0)
    except ValueError as error:
        raise _senseless(push, error) from error
    if not (0.0 <= bid < inf and 0.0 <= bid_quantity < inf and 0.0 <= ask < inf and 0.0 <= ask_quantity < inf):
        raise _senseless(push, f"{bid_quantity} at {bid}, {ask_quantity} at {ask}")
    if version < 0:
        raise _senseless(push, f"version {version}")
    return BookTicker(symbol, bid, bid_quantity, ask, ask_quantity, version, push.sendTime * _MS, received_ns)


def kline(push: PushDataV3ApiWrapper, symbol: Symbol, interval_name: str, received_ns: int) -> Kline:
    """A push of ``kline``: the candle as it stands, which is never said to be closed; its times are seconds."""
    body = push.publicSpotKline
    interval = _PUSHED_INTERVALS.get(interval_name)
    if interval is None or body.interval != interval_name:
        raise _senseless(push, f"the interval is {body.interval!r}")
    try:
        first, high, low, last = (
            float(price) for price in (body.openingPrice, body.highestPrice, body.lowestPrice, body.closingPrice)
        )
        base_volume, quote_volume = float(body.volume or 0), float(body.amount or 0)
    except ValueError as error:
        raise _senseless(push, error) from error
    prices_hold = 0.0 < low <= first <= high < inf and low <= last <= high
    if not (prices_hold and 0.0 <= base_volume < inf and 0.0 <= quote_volume < inf):
        raise _senseless(push, f"a candle of {first}, {high}, {low}, {last} and {base_volume} for {quote_volume}")
    open_ts = body.windowStart * NANOSECONDS
    if not 0 < body.windowStart < body.windowEnd <= _LAST_SECOND:
        raise _senseless(push, f"a candle from {body.windowStart} to {body.windowEnd}")
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
        last = _figure(body.price)
        if not last:
            raise ValueError(f"price is {body.price!r}")
        return Ticker(
            symbol=symbol,
            last=last,
            high=_figure(body.high) or None,
            low=_figure(body.low) or None,
            base_volume=_figure(body.quantity),
            quote_volume=_figure(body.volume),
            change=_figure(body.zonedRate, least=-1.0),
            exchange_ts=push.sendTime * _MS,
            received_ts=received_ns,
        )
    except ValueError as error:
        raise _senseless(push, error) from error


def limited_book(push: PushDataV3ApiWrapper, symbol: Symbol, levels: int, received_ns: int) -> BookSnapshot:
    """A push of ``limit.depth``: the best ``levels`` a side, whole."""
    if not push.HasField("publicLimitDepths"):
        raise _senseless(push, "it holds no book")
    body = push.publicLimitDepths
    try:
        version, bids, asks = int(body.version), read_levels(body.bids), read_levels(body.asks)
    except ValueError as error:
        raise _senseless(push, error) from error
    if version < 0:
        raise _senseless(push, f"version {version}")
    return BookSnapshot(symbol, version, bids, asks, levels, push.sendTime * _MS, received_ns)


def _senseless(push: PushDataV3ApiWrapper, cause: object) -> ExchangeDataException:
    return undecodable(push.channel[:100], push.SerializeToString().hex(), cause)
