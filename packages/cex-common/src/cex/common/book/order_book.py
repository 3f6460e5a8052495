"""The order book as its readers see it: prices only while it can vouch for them."""

from __future__ import annotations

from math import isfinite

from msgspec import Struct

from cex.common.book.side import BookSide, top_of
from cex.common.enums import BookState, Side
from cex.common.exceptions.exchange import BookNotLive
from cex.common.types.market import PriceLevel
from cex.common.types.symbols import Symbol

__all__ = ["BookView", "OrderBook"]

_LIVE = BookState.LIVE
"""A global is read much faster than a member of an enum, and this one is read with every price."""
_SUM_TOLERANCE = 1e-12
"""A sum of level quantities may differ from their exact sum in the last bits; no step is that small."""


class BookView(Struct, frozen=True):
    """A book at one moment, immutable. If the book was not LIVE, its sides are empty and ``reason`` says why."""

    symbol: Symbol
    state: BookState
    reason: str
    sequence: int
    bids: tuple[PriceLevel, ...]
    asks: tuple[PriceLevel, ...]
    exchange_ts: int
    received_ts: int


class OrderBook:
    """A live book of one symbol on one exchange; prices in quote, quantities in base units.

    Everything that answers with prices raises :class:`~cex.common.exceptions.BookNotLive` while ``state`` is not LIVE.
    ``reason`` says why it is in its state, ``since_ns`` (wall clock, nanoseconds) since when. ``sequence`` is the
    exchange's id of the last applied update; ``exchange_ts`` and ``received_ts`` are that update's times. Only a
    :class:`~cex.common.book.synchronizer.Synchronizer` writes to a book.
    """

    __slots__ = (
        "_asks",
        "_bids",
        "exchange",
        "exchange_ts",
        "reason",
        "received_ts",
        "sequence",
        "since_ns",
        "state",
        "symbol",
    )

    def __init__(self, symbol: Symbol, *, exchange: str, bids: BookSide, asks: BookSide) -> None:
        self.symbol = symbol
        self.exchange = exchange
        self.state = BookState.SYNCING
        self.reason = "no snapshot yet"
        self.since_ns = 0
        self.sequence = 0
        self.exchange_ts = 0
        self.received_ts = 0
        self._bids = bids
        self._asks = asks

    @property
    def is_live(self) -> bool:
        return self.state is _LIVE

    @property
    def best_bid(self) -> PriceLevel | None:
        """Highest bid; None when nobody bids."""
        if self.state is not _LIVE:
            raise self._not_live()
        return self._bids.best

    @property
    def best_ask(self) -> PriceLevel | None:
        """Lowest ask; None when nobody asks."""
        if self.state is not _LIVE:
            raise self._not_live()
        return self._asks.best

    @property
    def top(self) -> tuple[float, float, float, float] | None:
        """Bid price and quantity, ask price and quantity; None while a side is empty. The quickest way to read both."""
        if self.state is not _LIVE:
            raise self._not_live()
        return top_of(self._bids, self._asks)

    @property
    def mid(self) -> float | None:
        """Halfway between best bid and best ask; None while a side is empty."""
        top = self.top
        return None if top is None else (top[0] + top[2]) / 2

    @property
    def spread(self) -> float | None:
        """Best ask minus best bid, always positive; None while a side is empty."""
        top = self.top
        return None if top is None else top[2] - top[0]

    def bids(self, depth: int | None = None) -> list[PriceLevel]:
        """The best ``depth`` bids (every known one when None), highest first."""
        if self.state is not _LIVE:
            raise self._not_live()
        return self._bids.levels(depth)

    def asks(self, depth: int | None = None) -> list[PriceLevel]:
        """The best ``depth`` asks (every known one when None), lowest first."""
        if self.state is not _LIVE:
            raise self._not_live()
        return self._asks.levels(depth)

    def vwap(self, side: Side, quantity: float) -> float | None:
        """Average price at which a taker of ``side`` trades ``quantity`` (base units) against this book.

        A BUY walks the asks, a SELL the bids. None when the known levels do not hold that much.
        """
        if not (isfinite(quantity) and quantity > 0):
            raise ValueError(f"quantity must be a positive number, not {quantity}")
        missing, cost = quantity, 0.0
        for level in self.asks() if side is Side.BUY else self.bids():
            if level.quantity >= missing:
                return (cost + level.price * missing) / quantity
            cost += level.price * level.quantity
            missing -= level.quantity
        if missing <= quantity * _SUM_TOLERANCE:
            return cost / (quantity - missing)
        return None

    def snapshot(self, depth: int | None = None) -> BookView:
        """An immutable copy, possible in every state."""
        live = self.is_live
        return BookView(
            symbol=self.symbol,
            state=self.state,
            reason=self.reason,
            sequence=self.sequence,
            bids=tuple(self._bids.levels(depth)) if live else (),
            asks=tuple(self._asks.levels(depth)) if live else (),
            exchange_ts=self.exchange_ts,
            received_ts=self.received_ts,
        )

    def _not_live(self) -> BookNotLive:
        return BookNotLive(self.symbol, self.state, self.reason, self.exchange)

    def __repr__(self) -> str:
        return f"<OrderBook {self.exchange} {self.symbol} {self.state} sequence={self.sequence}: {self.reason}>"
