"""Both markets and both kinds of book streams, end to end at virtual time against a Gate.io in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from cex.common.book.order_book import OrderBook
from cex.common.clock import ManualClock
from cex.common.enums import BookState, KlineInterval, MarketType, Side
from cex.common.exceptions import ExchangeConnectionException, ExchangeRejectedException
from cex.exchanges.base.interfaces import ExchangeEvent, Gap, Interrupted, Recovered, Resynced
from cex.exchanges.gateio.public import GateioPublicExchange
from cex.exchanges.gateio.rest import GateioRestClient
from cex.exchanges.gateio.websocket import GateioWebSocketClient
from cex.networking import HttpAnswer, ReconnectPolicy, Timeouts
from cex.networking.websocket.transport import Closed

CONTRACTS_A_COIN = 10_000
SPOT, FUTURES = MarketType.SPOT, MarketType.FUTURES
T = 1_700_000_000_000


class Book:
    """One book of whole numbers: tenths of a price, and lots (spot) or contracts (futures). Each change has an id."""

    def __init__(self, first_id: int) -> None:
        self.id = first_id
        self.bids = {1000 - step: 5 for step in range(5)}
        self.asks = {1001 + step: 7 for step in range(5)}

    def change(self, side: str, price: int, amount: int) -> None:
        self.id += 1
        levels = self.bids if side == "b" else self.asks
        levels.pop(price, None)
        if amount:
            levels[price] = amount

    def sides(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        return sorted(self.bids.items(), reverse=True), sorted(self.asks.items())


class Gate:
    """BTC and ETH on both markets, under the same names. ``decimals``: sizes of contracts come in quotes."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.decimals = True
        self.books = {
            (market, f"{base}_USDT"): Book(1000 if market is SPOT else 5000)
            for market in (SPOT, FUTURES)
            for base in ("BTC", "ETH")
        }
        self.lines: set[Line] = set()
        self.requests: list[str] = []
        self.said: list[dict[str, Any]] = []
        self.handshakes: list[tuple[str, Mapping[str, str]]] = []
        self.mute_obu = False

    # REST

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, timeouts: Timeouts
    ) -> HttpAnswer:
        await asyncio.sleep(0.01)
        parts = urlsplit(url)
        path, query = parts.path.removeprefix("/api/v4"), dict(parse_qsl(parts.query))
        self.requests.append(path)
        return HttpAnswer(200, {}, json.dumps(self.answer(path, query)).encode())

    async def aclose(self) -> None:
        return

    def answer(self, path: str, query: dict[str, str]) -> object:
        if path == "/spot/currency_pairs":
            row = {"quote": "USDT", "precision": 1, "amount_precision": 4, "trade_status": "tradable"}
            return [{**row, "id": f"{base}_USDT", "base": base} for base in ("BTC", "ETH")]
        if path == "/futures/usdt/contracts":
            row = {"quanto_multiplier": "0.0001", "order_price_round": "0.1", "order_size_min": 1}
            return [{**row, "name": f"{base}_USDT"} for base in ("BTC", "ETH")]
        market = SPOT if path == "/spot/order_book" else FUTURES
        name = query.get("currency_pair") or query["contract"]
        book = self.books[market, name]
        bids, asks = (self.levels(market, side, as_objects=market is FUTURES) for side in book.sides())
        return {"id": book.id, "current": T if market is SPOT else T / 1000, "bids": bids, "asks": asks}

    # WebSocket

    async def connect(self, url: str, *, headers: Mapping[str, str], timeout: float, max_size: int) -> Line:
        await asyncio.sleep(0.01)
        self.handshakes.append((url, headers))
        return Line(self, FUTURES if "fx-ws" in url else SPOT)

    def hear(self, text: str, line: Line) -> None:
        frame = json.loads(text)
        self.said.append(frame)
        channel = frame["channel"]
        if channel.endswith(".ping"):
            line.push({"channel": channel.replace("ping", "pong"), "event": "", "result": None})
            return
        payload, event = frame["payload"], frame["event"]
        reply = {"id": frame["id"], "channel": channel, "event": event, "payload": payload}
        one_by_one = channel.endswith(("order_book_update", "candlesticks"))
        streams = [(channel, *payload)] if one_by_one else [(channel, name) for name in payload]
        if event == "subscribe" and channel.endswith("obu") and line.streams & set(streams):
            line.push({**reply, "error": {"code": 2, "message": f"Alert sub {payload[0]}"}})
            return
        (line.streams.update if event == "subscribe" else line.streams.difference_update)(streams)
        line.push({**reply, "result": {"status": "success"}})
        if event == "subscribe" and channel.endswith("obu") and not self.mute_obu:
            self.whole(line, payload[0])

    def whole(self, line: Line, stream: str) -> None:
        book = self.books[line.market, stream[3:].rpartition(".")[0]]
        bids, asks = (self.levels(line.market, side, as_objects=False) for side in book.sides())
        line.update("obu", {"t": T, "full": True, "s": stream, "u": book.id, "b": bids, "a": asks})

    def levels(self, market: MarketType, side: list[tuple[int, int]], *, as_objects: bool) -> list[object]:
        if market is SPOT:
            return [[f"{price / 10}", f"{amount / CONTRACTS_A_COIN}"] for price, amount in side]
        sizes = [str(amount) if self.decimals or not as_objects else amount for _, amount in side]
        prices = [f"{price / 10}" for price, _ in side]
        if as_objects:
            return [{"p": price, "s": size} for price, size in zip(prices, sizes, strict=True)]
        return [[price, size] for price, size in zip(prices, sizes, strict=True)]

    def move(self, market: MarketType, name: str = "BTC_USDT", *, told: bool = True) -> None:
        """Change one level, and tell it, or not: then there is a gap."""
        book = self.books[market, name]
        side, price = ("b", 1000 - book.id % 7) if book.id % 2 else ("a", 1001 + book.id % 7)
        amount = book.id % 3
        book.change(side, price, amount)
        if not told:
            return
        ids = {"t": T, "U": book.id, "u": book.id}
        for line in self.lines:
            for channel, *params in line.streams:
                if line.market is market and channel.endswith("order_book_update") and params[0] == name:
                    changed = self.levels(market, [(price, amount)], as_objects=market is FUTURES)
                    line.update("order_book_update", {**ids, "s": name, "b": [], "a": [], side: changed})
                elif line.market is market and channel.endswith("obu") and params[0].startswith(f"ob.{name}."):
                    changed = self.levels(market, [(price, amount)], as_objects=False)
                    line.update("obu", {**ids, "s": params[0], side: changed})

    def cut(self) -> None:
        for line in tuple(self.lines):
            line.inbox.put_nowait("")

    def agrees_with(self, book: OrderBook) -> bool:
        truth = self.books[book.symbol.market_type, f"{book.symbol.base}_USDT"]
        bids, asks = (
            [(float(price / 10), amount / CONTRACTS_A_COIN) for price, amount in side] for side in truth.sides()
        )
        return (book.sequence, book.bids(), book.asks()) == (truth.id, bids, asks)

    def exchange(self, **streams: Any) -> GateioPublicExchange:
        return GateioPublicExchange(
            rest_client=GateioRestClient(transport=self, clock=self.clock),
            websocket_client=GateioWebSocketClient(
                transport=self, clock=self.clock, reconnect=ReconnectPolicy(first=0.5, most=4.0), **streams
            ),
            owns_clients=True,
            clock=self.clock,
        )


class Line:
    """One connection of one market's endpoint."""

    def __init__(self, gate: Gate, market: MarketType) -> None:
        self.gate = gate
        self.market = market
        self.streams: set[tuple[str, ...]] = set()
        self.inbox: asyncio.Queue[str] = asyncio.Queue()
        gate.lines.add(self)

    def push(self, frame: object) -> None:
        self.inbox.put_nowait(json.dumps(frame))

    def update(self, topic: str, result: object) -> None:
        self.push({"time": 1, "time_ms": T, "channel": f"{self.market}.{topic}", "event": "update", "result": result})

    async def send(self, data: str) -> None:
        if self in self.gate.lines:
            self.gate.hear(data, self)

    async def receive(self) -> str:
        frame = await self.inbox.get()
        if not frame:
            self.gate.lines.discard(self)
            raise Closed(1006)
        return frame

    async def aclose(self, code: int = 1000) -> None:
        self.gate.lines.discard(self)
        self.inbox.put_nowait("")


async def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (what is waited for happens at the other end of a line)
            await asyncio.sleep(0.01)


WAYS = [
    {"book_channel": channel, "book_interval": interval}
    for channel in ("order_book_update", "obu")
    for interval in ("100ms", "20ms")
]
BOTH = ("BTC/USDT", "BTC/USDT:USDT")


@pytest.mark.parametrize("way", WAYS, ids=str)
async def test_books_of_both_markets_follow_theirs(virtual_clock: ManualClock, way: dict[str, str]) -> None:
    gate = Gate(virtual_clock)
    async with gate.exchange(**way) as gateio:
        spot, futures = [await gateio.subscribe_book(symbol) for symbol in BOTH]
        assert gate.agrees_with(spot)
        assert gate.agrees_with(futures)
        for number in range(40):
            gate.move(SPOT if number % 4 else FUTURES)
        await until(lambda: (spot.sequence, futures.sequence) == (1030, 5010))
        assert gate.agrees_with(spot)
        assert gate.agrees_with(futures)
        assert gateio.is_fresh("BTC/USDT:USDT")
    seeded_by_rest = sum(path.endswith("order_book") for path in gate.requests)
    assert seeded_by_rest == (2 if way["book_channel"] == "order_book_update" else 0)


async def test_sizes_without_decimals_are_read_too(virtual_clock: ManualClock) -> None:
    gate = Gate(virtual_clock)
    gate.decimals = False
    async with gate.exchange() as gateio:
        book = await gateio.subscribe_book("BTC/USDT:USDT")
        gate.move(FUTURES)
        await until(lambda: book.sequence == 5001)
        assert gate.agrees_with(book)


@pytest.mark.parametrize("way", WAYS[::2], ids=str)
@pytest.mark.parametrize("market", [SPOT, FUTURES])
async def test_a_gap_heals_and_touches_no_other_book(
    virtual_clock: ManualClock, way: dict[str, str], market: MarketType
) -> None:
    gate = Gate(virtual_clock)
    events: list[ExchangeEvent] = []
    async with gate.exchange(**way) as gateio:
        gateio.on_event(events.append)
        books = {symbol: await gateio.subscribe_book(symbol) for symbol in (*BOTH, "ETH/USDT", "ETH/USDT:USDT")}
        gate.move(market, told=False)
        gate.move(market)
        broken = books["BTC/USDT" if market is SPOT else "BTC/USDT:USDT"]
        await until(lambda: broken.state is BookState.GAPPED)
        assert [book.state for book in books.values()].count(BookState.LIVE) == 3
        await until(lambda: broken.is_live)
        gate.move(market)
        await until(lambda: gate.agrees_with(broken))
        assert all(gate.agrees_with(book) for book in books.values())
    told = [event for event in events if isinstance(event, Gap | Resynced)]
    assert [(type(event), event.symbol) for event in told] == [(Gap, broken.symbol), (Resynced, broken.symbol)]


@pytest.mark.parametrize("way", WAYS[::2], ids=str)
async def test_a_cut_heals_by_itself(virtual_clock: ManualClock, way: dict[str, str]) -> None:
    gate = Gate(virtual_clock)
    events: list[ExchangeEvent] = []
    async with gate.exchange(**way) as gateio:
        gateio.on_event(events.append)
        books = [await gateio.subscribe_book(symbol) for symbol in BOTH]
        gate.cut()
        await until(lambda: all(book.state is BookState.STALE for book in books))
        gate.move(SPOT)
        gate.move(FUTURES)
        await until(lambda: all(book.is_live for book in books))
        assert all(gate.agrees_with(book) for book in books)
    kinds = [type(event) for event in events]
    assert kinds.count(Interrupted) == kinds.count(Recovered) == 2


async def test_a_stream_that_seeds_its_book_and_stays_silent_is_an_error(virtual_clock: ManualClock) -> None:
    gate = Gate(virtual_clock)
    gate.mute_obu = True
    async with gate.exchange(book_channel="obu") as gateio:
        with pytest.raises(ExchangeConnectionException, match="not LIVE within 25 s"):
            await gateio.subscribe_book("BTC/USDT:USDT", timeout=25)
        asked = [frame["event"] for frame in gate.said if frame["channel"] == "futures.obu"]
        assert asked[:3] == ["subscribe", "unsubscribe", "subscribe"]


async def test_a_full_push_replaces_a_running_book(virtual_clock: ManualClock) -> None:
    gate = Gate(virtual_clock)
    async with gate.exchange(book_channel="obu") as gateio:
        book = await gateio.subscribe_book("BTC/USDT:USDT")
        gate.move(FUTURES, told=False)
        gate.move(FUTURES, told=False)
        (line,) = gate.lines
        gate.whole(line, "ob.BTC_USDT.400")
        await until(lambda: book.sequence == 5002)
        assert gate.agrees_with(book)
        assert gateio.health().books[0].gaps == 0


async def test_each_market_has_its_own_connection_and_only_when_needed(virtual_clock: ManualClock) -> None:
    gate = Gate(virtual_clock)
    async with gate.exchange() as gateio:
        await gateio.subscribe_book("BTC/USDT")
        assert [line.market for line in gate.lines] == [SPOT]
        await gateio.subscribe_book("BTC/USDT:USDT")
        await asyncio.sleep(40)
        assert {frame["channel"] for frame in gate.said if "ping" in frame["channel"]} == {"spot.ping", "futures.ping"}
        assert len(gateio.health().connections) == 2
    headers = {url: seen.get("X-Gate-Size-Decimal") for url, seen in gate.handshakes}
    assert headers == {"wss://api.gateio.ws/ws/v4/": None, "wss://fx-ws.gateio.ws/v4/ws/usdt": "1"}


async def test_the_other_streams_of_futures(virtual_clock: ManualClock) -> None:
    gate = Gate(virtual_clock)
    perpetual = "BTC/USDT:USDT"
    async with (
        gate.exchange() as gateio,
        aclosing(gateio.trades(perpetual)) as trades,
        aclosing(gateio.book_tickers(perpetual)) as tops,
        aclosing(gateio.tickers(perpetual)) as tickers,
        aclosing(gateio.kline_updates(perpetual, KlineInterval.M1)) as klines,
    ):
        first = asyncio.gather(anext(trades), anext(tops), anext(tickers), anext(klines))
        await until(lambda: gate.lines and len(next(iter(gate.lines)).streams) == 4)
        (line,) = gate.lines
        candle = {"t": 60, "n": "1m_BTC_USDT", "o": "1", "h": "2", "l": "1", "c": "2", "v": "30", "w": False}
        line.update("trades", [{"id": 9, "contract": "BTC_USDT", "size": "-25", "price": "99.5", "create_time_ms": T}])
        line.update("book_ticker", {"t": T, "u": 5, "s": "BTC_USDT", "b": "99.5", "B": "3", "a": "", "A": "0"})
        line.update("tickers", [{"contract": "BTC_USDT", "last": "99", "mark_price": "98", "funding_rate": "0.0001"}])
        line.update("candlesticks", [candle])
        trade, top, ticker, kline = await first
        assert (trade.side, trade.quantity, trade.exchange_ts) == (Side.SELL, 0.0025, T * 1_000_000)
        assert (top.bid_quantity, top.ask_price) == (0.0003, 0.0)
        assert (ticker.last, ticker.mark_price, ticker.funding_rate) == (99.0, 98.0, 0.0001)
        assert (kline.base_volume, kline.closed) == (0.003, False)
        # The push that flags the end is missing; the next candle says it.
        line.update("candlesticks", [{**candle, "t": 120}])
        assert [(kline.open_ts, kline.closed) for kline in [await anext(klines), await anext(klines)]] == [
            (60_000_000_000, True),
            (120_000_000_000, False),
        ]


async def test_the_other_streams_of_spot(virtual_clock: ManualClock) -> None:
    gate = Gate(virtual_clock)
    async with (
        gate.exchange() as gateio,
        aclosing(gateio.tickers("BTC/USDT")) as tickers,
        aclosing(gateio.kline_updates("BTC/USDT", "1w")) as klines,
        aclosing(gateio.limited_books("BTC/USDT", 20)) as books,
    ):
        first = asyncio.gather(anext(tickers), anext(klines), anext(books))
        await until(lambda: gate.lines and len(next(iter(gate.lines)).streams) >= 3)
        (line,) = gate.lines
        line.update("tickers", {"currency_pair": "BTC_USDT", "last": "99", "change_percentage": "-1.5"})
        candle = {"t": "0", "n": "7d_BTC_USDT", "o": "1", "h": "2", "l": "1", "c": "2", "v": "30", "a": "15"}
        line.update("candlesticks", {**candle, "w": True})
        line.update("order_book", {"t": T, "lastUpdateId": 8, "s": "BTC_USDT", "l": "20", "bids": [["1", "2"]]})
        ticker, kline, book = await first
        assert (ticker.last, ticker.change) == (99.0, -0.015)
        assert (kline.base_volume, kline.quote_volume, kline.closed) == (15.0, 30.0, True)
        assert (book.last_id, book.bids, book.asks, book.limit) == (8, [(1.0, 2.0)], [], 20)


async def test_a_refused_contract_is_named(virtual_clock: ManualClock) -> None:
    gate = Gate(virtual_clock)
    async with gate.exchange(book_channel="obu") as gateio:
        await gateio.subscribe_book("ETH/USDT:USDT")
        (line,) = gate.lines
        line.streams.add(("futures.obu", "ob.BTC_USDT.400"))  # the exchange knows of it already
        with pytest.raises(ExchangeRejectedException, match=r"Alert sub ob\.BTC_USDT\.400"):
            await gateio.subscribe_book("BTC/USDT:USDT")
