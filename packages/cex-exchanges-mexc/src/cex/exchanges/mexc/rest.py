"""MEXC's public spot REST, one method an endpoint. https://www.mexc.com/api-docs/spot-v3/market-data-endpoints."""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.exceptions import ExchangeException
from cex.common.types.market import BookSnapshot, Trade
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.factory import http_transport, rest_options
from cex.exchanges.base.interfaces import BaseRestClient
from cex.exchanges.mexc.constants import (
    DEFAULT_DEPTH,
    DEPTH_PATH,
    EXCHANGE,
    EXCHANGE_INFO_PATH,
    IP_POOL,
    IP_WEIGHT,
    IP_WINDOW_S,
    MAX_DEPTH,
    MAX_TRADES,
    PROFILES,
    REQUEST_LIMIT,
    REQUEST_POOL,
    REQUEST_WINDOW_S,
    TIME_PATH,
    TRADES_PATH,
    WEIGHTS,
)
from cex.exchanges.mexc.decode import NOT_DECODABLE, book_snapshot, instruments, parse, recent_trades
from cex.exchanges.mexc.errors import RequestFacts, is_success, rejection
from cex.exchanges.mexc.symbols import new_catalogue
from cex.exchanges.mexc.wire.rest import depth_decoder, error_decoder, server_time_decoder, trades_decoder
from cex.networking import (
    NO_METRICS,
    Priority,
    RateLimiter,
    RatePool,
    RestClient,
    RestRequest,
    RestResponse,
    RetryPolicy,
    Timeouts,
)
from cex.networking.rest.retry import retry_after_seconds

if TYPE_CHECKING:
    from cex.exchanges.mexc.config import MexcConfig
    from cex.networking import HttpTransport, Metrics, Tap

__all__ = ["MexcRestClient", "public_limiter"]

logger = logging.getLogger(__name__)

_LONGEST_REFUSAL = 2000
"""Bytes; an answer with status 200 that is longer is no refusal, and is not read twice."""


def public_limiter(clock: Clock = SYSTEM_CLOCK, rng: random.Random | None = None) -> RateLimiter:
    """The budgets of one address: weight, and the number of requests; share it between clients of one address."""
    return RateLimiter(
        [RatePool(IP_POOL, IP_WEIGHT, IP_WINDOW_S), RatePool(REQUEST_POOL, REQUEST_LIMIT, REQUEST_WINDOW_S)], clock, rng
    )


class MexcRestClient(BaseRestClient):
    """Public spot endpoints of MEXC; ``url`` is the host alone, as in ``https://api.mexc.com``.

    ``transport`` and ``limiter`` may be shared with other clients; a transport that is passed in is closed by whoever
    made it, unless ``owns_transport`` hands it over.
    """

    exchange = EXCHANGE

    def __init__(
        self,
        url: str = PROFILES["live"]["rest"],
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
    ) -> None:
        self.url = url
        self.instruments: InstrumentCatalogue = new_catalogue()
        self._handed_over = transport if owns_transport else None
        self._client = RestClient(
            url,
            exchange=EXCHANGE,
            transport=transport,
            limiter=limiter or public_limiter(clock, rng),
            retry=retry or RetryPolicy(),
            timeouts=timeouts or Timeouts(),
            reject=_reject,
            tap=tap,
            clock=clock,
            rng=rng,
            metrics=metrics,
        )

    @classmethod
    def from_config(cls, config: MexcConfig, *, tap: Tap | None = None) -> MexcRestClient:
        return cls(
            config.endpoint("rest"),
            transport=http_transport(config),
            owns_transport=True,
            tap=tap,
            **rest_options(config),
        )

    async def load_instruments(self) -> InstrumentCatalogue:
        """``GET /api/v3/exchangeInfo``; a row that cannot be used is left out, counted and logged."""
        answer = await self._get(EXCHANGE_INFO_PATH, "load_instruments")
        found, left_out = instruments(answer.body)
        if left_out:
            logger.warning(
                "%d of %d symbols left out, the first is %s",
                len(left_out),
                len(left_out) + len(found),
                left_out[0],
                extra={"exchange": EXCHANGE},
            )
        self.instruments.replace(found)
        return self.instruments

    async def server_time(self) -> int:
        """``GET /api/v3/time``, in nanoseconds; exact to a millisecond."""
        answer = await self._get(TIME_PATH, "server_time")
        server_ns = parse(server_time_decoder, answer.body, TIME_PATH).server_time * 1_000_000
        self._client.server_time.update(server_ns, answer.sent_ns, answer.received_ns)
        return server_ns

    async def order_book_snapshot(self, symbol: str, depth: int | None = None, *, resync: bool = False) -> BookSnapshot:
        """``GET /api/v3/depth``; ``depth`` is 1 to 2000 (None: 1000), more than which the server does not give."""
        limit = DEFAULT_DEPTH if depth is None else depth
        if not 1 <= limit <= MAX_DEPTH:
            raise ValueError(f"a book of {EXCHANGE} has a depth of 1 to {MAX_DEPTH}, not {limit}")
        listed = self.instruments[symbol]
        params = {"symbol": listed.exchange_symbol, "limit": str(limit)}
        priority = Priority.SNAPSHOT if resync else Priority.QUERY
        answer = await self._get(DEPTH_PATH, "order_book_snapshot", params, priority)
        return book_snapshot(
            parse(depth_decoder, answer.body, DEPTH_PATH), listed.symbol, limit=limit, received_ns=answer.received_ns
        )

    async def recent_trades(self, symbol: str, limit: int = 100) -> list[Trade]:
        """``GET /api/v3/trades``, oldest first; ``limit`` is 1 to 1000. They have no ids."""
        if not 1 <= limit <= MAX_TRADES:
            raise ValueError(f"{EXCHANGE} gives 1 to {MAX_TRADES} recent trades, not {limit}")
        listed = self.instruments[symbol]
        params = {"symbol": listed.exchange_symbol, "limit": str(limit)}
        answer = await self._get(TRADES_PATH, "recent_trades", params)
        return recent_trades(parse(trades_decoder, answer.body, TRADES_PATH), listed.symbol, answer.received_ns)

    async def aclose(self) -> None:
        await self._client.aclose()
        if self._handed_over is not None:
            await self._handed_over.aclose()

    async def _get(
        self,
        path: str,
        operation: str,
        params: Mapping[str, str] | None = None,
        priority: Priority = Priority.QUERY,
    ) -> RestResponse:
        request = RestRequest(
            method="GET",
            path=path,
            operation=operation,
            params=params or {},
            costs={IP_POOL: WEIGHTS[path], REQUEST_POOL: 1},
            priority=priority,
        )
        return await self._client.request(request)


def _reject(response: RestResponse) -> ExchangeException | None:
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
