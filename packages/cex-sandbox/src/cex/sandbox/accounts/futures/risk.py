"""What happens to holders without their doing: funding, liquidation, deleveraging.

A liquidated position is sold into the book. What its margin has left goes to the insurance fund, and what the margin
does not cover comes from there, so that a holder never loses more than what stood behind the position.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial

from cex.common.enums import Side, TimeInForce
from cex.sandbox.accounts.futures.arithmetic import ZERO, rounded
from cex.sandbox.accounts.futures.contracts import Contract
from cex.sandbox.accounts.futures.core import Core
from cex.sandbox.accounts.futures.events import DeleverageEvent, LiquidationEvent
from cex.sandbox.accounts.futures.orders import FuturesFinish, FuturesOrder
from cex.sandbox.accounts.futures.placing import Placing
from cex.sandbox.accounts.futures.portfolio import Deleverage, Liquidation, Portfolio
from cex.sandbox.accounts.futures.positions import Position
from cex.sandbox.accounts.futures.refusals import FuturesReason, FuturesRefusal
from cex.sandbox.accounts.ledger import CROWD, INSURANCE
from cex.sandbox.matching import Fill

__all__ = ["Risk"]

_SECOND = 1_000_000_000


class Risk:
    """Looks after every account after every tick."""

    def __init__(self, core: Core, placing: Placing) -> None:
        self._core = core
        self._placing = placing
        now_s = core.now_ns() // _SECOND
        self._due = {symbol: contract.perpetual.funding_due(now_s) for symbol, contract in core.contracts.items()}

    # --- funding -----------------------------------------------------------------------------------------------------

    def fund(self, now_ns: int) -> None:
        """Exchange funding that has become due, once for each time of funding that has passed."""
        now_s = now_ns // _SECOND
        for symbol, contract in self._core.contracts.items():
            while now_s >= self._due[symbol]:
                rate = contract.funding_rate(self._due[symbol])
                for portfolio in list(self._core.portfolios.values()):
                    self._exchange(portfolio, contract, rate)
                self._due[symbol] += contract.perpetual.contract.funding_interval

    def _exchange(self, portfolio: Portfolio, contract: Contract, rate: Decimal) -> None:
        for mode in portfolio.modes():
            position = portfolio.known(contract, mode)
            if position is None or not position.size:
                continue
            payment = position.funding(rate)
            if not payment:
                continue
            self._core.pay(portfolio.uid, payment, CROWD, "funding", contract, 0)
            position.pnl_fund += payment
            short = -portfolio.figures().available
            if not position.is_cross and payment < 0 and short > 0:
                position.margin -= min(short, -payment, position.margin)
            position.touch(self._core.now_ns())
            self._core.tell_position(position)

    # --- liquidation -------------------------------------------------------------------------------------------------

    def liquidate(self) -> None:
        """Sell what no longer has its maintenance margin."""
        for portfolio in list(self._core.portfolios.values()):
            held = portfolio.held()
            if not held:
                continue
            for position in held:
                if not position.is_cross and position.margin + position.unrealised <= position.maintenance_margin:
                    self._sell(portfolio, position)
            self._liquidate_cross(portfolio)

    def _liquidate_cross(self, portfolio: Portfolio) -> None:
        while True:
            positions = [position for position in portfolio.held() if position.is_cross]
            figures = portfolio.figures()
            if not positions or figures.cross_balance > figures.cross_maintenance:
                return
            worst = max(positions, key=lambda position: position.maintenance_margin)
            if not self._sell(portfolio, worst):
                return

    def _sell(self, portfolio: Portfolio, position: Position) -> bool:
        """Sell a position as far as the book allows; whether anything was sold."""
        core, contract = self._core, position.contract
        core.audience.hold()
        try:
            for order in list(portfolio.open.values()):
                if order.contract is contract and portfolio.of_order(order) is position:
                    core.withdraw(order)
                    core.end(order, FuturesFinish.LIQUIDATED)
            self._placing.settle()
            before, figures = position.copy(), portfolio.figures()
            behind, price = portfolio.margin_behind(position, figures), portfolio.liquidation_price(position, figures)
            order = self._forced(portfolio, contract, -position.size, is_liquidation=True)
            self._placing.place(order)
            if not order.filled:
                return False
            self._insure(portfolio, position, before, order)
            liquidation = Liquidation(
                core.now_ns(),
                portfolio.uid,
                contract,
                before.size,
                before.leverage,
                before.initial_margin,
                before.entry,
                price or ZERO,
                contract.mark,
                order.id,
                before.bankruptcy_price(behind),
                order.average_price,
                order.left,
            )
            portfolio.liquidations.append(liquidation)
            core.liquidations.append(liquidation)
            core.tell(portfolio.uid, partial(LiquidationEvent, liquidation))
            return True
        finally:
            core.audience.let_go()

    def _insure(self, portfolio: Portfolio, position: Position, before: Position, order: FuturesOrder) -> None:
        """Square what stood behind the sold part with the insurance fund."""
        realised = sum((fill.realised for fill in portfolio.fills if fill.order_id == order.id), ZERO)
        sold = order.filled / abs(before.size)
        if before.is_cross:
            over = min(rounded(before.maintenance_margin * sold), max(portfolio.wallet, ZERO))
            if not portfolio.held() and portfolio.wallet < 0:
                over = portfolio.wallet
        else:
            over = before.margin - position.margin + realised - order.fee
        self._core.pay(portfolio.uid, -over, INSURANCE, "liquidation", order.contract, order.id)
        if position.size:
            position.pnl_pnl -= over
        else:
            position.history_pnl -= over
            position.last_close_pnl -= over
        position.touch(self._core.now_ns())
        self._core.tell_position(position)

    def _forced(self, portfolio: Portfolio, contract: Contract, size: Decimal, *, is_liquidation: bool) -> FuturesOrder:
        maker_fee, taker_fee = contract.fees(portfolio.account)
        now_ns = self._core.now_ns()
        return FuturesOrder(
            id=0,
            uid=portfolio.uid,
            contract=contract,
            size=size,
            left=size,
            price=None,
            time_in_force=TimeInForce.IOC,
            text="auto_deleveraging",
            created_ns=now_ns,
            updated_ns=now_ns,
            maker_fee=maker_fee,
            taker_fee=taker_fee,
            reduce_only=True,
            is_close=True,
            is_liquidation=is_liquidation,
        )

    # --- deleveraging ------------------------------------------------------------------------------------------------

    def deleverage(self, portfolio: Portfolio, position: Position, size: Decimal) -> Deleverage:
        """Take ``size`` contracts (not negative) of a position over at the mark price, outside the book, without a fee.

        Raises:
            FuturesRefusal: the position has less.
        """
        core, contract = self._core, position.contract
        if not 0 < size <= abs(position.size) or size % contract.step:
            raise FuturesRefusal(FuturesReason.POSITION_EMPTY)
        before = position.copy()
        order = self._forced(portfolio, contract, -size if position.size > 0 else size, is_liquidation=False)
        order.maker_fee = order.taker_fee = ZERO
        order.price = contract.mark.quantize(contract.tick)
        order.id = core.next_order_id()
        core.audience.hold()
        try:
            portfolio.remember(order)
            taker = Side.SELL if order.side is Side.BUY else Side.BUY
            match = Fill(core.next_house_trade_id(), contract.ticks(order.price), contract.lots(size), taker, 0, 0)
            core.book(order, match, is_maker=False)
            order.finish = FuturesFinish.AUTO_DELEVERAGED
            self._placing.settle()
            deleverage = Deleverage(
                core.now_ns(),
                portfolio.uid,
                contract,
                order.id,
                before.leverage,
                before.cross_leverage,
                before.entry,
                order.price,
                order.size,
                position.size,
            )
            portfolio.deleverages.append(deleverage)
            core.tell(portfolio.uid, partial(DeleverageEvent, deleverage))
            return deleverage
        finally:
            core.audience.let_go()
