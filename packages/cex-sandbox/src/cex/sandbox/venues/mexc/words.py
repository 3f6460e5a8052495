"""Orders and fills in MEXC's words: names of types and states, ids, and the objects that REST answers with.

https://www.mexc.com/api-docs/spot-v3/spot-account-trade
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from cex.common.enums import OrderStatus, OrderType, Side, TimeInForce
from cex.sandbox.accounts.orders import AccountFill, AccountOrder, Finish, SelfTrade

__all__ = [
    "SELF_TRADE",
    "TYPES",
    "asset_id",
    "cancelled_order",
    "movement_id",
    "movement_number",
    "order_id",
    "order_number",
    "order_object",
    "order_price",
    "order_type",
    "plain",
    "quote_asked",
    "status",
    "trade_id",
    "trade_object",
]

TYPES: Mapping[str, tuple[OrderType, TimeInForce]] = {
    "LIMIT": (OrderType.LIMIT, TimeInForce.GTC),
    "LIMIT_ORDER": (OrderType.LIMIT, TimeInForce.GTC),
    "LIMIT_MAKER": (OrderType.LIMIT, TimeInForce.POST_ONLY),
    "IMMEDIATE_OR_CANCEL": (OrderType.LIMIT, TimeInForce.IOC),
    "FILL_OR_KILL": (OrderType.LIMIT, TimeInForce.FOK),
    "MARKET": (OrderType.MARKET, TimeInForce.GTC),
}
"""What an order's ``type`` says; LIMIT_ORDER is how an example for batches spells LIMIT."""

SELF_TRADE: Mapping[str, SelfTrade | None] = {
    "": None,
    "cancel_maker": SelfTrade.CANCEL_OLDEST,
    "cancel_taker": SelfTrade.CANCEL_NEWEST,
    "cancel_both": SelfTrade.CANCEL_BOTH,
}

_NAMES = {
    TimeInForce.GTC: "LIMIT",
    TimeInForce.POST_ONLY: "LIMIT_MAKER",
    TimeInForce.IOC: "IMMEDIATE_OR_CANCEL",
    TimeInForce.FOK: "FILL_OR_KILL",
}
_SIDES = {Side.BUY: "BUY", Side.SELL: "SELL"}
_PREFIX = "C02__"
_FIRST_NUMBER = 443_776_347_957_900_000_000
_NUMBER_DIGITS = 21
_MIXER = 0x9E3779B97F4A7C15F39CC0605CEDC835
_UNMIXER = pow(_MIXER, -1, 1 << 128)
_HEX = frozenset("0123456789abcdef")
_ROUGH = Context(prec=28, rounding=ROUND_HALF_EVEN)


def plain(number: Decimal) -> str:
    """Decimal text without exponent and without trailing zeros."""
    text = f"{number:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) if number else "0"


def order_id(number: int) -> str:
    """``C02__443776347957900000017`` for order 17."""
    return f"{_PREFIX}{_FIRST_NUMBER + number}"


def order_number(text: str) -> int | None:
    """The order that an id means, with or without its prefix; None when it cannot be one of ours."""
    digits = text.removeprefix(_PREFIX)
    if len(digits) != _NUMBER_DIGITS or not (digits.isascii() and digits.isdigit()):
        return None
    return int(digits) - _FIRST_NUMBER


def trade_id(fill: AccountFill) -> str:
    """``40999635001X1``: one of the two views of a trade."""
    return f"{fill.trade_id}X{1 if fill.side is Side.BUY else 2}"


def asset_id(asset: str) -> str:
    """MEXC's own id of a coin: 32 hex digits."""
    return f"{int.from_bytes(asset.encode(), 'big') * _MIXER % (1 << 128):032x}"


def movement_id(number: int) -> str:
    """The id of a withdrawal or transfer: 32 hex digits."""
    return f"{number * _MIXER % (1 << 128):032x}"


def movement_number(text: str) -> int | None:
    """The movement that an id means; None when it cannot be one of ours."""
    if len(text) != 32 or not _HEX.issuperset(text):
        return None
    return int(text, 16) * _UNMIXER % (1 << 128)


def order_type(order: AccountOrder) -> str:
    """``LIMIT``, ``MARKET``, ..."""
    return "MARKET" if order.kind is OrderType.MARKET else _NAMES[order.time_in_force]


def status(order: AccountOrder) -> str:
    """``NEW`` ... ``PARTIALLY_CANCELED``."""
    if order.is_open:
        return "PARTIALLY_FILLED" if order.filled else "NEW"
    if order.status is OrderStatus.FILLED:
        return "FILLED"
    return "PARTIALLY_CANCELED" if order.filled else "CANCELED"


def order_price(order: AccountOrder) -> Decimal:
    """The limit; of a market order the protective bound that it was given, which says nothing of its fills."""
    if order.price is not None:
        return order.price
    bound = order.ticket.extra.get("bound")
    return bound if isinstance(bound, Decimal) else Decimal(0)


def quote_asked(order: AccountOrder) -> Decimal:
    """The quote amount that was asked for, directly or by price and quantity; 0 of a market order by quantity."""
    if order.quote_quantity is not None:
        return order.quote_quantity
    if order.price is None or order.quantity is None:
        return Decimal(0)
    return _ROUGH.multiply(order.price, order.quantity)


def order_object(order: AccountOrder, symbol: str, *, whole_seconds: bool) -> dict[str, Any]:
    """An order as queries answer it."""
    answer: dict[str, Any] = {
        "symbol": symbol,
        "orderId": order_id(order.id),
        "orderListId": -1,
        "clientOrderId": order.client_id or None,
        "price": plain(order_price(order)),
        "origQty": plain(_quantity(order)),
        "executedQty": plain(order.filled),
        "cummulativeQuoteQty": plain(order.filled_quote),
        "status": status(order),
        "stpMode": order.ticket.extra.get("stpMode", ""),
        "timeInForce": None,
        "type": order_type(order),
        "side": _SIDES[order.side],
        "stopPrice": None,
        "icebergQty": None,
        "time": _ms(order.created_ns, whole_seconds),
        "updateTime": _ms(order.updated_ns, whole_seconds),
        "isWorking": True,
        "origQuoteOrderQty": plain(quote_asked(order)),
    }
    if order.finish is Finish.STP:
        answer["cancelReason"] = "stp_cancel"
    return answer


def cancelled_order(order: AccountOrder, symbol: str, shown: str) -> dict[str, Any]:
    """What a cancel answers; ``shown`` is the status it tells."""
    answer = {
        "symbol": symbol,
        "orderId": order_id(order.id),
        "price": plain(order_price(order)),
        "origQty": plain(_quantity(order)),
        "type": order_type(order),
        "side": _SIDES[order.side],
        "executedQty": plain(order.filled),
        "cummulativeQuoteQty": plain(order.filled_quote),
        "status": shown,
    }
    if order.client_id:
        answer["origClientOrderId"] = order.client_id
    return answer


def trade_object(fill: AccountFill, symbol: str, *, whole_seconds: bool) -> dict[str, Any]:
    """A fill as ``myTrades`` answers it."""
    return {
        "symbol": symbol,
        "id": trade_id(fill),
        "orderId": order_id(fill.order_id),
        "orderListId": -1,
        "price": plain(fill.price),
        "qty": plain(fill.quantity),
        "quoteQty": plain(fill.quote_quantity),
        "commission": plain(fill.fee),
        "commissionAsset": fill.fee_asset,
        "time": _ms(fill.time_ns, whole_seconds),
        "isBuyer": fill.side is Side.BUY,
        "isMaker": fill.is_maker,
        "isBestMatch": True,
        "isSelfTrade": fill.is_self_trade,
        "clientOrderId": fill.client_id or None,
    }


def _quantity(order: AccountOrder) -> Decimal:
    """What was asked for in base; of an order by quote amount what it got."""
    return order.filled if order.quantity is None else order.quantity


def _ms(time_ns: int, whole_seconds: bool) -> int:
    return time_ns // 1_000_000_000 * 1000 if whole_seconds else time_ns // 1_000_000
