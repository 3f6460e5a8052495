"""One request after another to Gate.io: its budgets, its refusals and its limit headers."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.constants.system_constants import NANOSECONDS
from cex.common.exceptions import ExchangeException
from cex.exchanges.gateio.constants import EXCHANGE, PUBLIC_LIMIT, PUBLIC_WINDOW_S
from cex.exchanges.gateio.decode.values import NOT_DECODABLE
from cex.exchanges.gateio.errors import RequestFacts, rejection
from cex.exchanges.gateio.wire.control import error_decoder
from cex.networking import (
    NO_METRICS,
    MeasureTime,
    Priority,
    RateLimiter,
    RatePool,
    RestClient,
    RestRequest,
    RestResponse,
    RetryPolicy,
    Timeouts,
)

if TYPE_CHECKING:
    from cex.networking import HttpTransport, Metrics, Signer, Tap

__all__ = ["PATHS", "Connection", "public_limiter"]

PATHS = (
    "/spot/time",
    "/spot/currency_pairs",
    "/spot/order_book",
    "/spot/trades",
    "/spot/tickers",
    "/spot/candlesticks",
    "/spot/currencies",
    "/wallet/currency_chains",
    "/futures/usdt/contracts",
    "/futures/usdt/contracts/{contract}",
    "/futures/usdt/order_book",
    "/futures/usdt/trades",
    "/futures/usdt/tickers",
    "/futures/usdt/candlesticks",
    "/futures/usdt/funding_rate",
)
"""The endpoints that are asked here; each has a budget of its own."""

_REMAINING = "x-gate-ratelimit-requests-remain"
_RESET = "x-gate-ratelimit-reset-timestamp"
_ANSWERED_AT = "x-out-time"
_TOO_MANY = 429
_CLOCK_MARGIN_S = 60
_JSON = {"Content-Type": "application/json"}
_WITH_BODY = ("POST", "PUT", "PATCH")


def public_limiter(clock: Clock = SYSTEM_CLOCK, rng: random.Random | None = None) -> RateLimiter:
    """A budget for each public endpoint, as Gate.io counts them by address; share it between clients of one address."""
    return RateLimiter([RatePool(path, PUBLIC_LIMIT, PUBLIC_WINDOW_S) for path in PATHS], clock, rng)


class Connection:
    """Asks the endpoints; ``url`` includes the version, as in ``https://api.gateio.ws/api/v4``.

    Only :meth:`call` signs, and only where there is a ``signer``; then ``measure_time`` learns the exchange's clock.
    """

    def __init__(
        self,
        url: str,
        *,
        transport: HttpTransport | None = None,
        owns_transport: bool = False,
        limiter: RateLimiter | None = None,
        retry: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
        tap: Tap | None = None,
        clock: Clock = SYSTEM_CLOCK,
        rng: random.Random | None = None,
        metrics: Metrics = NO_METRICS,
        signer: Signer | None = None,
        measure_time: MeasureTime | None = None,
    ) -> None:
        self._handed_over = transport if owns_transport else None
        self.limiter = public_limiter(clock, rng) if limiter is None else limiter
        self._client = RestClient(
            url,
            exchange=EXCHANGE,
            transport=transport,
            signer=signer,
            measure_time=measure_time,
            limiter=self.limiter,
            retry=retry or RetryPolicy(),
            timeouts=timeouts or Timeouts(),
            reject=_reject,
            feedback=_feedback,
            tap=tap,
            clock=clock,
            rng=rng,
            metrics=metrics,
        )
        self.server_time = self._client.server_time

    async def get(
        self,
        path: str,
        operation: str,
        params: Mapping[str, str] | None = None,
        *,
        pool: str | None = None,
        headers: Mapping[str, str] | None = None,
        priority: Priority = Priority.QUERY,
    ) -> RestResponse:
        """The answer of ``path``; ``pool`` names its budget where that is not the path itself."""
        budget = RatePool(pool or path, PUBLIC_LIMIT, PUBLIC_WINDOW_S)
        self.limiter.add(budget)
        request = RestRequest(
            method="GET",
            path=path,
            operation=operation,
            params=params or {},
            headers=headers or {},
            costs={budget.name: 1},
            priority=priority,
        )
        return await self._client.request(request)

    async def call(
        self,
        method: str,
        path: str,
        operation: str,
        costs: Mapping[str, int],
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        priority: Priority = Priority.QUERY,
        idempotent: bool | None = None,
        max_wait: float | None = None,
    ) -> RestResponse:
        """The answer to a signed request; ``body`` becomes JSON unless it is None, ``costs`` name pools by weight."""
        request = RestRequest(
            method=method,
            path=path,
            operation=operation,
            params=params or {},
            headers={**_JSON, **(headers or {})} if method in _WITH_BODY else headers or {},
            body=b"" if body is None else msgspec.json.encode(body),
            costs=costs,
            priority=priority,
            signed=True,
            idempotent=idempotent,
            max_wait=max_wait,
        )
        return await self._client.request(request)

    def until_s(self, end_ts: int | None = None) -> int:
        """The second that ends a range before ``end_ts``: not long after now, for there is nothing to be found."""
        now_s = self.server_time.now_ns() // NANOSECONDS + _CLOCK_MARGIN_S
        return now_s if end_ts is None else min(now_s, -(-end_ts // NANOSECONDS))

    async def aclose(self) -> None:
        await self._client.aclose()
        if self._handed_over is not None:
            await self._handed_over.aclose()


def _reject(response: RestResponse) -> ExchangeException | None:
    """The typed error for an answer that is none; a body that is not Gate.io's own (a proxy's page) has no label."""
    if 200 <= response.status < 300:
        return None
    request = response.request
    try:
        body = error_decoder.decode(response.body)
        label, message = body.label, body.message or body.detail
    except NOT_DECODABLE:
        label, message = None, response.body[:200].decode("utf-8", "backslashreplace")
    return rejection(
        status=response.status,
        label=label,
        message=message,
        is_read=request.repeatable,
        retry_after=_until_reset(response) if response.status == _TOO_MANY else None,
        facts=RequestFacts(
            correlation_id=response.correlation_id,
            operation=request.operation,
            endpoint=request.endpoint,
            attempt=response.attempt,
        ),
    )


def _feedback(response: RestResponse, limiter: RateLimiter) -> None:
    """Tell the limiter what the exchange says is left of its window."""
    remaining = _figure(response, _REMAINING)
    if remaining is None:
        return
    for pool in response.request.costs:
        limiter.feedback(pool, int(remaining), _until_reset(response))


def _until_reset(response: RestResponse) -> float | None:
    """Seconds until the window ends, by the exchange's own clock where it tells it; None where it does not say."""
    reset, answered = _figure(response, _RESET), _figure(response, _ANSWERED_AT)
    if reset is None:
        return None
    now = response.received_ns / NANOSECONDS if answered is None else answered / 1e6
    return reset - now if 0 < reset - now <= PUBLIC_WINDOW_S else None


def _figure(response: RestResponse, header: str) -> float | None:
    text = response.headers.get(header, "")
    return float(text) if text.isascii() and text.isdigit() else None
