"""Price-triggered orders and countdowns: what is done later, when a price or a time has come."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from decimal import Decimal

from cex.sandbox.accounts.directory import Account
from cex.sandbox.accounts.futures.contracts import Contract
from cex.sandbox.accounts.futures.core import Core
from cex.sandbox.accounts.futures.events import WaitingOrderEvent
from cex.sandbox.accounts.futures.orders import FuturesOrder, FuturesTicket
from cex.sandbox.accounts.futures.refusals import FuturesReason, FuturesRefusal
from cex.sandbox.accounts.futures.waiting import PriceSource, WaitingFinish, WaitingOrder, WaitingStatus

__all__ = ["Countdowns", "Triggers"]

_SECOND = 1_000_000_000
_KEPT = 1_000
_MOST_OPEN = 50

Place = Callable[[Account, FuturesTicket], FuturesOrder]


class Triggers:
    """Orders that wait for a price; they tie up nothing until they are placed."""

    def __init__(self, core: Core, place: Place) -> None:
        self._core = core
        self._place = place
        self._last_id = 0
        self._open: dict[int, WaitingOrder] = {}
        self._finished: dict[int, deque[WaitingOrder]] = {}

    def add(
        self,
        account: Account,
        ticket: FuturesTicket,
        *,
        source: PriceSource,
        price: Decimal,
        above: bool,
        expiration_s: int = 0,
        order_type: str = "",
    ) -> WaitingOrder:
        """Wait until the price is at or above (or at or below) ``price``.

        Raises:
            FuturesRefusal
        """
        self._core.portfolio(account)
        contract = self._core.contract(ticket.symbol)
        if sum(order.uid == account.uid and order.contract is contract for order in self._open.values()) >= _MOST_OPEN:
            raise FuturesRefusal(FuturesReason.TOO_MANY_ORDERS)
        if price <= 0 or price % contract.tick:
            raise FuturesRefusal(FuturesReason.INVALID, f"Invalid parameter `trigger.price` with value: {price:f}")
        now_ns = self._core.now_ns()
        self._last_id += 1
        order = WaitingOrder(
            self._last_id,
            account.uid,
            contract,
            ticket,
            source,
            price,
            above,
            now_ns,
            expires_ns=now_ns + expiration_s * _SECOND if expiration_s else 0,
            expiration_s=expiration_s,
            order_type=order_type,
        )
        self._open[order.id] = order
        self._tell(order)
        return order

    def open(self, account: Account, contract: Contract | None = None) -> list[WaitingOrder]:
        """What still waits, newest first."""
        found = [order for order in self._open.values() if order.uid == account.uid]
        return [order for order in reversed(found) if contract is None or order.contract is contract]

    def finished(self, account: Account, contract: Contract | None = None) -> list[WaitingOrder]:
        """What no longer waits, newest first."""
        found = reversed(self._finished.get(account.uid, deque()))
        return [order for order in found if contract is None or order.contract is contract]

    def order(self, account: Account, order_id: int) -> WaitingOrder:
        """Raises FuturesRefusal."""
        found = self._open.get(order_id)
        if found is None:
            finished = self._finished.get(account.uid, ())
            found = next((order for order in finished if order.id == order_id), None)
        if found is None or found.uid != account.uid:
            raise FuturesRefusal(FuturesReason.ORDER_NOT_FOUND, "auto order not found")
        return found

    def cancel(self, account: Account, order_id: int) -> WaitingOrder:
        """Raises FuturesRefusal."""
        order = self.order(account, order_id)
        if order.status is not WaitingStatus.OPEN:
            raise FuturesRefusal(FuturesReason.ORDER_FINISHED, "auto order is finished")
        self._end(order, WaitingFinish.CANCELLED)
        return order

    def amend(
        self, account: Account, order_id: int, ticket: FuturesTicket, price: Decimal, source: PriceSource
    ) -> WaitingOrder:
        """Change what is placed, and at which price. Raises FuturesRefusal."""
        order = self.order(account, order_id)
        if order.status is not WaitingStatus.OPEN:
            raise FuturesRefusal(FuturesReason.ORDER_FINISHED, "auto order is finished")
        if price <= 0 or price % order.contract.tick:
            raise FuturesRefusal(FuturesReason.INVALID, f"Invalid parameter `trigger_price` with value: {price:f}")
        order.ticket, order.price, order.source = ticket, price, source
        self._tell(order)
        return order

    def after_tick(self, now_ns: int) -> None:
        """Place what is due, and give up what has waited too long."""
        for order in list(self._open.values()):
            if order.expires_ns and now_ns >= order.expires_ns:
                self._end(order, WaitingFinish.EXPIRED)
            elif order.is_due():
                self._fire(order)

    def _fire(self, order: WaitingOrder) -> None:
        account = self._core.portfolios[order.uid].account
        try:
            order.fired_order_id = self._place(account, order.ticket).id
        except FuturesRefusal as refusal:
            order.reason = refusal.reason.value
            self._end(order, WaitingFinish.FAILED)
        else:
            self._end(order, WaitingFinish.SUCCEEDED)

    def _end(self, order: WaitingOrder, finish: WaitingFinish) -> None:
        order.status, order.finish, order.finished_ns = WaitingStatus.FINISHED, finish, self._core.now_ns()
        del self._open[order.id]
        self._finished.setdefault(order.uid, deque(maxlen=_KEPT)).append(order)
        self._tell(order)

    def _tell(self, order: WaitingOrder) -> None:
        self._core.tell(order.uid, lambda: WaitingOrderEvent(order.copy()))


class Countdowns:
    """Switches that cancel an account's orders unless they are set again in time."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._armed: dict[tuple[int, str], int] = {}

    def arm(self, account: Account, symbol: str, seconds: int) -> int:
        """When it goes off, in ns; 0 seconds disarms and is now. ``symbol`` "" is every contract."""
        now_ns = self._core.now_ns()
        if seconds:
            self._armed[account.uid, symbol] = now_ns + seconds * _SECOND
        else:
            self._armed.pop((account.uid, symbol), None)
        return now_ns + seconds * _SECOND

    def due(self, now_ns: int) -> list[tuple[int, str]]:
        """Whose time has come: (uid, symbol); they are disarmed."""
        due = [key for key, at_ns in self._armed.items() if now_ns >= at_ns]
        for key in due:
            del self._armed[key]
        return due
