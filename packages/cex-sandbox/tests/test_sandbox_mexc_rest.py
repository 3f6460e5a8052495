from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import aiohttp
import pytest

from cex.common.clock import SYSTEM_CLOCK, ManualClock
from cex.common.enums import InstrumentStatus
from cex.sandbox.market.listings import DEFAULT_LISTINGS
from cex.sandbox.server import Sandbox
from cex.sandbox.venues.mexc.options import MexcOptions


class Answer:
    def __init__(self, status: int, body: Any, headers: Any) -> None:
        self.status = status
        self.body = body
        self.headers = headers


class Mexc:
    def __init__(self, sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.http = http

    async def get(self, path: str, *, method: str = "GET", **params: str) -> Answer:
        url = self.sandbox.endpoints["mexc"]["rest"] + path
        async with self.http.request(method, url, params=params) as response:
            assert response.content_type == "application/json"
            return Answer(response.status, await response.json(), response.headers)


@pytest.fixture
def mexc(sandbox: Sandbox, http: aiohttp.ClientSession) -> Mexc:
    return Mexc(sandbox, http)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def small(http: aiohttp.ClientSession, clock: ManualClock) -> AsyncIterator[Mexc]:
    """A venue with a budget of 30 in 10 seconds of ``clock``, and a book that lags."""
    options = MexcOptions(weight_limit=30, retry_after=True, rest_lag=0.4)
    async with Sandbox(seed=7, listings=DEFAULT_LISTINGS[:1], mexc=options, clock=clock) as running:
        yield Mexc(running, http)


async def test_ping_and_time(mexc: Mexc) -> None:
    assert (await mexc.get("/api/v3/ping")).body == {}
    time = (await mexc.get("/api/v3/time")).body
    assert list(time) == ["serverTime"]
    assert time["serverTime"] > 1_700_000_000_000


async def test_default_symbols_are_those_open_to_the_api(mexc: Mexc) -> None:
    body = (await mexc.get("/api/v3/defaultSymbols")).body
    assert (body["code"], body["msg"]) == (0, "success")
    assert "BTCUSDT" in body["data"]
    assert "GENEUSDT" not in body["data"]


async def test_exchange_info_of_everything(mexc: Mexc) -> None:
    body = (await mexc.get("/api/v3/exchangeInfo")).body
    assert (body["timezone"], body["rateLimits"], body["exchangeFilters"]) == ("CST", [], [])
    symbols = {symbol["symbol"]: symbol for symbol in body["symbols"]}
    bitcoin = symbols["BTCUSDT"]
    assert bitcoin == {
        "symbol": "BTCUSDT",
        "status": "1",
        "baseAsset": "BTC",
        "baseAssetPrecision": 8,
        "quoteAsset": "USDT",
        "quotePrecision": 2,
        "quoteAssetPrecision": 2,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 2,
        "orderTypes": ["LIMIT", "MARKET", "LIMIT_MAKER"],
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "quoteAmountPrecision": "1",
        "baseSizePrecision": "0.000001",
        "permissions": ["SPOT"],
        "filters": [],
        "maxQuoteAmount": "2000000",
        "makerCommission": "0",
        "takerCommission": "0.0005",
        "quoteAmountPrecisionMarket": "1",
        "maxQuoteAmountMarket": "100000",
        "fullName": "Bitcoin",
        "tradeSideType": 1,
    }
    assert symbols["LUNCUSDT"]["status"] == "2"
    assert symbols["GENEUSDT"]["isSpotTradingAllowed"] is False
    assert symbols["BROCKUSDT"]["baseSizePrecision"] == "0"
    assert symbols["龙虾USDT"]["baseAsset"] == "龙虾"


async def test_exchange_info_of_one_and_of_some(mexc: Mexc) -> None:
    one = (await mexc.get("/api/v3/exchangeInfo", symbol="ETHUSDT")).body
    assert [symbol["symbol"] for symbol in one["symbols"]] == ["ETHUSDT"]
    some = (await mexc.get("/api/v3/exchangeInfo", symbols="龙虾USDT,BTCUSDT")).body
    assert [symbol["symbol"] for symbol in some["symbols"]] == ["龙虾USDT", "BTCUSDT"]


async def test_depth_is_padded_sorted_and_true(mexc: Mexc) -> None:
    body = (await mexc.get("/api/v3/depth", symbol="BTCUSDT", limit="5000")).body
    truth = mexc.sandbox.truth_at("mexc", "BTC/USDT", body["lastUpdateId"])
    assert tuple((Decimal(price), Decimal(size)) for price, size in body["bids"]) == truth.bids
    assert tuple((Decimal(price), Decimal(size)) for price, size in body["asks"]) == truth.asks
    assert all(len(price.partition(".")[2]) == 2 for price, _ in body["bids"])
    assert all(len(size.partition(".")[2]) == 8 for _, size in body["asks"])
    assert body["timestamp"] > 1_700_000_000_000


async def test_depth_has_100_levels_unless_asked(mexc: Mexc) -> None:
    usual = (await mexc.get("/api/v3/depth", symbol="BTCUSDT")).body
    assert len(usual["bids"]) == 100
    few = (await mexc.get("/api/v3/depth", symbol="BTCUSDT", limit="5")).body
    assert len(few["asks"]) == 5


async def test_the_cjk_symbol_is_served(mexc: Mexc) -> None:
    body = (await mexc.get("/api/v3/depth", symbol="龙虾USDT")).body
    assert body["bids"]


async def test_trades_come_newest_first(mexc: Mexc) -> None:
    for _ in range(100):
        mexc.sandbox.market.step(SYSTEM_CLOCK.time_ns())
    body = (await mexc.get("/api/v3/trades", symbol="BTCUSDT", limit="50")).body
    assert len(body) > 5
    assert all(newer["time"] >= older["time"] for newer, older in pairwise(body))
    for trade in body:
        assert trade["id"] is None
        assert (trade["tradeType"], trade["isBuyerMaker"]) in [("ASK", True), ("BID", False)]
        assert Decimal(trade["quoteQty"]) == Decimal(trade["price"]) * Decimal(trade["qty"])
    one = (await mexc.get("/api/v3/trades", symbol="BTCUSDT", limit="1")).body
    assert len(one) == 1


@pytest.mark.parametrize(
    ("path", "params", "status", "body"),
    [
        ("/api/v3/depth", {"symbol": "NOPEUSDT"}, 400, {"code": -1121, "msg": "Invalid symbol."}),
        ("/api/v3/trades", {"symbol": "btcusdt"}, 400, {"code": -1121, "msg": "Invalid symbol."}),
        ("/api/v3/exchangeInfo", {"symbols": "BTCUSDT,NOPE"}, 400, {"code": -1121, "msg": "Invalid symbol."}),
        ("/api/v3/depth", {}, 400, {"code": 44444, "msg": "param cannot be null"}),
        ("/api/v3/depth", {"symbol": "BTCUSDT", "limit": "many"}, 400, {"code": 33333, "msg": "param is error"}),
        ("/api/v3/depth", {"symbol": "BTCUSDT", "limit": "0"}, 400, {"code": 33333, "msg": "param is error"}),
        ("/api/v3/nothing", {"symbol": "BTCUSDT"}, 404, {"code": 404, "msg": "Not Found"}),
        ("/nowhere", {}, 404, {"code": 404, "msg": "Not Found"}),
    ],
)
async def test_refusals(mexc: Mexc, path: str, params: dict[str, str], status: int, body: dict[str, Any]) -> None:
    answer = await mexc.get(path, **params)
    assert (answer.status, answer.body) == (status, body)


async def test_a_wrong_verb_is_refused(mexc: Mexc) -> None:
    answer = await mexc.get("/api/v3/depth", method="POST", symbol="BTCUSDT")
    assert (answer.status, answer.body["code"]) == (405, 405)


async def test_weights_share_one_budget_and_come_back(small: Mexc, clock: ManualClock) -> None:
    for _ in range(2):
        assert (await small.get("/api/v3/exchangeInfo")).status == 200
    assert (await small.get("/api/v3/trades", symbol="BTCUSDT")).status == 200
    for _ in range(5):
        assert (await small.get("/api/v3/ping")).status == 200
    refused = await small.get("/api/v3/ping")
    assert (refused.status, refused.body) == (429, {"code": 429, "msg": "Too Many Requests"})
    assert refused.headers["Retry-After"] == "10"
    clock.advance(9.9)
    assert (await small.get("/api/v3/ping")).status == 429
    clock.advance(0.2)
    assert (await small.get("/api/v3/ping")).status == 200


async def test_no_retry_after_by_default(http: aiohttp.ClientSession) -> None:
    options = MexcOptions(weight_limit=1)
    async with Sandbox(seed=7, listings=DEFAULT_LISTINGS[:1], mexc=options) as running:
        mexc = Mexc(running, http)
        assert (await mexc.get("/api/v3/ping")).status == 200
        refused = await mexc.get("/api/v3/ping")
        assert refused.status == 429
        assert "Retry-After" not in refused.headers


async def test_the_rest_book_may_lag(small: Mexc) -> None:
    for _ in range(30):
        small.sandbox.market.step()
    lagged = 0
    for _ in range(20):
        body = (await small.get("/api/v3/depth", symbol="BTCUSDT", limit="2000")).body
        truth = small.sandbox.truth_at("mexc", "BTC/USDT", body["lastUpdateId"])
        assert tuple((Decimal(price), Decimal(size)) for price, size in body["bids"]) == truth.bids
        lagged += body["lastUpdateId"] < small.sandbox.market.book("mexc", "BTC/USDT").view(1).update_id
    assert lagged >= 10


@pytest.mark.parametrize(
    ("status", "wire", "sides"),
    [
        (InstrumentStatus.BUY_ONLY, "1", 2),
        (InstrumentStatus.SELL_ONLY, "1", 3),
        (InstrumentStatus.HALTED, "2", 1),
        (InstrumentStatus.DELISTED, "3", 1),
    ],
)
async def test_status_on_the_wire(http: aiohttp.ClientSession, status: InstrumentStatus, wire: str, sides: int) -> None:
    listing = DEFAULT_LISTINGS[0]
    changed = replace(listing, venues={"mexc": replace(listing.venues["mexc"], status=status)})
    async with Sandbox(seed=7, listings=[changed]) as running:
        mexc = Mexc(running, http)
        (symbol,) = (await mexc.get("/api/v3/exchangeInfo")).body["symbols"]
        assert (symbol["status"], symbol["tradeSideType"]) == (wire, sides)
        offline = (await mexc.get("/api/v3/symbol/offline")).body
        gone = [entry["symbol"] for entry in offline["data"]]
        assert gone == (["BTCUSDT"] if status is InstrumentStatus.DELISTED else [])
