"""What Gate.io tells of a spot pair's days, and the book stream that needs no REST."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from cex.common.clock import ManualClock
from cex.common.enums import Side
from cex.sandbox.market.listings import DEFAULT_LISTINGS
from cex.sandbox.market.simulation import Market
from cex.sandbox.server import Sandbox
from cex.sandbox.venues.feeds import Stream
from cex.sandbox.venues.gateio.streams import stream_makers

SECOND = 1_000_000_000
START = 1_795_003_215_000
PAIR = [listing for listing in DEFAULT_LISTINGS if listing.symbol == "BTC/USDT"]


class Spot:
    def __init__(self, sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.http = http

    async def get(self, path: str, *, status: str = "200", **params: str) -> Any:
        url = self.sandbox.endpoints["gateio"]["rest"] + "/spot" + path
        async with self.http.get(url, params=params) as response:
            assert str(response.status) == status, await response.text()
            return await response.json()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START * 1_000_000)


@pytest.fixture
async def timed(http: aiohttp.ClientSession, clock: ManualClock) -> AsyncIterator[Spot]:
    """Bitcoin alone, at the time of ``clock``."""
    async with Sandbox(seed=7, listings=PAIR, clock=clock) as running:
        yield Spot(running, http)


def truth(sandbox: Sandbox, interval: str, start: int, end: int) -> list[list[str | Decimal]]:
    """Rows in Gate.io's order of columns."""
    rows = sandbox.truth_klines("gateio", "BTC/USDT", interval, start * SECOND, end * SECOND)
    return [
        [Decimal(r.open_ts // SECOND), r.turnover, r.close, r.high, r.low, r.open, r.volume, str(r.closed).lower()]
        for r in rows
    ]


def numbers(rows: list[list[str]]) -> list[list[str | Decimal]]:
    return [[*map(Decimal, row[:7]), row[7]] for row in rows]


# --- candles ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wire", "ours"),
    [(name, name) for name in ("1s", "10s", "1m", "5m", "15m", "30m", "1h", "4h", "8h", "1d", "7d")] + [("30d", "1M")],
)
async def test_candles_of_every_width_are_true(timed: Spot, wire: str, ours: str) -> None:
    rows = await timed.get("/candlesticks", currency_pair="BTC_USDT", interval=wire, limit="15")
    assert len(rows) == {"30d": 3, "7d": 13}.get(wire, 15)
    assert numbers(rows)[:-1] == truth(timed.sandbox, ours, int(rows[0][0]), START // 1000 + 1)[:-1]
    assert [row[7] for row in rows] == ["true"] * (len(rows) - 1) + ["false"]


async def test_ten_thousand_candles_in_pages(timed: Spot) -> None:
    end = START // 1000 - 15
    first = end - 10_000 * 60
    paged: list[list[str]] = []
    start = first
    while start < end:
        params = {"currency_pair": "BTC_USDT", "interval": "1m", "from": str(start), "to": str(start + 999 * 60)}
        page = await timed.get("/candlesticks", **params)
        assert len(page) == 1000
        paged += page
        start = int(page[-1][0]) + 60
    assert numbers(paged) == truth(timed.sandbox, "1m", first, end)


async def test_ranges(timed: Spot) -> None:
    now = START // 1000
    until = await timed.get("/candlesticks", currency_pair="BTC_USDT", interval="1h", to=str(now - 86_400))
    assert len(until) == 100
    assert int(until[-1][0]) <= now - 86_400 < int(until[-1][0]) + 3600
    since = await timed.get("/candlesticks", currency_pair="BTC_USDT", interval="1h", **{"from": str(now - 7200)})
    assert [int(row[0]) for row in since] == [now - 3600 - 15, now - 15]
    assert len(await timed.get("/candlesticks", currency_pair="BTC_USDT")) == 100


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"limit": "10", "from": "1795000000"}, "limit conflicts with from and to"),
        ({"limit": "10", "to": "1795000000"}, "limit conflicts with from and to"),
        ({"limit": "1001"}, "Invalid parameter `limit` with value: 1001"),
        ({"interval": "2h"}, "Invalid parameter `interval` with value: 2h"),
        (
            {"from": "1"},
            "Candlestick range too broad. Maximum 1000 data points are allowed per request",
        ),
        ({"from": "x"}, "Invalid parameter `from` with value: x"),
    ],
)
async def test_candle_refusals(timed: Spot, params: dict[str, str], message: str) -> None:
    refused = await timed.get("/candlesticks", status="400", currency_pair="BTC_USDT", **params)
    assert refused == {"label": "INVALID_PARAM_VALUE", "message": message}


# --- tickers ---------------------------------------------------------------------------------------------------------


async def test_tickers_of_one_and_of_all(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
    spot = Spot(sandbox, http)
    (one,) = await spot.get("/tickers", currency_pair="BTC_USDT", timezone="all")
    assert list(one) == [
        "currency_pair",
        "last",
        "lowest_ask",
        "lowest_size",
        "highest_bid",
        "highest_size",
        "change_percentage",
        "change_utc0",
        "change_utc8",
        "base_volume",
        "quote_volume",
        "high_24h",
        "low_24h",
    ]
    everyone = {ticker["currency_pair"]: ticker for ticker in await spot.get("/tickers")}
    assert set(everyone) == {"BTC_USDT", "ETH_USDT", "SOL_USDT", "XRP_USDT", "龙虾_USDT", "LUNC_USDT"}
    assert not {"lowest_size", "change_utc0"} & everyone["BTC_USDT"].keys()
    assert everyone["LUNC_USDT"]["base_volume"] == everyone["LUNC_USDT"]["change_percentage"] == "0"
    (zoned,) = await spot.get("/tickers", currency_pair="BTC_USDT", timezone="utc8")
    assert "change_utc8" in zoned
    assert "change_utc0" not in zoned
    assert (await spot.get("/tickers", status="400", timezone="utc9"))["label"] == "INVALID_PARAM_VALUE"


async def test_the_ticker_is_the_last_24_hours(timed: Spot, clock: ManualClock) -> None:
    clock.advance(40)
    while timed.sandbox.market.book("gateio", "BTC/USDT").changed_ns < clock.time_ns():
        await timed.get("/time")
    (ticker,) = await timed.get("/tickers", currency_pair="BTC_USDT", timezone="utc0")
    now_minute = (START // 1000 + 40) // 60 * 60
    minutes = timed.sandbox.truth_klines(
        "gateio", "BTC/USDT", "1m", (now_minute - 1439 * 60) * SECOND, (now_minute + 1) * SECOND
    )
    assert len(minutes) == 1440
    closed = minutes[:-1]
    assert Decimal(ticker["low_24h"]) <= min(row.low for row in closed)
    assert Decimal(ticker["high_24h"]) >= max(row.high for row in closed)
    assert sum(row.volume for row in closed) <= Decimal(ticker["base_volume"])
    change = (Decimal(ticker["last"]) / minutes[0].open - 1) * 100
    assert abs(Decimal(ticker["change_percentage"]) - change) <= Decimal("0.005")


# --- streams ---------------------------------------------------------------------------------------------------------


def stream(market: Market, channel: str, payload: list[str]) -> Stream:
    books = {"BTC_USDT": market.book("gateio", "BTC/USDT")}
    (make,) = stream_makers(channel, payload, books, market.tick * 1000).values()
    return make()


def rendered(told: Stream, now_ms: int) -> list[Any]:
    return [json.loads(frame)["result"] for frame in told.source.render(now_ms)]


def test_ticker_stream() -> None:
    market = Market(seed=7, listings=PAIR, now_ns=START * 1_000_000)
    told = stream(market, "spot.tickers", ["BTC_USDT"])
    assert told.every == 50
    (ticker,) = rendered(told, START)
    assert {"currency_pair", "last", "lowest_ask", "highest_bid", "change_percentage"} < ticker.keys()
    assert "lowest_size" not in ticker
    assert rendered(told, START + 1000) == []


def test_candle_stream() -> None:
    market = Market(seed=7, listings=PAIR, now_ns=START * 1_000_000)
    told = stream(market, "spot.candlesticks", ["1m", "BTC_USDT"])
    assert told.every == 100
    candles = []
    for number in range(1, 120):
        now_ms = START + number * 1000
        market.step(now_ms * 1_000_000)
        candles += rendered(told, now_ms)
    closed = [candle for candle in candles if candle["w"]]
    book = market.book("gateio", "BTC/USDT")
    first = (START // 1000 - 15) * SECOND
    rows = book.true_klines("1m", first, first + 61 * SECOND, first + 121 * SECOND)
    assert [(int(c["t"]), *(Decimal(c[key]) for key in ("o", "h", "l", "c", "a", "v"))) for c in closed] == [
        (row.open_ts // SECOND, row.open, row.high, row.low, row.close, row.volume, row.turnover) for row in rows
    ]
    assert {candle["n"] for candle in candles} == {"1m_BTC_USDT"}
    times = [int(candle["t"]) for candle in candles]
    assert times == sorted(times)


async def ask(socket: aiohttp.ClientWebSocketResponse, channel: str, *payload: str) -> dict[str, Any]:
    await socket.send_json({"time": 1, "channel": channel, "event": "subscribe", "payload": payload})
    while True:
        message: dict[str, Any] = await socket.receive_json(timeout=3)
        if "conn_id" in message:
            return message


@pytest.mark.parametrize(
    ("channel", "payload", "message"),
    [
        ("spot.tickers", ["NOPE_USDT"], "unknown currency pair: NOPE_USDT"),
        ("spot.tickers", [], "payload must be pairs"),
        ("spot.candlesticks", ["1s", "BTC_USDT"], "provided interval not supported: 1s"),
        ("spot.candlesticks", ["1m", "NOPE_USDT"], "unknown currency pair NOPE_USDT"),
        ("spot.candlesticks", ["1m"], "payload must be an interval and a currency pair"),
    ],
)
async def test_refusals(
    timed: Spot, http: aiohttp.ClientSession, channel: str, payload: list[str], message: str
) -> None:
    async with http.ws_connect(timed.sandbox.endpoints["gateio"]["ws_spot"]) as socket:
        assert (await ask(socket, channel, *payload))["error"] == {"code": 2, "message": message}


async def test_obu_over_the_wire_for_two_who_join_at_different_times(
    sandbox: Sandbox, http: aiohttp.ClientSession
) -> None:
    url = sandbox.endpoints["gateio"]["ws_spot"]
    for _ in range(2):
        socket = await http.ws_connect(url)
        await socket.send_json(
            {"time": 1, "channel": "spot.obu", "event": "subscribe", "payload": ["ob.BTC_USDT.50", "ob.BTC_USDT.400"]}
        )
        books: dict[str, dict[Side, dict[Decimal, Decimal]]] = {}
        last: dict[str, int] = {}
        checked = 0
        while checked < 40:
            message = await socket.receive_json(timeout=3)
            if "conn_id" in message:
                assert message["result"] == {"status": "success"}
                continue
            result = message["result"]
            name = result["s"]
            if result.get("full"):
                assert name not in books
                books[name] = {Side.BUY: {}, Side.SELL: {}}
            else:
                assert result["U"] == last[name] + 1
            last[name] = result["u"]
            for side, key in ((Side.BUY, "b"), (Side.SELL, "a")):
                for price, size in result.get(key, ()):
                    books[name][side][Decimal(price)] = Decimal(size)
                    if not Decimal(size):
                        del books[name][side][Decimal(price)]
            levels = int(name.rpartition(".")[2])
            true = sandbox.truth_at("gateio", "BTC/USDT", result["u"])
            assert sorted(books[name][Side.BUY].items(), reverse=True) == list(true.bids[:levels])
            assert sorted(books[name][Side.SELL].items()) == list(true.asks[:levels])
            checked += 1
        assert set(books) == {"ob.BTC_USDT.50", "ob.BTC_USDT.400"}


async def test_obu_of_nothing_is_acknowledged_and_silent(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
    async with http.ws_connect(sandbox.endpoints["gateio"]["ws_spot"]) as socket:
        answer = await ask(socket, "spot.obu", "ob.NOPE_USDT.50", "ob.BTC_USDT.100")
        assert answer["result"] == {"status": "success"}
        with pytest.raises(TimeoutError):
            await socket.receive(timeout=0.2)
