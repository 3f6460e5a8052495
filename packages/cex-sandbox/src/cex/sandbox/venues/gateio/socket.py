"""The manners of Gate.io's spot socket: acknowledgements, refusals by code, heartbeat and idle close.

https://www.gate.com/docs/developers/apiv4/ws/en/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from cex.common.clock import Clock
from cex.common.correlation import new_correlation_id
from cex.sandbox.market.simulation import MarketBook
from cex.sandbox.venues.connection import Connection, attend
from cex.sandbox.venues.feeds import Hub
from cex.sandbox.venues.gateio.options import GateioOptions
from cex.sandbox.venues.gateio.streams import InvalidArgument, stream_makers

__all__ = ["GateioSocket"]

_INVALID_REQUEST = 1
_INVALID_ARGUMENT = 2


class _Request(msgspec.Struct):
    channel: str
    time: int | float = 0
    id: int | None = None
    event: str = ""
    payload: list[str] | None = None


_requests = msgspec.json.Decoder(_Request)


class GateioSocket:
    """The endpoint ``/ws/v4/``. ``books`` is keyed by Gate.io's own pairs."""

    def __init__(
        self, books: Mapping[str, MarketBook], hub: Hub, *, options: GateioOptions, clock: Clock, tick: float
    ) -> None:
        self._books = books
        self._hub = hub
        self._options = options
        self._clock = clock
        self._tick_ms = tick * 1000

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one client."""
        return await attend(
            request,
            clock=self._clock,
            joined=self._hub.join,
            left=self._hub.leave,
            on_text=self.on_text,
            answer_pings=True,
        )

    def on_text(self, connection: Connection, text: str) -> None:
        """Answer one request."""
        try:
            request = _requests.decode(text)
        except (msgspec.DecodeError, msgspec.ValidationError):
            refusal = {"code": _INVALID_REQUEST, "message": "request message need json scheme"}
            self._send(connection, {"channel": "", "event": "", "error": refusal, "result": {"status": "fail"}})
            return
        if request.channel == "spot.ping":
            self._send(connection, {"channel": "spot.pong", "event": "", "error": None, "result": None})
            return
        try:
            self._follow(connection, request)
        except InvalidArgument as error:
            refusal = {"code": _INVALID_ARGUMENT, "message": str(error)}
            self._acknowledge(connection, request, {"error": refusal, "result": {"status": "fail"}})
        else:
            self._acknowledge(connection, request, {"result": {"status": "success"}})

    def close_overdue(self) -> None:
        """Hang up on connections that neither listen nor speak."""
        now, idle_ns = self._clock.monotonic_ns(), self._options.idle * 1e9
        for connection, subscriptions in self._hub.subscriptions.items():
            if not subscriptions and now - max(connection.heard_ns, connection.idle_since_ns) > idle_ns:
                connection.hang_up()

    def _follow(self, connection: Connection, request: _Request) -> None:
        if request.event not in ("subscribe", "unsubscribe"):
            raise InvalidArgument(f"unknown event {request.event}")
        makers = stream_makers(request.channel, request.payload or (), self._books, self._tick_ms)
        for key, make in makers.items():
            if request.event == "subscribe":
                self._hub.subscribe(connection, key, make)
            else:
                self._hub.unsubscribe(connection, key)

    def _acknowledge(self, connection: Connection, request: _Request, outcome: dict[str, Any]) -> None:
        body: dict[str, Any] = {} if request.id is None else {"id": request.id}
        body |= {"channel": request.channel, "event": request.event, "payload": request.payload or []}
        self._send(connection, body | outcome)

    def _send(self, connection: Connection, body: dict[str, Any]) -> None:
        now_ms = self._clock.time_ns() // 1_000_000
        envelope = {
            "time": now_ms // 1000,
            "time_ms": now_ms,
            "conn_id": connection.id,
            "trace_id": new_correlation_id() + new_correlation_id(),
        }
        connection.push(msgspec.json.encode(envelope | body).decode())
