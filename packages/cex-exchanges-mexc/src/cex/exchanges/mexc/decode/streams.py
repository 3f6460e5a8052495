"""Private pushes become ours, in ``Decimal``. A status that is not documented is an error, never a guess.

https://www.mexc.com/api-docs/spot-v3/websocket-user-data-streams. A default value (0, false, "") is absent on the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cex.common.enums import Liquidity, OrderStatus, OrderType, Side, TimeInForce
from cex.common.types.account import Balance
from cex.common.types.orders import Fill, Order
from cex.exchanges.mexc.decode.amounts import amount, given
from cex.exchanges.mexc.decode.parsing import MS, senseless
from cex.exchanges.mexc.decode.trading import SymbolOf, listed, order_of

if TYPE_CHECKING:
    from cex.exchanges.mexc.wire.push import PushDataV3ApiWrapper

__all__ = ["pushed_balance", "pushed_fill", "pushed_order"]

_SIDES: Final = {1: Side.BUY, 2: Side.SELL}
_STATUSES: Final = {
    1: OrderStatus.NEW,
    2: OrderStatus.FILLED,
    3: OrderStatus.PARTIALLY_FILLED,
    4: OrderStatus.CANCELED,
    5: OrderStatus.CANCELED,
}
_TYPES: Final = {
    1: (OrderType.LIMIT, TimeInForce.GTC),
    2: (OrderType.LIMIT, TimeInForce.POST_ONLY),
    3: (OrderType.LIMIT, TimeInForce.IOC),
    4: (OrderType.LIMIT, TimeInForce.FOK),
    5: (OrderType.MARKET, TimeInForce.IOC),
    100: (OrderType.STOP_LOSS, TimeInForce.GTC),
}


def pushed_order(push: PushDataV3ApiWrapper, by_native: SymbolOf) -> Order:
    """A push of ``private.orders``: the order as it stands since ``sendTime``.

    Raises:
        ExchangeDataException: its symbol is not in the exchange's list, its state, side or type is none that is
            documented, or a figure is no number.
    """
    body = push.privateOrders
    try:
        side, status, kind = _SIDES.get(body.tradeType), _STATUSES.get(body.status), _TYPES.get(body.orderType)
        if side is None or status is None or kind is None or not body.id:
            raise ValueError(f"side {body.tradeType}, status {body.status}, type {body.orderType}, id {body.id!r}")
        quantity, quote_quantity = amount(body.quantity, "quantity"), amount(body.amount, "amount")
        if kind[0] is OrderType.MARKET and quote_quantity:
            quantity = None
        filled = given(body.cumulativeQuantity or "0", "cumulativeQuantity")
        return order_of(
            symbol=listed(push.symbol, by_native),
            order_id=body.id,
            client_order_id=body.clientId or None,
            side=side,
            kind=kind,
            status=status,
            quantity=quantity,
            quote_quantity=quote_quantity,
            price=amount(body.price, "price"),
            trigger_price=amount(body.triggerPrice, "triggerPrice"),
            filled=filled,
            filled_quote=amount(body.cumulativeAmount, "cumulativeAmount"),
            created_ts=body.createTime * MS,
            updated_ts=push.sendTime * MS,
        )
    except ValueError as error:
        raise senseless(push, error) from error


def pushed_fill(push: PushDataV3ApiWrapper, by_native: SymbolOf, received_ns: int) -> Fill:
    """A push of ``private.deals``: one fill.

    Raises:
        ExchangeDataException: its symbol is not in the exchange's list, or a figure is no number.
    """
    body = push.privateDeals
    try:
        side = _SIDES.get(body.tradeType)
        if side is None or not body.tradeId or not body.orderId:
            raise ValueError(f"side {body.tradeType}, trade {body.tradeId!r} of order {body.orderId!r}")
        fee = given(body.feeAmount or "0", "feeAmount", signed=True)
        if fee and not body.feeCurrency:
            raise ValueError(f"a fee of {fee} in nobody knows what")
        return Fill(
            symbol=listed(push.symbol, by_native),
            trade_id=body.tradeId,
            order_id=body.orderId,
            client_order_id=body.clientOrderId or None,
            side=side,
            price=given(body.price, "price"),
            quantity=given(body.quantity, "quantity"),
            fee=fee,
            fee_currency=body.feeCurrency,
            liquidity=Liquidity.MAKER if body.isMaker else Liquidity.TAKER,
            exchange_ts=body.time * MS,
            received_ts=received_ns,
        )
    except ValueError as error:
        raise senseless(push, error) from error


def pushed_balance(push: PushDataV3ApiWrapper) -> Balance:
    """A push of ``private.account``: one coin after one change of it.

    Raises:
        ExchangeDataException: it names no coin, or a figure is no number.
    """
    body = push.privateAccount
    try:
        if not body.vcoinName:
            raise ValueError("it names no coin")
        return Balance(
            currency=body.vcoinName,
            free=given(body.balanceAmount, "balanceAmount"),
            locked=given(body.frozenAmount, "frozenAmount"),
            updated_ts=body.time * MS,
        )
    except ValueError as error:
        raise senseless(push, error) from error
