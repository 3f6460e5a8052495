"""Orders that wait for a price: watched tick by tick, placed when their moment comes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from cex.sandbox.accounts.directory import Account
from cex.sandbox.accounts.events import Audience, TriggerEvent
from cex.sandbox.accounts.ledger import Ledger
from cex.sandbox.accounts.orders import (
    AccountOrder,
    Reason,
    Refusal,
    Ticket,
    Trigger,
    TriggerOrder,
    TriggerStatus,
)

__all__ = ["TriggerBook"]

_SECOND = 1_000_000_000


class TriggerBook:
    """The trigger orders of one desk.

    ``place`` puts the order of one that fires, ``price`` is the price of a symbol by the trigger's ``source`` (Refusal
    for a source that it has not), ``binding`` says what a ticket would bind (asset, amount). ``wallet`` is where that
    is bound for triggers that lock. Of those that are over, ``history`` an account are kept.
    """

    def __init__(
        self,
        ledger: Ledger,
        audience: Audience,
        wallet: str,
        *,
        place: Callable[[Account, Ticket], AccountOrder],
        price: Callable[[str, str], Decimal],
        binding: Callable[[Account, Ticket], tuple[str, Decimal]],
        first_id: int = 1,
        history: int = 10_000,
        most_open: int = 100,
    ) -> None:
        self._ledger = ledger
        self._audience = audience
        self._wallet = wallet
        self._place = place
        self._price = price
        self._binding = binding
        self._next_id = first_id
        self._history = history
        self._most_open = most_open
        self._open: dict[int, tuple[Account, TriggerOrder]] = {}
        self._finished: dict[int, dict[int, TriggerOrder]] = {}

    def put(self, account: Account, ticket: Ticket, trigger: Trigger, now_ns: int) -> TriggerOrder:
        """Begin to wait.

        Raises:
            Refusal: TOO_MANY_ORDERS, INVALID_TICKET, INSUFFICIENT_BALANCE, or what ``price`` and ``binding`` refuse.
        """
        if trigger.rule not in (">=", "<=") or not trigger.price.is_finite() or trigger.price <= 0:
            raise Refusal(Reason.INVALID_TICKET, "a trigger needs a positive price and a rule", rule=trigger.rule)
        if trigger.expires_after_s is not None and not trigger.expires_after_s > 0:
            raise Refusal(Reason.INVALID_TICKET, "an expiration must be positive", seconds=trigger.expires_after_s)
        if sum(order.uid == account.uid for _, order in self._open.values()) >= self._most_open:
            raise Refusal(Reason.TOO_MANY_ORDERS, most=self._most_open)
        self._price(ticket.symbol, trigger.source)
        asset, amount = self._binding(account, ticket) if trigger.locks else ("", Decimal(0))
        if amount > self._ledger.holding(account.uid, self._wallet, asset).free:
            raise Refusal(Reason.INSUFFICIENT_BALANCE, asset=asset, needed=amount)
        order = TriggerOrder(
            id=self._next_id,
            uid=account.uid,
            ticket=ticket,
            trigger=trigger,
            created_ns=now_ns,
            updated_ns=now_ns,
            locked=amount,
            locked_asset=asset,
        )
        self._next_id += 1
        self._open[order.id] = (account, order)
        self._ledger.freeze(account.uid, self._wallet, asset, amount, reference=f"trigger-{order.id}")
        self._tell(order)
        return order

    def get(self, account: Account, trigger_id: int) -> TriggerOrder | None:
        """The trigger order of this account with this id, open or over."""
        found = self._open.get(trigger_id)
        if found is not None:
            return found[1] if found[1].uid == account.uid else None
        return self._finished.get(account.uid, {}).get(trigger_id)

    def open_orders(self, account: Account | None = None, symbol: str | None = None) -> list[TriggerOrder]:
        """Those that still wait, oldest first; of every account when None."""
        return [
            order
            for _, order in self._open.values()
            if (account is None or order.uid == account.uid) and (symbol is None or order.ticket.symbol == symbol)
        ]

    def finished_orders(self, account: Account, symbol: str | None = None) -> list[TriggerOrder]:
        """Those that are over, in the order in which they ended."""
        finished = self._finished.get(account.uid, {}).values()
        return [order for order in finished if symbol is None or order.ticket.symbol == symbol]

    def cancel(self, account: Account, trigger_id: int, now_ns: int) -> TriggerOrder:
        """Stop waiting. Raises Refusal: ORDER_NOT_FOUND, ORDER_FINISHED."""
        order = self.get(account, trigger_id)
        if order is None:
            raise Refusal(Reason.ORDER_NOT_FOUND, id=trigger_id)
        if order.status is not TriggerStatus.OPEN:
            raise Refusal(Reason.ORDER_FINISHED, id=trigger_id, status=order.status)
        self._end(order, TriggerStatus.CANCELLED, now_ns)
        return order

    def cancel_all(self, account: Account, symbol: str | None, now_ns: int) -> list[TriggerOrder]:
        """Stop waiting for all of an account, or for those of one symbol."""
        orders = self.open_orders(account, symbol)
        for order in orders:
            self._end(order, TriggerStatus.CANCELLED, now_ns)
        return orders

    def after_tick(self, now_ns: int) -> None:
        """Fire what the prices have reached, and end what has expired."""
        if not self._open:
            return
        prices: dict[tuple[str, str], Decimal] = {}
        for account, order in list(self._open.values()):
            trigger = order.trigger
            if trigger.expires_after_s is not None and now_ns - order.created_ns >= trigger.expires_after_s * _SECOND:
                self._end(order, TriggerStatus.EXPIRED, now_ns)
                continue
            watched = (order.ticket.symbol, trigger.source)
            if watched not in prices:
                prices[watched] = self._price(*watched)
            if prices[watched] >= trigger.price if trigger.rule == ">=" else prices[watched] <= trigger.price:
                self._fire(account, order, now_ns)

    def _fire(self, account: Account, order: TriggerOrder, now_ns: int) -> None:
        self._audience.hold()
        try:
            self._unlock(order)
            try:
                order.fired_order_id = self._place(account, order.ticket).id
            except Refusal as refusal:
                order.refusal = refusal
                self._end(order, TriggerStatus.FAILED, now_ns)
            else:
                self._end(order, TriggerStatus.FIRED, now_ns)
        finally:
            self._audience.let_go()

    def _end(self, order: TriggerOrder, status: TriggerStatus, now_ns: int) -> None:
        self._unlock(order)
        order.status = status
        order.updated_ns = now_ns
        del self._open[order.id]
        finished = self._finished.setdefault(order.uid, {})
        finished[order.id] = order
        if len(finished) > self._history:
            del finished[next(iter(finished))]
        self._tell(order)

    def _unlock(self, order: TriggerOrder) -> None:
        amount, order.locked = order.locked, Decimal(0)
        reference = f"trigger-{order.id}"
        self._ledger.release(order.uid, self._wallet, order.locked_asset, amount, reference=reference)

    def _tell(self, order: TriggerOrder) -> None:
        if self._audience.listens(order.uid):
            self._audience.tell(TriggerEvent(order.copied()))
