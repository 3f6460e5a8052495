"""Orders of perpetuals: placed, amended, cancelled, listed. https://www.gate.com/docs/developers/apiv4/en/#futures"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cex.common.enums import Side
from cex.sandbox.accounts.futures.contracts import Contract
from cex.sandbox.accounts.futures.desk import FuturesDesk
from cex.sandbox.accounts.futures.orders import FuturesFinish, FuturesOrder
from cex.sandbox.accounts.futures.refusals import FuturesRefusal
from cex.sandbox.venues.gateio.futures import rendering
from cex.sandbox.venues.gateio.futures.paging import asked_contract, page, within
from cex.sandbox.venues.gateio.futures.parsing import amount, contract_of, order_key, query_flag, size_of, ticket, whole
from cex.sandbox.venues.gateio.futures.refusing import refused
from cex.sandbox.venues.gateio.pools import FUTURES_CANCEL, FUTURES_OTHER, FUTURES_PLACE
from cex.sandbox.venues.gateio.private import Call, Endpoint
from cex.sandbox.venues.gateio.refusals import Refused, invalid, missing

__all__ = ["FuturesOrders"]

_BELOW = "/futures/usdt"
_SIDES = {"bid": Side.BUY, "ask": Side.SELL}
_MOST_PLACED = 10
_MOST_CANCELLED = 20
_SHORTEST_COUNTDOWN = 5
_LONGEST_COUNTDOWN = 1 << 31
_MOST_LEVEL = 20


class FuturesOrders:
    """``contracts`` is keyed by Gate.io's names. Every handler may raise Refused or FuturesRefusal."""

    def __init__(self, desk: FuturesDesk, contracts: Mapping[str, Contract]) -> None:
        self._desk = desk
        self._contracts = contracts

    def endpoints(self) -> Sequence[Endpoint]:
        orders = f"{_BELOW}/orders"
        return [
            Endpoint("POST", orders, self.place, FUTURES_PLACE, timed=True, status=201),
            Endpoint("GET", orders, self.orders, FUTURES_OTHER),
            Endpoint("DELETE", orders, self.cancel_all, FUTURES_CANCEL, timed=True),
            Endpoint("GET", f"{_BELOW}/orders_timerange", self.orders_by_time, FUTURES_OTHER),
            Endpoint("GET", f"{orders}/{{id}}", self.status, FUTURES_OTHER),
            Endpoint("DELETE", f"{orders}/{{id}}", self.cancel, FUTURES_CANCEL, timed=True),
            Endpoint("PUT", f"{orders}/{{id}}", self.amend, FUTURES_PLACE, timed=True),
            Endpoint("POST", f"{_BELOW}/batch_orders", self.place_batch, FUTURES_PLACE, timed=True),
            Endpoint("POST", f"{_BELOW}/batch_cancel_orders", self.cancel_batch, FUTURES_CANCEL, timed=True),
            Endpoint("POST", f"{_BELOW}/batch_amend_orders", self.amend_batch, FUTURES_PLACE, timed=True),
            Endpoint("POST", f"{_BELOW}/bbo_orders", self.place_at_best, FUTURES_PLACE, timed=True, status=201),
            Endpoint("POST", f"{_BELOW}/countdown_cancel_all", self.countdown, FUTURES_OTHER),
        ]

    # --- one order ---------------------------------------------------------------------------------------------------

    def place(self, call: Call) -> object:
        """An order whose outcome is known at once."""
        return self._place(call, call.fields())

    def place_at_best(self, call: Call) -> object:
        """An order at the price of a level of the book: of ``direction`` ``buy`` or ``sell``, 1 being the best."""
        fields = call.fields()
        contract = contract_of(self._contracts, fields)
        direction = fields.get("direction")
        if direction not in ("buy", "sell"):
            raise invalid("direction", direction)
        level = whole("level", fields.get("level", 1), least=1, most=_MOST_LEVEL)
        levels = contract.book.engine.levels(Side(direction), level)
        if len(levels) < level:
            raise invalid("level", level)
        return self._place(call, fields | {"price": f"{contract.price(levels[-1][0]):f}"})

    def status(self, call: Call) -> object:
        """By id, or by custom id while it is open and shortly after."""
        order_id, text = order_key(call.path["id"])
        return self._told(self._desk.order(call.account, order_id=order_id, text=text), call)

    def cancel(self, call: Call) -> object:
        order_id, text = order_key(call.path["id"])
        return self._told(self._desk.cancel(call.account, order_id=order_id, text=text), call)

    def amend(self, call: Call) -> object:
        """Size (with what is filled) or price, or both."""
        return self._amend(call, call.path["id"], call.fields())

    # --- many orders -------------------------------------------------------------------------------------------------

    def orders(self, call: Call) -> object:
        """Open ones, or those that are over; newest first."""
        status = call.query.get("status")
        if not status:
            raise missing("status")
        if status not in ("open", "finished"):
            raise invalid("status", status)
        contract = asked_contract(call, self._contracts)
        symbol = None if contract is None else contract.symbol
        orders = self._desk.orders(call.account, symbol, is_open=status == "open")
        last = call.number("last_id", default=0, most=1 << 62, least=0)
        return [self._told(order, call) for order in page(call, [o for o in orders if not last or o.id < last])]

    def orders_by_time(self, call: Call) -> object:
        """All orders by the time at which they came."""
        contract = asked_contract(call, self._contracts)
        orders = self._desk.orders(call.account, None if contract is None else contract.symbol)
        return [self._told(order, call) for order in page(call, within(call, orders, lambda order: order.created_ns))]

    def cancel_all(self, call: Call) -> object:
        """Of one contract, or without one of all; of one side, or of both."""
        contract, side = asked_contract(call, self._contracts), call.query.get("side")
        return self._cancel_all(call, contract, side, exclude_reduce_only=query_flag(call.query, "exclude_reduce_only"))

    def place_batch(self, call: Call) -> object:
        """Each order for itself; what is malformed refuses the whole."""
        items = _objects(call.items(), _MOST_PLACED)
        for item in items:
            ticket(item, contract_of(self._contracts, item), decimal=call.decimal, source="api")
        return self._each(call, items, lambda item: self._place(call, item))

    def amend_batch(self, call: Call) -> object:
        """Each order for itself, named by ``order_id`` or ``text``."""
        items = _objects(call.items(), _MOST_PLACED)
        return self._each(call, items, lambda item: self._amend(call, item.get("order_id", item.get("text")), item))

    def cancel_batch(self, call: Call) -> object:
        """A list of ids."""
        keys = call.items()
        if not 0 < len(keys) <= _MOST_CANCELLED:
            raise Refused(400, "INVALID_PARAM_VALUE", f"1 to {_MOST_CANCELLED} orders can be cancelled at once")
        told = []
        for key in keys:
            order_id, text = order_key(key)
            row: dict[str, Any] = {"user_id": call.uid, "id": str(key), "succeeded": True, "message": ""}
            try:
                self._desk.cancel(call.account, order_id=order_id, text=text)
            except FuturesRefusal as refusal:
                row |= {"succeeded": False, "message": refusal.reason.value}
            told.append(row)
        return told

    def countdown(self, call: Call) -> object:
        """Arm, extend or (timeout 0) disarm the cancellation of all orders."""
        fields = call.fields()
        if "timeout" not in fields:
            raise missing("timeout")
        seconds = whole("timeout", fields["timeout"], least=0, most=_LONGEST_COUNTDOWN)
        if 0 < seconds < _SHORTEST_COUNTDOWN:
            raise invalid("timeout", seconds)
        contract = contract_of(self._contracts, fields) if fields.get("contract") else None
        at_ns = self._desk.countdown(call.account, "" if contract is None else contract.symbol, seconds)
        return {"triggerTime": str(at_ns // 1_000_000)}

    # --- by the order API --------------------------------------------------------------------------------------------

    def cancel_named(self, call: Call) -> object:
        """``{"order_id": ...}``"""
        order_id, text = order_key(call.fields().get("order_id"))
        return self._told(self._desk.cancel(call.account, order_id=order_id, text=text), call)

    def status_named(self, call: Call) -> object:
        """``{"order_id": ...}``"""
        order_id, text = order_key(call.fields().get("order_id"))
        return self._told(self._desk.order(call.account, order_id=order_id, text=text), call)

    def amend_named(self, call: Call) -> object:
        """``{"order_id": ..., "price": ..., "size": ...}``"""
        fields = call.fields()
        return self._amend(call, fields.get("order_id"), fields)

    def cancel_contract(self, call: Call) -> object:
        """``{"contract": ..., "side": "bid"}``"""
        fields = call.fields()
        return self._cancel_all(call, contract_of(self._contracts, fields), fields.get("side"))

    def list_named(self, call: Call) -> object:
        """``{"contract": ..., "status": ..., "limit": ..., "offset": ...}``"""
        fields = call.fields()
        call.query = {name: str(value) for name, value in fields.items() if value is not None}
        return self.orders(call)

    # --- parts -------------------------------------------------------------------------------------------------------

    def _told(self, order: FuturesOrder, call: Call) -> dict[str, Any]:
        return rendering.order(order, call.decimal)

    def _place(self, call: Call, fields: Mapping[str, Any]) -> dict[str, Any]:
        contract = contract_of(self._contracts, fields)
        asked = ticket(fields, contract, decimal=call.decimal, source="api")
        return self._told(self._desk.place(call.account, asked), call)

    def _amend(self, call: Call, key: object, fields: Mapping[str, Any]) -> dict[str, Any]:
        order_id, text = order_key(key)
        size, price, amend_text = fields.get("size"), fields.get("price"), fields.get("amend_text")
        if size is None and price is None:
            raise missing("size or price")
        if not (amend_text is None or (isinstance(amend_text, str) and len(amend_text) <= 28)):
            raise invalid("amend_text", amend_text)
        order = self._desk.order(call.account, order_id=order_id, text=text)
        amended = self._desk.amend(
            call.account,
            order_id=order.id,
            size=None if size is None else size_of("size", size, order.contract, decimal=call.decimal),
            price=None if price is None else amount("price", price),
            amend_text=amend_text,
        )
        return self._told(amended, call)

    def _cancel_all(
        self, call: Call, contract: Contract | None, side: object, *, exclude_reduce_only: bool = False
    ) -> list[dict[str, Any]]:
        if side not in (None, "", *_SIDES):
            raise invalid("side", side)
        orders = self._desk.cancel_all(
            call.account,
            None if contract is None else contract.symbol,
            side=_SIDES.get(str(side)),
            exclude_reduce_only=exclude_reduce_only,
        )
        return [self._told(order, call) for order in orders if order.finish is FuturesFinish.CANCELLED]

    def _each(
        self, call: Call, items: Sequence[Mapping[str, Any]], do: Callable[[Mapping[str, Any]], dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """The answer of each item; every one after the first is charged to the budget by itself."""
        told: list[dict[str, Any]] = []
        for number, item in enumerate(items):
            try:
                if number:
                    call.charge()
                told.append(do(item) | {"succeeded": True})
            except FuturesRefusal as refusal:
                told.append(_failed(refused(refusal), item))
            except Refused as no:
                told.append(_failed(no, item))
        return told


def _failed(no: Refused, item: Mapping[str, Any]) -> dict[str, Any]:
    failed: dict[str, Any] = {"succeeded": False, "label": no.label, "detail": no.message}
    return failed | {"text": item["text"]} if isinstance(item.get("text"), str) else failed


def _objects(items: list[Any], most: int) -> list[dict[str, Any]]:
    if not 0 < len(items) <= most:
        raise Refused(400, "INVALID_PARAM_VALUE", f"1 to {most} orders can be sent at once")
    for item in items:
        if not isinstance(item, dict):
            raise Refused(400, "INVALID_REQUEST_BODY", "Invalid request body: an array of objects is expected")
    return items
