"""Gate.io's public spot REST, one method an endpoint. https://www.gate.com/docs/developers/apiv4/en/."""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.constants.system_constants import NANOSECONDS
from cex.common.exceptions import ExchangeException
from cex.common.types.market import BookSnapshot, Trade
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.factory import http_transport, rest_options
from cex.exchanges.base.interfaces import BaseRestClient
from cex.exchanges.gateio.constants import (
    DEFAULT_DEPTH,
    EXCHANGE,
    MAX_DEPTH,
    MAX_TRADES,
    PROFILES,
    PUBLIC_LIMIT,
    PUBLIC_WINDOW_S,
)
from cex.exchanges.gateio.decode import NOT_DECODABLE, book_snapshot, instruments, parse, trade
from cex.exchanges.gateio.errors import RequestFacts, rejection
from cex.exchanges.gateio.symbols import new_catalogue
from cex.exchanges.gateio.wire import (
    error_decoder,
    order_book_decoder,
    server_time_decoder,
    trades_decoder,
)
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
    from cex.exchanges.gateio.config import GateioConfig
    from cex.networking import HttpTransport, Metrics, Tap

__all__ = ["GateioRestClient", "public_limiter"]

logger = logging.getLogger(__name__)

_TIME = "/spot/time"
_PAIRS = "/spot/currency_pairs"
_BOOK = "/spot/order_book"
_TRADES = "/spot/trades"
_REMAINING = "x-gate-ratelimit-requests-remain"
_RESET = "x-gate-ratelimit-reset-timestamp"
_ANSWERED_AT = "x-out-time"
_TOO_MANY = 429


def public_limiter(clock: Clock = SYSTEM_CLOCK, rng: random.Random | None = None) -> RateLimiter:
    """A budget for each public endpoint, as Gate.io counts them by address; share it between clients of one address."""
    return RateLimiter(
        [RatePool(path, PUBLIC_LIMIT, PUBLIC_WINDOW_S) for path in (_TIME, _PAIRS, _BOOK, _TRADES)], clock, rng
    )


class GateioRestClient(BaseRestClient):
    """Public spot endpoints of Gate.io; ``url`` includes the version, as in ``https://api.gateio.ws/api/v4``.

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
        self._clock = clock
        self._handed_over = transport if owns_transport else None
        self._client = RestClient(
            url,
            exchange=EXCHANGE,
            transport=transport,
            limiter=limiter or public_limiter(clock, rng),
            retry=retry or RetryPolicy(),
            timeouts=timeouts or Timeouts(),
            reject=_reject,
            feedback=_feedback,
            tap=tap,
            clock=clock,
            rng=rng,
            metrics=metrics,
        )

    @classmethod
    def from_config(cls, config: GateioConfig, *, tap: Tap | None = None) -> GateioRestClient:
        return cls(
            config.endpoint("rest"),
            transport=http_transport(config),
            owns_transport=True,
            tap=tap,
            **rest_options(config),
        )

    async def load_instruments(self) -> InstrumentCatalogue:
        """``GET /spot/currency_pairs``; a row that cannot be used is left out, counted and logged."""
        answer = await self._get(_PAIRS, "load_instruments")
        found, left_out = instruments(answer.body, self._clock.time_ns())
        if left_out:
            logger.warning(
                "%d of %d currency pairs left out, the first is %s",
                len(left_out),
                len(left_out) + len(found),
                left_out[0],
                extra={"exchange": EXCHANGE},
            )
        self.instruments.replace(found)
        return self.instruments

    async def server_time(self) -> int:
        """``GET /spot/time``, in nanoseconds; exact to a millisecond."""
        answer = await self._get(_TIME, "server_time")
        server_ns = parse(server_time_decoder, answer.body, _TIME).server_time * 1_000_000
        self._client.server_time.update(server_ns, answer.sent_ns, answer.received_ns)
        return server_ns

    @property
    def clock_offset_ns(self) -> int:
        """How far the exchange's clock is ahead of ours, by the answers of :meth:`server_time`; 0 before the first."""
        return self._client.server_time.offset_ns

    async def order_book_snapshot(self, symbol: str, depth: int | None = None, *, resync: bool = False) -> BookSnapshot:
        """``GET /spot/order_book`` with its update id; ``depth`` is 1 to 1000 (None: 100)."""
        limit = DEFAULT_DEPTH if depth is None else depth
        if not 1 <= limit <= MAX_DEPTH:
            raise ValueError(f"a book of {EXCHANGE} has a depth of 1 to {MAX_DEPTH}, not {limit}")
        listed = self.instruments[symbol]
        params = {"currency_pair": listed.exchange_symbol, "limit": str(limit), "with_id": "true"}
        priority = Priority.SNAPSHOT if resync else Priority.QUERY
        answer = await self._get(_BOOK, "order_book_snapshot", params, priority)
        return book_snapshot(
            parse(order_book_decoder, answer.body, _BOOK), listed.symbol, limit=limit, received_ns=answer.received_ns
        )

    async def recent_trades(self, symbol: str, limit: int = 100) -> list[Trade]:
        """``GET /spot/trades``, oldest first; ``limit`` is 1 to 1000."""
        if not 1 <= limit <= MAX_TRADES:
            raise ValueError(f"{EXCHANGE} gives 1 to {MAX_TRADES} recent trades, not {limit}")
        listed = self.instruments[symbol]
        params = {"currency_pair": listed.exchange_symbol, "limit": str(limit)}
        answer = await self._get(_TRADES, "recent_trades", params)
        rows = parse(trades_decoder, answer.body, _TRADES)
        return [trade(row, listed.symbol, answer.received_ns) for row in reversed(rows)]

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
            costs={path: 1},
            priority=priority,
        )
        return await self._client.request(request)


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
        is_read=request.method == "GET",
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
