"""Orders on their way into the book, and changes of those that rest there."""

from __future__ import annotations

from decimal import Decimal

from cex.common.enums import TimeInForce
from cex.sandbox.accounts.directory import Account
from cex.sandbox.accounts.events import Cause
from cex.sandbox.accounts.futures.checks import Checks, Manners
from cex.sandbox.accounts.futures.core import Core
from cex.sandbox.accounts.futures.orders import FuturesFinish, FuturesOrder, FuturesTicket
from cex.sandbox.accounts.futures.portfolio import Portfolio
from cex.sandbox.accounts.futures.reducing import Reducing
from cex.sandbox.accounts.futures.refusals import FuturesReason, FuturesRefusal

__all__ = ["Placing"]


class Placing:
    """Submits and amends orders."""

    def __init__(self, core: Core, manners: Manners) -> None:
        self._core = core
        self._checks = Checks(core, manners)
        self._reducing = Reducing(core)

    def order_for(self, account: Account, ticket: FuturesTicket) -> FuturesOrder:
        """An order that passes every check, not placed yet. Raises FuturesRefusal."""
        return self._checks.order_for(account, ticket)

    def settle(self) -> None:
        """Fit reduce-only orders to positions that have changed."""
        self._reducing.settle()

    def place(self, order: FuturesOrder) -> None:
        """Give a checked order its id, send it into the engine, and bring everything in order afterwards."""
        core = self._core
        portfolio = core.portfolios[order.uid]
        order.id = core.next_order_id()
        if order.is_liquidation:
            order.text = f"liq-{order.id}"
        core.audience.hold()
        try:
            portfolio.remember(order)
            core.tell_order(order, Cause.PUT)
            self._enter(portfolio, order)
            self.settle()
        finally:
            core.audience.let_go()

    def _enter(self, portfolio: Portfolio, order: FuturesOrder) -> None:
        core, size, allowed = self._core, abs(order.left), portfolio.matchable(order)
        rests = order.price is not None and order.time_in_force in (TimeInForce.GTC, TimeInForce.POST_ONLY)
        if not rests:
            prevented = False
            if allowed and (order.time_in_force is not TimeInForce.FOK or allowed == size):
                prevented = core.submit(order, allowed, order.time_in_force).prevented
            if order.is_open:
                reduced = order.reduce_only and order.filled >= allowed < size
                unfilled = FuturesFinish.FOK if order.time_in_force is TimeInForce.FOK else FuturesFinish.IOC
                finish = FuturesFinish.REDUCE_ONLY if reduced else unfilled
                core.end(order, FuturesFinish.STP if prevented else finish)
            return
        crosses = bool(core.takeable(order, allowed)[0]) if allowed else False
        if crosses and order.time_in_force is TimeInForce.POST_ONLY:
            core.end(order, FuturesFinish.POC)
            return
        if order.reduce_only:
            prevented = crosses and core.submit(order, allowed, TimeInForce.IOC).prevented
            core.unsettled[order.uid, order.contract.symbol] = None
        else:
            prevented = core.submit(order, size, order.time_in_force).prevented
        if prevented and order.is_open:
            core.withdraw(order)
            core.end(order, FuturesFinish.STP)

    def amend(self, order: FuturesOrder, size: Decimal | None, price: Decimal | None, amend_text: str | None) -> None:
        """Change the whole size (with what is filled) or the price of an open order; a smaller size keeps its place.

        Raises:
            FuturesRefusal
        """
        core, portfolio = self._core, self._core.portfolios[order.uid]
        new_size = order.size if size is None else size
        new_price = order.price if price is None else price
        if new_size == order.size and new_price == order.price:
            raise FuturesRefusal(FuturesReason.NO_CHANGE)
        if not new_size or (new_size > 0) != (order.size > 0):
            raise FuturesRefusal(FuturesReason.INVALID, f"Invalid parameter `size` with value: {new_size:f}")
        amended = order.copy()
        amended.size, amended.price = new_size, new_price
        filled = order.filled
        amended.left = new_size - (filled if new_size > 0 else -filled)
        self._checks.form(amended)
        cancels = abs(new_size) <= filled
        keeps_place = new_price == order.price and abs(new_size) < abs(order.size)
        if not cancels and not keeps_place:
            self._checks.amended(portfolio, order, amended)
        core.audience.hold()
        try:
            if cancels:
                core.withdraw(order)
                core.end(order, FuturesFinish.CANCELLED)
            else:
                if not keeps_place:
                    core.withdraw(order)
                order.size, order.price, order.left = amended.size, amended.price, amended.left
                order.amend_text = order.amend_text if amend_text is None else amend_text
                order.revision += 1
                order.updated_ns = core.now_ns()
                if keeps_place:
                    core.shrink(order, min(order.working, abs(order.left)))
                core.tell_order(order, Cause.AMEND)
                if not keeps_place:
                    self._enter(portfolio, order)
            self.settle()
        finally:
            core.audience.let_go()
