"""Gate.io's public REST as one client: a symbol's market decides which endpoints are asked."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Collection
from typing import TYPE_CHECKING

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.constants.system_constants import NANOSECONDS
from cex.common.enums import KlineInterval, MarketType
from cex.common.types.instruments import Instrument
from cex.common.types.market import BookSnapshot, FundingRate, Kline, Ticker, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.factory import http_transport, rate_limiter, rest_options
from cex.exchanges.base.interfaces import BaseRestClient
from cex.exchanges.base.klines import KlineProgress, page_klines
from cex.exchanges.base.offers import not_offered
from cex.exchanges.gateio.constants import EXCHANGE, MARKETS, MAX_KLINES, PROFILES
from cex.exchanges.gateio.rest.connection import Connection
from cex.exchanges.gateio.rest.futures import FuturesRest
from cex.exchanges.gateio.rest.listing import load_instruments
from cex.exchanges.gateio.rest.market import MarketRest, bounded
from cex.exchanges.gateio.rest.spot import SpotRest
from cex.exchanges.gateio.symbols import new_catalogue
from cex.networking import NO_METRICS, RateLimiter, RetryPolicy, Timeouts

if TYPE_CHECKING:
    from cex.exchanges.gateio.config import GateioConfig
    from cex.networking import HttpTransport, Metrics, Tap

__all__ = ["GateioRestClient"]


class GateioRestClient(BaseRestClient):
    """Public endpoints of Gate.io; ``url`` includes the version, as in ``https://api.gateio.ws/api/v4``.

    ``markets`` are those whose instruments are listed: SPOT, and FUTURES for perpetuals that settle in USDT.
    ``transport`` and ``limiter`` may be shared with other clients; a transport that is passed in is closed by whoever
    made it, unless ``owns_transport`` hands it over.
    """

    exchange = EXCHANGE
    kline_page = MAX_KLINES

    def __init__(
        self,
        url: str = PROFILES["live"]["rest"],
        *,
        markets: Collection[MarketType] = MARKETS,
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
        self._connection = Connection(
            url,
            transport=transport,
            owns_transport=owns_transport,
            limiter=limiter,
            retry=retry,
            timeouts=timeouts,
            tap=tap,
            clock=clock,
            rng=rng,
            metrics=metrics,
        )
        self._spot = SpotRest(self._connection, self.instruments, clock)
        self._futures = FuturesRest(self._connection, self.instruments)
        every: dict[MarketType, MarketRest] = {MarketType.SPOT: self._spot, MarketType.FUTURES: self._futures}
        self._markets = {market: rest for market, rest in every.items() if market in markets}

    @classmethod
    def from_config(cls, config: GateioConfig, *, tap: Tap | None = None) -> GateioRestClient:
        return cls(
            config.endpoint("rest"),
            markets=config.served_markets(),
            transport=http_transport(config),
            owns_transport=True,
            limiter=rate_limiter(config, "rest"),
            tap=tap,
            **rest_options(config),
        )

    async def load_instruments(self) -> InstrumentCatalogue:
        """``GET /spot/currency_pairs`` and ``GET /futures/usdt/contracts``, as far as these markets are served.

        A row that cannot be used is left out, counted and logged.
        """
        return await load_instruments(self.instruments, self._markets.values())

    async def server_time(self) -> int:
        """``GET /spot/time``, in nanoseconds; exact to a millisecond. There is one clock for all markets."""
        return await self._spot.server_time()

    @property
    def clock_offset_ns(self) -> int:
        """How far the exchange's clock is ahead of ours, by the answers of :meth:`server_time`; 0 before the first."""
        return self._connection.server_time.offset_ns

    async def order_book_snapshot(self, symbol: str, depth: int | None = None, *, resync: bool = False) -> BookSnapshot:
        """The book with its update id; ``depth`` is 1 to 1000, of a perpetual 1 to 300 (None: 100)."""
        listed, rest = self._asked(symbol)
        return await rest.order_book(listed, depth, resync=resync)

    async def recent_trades(self, symbol: str, limit: int = 100) -> list[Trade]:
        """The newest trades, oldest first; ``limit`` is 1 to 1000."""
        listed, rest = self._asked(symbol)
        return await rest.trades(listed, limit)

    async def aclose(self) -> None:
        await self._connection.aclose()

    # ---- tickers ---------------------------------------------------------------------------------------------------

    async def ticker(self, symbol: str) -> Ticker:
        listed, rest = self._asked(symbol)
        return await rest.ticker(listed)

    async def all_tickers(self, market: MarketType | None = None) -> dict[Symbol, Ticker]:
        """One request a market; rows of what is not listed are left out."""
        if market is None:
            return {
                symbol: ticker for rest in self._markets.values() for symbol, ticker in (await rest.tickers()).items()
            }
        rest = self._markets.get(market)
        if rest is None:
            raise not_offered(EXCHANGE, f"tickers of {market} markets", tuple(self._markets), operation="all_tickers")
        return await rest.tickers()

    # ---- candles ---------------------------------------------------------------------------------------------------

    def intervals(self, market: MarketType) -> tuple[KlineInterval, ...]:
        rest = self._markets.get(market)
        return tuple(rest.intervals) if rest else ()

    async def recent_klines(self, symbol: str, interval: KlineInterval, limit: int = 100) -> list[Kline]:
        """``limit`` is 1 to 1000, of a perpetual 1 to 2000."""
        listed, rest = self._asked(symbol)
        self.require_interval(interval, listed.symbol.market_type, "recent_klines")
        asked = {"limit": bounded(limit, rest.kline_page, "recent candles")}
        return await rest.klines(listed, interval, asked, "recent_klines")

    async def klines_page(self, symbol: str, interval: KlineInterval, start_ts: int, end_ts: int) -> list[Kline]:
        listed, rest = self._asked(symbol)
        self.require_interval(interval, listed.symbol.market_type)
        asked = {"from": str(start_ts // NANOSECONDS), "to": str(end_ts // NANOSECONDS - 1)}
        return await rest.klines(listed, interval, asked, "klines")

    def klines(
        self,
        symbol: str,
        interval: KlineInterval,
        start_ts: int,
        end_ts: int,
        *,
        on_progress: KlineProgress | None = None,
    ) -> AsyncGenerator[Kline, None]:
        """As told by the interface; a page has 1000 candles, of a perpetual 2000."""
        _, rest = self._asked(symbol)

        async def page(first_ts: int, until_ts: int) -> list[Kline]:
            return await self.klines_page(symbol, interval, first_ts, until_ts)

        return page_klines(
            page,
            interval,
            start_ts,
            end_ts,
            page_size=rest.kline_page,
            exchange=EXCHANGE,
            on_progress=on_progress,
        )

    # ---- perpetuals ------------------------------------------------------------------------------------------------

    async def funding_rate(self, symbol: str) -> FundingRate:
        """``GET /futures/usdt/contracts/{contract}``: the rate of the running period and when it is settled."""
        return await self._futures.funding_rate(self._perpetual(symbol, "funding_rate"))

    async def funding_history(self, symbol: str, start_ts: int, end_ts: int) -> list[FundingRate]:
        """``GET /futures/usdt/funding_rate``; a range that begins more than 180 days ago is refused by the exchange.

        The list does not say how long the periods were: ``interval_s`` is 0.
        """
        return await self._futures.funding_history(self._perpetual(symbol, "funding_history"), start_ts, end_ts)

    # ---- inside ----------------------------------------------------------------------------------------------------

    def _asked(self, symbol: str) -> tuple[Instrument, MarketRest]:
        listed = self.instruments[symbol]
        return listed, self._markets[listed.symbol.market_type]

    def _perpetual(self, symbol: str, operation: str) -> Instrument:
        listed = self.instruments[symbol]
        if listed.symbol.market_type is not MarketType.FUTURES:
            raise not_offered(EXCHANGE, f"funding rates of {listed.symbol}, which is no perpetual", operation=operation)
        return listed
