"""Toy's structures become ours; pure functions.

Whatever does not fit is an ``ExchangeDataException``.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from cex.common.enums import Side
from cex.common.exceptions import ExchangeDataException
from cex.common.types.instruments import Instrument
from cex.common.types.market import BookDelta, BookSnapshot, BookTicker, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.toy.constants import EXCHANGE
from cex.exchanges.toy.symbols import instrument
from cex.exchanges.toy.wire import BookAnswer, BookPush, TickerPush, TradePush, TradeRow, instruments_decoder

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


def instruments(data: bytes | str) -> tuple[list[Instrument], list[str]]:
    """The answer of ``GET /instruments`` as trading rules, and why rows had to be left out."""
    found: list[Instrument] = []
    left_out: list[str] = []
    for row in parse(instruments_decoder, data, "/instruments"):
        try:
            found.append(
                instrument(
                    name=row.name,
                    base=row.base,
                    quote=row.quote,
                    tick=row.tick,
                    step=row.step,
                    is_trading=row.trading,
                )
            )
        except ValueError as error:
            left_out.append(f"{row.name[:80]}: {error}")
    return found, left_out


def book_snapshot(answer: BookAnswer, symbol: Symbol, *, limit: int, received_ns: int) -> BookSnapshot:
    """A REST book; ``limit`` is the number of levels that was asked for."""
    return BookSnapshot(symbol, answer.id, answer.bids, answer.asks, limit, answer.ms * _MS, received_ns)


def book_delta(push: BookPush, symbol: Symbol, received_ns: int) -> BookDelta:
    """A push of the book stream."""
    return BookDelta(symbol, push.first, push.last, push.bids, push.asks, push.ms * _MS, received_ns)


def trade(row: TradeRow | TradePush, symbol: Symbol, received_ns: int) -> Trade:
    """A public trade, pushed or listed; raises ExchangeDataException for a side that is none."""
    side = _SIDES.get(row.side)
    if side is None:
        raise undecodable("trades", repr(row), f"side is {row.side!r}")
    return Trade(symbol, row.id, side, row.price, row.size, row.ms * _MS, received_ns)


def book_ticker(push: TickerPush, symbol: Symbol, received_ns: int) -> BookTicker:
    """A push of the ticker stream."""
    return BookTicker(symbol, *push.bid, *push.ask, push.id, push.ms * _MS, received_ns)
