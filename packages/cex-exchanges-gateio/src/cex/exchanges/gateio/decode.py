"""Gate.io's structures become ours; pure functions. Whatever does not fit is an ``ExchangeDataException``."""

from __future__ import annotations

from math import isfinite
from typing import TypeVar

import msgspec

from cex.common.enums import Side
from cex.common.exceptions import ExchangeDataException
from cex.common.types.instruments import Instrument
from cex.common.types.market import BookDelta, BookSnapshot, BookTicker, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.gateio.constants import BOOK_TICKER_CHANNEL, EXCHANGE, TRADES_CHANNEL
from cex.exchanges.gateio.symbols import spot_instrument
from cex.exchanges.gateio.wire import (
    BookResult,
    BookTickerResult,
    OrderBookAnswer,
    Pair,
    TradeResult,
    TradeRow,
    pair_decoder,
    pairs_decoder,
)

__all__ = [
    "NOT_DECODABLE",
    "book_delta",
    "book_snapshot",
    "book_ticker",
    "instruments",
    "parse",
    "trade",
    "undecodable",
]

T = TypeVar("T")

NOT_DECODABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""Everything that msgspec raises for bytes that are not what they should be."""

_MS = 1_000_000
_SIDES = {"buy": Side.BUY, "sell": Side.SELL}


def undecodable(channel: str, payload: bytes | str, cause: object) -> ExchangeDataException:
    """The error for something that ``channel`` sent and that does not decode."""
    return ExchangeDataException(
        f"{channel} sent what is not documented: {cause}", EXCHANGE, channel=channel, payload=payload
    )


def parse(decoder: msgspec.json.Decoder[T], data: bytes | str, channel: str) -> T:
    """``data`` as the decoder's type; ``channel`` is named in the ExchangeDataException where it does not fit."""
    try:
        return decoder.decode(data)
    except NOT_DECODABLE as error:
        raise undecodable(channel, data, error) from error


def instruments(data: bytes | str, now_ns: int) -> tuple[list[Instrument], list[str]]:
    """The answer of ``GET /spot/currency_pairs`` as trading rules at ``now_ns``, and why rows had to be left out.

    One unusable row (a name that makes no symbol, a field of the wrong kind) does not cost the others.
    """
    found: list[Instrument] = []
    left_out: list[str] = []
    for row in parse(pairs_decoder, data, "/spot/currency_pairs"):
        try:
            found.append(_instrument(pair_decoder.decode(row), now_ns))
        except (*NOT_DECODABLE, ValueError) as error:
            left_out.append(f"{bytes(row)[:80].decode('utf-8', 'backslashreplace')}: {error}")
    return found, left_out


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
        exchange_ts=answer.current * _MS,
        received_ts=received_ns,
    )


def book_delta(result: BookResult, symbol: Symbol, received_ns: int) -> BookDelta:
    """A push of ``spot.order_book_update``."""
    return BookDelta(
        symbol,
        result.U,
        result.u,
        result.b or [],
        result.a or [],
        result.t * _MS,
        received_ns,
        result.full,
    )


def trade(row: TradeResult | TradeRow, symbol: Symbol, received_ns: int) -> Trade:
    """A public trade, pushed or listed; raises ExchangeDataException for a side or time that is none."""
    side = _SIDES.get(row.side)
    if side is None:
        raise undecodable(TRADES_CHANNEL, repr(row), f"side is {row.side!r}")
    return Trade(
        symbol, str(row.id), side, row.price, row.amount, _nanoseconds(row.create_time_ms, TRADES_CHANNEL), received_ns
    )


def book_ticker(result: BookTickerResult, symbol: Symbol, received_ns: int) -> BookTicker:
    """A push of ``spot.book_ticker``; an empty side becomes 0.0."""
    try:
        bid, bid_amount = float(result.b or 0), float(result.B or 0)
        ask, ask_amount = float(result.a or 0), float(result.A or 0)
    except ValueError as error:
        raise undecodable(BOOK_TICKER_CHANNEL, repr(result), error) from error
    if not isfinite(bid + bid_amount + ask + ask_amount) or min(bid, bid_amount, ask, ask_amount) < 0:
        raise undecodable(BOOK_TICKER_CHANNEL, repr(result), "not a price or amount")
    return BookTicker(symbol, bid, bid_amount, ask, ask_amount, result.u, result.t * _MS, received_ns)


def _nanoseconds(milliseconds: str | float, channel: str) -> int:
    """Milliseconds with a fraction, exactly: a float would lose the digits behind the point."""
    whole, _, fraction = str(milliseconds).partition(".")
    if not (whole.isascii() and whole.isdigit() and len(whole) <= 15 and (fraction.isdigit() or not fraction)):
        raise undecodable(channel, str(milliseconds), "not a time in milliseconds")
    return int(whole) * _MS + int(fraction[:6].ljust(6, "0") or 0)
