"""The spot account's structures become ours. An order whose status is not documented is an error, never a guess."""

from __future__ import annotations

from decimal import Decimal

from cex.common.enums import MarketType, OrderStatus, OrderType, Side
from cex.common.types.account import Balance, TradingFees
from cex.common.types.instruments import Instrument
from cex.common.types.orders import Fill, Order
from cex.exchanges.gateio.constants import SPOT_BALANCES_CHANNEL, SPOT_ORDERS_CHANNEL
from cex.exchanges.gateio.decode.private_values import (
    POINTS,
    amount,
    client_id,
    ended_why,
    exact,
    fired_id,
    liquidity,
    order_type,
    positive,
    side,
    time_in_force,
    trigger_id,
    triggered_type,
    when,
    without_fill,
)
from cex.exchanges.gateio.decode.values import undecodable
from cex.exchanges.gateio.wire.numbers import Figure
from cex.exchanges.gateio.wire.private_spot import (
    Account,
    BalanceRow,
    FeeAnswer,
    FillRow,
    OrderPushRow,
    OrderRow,
    TriggerRow,
)

__all__ = ["balance", "fees", "fill", "fired", "order", "pushed_balance", "pushed_order", "trigger_order"]

_GT = "GT"
_OPEN = "open"
_FILLED = "filled"
_STATUSES = frozenset({_OPEN, "closed", "cancelled"})
_EVENTS = frozenset({"put", "update", "finish"})
_TRIGGER_STATUSES = {
    _OPEN: OrderStatus.NEW,
    "cancelled": OrderStatus.CANCELED,
    "canceled": OrderStatus.CANCELED,
    "failed": OrderStatus.CANCELED,
    "finish": OrderStatus.CANCELED,
    "expired": OrderStatus.EXPIRED,
}
_RISES = {">=": True, "<=": False}
_STEPS_OF_DUST = 2


def balance(row: Account) -> Balance:
    """A row of ``GET /spot/accounts``."""
    channel = "/spot/accounts"
    return Balance(
        currency=row.currency,
        free=exact(row.available, channel),
        locked=exact(row.locked, channel),
        market=MarketType.SPOT,
    )


def pushed_balance(row: BalanceRow) -> Balance:
    """A row of ``spot.balances``: what is held after the change."""
    channel = SPOT_BALANCES_CHANNEL
    return Balance(
        currency=row.currency,
        free=exact(row.available, channel),
        locked=exact(row.freeze, channel),
        updated_ts=when(channel, row.timestamp_ms, row.timestamp),
        market=MarketType.SPOT,
    )


def fees(answer: FeeAnswer, listed: Instrument) -> TradingFees:
    """``GET /wallet/fee`` of one pair; with the discount for paying in GT where the account takes it."""
    channel = "/wallet/fee"
    maker, taker = exact(answer.maker_fee, channel), exact(answer.taker_fee, channel)
    if answer.gt_discount:
        maker = positive(answer.gt_maker_fee, channel) or maker
        taker = positive(answer.gt_taker_fee, channel) or taker
    return TradingFees(symbol=listed.symbol, maker=maker, taker=taker, tier="GT" if answer.gt_discount else "")


def order(row: OrderRow, listed: Instrument, channel: str = "/spot/orders") -> Order:
    """An order as REST or the order API tells it."""
    if row.status not in _STATUSES:
        raise undecodable(channel, repr(row)[:256], f"status is {row.status[:64]!r}")
    return _order(row, listed, channel, is_open=row.status == _OPEN, is_whole=row.status == "closed")


def pushed_order(row: OrderPushRow, listed: Instrument) -> Order:
    """An order as ``spot.orders`` pushes it: open until the ``finish``, and then filled only if that is said."""
    channel = SPOT_ORDERS_CHANNEL
    if row.event not in _EVENTS:
        raise undecodable(channel, repr(row)[:256], f"event is {row.event[:64]!r}")
    return _order(row, listed, channel, is_open=row.event != "finish", is_whole=row.finish_as == _FILLED)


def _order(row: OrderRow | OrderPushRow, listed: Instrument, channel: str, *, is_open: bool, is_whole: bool) -> Order:
    asked, left = exact(row.amount, channel), exact(row.left, channel)
    direction, kind = side(row.side, channel), order_type(row.type)
    by_quote = kind is OrderType.MARKET and direction is Side.BUY
    turnover = amount(row.filled_total, channel)
    if turnover is None and isinstance(row, OrderRow):
        turnover = amount(row.fill_price, channel)
    average = positive(row.avg_deal_price, channel)
    filled = amount(row.filled_amount, channel)
    if filled is None:
        filled = _filled_by_quote(turnover, average, listed, row, channel) if by_quote else asked - left
    if average is None and filled and turnover:
        average = turnover / filled
    if is_open:
        status = OrderStatus.PARTIALLY_FILLED if filled else OrderStatus.NEW
    elif is_whole or (by_quote and _is_dust(left, filled, average, listed)):
        status = OrderStatus.FILLED
    else:
        status = without_fill(row.finish_as)
    finished_as = "" if is_open else row.finish_as
    quantity: Decimal | None = asked
    if by_quote:
        quantity = filled if status.is_final else None
    return Order(
        symbol=listed.symbol,
        order_id=str(row.id),
        client_order_id=client_id(row.text),
        side=direction,
        order_type=kind,
        status=status,
        quantity=quantity,
        filled=filled,
        price=positive(row.price, channel) if kind is OrderType.LIMIT else None,
        average_price=average if filled else None,
        time_in_force=time_in_force(row.time_in_force),
        created_ts=when(channel, row.create_time_ms, row.create_time),
        updated_ts=when(channel, row.update_time_ms, row.update_time),
        quote_quantity=asked if by_quote else None,
        filled_quote=turnover,
        fees=_fees(row, channel),
        finish_reason=finished_as,
    )


def _filled_by_quote(
    turnover: Decimal | None, average: Decimal | None, listed: Instrument, row: OrderRow | OrderPushRow, channel: str
) -> Decimal:
    """What a market buy got, from an answer that tells only what it spent (as they were before 2023-09)."""
    if not turnover:
        return Decimal(0)
    if average is None:
        raise undecodable(channel, repr(row)[:256], "a market buy that filled, without the filled amount")
    return (turnover / average).quantize(listed.step)


def _is_dust(left: Decimal, filled: Decimal, average: Decimal | None, listed: Instrument) -> bool:
    """Whether a market buy spent what it could: the rest would not buy a step, and the order may read cancelled."""
    return bool(filled and average is not None and left < _STEPS_OF_DUST * listed.step * average)


def _fees(row: OrderRow | OrderPushRow, channel: str) -> dict[str, Decimal]:
    """Fees by currency: of what was received, unless GT or points pay them."""
    told = ((row.fee_currency, row.fee), (_GT, row.gt_fee), (POINTS, row.point_fee))
    sums: dict[str, Decimal] = {}
    for currency, figure in told:
        paid = positive(figure, channel)
        if paid is not None and currency:
            sums[currency] = sums.get(currency, Decimal(0)) + paid
    return sums


def fill(row: FillRow, listed: Instrument, received_ns: int, channel: str) -> Fill:
    """An execution, listed or pushed."""
    paid, currency = _fee(row, listed, channel)
    return Fill(
        symbol=listed.symbol,
        trade_id=str(row.id),
        order_id=str(row.order_id),
        client_order_id=client_id(row.text),
        side=side(row.side, channel),
        price=exact(row.price, channel),
        quantity=exact(row.amount, channel),
        fee=paid,
        fee_currency=currency,
        liquidity=liquidity(row.role),
        exchange_ts=when(channel, row.create_time_ms, row.create_time),
        received_ts=received_ns,
    )


def _fee(row: FillRow, listed: Instrument, channel: str) -> tuple[Decimal, str]:
    told: tuple[tuple[Figure, str], ...] = ((row.fee, row.fee_currency), (row.gt_fee, _GT), (row.point_fee, POINTS))
    for figure, currency in told:
        paid = positive(figure, channel)
        if paid is not None and currency:
            return paid, currency
    received = listed.symbol.base if side(row.side, channel) is Side.BUY else listed.symbol.quote
    return Decimal(0), row.fee_currency or received


def fired(row: TriggerRow) -> str | None:
    """The id of the order that a trigger order became; None before it fires."""
    return fired_id(row.fired_order_id)


def trigger_order(row: TriggerRow, listed: Instrument) -> Order:
    """A trigger order: open, or ended; one that fired has ended too, and became another order."""
    channel = "/spot/price_orders"
    status = _TRIGGER_STATUSES.get(row.status)
    if status is None:
        raise undecodable(channel, repr(row)[:256], f"status is {row.status[:64]!r}")
    direction, placed = side(row.put.side, channel), order_type(row.put.type)
    ours, became = client_id(row.put.text), fired(row)
    asked = exact(row.put.amount, channel)
    by_quote = direction is Side.BUY and placed is OrderType.MARKET
    return Order(
        symbol=listed.symbol,
        order_id=trigger_id(row.id, ours),
        client_order_id=ours,
        side=direction,
        order_type=triggered_type(direction, _RISES.get(row.trigger.rule), row.trigger.rule, channel),
        status=status,
        quantity=None if by_quote else asked,
        quote_quantity=asked if by_quote else None,
        price=positive(row.put.price, channel) if placed is OrderType.LIMIT else None,
        trigger_price=exact(row.trigger.price, channel),
        time_in_force=time_in_force(row.put.time_in_force),
        created_ts=when(channel, row.ctime),
        updated_ts=when(channel, row.ftime, row.ctime),
        finish_reason=ended_why(became, row.reason or row.status) if status.is_final else "",
    )
