from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from cex.common.enums import InstrumentStatus, Side

Open = Callable[..., Awaitable[Any]]

LIMIT = {"size": 10, "price": "80000", "tif": "gtc"}


async def test_a_resting_order_in_full(perp: Any) -> None:
    answer = await perp.order(**LIMIT, text="t-my-custom-id")
    now_s = perp.clock.time_ns() // 1_000_000_000
    assert answer.status == 201
    assert answer.body == {
        "id": 74046511,
        "user": 10000,
        "contract": "BTC_USDT",
        "create_time": now_s,
        "update_time": now_s,
        "size": 10,
        "iceberg": 0,
        "left": 10,
        "price": "80000",
        "fill_price": "0",
        "mkfr": "-0.00005",
        "tkfr": "0.0005",
        "tif": "gtc",
        "refu": 0,
        "refr": "0",
        "is_reduce_only": False,
        "is_close": False,
        "is_liq": False,
        "text": "t-my-custom-id",
        "status": "open",
        "stp_id": 0,
        "stp_act": "-",
        "amend_text": "-",
        "biz_info": "-",
        "update_id": 1,
    }
    account = (await perp.call("GET", "/accounts")).body
    assert Decimal(account["order_margin"]) == Decimal("8.04")  # 80 USDT at leverage 10, and the taker's fee
    assert Decimal(account["available"]) == Decimal("9991.96")


async def test_a_market_buy_and_its_trail(perp: Any) -> None:
    ask = perp.best(Side.SELL)
    order = (await perp.order(size=5, price="0", tif="ioc")).body
    assert (order["status"], order["finish_as"], order["left"], order["fill_price"]) == (
        "finished",
        "filled",
        0,
        f"{ask:f}",
    )
    assert (order["text"], order["price"], order["finish_time"]) == ("api", "0", order["create_time"])
    (trade,) = (await perp.call("GET", "/my_trades", contract="BTC_USDT", order=order["id"])).body
    fee = ask * 5 * Decimal("0.0001") * Decimal("0.0005")
    assert (trade["order_id"], trade["size"], trade["role"], trade["close_size"]) == (str(order["id"]), 5, "taker", 0)
    assert Decimal(trade["fee"]) == fee
    assert isinstance(trade["id"], int)
    position = (await perp.call("GET", "/positions/BTC_USDT")).body
    assert (position["size"], position["leverage"], position["mode"]) == (5, "0", "single")
    assert (Decimal(position["entry_price"]), Decimal(position["pnl_fee"])) == (ask, -fee)
    account = (await perp.call("GET", "/accounts")).body
    assert Decimal(account["history"]["fee"]) == -fee
    assert Decimal(account["total"]) == sum(Decimal(value) for value in account["history"].values()) == 10_000 - fee


async def test_a_maker_is_paid(perp: Any) -> None:
    bid = perp.best(Side.BUY)
    order = (await perp.order(size=3, price=f"{bid + Decimal('0.1'):f}", tif="poc")).body
    assert order["status"] == "open"
    perp.crowd(Side.SELL, 2)
    told = (await perp.call("GET", f"/orders/{order['id']}")).body
    assert (told["status"], told["left"], told["fill_price"]) == ("open", 1, told["price"])
    (trade,) = (await perp.call("GET", "/my_trades")).body
    assert trade["role"] == "maker"
    assert Decimal(trade["fee"]) < 0
    rows = (await perp.call("GET", "/account_book", type="fee")).body
    assert [Decimal(row["change"]) for row in rows] == [-Decimal(trade["fee"])]
    assert rows[0]["text"] == f"BTC_USDT:{order['id']}"


async def test_selling_is_negative_and_left_has_the_sign(perp: Any) -> None:
    order = (await perp.order(size=-4, price="90000")).body
    assert (order["size"], order["left"], order["status"]) == (-4, -4, "open")
    cancelled = (await perp.call("DELETE", f"/orders/{order['id']}")).body
    assert (cancelled["status"], cancelled["finish_as"], cancelled["left"]) == ("finished", "cancelled", -4)
    again = await perp.call("DELETE", f"/orders/{order['id']}")
    assert (again.status, again.body["label"]) == (400, "ORDER_FINISHED")
    nobody = await perp.call("DELETE", "/orders/123")
    assert (nobody.status, nobody.body) == (404, {"label": "ORDER_NOT_FOUND"})


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ({**LIMIT, "contract": "NOPE_USDT"}, {"label": "CONTRACT_NOT_FOUND"}),
        (
            {**LIMIT, "contract": ""},
            {"label": "MISSING_REQUIRED_PARAM", "message": "Missing required parameter: contract"},
        ),
        ({"price": "80000"}, {"label": "MISSING_REQUIRED_PARAM", "message": "Missing required parameter: size"}),
        (
            {**LIMIT, "text": "abc"},
            {"label": "INVALID_PARAM_VALUE", "message": "Invalid parameter `text` with value: abc"},
        ),
        (
            {**LIMIT, "tif": "gtx"},
            {"label": "INVALID_PARAM_VALUE", "message": "Invalid parameter `tif` with value: gtx"},
        ),
        (
            {**LIMIT, "size": "1.5"},
            {"label": "INVALID_PARAM_VALUE", "message": "Invalid parameter `size` with value: 1.5"},
        ),
        (
            {**LIMIT, "price": "80000.05"},
            {"label": "INVALID_PARAM_VALUE", "message": "Invalid parameter `price` with value: 80000.05"},
        ),
        (
            {**LIMIT, "price": "-1"},
            {"label": "INVALID_PARAM_VALUE", "message": "Invalid parameter `price` with value: -1"},
        ),
        (
            {**LIMIT, "price": "0"},
            {"label": "INVALID_PARAM_VALUE", "message": "Invalid parameter `tif`: a market order is ioc or fok"},
        ),
        (
            {**LIMIT, "size": 0},
            {"label": "INVALID_PARAM_VALUE", "message": "Invalid parameter `size` with value: 0"},
        ),
        (
            {**LIMIT, "stp_act": "cn"},
            {"label": "INVALID_PARAM_VALUE", "message": "stp_act is only for users of an STP group"},
        ),
        ({**LIMIT, "size": 1_200_000}, {"label": "SIZE_TOO_LARGE"}),
        ({**LIMIT, "size": 120_000}, {"label": "INSUFFICIENT_AVAILABLE"}),
        ({**LIMIT, "reduce_only": True}, {"label": "POSITION_EMPTY", "detail": "empty position"}),
        (
            {"size": 0, "close": True, "price": "0", "tif": "ioc"},
            {"label": "POSITION_EMPTY", "detail": "empty position"},
        ),
        ({"size": 5_000_000, "price": "0", "tif": "fok"}, {"label": "SIZE_TOO_LARGE"}),
        ({"size": 1_000_000, "price": "0", "tif": "fok"}, {"label": "ORDER_FOK"}),
        (
            {"size": 0, "auto_size": "close_long", "reduce_only": True, "price": "0", "tif": "ioc"},
            {"label": "INVALID_PARAM_VALUE", "message": "auto_size is only for dual mode"},
        ),
    ],
)
async def test_refusals(perp: Any, fields: dict[str, object], body: dict[str, str]) -> None:
    answer = await perp.order(**fields)
    assert (answer.status, answer.body) == (400, body)
    assert perp.desk.orders(perp.main) == []


async def test_an_order_of_a_user_without_a_wallet(perp: Any) -> None:
    answer = await perp.order(**LIMIT, key="c" * 32)
    message = "please transfer funds first to create futures account"
    assert (answer.status, answer.body) == (400, {"label": "USER_NOT_FOUND", "message": message})
    for path in ("/accounts", "/positions", "/my_trades", "/orders?"):
        if "?" not in path:
            assert (await perp.call("GET", path, key="c" * 32)).body["label"] == "USER_NOT_FOUND"


async def test_a_price_too_far_from_the_mark(perp: Any) -> None:
    answer = await perp.order(size=1, price="1000")
    assert answer.body["label"] == "PRICE_TOO_DEVIATED"
    assert answer.body["detail"].startswith("order price 1000 while mark price 84")


async def test_post_only_that_would_take(perp: Any) -> None:
    ask = perp.best(Side.SELL)
    answer = await perp.order(size=1, price=f"{ask + 1:f}", tif="poc")
    detail = f"order price {ask + 1:f} while counter price {ask:f}"
    assert (answer.status, answer.body) == (400, {"label": "ORDER_POC_IMMEDIATE", "detail": detail})


async def test_too_many_open_orders(perp: Any) -> None:
    for _ in range(50):
        assert (await perp.order(size=1, price="80000")).status == 201
    assert (await perp.order(size=1, price="80000")).body == {"label": "TOO_MANY_ORDERS"}
    assert (await perp.order(size=1, price="0", tif="ioc")).status == 201


async def test_a_contract_that_is_delisted_takes_only_what_closes(perp: Any) -> None:
    await perp.order(size=5, price="0", tif="ioc")
    book = perp.market.book("gateio", "BTC/USDT:USDT")
    book.rules = replace(book.rules, status=InstrumentStatus.DELISTED)
    assert (await perp.order(**LIMIT)).body == {"label": "CONTRACT_IN_DELISTING"}
    closed = (await perp.order(size=0, close=True, price="0", tif="ioc")).body
    assert (closed["size"], closed["finish_as"]) == (-5, "filled")
    book.rules = replace(book.rules, status=InstrumentStatus.HALTED)
    assert (await perp.order(**LIMIT)).body == {"label": "CONTRACT_NO_COUNTER", "detail": "trading is suspended"}


async def test_ioc_that_finds_nothing_is_finished_unfilled(perp: Any) -> None:
    order = (await perp.order(size=2, price="80000", tif="ioc")).body
    assert (order["status"], order["finish_as"], order["left"]) == ("finished", "ioc", 2)


async def test_reduce_only(perp: Any) -> None:
    await perp.order(size=6, price="0", tif="ioc")
    assert (await perp.order(size=1, price="80000", reduce_only=True)).body == {"label": "INCREASE_POSITION"}
    order = (await perp.order(size=-10, price="0", tif="ioc", reduce_only=True)).body
    assert (order["finish_as"], order["left"], order["is_reduce_only"]) == ("reduce_only", -4, True)
    assert (await perp.call("GET", "/positions/BTC_USDT")).body["size"] == 0


async def test_reduce_only_never_turns_a_position_round_however_the_book_is_swept(perp: Any) -> None:
    await perp.order(size=6, price="0", tif="ioc")
    ask = perp.best(Side.SELL)
    plain = (await perp.order(size=-4, price=f"{ask - Decimal('0.1'):f}")).body
    first = (await perp.order(size=-6, price=f"{ask:f}", reduce_only=True)).body
    second = (await perp.order(size=-6, price=f"{ask:f}", reduce_only=True)).body
    in_book = [order.working for order in perp.desk.open_orders(perp.main)]
    assert in_book == [4, 2, 0]
    perp.crowd(Side.BUY, 2000)
    perp.settle()
    states = {order.id: (str(order.finish), order.filled) for order in perp.desk.orders(perp.main)}
    assert states[plain["id"]] == ("filled", 4)
    assert states[first["id"]] == ("reduce_only", 2)
    assert states[second["id"]] == ("reduce_only", 0)
    assert perp.desk.positions(perp.main) == []


async def test_reduce_only_grows_with_the_position(perp: Any) -> None:
    await perp.order(size=2, price="0", tif="ioc")
    await perp.order(size=-6, price="90000", reduce_only=True)
    (order,) = perp.desk.open_orders(perp.main)
    assert order.working == 2
    await perp.order(size=3, price="0", tif="ioc")
    assert (order.working, order.left) == (5, -6)
    await perp.order(size=-4, price="0", tif="ioc")
    assert (order.working, order.left) == (1, -6)


async def test_close(perp: Any) -> None:
    await perp.order(size=-6, price="0", tif="ioc")
    waiting = (await perp.order(size=0, close=True, price="80000")).body
    assert (waiting["size"], waiting["is_close"], waiting["status"]) == (6, True, "open")
    position = (await perp.call("GET", "/positions/BTC_USDT")).body
    assert position["close_order"] == {"id": waiting["id"], "price": "80000", "is_liq": False}
    assert position["pending_orders"] == 1
    assert (await perp.order(size=0, close=True, price="0", tif="ioc")).body == {"label": "POSITION_IN_CLOSE"}
    await perp.call("DELETE", f"/orders/{waiting['id']}")
    bad = await perp.order(size=1, close=True, price="0", tif="ioc")
    assert bad.body == {"label": "INVALID_PARAM_VALUE", "message": "close needs size 0"}
    closed = (await perp.order(size=0, close=True, price="0", tif="ioc")).body
    assert closed["finish_as"] == "filled"
    (record,) = (await perp.call("GET", "/position_close")).body
    assert (record["side"], record["max_size"], record["accum_size"]) == ("short", "6", "6")
    assert Decimal(record["pnl"]) == sum(Decimal(record[name]) for name in ("pnl_pnl", "pnl_fee", "pnl_fund"))
    assert record["short_price"] < record["long_price"]


async def test_a_close_order_ends_with_its_position(perp: Any) -> None:
    await perp.order(size=6, price="0", tif="ioc")
    waiting = (await perp.order(size=0, close=True, price="90000")).body
    await perp.order(size=-6, price="0", tif="ioc")
    told = (await perp.call("GET", f"/orders/{waiting['id']}")).body
    assert (told["status"], told["finish_as"]) == ("finished", "position_closed")


async def test_amending(perp: Any) -> None:
    order = (await perp.order(**LIMIT, text="t-amend")).body
    path = f"/orders/{order['id']}"
    smaller = (await perp.call("PUT", path, {"size": 6, "amend_text": "smaller"})).body
    assert (smaller["size"], smaller["left"], smaller["amend_text"]) == (6, 6, "smaller")
    moved = (await perp.call("PUT", "/orders/t-amend", {"price": "80001"})).body
    assert (moved["price"], moved["size"]) == ("80001", 6)
    assert (await perp.call("PUT", path, {"price": "80001"})).body == {"label": "NO_CHANGE"}
    assert (await perp.call("PUT", path, {})).body["label"] == "MISSING_REQUIRED_PARAM"
    assert (await perp.call("PUT", path, {"size": -6})).body["label"] == "INVALID_PARAM_VALUE"
    assert (await perp.call("PUT", path, {"size": 120_000})).body == {"label": "INSUFFICIENT_AVAILABLE"}
    taking = (await perp.call("PUT", path, {"price": f"{perp.best(Side.SELL):f}"})).body
    assert (taking["finish_as"], taking["left"]) == ("filled", 0)
    assert (await perp.call("PUT", path, {"price": "80001"})).body["label"] == "ORDER_FINISHED"


async def test_amending_to_less_than_is_filled_cancels(perp: Any) -> None:
    bid = perp.best(Side.BUY)
    order = (await perp.order(size=5, price=f"{bid + Decimal('0.1'):f}")).body
    perp.crowd(Side.SELL, 3)
    amended = (await perp.call("PUT", f"/orders/{order['id']}", {"size": 3})).body
    assert (amended["status"], amended["finish_as"], amended["left"]) == ("finished", "cancelled", 2)


async def test_a_smaller_size_keeps_its_place_in_the_queue(perp: Any) -> None:
    price = perp.best(Side.BUY) + Decimal("0.1")
    first = (await perp.order(size=5, price=f"{price:f}")).body
    second = (await perp.order(size=5, price=f"{price:f}", key="b" * 32)).body
    await perp.call("PUT", f"/orders/{first['id']}", {"size": 4})
    perp.crowd(Side.SELL, 4)
    assert perp.desk.order(perp.main, order_id=first["id"]).left == 0
    assert perp.desk.order(perp.other, order_id=second["id"]).left == 5


async def test_listing(perp: Any) -> None:
    ids = [(await perp.order(size=1, price=str(80000 + number))).body["id"] for number in range(3)]
    sol = (await perp.call("POST", "/orders", {"contract": "SOL_USDT", "size": 1, "price": "130"})).body
    listed = await perp.call("GET", "/orders", status="open", contract="BTC_USDT", limit=2)
    assert [order["id"] for order in listed.body] == ids[:0:-1]
    assert (listed.headers["X-Pagination-Limit"], listed.headers["X-Pagination-Total"]) == ("2", "3")
    page = await perp.call("GET", "/orders", status="open", contract="BTC_USDT", limit=2, offset=2)
    assert [order["id"] for order in page.body] == ids[:1]
    older = await perp.call("GET", "/orders", status="open", last_id=ids[1])
    assert [order["id"] for order in older.body] == ids[:1]
    cancelled = (await perp.call("DELETE", "/orders", contract="BTC_USDT", side="bid")).body
    assert {order["finish_as"] for order in cancelled} == {"cancelled"}
    assert [order["id"] for order in cancelled] == ids
    finished = (await perp.call("GET", "/orders", status="finished")).body
    assert [order["id"] for order in finished] == ids[::-1]
    assert [order["id"] for order in (await perp.call("GET", "/orders", status="open")).body] == [sol["id"]]
    now_s = perp.clock.time_ns() // 1_000_000_000
    ranged = (await perp.call("GET", "/orders_timerange", **{"from": now_s, "to": now_s + 1})).body
    assert len(ranged) == 4
    assert (await perp.call("GET", "/orders_timerange", **{"from": now_s + 1})).body == []
    for query in ({}, {"status": "all"}, {"status": "open", "limit": "0"}, {"status": "open", "contract": "X"}):
        assert (await perp.call("GET", "/orders", **query)).status == 400
    assert len((await perp.call("DELETE", "/orders")).body) == 1


async def test_cancelling_one_side_or_what_does_not_reduce(perp: Any) -> None:
    await perp.order(size=6, price="0", tif="ioc")
    await perp.order(size=1, price="80000")
    await perp.order(size=-1, price="90000")
    await perp.order(size=-1, price="90001", reduce_only=True)
    asks = (await perp.call("DELETE", "/orders", contract="BTC_USDT", side="ask", exclude_reduce_only="true")).body
    assert [order["price"] for order in asks] == ["90000"]
    assert len((await perp.call("DELETE", "/orders", contract="BTC_USDT")).body) == 2
    assert (await perp.call("DELETE", "/orders", side="buy")).body["label"] == "INVALID_PARAM_VALUE"


async def test_what_is_forgotten(perp: Any) -> None:
    order = (await perp.order(**LIMIT, text="t-forget")).body
    filled = (await perp.order(size=1, price="0", tif="ioc", text="t-filled")).body
    assert (await perp.call("GET", "/orders/t-forget")).body["id"] == order["id"]
    await perp.call("DELETE", "/orders/t-forget")
    perp.clock.advance(59)
    assert (await perp.call("GET", "/orders/t-forget")).status == 200
    perp.clock.advance(2)
    assert (await perp.call("GET", "/orders/t-forget")).body == {"label": "ORDER_NOT_FOUND"}
    assert (await perp.call("GET", f"/orders/{order['id']}")).status == 200
    perp.clock.advance(600)
    assert (await perp.call("GET", f"/orders/{order['id']}")).status == 404
    assert (await perp.call("GET", f"/orders/{filled['id']}")).status == 200
    finished = (await perp.call("GET", "/orders", status="finished")).body
    assert [order["id"] for order in finished] == [filled["id"]]
    assert (await perp.call("GET", "/orders/nonsense")).body["label"] == "INVALID_PARAM_VALUE"


async def test_ids_beyond_what_a_double_holds(own_perpetuals: Open) -> None:
    perp = await own_perpetuals(futures_first_order_id=(1 << 53) + 1)
    order = (await perp.order(**LIMIT)).body
    assert order["id"] == (1 << 53) + 2
    assert float(order["id"] + 1) != order["id"] + 1
    assert (await perp.call("GET", f"/orders/{order['id']}")).body["id"] == order["id"]


async def test_decimal_sizes(perp: Any) -> None:
    sol = {"contract": "SOL_USDT", "price": "130"}
    assert (await perp.call("POST", "/orders", {**sol, "size": "1.5"})).body["label"] == "INVALID_PARAM_VALUE"
    order = (await perp.call("POST", "/orders", {**sol, "size": "1.5"}, decimal=True)).body
    assert (order["size"], order["left"], order["iceberg"]) == ("1.5", "1.5", "0")
    path = f"/orders/{order['id']}"
    assert (await perp.call("GET", path)).body["size"] == 1
    assert (await perp.call("POST", "/orders", {**sol, "size": 1.5}, decimal=True)).body["size"] == "1.5"
    assert (await perp.call("POST", "/orders", {**sol, "size": "1.55"}, decimal=True)).status == 400
    short = {"contract": "SOL_USDT", "price": "0", "tif": "ioc", "size": "-1.7"}
    await perp.call("POST", "/orders", short, decimal=True)
    assert (await perp.call("GET", "/positions/SOL_USDT", decimal=True)).body["size"] == "-1.7"
    assert (await perp.call("GET", "/positions/SOL_USDT")).body["size"] == -1


async def test_batches(perp: Any) -> None:
    good = {"contract": "BTC_USDT", "size": 1, "price": "80000", "text": "t-good"}
    answer = await perp.call("POST", "/batch_orders", [good, {**good, "size": 110_000, "text": "t-bad"}])
    assert answer.status == 200
    first, second = answer.body
    assert (first["succeeded"], first["text"], first["status"]) == (True, "t-good", "open")
    assert second == {"succeeded": False, "label": "INSUFFICIENT_AVAILABLE", "detail": "", "text": "t-bad"}
    whole = await perp.call("POST", "/batch_orders", [good, {**good, "tif": "xyz"}])
    assert (whole.status, whole.body["label"]) == (400, "INVALID_PARAM_VALUE")
    assert (await perp.call("POST", "/batch_orders", [good] * 11)).status == 400
    assert (await perp.call("POST", "/batch_orders", [])).status == 400
    assert (await perp.call("POST", "/batch_orders", [1])).body["label"] == "INVALID_REQUEST_BODY"
    amended = (
        await perp.call(
            "POST", "/batch_amend_orders", [{"order_id": first["id"], "size": 2}, {"order_id": 5, "price": "1"}]
        )
    ).body
    assert [row["succeeded"] for row in amended] == [True, False]
    assert (amended[0]["size"], amended[1]["label"]) == (2, "ORDER_NOT_FOUND")
    cancelled = (await perp.call("POST", "/batch_cancel_orders", [str(first["id"]), "5"])).body
    assert cancelled == [
        {"user_id": 10000, "id": str(first["id"]), "succeeded": True, "message": ""},
        {"user_id": 10000, "id": "5", "succeeded": False, "message": "ORDER_NOT_FOUND"},
    ]
    assert (await perp.call("POST", "/batch_cancel_orders", ["1"] * 21)).status == 400


async def test_each_order_of_a_batch_counts(own_perpetuals: Open) -> None:
    perp = await own_perpetuals(limits={"futures_place": 3})
    good = {"contract": "BTC_USDT", "size": 1, "price": "80000"}
    answer = await perp.call("POST", "/batch_orders", [good] * 5)
    assert [row.get("label", "") for row in answer.body] == ["", "", "", "TOO_MANY_REQUESTS", "TOO_MANY_REQUESTS"]
    refused = await perp.order(**LIMIT)
    body = {"label": "TOO_MANY_REQUESTS", "message": "Request Rate limit Exceeded (311)"}
    assert (refused.status, refused.body) == (429, body)
    perp.clock.advance(1.01)
    assert (await perp.order(**LIMIT)).status == 201


async def test_an_order_at_a_level_of_the_book(perp: Any) -> None:
    levels = perp.market.book("gateio", "BTC/USDT:USDT").engine.levels(Side.BUY, 3)
    fields = {"contract": "BTC_USDT", "size": 1, "direction": "buy", "level": 3, "tif": "gtc"}
    order = await perp.call("POST", "/bbo_orders", fields)
    assert order.status == 201
    assert Decimal(order.body["price"]) * 10 == levels[2][0]
    assert (await perp.call("POST", "/bbo_orders", {**fields, "direction": "up"})).status == 400
    assert (await perp.call("POST", "/bbo_orders", {**fields, "level": 21})).status == 400


async def test_the_countdown(perp: Any) -> None:
    await perp.order(**LIMIT)
    sol = await perp.call("POST", "/orders", {"contract": "SOL_USDT", "size": 1, "price": "130"})
    armed = (await perp.call("POST", "/countdown_cancel_all", {"timeout": 30, "contract": "BTC_USDT"})).body
    assert armed == {"triggerTime": str(perp.clock.time_ns() // 1_000_000 + 30_000)}
    perp.clock.advance(20)
    await perp.call("POST", "/countdown_cancel_all", {"timeout": 30, "contract": "BTC_USDT"})
    perp.clock.advance(29)
    perp.settle()
    assert len(perp.desk.open_orders(perp.main)) == 2
    perp.clock.advance(1)
    perp.settle()
    assert [order.id for order in perp.desk.open_orders(perp.main)] == [sol.body["id"]]
    await perp.call("POST", "/countdown_cancel_all", {"timeout": 5})
    await perp.call("POST", "/countdown_cancel_all", {"timeout": 0})
    perp.clock.advance(10)
    perp.settle()
    assert len(perp.desk.open_orders(perp.main)) == 1
    for body in ({"timeout": 4}, {}, {"timeout": 30, "contract": "X_USDT"}):
        assert (await perp.call("POST", "/countdown_cancel_all", body)).status == 400


async def test_an_order_that_came_too_late(perp: Any) -> None:
    late = {"X-Gate-Exptime": str(perp.clock.time_ns() // 1_000_000 - 1)}
    answer = await perp.call("POST", "/orders", {"contract": "BTC_USDT", **LIMIT}, headers=late)
    assert (answer.status, answer.body["label"]) == (403, "REQUEST_EXPIRED")
    assert perp.desk.open_orders(perp.main) == []


async def test_two_users_trade_with_each_other(perp: Any) -> None:
    price = perp.best(Side.BUY) + Decimal("0.1")
    assert price < perp.best(Side.SELL)
    maker = (await perp.order(size=7, price=f"{price:f}")).body
    taker = (await perp.order(size=-7, price=f"{price:f}", key="b" * 32)).body
    assert taker["finish_as"] == "filled"
    (bought,) = (await perp.call("GET", "/my_trades")).body
    (sold,) = (await perp.call("GET", "/my_trades", key="b" * 32)).body
    assert (bought["id"], bought["order_id"]) == (sold["id"], str(maker["id"]))
    assert perp.ledger.total("USDT") == 0
    other = await perp.call("GET", f"/orders/{maker['id']}", key="b" * 32)
    assert other.status == 404


async def test_self_trade_prevention(perp: Any) -> None:
    perp.main.stp_group = perp.other.stp_group = 5
    price = perp.best(Side.BUY) + Decimal("0.1")
    resting = (await perp.order(size=3, price=f"{price:f}")).body
    newest = (await perp.order(size=-3, price=f"{price:f}", key="b" * 32)).body
    assert (newest["finish_as"], newest["stp_id"], newest["left"]) == ("stp", 5, -3)
    oldest = (await perp.order(size=-3, price=f"{price:f}", key="b" * 32, stp_act="co", tif="gtc")).body
    assert (oldest["status"], oldest["left"]) == ("open", -3)
    told = (await perp.call("GET", f"/orders/{resting['id']}")).body
    assert (told["status"], told["finish_as"]) == ("finished", "stp")
    assert perp.desk.portfolio(perp.main).fills == perp.desk.portfolio(perp.other).fills


async def test_post_only_and_fok_that_are_created_and_cancelled(own_perpetuals: Open) -> None:
    perp = await own_perpetuals(post_only="cancelled", fok="cancelled")
    ask = perp.best(Side.SELL)
    post_only = await perp.order(size=1, price=f"{ask:f}", tif="poc")
    assert (post_only.status, post_only.body["status"], post_only.body["finish_as"]) == (201, "finished", "cancelled")
    whole = await perp.order(size=1_000, price=f"{ask:f}", tif="fok")
    assert (whole.status, whole.body["status"], whole.body["left"]) == (201, "finished", 1_000)
    assert perp.desk.portfolio(perp.main).fills == perp.desk.portfolio(perp.other).fills
    await perp.order(size=5, price="0", tif="ioc")
    reducing = await perp.order(size=-5, price=f"{perp.best(Side.BUY):f}", tif="poc", reduce_only=True)
    assert (reducing.body["finish_as"], reducing.body["left"]) == ("cancelled", -5)
    assert perp.desk.position(perp.main, "BTC/USDT:USDT").size == 5


async def test_a_custom_id_in_use(own_perpetuals: Open) -> None:
    perp = await own_perpetuals()
    await perp.order(**LIMIT, text="t-twice")
    second = await perp.order(**LIMIT, text="t-twice")
    assert second.body == {"label": "REPEATED_CREATION", "detail": "t-twice is in use"}
    free = await own_perpetuals(duplicate_text="accepted")
    for _ in range(2):
        assert (await free.order(**LIMIT, text="t-twice")).status == 201
