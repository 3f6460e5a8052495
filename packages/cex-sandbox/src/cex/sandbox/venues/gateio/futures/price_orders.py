"""Price-triggered orders of perpetuals. https://www.gate.com/docs/developers/apiv4/en/#create-a-price-triggered-order-2"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from cex.sandbox.accounts.futures.contracts import Contract
from cex.sandbox.accounts.futures.desk import FuturesDesk
from cex.sandbox.accounts.futures.orders import FuturesTicket
from cex.sandbox.accounts.futures.refusals import FuturesReason, FuturesRefusal
from cex.sandbox.accounts.futures.waiting import PriceSource
from cex.sandbox.venues.gateio.futures import rendering
from cex.sandbox.venues.gateio.futures.paging import asked_contract, page
from cex.sandbox.venues.gateio.futures.parsing import amount, contract_of, size_of, ticket, whole
from cex.sandbox.venues.gateio.pools import FUTURES_CANCEL, FUTURES_OTHER, FUTURES_PLACE
from cex.sandbox.venues.gateio.private import Call, Endpoint
from cex.sandbox.venues.gateio.refusals import Refused, invalid, missing

__all__ = ["FuturesPriceOrders"]

_BELOW = "/futures/usdt/price_orders"
_ORDER_TYPES = (
    "",
    "close-long-position",
    "close-short-position",
    "plan-close-long-position",
    "plan-close-short-position",
)
_READ_ONLY_TYPES = ("close-long-order", "close-short-order")
_LONGEST = 1 << 31


class FuturesPriceOrders:
    """``contracts`` is keyed by Gate.io's names. Every handler may raise Refused or FuturesRefusal."""

    def __init__(self, desk: FuturesDesk, contracts: Mapping[str, Contract]) -> None:
        self._desk = desk
        self._contracts = contracts

    def endpoints(self) -> Sequence[Endpoint]:
        return [
            Endpoint("POST", _BELOW, self.place, FUTURES_PLACE, status=201),
            Endpoint("GET", _BELOW, self.orders, FUTURES_OTHER),
            Endpoint("DELETE", _BELOW, self.cancel_all, FUTURES_CANCEL),
            Endpoint("PUT", f"{_BELOW}/amend", self.amend, FUTURES_PLACE),
            Endpoint("PUT", f"{_BELOW}/amend/{{id}}", self.amend, FUTURES_PLACE),
            Endpoint("GET", f"{_BELOW}/{{id}}", self.order, FUTURES_OTHER),
            Endpoint("DELETE", f"{_BELOW}/{{id}}", self.cancel, FUTURES_CANCEL),
        ]

    def place(self, call: Call) -> object:
        """Wait for a price."""
        fields = call.fields()
        initial, trigger = _part(fields, "initial"), _part(fields, "trigger")
        contract = contract_of(self._contracts, initial)
        asked = self._ticket(call, initial, contract)
        if whole("trigger.strategy_type", trigger.get("strategy_type", 0), least=0, most=0):
            raise invalid("trigger.strategy_type", trigger.get("strategy_type"))
        rule = whole("trigger.rule", trigger.get("rule"), least=1, most=2)
        order_type = fields.get("order_type") or ""
        if order_type in _READ_ONLY_TYPES or order_type not in _ORDER_TYPES:
            raise invalid("order_type", order_type)
        order = self._desk.triggers.add(
            call.account,
            asked,
            source=_source(trigger.get("price_type", 0)),
            price=amount("trigger.price", trigger.get("price")),
            above=rule == 1,
            expiration_s=whole("trigger.expiration", trigger.get("expiration") or 0, least=0, most=_LONGEST),
            order_type=order_type,
        )
        return {"id": order.id, "id_string": str(order.id)}

    def orders(self, call: Call) -> object:
        """Those that wait, or those that are over; newest first."""
        status = call.query.get("status")
        if not status:
            raise missing("status")
        if status not in ("open", "finished"):
            raise invalid("status", status)
        self._desk.portfolio(call.account)
        contract, triggers = asked_contract(call, self._contracts), self._desk.triggers
        rows = (triggers.open if status == "open" else triggers.finished)(call.account, contract)
        return [rendering.waiting(row, call.decimal) for row in page(call, rows)]

    def order(self, call: Call) -> object:
        self._desk.portfolio(call.account)
        return rendering.waiting(self._desk.triggers.order(call.account, _id(call.path["id"])), call.decimal)

    def cancel(self, call: Call) -> object:
        self._desk.portfolio(call.account)
        return rendering.waiting(self._desk.triggers.cancel(call.account, _id(call.path["id"])), call.decimal)

    def cancel_all(self, call: Call) -> object:
        """Of one contract, or of all."""
        self._desk.portfolio(call.account)
        contract, triggers = asked_contract(call, self._contracts), self._desk.triggers
        orders = triggers.open(call.account, contract)
        return [rendering.waiting(triggers.cancel(call.account, order.id), call.decimal) for order in orders]

    def amend(self, call: Call) -> object:
        """Size, price, trigger price or price type of one that waits; its id is in the path or in the body."""
        fields = call.fields()
        self._desk.portfolio(call.account)
        triggers = self._desk.triggers
        order = triggers.order(call.account, _id(call.path.get("id", fields.get("order_id"))))
        asked = order.ticket
        if fields.get("size") is not None:
            asked = replace(asked, size=size_of("size", fields["size"], order.contract, decimal=call.decimal))
        if fields.get("price") is not None:
            asked = replace(asked, price=_limit(fields["price"], order.contract))
        price = fields.get("trigger_price")
        amended = triggers.amend(
            call.account,
            order.id,
            asked,
            order.price if price is None else amount("trigger_price", price),
            order.source if fields.get("price_type") is None else _source(fields["price_type"]),
        )
        return {"id": amended.id, "id_string": str(amended.id)}

    def _ticket(self, call: Call, initial: Mapping[str, Any], contract: Contract) -> FuturesTicket:
        if initial.get("price") is None:
            raise missing("initial.price")
        closing = initial.get("close") or initial.get("auto_size")
        asked = ticket(initial, contract, decimal=call.decimal, source="api", initial=True)
        if not asked.size and not closing:
            raise FuturesRefusal(FuturesReason.INVALID, "Invalid parameter `initial.size` with value: 0")
        _limit(initial["price"], contract)
        return asked


def _limit(value: object, contract: Contract) -> Decimal | None:
    price = amount("price", value)
    if price < 0 or price % contract.tick:
        raise invalid("price", value)
    return price or None


def _source(value: object) -> PriceSource:
    return PriceSource(whole("price_type", value, least=0, most=2))


def _id(value: object) -> int:
    return whole("order_id", value, least=0, most=1 << 62)


def _part(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = fields.get(name)
    if part is None:
        raise missing(name)
    if not isinstance(part, dict):
        raise Refused(400, "INVALID_REQUEST_BODY", f"Invalid request body: {name} is an object")
    return part
