"""What every REST answer of Gate.io passes through: the endpoint's budget, refusals in its words, the usual headers.

https://www.gate.com/docs/developers/apiv4/en/#frequency-limit-rule
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from aiohttp import web

from cex.common.clock import Clock
from cex.common.correlation import new_correlation_id
from cex.sandbox.market.intervals import Interval
from cex.sandbox.venues.gateio.options import GateioOptions
from cex.sandbox.venues.limits import Allowance, FixedWindows

__all__ = ["PREFIX", "Gateway", "Refused", "answer", "invalid", "number", "positive", "span", "wants_decimals"]

PREFIX = "/api/v4"
_LATEST = 1 << 40

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Refused(Exception):
    """An answer that says no: HTTP status, label, and a message where the exchange gives one."""

    def __init__(self, status: int, label: str, message: str = "") -> None:
        super().__init__(message or label)
        self.status = status
        self.label = label
        self.message = message


class Gateway:
    """The middleware of the venue's one REST host."""

    def __init__(self, options: GateioOptions, clock: Clock) -> None:
        self._clock = clock
        self.limits = FixedWindows(options.requests, options.window, clock=clock)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Charge the endpoint's budget for the caller's IP; put refusals in Gate.io's words; add the usual headers."""
        if "Upgrade" in request.headers:
            return await handler(request)
        arrived_us = self._clock.time_ns() // 1000
        resource = request.match_info.route.resource
        endpoint = resource.canonical if resource is not None else "unknown"
        allowance = self.limits.spend(f"{request.remote} {endpoint}")
        try:
            if not allowance.granted:
                reason = 311 if "/futures/" in endpoint else 211
                raise Refused(429, "TOO_MANY_REQUESTS", f"Request Rate limit Exceeded ({reason})")
            reply = await handler(request)
        except Refused as refused:
            words = {"label": refused.label}
            reply = answer(words | {"message": refused.message} if refused.message else words, refused.status)
        except web.HTTPNotFound:
            reply = answer({"label": "NOT_FOUND", "message": "The requested resource was not found"}, 404)
        except web.HTTPMethodNotAllowed as error:
            message = f"Method {error.method} is not allowed"
            reply = answer({"label": "METHOD_NOT_ALLOWED", "message": message}, 405)
        self._add_headers(reply, arrived_us, allowance)
        return reply

    def _add_headers(self, reply: web.StreamResponse, arrived_us: int, allowance: Allowance) -> None:
        now_us = self._clock.time_ns() // 1000
        reset_at = now_us // 1_000_000
        if not allowance.granted:
            reset_at = math.ceil(now_us / 1e6 + allowance.reset_after_s)
        reply.headers["X-In-Time"] = str(arrived_us)
        reply.headers["X-Out-Time"] = str(now_us)
        reply.headers["X-Gate-Trace-Id"] = new_correlation_id() + new_correlation_id()
        reply.headers["X-Gate-RateLimit-Requests-Remain"] = str(allowance.remaining)
        reply.headers["X-Gate-RateLimit-Limit"] = str(self.limits.capacity)
        reply.headers["X-Gate-RateLimit-Reset-Timestamp"] = str(reset_at)


def wants_decimals(request: web.Request) -> bool:
    """Whether sizes are to be text with decimals."""
    return request.headers.get("X-Gate-Size-Decimal") == "1"


def answer(body: object, status: int = 200) -> web.Response:
    """A body of JSON."""
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")


def invalid(name: str, value: str) -> Refused:
    """The refusal of one parameter's value."""
    return Refused(400, "INVALID_PARAM_VALUE", f"Invalid parameter `{name}` with value: {value}")


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
