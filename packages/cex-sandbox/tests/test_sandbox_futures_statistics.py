from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

SYMBOL = "BTC/USDT:USDT"


async def test_everybody_is_told_of_liquidations(perp: Any) -> None:
    await perp.call("POST", "/positions/BTC_USDT/leverage", leverage=100)
    await perp.order(size=100, price="0", tif="ioc")
    perp.mark(Decimal(80_000))
    perp.settle()
    (own,) = (await perp.call("GET", "/liquidates")).body
    (row,) = (await perp.call("GET", "/liq_orders")).body
    assert (row["size"], row["order_size"], row["left"], row["contract"]) == (100, -100, 0, "BTC_USDT")
    assert (row["fill_price"], row["time"]) == (own["fill_price"], own["time"])
    assert (await perp.call("GET", "/liq_orders", contract="SOL_USDT")).body == []
    assert (await perp.call("GET", "/liq_orders", **{"from": row["time"] + 1})).body == []
    assert (await perp.call("GET", "/liq_orders", contract="X")).body == {"label": "CONTRACT_NOT_FOUND"}
    (fund,) = (await perp.call("GET", "/insurance")).body
    assert Decimal(fund["b"]) == perp.desk.insurance_fund > 0
    assert fund["t"] % 86_400 == 0


async def test_the_premium_index(perp: Any) -> None:
    rows = (await perp.call("GET", "/premium_index", contract="BTC_USDT", interval="1m", limit=5)).body
    assert len(rows) == 5
    contract = perp.desk.contract(SYMBOL)
    assert abs(Decimal(rows[-1]["c"]) - (contract.mark / contract.index - 1)) < Decimal("0.000001")
    assert all(Decimal(row["l"]) <= min(Decimal(row["o"]), Decimal(row["c"])) for row in rows)
    assert (await perp.call("GET", "/premium_index")).body["label"] == "MISSING_REQUIRED_PARAM"


async def test_contract_stats(perp: Any) -> None:
    rows = (await perp.call("GET", "/contract_stats", contract="BTC_USDT", interval="5m", limit=3)).body
    assert [later["time"] - row["time"] for row, later in pairwise(rows)] == [300, 300]
    assert rows[-1]["open_interest"] == perp.desk.contract(SYMBOL).perpetual.open_interest
    assert rows[-1]["mark_price"] == float(perp.desk.contract(SYMBOL).mark)
    since = rows[1]["time"]
    assert len((await perp.call("GET", "/contract_stats", contract="BTC_USDT", **{"from": since})).body) == 2
    assert (await perp.call("GET", "/contract_stats", contract="BTC_USDT", interval="2m")).status == 400


async def test_where_an_index_comes_from(perp: Any) -> None:
    body = (await perp.call("GET", "/index_constituents/BTC_USDT")).body
    assert body == {"index": "BTC_USDT", "constituents": [{"exchange": "Gate.io", "symbols": ["BTC_USDT"]}]}
    assert (await perp.call("GET", "/index_constituents/X")).status == 400


async def test_funding_rates_of_several_contracts(perp: Any) -> None:
    body = (await perp.call("POST", "/funding_rates", {"contracts": ["BTC_USDT", "SOL_USDT"]})).body
    assert [row["contract"] for row in body] == ["BTC_USDT", "SOL_USDT"]
    single = (await perp.call("GET", "/funding_rate", contract="SOL_USDT", limit=10)).body
    assert body[1]["data"] == single


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"contracts": 5}', b"\xff"])
async def test_funding_rates_of_nonsense(perp: Any, raw: bytes) -> None:
    assert (await perp.call("POST", "/funding_rates", raw=raw)).body["label"] == "INVALID_REQUEST_BODY"
    assert (await perp.call("POST", "/funding_rates", {"contracts": ["X"]})).body == {"label": "CONTRACT_NOT_FOUND"}


async def test_what_positions_have_been(perp: Any) -> None:
    await perp.order(size=10, price="0", tif="ioc")
    perp.clock.advance(10)
    await perp.order(size=-4, price="0", tif="ioc")
    rows = (await perp.call("GET", "/positions_timerange", contract="BTC_USDT")).body
    assert [row["size"] for row in rows] == [6, 10]
    assert rows[0]["time"] - rows[1]["time"] == 10
    late = (await perp.call("GET", "/positions_timerange", contract="BTC_USDT", **{"from": rows[0]["time"]})).body
    assert late == rows[:1]
    assert (await perp.call("GET", "/positions_timerange")).status == 400


async def test_all_contracts(perp: Any) -> None:
    assert [row["name"] for row in (await perp.call("GET", "/contracts_all")).body] == ["BTC_USDT", "SOL_USDT"]
