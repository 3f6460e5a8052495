from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cex.common.enums import Side

SYMBOL = "BTC/USDT:USDT"
INITIAL: dict[str, object] = {"contract": "BTC_USDT", "size": 10, "price": "0", "tif": "ioc", "text": "api"}


def body(perp: Any, **trigger: object) -> dict[str, Any]:
    mark = perp.desk.contract(SYMBOL).mark
    price = (mark * Decimal("1.01")).quantize(Decimal("0.1"))
    given = {"strategy_type": 0, "price_type": 1, "price": f"{price:f}", "rule": 1, "expiration": 86_400}
    return {"initial": dict(INITIAL), "trigger": given | trigger}


async def test_one_that_waits_in_full(perp: Any) -> None:
    asked = body(perp)
    answer = await perp.call("POST", "/price_orders", asked | {"order_type": "close-long-position"})
    assert (answer.status, answer.body) == (201, {"id": 1, "id_string": "1"})
    told = (await perp.call("GET", "/price_orders/1")).body
    assert told == {
        "id": 1,
        "id_string": "1",
        "user": 10000,
        "initial": {
            "contract": "BTC_USDT",
            "size": 10,
            "price": "0",
            "tif": "ioc",
            "text": "api",
            "iceberg": 0,
            "is_close": False,
            "is_reduce_only": False,
            "auto_size": "",
        },
        "trigger": asked["trigger"] | {"price": told["trigger"]["price"]},
        "trade_id": 0,
        "status": "open",
        "reason": "",
        "create_time": perp.clock.time_ns() / 1e9,
        "name": "price_autoorders",
        "is_stop_order": False,
        "stop_trigger": {"rule": 0, "trigger_price": "", "order_price": ""},
        "order_type": "close-long-position",
        "me_order_id": 0,
    }
    assert Decimal(told["trigger"]["price"]) == Decimal(asked["trigger"]["price"])
    assert (await perp.call("GET", "/price_orders/1", key="b" * 32)).status == 404


@pytest.mark.parametrize(("price_type", "attribute"), [(0, "last"), (1, "mark"), (2, "index")])
@pytest.mark.parametrize("rule", [1, 2])
async def test_it_is_placed_when_the_price_has_come(perp: Any, price_type: int, attribute: str, rule: int) -> None:
    contract = perp.desk.contract(SYMBOL)
    seen = getattr(contract, attribute).quantize(Decimal("0.1"))
    away = seen + 100 if rule == 1 else seen - 100
    await perp.call("POST", "/price_orders", body(perp, price=f"{away:f}", price_type=price_type, rule=rule))
    perp.settle()
    assert (await perp.call("GET", "/price_orders/1")).body["status"] == "open"
    there = seen - 100 if rule == 1 else seen + 100
    await perp.call("PUT", "/price_orders/amend", {"order_id": 1, "trigger_price": f"{there:f}"})
    perp.settle()
    told = (await perp.call("GET", "/price_orders/1")).body
    assert (told["status"], told["finish_as"]) == ("finished", "succeeded")
    order = (await perp.call("GET", f"/orders/{told['trade_id']}")).body
    assert (order["size"], order["finish_as"]) == (10, "filled")


async def test_a_stop_loss_closes_the_position(perp: Any) -> None:
    await perp.order(size=10, price="0", tif="ioc")
    mark = perp.desk.contract(SYMBOL).mark
    asked = body(perp, price="80000", rule=2)
    asked["initial"] = {"contract": "BTC_USDT", "price": "0", "tif": "ioc", "close": True}
    assert (await perp.call("POST", "/price_orders", asked)).status == 201
    perp.mark(Decimal(80_001))
    perp.settle()
    assert perp.desk.positions(perp.main)
    perp.mark(Decimal(80_000))
    perp.settle()
    assert not perp.desk.positions(perp.main)
    perp.mark(mark)
    asked["trigger"]["price"] = "90000"
    await perp.call("POST", "/price_orders", asked)
    perp.settle()
    failed = (await perp.call("GET", "/price_orders/2")).body
    assert (failed["finish_as"], failed["reason"]) == ("failed", "POSITION_EMPTY")


async def test_it_expires(perp: Any) -> None:
    await perp.call("POST", "/price_orders", body(perp, expiration=60))
    await perp.call("POST", "/price_orders", body(perp, expiration=0))
    perp.clock.advance(60)
    perp.settle()
    finished = (await perp.call("GET", "/price_orders", status="finished")).body
    assert [(order["id"], order["finish_as"]) for order in finished] == [(1, "expired")]
    assert [order["id"] for order in (await perp.call("GET", "/price_orders", status="open")).body] == [2]


async def test_cancelling(perp: Any) -> None:
    for _ in range(3):
        await perp.call("POST", "/price_orders", body(perp))
    cancelled = (await perp.call("DELETE", "/price_orders/2")).body
    assert (cancelled["status"], cancelled["finish_as"]) == ("finished", "cancelled")
    again = await perp.call("DELETE", "/price_orders/2")
    assert (again.status, again.body["label"]) == (400, "ORDER_FINISHED")
    assert (await perp.call("DELETE", "/price_orders", contract="SOL_USDT")).body == []
    rest = (await perp.call("DELETE", "/price_orders", contract="BTC_USDT")).body
    assert sorted(order["id"] for order in rest) == [1, 3]
    assert (await perp.call("PUT", "/price_orders/amend", {"order_id": 2, "size": 1})).body["label"] == "ORDER_FINISHED"
    assert (await perp.call("DELETE", "/price_orders/9")).status == 404


async def test_amending(perp: Any) -> None:
    await perp.call("POST", "/price_orders", body(perp))
    changed = {"order_id": 1, "size": 20, "price": "84000", "trigger_price": "84100", "price_type": 2}
    assert (await perp.call("PUT", "/price_orders/amend", changed)).body == {"id": 1, "id_string": "1"}
    told = (await perp.call("GET", "/price_orders/1")).body
    assert (told["initial"]["size"], told["initial"]["price"]) == (20, "84000")
    assert (told["trigger"]["price"], told["trigger"]["price_type"]) == ("84100", 2)
    del changed["order_id"]
    assert (await perp.call("PUT", "/price_orders/amend/1", changed)).status == 200
    for bad in ({"price": "84000.05"}, {"trigger_price": "-1"}, {"price_type": 3}, {"size": "1.5"}):
        assert (await perp.call("PUT", "/price_orders/amend/1", bad)).status == 400
    assert (await perp.call("PUT", "/price_orders/amend", {"size": 1})).status == 400


@pytest.mark.parametrize(
    ("initial", "trigger", "more"),
    [
        ({"price": None}, {}, {}),
        ({"size": 0}, {}, {}),
        ({"size": "1.5"}, {}, {}),
        ({"price": "0.05"}, {}, {}),
        ({"price": "-3"}, {}, {}),
        ({"contract": "NOPE_USDT"}, {}, {}),
        ({"tif": 4}, {}, {}),
        ({}, {"price": "0"}, {}),
        ({}, {"price": "84000.05"}, {}),
        ({}, {"price": None}, {}),
        ({}, {"rule": 3}, {}),
        ({}, {"strategy_type": 1}, {}),
        ({}, {"price_type": 3}, {}),
        ({}, {"expiration": -1}, {}),
        ({}, {}, {"order_type": "close-long-order"}),
        ({}, {}, {"order_type": "nonsense"}),
        ({}, {}, {"initial": None}),
        ({}, {}, {"trigger": 5}),
    ],
)
async def test_refusals(perp: Any, initial: dict[str, Any], trigger: dict[str, Any], more: dict[str, Any]) -> None:
    asked = body(perp, **trigger)
    asked["initial"] |= initial
    answer = await perp.call("POST", "/price_orders", asked | more)
    assert answer.status == 400
    assert answer.body["label"] in (
        "INVALID_PARAM_VALUE",
        "MISSING_REQUIRED_PARAM",
        "CONTRACT_NOT_FOUND",
        "INVALID_REQUEST_BODY",
    )


async def test_refusals_by_account_and_number(perp: Any) -> None:
    assert (await perp.call("POST", "/price_orders", body(perp), key="c" * 32)).body["label"] == "USER_NOT_FOUND"
    for query in ({}, {"status": "x"}):
        assert (await perp.call("GET", "/price_orders", **query)).status == 400
    for _ in range(50):
        assert (await perp.call("POST", "/price_orders", body(perp))).status == 201
    assert (await perp.call("POST", "/price_orders", body(perp))).body == {"label": "TOO_MANY_ORDERS"}
    assert perp.best(Side.BUY)
