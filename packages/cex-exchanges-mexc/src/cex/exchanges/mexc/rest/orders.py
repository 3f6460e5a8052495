"""Our order requests in MEXC's words. https://www.mexc.com/api-docs/spot-v3/spot-account-trade#new-order"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from cex.common.enums import OrderType, PositionSide, Side, TimeInForce
from cex.common.types.orders import OrderRequest
from cex.exchanges.base.offers import not_offered
from cex.exchanges.mexc.constants import EXCHANGE, MAX_BATCH
from cex.exchanges.mexc.wire.trading import BatchOrder

__all__ = ["batch_order", "by_symbol", "order_params", "type_name"]

_SIDES: Final = {Side.BUY: "BUY", Side.SELL: "SELL"}
_LIMITS: Final = {
    TimeInForce.GTC: "LIMIT",
    TimeInForce.POST_ONLY: "LIMIT_MAKER",
    TimeInForce.IOC: "IMMEDIATE_OR_CANCEL",
    TimeInForce.FOK: "FILL_OR_KILL",
}
_MARKETS: Final = (TimeInForce.GTC, TimeInForce.IOC)
"""A market order never rests: nothing less than filling at once can be asked for."""


def order_params(request: OrderRequest, name: str) -> dict[str, str | None]:
    """The parameters of ``POST /api/v3/order`` for the symbol that the exchange calls ``name``.

    Raises:
        NotOfferedException: there is no such order on MEXC's spot market.
    """
    return {
        "symbol": name,
        "side": _SIDES[request.side],
        "type": type_name(request),
        "quantity": _text(request.quantity),
        "quoteOrderQty": _text(request.quote_quantity),
        "price": _text(None if request.order_type is OrderType.MARKET else request.price),
        "newClientOrderId": request.client_order_id,
    }


def batch_order(request: OrderRequest, name: str) -> BatchOrder:
    """The same as an element of ``batchOrders``; raises NotOfferedException."""
    return BatchOrder(
        symbol=name,
        side=_SIDES[request.side],
        type=type_name(request),
        quantity=_text(request.quantity),
        quote_order_qty=_text(request.quote_quantity),
        price=_text(None if request.order_type is OrderType.MARKET else request.price),
        new_client_order_id=request.client_order_id,
    )


def type_name(request: OrderRequest) -> str:
    """MEXC's ``type``, in which the time in force is said; raises NotOfferedException."""
    if request.reduce_only or request.close_position or request.position_side is not PositionSide.BOTH:
        raise not_offered(EXCHANGE, "orders that reduce or close a position, on spot", operation="place_order")
    if request.order_type is OrderType.LIMIT:
        return _LIMITS[request.time_in_force]
    if request.order_type is not OrderType.MARKET:
        served = (OrderType.LIMIT, OrderType.MARKET)
        raise not_offered(EXCHANGE, f"{request.order_type} orders by API", served, operation="place_order")
    if request.time_in_force not in _MARKETS:
        what = f"market orders that are {request.time_in_force}"
        raise not_offered(EXCHANGE, what, _MARKETS, operation="place_order")
    if request.quote_quantity is not None and request.side is not Side.BUY:
        raise not_offered(EXCHANGE, "market sells by quote quantity", operation="place_order")
    return "MARKET"


def by_symbol(requests: Sequence[OrderRequest], positions: Iterable[int]) -> list[list[int]]:
    """``positions`` in ``requests`` parted so that each part fits into one batch: one symbol, 20 orders at most."""
    parts: list[list[int]] = []
    filling: dict[str, list[int]] = {}
    for position in positions:
        symbol = requests[position].symbol
        part = filling.get(symbol)
        if part is None or len(part) == MAX_BATCH:
            part = filling[symbol] = []
            parts.append(part)
        part.append(position)
    return parts


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"
