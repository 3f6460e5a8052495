"""Placing and cancelling by REST. https://www.mexc.com/api-docs/spot-v3/spot-account-trade"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import msgspec

from cex.common.enums import OrderType, Side
from cex.sandbox.accounts.directory import Permission
from cex.sandbox.accounts.orders import AccountOrder, Reason, Refusal, Ticket
from cex.sandbox.accounts.spot import SpotDesk
from cex.sandbox.market.simulation import MarketBook
from cex.sandbox.venues.mexc.budgets import PerSecond
from cex.sandbox.venues.mexc.days import market_maximum, mexc_name
from cex.sandbox.venues.mexc.errors import Refused, refused
from cex.sandbox.venues.mexc.gateway import Endpoint, Signed
from cex.sandbox.venues.mexc.options import MexcOptions
from cex.sandbox.venues.mexc.params import Params
from cex.sandbox.venues.mexc.words import (
    SELF_TRADE,
    TYPES,
    cancelled_order,
    order_id,
    order_number,
    order_price,
    order_type,
    plain,
    status,
)

__all__ = ["Orders", "find_order", "translated"]

_CLIENT_ID = re.compile(r"[0-9a-zA-Z_-]{1,32}")
_SIDES = {"BUY": Side.BUY, "SELL": Side.SELL, "BID": Side.BUY, "ASK": Side.SELL}
_MOST_IN_BATCH = 20
_MOST_SYMBOLS = 5
_BOUND = Decimal("0.05")
_SCALES = {
    Reason.PRICE_PRECISION: " price scale is invalid",
    Reason.QUANTITY_PRECISION: " quantity scale is invalid",
    Reason.AMOUNT_PRECISION: " amount scale is invalid",
}
_CODES = {
    Reason.UNKNOWN_SYMBOL: -1121,
    Reason.HALTED: 30000,
    Reason.SIDE_NOT_ALLOWED: 30001,
    Reason.MARKET_ORDERS_DISABLED: 30019,
    Reason.PRICE_OUT_OF_BAND: 30010,
    Reason.WOULD_TAKE: 30041,
    Reason.FOK_UNFILLABLE: 30041,
    Reason.NO_COUNTERPARTY: 30025,
    Reason.TOO_MANY_ORDERS: 30029,
    Reason.ORDER_NOT_FOUND: -2011,
    Reason.ORDER_FINISHED: -2011,
}
_batches = msgspec.json.Decoder(list[dict[str, Any]], float_hook=str)


class Orders:
    """What changes orders. ``books`` is keyed by MEXC's own symbols."""

    def __init__(self, books: Mapping[str, MarketBook], desk: SpotDesk, *, options: MexcOptions) -> None:
        self._books = books
        self._desk = desk
        self._options = options

    def endpoints(self) -> list[Endpoint]:
        """What is answered here."""
        trade, order = Permission.TRADE, (PerSecond.ORDER,)
        batch = (PerSecond.ORDER, PerSecond.BATCH)

        def endpoint(method: str, path: str, answer: Any, per_second: tuple[PerSecond, ...] = order) -> Endpoint:
            return Endpoint(
                method=method, path=f"/api/v3/{path}", signed=answer, permission=trade, per_second=per_second
            )

        return [
            endpoint("POST", "order", self.place),
            endpoint("POST", "order/test", self.test, ()),
            endpoint("POST", "batchOrders", self.place_batch, batch),
            endpoint("DELETE", "order", self.cancel),
            endpoint("DELETE", "order/all", self.cancel_everything),
            endpoint("DELETE", "openOrders", self.cancel_open),
        ]

    def place(self, call: Signed) -> object:
        """The reply tells no state: that comes by query or stream."""
        name, order = self._placed(call, call.params)
        return {
            "symbol": name,
            "orderId": order_id(order.id),
            "orderListId": -1,
            "price": plain(order_price(order)),
            "origQty": plain(order.filled if order.quantity is None else order.quantity),
            "type": order_type(order),
            "side": "BUY" if order.side is Side.BUY else "SELL",
            "stpMode": order.ticket.extra["stpMode"],
            "transactTime": order.created_ns // 1_000_000,
        }

    def test(self, call: Signed) -> object:
        """Everything is checked, nothing is placed."""
        book, ticket = self._ticket(call, call.params)
        try:
            self._desk.check(call.account, ticket)
        except Refusal as error:
            raise translated(error, book, ticket.side, self._options) from None
        return {}

    def place_batch(self, call: Signed) -> object:
        """Each order stands for itself; the answers keep the order of the requests."""
        try:
            orders = _batches.decode(call.params.required("batchOrders"))
        except msgspec.MsgspecError:
            raise refused(33333) from None
        if not 1 <= len(orders) <= _MOST_IN_BATCH or len({str(order.get("symbol")) for order in orders}) != 1:
            raise refused(33333)
        answers: list[dict[str, object]] = []
        for fields in orders:
            texts = {name: value if isinstance(value, str) else str(value) for name, value in fields.items()}
            client_id = {"newClientOrderId": texts["newClientOrderId"]} if "newClientOrderId" in texts else {}
            try:
                name, order = self._placed(call, Params.of(texts))
            except Refused as no:
                answers.append({**client_id, "msg": no.message, "code": no.code})
            else:
                answers.append({"symbol": name, "orderId": order_id(order.id), **client_id, "orderListId": -1})
        return answers

    def cancel(self, call: Signed) -> object:
        """The reply carries the status before the cancel."""
        book = self._book(call.params.required("symbol"))
        order = find_order(self._desk, call, book, self._options)
        if order is None or not order.is_open:
            raise refused(-2011)
        return self._cancelled(call, [order])[0]

    def cancel_open(self, call: Signed) -> object:
        names = symbols(call.params.required("symbol"))
        orders: list[AccountOrder] = []
        for name in names:
            orders += self._desk.open_orders(call.account, self._book(name).listing.symbol)
        return self._cancelled(call, orders)

    def cancel_everything(self, call: Signed) -> object:
        name = call.params.text("symbol")
        symbol = None if name is None else self._book(name).listing.symbol
        self._cancelled(call, self._desk.open_orders(call.account, symbol))
        return {"code": 200, "msg": "success", "timestamp": call.now_ms}

    def _cancelled(self, call: Signed, orders: Sequence[AccountOrder]) -> list[dict[str, object]]:
        answers = []
        for order in list(orders):
            shown = status(order) if self._options.cancel_reply == "before" else "CANCELED"
            self._desk.cancel(call.account, order_id=order.id)
            answers.append(cancelled_order(order, order.symbol.replace("/", ""), shown))
        return answers

    def _placed(self, call: Signed, params: Params) -> tuple[str, AccountOrder]:
        book, ticket = self._ticket(call, params)
        try:
            return mexc_name(book), self._desk.place(call.account, ticket)
        except Refusal as error:
            raise translated(error, book, ticket.side, self._options) from None

    def _ticket(self, call: Signed, params: Params) -> tuple[MarketBook, Ticket]:
        book = self._book(params.required("symbol"))
        if not call.key.allows(Permission.TRADE, mexc_name(book)):
            raise refused(70011)
        side = _SIDES.get(params.required("side"))
        kind = TYPES.get(params.required("type"))
        if side is None or kind is None:
            raise refused(33333)
        client_id = params.text("newClientOrderId") or ""
        if client_id and not _CLIENT_ID.fullmatch(client_id):
            raise refused(700008)
        stp = params.text("stpMode") or ""
        if stp not in SELF_TRADE:
            raise refused(33333)
        extra: dict[str, Any] = {"stpMode": stp}
        price, quantity, quote = None, params.decimal("quantity"), params.decimal("quoteOrderQty")
        if kind[0] is OrderType.MARKET:
            if quantity is None and quote is None:
                raise refused(44444)
            if quantity is not None and quote is not None:
                raise refused(33333)
            _check_market_amount(book, quantity, quote)
            extra["bound"] = _protective_bound(book, side)
        else:
            price, quote = params.decimal("price"), None
            if quantity is None or price is None:
                raise refused(44444)
        if any(number is not None and number <= 0 for number in (price, quantity, quote)):
            raise refused(33333)
        return book, Ticket(
            symbol=book.listing.symbol,
            side=side,
            kind=kind[0],
            time_in_force=kind[1],
            price=price,
            quantity=quantity,
            quote_quantity=quote,
            client_id=client_id,
            stp=SELF_TRADE[stp] if call.account.stp_group else None,
            extra=extra,
        )

    def _book(self, name: str) -> MarketBook:
        book = self._books.get(name)
        if book is None:
            raise refused(-1121)
        return book


def symbols(text: str) -> list[str]:
    """Up to five symbols, separated by commas."""
    names = [name.strip() for name in text.split(",")]
    if len(names) > _MOST_SYMBOLS:
        raise refused(33333)
    return list(dict.fromkeys(names))


def find_order(desk: SpotDesk, call: Signed, book: MarketBook, options: MexcOptions) -> AccountOrder | None:
    """The order that ``orderId`` or ``origClientOrderId`` means; 700004 without either."""
    by_id, by_client = call.params.text("orderId"), call.params.text("origClientOrderId")
    if by_id is None and by_client is None:
        raise refused(700004)
    symbol = str(book.listing.symbol)
    if by_id is not None and (by_client is None or options.both_ids == "order"):
        number = order_number(by_id)
        return None if number is None else desk.order(call.account, order_id=number, symbol=symbol)
    return desk.order(call.account, client_id=by_client, symbol=symbol)


def translated(error: Refusal, book: MarketBook, side: Side, options: MexcOptions) -> Refused:
    """What MEXC says when the exchange core refuses an order."""
    reason, rules, symbol = error.reason, book.rules, book.listing.symbol
    if reason is Reason.QUANTITY_PRECISION and "quote_quantity" in error.facts:
        reason = Reason.AMOUNT_PRECISION
    if reason in _SCALES:
        return Refused(400, 400, _SCALES[reason])
    if reason is Reason.NOT_API_TRADABLE:
        return refused(10007, "symbol not support api")
    if reason is Reason.INSUFFICIENT_BALANCE:
        return refused(30005 if options.oversold and side is Side.SELL else 30004)
    if reason is Reason.NOTIONAL_TOO_SMALL:
        return _beyond(30002, rules.min_notional, symbol.quote)
    if reason is Reason.QUANTITY_TOO_SMALL:
        return _beyond(30002, rules.min_quantity, symbol.base)
    if reason is Reason.NOTIONAL_TOO_LARGE:
        return _beyond(30003, rules.max_notional, symbol.quote)
    if reason is Reason.QUANTITY_TOO_LARGE:
        return _beyond(30003, rules.max_quantity or Decimal(0), symbol.base)
    return refused(_CODES.get(reason, 33333))


def _check_market_amount(book: MarketBook, quantity: Decimal | None, quote: Decimal | None) -> None:
    """Market orders have a maximum of their own, and an amount has no more decimals than a price."""
    rules, most = book.rules, market_maximum(book)
    amount = (quantity or Decimal(0)) * book.last_price if quote is None else quote
    if amount > most:
        raise _beyond(30003, most, book.listing.symbol.quote)
    if quote is not None and quote != quote.quantize(Decimal(1).scaleb(-rules.price_precision)):
        raise Refused(400, 400, _SCALES[Reason.AMOUNT_PRECISION])


def _beyond(code: int, limit: Decimal, asset: str) -> Refused:
    no = refused(code)
    return refused(code, f"{no.message}{plain(limit)}{asset}")


def _protective_bound(book: MarketBook, side: Side) -> Decimal:
    """5 % beyond the best opposite price, or beyond the last one."""
    ticks = book.engine.best(side.opposite) or book.candles.last
    factor = 1 + _BOUND if side is Side.BUY else 1 - _BOUND
    return (ticks * factor).to_integral_value(ROUND_HALF_EVEN).scaleb(-book.rules.price_decimals)
