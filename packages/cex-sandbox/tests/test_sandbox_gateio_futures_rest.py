from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import aiohttp
import pytest

from cex.common.clock import ManualClock
from cex.common.enums import InstrumentStatus, Side
from cex.sandbox.market.listings import DEFAULT_LISTINGS
from cex.sandbox.server import Sandbox
from cex.sandbox.venues.gateio.options import GateioOptions

PAIR = [listing for listing in DEFAULT_LISTINGS if listing.symbol.base == "BTC"]
SECOND = 1_000_000_000


class Answer:
    def __init__(self, status: int, body: Any, headers: Any) -> None:
        self.status = status
        self.body = body
        self.headers = headers


class Futures:
    def __init__(self, sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.http = http

    async def get(self, path: str, *, decimals: str = "", **params: str) -> Answer:
        headers = {"X-Gate-Size-Decimal": decimals} if decimals else {}
        url = self.sandbox.endpoints["gateio"]["rest"] + "/futures/usdt" + path
        async with self.http.get(url, params=params, headers=headers) as response:
            assert response.content_type == "application/json"
            return Answer(response.status, await response.json(), response.headers)


@pytest.fixture
def futures(sandbox: Sandbox, http: aiohttp.ClientSession) -> Futures:
    return Futures(sandbox, http)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_795_003_215 * SECOND)


@pytest.fixture
async def timed(http: aiohttp.ClientSession, clock: ManualClock) -> AsyncIterator[Futures]:
    """Bitcoin alone, at the time of ``clock``."""
    async with Sandbox(seed=7, listings=PAIR, clock=clock) as running:
        yield Futures(running, http)


async def test_contracts(futures: Futures) -> None:
    contracts = {contract["name"]: contract for contract in (await futures.get("/contracts")).body}
    assert list(contracts) == ["BTC_USDT", "ETH_USDT", "SOL_USDT", "龙虾_USDT"]
    bitcoin = contracts["BTC_USDT"]
    fixed = {
        "type": "direct",
        "quanto_multiplier": "0.0001",
        "order_price_round": "0.1",
        "mark_price_round": "0.01",
        "order_size_min": 1,
        "funding_interval": 28800,
        "leverage_max": "100",
        "maintenance_rate": "0.005",
        "taker_fee_rate": "0.0005",
        "maker_fee_rate": "-0.00005",
        "enable_decimal": False,
        "in_delisting": False,
        "status": "trading",
    }
    assert {key: bitcoin[key] for key in fixed} == fixed
    assert bitcoin["funding_next_apply"] % 28800 == 0
    assert abs(Decimal(bitcoin["mark_price"]) / Decimal(bitcoin["index_price"]) - 1) < Decimal("0.01")
    assert contracts["ETH_USDT"]["quanto_multiplier"] == "0.01"
    assert contracts["SOL_USDT"]["enable_decimal"] is True
    assert contracts["SOL_USDT"]["order_size_min"] == 0, "a tenth, truncated"
    assert isinstance(bitcoin["order_size_max"], int)
    one = (await futures.get("/contracts/SOL_USDT", decimals="1")).body
    assert (one["name"], one["order_size_min"]) == ("SOL_USDT", "0.1")
    assert isinstance(one["order_size_max"], str)
    assert isinstance(one["position_size"], str)


async def test_a_coarser_tick_is_told_as_the_rounding_of_prices(futures: Futures) -> None:
    futures.sandbox.market.book("gateio", "BTC/USDT:USDT").change_rules(tick=Decimal("0.5"))
    assert (await futures.get("/contracts/BTC_USDT")).body["order_price_round"] == "0.5"


async def test_a_limit_cuts_the_list_of_contracts_short(futures: Futures) -> None:
    body = (await futures.get("/contracts", limit="2", offset="1")).body
    assert [contract["name"] for contract in body] == ["ETH_USDT", "SOL_USDT"]


@pytest.mark.parametrize(
    ("status", "wire", "leaving"),
    [(InstrumentStatus.DELISTED, "delisted", True), (InstrumentStatus.HALTED, "circuit_breaker", False)],
)
async def test_status_on_the_wire(
    http: aiohttp.ClientSession, status: InstrumentStatus, wire: str, leaving: bool
) -> None:
    listing = PAIR[1]
    gone = replace(listing, venues={"gateio": replace(listing.venues["gateio"], status=status)})
    async with Sandbox(seed=7, listings=[gone]) as running:
        body = (await Futures(running, http).get("/contracts/BTC_USDT")).body
    assert (body["status"], body["in_delisting"]) == (wire, leaving)


async def test_order_book_is_true_and_its_times_are_seconds(futures: Futures) -> None:
    answer = await futures.get("/order_book", decimals="1", contract="SOL_USDT", limit="300", with_id="true")
    body = answer.body
    truth = futures.sandbox.truth_at("gateio", "SOL/USDT:USDT", body["id"])
    assert truth.multiplier == 1
    for side, levels in (("bids", truth.bids), ("asks", truth.asks)):
        assert [(Decimal(level["p"]), Decimal(level["s"])) for level in body[side]] == list(levels)
        assert all(isinstance(level["s"], str) for level in body[side])
    assert any("." in level["s"] for level in body["bids"])
    assert isinstance(body["current"], float)
    assert 1_700_000_000 < body["update"] <= body["current"] < 5_000_000_000


async def test_sizes_are_truncated_numbers_unless_decimals_are_asked_for(futures: Futures) -> None:
    body = (await futures.get("/order_book", contract="SOL_USDT", with_id="true")).body
    truth = futures.sandbox.truth_at("gateio", "SOL/USDT:USDT", body["id"])
    assert [level["s"] for level in body["bids"]] == [int(size) for _, size in truth.bids[:10]]
    assert len(body["asks"]) == 10
    assert "id" not in (await futures.get("/order_book", contract="SOL_USDT")).body


async def test_trades_are_signed_by_the_taker(futures: Futures) -> None:
    sandbox = futures.sandbox
    best = sandbox.truth("gateio", "SOL/USDT:USDT")
    sandbox.market.submit("gateio", "SOL/USDT:USDT", Side.SELL, Decimal("0.3"), best.bids[0][0])
    sandbox.market.submit("gateio", "SOL/USDT:USDT", Side.BUY, Decimal("2.5"), best.asks[0][0])
    rows: list[dict[str, Any]] = []
    while not {-0.3, 2.5} <= {float(row["size"]) for row in rows}:
        rows = (await futures.get("/trades", decimals="1", contract="SOL_USDT", limit="50")).body
    truncated = {row["id"]: row["size"] for row in (await futures.get("/trades", contract="SOL_USDT")).body}
    for row in rows:
        assert row["contract"] == "SOL_USDT"
        assert truncated[row["id"]] == int(Decimal(row["size"]))
        assert row["create_time"] == int(row["create_time_ms"])
    assert all(one["id"] > two["id"] for one, two in pairwise(rows))


async def test_trades_are_paged(futures: Futures) -> None:
    sandbox, symbol = futures.sandbox, "BTC/USDT:USDT"
    for _ in range(12):
        sandbox.market.submit("gateio", symbol, Side.BUY, Decimal(1), sandbox.truth("gateio", symbol).asks[0][0])
    ids: list[int] = []
    while len(ids) < 12:
        ids = [row["id"] for row in (await futures.get("/trades", contract="BTC_USDT")).body]
    second = (await futures.get("/trades", contract="BTC_USDT", last_id=str(ids[4]), limit="5")).body
    assert [row["id"] for row in second] == ids[5:10]
    newest = (await futures.get("/trades", contract="BTC_USDT", limit="1")).body[0]
    assert newest["id"] >= ids[0]
    at = str(newest["create_time"])
    assert (await futures.get("/trades", contract="BTC_USDT", **{"from": at})).body
    assert (await futures.get("/trades", contract="BTC_USDT", to=str(int(at) - 100))).body == []
    skipped = (await futures.get("/trades", contract="BTC_USDT", offset="100000")).body
    assert skipped == []


def rows_of(sandbox: Sandbox, interval: str, start: int, end: int) -> list[list[Decimal]]:
    """The truth as [t, o, h, l, c, v, sum]."""
    return [
        [Decimal(row.open_ts // SECOND), row.open, row.high, row.low, row.close, row.volume, row.turnover]
        for row in sandbox.truth_klines("gateio", "BTC/USDT:USDT", interval, start * SECOND, end * SECOND)
    ]


@pytest.mark.parametrize(
    ("wire", "ours"),
    [(name, name) for name in ("10s", "1m", "5m", "15m", "30m", "1h", "4h", "8h", "1d", "7d", "1w")] + [("30d", "1M")],
)
async def test_candles_of_every_width_are_true(timed: Futures, clock: ManualClock, wire: str, ours: str) -> None:
    now = clock.time_ns() // SECOND
    body = (await timed.get("/candlesticks", contract="BTC_USDT", interval=wire, limit="20")).body
    truth = rows_of(timed.sandbox, ours, body[0]["t"], now + 1)
    told = [[Decimal(row[key]) for key in ("t", "o", "h", "l", "c", "v", "sum")] for row in body]
    assert told[:-1] == truth[:-1]
    assert told[-1][0] == truth[-1][0]
    assert len(body) == {"30d": 3, "7d": 13, "1w": 13}.get(wire, 20)


async def test_ten_thousand_candles_in_pages(timed: Futures, clock: ManualClock) -> None:
    now = clock.time_ns() // SECOND
    first = (now // 60 - 10_000) * 60
    paged: list[dict[str, Any]] = []
    start = first
    while start < now - now % 60:
        end = min(start + 1999 * 60, now - now % 60 - 60)
        params = {"contract": "BTC_USDT", "interval": "1m", "from": str(start), "to": str(end)}
        paged += (await timed.get("/candlesticks", **params)).body
        start = paged[-1]["t"] + 60
    truth = rows_of(timed.sandbox, "1m", first, now - now % 60)
    assert [(row["t"], Decimal(row["c"]), Decimal(row["v"])) for row in paged] == [(r[0], r[4], r[5]) for r in truth]
    assert len(paged) == 10_000


async def test_mark_and_index_candles_have_no_volume(timed: Futures) -> None:
    for prefix in ("mark_", "index_"):
        body = (await timed.get("/candlesticks", contract=f"{prefix}BTC_USDT", limit="5")).body
        assert len(body) == 5
        assert all(set(row) == {"t", "o", "h", "l", "c"} for row in body)


async def test_tickers(futures: Futures) -> None:
    everyone = (await futures.get("/tickers")).body
    assert [ticker["contract"] for ticker in everyone] == ["BTC_USDT", "ETH_USDT", "SOL_USDT", "龙虾_USDT"]
    (ticker,) = (await futures.get("/tickers", contract="SOL_USDT", decimals="1")).body
    assert Decimal(ticker["highest_bid"]) < Decimal(ticker["lowest_ask"])
    assert "." in ticker["volume_24h"] + ticker["highest_size"] + ticker["lowest_size"] + ticker["total_size"]
    day = futures.sandbox.truth_klines("gateio", "SOL/USDT:USDT", "1h", 0, 1 << 62)[-26:]
    assert min(row.low for row in day) <= Decimal(ticker["low_24h"]) <= Decimal(ticker["last"])
    assert Decimal(ticker["last"]) <= Decimal(ticker["high_24h"]) <= max(row.high for row in day)
    assert all(isinstance(value, str) for value in ticker.values())
    (whole,) = (await futures.get("/tickers", contract="SOL_USDT")).body
    assert whole["volume_24h"].isdigit()


async def test_funding_history_holds_what_was_announced(timed: Futures, clock: ManualClock) -> None:
    contract = (await timed.get("/contracts/BTC_USDT")).body
    history = (await timed.get("/funding_rate", contract="BTC_USDT")).body
    assert len(history) == 90
    assert all(one["t"] - two["t"] == 28_800 for one, two in pairwise(history))
    due = contract["funding_next_apply"]
    assert history[0]["t"] == due - 28_800
    clock.advance(due - clock.time_ns() / 1e9 + 1)
    (newest,) = (await timed.get("/funding_rate", contract="BTC_USDT", limit="1")).body
    assert newest == {"t": due, "r": contract["funding_rate"]}
    assert (await timed.get("/contracts/BTC_USDT")).body["funding_rate"] == contract["funding_rate_indicative"]


async def test_funding_history_is_clamped(timed: Futures, clock: ManualClock) -> None:
    now = clock.time_ns() // SECOND
    old = await timed.get("/funding_rate", contract="BTC_USDT", **{"from": str(now - 181 * 86_400)})
    assert (old.status, old.body["message"]) == (400, "from time exceeds 180-day limit")
    start = now - 100 * 86_400
    body = (await timed.get("/funding_rate", contract="BTC_USDT", limit="1000", **{"from": str(start)})).body
    assert start <= body[-1]["t"] < start + 28_800
    assert start + 30 * 86_400 - 28_800 < body[0]["t"] <= start + 30 * 86_400
    params = {"contract": "BTC_USDT", "limit": "1000", "from": str(start), "to": str(start + 86_400)}
    assert len((await timed.get("/funding_rate", **params)).body) == 3


async def test_risk_limit_tiers(futures: Futures) -> None:
    tiers = (await futures.get("/risk_limit_tiers", contract="SOL_USDT")).body
    assert [tier["tier"] for tier in tiers] == list(range(1, 9))
    first, second = tiers[:2]
    assert (first["leverage_max"], first["contract"], first["initial_rate"]) == ("75", "SOL_USDT", "0.013333")
    assert (second["risk_limit"], second["leverage_max"], second["deduction"]) == ("2000000", "50", "2500")
    assert len((await futures.get("/risk_limit_tiers")).body) == 4 * 8


@pytest.mark.parametrize(
    ("path", "params", "body"),
    [
        ("/order_book", {"contract": "NOPE_USDT"}, {"label": "CONTRACT_NOT_FOUND"}),
        ("/contracts/NOPE_USDT", {}, {"label": "CONTRACT_NOT_FOUND"}),
        ("/candlesticks", {"contract": "mark_NOPE_USDT"}, {"label": "CONTRACT_NOT_FOUND"}),
        ("/order_book", {"contract": "BTC_USDT", "limit": "1000"}, {"label": "TOO_BIG", "message": "limit 300"}),
        (
            "/order_book",
            {},
            {"label": "MISSING_REQUIRED_PARAM", "message": "Missing required parameter: contract"},
        ),
        (
            "/order_book",
            {"contract": "BTC_USDT", "interval": "1"},
            {"label": "INVALID_PARAM_VALUE", "message": "Invalid parameter `interval` with value: 1"},
        ),
        (
            "/order_book",
            {"contract": "BTC_USDT", "with_id": "1"},
            {"label": "INVALID_PARAM_VALUE", "message": "Invalid parameter `with_id` with value: 1"},
        ),
        (
            "/candlesticks",
            {"contract": "BTC_USDT", "interval": "1s"},
            {"label": "INVALID_PARAM_VALUE", "message": "Invalid parameter `interval` with value: 1s"},
        ),
        (
            "/candlesticks",
            {"contract": "BTC_USDT", "limit": "2001"},
            {"label": "INVALID_PARAM_VALUE", "message": "Invalid parameter `limit` with value: 2001"},
        ),
        (
            "/candlesticks",
            {"contract": "BTC_USDT", "limit": "10", "from": "1700000000"},
            {"label": "INVALID_PARAM_VALUE", "message": "limit conflicts with from and to"},
        ),
        (
            "/candlesticks",
            {"contract": "BTC_USDT", "from": "0"},
            {
                "label": "INVALID_PARAM_VALUE",
                "message": "Candlestick range too broad. Maximum 2000 data points are allowed per request",
            },
        ),
    ],
)
async def test_refusals(timed: Futures, path: str, params: dict[str, str], body: dict[str, str]) -> None:
    answer = await timed.get(path, **params)
    assert (answer.status, answer.body) == (400, body)
    assert answer.headers["X-Gate-RateLimit-Limit"] == "200"


async def test_other_settle_currencies_and_paths(futures: Futures) -> None:
    url = futures.sandbox.endpoints["gateio"]["rest"] + "/futures/usdc/contracts"
    async with futures.http.get(url) as response:
        body = await response.json()
        assert (response.status, body["label"]) == (400, "MISSING_REQUIRED_HEADER")
    assert (await futures.get("/nothing")).status == 404


async def test_the_budget_of_a_futures_endpoint(http: aiohttp.ClientSession) -> None:
    async with Sandbox(seed=7, listings=PAIR, gateio=GateioOptions(requests=1)) as running:
        futures = Futures(running, http)
        assert (await futures.get("/tickers")).status == 200
        refused = await futures.get("/tickers")
        assert refused.status == 429
        assert refused.body == {"label": "TOO_MANY_REQUESTS", "message": "Request Rate limit Exceeded (311)"}


async def test_a_lagging_book_is_an_earlier_one(http: aiohttp.ClientSession) -> None:
    async with Sandbox(seed=7, listings=PAIR, gateio=GateioOptions(rest_lag=5.0)) as running:
        ids = set()
        for _ in range(10):
            body = (await Futures(running, http).get("/order_book", contract="BTC_USDT", with_id="true")).body
            ids.add(body["id"] < running.market.book("gateio", "BTC/USDT:USDT").told_id)
        assert True in ids
