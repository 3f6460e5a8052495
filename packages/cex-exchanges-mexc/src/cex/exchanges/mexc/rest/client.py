"""MEXC's public spot REST, one method an endpoint. https://www.mexc.com/api-docs/spot-v3/market-data-endpoints."""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.constants.system_constants import NANOSECONDS
from cex.common.enums import KlineInterval, MarketType
from cex.common.exceptions import ExchangeDataException
from cex.common.types.market import BookSnapshot, Kline, Ticker, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.factory import http_transport, rate_limiter, rest_options
from cex.exchanges.base.interfaces import BaseRestClient
from cex.exchanges.base.offers import not_offered
from cex.exchanges.mexc.constants import (
    AGGREGATED_TRADES_PATH,
    AGGREGATED_TRADES_S,
    ALL_TICKERS_WEIGHT,
    AVERAGE_PRICE_PATH,
    DEFAULT_DEPTH,
    DEPTH_PATH,
    EXCHANGE,
    KLINES_PATH,
    MAX_DEPTH,
    MAX_KLINES,
    MAX_TRADES,
    PROFILES,
    REST_KLINE_NAMES,
    TICKER_PATH,
    TRADES_PATH,
)
from cex.exchanges.mexc.decode.market import (
    aggregated_trades,
    book_snapshot,
    klines,
    recent_trades,
    ticker,
    tickers,
)
from cex.exchanges.mexc.decode.parsing import parse
from cex.exchanges.mexc.rest.connection import add_address_pools, public_limiter, reject
from cex.exchanges.mexc.rest.listing import load_listing, public_get, read_time
from cex.exchanges.mexc.symbols import new_catalogue
from cex.exchanges.mexc.wire.rest import (
    aggregated_trades_decoder,
    average_price_decoder,
    depth_decoder,
    klines_decoder,
    ticker_decoder,
    trades_decoder,
)
from cex.networking import (
    NO_METRICS,
    Priority,
    RateLimiter,
    RestClient,
    RestResponse,
    RetryPolicy,
    Timeouts,
)

if TYPE_CHECKING:
    from cex.exchanges.mexc.config import MexcConfig
    from cex.networking import HttpTransport, Metrics, Tap

__all__ = ["MexcRestClient"]

logger = logging.getLogger(__name__)


class MexcRestClient(BaseRestClient):
    """Public spot endpoints of MEXC; ``url`` is the host alone, as in ``https://api.mexc.com``.

    ``transport`` and ``limiter`` may be shared with other clients; a transport that is passed in is closed by whoever
    made it, unless ``owns_transport`` hands it over.
    """

    exchange = EXCHANGE
    kline_page = MAX_KLINES - 1
    """One less than an answer holds: whether the end of a range is included is not documented, so it is asked for."""

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
            reject=reject,
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
            limiter=add_address_pools(rate_limiter(config, "rest")),
            tap=tap,
            **rest_options(config),
        )

    async def load_instruments(self) -> InstrumentCatalogue:
        """``GET /api/v3/exchangeInfo``; a row that cannot be used is left out, counted and logged."""
        return await load_listing(self._client, self.instruments)

    async def server_time(self) -> int:
        """``GET /api/v3/time``, in nanoseconds; exact to a millisecond."""
        return await read_time(self._client)

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

    # ---- tickers ---------------------------------------------------------------------------------------------------

    async def ticker(self, symbol: str) -> Ticker:
        """``GET /api/v3/ticker/24hr``."""
        listed = self.instruments[symbol]
        answer = await self._get(TICKER_PATH, "ticker", {"symbol": listed.exchange_symbol})
        return ticker(parse(ticker_decoder, answer.body, TICKER_PATH), listed.symbol, answer.received_ns)

    async def all_tickers(self, market: MarketType | None = None) -> dict[Symbol, Ticker]:
        """``GET /api/v3/ticker/24hr`` without a symbol; a listed symbol that was never traded has no ticker."""
        if market not in (None, MarketType.SPOT):
            raise not_offered(EXCHANGE, f"tickers of {market}", (MarketType.SPOT,), operation="all_tickers")
        answer = await self._get(TICKER_PATH, "all_tickers", weight=ALL_TICKERS_WEIGHT)
        found, left_out = tickers(answer.body, self.instruments.by_native, answer.received_ns)
        if left_out:
            logger.info(
                "%d tickers left out, the first is %s", len(left_out), left_out[0], extra={"exchange": EXCHANGE}
            )
        return found

    async def average_price(self, symbol: str) -> float:
        """``GET /api/v3/avgPrice``: of the last five minutes."""
        params = {"symbol": self.instruments.native(symbol)}
        answer = await self._get(AVERAGE_PRICE_PATH, "average_price", params)
        return parse(average_price_decoder, answer.body, AVERAGE_PRICE_PATH).price

    async def aggregated_trades(self, symbol: str, start_ts: int, end_ts: int) -> list[Trade]:
        """``GET /api/v3/aggTrades``, as many requests as the range needs; oldest first, without ids.

        The exchange stamps whole seconds, so a part of a second at either end counts as the next one.

        Raises:
            ExchangeDataException: one second holds more trades than an answer.
        """
        listed = self.instruments[symbol]
        found: list[Trade] = []
        cursor, until = -(-start_ts // NANOSECONDS), -(-end_ts // NANOSECONDS)
        while cursor < until:
            part = min(cursor + AGGREGATED_TRADES_S, until)
            found += await self._aggregated(listed.symbol, listed.exchange_symbol, cursor, part)
            cursor = part
        return found

    async def _aggregated(self, symbol: Symbol, name: str, first_s: int, until_s: int) -> list[Trade]:
        """The aggregated trades of [first_s, until_s), in halves where one answer cannot hold them."""
        params = {
            "symbol": name,
            "startTime": str(first_s * 1000),
            "endTime": str(until_s * 1000 - 1),
            "limit": str(MAX_TRADES),
        }
        answer = await self._get(AGGREGATED_TRADES_PATH, "aggregated_trades", params)
        rows = parse(aggregated_trades_decoder, answer.body, AGGREGATED_TRADES_PATH)
        if len(rows) < MAX_TRADES:
            found = aggregated_trades(rows, symbol, answer.received_ns)
            return [trade for trade in found if first_s <= trade.exchange_ts // NANOSECONDS < until_s]
        middle = (first_s + until_s) // 2
        if middle == first_s:
            raise ExchangeDataException(
                f"{symbol} has {len(rows)} aggregated trades or more in one second, and one answer holds no more",
                EXCHANGE,
                channel=AGGREGATED_TRADES_PATH,
                operation="aggregated_trades",
            )
        return [
            *await self._aggregated(symbol, name, first_s, middle),
            *await self._aggregated(symbol, name, middle, until_s),
        ]

    # ---- candles ---------------------------------------------------------------------------------------------------

    def intervals(self, market: MarketType) -> tuple[KlineInterval, ...]:
        return tuple(REST_KLINE_NAMES) if market is MarketType.SPOT else ()

    async def recent_klines(self, symbol: str, interval: KlineInterval, limit: int = 100) -> list[Kline]:
        """``GET /api/v3/klines``; ``limit`` is 1 to 1000."""
        if not 1 <= limit <= MAX_KLINES:
            raise ValueError(f"{EXCHANGE} gives 1 to {MAX_KLINES} recent candles, not {limit}")
        return await self._klines(symbol, interval, {"limit": str(limit)}, "recent_klines")

    async def klines_page(self, symbol: str, interval: KlineInterval, start_ts: int, end_ts: int) -> list[Kline]:
        """``GET /api/v3/klines``, asked for with the candle at ``end_ts`` too."""
        params = {
            "startTime": str(start_ts // 1_000_000),
            "endTime": str(end_ts // 1_000_000),
            "limit": str(MAX_KLINES),
        }
        return await self._klines(symbol, interval, params, "klines")

    async def _klines(
        self, symbol: str, interval: KlineInterval, params: Mapping[str, str], operation: str
    ) -> list[Kline]:
        listed = self.instruments[symbol]
        self.require_interval(interval, listed.symbol.market_type, operation)
        if self._client.server_time.uncertainty_ns is None:
            await self.server_time()  # whether a candle is closed is a question of the exchange's clock
        asked = {"symbol": listed.exchange_symbol, "interval": REST_KLINE_NAMES[interval], **params}
        answer = await self._get(KLINES_PATH, operation, asked)
        rows = parse(klines_decoder, answer.body, KLINES_PATH)
        asked_ns = answer.sent_ns + self._client.server_time.offset_ns
        return klines(rows, listed.symbol, interval, now_ns=asked_ns, received_ns=answer.received_ns)

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
        weight: int | None = None,
    ) -> RestResponse:
        request = public_get(path, operation, params, priority, weight)
        return await self._client.request(request)
