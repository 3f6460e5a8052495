"""Orders, fills, balances and refusals of an account in Gate.io's words.

https://www.gate.com/docs/developers/apiv4/en/#spot
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Context, Decimal
from typing import Any

from cex.common.enums import OrderType, Side, TimeInForce
from cex.sandbox.accounts.orders import AccountFill, AccountOrder, Finish, Reason, Refusal
from cex.sandbox.venues.decimals import padded
from cex.sandbox.venues.gateio.refusals import Refused

__all__ = ["fill_body", "order_body", "order_push", "pair_of", "refused", "shortened", "status_of", "text", "text_of"]

_TIMES_IN_FORCE = {
    TimeInForce.GTC: "gtc",
    TimeInForce.IOC: "ioc",
    TimeInForce.POST_ONLY: "poc",
    TimeInForce.FOK: "fok",
}
_FINISHES = {
    Finish.OPEN: "open",
    Finish.FILLED: "filled",
    Finish.CANCELLED: "cancelled",
    Finish.IOC: "ioc",
    Finish.FOK: "fok",
    Finish.POST_ONLY: "poc",
    Finish.STP: "stp",
    Finish.DEPTH: "depth_not_enough",
    Finish.SMALL: "small",
    Finish.LIQUIDATED: "liquidate_cancelled",
}
_FEES = ("fee", "fee_currency", "point_fee", "gt_fee", "gt_maker_fee", "gt_taker_fee", "gt_discount")
_REBATES = ("rebated_fee", "rebated_fee_currency")
_AVERAGE = Context(prec=16)
_KEY_FIELDS = ("id", "text", "amend_text")


def text(value: Decimal) -> str:
    """Plain decimal text without needless zeros."""
    plain = f"{value:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def pair_of(symbol: str) -> str:
    """``BTC/USDT`` as ``BTC_USDT``."""
    return symbol.replace("/", "_")


def text_of(order: AccountOrder) -> str:
    """The custom id, or where the order came from."""
    return order.client_id or order.ticket.text


def status_of(order: AccountOrder) -> str:
    """``open``, ``closed`` (filled) or ``cancelled``."""
    if order.is_open:
        return "open"
    return "closed" if order.finish is Finish.FILLED else "cancelled"


def order_body(order: AccountOrder, *, residue: str = "closed") -> dict[str, Any]:
    """An order as REST and the order API tell it (``FULL``).

    ``residue`` is the status of a market buy that is done with a remainder too small for another step.
    """
    base, _, quote = order.symbol.partition("/")
    status = status_of(order)
    if status == "closed" and order.quote_quantity is not None and order.left:
        status = residue
    created_ms, updated_ms = order.created_ns // 1_000_000, order.updated_ns // 1_000_000
    fee_asset = base if order.side is Side.BUY else quote
    deducted = order.fees.get("GT", Decimal(0)) if fee_asset != "GT" else Decimal(0)
    stp_id = order.ticket.extra.get("stp_id", 0)
    return {
        "id": str(order.id),
        "text": text_of(order),
        "amend_text": order.amend_text or "-",
        "create_time": str(created_ms // 1000),
        "update_time": str(updated_ms // 1000),
        "create_time_ms": created_ms,
        "update_time_ms": updated_ms,
        "status": status,
        "currency_pair": pair_of(order.symbol),
        "type": "market" if order.kind is OrderType.MARKET else "limit",
        "account": order.ticket.extra.get("account", "spot"),
        "side": order.side.value,
        "amount": text(_asked(order)),
        "price": "0" if order.price is None else text(order.price),
        "time_in_force": _TIMES_IN_FORCE[order.time_in_force],
        "iceberg": text(order.ticket.iceberg),
        "auto_borrow": order.ticket.extra.get("auto_borrow", False),
        "auto_repay": order.ticket.extra.get("auto_repay", False),
        "left": text(order.left),
        "filled_amount": text(order.filled),
        "fill_price": text(order.filled_quote),
        "filled_total": text(order.filled_quote),
        "avg_deal_price": "0" if order.average_price is None else text(_AVERAGE.plus(order.average_price)),
        "fee": text(order.fees.get(fee_asset, Decimal(0))),
        "fee_currency": fee_asset,
        "point_fee": "0",
        "gt_fee": text(deducted),
        "gt_maker_fee": "0",
        "gt_taker_fee": "0",
        "gt_discount": bool(deducted),
        "rebated_fee": "0",
        "rebated_fee_currency": quote if order.side is Side.BUY else base,
        "stp_id": stp_id,
        "stp_act": order.ticket.extra.get("stp_act", "-"),
        "finish_as": _FINISHES.get(order.finish, "unknown"),
    }


def shortened(body: Mapping[str, Any], mode: str) -> dict[str, Any]:
    """An order as ``action_mode`` asks for it: ``ACK`` is the ids, ``RESULT`` leaves the fees out."""
    if mode == "ACK":
        return {name: body[name] for name in _KEY_FIELDS}
    if mode == "RESULT":
        return {name: value for name, value in body.items() if name not in (*_FEES, *_REBATES)}
    return dict(body)


def order_push(order: AccountOrder, event: str, *, fees: bool = True) -> dict[str, Any]:
    """An order as ``spot.orders`` tells it; ``event`` is put, update or finish. Without ``fees``: the lite form."""
    body = order_body(order)
    for name in ("status", "fill_price", "gt_maker_fee", "gt_taker_fee", "iceberg"):
        del body[name]
    body |= {
        "create_time_ms": str(body["create_time_ms"]),
        "update_time_ms": str(body["update_time_ms"]),
        "user": order.uid,
        "event": event,
        "biz_info": "-",
        "slippage": order.ticket.extra.get("slippage") or "",
    }
    if not fees:
        return {name: value for name, value in body.items() if name not in (*_FEES, *_REBATES)}
    return body


def fill_body(fill: AccountFill, order: AccountOrder | None) -> dict[str, Any]:
    """A fill as ``/spot/my_trades`` tells it."""
    return {
        "id": str(fill.trade_id),
        "create_time": str(fill.time_ns // 1_000_000_000),
        "create_time_ms": padded(fill.time_ns // 1000, 3),
        "currency_pair": pair_of(fill.symbol),
        "order_id": str(fill.order_id),
        "side": fill.side.value,
        "role": "maker" if fill.is_maker else "taker",
        "amount": text(fill.quantity),
        "price": text(fill.price),
        **fee_fields(fill),
        "amend_text": "-" if order is None else order.amend_text or "-",
        "sequence_id": str(fill.trade_id),
        "text": fill.client_id or ("apiv4" if order is None else order.ticket.text),
    }


def fee_fields(fill: AccountFill) -> dict[str, str]:
    """What a fill cost: in the received asset, or in GT where fees are deducted from it."""
    base, _, quote = fill.symbol.partition("/")
    received = base if fill.side is Side.BUY else quote
    if fill.fee_asset == received:
        return {"fee": text(fill.fee), "fee_currency": received, "point_fee": "0", "gt_fee": "0"}
    return {"fee": "0", "fee_currency": received, "point_fee": "0", "gt_fee": text(fill.fee)}


def _asked(order: AccountOrder) -> Decimal:
    if order.quote_quantity is not None:
        return order.quote_quantity
    return order.quantity or Decimal(0)


def refused(refusal: Refusal, symbol: str = "") -> Refused:
    """A refusal of the desk with Gate.io's label; ``symbol`` is what the order was for."""
    base, _, quote = symbol.partition("/")
    facts = {name: text(value) if isinstance(value, Decimal) else value for name, value in refusal.facts.items()}
    if refusal.reason is Reason.QUANTITY_TOO_SMALL:
        return _too_small(facts.get("quantity"), facts.get("least"), base)
    if refusal.reason is Reason.NOTIONAL_TOO_SMALL:
        return _too_small(facts.get("notional"), facts.get("least"), quote)
    status, label, message = _REASONS.get(refusal.reason, (400, "INVALID_PARAM_VALUE", str(refusal)))
    return Refused(status, label, message)


def _too_small(size: object, least: object, unit: str) -> Refused:
    message = f"Your order size {size} {unit} is too small. The minimum is {least} {unit}"
    return Refused(400, "INVALID_PARAM_VALUE", message)


_REASONS: Mapping[Reason, tuple[int, str, str]] = {
    Reason.UNKNOWN_SYMBOL: (400, "INVALID_CURRENCY_PAIR", "Invalid currency pair"),
    Reason.HALTED: (400, "TRADE_RESTRICTED", "Trading of the currency pair is suspended"),
    Reason.NOT_API_TRADABLE: (400, "TRADE_RESTRICTED", "The currency pair cannot be traded through the API"),
    Reason.SIDE_NOT_ALLOWED: (400, "TRADE_RESTRICTED", "This side of the currency pair cannot be traded now"),
    Reason.MARKET_ORDERS_DISABLED: (400, "TRADE_RESTRICTED", "Market orders are disabled"),
    Reason.PRICE_PRECISION: (400, "INVALID_PRECISION", "Invalid price precision"),
    Reason.QUANTITY_PRECISION: (400, "INVALID_PRECISION", "Invalid amount precision"),
    Reason.QUANTITY_TOO_LARGE: (400, "AMOUNT_TOO_MUCH", "The order size is too large"),
    Reason.NOTIONAL_TOO_LARGE: (400, "AMOUNT_TOO_MUCH", "The order value is too large"),
    Reason.PRICE_OUT_OF_BAND: (400, "PRICE_THRESHOLD_EXCEEDED", "The price is too far from the market"),
    Reason.INSUFFICIENT_BALANCE: (400, "BALANCE_NOT_ENOUGH", "Not enough balance"),
    Reason.WOULD_TAKE: (400, "POC_FILL_IMMEDIATELY", "POC order would be filled immediately"),
    Reason.FOK_UNFILLABLE: (400, "FOK_NOT_FILL", "FOK order cannot be filled completely"),
    Reason.NO_COUNTERPARTY: (400, "ORDER_BOOK_NOT_FOUND", "Insufficient liquidity"),
    Reason.TOO_MANY_ORDERS: (400, "TOO_MANY_ORDERS", "Too many open orders"),
    Reason.DUPLICATE_CLIENT_ID: (400, "REPEATED_CREATION", "An order with the same text already exists"),
    Reason.ORDER_NOT_FOUND: (404, "ORDER_NOT_FOUND", "Order not found"),
    Reason.NO_CHANGE: (400, "NO_CHANGE", "Nothing to change"),
}
