"""Toy's structures become ours; pure functions.

Contracts become base units here and nowhere else. Whatever does not fit is an ``ExchangeDataException``.
"""

from __future__ import annotations

from decimal import Context, Decimal
from typing import TypeVar

import msgspec

from cex.common.enums import Side
from cex.common.exceptions import ExchangeDataException
from cex.common.types.instruments import Instrument
from cex.common.types.market import BookDelta, BookSnapshot, BookTicker, FundingRate, Trade
from cex.exchanges.toy.constants import EXCHANGE
from cex.exchanges.toy.symbols import instrument
from cex.exchanges.toy.wire import (
    BookAnswer,
    BookPush,
    FundingAnswer,
    Levels,
    TickerPush,
    TradePush,
    TradeRow,
    instruments_decoder,
)

__all__ = [
    "NOT_DECODABLE",
    "book_delta",
    "book_snapshot",
    "book_ticker",
    "funding_rate",
    "instruments",
    "parse",
    "trade",
    "undecodable",
]

T = TypeVar("T")

NOT_DECODABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""Everything that msgspec raises for bytes that are not what they should be."""

_MS = 1_000_000
_EXACT = Context(prec=60)
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
                    settle=row.settle,
                    tick=row.tick,
                    step=row.step,
                    contract=row.contract,
                    is_trading=row.trading,
                )
            )
        except (ValueError, ArithmeticError) as error:
            left_out.append(f"{row.name[:80]}: {error}")
    return found, left_out


def book_snapshot(answer: BookAnswer, listed: Instrument, *, limit: int, received_ns: int) -> BookSnapshot:
    """A REST book; ``limit`` is the number of levels that was asked for."""
    bids, asks = _levels(answer.bids, listed), _levels(answer.asks, listed)
    return BookSnapshot(listed.symbol, answer.id, bids, asks, limit, answer.ms * _MS, received_ns)


def book_delta(push: BookPush, listed: Instrument, received_ns: int) -> BookDelta:
    """A push of the book stream."""
    bids, asks = _levels(push.bids, listed), _levels(push.asks, listed)
    return BookDelta(listed.symbol, push.first, push.last, bids, asks, push.ms * _MS, received_ns)


def trade(row: TradeRow | TradePush, listed: Instrument, received_ns: int) -> Trade:
    """A public trade, pushed or listed; raises ExchangeDataException for a side that is none."""
    side = _SIDES.get(row.side)
    if side is None:
        raise undecodable("trades", repr(row), f"side is {row.side!r}")
    return Trade(listed.symbol, row.id, side, row.price, _base_units(row.size, listed), row.ms * _MS, received_ns)


def book_ticker(push: TickerPush, listed: Instrument, received_ns: int) -> BookTicker:
    """A push of the ticker stream."""
    bid, ask = _levels([push.bid, push.ask], listed)
    return BookTicker(listed.symbol, *bid, *ask, push.id, push.ms * _MS, received_ns)


def funding_rate(answer: FundingAnswer, listed: Instrument, received_ns: int) -> FundingRate:
    """The rate of a perpetual that is to be paid next."""
    return FundingRate(listed.symbol, answer.rate, answer.ms * _MS, answer.seconds, received_ns)


def _levels(levels: Levels, listed: Instrument) -> Levels:
    return [(price, _base_units(size, listed)) for price, size in levels] if listed.contract_size != 1 else levels


def _base_units(size: float, listed: Instrument) -> float:
    """Exact to the digit: 3 contracts of 0.1 are 0.3, which the product of two floats is not."""
    return float(_EXACT.multiply(Decimal(repr(size)), listed.contract_size))
