from __future__ import annotations

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from random import Random
from typing import Any

import aiohttp
import pytest

from cex.common.clock import ManualClock
from cex.common.correlation import new_random
from cex.common.enums import Side
from cex.sandbox.market.listings import DEFAULT_LISTINGS
from cex.sandbox.market.simulation import Market, MarketBook
from cex.sandbox.server import Sandbox
from cex.sandbox.venues.feeds import Stream
from cex.sandbox.venues.gateio.futures.streams import futures_stream_makers
from cex.sandbox.venues.gateio.options import GateioOptions

UPDATE = "futures.order_book_update"
SOL = "SOL/USDT:USDT"
DECIMAL = {"X-Gate-Size-Decimal": "1"}
START = 1_795_003_215_000
PAIR = [listing for listing in DEFAULT_LISTINGS if listing.symbol.base == "BTC"]


class Client:
    """A raw socket to the simulated Gate.io futures: answers (with ``conn_id``) and pushes in the order they came."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.pushes: list[dict[str, Any]] = []

    async def ask(self, channel: str, event: str, payload: list[str] | None = None) -> dict[str, Any]:
        await self.socket.send_json({"time": 1_700_000_000, "channel": channel, "event": event, "payload": payload})
        while True:
            message = await self.receive()
            if "conn_id" in message:
                return message
            self.pushes.append(message)

    async def push(self, channel: str) -> dict[str, Any]:
        while True:
            message = self.pushes.pop(0) if self.pushes else await self.receive()
            if message["channel"] == channel and "conn_id" not in message:
                return message

    async def receive(self) -> dict[str, Any]:
        message = await self.socket.receive(timeout=3)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        return dict(json.loads(message.data))


class Ladder:
    """What a client knows from full books and deltas, strictly contiguous, without any trimming."""

    def __init__(self) -> None:
        self.bids: dict[Decimal, Decimal] = {}
        self.asks: dict[Decimal, Decimal] = {}
        self.last: int | None = None

    def on(self, result: dict[str, Any]) -> None:
        if result.get("full"):
            self.bids.clear()
            self.asks.clear()
        else:
            assert self.last is not None
            assert result["U"] == self.last + 1
        for side, levels in ((self.bids, result.get("b", ())), (self.asks, result.get("a", ()))):
            for level in levels:
                price, size = (level["p"], level["s"]) if isinstance(level, dict) else level
                side[Decimal(price)] = Decimal(size)
                if not Decimal(size):
                    del side[Decimal(price)]
        self.last = result["u"]

    def levels(self) -> tuple[tuple[tuple[Decimal, Decimal], ...], tuple[tuple[Decimal, Decimal], ...]]:
        return tuple(sorted(self.bids.items(), reverse=True)), tuple(sorted(self.asks.items()))


@pytest.fixture
async def client(sandbox: Sandbox, http: aiohttp.ClientSession) -> AsyncIterator[Client]:
    async with http.ws_connect(sandbox.endpoints["gateio"]["ws_futures_usdt"]) as socket:
        yield Client(socket)


@pytest.fixture
async def small(http: aiohttp.ClientSession) -> AsyncIterator[Client]:
    """A client of a venue that lists Bitcoin alone."""
    async with (
        Sandbox(seed=7, listings=PAIR) as running,
        http.ws_connect(running.endpoints["gateio"]["ws_futures_usdt"]) as socket,
    ):
        yield Client(socket)


@pytest.fixture
async def precise(sandbox: Sandbox, http: aiohttp.ClientSession) -> AsyncIterator[Client]:
    async with http.ws_connect(sandbox.endpoints["gateio"]["ws_futures_usdt"], headers=DECIMAL) as socket:
        yield Client(socket)


# --- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "payload", "message"),
    [
        (UPDATE, ["NOPE_USDT", "100ms"], "unknown currency pair NOPE_USDT"),
        (UPDATE, ["BTC_USDT", "100ms", "30"], "provided level not supported: 30"),
        (UPDATE, ["BTC_USDT", "20ms", "50"], "provided level not supported: 50"),
        (UPDATE, ["BTC_USDT", "10ms"], "provided interval not supported: 10ms"),
        (UPDATE, ["BTC_USDT"], "payload must be a contract and an interval"),
        ("futures.order_book", ["BTC_USDT", "7", "0"], "provided level not supported: 7"),
        ("futures.order_book", ["BTC_USDT", "5", "1"], "provided interval not supported: 1"),
        ("futures.candlesticks", ["1s", "BTC_USDT"], "provided interval not supported: 1s"),
        ("futures.candlesticks", ["1m", "mark_NOPE_USDT"], "unknown currency pair NOPE_USDT"),
        ("futures.trades", [], "payload must be contracts"),
        ("futures.tickers", ["BTC_USDT", "NOPE_USDT"], "unknown currency pair: NOPE_USDT"),
        ("futures.obu", [], "payload is empty"),
        ("futures.nope", ["BTC_USDT"], "Unknown channel futures.nope"),
        ("spot.trades", ["BTC_USDT"], "Unknown channel spot.trades"),
    ],
)
async def test_refusals(small: Client, channel: str, payload: list[str], message: str) -> None:
    answer = await small.ask(channel, "subscribe", payload)
    assert answer["error"] == {"code": 2, "message": message}
    assert answer["result"] == {"status": "fail"}
    with pytest.raises(TimeoutError):
        await small.socket.receive(timeout=0.05)


async def test_ping(client: Client) -> None:
    answer = await client.ask("futures.ping", "")
    assert (answer["channel"], answer["event"], answer["result"]) == ("futures.pong", "", None)
    assert "error" not in answer
    assert (await client.ask("spot.ping", ""))["error"]["message"] == "unknown event "


async def test_paths(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
    url = sandbox.endpoints["gateio"]["ws_futures_usdt"].replace("/v4/ws/usdt", "/v4/ws/futures/usdt")
    async with http.ws_connect(url) as socket:
        assert (await Client(socket).ask("futures.ping", ""))["channel"] == "futures.pong"


async def test_silent_connections_are_hung_up_on_after_30_seconds(http: aiohttp.ClientSession) -> None:
    clock = ManualClock()
    async with Sandbox(listings=DEFAULT_LISTINGS[-1:], clock=clock) as sandbox:
        url = sandbox.endpoints["gateio"]["ws_futures_usdt"]
        async with http.ws_connect(url) as silent, http.ws_connect(url) as listening:
            await Client(listening).ask(UPDATE, "subscribe", ["龙虾_USDT", "100ms"])
            clock.advance(31)
            assert (await silent.receive(timeout=2)).type is aiohttp.WSMsgType.CLOSED
            assert silent.close_code == 1006
            assert (await Client(listening).ask("futures.ping", ""))["channel"] == "futures.pong"


# --- books over the wire ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [True, False])
async def test_obu_needs_no_rest_and_its_full_frame_may_overtake_the_answer(
    http: aiohttp.ClientSession, first: bool
) -> None:
    listings = [listing for listing in DEFAULT_LISTINGS if listing.symbol.base == "SOL"]
    async with (
        Sandbox(seed=7, listings=listings, gateio=GateioOptions(snapshot_before_ack=first)) as sandbox,
        http.ws_connect(sandbox.endpoints["gateio"]["ws_futures_usdt"]) as socket,
    ):
        client = Client(socket)
        answer = await client.ask("futures.obu", "subscribe", ["ob.SOL_USDT.50"])
        assert answer["result"] == {"status": "success"}
        assert bool(client.pushes) == first
        ladder = Ladder()
        for number in range(60):
            push = await client.push("futures.obu")
            assert push["result"]["s"] == "ob.SOL_USDT.50"
            assert ("full" in push["result"]) == (number == 0)
            ladder.on(push["result"])
            assert ladder.last is not None
            truth = sandbox.truth_at("gateio", SOL, ladder.last)
            assert ladder.levels() == (truth.bids[:50], truth.asks[:50]), "decimals without the header"


async def test_a_second_obu_subscription_is_alerted_and_the_first_goes_on(client: Client) -> None:
    await client.ask("futures.obu", "subscribe", ["ob.BTC_USDT.50"])
    again = await client.ask("futures.obu", "subscribe", ["ob.BTC_USDT.50"])
    assert again["error"] == {"code": 2, "message": "Alert sub ob.BTC_USDT.50"}
    ladder = Ladder()
    for _ in range(5):
        ladder.on((await client.push("futures.obu"))["result"])
    await client.ask("futures.obu", "unsubscribe", ["ob.BTC_USDT.50"])
    client.pushes.clear()
    assert "error" not in await client.ask("futures.obu", "subscribe", ["ob.BTC_USDT.50"])
    assert client.pushes[0]["result"]["full"] is True


@pytest.mark.parametrize("name", ["ob.NOPE_USDT.50", "ob.BTC_USDT.30", "BTC_USDT", "ob.BTC_USDT"])
async def test_obu_of_nothing_is_acknowledged_and_silent(small: Client, name: str) -> None:
    assert (await small.ask("futures.obu", "subscribe", [name]))["result"] == {"status": "success"}
    with pytest.raises(TimeoutError):
        await small.socket.receive(timeout=0.2)


async def test_a_dropped_delta_is_a_gap(client: Client, sandbox: Sandbox) -> None:
    await client.ask(UPDATE, "subscribe", ["BTC_USDT", "100ms"])
    first = (await client.push(UPDATE))["result"]
    sandbox.faults.drop_delta("gateio", "BTC/USDT:USDT")
    second = (await client.push(UPDATE))["result"]
    assert second["U"] > first["u"] + 1


async def test_sizes_are_text_for_those_who_ask_at_the_handshake(client: Client, precise: Client) -> None:
    for either, kind in ((client, int), (precise, str)):
        await either.ask(UPDATE, "subscribe", ["SOL_USDT", "20ms", "20"])
        await either.ask("futures.order_book", "subscribe", ["SOL_USDT", "5", "0"])
        await either.ask("futures.book_ticker", "subscribe", ["SOL_USDT"])
        await either.ask("futures.trades", "subscribe", ["SOL_USDT"])
        await either.ask("futures.candlesticks", "subscribe", ["1m", "SOL_USDT"])
        delta = (await either.push(UPDATE))["result"]
        assert all(type(level["s"]) is kind for level in delta["b"] + delta["a"])
        book = await either.push("futures.order_book")
        assert book["event"] == "all"
        assert all(type(level["s"]) is kind for level in book["result"]["asks"])
        ticker = (await either.push("futures.book_ticker"))["result"]
        assert type(ticker["B"]) is type(ticker["A"]) is kind
        (trade, *_) = (await either.push("futures.trades"))["result"]
        assert type(trade["size"]) is kind
        assert type(trade["create_time_ms"]) is int
        (candle,) = (await either.push("futures.candlesticks"))["result"]
        assert (type(candle["v"]), candle["n"]) == (kind, "1m_SOL_USDT")


async def test_tickers_are_whole_once_and_then_partial(client: Client) -> None:
    await client.ask("futures.tickers", "subscribe", ["BTC_USDT"])
    (whole,) = (await client.push("futures.tickers"))["result"]
    assert {"last", "mark_price", "index_price", "funding_rate", "funding_next_apply", "volume_24h"} <= whole.keys()
    assert "highest_bid" not in whole
    (part,) = (await client.push("futures.tickers"))["result"]
    assert part["contract"] == "BTC_USDT"
    assert {"contract", "t"} < part.keys() < whole.keys()
    assert "high_24h" not in part or part["high_24h"] != whole["high_24h"]


# --- streams without sockets -----------------------------------------------------------------------------------------


def stream(market: Market, channel: str, payload: list[str], *, decimal: bool = True) -> Stream:
    books = {
        f"{book.listing.symbol.base}_{book.listing.symbol.quote}": book
        for book in market.books["gateio"].values()
        if book.perpetual is not None
    }
    (make,) = futures_stream_makers(channel, payload, books, market.tick * 1000, decimal=decimal).values()
    return make()


def rendered(told: Stream, now_ms: int = START) -> list[Any]:
    return [json.loads(frame)["result"] for frame in told.source.render(now_ms)]


def order(market: Market, book: MarketBook, rng: Random) -> None:
    """Somebody places orders between two ticks."""
    bid, ask = book.true_book().bids[0][0], book.true_book().asks[0][0]
    unit = Decimal(1).scaleb(-book.rules.price_decimals)
    for _ in range(3):
        side, away = rng.choice(list(Side)), unit * rng.randrange(30)
        price = max(unit, bid - away) if side is Side.BUY else ask + away
        market.submit("gateio", book.listing.symbol, side, Decimal(rng.randrange(1, 5)), price)


@pytest.mark.parametrize(
    ("symbol", "channel", "payload", "levels"),
    [
        ("BTC/USDT:USDT", UPDATE, ["BTC_USDT", "100ms"], 100),
        ("BTC/USDT:USDT", UPDATE, ["BTC_USDT", "100ms", "50"], 50),
        ("ETH/USDT:USDT", UPDATE, ["ETH_USDT", "20ms"], 20),
        ("SOL/USDT:USDT", "futures.obu", ["ob.SOL_USDT.50"], 50),
        ("BTC/USDT:USDT", "futures.obu", ["ob.BTC_USDT.400"], 400),
        ("龙虾/USDT:USDT", "futures.obu", ["ob.龙虾_USDT.50"], 50),
    ],
)
def test_the_window_is_right_from_any_moment(symbol: str, channel: str, payload: list[str], levels: int) -> None:
    """Whenever somebody joins, between two pushes too, every push leaves exactly the true window."""
    market = Market(seed=5, listings=[listing for listing in DEFAULT_LISTINGS if listing.symbol == symbol])
    book, rng = market.book("gateio", symbol), new_random(3)
    told = stream(market, channel, payload)
    ladder: Ladder | None = None
    checked = left = 0
    for tick in range(1, 500):
        market.step()
        told.source.observe()
        if tick % told.every == 0:
            for result in rendered(told):
                if ladder is None:
                    continue
                if ladder.last is not None and "s" in result and ladder.last >= result["u"]:
                    continue
                if channel == UPDATE and ladder.last is not None and result["U"] <= ladder.last:
                    result["U"] = ladder.last + 1
                ladder.on(result)
                assert ladder.last is not None
                truth = book.true_book(ladder.last)
                assert ladder.levels() == (truth.bids[:levels], truth.asks[:levels])
                checked += 1
                left += len(truth.bids) > levels
            if rng.random() < 0.2:
                ladder = None
        if rng.random() < 0.2:
            order(market, book, rng)
        if ladder is None and rng.random() < 0.3:
            ladder = Ladder()
            if told.welcome is not None:
                (frame,) = told.welcome(START)
                ladder.on(json.loads(frame)["result"])
            else:
                view, price = book.view(limit=levels), Decimal(1).scaleb(-book.rules.price_decimals)
                lot = Decimal(1).scaleb(-book.rules.quantity_decimals)
                ladder.bids = {ticks * price: lots * lot for ticks, lots in view.bids}
                ladder.asks = {ticks * price: lots * lot for ticks, lots in view.asks}
                ladder.last = view.update_id
    assert checked > (20 if symbol == "龙虾/USDT:USDT" else 50)
    assert left > 0 or levels > 100 or symbol == "龙虾/USDT:USDT", "nothing ever stood outside the window"


def test_what_moves_outside_the_window_is_ids_alone() -> None:
    market = Market(seed=7, listings=PAIR)
    book = market.book("gateio", "BTC/USDT:USDT")
    told = stream(market, "futures.obu", ["ob.BTC_USDT.50"])
    update, delta = stream(market, UPDATE, ["BTC_USDT", "100ms"]), book.told_id
    book.engine.submit("user", Side.BUY, 5, 1)
    book.close_tick(START * 1_000_000)
    for either in (told, update):
        either.source.observe()
    assert rendered(told) == [{"t": START, "s": "ob.BTC_USDT.50", "U": delta + 1, "u": delta + 1}]
    assert rendered(told) == rendered(update) == []


def test_trades_of_a_tick_come_together() -> None:
    market = Market(seed=7, listings=PAIR)
    told = stream(market, "futures.trades", ["BTC_USDT"])
    trades = []
    for tick in range(1, 301):
        market.step(START * 1_000_000 + tick * 20_000_000)
        told.source.observe()
        trades += [trade for message in rendered(told) for trade in message]
    printed = list(market.book("gateio", "BTC/USDT:USDT").prints)
    assert len(trades) == len(printed) > 20
    for trade, (fill, at_ns) in zip(trades, printed, strict=True):
        sign = 1 if fill.taker_side is Side.BUY else -1
        assert (trade["id"], trade["size"]) == (fill.id, str(sign * fill.quantity))
        assert trade["create_time_ms"] == at_ns // 1_000_000


def test_book_ticker_of_an_empty_side() -> None:
    market = Market(seed=7, listings=DEFAULT_LISTINGS[-3:])
    told = stream(market, "futures.book_ticker", ["ETH_USDT"], decimal=False)
    assert len(rendered(told)) == 1
    assert rendered(told) == []
    engine = market.book("gateio", "ETH/USDT:USDT").engine
    for resting in list(engine.orders.values()):
        if resting.side is Side.SELL:
            engine.cancel(resting.id)
    (ticker,) = rendered(told)
    assert (ticker["a"], ticker["A"]) == ("", 0)
    assert ticker["b"]


def test_the_limited_book_is_told_when_it_changes() -> None:
    market = Market(seed=7, listings=PAIR)
    told = stream(market, "futures.order_book", ["BTC_USDT", "20", "0"])
    (book,) = rendered(told)
    assert (len(book["bids"]), book["contract"], book["l"]) == (20, "BTC_USDT", "20")
    assert rendered(told) == []


@pytest.mark.parametrize("kind", ["", "mark_", "index_"])
def test_candles_are_told_as_closed_before_the_next_one(kind: str) -> None:
    market = Market(seed=7, listings=PAIR, now_ns=START * 1_000_000)
    told = stream(market, "futures.candlesticks", ["1m", f"{kind}BTC_USDT"], decimal=False)
    candles = []
    for number in range(1, 220):
        now_ms = START + number * 500
        market.step(now_ms * 1_000_000)
        if number % 4 == 0:
            candles += [candle for message in rendered(told, now_ms) for candle in message]
    assert {candle["n"] for candle in candles} == {f"1m_{kind}BTC_USDT"}
    closed = [candle for candle in candles if candle["w"]]
    assert [candle["t"] for candle in closed] == [START // 1000 - 15, START // 1000 + 45]
    assert ("v" in closed[0], "a" in closed[0]) == (not kind, not kind)
    if not kind:
        book = market.book("gateio", "BTC/USDT:USDT")
        first, end = (START - 15_000) * 1_000_000, (START + 46_000) * 1_000_000
        truth = book.true_klines("1m", first, end, end + 60 * 10**9)
        assert [(Decimal(c["c"]), c["v"], Decimal(c["a"])) for c in closed] == [
            (row.close, row.volume, row.turnover) for row in truth
        ]
    order_of_telling = [(candle["t"], candle["w"]) for candle in candles]
    assert order_of_telling == sorted(order_of_telling)
