"""One side of a book: price levels by price, the best at hand, and in each the orders in the order of their coming."""

from __future__ import annotations

from bisect import bisect_left, insort

from cex.common.enums import Side
from cex.sandbox.matching.orders import Order

__all__ = ["Half", "Level"]


class Level:
    __slots__ = ("orders", "total")

    def __init__(self) -> None:
        self.orders: dict[int, Order] = {}
        self.total = 0

    def apart_from(self, group: str, group_stops: bool) -> tuple[int, bool]:
        """Lots of everyone but ``group``, up to its first order if that stops; and whether it did."""
        if not group:
            return self.total, False
        total = 0
        for order in self.orders.values():
            if order.group != group:
                total += order.remaining
            elif group_stops:
                return total, True
        return total, False


class Half:
    """One side of the book: the best price is always the last of ``keys``."""

    __slots__ = ("keys", "levels", "side", "sign")

    def __init__(self, side: Side) -> None:
        self.side = side
        self.sign = 1 if side is Side.BUY else -1
        self.levels: dict[int, Level] = {}
        self.keys: list[int] = []

    def best(self) -> int | None:
        return self.keys[-1] * self.sign if self.keys else None

    def crossed_by(self, limit: int | None) -> bool:
        """Whether an order of the other side with this limit would take from here."""
        return bool(self.keys) and (limit is None or self.keys[-1] >= limit * self.sign)

    def level_for(self, price: int) -> Level:
        level = self.levels.get(price)
        if level is None:
            level = self.levels[price] = Level()
            insort(self.keys, price * self.sign)
        return level

    def drop(self, price: int) -> None:
        del self.levels[price]
        self.keys.pop(bisect_left(self.keys, price * self.sign))

    def takeable(
        self, lots: int, limit: int | None, budget: int | None, group: str, group_stops: bool
    ) -> tuple[int, int]:
        """Lots, and their cost, that an order would take from here; orders of ``group`` are passed by, or end it."""
        taken = cost = 0
        for key in reversed(self.keys):
            if limit is not None and key < limit * self.sign:
                break
            price = key * self.sign
            available, stopped = self.levels[price].apart_from(group, group_stops)
            most = min(available, lots - taken)
            if budget is not None:
                most = min(most, (budget - cost) // price)
            taken += most
            cost += most * price
            if most < available or stopped:
                break
        return taken, cost
