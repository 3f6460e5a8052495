"""What all REST clients of MEXC share: the budgets of an address, and what a refusal means."""

from __future__ import annotations

import random
from typing import Final

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.exceptions import ExchangeException
from cex.exchanges.mexc.constants import (
    ACCOUNT_POOL,
    BATCH_POOL,
    IP_POOL,
    IP_WEIGHT,
    IP_WINDOW_S,
    ORDER_LIMIT,
    ORDER_POOL,
    ORDER_WINDOW_S,
    REQUEST_LIMIT,
    REQUEST_POOL,
    REQUEST_WINDOW_S,
    SLOW_LIMIT,
    SLOW_WINDOW_S,
    UID_POOL,
    UID_WEIGHT,
    UID_WINDOW_S,
)
from cex.exchanges.mexc.decode.parsing import NOT_DECODABLE
from cex.exchanges.mexc.errors import RequestFacts, is_success, rejection
from cex.exchanges.mexc.wire.rest import error_decoder
from cex.networking import RateLimiter, RatePool, RestResponse
from cex.networking.rest.retry import retry_after_seconds

__all__ = ["account_limiter", "account_pool", "add_account_pools", "add_address_pools", "public_limiter", "reject"]

_LONGEST_REFUSAL = 2000
"""Bytes; an answer with status 200 that is longer is no refusal, and is not read twice."""


_ADDRESS_POOLS: Final = (
    RatePool(IP_POOL, IP_WEIGHT, IP_WINDOW_S, reserved=IP_WEIGHT // 10),
    RatePool(REQUEST_POOL, REQUEST_LIMIT, REQUEST_WINDOW_S, reserved=REQUEST_LIMIT // 5),
)


def public_limiter(clock: Clock = SYSTEM_CLOCK, rng: random.Random | None = None) -> RateLimiter:
    """The budgets of one address: weight, and the number of requests; share it between clients of one address."""
    return RateLimiter(_ADDRESS_POOLS, clock, rng)


def account_limiter(
    scope: str = "account", clock: Clock = SYSTEM_CLOCK, rng: random.Random | None = None
) -> RateLimiter:
    """The budgets of one address and of one account there."""
    return add_account_pools(RateLimiter((), clock, rng), scope)


def add_address_pools(limiter: RateLimiter) -> RateLimiter:
    """The same budgets in a limiter that others use too."""
    for pool in _ADDRESS_POOLS:
        limiter.add(pool)
    return limiter


def add_account_pools(limiter: RateLimiter, scope: str) -> RateLimiter:
    """The budgets of the address and, under names with ``scope`` in them, those of one account."""
    add_address_pools(limiter)
    for name, capacity, window_s in (
        (UID_POOL, UID_WEIGHT, UID_WINDOW_S),
        (ORDER_POOL, ORDER_LIMIT, ORDER_WINDOW_S),
        (BATCH_POOL, SLOW_LIMIT, SLOW_WINDOW_S),
        (ACCOUNT_POOL, SLOW_LIMIT, SLOW_WINDOW_S),
    ):
        limiter.add(RatePool(account_pool(name, scope), capacity, window_s))
    return limiter


def account_pool(name: str, scope: str) -> str:
    """What the pool ``name`` of one account is called in a limiter that several accounts share."""
    return f"{name}:{scope}"


def reject(response: RestResponse) -> ExchangeException | None:
    """The typed error for a refusal: any status but 2xx, and a code that says so under 200."""
    is_ok = 200 <= response.status < 300
    if is_ok and len(response.body) > _LONGEST_REFUSAL:
        return None
    is_page = False
    code: int | str | None = None
    message = ""
    try:
        body = error_decoder.decode(response.body)
        code, message = body.code, body.msg or ""
    except NOT_DECODABLE:
        is_page = response.body.lstrip()[:1] not in (b"{", b"")
    if is_ok and is_success(code):
        return None
    request = response.request
    return rejection(
        status=response.status,
        code=code,
        message=message,
        is_page=is_page,
        is_read=request.method == "GET",
        retry_after=retry_after_seconds(response.headers.get("retry-after"), response.received_ns),
        facts=RequestFacts(
            correlation_id=response.correlation_id,
            operation=request.operation,
            endpoint=request.endpoint,
            attempt=response.attempt,
        ),
    )
