"""What the futures desk tells of an account, in the order in which it happened."""

from __future__ import annotations

from typing import Any, NamedTuple

from cex.sandbox.accounts.events import Cause
from cex.sandbox.accounts.futures.contracts import Contract
from cex.sandbox.accounts.futures.orders import FuturesFill, FuturesOrder
from cex.sandbox.accounts.futures.portfolio import BookEntry, Deleverage, Liquidation
from cex.sandbox.accounts.futures.positions import Position, PositionClose
from cex.sandbox.accounts.futures.waiting import WaitingOrder

__all__ = [
    "DeleverageEvent",
    "EntryEvent",
    "FuturesFillEvent",
    "FuturesOrderEvent",
    "LiquidationEvent",
    "PositionCloseEvent",
    "PositionEvent",
    "RiskLimitEvent",
    "WaitingOrderEvent",
]


class FuturesOrderEvent(NamedTuple):
    """An order after a change; ``order`` is a copy. ``fill`` is there when a fill was the cause."""

    order: FuturesOrder
    cause: Cause
    fill: FuturesFill | None = None

    @property
    def uid(self) -> int:
        return self.order.uid

    def facts(self) -> tuple[Any, ...]:
        order = self.order
        return (
            "futures order",
            order.id,
            order.uid,
            order.contract.symbol,
            str(self.cause),
            str(order.finish),
            str(order.price),
            str(order.size),
            str(order.left),
            str(order.priced),
        )


class FuturesFillEvent(NamedTuple):
    """A fill of one of the account's orders."""

    fill: FuturesFill

    @property
    def uid(self) -> int:
        return self.fill.uid

    def facts(self) -> tuple[Any, ...]:
        fill = self.fill
        return ("futures fill", fill.trade_id, fill.order_id, fill.uid, str(fill.size), str(fill.price), str(fill.fee))


class PositionEvent(NamedTuple):
    """A position after a change; ``position`` is a copy, ``liq_price`` None where nothing liquidates it."""

    position: Position
    liq_price: Any = None

    @property
    def uid(self) -> int:
        return self.position.uid

    def facts(self) -> tuple[Any, ...]:
        position = self.position
        return (
            "position",
            position.uid,
            position.contract.symbol,
            str(position.mode),
            str(position.size),
            str(position.cost),
            str(position.margin),
            str(position.leverage),
            position.update_id,
        )


class PositionCloseEvent(NamedTuple):
    """A position has come to its end."""

    close: PositionClose

    @property
    def uid(self) -> int:
        return self.close.uid

    def facts(self) -> tuple[Any, ...]:
        return ("position close", self.close.uid, self.close.contract.symbol, str(self.close.pnl))


class EntryEvent(NamedTuple):
    """The wallet has changed."""

    entry: BookEntry

    @property
    def uid(self) -> int:
        return self.entry.uid

    def facts(self) -> tuple[Any, ...]:
        entry = self.entry
        return ("futures balance", entry.uid, str(entry.kind), str(entry.change), str(entry.balance), entry.order_id)


class LiquidationEvent(NamedTuple):
    """A position was sold by force."""

    liquidation: Liquidation

    @property
    def uid(self) -> int:
        return self.liquidation.uid

    def facts(self) -> tuple[Any, ...]:
        liquidation = self.liquidation
        return (
            "liquidation",
            liquidation.uid,
            liquidation.contract.symbol,
            str(liquidation.size),
            liquidation.order_id,
        )


class DeleverageEvent(NamedTuple):
    """A position was reduced for the sake of others."""

    deleverage: Deleverage

    @property
    def uid(self) -> int:
        return self.deleverage.uid

    def facts(self) -> tuple[Any, ...]:
        deleverage = self.deleverage
        return ("deleverage", deleverage.uid, deleverage.contract.symbol, str(deleverage.trade_size))


class RiskLimitEvent(NamedTuple):
    """The risk limit of a position was lowered; ``position`` is a copy, ``cancelled`` is how many orders it cost."""

    position: Position
    liq_price: Any
    cancelled: int
    time_ns: int

    @property
    def uid(self) -> int:
        return self.position.uid

    @property
    def contract(self) -> Contract:
        return self.position.contract

    def facts(self) -> tuple[Any, ...]:
        return ("risk limit", self.position.uid, self.position.contract.symbol, str(self.position.risk_limit))


class WaitingOrderEvent(NamedTuple):
    """An order that waits for a price, after a change; ``order`` is a copy."""

    order: WaitingOrder

    @property
    def uid(self) -> int:
        return self.order.uid

    def facts(self) -> tuple[Any, ...]:
        order = self.order
        return ("futures trigger", order.id, order.uid, str(order.status), str(order.finish), order.fired_order_id)
