from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from cex.common.enums import Side
from cex.sandbox.accounts.directory import Permission
from cex.sandbox.accounts.wallet import WalletOptions

Open = Callable[..., Awaitable[Any]]


# --- balances and fees -----------------------------------------------------------------------------------------------


async def test_balances_and_their_history(gate: Any) -> None:
    before = {row["currency"]: row for row in (await gate.call("GET", "/spot/accounts")).body}
    assert (before["BTC"]["available"], before["BTC"]["locked"]) == ("2", "0")
    order = (await gate.order(price=str(gate.best(Side.SELL)), amount="0.0001")).body
    (after,) = (await gate.call("GET", "/spot/accounts", query="currency=BTC")).body
    gained = Decimal("0.0001") * Decimal("0.998")
    assert Decimal(after["available"]) == 2 + gained
    assert after["update_id"] > before["BTC"]["update_id"]
    book = await gate.call("GET", "/spot/account_book", query="currency=BTC&limit=2")
    fee, trade = book.body
    assert (fee["type"], trade["type"], trade["text"]) == ("trade_fee", "trade", order["id"])
    assert Decimal(fee["change"]) == -Decimal("0.0001") * Decimal("0.002")
    assert (Decimal(trade["change"]), Decimal(fee["balance"])) == (Decimal("0.0001"), 2 + gained)
    assert fee["time"] == gate.clock.time_ns() // 1_000_000
    assert book.headers["X-Pagination-Total"] == "3"
    deposits = (await gate.call("GET", "/spot/account_book", query="type=deposit")).body
    assert {row["currency"] for row in deposits} == {"USDT", "BTC", "ETH"}
    assert (await gate.call("GET", "/spot/account_book", query="from=1&to=9999999999")).label == "INVALID_PARAM_VALUE"


async def test_fees_are_fractions(gate: Any) -> None:
    for path in ("/wallet/fee", "/spot/fee"):
        body = (await gate.call("GET", path, query="currency_pair=BTC_USDT")).body
        assert (body["user_id"], body["taker_fee"], body["maker_fee"]) == (1001, "0.002", "0.002")
    gate.main.fee_rates["ETH/USDT"] = (Decimal("0.0001"), Decimal("0.0005"))
    body = (await gate.call("GET", "/spot/batch_fee", query="currency_pairs=BTC_USDT,ETH_USDT")).body
    assert {pair: fees["maker_fee"] for pair, fees in body.items()} == {"BTC_USDT": "0.002", "ETH_USDT": "0.0001"}
    assert (await gate.call("GET", "/spot/batch_fee")).label == "MISSING_REQUIRED_PARAM"
    assert (await gate.call("GET", "/spot/batch_fee", query="currency_pairs=A_B")).label == "INVALID_CURRENCY_PAIR"
    many = ",".join(["BTC_USDT"] * 51)
    assert (
        await gate.call("GET", "/spot/batch_fee", query=f"currency_pairs={many}")
    ).label == "TOO_MANY_CURRENCY_PAIRS"


async def test_account_detail(gate: Any) -> None:
    body = (await gate.call("GET", "/account/detail")).body
    assert (body["user_id"], body["ip_whitelist"], body["key"]) == (1001, [], {"mode": 1})
    assert (await gate.call("GET", "/unified/unified_mode")).body["mode"] == "classic"


# --- lists -----------------------------------------------------------------------------------------------------------


async def test_lists_of_orders(gate: Any) -> None:
    names = []
    for n in range(5):
        names.append((await gate.order(text=f"t-{n}")).body["id"])
        gate.clock.advance(1)
    await gate.order(currency_pair="ETH_USDT", price="1000", amount="0.1")
    for n in (1, 3):
        gate.clock.advance(1)
        await gate.call("DELETE", f"/spot/orders/t-{n}", query="currency_pair=BTC_USDT")
    opened = await gate.call("GET", "/spot/orders", query="currency_pair=BTC_USDT&status=open")
    assert [row["id"] for row in opened.body] == [names[4], names[2], names[0]]
    page = await gate.call("GET", "/spot/orders", query="currency_pair=BTC_USDT&status=open&limit=2&page=2")
    assert [row["id"] for row in page.body] == [names[0]]
    assert (page.headers["X-Pagination-Total"], page.headers["X-Pagination-Offset"]) == ("3", "2")
    ended = (await gate.call("GET", "/spot/orders", query="currency_pair=BTC_USDT&status=finished")).body
    assert [row["text"] for row in ended] == ["t-3", "t-1"]
    now = gate.clock.time_ns() // 1_000_000_000
    for query, texts in (
        (f"from={now}", ["t-3"]),
        (f"to={now - 1}", ["t-1"]),
        (f"from={now - 1}&to={now}", ["t-3", "t-1"]),
    ):
        rows = (await gate.call("GET", "/spot/orders", query=f"currency_pair=BTC_USDT&status=finished&{query}")).body
        assert [row["text"] for row in rows] == texts
    assert (await gate.call("GET", "/spot/orders", query="currency_pair=BTC_USDT&status=open&side=sell")).body == []
    every = (await gate.call("GET", "/spot/open_orders")).body
    assert [(row["currency_pair"], row["total"], len(row["orders"])) for row in every] == [
        ("ETH_USDT", 1, 1),
        ("BTC_USDT", 3, 3),
    ]


@pytest.mark.parametrize(
    ("query", "label"),
    [
        ("status=open", "MISSING_REQUIRED_PARAM"),
        ("currency_pair=BTC_USDT", "MISSING_REQUIRED_PARAM"),
        ("currency_pair=BTC_USDT&status=late", "INVALID_PARAM_VALUE"),
        ("currency_pair=A_B&status=open", "INVALID_CURRENCY_PAIR"),
        ("currency_pair=BTC_USDT&status=open&limit=101", "INVALID_PARAM_VALUE"),
        ("currency_pair=BTC_USDT&status=finished&limit=1001", "INVALID_PARAM_VALUE"),
        ("currency_pair=BTC_USDT&status=finished&limit=0", "INVALID_PARAM_VALUE"),
        ("currency_pair=BTC_USDT&status=finished&page=-1", "INVALID_PARAM_VALUE"),
        ("currency_pair=BTC_USDT&status=finished&page=100000", "INVALID_PARAM_VALUE"),
        ("currency_pair=BTC_USDT&status=finished&from=5&to=4", "INVALID_PARAM_VALUE"),
        ("currency_pair=BTC_USDT&status=open&account=margin", "MARGIN_NOT_SUPPORTED"),
    ],
)
async def test_lists_that_are_refused(gate: Any, query: str, label: str) -> None:
    answer = await gate.call("GET", "/spot/orders", query=query)
    assert (answer.status, answer.label) == (400, label)


async def test_fills_of_a_maker_and_by_order(gate: Any) -> None:
    price = gate.best(Side.SELL) - Decimal("0.1")
    placed = (await gate.order(price=str(price), text="t-maker")).body
    for _ in range(3):
        gate.market.submit("gateio", "BTC/USDT", Side.SELL, Decimal("0.001"), price)
    other = (await gate.order(side="sell", type="market", amount="0.0001", price=None, time_in_force="ioc")).body
    trades = (await gate.call("GET", "/spot/my_trades", query="currency_pair=BTC_USDT")).body
    assert [trade["order_id"] for trade in trades if trade["role"] == "taker"] == [other["id"]]
    for name in (placed["id"], "t-maker"):
        rows = (await gate.call("GET", "/spot/my_trades", query=f"currency_pair=BTC_USDT&order_id={name}")).body
        assert {(row["role"], row["text"], row["side"]) for row in rows} == {("maker", "t-maker", "buy")}
        assert sum(Decimal(row["amount"]) for row in rows) >= Decimal("0.003")
        assert [row["id"] for row in rows] == sorted((row["id"] for row in rows), reverse=True, key=int)
    gate.clock.advance(8 * 86_400)
    assert (await gate.call("GET", "/spot/my_trades", query="currency_pair=BTC_USDT")).body == []
    start = gate.clock.time_ns() // 1_000_000_000 - 9 * 86_400
    rows = (await gate.call("GET", "/spot/my_trades", query=f"from={start}&limit=2")).body
    assert len(rows) == 2
    refused = await gate.call("GET", "/spot/my_trades", query=f"from={start - 30 * 86_400}")
    assert (refused.status, refused.label) == (400, "INVALID_PARAM_VALUE")
    assert (await gate.call("GET", "/spot/my_trades", query="order_id=1")).label == "MISSING_REQUIRED_PARAM"


# --- trigger orders --------------------------------------------------------------------------------------------------


def trigger_order(price: str, rule: str, **put: Any) -> dict[str, Any]:
    asked = {"type": "limit", "side": "buy", "price": "50000", "amount": "0.01", "account": "normal"} | put
    return {
        "trigger": {"price": price, "rule": rule, "expiration": 3600},
        "put": {**asked, "time_in_force": "gtc", "text": "api"},
        "market": "BTC_USDT",
    }


async def test_a_trigger_order_fires_at_the_last_price(gate: Any) -> None:
    answer = await gate.call("POST", "/spot/price_orders", trigger_order("1", ">="))
    assert (answer.status, list(answer.body)) == (201, ["id"])
    waiting = (await gate.call("POST", "/spot/price_orders", trigger_order("1", "<="))).body["id"]
    assert gate.ledger.holding(1001, "spot", "USDT").locked == 0
    path = f"/spot/price_orders/{answer.body['id']}"
    body = (await gate.call("GET", path)).body
    assert body == {
        "id": answer.body["id"],
        "user": 1001,
        "market": "BTC_USDT",
        "trigger": {"price": "1", "rule": ">=", "expiration": 3600},
        "put": {
            "type": "limit",
            "side": "buy",
            "price": "50000",
            "amount": "0.01",
            "account": "normal",
            "time_in_force": "gtc",
            "text": "api",
        },
        "ctime": gate.clock.time_ns() // 1_000_000_000,
        "ftime": 0,
        "fired_order_id": 0,
        "status": "open",
        "reason": "",
    }
    gate.tick()
    body = (await gate.call("GET", path)).body
    assert body["status"] == "finish"
    assert body["ftime"]
    (order,) = gate.desk.open_orders(gate.main)
    assert (order.id, str(order.price)) == (body["fired_order_id"], "50000")
    opened = (await gate.call("GET", "/spot/price_orders", query="status=open")).body
    ended = (await gate.call("GET", "/spot/price_orders", query="status=finished&market=BTC_USDT")).body
    assert ([row["id"] for row in opened], [row["id"] for row in ended]) == ([waiting], [body["id"]])


async def test_trigger_orders_end_without_firing(gate: Any) -> None:
    ids = [(await gate.call("POST", "/spot/price_orders", trigger_order("1", "<="))).body["id"] for _ in range(3)]
    cancelled = await gate.call("DELETE", f"/spot/price_orders/{ids[0]}")
    assert (cancelled.status, cancelled.body["status"]) == (200, "cancelled")
    assert (await gate.call("DELETE", f"/spot/price_orders/{ids[0]}")).label == "ORDER_CLOSED"
    gate.tick(3601)
    assert (await gate.call("GET", f"/spot/price_orders/{ids[1]}")).body["status"] == "expired"
    last = (await gate.call("POST", "/spot/price_orders", trigger_order("1", "<="))).body["id"]
    assert [row["id"] for row in (await gate.call("DELETE", "/spot/price_orders", query="market=BTC_USDT")).body] == [
        last
    ]
    failing = trigger_order("1", ">=", amount="1000000")
    failed = (await gate.call("POST", "/spot/price_orders", failing)).body["id"]
    gate.tick()
    body = (await gate.call("GET", f"/spot/price_orders/{failed}")).body
    assert (body["status"], bool(body["reason"])) == ("failed", True)


@pytest.mark.parametrize(
    ("body", "label"),
    [
        ({}, "MISSING_REQUIRED_PARAM"),
        ({"trigger": 1, "put": {}, "market": "BTC_USDT"}, "INVALID_PARAM_VALUE"),
        (trigger_order("x", ">="), "INVALID_PARAM_VALUE"),
        (trigger_order("1", ">"), "INVALID_PARAM_VALUE"),
        (trigger_order("1", ">=") | {"market": "A_B"}, "INVALID_CURRENCY_PAIR"),
        (trigger_order("1", ">=", account="margin"), "MARGIN_NOT_SUPPORTED"),
        (trigger_order("1", ">=", account="spot"), "INVALID_PARAM_VALUE"),
        (trigger_order("1", ">=") | {"trigger": {"price": "1", "rule": ">="}}, "MISSING_REQUIRED_PARAM"),
        (trigger_order("1", ">=") | {"trigger": {"price": "1", "rule": ">=", "expiration": 0}}, "INVALID_PARAM_VALUE"),
    ],
)
async def test_trigger_orders_that_are_refused(gate: Any, body: Any, label: str) -> None:
    answer = await gate.call("POST", "/spot/price_orders", body)
    assert (answer.status, answer.label) == (400, label)


async def test_trigger_orders_that_do_not_exist(gate: Any) -> None:
    assert (await gate.call("GET", "/spot/price_orders/7")).status == 404
    assert (await gate.call("DELETE", "/spot/price_orders/7")).status == 404
    assert (await gate.call("GET", "/spot/price_orders/x")).label == "INVALID_PARAM_VALUE"
    assert (await gate.call("GET", "/spot/price_orders")).label == "MISSING_REQUIRED_PARAM"


# --- wallet ----------------------------------------------------------------------------------------------------------


async def test_chains_are_public_and_agree_with_the_currencies(gate: Any) -> None:
    chains = (await gate.raw("GET", "/wallet/currency_chains", query="currency=USDT")).body
    assert [(row["chain"], row["is_disabled"], row["decimal"]) for row in chains] == [("TRX", 0, 6), ("ETH", 0, 6)]
    currency = (await gate.raw("GET", "/spot/currencies/USDT")).body
    assert [row["name"] for row in currency["chains"]] == ["TRX", "ETH"]
    assert currency["chains"][0]["addr"] == chains[0]["contract_address"]
    assert (await gate.raw("GET", "/wallet/currency_chains")).label == "MISSING_REQUIRED_PARAM"
    assert (await gate.raw("GET", "/wallet/currency_chains", query="currency=NOPE")).label == "INVALID_CURRENCY"


async def test_deposits(gate: Any) -> None:
    address = (await gate.call("GET", "/wallet/deposit_address", query="currency=USDT")).body
    assert [row["chain"] for row in address["multichain_addresses"]] == ["TRX", "ETH"]
    assert address["address"] == address["multichain_addresses"][0]["address"]
    gate.wallet.deposit(gate.main, "USDT", Decimal("222.61"), "TRX")
    (row,) = (await gate.call("GET", "/wallet/deposits")).body
    assert (row["amount"], row["status"], row["chain"], row["address"]) == (
        "222.61",
        "TRACK",
        "TRX",
        address["address"],
    )
    gate.tick(120)
    (row,) = (await gate.call("GET", "/wallet/deposits", query="currency=USDT")).body
    assert row["status"] == "DONE"
    assert gate.ledger.holding(1001, "spot", "USDT").free == Decimal("100222.61")
    assert (await gate.call("GET", "/wallet/deposits", query="currency=NOPE")).label == "INVALID_CURRENCY"
    assert (await gate.call("GET", "/wallet/deposits", query="limit=501")).label == "INVALID_PARAM_VALUE"


async def test_an_address_may_have_to_be_generated(own_gate: Open) -> None:
    house = await own_gate(address_generation=5.0)
    first = (await house.call("GET", "/wallet/deposit_address", query="currency=BTC")).body
    assert (first["address"].split()[0], first["multichain_addresses"]) == ("New", [])
    house.clock.advance(5)
    assert (await house.call("GET", "/wallet/deposit_address", query="currency=BTC")).body["multichain_addresses"]


async def test_withdrawals_settle_after_a_while(gate: Any) -> None:
    asked = {"currency": "USDT", "chain": "TRX", "address": "TX", "amount": "50", "withdraw_order_id": "order_1"}
    answer = await gate.call("POST", "/withdrawals", asked)
    assert answer.status == 200
    assert (answer.body["status"], answer.body["amount"], answer.body["fee"]) == ("REQUEST", "50", "1")
    assert answer.body["id"].startswith("w")
    assert gate.ledger.holding(1001, "spot", "USDT").locked == 51
    seen = []
    for seconds in (1, 5, 5, 60):
        gate.tick(seconds)
        (row,) = (await gate.call("GET", "/wallet/withdrawals", query="withdraw_order_id=order_1")).body
        seen.append(row["status"])
    assert seen == ["REQUEST", "PROCES", "EXTPEND", "DONE"]
    assert (gate.ledger.holding(1001, "spot", "USDT").total, bool(row["txid"])) == (Decimal(99949), True)
    late = await gate.call("DELETE", f"/withdrawals/{row['id']}")
    assert (late.status, late.label) == (400, "INVALID_WITHDRAW_CANCEL_STATUS")
    again = await gate.call("POST", "/withdrawals", asked)
    assert again.label == "ORDER_EXISTS"


async def test_withdrawals_that_are_cancelled_and_refused(gate: Any) -> None:
    asked = {"currency": "USDT", "chain": "TRX", "address": "TX", "amount": "50"}
    placed = (await gate.call("POST", "/withdrawals", asked)).body
    limited = await gate.call("POST", "/withdrawals", asked)
    assert (limited.status, limited.label) == (429, "TOO_MANY_REQUESTS")
    answer = await gate.call("DELETE", f"/withdrawals/{placed['id']}")
    assert (answer.status, answer.body["status"]) == (202, "CANCEL")
    for more, label in (
        ({"currency": "NOPE"}, "INVALID_CURRENCY"),
        ({"chain": "MOON"}, "INVALID_PARAM_VALUE"),
        ({"address": ""}, "MISSING_REQUIRED_PARAM"),
        ({"amount": "1"}, "AMOUNT_TOO_LITTLE"),
        ({"amount": "10.1234567"}, "INVALID_PRECISION"),
        ({"amount": "1000000"}, "BALANCE_NOT_ENOUGH"),
        ({"amount": "99999999999"}, "WITHDRAWAL_OVER_LIMIT"),
        ({"withdraw_order_id": "a b"}, "INVALID_CLIENT_ORDER_ID"),
        ({"memo": 7}, "INVALID_PARAM_VALUE"),
    ):
        gate.clock.advance(3)
        answer = await gate.call("POST", "/withdrawals", asked | more)
        assert (answer.status, answer.label) == (400, label)
    assert (await gate.call("DELETE", "/withdrawals/w999")).label == "INVALID_WITHDRAW_ID"
    assert (await gate.call("DELETE", "/withdrawals/soon")).label == "INVALID_WITHDRAW_ID"


async def test_withdrawals_need_the_permission_and_perhaps_a_saved_address(own_gate: Open) -> None:
    house = await own_gate(wallet=WalletOptions(only_allowed_addresses=True))
    house.account(1002, "trader", "s", permissions=frozenset({Permission.READ, Permission.TRADE}))
    asked = {"currency": "USDT", "chain": "TRX", "address": "TX", "amount": "50"}
    answer = await house.call("POST", "/withdrawals", asked, key="trader", secret="s")
    assert (answer.status, answer.label) == (403, "FORBIDDEN")
    assert (await house.call("POST", "/withdrawals", asked)).label == "ADDRESS_NOT_USED"
    house.wallet.allow_address(house.main, "USDT", "TRX", "TX")
    house.clock.advance(3)
    assert (await house.call("POST", "/withdrawals", asked)).status == 200
    saved = (await house.call("GET", "/wallet/saved_address", query="currency=USDT")).body
    assert [(row["chain"], row["address"]) for row in saved] == [("TRX", "TX")]


async def test_transfers(gate: Any) -> None:
    asked = {"currency": "USDT", "from": "spot", "to": "futures", "amount": "100", "settle": "usdt"}
    answer = await gate.call("POST", "/wallet/transfers", asked | {"client_order_id": "mine"})
    assert answer.status == 200
    for query in (f"tx_id={answer.body['tx_id']}", "client_order_id=mine"):
        status = (await gate.call("GET", "/wallet/order_status", query=query)).body
        assert status == {"tx_id": str(answer.body["tx_id"]), "status": "SUCCESS"}
    assert gate.ledger.holding(1001, "futures_usdt", "USDT").free == 10_100
    back = asked | {"from": "futures", "to": "spot"}
    for body, label in (
        (asked | {"amount": "1000000"}, "BALANCE_NOT_ENOUGH"),
        (back | {"amount": "1000000"}, "FUTURES_BALANCE_NOT_ENOUGH"),
        (asked | {"currency": "BTC"}, "INVALID_PARAM_VALUE"),
        (asked | {"currency": "NOPE"}, "INVALID_CURRENCY"),
        (asked | {"to": "margin"}, "MARGIN_TRANSFER_FAILED"),
        (asked | {"to": "moon"}, "INVALID_PARAM_VALUE"),
        (asked | {"to": "spot"}, "INVALID_PARAM_VALUE"),
        (asked | {"settle": "btc"}, "INVALID_PARAM_VALUE"),
        ({key: value for key, value in asked.items() if key != "settle"}, "MISSING_REQUIRED_PARAM"),
        (asked | {"amount": "0.000000001"}, "INVALID_PRECISION"),
        (asked | {"client_order_id": "ä"}, "INVALID_CLIENT_ORDER_ID"),
    ):
        answer = await gate.call("POST", "/wallet/transfers", body)
        assert (answer.status, answer.label) == (400, label), body
    assert (await gate.call("GET", "/wallet/order_status")).label == "MISSING_REQUIRED_PARAM"
    assert (await gate.call("GET", "/wallet/order_status", query="tx_id=9999")).label == "INVALID_PARAM_VALUE"


async def test_what_everything_is_worth(gate: Any) -> None:
    body = (await gate.call("GET", "/wallet/total_balance")).body
    last = gate.market.book("gateio", "BTC/USDT").last_price
    assert body["total"]["currency"] == "USDT"
    assert Decimal(body["details"]["futures"]["amount"]) == 10_000
    assert Decimal(body["details"]["spot"]["amount"]) > 100_000 + 2 * last
    in_btc = (await gate.call("GET", "/wallet/total_balance", query="currency=BTC")).body
    assert abs(Decimal(in_btc["details"]["spot"]["amount"]) * last - Decimal(body["details"]["spot"]["amount"])) < 1
    assert (await gate.call("GET", "/wallet/total_balance", query="currency=NOPE")).label == "INVALID_CURRENCY"
    limits = (await gate.call("GET", "/wallet/withdraw_status", query="currency=USDT")).body
    assert limits[0]["withdraw_fix_on_chains"] == {"TRX": "1", "ETH": "3"}


@pytest.mark.parametrize(
    "path",
    [
        "/margin/currency_pairs",
        "/delivery/usdt/contracts",
        "/options/underlyings",
        "/futures/btc/contracts",
        "/futures/usd1/tickers",
    ],
)
async def test_markets_where_nothing_is_listed(gate: Any, path: str) -> None:
    answer = await gate.raw("GET", path)
    assert (answer.status, answer.body) == (200, [])
    assert (await gate.raw("GET", "/futures/btc/order_book")).label == "CONTRACT_NOT_FOUND"
