"""Structures of the spot account: balances, orders, fills, trigger orders; fields that nothing reads are left out.

REST: https://www.gate.com/docs/developers/apiv4/en/#spot. WebSocket: https://www.gate.com/docs/developers/apiv4/ws/en/.
Amounts are ``Decimal``, in quotes or not; where ``""`` may stand for none, the figure is kept as it was written.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec
from msgspec import Struct

from cex.exchanges.gateio.constants import SPOT_BALANCES_CHANNEL, SPOT_ORDERS_CHANNEL, SPOT_TRADES_OWN_CHANNEL
from cex.exchanges.gateio.wire.numbers import Figure, FineTime

__all__ = [
    "Account",
    "BalancePush",
    "BalanceRow",
    "BatchElement",
    "FeeAnswer",
    "FillRow",
    "FillsPush",
    "OpenOrders",
    "OrderPushRow",
    "OrderRow",
    "OrdersPush",
    "Put",
    "SpotPrivatePush",
    "Trigger",
    "TriggerId",
    "TriggerRow",
    "accounts_decoder",
    "batch_decoder",
    "fee_decoder",
    "fills_decoder",
    "open_orders_decoder",
    "order_decoder",
    "orders_decoder",
    "private_push_decoder",
    "trigger_decoder",
    "trigger_id_decoder",
    "triggers_decoder",
]


# ---- REST ------------------------------------------------------------------------------------------------------------


class Account(Struct):
    """A row of ``GET /spot/accounts``."""

    currency: str
    available: Decimal
    locked: Decimal


class FeeAnswer(Struct):
    """``GET /wallet/fee``; rates are fractions."""

    taker_fee: Decimal
    maker_fee: Decimal
    gt_discount: bool = False
    gt_taker_fee: Figure = None
    gt_maker_fee: Figure = None


class OrderRow(Struct):
    """An order as REST and the order API tell it; ``filled_total`` is turnover in quote.

    ``left`` is in the unit of ``amount``: quote for a market buy. ``fill_price`` is a deprecated name of
    ``filled_total``, and no price.
    """

    id: int | str
    currency_pair: str
    status: str
    side: str
    amount: Decimal
    left: Decimal
    type: str = "limit"
    text: str = ""
    account: str = "spot"
    price: Figure = None
    time_in_force: str = "gtc"
    filled_amount: Figure = None
    filled_total: Figure = None
    fill_price: Figure = None
    avg_deal_price: Figure = None
    fee: Figure = None
    fee_currency: str = ""
    point_fee: Figure = None
    gt_fee: Figure = None
    finish_as: str = ""
    create_time: FineTime = 0
    create_time_ms: FineTime = 0
    update_time: FineTime = 0
    update_time_ms: FineTime = 0


class OpenOrders(Struct):
    """One pair of ``GET /spot/open_orders``."""

    currency_pair: str
    orders: list[OrderRow]


class BatchElement(Struct):
    """How one order of a batch fared; where it ``succeeded``, the element is the order itself beside this."""

    succeeded: bool | None = None
    label: str | None = None
    message: str | None = None
    detail: str | None = None
    text: str | None = None


class FillRow(Struct):
    """A row of ``GET /spot/my_trades``, or of a push of ``spot.usertrades``."""

    id: int | str
    order_id: int | str
    currency_pair: str
    side: str
    role: str
    amount: Decimal
    price: Decimal
    fee: Figure = None
    fee_currency: str = ""
    point_fee: Figure = None
    gt_fee: Figure = None
    text: str = ""
    create_time: FineTime = 0
    create_time_ms: FineTime = 0


class Trigger(Struct):
    price: Decimal
    rule: str


class Put(Struct):
    side: str
    amount: Decimal
    type: str = "limit"
    price: Figure = None
    time_in_force: str = "gtc"
    text: str = ""


class TriggerRow(Struct):
    """A trigger order of ``/spot/price_orders``; ``fired_order_id`` is the order that it became, 0 before."""

    id: int | str
    market: str
    trigger: Trigger
    put: Put
    status: str
    ctime: FineTime = 0
    ftime: FineTime = 0
    fired_order_id: int | str | None = None
    reason: str = ""


class TriggerId(Struct):
    """What placing a trigger order answers, on both markets."""

    id: int | str
    id_string: str = ""


accounts_decoder = msgspec.json.Decoder(list[Account], strict=False)
fee_decoder = msgspec.json.Decoder(FeeAnswer, strict=False)
order_decoder = msgspec.json.Decoder(OrderRow, strict=False)
orders_decoder = msgspec.json.Decoder(list[OrderRow], strict=False)
open_orders_decoder = msgspec.json.Decoder(list[OpenOrders], strict=False)
batch_decoder = msgspec.json.Decoder(BatchElement)
fills_decoder = msgspec.json.Decoder(list[FillRow], strict=False)
trigger_id_decoder = msgspec.json.Decoder(TriggerId)
trigger_decoder = msgspec.json.Decoder(TriggerRow, strict=False)
triggers_decoder = msgspec.json.Decoder(list[TriggerRow], strict=False)


# ---- pushes ----------------------------------------------------------------------------------------------------------


class OrderPushRow(Struct):
    """An order as ``spot.orders`` pushes it: there is no ``status``; ``event`` is ``put``, ``update`` or ``finish``."""

    id: int | str
    currency_pair: str
    event: str
    side: str
    amount: Decimal
    left: Decimal
    type: str = "limit"
    text: str = ""
    account: str = "spot"
    price: Figure = None
    time_in_force: str = "gtc"
    filled_amount: Figure = None
    filled_total: Figure = None
    avg_deal_price: Figure = None
    fee: Figure = None
    fee_currency: str = ""
    point_fee: Figure = None
    gt_fee: Figure = None
    finish_as: str = ""
    create_time: FineTime = 0
    create_time_ms: FineTime = 0
    update_time: FineTime = 0
    update_time_ms: FineTime = 0


class BalanceRow(Struct):
    """A row of ``spot.balances``; ``available`` and ``freeze`` are what is held after the change."""

    currency: str
    available: Decimal
    freeze: Decimal
    timestamp: FineTime = 0
    timestamp_ms: FineTime = 0
    change_type: str = ""


class OrdersPush(Struct, tag_field="channel", tag=SPOT_ORDERS_CHANNEL):
    result: list[OrderPushRow]


class FillsPush(Struct, tag_field="channel", tag=SPOT_TRADES_OWN_CHANNEL):
    result: list[FillRow]


class BalancePush(Struct, tag_field="channel", tag=SPOT_BALANCES_CHANNEL):
    result: list[BalanceRow]


SpotPrivatePush = OrdersPush | FillsPush | BalancePush
private_push_decoder = msgspec.json.Decoder(SpotPrivatePush, strict=False)
