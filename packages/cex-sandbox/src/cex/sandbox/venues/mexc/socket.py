"""The manners of MEXC's spot socket: acknowledgements that say code 0 whatever happened, caps and idle closes.

https://www.mexc.com/api-docs/spot-v3/websocket-market-streams
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from aiohttp import web

from cex.common.clock import Clock
from cex.sandbox.market.simulation import MarketBook
from cex.sandbox.venues.connection import Connection, attend
from cex.sandbox.venues.feeds import Hub
from cex.sandbox.venues.mexc.errors import Refused
from cex.sandbox.venues.mexc.options import MexcOptions
from cex.sandbox.venues.mexc.pushes import CHANNELS
from cex.sandbox.venues.mexc.streams import stream_maker
from cex.sandbox.venues.mexc.user_data import UserData

__all__ = ["MexcSocket"]


class _Request(msgspec.Struct):
    method: str
    params: list[str] | None = None
    id: int = 0


_requests = msgspec.json.Decoder(_Request)


class MexcSocket:
    """The endpoint ``/ws``. ``books`` is keyed by MEXC's own symbols."""

    def __init__(
        self,
        books: Mapping[str, MarketBook],
        hub: Hub,
        user_data: UserData,
        *,
        options: MexcOptions,
        clock: Clock,
        tick: float,
    ) -> None:
        self._books = books
        self._hub = hub
        self._user_data = user_data
        self._options = options
        self._clock = clock
        self._tick_ms = tick * 1000

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one client; with a listen key it may hear of an account, too."""
        listen_key = request.query.get("listenKey")
        admitted = listen_key is None or self._user_data.admits(listen_key)
        if not admitted and self._options.unknown_listen_key == "refuse":
            no = Refused(400, "730708", "listen key information error")
            return web.Response(body=msgspec.json.encode(no.body()), status=no.status, content_type="application/json")

        def joined(connection: Connection) -> None:
            self._hub.join(connection)
            if not admitted:
                connection.close(1000)
            elif listen_key is not None:
                self._user_data.join(connection, listen_key)

        def left(connection: Connection) -> None:
            self._user_data.leave(connection)
            self._hub.leave(connection)

        return await attend(
            request,
            clock=self._clock,
            joined=joined,
            left=left,
            on_text=self.on_text,
            answer_pings=self._options.answer_pings,
        )

    def on_text(self, connection: Connection, text: str) -> None:
        """Answer one control message."""
        try:
            request = _requests.decode(text)
        except (msgspec.DecodeError, msgspec.ValidationError):
            _answer(connection, 0, "msg format invalid")
            return
        method = request.method.upper()
        if method == "PING":
            _answer(connection, request.id, "PONG")
        elif method == "SUBSCRIPTION" and request.params:
            _answer(connection, request.id, self._subscribe(connection, request.params))
        elif method == "UNSUBSCRIPTION" and request.params:
            for channel in request.params:
                self._unsubscribe(connection, channel)
            _answer(connection, request.id, ",".join(request.params))
        else:
            _answer(connection, request.id, "msg format invalid")

    def close_overdue(self) -> None:
        """Hang up on connections without a subscription, without data and pings, or past their lifetime."""
        self._user_data.close_overdue()
        now, options = self._clock.monotonic_ns(), self._options
        for connection, subscriptions in self._hub.subscriptions.items():
            if now - connection.opened_ns > options.lifetime * 1e9:
                connection.close(1000)
            elif not subscriptions:
                if now - connection.idle_since_ns > options.idle_without_subscription * 1e9:
                    connection.hang_up()
            elif now - max(connection.heard_ns, connection.pushed_ns) > options.idle_without_data * 1e9:
                connection.hang_up()

    def _unsubscribe(self, connection: Connection, channel: str) -> None:
        if channel in CHANNELS:
            self._user_data.unsubscribe(connection, channel)
        else:
            self._hub.unsubscribe(connection, channel)

    def _subscribe(self, connection: Connection, channels: list[str]) -> str:
        accepted, refused = [], []
        for channel in channels:
            make = stream_maker(channel, self._books, self._tick_ms)
            if make is None and not self._user_data.may_hear(connection, channel):
                refused.append(channel)
                continue
            accepted.append(channel)
            if len(self._hub.subscriptions[connection]) < self._options.max_subscriptions:
                if make is None:
                    self._user_data.subscribe(connection, channel)
                else:
                    self._hub.subscribe(connection, channel, make)
        if not refused:
            return ",".join(accepted)
        blocked = f"Not Subscribed successfully! [{','.join(refused)}]."
        if not accepted:
            return f"{blocked}  Reason： Blocked! "
        return f"Subscribed successful! [{','.join(accepted)}]. {blocked} Reason： Blocked! "


def _answer(connection: Connection, request_id: int, message: str) -> None:
    connection.push(msgspec.json.encode({"id": request_id, "code": 0, "msg": message}).decode())
