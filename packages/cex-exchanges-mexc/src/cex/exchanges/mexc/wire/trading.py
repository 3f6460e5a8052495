"""JSON answers about orders and fills; fields that nothing reads are left out.

https://www.mexc.com/api-docs/spot-v3/spot-account-trade. Amounts are decimal text, times milliseconds. What is not
there can be absent, null or "".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

__all__ = [
    "BatchOrder",
    "BatchRow",
    "FillRow",
    "OrderRow",
    "Placed",
    "batch_decoder",
    "encode_batch",
    "fills_decoder",
    "order_decoder",
    "orders_decoder",
    "placed_decoder",
]

Amount = str | int | float | None
Id = str | int
Name = Annotated[str, Meta(min_length=1)]
Milliseconds = Annotated[int, Meta(ge=0, le=4_102_444_800_000)]


class Placed(Struct, rename="camel"):
    """``POST /api/v3/order``: it was accepted, which says nothing of its state."""

    order_id: Id
    transact_time: Milliseconds | None = None


class BatchRow(Struct, rename="camel"):
    """An element of the answer of ``POST /api/v3/batchOrders``: an order that was accepted, or why it was not."""

    order_id: Id | None = None
    new_client_order_id: str | None = None
    code: int | str | None = None
    msg: str | None = None


class BatchOrder(Struct, rename="camel", omit_defaults=True):
    """An element of the parameter ``batchOrders``; all of one request are of one symbol."""

    symbol: str
    side: str
    type: str
    quantity: str | None = None
    quote_order_qty: str | None = None
    price: str | None = None
    new_client_order_id: str | None = None


class OrderRow(Struct, rename="camel"):
    """An order, as queries and cancels tell it. ``cummulativeQuoteQty`` is spelled like this.

    A cancel answers with the status before the cancel. The ``price`` of a market order is not what it was filled at.
    """

    symbol: Name
    order_id: Id
    status: Name
    side: Name
    type: Name
    client_order_id: str | None = None
    orig_client_order_id: str | None = None
    price: Amount = None
    orig_qty: Amount = None
    executed_qty: Amount = None
    cummulative_quote_qty: Amount = None
    orig_quote_order_qty: Amount = None
    stop_price: Amount = None
    time: Milliseconds | None = None
    update_time: Milliseconds | None = None
    cancel_reason: str | None = None


class FillRow(Struct, rename="camel"):
    """A row of ``GET /api/v3/myTrades``. ``commissionAsset`` is the base, the quote, or MX."""

    symbol: Name
    id: Id
    order_id: Id
    price: Amount
    qty: Amount
    commission: Amount
    commission_asset: str | None
    time: Milliseconds
    is_buyer: bool
    is_maker: bool | None = None
    client_order_id: str | None = None


placed_decoder = msgspec.json.Decoder(Placed)
batch_decoder = msgspec.json.Decoder(list[BatchRow])
order_decoder = msgspec.json.Decoder(OrderRow)
orders_decoder = msgspec.json.Decoder(list[OrderRow])
fills_decoder = msgspec.json.Decoder(list[FillRow])

_encoder = msgspec.json.Encoder()


def encode_batch(orders: Sequence[BatchOrder]) -> str:
    """The text of the parameter ``batchOrders``, before it is percent-encoded."""
    return _encoder.encode(orders).decode()
