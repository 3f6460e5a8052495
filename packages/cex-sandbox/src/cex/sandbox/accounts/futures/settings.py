"""What an account sets for its positions: leverage, margin mode, isolated margin, risk limit, one-way or dual mode."""

from __future__ import annotations

from decimal import Decimal

from cex.sandbox.accounts.futures.arithmetic import ZERO, initial_margin
from cex.sandbox.accounts.futures.core import Core
from cex.sandbox.accounts.futures.events import RiskLimitEvent
from cex.sandbox.accounts.futures.portfolio import Portfolio
from cex.sandbox.accounts.futures.positions import Position
from cex.sandbox.accounts.futures.refusals import FuturesReason, FuturesRefusal

__all__ = ["Settings"]

_ONE = Decimal(1)


class Settings:
    """Each change is refused whole when the account could not bear it; nothing has changed then."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def set_leverage(self, portfolio: Portfolio, position: Position, leverage: Decimal, cross: Decimal) -> None:
        """``leverage`` above 0 isolates the position; 0 is cross margin with ``cross`` (0: the default) as leverage.

        Raises:
            FuturesRefusal
        """
        most = position.tier.most_leverage
        asked = leverage or cross
        if asked > most:
            raise FuturesRefusal(FuturesReason.LEVERAGE_TOO_HIGH, f"leverage_max {most:f}")
        if asked < 0 or 0 < asked < _ONE:
            raise FuturesRefusal(FuturesReason.LEVERAGE_TOO_LOW, "leverage_min 1")
        before = position.leverage, position.cross_leverage, position.margin
        available = portfolio.figures().available
        position.leverage = leverage
        if not leverage:
            position.cross_leverage = cross
        position.margin = initial_margin(position.cost, leverage) if leverage and position.size else ZERO
        try:
            self._check(portfolio, position, available)
        except FuturesRefusal:
            position.leverage, position.cross_leverage, position.margin = before
            raise
        self._changed(position)

    def set_cross(self, portfolio: Portfolio, position: Position, *, cross: bool) -> None:
        """Change the margin mode; the leverage stays. Raises FuturesRefusal."""
        leverage = position.effective_leverage
        self.set_leverage(portfolio, position, ZERO if cross else leverage, leverage if cross else ZERO)

    def change_margin(self, portfolio: Portfolio, position: Position, change: Decimal) -> None:
        """Give an isolated position more margin, or take some of what it does not need.

        Raises:
            FuturesRefusal
        """
        if not position.size:
            raise FuturesRefusal(FuturesReason.POSITION_EMPTY, "empty position")
        if position.is_cross:
            raise FuturesRefusal(FuturesReason.POSITION_CROSS_MARGIN)
        if change > 0 and change > portfolio.figures().available:
            raise FuturesRefusal(FuturesReason.INSUFFICIENT_AVAILABLE)
        needed = initial_margin(position.cost, position.leverage)
        if change < 0 and position.margin + change + min(position.unrealised, ZERO) < needed:
            raise FuturesRefusal(FuturesReason.REMOVE_TOO_MUCH)
        position.margin += change
        self._changed(position)

    def set_risk_limit(self, portfolio: Portfolio, position: Position, limit: Decimal) -> None:
        """Choose a tier by its limit. Raises FuturesRefusal."""
        tiers = position.contract.tiers
        if limit > tiers[-1].limit:
            raise FuturesRefusal(FuturesReason.RISK_LIMIT_TOO_HIGH, f"risk_limit_max {tiers[-1].limit:f}")
        if limit < tiers[0].limit or limit < position.value:
            raise FuturesRefusal(FuturesReason.RISK_LIMIT_TOO_LOW, f"risk_limit_base {tiers[0].limit:f}")
        tier = next((tier for tier in tiers if tier.limit == limit), None)
        if tier is None:
            raise FuturesRefusal(FuturesReason.RISK_LIMIT_NOT_MULTIPLE, f"risk_limit_step {tiers[0].limit:f}")
        if max(position.leverage, position.cross_leverage) > tier.most_leverage:
            raise FuturesRefusal(FuturesReason.LEVERAGE_TOO_HIGH, f"leverage_max {tier.most_leverage:f}")
        lowered = limit < position.risk_limit
        position.risk_limit = limit
        self._changed(position)
        if lowered:
            copy, price = position.copy(), portfolio.liquidation_price(position)
            self._core.tell(portfolio.uid, lambda: RiskLimitEvent(copy, price, 0, self._core.now_ns()))

    def set_dual(self, portfolio: Portfolio, *, dual: bool) -> None:
        """One position a contract, or a long and a short one; only without any. Raises FuturesRefusal."""
        if dual == portfolio.dual:
            raise FuturesRefusal(FuturesReason.NO_CHANGE)
        if portfolio.held():
            raise FuturesRefusal(FuturesReason.POSITION_HOLDING)
        if portfolio.open:
            raise FuturesRefusal(FuturesReason.ORDER_PENDING)
        portfolio.account.dual_mode = dual

    def _check(self, portfolio: Portfolio, position: Position, available_before: Decimal) -> None:
        figures = portfolio.figures()
        if figures.available < min(ZERO, available_before):
            raise FuturesRefusal(FuturesReason.INSUFFICIENT_AVAILABLE)
        if not position.size:
            return
        if position.is_cross:
            survives = figures.cross_balance > figures.cross_maintenance
        else:
            survives = position.margin + position.unrealised > position.maintenance_margin
        if not survives:
            raise FuturesRefusal(FuturesReason.LIQUIDATE_IMMEDIATELY)

    def _changed(self, position: Position) -> None:
        position.touch(self._core.now_ns())
        self._core.tell_position(position)
