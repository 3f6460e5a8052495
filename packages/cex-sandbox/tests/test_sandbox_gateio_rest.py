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
from cex.sandbox.market.listings import DEFAULT_LISTINGS, Listing
from cex.sandbox.server import Sandbox
from cex.sandbox.venues.gateio.options import GateioOptions


class Answer:
    def __init__(self, status: int, body: Any, headers: Any) -> None:
        self.status = status
        self.body = body
        self.headers = headers


class Gateio:
    def __init__(self, sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.http = http

    async def get(self, path: str, *, method: str = "GET", **params: str) -> Answer:
        url = self.sandbox.endpoints["gateio"]["rest"] + path
        async with self.http.request(method, url, params=params) as response:
            assert response.content_type == "application/json"
            return Answer(response.status, await response.json(), response.headers)


@pytest.fixture
def gateio(sandbox: Sandbox, http: aiohttp.ClientSession) -> Gateio:
    return Gateio(sandbox, http)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def small(http: aiohttp.ClientSession, clock: ManualClock) -> AsyncIterator[Gateio]:
    """A venue with a budget of 2 in 10 seconds of ``clock``."""
    options = GateioOptions(requests=2)
    async with Sandbox(seed=7, listings=DEFAULT_LISTINGS[:1], gateio=options, clock=clock) as running:
        yield Gateio(running, http)


async def test_time(gateio: Gateio) -> None:
    assert (await gateio.get("/spot/time")).body["server_time"] > 1_700_000_000_000


async def test_currency_pairs(gateio: Gateio) -> None:
    pairs = {pair["id"]: pair for pair in (await gateio.get("/spot/currency_pairs")).body}
    assert pairs["BTC_USDT"] == {
        "id": "BTC_USDT",
        "base": "BTC",
        "base_name": "Bitcoin",
        "quote": "USDT",
        "quote_name": "Tether",
        "fee": "0.2",
        "min_base_amount": "0.00001",
        "min_quote_amount": "3",
        "max_quote_amount": "5000000",
        "amount_precision": 6,
        "precision": 1,
        "trade_status": "tradable",
        "sell_start": 1607313600,
        "buy_start": 1607313600,
        "delisting_time": 0,
        "type": "normal",
        "trade_url": "https://www.gate.io/trade/BTC_USDT",
        "st_tag": False,
    }
    assert pairs["LUNC_USDT"]["trade_status"] == "untradable"
    assert "龙虾_USDT" in pairs
    assert "BROCK_USDT" not in pairs
    assert (await gateio.get("/spot/currency_pairs/ETH_USDT")).body == pairs["ETH_USDT"]


async def test_a_coarser_tick_is_told_as_a_lower_precision(gateio: Gateio) -> None:
    gateio.sandbox.market.book("gateio", "BTC/USDT").change_rules(tick=Decimal(1), step=Decimal("0.001"))
    pair = (await gateio.get("/spot/currency_pairs/BTC_USDT")).body
    assert (pair["precision"], pair["amount_precision"]) == (0, 3)


async def test_currencies(gateio: Gateio) -> None:
    currencies = {currency["currency"]: currency for currency in (await gateio.get("/spot/currencies")).body}
    assert {"BTC", "USDT", "龙虾"} <= set(currencies)
    bitcoin = (await gateio.get("/spot/currencies/BTC")).body
    assert bitcoin == currencies["BTC"]
    assert (bitcoin["name"], bitcoin["chains"][0]["deposit_disabled"]) == ("Bitcoin", False)


async def test_order_book_is_sorted_and_true(gateio: Gateio) -> None:
    body = (await gateio.get("/spot/order_book", currency_pair="BTC_USDT", limit="1000", with_id="true")).body
    truth = gateio.sandbox.truth_at("gateio", "BTC/USDT", body["id"])
    assert tuple((Decimal(price), Decimal(size)) for price, size in body["bids"]) == truth.bids
    assert tuple((Decimal(price), Decimal(size)) for price, size in body["asks"]) == truth.asks
    assert body["update"] <= body["current"]


async def test_order_book_has_ten_levels_and_no_id_unless_asked(gateio: Gateio) -> None:
    body = (await gateio.get("/spot/order_book", currency_pair="BTC_USDT", interval="0")).body
    assert "id" not in body
    assert (len(body["bids"]), len(body["asks"])) == (10, 10)
    assert "id" in (await gateio.get("/spot/order_book", currency_pair="BTC_USDT", with_id="True")).body


async def test_trades_newest_first_paged_and_after_an_id(gateio: Gateio) -> None:
    now = SYSTEM_CLOCK.time_ns()
    for _ in range(200):
        gateio.sandbox.market.step(now)
    trades = (await gateio.get("/spot/trades", currency_pair="BTC_USDT", limit="20")).body
    assert len(trades) == 20
    assert all(int(newer["id"]) > int(older["id"]) for newer, older in pairwise(trades))
    assert {trade["side"] for trade in trades} <= {"buy", "sell"}
    assert trades[0]["create_time_ms"].partition(".")[0].startswith(trades[0]["create_time"])
    page = (await gateio.get("/spot/trades", currency_pair="BTC_USDT", limit="5", page="2")).body
    assert len(page) == 5
    older = (await gateio.get("/spot/trades", currency_pair="BTC_USDT", last_id=trades[9]["id"])).body
    assert older[0]["id"] == trades[10]["id"]
    newer = (await gateio.get("/spot/trades", currency_pair="BTC_USDT", last_id=trades[9]["id"], reverse="true")).body
    assert newer[-1]["id"] == trades[8]["id"]
    second = str(now // 1_000_000_000)
    within = (await gateio.get("/spot/trades", **{"currency_pair": "BTC_USDT", "from": second, "limit": "1000"})).body
    assert len(within) >= 20
    before = {"currency_pair": "BTC_USDT", "to": str(int(second) - 100)}
    assert (await gateio.get("/spot/trades", **before)).body == []


@pytest.mark.parametrize(
    ("path", "params", "status", "label", "message"),
    [
        (
            "/spot/order_book",
            {"currency_pair": "NOPE_USDT"},
            400,
            "INVALID_CURRENCY_PAIR",
            "Invalid currency pair NOPE_USDT",
        ),
        ("/spot/currency_pairs/X", {}, 400, "INVALID_CURRENCY_PAIR", "Invalid currency pair X"),
        ("/spot/currencies/X", {}, 400, "INVALID_CURRENCY", "Invalid currency X"),
        ("/spot/order_book", {}, 400, "MISSING_REQUIRED_PARAM", "Missing required parameter: currency_pair"),
        (
            "/spot/order_book",
            {"currency_pair": "BTC_USDT", "limit": "abc"},
            400,
            "INVALID_PARAM_VALUE",
            "Invalid parameter `limit` with value: abc",
        ),
        (
            "/spot/order_book",
            {"currency_pair": "BTC_USDT", "limit": "1001"},
            400,
            "INVALID_PARAM_VALUE",
            "Invalid parameter `limit` with value: 1001",
        ),
        (
            "/spot/order_book",
            {"currency_pair": "BTC_USDT", "interval": "0.1"},
            400,
            "INVALID_PARAM_VALUE",
            "Invalid parameter `interval` with value: 0.1",
        ),
        (
            "/spot/order_book",
            {"currency_pair": "BTC_USDT", "with_id": "maybe"},
            400,
            "INVALID_PARAM_VALUE",
            "Invalid parameter `with_id` with value: maybe",
        ),
        (
            "/spot/trades",
            {"currency_pair": "BTC_USDT", "limit": "1000", "page": "102"},
            400,
            "INVALID_PARAM_VALUE",
            "Invalid parameter `page` with value: 102",
        ),
        ("/spot/nothing", {}, 404, "NOT_FOUND", "The requested resource was not found"),
    ],
)
async def test_refusals(
    gateio: Gateio, path: str, params: dict[str, str], status: int, label: str, message: str
) -> None:
    answer = await gateio.get(path, **params)
    assert (answer.status, answer.body) == (status, {"label": label, "message": message})
    assert answer.headers["X-Gate-RateLimit-Limit"] == "200"


async def test_a_wrong_verb_is_refused(gateio: Gateio) -> None:
    answer = await gateio.get("/spot/time", method="DELETE")
    assert (answer.status, answer.body["label"]) == (405, "METHOD_NOT_ALLOWED")


async def test_every_reply_tells_the_budget_and_the_gateway_times(gateio: Gateio) -> None:
    first = await gateio.get("/spot/time")
    second = await gateio.get("/spot/time")
    other = await gateio.get("/spot/currency_pairs")
    remains = [answer.headers["X-Gate-RateLimit-Requests-Remain"] for answer in (first, second, other)]
    assert remains == ["199", "198", "199"]
    arrived, left = int(first.headers["X-In-Time"]), int(first.headers["X-Out-Time"])
    assert 1_700_000_000_000_000 < arrived <= left
    assert int(first.headers["X-Gate-RateLimit-Reset-Timestamp"]) == left // 1_000_000
    assert first.headers["X-Gate-Trace-Id"] != second.headers["X-Gate-Trace-Id"]


async def test_pairs_of_one_endpoint_share_its_budget(small: Gateio, clock: ManualClock) -> None:
    assert (await small.get("/spot/currency_pairs/BTC_USDT")).status == 200
    assert (await small.get("/spot/currency_pairs/ETH_USDT")).status == 400
    refused = await small.get("/spot/currency_pairs/BTC_USDT")
    assert (refused.status, refused.body) == (
        429,
        {"label": "TOO_MANY_REQUESTS", "message": "Request Rate limit Exceeded (211)"},
    )
    assert refused.headers["X-Gate-RateLimit-Requests-Remain"] == "0"
    assert "Retry-After" not in refused.headers
    ahead = int(refused.headers["X-Gate-RateLimit-Reset-Timestamp"]) - int(refused.headers["X-Out-Time"]) / 1e6
    assert 9 < ahead <= 11
    assert (await small.get("/spot/time")).status == 200
    clock.advance(10)
    assert (await small.get("/spot/currency_pairs/BTC_USDT")).status == 200


@pytest.mark.parametrize(
    ("status", "wire"),
    [
        (InstrumentStatus.BUY_ONLY, "buyable"),
        (InstrumentStatus.SELL_ONLY, "sellable"),
        (InstrumentStatus.DELISTED, "untradable"),
    ],
)
async def test_status_on_the_wire(http: aiohttp.ClientSession, status: InstrumentStatus, wire: str) -> None:
    listing: Listing = DEFAULT_LISTINGS[0]
    rules = replace(listing.venues["gateio"], status=status, min_quantity=Decimal(0))
    async with Sandbox(seed=7, listings=[replace(listing, venues={"gateio": rules})]) as running:
        pair = (await Gateio(running, http).get("/spot/currency_pairs/BTC_USDT")).body
        assert pair["trade_status"] == wire
        assert "min_base_amount" not in pair
