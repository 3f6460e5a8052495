"""A small Toy on loopback: one pair and its perpetual, books that move when they are told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

if TYPE_CHECKING:
    from cex.exchanges.toy import ToyConfig

SPOT, PERPETUAL = "BTC_USDT", "BTC_USDT_PERP"
_PAIR = {"base": "BTC", "quote": "USDT", "tick": "0.1"}
ROWS = [
    {"name": SPOT, **_PAIR, "step": "0.001"},
    {"name": PERPETUAL, **_PAIR, "step": "1", "settle": "USDT", "contract": "0.1"},
    {"name": "FREE", **_PAIR, "tick": "0", "step": "1"},
    {"name": "HUGE", **_PAIR, "step": "1", "settle": "HUGE", "contract": "1e300"},
    {"name": "NONE", **_PAIR, "step": "1", "settle": "NONE", "contract": "nan"},
]
"""Two that can be used and three that cannot."""


class ToyServer:
    """Speaks the exchange's protocol; ``move`` changes a level and pushes the change to whoever asked for it.

    Sizes of the perpetual are contracts.
    """

    def __init__(self) -> None:
        self.id = 100
        self.books = {
            SPOT: {"bids": {99.0: 1.0, 98.0: 2.0}, "asks": {101.0: 1.0, 102.0: 2.0}},
            PERPETUAL: {"bids": {100.0: 3.0, 99.0: 20.0}, "asks": {102.0: 7.0, 103.0: 20.0}},
        }
        self.streams: dict[web.WebSocketResponse, set[str]] = {}
        self.subscribed = asyncio.Event()
        app = web.Application()
        app.add_routes(
            [
                web.get("/time", self._time),
                web.get("/instruments", self._instruments),
                web.get("/book", self._book),
                web.get("/trades", self._trades),
                web.get("/funding", self._funding),
                web.get("/stream", self._stream),
            ]
        )
        self.server = TestServer(app, host="127.0.0.1")

    @property
    def config(self) -> ToyConfig:
        from cex.exchanges.toy import ToyConfig

        url = str(self.server.make_url("/")).rstrip("/")
        return ToyConfig(profile="custom", endpoints={"rest": url, "ws": f"{url.replace('http', 'ws', 1)}/stream"})

    async def move(self, side: str, price: float, size: float, name: str = SPOT) -> None:
        self.id += 1
        self.books[name][side][price] = size
        push: dict[str, Any] = {"op": "book", "name": name, "first": self.id, "last": self.id, "bids": [], "asks": []}
        push[side] = [[str(price), str(size)]]
        await self.push("book", push)

    async def push(self, stream: str, message: dict[str, Any]) -> None:
        for socket, streams in list(self.streams.items()):
            if f"{stream}:{message['name']}" in streams:
                await socket.send_json(message)

    async def _time(self, _request: web.Request) -> web.Response:
        return web.json_response({"ms": 1_700_000_000_123})

    async def _instruments(self, _request: web.Request) -> web.Response:
        return web.json_response(ROWS)

    async def _book(self, request: web.Request) -> web.Response:
        if request.query["depth"] == "0":
            return web.json_response({"code": "BAD_DEPTH", "message": "depth is 1 to 100"}, status=400)
        book = self.books[request.query["name"]]
        bids = [[str(price), str(size)] for price, size in sorted(book["bids"].items(), reverse=True)]
        asks = [[str(price), str(size)] for price, size in sorted(book["asks"].items())]
        return web.json_response({"id": self.id, "bids": bids, "asks": asks})

    async def _trades(self, _request: web.Request) -> web.Response:
        row = {"id": "1", "side": "sell", "price": "99.5", "size": "3", "ms": 1_700_000_000_000}
        return web.json_response([row])

    async def _funding(self, request: web.Request) -> web.Response:
        if request.query["name"] != PERPETUAL:
            return web.json_response({"code": "NO_FUNDING", "message": "no perpetual"}, status=400)
        return web.json_response({"rate": "-0.0001", "ms": 1_700_006_400_000, "seconds": 28800})

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.streams[socket] = set()
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self._answer(socket, json.loads(message.data))
        del self.streams[socket]
        return socket

    async def _answer(self, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        if asked["op"] == "ping":
            await socket.send_json({"op": "pong"})
        elif asked["op"] == "subscribe":
            refused = [stream for stream in asked["streams"] if stream == f"ticker:{SPOT}"]
            if refused:
                answer = {"op": "refused", "streams": refused, "code": "CLOSED", "message": "no tickers of spot"}
                await socket.send_json({**answer, "id": asked["id"]})
                return
            self.streams[socket].update(asked["streams"])
            await socket.send_json({"op": "done", "id": asked["id"]})
            self.subscribed.set()
        elif asked["op"] == "unsubscribe":
            self.streams[socket].difference_update(asked["streams"])
            await socket.send_json({"op": "done", "id": asked["id"]})


@pytest.fixture
async def server() -> AsyncIterator[ToyServer]:
    venue = ToyServer()
    await venue.server.start_server()
    yield venue
    await venue.server.close()
