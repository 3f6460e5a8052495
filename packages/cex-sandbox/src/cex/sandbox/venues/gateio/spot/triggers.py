"""Price-triggered orders: they wait for the last price, and bind nothing before they fire.

https://www.gate.com/docs/developers/apiv4/en/#create-a-price-triggered-order
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from cex.common.clock import Clock
from cex.common.enums import OrderType, Side, TimeInForce
from cex.sandbox.accounts.orders import Reason, Refusal, Ticket, Trigger, TriggerOrder, TriggerStatus
from cex.sandbox.accounts.spot import SpotDesk
from cex.sandbox.market.simulation import MarketBook
from cex.sandbox.venues.gateio.pools import SPOT_CANCEL, SPOT_OTHER
from cex.sandbox.venues.gateio.private import Call, Endpoint
from cex.sandbox.venues.gateio.refusals import Refused, invalid, missing
from cex.sandbox.venues.gateio.spot.lists import paged
from cex.sandbox.venues.gateio.spot.tickets import amount, book_of, choice, required, side_of
from cex.sandbox.venues.gateio.spot.words import pair_of, refused, text

__all__ = ["SpotTriggers"]

_PATH = "/spot/price_orders"
_STATUSES = {
    TriggerStatus.OPEN: "open",
    TriggerStatus.FIRED: "finish",
    TriggerStatus.CANCELLED: "cancelled",
    TriggerStatus.FAILED: "failed",
    TriggerStatus.EXPIRED: "expired",
}
_RULES: Mapping[str, Literal[">=", "<="]] = {">=": ">=", "<=": "<="}
_ACCOUNTS = ("normal", "margin", "unified")


class SpotTriggers:
    """The endpoints of ``/spot/price_orders``. ``books`` is keyed by Gate.io's own pairs."""

    def __init__(self, desk: SpotDesk, books: Mapping[str, MarketBook], *, clock: Clock) -> None:
        self._desk = desk
        self._books = books
        self._clock = clock

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint("POST", _PATH, self.place, SPOT_OTHER, status=201),
            Endpoint("GET", _PATH, self.orders, SPOT_OTHER),
            Endpoint("DELETE", _PATH, self.cancel_all, SPOT_CANCEL),
            Endpoint("GET", f"{_PATH}/{{id}}", self.order, SPOT_OTHER),
            Endpoint("DELETE", f"{_PATH}/{{id}}", self.cancel, SPOT_CANCEL),
        ]

    def place(self, call: Call) -> object:
        fields = call.fields()
        trigger, put = _part(fields, "trigger"), _part(fields, "put")
        book = book_of(self._books, required(fields, "market"))
        required(trigger, "rule")
        rule = choice(trigger, "rule", _RULES, "")
        expiration = trigger.get("expiration")
        if isinstance(expiration, bool) or not isinstance(expiration, int) or not 0 < expiration <= 1 << 31:
            raise missing("expiration") if expiration is None else invalid("expiration", expiration)
        when = Trigger(amount(trigger, "price"), rule, expires_after_s=float(expiration))
        try:
            placed = self._desk.place_trigger(call.account, self._ticket(put, book.listing.symbol, when))
        except Refusal as refusal:
            raise refused(refusal, book.listing.symbol) from refusal
        return {"id": placed.id}

    def orders(self, call: Call) -> object:
        status = call.query.get("status") or ""
        if not status:
            raise missing("status")
        finished = choice(call.query, "status", {"open": False, "finished": True}, "")
        symbol = self._symbol(call)
        found = (
            self._desk.triggers.finished_orders(call.account, symbol)
            if finished
            else self._desk.triggers.open_orders(call.account, symbol)
        )
        return [_body(order) for order in paged(call, found[::-1])]

    def order(self, call: Call) -> object:
        order = self._desk.triggers.get(call.account, _id(call))
        if order is None:
            raise Refused(404, "ORDER_NOT_FOUND", "Order not found")
        return _body(order)

    def cancel(self, call: Call) -> object:
        try:
            return _body(self._desk.triggers.cancel(call.account, _id(call), self._clock.time_ns()))
        except Refusal as refusal:
            if refusal.reason is Reason.ORDER_FINISHED:
                raise Refused(400, "ORDER_CLOSED", "Order is closed") from refusal
            raise refused(refusal) from refusal

    def cancel_all(self, call: Call) -> object:
        cancelled = self._desk.triggers.cancel_all(call.account, self._symbol(call), self._clock.time_ns())
        return [_body(order) for order in cancelled]

    def _symbol(self, call: Call) -> str | None:
        market = call.query.get("market")
        account = call.query.get("account")
        if account and account not in _ACCOUNTS:
            raise invalid("account", account)
        return book_of(self._books, market).listing.symbol if market else None

    def _ticket(self, put: Mapping[str, Any], symbol: str, when: Trigger) -> Ticket:
        kind = choice(put, "type", {"limit": OrderType.LIMIT, "market": OrderType.MARKET}, "limit")
        account = choice(put, "account", {name: name for name in _ACCOUNTS}, "normal")
        if account == "margin":
            raise Refused(400, "MARGIN_NOT_SUPPORTED", "Margin trading is not supported")
        default = "ioc" if kind is OrderType.MARKET else "gtc"
        time_in_force = choice(put, "time_in_force", {"gtc": TimeInForce.GTC, "ioc": TimeInForce.IOC}, default)
        quantity = amount(put, "amount")
        price = amount(put, "price") if kind is OrderType.LIMIT else None
        side = side_of(put)
        by_quote = kind is OrderType.MARKET and side is Side.BUY
        return Ticket(
            symbol=symbol,
            side=side,
            kind=kind,
            time_in_force=TimeInForce.IOC if kind is OrderType.MARKET else time_in_force,
            price=price,
            quantity=None if by_quote else quantity,
            quote_quantity=quantity if by_quote else None,
            text=str(put.get("text") or "api")[:40],
            trigger=when,
            extra={"account": "spot"},
        )


def _part(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = fields.get(name)
    if part is None:
        raise missing(name)
    if not isinstance(part, dict):
        raise invalid(name, part)
    return part


def _id(call: Call) -> int:
    name = call.path["id"]
    if not (name.isascii() and name.isdigit() and len(name) < 20):
        raise invalid("order_id", name)
    return int(name)


def _body(order: TriggerOrder) -> dict[str, Any]:
    ticket, trigger = order.ticket, order.trigger
    quantity = ticket.quantity if ticket.quote_quantity is None else ticket.quote_quantity
    over = order.status is not TriggerStatus.OPEN
    return {
        "id": order.id,
        "user": order.uid,
        "market": pair_of(ticket.symbol),
        "trigger": {
            "price": text(trigger.price),
            "rule": trigger.rule,
            "expiration": round(trigger.expires_after_s or 0),
        },
        "put": {
            "type": "market" if ticket.kind is OrderType.MARKET else "limit",
            "side": ticket.side.value,
            "price": "0" if ticket.price is None else text(ticket.price),
            "amount": "0" if quantity is None else text(quantity),
            "account": "normal",
            "time_in_force": "ioc" if ticket.time_in_force is TimeInForce.IOC else "gtc",
            "text": ticket.text,
        },
        "ctime": order.created_ns // 1_000_000_000,
        "ftime": order.updated_ns // 1_000_000_000 if over else 0,
        "fired_order_id": order.fired_order_id,
        "status": _STATUSES[order.status],
        "reason": "" if order.refusal is None else str(order.refusal.reason),
    }
