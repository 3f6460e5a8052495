"""What the tests of this package share: the recorded samples, and a small MEXC on loopback."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from cex.exchanges.mexc.wire.schema.push_pb2 import PushDataV3ApiWrapper

_SAMPLES = Path(__file__).parent / "samples"
_CHANNEL = re.compile(
    r"spot@public\.(?:aggre\.(?:depth|deals|bookTicker)\.v3\.api\.pb@(?:100|10)ms@(?P<last>.+)"
    r"|(?:kline\.v3\.api\.pb@(?P<kline>.+)@(?:Min\d+|Hour\d|Day1|Week1|Month1))"
    r"|(?:miniTicker\.v3\.api\.pb@(?P<ticker>.+)@24H)"
    r"|(?:limit\.depth\.v3\.api\.pb@(?P<limit>.+)@(?:5|10|20)))"
)
_MINUTE_MS = 60_000
_NOW_MS = 1_791_570_241_216


def _body(name: str) -> str:
    """A sample without the lines that tell its source and date."""
    lines = (_SAMPLES / name).read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("#"))


@pytest.fixture
def sample() -> Callable[[str], bytes]:
    """The body of a REST sample, by its file's stem: ``sample("rest_depth")``."""
    return lambda name: _body(f"{name}.txt").encode()


@pytest.fixture
def frame() -> Callable[[str], bytes]:
    """A binary frame, by its file's stem: ``frame("push_kline_2026-09-25")``."""
    return lambda name: bytes.fromhex(_body(f"{name}.hex"))


@pytest.fixture
def conversation() -> list[tuple[str, str]]:
    """Control texts as ``(direction, text)``: ``>`` sent, ``<`` received."""
    return [(line[0], line[2:]) for line in _body("ws_control.txt").splitlines()]


@dataclass
class FakeBook:
    """The truth about one symbol: quantities by price, as text, and every level's history by version."""

    version: int = 1000
    bids: dict[str, str] = field(default_factory=lambda: {"99.5": "1", "99": "2", "98.5": "3"})
    asks: dict[str, str] = field(default_factory=lambda: {"100.5": "1", "101": "2", "101.5": "3"})
    history: dict[int, tuple[dict[float, float], dict[float, float]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.remember()

    def remember(self) -> None:
        self.history[self.version] = (_floats(self.bids), _floats(self.asks))


class FakeMexc:
    """MEXC as its documentation tells it, in memory: REST, control texts, protobuf pushes, and faults on demand."""

    def __init__(self) -> None:
        self.books: dict[str, FakeBook] = {}
        self.blocked: set[str] = set()
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.answers: list[web.Response] = []
        """Given instead of the next answers of REST."""
        self.stale_depths: list[str] = []
        """Bodies given as the next answers of depth."""
        self.trade_seconds: list[int] = []
        """When aggregated trades happened, ascending."""
        self.kline_cap = 1000
        self.texts: list[str] = []
        self.subscriptions: dict[web.WebSocketResponse, list[str]] = {}
        self.most_subscriptions = 0
        self._swallowed: dict[str, int] = {}
        self.port = 0

    # ---- where it is -----------------------------------------------------------------------------------------------

    def application(self) -> web.Application:
        application = web.Application(middlewares=[self._recorded])
        application.add_routes(
            [
                web.get("/api/v3/time", self._time),
                web.get("/api/v3/exchangeInfo", self._exchange_info),
                web.get("/api/v3/depth", self._depth),
                web.get("/api/v3/trades", self._trades),
                web.get("/api/v3/klines", self._klines),
                web.get("/api/v3/aggTrades", self._aggregated_trades),
                web.get("/api/v3/avgPrice", self._average_price),
                web.get("/api/v3/ticker/24hr", self._ticker),
                web.get("/ws", self._socket),
            ]
        )
        return application

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    # ---- what a test does ------------------------------------------------------------------------------------------

    def list_symbols(self, *names: str) -> None:
        for name in names:
            self.books[name] = FakeBook()

    async def change(
        self, name: str, *, bids: dict[str, str] | None = None, asks: dict[str, str] | None = None
    ) -> None:
        """Change a book by three versions and push that; "0" deletes."""
        book = self.books[name]
        first = book.version + 1
        for side, changes in ((book.bids, bids or {}), (book.asks, asks or {})):
            for price, quantity in changes.items():
                known = next((written for written in side if float(written) == float(price)), price)
                if quantity == "0":
                    side.pop(known, None)
                else:
                    side[known] = quantity
        book.version += 3
        book.remember()
        push = self._push("spot@public.aggre.depth.v3.api.pb", name)
        body = push.publicAggreDepths
        body.fromVersion, body.toVersion = str(first), str(book.version)
        for price, quantity in (bids or {}).items():
            body.bids.add(price=price, quantity=quantity)
        for price, quantity in (asks or {}).items():
            body.asks.add(price=price, quantity=quantity)
        await self.send(push)

    async def trade(self, name: str, price: str, quantity: str, trade_type: int) -> None:
        push = self._push("spot@public.aggre.deals.v3.api.pb", name)
        push.publicAggreDeals.deals.add(
            price=price, quantity=quantity, tradeType=trade_type, time=_NOW_MS, tradeId="1X0_2X0"
        )
        await self.send(push)

    async def tick(self, name: str) -> None:
        book = self.books[name]
        push = self._push("spot@public.aggre.bookTicker.v3.api.pb", name)
        body = push.publicAggreBookTicker
        body.bidPrice = max(book.bids, key=float)
        body.bidQuantity = book.bids[body.bidPrice]
        body.askPrice = min(book.asks, key=float)
        body.askQuantity = book.asks[body.askPrice]
        body.version = str(book.version)
        await self.send(push)

    async def push_detailed(self, channel: str, **body: Any) -> None:
        """A push of a channel whose name ends with a detail; ``body`` is the one field that it holds."""
        push = PushDataV3ApiWrapper(channel=channel, symbol=channel.split("@")[2], sendTime=_NOW_MS, **body)
        for socket, channels in list(self.subscriptions.items()):
            if channel in channels:
                await socket.send_bytes(push.SerializeToString())

    def swallow(self, name: str, pushes: int = 1) -> None:
        """Lose the next pushes of a book."""
        self._swallowed[name] = pushes

    async def send(self, push: PushDataV3ApiWrapper) -> None:
        """To every connection that subscribed the push's channel, at whatever interval it chose."""
        name = push.symbol
        if push.HasField("publicAggreDepths") and self._swallowed.get(name):
            self._swallowed[name] -= 1
            return
        stem = push.channel.split("@100ms@")[0]
        for socket, channels in list(self.subscriptions.items()):
            for channel in channels[:30]:
                if channel.startswith(stem) and channel.endswith(f"@{name}") and not socket.closed:
                    push.channel = channel
                    await socket.send_bytes(push.SerializeToString())

    async def send_raw(self, data: bytes | str) -> None:
        for socket in list(self.subscriptions):
            await (socket.send_bytes(data) if isinstance(data, bytes) else socket.send_str(data))

    def cut(self) -> None:
        """End every connection without a word."""
        for socket in list(self.subscriptions):
            transport = socket._req.transport if socket._req is not None else None
            assert transport is not None
            transport.abort()

    def truth(self, name: str, version: int) -> tuple[dict[float, float], dict[float, float]]:
        """The book as it was at that version."""
        return self.books[name].history[version]

    # ---- REST ------------------------------------------------------------------------------------------------------

    @web.middleware
    async def _recorded(self, request: web.Request, handler: Callable[[web.Request], object]) -> web.StreamResponse:
        if request.path != "/ws":
            self.requests.append((request.path, dict(request.query)))
            if self.answers:
                return self.answers.pop(0)
        answer = await handler(request)  # type: ignore[misc]
        assert isinstance(answer, web.StreamResponse)
        return answer

    async def _time(self, _: web.Request) -> web.Response:
        return web.json_response({"serverTime": _NOW_MS})

    async def _exchange_info(self, _: web.Request) -> web.Response:
        rows: list[object] = [
            {
                "symbol": name,
                "status": "1",
                "baseAsset": name.removesuffix("USDT"),
                "quoteAsset": "USDT",
                "baseAssetPrecision": 6,
                "quotePrecision": 2,
                "isSpotTradingAllowed": True,
                "permissions": ["SPOT"],
                "baseSizePrecision": "0",
                "quoteAmountPrecision": "1",
                "makerCommission": "0",
                "takerCommission": "0.0005",
                "tradeSideType": 1,
            }
            for name in self.books
        ]
        return web.json_response({"timezone": "CST", "serverTime": _NOW_MS, "symbols": [*rows, {"symbol": "STRANGE"}]})

    async def _depth(self, request: web.Request) -> web.Response:
        if self.stale_depths:
            return web.json_response(text=self.stale_depths.pop(0))
        return web.json_response(text=self.depth_body(request.query["symbol"], int(request.query["limit"])))

    def depth_body(self, name: str, limit: int) -> str:
        book = self.books[name]
        bids = sorted(book.bids.items(), key=lambda level: -float(level[0]))[:limit]
        asks = sorted(book.asks.items(), key=lambda level: float(level[0]))[:limit]
        return json.dumps({"lastUpdateId": book.version, "bids": bids, "asks": asks, "timestamp": _NOW_MS})

    async def _trades(self, request: web.Request) -> web.Response:
        name = request.query["symbol"]
        if name not in self.books:
            return web.json_response({"code": -1121, "msg": "Invalid symbol."}, status=400)
        rows = [
            {"id": None, "price": "100.5", "qty": "0.2", "time": _NOW_MS, "isBuyerMaker": False, "tradeType": "BID"},
            {"id": None, "price": "99.5", "qty": "0.1", "time": _NOW_MS - 1, "isBuyerMaker": True, "tradeType": "ASK"},
        ]
        return web.json_response(rows[: int(request.query["limit"])])

    async def _klines(self, request: web.Request) -> web.Response:
        """One candle a minute, but none in every seventh; the end of a range is included."""
        asked = request.query
        now = _NOW_MS // _MINUTE_MS
        limit = min(int(asked["limit"]), self.kline_cap)
        if "startTime" in asked:
            first, last = -(-int(asked["startTime"]) // _MINUTE_MS), int(asked["endTime"]) // _MINUTE_MS
            minutes = [minute for minute in range(first, min(last, now) + 1) if minute % 7][:limit]
        else:
            minutes = [minute for minute in range(now - 2 * limit, now + 1) if minute % 7][-limit:]
        rows = [
            [minute * _MINUTE_MS, "10", "12", "9", "11", "2", (minute + 1) * _MINUTE_MS, "22"] for minute in minutes
        ]
        return web.json_response(rows)

    async def _aggregated_trades(self, request: web.Request) -> web.Response:
        first, last = (int(request.query[name]) for name in ("startTime", "endTime"))
        if last - first > 3_600_000:
            return web.json_response({"code": -1127, "msg": "More than 1 hours"}, status=400)
        held = [second for second in self.trade_seconds if first <= second * 1000 <= last]
        rows = [
            {"a": None, "f": None, "l": None, "p": str(second), "q": "1", "T": second * 1000, "m": True, "M": True}
            for second in held[-int(request.query["limit"]) :]
        ]
        return web.json_response(rows[::-1])

    async def _average_price(self, _: web.Request) -> web.Response:
        return web.json_response({"mins": 5, "price": "46786.1"})

    async def _ticker(self, request: web.Request) -> web.Response:
        rows = [{"symbol": name, "lastPrice": "100", "quoteVolume": None, "bidQty": ""} for name in self.books]
        rows.append({"symbol": "NEWUSDT", "lastPrice": None})
        if "symbol" in request.query:
            return web.json_response(next(row for row in rows if row["symbol"] == request.query["symbol"]))
        return web.json_response(rows)

    # ---- WebSocket -------------------------------------------------------------------------------------------------

    def _push(self, stem: str, name: str) -> PushDataV3ApiWrapper:
        return PushDataV3ApiWrapper(channel=f"{stem}@100ms@{name}", symbol=name, sendTime=_NOW_MS)

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        self.subscriptions[socket] = []
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self.texts.append(message.data)
                    await self._on_text(socket, message.data)
        finally:
            del self.subscriptions[socket]
        return socket

    async def _on_text(self, socket: web.WebSocketResponse, text: str) -> None:
        message = json.loads(text)
        request_id = message.get("id", 0)
        if message["method"] == "PING":
            said = "PONG"
        elif message["method"] == "SUBSCRIPTION" and len(text.encode()) <= 1024:
            said = self._subscribed(socket, message["params"])
        elif message["method"] == "UNSUBSCRIPTION":
            channels = self.subscriptions[socket]
            for channel in message["params"]:
                if channel in channels:
                    channels[channels.index(channel)] = "given up"  # the slot is not given back
            said = ",".join(message["params"])
        else:
            said = "msg format invalid"
        await socket.send_str(json.dumps({"id": request_id, "code": 0, "msg": said}, ensure_ascii=False))

    def _subscribed(self, socket: web.WebSocketResponse, params: list[str]) -> str:
        accepted: list[str] = []
        refused: list[str] = []
        for channel in params:
            match = _CHANNEL.fullmatch(channel)
            name = next(filter(None, match.groups()), "") if match else ""
            known = name in self.books and name not in self.blocked
            (accepted if known else refused).append(channel)
        channels = self.subscriptions[socket]
        channels.extend(accepted)
        self.most_subscriptions = max(self.most_subscriptions, len(channels))
        if not refused:
            return ",".join(accepted)
        blocked = f"Not Subscribed successfully! [{','.join(refused)}]."
        if not accepted:
            return f"{blocked}  Reason： Blocked! "
        return f"Subscribed successful! [{','.join(accepted)}]. {blocked} Reason： Blocked! "


def _floats(side: dict[str, str]) -> dict[float, float]:
    return {float(price): float(quantity) for price, quantity in side.items()}


@pytest.fixture
async def mexc() -> AsyncIterator[FakeMexc]:
    """A running fake that lists BTCUSDT, ETHUSDT and one symbol of another script."""
    fake = FakeMexc()
    fake.list_symbols("BTCUSDT", "ETHUSDT", "龙虾USDT")
    async with TestServer(fake.application()) as server:
        assert server.port is not None
        fake.port = server.port
        yield fake
        fake.cut()
        await asyncio.sleep(0)
