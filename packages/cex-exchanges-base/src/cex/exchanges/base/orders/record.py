"""What is known of one order: an explicit state machine into which answers, pushes and queries are merged.

They may come late, twice, in any order, and contradict each other. Whatever comes, no state is left that the exchange
cannot have: what cannot follow is refused and told, what is old changes nothing, and fills are counted once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Final

from cex.common.enums import OrderStatus
from cex.common.types.orders import Fill, Order

__all__ = ["TRANSITIONS", "OrderRecord", "average_price"]

_PENDING, _UNKNOWN = OrderStatus.PENDING, OrderStatus.UNKNOWN
_NEW, _PARTIAL, _FILLED = OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED
_CANCELED, _REJECTED, _EXPIRED = OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED

TRANSITIONS: Final[dict[OrderStatus, frozenset[OrderStatus]]] = {
    _PENDING: frozenset({_UNKNOWN, _NEW, _PARTIAL, _FILLED, _CANCELED, _REJECTED, _EXPIRED}),
    _UNKNOWN: frozenset({_NEW, _PARTIAL, _FILLED, _CANCELED, _REJECTED, _EXPIRED}),
    _NEW: frozenset({_PARTIAL, _FILLED, _CANCELED, _REJECTED, _EXPIRED}),
    _PARTIAL: frozenset({_FILLED, _CANCELED, _EXPIRED}),
    _FILLED: frozenset(),
    _CANCELED: frozenset(),
    _REJECTED: frozenset(),
    _EXPIRED: frozenset(),
}
"""From each status, those that may follow. A status that comes before the present one is old news, not a transition."""

_PRECISE = Context(prec=28)
_SUMS = Context(prec=60)


def average_price(quote: Decimal, quantity: Decimal) -> Decimal:
    """Turnover by quantity, to 28 significant digits."""
    return _PRECISE.divide(quote, quantity)


@dataclass(slots=True, eq=False)
class OrderRecord:
    """One order. :attr:`order` is what is known of it; :meth:`take` and :meth:`fill` are how more gets known.

    ``fill_ids`` are the trades counted, ``filled`` and ``quote`` their exact sums, ``fees`` by currency. ``sent_ts`` is
    when it was handed to the exchange, by the exchange's clock, 0 for an order that somebody else placed.
    """

    order: Order
    sent_ts: int = 0
    fill_ids: set[str] = field(default_factory=set)
    filled: Decimal = Decimal(0)
    quote: Decimal = Decimal(0)
    fees: dict[str, Decimal] = field(default_factory=dict)
    heard_ns: int = 0
    """Monotonic time of the last word about it."""
    derived: bool = False
    """FILLED is our own conclusion from the fills; the exchange may still say that the quantity was raised."""
    never_arrived: bool = False
    """REJECTED is our own conclusion: the exchange did not know it after its validity."""
    given_up: bool = False
    """The exchange lists no fills for what it says has filled; they are not looked for any more."""
    cause: Exception | None = None
    """What made its outcome unknown, or refused it."""

    @property
    def is_settled(self) -> bool:
        """Final, and every fill that it speaks of is counted: nothing more is to come."""
        return self.order.status.is_final and (self.given_up or self.filled == self.order.filled)

    def take(self, said: Order) -> str | None:
        """Merge what the exchange says of the order; a sentence where it cannot be, and then nothing has changed."""
        refusal = self._differs(said) or self._impossible(said)
        if refusal is None:
            self.order = self._merged(said)
        return refusal

    def fill(self, fill: Fill) -> str | None:
        """Count an execution that was not counted yet; a sentence where it cannot be, and then it is not counted."""
        known = self.order
        if fill.symbol != known.symbol or fill.side is not known.side:
            return f"a {fill.side} of {fill.symbol} for a {known.side} of {known.symbol}"
        if fill.quantity <= 0 or fill.price <= 0:
            return f"a fill of {fill.quantity} at {fill.price}"
        if known.status is _REJECTED:
            return "a fill of an order that was rejected"
        filled = _SUMS.add(self.filled, fill.quantity)
        if known.quantity is not None and known.quote_quantity is None and filled > known.quantity:
            return f"{filled} filled of {known.quantity}"
        self.fill_ids.add(fill.trade_id)
        self.filled = filled
        self.quote = _SUMS.add(self.quote, _SUMS.multiply(fill.price, fill.quantity))
        if fill.fee:
            self.fees[fill.fee_currency] = _SUMS.add(self.fees.get(fill.fee_currency, Decimal(0)), fill.fee)
        status = known.status
        if not status.is_final and filled >= known.filled:
            whole = known.quantity is not None and known.quote_quantity is None and filled == known.quantity
            status = _FILLED if whole else _PARTIAL
            self.derived = whole
        self.order = self._with_fills(
            known.replaced(
                status=status,
                order_id=known.order_id or fill.order_id,
                client_order_id=known.client_order_id or fill.client_order_id,
                updated_ts=max(known.updated_ts, fill.exchange_ts),
            )
        )
        return None

    def absorb(self, other: OrderRecord) -> None:
        """Take over what was counted under another record that turns out to be the same order."""
        self.fill_ids |= other.fill_ids
        self.filled = _SUMS.add(self.filled, other.filled)
        self.quote = _SUMS.add(self.quote, other.quote)
        for currency, fee in other.fees.items():
            self.fees[currency] = _SUMS.add(self.fees.get(currency, Decimal(0)), fee)
        self.take(other.order)

    def _differs(self, said: Order) -> str | None:
        known = self.order
        for name in ("symbol", "side"):
            if getattr(said, name) != getattr(known, name):
                return f"{name} {getattr(said, name)} of an order with {name} {getattr(known, name)}"
        if known.order_id and said.order_id and said.order_id != known.order_id:
            return f"order id {said.order_id} of the order {known.order_id}"
        if known.client_order_id and said.client_order_id and said.client_order_id != known.client_order_id:
            return f"client order id {said.client_order_id} of the order {known.client_order_id}"
        return None

    def _impossible(self, said: Order) -> str | None:
        known, now, then = self.order, said.status, self.order.status
        if said.quantity is not None and said.filled > said.quantity:
            return f"{said.filled} filled of {said.quantity}"
        if now is _REJECTED and (known.filled or said.filled):
            return f"{now} with {max(known.filled, said.filled)} filled"
        if then is _REJECTED and said.filled:
            return f"{said.filled} filled of an order that was rejected"
        if (
            now is _FILLED
            and said.quantity is not None
            and known.quote_quantity is None
            and self.filled > said.quantity
        ):
            return f"{now} at {said.quantity} after {self.filled} filled"
        ended_differently = now.is_final and then.is_final and now is not then and not self.derived
        if ended_differently and {now, then} != {_CANCELED, _EXPIRED}:
            return f"{now} after {then}"
        return None

    def _follows(self, said: Order) -> OrderStatus:
        """The status after what was said: the later one in the life of an order."""
        known = self.order
        if self.derived:
            if said.status is _FILLED:
                self.derived = False
            elif said.quantity is not None and said.quantity > self.filled and said.filled >= self.filled:
                self.derived = False
                return said.status
            return known.status
        return said.status if said.status in TRANSITIONS[known.status] else known.status

    def _merged(self, said: Order) -> Order:
        known = self.order
        status = self._follows(said)
        newer = said.updated_ts >= known.updated_ts and not (known.status.is_final and status is known.status)
        filled = max(known.filled, said.filled, self.filled)
        if status is _NEW and filled:
            status = _PARTIAL
        if status is _FILLED and not filled and said.quantity is not None:
            filled = said.quantity
        quantity, price = known.quantity, known.price
        if said.quantity is not None and (quantity is None or newer):
            quantity = said.quantity
        if said.price is not None and (price is None or newer):
            price = said.price
        ahead = said.filled >= known.filled
        merged = known.replaced(
            order_id=known.order_id or said.order_id,
            client_order_id=known.client_order_id or said.client_order_id,
            status=status,
            quantity=quantity,
            price=price,
            filled=filled,
            average_price=said.average_price if ahead and said.average_price is not None else known.average_price,
            filled_quote=said.filled_quote if ahead and said.filled_quote is not None else known.filled_quote,
            fees=said.fees if ahead and said.fees else known.fees,
            finish_reason=known.finish_reason or said.finish_reason,
            created_ts=said.created_ts or known.created_ts,
            updated_ts=max(known.updated_ts, said.updated_ts),
            quote_quantity=known.quote_quantity if said.quote_quantity is None else said.quote_quantity,
            trigger_price=known.trigger_price if said.trigger_price is None else said.trigger_price,
            reduce_only=known.reduce_only or said.reduce_only,
        )
        return self._with_fills(merged)

    def _with_fills(self, order: Order) -> Order:
        """Where our own sums are complete, they are exact, and replace what was reported."""
        if not self.filled or self.filled < order.filled:
            return order
        return order.replaced(
            filled=self.filled,
            filled_quote=self.quote,
            average_price=average_price(self.quote, self.filled),
            fees=dict(self.fees),
        )
