"""Placing, amending, cancelling and finding orders, for REST and the WebSocket order API alike.

https://www.gate.com/docs/developers/apiv4/en/#spot
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cex.common.clock import Clock
from cex.common.enums import Side
from cex.sandbox.accounts.directory import Account
from cex.sandbox.accounts.orders import AccountOrder, Finish, Refusal
from cex.sandbox.accounts.spot import SpotDesk
from cex.sandbox.market.simulation import MarketBook
from cex.sandbox.venues.gateio.options import GateioOptions
from cex.sandbox.venues.gateio.private import Call
from cex.sandbox.venues.gateio.refusals import Refused, invalid, missing
from cex.sandbox.venues.gateio.spot.tickets import (
    amount,
    book_of,
    check_account,
    client_text,
    required,
    side_of,
    ticket,
)
from cex.sandbox.venues.gateio.spot.words import order_body, refused, shortened, text_of

__all__ = ["SpotOrders"]

_MOST_IN_BATCH = 10
_MOST_PAIRS = 4
_MOST_CANCELS = 20
_MOST_AMENDS = 5


class SpotOrders:
    """What an account does with its orders. ``books`` is keyed by Gate.io's own pairs."""

    def __init__(
        self, desk: SpotDesk, books: Mapping[str, MarketBook], *, options: GateioOptions, clock: Clock
    ) -> None:
        self._desk = desk
        self._books = books
        self._options = options
        self._clock = clock

    # --- one order ---------------------------------------------------------------------------------------------------

    def place(self, call: Call) -> object:
        """POST ``/spot/orders``."""
        fields = call.fields()
        return shortened(self._place(call, fields), fields.get("action_mode") or "FULL")

    def amend(self, call: Call) -> object:
        """PATCH ``/spot/orders/{id}``: pair and account may stand in the query or in the body."""
        fields = {**call.query, **call.fields()}
        return shortened(self._amend(call, call.path["id"], fields), fields.get("action_mode") or "FULL")

    def cancel(self, call: Call) -> object:
        """DELETE ``/spot/orders/{id}``."""
        order = self._cancel(call.account, call.path["id"], call.query)
        return shortened(self.body(order), _mode(call.query))

    def status(self, call: Call) -> object:
        """GET ``/spot/orders/{id}``."""
        return self.body(self.find(call.account, call.path["id"], call.query))

    # --- several orders ----------------------------------------------------------------------------------------------

    def place_batch(self, call: Call) -> object:
        """POST ``/spot/batch_orders``: each element succeeds or fails for itself."""
        items = [_object(item) for item in call.items()]
        pairs: dict[str, int] = {}
        for item in items:
            required(item, "text")
            pair = required(item, "currency_pair")
            pairs[pair] = pairs.get(pair, 0) + 1
        if not items:
            raise Refused(400, "INVALID_REQUEST_BODY", "Invalid request body: no orders")
        if len(pairs) > _MOST_PAIRS:
            raise Refused(400, "TOO_MANY_CURRENCY_PAIRS", f"At most {_MOST_PAIRS} currency pairs in one batch")
        if max(pairs.values()) > _MOST_IN_BATCH:
            raise Refused(400, "TOO_MANY_ORDERS", f"At most {_MOST_IN_BATCH} orders of one currency pair in one batch")
        if len({str(item.get("account") or "spot") for item in items}) > 1:
            raise Refused(400, "MIXED_ACCOUNT_TYPE", "All orders of a batch must be of one account")
        return [self._element(item, lambda item: self._place(call, item)) for item in items]

    def amend_batch(self, call: Call) -> object:
        """POST ``/spot/amend_batch_orders``."""
        items = [_object(item) for item in call.items()]
        if not 0 < len(items) <= _MOST_AMENDS:
            raise Refused(400, "INVALID_PARAM_VALUE", f"Between 1 and {_MOST_AMENDS} orders can be amended at once")
        for item in items:
            required(item, "order_id")
            required(item, "currency_pair")
        return [self._element(item, lambda item: self._amend(call, item["order_id"], item)) for item in items]

    def cancel_batch(self, call: Call) -> object:
        """POST ``/spot/cancel_batch_orders``."""
        items = [_object(item) for item in call.items()]
        if not 0 < len(items) <= _MOST_CANCELS:
            raise Refused(400, "INVALID_PARAM_VALUE", f"Between 1 and {_MOST_CANCELS} orders can be cancelled at once")
        for item in items:
            required(item, "id")
            required(item, "currency_pair")
        outcomes = []
        for item in items:
            label = message = None
            text = item["id"] if item["id"].startswith("t-") else ""
            try:
                text = text_of(self._cancel(call.account, item["id"], item))
            except Refused as no:
                label, message = no.label, no.message
            outcomes.append(
                {
                    "currency_pair": item["currency_pair"],
                    "id": item["id"],
                    "text": text,
                    "succeeded": label is None,
                    "label": label,
                    "message": message,
                    "account": item.get("account") or "spot",
                }
            )
        return outcomes

    def cancel_all(self, call: Call) -> object:
        """DELETE ``/spot/orders``: without a pair, those of every pair."""
        return self.cancel_matching(call.account, call.query)

    def cancel_matching(self, account: Account, fields: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Cancel what is open of a pair and a side, each where given; the orders as they are then."""
        symbol = None
        if fields.get("currency_pair"):
            symbol = book_of(self._books, required(fields, "currency_pair")).listing.symbol
        side: Side | None = side_of(fields) if fields.get("side") else None
        check_account(fields.get("account") or "spot", account)
        cancelled = self._desk.cancel_all(account, symbol=symbol, side=side)
        mode = _mode(fields)
        told = {"succeeded": True, "label": "", "message": ""}
        return [shortened(self.body(order), mode) | told for order in cancelled]

    # --- finding -----------------------------------------------------------------------------------------------------

    def body(self, order: AccountOrder) -> dict[str, Any]:
        """An order in full."""
        return order_body(order, residue=self._options.market_buy_residue)

    def find(self, account: Account, name: str, fields: Mapping[str, Any]) -> AccountOrder:
        """The order with this id or custom id; a custom id is forgotten some time after the order has finished.

        Raises:
            Refused: ORDER_NOT_FOUND, or no such pair.
        """
        pair = fields.get("currency_pair")
        symbol = book_of(self._books, required(fields, "currency_pair")).listing.symbol if pair else None
        if symbol is None:
            raise missing("currency_pair")
        check_account(fields.get("account") or "spot", account)
        order: AccountOrder | None = None
        if name.startswith("t-"):
            order = self._desk.order(account, client_id=name, symbol=symbol)
            kept_ns = self._options.text_lookup * 1e9
            if order is not None and not order.is_open and self._clock.time_ns() - order.updated_ns > kept_ns:
                order = None
        elif name.isascii() and name.isdigit() and len(name) < 20:
            order = self._desk.order(account, order_id=int(name), symbol=symbol)
        else:
            raise invalid("order_id", name)
        if order is None:
            raise Refused(404, "ORDER_NOT_FOUND", "Order not found")
        return order

    # --- doing -------------------------------------------------------------------------------------------------------

    def _place(self, call: Call, fields: Mapping[str, Any]) -> dict[str, Any]:
        asked = ticket(fields, self._books, call.account, source="apiv4-ws" if call.channel == "ws" else "apiv4")
        call.charge(fields["currency_pair"])
        try:
            return self.body(self._desk.place(call.account, asked))
        except Refusal as refusal:
            raise refused(refusal, asked.symbol) from refusal

    def _cancel(self, account: Account, name: str, fields: Mapping[str, Any]) -> AccountOrder:
        order = self.find(account, name, fields)
        _check_open(order)
        try:
            return self._desk.cancel(account, order_id=order.id)
        except Refusal as refusal:
            raise refused(refusal, order.symbol) from refusal

    def _amend(self, call: Call, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        call.charge(str(fields.get("currency_pair") or ""))
        order = self.find(call.account, name, fields)
        _check_open(order)
        price = amount(fields, "price") if fields.get("price") not in (None, "") else None
        quantity = amount(fields, "amount") if fields.get("amount") not in (None, "") else None
        if price is None and quantity is None:
            raise missing("amount or price")
        amend_text = fields.get("amend_text") or ""
        if amend_text:
            client_text({"text": amend_text})
        try:
            amended = self._desk.amend(call.account, order_id=order.id, price=price, quantity=quantity, text=amend_text)
        except Refusal as refusal:
            raise refused(refusal, order.symbol) from refusal
        return self.body(amended)

    def _element(self, item: dict[str, Any], act: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
        try:
            body = act(item)
        except Refused as no:
            failed = {"succeeded": False, "label": no.label, "message": no.message}
            return failed if item.get("text") is None else failed | {"text": item["text"]}
        return shortened(body, item.get("action_mode") or "FULL") | {"succeeded": True, "label": "", "message": ""}


def _check_open(order: AccountOrder) -> None:
    if order.is_open:
        return
    if order.finish is Finish.FILLED:
        raise Refused(400, "ORDER_CLOSED", "Order is closed")
    raise Refused(400, "ORDER_CANCELLED", "Order is cancelled")


def _object(item: Any) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise Refused(400, "INVALID_REQUEST_BODY", "Invalid request body: objects are expected")
    return item


def _mode(fields: Mapping[str, Any]) -> str:
    mode = fields.get("action_mode") or "FULL"
    if mode not in ("ACK", "RESULT", "FULL"):
        raise invalid("action_mode", mode)
    return str(mode)
