"""The best levels of a book as Gate.io streams them: a level that falls out of the window is told as gone.

https://www.gate.com/docs/developers/apiv4/ws/en/
"""

from __future__ import annotations

from cex.common.enums import Side
from cex.sandbox.market.simulation import MarketBook

__all__ = ["Levels", "Window"]

Levels = list[tuple[int, int]]


class Window:
    """What has been told of the ``levels`` best of each side, and what must be told next.

    The window is compared after every tick, so that a book fetched in the middle of an interval ends up the same: every
    level that changed, entered or left in between is told, with its amount now, or 0 when it is outside.
    """

    def __init__(self, book: MarketBook, levels: int) -> None:
        self.levels = levels
        self.last = book.told_id
        self._book = book
        view = book.view(limit=levels)
        self._inside = {Side.BUY: {price for price, _ in view.bids}, Side.SELL: {price for price, _ in view.asks}}
        self._touched: dict[Side, set[int]] = {Side.BUY: set(), Side.SELL: set()}

    @property
    def has_moved(self) -> bool:
        """Whether a level inside has changed, entered or left since it was told."""
        return any(self._touched.values())

    def observe(self) -> None:
        """Look at what the tick did."""
        changed: dict[Side, set[int]] = {Side.BUY: set(), Side.SELL: set()}
        for change in self._book.changes:
            changed[change.side].add(change.price)
        for side, prices in changed.items():
            if prices:
                before, now = self._inside[side], self._book.engine.best_prices(side, self.levels)
                self._touched[side] |= (before ^ now) | (prices & now)
                self._inside[side] = now

    def advance(self) -> tuple[int, int]:
        """The first and the last update id of what is told now."""
        first, self.last = self.last + 1, self._book.update_id
        return first, self.last

    def moved(self, side: Side) -> Levels:
        """(price, lots) of what moved since it was told, best first; from now on it counts as told."""
        inside, engine = self._inside[side], self._book.engine
        prices = sorted(self._touched[side], reverse=side is Side.BUY)
        self._touched[side].clear()
        return [(price, engine.total(side, price) if price in inside else 0) for price in prices]

    def as_told(self) -> tuple[Levels, Levels]:
        """Bids and asks, best first, exactly as those know them who have heard everything so far."""
        bids, asks = self._book.engine.book_at(self.last)
        return sorted(bids.items(), reverse=True)[: self.levels], sorted(asks.items())[: self.levels]
