"""MEXC's structures become ours; pure functions. Whatever does not fit is an ``ExchangeDataException``.

Prices and quantities come as decimal text and become floats of the same digits; milliseconds become nanoseconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import TYPE_CHECKING, TypeVar

import msgspec

from cex.common.enums import Side
from cex.common.exceptions import ExchangeDataException
from cex.common.types.instruments import Instrument
from cex.common.types.market import BookDelta, BookSnapshot, BookTicker, Levels, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.mexc.constants import EXCHANGE, EXCHANGE_INFO_PATH, MAX_DEPTH, TRADES_PATH
from cex.exchanges.mexc.symbols import spot_instrument
from cex.exchanges.mexc.wire.rest import (
    DepthAnswer,
    ListedSymbol,
    TradeRow,
    exchange_info_decoder,
    listed_symbol_decoder,
)

if TYPE_CHECKING:
    from cex.exchanges.mexc.wire.push import PushDataV3ApiWrapper
    from cex.exchanges.mexc.wire.schema.push_pb2 import PublicDepthV3ApiItem

__all__ = [
    "NOT_DECODABLE",
    "book_delta",
    "book_snapshot",
    "book_ticker",
    "instruments",
    "parse",
    "recent_trades",
    "trades",
    "undecodable",
]

T = TypeVar("T")

NOT_DECODABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""Everything that msgspec raises for bytes that are not what they should be."""

_MS = 1_000_000
_TAKER_SIDES = {1: Side.BUY, 2: Side.SELL}
_REST_TAKER_SIDES = {"BID": Side.BUY, "ASK": Side.SELL}


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


# ---- pushes ----------------------------------------------------------------------------------------------------------


def book_delta(push: PushDataV3ApiWrapper, symbol: Symbol, received_ns: int) -> BookDelta:
    """A push of ``aggre.depth``: every update from ``fromVersion`` to ``toVersion``."""
    body = push.publicAggreDepths
    try:
        first, last = int(body.fromVersion), int(body.toVersion)
        bids, asks = _levels(body.bids), _levels(body.asks)
    except ValueError as error:
        raise _senseless(push, error) from error
    if not 0 <= first <= last:
        raise _senseless(push, f"versions from {first} to {last}")
    return BookDelta(symbol, first, last, bids, asks, push.sendTime * _MS, received_ns)


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


def _levels(items: Iterable[PublicDepthV3ApiItem]) -> Levels:
    levels = []
    for item in items:
        price, quantity = float(item.price), float(item.quantity)
        if not (0.0 < price < inf and 0.0 <= quantity < inf):
            raise ValueError(f"a level of {quantity} at {price}")
        levels.append((price, quantity))
    return levels


def _senseless(push: PushDataV3ApiWrapper, cause: object) -> ExchangeDataException:
    return undecodable(push.channel[:100], push.SerializeToString().hex(), cause)
