"""Price-time priority on integers: prices in ticks, quantities in lots, so that nothing is ever rounded.

The engine knows neither venues nor money. Every change of a price level takes the next update id, which is what the
venues' books are numbered by, and is kept for a while, so that the book at a recent id can be told again.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from operator import neg
from typing import NamedTuple

from cex.common.enums import OrderStatus, Side, TimeInForce

__all__ = ["Change", "Execution", "Fill", "MatchingEngine", "Order"]


_MOST = 1 << 50


class Order:
    """One order; ``price`` None is a market order. ``remaining`` falls with fills."""

    __slots__ = ("id", "owner", "price", "quantity", "remaining", "side", "status")

    def __init__(self, order_id: int, owner: str, side: Side, quantity: int, price: int | None) -> None:
        self.id = order_id
        self.owner = owner
        self.side = side
        self.quantity = quantity
        self.remaining = quantity
        self.price = price
        self.status = OrderStatus.NEW

    def __repr__(self) -> str:
        price = "market" if self.price is None else self.price
        return f"Order({self.id} {self.owner} {self.side} {self.remaining}/{self.quantity} @ {price} {self.status})"


class Fill(NamedTuple):
    """One match, at the resting order's price; ``taker_side`` is the direction of the incoming order."""

    id: int
    price: int
    quantity: int
    taker_side: Side
    maker_order: int
    taker_order: int


class Change(NamedTuple):
    """A price level after a change (``total`` 0: the level is gone) and before it."""

    update_id: int
    side: Side
    price: int
    total: int
    before: int


class Execution(NamedTuple):
    """What became of a submitted order at once.

    Its status is NEW (resting), PARTIALLY_FILLED (resting), FILLED, CANCELED (the rest of a market or IOC order) or
    REJECTED (a post-only order that would take, a FOK order that cannot be filled; the book is untouched).
    """

    order: Order
    fills: tuple[Fill, ...]


class _Level:
    __slots__ = ("orders", "total")

    def __init__(self) -> None:
        self.orders: dict[int, Order] = {}
        self.total = 0


class _Half:
    """One side of the book: the best price is always the last of ``keys``."""

    __slots__ = ("keys", "levels", "side", "sign")

    def __init__(self, side: Side) -> None:
        self.side = side
        self.sign = 1 if side is Side.BUY else -1
        self.levels: dict[int, _Level] = {}
        self.keys: list[int] = []

    def best(self) -> int | None:
        return self.keys[-1] * self.sign if self.keys else None

    def crossed_by(self, limit: int | None) -> bool:
        """Whether an order of the other side with this limit would take from here."""
        return bool(self.keys) and (limit is None or self.keys[-1] >= limit * self.sign)

    def level_for(self, price: int) -> _Level:
        level = self.levels.get(price)
        if level is None:
            level = self.levels[price] = _Level()
            insort(self.keys, price * self.sign)
        return level

    def drop_empty(self, price: int) -> None:
        if not self.levels[price].orders:
            del self.levels[price]
            self.keys.pop(bisect_left(self.keys, price * self.sign))

    def available(self, limit: int | None, wanted: int) -> bool:
        """Whether at least ``wanted`` lots rest at ``limit`` or better."""
        for key in reversed(self.keys):
            if limit is not None and key < limit * self.sign:
                return False
            wanted -= self.levels[key * self.sign].total
            if wanted <= 0:
                return True
        return False


class MatchingEngine:
    """The book of one instrument on one venue.

    ``changes`` and ``fills`` collect what happened until :meth:`drain`. ``first_update_id`` and ``first_trade_id`` are
    where the venue's numbering starts; ``history`` is how many changes back :meth:`book_at` reaches.
    """

    def __init__(self, *, first_update_id: int = 0, first_order_id: int = 0, history: int = 20_000) -> None:
        self.update_id = first_update_id
        self.changes: list[Change] = []
        self.fills: list[Fill] = []
        self.orders: dict[int, Order] = {}
        self._halves = {Side.BUY: _Half(Side.BUY), Side.SELL: _Half(Side.SELL)}
        self._first_update_id = first_update_id
        self._past_prices = array("q", bytes(8 * history))
        self._past_totals = array("q", bytes(8 * history))
        self._last_order_id = first_order_id
        self._last_trade_id = first_order_id

    # --- reading -----------------------------------------------------------------------------------------------------

    @property
    def last_trade_id(self) -> int:
        """The id of the newest match, or where the numbering starts."""
        return self._last_trade_id

    def best(self, side: Side) -> int | None:
        """The best resting price of ``side``, None when it is empty."""
        return self._halves[side].best()

    def total(self, side: Side, price: int) -> int:
        """Lots resting at ``price``, 0 when there is no such level."""
        level = self._halves[side].levels.get(price)
        return level.total if level is not None else 0

    def depth(self, side: Side) -> int:
        """How many price levels ``side`` has."""
        return len(self._halves[side].keys)

    def levels(self, side: Side, limit: int | None = None) -> list[tuple[int, int]]:
        """The ``limit`` best (price, lots) of ``side``, best first."""
        half = self._halves[side]
        keys = half.keys if limit is None else half.keys[-limit:] if limit > 0 else []
        return [(key * half.sign, half.levels[key * half.sign].total) for key in reversed(keys)]

    def best_prices(self, side: Side, limit: int) -> set[int]:
        """The prices of the ``limit`` best levels of ``side``; ``limit`` is at least 1."""
        keys = self._halves[side].keys[-limit:]
        return set(keys) if side is Side.BUY else set(map(neg, keys))

    def resting(self, side: Side, index: int) -> tuple[int, list[Order]]:
        """Price and orders (oldest first) of the level at ``index``, counted from the worst; -1 is the best.

        Raises:
            IndexError: the side has no such level.
        """
        half = self._halves[side]
        price = half.keys[index] * half.sign
        return price, list(half.levels[price].orders.values())

    def book_at(self, update_id: int) -> tuple[dict[int, int], dict[int, int]]:
        """Bids and asks (price -> lots) as they were right after change ``update_id``.

        Raises:
            LookupError: the id lies in the future, or too far back.
        """
        history = len(self._past_prices)
        oldest = max(self._first_update_id, self.update_id - history)
        if not oldest <= update_id <= self.update_id:
            raise LookupError(f"update id {update_id} is not between {oldest} and {self.update_id}")
        bids, asks = (
            {price: level.total for price, level in self._halves[side].levels.items()} for side in (Side.BUY, Side.SELL)
        )
        for undone in range(self.update_id, update_id, -1):
            price, before = self._past_prices[undone % history], self._past_totals[undone % history]
            levels = bids if price > 0 else asks
            if before:
                levels[abs(price)] = before
            else:
                del levels[abs(price)]
        return bids, asks

    # --- writing -----------------------------------------------------------------------------------------------------

    def submit(
        self,
        owner: str,
        side: Side,
        quantity: int,
        price: int | None = None,
        time_in_force: TimeInForce = TimeInForce.GTC,
    ) -> Execution:
        """Match an order and let what is left of it rest, as ``time_in_force`` says. A market order never rests.

        Raises:
            ValueError: quantity or price is not between 1 and 2 ** 50, or a market order is post-only.
        """
        if not (0 < quantity <= _MOST and (price is None or 0 < price <= _MOST)):
            raise ValueError(f"quantity and price must be positive and at most 2 ** 50, not {quantity} @ {price}")
        if price is None and time_in_force is TimeInForce.POST_ONLY:
            raise ValueError("a market order cannot be post-only")
        self._last_order_id += 1
        order = Order(self._last_order_id, owner, side, quantity, price)
        against = self._halves[side.opposite]
        crosses = against.crossed_by(price)
        if (time_in_force is TimeInForce.POST_ONLY and crosses) or (
            time_in_force is TimeInForce.FOK and not against.available(price, quantity)
        ):
            order.status = OrderStatus.REJECTED
            return Execution(order, ())
        fills = self._match(order, against) if crosses else ()
        if not order.remaining:
            order.status = OrderStatus.FILLED
        elif price is None or time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
            order.status = OrderStatus.CANCELED
        else:
            order.status = OrderStatus.PARTIALLY_FILLED if fills else OrderStatus.NEW
            self._rest(order, price)
        return Execution(order, fills)

    def cancel(self, order_id: int) -> Order:
        """Take a resting order out of the book.

        Raises:
            KeyError: no such order rests.
        """
        order = self.orders.pop(order_id)
        assert order.price is not None
        half = self._halves[order.side]
        level = half.levels[order.price]
        del level.orders[order_id]
        order.status = OrderStatus.CANCELED
        self._set_total(half, order.price, level, level.total - order.remaining)
        return order

    def drain(self) -> tuple[list[Change], list[Fill]]:
        """What changed and what was matched since the last call."""
        drained = self.changes, self.fills
        self.changes, self.fills = [], []
        return drained

    def _rest(self, order: Order, price: int) -> None:
        half = self._halves[order.side]
        level = half.level_for(price)
        level.orders[order.id] = order
        self.orders[order.id] = order
        self._set_total(half, price, level, level.total + order.remaining)

    def _match(self, taker: Order, against: _Half) -> tuple[Fill, ...]:
        fills: list[Fill] = []
        while taker.remaining and against.crossed_by(taker.price):
            price = against.keys[-1] * against.sign
            level = against.levels[price]
            taken = 0
            while taker.remaining and level.orders:
                maker = next(iter(level.orders.values()))
                quantity = min(maker.remaining, taker.remaining)
                maker.remaining -= quantity
                taker.remaining -= quantity
                taken += quantity
                if maker.remaining:
                    maker.status = OrderStatus.PARTIALLY_FILLED
                else:
                    maker.status = OrderStatus.FILLED
                    del level.orders[maker.id]
                    del self.orders[maker.id]
                self._last_trade_id += 1
                fills.append(Fill(self._last_trade_id, price, quantity, taker.side, maker.id, taker.id))
            self._set_total(against, price, level, level.total - taken)
        self.fills.extend(fills)
        return tuple(fills)

    def _set_total(self, half: _Half, price: int, level: _Level, total: int) -> None:
        self.update_id += 1
        past = self.update_id % len(self._past_prices)
        self._past_prices[past] = price * half.sign
        self._past_totals[past] = level.total
        self.changes.append(Change(self.update_id, half.side, price, total, level.total))
        level.total = total
        half.drop_empty(price)
