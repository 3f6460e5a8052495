"""Orders and fills by REST become ours, in ``Decimal``. A status that is not documented is an error, never a guess.

https://www.mexc.com/api-docs/spot-v3/spot-account-trade
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final, TypeVar

from cex.common.enums import Liquidity, OrderStatus, OrderType, Side, TimeInForce
from cex.common.types.orders import Fill, Order, OrderRequest
from cex.common.types.symbols import Symbol
from cex.exchanges.mexc.decode.amounts import amount, average, given
from cex.exchanges.mexc.decode.parsing import MS, undecodable
from cex.exchanges.mexc.wire.trading import FillRow, OrderRow, Placed

__all__ = ["SymbolOf", "fill", "listed", "new_order", "order", "order_of"]

T = TypeVar("T")

SymbolOf = Callable[[str], Symbol | None]
"""Finds the symbol of the exchange's own name; None where its list has no such name."""

_SIDES: Final = {"BUY": Side.BUY, "SELL": Side.SELL}
_STATUSES: Final = {
    "NEW": OrderStatus.NEW,
    "PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELED,
    "PARTIALLY_CANCELED": OrderStatus.CANCELED,
}
_TYPES: Final = {
    "LIMIT": (OrderType.LIMIT, TimeInForce.GTC),
    "MARKET": (OrderType.MARKET, TimeInForce.IOC),
    "LIMIT_MAKER": (OrderType.LIMIT, TimeInForce.POST_ONLY),
    "IMMEDIATE_OR_CANCEL": (OrderType.LIMIT, TimeInForce.IOC),
    "FILL_OR_KILL": (OrderType.LIMIT, TimeInForce.FOK),
}
_ZERO: Final = Decimal(0)


def new_order(answer: Placed, request: OrderRequest) -> Order:
    """What is known of an order that was just accepted: that it exists. The answer has no status."""
    placed_ts = (answer.transact_time or 0) * MS
    return Order(
        symbol=request.symbol,
        order_id=str(answer.order_id),
        client_order_id=request.client_order_id,
        side=request.side,
        order_type=request.order_type,
        status=OrderStatus.NEW,
        quantity=request.quantity,
        price=request.price if request.order_type is not OrderType.MARKET else None,
        time_in_force=request.time_in_force,
        created_ts=placed_ts,
        updated_ts=placed_ts,
        quote_quantity=request.quote_quantity,
    )


def order(row: OrderRow, by_native: SymbolOf, channel: str) -> Order:
    """An order as a query tells it, or the answer to a cancel, which can tell its state before that.

    Raises:
        ExchangeDataException: its symbol is not in the exchange's list, its state or side is none that is documented,
            or a figure is no number.
    """
    try:
        return _order(row, by_native)
    except ValueError as error:
        raise undecodable(channel, repr(row), error) from error


def _order(row: OrderRow, by_native: SymbolOf) -> Order:
    price, filled = amount(row.price, "price"), amount(row.executed_qty, "executedQty") or _ZERO
    created_ms = row.time or 0
    return order_of(
        symbol=listed(row.symbol, by_native),
        order_id=str(row.order_id),
        client_order_id=row.client_order_id or row.orig_client_order_id or None,
        side=_known(_SIDES, row.side, "side"),
        kind=_TYPES.get(row.type) or _conditional(row.type, price),
        status=_known(_STATUSES, row.status, "status"),
        quantity=amount(row.orig_qty, "origQty"),
        quote_quantity=amount(row.orig_quote_order_qty, "origQuoteOrderQty"),
        price=price,
        trigger_price=amount(row.stop_price, "stopPrice"),
        filled=filled,
        filled_quote=amount(row.cummulative_quote_qty, "cummulativeQuoteQty"),
        created_ts=created_ms * MS,
        updated_ts=max(row.update_time or 0, created_ms) * MS,
        finish_reason=row.cancel_reason or "",
    )


def order_of(
    *,
    symbol: Symbol,
    order_id: str,
    client_order_id: str | None,
    side: Side,
    kind: tuple[OrderType, TimeInForce],
    status: OrderStatus,
    quantity: Decimal | None,
    quote_quantity: Decimal | None,
    price: Decimal | None,
    trigger_price: Decimal | None,
    filled: Decimal,
    filled_quote: Decimal | None,
    created_ts: int,
    updated_ts: int,
    finish_reason: str = "",
) -> Order:
    """An order by the figures that the exchange gives, in REST and pushes alike.

    ``quote_quantity`` counts only for a market order by amount, which has no ``quantity``, or what filled so far in its
    place; for all others the exchange computes it. The price of a market order is a bound of the exchange's own and is
    left out.

    Raises:
        ValueError: the figures contradict each other.
    """
    order_type, time_in_force = kind
    is_market = order_type is OrderType.MARKET
    by_quote = is_market and (not quantity or (filled == quantity and not status.is_final))
    if by_quote:
        quantity = filled if status.is_final else None
    elif not quantity:
        raise ValueError(f"a {order_type} order without quantity")
    elif filled > quantity:
        raise ValueError(f"{filled} of {quantity} filled")
    if filled and filled_quote is None:
        raise ValueError(f"{filled} filled for nobody knows how much")
    return Order(
        symbol=symbol,
        order_id=order_id,
        client_order_id=client_order_id,
        side=side,
        order_type=order_type,
        status=status,
        quantity=quantity,
        filled=filled,
        price=None if is_market else price or None,
        average_price=average(filled_quote or _ZERO, filled),
        time_in_force=time_in_force,
        created_ts=created_ts,
        updated_ts=updated_ts,
        quote_quantity=(quote_quantity or None) if by_quote else None,
        trigger_price=trigger_price or None,
        filled_quote=filled_quote or _ZERO,
        finish_reason=finish_reason,
    )


def fill(row: FillRow, by_native: SymbolOf, channel: str, received_ns: int) -> Fill:
    """A row of ``GET /api/v3/myTrades``.

    Raises:
        ExchangeDataException: its symbol is not in the exchange's list, or a figure is no number.
    """
    try:
        fee = amount(row.commission, "commission", signed=True) or _ZERO
        if fee and not row.commission_asset:
            raise ValueError(f"a fee of {fee} in nobody knows what")
        return Fill(
            symbol=listed(row.symbol, by_native),
            trade_id=str(row.id),
            order_id=str(row.order_id),
            client_order_id=row.client_order_id or None,
            side=Side.BUY if row.is_buyer else Side.SELL,
            price=given(row.price, "price"),
            quantity=given(row.qty, "qty"),
            fee=fee,
            fee_currency=row.commission_asset or "",
            liquidity=None if row.is_maker is None else Liquidity.MAKER if row.is_maker else Liquidity.TAKER,
            exchange_ts=row.time * MS,
            received_ts=received_ns,
        )
    except ValueError as error:
        raise undecodable(channel, repr(row), error) from error


def listed(name: str, by_native: SymbolOf) -> Symbol:
    """The symbol of that name; ValueError where the exchange's list, as it was read, has none."""
    symbol = by_native(name)
    if symbol is None:
        raise ValueError(f"symbol {name[:64]!r} is not in the exchange's list; load the instruments anew")
    return symbol


def _conditional(name: str, price: Decimal | None) -> tuple[OrderType, TimeInForce]:
    """An order that was not placed by this API: its type describes it and decides nothing."""
    if "TAKE_PROFIT" in name:
        return OrderType.TAKE_PROFIT, TimeInForce.GTC
    if "STOP" in name:
        return OrderType.STOP_LOSS, TimeInForce.GTC
    return (OrderType.LIMIT if price else OrderType.MARKET), TimeInForce.GTC


def _known(words: Mapping[str, T], word: str, name: str) -> T:
    known = words.get(word)
    if known is None:
        raise ValueError(f"{name} is {word[:64]!r}")
    return known
