"""Reduce-only orders: how much of them may be in the book, so that no sweep can ever turn a position round."""

from __future__ import annotations

from decimal import Decimal

from cex.common.enums import Side
from cex.sandbox.accounts.futures.arithmetic import ZERO
from cex.sandbox.accounts.futures.contracts import Contract
from cex.sandbox.accounts.futures.core import Core
from cex.sandbox.accounts.futures.orders import FuturesFinish, FuturesOrder
from cex.sandbox.accounts.futures.portfolio import Portfolio
from cex.sandbox.accounts.futures.positions import Position, PositionMode

__all__ = ["Reducing"]

_ROUNDS = 200


class Reducing:
    """Fits reduce-only orders to the positions that they close."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def settle(self) -> None:
        """Fit reduce-only orders to positions that have changed, until nothing changes any more."""
        unsettled = self._core.unsettled
        while unsettled:
            uid, symbol = next(iter(unsettled))
            del unsettled[uid, symbol]
            portfolio = self._core.portfolios[uid]
            for mode in portfolio.modes():
                self._fit(portfolio, self._core.contracts[symbol], mode)

    def _fit(self, portfolio: Portfolio, contract: Contract, mode: PositionMode) -> None:
        """Keep no more of the reduce-only orders in the book than can never turn the position round.

        One sweep fills the better prices first. So what a reduce-only order may have in the book is what the position
        has beyond everything that closes it at a better price.
        """
        for _ in range(_ROUNDS):
            reducing = [
                order
                for order in portfolio.open.values()
                if order.contract is contract
                and order.reduce_only
                and portfolio.mode_for(order.size, reduces=True) is mode
            ]
            if not reducing:
                return
            position = portfolio.position(contract, mode)
            for order in reducing:
                if not position.size or (position.size > 0) == (order.size > 0):
                    self._core.withdraw(order)
                    self._core.end(
                        order, FuturesFinish.POSITION_CLOSED if order.is_close else FuturesFinish.REDUCE_ONLY
                    )
            if not any(self._adjust(order, target) for order, target in self._targets(portfolio, position)):
                return

    def _targets(self, portfolio: Portfolio, position: Position) -> list[tuple[FuturesOrder, Decimal]]:
        closing = Side.SELL if position.size > 0 else Side.BUY
        queue = [
            order
            for order in portfolio.open.values()
            if order.contract is position.contract
            and order.side is closing
            and order.price is not None
            and (order.reduce_only or not portfolio.dual)
        ]
        last = float("inf")
        queue.sort(
            key=lambda order: (
                (order.price or ZERO) if closing is Side.SELL else -(order.price or ZERO),
                last if order.engine_id is None else order.engine_id,
                order.id,
            )
        )
        capacity, targets = abs(position.size), []
        for order in queue:
            if order.reduce_only:
                target = min(abs(order.left), max(capacity, ZERO))
                capacity -= target
                targets.append((order, target))
            else:
                capacity -= abs(order.left)
        return targets

    def _adjust(self, order: FuturesOrder, target: Decimal) -> bool:
        """Bring one order to its target; whether anything had to be done."""
        if not order.is_open or target == order.working:
            return False
        if target < order.working:
            self._core.shrink(order, target)
            return True
        self._core.withdraw(order)
        execution = self._core.submit(order, target, order.time_in_force)
        if order.engine_id is None and not execution.fills:
            prevented = FuturesFinish.STP if execution.prevented else FuturesFinish.POC
            self._core.end(order, prevented)
        return True
