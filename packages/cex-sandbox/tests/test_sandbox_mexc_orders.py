from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from cex.common.enums import Side
from cex.sandbox.accounts.directory import Account, ApiKey, Permission
from cex.sandbox.accounts.ledger import SPOT

Make = Callable[..., Awaitable[Any]]

UNSEEN = {"code": -2013, "msg": "Order does not exist."}


def resting(mexc: Any, side: str = "BUY", **changes: object) -> dict[str, object]:
    """A limit order that nobody will meet."""
    best = mexc.best("BTC/USDT", Side.BUY)
    price = best * Decimal("0.9") if side == "BUY" else best * Decimal("1.1")
    order = {
        "symbol": "BTCUSDT",
        "side": side,
        "type": "LIMIT",
        "quantity": "0.01",
        "price": price.quantize(Decimal("0.01")),
    }
    return {**order, **changes}


@pytest.fixture
async def mexc(own_mexc: Make) -> Any:
    return await own_mexc()


# --- placing ---------------------------------------------------------------------------------------------------------


async def test_the_documented_example_is_placed_as_it_is_signed_there(mexc: Any) -> None:
    query = "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=11&recvWindow=5000&timestamp=1644489390087"
    signature = "fd3e4e8543c5188531eb7279d68ae7d26a573d0fc5ab0d18eb692451654d837a"
    headers = {"X-MEXC-APIKEY": "mx0aBYs33eIilxBWC5", "Content-Type": "application/json"}
    answer = await mexc.raw("POST", "/api/v3/order", f"{query}&signature={signature}", headers=headers)
    assert answer.status == 200
    order_id = answer.body.pop("orderId")
    assert order_id.startswith("C02__")
    assert order_id.removeprefix("C02__").isdigit()
    assert answer.body == {
        "symbol": "BTCUSDT",
        "orderListId": -1,
        "price": "11",
        "origQty": "1",
        "type": "LIMIT",
        "side": "BUY",
        "stpMode": "",
        "transactTime": 1644489390087,
    }


async def test_the_documented_example_with_a_body_is_placed_too(mexc: Any) -> None:
    signature = "d1a676610ceb39174c8039b3f548357994b2a34139a8addd33baadba65684592"
    answer = await mexc.raw(
        "POST",
        "/api/v3/order/test",
        "symbol=BTCUSDT&side=BUY&type=LIMIT",
        body=f"quantity=1&price=11&recvWindow=5000&timestamp=1644489390087&signature={signature}".encode(),
        headers={"X-MEXC-APIKEY": "mx0aBYs33eIilxBWC5", "Content-Type": "application/json"},
    )
    assert (answer.status, answer.body) == (200, {})
    assert (await mexc.call("GET", "openOrders", symbol="BTCUSDT")).body == []


async def test_an_order_is_answered_queried_and_cancelled(mexc: Any) -> None:
    placed = await mexc.call("POST", "order", **resting(mexc, newClientOrderId="abc_1", timeInForce="FOK"))
    assert placed.status == 200
    assert "clientOrderId" not in placed.body
    order_id = placed.body["orderId"]
    mexc.clock.advance(1.5)
    by_id = await mexc.call("GET", "order", symbol="BTCUSDT", orderId=order_id)
    by_client = await mexc.call("GET", "order", symbol="BTCUSDT", origClientOrderId="abc_1")
    by_digits = await mexc.call("GET", "order", symbol="BTCUSDT", orderId=order_id.removeprefix("C02__"))
    price = placed.body["price"]
    assert (
        by_id.body
        == by_client.body
        == by_digits.body
        == {
            "symbol": "BTCUSDT",
            "orderId": order_id,
            "orderListId": -1,
            "clientOrderId": "abc_1",
            "price": price,
            "origQty": "0.01",
            "executedQty": "0",
            "cummulativeQuoteQty": "0",
            "status": "NEW",
            "stpMode": "",
            "timeInForce": None,
            "type": "LIMIT",
            "side": "BUY",
            "stopPrice": None,
            "icebergQty": None,
            "time": 1644489390000,
            "updateTime": 1644489390000,
            "isWorking": True,
            "origQuoteOrderQty": f"{(Decimal(price) * Decimal('0.01')).normalize():f}",
        }
    )
    assert (await mexc.call("GET", "openOrders", symbol="BTCUSDT")).body == [by_id.body]
    cancelled = await mexc.call("DELETE", "order", symbol="BTCUSDT", orderId=order_id)
    assert cancelled.status == 200
    assert cancelled.body == {
        "symbol": "BTCUSDT",
        "orderId": order_id,
        "price": price,
        "origQty": "0.01",
        "type": "LIMIT",
        "side": "BUY",
        "executedQty": "0",
        "cummulativeQuoteQty": "0",
        "status": "NEW",
        "origClientOrderId": "abc_1",
    }
    again = await mexc.call("DELETE", "order", symbol="BTCUSDT", orderId=order_id)
    assert (again.status, again.body) == (400, {"code": -2011, "msg": "Unknown order sent."})
    assert (await mexc.call("GET", "order", symbol="BTCUSDT", orderId=order_id)).body["status"] == "CANCELED"


async def test_a_market_buy_spends_the_amount(mexc: Any) -> None:
    ask = mexc.best("BTC/USDT", Side.SELL)
    placed = await mexc.call("POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="1000")
    order = (await mexc.call("GET", "order", symbol="BTCUSDT", orderId=placed.body["orderId"])).body
    assert order["type"] == "MARKET"
    assert order["origQuoteOrderQty"] == "1000"
    spent, got = Decimal(order["cummulativeQuoteQty"]), Decimal(order["executedQty"])
    assert 0 <= 1000 - spent < ask / 10**6
    assert Decimal(order["price"]) == (ask * Decimal("1.05")).quantize(Decimal("0.01"))
    assert spent / got < Decimal(order["price"])
    trades = (await mexc.call("GET", "myTrades", symbol="BTCUSDT")).body
    assert sum(Decimal(trade["quoteQty"]) for trade in trades) == spent
    for trade in trades:
        assert (trade["isBuyer"], trade["isMaker"], trade["isBestMatch"]) == (True, False, True)
        assert trade["commissionAsset"] == "BTC"
        assert Decimal(trade["commission"]) == Decimal(trade["qty"]) * Decimal("0.0005")
        assert trade["id"].endswith("X1")
        assert trade["time"] == 1644489390000
    account = (await mexc.call("GET", "account")).body
    coins = {coin["asset"]: coin for coin in account["balances"]}
    assert Decimal(coins["USDT"]["free"]) == 100_000 - spent
    assert Decimal(coins["BTC"]["free"]) == 2 + got * Decimal("0.9995")
    assert account["updateTime"] is None


async def test_market_orders_by_quantity(mexc: Any) -> None:
    for side in ("BUY", "SELL"):
        placed = await mexc.call("POST", "order", symbol="BTCUSDT", side=side, type="MARKET", quantity="0.002")
        order = (await mexc.call("GET", "order", symbol="BTCUSDT", orderId=placed.body["orderId"])).body
        assert (order["status"], order["executedQty"], order["side"]) == ("FILLED", "0.002", side)
        assert order["origQuoteOrderQty"] == "0"


async def test_an_order_is_filled_by_what_others_do(mexc: Any) -> None:
    bid, ask = mexc.best("BTC/USDT", Side.BUY), mexc.best("BTC/USDT", Side.SELL)
    price = min(bid + Decimal("0.01"), ask - Decimal("0.01"))
    placed = await mexc.call("POST", "order", symbol="BTCUSDT", side="BUY", type="LIMIT", quantity="0.05", price=price)
    for _ in range(200):
        mexc.tick()
        order = (await mexc.call("GET", "order", symbol="BTCUSDT", orderId=placed.body["orderId"])).body
        if order["status"] == "FILLED":
            break
    assert order["status"] == "FILLED"
    trades = (await mexc.call("GET", "myTrades", symbol="BTCUSDT", orderId=placed.body["orderId"])).body
    assert sum(Decimal(trade["qty"]) for trade in trades) == Decimal("0.05")
    assert all(trade["isMaker"] and Decimal(trade["commission"]) == 0 for trade in trades)


async def test_a_partial_fill_then_a_cancel(mexc: Any) -> None:
    (price, total), *_ = mexc.market.book("mexc", "BTC/USDT").true_book().asks
    placed = await mexc.call(
        "POST", "order", symbol="BTCUSDT", side="BUY", type="LIMIT", quantity=total + Decimal("0.001"), price=price
    )
    told = await mexc.call("GET", "order", symbol="BTCUSDT", orderId=placed.body["orderId"])
    assert told.body["status"] == "PARTIALLY_FILLED"
    cancelled = await mexc.call("DELETE", "order", symbol="BTCUSDT", orderId=placed.body["orderId"])
    assert (cancelled.body["status"], Decimal(cancelled.body["executedQty"])) == ("PARTIALLY_FILLED", total)
    told = await mexc.call("GET", "order", symbol="BTCUSDT", orderId=placed.body["orderId"])
    assert told.body["status"] == "PARTIALLY_CANCELED"


@pytest.mark.parametrize(
    ("kind", "quantity", "status"),
    [
        ("IMMEDIATE_OR_CANCEL", "more", "PARTIALLY_CANCELED"),
        ("IMMEDIATE_OR_CANCEL", "less", "FILLED"),
        ("FILL_OR_KILL", "more", "CANCELED"),
        ("FILL_OR_KILL", "less", "FILLED"),
        ("LIMIT_MAKER", "less", "CANCELED"),
    ],
)
async def test_orders_that_do_not_rest(mexc: Any, kind: str, quantity: str, status: str) -> None:
    (price, total), *_ = mexc.market.book("mexc", "BTC/USDT").true_book().asks
    asked = total + Decimal("0.001") if quantity == "more" else Decimal("0.0001")
    placed = await mexc.call("POST", "order", symbol="BTCUSDT", side="BUY", type=kind, quantity=asked, price=price)
    assert (placed.status, placed.body["type"]) == (200, kind)
    told = await mexc.call("GET", "order", symbol="BTCUSDT", orderId=placed.body["orderId"])
    assert (told.body["status"], told.body["type"]) == (status, kind)
    assert (await mexc.call("GET", "openOrders")).body == []


async def test_a_post_only_order_that_would_take_may_be_refused_instead(own_mexc: Make) -> None:
    mexc = await own_mexc(limit_maker_crossing="refuse")
    price = mexc.best("BTC/USDT", Side.SELL)
    order = resting(mexc, type="LIMIT_MAKER", price=price)
    assert (await mexc.call("POST", "order", **order)).body["code"] == 30041
    assert (await mexc.call("POST", "order", **resting(mexc, type="LIMIT_MAKER"))).status == 200


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"symbol": "NOPEUSDT"}, -1121, "Invalid symbol."),
        ({"symbol": "btcusdt"}, -1121, "Invalid symbol."),
        ({"symbol": ""}, 44444, "param cannot be null"),
        ({"side": "LONG"}, 33333, "param is error"),
        ({"type": "STOP_LIMIT"}, 33333, "param is error"),
        ({"side": ""}, 44444, "param cannot be null"),
        ({"type": ""}, 44444, "param cannot be null"),
        ({"quantity": ""}, 44444, "param cannot be null"),
        ({"price": ""}, 44444, "param cannot be null"),
        ({"quantity": "-1"}, 33333, "param is error"),
        ({"quantity": "0"}, 33333, "param is error"),
        ({"price": "ten"}, 33333, "param is error"),
        ({"stpMode": "cancel_everything"}, 33333, "param is error"),
        ({"newClientOrderId": "no blanks"}, 700008, "Illegal characters found in parameter."),
        ({"newClientOrderId": "x" * 33}, 700008, "Illegal characters found in parameter."),
        ({"newClientOrderId": "龙虾"}, 700008, "Illegal characters found in parameter."),
        ({"price": "11.001"}, 400, " price scale is invalid"),
        ({"quantity": "0.010000001"}, 400, " quantity scale is invalid"),
        ({"quantity": "0.0000001", "price": "11"}, 30002, None),
        ({"quantity": "0.01", "price": "11"}, 30002, "The minimum transaction volume cannot be less than:1USDT"),
        (
            {"quantity": "100", "price": "50000"},
            30003,
            "The maximum transaction volume cannot be greater than:2000000USDT",
        ),
        ({"quantity": "10", "price": "50000"}, 30004, "Insufficient position"),
        ({"side": "SELL", "quantity": "10", "price": "100000"}, 30004, "Insufficient position"),
        ({"type": "MARKET", "quantity": "", "price": ""}, 44444, "param cannot be null"),
        ({"type": "MARKET", "quoteOrderQty": "10"}, 33333, "param is error"),
        ({"type": "MARKET", "quantity": "", "quoteOrderQty": "10.001"}, 400, " amount scale is invalid"),
        ({"type": "MARKET", "quantity": "", "quoteOrderQty": "0.5"}, 30002, None),
        (
            {"type": "MARKET", "quantity": "", "quoteOrderQty": "100001"},
            30003,
            "The maximum transaction volume cannot be greater than:100000USDT",
        ),
        ({"symbol": "GENEUSDT", "quantity": "100", "price": "0.05"}, 10007, "symbol not support api"),
        (
            {"symbol": "LUNCUSDT", "quantity": "100000", "price": "0.00006"},
            30000,
            "suspended transaction for the symbol",
        ),
    ],
)
async def test_what_is_refused_when_placing(
    mexc: Any, changes: dict[str, object], code: int, message: str | None
) -> None:
    order = {name: value for name, value in {**resting(mexc), **changes}.items() if value != ""}
    for path in ("order", "order/test"):
        answer = await mexc.call("POST", path, **order)
        assert (answer.status, answer.body["code"]) == (400, code), answer.body
        assert message is None or answer.body["msg"] == message
    assert mexc.desk.orders(mexc.account) == []


async def test_a_sale_beyond_the_balance_may_be_called_oversold(own_mexc: Make) -> None:
    mexc = await own_mexc(oversold=True)
    answer = await mexc.call("POST", "order", **resting(mexc, "SELL", quantity="3"))
    assert answer.body == {"code": 30005, "msg": "Oversold"}
    assert (await mexc.call("POST", "order", **resting(mexc, quantity="20"))).body["code"] == 30004


async def test_a_market_order_meets_an_empty_book(mexc: Any) -> None:
    engine = mexc.market.book("mexc", "ETH/USDT").engine
    for order in list(engine.orders.values()):
        if order.side is Side.SELL:
            engine.cancel(order.id)
    answer = await mexc.call("POST", "order", symbol="ETHUSDT", side="BUY", type="MARKET", quoteOrderQty="10")
    assert answer.body == {"code": 30025, "msg": "no exist opponent order"}


async def test_there_is_a_most_of_open_orders(own_mexc: Make) -> None:
    mexc = await own_mexc(max_open_orders=2)
    for _ in range(2):
        assert (await mexc.call("POST", "order", **resting(mexc))).status == 200
    answer = await mexc.call("POST", "order", **resting(mexc))
    assert answer.body == {"code": 30029, "msg": "Cannot exceed the maximum order limit"}


async def test_client_ids_may_be_used_again_unless_told_otherwise(own_mexc: Make) -> None:
    free, unique = await own_mexc(), await own_mexc(unique_client_ids="known")
    for mexc, status in ((free, 200), (unique, 400)):
        order = resting(mexc, newClientOrderId="twice")
        assert (await mexc.call("POST", "order", **order)).status == 200
        assert (await mexc.call("POST", "order", **order)).status == status


async def test_keys_have_permissions_and_symbols(mexc: Any) -> None:
    readonly = ApiKey("mx0vReadOnly01", "quiet", permissions=frozenset({Permission.READ}))
    only_eth = ApiKey("mx0vOnlyEth001", "narrow", scopes=frozenset({"ETHUSDT"}))
    mexc.directory.add_key(mexc.account, readonly)
    mexc.directory.add_key(mexc.account, only_eth)
    order = resting(mexc)
    answer = await mexc.call("POST", "order", key=(readonly.key, readonly.secret), **order)
    assert (answer.status, answer.body["code"]) == (403, 700007)
    assert (await mexc.call("GET", "openOrders", key=(readonly.key, readonly.secret))).status == 200
    answer = await mexc.call("POST", "order", key=(only_eth.key, only_eth.secret), **order)
    assert answer.body == {"code": 70011, "msg": "Pair user ban trade apikey."}
    symbols = (await mexc.call("GET", "selfSymbols", key=(only_eth.key, only_eth.secret))).body
    assert symbols == {"code": 200, "data": ["ETHUSDT"], "msg": None}


# --- cancelling and asking -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "code"),
    [("DELETE", -2011), ("GET", -2013)],
)
async def test_orders_that_are_not_there(mexc: Any, method: str, code: int) -> None:
    placed = (await mexc.call("POST", "order", **resting(mexc, newClientOrderId="mine"))).body["orderId"]
    stranger = ApiKey("mx0vStranger01", "else")
    mexc.directory.add(Account(20_000_002, "stranger", (stranger,)))
    for ids in (
        {"orderId": "C02__1"},
        {"orderId": "nonsense"},
        {"orderId": "C02__999999999999999999999"},
        {"origClientOrderId": "nobodys"},
    ):
        answer = await mexc.call(method, "order", symbol="BTCUSDT", **ids)
        assert (answer.status, answer.body["code"]) == (400, code)
    for ids in ({"orderId": placed}, {"origClientOrderId": "mine"}):
        assert (await mexc.call(method, "order", symbol="ETHUSDT", **ids)).body["code"] == code
        other = await mexc.call(method, "order", symbol="BTCUSDT", key=(stranger.key, stranger.secret), **ids)
        assert other.body["code"] == code
    assert (await mexc.call(method, "order", symbol="BTCUSDT")).body["code"] == 700004
    assert (await mexc.call(method, "order", orderId=placed)).body["code"] == 44444


async def test_which_of_two_ids_counts(own_mexc: Make) -> None:
    for both_ids, wanted in (("order", "one"), ("client", "two")):
        mexc = await own_mexc(both_ids=both_ids)
        one = (await mexc.call("POST", "order", **resting(mexc, newClientOrderId="one"))).body["orderId"]
        await mexc.call("POST", "order", **resting(mexc, newClientOrderId="two"))
        told = await mexc.call("GET", "order", symbol="BTCUSDT", orderId=one, origClientOrderId="two")
        assert told.body["clientOrderId"] == wanted


async def test_a_cancel_may_answer_as_documented(own_mexc: Make) -> None:
    mexc = await own_mexc(cancel_reply="canceled", whole_seconds=False)
    placed = (await mexc.call("POST", "order", **resting(mexc))).body["orderId"]
    assert (await mexc.call("GET", "order", symbol="BTCUSDT", orderId=placed)).body["time"] == 1644489390087
    cancelled = (await mexc.call("DELETE", "order", symbol="BTCUSDT", orderId=placed)).body
    assert cancelled["status"] == "CANCELED"
    assert "origClientOrderId" not in cancelled


async def test_several_symbols_are_cancelled_at_once(mexc: Any) -> None:
    for symbol, price in (("BTCUSDT", "100"), ("BTCUSDT", "101"), ("ETHUSDT", "102")):
        assert (
            await mexc.call("POST", "order", **resting(mexc, symbol=symbol, price=price, quantity="0.1"))
        ).status == 200
    assert [order["price"] for order in (await mexc.call("GET", "openOrders")).body] == ["102", "101", "100"]
    two = (await mexc.call("GET", "openOrders", symbol="BTCUSDT")).body
    assert [order["price"] for order in two] == ["101", "100"]
    answer = await mexc.call("DELETE", "openOrders", symbol="BTCUSDT,ETHUSDT")
    assert [(order["symbol"], order["status"]) for order in answer.body] == [
        ("BTCUSDT", "NEW"),
        ("BTCUSDT", "NEW"),
        ("ETHUSDT", "NEW"),
    ]
    assert (await mexc.call("GET", "openOrders")).body == []
    assert (await mexc.call("DELETE", "openOrders", symbol="BTCUSDT")).body == []
    assert (await mexc.call("DELETE", "openOrders", symbol="BTCUSDT,NOPE")).body["code"] == -1121
    assert (await mexc.call("DELETE", "openOrders", symbol="A,B,C,D,E,F")).body["code"] == 33333
    assert (await mexc.call("DELETE", "openOrders")).body["code"] == 44444


async def test_everything_is_cancelled_at_once(mexc: Any) -> None:
    for symbol in ("BTCUSDT", "ETHUSDT"):
        await mexc.call("POST", "order", **resting(mexc, symbol=symbol, price="100", quantity="0.1"))
    answer = await mexc.call("DELETE", "order/all")
    assert answer.body == {"code": 200, "msg": "success", "timestamp": 1644489390087}
    assert mexc.desk.open_orders(mexc.account) == []
    assert mexc.ledger.holding(mexc.account.uid, SPOT, "USDT").locked == 0


async def test_all_orders_and_trades_of_a_time(mexc: Any) -> None:
    for number in range(3):
        order = resting(mexc, newClientOrderId=f"n{number}")
        assert (await mexc.call("POST", "order", **order)).status == 200
        await mexc.call("POST", "order", symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.001")
        mexc.clock.advance(3600)
    now = mexc.clock.time_ns() // 1_000_000
    everything = (await mexc.call("GET", "allOrders", symbol="BTCUSDT")).body
    assert len(everything) == 6
    assert [order["clientOrderId"] for order in everything if order["type"] == "LIMIT"] == ["n2", "n1", "n0"]
    assert [
        order["clientOrderId"] for order in (await mexc.call("GET", "allOrders", symbol="BTCUSDT", limit=2)).body
    ] == [
        None,
        "n2",
    ]
    late = await mexc.call("GET", "allOrders", symbol="BTCUSDT", startTime=now - 3_700_000)
    early = await mexc.call("GET", "allOrders", symbol="BTCUSDT", endTime=now - 7_300_000)
    assert (len(late.body), len(early.body)) == (2, 2)
    trades = (await mexc.call("GET", "myTrades", symbol="BTCUSDT", limit=1000)).body
    assert [trade["time"] for trade in trades] == sorted((trade["time"] for trade in trades), reverse=True)
    assert sum(Decimal(trade["qty"]) for trade in trades) == Decimal("0.003")
    assert (await mexc.call("GET", "myTrades", symbol="BTCUSDT", startTime=now - 1000)).body == []
    mexc.clock.advance(8 * 86400)
    assert (await mexc.call("GET", "allOrders", symbol="BTCUSDT", startTime=now - 10_000_000)).body == []
    assert (await mexc.call("GET", "allOrders")).body["code"] == 44444


async def test_a_page_of_trades_is_capped(own_mexc: Make) -> None:
    mexc = await own_mexc(most_trades=3)
    for _ in range(5):
        await mexc.call("POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.0001")
    assert len((await mexc.call("GET", "myTrades", symbol="BTCUSDT", limit=1000)).body) == 3


# --- batches ---------------------------------------------------------------------------------------------------------


async def test_a_batch_of_mixed_results(mexc: Any) -> None:
    orders = [
        {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT_ORDER", "quantity": "0.01", "price": "10000"},
        {
            "symbol": "BTCUSDT",
            "side": "BUY",
            "type": "LIMIT",
            "quantity": "0.01",
            "price": "11",
            "newClientOrderId": 123456,
        },
        {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": 0.001, "newClientOrderId": "last"},
    ]
    answer = await mexc.call("POST", "batchOrders", batchOrders=json.dumps(orders))
    assert answer.status == 200
    first, second, third = answer.body
    assert list(first) == ["symbol", "orderId", "orderListId"]
    assert second == {
        "newClientOrderId": "123456",
        "msg": "The minimum transaction volume cannot be less than:1USDT",
        "code": 30002,
    }
    assert (third["symbol"], third["newClientOrderId"]) == ("BTCUSDT", "last")
    order = (await mexc.call("GET", "order", symbol="BTCUSDT", orderId=first["orderId"])).body
    assert order["type"] == "LIMIT"


@pytest.mark.parametrize(
    "batch",
    [
        "",
        "not json",
        "{}",
        "[]",
        "[1]",
        json.dumps([{"symbol": "BTCUSDT"}, {"symbol": "ETHUSDT"}]),
        json.dumps([{"symbol": "BTCUSDT"}] * 21),
    ],
)
async def test_batches_that_are_none(mexc: Any, batch: str) -> None:
    answer = await mexc.call("POST", "batchOrders", batchOrders=batch)
    assert (answer.status, answer.body["code"]) == (400, 33333 if batch else 44444)


# --- self-trade ------------------------------------------------------------------------------------------------------


async def test_own_orders_meet_unless_a_group_says_otherwise(mexc: Any) -> None:
    bid, ask = mexc.best("BTC/USDT", Side.BUY), mexc.best("BTC/USDT", Side.SELL)
    assert ask - bid > Decimal("0.02")
    price = bid + Decimal("0.01")
    sale = {"symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "quantity": "0.01", "price": price}
    await mexc.call("POST", "order", **sale)
    bought = await mexc.call("POST", "order", **{**sale, "side": "BUY"}, stpMode="cancel_maker")
    assert bought.body["stpMode"] == "cancel_maker"
    trades = (await mexc.call("GET", "myTrades", symbol="BTCUSDT")).body
    assert [trade["isSelfTrade"] for trade in trades] == [True, True]
    assert sorted(trade["isBuyer"] for trade in trades) == [False, True]
    assert len({trade["id"] for trade in trades}) == 2

    created = await mexc.call("POST", "strategy/group", tradeGroupName="ours")
    assert created.body["data"]["tradeGroupName"] == "ours"
    group = created.body["data"]["tradeGroupId"]
    added = await mexc.call("POST", "strategy/group/uid", tradeGroupId=group, uid=mexc.account.uid)
    assert added.body["data"]["tradeGroupUid"] == str(mexc.account.uid)
    maker = (await mexc.call("POST", "order", **sale)).body["orderId"]
    await mexc.call("POST", "order", **{**sale, "side": "BUY", "type": "IMMEDIATE_OR_CANCEL"}, stpMode="cancel_maker")
    told = (await mexc.call("GET", "order", symbol="BTCUSDT", orderId=maker)).body
    assert (told["status"], told["cancelReason"]) == ("CANCELED", "stp_cancel")
    assert len((await mexc.call("GET", "myTrades", symbol="BTCUSDT")).body) == 2


async def test_the_life_of_a_group(mexc: Any) -> None:
    uid = mexc.account.uid
    group = (await mexc.call("POST", "strategy/group", tradeGroupName="ours")).body["data"]["tradeGroupId"]
    assert (await mexc.call("POST", "strategy/group", tradeGroupName="ours")).body["code"] == 26
    await mexc.call("POST", "strategy/group/uid", ttradeGroupId=group, uid=uid)
    (listed,) = (await mexc.call("GET", "strategy/group", tradeGroupName="ours")).body["data"]
    assert (listed["tradeGroupId"], listed["tradeGroupUid"]) == (group, str(uid))
    assert mexc.account.stp_group == group
    removed = await mexc.call("DELETE", "strategy/group/uid", tradeGroupId=group, uid=uid)
    assert removed.body == {"data": True, "code": 200, "msg": "success", "timestamp": 1644489390087}
    assert mexc.account.stp_group == 0
    assert (await mexc.call("POST", "strategy/group/uid", tradeGroupId=group, uid=5)).body["code"] == 140001
    assert (await mexc.call("POST", "strategy/group/uid", tradeGroupId=group, uid="x")).body["code"] == 140001
    await mexc.call("POST", "strategy/group/uid", tradeGroupId=group, uid=uid)
    assert (await mexc.call("DELETE", "strategy/group", tradeGroupId=group)).body["data"] is True
    assert mexc.account.stp_group == 0
    assert (await mexc.call("DELETE", "strategy/group", tradeGroupId=group)).body["code"] == 22222
    assert (await mexc.call("DELETE", "strategy/group")).body["code"] == 44444
    for number in range(10):
        assert (await mexc.call("POST", "strategy/group", tradeGroupName=f"g{number}")).status == 200
    assert (await mexc.call("POST", "strategy/group", tradeGroupName="g10")).body["code"] == 26
