"""The manners of Gate.io's sockets: acknowledgements, refusals by code, heartbeat, idle close and upgrade notice.

https://www.gate.com/docs/developers/apiv4/ws/en/
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from aiohttp import web

from cex.common.clock import Clock
from cex.common.correlation import new_correlation_id
from cex.sandbox.venues.connection import Connection, Frame, attend
from cex.sandbox.venues.feeds import Hub, StreamMaker
from cex.sandbox.venues.gateio.auth import Authenticator, Caller
from cex.sandbox.venues.gateio.gateway import wants_decimals
from cex.sandbox.venues.gateio.options import GateioOptions
from cex.sandbox.venues.gateio.order_api import OrderApi, Session
from cex.sandbox.venues.gateio.pools import PRIVATE_OTHER, exceeded
from cex.sandbox.venues.gateio.private import answer
from cex.sandbox.venues.gateio.pushes import PrivateFeed
from cex.sandbox.venues.gateio.refusals import Refused
from cex.sandbox.venues.gateio.streams import InvalidArgument, update

__all__ = ["GateioSocket"]

Makers = Callable[[str, Sequence[str], bool], dict[str, StreamMaker]]

_INVALID_REQUEST = 1
_INVALID_ARGUMENT = 2
_NOT_AUTHENTICATED = 4
_NOTHING = msgspec.Raw(b"null")
_UPGRADE = "The connection will soon be closed for a service upgrade. Please reconnect."


class _Auth(msgspec.Struct):
    method: str = ""
    KEY: str = ""
    SIGN: str = ""


class _Request(msgspec.Struct):
    channel: str
    time: int | float = 0
    id: int | str | None = None
    event: str = ""
    payload: msgspec.Raw = _NOTHING
    auth: _Auth | None = None


_requests = msgspec.json.Decoder(_Request)
_payloads = msgspec.json.Decoder(list[str] | None)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class GateioSocket:
    """One endpoint: ``market`` is how its channels begin (``spot``, ``futures``), ``makers`` makes their streams.

    ``guests`` counts the sockets of each address, on all endpoints of the venue.
    """

    def __init__(
        self,
        market: str,
        makers: Makers,
        hub: Hub,
        *,
        feed: PrivateFeed,
        order_api: OrderApi,
        guests: Counter[str],
        authenticator: Authenticator,
        options: GateioOptions,
        clock: Clock,
    ) -> None:
        self._market = market
        self._makers = makers
        self._hub = hub
        self._feed = feed
        self._order_api = order_api
        self._guests = guests
        self._authenticator = authenticator
        self._options = options
        self._clock = clock
        self._sessions: dict[Connection, Session] = {}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one client, unless its address has too many sockets open on this venue."""
        if self._guests[request.remote or ""] >= self._options.connections:
            return answer(exceeded(PRIVATE_OTHER).body, 429)

        def joined(connection: Connection) -> None:
            self._sessions[connection] = Session(connection, remote=request.remote, decimal=wants_decimals(request))
            self._guests[request.remote or ""] += 1
            self._hub.join(connection)

        return await attend(
            request, clock=self._clock, joined=joined, left=self._leave, on_text=self.on_text, answer_pings=True
        )

    def on_text(self, connection: Connection, text: str) -> None:
        """Answer one request."""
        session = self._sessions[connection]
        try:
            request = _requests.decode(text)
            if request.event == "api":
                self._order_api.on_request(session, request.channel, request.payload)
                return
            payload = _payloads.decode(request.payload) or []
        except _UNREADABLE:
            refusal = {"code": _INVALID_REQUEST, "message": "request message need json scheme"}
            self._send(connection, {"channel": "", "event": "", "error": refusal, "result": {"status": "fail"}})
            return
        if request.channel == f"{self._market}.ping":
            error = {"error": None} if self._market == "spot" else {}
            self._send(connection, {"channel": f"{self._market}.pong", "event": "", **error, "result": None})
            return
        try:
            welcome = self._follow(session, request, payload)
        except InvalidArgument as error:
            self._refuse(connection, request, payload, _INVALID_ARGUMENT, str(error))
        except Refused as refused:
            self._refuse(connection, request, payload, _NOT_AUTHENTICATED, str(refused))
        else:
            first = self._options.snapshot_before_ack and request.channel.endswith(".obu")
            if not first:
                self._acknowledge(connection, request, payload, {"result": {"status": "success"}})
            for frame in welcome:
                connection.push(frame)
            if first:
                self._acknowledge(connection, request, payload, {"result": {"status": "success"}})

    def announce_upgrade(self) -> None:
        """Tell every client that its connection will be closed soon."""
        channel = f"{self._market}.system"
        frame = update(channel, self._clock.time_ns() // 1_000_000, {"type": "upgrade", "msg": _UPGRADE})
        for connection in self._sessions:
            connection.push(frame)

    def close_overdue(self) -> None:
        """Hang up on connections that neither listen nor speak."""
        now, idle_ns = self._clock.monotonic_ns(), self._options.idle * 1e9
        for connection in list(self._sessions):
            if (
                now - max(connection.heard_ns, connection.idle_since_ns) > idle_ns
                and not self._hub.subscriptions.get(connection)
                and not self._feed.has(connection)
            ):
                connection.hang_up()

    def _leave(self, connection: Connection) -> None:
        session = self._sessions.pop(connection)
        self._guests[session.remote or ""] -= 1
        self._feed.leave(connection)
        self._hub.leave(connection)

    def _follow(self, session: Session, request: _Request, payload: Sequence[str]) -> list[Frame]:
        """Subscribe or unsubscribe; what a new subscriber gets before anything else."""
        if request.event not in ("subscribe", "unsubscribe"):
            raise InvalidArgument(f"unknown event {request.event}")
        connection = session.connection
        if request.channel.startswith(f"{self._market}.") and self._feed.offers(request.channel):
            self._follow_private(session, request, payload)
            return []
        makers = self._makers(request.channel, payload, session.decimal)
        if request.event == "unsubscribe":
            for key in makers:
                self._hub.unsubscribe(connection, key)
            return []
        once = request.channel.endswith(".obu") or self._options.repeated_subscribe == "refused"
        for key in makers:
            if once and key in self._hub.subscriptions[connection]:
                raise InvalidArgument(f"Alert sub {key.partition(':')[2]}")
        welcome: list[Frame] = []
        for key, make in makers.items():
            stream = self._hub.subscribe(connection, key, make)
            if stream.welcome is not None:
                welcome += stream.welcome(self._clock.time_ns() // 1_000_000)
        return welcome

    def _follow_private(self, session: Session, request: _Request, payload: Sequence[str]) -> None:
        caller = self._authenticate(session, request)
        if request.event == "unsubscribe":
            self._feed.unfollow(session.connection, request.channel, caller, payload)
            return
        new = self._feed.follow(session.connection, request.channel, caller, payload, decimal=session.decimal)
        if not new and self._options.repeated_subscribe == "refused":
            raise InvalidArgument(f"Alert sub {','.join(payload)}")

    def _authenticate(self, session: Session, request: _Request) -> Caller:
        auth = request.auth
        if auth is None or auth.method != "api_key" or not (auth.KEY and auth.SIGN):
            raise Refused(401, "INVALID_CREDENTIALS", "auth: method api_key, KEY and SIGN are required")
        return self._authenticator.channel(
            key=auth.KEY,
            signature=auth.SIGN,
            channel=request.channel,
            event=request.event,
            time=request.time,
            remote=session.remote,
        )

    def _refuse(
        self, connection: Connection, request: _Request, payload: Sequence[str], code: int, message: str
    ) -> None:
        outcome = {"error": {"code": code, "message": message}, "result": {"status": "fail"}}
        self._acknowledge(connection, request, payload, outcome)

    def _acknowledge(
        self, connection: Connection, request: _Request, payload: Sequence[str], outcome: dict[str, Any]
    ) -> None:
        body: dict[str, Any] = {} if request.id is None else {"id": request.id}
        body |= {"channel": request.channel, "event": request.event, "payload": payload}
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
