from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from cex.common.enums import Side
from cex.sandbox.accounts.ledger import OUTSIDE, SPOT, Owner

Open = Callable[..., Awaitable[Any]]

BATCH = {"currency_pair": "BTC_USDT", "side": "buy", "amount": "0.01", "price": "50000"}


async def test_a_resting_order_in_full(gate: Any) -> None:
    answer = await gate.order(text="t-abc123", iceberg="0")
    now_ms = gate.clock.time_ns() // 1_000_000
    assert answer.status == 201
    assert answer.body == {
        "id": str(gate.desk.open_orders(gate.main)[0].id),
        "text": "t-abc123",
        "amend_text": "-",
        "create_time": str(now_ms // 1000),
        "update_time": str(now_ms // 1000),
        "create_time_ms": now_ms,
        "update_time_ms": now_ms,
        "status": "open",
        "currency_pair": "BTC_USDT",
        "type": "limit",
        "account": "spot",
        "side": "buy",
        "amount": "0.01",
        "price": "50000",
        "time_in_force": "gtc",
        "iceberg": "0",
        "auto_borrow": False,
        "auto_repay": False,
        "left": "0.01",
        "filled_amount": "0",
        "fill_price": "0",
        "filled_total": "0",
        "avg_deal_price": "0",
        "fee": "0",
        "fee_currency": "BTC",
        "point_fee": "0",
        "gt_fee": "0",
        "gt_maker_fee": "0",
        "gt_taker_fee": "0",
        "gt_discount": False,
        "rebated_fee": "0",
        "rebated_fee_currency": "USDT",
        "stp_id": 0,
        "stp_act": "-",
        "finish_as": "open",
    }
    accounts = {row["currency"]: row for row in (await gate.call("GET", "/spot/accounts")).body}
    assert (accounts["USDT"]["available"], accounts["USDT"]["locked"]) == ("99500", "500")


@pytest.mark.parametrize(
    ("mode", "has_fees", "has_price"), [("ACK", False, False), ("RESULT", False, True), ("FULL", True, True)]
)
async def test_action_modes(gate: Any, mode: str, has_fees: bool, has_price: bool) -> None:
    body = (await gate.order(action_mode=mode, text="t-1")).body
    assert {"id", "text", "amend_text"} <= body.keys()
    assert ("fee" in body, "price" in body) == (has_fees, has_price)
    assert mode != "ACK" or len(body) == 3


async def test_an_order_without_text_says_where_it_came_from(gate: Any) -> None:
    assert (await gate.order()).body["text"] == "apiv4"


async def test_a_limit_order_that_takes(gate: Any) -> None:
    ask = gate.best(Side.SELL)
    body = (await gate.order(price=str(ask + 500), amount="0.0001")).body
    assert (body["status"], body["finish_as"], body["left"]) == ("closed", "filled", "0")
    assert Decimal(body["filled_total"]) == Decimal("0.0001") * ask == Decimal(body["fill_price"])
    assert Decimal(body["avg_deal_price"]) == ask
    assert (Decimal(body["fee"]), body["fee_currency"]) == (Decimal("0.0001") * Decimal("0.002"), "BTC")
    (trade,) = (await gate.call("GET", "/spot/my_trades", query="currency_pair=BTC_USDT")).body
    assert trade == {
        "id": trade["id"],
        "create_time": body["create_time"],
        "create_time_ms": f"{body['create_time_ms']}.000",
        "currency_pair": "BTC_USDT",
        "order_id": body["id"],
        "side": "buy",
        "role": "taker",
        "amount": "0.0001",
        "price": body["avg_deal_price"],
        "fee": body["fee"],
        "fee_currency": "BTC",
        "point_fee": "0",
        "gt_fee": "0",
        "amend_text": "-",
        "sequence_id": trade["id"],
        "text": "apiv4",
    }


async def test_a_market_buy_spends_quote(gate: Any) -> None:
    body = (await gate.order(type="market", amount="100", price=None, time_in_force="ioc")).body
    assert (body["type"], body["price"], body["amount"], body["time_in_force"]) == ("market", "0", "100", "ioc")
    assert (body["status"], body["finish_as"]) == ("closed", "filled")
    assert Decimal(body["left"]) == 100 - Decimal(body["filled_total"])
    assert 0 <= Decimal(body["left"]) < gate.best(Side.SELL) * Decimal("0.000001")
    assert Decimal(body["fee"]) == Decimal(body["filled_amount"]) * Decimal("0.002")


async def test_the_residue_of_a_market_buy_may_read_as_cancelled(own_gate: Open) -> None:
    house = await own_gate(market_buy_residue="cancelled")
    body = (await house.order(type="market", amount="100", price=None, time_in_force="ioc")).body
    assert Decimal(body["left"]) > 0
    assert body["status"] == "cancelled"


async def test_a_market_sell_gives_base_and_pays_its_fee_in_quote(gate: Any) -> None:
    body = (await gate.order(type="market", side="sell", amount="0.0001", price=None, time_in_force="fok")).body
    assert (body["status"], body["filled_amount"], body["fee_currency"]) == ("closed", "0.0001", "USDT")
    assert Decimal(body["fee"]) == Decimal(body["filled_total"]) * Decimal("0.002")


@pytest.mark.parametrize("time_in_force", [None, "gtc", "poc"])
async def test_a_market_order_is_ioc_or_fok(gate: Any, time_in_force: str | None) -> None:
    answer = await gate.order(type="market", amount="100", price=None, time_in_force=time_in_force)
    assert (answer.status, answer.label) == (400, "INVALID_PARAM_VALUE")


async def test_a_market_buy_that_is_filled_or_killed(gate: Any) -> None:
    asked = {"type": "market", "price": None, "time_in_force": "fok"}
    body = (await gate.order(amount="100", **asked)).body
    assert (body["status"], body["time_in_force"]) == ("closed", "fok")
    gate.ledger.move(OUTSIDE, Owner(1001, SPOT), "USDT", Decimal(4_000_000), reason="deposit")
    answer = await gate.order(amount="4000000", **asked)
    assert (answer.status, answer.label) == (400, "FOK_NOT_FILL")


async def test_an_ioc_order_without_a_fill_is_created_and_cancelled(gate: Any) -> None:
    answer = await gate.order(time_in_force="ioc")
    assert answer.status == 201
    assert (answer.body["status"], answer.body["finish_as"], answer.body["left"]) == ("cancelled", "ioc", "0.01")


async def test_post_only_and_fok_are_refused_or_cancelled(own_gate: Open) -> None:
    refusing, cancelling = await own_gate(), await own_gate(post_only="cancelled", fok="cancelled")
    ask = str(refusing.best(Side.SELL) + 1)
    for asked, label, word in (
        ({"time_in_force": "poc", "price": ask}, "POC_FILL_IMMEDIATELY", "poc"),
        ({"time_in_force": "fok"}, "FOK_NOT_FILL", "fok"),
    ):
        answer = await refusing.order(**asked)
        assert (answer.status, answer.label) == (400, label)
        answer = await cancelling.order(**asked)
        assert (answer.status, answer.body["status"], answer.body["finish_as"]) == (201, "cancelled", word)
    assert (await refusing.order(time_in_force="poc")).body["status"] == "open"


@pytest.mark.parametrize(
    ("asked", "label"),
    [
        ({"text": "abc"}, "INVALID_PARAM_VALUE"),
        ({"text": "t-"}, "INVALID_PARAM_VALUE"),
        ({"text": "t-" + "a" * 29}, "INVALID_PARAM_VALUE"),
        ({"text": "t-ä"}, "INVALID_PARAM_VALUE"),
        ({"text": "t-a\n"}, "INVALID_PARAM_VALUE"),
        ({"text": 7}, "INVALID_PARAM_VALUE"),
        ({"currency_pair": "NOPE_USDT"}, "INVALID_CURRENCY_PAIR"),
        ({"currency_pair": None}, "MISSING_REQUIRED_PARAM"),
        ({"currency_pair": "LUNC_USDT", "price": "0.0001", "amount": "100000"}, "TRADE_RESTRICTED"),
        ({"side": "hold"}, "INVALID_PARAM_VALUE"),
        ({"side": None}, "MISSING_REQUIRED_PARAM"),
        ({"type": "stop"}, "INVALID_PARAM_VALUE"),
        ({"amount": None}, "MISSING_REQUIRED_PARAM"),
        ({"amount": "-1"}, "INVALID_PARAM_VALUE"),
        ({"amount": "0"}, "INVALID_PARAM_VALUE"),
        ({"amount": "NaN"}, "INVALID_PARAM_VALUE"),
        ({"amount": True}, "INVALID_PARAM_VALUE"),
        ({"amount": "1e99"}, "AMOUNT_TOO_MUCH"),
        ({"amount": "0.0000001"}, "INVALID_PRECISION"),
        ({"price": "50000.01"}, "INVALID_PRECISION"),
        ({"price": None}, "MISSING_REQUIRED_PARAM"),
        ({"amount": "0.000001"}, "INVALID_PARAM_VALUE"),
        ({"amount": "10"}, "BALANCE_NOT_ENOUGH"),
        ({"time_in_force": "gtd"}, "INVALID_PARAM_VALUE"),
        ({"account": "margin"}, "MARGIN_NOT_SUPPORTED"),
        ({"account": "cross_margin"}, "MARGIN_NOT_SUPPORTED"),
        ({"account": "unified"}, "UNIFIED_ACCOUNT_NOT_ACTIVATED"),
        ({"account": "savings"}, "INVALID_PARAM_VALUE"),
        ({"iceberg": "1"}, "INVALID_PARAM_VALUE"),
        ({"stp_act": "cn"}, "INVALID_PARAM_VALUE"),
        ({"action_mode": "LOUD"}, "INVALID_PARAM_VALUE"),
        ({"auto_borrow": "yes"}, "INVALID_PARAM_VALUE"),
        ({"auto_borrow": True, "auto_repay": True}, "INVALID_PARAM_VALUE"),
    ],
)
async def test_refusals(gate: Any, asked: dict[str, Any], label: str) -> None:
    answer = await gate.order(**asked)
    assert (answer.status, answer.label) == (400, label)
    assert answer.body["message"]
    assert gate.desk.orders(gate.main) == []


async def test_messages_of_refusals(gate: Any) -> None:
    answer = await gate.order(text="abc")
    assert answer.body == {"label": "INVALID_PARAM_VALUE", "message": "Invalid parameter `text` with value: abc"}
    answer = await gate.order(amount="0.00001", price="20000")
    assert answer.body["message"] == "Your order size 0.2 USDT is too small. The minimum is 3 USDT"
    answer = await gate.order(amount="0.000001")
    assert answer.body["message"] == "Your order size 0.000001 BTC is too small. The minimum is 0.00001 BTC"


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "null", '"x"', "7", '{"a":', "\x00", "[" * 3000, '{"amount":1e999999999}']
)
async def test_what_is_no_order(gate: Any, body: str) -> None:
    answer = await gate.call("POST", "/spot/orders", body)
    assert answer.status == 400
    assert answer.label in ("INVALID_REQUEST_BODY", "MISSING_REQUIRED_PARAM")


async def test_numbers_of_a_body_are_taken_as_they_are_written(gate: Any) -> None:
    body = '{"currency_pair":"BTC_USDT","side":"buy","amount":0.01,"price":50000.1}'
    answer = await gate.call("POST", "/spot/orders", body)
    assert (answer.body["amount"], answer.body["price"]) == ("0.01", "50000.1")


async def test_a_second_live_order_of_the_same_text(own_gate: Open) -> None:
    refusing, accepting = await own_gate(), await own_gate(duplicate_text="accepted")
    for house in (refusing, accepting):
        assert (await house.order(text="t-1")).status == 201
    answer = await refusing.order(text="t-1")
    assert (answer.status, answer.label) == (400, "REPEATED_CREATION")
    assert (await accepting.order(text="t-1")).status == 201


async def test_self_trade_prevention_is_for_groups(gate: Any) -> None:
    gate.main.stp_group = 7
    resting = (await gate.order(side="sell", price=str(gate.best(Side.BUY) + Decimal("0.1")))).body
    assert (resting["stp_act"], resting["stp_id"]) == ("-", 7)
    answer = await gate.order(price=resting["price"], stp_act="cn")
    assert (answer.body["status"], answer.body["finish_as"], answer.body["stp_act"]) == ("cancelled", "stp", "cn")


async def test_a_unified_account(gate: Any) -> None:
    classic = await gate.call("GET", "/unified/accounts")
    assert (classic.status, classic.label) == (400, "UNIFIED_ACCOUNT_NOT_ACTIVATED")
    gate.main.unified_mode = "multi_currency"
    assert (await gate.order(account="spot")).body["account"] == "unified"
    assert (await gate.order(account="unified")).body["account"] == "unified"
    assert (await gate.call("GET", "/unified/unified_mode")).body["mode"] == "multi_currency"
    assert (await gate.call("GET", "/account/detail")).body["key"] == {"mode": 2}
    body = (await gate.call("GET", "/unified/accounts")).body
    assert (body["user_id"], body["mode"], body["locked"]) == (1001, "multi_currency", False)
    assert (body["balances"]["USDT"]["available"], body["balances"]["USDT"]["freeze"]) == ("99000", "1000")
    assert Decimal(body["unified_account_total_equity"]) > 100_000 + 2 * 50_000


# --- time ------------------------------------------------------------------------------------------------------------


async def test_a_request_that_comes_late_is_refused(gate: Any) -> None:
    now_ms = gate.clock.time_ns() // 1_000_000
    order = {"currency_pair": "BTC_USDT", "side": "buy", "amount": "0.01", "price": "50000"}
    for exptime, status in ((now_ms + 1000, 201), (now_ms, 201), (now_ms - 1, 403), ("soon", 400)):
        answer = await gate.call("POST", "/spot/orders", order, headers={"X-Gate-Exptime": str(exptime)})
        assert answer.status == status
    late = await gate.call("POST", "/spot/orders", order, headers={"x-gate-exptime": "1"})
    assert late.label == "REQUEST_EXPIRED"
    assert len(gate.desk.open_orders(gate.main)) == 2


# --- finding and ending ----------------------------------------------------------------------------------------------


async def test_an_order_is_found_by_id_and_by_text(gate: Any) -> None:
    placed = (await gate.order(text="t-mine")).body
    for name in (placed["id"], "t-mine"):
        answer = await gate.call("GET", f"/spot/orders/{name}", query="currency_pair=BTC_USDT")
        assert answer.body == placed
    for path, query, status, label in (
        (placed["id"], "currency_pair=ETH_USDT", 404, "ORDER_NOT_FOUND"),
        ("1", "currency_pair=BTC_USDT", 404, "ORDER_NOT_FOUND"),
        ("t-other", "currency_pair=BTC_USDT", 404, "ORDER_NOT_FOUND"),
        (placed["id"], "", 400, "MISSING_REQUIRED_PARAM"),
        (placed["id"], "currency_pair=NOPE_USDT", 400, "INVALID_CURRENCY_PAIR"),
        ("soon", "currency_pair=BTC_USDT", 400, "INVALID_PARAM_VALUE"),
        ("9" * 30, "currency_pair=BTC_USDT", 400, "INVALID_PARAM_VALUE"),
    ):
        answer = await gate.call("GET", f"/spot/orders/{path}", query=query)
        assert (answer.status, answer.label) == (status, label)


async def test_orders_of_others_are_not_found(gate: Any) -> None:
    gate.account(1002, "other", "s")
    placed = (await gate.order()).body
    for method in ("GET", "DELETE"):
        answer = await gate.call(
            method, f"/spot/orders/{placed['id']}", query="currency_pair=BTC_USDT", key="other", secret="s"
        )
        assert (answer.status, answer.label) == (404, "ORDER_NOT_FOUND")


async def test_a_custom_id_is_forgotten_after_the_order_has_finished(own_gate: Open) -> None:
    house = await own_gate(text_lookup=1800.0)
    placed = (await house.order(text="t-mine")).body
    house.clock.advance(7200)
    query = "currency_pair=BTC_USDT"
    assert (await house.call("GET", "/spot/orders/t-mine", query=query)).status == 200
    assert (await house.call("DELETE", "/spot/orders/t-mine", query=query)).body["status"] == "cancelled"
    house.clock.advance(1800)
    assert (await house.call("GET", "/spot/orders/t-mine", query=query)).status == 200
    house.clock.advance(1)
    assert (await house.call("GET", "/spot/orders/t-mine", query=query)).status == 404
    assert (await house.call("GET", f"/spot/orders/{placed['id']}", query=query)).status == 200


async def test_cancelling(gate: Any) -> None:
    placed = (await gate.order()).body
    gate.clock.advance(1)
    path = f"/spot/orders/{placed['id']}"
    answer = await gate.call("DELETE", path, query="currency_pair=BTC_USDT")
    assert answer.status == 200
    assert (answer.body["status"], answer.body["finish_as"], answer.body["left"]) == ("cancelled", "cancelled", "0.01")
    assert int(answer.body["update_time_ms"]) == int(answer.body["create_time_ms"]) + 1000
    again = await gate.call("DELETE", path, query="currency_pair=BTC_USDT")
    assert (again.status, again.label) == (400, "ORDER_CANCELLED")
    filled = (await gate.order(price=str(gate.best(Side.SELL)), amount="0.0001")).body
    answer = await gate.call("DELETE", f"/spot/orders/{filled['id']}", query="currency_pair=BTC_USDT")
    assert (answer.status, answer.label) == (400, "ORDER_CLOSED")
    other = (await gate.order()).body
    answer = await gate.call("DELETE", f"/spot/orders/{other['id']}", query="currency_pair=BTC_USDT&action_mode=ACK")
    assert answer.body == {"id": other["id"], "text": "apiv4", "amend_text": "-"}
    assert gate.ledger.holding(1001, "spot", "USDT").locked == 0


async def test_cancelling_all(gate: Any) -> None:
    await gate.order()
    await gate.order(side="sell", price="150000", text="t-sell")
    await gate.order(currency_pair="ETH_USDT", price="1000", amount="0.1")
    answer = await gate.call("DELETE", "/spot/orders", query="currency_pair=BTC_USDT&side=sell")
    assert [(row["text"], row["status"], row["succeeded"]) for row in answer.body] == [("t-sell", "cancelled", True)]
    answer = await gate.call("DELETE", "/spot/orders")
    assert {row["currency_pair"] for row in answer.body} == {"BTC_USDT", "ETH_USDT"}
    assert (await gate.call("DELETE", "/spot/orders")).body == []
    assert (await gate.call("DELETE", "/spot/orders", query="currency_pair=NO_NO")).label == "INVALID_CURRENCY_PAIR"


async def test_amending(gate: Any) -> None:
    placed = (await gate.order(text="t-1")).body
    path = f"/spot/orders/{placed['id']}"
    answer = await gate.call("PATCH", path, {"amount": "0.005", "amend_text": "t-less"}, query="currency_pair=BTC_USDT")
    assert (answer.status, answer.body["amount"], answer.body["amend_text"]) == (200, "0.005", "t-less")
    body = {"price": "49000", "currency_pair": "BTC_USDT", "account": "spot"}
    answer = await gate.call("PATCH", "/spot/orders/t-1", body)
    assert (answer.body["price"], answer.body["left"]) == ("49000", "0.005")
    assert gate.ledger.holding(1001, "spot", "USDT").locked == 245
    for body, label in (
        ({"price": "49000"}, "NO_CHANGE"),
        ({}, "MISSING_REQUIRED_PARAM"),
        ({"price": "49000.01"}, "INVALID_PRECISION"),
        ({"amount": "100"}, "BALANCE_NOT_ENOUGH"),
        ({"price": "48000", "amend_text": "late"}, "INVALID_PARAM_VALUE"),
    ):
        answer = await gate.call("PATCH", path, body, query="currency_pair=BTC_USDT")
        assert (answer.status, answer.label) == (400, label)
    await gate.call("DELETE", path, query="currency_pair=BTC_USDT")
    answer = await gate.call("PATCH", path, {"price": "48000"}, query="currency_pair=BTC_USDT")
    assert (answer.status, answer.label) == (400, "ORDER_CANCELLED")


async def test_an_amount_below_what_is_filled_ends_the_order(gate: Any) -> None:
    price = gate.best(Side.SELL) - Decimal("0.1")
    placed = (await gate.order(price=str(price), amount="0.01")).body
    gate.market.submit("gateio", "BTC/USDT", Side.SELL, Decimal("0.004"), price)
    path = f"/spot/orders/{placed['id']}"
    partly = (await gate.call("GET", path, query="currency_pair=BTC_USDT")).body
    assert (partly["status"], partly["filled_amount"], partly["left"]) == ("open", "0.004", "0.006")
    answer = await gate.call("PATCH", path, {"amount": "0.003"}, query="currency_pair=BTC_USDT")
    assert (answer.body["status"], answer.body["finish_as"]) == ("cancelled", "cancelled")


# --- batches ---------------------------------------------------------------------------------------------------------


async def test_a_batch_of_orders(gate: Any) -> None:
    orders = [BATCH | {"text": "t-1"}, BATCH | {"text": "t-bad", "amount": "10"}, BATCH | {"text": "t-2"}]
    answer = await gate.call("POST", "/spot/batch_orders", orders)
    assert answer.status == 200
    first, bad, last = answer.body
    assert (first["text"], first["status"], first["succeeded"], first["label"], first["message"]) == (
        "t-1", "open", True, "", "",
    )  # fmt: skip
    assert bad == {
        "succeeded": False, "label": "BALANCE_NOT_ENOUGH", "message": "Not enough balance", "text": "t-bad",
    }  # fmt: skip
    assert last["text"] == "t-2"


@pytest.mark.parametrize(
    ("orders", "label"),
    [
        ([], "INVALID_REQUEST_BODY"),
        ({}, "INVALID_REQUEST_BODY"),
        ([1], "INVALID_REQUEST_BODY"),
        ([BATCH], "MISSING_REQUIRED_PARAM"),
        ([BATCH | {"text": f"t-{n}"} for n in range(11)], "TOO_MANY_ORDERS"),
        ([BATCH | {"text": "t-1", "currency_pair": f"A{n}_USDT"} for n in range(5)], "TOO_MANY_CURRENCY_PAIRS"),
        ([BATCH | {"text": "t-1"}, BATCH | {"text": "t-2", "account": "unified"}], "MIXED_ACCOUNT_TYPE"),
    ],
)
async def test_batches_that_are_refused_as_a_whole(gate: Any, orders: Any, label: str) -> None:
    answer = await gate.call("POST", "/spot/batch_orders", orders)
    assert (answer.status, answer.label) == (400, label)
    assert gate.desk.orders(gate.main) == []


async def test_batches_of_cancels_and_amends(gate: Any) -> None:
    first, second = (await gate.order(text="t-1")).body, (await gate.order()).body
    amends = [
        {"order_id": first["id"], "currency_pair": "BTC_USDT", "price": "49000"},
        {"order_id": "1", "currency_pair": "BTC_USDT", "price": "49000"},
    ]
    done, failed = (await gate.call("POST", "/spot/amend_batch_orders", amends)).body
    assert (done["price"], done["succeeded"], failed["label"]) == ("49000", True, "ORDER_NOT_FOUND")
    cancels = [{"currency_pair": "BTC_USDT", "id": name} for name in ("t-1", second["id"], second["id"])]
    answer = await gate.call("POST", "/spot/cancel_batch_orders", cancels)
    assert answer.body[0] == {
        "currency_pair": "BTC_USDT", "id": "t-1", "text": "t-1", "succeeded": True, "label": None, "message": None,
        "account": "spot",
    }  # fmt: skip
    assert [row["label"] for row in answer.body] == [None, None, "ORDER_CANCELLED"]
    for path, body in (
        ("/spot/cancel_batch_orders", []),
        ("/spot/cancel_batch_orders", cancels * 7),
        ("/spot/amend_batch_orders", amends * 3),
    ):
        assert (await gate.call("POST", path, body)).label == "INVALID_PARAM_VALUE"


# --- countdown -------------------------------------------------------------------------------------------------------


async def test_a_countdown_cancels_unless_it_is_renewed(gate: Any) -> None:
    await gate.order()
    await gate.order(currency_pair="ETH_USDT", price="1000", amount="0.1")
    due = (await gate.call("POST", "/spot/countdown_cancel_all", {"timeout": 5, "currency_pair": "BTC_USDT"})).body
    assert due == {"triggerTime": str(gate.clock.time_ns() // 1_000_000 + 5000)}
    gate.tick(4)
    await gate.call("POST", "/spot/countdown_cancel_all", {"timeout": 5, "currency_pair": "BTC_USDT"})
    gate.tick(4)
    assert len(gate.desk.open_orders(gate.main)) == 2
    gate.tick(1)
    assert [order.symbol for order in gate.desk.open_orders(gate.main)] == ["ETH/USDT"]
    await gate.call("POST", "/spot/countdown_cancel_all", {"timeout": 30})
    await gate.call("POST", "/spot/countdown_cancel_all", {"timeout": 0})
    gate.tick(31)
    assert len(gate.desk.open_orders(gate.main)) == 1


@pytest.mark.parametrize("timeout", [1, 4, -5, "5", 5.5, None, True])
async def test_countdowns_that_are_refused(gate: Any, timeout: Any) -> None:
    assert (await gate.call("POST", "/spot/countdown_cancel_all", {"timeout": timeout})).status == 400
