from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from cex.common.clock import ManualClock
from cex.common.correlation import new_random
from cex.common.enums import Side
from cex.sandbox.market.listings import DEFAULT_LISTINGS
from cex.sandbox.market.simulation import Market
from cex.sandbox.server import Sandbox
from cex.sandbox.venues.mexc.options import MexcOptions
from cex.sandbox.venues.mexc.streams import stream_maker

QUIET_ONLY = [listing for listing in DEFAULT_LISTINGS if listing.symbol == "LUNC/USDT"]

ReadPush = Callable[[bytes], dict[str, Any]]

DEPTH = "spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT"
FAST_DEPTH = "spot@public.aggre.depth.v3.api.pb@10ms@BTCUSDT"
DEALS = "spot@public.aggre.deals.v3.api.pb@100ms@BTCUSDT"
TICKER = "spot@public.aggre.bookTicker.v3.api.pb@100ms@BTCUSDT"
LIMIT = "spot@public.limit.depth.v3.api.pb@BTCUSDT@5"


class Client:
    """A raw socket to the simulated MEXC: text answers and binary pushes, told apart."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, read_push: ReadPush) -> None:
        self.socket = socket
        self._read_push = read_push

    async def ask(self, method: str, params: list[str] | None = None, **more: Any) -> dict[str, Any]:
        body = {"method": method, **({} if params is None else {"params": params}), **more}
        return await self.say(json.dumps(body))

    async def say(self, text: str) -> dict[str, Any]:
        await self.socket.send_str(text)
        while True:
            message = await self.socket.receive(timeout=2)
            if message.type is aiohttp.WSMsgType.TEXT:
                answer = json.loads(message.data)
                assert list(answer) == ["id", "code", "msg"]
                assert answer["code"] == 0
                return dict(answer)
            assert message.type is aiohttp.WSMsgType.BINARY

    async def push(self, timeout: float = 2) -> dict[str, Any]:
        message = await self.socket.receive(timeout=timeout)
        assert message.type is aiohttp.WSMsgType.BINARY, message
        return self._read_push(message.data)


class NaiveBook:
    """The documented procedure over absolute quantities, and nothing else."""

    def __init__(self) -> None:
        self.bids: dict[Decimal, Decimal] = {}
        self.asks: dict[Decimal, Decimal] = {}
        self.last: int | None = None
        self.waiting: list[dict[str, Any]] = []

    def seed(self, snapshot: dict[str, Any]) -> bool:
        last = snapshot["lastUpdateId"]
        waiting = [push for push in self.waiting if int(push["toVersion"]) > last]
        if waiting and int(waiting[0]["fromVersion"]) > last + 1:
            return False
        self.bids = {Decimal(price): Decimal(size) for price, size in snapshot["bids"]}
        self.asks = {Decimal(price): Decimal(size) for price, size in snapshot["asks"]}
        self.last = last
        self.waiting = []
        assert all(self.on_push(push) != "resync" for push in waiting)
        return True

    def on_push(self, push: dict[str, Any]) -> str:
        first, last = int(push["fromVersion"]), int(push["toVersion"])
        if self.last is None:
            self.waiting.append(push)
            return "wait"
        if last <= self.last:
            return "ignore"
        if first > self.last + 1:
            self.last, self.waiting = None, [push]
            return "resync"
        for side, levels in ((self.bids, push["bids"]), (self.asks, push["asks"])):
            for level in levels:
                price, size = Decimal(level["price"]), Decimal(level["quantity"])
                if size:
                    side[price] = size
                else:
                    side.pop(price, None)
        self.last = last
        return "apply"

    def levels(self) -> tuple[tuple[tuple[Decimal, Decimal], ...], tuple[tuple[Decimal, Decimal], ...]]:
        return tuple(sorted(self.bids.items(), reverse=True)), tuple(sorted(self.asks.items()))


@pytest.fixture
async def client(sandbox: Sandbox, http: aiohttp.ClientSession, read_push: ReadPush) -> AsyncIterator[Client]:
    async with http.ws_connect(sandbox.endpoints["mexc"]["ws"]) as socket:
        yield Client(socket, read_push)


# --- control messages ------------------------------------------------------------------------------------------------


async def test_subscription_is_acknowledged_by_its_params(client: Client) -> None:
    answer = await client.ask("SUBSCRIPTION", [DEALS, DEPTH], id=17)
    assert answer == {"id": 17, "code": 0, "msg": f"{DEALS},{DEPTH}"}
    assert (await client.ask("UNSUBSCRIPTION", [DEALS]))["msg"] == DEALS
    assert (await client.ask("UNSUBSCRIPTION", ["never heard of"], id=3)) == {
        "id": 3,
        "code": 0,
        "msg": "never heard of",
    }


async def test_refusals_say_code_0_and_use_a_full_width_colon(client: Client) -> None:
    retired = "spot@public.deals.v3.api.pb@BTCUSDT"
    answer = await client.ask("SUBSCRIPTION", [retired])
    assert answer == {
        "id": 0,
        "code": 0,
        "msg": f"Not Subscribed successfully! [{retired}].  Reason\uff1a Blocked! ",
    }
    mixed = await client.ask("SUBSCRIPTION", [DEALS, "nonsense", DEPTH, retired], id=2)
    assert mixed["msg"] == (
        f"Subscribed successful! [{DEALS},{DEPTH}]. "
        f"Not Subscribed successfully! [nonsense,{retired}]. Reason\uff1a Blocked! "
    )


@pytest.mark.parametrize(
    "channel",
    [
        "spot@public.aggre.depth.v3.api.pb@100ms@btcusdt",
        "spot@public.aggre.depth.v3.api.pb@100ms@NOPEUSDT",
        "spot@public.aggre.depth.v3.api.pb@50ms@BTCUSDT",
        "spot@public.aggre.depth.v3.api@100ms@BTCUSDT",
        "spot@public.aggre.depth.v3.api.pb@BTCUSDT",
        "spot@public.limit.depth.v3.api.pb@BTCUSDT@7",
        "spot@public.increase.depth.v3.api.pb@BTCUSDT",
        "spot@public.bookTicker.v3.api.pb@BTCUSDT",
    ],
)
async def test_what_is_blocked(client: Client, channel: str) -> None:
    assert "Blocked!" in (await client.ask("SUBSCRIPTION", [channel]))["msg"]


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "[]",
        '{"method":"SUBSCRIPTION"}',
        '{"method":"SUBSCRIPTION","params":"x"}',
        '{"method":"SUBSCRIPTION","params":[]}',
        '{"method":"LISTING","params":["x"]}',
        '{"params":["x"]}',
        '{"method":"PING","id":"one"}',
    ],
)
async def test_malformed_requests(client: Client, text: str) -> None:
    assert (await client.say(text))["msg"] == "msg format invalid"


async def test_pings(client: Client) -> None:
    assert await client.ask("PING") == {"id": 0, "code": 0, "msg": "PONG"}
    assert (await client.ask("ping", id=5)) == {"id": 5, "code": 0, "msg": "PONG"}


async def test_the_31st_subscription_is_dropped_silently(http: aiohttp.ClientSession, read_push: ReadPush) -> None:
    options = MexcOptions(max_subscriptions=3)
    async with (
        Sandbox(seed=7, tick=0.01, mexc=options) as sandbox,
        http.ws_connect(sandbox.endpoints["mexc"]["ws"]) as socket,
    ):
        client = Client(socket, read_push)
        channels = [TICKER.replace("BTC", base) for base in ("BTC", "ETH", "SOL", "XRP")]
        assert (await client.ask("SUBSCRIPTION", channels[:2]))["msg"] == ",".join(channels[:2])
        assert (await client.ask("SUBSCRIPTION", channels[2:]))["msg"] == ",".join(channels[2:])
        heard = {(await client.push())["channel"] for _ in range(12)}
        assert heard == set(channels[:3])
        await client.ask("UNSUBSCRIPTION", channels[:1])
        await client.ask("SUBSCRIPTION", channels[3:])
        heard = {(await client.push())["channel"] for _ in range(12)}
        assert heard == set(channels[1:])


def test_thirty_is_the_default() -> None:
    assert MexcOptions().max_subscriptions == 30


async def test_rfc_pings_are_not_answered_unless_told_to(http: aiohttp.ClientSession) -> None:
    for answers in (False, True):
        async with Sandbox(seed=7, listings=DEFAULT_LISTINGS[:1], mexc=MexcOptions(answer_pings=answers)) as sandbox:
            url = sandbox.endpoints["mexc"]["ws"]
            async with http.ws_connect(url, autoping=False) as socket:
                await socket.ping(b"x")
                await socket.send_str('{"method":"PING"}')
                first = await socket.receive(timeout=2)
                assert (first.type is aiohttp.WSMsgType.PONG) == answers


# --- ends ------------------------------------------------------------------------------------------------------------


QUIET = DEPTH.replace("BTC", "LUNC")


async def asked(socket: aiohttp.ClientWebSocketResponse, method: str, *params: str) -> None:
    await socket.send_json({"method": method, "params": params})
    assert (await socket.receive(timeout=2)).type is aiohttp.WSMsgType.TEXT


async def stays(sandbox: Sandbox) -> bool:
    """Whether the one connection outlives the next ticks."""
    ticks = sandbox.market.ticks
    for _ in range(200):
        await asyncio.sleep(0.01)
        if sandbox.market.ticks > ticks + 3:
            break
    return sandbox.connections["mexc"] == 1


async def test_a_connection_without_subscription_has_30_seconds(http: aiohttp.ClientSession) -> None:
    clock = ManualClock()
    async with (
        Sandbox(listings=QUIET_ONLY, clock=clock) as sandbox,
        http.ws_connect(sandbox.endpoints["mexc"]["ws"]) as socket,
    ):
        clock.advance(29.9)
        assert await stays(sandbox)
        clock.advance(0.2)
        assert (await socket.receive(timeout=2)).type is aiohttp.WSMsgType.CLOSED
        assert socket.close_code == 1006


async def test_unsubscribing_from_everything_starts_the_30_seconds(http: aiohttp.ClientSession) -> None:
    clock = ManualClock()
    async with (
        Sandbox(listings=QUIET_ONLY, clock=clock) as sandbox,
        http.ws_connect(sandbox.endpoints["mexc"]["ws"]) as socket,
    ):
        clock.advance(29)
        await asked(socket, "SUBSCRIPTION", QUIET)
        clock.advance(29)
        await asked(socket, "UNSUBSCRIPTION", QUIET)
        clock.advance(29)
        assert await stays(sandbox)
        clock.advance(2)
        assert (await socket.receive(timeout=2)).type is aiohttp.WSMsgType.CLOSED


async def test_a_subscribed_connection_has_60_seconds_without_data_and_ping(http: aiohttp.ClientSession) -> None:
    clock = ManualClock()
    async with (
        Sandbox(listings=QUIET_ONLY, clock=clock) as sandbox,
        http.ws_connect(sandbox.endpoints["mexc"]["ws"]) as socket,
    ):
        await asked(socket, "SUBSCRIPTION", QUIET)
        for _ in range(3):
            clock.advance(59)
            assert await stays(sandbox)
            await asked(socket, "PING")
        clock.advance(61)
        assert (await socket.receive(timeout=2)).type is aiohttp.WSMsgType.CLOSED
        assert socket.close_code == 1006


async def test_no_connection_outlives_24_hours(http: aiohttp.ClientSession) -> None:
    clock = ManualClock()
    async with (
        Sandbox(listings=QUIET_ONLY, clock=clock) as sandbox,
        http.ws_connect(sandbox.endpoints["mexc"]["ws"]) as socket,
    ):
        clock.advance(24 * 3600 + 1)
        assert (await socket.receive(timeout=2)).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == 1000


# --- streams ---------------------------------------------------------------------------------------------------------


async def test_depth_over_the_wire_equals_the_truth(
    client: Client, sandbox: Sandbox, http: aiohttp.ClientSession
) -> None:
    await client.ask("SUBSCRIPTION", [FAST_DEPTH])
    book = NaiveBook()
    url = sandbox.endpoints["mexc"]["rest"] + "/api/v3/depth"
    checked = seeded = previous = 0
    while checked < 60:
        push = await client.push()
        assert (push["channel"], push["symbol"], push["kind"]) == (FAST_DEPTH, "BTCUSDT", "publicAggreDepths")
        body = push["body"]
        assert body["eventType"] == "spot@public.aggre.depth.v3.api.pb@10ms"
        assert previous in (0, int(body["fromVersion"]) - 1)
        previous = int(body["toVersion"])
        book.on_push(body)
        if book.last is None:
            async with http.get(url, params={"symbol": "BTCUSDT", "limit": "5000"}) as response:
                seeded += book.seed(await response.json())
            continue
        truth = sandbox.truth_at("mexc", "BTC/USDT", book.last)
        assert book.levels() == (truth.bids, truth.asks)
        checked += 1
        if checked == 30:
            book.last = None
    assert seeded == 2


async def test_a_dropped_delta_is_a_gap(client: Client, sandbox: Sandbox) -> None:
    await client.ask("SUBSCRIPTION", [DEPTH])
    first = (await client.push())["body"]
    sandbox.faults.drop_delta("mexc", "BTC/USDT")
    second = (await client.push())["body"]
    third = (await client.push())["body"]
    assert int(second["fromVersion"]) > int(first["toVersion"]) + 1
    assert int(third["fromVersion"]) == int(second["toVersion"]) + 1
    assert sandbox.faults.injected["deltas_dropped"] == 1


async def test_deals_and_ticker_over_the_wire(client: Client, sandbox: Sandbox) -> None:
    await client.ask("SUBSCRIPTION", [DEALS, TICKER, LIMIT])
    kinds: set[str] = set()
    while len(kinds) < 3:
        push = await client.push()
        kinds.add(push["kind"])
    assert kinds == {"publicAggreDeals", "publicAggreBookTicker", "publicLimitDepths"}


# --- streams without sockets -----------------------------------------------------------------------------------------


def pushes(market: Market, channel: str, ticks: int, read_push: ReadPush) -> list[tuple[int, dict[str, Any]]]:
    """What the channel says while the market goes on, each with the tick."""
    books = {str(symbol).replace("/", ""): book for symbol, book in market.books["mexc"].items()}
    make = stream_maker(channel, books, market.tick * 1000)
    assert make is not None
    stream = make()
    told = []
    for tick in range(1, ticks + 1):
        market.step(tick * 20_000_000)
        stream.source.observe()
        if tick % stream.every == 0:
            told += [(tick, read_push(frame)) for frame in stream.source.render(tick * 20) if isinstance(frame, bytes)]
    return told


@pytest.mark.parametrize("symbol", ["BTC/USDT", "XRP/USDT", "龙虾/USDT"])
def test_depth_equals_the_truth_from_any_snapshot(symbol: str, read_push: ReadPush) -> None:
    """Whatever the moment of the snapshot, inside a range of versions too, the book is right after every push."""
    market = Market(seed=11, listings=[listing for listing in DEFAULT_LISTINGS if listing.symbol == symbol])
    book = market.book("mexc", symbol)
    name = symbol.replace("/", "")
    make = stream_maker(f"spot@public.aggre.depth.v3.api.pb@100ms@{name}", {name: book}, 20)
    assert make is not None
    stream, rng = make(), new_random(3)
    naive: NaiveBook | None = None
    checked = inside = 0
    for tick in range(1, 1200):
        market.step()
        stream.source.observe()
        if tick % stream.every == 0:
            for frame in stream.source.render(0):
                assert isinstance(frame, bytes)
                if naive is not None:
                    assert naive.on_push(read_push(frame)["body"]) in ("apply", "ignore")
                    assert naive.last is not None
                    truth = book.true_book(naive.last)
                    assert naive.levels() == (truth.bids, truth.asks)
                    checked += 1
            if rng.random() < 0.2:
                naive = None
        if rng.random() < 0.1:
            best = book.true_book().asks[0][0]
            market.submit("mexc", symbol, Side.SELL, Decimal(1), best)
            market.submit("mexc", symbol, Side.BUY, Decimal(2), best)
        if naive is None and rng.random() < 0.3:
            truth = book.true_book(book.told_id)
            naive = NaiveBook()
            naive.seed({"lastUpdateId": truth.update_id, "bids": truth.bids, "asks": truth.asks})
            inside += tick % stream.every != 0
    assert checked > (100 if symbol != "龙虾/USDT" else 20)
    assert inside > 10


def test_numbers_of_aggregated_streams_are_trimmed_and_empty_sides_absent(read_push: ReadPush) -> None:
    told = pushes(Market(seed=7), DEPTH, 100, read_push)
    texts = [level[key] for _, push in told for level in push["body"]["asks"] for key in ("price", "quantity")]
    assert texts
    assert not [text for text in texts if "." in text and text.endswith(("0", "."))]
    assert "0" in texts


def test_deals_are_the_trades(read_push: ReadPush) -> None:
    market = Market(seed=7)
    told = pushes(market, DEALS, 200, read_push)
    deals = [deal for _, push in told for deal in push["body"]["deals"]]
    printed = [p for p in market.book("mexc", "BTC/USDT").prints if p.at_ns]
    assert len(deals) == len(printed) > 20
    for deal, (fill, at_ns) in zip(deals, printed, strict=True):
        assert Decimal(deal["price"]) == Decimal(fill.price).scaleb(-2)
        assert Decimal(deal["quantity"]) == Decimal(fill.quantity).scaleb(-8)
        assert deal["tradeType"] == {"buy": 1, "sell": 2}[fill.taker_side.value]
        assert deal["time"] == at_ns // 1_000_000
    assert len({deal["tradeId"] for deal in deals}) == len(deals)
    assert all(push["body"]["eventType"] == "spot@public.aggre.deals.v3.api.pb@100ms" for _, push in told)
    assert all(push["body"]["deals"] for _, push in told)


def test_book_ticker_is_told_at_every_interval_changed_or_not(read_push: ReadPush) -> None:
    market = Market(seed=7)
    told = pushes(market, TICKER.replace("BTC", "LUNC"), 50, read_push)
    assert [tick for tick, _ in told] == list(range(5, 51, 5))
    assert len({push["body"]["version"] for _, push in told}) == 1
    truth = market.book("mexc", "LUNC/USDT").true_book()
    body = told[0][1]["body"]
    assert (Decimal(body["bidPrice"]), Decimal(body["bidQuantity"])) == truth.bids[0]
    assert (Decimal(body["askPrice"]), Decimal(body["askQuantity"])) == truth.asks[0]


def test_book_ticker_of_an_empty_book_has_no_prices(read_push: ReadPush) -> None:
    market = Market(seed=7)
    engine = market.book("mexc", "LUNC/USDT").engine
    for order_id in list(engine.orders):
        engine.cancel(order_id)
    (_, push), *_ = pushes(market, TICKER.replace("BTC", "LUNC"), 5, read_push)
    assert not {"bidPrice", "bidQuantity", "askPrice", "askQuantity"} & set(push["body"])


def test_limit_depth_is_padded_full_and_only_told_when_changed(read_push: ReadPush) -> None:
    market = Market(seed=7)
    told = pushes(market, LIMIT, 50, read_push)
    _, push = told[-1]
    truth = market.book("mexc", "BTC/USDT").true_book(int(push["body"]["version"]))
    assert [(Decimal(level["price"]), Decimal(level["quantity"])) for level in push["body"]["bids"]] == list(
        truth.bids[:5]
    )
    assert all(len(level["price"].partition(".")[2]) == 2 for level in push["body"]["asks"])
    assert push["body"]["eventType"] == "spot@public.limit.depth.v3.api.pb"
    assert len(pushes(market, LIMIT.replace("BTC", "LUNC"), 50, read_push)) == 1


def test_what_does_not_change_is_not_told(read_push: ReadPush) -> None:
    assert pushes(Market(seed=7), DEPTH.replace("BTC", "LUNC"), 50, read_push) == []
