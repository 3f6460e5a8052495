"""Market data as every exchange's decoder hands it on.

Prices and quantities are ``float``, parsed from the wire's decimal text (exact up to 15 significant digits);
quantities are in base units. Times are ``int`` nanoseconds since the epoch, UTC: ``exchange_ts`` as the exchange
stamped it (0 where it gives none), ``received_ts`` at our socket.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct

from cex.common.enums import KlineInterval, Side
from cex.common.types.symbols import Symbol

__all__ = [
    "BookDelta",
    "BookSnapshot",
    "BookTicker",
    "Changes",
    "FundingRate",
    "Kline",
    "LevelChange",
    "Levels",
    "PriceLevel",
    "Ticker",
    "Trade",
]


class PriceLevel(NamedTuple):
    """One price of one side of a book and the total quantity resting there (base units)."""

    price: float
    quantity: float


Levels = list[tuple[float, float]]
"""``(price, quantity)`` pairs as decoded."""


class LevelChange(Struct, gc=False):
    """An element of :data:`Changes` for an exchange whose levels are objects: decoded into, and never taken apart."""

    price: float
    quantity: float


Changes = Sequence[tuple[float, float]] | Sequence[LevelChange]
"""What a delta changes: absolute quantities, of which 0 deletes the price. Either all pairs or all objects."""


class BookDelta(Struct, frozen=True, gc=False):
    """A range of changes to a book: every update from ``first_id`` to ``last_id``, both included.

    ``full=True`` means that the levels are a whole book as of ``last_id``, not changes. Quantities are counted in lots,
    of which ``lots`` make a base unit: 1 where they are base units, 10,000 for contracts of 0.0001 each. A book divides
    by it when it is read, which is once where a delta has many levels.
    """

    symbol: Symbol
    first_id: int
    last_id: int
    bids: Changes
    asks: Changes
    exchange_ts: int = 0
    received_ts: int = 0
    full: bool = False
    lots: float = 1.0


class BookSnapshot(Struct, frozen=True, gc=False):
    """A whole book as of ``last_id``; bids descending, asks ascending.

    ``limit`` is the number of levels a side that was asked for: a side with that many may continue beyond its last
    level. 0 means that the sides are complete.
    """

    symbol: Symbol
    last_id: int
    bids: Levels
    asks: Levels
    limit: int = 0
    exchange_ts: int = 0
    received_ts: int = 0


class Trade(Struct, frozen=True, gc=False):
    """A public trade; ``side`` is the taker's. ``trade_id`` is "" where the exchange gives none."""

    symbol: Symbol
    trade_id: str
    side: Side
    price: float
    quantity: float
    exchange_ts: int = 0
    received_ts: int = 0


class BookTicker(Struct, frozen=True, gc=False):
    """Best bid and ask; an empty side has price and quantity 0.0. ``sequence`` is the book's update id, 0 if none."""

    symbol: Symbol
    bid_price: float
    bid_quantity: float
    ask_price: float
    ask_quantity: float
    sequence: int = 0
    exchange_ts: int = 0
    received_ts: int = 0


class Ticker(Struct, frozen=True, gc=False):
    """Rolling 24-hour statistics; ``change`` is a fraction (0.01 = 1 %). None where the exchange gives no figure."""

    symbol: Symbol
    last: float
    bid: float | None = None
    ask: float | None = None
    high: float | None = None
    low: float | None = None
    base_volume: float | None = None
    quote_volume: float | None = None
    change: float | None = None
    mark_price: float | None = None
    index_price: float | None = None
    funding_rate: float | None = None
    exchange_ts: int = 0
    received_ts: int = 0


class Kline(Struct, frozen=True, gc=False):
    """A candle from ``open_ts`` (included) to ``close_ts`` (excluded); ``closed`` is False while it may change."""

    symbol: Symbol
    interval: KlineInterval
    open_ts: int
    close_ts: int
    open: float
    high: float
    low: float
    close: float
    base_volume: float
    quote_volume: float | None
    closed: bool
    received_ts: int = 0


class FundingRate(Struct, frozen=True, gc=False):
    """Funding of a perpetual as a fraction for one interval; positive means that longs pay shorts."""

    symbol: Symbol
    rate: float
    funding_ts: int
    interval_s: int = 0
    received_ts: int = 0
