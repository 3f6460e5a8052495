"""What goes into the engine and what comes out of it: orders, matches, changes of price levels."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, Protocol

from cex.common.enums import OrderStatus, Side

__all__ = ["MOST", "Change", "Execution", "Fill", "FillListener", "Order", "SelfTrade"]

MOST = 1 << 50
"""The largest price in ticks and the largest quantity in lots."""


class SelfTrade(StrEnum):
    """What gives way when an order would meet one of its own group: the incoming one, the resting one, or both."""

    CANCEL_NEWEST = "cancel_newest"
    CANCEL_OLDEST = "cancel_oldest"
    CANCEL_BOTH = "cancel_both"


class Order:
    """One order; ``price`` None is a market order. ``remaining`` falls with fills.

    ``listener`` is told when it is filled while it rests. Orders of the same ``group`` (not empty) are one trader's.
    """

    __slots__ = ("group", "id", "listener", "owner", "price", "quantity", "remaining", "side", "status")

    def __init__(
        self,
        order_id: int,
        owner: str,
        side: Side,
        quantity: int,
        price: int | None,
        group: str = "",
        listener: FillListener | None = None,
    ) -> None:
        self.id = order_id
        self.owner = owner
        self.side = side
        self.quantity = quantity
        self.remaining = quantity
        self.price = price
        self.group = group
        self.listener = listener
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

    Its status is NEW (resting), PARTIALLY_FILLED (resting), FILLED, CANCELED (the rest of a market or IOC order, or
    one stopped by self-trade prevention: ``prevented``) or REJECTED (a post-only order that would take, a FOK order
    that cannot be filled; the book is untouched). ``displaced`` are resting orders that gave way to it, cancelled.
    An order that has spent its budget is FILLED, whatever remains of its quantity.
    """

    order: Order
    fills: tuple[Fill, ...]
    prevented: bool = False
    displaced: tuple[Order, ...] = ()


class FillListener(Protocol):
    """Whoever must know of fills of a resting order; told when the match is complete and the book is whole again."""

    def on_maker_fill(self, maker: Order, fill: Fill, taker: Order) -> None: ...
