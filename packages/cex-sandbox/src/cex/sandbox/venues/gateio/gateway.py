"""What every REST answer of Gate.io passes through: the endpoint's budget, refusals in its words, the usual headers.

https://www.gate.com/docs/developers/apiv4/en/#frequency-limit-rule
"""

from __future__ import annotations

import functools
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping

from aiohttp import web

from cex.common.clock import Clock
from cex.common.correlation import new_correlation_id
from cex.sandbox.market.intervals import Interval
from cex.sandbox.venues.gateio.auth import Authenticator
from cex.sandbox.venues.gateio.options import GateioOptions
from cex.sandbox.venues.gateio.pools import Pools, Spent
from cex.sandbox.venues.gateio.private import Call, Endpoint, answer
from cex.sandbox.venues.gateio.refusals import Refused, invalid
from cex.sandbox.venues.limits import Allowance, FixedWindows

__all__ = [
    "PREFIX",
    "Gateway",
    "Refused",
    "answer",
    "expired",
    "invalid",
    "number",
    "positive",
    "refusal",
    "span",
    "wants_decimals",
]

PREFIX = "/api/v4"
_LATEST = 1 << 40
_SPENT: web.RequestKey[Spent] = web.RequestKey("spent", Spent)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Gateway:
    """The middleware of the venue's one REST host, and the door to its signed endpoints."""

    def __init__(self, options: GateioOptions, clock: Clock, *, authenticator: Authenticator, pools: Pools) -> None:
        self._clock = clock
        self._authenticator = authenticator
        self._pools = pools
        self._private: set[tuple[str, str]] = set()
        self.limits = FixedWindows(options.requests, options.window, clock=clock)

    def private(self, endpoints: Iterable[Endpoint]) -> list[web.RouteDef]:
        """The routes of signed endpoints: authenticated, charged to the account's pools, then handled."""
        routes = []
        for endpoint in endpoints:
            path = PREFIX + endpoint.path
            self._private.add((endpoint.method, path))
            routes.append(web.route(endpoint.method, path, functools.partial(self._serve, endpoint)))
        return routes

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Charge the endpoint's budget for the caller's IP; put refusals in Gate.io's words; add the usual headers.

        A signed endpoint charges the account instead.
        """
        if "Upgrade" in request.headers:
            return await handler(request)
        arrived_us = self._clock.time_ns() // 1000
        resource = request.match_info.route.resource
        endpoint = resource.canonical if resource is not None else "unknown"
        reply: web.StreamResponse
        try:
            if (request.method, endpoint) not in self._private:
                request[_SPENT] = Spent(self.limits.spend(f"{request.remote} {endpoint}"), self.limits.capacity)
                if not request[_SPENT].allowance.granted:
                    reason = 311 if "/futures/" in endpoint else 211
                    raise Refused(429, "TOO_MANY_REQUESTS", f"Request Rate limit Exceeded ({reason})")
            reply = await handler(request)
        except Refused as refused:
            reply = answer(refused.body, refused.status)
        except web.HTTPNotFound:
            reply = answer({"label": "NOT_FOUND", "message": "The requested resource was not found"}, 404)
        except web.HTTPMethodNotAllowed as error:
            message = f"Method {error.method} is not allowed"
            reply = answer({"label": "METHOD_NOT_ALLOWED", "message": message}, 405)
        except web.HTTPBadRequest:
            reply = answer({"label": "BAD_REQUEST", "message": "Bad request"}, 400)
        except web.HTTPRequestEntityTooLarge:
            reply = answer({"label": "INVALID_REQUEST_BODY", "message": "Request body is too large"}, 400)
        spent = request.get(_SPENT) or Spent(Allowance(True, self.limits.capacity, 0.0), self.limits.capacity)
        self._add_headers(reply, arrived_us, spent)
        return reply

    async def _serve(self, endpoint: Endpoint, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        caller = self._authenticator.rest(request, body, endpoint.needs, endpoint.scope)
        call = Call(
            caller,
            pool=endpoint.pool,
            pools=self._pools,
            endpoint=f"{endpoint.method} {endpoint.path}",
            body=body,
            query=request.query,
            path=request.match_info,
            headers=request.headers,
            decimal=wants_decimals(request),
        )
        try:
            if endpoint.pool.by != "pair":
                call.charge()
            if endpoint.timed:
                expired(request.headers, self._clock)
            return answer(endpoint.handler(call), endpoint.status, call.reply_headers)
        finally:
            request[_SPENT] = call.spent or self._pools.peek(endpoint.pool, caller.uid)

    def _add_headers(self, reply: web.StreamResponse, arrived_us: int, spent: Spent) -> None:
        now_us = self._clock.time_ns() // 1000
        allowance = spent.allowance
        reset_at = now_us // 1_000_000
        if not allowance.granted:
            reset_at = math.ceil(now_us / 1e6 + allowance.reset_after_s)
        reply.headers["X-In-Time"] = str(arrived_us)
        reply.headers["X-Out-Time"] = str(now_us)
        reply.headers["X-Gate-Trace-Id"] = new_correlation_id() + new_correlation_id()
        reply.headers["X-Gate-RateLimit-Requests-Remain"] = str(allowance.remaining)
        reply.headers["X-Gate-RateLimit-Limit"] = str(spent.capacity)
        reply.headers["X-Gate-RateLimit-Reset-Timestamp"] = str(reset_at)


_REFUSALS: Mapping[str, Refused] = {
    "rate_limited": Refused(429, "TOO_MANY_REQUESTS", "Request Rate limit Exceeded (211)"),
    "banned": Refused(403, "FORBIDDEN", "Your IP has been temporarily blocked"),
    "forbidden": Refused(403, "FORBIDDEN", "Access denied"),
    "unavailable": Refused(503, "TOO_BUSY", "System is busy, please try again later"),
    "maintenance": Refused(503, "SERVER_ERROR", "System maintenance"),
    "gateway_timeout": Refused(504, "SERVER_ERROR", "Gateway timeout"),
}


def refusal(kind: str, retry_after: float | None = None) -> web.Response:
    """The answer with which the venue turns a request away before it looks at it.

    Raises:
        KeyError: no such kind.
    """
    refused = _REFUSALS[kind]
    headers = None if retry_after is None else {"Retry-After": str(math.ceil(retry_after))}
    return answer(refused.body, refused.status, headers)


def expired(headers: Mapping[str, str], clock: Clock) -> None:
    """Refuse what comes after its ``X-Gate-Exptime`` (ms).

    Raises:
        Refused: REQUEST_EXPIRED, or the header is not a time.
    """
    text = headers.get("X-Gate-Exptime", headers.get("x-gate-exptime", ""))
    if not text:
        return
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise invalid("x-gate-exptime", text)
    now_ms = clock.time_ns() // 1_000_000
    if now_ms > int(text):
        raise Refused(403, "REQUEST_EXPIRED", f"request expired: x-gate-exptime {text}, server time {now_ms}")


def wants_decimals(request: web.Request) -> bool:
    """Whether sizes are to be text with decimals."""
    return request.headers.get("X-Gate-Size-Decimal") == "1"


def number(request: web.Request, name: str, *, default: int, most: int, least: int = 1) -> int:
    """An integer of the query between ``least`` and ``most``."""
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20) or not least <= int(text) <= most:
        raise invalid(name, text)
    return int(text)


def positive(request: web.Request, name: str) -> int | None:
    """A time of the query in seconds, None when it is not asked for."""
    return number(request, name, default=0, most=_LATEST, least=0) if name in request.query else None


def span(
    request: web.Request, spellings: Mapping[str, Interval], *, default: str, now_s: int, most: int
) -> tuple[Interval, int, int]:
    """Interval, first start and end (excluded, seconds) of the candles that are asked for.

    ``spellings`` are the interval names that are known here.
    """
    name = request.query.get("interval", default)
    if name not in spellings:
        raise invalid("interval", name)
    interval = spellings[name]
    start, end = positive(request, "from"), positive(request, "to")
    if start is None and end is None:
        limit = number(request, "limit", default=100, most=most)
        return interval, interval.back(interval.start_of(now_s), limit - 1), now_s + 1
    if "limit" in request.query:
        raise Refused(400, "INVALID_PARAM_VALUE", "limit conflicts with from and to")
    last = interval.start_of(now_s if end is None else min(end, now_s))
    if start is None:
        return interval, interval.back(last, 99), last + 1
    if interval.back(last, most) >= start:
        message = f"Candlestick range too broad. Maximum {most} data points are allowed per request"
        raise Refused(400, "INVALID_PARAM_VALUE", message)
    return interval, start, last + 1
