"""Faults of requests: around everything else that a venue does with one, REST and WebSocket handshakes alike."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext

from aiohttp import web

from cex.sandbox.faults import mangle
from cex.sandbox.faults.kinds import Scope
from cex.sandbox.faults.names import concerns
from cex.sandbox.faults.races import Races
from cex.sandbox.faults.rules import Rule
from cex.sandbox.market.lag import looking_back
from cex.sandbox.market.simulation import Market

__all__ = ["Requests"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Refusal = Callable[[str, float | None], web.Response]

_REFUSED = {
    "rate_limited": "rate_limited",
    "banned": "banned",
    "forbidden": "forbidden",
    "maintenance": "maintenance",
    "server_error": "unavailable",
    "listen_key_renewal_fails": "unavailable",
}
_LONGEST_SILENCE = 3600.0


class Requests:
    """The outermost middleware of one venue, but for the journal and the control API."""

    def __init__(
        self,
        market: Market,
        rules: Callable[[], Sequence[Rule]],
        struck: Callable[[Rule, str], None],
        refusal: Refusal,
        races: Races,
    ) -> None:
        self._market = market
        self._rules = rules
        self._struck = struck
        self._refusal = refusal
        self._races = races

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request through, or what the faults make of it."""
        rules = self._rules()
        if not rules:
            return await handler(request)
        scope = Scope.HANDSHAKE if "Upgrade" in request.headers else Scope.REST
        hits = [rule for rule in rules if rule.kind.scope is scope and await self._hits(rule, request)]
        if not hits:
            return await handler(request)
        for rule in hits:
            refused = await self._before(rule, request)
            if refused is not None:
                return refused
        fills = self._races.fills
        back = max((rule.number("seconds") for rule in hits if rule.fault.kind == "stale_snapshot"), default=0.0)
        with looking_back(round(back / self._market.tick)) if back else nullcontext():
            answer = await handler(request)
        for rule in hits:
            answer = await self._after(rule, request, answer, fills)
        return answer

    async def _hits(self, rule: Rule, request: web.Request) -> bool:
        if not rule.covers_request(request.method, request.path):
            return False
        if rule.fault.symbol is not None and not await concerns(request, rule.fault.symbol):
            return False
        if not rule.hits():
            return False
        self._struck(rule, f"{request.method} {request.path}")
        return True

    async def _before(self, rule: Rule, request: web.Request) -> web.StreamResponse | None:
        name = rule.fault.kind
        if name in _REFUSED:
            retry_after = rule.fault.parameters.get("retry_after")
            answer = self._refusal(_REFUSED[name], float(retry_after) if retry_after is not None else None)
            if "status" in rule.fault.parameters:
                answer.set_status(int(rule.number("status")))
            return answer
        if name == "handshake_refused":
            return web.Response(status=int(rule.number("status")))
        if name == "request_lost":
            return await _lost(request, rule.text("how"))
        if name == "request_late":
            await asyncio.sleep(rule.number("seconds"))
        elif name == "cancel_races_fill":
            await self._races.let_fill(request, rule.number("seconds"), force=bool(rule.fault.parameters["force"]))
        return None

    async def _after(
        self, rule: Rule, request: web.Request, answer: web.StreamResponse, fills: int
    ) -> web.StreamResponse:
        name = rule.fault.kind
        if name == "answer_lost":
            return await _lost(request, rule.text("how"))
        if name == "answer_late":
            await asyncio.sleep(rule.number("seconds"))
        elif name == "fill_before_ack":
            await self._races.wait(fills, rule.number("seconds"))
        elif name == "lying_limits":
            _lie(rule, answer)
        elif name == "slow_answer":
            return await _slowly(request, answer, rule.number("rate"))
        elif name == "truncated_answer":
            return await _truncated(request, answer)
        elif isinstance(answer, web.Response) and isinstance(answer.body, bytes):
            body = _changed(rule, answer.body)
            if body is not None:
                answer.body = body
        return answer


def _changed(rule: Rule, body: bytes) -> bytes | None:
    match rule.fault.kind:
        case "empty_snapshot":
            return mangle.emptied_body(body, rule.text("side"))
        case "crossed_snapshot":
            return mangle.crossed_body(body)
        case "malformed_answer":
            broken = mangle.garbage(rule.rng, body.decode("utf-8", "replace"))
            return broken.encode() if isinstance(broken, str) else broken
        case "oversized_answer":
            return body + b" " * max(0, int(rule.number("size")) - len(body))
        case _:
            return None


def _lie(rule: Rule, answer: web.StreamResponse) -> None:
    """Figures in every header of a limit that the venue sends; a venue that sends none is left alone."""
    reset_in = rule.number("reset_in")
    for name in list(answer.headers):
        lower = name.lower()
        if "ratelimit" not in lower.replace("-", ""):
            continue
        if "remain" in lower:
            answer.headers[name] = str(int(rule.number("remaining")))
        elif "reset" in lower:
            answer.headers[name] = str(int(float(answer.headers[name]) + reset_in))
        elif rule.fault.parameters["limit"] is not None:
            answer.headers[name] = str(int(rule.number("limit")))


async def _lost(request: web.Request, how: str) -> web.StreamResponse:
    """No answer: by an aborted connection, or by silence until the client goes."""
    if how == "hang":
        await _gone(request)
    if request.transport is not None:
        request.transport.abort()
    # Nobody reads it; aiohttp wants an answer from a handler.
    return web.Response(status=500)


async def _gone(request: web.Request) -> None:
    """Return when the client has closed the connection."""
    waited = 0.0
    while request.transport is not None and not request.transport.is_closing() and waited < _LONGEST_SILENCE:
        await asyncio.sleep(0.05)
        waited += 0.05


async def _truncated(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    body = answer.body if isinstance(answer, web.Response) and isinstance(answer.body, bytes) else b""
    cut = web.StreamResponse(status=answer.status, headers=answer.headers)
    cut.content_length = len(body)
    await cut.prepare(request)
    await cut.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return cut


async def _slowly(request: web.Request, answer: web.StreamResponse, rate: float) -> web.StreamResponse:
    body = answer.body if isinstance(answer, web.Response) and isinstance(answer.body, bytes) else b""
    slow = web.StreamResponse(status=answer.status, headers=answer.headers)
    slow.content_length = len(body)
    await slow.prepare(request)
    size = max(1, int(rate / 20))
    for start in range(0, len(body), size):
        await asyncio.sleep(size / rate)
        await slow.write(body[start : start + size])
    return slow
