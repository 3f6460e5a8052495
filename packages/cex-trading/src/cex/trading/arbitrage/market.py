"""One order book as a taker meets it: with its fee, its rules, and whether it may be believed now."""

from __future__ import annotations

from math import isfinite

from msgspec import Struct

from cex.common.book.order_book import OrderBook
from cex.common.types.instruments import Instrument

__all__ = ["Market"]


class Market(Struct, frozen=True, kw_only=True):
    """One symbol on one exchange, as a taker meets it.

    ``taker_fee`` is a fraction of the notional (0.001 = 0.1 %). ``fresh`` says that the book's connection was heard
    from within the caller's bound. ``instrument``, where given, limits sizes to its step, minima and maxima.
    """

    exchange: str
    book: OrderBook
    taker_fee: float
    fresh: bool
    instrument: Instrument | None = None

    def __post_init__(self) -> None:
        if not (isfinite(self.taker_fee) and -0.01 <= self.taker_fee < 0.1):
            raise ValueError(f"taker_fee is a fraction such as 0.001 for 0.1 %, not {self.taker_fee}")

    @property
    def usable(self) -> bool:
        """Whether prices may be taken from this market now."""
        return self.fresh and self.book.is_live
