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
from cex.sandbox.venues.gateio.streams import InvalidArgument, stream_makers

UPDATE = "spot.order_book_update"


class Client:
    """A raw socket to the simulated Gate.io: answers (with ``conn_id``) and updates, told apart."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def ask(self, channel: str, event: str, payload: list[str] | None = None, **more: Any) -> dict[str, Any]:
        body = {"time": 1_700_000_000, "channel": channel, "event": event, **more}
        return await self.say(json.dumps(body if payload is None else {**body, "payload": payload}))

    async def say(self, text: str) -> dict[str, Any]:
        await self.socket.send_str(text)
        while True:
            answer = await self.receive()
            if "conn_id" in answer:
                return answer

    async def update(self) -> dict[str, Any]:
        message = await self.receive()
        assert message["event"] == "update", message
        assert message["time"] == message["time_ms"] // 1000
        return message

    async def receive(self) -> dict[str, Any]:
        message = await self.socket.receive(timeout=2)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        return dict(json.loads(message.data))


class NaiveBook:
    """The documented procedure, without any trimming: the window is the server's business."""

    def __init__(self) -> None:
        self.bids: dict[Decimal, Decimal] = {}
        self.asks: dict[Decimal, Decimal] = {}
        self.last: int | None = None
        self.waiting: list[dict[str, Any]] = []

    def seed(self, snapshot: dict[str, Any]) -> bool:
        base = snapshot["id"]
        waiting = [event for event in self.waiting if event["u"] > base]
        if waiting and waiting[0]["U"] > base + 1:
            return False
        self.bids = {Decimal(price): Decimal(size) for price, size in snapshot["bids"]}
        self.asks = {Decimal(price): Decimal(size) for price, size in snapshot["asks"]}
        self.last, self.waiting = base, []
        assert all(self.on_event(event) == "apply" for event in waiting)
        return True

    def on_event(self, event: dict[str, Any]) -> str:
        if self.last is None:
            self.waiting.append(event)
            return "wait"
        if event["u"] <= self.last:
            return "drop"
        if event["U"] > self.last + 1:
            self.last, self.waiting = None, [event]
            return "gap"
        for side, levels in ((self.bids, event["b"]), (self.asks, event["a"])):
            for price, size in levels:
                if Decimal(size):
                    side[Decimal(price)] = Decimal(size)
                else:
                    side.pop(Decimal(price), None)
        self.last = event["u"]
        return "apply"

    def levels(self) -> tuple[tuple[tuple[Decimal, Decimal], ...], tuple[tuple[Decimal, Decimal], ...]]:
        return tuple(sorted(self.bids.items(), reverse=True)), tuple(sorted(self.asks.items()))


@pytest.fixture
async def client(sandbox: Sandbox, http: aiohttp.ClientSession) -> AsyncIterator[Client]:
    async with http.ws_connect(sandbox.endpoints["gateio"]["ws_spot"]) as socket:
        yield Client(socket)


# --- answers ---------------------------------------------------------------------------------------------------------


async def test_acknowledgement(client: Client) -> None:
    answer = await client.ask(UPDATE, "subscribe", ["BTC_USDT", "100ms"], id=9)
    assert answer["time"] == answer["time_ms"] // 1000
    assert len(answer["conn_id"]) == 16
    assert len(answer["trace_id"]) == 32
    assert {key: answer[key] for key in ("id", "channel", "event", "payload", "result")} == {
        "id": 9,
        "channel": UPDATE,
        "event": "subscribe",
        "payload": ["BTC_USDT", "100ms"],
        "result": {"status": "success"},
    }
    assert "error" not in answer
    again = await client.ask(UPDATE, "unsubscribe", ["BTC_USDT", "100ms"])
    assert again["conn_id"] == answer["conn_id"]
    assert (again["event"], again["result"]) == ("unsubscribe", {"status": "success"})
    assert "id" not in again


@pytest.mark.parametrize(
    ("channel", "event", "payload", "message"),
    [
        (UPDATE, "subscribe", ["NOPE_USDT", "100ms"], "unknown currency pair NOPE_USDT"),
        (UPDATE, "subscribe", ["BTC_USDT", "100ms", "30"], "provided level not supported: 30"),
        (UPDATE, "subscribe", ["BTC_USDT", "1000ms"], "provided interval not supported: 1000ms"),
        (UPDATE, "subscribe", ["BTC_USDT"], "payload must be a currency pair and an interval"),
        ("spot.order_book", "subscribe", ["BTC_USDT", "7", "100ms"], "provided level not supported: 7"),
        ("spot.order_book", "subscribe", ["BTC_USDT", "5", "1ms"], "provided interval not supported: 1ms"),
        ("spot.order_book", "subscribe", [], "payload must be a currency pair, a level and an interval"),
        ("spot.trades", "subscribe", [], "payload is empty"),
        ("spot.trades", "subscribe", ["BTC_USDT", "btc_usdt"], "unknown currency pair btc_usdt"),
        ("spot.nope", "subscribe", ["BTC_USDT"], "Unknown channel spot.nope"),
        ("spot.trades", "dance", ["BTC_USDT"], "unknown event dance"),
    ],
)
async def test_refusals(client: Client, channel: str, event: str, payload: list[str], message: str) -> None:
    answer = await client.ask(channel, event, payload)
    assert answer["error"] == {"code": 2, "message": message}
    assert answer["result"] == {"status": "fail"}
    assert (answer["channel"], answer["payload"]) == (channel, payload)


@pytest.mark.parametrize("text", ["hello", "[1]", '{"channel":1}', '{"channel":"spot.trades","payload":[1]}'])
async def test_what_is_not_a_request(client: Client, text: str) -> None:
    answer = await client.say(text)
    assert answer["error"] == {"code": 1, "message": "request message need json scheme"}
    assert (await client.ask("spot.ping", ""))["channel"] == "spot.pong", "the socket stays open"


async def test_one_unknown_pair_makes_the_whole_subscription_fail(client: Client) -> None:
    await client.ask("spot.book_ticker", "subscribe", ["BTC_USDT", "NOPE_USDT"])
    with pytest.raises(TimeoutError):
        await client.socket.receive(timeout=0.2)


async def test_ping(client: Client) -> None:
    answer = await client.say('{"time":1545404023,"channel":"spot.ping"}')
    assert (answer["channel"], answer["event"], answer["error"], answer["result"]) == ("spot.pong", "", None, None)


async def test_protocol_pings_are_answered(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
    async with http.ws_connect(sandbox.endpoints["gateio"]["ws_spot"], autoping=False) as socket:
        await socket.ping(b"there?")
        message = await socket.receive(timeout=2)
        assert (message.type, bytes(message.data)) == (aiohttp.WSMsgType.PONG, b"there?")


async def test_paths(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
    url = sandbox.endpoints["gateio"]["ws_spot"]
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await http.ws_connect(url.removesuffix("/"))
    assert refused.value.status == 404
    async with http.ws_connect(url.replace("/ws/v4/", "/v4/ws/spot")) as socket:
        assert (await Client(socket).ask("spot.ping", ""))["channel"] == "spot.pong"


async def test_silent_connections_are_hung_up_on_after_30_seconds(http: aiohttp.ClientSession) -> None:
    clock = ManualClock()
    listings = [listing for listing in DEFAULT_LISTINGS if listing.symbol == "LUNC/USDT"]
    async with Sandbox(listings=listings, clock=clock) as sandbox:
        url = sandbox.endpoints["gateio"]["ws_spot"]
        async with http.ws_connect(url) as silent, http.ws_connect(url) as talking, http.ws_connect(url) as listening:
            await Client(listening).ask(UPDATE, "subscribe", ["LUNC_USDT", "100ms"])
            clock.advance(29)
            assert (await Client(talking).ask("spot.ping", ""))["channel"] == "spot.pong"
            clock.advance(2)
            assert (await silent.receive(timeout=2)).type is aiohttp.WSMsgType.CLOSED
            assert silent.close_code == 1006
            assert (await Client(talking).ask("spot.ping", ""))["channel"] == "spot.pong"
            clock.advance(3600)
            assert (await talking.receive(timeout=2)).type is aiohttp.WSMsgType.CLOSED
            assert (await Client(listening).ask("spot.ping", ""))["channel"] == "spot.pong"


# --- streams over the wire -------------------------------------------------------------------------------------------


async def test_book_over_the_wire_equals_the_window_of_the_truth(
    client: Client, sandbox: Sandbox, http: aiohttp.ClientSession
) -> None:
    await client.ask(UPDATE, "subscribe", ["BTC_USDT", "20ms"])
    book, url = NaiveBook(), sandbox.endpoints["gateio"]["rest"] + "/spot/order_book"
    checked = seeded = previous = 0
    while checked < 60:
        update = await client.update()
        result = update["result"]
        assert (result["s"], result["l"], result["e"]) == ("BTC_USDT", "20", "depthUpdate")
        assert result["E"] == result["t"] // 1000
        assert previous in (0, result["U"] - 1)
        previous = result["u"]
        book.on_event(result)
        if book.last is None:
            params = {"currency_pair": "BTC_USDT", "limit": "20", "with_id": "true"}
            async with http.get(url, params=params) as response:
                seeded += book.seed(await response.json())
            continue
        truth = sandbox.truth_at("gateio", "BTC/USDT", book.last)
        assert book.levels() == (truth.bids[:20], truth.asks[:20])
        checked += 1
        if checked == 30:
            book.last = None
    assert seeded == 2


async def test_a_dropped_delta_is_a_gap(client: Client, sandbox: Sandbox) -> None:
    await client.ask(UPDATE, "subscribe", ["BTC_USDT", "100ms"])
    first = (await client.update())["result"]
    sandbox.faults.drop_delta("gateio", "BTC/USDT")
    second, third = (await client.update())["result"], (await client.update())["result"]
    assert second["U"] > first["u"] + 1
    assert third["U"] == second["u"] + 1


async def test_trades_tickers_and_limited_books_over_the_wire(client: Client, sandbox: Sandbox) -> None:
    await client.ask("spot.trades", "subscribe", ["BTC_USDT", "ETH_USDT"])
    await client.ask("spot.book_ticker", "subscribe", ["BTC_USDT"])
    await client.ask("spot.order_book", "subscribe", ["BTC_USDT", "5", "100ms"])
    heard: dict[str, dict[str, Any]] = {}
    while len(heard) < 3:
        update = await client.update()
        heard[update["channel"]] = update["result"]
    assert heard["spot.trades"]["currency_pair"] in ("BTC_USDT", "ETH_USDT")
    ticker = heard["spot.book_ticker"]
    truth = sandbox.truth_at("gateio", "BTC/USDT", ticker["u"])
    assert ((Decimal(ticker["b"]), Decimal(ticker["B"])), (Decimal(ticker["a"]), Decimal(ticker["A"]))) == (
        truth.bids[0],
        truth.asks[0],
    )
    limited = heard["spot.order_book"]
    truth = sandbox.truth_at("gateio", "BTC/USDT", limited["lastUpdateId"])
    assert [(Decimal(price), Decimal(size)) for price, size in limited["asks"]] == list(truth.asks[:5])
    assert limited["l"] == "5"


async def test_a_stream_ends_with_its_unsubscription(client: Client) -> None:
    await client.ask("spot.book_ticker", "subscribe", ["BTC_USDT"])
    await client.update()
    await client.ask("spot.book_ticker", "unsubscribe", ["BTC_USDT"])
    with pytest.raises(TimeoutError):
        await client.socket.receive(timeout=0.2)


# --- streams without sockets -----------------------------------------------------------------------------------------


def stream(market: Market, channel: str, payload: list[str]) -> Stream:
    books = {str(symbol).replace("/", "_"): book for symbol, book in market.books["gateio"].items()}
    (make,) = stream_makers(channel, payload, books, market.tick * 1000).values()
    return make()


def rendered(told: Stream, now_ms: int = 0) -> list[dict[str, Any]]:
    return [json.loads(frame)["result"] for frame in told.source.render(now_ms)]


def rest(book: MarketBook, levels: int) -> dict[str, Any]:
    """What the order book endpoint would answer now."""
    view = book.view(limit=levels)
    price_unit, unit = (
        Decimal(1).scaleb(-book.rules.price_decimals),
        Decimal(1).scaleb(-book.rules.quantity_decimals),
    )
    bids, asks = ([(price * price_unit, lots * unit) for price, lots in side] for side in (view.bids, view.asks))
    return {"id": view.update_id, "bids": bids, "asks": asks}


@pytest.mark.parametrize(
    ("symbol", "interval", "levels"),
    [("BTC/USDT", "100ms", 100), ("BTC/USDT", "20ms", 20), ("XRP/USDT", "100ms", 100), ("龙虾/USDT", "20ms", 20)],
)
def test_the_window_is_right_from_any_snapshot(symbol: str, interval: str, levels: int) -> None:
    """Whatever the moment of the snapshot, also inside an interval and a tick, each event leaves the true window."""
    market = Market(seed=5, listings=[listing for listing in DEFAULT_LISTINGS if listing.symbol == symbol])
    book, rng = market.book("gateio", symbol), new_random(3)
    order(market, book, rng)
    told = stream(market, UPDATE, [symbol.replace("/", "_"), interval])
    first = book.told_id + 1
    naive: NaiveBook | None = None
    checked = left = previous = 0
    for tick in range(1, 1200):
        market.step()
        told.source.observe()
        if tick % told.every == 0:
            for event in rendered(told):
                assert event["U"] == (previous + 1 if previous else first)
                previous = event["u"]
                assert event["b"] or event["a"]
                if naive is not None:
                    assert naive.on_event(event) in ("apply", "drop")
                    assert naive.last is not None
                    truth = book.true_book(naive.last)
                    assert naive.levels() == (truth.bids[:levels], truth.asks[:levels])
                    checked += 1
                    left += len(truth.bids) > levels
            if rng.random() < 0.2:
                naive = None
        if rng.random() < 0.2:
            order(market, book, rng)
        if naive is None and rng.random() < 0.3:
            naive = NaiveBook()
            naive.seed(rest(book, levels))
    assert checked > (100 if symbol != "龙虾/USDT" else 20)
    assert left > 0 or symbol != "BTC/USDT", "nothing ever stood outside the window"


def order(market: Market, book: MarketBook, rng: Random) -> None:
    """Somebody places orders between two ticks, and takes one of them back."""
    bid, ask = book.true_book().bids[0][0], book.true_book().asks[0][0]
    unit = Decimal(1).scaleb(-book.rules.price_decimals)
    for _ in range(3):
        side, away = rng.choice(list(Side)), unit * rng.randrange(30)
        price = max(unit, bid - away) if side is Side.BUY else ask + away
        placed = market.submit("gateio", book.listing.symbol, side, Decimal(rng.randrange(1, 5)), price)
    if placed.order.id in book.engine.orders:
        book.engine.cancel(placed.order.id)


def test_each_trade_is_a_message() -> None:
    market = Market(seed=7)
    told = stream(market, "spot.trades", ["BTC_USDT"])
    trades = []
    for tick in range(1, 301):
        market.step(1_795_000_000_000_000_000 + tick * 20_123_456)
        told.source.observe()
        trades += rendered(told)
    printed = list(market.book("gateio", "BTC/USDT").prints)
    assert len(trades) == len(printed) > 20
    for trade, (fill, at_ns) in zip(trades, printed, strict=True):
        assert (trade["id"], trade["side"]) == (fill.id, fill.taker_side.value)
        assert Decimal(trade["price"]) == Decimal(fill.price).scaleb(-1)
        assert Decimal(trade["amount"]) == Decimal(fill.quantity).scaleb(-6)
        assert trade["create_time"] == at_ns // 1_000_000_000
        assert Decimal(trade["create_time_ms"]) == Decimal(at_ns // 1000).scaleb(-3)


def test_book_ticker_is_told_when_it_changes_and_empty_sides_are_empty() -> None:
    market = Market(seed=7)
    told = stream(market, "spot.book_ticker", ["LUNC_USDT"])
    assert len(rendered(told)) == 1
    assert rendered(told) == []
    engine = market.book("gateio", "LUNC/USDT").engine
    for order in list(engine.orders.values()):
        if order.side is Side.SELL:
            engine.cancel(order.id)
    (ticker,) = rendered(told)
    assert (ticker["a"], ticker["A"]) == ("", "")
    assert ticker["b"]
    assert ticker["u"] == engine.update_id


def test_limited_book_is_told_when_it_changes() -> None:
    market = Market(seed=7)
    told = stream(market, "spot.order_book", ["LUNC_USDT", "10", "1000ms"])
    assert told.every == 50
    (limited,) = rendered(told)
    assert len(limited["bids"]) == 10
    assert rendered(told) == []


def test_quiet_books_send_nothing() -> None:
    market = Market(seed=7)
    told = stream(market, UPDATE, ["LUNC_USDT", "20ms"])
    for _ in range(20):
        market.step()
        told.source.observe()
        assert rendered(told) == []


def test_private_channels_are_no_public_streams() -> None:
    with pytest.raises(InvalidArgument, match=r"Unknown channel spot\.orders"):
        stream_makers("spot.orders", ["BTC_USDT"], {}, 20)
