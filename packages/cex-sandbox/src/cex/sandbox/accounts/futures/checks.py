"""What must hold before an order is taken: its form, the contract's state, the book, the margin."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from cex.common.enums import Side, TimeInForce
from cex.sandbox.accounts.directory import Account
from cex.sandbox.accounts.futures.arithmetic import ZERO, initial_margin, maintenance_margin
from cex.sandbox.accounts.futures.contracts import Contract
from cex.sandbox.accounts.futures.core import Core
from cex.sandbox.accounts.futures.orders import AutoSize, FuturesOrder, FuturesTicket
from cex.sandbox.accounts.futures.portfolio import Portfolio
from cex.sandbox.accounts.futures.positions import Position, PositionMode
from cex.sandbox.accounts.futures.refusals import FuturesReason, FuturesRefusal

__all__ = ["Checks", "Manners"]

_ORDERS_LIMIT = 50
_MOST_DEVIATION = Decimal("0.5")


class Manners(NamedTuple):
    """What the venue's documents leave open.

    ``unique_text`` refuses a custom id that an open order has. A post-only order that would take, and a FOK order that
    cannot be filled whole, are refused, or else created and cancelled at once.
    """

    unique_text: bool = False
    refuse_post_only: bool = True
    refuse_fok: bool = True


class Checks:
    """Says no, or lets pass; changes nothing."""

    def __init__(self, core: Core, manners: Manners) -> None:
        self._core = core
        self._manners = manners

    # --- from ticket to order ----------------------------------------------------------------------------------------

    def order_for(self, account: Account, ticket: FuturesTicket) -> FuturesOrder:
        """An order that passes every check, not placed yet.

        Raises:
            FuturesRefusal
        """
        portfolio, contract = self._core.portfolio(account), self._core.contract(ticket.symbol)
        size, reduces, closes = self._size(portfolio, contract, ticket)
        maker_fee, taker_fee = contract.fees(account)
        now_ns = self._core.now_ns()
        order = FuturesOrder(
            id=0,
            uid=account.uid,
            contract=contract,
            size=size,
            left=size,
            price=ticket.price,
            time_in_force=ticket.time_in_force,
            text=ticket.text,
            created_ns=now_ns,
            updated_ns=now_ns,
            maker_fee=maker_fee,
            taker_fee=taker_fee,
            reduce_only=reduces,
            is_close=closes,
            iceberg=ticket.iceberg,
            stp_act=ticket.stp_act,
            stp_id=account.stp_group,
        )
        self.form(order)
        self._check_status(contract, reduces)
        if ticket.stp_act != "-" and not account.stp_group:
            raise _refused("stp_act is only for users of an STP group")
        if self._manners.unique_text and ticket.text in portfolio.by_text and portfolio.by_text[ticket.text].is_open:
            raise FuturesRefusal(FuturesReason.DUPLICATE_TEXT, f"{ticket.text} is in use")
        rests = ticket.price is not None and ticket.time_in_force in (TimeInForce.GTC, TimeInForce.POST_ONLY)
        if rests and sum(order.contract is contract for order in portfolio.open.values()) >= _ORDERS_LIMIT:
            raise FuturesRefusal(FuturesReason.TOO_MANY_ORDERS)
        self._check_book(portfolio, order)
        if not reduces:
            self._check_margin(portfolio, order)
        return order

    def _size(self, portfolio: Portfolio, contract: Contract, ticket: FuturesTicket) -> tuple[Decimal, bool, bool]:
        if ticket.auto_size is not None:
            if not portfolio.dual:
                raise _refused("auto_size is only for dual mode")
            if ticket.size or not ticket.reduce_only:
                raise _refused("auto_size needs size 0 and reduce_only")
            mode = PositionMode.LONG if ticket.auto_size is AutoSize.CLOSE_LONG else PositionMode.SHORT
        elif ticket.close:
            if portfolio.dual:
                raise FuturesRefusal(FuturesReason.POSITION_DUAL_MODE)
            if ticket.size:
                raise _refused("close needs size 0")
            mode = PositionMode.SINGLE
        else:
            if not ticket.size:
                raise _refused("Invalid parameter `size` with value: 0")
            if ticket.reduce_only:
                self._check_reduces(portfolio, contract, ticket.size)
            return ticket.size, ticket.reduce_only, False
        position = portfolio.known(contract, mode)
        if position is None or not position.size:
            raise FuturesRefusal(FuturesReason.POSITION_EMPTY, "empty position")
        for order in portfolio.open.values():
            if order.is_close and order.contract is contract and portfolio.of_order(order) is position:
                raise FuturesRefusal(FuturesReason.POSITION_IN_CLOSE)
        return -position.size, True, True

    def _check_reduces(self, portfolio: Portfolio, contract: Contract, size: Decimal) -> None:
        position = portfolio.known(contract, portfolio.mode_for(size, reduces=True))
        if position is None or not position.size:
            raise FuturesRefusal(FuturesReason.POSITION_EMPTY, "empty position")
        if (position.size > 0) == (size > 0):
            raise FuturesRefusal(FuturesReason.INCREASE_POSITION)

    def form(self, order: FuturesOrder) -> None:
        """Whether size and price are what the contract allows. Raises FuturesRefusal."""
        contract, size, price = order.contract, abs(order.size), order.price
        if size % contract.step:
            raise _refused(f"Invalid parameter `size` with value: {order.size:f}")
        if size < contract.book.rules.min_quantity and not order.is_close:
            raise FuturesRefusal(FuturesReason.SIZE_TOO_SMALL)
        if size > contract.largest and not order.is_close:
            raise FuturesRefusal(FuturesReason.SIZE_TOO_LARGE)
        if price is None:
            if order.time_in_force not in (TimeInForce.IOC, TimeInForce.FOK):
                raise _refused("Invalid parameter `tif`: a market order is ioc or fok")
            return
        if price <= 0 or price % contract.tick:
            raise _refused(f"Invalid parameter `price` with value: {price:f}")
        mark = contract.mark
        if abs(price - mark) > mark * _MOST_DEVIATION:
            raise FuturesRefusal(
                FuturesReason.PRICE_TOO_DEVIATED,
                f"order price {price:f} while mark price {mark:f}, deviation-rate limit 0.5",
            )

    def _check_status(self, contract: Contract, reduces: bool) -> None:
        if contract.is_delisting:
            if not reduces:
                raise FuturesRefusal(FuturesReason.CONTRACT_IN_DELISTING)
        elif not contract.is_open:
            raise FuturesRefusal(FuturesReason.CONTRACT_NO_COUNTER, "trading is suspended")

    def _check_book(self, portfolio: Portfolio, order: FuturesOrder) -> None:
        if order.time_in_force is TimeInForce.POST_ONLY and order.price is not None and self._manners.refuse_post_only:
            counter = order.contract.best(order.side.opposite)
            if counter is not None and (order.price >= counter if order.side is Side.BUY else order.price <= counter):
                detail = f"order price {order.price:f} while counter price {counter:f}"
                raise FuturesRefusal(FuturesReason.ORDER_POC_IMMEDIATE, detail)
        elif order.time_in_force is TimeInForce.FOK and self._manners.refuse_fok:
            size = abs(order.left)
            if size > portfolio.matchable(order) or self._core.takeable(order, size)[0] < size:
                raise FuturesRefusal(FuturesReason.ORDER_FOK)

    # --- margin ------------------------------------------------------------------------------------------------------

    def _check_margin(self, portfolio: Portfolio, order: FuturesOrder) -> None:
        """Whether the account can afford what the order opens.

        Raises:
            FuturesRefusal
        """
        contract, size = order.contract, abs(order.left)
        position = portfolio.of_order(order)
        taken, taken_value = self._core.takeable(order, size)
        rest = size - taken if order.price is not None else ZERO
        value = taken_value + rest * contract.multiplier * (order.price or ZERO)
        opening = portfolio.opening(contract)
        opens = taken + rest
        if (order.side is Side.BUY) is (opening.closing > 0):
            opens = max(ZERO, opens - opening.closable)
        if not opens:
            return
        opening_value = value * opens / (taken + rest)
        waiting = opening.bought if order.side is Side.BUY else opening.sold
        self._check_risk_limit(position, order, waiting, opening_value)
        margin = initial_margin(opening_value, position.effective_leverage)
        fee = max(order.taker_fee, ZERO) * opening_value
        figures = portfolio.figures()
        if margin + fee > figures.available:
            raise FuturesRefusal(FuturesReason.INSUFFICIENT_AVAILABLE)
        if taken and taken == opens:
            self._check_survives(portfolio, position, order, taken, taken_value)

    def _check_risk_limit(
        self, position: Position, order: FuturesOrder, waiting: Decimal, opening_value: Decimal
    ) -> None:
        held = position.value if (position.size > 0) == (order.size > 0) else ZERO
        if held + waiting + opening_value > position.risk_limit:
            raise FuturesRefusal(FuturesReason.RISK_LIMIT_EXCEEDED)

    def _check_survives(
        self, portfolio: Portfolio, position: Position, order: FuturesOrder, taken: Decimal, value: Decimal
    ) -> None:
        """Refuse what would be liquidated as soon as it is filled."""
        contract = order.contract
        marked = taken * contract.multiplier * contract.mark
        result = marked - value if order.side is Side.BUY else value - marked
        needed = maintenance_margin(position.value + marked, contract.tiers)
        if position.is_cross:
            figures = portfolio.figures()
            others = figures.cross_maintenance - position.maintenance_margin
            has = figures.cross_balance + result - max(order.taker_fee, ZERO) * value - others
        else:
            has = position.margin + position.unrealised + result + initial_margin(value, position.leverage)
        if has <= needed:
            raise FuturesRefusal(FuturesReason.LIQUIDATE_IMMEDIATELY)

    def amended(self, portfolio: Portfolio, order: FuturesOrder, amended: FuturesOrder) -> None:
        """Whether an order may become ``amended``. Raises FuturesRefusal."""
        self._check_status(order.contract, order.reduce_only)
        self._check_book(portfolio, amended)
        if order.reduce_only:
            return
        del portfolio.open[order.id]
        try:
            self._check_margin(portfolio, amended)
        finally:
            portfolio.open[order.id] = order
            portfolio.open = dict(sorted(portfolio.open.items()))


def _refused(detail: str) -> FuturesRefusal:
    return FuturesRefusal(FuturesReason.INVALID, detail)
