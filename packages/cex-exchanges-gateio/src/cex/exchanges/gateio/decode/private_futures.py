"""The account of perpetuals becomes ours: contracts with a sign before, base units with a side after."""

from __future__ import annotations

from decimal import Decimal

from cex.common.enums import MarginMode, MarketType, OrderStatus, OrderType, PositionSide, Side
from cex.common.types.account import Balance, FundingPayment, Position, TradingFees
from cex.common.types.instruments import Instrument
from cex.common.types.orders import Fill, Order
from cex.exchanges.gateio.constants import FUTURES_ORDERS_CHANNEL, SETTLE
from cex.exchanges.gateio.decode.private_values import (
    POINTS,
    amount,
    client_id,
    ended_why,
    exact,
    fired_id,
    liquidity,
    positive,
    time_in_force,
    trigger_id,
    triggered_type,
    when,
    without_fill,
)
from cex.exchanges.gateio.decode.values import undecodable
from cex.exchanges.gateio.wire.private_futures import (
    Account,
    BookRow,
    ContractFee,
    FillRow,
    OrderRow,
    PositionRow,
    TriggerRow,
)

__all__ = [
    "balance",
    "fees",
    "fill",
    "fired",
    "funding_payment",
    "order",
    "position",
    "trigger_order",
]

_OPEN = "open"
_STATUSES = frozenset({_OPEN, "finished"})
_MODES = {"single": PositionSide.BOTH, "dual_long": PositionSide.LONG, "dual_short": PositionSide.SHORT}
_CLOSING = {"close_long": (Side.SELL, PositionSide.LONG), "close_short": (Side.BUY, PositionSide.SHORT)}
_TRIGGER_STATUSES = frozenset({_OPEN, "finished", "inactive", "invalid"})
_RISES = {1: True, 2: False}


def balance(account: Account) -> Balance:
    """``GET /futures/usdt/accounts``; ``locked`` is what positions and orders bind as margin."""
    channel = "/futures/usdt/accounts"
    bound = (amount(account.position_margin, channel) or Decimal(0)) + (
        amount(account.order_margin, channel) or Decimal(0)
    )
    return Balance(
        currency=account.currency.upper(),
        free=exact(account.available, channel),
        locked=bound,
        market=MarketType.FUTURES,
    )


def fees(row: ContractFee, listed: Instrument) -> TradingFees:
    """A contract of ``GET /futures/usdt/fee``."""
    channel = "/futures/usdt/fee"
    return TradingFees(symbol=listed.symbol, maker=exact(row.maker_fee, channel), taker=exact(row.taker_fee, channel))


def order(
    row: OrderRow, listed: Instrument, channel: str = FUTURES_ORDERS_CHANNEL, *, asked_side: Side | None = None
) -> Order:
    """An order, listed or pushed; ``asked_side`` is its side where we placed it and know it.

    An order that closes a position has size 0, so only the placer knows its side and nobody its quantity.
    """
    if row.status not in _STATUSES:
        raise undecodable(channel, repr(row)[:256], f"status is {row.status[:64]!r}")
    size, is_open = exact(row.size, channel), row.status == _OPEN
    direction, held = _side(row, size, channel, asked_side)
    left = _left(row, size, is_open, channel)
    filled = (abs(size) - left) * listed.contract_size if size else Decimal(0)
    if is_open:
        status = OrderStatus.PARTIALLY_FILLED if filled else OrderStatus.NEW
    else:
        status = OrderStatus.FILLED if left == 0 else without_fill(row.finish_as)
    price = positive(row.price, channel)
    return Order(
        symbol=listed.symbol,
        order_id=row.id_string or str(row.id),
        client_order_id=client_id(row.text),
        side=direction,
        order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
        status=status,
        quantity=abs(size) * listed.contract_size if size else None,
        filled=filled,
        price=price,
        average_price=positive(row.fill_price, channel) if filled or not size else None,
        time_in_force=time_in_force(row.tif),
        reduce_only=row.is_reduce_only or row.is_close or bool(row.auto_size),
        created_ts=when(channel, row.create_time_ms, row.create_time),
        updated_ts=when(
            channel, row.update_time, row.finish_time_ms, row.finish_time, row.create_time_ms, row.create_time
        ),
        position_side=held,
        finish_reason="" if is_open else row.finish_as,
    )


def _side(row: OrderRow, size: Decimal, channel: str, asked_side: Side | None) -> tuple[Side, PositionSide]:
    closing = _CLOSING.get(row.auto_size)
    signed = size or exact(row.left or Decimal(0), channel)
    if signed:
        return Side.BUY if signed > 0 else Side.SELL, closing[1] if closing else PositionSide.BOTH
    if closing:
        return closing
    if asked_side is not None:
        return asked_side, PositionSide.BOTH
    raise undecodable(channel, repr(row)[:256], "an order of size 0 has no side")


def _left(row: OrderRow, size: Decimal, is_open: bool, channel: str) -> Decimal:
    """Contracts that have not filled; results of the order API may leave them out, and then ``finish_as`` tells."""
    if row.left is not None:
        left = abs(exact(row.left, channel))
        if left > abs(size) and size:
            raise undecodable(channel, repr(row)[:256], "more is left than was asked for")
        return left
    if is_open:
        return abs(size)
    if row.finish_as == "filled":
        return Decimal(0)
    raise undecodable(channel, repr(row)[:256], "an order that ended without telling what is left of it")


def fill(row: FillRow, listed: Instrument, received_ns: int, channel: str) -> Fill:
    """An execution, listed or pushed."""
    size = exact(row.size, channel)
    number = row.trade_id if row.id is None else row.id
    if not size or number is None:
        raise undecodable(channel, repr(row)[:256], "a fill without a size or an id")
    paid, points = amount(row.fee, channel) or Decimal(0), positive(row.point_fee, channel)
    return Fill(
        symbol=listed.symbol,
        trade_id=str(number),
        order_id=str(row.order_id),
        client_order_id=client_id(row.text),
        side=Side.BUY if size > 0 else Side.SELL,
        price=exact(row.price, channel),
        quantity=abs(size) * listed.contract_size,
        fee=points if points is not None and not paid else paid,
        fee_currency=POINTS if points is not None and not paid else SETTLE,
        liquidity=liquidity(row.role),
        exchange_ts=when(channel, row.create_time_ms, row.create_time),
        received_ts=received_ns,
    )


def position(row: PositionRow, listed: Instrument, channel: str = "/futures/usdt/positions") -> Position:
    """A position, listed or pushed; a push tells neither mark price nor unrealised profit. Leverage 0 means cross."""
    mode = _MODES.get(row.mode)
    if mode is None:
        raise undecodable(channel, repr(row)[:256], f"mode is {row.mode[:64]!r}")
    quantity = exact(row.size, channel) * listed.contract_size
    isolated = positive(row.leverage, channel)
    return Position(
        symbol=listed.symbol,
        side=mode,
        quantity=quantity,
        entry_price=positive(row.entry_price, channel),
        mark_price=positive(row.mark_price, channel),
        liquidation_price=positive(row.liq_price, channel) if quantity else None,
        unrealised_pnl=amount(row.unrealised_pnl, channel),
        realised_pnl=amount(row.realised_pnl, channel),
        leverage=isolated or positive(row.cross_leverage_limit, channel),
        margin=amount(row.margin, channel),
        margin_mode=MarginMode.CROSS if isolated is None else MarginMode.ISOLATED,
        updated_ts=when(channel, row.time_ms, row.time, row.update_time),
    )


def funding_payment(row: BookRow, listed: Instrument) -> FundingPayment:
    """A row of the account book of type ``fund``."""
    channel = "/futures/usdt/account_book"
    return FundingPayment(
        symbol=listed.symbol,
        amount=exact(row.change, channel),
        currency=SETTLE,
        paid_ts=when(channel, row.time),
        payment_id="" if row.id is None else str(row.id),
    )


def fired(row: TriggerRow) -> str | None:
    """The id of the order that a trigger order became; None before it fires."""
    return fired_id(row.trade_id)


def trigger_order(row: TriggerRow, listed: Instrument, *, asked_side: Side | None = None) -> Order:
    """A trigger order: open, or ended; one that fired has ended too, and became another order."""
    channel = "/futures/usdt/price_orders"
    if row.status not in _TRIGGER_STATUSES:
        raise undecodable(channel, repr(row)[:256], f"status is {row.status[:64]!r}")
    initial = row.initial
    size, closing = exact(initial.size, channel), _CLOSING.get(initial.auto_size)
    known = closing[0] if closing else asked_side
    if size:
        known = Side.BUY if size > 0 else Side.SELL
    if known is None:
        raise undecodable(channel, repr(row)[:256], "an order of size 0 has no side")
    status = OrderStatus.NEW
    if row.status != _OPEN:
        status = OrderStatus.EXPIRED if row.finish_as == "expired" else OrderStatus.CANCELED
    price, ours = positive(initial.price, channel), client_id(initial.text)
    return Order(
        symbol=listed.symbol,
        order_id=trigger_id(row.id_string or row.id, ours),
        client_order_id=ours,
        side=known,
        order_type=triggered_type(known, _RISES.get(row.trigger.rule), row.trigger.rule, channel),
        status=status,
        quantity=abs(size) * listed.contract_size if size else None,
        price=price,
        trigger_price=exact(row.trigger.price, channel),
        time_in_force=time_in_force(initial.tif),
        reduce_only=initial.reduce_only or initial.is_reduce_only or initial.close or initial.is_close,
        created_ts=when(channel, row.create_time),
        updated_ts=when(channel, row.finish_time, row.create_time),
        position_side=closing[1] if closing else PositionSide.BOTH,
        finish_reason=ended_why(fired(row), row.reason or row.finish_as or row.status) if status.is_final else "",
    )
