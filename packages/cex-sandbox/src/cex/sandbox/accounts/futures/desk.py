"""The futures desk of one venue: the only writer of accounts' orders into the books of its perpetuals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.enums import Side
from cex.sandbox.accounts.directory import Account, Directory
from cex.sandbox.accounts.futures.arithmetic import ZERO
from cex.sandbox.accounts.futures.checks import Manners
from cex.sandbox.accounts.futures.contracts import Contract
from cex.sandbox.accounts.futures.core import Core
from cex.sandbox.accounts.futures.orders import FuturesFinish, FuturesOrder, FuturesTicket
from cex.sandbox.accounts.futures.placing import Placing
from cex.sandbox.accounts.futures.portfolio import Deleverage, Liquidation, Portfolio
from cex.sandbox.accounts.futures.positions import Position, PositionMode
from cex.sandbox.accounts.futures.refusals import FuturesReason, FuturesRefusal
from cex.sandbox.accounts.futures.risk import Risk
from cex.sandbox.accounts.futures.settings import Settings
from cex.sandbox.accounts.futures.triggers import Countdowns, Triggers
from cex.sandbox.accounts.ledger import INSURANCE, Ledger
from cex.sandbox.market.simulation import Market

__all__ = ["FuturesDesk"]

_SECOND = 1_000_000_000
_UNFILLED_KEPT_NS = 600 * _SECOND


class FuturesDesk:
    """Positions and orders of every account on the perpetuals of ``venue``.

    Symbols are ours (``BTC/USDT:USDT``), sizes signed contracts. ``first_order_id`` is where order ids start (above
    2 ** 53 to see who reads them as floats), ``text_lookup`` for how many seconds a custom id still finds an order that
    is over. Every method that an account
    asks for raises :class:`FuturesRefusal`, and has changed nothing then.
    """

    def __init__(
        self,
        market: Market,
        venue: str,
        directory: Directory,
        ledger: Ledger,
        *,
        clock: Clock = SYSTEM_CLOCK,
        first_order_id: int = 74_046_510,
        text_lookup: float = 60.0,
        manners: Manners | None = None,
    ) -> None:
        self._core = Core(market, venue, directory, ledger, clock=clock, first_order_id=first_order_id)
        self._placing = Placing(self._core, manners or Manners())
        self._settings = Settings(self._core)
        self._risk = Risk(self._core, self._placing)
        self._countdowns = Countdowns(self._core)
        self._text_lookup_ns = round(text_lookup * _SECOND)
        self.triggers = Triggers(self._core, self.place)
        self.contracts: dict[str, Contract] = self._core.contracts

    # --- looking -----------------------------------------------------------------------------------------------------

    def listen(self, uid: int | None, callback: Callable[[Any], None]) -> Callable[[], None]:
        """Be told of one account's events (None: of everybody's), in order; what is returned ends it."""
        return self._core.audience.listen(uid, callback)

    def portfolio(self, account: Account) -> Portfolio:
        """All of an account: look, and touch nothing."""
        return self._core.portfolio(account)

    def withdrawable(self, account: Account) -> Decimal:
        """How much may be transferred out of the futures wallet, 0 without one."""
        portfolio = self._core.portfolios.get(account.uid)
        return ZERO if portfolio is None else portfolio.figures().withdrawable

    @property
    def liquidations(self) -> Sequence[Liquidation]:
        """Of everybody, oldest first, as far as they are kept."""
        return self._core.liquidations

    @property
    def insurance_fund(self) -> Decimal:
        """What the insurance fund has taken in and paid out, in USDT; below 0 when it has paid more."""
        return self._core.ledger.holding(*INSURANCE, "USDT").total

    def positions(self, account: Account) -> list[Position]:
        """What an account holds now; nothing without a futures wallet."""
        portfolio = self._core.portfolios.get(account.uid)
        return [] if portfolio is None else portfolio.held()

    def open_orders(self, account: Account) -> list[FuturesOrder]:
        """Open orders of every contract, oldest first; none without a futures wallet."""
        portfolio = self._core.portfolios.get(account.uid)
        return [] if portfolio is None else list(portfolio.open.values())

    def contract(self, symbol: str) -> Contract:
        """A listed contract."""
        return self._core.contract(symbol)

    def position(self, account: Account, symbol: str, mode: PositionMode = PositionMode.SINGLE) -> Position:
        """A position that was touched before."""
        portfolio = self._portfolio_for(account, mode)
        position = portfolio.known(self._core.contract(symbol), mode)
        if position is None:
            raise FuturesRefusal(FuturesReason.POSITION_NOT_FOUND, "position not found")
        return position

    def order(self, account: Account, *, order_id: int | None = None, text: str = "") -> FuturesOrder:
        """An order by id, or by custom id while it is open and shortly after."""
        portfolio, now_ns = self._core.portfolio(account), self._core.now_ns()
        found = portfolio.orders.get(order_id) if order_id is not None else portfolio.by_text.get(text)
        if found is None:
            raise FuturesRefusal(FuturesReason.ORDER_NOT_FOUND)
        age = 0 if found.is_open else now_ns - found.finished_ns
        if order_id is None and age > self._text_lookup_ns:
            raise FuturesRefusal(FuturesReason.ORDER_NOT_FOUND)
        if not found.filled and age > _UNFILLED_KEPT_NS:
            portfolio.forget(found)
            raise FuturesRefusal(FuturesReason.ORDER_NOT_FOUND)
        return found

    def orders(self, account: Account, symbol: str | None = None, *, is_open: bool | None = None) -> list[FuturesOrder]:
        """Open orders, those that are over, or all; newest first. Cancelled unfilled ones vanish after ten minutes."""
        portfolio, now_ns = self._core.portfolio(account), self._core.now_ns()
        return [
            order
            for order in reversed(portfolio.orders.values())
            if (symbol is None or order.contract.symbol == symbol)
            and (is_open is None or order.is_open is is_open)
            and (order.is_open or order.filled or now_ns - order.finished_ns <= _UNFILLED_KEPT_NS)
        ]

    # --- orders ------------------------------------------------------------------------------------------------------

    def place(self, account: Account, ticket: FuturesTicket) -> FuturesOrder:
        """Match an order now; what is left of it rests as its time in force says."""
        order = self._placing.order_for(account, ticket)
        self._placing.place(order)
        return order

    def check(self, account: Account, ticket: FuturesTicket) -> None:
        """Whether an order would be accepted."""
        self._placing.order_for(account, ticket)

    def cancel(self, account: Account, *, order_id: int | None = None, text: str = "") -> FuturesOrder:
        """Cancel an open order."""
        order = self.order(account, order_id=order_id, text=text)
        if not order.is_open:
            raise FuturesRefusal(FuturesReason.ORDER_FINISHED, f"finished as {order.finish}")
        self._cancel([order])
        return order

    def cancel_all(
        self,
        account: Account,
        symbol: str | None = None,
        *,
        side: Side | None = None,
        exclude_reduce_only: bool = False,
    ) -> list[FuturesOrder]:
        """Cancel every open order, or those of a contract, or of a side."""
        portfolio = self._core.portfolio(account)
        if symbol is not None:
            self._core.contract(symbol)
        orders = [
            order
            for order in portfolio.open.values()
            if (symbol is None or order.contract.symbol == symbol)
            and (side is None or order.side is side)
            and not (exclude_reduce_only and order.reduce_only)
        ]
        self._cancel(orders)
        return orders

    def amend(
        self,
        account: Account,
        *,
        order_id: int | None = None,
        text: str = "",
        size: Decimal | None = None,
        price: Decimal | None = None,
        amend_text: str | None = None,
    ) -> FuturesOrder:
        """Change an open order; ``size`` counts what is filled. One that is filled that far already is cancelled."""
        order = self.order(account, order_id=order_id, text=text)
        if not order.is_open:
            raise FuturesRefusal(FuturesReason.ORDER_FINISHED, f"finished as {order.finish}")
        self._placing.amend(order, size, price, amend_text)
        return order

    def countdown(self, account: Account, symbol: str, seconds: int) -> int:
        """Cancel all orders (``symbol`` "": of every contract) in so many seconds, unless asked again; 0 disarms.

        When it goes off, in ns.
        """
        self._core.portfolio(account)
        if symbol:
            self._core.contract(symbol)
        return self._countdowns.arm(account, symbol, seconds)

    # --- positions ---------------------------------------------------------------------------------------------------

    def set_leverage(
        self, account: Account, symbol: str, mode: PositionMode, leverage: Decimal, cross_leverage: Decimal = ZERO
    ) -> Position:
        """Above 0: isolated. 0: cross margin, with ``cross_leverage`` (0: the default)."""
        portfolio = self._portfolio_for(account, mode)
        position = portfolio.position(self._core.contract(symbol), mode)
        self._settings.set_leverage(portfolio, position, leverage, cross_leverage)
        return position

    def set_cross(self, account: Account, symbol: str, mode: PositionMode, *, cross: bool) -> Position:
        """Cross or isolated margin, at the leverage that it has."""
        portfolio = self._portfolio_for(account, mode)
        position = portfolio.position(self._core.contract(symbol), mode)
        if position.is_cross is cross:
            raise FuturesRefusal(FuturesReason.NO_CHANGE)
        self._settings.set_cross(portfolio, position, cross=cross)
        return position

    def change_margin(self, account: Account, symbol: str, mode: PositionMode, change: Decimal) -> Position:
        """Add to an isolated position's margin, or take from it."""
        position = self.position(account, symbol, mode)
        self._settings.change_margin(self._core.portfolio(account), position, change)
        return position

    def set_risk_limit(self, account: Account, symbol: str, mode: PositionMode, limit: Decimal) -> Position:
        """The most that a position may be worth; it decides leverage and maintenance rate."""
        portfolio = self._portfolio_for(account, mode)
        position = portfolio.position(self._core.contract(symbol), mode)
        self._settings.set_risk_limit(portfolio, position, limit)
        return position

    def set_dual(self, account: Account, *, dual: bool) -> None:
        """One position a contract, or a long and a short one."""
        self._settings.set_dual(self._core.portfolio(account), dual=dual)

    def deleverage(
        self, account: Account, symbol: str, size: Decimal, mode: PositionMode = PositionMode.SINGLE
    ) -> Deleverage:
        """Let the house take ``size`` contracts of a position over, as if the other side could not pay."""
        position = self.position(account, symbol, mode)
        return self._risk.deleverage(self._core.portfolio(account), position, size)

    # --- time --------------------------------------------------------------------------------------------------------

    def after_tick(self, now_ns: int) -> None:
        """What is due: reduce-only orders after the crowd's fills, funding, liquidations, triggers, countdowns."""
        core = self._core
        core.audience.hold()
        try:
            self._placing.settle()
            self._risk.fund(now_ns)
            self._risk.liquidate()
            self.triggers.after_tick(now_ns)
            for uid, symbol in self._countdowns.due(now_ns):
                self.cancel_all(core.portfolios[uid].account, symbol or None)
            self._placing.settle()
        finally:
            core.audience.let_go()

    def _cancel(self, orders: list[FuturesOrder]) -> None:
        self._core.audience.hold()
        try:
            for order in orders:
                self._core.withdraw(order)
                self._core.end(order, FuturesFinish.CANCELLED)
            self._placing.settle()
        finally:
            self._core.audience.let_go()

    def _portfolio_for(self, account: Account, mode: PositionMode) -> Portfolio:
        portfolio = self._core.portfolio(account)
        if mode not in portfolio.modes():
            raise FuturesRefusal(FuturesReason.POSITION_DUAL_MODE)
        return portfolio
