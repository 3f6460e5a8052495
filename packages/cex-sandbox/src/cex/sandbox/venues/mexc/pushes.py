"""The three private channels in protobuf: an order's state, a fill, a change of a balance; defaults are left out.

https://www.mexc.com/api-docs/spot-v3/websocket-user-data-streams
"""

from __future__ import annotations

from decimal import Decimal

from cex.common.enums import Side
from cex.sandbox.accounts.ledger import Posting
from cex.sandbox.accounts.orders import AccountFill, AccountOrder
from cex.sandbox.venues.mexc.schema import push_pb2
from cex.sandbox.venues.mexc.words import (
    asset_id,
    order_id,
    order_price,
    order_type,
    plain,
    quote_asked,
    status,
    trade_id,
)

__all__ = ["ACCOUNT", "CHANNELS", "DEALS", "ORDERS", "account_push", "deal_push", "order_push"]

ACCOUNT = "spot@private.account.v3.api.pb"
DEALS = "spot@private.deals.v3.api.pb"
ORDERS = "spot@private.orders.v3.api.pb"
CHANNELS = frozenset({ACCOUNT, DEALS, ORDERS})

_ORDER_TYPES = {"LIMIT": 1, "LIMIT_MAKER": 2, "IMMEDIATE_OR_CANCEL": 3, "FILL_OR_KILL": 4, "MARKET": 5}
_STATUSES = {"NEW": 1, "FILLED": 2, "PARTIALLY_FILLED": 3, "CANCELED": 4, "PARTIALLY_CANCELED": 5}
_SIDES = {Side.BUY: 1, Side.SELL: 2}
_REASONS = {
    "deposit": "DEPOSIT",
    "withdraw": "WITHDRAW",
    "withdraw_fee": "WITHDRAW_FEE",
    "transfer": "CONTRACT_TRANSFER",
    "freeze": "ENTRUST_PLACE",
    "unfreeze": "ENTRUST_CANCEL",
    "trade": "ENTRUST",
    "fee": "TRADE_FEE",
}
_ZERO = Decimal(0)


def order_push(order: AccountOrder, fill: AccountFill | None, symbol: str, now_ms: int) -> bytes:
    """An order after a change; ``fill`` is the match that changed it."""
    push = push_pb2.Push(channel=ORDERS, symbol=symbol, send_time=now_ms)
    body = push.private_orders
    body.id = order_id(order.id)
    body.client_id = order.client_id
    body.price = plain(order_price(order))
    body.quantity = plain(order.filled if order.quantity is None else order.quantity)
    body.amount = plain(quote_asked(order))
    body.avg_price = plain(order.average_price or _ZERO)
    body.order_type = _ORDER_TYPES[order_type(order)]
    body.trade_type = _SIDES[order.side]
    body.is_maker = fill is not None and fill.is_maker
    body.remain_amount = plain(_remaining_amount(order))
    body.remain_quantity = plain(order.remaining)
    if fill is not None:
        body.last_deal_quantity = plain(fill.quantity)
    body.cumulative_quantity = plain(order.filled)
    body.cumulative_amount = plain(order.filled_quote)
    body.status = _STATUSES[status(order)]
    body.create_time = order.created_ns // 1_000_000
    return push.SerializeToString()


def deal_push(fill: AccountFill, symbol: str, now_ms: int) -> bytes:
    """A fill of an order of one's own."""
    push = push_pb2.Push(channel=DEALS, symbol=symbol, send_time=now_ms)
    body = push.private_deals
    body.price = plain(fill.price)
    body.quantity = plain(fill.quantity)
    body.amount = plain(fill.quote_quantity)
    body.trade_type = _SIDES[fill.side]
    body.is_maker = fill.is_maker
    body.is_self_trade = fill.is_self_trade
    body.trade_id = trade_id(fill)
    body.client_order_id = fill.client_id
    body.order_id = order_id(fill.order_id)
    body.fee_amount = plain(fill.fee)
    body.fee_currency = fill.fee_asset
    body.time = fill.time_ns // 1_000_000
    return push.SerializeToString()


def account_push(posting: Posting, now_ms: int) -> bytes:
    """A change of what is available and what is bound of one coin."""
    time_ms = posting.time_ns // 1_000_000
    push = push_pb2.Push(channel=ACCOUNT, create_time=time_ms, send_time=now_ms)
    body = push.private_account
    body.vcoin_name = posting.asset
    body.coin_id = asset_id(posting.asset)
    body.balance_amount = plain(posting.free)
    body.balance_amount_change = plain(posting.free_change)
    body.frozen_amount = plain(posting.locked)
    body.frozen_amount_change = plain(posting.locked_change)
    body.type = _REASONS.get(posting.reason, posting.reason.upper())
    body.time = time_ms
    return push.SerializeToString()


def _remaining_amount(order: AccountOrder) -> Decimal:
    if order.quote_quantity is not None:
        return order.left
    return _ZERO if order.price is None else order.price * order.remaining
