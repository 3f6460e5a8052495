"""Private pushes: golden values of the frames, every state, and nothing senseless gets through."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cex.common import Balance, Fill, Order, Symbol
from cex.common.enums import Liquidity, OrderStatus, OrderType, Side, TimeInForce
from cex.common.exceptions import ExchangeDataException
from cex.exchanges.mexc.decode.streams import pushed_balance, pushed_fill, pushed_order
from cex.exchanges.mexc.wire.push import PushDataV3ApiWrapper, parse_push

Reader = Callable[[str], bytes]

MX = Symbol("MX/USDT")
MS = 1_000_000
ORDERS = "spot@private.orders.v3.api.pb"
DEALS = "spot@private.deals.v3.api.pb"
ACCOUNT = "spot@private.account.v3.api.pb"


def by_native(name: str) -> Symbol | None:
    return {"MXUSDT": MX}.get(name)


def test_an_order(frame: Reader) -> None:
    push = parse_push(frame("push_private_order"))
    assert pushed_order(push, by_native) == Order(
        symbol=MX,
        order_id="C02__505979017439002624115",
        client_order_id=None,
        side=Side.SELL,
        order_type=OrderType.MARKET,
        status=OrderStatus.FILLED,
        quantity=Decimal(1),
        filled=Decimal(1),
        price=None,
        average_price=Decimal("3.6962"),
        time_in_force=TimeInForce.IOC,
        created_ts=push.privateOrders.createTime * MS,
        updated_ts=push.sendTime * MS,
        filled_quote=Decimal("3.6962"),
    )
    assert push.sendTime > push.privateOrders.createTime > 1_700_000_000_000


def test_a_fill(frame: Reader) -> None:
    push = parse_push(frame("push_private_deal"))
    assert pushed_fill(push, by_native, 7) == Fill(
        symbol=MX,
        trade_id="505979017439002624X1",
        order_id="C02__505979017439002624115",
        client_order_id=None,
        side=Side.SELL,
        price=Decimal("3.6962"),
        quantity=Decimal(1),
        fee=Decimal("0.0003998377369698171"),
        fee_currency="MX",
        liquidity=Liquidity.TAKER,
        exchange_ts=push.privateDeals.time * MS,
        received_ts=7,
    )


def test_a_balance(frame: Reader) -> None:
    push = parse_push(frame("push_private_account"))
    assert pushed_balance(push) == Balance(
        currency="USDT",
        free=Decimal("21.94210356004384"),
        locked=Decimal(0),
        updated_ts=push.privateAccount.time * MS,
    )


def order_push(**changes: object) -> PushDataV3ApiWrapper:
    body: dict[str, object] = {
        "id": "C02__1",
        "clientId": "mine",
        "price": "2",
        "quantity": "10",
        "amount": "20",
        "orderType": 1,
        "tradeType": 1,
        "remainQuantity": "6",
        "cumulativeQuantity": "4",
        "cumulativeAmount": "8.4",
        "status": 3,
        "createTime": 1_757_172_734_000,
    }
    symbol = changes.pop("symbol", "MXUSDT")
    push = PushDataV3ApiWrapper(channel=ORDERS, symbol=str(symbol), sendTime=1_757_172_735_000)
    for name, value in (body | changes).items():
        setattr(push.privateOrders, name, value)
    return push


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (1, OrderStatus.NEW),
        (2, OrderStatus.FILLED),
        (3, OrderStatus.PARTIALLY_FILLED),
        (4, OrderStatus.CANCELED),
        (5, OrderStatus.CANCELED),
    ],
)
def test_every_state(number: int, status: OrderStatus) -> None:
    told = pushed_order(order_push(status=number), by_native)
    assert (told.status, told.filled, told.average_price) == (status, Decimal(4), Decimal("2.1"))
    assert (told.client_order_id, told.price, told.quantity) == ("mine", Decimal(2), Decimal(10))


@pytest.mark.parametrize(
    ("number", "kind", "time_in_force"),
    [
        (1, OrderType.LIMIT, TimeInForce.GTC),
        (2, OrderType.LIMIT, TimeInForce.POST_ONLY),
        (3, OrderType.LIMIT, TimeInForce.IOC),
        (4, OrderType.LIMIT, TimeInForce.FOK),
        (5, OrderType.MARKET, TimeInForce.IOC),
        (100, OrderType.STOP_LOSS, TimeInForce.GTC),
    ],
)
def test_every_type(number: int, kind: OrderType, time_in_force: TimeInForce) -> None:
    told = pushed_order(order_push(orderType=number), by_native)
    assert (told.order_type, told.time_in_force) == (kind, time_in_force)


def test_a_new_order_in_which_every_default_is_absent() -> None:
    told = pushed_order(order_push(status=1, cumulativeQuantity="", cumulativeAmount="", clientId=""), by_native)
    assert (told.filled, told.filled_quote, told.average_price) == (Decimal(0), Decimal(0), None)
    assert told.client_order_id is None


def test_a_market_order_by_amount() -> None:
    working = pushed_order(order_push(orderType=5, quantity="0", amount="100", price="0"), by_native)
    assert (working.quantity, working.quote_quantity, working.price) == (None, Decimal(100), None)
    so_far = pushed_order(order_push(orderType=5, quantity="4", amount="100"), by_native)
    assert (so_far.quantity, so_far.quote_quantity) == (None, Decimal(100))
    over = pushed_order(order_push(orderType=5, quantity="0", amount="100", status=2), by_native)
    assert (over.quantity, over.quote_quantity) == (Decimal(4), Decimal(100))


@pytest.mark.parametrize(
    "changes",
    [
        {"status": 0},
        {"status": 6},
        {"tradeType": 0},
        {"tradeType": 3},
        {"orderType": 0},
        {"orderType": 6},
        {"id": ""},
        {"symbol": "NOPEUSDT"},
        {"symbol": ""},
        {"quantity": ""},
        {"quantity": "x"},
        {"cumulativeQuantity": "11"},
        {"cumulativeAmount": ""},
        {"cumulativeAmount": "-1"},
        {"price": "NaN"},
    ],
    ids=str,
)
def test_orders_that_make_no_sense(changes: dict[str, object]) -> None:
    push = order_push(**changes)
    with pytest.raises(ExchangeDataException) as caught:
        pushed_order(push, by_native)
    assert caught.value.channel == ORDERS
    assert caught.value.payload


def deal_push(**changes: object) -> PushDataV3ApiWrapper:
    body: dict[str, object] = {
        "price": "2",
        "quantity": "3",
        "tradeType": 1,
        "isMaker": True,
        "tradeId": "1X0",
        "orderId": "C02__1",
        "clientOrderId": "mine",
        "feeAmount": "0.01",
        "feeCurrency": "MX",
        "time": 1_757_172_734_000,
    }
    symbol = changes.pop("symbol", "MXUSDT")
    push = PushDataV3ApiWrapper(channel=DEALS, symbol=str(symbol))
    for name, value in (body | changes).items():
        setattr(push.privateDeals, name, value)
    return push


def test_a_fill_as_maker_without_a_fee() -> None:
    told = pushed_fill(deal_push(feeAmount="", feeCurrency=""), by_native, 0)
    assert (told.liquidity, told.fee, told.fee_currency, told.side) == (Liquidity.MAKER, Decimal(0), "", Side.BUY)
    assert told.client_order_id == "mine"


@pytest.mark.parametrize(
    "changes",
    [
        {"tradeType": 0},
        {"tradeId": ""},
        {"orderId": ""},
        {"price": ""},
        {"quantity": "x"},
        {"feeCurrency": ""},
        {"symbol": "NOPEUSDT"},
    ],
    ids=str,
)
def test_fills_that_make_no_sense(changes: dict[str, object]) -> None:
    with pytest.raises(ExchangeDataException):
        pushed_fill(deal_push(**changes), by_native, 0)


@pytest.mark.parametrize(("name", "value"), [("vcoinName", ""), ("balanceAmount", ""), ("frozenAmount", "x")])
def test_balances_that_make_no_sense(frame: Reader, name: str, value: str) -> None:
    push = parse_push(frame("push_private_account"))
    setattr(push.privateAccount, name, value)
    with pytest.raises(ExchangeDataException):
        pushed_balance(push)


figures = st.text("0123456789.-eE+ NaInf", max_size=12)


@settings(max_examples=50)
@given(st.integers(-1, 7), st.integers(-1, 3), figures, figures, figures)
def test_any_push_is_an_order_or_a_data_error(status: int, side: int, quantity: str, filled: str, quote: str) -> None:
    push = order_push(
        status=status, tradeType=side, quantity=quantity, cumulativeQuantity=filled, cumulativeAmount=quote
    )
    try:
        told = pushed_order(push, by_native)
    except ExchangeDataException:
        return
    assert told.quantity is not None
    assert 0 <= told.filled <= told.quantity
    assert status in (1, 2, 3, 4, 5)
    assert told.side is {1: Side.BUY, 2: Side.SELL}[side]
