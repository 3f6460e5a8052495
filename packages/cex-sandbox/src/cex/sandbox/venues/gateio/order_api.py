"""Orders over the WebSocket: a login for each connection, then requests by channel; placing answers twice.

To add methods: write ``def handler(call: Call) -> object`` as for REST (``req_param`` is the body), list
``Method("futures.order_place", handler, FUTURES_PLACE, acknowledged=True)``, and hand the list to the market's
:class:`OrderApi`. https://www.gate.com/docs/developers/apiv4/ws/en/#websocket-api
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from cex.common.clock import Clock
from cex.common.correlation import new_correlation_id
from cex.sandbox.venues.connection import Connection
from cex.sandbox.venues.feeds import Hub
from cex.sandbox.venues.gateio.auth import Access, Authenticator, Caller
from cex.sandbox.venues.gateio.gateway import expired
from cex.sandbox.venues.gateio.options import GateioOptions
from cex.sandbox.venues.gateio.pools import Pool, Pools, Spent
from cex.sandbox.venues.gateio.private import Call, Handler
from cex.sandbox.venues.gateio.refusals import Refused

__all__ = ["Method", "OrderApi", "Session"]

_NOTHING = msgspec.Raw(b"null")
_TOO_MANY = 429


class Session:
    """One client of a socket: where it calls from, how it wants sizes, and who it is once it has logged in."""

    def __init__(self, connection: Connection, *, remote: str | None, decimal: bool) -> None:
        self.connection = connection
        self.remote = remote
        self.decimal = decimal
        self.caller: Caller | None = None


class Method(NamedTuple):
    """A channel of the order API. ``acknowledged`` ones answer twice: first that they came, then what became of them.

    A ``timed`` one refuses requests that come after their ``x-gate-exptime``. The header of one that
    ``tells_budget`` says what is left of it.
    """

    channel: str
    handler: Handler
    pool: Pool
    access: Access = Access.WRITE
    acknowledged: bool = False
    timed: bool = True
    tells_budget: bool = False


class _Payload(msgspec.Struct):
    req_id: str = ""
    api_key: str = ""
    signature: str = ""
    timestamp: str = ""
    req_param: msgspec.Raw = _NOTHING
    req_header: dict[str, str] | None = None
    header: dict[str, str] | None = None


_payloads = msgspec.json.Decoder(_Payload)


class OrderApi:
    """The order API of one market (``spot`` or ``futures``)."""

    def __init__(
        self,
        market: str,
        methods: Iterable[Method],
        hub: Hub,
        *,
        authenticator: Authenticator,
        pools: Pools,
        options: GateioOptions,
        clock: Clock,
    ) -> None:
        self._market = market
        self._methods = {method.channel: method for method in methods}
        self._hub = hub
        self._authenticator = authenticator
        self._pools = pools
        self._options = options
        self._clock = clock

    def on_request(self, session: Session, channel: str, payload: msgspec.Raw) -> None:
        """Answer one ``event: "api"`` message."""
        arrived_us = self._clock.time_ns() // 1000
        reply = _Reply(session, channel, arrived_us, self._hub, self._clock, market=self._market)
        try:
            asked = _payloads.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            reply.refused(Refused(400, "INVALID_ARGUMENT", f"{_operation(channel)} request params error"))
            return
        reply.request_id = asked.req_id
        try:
            if channel == f"{self._market}.login":
                self._login(session, asked, reply)
            else:
                self._call(session, asked, reply)
        except Refused as refused:
            reply.refused(refused)

    def _login(self, session: Session, asked: _Payload, reply: _Reply) -> None:
        if not (asked.api_key and asked.signature and asked.timestamp):
            raise Refused(400, "INVALID_ARGUMENT", "Login request params error")
        session.caller = self._authenticator.login(
            key=asked.api_key,
            signature=asked.signature,
            channel=reply.channel,
            req_param=bytes(asked.req_param).decode(),
            timestamp=asked.timestamp,
            remote=session.remote,
        )
        reply.final({"api_key": asked.api_key, "uid": str(session.caller.uid)})

    def _call(self, session: Session, asked: _Payload, reply: _Reply) -> None:
        method = self._methods.get(reply.channel)
        if method is None:
            raise Refused(400, "INVALID_ARGUMENT", f"Unknown channel {reply.channel}")
        if session.caller is None:
            raise Refused(401, self._options.not_logged_in, "Please login first")
        self._authenticator.permit(session.caller, method.access, self._market)
        headers: Mapping[str, str] = {**(asked.header or {}), **(asked.req_header or {})}
        call = Call(
            session.caller,
            pool=method.pool,
            pools=self._pools,
            endpoint=method.channel,
            body=asked.req_param,
            headers=headers,
            channel="ws",
            decimal=session.decimal,
        )
        reply.call, reply.tells_budget = call, method.tells_budget
        if method.timed:
            expired({name.lower(): value for name, value in headers.items()}, self._clock)
        if method.acknowledged:
            call.on_charged = lambda: reply.acknowledge(asked)
        try:
            if method.pool.by != "pair":
                call.charge()
            result = method.handler(call)
        except Refused as refused:
            if method.acknowledged and refused.status != _TOO_MANY:
                reply.acknowledge(asked)
            raise
        reply.final(result)


class _Reply:
    """The answers to one request, in their envelope."""

    def __init__(self, session: Session, channel: str, arrived_us: int, hub: Hub, clock: Clock, *, market: str) -> None:
        self.channel = channel
        self.request_id = ""
        self.call: Call | None = None
        self._session = session
        self._arrived_us = arrived_us
        self._hub = hub
        self._clock = clock
        self._spot = market == "spot"
        self._acknowledged = False
        self.tells_budget = False

    def acknowledge(self, asked: _Payload) -> None:
        """The first of two answers, the request itself; once. What exceeds a budget is not acknowledged."""
        if self._acknowledged:
            return
        self._acknowledged = True
        result: dict[str, Any] = {"req_id": asked.req_id}
        if self._spot:
            result |= {"api_key": "", "timestamp": "", "signature": "", "req_header": asked.req_header}
        result["req_param"] = asked.req_param
        self._send({"ack": True}, 200, {"result": result})

    def final(self, result: object) -> None:
        self._send(self._last(), 200, {"result": result})

    def refused(self, refused: Refused) -> None:
        message = refused.message or refused.label
        errors = {"label": refused.label, "message": message}
        self._send(self._last(), refused.status, {"errs": errors})

    def _last(self) -> dict[str, Any]:
        return {"ack": False} if self._acknowledged and not self._spot else {}

    def _send(self, first: Mapping[str, Any], status: int, data: Mapping[str, Any]) -> None:
        now_us = self._clock.time_ns() // 1000
        connection = self._session.connection
        header: dict[str, Any] = {
            "response_time": str(now_us // 1000),
            "status": str(status),
            "channel": self.channel,
            "event": "api",
            "client_id": f"{self._session.remote}-0x{int(connection.id, 16) & 0xFFFFFFFFFF:x}",
            "x_in_time": self._arrived_us,
            "x_out_time": now_us,
            "conn_id": connection.id,
            "conn_trace_id": connection.id * 2,
            "trace_id": new_correlation_id() + new_correlation_id(),
        }
        spent = None if self.call is None else self.call.spent
        if spent is not None and self.tells_budget:
            header |= self._budget(spent, now_us // 1000, status)
        frame = {"request_id": self.request_id, **first, "header": header, "data": data}
        self._hub.tell(connection, msgspec.json.encode(frame).decode(), kind="ack")

    def _budget(self, spent: Spent, now_ms: int, status: int) -> dict[str, int]:
        """What is left of the budget: nothing is not told, and the time of the reset is misspelled as documented."""
        allowance = spent.allowance
        reset_at = now_ms if allowance.granted else now_ms + round(allowance.reset_after_s * 1000)
        left = {"x_gate_ratelimit_requests_remain": allowance.remaining} if allowance.remaining else {}
        name = "x_gat_ratelimit_reset_timestamp" if self._spot and status == 200 else "x_gate_ratelimit_reset_timestamp"
        return {**left, "x_gate_ratelimit_limit": spent.capacity, name: reset_at}


def _operation(channel: str) -> str:
    """``spot.order_place`` is the operation ``OrderPlace``."""
    return "".join(word.capitalize() for word in channel.partition(".")[2].split("_"))
