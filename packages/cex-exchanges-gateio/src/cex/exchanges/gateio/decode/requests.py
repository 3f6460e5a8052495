"""The way back: our order requests become Gate.io's bodies, in JSON's plain kinds. Contracts are counted here.

https://www.gate.com/docs/developers/apiv4/en/#create-an-order and, for futures, #create-a-futures-order. The same
bodies go in by REST and by the WebSocket order API.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from cex.common.enums import MarketType, OrderType, PositionSide, Side, TimeInForce
from cex.common.exceptions import InvalidOrderException
from cex.common.types.instruments import Instrument
from cex.common.types.orders import OrderRequest
from cex.exchanges.base.offers import not_offered
from cex.exchanges.gateio.constants import (
    EXCHANGE,
    FUTURES_BATCH,
    LONGEST_ORDER_TEXT,
    ORDER_TEXT_PREFIX,
    SPOT_BATCH,
    SPOT_PAIRS_A_BATCH,
)

__all__ = [
    "TRIGGERED",
    "Body",
    "batches",
    "check_client_id",
    "contracts",
    "futures_amendment",
    "futures_order",
    "futures_trigger",
    "one_id",
    "spot_amendment",
    "spot_order",
    "spot_trigger",
]

Body = dict[str, object]

TRIGGERED: Final = (OrderType.STOP_LOSS, OrderType.TAKE_PROFIT)
"""Kinds of order that wait for a price and are kept apart from orders until then."""

_TEXT = re.compile(rf"{ORDER_TEXT_PREFIX}[0-9A-Za-z_.-]{{1,{LONGEST_ORDER_TEXT}}}", re.ASCII)
_TIMES_IN_FORCE = {
    TimeInForce.GTC: "gtc",
    TimeInForce.IOC: "ioc",
    TimeInForce.FOK: "fok",
    TimeInForce.POST_ONLY: "poc",
}
_LONGEST_TRIGGER_S = 30 * 86_400


def check_client_id(text: str) -> None:
    """Raise ValueError unless ``text`` may be a client order id."""
    if _TEXT.fullmatch(text) is None:
        raise ValueError(
            f"a client order id of {EXCHANGE} is {ORDER_TEXT_PREFIX!r} and 1 to {LONGEST_ORDER_TEXT} of the characters "
            f"0-9 A-Z a-z _ . -, not {text[:64]!r}"
        )


def one_id(order_id: str | None, client_order_id: str | None) -> str:
    """The id to ask with, which Gate.io takes in the same place; ValueError unless exactly one is given."""
    given = order_id if client_order_id is None else client_order_id
    if given is None or (order_id is not None and client_order_id is not None):
        raise ValueError("give exactly one of order_id and client_order_id")
    return given


def batches(requests: Sequence[OrderRequest]) -> list[list[int]]:
    """Which of ``requests`` go in together, by their indexes: those of one market, as many as one batch takes.

    Trigger orders go alone.
    """
    found: list[list[int]] = []
    filling: dict[MarketType, list[int]] = {}
    for index, request in enumerate(requests):
        if request.order_type in TRIGGERED:
            found.append([index])
            continue
        market = request.symbol.market_type
        batch = filling.get(market)
        if batch is None or not _has_room([requests[other] for other in batch], request):
            batch = filling[market] = []
            found.append(batch)
        batch.append(index)
    return found


def _has_room(batch: Sequence[OrderRequest], request: OrderRequest) -> bool:
    """Whether a batch takes one more: so many of a pair, of so many pairs; of contracts so many in all."""
    if request.symbol.market_type is MarketType.FUTURES:
        return len(batch) < FUTURES_BATCH
    symbols = {other.symbol for other in batch} | {request.symbol}
    return len(symbols) <= SPOT_PAIRS_A_BATCH and sum(other.symbol == request.symbol for other in batch) < SPOT_BATCH


def spot_order(request: OrderRequest, listed: Instrument, account: str) -> Body:
    """The body of a limit or market order; ``account`` is ``spot`` or ``unified``.

    Raises:
        NotOfferedException: a market buy of a base quantity, or a market sale for a quote quantity.
    """
    if request.reduce_only or request.close_position:
        raise not_offered(EXCHANGE, "reduce-only orders of spot", operation="place_order")
    body: Body = {
        "text": request.client_order_id,
        "currency_pair": listed.exchange_symbol,
        "type": "limit" if request.order_type is OrderType.LIMIT else "market",
        "account": account,
        "side": str(request.side),
        "amount": _spot_amount(request, is_market=request.order_type is OrderType.MARKET),
    }
    if request.order_type is OrderType.LIMIT:
        body["price"] = _price(request)
    body["time_in_force"] = _spot_time_in_force(request, is_market=request.order_type is OrderType.MARKET)
    return body


def spot_trigger(request: OrderRequest, listed: Instrument, account: str) -> Body:
    """The body of a trigger order; ``account`` is ``normal`` or ``unified``."""
    is_market = request.price is None
    put: Body = {
        "type": "market" if is_market else "limit",
        "side": str(request.side),
        "price": "0" if is_market else _price(request),
        "amount": _spot_amount(request, is_market=is_market),
        "account": account,
        "time_in_force": _spot_time_in_force(request, is_market=is_market),
        "text": request.client_order_id,
    }
    if put["time_in_force"] not in ("gtc", "ioc"):
        raise not_offered(EXCHANGE, "post-only or fill-or-kill trigger orders of spot", operation="place_order")
    return {
        "trigger": {
            "price": _plain(_trigger_price(request)),
            "rule": ">=" if _rises(request) else "<=",
            "expiration": _LONGEST_TRIGGER_S,
        },
        "put": put,
        "market": listed.exchange_symbol,
    }


def spot_amendment(price: Decimal | None, quantity: Decimal | None) -> Body:
    """What changes of a resting order; ``quantity`` is the new total."""
    body: Body = {}
    if price is not None:
        body["price"] = _plain(price)
    if quantity is not None:
        body["amount"] = _plain(quantity)
    return body


def futures_order(request: OrderRequest, listed: Instrument, *, is_dual: bool) -> Body:
    """The body of a limit or market order; ``is_dual``: the account holds long and short positions apart."""
    body: Body = {"contract": listed.exchange_symbol, **_futures_terms(request, listed, is_dual=is_dual)}
    body["text"] = request.client_order_id
    return body


def futures_trigger(request: OrderRequest, listed: Instrument, *, is_dual: bool) -> Body:
    """The body of a trigger order, which watches the last price."""
    initial: Body = {"contract": listed.exchange_symbol, **_futures_terms(request, listed, is_dual=is_dual)}
    initial["text"] = request.client_order_id
    return {
        "initial": initial,
        "trigger": {
            "strategy_type": 0,
            "price_type": 0,
            "price": _plain(_trigger_price(request)),
            "rule": 1 if _rises(request) else 2,
            "expiration": _LONGEST_TRIGGER_S,
        },
    }


def futures_amendment(price: Decimal | None, quantity: Decimal | None, side: Side | None, listed: Instrument) -> Body:
    """What changes of a resting order; ``quantity`` is the new total, whose sign is that of the order's ``side``."""
    body: Body = {}
    if price is not None:
        body["price"] = _plain(price)
    if quantity is not None:
        if side is None:
            raise ValueError("the size of a futures order has the sign of its side")
        body["size"] = _signed(contracts(quantity, listed), side)
    return body


def contracts(quantity: Decimal, listed: Instrument) -> Decimal:
    """How many contracts ``quantity`` base units are; InvalidOrderException where that is no number of them."""
    count, rest = divmod(quantity, listed.step)
    if rest or not count:
        raise InvalidOrderException(
            f"{quantity} {listed.symbol.base} are no whole number of steps of {listed.step}: a contract of "
            f"{listed.symbol} is {listed.contract_size}",
            EXCHANGE,
            rule=f"quantity {quantity} is not a multiple of the step {listed.step}",
            operation="place_order",
        )
    return (quantity / listed.contract_size).normalize()


def _futures_terms(request: OrderRequest, listed: Instrument, *, is_dual: bool) -> Body:
    if request.quote_quantity is not None:
        raise not_offered(EXCHANGE, "futures orders by quote quantity", operation="place_order")
    closes = _check_position_side(request, is_dual=is_dual)
    body: Body = {"size": 0}
    if request.quantity is not None:
        body["size"] = _signed(contracts(request.quantity, listed), request.side)
    if request.price is None:
        body["price"] = "0"
        body["tif"] = "fok" if request.time_in_force is TimeInForce.FOK else "ioc"
    else:
        body["price"] = _price(request)
        body["tif"] = _TIMES_IN_FORCE[request.time_in_force]
    if request.close_position and is_dual:
        body["auto_size"] = "close_long" if request.side is Side.SELL else "close_short"
        body["reduce_only"] = True
    elif request.close_position:
        body["close"] = True
    elif request.reduce_only or closes:
        body["reduce_only"] = True
    return body


def _check_position_side(request: OrderRequest, *, is_dual: bool) -> bool:
    """Whether the order works against the position that it names, which it can then only reduce."""
    if request.position_side is PositionSide.BOTH:
        return False
    if not is_dual:
        raise InvalidOrderException(
            f"the order names the {request.position_side} position, and the account nets long and short (single mode)",
            EXCHANGE,
            rule="an account in single mode has one position a contract",
            operation="place_order",
        )
    opening = Side.BUY if request.position_side is PositionSide.LONG else Side.SELL
    return request.side is not opening


def _signed(count: Decimal, side: Side) -> int | str:
    """Contracts with the sign of the side: a number where they are whole, text where they have decimals."""
    signed = count if side is Side.BUY else -count
    return int(signed) if signed == signed.to_integral_value() else _plain(signed)


def _spot_amount(request: OrderRequest, *, is_market: bool) -> str:
    """The ``amount``: base units, but of a market buy the quote that is spent."""
    if is_market and request.side is Side.BUY:
        if request.quote_quantity is None and request.order_type is OrderType.MARKET:
            raise not_offered(
                EXCHANGE,
                "market buys of a base quantity",
                ("quote_quantity, what is to be spent", "limit orders with time in force IOC"),
                operation="place_order",
            )
        if request.quote_quantity is None:
            raise not_offered(EXCHANGE, "trigger orders that buy at market", ("a price",), operation="place_order")
        return _plain(request.quote_quantity)
    if request.quantity is None:
        raise not_offered(EXCHANGE, "market sales for a quote quantity", ("quantity",), operation="place_order")
    return _plain(request.quantity)


def _spot_time_in_force(request: OrderRequest, *, is_market: bool) -> str:
    if is_market:  # its default is not the same everywhere, so it is always told
        return "fok" if request.time_in_force is TimeInForce.FOK else "ioc"
    return _TIMES_IN_FORCE[request.time_in_force]


def _rises(request: OrderRequest) -> bool:
    """Whether the trigger waits for a price at or above its own."""
    return (request.side is Side.BUY) is (request.order_type is OrderType.STOP_LOSS)


def _price(request: OrderRequest) -> str:
    if request.price is None:
        raise ValueError("a limit order needs a price")
    return _plain(request.price)


def _trigger_price(request: OrderRequest) -> Decimal:
    if request.trigger_price is None:
        raise ValueError(f"a {request.order_type} order needs a trigger_price")
    return request.trigger_price


def _plain(value: Decimal) -> str:
    return format(value, "f")
