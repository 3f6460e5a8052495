"""The manners of Gate.io's sockets: acknowledgements, refusals by code, heartbeat and idle close.

https://www.gate.com/docs/developers/apiv4/ws/en/
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
from aiohttp import web

from cex.common.clock import Clock
from cex.common.correlation import new_correlation_id
from cex.sandbox.venues.connection import Connection, Frame, attend
from cex.sandbox.venues.feeds import Hub, StreamMaker
from cex.sandbox.venues.gateio.gateway import wants_decimals
from cex.sandbox.venues.gateio.options import GateioOptions
from cex.sandbox.venues.gateio.streams import InvalidArgument

__all__ = ["GateioSocket"]

Makers = Callable[[str, Sequence[str], bool], dict[str, StreamMaker]]

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
    """One endpoint: ``market`` is how its channels begin (``spot``, ``futures``), ``makers`` makes their streams."""

    def __init__(self, market: str, makers: Makers, hub: Hub, *, options: GateioOptions, clock: Clock) -> None:
        self._market = market
        self._makers = makers
        self._hub = hub
        self._options = options
        self._clock = clock

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one client."""
        return await attend(
            request,
            clock=self._clock,
            joined=self._hub.join,
            left=self._hub.leave,
            on_text=partial(self.on_text, decimal=wants_decimals(request)),
            answer_pings=True,
        )

    def on_text(self, connection: Connection, text: str, *, decimal: bool = False) -> None:
        """Answer one request; ``decimal`` is how the client wants sizes to be spelled."""
        try:
            request = _requests.decode(text)
        except (msgspec.DecodeError, msgspec.ValidationError):
            refusal = {"code": _INVALID_REQUEST, "message": "request message need json scheme"}
            self._send(connection, {"channel": "", "event": "", "error": refusal, "result": {"status": "fail"}})
            return
        if request.channel == f"{self._market}.ping":
            error = {"error": None} if self._market == "spot" else {}
            self._send(connection, {"channel": f"{self._market}.pong", "event": "", **error, "result": None})
            return
        try:
            welcome = self._follow(connection, request, decimal)
        except InvalidArgument as error:
            refusal = {"code": _INVALID_ARGUMENT, "message": str(error)}
            self._acknowledge(connection, request, {"error": refusal, "result": {"status": "fail"}})
        else:
            first = self._options.snapshot_before_ack and request.channel.endswith(".obu")
            if not first:
                self._acknowledge(connection, request, {"result": {"status": "success"}})
            for frame in welcome:
                connection.push(frame)
            if first:
                self._acknowledge(connection, request, {"result": {"status": "success"}})

    def close_overdue(self) -> None:
        """Hang up on connections that neither listen nor speak."""
        now, idle_ns = self._clock.monotonic_ns(), self._options.idle * 1e9
        for connection, subscriptions in self._hub.subscriptions.items():
            if not subscriptions and now - max(connection.heard_ns, connection.idle_since_ns) > idle_ns:
                connection.hang_up()

    def _follow(self, connection: Connection, request: _Request, decimal: bool) -> list[Frame]:
        """Subscribe or unsubscribe; what a new subscriber gets before anything else."""
        if request.event not in ("subscribe", "unsubscribe"):
            raise InvalidArgument(f"unknown event {request.event}")
        makers = self._makers(request.channel, request.payload or (), decimal)
        if request.event == "unsubscribe":
            for key in makers:
                self._hub.unsubscribe(connection, key)
            return []
        for key in makers:
            if request.channel.endswith(".obu") and key in self._hub.subscriptions[connection]:
                raise InvalidArgument(f"Alert sub {key.partition(':')[2]}")
        welcome: list[Frame] = []
        for key, make in makers.items():
            stream = self._hub.subscribe(connection, key, make)
            if stream.welcome is not None:
                welcome += stream.welcome(self._clock.time_ns() // 1_000_000)
        return welcome

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
