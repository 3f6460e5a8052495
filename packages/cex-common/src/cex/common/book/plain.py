"""One side of a book in plain Python: prices in order, and the quantity that rests at each."""

from __future__ import annotations

import sys
from bisect import bisect_left, insort
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any

from cex.common.types.market import Changes, LevelChange, Levels, PriceLevel

__all__ = ["BookSide", "is_uncrossed", "top_of"]

_new_level: Callable[[tuple[float, float]], PriceLevel] = partial(tuple.__new__, PriceLevel)
"""What ``PriceLevel(price, quantity)`` does, at half its cost: the best levels are read after every update."""
_LAST_BITS = 1e-15
"""A quotient multiplied by its divisor misses the dividend by less than this part of it."""


class BookSide:
    """Sorted levels of one side; written by the synchronizer only.

    Quantities are kept in lots, of which ``lots`` make a base unit, and read in base units. ``limit_price`` is the
    worst price up to which the side is known to be complete: None where it is complete to its end. Prices beyond it are
    not kept, because what rests between them is not known.
    """

    __slots__ = ("_prices", "_quantities", "_window", "_windowed_stream", "_worst", "descending", "limit_price", "lots")

    def __init__(self, *, descending: bool, window: int | None, windowed_stream: bool) -> None:
        self.descending = descending
        self.limit_price: float | None = None
        self.lots = 1.0
        self._prices: list[float] = []  # always ascending: the best bid is the last, the best ask the first
        self._quantities: dict[float, float] = {}
        self._worst = 0 if descending else -1
        self._window = sys.maxsize if window is None else window
        self._windowed_stream = windowed_stream

    def __len__(self) -> int:
        return len(self._prices)

    @property
    def best(self) -> PriceLevel | None:
        """The best level, None while there is none."""
        if not self._prices:
            return None
        price = self._prices[-1 if self.descending else 0]
        return _new_level((price, self._quantities[price] / self.lots))

    @property
    def is_exhausted(self) -> bool:
        """True when every known level is gone but more may lie beyond."""
        return not self._prices and self.limit_price is not None

    def levels(self, depth: int | None) -> list[PriceLevel]:
        """The best ``depth`` levels (all when None), best first."""
        if depth is not None and depth < 0:
            raise ValueError(f"depth must not be negative: {depth}")
        ordered = reversed(self._prices) if self.descending else iter(self._prices)
        quantities, lots = self._quantities, self.lots
        return [_new_level((price, quantities[price] / lots)) for price in islice(ordered, depth)]

    def clear(self) -> None:
        """Forget every level."""
        self._prices.clear()
        self._quantities.clear()
        self.limit_price = None

    def load(self, levels: Changes, *, limit: int, lots: float) -> None:
        """Replace everything; a side with ``limit`` levels (0: no limit) may continue beyond the worst of them."""
        self.lots = lots
        self._quantities = {price: quantity for price, quantity in dict(_pairs(levels)).items() if quantity}
        self._prices = sorted(self._quantities)
        truncated = not self._windowed_stream and 0 < limit <= len(levels) and bool(self._prices)
        self.limit_price = self._prices[self._worst] if truncated else None
        if len(self._prices) > self._window:
            self._keep_to_window()

    def recount(self, lots: float) -> None:
        """Count in other lots from now on; what was a whole number of them becomes exactly that number."""
        before = self.lots
        self._quantities = {price: _whole(quantity * lots / before) for price, quantity in self._quantities.items()}
        self.lots = lots

    def update(self, levels: Changes) -> None:
        """Take absolute quantities over; 0 deletes, and deleting an unknown price is normal. There is one at least.

        The loop stands here twice, because making pairs of objects first costs more than all the rest of it.
        """
        prices, quantities = self._prices, self._quantities
        changes: Any = levels
        if type(changes[0]) is tuple:
            for price, quantity in changes:
                if quantity:
                    if price not in quantities:
                        insort(prices, price)
                    quantities[price] = quantity
                elif price in quantities:
                    del quantities[price]
                    del prices[bisect_left(prices, price)]
        else:
            for level in changes:
                price = level.price
                if quantity := level.quantity:
                    if price not in quantities:
                        insort(prices, price)
                    quantities[price] = quantity
                elif price in quantities:
                    del quantities[price]
                    del prices[bisect_left(prices, price)]
        if self.limit_price is not None:
            self._keep_to_limit(self.limit_price)
        if len(prices) > self._window:
            self._keep_to_window()

    def _keep_to_window(self) -> None:
        """Drop what lies beyond the best levels of the window.

        What is cut from a stream that does not say when a level comes back into the window stays unknown, so the known
        part shrinks with the cut.
        """
        prices, quantities, worst = self._prices, self._quantities, self._worst
        for _ in range(len(prices) - self._window):
            del quantities[prices.pop(worst)]
        if not self._windowed_stream:
            self.limit_price = prices[worst]

    def _keep_to_limit(self, limit: float) -> None:
        """Drop what lies beyond the known part."""
        prices = self._prices
        while prices and (prices[0] < limit if self.descending else prices[-1] > limit):
            del self._quantities[prices.pop(self._worst)]


def top_of(bids: BookSide, asks: BookSide) -> tuple[float, float, float, float] | None:
    """Best bid price and quantity, best ask price and quantity; None while a side is empty."""
    bid_prices, ask_prices = bids._prices, asks._prices
    if not bid_prices or not ask_prices:
        return None
    bid, ask = bid_prices[-1], ask_prices[0]
    return bid, bids._quantities[bid] / bids.lots, ask, asks._quantities[ask] / asks.lots


def is_uncrossed(bids: BookSide, asks: BookSide) -> bool:
    """Whether both sides have levels and the best bid lies below the best ask."""
    bid_prices, ask_prices = bids._prices, asks._prices
    return bool(bid_prices and ask_prices and bid_prices[-1] < ask_prices[0])


def _pairs(levels: Changes) -> Levels:
    return [(level.price, level.quantity) if isinstance(level, LevelChange) else level for level in levels]


def _whole(quantity: float) -> float:
    """The whole number that ``quantity`` is but for the last bits, or ``quantity``."""
    nearest = round(quantity)
    return float(nearest) if abs(quantity - nearest) <= _LAST_BITS * quantity else quantity
