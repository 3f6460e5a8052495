"""One side of a book: prices in order, and the quantity that rests at each."""

from __future__ import annotations

import sys
from bisect import bisect_left, insort
from collections.abc import Callable
from functools import partial
from itertools import islice

from cex.common.types.market import Levels, PriceLevel

__all__ = ["BookSide", "new_level"]

new_level: Callable[[tuple[float, float]], PriceLevel] = partial(tuple.__new__, PriceLevel)
"""What ``PriceLevel(price, quantity)`` does, at half its cost: top of book is read after every update."""


class BookSide:
    """Sorted levels of one side; written by the synchronizer only.

    ``limit_price`` is the worst price up to which the side is known to be complete: None where it is complete to its
    end. Prices beyond it are not kept, because what rests between them is not known.
    """

    __slots__ = ("_window", "_windowed_stream", "_worst", "descending", "limit_price", "prices", "quantities")

    def __init__(self, *, descending: bool, window: int | None, windowed_stream: bool) -> None:
        self.descending = descending
        self.prices: list[float] = []  # always ascending: the best bid is the last, the best ask the first
        self.quantities: dict[float, float] = {}
        self.limit_price: float | None = None
        self._worst = 0 if descending else -1
        self._window = sys.maxsize if window is None else window
        self._windowed_stream = windowed_stream

    def clear(self) -> None:
        self.prices.clear()
        self.quantities.clear()
        self.limit_price = None

    def load(self, levels: Levels, *, limit: int) -> None:
        """Replace everything; a side with ``limit`` levels (0: no limit) may continue beyond the worst of them."""
        self.quantities = {price: quantity for price, quantity in levels if quantity}
        self.prices = sorted(self.quantities)
        truncated = not self._windowed_stream and 0 < limit <= len(levels) and bool(self.prices)
        self.limit_price = self.prices[self._worst] if truncated else None
        self._keep_to_window()

    def update(self, levels: Levels) -> None:
        """Take absolute quantities over; 0 deletes, and deleting an unknown price is normal."""
        prices, quantities = self.prices, self.quantities
        for price, quantity in levels:
            if quantity:
                if price not in quantities:
                    insort(prices, price)
                quantities[price] = quantity
            elif price in quantities:
                del quantities[price]
                del prices[bisect_left(prices, price)]
        if self.limit_price is not None:
            self._keep_to_limit()
        if len(prices) > self._window:
            self._keep_to_window()

    def _keep_to_window(self) -> None:
        """Drop what lies beyond the best levels of the window.

        What is cut from a stream that does not say when a level comes back into the window stays unknown, so the known
        part shrinks with the cut.
        """
        prices, quantities, worst = self.prices, self.quantities, self._worst
        while len(prices) > self._window:
            del quantities[prices.pop(worst)]
            if not self._windowed_stream:
                self.limit_price = prices[worst]

    def _keep_to_limit(self) -> None:
        """Drop what lies beyond the known part."""
        prices, limit = self.prices, self.limit_price
        if limit is not None:
            while prices and (prices[0] < limit if self.descending else prices[-1] > limit):
                del self.quantities[prices.pop(self._worst)]

    @property
    def is_exhausted(self) -> bool:
        """True when every known level is gone but more may lie beyond."""
        return not self.prices and self.limit_price is not None

    def levels(self, depth: int | None) -> list[PriceLevel]:
        """The best ``depth`` levels (all when None), best first."""
        if depth is not None and depth < 0:
            raise ValueError(f"depth must not be negative: {depth}")
        ordered = reversed(self.prices) if self.descending else iter(self.prices)
        count = len(self.prices) if depth is None else min(depth, len(self.prices))
        quantities = self.quantities
        return [new_level((price, quantities[price])) for price in islice(ordered, count)]
