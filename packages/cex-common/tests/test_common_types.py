from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from cex.common import AssetNetwork, Balance, Fill, Order, OrderRequest, Symbol, Trade, Withdrawal
from cex.common.enums import OrderStatus, OrderType, Side, TransferStatus
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


def test_closing_a_position_takes_no_quantity() -> None:
    closing = request(order_type=OrderType.MARKET, price=None, quantity=None, close_position=True)
    assert closing.close_position
    with pytest.raises(ValueError, match="give no quantity"):
        request(close_position=True)


def test_copies_with_other_fields() -> None:
    assert request().replaced(price=Decimal(3)).price == 3
    order = Order(
        symbol=BTC,
        order_id="1",
        client_order_id=None,
        side=Side.BUY,
        order_type=OrderType.MARKET,
        status=OrderStatus.NEW,
        quantity=None,
        quote_quantity=Decimal(100),
    )
    assert order.remaining is None, "nobody can say it before it has ended"
    assert order.replaced(quantity=Decimal(2), filled=Decimal("0.5")).remaining == Decimal("1.5")
    fill = Fill(
        symbol=BTC,
        trade_id="1",
        order_id="1",
        client_order_id=None,
        side=Side.BUY,
        price=Decimal(1),
        quantity=Decimal(1),
        fee=Decimal(0),
        fee_currency="USDT",
        liquidity=None,
    )
    assert fill.replaced(client_order_id="mine").client_order_id == "mine"


def test_the_wallet_speaks_in_decimals_and_survives_json() -> None:
    withdrawal = Withdrawal(
        withdrawal_id="1", currency="USDT", amount=Decimal("0.1"), status=TransferStatus.PENDING, fee=Decimal(1)
    )
    packed = msgspec.json.encode(withdrawal)
    assert msgspec.json.decode(packed, type=Withdrawal) == withdrawal
    assert (
        AssetNetwork(currency="USDT", network="TRX", deposit_enabled=True, withdraw_enabled=False).withdraw_fee is None
    )
