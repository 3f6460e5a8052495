from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cex.common.enums import Side

SYMBOL = "BTC/USDT:USDT"
M = Decimal("0.0001")


async def buy(perp: Any, size: int = 10, **fields: object) -> Decimal:
    """The price of a market order."""
    body = (await perp.order(size=size, price="0", tif="ioc", **fields)).body
    assert body["finish_as"] == "filled", body
    return Decimal(body["fill_price"])


async def test_a_position_in_full(perp: Any) -> None:
    entry = await buy(perp, -20)
    mark = perp.desk.contract(SYMBOL).mark
    body = (await perp.call("GET", "/positions/BTC_USDT")).body
    value = 20 * M * mark
    fee = 20 * M * entry * Decimal("0.0005")
    assert {name: body[name] for name in ("user", "contract", "size", "leverage", "mode", "adl_ranking")} == {
        "user": 10000,
        "contract": "BTC_USDT",
        "size": -20,
        "leverage": "0",
        "mode": "single",
        "adl_ranking": 5,
    }
    assert (body["risk_limit"], body["leverage_max"], body["maintenance_rate"]) == ("1000000", "100", "0.005")
    assert (body["cross_leverage_limit"], body["pos_margin_mode"], body["lever"]) == ("10", "cross", "10")
    assert Decimal(body["value"]) == value
    assert Decimal(body["margin"]) == value / 10
    assert Decimal(body["entry_price"]) == entry
    assert Decimal(body["mark_price"]) == mark
    assert Decimal(body["unrealised_pnl"]) == 20 * M * (entry - mark)
    assert Decimal(body["maintenance_margin"]) == value * Decimal("0.005")
    assert Decimal(body["realised_pnl"]) == Decimal(body["pnl_fee"]) == -fee
    assert (body["pnl_pnl"], body["history_pnl"], body["close_order"]) == ("0", "0", None)
    assert Decimal(body["liq_price"]) > entry * 2
    assert body["open_time"] == perp.clock.time_ns() // 1_000_000_000
    account = (await perp.call("GET", "/accounts")).body
    assert Decimal(account["unrealised_pnl"]) == Decimal(account["cross_unrealised_pnl"]) == 20 * M * (entry - mark)
    assert Decimal(account["position_margin"]) == value / 10 == Decimal(account["cross_initial_margin"])
    available = 10_000 - fee + 20 * M * (entry - mark) - value / 10
    assert Decimal(account["available"]) == available
    assert (account["in_dual_mode"], account["position_mode"], account["margin_mode"]) == (False, "single", 0)


async def test_listing_positions(perp: Any) -> None:
    await buy(perp)
    await perp.call("POST", "/positions/SOL_USDT/leverage", leverage=5)
    every = (await perp.call("GET", "/positions")).body
    assert [(row["contract"], row["size"], row["leverage"]) for row in every] == [
        ("BTC_USDT", 10, "0"),
        ("SOL_USDT", 0, "5"),
    ]
    held = (await perp.call("GET", "/positions", holding="true")).body
    assert [row["contract"] for row in held] == ["BTC_USDT"]
    assert len((await perp.call("GET", "/positions", limit=1, offset=1)).body) == 1
    assert (await perp.call("GET", "/positions", holding="maybe")).status == 400


async def test_a_position_never_touched(perp: Any, own_perpetuals: Any) -> None:
    await perp.order(size=1, price="80000")
    assert (await perp.call("GET", "/positions")).body == []
    answer = await perp.call("GET", "/positions/BTC_USDT")
    assert (answer.status, answer.body) == (400, {"label": "POSITION_NOT_FOUND", "detail": "position not found"})
    assert (await perp.call("GET", "/dual_comp/positions/BTC_USDT")).body["label"] == "POSITION_NOT_FOUND"
    assert (await perp.call("GET", "/positions/NOPE_USDT")).body == {"label": "CONTRACT_NOT_FOUND"}
    flat = await own_perpetuals(untouched_position="flat")
    body = (await flat.call("GET", "/positions/BTC_USDT")).body
    assert (body["size"], body["entry_price"], body["adl_ranking"]) == (0, "0", 6)


async def test_leverage_in_the_query(perp: Any) -> None:
    entry = await buy(perp, 100)
    body = (await perp.call("POST", "/positions/BTC_USDT/leverage", leverage=20)).body
    assert (body["leverage"], body["cross_leverage_limit"], body["pos_margin_mode"]) == ("20", "0", "isolated")
    cost = 100 * M * entry
    assert Decimal(body["margin"]) == cost / 20
    margin = cost / 20
    liquidation = (cost - margin) / (100 * M * Decimal("0.995"))
    assert abs(Decimal(body["liq_price"]) - liquidation) < Decimal("0.0001")
    account = (await perp.call("GET", "/accounts")).body
    assert Decimal(account["isolated_position_margin"]) == margin
    assert account["cross_initial_margin"] == "0"
    cross = (await perp.call("POST", "/positions/BTC_USDT/leverage", leverage=0, cross_leverage_limit=25)).body
    assert (cross["leverage"], cross["cross_leverage_limit"]) == ("0", "25")
    for query, label in (
        ({}, "MISSING_REQUIRED_PARAM"),
        ({"leverage": "x"}, "INVALID_PARAM_VALUE"),
        ({"leverage": "101"}, "LEVERAGE_TOO_HIGH"),
        ({"leverage": "0.5"}, "LEVERAGE_TOO_LOW"),
        ({"leverage": "-3"}, "LEVERAGE_TOO_LOW"),
        ({"leverage": "0", "cross_leverage_limit": "101"}, "LEVERAGE_TOO_HIGH"),
    ):
        assert (await perp.call("POST", "/positions/BTC_USDT/leverage", **query)).body["label"] == label
    in_body = await perp.call("POST", "/positions/BTC_USDT/leverage", {"leverage": "10"})
    assert in_body.body["label"] == "MISSING_REQUIRED_PARAM"


async def test_leverage_that_the_account_cannot_bear(perp: Any) -> None:
    await buy(perp, 8_000)
    assert (await perp.call("POST", "/positions/BTC_USDT/leverage", leverage=2)).body == {
        "label": "INSUFFICIENT_AVAILABLE"
    }
    perp.mark(perp.desk.contract(SYMBOL).mark * Decimal("0.991"))
    answer = await perp.call("POST", "/positions/BTC_USDT/leverage", leverage=100)
    assert answer.body == {"label": "LIQUIDATE_IMMEDIATELY"}
    assert (await perp.call("GET", "/positions/BTC_USDT")).body["leverage"] == "0"


async def test_the_newer_leverage_calls(perp: Any) -> None:
    query = {"leverage": 7, "margin_mode": "isolated"}
    assert (await perp.call("POST", "/positions/BTC_USDT/set_leverage", **query)).body["leverage"] == "7"
    query["margin_mode"] = "cross"
    assert (await perp.call("POST", "/positions/BTC_USDT/set_leverage", **query)).body["cross_leverage_limit"] == "7"
    told = (await perp.call("GET", "/get_leverage/BTC_USDT")).body
    assert told == {"lever": "7", "pos_margin_mode": "cross", "contract": "BTC_USDT"}
    assert (await perp.call("GET", "/get_leverage/SOL_USDT")).body["lever"] == "10"
    query["margin_mode"] = "both"
    assert (await perp.call("POST", "/positions/BTC_USDT/set_leverage", **query)).status == 400
    query |= {"margin_mode": "cross", "dual_side": "dual_long"}
    assert (await perp.call("POST", "/positions/BTC_USDT/set_leverage", **query)).status == 400


async def test_isolated_margin(perp: Any) -> None:
    await perp.call("POST", "/positions/BTC_USDT/leverage", leverage=10)
    assert (await perp.call("POST", "/positions/BTC_USDT/margin", change=5)).body["label"] == "POSITION_EMPTY"
    await buy(perp, 100)
    before = (await perp.call("GET", "/positions/BTC_USDT")).body
    more = (await perp.call("POST", "/positions/BTC_USDT/margin", change="50.5")).body
    assert Decimal(more["margin"]) - Decimal(before["margin"]) == Decimal("50.5")
    assert Decimal(more["liq_price"]) < Decimal(before["liq_price"])
    less = (await perp.call("POST", "/positions/BTC_USDT/margin", change="-40")).body
    assert Decimal(less["margin"]) - Decimal(before["margin"]) == Decimal("10.5")
    assert (await perp.call("POST", "/positions/BTC_USDT/margin", change="-40")).body == {"label": "REMOVE_TOO_MUCH"}
    answer = await perp.call("POST", "/positions/BTC_USDT/margin", change="99999")
    assert answer.body == {"label": "INSUFFICIENT_AVAILABLE"}
    await perp.call("POST", "/positions/cross_mode", {"mode": "CROSS", "contract": "BTC_USDT"})
    answer = await perp.call("POST", "/positions/BTC_USDT/margin", change=1)
    assert answer.body == {"label": "POSITION_CROSS_MARGIN"}


async def test_closing_a_part_gives_back_a_part_of_the_margin(perp: Any) -> None:
    await perp.call("POST", "/positions/BTC_USDT/leverage", leverage=10)
    entry = await buy(perp, 10)
    await buy(perp, -4)
    body = (await perp.call("GET", "/positions/BTC_USDT")).body
    assert Decimal(body["margin"]) == 6 * M * entry / 10
    await buy(perp, -6)
    assert (await perp.call("GET", "/positions/BTC_USDT")).body["margin"] == "0"


async def test_the_margin_mode_comes_in_the_body(perp: Any) -> None:
    body = {"mode": "ISOLATED", "contract": "BTC_USDT"}
    assert (await perp.call("POST", "/positions/cross_mode", body)).body["leverage"] == "10"
    again = await perp.call("POST", "/positions/cross_mode", body)
    assert (again.status, again.body) == (400, {"label": "NO_CHANGE"})
    assert (await perp.call("POST", "/positions/cross_mode", {**body, "mode": "CROSS"})).body["leverage"] == "0"
    assert (await perp.call("POST", "/positions/cross_mode", {**body, "mode": "BOTH"})).status == 400
    in_query = await perp.call("POST", "/positions/cross_mode", mode="CROSS", contract="BTC_USDT")
    assert in_query.body["label"] == "INVALID_REQUEST_BODY"


async def test_risk_limits(perp: Any) -> None:
    path = "/positions/BTC_USDT/risk_limit"
    body = (await perp.call("POST", path, risk_limit=2_000_000)).body
    assert (body["risk_limit"], body["leverage_max"], body["maintenance_rate"]) == ("2000000", "66.67", "0.0075")
    tiers = (await perp.call("GET", "/risk_limit_tiers", contract="BTC_USDT")).body
    assert (tiers[1]["risk_limit"], tiers[1]["leverage_max"], tiers[1]["maintenance_rate"]) == (
        "2000000",
        "66.67",
        "0.0075",
    )
    for limit, label in (
        ("1500000", "RISK_LIMIT_NOT_MULTIPLE"),
        ("9000000", "RISK_LIMIT_TOO_HIGH"),
        ("10", "RISK_LIMIT_TOO_LOW"),
    ):
        assert (await perp.call("POST", path, risk_limit=limit)).body["label"] == label
    await perp.call("POST", "/positions/BTC_USDT/leverage", leverage=60)
    assert (await perp.call("POST", path, risk_limit=5_000_000)).body["label"] == "LEVERAGE_TOO_HIGH"
    await perp.call("POST", path, risk_limit=1_000_000)
    await perp.call("POST", "/positions/BTC_USDT/leverage", leverage=100)
    assert (await perp.order(size=119_000, price="84000")).body == {"label": "INSUFFICIENT_AVAILABLE"}
    assert (await perp.order(size=119_100, price="84000")).body == {"label": "RISK_LIMIT_EXCEEDED"}


async def test_dual_mode(perp: Any) -> None:
    account = (await perp.call("POST", "/dual_mode", dual_mode="true")).body
    assert (account["in_dual_mode"], account["position_mode"]) == (True, "dual")
    assert (await perp.call("POST", "/dual_mode", dual_mode="true")).body == {"label": "NO_CHANGE"}
    await buy(perp, 10)
    await buy(perp, -4)
    both = (await perp.call("GET", "/dual_comp/positions/BTC_USDT")).body
    assert [(row["mode"], row["size"]) for row in both] == [("dual_long", 10), ("dual_short", -4)]
    for method, path, query in (
        ("GET", "/positions/BTC_USDT", {}),
        ("POST", "/positions/BTC_USDT/leverage", {"leverage": 5}),
        ("POST", "/positions/BTC_USDT/margin", {"change": 5}),
        ("POST", "/positions/BTC_USDT/risk_limit", {"risk_limit": 5}),
    ):
        assert (await perp.call(method, path, **query)).body == {"label": "POSITION_DUAL_MODE"}
    close = {"size": 0, "close": True, "price": "0", "tif": "ioc"}
    assert (await perp.order(**close)).body == {"label": "POSITION_DUAL_MODE"}
    assert (await perp.call("POST", "/dual_mode", dual_mode="false")).body == {"label": "POSITION_HOLDING"}
    short = (await perp.order(size=3, price="0", tif="ioc", reduce_only=True)).body
    assert short["finish_as"] == "filled"
    auto = {"size": 0, "auto_size": "close_long", "price": "0", "tif": "ioc"}
    assert (await perp.order(**auto)).body["message"] == "auto_size needs size 0 and reduce_only"
    closed = (await perp.order(**auto, reduce_only=True)).body
    assert (closed["size"], closed["finish_as"], closed["is_close"]) == (-10, "filled", True)
    both = (await perp.call("GET", "/dual_comp/positions/BTC_USDT")).body
    assert [row["size"] for row in both] == [0, -1]
    sides = [record["side"] for record in (await perp.call("GET", "/position_close")).body]
    assert sides == ["long"]


async def test_settings_of_dual_mode(perp: Any) -> None:
    assert (await perp.call("POST", "/set_position_mode", position_mode="dual")).body["position_mode"] == "dual"
    both = (await perp.call("POST", "/dual_comp/positions/BTC_USDT/leverage", leverage=20)).body
    assert [row["leverage"] for row in both] == ["20", "20"]
    await buy(perp, 10)
    path = "/dual_comp/positions/BTC_USDT/margin"
    margins = [Decimal(row["margin"]) for row in (await perp.call("POST", path, change=5, dual_side="dual_long")).body]
    assert margins[0] > 5
    assert margins[1] == 0
    assert (await perp.call("POST", path, change=5, dual_side="long")).body["label"] == "INVALID_PARAM_VALUE"
    assert (await perp.call("POST", path, change=5, dual_side="dual_short")).body["label"] == "POSITION_EMPTY"
    limits = (await perp.call("POST", "/dual_comp/positions/BTC_USDT/risk_limit", risk_limit=3_000_000)).body
    assert [row["risk_limit"] for row in limits] == ["3000000", "3000000"]
    body = {"mode": "CROSS", "contract": "BTC_USDT"}
    crossed = (await perp.call("POST", "/dual_comp/positions/cross_mode", body)).body
    assert [(row["leverage"], row["cross_leverage_limit"]) for row in crossed] == [("0", "20"), ("0", "20")]
    assert (await perp.call("POST", "/dual_comp/positions/cross_mode", body)).body == {"label": "NO_CHANGE"}
    one = {"leverage": 3, "margin_mode": "isolated", "dual_side": "dual_short"}
    rows = (await perp.call("POST", "/positions/BTC_USDT/set_leverage", **one)).body
    assert [row["leverage"] for row in rows] == ["0", "3"]
    side = {"dual_side": "dual_short"}
    assert (await perp.call("GET", "/get_leverage/BTC_USDT", **side)).body["lever"] == "3"


async def test_the_position_mode_needs_no_orders(perp: Any) -> None:
    await perp.order(size=1, price="80000")
    assert (await perp.call("POST", "/set_position_mode", position_mode="dual")).body == {"label": "ORDER_PENDING"}
    for query in ({}, {"position_mode": "dual_plus"}):
        assert (await perp.call("POST", "/set_position_mode", **query)).status == 400
    assert (await perp.call("POST", "/dual_mode")).body["label"] == "MISSING_REQUIRED_PARAM"


async def test_funding_is_exchanged_when_it_is_due(perp: Any) -> None:
    await buy(perp, 100)
    await buy(perp, -40, key="b" * 32)
    contract = perp.desk.contract(SYMBOL)
    due = contract.perpetual.funding_due(perp.clock.time_ns() // 1_000_000_000)
    perp.clock.advance(due - perp.clock.time_ns() / 1e9 - 1)
    perp.settle()
    assert (await perp.call("GET", "/account_book", type="fund")).body == []
    perp.clock.advance(1)
    perp.settle()
    perp.settle()
    rate, mark = contract.funding_rate(due), contract.mark
    assert rate
    (row,) = (await perp.call("GET", "/account_book", type="fund", contract="BTC_USDT")).body
    assert Decimal(row["change"]) == -100 * M * mark * rate
    assert (row["type"], row["contract"], row["text"]) == ("fund", "BTC_USDT", "BTC_USDT")
    position = (await perp.call("GET", "/positions/BTC_USDT")).body
    assert Decimal(position["pnl_fund"]) == Decimal(row["change"])
    (other,) = (await perp.call("GET", "/account_book", type="fund", key="b" * 32)).body
    assert Decimal(other["change"]) == 40 * M * mark * rate
    told = (await perp.call("GET", "/funding_rate", contract="BTC_USDT", limit=1)).body
    assert told == [{"t": due, "r": f"{rate:f}".rstrip("0")}]
    assert perp.ledger.total("USDT") == 0
    perp.clock.advance(3 * 28_800)
    perp.settle()
    assert len((await perp.call("GET", "/account_book", type="fund")).body) == 4


async def test_an_isolated_position_is_liquidated_and_loses_its_margin_only(perp: Any) -> None:
    await perp.call("POST", "/positions/BTC_USDT/leverage", leverage=50)
    await buy(perp, 1000)
    await perp.order(size=-10, price="90000", reduce_only=True)
    await perp.order(size=10, price="80000")
    before = (await perp.call("GET", "/positions/BTC_USDT")).body
    wallet = perp.desk.portfolio(perp.main).wallet
    perp.mark(Decimal(before["liq_price"]).quantize(Decimal("0.01")) + Decimal("0.02"))
    perp.settle()
    assert (await perp.call("GET", "/liquidates")).body == []
    perp.mark(Decimal(before["liq_price"]).quantize(Decimal("0.01")) - Decimal("0.02"))
    perp.settle()
    (row,) = (await perp.call("GET", "/liquidates")).body
    assert (row["size"], row["leverage"], row["left"]) == (1000, "50", 0)
    assert (row["margin"], row["liq_price"], row["entry_price"]) == (
        before["margin"],
        before["liq_price"],
        before["entry_price"],
    )
    order = (await perp.call("GET", f"/orders/{row['order_id']}")).body
    assert (order["is_liq"], order["text"], order["finish_as"]) == (True, f"liq-{order['id']}", "filled")
    assert (order["size"], order["fill_price"]) == (-1000, row["fill_price"])
    finished = (await perp.call("GET", "/orders", status="finished")).body
    assert sorted(order["finish_as"] for order in finished) == ["filled", "filled", "liquidated", "liquidated"]
    assert wallet - perp.desk.portfolio(perp.main).wallet == Decimal(before["margin"])
    assert perp.ledger.total("USDT") == 0
    account = (await perp.call("GET", "/accounts")).body
    assert Decimal(account["total"]) == sum(Decimal(value) for value in account["history"].values())
    assert (account["position_margin"], account["order_margin"]) == ("0", "0")


async def test_the_insurance_fund_pays_what_an_isolated_margin_does_not_cover(perp: Any) -> None:
    await perp.call("POST", "/positions/BTC_USDT/leverage", leverage=100)
    await buy(perp, 1000)
    position = perp.desk.position(perp.main, SYMBOL)
    margin, wallet = position.margin, perp.desk.portfolio(perp.main).wallet
    crash(perp, Decimal(70_000))
    perp.settle()
    assert perp.desk.positions(perp.main) == []
    assert wallet - perp.desk.portfolio(perp.main).wallet == margin
    (row,) = (await perp.call("GET", "/liquidates", contract="BTC_USDT")).body
    assert row["fill_price"] == "70000"
    fund = perp.ledger.holding(-4, "house", "USDT").total
    assert fund < -1000
    assert perp.ledger.total("USDT") == 0


def crash(perp: Any, price: Decimal) -> None:
    """Everybody who bought higher is gone, and the mark follows."""
    engine = perp.market.book("gateio", SYMBOL).engine
    ticks = perp.desk.contract(SYMBOL).ticks(price)
    perp.crowd(Side.BUY, 50_000, price=price)
    perp.crowd(Side.SELL, sum(lots for level, lots in engine.levels(Side.BUY) if level > ticks))
    perp.mark(price)


async def test_a_cross_account_sells_only_what_it_must(perp: Any) -> None:
    await perp.call("POST", "/positions/BTC_USDT/leverage", leverage=0, cross_leverage_limit=100)
    await buy(perp, 9_000)
    await perp.call("POST", "/orders", {"contract": "SOL_USDT", "size": 10, "price": "0", "tif": "ioc"})
    perp.mark((perp.desk.contract(SYMBOL).mark * Decimal("0.87")).quantize(Decimal("0.01")))
    maintenance = perp.desk.position(perp.main, SYMBOL).maintenance_margin
    perp.settle()
    assert [row["contract"] for row in (await perp.call("GET", "/liquidates")).body] == ["BTC_USDT"]
    assert [position.contract.symbol for position in perp.desk.positions(perp.main)] == ["SOL/USDT:USDT"]
    assert perp.ledger.holding(-4, "house", "USDT").total == maintenance
    assert perp.ledger.total("USDT") == 0


async def test_a_cross_account_that_owes_more_than_it_has_ends_at_zero(perp: Any) -> None:
    await perp.call("POST", "/positions/BTC_USDT/leverage", leverage=0, cross_leverage_limit=100)
    await buy(perp, 9_000)
    await perp.call("POST", "/orders", {"contract": "SOL_USDT", "size": 10, "price": "0", "tif": "ioc"})
    crash(perp, Decimal(70_000))
    perp.settle()
    assert perp.desk.positions(perp.main) == []
    assert {row["contract"] for row in (await perp.call("GET", "/liquidates")).body} == {"BTC_USDT", "SOL_USDT"}
    assert perp.desk.portfolio(perp.main).wallet == 0
    assert perp.ledger.holding(-4, "house", "USDT").total < -2_000
    assert perp.ledger.total("USDT") == 0


async def test_a_liquidation_without_buyers_is_tried_again(perp: Any) -> None:
    await perp.call("POST", "/positions/BTC_USDT/leverage", leverage=100)
    await buy(perp, 100)
    engine = perp.market.book("gateio", SYMBOL).engine
    perp.crowd(Side.SELL, sum(lots for _, lots in engine.levels(Side.BUY)))
    perp.mark(Decimal(83_000))
    perp.settle()
    assert perp.desk.position(perp.main, SYMBOL).size == 100
    perp.crowd(Side.BUY, 60, price=Decimal(83_000))
    perp.settle()
    assert perp.desk.position(perp.main, SYMBOL).size == 40
    perp.crowd(Side.BUY, 60, price=Decimal(82_999))
    perp.settle()
    assert perp.desk.position(perp.main, SYMBOL).size == 0
    assert [row["left"] for row in (await perp.call("GET", "/liquidates")).body] == [0, -40]


async def test_an_order_that_would_be_liquidated_at_once(perp: Any) -> None:
    await perp.call("POST", "/positions/BTC_USDT/leverage", leverage=100)
    perp.mark(perp.desk.contract(SYMBOL).mark * Decimal("0.994"))
    assert (await perp.order(size=10, price="0", tif="ioc")).body == {"label": "LIQUIDATE_IMMEDIATELY"}
    await perp.call("POST", "/positions/BTC_USDT/leverage", leverage=0, cross_leverage_limit=100)
    assert (await perp.order(size=10, price="0", tif="ioc")).status == 201


async def test_deleveraging(perp: Any) -> None:
    await buy(perp, 10)
    record = perp.desk.deleverage(perp.main, SYMBOL, Decimal(4))
    (row,) = (await perp.call("GET", "/auto_deleverages", contract="BTC_USDT")).body
    assert (row["trade_size"], row["position_size"], row["order_id"]) == (-4, 6, record.order_id)
    order = (await perp.call("GET", f"/orders/{record.order_id}")).body
    assert (order["finish_as"], order["text"]) == ("auto_deleveraged", "auto_deleveraging")
    assert perp.ledger.total("USDT") == 0


async def test_records(perp: Any) -> None:
    await buy(perp, 10)
    perp.clock.advance(10)
    await buy(perp, -10)
    now_s = perp.clock.time_ns() // 1_000_000_000
    book = (await perp.call("GET", "/account_book")).body
    assert [row["type"] for row in book] == ["fee", "pnl", "fee", "dnw"]
    assert [row["id"] for row in book] == ["5", "4", "3", "1"]
    assert Decimal(book[0]["balance"]) == perp.desk.portfolio(perp.main).wallet
    assert (book[3]["change"], book[3]["text"], book[3]["contract"]) == ("10000", "", "")
    assert len((await perp.call("GET", "/account_book", **{"from": now_s})).body) == 2
    assert len((await perp.call("GET", "/account_book", to=now_s - 1)).body) == 2
    assert (await perp.call("GET", "/account_book", type="nonsense")).status == 400
    assert (await perp.call("GET", "/account_book", type="refr")).body == []
    trades = (await perp.call("GET", "/my_trades_timerange", **{"from": now_s, "role": "taker"})).body
    assert [(row["size"], row["close_size"]) for row in trades] == [(-10, -10)]
    assert isinstance(trades[0]["trade_id"], str)
    assert "id" not in trades[0]
    assert (await perp.call("GET", "/my_trades_timerange", role="maker")).body == []
    assert (await perp.call("GET", "/my_trades_timerange", role="x")).status == 400
    newest, oldest = (await perp.call("GET", "/my_trades")).body
    assert (await perp.call("GET", "/my_trades", last_id=newest["id"])).body == [oldest]
    assert (await perp.call("GET", "/my_trades", order="x")).status == 400
    fees = (await perp.call("GET", "/fee", contract="BTC_USDT")).body
    assert fees == {"BTC_USDT": {"taker_fee": "0.0005", "maker_fee": "-0.00005"}}
    assert len((await perp.call("GET", "/fee")).body) == 2
    for query in ({"side": "long"}, {"pnl": "loss"}, {"contract": "BTC_USDT"}):
        assert len((await perp.call("GET", "/position_close", **query)).body) == 1
    assert (await perp.call("GET", "/position_close", side="short")).body == []
    for query in ({"side": "up"}, {"pnl": "none"}):
        assert (await perp.call("GET", "/position_close", **query)).status == 400
    assert (await perp.call("GET", "/liquidates", at=5)).body == []


async def test_own_fees(perp: Any) -> None:
    perp.main.fee_rates["futures"] = (Decimal("0.0001"), Decimal("0.0003"))
    perp.main.fee_rates["SOL/USDT:USDT"] = (Decimal(0), Decimal(0))
    fees = (await perp.call("GET", "/fee")).body
    assert fees == {
        "BTC_USDT": {"taker_fee": "0.0003", "maker_fee": "0.0001"},
        "SOL_USDT": {"taker_fee": "0", "maker_fee": "0"},
    }
    await buy(perp, 1)
    (row,) = (await perp.call("GET", "/my_trades")).body
    assert Decimal(row["fee"]) == Decimal(row["trade_value"]) * Decimal("0.0003")


async def test_what_may_leave_the_wallet(perp: Any) -> None:
    assert perp.desk.withdrawable(perp.poor) == 0
    assert perp.desk.withdrawable(perp.main) == 10_000
    await buy(perp, 1000)
    available = perp.desk.portfolio(perp.main).figures().available
    perp.mark(perp.desk.contract(SYMBOL).mark * Decimal("1.02"))
    figures = perp.desk.portfolio(perp.main).figures()
    assert figures.cross_unrealised > 100
    assert figures.available > available > perp.desk.withdrawable(perp.main)
    assert perp.desk.withdrawable(perp.main) == figures.available - figures.cross_unrealised


@pytest.mark.parametrize("factor", ["0.98", "1.02"])
async def test_cross_profit_and_loss_count_as_available(perp: Any, factor: str) -> None:
    await buy(perp, 1000)
    mark = perp.desk.contract(SYMBOL).mark
    before = Decimal((await perp.call("GET", "/accounts")).body["available"])
    perp.mark((mark * Decimal(factor)).quantize(Decimal("0.01")))
    moved = perp.desk.contract(SYMBOL).mark - mark
    after = Decimal((await perp.call("GET", "/accounts")).body["available"])
    assert after - before == 1000 * M * moved * Decimal("0.9")  # a tenth of it is tied up by the larger value


async def test_funding_that_the_wallet_cannot_pay_comes_out_of_the_isolated_margin(perp: Any) -> None:
    await perp.call("POST", "/positions/BTC_USDT/leverage", leverage=2)
    await buy(perp, 2_360)
    position, portfolio = perp.desk.position(perp.main, SYMBOL), perp.desk.portfolio(perp.main)
    spare = portfolio.figures().available
    await perp.call("POST", "/positions/BTC_USDT/margin", change=f"{spare:f}")
    assert portfolio.figures().available == 0
    margin, moments = position.margin, 0
    while position.pnl_fund >= 0:
        perp.clock.advance(28_800)
        perp.settle()
        moments += 1
        assert moments < 50
    paid = [entry.change for entry in portfolio.entries if entry.kind == "fund"]
    assert margin - position.margin == -sum(change for change in paid[-1:])  # what came in before is still at hand
    assert portfolio.figures().available >= 0


async def test_another_contract_size_leaves_number_and_entry_alone(perp: Any) -> None:
    entry = await buy(perp, 10)
    perp.market.book("gateio", SYMBOL).change_contract(multiplier=Decimal("0.0002"))
    body = (await perp.call("GET", "/positions/BTC_USDT")).body
    assert (body["size"], Decimal(body["entry_price"])) == (10, entry)
    assert Decimal(body["value"]) == 20 * M * perp.desk.contract(SYMBOL).mark
    (order,) = (await perp.call("GET", "/orders", status="finished")).body
    assert Decimal(order["fill_price"]) == entry
    await buy(perp, -10)
    assert perp.ledger.total("USDT") == 0


async def test_a_coarser_tick_and_step_hold_for_new_orders(perp: Any) -> None:
    resting = (await perp.order(size=3, price="80000.1")).body
    perp.market.book("gateio", SYMBOL).change_rules(tick=Decimal("0.5"), step=Decimal(2))
    assert (await perp.order(size=2, price="80000.1")).body["label"] == "INVALID_PARAM_VALUE"
    assert (await perp.order(size=3, price="80000.5")).body["label"] == "INVALID_PARAM_VALUE"
    assert (await perp.order(size=4, price="80000.5")).status == 201
    assert (await perp.call("DELETE", f"/orders/{resting['id']}")).body["left"] == 3
