"""Connections that nonsense is written to: WebSockets that somebody has logged in on, and bare ones."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import aiohttp

from cex.common.clock import Clock
from cex.common.correlation import new_random
from cex.sandbox import Sandbox
from cex.sandbox.market.seeds import derived
from cex.sandbox.venues.gateio.auth import stream_signature, trade_signature
from garbage import futures_frame, gateio_frame, mexc_frame
from raw_clients import RawMexc

__all__ = ["FRAMES_AT_ONCE", "Socket", "Wire"]

FRAMES_AT_ONCE = 10
_MARK = 7_000_000_000
_CHANNELS = [
    f"futures.{name}"
    for name in (
        "login", "orders", "balances", "nonsense", "autoorders", "order_place", "order_batch_place", "order_cancel",
        "order_cancel_ids", "order_cancel_cp", "order_amend", "order_list", "order_status",
    )
]  # fmt: skip


class Socket:
    """A WebSocket of ``mexc``, or of Gate.io's ``spot`` or ``futures``: logged in, and opened anew when it is gone."""

    def __init__(
        self,
        heard: Callable[[str, str], None],
        surprise: Callable[[str], None],
        sandbox: Sandbox,
        http: aiohttp.ClientSession,
        clock: Clock,
        name: str,
    ) -> None:
        self._heard = heard
        self._surprise = surprise
        self._sandbox = sandbox
        self._http = http
        self._clock = clock
        self._name = name
        self._websocket: aiohttp.ClientWebSocketResponse | None = None
        self._rng = new_random(derived(sandbox.seed, "fuzz", name))
        self._marks = _MARK

    async def talk(self) -> None:
        """Send some frames and hear everything that is answered."""
        if self._websocket is None or self._websocket.closed:
            self._websocket = await self._open()
        for _ in range(FRAMES_AT_ONCE):
            await self._websocket.send_str(self._frame())
        if self._rng.random() < 0.1:
            await self._websocket.send_bytes(self._rng.randbytes(20))
        await self._hear(self._websocket)

    async def aclose(self) -> None:
        if self._websocket is not None:
            await self._websocket.close()

    def _frame(self) -> str:
        if self._name == "mexc":
            return mexc_frame(self._rng)
        if self._name == "spot":
            return gateio_frame(self._rng)
        return futures_frame(self._rng, _CHANNELS, self._rng.randrange(1000))

    async def _hear(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self._marks += 1
        if self._name == "mexc":
            await websocket.send_json({"method": "PING", "id": self._marks})
        else:
            channel = f"{self._name}.trades"
            mark = {"time": 1, "id": self._marks, "channel": channel, "event": "unsubscribe", "payload": ["BTC_USDT"]}
            await websocket.send_json(mark)
        while True:
            message = await websocket.receive(timeout=30)
            if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED):
                self._surprise(f"{self._name} socket was closed: {websocket.close_code}")
                return
            if message.type is aiohttp.WSMsgType.TEXT:
                if f'"id":{self._marks}' in message.data:
                    return
                self._heard(self._name, message.data)

    async def _open(self) -> aiohttp.ClientWebSocketResponse:
        venue = "mexc" if self._name == "mexc" else "gateio"
        urls, credentials = self._sandbox.endpoints[venue], self._sandbox.credentials[venue]
        if venue == "mexc":
            rest = RawMexc(self._http, urls["rest"], credentials, self._clock)
            key = json.loads((await rest.signed("POST", "/api/v3/userDataStream", {})).body)["listenKey"]
            return await self._http.ws_connect(f"{urls['ws']}?listenKey={key}", autoping=False)
        websocket = await self._http.ws_connect(urls["ws_spot" if self._name == "spot" else "ws_futures_usdt"])
        now = self._clock.time_ns() // 1_000_000_000
        channel = f"{self._name}.login"
        signature = trade_signature(credentials.secret, channel, "", str(now))
        login = {"api_key": credentials.key, "signature": signature, "timestamp": str(now), "req_id": "login"}
        await websocket.send_json({"time": now, "channel": channel, "event": "api", "payload": login})
        channel = f"{self._name}.orders"
        auth = {"method": "api_key", "KEY": credentials.key}
        auth["SIGN"] = stream_signature(credentials.secret, channel, "subscribe", str(now))
        payload = ["!all"] if self._name == "spot" else [str(credentials.uid), "!all"]
        await websocket.send_json(
            {"time": now, "channel": channel, "event": "subscribe", "payload": payload, "auth": auth}
        )
        return websocket


class Wire(asyncio.Protocol):
    """The other end of a connection that somebody writes nonsense to."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.ended = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    def abort(self) -> None:
        assert self._transport is not None
        self._transport.abort()
