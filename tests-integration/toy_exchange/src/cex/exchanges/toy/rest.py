"""Toy's public REST, one method an endpoint."""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.exceptions import ExchangeException
from cex.common.types.market import BookSnapshot, FundingRate, Trade
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.factory import http_transport, rest_options
from cex.exchanges.base.interfaces import BaseRestClient
from cex.exchanges.toy.constants import (
    BOOK_LEVELS,
    EXCHANGE,
    MAX_TRADES,
    PROFILES,
    PUBLIC_LIMIT,
    PUBLIC_POOL,
    PUBLIC_WINDOW_S,
)
from cex.exchanges.toy.decode import NOT_DECODABLE, book_snapshot, funding_rate, instruments, parse, trade
from cex.exchanges.toy.errors import RequestFacts, rejection
from cex.exchanges.toy.symbols import new_catalogue
from cex.exchanges.toy.wire import book_decoder, error_decoder, funding_decoder, server_time_decoder, trades_decoder
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

if TYPE_CHECKING:
    from cex.exchanges.toy.config import ToyConfig
    from cex.networking import HttpTransport, Metrics, Tap

__all__ = ["ToyRestClient"]

logger = logging.getLogger(__name__)

_MS = 1_000_000


class ToyRestClient(BaseRestClient):
    """Public endpoints of Toy.

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
        self.instruments: InstrumentCatalogue = new_catalogue()
        self._handed_over = transport if owns_transport else None
        self._client = RestClient(
            url,
            exchange=EXCHANGE,
            transport=transport,
            limiter=limiter or RateLimiter([RatePool(PUBLIC_POOL, PUBLIC_LIMIT, PUBLIC_WINDOW_S)], clock, rng),
            retry=retry or RetryPolicy(),
            timeouts=timeouts or Timeouts(),
            reject=_reject,
            tap=tap,
            clock=clock,
            rng=rng,
            metrics=metrics,
        )

    @classmethod
    def from_config(cls, config: ToyConfig, *, tap: Tap | None = None) -> ToyRestClient:
        return cls(
            config.endpoint("rest"),
            transport=http_transport(config),
            owns_transport=True,
            tap=tap,
            **rest_options(config),
        )

    async def load_instruments(self) -> InstrumentCatalogue:
        """``GET /instruments``; a row that cannot be used is left out and logged."""
        answer = await self._get("/instruments", "load_instruments")
        found, left_out = instruments(answer.body)
        if left_out:
            logger.warning("instruments left out: %s", left_out, extra={"exchange": EXCHANGE})
        self.instruments.replace(found)
        return self.instruments

    async def server_time(self) -> int:
        """``GET /time``, in nanoseconds; exact to a millisecond."""
        answer = await self._get("/time", "server_time")
        server_ns = parse(server_time_decoder, answer.body, "/time").ms * _MS
        self._client.server_time.update(server_ns, answer.sent_ns, answer.received_ns)
        return server_ns

    async def order_book_snapshot(self, symbol: str, depth: int | None = None, *, resync: bool = False) -> BookSnapshot:
        """``GET /book`` with its update id; ``depth`` None: as many levels as the stream keeps."""
        limit = BOOK_LEVELS if depth is None else depth
        listed = self.instruments[symbol]
        priority = Priority.SNAPSHOT if resync else Priority.QUERY
        params = {"name": listed.exchange_symbol, "depth": str(limit)}
        answer = await self._get("/book", "order_book_snapshot", params, priority)
        book = parse(book_decoder, answer.body, "/book")
        return book_snapshot(book, listed, limit=limit, received_ns=answer.received_ns)

    async def recent_trades(self, symbol: str, limit: int = 100) -> list[Trade]:
        """``GET /trades``, oldest first."""
        listed = self.instruments[symbol]
        params = {"name": listed.exchange_symbol, "limit": str(min(limit, MAX_TRADES))}
        answer = await self._get("/trades", "recent_trades", params)
        return [trade(row, listed, answer.received_ns) for row in parse(trades_decoder, answer.body, "/trades")]

    async def funding_rate(self, symbol: str) -> FundingRate:
        """``GET /funding``; only a perpetual has one."""
        listed = self.instruments[symbol]
        answer = await self._get("/funding", "funding_rate", {"name": listed.exchange_symbol})
        return funding_rate(parse(funding_decoder, answer.body, "/funding"), listed, answer.received_ns)

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
            costs={PUBLIC_POOL: 1},
            priority=priority,
        )
        return await self._client.request(request)


def _reject(response: RestResponse) -> ExchangeException | None:
    """The typed error for an answer that is none; a body that is not the exchange's own has no code."""
    if 200 <= response.status < 300:
        return None
    request = response.request
    try:
        body = error_decoder.decode(response.body)
        code, message = body.code, body.message
    except NOT_DECODABLE:
        code, message = None, response.body[:200].decode("utf-8", "backslashreplace")
    return rejection(
        status=response.status,
        code=code,
        message=message,
        is_read=request.method == "GET",
        facts=RequestFacts(
            correlation_id=response.correlation_id,
            operation=request.operation,
            endpoint=request.endpoint,
            attempt=response.attempt,
        ),
    )
