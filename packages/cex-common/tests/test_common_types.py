from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from cex.common import Balance, Fill, Order, OrderRequest, Symbol, Trade
from cex.common.enums import OrderStatus, OrderType, Side
from cex.common.types.serialization import decode_hook, encode_hook

BTC = Symbol("BTC/USDT")


def request(**fields: Any) -> OrderRequest:
    limit_order: dict[str, Any] = {
        "symbol": BTC,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "quantity": Decimal(1),
        "price": Decimal(2),
    }
    return OrderRequest(**limit_order | fields)


def test_a_limit_order_is_taken() -> None:
    assert request().price == 2


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"quantity": None}, "exactly one"),
        ({"quote_quantity": Decimal(1)}, "exactly one"),
        ({"quantity": None, "quote_quantity": Decimal(1)}, "market orders"),
        ({"price": None}, "needs a price"),
        ({"order_type": OrderType.STOP_LOSS}, "trigger_price"),
        ({"quantity": Decimal(0)}, "positive"),
        ({"price": Decimal("NaN")}, "positive"),
    ],
)
def test_an_order_request_that_cannot_be_meant_is_refused(fields: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        request(**fields)


def test_floats_are_refused_where_money_is_meant() -> None:
    with pytest.raises(TypeError, match="price is a float"):
        request(price=1.5)


def test_what_remains_and_what_is_held() -> None:
    order = Order(
        symbol=BTC,
        order_id="1",
        client_order_id=None,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        status=OrderStatus.PARTIALLY_FILLED,
        quantity=Decimal(3),
        filled=Decimal(1),
    )
    assert order.remaining == 2
    assert Balance(currency="BTC", free=Decimal(1), locked=Decimal(2)).total == 3


def test_final_states_and_opposite_sides() -> None:
    assert {status for status in OrderStatus if status.is_final} == {
        OrderStatus.FILLED,
        OrderStatus.CANCELED,
        OrderStatus.REJECTED,
        OrderStatus.EXPIRED,
    }
    assert Side.BUY.opposite is Side.SELL
    assert Side.SELL.opposite is Side.BUY


@pytest.mark.parametrize(
    "value",
    [
        Trade(BTC, "1", Side.SELL, 1.5, 2.0, 3, 4),
        Fill(
            symbol=BTC,
            trade_id="1",
            order_id="2",
            client_order_id=None,
            side=Side.BUY,
            price=Decimal("1.10"),
            quantity=Decimal("0.001"),
            fee=Decimal("-0.1"),
            fee_currency="MX",
            liquidity=None,
        ),
    ],
)
def test_types_go_through_json_and_back(value: Any) -> None:
    encoded = msgspec.json.encode(value, enc_hook=encode_hook)
    assert msgspec.json.decode(encoded, type=type(value), dec_hook=decode_hook) == value
