"""What MEXC tells of a symbol's days: klines, tickers, averages, and trades that were put together."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from itertools import groupby, pairwise
from typing import Any

import aiohttp
import pytest

from cex.common.clock import ManualClock
from cex.common.enums import Side
from cex.sandbox.market.listings import DEFAULT_LISTINGS
from cex.sandbox.market.simulation import Market
from cex.sandbox.server import Sandbox
from cex.sandbox.venues.feeds import Stream
from cex.sandbox.venues.mexc.days import ZONES
from cex.sandbox.venues.mexc.options import MexcOptions
from cex.sandbox.venues.mexc.streams import stream_maker

ReadPush = Callable[[bytes], dict[str, Any]]

MS = 1_000_000
START = 1_795_003_215_000
PAIR = [listing for listing in DEFAULT_LISTINGS if listing.symbol == "BTC/USDT"]
MINUTE = 60_000


class Mexc:
    def __init__(self, sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.http = http

    async def get(self, path: str, *, status: str = "200", **params: str) -> Any:
        url = self.sandbox.endpoints["mexc"]["rest"] + "/api/v3" + path
        async with self.http.get(url, params=params) as response:
            assert str(response.status) == status, await response.text()
            return await response.json()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START * MS)


@pytest.fixture
async def timed(http: aiohttp.ClientSession, clock: ManualClock) -> AsyncIterator[Mexc]:
    """Bitcoin alone, at the time of ``clock``."""
    async with Sandbox(seed=7, listings=PAIR, clock=clock) as running:
        yield Mexc(running, http)


@pytest.fixture
def mexc(sandbox: Sandbox, http: aiohttp.ClientSession) -> Mexc:
    return Mexc(sandbox, http)


def truth(sandbox: Sandbox, interval: str, start_ms: int, end_ms: int) -> list[list[Decimal]]:
    """Rows in MEXC's order of columns."""
    return [
        [Decimal(r.open_ts // MS), r.open, r.high, r.low, r.close, r.volume, Decimal(r.close_ts // MS), r.turnover]
        for r in sandbox.truth_klines("mexc", "BTC/USDT", interval, start_ms * MS, end_ms * MS)
    ]


def numbers(rows: list[list[Any]]) -> list[list[Decimal]]:
    assert all(type(row[0]) is type(row[6]) is int and type(row[1]) is str for row in rows)
    return [[Decimal(column) for column in row] for row in rows]


# --- klines ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wire", "ours"),
    [(name, name) for name in ("1m", "5m", "15m", "30m", "4h", "1d", "1M")] + [("60m", "1h"), ("1W", "1w")],
)
async def test_klines_of_every_width_are_true(timed: Mexc, wire: str, ours: str) -> None:
    rows = await timed.get("/klines", symbol="BTCUSDT", interval=wire, limit="15")
    assert len(rows) == {"1M": 3, "1W": 13}.get(wire, 15)
    assert numbers(rows)[:-1] == truth(timed.sandbox, ours, rows[0][0], START + 1)[:-1]
    assert rows[-1][0] <= START < rows[-1][6]


async def test_ten_thousand_klines_in_pages(timed: Mexc) -> None:
    end = START - START % MINUTE
    first = end - 10_000 * MINUTE
    paged: list[list[Any]] = []
    start = first
    while start < end:
        params = {"startTime": str(start), "endTime": str(end - 1), "limit": "1000"}
        page = await timed.get("/klines", symbol="BTCUSDT", interval="1m", **params)
        assert len(page) == 1000
        paged += page
        start = paged[-1][6]
    assert numbers(paged) == truth(timed.sandbox, "1m", first, end)


async def test_ranges(timed: Mexc) -> None:
    hour = 3_600_000
    day_ago = START - 24 * hour
    since = await timed.get("/klines", symbol="BTCUSDT", interval="60m", startTime=str(day_ago), limit="5")
    assert [row[0] for row in since] == [day_ago - day_ago % hour + n * hour for n in range(1, 6)]
    until = await timed.get("/klines", symbol="BTCUSDT", interval="60m", endTime=str(day_ago), limit="5")
    assert [row[0] for row in until] == [day_ago - day_ago % hour + n * hour for n in range(-4, 1)]
    newest = await timed.get("/klines", symbol="BTCUSDT", interval="1m", limit="5000")
    assert (len(newest), newest[-1][0]) == (1000, START - START % MINUTE)
    assert len(await timed.get("/klines", symbol="BTCUSDT", interval="1m")) == 500
    oldest = await timed.get("/klines", symbol="BTCUSDT", interval="1d", startTime="0", limit="2")
    assert len(oldest) == 2
    assert await timed.get("/klines", symbol="BTCUSDT", interval="1d", startTime=str(START * 2)) == []


@pytest.mark.parametrize(
    ("path", "params", "code", "message"),
    [
        ("/klines", {"interval": "1h"}, -1121, "Invalid interval."),
        ("/klines", {}, -1121, "Invalid interval."),
        ("/klines", {"interval": "1m", "startTime": "-1"}, 33333, "param is error"),
        ("/aggTrades", {"startTime": "1"}, 33333, "startTime and endTime must be sent together"),
        (
            "/aggTrades",
            {"startTime": "0", "endTime": "3600001"},
            -1127,
            "More than 1 hours between startTime and endTime.",
        ),
    ],
)
async def test_refusals(timed: Mexc, path: str, params: dict[str, str], code: int, message: str) -> None:
    assert await timed.get(path, status="400", symbol="BTCUSDT", **params) == {"code": code, "msg": message}


@pytest.mark.parametrize("path", ["/klines", "/avgPrice", "/aggTrades"])
async def test_a_symbol_is_needed(timed: Mexc, path: str) -> None:
    assert (await timed.get(path, status="400", interval="1m"))["code"] == 44444
    assert (await timed.get(path, status="400", interval="1m", symbol="NOPE"))["code"] == -1121


# --- tickers and averages --------------------------------------------------------------------------------------------


async def test_average_price(timed: Mexc) -> None:
    answer = await timed.get("/avgPrice", symbol="BTCUSDT")
    assert answer["mins"] == 5
    rows = timed.sandbox.truth_klines("mexc", "BTC/USDT", "1m", (START - 5 * MINUTE) * MS, (START + 1) * MS)
    assert len(rows) == 5
    assert min(row.low for row in rows) <= Decimal(answer["price"]) <= max(row.high for row in rows)


async def test_the_day_of_a_symbol(timed: Mexc) -> None:
    ticker = await timed.get("/ticker/24hr", symbol="BTCUSDT")
    assert list(ticker) == [
        "symbol",
        "priceChange",
        "priceChangePercent",
        "prevClosePrice",
        "lastPrice",
        "bidPrice",
        "bidQty",
        "askPrice",
        "askQty",
        "openPrice",
        "highPrice",
        "lowPrice",
        "volume",
        "quoteVolume",
        "openTime",
        "closeTime",
        "count",
    ]
    opened, last = Decimal(ticker["openPrice"]), Decimal(ticker["lastPrice"])
    assert Decimal(ticker["priceChange"]) == last - opened
    assert Decimal(ticker["priceChangePercent"]) == round(last / opened - 1, 8), "a fraction, not percent"
    assert (ticker["closeTime"], ticker["openTime"]) == (START, START - START % MINUTE - 1439 * MINUTE)
    rows = timed.sandbox.truth_klines("mexc", "BTC/USDT", "1m", ticker["openTime"] * MS, START * MS)
    assert Decimal(ticker["highPrice"]) >= max(row.high for row in rows[:-1])
    assert Decimal(ticker["volume"]) > sum(row.volume for row in rows[:-1])
    assert ticker["count"] is None


async def test_thin_symbols_lack_quantities_and_turnover(mexc: Mexc) -> None:
    everyone = {ticker["symbol"]: ticker for ticker in await mexc.get("/ticker/24hr")}
    assert len(everyone) == 8
    thin, busy = everyone["龙虾USDT"], everyone["BTCUSDT"]
    assert (thin["bidQty"], thin["askQty"], thin["quoteVolume"]) == ("", "", None)
    assert Decimal(busy["bidQty"]) > 0
    assert Decimal(busy["quoteVolume"]) > Decimal(busy["volume"])


async def test_prices_and_tops_of_one_and_of_all(mexc: Mexc) -> None:
    for path, keys in (
        ("/ticker/price", {"symbol", "price"}),
        ("/ticker/bookTicker", {"symbol", "bidPrice", "bidQty", "askPrice", "askQty"}),
    ):
        one = await mexc.get(path, symbol="LUNCUSDT")
        everyone = await mexc.get(path)
        assert one.keys() == keys
        assert one in everyone
        assert len(everyone) == 8
    top = await mexc.get("/ticker/bookTicker", symbol="LUNCUSDT")
    true = mexc.sandbox.truth("mexc", "LUNC/USDT")
    assert (Decimal(top["bidPrice"]), Decimal(top["bidQty"])) == true.bids[0]
    assert (Decimal(top["askPrice"]), Decimal(top["askQty"])) == true.asks[0]


async def test_all_at_once_weigh_more(http: aiohttp.ClientSession) -> None:
    async with Sandbox(seed=7, listings=PAIR, mexc=MexcOptions(weight_limit=43)) as running:
        mexc = Mexc(running, http)
        for path, params in (("24hr", {}), ("price", {}), ("24hr", {"symbol": "BTCUSDT"})):
            await mexc.get(f"/ticker/{path}", **params)
        await mexc.get("/ticker/price", status="429", symbol="BTCUSDT")


# --- trades put together ---------------------------------------------------------------------------------------------


async def test_aggregated_trades(mexc: Mexc) -> None:
    sandbox = mexc.sandbox
    book = sandbox.market.book("mexc", "BTC/USDT")
    price = sandbox.truth("mexc", "BTC/USDT").asks[0][0] - Decimal("0.01")
    for _ in range(3):
        sandbox.market.submit("mexc", "BTC/USDT", Side.SELL, Decimal("0.001"), price)
    sandbox.market.submit("mexc", "BTC/USDT", Side.BUY, Decimal("0.003"), price)
    rows: list[dict[str, Any]] = []
    while not any(Decimal(row["q"]) == Decimal("0.003") and Decimal(row["p"]) == price for row in rows):
        rows = await mexc.get("/aggTrades", symbol="BTCUSDT")
    parts = [
        sum(printed.fill.quantity for printed in group)
        for _, group in groupby(book.prints, lambda printed: (printed.fill.taker_order, printed.fill.price))
    ]
    assert [Decimal(row["q"]).scaleb(8) for row in reversed(rows)] == parts[: len(rows)]
    assert all(row["T"] % 1000 == 0 for row in rows)
    assert all(one["T"] >= two["T"] for one, two in pairwise(rows))
    assert {row["a"] for row in rows} == {None}
    assert len(await mexc.get("/aggTrades", symbol="BTCUSDT", limit="2")) == 2
    newest = rows[0]["T"]
    within = await mexc.get("/aggTrades", symbol="BTCUSDT", startTime=str(newest), endTime=str(newest + 999))
    assert within
    assert {row["T"] for row in within} == {newest}
    gone = await mexc.get("/aggTrades", symbol="BTCUSDT", startTime="0", endTime="1")
    assert gone == []


# --- streams ---------------------------------------------------------------------------------------------------------


def stream(market: Market, channel: str) -> Stream:
    books = {str(symbol).replace("/", ""): book for symbol, book in market.books["mexc"].items()}
    make = stream_maker(channel, books, market.tick * 1000)
    assert make is not None
    return make()


def rendered(told: Stream, now_ms: int, read_push: ReadPush) -> list[dict[str, Any]]:
    return [read_push(frame) for frame in told.source.render(now_ms) if isinstance(frame, bytes)]


def test_kline_stream(read_push: ReadPush) -> None:
    market = Market(seed=7, listings=PAIR, now_ns=START * MS)
    channel = "spot@public.kline.v3.api.pb@BTCUSDT@Min1"
    told = stream(market, channel)
    pushes = []
    for number in range(1, 300):
        now_ms = START + number * 400
        market.step(now_ms * MS)
        pushes += rendered(told, now_ms, read_push)
    assert 20 < len(pushes) < 299, "on change, not at every interval"
    for push in pushes:
        assert (push["channel"], push["symbol"], push["kind"]) == (channel, "BTCUSDT", "publicSpotKline")
        assert len(push["symbolId"]) == 32
        assert "createTime" in push
        assert "sendTime" not in push
        assert push["body"]["windowEnd"] == push["body"]["windowStart"] + 60
    last = {push["body"]["windowStart"]: push["body"] for push in pushes}
    first = START // 1000 - 15
    assert list(last) == [first, first + 60, first + 120]
    book = market.book("mexc", "BTC/USDT")
    for row in book.true_klines("1m", first * 10**9, (first + 120) * 10**9, (first + 130) * 10**9):
        body = last[row.open_ts // 10**9]
        assert [
            Decimal(body[key])
            for key in ("openingPrice", "highestPrice", "lowestPrice", "closingPrice", "volume", "amount")
        ] == [row.open, row.high, row.low, row.close, row.volume, row.turnover]


@pytest.mark.parametrize(
    "name", ["Min1", "Min5", "Min15", "Min30", "Min60", "Hour4", "Hour8", "Day1", "Week1", "Month1"]
)
def test_kline_widths(name: str, read_push: ReadPush) -> None:
    market = Market(seed=7, listings=PAIR, now_ns=START * MS)
    (push,) = rendered(stream(market, f"spot@public.kline.v3.api.pb@BTCUSDT@{name}"), START, read_push)
    body = push["body"]
    assert body["interval"] == name
    assert body["windowStart"] * 1000 <= START < body["windowEnd"] * 1000


@pytest.mark.parametrize("zone", ["24H", "UTC+0", "UTC-10", "UTC+5:30", "UTC+12:45"])
def test_mini_ticker_calls_quote_volume_and_base_quantity(zone: str, read_push: ReadPush) -> None:
    market = Market(seed=7, listings=PAIR, now_ns=START * MS)
    channel = f"spot@public.miniTicker.v3.api.pb@BTCUSDT@{zone}"
    told = stream(market, channel)
    assert told.every == 150
    (push,) = rendered(told, START, read_push)
    body = push["body"]
    assert (push["kind"], push["sendTime"], push["symbol"], body["symbol"]) == (
        "publicMiniTicker",
        START,
        "BTCUSDT",
        "BTCUSDT",
    )
    book = market.book("mexc", "BTC/USDT")
    east = ZONES[zone]
    now_s = START // 1000
    first = (now_s - 86_400) // 60 * 60 + 60 if east is None else (now_s + east) // 86_400 * 86_400 - east
    rows = book.true_klines("1m", first * 10**9, START * MS, START * MS)
    assert Decimal(body["quantity"]) == sum(row.volume for row in rows)
    assert Decimal(body["volume"]) == sum(row.turnover for row in rows)
    assert Decimal(body["high"]) == max(row.high for row in rows)
    assert Decimal(body["low"]) == min(row.low for row in rows)
    assert Decimal(body["zonedRate"]) == round(Decimal(body["price"]) / rows[0].open - 1, 4)


def test_mini_tickers_are_all_symbols(read_push: ReadPush) -> None:
    market = Market(seed=7, now_ns=START * MS)
    (push,) = rendered(stream(market, "spot@public.miniTickers.v3.api.pb@UTC+8"), START, read_push)
    assert push["kind"] == "publicMiniTickers"
    assert "symbol" not in push
    assert {item["symbol"] for item in push["body"]["items"]} >= {"BTCUSDT", "龙虾USDT", "BROCKUSDT"}
    assert all(item["rate"] == item["zonedRate"] for item in push["body"]["items"]), "UTC+8 is what rate is about"


def test_batched_book_tickers(read_push: ReadPush) -> None:
    market = Market(seed=7, listings=PAIR)
    told = stream(market, "spot@public.bookTicker.batch.v3.api.pb@BTCUSDT")
    book = market.book("mexc", "BTC/USDT")
    tops: list[tuple[str, ...]] = []
    heard: list[tuple[str, ...]] = []
    for tick in range(1, 301):
        market.step(START * MS)
        told.source.observe()
        true = book.true_book()
        top = tuple(f"{number.normalize():f}" for number in (*true.bids[0], *true.asks[0]))
        if not tops or tops[-1] != top:
            tops.append(top)
        if tick % told.every == 0:
            for push in rendered(told, START, read_push):
                assert push["kind"] == "publicBookTickerBatch"
                assert push["body"]["version"] == str(book.update_id)
                heard += [tuple(item.values()) for item in push["body"]["items"]]
    assert heard == tops
    assert rendered(told, START, read_push) == []


@pytest.mark.parametrize(
    "channel",
    [
        "spot@public.kline.v3.api.pb@BTCUSDT@Hour1",
        "spot@public.kline.v3.api.pb@BTCUSDT@1m",
        "spot@public.kline.v3.api.pb@BTCUSDT",
        "spot@public.kline.v3.api.pb@NOPEUSDT@Min1",
        "spot@public.miniTicker.v3.api.pb@BTCUSDT",
        "spot@public.miniTicker.v3.api.pb@BTCUSDT@UTC+99",
        "spot@public.miniTickers.v3.api.pb@CET",
        "spot@public.miniTickers.v3.api.pb",
        "spot@public.bookTicker.batch.v3.api.pb@btcusdt",
    ],
)
def test_what_is_blocked(channel: str) -> None:
    assert stream_maker(channel, {}, 20) is None
    market = Market(seed=7, listings=PAIR)
    assert stream_maker(channel, {"BTCUSDT": market.book("mexc", "BTC/USDT")}, 20) is None


async def test_they_come_over_the_wire(mexc: Mexc, http: aiohttp.ClientSession, read_push: ReadPush) -> None:
    channels = [
        "spot@public.kline.v3.api.pb@BTCUSDT@Min1",
        "spot@public.miniTickers.v3.api.pb@24H",
        "spot@public.bookTicker.batch.v3.api.pb@BTCUSDT",
    ]
    async with http.ws_connect(mexc.sandbox.endpoints["mexc"]["ws"]) as socket:
        await socket.send_str(json.dumps({"method": "SUBSCRIPTION", "params": channels}))
        answer = await socket.receive_json(timeout=2)
        assert answer["msg"] == ",".join(channels)
        heard: set[str] = set()
        while len(heard) < 3:
            message = await socket.receive(timeout=4)
            assert message.type is aiohttp.WSMsgType.BINARY
            heard.add(read_push(message.data)["channel"])
    assert heard == set(channels)
