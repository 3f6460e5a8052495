"""The whole exchange against a small Gate.io of our own, over sockets on loopback and in memory at virtual time."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from aiohttp import WSMsgType, web

from cex.common.book.order_book import OrderBook
from cex.common.clock import ManualClock
from cex.common.enums import BookState, MarketType, Side
from cex.common.exceptions import ExchangeConnectionException, ExchangeRejectedException
from cex.exchanges.base.interfaces import Channel, ExchangeEvent, Gap, Interrupted, Recovered, Resynced, Stream
from cex.exchanges.gateio.config import GateioConfig
from cex.exchanges.gateio.factory import GateioExchangeFactory
from cex.exchanges.gateio.public import GateioPublicExchange
from cex.exchanges.gateio.rest import GateioRestClient
from cex.exchanges.gateio.websocket import GateioWebSocketClient
from cex.networking import HttpAnswer, ReconnectPolicy, Timeouts
from cex.networking.websocket.transport import Closed

BASES = ("BTC", "ETH", "GT")
Send = Callable[[str], None]


class Book:
    """One pair's book: every change has the next id."""

    def __init__(self) -> None:
        self.id = 1000
        self.bids = {100.0 - step: 1.0 for step in range(5)}
        self.asks = {101.0 + step: 1.0 for step in range(5)}

    def levels(self) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        return sorted(self.bids.items(), reverse=True), sorted(self.asks.items())


class Gate:
    """Gate.io's spot market as on the wire, without sockets: answers REST, answers frames, pushes to its listeners."""

    def __init__(self) -> None:
        self.books = {f"{base}_USDT": Book() for base in BASES}
        self.listeners: dict[Send, set[tuple[str, ...]]] = {}
        self.refused: set[str] = set()
        self.acknowledges_like_2021 = False
        self.snapshot_lag = 0
        self.requests: list[str] = []
        self.said: list[dict[str, Any]] = []

    # REST

    def answer(self, path: str, query: Mapping[str, str]) -> tuple[int, object]:
        self.requests.append(path)
        if path == "/api/v4/spot/time":
            return 200, {"server_time": 1_700_000_000_500}
        if path == "/api/v4/spot/currency_pairs":
            return 200, [
                {
                    "id": pair,
                    "base": pair.split("_")[0],
                    "quote": "USDT",
                    "fee": "0.2",
                    "precision": 2,
                    "amount_precision": 4,
                    "trade_status": "tradable",
                }
                for pair in self.books
            ]
        book = self.books[query["currency_pair"]]
        if path == "/api/v4/spot/order_book":
            bids, asks = book.levels()
            texts = [[[str(price), str(amount)] for price, amount in side] for side in (bids, asks)]
            lag, self.snapshot_lag = self.snapshot_lag, 0
            return 200, {"id": book.id - lag, "current": 1_700_000_000_500, "bids": texts[0], "asks": texts[1]}
        if path == "/api/v4/spot/trades":
            return 200, [{"id": "1", **self.trade(query["currency_pair"])}]
        return 404, {"label": "NOT_FOUND"}

    # WebSocket

    def hear(self, text: str, send: Send) -> None:
        frame = json.loads(text)
        self.said.append(frame)
        if frame["channel"] == "spot.ping":
            send(json.dumps({"time": 1, "time_ms": 1000, "channel": "spot.pong", "event": "", "result": None}))
            return
        channel, event, payload = frame["channel"], frame["event"], frame["payload"]
        pairs = payload[:1] if channel == "spot.order_book_update" else payload
        unknown = [pair for pair in pairs if pair in self.refused]
        reply: dict[str, object] = {"time": 1, "channel": channel, "event": event, "result": {"status": "success"}}
        if not self.acknowledges_like_2021:
            reply |= {"time_ms": 1000, "conn_id": "c59a", "id": frame["id"], "payload": payload}
        if unknown:
            reply |= {
                "error": {"code": 2, "message": f"unknown currency pair {unknown[0]}"},
                "result": {"status": "fail"},
            }
        else:
            change = self.listeners[send].update if event == "subscribe" else self.listeners[send].difference_update
            change((channel, pair) for pair in pairs)
        send(json.dumps(reply))

    def push(self, channel: str, pair: str, result: object) -> None:
        frame = json.dumps({"time": 1, "time_ms": 1000, "channel": channel, "event": "update", "result": result})
        for send, wanted in self.listeners.items():
            if (channel, pair) in wanted:
                send(frame)

    def move(self, pair: str = "BTC_USDT", *, told: bool = True) -> None:
        """Change one level of a pair, and tell it, or not: then there is a gap."""
        book = self.books[pair]
        book.id += 1
        price, amount = 100.0 - book.id % 7, float(book.id % 3)
        if amount:
            book.bids[price] = amount
        else:
            book.bids.pop(price, None)
        if told:
            result = {"t": 1_700_000_000_000, "s": pair, "U": book.id, "u": book.id, "b": [[str(price), str(amount)]]}
            self.push("spot.order_book_update", pair, {**result, "a": []})

    def trade(self, pair: str) -> dict[str, object]:
        return {
            "currency_pair": pair,
            "side": "sell",
            "amount": "0.5",
            "price": "100",
            "create_time_ms": "1700000000000.25",
        }

    def upgrade(self) -> None:
        notice = {"type": "upgrade", "msg": "The connection will soon be closed for a service upgrade."}
        for send in tuple(self.listeners):
            send(json.dumps({"time": 1, "channel": "spot.system", "event": "update", "result": notice}))

    def agrees_with(self, book: OrderBook) -> bool:
        truth = self.books[book.symbol.replace("/", "_")]
        bids, asks = truth.levels()
        return (book.sequence, book.bids(), book.asks()) == (truth.id, bids, asks)


class GateOnLoopback(Gate):
    """The same behind an aiohttp server on a port of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.sockets: set[web.WebSocketResponse] = set()
        app = web.Application()
        app.router.add_get("/ws/v4/", self._websocket)
        app.router.add_get("/api/v4/{rest:.*}", self._rest)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        self.port = 0

    @property
    def config(self) -> GateioConfig:
        return GateioConfig(
            endpoints={
                "rest": f"http://127.0.0.1:{self.port}/api/v4",
                "ws_spot": f"ws://127.0.0.1:{self.port}/ws/v4/",
            }
        )

    async def __aenter__(self) -> GateOnLoopback:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut()
        await self._runner.cleanup()

    def cut(self) -> None:
        """Break every websocket without a goodbye."""
        for socket in self.sockets:
            transport = socket._req.transport if socket._req is not None else None
            if transport is not None:
                transport.abort()

    async def _rest(self, request: web.Request) -> web.Response:
        status, body = self.answer(request.path, request.query)
        headers = {"X-Gate-RateLimit-Requests-Remain": "190", "X-Gate-RateLimit-Limit": "200"}
        return web.json_response(body, status=status, headers=headers)

    async def _websocket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        outbox: asyncio.Queue[str] = asyncio.Queue()

        async def write() -> None:
            while True:
                await socket.send_str(await outbox.get())

        writing = asyncio.ensure_future(write())
        send = outbox.put_nowait
        self.listeners[send] = set()
        self.sockets.add(socket)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self.hear(message.data, send)
        finally:
            writing.cancel()
            await asyncio.wait({writing})
            del self.listeners[send]
            self.sockets.discard(socket)
        return socket


async def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (what is waited for happens at the other end of a socket)
            await asyncio.sleep(0.005)


@pytest.fixture
async def gate() -> AsyncIterator[GateOnLoopback]:
    async with GateOnLoopback() as running:
        yield running


@pytest.fixture
async def gateio(gate: GateOnLoopback) -> AsyncIterator[GateioPublicExchange]:
    async with GateioPublicExchange.from_config(gate.config) as exchange:
        yield exchange
    await asyncio.sleep(0)
    left = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}  # type: ignore[union-attr]
    assert not {name for name in left if "Resync" in name or "Link" in name or "Keeper" in name}


async def test_questions(gate: GateOnLoopback, gateio: GateioPublicExchange) -> None:
    assert gateio.exchange == "gateio"
    assert list(gateio.instruments) == ["BTC/USDT", "ETH/USDT", "GT/USDT"]
    assert await gateio.server_time() == 1_700_000_000_500_000_000
    snapshot = await gateio.order_book_snapshot("BTC/USDT", depth=50)
    assert (snapshot.last_id, snapshot.bids[0], snapshot.limit) == (1000, (100.0, 1.0), 50)
    (trade,) = await gateio.recent_trades("GT/USDT", 1)
    assert (trade.side, trade.price, trade.exchange_ts) == (Side.SELL, 100.0, 1_700_000_000_000_250_000)


async def test_a_book_follows_the_market(gate: GateOnLoopback, gateio: GateioPublicExchange) -> None:
    seen: list[int] = []
    book = await gateio.subscribe_book("BTC/USDT", lambda book: seen.append(book.sequence))
    assert gate.agrees_with(book)
    for _ in range(50):
        gate.move()
    await until(lambda: book.sequence == 1050)
    assert gate.agrees_with(book)
    assert seen == list(range(1000, 1051))
    assert gateio.is_fresh("BTC/USDT")
    (health,) = gateio.health().books
    assert (health.applied, health.gaps, health.snapshot_requests) == (50, 0, 1)
    (connection,) = gateio.health().connections
    assert connection.messages >= 51
    await gateio.unsubscribe_book("BTC/USDT")
    assert book.state is BookState.STALE
    await until(lambda: all(not wanted for wanted in gate.listeners.values()))


async def test_a_gap_heals_and_touches_no_other_book(gate: GateOnLoopback, gateio: GateioPublicExchange) -> None:
    events: list[ExchangeEvent] = []
    gateio.on_event(events.append)
    btc, eth = await asyncio.gather(gateio.subscribe_book("BTC/USDT"), gateio.subscribe_book("ETH/USDT"))
    states: set[BookState] = set()
    gate.move(told=False)
    gate.move()
    await until(lambda: btc.state is BookState.GAPPED)
    states.add(eth.state)
    await until(lambda: btc.is_live)
    assert gate.agrees_with(btc)
    assert states == {BookState.LIVE}
    kinds = [type(event) for event in events if isinstance(event, Gap | Resynced)]
    assert kinds == [Gap, Resynced]
    gate.move()
    await until(lambda: btc.sequence == 1003)
    assert gate.agrees_with(btc)


async def test_a_cut_heals_by_itself(gate: GateOnLoopback, gateio: GateioPublicExchange) -> None:
    events: list[ExchangeEvent] = []
    gateio.on_event(events.append)
    book = await gateio.subscribe_book("BTC/USDT")
    async with aclosing(gateio.trades("BTC/USDT")) as trades:
        before = asyncio.ensure_future(anext(trades))
        await until(lambda: any(("spot.trades", "BTC_USDT") in wanted for wanted in gate.listeners.values()))
        gate.push("spot.trades", "BTC_USDT", {"id": 8, **gate.trade("BTC_USDT")})
        assert (await before).trade_id == "8"  # by now the acknowledgement has been heard too
        first = asyncio.ensure_future(anext(trades))
        gate.cut()
        await until(lambda: book.state is BookState.STALE)
        assert not gateio.is_fresh("BTC/USDT")
        gate.move()
        await until(lambda: book.is_live)
        assert gate.agrees_with(book)
        await until(lambda: any(("spot.trades", "BTC_USDT") in wanted for wanted in gate.listeners.values()))
        gate.push("spot.trades", "BTC_USDT", {"id": 9, **gate.trade("BTC_USDT")})
        assert (await first).trade_id == "9"
    interrupted = next(event for event in events if isinstance(event, Interrupted))
    recovered = {stream for event in events if isinstance(event, Recovered) for stream in event.streams}
    assert set(interrupted.streams) == recovered == {(Channel.BOOK, "BTC/USDT", ""), (Channel.TRADES, "BTC/USDT", "")}


async def test_a_service_upgrade_moves_to_another_connection(
    gate: GateOnLoopback, gateio: GateioPublicExchange
) -> None:
    book = await gateio.subscribe_book("BTC/USDT")
    (before,) = gate.listeners
    gate.upgrade()
    await until(lambda: before not in gate.listeners and len(gate.listeners) == 1)
    await until(lambda: book.is_live)
    gate.move()
    await until(lambda: book.sequence == 1001)
    assert gate.agrees_with(book)


async def test_a_snapshot_older_than_the_stream_is_not_used(gate: GateOnLoopback, gateio: GateioPublicExchange) -> None:
    gate.snapshot_lag = 5
    subscribing = asyncio.ensure_future(gateio.subscribe_book("BTC/USDT"))
    await until(lambda: any(gate.listeners.values()))
    gate.move()
    book = await subscribing
    assert gate.agrees_with(book)
    assert gate.requests.count("/api/v4/spot/order_book") == 2


async def test_the_other_streams(gate: GateOnLoopback, gateio: GateioPublicExchange) -> None:
    async with aclosing(gateio.book_tickers("ETH/USDT")) as tickers:
        first = asyncio.ensure_future(anext(tickers))
        await until(lambda: any(gate.listeners.values()))
        ticker = {"t": 1_700_000_000_000, "u": 5, "s": "ETH_USDT", "b": "99.5", "B": "1", "a": "", "A": ""}
        gate.push("spot.book_ticker", "ETH_USDT", ticker)
        assert ((await first).bid_price, (await first).ask_price) == (99.5, 0.0)
    await until(lambda: not any(gate.listeners.values()))
    async with aclosing(gateio.books("ETH/USDT")) as views:
        assert (await anext(views)).sequence == 1000
        gate.move("ETH_USDT")
        assert (await anext(views)).sequence == 1001


async def test_a_refused_pair_is_named(gate: GateOnLoopback, gateio: GateioPublicExchange) -> None:
    gate.refused = {"ETH_USDT"}
    with pytest.raises(ExchangeRejectedException, match="unknown currency pair ETH_USDT") as caught:
        await gateio.subscribe_book("ETH/USDT")
    assert caught.value.exchange_code == "2"
    assert (await gateio.subscribe_book("BTC/USDT")).is_live


async def test_one_refused_pair_of_many_does_not_cost_the_others(
    gate: GateOnLoopback, gateio: GateioPublicExchange
) -> None:
    gate.refused = {"ETH_USDT"}
    streams = gateio._websocket
    wanted_streams = [Stream(Channel.TRADES, gateio.instruments[f"{base}/USDT"].symbol) for base in BASES]
    with pytest.raises(ExchangeRejectedException, match="1 subscriptions refused") as caught:
        await streams.subscribe(wanted_streams)
    assert "ETH_USDT" in caught.value.message
    assert streams.last_heard_ns(wanted_streams[0]) is not None
    assert streams.last_heard_ns(wanted_streams[1]) is None
    assert streams.last_heard_ns(wanted_streams[2]) is not None
    (wanted,) = gate.listeners.values()
    assert wanted == {("spot.trades", "BTC_USDT"), ("spot.trades", "GT_USDT")}


async def test_acknowledgements_of_2021_are_understood(gate: GateOnLoopback, gateio: GateioPublicExchange) -> None:
    gate.acknowledges_like_2021 = True
    books = await asyncio.gather(*(gateio.subscribe_book(f"{base}/USDT") for base in BASES))
    assert all(gate.agrees_with(book) for book in books)
    gate.refused = {"GT_USDT"}
    with pytest.raises(ExchangeRejectedException, match="unknown currency pair GT_USDT"):
        await anext(gateio.trades("GT/USDT"))


async def test_nobody_there_is_a_connection_error() -> None:
    async with GateOnLoopback() as gate:
        config = gate.config
    with pytest.raises(ExchangeConnectionException) as caught:
        async with GateioPublicExchange.from_config(config):
            raise AssertionError("not reached")
    assert caught.value.operation == "load_instruments"


async def test_the_factory_hands_over_what_it_made(gate: GateOnLoopback) -> None:
    factory = GateioExchangeFactory()
    async with factory.create_public_exchange(gate.config) as exchange:
        assert (await exchange.subscribe_book("BTC/USDT")).is_live
        assert len(gate.listeners) == 1
    await until(lambda: not gate.listeners)


async def test_clients_that_are_passed_in_stay_open(gate: GateOnLoopback) -> None:
    rest = GateioRestClient.from_config(gate.config)
    websocket = GateioWebSocketClient.from_config(gate.config)
    try:
        async with GateioPublicExchange(rest_client=rest, websocket_client=websocket) as exchange:
            await exchange.subscribe_book("BTC/USDT")
        assert await rest.server_time() > 0
        assert len(gate.listeners) == 1
    finally:
        await rest.aclose()
        await websocket.aclose()


async def test_closing_takes_less_than_a_second_whatever_runs(gate: GateOnLoopback) -> None:
    loop = asyncio.get_running_loop()
    exchange = GateioPublicExchange.from_config(gate.config)
    async with exchange:
        await exchange.subscribe_book("BTC/USDT")
        reading = asyncio.ensure_future(anext(exchange.trades("ETH/USDT"), "ended"))
        pending = asyncio.ensure_future(exchange.subscribe_book("ETH/USDT"))
        await asyncio.sleep(0.01)
        began = loop.time()
    assert loop.time() - began < 1.0
    assert await reading == "ended"
    with pytest.raises(ExchangeConnectionException):
        await pending
    await asyncio.sleep(0.01)


async def test_the_readme_example_runs(gate: GateOnLoopback, capsys: pytest.CaptureFixture[str]) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    code, *_ = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    names: dict[str, Any] = {"__name__": "readme"}
    exec(compile(code, "README.md", "exec"), names)
    running = asyncio.ensure_future(names["main"](gate.config))
    await until(lambda: any(("spot.trades", "BTC_USDT") in wanted for wanted in gate.listeners.values()))
    for number in range(3):
        gate.push("spot.trades", "BTC_USDT", {"id": number, **gate.trade("BTC_USDT")})
    await asyncio.wait_for(running, 5)
    printed = capsys.readouterr().out
    assert "PriceLevel(price=100.0, quantity=1.0)" in printed
    assert printed.count("sell 0.5 at 100.0") == 3


# ---- the same at virtual time --------------------------------------------------------------------------------------


class GateInMemory(Gate):
    """The same market behind the transport seams."""

    async def connect(self, url: str, *, headers: Mapping[str, str], timeout: float, max_size: int) -> Line:
        await asyncio.sleep(0.01)
        return Line(self)

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, timeouts: Timeouts
    ) -> HttpAnswer:
        await asyncio.sleep(0.01)
        parts = urlsplit(url)
        status, answer = self.answer(parts.path, dict(parse_qsl(parts.query)))
        return HttpAnswer(status, {}, json.dumps(answer).encode())

    async def aclose(self) -> None:
        return

    def exchange(self, clock: ManualClock) -> GateioPublicExchange:
        return GateioPublicExchange(
            rest_client=GateioRestClient(markets=(MarketType.SPOT,), transport=self, clock=clock),
            websocket_client=GateioWebSocketClient(
                transport=self, clock=clock, reconnect=ReconnectPolicy(first=0.5, most=4.0)
            ),
            owns_clients=True,
            clock=clock,
        )

    def hang_up(self) -> None:
        for send in tuple(self.listeners):
            send("")


class Line:
    def __init__(self, gate: GateInMemory) -> None:
        self.gate = gate
        self.inbox: asyncio.Queue[str] = asyncio.Queue()
        self.listener = self.inbox.put_nowait
        gate.listeners[self.listener] = set()

    async def send(self, data: str) -> None:
        if self.listener in self.gate.listeners:
            self.gate.hear(data, self.listener)

    async def receive(self) -> str:
        frame = await self.inbox.get()
        if not frame:
            self.gate.listeners.pop(self.listener, None)
            raise Closed(1006)
        return frame

    async def aclose(self, code: int = 1000) -> None:
        self.gate.listeners.pop(self.listener, None)
        self.inbox.put_nowait("")


async def test_an_hour_with_a_cut_a_minute(virtual_clock: ManualClock) -> None:
    gate = GateInMemory()
    async with gate.exchange(virtual_clock) as gateio:
        books = [await gateio.subscribe_book(f"{base}/USDT") for base in BASES]
        for minute in range(60):
            for _ in range(20):
                gate.move(f"{BASES[minute % 3]}_USDT", told=minute % 10 != 9)
                await asyncio.sleep(1)
            gate.hang_up()
            await asyncio.sleep(40)
            assert all(gate.agrees_with(book) for book in books), minute
            assert all(gateio.is_fresh(f"{base}/USDT") for base in BASES)
        assert sum(line.reconnects for line in gateio.health().connections) == 60
        assert [frame["channel"] for frame in gate.said].count("spot.ping") >= 60


async def test_a_connection_that_falls_silent_is_replaced(virtual_clock: ManualClock) -> None:
    gate = GateInMemory()
    async with gate.exchange(virtual_clock) as gateio:
        book = await gateio.subscribe_book("BTC/USDT")
        silent = next(iter(gate.listeners))
        del gate.listeners[silent]
        states: list[BookState] = []
        for _ in range(60):
            await asyncio.sleep(1)
            states.append(book.state)
        assert BookState.STALE in states
        assert states.index(BookState.STALE) <= 31
        assert book.is_live
        assert gate.agrees_with(book)


Scenario = Callable[[ManualClock], AbstractAsyncContextManager[Coroutine[Any, Any, object]]]


def test_subscribing_can_be_cancelled_anywhere(cancel_everywhere: Callable[[Scenario], int]) -> None:
    @asynccontextmanager
    async def scenario(clock: ManualClock) -> AsyncIterator[Coroutine[Any, Any, object]]:
        gate = GateInMemory()
        async with gate.exchange(clock) as gateio:
            yield gateio.subscribe_book("BTC/USDT")
            await asyncio.sleep(30)
            book = await gateio.subscribe_book("BTC/USDT")
            gate.move()
            await asyncio.sleep(0.1)
            assert gate.agrees_with(book)
            assert len(gate.listeners) == 1

    assert cancel_everywhere(scenario) >= 2


def test_closing_can_be_cancelled_anywhere_and_done_again(cancel_everywhere: Callable[[Scenario], int]) -> None:
    @asynccontextmanager
    async def scenario(clock: ManualClock) -> AsyncIterator[Coroutine[Any, Any, object]]:
        gate = GateInMemory()
        async with gate.exchange(clock) as gateio:
            await gateio.subscribe_book("BTC/USDT")
            subscribing = asyncio.ensure_future(gateio.subscribe_book("ETH/USDT"))
            await asyncio.sleep(0.005)
            yield gateio.aclose()
            began = clock.monotonic_ns()
            await gateio.aclose()
            assert clock.monotonic_ns() - began <= 1e9
            with pytest.raises(ExchangeConnectionException):
                await subscribing
            assert gate.listeners == {}

    assert cancel_everywhere(scenario) >= 2
