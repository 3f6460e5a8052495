"""Structures of the account of perpetuals that settle in USDT; fields that nothing reads are left out.

REST: https://www.gate.com/docs/developers/apiv4/en/#futures. WebSocket:
https://www.gate.com/docs/developers/futures/ws/en/. Sizes are contracts with a sign (negative: sell, short), as numbers
or as text; REST quotes its amounts and the stream does not, so both are read into ``Decimal``.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec
from msgspec import Struct

from cex.exchanges.gateio.constants import (
    FUTURES_BALANCES_CHANNEL,
    FUTURES_ORDERS_CHANNEL,
    FUTURES_POSITIONS_CHANNEL,
    FUTURES_TRADES_OWN_CHANNEL,
)
from cex.exchanges.gateio.wire.numbers import Figure, FineTime

__all__ = [
    "Account",
    "BalancePush",
    "BalanceRow",
    "BookRow",
    "ContractFee",
    "FillRow",
    "FillsPush",
    "FuturesPrivatePush",
    "Initial",
    "OrderRow",
    "OrdersPush",
    "PositionRow",
    "PositionsPush",
    "Trigger",
    "TriggerRow",
    "account_book_decoder",
    "account_decoder",
    "fees_decoder",
    "fills_decoder",
    "order_decoder",
    "orders_decoder",
    "position_decoder",
    "positions_decoder",
    "private_push_decoder",
    "trigger_decoder",
    "triggers_decoder",
]


# ---- REST ------------------------------------------------------------------------------------------------------------


class Account(Struct):
    """``GET /futures/usdt/accounts``; ``total`` is the wallet's balance without profit that is not realised."""

    currency: str
    total: Decimal
    available: Decimal
    user: int | str = ""
    order_margin: Figure = None
    position_margin: Figure = None
    in_dual_mode: bool = False
    position_mode: str = ""


class ContractFee(Struct):
    """A value of ``GET /futures/usdt/fee``, by contract; rates are fractions."""

    taker_fee: Decimal
    maker_fee: Decimal


class OrderRow(Struct):
    """An order, listed or pushed; ``fill_price`` is the average price."""

    id: int | str
    contract: str
    status: str
    size: Decimal
    left: Decimal | None = None
    id_string: str = ""
    text: str = ""
    price: Figure = None
    fill_price: Figure = None
    tif: str = "gtc"
    finish_as: str = ""
    is_reduce_only: bool = False
    is_close: bool = False
    is_liq: bool = False
    auto_size: str = ""
    create_time: FineTime = 0
    create_time_ms: FineTime = 0
    finish_time: FineTime = 0
    finish_time_ms: FineTime = 0
    update_time: FineTime = 0


class FillRow(Struct):
    """A fill: of ``/my_trades`` (``id``), of ``/my_trades_timerange`` (``trade_id``), or pushed."""

    contract: str
    order_id: int | str
    size: Decimal
    price: Decimal
    role: str
    id: int | str | None = None
    trade_id: int | str | None = None
    fee: Figure = None
    point_fee: Figure = None
    text: str = ""
    create_time: FineTime = 0
    create_time_ms: FineTime = 0


class PositionRow(Struct):
    """A position, listed or pushed (then without mark price and unrealised profit). ``leverage`` 0 means cross."""

    contract: str
    size: Decimal
    leverage: Figure = None
    cross_leverage_limit: Figure = None
    margin: Figure = None
    entry_price: Figure = None
    liq_price: Figure = None
    mark_price: Figure = None
    unrealised_pnl: Figure = None
    realised_pnl: Figure = None
    mode: str = "single"
    update_time: FineTime = 0
    time: FineTime = 0
    time_ms: FineTime = 0


class BookRow(Struct):
    """A row of ``GET /futures/usdt/account_book``; ``text`` is ``CONTRACT:ORDER`` where an order caused it."""

    time: FineTime
    change: Decimal
    type: str
    contract: str = ""
    text: str = ""
    id: int | str | None = None


class Initial(Struct):
    contract: str
    size: Decimal
    price: Figure = None
    tif: str = "gtc"
    text: str = ""
    reduce_only: bool = False
    is_reduce_only: bool = False
    close: bool = False
    is_close: bool = False
    auto_size: str = ""


class Trigger(Struct):
    price: Decimal
    rule: int


class TriggerRow(Struct):
    """A trigger order of ``/futures/usdt/price_orders``; ``trade_id`` is the order that it became, 0 before."""

    id: int | str
    initial: Initial
    trigger: Trigger
    status: str
    id_string: str = ""
    finish_as: str = ""
    create_time: FineTime = 0
    finish_time: FineTime = 0
    trade_id: int | str | None = None
    reason: str = ""


account_decoder = msgspec.json.Decoder(Account, strict=False)
fees_decoder = msgspec.json.Decoder(dict[str, ContractFee], strict=False)
order_decoder = msgspec.json.Decoder(OrderRow, strict=False)
orders_decoder = msgspec.json.Decoder(list[OrderRow], strict=False)
fills_decoder = msgspec.json.Decoder(list[FillRow], strict=False)
position_decoder = msgspec.json.Decoder(PositionRow | list[PositionRow], strict=False)
"""One position, or in dual mode the long and the short one."""
positions_decoder = msgspec.json.Decoder(list[PositionRow], strict=False)
account_book_decoder = msgspec.json.Decoder(list[BookRow], strict=False)
trigger_decoder = msgspec.json.Decoder(TriggerRow, strict=False)
triggers_decoder = msgspec.json.Decoder(list[TriggerRow], strict=False)


# ---- pushes ----------------------------------------------------------------------------------------------------------


class BalanceRow(Struct):
    """A row of ``futures.balances``; ``balance`` is the wallet's after the change."""

    balance: Decimal
    change: Decimal
    currency: str = ""
    type: str = ""
    text: str = ""
    time: FineTime = 0
    time_ms: FineTime = 0


class OrdersPush(Struct, tag_field="channel", tag=FUTURES_ORDERS_CHANNEL):
    result: list[OrderRow]


class FillsPush(Struct, tag_field="channel", tag=FUTURES_TRADES_OWN_CHANNEL):
    result: list[FillRow]


class PositionsPush(Struct, tag_field="channel", tag=FUTURES_POSITIONS_CHANNEL):
    result: list[PositionRow]


class BalancePush(Struct, tag_field="channel", tag=FUTURES_BALANCES_CHANNEL):
    result: list[BalanceRow]


FuturesPrivatePush = OrdersPush | FillsPush | PositionsPush | BalancePush
private_push_decoder = msgspec.json.Decoder(FuturesPrivatePush, strict=False)
